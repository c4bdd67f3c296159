//! The wire between MAC and partner: link, duplex, collisions, pauses.
//!
//! A frame takes its time on the wire. What happens to one that arrives while another leaves
//! depends on whether the MAC knows what the PHY negotiated:
//!
//! | MAC_CR | full-duplex link | half-duplex link |
//! |---|---|---|
//! | FDPX | well | collides unseen: either may be lost |
//! | FDPX, RCVOWN | deaf while it sends | collides unseen |
//! | RCVOWN | "collision": frames in are lost | well |
//! | neither | "collision": frames in are lost | well, but it hears itself |
//!
//! Which of the frames that collide are lost is thrown by the dice of [`super::Settings::seed`].
//! The table follows from what the bits mean; that it happens so is `[assumed]`.

use std::time::Duration;

use super::registers::{MAC_CR, mac_cr};
use super::{Chip, Mistake};

/// Preamble, FCS and gap.
const OVERHEAD_BYTES: usize = 8 + 4 + 12;
/// Of a thousand frames that collide, how many are lost.
const LOST_PER_MILLE: usize = 500;
/// Bit times of a pause quantum (IEEE 802.3, annex 31B).
const QUANTUM_BITS: u64 = 512;

/// When the wire is taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    sending_until: Duration,
    receiving_until: Duration,
    paused_until: Duration,
}

impl Line {
    pub(super) fn paused(&self, now: Duration) -> bool {
        now < self.paused_until
    }

    /// The partner asks for a pause; at 100 Mbit/s, a bit is 10 ns.
    pub(super) fn pause(&mut self, now: Duration, quanta: u16) {
        self.paused_until = now + Duration::from_nanos(10 * QUANTUM_BITS * u64::from(quanta));
    }

    pub(super) fn deadline(&self, now: Duration) -> Option<Duration> {
        self.paused(now).then_some(self.paused_until)
    }
}

/// How MAC and link fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Well,
    /// The MAC is deaf while it sends.
    Deaf,
    /// Frames collide, or seem to.
    Collides,
    /// The MAC hears what it sends.
    Echo,
}

impl Chip {
    fn fit(&self, link_full: bool) -> Fit {
        let mac = self.registers.get(MAC_CR);
        let (full, deaf) = (mac & mac_cr::FDPX != 0, mac & mac_cr::RCVOWN != 0);
        match (link_full, full, deaf) {
            (true, true, false) | (false, false, true) => Fit::Well,
            (true, true, true) => Fit::Deaf,
            (true, false, _) | (false, true, _) => Fit::Collides,
            (false, false, false) => Fit::Echo,
        }
    }

    fn wire_time(&self, bytes: usize, fast: bool) -> Duration {
        let nanos_per_byte = if fast { 80 } else { 800 };
        Duration::from_nanos(((bytes + OVERHEAD_BYTES) * nanos_per_byte) as u64)
    }

    /// A frame comes from the partner.
    pub(super) fn arrive(&mut self, frame: &[u8], damaged: bool) {
        let Some(link) = self.phy.link().filter(|_| !self.unplugged) else {
            self.statistics.no_link += 1;
            return;
        };
        let start = self.now.max(self.line.receiving_until);
        self.line.receiving_until = start + self.wire_time(frame.len(), link.fast);
        if self.line.sending_until > self.now {
            let lost = match self.fit(link.full) {
                Fit::Well | Fit::Echo => false,
                Fit::Deaf => true,
                Fit::Collides => self.random.per_mille(LOST_PER_MILLE),
            };
            if self.fit(link.full) != Fit::Well {
                self.note(Mistake::DuplexMismatch { link_full: link.full });
            }
            if lost {
                self.statistics.duplex_lost_in += 1;
                self.counters.rx_late_collision += 1;
                return;
            }
        }
        self.take_in(frame, damaged);
    }

    /// A frame goes to the partner, or back to the receiver.
    pub(super) fn send(&mut self, frame: Vec<u8>) {
        if self.registers.has(MAC_CR, mac_cr::LOOPBK) {
            self.counters.tx_good += 1;
            return self.take_in(&frame, false);
        }
        let Some(link) = self.phy.link() else {
            self.statistics.no_carrier += 1;
            self.counters.tx_carrier += 1;
            return;
        };
        let start = self.now.max(self.line.sending_until);
        self.line.sending_until = start + self.wire_time(frame.len(), link.fast);
        let fit = self.fit(link.full);
        let collides = fit == Fit::Collides && !link.full && self.line.receiving_until > self.now;
        if collides && self.random.per_mille(LOST_PER_MILLE) {
            self.note(Mistake::DuplexMismatch { link_full: link.full });
            self.statistics.duplex_lost_out += 1;
            self.counters.tx_late_collision += 1;
            return;
        }
        self.counters.tx_good += 1;
        self.statistics.transmitted += 1;
        if fit == Fit::Echo {
            self.note(Mistake::DuplexMismatch { link_full: link.full });
            self.statistics.echoed += 1;
            self.take_in(&frame, false);
        }
        self.to_wire.push_back(frame);
    }
}
