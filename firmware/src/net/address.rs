//! Which IPv4 address we have, and why: command line, DHCP, or a 169.254 address of our own choice
//! while no DHCP server answers.
//!
//! DHCP goes on while a link-local address is in use; a lease takes its place.

use core::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::socket::{Socket, dhcpv4};
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Cidr};

use super::lease;
use super::link_local::{self, ARP_FRAME_BYTES, Action, LinkLocal};
use crate::config::{Config, Ipv4Mode};
use crate::journal::Event;
use crate::limits::{ARP_OUTBOX, DHCP_REFUSED_PAUSE, LINK_LOCAL_AFTER};
use crate::status::{Address, AddressSource};
use crate::system::System;
use crate::wire::{ArpHeard, Guard};

/// The DHCP client.
#[allow(clippy::large_enum_variant, reason = "there is one")]
enum Dhcp {
    /// DHCP is not wanted.
    Off,
    /// Among the sockets.
    Running(SocketHandle),
    /// Taken out of the sockets after a lease was refused, so that a hostile server is not asked in
    /// a loop.
    Paused { client: dhcpv4::Socket<'static>, until: Duration },
}

/// The interface's IPv4 configuration and where it comes from.
pub(super) struct Addressing {
    mode: Ipv4Mode,
    mac: EthernetAddress,
    link_up: bool,
    current: Option<Address>,
    dhcp: Dhcp,
    /// Since when the link is up without an address; none while one is in use.
    without_since: Option<Duration>,
    link_local: Option<LinkLocal>,
    /// The address is of the link before.
    give_up: bool,
    conflict_noted: Option<Duration>,
    outbox: heapless::Deque<[u8; ARP_FRAME_BYTES], ARP_OUTBOX>,
}

impl Addressing {
    pub fn new(
        config: &Config,
        sockets: &mut SocketSet<'static>,
        packet: &'static mut [u8],
    ) -> Self {
        let dhcp = match config.ipv4 {
            Ipv4Mode::Dhcp => {
                let mut client = dhcpv4::Socket::new();
                client.set_receive_packet_buffer(packet);
                Dhcp::Running(sockets.add(client))
            }
            Ipv4Mode::Static { .. } | Ipv4Mode::Off => Dhcp::Off,
        };
        Self {
            mode: config.ipv4.clone(),
            mac: EthernetAddress([0; 6]),
            link_up: false,
            current: None,
            dhcp,
            without_since: None,
            link_local: None,
            give_up: false,
            conflict_noted: None,
            outbox: heapless::Deque::new(),
        }
    }

    /// The configuration in force.
    pub fn current(&self) -> Option<&Address> {
        self.current.as_ref()
    }

    /// A frame of ours to be sent.
    pub fn outgoing(&mut self) -> Option<[u8; ARP_FRAME_BYTES]> {
        self.outbox.pop_front()
    }

    /// A new interface takes over: it gets the command line's address. Any other one is given up,
    /// since nobody knows which network this one is in (RFC 2131, 3.7); DHCP or the choice of a
    /// link-local one begin anew with its link.
    pub fn attach(
        &mut self,
        mac: EthernetAddress,
        interface: &mut Interface,
        guard: &Guard,
        system: &System,
    ) {
        self.mac = mac;
        self.link_local = None;
        self.give_up = false;
        // They have the old interface's address in them.
        self.outbox.clear();
        let address = match &self.mode {
            Ipv4Mode::Static { address, router, dns } => Some(Address {
                address: *address,
                router: *router,
                dns: dns.clone(),
                source: AddressSource::Static,
            }),
            Ipv4Mode::Dhcp | Ipv4Mode::Off => None,
        };
        self.apply(address, interface, guard, system);
    }

    /// The link came or went: DHCP starts anew with a new link, which may be another network.
    pub fn link_changed(&mut self, up: bool, sockets: &mut SocketSet<'static>) {
        self.link_up = up;
        self.without_since = None;
        if !up {
            self.link_local = None;
            self.outbox.clear();
            return;
        }
        if let Dhcp::Running(handle) = self.dhcp {
            sockets.get_mut::<dhcpv4::Socket>(handle).reset();
        }
        match self.current.as_ref().map(|ours| (ours.source, ours.address.address())) {
            Some((AddressSource::Static, address)) => {
                self.send(link_local::announcement(self.mac, address));
            }
            // RFC 3927, 2.2.1: somebody on the new link may have it.
            Some((AddressSource::LinkLocal, _)) => self.give_up = true,
            _ => {}
        }
    }

