//! Points in time. Nobody here has a clock: every call that needs the time is given it.
//!
//! Intervals are plain `u64` microseconds in names that end in `_us`.

use core::time::Duration;

/// Microseconds since some fixed moment, such as the start of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(u64);

impl Instant {
    /// The fixed moment itself.
    pub const START: Self = Self(0);
    /// Later than any other.
    pub const NEVER: Self = Self(u64::MAX);

    /// So many microseconds after the start.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the start.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Milliseconds since the start.
    pub const fn millis(self) -> u64 {
        self.0 / 1000
    }

    /// The first of some; `NEVER` if there is none.
    pub(crate) fn first<const N: usize>(all: [Option<Self>; N]) -> Self {
        all.into_iter().fold(Self::NEVER, |first, at| first.min(at.unwrap_or(Self::NEVER)))
    }

    /// `us` microseconds later; never wraps.
    pub const fn after(self, us: u64) -> Self {
        Self(self.0.saturating_add(us))
    }

    /// `us` microseconds earlier; not before the start.
    pub const fn before(self, us: u64) -> Self {
        Self(self.0.saturating_sub(us))
    }

    /// Microseconds since `earlier`; 0 if that is later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl From<Duration> for Instant {
    fn from(since_start: Duration) -> Self {
        Self(u64::try_from(since_start.as_micros()).unwrap_or(u64::MAX))
    }
}

impl From<Instant> for Duration {
    fn from(at: Instant) -> Self {
        Duration::from_micros(at.0)
    }
}
