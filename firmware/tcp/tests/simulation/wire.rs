//! A wire with faults, in virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// What a wire does to segments. Chances are of 1,000.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    pub lose: u32,
    pub duplicate: u32,
    pub reorder: u32,
    pub corrupt: u32,
    /// One way, microseconds.
    pub delay_us: u64,
    /// Up to so much more for all.
    pub jitter_us: u64,
    /// Bytes a second; 0 for no limit. What waits longer than `queue_us` is lost.
    pub bytes_per_second: u64,
    pub queue_us: u64,
    /// Marks instead of losing, if the segment is capable (RFC 3168).
    pub mark: u32,
}

/// A segment under way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InFlight {
    pub at_us: u64,
    order: u64,
    /// To the host of that number.
    pub to: usize,
    pub ecn: u8,
    pub bytes: Vec<u8>,
}

/// Both directions.
pub struct Wire {
    pub faults: Faults,
    random: ChaCha8Rng,
    under_way: BinaryHeap<Reverse<InFlight>>,
    order: u64,
    busy_until: [u64; 2],
    pub lost: u64,
    /// How long segments to each host waited in the queue together, and how many did.
    pub waited: [(u64, u64); 2],
}

impl Wire {
    pub fn new(faults: Faults, random: ChaCha8Rng) -> Self {
        let under_way = BinaryHeap::new();
        Self {
            faults,
            random,
            under_way,
            order: 0,
            busy_until: [0; 2],
            lost: 0,
            waited: [(0, 0); 2],
        }
    }

    fn happens(&mut self, chance: u32) -> bool {
        self.random.next_u32() % 1000 < chance
    }

    fn up_to(&mut self, us: u64) -> u64 {
        if us == 0 { 0 } else { self.random.next_u64() % us }
    }

    pub fn send(&mut self, now_us: u64, to: usize, mut ecn: u8, bytes: &[u8]) {
        if self.happens(self.faults.lose) {
            self.lost += 1;
            return;
        }
        if ecn != 0 && self.happens(self.faults.mark) {
            ecn = 3;
        }
        let mut at_us = now_us;
        let length = bytes.len() as u64 + 38 + 20;
        if let Some(us) = (length * 1_000_000).checked_div(self.faults.bytes_per_second) {
            let start = self.busy_until[to].max(now_us);
            if start - now_us > self.faults.queue_us {
                self.lost += 1;
                return;
            }
            let (waited_us, segments) = &mut self.waited[to];
            (*waited_us, *segments) = (*waited_us + start - now_us, *segments + 1);
            at_us = start + us;
            self.busy_until[to] = at_us;
        }
        let copies = 1 + u32::from(self.happens(self.faults.duplicate));
        for _ in 0..copies {
            let mut at_us = at_us + self.faults.delay_us + self.up_to(self.faults.jitter_us);
            if self.happens(self.faults.reorder) {
                at_us += self.up_to(4 * self.faults.delay_us + 1000);
            }
            let mut bytes = bytes.to_vec();
            if self.happens(self.faults.corrupt) {
                let at = self.random.next_u32() as usize % bytes.len();
                bytes[at] ^= 1 << (self.random.next_u32() % 8);
            }
            self.order += 1;
            self.under_way.push(Reverse(InFlight { at_us, order: self.order, to, ecn, bytes }));
        }
    }

    pub fn next_at(&self) -> Option<u64> {
        self.under_way.peek().map(|next| next.0.at_us)
    }

    pub fn arrived(&mut self, now_us: u64) -> Option<InFlight> {
        if self.next_at()? > now_us {
            return None;
        }
        self.under_way.pop().map(|next| next.0)
    }
}
