//! The stack: smoltcp's interface and sockets, polled within bounds.
//!
//! smoltcp's own `poll()` goes on as long as anything was sent or received, which a flood, or one
//! of its own faults, makes for ever. Here one turn takes a bounded number of frames and passes.

use core::cell::Cell;
use core::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use smoltcp::iface::{Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::raw;
use smoltcp::time::Instant;
use smoltcp::wire::{
    EthernetAddress, HardwareAddress, IpAddress, IpCidr, IpEndpoint, IpProtocol, IpVersion,
    Ipv4Address, Ipv6Address, Ipv6Cidr,
};
use tcp::ConnectionId;

use super::address::Addressing;
use super::buffers::{Buffers, RAW_BYTES, RAW_PACKETS, Sockets};
use super::error::NetError;
use super::icmp::{Hearers, IcmpPool};
use super::ipv6::Ipv6;
use super::output::Output;
use super::routes::{Route, RouteChoice};
use super::tcp_host::TcpHost;
use super::udp::UdpPool;
use crate::Text;
use crate::config::Config;
use crate::limits::{
    EGRESS_PASSES_PER_POLL, INGRESS_FRAMES_PER_POLL, NETEM_RESOLUTION, READY_CHECK_INTERVAL,
    REASSEMBLY_TIMEOUT, TRANSMIT_RETRY,
};
use crate::status::{Address, Direction, Drops, Link as Carrier, NicCounters, NicFacts, Status};
use crate::system::System;
use crate::wire::{
    Counted, Guard, Guarded, Impaired, Link, Linked, Meters, Netem, Ours, Recorded, Recorder, Sums,
    Traffic,
};

/// A raw socket of one protocol, that only listens.
fn raw_socket(
    version: IpVersion,
    protocol: IpProtocol,
    ring: &'static mut [u8; RAW_BYTES],
    list: &'static mut [raw::PacketMetadata; RAW_PACKETS],
) -> raw::Socket<'static> {
    let nothing = raw::PacketBuffer::new(&mut [][..], &mut [][..]);
    let received = raw::PacketBuffer::new(&mut list[..], &mut ring[..]);
    raw::Socket::new(Some(version), Some(protocol), received, nothing)
}

/// Before there is an interface.
const NO_MAC: EthernetAddress = EthernetAddress([0; 6]);

/// Time since start, as smoltcp writes it.
pub(crate) fn instant(at: Duration) -> Instant {
    Instant::from_micros(at.as_micros() as i64)
}

/// The stack of one interface.
pub struct Stack {
    pub(super) interface: Option<Interface>,
    pub(super) sockets: SocketSet<'static>,
    pub(crate) tcp: TcpHost,
    pub(super) udp: UdpPool,
    pub(super) icmp: IcmpPool,
    /// ICMP and ICMPv6.
    icmp_raw: [SocketHandle; 2],
    /// TCP that came in pieces.
    tcp_raw: SocketHandle,
    pub(super) output: Output,
    pub(super) addressing: Addressing,
    pub(super) ipv6: Ipv6,
    pub(super) link: Link,
    /// Address mask requests are answered.
    answers_mask: bool,
    /// The IPv4 address that the interface, the link and the guard were told of; none: they must be
    /// told anew.
    told: Option<Option<Address>>,
    bound: Bound,
    guard: Guard,
    recorder: Recorder,
    netem: Netem,
    pub(super) traffic: Traffic,
    pub(super) nic: Option<NicFacts>,
    pub(super) nic_counters: NicCounters,
    pub(super) carrier: Carrier,
    pub(crate) random: ChaCha8Rng,
    work: Cell<bool>,
    polls: u64,
    /// When something is to be done about the addresses of each family.
    address_dues: [Option<Duration>; 2],
}

