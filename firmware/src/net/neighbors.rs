//! The neighbours: who has which address on the wire. One table for ARP and for IPv6's Neighbor
//! Discovery, as a state machine without I/O (RFC 4861 7.3.2, with the times of Linux, which treats
//! ARP the same way).
//!
//! ```text
//!   a packet to send                                      heard of
//!        |                                                    |
//!   Incomplete --answer--> Reachable --30 s--> (used) Delay   Stale --(used)--+
//!    3 x 1 s |              ^     ^              | 5 s  ^-----------------------+
//!          Failed           |     '--answer-- Probe: 3 x 1 s --> Failed
//!                           '-- its frames to us confirm it, too
//! ```
//!
//! Nothing that a stranger sends takes a place from a neighbour that answered us: when the table is
//! full, who did not answer gives way first, then those that were only heard of, or asked for just
//! now, and of these who was used or heard of longest ago; routers and those set by hand never do.

use core::time::Duration;

use smoltcp::wire::{EthernetAddress, IpAddress};

use super::error::NetError;
use super::tables::{Neighbor, NeighborState};
use crate::limits::{
    NEIGHBOR_DELAY, NEIGHBOR_LOCK, NEIGHBOR_PROBES, NEIGHBOR_REACHABLE, NEIGHBOR_RETRY, NEIGHBORS,
};

/// What is to be asked on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Who has this address?
    pub address: IpAddress,
    /// The one who should have it; none: everybody is asked.
    pub of: Option<EthernetAddress>,
}

/// How the table heard of a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It answered: an ARP reply to us, a solicited neighbour advertisement.
    Answer,
    /// It asked for us, and told its address with it.
    Question,
    /// It told everybody: a gratuitous ARP, an advertisement nobody asked for. That changes what is
    /// known, and adds nothing.
    Announcement,
    /// A packet for us came from it.
    Packet,
}

/// What [`Neighbors::heard`] made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Taken, or nothing new.
    Taken,
    /// An answer that nobody asked for, or one that contradicts what was heard a moment ago.
    Refused,
    /// There is no room for it.
    Full,
}

/// What a packet's way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// To this Ethernet address.
    Mac(EthernetAddress),
    /// It has to wait.
    Pending,
    /// The neighbour cannot be asked for: the table is full of routers and of others set by hand.
    Full,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Incomplete { asked: u32, next: Duration },
    Reachable { until: Duration },
    Stale,
    Delay { until: Duration },
    Probe { asked: u32, next: Duration },
    Failed,
    Permanent,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    address: IpAddress,
    mac: EthernetAddress,
    state: State,
    since: Duration,
    /// When a packet was last sent to it.
    used: Option<Duration>,
    /// It answered us once: more than hearsay.
    is_known: bool,
    is_router: bool,
}

/// The table.
#[derive(Debug)]
pub struct Neighbors {
    entries: heapless::Vec<Entry, NEIGHBORS>,
    /// Where the last packet's neighbour was found: mostly the next one's, too.
    last: usize,
}

impl Default for Neighbors {
    fn default() -> Self {
        Self::new()
    }
}

impl Entry {
    fn enter(&mut self, now: Duration, state: State) {
        if core::mem::discriminant(&self.state) != core::mem::discriminant(&state) {
            self.since = now;
        }
        self.state = state;
    }

    /// Its Ethernet address is good enough to send to.
    fn is_usable(&self) -> bool {
        !matches!(self.state, State::Incomplete { .. } | State::Failed)
    }

    /// How easily it gives way: the smaller comes first; none: not at all.
    fn worth(&self) -> Option<(u8, Duration)> {
        let class = match self.state {
            _ if self.is_router => return None,
            State::Permanent => return None,
            State::Failed => 0,
            // A flood in the name of thousands makes us ask for each of them. Who is there answers
            // before so many more are asked for.
            State::Incomplete { .. } => 1,
            _ if !self.is_known => 1,
            _ => 2,
        };
        Some((class, self.used.unwrap_or(self.since)))
    }
}

impl Neighbors {
    /// Nobody is known.
    pub const fn new() -> Self {
        Self { entries: heapless::Vec::new(), last: 0 }
    }

    fn find(&self, address: &IpAddress) -> Option<usize> {
        let is_it = |entry: &Entry| entry.address == *address;
        if self.entries.get(self.last).is_some_and(is_it) {
            return Some(self.last);
        }
        self.entries.iter().position(is_it)
    }

