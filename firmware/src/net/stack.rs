//! The stack: smoltcp's interface and sockets, polled within bounds.
//!
//! smoltcp's own `poll()` goes on as long as anything was sent or received, which a flood, or one
//! of its own faults, makes for ever. Here one turn takes a bounded number of frames and passes.

use core::cell::Cell;
use core::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use smoltcp::iface::{Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::{Device, TxToken};
use smoltcp::socket::raw;
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::time::Instant;
use smoltcp::wire::{
    EthernetAddress, HardwareAddress, IpAddress, IpCidr, IpEndpoint, IpProtocol, IpVersion,
};

use super::address::Addressing;
use super::buffers::{Buffers, RAW_BYTES, RAW_PACKETS, RAW_SOCKETS, Sockets};
use super::error::NetError;
use super::icmp::{Hearers, IcmpPool};
use super::ports;
use super::routes::{Route, RouteChoice, RouteTable};
use super::tcp_pool::{NoSockets, TcpPool};
use super::udp::UdpPool;
use crate::Text;
use crate::config::Config;
use crate::journal::Event;
use crate::limits::{
    EGRESS_PASSES_PER_POLL, INGRESS_FRAMES_PER_POLL, POOL_CHECK_INTERVAL, REASSEMBLY_TIMEOUT,
    RUNAWAY_PAUSE, TRANSMIT_RETRY,
};
use crate::status::{Address, Direction, Drop, Drops, Link, NicCounters, NicFacts, Status};
use crate::system::System;
use crate::wire::{
    Counted, Guard, Guarded, Introduced, Introductions, Meters, Recorded, Recorder, Traffic,
};

/// A raw socket of one protocol.
fn raw_socket(
    version: IpVersion,
    protocol: IpProtocol,
    rings: &'static mut [[u8; RAW_BYTES]; 2],
    lists: &'static mut [[raw::PacketMetadata; RAW_PACKETS]; 2],
) -> raw::Socket<'static> {
    let [receive, send] = rings;
    let [received, sent] = lists;
    raw::Socket::new(
        Some(version),
        Some(protocol),
        raw::PacketBuffer::new(&mut received[..], &mut receive[..]),
        raw::PacketBuffer::new(&mut sent[..], &mut send[..]),
    )
}

/// Time since start, as smoltcp writes it.
pub(super) fn instant(at: Duration) -> Instant {
    Instant::from_micros(at.as_micros() as i64)
}

/// The stack of one interface.
pub struct Stack {
    pub(super) interface: Option<Interface>,
    pub(super) sockets: SocketSet<'static>,
    pub(super) tcp: TcpPool,
    pub(super) udp: UdpPool,
    pub(super) icmp: IcmpPool,
    /// ICMP and ICMPv6.
    pub(super) raw: [SocketHandle; RAW_SOCKETS],
    pub(super) addressing: Addressing,
    pub(super) routes: RouteTable,
    /// The address that the routes were made for.
    routed: Option<Address>,
    guard: Guard,
    pub(super) introductions: Introductions,
    recorder: Recorder,
    pub(super) traffic: Traffic,
    pub(super) nic: Option<NicFacts>,
    pub(super) nic_counters: NicCounters,
    pub(super) link: Link,
    pub(crate) random: ChaCha8Rng,
    work: Cell<bool>,
    polls: u64,
}

impl Stack {
    pub(crate) fn new(
        storage: &'static mut Sockets,
        buffers: &'static mut Buffers,
        config: &Config,
        seed: [u8; 32],
    ) -> Self {
        let Sockets { table, udp: udp_lists, raw: raw_lists, icmp: icmp_lists } = storage;
        let mut sockets = SocketSet::new(&mut table[..]);
        let Buffers { tcp_receive, tcp_send, udp_receive, udp_send, icmp, raw, dhcp, frames } =
            buffers;
        let tcp = TcpPool::new(&mut sockets, tcp_receive, tcp_send);
        let udp = UdpPool::new(&mut sockets, udp_receive, udp_send, udp_lists);
        let [raw_v4, raw_v6] = raw.each_mut();
        let [lists_v4, lists_v6] = raw_lists.each_mut();
        let raw = [
            sockets.add(raw_socket(IpVersion::Ipv4, IpProtocol::Icmp, raw_v4, lists_v4)),
            sockets.add(raw_socket(IpVersion::Ipv6, IpProtocol::Icmpv6, raw_v6, lists_v6)),
        ];
        let addressing = Addressing::new(config, &mut sockets, dhcp);
        Self {
            interface: None,
            sockets,
            tcp,
            udp,
            icmp: IcmpPool::new(icmp, icmp_lists),
            raw,
            addressing,
            routes: RouteTable::default(),
            routed: None,
            guard: Guard::new(),
            introductions: Introductions::new(),
            recorder: Recorder::new(frames),
            traffic: Traffic::default(),
            nic: None,
            nic_counters: NicCounters::default(),
            link: Link::Down,
            random: ChaCha8Rng::from_seed(seed),
            work: Cell::new(true),
            polls: 0,
        }
    }

