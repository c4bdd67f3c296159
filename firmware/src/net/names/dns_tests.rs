//! Tests of the DNS messages.

use core::net::{Ipv4Addr, Ipv6Addr};
use core::str::FromStr;
use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

type Owned = QueryName;

fn name(text: &str) -> Owned {
    Owned::from_str(text).unwrap()
}

/// An answer to `query` with these aliases and addresses.
fn answer(query: &Query, aliases: &[(&str, &str)], addresses: &[(&str, [u8; 4])]) -> Vec<u8> {
    let question = query.write();
    let question = Message::from_slice(question.as_ref()).unwrap();
    let builder = MessageBuilder::from_target(Array::<512>::new()).unwrap();
    let mut builder = builder.start_answer(question, Rcode::NOERROR).unwrap();
    for (owner, target) in aliases {
        builder.push((name(owner), 60, Cname::new(name(target)))).unwrap();
    }
    for (owner, [a, b, c, d]) in addresses {
        builder.push((name(owner), 60, A::from_octets(*a, *b, *c, *d))).unwrap();
    }
    let bytes = builder.finish().as_ref().to_vec();
    corpus::seed("dns_answer", &bytes);
    bytes
}

fn addresses(reply: &Reply<'_>) -> Vec<String> {
    reply.addresses().map(|(address, _)| address.to_string()).collect()
}

#[test]
fn a_query_is_what_a_server_expects() {
    let query = Query::new("example.com", Rtype::A, 0x1234).unwrap();
    let bytes = query.write();
    assert_eq!(
        bytes.as_ref(),
        [
            b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01".as_slice(),
            b"\x07example\x03com\x00\x00\x01\x00\x01",
            b"\x00\x00\x29\x05\x78\x00\x00\x00\x00\x00\x00",
        ]
        .concat()
    );
    let longest = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61)].join(".");
    assert_eq!(Query::new(&longest, Rtype::A, 1).unwrap().write().as_ref().len(), QUERY_BYTES_MAX);
    for bad in ["a..b", &"a".repeat(64), &(longest + "d"), ".."] {
        assert_eq!(Query::new(bad, Rtype::A, 1).unwrap_err(), BadName, "{bad}");
    }
}

#[test]
fn addresses_have_names_to_ask_for() {
    let query = Query::reverse(Ipv4Addr::new(192, 0, 2, 7).into(), 1);
    assert_eq!(query.name().to_string(), "7.2.0.192.in-addr.arpa");
    let query = Query::reverse(Ipv6Addr::LOCALHOST.into(), 1);
    assert_eq!(query.name().to_string(), ["1".into(), "0.".repeat(31) + "ip6.arpa"].join("."));
}

#[test]
fn an_answer_follows_its_aliases_and_nothing_else() {
    let query = Query::new("www.example.com", Rtype::A, 7).unwrap();
    let bytes = answer(
        &query,
        // Out of order, as a server may list them.
        &[("b.example.net", "c.example.net"), ("WWW.example.com", "b.example.net")],
        &[("c.example.net", [192, 0, 2, 1]), ("bank.example", [192, 0, 2, 66])],
    );
    let reply = query.read(&bytes).unwrap();
    assert_eq!(addresses(&reply), ["192.0.2.1"]);
    assert_eq!(reply.canonical().to_string(), "c.example.net");
    assert_eq!(reply.aliases().count(), 2);
    assert_eq!(reply.rcode(), Rcode::NOERROR);
}

#[test]
fn what_nobody_asked_for_is_no_answer() {
    let query = Query::new("example.com", Rtype::A, 7).unwrap();
    let good = answer(&query, &[], &[("example.com", [192, 0, 2, 1])]);
    assert!(query.read(&good).is_ok());
    let others = [
        Query::new("example.com", Rtype::A, 8).unwrap(),
        Query::new("example.com", Rtype::AAAA, 7).unwrap(),
        Query::new("example.org", Rtype::A, 7).unwrap(),
    ];
    for other in &others {
        assert_eq!(other.read(&good).unwrap_err(), Drop::DnsUnasked);
    }
    assert_eq!(query.read(query.write().as_ref()).unwrap_err(), Drop::DnsUnasked, "a query");
    assert_eq!(query.read(&good[..11]).unwrap_err(), Drop::DnsMalformed);
    assert_eq!(query.read(&good[..good.len() - 1]).unwrap_err(), Drop::DnsMalformed);
}

#[test]
fn circles_end() {
    let query = Query::new("a.example", Rtype::A, 7).unwrap();
    let bytes = answer(&query, &[("a.example", "b.example"), ("b.example", "a.example")], &[]);
    assert_eq!(query.read(&bytes).unwrap_err(), Drop::DnsMalformed);

    // A compression pointer to itself, in the owner's place.
    let mut bytes = answer(&query, &[], &[]);
    bytes[7] = 1;
    let at = bytes.len() as u8;
    bytes.extend([0xc0, at, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
    corpus::seed("dns_answer", &bytes);
    assert_eq!(query.read(&bytes).unwrap_err(), Drop::DnsMalformed);
}

#[test]
fn an_absence_has_a_lifetime() {
    let query = Query::new("nope.example.com", Rtype::A, 7).unwrap();
    let question = query.write();
    let question = Message::from_slice(question.as_ref()).unwrap();
    let builder = MessageBuilder::from_target(Array::<512>::new()).unwrap();
    let mut builder = builder.start_answer(question, Rcode::NXDOMAIN).unwrap().authority();
    let seconds = domain::base::Ttl::from_secs;
    let zone = name("example.com");
    let (primary, mail) = (name("ns.example.com"), name("root.example.com"));
    let soa = Soa::new(primary, mail, 1.into(), seconds(1), seconds(2), seconds(3), seconds(30));
    builder.push((zone, 3600, soa)).unwrap();
    let bytes = builder.finish();
    corpus::seed("dns_answer", bytes.as_ref());
    let reply = query.read(&bytes).unwrap();
    assert_eq!(reply.rcode(), Rcode::NXDOMAIN);
    assert_eq!(reply.addresses().count(), 0);
    assert_eq!(reply.negative_ttl_seconds(), Some(30));
}

proptest! {
    #[test]
    fn no_message_panics(
        mut bytes in proptest::collection::vec(any::<u8>(), 12..300),
        count in 0..4u8,
    ) {
        let query = Query::new("a.b", Rtype::ANY, 7).unwrap();
        let head = [0, 7, 0x80, 0, 0, 1, 0, count, 0, 1, 0, 0, 1, b'a', 1, b'b', 0, 0, 255, 0, 1];
        bytes.splice(..12, head);
        if let Ok(reply) = query.read(&bytes) {
            let shown: Vec<_> = reply.records().map(|record| std::format!("{record:?}")).collect();
            prop_assert!(shown.len() <= count.into());
            let _ = (reply.aliases().count(), reply.negative_ttl_seconds());
        }
    }

    #[test]
    fn no_damage_to_an_answer_panics(at in 0..90usize, value: u8) {
        let query = Query::new("www.example.com", Rtype::A, 7).unwrap();
        let mut bytes = answer(
            &query,
            &[("www.example.com", "c.example.net")],
            &[("c.example.net", [192, 0, 2, 1])],
        );
        let len = bytes.len();
        bytes[at % len] = value;
        if let Ok(reply) = query.read(&bytes) {
            prop_assert!(reply.addresses().count() <= 1);
        }
    }
}
