//! The lines of `ping` in the words of iputils.

use core::fmt;

use smoltcp::wire::{IpAddress, Ipv4Address};

use super::super::icmp::Quote;
use crate::net::Port;
use crate::net::names::resolver::has_scope;

/// What an error says: `Destination Host Unreachable`.
#[derive(Clone, Copy, Debug)]
pub struct Meaning<'a>(pub &'a Quote<'a>);

/// Destination unreachable, by code (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1). 4 tells an MTU.
const UNREACHABLE: [&str; 16] = [
    "Destination Net Unreachable",
    "Destination Host Unreachable",
    "Destination Protocol Unreachable",
    "Destination Port Unreachable",
    "Frag needed and DF set",
    "Source Route Failed",
    "Destination Net Unknown",
    "Destination Host Unknown",
    "Source Host Isolated",
    "Destination Net Prohibited",
    "Destination Host Prohibited",
    "Destination Net Unreachable for Type of Service",
    "Destination Host Unreachable for Type of Service",
    "Packet filtered",
    "Precedence Violation",
    "Precedence Cutoff",
];

/// The same of IPv6 (RFC 4443 3.1), each after "Destination unreachable: ".
const UNREACHABLE_V6: [&str; 7] = [
    "No route",
    "Administratively prohibited",
    "Beyond scope of source address",
    "Address unreachable",
    "Port unreachable",
    "Source address failed ingress/egress policy",
    "Reject route to destination",
];

impl fmt::Display for Meaning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Quote { kind, code, rest, to, .. } = *self.0;
        match (to, kind, code) {
            (IpAddress::Ipv4(_), 3, 4) => {
                write!(f, "{} (mtu = {})", UNREACHABLE[4], rest & 0xffff)
            }
            (IpAddress::Ipv4(_), 3, _) => match UNREACHABLE.get(usize::from(code)) {
                Some(words) => f.write_str(words),
                None => write!(f, "Dest Unreachable, Bad Code: {code}"),
            },
            (IpAddress::Ipv4(_), 4, _) => f.write_str("Source Quench"),
            (IpAddress::Ipv4(_), 5, _) => {
                let what = match code {
                    0 => "Network",
                    1 => "Host",
                    2 => "Type of Service and Network",
                    3 => "Type of Service and Host",
                    _ => return write!(f, "Redirect, Bad Code: {code}"),
                };
                write!(f, "Redirect {what}(New nexthop: {})", Ipv4Address::from_bits(rest))
            }
            (IpAddress::Ipv4(_), 11, 0) => f.write_str("Time to live exceeded"),
            (IpAddress::Ipv4(_), 11, 1) => f.write_str("Frag reassembly time exceeded"),
            (IpAddress::Ipv4(_), 11, _) => write!(f, "Time exceeded, Bad Code: {code}"),
            (IpAddress::Ipv4(_), 12, _) => {
                write!(f, "Parameter problem: pointer = {}", rest >> 24)
            }
            (IpAddress::Ipv6(_), 1, _) => match UNREACHABLE_V6.get(usize::from(code)) {
                Some(words) => write!(f, "Destination unreachable: {words}"),
                None => write!(f, "Destination unreachable: Unknown code {code}"),
            },
            (IpAddress::Ipv6(_), 2, _) => write!(f, "Packet too big: mtu={rest}"),
            (IpAddress::Ipv6(_), 3, 0) => f.write_str("Time exceeded: Hop limit"),
            (IpAddress::Ipv6(_), 3, 1) => f.write_str("Time exceeded: Defragmentation failure"),
            (IpAddress::Ipv6(_), 3, _) => write!(f, "Time exceeded: code {code}"),
            (IpAddress::Ipv6(_), 4, _) => {
                let what = match code {
                    0 => "Wrong header field ",
                    1 => "Unknown header ",
                    2 => "Unknown option ",
                    _ => return write!(f, "Parameter problem: code {code} at {rest}"),
                };
                write!(f, "Parameter problem: {what}at {rest}")
            }
            _ => write!(f, "Bad ICMP type: {kind}"),
        }
    }
}

/// An address; behind one that every link has anew, the link (RFC 4007 11).
#[derive(Clone, Copy, Debug)]
pub struct Scoped(pub IpAddress);

impl fmt::Display for Scoped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        match has_scope(self.0) {
            true => write!(f, "%{}", Port::Eth0.name()),
            false => Ok(()),
        }
    }
}

/// A host as lines name it: its name with the address behind it, or the address alone.
#[derive(Clone, Copy, Debug)]
pub struct Host<'a> {
    /// Its address.
    pub address: IpAddress,
    /// Its name, if it is to be shown.
    pub name: Option<&'a str>,
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => write!(f, "{name} ({})", Scoped(self.address)),
            None => write!(f, "{}", Scoped(self.address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn errors_in_the_words_of_iputils() {
        let v4 = IpAddress::v4(10, 0, 0, 1);
        let v6 = IpAddress::v6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
        for (to, kind, code, rest, words) in [
            (v4, 3, 0, 0, "Destination Net Unreachable"),
            (v4, 3, 1, 0, "Destination Host Unreachable"),
            (v4, 3, 4, 1400, "Frag needed and DF set (mtu = 1400)"),
            (v4, 3, 13, 0, "Packet filtered"),
            (v4, 3, 77, 0, "Dest Unreachable, Bad Code: 77"),
            (v4, 5, 1, 0x0a00_0009, "Redirect Host(New nexthop: 10.0.0.9)"),
            (v4, 11, 0, 0, "Time to live exceeded"),
            (v4, 12, 0, 0x1400_0000, "Parameter problem: pointer = 20"),
            (v6, 1, 3, 0, "Destination unreachable: Address unreachable"),
            (v6, 3, 0, 0, "Time exceeded: Hop limit"),
            (v6, 2, 0, 1280, "Packet too big: mtu=1280"),
        ] {
            let quote = Quote { kind, code, rest, protocol: 1, to, payload: &[] };
            assert_eq!(Meaning(&quote).to_string(), words);
        }
    }
}
