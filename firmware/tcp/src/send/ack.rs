//! What an ACK does to the sender (RFC 9293 3.10.7.4 fifth, RFC 5681, RFC 6582, RFC 6675, RFC
//! 8985).

use crate::congestion::{Congestion, Prr, Step};
use crate::counters::{Counters, count};
use crate::limits::{DUPLICATE_ACKS, SEND_BYTES_MAX};
use crate::memory::Pool;
use crate::options::{SackBlock, SackBlocks};
use crate::send::Sender;
use crate::send::recovery::Phase;
use crate::send::scoreboard::{Delivered, Latest, Scoreboard};
use crate::seq::Seq;
use crate::time::Instant;

/// An ACK that was found acceptable: SND.UNA <= ack <= SND.NXT.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AckIn<'a> {
    pub now: Instant,
    pub seq: Seq,
    pub ack: Seq,
    /// Scaled.
    pub window: u32,
    /// It carries neither data nor SYN nor FIN.
    pub bare: bool,
    pub sack: &'a SackBlocks,
    /// TSecr, if timestamps are on.
    pub echo: Option<u32>,
    /// Our timestamp clock now.
    pub clock: u32,
    /// An echo of congestion.
    pub congestion: bool,
}

/// What it did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AckOut {
    /// Sequence numbers acknowledged for the first time.
    pub advanced: u32,
    /// The window is another.
    pub window_changed: bool,
    /// It repeats the last one (RFC 5681 2).
    pub duplicate: bool,
    /// The window was reduced as the peer told of congestion; the next new segment says so (CWR).
    pub reduced: bool,
}

/// What moves the window, beside what was delivered.
struct Moved {
    now: Instant,
    advanced: u32,
    lost: u32,
    /// In flight before the ACK.
    flight_before: u32,
    /// The window was the limit then.
    was_limited: bool,
}

impl Sender {
    /// Takes an ACK.
    pub fn acked(
        &mut self,
        pool: &mut Pool<'_>,
        counters: &mut Counters,
        ack: &AckIn<'_>,
    ) -> AckOut {
        let mut out = AckOut::default();
        let mut delivered = Delivered::default();
        let flight_before = self.flight();
        let was_limited = self.congestion.is_limit(flight_before, self.mss());
        let duplicate_sack = self.take_sack(counters, ack, &mut delivered);
        out.advanced = self.advance(pool, ack, &mut delivered);
        out.window_changed = self.update_window(ack.seq, ack.ack, ack.window);
        out.duplicate = out.advanced == 0
            && ack.bare
            && !out.window_changed
            && self.is_outstanding()
            && ack.ack == self.una;
        if !self.is_outstanding() {
            self.timers.waits_since = None;
        } else if out.advanced > 0 || self.window.size == 0 {
            // A peer that keeps its window shut, and says so, may do so for as long as it likes
            // (RFC 9293 3.8.6.1).
            self.timers.waits_since = Some(ack.now);
        }
        self.measure(counters, ack, &delivered);
        // More of them than were sent again: the network duplicates, which tells nothing.
        let explained = duplicate_sack.filter(|_| self.unexplained > 0);
        if let Some(block) = explained {
            self.unexplained -= 1;
            // A probe that was needless does not tell that RACK was in a hurry.
            if self.timers.tail.is_none() {
                self.rack.duplicate_sacked(self.una, self.nxt);
            }
            if self.episode.is_needless_by_duplicates(block.right.since(block.left)) {
                count(&mut counters.dsack_undo);
                self.undo();
            }
        }
        self.end_tail_probe(counters, ack, out.duplicate, duplicate_sack.is_some());
        if out.advanced > 0 && self.episode.is_needless_by_echo(self.una, ack.echo) {
            let loss = matches!(self.episode.phase, Phase::Loss { .. });
            let counter = if loss { &mut counters.spurious_rtos } else { &mut counters.full_undo };
            count(counter);
            self.undo();
        }
        if out.advanced > 0 {
            let sent_once = delivered.oldest_sent_at.filter(|_| !delivered.again);
            let round_trip_us = sent_once.map(|sent_at| ack.now.since(sent_at));
            self.congestion.observe(self.una, self.nxt, round_trip_us);
        }
        let partial = self.count_duplicates(&out);
        self.end_episode();
        let lost = match (self.may_have_lost(), self.sack) {
            (false, _) => 0,
            (true, true) => self.detect_losses(ack.now, counters),
            (true, false) => self.detect_losses_without_sack(counters, &out, partial),
        };
        if ack.congestion && matches!(self.episode.phase, Phase::Open) && self.is_outstanding() {
            // RFC 3168 6.1.2: once for each window.
            self.enter_recovery(false);
            out.reduced = true;
        }
        let (now, advanced) = (ack.now, out.advanced);
        self.move_window(
            &Moved { now, advanced, lost, flight_before, was_limited },
            &delivered,
            out.duplicate,
        );
        self.arm_after_ack(ack.now, out.advanced > 0);
        out
    }

