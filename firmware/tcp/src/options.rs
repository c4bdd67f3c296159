//! TCP options: what is read of a received header, and what is written into ours.

use crate::limits::{OPTIONS_BYTES_MAX, SACK_BLOCKS_MAX, WINDOW_SHIFT_MAX};
use crate::seq::Seq;

const END: u8 = 0;
const FILL: u8 = 1;
const MSS: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;

/// Received bytes `[left, right)`, as SACK tells them (RFC 2018 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SackBlock {
    /// The first.
    pub left: Seq,
    /// The one behind the last.
    pub right: Seq,
}

/// A timestamps option (RFC 7323 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamps {
    /// The sender's clock.
    pub value: u32,
    /// What the sender last heard of ours.
    pub echo: u32,
}

/// SACK blocks of one segment, the latest first.
pub type SackBlocks = heapless::Vec<SackBlock, SACK_BLOCKS_MAX>;

/// The options of a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Maximum segment size (RFC 9293 3.7.1).
    pub mss: Option<u16>,
    /// Shift of the windows that follow (RFC 7323 2).
    pub window_scale: Option<u8>,
    /// SACK may be sent (RFC 2018 2).
    pub sack_permitted: bool,
    /// Timestamps.
    pub timestamps: Option<Timestamps>,
    /// SACK blocks.
    pub sack: SackBlocks,
}

impl Options {
    /// Reads the bytes behind the fixed header.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut options = Self::default();
        options.read(bytes);
        options
    }

    /// The same where they are kept. Options that are unknown are skipped (RFC 9293 MUST-6); from
    /// one whose length cannot be, the rest is left unread (MUST-7).
    #[inline]
    pub(crate) fn read(&mut self, mut bytes: &[u8]) {
        // As nearly every segment has them (RFC 7323 appendix A).
        if let [FILL, FILL, TIMESTAMPS, 10, data @ ..] = bytes
            && data.len() == 8
        {
            return self.take(TIMESTAMPS, data);
        }
        while let [kind, rest @ ..] = bytes {
            match *kind {
                END => break,
                FILL => bytes = rest,
                kind => {
                    let Some((data, behind)) = body(bytes) else { break };
                    self.take(kind, data);
                    bytes = behind;
                }
            }
        }
    }

    fn take(&mut self, kind: u8, data: &[u8]) {
        match (kind, data) {
            (MSS, &[high, low]) => self.mss = Some(u16::from_be_bytes([high, low])),
            // RFC 7323 2.3: a larger shift is used as 14.
            (WINDOW_SCALE, &[shift]) => self.window_scale = Some(shift.min(WINDOW_SHIFT_MAX)),
            (SACK_PERMITTED, []) => self.sack_permitted = true,
            (TIMESTAMPS, data) if data.len() == 8 => {
                self.timestamps = Some(Timestamps { value: word(data), echo: word(&data[4..]) });
            }
            (SACK, data) if data.len().is_multiple_of(8) => {
                for block in data.chunks_exact(8) {
                    let block = SackBlock { left: Seq(word(block)), right: Seq(word(&block[4..])) };
                    // Four fit into a header; a fifth cannot be.
                    let _ = self.sack.push(block);
                }
            }
            _ => {}
        }
    }

    /// Bytes that they take in a header, padding included.
    pub fn length(&self) -> usize {
        let mss = if self.mss.is_some() { 4 } else { 0 };
        let scale = if self.window_scale.is_some() { 4 } else { 0 };
        let timestamps = if self.timestamps.is_some() { 12 } else { 0 };
        // Beside timestamps the two bytes of SACK-permitted replace the fillers.
        let permitted = if self.sack_permitted && self.timestamps.is_none() { 4 } else { 0 };
        let sack = if self.sack.is_empty() { 0 } else { 4 + 8 * self.sack.len() };
        mss + scale + timestamps + permitted + sack
    }

    /// Writes them into exactly [`Options::length`] bytes, in words of four.
    pub fn emit(&self, out: &mut [u8]) {
        let mut writer = Writer(out);
        if let Some(mss) = self.mss {
            let [high, low] = mss.to_be_bytes();
            writer.put(&[MSS, 4, high, low]);
        }
        match (self.sack_permitted, self.timestamps) {
            (true, Some(_)) => writer.put(&[SACK_PERMITTED, 2, TIMESTAMPS, 10]),
            (true, None) => writer.put(&[FILL, FILL, SACK_PERMITTED, 2]),
            (false, Some(_)) => writer.put(&[FILL, FILL, TIMESTAMPS, 10]),
            (false, None) => {}
        }
        if let Some(Timestamps { value, echo }) = self.timestamps {
            writer.put(&value.to_be_bytes());
            writer.put(&echo.to_be_bytes());
        }
        if let Some(shift) = self.window_scale {
            writer.put(&[FILL, WINDOW_SCALE, 3, shift]);
        }
        if !self.sack.is_empty() {
            writer.put(&[FILL, FILL, SACK, (2 + 8 * self.sack.len()) as u8]);
            for block in &self.sack {
                writer.put(&block.left.0.to_be_bytes());
                writer.put(&block.right.0.to_be_bytes());
            }
        }
    }

    /// SACK blocks that still fit beside the other options.
    pub fn sack_room(&self) -> usize {
        (OPTIONS_BYTES_MAX - self.length()).saturating_sub(4) / 8
    }
}

struct Writer<'a>(&'a mut [u8]);

impl Writer<'_> {
    /// All that is written is words of four bytes.
    fn put(&mut self, word: &[u8; 4]) {
        if let Some((room, rest)) = core::mem::take(&mut self.0).split_first_chunk_mut() {
            *room = *word;
            self.0 = rest;
        }
    }
}

/// The data of the option that `bytes` begins with, and what is behind it.
fn body(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = usize::from(*bytes.get(1)?);
    Some((bytes.get(2..length)?, bytes.get(length..)?))
}

fn word(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests;
