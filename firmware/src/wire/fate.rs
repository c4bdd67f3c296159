//! What faults there are, and the dice that say which frame meets which.

use core::time::Duration;

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
    /// Frames that were to wait, and were lost, as too many others did.
    pub overflowed: u64,
}

/// What is to happen to one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// It is lost.
    pub lost: bool,
    /// It comes twice.
    pub twice: bool,
    /// This bit is wrong.
    pub damage: Option<u32>,
    /// It comes then; none: at once.
    pub due: Option<Duration>,
}

impl Fate {
    /// Nothing happens to it.
    pub const NONE: Self = Self { lost: false, twice: false, damage: None, due: None };
}

/// The dial of one direction.
#[derive(Clone, Debug)]
pub struct Dial {
    faults: Faults,
    tally: Tally,
    /// When the throttled line is free again.
    free_at: Duration,
    random: u64,
}

impl Default for Dial {
    /// Off.
    fn default() -> Self {
        Self::new(Faults::default(), 1)
    }
}

impl Dial {
    /// The same seed and the same frames meet the same fate.
    pub fn new(faults: Faults, seed: u64) -> Self {
        // The generator has no other fixed point than 0.
        Self { faults, tally: Tally::default(), free_at: Duration::ZERO, random: seed.max(1) }
    }

    /// How it stands.
    pub fn faults(&self) -> Faults {
        self.faults
    }

    /// What it did.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// A frame that was to wait is lost: there was no room.
    pub fn overflowed(&mut self) {
        self.tally.overflowed += 1;
    }

    /// xorshift64* (Vigna, 2016): even enough for dice.
    fn roll(&mut self) -> u64 {
        let x = &mut self.random;
        *x ^= *x >> 12;
        *x ^= *x << 25;
        *x ^= *x >> 27;
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn hits(&mut self, share: PartsPerMillion) -> bool {
        share > 0 && ((self.roll() >> 32) * 1_000_000) >> 32 < u64::from(share)
    }

    /// What is to happen to a frame of so many bytes that comes by now.
    pub fn fate(&mut self, now: Duration, bytes: usize) -> Fate {
        let faults = self.faults;
        let mut fate = Fate::NONE;
        if faults.is_none() {
            return fate;
        }
        self.tally.frames += 1;
        fate.lost = self.hits(faults.loss);
        if fate.lost {
            self.tally.lost += 1;
            return fate;
        }
        fate.twice = self.hits(faults.duplicate);
        if fate.twice {
            self.tally.duplicated += 1;
        }
        if bytes > 0 && self.hits(faults.corrupt) {
            fate.damage = Some((self.roll() >> 32) as u32 % (bytes as u32 * 8));
            self.tally.corrupted += 1;
        }
        let mut due = now;
        let nanos = (bytes as u64 * 8 * 1_000_000_000).checked_div(faults.rate);
        if let Some(nanos) = nanos {
            due = self.free_at.max(now) + Duration::from_nanos(nanos);
            self.free_at = due;
        }
        let overtakes = self.hits(faults.reorder);
        if overtakes {
            self.tally.reordered += 1;
        } else {
            let span = faults.jitter.as_micros() as u64;
            let more = if span > 0 { self.roll() % (2 * span + 1) } else { 0 };
            due += faults.delay + Duration::from_micros(more);
            due = due.saturating_sub(faults.jitter).max(now);
        }
        if due > now {
            self.tally.delayed += 1;
            fate.due = Some(due);
        }
        fate
    }
}

/// Makes one bit wrong.
pub fn damage(frame: &mut [u8], bit: u32) {
    if let Some(byte) = frame.get_mut(bit as usize / 8) {
        *byte ^= 1 << (bit % 8);
    }
}
