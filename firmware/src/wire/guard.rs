//! What may pass: the stack's availability under attack is ours to provide.
//!
//! On the way up, frames that no honest peer sends, or that the stack would answer wrongly, are
//! shown to it as an empty frame, which it ignores. On the way down, small frames are built in a
//! scratch buffer first, since a transmit token that was begun must be sent: so resets, ICMP errors
//! and runaway ACKs can still be held back. Everything dropped is counted by reason.

use core::cell::{Cell, RefCell};

use smoltcp::time::Instant;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, Icmpv4Message, Icmpv4Packet, IpAddress,
    IpProtocol, Ipv4Address, Ipv4Packet, TcpPacket, UdpPacket,
};

use crate::limits::{
    BACKSCATTER_PER_SECOND, DHCP_CLIENT_PORT, DHCP_PER_SECOND, FRAME_BYTES_MAX, LISTENERS,
    RUNAWAY_ACKS, TCP_SOCKETS,
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
    next: u32,
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
    listening: RefCell<ListenTable>,
    syn_seen: Cell<bool>,
    expected: RefCell<heapless::Vec<Expected, { TCP_SOCKETS + 1 }>>,
    acks: [Cell<BareAck>; ACK_SLOTS],
    runaway: Cell<Option<(Ipv4Address, u16)>>,
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

    /// The ports somebody listens on.
    pub fn set_listening(&self, table: ListenTable) {
        *self.listening.borrow_mut() = table;
    }

    /// The connections that the stack has; what is known of others is forgotten.
    pub fn keep_connections(&self, live: &[Tuple]) {
        self.expected.borrow_mut().retain(|expected| live.contains(&expected.tuple));
    }

    /// True if a SYN or a RST passed since the last call: a listening socket may be taken, or given
    /// back.
    pub fn take_syn_seen(&self) -> bool {
        self.syn_seen.take()
    }

    /// The peer of a connection whose ACKs were held back since the last call.
    pub fn take_runaway(&self) -> Option<(Ipv4Address, u16)> {
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
                self.check_tcp(source, &tcp, to_all)
            }
            _ => Ok(()),
        }
    }

    fn check_tcp(
        &self,
        source: Ipv4Address,
        tcp: &TcpPacket<&[u8]>,
        to_all: bool,
    ) -> Result<(), Drop> {
        let connection = connection_key(source, tcp.src_port(), tcp.dst_port());
        let slot = &self.acks[connection as usize % ACK_SLOTS];
        if slot.get().connection == connection {
            slot.set(BareAck::default());
        }
        let tuple = (source.into(), tcp.src_port(), tcp.dst_port());
        let sequence = tcp.seq_number().0 as u32;
        let next = self.expected.borrow().iter().find(|e| e.tuple == tuple).map(|e| e.next);
        if let Some(next) = next {
            let ahead = sequence.wrapping_sub(next);
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
                if next.is_none() {
                    // Always has room: connections that are no more were forgotten after the last
                    // SYN, and the stack has no more than TCP_SOCKETS.
                    let expected = Expected { tuple, next: sequence.wrapping_add(1) };
                    let _ = self.expected.borrow_mut().push(expected);
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Notes what a segment of ours acknowledges.
    pub fn note_acknowledged(&self, frame: &[u8]) {
        let Ok(ethernet) = EthernetFrame::new_checked(frame) else { return };
        if ethernet.ethertype() != EthernetProtocol::Ipv4 {
            return;
        }
        let Ok(ip) = Ipv4Packet::new_checked(ethernet.payload()) else { return };
        if ip.next_header() != IpProtocol::Tcp || ip.frag_offset() != 0 {
            return;
        }
        let Ok(tcp) = TcpPacket::new_checked(ip.payload()) else { return };
        if !tcp.ack() || tcp.rst() {
            return;
        }
        let tuple = (ip.dst_addr().into(), tcp.dst_port(), tcp.src_port());
        let mut expected = self.expected.borrow_mut();
        if let Some(expected) = expected.iter_mut().find(|expected| expected.tuple == tuple) {
            expected.next = tcp.ack_number().0 as u32;
        }
    }

    /// Looks at a frame of ours, before it is sent; its Ethernet addresses need not be there yet.
    ///
    /// # Errors
    /// Why it may not be sent.
    pub fn check_sent(&self, now: Instant, frame: &[u8]) -> Result<(), Drop> {
        if frame.len() < EthernetFrame::<&[u8]>::header_len() {
            return Ok(());
        }
        let ethernet = EthernetFrame::new_unchecked(frame);
        match ethernet.ethertype() {
            EthernetProtocol::Ipv4 => {
                let Ok(ip) = Ipv4Packet::new_checked(ethernet.payload()) else { return Ok(()) };
                match ip.next_header() {
                    IpProtocol::Icmp => match Icmpv4Packet::new_checked(ip.payload()) {
                        Ok(icmp) if is_error(icmp.msg_type()) => {
                            self.backscatter.take(now, Drop::Backscatter)
                        }
                        _ => Ok(()),
                    },
                    IpProtocol::Tcp => match TcpPacket::new_checked(ip.payload()) {
                        Ok(tcp) if tcp.rst() => self.backscatter.take(now, Drop::Backscatter),
                        Ok(tcp) => self.check_bare_ack(ip.dst_addr(), &tcp),
                        Err(_) => Ok(()),
                    },
                    // A server that refuses each request at once would have the client ask at the
                    // speed of the wire.
                    IpProtocol::Udp => match UdpPacket::new_checked(ip.payload()) {
                        Ok(udp) if udp.src_port() == DHCP_CLIENT_PORT => {
                            self.dhcp.take(now, Drop::DhcpTooOften)
                        }
                        _ => Ok(()),
                    },
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// A bare ACK that repeats itself while the peer says nothing is a stack running away:
    /// smoltcp's zero-window probe without data does so without end.
    fn check_bare_ack(&self, to: Ipv4Address, tcp: &TcpPacket<&[u8]>) -> Result<(), Drop> {
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

fn is_error(message: Icmpv4Message) -> bool {
    matches!(
        message,
        Icmpv4Message::DstUnreachable
            | Icmpv4Message::TimeExceeded
            | Icmpv4Message::ParamProblem
            | Icmpv4Message::Redirect
    )
}

/// A number for a connection: spreads over the slots, and is never 0.
fn connection_key(peer: Ipv4Address, peer_port: u16, our_port: u16) -> u64 {
    let key = u64::from(peer.to_bits()) << 32 | u64::from(peer_port) << 16 | u64::from(our_port);
    (key ^ key >> 29).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23) | 1
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