    /// SACK blocks (RFC 2018, RFC 2883): returns the one that tells of data received twice.
    fn take_sack(
        &mut self,
        counters: &mut Counters,
        ack: &AckIn<'_>,
        delivered: &mut Delivered,
    ) -> Option<SackBlock> {
        if !self.sack {
            return None;
        }
        let mut twice = None;
        for (index, block) in ack.sack.iter().enumerate() {
            let inside =
                |outer: &SackBlock| outer.left.le(block.left) && block.right.le(outer.right);
            let old = block.right.le(ack.ack);
            if index == 0 && (old || ack.sack.get(1).is_some_and(inside)) {
                // It must at least be something that we sent.
                if block.left.lt(block.right) && block.right.le(self.nxt) {
                    count(&mut counters.dsack_recv);
                    twice = Some(*block);
                }
            } else if !old && !self.board.sack(*block, delivered) {
                count(&mut counters.sack_discard);
            }
        }
        twice
    }

    /// Moves SND.UNA, and frees what was acknowledged.
    fn advance(&mut self, pool: &mut Pool<'_>, ack: &AckIn<'_>, delivered: &mut Delivered) -> u32 {
        let advanced = ack.ack.ahead_of(self.una);
        if advanced == 0 {
            return 0;
        }
        self.board.acked(ack.ack, delivered);
        self.una = ack.ack;
        if self.end.le(self.una) {
            self.ring.clear(pool, self.end);
        } else {
            self.ring.release(pool, self.una);
        }
        self.small_end = self.small_end.max(self.una);
        if self.urgent.is_some_and(|urgent| urgent.le(self.una)) {
            self.urgent = None;
        }
        if self.episode.path_until.is_some_and(|until| until.le(self.una)) {
            self.episode.path_until = None;
        }
        self.timers.probing = false;
        self.timers.persist_at = None;
        self.timers.timeouts = 0;
        advanced
    }

    /// An ACK while nothing is in flight tells of the window only. Every segment of a peer that
    /// does all the sending has one.
    pub fn acked_nothing(&mut self, seq: Seq, window: u32) -> AckOut {
        self.timers.waits_since = None;
        // All was acknowledged before: this may be the second ACK, that of a needless probe.
        self.timers.tail = None;
        let window_changed = self.update_window(seq, self.una, window);
        AckOut { window_changed, ..AckOut::default() }
    }

    /// SND.WND, from the latest segment only (RFC 9293 3.10.7.4).
    fn update_window(&mut self, seq: Seq, ack: Seq, size: u32) -> bool {
        let window = &mut self.window;
        let newer = window.seq.lt(seq) || (window.seq == seq && window.ack.le(ack));
        if !newer {
            return false;
        }
        window.seq = seq;
        window.ack = ack;
        let changed = window.size != size;
        window.size = size;
        window.largest = window.largest.max(size);
        if size > 0 && (self.timers.probing || self.timers.persist_at.is_some()) && changed {
            self.timers.persist_at = None;
            self.timers.persist_due = false;
            self.rtt.answered();
            if self.timers.probing {
                // The byte of the probe was not taken: as if it had not been sent, it goes with
                // the others.
                self.timers.probing = false;
                self.nxt = self.una;
                self.board = Scoreboard::new(self.una);
            }
        }
        changed
    }

