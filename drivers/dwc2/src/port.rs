//! The root port.
//!
//! HPRT is a dangerous register: connect-detected, enable, enable-change and over-current-change
//! clear when written as 1, and clearing "enable" turns the port off. [`PortStatus::keep`] is the
//! only way to a value that may be written: it zeroes all four.

use core::time::Duration;

use mmio::{Registers, RegistersExt};
use tock_registers::LocalRegisterCopy;
use usb::{RootPort, Speed, TransferError};

use crate::Dwc2;
use crate::core_setup::{configure, is_host};
use crate::limits::{
    DEBOUNCE, HALT_WAIT_MAX, HOST_MODE_WAIT_MAX, PORT_RETRY, RESET, RESET_RECOVERY,
};
use crate::registers::*;

/// HPRT as it was read.
#[derive(Clone, Copy)]
pub(crate) struct PortStatus(LocalRegisterCopy<u32, HPRT::Register>);

/// HPRT as it may be written: no bit of it clears anything unless asked to.
#[derive(Clone, Copy)]
pub(crate) struct PortWrite(u32);

impl PortStatus {
    pub fn read(registers: &mut impl Registers) -> Self {
        Self(registers.read(HPRT))
    }

    pub fn connected(self) -> bool {
        self.0.is_set(HPRT::CONN_STS)
    }

    pub fn enabled(self) -> bool {
        self.0.is_set(HPRT::ENA)
    }

    fn connect_detected(self) -> bool {
        self.0.is_set(HPRT::CONN_DET)
    }

    fn speed(self) -> Speed {
        match self.0.read_as_enum(HPRT::SPD) {
            Some(HPRT::SPD::Value::FULL) => Speed::Full,
            Some(HPRT::SPD::Value::LOW) => Speed::Low,
            _ => Speed::High,
        }
    }

    /// The same again, with every write-1-to-clear bit zero.
    fn keep(self) -> PortWrite {
        let write_one_to_clear = HPRT::CONN_DET::SET.value
            | HPRT::ENA::SET.value
            | HPRT::ENA_CHNG::SET.value
            | HPRT::OVR_CURR_CHNG::SET.value;
        PortWrite(self.0.get() & !write_one_to_clear)
    }

    /// The changes that were seen, and only these, as a write that acknowledges them.
    fn acknowledge(self) -> Option<PortWrite> {
        let changes =
            HPRT::CONN_DET::SET.value | HPRT::ENA_CHNG::SET.value | HPRT::OVR_CURR_CHNG::SET.value;
        let seen = self.0.get() & changes;
        (seen != 0).then(|| PortWrite(self.keep().0 | seen))
    }
}

impl PortWrite {
    fn power(self) -> Self {
        Self(self.0 | HPRT::PWR::SET.value)
    }

    fn reset(self, on: bool) -> Self {
        Self(if on { self.0 | HPRT::RST::SET.value } else { self.0 & !HPRT::RST::SET.value })
    }

    fn write(self, registers: &mut impl Registers) {
        registers.write_raw(HPRT.offset(), self.0);
    }
}

/// Where the port is on its way. Each state says what ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The core is stopped, and its power may be off.
    Off,
    Empty,
    Debouncing {
        until: Duration,
    },
    Resetting {
        until: Duration,
    },
    Recovering {
        until: Duration,
    },
    Ready(Speed),
    /// The device is gone or given up; the channels are told to stop, then the port starts anew.
    Stopping {
        until: Duration,
    },
    /// A channel did not stop, so the core is being reset.
    CoreReset {
        step: ResetStep,
        until: Duration,
    },
    Failed {
        retry: Duration,
    },
}

/// The steps of a core reset; each is over when its bit of GRSTCTL has cleared itself, `HostMode`
/// when the core is a host again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ResetStep {
    Core,
    HostMode,
    TransmitFifos,
    ReceiveFifo,
}

/// The port's state machine.
#[derive(Debug)]
pub(crate) struct RootPortState(State);

impl RootPortState {
    pub fn new() -> Self {
        Self(State::Empty)
    }

    pub fn off() -> Self {
        Self(State::Off)
    }

    pub fn is_off(&self) -> bool {
        self.0 == State::Off
    }

    /// A core reset is under way: no register but GRSTCTL may be touched.
    pub fn is_resetting(&self) -> bool {
        matches!(self.0, State::CoreReset { .. })
    }

    /// The speed of the device on the port, while it is usable.
    pub fn speed(&self) -> Option<Speed> {
        match self.0 {
            State::Ready(speed) => Some(speed),
            _ => None,
        }
    }
}

