//! `ping` and `ping6` beside iputils 20221126.

use crate::compare::Aside::Rest;
use crate::compare::{Exception, Row, pair, prepare, same};

/// The path's MTU is told to the socket that found it out, not to those after it.
const MTU_FORGOTTEN: &str = "the board's ICMP sockets do not keep a path's MTU";

/// What is compared.
pub const ROWS: &[Row] = &[
    same("ping -c 2 -i 0.2 192.168.77.1"),
    same("ping -c 2 -i 0.2 -q 192.168.77.1"),
    same("ping -c 1 192.168.88.9"),
    same("ping -c 1 -s 1000 192.168.88.9"),
    same("ping -c 1 -s 4000 192.168.88.9"),
    same("ping -c 1 -s 0 192.168.77.1"),
    same("ping -c 1 -s 7 192.168.77.1"),
    same("ping -c 1 -p ff 192.168.77.1"),
    same("ping -c 1 -O 192.168.77.1"),
    same("ping -c 1 127.0.0.1"),
    pair("ping -c 1 192.168.77.42", "ping -c 1 192.168.77.60"),
    // Refused on the way.
    same("ping -c 1 -t 1 192.168.88.9"),
    same("ping -c 1 10.1.0.9"),
    same("ping -c 1 10.2.0.9"),
    same("ping -c 1 10.3.0.9"),
    same("ping -c 1 -W 1 10.4.0.9"),
    // Once with the redirect, and then by the way it showed.
    same("ping -c 1 10.99.0.9"),
    same("ping -c 1 -M do -s 1473 192.168.77.1"),
    same("ping -c 2 -i 0.2 -M do -s 1400 192.168.88.9").except(&[Exception {
        real: r"ping: local error: message too long, mtu=1400",
        ours: r"From 192\.168\.77\.1 icmp_seq=2 Frag needed and DF set \(mtu = 1400\)",
        why: MTU_FORGOTTEN,
    }]),
    // Nobody there.
    same("ping -c 3 192.168.77.99"),
    same("ping -c 1 192.168.77.255"),
    // Names.
    same("ping -c 1 nosuch.lab"),
    same("ping -c 1 256.1.1.1"),
    same("ping -c 1 gate.lab"),
    same("ping -c 1 -n gate.lab"),
    same("ping -c 1 way.lab").except(&[Exception {
        real: r"(?:PING|---) gate\.lab .*",
        ours: r"(?:PING|---) way\.lab .*",
        why: "the board names the host as the user did, and not what the name is an alias for",
    }]),
    // Of a name with both kinds of addresses the real one takes the IPv6 one, as the C library
    // sorts them; ours the IPv4 one, of which more of the tour speaks.
    pair("ping6 -c 1 far.lab", "ping -c 1 far.lab"),
    same("ping -c 1 -6 far.lab"),
    // Wrong use.
    same("ping"),
    same("ping -c 0 192.168.77.1"),
    same("ping -c x 192.168.77.1"),
    same("ping -s -1 192.168.77.1"),
    same("ping -c 1 -t 256 192.168.77.1"),
    same("ping -M nonsense 192.168.77.1"),
    // What follows lists the options, of which we have fewer.
    same("ping -Z 192.168.77.1").aside(&[Rest]),
    same("ping -c").aside(&[Rest]),
    // IPv6.
    prepare("ping6 -c 1 fd00:88::9", "ping6 -c 1 fd00:88::9"),
    same("ping6 -c 2 -i 0.2 fd00:77::1"),
    same("ping6 -c 1 fe80::5054:ff:feba:5efe%eth0"),
    same("ping6 -c 1 fe80::5054:ff:feba:5efe%eth1"),
    same("ping6 -c 1 fd00:88::9"),
    same("ping6 -c 1 -t 1 fd00:88::9"),
    same("ping6 -c 1 -M do -s 1400 fd00:88::9"),
    same("ping6 -c 1 fd00:99::9"),
    same("ping6 -c 1 fd00:77::99"),
    same("ping6 -c 1 far.lab"),
    same("ping6 -c 1 nosuch.lab"),
    same("ping6 -c 1 ::1"),
];
