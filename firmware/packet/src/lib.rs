//! What a frame says, and whether anybody asked for it.
//!
//! - [`Dissector`] prints a captured Ethernet frame as tcpdump 4.99.3 prints it, byte for byte,
//!   into any [`core::fmt::Write`].
//! - [`Filter`] compiles an expression of libpcap's filter language (`tcp port 80 and not host
//!   10.0.0.1`) into a short program and runs it over frames.
//! - [`pcap`] makes the headers of capture files, [`pcapng`] the blocks of those with comments;
//!   [`savefile`] reads both.
//!
//! Nothing here allocates, reads a clock or does I/O, and no byte of a frame or of an expression
//! can make it panic: frames are cut off, lie about their lengths, or are nonsense.
//!
//! ```
//! use packet::{Dissector, Filter, Frame, Numeric, Options, Stamps, Timestamp};
//!
//! let bytes = [
//!     [0xff; 6].as_slice(),
//!     &[0xb8, 0x27, 0xeb, 0x12, 0x34, 0x56, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1],
//!     &[0xb8, 0x27, 0xeb, 0x12, 0x34, 0x56, 192, 168, 1, 42],
//!     &[0, 0, 0, 0, 0, 0, 192, 168, 1, 1],
//! ]
//! .concat();
//! let frame = Frame { bytes: &bytes, length: bytes.len(), at: Timestamp::default() };
//!
//! let filter = Filter::compile("arp and host 192.168.1.1", &Numeric).unwrap();
//! assert!(filter.accepts(frame.bytes, frame.length));
//!
//! let mut dissector = Dissector::new(Options { stamps: Stamps::None, ..Options::default() });
//! let mut line = String::new();
//! dissector.print(&frame, &Numeric, &mut line).unwrap();
//! assert_eq!(line, "ARP, Request who-has 192.168.1.1 tell 192.168.1.42, length 28\n");
//! ```
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod dissect;
pub mod filter;
pub mod limits;
mod names;
pub mod pcap;
pub mod pcapng;
pub mod savefile;

pub use dissect::{Dissector, Dump, Frame, Options, Stamps, Timestamp};
pub use filter::Filter;
pub use names::{Names, Numeric, Transport};
