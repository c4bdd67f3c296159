//! Pacing: a window is spread over its round trip rather than sent at once.
//!
//! A short queue on the way then holds it, and one ACK that opens a whole window makes no burst.
//! The rate is a little above what the window asks for, so that pacing is never the limit; up to
//! `BURST_SEGMENTS` may leave ahead of it.

use crate::limits::BURST_SEGMENTS;
use crate::time::Instant;

/// How far ahead of the rate what was sent is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    /// Bytes, at that time. Not a time: a rate that rises pays the debt sooner.
    ahead: u64,
    at: Instant,
}

/// The rate as a window per time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub bytes: u64,
    pub us: u64,
}

impl Rate {
    /// Twice a window in a round trip in slow start (RFC 9002 7.7's reasoning), else 5/4.
    pub fn of(window: u32, round_trip_us: u64, slow_start: bool) -> Self {
        let us = round_trip_us.max(1);
        let bytes = u64::from(window.max(1));
        if slow_start { Self { bytes: bytes * 2, us } } else { Self { bytes: bytes * 5 / 4, us } }
    }

    /// Bytes a second.
    pub fn per_second(self) -> u64 {
        self.bytes.max(1).saturating_mul(1_000_000) / self.us.max(1)
    }

    fn time_us(self, bytes: u64) -> u64 {
        bytes.saturating_mul(self.us).div_ceil(self.bytes.max(1))
    }

    fn bytes_in(self, us: u64) -> u64 {
        us.saturating_mul(self.bytes) / self.us.max(1)
    }
}

impl Pace {
    fn ahead(&self, now: Instant, rate: Rate) -> u64 {
        self.ahead.saturating_sub(rate.bytes_in(now.since(self.at)))
    }

    /// May a segment leave now? If not, when it is worth to look again: when a quarter of a burst
    /// may, so that the timer does not run for each segment.
    pub fn wait(&self, now: Instant, rate: Rate, mss: u32) -> Option<Instant> {
        let burst = u64::from(BURST_SEGMENTS * mss);
        let ahead = self.ahead(now, rate);
        (ahead > burst).then(|| now.after(rate.time_us(ahead - burst / 4 * 3).max(1)))
    }

    /// So many bytes leave now.
    pub fn sent(&mut self, now: Instant, bytes: u32, rate: Rate) {
        self.ahead = self.ahead(now, rate) + u64::from(bytes);
        self.at = now;
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
        while pace.wait(now, rate, 1000).is_none() {
            pace.sent(now, 1000, rate);
            burst += 1;
        }
        assert_eq!(burst, BURST_SEGMENTS + 1);
        let mut sent = 0;
        let end = now.after(100_000);
        while now < end {
            match pace.wait(now, rate, 1000) {
                Some(at) => now = at,
                None => {
                    pace.sent(now, 1000, rate);
                    sent += 1;
                }
            }
        }
        assert!((120..=130).contains(&sent), "{sent}");
    }

    #[test]
    fn a_rate_that_rises_pays_old_debt_sooner() {
        let (slow, fast) = (Rate::of(1_000, 1_000_000, false), Rate::of(100_000, 10_000, false));
        let (mut pace, now) = (Pace::default(), Instant::from_micros(1_000_000));
        while pace.wait(now, slow, 1000).is_none() {
            pace.sent(now, 1000, slow);
        }
        let at = pace.wait(now, fast, 1000).expect("still ahead");
        assert!(at.since(now) < 1_000, "{}", at.since(now));
    }
}