    pub(crate) fn nic_found(&mut self, mut nic: NicFacts) {
        if !nic.mac.is_unicast() {
            // Nothing can be sent from such an address: a random one of the locally administered
            // kind (IEEE 802, bit 1 of the first byte) takes its place.
            let mut bytes = [0; 6];
            self.random.fill_bytes(&mut bytes);
            bytes[0] = bytes[0] & !1 | 2;
            nic.mac = EthernetAddress(bytes);
        }
        self.guard.set_mac(nic.mac);
        self.interface = None;
        self.nic = Some(nic);
        self.note_work();
    }

    pub(crate) fn nic_lost(&mut self) {
        self.nic = None;
        self.interface = None;
        self.set_link(Link::Down);
    }

    pub(crate) fn set_link(&mut self, link: Link) {
        self.link = link;
        self.addressing.link_changed(link.is_up(), &mut self.sockets);
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
        let facts = self.nic.as_ref()?;
        let at = instant(now);
        let mut wire = Introduced {
            device: Guarded {
                device: Recorded {
                    device: Counted { device: nic, traffic: &self.traffic },
                    recorder: &self.recorder,
                    now,
                },
                guard: &self.guard,
                drops: system.drops(),
            },
            introductions: &self.introductions,
        };
        let interface = match &mut self.interface {
            Some(interface) => interface,
            none => {
                let mut config = smoltcp::iface::Config::new(HardwareAddress::Ethernet(facts.mac));
                config.random_seed = self.random.next_u64();
                let interface = none.insert(Interface::new(config, &mut wire, at));
                interface.set_reassembly_timeout(REASSEMBLY_TIMEOUT.into());
                self.addressing.attach(facts.mac, interface, &self.guard, system);
                for group in self.udp.groups() {
                    // Cannot fail: there is room for every group that sockets are in.
                    let _ = interface.join_multicast_group(group);
                }
                self.routed = None;
                interface
            }
        };

        self.traffic.exhausted.set(false);
        for _ in 0..INGRESS_FRAMES_PER_POLL {
            // A frame that was held back was announced to us a step ago.
            let was_held = self.introductions.is_holding();
            match interface.poll_ingress_single(at, &mut wire, &mut self.sockets) {
                PollIngressSingleResult::None => break,
                PollIngressSingleResult::PacketProcessed
                | PollIngressSingleResult::SocketStateChanged => {}
            }
            let mut hearers = Hearers {
                raw: &self.raw,
                icmp: &mut self.icmp,
                udp: &mut self.udp,
                tcp: &mut self.tcp,
            };
            hearers.distribute(now, interface, &mut self.sockets);
            let is_held = self.introductions.is_holding();
            if (self.guard.take_syn_seen() || was_held) && !is_held {
                // That SYN may have taken a listening socket; the next one in this turn finds
                // another.
                let table = self.tcp.maintain(now, &mut self.sockets, system.drops());
                self.guard.set_listening(table);
                self.guard.keep_connections(&self.tcp.connections(&self.sockets));
            }
        }
        interface.poll_maintenance(at);
        let table = self.tcp.maintain(now, &mut self.sockets, system.drops());
        self.guard.set_listening(table);
        if !self.introductions.is_holding() {
            self.guard.keep_connections(&self.tcp.connections(&self.sockets));
        }
        let address_deadline = self.addressing.poll(
            now,
            interface,
            &mut self.sockets,
            &self.guard,
            &mut self.random,
            system,
        );
        if self.addressing.current() != self.routed.as_ref() {
            self.routed = self.addressing.current().cloned();
            self.routes.set_addresses(self.routed.as_ref());
            self.routes.apply(interface);
        }
        let ours = self.addressing.current().map(|ours| (facts.mac, ours.address));
        self.introductions.set_ours(ours);

        while let Some(frame) = self.addressing.outgoing() {
            let Some(token) = wire.transmit(at) else { break };
            token.consume(frame.len(), |out| out.copy_from_slice(&frame));
        }
        let mut sending = true;
        for _ in 0..EGRESS_PASSES_PER_POLL {
            sending = interface.poll_egress(at, &mut wire, &mut self.sockets)
                == PollResult::SocketStateChanged;
            if !sending {
                break;
            }
        }

        let mut due = match interface.poll_at(at, &self.sockets) {
            _ if sending || self.introductions.is_holding() => Some(now),
            Some(instant) => {
                Some(Duration::from_micros(instant.total_micros().max(0) as u64).max(now))
            }
            None => None,
        };
        if self.traffic.exhausted.get() {
            // The driver's next completion ends the sleep; this is for a device that never
            // completes.
            due = Some(now + TRANSMIT_RETRY);
        }
        if let Some((peer, port)) = self.guard.take_runaway() {
            due = due.map(|due| due.max(now + RUNAWAY_PAUSE));
            if system.drops().get(Drop::RunawayAck) == 1 {
                let peer = Text::of(format_args!("{peer}:{port}"));
                system.record(Event::Runaway { peer });
            }
        }
        let pool_due = self.tcp.is_waiting().then(|| now + POOL_CHECK_INTERVAL);
        [due, address_deadline, pool_due].into_iter().flatten().min()
    }

