//! The usbredir server with the LAN9514's model behind it. Input: pieces, see
//! [`corpus::tag::usbredir_server`].

use std::time::Duration;

use corpus::tag::usbredir_server as tag;
use models::lan9514::Settings;
use usbredir::codec::{Tagged, decode};
use usbredir::device::{Device, Speed};
use usbredir::lan9514::Lan9514;
use usbredir::message::{Capabilities, Message, Status};
use usbredir::server::Server;
use usbredir::survey::row;

/// Pieces of one input.
const PIECES_MAX: usize = 200;
/// Frames for the wire that are taken after each piece.
const FRAMES_MAX: usize = 16;

/// What the server says is messages that a host may send, and answers: each request once, in order
/// on each endpoint, with no more than was asked for.
pub fn check(input: &[u8]) {
    let mut desk = Desk::new();
    desk.connect();
    for (tag, bytes) in corpus::pieces(input).take(PIECES_MAX) {
        let now = desk.now;
        match tag % 10 {
            tag::BYTES => desk.says(bytes),
            tag::WAIT => {
                let units = bytes.first_chunk().map_or(0, |bytes| u16::from_le_bytes(*bytes));
                desk.now += Duration::from_micros(50) * units.into();
                let now = desk.now;
                desk.server.turn(now);
            }
            tag::FRAME if desk.server.takes_frames() => desk.server.frame_in(now, bytes),
            tag::FRAME => {}
            tag::UNPLUG => desk.server.unplug(now),
            tag::PLUG => desk.server.plug(now),
            tag::HOLD => desk.server.hold_wire(),
            tag::CONNECT => desk.connect(),
            tag::CABLE => {
                let is_in = bytes.first() != Some(&0);
                desk.server.device().set_link(now, is_in);
            }
            tag::FAULT => {
                let words = String::from_utf8_lossy(bytes);
                let words: Vec<_> = words.split_ascii_whitespace().collect();
                let _ = desk.server.device().fault(now, &words);
            }
            _ => {
                let Some((&[kind, id], body)) = bytes.split_first_chunk() else { continue };
                let message = desk.message(kind, id, body);
                desk.says(&message);
            }
        }
        desk.listen();
        for _ in 0..FRAMES_MAX {
            let Some(frame) = desk.server.device().frame_out() else { break };
            assert!(frame.len() <= 2048);
        }
    }
    let _ = desk.server.device().statistics();
}

/// A bulk request without an answer.
#[derive(Debug)]
struct Asked {
    id: u64,
    endpoint: u8,
    length: u32,
    /// A bus reset came after it: it may be answered after later ones.
    stale: bool,
}

struct Desk {
    server: Server<Lan9514>,
    now: Duration,
    shared: Capabilities,
    /// What the guest said that is not a whole message yet.
    said: Vec<u8>,
    greeted: bool,
    asked: Vec<Asked>,
    /// Ids of requests that are answered at once.
    due: Vec<u64>,
}

impl Desk {
    fn new() -> Self {
        let device = Lan9514::new(Settings::default(), Speed::High);
        Self {
            server: Server::new(device, None),
            now: Duration::ZERO,
            shared: Capabilities(0),
            said: Vec::new(),
            greeted: false,
            asked: Vec::new(),
            due: Vec::new(),
        }
    }

    fn connect(&mut self) {
        self.server.disconnected();
        assert!(self.server.output().is_empty(), "something is left for a guest who is gone");
        self.server.connected();
        self.shared = Capabilities(0);
        self.greeted = false;
        self.said.clear();
        self.asked.clear();
        self.due.clear();
        let (hello, taken) =
            decode(self.server.output(), self.shared).expect("a message").expect("a whole one");
        assert!(matches!(hello.message, Message::Hello(_)));
        self.server.output().drain(..taken);
        assert!(self.server.output().is_empty());
    }

