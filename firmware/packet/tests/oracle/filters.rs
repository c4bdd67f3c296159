//! Filters: which frames the real one lets through, and what it says about wrong expressions.

use packet::{Filter, Numeric};

use super::built;
use super::capture::Capture;
use super::conversations::together;
use super::tcpdump::{is_here, real_filter};

/// Expressions whose meaning is compared.
const RIGHT: &[&str] = &[
    "",
    "host 10.1.0.1",
    "src host 10.1.0.1",
    "dst host 10.1.0.1",
    "src 10.1.0.1",
    "dst 10.1.0.1 and not icmp",
    "src or dst 10.1.0.1",
    "src and dst host 192.168.1.42",
    "ip host 10.1.0.1",
    "arp host 10.1.0.1",
    "rarp host 192.168.1.1",
    "host 10.1.0.1 or 10.2.0.2",
    "host (10.1.0.1 or 10.2.0.2) and udp",
    "host 10.1.0.2 and (tcp or udp)",
    "not host 10.1.0.1",
    "host fd01::1",
    "src host fe80::ba27:ebff:fe12:3456",
    "dst net fd01::/64",
    "ip6 net ff00::/8",
    "net 10.1.0.0/24",
    "net 10.1.0.0/16 and not net 10.2",
    "net 10.1",
    "net 10",
    "net 192.168.1.0 mask 255.255.255.0",
    "src net 192.168.1.0/28",
    "port 80",
    "src port 80",
    "dst port 53 or 67",
    "port 80 or 443 or 8080",
    "tcp port 80",
    "udp port 53",
    "tcp dst port 23",
    "portrange 50-80",
    "udp portrange 33434-33534",
    "src portrange 80-53",
    "dst portrange 80",
    "ether host b8:27:eb:12:34:56",
    "ether src b827eb123456",
    "ether dst 92-bf-fa-94-c4-4f",
    "ether broadcast",
    "broadcast",
    "ether multicast",
    "multicast",
    "ip multicast",
    "ip6 multicast",
    "ip broadcast",
    "arp",
    "rarp",
    "ip",
    "ip6",
    "icmp",
    "icmp6",
    "tcp",
    "udp",
    "igmp",
    "sctp or ah or esp or pim or vrrp or igrp",
    "stp or ipx or netbeui or iso",
    "atalk or aarp or decnet or lat or sca or moprc or mopdl",
    "proto 17",
    "ip proto 1",
    "ip6 proto 58",
    "ip proto \\tcp",
    "proto \\icmp or \\igmp",
    "ether proto 0x88b5",
    "ether proto \\arp or \\rarp",
    "ether proto 0x42",
    "less 100",
    "greater 500",
    "len > 100 and len <= 200",
    "length = 60",
    "byte 12 = 8",
    "vlan",
    "vlan 7",
    "vlan 7 and arp",
    "vlan and vlan and arp",
    "vlan and ip host 10.7.0.1",
    "not vlan and arp",
    "tcp[tcpflags] & (tcp-syn|tcp-ack) != 0",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not src and dst net 10.1",
    "tcp[13] = 2",
    "tcp[13] & 0x12 == 0x12",
    "(tcp[13] & 2) != 0",
    "tcp[tcpflags] == tcp-ack",
    "icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply",
    "icmp[icmptype] = icmp-unreach",
    "icmp6[icmp6type] = icmp6-echo",
    "icmp6[0] >= 133",
    "ip[0] & 0xf != 5",
    "ip[6:2] & 0x1fff != 0",
    "ip[8] < 64",
    "ether[0] & 1 = 0 and ip[16] >= 224",
    "ip[2:2] > 576",
    "udp[4:2] < 20",
    "tcp[20:4] = 0x47455420",
    "tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)",
    "arp[6:2] = 2",
    "ip6[6] = 44",
    "ip[12:4] = ip[16:4]",
    "len % 2 = 1",
    "len - 14 * 2 > 40 + 3 % 2",
    "ip[1] ^ 3 & 1 = 1",
    "ip[9] * 2 / 3 << 1 > 10",
    "-1 & 0xff = 255",
    "ether[1000:4] = 1",
    "not ether[1000:4] = 1",
    "not tcp[100] = 1",
    "len / 0x10 > 5",
    "ip and not tcp and not udp and not icmp",
    "!tcp && !udp || icmp",
    "not (tcp or udp)",
    "tcp or udp and port 53",
    "not not icmp",
    "((((icmp))))",
    "host 10.1.0.1 and not (10.2.0.2 or 10.1.0.2)",
    "port (80 or (53 and not 67))",
    "ip host 0x10.1.0.1 or arp",
    "tcp src port 80 or udp dst port 53",
    "ip src 10.1.0.1 and tcp",
    "link host b8:27:eb:12:34:56",
    "host 010.001.0.1",
    "net 0.0.0.0/0",
    "dst host 255.255.255.255",
];

