//! The receiving half of a connection: the window that is offered, what was received, and when to
//! acknowledge it.
//!
//! ```text
//!   read            RCV.NXT                          edge
//!   | not yet read  | next, with pieces out of order | beyond the window
//! ```
//!
//! All memory up to `edge` is taken before it is offered, so an offered window is never taken
//! back.

use crate::counters::{Counters, count};
use crate::limits::{
    DELAYED_ACK_US, DUPLICATE_ACKS, QUICK_ACKS, RECEIVE_BLOCKS_MIN, RECEIVE_BYTES_INITIAL,
    RECEIVE_BYTES_MAX, WINDOW_GROWTH_US_MIN, WINDOW_SHIFT,
};
use crate::memory::Pool;
use crate::options::{SackBlock, SackBlocks};
use crate::ring::Ring;
use crate::seq::Seq;
use crate::time::Instant;

mod pieces;

use pieces::{Inserted, Pieces};

/// How urgently an ACK is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AckNeed {
    No,
    /// Something was received; company may come (RFC 9293 3.8.6.3).
    By(Instant),
    Now(AckReason),
}

/// Why an ACK is sent at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AckReason {
    Received,
    Delayed,
    /// Out of order, or twice (RFC 5681 4.2).
    Duplicate,
    Window,
    Challenge,
    /// A segment that was not acceptable.
    Unacceptable,
}

/// What data did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// RCV.NXT moved on.
    InOrder,
    /// The same, with a gap behind it that is filled, in part or whole.
    Filled,
    OutOfOrder,
    /// Out of order, but in order with the one before, and one of many since RCV.NXT moved.
    Longer,
    Twice,
    NoRoom,
}

/// The receiving half.
#[derive(Debug)]
pub(crate) struct Receiver {
    ring: Ring,
    /// IRS.
    first: Seq,
    read: Seq,
    nxt: Seq,
    edge: Seq,
    pieces: Pieces,
    /// Where the FIN stands, as soon as one was received within the window.
    fin: Option<Seq>,
    /// The FIN was reached.
    finished: bool,
    /// Shift of the windows that we offer.
    shift: u8,
    /// Bytes that the ring is to hold.
    target: u32,
    need: AckNeed,
    /// RCV.NXT and the window field as last told.
    acked: Seq,
    told: u16,
    /// A full segment of this peer's, as far as seen.
    segment_bytes: u32,
    /// Segments that are acknowledged at once, as some were missing just before.
    quick: u8,
    /// Segments beyond a gap since RCV.NXT moved.
    beyond: u32,
    /// Bytes behind urgent data (RCV.UP).
    urgent: Option<Seq>,
    /// Received twice; to be told once (RFC 2883).
    twice: Option<SackBlock>,
    growth: Growth,
    /// Bytes read or thrown away are of no use any more: data is dropped.
    pub discards: bool,
}

/// How much is read in a round trip (so much must be offered, and as much again).
#[derive(Clone, Copy, Debug, Default)]
struct Growth {
    since: Instant,
    bytes: u32,
}

impl Receiver {
    /// A receiver of a peer whose SYN had the number `first`; it offers the initial window, for
    /// which its share of the pool always suffices.
    pub fn new(pool: &mut Pool<'_>, now: Instant, first: Seq, scaled: bool) -> Self {
        let start = first.plus(1);
        let mut ring = Ring::new(start, RECEIVE_BLOCKS_MIN);
        ring.back(pool, start.plus(RECEIVE_BYTES_INITIAL));
        Self {
            ring,
            first,
            read: start,
            nxt: start,
            edge: start.plus(RECEIVE_BYTES_INITIAL),
            pieces: Pieces::new(),
            fin: None,
            finished: false,
            shift: if scaled { WINDOW_SHIFT } else { 0 },
            target: RECEIVE_BYTES_INITIAL,
            need: AckNeed::No,
            acked: start,
            told: (RECEIVE_BYTES_INITIAL >> if scaled { WINDOW_SHIFT } else { 0 }) as u16,
            segment_bytes: 0,
            quick: 0,
            beyond: 0,
            urgent: None,
            twice: None,
            growth: Growth { since: now, bytes: 0 },
            discards: false,
        }
    }

    /// IRS.
    pub fn first(&self) -> Seq {
        self.first
    }

    /// RCV.NXT.
    pub fn nxt(&self) -> Seq {
        self.nxt
    }

    /// RCV.WND.
    pub fn window(&self) -> u32 {
        self.edge.ahead_of(self.nxt)
    }

