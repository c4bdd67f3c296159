//! USB host core: what is common to every host controller and every device.
//!
//! - [`Host`] is the seam: a host controller driver implements it, device drivers use it.
//! - [`Setup`] and [`descriptor`] are chapter 9 of the USB 2.0 specification, as bytes; nothing in
//!   a descriptor is believed before it is checked.
//! - [`bus`] enumerates: it walks from the root port through hubs and hands every device to a
//!   function that may claim it. The result prints as a topology string, such as `1:(0409:55aa
//!   1:(0525:a4a2))`.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod bus;
pub mod descriptor;
mod host;
pub mod hub;
pub mod limits;
pub mod request;
mod setup;

pub use host::{
    Completion, Data, Endpoint, Host, Kind, Passage, Pieces, Pipe, RootPort, Speed, StartError,
    Target, TransferError, Way,
};
pub use setup::Setup;
