//! The drivers, and which devices they are for. Another driver gets a field in [`Drivers`], a
//! variant in [`Driver`] and in the tokens, and an arm in each `match` of this file; nothing else
//! changes.

use core::time::Duration;

use cdc_ecm::{Ecm, EcmError, Function};
use lan9514::Lan9514;
use mmio::Clock;
use smoltcp::phy::{self, DeviceCapabilities};
use usb::bus::Candidate;
use usb::{Host, Passage};

use crate::event::{Link, Note, Reason, note};

/// A driver for Ethernet devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// LAN9512, LAN9514 and their family: what a Raspberry Pi has.
    Lan9514,
    /// Any device with a CDC Ethernet function: QEMU's `usb-net`, many dongles.
    Ecm,
}

impl Driver {
    /// The driver's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lan9514 => "lan9514",
            Self::Ecm => "cdc-ecm",
        }
    }
}

/// Ethernet devices that are known by their numbers and have no driver here.
const WITHOUT_DRIVER: &[(u16, u16, &str)] = &[
    (0x0424, 0x7800, "LAN7800 Ethernet"),
    (0x0b95, 0x1790, "AX88179 Ethernet"),
    (0x0bda, 0x8152, "RTL8152 Ethernet"),
    (0x0bda, 0x8153, "RTL8153 Ethernet"),
];

/// What a driver tells from its polling.
pub(crate) enum Happened {
    Link(Link),
    Note(Note),
    Lost(Reason),
}

/// What became of a device that was offered.
pub(crate) enum Offer {
    /// A driver works with it now; the device's Ethernet address.
    Taken(Driver, [u8; 6]),
    /// It is no Ethernet device.
    NotOurs,
    /// It is Ethernet, and yet no driver works with it.
    Refused {
        why: Note,
        /// It may work another time.
        worth_a_retry: bool,
    },
}

/// All drivers, with their buffers. They outlive the devices.
#[derive(Debug)]
pub(crate) struct Drivers {
    pub(crate) lan9514: Lan9514,
    pub(crate) ecm: Ecm,
}

/// What happened since start-up, over all devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// USB transfers that brought something.
    pub transfers_in: u64,
    /// USB transfers that took frames.
    pub transfers_out: u64,
    /// Receive transfers that failed.
    pub receive_errors: u64,
    /// Frames, or bursts of frames, with a wrong length, and frames that the device marked as bad.
    pub receive_frame_errors: u64,
    /// Frames lost since their transfer failed, or the device went away before it.
    pub send_errors: u64,
    /// Times that no transmit buffer was free when one was asked for.
    pub send_busy: u64,
    /// Halted endpoints that were brought back, and resets of the device that helped.
    pub recoveries: u64,
    /// Frames that the device dropped since it had no room for them.
    pub overruns: u64,
    /// Collisions of frames that were sent in the end.
    pub collisions: u64,
    /// Frames that the device could not send for want of a carrier.
    pub carrier_errors: u64,
    /// Times that the host controller's power was switched off and on.
    pub power_cycles: u64,
}

impl Drivers {
    pub(crate) fn new<H: Host + ?Sized>(host: &mut H) -> Result<Self, dma::NoMemory> {
        let lan9514 = Lan9514::new(host, lan9514::Config::default())?;
        Ok(Self { lan9514, ecm: Ecm::new(host)? })
    }