    /// Bytes to be read.
    pub fn readable(&self) -> u32 {
        // The FIN takes a number and no byte.
        self.nxt.since(self.read) - u32::from(self.finished)
    }

    /// The peer has closed its half, and all before that was received.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// RCV.NXT as the peer was told last (RFC 7323: Last.ACK.sent).
    pub fn acked(&self) -> Seq {
        self.acked
    }

    /// Bytes of memory.
    pub fn memory_bytes(&self) -> u32 {
        u32::from(self.ring.blocks()) * crate::limits::BLOCK_BYTES as u32
    }

    /// RFC 9293 3.10.7.4, table 6: does any of `[seq, seq + length)` lie in the window?
    pub fn is_acceptable(&self, seq: Seq, length: u32) -> bool {
        let window = self.window();
        match (length, window) {
            (0, 0) => seq == self.nxt,
            (0, _) => seq.within(self.nxt, self.edge),
            (_, 0) => false,
            (_, _) => {
                seq.within(self.nxt, self.edge)
                    || seq.plus(length - 1).within(self.nxt, self.edge)
                    || (seq.lt(self.nxt) && self.nxt.lt(seq.plus(length)))
            }
        }
    }

    /// Takes the data of an acceptable segment, and its FIN. Returns what it did, and whether some
    /// of it lay outside of the window.
    pub fn take(
        &mut self,
        pool: &mut Pool<'_>,
        counters: &mut Counters,
        now: Instant,
        seq: Seq,
        data: &[u8],
        fin: bool,
    ) -> (Taken, bool) {
        self.segment_bytes = self.segment_bytes.max(data.len() as u32);
        let end = seq.plus(data.len() as u32);
        let limit = self.fin.unwrap_or(self.edge).min(self.edge);
        let (left, right) = (seq.max(self.nxt), end.min(limit));
        let trimmed = left != seq || right != end;
        // What was here before is told, the first part at least (RFC 2883 4).
        self.note_old(counters, seq, end);
        // A FIN counts only where it stands, and only if all before it fits.
        let fin_here = fin && right == end && self.fin.is_none() && end.lt(self.edge);
        let known = fin && self.fin == Some(end);
        if !left.lt(right) {
            if fin_here && self.nxt.le(end) {
                self.fin = Some(end);
            }
            if self.reach_fin() {
                self.need = AckNeed::Now(AckReason::Received);
                return (Taken::InOrder, trimmed);
            }
            let out_of_order = (fin_here || known) && self.nxt.lt(end);
            self.need = AckNeed::Now(AckReason::Duplicate);
            return (if out_of_order { Taken::OutOfOrder } else { Taken::Twice }, trimmed);
        }
        let data = &data[left.since(seq) as usize..right.since(seq) as usize];
        if left == self.nxt {
            let taken = self.take_next(pool, now, left, data);
            if fin_here {
                self.fin = Some(end);
            }
            self.reach_fin();
            return (taken, trimmed);
        }
        self.need = AckNeed::Now(AckReason::Duplicate);
        self.quick = QUICK_ACKS;
        if let Some(held) = self.pieces.holding(left) {
            self.twice = Some(SackBlock { left, right: right.min(held.right) });
            count(&mut counters.dsack_ofo_sent);
        }
        let inserted = self.pieces.insert(left, right);
        match inserted {
            Inserted::Full => {
                count(&mut counters.ofo_drop);
                return (Taken::NoRoom, trimmed);
            }
            Inserted::Twice => {
                count(&mut counters.ofo_merge);
                return (Taken::Twice, trimmed);
            }
            Inserted::Kept | Inserted::Longer => count(&mut counters.ofo_queue),
        }
        // Within the window there is memory.
        self.ring.write(pool, left, data);
        if fin_here && self.pieces.end().is_none_or(|last| last.le(end)) {
            self.fin = Some(end);
        }
        self.beyond = self.beyond.saturating_add(1);
        let longer = inserted == Inserted::Longer && self.beyond > DUPLICATE_ACKS;
        (if longer { Taken::Longer } else { Taken::OutOfOrder }, trimmed)
    }

    /// Data before RCV.NXT came again.
    pub fn note_old(&mut self, counters: &mut Counters, seq: Seq, end: Seq) {
        if seq.lt(end) && seq.lt(self.nxt) {
            self.twice = Some(SackBlock { left: seq, right: end.min(self.nxt) });
            count(&mut counters.dsack_old_sent);
        }
    }

