//! `host`, `nslookup` and `hostname` beside BIND 9.18's and Debian's.

use crate::compare::Aside::Rest;
use crate::compare::{Exception, Row, same};

/// What is compared.
pub const ROWS: &[Row] = &[
    same("host far.lab"),
    same("host -t A far.lab"),
    same("host -t AAAA far.lab"),
    same("host -t TXT far.lab"),
    same("host -t MX far.lab"),
    same("host www.lab"),
    same("host 192.168.88.9"),
    same("host 192.168.88.10"),
    same("host fd00:88::9"),
    same("host nosuch.lab"),
    same("host far.lab 192.168.77.1"),
    same("host -t nonsense far.lab"),
    same("nslookup far.lab"),
    same("nslookup far.lab 192.168.77.1"),
    same("nslookup www.lab"),
    same("nslookup 192.168.88.9"),
    same("nslookup fd00:88::9"),
    same("nslookup nosuch.lab"),
    same("nslookup -type=A far.lab"),
    same("nslookup -type=AAAA far.lab"),
    same("nslookup -type=TXT far.lab"),
    same("nslookup -type=MX far.lab"),
    same("nslookup -nonsense far.lab"),
    same("hostname"),
    same("hostname -s"),
    same("hostname -I"),
    same("hostname -f").except(&[Exception {
        real: "barewire",
        ours: r"barewire\.local",
        why: "the board's domain is that of multicast DNS, which the peer does not speak",
    }]),
    same("hostname -i").except(&[Exception {
        real: r"192\.168\.77\.42",
        ours: r"192\.168\.77\.42 fd00:77::5054:ff:feba:5e01",
        why: "the real one asks the name server, which knows no other address",
    }]),
    same("hostname -Z").aside(&[Rest]),
];