    /// Round trips: of what was sent once (Karn's rule, RFC 6298 3), or by an echo that tells which
    /// sending was answered (RFC 7323 4.1). The time is ours, not the echo's: what it echoes may be
    /// as old as the last segment that came in order.
    fn measure(&mut self, counters: &mut Counters, ack: &AckIn<'_>, delivered: &Delivered) {
        let echo_is_older = |sent_at: Instant| {
            let sent = ack.clock.wrapping_sub((ack.now.millis() - sent_at.millis()) as u32);
            ack.echo.is_some_and(|echo| Seq(echo).lt(Seq(sent)))
        };
        if let Some(sent_at) = delivered.oldest_sent_at.filter(|_| !delivered.again) {
            self.rtt.measure(ack.now.since(sent_at));
        } else if let Some(Latest { sent_at, .. }) = delivered.latest
            && ack.echo.is_some()
            && !echo_is_older(sent_at)
        {
            self.rtt.measure(ack.now.since(sent_at));
        }
        // Beyond a gap the echo is that of what came before it, and tells nothing (RFC 7323 4.3).
        let answers_earlier = delivered
            .latest
            .is_some_and(|latest| latest.end.le(self.una) && echo_is_older(latest.sent_at));
        if self.rack.delivered(ack.now, delivered, answers_earlier) {
            count(&mut counters.sack_reorder);
        }
        self.pace_us = self.rtt.smoothed_us().map(|us| us.min(self.rack.round_trip_us()));
    }

    /// The episode was needless: all as it was before it.
    fn undo(&mut self) {
        // The way answers: it was the timeout that was too short (RFC 4015 3.2).
        self.rtt.answered();
        self.congestion.undo();
        self.board.unlose();
        self.episode.end();
    }

    /// RFC 8985 7.4.2: did the tail loss probe repair a loss? If all had arrived, a second ACK says
    /// so: by a duplicate SACK, or as a duplicate of the first.
    fn end_tail_probe(
        &mut self,
        counters: &mut Counters,
        ack: &AckIn<'_>,
        duplicate: bool,
        twice: bool,
    ) {
        let Some(end) = self.timers.tail.filter(|end| end.le(ack.ack)) else { return };
        let beyond = end.lt(ack.ack);
        let needless = twice || (!beyond && duplicate && ack.sack.is_empty());
        if !needless && !beyond {
            return;
        }
        self.timers.tail = None;
        if !needless && matches!(self.episode.phase, Phase::Open) {
            count(&mut counters.loss_probe_recovery);
            let mss = self.mss();
            self.congestion.reduce(mss);
            self.congestion.recovered();
        }
    }

    /// Without SACK, duplicate ACKs are all there is. True if this one acknowledges a part of what
    /// was in flight when recovery began.
    fn count_duplicates(&mut self, out: &AckOut) -> bool {
        if self.sack {
            return false;
        }
        if out.duplicate {
            let most = self.board.in_flight() / self.mss();
            self.episode.duplicates = (self.episode.duplicates + 1).min(most);
        }
        if out.advanced == 0 {
            return false;
        }
        match self.episode.phase {
            Phase::Recovery { point, lossy: true, .. } if self.una.lt(point) => {
                let segments = out.advanced / self.mss();
                self.episode.duplicates = self.episode.duplicates.saturating_sub(segments);
                true
            }
            Phase::Loss { point } if self.una.lt(point) => {
                self.episode.duplicates = 0;
                true
            }
            _ => {
                self.episode.duplicates = 0;
                false
            }
        }
    }

    fn end_episode(&mut self) {
        match self.episode.phase {
            Phase::Recovery { point, .. } if point.le(self.una) => {
                self.congestion.recovered();
                self.rack.recovered();
                self.episode.end();
            }
            Phase::Loss { point } if point.le(self.una) => {
                self.congestion.recovered_from_timeout();
                self.episode.end();
            }
            _ => {}
        }
    }

    /// True if something is in flight; what probes a closed window does not count.
    pub(super) fn may_have_lost(&self) -> bool {
        self.is_outstanding() && !self.timers.probing
    }

