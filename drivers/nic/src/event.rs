//! What the network interface tells about itself.

use core::fmt;

use heapless::String;
use usb::bus::BusError;
use usb::limits::TOPOLOGY_BYTES_MAX;

use crate::Driver;
use crate::limits::NOTE_BYTES_MAX;

pub use cdc_ecm::Link;

/// Text for a person.
pub type Note = String<NOTE_BYTES_MAX>;

/// Something happened to the network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NicEvent {
    /// A device was found and works.
    Found {
        /// The driver that took it.
        driver: Driver,
        /// Its Ethernet address.
        mac: [u8; 6],
        /// The bus, as [`usb::bus::Topology`] prints it.
        topology: String<TOPOLOGY_BYTES_MAX>,
    },
    /// The link changed; follows each `Found` too.
    Link(Link),
    /// The device is gone; the search begins again by itself.
    Lost(Reason),
    /// Something a person would like to know: a device that was skipped, and why.
    Note(Note),
}

/// Why a device is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was unplugged, or something between it and the root port was.
    Unplugged,
    /// A hub before it does not answer any more.
    Hub(BusError),
    /// Its driver gave up on it.
    Ecm(cdc_ecm::Lost),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unplugged => f.write_str("unplugged"),
            Self::Hub(error) => write!(f, "hub: {error}"),
            Self::Ecm(lost) => lost.fmt(f),
        }
    }
}

/// Formats a note, cut off at its limit.
pub(crate) fn note(text: fmt::Arguments<'_>) -> Note {
    struct Cut(Note);
    impl fmt::Write for Cut {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            text.chars().try_for_each(|character| self.0.push(character).map_err(|_| fmt::Error))
        }
    }
    let mut cut = Cut(Note::new());
    // An error means that the rest was cut off.
    let _ = fmt::write(&mut cut, text);
    cut.0
}
