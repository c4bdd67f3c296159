//! What an engine does for many at once: memory, floods, crowds; and what calls refuse.

#[path = "../support/mod.rs"]
mod support;

mod crowd;
mod flood;

use std::collections::BTreeSet;
use std::net::IpAddr;

use support::{Memory, Sizes, bytes_of, ms};
use tcp::{
    Block, Checksum, Config, ConnectError, ConnectionConfig, Ecn, Endpoint, Entry, Flags, Flow,
    HalfOpen, Header, ListenError, Options, Segment, SegmentIn, SegmentOut, Seq, Slot, Tcp,
    TimeWait, Verdict, Why, limits,
};

/// What the firmware is to have.
pub const HOUSE: Sizes = Sizes { connections: 64, half_open: 256, time_wait: 256, blocks: 1_664 };

/// An endpoint.
pub fn at(address: &str, port: u16) -> Endpoint {
    Endpoint::new(address.parse().expect("an address"), port)
}

/// A segment that a peer sends.
pub fn segment(from: Endpoint, to: Endpoint, header: Header, data: &[u8]) -> Vec<u8> {
    bytes_of(&SegmentOut {
        flow: Flow { local: from, remote: to },
        header,
        payload: [data, &[]],
        ecn: Ecn::NotCapable,
        diffserv: 0,
        hop_limit: 64,
        why: Why::Data,
    })
}

/// What it makes of it.
pub fn give(tcp: &mut Tcp<'_>, at_ms: u64, from: IpAddr, to: IpAddr, bytes: &[u8]) -> Verdict {
    let checksum = Checksum::Software;
    let segment =
        SegmentIn { source: from, destination: to, ecn: Ecn::NotCapable, checksum, bytes };
    tcp.input(ms(at_ms), &segment)
}

/// What it sends now.
pub fn heard(tcp: &mut Tcp<'_>, at_ms: u64) -> Vec<(Endpoint, Vec<u8>)> {
    let mut out = Vec::new();
    tcp.poll_output(ms(at_ms), &mut |segment| {
        out.push((segment.flow.remote, bytes_of(segment)));
        true
    });
    out
}

#[test]
fn the_house_fits_into_8_mib() {
    let bytes = HOUSE.connections * (size_of::<Slot>() + size_of::<Entry>())
        + HOUSE.half_open * size_of::<Option<HalfOpen>>()
        + HOUSE.time_wait * size_of::<Option<TimeWait>>()
        + HOUSE.blocks * size_of::<Block>()
        + size_of::<Tcp<'_>>();
    println!(
        "{bytes} bytes: a connection {}, half open {}, TIME-WAIT {}, the rest {}",
        size_of::<Slot>() + size_of::<Entry>(),
        size_of::<Option<HalfOpen>>(),
        size_of::<Option<TimeWait>>(),
        size_of::<Tcp<'_>>()
    );
    assert!(bytes < 8 * 1024 * 1024, "{bytes}");
}

#[test]
fn segments_that_come_together_are_acknowledged_together() {
    let (us, peer) = (at("192.0.2.1", 80), at("192.0.2.2", 40_000));
    let mut memory = Memory::new(HOUSE);
    let mut tcp = memory.engine(Config::default(), 1);
    tcp.listen("test", None, 80, 4).expect("a listener");
    let header = |seq, ack, flags| Header { seq, ack, flags, window: 9000, ..Header::default() };
    let deliver = |tcp: &mut Tcp<'_>, header, data: &[u8]| {
        give(tcp, 1, peer.address, us.address, &segment(peer, us, header, data))
    };
    deliver(&mut tcp, header(Seq(99), Seq(0), Flags::SYN), &[]);
    let syn_ack = heard(&mut tcp, 1);
    let ours = Segment::parse(&syn_ack[0].1).expect("a SYN-ACK").header.seq.plus(1);
    deliver(&mut tcp, header(Seq(100), ours, Flags::ACK), &[]);
    for piece in 0..8u32 {
        let verdict =
            deliver(&mut tcp, header(Seq(100 + piece * 500), ours, Flags::ACK), &[7; 500]);
        assert_eq!(verdict, Verdict::Accepted);
    }
    let acks = heard(&mut tcp, 1);
    assert_eq!(acks.len(), 1);
    let ack = Segment::parse(&acks[0].1).expect("an ACK");
    assert_eq!(ack.header.ack, Seq(100 + 8 * 500));
}

