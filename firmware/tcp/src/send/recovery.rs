//! Episodes: from the first sign of a loss until what was in flight then is acknowledged.

use crate::congestion::Prr;
use crate::events::Why;
use crate::seq::Seq;

/// Where the sender is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase {
    /// All is well.
    Open,
    /// A loss, or an echo of congestion, was noticed by ACKs (RFC 5681 3.2, RFC 3168 6.1.2).
    Recovery {
        /// Over when this is acknowledged.
        point: Seq,
        prr: Prr,
        /// By a loss, not only by an echo of congestion.
        lossy: bool,
    },
    /// Nothing came for the retransmission timeout.
    Loss {
        /// Over when this is acknowledged.
        point: Seq,
    },
}

impl Phase {
    /// In Linux's words.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::Recovery { .. } => "Recovery",
            Self::Loss { .. } => "Loss",
        }
    }
}

/// One episode's account, kept between episodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Episode {
    pub phase: Phase,
    /// The point of the latest episode: duplicate ACKs below it are answers to it, not news (RFC
    /// 6582 3.2).
    pub last_point: Seq,
    /// Duplicate ACKs, for peers without SACK.
    pub duplicates: u32,
    /// The first segment that was sent again: our timestamp clock then, and its end (RFC 3522).
    first_again: Option<(u32, Seq)>,
    /// Bytes sent again that no duplicate SACK has accounted for; none once that can tell nothing.
    again: Option<u32>,
    /// Segments up to here are sent again as the path's MTU shrank.
    pub path_until: Option<Seq>,
}

impl Episode {
    pub const fn new(at: Seq) -> Self {
        Self {
            phase: Phase::Open,
            last_point: at,
            duplicates: 0,
            first_again: None,
            again: None,
            path_until: None,
        }
    }

    /// A new one begins.
    pub fn start(&mut self, phase: Phase, point: Seq) {
        self.phase = phase;
        self.last_point = point;
        self.first_again = None;
        self.again = Some(0);
        self.path_until = None;
    }

    /// It is over.
    pub fn end(&mut self) {
        self.phase = Phase::Open;
        self.duplicates = 0;
        self.first_again = None;
    }

    /// Why a segment is sent again now.
    pub fn why(&self) -> Why {
        match self.phase {
            Phase::Open if self.path_until.is_some() => Why::PathRetransmit,
            Phase::Loss { .. } => Why::TimeoutRetransmit,
            Phase::Open | Phase::Recovery { .. } => Why::FastRetransmit,
        }
    }

    /// A segment was sent again.
    pub fn sent_again(&mut self, bytes: u32, clock: u32, end: Seq) {
        if !matches!(self.phase, Phase::Open) {
            self.first_again.get_or_insert((clock, end));
            self.again = self.again.map(|again| again.saturating_add(bytes));
        }
    }

    /// The first ACK of the first segment that was sent again: true if its echo is older than
    /// that, so that the original had arrived (RFC 3522).
    pub fn is_needless_by_echo(&mut self, una: Seq, echo: Option<u32>) -> bool {
        let Some((clock, _)) = self.first_again.filter(|(_, end)| end.le(una)) else {
            return false;
        };
        self.first_again = None;
        echo.is_some_and(|echo| Seq(echo).lt(Seq(clock)))
    }

    /// A duplicate SACK of so many bytes: true if now all that was sent again arrived twice (RFC
    /// 3708).
    pub fn is_needless_by_duplicates(&mut self, bytes: u32) -> bool {
        let Some(again) = self.again.filter(|again| *again > 0) else { return false };
        match again.checked_sub(bytes) {
            Some(0) => {
                self.again = None;
                true
            }
            left => {
                self.again = left;
                false
            }
        }
    }
}
