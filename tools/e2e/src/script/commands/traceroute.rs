//! `traceroute` and `traceroute6` beside traceroute 2.1.2.

use crate::compare::{Row, pair, same};

/// What is compared.
pub const ROWS: &[Row] = &[
    same("traceroute -n 192.168.88.9"),
    same("traceroute -n -q 1 192.168.88.9"),
    same("traceroute -n -m 1 192.168.88.9"),
    same("traceroute -n -f 2 192.168.88.9"),
    same("traceroute -n -N 1 192.168.88.9"),
    same("traceroute -n -p 40000 192.168.88.9"),
    same("traceroute -n 192.168.88.9 1000"),
    same("traceroute -I -n 192.168.88.9"),
    same("traceroute -n 192.168.77.1"),
    same("traceroute -n 127.0.0.1"),
    // Without -4 the real one prefers IPv6.
    pair("traceroute far.lab", "traceroute -4 far.lab"),
    // By the redirect, after the first probe.
    same("traceroute -n -q 1 10.99.0.9"),
    // One probe at a time: the router refuses no more than a few in a second.
    same("traceroute -n -q 1 -N 1 10.1.0.9"),
    same("traceroute -n -q 1 -N 1 10.2.0.9"),
    same("traceroute -n -q 1 -N 1 10.3.0.9"),
    same("traceroute -n -q 1 192.168.77.99"),
    same("traceroute -n -q 1 -m 3 -w 1 10.4.0.9"),
    // traceroute6 of the same package is this.
    pair("traceroute6 -n fd00:88::9", "traceroute -6 -n fd00:88::9"),
    pair("traceroute6 -n -q 1 -I fd00:88::9", "traceroute -6 -n -q 1 -I fd00:88::9"),
    pair("traceroute6 far.lab", "traceroute -6 far.lab"),
    pair("traceroute6 -n -q 1 -N 1 fd00:99::9", "traceroute -6 -n -q 1 -N 1 fd00:99::9"),
    same("traceroute -6 -n far.lab"),
    // Wrong use.
    same("traceroute nosuch.lab"),
    same("traceroute -Z 192.168.88.9"),
    same("traceroute -m 256 192.168.88.9"),
    same("traceroute -m x 192.168.88.9"),
    same("traceroute -m"),
    same("traceroute -q 0 192.168.88.9"),
    same("traceroute -q 11 192.168.88.9"),
    same("traceroute -f 40 192.168.88.9"),
    same("traceroute 192.168.88.9 70000"),
];
