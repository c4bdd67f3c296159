//! The chip transfer by transfer, as a usbredir server sees it: the tokens are spoken here.
//!
//! ```text
//!   loop {
//!     chip.advance(now)                         once a turn; and again at chip.deadline()
//!     for a frame from the wire                 chip.frame_from_wire(frame)
//!     for a control or bulk OUT message         chip.control(..), chip.bulk_out(..)
//!     for the bulk IN that waits                chip.bulk_in(wanted)
//!     chip.interrupt(), chip.take_frame_to_wire(), chip.is_unplugged()
//!   }
//! ```

use std::time::Duration;

use super::{Chip, Lan9514, Settings};
use crate::Violation;
use crate::faults::{Fault, Faults};
use crate::usb::{Answer, Call, Descriptors, Kind, Moment, Peripheral, Setup, Speed, Toggle};
use crate::usb::{Token, Way};

const BULK_IN: u8 = 1;
const BULK_OUT: u8 = 2;
/// The most tokens that a control transfer takes here: 4096 bytes in packets of 64, and then some.
const CONTROL_TOKENS_MAX: usize = 128;

/// How a control transfer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Well; with the bytes of the data stage, if they came from the device.
    Done(Vec<u8>),
    /// The request is not supported.
    Stall,
    /// There was no answer: the device is unplugged, or a fault has swallowed it.
    Silence,
}

/// How far a bulk OUT transfer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutReply {
    /// All bytes are taken.
    Ack,
    /// The chip has no room. Call again, with the same bytes: it goes on where it was.
    Pending,
    /// The endpoint is halted, or the chip refuses what it got.
    Stall,
}

/// How far a bulk IN transfer came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InReply {
    /// The transfer is done: these bytes. More than were wanted is babble.
    Data(Vec<u8>),
    /// Nothing yet, or not all. Call again: it goes on where it was.
    Pending,
    /// The endpoint is halted.
    Stall,
}

/// A chip at the end of a cable.
#[derive(Debug)]
pub struct Transfers {
    device: Lan9514,
    speed: Speed,
    now: Duration,
    faults: Faults,
    /// What came of the bulk IN transfer under way.
    coming: Vec<u8>,
    /// Bytes that went of the bulk OUT transfer under way.
    gone: usize,
    /// The events of the last interrupt that was told, and its word.
    told: (u64, u32),
}

impl Transfers {
    /// A chip at a port of this speed, reset.
    pub fn new(settings: Settings, speed: Speed) -> Self {
        let mut transfers = Self {
            device: Lan9514::of(settings),
            speed,
            now: Duration::ZERO,
            faults: Faults::none(),
            coming: Vec::new(),
            gone: 0,
            told: (0, 0),
        };
        transfers.reset();
        transfers
    }

    /// The chip: its wire, cable, troubles, statistics, mistakes.
    pub fn chip(&mut self) -> &mut Chip {
        self.device.function()
    }

    /// The descriptors at the port's speed: for what a server has to announce.
    pub fn descriptors(&self) -> Descriptors {
        let (full, high) = super::descriptors(self.device.function_ref().settings.model);
        if self.speed == Speed::High { high } else { full }
    }

    /// The bulk packet size at the port's speed, in bytes.
    pub fn max_bulk_packet(&self) -> usize {
        if self.speed == Speed::High { 512 } else { 64 }
    }

