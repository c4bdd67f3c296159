//! The drivers, and which devices they are for. A second driver gets a field in [`Drivers`], a
//! variant in [`Driver`] and in the tokens, and an arm in each `match` of this file; nothing else
//! changes.

use core::time::Duration;

use cdc_ecm::{Ecm, EcmError, Function};
use mmio::Clock;
use smoltcp::phy;
use usb::Host;
use usb::bus::Candidate;

use crate::event::{Link, Note, Reason, note};

/// A driver for Ethernet devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// Any device with a CDC Ethernet function: QEMU's `usb-net`, many dongles.
    Ecm,
}

impl Driver {
    /// The driver's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ecm => "cdc-ecm",
        }
    }
}

/// Ethernet devices that are known by their numbers and have no driver here.
const WITHOUT_DRIVER: &[(u16, u16, &str)] = &[
    (0x0424, 0xec00, "LAN9514 Ethernet"),
    (0x0424, 0x7800, "LAN7800 Ethernet"),
    (0x0b95, 0x1790, "AX88179 Ethernet"),
    (0x0bda, 0x8152, "RTL8152 Ethernet"),
    (0x0bda, 0x8153, "RTL8153 Ethernet"),
];

/// What a driver tells from its polling.
pub(crate) enum Happened {
    Link(Link),
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
    pub(crate) ecm: Ecm,
}

impl Drivers {
    pub(crate) fn new<H: Host + ?Sized>(host: &mut H) -> Result<Self, dma::NoMemory> {
        Ok(Self { ecm: Ecm::new(host)? })
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
        let attached = match Function::find(candidate.configurations, candidate.target.speed) {
            Ok(Some(function)) => self.ecm.attach(host, clock, candidate, function, mac_fallback),
            Err(error) => Err(error),
            Ok(None) => {
                let numbers = (vendor, product);
                let known = WITHOUT_DRIVER.iter().find(|entry| (entry.0, entry.1) == numbers);
                return known.map_or(Offer::NotOurs, |(.., name)| Offer::Refused {
                    why: note(format_args!(
                        "{name} {vendor:04x}:{product:04x} found: no driver yet"
                    )),
                    worth_a_retry: false,
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
        self.ecm.detach(host, now)
    }

    pub(crate) fn poll<H: Host + ?Sized>(
        &mut self,
        driver: Driver,
        host: &mut H,
        clock: &mut dyn Clock,
        now: Duration,
    ) -> Option<Happened> {
        match driver {
            Driver::Ecm => self.ecm.poll(host, clock, now).map(|event| match event {
                cdc_ecm::Event::Link(link) => Happened::Link(link),
                cdc_ecm::Event::Lost(lost) => Happened::Lost(Reason::Ecm(lost)),
            }),
        }
    }

    pub(crate) fn next_deadline(&self, driver: Driver, now: Duration) -> Option<Duration> {
        match driver {
            Driver::Ecm => self.ecm.next_deadline(now),
        }
    }

    pub(crate) fn link(&self, driver: Driver) -> Link {
        match driver {
            Driver::Ecm => self.ecm.link(),
        }
    }
}

/// A received frame, whichever driver received it.
#[derive(Debug)]
pub enum RxToken<'a> {
    /// From [`Driver::Ecm`].
    Ecm(cdc_ecm::RxToken<'a>),
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        match self {
            Self::Ecm(token) => token.consume(f),
        }
    }
}

/// Room for a frame, whichever driver sends it.
#[derive(Debug)]
pub enum TxToken<'a, H: ?Sized> {
    /// Through [`Driver::Ecm`].
    Ecm(cdc_ecm::TxToken<'a, H>),
}

impl<H: Host + ?Sized> phy::TxToken for TxToken<'_, H> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        match self {
            Self::Ecm(token) => token.consume(len, f),
        }
    }
}
