//! Packets on the bus, and the devices that answer them.
//!
//! A host sends one [`Call`] a transaction; whatever is plugged in ([`Peripheral`]) answers or does
//! not. An IN transaction has two halves, as on the wire: the device answers with data and keeps it
//! until the host has acknowledged it, so that a lost packet can come again.

mod control;
mod descriptors;
mod device;
mod requests;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::Violation;
use crate::violation::VIOLATIONS_MAX;

pub use control::Setup;
pub use descriptors::{Descriptors, EndpointFacts};
pub(crate) use descriptors::{configuration, endpoint, languages, string};
pub use device::{ADDRESS_RECOVERY, Device, Function, RESET_RECOVERY};

/// How long a connection has to be stable before reset (USB 2.0, 7.1.7.3: TATTDB).
pub const DEBOUNCE: Duration = Duration::from_millis(100);

/// Signalling rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Speed {
    /// 1.5 Mbit/s.
    Low,
    /// 12 Mbit/s.
    Full,
    /// 480 Mbit/s.
    High,
}

/// Transfer type, in the numbers of `bmAttributes` and HCCHAR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 0.
    Control,
    /// 1.
    Isochronous,
    /// 2.
    Bulk,
    /// 3.
    Interrupt,
}

impl Kind {
    /// The type of the two low bits.
    pub const fn from_bits(bits: u32) -> Self {
        match bits & 3 {
            0 => Self::Control,
            1 => Self::Isochronous,
            2 => Self::Bulk,
            _ => Self::Interrupt,
        }
    }
}

/// Direction, seen from the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Device to host.
    In,
    /// Host to device.
    Out,
}

/// Which of the two data PIDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toggle {
    /// DATA0.
    Data0,
    /// DATA1.
    Data1,
}

impl Toggle {
    /// The PID after this one.
    pub const fn next(self) -> Self {
        match self {
            Self::Data0 => Self::Data1,
            Self::Data1 => Self::Data0,
        }
    }
}

/// What the host sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// SETUP and its eight bytes.
    Setup(&'a [u8]),
    /// OUT and its data packet.
    Out(Toggle, &'a [u8]),
    /// IN.
    In,
    /// PING: is there room for an OUT (high speed only)?
    Ping,
}

impl Token<'_> {
    /// Direction of the endpoint that is meant.
    pub const fn way(&self) -> Way {
        match self {
            Self::In => Way::In,
            _ => Way::Out,
        }
    }
}

/// One transaction, as the host begins it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// Device address.
    pub address: u8,
    /// Endpoint number, without direction.
    pub endpoint: u8,
    /// What the host sends.
    pub token: Token<'a>,
    /// What the host takes the endpoint for.
    pub kind: Kind,
    /// What the host takes for its packet size, in bytes.
    pub max_packet: u16,
    /// A handshake was lost on this endpoint: one wrong toggle is no fault of the driver's.
    pub excused: bool,
    /// False on a controller that knows nothing of toggles.
    pub toggles_count: bool,
}

/// What the device sends back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Taken.
    Ack,
    /// Taken, but there is no room for another (high speed OUT).
    Nyet,
    /// Not now.
    Nak,
    /// The endpoint is halted, or the request is not supported.
    Stall,
    /// A data packet.
    Data(Toggle, Vec<u8>),
    /// Nothing, until the host's patience ends.
    Silence,
}

/// The time at which something happens on the bus, and where to write down what is wrong with it.
#[derive(Debug)]
pub struct Moment<'a> {
    /// Now.
    pub now: Duration,
    /// Broken rules.
    pub violations: &'a mut Vec<Violation>,
}

impl Moment<'_> {
    /// Writes a broken rule down, unless it is the same as the last, or there are enough.
    pub fn note(&mut self, violation: Violation) {
        note(self.violations, violation);
    }
}

/// Appends to a list of broken rules, within [`VIOLATIONS_MAX`].
pub(crate) fn note(violations: &mut Vec<Violation>, violation: Violation) {
    if violations.len() < VIOLATIONS_MAX && violations.last() != Some(&violation) {
        violations.push(violation);
    }
}

/// Something with a USB plug: a device, or a hub with all that is behind it.
pub trait Peripheral {
    /// The best speed it can do.
    fn top_speed(&self) -> Speed;

    /// Its port was reset, at a port that does `port` at best: it listens at address 0, and runs at
    /// the speed that is returned.
    fn reset(&mut self, moment: &mut Moment<'_>, port: Speed) -> Speed;

    /// It lost its connection, and its power with it.
    fn unplugged(&mut self);

    /// A transaction on its bus. `None` if it is not for this device, nor for one behind it.
    fn call(&mut self, moment: &mut Moment<'_>, call: &Call<'_>) -> Option<Answer>;

    /// The host acknowledged the data that `address` just sent from `endpoint`.
    fn acknowledge(&mut self, moment: &mut Moment<'_>, address: u8, endpoint: u8);

    /// Fault injection: halts an endpoint of `address`; endpoint 0 until the next SETUP.
    fn halt(&mut self, address: u8, endpoint: u8, way: Way);

    /// The speed of the device at `address`, and whether the host can reach it without split
    /// transactions.
    fn reach(&self, address: u8) -> Option<(Speed, bool)>;

    /// True if endpoint 0 of `address` will stall until the next SETUP.
    fn refuses(&self, address: u8) -> bool;
}

/// A peripheral as a port holds it and a test keeps it.
pub type Plug = Rc<RefCell<dyn Peripheral>>;
