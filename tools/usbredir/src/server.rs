//! The server's side of a conversation with QEMU, without I/O: bytes and time in, bytes and
//! deadlines out.
//!
//! QEMU's DWC2 cannot cancel a transfer: several legal ways to end one make QEMU abort itself or
//! leave a channel hanging for ever (docs/hardware/dwc2.md). The server keeps out of them:
//!
//! 1. Every request is answered once, and in order on each endpoint. "No data yet" is no answer.
//! 2. Before the device disappears, all that waits is completed as cancelled, in the same write.
//! 3. A bus reset puts what waits aside until the guest configures the device again: before that,
//!    QEMU does not find the device by the address that the request was for.
//! 4. An unplug waits until the guest has looked at the device and then sent nothing for a moment:
//!    a request that crosses the disconnection is never answered, and QEMU aborts when its channel
//!    is used again. What the guest sends to the wire meanwhile stays unanswered until then: its
//!    channel is taken, and nothing that it sends by a timer of its own can cross.
//! 5. A transfer that ended with an empty packet is followed by an empty one: QEMU sees a multiple
//!    of the packet size, takes the transfer for unfinished and asks for the rest of it, into which
//!    the next burst need not fit.

mod answers;
mod requests;

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::codec::{self, Tagged, decode};
use crate::device::Device;
use crate::limits::{
    REQUESTS_MAX, UNPLUG_AFTER_LOOK_MAX, UNPLUG_FRAMES_MAX, UNPLUG_QUIET, UNPLUG_WAIT_MAX,
};
use crate::message::{Capabilities, Hello, Message};
use crate::survey::{self, Alternates, INTERFACES_MAX};

/// Why the conversation cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The bytes are no message.
    Codec(codec::Error),
    /// Something came before the hello, or a second hello.
    HelloOutOfPlace,
    /// A message of this type that only we send.
    WrongWay(u32),
    /// More requests wait than we keep.
    TooManyRequests {
        /// The endpoint.
        endpoint: u8,
    },
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Codec(error) => error.fmt(f),
            Self::HelloOutOfPlace => f.write_str("a hello out of place"),
            Self::WrongWay(kind) => write!(f, "a message of type {kind}, which a host sends"),
            Self::TooManyRequests { endpoint } => {
                write!(f, "more than {REQUESTS_MAX} requests at once on endpoint {endpoint:#04x}")
            }
        }
    }
}

impl std::error::Error for Broken {}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages from the guest.
    pub messages: u64,
    /// Control transfers.
    pub control: u64,
    /// Bulk transfers to the device that were answered.
    pub bulk_out: u64,
    /// Bulk transfers from the device that were answered.
    pub bulk_in: u64,
    /// Reports of interrupt endpoints.
    pub reports: u64,
    /// Requests that ended as cancelled.
    pub cancelled: u64,
    /// Bus resets.
    pub resets: u64,
    /// Times that the guest configured the device.
    pub configured: u64,
    /// Times that the guest did not want the device.
    pub rejected: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    /// Nobody is connected.
    Absent,
    /// Connected; its hello has not come.
    Greeting,
    /// Both hellos are through.
    Ready(Capabilities),
}

#[derive(Debug)]
enum Work {
    In { wanted: u32 },
    Out { data: Vec<u8> },
}

/// A bulk request without an answer.
#[derive(Debug)]
struct Waiting {
    id: u64,
    endpoint: u8,
    stream: u32,
    since: Duration,
    work: Work,
}

#[derive(Debug, Default)]
struct Pipe {
    waiting: VecDeque<Waiting>,
    /// The guest wants the reports of this interrupt endpoint.
    receiving: bool,
    /// Id of the next report.
    reports: u64,
    /// The packet size of the endpoint, in bytes; 0 where there is none.
    max_packet: usize,
    /// QEMU has yet to be told that the last transfer is over.
    owes_end: bool,
}

/// A device, and the conversation about it.
#[derive(Debug)]
pub struct Server<D> {
    device: D,
    /// Answer a bulk IN that waited this long with an empty packet, for drivers that do not wait.
    hold: Option<Duration>,
    peer: Peer,
    plugged: bool,
    /// An unplug that waits for a quiet moment: when it happens at the latest.
    unplug_due: Option<Duration>,
    /// Frames that the guest still gets before that.
    last_frames: usize,
    /// The plug comes back as soon as it was out.
    replug: bool,
    /// Nothing comes from the wire until the next bus reset.
    held: bool,
    last_request: Duration,
    /// The last request that was no bulk transfer.
    last_look: Duration,
    configuration: u8,
    alternates: Alternates,
    input: Vec<u8>,
    output: Vec<u8>,
    pipes: [Pipe; 32],
    /// What a bus reset left behind.
    stale: Vec<Waiting>,
    counters: Counters,
}

