//! The network interface as the firmware sees it: its frames, and how they travel over the bus.

use firmware::wire::{Carriage, Trail};
use nic::Nic;
use smoltcp::phy::{self, DeviceCapabilities};
use smoltcp::time::Instant;
use usb::{Host, Passage};

/// The interface, which leaves a trail.
pub struct Carried<'a, H> {
    nic: &'a mut Nic<H>,
    trail: &'static Trail,
}

impl<'a, H: Host> Carried<'a, H> {
    /// Around the interface, for one turn of the loop.
    pub fn new(nic: &'a mut Nic<H>, trail: &'static Trail) -> Self {
        Self { nic, trail }
    }
}

fn carriage(passage: &Passage) -> Carriage {
    let mut words = [0; _];
    // As many as both have.
    for (word, known) in words.iter_mut().zip(&passage.words) {
        *word = *known;
    }
    Carriage {
        transfer: passage.transfer,
        bytes: passage.bytes as u32,
        at: passage.at as u32,
        words,
    }
}

impl<H: Host> phy::Device for Carried<'_, H> {
    type RxToken<'t>
        = nic::RxToken<'t>
    where
        Self: 't;
    type TxToken<'t>
        = CarriedTx<'t, H>
    where
        Self: 't;

    fn receive(&mut self, at: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let trail = self.trail;
        let (received, token) = self.nic.receive(at)?;
        trail.arriving.set(received.passage().as_ref().map(carriage));
        Some((received, CarriedTx { token, trail }))
    }

    fn transmit(&mut self, at: Instant) -> Option<Self::TxToken<'_>> {
        let trail = self.trail;
        Some(CarriedTx { token: self.nic.transmit(at)?, trail })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.nic.capabilities()
    }
}

/// Room for a frame.
pub struct CarriedTx<'t, H> {
    token: nic::TxToken<'t, H>,
    trail: &'static Trail,
}

impl<H: Host> phy::TxToken for CarriedTx<'_, H> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let (result, passage) = self.token.send(len, f);
        self.trail.left.set(passage.as_ref().map(carriage));
        result
    }
}
