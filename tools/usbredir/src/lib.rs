//! A USB device model behind QEMU's `-device usb-redir`.
//!
//! QEMU has no LAN9514. It can borrow a USB device over a socket, though, and does not ask whether
//! the device is a real one:
//!
//! ```text
//!   kernel8.img ── DWC2 of QEMU ── usb-redir ══ Unix socket ══ Server ── Device ── Wire
//!
//!   Server    the conversation (this crate)
//!   Device    the model of the chip
//!   Wire      a TAP, or QEMU's own user-mode network
//! ```
//!
//! | module | what it is | I/O |
//! |---|---|---|
//! | [`message`], [`codec`] | the protocol, as values and as bytes | no |
//! | [`device`] | what the server needs of a device | no |
//! | [`lan9514`] | the model of `tools/models` as such a device | no |
//! | [`server`], [`survey`] | the conversation with QEMU | no |
//! | [`control`] | commands for tests: cable, plug, faults, counters | no |
//! | [`wire`], [`service`] | sockets, the TAP, and the loop around poll(2) | yes |
//! | [`options`] | the program's command line | |

#![deny(unsafe_code)]

pub mod codec;
pub mod control;
pub mod device;
pub mod lan9514;
pub mod limits;
pub mod message;
pub mod options;
pub mod server;
pub mod service;
pub mod survey;
#[allow(unsafe_code, reason = "one ioctl, for which there is no safe function")]
pub mod tap;
pub mod wire;
