//! What the chip itself counts, and nobody else can: frames that found its receive FIFO full,
//! collisions, a missing carrier.
//!
//! GET_STATS answers 32-bit words in the order of the LAN9500's data sheet (DS00001875, tables 5-38
//! and 5-39). The LAN9500 clears them when it is asked and lets them stick at their end; the
//! LAN9500A and later ones let them run and roll over. The LAN9512/9514, as old as the former, is
//! taken for one of these: nobody says.

use core::time::Duration;

use usb::{Data, Host, Setup, TransferError};

use crate::chip::Chip;
use crate::limits::STATISTICS_INTERVAL;
use crate::{AccessError, Counters};

/// Vendor request: the statistics of one direction, `wIndex`.
const GET_STATS: u8 = 0xa2;
/// Words of the longer answer, up to the last one that is used.
const WORDS_MAX: usize = 9;

/// Chips whose counters begin again when they are read.
const CLEARED_BY_READING: &[u16] = &[0x9500, 0xec00];

/// One of the two answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Received,
    Sent,
}

impl Side {
    const fn index(self) -> u16 {
        match self {
            Self::Received => 0,
            Self::Sent => 1,
        }
    }

    /// Words up to the last one that is used.
    const fn words(self) -> usize {
        match self {
            Self::Received => 8,
            Self::Sent => 9,
        }
    }
}

/// The last word of the received: frames that found the FIFO full.
const FIFO_DROPPED: usize = 7;
/// Of the sent: frames after one collision, and after several.
const ONE_COLLISION: usize = 2;
const SEVERAL_COLLISIONS: usize = 3;
/// Frames given up after too many collisions, and after a late one.
const EXCESSIVE_COLLISIONS: usize = 4;
const LATE_COLLISION: usize = 5;
/// Frames without a carrier.
const CARRIER: usize = 8;

/// When the chip is asked for its statistics, and what it said the last time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statistics {
    /// The next question, unless the chip has refused one.
    due: Option<Duration>,
    cleared_by_reading: bool,
    /// The last answers of a chip whose counters run on.
    before: [Option<[u32; WORDS_MAX]>; 2],
}

impl Statistics {
    /// For a chip with this ID_REV.CHIP_ID.
    pub(crate) fn new(now: Duration, chip: u16) -> Self {
        let cleared_by_reading = CLEARED_BY_READING.contains(&chip);
        Self { due: Some(now + STATISTICS_INTERVAL), cleared_by_reading, before: [None; 2] }
    }

    /// The chip was reset: what runs on may begin at 0.
    pub(crate) fn restart(&mut self) {
        self.before = [None; 2];
    }

    /// True if it is time to ask.
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        self.due.is_some_and(|due| now >= due)
    }

    /// Asks for one side and counts it; one control transfer. A chip that refuses is not asked
    /// again.
    pub(crate) fn ask<H: Host + ?Sized>(
        &mut self,
        chip: &mut Chip<'_, H>,
        now: Duration,
        side: Side,
    ) -> Result<(), AccessError> {
        let mut bytes = [0; 4 * WORDS_MAX];
        let bytes = &mut bytes[..4 * side.words()];
        let setup = Setup::vendor_in(GET_STATS, 0, side.index(), bytes.len() as u16);
        let got = chip.host.control(chip.clock, &chip.target, setup, Data::In(bytes));
        self.due = Some(now + STATISTICS_INTERVAL);
        match got {
            Ok(length) if length == bytes.len() => {
                let mut words = [0; WORDS_MAX];
                for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
                    *word = bytes.try_into().map_or(0, u32::from_le_bytes);
                }
                count(side, &self.since_last(side, words), chip.counters);
                Ok(())
            }
            // An answer of another layout means something else.
            Ok(_) | Err(TransferError::Stall) => {
                self.due = None;
                Ok(())
            }
            Err(error) => Err(AccessError { register: "GET_STATS", error }),
        }
    }

    /// What was counted since the last answer.
    fn since_last(&mut self, side: Side, words: [u32; WORDS_MAX]) -> [u32; WORDS_MAX] {
        if self.cleared_by_reading {
            return words;
        }
        // What was there before the first answer may be years old.
        let before = self.before[usize::from(side.index())].replace(words).unwrap_or(words);
        core::array::from_fn(|at| words[at].wrapping_sub(before[at]))
    }
}

fn count(side: Side, words: &[u32; WORDS_MAX], counters: &mut Counters) {
    let of = |at: usize| u64::from(words[at]);
    match side {
        Side::Received => counters.fifo_dropped += of(FIFO_DROPPED),
        Side::Sent => {
            counters.collisions += of(ONE_COLLISION) + of(SEVERAL_COLLISIONS);
            counters.collision_errors += of(EXCESSIVE_COLLISIONS) + of(LATE_COLLISION);
            counters.carrier_errors += of(CARRIER);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_that_run_on_are_counted_by_their_difference() {
        let words = |dropped| {
            let mut words = [0; WORDS_MAX];
            words[FIFO_DROPPED] = dropped;
            words
        };
        let check = |chip, answers: &[u32]| {
            let mut statistics = Statistics::new(Duration::ZERO, chip);
            let mut counters = Counters::default();
            for &dropped in answers {
                let new = statistics.since_last(Side::Received, words(dropped));
                count(Side::Received, &new, &mut counters);
            }
            counters.fifo_dropped
        };
        assert_eq!(check(0xec00, &[3, 0, 4]), 7);
        assert_eq!(check(0x9e00, &[100, 103, 103, 110]), 10);
        // Over the end of 32 bits.
        assert_eq!(check(0x9730, &[u32::MAX - 1, 1]), 3);
    }
}
