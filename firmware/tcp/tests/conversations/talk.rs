//! A conversation: the engine, its peers, and what was sent so far.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use corpus::segment::Bases;
use tcp::{
    Checksum, ConnectionId, Ecn, Endpoint, Flags, Flow, Header, Instant, ListenerId, Segment,
    SegmentIn, SegmentOut, Seq, Tcp, Verdict, Why,
};

use crate::seed;
use crate::support::bytes_of;
use crate::words::{Fault, Told};

/// Ports of peers are this and their number.
pub const PEER_PORT: u16 = 40_000;
/// Our port.
pub const PORT: u16 = 80;
/// A peer's first sequence number, unless a script says another.
pub const PEER_ISN: u32 = 1_000_000;
/// Polls at one moment; more is a runaway.
const POLLS_AT_ONCE: usize = 100;

/// What is known of one peer's connection.
#[derive(Clone, Debug)]
pub struct Peer {
    pub isn: Seq,
    /// The next number that the peer would send.
    pub next: Seq,
    /// Our first sequence number and clock, once seen.
    pub ours: Option<Seq>,
    pub clock: Option<u32>,
    /// The end of what we sent.
    pub sent: Seq,
    pub id: Option<ConnectionId>,
    pub written: usize,
    pub read: usize,
}

/// A segment of ours, as it left.
#[derive(Clone, Debug)]
pub struct Sent {
    pub at: Instant,
    pub peer: u16,
    pub bytes: Vec<u8>,
    pub ecn: u8,
    /// Diffserv and hop limit.
    pub ip: (u8, u8),
    pub why: String,
}

pub struct Talk<'a> {
    pub tcp: Tcp<'a>,
    pub now: Instant,
    pub peers: BTreeMap<u16, Peer>,
    pub sent: VecDeque<Sent>,
    pub log: Vec<String>,
    pub listener: Option<ListenerId>,
    pub verdict: Option<Verdict>,
    pub v6: bool,
    /// What was done, for the fuzz target.
    pub input: Vec<u8>,
}

/// The byte at a place of a stream.
pub fn byte(at: usize) -> u8 {
    (at * 7 + at / 256) as u8
}

impl<'a> Talk<'a> {
    pub fn new(tcp: Tcp<'a>, v6: bool) -> Self {
        Self {
            tcp,
            // Not zero: that all is relative to it would hide what is not.
            now: Instant::from_micros(5_000_000),
            peers: BTreeMap::new(),
            sent: VecDeque::new(),
            log: Vec::new(),
            listener: None,
            verdict: None,
            v6,
            input: Vec::new(),
        }
    }

    pub fn ours(&self) -> IpAddr {
        if self.v6 { "2001:db8::1" } else { "192.0.2.1" }.parse().expect("an address")
    }

    pub fn theirs(&self) -> IpAddr {
        if self.v6 { "2001:db8::2" } else { "192.0.2.2" }.parse().expect("an address")
    }

    pub fn flow(&self, peer: u16) -> Flow {
        Flow {
            local: Endpoint::new(self.ours(), PORT),
            remote: Endpoint::new(self.theirs(), PEER_PORT + peer),
        }
    }

    pub fn peer(&mut self, number: u16) -> &mut Peer {
        self.peers.entry(number).or_insert(Peer {
            isn: Seq(PEER_ISN),
            next: Seq(PEER_ISN),
            ours: None,
            clock: None,
            sent: Seq(0),
            id: None,
            written: 0,
            read: 0,
        })
    }

    fn note(&mut self, text: String) {
        let at = self.now.micros() - 5_000_000;
        self.log.push(format!("{:>12.6} {text}", at as f64 / 1e6));
    }

