//! The firmware on a desk: as a Linux process on a TAP, and in simulations in virtual time.
//!
//! ```text
//!                    firmware (the same text as on the board)
//!                       │ machine: memory, executor, one turn of the loop
//!          ┌────────────┴─────────────┐
//!       process                     desk
//!   tap: /dev/net/tun           wire: seeded loss, duplicates, delay
//!   poll(2), stdin, exec        peers: stock smoltcp, or single frames
//!   real time                   virtual time
//! ```

pub mod desk;
pub mod executor;
pub mod machine;
pub mod process;
pub mod tap;
pub mod time;
pub mod wire;