    /// RACK's losses; returns the bytes.
    pub(super) fn detect_losses(&mut self, now: Instant, counters: &mut Counters) -> u32 {
        let smoothed_us = self.rtt.smoothed_us().unwrap_or(0);
        let in_episode = !matches!(self.episode.phase, Phase::Open);
        let mss = self.mss();
        let (bytes, again, look_at) =
            self.rack.detect(now, &mut self.board, smoothed_us, in_episode, mss);
        self.timers.reorder_at = look_at;
        if again {
            count(&mut counters.lost_retransmit);
        }
        if bytes > 0 {
            if matches!(self.episode.phase, Phase::Open) {
                count(&mut counters.sack_recovery);
                self.enter_recovery(true);
            }
            self.arm_tail_probe(now);
        }
        bytes
    }

    /// NewReno (RFC 6582 3.2).
    fn detect_losses_without_sack(
        &mut self,
        counters: &mut Counters,
        out: &AckOut,
        partial: bool,
    ) -> u32 {
        let mss = self.mss();
        if partial {
            return self.board.lose_first(mss);
        }
        if !out.duplicate || self.episode.duplicates < DUPLICATE_ACKS {
            return 0;
        }
        match &mut self.episode.phase {
            Phase::Open if self.episode.last_point.le(self.una) => self.enter_recovery(true),
            // The window was reduced for this round trip already.
            Phase::Recovery { lossy: lossy @ false, .. } => *lossy = true,
            _ => return 0,
        }
        count(&mut counters.reno_recovery);
        self.board.lose_first(mss)
    }

    fn enter_recovery(&mut self, lossy: bool) {
        let mss = self.mss();
        let flight = self.nxt.since(self.una);
        self.congestion.reduce(mss);
        let prr = Prr::start(flight, self.unreplaced());
        let phase = Phase::Recovery { point: self.nxt, prr, lossy };
        self.episode.start(phase, self.nxt);
        self.timers.tail = None;
        self.timers.tail_due = false;
    }

    /// The congestion window after this ACK.
    fn move_window(&mut self, moved: &Moved, delivered: &Delivered, duplicate: bool) {
        let Moved { now, advanced, lost, flight_before, was_limited } = *moved;
        let (mss, flight) = (self.mss(), self.flight());
        let latest = delivered.latest;
        let sample = self.delivery.acked(
            now,
            delivered.bytes,
            latest.map(|latest| (latest.sent_at, latest.mark)),
            self.rack.round_trip_us_min(),
        );
        let unreplaced = self.unreplaced();
        // Without SACK a duplicate ACK stands for a segment.
        let acked = if duplicate && !self.sack { mss } else { delivered.bytes };
        match (&mut self.congestion, &mut self.episode.phase) {
            (Congestion::LossBased(law), Phase::Recovery { prr, .. }) => {
                let calm = advanced > 0 && lost == 0;
                law.set_window(prr.acked(acked, calm, flight, law.threshold(), mss));
            }
            (Congestion::LossBased(law), _) if advanced > 0 && was_limited => {
                let round_trip_us = self.rtt.smoothed_us().unwrap_or(0);
                law.acked(now, advanced, mss, round_trip_us, 2 * SEND_BYTES_MAX);
            }
            (Congestion::LossBased(_), _) => {}
            (Congestion::Bbr(bbr), _) => {
                let sent_once = latest.filter(|latest| !latest.again);
                bbr.acked(&Step {
                    now,
                    mss,
                    delivered: self.delivery.delivered(),
                    unreplaced,
                    acked,
                    lost,
                    flight_before,
                    flight,
                    round_trip_us: sent_once.map(|latest| now.since(latest.sent_at)),
                    sample,
                });
                if bbr.is_probing_round_trip() {
                    self.delivery.limited(flight);
                }
            }
        }
    }

    /// RFC 6298 5.2, 5.3; RFC 8985 7.2.
    fn arm_after_ack(&mut self, now: Instant, advanced: bool) {
        if !self.is_outstanding() {
            self.timers.retransmit_at = None;
            self.timers.tail_at = None;
            self.timers.reorder_at = None;
            self.timers.tail_due = false;
            return;
        }
        if self.timers.probing {
            return;
        }
        if advanced || self.timers.retransmit_at.is_none() {
            self.timers.retransmit_at = Some(now.after(self.rtt.timeout_us()));
        }
        if advanced || matches!(self.episode.phase, Phase::Recovery { .. }) {
            self.arm_tail_probe(now);
        }
    }
}
