//! Connections that are kept for harm: 64 peers of a kind, each with an address of its own. Whom
//! the board throws out comes again.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::attack::during;
use crate::attack::polite::{Served, ask};
use crate::frame::{Arp, Body, Frame, Mac, Payload, Tcp, arp_frame, flag, ipv4_frame};
use crate::packet_socket::PacketSocket;
use crate::raw_peer::Neighbor;
use crate::stage::Session;
use crate::tool::curl;
use crate::wait::{PATIENCE, until};

/// Connections of each kind.
pub const EACH: usize = 64;
/// The first address of the crowd, one for each connection of a kind.
const FIRST: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 100);
/// Their Ethernet address.
const CROWD_MAC: Mac = Mac([0x02, 0xba, 0x5e, 0, 1, 0]);
/// Who was thrown out, or not let in, comes again after this long.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// A SYN that nobody answers is sent again after this long.
const SYN_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// A slow reader takes [`SIP_BYTES`] this often.
const SIP_INTERVAL: Duration = Duration::from_millis(500);
/// Bytes of its window.
const SIP_BYTES: u16 = 100;
/// How long the crowd listens before it looks at the time.
const LISTEN: Duration = Duration::from_millis(5);

/// Requests ahead of any answer: what they ask for is more than a ring of the board holds.
const MUCH: usize = 12;

/// How a connection is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The handshake's last ACK never comes.
    HalfOpen,
    /// Nothing is ever said.
    Idle,
    /// Much is asked for, and taken 100 bytes at a time.
    SlowRead,
    /// Much is asked for, and the window is shut for ever; probes are answered.
    ZeroWindow,
    /// The board's FIN is acknowledged, and ours never comes.
    FinWait2,
    /// Our FIN comes, and the board's is never acknowledged.
    LastAck,
    /// Much is asked for, and then there is nobody.
    Vanished,
}

/// All kinds.
pub const KINDS: [Kind; 7] = [
    Kind::HalfOpen,
    Kind::Idle,
    Kind::SlowRead,
    Kind::ZeroWindow,
    Kind::FinWait2,
    Kind::LastAck,
    Kind::Vanished,
];

impl Kind {
    /// True of a row of `/sockets.json` that is where this kind wants it.
    fn keeps(self, socket: &Value) -> bool {
        let is = |state: &str| socket["state"] == state;
        let queued = |name: &str| socket[name].as_u64() > Some(0);
        match self {
            Self::HalfOpen => is("SYN_RECV"),
            Self::Idle => is("ESTABLISHED"),
            Self::SlowRead | Self::ZeroWindow | Self::Vanished => {
                queued("send_queued") || queued("receive_queued")
            }
            Self::FinWait2 => is("FIN_WAIT2"),
            Self::LastAck => is("LAST_ACK"),
        }
    }

    fn request(self) -> Vec<u8> {
        let get = |fields: &str| format!("GET / HTTP/1.1\r\nHost: board\r\n{fields}\r\n");
        match self {
            Self::HalfOpen | Self::Idle => String::new(),
            Self::SlowRead | Self::ZeroWindow | Self::Vanished => get("").repeat(MUCH),
            Self::FinWait2 => get("Connection: close\r\n"),
            Self::LastAck => get(""),
        }
        .into()
    }
}

/// What the board did with a crowd.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Of the polite requests.
    pub served: Served,
    /// Handshakes that the crowd completed, or left half open, one after another.
    pub opened: usize,
    /// Connections of the crowd that the board ended.
    pub ended: usize,
}

/// Where a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nowhere: it begins anew then.
    Gone { again_at: Instant },
    /// The SYN is out.
    Opening { since: Instant },
    /// Established, or as far as it gets.
    Open,
}

#[derive(Debug)]
struct Member {
    kind: Kind,
    address: Ipv4Addr,
    port: u16,
    stage: Stage,
    /// The next number that we send, and the one that we expect.
    next: u32,
    expected: u32,
    sip_at: Instant,
}

/// A crowd around a board.
struct Crowd<'a> {
    socket: PacketSocket,
    board: Neighbor,
    members: Vec<Member>,
    /// Which one has this address and port.
    found: HashMap<(Ipv4Addr, u16), usize>,
    opened: &'a AtomicUsize,
    ended: usize,
}

