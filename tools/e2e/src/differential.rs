//! The conversations of TCP's scripts, with our engine and with Linux: what each answers.
//!
//! The seeds of the fuzz target `tcp` are the scripts ([`corpus::tag::tcp`]). Those are taken that
//! need no virtual time and nothing that Linux's sockets do not do. All go on at once, a step each
//! [`STEP`]: what a side sends until the next step is its answer.
//!
//! ```text
//!   seed ──┬──> our engine, in virtual time ─────────────────────────┬──> answers, compared
//!          └──> veth ──> Linux, with a socket that listens ──> veth ──┘
//! ```

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use corpus::segment::{Bases, shift};
use corpus::tag::tcp as tag;
use tcp::{
    Checksum, Config, ConnectionId, Ecn, Entry, Flags, Instant, ListenerId, Read, Segment,
    SegmentIn, Slot, Storage, Tcp,
};

mod linux;

use linux::Linux;

/// Between two steps: longer than an ACK is delayed (40 ms), shorter than anything is sent again
/// (200 ms).
const STEP: Duration = Duration::from_millis(60);
/// Ours is the listening side on both stacks.
const OURS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const THEIRS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const PORT: u16 = 80;
/// Conversations that there are at least; fewer means that some were lost.
const COUNT_MIN: usize = 150;
/// Peers' ports; each conversation has [`tag::PEERS`] of them.
const PEER_PORT: u16 = 20_000;
/// Peers' first sequence number.
const PEER_FIRST: u32 = 1_000_000;

/// A conversation that went differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The script's file and title.
    pub name: String,
    /// The first step that was answered differently: what was done, what ours said, what Linux did.
    pub step: String,
}

/// A script that can be played on both.
struct Conversation {
    name: String,
    steps: Vec<(u8, Vec<u8>)>,
}

/// What was seen of all of them.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Conversations.
    pub conversations: usize,
    /// Segments and results of calls in which both agreed.
    pub agreed: usize,
    /// Conversations that differ.
    pub differences: Vec<Difference>,
}

/// Plays all of them.
///
/// # Errors
/// Without root.
pub fn run() -> Result<Seen> {
    let conversations = conversations()?;
    let linux = Linux::play(&conversations)?;
    let mut seen = Seen { conversations: conversations.len(), ..Seen::default() };
    for (conversation, theirs) in conversations.iter().zip(linux) {
        let ours = Ours::play(conversation);
        for ((ours, theirs), step) in ours.iter().zip(&theirs).zip(&conversation.steps) {
            if ours != theirs {
                let step = format!("{}: ours {ours:?}, Linux {theirs:?}", shown(step));
                seen.differences.push(Difference { name: conversation.name.clone(), step });
                break;
            }
            seen.agreed += ours.len();
        }
    }
    Ok(seen)
}

