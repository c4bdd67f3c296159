//! The guard around a device.
//!
//! A received frame that may not pass is shown to the stack as an empty one, which it ignores. A
//! frame to be sent is built in a scratch buffer first, since a transmit token that was begun must
//! be sent.

use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, RxToken, TxToken};
use smoltcp::time::Instant;

use super::Guard;
use crate::status::Drops;

/// Bytes of the longest frame that is looked at before it is sent: an ICMP error quotes up to 576
/// bytes.
const INSPECTED_BYTES: usize = 14 + 576;

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
        = GuardedTx<'t, D::TxToken<'t>>
    where
        Self: 't;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (rx, tx) = self.device.receive(now)?;
        let (guard, drops) = (self.guard, self.drops);
        Some((GuardedRx { token: rx, guard, drops }, GuardedTx { token: tx, now, guard, drops }))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        let token = self.device.transmit(now)?;
        Some(GuardedTx { token, now, guard: self.guard, drops: self.drops })
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

/// A frame that is looked at before it is sent.
#[derive(Debug)]
pub struct GuardedTx<'a, T> {
    token: T,
    now: Instant,
    guard: &'a Guard,
    drops: &'a Drops,
}

impl<T: TxToken> TxToken for GuardedTx<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        if len > INSPECTED_BYTES {
            let guard = self.guard;
            return self.token.consume(len, |out| {
                let result = f(out);
                guard.note_acknowledged(out);
                result
            });
        }
        let mut scratch = [0; INSPECTED_BYTES];
        let frame = &mut scratch[..len];
        let result = f(frame);
        match self.guard.check_sent(self.now, frame) {
            Ok(()) => {
                self.guard.note_acknowledged(frame);
                self.token.consume(len, |out| out.copy_from_slice(frame));
            }
            Err(why) => self.drops.count(why),
        }
        result
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.token.set_meta(meta);
    }
}
