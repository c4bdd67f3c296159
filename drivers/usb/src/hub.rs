//! The hub class (USB 2.0, chapter 11): ports are powered, watched, reset.
//!
//! Everything here goes over the hub's control pipe and blocks, within the times of
//! [`limits`](crate::limits). The status-change endpoint is not used: a look at one port costs one
//! short control transfer, and a bus that is in use is looked at twice a second.

use core::time::Duration;

use mmio::{Clock, TimedOut, pause};

use crate::bus::BusError;
use crate::descriptor::HubDescriptor;
use crate::limits::{
    DEBOUNCE, DEBOUNCE_MAX, HUB_DESCRIPTOR_BYTES_MAX, HUB_PORTS_MAX, PORT_POLL, PORT_RESET_MAX,
    RESET_RECOVERY,
};
use crate::request::{control, read};
use crate::{Data, Host, Setup, Speed, Target};

/// Features of a port (USB 2.0, table 11-17).
pub mod feature {
    /// PORT_ENABLE.
    pub const PORT_ENABLE: u16 = 1;
    /// PORT_RESET.
    pub const PORT_RESET: u16 = 4;
    /// PORT_POWER.
    pub const PORT_POWER: u16 = 8;
    /// C_PORT_CONNECTION, the first of five change bits;
    /// [`PortStatus::changes`](super::PortStatus::changes) has them in the same order.
    pub const C_PORT_CONNECTION: u16 = 16;
}

/// `wPortStatus` and `wPortChange` (USB 2.0, tables 11-21 and 11-22).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortStatus {
    status: u16,
    change: u16,
}

impl PortStatus {
    /// From the four bytes that GET_STATUS returns.
    pub fn from_bytes([s0, s1, c0, c1]: [u8; 4]) -> Self {
        Self { status: u16::from_le_bytes([s0, s1]), change: u16::from_le_bytes([c0, c1]) }
    }

    /// A device is there.
    pub fn connected(self) -> bool {
        self.status & 1 != 0
    }

    /// The port passes packets.
    pub fn enabled(self) -> bool {
        self.status & 1 << 1 != 0
    }

    /// The port signals a reset.
    pub fn resetting(self) -> bool {
        self.status & 1 << 4 != 0
    }

    /// A reset ended since the change bit was cleared.
    pub fn reset_done(self) -> bool {
        self.change & 1 << 4 != 0
    }

    /// The device's speed; tells the truth once the port is enabled.
    pub fn speed(self) -> Speed {
        match self.status >> 9 & 3 {
            0 => Speed::Full,
            1 => Speed::Low,
            _ => Speed::High,
        }
    }

    /// The connection changed since its change bit was cleared.
    pub fn connection_changed(self) -> bool {
        self.change & 1 != 0
    }

    /// The features that clear the change bits which are set.
    pub fn changes(self) -> impl Iterator<Item = u16> {
        (0..5)
            .filter(move |bit| self.change >> bit & 1 != 0)
            .map(|b| feature::C_PORT_CONNECTION + b)
    }
}

/// A hub that was configured and whose ports have power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hub {
    /// The hub's own control pipe.
    target: Target,
    /// Ports that are looked at, at most [`HUB_PORTS_MAX`].
    ports: u8,
    /// Bit n: port n has a device, as the last walk found it.
    connected: u16,
}

impl Hub {
    /// Configures the hub, powers its ports and waits until the power is good.
    ///
    /// # Errors
    /// [`BusError`]: the hub does not answer, or not as a hub.
    pub fn configure<H: Host + ?Sized>(
        host: &mut H,
        clock: &mut dyn Clock,
        target: Target,
        configuration: u8,
    ) -> Result<Self, BusError> {
        control(host, clock, &target, Setup::set_configuration(configuration), Data::None)?;
        let mut bytes = [0; HUB_DESCRIPTOR_BYTES_MAX];
        let setup = Setup::get_hub_descriptor(bytes.len() as u16);
        let descriptor = HubDescriptor::parse(read(host, clock, &target, setup, &mut bytes)?)?;
        let hub = Self { target, ports: descriptor.ports.min(HUB_PORTS_MAX), connected: 0 };
        for port in 1..=hub.ports {
            hub.set(host, clock, port, feature::PORT_POWER)?;
        }
        pause(clock, Duration::from_millis(descriptor.power_good_ms.into()));
        Ok(hub)
    }

    /// The hub's address.
    pub fn address(&self) -> u8 {
        self.target.address
    }

    /// The hub's speed.
    pub fn speed(&self) -> Speed {
        self.target.speed
    }

    /// Ports that are looked at.
    pub fn ports(&self) -> u8 {
        self.ports
    }

    /// True if the last walk found a device at this port.
    pub fn has_device(&self, port: u8) -> bool {
        port <= self.ports && self.connected >> port & 1 != 0
    }

