//! Ethernet, with us below and the stack above: the stack sees packets of IP and no frame.
//!
//! ```text
//!   frame in --> ARP, Neighbor Discovery: here            packet out --> to ourselves: goes round
//!            --> DHCP: kept for the client                           --> route, next hop
//!            --> a packet of IP: to the stack                        --> neighbour known: a frame
//!                its source becomes a neighbour                      --> unknown: waits, 3 x 1 s
//! ```
//!
//! So the stack knows neither Ethernet addresses nor routes: those of smoltcp can neither be seen
//! nor relied on (it asks once a second for all neighbours together, and forgets the packet that
//! made it ask). Here the first packet waits until the neighbour answers, and when it does not,
//! its sender is told: host unreachable.

use core::cell::{Cell, Ref, RefCell};
use core::time::Duration;

use smoltcp::storage::{PacketBuffer, PacketMetadata};
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, IpAddress, IpProtocol, IpVersion,
    Ipv4Address, Ipv4Cidr, Ipv4Packet, Ipv6Address, Ipv6Cidr, Ipv6Packet, UdpPacket,
};

use super::advert::Advert;
use super::arp::ArpHeard;
use super::counters::Traffic;
use super::discovery::group_mac;
use super::meter::Meters;
use super::protocols::Protocols;
use super::slots::{HEADER_BYTES, Slots};
use super::unreachable;
use crate::limits::{
    ADDRESSES, ADVERTS, ARP_OUTBOX, DHCP_CLIENT_PORT, DHCP_INBOX, DHCP_PACKET_BYTES_MAX,
    FRAME_BYTES_MAX, OUTBOX_FRAME_BYTES_MAX, OUTBOX_FRAMES,
};
use crate::net::{Heard, Neighbors, NetError, Question, Resolved, RouteTable, Verdict};
use crate::status::{Drop, Drops};

/// The addresses that are ours on the wire.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ours {
    /// IPv4.
    pub v4: Option<Ipv4Cidr>,
    /// IPv6.
    pub v6: heapless::Vec<Ipv6Cidr, ADDRESSES>,
}

impl Ours {
    /// True if packets to this address are for us.
    pub fn contains(&self, address: &IpAddress) -> bool {
        match address {
            IpAddress::Ipv4(address) => {
                address.is_loopback() || self.v4.is_some_and(|ours| ours.address() == *address)
            }
            IpAddress::Ipv6(address) => {
                address.is_loopback() || self.v6.iter().any(|ours| ours.address() == *address)
            }
        }
    }
}

/// A small frame of our own making: ARP, Neighbor Discovery.
pub type SmallFrame = heapless::Vec<u8, OUTBOX_FRAME_BYTES_MAX>;

/// Where a packet of ours goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To ourselves.
    Loop,
    /// To this Ethernet address.
    Frame(EthernetAddress),
    /// Nowhere yet: this neighbour is asked for.
    Wait(IpAddress),
}

/// What is known of the wire.
pub struct Link {
    pub(super) mac: Cell<EthernetAddress>,
    pub(super) ours: RefCell<Ours>,
    pub(crate) neighbors: RefCell<Neighbors>,
    pub(crate) routes: RefCell<RouteTable>,
    is_up: Cell<bool>,
    pub(super) slots: Slots,
    pub(super) outbox: RefCell<heapless::Deque<SmallFrame, OUTBOX_FRAMES>>,
    /// Where the stack writes a packet before its way is known.
    pub(super) staging: RefCell<[u8; FRAME_BYTES_MAX]>,
    pub(super) watched: Cell<Option<Ipv4Address>>,
    pub(super) arp_heard: RefCell<heapless::Deque<(Ipv4Address, ArpHeard), ARP_OUTBOX>>,
    pub(super) considered: Cell<Option<Ipv6Address>>,
    pub(super) claims: RefCell<heapless::Deque<(Ipv6Address, EthernetAddress), ARP_OUTBOX>>,
    pub(super) adverts: RefCell<heapless::Deque<Advert, ADVERTS>>,
    dhcp: RefCell<PacketBuffer<'static, ()>>,
    is_dhcp_wanted: Cell<bool>,
    /// What passed by the loopback interface.
    pub(crate) loopback: Traffic,
    /// What passed by protocol, over both interfaces.
    pub(crate) protocols: Protocols,
    /// The connections that are counted by themselves.
    pub(crate) meters: Meters,
}

impl core::fmt::Debug for Link {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Link({})", self.mac.get())
    }
}

