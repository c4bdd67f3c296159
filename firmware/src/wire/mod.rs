//! Wrappers around the network device, each one thing: the frame passes through them on its way.
//!
//! ```text
//!   driver <-> counters (what passed) <-> guard (what may pass)
//!          <-> introduce (who is who) <-> the stack
//! ```

mod absent;
mod counters;
mod guard;
mod guarded;
mod introduce;

pub use absent::Absent;
pub use counters::{Counted, Traffic};
pub use guard::{ArpHeard, Guard, ListenTable, Tuple};
pub use guarded::Guarded;
pub use introduce::{Introduced, Introductions};
