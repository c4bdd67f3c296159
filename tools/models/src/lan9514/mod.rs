//! The Ethernet function of a LAN9512/LAN9514, without I/O.
//!
//! One [`Chip`], two faces, and a wire:
//!
//! ```text
//!   models::usb (tokens)          usbredir (transfers)
//!   Lan9514 = Device<Chip>        Transfers: control, bulk_out, bulk_in, interrupt, reset
//!            \                      /      (a Device<Chip> with the tokens already spoken)
//!             `------ Chip --------'
//!   registers, PHY, EEPROM | receive: filter, FIFO, bursts | transmit: commands, checksums
//!                          |
//!   frame_from_wire, take_frame_to_wire, plug_cable, advance
//! ```
//!
//! On the bus model, below the chip's hub as on a Pi 3:
//!
//! ```
//! use models::{hub::Hub, lan9514::{Lan9514, Settings}};
//!
//! let chip = Lan9514::of(Settings::default()).share();
//! let hub = Hub::lan9514().share();
//! hub.borrow_mut().attach(1, chip.clone());
//! // dwc2.attach(hub); ... and in the test:
//! chip.borrow_mut().function().frame_from_wire(&[0xff; 60]);
//! assert_eq!(chip.borrow_mut().function().take_frame_to_wire(), None);
//! ```
//!
//! The chip has no clock: [`Chip::advance`] tells it the time (the bus model does so with every
//! token), and [`Chip::deadline`] tells when it wants to know it next.
//!
//! What the hardware would punish, the model punishes: frames are lost where the duplex is wrong,
//! multicast is dropped unless it was asked for, a bad transmit command stalls the pipe. It also
//! writes it down, as a [`Mistake`].
//!
//! Where a fact comes from is said beside it: `[data sheet]` (LAN950x, Microchip DS00001875, unless
//! another is named), `[seen]` (Linux, U-Boot or Circle ran against such a model), `[board]` (in a
//! public log of a true chip), `[assumed]`.

mod bytes;
mod eeprom;
mod family;
mod filter;
mod function;
mod line;
mod mistake;
mod phy;
mod receive;
mod registers;
mod statistics;
mod transfers;
mod transmit;
mod troubles;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use crate::Random;
use crate::usb::Device;

pub use bytes::{fcs, hash_index, ones_sum};
pub use eeprom::EEPROM_BYTES;
pub use family::{FAMILY, LAN9514, Model, descriptors};
pub use mistake::{BadCommand, MISTAKES_MAX, Mistake};
pub use phy::Partner;
pub use receive::RX_FIFO_BYTES;
pub use statistics::Statistics;
pub use transfers::{InReply, OutReply, Reply, Transfers};
pub use transmit::TX_FIFO_BYTES;
pub use troubles::{Trouble, TroubleRule, Troubles};

use eeprom::Eeprom;
use line::Line;
use phy::Phy;
use receive::Receive;
use registers::Registers;
use transmit::Transmit;

/// The most frames that wait for the wire; after that the transmitter does not go on.
pub const WIRE_FRAMES_MAX: usize = 4096;

/// The function as a device on the bus model.
pub type Lan9514 = Device<Chip>;

impl Lan9514 {
    /// A device on the bus: full speed and high speed.
    pub fn of(settings: Settings) -> Self {
        let (full, high) = descriptors(settings.model);
        Self::new(Chip::new(settings), full, Some(high))
    }
}

/// What a chip is, and where it stands.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which chip of the family.
    pub model: &'static Model,
    /// The MAC address in the EEPROM; `None` is no EEPROM, as on a Pi.
    pub eeprom_mac: Option<[u8; 6]>,
    /// How long autonegotiation takes. A late PHY is a long one.
    pub autonegotiation: Duration,
    /// Whether the Ethernet cable is in.
    pub cable: bool,
    /// What is at the other end of it.
    pub partner: Partner,
    /// For the dice of collisions.
    pub seed: u64,
    /// Whether a short burst really waits for BULK_IN_DLY. A server that looks at the chip late
    /// anyway may leave it out.
    pub bulk_in_delay: bool,
    /// How many reads of a self-clearing bit (resets, MII and EEPROM busy) still show it.
    pub busy_reads: u8,
}

impl Default for Settings {
    /// The chip of a Pi 3 with a cable to a switch: 100 Mbit/s full duplex after 300 ms.
    fn default() -> Self {
        Self {
            model: &LAN9514,
            eeprom_mac: None,
            autonegotiation: Duration::from_millis(300),
            cable: true,
            partner: Partner::FULL_100,
            seed: 1,
            bulk_in_delay: true,
            busy_reads: 0,
        }
    }
}

