//! TCP, from the peers' side. Input: a byte of choices, then pieces, see [`corpus::tag::tcp`].
//!
//! The data of both sides is a function of its sequence number or place, so that every byte is
//! known wherever it turns up, and an input needs no data.

use std::net::IpAddr;

use corpus::segment::{Bases, shift};
use corpus::tag::tcp as tag;
use tcp::limits::SEGMENTS_PER_POLL_MAX;
use tcp::{
    Block, Checksum, Config, ConnectionConfig, ConnectionId, Ecn, EcnUse, Endpoint, Entry, Flags,
    Flow, HalfOpen, IcmpError, IcmpKind, Instant, ListenerId, Read, Segment, SegmentIn, SegmentOut,
    Seq, Slot, Storage, Tcp, TimeWait,
};

/// Connections, half-open ones, ones in TIME-WAIT, and blocks beyond those that all can have.
const CONNECTIONS: usize = 3;
const HALF_OPEN: usize = 3;
const TIME_WAIT: usize = 2;
const BLOCKS: usize = CONNECTIONS * 7 + 19;
/// Pieces of one input: beyond them is only more of the same.
const PIECES_MAX: usize = 400;
/// Segments that may be sent for one that was received, or for one deadline that came.
const ANSWERS_MAX: usize = 64;
/// Wakes by deadlines in one wait.
const WAKES_MAX: usize = 500;
/// Wakes until everything has ended: a SYN-ACK is repeated so often, a connection lingers.
const LAST_WAKES_MAX: usize = 10_000;
/// Deadlines that may come without anything to send, besides one for each step and segment.
const IDLE_WAKES: usize = 64;
/// Our port, and that of the first peer.
const PORT: u16 = 80;
const PEER_PORT: u16 = 40_001;
/// Peers' first sequence number, from which those of the inputs count.
const PEER_FIRST: Seq = Seq(1_000_000);

/// Nothing panics; a segment is answered by no more than [`ANSWERS_MAX`]; deadlines lie ahead, and
/// hardly ever come for nothing; what is read and what is sent are the streams that were written;
/// and in the end, when nobody holds anything, all memory is free.
pub fn check(input: &[u8]) {
    let Some((&choices, input)) = input.split_first() else { return };
    let mut memory = Memory::new();
    let mut talk = Talk::new(&mut memory, choices);
    for (tag, bytes) in corpus::pieces(input).take(PIECES_MAX) {
        talk.step(tag, bytes);
    }
    talk.end();
}

/// An engine's memory.
struct Memory {
    connections: Vec<Slot>,
    entries: Vec<Entry>,
    half_open: Vec<Option<HalfOpen>>,
    time_wait: Vec<Option<TimeWait>>,
    blocks: Vec<Block>,
}

impl Memory {
    fn new() -> Self {
        Self {
            connections: (0..CONNECTIONS).map(|_| Slot::EMPTY).collect(),
            entries: vec![Entry::EMPTY; CONNECTIONS],
            half_open: vec![None; HALF_OPEN],
            time_wait: vec![None; TIME_WAIT],
            blocks: vec![[0; tcp::limits::BLOCK_BYTES]; BLOCKS],
        }
    }
}

/// The data byte at a place: another for each, as far as a byte can be.
fn byte(at: u32) -> u8 {
    (at.wrapping_mul(0x9e37_79b1) >> 24) as u8
}

/// Are these the bytes from a place on?
fn is_stream(bytes: &[u8], from: u32) -> bool {
    (0..).zip(bytes).all(|(at, got)| *got == byte(from.wrapping_add(at)))
}

/// What is known of a peer and the latest connection with it.
#[derive(Debug, Default)]
struct Peer {
    id: Option<ConnectionId>,
    /// Our first sequence numbers, of all SYNs that we sent to it.
    ours: Vec<Seq>,
    /// What comes next from it and from us, as far as we have told it.
    next: Seq,
    sent: Seq,
    /// Our first timestamp.
    clock: u32,
    /// What a first byte's number may be: those behind all of its SYNs.
    firsts: Vec<Seq>,
    /// What was read in this connection.
    read: Vec<u8>,
    /// Bytes that may be in the streams that we write: the most of all connections.
    written: u32,
    /// The same in this one.
    written_here: u32,
}

struct Talk<'a> {
    tcp: Tcp<'a>,
    now: Instant,
    listener: ListenerId,
    peers: [Peer; tag::PEERS],
    v6: bool,
    mtu: usize,
    steps: usize,
    sent: usize,
    idle_wakes: usize,
    /// The device has refused something: what comes now may be what waited.
    waits: bool,
}

