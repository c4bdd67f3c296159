//! The fault dial: frames lost, doubled, damaged, late, out of order or throttled on purpose, each
//! direction by itself, as Linux's `tc qdisc ... netem` does it. Off, frames pass untouched.
//!
//! It stands above the recorder: a capture shows what was on the wire, and what the dial took away
//! from it on the way up is there, while what it took on the way down never was.

use core::cell::{Cell, RefCell};
use core::time::Duration;

use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, RxToken, TxToken};
use smoltcp::time::Instant;

use super::Way;
use crate::System;
use crate::limits::{FRAME_BYTES_MAX, NETEM_FRAMES};

/// A share, in parts of a million.
pub type PartsPerMillion = u32;

/// What happens to frames of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Frames that are lost.
    pub loss: PartsPerMillion,
    /// Frames that come twice.
    pub duplicate: PartsPerMillion,
    /// Frames with one wrong bit.
    pub corrupt: PartsPerMillion,
    /// Frames that are not delayed, and so overtake others.
    pub reorder: PartsPerMillion,
    /// Frames are late by so much,
    pub delay: Duration,
    /// and up to so much more or less, evenly.
    pub jitter: Duration,
    /// Bits a second; 0: as many as there are.
    pub rate: u64,
}

impl Faults {
    /// True if frames pass untouched.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What happened to frames of one direction since the dial was set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames that came by.
    pub frames: u64,
    /// Frames that were lost on purpose.
    pub lost: u64,
    /// Frames that came twice.
    pub duplicated: u64,
    /// Frames with a wrong bit.
    pub corrupted: u64,
    /// Frames that were not delayed as the others were.
    pub reordered: u64,
    /// Frames that were late.
    pub delayed: u64,
    /// Frames lost since [`NETEM_FRAMES`] others were waiting.
    pub overflowed: u64,
}

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

/// What is to happen to one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fate {
    lost: bool,
    twice: bool,
    /// This bit is wrong.
    damage: Option<u32>,
    /// It comes then; none: at once.
    due: Option<Duration>,
}

impl Fate {
    /// Nothing happens to it.
    const NONE: Self = Self { lost: false, twice: false, damage: None, due: None };
}

/// The dial.
pub struct Netem {
    faults: [Cell<Faults>; 2],
    tallies: [Cell<Tally>; 2],
    /// When the throttled line is free again.
    free_at: [Cell<Duration>; 2],
    shelf: RefCell<Shelf>,
    random: Cell<u64>,
}

impl core::fmt::Debug for Netem {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Netem({:?})", self.faults)
    }
}

/// Adds 1 to a field of a tally.
fn count(tally: &Cell<Tally>, field: impl FnOnce(&mut Tally) -> &mut u64) {
    let mut value = tally.get();
    *field(&mut value) += 1;
    tally.set(value);
}

impl Netem {
    /// Off.
    pub fn new(frames: &'static mut [[u8; FRAME_BYTES_MAX]; NETEM_FRAMES]) -> Self {
        Self {
            faults: Default::default(),
            tallies: Default::default(),
            free_at: Default::default(),
            shelf: RefCell::new(Shelf { frames, held: [None; NETEM_FRAMES], next: 0 }),
            random: Cell::new(1),
        }
    }

    /// Turns the dial. The same seed and the same frames meet the same fate.
    pub fn set(&self, way: Way, faults: Faults, seed: u64) {
        let at = index(way);
        self.faults[at].set(faults);
        self.tallies[at].set(Tally::default());
        self.free_at[at].set(Duration::ZERO);
        // The generator has no other fixed point.
        self.random.set(seed.max(1));
    }

    /// How it stands, and what it did.
    pub fn get(&self, way: Way) -> (Faults, Tally) {
        (self.faults[index(way)].get(), self.tallies[index(way)].get())
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

    /// xorshift64* (Vigna, 2016): even enough for dice.
    fn roll(&self) -> u64 {
        let mut x = self.random.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.random.set(x);
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn hits(&self, share: PartsPerMillion) -> bool {
        share > 0 && ((self.roll() >> 32) * 1_000_000) >> 32 < u64::from(share)
    }

    fn fate(&self, way: Way, now: Duration, bytes: usize) -> Fate {
        let at = index(way);
        let (faults, tally) = (self.faults[at].get(), &self.tallies[at]);
        let mut fate = Fate::NONE;
        if faults.is_none() {
            return fate;
        }
        count(tally, |tally| &mut tally.frames);
        fate.lost = self.hits(faults.loss);
        if fate.lost {
            count(tally, |tally| &mut tally.lost);
            return fate;
        }
        fate.twice = self.hits(faults.duplicate);
        if fate.twice {
            count(tally, |tally| &mut tally.duplicated);
        }
        if bytes > 0 && self.hits(faults.corrupt) {
            fate.damage = Some((self.roll() >> 32) as u32 % (bytes as u32 * 8));
            count(tally, |tally| &mut tally.corrupted);
        }
        let mut due = now;
        let nanos = (bytes as u64 * 8 * 1_000_000_000).checked_div(faults.rate);
        if let Some(nanos) = nanos {
            due = self.free_at[at].get().max(now) + Duration::from_nanos(nanos);
            self.free_at[at].set(due);
        }
        let overtakes = self.hits(faults.reorder);
        if overtakes {
            count(tally, |tally| &mut tally.reordered);
        } else {
            let span = faults.jitter.as_micros() as u64;
            let more = if span > 0 { self.roll() % (2 * span + 1) } else { 0 };
            due += faults.delay + Duration::from_micros(more);
            due = due.saturating_sub(faults.jitter).max(now);
        }
        if due > now {
            count(tally, |tally| &mut tally.delayed);
            fate.due = Some(due);
        }
        fate
    }

    /// Keeps a frame until then.
    fn keep(&self, way: Way, due: Duration, frame: &[u8]) {
        if !self.shelf.borrow_mut().put(way, due, frame) {
            count(&self.tallies[index(way)], |tally| &mut tally.overflowed);
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

fn index(way: Way) -> usize {
    match way {
        Way::In => 0,
        Way::Out => 1,
    }
}

fn damage(frame: &mut [u8], bit: u32) {
    if let Some(byte) = frame.get_mut(bit as usize / 8) {
        *byte ^= 1 << (bit % 8);
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
            Self::Wire { token, netem, .. } if netem.faults[index(Way::In)].get().is_none() => {
                token.consume(f)
            }
            Self::Wire { token, netem, now } => token.consume(|frame| {
                // Answers are sent within `f`: nothing may be borrowed meanwhile.
                let mut copy = [0; FRAME_BYTES_MAX];
                let fate = netem.fate(Way::In, now, frame.len());
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
        let fate = netem.fate(Way::Out, now, len);
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
