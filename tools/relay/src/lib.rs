//! A cable between two network interfaces that loses, doubles, damages, delays, reorders and
//! throttles frames on purpose, each direction by itself, and counts what it did.
//!
//! ```text
//!   left interface ──> dice ──> what waits for its time ──> right interface
//!                  <──      ...                         <──
//! ```
//!
//! The dice are those of the board's own fault dial ([`firmware::wire::Dial`]). An end is whatever
//! gives a frame for each read and takes one for each write: a TAP, or a packet socket. A TAP has
//! no offloads unless its owner asks for them: the kernel behind it computes every checksum before
//! the relay sees the frame, and checks it afterwards, so a damaged frame stays damaged.

#![forbid(unsafe_code)]

mod line;
mod run;

pub use firmware::wire::{Faults, Tally};
pub use run::Relay;
