//! HyStart++ (RFC 9406): leaving slow start when round trips grow, before something is lost.
//!
//! A queue that fills on the way shows in the round trips. When a round's smallest one is clearly
//! above the last round's, the window grows four times more slowly for five rounds; if they shrink
//! again it was a false alarm, else slow start ends there.

use crate::seq::Seq;

/// The increase that counts is an eighth of the round trip, within these bounds (RFC 9406 4.3).
const INCREASE_US_MIN: u64 = 4_000;
const INCREASE_US_MAX: u64 = 16_000;
/// Round trips that a round must have measured.
const SAMPLES_MIN: u32 = 8;
/// The window grows by 1/4 of what was acknowledged in conservative slow start.
const GROWTH_DIVISOR: u32 = 4;
/// Rounds of conservative slow start.
const CAREFUL_ROUNDS: u32 = 5;

/// What one ACK means for slow start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Growth {
    /// The window grows by this part of what was acknowledged.
    Part(u32),
    /// Slow start is over.
    Over,
}

/// The rounds so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HyStart {
    round_end: Option<Seq>,
    last_us: u64,
    current_us: u64,
    samples: u32,
    /// Rounds of conservative slow start so far, and the round trip before it.
    careful: Option<(u32, u64)>,
}

impl HyStart {
    pub const fn new() -> Self {
        Self { round_end: None, last_us: u64::MAX, current_us: u64::MAX, samples: 0, careful: None }
    }

    /// An ACK up to `una`, while `nxt` is the next to be sent.
    pub fn acked(&mut self, una: Seq, nxt: Seq, round_trip_us: Option<u64>) -> Growth {
        if self.round_end.is_none_or(|end| end.le(una)) {
            self.round_end = Some(nxt);
            self.last_us = self.current_us;
            self.current_us = u64::MAX;
            self.samples = 0;
            if let Some((rounds, _)) = &mut self.careful {
                *rounds += 1;
                if *rounds >= CAREFUL_ROUNDS {
                    return Growth::Over;
                }
            }
        }
        if let Some(us) = round_trip_us {
            self.current_us = self.current_us.min(us);
            self.samples += 1;
        }
        if self.samples >= SAMPLES_MIN && self.last_us != u64::MAX {
            match self.careful {
                None => {
                    let increase = (self.last_us / 8).clamp(INCREASE_US_MIN, INCREASE_US_MAX);
                    if self.current_us >= self.last_us + increase {
                        self.careful = Some((0, self.current_us));
                    }
                }
                Some((_, before)) if self.current_us < before => self.careful = None,
                Some(_) => {}
            }
        }
        Growth::Part(if self.careful.is_some() { GROWTH_DIVISOR } else { 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A round of ten ACKs with this round trip.
    fn round(hystart: &mut HyStart, number: u32, us: u64) -> Growth {
        let mut growth = Growth::Part(0);
        for ack in 0..10 {
            let una = Seq(number * 1000 + ack * 100);
            growth = hystart.acked(una, Seq((number + 1) * 1000), Some(us));
            if growth == Growth::Over {
                break;
            }
        }
        growth
    }

    #[test]
    fn steady_round_trips_change_nothing() {
        let mut hystart = HyStart::new();
        for number in 0..20 {
            assert_eq!(
                round(&mut hystart, number, 20_000 + u64::from(number % 3)),
                Growth::Part(1)
            );
        }
    }

    #[test]
    fn a_queue_that_fills_ends_slow_start_after_five_careful_rounds() {
        let mut hystart = HyStart::new();
        assert_eq!(round(&mut hystart, 0, 20_000), Growth::Part(1));
        assert_eq!(round(&mut hystart, 1, 25_000), Growth::Part(4));
        for number in 2..6 {
            assert_eq!(round(&mut hystart, number, 26_000), Growth::Part(4), "{number}");
        }
        assert_eq!(round(&mut hystart, 6, 26_000), Growth::Over);
    }

    #[test]
    fn a_false_alarm_goes_on_as_before() {
        let mut hystart = HyStart::new();
        round(&mut hystart, 0, 20_000);
        assert_eq!(round(&mut hystart, 1, 25_000), Growth::Part(4));
        assert_eq!(round(&mut hystart, 2, 20_000), Growth::Part(1));
    }
}
