//! Packets that we write ourselves, headers and all: what ICMP sockets send, and answers that the
//! stack does not give. smoltcp's raw sockets would write their headers anew, and lose type of
//! service and don't-fragment.

use core::task::{Context, Poll};

use embassy_sync::waitqueue::MultiWakerRegistration;
use smoltcp::storage::{PacketBuffer, PacketMetadata};
use smoltcp::wire::{
    Icmpv6Packet, IpAddress, IpProtocol, Ipv4Address, Ipv4Packet, Ipv6Address, Ipv6Packet, checksum,
};

use super::buffers::RAW_BYTES;
use super::error::NetError;
use crate::limits::{DATAGRAM_BYTES_MAX, ICMP_SOCKETS, MTU_BYTES, OUTPUT_PACKETS};

/// Bytes of an IPv4 header without options.
const V4_BYTES: usize = 20;
/// Bytes of an IPv6 header.
const V6_BYTES: usize = 40;

/// How a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Send {
    /// Hop limit (TTL).
    pub hop_limit: u8,
    /// Type of service, or traffic class.
    pub traffic_class: u8,
    /// No router may fragment it, nor we. IPv6 packets never are.
    pub dont_fragment: bool,
}

impl Default for Send {
    fn default() -> Self {
        Self { hop_limit: 64, traffic_class: 0, dont_fragment: false }
    }
}

/// Both ends of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    V4 { from: Ipv4Address, to: Ipv4Address },
    V6 { from: Ipv6Address, to: Ipv6Address },
}

impl Ends {
    /// None if the families differ.
    pub fn of(from: IpAddress, to: IpAddress) -> Option<Self> {
        match (from, to) {
            (IpAddress::Ipv4(from), IpAddress::Ipv4(to)) => Some(Self::V4 { from, to }),
            (IpAddress::Ipv6(from), IpAddress::Ipv6(to)) => Some(Self::V6 { from, to }),
            _ => None,
        }
    }
}

/// A message to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    ends: Ends,
    options: Send,
    identification: u16,
}

/// What waits to be sent.
pub(super) struct Output {
    queue: PacketBuffer<'static, Header>,
    /// Bytes of the first message that went already, in fragments.
    sent: usize,
    wakers: MultiWakerRegistration<ICMP_SOCKETS>,
    identification: u16,
}

impl Output {
    pub fn new(
        ring: &'static mut [u8; RAW_BYTES],
        list: &'static mut [PacketMetadata<Header>; OUTPUT_PACKETS],
        identification: u16,
    ) -> Self {
        Self {
            queue: PacketBuffer::new(&mut list[..], &mut ring[..]),
            sent: 0,
            wakers: MultiWakerRegistration::new(),
            identification,
        }
    }

    /// Queues an ICMP message; its checksum is filled in.
    ///
    /// # Errors
    /// [`NetError::MessageTooLong`] and [`NetError::Invalid`], as `IcmpSocket::send` says.
    pub fn icmp(&mut self, ends: Ends, options: Send, message: &[u8]) -> Result<bool, NetError> {
        let whole = match ends {
            Ends::V4 { .. } => MTU_BYTES - V4_BYTES,
            Ends::V6 { .. } => MTU_BYTES - V6_BYTES,
        };
        let max = match ends {
            Ends::V4 { .. } if !options.dont_fragment => DATAGRAM_BYTES_MAX - V4_BYTES,
            _ => whole,
        };
        if message.len() > max {
            return Err(NetError::MessageTooLong);
        }
        if message.len() < 4 {
            return Err(NetError::Invalid);
        }
        let header = Header { ends, options, identification: self.identification };
        let Ok(copy) = self.queue.enqueue(message.len(), header) else { return Ok(false) };
        self.identification = self.identification.wrapping_add(1);
        copy.copy_from_slice(message);
        copy[2..4].fill(0);
        match ends {
            Ends::V4 { .. } => {
                let sum = !checksum::data(copy);
                copy[2..4].copy_from_slice(&sum.to_be_bytes());
            }
            Ends::V6 { from, to } => {
                Icmpv6Packet::new_unchecked(copy).fill_checksum(&from, &to);
            }
        }
        Ok(true)
    }

