//! What may pass: the stack's availability under attack is ours to provide.
//!
//! On the way up, frames that no honest peer sends, or that the stack would answer wrongly, are
//! shown to it as an empty frame, which it ignores. On the way down, packets are looked at before
//! there is a frame: so resets, ICMP errors and runaway ACKs can still be held back. Everything
//! dropped is counted by reason.

use core::cell::{Cell, RefCell};

use smoltcp::time::Instant;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, Icmpv4Message, Icmpv4Packet, IpAddress,
    IpProtocol, Ipv4Address, Ipv4Packet, Ipv6Address, Ipv6Packet, TcpPacket, UdpPacket,
};

use crate::limits::{
    ADDRESSES, BACKSCATTER_PER_SECOND, DHCP_CLIENT_PORT, DHCP_PER_SECOND, FRAME_BYTES_MAX,
    LISTENERS, RUNAWAY_ACKS, TCP_SOCKETS,
};
use crate::status::Drop;

/// Slots of the table of bare ACKs, by a hash of the connection.
const ACK_SLOTS: usize = 64;

/// Ports somebody listens on, with the number of sockets still free to take a connection.
pub type ListenTable = heapless::Vec<(u16, usize), LISTENERS>;

/// A connection that the stack has, by its peer and our port.
pub type Tuple = (IpAddress, u16, u16);

/// How far a sequence number may be from what is expected before it is nobody's: half of what a
/// number can be away at all. smoltcp subtracts sequence numbers without a check, and panics for
/// one that is half the circle from its window (seen with 0.14); windows are thousands of times
/// smaller.
const SEQUENCE_DISTANCE_MAX: u32 = 1 << 30;

/// What the peer of a connection is expected to send next: the last acknowledgement we sent.
#[derive(Clone, Copy, Debug)]
struct Expected {
    tuple: Tuple,
    /// None before the first answer to a connection of ours.
    next: Option<u32>,
}

/// So many of a kind each second, in one burst or spread.
#[derive(Debug)]
struct Bucket {
    per_second: u32,
    left: Cell<u32>,
    refilled: Cell<Instant>,
}

impl Bucket {
    fn new(per_second: u32) -> Self {
        Self { per_second, left: Cell::new(per_second), refilled: Cell::new(Instant::ZERO) }
    }

    /// Takes one, or says why not.
    fn take(&self, now: Instant, why: Drop) -> Result<(), Drop> {
        if now >= self.refilled.get() + smoltcp::time::Duration::from_secs(1) {
            self.refilled.set(now);
            self.left.set(self.per_second);
        }
        let left = self.left.get().checked_sub(1).ok_or(why)?;
        self.left.set(left);
        Ok(())
    }
}

/// The last bare ACK of a connection, and how often it was sent with nothing heard from the peer.
#[derive(Clone, Copy, Debug, Default)]
struct BareAck {
    connection: u64,
    content: u64,
    repeats: u32,
}

/// The guard's memory. Interior mutability, since both tokens of a frame look at it.
#[derive(Debug)]
pub struct Guard {
    mac: Cell<EthernetAddress>,
    address: Cell<Option<(Ipv4Address, Option<Ipv4Address>)>>,
    addresses_v6: RefCell<heapless::Vec<Ipv6Address, ADDRESSES>>,
    listening: RefCell<ListenTable>,
    syn_seen: Cell<bool>,
    expected: RefCell<heapless::Vec<Expected, { TCP_SOCKETS + 1 }>>,
    acks: [Cell<BareAck>; ACK_SLOTS],
    runaway: Cell<Option<(IpAddress, u16)>>,
    backscatter: Bucket,
    dhcp: Bucket,
}

impl Default for Guard {
    fn default() -> Self {
        Self::new()
    }
}

impl Guard {
    /// Knows no address yet.
    pub fn new() -> Self {
        Self {
            mac: Cell::new(EthernetAddress([0; 6])),
            address: Cell::new(None),
            addresses_v6: RefCell::new(heapless::Vec::new()),
            listening: RefCell::new(ListenTable::new()),
            syn_seen: Cell::new(false),
            expected: RefCell::new(heapless::Vec::new()),
            acks: [const { Cell::new(BareAck { connection: 0, content: 0, repeats: 0 }) };
                ACK_SLOTS],
            runaway: Cell::new(None),
            backscatter: Bucket::new(BACKSCATTER_PER_SECOND),
            dhcp: Bucket::new(DHCP_PER_SECOND),
        }
    }

    /// Our Ethernet address.
    pub fn set_mac(&self, mac: EthernetAddress) {
        self.mac.set(mac);
    }

