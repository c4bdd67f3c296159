//! SEGMENT ARRIVES in all other states, step by step (RFC 9293 3.10.7.4), with RFC 5961's checks
//! and RFC 7323's timestamps.

use super::syn_sent::Answer;
use super::{Connection, Context, Owner};
use crate::counters::count;
use crate::events::{Ended, Verdict};
use crate::flow::Ecn;
use crate::limits::TIMESTAMP_LIFETIME_US;
use crate::receive::{AckReason, Taken};
use crate::segment::{Flags, Header, Segment};
use crate::send::{AckIn, AckOut};
use crate::seq::Seq;
use crate::status::State;
use crate::time::Instant;

/// What one step decided: it ends here, or goes on.
type Step = Result<(), (Verdict, Answer)>;

const fn stop(verdict: Verdict) -> (Verdict, Answer) {
    (verdict, Answer::None)
}

impl Connection {
    /// A segment of this connection.
    pub fn arrives(
        &mut self,
        context: &mut Context<'_, '_>,
        segment: &Segment<'_>,
        ecn: Ecn,
    ) -> (Verdict, Answer) {
        self.dirty = true;
        if self.state == State::SynSent {
            return self.arrives_in_syn_sent(context, segment, ecn);
        }
        // The SYN-ACK of a peer that opened at the same time: its SYN was seen before (RFC 9293
        // 3.5, figure 7, line 5).
        let again = self.state == State::SynReceived
            && segment.header.flags.has(Flags::SYN | Flags::ACK)
            && segment.header.seq == self.receive.first()
            && segment.header.ack == self.send.first().plus(1);
        let without_syn;
        let segment = if again {
            let flags = Flags(segment.header.flags.0 & !Flags::SYN.0);
            let seq = segment.header.seq.plus(1);
            let header = Header { seq, flags, ..segment.header.clone() };
            without_syn = Segment { header, ..*segment };
            &without_syn
        } else {
            segment
        };
        self.steps(context, segment, ecn)
    }

    fn steps(
        &mut self,
        context: &mut Context<'_, '_>,
        segment: &Segment<'_>,
        ecn: Ecn,
    ) -> (Verdict, Answer) {
        let checked = self
            .check_timestamp(context, segment)
            .and_then(|()| self.check_sequence(context, segment))
            .and_then(|()| self.check_reset(context, segment))
            .and_then(|()| self.check_syn(context, segment));
        if let Err(end) = checked {
            return end;
        }
        self.note_timestamp(context, segment);
        self.heard_at = context.now;
        self.keep_alive_probes = 0;
        self.unreachable = false;
        let opened = self.state == State::SynReceived;
        let acked = match self.check_ack(context, segment) {
            Ok(acked) => acked,
            Err(end) => return end,
        };
        if self.state == State::Closed {
            return stop(Verdict::Accepted);
        }
        let verdict = self.take_text(context, segment, ecn);
        let verdict = match verdict {
            _ if opened => Verdict::Established,
            Some(verdict) => verdict,
            None if acked.advanced > 0 => Verdict::Accepted,
            None if acked.duplicate => Verdict::DuplicateAck,
            None if acked.window_changed => Verdict::WindowUpdate,
            None => Verdict::Nothing,
        };
        stop(verdict)
    }

    /// An ACK as answer to something odd, unless there were many.
    fn challenge(&mut self, context: &mut Context<'_, '_>) {
        if context.challenges.allow(context.now, context.secret, &mut self.challenged_at) {
            count(&mut context.counters.challenge_ack);
            self.receive.hurry(AckReason::Challenge);
        } else {
            count(&mut context.counters.ack_skipped_challenge);
        }
    }

    /// PAWS (RFC 7323 5.3, R1), which comes before the sequence number.
    fn check_timestamp(&mut self, context: &mut Context<'_, '_>, segment: &Segment<'_>) -> Step {
        let header = &segment.header;
        if !self.stamps.on || header.flags.has(Flags::RST) {
            return Ok(());
        }
        let Some(stamps) = header.options.timestamps else {
            count(&mut context.counters.missing_timestamp);
            return Err(stop(Verdict::NoTimestamp));
        };
        if !self.is_old(context.now, stamps.value) {
            return Ok(());
        }
        if header.flags.has(Flags::SYN) {
            // RFC 5961 4.2 comes first: a SYN is challenged whatever else it says.
            return self.check_syn(context, segment);
        }
        count(&mut context.counters.paws_estab);
        self.answer_unacceptable(context, segment);
        Err(stop(Verdict::Old))
    }

    /// Before TS.Recent, if that is not too old itself to tell (RFC 7323 5.5).
    fn is_old(&self, now: Instant, value: u32) -> bool {
        Seq(value).lt(Seq(self.stamps.recent))
            && now.since(self.stamps.recent_at) < TIMESTAMP_LIFETIME_US
    }