fn conversations() -> Result<Vec<Conversation>> {
    let mut all = Vec::new();
    for (_, input) in corpus::inputs("tcp").context("read the corpus")? {
        let Some((0, pieces)) = input.split_first().map(|(first, rest)| (*first, rest)) else {
            continue;
        };
        let mut steps: Vec<_> =
            corpus::pieces(pieces).map(|(tag, bytes)| (tag, bytes.to_vec())).collect();
        let Some((tag::NAME, name)) = steps.pop() else { continue };
        let is_played = |(tag, _): &(u8, Vec<u8>)| {
            matches!(
                *tag,
                tag::SEGMENT
                    | tag::ACCEPT
                    | tag::WRITE
                    | tag::READ
                    | tag::CLOSE
                    | tag::ABORT
                    | tag::GIVE_BACK
            )
        };
        if !steps.is_empty() && steps.iter().all(is_played) {
            all.push(Conversation { name: String::from_utf8(name)?, steps });
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

fn shown((tag, bytes): &(u8, Vec<u8>)) -> String {
    let count = u16::from_le_bytes([byte(bytes, 1), byte(bytes, 2)]);
    match *tag {
        tag::SEGMENT => format!("peer {}", line(&bytes[3..], count.into(), Bases::default())),
        tag::ACCEPT => "accept".into(),
        tag::WRITE => format!("write {count}"),
        tag::READ => format!("read {count}"),
        tag::CLOSE => "close".into(),
        tag::ABORT => "abort".into(),
        _ => "give back".into(),
    }
}

fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// A segment as it is compared: windows, clocks and pushes are each stack's own.
fn line(bytes: &[u8], more: usize, bases: Bases) -> String {
    let Ok(segment) = Segment::parse(bytes) else { return "no segment".into() };
    let (header, length) = (&segment.header, segment.payload.len() + more);
    let flags = Flags(header.flags.0 & !Flags::PSH.0);
    let relative = |seq: u32, base: u32| seq.wrapping_sub(base) as i32;
    let mut text = format!("{flags} {}+{length}", relative(header.seq.0, bases.seq));
    if flags.has(Flags::ACK) {
        text += &format!(" ack {}", relative(header.ack.0, bases.ack));
    }
    let options = &header.options;
    let told = [
        ("mss", options.mss.is_some()),
        ("ws", options.window_scale.is_some()),
        ("sackok", options.sack_permitted),
        ("ts", options.timestamps.is_some()),
        ("closed", header.window == 0 && !flags.has(Flags::RST)),
    ];
    for (name, _) in told.into_iter().filter(|(_, is_there)| *is_there) {
        text += &format!(" {name}");
    }
    for block in &options.sack {
        let edge = |seq: tcp::Seq| relative(seq.0, bases.ack);
        text += &format!(" sack {}:{}", edge(block.left), edge(block.right));
    }
    text
}

/// What a peer knows of the other side's numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    first: Option<u32>,
    clock: Option<u32>,
    /// The end of what was sent: what comes again is a matter of time, and not compared.
    end: u32,
}

#[derive(Debug, Default)]
struct Peers([Known; tag::PEERS]);

impl Peers {
    /// The segment of a step, with the numbers that the other side expects.
    fn segment(&self, bytes: &[u8], port: u16) -> (usize, Vec<u8>) {
        let peer = usize::from(byte(bytes, 0)) % tag::PEERS;
        let known = self.0[peer];
        let mut segment = bytes.get(3..).unwrap_or_default().to_vec();
        let (ack, clock) = (known.first.unwrap_or(0), known.clock.unwrap_or(0));
        shift(&mut segment, Bases { seq: PEER_FIRST, ack, clock });
        let length = usize::from(u16::from_le_bytes([byte(bytes, 1), byte(bytes, 2)]));
        segment.resize(segment.len() + length, 0);
        if let Some(ports) = segment.get_mut(..2) {
            ports.copy_from_slice(&(port + peer as u16).to_be_bytes());
        }
        (peer, segment)
    }

    /// A segment of the other side, to be compared; none if it was sent before.
    fn answer(&mut self, peer: usize, bytes: &[u8]) -> Option<String> {
        let Ok(segment) = Segment::parse(bytes) else { return Some("no segment".into()) };
        let header = &segment.header;
        let known = &mut self.0[peer];
        if header.flags.has(Flags::SYN) && known.first != Some(header.seq.0) {
            *known = Known { first: Some(header.seq.0), clock: None, end: header.seq.0 };
        }
        if let Some(stamps) = header.options.timestamps {
            known.clock.get_or_insert(stamps.value);
        }
        let end = header.seq.plus(segment.length()).0;
        let is_new = (end.wrapping_sub(known.end) as i32) > 0;
        if segment.length() > 0 && !is_new && !header.flags.has(Flags::SYN) {
            return None;
        }
        if is_new && !header.flags.has(Flags::RST) {
            known.end = end;
        }
        let bases = Bases { seq: known.first.unwrap_or(0), ack: PEER_FIRST, clock: 0 };
        let tag = if peer == 0 { String::new() } else { format!("@{} ", peer + 1) };
        Some(format!("{tag}{}", line(bytes, 0, bases)))
    }
}

/// Our engine, in virtual time.
struct Ours<'a> {
    tcp: Tcp<'a>,
    now: Instant,
    listener: ListenerId,
    held: [Option<ConnectionId>; tag::PEERS],
    peers: Peers,
}

impl Ours<'_> {
    /// What it answers at each step.
    fn play(conversation: &Conversation) -> Vec<Vec<String>> {
        let mut slots: Vec<_> = (0..8).map(|_| Slot::EMPTY).collect();
        let mut blocks = vec![[0; tcp::limits::BLOCK_BYTES]; 400];
        let storage = Storage {
            connections: &mut slots,
            entries: &mut [Entry::EMPTY; 8],
            half_open: &mut [None; 8],
            time_wait: &mut [None; 8],
            blocks: &mut blocks,
        };
        let mut tcp = Tcp::new(storage, Config::default(), [7; 16]);
        let listener = tcp.listen("differential", None, PORT, 8).expect("a listener");
        let now = Instant::from_micros(5_000_000);
        let mut ours = Ours { tcp, now, listener, held: [None; _], peers: Peers::default() };
        conversation.steps.iter().map(|(tag, bytes)| ours.step(*tag, bytes)).collect()
    }

    fn step(&mut self, tag: u8, bytes: &[u8]) -> Vec<String> {
        let (now, count) = (self.now, u16::from_le_bytes([byte(bytes, 1), byte(bytes, 2)]));
        let peer = usize::from(byte(bytes, 0)) % tag::PEERS;
        let mut answers = Vec::new();
        match (tag, self.held[peer]) {
            (tag::SEGMENT, _) => {
                let (_, segment) = self.peers.segment(bytes, PEER_PORT);
                self.tcp.input(
                    now,
                    &SegmentIn {
                        source: THEIRS.into(),
                        destination: OURS.into(),
                        ecn: Ecn::NotCapable,
                        checksum: Checksum::Device,
                        bytes: &segment,
                    },
                );
            }
            (tag::ACCEPT, _) => {
                let id = self.tcp.accept(self.listener);
                let info = id.and_then(|id| self.tcp.connection(now, id).ok());
                if let Some(info) = info {
                    self.held[usize::from(info.flow.remote.port - PEER_PORT)] = id;
                }
                answers.push(format!("{}", id.is_some()));
            }
            (_, None) => {}
            (tag::WRITE, Some(id)) => {
                let written = self.tcp.write(now, id, &vec![0; count.into()]);
                answers.push(written.map_or("refused".into(), |count| count.to_string()));
            }
            (tag::READ, Some(id)) => {
                let mut out = vec![0; count.into()];
                answers.push(match self.tcp.read(now, id, &mut out) {
                    Ok(Read::Bytes(count)) => count.to_string(),
                    Ok(Read::Finished) => "0".into(),
                    Ok(Read::Empty) => "empty".into(),
                    Ok(Read::Ended(_)) | Err(_) => "error".into(),
                });
            }
            (tag::CLOSE, Some(id)) => drop(self.tcp.close(now, id)),
            (tag::ABORT, Some(id)) => drop(self.tcp.abort(now, id)),
            (_, Some(id)) => {
                self.held[peer] = None;
                let _ = self.tcp.give_back(now, id);
            }
        }
        let end = now.after(STEP.as_micros() as u64);
        loop {
            let (peers, now) = (&mut self.peers, self.now);
            self.tcp.poll_output(now, &mut |segment| {
                let mut bytes = vec![0; segment.length()];
                segment.emit(&mut bytes, Checksum::Device);
                let peer = usize::from(segment.flow.remote.port - PEER_PORT);
                answers.extend(peers.answer(peer, &bytes));
                true
            });
            match self.tcp.next_deadline().filter(|due| *due < end) {
                Some(due) => self.now = due.max(now),
                None => break,
            }
        }
        self.now = end;
        answers
    }
}

