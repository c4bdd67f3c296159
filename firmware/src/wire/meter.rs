//! What passes of one connection: segments and bytes, counted on the wire.
//!
//! For the few connections whose user asks what a keystroke costs. While nobody asks, a frame costs
//! one look at an empty table.

use core::cell::RefCell;

use smoltcp::wire::{
    IpAddress, IpEndpoint, IpProtocol, IpVersion, Ipv4Packet, Ipv6Packet, TcpPacket,
};

use crate::limits::METERS;

/// What passed of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Received.
    pub received: Segments,
    /// Sent.
    pub sent: Segments,
}

/// Segments of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segments {
    /// How many.
    pub count: u64,
    /// Bytes of their IP datagrams, headers included, as they are on any link.
    pub bytes: u64,
    /// Bytes of data in them.
    pub data_bytes: u64,
}

impl Segments {
    fn add(&mut self, bytes: usize, data_bytes: usize) {
        self.count += 1;
        self.bytes += bytes as u64;
        self.data_bytes += data_bytes as u64;
    }
}

impl core::ops::Add for Passed {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let sum = |one: Segments, other: Segments| Segments {
            count: one.count + other.count,
            bytes: one.bytes + other.bytes,
            data_bytes: one.data_bytes + other.data_bytes,
        };
        Self { received: sum(self.received, other.received), sent: sum(self.sent, other.sent) }
    }
}

/// Both ends of a connection: ours, then the peer's.
type Ends = (IpEndpoint, IpEndpoint);

#[derive(Debug)]
struct Meter {
    ends: Ends,
    /// `None`: it begins with the next segment received that brings data.
    passed: Option<Passed>,
}

/// The connections that are metered.
#[derive(Debug, Default)]
pub struct Meters(RefCell<heapless::Vec<Meter, METERS>>);

impl Meters {
    /// Counts a connection from zero, beginning with the next segment received that brings data.
    /// Without room for one more nothing is counted.
    pub fn start(&self, local: IpEndpoint, peer: IpEndpoint) {
        let ends = (local, peer);
        let mut meters = self.0.borrow_mut();
        match meters.iter_mut().find(|meter| meter.ends == ends) {
            Some(meter) => meter.passed = None,
            None => drop(meters.push(Meter { ends, passed: None })),
        }
    }

    /// What has passed. `None`: not counted, or not begun.
    pub fn passed(&self, local: IpEndpoint, peer: IpEndpoint) -> Option<Passed> {
        let meters = self.0.borrow();
        meters.iter().find(|meter| meter.ends == (local, peer))?.passed
    }

    /// The connection is no more.
    pub fn stop(&self, local: IpEndpoint, peer: IpEndpoint) {
        self.0.borrow_mut().retain(|meter| meter.ends != (local, peer));
    }

    /// An IP packet was received.
    pub fn received(&self, packet: &[u8]) {
        self.count(packet, |(from, to), meter, bytes, data_bytes| {
            if meter.ends == (to, from) && (meter.passed.is_some() || data_bytes > 0) {
                meter.passed.get_or_insert_default().received.add(bytes, data_bytes);
            }
        });
    }

    /// An IP packet was sent.
    pub fn sent(&self, packet: &[u8]) {
        self.count(packet, |ends, meter, bytes, data_bytes| {
            if let Some(passed) = meter.passed.as_mut().filter(|_| meter.ends == ends) {
                passed.sent.add(bytes, data_bytes);
            }
        });
    }

    fn count(&self, packet: &[u8], each: impl Fn(Ends, &mut Meter, usize, usize)) {
        let mut meters = self.0.borrow_mut();
        if meters.is_empty() {
            return;
        }
        let Some((ends, bytes, data_bytes)) = segment(packet) else { return };
        for meter in meters.iter_mut() {
            each(ends, meter, bytes, data_bytes);
        }
    }
}

