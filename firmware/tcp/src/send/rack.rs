//! RACK: what was sent before something that has arrived, and should have arrived as well, is lost
//! (RFC 8985 6).

use crate::limits::{DUPLICATE_ACKS, REORDER_PERSIST, REORDER_WINDOW_STEPS_MAX};
use crate::send::scoreboard::{Delivered, Latest, Run, Scoreboard};
use crate::seq::Seq;
use crate::time::Instant;

/// RACK's variables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rack {
    /// When the latest segment known to have arrived was sent, and its end.
    sent_at: Instant,
    end: Seq,
    round_trip_us: u64,
    /// The smallest round trip of this connection.
    round_trip_us_min: u64,
    /// The reordering window in quarters of the smallest round trip.
    steps: u32,
    persist: u8,
    /// The window widens once a round trip: not before this is acknowledged.
    round_end: Option<Seq>,
    reordering_seen: bool,
}

impl Rack {
    pub const fn new() -> Self {
        Self {
            sent_at: Instant::START,
            end: Seq(0),
            round_trip_us: u64::MAX,
            round_trip_us_min: u64::MAX,
            steps: 1,
            persist: REORDER_PERSIST,
            round_end: None,
            reordering_seen: false,
        }
    }

    /// The peer's wire was seen to reorder.
    pub fn reordering_seen(&self) -> bool {
        self.reordering_seen
    }

    /// The latest round trip, microseconds; `u64::MAX` before the first.
    pub fn round_trip_us(&self) -> u64 {
        self.round_trip_us
    }

    /// The smallest round trip of the connection, microseconds; `u64::MAX` before the first.
    pub fn round_trip_us_min(&self) -> u64 {
        self.round_trip_us_min
    }

    /// True once something arrived.
    pub fn is_active(&self) -> bool {
        self.round_trip_us_min != u64::MAX
    }

    /// An ACK delivered something (steps 1 to 3). `answers_earlier`: timestamps tell that what was
    /// sent last had been sent before, and that this is what arrived.
    pub fn delivered(
        &mut self,
        now: Instant,
        delivered: &Delivered,
        answers_earlier: bool,
    ) -> bool {
        let newly = delivered.reordered && !self.reordering_seen;
        self.reordering_seen |= delivered.reordered;
        let Some(Latest { sent_at, end, again, .. }) = delivered.latest else { return newly };
        let us = now.since(sent_at);
        // Which of two sendings arrived? An echo or a time too short to be true tells.
        if again && (answers_earlier || us < self.round_trip_us_min) {
            return newly;
        }
        self.round_trip_us = us;
        self.round_trip_us_min = self.round_trip_us_min.min(us.max(1));
        if sent_at > self.sent_at || (sent_at == self.sent_at && self.end.lt(end)) {
            self.sent_at = sent_at;
            self.end = end;
        }
        newly
    }

    /// A duplicate SACK: the window was too short (step 4).
    pub fn duplicate_sacked(&mut self, una: Seq, nxt: Seq) {
        if self.round_end.is_some_and(|end| una.lt(end)) {
            return;
        }
        self.round_end = Some(nxt);
        self.steps = (self.steps + 1).min(REORDER_WINDOW_STEPS_MAX);
        self.persist = REORDER_PERSIST;
    }

    /// A recovery is over: after some, the window shrinks again.
    pub fn recovered(&mut self) {
        self.persist = self.persist.saturating_sub(1);
        if self.persist == 0 {
            self.persist = REORDER_PERSIST;
            self.steps = 1;
        }
    }

    /// How long a segment may be overtaken before it counts as lost.
    fn window_us(&self, smoothed_us: u64, in_recovery: bool, sacked_segments: u32) -> u64 {
        if !self.reordering_seen && (in_recovery || sacked_segments >= DUPLICATE_ACKS) {
            return 0;
        }
        (u64::from(self.steps) * (self.round_trip_us_min / 4)).min(smoothed_us)
    }

    fn is_before(&self, run: &Run, end: Seq) -> bool {
        run.sent_at < self.sent_at || (run.sent_at == self.sent_at && end.lt(self.end))
    }

    /// Finds what is lost (step 5). Returns the bytes, whether retransmissions are among them, and
    /// when to look again.
    pub fn detect(
        &self,
        now: Instant,
        board: &mut Scoreboard,
        smoothed_us: u64,
        in_recovery: bool,
        mss: u32,
    ) -> (u32, bool, Option<Instant>) {
        if !self.is_active() {
            return (0, false, None);
        }
        let window_us = self.window_us(smoothed_us, in_recovery, board.sacked() / mss.max(1));
        let mut again_at: Option<Instant> = None;
        let (bytes, again) = board.lose(|run, end| {
            if !self.is_before(run, end) {
                return false;
            }
            let due = run.sent_at.after(self.round_trip_us + window_us);
            if due <= now {
                return true;
            }
            again_at = Some(again_at.map_or(due, |at| at.max(due)));
            false
        });
        (bytes, again, again_at)
    }

    /// At a timeout: what is older than a round trip is lost, and the first in any case (6.3).
    pub fn timed_out(&self, now: Instant, board: &mut Scoreboard, una: Seq, smoothed_us: u64) {
        let window_us = self.window_us(smoothed_us, true, 0);
        board.lose(|run, _| {
            run.start == una
                || !self.is_active()
                || run.sent_at.after(self.round_trip_us + window_us) <= now
        });
    }
}
