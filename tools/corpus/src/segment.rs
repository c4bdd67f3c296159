//! TCP segments whose numbers are relative: a seed cannot know what the other side will choose.

/// Bytes of a header without options.
const HEADER_BYTES: usize = 20;
/// Where the flags are, and the one that says that an acknowledgment is there.
const FLAGS: usize = 13;
const ACK: u8 = 0x10;
/// Kinds of options (RFC 9293 3.1, RFC 2018 3, RFC 7323 3.2).
const END: u8 = 0;
const NOTHING: u8 = 1;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;

/// What the numbers of a segment count from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bases {
    /// Its sequence number.
    pub seq: u32,
    /// Its acknowledgment number and SACK blocks, which are the other side's sequence numbers.
    pub ack: u32,
    /// The echo of the other side's timestamp.
    pub clock: u32,
}

impl Bases {
    /// Takes away what these add.
    #[must_use]
    pub const fn negated(self) -> Self {
        let Self { seq, ack, clock } = self;
        Self { seq: seq.wrapping_neg(), ack: ack.wrapping_neg(), clock: clock.wrapping_neg() }
    }
}

/// Adds the bases to the numbers of a segment, or to what looks like numbers: any bytes will do.
pub fn shift(segment: &mut [u8], bases: Bases) {
    if segment.len() < HEADER_BYTES {
        return;
    }
    add(segment, 4, bases.seq);
    if segment[FLAGS] & ACK != 0 {
        add(segment, 8, bases.ack);
    }
    let end = segment.len().min(usize::from(segment[12] >> 4) * 4);
    let mut at = HEADER_BYTES;
    while let Some(&kind) = segment.get(at) {
        let length = match (kind, segment.get(at + 1)) {
            (NOTHING, _) => 1,
            (END, _) | (_, None) => break,
            (_, Some(&length)) => usize::from(length),
        };
        if length == 0 || at + length > end {
            break;
        }
        match kind {
            SACK => (at + 2..at + length).step_by(4).for_each(|at| add(segment, at, bases.ack)),
            TIMESTAMPS => add(segment, at + 6, bases.clock),
            _ => {}
        }
        at += length;
    }
}

/// Adds to the four bytes at a place, if they are there.
fn add(bytes: &mut [u8], at: usize, base: u32) {
    if let Some(word) = bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *word = u32::from_be_bytes(*word).wrapping_add(base).to_be_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shifted_comes_back() {
        let options = [1, 1, 8, 10, 0, 0, 0, 5, 0, 0, 0, 6, 1, 1, 5, 10, 0, 0, 0, 7, 0, 0, 0, 8];
        let mut segment = vec![0; HEADER_BYTES];
        segment[FLAGS] = ACK;
        segment[12] = 11 << 4;
        segment.extend(options);
        let before = segment.clone();
        let bases = Bases { seq: 0xffff_fff0, ack: 0x100, clock: 0x1_0000 };
        shift(&mut segment, bases);
        assert_eq!(segment[4..12], [0xff, 0xff, 0xff, 0xf0, 0, 0, 1, 0]);
        assert_eq!(segment[24..32], [0, 0, 0, 5, 0, 1, 0, 6], "only the echo");
        assert_eq!(segment[36..], [0, 0, 1, 7, 0, 0, 1, 8]);
        shift(&mut segment, bases.negated());
        assert_eq!(segment, before);
    }

    #[test]
    fn no_length_is_believed() {
        for length in 0..44 {
            let mut segment = vec![0xff; length];
            segment.iter_mut().skip(20).step_by(2).for_each(|byte| *byte = SACK);
            shift(&mut segment, Bases { seq: 1, ack: 1, clock: 1 });
        }
    }
}
