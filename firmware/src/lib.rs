//! The library that *is* the firmware: network stack, services, shell. No heap, no driver, no
//! address.
//!
//! ```text
//!   owner's loop (boards/rpi3, tools/twin, a test)
//!     nic.poll(now)                  the driver: finished transfers
//!     firmware.poll(now, &mut nic)   the stack: a bounded number of frames, up and down
//!     executor.poll()                the tasks: services woken by their sockets
//!     idle until the next deadline
//! ```
//!
//! [`Firmware::new`] takes the memory it works in; [`Firmware::spawn`] hands out the service tasks,
//! one async task each; [`Firmware::poll`] is the whole data path of one turn.

#![no_std]
// The time driver of the unit tests exports its two functions by name, which is
// `unsafe(no_mangle)`.
#![cfg_attr(not(test), forbid(unsafe_code))]

#[cfg(test)]
extern crate std;

pub mod clock;
pub mod config;
mod firmware;
pub mod journal;
pub mod limits;
pub mod net;
pub mod service;
pub mod shell;
pub mod status;
mod system;
pub mod tasks;
#[cfg(test)]
mod testing;
mod text;
pub mod wire;

pub use clock::UnixTime;
pub use firmware::{Facts, Firmware, Memory, Spawn};
pub use net::{Buffers, Sockets, no_sockets};
pub use system::{LogSource, RestartRequest, System};
pub use text::Text;