impl Stack {
    pub(crate) fn new(
        storage: &'static mut Sockets,
        buffers: &'static mut Buffers,
        config: &Config,
        seed: [u8; 32],
        clock: fn() -> Duration,
    ) -> Self {
        let mut random = ChaCha8Rng::from_seed(seed);
        let lists = storage;
        let mut sockets = SocketSet::new(&mut lists.table[..]);
        let Buffers { tcp: blocks, udp_receive, udp_send, icmp, raw, .. } = buffers;
        let mut key = [0; 16];
        random.fill_bytes(&mut key);
        let tcp = TcpHost::new(&mut lists.tcp, blocks, key, config.congestion);
        let udp = UdpPool::new(&mut sockets, udp_receive, udp_send, &mut lists.udp);
        let [raw_v4, raw_v6, raw_tcp] = raw;
        let [list_v4, list_v6, list_tcp] = &mut lists.raw;
        let icmp_raw = [
            sockets.add(raw_socket(IpVersion::Ipv4, IpProtocol::Icmp, raw_v4, list_v4)),
            sockets.add(raw_socket(IpVersion::Ipv6, IpProtocol::Icmpv6, raw_v6, list_v6)),
        ];
        let tcp_raw = sockets.add(raw_socket(IpVersion::Ipv4, IpProtocol::Tcp, raw_tcp, list_tcp));
        let identification = random.next_u32() as u16;
        Self {
            interface: None,
            sockets,
            tcp,
            udp,
            icmp: IcmpPool::new(icmp, &mut lists.icmp),
            icmp_raw,
            tcp_raw,
            output: Output::new(&mut buffers.output, &mut lists.output, identification),
            addressing: Addressing::new(config),
            ipv6: Ipv6::new(config.ipv6),
            answers_mask: config.icmp_mask,
            link: Link::new(&mut buffers.dhcp, &mut lists.dhcp),
            told: None,
            bound: Bound::default(),
            guard: Guard::new(),
            recorder: Recorder::new(&mut buffers.frames, clock),
            netem: Netem::new(&mut buffers.late),
            traffic: Traffic::default(),
            nic: None,
            nic_counters: NicCounters::default(),
            carrier: Carrier::Down,
            random,
            work: Cell::new(true),
            polls: 0,
            address_dues: [None; 2],
        }
    }

    pub(crate) fn nic_found(&mut self, mut nic: NicFacts, system: &System) {
        if !nic.mac.is_unicast() {
            // Nothing can be sent from such an address: a random one of the locally administered
            // kind (IEEE 802, bit 1 of the first byte) takes its place.
            let mut bytes = [0; 6];
            self.random.fill_bytes(&mut bytes);
            bytes[0] = bytes[0] & !1 | 2;
            nic.mac = EthernetAddress(bytes);
        }
        self.guard.set_mac(nic.mac);
        self.link.set_mac(nic.mac);
        self.addressing.attach(nic.mac, &self.link, system);
        // Its capabilities may differ from those of the one before.
        self.interface = None;
        self.nic = Some(nic);
        self.note_work();
    }

    pub(crate) fn nic_lost(&mut self, system: &System) {
        self.nic = None;
        self.set_link(Carrier::Down, system);
    }

    pub(crate) fn set_link(&mut self, carrier: Carrier, system: &System) {
        self.carrier = carrier;
        self.link.set_up(carrier.is_up());
        // A new link may be another network, and its neighbours others.
        self.link.forget(system.drops());
        let up = carrier.is_up();
        self.addressing.link_changed(system.now(), up, &self.link, system);
        self.ipv6.link_changed(up, self.nic.as_ref().map_or(NO_MAC, |nic| nic.mac));
        self.note_work();
    }

