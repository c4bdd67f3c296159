//! The clock of this process, as `embassy-time` sees it: real by default, virtual where a test says
//! so.
//!
//! Each thread has a clock and a timer queue of its own, so that simulations run side by side in
//! one test process. All timers of a thread fire in the loop that calls [`wake_expired`]; nothing
//! fires by itself.

use std::cell::{Cell, RefCell};
use std::sync::LazyLock;
use std::task::Waker;
use std::time::{Duration, Instant};

use embassy_time_driver::Driver;
use embassy_time_queue_utils::queue_generic::ConstGenericQueue;

/// Timers of a thread that may wait at a time. One more and another one fires early, which costs
/// its task one look at the clock.
const TIMERS: usize = 128;

/// When this process began.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

#[derive(Clone, Copy)]
enum Clock {
    Real,
    Virtual(Duration),
}

thread_local! {
    static CLOCK: Cell<Clock> = const { Cell::new(Clock::Real) };
    static TIMERS_WAITING: RefCell<ConstGenericQueue<TIMERS>> =
        const { RefCell::new(ConstGenericQueue::new()) };
}

struct ThreadTime;

impl Driver for ThreadTime {
    fn now(&self) -> u64 {
        ticks(now())
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        TIMERS_WAITING.with_borrow_mut(|timers| timers.schedule_wake(at, waker));
    }
}

embassy_time_driver::time_driver_impl!(static DRIVER: ThreadTime = ThreadTime);

/// Time since the process began, or this thread's virtual time.
pub fn now() -> Duration {
    match CLOCK.get() {
        Clock::Real => START.elapsed(),
        Clock::Virtual(now) => now,
    }
}

/// Makes this thread's time virtual: it stands still until it is set again. It never runs
/// backwards.
pub fn set_virtual(now: Duration) {
    let now = match CLOCK.get() {
        Clock::Real => now,
        Clock::Virtual(before) => before.max(now),
    };
    CLOCK.set(Clock::Virtual(now));
}

/// Wakes the tasks of this thread whose time has come; returns when the next one is due.
pub fn wake_expired() -> Option<Duration> {
    let now = ticks(now());
    let next = TIMERS_WAITING.with_borrow_mut(|timers| timers.next_expiration(now));
    (next != u64::MAX).then(|| Duration::from_micros(next))
}

/// `embassy-time` counts microseconds here (feature `tick-hz-1_000_000` of the firmware).
fn ticks(time: Duration) -> u64 {
    const _: () = assert!(embassy_time_driver::TICK_HZ == 1_000_000);
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_time_stands_still_and_never_runs_backwards() {
        set_virtual(Duration::from_secs(5));
        assert_eq!(embassy_time::Instant::now().as_micros(), 5_000_000);
        set_virtual(Duration::from_secs(4));
        assert_eq!(now(), Duration::from_secs(5));
    }

    #[test]
    fn a_timer_fires_when_its_time_has_come() {
        set_virtual(Duration::ZERO);
        assert_eq!(wake_expired(), None);
        embassy_time_driver::schedule_wake(1_000, Waker::noop());
        assert_eq!(wake_expired(), Some(Duration::from_millis(1)));
        set_virtual(Duration::from_millis(1));
        assert_eq!(wake_expired(), None);
    }
}