    /// TS.Recent (RFC 7323 4.3 (2)): from the segment that the next ACK will acknowledge first.
    fn note_timestamp(&mut self, context: &Context<'_, '_>, segment: &Segment<'_>) {
        if let Some(stamps) = segment.header.options.timestamps
            && self.stamps.on
            && !self.is_old(context.now, stamps.value)
            && segment.header.seq.le(self.receive.acked())
        {
            self.stamps.recent = stamps.value;
            self.stamps.recent_at = context.now;
        }
    }

    /// What is not acceptable is answered by an ACK. Without data it may be the answer to one of
    /// ours, and theirs to that: such a war is slowed down.
    fn answer_unacceptable(&mut self, context: &mut Context<'_, '_>, segment: &Segment<'_>) {
        let (seq, data) = (segment.header.seq, segment.payload.len() as u32);
        if data == 0 && !segment.header.flags.has(Flags::FIN) {
            let secret = context.secret;
            if !context.challenges.allow(context.now, secret, &mut self.challenged_at) {
                count(&mut context.counters.ack_skipped_seq);
                return;
            }
        }
        self.receive.note_old(context.counters, seq, seq.plus(data));
        self.receive.hurry(AckReason::Unacceptable);
    }

    /// First, the sequence number.
    fn check_sequence(&mut self, context: &mut Context<'_, '_>, segment: &Segment<'_>) -> Step {
        let header = &segment.header;
        if self.receive.is_acceptable(header.seq, segment.length()) {
            return Ok(());
        }
        if header.flags.has(Flags::RST) {
            return Err(stop(Verdict::ResetIgnored));
        }
        if header.flags.has(Flags::SYN) {
            return self.check_syn(context, segment);
        }
        count(&mut context.counters.beyond_window);
        if self.receive.window() == 0 && !segment.payload.is_empty() {
            count(&mut context.counters.zero_window_drop);
        }
        self.answer_unacceptable(context, segment);
        // A full window shuts out data, but not the ACK that came with it (RFC 9293 3.10.7.4:
        // "special allowance should be made to accept valid ACKs, URGs, and RSTs").
        let has_ack = header.flags.has(Flags::ACK);
        if self.receive.window() == 0 && header.seq == self.receive.nxt() && has_ack {
            let _ = self.check_ack(context, segment);
            if self.state.is_synchronized() {
                self.take_urgent(segment);
            }
        }
        Err(stop(Verdict::OutOfWindow))
    }

    /// Second, RST (RFC 5961 3.2): only the very next number ends the connection.
    fn check_reset(&mut self, context: &mut Context<'_, '_>, segment: &Segment<'_>) -> Step {
        let header = &segment.header;
        if !header.flags.has(Flags::RST) {
            return Ok(());
        }
        if header.seq != self.receive.nxt() {
            self.challenge(context);
            return Err(stop(Verdict::ChallengedReset));
        }
        match self.state {
            State::SynReceived => self.refuse(context),
            State::Closing | State::LastAck => self.end(context, Ended::Closed),
            _ => self.end(context, Ended::Reset),
        }
        Err(stop(Verdict::Reset))
    }

    /// Fourth, SYN (RFC 5961 4.2): asks the peer whether it means it, wherever it stands.
    fn check_syn(&mut self, context: &mut Context<'_, '_>, segment: &Segment<'_>) -> Step {
        if !segment.header.flags.has(Flags::SYN) {
            return Ok(());
        }
        count(&mut context.counters.syn_challenge);
        self.challenge(context);
        Err(stop(Verdict::ChallengedSyn))
    }

