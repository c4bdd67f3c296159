//! Conversations with the responder, in virtual time.

use core::net::Ipv4Addr;
use core::str::FromStr;
use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

use domain::base::iana::{Class, Rtype};
use domain::base::{Message, MessageBuilder, ParsedName};
use domain::rdata::A;
use proptest::prelude::*;
use smoltcp::wire::{IpEndpoint, Ipv4Address};

use super::super::heard::{SHARED_DELAY_MIN, SHARED_DELAY_SPREAD};
use super::super::said::{LEGACY_TTL_SECONDS_MAX, UNICAST_RESPONSE};
use super::*;
use crate::limits::MDNS_ITEMS_MAX;
use crate::net::names::dns::QueryName;

const PEER: IpEndpoint =
    IpEndpoint { addr: smoltcp::wire::IpAddress::Ipv4(Ipv4Address::new(192, 0, 2, 9)), port: PORT };

fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn responder(name: &str, seed: u64, last: u8) -> Responder {
    let mut responder = Responder::new(name, seed);
    let v4 = Some(Ipv4Addr::new(192, 0, 2, last));
    responder.set_addresses(Duration::ZERO, Identity { v4, ..Identity::default() });
    responder
}

/// What a message says, a line each: `? name type`, `= name type`, `+ ..` (authority, additional).
fn lines(bytes: &[u8]) -> Vec<String> {
    let message = Message::from_slice(bytes).unwrap();
    let mut lines = vec![];
    for question in message.question() {
        let question = question.unwrap();
        lines.push(format!("? {} {}", question.qname(), question.qtype()));
    }
    let mut section = message.answer().unwrap();
    for record in section.by_ref() {
        let record = record.unwrap();
        lines.push(format!("= {} {}", record.owner(), record.rtype()));
    }
    lines
}

/// Polls until nothing is due before `end`; what was sent, and when.
fn run(responder: &mut Responder, end: Duration) -> Vec<(Duration, Packet)> {
    let mut sent = vec![];
    while let Some(at) = responder.deadline().filter(|&at| at <= end) {
        sent.extend(responder.poll(at).map(|packet| (at, packet)));
        assert!(sent.len() < 100, "no end");
    }
    sent
}

/// A responder that has its name.
fn settled(name: &str) -> Responder {
    let mut responder = responder(name, 1, 42);
    run(&mut responder, Duration::from_secs(5));
    assert_eq!(responder.take_event(), Some(Event::Claimed));
    assert_eq!(responder.deadline(), None, "silent unless asked");
    responder
}

fn name(text: &str) -> QueryName {
    QueryName::from_str(text).unwrap()
}

fn question(text: &str, rtype: Rtype, class: u16) -> Vec<u8> {
    let mut message = MessageBuilder::from_target(Array::<512>::new()).unwrap();
    message.header_mut().set_id(77);
    let mut message = message.question();
    message.push((name(text), rtype, Class::from_int(class))).unwrap();
    seeded(corpus::tag::mdns_responder::LEGACY, message.finish().as_ref())
}

/// A message, which is also one that fuzzing begins with.
fn seeded(tag: u8, message: &[u8]) -> Vec<u8> {
    let mut seed = vec![];
    // By then the name is ours.
    corpus::piece(&mut seed, corpus::tag::mdns_responder::WAIT, &5000_u16.to_le_bytes());
    corpus::piece(&mut seed, tag, message);
    corpus::piece(&mut seed, corpus::tag::mdns_responder::HEARD, message);
    corpus::seed("mdns_responder", &seed);
    message.to_vec()
}

/// So many questions that are not for us, and then one that is.
fn questions(others: usize) -> Vec<u8> {
    let mut message = MessageBuilder::from_target(Array::<512>::new()).unwrap().question();
    for _ in 0..others {
        message.push((name("a.local"), Rtype::A, Class::IN)).unwrap();
    }
    message.push((name("barewire.local"), Rtype::A, Class::IN)).unwrap();
    message.finish().as_ref().to_vec()
}

fn claim(text: &str, address: [u8; 4], ttl: u32) -> Vec<u8> {
    let message = MessageBuilder::from_target(Array::<512>::new()).unwrap();
    let mut answer = message.question();
    answer.header_mut().set_qr(true);
    let mut answer = answer.answer();
    let [a, b, c, d] = address;
    answer.push((name(text), Ttl::from_secs(ttl), A::from_octets(a, b, c, d))).unwrap();
    seeded(corpus::tag::mdns_responder::HEARD, answer.finish().as_ref())
}

