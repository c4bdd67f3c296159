//! How often a time server is asked (RFC 4330 10).

use core::time::Duration;

use crate::limits::{NTP_INTERVAL_MAX, NTP_INTERVAL_MIN, NTP_RETRY_FIRST, NTP_STEADY, NTP_STEP};

/// The pause until the next question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// While the server answers.
    steady: Duration,
    /// While it does not.
    retry: Duration,
    /// The server wants no less.
    floor: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self::new()
    }
}

impl Pace {
    /// Of a server that was not asked yet.
    pub const fn new() -> Self {
        Self { steady: NTP_INTERVAL_MIN, retry: NTP_RETRY_FIRST, floor: Duration::ZERO }
    }

    /// The server told the time, and the clock was moved by so much. A clock that keeps well is
    /// looked after less and less often.
    pub fn told(&mut self, moved: Duration) -> Duration {
        self.retry = NTP_RETRY_FIRST;
        let pause = self.steady;
        if moved < NTP_STEADY {
            self.steady = (self.steady * 2).min(NTP_INTERVAL_MAX);
        } else if moved >= NTP_STEP {
            self.steady = NTP_INTERVAL_MIN;
        }
        pause.max(self.floor)
    }

    /// The server told nothing.
    pub fn silent(&mut self) -> Duration {
        let pause = self.retry;
        self.retry = (self.retry * 2).min(NTP_INTERVAL_MAX);
        pause.max(self.floor)
    }

    /// The server wants to be asked less often.
    pub fn too_fast(&mut self) -> Duration {
        self.floor = (self.floor.max(self.steady) * 2).min(NTP_INTERVAL_MAX);
        self.floor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_keeps_well_is_looked_after_less_often() {
        let mut pace = Pace::new();
        let well = Duration::from_millis(1);
        let pauses = [(); 6].map(|()| pace.told(well).as_secs());
        assert_eq!(pauses, [64, 128, 256, 512, 1024, 1024]);
        assert_eq!(pace.told(Duration::from_millis(50)).as_secs(), 1024);
        assert_eq!(pace.told(NTP_STEP).as_secs(), 1024);
        assert_eq!(pace.told(well).as_secs(), 64);
    }

    #[test]
    fn who_does_not_answer_is_asked_less_and_less_often() {
        let mut pace = Pace::new();
        let pauses = [(); 8].map(|()| pace.silent().as_secs());
        assert_eq!(pauses, [16, 32, 64, 128, 256, 512, 1024, 1024]);
        pace.told(Duration::ZERO);
        assert_eq!(pace.silent().as_secs(), 16);
    }

    #[test]
    fn who_wants_to_be_asked_less_often_is() {
        let mut pace = Pace::new();
        assert_eq!(pace.too_fast().as_secs(), 128);
        assert_eq!(pace.told(NTP_STEP).as_secs(), 128);
        assert_eq!(pace.silent().as_secs(), 128);
        let pauses = [(); 4].map(|()| pace.too_fast().as_secs());
        assert_eq!(pauses, [256, 512, 1024, 1024]);
    }
}
