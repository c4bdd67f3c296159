//! TIME-WAIT: what is kept of a connection that both sides closed (RFC 9293 3.6.1, RFC 1337, RFC
//! 6191). A few words each, so that it holds up nothing else; when the table is full the oldest
//! ends early.

use crate::flow::Flow;
use crate::limits::TIME_WAIT_ANSWER_US;
use crate::segment::{Flags, Segment};
use crate::seq::Seq;
use crate::time::Instant;

/// What is left of a connection.
#[derive(Clone, Copy, Debug)]
pub struct TimeWait {
    pub(crate) flow: Flow,
    pub(crate) owner: &'static str,
    /// SND.NXT.
    pub(crate) nxt: Seq,
    /// RCV.NXT, and what the last window was, scaled.
    pub(crate) expected: Seq,
    pub(crate) window: u32,
    pub(crate) window_field: u16,
    /// TS.Recent, if timestamps were on.
    pub(crate) recent: Option<u32>,
    pub(crate) until: Instant,
    /// An ACK is to be sent.
    pub(crate) due: bool,
    pub(crate) answered_at: Option<Instant>,
}

/// What a segment does to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It stays as it is.
    Ignored,
    /// It is acknowledged, and if `again` waits anew.
    Answer { again: bool },
    /// A new connection: a listener may take the SYN (RFC 9293 MAY-2, RFC 6191 2).
    Reopen,
}

impl TimeWait {
    /// Judges a segment.
    pub(crate) fn arrives(&self, segment: &Segment<'_>) -> Outcome {
        let header = &segment.header;
        if header.flags.has(Flags::RST) {
            // A RST here assassinates nobody (RFC 1337 3).
            return Outcome::Ignored;
        }
        if header.flags.has(Flags::SYN) && !header.flags.has(Flags::ACK) {
            let later = match (self.recent, header.options.timestamps) {
                (Some(recent), Some(stamps)) if stamps.value != recent => {
                    Seq(recent).lt(Seq(stamps.value))
                }
                // Without timestamps, or with one that stands still, the numbers tell.
                _ => self.expected.le(header.seq),
            };
            return if later { Outcome::Reopen } else { Outcome::Answer { again: false } };
        }
        if header.flags.has(Flags::FIN) {
            // Our last ACK was lost (RFC 9293 3.10.7.4, eighth).
            return Outcome::Answer { again: true };
        }
        let inside = header.seq == self.expected && segment.length() == 0;
        if inside { Outcome::Ignored } else { Outcome::Answer { again: false } }
    }

    /// True if an answer may be given now.
    pub(crate) fn may_answer(&mut self, now: Instant) -> bool {
        let may = self.answered_at.is_none_or(|at| now.since(at) >= TIME_WAIT_ANSWER_US);
        if may {
            self.answered_at = Some(now);
            self.due = true;
        }
        may
    }
}
