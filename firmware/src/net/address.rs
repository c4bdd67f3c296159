//! Which IPv4 address we have, and why: command line, DHCP, or a 169.254 address of our own choice
//! while no DHCP server answers.
//!
//! DHCP goes on while a link-local address is in use; a lease takes its place, once nobody else was
//! found to have its address. An address in force is announced, and defended (RFC 5227).

use core::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use smoltcp::wire::{EthernetAddress, Ipv4Address, Ipv4Cidr};

use super::dhcp::{self, Client, Lease, Outcome, Step};
use super::dhcp_steps::Steps;
use super::error::NetError;
use super::link_local::{self, Action, LinkLocal};
use super::names::search::Search;
use crate::Text;
use crate::config::{Config, Ipv4Mode};
use crate::journal::Event;
use crate::limits::{
    DHCP_INBOX, DHCP_PACKET_BYTES_SENT, HOSTNAME_BYTES_MAX, LEASE_PROBE_INTERVAL, LEASE_PROBES,
    LINK_LOCAL_AFTER, TRANSMIT_RETRY,
};
use crate::status::{Address, AddressSource};
use crate::system::System;
use crate::wire::{ArpHeard, Link};

/// A lease whose address somebody else may have.
#[derive(Debug)]
struct Check {
    lease: Lease,
    probes: u32,
    next: Duration,
}

/// The interface's IPv4 configuration and where it comes from.
pub(super) struct Addressing {
    mode: Ipv4Mode,
    hostname: Text<HOSTNAME_BYTES_MAX>,
    mac: EthernetAddress,
    link_up: bool,
    current: Option<Address>,
    dhcp: Option<Client>,
    /// A message for which the device had no room.
    unsent: Option<dhcp::Message>,
    check: Option<Check>,
    pub(super) steps: Steps,
    /// Since when the link is up without an address; none while one is in use.
    without_since: Option<Duration>,
    link_local: Option<LinkLocal>,
    conflict_noted: Option<Duration>,
    /// Announcements that are still to be made, and when the next one is.
    announcements: (u8, Duration),
}

impl Addressing {
    pub fn new(config: &Config) -> Self {
        let dhcp = matches!(config.ipv4, Ipv4Mode::Dhcp).then(Client::new);
        Self {
            mode: config.ipv4.clone(),
            hostname: config.hostname.clone(),
            mac: EthernetAddress([0; 6]),
            link_up: false,
            current: None,
            dhcp,
            unsent: None,
            check: None,
            steps: Steps::new(),
            without_since: None,
            link_local: None,
            conflict_noted: None,
            announcements: (0, Duration::ZERO),
        }
    }

    /// The configuration in force.
    pub fn current(&self) -> Option<&Address> {
        self.current.as_ref()
    }

    /// A new interface takes over: it gets the address in force, or the command line's.
    pub fn attach(&mut self, mac: EthernetAddress, link: &Link, system: &System) {
        self.mac = mac;
        self.link_local = None;
        link.want_dhcp(self.dhcp.is_some());
        if let Some(client) = &mut self.dhcp {
            client.set_mac(mac);
        }
        if let (Ipv4Mode::Static { address, router, dns }, None) = (&self.mode, &self.current) {
            let address = Address {
                address: *address,
                router: *router,
                dns: dns.clone(),
                ntp: heapless::Vec::new(),
                log: None,
                search: Search::new(),
                source: AddressSource::Static,
            };
            self.apply(system.now(), Some(address), link, system);
        }
    }

    /// The link came or went. A new link may be another network: a leased address is asked for
    /// anew before it is used again, and one of our own choice is chosen anew.
    pub fn link_changed(&mut self, now: Duration, up: bool, link: &Link, system: &System) {
        self.link_up = up;
        self.without_since = None;
        self.unsent = None;
        if !up {
            self.link_local = None;
            self.check = None;
            self.announcements.0 = 0;
            if self.current.as_ref().is_some_and(|ours| ours.source != AddressSource::Static) {
                self.apply(now, None, link, system);
            }
            return;
        }
        if let Some(client) = &mut self.dhcp {
            client.restart(now);
        }
        if self.current.is_some() {
            self.announcements = (link_local::ANNOUNCE_NUM, now);
        }
    }

