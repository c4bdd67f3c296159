//! Requests of chapter 9 (USB 2.0, 9.4), and the way to those of a class or vendor.

use std::time::Duration;

use super::control::Setup;
use super::descriptors::{CONFIGURATION, DEVICE, QUALIFIER, STRING};
use super::device::Pipe;
use super::{Device, Function, Moment, Speed, Toggle, Way};

impl<F: Function> Device<F> {
    /// Carries out a request without data for the host. `None` if it is not supported;
    /// `Some(Some(..))` is an address to take after the status stage.
    pub(super) fn carry_out(
        &mut self,
        moment: &mut Moment<'_>,
        setup: &Setup,
        data: &[u8],
    ) -> Option<Option<u8>> {
        if !setup.is_standard() {
            return self.function.request_out(moment, setup, data).then_some(None);
        }
        match (setup.request_type, setup.request) {
            (0x00, 5) => return (setup.value <= 127).then_some(Some(setup.value as u8)),
            (0x00, 9) => self.configure(moment.now, setup.value as u8)?,
            (0x01, 11) => self.select(setup.index as u8, setup.value as u8)?,
            (0x02, 1 | 3) if setup.value == 0 => {
                let address = setup.index as u8;
                let way = if address & 0x80 == 0 { Way::Out } else { Way::In };
                self.endpoint(address & 15, way)?;
                let pipe = self.pipe_of(address);
                pipe.halted = setup.request == 3;
                pipe.toggle = Toggle::Data0;
            }
            (0x00, 1 | 3) if setup.value == 1 => {}
            _ => return None,
        }
        Some(None)
    }

    pub(super) fn configure(&mut self, now: Duration, value: u8) -> Option<()> {
        if value != 0 {
            self.truth().configuration(value)?;
        }
        self.configuration = value;
        self.settings = [0; 16];
        for pipe in &mut self.pipes {
            *pipe = Pipe::fresh();
        }
        // The status stage of this very transfer is still to come.
        self.pipe(0, Way::In).toggle = Toggle::Data1;
        self.function.configured(now, value);
        Some(())
    }

    fn select(&mut self, interface: u8, alternate: u8) -> Option<()> {
        if !self.truth().has_setting(self.configuration, interface, alternate) {
            return None;
        }
        *self.settings.get_mut(usize::from(interface))? = alternate;
        let only = |other: u8| if other == interface { alternate } else { u8::MAX };
        for endpoint in self.truth().endpoints(self.configuration, only) {
            *self.pipe_of(endpoint.address) = Pipe::fresh();
        }
        self.function.selected(interface, alternate);
        Some(())
    }

    /// The data of a request for data.
    pub(super) fn fetch(&mut self, moment: &mut Moment<'_>, setup: &Setup) -> Option<Vec<u8>> {
        if !setup.is_standard() {
            return self.function.request_in(moment, setup);
        }
        match (setup.request_type, setup.request) {
            (0x80, 6) => self.descriptor((setup.value >> 8) as u8, setup.value as u8),
            (0x80, 8) => Some(vec![self.configuration]),
            (0x80, 0) => Some(vec![1, 0]),
            (0x81, 0) => Some(vec![0, 0]),
            (0x82, 0) => Some(vec![self.pipe_of(setup.index as u8).halted.into(), 0]),
            (0x81, 10) => Some(vec![*self.settings.get(usize::from(setup.index))?]),
            _ => None,
        }
    }

    fn descriptor(&self, kind: u8, index: u8) -> Option<Vec<u8>> {
        let (full, high) = (&self.told.0, self.told.1.as_ref());
        let (now, other) = match (self.speed, high) {
            (Speed::High, Some(high)) => (high, Some(full)),
            _ => (full, high),
        };
        match kind {
            DEVICE => Some(now.device.clone()),
            CONFIGURATION => now.configurations.get(usize::from(index)).cloned(),
            STRING => now.string(index).map(<[u8]>::to_vec),
            // USB 2.0, 9.6.2: the device descriptor's fields for the other speed.
            QUALIFIER => other.map(|other| {
                let mut bytes = vec![10, QUALIFIER];
                bytes.extend_from_slice(&other.device[2..8]);
                bytes.extend_from_slice(&[other.device[17], 0]);
                bytes
            }),
            _ => None,
        }
    }
}
