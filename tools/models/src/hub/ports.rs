//! A hub's downstream ports, and the class requests that drive them (USB 2.0, 11.24).

use std::time::Duration;

use super::power_good;
use crate::Violation;
use crate::usb::{DEBOUNCE, EndpointFacts, Function, Moment, Plug, Setup, Speed};

/// How long a hub drives reset (USB 2.0, 7.1.7.5: TDRST is 10 to 20 ms).
pub const RESET_TIME: Duration = Duration::from_millis(12);

// wPortStatus and, the same bits, wPortChange (USB 2.0, tables 11-21 and 11-22).
const CONNECTION: u16 = 1 << 0;
const ENABLE: u16 = 1 << 1;
const RESET: u16 = 1 << 4;
const POWER: u16 = 1 << 8;
const LOW_SPEED: u16 = 1 << 9;
const HIGH_SPEED: u16 = 1 << 10;

// Feature selectors (USB 2.0, table 11-17).
const PORT_ENABLE: u16 = 1;
const PORT_RESET: u16 = 4;
const PORT_POWER: u16 = 8;
const C_PORT_FIRST: u16 = 16;
const C_PORT_LAST: u16 = 20;

#[derive(Default)]
struct Port {
    plug: Option<Plug>,
    /// When power was switched on.
    powered_at: Option<Duration>,
    /// Since when the hub sees a device.
    connected_at: Option<Duration>,
    /// When the reset that is under way ends.
    reset_until: Option<Duration>,
    /// The speed of the device, since its reset.
    enabled: Option<Speed>,
    changes: u16,
}

impl Port {
    fn off(&mut self) {
        let plug = self.plug.take();
        if let Some(plug) = &plug {
            plug.borrow_mut().unplugged();
        }
        *self = Self { plug, ..Self::default() };
    }

    fn status(&self) -> u16 {
        let mut status = 0;
        status |= if self.powered_at.is_some() { POWER } else { 0 };
        status |= if self.connected_at.is_some() { CONNECTION } else { 0 };
        status |= if self.reset_until.is_some() { RESET } else { 0 };
        status
            | match self.enabled {
                None => 0,
                Some(Speed::Low) => ENABLE | LOW_SPEED,
                Some(Speed::Full) => ENABLE,
                Some(Speed::High) => ENABLE | HIGH_SPEED,
            }
    }

    fn advance(&mut self, moment: &mut Moment<'_>, power_good: Duration, hub: Speed) {
        let Some(powered_at) = self.powered_at else { return };
        let good_at = powered_at + power_good;
        if moment.now >= good_at && self.connected_at.is_none() && self.plug.is_some() {
            // A device that was there before power was is seen as soon as power is good.
            let waited = moment.now - good_at > DEBOUNCE;
            self.connected_at = Some(if waited { moment.now } else { good_at });
            self.changes |= CONNECTION;
        }
        if let (Some(until), Some(plug)) = (self.reset_until, &self.plug)
            && moment.now >= until
        {
            let now = moment.now;
            moment.now = until;
            self.enabled = Some(plug.borrow_mut().reset(moment, hub));
            moment.now = now;
            self.reset_until = None;
            self.changes |= RESET;
        }
    }
}

/// The ports of a hub.
pub struct Ports {
    descriptor: Vec<u8>,
    power_good: Duration,
    speed: Speed,
    configured: bool,
    ports: Vec<Port>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.ports.iter().map(Port::status)).finish()
    }
}

impl Ports {
    /// As many ports as a hub descriptor says.
    pub(super) fn new(descriptor: Vec<u8>) -> Self {
        let ports = (0..descriptor[2]).map(|_| Port::default()).collect();
        let power_good = power_good(&descriptor);
        Self { descriptor, power_good, speed: Speed::Full, configured: false, ports }
    }

    pub(super) fn say(&mut self, descriptor: &[u8]) {
        self.descriptor = descriptor.to_vec();
    }

    pub(super) fn run_at(&mut self, speed: Speed) {
        self.speed = speed;
    }

    pub(super) fn attach(&mut self, port: u8, plug: Plug) {
        self.ports[usize::from(port) - 1].plug = Some(plug);
    }

