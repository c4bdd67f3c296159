//! Frames, read and written by hand.
//!
//! A second reading of the RFCs, independent of the stack under test: a mistake that sender and
//! checker shared would go unseen. Every length and every checksum is checked.

use std::fmt;
use std::net::Ipv4Addr;

use anyhow::{Context, Result, bail, ensure};

/// An Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// ff:ff:ff:ff:ff:ff.
    pub const BROADCAST: Self = Self([0xff; 6]);
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// TCP flags, low byte (RFC 9293 3.1).
pub mod flag {
    /// No more data from the sender.
    pub const FIN: u8 = 1;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 2;
    /// Reset the connection.
    pub const RST: u8 = 4;
    /// Push.
    pub const PSH: u8 = 8;
    /// The acknowledgement field counts.
    pub const ACK: u8 = 16;
}

const ETHERNET_BYTES: usize = 14;
/// The type of frames that carry IPv4.
pub const TYPE_IPV4: u16 = 0x0800;
const TYPE_ARP: u16 = 0x0806;
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// A frame, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// To whom.
    pub to: Mac,
    /// From whom.
    pub from: Mac,
    /// What it carries.
    pub body: Body,
}

/// What a frame carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// RFC 826, for IPv4 over Ethernet.
    Arp(Arp),
    /// RFC 791.
    Ipv4(Ipv4),
    /// Something else: its type.
    Other(u16),
}

/// An ARP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// True: a reply; false: a request.
    pub is_reply: bool,
    /// The sender's Ethernet address.
    pub sender_mac: Mac,
    /// The sender's address.
    pub sender: Ipv4Addr,
    /// The target's Ethernet address.
    pub target_mac: Mac,
    /// The target's address.
    pub target: Ipv4Addr,
}

/// An IPv4 packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv4 {
    /// Source.
    pub source: Ipv4Addr,
    /// Destination.
    pub destination: Ipv4Addr,
    /// The upper layer.
    pub payload: Payload,
}

/// The layer above IPv4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// RFC 792.
    Icmp(Icmp),
    /// RFC 9293.
    Tcp(Tcp),
    /// RFC 768: source and destination port.
    Udp(u16, u16),
    /// A part of a datagram: its checksum covers the whole, and is not looked at.
    Fragment {
        /// Bytes into the datagram.
        offset: usize,
        /// More follow.
        more: bool,
    },
    /// Something else: its protocol number.
    Other(u8),
}

/// An ICMP message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// 8 echo request, 0 echo reply, 3 unreachable, ...
    pub kind: u8,
    /// The kind's detail.
    pub code: u8,
    /// The second word of the header; of an echo: identifier and sequence number.
    pub rest: [u8; 4],
    /// What follows the header.
    pub data: Vec<u8>,
}

/// A TCP segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tcp {
    /// Source port.
    pub from: u16,
    /// Destination port.
    pub to: u16,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
    /// [`flag`]s.
    pub flags: u8,
    /// Window, not scaled.
    pub window: u16,
    /// Payload.
    pub data: Vec<u8>,
}

impl Tcp {
    /// True if all of these flags are set.
    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }
}

