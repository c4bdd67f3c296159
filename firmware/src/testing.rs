//! For unit tests of async code: a thread's own virtual clock behind `embassy_time`, and a
//! `block_on`.
//!
//! A future that waits only for time is woken by moving the clock to its next timer, so a test of a
//! timeout takes no time.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::cell::{Cell, RefCell};
use std::vec::Vec;

use embassy_time_driver::Driver;

std::thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
    static TIMERS: RefCell<Vec<(u64, Waker)>> = const { RefCell::new(Vec::new()) };
}

struct VirtualTime;

impl Driver for VirtualTime {
    fn now(&self) -> u64 {
        NOW.get()
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        TIMERS.with_borrow_mut(|timers| timers.push((at, waker.clone())));
    }
}

embassy_time_driver::time_driver_impl!(static DRIVER: VirtualTime = VirtualTime);

/// Moves this thread's clock to the next timer and wakes its owner; false if there is none.
pub fn advance_to_next_timer() -> bool {
    let due = TIMERS.with_borrow_mut(|timers| {
        let at = timers.iter().map(|(at, _)| *at).min()?;
        NOW.set(NOW.get().max(at));
        let now = NOW.get();
        let (due, rest) = timers.drain(..).partition(|(at, _)| *at <= now);
        *timers = rest;
        Some::<Vec<(u64, Waker)>>(due)
    });
    match due {
        Some(due) => {
            due.into_iter().for_each(|(_, waker)| waker.wake());
            true
        }
        None => false,
    }
}

/// Runs a future to its end. Panics if it waits for something that can no longer happen.
pub fn block_on<F: Future>(future: F) -> F::Output {
    /// Polls of one future; more is a loop.
    const POLLS_MAX: u32 = 10_000_000;
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    let mut idle = 0;
    for _ in 0..POLLS_MAX {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        // Polled twice without a timer in between: whatever could make progress by itself has done
        // so.
        idle += 1;
        if idle > 2 {
            assert!(advance_to_next_timer(), "the future waits for nothing that will happen");
            idle = 0;
        }
    }
    panic!("the future goes on for ever");
}

/// The virtual time.
pub fn clock() -> core::time::Duration {
    core::time::Duration::from_micros(embassy_time::Instant::now().as_micros())
}

/// A system of its own, with default settings and nothing attached.
pub fn system() -> &'static crate::System {
    use std::boxed::Box;

    // A test's own stack is too small for what is on its way to the heap.
    let make = || Box::leak(Box::new(crate::net::Buffers::new()));
    let stack = 8 * size_of::<crate::net::Buffers>();
    let maker = std::thread::Builder::new().stack_size(stack).spawn(make).expect("a thread");
    let buffers = maker.join().expect("memory");
    let memory = crate::Memory {
        buffers,
        sockets: Box::leak(Box::new(crate::no_sockets())),
        system: Box::leak(Box::new(core::mem::MaybeUninit::uninit())),
    };
    let (config, faults) = crate::config::Config::parse("");
    let facts = crate::Facts {
        board: crate::status::BoardFacts::default(),
        config,
        faults,
        seed: [7; 32],
        log: None,
        clock,
    };
    crate::Firmware::new(memory, facts).system()
}