#[test]
fn beyond_a_gap_the_first_three_hurry_and_each_piece_and_what_fills_it() {
    use Verdict::{BeyondGap, Filled, OutOfOrder};
    let (us, peer) = (at("192.0.2.1", 80), at("192.0.2.2", 40_000));
    for sack_permitted in [true, false] {
        let mut memory = Memory::new(HOUSE);
        let mut tcp = memory.engine(Config::default(), 1);
        tcp.listen("test", None, 80, 4).expect("a listener");
        let header =
            |seq, ack, flags| Header { seq, ack, flags, window: 9000, ..Header::default() };
        let deliver = |tcp: &mut Tcp<'_>, header, data: &[u8]| {
            give(tcp, 1, peer.address, us.address, &segment(peer, us, header, data))
        };
        let options = Options { sack_permitted, ..Options::default() };
        let syn = Header { options, ..header(Seq(99), Seq(0), Flags::SYN) };
        deliver(&mut tcp, syn, &[]);
        let syn_ack = heard(&mut tcp, 1);
        let ours = Segment::parse(&syn_ack[0].1).expect("a SYN-ACK").header.seq.plus(1);
        deliver(&mut tcp, header(Seq(100), ours, Flags::ACK), &[]);
        // The first, the seventh and the ninth are missing; the first then comes.
        let later = if sack_permitted { BeyondGap } else { OutOfOrder };
        for (piece, expected) in [
            (1, OutOfOrder),
            (2, OutOfOrder),
            (3, OutOfOrder),
            (4, later),
            (5, later),
            (7, OutOfOrder),
            (9, OutOfOrder),
            (10, later),
            (0, Filled),
            (11, OutOfOrder),
        ] {
            let verdict =
                deliver(&mut tcp, header(Seq(100 + piece * 500), ours, Flags::ACK), &[7; 500]);
            assert_eq!(verdict, expected, "{piece}, SACK {sack_permitted}");
            assert_eq!(verdict.hurries(), expected != BeyondGap);
        }
    }
}

#[test]
fn what_was_not_taken_is_offered_again() {
    let mut memory = Memory::new(HOUSE);
    let mut tcp = memory.engine(Config::default(), 1);
    tcp.connect(ms(0), "test", at("192.0.2.1", 0), at("192.0.2.2", 80)).expect("a connection");
    for _ in 0..3 {
        assert_eq!(tcp.poll_output(ms(1), &mut |_| false), 0);
        assert!(tcp.next_deadline().is_some_and(|at| at <= ms(1)), "it still has something");
    }
    assert_eq!(heard(&mut tcp, 1).len(), 1);
    assert!(tcp.next_deadline().is_some_and(|at| at > ms(1)));
}

#[test]
fn calls_refuse_what_cannot_be() {
    let mut memory = Memory::new(Sizes { connections: 2, ..HOUSE });
    let mut tcp = memory.engine(Config::default(), 1);
    let ours = at("192.0.2.1", 0);
    for nobody in ["255.255.255.255", "224.0.0.1", "0.0.0.0", "240.0.0.1", "ff02::1", "::"] {
        let refused = tcp.connect(ms(0), "test", ours, at(nobody, 80));
        assert_eq!(refused, Err(ConnectError::BadAddress), "{nobody}");
    }
    assert_eq!(tcp.connect(ms(0), "test", ours, at("192.0.2.2", 0)), Err(ConnectError::BadAddress));
    assert_eq!(tcp.listen("test", None, 0, 1), Err(ListenError::Taken));
    tcp.listen("test", None, 80, 1).expect("a listener");
    assert_eq!(tcp.listen("test", None, 80, 1), Err(ListenError::Taken));
    for port in 1..limits::LISTENERS as u16 {
        tcp.listen("test", None, 1000 + port, 1).expect("a listener");
    }
    assert_eq!(tcp.listen("test", None, 999, 1), Err(ListenError::Full));
    for _ in 0..2 {
        tcp.connect(ms(0), "test", ours, at("192.0.2.2", 80)).expect("a connection");
    }
    let refused = tcp.connect(ms(0), "test", ours, at("192.0.2.2", 80));
    assert_eq!(refused, Err(ConnectError::Full));
}

