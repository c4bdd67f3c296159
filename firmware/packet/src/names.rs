//! Names for numbers: hosts, ports and protocols.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The protocol a port belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A table of names, asked in both directions.
///
/// The dissector prints names for numbers; without one it prints the number, as `tcpdump -n` does.
/// The filter compiler takes names for numbers; without one it fails as libpcap does.
pub trait Names {
    /// The name of an IPv4 host.
    fn host4(&self, address: Ipv4Addr) -> Option<&str> {
        let _ = address;
        None
    }

    /// The name of an IPv6 host.
    fn host6(&self, address: Ipv6Addr) -> Option<&str> {
        let _ = address;
        None
    }

    /// The name of a port, such as `http`.
    fn port(&self, transport: Transport, port: u16) -> Option<&str> {
        let _ = (transport, port);
        None
    }

    /// The name of a protocol above IP that the dissector does not know, such as `sun-nd`.
    fn protocol(&self, number: u8) -> Option<&str> {
        let _ = number;
        None
    }

    /// The `index`th address of a host, counted from 0; `None` ends the list. At most
    /// [`limits::HOST_ADDRESSES`](crate::limits::HOST_ADDRESSES) are asked for.
    fn address(&self, host: &str, index: usize) -> Option<IpAddr> {
        let _ = (host, index);
        None
    }

    /// The mask of the network that `ip broadcast` is about; of all networks if there is none, as
    /// tcpdump has it when it reads a file.
    fn netmask(&self) -> Ipv4Addr {
        Ipv4Addr::UNSPECIFIED
    }

    /// The port of a service. Asked for each transport, since a service may have one only.
    fn service(&self, transport: Transport, service: &str) -> Option<u16> {
        let _ = (transport, service);
        None
    }
}

/// No names at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numeric;

impl Names for Numeric {}
