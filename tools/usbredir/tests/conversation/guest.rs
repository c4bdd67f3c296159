//! QEMU's side, scripted.

use std::time::Duration;

use corpus::tag::usbredir_server as tag;
use usbredir::codec::{self, Tagged};
use usbredir::message::{BulkPacket, Capabilities, ControlPacket, Hello, Message, Status};
use usbredir::server::{Broken, Server};

use crate::fake::Fake;

/// What QEMU 7.2 announces.
pub const QEMU: Capabilities = Capabilities(0xff);

/// Bytes of the longest conversation that is kept.
const COURSE_BYTES_MAX: usize = 1024;

/// A server with a fake device, and a guest that talks to it.
pub struct Desk {
    pub server: Server<Fake>,
    pub now: Duration,
    /// The guest's capabilities, once it has said hello.
    shared: Capabilities,
    /// What happened, as an input of the fuzz target.
    course: Vec<u8>,
    /// False: another one each time, not worth keeping.
    keep: bool,
}

impl Drop for Desk {
    /// The conversation is kept as an input of the fuzz target, if it is short.
    fn drop(&mut self) {
        if self.keep && self.course.len() <= COURSE_BYTES_MAX {
            corpus::seed("usbredir_server", &self.course);
        }
    }
}

/// Milliseconds.
pub const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A request for data.
pub fn want(endpoint: u8, length: u32) -> Message {
    let status = Status::Success;
    Message::Bulk(BulkPacket { endpoint, status, length, stream: 0, data: Vec::new() })
}

/// Data for the device.
pub fn give(endpoint: u8, data: &[u8]) -> Message {
    let (status, length) = (Status::Success, data.len() as u32);
    Message::Bulk(BulkPacket { endpoint, status, length, stream: 0, data: data.into() })
}

/// How a bulk transfer ended.
pub fn ended(endpoint: u8, status: Status, length: u32, data: &[u8]) -> Message {
    Message::Bulk(BulkPacket { endpoint, status, length, stream: 0, data: data.into() })
}

/// A control transfer.
pub fn control(request_type: u8, request: u8, value: u16, length: u16, data: &[u8]) -> Message {
    Message::Control(ControlPacket {
        endpoint: request_type & 0x80,
        request,
        request_type,
        status: Status::Success,
        value,
        index: 0,
        length,
        data: data.into(),
    })
}

/// Takes all messages that a server wrote.
pub fn parse(stream: &mut Vec<u8>, shared: Capabilities) -> Vec<(u64, Message)> {
    let mut heard = Vec::new();
    while let Some((Tagged { id, message }, taken)) =
        codec::decode(stream, shared).expect("a message")
    {
        stream.drain(..taken);
        heard.push((id, message));
    }
    heard
}

impl Desk {
    /// Nobody has said anything yet.
    pub fn silent(hold: Option<Duration>) -> Self {
        let server = Server::new(Fake::default(), hold);
        Self {
            server,
            now: Duration::ZERO,
            shared: Capabilities(0),
            course: Vec::new(),
            keep: true,
        }
    }

    /// Both hellos are through, and the device is configured.
    pub fn configured(hold: Option<Duration>) -> Self {
        let mut desk = Self::silent(hold);
        desk.greet(QEMU);
        desk.ask(1, &Message::SetConfiguration { configuration: 1 });
        desk
    }

    /// The desk of a conversation that is made up at random.
    pub fn at_random(mut self) -> Self {
        self.keep = false;
        self
    }

    /// A new connection, and the guest's hello. Returns what the server said to it.
    pub fn greet(&mut self, capabilities: Capabilities) -> Vec<Message> {
        self.shared = Capabilities(0);
        corpus::piece(&mut self.course, tag::CONNECT, &[]);
        self.server.connected();
        let hello = self.heard();
        assert!(matches!(hello.as_slice(), [(0, Message::Hello(_))]), "{hello:?}");
        let hello = Hello { version: [b'q'; 64], capabilities: Some(capabilities) };
        let mut bytes = Vec::new();
        codec::encode(0, &Message::Hello(hello), Capabilities(0), &mut bytes);
        corpus::piece(&mut self.course, tag::BYTES, &bytes);
        self.server.received(self.now, &bytes).expect("hello");
        self.shared = Capabilities::OURS.and(capabilities);
        self.heard().into_iter().map(|(_, message)| message).collect()
    }

    /// Says something; returns the answers.
    pub fn ask(&mut self, id: u64, message: &Message) -> Vec<(u64, Message)> {
        self.try_ask(id, message).expect("the conversation goes on")
    }

    /// Says something that may end the conversation.
    pub fn try_ask(&mut self, id: u64, message: &Message) -> Result<Vec<(u64, Message)>, Broken> {
        let mut bytes = Vec::new();
        codec::encode(id, message, self.shared, &mut bytes);
        corpus::piece(&mut self.course, tag::BYTES, &bytes);
        self.server.received(self.now, &bytes)?;
        Ok(self.heard())
    }

    /// Lets time pass; returns what the server said.
    pub fn after(&mut self, time: Duration) -> Vec<(u64, Message)> {
        let units = u16::try_from(time.as_micros() / 50).unwrap_or(u16::MAX);
        corpus::piece(&mut self.course, tag::WAIT, &units.to_le_bytes());
        self.now += time;
        self.server.turn(self.now);
        self.heard()
    }

    fn heard(&mut self) -> Vec<(u64, Message)> {
        let shared = self.shared;
        let heard = parse(self.server.output(), shared);
        assert!(self.server.output().is_empty(), "half a message");
        heard
    }
}
