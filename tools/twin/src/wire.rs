//! A cable in memory: frames arrive after a while, twice, or not at all, as a seed decides.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use firmware::limits::FRAME_BYTES_MAX;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use smoltcp::phy::{Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

/// Frames under way in one direction. One more is lost, as in a switch.
const QUEUE_FRAMES_MAX: usize = 1024;

/// What the cable does to frames.
#[derive(Clone, Debug)]
pub struct Quality {
    /// Frames lost, of a thousand.
    pub lost_per_mille: u32,
    /// Frames that arrive twice, of a thousand.
    pub doubled_per_mille: u32,
    /// How long a frame is under way; where this is a range, frames overtake each other.
    pub delay: Range<Duration>,
}

impl Quality {
    /// Nothing is lost and order is kept.
    pub const GOOD: Self = Self {
        lost_per_mille: 0,
        doubled_per_mille: 0,
        delay: Duration::from_micros(100)..Duration::from_micros(100),
    };
}

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Where the board is.
    Board,
    /// Where the peers are.
    Peers,
}

#[derive(Debug)]
struct Cable {
    quality: Quality,
    random: ChaCha8Rng,
    now: Duration,
    /// Frames under way by direction, in the order of their arrival; the number tells equals apart.
    under_way: [BTreeMap<(Duration, u64), Vec<u8>>; 2],
    sent: [u64; 2],
    number: u64,
}

/// A cable with two ends.
#[derive(Clone, Debug)]
pub struct Wire(Rc<RefCell<Cable>>);

impl Wire {
    /// A cable of this quality; equal seeds lose equal frames.
    pub fn new(quality: Quality, seed: u64) -> Self {
        Self(Rc::new(RefCell::new(Cable {
            quality,
            random: ChaCha8Rng::seed_from_u64(seed),
            now: Duration::ZERO,
            under_way: [BTreeMap::new(), BTreeMap::new()],
            sent: [0; 2],
            number: 0,
        })))
    }

    /// One end, as a network device.
    pub fn end(&self, side: Side) -> End {
        End { wire: self.clone(), side }
    }

    /// Sets the time.
    pub fn set_now(&self, now: Duration) {
        self.0.borrow_mut().now = now;
    }

    /// When the next frame arrives.
    pub fn next_arrival(&self) -> Option<Duration> {
        let cable = self.0.borrow();
        cable.under_way.iter().filter_map(|queue| queue.keys().next()).map(|key| key.0).min()
    }

    /// How many frames were put in at one end.
    pub fn sent(&self, side: Side) -> u64 {
        self.0.borrow().sent[side as usize]
    }

    /// Puts a frame in at one end.
    pub fn send(&self, from: Side, frame: Vec<u8>) {
        let mut cable = self.0.borrow_mut();
        cable.sent[from as usize] += 1;
        let dice = |cable: &mut Cable| cable.random.next_u32() % 1000;
        if dice(&mut cable) < cable.quality.lost_per_mille {
            return;
        }
        let copies = if dice(&mut cable) < cable.quality.doubled_per_mille { 2 } else { 1 };
        for _ in 0..copies {
            let Range { start, end } = cable.quality.delay.clone();
            let spread = end.saturating_sub(start).as_micros() as u64 + 1;
            let arrival =
                cable.now + start + Duration::from_micros(cable.random.next_u64() % spread);
            let number = cable.number;
            cable.number += 1;
            let queue = &mut cable.under_way[from as usize];
            if queue.len() < QUEUE_FRAMES_MAX {
                queue.insert((arrival, number), frame.clone());
            }
        }
    }

    /// Takes the next frame that has arrived at one end.
    pub fn receive(&self, at: Side) -> Option<Vec<u8>> {
        let mut cable = self.0.borrow_mut();
        let now = cable.now;
        let queue = &mut cable.under_way[1 - at as usize];
        let first = queue.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(first.remove())
    }
}

/// An end of a cable.
#[derive(Clone, Debug)]
pub struct End {
    wire: Wire,
    side: Side,
}

impl Device for End {
    type RxToken<'a> = RxToken;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(RxToken, TxToken<'_>)> {
        let frame = self.wire.receive(self.side)?;
        Some((RxToken(frame), TxToken(self)))
    }

    fn transmit(&mut self, _now: Instant) -> Option<TxToken<'_>> {
        Some(TxToken(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_BYTES_MAX;
        capabilities
    }
}

/// A frame that arrived.
#[derive(Debug)]
pub struct RxToken(Vec<u8>);

impl smoltcp::phy::RxToken for RxToken {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(&self.0)
    }
}

/// Leave to send one frame.
#[derive(Debug)]
pub struct TxToken<'a>(&'a End);

impl smoltcp::phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, bytes: usize, fill: F) -> R {
        let mut frame = vec![0; bytes];
        let result = fill(&mut frame);
        self.0.wire.send(self.0.side, frame);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_cable_keeps_order_and_time() {
        let wire = Wire::new(Quality::GOOD, 1);
        wire.send(Side::Board, vec![1]);
        wire.send(Side::Board, vec![2]);
        assert_eq!(wire.receive(Side::Peers), None);
        assert_eq!(wire.next_arrival(), Some(Duration::from_micros(100)));
        wire.set_now(Duration::from_micros(100));
        assert_eq!(wire.receive(Side::Board), None);
        assert_eq!(wire.receive(Side::Peers), Some(vec![1]));
        assert_eq!(wire.receive(Side::Peers), Some(vec![2]));
        assert_eq!(wire.next_arrival(), None);
    }

    #[test]
    fn a_bad_cable_loses_and_doubles_about_as_often_as_asked() {
        let delay = Duration::ZERO..Duration::from_millis(5);
        let quality = Quality { lost_per_mille: 100, doubled_per_mille: 200, delay };
        let wire = Wire::new(quality, 7);
        for _ in 0..1000 {
            wire.send(Side::Peers, vec![0]);
        }
        wire.set_now(Duration::from_millis(5));
        let arrived = std::iter::from_fn(|| wire.receive(Side::Board)).count();
        // 900 get through, 180 of them twice; the queue holds 1024.
        assert!((1000..=1024).contains(&arrived), "{arrived}");
    }
}
