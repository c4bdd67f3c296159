//! What the server needs of a USB device: whole transfers, and a wire at its other end.

use std::time::Duration;

use crate::message::Status;

pub use models::usb::{Setup, Speed};

/// Why a device does not carry a transfer out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The endpoint is halted, or the request not supported.
    Stall,
    /// No answer, or a damaged one.
    Error,
    /// More data than the host asked for.
    Babble,
    /// There is no such endpoint.
    NoEndpoint,
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Stall => Self::Stall,
            Refusal::Error => Self::IoError,
            Refusal::Babble => Self::Babble,
            Refusal::NoEndpoint => Self::Invalid,
        }
    }
}

/// What became of a request for data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inward {
    /// As much as there is, or as was wanted.
    Data(Vec<u8>),
    /// The device answers NAK: ask again later.
    Pending,
    /// The transfer failed.
    Refused(Refusal),
}

/// What became of data for the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outward {
    /// Taken.
    Taken,
    /// The device answers NAK: offer it again later.
    Pending,
    /// The transfer failed.
    Refused(Refusal),
}

/// A USB device with a network cable. Times are since some moment of the caller's choice.
///
/// Nothing that is passed in may panic it.
pub trait Device {
    /// The speed it runs at.
    fn speed(&self) -> Speed;

    /// It gets power: the state of a device that was just plugged in.
    fn power_on(&mut self, now: Duration);

    /// A bus reset.
    fn reset(&mut self, now: Duration);

    /// A control transfer, those of chapter 9 included; `data` is what the host sends.
    ///
    /// # Errors
    /// Why it is not carried out.
    fn control(&mut self, now: Duration, setup: &Setup, data: &[u8]) -> Result<Vec<u8>, Refusal>;

    /// Data for an OUT endpoint: one transfer, or the packets of one that the host splits.
    fn bulk_out(&mut self, now: Duration, endpoint: u8, data: &[u8]) -> Outward;

    /// At most `wanted` bytes, a multiple of the packet size, from an IN endpoint. A short answer
    /// ends the host's transfer.
    fn bulk_in(&mut self, now: Duration, endpoint: u8, wanted: usize) -> Inward;

    /// The next report of an interrupt endpoint.
    fn interrupt_in(&mut self, now: Duration, endpoint: u8) -> Inward;

    /// Lets time pass. Returns when something happens next without the host or the wire.
    fn advance(&mut self, now: Duration) -> Option<Duration>;

    /// True if it has pulled its own plug, as a planted fault.
    fn has_left(&self) -> bool;

    /// True if a frame may come: false while the device asks its neighbour to pause.
    fn takes_frames(&mut self) -> bool;

    /// A frame from the wire, without its check sequence.
    fn frame_in(&mut self, now: Duration, frame: &[u8]);

    /// The next frame for the wire, without its check sequence.
    fn frame_out(&mut self) -> Option<Vec<u8>>;

    /// The cable goes in or out.
    fn set_link(&mut self, now: Duration, up: bool);

    /// Something goes wrong from now on, in words that the device knows.
    ///
    /// # Errors
    /// Why not, in one line.
    fn fault(&mut self, now: Duration, words: &[&str]) -> Result<String, String>;

    /// What happened so far, as `key=value` words in one line.
    fn statistics(&mut self) -> String;
}
