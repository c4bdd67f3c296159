//! The guard around a device.
//!
//! A received frame that may not pass is shown as an empty one, which nobody looks at further. What
//! is sent is looked at above, in [`super::Linked`], before there is a frame.

use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, RxToken};
use smoltcp::time::Instant;

use super::{Guard, Note, Recorder};
use crate::status::Drops;

/// A device behind the guard.
#[derive(Debug)]
pub struct Guarded<'a, D> {
    /// The device.
    pub device: D,
    /// The guard.
    pub guard: &'a Guard,
    /// Where its word is noted.
    pub recorder: &'a Recorder,
    /// Where drops are counted.
    pub drops: &'a Drops,
}

impl<D: Device> Device for Guarded<'_, D> {
    type RxToken<'t>
        = GuardedRx<'t, D::RxToken<'t>>
    where
        Self: 't;
    type TxToken<'t>
        = D::TxToken<'t>
    where
        Self: 't;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (rx, tx) = self.device.receive(now)?;
        let Self { guard, recorder, drops, .. } = *self;
        Some((GuardedRx { token: rx, guard, recorder, drops }, tx))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.device.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A frame that is looked at before the stack sees it.
#[derive(Debug)]
pub struct GuardedRx<'a, T> {
    token: T,
    guard: &'a Guard,
    recorder: &'a Recorder,
    drops: &'a Drops,
}

impl<T: RxToken> RxToken for GuardedRx<'_, T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let Self { token, guard, recorder, drops } = self;
        token.consume(|frame| {
            // What the dial has lost, or keeps for later, is no runt of the wire's.
            if frame.is_empty() {
                recorder.note(Note::Netem);
                return f(frame);
            }
            match guard.check_received(frame) {
                Ok(()) => {
                    recorder.note(Note::Guard);
                    f(frame)
                }
                Err(why) => {
                    drops.count(why);
                    f(&[])
                }
            }
        })
    }

    fn meta(&self) -> PacketMeta {
        self.token.meta()
    }
}
