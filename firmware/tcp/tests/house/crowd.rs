//! Peers that keep no state but what a polite one needs: many of them, for little.

use std::collections::BTreeMap;

use tcp::{Config, ConnectionId, Endpoint, Flags, Header, Read, Segment, Seq, Tcp};

use crate::support::{Memory, Sizes, ms};
use crate::{HOUSE, at, give, heard, segment};

/// One request and its answer.
#[derive(Clone, Copy, Debug)]
struct Peer {
    to: Endpoint,
    next: Seq,
    expected: Seq,
    established: bool,
    asked: bool,
    answered: bool,
    closed: bool,
    /// When the SYN goes out again.
    retry_ms: u64,
}

/// Clients by their endpoints.
#[derive(Default)]
pub struct Crowd {
    peers: BTreeMap<Endpoint, Peer>,
}

/// Bytes of a request and of an answer.
const REQUEST: usize = 100;
const ANSWER: usize = 3_000;

impl Crowd {
    pub fn new() -> Self {
        Self::default()
    }

    /// A client begins.
    pub fn start(&mut self, tcp: &mut Tcp<'_>, now_ms: u64, from: Endpoint, to: Endpoint) {
        let peer = Peer {
            to,
            next: Seq(1000),
            expected: Seq(0),
            established: false,
            asked: false,
            answered: false,
            closed: false,
            retry_ms: now_ms + 1000,
        };
        self.peers.insert(from, peer);
        self.syn(tcp, now_ms, from);
    }

    fn syn(&mut self, tcp: &mut Tcp<'_>, now_ms: u64, from: Endpoint) {
        let to = self.peers[&from].to;
        let header =
            Header { seq: Seq(999), flags: Flags::SYN, window: 60_000, ..Header::default() };
        give(tcp, now_ms, from.address, to.address, &segment(from, to, header, &[]));
    }