    /// Our IPv4 address and its subnet's broadcast address.
    pub fn set_address(&self, address: Option<(Ipv4Address, Option<Ipv4Address>)>) {
        self.address.set(address);
    }

    /// Our IPv6 addresses.
    pub fn set_addresses_v6(&self, addresses: impl Iterator<Item = Ipv6Address>) {
        self.addresses_v6.replace(addresses.take(ADDRESSES).collect());
    }

    /// The ports somebody listens on.
    pub fn set_listening(&self, table: ListenTable) {
        *self.listening.borrow_mut() = table;
    }

    /// The connections that the stack has; what is known of others is forgotten.
    pub fn keep_connections(&self, live: &[Tuple]) {
        let mut expected = self.expected.borrow_mut();
        expected.retain(|expected| live.contains(&expected.tuple));
        for tuple in live {
            if !expected.iter().any(|expected| expected.tuple == *tuple) {
                // One that we opened. Always has room: there are no more than TCP_SOCKETS.
                let _ = expected.push(Expected { tuple: *tuple, next: None });
            }
        }
    }

    /// True if a SYN or a RST passed since the last call: a listening socket may be taken, or given
    /// back.
    pub fn take_syn_seen(&self) -> bool {
        self.syn_seen.take()
    }

    /// The peer of a connection whose ACKs were held back since the last call.
    pub fn take_runaway(&self) -> Option<(IpAddress, u16)> {
        self.runaway.take()
    }

    /// Looks at a received frame.
    pub(super) fn check_received(&self, frame: &[u8]) -> Result<(), Drop> {
        if frame.len() < EthernetFrame::<&[u8]>::header_len() {
            return Err(Drop::Runt);
        }
        if frame.len() > FRAME_BYTES_MAX {
            return Err(Drop::Giant);
        }
        let ethernet = EthernetFrame::new_unchecked(frame);
        let to = ethernet.dst_addr();
        if to.is_unicast() && to != self.mac.get() {
            return Err(Drop::NotOurs);
        }
        if !ethernet.src_addr().is_unicast() {
            return Err(Drop::BogusSource);
        }
        match ethernet.ethertype() {
            EthernetProtocol::Ipv4 => self.check_ipv4(to, ethernet.payload()),
            EthernetProtocol::Ipv6 => self.check_ipv6(to, ethernet.payload()),
            _ => Ok(()),
        }
    }

    fn check_ipv4(&self, to: EthernetAddress, payload: &[u8]) -> Result<(), Drop> {
        let Ok(ip) = Ipv4Packet::new_checked(payload) else { return Ok(()) };
        let source = ip.src_addr();
        let (ours, broadcast) = match self.address.get() {
            Some((ours, broadcast)) => (Some(ours), broadcast),
            None => (None, None),
        };
        let nobody = source.is_multicast()
            || source.is_loopback()
            || source.octets()[0] >= 240
            || (source.is_unspecified() && ip.next_header() != IpProtocol::Udp)
            || Some(source) == ours
            || Some(source) == broadcast;
        if nobody {
            return Err(Drop::BogusSource);
        }
        // RFC 1122 3.2.1.3 g: 127.0.0.0/8 never comes from a wire.
        if ip.dst_addr().is_loopback() {
            return Err(Drop::BogusDestination);
        }
        let to_all = !to.is_unicast()
            || ip.dst_addr().is_multicast()
            || ip.dst_addr().is_broadcast()
            || Some(ip.dst_addr()) == broadcast;
        if ip.next_header() == IpProtocol::Tcp && hides_header(&ip) {
            return Err(Drop::TinyFragment);
        }
        if ip.frag_offset() != 0 {
            return Ok(());
        }
        match ip.next_header() {
            IpProtocol::Icmp if to_all => match Icmpv4Packet::new_checked(ip.payload()) {
                Ok(icmp) if icmp.msg_type() == Icmpv4Message::EchoRequest => {
                    Err(Drop::BroadcastEcho)
                }
                _ => Ok(()),
            },
            IpProtocol::Tcp => {
                let Ok(tcp) = TcpPacket::new_checked(ip.payload()) else { return Ok(()) };
                self.check_tcp(source.into(), &tcp, to_all)
            }
            _ => Ok(()),
        }
    }

