//! Wrappers around the network device, each one thing: the frame passes through them on its way.
//!
//! ```text
//!   driver <-> counters (what passed) <-> capture (its copy) <-> guard (what may pass)
//!          <-> introduce (who is who) <-> the stack
//! ```

mod absent;
mod capture;
mod counters;
mod guard;
mod guarded;
mod introduce;
mod meter;
mod protocols;

pub use absent::Absent;
pub use capture::{CaptureReader, Captured, Recorded, Recorder, Way};
pub use counters::{Counted, Traffic};
pub use guard::{ArpHeard, Guard, ListenTable, Tuple};
pub use guarded::Guarded;
pub use introduce::{Introduced, Introductions};
pub use meter::{Meters, Passed, Segments};
pub use protocols::{
    ICMP_TYPES, ICMPV6_TYPES, IcmpCounters, Icmpv6Counters, IpCounters, ProtocolCounters,
    Protocols, TcpCounters, UdpCounters,
};