/// Keeps [`EACH`] connections of each of these kinds while `requests` polite ones are made.
///
/// # Errors
/// If the wire fails, or the crowd never stands.
pub fn beside(session: &Session, kinds: &[Kind], requests: usize) -> Result<Outcome> {
    let lab = session.lab()?;
    let board = lab.raw_peer(5)?.find(session.address)?;
    let socket = lab.namespace().enter(|| PacketSocket::open(crate::lab::INTERFACE))??;
    let opened = AtomicUsize::new(0);
    let crowd = Crowd {
        socket,
        board,
        members: members(kinds),
        found: HashMap::new(),
        opened: &opened,
        ended: 0,
    };
    let wanted = kinds.len() * EACH;
    let (served, ended) = during(
        |stop| crowd.stand(stop),
        || {
            // As many handshakes as members; and where there are not too many for the table, most
            // are where they mean to be.
            until("the crowd", PATIENCE, || {
                let is_open = opened.load(Ordering::Relaxed) >= wanted;
                let stands = |kind| Ok::<_, anyhow::Error>(kept(session, kind)? > EACH / 2);
                Ok((is_open && (kinds.len() > 1 || stands(kinds[0])?)).then_some(()))
            })
            .with_context(|| format!("{kinds:?}"))?;
            ask(session, requests)
        },
    )?;
    Ok(Outcome { served, opened: opened.into_inner(), ended })
}

/// Connections of a crowd that the board keeps as this kind wants it.
fn kept(session: &Session, kind: Kind) -> Result<usize> {
    let (_, sockets) = curl(session.lab.as_ref(), &session.url("/sockets.json")?)?;
    let sockets: Vec<Value> = serde_json::from_str(&sockets).context("/sockets.json")?;
    let of_crowd = |socket: &&Value| {
        let address = socket["remote_address"].as_str().and_then(|text| text.parse().ok());
        address.is_some_and(|address: Ipv4Addr| {
            address.octets()[..3] == FIRST.octets()[..3] && address >= FIRST
        })
    };
    Ok(sockets.iter().filter(of_crowd).filter(|socket| kind.keeps(socket)).count())
}

fn members(kinds: &[Kind]) -> Vec<Member> {
    let now = Instant::now();
    let of_kind = |(number, kind): (usize, Kind)| {
        let [a, b, c, d] = FIRST.octets();
        (0..EACH).map(move |index| Member {
            kind,
            address: Ipv4Addr::new(a, b, c, d + index as u8),
            port: 1024 + number as u16 * 8192,
            stage: Stage::Gone { again_at: now },
            next: 0,
            expected: 0,
            sip_at: now,
        })
    };
    kinds.iter().copied().enumerate().flat_map(of_kind).collect()
}

