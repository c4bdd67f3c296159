//! What there is, as plain data: for `netstat`, `ss -tin` and tests.

use core::fmt;

use crate::config::CongestionControl;
use crate::engine::{ConnectionId, ListenerId};
use crate::events::Ended;
use crate::flow::{Endpoint, Flow};

/// A connection's state (RFC 9293 3.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Waiting for an answer to our SYN.
    SynSent,
    /// Waiting for the ACK of our SYN, having received one.
    SynReceived,
    /// Open.
    Established,
    /// We closed; the FIN is not acknowledged.
    FinWait1,
    /// We closed, and the peer knows.
    FinWait2,
    /// The peer closed.
    CloseWait,
    /// Both closed; our FIN is not acknowledged.
    Closing,
    /// The peer closed, then we did; our FIN is not acknowledged.
    LastAck,
    /// Both closed; the peer may not know.
    TimeWait,
    /// No more.
    Closed,
}

impl State {
    /// As `netstat` writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SynSent => "SYN_SENT",
            Self::SynReceived => "SYN_RECV",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN_WAIT1",
            Self::FinWait2 => "FIN_WAIT2",
            Self::CloseWait => "CLOSE_WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST_ACK",
            Self::TimeWait => "TIME_WAIT",
            Self::Closed => "CLOSE",
        }
    }

    /// True from the end of the handshake on, until the end.
    pub const fn is_synchronized(self) -> bool {
        !matches!(self, Self::SynSent | Self::SynReceived | Self::Closed)
    }

    /// True while the application may write.
    pub const fn may_write(self) -> bool {
        matches!(self, Self::SynSent | Self::SynReceived | Self::Established | Self::CloseWait)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The sender's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// SRTT in microseconds, once measured.
    pub rtt_us: Option<u64>,
    /// RTTVAR in microseconds.
    pub rtt_variation_us: u64,
    /// RTO in microseconds, backoff included.
    pub rto_us: u64,
    /// How often it was doubled.
    pub backoff: u32,
    /// Bytes of data in a full segment.
    pub mss: u32,
    /// Congestion window, bytes.
    pub window: u32,
    /// Slow start threshold, bytes; none before the first loss.
    pub threshold: Option<u32>,
    /// Bytes in flight.
    pub in_flight: u32,
    /// Bytes that the peer told it has beyond the ACK.
    pub sacked: u32,
    /// Bytes to be sent again.
    pub lost: u32,
    /// Segments sent again so far.
    pub resent: u32,
    /// Bytes written and not yet sent.
    pub unsent: u32,
    /// The peer's window, bytes.
    pub peer_window: u32,
    /// Bytes a second at which segments leave at most.
    pub pacing_rate: Option<u64>,
    /// The way was seen to reorder.
    pub reordering: bool,
    /// Open, Recovery, Loss.
    pub phase: &'static str,
    /// Entries of the scoreboard in use.
    pub runs: usize,
    /// Congestion control.
    pub congestion: CongestionControl,
    /// BBR's model, if it is that.
    pub bbr: Option<BbrInfo>,
}

/// BBR's model of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BbrInfo {
    /// The largest delivery rate of late.
    pub bytes_per_second: u64,
    /// The smallest round trip of late, microseconds.
    pub round_trip_us: Option<u64>,
    /// Gain of the pace, in parts of 256.
    pub pacing_gain: u32,
    /// Gain of the window, in parts of 256.
    pub window_gain: u32,
}

/// A timer, for `netstat -o`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// None runs.
    Off,
    /// Retransmission, tail loss probe or reordering: microseconds left, timeouts so far.
    On(u64, u32),
    /// Keep-alive: microseconds left, probes so far.
    KeepAlive(u64, u32),
    /// Window probe: microseconds left, backoff.
    Probe(u64, u32),
    /// TIME-WAIT: microseconds left.
    TimeWait(u64),
}

/// One line of `netstat -t`, and what `ss -ti` adds.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionInfo {
    /// Its name for calls; none in TIME-WAIT and while half open.
    pub id: Option<ConnectionId>,
    /// Both ends.
    pub flow: Flow,
    /// State.
    pub state: State,
    /// Who listens, or connected.
    pub owner: &'static str,
    /// Nobody holds it any more: it closes.
    pub orphan: bool,
    /// Bytes received and not read.
    pub receive_queue: u32,
    /// Bytes written and not acknowledged.
    pub send_queue: u32,
    /// Bytes that we offer.
    pub receive_window: u32,
    /// Bytes of memory in use by its receive ring.
    pub receive_memory: u32,
    /// The sender.
    pub sender: SenderInfo,
    /// The timer that is due first.
    pub timer: Timer,
    /// Timestamps are in use.
    pub timestamps: bool,
    /// SACK is in use.
    pub sack: bool,
    /// ECN is in use.
    pub ecn: bool,
    /// The shifts of both windows, if they are scaled: the peer's, ours.
    pub scale: Option<(u8, u8)>,
    /// Why it ended.
    pub ended: Option<Ended>,
}

/// One listener.
#[derive(Clone, Copy, Debug)]
pub struct ListenerInfo {
    /// Its name for calls.
    pub id: ListenerId,
    /// Who listens.
    pub owner: &'static str,
    /// Where; the address is unspecified for all.
    pub at: Endpoint,
    /// Connections that may wait to be accepted.
    pub backlog: usize,
    /// Connections that wait.
    pub ready: usize,
    /// Half-open ones.
    pub half_open: usize,
}
