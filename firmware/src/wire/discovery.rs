//! Neighbor Discovery for IPv6 (RFC 4861): who has which address, and who says that ours is theirs
//! (RFC 4862 5.4). What routers advertise is kept for who looks after our addresses.

use core::time::Duration;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, HardwareAddress, Icmpv6Packet, Icmpv6Repr,
    IpProtocol, Ipv6Address, Ipv6Packet, Ipv6Repr, NdiscNeighborFlags, NdiscRepr,
};

use super::advert::{Advert, mac_of, options};
use super::link::{Link, SmallFrame};
use super::slots::HEADER_BYTES;
use crate::limits::OUTBOX_FRAME_BYTES_MAX;
use crate::net::{Heard, Verdict};
use crate::status::{Drop, Drops};

/// All nodes (RFC 4291 2.7.1).
const ALL_NODES: Ipv6Address = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// All routers.
const ALL_ROUTERS: Ipv6Address = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// The hop limit that shows that no router has passed a message on (RFC 4861 3.1).
const HOP_LIMIT: u8 = 255;
/// Bytes of an IPv6 header.
const IP_BYTES: usize = 40;

const ROUTER_ADVERT: u8 = 134;
const NEIGHBOR_SOLICIT: u8 = 135;
const NEIGHBOR_ADVERT: u8 = 136;

/// The group that is asked for an address (RFC 4291 2.7.1).
pub fn solicited_node(address: &Ipv6Address) -> Ipv6Address {
    let [.., a, b, c] = address.octets();
    Ipv6Address::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from_be_bytes([b, c]))
}

/// The Ethernet address of a group (RFC 2464 7).
pub fn group_mac(group: &Ipv6Address) -> EthernetAddress {
    let [.., a, b, c, d] = group.octets();
    EthernetAddress([0x33, 0x33, a, b, c, d])
}

impl Link {
    /// The address that is not ours yet, but may become so unless somebody has it.
    pub fn consider(&self, address: Option<Ipv6Address>) {
        self.considered.set(address);
    }

    /// An address of ours, or the considered one, that somebody else has; and who.
    pub fn take_claim(&self) -> Option<(Ipv6Address, EthernetAddress)> {
        self.claims.borrow_mut().pop_front()
    }

    /// What a router advertised.
    pub fn take_advert(&self) -> Option<Advert> {
        self.adverts.borrow_mut().pop_front()
    }

    /// Looks at a received message; true if it was one of Neighbor Discovery, which is nobody
    /// else's affair.
    pub(super) fn discovered(
        &self,
        now: Duration,
        from: EthernetAddress,
        ip: &Ipv6Packet<&[u8]>,
        drops: &Drops,
    ) -> bool {
        const FIRST: u8 = 133;
        const LAST: u8 = 137;
        let message = ip.payload();
        let is_ours = ip.next_header() == IpProtocol::Icmpv6
            && message.first().is_some_and(|kind| (FIRST..=LAST).contains(kind));
        if is_ours && let Err(why) = self.discover(now, from, ip, drops) {
            drops.count(why);
        }
        is_ours
    }

    fn discover(
        &self,
        now: Duration,
        from: EthernetAddress,
        ip: &Ipv6Packet<&[u8]>,
        drops: &Drops,
    ) -> Result<(), Drop> {
        let (source, to) = (ip.src_addr(), ip.dst_addr());
        let message = ip.payload();
        let packet = Icmpv6Packet::new_checked(message).map_err(|_| Drop::BadDiscovery)?;
        // RFC 4861 6.1, 7.1: what every such message must be.
        if ip.hop_limit() != HOP_LIMIT
            || packet.msg_code() != 0
            || !packet.verify_checksum(&source, &to)
        {
            return Err(Drop::BadDiscovery);
        }
        match message[0] {
            NEIGHBOR_SOLICIT => self.solicited(now, from, source, to, message, drops),
            NEIGHBOR_ADVERT => self.advertised(now, from, to, message),
            ROUTER_ADVERT => {
                if !source.is_unicast_link_local() {
                    return Err(Drop::BadDiscovery);
                }
                let advert = Advert::parse(source, message).ok_or(Drop::BadDiscovery)?;
                if let Some(mac) = advert.mac {
                    self.neighbors.borrow_mut().heard(now, source.into(), mac, Heard::Question);
                }
                self.adverts.borrow_mut().push_back(advert).map_err(|_| Drop::AdvertIgnored)
            }
            // Solicitations are for routers; no router tells us of a better one.
            _ => Ok(()),
        }
    }