    /// What goes wrong on the bus from now on: token by token, as on the bus model.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Tells the chip the time.
    pub fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
        self.device.function().advance(now);
    }

    /// See [`Chip::deadline`].
    pub fn deadline(&self) -> Option<Duration> {
        self.device.function_ref().deadline()
    }

    /// See [`Chip::frame_from_wire`].
    pub fn frame_from_wire(&mut self, frame: &[u8]) {
        self.chip().frame_from_wire(frame);
    }

    /// See [`Chip::take_frame_to_wire`].
    pub fn take_frame_to_wire(&mut self) -> Option<Vec<u8>> {
        self.chip().take_frame_to_wire()
    }

    /// See [`Chip::is_unplugged`].
    pub fn is_unplugged(&self) -> bool {
        self.device.function_ref().is_unplugged()
    }

    /// The plug is in again after [`Transfers::is_unplugged`], or after the server pulled it.
    pub fn replug(&mut self) {
        self.chip().replug();
        self.reset();
    }

    /// The port was reset: address and configuration are gone, and so are transfers under way.
    pub fn reset(&mut self) {
        let mut violations = Vec::new();
        let mut moment = Moment { now: self.now, violations: &mut violations };
        self.device.reset(&mut moment, self.speed);
        self.forget();
        self.told = (self.device.function_ref().events, 0);
    }

    /// Forgets what came and went of bulk transfers under way, as when they are cancelled.
    pub fn forget(&mut self) {
        self.coming.clear();
        self.gone = 0;
    }

    /// The configuration that the host chose; 0 is none.
    pub fn configuration(&self) -> u8 {
        self.device.configuration()
    }

    /// SET_CONFIGURATION. False if there is no such configuration.
    pub fn set_configuration(&mut self, value: u8) -> bool {
        let setup = Setup { request: 9, value: value.into(), ..Setup::default() };
        self.forget();
        self.control(&setup, &[]) == Reply::Done(Vec::new())
    }

    /// SET_INTERFACE. False if there is no such setting.
    pub fn set_alternate(&mut self, interface: u8, alternate: u8) -> bool {
        let (value, index) = (alternate.into(), interface.into());
        let setup = Setup { request_type: 1, request: 11, value, index, length: 0 };
        self.forget();
        self.control(&setup, &[]) == Reply::Done(Vec::new())
    }

    /// A control transfer: chapter 9 requests and the chip's own. `data` is the data stage of an
    /// OUT request. SET_ADDRESS is taken and forgotten, since a server has no use for it.
    pub fn control(&mut self, setup: &Setup, data: &[u8]) -> Reply {
        if self.is_unplugged() {
            return Reply::Silence;
        }
        if (setup.request_type, setup.request) == (0, 5) {
            return Reply::Done(Vec::new());
        }
        let is_in = setup.is_in() && setup.length > 0;
        let mut reply = Vec::new();
        let mut packets = data.chunks(64);
        let mut next = Token::Setup(&[]);
        let bytes = setup_bytes(setup);
        let mut status = false;
        for _ in 0..CONTROL_TOKENS_MAX {
            let token = if let Token::Setup(_) = next { Token::Setup(&bytes) } else { next };
            match self.token(0, Kind::Control, 64, token) {
                Answer::Stall => return Reply::Stall,
                Answer::Silence => return Reply::Silence,
                // A device may be busy with data and status stages for a while.
                Answer::Nak => continue,
                Answer::Data(_, packet) if is_in && !status => {
                    reply.extend_from_slice(&packet);
                    let done = packet.len() < 64 || reply.len() >= usize::from(setup.length);
                    if done {
                        status = true;
                        next = Token::Out(Toggle::Data1, &[]);
                    }
                    continue;
                }
                Answer::Ack | Answer::Nyet | Answer::Data(..) if status => {
                    return Reply::Done(reply);
                }
                Answer::Ack | Answer::Nyet | Answer::Data(..) => {}
            }
            next = if is_in {
                Token::In
            } else if let Some(packet) = packets.next() {
                Token::Out(Toggle::Data0, packet)
            } else {
                status = true;
                Token::In
            };
        }
        Reply::Silence
    }

    /// A bulk OUT transfer to endpoint 2, of any length. The bytes may also come packet by packet.
    pub fn bulk_out(&mut self, data: &[u8]) -> OutReply {
        let max_packet = self.max_bulk_packet();
        while self.gone < data.len() {
            let packet = &data[self.gone..data.len().min(self.gone + max_packet)];
            let out = Token::Out(Toggle::Data0, packet);
            match self.token(BULK_OUT, Kind::Bulk, max_packet, out) {
                Answer::Ack | Answer::Nyet => self.gone += packet.len(),
                Answer::Stall => {
                    self.gone = 0;
                    return OutReply::Stall;
                }
                Answer::Nak | Answer::Silence | Answer::Data(..) => return OutReply::Pending,
            }
        }
        self.gone = 0;
        OutReply::Ack
    }

    /// A bulk IN transfer of `wanted` bytes from endpoint 1. It ends with a short packet or when
    /// `wanted` bytes are there. A server that answers in parts asks for its parts one by one.
    pub fn bulk_in(&mut self, wanted: usize) -> InReply {
        let max_packet = self.max_bulk_packet();
        loop {
            match self.token(BULK_IN, Kind::Bulk, max_packet, Token::In) {
                Answer::Data(_, packet) => {
                    self.coming.extend_from_slice(&packet);
                    if packet.len() != max_packet || self.coming.len() >= wanted {
                        return InReply::Data(std::mem::take(&mut self.coming));
                    }
                }
                Answer::Stall => {
                    self.coming.clear();
                    return InReply::Stall;
                }
                Answer::Ack | Answer::Nyet | Answer::Nak | Answer::Silence => {
                    return InReply::Pending;
                }
            }
        }
    }

    /// The next packet of interrupt endpoint 3, if it tells something new. (The chip itself repeats
    /// the packet at every poll while the interrupt is active; a server need not.) The word has the
    /// bits of INT_STS; bit 15 is the PHY.
    pub fn interrupt(&mut self) -> Option<[u8; 4]> {
        if self.is_unplugged() || self.configuration() == 0 {
            return None;
        }
        let chip = self.device.function_ref();
        let word = chip.interrupt_word();
        let told = (chip.events, word.unwrap_or(0));
        if told == self.told {
            return None;
        }
        self.told = told;
        word.map(u32::to_le_bytes)
    }

    /// One transaction, with what goes wrong with it on the bus.
    fn token(&mut self, endpoint: u8, kind: Kind, max_packet: usize, token: Token<'_>) -> Answer {
        if self.is_unplugged() {
            return Answer::Nak;
        }
        let address = self.device.address();
        let max_packet = max_packet as u16;
        let (excused, toggles_count) = (true, false);
        let call = Call { address, endpoint, token, kind, max_packet, excused, toggles_count };
        let fault = self.faults.choose(&call);
        match fault {
            Some(Fault::Unplug) => {
                self.chip().unplugged = true;
                return Answer::Silence;
            }
            Some(Fault::Silence | Fault::PortDrop) => return Answer::Silence,
            Some(Fault::Nak) if !matches!(token, Token::Setup(_)) => return Answer::Nak,
            Some(Fault::Stall) => {
                let way = if token == Token::In { Way::In } else { Way::Out };
                self.device.halt(address, endpoint, way);
                return Answer::Stall;
            }
            _ => {}
        }
        let mut violations = Vec::<Violation>::new();
        let mut moment = Moment { now: self.now, violations: &mut violations };
        let answer = self.device.call(&mut moment, &call).unwrap_or(Answer::Silence);
        let Answer::Data(toggle, mut bytes) = answer else { return answer };
        match fault {
            Some(Fault::AnswerLost | Fault::AckLost) => return Answer::Nak,
            Some(Fault::Babble) => bytes.resize(usize::from(max_packet) + 1, 0xbb),
            Some(Fault::Short(len)) => bytes.truncate(len),
            _ => {}
        }
        self.device.acknowledge(&mut moment, address, endpoint);
        Answer::Data(toggle, bytes)
    }
}

fn setup_bytes(setup: &Setup) -> [u8; 8] {
    let ([v0, v1], [i0, i1]) = (setup.value.to_le_bytes(), setup.index.to_le_bytes());
    let [l0, l1] = setup.length.to_le_bytes();
    [setup.request_type, setup.request, v0, v1, i0, i1, l0, l1]
}