#[test]
fn a_listener_on_one_address_comes_before_one_on_all() {
    let mut memory = Memory::new(HOUSE);
    let mut tcp = memory.engine(Config::default(), 1);
    let one: IpAddr = "192.0.2.1".parse().expect("an address");
    let all = tcp.listen("all", None, 80, 4).expect("a listener");
    let only = tcp.listen("one", Some(one), 80, 4).expect("a listener");
    for (to, of, other) in [("192.0.2.1", only, all), ("192.0.2.9", all, only)] {
        let mut crowd = crowd::Crowd::new();
        crowd.open(&mut tcp, 0, at("192.0.2.2", 40_000), at(to, 80));
        assert!(tcp.accept(other).is_none());
        assert!(tcp.accept(of).is_some());
    }
}

#[test]
fn defaults_are_the_rfc_s() {
    let connection = ConnectionConfig::default();
    assert_eq!(connection.keep_alive_us, None, "off");
    let two_hours = 2 * 3600 * 1_000_000;
    assert!(connection.with_keep_alive().keep_alive_us.is_some_and(|us| us >= two_hours));
    assert!(connection.user_timeout_us >= 100_000_000);
    let config = Config::default();
    assert!(config.syn_timeout_us >= 180_000_000);
    assert_eq!(config.time_wait_us, 2 * limits::SEGMENT_LIFETIME_US);
    const { assert!(limits::DELAYED_ACK_US < 500_000) };
    const { assert!(limits::RETRIES_BEFORE_ADVICE >= 3) };
}

#[test]
fn no_sequence_number_repeats_or_follows_from_others() {
    let mut first = BTreeSet::new();
    let mut steps = BTreeSet::new();
    for boot in 0..20 {
        let mut memory = Memory::new(Sizes { half_open: 600, ..HOUSE });
        let mut tcp = memory.engine(Config::default(), boot);
        tcp.listen("test", None, 80, 1).expect("a listener");
        let mut last: Option<Seq> = None;
        for port in 0..500 {
            let (us, peer) = (at("192.0.2.1", 80), at("192.0.2.2", 1024 + port));
            let header = Header { seq: Seq(5), flags: Flags::SYN, ..Header::default() };
            give(&mut tcp, 1, peer.address, us.address, &segment(peer, us, header, &[]));
            for (_, bytes) in heard(&mut tcp, 1) {
                let seq = Segment::parse(&bytes).expect("a SYN-ACK").header.seq;
                assert!(first.insert(seq.0), "boot {boot}, port {port}: again");
                if let Some(last) = last.replace(seq) {
                    steps.insert(seq.since(last));
                }
            }
        }
    }
    assert_eq!(first.len(), 10_000);
    assert_eq!(steps.len(), 10_000 - 20, "no step occurs twice");
}

#[test]
fn an_address_that_is_lost_takes_its_connections_with_it() {
    let mut memory = Memory::new(HOUSE);
    let mut tcp = memory.engine(Config::default(), 1);
    let id = tcp.connect(ms(0), "test", at("192.0.2.1", 0), at("192.0.2.2", 80)).expect("one");
    let other = tcp.connect(ms(0), "test", at("192.0.2.7", 0), at("192.0.2.2", 80)).expect("one");
    heard(&mut tcp, 0);
    tcp.address_lost(ms(1), "192.0.2.1".parse().expect("an address"));
    assert!(tcp.ended(id).is_ok_and(|ended| ended.is_some()));
    assert!(tcp.ended(other).is_ok_and(|ended| ended.is_none()));
    assert!(heard(&mut tcp, 1).is_empty(), "nothing is sent from there any more");
}

#[test]
fn names_of_what_is_over_are_void() {
    let mut memory = Memory::new(HOUSE);
    let mut tcp = memory.engine(Config::default(), 1);
    let id = tcp.connect(ms(0), "test", at("192.0.2.1", 0), at("192.0.2.2", 80)).expect("one");
    tcp.give_back(ms(0), id).expect("there");
    let next = tcp.connect(ms(0), "test", at("192.0.2.1", 0), at("192.0.2.2", 80)).expect("one");
    assert_ne!(id, next);
    assert!(tcp.read(ms(0), id, &mut [0]).is_err() && tcp.give_back(ms(0), id).is_err());
    assert!(tcp.read(ms(0), next, &mut [0]).is_ok());
    let options = Options::default();
    assert_eq!(options.length(), 0);
}
