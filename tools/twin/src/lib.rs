//! The firmware on a desk: as a Linux process on a TAP, and in simulations in virtual time.
//!
//! ```text
//!                    firmware (the same text as on the board)
//!                       │ machine: memory, executor, one turn of the loop
//!          ┌────────────┴─────────────┐
//!       process                     desk
//!   tap: /dev/net/tun           wire: seeded loss, duplicates, delay
//!   ppoll(2), stdin, exec       peers: stock smoltcp, or single frames,
//!   real time                          or a capture (replay)
//!                               virtual time
//! ```

pub mod desk;
pub mod executor;
pub mod machine;
pub mod process;
pub mod replay;
pub mod tap;
pub mod time;
pub mod wire;

use smoltcp::wire::EthernetAddress;

/// Reads an Ethernet address on a command line.
///
/// # Errors
/// If it is none; with what one looks like.
pub fn parse_mac(text: &str) -> Result<EthernetAddress, String> {
    text.parse().map_err(|()| "six bytes in hexadecimal are expected: 02:ba:5e:00:00:01".into())
}