impl Link {
    /// Knows nobody. Received DHCP packets are kept in the memory given.
    pub fn new(
        packets: &'static mut [u8; DHCP_PACKET_BYTES_MAX],
        list: &'static mut [PacketMetadata<()>; DHCP_INBOX],
    ) -> Self {
        Self {
            mac: Cell::new(EthernetAddress([0; 6])),
            ours: RefCell::new(Ours::default()),
            neighbors: RefCell::new(Neighbors::new()),
            routes: RefCell::new(RouteTable::default()),
            is_up: Cell::new(false),
            slots: Slots::new(),
            outbox: RefCell::new(heapless::Deque::new()),
            staging: RefCell::new([0; FRAME_BYTES_MAX]),
            watched: Cell::new(None),
            arp_heard: RefCell::new(heapless::Deque::new()),
            considered: Cell::new(None),
            claims: RefCell::new(heapless::Deque::new()),
            adverts: RefCell::new(heapless::Deque::new()),
            dhcp: RefCell::new(PacketBuffer::new(&mut list[..], &mut packets[..])),
            is_dhcp_wanted: Cell::new(false),
            loopback: Traffic::default(),
            protocols: Protocols::default(),
            meters: Meters::default(),
        }
    }

    /// Our Ethernet address.
    pub fn set_mac(&self, mac: EthernetAddress) {
        self.mac.set(mac);
    }

    /// Our addresses. What is known of the neighbours stays.
    pub fn set_ours(&self, ours: Ours) {
        self.ours.replace(ours);
    }

