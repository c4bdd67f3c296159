//! The last rung of recovery, and the end: the host controller without power, and stopped.

use core::fmt;

use mmio::{Clock, TimedOut, Within, pause};
use usb::{Host, StartError};

use crate::limits::{DRIVER_MAX, POWER_OFF};
use crate::{Nic, Reason, State};

/// What was not as it should be in a power cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerCycleError<E> {
    /// The controller did not come up afterwards: no network, for now.
    Start(StartError),
    /// The power was not switched; the controller was reset all the same.
    Switch(E),
    /// The controller did not stop before its power went.
    Stop(TimedOut),
}

impl<E: fmt::Display> fmt::Display for PowerCycleError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) => error.fmt(f),
            Self::Switch(error) => error.fmt(f),
            Self::Stop(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for PowerCycleError<E> {}

impl<H: Host> Nic<H> {
    /// Takes the power from the host controller and gives it back, and brings the controller up
    /// anew: the answer to [`NicEvent::PowerCycleDue`]. `switch` switches the power, off and on;
    /// what it can not do is told, and a controller that kept its power is reset all the same.
    /// Buffers that the controller did not let go of come back with its reset.
    ///
    /// Blocks for [`POWER_OFF`], for the switch, and for the host's own limits: half a second,
    /// without counting the switch.
    ///
    /// # Errors
    /// [`PowerCycleError`]. The next one is due after as many failures again.
    pub fn power_cycle<E>(
        &mut self,
        clock: &mut dyn Clock,
        mut switch: impl FnMut(&mut dyn Clock, bool) -> Result<(), E>,
    ) -> Result<(), PowerCycleError<E>> {
        self.power_cycles = self.power_cycles.saturating_add(1);
        self.power_cycles_ever += 1;
        self.lose(Reason::PowerCycle);
        // What it does not let go of, it has lost with its power.
        let stopped = self.host.stop(clock);
        let switched = switch(clock, false).and_then(|()| {
            pause(clock, POWER_OFF);
            switch(clock, true)
        });
        let started = self.host.start(clock);
        self.now = clock.now().max(self.now);
        self.drivers.detach(&mut self.host, self.now);
        self.state = State::Waiting { since: self.now };
        started.map_err(PowerCycleError::Start)?;
        switched.map_err(PowerCycleError::Switch)?;
        stopped.map_err(PowerCycleError::Stop)
    }

    /// Ends all traffic, for a restart of the machine: the device is told to be silent, so that the
    /// transfers under way end, then the host controller is stopped. Nothing is written to memory
    /// after that. Blocks for the drivers' and the host's limits: tens of milliseconds, as a rule.
    ///
    /// # Errors
    /// [`TimedOut`]: the host controller may still write.
    pub fn stop(&mut self, clock: &mut dyn Clock) -> Result<(), TimedOut> {
        if let Some(driver) = self.driver() {
            let clock = &mut Within::new(clock, DRIVER_MAX);
            self.drivers.silence(driver, &mut self.host, clock);
        }
        self.state = State::Waiting { since: self.now };
        self.host.stop(clock)
    }
}
