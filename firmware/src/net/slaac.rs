//! Our IPv6 addresses: one of the link, and those that routers let us make (RFC 4862). A state
//! machine without I/O.
//!
//! ```text
//!   link up --> fe80::/64 + interface id --probe, 1 s--> ours --> 3 questions for routers
//!   advertisement --> prefix + interface id --probe, 1 s--> ours, until its time is over
//!                 --> default router, neighbours' prefixes, name servers
//! ```
//!
//! Everything a router says has a limit: a flood of advertisements changes what is there, but adds
//! no more than fits, and what came first stays.

use core::time::Duration;

use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, Ipv6Address, Ipv6Cidr};

use super::routes::{Port, Route, RouteSource};
use crate::limits::{
    DNS_SERVERS, IPV6_ADDRESSES, IPV6_PREFIXES, IPV6_PROBE_INTERVAL, IPV6_ROUTERS,
    ROUTER_SOLICIT_INTERVAL, ROUTER_SOLICITS,
};
use crate::wire::Advert;

/// The prefix of the link (RFC 4291 2.5.6).
const LINK: Ipv6Address = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, 0);
/// Bits of a prefix that leaves room for an interface id.
const PREFIX_BITS: u8 = 64;
/// RFC 4862 5.5.3 e: nobody can shorten what we have to less than that.
const TWO_HOURS: Duration = Duration::from_secs(2 * 3600);

/// What the owner is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing, until then at the latest.
    Wait(Option<Duration>),
    /// Ask whether somebody has this address.
    Probe(Ipv6Address),
    /// Ask the routers, from this address.
    Solicit(Ipv6Address),
    /// This address is ours from now on.
    Gained(Ipv6Cidr),
    /// This one is no more.
    Lost(Ipv6Cidr),
    /// The routes or the name servers changed.
    Changed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not probed for yet.
    New,
    /// Probed for; ours then, unless somebody has it.
    Tentative {
        until: Duration,
    },
    Ours,
    /// Somebody else's.
    Taken,
}

#[derive(Clone, Copy, Debug)]
struct Address {
    cidr: Ipv6Cidr,
    state: State,
    /// `Duration::MAX`: for ever.
    valid_until: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Lasting<T> {
    what: T,
    until: Duration,
}

/// One interface's addresses and routers.
#[derive(Debug)]
pub(super) struct Slaac {
    /// Not wanted, or no link.
    is_on: bool,
    interface_id: u64,
    addresses: heapless::Vec<Address, IPV6_ADDRESSES>,
    routers: heapless::Vec<Lasting<Ipv6Address>, IPV6_ROUTERS>,
    prefixes: heapless::Vec<Lasting<Ipv6Cidr>, IPV6_PREFIXES>,
    dns: heapless::Vec<Lasting<Ipv6Address>, DNS_SERVERS>,
    /// Questions that were asked, and when the next one is due.
    solicits: (u32, Duration),
    changed: bool,
    lost: heapless::Vec<Ipv6Cidr, IPV6_ADDRESSES>,
}

impl Slaac {
    pub const fn new() -> Self {
        Self {
            is_on: false,
            interface_id: 0,
            addresses: heapless::Vec::new(),
            routers: heapless::Vec::new(),
            prefixes: heapless::Vec::new(),
            dns: heapless::Vec::new(),
            solicits: (0, Duration::ZERO),
            changed: false,
            lost: heapless::Vec::new(),
        }
    }

    /// A new link: everything begins anew.
    pub fn start(&mut self, mac: EthernetAddress) {
        self.stop();
        self.is_on = true;
        self.interface_id = interface_id(mac);
        let cidr = Ipv6Cidr::new(self.address_in(&LINK), PREFIX_BITS);
        // Cannot fail: the list is empty.
        let _ =
            self.addresses.push(Address { cidr, state: State::New, valid_until: Duration::MAX });
    }

    /// The link is gone, and with it what was known.
    pub fn stop(&mut self) {
        for address in self.addresses.iter().filter(|address| address.state == State::Ours) {
            let _ = self.lost.push(address.cidr);
        }
        self.is_on = false;
        self.addresses.clear();
        self.routers.clear();
        self.prefixes.clear();
        self.dns.clear();
        self.solicits = (0, Duration::ZERO);
        self.changed = true;
    }

