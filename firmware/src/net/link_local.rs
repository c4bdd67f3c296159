//! An address of our own choice when nobody hands one out: RFC 3927, as a state machine without
//! I/O.
//!
//! ```text
//!           PROBE_WAIT     3 probes, 1..2 s apart  ANNOUNCE_WAIT    2 announcements, 2 s apart
//!   new --> (0..1 s) ----> P .... P .... P ------> (2 s) -> claim -> A ......... A --> bound
//!             ^             | conflict                              | conflict: once in 10 s
//!             +-------------+ (another candidate)                   | it is defended (A),
//!             +-----------------------------------------------------+ else given up
//! ```
//!
//! The owner calls [`LinkLocal::poll`] until it answers [`Action::Wait`], and tells
//! [`LinkLocal::heard`] of every ARP packet that claims or probes for the candidate. The frames are
//! made here too: [`probe`], [`announcement`], [`reply`].

use core::time::Duration;

use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, Ipv4Address,
};

/// Prefix length of 169.254.0.0/16.
pub const PREFIX: u8 = 16;
/// Bytes of an ARP frame, before the hardware pads it.
pub const ARP_FRAME_BYTES: usize = 42;

// RFC 3927 section 9.

/// The first probe waits at random up to this long, so that machines powered on together do not
/// collide.
pub const PROBE_WAIT: Duration = Duration::from_secs(1);
/// Probes sent before a candidate is ours.
pub const PROBE_NUM: u8 = 3;
/// Shortest time between probes.
pub const PROBE_MIN: Duration = Duration::from_secs(1);
/// Longest time between probes.
pub const PROBE_MAX: Duration = Duration::from_secs(2);
/// From the last probe to the claim.
pub const ANNOUNCE_WAIT: Duration = Duration::from_secs(2);
/// Announcements sent.
pub const ANNOUNCE_NUM: u8 = 2;
/// Time between announcements.
pub const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(2);
/// Conflicts after which new candidates come slowly.
pub const MAX_CONFLICTS: u8 = 10;
/// How slowly.
pub const RATE_LIMIT_INTERVAL: Duration = Duration::from_secs(60);
/// A second conflict within this time ends the defence of an address.
pub const DEFEND_INTERVAL: Duration = Duration::from_secs(10);

/// The first candidate: 169.254.0.0/24 and 169.254.255.0/24 are reserved (2.1).
const FIRST: u32 = 0xA9FE_0100;
/// How many candidates there are: up to 169.254.254.255.
const CANDIDATES: u32 = 254 * 256;

/// What the owner is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing, until then at the latest; `None`: until something is heard.
    Wait {
        /// The next deadline.
        until: Option<Duration>,
    },
    /// Send a [`probe`] for this candidate.
    Probe(Ipv4Address),
    /// Nobody objected: the address is ours. Announcements follow.
    Claim(Ipv4Address),
    /// Send an [`announcement`].
    Announce(Ipv4Address),
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Probing begins with the next poll.
    Start,
    /// The candidate is taken; another is chosen at the next poll.
    Conflicted,
    Probing {
        sent: u8,
        next: Duration,
    },
    Announcing {
        sent: u8,
        next: Duration,
    },
    Bound,
}

/// One interface's search for a link-local address, and its defence.
#[derive(Clone, Debug)]
pub struct LinkLocal {
    mac: EthernetAddress,
    candidate: Ipv4Address,
    state: State,
    /// Conflicts since the last address was held.
    conflicts: u8,
    /// When the address was last defended.
    defended: Option<Duration>,
    /// An announcement is due in defence.
    defend: bool,
}

impl LinkLocal {
    /// Starts the search. The first candidate follows from `mac` and `seed`, so that machines with
    /// an equal seed still differ; probing begins with the first poll.
    pub fn new(mac: EthernetAddress, seed: u32) -> Self {
        Self {
            mac,
            candidate: candidate(mac, seed),
            state: State::Start,
            conflicts: 0,
            defended: None,
            defend: false,
        }
    }

    /// The address that is ours, or that we would like: the one to listen for.
    pub fn candidate(&self) -> Ipv4Address {
        self.candidate
    }

    /// The next thing to do; call again until it is [`Action::Wait`]. `random` is asked for delays
    /// and for further candidates.
    pub fn poll(&mut self, now: Duration, mut random: impl FnMut() -> u32) -> Action {
        if let State::Conflicted = self.state {
            self.candidate = candidate(self.mac, random());
        }
        if let State::Start | State::Conflicted = self.state {
            let pause = if self.conflicts > MAX_CONFLICTS {
                RATE_LIMIT_INTERVAL
            } else {
                between(Duration::ZERO, PROBE_WAIT, random())
            };
            self.state = State::Probing { sent: 0, next: now + pause };
        }
        match self.state {
            // Left above.
            State::Start | State::Conflicted => Action::Wait { until: Some(now) },
            State::Probing { next, .. } if now < next => Action::Wait { until: Some(next) },
            State::Probing { sent, .. } if sent < PROBE_NUM => {
                let sent = sent + 1;
                let pause = if sent == PROBE_NUM {
                    ANNOUNCE_WAIT
                } else {
                    between(PROBE_MIN, PROBE_MAX, random())
                };
                self.state = State::Probing { sent, next: now + pause };
                Action::Probe(self.candidate)
            }
            State::Probing { .. } => {
                self.state = State::Announcing { sent: 0, next: now };
                Action::Claim(self.candidate)
            }
            State::Announcing { .. } | State::Bound if self.defend => {
                self.defend = false;
                Action::Announce(self.candidate)
            }
            State::Announcing { next, .. } if now < next => Action::Wait { until: Some(next) },
            State::Announcing { sent, .. } => {
                let sent = sent + 1;
                self.state = if sent == ANNOUNCE_NUM {
                    self.conflicts = 0;
                    State::Bound
                } else {
                    State::Announcing { sent, next: now + ANNOUNCE_INTERVAL }
                };
                Action::Announce(self.candidate)
            }
            State::Bound => Action::Wait { until: None },
        }
    }