    /// A segment from a peer.
    pub fn input(&mut self, number: u16, told: &Told, our_port: u16) -> Result<(), Fault> {
        let (theirs, ours) = (self.theirs(), self.ours());
        let peer = self.peer(number);
        let our_first = peer.ours.unwrap_or(Seq(0));
        let seq = told.seq.map_or(peer.next, |seq| peer.isn.plus(seq));
        let has_ack = told.flags.has(Flags::ACK);
        let ack = match told.ack {
            Some(ack) => our_first.plus(ack),
            None if has_ack => peer.sent,
            None => Seq(0),
        };
        let length = told.length.unwrap_or(0) as usize;
        let syn = u32::from(told.flags.has(Flags::SYN));
        let first = seq.plus(syn).since(peer.isn.plus(1)) as usize;
        let data: Vec<u8> = (0..length).map(|at| byte(first.wrapping_add(at))).collect();
        let span = length as u32 + syn + u32::from(told.flags.has(Flags::FIN));
        peer.next = peer.next.max(seq.plus(span));
        let header = Header {
            seq,
            ack,
            flags: told.flags,
            window: told.window.unwrap_or(65_535),
            urgent: told.urgent.unwrap_or(0),
            options: told.options(our_first, peer.clock.unwrap_or(0)),
        };
        let source: IpAddr = match &told.source {
            Some(source) => source.parse().map_err(|_| format!("{source} is no address"))?,
            None => theirs,
        };
        let flow = Flow {
            local: Endpoint::new(source, PEER_PORT + number),
            remote: Endpoint::new(ours, told.to_port.unwrap_or(our_port)),
        };
        let segment = SegmentOut {
            flow,
            header,
            payload: [&data, &[]],
            ecn: Ecn::NotCapable,
            diffserv: 0,
            hop_limit: 64,
            why: Why::Data,
        };
        let mut bytes = match &told.raw {
            None => bytes_of(&segment),
            Some(raw) => with_raw_options(&segment, raw),
        };
        bytes.truncate(bytes.len() - told.cut);
        let mut checksum = Checksum::Software;
        if told.bad_checksum {
            bytes[16] ^= 0x10;
        } else if told.raw.is_some() || told.cut > 0 {
            checksum = Checksum::Device;
        }
        if !told.bad_checksum {
            let peer = &self.peers[&number];
            let bases = Bases { seq: peer.isn.0, ack: our_first.0, clock: peer.clock.unwrap_or(0) };
            seed::segment(&mut self.input, number, &bytes, bases);
        }
        let input = SegmentIn {
            source,
            destination: ours,
            ecn: Ecn::from_bits(told.ecn.unwrap_or(0)),
            checksum,
            bytes: &bytes,
        };
        let verdict = self.tcp.input(self.now, &input);
        self.verdict = Some(verdict);
        let line = self.line(number, &bytes, true);
        self.note(format!("peer{} {line}   ({verdict})", tag(number)));
        self.poll()
    }

    /// Lets the engine send what it has to.
    pub fn poll(&mut self) -> Result<(), Fault> {
        for _ in 0..POLLS_AT_ONCE {
            let mut out = Vec::new();
            self.tcp.poll_output(self.now, &mut |segment| {
                let why = segment.why.to_string();
                let peer = segment.flow.remote.port.wrapping_sub(PEER_PORT);
                let ip = (segment.diffserv, segment.hop_limit);
                out.push((peer, bytes_of(segment), segment.ecn.bits(), ip, why));
                true
            });
            if out.is_empty() && self.tcp.next_deadline().is_none_or(|at| at > self.now) {
                return Ok(());
            }
            for (number, bytes, ecn, ip, why) in out {
                self.take(number, bytes, ecn, ip, why);
            }
        }
        Err("it sends and sends".into())
    }