/// The names of docs/tcp-conformance.md below "Beside Linux".
///
/// # Errors
/// If it cannot be read.
pub fn judged() -> Result<Vec<String>> {
    let file = xtask::workspace::root().join("docs/tcp-conformance.md");
    let text = std::fs::read_to_string(&file).context("read docs/tcp-conformance.md")?;
    let (_, table) = text.split_once("## Beside Linux").context("no section \"Beside Linux\"")?;
    let names = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    Ok(names.map(Into::into).collect())
}

/// The trial: every difference has been judged.
///
/// # Errors
/// If there is one that has not.
pub fn every_difference_is_judged() -> Result<()> {
    let Seen { conversations: count, agreed, differences } = run()?;
    let judged = judged()?;
    ensure!(count >= COUNT_MIN, "only {count} conversations: cargo xtask fuzz --seed writes them");
    for name in judged.iter().filter(|name| differences.iter().all(|one| one.name != **name)) {
        println!("no longer different: {name}");
    }
    let new: Vec<_> = differences.iter().filter(|one| !judged.contains(&one.name)).collect();
    println!(
        "{count} conversations, {agreed} answers agree, {} end differently",
        differences.len()
    );
    let shown: Vec<_> = new.iter().map(|one| format!("{}\n  {}", one.name, one.step)).collect();
    ensure!(new.is_empty(), "not in docs/tcp-conformance.md:\n{}", shown.join("\n"));
    Ok(())
}
