//! Wrappers around the network device, each one thing: the frame passes through them on its way.
//!
//! ```text
//!   driver <-> counters (what passed) <-> capture (its copy) <-> netem (the fault dial)
//!          <-> guard (what may pass) <-> link (frames to packets: neighbours, routes, ourselves)
//!          <-> TCP, or the stack
//! ```

mod absent;
mod advert;
mod arp;
mod capture;
mod counters;
mod dial;
mod discovery;
mod fate;
mod guard;
mod guarded;
mod link;
mod linked;
mod meter;
mod netem;
mod passage;
mod protocols;
mod recorded;
mod segments;
mod slots;
mod unreachable;

pub use absent::Absent;
pub(crate) use advert::Advert;
#[cfg(test)]
pub(crate) use advert::Prefix;
pub(crate) use arp::ArpHeard;
pub use capture::{CaptureReader, Captured, Recorder, Recording, Way, is_between};
pub use counters::{Counted, Traffic};
pub use dial::{Percent, Rate, Time, Wrong};
pub(crate) use discovery::solicited_node;
pub use fate::{Dial, Fate, Faults, PartsPerMillion, Tally, damage};
pub use guard::Guard;
pub use guarded::Guarded;
pub(crate) use link::{Link, Ours};
pub(crate) use linked::Linked;
pub use meter::{Meters, Passed, Segments};
pub use netem::{Impaired, Netem};
pub use passage::{Carriage, Note, Passage, Trail};
pub use protocols::{
    ICMP_TYPES, ICMPV6_TYPES, IcmpCounters, Icmpv6Counters, IpCounters, ProtocolCounters,
    Protocols, TcpCounters, UdpCounters,
};
pub use recorded::Recorded;
pub(crate) use segments::Sums;
