//! What is in flight: runs of sequence numbers that share a fate (RFC 6675 3, RFC 8985 5.2).
//!
//! ```text
//!   SND.UNA                                                   SND.NXT
//!   | in flight, sent at 1 | sacked | lost | in flight, sent at 3 |
//! ```
//!
//! A run is not a segment: neighbours that were sent at about the same time (a small part of a
//! round trip) and share their fate are one run. So the table is short, whatever the window, and a
//! bulk transfer costs a few dozen runs. When it is full nothing new is sent until an ACK comes,
//! and a SACK block that would have to split a run is left for later: SACK is advice (RFC 2018 8).

use crate::limits::{RUNS_MAX, RUNS_NEW_MAX};
use crate::options::SackBlock;
use crate::send::delivery::Mark;
use crate::seq::Seq;
use crate::time::Instant;

/// What is known of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Sent, nothing heard.
    InFlight,
    /// The peer has it.
    Sacked,
    /// Taken for lost; to be sent again.
    Lost,
}

/// Neighbouring sequence numbers with one fate; it ends where the next one begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub start: Seq,
    /// When it was sent last.
    pub sent_at: Instant,
    pub fate: Fate,
    /// Sent more than once.
    pub again: bool,
    /// What was delivered when it was sent last.
    pub mark: Mark,
}

/// What was sent last of what an ACK delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Latest {
    pub sent_at: Instant,
    pub end: Seq,
    /// Sent more than once.
    pub again: bool,
    pub mark: Mark,
}

/// What an ACK delivered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Delivered {
    /// Sequence numbers that are new to us as received, by ACK or SACK.
    pub bytes: u32,
    /// When the oldest of those that were sent once was sent: the round trip with the peer's delay.
    pub oldest_sent_at: Option<Instant>,
    /// Some of it was sent more than once: what came with it may have waited for that.
    pub again: bool,
    /// The one sent last, for RACK and the rate of delivery.
    pub latest: Option<Latest>,
    /// A run sent once was delivered although later ones were before: the wire reorders.
    pub reordered: bool,
    /// Something taken for lost and not yet sent again arrived after all.
    pub lost_arrived: bool,
}

/// The table. It covers SND.UNA to SND.NXT without a gap.
#[derive(Debug)]
pub(crate) struct Scoreboard {
    runs: heapless::Vec<Run, RUNS_MAX>,
    start: Seq,
    end: Seq,
    sacked: u32,
    lost: u32,
    /// The end of what was delivered furthest (RFC 8985: RACK.fack).
    furthest: Seq,
    /// When the first part of the last run was sent.
    last_began: Instant,
}

impl Scoreboard {
    pub const fn new(at: Seq) -> Self {
        Self {
            runs: heapless::Vec::new(),
            start: at,
            end: at,
            sacked: 0,
            lost: 0,
            furthest: at,
            last_began: Instant::START,
        }
    }

    /// Sequence numbers in the network, as far as we know (RFC 6675: pipe).
    pub fn in_flight(&self) -> u32 {
        self.end.since(self.start) - self.sacked - self.lost
    }

    /// Sequence numbers that the peer told it has beyond the ACK.
    pub fn sacked(&self) -> u32 {
        self.sacked
    }

    /// Sequence numbers to be sent again.
    pub fn lost(&self) -> u32 {
        self.lost
    }

    /// Runs, in order.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// True if new data may be added.
    pub fn has_room(&self) -> bool {
        self.runs.len() < RUNS_NEW_MAX
    }

    /// Adds what was just sent for the first time; within `granule_us` it joins the last run. All
    /// that leaves at one moment has one mark.
    pub fn sent(
        &mut self,
        length: u32,
        now: Instant,
        granule_us: u64,
        mark: impl FnOnce() -> Mark,
    ) {
        let start = self.end;
        self.end = self.end.plus(length);
        if let Some(last) = self.runs.last_mut()
            && last.fate == Fate::InFlight
            && !last.again
            && now.since(self.last_began) <= granule_us
        {
            if last.sent_at != now {
                (last.sent_at, last.mark) = (now, mark());
            }
            return;
        }
        self.last_began = now;
        let run = Run { start, sent_at: now, fate: Fate::InFlight, again: false, mark: mark() };
        if self.runs.push(run).is_err()
            && let Some(last) = self.runs.last_mut()
        {
            // Nobody adds to a full table; who did would share the last run's fate.
            match last.fate {
                Fate::InFlight => {}
                Fate::Sacked => self.sacked += length,
                Fate::Lost => self.lost += length,
            }
        }
    }