    /// Our addresses.
    pub fn ours(&self) -> Ref<'_, Ours> {
        self.ours.borrow()
    }

    /// Somebody does not answer: perhaps the neighbour that leads there is no more (RFC 9293
    /// 3.8.3, RFC 4861 7.3.1).
    pub fn doubt(&self, now: Duration, to: &IpAddress) {
        if let Some(route) = self.routes.borrow().lookup(to) {
            self.neighbors.borrow_mut().doubt(now, &route.gateway.unwrap_or(*to));
        }
    }

    /// True if packets to this address are for us.
    pub fn is_ours(&self, address: &IpAddress) -> bool {
        self.ours.borrow().contains(address)
    }

    /// The link came or went.
    pub fn set_up(&self, is_up: bool) {
        self.is_up.set(is_up);
    }

    /// True if frames can pass.
    pub fn is_up(&self) -> bool {
        self.is_up.get()
    }

    /// The network may be another one: nobody is known any more, and what waits is lost.
    pub fn forget(&self, drops: &Drops) {
        self.neighbors.borrow_mut().clear();
        self.outbox.borrow_mut().clear();
        self.adverts.borrow_mut().clear();
        self.claims.borrow_mut().clear();
        drops.add(Drop::Unreachable, self.slots.clear_waiting() as u64);
    }

    /// Whether DHCP packets are kept for the client, or left to the stack.
    pub fn want_dhcp(&self, wanted: bool) {
        self.is_dhcp_wanted.set(wanted);
        let mut dhcp = self.dhcp.borrow_mut();
        while !wanted && dhcp.dequeue().is_ok() {}
    }

    /// Takes a DHCP packet that was received: what UDP carried.
    pub fn take_dhcp<R>(&self, f: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let mut dhcp = self.dhcp.borrow_mut();
        dhcp.dequeue().ok().map(|(_, packet)| f(packet))
    }

    /// Queues a frame of our own making. When the queue is full it is lost, and counted: each of
    /// them is sent more than once, or asked for again.
    pub fn queue(&self, frame: &[u8], drops: &Drops) {
        let frame = SmallFrame::from_slice(frame).ok();
        let queued = frame.is_some_and(|frame| self.outbox.borrow_mut().push_back(frame).is_ok());
        if !queued {
            drops.count(Drop::OutboxFull);
        }
    }

    /// True if a packet to ourselves waits for the next step.
    pub fn is_looping(&self) -> bool {
        self.slots.first_loop().is_some()
    }

    /// Looks at a received frame. A packet of IP is the stack's; all else is dealt with here.
    pub(super) fn received<'f>(
        &self,
        now: Duration,
        frame: &'f [u8],
        drops: &Drops,
    ) -> Option<&'f [u8]> {
        let ethernet = EthernetFrame::new_checked(frame).ok()?;
        let from = ethernet.src_addr();
        let is_to_us = ethernet.dst_addr().is_unicast();
        let packet = ethernet.payload();
        match ethernet.ethertype() {
            EthernetProtocol::Arp => {
                if let Err(why) = self.arp_received(now, packet, drops) {
                    drops.count(why);
                }
                None
            }
            EthernetProtocol::Ipv4 => {
                self.count_received(packet);
                let ip = Ipv4Packet::new_checked(packet).ok()?;
                let source = ip.src_addr();
                let is_near = self.ours.borrow().v4.is_some_and(|ours| {
                    ours.contains_addr(&source) && ours.broadcast() != Some(source)
                });
                if is_to_us && is_near {
                    self.learn(now, source.into(), from, drops);
                }
                if self.is_dhcp_wanted.get() && self.keep_dhcp(&ip, drops) {
                    return None;
                }
                Some(packet)
            }
            EthernetProtocol::Ipv6 => {
                self.count_received(packet);
                let ip = Ipv6Packet::new_checked(packet).ok()?;
                if self.discovered(now, from, &ip, drops) {
                    return None;
                }
                let source = ip.src_addr().into();
                if is_to_us && self.is_near(&source) {
                    self.learn(now, source, from, drops);
                }
                Some(packet)
            }
            EthernetProtocol::Unknown(_) => {
                drops.count(Drop::UnknownProtocol);
                None
            }
        }
    }

    /// True if an address is on the wire itself, and not behind a router.
    fn is_near(&self, address: &IpAddress) -> bool {
        let routes = self.routes.borrow();
        routes.lookup(address).is_some_and(|route| route.gateway.is_none())
    }

    /// Counts a packet on its way to the stack.
    pub(super) fn count_received(&self, packet: &[u8]) {
        self.protocols.received(packet);
        self.meters.received(packet);
    }

    /// Counts a packet on its way from it.
    pub(super) fn count_sent(&self, packet: &[u8]) {
        self.protocols.sent(packet);
        self.meters.sent(packet);
    }

    /// A packet's sender is a neighbour: it can be answered at once.
    pub(super) fn learn(
        &self,
        now: Duration,
        address: IpAddress,
        mac: EthernetAddress,
        drops: &Drops,
    ) {
        let verdict = self.neighbors.borrow_mut().heard(now, address, mac, Heard::Packet);
        if verdict == Verdict::Full {
            drops.count(Drop::NeighborsFull);
        }
    }

    /// Keeps what is for the DHCP client; true if it was.
    fn keep_dhcp(&self, ip: &Ipv4Packet<&[u8]>, drops: &Drops) -> bool {
        let is_udp = ip.next_header() == IpProtocol::Udp && !ip.more_frags();
        let udp = match UdpPacket::new_checked(ip.payload()) {
            Ok(udp) if is_udp && ip.frag_offset() == 0 => udp,
            _ => return false,
        };
        if udp.dst_port() != DHCP_CLIENT_PORT {
            return false;
        }
        let (from, to) = (ip.src_addr().into(), ip.dst_addr().into());
        let payload = udp.payload();
        let kept = udp.verify_checksum(&from, &to)
            && match self.dhcp.borrow_mut().enqueue(payload.len(), ()) {
                Ok(room) => {
                    room.copy_from_slice(payload);
                    true
                }
                Err(_) => false,
            };
        if !kept {
            drops.count(Drop::DhcpLost);
        }
        true
    }

    /// Where a packet of ours goes.
    ///
    /// # Errors
    /// Why it goes nowhere.
    pub(super) fn way_of(&self, now: Duration, packet: &[u8]) -> Result<Way, Drop> {
        let (from, to) = ends(packet).ok_or(Drop::NoRoute)?;
        self.way(now, from, to)
    }

    /// The same for a packet between these ends.
    ///
    /// # Errors
    /// Why it goes nowhere.
    pub(super) fn way(&self, now: Duration, from: IpAddress, to: IpAddress) -> Result<Way, Drop> {
        let ours = self.ours.borrow();
        if ours.contains(&to) {
            return Ok(Way::Loop);
        }
        // Nothing of 127.0.0.0/8 or ::1 is ever seen on a wire (RFC 1122 3.2.1.3 g).
        if is_loopback(&from) {
            return Err(Drop::NoRoute);
        }
        if !self.is_up.get() {
            return Err(Drop::NoTransmitBuffer);
        }
        match to {
            IpAddress::Ipv4(group) if group.is_multicast() => {
                let [_, b, c, d] = group.octets();
                return Ok(Way::Frame(EthernetAddress([0x01, 0, 0x5e, b & 0x7f, c, d])));
            }
            IpAddress::Ipv6(group) if group.is_multicast() => {
                return Ok(Way::Frame(group_mac(&group)));
            }
            IpAddress::Ipv4(to)
                if to.is_broadcast()
                    || ours.v4.is_some_and(|ours| ours.broadcast() == Some(to)) =>
            {
                return Ok(Way::Frame(EthernetAddress::BROADCAST));
            }
            _ => {}
        }
        let routes = self.routes.borrow();
        let Some(route) = routes.lookup(&to) else {
            self.protocols.update(|all| match to {
                IpAddress::Ipv4(_) => all.ip.no_routes += 1,
                IpAddress::Ipv6(_) => all.ipv6.no_routes += 1,
            });
            return Err(Drop::NoRoute);
        };
        let next_hop = route.gateway.unwrap_or(to);
        match self.neighbors.borrow_mut().resolve(now, next_hop) {
            Resolved::Mac(mac) => Ok(Way::Frame(mac)),
            Resolved::Pending => Ok(Way::Wait(next_hop)),
            Resolved::Full => Err(Drop::NeighborsFull),
        }
    }

    /// The address of ours that a packet to `to` is sent from (RFC 6724 5, in short: the same
    /// scope, then the longest common prefix).
    ///
    /// # Errors
    /// [`NetError::NetworkUnreachable`] if no route leads there, or we have no address for it.
    pub fn source_for(&self, to: &IpAddress) -> Result<IpAddress, NetError> {
        let ours = self.ours.borrow();
        match to {
            IpAddress::Ipv4(to) if to.is_loopback() => return Ok(Ipv4Address::LOCALHOST.into()),
            IpAddress::Ipv6(to) if to.is_loopback() => return Ok(Ipv6Address::LOCALHOST.into()),
            to if ours.contains(to) => return Ok(*to),
            _ => {}
        }
        let is_group = to.is_multicast() || to.is_broadcast();
        if !is_group && self.routes.borrow().lookup(to).is_none() {
            return Err(NetError::NetworkUnreachable);
        }
        let source = match to {
            IpAddress::Ipv4(_) => ours.v4.map(|ours| ours.address().into()),
            IpAddress::Ipv6(to) => source_v6(&ours.v6, to).map(IpAddress::Ipv6),
        };
        source.ok_or(NetError::NetworkUnreachable)
    }

    /// Tells those whose neighbour does not answer: their packets turn into errors to ourselves.
    pub(super) fn give_up(&self, drops: &Drops) {
        let neighbors = self.neighbors.borrow();
        let failed = |neighbor: &IpAddress| neighbors.is_failed(neighbor);
        // Bounded: each turn one packet waits less.
        while let Some((place, _)) = self.slots.first_waiting(failed) {
            drops.count(Drop::Unreachable);
            self.slots.turn(place, unreachable::about);
        }
    }

    /// The frame that asks for a neighbour.
    pub(super) fn question(&self, question: &Question) -> Option<SmallFrame> {
        match question.address {
            IpAddress::Ipv4(address) => self.arp_question(address, question.of),
            IpAddress::Ipv6(address) => self.solicit(address, question.of),
        }
    }

    /// When there is something to do here by itself.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.neighbors.borrow().next_deadline()
    }
}

