//! The network stack, and the sockets that tasks use.
//!
//! smoltcp does reassembly, UDP, ICMP echo and multicast reports; Ethernet, routes, DHCP and TCP
//! are ours.

mod address;
mod buffers;
pub mod dhcp;
mod dhcp_steps;
mod error;
mod icmp;
mod ipv6;
pub mod lease;
pub mod link_local;
pub mod names;
mod neighbors;
mod output;
mod ports;
mod routes;
mod slaac;
mod stack;
mod tables;
mod tcp;
mod tcp_host;
mod udp;

use smoltcp::wire::{IpAddress, Ipv4Address, Ipv6Address};

pub use ::tcp::{ConnectionInfo, ListenerInfo, SenderInfo, State as TcpState, Timer};
pub use buffers::{Buffers, Sockets, no_sockets};
pub use error::{IcmpError, NetError, Quoted};
pub use icmp::{ICMP_BYTES_MAX, IcmpReceived, IcmpSocket};
pub(crate) use neighbors::{Heard, Neighbors, Question, Resolved, Verdict};
pub use output::Send;
pub use routes::{Port, Route, RouteChoice, RouteSource};
pub(crate) use routes::{RouteTable, network};
pub use stack::Stack;
pub(crate) use stack::instant;
pub use tables::{
    InterfaceAddress, InterfaceStatus, Neighbor, NeighborState, Protocol, SocketInfo, SocketState,
};

pub use self::tcp::{PassingListener, TcpError, TcpListener, TcpStream};
pub use tcp_host::NoSockets;
pub(crate) use tcp_host::TcpHost;
pub use udp::{UdpReceived, UdpSocket};

/// No address in particular.
pub(crate) const ANY: IpAddress = IpAddress::Ipv4(Ipv4Address::UNSPECIFIED);
/// The same of IPv6.
pub(crate) const ANY_V6: IpAddress = IpAddress::Ipv6(Ipv6Address::UNSPECIFIED);
