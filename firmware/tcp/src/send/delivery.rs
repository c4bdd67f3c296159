//! How fast the way delivers (draft-cheng-iccrg-delivery-rate-estimation-00): the bytes delivered
//! from the sending of a segment to its arrival, by the time that took.

use crate::congestion::Sample;
use crate::time::Instant;

/// What was so when a segment left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Bytes delivered by then; wraps.
    delivered: u32,
    /// When the last of them were, in microseconds; wraps.
    delivered_at_us: u32,
    /// Since the sending of what was delivered last, in microseconds.
    sent_us: u32,
    /// The application was the limit.
    limited: bool,
}

/// A connection's account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery {
    delivered: u32,
    delivered_at: Instant,
    /// When that was sent which was delivered last.
    sent_at: Instant,
    /// The application is the limit until so much is delivered.
    limited_until: Option<u32>,
}

impl Delivery {
    pub const fn new() -> Self {
        Self {
            delivered: 0,
            delivered_at: Instant::START,
            sent_at: Instant::START,
            limited_until: None,
        }
    }

    /// Bytes delivered so far; wraps.
    pub fn delivered(&self) -> u32 {
        self.delivered
    }

    /// The mark of a segment that leaves now; `idle` if nothing is in flight.
    pub fn mark(&mut self, now: Instant, idle: bool) -> Mark {
        if idle {
            self.delivered_at = now;
            self.sent_at = now;
        }
        Mark {
            delivered: self.delivered,
            delivered_at_us: self.delivered_at.micros() as u32,
            sent_us: now.since(self.sent_at) as u32,
            limited: self.limited_until.is_some(),
        }
    }

    /// The application has nothing more to send, with so much in flight.
    pub fn limited(&mut self, flight: u32) {
        self.limited_until = Some(self.delivered.wrapping_add(flight));
    }

    /// So many bytes were delivered; `latest` is what was sent last of them, and its mark. No
    /// segment arrives in less than `least_us`.
    pub fn acked(
        &mut self,
        now: Instant,
        bytes: u32,
        latest: Option<(Instant, Mark)>,
        least_us: u64,
    ) -> Option<Sample> {
        if bytes == 0 {
            return None;
        }
        self.delivered = self.delivered.wrapping_add(bytes);
        self.delivered_at = now;
        let is_past = |until: u32| (self.delivered.wrapping_sub(until) as i32) > 0;
        self.limited_until = self.limited_until.filter(|until| !is_past(*until));
        let (sent_at, mark) = latest?;
        self.sent_at = sent_at;
        // The slower of sending and of arriving: neither a burst nor ACKs that come together make
        // the way faster than it is.
        let arrived_us = (now.micros() as u32).wrapping_sub(mark.delivered_at_us);
        let us = u64::from(arrived_us.max(mark.sent_us));
        let bytes = u64::from(self.delivered.wrapping_sub(mark.delivered));
        let rate = (us >= least_us.max(1)).then(|| bytes * 1_000_000 / us.max(1));
        Some(Sample { delivered_before: mark.delivered, rate, limited: mark.limited })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::vec::Vec;

    const SEGMENT: u32 = 1000;

    fn at(us: u64) -> Instant {
        Instant::from_micros(us)
    }

    #[test]
    fn the_rate_is_the_bottlenecks() {
        // Ten in flight, one segment each millisecond gets through, and lets another leave.
        let mut delivery = Delivery::new();
        let mut flight: VecDeque<(Instant, Mark)> =
            (0..10).map(|sent| (at(0), delivery.mark(at(0), sent == 0))).collect();
        let mut rates = Vec::new();
        for step in 0..30 {
            let now = at(10_000 + 1_000 * step);
            let sample = delivery.acked(now, SEGMENT, flight.pop_front(), 9_000);
            rates.extend(sample.and_then(|sample| sample.rate));
            flight.push_back((now, delivery.mark(now, false)));
        }
        assert_eq!(rates[0], 100_000, "one in 10 ms");
        assert!(rates[20..].iter().all(|rate| *rate == 1_000_000), "{rates:?}");
    }

    #[test]
    fn acks_that_come_together_are_no_faster_than_the_sending() {
        let mut delivery = Delivery::new();
        let marks: Vec<Mark> =
            (0..10).map(|sent| delivery.mark(at(1_000 * sent), sent == 0)).collect();
        let sample = delivery.acked(at(9_001), 10 * SEGMENT, Some((at(9_000), marks[9])), 0);
        assert_eq!(sample.and_then(|sample| sample.rate), Some(1_110_987), "10,000 in 9 ms");
    }

    #[test]
    fn nothing_arrives_before_it_can() {
        let mut delivery = Delivery::new();
        let mark = delivery.mark(at(0), true);
        let sample = delivery.acked(at(100), SEGMENT, Some((at(0), mark)), 10_000);
        assert_eq!(sample.map(|sample| sample.rate), Some(None));
    }

    #[test]
    fn what_the_application_held_back_is_known_until_it_arrived() {
        let mut delivery = Delivery::new();
        let first = delivery.mark(at(0), true);
        delivery.limited(SEGMENT);
        let second = delivery.mark(at(1), false);
        assert!(!first.limited && second.limited);
        delivery.acked(at(10), SEGMENT, Some((at(0), first)), 0);
        assert!(delivery.mark(at(10), false).limited, "as much as was in flight has arrived");
        delivery.acked(at(11), SEGMENT, Some((at(1), second)), 0);
        assert!(!delivery.mark(at(11), false).limited);
    }
}