    fn end_of(&self, index: usize) -> Seq {
        self.runs.get(index + 1).map_or(self.end, |next| next.start)
    }

    /// Length of a run.
    pub fn length_of(&self, index: usize) -> u32 {
        self.end_of(index).since(self.runs[index].start)
    }

    /// Makes a run begin at `at`, which is within the table; `None` if the table is full.
    fn split(&mut self, at: Seq) -> Option<usize> {
        if at == self.end {
            return Some(self.runs.len());
        }
        let index = self.runs.partition_point(|run| run.start.le(at)).checked_sub(1)?;
        let run = self.runs[index];
        if run.start == at {
            return Some(index);
        }
        self.runs.insert(index + 1, Run { start: at, ..run }).ok()?;
        Some(index + 1)
    }

    fn set_fate(&mut self, index: usize, fate: Fate) {
        let length = self.length_of(index);
        let run = &mut self.runs[index];
        match run.fate {
            Fate::InFlight => {}
            Fate::Sacked => self.sacked -= length,
            Fate::Lost => self.lost -= length,
        }
        match fate {
            Fate::InFlight => {}
            Fate::Sacked => self.sacked += length,
            Fate::Lost => self.lost += length,
        }
        run.fate = fate;
    }

    fn note(&mut self, index: usize, delivered: &mut Delivered) {
        let (run, end) = (self.runs[index], self.end_of(index));
        if run.fate == Fate::Sacked {
            return;
        }
        delivered.bytes += end.since(run.start);
        delivered.lost_arrived |= run.fate == Fate::Lost && !run.again;
        delivered.again |= run.again;
        if !run.again {
            let oldest = delivered.oldest_sent_at.map_or(run.sent_at, |at| at.min(run.sent_at));
            delivered.oldest_sent_at = Some(oldest);
            delivered.reordered |= end.lt(self.furthest);
        }
        let Run { sent_at, again, mark, .. } = run;
        if delivered.latest.is_none_or(|latest| {
            sent_at > latest.sent_at || (sent_at == latest.sent_at && latest.end.lt(end))
        }) {
            delivered.latest = Some(Latest { sent_at, end, again, mark });
        }
    }

    /// Everything before `ack` was received; `ack` lies within the table.
    pub fn acked(&mut self, ack: Seq, delivered: &mut Delivered) {
        let split = self.split(ack);
        // If the table is full the run is shortened where it is.
        let holding = || self.runs.partition_point(|run| run.start.le(ack)).saturating_sub(1);
        let index = split.unwrap_or_else(holding);
        for before in 0..index {
            self.note(before, delivered);
            self.forget(before, self.length_of(before));
        }
        if split.is_none() {
            let part = ack.since(self.runs[index].start);
            if self.runs[index].fate != Fate::Sacked {
                delivered.bytes += part;
            }
            self.forget(index, part);
            self.runs[index].start = ack;
        }
        self.runs.drain(..index);
        self.start = ack;
        self.furthest = self.furthest.max(ack);
    }

    /// Takes so much of a run, which is about to leave, out of the sums.
    fn forget(&mut self, index: usize, length: u32) {
        match self.runs[index].fate {
            Fate::InFlight => {}
            Fate::Sacked => self.sacked -= length,
            Fate::Lost => self.lost -= length,
        }
    }

    /// The peer has this block. Returns false if it cannot be.
    pub fn sack(&mut self, block: SackBlock, delivered: &mut Delivered) -> bool {
        let (left, right) = (block.left.max(self.start), block.right);
        if !block.left.lt(block.right) || self.end.lt(right) || right.le(self.start) {
            return false;
        }
        let Some(first) = self.split(left) else { return true };
        let Some(behind) = self.split(right) else { return true };
        for index in first..behind {
            self.note(index, delivered);
            self.set_fate(index, Fate::Sacked);
        }
        self.furthest = self.furthest.max(right);
        self.merge();
        true
    }