    /// Moves on; returns when to be called again.
    pub fn poll(
        &mut self,
        now: Duration,
        interface: &mut Interface,
        sockets: &mut SocketSet<'static>,
        guard: &Guard,
        random: &mut ChaCha8Rng,
        system: &System,
    ) -> Option<Duration> {
        self.hear(now, interface, guard, system);
        if !self.link_up {
            return None;
        }
        if core::mem::take(&mut self.give_up) {
            self.apply(None, interface, guard, system);
        }
        let dhcp_due = self.poll_dhcp(now, interface, sockets, guard, system);
        let local_due = self.poll_link_local(now, interface, guard, random, system);
        [dhcp_due, local_due].into_iter().flatten().min()
    }

    /// What others said about the address we have, or consider.
    fn hear(&mut self, now: Duration, interface: &mut Interface, guard: &Guard, system: &System) {
        while let Some((address, heard)) = guard.take_arp() {
            let in_use =
                self.current.as_ref().is_some_and(|current| current.address.address() == address);
            let (by, claimed) = match heard {
                ArpHeard::Claim(mac) => (mac, true),
                ArpHeard::Probe(mac) => (mac, false),
            };
            if in_use && !claimed {
                // RFC 5227 2.4: a probe for our address is answered. smoltcp is silent to sender
                // 0.0.0.0.
                self.send(link_local::reply(self.mac, address, by));
                continue;
            }
            let lost = match &mut self.link_local {
                Some(local) => local.heard(now, address, by, claimed),
                None => false,
            };
            if lost || in_use {
                self.note_conflict(now, Event::AddressConflict { address, by }, system);
            }
            if lost && in_use {
                self.apply(None, interface, guard, system);
            }
        }
    }

    /// Journals a conflict, but not every frame of a station that insists.
    fn note_conflict(&mut self, now: Duration, conflict: Event, system: &System) {
        if self.conflict_noted.is_none_or(|at| now >= at + link_local::DEFEND_INTERVAL) {
            self.conflict_noted = Some(now);
            system.record(conflict);
        }
    }

    fn poll_dhcp(
        &mut self,
        now: Duration,
        interface: &mut Interface,
        sockets: &mut SocketSet<'static>,
        guard: &Guard,
        system: &System,
    ) -> Option<Duration> {
        let handle = match core::mem::replace(&mut self.dhcp, Dhcp::Off) {
            Dhcp::Off => return None,
            Dhcp::Paused { client, until } if now < until => {
                self.dhcp = Dhcp::Paused { client, until };
                return Some(until);
            }
            Dhcp::Paused { client, .. } => {
                self.dhcp = Dhcp::Running(sockets.add(client));
                // Its first question is due at once.
                return Some(now);
            }
            Dhcp::Running(handle) => handle,
        };
        self.dhcp = Dhcp::Running(handle);
        let event = sockets.get_mut::<dhcpv4::Socket>(handle).poll()?;
        match event {
            dhcpv4::Event::Deconfigured => {
                let leased = |a: &Address| matches!(a.source, AddressSource::Dhcp { .. });
                if self.current.as_ref().is_some_and(leased) {
                    self.apply(None, interface, guard, system);
                }
                None
            }
            dhcpv4::Event::Configured(config) => {
                let server = config.server.identifier;
                let lease = config.packet.as_ref().and_then(lease_seconds);
                let sound = lease::check(config.address, server, config.router)
                    .and_then(|()| lease::check_time(lease));
                match sound {
                    Ok(()) => {
                        let lease_seconds = lease.unwrap_or(0);
                        let address = Address {
                            address: config.address,
                            router: config.router,
                            dns: config.dns_servers.iter().copied().collect(),
                            source: AddressSource::Dhcp { server, lease_seconds },
                        };
                        self.link_local = None;
                        if self.is_renewed_by(&address) {
                            self.current = Some(address);
                        } else {
                            self.apply(Some(address), interface, guard, system);
                        }
                        None
                    }
                    Err(reason) => {
                        let offered = config.address.address();
                        system.record(Event::LeaseRefused { offered, reason });
                        let until = now + DHCP_REFUSED_PAUSE;
                        if let Socket::Dhcpv4(mut client) = sockets.remove(handle) {
                            client.reset();
                            self.dhcp = Dhcp::Paused { client, until };
                        }
                        Some(until)
                    }
                }
            }
        }
    }

