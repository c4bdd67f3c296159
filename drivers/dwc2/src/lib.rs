//! The DWC2 USB 2.0 host controller (Synopsys DesignWare Hi-Speed OTG), as the Raspberry Pi has it:
//! host mode, buffer DMA.
//!
//! - [`Dwc2::new`] resets and configures the core.
//! - [`Host::root_port`](usb::Host::root_port) drives the root port, one step a call.
//! - Channel 0 serves control transfers; every pipe has a channel of its own, which it keeps. A
//!   transfer that was started is not cancelled while its device is there.
//!
//! Nothing here blocks but core reset and control transfers, and these are bounded by [`limits`].

#![no_std]
#![forbid(unsafe_code)]

mod channel;
mod control;
mod core_setup;
mod host;
pub mod limits;
mod pipe;
mod port;
mod registers;

pub use core_setup::{Dwc2, SetupError};
