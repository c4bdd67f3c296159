//! The root port (HPRT).

use std::time::Duration;

use super::{Core, Mode};
use crate::Violation;
use crate::usb::{DEBOUNCE, Moment, Plug, Speed};

/// How long software holds a root port in reset at least (USB 2.0, 7.1.7.5: TDRSTR).
pub const ROOT_RESET: Duration = Duration::from_millis(50);
/// Until a device is seen, once there is power.
const CONNECT_TIME: Duration = Duration::from_millis(2);
/// Until a missing device is seen: a microframe's end at high speed.
const DISCONNECT_TIME: Duration = Duration::from_micros(125);
/// From the end of reset until the port is enabled.
const ENABLE_TIME: Duration = Duration::from_micros(100);

/// For how long software may use a port that went off since it looked.
const BLIND_TIME: Duration = Duration::from_millis(10);

const CONNSTS: u32 = 1 << 0;
const CONNDET: u32 = 1 << 1;
const ENA: u32 = 1 << 2;
const ENCHNG: u32 = 1 << 3;
const RES: u32 = 1 << 6;
const SUSP: u32 = 1 << 7;
const RST: u32 = 1 << 8;
const LINE_J: u32 = 1 << 10;
const PWR: u32 = 1 << 12;
const TEST: u32 = 0xf << 13;
const SPD_SHIFT: u32 = 17;
/// What software holds.
const CONTROL: u32 = RES | SUSP | RST | PWR | TEST;

/// The root port and what is plugged into it.
pub(super) struct Port {
    mode: Mode,
    plug: Option<Plug>,
    control: u32,
    /// CONNDET and ENCHNG.
    changes: u32,
    /// Changes that a read has shown.
    seen: u32,
    connected_since: Option<Duration>,
    /// Speed and start of the frame count, while enabled.
    enabled: Option<(Speed, Duration)>,
    reset_since: Duration,
    /// ENA, as software read it last.
    seen_enabled: bool,
    disabled_at: Option<Duration>,
    reset_ended: Duration,
    connect_at: Option<Duration>,
    enable_at: Option<Duration>,
    disconnect_at: Option<Duration>,
    /// The next reset is of a device that had one before: no debounce is due.
    debounced: bool,
    pub(super) disconnect_latch: bool,
}

impl std::fmt::Debug for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#x}", self.bits())
    }
}

impl Port {
    pub(super) fn new(mode: Mode) -> Self {
        Self {
            mode,
            plug: None,
            control: if mode == Mode::Qemu { PWR } else { 0 },
            changes: 0,
            seen: 0,
            connected_since: None,
            enabled: None,
            reset_since: Duration::ZERO,
            seen_enabled: false,
            disabled_at: None,
            reset_ended: Duration::ZERO,
            connect_at: None,
            enable_at: None,
            disconnect_at: None,
            debounced: false,
            disconnect_latch: false,
        }
    }

    pub(super) fn plug(&self) -> Option<&Plug> {
        self.plug.as_ref()
    }

    /// True if software cannot be blamed for using the port: it is enabled, or was when it looked
    /// last, not long ago.
    pub(super) fn usable(&self, now: Duration) -> bool {
        self.enabled()
            || self.seen_enabled
                && self.disabled_at.is_some_and(|at| now.saturating_sub(at) <= BLIND_TIME)
    }

    pub(super) fn enabled(&self) -> bool {
        self.enabled.is_some()
    }

    pub(super) fn speed(&self) -> Option<Speed> {
        self.enabled.map(|(speed, _)| speed)
    }

    /// Start of the frame count, and the length of a frame or microframe.
    pub(super) fn frames(&self) -> Option<(Duration, Duration)> {
        let (speed, since) = self.enabled?;
        let micros = if speed == Speed::High { 125 } else { 1000 };
        Some((since, Duration::from_micros(micros)))
    }

    pub(super) fn change_pending(&self) -> bool {
        self.changes != 0
    }

    pub(super) fn attach(&mut self, now: Duration, plug: Plug) {
        self.plug = Some(plug);
        if self.control & PWR != 0 {
            let gone_at = self.disconnect_at.unwrap_or(now);
            self.connect_at = Some(now.max(gone_at) + CONNECT_TIME);
        }
    }

    pub(super) fn detach(&mut self, now: Duration) -> Option<Plug> {
        let plug = self.plug.take()?;
        plug.borrow_mut().unplugged();
        self.connect_at = None;
        self.enable_at = None;
        if self.connected_since.is_some() {
            self.disconnect_at = Some(now + DISCONNECT_TIME);
        }
        Some(plug)
    }

    /// The port disables itself.
    pub(super) fn disable(&mut self, now: Duration) {
        if self.enabled.take().is_some() {
            self.disabled_at = Some(now);
            self.raise(ENCHNG);
        }
    }

