//! Sequence numbers: 32 bits that wrap (RFC 9293 3.4).
//!
//! Two of them have an order only as long as they are less than 2^31 apart, which windows of at
//! most 2^30 bytes (RFC 7323 2.3) see to. There is deliberately no `Ord`: an order that is not
//! transitive is none.

use core::fmt;

/// A sequence number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seq(pub u32);

impl Seq {
    /// `count` further.
    #[must_use]
    pub const fn plus(self, count: u32) -> Self {
        Self(self.0.wrapping_add(count))
    }

    /// `count` back.
    #[must_use]
    pub const fn minus(self, count: u32) -> Self {
        Self(self.0.wrapping_sub(count))
    }

    /// How far this is behind `earlier`, modulo 2^32.
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    /// How far this is behind `earlier`; 0 if it is before it.
    pub const fn ahead_of(self, earlier: Self) -> u32 {
        let distance = self.since(earlier) as i32;
        if distance > 0 { distance as u32 } else { 0 }
    }

    /// Before `other`.
    pub const fn lt(self, other: Self) -> bool {
        (self.since(other) as i32) < 0
    }

    /// Before `other`, or the same.
    pub const fn le(self, other: Self) -> bool {
        !other.lt(self)
    }

    /// The later of two.
    #[must_use]
    pub const fn max(self, other: Self) -> Self {
        if self.lt(other) { other } else { self }
    }

    /// The earlier of two.
    #[must_use]
    pub const fn min(self, other: Self) -> Self {
        if other.lt(self) { other } else { self }
    }

    /// `low <= self < high`.
    pub const fn within(self, low: Self, high: Self) -> bool {
        self.since(low) < high.since(low)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