    /// Asks for a lease anew.
    ///
    /// # Errors
    /// [`NetError::Invalid`] if the address is not DHCP's affair.
    pub fn renew(&mut self, now: Duration) -> Result<(), NetError> {
        self.dhcp.as_mut().ok_or(NetError::Invalid)?.renew(now);
        Ok(())
    }

    /// Gives the lease back; the address is not ours any more.
    ///
    /// # Errors
    /// [`NetError::Invalid`] if there is none.
    pub fn release(&mut self, now: Duration, link: &Link, system: &System) -> Result<(), NetError> {
        self.check = None;
        let client = self.dhcp.as_mut().ok_or(NetError::Invalid)?;
        let had = client.release();
        // The farewell goes by the address that it gives back: before that is gone.
        if let Some(ours) = self.current.take_if(|ours| is_leased(ours)) {
            system.record(Event::AddressLost(ours.address));
            self.watch(link);
        }
        self.announcements = (0, now);
        if had { Ok(()) } else { Err(NetError::Invalid) }
    }

    /// Moves on; `send` takes a packet, unless the device has no room for it. Returns when to be
    /// called again.
    pub fn poll(
        &mut self,
        now: Duration,
        link: &Link,
        random: &mut ChaCha8Rng,
        system: &System,
        mut send: impl FnMut(&[u8]) -> bool,
    ) -> Option<Duration> {
        self.hear(now, link, system);
        if !self.link_up {
            return None;
        }
        let dhcp_due = self.poll_dhcp(now, link, random, system, &mut send);
        let check_due = self.poll_check(now, link, system);
        let local_due = self.poll_link_local(now, link, random, system);
        let (left, next) = self.announcements;
        let mut announce_due = (left > 0).then_some(next);
        if let (Some(due), Some(ours)) = (announce_due, &self.current)
            && now >= due
        {
            let frame = link_local::announcement(self.mac, ours.address.address());
            link.queue(&frame, system.drops());
            self.announcements = (left - 1, now + link_local::ANNOUNCE_INTERVAL);
            announce_due = (left > 1).then_some(self.announcements.1);
        }
        [dhcp_due, check_due, local_due, announce_due].into_iter().flatten().min()
    }

    /// What others said about the address we have, or consider.
    fn hear(&mut self, now: Duration, link: &Link, system: &System) {
        while let Some((address, heard)) = link.take_arp() {
            let in_use =
                self.current.as_ref().is_some_and(|current| current.address.address() == address);
            let (by, claimed) = match heard {
                ArpHeard::Claim(mac) => (mac, true),
                ArpHeard::Probe(mac) => (mac, false),
            };
            if self.check.as_ref().is_some_and(|check| check.lease.address.address() == address) {
                self.check = None;
                if let Some(client) = &mut self.dhcp {
                    client.decline(now);
                }
                self.note_conflict(now, Event::AddressConflict { address, by }, system);
                self.watch(link);
                continue;
            }
            if in_use && !claimed {
                // RFC 5227 2.4: a probe for our address is answered.
                link.queue(&link_local::reply(self.mac, address, by), system.drops());
                continue;
            }
            let is_local = self.link_local.is_some();
            let lost = match &mut self.link_local {
                Some(local) => local.heard(now, address, by, claimed),
                None => false,
            };
            if lost || in_use {
                let is_new =
                    self.note_conflict(now, Event::AddressConflict { address, by }, system);
                if is_new && in_use && !is_local {
                    // RFC 5227 2.4 c: it is defended, but not against every frame of one who
                    // insists.
                    self.announcements = (1, now);
                }
            }
            if lost && in_use {
                self.apply(now, None, link, system);
            }
        }
    }

