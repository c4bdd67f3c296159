//! Bursts of received frames.
//!
//! The chip packs several frames into one bulk transfer, each behind a status word:
//!
//! ```text
//!   0        4                                    4 + length
//!   | status | frame | FCS (4) | sum (2, if on) | pad | status | frame ...
//!   little endian; bits 29:16 are the length of frame, FCS and sum; pad to a multiple of 4,
//!   none behind the last one
//! ```
//!
//! No length is believed. One that is wrong says nothing about where the next frame begins, so it
//! ends the burst.

use core::fmt;
use core::ops::Range;

use crate::limits::{
    ETHERNET_HEADER_BYTES, FCS_BYTES, RECEIVED_FRAME_BYTES_MAX, STATUS_BYTES, SUM_BYTES, WORD_BYTES,
};

/// Why a burst ended before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadBurst {
    /// Fewer bytes are left than a status word has.
    StatusCut {
        /// Bytes left.
        left: usize,
    },
    /// The frame is longer than what is left of the burst.
    BeyondEnd {
        /// Bytes, as the status word tells.
        length: usize,
        /// Bytes left.
        left: usize,
    },
    /// The frame is shorter than an Ethernet header.
    TooShort {
        /// Bytes, as the status word tells.
        length: usize,
    },
    /// The frame is longer than Ethernet allows, and not marked as such.
    TooLong {
        /// Bytes, as the status word tells.
        length: usize,
    },
}

impl fmt::Display for BadBurst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StatusCut { left } => write!(f, "status word of {left} bytes"),
            Self::BeyondEnd { length, left } => {
                write!(f, "frame of {length} bytes in the last {left} of a burst")
            }
            Self::TooShort { length } | Self::TooLong { length } => {
                write!(f, "frame of {length} bytes")
            }
        }
    }
}

impl core::error::Error for BadBurst {}

/// What the chip found wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The FCS does not match.
    Crc,
    /// Damaged by a collision, or shorter than 64 bytes with FCS.
    Runt,
    /// More than 1,518 bytes with FCS.
    TooLong,
    /// Anything else: length field, watchdog, MII.
    Other,
}

/// The status word before a received frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u32);

impl Status {
    const ERROR: u32 = 1 << 15;
    const RUNT: u32 = 1 << 11;
    const TOO_LONG: u32 = 1 << 7;
    const CRC: u32 = 1 << 1;

    /// Bytes of the frame with all that belongs to it.
    pub fn length(self) -> usize {
        (self.0 >> 16 & 0x3fff) as usize
    }

    /// What is wrong with the frame, if anything is.
    pub fn error(self) -> Option<FrameError> {
        let has = |bit| self.0 & bit != 0;
        has(Self::ERROR).then(|| {
            if has(Self::RUNT) {
                FrameError::Runt
            } else if has(Self::TOO_LONG) {
                FrameError::TooLong
            } else if has(Self::CRC) {
                FrameError::Crc
            } else {
                FrameError::Other
            }
        })
    }
}

/// A frame, found in a burst.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A good one.
    Frame {
        /// Its place in the burst, without FCS.
        at: Range<usize>,
        /// The chip's sum over its bytes from 14 on, if that is on.
        sum: Option<u16>,
    },
    /// One that the chip marked as bad.
    Damaged(FrameError),
}

/// A place in a burst, between two frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    at: usize,
}

impl Cursor {
    /// The next frame of the burst, whose frames end with a sum if `sums`. `None` at the end.
    ///
    /// # Errors
    /// [`BadBurst`]: the rest of the burst means nothing; the next call returns `None`.
    pub fn next(&mut self, burst: &[u8], sums: bool) -> Option<Result<Arrival, BadBurst>> {
        let rest = burst.get(self.at..).filter(|rest| !rest.is_empty())?;
        let found = look(rest, sums);
        let start = self.at;
        match found {
            Ok((arrival, bytes)) => {
                self.at += bytes.next_multiple_of(WORD_BYTES);
                Some(Ok(match arrival {
                    Arrival::Frame { at, sum } => {
                        Arrival::Frame { at: start + at.start..start + at.end, sum }
                    }
                    damaged => damaged,
                }))
            }
            Err(bad) => {
                self.at = burst.len();
                Some(Err(bad))
            }
        }
    }
}

