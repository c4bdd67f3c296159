//! Who talks to whom.

use core::fmt;
use core::net::IpAddr;

/// An address and a port.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
}

impl Endpoint {
    /// An address and a port.
    pub const fn new(address: IpAddr, port: u16) -> Self {
        Self { address, port }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddr::V4(address) => write!(f, "{address}:{}", self.port),
            IpAddr::V6(address) => write!(f, "[{address}]:{}", self.port),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Both ends of a connection, as we see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Our end.
    pub local: Endpoint,
    /// The peer's.
    pub remote: Endpoint,
}

impl Flow {
    /// True over IPv6.
    pub const fn is_v6(&self) -> bool {
        self.remote.address.is_ipv6()
    }

    /// Bytes of IP and TCP header, both without options.
    pub const fn header_bytes(&self) -> u16 {
        if self.is_v6() { 60 } else { 40 }
    }

    /// True if both ends are hosts that may hold a connection: no broadcast, multicast or
    /// unspecified address (RFC 9293 3.9.2.3, MUST-57 and MUST-63), no port 0, not one and the
    /// same endpoint.
    pub fn is_sane(&self) -> bool {
        let host = |address: IpAddr| match address {
            IpAddr::V4(v4) => {
                // 0/8 names hosts of "this network" and is no source; 240/4 is reserved.
                !v4.is_multicast() && v4.octets()[0] != 0 && v4.octets()[0] < 240
            }
            IpAddr::V6(v6) => !v6.is_multicast() && !v6.is_unspecified(),
        };
        host(self.local.address)
            && host(self.remote.address)
            && self.local.address.is_ipv4() == self.remote.address.is_ipv4()
            && self.local.port != 0
            && self.remote.port != 0
            && self.local != self.remote
    }
}

/// The two ECN bits of an IP header (RFC 3168 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ecn {
    /// Not capable: 00.
    #[default]
    NotCapable,
    /// ECT(0): 10.
    Capable,
    /// ECT(1): 01.
    Capable1,
    /// Congestion experienced: 11.
    Congested,
}

impl Ecn {
    /// From the low two bits of TOS or traffic class.
    pub const fn from_bits(traffic_class: u8) -> Self {
        match traffic_class & 3 {
            0 => Self::NotCapable,
            1 => Self::Capable1,
            2 => Self::Capable,
            _ => Self::Congested,
        }
    }

    /// The two bits.
    pub const fn bits(self) -> u8 {
        match self {
            Self::NotCapable => 0,
            Self::Capable1 => 1,
            Self::Capable => 2,
            Self::Congested => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_hold_connections() {
        let flow = |local: &str, remote: &str| {
            let at = |s: &str| Endpoint::new(s.parse().expect("an address"), 80);
            Flow { local: at(local), remote: at(remote) }
        };
        assert!(flow("192.0.2.1", "192.0.2.2").is_sane());
        assert!(flow("127.0.0.1", "127.0.0.2").is_sane());
        assert!(flow("fe80::1", "fe80::2").is_sane());
        for bad in
            ["0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "240.0.0.1", "::", "ff02::1"]
        {
            assert!(!flow("192.0.2.1", bad).is_sane(), "{bad}");
            assert!(!flow(bad, "192.0.2.1").is_sane(), "{bad}");
        }
        assert!(!flow("192.0.2.1", "192.0.2.1").is_sane(), "land");
        assert!(!flow("192.0.2.1", "fe80::2").is_sane());
    }

    #[test]
    fn ecn_bits_are_read_as_they_are_written() {
        for bits in 0..4 {
            assert_eq!(Ecn::from_bits(bits | 0xB8).bits(), bits);
        }
    }
}
