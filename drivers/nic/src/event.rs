//! What the network interface tells about itself.

use core::fmt;

use heapless::String;
use usb::bus::BusError;
use usb::limits::TOPOLOGY_BYTES_MAX;

use crate::Driver;
use crate::limits::NOTE_BYTES_MAX;

/// The link, whichever device has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// No carrier.
    Down,
    /// Carrier.
    Up {
        /// How fast, if the device tells.
        rate: Option<Rate>,
    },
}

/// How fast a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Mbit/s.
    pub megabits: u16,
    /// False: half duplex.
    pub full_duplex: bool,
}

impl Link {
    /// True if frames can pass.
    pub fn is_up(self) -> bool {
        self != Self::Down
    }
}

impl From<cdc_ecm::Link> for Link {
    /// CDC knows no duplex; what tells its rate is a switched link.
    fn from(link: cdc_ecm::Link) -> Self {
        match link {
            cdc_ecm::Link::Down => Self::Down,
            cdc_ecm::Link::Up { bits_per_second } => {
                let rate = bits_per_second.map(|bits| Rate {
                    megabits: u16::try_from(bits / 1_000_000).unwrap_or(u16::MAX),
                    full_duplex: true,
                });
                Self::Up { rate }
            }
        }
    }
}

impl From<lan9514::Link> for Link {
    fn from(link: lan9514::Link) -> Self {
        match link {
            lan9514::Link::Down => Self::Down,
            lan9514::Link::Up(lan9514::Rate { megabits, full_duplex, .. }) => {
                Self::Up { rate: Some(Rate { megabits, full_duplex }) }
            }
        }
    }
}

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
    /// So many restarts of the port in a row did not help: if the board can switch the host
    /// controller's power, this is the time for [`Nic::power_cycle`](crate::Nic::power_cycle). Told
    /// each [`POWER_CYCLE_AFTER`](crate::limits::POWER_CYCLE_AFTER) failures, until
    /// [`POWER_CYCLES_MAX`](crate::limits::POWER_CYCLES_MAX) power cycles did not help either.
    PowerCycleDue {
        /// Restarts.
        restarts: u32,
    },
}

/// Why a device is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was unplugged, or something between it and the root port was.
    Unplugged,
    /// The board switched the power off and on.
    PowerCycle,
    /// A hub before it does not answer any more.
    Hub(BusError),
    /// Its driver gave up on it.
    Ecm(cdc_ecm::Lost),
    /// Its driver gave up on it.
    Lan9514(lan9514::Lost),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unplugged => f.write_str("unplugged"),
            Self::PowerCycle => f.write_str("power cycle"),
            Self::Hub(error) => write!(f, "hub: {error}"),
            Self::Ecm(lost) => lost.fmt(f),
            Self::Lan9514(lost) => lost.fmt(f),
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
