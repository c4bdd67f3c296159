//! The device around which the capture ring stands.

use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, RxToken, TxToken};
use smoltcp::time::Instant;

use super::capture::{Recorder, Way};
use super::passage::Trail;
use crate::net::Port;
use crate::status::Drops;

/// A device whose frames are recorded.
#[derive(Debug)]
pub struct Recorded<'a, D> {
    /// The device.
    pub device: D,
    /// The ring.
    pub recorder: &'a Recorder,
    /// Where drops are counted.
    pub drops: &'a Drops,
    /// Where the device says how frames travel.
    pub trail: &'a Trail,
}

impl<D: Device> Device for Recorded<'_, D> {
    type RxToken<'t>
        = RecordedToken<'t, D::RxToken<'t>>
    where
        Self: 't;
    type TxToken<'t>
        = RecordedToken<'t, D::TxToken<'t>>
    where
        Self: 't;

    fn receive(&mut self, at: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (rx, tx) = self.device.receive(at)?;
        let Self { recorder, drops, trail, .. } = *self;
        Some((
            RecordedToken { token: rx, recorder, drops, trail },
            RecordedToken { token: tx, recorder, drops, trail },
        ))
    }

    fn transmit(&mut self, at: Instant) -> Option<Self::TxToken<'_>> {
        let Self { recorder, drops, trail, .. } = *self;
        let token = self.device.transmit(at)?;
        Some(RecordedToken { token, recorder, drops, trail })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A frame to be recorded when it passes.
#[derive(Debug)]
pub struct RecordedToken<'a, T> {
    token: T,
    recorder: &'a Recorder,
    drops: &'a Drops,
    trail: &'a Trail,
}

impl<T: RxToken> RxToken for RecordedToken<'_, T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let Self { token, recorder, drops, trail } = self;
        token.consume(|frame| {
            recorder.expect(trail.arriving.take());
            recorder.receive(Port::Eth0, frame, drops, f)
        })
    }

    fn meta(&self) -> PacketMeta {
        self.token.meta()
    }
}

impl<T: TxToken> TxToken for RecordedToken<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Self { token, recorder, trail, .. } = self;
        recorder.begin();
        let result = token.consume(len, |frame| {
            let result = f(frame);
            recorder.record(Way::Out, Port::Eth0, frame);
            result
        });
        recorder.end(trail.left.take());
        result
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.token.set_meta(meta);
    }
}