    /// Joins neighbours that nothing tells apart any more.
    fn merge(&mut self) {
        let mut kept = 0;
        for index in 1..self.runs.len() {
            let (left, right) = (self.runs[kept], self.runs[index]);
            let same = left.fate == right.fate
                && (left.fate == Fate::Sacked
                    || (left.again == right.again && left.sent_at == right.sent_at));
            if same {
                self.runs[kept].sent_at = left.sent_at.max(right.sent_at);
                self.runs[kept].again |= right.again;
            } else {
                kept += 1;
                self.runs[kept] = right;
            }
        }
        self.runs.truncate(kept + 1);
    }

    /// Takes for lost what `is_lost` says of the runs in flight; returns how many bytes, and
    /// whether a retransmission was among them.
    pub fn lose(&mut self, mut is_lost: impl FnMut(&Run, Seq) -> bool) -> (u32, bool) {
        let (mut bytes, mut again) = (0, false);
        for index in 0..self.runs.len() {
            let (run, end) = (self.runs[index], self.end_of(index));
            if run.fate == Fate::InFlight && is_lost(&run, end) {
                bytes += self.length_of(index);
                again |= run.again;
                self.set_fate(index, Fate::Lost);
            }
        }
        if bytes > 0 {
            self.merge_lost();
        }
        (bytes, again)
    }

    /// Joins neighbours that are to be sent again: when they were sent before matters no more.
    fn merge_lost(&mut self) {
        for index in 1..self.runs.len() {
            let (left, right) = (self.runs[index - 1], self.runs[index]);
            if left.fate == Fate::Lost && right.fate == Fate::Lost {
                let again = left.again || right.again;
                let sent_at = left.sent_at.max(right.sent_at);
                // Whoever is told apart by time only is made equal; `merge` then joins them.
                self.runs[index] = Run { again, sent_at, ..right };
                self.runs[index - 1] = Run { again, sent_at, ..left };
            }
        }
        self.merge();
    }

    /// Takes the first `length` sequence numbers for lost, if they are in flight (RFC 6582).
    pub fn lose_first(&mut self, length: u32) -> u32 {
        let end = self.start.plus(length.min(self.end.since(self.start)));
        let Some(behind) = self.split(end) else {
            return self.lose(|run, _| run.start.lt(end)).0;
        };
        let mut bytes = 0;
        for index in 0..behind {
            if self.runs[index].fate == Fate::InFlight {
                bytes += self.length_of(index);
                self.set_fate(index, Fate::Lost);
            }
        }
        self.merge_lost();
        bytes
    }

    /// The first sequence numbers to be sent again.
    pub fn first_lost(&self) -> Option<(Seq, u32)> {
        if self.lost == 0 {
            return None;
        }
        let index = self.runs.iter().position(|run| run.fate == Fate::Lost)?;
        Some((self.runs[index].start, self.length_of(index)))
    }

    /// `[from, from + length)` was just sent again.
    pub fn sent_again(&mut self, from: Seq, length: u32, now: Instant, mark: Mark) {
        let end = from.plus(length).min(self.end);
        let (Some(first), Some(behind)) = (self.split(from), self.split(end)) else {
            // No room to tell the piece apart: the whole run counts as sent, and what was not is
            // found lost again by its time.
            let index = self.runs.partition_point(|run| run.start.le(from)).saturating_sub(1);
            if index < self.runs.len() {
                self.set_fate(index, Fate::InFlight);
                self.runs[index] = Run { sent_at: now, again: true, mark, ..self.runs[index] };
            }
            return;
        };
        for index in first..behind {
            if self.runs[index].fate != Fate::Sacked {
                self.set_fate(index, Fate::InFlight);
                self.runs[index] = Run { sent_at: now, again: true, mark, ..self.runs[index] };
            }
        }
        self.merge();
    }

    /// The peer threw away what it had SACKed (RFC 2018 8): true if it did. All is lost then.
    pub fn reneged(&mut self) -> bool {
        if self.runs.first().is_none_or(|run| run.fate != Fate::Sacked) {
            return false;
        }
        for index in 0..self.runs.len() {
            self.set_fate(index, Fate::Lost);
        }
        self.merge_lost();
        true
    }

    /// Takes nothing for lost any more: what was not sent again is in flight after all.
    pub fn unlose(&mut self) {
        for index in 0..self.runs.len() {
            if self.runs[index].fate == Fate::Lost {
                self.set_fate(index, Fate::InFlight);
            }
        }
    }
}

#[cfg(test)]
mod tests;
