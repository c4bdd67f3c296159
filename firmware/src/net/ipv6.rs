//! IPv6 on the wire: what [`Slaac`] decides is done here.

use core::time::Duration;

use smoltcp::iface::Interface;
use smoltcp::wire::EthernetAddress;

use super::slaac::{Action, Slaac};
use crate::journal::Event;
use crate::limits::{ADVERTS, ARP_OUTBOX, IPV6_ADDRESSES};
use crate::status::Drop;
use crate::system::System;
use crate::wire::{Link, solicited_node};

/// Our IPv6 addresses, and the routers.
pub(super) struct Ipv6 {
    is_wanted: bool,
    pub slaac: Slaac,
}

impl Ipv6 {
    pub const fn new(is_wanted: bool) -> Self {
        Self { is_wanted, slaac: Slaac::new() }
    }

    /// The link came or went.
    pub fn link_changed(&mut self, up: bool, mac: EthernetAddress) {
        match up && self.is_wanted {
            true => self.slaac.start(mac),
            false => self.slaac.stop(),
        }
    }

    /// Moves on. Returns whether addresses or routes changed, and when to be called again.
    pub fn poll(
        &mut self,
        now: Duration,
        interface: &mut Interface,
        link: &Link,
        system: &System,
    ) -> (bool, Option<Duration>) {
        let slaac = &mut self.slaac;
        for _ in 0..ADVERTS {
            let Some(advert) = link.take_advert() else { break };
            if !slaac.heard(now, &advert) {
                system.drops().count(Drop::AdvertIgnored);
            }
        }
        for _ in 0..ARP_OUTBOX {
            let Some((address, by)) = link.take_claim() else { break };
            if slaac.claimed(address) {
                system.record(Event::Ipv6Conflict { address, by });
                // Cannot fail: it is a group.
                let _ = interface.leave_multicast_group(solicited_node(&address));
            }
        }
        let mut changed = false;
        // What can happen at one moment: every address comes or goes, and a question.
        const STEPS_MAX: usize = 4 * IPV6_ADDRESSES + 4;
        let mut due = Some(now);
        for _ in 0..STEPS_MAX {
            match slaac.poll(now) {
                Action::Wait(until) => {
                    due = until;
                    break;
                }
                Action::Probe(address) => {
                    // RFC 4862 5.4.2: in the group before the question. There is room for the
                    // groups of all addresses, which a limit asserts; sockets may have taken it,
                    // and then switches that look into MLD may not pass on what others ask.
                    let _ = interface.join_multicast_group(solicited_node(&address));
                    link.probe_v6(address, system.drops());
                }
                Action::Solicit(from) => link.solicit_routers(from, system.drops()),
                Action::Gained(cidr) => {
                    changed = true;
                    system.record(Event::Ipv6(cidr));
                }
                Action::Lost(cidr) => {
                    changed = true;
                    let group = solicited_node(&cidr.address());
                    if !slaac.ours().any(|ours| solicited_node(&ours.address()) == group) {
                        let _ = interface.leave_multicast_group(group);
                    }
                    system.record(Event::Ipv6Lost(cidr));
                }
                Action::Changed => changed = true,
            }
        }
        link.consider(slaac.considered());
        (changed, due)
    }
}
