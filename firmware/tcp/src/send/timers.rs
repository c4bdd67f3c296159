//! The sender's timers: retransmission (RFC 6298), tail loss probe and reordering (RFC 8985),
//! window probe and override (RFC 9293 3.8.6).

use crate::counters::{Counters, count};
use crate::events::Why;
use crate::limits::{PEER_DELAYED_ACK_US_MAX, RTO_INITIAL_US, TAIL_PROBE_US_MIN};
use crate::send::recovery::Phase;
use crate::send::{Plan, Sender};
use crate::seq::Seq;
use crate::time::Instant;

/// When to do what, and what is due.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SendTimers {
    pub retransmit_at: Option<Instant>,
    pub tail_at: Option<Instant>,
    pub reorder_at: Option<Instant>,
    pub persist_at: Option<Instant>,
    pub pace_at: Option<Instant>,
    /// The peer owes us an answer since then; no answer for the user timeout ends it all.
    pub waits_since: Option<Instant>,
    /// A tail loss probe is to be sent.
    pub tail_due: bool,
    /// One was sent: SND.NXT then (RFC 8985: TLP.end_seq).
    pub tail: Option<Seq>,
    /// A window probe is to be sent.
    pub persist_due: bool,
    /// A byte was sent against a closed window.
    pub probing: bool,
    /// Hesitation is over: what fits is sent, little as it is.
    pub override_due: bool,
    /// Timeouts in a row.
    pub timeouts: u32,
}

impl Sender {
    /// The next deadline.
    pub fn deadline(&self) -> Instant {
        let timers = &self.timers;
        Instant::first([
            timers.retransmit_at,
            timers.tail_at,
            timers.reorder_at,
            timers.persist_at,
            timers.pace_at,
        ])
    }

    /// For `netstat -o`.
    pub fn timers(&self) -> &SendTimers {
        &self.timers
    }

    /// Since when the peer owes us an answer.
    pub fn waits_since(&self) -> Option<Instant> {
        self.timers.waits_since
    }

    /// Timeouts in a row without an answer.
    pub fn timeouts(&self) -> u32 {
        self.timers.timeouts
    }

    fn due(timer: &mut Option<Instant>, now: Instant) -> bool {
        let due = timer.is_some_and(|at| at <= now);
        if due {
            *timer = None;
        }
        due
    }

    /// Does what is due.
    pub fn run_timers(&mut self, now: Instant, counters: &mut Counters) {
        if Self::due(&mut self.timers.reorder_at, now) && self.may_have_lost() {
            self.detect_losses(now, counters);
        }
        if Self::due(&mut self.timers.tail_at, now) && self.is_outstanding() {
            self.timers.tail_due = true;
        }
        if Self::due(&mut self.timers.retransmit_at, now) && self.is_outstanding() {
            self.time_out(now, counters);
        }
        if Self::due(&mut self.timers.persist_at, now) {
            if self.window.size == 0 || self.timers.probing {
                self.timers.persist_due = true;
                if self.timers.probing {
                    self.rtt.back_off();
                }
            } else {
                self.timers.override_due = true;
            }
        }
        Self::due(&mut self.timers.pace_at, now);
    }

    /// RFC 6298 5.4 to 5.7, RFC 8985 6.3.
    fn time_out(&mut self, now: Instant, counters: &mut Counters) {
        count(&mut counters.timeouts);
        self.timers.timeouts = self.timers.timeouts.saturating_add(1);
        let (una, smoothed_us) = (self.una, self.rtt.smoothed_us().unwrap_or(0));
        if self.board.reneged() {
            count(&mut counters.sack_reneging);
        } else {
            self.rack.timed_out(now, &mut self.board, una, smoothed_us);
        }
        let first = !matches!(self.episode.phase, Phase::Loss { .. });
        let mss = self.mss();
        self.congestion.timed_out(mss, first);
        self.episode.duplicates = 0;
        if first {
            self.episode.start(Phase::Loss { point: self.nxt }, self.nxt);
        } else {
            self.episode.phase = Phase::Loss { point: self.nxt };
            self.episode.last_point = self.nxt;
        }
        // One segment more than what may still be on its way.
        self.congestion.set_window(self.flight().saturating_add(mss));
        self.timers.tail = None;
        self.timers.tail_due = false;
        self.timers.tail_at = None;
        self.rtt.back_off();
        self.timers.retransmit_at = Some(now.after(self.rtt.timeout_us()));
    }