/// Source and destination of a packet.
fn ends(packet: &[u8]) -> Option<(IpAddress, IpAddress)> {
    // smoltcp 0.14 looks at the first byte of nothing.
    packet.first()?;
    match IpVersion::of_packet(packet).ok()? {
        IpVersion::Ipv4 => {
            let ip = Ipv4Packet::new_checked(packet).ok()?;
            Some((ip.src_addr().into(), ip.dst_addr().into()))
        }
        IpVersion::Ipv6 => {
            let ip = Ipv6Packet::new_checked(packet).ok()?;
            Some((ip.src_addr().into(), ip.dst_addr().into()))
        }
    }
}

pub(super) fn source_v6(ours: &[Ipv6Cidr], to: &Ipv6Address) -> Option<Ipv6Address> {
    // ff02::/16 is of the link (RFC 4291 2.7); fe80::/10, too.
    let is_near = |to: &Ipv6Address| {
        to.is_unicast_link_local() || (to.is_multicast() && to.octets()[1] & 0xf <= 2)
    };
    let common = |ours: &Ipv6Address| (ours.to_bits() ^ to.to_bits()).leading_zeros();
    let addresses = ours.iter().map(|ours| ours.address());
    let fitting = addresses.filter(|ours| is_near(ours) == is_near(to));
    fitting.max_by_key(|ours| if to.is_multicast() { 0 } else { common(ours) })
}

fn is_loopback(address: &IpAddress) -> bool {
    match address {
        IpAddress::Ipv4(address) => address.is_loopback(),
        IpAddress::Ipv6(address) => *address == Ipv6Address::LOCALHOST,
    }
}

/// Writes an Ethernet header before a packet.
pub(super) fn write_header(frame: &mut [u8], to: EthernetAddress, from: EthernetAddress) {
    let is_v6 = frame.get(HEADER_BYTES).is_some_and(|first| first >> 4 == 6);
    let mut ethernet = EthernetFrame::new_unchecked(frame);
    ethernet.set_dst_addr(to);
    ethernet.set_src_addr(from);
    ethernet.set_ethertype(if is_v6 { EthernetProtocol::Ipv6 } else { EthernetProtocol::Ipv4 });
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