    /// Lets clients answer until nobody has anything to say. `serve` is the application's turn.
    pub fn talk(
        &mut self,
        tcp: &mut Tcp<'_>,
        now_ms: u64,
        mut serve: impl FnMut(&mut Tcp<'_>, u64),
    ) {
        for _ in 0..1000 {
            serve(tcp, now_ms);
            let out = heard(tcp, now_ms);
            if out.is_empty() {
                break;
            }
            for (to, bytes) in out {
                self.hear(tcp, now_ms, to, &bytes);
            }
        }
        let late: Vec<Endpoint> = self
            .peers
            .iter_mut()
            .filter(|(_, peer)| !peer.established && peer.retry_ms <= now_ms)
            .map(|(from, peer)| {
                peer.retry_ms = now_ms + 1000;
                *from
            })
            .collect();
        for from in late {
            self.syn(tcp, now_ms, from);
        }
    }

    fn hear(&mut self, tcp: &mut Tcp<'_>, now_ms: u64, who: Endpoint, bytes: &[u8]) {
        let Some(peer) = self.peers.get_mut(&who) else { return };
        let heard = Segment::parse(bytes).expect("a segment");
        let flags = heard.header.flags;
        if flags.has(Flags::RST) {
            return;
        }
        if flags.has(Flags::SYN) {
            peer.expected = heard.header.seq.plus(1);
            peer.established = true;
        } else if heard.header.seq == peer.expected {
            peer.expected = peer.expected.plus(heard.length());
            peer.answered |= !heard.payload.is_empty();
        }
        let finished = flags.has(Flags::FIN);
        if heard.length() == 0 && !flags.has(Flags::SYN) {
            return;
        }
        let data: &[u8] = if peer.asked { &[] } else { &[b'?'; REQUEST] };
        let mut flags = Flags::ACK;
        if finished && !peer.closed {
            flags = flags | Flags::FIN;
            peer.closed = true;
        }
        let (seq, ack) = (peer.next, peer.expected);
        let header = Header { seq, ack, flags, window: 60_000, ..Header::default() };
        peer.asked = true;
        let fin = u32::from(flags.has(Flags::FIN));
        peer.next = peer.next.plus(data.len() as u32 + fin);
        let to = peer.to;
        give(tcp, now_ms, who.address, to.address, &segment(who, to, header, data));
    }

    /// A handshake, and no more.
    pub fn open(&mut self, tcp: &mut Tcp<'_>, now_ms: u64, from: Endpoint, to: Endpoint) {
        self.start(tcp, now_ms, from, to);
        self.talk(tcp, now_ms, |_, _| {});
    }

    /// Who has the whole answer.
    pub fn served(&self) -> usize {
        self.peers.values().filter(|peer| peer.closed && peer.answered).count()
    }

    pub fn len(&self) -> usize {
        self.peers.len()
    }
}

/// A server: reads a request, writes an answer, closes.
#[derive(Default)]
pub struct Server {
    open: Vec<(ConnectionId, usize)>,
}

impl Server {
    pub fn serve(&mut self, tcp: &mut Tcp<'_>, listener: tcp::ListenerId, now_ms: u64) {
        while let Some(id) = tcp.accept(listener) {
            self.open.push((id, 0));
        }
        let now = ms(now_ms);
        self.open.retain_mut(|(id, written)| {
            let mut buffer = [0; REQUEST];
            match tcp.read(now, *id, &mut buffer) {
                Ok(Read::Bytes(_)) => {
                    *written += tcp.write(now, *id, &[b'!'; ANSWER]).unwrap_or(0);
                    assert_eq!(*written, ANSWER, "an answer fits into the ring");
                    tcp.give_back(now, *id).expect("there");
                    false
                }
                Ok(Read::Empty) => true,
                Ok(Read::Finished | Read::Ended(_)) | Err(_) => {
                    let _ = tcp.give_back(now, *id);
                    false
                }
            }
        });
    }
}

#[test]
fn ten_thousand_in_a_row_and_none_is_lost() {
    let mut memory = Memory::new(HOUSE);
    let mut tcp = memory.engine(Config::default(), 1);
    let listener = tcp.listen("test", None, 80, 16).expect("a listener");
    let (mut crowd, mut server) = (Crowd::new(), Server::default());
    for number in 0..10_000u64 {
        let from = at("192.0.2.2", 1024 + number as u16);
        crowd.start(&mut tcp, number, from, at("192.0.2.1", 80));
        crowd.talk(&mut tcp, number, |tcp, now| server.serve(tcp, listener, now));
        assert_eq!(crowd.served(), crowd.len(), "{number}");
    }
    assert_eq!(tcp.counters().time_wait_overflow, 10_000 - HOUSE.time_wait as u64);
    assert_eq!(tcp.counters().out_rsts, 0);
    assert_eq!(tcp.memory().0, 0, "all memory came back");
}

#[test]
fn fifty_at_once_and_none_is_lost() {
    let mut memory = Memory::new(HOUSE);
    let mut tcp = memory.engine(Config::default(), 1);
    let listener = tcp.listen("test", None, 80, 64).expect("a listener");
    let (mut crowd, mut server) = (Crowd::new(), Server::default());
    for number in 0..50 {
        crowd.start(&mut tcp, 0, at("192.0.2.2", 2000 + number), at("192.0.2.1", 80));
    }
    crowd.talk(&mut tcp, 0, |tcp, now| server.serve(tcp, listener, now));
    assert_eq!(crowd.served(), 50);
}

/// Sixty-four connections that nobody holds any more and whose peers never close.
#[test]
fn those_that_never_close_do_not_keep_others_out() {
    let mut memory = Memory::new(Sizes { connections: 64, ..HOUSE });
    let mut tcp = memory.engine(Config::default(), 1);
    let listener = tcp.listen("test", None, 80, 16).expect("a listener");
    for number in 0..64 {
        let mut lazy = Crowd::new();
        lazy.open(&mut tcp, 0, at("198.51.100.9", 3000 + number), at("192.0.2.1", 80));
        let id = tcp.accept(listener).expect("one");
        assert_eq!(tcp.read(ms(0), id, &mut [0; REQUEST]), Ok(Read::Bytes(REQUEST)));
        tcp.give_back(ms(0), id).expect("there");
        heard(&mut tcp, 0);
    }
    assert!(tcp.connections(ms(1)).count() >= 64);
    let (mut crowd, mut server) = (Crowd::new(), Server::default());
    for number in 0..100u64 {
        let from = at("192.0.2.2", 5000 + number as u16);
        crowd.start(&mut tcp, 10 + number, from, at("192.0.2.1", 80));
        crowd.talk(&mut tcp, 10 + number, |tcp, now| server.serve(tcp, listener, now));
    }
    assert_eq!(crowd.served(), 100);
}

/// A crowd that fills the queue from one address, and the next visitor.
#[test]
fn a_crowd_waits_behind_all_others() {
    let mut memory = Memory::new(HOUSE);
    let mut tcp = memory.engine(Config::default(), 1);
    let listener = tcp.listen("test", None, 80, 4).expect("a listener");
    let mut crowd = Crowd::new();
    for number in 0..10 {
        crowd.open(&mut tcp, 0, at("198.51.100.9", 3000 + number), at("192.0.2.1", 80));
    }
    assert_eq!(tcp.ready(listener), 4, "more of them are not let in");
    let visitor = at("192.0.2.2", 5000);
    Crowd::new().open(&mut tcp, 1, visitor, at("192.0.2.1", 80));
    assert_eq!(tcp.ready(listener), 5, "another is");
    let mut accept = || {
        let id = tcp.accept(listener).expect("one");
        tcp.connection(ms(2), id).expect("there").flow.remote
    };
    assert_ne!(accept(), visitor);
    assert_eq!(accept(), visitor, "before the crowd's second");
}

/// A visitor that rests for longest of all, and a crowd that needs all the table and more.
#[test]
fn a_crowd_pushes_out_its_own() {
    let mut memory = Memory::new(Sizes { connections: 16, ..HOUSE });
    let mut tcp = memory.engine(Config::default(), 1);
    let listener = tcp.listen("test", None, 80, 16).expect("a listener");
    tcp.defer_accept(listener, 60_000_000);
    let here = at("192.0.2.1", 80);
    // Who has not asked rests.
    let open = |tcp: &mut Tcp<'_>, now_ms: u64, from: Endpoint| {
        let header =
            Header { seq: Seq(999), flags: Flags::SYN, window: 60_000, ..Header::default() };
        give(tcp, now_ms, from.address, here.address, &segment(from, here, header, &[]));
        let (_, answer) = heard(tcp, now_ms).pop().expect("a SYN-ACK");
        let ack = Segment::parse(&answer).expect("a segment").header.seq.plus(1);
        let header =
            Header { seq: Seq(1000), ack, flags: Flags::ACK, window: 60_000, ..Header::default() };
        give(tcp, now_ms, from.address, here.address, &segment(from, here, header, &[]));
        heard(tcp, now_ms)
    };
    let visitor = at("192.0.2.2", 5000);
    open(&mut tcp, 0, visitor);
    for number in 0..30 {
        let thrown_out = open(&mut tcp, 1 + number, at("198.51.100.9", 3000 + number as u16));
        assert!(thrown_out.iter().all(|(to, _)| *to != visitor), "at {number}");
        assert_eq!(thrown_out.len(), usize::from(number >= 15), "the table holds sixteen");
    }
}

/// A few busy connections cannot take the memory that the others need to make progress.
#[test]
fn memory_is_shared() {
    let mut memory = Memory::new(Sizes { connections: 8, blocks: 8 * 7 + 8, ..HOUSE });
    let mut tcp = memory.engine(Config::default(), 1);
    let listener = tcp.listen("test", None, 80, 16).expect("a listener");
    let mut crowd = Crowd::new();
    let mut ids = Vec::new();
    for number in 0..8 {
        crowd.open(&mut tcp, 0, at("192.0.2.2", 3000 + number), at("192.0.2.1", 80));
        ids.push(tcp.accept(listener).expect("one"));
    }
    let written: Vec<usize> =
        ids.iter().map(|id| tcp.write(ms(0), *id, &[7; 100_000]).expect("may write")).collect();
    println!("{written:?}");
    assert!(written.iter().all(|bytes| *bytes >= 4096), "{written:?}");
    assert!(written.iter().any(|bytes| *bytes > 8192), "{written:?}");
}