    /// The addresses that are ours, that of the link first.
    pub fn ours(&self) -> impl Iterator<Item = Ipv6Cidr> + '_ {
        let ours = self.addresses.iter().filter(|address| address.state == State::Ours);
        ours.map(|address| address.cidr)
    }

    /// The address that is being probed for.
    pub fn considered(&self) -> Option<Ipv6Address> {
        let tentative = |address: &&Address| matches!(address.state, State::Tentative { .. });
        self.addresses.iter().find(tentative).map(|address| address.cidr.address())
    }

    /// Name servers.
    pub fn dns(&self) -> impl Iterator<Item = Ipv6Address> + '_ {
        self.dns.iter().map(|server| server.what)
    }

    /// The routes that follow.
    pub fn routes(&self) -> impl Iterator<Item = Route> + '_ {
        let source = RouteSource::RouterAdvertisement;
        let near = |cidr: Ipv6Cidr, source| Route {
            destination: IpCidr::Ipv6(cidr),
            gateway: None,
            metric: 256,
            source,
            port: Port::Eth0,
        };
        let link = self
            .ours()
            .take(1)
            .map(move |_| near(Ipv6Cidr::new(LINK, PREFIX_BITS), RouteSource::Connected));
        let prefixes = self.prefixes.iter().map(move |prefix| near(prefix.what, source));
        let routers = self.routers.iter().enumerate().map(move |(index, router)| Route {
            metric: 1024 + index as u32,
            ..Route::default_by(IpAddress::Ipv6(router.what), source)
        });
        link.chain(prefixes).chain(routers)
    }

    /// The next thing to do; call again until it is [`Action::Wait`].
    pub fn poll(&mut self, now: Duration) -> Action {
        if let Some(lost) = self.lost.pop() {
            return Action::Lost(lost);
        }
        if self.expire(now) {
            return self.lost.pop().map_or(Action::Changed, Action::Lost);
        }
        if core::mem::take(&mut self.changed) {
            return Action::Changed;
        }
        if !self.is_on {
            return Action::Wait(None);
        }
        // One after the other: one address is considered at a time.
        let open =
            |address: &&mut Address| matches!(address.state, State::New | State::Tentative { .. });
        if let Some(address) = self.addresses.iter_mut().find(open) {
            match address.state {
                State::Tentative { until } if now < until => {}
                State::Tentative { .. } => {
                    address.state = State::Ours;
                    self.changed = true;
                    return Action::Gained(address.cidr);
                }
                _ => {
                    address.state = State::Tentative { until: now + IPV6_PROBE_INTERVAL };
                    return Action::Probe(address.cidr.address());
                }
            }
        }
        let (asked, next) = self.solicits;
        let from = self.ours().next().filter(|_| self.routers.is_empty());
        if let Some(from) = from
            && asked < ROUTER_SOLICITS
            && now >= next
        {
            self.solicits = (asked + 1, now + ROUTER_SOLICIT_INTERVAL);
            return Action::Solicit(from.address());
        }
        Action::Wait(self.next_deadline(from.is_some()))
    }

    fn next_deadline(&self, asks: bool) -> Option<Duration> {
        let (asked, next) = self.solicits;
        let solicit = (asks && asked < ROUTER_SOLICITS).then_some(next);
        let addresses = self.addresses.iter().map(|address| match address.state {
            State::Tentative { until } => until,
            _ => address.valid_until,
        });
        let ends = addresses
            .chain(self.routers.iter().map(|router| router.until))
            .chain(self.prefixes.iter().map(|prefix| prefix.until))
            .chain(self.dns.iter().map(|server| server.until));
        ends.chain(solicit).filter(|until| *until < Duration::MAX).min()
    }

    /// Ends what is over; true if something was.
    fn expire(&mut self, now: Duration) -> bool {
        let before = (self.addresses.len(), self.routers.len(), self.prefixes.len());
        let servers = self.dns.len();
        let lost = &mut self.lost;
        self.addresses.retain(|address| {
            let is_over = now >= address.valid_until;
            if is_over && address.state == State::Ours {
                // Cannot fail: there are no more than addresses.
                let _ = lost.push(address.cidr);
            }
            !is_over
        });
        self.routers.retain(|router| now < router.until);
        self.prefixes.retain(|prefix| now < prefix.until);
        self.dns.retain(|server| now < server.until);
        let after = (self.addresses.len(), self.routers.len(), self.prefixes.len());
        let is_less = before != after || servers != self.dns.len();
        self.changed |= is_less;
        is_less
    }

    /// Somebody else has an address of ours, or one that we consider. True if we do without it; one
    /// that is ours already we keep (RFC 4862 5.4.1: it was probed for before).
    pub fn claimed(&mut self, address: Ipv6Address) -> bool {
        let tentative = self.addresses.iter_mut().find(|known| {
            known.cidr.address() == address && matches!(known.state, State::Tentative { .. })
        });
        let is_lost = tentative.is_some();
        if let Some(known) = tentative {
            // Kept, so that the next advertisement does not bring it back.
            known.state = State::Taken;
        }
        is_lost
    }

    /// A router advertised itself. False if there was no room for something it said.
    pub fn heard(&mut self, now: Duration, advert: &Advert) -> bool {
        if !self.is_on {
            return true;
        }
        self.changed = true;
        let mut fits = keep(&mut self.routers, advert.router, now, advert.lifetime);
        for prefix in &advert.prefixes {
            let cidr = network(prefix.cidr);
            if cidr.address().is_unicast_link_local() || cidr.address().is_multicast() {
                continue;
            }
            if prefix.is_on_link {
                fits &= keep(&mut self.prefixes, cidr, now, prefix.valid);
            }
            let is_sound = prefix.preferred <= prefix.valid && cidr.prefix_len() == PREFIX_BITS;
            if prefix.is_autonomous && is_sound {
                fits &= self.autoconfigure(now, cidr, prefix.valid);
            }
        }
        for &(server, lifetime) in &advert.dns {
            fits &= keep(&mut self.dns, server, now, lifetime);
        }
        fits
    }

    /// RFC 4862 5.5.3 d and e.
    fn autoconfigure(&mut self, now: Duration, prefix: Ipv6Cidr, valid: Duration) -> bool {
        let address = self.address_in(&prefix.address());
        let until = end(now, valid);
        if let Some(known) = self.addresses.iter_mut().find(|a| a.cidr.address() == address) {
            let left = known.valid_until.saturating_sub(now);
            known.valid_until = if valid > TWO_HOURS || valid > left {
                until
            } else if left <= TWO_HOURS {
                known.valid_until
            } else {
                now + TWO_HOURS
            };
            return true;
        }
        if valid.is_zero() {
            return true;
        }
        let cidr = Ipv6Cidr::new(address, PREFIX_BITS);
        self.addresses.push(Address { cidr, state: State::New, valid_until: until }).is_ok()
    }

    fn address_in(&self, prefix: &Ipv6Address) -> Ipv6Address {
        let bits = prefix.to_bits() & !u128::from(u64::MAX);
        Ipv6Address::from_bits(bits | u128::from(self.interface_id))
    }
}

