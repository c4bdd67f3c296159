//! Models without I/O: a DWC2 register file, a USB bus with devices, and memory that is not
//! coherent.
//!
//! They stand in for the chip in host tests, and are stricter than an emulator: whatever the
//! hardware would punish some day in some way, they write down at once as a [`Violation`]. A test
//! drives the real driver against them and ends with an empty list:
//!
//! ```
//! use models::{cdc_ecm::CdcEcm, clock::VirtualClock, dwc2::{Dwc2, Mode}, hub::Hub, memory};
//!
//! let clock = VirtualClock::new();
//! let (pool, memory) = memory::region(64 * 1024);
//! let chip = Dwc2::new(Mode::Hardware, &clock, memory);
//! let hub = Hub::lan9514().share();
//! hub.borrow_mut().attach(1, CdcEcm::dongle().share());
//! chip.attach(hub);
//! // ... give `chip.clone()`, `pool` and `clock.clone()` to the driver, and let it run ...
//! # drop(pool);
//! assert_eq!(chip.violations(), []);
//! ```
//!
//! | module | what it models |
//! |---|---|
//! | [`clock`] | virtual time, which driver and model share |
//! | [`memory`] | the devices' view of memory: a copy that only cache maintenance synchronises |
//! | [`usb`] | packets on the bus; devices as chapter 9 of USB 2.0 describes them |
//! | [`hub`], [`cdc_ecm`] | two kinds of devices |
//! | [`lan9514`] | the Ethernet function of a LAN9512/LAN9514, by tokens and by transfers |
//! | [`dwc2`] | the host controller's registers, root port and channels |
//! | [`mailbox`] | the VideoCore's mailbox, which switches the controller's power |
//! | [`faults`], [`lies`] | what can go wrong on the bus, and in descriptors |
//!
//! The models share no register definition with the drivers: two independent readings of the
//! manuals meet in the tests. Everything is deterministic; what is random comes from a seed.

#![forbid(unsafe_code)]

pub mod cdc_ecm;
pub mod clock;
pub mod dwc2;
pub mod faults;
pub mod hub;
pub mod lan9514;
pub mod lies;
pub mod mailbox;
pub mod memory;
mod random;
pub mod usb;
mod violation;

pub use random::Random;
pub use violation::{VIOLATIONS_MAX, Violation};
