//! What was received out of order: which sequence numbers beyond RCV.NXT are in the ring.

use crate::limits::PIECES_MAX;
use crate::options::SackBlock;
use crate::seq::Seq;

/// A piece, and when it last grew.
#[derive(Clone, Copy, Debug)]
struct Piece {
    left: Seq,
    right: Seq,
    grown: u32,
}

/// All pieces, in order, with gaps between them.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    pieces: heapless::Vec<Piece, PIECES_MAX>,
    /// Counts insertions, so that the latest are known (RFC 2018 4).
    clock: u32,
}

/// What became of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// It is kept, or what was new of it.
    Kept,
    /// The same; it follows what was inserted last.
    Longer,
    /// All of it was here before.
    Twice,
    /// One more piece would be too many.
    Full,
}

impl Pieces {
    pub const fn new() -> Self {
        Self { pieces: heapless::Vec::new(), clock: 0 }
    }

    /// True if nothing is out of order.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Adds `[left, right)`, which is not empty.
    pub fn insert(&mut self, left: Seq, right: Seq) -> Inserted {
        self.clock = self.clock.wrapping_add(1);
        // Those that end before it begins, and those that begin when it ends or before.
        let first = self.pieces.partition_point(|piece| piece.right.lt(left));
        let behind = self.pieces.partition_point(|piece| piece.left.le(right));
        if first == behind {
            let piece = Piece { left, right, grown: self.clock };
            return match self.pieces.insert(first, piece) {
                Ok(()) => Inserted::Kept,
                Err(_) => Inserted::Full,
            };
        }
        let found = self.pieces[first];
        let inside = found.left.le(left) && right.le(found.right);
        let is_latest = found.grown.wrapping_add(1) == self.clock;
        let follows = is_latest && found.right == left && first + 1 == behind;
        let merged = Piece {
            left: found.left.min(left),
            right: self.pieces[behind - 1].right.max(right),
            grown: self.clock,
        };
        self.pieces[first] = merged;
        self.pieces.drain(first + 1..behind);
        match (inside, follows) {
            (true, _) => Inserted::Twice,
            (false, true) => Inserted::Longer,
            (false, false) => Inserted::Kept,
        }
    }

    /// What was in order ends at `next` now: returns where it ends with the pieces that join it.
    pub fn join(&mut self, mut next: Seq) -> Seq {
        let mut joined = 0;
        for piece in &self.pieces {
            if next.lt(piece.left) {
                break;
            }
            next = next.max(piece.right);
            joined += 1;
        }
        self.pieces.drain(..joined);
        next
    }

    /// The piece that holds `seq`.
    pub fn holding(&self, seq: Seq) -> Option<SackBlock> {
        let piece = self.pieces.iter().find(|piece| seq.within(piece.left, piece.right))?;
        Some(SackBlock { left: piece.left, right: piece.right })
    }

    /// The end of the last piece.
    pub fn end(&self) -> Option<Seq> {
        self.pieces.last().map(|piece| piece.right)
    }

    /// Up to `count` pieces, the one that grew last first (RFC 2018 4).
    pub fn latest(&self, count: usize) -> impl Iterator<Item = SackBlock> {
        let clock = self.clock;
        let age = move |piece: &Piece| clock.wrapping_sub(piece.grown);
        // Few are asked for: looking for each anew is cheaper than sorting.
        let mut above = None;
        core::iter::from_fn(move || {
            let older = |piece: &&Piece| above.is_none_or(|above| age(piece) > above);
            let piece = self.pieces.iter().filter(older).min_by_key(|piece| age(piece))?;
            above = Some(age(piece));
            Some(SackBlock { left: piece.left, right: piece.right })
        })
        .take(count)
    }
}

#[cfg(test)]
mod tests;
