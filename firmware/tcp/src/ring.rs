//! A ring of bytes, addressed by sequence number.
//!
//! ```text
//!            start                          backed
//!   ... freed | block | block | block | block | none yet ...
//!              ^ bytes of sequence number s lie in the block s / 4096 % 128, at s % 4096
//! ```
//!
//! A ring is a window that slides along the sequence numbers: blocks are added at its end and
//! freed at its start, and no byte ever moves. Since 2^32 is a multiple of all of it, a wrap of
//! the sequence numbers changes nothing.

use crate::limits::{BLOCK_BYTES, RING_BLOCKS_MAX};
use crate::memory::{Pool, Share};
use crate::seq::Seq;

const BLOCK: u32 = BLOCK_BYTES as u32;

/// A ring.
#[derive(Debug)]
pub(crate) struct Ring {
    table: [u16; RING_BLOCKS_MAX],
    /// Beginning of the first block held.
    start: Seq,
    share: Share,
}

/// The beginning of the block that holds `at`.
fn floor(at: Seq) -> Seq {
    Seq(at.0 & !(BLOCK - 1))
}

fn index(at: Seq) -> usize {
    (at.0 / BLOCK) as usize % RING_BLOCKS_MAX
}

fn offset(at: Seq) -> usize {
    (at.0 % BLOCK) as usize
}

impl Ring {
    /// A ring without memory; the first byte will be `at`. It can always have `minimum` blocks.
    pub const fn new(at: Seq, minimum: u16) -> Self {
        Self {
            table: [0; RING_BLOCKS_MAX],
            start: Seq(at.0 & !(BLOCK - 1)),
            share: Share { held: 0, minimum },
        }
    }

    /// Where memory ends.
    pub fn backed(&self) -> Seq {
        self.start.plus(u32::from(self.share.held) * BLOCK)
    }

    /// Blocks held.
    pub fn blocks(&self) -> u16 {
        self.share.held
    }

    /// Bytes of memory that it may have now.
    pub fn allowance(&self, pool: &Pool<'_>) -> u32 {
        pool.allowance(self.share).min(RING_BLOCKS_MAX) as u32 * BLOCK
    }

    /// Takes memory up to `end`, or as far as there is some; returns where it ends.
    #[inline]
    pub fn back(&mut self, pool: &mut Pool<'_>, end: Seq) -> Seq {
        if self.backed().lt(end) {
            self.grow(pool, end);
        }
        self.backed()
    }

    fn grow(&mut self, pool: &mut Pool<'_>, end: Seq) {
        while self.backed().lt(end) && usize::from(self.share.held) < RING_BLOCKS_MAX {
            let at = index(self.backed());
            let Some(block) = pool.take(&mut self.share) else { break };
            self.table[at] = block;
        }
    }

    /// Frees every block before the one that holds `at`.
    pub fn release(&mut self, pool: &mut Pool<'_>, at: Seq) {
        let keep = floor(at);
        while self.start.lt(keep) && self.share.held > 0 {
            pool.put(&mut self.share, self.table[index(self.start)]);
            self.start = self.start.plus(BLOCK);
        }
        if self.share.held == 0 {
            self.start = keep;
        }
    }

    /// Frees all; the next byte will be `at`.
    pub fn clear(&mut self, pool: &mut Pool<'_>, at: Seq) {
        while self.share.held > 0 {
            pool.put(&mut self.share, self.table[index(self.start)]);
            self.start = self.start.plus(BLOCK);
        }
        self.start = floor(at);
    }

    /// True if `[from, from + length)` has memory.
    fn holds(&self, from: Seq, length: usize) -> bool {
        let size = u32::from(self.share.held) * BLOCK;
        let begin = from.since(self.start);
        length == 0 || begin <= size && length as u64 <= u64::from(size - begin)
    }

    /// Writes bytes that begin at `at`; memory must be there.
    pub fn write(&mut self, pool: &mut Pool<'_>, mut at: Seq, mut bytes: &[u8]) {
        debug_assert!(self.holds(at, bytes.len()));
        if !self.holds(at, bytes.len()) {
            return;
        }
        while !bytes.is_empty() {
            let block = &mut pool.block_mut(self.table[index(at)])[offset(at)..];
            let count = block.len().min(bytes.len());
            block[..count].copy_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            at = at.plus(count as u32);
        }
    }

    /// Reads bytes that begin at `at`; they must be there.
    pub fn read(&self, pool: &Pool<'_>, mut at: Seq, mut out: &mut [u8]) {
        debug_assert!(self.holds(at, out.len()));
        while !out.is_empty() {
            let piece = self.piece(pool, at, out.len());
            if piece.is_empty() {
                return;
            }
            let (filled, rest) = out.split_at_mut(piece.len());
            filled.copy_from_slice(piece);
            out = rest;
            at = at.plus(filled.len() as u32);
        }
    }

    /// Up to `length` bytes from `at` on, as many as lie in one block.
    pub fn piece<'p>(&self, pool: &'p Pool<'_>, at: Seq, length: usize) -> &'p [u8] {
        if length == 0 || !self.holds(at, 1) {
            return &[];
        }
        let block = &pool.block(self.table[index(at)])[offset(at)..];
        &block[..block.len().min(length)]
    }

    /// `length` bytes from `at` on: no more than a block, so in two pieces at most.
    pub fn pieces<'p>(&self, pool: &'p Pool<'_>, at: Seq, length: usize) -> [&'p [u8]; 2] {
        let first = self.piece(pool, at, length);
        [first, self.piece(pool, at.plus(first.len() as u32), length - first.len())]
    }
}

#[cfg(test)]
mod tests;
