//! Counts frames and bytes on their way through.

use core::cell::Cell;

use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, RxToken, TxToken};
use smoltcp::time::Instant;

/// Frames and bytes, both ways.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Frames received.
    pub received: Cell<u64>,
    /// Bytes of them, without FCS.
    pub received_bytes: Cell<u64>,
    /// Frames sent.
    pub sent: Cell<u64>,
    /// Bytes of them, without FCS.
    pub sent_bytes: Cell<u64>,
    /// Multicasts and broadcasts received.
    pub multicast: Cell<u64>,
    /// The device had no transmit buffer free when it was last asked.
    pub exhausted: Cell<bool>,
}

impl Traffic {
    /// Counts a frame that was received.
    pub fn count_received(&self, bytes: usize) {
        add(&self.received, 1);
        add(&self.received_bytes, bytes);
    }

    /// Counts a frame that was sent.
    pub fn count_sent(&self, bytes: usize) {
        add(&self.sent, 1);
        add(&self.sent_bytes, bytes);
    }
}

fn add(counter: &Cell<u64>, n: usize) {
    counter.set(counter.get() + n as u64);
}

/// A device whose traffic is counted.
#[derive(Debug)]
pub struct Counted<'a, D> {
    /// The device.
    pub device: &'a mut D,
    /// Where to count.
    pub traffic: &'a Traffic,
}

impl<D: Device> Device for Counted<'_, D> {
    type RxToken<'t>
        = CountedRx<'t, D::RxToken<'t>>
    where
        Self: 't;
    type TxToken<'t>
        = CountedTx<'t, D::TxToken<'t>>
    where
        Self: 't;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (rx, tx) = self.device.receive(now)?;
        let traffic = self.traffic;
        Some((CountedRx { token: rx, traffic }, CountedTx { token: tx, traffic }))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        let token = self.device.transmit(now);
        self.traffic.exhausted.set(token.is_none());
        Some(CountedTx { token: token?, traffic: self.traffic })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A frame to be counted when it is taken.
#[derive(Debug)]
pub struct CountedRx<'a, T> {
    token: T,
    traffic: &'a Traffic,
}

impl<T: RxToken> RxToken for CountedRx<'_, T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let traffic = self.traffic;
        self.token.consume(|frame| {
            traffic.count_received(frame.len());
            add(&traffic.multicast, frame.first().map_or(0, |first| usize::from(first & 1)));
            f(frame)
        })
    }

    fn meta(&self) -> PacketMeta {
        self.token.meta()
    }
}

/// A frame to be counted when it is sent.
#[derive(Debug)]
pub struct CountedTx<'a, T> {
    token: T,
    traffic: &'a Traffic,
}

impl<T: TxToken> TxToken for CountedTx<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.traffic.count_sent(len);
        self.token.consume(len, f)
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.token.set_meta(meta);
    }
}
