//! The ICMP error that we tell ourselves when a neighbour does not answer: host unreachable, as if
//! a router had said so. It goes round by the loopback interface, to the socket that caused it.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{Icmpv6Packet, IpProtocol, Ipv4Packet, Ipv4Repr, Ipv6Packet, checksum};

use super::slots::HEADER_BYTES;
use crate::limits::FRAME_BYTES_MAX;

/// Bytes of an ICMP header.
const ICMP_BYTES: usize = 8;
/// Bytes of the longest ICMP error (RFC 1812 4.3.2.3).
const PACKET_BYTES_MAX_V4: usize = 576;
/// And of ICMPv6 (RFC 4443 3.1: the least MTU of IPv6).
const PACKET_BYTES_MAX_V6: usize = 1280;

/// Turns a frame of ours, of `len` bytes, into the error about it; returns its length, or 0 if
/// nothing may be said about such a packet (RFC 1122 3.2.2, RFC 4443 2.4 e).
pub fn about(frame: &mut [u8; FRAME_BYTES_MAX], len: usize) -> usize {
    let packet_len = len.saturating_sub(HEADER_BYTES);
    let told = match frame[HEADER_BYTES] >> 4 {
        4 => about_v4(frame, packet_len),
        6 => about_v6(frame, packet_len),
        _ => None,
    };
    told.map_or(0, |bytes| HEADER_BYTES + bytes)
}

fn about_v4(frame: &mut [u8; FRAME_BYTES_MAX], len: usize) -> Option<usize> {
    const DESTINATION_UNREACHABLE: u8 = 3;
    const HOST: u8 = 1;
    const ERRORS: [u8; 5] = [3, 4, 5, 11, 12];
    let header = 20;
    let packet = Ipv4Packet::new_checked(&frame[HEADER_BYTES..HEADER_BYTES + len]).ok()?;
    let ours = packet.src_addr();
    let is_error = packet.next_header() == IpProtocol::Icmp
        && packet.payload().first().is_none_or(|kind| ERRORS.contains(kind));
    if ours.is_unspecified() || packet.frag_offset() != 0 || is_error {
        return None;
    }
    let quoted = len.min(PACKET_BYTES_MAX_V4 - header - ICMP_BYTES);
    let start = HEADER_BYTES + header + ICMP_BYTES;
    frame.copy_within(HEADER_BYTES..HEADER_BYTES + quoted, start);
    let icmp = &mut frame[HEADER_BYTES + header..start + quoted];
    icmp[..ICMP_BYTES].copy_from_slice(&[DESTINATION_UNREACHABLE, HOST, 0, 0, 0, 0, 0, 0]);
    let sum = !checksum::data(icmp);
    icmp[2..4].copy_from_slice(&sum.to_be_bytes());
    let repr = Ipv4Repr {
        src_addr: ours,
        dst_addr: ours,
        next_header: IpProtocol::Icmp,
        payload_len: ICMP_BYTES + quoted,
        hop_limit: 64,
    };
    let mut packet = Ipv4Packet::new_unchecked(&mut frame[HEADER_BYTES..]);
    repr.emit(&mut packet, &ChecksumCapabilities::default());
    Some(header + ICMP_BYTES + quoted)
}