    /// The Ethernet address for a packet to this neighbour. One that is not known will be asked
    /// for; one that is not heard of lately, too, while it is used.
    pub fn resolve(&mut self, now: Duration, address: IpAddress) -> Resolved {
        let ask = State::Incomplete { asked: 0, next: now };
        let Some(index) = self.find(&address) else {
            let entry = Entry {
                address,
                mac: EthernetAddress([0; 6]),
                state: ask,
                since: now,
                used: Some(now),
                is_known: false,
                is_router: false,
            };
            return if self.insert(entry) { Resolved::Pending } else { Resolved::Full };
        };
        self.last = index;
        let entry = &mut self.entries[index];
        entry.used = Some(now);
        match entry.state {
            State::Incomplete { .. } => return Resolved::Pending,
            State::Failed => {
                entry.enter(now, ask);
                return Resolved::Pending;
            }
            State::Reachable { until } if now < until => {}
            State::Reachable { .. } | State::Stale => {
                entry.enter(now, State::Delay { until: now + NEIGHBOR_DELAY });
            }
            State::Delay { .. } | State::Probe { .. } | State::Permanent => {}
        }
        Resolved::Mac(entry.mac)
    }

    /// The Ethernet address of a neighbour that packets wait for, if it is known by now.
    pub fn known(&self, address: &IpAddress) -> Option<EthernetAddress> {
        let entry = &self.entries[self.find(address)?];
        entry.is_usable().then_some(entry.mac)
    }

    /// True if packets to a neighbour need not wait any longer: nobody has that address.
    pub fn is_failed(&self, address: &IpAddress) -> bool {
        self.find(address).is_none_or(|index| self.entries[index].state == State::Failed)
    }

    /// Something was heard of a neighbour.
    pub fn heard(
        &mut self,
        now: Duration,
        address: IpAddress,
        mac: EthernetAddress,
        how: Heard,
    ) -> Verdict {
        let Some(index) = self.find(&address) else {
            if matches!(how, Heard::Answer | Heard::Announcement) {
                return Verdict::Refused;
            }
            let entry = Entry {
                address,
                mac,
                state: State::Stale,
                since: now,
                used: None,
                is_known: false,
                is_router: false,
            };
            return if self.insert(entry) { Verdict::Taken } else { Verdict::Full };
        };
        let entry = &mut self.entries[index];
        let reachable = State::Reachable { until: now + NEIGHBOR_REACHABLE };
        let is_same = entry.is_usable() && entry.mac == mac;
        match (entry.state, how) {
            (State::Permanent, _) => {
                return if is_same { Verdict::Taken } else { Verdict::Refused };
            }
            (State::Incomplete { .. } | State::Probe { .. }, Heard::Answer) => {
                entry.mac = mac;
                entry.is_known = true;
                entry.enter(now, reachable);
            }
            (State::Delay { .. }, Heard::Answer) if is_same => entry.enter(now, reachable),
            // The same answer once more: some cables double frames.
            (State::Reachable { .. }, Heard::Answer) if is_same => {}
            (_, Heard::Answer) => return Verdict::Refused,
            (_, Heard::Packet) if is_same => entry.enter(now, reachable),
            (State::Incomplete { .. } | State::Failed, Heard::Packet | Heard::Question) => {
                entry.mac = mac;
                entry.enter(now, State::Stale);
            }
            // A frame's source alone moves nobody.
            (_, Heard::Packet) => return Verdict::Refused,
            (_, Heard::Question | Heard::Announcement) if is_same => {}
            (State::Failed | State::Incomplete { .. }, Heard::Announcement) => {}
            // Two who claim the same address by turns are told apart by who came first.
            (State::Reachable { .. }, _) if now < entry.since + NEIGHBOR_LOCK => {
                return Verdict::Refused;
            }
            (_, Heard::Question | Heard::Announcement) => {
                entry.mac = mac;
                entry.enter(now, State::Stale);
            }
        }
        Verdict::Taken
    }

    /// A neighbour that was good is asked whether it still is.
    pub fn doubt(&mut self, now: Duration, address: &IpAddress) {
        let Some(index) = self.find(address) else { return };
        let entry = &mut self.entries[index];
        if matches!(entry.state, State::Reachable { .. } | State::Stale | State::Delay { .. }) {
            entry.enter(now, State::Probe { asked: 0, next: now });
        }
    }

