//! What may pass: the stack's availability under attack is ours to provide.
//!
//! On the way up, frames that no honest peer sends, or that the stack would answer wrongly, are
//! shown to it as an empty frame, which it ignores. On the way down, packets are looked at before
//! there is a frame: so ICMP errors can still be held back. TCP looks after itself, both ways.
//! Everything dropped is counted by reason.

use core::cell::{Cell, RefCell};

use smoltcp::time::Instant;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, Icmpv4Message, Icmpv4Packet, IpProtocol,
    Ipv4Address, Ipv4Packet, Ipv6Address, Ipv6Packet, UdpPacket,
};

use crate::limits::{
    ADDRESSES, BACKSCATTER_PER_SECOND, DHCP_CLIENT_PORT, DHCP_PER_SECOND, FRAME_BYTES_MAX,
};
use crate::status::Drop;

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

/// The guard's memory. Interior mutability, since both tokens of a frame look at it.
#[derive(Debug)]
pub struct Guard {
    mac: Cell<EthernetAddress>,
    address: Cell<Option<(Ipv4Address, Option<Ipv4Address>)>>,
    addresses_v6: RefCell<heapless::Vec<Ipv6Address, ADDRESSES>>,
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
            IpProtocol::Tcp if to_all => Err(Drop::BroadcastTcp),
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
            IpProtocol::Tcp if to_all => Err(Drop::BroadcastTcp),
            _ => Ok(()),
        }
    }

    /// Looks at a frame of ours, before it is sent; its Ethernet addresses need not be there yet.
    ///
    /// # Errors
    /// Why it may not be sent.
    pub fn check_sent(&self, now: Instant, frame: &[u8]) -> Result<(), Drop> {
        let Some((protocol, payload)) = sent_packet(frame) else { return Ok(()) };
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
}

/// What a frame of ours carries; none if it is no packet, or a later fragment.
fn sent_packet(frame: &[u8]) -> Option<(IpProtocol, &[u8])> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    match ethernet.ethertype() {
        EthernetProtocol::Ipv4 => {
            let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
            (ip.frag_offset() == 0).then_some((ip.next_header(), ip.payload()))
        }
        EthernetProtocol::Ipv6 => {
            let ip = Ipv6Packet::new_checked(ethernet.payload()).ok()?;
            Some(beyond_hop_by_hop(&ip))
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

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
