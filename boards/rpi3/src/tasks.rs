//! The service tasks: the static memory they live in, the executor that polls them, and their
//! timers.
//!
//! A task's type cannot be named, so it cannot have a static of its own on stable Rust. Instead the
//! tasks are placed one behind the other into one static region when the firmware starts, and stay
//! there for good: no heap, nothing is ever freed (docs/decisions/0003).

use core::cell::{RefCell, UnsafeCell};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::Waker;
use core::time::Duration;

use critical_section::Mutex;
use embassy_executor::raw::{Executor, TaskStorage};
use embassy_time_driver::Driver;
use embassy_time_queue_utils::Queue;

use crate::time;

/// Bytes for all tasks together; [`Tasks::used_bytes`] tells how much of it is in use.
pub const REGION_BYTES: usize = 1024 * 1024;

/// Alignment of the region: a cache line.
const REGION_ALIGN: usize = 64;

#[repr(C, align(64))]
struct Region(UnsafeCell<[MaybeUninit<u8>; REGION_BYTES]>);

// SAFETY: only `Tasks` touches the region, and `Tasks::take` gives out one.
unsafe impl Sync for Region {}

static REGION: Region = Region(UnsafeCell::new([MaybeUninit::uninit(); REGION_BYTES]));
static TAKEN: AtomicBool = AtomicBool::new(false);
static PENDING: AtomicBool = AtomicBool::new(false);
static EXECUTOR: static_cell::StaticCell<Executor> = static_cell::StaticCell::new();

/// Called by the executor when a task was woken.
#[unsafe(export_name = "__pender")]
fn pender(_context: *mut ()) {
    PENDING.store(true, Ordering::Release);
}

/// The tasks.
pub struct Tasks {
    executor: &'static Executor,
    used_bytes: usize,
}

impl Tasks {
    /// The one set of tasks; none at the second call.
    pub fn take() -> Option<Self> {
        if TAKEN.swap(true, Ordering::AcqRel) {
            return None;
        }
        let executor = EXECUTOR.init(Executor::new(core::ptr::null_mut()));
        Some(Self { executor, used_bytes: 0 })
    }

    /// Bytes of the region that hold tasks.
    pub fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    /// True if a task was woken since the last [`Tasks::poll`].
    pub fn pending(&self) -> bool {
        PENDING.load(Ordering::Acquire)
    }

    /// Wakes the tasks whose time has come and polls every task that was woken. Returns the time of
    /// the next timer.
    pub fn poll(&mut self) -> Option<Duration> {
        let due = TIMERS.next_expiration(micros(time::now()));
        PENDING.store(false, Ordering::Release);
        // SAFETY: `&mut self` of the one `Tasks`, and tasks have no way to it: this is not
        // reentered.
        unsafe { self.executor.poll() };
        // Timers that the tasks have just set may be due sooner.
        let next = TIMERS.next_expiration(micros(time::now())).min(due);
        (next != u64::MAX).then(|| Duration::from_micros(next))
    }

    /// A place of its own for a task.
    fn place<F: Future + 'static>(&mut self) -> &'static TaskStorage<F> {
        const { assert!(align_of::<TaskStorage<F>>() <= REGION_ALIGN) };
        let start = self.used_bytes.next_multiple_of(align_of::<TaskStorage<F>>());
        let end = start + size_of::<TaskStorage<F>>();
        assert!(end <= REGION_BYTES, "REGION_BYTES is too small for the tasks");
        self.used_bytes = end;
        let place = REGION.0.get().cast::<MaybeUninit<u8>>().wrapping_add(start);
        let place = place.cast::<MaybeUninit<TaskStorage<F>>>();
        // SAFETY: `[start, end)` lies in the region (asserted above), is aligned for the type
        // (`start` is, in a region aligned no less), and was given out to nobody before, nor will
        // be again: `used_bytes` only grows. The region is static. Any bytes are a valid
        // MaybeUninit.
        let place: &'static mut MaybeUninit<TaskStorage<F>> = unsafe { &mut *place };
        place.write(TaskStorage::new())
    }
}

impl firmware::Spawn for Tasks {
    fn spawn<F: Future<Output = ()> + 'static>(&mut self, name: &'static str, task: F) {
        match self.place::<F>().spawn(|| task) {
            Ok(token) => self.executor.spawner().spawn(token),
            // A place is used once, so it cannot be taken.
            Err(_) => unreachable!("task {name}"),
        }
    }
}

/// The timers of all tasks, behind `embassy_time`.
struct Timers(Mutex<RefCell<Queue>>);

impl Timers {
    /// Wakes what is due at `now`; the next time in microseconds, or `u64::MAX`.
    fn next_expiration(&self, now: u64) -> u64 {
        critical_section::with(|cs| self.0.borrow_ref_mut(cs).next_expiration(now))
    }
}

impl Driver for Timers {
    fn now(&self) -> u64 {
        micros(time::now())
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| self.0.borrow_ref_mut(cs).schedule_wake(at, waker));
    }
}

embassy_time_driver::time_driver_impl!(
    static TIMERS: Timers = Timers(Mutex::new(RefCell::new(Queue::new())))
);

/// `embassy_time` counts microseconds; 64 bits of them last.
fn micros(at: Duration) -> u64 {
    u64::try_from(at.as_micros()).unwrap_or(u64::MAX)
}
