//! What can go wrong between us and a peer, in Linux's words.

use core::fmt;

use smoltcp::wire::{IpAddress, IpEndpoint};

/// Why something could not be sent, or a connection not be opened. Its text is that of Linux's
/// `strerror`, which the commands print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetError {
    /// The port is closed: a reset, or ICMP port unreachable (ECONNREFUSED).
    ConnectionRefused,
    /// No route leads there, or a router says so (ENETUNREACH).
    NetworkUnreachable,
    /// The neighbour does not answer, or a router says that the host does not (EHOSTUNREACH).
    HostUnreachable,
    /// The host does not speak that protocol (ENOPROTOOPT).
    ProtocolUnreachable,
    /// A router refuses to carry it (EACCES).
    Prohibited,
    /// Longer than can be sent (EMSGSIZE).
    MessageTooLong,
    /// Nobody answered in time (ETIMEDOUT).
    TimedOut,
    /// Every socket is in use (ENFILE).
    NoSockets,
    /// The port is somebody else's (EADDRINUSE).
    AddressInUse,
    /// We have no address of that family (EADDRNOTAVAIL).
    NoAddress,
    /// The address or port is none that can be sent to (EINVAL).
    Invalid,
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConnectionRefused => "Connection refused",
            Self::NetworkUnreachable => "Network is unreachable",
            Self::HostUnreachable => "No route to host",
            Self::ProtocolUnreachable => "Protocol not available",
            Self::Prohibited => "Permission denied",
            Self::MessageTooLong => "Message too long",
            Self::TimedOut => "Connection timed out",
            Self::NoSockets => "Too many open files in system",
            Self::AddressInUse => "Address already in use",
            Self::NoAddress => "Cannot assign requested address",
            Self::Invalid => "Invalid argument",
        })
    }
}

impl core::error::Error for NetError {}

/// The protocol of the packet that an ICMP error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoted {
    /// A UDP datagram of ours.
    Udp,
    /// A TCP segment of ours.
    Tcp {
        /// Its sequence number, by which a forged error is told (RFC 5927 4.1).
        sequence: u32,
    },
    /// Anything else.
    Other(u8),
}

/// An ICMP error about a packet that we sent (RFC 792, RFC 4443 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// Who says so: a router, the host itself, or we, when a neighbour does not answer.
    pub from: IpAddress,
    /// What it means for the sender.
    pub error: NetError,
    /// True if it ends a connection attempt (RFC 1122 4.2.3.9: a hard error, or one that says that
    /// nobody is there); false if it may pass, such as time exceeded.
    pub is_final: bool,
    /// The ICMP type.
    pub kind: u8,
    /// The ICMP code.
    pub code: u8,
    /// The path's MTU, if it is about a packet that is too big.
    pub mtu: Option<u32>,
    /// What was sent.
    pub quoted: Quoted,
    /// Where from; port 0 for protocols without.
    pub local: IpEndpoint,
    /// Where to.
    pub remote: IpEndpoint,
}

impl fmt::Display for IcmpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl core::error::Error for IcmpError {}

impl IcmpError {
    /// Reads an ICMP or ICMPv6 message that came `from` there; `None` if it is no error, or quotes
    /// too little to tell whose it is. Checksums are the caller's affair.
    pub fn parse(from: IpAddress, message: &[u8]) -> Option<Self> {
        let (&kind, &code) = (message.first()?, message.get(1)?);
        let rest = u32::from_be_bytes(message.get(4..8)?.try_into().ok()?);
        let packet = message.get(8..)?;
        let (error, is_final, mtu) = match from {
            IpAddress::Ipv4(_) => meaning_v4(kind, code, rest)?,
            IpAddress::Ipv6(_) => meaning_v6(kind, code, rest)?,
        };
        let (protocol, source, destination, payload) = match from {
            IpAddress::Ipv4(_) => quoted_v4(packet)?,
            IpAddress::Ipv6(_) => quoted_v6(packet)?,
        };
        let port = |at: usize| Some(u16::from_be_bytes(payload.get(at..at + 2)?.try_into().ok()?));
        let (quoted, ports) = match protocol {
            TCP => {
                let sequence = u32::from_be_bytes(payload.get(4..8)?.try_into().ok()?);
                (Quoted::Tcp { sequence }, (port(0)?, port(2)?))
            }
            UDP => (Quoted::Udp, (port(0)?, port(2)?)),
            other => (Quoted::Other(other), (0, 0)),
        };
        Some(Self {
            from,
            error,
            is_final,
            kind,
            code,
            mtu,
            quoted,
            local: IpEndpoint::new(source, ports.0),
            remote: IpEndpoint::new(destination, ports.1),
        })
    }
}

const TCP: u8 = 6;
const UDP: u8 = 17;

type Meaning = (NetError, bool, Option<u32>);

