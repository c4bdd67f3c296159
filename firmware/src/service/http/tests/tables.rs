//! The tables, and Prometheus' text.

use std::collections::BTreeMap;
use std::format;
use std::string::String;
use std::vec::Vec;

use serde_json::Value;
use smoltcp::wire::IpCidr;

use super::*;
use crate::limits::{NEIGHBORS, PAGE_BYTES_MAX, ROUTES, TCP_SOCKETS, UDP_SOCKETS};
use crate::net::{NeighborState, Port, Protocol, RouteSource, SocketState};

fn socket() -> SocketInfo {
    SocketInfo {
        protocol: Protocol::Tcp,
        local: IpEndpoint::new(Ipv4Address::new(192, 168, 1, 42).into(), 80),
        remote: Some(peer()),
        state: SocketState::Established,
        receive_queued: 1,
        send_queued: 2,
        number: 3,
        owner: "httpd",
        timer: tcp::Timer::Off,
    }
}

fn neighbor() -> Neighbor {
    Neighbor {
        address: peer().addr,
        mac: Some(EthernetAddress([0x52, 0x54, 0, 0x12, 0x34, 0x57])),
        state: NeighborState::Reachable,
        since: Duration::from_micros(1_000_001),
        expires_in: Some(Duration::from_secs(29)),
    }
}

fn route() -> Route {
    Route {
        destination: IpCidr::new(Ipv4Address::UNSPECIFIED.into(), 0),
        gateway: Some(Ipv4Address::new(192, 168, 1, 1).into()),
        metric: 0,
        source: RouteSource::Dhcp,
        port: Port::Eth0,
    }
}

/// A desk with a row in each table.
pub(super) fn full() -> Desk {
    Desk {
        sockets: std::vec![socket()],
        neighbors: std::vec![neighbor()],
        routes: std::vec![route()],
        ..desk()
    }
}

fn json(desk: &Desk, path: &str) -> Value {
    let answer = fetch(desk, &get(path));
    assert_eq!((answer.code, answer.field("Content-Type")), (200, Some("application/json")));
    serde_json::from_slice(&answer.content).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

#[test]
fn tables_are_json() {
    let udp = SocketInfo {
        protocol: Protocol::Udp,
        remote: None,
        state: SocketState::Unconnected,
        ..socket()
    };
    let unknown =
        Neighbor { mac: None, state: NeighborState::Incomplete, expires_in: None, ..neighbor() };
    let desk = Desk {
        sockets: std::vec![socket(), udp],
        neighbors: std::vec![neighbor(), unknown],
        routes: std::vec![route(), Route { gateway: None, ..route() }],
        ..desk()
    };
    let sockets = json(&desk, "/sockets.json");
    let expected = r#"{"protocol":"tcp","owner":"httpd","local_address":"192.168.1.42",
        "local_port":80,"remote_address":"192.168.1.7","remote_port":40000,
        "state":"ESTABLISHED","receive_queued":1,"send_queued":2}"#;
    assert_eq!(sockets[0], serde_json::from_str::<Value>(expected).unwrap());
    assert!(sockets[1]["remote_port"].is_null() && sockets[1]["state"].is_null());
    let neighbors = json(&desk, "/neighbors.json");
    let expected = r#"{"address":"192.168.1.7","mac":"52:54:00:12:34:57","state":"reachable",
        "since_seconds":1.000001,"expires_in_seconds":29.000000}"#;
    assert_eq!(neighbors[0], serde_json::from_str::<Value>(expected).unwrap());
    assert!(neighbors[1]["mac"].is_null() && neighbors[1]["expires_in_seconds"].is_null());
    let routes = json(&desk, "/routes.json");
    let expected = r#"{"destination":"0.0.0.0/0","gateway":"192.168.1.1","interface":"eth0",
        "metric":0,"source":"dhcp"}"#;
    assert_eq!(routes[0], serde_json::from_str::<Value>(expected).unwrap());
    assert!(routes[1]["gateway"].is_null());
    let none = self::desk();
    for path in ["/sockets.json", "/neighbors.json", "/routes.json"] {
        assert_eq!(json(&none, path), Value::Array(Vec::new()), "{path}");
    }
}