impl<R: Registers> Dwc2<R> {
    /// One step of the port. See [`usb::Host::root_port`].
    pub(crate) fn step_port(&mut self, now: Duration) -> RootPort {
        match self.port.0 {
            State::Off => return RootPort::Failed(now + PORT_RETRY),
            // Until the core is back no other register may be touched.
            State::CoreReset { step, until } => return self.step_reset(now, step, until),
            _ => {}
        }
        let status = PortStatus::read(&mut self.registers);
        if !status.0.is_set(HPRT::PWR) {
            status.keep().power().write(&mut self.registers);
        }
        // A device that went and came again between two looks shows only in this bit.
        let replugged = status.connect_detected();
        if let Some(acknowledge) = status.acknowledge() {
            acknowledge.power().write(&mut self.registers);
        }
        if self.registers.read(GINTSTS).is_set(GINT::DISCONNECT) {
            self.registers.write(GINTSTS, GINT::DISCONNECT::SET);
        }
        let connected = status.connected();
        let state = match self.port.0 {
            State::Empty if connected => State::Debouncing { until: now + DEBOUNCE },
            State::Empty => State::Empty,
            State::Debouncing { .. } if !connected => State::Empty,
            State::Debouncing { until } if now < until => self.port.0,
            State::Debouncing { .. } => {
                status.keep().power().reset(true).write(&mut self.registers);
                State::Resetting { until: now + RESET }
            }
            State::Resetting { until } if now < until => self.port.0,
            State::Resetting { .. } => {
                status.keep().power().reset(false).write(&mut self.registers);
                State::Recovering { until: now + RESET_RECOVERY }
            }
            State::Recovering { until } if now < until => self.port.0,
            State::Recovering { .. } if status.enabled() => {
                self.generation = self.generation.wrapping_add(1);
                State::Ready(status.speed())
            }
            State::Recovering { .. } if !connected => State::Empty,
            State::Recovering { .. } => State::Failed { retry: now + PORT_RETRY },
            State::Ready(_) if connected && status.enabled() && !replugged => self.port.0,
            State::Ready(_) => self.stop(now),
            State::Stopping { until } => {
                if self.all_halted() {
                    self.fail_pipes(TransferError::Disconnected);
                    State::Empty
                } else if now < until {
                    self.port.0
                } else {
                    // Memory the core may still write to cannot be given back before the core is
                    // reset.
                    self.registers.write(GRSTCTL, GRSTCTL::CORE_SOFT_RESET::SET);
                    State::CoreReset { step: ResetStep::Core, until: now + HALT_WAIT_MAX }
                }
            }
            State::Off | State::CoreReset { .. } => self.port.0,
            State::Failed { retry } if now < retry => self.port.0,
            State::Failed { .. } => State::Empty,
        };
        self.port.0 = state;
        match state {
            State::Empty => RootPort::Empty,
            // Left above.
            State::Off => RootPort::Failed(now + PORT_RETRY),
            State::Debouncing { until }
            | State::Resetting { until }
            | State::Recovering { until }
            | State::Stopping { until }
            | State::CoreReset { until, .. } => RootPort::Settling(until),
            State::Ready(speed) => RootPort::Ready(speed),
            State::Failed { retry } => RootPort::Failed(retry),
        }
    }

    /// One step of a core reset. A step that does not end is tried again for as long as it takes,
    /// with a look every [`PORT_RETRY`]: without it the memory that the core may write to is lost.
    fn step_reset(&mut self, now: Duration, step: ResetStep, until: Duration) -> RootPort {
        let control = self.registers.read(GRSTCTL);
        let done = control.is_set(GRSTCTL::AHB_IDLE)
            && !match step {
                ResetStep::Core => control.is_set(GRSTCTL::CORE_SOFT_RESET),
                ResetStep::HostMode => !is_host(&mut self.registers),
                ResetStep::TransmitFifos => control.is_set(GRSTCTL::TX_FIFO_FLUSH),
                ResetStep::ReceiveFifo => control.is_set(GRSTCTL::RX_FIFO_FLUSH),
            };
        let next = match step {
            _ if !done && now < until => State::CoreReset { step, until },
            _ if !done => State::CoreReset { step, until: now + PORT_RETRY },
            ResetStep::Core => {
                let until = now + HOST_MODE_WAIT_MAX;
                State::CoreReset { step: ResetStep::HostMode, until }
            }
            ResetStep::HostMode => {
                configure(&mut self.registers);
                self.registers
                    .write(GRSTCTL, GRSTCTL::TX_FIFO_FLUSH::SET + GRSTCTL::TX_FIFO_NUMBER::ALL);
                State::CoreReset { step: ResetStep::TransmitFifos, until: now + HALT_WAIT_MAX }
            }
            ResetStep::TransmitFifos => {
                self.registers.write(GRSTCTL, GRSTCTL::RX_FIFO_FLUSH::SET);
                State::CoreReset { step: ResetStep::ReceiveFifo, until: now + HALT_WAIT_MAX }
            }
            ResetStep::ReceiveFifo => {
                self.fail_pipes(TransferError::Disconnected);
                State::Empty
            }
        };
        self.port.0 = next;
        match next {
            State::CoreReset { until, .. } => RootPort::Settling(until),
            _ => RootPort::Empty,
        }
    }

    /// Tells every channel to stop.
    fn stop(&mut self, now: Duration) -> State {
        for channel in 0..self.pipes.len() {
            self.request_halt(channel);
        }
        State::Stopping { until: now + HALT_WAIT_MAX }
    }

    /// Starts the port anew.
    pub(crate) fn restart(&mut self, now: Duration) {
        if matches!(self.port.0, State::Ready(_)) {
            self.port.0 = self.stop(now);
        }
    }
}