/// RFC 1071: the one's complement of the one's complement sum, over several pieces, each of even
/// length but for the last. Zero over data that contains its own correct checksum.
pub fn checksum(pieces: &[&[u8]]) -> u16 {
    let mut sum = 0u32;
    for piece in pieces {
        for pair in piece.chunks(2) {
            sum += u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn pseudo_header(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, bytes: usize) -> [u8; 12] {
    let mut header = [0; 12];
    header[..4].copy_from_slice(&source.octets());
    header[4..8].copy_from_slice(&destination.octets());
    header[9] = protocol;
    header[10..].copy_from_slice(&(bytes as u16).to_be_bytes());
    header
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N]> {
    let piece =
        bytes.get(at..at + N).with_context(|| format!("cut off at byte {}", bytes.len()))?;
    Ok(piece.try_into()?)
}

fn word(bytes: &[u8], at: usize) -> Result<u16> {
    Ok(u16::from_be_bytes(array(bytes, at)?))
}

fn address(bytes: &[u8], at: usize) -> Result<Ipv4Addr> {
    Ok(array::<4>(bytes, at)?.into())
}

impl Frame {
    /// Reads a frame.
    ///
    /// # Errors
    /// If a length does not fit or a checksum is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let payload = bytes.get(ETHERNET_BYTES..).context("shorter than an Ethernet header")?;
        let body = match word(bytes, 12)? {
            TYPE_ARP => Body::Arp(Arp::parse(payload).context("ARP")?),
            TYPE_IPV4 => Body::Ipv4(Ipv4::parse(payload).context("IPv4")?),
            other => Body::Other(other),
        };
        Ok(Self { to: Mac(array(bytes, 0)?), from: Mac(array(bytes, 6)?), body })
    }

    /// Its TCP segment, if it is one.
    pub fn tcp(&self) -> Option<(&Ipv4, &Tcp)> {
        match &self.body {
            Body::Ipv4(ip @ Ipv4 { payload: Payload::Tcp(tcp), .. }) => Some((ip, tcp)),
            _ => None,
        }
    }

    /// Its ICMP message, if it is one.
    pub fn icmp(&self) -> Option<(&Ipv4, &Icmp)> {
        match &self.body {
            Body::Ipv4(ip @ Ipv4 { payload: Payload::Icmp(icmp), .. }) => Some((ip, icmp)),
            _ => None,
        }
    }

    /// Its ARP packet, if it is one.
    pub fn arp(&self) -> Option<&Arp> {
        match &self.body {
            Body::Arp(arp) => Some(arp),
            _ => None,
        }
    }
}

impl Arp {
    fn parse(bytes: &[u8]) -> Result<Self> {
        // Ethernet, IPv4, address lengths 6 and 4.
        ensure!(array(bytes, 0)? == [0, 1, 8, 0, 6, 4], "not IPv4 over Ethernet");
        let is_reply = match word(bytes, 6)? {
            1 => false,
            2 => true,
            other => bail!("operation {other}"),
        };
        Ok(Self {
            is_reply,
            sender_mac: Mac(array(bytes, 8)?),
            sender: address(bytes, 14)?,
            target_mac: Mac(array(bytes, 18)?),
            target: address(bytes, 24)?,
        })
    }

    /// The packet's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0, 1, 8, 0, 6, 4, 0, if self.is_reply { 2 } else { 1 }];
        bytes.extend(self.sender_mac.0);
        bytes.extend(self.sender.octets());
        bytes.extend(self.target_mac.0);
        bytes.extend(self.target.octets());
        bytes
    }
}

impl Ipv4 {
    fn parse(bytes: &[u8]) -> Result<Self> {
        let first = bytes.first().context("empty")?;
        ensure!(first >> 4 == 4, "version {}", first >> 4);
        let header_bytes = usize::from(first & 15) * 4;
        let total_bytes = usize::from(word(bytes, 2)?);
        ensure!(header_bytes >= 20, "header of {header_bytes} bytes");
        ensure!(
            (header_bytes..=bytes.len()).contains(&total_bytes),
            "total length {total_bytes}, header {header_bytes}, {} bytes there",
            bytes.len()
        );
        ensure!(checksum(&[&bytes[..header_bytes]]) == 0, "bad header checksum");
        let (source, destination) = (address(bytes, 12)?, address(bytes, 16)?);
        let fragment = word(bytes, 6)?;
        let (more, offset) = (fragment & 0x2000 != 0, usize::from(fragment & 0x1fff) * 8);
        let data = &bytes[header_bytes..total_bytes];
        let payload = if more || offset > 0 {
            Payload::Fragment { offset, more }
        } else {
            let protocol = bytes[9];
            let pseudo = pseudo_header(source, destination, protocol, data.len());
            match protocol {
                ICMP => Payload::Icmp(Icmp::parse(data).context("ICMP")?),
                TCP => Payload::Tcp(Tcp::parse(data, &pseudo).context("TCP")?),
                UDP => parse_udp(data, &pseudo).context("UDP")?,
                other => Payload::Other(other),
            }
        };
        Ok(Self { source, destination, payload })
    }
}

fn parse_udp(data: &[u8], pseudo: &[u8]) -> Result<Payload> {
    ensure!(usize::from(word(data, 4)?) == data.len(), "length {}", word(data, 4)?);
    // A checksum of zero says that there is none (RFC 768).
    ensure!(word(data, 6)? == 0 || checksum(&[pseudo, data]) == 0, "bad checksum");
    Ok(Payload::Udp(word(data, 0)?, word(data, 2)?))
}

impl Icmp {
    fn parse(data: &[u8]) -> Result<Self> {
        ensure!(checksum(&[data]) == 0, "bad checksum");
        let [kind, code] = array(data, 0)?;
        let rest = array(data, 4)?;
        Ok(Self { kind, code, rest, data: data[8..].to_vec() })
    }

    /// An echo request.
    pub fn echo(identifier: u16, sequence: u16, data: Vec<u8>) -> Self {
        let ([a, b], [c, d]) = (identifier.to_be_bytes(), sequence.to_be_bytes());
        Self { kind: 8, code: 0, rest: [a, b, c, d], data }
    }

    /// The message's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.kind, self.code, 0, 0];
        bytes.extend(self.rest);
        bytes.extend(&self.data);
        let sum = checksum(&[&bytes]);
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        bytes
    }
}