    fn check_ipv6(&self, to: EthernetAddress, payload: &[u8]) -> Result<(), Drop> {
        let Ok(ip) = Ipv6Packet::new_checked(payload) else { return Ok(()) };
        let (source, destination) = (ip.src_addr(), ip.dst_addr());
        let (protocol, payload) = beyond_hop_by_hop(&ip);
        // RFC 4291 2.5.2: without an address only questions about addresses are asked.
        let nobody = source.is_multicast()
            || source.is_loopback()
            || is_mapped(&source)
            || (source.is_unspecified() && protocol != IpProtocol::Icmpv6)
            || self.addresses_v6.borrow().contains(&source);
        if nobody {
            return Err(Drop::BogusSource);
        }
        if destination.is_loopback() || destination.is_unspecified() || is_mapped(&destination) {
            return Err(Drop::BogusDestination);
        }
        let to_all = !to.is_unicast() || destination.is_multicast();
        match protocol {
            IpProtocol::Icmpv6 if to_all => {
                const ECHO_REQUEST: u8 = 128;
                match payload.first() {
                    Some(&ECHO_REQUEST) => Err(Drop::BroadcastEcho),
                    _ => Ok(()),
                }
            }
            IpProtocol::Tcp => {
                let Ok(tcp) = TcpPacket::new_checked(payload) else { return Ok(()) };
                self.check_tcp(source.into(), &tcp, to_all)
            }
            _ => Ok(()),
        }
    }