    fn poll_link_local(
        &mut self,
        now: Duration,
        interface: &mut Interface,
        guard: &Guard,
        random: &mut ChaCha8Rng,
        system: &System,
    ) -> Option<Duration> {
        if matches!(self.dhcp, Dhcp::Off) {
            return None;
        }
        let Some(local) = &mut self.link_local else {
            if self.current.is_some() {
                self.without_since = None;
                return None;
            }
            let since = *self.without_since.get_or_insert(now);
            if now < since + LINK_LOCAL_AFTER {
                return Some(since + LINK_LOCAL_AFTER);
            }
            self.link_local = Some(LinkLocal::new(self.mac, random.next_u32()));
            return Some(now);
        };
        let action = local.poll(now, || random.next_u32());
        match action {
            Action::Wait { until } => {
                if self.current.is_none() {
                    guard.watch(Some(local.candidate()));
                }
                return until;
            }
            Action::Probe(candidate) => {
                guard.watch(Some(candidate));
                self.send(link_local::probe(self.mac, candidate));
            }
            Action::Announce(address) => {
                self.send(link_local::announcement(self.mac, address));
            }
            Action::Claim(address) => {
                let address = Address {
                    address: Ipv4Cidr::new(address, link_local::PREFIX),
                    router: None,
                    dns: heapless::Vec::new(),
                    source: AddressSource::LinkLocal,
                };
                self.apply(Some(address), interface, guard, system);
            }
        }
        Some(now)
    }

    /// True if a lease is the one in force, but for its time and its name servers: nothing of the
    /// interface changes, and nobody needs to hear of it.
    fn is_renewed_by(&self, new: &Address) -> bool {
        let server = |of: &Address| match of.source {
            AddressSource::Dhcp { server, .. } => Some(server),
            AddressSource::Static | AddressSource::LinkLocal => None,
        };
        self.current.as_ref().is_some_and(|old| {
            (old.address, old.router, server(old)) == (new.address, new.router, server(new))
        })
    }

    /// Puts an address into force, or none.
    fn apply(
        &mut self,
        address: Option<Address>,
        interface: &mut Interface,
        guard: &Guard,
        system: &System,
    ) {
        if let Some(old) = &self.current
            && address.as_ref().is_none_or(|new| new.address != old.address)
        {
            system.record(Event::AddressLost(old.address));
        }
        interface.update_ip_addrs(|addresses| {
            addresses.clear();
            if let Some(new) = &address {
                // Cannot fail: the list was emptied, and holds four.
                let _ = addresses.push(IpCidr::Ipv4(new.address));
            }
        });
        if let Some(new) = &address {
            if self.current.as_ref() != Some(new) {
                system.record(Event::Address {
                    address: new.address,
                    router: new.router,
                    source: new.source,
                });
            }
            // RFC 5227 2.3: neighbours learn of the new owner. A link-local one announces itself.
            if new.source != AddressSource::LinkLocal && self.link_up {
                self.send(link_local::announcement(self.mac, new.address.address()));
            }
        }
        let ours = address.as_ref().map(|new| new.address);
        guard.set_address(ours.map(|ours| (ours.address(), ours.broadcast())));
        guard.watch(ours.map(|ours| ours.address()));
        self.current = address;
    }

    /// Queues a frame. When the queue is full the frame is lost: each of them is sent more than
    /// once.
    fn send(&mut self, frame: [u8; ARP_FRAME_BYTES]) {
        let _ = self.outbox.push_back(frame);
    }
}

/// The lease time that the server gave, in seconds.
fn lease_seconds(packet: &smoltcp::wire::DhcpPacket<&[u8]>) -> Option<u32> {
    /// RFC 2132 9.2.
    const LEASE_TIME: u8 = 51;
    let option = packet.options().find(|option| option.kind == LEASE_TIME)?;
    Some(u32::from_be_bytes(option.data.try_into().ok()?))
}