const AT: Duration = Duration::from_secs(100);

#[test]
fn a_name_is_probed_for_and_announced() {
    let mut responder = responder("barewire", 1, 42);
    let sent = run(&mut responder, Duration::from_secs(10));
    let times: Vec<_> = sent.iter().map(|(at, _)| *at - sent[0].0).collect();
    assert!(sent[0].0 < PROBE_INTERVAL, "after a random time");
    assert_eq!(times, [0, 250, 500, 750, 1750].map(milliseconds));
    let probe = lines(sent[0].1.as_ref());
    assert_eq!(
        probe,
        [
            "? barewire.local ANY",
            "? barewire._http._tcp.local ANY",
            "? barewire._telnet._tcp.local ANY"
        ]
    );
    let message = Message::from_slice(sent[0].1.as_ref()).unwrap();
    assert_eq!(message.header_counts().nscount(), 5, "A, two SRV, two TXT");
    let announced = lines(sent[3].1.as_ref());
    for expected in [
        "= barewire.local A",
        "= 42.2.0.192.in-addr.arpa PTR",
        "= _services._dns-sd._udp.local PTR",
        "= _http._tcp.local PTR",
        "= barewire._http._tcp.local SRV",
        "= barewire._telnet._tcp.local TXT",
    ] {
        assert!(announced.contains(&expected.to_string()), "{expected} in {announced:?}");
    }
}

#[test]
fn an_address_is_told_at_once_and_a_service_after_a_moment() {
    let mut responder = settled("barewire");
    let to_one = responder.receive(AT, PEER, &question("BareWire.local", Rtype::A, 1)).unwrap();
    assert_eq!(to_one, None);
    let sent = run(&mut responder, AT + Duration::from_secs(1));
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].0, AT);
    assert_eq!(lines(sent[0].1.as_ref()), ["= barewire.local A"]);

    // Asked again within a second the answer is on its way already.
    responder.receive(AT, PEER, &question("barewire.local", Rtype::A, 1)).unwrap();
    assert_eq!(run(&mut responder, AT + milliseconds(500)).len(), 0);

    responder.receive(AT, PEER, &question("_http._tcp.local", Rtype::PTR, 1)).unwrap();
    let sent = run(&mut responder, AT + Duration::from_secs(1));
    assert!(sent[0].0 >= AT + SHARED_DELAY_MIN);
    assert!(sent[0].0 < AT + SHARED_DELAY_MIN + SHARED_DELAY_SPREAD);
    let message = Message::from_slice(sent[0].1.as_ref()).unwrap();
    assert_eq!(lines(sent[0].1.as_ref()), ["= _http._tcp.local PTR"]);
    assert_eq!(message.header_counts().arcount(), 3, "SRV, TXT and A will be asked for next");
}

#[test]
fn what_we_lack_is_told_too() {
    let mut responder = settled("barewire");
    responder.receive(AT, PEER, &question("barewire.local", Rtype::AAAA, 1)).unwrap();
    let sent = run(&mut responder, AT);
    assert_eq!(lines(sent[0].1.as_ref()), ["= barewire.local NSEC"]);
    // Of names that are not ours alone nobody can say what there is not.
    responder.receive(AT, PEER, &question("_http._tcp.local", Rtype::A, 1)).unwrap();
    responder.receive(AT, PEER, &question("other.local", Rtype::A, 1)).unwrap();
    assert_eq!(run(&mut responder, AT + Duration::from_secs(1)).len(), 0);
}

#[test]
fn a_client_that_speaks_plain_dns_is_answered_alone() {
    let mut responder = settled("barewire");
    let from = IpEndpoint { port: 40_000, ..PEER };
    let reply = responder.receive(AT, from, &question("barewire.local", Rtype::A, 1)).unwrap();
    let reply = reply.expect("an answer");
    let message = Message::from_slice(reply.as_ref()).unwrap();
    assert_eq!(message.header().id(), 77);
    assert_eq!(lines(reply.as_ref()), ["? barewire.local A", "= barewire.local A"]);
    let record = message.answer().unwrap().next().unwrap().unwrap();
    assert_eq!(record.class(), Class::IN, "a plain client takes the top bit for another class");
    assert_eq!(record.ttl().as_secs(), LEGACY_TTL_SECONDS_MAX);
    assert_eq!(run(&mut responder, AT + Duration::from_secs(1)).len(), 0);
}