    /// An ARP packet about `address` was heard from the machine `by`: with `claimed`, `address`
    /// stood as the sender; otherwise it was a probe (sender 0.0.0.0, target `address`).
    ///
    /// Returns true if [`LinkLocal::candidate`] is lost by it: an address that was claimed must be
    /// taken off the interface, and the next polls search for another. A claimed address is first
    /// defended (2.5 b), which is returned as false. Probes for a claimed address are no conflict;
    /// they are to be answered like any ARP request ([`reply`]).
    pub fn heard(
        &mut self,
        now: Duration,
        address: Ipv4Address,
        by: EthernetAddress,
        claimed: bool,
    ) -> bool {
        if address != self.candidate || by == self.mac {
            return false;
        }
        let lost = match self.state {
            State::Start | State::Conflicted => false,
            // 2.2.1: a claim, or someone else's probe for the same candidate.
            State::Probing { .. } => true,
            State::Announcing { .. } | State::Bound if !claimed => false,
            State::Announcing { .. } | State::Bound => {
                let again = self.defended.is_some_and(|at| now < at + DEFEND_INTERVAL);
                self.defended = Some(now);
                self.defend = !again;
                again
            }
        };
        if lost {
            self.conflicts = self.conflicts.saturating_add(1);
            self.state = State::Conflicted;
            self.defended = None;
        }
        lost
    }
}

/// A candidate (2.1): the same for the same machine and number, uniformly spread.
fn candidate(mac: EthernetAddress, number: u32) -> Ipv4Address {
    // FNV-1a, 32 bits.
    let bytes = mac.0.into_iter().chain(number.to_le_bytes());
    let hash = bytes
        .fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    Ipv4Address::from_bits(FIRST + hash % CANDIDATES)
}

/// A time between two times.
fn between(low: Duration, high: Duration, random: u32) -> Duration {
    let span_us = high.saturating_sub(low).as_micros() as u64;
    low + Duration::from_micros((u64::from(random) * span_us) >> 32)
}

/// Asks whether somebody has `candidate` (RFC 3927 2.2.1, RFC 5227 2.1.1).
pub fn probe(mac: EthernetAddress, candidate: Ipv4Address) -> [u8; ARP_FRAME_BYTES] {
    frame(
        mac,
        EthernetAddress::BROADCAST,
        &ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr: mac,
            source_protocol_addr: Ipv4Address::UNSPECIFIED,
            target_hardware_addr: EthernetAddress([0; 6]),
            target_protocol_addr: candidate,
        },
    )
}

/// Tells every neighbour that `address` is ours (RFC 3927 2.4, RFC 5227 2.3: a request, not a
/// reply).
pub fn announcement(mac: EthernetAddress, address: Ipv4Address) -> [u8; ARP_FRAME_BYTES] {
    frame(
        mac,
        EthernetAddress::BROADCAST,
        &ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr: mac,
            source_protocol_addr: address,
            target_hardware_addr: EthernetAddress([0; 6]),
            target_protocol_addr: address,
        },
    )
}

/// Asks the machine `to`, or everybody, for the Ethernet address of `target`.
pub fn request(
    mac: EthernetAddress,
    address: Ipv4Address,
    to: EthernetAddress,
    target: Ipv4Address,
) -> [u8; ARP_FRAME_BYTES] {
    frame(
        mac,
        to,
        &ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr: mac,
            source_protocol_addr: address,
            target_hardware_addr: EthernetAddress([0; 6]),
            target_protocol_addr: target,
        },
    )
}

/// What `sender` would answer if `to` had asked for its address.
pub fn reply_from(
    sender_mac: EthernetAddress,
    sender: Ipv4Address,
    to_mac: EthernetAddress,
    to: Ipv4Address,
) -> [u8; ARP_FRAME_BYTES] {
    frame(
        sender_mac,
        to_mac,
        &ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Reply,
            source_hardware_addr: sender_mac,
            source_protocol_addr: sender,
            target_hardware_addr: to_mac,
            target_protocol_addr: to,
        },
    )
}

/// Answers a probe of the machine `to` for `address`, which is ours. A link-local answer is
/// broadcast, so that everybody hears of a conflict (RFC 3927 2.5).
pub fn reply(
    mac: EthernetAddress,
    address: Ipv4Address,
    to: EthernetAddress,
) -> [u8; ARP_FRAME_BYTES] {
    let destination = if address.is_link_local() { EthernetAddress::BROADCAST } else { to };
    frame(
        mac,
        destination,
        &ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Reply,
            source_hardware_addr: mac,
            source_protocol_addr: address,
            target_hardware_addr: to,
            target_protocol_addr: Ipv4Address::UNSPECIFIED,
        },
    )
}

fn frame(
    source: EthernetAddress,
    destination: EthernetAddress,
    arp: &ArpRepr,
) -> [u8; ARP_FRAME_BYTES] {
    let ethernet =
        EthernetRepr { src_addr: source, dst_addr: destination, ethertype: EthernetProtocol::Arp };
    let mut bytes = [0; ARP_FRAME_BYTES];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    ethernet.emit(&mut frame);
    arp.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
    bytes
}

#[cfg(test)]
mod tests;
