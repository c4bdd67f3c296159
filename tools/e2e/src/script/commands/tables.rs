//! `arp`, `ifconfig`, `netstat`, `route` and `ip` beside net-tools 2.10, busybox and iproute2 6.1.

use crate::compare::Aside::{Counters, Order, Rest};
use crate::compare::{Exception, Row, pair, prepare, same};

/// Routers advertise for a time.
const NO_LIFETIME: &str = "the board does not show how long an advertised route will last";
/// What the kernel of Linux remarks, and nobody else has.
const REMARKS: &str =
    "marks of the kernel of Linux: temporary addresses, its table of own addresses";

/// The address made of an advertised prefix.
const PREFIX: &[Exception] = &[Exception {
    real: r"    inet6 fd00:77::\S+ scope global dynamic mngtmpaddr ",
    ours: r"    inet6 fd00:77::\S+ scope global ",
    why: REMARKS,
}];

/// Routes of IPv6 as net-tools print them.
const ROUTES_V6: &[Exception] = &[
    Exception {
        real: r"(?:fd00:77::|fe80::)/64 .*|::/0 +fe80::.*",
        ours: r"(?:fd00:77::|fe80::)/64 .*|::/0 +fe80::.*",
        why: "Linux counts who uses them, and remarks where they came from",
    },
    Exception { real: r"\S+/128 .*|ff00::/8 .*|::/0 +:: +!n.*", ours: "", why: REMARKS },
];

/// What is compared.
pub const ROWS: &[Row] = &[
    // The same neighbours on both sides: the router, and one who does not answer.
    prepare("arp -d 192.168.77.2", "ip neigh flush dev eth0"),
    prepare("arp -d 192.168.77.99", "true"),
    prepare("ping -c 1 192.168.77.1", "ping -c 1 192.168.77.1"),
    prepare("ping6 -c 1 fd00:77::1", "ping6 -c 1 fd00:77::1"),
    prepare("ping6 -c 1 fe80::5054:ff:feba:5efe%eth0", "ping6 -c 1 fe80::5054:ff:feba:5efe%eth0"),
    same("arp -n"),
    same("arp"),
    same("arp -a"),
    same("arp gate.lab"),
    same("arp -an"),
    same("arp -en"),
    same("arp -n 192.168.77.1"),
    same("arp 192.168.77.98"),
    same("arp -n 192.168.77.98"),
    same("arp -d 192.168.77.98"),
    same("arp -s 192.168.77.77 02:00:00:00:00:77"),
    same("arp -n 192.168.77.77"),
    same("arp -an 192.168.77.77"),
    same("arp -d 192.168.77.77"),
    same("arp -n 192.168.77.77"),
    same("arp -s 192.168.77.77"),
    same("arp -s 192.168.77.77 nonsense"),
    same("arp -s"),
    same("arp -d"),
    same("arp nosuch.lab"),
    same("arp -Z").aside(&[Rest]),
    same("arp --nonsense").aside(&[Rest]),
    same("arp -i").aside(&[Rest]),
    // Linux lists IPv6 addresses as its hash table has them.
    same("ifconfig").aside(&[Counters, Order]),
    same("ifconfig eth0").aside(&[Counters, Order]),
    same("ifconfig lo").aside(&[Counters]),
    same("ifconfig -a").aside(&[Counters, Order]),
    same("ifconfig -s").aside(&[Counters]),
    pair("ifconfig -c", "busybox ifconfig").aside(&[Counters, Order]),
    same("ifconfig nosuch0"),
    same("ifconfig -Z"),
    same("ifconfig --nonsense"),
    same("netstat -nr"),
    same("netstat -rn"),
    same("netstat -r"),
    same("netstat -rne"),
    same("netstat -i").aside(&[Counters]),
    // What listens on the board listens at the peer, and the router is connected to both.
    same("netstat -tuna").aside(&[Order]),
    same("netstat -tln").aside(&[Order]),
    same("netstat -nap --inet").aside(&[Order]),
    same("netstat -tn"),
    same("netstat -nu"),
    same("netstat -6nr").except(ROUTES_V6),
    same("netstat --nonsense").aside(&[Rest]),
    same("ss -tn"),
    same("ss -Htn"),
    same("ss -4tn"),
    same("ss -6tn"),
    same("ss -tn state established"),
    same("ss -tn state time-wait"),
    same("ss -tn state listening sport = :7"),
    same("ss -tn sport = :23"),
    // A listener of ours hears both families, as that of the peer does for IPv6.
    pair("ss -Htln sport = :4242", "ss -6Htln sport = :4242"),
    pair("ss -Huan", "ss -6Huan"),
    same("ss state nonsense"),
    same("ss --nonsense").aside(&[Rest]),
    same("route"),
    same("route -n"),
    same("route -e -n"),
    same("route add nonsense"),
    same("route add -net 10.7.0.0 netmask 255.255.255.0 gw 192.168.77.2"),
    same("route add -net 10.8.0.0/24 gw 192.168.77.2"),
    same("route add -host 10.9.0.1 gw 192.168.77.2"),
    same("route -n"),
    same("netstat -nr"),
    same("ip route get 10.7.0.9"),
    same("route del -net 10.7.0.0 netmask 255.255.255.0"),
    same("route del -net 10.8.0.0/24"),
    same("route del -host 10.9.0.1"),
    same("route del -host 10.9.0.1"),
    same("route add default gw 10.77.0.1"),
    // Behind its first line ours says why.
    pair("route get 192.168.77.9", "ip route get 192.168.77.9 | sed -n 's/ uid 0 $//p'")
        .aside(&[Rest]),
    same("ip -4 addr"),
    same("ip -6 addr").except(PREFIX),
    same("ip addr").except(PREFIX),
    same("ip address show eth0").except(PREFIX),
    same("ip link"),
    same("ip -4 neigh").aside(&[Order]),
    same("ip -6 neigh").aside(&[Order]).except(&[Exception {
        real: "(fe80::|fd00:77::).* router STATE ",
        ours: "(fe80::|fd00:77::).* STATE ",
        why: "the board does not remark which neighbours are routers",
    }]),
    same("ip route"),
    same("ip -6 route").aside(&[Order]).except(&[Exception {
        real: "default via .* metric 1024 expires Tsec hoplimit 64 pref medium",
        ours: "default via .* metric 1024 pref medium",
        why: NO_LIFETIME,
    }]),
    same("ip route get 192.168.77.9"),
    same("ip route get 127.0.0.1"),
    pair("ip route get 192.168.77.42", "ip route get 192.168.77.60"),
    same("ip route get 10.3.0.9"),
    // Of another host than those whose path's MTU is known.
    same("ip route get fd00:88::8").except(&[Exception {
        real: "fd00:88::8 from :: via .* metric 1024 hoplimit 64 pref medium",
        ours: "fd00:88::8 from :: via .* metric 1024 pref medium",
        why: "the board does not take the hop limit that a router advertises",
    }]),
    same("ip route get fd00:77::9"),
    same("ip route get ::1"),
    same("ip route get nonsense"),
    same("ip route get"),
    same("ip nonsense"),
    same("ip -Z"),
    same("ip addr nonsense"),
    same("ip addr show dev nosuch0"),
    same("ip").aside(&[Rest]),
];