/// RFC 792, RFC 1122 3.2.2.1, RFC 1191.
fn meaning_v4(kind: u8, code: u8, rest: u32) -> Option<Meaning> {
    let (error, is_final) = match (kind, code) {
        (3, 0 | 6 | 9 | 11) => (NetError::NetworkUnreachable, true),
        (3, 2) => (NetError::ProtocolUnreachable, true),
        (3, 3) => (NetError::ConnectionRefused, true),
        (3, 4) => return Some((NetError::MessageTooLong, false, Some(rest & 0xffff))),
        (3, 13) => (NetError::HostUnreachable, true),
        (3, _) => (NetError::HostUnreachable, true),
        (11, _) => (NetError::HostUnreachable, false),
        (12, _) => (NetError::Invalid, false),
        _ => return None,
    };
    Some((error, is_final, None))
}

/// RFC 4443 3.
fn meaning_v6(kind: u8, code: u8, rest: u32) -> Option<Meaning> {
    let (error, is_final) = match (kind, code) {
        (1, 0) => (NetError::NetworkUnreachable, true),
        (1, 1 | 5 | 6) => (NetError::Prohibited, true),
        (1, 4) => (NetError::ConnectionRefused, true),
        (1, _) => (NetError::HostUnreachable, true),
        (2, _) => return Some((NetError::MessageTooLong, false, Some(rest))),
        (3, _) => (NetError::HostUnreachable, false),
        (4, 1) => (NetError::ProtocolUnreachable, true),
        (4, _) => (NetError::Invalid, false),
        _ => return None,
    };
    Some((error, is_final, None))
}

type Packet<'a> = (u8, IpAddress, IpAddress, &'a [u8]);

/// The start of an IPv4 packet as routers quote it: the header and at least 8 bytes.
fn quoted_v4(packet: &[u8]) -> Option<Packet<'_>> {
    let header_len = usize::from(packet.first()? & 0x0f) * 4;
    let address = |at: usize| -> Option<IpAddress> {
        let bytes: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
        Some(IpAddress::Ipv4(bytes.into()))
    };
    if packet[0] >> 4 != 4 || header_len < 20 {
        return None;
    }
    Some((*packet.get(9)?, address(12)?, address(16)?, packet.get(header_len..)?))
}

/// The start of an IPv6 packet; we send no extension headers but with MLD.
fn quoted_v6(packet: &[u8]) -> Option<Packet<'_>> {
    let address = |at: usize| -> Option<IpAddress> {
        let bytes: [u8; 16] = packet.get(at..at + 16)?.try_into().ok()?;
        Some(IpAddress::Ipv6(bytes.into()))
    };
    if packet.first()? >> 4 != 6 {
        return None;
    }
    Some((*packet.get(6)?, address(8)?, address(24)?, packet.get(40..)?))
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use smoltcp::wire::Ipv4Address;

    use super::*;

    const ROUTER: IpAddress = IpAddress::Ipv4(Ipv4Address::new(192, 0, 2, 254));

    fn message(kind: u8, code: u8, rest: u32, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = std::vec![kind, code, 0, 0];
        bytes.extend(rest.to_be_bytes());
        bytes.extend([0x45, 0, 0, 28, 0, 0, 0x40, 0, 64, protocol, 0, 0]);
        bytes.extend([192, 0, 2, 1, 198, 51, 100, 7]);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn eight_quoted_bytes_are_enough() {
        let udp = [0xc0, 0x01, 0x82, 0x9a, 0, 40, 0, 0];
        let error = IcmpError::parse(ROUTER, &message(11, 0, 0, 17, &udp)).unwrap();
        assert_eq!(error.quoted, Quoted::Udp);
        assert_eq!((error.local.port, error.remote.port), (0xc001, 33_434));
        assert_eq!(error.remote.addr, IpAddress::v4(198, 51, 100, 7));
        assert!(!error.is_final);
        assert_eq!(IcmpError::parse(ROUTER, &message(11, 0, 0, 17, &udp[..3])), None);
    }

    #[test]
    fn linux_words() {
        let tcp = [0xc0, 0x01, 0, 80, 0, 0, 0, 9];
        for (kind, code, rest, words, mtu) in [
            (3, 0, 0, "Network is unreachable", None),
            (3, 1, 0, "No route to host", None),
            (3, 3, 0, "Connection refused", None),
            (3, 4, 1400, "Message too long", Some(1400)),
        ] {
            let error = IcmpError::parse(ROUTER, &message(kind, code, rest, 6, &tcp)).unwrap();
            assert_eq!(std::format!("{error}"), words);
            assert_eq!(error.mtu, mtu);
            assert_eq!(error.quoted, Quoted::Tcp { sequence: 9 });
        }
        assert_eq!(IcmpError::parse(ROUTER, &message(0, 0, 0, 6, &tcp)), None, "an echo reply");
    }
}