#[test]
fn an_answer_for_one_goes_to_one_while_the_group_remembers() {
    let mut responder = settled("barewire");
    let ask = question("barewire.local", Rtype::A, 1 | UNICAST_RESPONSE);
    let soon = Duration::from_secs(20);
    let reply = responder.receive(soon, PEER, &ask).unwrap().expect("announced 18 s ago");
    assert_eq!(lines(reply.as_ref()), ["= barewire.local A"]);
    // A quarter of the two minutes later the group has its turn.
    assert_eq!(responder.receive(AT, PEER, &ask).unwrap(), None);
    assert_eq!(run(&mut responder, AT).len(), 1);
}

#[test]
fn what_the_asker_knows_is_not_repeated() {
    let mut responder = settled("barewire");
    let with_known = |ttl: u32| {
        let message = MessageBuilder::from_target(Array::<512>::new()).unwrap();
        let mut message = message.question();
        message.push((name("barewire.local"), Rtype::A)).unwrap();
        let mut answer = message.answer();
        let address = A::from_octets(192, 0, 2, 42);
        answer.push((name("barewire.local"), Ttl::from_secs(ttl), address)).unwrap();
        answer.finish().as_ref().to_vec()
    };
    responder.receive(AT, PEER, &with_known(60)).unwrap();
    assert_eq!(run(&mut responder, AT).len(), 0);
    responder.receive(AT, PEER, &with_known(59)).unwrap();
    assert_eq!(run(&mut responder, AT).len(), 1, "it will forget soon");
}

#[test]
fn a_name_that_is_taken_is_left_to_its_owner() {
    let mut responder = responder("barewire", 1, 42);
    let at = responder.deadline().unwrap();
    responder.poll(at).expect("a probe");
    responder.receive(at, PEER, &claim("barewire.local", [192, 0, 2, 9], 120)).unwrap();
    assert_eq!(responder.take_event(), Some(Event::Renamed));
    assert_eq!(responder.identity().name.as_str(), "barewire-2");
    let sent = run(&mut responder, Duration::from_secs(10));
    assert_eq!(lines(sent[0].1.as_ref())[0], "? barewire-2.local ANY");
    assert_eq!(responder.take_event(), Some(Event::Claimed));
}

#[test]
fn a_name_claimed_later_is_probed_for_again() {
    let mut responder = settled("barewire");
    let goodbye = claim("barewire.local", [192, 0, 2, 9], 0);
    responder.receive(AT, PEER, &goodbye).unwrap();
    let ours = claim("barewire.local", [192, 0, 2, 42], 120);
    responder.receive(AT, PEER, &ours).unwrap();
    assert_eq!(responder.deadline(), None, "neither is a claim");
    let theirs = claim("barewire.local", [192, 0, 2, 9], 120);
    responder.receive(AT, PEER, &theirs).unwrap();
    let probe = responder.poll(responder.deadline().unwrap()).expect("a probe");
    assert_eq!(lines(probe.as_ref())[0], "? barewire.local ANY");
    // It insists: we give way, and take back what was said, of ours alone.
    let at = AT + PROBE_INTERVAL;
    responder.receive(at, PEER, &theirs).unwrap();
    assert_eq!(responder.identity().name.as_str(), "barewire-2");
    assert_eq!(responder.deadline(), Some(at));
    let packet = responder.poll(at).expect("a goodbye");
    assert_eq!(lines(packet.as_ref()), ["= barewire.local A"]);
    let message = Message::from_slice(packet.as_ref()).unwrap();
    let record = message.answer().unwrap().next().unwrap().unwrap();
    assert_eq!((record.ttl().as_secs(), record.class()), (0, Class::IN));
    let sent = run(&mut responder, at + Duration::from_secs(3));
    assert_eq!(lines(sent[0].1.as_ref())[0], "? barewire-2.local ANY");
}