    /// RFC 4861 7.2.3, RFC 4862 5.4.3.
    fn solicited(
        &self,
        now: Duration,
        from: EthernetAddress,
        source: Ipv6Address,
        to: Ipv6Address,
        message: &[u8],
        drops: &Drops,
    ) -> Result<(), Drop> {
        const SOURCE: u8 = 1;
        let target = target(message).ok_or(Drop::BadDiscovery)?;
        let option = options(&message[24..]).find(|(kind, _)| *kind == SOURCE);
        let mac = option.and_then(|(_, option)| mac_of(option));
        let is_probe = source.is_unspecified();
        // A probe goes to the group, and tells no Ethernet address.
        if is_probe && (mac.is_some() || to != solicited_node(&target)) {
            return Err(Drop::BadDiscovery);
        }
        if self.considered.get() == Some(target) {
            if is_probe && from != self.mac.get() {
                self.note_claim(target, from);
            }
            return Ok(());
        }
        if !self.ours.borrow().contains(&target.into()) {
            return Ok(());
        }
        if let Some(mac) = mac {
            let verdict =
                self.neighbors.borrow_mut().heard(now, source.into(), mac, Heard::Question);
            if verdict == Verdict::Full {
                drops.count(Drop::NeighborsFull);
            }
        }
        let (to, flags) = if is_probe {
            (ALL_NODES, NdiscNeighborFlags::OVERRIDE)
        } else {
            (source, NdiscNeighborFlags::SOLICITED | NdiscNeighborFlags::OVERRIDE)
        };
        let to_mac = if is_probe { group_mac(&to) } else { mac.unwrap_or(from) };
        let lladdr = Some(HardwareAddress::Ethernet(self.mac.get()).into());
        let advert = NdiscRepr::NeighborAdvert { flags, target_addr: target, lladdr };
        if let Some(frame) = self.message(target, to, to_mac, advert) {
            self.queue(&frame, drops);
        }
        Ok(())
    }

    /// RFC 4861 7.2.5, RFC 4862 5.4.4.
    fn advertised(
        &self,
        now: Duration,
        from: EthernetAddress,
        to: Ipv6Address,
        message: &[u8],
    ) -> Result<(), Drop> {
        const TARGET: u8 = 2;
        let target = target(message).ok_or(Drop::BadDiscovery)?;
        let flags = NdiscNeighborFlags::from_bits_truncate(message[4]);
        let is_solicited = flags.contains(NdiscNeighborFlags::SOLICITED);
        if is_solicited && to.is_multicast() {
            return Err(Drop::BadDiscovery);
        }
        if from == self.mac.get() {
            // Our own, come back by a loop in the network.
            return Ok(());
        }
        if self.considered.get() == Some(target) || self.ours.borrow().contains(&target.into()) {
            self.note_claim(target, from);
            return Ok(());
        }
        let option = options(&message[24..]).find(|(kind, _)| *kind == TARGET);
        let mac = option.and_then(|(_, option)| mac_of(option)).unwrap_or(from);
        let how = if is_solicited { Heard::Answer } else { Heard::Announcement };
        match self.neighbors.borrow_mut().heard(now, target.into(), mac, how) {
            Verdict::Refused if is_solicited => Err(Drop::UnsolicitedAdvert),
            Verdict::Taken | Verdict::Refused => Ok(()),
            Verdict::Full => Err(Drop::NeighborsFull),
        }
    }