/// Expressions that are wrong.
const WRONG: &[&str] = &[
    "tcp and",
    "and tcp",
    "tcp udp",
    "host",
    "port",
    "10.0.0.1",
    "80",
    "host 10.0.0.256",
    "host nosuchhost.invalid",
    "net nosuchnet",
    "port nosuchport",
    "portrange 1-nosuchport",
    "port 70000",
    "port 99999999999",
    "port 089",
    "icmp port 80",
    "ip portrange 1-2",
    "net 10.0.0.1/24",
    "net 10.0.0.0/33",
    "net 10.0.0.1 mask 255.255.255.0",
    "host 10.0.0.0/8",
    "host fe80::/10",
    "net fe80::1/10",
    "net fe80::/129",
    "ip host fe80::1",
    "ip6 host 10.0.0.1",
    "tcp host 10.0.0.1",
    "udp net 10.0.0.0/8",
    "icmp6 host fe80::1",
    "ether host 10.0.0.1",
    "ether host fe80::1",
    "ether host nosuchhost",
    "host 00:11:22:33:44:55",
    "ether host 00:11:22:",
    "port 10.0.0.1",
    "proto 10.0.0.1",
    "port fe80::1",
    "tcp and 80",
    "(tcp",
    "tcp)",
    "()",
    "not",
    "tcp[13",
    "tcp[13:3] = 1",
    "tcp[13] & 2",
    "ah[0] = 1",
    "len / 0 = 1",
    "len % 0 = 1",
    "len << 32 = 1",
    "less tcp",
    "vlan 4096",
    "ether",
    "tcp broadcast",
    "tcp multicast",
    "arp proto 1",
    "tcp proto 1",
    "proto \\nosuchproto",
    "ether proto \\nosuchproto",
    "src and 10.0.0.1",
    "src src 10.0.0.1",
    "gateway 10.0.0.1",
    "gateway pi",
    "inbound",
    "host 10.0.0.1 $",
    "tcp # comment",
    "tcp[tcpflags] & tcp-nosuch != 0",
    "host a..b",
    "tcp port 80 8080",
    "= 5",
    "ip = 5",
];

fn frames() -> Capture {
    let mut frames = built::frames();
    frames.frames.extend(together().into_iter().flat_map(|all| all.frames));
    frames.numbered()
}

/// Those of `capture` that our filter lets through.
fn ours(expression: &str, capture: &Capture) -> Result<Vec<u32>, String> {
    let filter = Filter::compile(expression, &Numeric).map_err(|error| error.to_string())?;
    let accepted = capture.frames.iter().filter(|f| filter.accepts(&f.bytes, f.length));
    Ok(accepted.map(|frame| frame.at.seconds).collect())
}

fn real(expression: &str, capture: &Capture) -> Result<Vec<u32>, String> {
    let frames = real_filter(expression, capture)?;
    Ok(frames.iter().map(|frame| frame.at.seconds).collect())
}

#[test]
fn expressions_accept_the_same_frames() {
    if !is_here() {
        return;
    }
    let whole = frames();
    let cut = whole.cut(50);
    let mut wrong = Vec::new();
    for expression in RIGHT {
        for capture in [&whole, &cut] {
            let (real, ours) = (real(expression, capture), ours(expression, capture));
            if real != ours {
                let counts = [&real, &ours].map(|side| side.as_ref().map(Vec::len));
                wrong.push(format!("{expression}: {counts:?} of {}", capture.frames.len()));
            }
        }
    }
    assert!(wrong.is_empty(), "real and ours differ:\n{}", wrong.join("\n"));
    println!("{} expressions over {} frames", RIGHT.len(), whole.frames.len());
}

#[test]
fn wrong_expressions_get_the_same_message() {
    if !is_here() {
        return;
    }
    let some = Capture { name: "one frame".into(), frames: built::frames().frames[..1].to_vec() };
    let mut wrong = Vec::new();
    for expression in WRONG {
        let (real, ours) = (real(expression, &some), ours(expression, &some));
        if real != ours || real.is_ok() {
            wrong.push(format!("{expression}\n  real {real:?}\n  ours {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "real and ours differ:\n{}", wrong.join("\n"));
    println!("{} wrong expressions", WRONG.len());
}