    pub(super) fn detach(&mut self, port: u8) -> Option<Plug> {
        let port = self.ports.get_mut(usize::from(port).checked_sub(1)?)?;
        let plug = port.plug.take()?;
        plug.borrow_mut().unplugged();
        if port.connected_at.take().is_some() {
            port.changes |= CONNECTION;
        }
        port.enabled = None;
        port.reset_until = None;
        Some(plug)
    }

    /// The devices on enabled ports.
    pub(super) fn enabled(&self) -> impl Iterator<Item = &Plug> {
        self.ports
            .iter()
            .filter(|port| port.enabled.is_some())
            .filter_map(|port| port.plug.as_ref())
    }

    /// Lets happen what happens by itself: power gets good, resets end.
    pub(super) fn advance(&mut self, moment: &mut Moment<'_>) {
        let (power_good, speed) = (self.power_good, self.speed);
        self.ports.iter_mut().for_each(|port| port.advance(moment, power_good, speed));
    }

    fn port(&mut self, setup: &Setup) -> Option<&mut Port> {
        self.ports.get_mut(usize::from(setup.index & 0xff).checked_sub(1)?)
    }

    fn set_feature(&mut self, moment: &mut Moment<'_>, setup: &Setup) -> bool {
        let configured = self.configured;
        let Some(port) = self.port(setup) else { return false };
        match setup.value {
            PORT_POWER if configured => {
                port.powered_at.get_or_insert(moment.now);
            }
            PORT_RESET => {
                let Some(since) = port.connected_at else {
                    moment.note(Violation::HubPortNotReady { port: setup.index as u8 });
                    return true;
                };
                let after = moment.now.saturating_sub(since);
                if after < DEBOUNCE && port.enabled.is_none() {
                    moment.note(Violation::NoDebounce { after });
                }
                port.enabled = None;
                port.reset_until = Some(moment.now + RESET_TIME);
            }
            _ => return false,
        }
        true
    }

    fn clear_feature(&mut self, setup: &Setup) -> bool {
        let Some(port) = self.port(setup) else { return false };
        match setup.value {
            PORT_ENABLE => port.enabled = None,
            PORT_POWER => port.off(),
            C_PORT_FIRST..=C_PORT_LAST => port.changes &= !(1 << (setup.value - C_PORT_FIRST)),
            _ => return false,
        }
        true
    }
}

impl Function for Ports {
    fn restart(&mut self) {
        self.configured = false;
        self.ports.iter_mut().for_each(Port::off);
    }

    fn configured(&mut self, _now: Duration, value: u8) {
        self.configured = value != 0;
        if !self.configured {
            self.ports.iter_mut().for_each(Port::off);
        }
    }

    fn request_in(&mut self, _moment: &mut Moment<'_>, setup: &Setup) -> Option<Vec<u8>> {
        match (setup.request_type, setup.request) {
            (0xa0, 6) if matches!(setup.value >> 8, 0x29 | 0) => Some(self.descriptor.clone()),
            (0xa0, 0) => Some(vec![0; 4]),
            (0xa3, 0) => {
                let port = self.port(setup)?;
                let (status, changes) = (port.status().to_le_bytes(), port.changes.to_le_bytes());
                Some([status, changes].concat())
            }
            _ => None,
        }
    }

    fn request_out(&mut self, moment: &mut Moment<'_>, setup: &Setup, _data: &[u8]) -> bool {
        match (setup.request_type, setup.request) {
            (0x23, 3) => self.set_feature(moment, setup),
            (0x23, 1) => self.clear_feature(setup),
            // C_HUB_LOCAL_POWER, C_HUB_OVER_CURRENT.
            (0x20, 1 | 3) => setup.value < 2,
            _ => false,
        }
    }

    /// The status change bitmap: bit 0 is the hub's, bit n port n's (USB 2.0, 11.12.4).
    fn next_packet(&mut self, _now: Duration, _endpoint: &EndpointFacts) -> Option<Vec<u8>> {
        let mut map = vec![0; self.ports.len() / 8 + 1];
        for (index, port) in self.ports.iter().enumerate() {
            if port.changes != 0 {
                map[(index + 1) / 8] |= 1 << ((index + 1) % 8);
            }
        }
        map.iter().any(|&byte| byte != 0).then_some(map)
    }
}
