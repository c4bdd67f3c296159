//! A property message with one tag: written, and read back without believing a length.
//!
//! ```text
//!   byte  0  bytes of the whole message          answer: unchanged
//!         4  0, a request                                0x80000000 done, 0x80000001 not all of it
//!         8  tag
//!        12  bytes of the value area                     unchanged
//!        16  0, a request                                bit 31: answered; bytes of the answer
//!        20  value area: the request's words             the answer
//!        ..  0, the end tag
//! ```

use super::{Error, Tag};

const HEADER_BYTES: usize = 20;
const END_BYTES: usize = 4;
const ANSWERED: u32 = 1 << 31;
const CODE_DONE: u32 = 0x8000_0000;

/// Bytes of a message whose value area has `value_bytes`, in whole words.
pub(super) const fn message_bytes(value_bytes: usize) -> usize {
    HEADER_BYTES + value_bytes.next_multiple_of(4) + END_BYTES
}

/// Bytes of the largest value area that fits into `memory_bytes`.
pub(super) const fn value_bytes_max(memory_bytes: usize) -> usize {
    memory_bytes.saturating_sub(HEADER_BYTES + END_BYTES) & !3
}

/// Writes a request with a value area of `value_bytes`, which `memory` must have room for; returns
/// the message's bytes. The part of the value area that the request does not fill is zero.
pub(super) fn write(memory: &mut [u8], tag: Tag, request: &[u32], value_bytes: usize) -> usize {
    let value_bytes = value_bytes.next_multiple_of(4);
    let bytes = message_bytes(value_bytes);
    let message = &mut memory[..bytes];
    message.fill(0);
    put(message, 0, bytes as u32);
    put(message, 8, tag as u32);
    put(message, 12, value_bytes as u32);
    for (index, &word) in request.iter().enumerate() {
        put(message, HEADER_BYTES + 4 * index, word);
    }
    bytes
}

/// The value of the answer in `memory`: at most `value_bytes`, whatever length it claims.
pub(super) fn read(memory: &[u8], tag: Tag, value_bytes: usize) -> Result<&[u8], Error> {
    let code = word(memory, 4).unwrap_or(0);
    let echoed = word(memory, 8).unwrap_or(0);
    if echoed != tag as u32 {
        return Err(Error::WrongTag { tag, found: echoed });
    }
    let indicator = word(memory, 16).unwrap_or(0);
    if indicator & ANSWERED == 0 {
        return Err(Error::Unimplemented { tag, code });
    }
    if code != CODE_DONE {
        return Err(Error::Refused { tag, code });
    }
    let claimed = (indicator & !ANSWERED) as usize;
    let value = memory.get(HEADER_BYTES..).unwrap_or(&[]);
    Ok(&value[..claimed.min(value_bytes).min(value.len())])
}

/// The little-endian word at `at`, if it is there.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    bytes.try_into().ok().map(u32::from_le_bytes)
}

fn put(message: &mut [u8], at: usize, value: u32) {
    message[at..at + 4].copy_from_slice(&value.to_le_bytes());
}
