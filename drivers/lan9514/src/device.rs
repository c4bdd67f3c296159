//! smoltcp's view of the chip: tokens over DMA buffers.

use core::time::Duration;

use smoltcp::phy::{self, Checksum, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use usb::{Host, Passage};

use crate::Lan9514;
use crate::limits::FRAME_BYTES_MAX;
use crate::receive::Receive;
use crate::transmit::Transmit;

/// The driver and its host controller, joined for one turn of the stack.
#[derive(Debug)]
pub struct Attached<'a, H: ?Sized> {
    chip: &'a mut Lan9514,
    host: &'a mut H,
    now: Duration,
}

impl Lan9514 {
    /// Joins the driver and the host for one turn of the stack, at time `now`. Without a device,
    /// frames neither come nor go; without a link, none go.
    pub fn with<'a, H: Host + ?Sized>(
        &'a mut self,
        host: &'a mut H,
        now: Duration,
    ) -> Attached<'a, H> {
        Attached { chip: self, host, now }
    }

    /// What the driver can do: Ethernet frames of up to 1,514 bytes; with
    /// [`Config::offload`](crate::Config), TCP checksums both ways. smoltcp reads this once, when
    /// an `Interface` is made.
    pub fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_BYTES_MAX;
        if self.config.offload {
            capabilities.checksum.tcp = Checksum::None;
        }
        capabilities
    }
}

impl<'a, H: Host + ?Sized> Attached<'a, H> {
    /// A frame, if one came and there is room for an answer; for as long as the driver was
    /// borrowed.
    pub fn into_receive(self) -> Option<(RxToken<'a>, TxToken<'a>)> {
        let Self { chip: Lan9514 { receive, transmit, counters, .. }, host, now } = self;
        if !receive.look(host, now, counters) {
            return None;
        }
        // An answer must not be lost for want of a buffer: the frame waits, and those behind it in
        // the chip.
        if !transmit.has_room(host, now, counters) {
            counters.send_busy += 1;
            return None;
        }
        Some((RxToken { receive }, TxToken { transmit }))
    }

    /// Room for a frame, if there is any; for as long as the driver was borrowed.
    pub fn into_transmit(self) -> Option<TxToken<'a>> {
        let Self { chip: Lan9514 { transmit, counters, .. }, host, now } = self;
        if !transmit.has_room(host, now, counters) {
            if transmit.pipe.is_some() {
                counters.send_busy += 1;
            }
            return None;
        }
        transmit.carrier.then_some(TxToken { transmit })
    }
}

impl<H: Host + ?Sized> phy::Device for Attached<'_, H> {
    type RxToken<'t>
        = RxToken<'t>
    where
        Self: 't;
    type TxToken<'t>
        = TxToken<'t>
    where
        Self: 't;

    fn receive(&mut self, _: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        self.chip.with(self.host, self.now).into_receive()
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        self.chip.with(self.host, self.now).into_transmit()
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.chip.capabilities()
    }
}

/// A received frame, in the burst it came in. One that is dropped unread stays for the next look.
#[derive(Debug)]
pub struct RxToken<'a> {
    receive: &'a mut Receive,
}

impl RxToken<'_> {
    /// The transfer that brought the frame: its place there, and its status word.
    pub fn passage(&self) -> Option<Passage> {
        self.receive.passage()
    }
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.receive.read())
    }
}

/// Room for a frame, behind that for its command words. What is built in it is sent by the next
/// [`Lan9514::poll`].
#[derive(Debug)]
pub struct TxToken<'a> {
    transmit: &'a mut Transmit,
}

impl TxToken<'_> {
    /// Builds a frame of `len` bytes, as [`phy::TxToken::consume`] does, and tells the transfer
    /// that will take it: its place there, and its command words.
    pub fn send<R>(self, len: usize, build: impl FnOnce(&mut [u8]) -> R) -> (R, Passage) {
        self.transmit.send(len, build)
    }
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.send(len, f).0
    }
}