/// The frame at the start of `rest`, and the bytes that it takes with its status word.
fn look(rest: &[u8], sums: bool) -> Result<(Arrival, usize), BadBurst> {
    let Some((word, behind)) = rest.split_first_chunk::<STATUS_BYTES>() else {
        return Err(BadBurst::StatusCut { left: rest.len() });
    };
    let status = Status(u32::from_le_bytes(*word));
    let length = status.length();
    let Some(bytes) = behind.get(..length) else {
        return Err(BadBurst::BeyondEnd { length, left: behind.len() });
    };
    let end = STATUS_BYTES + length;
    if let Some(error) = status.error() {
        return Ok((Arrival::Damaged(error), end));
    }
    let trailer = FCS_BYTES + if sums { SUM_BYTES } else { 0 };
    if length < ETHERNET_HEADER_BYTES + trailer {
        return Err(BadBurst::TooShort { length });
    }
    if length > RECEIVED_FRAME_BYTES_MAX + trailer {
        return Err(BadBurst::TooLong { length });
    }
    // In network order (Linux and FreeBSD read it so).
    let sum = bytes.last_chunk::<SUM_BYTES>().filter(|_| sums).map(|sum| u16::from_be_bytes(*sum));
    Ok((Arrival::Frame { at: STATUS_BYTES..end - trailer, sum }, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    /// A burst as the chip would make it.
    fn burst(frames: &[Vec<u8>], sums: bool) -> Vec<u8> {
        let mut burst = Vec::new();
        for frame in frames {
            burst.resize(burst.len().next_multiple_of(4), 0xee);
            let trailer = if sums { 6 } else { 4 };
            burst.extend_from_slice(&((frame.len() + trailer) as u32 * 65_536).to_le_bytes());
            burst.extend_from_slice(frame);
            burst.extend_from_slice(&[0xfc; 4]);
            if sums {
                burst.extend_from_slice(&[0x12, 0x34]);
            }
        }
        burst
    }

    fn all(burst: &[u8], sums: bool) -> Vec<Result<Arrival, BadBurst>> {
        let mut cursor = Cursor::default();
        core::iter::from_fn(|| cursor.next(burst, sums)).collect()
    }

    /// An example, kept as an input of the fuzz target.
    fn example(burst: &[u8], sums: bool) -> Vec<Result<Arrival, BadBurst>> {
        corpus::seed("lan9514_burst", &[&[u8::from(sums)], burst].concat());
        all(burst, sums)
    }

    fn status(length: u32, bits: u32) -> Vec<u8> {
        (length << 16 | bits).to_le_bytes().to_vec()
    }

    #[test]
    fn an_empty_burst_has_no_frame() {
        assert_eq!(example(&[], true), []);
    }

    #[test]
    fn each_wrong_length_ends_the_burst_by_name() {
        let good = burst(&[std::vec![7; 60]], false);
        let check = |tail: Vec<u8>, bad| {
            let whole = [good.clone(), tail].concat();
            let found = example(&whole, false);
            assert_eq!(found.len(), 2, "{bad}");
            assert_eq!(found[0], Ok(Arrival::Frame { at: 4..64, sum: None }));
            assert_eq!(found[1], Err(bad));
        };
        check(std::vec![1], BadBurst::StatusCut { left: 1 });
        check(std::vec![1, 2, 3], BadBurst::StatusCut { left: 3 });
        check(status(64, 0), BadBurst::BeyondEnd { length: 64, left: 0 });
        check(
            [status(64, 0), std::vec![0; 63]].concat(),
            BadBurst::BeyondEnd { length: 64, left: 63 },
        );
        check(status(0, 0), BadBurst::TooShort { length: 0 });
        check([status(17, 0), std::vec![0; 17]].concat(), BadBurst::TooShort { length: 17 });
        check([status(1523, 0), std::vec![0; 1523]].concat(), BadBurst::TooLong { length: 1523 });
    }

    #[test]
    fn damaged_frames_are_stepped_over() {
        let cases = [
            (0x8002, FrameError::Crc),
            (0x8802, FrameError::Runt),
            (0x8080, FrameError::TooLong),
            (0x8008, FrameError::Other),
        ];
        for (bits, error) in cases {
            let mut whole = status(5, bits);
            whole.extend_from_slice(&[0; 5]);
            whole.resize(12, 0);
            whole.extend_from_slice(&burst(&[std::vec![7; 100]], true));
            let frame = Arrival::Frame { at: 16..116, sum: Some(0x1234) };
            assert_eq!(example(&whole, true), [Ok(Arrival::Damaged(error)), Ok(frame)]);
        }
    }

    #[test]
    fn a_pad_behind_the_last_frame_is_no_frame() {
        let mut whole = burst(&[std::vec![7; 61]], false);
        whole.resize(whole.len().next_multiple_of(4), 0);
        assert_eq!(example(&whole, false).len(), 1);
    }

    #[test]
    fn frames_of_all_sizes_are_found() {
        for sums in [false, true] {
            let frames = [14, 15, 16, 17, 60, 590].map(|bytes| std::vec![7; bytes]);
            let found = example(&burst(&frames, sums), sums);
            assert_eq!(found.iter().flatten().count(), frames.len());
        }
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_out(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 14..1518), 0..12),
            sums in any::<bool>(),
        ) {
            let whole = burst(&frames, sums);
            let mut cursor = Cursor::default();
            for frame in &frames {
                let found = cursor.next(&whole, sums);
                let Some(Ok(Arrival::Frame { at, sum })) = found else {
                    return Err(TestCaseError::fail("no frame"));
                };
                prop_assert_eq!(&whole[at], frame.as_slice());
                prop_assert_eq!(sum, sums.then_some(0x1234));
            }
            prop_assert_eq!(cursor.next(&whole, sums), None);
        }

        #[test]
        fn garbage_ends_and_never_points_outside(
            whole in prop::collection::vec(any::<u8>(), 0..4096),
            sums in any::<bool>(),
        ) {
            let found = all(&whole, sums);
            // Each step takes a status word at least.
            prop_assert!(found.len() <= whole.len() / 4 + 1);
            for arrival in found.iter().flatten() {
                if let Arrival::Frame { at, .. } = arrival {
                    prop_assert!((14..=1518).contains(&whole[at.clone()].len()));
                }
            }
            prop_assert!(found.iter().rev().skip(1).all(Result::is_ok), "nothing after an error");
        }

        #[test]
        fn a_flipped_bit_costs_no_more_than_the_rest(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 14..300), 1..8),
            place in any::<prop::sample::Index>(),
            bit in 0..8_u32,
        ) {
            let mut whole = burst(&frames, true);
            let at = place.index(whole.len());
            whole[at] ^= 1 << bit;
            let before = frames.iter().scan(0, |end, frame| {
                *end = (*end + 4 + frame.len() + 6_usize).next_multiple_of(4);
                Some(*end)
            }).take_while(|&end| end <= at).count();
            let found = all(&whole, true);
            prop_assert!(found.len() >= before);
            for (arrival, frame) in found.iter().zip(&frames).take(before) {
                let Ok(Arrival::Frame { at, .. }) = arrival else {
                    return Err(TestCaseError::fail("a frame before the flipped bit is lost"));
                };
                prop_assert_eq!(&whole[at.clone()], frame.as_slice());
            }
        }
    }
}