    fn check_tcp(
        &self,
        source: IpAddress,
        tcp: &TcpPacket<&[u8]>,
        to_all: bool,
    ) -> Result<(), Drop> {
        let connection = connection_key(source, tcp.src_port(), tcp.dst_port());
        let slot = &self.acks[connection as usize % ACK_SLOTS];
        if slot.get().connection == connection {
            slot.set(BareAck::default());
        }
        let tuple = (source, tcp.src_port(), tcp.dst_port());
        let sequence = tcp.seq_number().0 as u32;
        let mut expected = self.expected.borrow_mut();
        let known = expected.iter_mut().find(|expected| expected.tuple == tuple);
        let is_known = known.is_some();
        if let Some(Expected { next: next @ None, .. }) = known
            && tcp.syn()
        {
            // The answer to a SYN of ours says where the peer begins.
            *next = Some(sequence.wrapping_add(1));
        } else if let Some(Expected { next: Some(next), .. }) = known {
            let ahead = sequence.wrapping_sub(*next);
            if ahead.min(ahead.wrapping_neg()) > SEQUENCE_DISTANCE_MAX {
                return Err(Drop::BogusSequence);
            }
        }
        if tcp.rst() {
            self.syn_seen.set(true);
        }
        if !tcp.syn() || tcp.ack() || tcp.rst() {
            return Ok(());
        }
        if to_all {
            return Err(Drop::BroadcastSyn);
        }
        self.syn_seen.set(true);
        let listening = self.listening.borrow();
        match listening.iter().find(|(port, _)| *port == tcp.dst_port()) {
            // Dropped, not reset: the peer tries again, and finds a socket then.
            Some((_, 0)) => Err(Drop::ListenOverflow),
            Some(_) => {
                if !is_known {
                    // Always has room: connections that are no more were forgotten after the last
                    // SYN, and the stack has no more than TCP_SOCKETS.
                    let next = Some(sequence.wrapping_add(1));
                    let _ = expected.push(Expected { tuple, next });
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Notes what a segment of ours acknowledges.
    pub fn note_acknowledged(&self, frame: &[u8]) {
        let Some((to, IpProtocol::Tcp, payload)) = sent_packet(frame) else { return };
        let Ok(tcp) = TcpPacket::new_checked(payload) else { return };
        if !tcp.ack() || tcp.rst() {
            return;
        }
        let tuple = (to, tcp.dst_port(), tcp.src_port());
        let mut expected = self.expected.borrow_mut();
        if let Some(expected) = expected.iter_mut().find(|expected| expected.tuple == tuple) {
            expected.next = Some(tcp.ack_number().0 as u32);
        }
    }

    /// Looks at a frame of ours, before it is sent; its Ethernet addresses need not be there yet.
    ///
    /// # Errors
    /// Why it may not be sent.
    pub fn check_sent(&self, now: Instant, frame: &[u8]) -> Result<(), Drop> {
        let Some((to, protocol, payload)) = sent_packet(frame) else { return Ok(()) };
        match protocol {
            IpProtocol::Icmp | IpProtocol::Icmpv6 => {
                let is_v6 = protocol == IpProtocol::Icmpv6;
                match payload.first() {
                    Some(kind) if is_limited(*kind, is_v6) => {
                        self.backscatter.take(now, Drop::Backscatter)
                    }
                    _ => Ok(()),
                }
            }
            IpProtocol::Tcp => match TcpPacket::new_checked(payload) {
                Ok(tcp) if tcp.rst() => self.backscatter.take(now, Drop::Backscatter),
                Ok(tcp) => self.check_bare_ack(to, &tcp),
                Err(_) => Ok(()),
            },
            // A server that refuses each request at once would have the client ask at the speed of
            // the wire.
            IpProtocol::Udp => match UdpPacket::new_checked(payload) {
                Ok(udp) if udp.src_port() == DHCP_CLIENT_PORT => {
                    self.dhcp.take(now, Drop::DhcpTooOften)
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// A bare ACK that repeats itself while the peer says nothing is a stack running away:
    /// smoltcp's zero-window probe without data does so without end.
    fn check_bare_ack(&self, to: IpAddress, tcp: &TcpPacket<&[u8]>) -> Result<(), Drop> {
        if !tcp.payload().is_empty() || tcp.syn() || tcp.fin() {
            return Ok(());
        }
        let connection = connection_key(to, tcp.dst_port(), tcp.src_port());
        let content = (tcp.seq_number().0 as u32 as u64) << 32
            ^ (tcp.ack_number().0 as u32 as u64)
            ^ (tcp.window_len() as u64) << 48;
        let slot = &self.acks[connection as usize % ACK_SLOTS];
        let mut last = slot.get();
        if last.connection == connection && last.content == content {
            last.repeats += 1;
        } else {
            last = BareAck { connection, content, repeats: 0 };
        }
        if last.repeats > RUNAWAY_ACKS {
            self.runaway.set(Some((to, tcp.dst_port())));
            return Err(Drop::RunawayAck);
        }
        slot.set(last);
        Ok(())
    }
}

/// Where a frame of ours goes, and what it carries; none if it is no packet, or a later fragment.
fn sent_packet(frame: &[u8]) -> Option<(IpAddress, IpProtocol, &[u8])> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    match ethernet.ethertype() {
        EthernetProtocol::Ipv4 => {
            let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
            let packet = (ip.dst_addr().into(), ip.next_header(), ip.payload());
            (ip.frag_offset() == 0).then_some(packet)
        }
        EthernetProtocol::Ipv6 => {
            let ip = Ipv6Packet::new_checked(ethernet.payload()).ok()?;
            let (protocol, payload) = beyond_hop_by_hop(&ip);
            Some((ip.dst_addr().into(), protocol, payload))
        }
        _ => None,
    }
}

/// What follows the one extension header that smoltcp looks behind, if it is there.
fn beyond_hop_by_hop<'p>(ip: &Ipv6Packet<&'p [u8]>) -> (IpProtocol, &'p [u8]) {
    let (protocol, payload) = (ip.next_header(), ip.payload());
    if protocol != IpProtocol::HopByHop {
        return (protocol, payload);
    }
    let next = payload.first().copied().zip(payload.get(1).copied());
    let rest = next.and_then(|(next, len)| {
        Some((IpProtocol::from(next), payload.get((usize::from(len) + 1) * 8..)?))
    });
    rest.unwrap_or((protocol, payload))
}

/// An IPv4 address in the clothes of IPv6 (RFC 4291 2.5.5.2): never on a wire.
fn is_mapped(address: &Ipv6Address) -> bool {
    address.to_ipv4_mapped().is_some()
}

/// A fragment that would bring a TCP header past us in pieces, or over one that we saw (RFC 3128).
fn hides_header(ip: &Ipv4Packet<&[u8]>) -> bool {
    const HEADER_BYTES: usize = 20;
    let start = usize::from(ip.frag_offset());
    let is_short = ip.more_frags() && start == 0 && ip.payload().len() < HEADER_BYTES;
    is_short || (start > 0 && start < HEADER_BYTES)
}

/// ICMP that others make us send: errors, and answers that only the curious ask for.
fn is_limited(kind: u8, is_v6: bool) -> bool {
    const TIMESTAMP_REPLY: u8 = 14;
    const MASK_REPLY: u8 = 18;
    const FIRST_INFORMATIONAL_V6: u8 = 128;
    match is_v6 {
        true => kind < FIRST_INFORMATIONAL_V6,
        false => matches!(kind, 3 | 5 | 11 | 12 | TIMESTAMP_REPLY | MASK_REPLY),
    }
}

/// A number for a connection: spreads over the slots, and is never 0.
fn connection_key(peer: IpAddress, peer_port: u16, our_port: u16) -> u64 {
    let peer = match peer {
        IpAddress::Ipv4(peer) => u64::from(peer.to_bits()),
        IpAddress::Ipv6(peer) => {
            let bits = peer.to_bits();
            ((bits >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ bits as u64
        }
    };
    let ports = u64::from(peer_port) << 16 | u64::from(our_port);
    let key = peer.rotate_left(32) ^ ports;
    (key ^ key >> 29).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23) | 1
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