    fn take_next(&mut self, pool: &mut Pool<'_>, now: Instant, left: Seq, data: &[u8]) -> Taken {
        let had_pieces = !self.pieces.is_empty();
        self.ring.write(pool, left, data);
        self.nxt = self.pieces.join(left.plus(data.len() as u32));
        if self.discards {
            self.read = self.nxt;
            self.ring.release(pool, self.read);
        }
        let waiting = self.nxt.since(self.acked);
        let quick = self.quick > 0;
        self.quick = self.quick.saturating_sub(1);
        self.need = match self.need {
            now @ AckNeed::Now(_) => now,
            // A gap was filled, in part or whole (RFC 5681 4.2). A sender that lost something may
            // have one segment in flight, and wait for its ACK.
            _ if had_pieces || quick => AckNeed::Now(AckReason::Received),
            // Every second full segment (RFC 9293 SHLD-19).
            _ if waiting >= 2 * self.segment_bytes.max(1) => AckNeed::Now(AckReason::Received),
            AckNeed::No => AckNeed::By(now.after(DELAYED_ACK_US)),
            by @ AckNeed::By(_) => by,
        };
        self.beyond = 0;
        if had_pieces { Taken::Filled } else { Taken::InOrder }
    }

    /// Moves over the FIN if all before it is here.
    fn reach_fin(&mut self) -> bool {
        if self.finished || self.fin != Some(self.nxt) {
            return false;
        }
        self.finished = true;
        self.nxt = self.nxt.plus(1);
        self.edge = self.edge.max(self.nxt);
        self.need = AckNeed::Now(AckReason::Received);
        true
    }

    /// The urgent pointer of a segment (RFC 9293 3.10.7.4 sixth); true if it is news.
    pub fn urge(&mut self, up_to: Seq) -> bool {
        let news = self.urgent.is_none_or(|urgent| urgent.lt(up_to)) && self.read.lt(up_to);
        if news {
            self.urgent = Some(up_to);
        }
        news
    }

    /// Bytes until the end of the urgent data.
    pub fn urgent(&self) -> Option<u32> {
        let ahead = self.urgent?.ahead_of(self.read);
        (ahead > 0).then_some(ahead)
    }

    /// Reads what there is.
    pub fn read(
        &mut self,
        pool: &mut Pool<'_>,
        now: Instant,
        round_trip_us: u64,
        out: &mut [u8],
    ) -> usize {
        let count = out.len().min(self.readable() as usize);
        self.ring.read(pool, self.read, &mut out[..count]);
        self.consume(pool, now, round_trip_us, count);
        count
    }

    /// What may be read, as far as it lies in one block.
    pub fn peek<'p>(&self, pool: &'p Pool<'_>) -> &'p [u8] {
        self.ring.piece(pool, self.read, self.readable() as usize)
    }

    /// `count` bytes of what `peek` showed are done with.
    pub fn consume(&mut self, pool: &mut Pool<'_>, now: Instant, round_trip_us: u64, count: usize) {
        let count = (count as u32).min(self.readable());
        self.growth.bytes = self.growth.bytes.saturating_add(count);
        // That there was nothing is measured, too.
        self.measure(now, round_trip_us);
        if count == 0 {
            return;
        }
        self.read = self.read.plus(count);
        self.ring.release(pool, self.read);
        if self.finished {
            return;
        }
        // Does the peer wait for room? (RFC 9293 3.8.6.2.2)
        let enough = (self.target / 2).min(4 * self.segment_bytes.max(512)).max(1);
        if self.gain(pool, enough).is_some() {
            self.hurry(AckReason::Window);
        }
    }

    /// Four times what was read in a round trip is offered: a sender in slow start doubles, and
    /// what is measured is a round trip old.
    fn measure(&mut self, now: Instant, round_trip_us: u64) {
        let passed = now.since(self.growth.since);
        if passed < round_trip_us.max(WINDOW_GROWTH_US_MIN) {
            return;
        }
        // More time than a round trip may have passed.
        let share = u64::from(self.growth.bytes) * round_trip_us.max(WINDOW_GROWTH_US_MIN);
        let per_round_trip = share / passed.max(1);
        let wanted = (per_round_trip * 4).min(u64::from(RECEIVE_BYTES_MAX)) as u32;
        self.target = self.target.max(wanted);
        self.growth = Growth { since: now, bytes: 0 };
    }