    /// As [`Output::icmp`], but waits for room.
    pub fn poll_icmp(
        &mut self,
        ends: Ends,
        options: Send,
        message: &[u8],
        context: &mut Context<'_>,
    ) -> Poll<Result<(), NetError>> {
        match self.icmp(ends, options, message) {
            Ok(true) => Poll::Ready(Ok(())),
            Ok(false) => {
                self.wakers.register(context.waker());
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Hands packets to `send`, until there is none or it takes none.
    pub fn flush(&mut self, mut send: impl FnMut(&[u8]) -> bool) {
        let mut packet = [0; MTU_BYTES];
        // Bounded: a ring of OUTPUT_PACKETS messages, each of a bounded number of fragments.
        while let Ok((header, message)) = self.queue.peek() {
            let (bytes, len) = header.write(message, self.sent, &mut packet);
            if !send(&packet[..len]) {
                return;
            }
            self.sent += bytes;
            if self.sent >= message.len() {
                self.sent = 0;
                // Cannot fail: it was there a moment ago.
                let _ = self.queue.dequeue();
                self.wakers.wake();
            }
        }
    }
}

impl Header {
    /// Writes the packet that carries the message from `start` on; returns how much of the message
    /// it carries, and its own length.
    fn write(&self, message: &[u8], start: usize, out: &mut [u8; MTU_BYTES]) -> (usize, usize) {
        const FRAGMENT_BYTES: usize = (MTU_BYTES - V4_BYTES) & !7;
        let rest = &message[start..];
        match self.ends {
            Ends::V4 { from, to } => {
                let is_whole = message.len() <= MTU_BYTES - V4_BYTES;
                let bytes = if is_whole { rest.len() } else { rest.len().min(FRAGMENT_BYTES) };
                let len = V4_BYTES + bytes;
                let mut ip = Ipv4Packet::new_unchecked(&mut out[..len]);
                ip.set_version(4);
                ip.set_header_len(V4_BYTES as u8);
                ip.set_dscp(self.options.traffic_class >> 2);
                ip.set_ecn(self.options.traffic_class & 3);
                ip.set_total_len(len as u16);
                ip.set_ident(self.identification);
                ip.clear_flags();
                ip.set_dont_frag(self.options.dont_fragment);
                ip.set_more_frags(bytes < rest.len());
                ip.set_frag_offset(start as u16);
                ip.set_hop_limit(self.options.hop_limit.max(1));
                ip.set_next_header(IpProtocol::Icmp);
                ip.set_src_addr(from);
                ip.set_dst_addr(to);
                ip.fill_checksum();
                ip.payload_mut().copy_from_slice(&rest[..bytes]);
                (bytes, len)
            }
            Ends::V6 { from, to } => {
                let len = V6_BYTES + rest.len();
                let mut ip = Ipv6Packet::new_unchecked(&mut out[..len]);
                ip.set_version(6);
                ip.set_traffic_class(self.options.traffic_class);
                ip.set_flow_label(0);
                ip.set_payload_len(rest.len() as u16);
                ip.set_next_header(IpProtocol::Icmpv6);
                ip.set_hop_limit(self.options.hop_limit.max(1));
                ip.set_src_addr(from);
                ip.set_dst_addr(to);
                ip.payload_mut().copy_from_slice(rest);
                (rest.len(), len)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::vec::Vec;

    use super::*;

    fn output() -> Output {
        let ring = Box::leak(Box::new([0; RAW_BYTES]));
        Output::new(ring, Box::leak(Box::new([PacketMetadata::EMPTY; OUTPUT_PACKETS])), 7)
    }

    const ENDS: Ends =
        Ends::V4 { from: Ipv4Address::new(192, 0, 2, 1), to: Ipv4Address::new(192, 0, 2, 2) };

    #[test]
    fn long_messages_go_in_fragments() {
        let mut output = output();
        let message: Vec<u8> = (0..4000).map(|index| index as u8).collect();
        output.icmp(ENDS, Send { traffic_class: 0x10, ..Send::default() }, &message).unwrap();
        let mut whole = Vec::new();
        let mut packets = 0;
        // The device has room now and then.
        for turn in 0..20 {
            let mut left = turn % 2;
            output.flush(|bytes| {
                if left == 0 {
                    return false;
                }
                left -= 1;
                let ip = Ipv4Packet::new_checked(bytes).unwrap();
                assert!(ip.verify_checksum() && ip.dscp() == 4 && ip.ident() == 7);
                assert_eq!(usize::from(ip.frag_offset()), whole.len());
                whole.extend_from_slice(ip.payload());
                assert_eq!(ip.more_frags(), whole.len() < message.len());
                packets += 1;
                true
            });
        }
        assert_eq!((packets, whole.len()), (3, 4000));
        assert_eq!(checksum::data(&whole), !0);
        assert!(output.queue.is_empty());
    }

    #[test]
    fn what_cannot_be_sent() {
        let mut output = output();
        let whole = Send { dont_fragment: true, ..Send::default() };
        let long = [8; MTU_BYTES];
        assert_eq!(output.icmp(ENDS, whole, &long), Err(NetError::MessageTooLong));
        assert_eq!(output.icmp(ENDS, whole, &long[..MTU_BYTES - 20]), Ok(true));
        assert_eq!(output.icmp(ENDS, whole, &[8, 0]), Err(NetError::Invalid));
        let ends = Ends::V6 { from: Ipv6Address::LOCALHOST, to: Ipv6Address::LOCALHOST };
        assert_eq!(output.icmp(ends, whole, &long[..1461]), Err(NetError::MessageTooLong));
        let mut sent = 0;
        while output.icmp(ENDS, whole, &long[..1000]) == Ok(true) {
            sent += 1;
        }
        assert!(sent >= 10, "then there is no more room");
    }
}
