//! Names for numbers, in both directions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use packet::{Dissector, Filter, Frame, Names, Options, Stamps, Timestamp, Transport};

const PI: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 42);
const PI6: Ipv6Addr = Ipv6Addr::new(0xfd01, 0, 0, 0, 0, 0, 0, 0x42);

/// A hosts table of two and a services table of three.
struct Tables;

impl Names for Tables {
    fn host4(&self, address: Ipv4Addr) -> Option<&str> {
        (address == PI).then_some("pi.lan")
    }

    fn port(&self, transport: Transport, port: u16) -> Option<&str> {
        match (transport, port) {
            (Transport::Tcp, 80) => Some("http"),
            (_, 53) => Some("domain"),
            (Transport::Udp, 69) => Some("tftp"),
            _ => None,
        }
    }

    fn protocol(&self, number: u8) -> Option<&str> {
        (number == 17).then_some("udp")
    }

    fn address(&self, host: &str, index: usize) -> Option<IpAddr> {
        match (host, index) {
            ("pi.lan", 0) => Some(PI.into()),
            ("pi.lan", 1) | ("six.lan", 0) => Some(PI6.into()),
            _ => None,
        }
    }

    fn netmask(&self) -> Ipv4Addr {
        Ipv4Addr::new(255, 255, 255, 0)
    }

    fn service(&self, transport: Transport, service: &str) -> Option<u16> {
        match (transport, service) {
            (Transport::Tcp, "http") => Some(80),
            (_, "domain") => Some(53),
            (Transport::Udp, "tftp") => Some(69),
            _ => None,
        }
    }
}

/// A frame from `PI` to `destination`, of a protocol and with ports.
fn frame(protocol: u8, offset: u8, destination: [u8; 4], ports: (u16, u16)) -> Vec<u8> {
    let mut bytes = [&[2; 12][..], &[8, 0, 0x45, 0, 0, 40, 0, 1, 0, offset, 64, protocol]].concat();
    bytes.extend([0, 0]);
    bytes.extend(PI.octets());
    bytes.extend(destination);
    bytes.extend([ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat());
    bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0]);
    bytes
}

fn accepts(expression: &str, bytes: &[u8]) -> Result<bool, String> {
    let filter = Filter::compile(expression, &Tables).map_err(|error| error.to_string())?;
    Ok(filter.accepts(bytes, bytes.len()))
}

fn line(bytes: &[u8]) -> String {
    let mut dissector = Dissector::new(Options { stamps: Stamps::None, ..Options::default() });
    let mut text = String::new();
    let frame = Frame { bytes, length: bytes.len(), at: Timestamp::default() };
    dissector.print(&frame, &Tables, &mut text).unwrap();
    text
}

#[test]
fn names_are_printed_where_there_are_some() {
    let web = frame(6, 0, [10, 0, 0, 1], (5000, 80));
    assert!(line(&web).starts_with("IP pi.lan.5000 > 10.0.0.1.http: Flags [S]"), "{}", line(&web));
    let later = frame(17, 5, [10, 0, 0, 1], (0, 0));
    assert_eq!(line(&later), "IP pi.lan > 10.0.0.1: udp\n");
}

#[test]
fn names_are_understood_in_filters() {
    let web = frame(6, 0, [10, 0, 0, 1], (5000, 80));
    let file = frame(17, 0, [10, 0, 0, 255], (69, 5000));
    for (expression, takes_web, takes_file) in [
        ("host pi.lan", true, true),
        ("dst host pi.lan", false, false),
        ("ip host pi.lan", true, true),
        ("ip6 host pi.lan", false, false),
        ("port http", true, false),
        ("port tftp or domain", false, true),
        ("portrange domain-http", true, true),
        ("udp portrange 53-tftp", false, true),
        ("ip broadcast", false, true),
    ] {
        assert_eq!(accepts(expression, &web), Ok(takes_web), "{expression}");
        assert_eq!(accepts(expression, &file), Ok(takes_file), "{expression}");
    }
}

#[test]
fn names_that_do_not_fit_are_errors() {
    for (expression, message) in [
        ("host who.lan", "unknown host 'who.lan'"),
        ("ip host six.lan", "unknown host 'six.lan' for specified address family"),
        ("tcp port tftp", "port 'tftp' is udp"),
        ("udp port http", "port 'http' is tcp"),
        ("udp portrange http-http", "port in range 'http-http' is tcp"),
        ("port gopher", "unknown port 'gopher'"),
        ("tcp host pi.lan", "'tcp' modifier applied to host"),
    ] {
        assert_eq!(accepts(expression, &[]), Err(message.into()), "{expression}");
    }
}
