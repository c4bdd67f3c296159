//! The stack: smoltcp's interface and sockets, polled within bounds.
//!
//! smoltcp's own `poll()` goes on as long as anything was sent or received, which a flood, or one
//! of its own faults, makes for ever. Here one turn takes a bounded number of frames and passes.

use core::cell::Cell;
use core::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use smoltcp::iface::{Interface, PollIngressSingleResult, PollResult, SocketSet, SocketStorage};
use smoltcp::phy::{Device, TxToken};
use smoltcp::socket::tcp::Socket;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress};

use super::address::Addressing;
use super::tcp_pool::{Buffers, NoSockets, TcpPool};
use crate::Text;
use crate::config::Config;
use crate::journal::Event;
use crate::limits::{
    EGRESS_PASSES_PER_POLL, INGRESS_FRAMES_PER_POLL, OTHER_SOCKETS, POOL_CHECK_INTERVAL,
    REASSEMBLY_TIMEOUT, RUNAWAY_PAUSE, TCP_SOCKETS, TRANSMIT_RETRY,
};
use crate::status::{Direction, Drop, Drops, Link, NicCounters, NicFacts, Status};
use crate::system::System;
use crate::wire::{Counted, Guard, Guarded, Introduced, Introductions, Traffic};

/// The table of sockets.
pub type Sockets = [SocketStorage<'static>; TCP_SOCKETS + OTHER_SOCKETS];

/// An empty table.
pub const fn no_sockets() -> Sockets {
    [SocketStorage::EMPTY; TCP_SOCKETS + OTHER_SOCKETS]
}

/// Time since start, as smoltcp writes it.
pub(super) fn instant(at: Duration) -> Instant {
    Instant::from_micros(at.as_micros() as i64)
}

/// The stack of one interface.
pub struct Stack {
    interface: Option<Interface>,
    sockets: SocketSet<'static>,
    tcp: TcpPool,
    addressing: Addressing,
    guard: Guard,
    introductions: Introductions,
    traffic: Traffic,
    nic: Option<NicFacts>,
    nic_counters: NicCounters,
    link: Link,
    random: ChaCha8Rng,
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
        let mut sockets = SocketSet::new(&mut storage[..]);
        let Buffers { receive, send, dhcp } = buffers;
        let tcp = TcpPool::new(&mut sockets, receive, send);
        let addressing = Addressing::new(config, &mut sockets, dhcp);
        Self {
            interface: None,
            sockets,
            tcp,
            addressing,
            guard: Guard::new(),
            introductions: Introductions::new(),
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
                device: Counted { device: nic, traffic: &self.traffic },
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

    pub(crate) fn status(&self, uptime: Duration, hostname: &str, drops: &Drops) -> Status {
        let nic = self.nic_counters;
        let dropped = |sent: bool| {
            drops.iter().filter(|(why, _)| why.is_sent() == Some(sent)).map(|(_, n)| n).sum()
        };
        Status {
            uptime,
            hostname: Text::from(hostname),
            nic: self.nic.clone(),
            link: self.link,
            address: self.addressing.current().cloned(),
            received: Direction {
                packets: self.traffic.received.get(),
                bytes: self.traffic.received_bytes.get(),
                errors: nic.receive_errors + nic.receive_frame_errors,
                dropped: dropped(false),
                overruns: 0,
                frame: nic.receive_frame_errors,
            },
            sent: Direction {
                packets: self.traffic.sent.get(),
                bytes: self.traffic.sent_bytes.get(),
                errors: nic.send_errors,
                dropped: dropped(true),
                overruns: 0,
                frame: 0,
            },
            nic_counters: nic,
            sockets: self.tcp.counts(),
            listeners: self.tcp.listeners(),
            polls: self.polls,
        }
    }
}
