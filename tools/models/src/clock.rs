//! Virtual time, shared by the model, the driver and the test.
//!
//! Every look at the clock moves it on a little, so that a wait with an end comes to its end; every
//! access to a register of the model costs a little too, as on the chip.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// How far one [`mmio::Clock::now`] moves a clock, unless told otherwise.
pub const STEP: Duration = Duration::from_micros(1);

/// A clock that moves when it is looked at, or told to. Clones show the same time.
#[derive(Clone, Debug)]
pub struct VirtualClock {
    nanos: Rc<Cell<u64>>,
    step: Rc<Cell<Duration>>,
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl VirtualClock {
    /// A clock at zero that takes [`STEP`]s.
    pub fn new() -> Self {
        Self { nanos: Rc::default(), step: Rc::new(Cell::new(STEP)) }
    }

    /// Sets how far one look moves the clock: a coarse step makes long waits cheap.
    pub fn set_step(&self, step: Duration) {
        self.step.set(step);
    }

    /// The time, without moving it.
    pub fn peek(&self) -> Duration {
        Duration::from_nanos(self.nanos.get())
    }

    /// Lets `time` pass.
    pub fn advance(&self, time: Duration) {
        self.nanos.set(self.nanos.get() + time.as_nanos() as u64);
    }
}

impl mmio::Clock for VirtualClock {
    fn now(&mut self) -> Duration {
        self.advance(self.step.get());
        self.peek()
    }
}