impl<'a> Talk<'a> {
    fn new(memory: &'a mut Memory, choices: u8) -> Self {
        let chosen = |bit: u8| choices >> bit & 1 != 0;
        let mut config = Config {
            timestamps: !chosen(0),
            sack: !chosen(1),
            window_scaling: !chosen(2),
            ecn: [EcnUse::WhenAsked, EcnUse::Always][usize::from(chosen(3))],
            ..Config::default()
        };
        if chosen(4) {
            config.mtu = 600;
        }
        let storage = Storage {
            connections: &mut memory.connections,
            entries: &mut memory.entries,
            half_open: &mut memory.half_open,
            time_wait: &mut memory.time_wait,
            blocks: &mut memory.blocks,
        };
        let mut tcp = Tcp::new(storage, config, [7; 16]);
        let listener = tcp.listen("fuzz", None, PORT, 2).expect("one of many listeners");
        Self {
            tcp,
            now: Instant::from_micros(5_000_000),
            listener,
            peers: Default::default(),
            v6: chosen(5),
            mtu: config.mtu.into(),
            steps: 0,
            sent: 0,
            idle_wakes: 0,
            waits: false,
        }
    }

    fn address(&self, last: u16) -> IpAddr {
        match self.v6 {
            false => [192, 0, 2, last as u8].into(),
            true => [0x2001, 0xdb8, 0, 0, 0, 0, 0, last].into(),
        }
    }

    fn flow(&self, peer: usize) -> Flow {
        Flow {
            local: Endpoint::new(self.address(1), PORT),
            remote: Endpoint::new(self.address(2), PEER_PORT + peer as u16),
        }
    }

    fn step(&mut self, tag: u8, bytes: &[u8]) {
        self.steps += 1;
        let number = |at: usize| {
            let bytes = bytes.get(at..).unwrap_or_default();
            (0..)
                .zip(bytes.iter().take(4))
                .fold(0, |sum, (at, byte)| sum | u32::from(*byte) << (8 * at))
        };
        let short = |at: usize| number(at) as u16;
        match tag {
            tag::WAIT => return self.wait(number(0)),
            tag::ACCEPT => self.accept(),
            _ => {
                let Some((&first, rest)) = bytes.split_first() else { return };
                let peer = usize::from(first) % tag::PEERS;
                let from_next = first & tag::NEXT != 0;
                match (tag, self.peers[peer].id) {
                    (tag::SEGMENT, _) => return self.segment(peer, from_next, rest),
                    (tag::CONNECT, _) => self.connect(peer),
                    (tag::ICMP, _) => self.icmp(peer, from_next, rest, [number(2), number(6)]),
                    (tag::REFUSE, _) => return self.refuse(first),
                    (_, None) => return,
                    (tag::WRITE, Some(id)) => self.write(peer, id, short(1)),
                    (tag::READ, Some(id)) => self.read(peer, id, short(1)),
                    (tag::CLOSE, Some(id)) => drop(self.tcp.close(self.now, id)),
                    (tag::ABORT, Some(id)) => drop(self.tcp.abort(self.now, id)),
                    (tag::GIVE_BACK, Some(id)) => {
                        self.peers[peer].id = None;
                        let _ = self.tcp.give_back(self.now, id);
                    }
                    (tag::CHOOSE, Some(id)) => self.choose(id, rest, short(2)),
                    _ => return,
                }
            }
        }
        self.poll();
    }

    fn segment(&mut self, peer: usize, from_next: bool, bytes: &[u8]) {
        let Some((&[low, high], header)) = bytes.split_first_chunk() else { return };
        let mut segment = header.to_vec();
        let known = &self.peers[peer];
        let first = known.ours.last().copied().unwrap_or_default();
        let (seq, ack) = if from_next { (known.next, known.sent) } else { (PEER_FIRST, first) };
        shift(&mut segment, Bases { seq: seq.0, ack: ack.0, clock: known.clock });
        if let Some(port) = segment.get_mut(..2) {
            port.copy_from_slice(&(PEER_PORT + peer as u16).to_be_bytes());
        }
        let header_bytes = segment.get(12).map_or(0, |byte| usize::from(byte >> 4) * 4);
        segment.truncate(header_bytes);
        // Data only behind a whole header.
        if let Ok(Segment { header, .. }) = Segment::parse(&segment) {
            let syn = header.flags.has(Flags::SYN);
            let begin = header.seq.plus(u32::from(syn));
            if syn && !self.peers[peer].firsts.contains(&begin) {
                self.peers[peer].firsts.push(begin);
            }
            let length = u32::from(u16::from_le_bytes([low, high]) % 4096);
            segment.extend((0..length).map(|at| byte(begin.plus(at).0)));
        }
        let input = SegmentIn {
            source: self.address(2),
            destination: self.address(1),
            ecn: Ecn::from_bits(high >> 6),
            checksum: Checksum::Device,
            bytes: &segment,
        };
        self.tcp.input(self.now, &input);
        let waited = std::mem::take(&mut self.waits);
        let sent = self.poll();
        assert!(waited || sent <= ANSWERS_MAX, "{sent} segments for one");
    }

