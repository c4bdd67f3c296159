//! The DHCP client: RFC 2131 as a state machine without I/O.
//!
//! ```text
//!          DISCOVER          OFFER, REQUEST           ACK            T1          T2
//!   Init ------------> Selecting ------> Requesting ------> Bound -----> Renewing --> Rebinding
//!    ^                     ^                  | NAK           ^             |  ACK        |
//!    |  NAK, no answer     '------------------'               '-------------'-------------'
//!   Rebooting (a new link, and a lease from before: REQUEST)           end of the lease: Init
//! ```
//!
//! Ours rather than smoltcp's, which cannot release or decline a lease, renew it when asked to, or
//! be told that its link was another one meanwhile. The packets' format is smoltcp's.

mod message;

use core::time::Duration;

use smoltcp::wire::{DhcpMessageType, EthernetAddress, Ipv4Address};

use crate::limits::{
    DHCP_PACKET_BYTES_SENT, DHCP_REFUSED_PAUSE, DHCP_RETRY_FIRST, DHCP_RETRY_MAX, DHCP_RETRY_MIN,
    DHCP_TRIES,
};
pub use message::{HEADER_BYTES, Lease, Message, Step};
use message::{Reply, discover, request};

/// What the owner is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing, until then at the latest; `None`: until something is heard.
    Wait(Option<Duration>),
    /// Send this, by [`Client::write`].
    Send(Message),
    /// The lease has ended: its address is not ours any more.
    Lost,
}

/// What a received packet was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not for us, or not now.
    Nothing,
    /// A step towards a lease.
    Step(Step),
    /// A lease, new or renewed: [`Client::lease`].
    Leased,
    /// What was offered is none that we take, and why.
    Refused(Ipv4Address, &'static str),
    /// The server takes back what we had.
    Denied(Step),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Nothing is wanted.
    Off,
    Init {
        at: Duration,
    },
    Selecting {
        pause: Duration,
        next: Duration,
    },
    Requesting {
        offer: Lease,
        tries: u32,
        next: Duration,
    },
    Rebooting {
        lease: Lease,
        tries: u32,
        next: Duration,
    },
    Bound {
        lease: Lease,
        since: Duration,
        /// The next question, once T1 is over.
        next: Duration,
        /// It was asked, and not answered yet.
        is_asked: bool,
    },
}