#[test]
fn what_is_to_happen_is_told() {
    let waiting = SocketInfo { timer: tcp::Timer::On(204_000, 1), ..socket() };
    let desk = Desk { sockets: std::vec![socket(), waiting], ..full() };
    let timers = json(&desk, "/timers.json");
    let of = |number: usize| {
        let timer = &timers[number];
        [&timer["owner"], &timer["what"], &timer["of"]].map(|text| text.as_str().unwrap_or("-"))
    };
    assert_eq!(timers.as_array().map(Vec::len), Some(3), "{timers}");
    assert_eq!(of(0), ["ipv4", "next step", "-"]);
    assert_eq!(timers[0]["due_in_seconds"].as_f64(), Some(1787.654322));
    assert_eq!(of(1), ["neighbor", "no longer sure", "192.168.1.7"]);
    assert_eq!(of(2), ["tcp", "retransmission", "192.168.1.42:80 to 192.168.1.7:40000"]);
    assert_eq!(timers[2]["due_in_seconds"].as_f64(), Some(0.204));
    assert_eq!(timers[2]["tries"].as_u64(), Some(1));
}

#[test]
fn people_are_shown_the_same() {
    let page = fetch(&full(), &get("/tables"));
    assert_eq!(page.field("Content-Type"), Some("text/html; charset=utf-8"));
    let text = page.text();
    for expected in [
        "<th scope=\"col\">local address</th>",
        "<td>192.168.1.42</td><td>80</td><td>192.168.1.7</td><td>40000</td><td>ESTABLISHED</td>",
        "<td>52:54:00:12:34:57</td><td>reachable</td><td>1.000001</td><td>29.000000</td>",
        "<td>0.0.0.0/0</td><td>192.168.1.1</td><td>eth0</td><td>0</td><td>dhcp</td>",
        "<td>no longer sure</td>",
    ] {
        assert!(text.contains(expected), "{expected} not in\n{text}");
    }
    assert_eq!(text.matches("<table").count(), text.matches("</table>").count());
    assert!(fetch(&desk(), &get("/tables")).text().contains("None."));
}

/// The fullest tables take several parts, and lose no row.
#[test]
fn tables_come_whole_however_long() {
    let mut socket = socket();
    socket.local.addr = far_v6().into();
    socket.remote = Some(IpEndpoint::new(far_v6().into(), 65_535));
    let neighbor = Neighbor { address: far_v6().into(), ..neighbor() };
    let route = Route { gateway: Some(far_v6().into()), ..route() };
    let desk = Desk {
        sockets: std::vec![socket; TCP_SOCKETS + UDP_SOCKETS],
        neighbors: std::vec![neighbor; NEIGHBORS],
        routes: std::vec![route; ROUTES],
        ..desk()
    };
    for (path, rows) in [
        ("/sockets.json", TCP_SOCKETS + UDP_SOCKETS),
        ("/neighbors.json", NEIGHBORS),
        ("/routes.json", ROUTES),
    ] {
        let table = json(&desk, path);
        let table = table.as_array().unwrap();
        assert_eq!(table.len(), rows);
        assert!(table.iter().all(|row| *row == table[0]));
    }
    let answer = fetch(&desk, &get("/sockets.json"));
    assert!(answer.content.len() > PAGE_BYTES_MAX);
    assert_eq!(answer.field("Transfer-Encoding"), Some("chunked"));
}

/// Reads the text as Prometheus does, in short: each sample is of the family before it.
fn samples(text: &str) -> BTreeMap<String, u64> {
    let mut family = ("", "");
    let mut all = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(help.len() > 4, "{line}");
            family = (name, "");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!((name, family.1), (family.0, ""), "{line}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
            family.1 = kind;
        } else {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            assert_eq!(sample.split('{').next(), Some(family.0), "{line}");
            let value = value.split('.').next().unwrap().parse().unwrap();
            assert_eq!(all.insert(String::from(sample), value), None, "{line}");
        }
    }
    all
}

#[test]
fn metrics_hold_every_reason() {
    let desk = desk();
    let answer = fetch(&desk, &get("/metrics"));
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!((answer.code, answer.field("Content-Type")), (200, Some(kind)));
    let all = samples(answer.text());
    assert_eq!(all["barewire_uptime_seconds"], 12);
    assert_eq!(all["barewire_frames_total{direction=\"received\"}"], 22);
    assert_eq!(all["barewire_link_speed_bytes"], 12_500_000);
    assert_eq!(all["barewire_listener_free_sockets{service=\"httpd\",port=\"80\"}"], 16);
    for why in Drop::ALL {
        let direction = match why.is_sent() {
            Some(false) => "received",
            Some(true) => "sent",
            None => "other",
        };
        let name = why.name();
        let sample = format!("barewire_drops_total{{reason=\"{name}\",direction=\"{direction}\"}}");
        assert_eq!(all[&sample], if *why == Drop::BogusSource { 7 } else { 0 });
    }
}

#[test]
fn the_largest_metrics_are_whole() {
    for character in ['"', '\\', '\u{1b}', 'x'] {
        let all = samples(fetch(&worst(character), &get("/metrics")).text());
        assert!(all.len() > 100, "{}", all.len());
        assert_eq!(all["barewire_loop_turns_total"], u64::MAX);
    }
}
