//! The raw embassy executor with a loop of our own around it, as on the board.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use embassy_executor::raw::{self, TaskStorage};

/// An executor for tasks that live until the process ends.
#[derive(Clone, Copy)]
pub struct Executor {
    raw: &'static raw::Executor,
    state: &'static State,
}

#[derive(Default)]
struct State {
    /// A task was woken.
    pended: AtomicBool,
    /// `poll` is under way.
    polling: AtomicBool,
}

impl Default for Executor {
    fn default() -> Self {
        Self::new()
    }
}

impl Executor {
    /// An executor without tasks. Its memory is never given back: tasks hold on to it.
    pub fn new() -> Self {
        let state: &'static State = Box::leak(Box::default());
        let context = std::ptr::from_ref(state).cast_mut().cast::<()>();
        Self { raw: Box::leak(Box::new(raw::Executor::new(context))), state }
    }

    /// Adds a task. Its memory is never given back: wakers may outlive it.
    pub fn spawn<F: Future<Output = ()> + 'static>(&self, future: F) {
        let storage: &'static TaskStorage<F> = Box::leak(Box::new(TaskStorage::new()));
        let token = storage.spawn(|| future).expect("the storage is new, hence free");
        self.raw.spawner().spawn(token);
    }

    /// Lets every task that was woken run once, until it waits again.
    ///
    /// # Panics
    /// If a task polls the executor it runs on.
    pub fn poll(&self) {
        let State { pended, polling } = self.state;
        pended.store(false, Ordering::Release);
        assert!(!polling.swap(true, Ordering::Relaxed), "a task polls its own executor");
        // SAFETY: `poll` may not be called reentrantly, from the pender or another thread.
        // `polling` was false, so no call is under way (after a panic of a task it stays true for
        // ever); the pender only stores a flag; and `Executor` is not `Send`, as raw::Executor is
        // not `Sync`.
        unsafe { self.raw.poll() };
        polling.store(false, Ordering::Relaxed);
    }

    /// True if a task was woken since [`Executor::poll`] began.
    pub fn has_work(&self) -> bool {
        self.state.pended.load(Ordering::Acquire)
    }
}

/// Called by the executor when a task of it was woken, from whatever thread.
#[unsafe(export_name = "__pender")]
fn pender(context: *mut ()) {
    // SAFETY: contexts come from `Executor::new` only, which passes a leaked `State`: valid for
    // ever, and shared references to it are all that exist.
    let state = unsafe { &*context.cast::<State>() };
    state.pended.store(true, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;
    use crate::time;

    #[test]
    fn a_task_sleeps_in_virtual_time() {
        time::set_virtual(Duration::ZERO);
        let executor = Executor::new();
        let woken = Rc::new(Cell::new(0));
        let counter = woken.clone();
        executor.spawn(async move {
            loop {
                embassy_time::Timer::after_millis(10).await;
                counter.set(counter.get() + 1);
            }
        });
        assert!(executor.has_work());
        for milliseconds in 0..=35 {
            time::set_virtual(Duration::from_millis(milliseconds));
            time::wake_expired();
            executor.poll();
        }
        assert_eq!(woken.get(), 3);
        assert!(!executor.has_work());
    }

    #[test]
    #[should_panic(expected = "a task polls its own executor")]
    fn an_executor_does_not_nest() {
        let executor = Executor::new();
        executor.spawn(async move { executor.poll() });
        executor.poll();
    }
}