    /// Core reset: everything off, as after power-on.
    pub(super) fn restart(&mut self) {
        let plug = self.plug.take();
        if let Some(plug) = &plug {
            plug.borrow_mut().unplugged();
        }
        *self = Self { plug, ..Self::new(self.mode) };
    }

    fn raise(&mut self, change: u32) {
        self.changes |= change;
        self.seen &= !change;
    }

    pub(super) fn next_event(&self) -> Option<Duration> {
        [self.disconnect_at, self.connect_at, self.enable_at].into_iter().flatten().min()
    }

    fn bits(&self) -> u32 {
        let mut bits = self.control | self.changes;
        if self.connected_since.is_some() {
            bits |= CONNSTS | LINE_J;
        }
        if let Some((speed, _)) = self.enabled {
            bits |= ENA;
            bits |= match speed {
                Speed::High => 0,
                Speed::Full => 1 << SPD_SHIFT,
                Speed::Low => 2 << SPD_SHIFT,
            };
        }
        // QEMU knows no line status.
        if self.mode == Mode::Qemu { bits & !LINE_J } else { bits }
    }
}

impl Core {
    pub(super) fn read_hprt(&mut self) -> u32 {
        self.port.seen |= self.port.changes;
        self.port.seen_enabled = self.port.enabled();
        self.port.bits()
    }

    pub(super) fn write_hprt(&mut self, now: Duration, value: u32) {
        let cleared = value & self.port.changes;
        let changed = (value ^ self.port.control) & CONTROL;
        if cleared & !self.port.seen != 0 {
            self.note(Violation::PortChangeUnseen { bits: cleared & !self.port.seen });
        } else if cleared != 0 && changed != 0 {
            self.note(Violation::PortChangeLost { bits: cleared });
        }
        let port = &mut self.port;
        port.changes &= !cleared;
        port.control = value & CONTROL;
        if value & ENA != 0 && port.enabled() {
            port.disable(now);
            self.note(Violation::PortDisabledByWrite);
        }
        if changed & PWR != 0 {
            self.switch_power(now, value & PWR != 0);
        }
        if changed & RST != 0 {
            if value & RST != 0 {
                self.begin_reset(now);
            } else {
                self.end_reset(now);
            }
        }
    }

    fn switch_power(&mut self, now: Duration, on: bool) {
        let port = &mut self.port;
        if on {
            port.connect_at = port.plug.is_some().then(|| now + CONNECT_TIME);
            return;
        }
        let control = port.control;
        let changes = port.changes;
        port.restart();
        port.control = control & !PWR;
        port.changes = changes;
    }

    fn begin_reset(&mut self, now: Duration) {
        self.port.reset_since = now;
        self.port.enable_at = None;
        self.port.disable(now);
        let Some(since) = self.port.connected_since else { return };
        let after = now.saturating_sub(since);
        if after < DEBOUNCE && !self.port.debounced {
            self.note(Violation::NoDebounce { after });
        }
        self.port.debounced = true;
    }

    fn end_reset(&mut self, now: Duration) {
        if self.port.connected_since.is_none() {
            return;
        }
        let held = now.saturating_sub(self.port.reset_since);
        if held < ROOT_RESET {
            self.note(Violation::ResetTooShort { held });
        }
        if self.mode == Mode::Qemu {
            self.enable(now, now);
        } else {
            self.port.reset_ended = now;
            self.port.enable_at = Some(now + ENABLE_TIME);
        }
    }

    /// The reset is over: the device runs at its speed, and frames begin.
    fn enable(&mut self, now: Duration, reset_ended: Duration) {
        self.port.enable_at = None;
        let Some(plug) = self.port.plug.clone() else { return };
        let top = if self.global.full_speed_only() { Speed::Full } else { Speed::High };
        let mut moment = Moment { now: reset_ended, violations: &mut self.violations };
        let speed = plug.borrow_mut().reset(&mut moment, top);
        self.port.enabled = Some((speed, now));
        self.port.raise(ENCHNG);
    }

    /// Lets happen what is due at the port at this time.
    pub(super) fn port_event(&mut self, at: Duration) {
        let port = &mut self.port;
        if port.disconnect_at == Some(at) {
            port.disconnect_at = None;
            port.connected_since = None;
            port.disconnect_latch = true;
            port.disable(at);
            if port.mode == Mode::Qemu {
                port.raise(CONNDET);
            }
        } else if port.connect_at == Some(at) {
            port.connect_at = None;
            port.connected_since = Some(at);
            port.debounced = false;
            port.raise(CONNDET);
        } else {
            self.enable(at, self.port.reset_ended);
        }
    }
}
