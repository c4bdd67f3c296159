//! Command words before a frame that is sent.
//!
//! ```text
//!   0          4          8                 12
//!   | word A   | word B   | checksum word   | frame
//!   | word A   | word B   | frame                       without a checksum for the chip
//!   A: bytes behind the words | LAST | FIRST; B: the same bytes | CHECKSUM; both count the
//!   checksum word: start of the sum | its place << 16, from the start of the frame
//! ```
//!
//! A frame is one buffer, first and last; the chip pads it to 60 bytes and adds the FCS.

use crate::checksum::{self, Filled};
use crate::limits::{
    CHECKSUM_BYTES_BEHIND_MIN, CHECKSUM_WORD_BYTES, COMMAND_BYTES, ETHERNET_HEADER_BYTES,
};

const FIRST: u32 = 1 << 13;
const LAST: u32 = 1 << 12;
const CHECKSUM: u32 = 1 << 14;

/// Bytes of the shortest frame that the chip could fill a checksum into: Ethernet, IPv4, TCP up to
/// and with its checksum field, and what must follow.
const CHECKSUM_CANDIDATE_BYTES_MIN: usize =
    ETHERNET_HEADER_BYTES + 20 + 16 + CHECKSUM_BYTES_BEHIND_MIN;

/// Where in its buffer a frame of `bytes` is built: so that most stay where they are.
pub(crate) fn place(bytes: usize, offload: bool) -> usize {
    if offload && bytes >= CHECKSUM_CANDIDATE_BYTES_MIN {
        COMMAND_BYTES + CHECKSUM_WORD_BYTES
    } else {
        COMMAND_BYTES
    }
}

/// Puts the words before a frame that was built at its [`place`]. Bytes to be sent.
///
/// With `offload`, the frame's TCP checksum is seen to. A long frame that has none for the chip
/// moves to the front by four bytes: the words have no way to say that there is a gap.
pub(crate) fn finish(buffer: &mut [u8], bytes: usize, offload: bool) -> usize {
    let at = place(bytes, offload);
    let filled =
        if offload { checksum::fill(&mut buffer[at..at + bytes]) } else { Filled::Already };
    let (word, length) = match filled {
        // A candidate by its length: there is room for the word.
        Filled::ByChip { start, field } if at > COMMAND_BYTES => {
            let word = (start | field << 16) as u32;
            buffer[COMMAND_BYTES..at].copy_from_slice(&word.to_le_bytes());
            (CHECKSUM, bytes + CHECKSUM_WORD_BYTES)
        }
        _ => {
            if at > COMMAND_BYTES {
                buffer.copy_within(at..at + bytes, COMMAND_BYTES);
            }
            (0, bytes)
        }
    };
    let (a, b) = (length as u32 | FIRST | LAST, length as u32 | word);
    buffer[..4].copy_from_slice(&a.to_le_bytes());
    buffer[4..COMMAND_BYTES].copy_from_slice(&b.to_le_bytes());
    COMMAND_BYTES + length
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::TRANSMIT_BYTES;

    fn send(frame: &[u8], offload: bool) -> std::vec::Vec<u8> {
        let mut buffer = [0xc5; TRANSMIT_BYTES];
        let at = place(frame.len(), offload);
        buffer[at..at + frame.len()].copy_from_slice(frame);
        let bytes = finish(&mut buffer, frame.len(), offload);
        buffer[..bytes].to_vec()
    }

    #[test]
    fn a_plain_frame_follows_two_words() {
        for offload in [false, true] {
            for bytes in [14, 42, 55, 56, 60, 1514] {
                let frame: std::vec::Vec<u8> = (0..bytes).map(|at| at as u8).collect();
                let sent = send(&frame, offload);
                let length = bytes as u32;
                assert_eq!(sent[..4], (length | 0x3000).to_le_bytes());
                assert_eq!(sent[4..8], length.to_le_bytes());
                assert_eq!(sent[8..], frame, "{bytes} bytes");
            }
        }
    }

    #[test]
    fn a_segment_follows_three() {
        let mut frame = [0; 100];
        frame[12..18].copy_from_slice(&[8, 0, 0x45, 0, 0, 86]);
        frame[23] = 6;
        let sent = send(&frame, true);
        assert_eq!(sent[..4], (104 | 0x3000_u32).to_le_bytes());
        assert_eq!(sent[4..8], (104 | 0x4000_u32).to_le_bytes());
        assert_eq!(sent[8..12], [34, 0, 50, 0]);
        // The pseudo header's sum: protocol and length.
        assert_eq!(sent[12 + 50..12 + 52], [0, 6 + 66]);
        assert_eq!(send(&frame, false)[8..], frame);
    }
}
