//! Time as an argument, and waits with a name and an end.

use core::fmt;
use core::time::Duration;

/// Monotonic time since an arbitrary start. Drivers own no clock: bring-up is given one, the data
/// path is given `now`.
pub trait Clock {
    /// Time since the clock's start.
    fn now(&mut self) -> Duration;

    /// The time at which whoever was given this clock has to come to an end, done or not: nothing
    /// is begun after it. `None`: the limit of each single wait is enough. See [`Within`].
    fn deadline(&self) -> Option<Duration> {
        None
    }
}

impl<T: Clock + ?Sized> Clock for &mut T {
    fn now(&mut self) -> Duration {
        (**self).now()
    }

    fn deadline(&self) -> Option<Duration> {
        (**self).deadline()
    }
}

/// A clock with a deadline: a budget for many waits, each of which has its own limit and all of
/// which together would take far longer.
pub struct Within<'a> {
    clock: &'a mut dyn Clock,
    deadline: Duration,
}

impl<'a> Within<'a> {
    /// The same clock, for no longer than `budget` from now on, nor than it allows itself.
    pub fn new(clock: &'a mut dyn Clock, budget: Duration) -> Self {
        let own = clock.now() + budget;
        let deadline = clock.deadline().map_or(own, |outer| outer.min(own));
        Self { clock, deadline }
    }

    /// No longer than `budget` from now on, if that is sooner than the deadline.
    pub fn shorten(&mut self, budget: Duration) {
        self.deadline = self.deadline.min(self.clock.now() + budget);
    }
}

impl fmt::Debug for Within<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Within({:?})", self.deadline)
    }
}

impl Clock for Within<'_> {
    fn now(&mut self) -> Duration {
        self.clock.now()
    }

    fn deadline(&self) -> Option<Duration> {
        Some(self.deadline)
    }
}

/// Something did not happen in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut {
    /// What was waited for, in words for a person.
    pub what: &'static str,
    /// How long.
    pub waited: Duration,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: not within {} ms", self.what, self.waited.as_millis())
    }
}

impl core::error::Error for TimedOut {}

/// Waits until `ready` returns true, but no longer than `limit`.
///
/// # Errors
/// [`TimedOut`] with `what`, if `ready` was still false at the end.
pub fn wait(
    clock: &mut (impl Clock + ?Sized),
    what: &'static str,
    limit: Duration,
    mut ready: impl FnMut() -> bool,
) -> Result<(), TimedOut> {
    let start = clock.now();
    loop {
        if ready() {
            return Ok(());
        }
        let waited = clock.now().saturating_sub(start);
        if waited >= limit {
            // One last look: on a loaded machine the clock may have jumped since `ready` was asked.
            return if ready() { Ok(()) } else { Err(TimedOut { what, waited }) };
        }
        core::hint::spin_loop();
    }
}

/// Lets `time` pass. For bring-up only: a data sheet's minimum delay.
pub fn pause(clock: &mut (impl Clock + ?Sized), time: Duration) {
    let start = clock.now();
    // bounded: by the clock, which is monotonic.
    while clock.now().saturating_sub(start) < time {
        core::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ticks(u64);

    impl Clock for Ticks {
        fn now(&mut self) -> Duration {
            self.0 += 1;
            Duration::from_secs(self.0)
        }
    }

    #[test]
    fn the_inner_budget_is_never_longer_than_the_outer_one() {
        let mut clock = Ticks(0);
        assert_eq!(clock.deadline(), None);
        let mut outer = Within::new(&mut clock, Duration::from_secs(10));
        assert_eq!(outer.deadline(), Some(Duration::from_secs(11)));
        let inner = Within::new(&mut outer, Duration::from_secs(3));
        assert_eq!(inner.deadline(), Some(Duration::from_secs(5)));
        let inner = Within::new(&mut outer, Duration::from_secs(30));
        assert_eq!(inner.deadline(), Some(Duration::from_secs(11)));
    }
}