impl Crowd<'_> {
    /// Stands there until it is told to stop; then it is reset, so that nothing is left. Returns
    /// how many connections the board ended.
    fn stand(mut self, stop: &AtomicBool) -> Result<usize> {
        while !stop.load(Ordering::Relaxed) {
            if let Some(bytes) = self.socket.receive(LISTEN)? {
                self.hear(&bytes)?;
            }
            let now = Instant::now();
            for index in 0..self.members.len() {
                self.turn(index, now)?;
            }
        }
        for index in 0..self.members.len() {
            if !matches!(self.members[index].stage, Stage::Gone { .. }) {
                self.say(index, flag::RST | flag::ACK, 0, Vec::new())?;
            }
        }
        Ok(self.ended)
    }

    /// What is due by the clock.
    fn turn(&mut self, index: usize, now: Instant) -> Result<()> {
        let member = &mut self.members[index];
        match member.stage {
            Stage::Gone { again_at } if again_at <= now => {
                self.found.remove(&(member.address, member.port));
                member.port += 1;
                member.next = u32::from(member.port) << 16;
                member.expected = 0;
                member.stage = Stage::Opening { since: now };
                self.found.insert((member.address, member.port), index);
                self.say(index, flag::SYN, SIP_BYTES, Vec::new())
            }
            Stage::Opening { since } if now - since >= SYN_AGAIN_AFTER => {
                member.stage = Stage::Opening { since: now };
                self.say(index, flag::SYN, SIP_BYTES, Vec::new())
            }
            Stage::Open if member.kind == Kind::SlowRead && member.sip_at <= now => {
                member.sip_at = now + SIP_INTERVAL;
                self.say(index, flag::ACK, SIP_BYTES, Vec::new())
            }
            _ => Ok(()),
        }
    }

    fn hear(&mut self, bytes: &[u8]) -> Result<()> {
        let ours = bytes.starts_with(&CROWD_MAC.0) || bytes.starts_with(&Mac::BROADCAST.0);
        if !ours || bytes.get(6..12) == Some(&CROWD_MAC.0[..]) {
            return Ok(());
        }
        let frame = Frame::parse(bytes)?;
        if let Body::Arp(question) = frame.body {
            return self.answer(&question);
        }
        let Some((ip, tcp)) = frame.tcp() else { return Ok(()) };
        match self.found.get(&(ip.destination, tcp.to)) {
            Some(index) => self.take(*index, tcp),
            // It was given up since; what a vanished machine would say, too.
            None => Ok(()),
        }
    }

    /// Every address of the crowd is here.
    fn answer(&self, question: &Arp) -> Result<()> {
        if question.is_reply || !self.members.iter().any(|one| one.address == question.target) {
            return Ok(());
        }
        let answer = Arp {
            is_reply: true,
            sender_mac: CROWD_MAC,
            sender: question.target,
            target_mac: question.sender_mac,
            target: question.sender,
        };
        self.socket.send(&arp_frame(question.sender_mac, &answer))
    }

    /// A segment for a member.
    fn take(&mut self, index: usize, tcp: &Tcp) -> Result<()> {
        let member = &mut self.members[index];
        let now = Instant::now();
        if tcp.has(flag::RST) {
            self.ended += usize::from(member.stage == Stage::Open);
            member.stage = Stage::Gone { again_at: now + AGAIN_AFTER };
            return Ok(());
        }
        if tcp.has(flag::SYN | flag::ACK) {
            if matches!(member.stage, Stage::Opening { .. }) {
                member.stage = Stage::Open;
                member.next = member.next.wrapping_add(1);
                member.expected = tcp.sequence.wrapping_add(1);
                self.opened.fetch_add(1, Ordering::Relaxed);
                if member.kind != Kind::HalfOpen {
                    let request = member.kind.request();
                    let window = if member.kind == Kind::ZeroWindow { 0 } else { SIP_BYTES };
                    // Who has a FIN to wait for gives its own with the request.
                    let fin = if member.kind == Kind::LastAck { flag::FIN } else { 0 };
                    return self.say(index, flag::ACK | flag::PSH | fin, window, request);
                }
            }
            return Ok(());
        }
        let kind = member.kind;
        let fin = tcp.has(flag::FIN);
        let is_next = tcp.sequence == member.expected;
        if is_next && kind != Kind::Vanished {
            let length = tcp.data.len() as u32 + u32::from(fin && kind != Kind::LastAck);
            member.expected = member.expected.wrapping_add(length);
        }
        match kind {
            Kind::HalfOpen | Kind::Vanished => Ok(()),
            // Taken a sip at a time, by the clock.
            Kind::SlowRead => Ok(()),
            // A probe is answered by the window that it asks for.
            Kind::ZeroWindow => self.say(index, flag::ACK, 0, Vec::new()),
            // Closed in order: that is how the board throws out who is silent.
            Kind::Idle if fin => {
                self.ended += 1;
                member.stage = Stage::Gone { again_at: now + AGAIN_AFTER };
                self.say(index, flag::ACK | flag::FIN, SIP_BYTES, Vec::new())
            }
            Kind::Idle => self.say(index, flag::ACK, SIP_BYTES, Vec::new()),
            Kind::FinWait2 => self.say(index, flag::ACK, u16::MAX, Vec::new()),
            // All but the FIN is acknowledged.
            Kind::LastAck => self.say(index, flag::ACK, u16::MAX, Vec::new()),
        }
    }

    fn say(&mut self, index: usize, flags: u8, window: u16, data: Vec<u8>) -> Result<()> {
        let member = &mut self.members[index];
        let bytes = data.len() as u32 + u32::from(flags & flag::FIN != 0);
        let tcp = Tcp {
            from: member.port,
            to: 80,
            sequence: member.next,
            acknowledgement: member.expected,
            flags,
            window,
            data,
        };
        member.next = member.next.wrapping_add(bytes);
        let macs = (CROWD_MAC, self.board.mac);
        let payload = Payload::Tcp(tcp);
        self.socket.send(&ipv4_frame(macs, member.address, self.board.address, &payload))
    }
}