/// Where a TCP segment comes from and goes to, its bytes with the IP header, and those of its data.
fn segment(packet: &[u8]) -> Option<(Ends, usize, usize)> {
    let (from, to, bytes, payload): (IpAddress, IpAddress, usize, &[u8]);
    // smoltcp looks at the first byte without asking whether there is one.
    packet.first()?;
    match IpVersion::of_packet(packet).ok()? {
        IpVersion::Ipv4 => {
            let packet = Ipv4Packet::new_checked(packet).ok()?;
            if packet.next_header() != IpProtocol::Tcp || packet.frag_offset() > 0 {
                return None;
            }
            (from, to) = (packet.src_addr().into(), packet.dst_addr().into());
            (bytes, payload) = (packet.total_len().into(), packet.payload());
        }
        IpVersion::Ipv6 => {
            let packet = Ipv6Packet::new_checked(packet).ok()?;
            if packet.next_header() != IpProtocol::Tcp {
                return None;
            }
            (from, to) = (packet.src_addr().into(), packet.dst_addr().into());
            (bytes, payload) = (packet.total_len(), packet.payload());
        }
    }
    let segment = TcpPacket::new_checked(payload).ok()?;
    let ends = (IpEndpoint::new(from, segment.src_port()), IpEndpoint::new(to, segment.dst_port()));
    Some((ends, bytes, segment.payload().len()))
}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use smoltcp::wire::{IpRepr, TcpControl, TcpRepr, TcpSeqNumber};

    use super::*;

    fn end(text: &str, port: u16) -> IpEndpoint {
        IpEndpoint::new(text.parse().unwrap(), port)
    }

    fn packet(from: IpEndpoint, to: IpEndpoint, data: &[u8]) -> Vec<u8> {
        let tcp = TcpRepr {
            src_port: from.port,
            dst_port: to.port,
            control: TcpControl::Psh,
            seq_number: TcpSeqNumber(1),
            ack_number: Some(TcpSeqNumber(2)),
            window_len: 1000,
            window_scale: None,
            max_seg_size: None,
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload: data,
        };
        let ip = IpRepr::new(from.addr, to.addr, IpProtocol::Tcp, tcp.buffer_len(), 64);
        let mut bytes = vec![0; ip.buffer_len()];
        let sums = smoltcp::phy::ChecksumCapabilities::default();
        ip.emit(&mut bytes, &sums);
        let mut segment = smoltcp::wire::TcpPacket::new_unchecked(&mut bytes[ip.header_len()..]);
        tcp.emit(&mut segment, &from.addr, &to.addr, &sums);
        bytes
    }

    #[track_caller]
    fn check(us: IpEndpoint, peer: IpEndpoint, headers: u64) {
        let meters = Meters::default();
        let other = IpEndpoint::new(peer.addr, peer.port + 1);
        meters.received(&packet(peer, us, b"x"));
        meters.start(us, peer);
        // What belongs to the time before: an answer, and its ACK.
        meters.sent(&packet(us, peer, b"$ "));
        meters.received(&packet(peer, us, b""));
        assert_eq!(meters.passed(us, peer), None);
        // A key, its echo, the ACK of that; and somebody else.
        meters.received(&packet(peer, us, b"x"));
        meters.sent(&packet(us, peer, b"xy"));
        meters.received(&packet(peer, us, b""));
        meters.received(&packet(other, us, b"z"));
        meters.sent(&packet(us, other, b"z"));
        let expected = Passed {
            received: Segments { count: 2, bytes: 2 * headers + 1, data_bytes: 1 },
            sent: Segments { count: 1, bytes: headers + 2, data_bytes: 2 },
        };
        assert_eq!(meters.passed(us, peer), Some(expected));
        meters.start(us, peer);
        assert_eq!(meters.passed(us, peer), None);
        meters.stop(us, peer);
        meters.received(&packet(peer, us, b"x"));
        assert_eq!(meters.passed(us, peer), None);
    }

    #[test]
    fn a_keystroke_over_ipv4_and_ipv6() {
        check(end("10.0.0.1", 23), end("10.0.0.2", 4000), 40);
        check(end("fe80::1", 23), end("fe80::2", 4000), 60);
    }

    #[test]
    fn what_is_no_segment_is_not_counted() {
        let (us, peer) = (end("10.0.0.1", 23), end("10.0.0.2", 4000));
        let meters = Meters::default();
        meters.start(us, peer);
        let whole = packet(peer, us, b"x");
        for len in 0..whole.len() {
            meters.received(&whole[..len]);
        }
        assert_eq!(meters.passed(us, peer), None);
    }

    #[test]
    fn the_table_is_bounded() {
        let meters = Meters::default();
        let us = end("10.0.0.1", 23);
        for port in 0..=METERS as u16 {
            let peer = end("10.0.0.2", port + 1);
            meters.start(us, peer);
            meters.received(&packet(peer, us, b"x"));
            assert_eq!(meters.passed(us, peer).is_some(), usize::from(port) < METERS);
        }
    }
}