    /// Waits until no connection has changed for [`DEBOUNCE`], and remembers which ports have a
    /// device.
    ///
    /// # Errors
    /// [`BusError`]: the hub no longer answers, or not with a status.
    pub fn settle<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        clock: &mut dyn Clock,
    ) -> Result<(), BusError> {
        let start = clock.now();
        let mut stable_since = start;
        let mut seen = None;
        loop {
            let mut connected = 0;
            let mut changed = false;
            for port in 1..=self.ports {
                let status = self.status(host, clock, port)?;
                connected |= u16::from(status.connected()) << port;
                changed |= status.connection_changed();
                self.acknowledge(host, clock, port, status)?;
            }
            let now = clock.now();
            if seen.is_some_and(|before| before != connected || changed) {
                stable_since = now;
            }
            seen = Some(connected);
            self.connected = connected;
            if now.saturating_sub(stable_since) >= DEBOUNCE
                || now.saturating_sub(start) >= DEBOUNCE_MAX
            {
                return Ok(());
            }
            pause(clock, PORT_POLL);
        }
    }

    /// Resets a port's device, which then listens at address 0; its speed.
    ///
    /// # Errors
    /// [`BusError::TimedOut`], [`BusError::Unplugged`], [`BusError::NotEnabled`].
    pub fn reset<H: Host + ?Sized>(
        &self,
        host: &mut H,
        clock: &mut dyn Clock,
        port: u8,
    ) -> Result<Speed, BusError> {
        self.set(host, clock, port, feature::PORT_RESET)?;
        let start = clock.now();
        let status = loop {
            let status = self.status(host, clock, port)?;
            if !status.connected() {
                return Err(BusError::Unplugged);
            }
            // The change bit, since a reset that has not begun yet looks like one that is over.
            if status.reset_done() && !status.resetting() {
                break status;
            }
            let waited = clock.now().saturating_sub(start);
            if waited >= PORT_RESET_MAX {
                return Err(TimedOut { what: "end of the port's reset", waited }.into());
            }
            pause(clock, PORT_POLL);
        };
        self.acknowledge(host, clock, port, status)?;
        if !status.enabled() {
            return Err(BusError::NotEnabled);
        }
        pause(clock, RESET_RECOVERY);
        Ok(status.speed())
    }

    /// Takes a port's device off the bus, so that it does not answer for the next one.
    ///
    /// # Errors
    /// [`BusError`]: the hub no longer answers, or not with a status.
    pub fn disable<H: Host + ?Sized>(
        &self,
        host: &mut H,
        clock: &mut dyn Clock,
        port: u8,
    ) -> Result<(), BusError> {
        let setup = Setup::clear_port_feature(port, feature::PORT_ENABLE);
        control(host, clock, &self.target, setup, Data::None)?;
        Ok(())
    }

    /// GET_STATUS of a port.
    ///
    /// # Errors
    /// [`BusError`]: the hub no longer answers, or not with a status.
    pub fn status<H: Host + ?Sized>(
        &self,
        host: &mut H,
        clock: &mut dyn Clock,
        port: u8,
    ) -> Result<PortStatus, BusError> {
        let mut bytes = [0; 4];
        let got = read(host, clock, &self.target, Setup::get_port_status(port), &mut bytes)?.len();
        if got < bytes.len() {
            return Err(BusError::ShortStatus(got));
        }
        Ok(PortStatus::from_bytes(bytes))
    }

    /// True if the port's connection is not what the last walk found, or was interrupted since.
    ///
    /// # Errors
    /// [`BusError`]: the hub no longer answers, or not with a status.
    pub fn changed<H: Host + ?Sized>(
        &self,
        host: &mut H,
        clock: &mut dyn Clock,
        port: u8,
    ) -> Result<bool, BusError> {
        let status = self.status(host, clock, port)?;
        Ok(status.connection_changed() || status.connected() != self.has_device(port))
    }

    fn set<H: Host + ?Sized>(
        &self,
        host: &mut H,
        clock: &mut dyn Clock,
        port: u8,
        feature: u16,
    ) -> Result<(), BusError> {
        let setup = Setup::set_port_feature(port, feature);
        control(host, clock, &self.target, setup, Data::None)?;
        Ok(())
    }

    /// Clears the change bits that are set in `status`.
    fn acknowledge<H: Host + ?Sized>(
        &self,
        host: &mut H,
        clock: &mut dyn Clock,
        port: u8,
        status: PortStatus,
    ) -> Result<(), BusError> {
        for change in status.changes() {
            let setup = Setup::clear_port_feature(port, change);
            control(host, clock, &self.target, setup, Data::None)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_status_reads_as_the_specification_draws_it() {
        // Connected, enabled, powered, high speed; connection and reset changed.
        let status = PortStatus::from_bytes([0x03, 0x05, 0x11, 0x00]);
        assert!(status.connected() && status.enabled() && !status.resetting());
        assert_eq!(status.speed(), Speed::High);
        assert!(status.connection_changed());
        assert!(status.changes().eq([16, 20]));
        assert_eq!(PortStatus::from_bytes([0x01, 0x03, 0, 0]).speed(), Speed::Low);
        assert_eq!(PortStatus::default().changes().count(), 0);
    }
}
