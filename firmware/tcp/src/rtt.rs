//! Round trips and the retransmission timeout (RFC 6298).

use crate::limits::{CLOCK_US, ROUND_TRIP_US_MAX, RTO_INITIAL_US, RTO_US_MAX, RTO_US_MIN};

/// The estimate. All times are microseconds; SRTT and RTTVAR are kept times 8 and 4, as the gains
/// of 1/8 and 1/4 ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rtt {
    smoothed_8: u64,
    variation_4: u64,
    rto_us: u64,
    backoff: u32,
    measured: bool,
}

impl Rtt {
    pub const fn new() -> Self {
        Self { smoothed_8: 0, variation_4: 0, rto_us: RTO_INITIAL_US, backoff: 0, measured: false }
    }

    /// A measured round trip (RFC 6298 2.2, 2.3). It ends the backoff (RFC 6298 5, last note).
    pub fn measure(&mut self, us: u64) {
        let us = us.min(ROUND_TRIP_US_MAX);
        if self.measured {
            let error = (self.smoothed_8 / 8).abs_diff(us);
            self.variation_4 = self.variation_4 - self.variation_4 / 4 + error;
            self.smoothed_8 = self.smoothed_8 - self.smoothed_8 / 8 + us;
        } else {
            self.measured = true;
            self.smoothed_8 = us * 8;
            self.variation_4 = us / 2 * 4;
        }
        let rto = self.smoothed_8 / 8 + self.variation_4.max(CLOCK_US);
        self.rto_us = rto.clamp(RTO_US_MIN, RTO_US_MAX);
        self.backoff = 0;
    }

    /// What to begin with when the handshake was lost in part and nothing was measured (RFC 6298
    /// 5.7).
    pub fn assume(&mut self, rto_us: u64) {
        if !self.measured {
            self.rto_us = rto_us;
        }
        self.backoff = 0;
    }

    /// SRTT, once there is one.
    pub fn smoothed_us(&self) -> Option<u64> {
        self.measured.then_some(self.smoothed_8 / 8)
    }

    /// RTTVAR.
    pub fn variation_us(&self) -> u64 {
        self.variation_4 / 4
    }

    /// RTO, doubled for every timeout in a row (RFC 6298 5.5).
    pub fn timeout_us(&self) -> u64 {
        (self.rto_us << self.backoff.min(20)).min(RTO_US_MAX)
    }

    /// A timeout: the next one takes twice as long.
    pub fn back_off(&mut self) {
        if self.timeout_us() < RTO_US_MAX {
            self.backoff += 1;
        }
    }

    /// The peer has answered: no backoff any more.
    pub fn answered(&mut self) {
        self.backoff = 0;
    }

    /// How often it was doubled.
    pub fn backoff(&self) -> u32 {
        self.backoff
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_and_the_following_samples() {
        let mut rtt = Rtt::new();
        assert_eq!((rtt.timeout_us(), rtt.smoothed_us()), (1_000_000, None));
        rtt.measure(400_000);
        assert_eq!(rtt.smoothed_us(), Some(400_000));
        assert_eq!(rtt.variation_us(), 200_000);
        assert_eq!(rtt.timeout_us(), 400_000 + 4 * 200_000);
        rtt.measure(400_000);
        assert_eq!(rtt.variation_us(), 150_000);
        assert_eq!(rtt.timeout_us(), 400_000 + 4 * 150_000);
    }

    #[test]
    fn timeouts_double_to_a_minute_and_an_answer_ends_it() {
        let mut rtt = Rtt::new();
        let timeouts: std::vec::Vec<u64> = (0..9)
            .map(|_| {
                let now = rtt.timeout_us() / 1_000_000;
                rtt.back_off();
                now
            })
            .collect();
        assert_eq!(timeouts, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        rtt.measure(100);
        assert_eq!(rtt.timeout_us(), RTO_US_MIN);
    }

    proptest! {
        #[test]
        fn any_samples_keep_the_timeout_in_its_bounds(samples: std::vec::Vec<u64>) {
            let mut rtt = Rtt::new();
            for sample in samples {
                rtt.measure(sample);
                prop_assert!((RTO_US_MIN..=RTO_US_MAX).contains(&rtt.timeout_us()));
                prop_assert!(rtt.smoothed_us().is_some_and(|us| us <= ROUND_TRIP_US_MAX));
            }
        }
    }
}