    /// Journals a conflict, but not every frame of a station that insists; true if it did.
    fn note_conflict(&mut self, now: Duration, conflict: Event, system: &System) -> bool {
        let is_due = self.conflict_noted.is_none_or(|at| now >= at + link_local::DEFEND_INTERVAL);
        if is_due {
            self.conflict_noted = Some(now);
            system.record(conflict);
        }
        is_due
    }

    fn poll_dhcp(
        &mut self,
        now: Duration,
        link: &Link,
        random: &mut ChaCha8Rng,
        system: &System,
        send: &mut impl FnMut(&[u8]) -> bool,
    ) -> Option<Duration> {
        self.dhcp.as_ref()?;
        for _ in 0..DHCP_INBOX {
            let client = self.dhcp.as_mut()?;
            let Some(outcome) = link.take_dhcp(|packet| client.heard(now, packet)) else { break };
            self.settle(now, outcome, link, system);
        }
        let client = self.dhcp.as_mut()?;
        // Each state asks once and then waits; a lease that ends makes two more steps.
        const STEPS_MAX: usize = 8;
        for _ in 0..STEPS_MAX {
            let message = match self.unsent.take() {
                Some(message) => message,
                None => match client.poll(now, || random.next_u32()) {
                    dhcp::Action::Wait(until) => return until.filter(|until| *until > now),
                    dhcp::Action::Send(message) => message,
                    dhcp::Action::Lost => {
                        self.apply(now, None, link, system);
                        return Some(now);
                    }
                },
            };
            let mut payload = [0; DHCP_PACKET_BYTES_SENT];
            let len = client.write(&message, &self.hostname, &mut payload);
            let mut packet = [0; DHCP_PACKET_BYTES_SENT + dhcp::HEADER_BYTES];
            let packet = message.wrap(&payload[..len], &mut packet);
            if !send(packet) {
                self.unsent = Some(message);
                return Some(now + TRANSMIT_RETRY);
            }
            self.steps.record(message.step);
        }
        Some(now)
    }

    /// What the DHCP client heard.
    fn settle(&mut self, now: Duration, outcome: Outcome, link: &Link, system: &System) {
        match outcome {
            Outcome::Nothing => {}
            Outcome::Step(step) => self.steps.record(step),
            Outcome::Refused(offered, reason) => {
                system.record(Event::LeaseRefused { offered, reason });
            }
            Outcome::Denied(step) => {
                self.steps.record(step);
                self.check = None;
                if self.current.as_ref().is_some_and(is_leased) {
                    self.apply(now, None, link, system);
                }
            }
            Outcome::Leased => {
                let lease = self.dhcp.as_ref().and_then(Client::lease).cloned();
                let Some(lease) = lease else { return };
                let of = lease.address.address();
                self.steps.record(Step::Ack { of, from: lease.server });
                let has = |ours: &Address| is_leased(ours) && ours.address == lease.address;
                if self.current.as_ref().is_some_and(has) {
                    self.take(now, lease, link, system);
                } else {
                    self.check = Some(Check { lease, probes: 0, next: now });
                    link.watch(Some(of));
                }
            }
        }
    }

    /// Looks for somebody who has a leased address already.
    fn poll_check(&mut self, now: Duration, link: &Link, system: &System) -> Option<Duration> {
        let check = self.check.as_mut()?;
        if now < check.next {
            return Some(check.next);
        }
        if check.probes < LEASE_PROBES {
            check.probes += 1;
            check.next = now + LEASE_PROBE_INTERVAL;
            let frame = link_local::probe(self.mac, check.lease.address.address());
            link.queue(&frame, system.drops());
            return Some(check.next);
        }
        let check = self.check.take()?;
        self.link_local = None;
        self.take(now, check.lease, link, system);
        Some(now)
    }

    /// Puts a lease into force.
    fn take(&mut self, now: Duration, lease: Lease, link: &Link, system: &System) {
        let address = Address {
            address: lease.address,
            router: lease.router,
            dns: lease.dns,
            ntp: lease.ntp,
            log: lease.log,
            search: lease.search,
            source: AddressSource::Dhcp { server: lease.server, lease_seconds: lease.seconds },
        };
        self.apply(now, Some(address), link, system);
        if let Some(bound) = self.dhcp.as_ref().and_then(|client| client.bound(now)) {
            self.steps.record(bound);
        }
    }

