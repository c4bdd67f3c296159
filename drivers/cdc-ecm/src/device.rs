//! smoltcp's view of the device: tokens over DMA buffers.

use core::time::Duration;

use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use usb::Host;

use crate::limits::FRAME_BYTES_MAX;
use crate::receive::Receive;
use crate::transmit::Transmit;
use crate::{Counters, Ecm};

/// The driver and its host controller, joined for one turn of the stack.
#[derive(Debug)]
pub struct Attached<'a, H: ?Sized> {
    ecm: &'a mut Ecm,
    host: &'a mut H,
    now: Duration,
}

impl Ecm {
    /// Joins the driver and the host for one turn of the stack, at time `now`. Without a device,
    /// frames neither come nor go; without a link, none go.
    pub fn with<'a, H: Host + ?Sized>(
        &'a mut self,
        host: &'a mut H,
        now: Duration,
    ) -> Attached<'a, H> {
        Attached { ecm: self, host, now }
    }
}

impl<'a, H: Host + ?Sized> Attached<'a, H> {
    /// A frame, if one came and there is room for an answer; for as long as the driver was
    /// borrowed.
    pub fn into_receive(self) -> Option<(RxToken<'a>, TxToken<'a, H>)> {
        let Self { ecm: Ecm { receive, transmit, counters, .. }, host, now } = self;
        if !receive.look(host, now, counters) {
            return None;
        }
        // An answer must not be lost for want of a buffer: the frame waits, and those behind it in
        // the device.
        if !transmit.look(host, now, counters) {
            counters.send_busy += 1;
            return None;
        }
        Some((RxToken { receive }, TxToken { transmit, host, counters, now }))
    }

    /// Room for a frame, if there is any; for as long as the driver was borrowed.
    pub fn into_transmit(self) -> Option<TxToken<'a, H>> {
        let Self { ecm: Ecm { transmit, counters, .. }, host, now } = self;
        if !transmit.look(host, now, counters) {
            if transmit.pipe.is_some() {
                counters.send_busy += 1;
            }
            return None;
        }
        transmit.carrier.then_some(TxToken { transmit, host, counters, now })
    }
}

/// What the driver can do: Ethernet frames of up to 1,514 bytes, all checksums in software.
pub fn capabilities() -> DeviceCapabilities {
    let mut capabilities = DeviceCapabilities::default();
    capabilities.medium = Medium::Ethernet;
    capabilities.max_transmission_unit = FRAME_BYTES_MAX;
    capabilities
}

impl<H: Host + ?Sized> phy::Device for Attached<'_, H> {
    type RxToken<'t>
        = RxToken<'t>
    where
        Self: 't;
    type TxToken<'t>
        = TxToken<'t, H>
    where
        Self: 't;

    fn receive(&mut self, _: Instant) -> Option<(RxToken<'_>, TxToken<'_, H>)> {
        self.ecm.with(self.host, self.now).into_receive()
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_, H>> {
        self.ecm.with(self.host, self.now).into_transmit()
    }

    fn capabilities(&self) -> DeviceCapabilities {
        capabilities()
    }
}

/// A received frame. One that is dropped unread stays for the next look.
#[derive(Debug)]
pub struct RxToken<'a> {
    receive: &'a mut Receive,
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.receive.read())
    }
}

/// Room for a frame.
#[derive(Debug)]
pub struct TxToken<'a, H: ?Sized> {
    transmit: &'a mut Transmit,
    host: &'a mut H,
    counters: &'a mut Counters,
    now: Duration,
}

impl<H: Host + ?Sized> phy::TxToken for TxToken<'_, H> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.transmit.send(self.host, self.now, self.counters, len, f)
    }
}