/// The chip.
#[derive(Debug)]
pub struct Chip {
    settings: Settings,
    now: Duration,
    registers: Registers,
    phy: Phy,
    eeprom: Eeprom,
    receive: Receive,
    transmit: Transmit,
    line: Line,
    to_wire: VecDeque<Vec<u8>>,
    troubles: Troubles,
    statistics: Statistics,
    counters: statistics::Counters,
    mistakes: Vec<Mistake>,
    random: Random,
    unplugged: bool,
    /// Counts whatever may have set a bit of INT_STS.
    events: u64,
}

impl Chip {
    /// A chip after power-on.
    pub fn new(settings: Settings) -> Self {
        let phy = Phy::new(settings.autonegotiation, settings.cable, settings.partner);
        let mut chip = Self {
            now: Duration::ZERO,
            registers: Registers::new(settings.model.id_rev),
            phy,
            eeprom: Eeprom::new(settings.eeprom_mac),
            receive: Receive::default(),
            transmit: Transmit::default(),
            line: Line::default(),
            to_wire: VecDeque::new(),
            troubles: Troubles::none(),
            statistics: Statistics::default(),
            counters: statistics::Counters::default(),
            mistakes: Vec::new(),
            random: Random::new(settings.seed),
            unplugged: false,
            events: 0,
            settings,
        };
        chip.reset();
        chip
    }

    /// All but the descriptors: a USB reset is a full reset `[assumed]`, and so is power-on.
    pub fn reset(&mut self) {
        self.registers = Registers::new(self.settings.model.id_rev);
        self.load_address();
        self.receive = Receive::default();
        self.transmit = Transmit::default();
        self.counters = statistics::Counters::default();
        self.phy.reset(self.now);
    }

    /// Tells the chip the time. It never goes back.
    pub fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
        if self.phy.advance(self.now) {
            self.events += 1;
        }
        self.pump();
    }

    /// When something happens by itself next: the end of autonegotiation, of BULK_IN_DLY, of a
    /// pause. A server calls [`Chip::advance`] then and looks at the endpoints again.
    pub fn deadline(&self) -> Option<Duration> {
        let deadlines = [self.phy.deadline(), self.burst_deadline(), self.line.deadline(self.now)];
        deadlines.into_iter().flatten().min()
    }

    /// A frame arrives, without FCS. A frame shorter than 60 bytes is padded, as its sender would.
    pub fn frame_from_wire(&mut self, frame: &[u8]) {
        self.arrive(frame, false);
    }

    /// A frame arrives whose FCS is wrong.
    pub fn damaged_frame_from_wire(&mut self, frame: &[u8]) {
        self.arrive(frame, true);
    }

    /// The next frame that the chip has put on the wire, without FCS.
    pub fn take_frame_to_wire(&mut self) -> Option<Vec<u8>> {
        let frame = self.to_wire.pop_front();
        if frame.is_some() {
            self.pump();
        }
        frame
    }

    /// Plugs the Ethernet cable in or pulls it out.
    pub fn plug_cable(&mut self, cable: bool) {
        self.settings.cable = cable;
        if self.phy.plug_cable(self.now, cable) {
            self.events += 1;
        }
    }

    /// Another device at the other end of the cable. The link goes down and comes up again.
    pub fn set_partner(&mut self, partner: Partner) {
        self.settings.partner = partner;
        if self.phy.set_partner(self.now, partner) {
            self.events += 1;
        }
    }

    /// How long autonegotiation takes from its next start.
    pub fn set_autonegotiation(&mut self, time: Duration) {
        self.settings.autonegotiation = time;
        self.phy.set_autonegotiation(time);
    }

    /// True if the PHY has a link.
    pub fn link_is_up(&self) -> bool {
        self.phy.link().is_some()
    }

    /// What goes wrong from now on.
    pub fn set_troubles(&mut self, troubles: Troubles) {
        self.troubles = troubles;
    }

    /// What went wrong by intention so far.
    pub fn troubles(&self) -> &Troubles {
        &self.troubles
    }

    /// True after [`Trouble::Unplug`] struck: the chip is silent. Who holds its plug pulls it now,
    /// and [`Chip::replug`]s it later.
    pub fn is_unplugged(&self) -> bool {
        self.unplugged
    }

    /// The plug is in again, and the chip has been without power.
    pub fn replug(&mut self) {
        self.unplugged = false;
        self.reset();
    }

    /// What became of the frames, since the beginning.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// What the driver did that hardware punishes. At most [`MISTAKES_MAX`], none twice in a row.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// Bytes in the receive FIFO, out of [`RX_FIFO_BYTES`].
    pub fn rx_fifo_used(&self) -> usize {
        self.receive.used()
    }

    /// Frames that wait for the wire.
    pub fn frames_to_wire(&self) -> usize {
        self.to_wire.len()
    }

    fn note(&mut self, mistake: Mistake) {
        if self.mistakes.len() < MISTAKES_MAX && self.mistakes.last() != Some(&mistake) {
            self.mistakes.push(mistake);
        }
    }
}