impl Tcp {
    fn parse(data: &[u8], pseudo: &[u8]) -> Result<Self> {
        ensure!(checksum(&[pseudo, data]) == 0, "bad checksum");
        let [offset, flags] = array(data, 12)?;
        let header_bytes = usize::from(offset >> 4) * 4;
        ensure!(header_bytes >= 20, "header of {header_bytes} bytes");
        let payload = data.get(header_bytes..).context("header longer than the segment")?;
        Ok(Self {
            from: word(data, 0)?,
            to: word(data, 2)?,
            sequence: u32::from_be_bytes(array(data, 4)?),
            acknowledgement: u32::from_be_bytes(array(data, 8)?),
            flags,
            window: word(data, 14)?,
            data: payload.to_vec(),
        })
    }

    /// The segment's bytes; without options.
    pub fn bytes(&self, source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(self.from.to_be_bytes());
        bytes.extend(self.to.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.acknowledgement.to_be_bytes());
        bytes.extend([5 << 4, self.flags]);
        bytes.extend(self.window.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(&self.data);
        let pseudo = pseudo_header(source, destination, TCP, bytes.len());
        let sum = checksum(&[&pseudo, &bytes]);
        bytes[16..18].copy_from_slice(&sum.to_be_bytes());
        bytes
    }
}

/// An IPv4 packet around a payload.
pub fn ipv4(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x45, 0];
    bytes.extend((20 + payload.len() as u16).to_be_bytes());
    // Identification 0, don't fragment, TTL 64.
    bytes.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
    bytes.extend(source.octets());
    bytes.extend(destination.octets());
    let sum = checksum(&[&bytes]);
    bytes[10..12].copy_from_slice(&sum.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A frame around a payload.
pub fn ethernet(to: Mac, from: Mac, kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ETHERNET_BYTES + payload.len());
    bytes.extend(to.0);
    bytes.extend(from.0);
    bytes.extend(kind.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A frame around an ARP packet.
pub fn arp_frame(to: Mac, arp: &Arp) -> Vec<u8> {
    ethernet(to, arp.sender_mac, TYPE_ARP, &arp.bytes())
}

/// A frame around an IPv4 packet of this protocol.
pub fn ipv4_frame(macs: (Mac, Mac), source: Ipv4Addr, to: Ipv4Addr, payload: &Payload) -> Vec<u8> {
    let (from_mac, to_mac) = macs;
    let packet = match payload {
        Payload::Icmp(icmp) => ipv4(source, to, ICMP, &icmp.bytes()),
        Payload::Tcp(tcp) => ipv4(source, to, TCP, &tcp.bytes(source, to)),
        // Only what the scripts send is written.
        Payload::Udp(..) | Payload::Fragment { .. } | Payload::Other(_) => {
            ipv4(source, to, 253, &[])
        }
    };
    ethernet(to_mac, from_mac, TYPE_IPV4, &packet)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
    const B: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
    const MACS: (Mac, Mac) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]));

    #[test]
    fn the_example_of_rfc_1071() {
        let sum = !checksum(&[&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]]);
        assert_eq!(sum, 0xddf2);
    }

    #[test]
    fn what_is_written_can_be_read() {
        let tcp = Tcp { from: 1, to: 80, flags: flag::SYN, data: vec![1, 2, 3], ..Tcp::default() };
        for payload in [Payload::Icmp(Icmp::echo(7, 8, vec![9; 31])), Payload::Tcp(tcp)] {
            let frame = Frame::parse(&ipv4_frame(MACS, A, B, &payload)).unwrap();
            assert_eq!(frame.body, Body::Ipv4(Ipv4 { source: A, destination: B, payload }));
        }
        let arp =
            Arp { is_reply: true, sender_mac: MACS.0, sender: A, target_mac: MACS.1, target: B };
        assert_eq!(Frame::parse(&arp_frame(MACS.1, &arp)).unwrap().arp(), Some(&arp));
    }

    #[test]
    fn every_flipped_bit_of_a_packet_is_noticed_or_is_in_the_ethernet_header() {
        let payload = Payload::Icmp(Icmp::echo(7, 8, vec![9; 32]));
        let good = ipv4_frame(MACS, A, B, &payload);
        for bit in ETHERNET_BYTES * 8..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Frame::parse(&bad).is_err(), "bit {bit}");
        }
        for bytes in 0..good.len() {
            assert!(Frame::parse(&good[..bytes]).is_err(), "{bytes} bytes");
        }
    }
}
