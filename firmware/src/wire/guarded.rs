//! The guard around a device.
//!
//! A received frame that may not pass is shown as an empty one, which nobody looks at further. What
//! is sent is looked at above, in [`super::Linked`], before there is a frame.

use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, RxToken};
use smoltcp::time::Instant;

use super::Guard;
use crate::status::Drops;

/// A device behind the guard.
#[derive(Debug)]
pub struct Guarded<'a, D> {
    /// The device.
    pub device: D,
    /// The guard.
    pub guard: &'a Guard,
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
        let (guard, drops) = (self.guard, self.drops);
        Some((GuardedRx { token: rx, guard, drops }, tx))
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
    drops: &'a Drops,
}

impl<T: RxToken> RxToken for GuardedRx<'_, T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let (guard, drops) = (self.guard, self.drops);
        self.token.consume(|frame| match guard.check_received(frame) {
            Ok(()) => f(frame),
            Err(why) => {
                drops.count(why);
                f(&[])
            }
        })
    }

    fn meta(&self) -> PacketMeta {
        self.token.meta()
    }
}