    fn take(&mut self, number: u16, bytes: Vec<u8>, ecn: u8, ip: (u8, u8), why: String) {
        let at = self.now;
        let segment = Segment::parse(&bytes).expect("what we send is a segment");
        let header = segment.header.clone();
        let (end, length) = (header.seq.plus(segment.length()), segment.length());
        let peer = self.peer(number);
        if header.flags.has(Flags::SYN) {
            // A new connection counts anew.
            if peer.ours != Some(header.seq) {
                peer.ours = Some(header.seq);
                peer.sent = end;
                peer.clock = None;
            }
        }
        if length > 0 && !header.flags.has(Flags::RST) {
            peer.sent = peer.sent.max(end);
        }
        if let Some(stamps) = header.options.timestamps {
            peer.clock.get_or_insert(stamps.value);
        }
        let line = self.line(number, &bytes, false);
        self.note(format!("tcp{} {line} why {why}", tag(number)));
        self.sent.push_back(Sent { at, peer: number, bytes, ecn, ip, why });
    }

    /// Passes time, polling whenever the engine asks for it; stops early when something is sent
    /// and `until_sent`.
    pub fn wait(&mut self, us: u64, until_sent: bool) -> Result<(), Fault> {
        let start = self.now;
        let result = self.pass(us, until_sent);
        seed::wait(&mut self.input, self.now.since(start));
        result
    }

    fn pass(&mut self, us: u64, until_sent: bool) -> Result<(), Fault> {
        let end = self.now.after(us);
        for _ in 0..100_000 {
            let next = self.tcp.next_deadline().unwrap_or(Instant::NEVER);
            if next > end {
                self.now = end;
                return self.poll();
            }
            self.now = self.now.max(next);
            let before = self.sent.len();
            self.poll()?;
            if until_sent && self.sent.len() > before {
                return Ok(());
            }
        }
        Err("a timer storm".into())
    }

    /// A segment in a script's words.
    pub fn line(&mut self, number: u16, bytes: &[u8], from_peer: bool) -> String {
        let Ok(segment) = Segment::parse(bytes) else { return "no segment".into() };
        let header = &segment.header;
        let peer = self.peer(number);
        let ours = peer.ours.unwrap_or(Seq(0));
        let clock = peer.clock.unwrap_or(0);
        let (mine, others) = if from_peer { (peer.isn, ours) } else { (ours, peer.isn) };
        let relative = |seq: Seq, first: Seq| seq.since(first) as i32;
        let flags = header.flags;
        let mut line = format!("{flags} seq {}", relative(header.seq, mine));
        if !segment.payload.is_empty() {
            line += &format!("+{}", segment.payload.len());
        }
        if flags.has(Flags::ACK) {
            line += &format!(" ack {}", relative(header.ack, others));
        }
        line += &format!(" win {}", header.window);
        let options = &header.options;
        if flags.has(Flags::URG) {
            line += &format!(" urg {}", header.urgent);
        }
        if let Some(mss) = options.mss {
            line += &format!(" mss {mss}");
        }
        if let Some(scale) = options.window_scale {
            line += &format!(" ws {scale}");
        }
        if options.sack_permitted {
            line += " sackok";
        }
        if let Some(stamps) = options.timestamps {
            let (value, echo) = if from_peer {
                (stamps.value as i32, stamps.echo.wrapping_sub(clock) as i32)
            } else {
                (stamps.value.wrapping_sub(clock) as i32, stamps.echo as i32)
            };
            line += &format!(" ts {value} {echo}");
        }
        for block in &options.sack {
            let (left, right) = (relative(block.left, others), relative(block.right, others));
            line += &format!(" sack {left}:{right}");
        }
        line
    }
}

/// `@2` for the second peer, nothing for the first.
pub fn tag(number: u16) -> String {
    if number == 1 { String::new() } else { format!("@{number}") }
}

/// The segment with these bytes as its options.
fn with_raw_options(segment: &SegmentOut<'_>, raw: &[u8]) -> Vec<u8> {
    let mut bytes = bytes_of(segment);
    bytes.splice(20..20, raw.iter().copied());
    bytes[12] = (((20 + raw.len()) / 4) << 4) as u8;
    bytes
}