    fn poll_link_local(
        &mut self,
        now: Duration,
        link: &Link,
        random: &mut ChaCha8Rng,
        system: &System,
    ) -> Option<Duration> {
        if self.dhcp.as_ref().is_none_or(Client::is_off) {
            return None;
        }
        let Some(local) = &mut self.link_local else {
            if self.current.is_some() || self.check.is_some() {
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
                if self.current.is_none() && self.check.is_none() {
                    link.watch(Some(local.candidate()));
                }
                return until;
            }
            Action::Probe(candidate) => {
                link.watch(Some(candidate));
                link.queue(&link_local::probe(self.mac, candidate), system.drops());
            }
            Action::Announce(address) => {
                link.queue(&link_local::announcement(self.mac, address), system.drops());
            }
            Action::Claim(address) => {
                let address = Address {
                    address: Ipv4Cidr::new(address, link_local::PREFIX),
                    router: None,
                    dns: heapless::Vec::new(),
                    ntp: heapless::Vec::new(),
                    log: None,
                    search: Search::new(),
                    source: AddressSource::LinkLocal,
                };
                self.apply(now, Some(address), link, system);
            }
        }
        Some(now)
    }

    /// Puts an address into force, or none.
    fn apply(&mut self, now: Duration, address: Option<Address>, link: &Link, system: &System) {
        // A lease that is renewed differs by its time, and by its name servers perhaps: that is no
        // news.
        let is_same = |old: &Address, new: &Address| {
            (old.address, old.router, giver(old)) == (new.address, new.router, giver(new))
        };
        if let Some(old) = &self.current
            && address.as_ref().is_none_or(|new| new.address != old.address)
        {
            system.record(Event::AddressLost(old.address));
        }
        if let Some(new) = &address
            && self.current.as_ref().is_none_or(|old| !is_same(old, new))
        {
            system.record(Event::Address {
                address: new.address,
                router: new.router,
                source: new.source,
            });
            // RFC 5227 2.3: neighbours learn of the new owner. A link-local one announces itself.
            if new.source != AddressSource::LinkLocal && self.link_up {
                self.announcements = (link_local::ANNOUNCE_NUM, now);
            }
        }
        self.current = address;
        self.watch(link);
    }

    /// Listens for who else claims our address.
    fn watch(&self, link: &Link) {
        let ours: Option<Ipv4Address> = self.current.as_ref().map(|ours| ours.address.address());
        link.watch(ours);
    }
}

/// Where an address came from, but for how long.
fn giver(address: &Address) -> (bool, Option<Ipv4Address>) {
    match address.source {
        AddressSource::Static => (true, None),
        AddressSource::LinkLocal => (false, None),
        AddressSource::Dhcp { server, .. } => (false, Some(server)),
    }
}

fn is_leased(address: &Address) -> bool {
    matches!(address.source, AddressSource::Dhcp { .. })
}

impl System {
    /// Asks the DHCP server for our lease anew, or looks for one; [`System::dhcp_step`] tells how
    /// that goes.
    ///
    /// # Errors
    /// [`NetError::Invalid`] if the command line's `ip=` wants no DHCP.
    pub fn dhcp_renew(&self) -> Result<(), NetError> {
        let mut stack = self.stack.borrow_mut();
        stack.note_work();
        stack.addressing.renew(self.now())
    }

    /// Gives our lease back to the DHCP server, and looks for no other until
    /// [`System::dhcp_renew`].
    ///
    /// # Errors
    /// [`NetError::Invalid`] if there is none.
    pub fn dhcp_release(&self) -> Result<(), NetError> {
        let mut stack = self.stack.borrow_mut();
        stack.note_work();
        let super::stack::Stack { addressing, link, .. } = &mut *stack;
        addressing.release(self.now(), link, self)
    }
}