impl<D: Device> Server<D> {
    /// A server whose device is plugged in as soon as a guest is there. `hold`: see
    /// [`limits`](crate::limits).
    pub fn new(device: D, hold: Option<Duration>) -> Self {
        Self {
            device,
            hold,
            peer: Peer::Absent,
            plugged: true,
            unplug_due: None,
            last_frames: 0,
            replug: false,
            held: false,
            last_request: Duration::ZERO,
            last_look: Duration::ZERO,
            configuration: 0,
            alternates: [0; INTERFACES_MAX],
            input: Vec::new(),
            output: Vec::new(),
            pipes: std::array::from_fn(|_| Pipe::default()),
            stale: Vec::new(),
            counters: Counters::default(),
        }
    }

    /// The device.
    pub fn device(&mut self) -> &mut D {
        &mut self.device
    }

    /// What happened so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// True if the device is plugged in, be it for the last moments.
    pub fn is_plugged(&self) -> bool {
        self.plugged
    }

    /// True if the guest has configured the device.
    pub fn is_configured(&self) -> bool {
        self.configuration != 0
    }

    /// Bytes for the guest. Whoever writes them removes them.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Somebody is connected.
    pub fn connected(&mut self) {
        self.forget();
        self.peer = Peer::Greeting;
        self.send(0, &Message::Hello(Hello::ours()));
    }

    /// The connection is gone, and with it everything that was said.
    pub fn disconnected(&mut self) {
        self.forget();
        self.peer = Peer::Absent;
        // There is nobody left to wait for.
        if self.unplug_due.take().is_some() {
            self.plugged = std::mem::take(&mut self.replug);
        }
    }

    fn forget(&mut self) {
        self.input.clear();
        self.output.clear();
        self.stale.clear();
        self.pipes.iter_mut().for_each(|pipe| *pipe = Pipe::default());
        self.configuration = 0;
        self.alternates = [0; INTERFACES_MAX];
        self.held = false;
    }

    /// Plugs the device in; if it is about to be pulled out, after that.
    pub fn plug(&mut self, now: Duration) {
        if self.unplug_due.is_some() {
            self.replug = true;
        } else if !self.plugged {
            self.plugged = true;
            self.announce(now);
        }
    }

    /// Pulls the device out, as soon as that can be done without harm to QEMU; after
    /// [`UNPLUG_WAIT_MAX`] in any case. Until then the wire goes on until the guest has sent
    /// something, which is kept, or for [`UNPLUG_FRAMES_MAX`] frames.
    pub fn unplug(&mut self, now: Duration) {
        self.replug = false;
        if !self.plugged || self.unplug_due.is_some() {
            return;
        }
        match self.peer {
            Peer::Ready(_) => {
                self.unplug_due = Some(now + UNPLUG_WAIT_MAX);
                self.last_frames = UNPLUG_FRAMES_MAX;
            }
            Peer::Absent | Peer::Greeting => self.plugged = false,
        }
    }

    /// True if a frame may come from the wire.
    pub fn takes_frames(&mut self) -> bool {
        // What comes while the plug is out is lost, and does not wait for the plug.
        let open = self.unplug_due.is_none() || (self.last_frames > 0 && !self.keeps_a_send());
        !self.plugged || (open && !self.held && self.device.takes_frames())
    }

    /// True if an unplug waits, and the guest has something on its way out: nothing moves then.
    fn keeps_a_send(&self) -> bool {
        let sends = |pipe: &Pipe| {
            matches!(pipe.waiting.front(), Some(Waiting { work: Work::Out { .. }, .. }))
        };
        self.unplug_due.is_some() && self.pipes.iter().any(sends)
    }

    /// Lets nothing come from the wire until the guest resets the bus: it is about to restart, and
    /// QEMU would not survive a frame that arrives just then.
    pub fn hold_wire(&mut self) {
        self.held = true;
    }

    /// A frame from the wire.
    pub fn frame_in(&mut self, now: Duration, frame: &[u8]) {
        if self.plugged {
            self.last_frames = self.last_frames.saturating_sub(1);
            self.device.frame_in(now, frame);
        }
    }