    /// One turn. Returns when the next one is due.
    pub(crate) fn poll<D: Device>(
        &mut self,
        now: Duration,
        nic: &mut D,
        counters: NicCounters,
        system: &System,
    ) -> Option<Duration> {
        self.polls += 1;
        self.nic_counters = counters;
        self.work.set(false);
        let at = instant(now);
        let nic_capabilities = nic.capabilities();
        let mut wire = Linked {
            device: Guarded {
                device: Impaired {
                    device: Recorded {
                        device: Counted { device: nic, traffic: &self.traffic },
                        recorder: &self.recorder,
                        drops: system.drops(),
                        trail: system.trail(),
                    },
                    netem: &self.netem,
                    now,
                },
                guard: &self.guard,
                recorder: &self.recorder,
                drops: system.drops(),
            },
            link: &self.link,
            tcp: &mut self.tcp,
            guard: &self.guard,
            recorder: &self.recorder,
            drops: system.drops(),
            sums: Sums::of(&nic_capabilities),
            now,
        };
        let interface = match &mut self.interface {
            Some(interface) => interface,
            none => {
                let mut config = smoltcp::iface::Config::new(HardwareAddress::Ip);
                config.random_seed = self.random.next_u64();
                let interface = none.insert(Interface::new(config, &mut wire, at));
                interface.set_reassembly_timeout(REASSEMBLY_TIMEOUT.into());
                for group in self.udp.groups() {
                    // Cannot fail: there is room for every group that sockets are in.
                    let _ = interface.join_multicast_group(group);
                }
                self.told = None;
                interface
            }
        };
        if self.told.is_none() {
            let ours = self.addressing.current();
            tell(ours, &self.ipv6, interface, &self.link, &self.guard);
            self.told = Some(ours.cloned());
        }

        self.traffic.exhausted.set(false);
        self.netem.flush(&mut wire.device.device.device, at, now);
        for _ in 0..INGRESS_FRAMES_PER_POLL {
            match interface.poll_ingress_single(at, &mut wire, &mut self.sockets) {
                PollIngressSingleResult::None => break,
                PollIngressSingleResult::PacketProcessed
                | PollIngressSingleResult::SocketStateChanged => {}
            }
            let asked = self.addressing.current().filter(|_| self.answers_mask);
            let mut hearers = Hearers {
                raw: &self.icmp_raw,
                icmp: &mut self.icmp,
                udp: &mut self.udp,
                tcp: wire.tcp,
                output: &mut self.output,
                clock: system.clock(),
                mask: asked.map(|ours| ours.address.netmask()),
            };
            hearers.distribute(now, interface, &mut self.sockets);
            // Bounded: one packet came, so one is complete at most.
            if let Ok(packet) = self.sockets.get_mut::<raw::Socket>(self.tcp_raw).recv() {
                wire.take_reassembled(packet);
            }
            wire.send_hurried();
        }
        interface.poll_maintenance(at);
        let send = |packet: &[u8]| wire.send(packet);
        let address_due = self.addressing.poll(now, &self.link, &mut self.random, system, send);
        let (changed, ipv6_due) = self.ipv6.poll(now, interface, &self.link, system);
        if changed || self.told.as_ref().map(Option::as_ref) != Some(self.addressing.current()) {
            let ours = self.addressing.current();
            tell(ours, &self.ipv6, interface, &self.link, &self.guard);
            self.told = Some(ours.cloned());
        }

        self.address_dues = [address_due, ipv6_due];
        self.bound.tell_lost(now, &self.link, wire.tcp);

        wire.flush();
        self.output.flush(|packet| wire.send(packet));
        let mut sending = true;
        for _ in 0..EGRESS_PASSES_PER_POLL {
            sending = interface.poll_egress(at, &mut wire, &mut self.sockets)
                == PollResult::SocketStateChanged;
            if !sending {
                break;
            }
        }
        wire.send_segments();
        // Now that all has left, it is known whose writers are wanted.
        wire.tcp.wake(now, |peer| self.link.doubt(now, &peer));
        // What was just written may wait for neighbours that are to be asked for.
        wire.flush();

        let mut due = match interface.poll_at(at, &self.sockets) {
            _ if sending || self.link.is_looping() => Some(now),
            Some(instant) => {
                Some(Duration::from_micros(instant.total_micros().max(0) as u64).max(now))
            }
            None => None,
        };
        let mut tcp_due = self.tcp.engine.next_deadline().map(|due| Duration::from(due).max(now));
        if self.traffic.exhausted.get() && self.link.is_up() {
            // The driver's next completion ends the sleep; this is for a device that never
            // completes.
            let retry = now + TRANSMIT_RETRY;
            due = Some(retry);
            tcp_due = tcp_due.map(|due| due.max(retry));
        }
        self.tcp.count_drops(system.drops());
        let ready_due = self.tcp.is_pending().then(|| now + READY_CHECK_INTERVAL);
        // A question for which there was no room is asked when there is.
        let link_due = self.link.next_deadline().map(|due| due.max(now + TRANSMIT_RETRY));
        let late_due = self.netem.next_deadline().map(|due| due.max(now + NETEM_RESOLUTION));
        let dues = [due, tcp_due, address_due, ipv6_due, ready_due, link_due, late_due];
        dues.into_iter().flatten().min()
    }

    /// The connections that are counted by themselves.
    pub(super) fn meters(&self) -> &Meters {
        &self.link.meters
    }

    /// True if a task has left something to send.
    pub(crate) fn has_work(&self) -> bool {
        self.work.get()
    }

    pub(super) fn note_work(&self) {
        self.work.set(true);
    }

    pub(super) fn tcp_connect(
        &mut self,
        now: Duration,
        owner: &'static str,
        to: IpEndpoint,
    ) -> Result<(ConnectionId, IpEndpoint), NetError> {
        if to.port == 0 || !to.addr.is_unicast() {
            return Err(NetError::Invalid);
        }
        let address = self.link.source_for(&to.addr)?;
        let opened = self.tcp.connect(now, owner, address, to)?;
        self.note_work();
        Ok(opened)
    }

    pub(super) fn route_add(&mut self, route: Route) -> Result<(), NetError> {
        let mut routes = self.link.routes.borrow_mut();
        if let Some(gateway) = route.gateway {
            // As Linux says of a router on another network.
            let way = routes.lookup(&gateway).ok_or(NetError::NetworkUnreachable)?;
            if way.gateway.is_some() {
                return Err(NetError::NetworkUnreachable);
            }
        }
        routes.add(route)
    }

