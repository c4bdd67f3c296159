//! The fault dial: frames lost, doubled, damaged, late, out of order or throttled on purpose, each
//! direction by itself, as Linux's `tc qdisc ... netem` does it. Off, frames pass untouched.
//!
//! It stands above the recorder: a capture shows what was on the wire, and what the dial took away
//! from it on the way up is there, while what it took on the way down never was.

use core::cell::RefCell;
use core::time::Duration;

use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, RxToken, TxToken};
use smoltcp::time::Instant;

use super::Way;
use super::fate::{Dial, Fate, Faults, Tally, damage};
use crate::System;
use crate::limits::{FRAME_BYTES_MAX, NETEM_FRAMES};

/// A frame that waits for its time.
#[derive(Clone, Copy, Debug)]
struct Held {
    way: Way,
    due: Duration,
    /// Frames that are due at the same time keep their order.
    number: u64,
    bytes: u16,
}

struct Shelf {
    frames: &'static mut [[u8; FRAME_BYTES_MAX]; NETEM_FRAMES],
    held: [Option<Held>; NETEM_FRAMES],
    next: u64,
}

impl Shelf {
    fn put(&mut self, way: Way, due: Duration, frame: &[u8]) -> bool {
        let Some(place) = self.held.iter().position(Option::is_none) else { return false };
        let Some(room) = self.frames[place].get_mut(..frame.len()) else { return false };
        room.copy_from_slice(frame);
        let number = self.next;
        self.next += 1;
        self.held[place] = Some(Held { way, due, number, bytes: frame.len() as u16 });
        true
    }

    /// The first one of this way that is due.
    fn first(&self, way: Way, now: Duration) -> Option<usize> {
        let waiting = self.held.iter().enumerate().filter_map(|(place, held)| {
            let held = held.filter(|held| held.way == way && held.due <= now)?;
            Some((held.due, held.number, place))
        });
        waiting.min().map(|(.., place)| place)
    }

    fn take(&mut self, place: usize, out: &mut [u8; FRAME_BYTES_MAX]) -> usize {
        let bytes = self.held[place].take().map_or(0, |held| usize::from(held.bytes));
        out[..bytes].copy_from_slice(&self.frames[place][..bytes]);
        bytes
    }
}

/// The dial of both directions, and the frames that wait.
pub struct Netem {
    dials: [RefCell<Dial>; 2],
    shelf: RefCell<Shelf>,
}

impl core::fmt::Debug for Netem {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Netem({:?})", self.dials)
    }
}

impl Netem {
    /// Off.
    pub fn new(frames: &'static mut [[u8; FRAME_BYTES_MAX]; NETEM_FRAMES]) -> Self {
        Self {
            dials: Default::default(),
            shelf: RefCell::new(Shelf { frames, held: [None; NETEM_FRAMES], next: 0 }),
        }
    }

    /// Turns the dial. The same seed and the same frames meet the same fate.
    pub fn set(&self, way: Way, faults: Faults, seed: u64) {
        self.dial(way).replace(Dial::new(faults, seed));
    }

    /// How it stands, and what it did.
    pub fn get(&self, way: Way) -> (Faults, Tally) {
        let dial = self.dial(way).borrow();
        (dial.faults(), dial.tally())
    }

    fn dial(&self, way: Way) -> &RefCell<Dial> {
        match way {
            Way::In => &self.dials[0],
            Way::Out => &self.dials[1],
        }
    }

    /// When a frame that waits is due.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.shelf.borrow().held.iter().flatten().map(|held| held.due).min()
    }

    /// Sends the frames whose time has come, as far as the device has room.
    pub fn flush<D: Device>(&self, device: &mut D, at: Instant, now: Duration) {
        // Bounded: each turn one frame waits less.
        loop {
            let Some(place) = self.shelf.borrow().first(Way::Out, now) else { return };
            let Some(token) = device.transmit(at) else { return };
            let mut frame = [0; FRAME_BYTES_MAX];
            let bytes = self.shelf.borrow_mut().take(place, &mut frame);
            token.consume(bytes, |out| out.copy_from_slice(&frame[..bytes]));
        }
    }

    /// Keeps a frame until then.
    fn keep(&self, way: Way, due: Duration, frame: &[u8]) {
        if !self.shelf.borrow_mut().put(way, due, frame) {
            self.dial(way).borrow_mut().overflowed();
        }
    }
}

impl System {
    /// How the dial of this direction stands, and what it did.
    pub fn netem(&self, way: Way) -> (Faults, Tally) {
        self.stack.borrow().netem().get(way)
    }

