//! What a connection does when nothing arrives: SYNs again, keep-alive, user timeout, lingering.

use super::{Connection, Context, Owner};
use crate::counters::count;
use crate::events::Ended;
use crate::limits::{RETRIES_BEFORE_ADVICE, RTO_US_MAX};
use crate::receive::{AckNeed, AckReason};
use crate::status::{State, Timer};
use crate::time::Instant;

impl Connection {
    /// When there is something to do next, unless something is to be done at once.
    pub fn deadline(&self, ready_us: u64) -> Instant {
        let owner = match self.owner {
            Owner::Orphan { until } if self.is_live() => until,
            Owner::Ready { since, .. } => since.after(ready_us),
            Owner::Quiet { until, .. } if self.is_live() => until,
            _ => Instant::NEVER,
        };
        if !self.is_live() {
            return owner;
        }
        let delayed_ack = match self.receive.need() {
            AckNeed::By(at) => at,
            AckNeed::No | AckNeed::Now(_) => Instant::NEVER,
        };
        let give_up = (!self.state.is_synchronized()).then_some(self.handshake.give_up_at);
        let user = self.send.waits_since().map(|since| since.after(self.config.user_timeout_us));
        let others = [give_up, user, self.handshake.retry_at, self.keep_alive_at()];
        owner.min(delayed_ack).min(self.send.deadline()).min(Instant::first(others))
    }

    /// When the next keep-alive probe goes out.
    fn keep_alive_at(&self) -> Option<Instant> {
        let idle_us = self.config.keep_alive_us?;
        let applies = matches!(self.state, State::Established | State::CloseWait | State::FinWait2);
        if !applies || self.send.is_outstanding() || self.send.unsent() > 0 {
            return None;
        }
        let probes_us =
            self.config.keep_alive_interval_us.saturating_mul(u64::from(self.keep_alive_probes));
        Some(self.heard_at.after(idle_us).after(probes_us))
    }

    /// Does what is due.
    pub fn run_timers(&mut self, context: &mut Context<'_, '_>) {
        let now = context.now;
        match self.owner {
            Owner::Orphan { until } if until <= now && self.is_live() => {
                count(&mut context.counters.abort_on_linger);
                self.abort(context);
                return;
            }
            Owner::Ready { since, .. }
                if since.after(context.config.ready_us) <= now && self.is_live() =>
            {
                count(&mut context.counters.abort_on_ready);
                self.abort(context);
                return;
            }
            Owner::Quiet { until, .. } if until <= now && self.is_live() => {
                self.give_back(context);
            }
            _ => {}
        }
        if !self.is_live() {
            return;
        }
        if !self.state.is_synchronized() {
            self.run_handshake(context);
            return;
        }
        let waits = self.send.waits_since();
        if waits.is_some_and(|since| since.after(self.config.user_timeout_us) <= now) {
            self.time_out(context);
            return;
        }
        self.receive.run_timers(now, context.counters);
        let before = self.send.timeouts();
        self.send.run_timers(now, context.counters);
        let after = self.send.timeouts();
        self.news.trouble |= before != after && after == RETRIES_BEFORE_ADVICE;
        if self.keep_alive_at().is_some_and(|at| at <= now) {
            if self.keep_alive_probes >= self.config.keep_alive_probes {
                self.time_out(context);
                return;
            }
            self.keep_alive_due = true;
        }
    }

    fn time_out(&mut self, context: &mut Context<'_, '_>) {
        count(&mut context.counters.abort_on_timeout);
        self.abort(context);
        self.ended = Some(self.why_silent());
    }

    /// What silence means: what ICMP told, or nothing.
    fn why_silent(&self) -> Ended {
        if self.unreachable { Ended::Unreachable } else { Ended::TimedOut }
    }

    /// SYN, or SYN-ACK, again (RFC 9293 3.8.3, RFC 6298).
    fn run_handshake(&mut self, context: &mut Context<'_, '_>) {
        let handshake = &mut self.handshake;
        if handshake.give_up_at <= context.now {
            count(&mut context.counters.abort_on_timeout);
            let why = self.why_silent();
            self.end(context, why);
            return;
        }
        if handshake.retry_at.is_some_and(|at| at <= context.now) {
            handshake.retry_at = None;
            handshake.due = true;
            self.news.trouble |= handshake.sent == RETRIES_BEFORE_ADVICE;
            handshake.timeout_us = (handshake.timeout_us * 2).min(RTO_US_MAX);
        }
    }

    /// The timer that is due first, for `netstat -o`.
    pub fn timer(&self, now: Instant) -> Timer {
        let left = |at: Instant| at.since(now);
        let timers = self.send.timers();
        let resend = [timers.retransmit_at, timers.tail_at, timers.reorder_at];
        if let Some(at) = self.handshake.retry_at.filter(|_| !self.state.is_synchronized()) {
            return Timer::On(left(at), self.handshake.sent.saturating_sub(1));
        }
        if let Some(at) = resend.into_iter().flatten().min() {
            return Timer::On(left(at), self.send.timeouts());
        }
        if let Some(at) = timers.persist_at {
            return Timer::Probe(left(at), self.send.rtt.backoff());
        }
        if let Some(at) = self.keep_alive_at().filter(|_| self.is_live()) {
            return Timer::KeepAlive(left(at), self.keep_alive_probes);
        }
        Timer::Off
    }

    /// True if an ACK is to be sent at once, and why.
    pub(super) fn ack_reason(&self) -> Option<AckReason> {
        match self.receive.need() {
            AckNeed::Now(reason) => Some(reason),
            AckNeed::No | AckNeed::By(_) => None,
        }
    }
}