/// When a lifetime of a router's ends; all ones means never (RFC 4861 4.6.2).
fn end(now: Duration, lifetime: Duration) -> Duration {
    let never = Duration::from_secs(u32::MAX.into());
    if lifetime >= never { Duration::MAX } else { now + lifetime }
}

/// Keeps something for its lifetime; zero ends it. False if there is no room.
fn keep<T: PartialEq, const N: usize>(
    list: &mut heapless::Vec<Lasting<T>, N>,
    what: T,
    now: Duration,
    lifetime: Duration,
) -> bool {
    let until = end(now, lifetime);
    if lifetime.is_zero() {
        list.retain(|known| known.what != what);
        return true;
    }
    if let Some(known) = list.iter_mut().find(|known| known.what == what) {
        known.until = until;
        return true;
    }
    list.push(Lasting { what, until }).is_ok()
}

/// The same network with host bits of zero.
fn network(cidr: Ipv6Cidr) -> Ipv6Cidr {
    match super::routes::network(&IpCidr::Ipv6(cidr)) {
        IpCidr::Ipv6(network) => network,
        IpCidr::Ipv4(_) => cidr,
    }
}

/// The interface id that follows from an Ethernet address (RFC 4291 appendix A).
fn interface_id(mac: EthernetAddress) -> u64 {
    let [a, b, c, d, e, f] = mac.0;
    u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

#[cfg(test)]
#[path = "slaac_tests.rs"]
mod tests;