fn about_v6(frame: &mut [u8; FRAME_BYTES_MAX], len: usize) -> Option<usize> {
    const DESTINATION_UNREACHABLE: u8 = 1;
    const ADDRESS: u8 = 3;
    /// Types below are errors; 137 is redirect.
    const INFORMATIONAL: u8 = 128;
    let header = 40;
    let packet = Ipv6Packet::new_checked(&frame[HEADER_BYTES..HEADER_BYTES + len]).ok()?;
    let ours = packet.src_addr();
    let is_error = packet.next_header() == IpProtocol::Icmpv6
        && packet.payload().first().is_none_or(|kind| *kind < INFORMATIONAL);
    if ours.is_unspecified() || is_error {
        return None;
    }
    let quoted = len.min(PACKET_BYTES_MAX_V6 - header - ICMP_BYTES);
    let start = HEADER_BYTES + header + ICMP_BYTES;
    frame.copy_within(HEADER_BYTES..HEADER_BYTES + quoted, start);
    let mut packet = Ipv6Packet::new_unchecked(&mut frame[HEADER_BYTES..]);
    // Version, traffic class and flow stay as they are; so does the source.
    packet.set_dst_addr(ours);
    packet.set_next_header(IpProtocol::Icmpv6);
    packet.set_hop_limit(64);
    packet.set_payload_len((ICMP_BYTES + quoted) as u16);
    let icmp = &mut frame[HEADER_BYTES + header..start + quoted];
    icmp[..ICMP_BYTES].copy_from_slice(&[DESTINATION_UNREACHABLE, ADDRESS, 0, 0, 0, 0, 0, 0]);
    Icmpv6Packet::new_unchecked(icmp).fill_checksum(&ours, &ours);
    Some(header + ICMP_BYTES + quoted)
}

#[cfg(test)]
mod tests {
    use smoltcp::wire::{IpAddress, Ipv4Address, Ipv6Address, Ipv6Repr};

    use super::*;
    use crate::net::{IcmpError, NetError, Quoted};

    const UDP: [u8; 12] = [0xc0, 1, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4];

    #[test]
    fn told_to_whom_it_concerns() {
        let (ours, peer) = (Ipv4Address::new(192, 0, 2, 1), Ipv4Address::new(192, 0, 2, 9));
        let mut frame = [0; FRAME_BYTES_MAX];
        let repr = Ipv4Repr {
            src_addr: ours,
            dst_addr: peer,
            next_header: IpProtocol::Udp,
            payload_len: UDP.len(),
            hop_limit: 64,
        };
        let mut packet = Ipv4Packet::new_unchecked(&mut frame[HEADER_BYTES..]);
        repr.emit(&mut packet, &ChecksumCapabilities::default());
        frame[HEADER_BYTES + 20..][..UDP.len()].copy_from_slice(&UDP);
        let len = about(&mut frame, HEADER_BYTES + 20 + UDP.len());
        let packet = Ipv4Packet::new_checked(&frame[HEADER_BYTES..len]).unwrap();
        assert!(packet.verify_checksum() && packet.dst_addr() == ours);
        assert_eq!(checksum::data(packet.payload()), !0);
        let error = IcmpError::parse(IpAddress::Ipv4(ours), packet.payload()).unwrap();
        assert_eq!((error.error, error.quoted), (NetError::HostUnreachable, Quoted::Udp));
        assert_eq!((error.local.port, error.remote.port), (0xc001, 53));
        assert_eq!(about(&mut frame, len), 0, "no error about an error");
    }

    #[test]
    fn of_ipv6_too() {
        let ours = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
        let peer = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, 9);
        let mut frame = [0; FRAME_BYTES_MAX];
        let repr = Ipv6Repr {
            src_addr: ours,
            dst_addr: peer,
            next_header: IpProtocol::Udp,
            payload_len: 1400,
            hop_limit: 64,
        };
        repr.emit(&mut Ipv6Packet::new_unchecked(&mut frame[HEADER_BYTES..]));
        frame[HEADER_BYTES + 40..][..UDP.len()].copy_from_slice(&UDP);
        let len = about(&mut frame, HEADER_BYTES + 40 + 1400);
        assert_eq!(len, HEADER_BYTES + PACKET_BYTES_MAX_V6);
        let packet = Ipv6Packet::new_checked(&frame[HEADER_BYTES..len]).unwrap();
        let icmp = Icmpv6Packet::new_checked(packet.payload()).unwrap();
        assert!(icmp.verify_checksum(&ours, &ours));
        let error = IcmpError::parse(IpAddress::Ipv6(ours), packet.payload()).unwrap();
        assert_eq!((error.error, error.remote.port), (NetError::HostUnreachable, 53));
        assert_eq!(about(&mut frame, HEADER_BYTES), 0);
    }
}