    /// Sets a neighbour by hand.
    ///
    /// # Errors
    /// [`NetError::NoSockets`] if there is no room, [`NetError::Invalid`] if the address is none of
    /// a single station.
    pub fn add(
        &mut self,
        now: Duration,
        address: IpAddress,
        mac: EthernetAddress,
    ) -> Result<(), NetError> {
        if !address.is_unicast() || !mac.is_unicast() {
            return Err(NetError::Invalid);
        }
        let (state, used) = (State::Permanent, None);
        let entry =
            Entry { address, mac, state, since: now, used, is_known: true, is_router: false };
        match self.find(&address) {
            Some(index) => self.entries[index] = entry,
            None if self.insert(entry) => {}
            None => return Err(NetError::NoSockets),
        }
        Ok(())
    }

    /// Forgets a neighbour.
    ///
    /// # Errors
    /// [`NetError::Invalid`] if it is not there.
    pub fn delete(&mut self, address: &IpAddress) -> Result<(), NetError> {
        let index = self.find(address).ok_or(NetError::Invalid)?;
        self.entries.swap_remove(index);
        Ok(())
    }

    /// Forgets everybody but those set by hand: the network may be another one.
    pub fn clear(&mut self) {
        self.entries.retain(|entry| entry.state == State::Permanent);
    }

    /// The routers among the neighbours, whose places are safe.
    pub fn set_routers(&mut self, is_router: impl Fn(&IpAddress) -> bool) {
        for entry in &mut self.entries {
            entry.is_router = is_router(&entry.address);
        }
    }

    /// Moves on; returns one question that is due. To be called until it has none.
    pub fn poll(&mut self, now: Duration) -> Option<Question> {
        for entry in &mut self.entries {
            match entry.state {
                State::Reachable { until } if now >= until => entry.enter(now, State::Stale),
                State::Delay { until } if now >= until => {
                    entry.enter(now, State::Probe { asked: 0, next: now });
                }
                _ => {}
            }
            let retry = now + NEIGHBOR_RETRY;
            match entry.state {
                State::Incomplete { asked, next } | State::Probe { asked, next }
                    if now >= next && asked >= NEIGHBOR_PROBES =>
                {
                    entry.enter(now, State::Failed);
                }
                State::Incomplete { asked, next } if now >= next => {
                    entry.state = State::Incomplete { asked: asked + 1, next: retry };
                    return Some(Question { address: entry.address, of: None });
                }
                State::Probe { asked, next } if now >= next => {
                    entry.state = State::Probe { asked: asked + 1, next: retry };
                    return Some(Question { address: entry.address, of: Some(entry.mac) });
                }
                _ => {}
            }
        }
        None
    }

    /// When [`Neighbors::poll`] has something to do. A neighbour that nobody uses has no deadline:
    /// it turns stale when somebody looks.
    pub fn next_deadline(&self) -> Option<Duration> {
        let deadline = |entry: &Entry| match entry.state {
            State::Incomplete { next, .. } | State::Probe { next, .. } => Some(next),
            State::Delay { until } => Some(until),
            _ => None,
        };
        self.entries.iter().filter_map(deadline).min()
    }

    /// The neighbour at a place of the table.
    pub fn get(&self, index: usize, now: Duration) -> Option<Neighbor> {
        let entry = self.entries.get(index)?;
        let left = |until: Duration| Some(until.saturating_sub(now));
        let (state, expires_in) = match entry.state {
            State::Incomplete { asked, next } => {
                let more = NEIGHBOR_RETRY * (NEIGHBOR_PROBES - asked.min(NEIGHBOR_PROBES));
                (NeighborState::Incomplete, left(next + more))
            }
            State::Reachable { until } if now >= until => (NeighborState::Stale, None),
            State::Reachable { until } => (NeighborState::Reachable, left(until)),
            State::Stale => (NeighborState::Stale, None),
            State::Delay { until } => (NeighborState::Delay, left(until)),
            State::Probe { next, .. } => (NeighborState::Probe, left(next)),
            State::Failed => (NeighborState::Failed, None),
            State::Permanent => (NeighborState::Permanent, None),
        };
        let mac = entry.is_usable().then_some(entry.mac);
        Some(Neighbor { address: entry.address, mac, state, since: entry.since, expires_in })
    }

    fn insert(&mut self, entry: Entry) -> bool {
        if self.entries.is_full() {
            let ranked = self.entries.iter().enumerate();
            let worst = ranked.filter_map(|(index, old)| Some((old.worth()?, index))).min();
            // Hearsay takes no place from those we talk to.
            let is_wanted = matches!(entry.state, State::Incomplete { .. } | State::Permanent);
            match worst {
                Some(((class, _), index)) if is_wanted || class < 2 => {
                    self.entries.swap_remove(index);
                }
                _ => return false,
            }
        }
        self.entries.push(entry).is_ok()
    }
}

#[cfg(test)]
#[path = "neighbors_tests.rs"]
mod tests;