    fn connect(&mut self, peer: usize) {
        let flow = self.flow(peer);
        if let Ok(id) = self.tcp.connect(self.now, "fuzz", flow.local, flow.remote) {
            self.hold(peer, id);
        }
    }

    fn accept(&mut self) {
        let Some(id) = self.tcp.accept(self.listener) else { return };
        let info = self.tcp.connection(self.now, id).expect("just accepted");
        self.hold(usize::from(info.flow.remote.port - PEER_PORT), id);
    }

    /// A connection with a peer; the one before, if it is still held, is not any more.
    fn hold(&mut self, peer: usize, id: ConnectionId) {
        let known = &mut self.peers[peer];
        known.read.clear();
        known.written_here = 0;
        if let Some(before) = known.id.replace(id) {
            let _ = self.tcp.give_back(self.now, before);
        }
    }

    fn icmp(&mut self, peer: usize, from_next: bool, bytes: &[u8], [seq, mtu]: [u32; 2]) {
        let kind = match bytes.first().copied().unwrap_or(0) % 5 {
            0 => IcmpKind::TooBig { mtu },
            1 => IcmpKind::Refused,
            2 => IcmpKind::Unreachable,
            3 => IcmpKind::Transit,
            _ => IcmpKind::Quench,
        };
        let known = &self.peers[peer];
        let first = known.ours.last().copied().unwrap_or_default();
        let seq = if from_next { known.sent } else { first }.plus(seq);
        self.tcp.icmp(self.now, &IcmpError { kind, flow: self.flow(peer), seq });
    }

    fn choose(&mut self, id: ConnectionId, bytes: &[u8], tenths: u16) {
        let bits = bytes.first().copied().unwrap_or(0);
        let quiet_us = (u64::from(tenths) + 1) * 100_000;
        let config = ConnectionConfig {
            no_delay: bits & 1 != 0,
            keep_alive_us: (bits & 2 != 0).then_some(quiet_us),
            keep_alive_interval_us: quiet_us,
            user_timeout_us: if bits & 4 != 0 { quiet_us } else { tcp::limits::USER_TIMEOUT_US },
            ..ConnectionConfig::default()
        };
        let _ = self.tcp.set_config(self.now, id, config);
        if bits & 8 != 0 {
            let _ = self.tcp.mark_urgent(self.now, id);
        }
    }

    fn write(&mut self, peer: usize, id: ConnectionId, count: u16) {
        let known = &mut self.peers[peer];
        let from = known.written_here;
        let bytes: Vec<u8> = (from..from + u32::from(count)).map(byte).collect();
        known.written_here += self.tcp.write(self.now, id, &bytes).unwrap_or(0) as u32;
        known.written = known.written.max(known.written_here);
    }

    fn read(&mut self, peer: usize, id: ConnectionId, count: u16) {
        let mut out = vec![0; usize::from(count)];
        if let Ok(Read::Bytes(count)) = self.tcp.read(self.now, id, &mut out) {
            let known = &mut self.peers[peer];
            known.read.extend(&out[..count]);
            // Which of its SYNs began this connection is the engine's to know; but it is one.
            let is_it = |first: &Seq| is_stream(&known.read, first.0);
            let at = known.firsts.iter().rposition(is_it).expect("what is read was sent");
            // The next time it is found at once.
            let last = known.firsts.len() - 1;
            known.firsts.swap(at, last);
        }
    }

    fn refuse(&mut self, taken: u8) {
        let mut left = taken;
        let mut out = Vec::new();
        self.tcp.poll_output(self.now, &mut |segment| {
            let takes = left > 0;
            left = left.saturating_sub(1);
            if takes {
                out.push(Sent::of(segment));
            }
            takes
        });
        self.waits = true;
        out.iter().for_each(|sent| self.took(sent));
    }