#[test]
fn conflicts_without_end_slow_down() {
    let mut responder = responder("barewire", 1, 42);
    for number in 1..=20 {
        let at = responder.deadline().unwrap();
        responder.poll(at).expect("a probe");
        let taken = match number {
            1 => "barewire.local".to_string(),
            _ => format!("barewire-{number}.local"),
        };
        responder.receive(at, PEER, &claim(&taken, [192, 0, 2, 9], 120)).unwrap();
        let pause = responder.deadline().unwrap() - at;
        assert_eq!(pause >= CONFLICT_PAUSE, number >= 15, "conflict {number}");
    }
}

#[test]
fn of_two_that_want_a_name_at_once_one_gets_it() {
    for seed in 0..50 {
        let mut hosts = [responder("barewire", seed, 42), responder("barewire", seed + 99, 43)];
        let mut now = Duration::ZERO;
        let ends = [42, 43]
            .map(|last| IpEndpoint { addr: Ipv4Address::new(192, 0, 2, last).into(), port: PORT });
        while let Some(at) = hosts.iter().filter_map(Responder::deadline).min() {
            now = now.max(at);
            assert!(now < Duration::from_secs(60), "seed {seed}: no end");
            for (from, to) in [(0, 1), (1, 0)] {
                if let Some(packet) = hosts[from].poll(now) {
                    hosts[to].receive(now, ends[from], packet.as_ref()).unwrap();
                }
            }
        }
        let mut names = hosts.map(|host| host.identity().name.to_string());
        names.sort();
        assert_eq!(names, ["barewire", "barewire-2"], "seed {seed}");
    }
}

#[test]
fn leaving_is_announced() {
    let mut responder = settled("barewire");
    let packet = responder.goodbye().expect("a goodbye");
    let message = Message::from_slice(packet.as_ref()).unwrap();
    assert!(message.answer().unwrap().all(|record| record.unwrap().ttl().as_secs() == 0));
    assert_eq!(responder.goodbye(), None, "once");
    responder.set_addresses(AT, Identity::default());
    assert_eq!(responder.deadline(), None);
}

#[test]
fn the_longest_name_and_all_addresses_are_announced_in_parts() {
    let mut responder = Responder::new(&"n".repeat(63), 1);
    let v6 = (1..=4).map(|last| core::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last));
    let v4 = Some(Ipv4Addr::new(192, 0, 2, 42));
    let identity = Identity { v4, v6: v6.collect(), ..Identity::default() };
    responder.set_addresses(Duration::ZERO, identity);
    let sent = run(&mut responder, Duration::from_secs(1));
    let told: usize = sent
        .iter()
        .map(|(_, packet)| lines(packet.as_ref()).iter().filter(|l| l.starts_with('=')).count())
        .sum();
    assert_eq!(told, Record::ALL.len());
    assert_eq!(numbered(&"n".repeat(63), 12).len(), 63);
}

proptest! {
    #[test]
    fn no_message_panics(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        port: u16,
        probing: bool,
    ) {
        let mut responder = match probing {
            true => responder("barewire", 1, 42),
            false => settled("barewire"),
        };
        let from = IpEndpoint { port, ..PEER };
        let _ = responder.receive(AT, from, &bytes);
        let _ = responder.poll(AT);
    }

    #[test]
    fn no_damage_panics(at in 0..400usize, value: u8, which in 0..5usize) {
        let mut peer = responder("barewire", 7, 9);
        let sent = run(&mut peer, Duration::from_secs(5));
        let mut bytes = sent[which].1.as_ref().to_vec();
        let len = bytes.len();
        bytes[at % len] = value;
        for mut responder in [settled("barewire"), responder("barewire", 1, 42)] {
            let _ = responder.receive(AT, PEER, &bytes);
            for _ in 0..20 {
                if let Some(packet) = responder.poll(AT) {
                    let parsed: Vec<ParsedName<_>> = Message::from_slice(packet.as_ref())
                        .unwrap()
                        .iter()
                        .map(|record| record.unwrap().0.owner())
                        .collect();
                    prop_assert!(parsed.len() <= 2 * Record::ALL.len());
                }
            }
        }
    }
}

#[test]
fn not_all_of_a_long_list_is_looked_at() {
    for (others, is_answered) in [(MDNS_ITEMS_MAX - 1, true), (MDNS_ITEMS_MAX, false)] {
        let mut responder = settled("barewire");
        assert!(matches!(responder.receive(AT, PEER, &questions(others)), Ok(None)));
        assert_eq!(responder.deadline().is_some(), is_answered, "behind {others} others");
    }
}
