//! `/bytes`: as many as are asked for, or as are sent, to measure and check a wire.
//!
//! What is sent is a sequence that anybody can compute, so that not one byte of it need be stored
//! to be checked; of what is taken, the CRC-32 is answered. One connection at a time may do each,
//! and no longer than [`HTTP_BYTES_TIMEOUT`](crate::limits::HTTP_BYTES_TIMEOUT): the pages keep
//! their workers.

use core::cell::Cell;

use crate::limits::{HTTP_BYTES_DEFAULT, HTTP_BYTES_MAX};

use super::frames::Viewers;
use super::live::Listeners;
use super::response::Code;

/// The path.
pub(super) const PATH: &str = "/bytes";

/// The seed of the sequence if none is named: 2^32 divided by the golden ratio.
const SEED_DEFAULT: u32 = 0x9e37_79b9;

/// Who is sent, or sends, something that takes long: of each kind a limited number at a time.
#[derive(Debug, Default)]
pub struct Streams {
    /// Somebody is sent bytes.
    pub(super) sending: Cell<bool>,
    /// Somebody sends bytes.
    pub(super) taking: Cell<bool>,
    /// Who listens to `/events`.
    pub(super) listeners: Listeners,
    /// Who looks at `/pcap`.
    pub(super) viewers: Viewers,
}

/// The right to send, or to take, until it is dropped.
pub(super) struct Turn<'a>(&'a Cell<bool>);

impl<'a> Turn<'a> {
    /// Takes it, unless another connection has it.
    pub(super) fn take(place: &'a Cell<bool>) -> Option<Self> {
        (!place.replace(true)).then_some(Self(place))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

/// What a request for bytes asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// How many.
    pub(super) count: u64,
    /// Of which sequence.
    pub(super) seed: u32,
}

impl Wanted {
    /// Reads a query: `count=N&seed=N`, decimal, each once at most.
    ///
    /// # Errors
    /// [`Code::BadRequest`] for anything else, too large a count, or a seed of 0, whose sequence
    /// would be nothing but zeroes.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Code> {
        let (mut count, mut seed) = (None, None);
        let words = query.unwrap_or_default().split('&').filter(|word| !word.is_empty());
        for word in words {
            let (name, value) = word.split_once('=').ok_or(Code::BadRequest)?;
            let place = match name {
                "count" => &mut count,
                "seed" => &mut seed,
                _ => return Err(Code::BadRequest),
            };
            let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            let value = value.parse::<u64>().ok().filter(|_| is_number && place.is_none());
            *place = Some(value.ok_or(Code::BadRequest)?);
        }
        let count = count.unwrap_or(HTTP_BYTES_DEFAULT);
        let seed = u32::try_from(seed.unwrap_or(SEED_DEFAULT.into()));
        match seed {
            Ok(seed @ 1..) if count <= HTTP_BYTES_MAX => Ok(Self { count, seed }),
            _ => Err(Code::BadRequest),
        }
    }
}

/// Words of 32 bits, each from the one before (G. Marsaglia, "Xorshift RNGs", 2003), as bytes with
/// the lowest first. The seed itself is not sent.
#[derive(Clone, Debug)]
pub(super) struct Sequence(u32);

impl Sequence {
    pub(super) fn new(seed: u32) -> Self {
        Self(seed)
    }

    /// The next bytes. What is left of the last word, if they are no whole number of words, is
    /// lost: only the last piece of a sequence may have such a length.
    pub(super) fn fill(&mut self, out: &mut [u8]) {
        for bytes in out.chunks_mut(size_of::<u32>()) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 17;
            self.0 ^= self.0 << 5;
            bytes.copy_from_slice(&self.0.to_le_bytes()[..bytes.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        let wanted = |query| Wanted::parse(query).ok().map(|wanted| (wanted.count, wanted.seed));
        for (query, expected) in [
            (None, Some((HTTP_BYTES_DEFAULT, SEED_DEFAULT))),
            (Some(""), Some((HTTP_BYTES_DEFAULT, SEED_DEFAULT))),
            (Some("count=0"), Some((0, SEED_DEFAULT))),
            (Some("seed=7&count=12"), Some((12, 7))),
            (Some("count=12&seed=4294967295"), Some((12, u32::MAX))),
            (Some("seed=0"), None),
            (Some("seed=4294967296"), None),
            (Some("count"), None),
            (Some("count="), None),
            (Some("count=+1"), None),
            (Some("count=1&count=1"), None),
            (Some("count=18446744073709551616"), None),
            (Some("size=1"), None),
        ] {
            assert_eq!(wanted(query), expected, "{query:?}");
        }
        let count = |count| Wanted::parse(Some(&std::format!("count={count}"))).is_ok();
        assert!(count(HTTP_BYTES_MAX) && !count(HTTP_BYTES_MAX + 1));
    }

    #[test]
    fn a_sequence_is_the_same_in_whatever_pieces() {
        let mut whole = [0; 40];
        Sequence::new(1).fill(&mut whole);
        // The first words that Marsaglia's generator gives from 1: 270369, 67634689.
        assert_eq!(whole[..8], [0x21, 0x20, 0x04, 0, 0x01, 0x06, 0x08, 0x04]);
        let mut pieces = [0; 40];
        let mut sequence = Sequence::new(1);
        sequence.fill(&mut pieces[..12]);
        sequence.fill(&mut pieces[12..16]);
        sequence.fill(&mut pieces[16..39]);
        assert_eq!(pieces[..39], whole[..39]);
    }

    #[test]
    fn one_at_a_time() {
        let place = Cell::new(false);
        let first = Turn::take(&place);
        assert!(first.is_some() && Turn::take(&place).is_none());
        drop(first);
        assert!(Turn::take(&place).is_some());
    }
}