/// A client.
#[derive(Clone, Debug)]
pub struct Client {
    mac: EthernetAddress,
    state: State,
    transaction: u32,
    /// When this search began.
    since: Duration,
    /// A message that is due at once: release, decline.
    parting: Option<Message>,
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Client {
    /// Looks for a lease from the first poll on.
    pub fn new() -> Self {
        let state = State::Init { at: Duration::ZERO };
        let mac = EthernetAddress([0; 6]);
        Self { mac, state, transaction: 0, since: Duration::ZERO, parting: None }
    }

    /// Our Ethernet address.
    pub fn set_mac(&mut self, mac: EthernetAddress) {
        self.mac = mac;
    }

    /// The lease in force.
    pub fn lease(&self) -> Option<&Lease> {
        match &self.state {
            State::Bound { lease, .. } => Some(lease),
            _ => None,
        }
    }

    /// True if no lease is wanted.
    pub fn is_off(&self) -> bool {
        self.state == State::Off
    }

    /// A new link, which may be another network: a lease from before is asked for anew (RFC 2131
    /// 4.4.2), and not used until a server agrees.
    pub fn restart(&mut self, now: Duration) {
        let state = core::mem::replace(&mut self.state, State::Off);
        self.since = now;
        self.state = match state {
            State::Bound { lease, .. } | State::Rebooting { lease, .. } => {
                State::Rebooting { lease, tries: 0, next: now }
            }
            State::Off => State::Off,
            _ => State::Init { at: now },
        };
    }

    /// Asks for the lease in force anew, at once; without one, for any.
    pub fn renew(&mut self, now: Duration) {
        match &mut self.state {
            State::Bound { next, .. } => *next = now,
            State::Requesting { .. } | State::Rebooting { .. } => {}
            state => {
                self.since = now;
                *state = State::Init { at: now };
            }
        }
    }

    /// Gives the lease back and asks for no other; returns false if there was none.
    pub fn release(&mut self) -> bool {
        let State::Bound { lease, .. } = core::mem::replace(&mut self.state, State::Off) else {
            return false;
        };
        let (of, to) = (lease.address.address(), lease.server);
        self.parting = Some(Message {
            kind: DhcpMessageType::Release,
            to: Some(to),
            client: of,
            requested: None,
            server: Some(to),
            seconds: 0,
            step: Step::Release { of, to },
        });
        true
    }

    /// Tells the server that somebody else has the address, and looks for another after a while
    /// (RFC 2131 3.1.5).
    pub fn decline(&mut self, now: Duration) {
        if let State::Bound { lease, .. } = &self.state {
            let of = lease.address.address();
            self.parting = Some(Message {
                kind: DhcpMessageType::Decline,
                to: None,
                client: Ipv4Address::UNSPECIFIED,
                requested: Some(of),
                server: Some(lease.server),
                seconds: 0,
                step: Step::Decline { of },
            });
        }
        self.pause(now);
    }

    /// Nothing is asked for a while, so that a hostile server is not asked in a loop.
    fn pause(&mut self, now: Duration) {
        self.since = now + DHCP_REFUSED_PAUSE;
        self.state = State::Init { at: self.since };
    }

    /// The next thing to do; call again until it is [`Action::Wait`].
    pub fn poll(&mut self, now: Duration, mut random: impl FnMut() -> u32) -> Action {
        if let Some(parting) = self.parting.take() {
            self.transaction = random();
            return Action::Send(parting);
        }
        let seconds = now.saturating_sub(self.since).as_secs().min(u16::MAX.into()) as u16;
        match &mut self.state {
            State::Off => Action::Wait(None),
            State::Init { at } if now < *at => Action::Wait(Some(*at)),
            State::Init { .. } => {
                self.transaction = random();
                self.since = now;
                let next = now + jitter(DHCP_RETRY_FIRST, random());
                self.state = State::Selecting { pause: DHCP_RETRY_FIRST, next };
                Action::Send(discover(next - now, 0))
            }
            State::Selecting { next, .. } if now < *next => Action::Wait(Some(*next)),
            State::Selecting { pause, next } => {
                *pause = (*pause * 2).min(DHCP_RETRY_MAX);
                *next = now + jitter(*pause, random());
                Action::Send(discover(*next - now, seconds))
            }
            State::Requesting { next, .. } | State::Rebooting { next, .. } if now < *next => {
                Action::Wait(Some(*next))
            }
            State::Requesting { tries, .. } | State::Rebooting { tries, .. }
                if *tries >= DHCP_TRIES =>
            {
                self.state = State::Init { at: now };
                Action::Wait(Some(now))
            }
            State::Requesting { offer, tries, next } => {
                *next = now + jitter(DHCP_RETRY_FIRST * (1 << *tries), random());
                *tries += 1;
                Action::Send(request(offer, Some(offer.server), None, false, seconds))
            }
            State::Rebooting { lease, tries, next } => {
                if *tries == 0 {
                    self.transaction = random();
                }
                *next = now + jitter(DHCP_RETRY_FIRST * (1 << *tries), random());
                *tries += 1;
                Action::Send(request(lease, None, None, false, seconds))
            }
            State::Bound { lease, since, next, is_asked } => {
                if now < *next {
                    return Action::Wait(Some(*next));
                }
                let end = lease.until(*since, lease.seconds);
                if now >= end {
                    self.state = State::Init { at: now };
                    return Action::Lost;
                }
                // RFC 2131 4.4.5: half of what is left, but a minute at least.
                let rebind = lease.rebind(*since);
                let until = if now < rebind { rebind } else { end };
                *next = (now + ((until - now) / 2).max(DHCP_RETRY_MIN)).min(until);
                *is_asked = true;
                self.transaction = random();
                let to = (now < rebind).then_some(lease.server);
                Action::Send(request(lease, None, to, true, seconds))
            }
        }
    }

    /// Looks at what UDP brought.
    pub fn heard(&mut self, now: Duration, payload: &[u8]) -> Outcome {
        let Some(reply) = Reply::parse(payload, self.mac, self.transaction) else {
            return Outcome::Nothing;
        };
        // Everybody has seen the number of a broadcast question: what nobody asked for, or asked of
        // another, is not believed (RFC 2131 figure 5).
        let is_expected = match &self.state {
            State::Off | State::Init { .. } => false,
            State::Selecting { .. } | State::Rebooting { .. } => true,
            State::Requesting { offer, .. } => reply.server == offer.server,
            State::Bound { is_asked, .. } => *is_asked,
        };
        if !is_expected {
            return Outcome::Nothing;
        }
        match (&self.state, reply.kind) {
            (State::Selecting { .. }, DhcpMessageType::Offer) => {
                let (of, from) = (reply.address, reply.server);
                match reply.lease() {
                    Ok(offer) => {
                        self.state = State::Requesting { offer, tries: 0, next: now };
                        Outcome::Step(Step::Offer { of, from })
                    }
                    Err(reason) => {
                        self.pause(now);
                        Outcome::Refused(of, reason)
                    }
                }
            }
            (
                State::Requesting { .. } | State::Rebooting { .. } | State::Bound { .. },
                DhcpMessageType::Ack,
            ) => {
                // Mostly the address that was asked for; if a server gives another, that is ours.
                match reply.lease() {
                    Ok(lease) => {
                        let next = lease.renewal(now);
                        self.state = State::Bound { lease, since: now, next, is_asked: false };
                        Outcome::Leased
                    }
                    Err(reason) => {
                        let had = matches!(self.state, State::Bound { .. });
                        self.pause(now);
                        match had {
                            true => Outcome::Denied(Step::Nak { from: reply.server }),
                            false => Outcome::Refused(reply.address, reason),
                        }
                    }
                }
            }
            (
                State::Requesting { .. } | State::Rebooting { .. } | State::Bound { .. },
                DhcpMessageType::Nak,
            ) => {
                // As fast as the server likes, but once a second.
                self.state = State::Init { at: now + Duration::from_secs(1) };
                Outcome::Denied(Step::Nak { from: reply.server })
            }
            _ => Outcome::Nothing,
        }
    }

    /// Writes a message as UDP carries it; returns its length.
    pub fn write(
        &self,
        message: &Message,
        hostname: &str,
        out: &mut [u8; DHCP_PACKET_BYTES_SENT],
    ) -> usize {
        message.write(self.transaction, self.mac, hostname, out)
    }

    /// How a lease that was just taken is told.
    pub fn bound(&self, now: Duration) -> Option<Step> {
        match &self.state {
            State::Bound { lease, next, .. } => Some(Step::Bound {
                to: lease.address.address(),
                renewal: next.saturating_sub(now).as_secs(),
            }),
            _ => None,
        }
    }
}

/// A second more or less, at random (RFC 2131 4.1).
fn jitter(pause: Duration, random: u32) -> Duration {
    pause + Duration::from_millis(u64::from(random % 2000)) - Duration::from_secs(1)
}

#[cfg(test)]
mod tests;