    /// The right edge that could be offered now: as much as is meant to be held and memory allows,
    /// never less than before.
    fn offer(&self, pool: &Pool<'_>) -> Seq {
        let largest = if self.shift == 0 { u32::from(u16::MAX) } else { RECEIVE_BYTES_MAX };
        let allowed = self.ring.allowance(pool).saturating_sub(crate::limits::BLOCK_BYTES as u32);
        let wanted = self.target.min(largest).min(allowed.max(RECEIVE_BYTES_INITIAL));
        let room = wanted.saturating_sub(self.nxt.since(self.read));
        self.nxt.plus(room).max(self.edge)
    }

    /// The edge that could be offered now, if that is so much more than before.
    fn gain(&self, pool: &Pool<'_>, least: u32) -> Option<Seq> {
        // More than the target is never offered: mostly there is no need to ask for memory.
        if self.window() + least > self.target {
            return None;
        }
        let offer = self.offer(pool);
        (offer.ahead_of(self.edge) >= least).then_some(offer)
    }

    /// The window field for the next segment.
    #[inline]
    pub fn window_field(&mut self, pool: &mut Pool<'_>) -> u16 {
        // As long as nothing comes that is to be acknowledged it is what it was.
        if self.need == AckNeed::No && self.nxt == self.acked {
            return self.told;
        }
        self.open_window(pool)
    }

    /// Moves the edge as far as it may be offered, and tells the window field.
    fn open_window(&mut self, pool: &mut Pool<'_>) -> u16 {
        // No silly windows: the edge moves by a segment or half of the ring (RFC 9293 3.8.6.2.2).
        let step = (self.target / 2).min(self.segment_bytes.max(536));
        if !self.finished
            && let Some(offer) = self.gain(pool, step)
        {
            let backed = self.ring.back(pool, offer);
            self.edge = offer.min(backed).max(self.edge);
        }
        let window = self.window();
        // Rounded up while memory allows. Rounded down it tells a few bytes less than before, which
        // are accepted all the same: the edge stays.
        let most = (1 << self.shift) - 1;
        let up = ((window + most) >> self.shift).min(u32::from(u16::MAX));
        let edge = self.nxt.plus(up << self.shift);
        if edge.le(self.ring.backed()) {
            self.edge = self.edge.max(edge);
            return up as u16;
        }
        (window >> self.shift).min(u32::from(u16::MAX)) as u16
    }

    /// An ACK goes out, with this window field.
    pub fn told(&mut self, counters: &mut Counters, window: u16) {
        match (self.told, window) {
            (0, 1..) => count(&mut counters.from_zero_window_adv),
            (1.., 0) if !self.finished => count(&mut counters.to_zero_window_adv),
            _ => {}
        }
        self.told = window;
        self.acked = self.nxt;
        self.need = AckNeed::No;
        self.twice = None;
    }

    /// How urgently an ACK is wanted.
    pub fn need(&self) -> AckNeed {
        self.need
    }

    /// An ACK is wanted now, unless it is already.
    pub fn hurry(&mut self, reason: AckReason) {
        if !matches!(self.need, AckNeed::Now(_)) {
            self.need = AckNeed::Now(reason);
        }
    }

    /// The delay is over?
    pub fn run_timers(&mut self, now: Instant, counters: &mut Counters) {
        if let AckNeed::By(at) = self.need
            && at <= now
        {
            count(&mut counters.delayed_acks);
            self.need = AckNeed::Now(AckReason::Delayed);
        }
    }

    /// SACK blocks for the next ACK, the duplicate first (RFC 2018 4, RFC 2883 4).
    pub fn sack_blocks(&self, room: usize) -> SackBlocks {
        let mut blocks = SackBlocks::new();
        let room = room.min(blocks.capacity());
        if let Some(twice) = self.twice.filter(|_| room > 0) {
            let _ = blocks.push(twice);
            // A duplicate within a piece: that piece comes right behind it.
            if let Some(piece) = self.pieces.holding(twice.left)
                && blocks.len() < room
            {
                let _ = blocks.push(piece);
            }
        }
        for block in self.pieces.latest(room) {
            if blocks.len() < room && !blocks.iter().skip(1).any(|known| *known == block) {
                let _ = blocks.push(block);
            }
        }
        blocks
    }

    /// True if an ACK would carry SACK blocks.
    pub fn has_blocks(&self) -> bool {
        self.twice.is_some() || !self.pieces.is_empty()
    }

    /// Gives memory back that holds nothing any more, as no more will come or be read.
    pub fn free(&mut self, pool: &mut Pool<'_>) {
        self.ring.clear(pool, self.nxt);
        self.read = self.nxt.minus(u32::from(self.finished));
    }
}

#[cfg(test)]
mod tests;
