//! The memory of all rings: blocks of one size from one pool.
//!
//! A ring takes a block when it grows and gives it back when its last byte was read or
//! acknowledged. Two rules decide who may take one:
//!
//! - Every connection can always have the few blocks it needs to make progress: the pool holds as
//!   many back as all connections together still lack of that minimum.
//! - Beyond it a ring grows only as long as it is smaller than what is free: one busy ring may have
//!   half of the pool, two have a third each, and so on; nobody starves, and nothing is idle.

use crate::limits::BLOCK_BYTES;

/// The unit of memory.
pub type Block = [u8; BLOCK_BYTES];

const NONE: u16 = u16::MAX;

/// How many blocks a ring has, and how many it can always have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub held: u16,
    pub minimum: u16,
}

/// All blocks.
#[derive(Debug)]
pub(crate) struct Pool<'a> {
    blocks: &'a mut [Block],
    /// The first of the free blocks that were used before; each begins with the next one's number.
    returned: u16,
    /// Blocks from here on were never used.
    fresh: u16,
    free: usize,
    owed: usize,
}

impl<'a> Pool<'a> {
    /// A pool that owes `owed` blocks to rings below their minimum: at first all minima of all
    /// connections there can be.
    pub fn new(blocks: &'a mut [Block], owed: usize) -> Self {
        let count = blocks.len().min(usize::from(NONE));
        assert!(owed <= count, "fewer blocks than all connections need at least");
        Self { blocks, returned: NONE, fresh: 0, free: count, owed }
    }

    /// Blocks free.
    pub fn free(&self) -> usize {
        self.free
    }

    /// Blocks altogether.
    pub fn total(&self) -> usize {
        self.blocks.len().min(usize::from(NONE))
    }

    /// Blocks that a ring of this share may hold now.
    pub fn allowance(&self, share: Share) -> usize {
        let spare = self.free.saturating_sub(self.owed);
        usize::from(share.minimum).max((spare + usize::from(share.held)) / 2)
    }

    /// One more block for a ring, if it may have one.
    pub fn take(&mut self, share: &mut Share) -> Option<u16> {
        if share.held < share.minimum {
            self.owed -= 1;
        } else if usize::from(share.held) >= self.allowance(*share) {
            return None;
        }
        let block = if self.returned == NONE {
            self.fresh += 1;
            self.fresh - 1
        } else {
            let block = self.returned;
            let next = &self.blocks[usize::from(block)];
            self.returned = u16::from_le_bytes([next[0], next[1]]);
            block
        };
        self.free -= 1;
        share.held += 1;
        Some(block)
    }

    /// A block back from a ring.
    pub fn put(&mut self, share: &mut Share, block: u16) {
        self.blocks[usize::from(block)][..2].copy_from_slice(&self.returned.to_le_bytes());
        self.returned = block;
        self.free += 1;
        share.held -= 1;
        if share.held < share.minimum {
            self.owed += 1;
        }
    }

    /// A block's bytes.
    pub fn block(&self, block: u16) -> &Block {
        &self.blocks[usize::from(block)]
    }

    /// A block's bytes, to write.
    pub fn block_mut(&mut self, block: u16) -> &mut Block {
        &mut self.blocks[usize::from(block)]
    }
}

#[cfg(test)]
mod tests;