    /// A message with the right head.
    fn message(&self, kind: u8, id: u8, body: &[u8]) -> Vec<u8> {
        let kind = u32::from(if kind < 200 { kind % 28 } else { 100 + kind % 5 });
        let mut bytes = [kind, body.len() as u32].map(u32::to_le_bytes).as_flattened().to_vec();
        match kind != 0 && self.shared.has(Capabilities::WIDE_IDS) {
            true => bytes.extend(u64::from(id).to_le_bytes()),
            false => bytes.extend(u32::from(id).to_le_bytes()),
        }
        bytes.extend(body);
        bytes
    }

    fn says(&mut self, bytes: &[u8]) {
        let plugged = self.server.is_plugged();
        let result = self.server.received(self.now, bytes);
        self.said.extend(bytes);
        let said = std::mem::take(&mut self.said);
        let mut rest = said.as_slice();
        while let Ok(Some((tagged, taken))) = decode(rest, self.shared) {
            rest = &rest[taken..];
            self.note(tagged, plugged);
        }
        self.said = rest.to_vec();
        if result.is_err() {
            self.connect();
        }
    }

    /// What the guest said, as the server must have understood it.
    fn note(&mut self, Tagged { id, message }: Tagged, plugged: bool) {
        match message {
            Message::Hello(hello) if !self.greeted => {
                self.greeted = true;
                self.shared = Capabilities::OURS.and(hello.capabilities.unwrap_or_default());
            }
            _ if !plugged => {}
            Message::Bulk(packet) => {
                let (endpoint, length) = (packet.endpoint, packet.length);
                self.asked.push(Asked { id, endpoint, length, stale: false });
            }
            Message::Reset => self.asked.iter_mut().for_each(|asked| asked.stale = true),
            Message::Control(_)
            | Message::SetConfiguration { .. }
            | Message::GetConfiguration
            | Message::SetAlternate { .. }
            | Message::GetAlternate { .. } => self.due.push(id),
            _ => {}
        }
    }

    /// What the server said.
    fn listen(&mut self) {
        let output = std::mem::take(self.server.output());
        let mut rest = output.as_slice();
        while !rest.is_empty() {
            let (tagged, taken) =
                decode(rest, self.shared).expect("a message").expect("a whole one");
            rest = &rest[taken..];
            self.heard(tagged);
        }
        assert_eq!(self.due, [], "a request was not answered at once");
    }

    fn heard(&mut self, Tagged { id, message }: Tagged) {
        match message {
            Message::Bulk(packet) => {
                let is_same = |asked: &Asked| (asked.id, asked.endpoint) == (id, packet.endpoint);
                let in_turn = !matches!(packet.status, Status::Cancelled | Status::Invalid);
                let first_of_row =
                    |asked: &Asked| row(asked.endpoint) == row(packet.endpoint) && !asked.stale;
                let at = match in_turn {
                    true => self.asked.iter().position(first_of_row),
                    false => self.asked.iter().position(is_same),
                };
                let asked = at.map(|at| self.asked.remove(at)).filter(is_same);
                let asked = asked.expect("an answer to nothing, or out of turn");
                assert!(packet.length <= asked.length, "more than was asked for");
                let is_in = packet.endpoint & 0x80 != 0;
                assert_eq!(packet.data.len(), if is_in { packet.length as usize } else { 0 });
            }
            Message::DeviceDisconnect => self.asked.clear(),
            Message::Control(_)
            | Message::ConfigurationStatus { .. }
            | Message::AlternateStatus { .. } => {
                assert!(!self.due.is_empty(), "an answer to nothing");
                assert_eq!(self.due.remove(0), id, "out of turn");
            }
            Message::DeviceConnect(_)
            | Message::InterfaceInfo(_)
            | Message::EndpointInfo(_)
            | Message::IsoStatus { .. }
            | Message::InterruptStatus { .. }
            | Message::StreamsStatus { .. }
            | Message::BulkStatus { .. }
            | Message::Interrupt(_) => {}
            other => panic!("a host does not say {other:?}"),
        }
    }
}
