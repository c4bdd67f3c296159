//! How often an answer is given to what looks like an attack (RFC 5961 7).
//!
//! A fixed limit for the whole host can be watched from outside, and so tells a stranger whether a
//! connection exists (CVE-2016-5696). Here every connection has its own, and the one for all is
//! larger and different in every second.

use crate::isn::{Secret, Tag};
use crate::limits::{CHALLENGE_INTERVAL_US, CHALLENGES_PER_SECOND};
use crate::time::Instant;

/// So many in each second, and then none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PerSecond {
    second: u64,
    given: u32,
}

impl PerSecond {
    /// True if one more may be given now.
    pub fn allow(&mut self, now: Instant, limit: u32) -> bool {
        let second = now.micros() / 1_000_000;
        if second != self.second {
            *self = Self { second, given: 0 };
        }
        let allowed = self.given < limit;
        self.given += u32::from(allowed);
        allowed
    }
}

/// The limit for all connections.
#[derive(Debug, Default)]
pub(crate) struct Challenges {
    all: PerSecond,
}

impl Challenges {
    /// True if a connection that answered last at `last` may answer now; then `last` is now.
    pub fn allow(&mut self, now: Instant, secret: &Secret, last: &mut Option<Instant>) -> bool {
        if last.is_some_and(|last| now.since(last) < CHALLENGE_INTERVAL_US) {
            return false;
        }
        let second = now.micros() / 1_000_000;
        let half = CHALLENGES_PER_SECOND / 2;
        let limit = half + (secret.hash(Tag::Challenge, second) % u64::from(half)) as u32;
        let allowed = self.all.allow(now, limit);
        if allowed {
            *last = Some(now);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_connection_answers_twice_a_second() {
        let (mut all, secret) = (Challenges::default(), Secret::new([1; 16]));
        let mut last = None;
        let answers = (0..10_000u64)
            .filter(|ms| all.allow(Instant::from_micros(ms * 1000), &secret, &mut last))
            .count();
        assert_eq!(answers, 20);
    }

    #[test]
    fn all_connections_together_are_limited_and_differently_each_second() {
        let (mut all, secret) = (Challenges::default(), Secret::new([1; 16]));
        let mut in_second = |second: u64| {
            let now = Instant::from_micros(second * 1_000_000);
            (0..5000).filter(|_| all.allow(now, &secret, &mut None)).count()
        };
        let counts: std::collections::BTreeSet<usize> = (0..20).map(&mut in_second).collect();
        assert!(counts.iter().all(|count| (500..1000).contains(count)), "{counts:?}");
        assert!(counts.len() > 15, "{counts:?}");
    }
}