    /// Pulls the device out: what waits is completed first.
    fn disappear(&mut self) {
        self.unplug_due = None;
        self.plugged = false;
        // What a reset left behind cannot be completed now without ending QEMU.
        self.stale.clear();
        for row in 0..self.pipes.len() {
            while let Some(waiting) = self.pipes[row].waiting.pop_front() {
                self.cancel(&waiting);
            }
            self.pipes[row] = Pipe::default();
        }
        self.configuration = 0;
        self.alternates = [0; INTERFACES_MAX];
        if matches!(self.peer, Peer::Ready(_)) {
            self.send(0, &Message::DeviceDisconnect);
        }
    }

    /// Bytes from the guest. Answers are in [`output`](Self::output) at once.
    ///
    /// # Errors
    /// If the conversation cannot go on; the caller closes the connection.
    pub fn received(&mut self, now: Duration, bytes: &[u8]) -> Result<(), Broken> {
        let mut input = std::mem::take(&mut self.input);
        input.extend_from_slice(bytes);
        let mut at = 0;
        while let Some((tagged, taken)) =
            decode(&input[at..], self.shared()).map_err(Broken::Codec)?
        {
            at += taken;
            self.counters.messages += 1;
            self.obey(now, tagged)?;
        }
        input.drain(..at);
        self.input = input;
        Ok(())
    }

    /// Lets time pass and answers what can be answered. Returns when to come again, if nothing
    /// happens before.
    pub fn turn(&mut self, now: Duration) -> Option<Duration> {
        let mut due = self.device.advance(now);
        if self.device.has_left() {
            self.unplug(now);
        }
        let mut at_latest = |time: Duration| due = Some(due.map_or(time, |due| due.min(time)));
        for row in 0..self.pipes.len() {
            self.serve(now, row);
            if self.pipes[row].receiving {
                self.report(now, row);
            }
            if let (Some(hold), Some(waiting)) = (self.hold, self.pipes[row].waiting.front()) {
                at_latest(waiting.since + hold);
            }
        }
        if let Some(limit) = self.unplug_due {
            let quiet_at = self.last_request + UNPLUG_QUIET;
            let looked = now <= self.last_look + UNPLUG_AFTER_LOOK_MAX;
            if now >= limit || (now >= quiet_at && looked && self.stale.is_empty()) {
                self.disappear();
                if std::mem::take(&mut self.replug) {
                    self.plug(now);
                }
            } else {
                let may_come = now < quiet_at && self.stale.is_empty();
                at_latest(if may_come { quiet_at.min(limit) } else { limit });
            }
        }
        due
    }

    fn shared(&self) -> Capabilities {
        match self.peer {
            Peer::Ready(shared) => shared,
            Peer::Absent | Peer::Greeting => Capabilities::default(),
        }
    }

    fn send(&mut self, id: u64, message: &Message) {
        codec::encode(id, message, self.shared(), &mut self.output);
    }

    fn announce(&mut self, now: Duration) {
        if !self.plugged || !matches!(self.peer, Peer::Ready(_)) {
            return;
        }
        self.device.power_on(now);
        self.describe(now);
        let identity = survey::identity(&mut self.device, now);
        self.send(0, &Message::DeviceConnect(identity));
    }

    /// Interfaces and endpoints of the present configuration.
    fn describe(&mut self, now: Duration) {
        let (interfaces, endpoints) =
            survey::tables(&mut self.device, now, self.configuration, &self.alternates);
        for (pipe, max_packet) in self.pipes.iter_mut().zip(endpoints.max_packet) {
            pipe.max_packet = max_packet.into();
            pipe.owes_end = false;
        }
        self.send(0, &Message::InterfaceInfo(Box::new(interfaces)));
        self.send(0, &Message::EndpointInfo(Box::new(endpoints)));
    }

    fn obey(&mut self, now: Duration, Tagged { id, message }: Tagged) -> Result<(), Broken> {
        let ready = matches!(self.peer, Peer::Ready(_));
        if let Message::Hello(hello) = &message
            && !ready
        {
            let theirs = hello.capabilities.unwrap_or_default();
            self.peer = Peer::Ready(Capabilities::OURS.and(theirs));
            self.announce(now);
            return Ok(());
        }
        if !ready || matches!(message, Message::Hello(_)) {
            return Err(Broken::HelloOutOfPlace);
        }
        match message {
            Message::FilterReject => self.counters.rejected += 1,
            Message::Filter(_) | Message::DisconnectAck => {}
            // A request that crossed the disconnection: QEMU has forgotten its id already, and may
            // give it to another one.
            message if !self.plugged => return requests::wrong_way(&message),
            message => {
                self.last_request = now;
                if !matches!(message, Message::Bulk(_)) {
                    self.last_look = now;
                }
                return self.request(now, id, message);
            }
        }
        Ok(())
    }
}
