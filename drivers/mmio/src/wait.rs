//! Time as an argument, and waits with a name and an end.

use core::fmt;
use core::time::Duration;

/// Monotonic time since an arbitrary start. Drivers own no clock: bring-up is given one, the data
/// path is given `now`.
pub trait Clock {
    /// Time since the clock's start.
    fn now(&mut self) -> Duration;
}

impl<T: Clock + ?Sized> Clock for &mut T {
    fn now(&mut self) -> Duration {
        (**self).now()
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
