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
    converse(input);
}

/// Runs a conversation; how many bulk requests were answered with data.
fn converse(input: &[u8]) -> u64 {
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
    desk.answered
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
    /// Requests that are answered at once: id, and bytes at most.
    due: Vec<(u64, u16)>,
    /// Bulk requests that were answered with data.
    answered: u64,
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
            answered: 0,
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
            Message::Control(packet) => self.due.push((id, packet.length)),
            Message::SetConfiguration { .. }
            | Message::GetConfiguration
            | Message::SetAlternate { .. }
            | Message::GetAlternate { .. } => self.due.push((id, 0)),
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

    /// Takes the oldest request that is answered at once; the bytes it asked for.
    fn at_once(&mut self, answered: u64) -> u16 {
        assert!(!self.due.is_empty(), "an answer to nothing");
        let (id, length) = self.due.remove(0);
        assert_eq!(id, answered, "out of turn");
        length
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
                self.answered += u64::from(!packet.data.is_empty());
            }
            Message::DeviceDisconnect => self.asked.clear(),
            Message::Control(packet) => {
                let most = self.at_once(id);
                assert!(packet.length <= most, "more than was asked for");
                assert!(packet.data.is_empty() || packet.data.len() == packet.length.into());
            }
            Message::ConfigurationStatus { .. } | Message::AlternateStatus { .. } => {
                self.at_once(id);
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

#[cfg(test)]
mod tests {
    use corpus::piece;
    use usbredir::codec::encode;
    use usbredir::message::{BulkPacket, Hello};

    use super::*;

    /// A guest that sets the chip up as drivers do: its course so far.
    fn running() -> Vec<u8> {
        let (mut course, mut hello) = (Vec::new(), Vec::new());
        let capabilities = Some(Capabilities(0xff));
        let ours = Message::Hello(Hello { version: [b'q'; 64], capabilities });
        encode(0, &ours, Capabilities(0), &mut hello);
        piece(&mut course, tag::BYTES, &hello);
        piece(&mut course, tag::MESSAGE, &[6, 1, 1]);
        // Autonegotiation takes a while.
        piece(&mut course, tag::WAIT, &u16::MAX.to_le_bytes());
        // HW_CFG: bursts, NAK while empty. BURST_CAP, BULK_IN_DLY. MAC_CR: all frames, both ways.
        for (register, value) in
            [(0x14, 0x1022_u32), (0x38, 0x25), (0x6c, 0x800), (0x100, 0x0014_000c), (0x10, 4)]
        {
            let mut body = vec![200, 2, 0, 0xa0, 0x40, 0, 0, 0];
            body.extend(u16::to_le_bytes(register));
            body.extend(4_u16.to_le_bytes());
            body.extend(value.to_le_bytes());
            piece(&mut course, tag::MESSAGE, &body);
        }
        course
    }

    fn want(course: &mut Vec<u8>, id: u8) {
        let (status, length) = (Status::Success, 18_944);
        let data = Vec::new();
        let packet = BulkPacket { endpoint: 0x81, status, length, stream: 0, data };
        let mut bytes = Vec::new();
        encode(0, &Message::Bulk(packet), Capabilities::OURS, &mut bytes);
        piece(course, tag::MESSAGE, &[&[201, id][..], &bytes[16..]].concat());
    }

    fn frame(course: &mut Vec<u8>, bytes: usize) {
        piece(course, tag::FRAME, &vec![2; bytes]);
        piece(course, tag::WAIT, &20_u16.to_le_bytes());
    }

    /// The checks are worth something only where requests wait and are answered: an input gets
    /// there.
    #[test]
    fn waiting_requests_are_answered_by_frames() {
        let mut course = running();
        want(&mut course, 10);
        want(&mut course, 11);
        want(&mut course, 12);
        frame(&mut course, 60);
        frame(&mut course, 100);
        corpus::seed("usbredir_server", &course);
        assert_eq!(converse(&course), 2);
        // A reset, a plug that is pulled, and a request that is given up.
        for (tag, bytes) in [
            (tag::MESSAGE, &[3, 0][..]),
            (tag::MESSAGE, &[21, 12]),
            (tag::UNPLUG, &[]),
            (tag::HOLD, &[]),
            (tag::FAULT, b"halt-in"),
            (tag::CABLE, &[0]),
        ] {
            let mut course = course.clone();
            piece(&mut course, tag, bytes);
            piece(&mut course, tag::WAIT, &2000_u16.to_le_bytes());
            piece(&mut course, tag::MESSAGE, &[6, 13, 1]);
            piece(&mut course, tag::PLUG, &[]);
            want(&mut course, 14);
            frame(&mut course, 60);
            corpus::seed("usbredir_server", &course);
            assert!(converse(&course) >= 2);
        }
    }

    /// A frame that the guest sends: two command words before it.
    #[test]
    fn a_frame_goes_out() {
        let mut course = running();
        let mut data = [60 | 0x3000_u32, 60].map(u32::to_le_bytes).as_flattened().to_vec();
        data.extend([2; 60]);
        let (status, length) = (Status::Success, data.len() as u32);
        let packet = BulkPacket { endpoint: 2, status, length, stream: 0, data };
        let mut bytes = Vec::new();
        encode(0, &Message::Bulk(packet), Capabilities::OURS, &mut bytes);
        piece(&mut course, tag::MESSAGE, &[&[201, 20][..], &bytes[16..]].concat());
        corpus::seed("usbredir_server", &course);
        converse(&course);
    }
}