    fn note_claim(&self, address: Ipv6Address, by: EthernetAddress) {
        // A full queue loses the newest: the ones before it say the same.
        let _ = self.claims.borrow_mut().push_back((address, by));
    }

    /// Asks who has an address: everybody, or the one who should.
    pub(super) fn solicit(
        &self,
        address: Ipv6Address,
        of: Option<EthernetAddress>,
    ) -> Option<SmallFrame> {
        let from = super::link::source_v6(&self.ours.borrow().v6, &address)?;
        let group = solicited_node(&address);
        let to = if of.is_some() { address } else { group };
        let lladdr = Some(HardwareAddress::Ethernet(self.mac.get()).into());
        let solicit = NdiscRepr::NeighborSolicit { target_addr: address, lladdr };
        self.message(from, to, of.unwrap_or(group_mac(&group)), solicit)
    }

    /// Asks whether somebody has an address that we consider (RFC 4862 5.4.2).
    pub fn probe_v6(&self, address: Ipv6Address, drops: &Drops) {
        let group = solicited_node(&address);
        let solicit = NdiscRepr::NeighborSolicit { target_addr: address, lladdr: None };
        let frame = self.message(Ipv6Address::UNSPECIFIED, group, group_mac(&group), solicit);
        if let Some(frame) = frame {
            self.queue(&frame, drops);
        }
    }

    /// Asks the routers to advertise themselves (RFC 4861 6.3.7).
    pub fn solicit_routers(&self, from: Ipv6Address, drops: &Drops) {
        let lladdr = Some(HardwareAddress::Ethernet(self.mac.get()).into());
        let solicit = NdiscRepr::RouterSolicit { lladdr };
        if let Some(frame) = self.message(from, ALL_ROUTERS, group_mac(&ALL_ROUTERS), solicit) {
            self.queue(&frame, drops);
        }
    }

    /// A message with its headers. Counted as sent when it is made.
    fn message(
        &self,
        from: Ipv6Address,
        to: Ipv6Address,
        to_mac: EthernetAddress,
        message: NdiscRepr<'_>,
    ) -> Option<SmallFrame> {
        let icmp = Icmpv6Repr::Ndisc(message);
        let ip = Ipv6Repr {
            src_addr: from,
            dst_addr: to,
            next_header: IpProtocol::Icmpv6,
            payload_len: icmp.buffer_len(),
            hop_limit: HOP_LIMIT,
        };
        let len = HEADER_BYTES + IP_BYTES + icmp.buffer_len();
        let mut bytes = [0; OUTBOX_FRAME_BYTES_MAX];
        let frame = bytes.get_mut(..len)?;
        let mut ethernet = EthernetFrame::new_unchecked(&mut *frame);
        ethernet.set_src_addr(self.mac.get());
        ethernet.set_dst_addr(to_mac);
        ethernet.set_ethertype(EthernetProtocol::Ipv6);
        let mut packet = Ipv6Packet::new_unchecked(ethernet.payload_mut());
        ip.emit(&mut packet);
        icmp.emit(
            &from,
            &to,
            &mut Icmpv6Packet::new_unchecked(packet.payload_mut()),
            &ChecksumCapabilities::default(),
        );
        self.protocols.sent(&frame[HEADER_BYTES..]);
        SmallFrame::from_slice(frame).ok()
    }
}

/// The address that a solicitation or an advertisement is about.
fn target(message: &[u8]) -> Option<Ipv6Address> {
    let address = Ipv6Address::from(<[u8; 16]>::try_from(message.get(8..24)?).ok()?);
    let is_one = !address.is_multicast() && !address.is_unspecified() && !address.is_loopback();
    is_one.then_some(address)
}

#[cfg(test)]
#[path = "discovery_tests.rs"]
mod tests;