    /// Fifth, the ACK.
    fn check_ack(
        &mut self,
        context: &mut Context<'_, '_>,
        segment: &Segment<'_>,
    ) -> Result<AckOut, (Verdict, Answer)> {
        let header = &segment.header;
        if !header.flags.has(Flags::ACK) {
            count(&mut context.counters.missing_ack);
            return Err(stop(Verdict::NoAck));
        }
        let window = u32::from(header.window) << self.scale.unwrap_or(0);
        if self.state == State::SynReceived {
            if header.ack != self.send.first().plus(1) {
                return Err((Verdict::BadAck, Answer::Reset(header.ack)));
            }
            self.establish(context, header.seq, header.ack, window);
            if self.send.is_closed() {
                self.state = State::FinWait1;
            }
        }
        // RFC 5961 5.2: no older than the largest window, no newer than what was sent.
        let oldest = self.send.una().minus(self.send.window_largest());
        if header.ack.lt(oldest) || self.send.nxt().lt(header.ack) {
            self.challenge(context);
            return Err(stop(Verdict::BadAck));
        }
        if header.ack.lt(self.send.una()) {
            // Old, but its data may be new.
            return Ok(AckOut::default());
        }
        let congestion = self.ecn.on && header.flags.has(Flags::ECE);
        if congestion {
            count(&mut context.counters.delivered_ce);
        }
        let bare = segment.length() == 0;
        if bare {
            count(&mut context.counters.pure_acks);
        }
        let sack = &header.options.sack;
        let out = if self.send.is_outstanding() || !sack.is_empty() {
            let clock = self.clock(context.now);
            // Only what we sent can be echoed.
            let echo = header.options.timestamps.map(|stamps| stamps.echo);
            let echo = echo.filter(|echo| self.stamps.on && Seq(*echo).le(Seq(clock)));
            let (now, seq, ack) = (context.now, header.seq, header.ack);
            let input = AckIn { now, seq, ack, window, bare, sack, echo, clock, congestion };
            self.send.acked(context.pool, context.counters, &input)
        } else {
            self.send.acked_nothing(header.seq, window)
        };
        self.ecn.reduced |= out.reduced;
        self.news.writable |= self.send.take_writable();
        if self.send.is_finished() {
            match self.state {
                State::FinWait1 => {
                    self.state = State::FinWait2;
                    self.news.state = true;
                }
                State::Closing => self.enter_time_wait(context),
                State::LastAck => self.end(context, Ended::Closed),
                _ => {}
            }
        }
        Ok(out)
    }

    fn enter_time_wait(&mut self, context: &mut Context<'_, '_>) {
        self.state = State::TimeWait;
        self.ended.get_or_insert(Ended::Closed);
        self.send.free(context.pool);
        self.news.state = true;
    }

    /// Sixth, URG.
    fn take_urgent(&mut self, segment: &Segment<'_>) {
        let header = &segment.header;
        let open = matches!(self.state, State::Established | State::FinWait1 | State::FinWait2);
        if header.flags.has(Flags::URG) && open && header.urgent > 0 {
            self.news.readable |= self.receive.urge(header.seq.plus(u32::from(header.urgent)));
        }
    }

    /// Seventh and eighth, data and FIN. `None` if the segment has neither, or nobody takes it.
    pub(super) fn take_text(
        &mut self,
        context: &mut Context<'_, '_>,
        segment: &Segment<'_>,
        ecn: Ecn,
    ) -> Option<Verdict> {
        let header = &segment.header;
        let fin = header.flags.has(Flags::FIN);
        if self.ecn.on {
            if header.flags.has(Flags::CWR) {
                self.ecn.echo = false;
            }
            if ecn == Ecn::Congested && !segment.payload.is_empty() {
                self.ecn.echo = true;
                self.receive.hurry(AckReason::Received);
            }
        }
        self.take_urgent(segment);
        if segment.payload.is_empty() && !fin {
            return None;
        }
        if !matches!(self.state, State::Established | State::FinWait1 | State::FinWait2) {
            // After the peer's FIN there is nothing more to take; the ACK repeats that.
            self.answer_unacceptable(context, segment);
            return Some(Verdict::Duplicate);
        }
        let end = header.seq.plus(segment.payload.len() as u32);
        if matches!(self.owner, Owner::Orphan { .. }) && self.receive.nxt().lt(end) {
            // Nobody will ever read it: the peer is told (RFC 9293 3.6.1, SHLD-3).
            count(&mut context.counters.abort_on_data);
            self.abort(context);
            return Some(Verdict::Unwanted);
        }
        let (taken, trimmed) = self.receive.take(
            context.pool,
            context.counters,
            context.now,
            header.seq,
            segment.payload,
            fin,
        );
        if matches!(taken, Taken::InOrder | Taken::Filled) {
            self.news.readable = true;
        }
        if self.receive.is_finished() {
            self.peer_closed(context);
        }
        Some(match taken {
            Taken::InOrder | Taken::Filled if trimmed => Verdict::Trimmed,
            Taken::InOrder => Verdict::Accepted,
            Taken::Filled => Verdict::Filled,
            Taken::Longer if self.send.sack => Verdict::BeyondGap,
            Taken::OutOfOrder | Taken::Longer => Verdict::OutOfOrder,
            Taken::Twice => Verdict::Duplicate,
            Taken::NoRoom => Verdict::NoMemory,
        })
    }

    fn peer_closed(&mut self, context: &mut Context<'_, '_>) {
        self.news.readable = true;
        self.news.state = true;
        match self.state {
            State::Established => self.state = State::CloseWait,
            State::FinWait1 => self.state = State::Closing,
            State::FinWait2 => self.enter_time_wait(context),
            _ => {}
        }
    }
}