    pub(super) fn route_get(&self, to: IpAddress) -> Option<RouteChoice> {
        let source_address = self.link.source_for(&to).ok();
        if self.link.is_ours(&to) {
            let route = Route::to_ourselves(to);
            let considered = heapless::Vec::from_slice(&[route]).unwrap_or_default();
            return Some(RouteChoice { route, next_hop: to, source_address, considered });
        }
        let routes = self.link.routes.borrow();
        let considered: heapless::Vec<Route, _> = routes.matching(&to).copied().collect();
        let route = *considered.first()?;
        let next_hop = route.gateway.unwrap_or(to);
        Some(RouteChoice { route, next_hop, source_address, considered })
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    pub(crate) fn netem(&self) -> &Netem {
        &self.netem
    }

    /// What was received and sent, as `ifconfig` shows it.
    pub(super) fn directions(&self, drops: &Drops) -> (Direction, Direction) {
        let nic = self.nic_counters;
        let dropped = |sent: bool| {
            drops.iter().filter(|(why, _)| why.is_sent() == Some(sent)).map(|(_, n)| n).sum()
        };
        let received = Direction {
            packets: self.traffic.received.get(),
            bytes: self.traffic.received_bytes.get(),
            errors: nic.receive_errors + nic.receive_frame_errors,
            dropped: dropped(false),
            overruns: nic.receive_overruns,
            frame: nic.receive_frame_errors,
        };
        let sent = Direction {
            packets: self.traffic.sent.get(),
            bytes: self.traffic.sent_bytes.get(),
            errors: nic.send_errors,
            dropped: dropped(true),
            overruns: 0,
            frame: nic.carrier_errors,
        };
        (received, sent)
    }

    pub(crate) fn status(&self, uptime: Duration, hostname: &str, drops: &Drops) -> Status {
        let (received, sent) = self.directions(drops);
        Status {
            uptime,
            hostname: Text::from(hostname),
            nic: self.nic.clone(),
            link: self.carrier,
            address: self.addressing.current().cloned(),
            ipv6: self.ipv6.slaac.ours().collect(),
            dues: [("ipv4", self.address_dues[0]), ("ipv6", self.address_dues[1])],
            received,
            sent,
            nic_counters: self.nic_counters,
            sockets: self.tcp.counts(uptime),
            listeners: self.tcp.listeners(),
            polls: self.polls,
        }
    }
}

/// The addresses that connections may be bound to.
#[derive(Default)]
struct Bound(Ours);

impl Bound {
    /// Ends connections whose address is no longer ours. One that is gone for a while only, as
    /// after a look at the cable, has not been followed by another yet.
    fn tell_lost(&mut self, now: Duration, link: &Link, tcp: &mut TcpHost) {
        let ours = link.ours();
        if *ours == self.0 {
            return;
        }
        if let (Some(old), Some(new)) = (self.0.v4, ours.v4)
            && old.address() != new.address()
        {
            tcp.engine.address_lost(now.into(), IpAddress::from(old.address()).into());
        }
        if !ours.v6.is_empty() {
            for old in self.0.v6.iter().filter(|old| !ours.v6.contains(old)) {
                tcp.engine.address_lost(now.into(), IpAddress::from(old.address()).into());
            }
            self.0.v6 = ours.v6.clone();
        }
        self.0.v4 = ours.v4.or(self.0.v4);
    }
}

/// Tells everybody who must know of our addresses.
fn tell(
    ours: Option<&Address>,
    ipv6: &Ipv6,
    interface: &mut Interface,
    link: &Link,
    guard: &Guard,
) {
    let v4 = ours.map(|ours| ours.address);
    let v6: heapless::Vec<Ipv6Cidr, _> = ipv6.slaac.ours().collect();
    interface.update_ip_addrs(|addresses| {
        // Cannot fail: the list is emptied, and holds ADDRESSES. The first of a family is what
        // smoltcp sends from when it has no better reason.
        addresses.clear();
        addresses.extend(v4.map(IpCidr::Ipv4));
        addresses.extend(v6.iter().copied().map(IpCidr::Ipv6));
        addresses.extend([
            IpCidr::new(Ipv4Address::LOCALHOST.into(), 8),
            IpCidr::new(Ipv6Address::LOCALHOST.into(), 128),
        ]);
    });
    guard.set_address(v4.map(|ours| (ours.address(), ours.broadcast())));
    guard.set_addresses_v6(v6.iter().map(|ours| ours.address()));
    link.set_ours(Ours { v4, v6 });
    let mut routes = link.routes.borrow_mut();
    routes.set_addresses(ours, ipv6.slaac.routes());
    let mut neighbors = link.neighbors.borrow_mut();
    neighbors.set_routers(|address| routes.all().iter().any(|r| r.gateway == Some(*address)));
}