    /// Lets the engine send; returns how many segments it sent.
    fn poll(&mut self) -> usize {
        let mut count = 0;
        loop {
            let mut out = Vec::new();
            let sent = self.tcp.poll_output(self.now, &mut |segment| {
                out.push(Sent::of(segment));
                true
            });
            assert!(sent == out.len() && sent <= SEGMENTS_PER_POLL_MAX);
            count += sent;
            out.iter().for_each(|sent| self.took(sent));
            while self.tcp.next_event().is_some() {}
            if sent == 0 {
                break;
            }
        }
        self.sent += count;
        let due = self.tcp.next_deadline();
        assert!(due.is_none_or(|due| due > self.now), "{due:?} is not after {:?}", self.now);
        count
    }

    /// The wire has a segment of ours.
    fn took(&mut self, sent: &Sent) {
        let Sent { flow, bytes } = sent;
        assert_eq!((flow.local.address, flow.remote.address), (self.address(1), self.address(2)));
        let ip_bytes = if self.v6 { 40 } else { 20 };
        assert!(bytes.len() + ip_bytes <= self.mtu, "{} bytes", bytes.len());
        let segment = Segment::parse(bytes).expect("what is sent is a segment");
        let header = &segment.header;
        let end = header.seq.plus(segment.length());
        let peer = usize::from(flow.remote.port - PEER_PORT);
        let Some(known) = self.peers.get_mut(peer) else { panic!("sent to nobody: {flow:?}") };
        if header.flags.has(Flags::RST) {
            return;
        }
        if header.flags.has(Flags::SYN) {
            if known.ours.last() != Some(&header.seq) {
                known.clock = 0;
            }
            known.ours.retain(|first| *first != header.seq);
            known.ours.push(header.seq);
            known.sent = end;
        }
        known.sent = known.sent.max(end);
        if header.flags.has(Flags::ACK) {
            known.next = header.ack;
        }
        if let Some(stamps) = header.options.timestamps
            && known.clock == 0
        {
            known.clock = stamps.value;
        }
        let is_ours = |first: &Seq| {
            let at = header.seq.since(first.plus(1));
            let end = at.checked_add(segment.payload.len() as u32);
            end.is_some_and(|end| end <= known.written) && is_stream(segment.payload, at)
        };
        let is_written = segment.payload.is_empty() || known.ours.iter().any(is_ours);
        assert!(is_written, "what is sent was written: {header:?}");
    }

    fn wait(&mut self, milliseconds: u32) {
        let end = self.now.after(u64::from(milliseconds) * 1000);
        for _ in 0..WAKES_MAX {
            match self.tcp.next_deadline().filter(|due| *due <= end) {
                Some(due) => self.wake(due),
                None => {
                    self.now = end;
                    self.poll();
                    return;
                }
            }
        }
    }

    /// A deadline has come.
    fn wake(&mut self, due: Instant) {
        self.now = self.now.max(due);
        let waited = std::mem::take(&mut self.waits);
        let sent = self.poll();
        assert!(waited || sent <= ANSWERS_MAX * CONNECTIONS, "{sent} segments at a deadline");
        self.idle_wakes += usize::from(sent == 0);
        let most = IDLE_WAKES + self.steps + self.sent;
        assert!(self.idle_wakes <= most, "{} of {most} wakes for nothing", self.idle_wakes);
    }

    /// Nobody holds anything any more, and nobody answers.
    fn end(mut self) {
        for peer in 0..tag::PEERS {
            if let Some(id) = self.peers[peer].id.take() {
                let _ = self.tcp.give_back(self.now, id);
            }
        }
        self.tcp.unlisten(self.now, self.listener);
        self.waits = true;
        self.poll();
        for _ in 0..LAST_WAKES_MAX {
            match self.tcp.next_deadline() {
                Some(due) => self.wake(due),
                None => break,
            }
        }
        assert_eq!(self.tcp.next_deadline(), None);
        assert_eq!(self.tcp.memory().0, 0, "bytes of memory that nobody has");
        assert_eq!(self.tcp.connections(self.now).count(), 0);
    }
}

/// A segment as it leaves.
struct Sent {
    flow: Flow,
    bytes: Vec<u8>,
}

impl Sent {
    fn of(segment: &SegmentOut<'_>) -> Self {
        let mut bytes = vec![0; segment.length()];
        segment.emit(&mut bytes, Checksum::Device);
        Self { flow: segment.flow, bytes }
    }
}
