//! SEGMENT ARRIVES in SYN-SENT (RFC 9293 3.10.7.3).

use super::{Connection, Context, Owner};
use crate::counters::count;
use crate::events::{Ended, Verdict};
use crate::flow::Ecn;
use crate::receive::{AckReason, Receiver};
use crate::segment::{Flags, Segment};
use crate::seq::Seq;
use crate::status::State;

/// What the engine has to send as an answer, since the connection cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    None,
    /// RST with this sequence number (RFC 9293 3.5.2 group 1 and 2).
    Reset(Seq),
}

impl Connection {
    /// A segment for a connection in SYN-SENT.
    pub(super) fn arrives_in_syn_sent(
        &mut self,
        context: &mut Context<'_, '_>,
        segment: &Segment<'_>,
        ecn: Ecn,
    ) -> (Verdict, Answer) {
        let header = &segment.header;
        let flags = header.flags;
        let has_ack = flags.has(Flags::ACK);
        // First, the ACK: only our SYN can have been acknowledged.
        if has_ack && header.ack != self.send.first().plus(1) {
            if flags.has(Flags::RST) {
                return (Verdict::ResetIgnored, Answer::None);
            }
            return (Verdict::BadAck, Answer::Reset(header.ack));
        }
        // Second, RST: believed only if it acknowledges our SYN (RFC 5961 3.2's spirit, RFC 9293).
        if flags.has(Flags::RST) {
            if !has_ack {
                return (Verdict::ResetIgnored, Answer::None);
            }
            self.end(context, Ended::Refused);
            return (Verdict::Reset, Answer::None);
        }
        // Fourth, SYN.
        if !flags.has(Flags::SYN) {
            return (Verdict::Nothing, Answer::None);
        }
        self.take_syn(context, segment);
        if !has_ack {
            // Both opened at once (RFC 9293 3.5, figure 7).
            self.state = State::SynReceived;
            self.handshake.due = true;
            self.handshake.timeout_us = crate::limits::RTO_INITIAL_US;
            return (Verdict::Accepted, Answer::None);
        }
        self.ecn.on = self.ecn.on && flags.has(Flags::ECE) && !flags.has(Flags::CWR);
        // The window of a SYN is not scaled (RFC 7323 2.2).
        self.establish(context, header.seq, header.ack, u32::from(header.window));
        self.receive.hurry(AckReason::Received);
        if !segment.payload.is_empty() || flags.has(Flags::FIN) {
            let rest = Segment {
                header: crate::segment::Header { seq: header.seq.plus(1), ..header.clone() },
                payload: segment.payload,
                ..*segment
            };
            self.take_text(context, &rest, ecn);
        }
        (Verdict::Established, Answer::None)
    }

    /// The peer's SYN: its number and options.
    fn take_syn(&mut self, context: &mut Context<'_, '_>, segment: &Segment<'_>) {
        let options = &segment.header.options;
        let config = context.config;
        let scale = options.window_scale.filter(|_| config.window_scaling);
        let timestamp = options.timestamps.filter(|_| config.timestamps).map(|stamps| stamps.value);
        let sack = options.sack_permitted && config.sack;
        self.receive.free(context.pool);
        self.receive =
            Receiver::new(context.pool, context.now, segment.header.seq, scale.is_some());
        self.agree(context, options.mss, scale, sack, timestamp);
        self.heard_at = context.now;
    }

    /// SYN-RECEIVED ends by a RST, or an ACK that cannot be.
    pub(super) fn refuse(&mut self, context: &mut Context<'_, '_>) {
        if matches!(self.owner, Owner::Ready { .. }) {
            count(&mut context.counters.embryonic_rsts);
        }
        self.end(context, Ended::Refused);
    }
}
