//! Pacing: a window is spread over its round trip rather than sent at once.
//!
//! A short queue on the way then holds it, and one ACK that opens a whole window makes no burst.
//! The rate is a little above what the window asks for, so that pacing is never the limit; up to
//! `BURST_SEGMENTS` may leave ahead of it.

use crate::limits::{BURST_SEGMENTS, PACED_ROUND_TRIP_US_MIN};
use crate::time::Instant;

/// When the next segment may leave.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    /// When all that was sent would have been, at the rate.
    spent_until: Instant,
}

/// The rate as a window per time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    bytes: u64,
    us: u64,
}

impl Rate {
    /// Twice a window in a round trip in slow start (RFC 9002 7.7's reasoning), else 5/4.
    pub fn of(window: u32, round_trip_us: u64, slow_start: bool) -> Self {
        let us = round_trip_us.max(PACED_ROUND_TRIP_US_MIN);
        let bytes = u64::from(window.max(1));
        if slow_start { Self { bytes: bytes * 2, us } } else { Self { bytes: bytes * 5 / 4, us } }
    }

    /// Bytes a second.
    pub fn per_second(self) -> u64 {
        self.bytes.max(1) * 1_000_000 / self.us.max(1)
    }

    fn time_us(self, bytes: u64) -> u64 {
        bytes * self.us / self.bytes.max(1)
    }
}

impl Pace {
    /// When a segment may leave; now, if that has passed.
    pub fn ready_at(&self, rate: Rate, mss: u32) -> Instant {
        self.spent_until.before(rate.time_us(u64::from(BURST_SEGMENTS * mss)))
    }

    /// When it is worth to look again: a quarter of a burst later, so that the timer does not run
    /// for each segment.
    pub fn look_again_at(&self, rate: Rate, mss: u32) -> Instant {
        let quarter = rate.time_us(u64::from(BURST_SEGMENTS / 4 * mss));
        self.ready_at(rate, mss).after(quarter)
    }

    /// So many bytes leave now.
    pub fn sent(&mut self, now: Instant, bytes: u32, rate: Rate) {
        self.spent_until = self.spent_until.max(now).after(rate.time_us(u64::from(bytes)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_leaves_at_once_and_the_rest_at_the_rate() {
        let rate = Rate::of(100_000, 100_000, false);
        assert_eq!(rate.per_second(), 1_250_000);
        let (mut pace, mut now) = (Pace::default(), Instant::from_micros(1_000_000));
        let mut burst = 0;
        while pace.ready_at(rate, 1000) <= now {
            pace.sent(now, 1000, rate);
            burst += 1;
        }
        assert_eq!(burst, BURST_SEGMENTS + 1);
        let mut sent = 0;
        let end = now.after(100_000);
        while now < end {
            now = pace.look_again_at(rate, 1000).max(now);
            while pace.ready_at(rate, 1000) <= now {
                pace.sent(now, 1000, rate);
                sent += 1;
            }
        }
        assert!((120..=130).contains(&sent), "{sent}");
    }
}
