//! The network stack, and the sockets that tasks use.
//!
//! smoltcp is used here and nowhere else: no type of its TCP leaves this folder, so that another
//! TCP can take its place without touching a service.

mod address;
pub mod lease;
pub mod link_local;
pub mod names;
mod stack;
mod tcp;
mod tcp_pool;

pub use stack::{Sockets, Stack, no_sockets};
pub use tcp::{TcpError, TcpListener, TcpStream};
pub use tcp_pool::{Buffers, NoSockets};