    /// Offers a device to each driver.
    pub(crate) fn offer<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        clock: &mut dyn Clock,
        candidate: &Candidate<'_>,
        mac_fallback: Option<[u8; 6]>,
    ) -> Offer {
        let (vendor, product) = (candidate.descriptor.vendor, candidate.descriptor.product);
        if let Some(name) = lan9514::product(vendor, product) {
            return match self.lan9514.attach(host, clock, candidate, mac_fallback) {
                Ok(mac) => Offer::Taken(Driver::Lan9514, mac),
                Err(error) => Offer::Refused {
                    why: note(format_args!("{name} {vendor:04x}:{product:04x} refused: {error}")),
                    worth_a_retry: error.worth_a_retry(),
                },
            };
        }
        let attached = match Function::find(candidate.configurations, candidate.target.speed) {
            Ok(Some(function)) => self.ecm.attach(host, clock, candidate, function, mac_fallback),
            Err(error) => Err(error),
            Ok(None) => {
                let numbers = (vendor, product);
                let known = WITHOUT_DRIVER.iter().find(|entry| (entry.0, entry.1) == numbers);
                if let Some((.., name)) = known {
                    let why = note(format_args!(
                        "{name} {vendor:04x}:{product:04x} found: no driver yet"
                    ));
                    return Offer::Refused { why, worth_a_retry: false };
                }
                // The Ethernet function may have been in there.
                return candidate.configurations.left_out().map_or(Offer::NotOurs, |error| {
                    let why = note(format_args!(
                        "USB device {vendor:04x}:{product:04x}: configuration left out: {error}"
                    ));
                    Offer::Refused { why, worth_a_retry: true }
                });
            }
        };
        match attached {
            Ok(mac) => Offer::Taken(Driver::Ecm, mac),
            Err(error) => Offer::Refused {
                why: note(format_args!("CDC Ethernet {vendor:04x}:{product:04x} refused: {error}")),
                worth_a_retry: matches!(
                    error,
                    EcmError::Transfer(_) | EcmError::Bus(_) | EcmError::BuffersLent
                ),
            },
        }
    }

    /// Lets go of the device, whichever driver has it. True once every buffer is back.
    pub(crate) fn detach<H: Host + ?Sized>(&mut self, host: &mut H, now: Duration) -> bool {
        // Both, whatever the first one says.
        self.lan9514.detach(host, now) & self.ecm.detach(host, now)
    }

    pub(crate) fn poll<H: Host + ?Sized>(
        &mut self,
        driver: Driver,
        host: &mut H,
        clock: &mut dyn Clock,
        now: Duration,
    ) -> Option<Happened> {
        match driver {
            Driver::Lan9514 => self.lan9514.poll(host, clock, now).map(|event| match event {
                lan9514::Event::Link(link) => Happened::Link(link.into()),
                lan9514::Event::Reset(why) => Happened::Note(note(format_args!("reset: {why}"))),
                lan9514::Event::BadBurst(bad) => Happened::Note(note(format_args!("{bad}"))),
                lan9514::Event::Lost(lost) => Happened::Lost(Reason::Lan9514(lost)),
            }),
            Driver::Ecm => self.ecm.poll(host, clock, now).map(|event| match event {
                cdc_ecm::Event::Link(link) => Happened::Link(link.into()),
                cdc_ecm::Event::Lost(lost) => Happened::Lost(Reason::Ecm(lost)),
            }),
        }
    }

    /// Tells the device to be silent, and lets the transfers under way come to their end.
    pub(crate) fn silence<H: Host + ?Sized>(
        &mut self,
        driver: Driver,
        host: &mut H,
        clock: &mut dyn Clock,
    ) {
        match driver {
            Driver::Lan9514 => self.lan9514.silence(host, clock),
            Driver::Ecm => self.ecm.silence(host, clock),
        }
    }

    pub(crate) fn next_deadline(&self, driver: Driver, now: Duration) -> Option<Duration> {
        match driver {
            Driver::Lan9514 => self.lan9514.next_deadline(now),
            Driver::Ecm => self.ecm.next_deadline(now),
        }
    }

    pub(crate) fn link(&self, driver: Driver) -> Link {
        match driver {
            Driver::Lan9514 => self.lan9514.link().into(),
            Driver::Ecm => self.ecm.link().into(),
        }
    }

    /// What the device can do; without one, what every driver can do.
    pub(crate) fn capabilities(&self, driver: Option<Driver>) -> DeviceCapabilities {
        match driver {
            Some(Driver::Lan9514) => self.lan9514.capabilities(),
            Some(Driver::Ecm) | None => cdc_ecm::capabilities(),
        }
    }

    /// What happened, over all drivers.
    pub(crate) fn counters(&self) -> Counters {
        let (lan, ecm) = (self.lan9514.counters(), self.ecm.counters());
        Counters {
            transfers_in: lan.bursts + ecm.transfers_in,
            transfers_out: lan.transfers_out + ecm.transfers_out,
            receive_errors: lan.receive_errors + ecm.receive_errors,
            receive_frame_errors: lan.bad_bursts()
                + lan.damaged_frames()
                + lan.checksum_errors
                + lan.tcp_fragments
                + ecm.receive_frame_errors,
            send_errors: lan.send_errors
                + lan.collision_errors
                + lan.carrier_errors
                + ecm.send_errors,
            send_busy: lan.send_busy + ecm.send_busy,
            recoveries: lan.halts_cleared + lan.lite_resets + ecm.recoveries,
            overruns: lan.fifo_dropped,
            collisions: lan.collisions,
            carrier_errors: lan.carrier_errors,
            power_cycles: 0,
        }
    }
}

/// A received frame, whichever driver received it.
#[derive(Debug)]
pub enum RxToken<'a> {
    /// From [`Driver::Lan9514`].
    Lan9514(lan9514::RxToken<'a>),
    /// From [`Driver::Ecm`].
    Ecm(cdc_ecm::RxToken<'a>),
}

impl RxToken<'_> {
    /// The USB transfer that brought the frame, where the driver puts several into one.
    pub fn passage(&self) -> Option<Passage> {
        match self {
            Self::Lan9514(token) => token.passage(),
            Self::Ecm(_) => None,
        }
    }
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        match self {
            Self::Lan9514(token) => token.consume(f),
            Self::Ecm(token) => token.consume(f),
        }
    }
}

/// Room for a frame, whichever driver sends it.
#[derive(Debug)]
pub enum TxToken<'a, H: ?Sized> {
    /// Through [`Driver::Lan9514`].
    Lan9514(lan9514::TxToken<'a>),
    /// Through [`Driver::Ecm`].
    Ecm(cdc_ecm::TxToken<'a, H>),
}

impl<H: Host + ?Sized> TxToken<'_, H> {
    /// As [`phy::TxToken::consume`]; and the USB transfer that will take the frame, where the
    /// driver puts several into one.
    pub fn send<R>(self, len: usize, build: impl FnOnce(&mut [u8]) -> R) -> (R, Option<Passage>) {
        match self {
            Self::Lan9514(token) => {
                let (result, passage) = token.send(len, build);
                (result, Some(passage))
            }
            Self::Ecm(token) => (phy::TxToken::consume(token, len, build), None),
        }
    }
}

impl<H: Host + ?Sized> phy::TxToken for TxToken<'_, H> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.send(len, f).0
    }
}