    /// Turns the dial of this direction; the same seed and the same frames meet the same fate.
    pub fn set_netem(&self, way: Way, faults: Faults, seed: u64) {
        self.stack.borrow().netem().set(way, faults, seed);
    }
}

/// A device behind the dial.
#[derive(Debug)]
pub struct Impaired<'a, D> {
    /// The device.
    pub device: D,
    /// The dial.
    pub netem: &'a Netem,
    /// The time.
    pub now: Duration,
}

impl<D: Device> Device for Impaired<'_, D> {
    type RxToken<'t>
        = ImpairedRx<'t, D::RxToken<'t>>
    where
        Self: 't;
    type TxToken<'t>
        = ImpairedTx<'t, D::TxToken<'t>>
    where
        Self: 't;

    fn receive(&mut self, at: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (netem, now) = (self.netem, self.now);
        let late = netem.shelf.borrow().first(Way::In, now);
        if let Some(place) = late {
            let token = self.device.transmit(at)?;
            return Some((ImpairedRx::Held { place, netem }, ImpairedTx { token, netem, now }));
        }
        let (rx, tx) = self.device.receive(at)?;
        Some((ImpairedRx::Wire { token: rx, netem, now }, ImpairedTx { token: tx, netem, now }))
    }

    fn transmit(&mut self, at: Instant) -> Option<Self::TxToken<'_>> {
        let token = self.device.transmit(at)?;
        Some(ImpairedTx { token, netem: self.netem, now: self.now })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A received frame, of now or of before.
#[derive(Debug)]
pub enum ImpairedRx<'a, T> {
    /// One that waited.
    Held {
        /// Where.
        place: usize,
        /// The dial.
        netem: &'a Netem,
    },
    /// One from the wire.
    Wire {
        /// The device's.
        token: T,
        /// The dial.
        netem: &'a Netem,
        /// The time.
        now: Duration,
    },
}

impl<T: RxToken> RxToken for ImpairedRx<'_, T> {
    /// A frame that is lost or late is shown as an empty one, which nobody looks at further.
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        match self {
            Self::Held { place, netem } => {
                let mut copy = [0; FRAME_BYTES_MAX];
                let bytes = netem.shelf.borrow_mut().take(place, &mut copy);
                f(&copy[..bytes])
            }
            Self::Wire { token, netem, .. } if netem.dial(Way::In).borrow().faults().is_none() => {
                token.consume(f)
            }
            Self::Wire { token, netem, now } => token.consume(|frame| {
                // Answers are sent within `f`: nothing may be borrowed meanwhile.
                let mut copy = [0; FRAME_BYTES_MAX];
                let fate = netem.dial(Way::In).borrow_mut().fate(now, frame.len());
                let mut frame = frame;
                if let (Some(bit), Some(room)) = (fate.damage, copy.get_mut(..frame.len())) {
                    room.copy_from_slice(frame);
                    damage(room, bit);
                    frame = room;
                }
                if fate.twice {
                    netem.keep(Way::In, fate.due.unwrap_or(now), frame);
                }
                match (fate.lost, fate.due) {
                    (true, _) => f(&[]),
                    (false, Some(due)) => {
                        netem.keep(Way::In, due, frame);
                        f(&[])
                    }
                    (false, None) => f(frame),
                }
            }),
        }
    }

    fn meta(&self) -> PacketMeta {
        match self {
            Self::Held { .. } => PacketMeta::default(),
            Self::Wire { token, .. } => token.meta(),
        }
    }
}

/// Leave to send a frame, or to lose it.
#[derive(Debug)]
pub struct ImpairedTx<'a, T> {
    token: T,
    netem: &'a Netem,
    now: Duration,
}

impl<T: TxToken> TxToken for ImpairedTx<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Self { token, netem, now } = self;
        let fate = netem.dial(Way::Out).borrow_mut().fate(now, len);
        if fate == Fate::NONE {
            return token.consume(len, f);
        }
        let mut copy = [0; FRAME_BYTES_MAX];
        let Some(frame) = copy.get_mut(..len) else { return token.consume(len, f) };
        let result = f(frame);
        if let Some(bit) = fate.damage {
            damage(frame, bit);
        }
        if fate.twice {
            netem.keep(Way::Out, fate.due.unwrap_or(now), frame);
        }
        match (fate.lost, fate.due) {
            (true, _) => {}
            (false, Some(due)) => netem.keep(Way::Out, due, frame),
            (false, None) => token.consume(len, |out| out.copy_from_slice(frame)),
        }
        result
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.token.set_meta(meta);
    }
}

#[cfg(test)]
#[path = "netem_tests.rs"]
mod tests;