    /// After a segment with data, or a FIN, has left; `probes`: silence after it is to be noticed.
    pub(super) fn arm_after_sending(&mut self, now: Instant, plan: &Plan, probes: bool) {
        match plan.why {
            Why::TailLossProbe => {
                self.timers.tail_due = false;
                self.timers.tail = Some(self.nxt);
                self.timers.retransmit_at = Some(now.after(self.rtt.timeout_us()));
                return;
            }
            Why::WindowProbe => {
                self.timers.persist_due = false;
                self.timers.probing = true;
                self.timers.persist_at = Some(now.after(self.rtt.timeout_us()));
            }
            _ => {}
        }
        if self.timers.probing {
            self.timers.retransmit_at = None;
            self.timers.tail_at = None;
            return;
        }
        self.timers.persist_at = None;
        if self.timers.retransmit_at.is_none() {
            self.timers.retransmit_at = Some(now.after(self.rtt.timeout_us()));
        }
        if probes {
            self.arm_tail_probe(now);
        }
    }

    /// RFC 8985 7.2: when to probe, once for each flight. Beyond a gap RACK looks; in recovery too
    /// there is a probe, since nothing else is left there if the last ACK was lost (decision 0014).
    /// After that there is the timeout. The caller knows that something is outstanding.
    pub(super) fn arm_tail_probe(&mut self, now: Instant) {
        let expects = match self.episode.phase {
            Phase::Open => self.board.sacked() + self.board.lost() == 0,
            Phase::Recovery { .. } => true,
            Phase::Loss { .. } => false,
        };
        if !expects || !self.sack || self.timers.tail.is_some() {
            self.timers.tail_at = None;
            return;
        }
        let mut us = self.rtt.smoothed_us().map_or(RTO_INITIAL_US, |us| 2 * us + TAIL_PROBE_US_MIN);
        if self.flight() <= self.mss() {
            us += PEER_DELAYED_ACK_US_MAX;
        }
        let at = now.after(us);
        let limit = self.timers.retransmit_at.unwrap_or(at);
        // At the same moment the timeout has its turn.
        self.timers.tail_at = (at < limit).then_some(at);
    }

    /// What is to be answered at once, if a probe is due.
    #[cold]
    pub(super) fn plan_probe(&mut self, mss: u32) -> Option<Plan> {
        self.plan_tail_probe(mss).or_else(|| self.plan_window_probe())
    }

    /// What was sent is sent again, even if there is more to send: a peer may keep the ACK of new
    /// data to itself for a while, but not that of old data (decision 0014 beside RFC 8985 7.3).
    /// It is the last segment, in recovery the first.
    fn plan_tail_probe(&mut self, mss: u32) -> Option<Plan> {
        if !self.timers.tail_due {
            return None;
        }
        let (seq, span) = match self.episode.phase {
            Phase::Open if self.is_outstanding() => {
                let span = self.nxt.since(self.una).min(mss);
                (self.nxt.minus(span), span)
            }
            Phase::Recovery { .. } if self.is_outstanding() => {
                (self.una, self.board.length_of(0).min(mss))
            }
            _ => {
                self.timers.tail_due = false;
                return None;
            }
        };
        let mut plan = self.piece(seq, span, Why::TailLossProbe);
        if plan.fin && plan.length > 0 {
            // The FIN alone would tell as much, but the data before it may be what was lost.
            plan.push = true;
        }
        Some(plan)
    }

    /// One byte, or the FIN, against a closed window (RFC 9293 3.8.6.1).
    fn plan_window_probe(&self) -> Option<Plan> {
        if !self.timers.persist_due {
            return None;
        }
        let seq = if self.timers.probing { self.una } else { self.nxt };
        let waiting = self.end.plus(u32::from(self.closed)).ahead_of(seq);
        (waiting > 0).then(|| self.piece(seq, 1, Why::WindowProbe))
    }
}