    /// The connections that are counted by themselves.
    pub(super) fn meters(&self) -> &Meters {
        &self.traffic.meters
    }

    /// True if a task has left something to send.
    pub(crate) fn has_work(&self) -> bool {
        self.work.get()
    }

    pub(super) fn note_work(&self) {
        self.work.set(true);
    }

    pub(crate) fn listen(
        &mut self,
        owner: &'static str,
        port: u16,
        backlog: usize,
    ) -> Result<usize, NoSockets> {
        let index = self.tcp.listen(owner, port, backlog)?;
        self.note_work();
        Ok(index)
    }

    /// The address of ours that a packet to `to` is sent from.
    pub(super) fn source_for(&self, to: &IpAddress) -> Result<IpAddress, NetError> {
        let is_broadcast = to.is_broadcast() || to.is_multicast();
        if !is_broadcast && self.routes.lookup(to).is_none() {
            return Err(NetError::NetworkUnreachable);
        }
        let interface = self.interface.as_ref().ok_or(NetError::NetworkUnreachable)?;
        interface.get_source_address(to).ok_or(NetError::NetworkUnreachable)
    }

    pub(super) fn tcp_connect(
        &mut self,
        now: Duration,
        owner: &'static str,
        to: IpEndpoint,
    ) -> Result<(usize, IpEndpoint), NetError> {
        if to.port == 0 || !to.addr.is_unicast() {
            return Err(NetError::Invalid);
        }
        let address = self.source_for(&to.addr)?;
        let (tcp, sockets) = (&self.tcp, &self.sockets);
        let port = ports::choose(&mut self.random, |port| tcp.has_port(sockets, port));
        let from = IpEndpoint::new(address, port.ok_or(NetError::NoAddress)?);
        let interface = self.interface.as_mut().ok_or(NetError::NetworkUnreachable)?;
        let context = interface.context();
        let slot = self.tcp.connect(&mut self.sockets, context, now, owner, from, to)?;
        self.traffic.protocols.update(|all| all.tcp.active_opens += 1);
        self.note_work();
        Ok((slot, from))
    }

    /// What became of an attempt to connect, by the state its socket left for; `None`: it did not.
    pub(super) fn tcp_connected(
        &mut self,
        slot: usize,
        state: Option<State>,
    ) -> Result<(), NetError> {
        let outcome = match state {
            None => Err(NetError::TimedOut),
            Some(State::Closed) => Err(self.tcp.error(slot).unwrap_or(NetError::ConnectionRefused)),
            Some(_) => {
                self.tcp.connected(&mut self.sockets, slot);
                Ok(())
            }
        };
        if outcome.is_err() {
            self.traffic.protocols.update(|all| all.tcp.failed_opens += 1);
        }
        outcome
    }

    pub(super) fn route_add(&mut self, route: Route) -> Result<(), NetError> {
        if let Some(gateway) = route.gateway {
            let direct = |known: &Route| known.gateway.is_none();
            self.routes.lookup(&gateway).filter(|known| direct(known)).ok_or(
                // As Linux says of a router on another network.
                NetError::NetworkUnreachable,
            )?;
        }
        self.routes.add(route)?;
        self.apply_routes();
        Ok(())
    }

    pub(super) fn route_delete(
        &mut self,
        destination: IpCidr,
        gateway: Option<IpAddress>,
    ) -> Result<(), NetError> {
        self.routes.delete(destination, gateway)?;
        self.apply_routes();
        Ok(())
    }

    fn apply_routes(&mut self) {
        if let Some(interface) = &mut self.interface {
            self.routes.apply(interface);
        }
        self.note_work();
    }

    pub(super) fn route_get(&self, to: IpAddress) -> Option<RouteChoice> {
        let considered: heapless::Vec<Route, _> = self.routes.matching(&to).copied().collect();
        let route = *considered.first()?;
        let next_hop = route.gateway.unwrap_or(to);
        let source_address = self.source_for(&to).ok();
        Some(RouteChoice { route, next_hop, source_address, considered })
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    pub(super) fn tcp_accept(
        &mut self,
        service: usize,
        waker: &core::task::Waker,
    ) -> Option<usize> {
        self.tcp.accept(service, waker)
    }

    pub(super) fn tcp_give_back(&mut self, slot: usize, now: Duration) {
        self.tcp.give_back(slot, now);
    }

    pub(super) fn tcp_socket(&self, slot: usize) -> &Socket<'static> {
        self.sockets.get(self.tcp.handle(slot))
    }

    pub(super) fn tcp_socket_mut(&mut self, slot: usize) -> &mut Socket<'static> {
        self.sockets.get_mut(self.tcp.handle(slot))
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
            link: self.link,
            address: self.addressing.current().cloned(),
            received,
            sent,
            nic_counters: self.nic_counters,
            sockets: self.tcp.counts(),
            listeners: self.tcp.listeners(),
            polls: self.polls,
        }
    }
}
