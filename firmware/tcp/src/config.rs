//! What may be chosen: for all connections, and for each.

use crate::limits::{
    HOP_LIMIT, KEEP_ALIVE_IDLE_US, KEEP_ALIVE_INTERVAL_US, KEEP_ALIVE_PROBES, LINGER_US,
    READY_US_MAX, SYN_ACK_RETRIES, SYN_TIMEOUT_US, TIME_WAIT_US, USER_TIMEOUT_US,
};

/// Whether explicit congestion notification is used (RFC 3168).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EcnUse {
    /// Never.
    Never,
    /// When a peer asks for it; Linux's default.
    #[default]
    WhenAsked,
    /// It is also asked for.
    Always,
}

/// How much may be in flight, and how fast it leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CongestionControl {
    /// By losses (RFC 9438); Linux's default.
    #[default]
    Cubic,
    /// By a model of the way, whatever is lost on it; version 1
    /// (draft-cardwell-iccrg-bbr-congestion-control-00).
    Bbr,
}

impl CongestionControl {
    /// In Linux's words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cubic => "cubic",
            Self::Bbr => "bbr",
        }
    }

    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Cubic, Self::Bbr].into_iter().find(|control| control.name() == name)
    }
}

/// Choices for all connections.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Bytes of the largest IP packet that our link takes.
    pub mtu: u16,
    /// Timestamps are offered, and agreed to (RFC 7323).
    pub timestamps: bool,
    /// SACK is offered, and agreed to (RFC 2018).
    pub sack: bool,
    /// Window scaling is offered, and agreed to (RFC 7323).
    pub window_scaling: bool,
    /// Explicit congestion notification.
    pub ecn: EcnUse,
    /// Congestion control of new connections.
    pub congestion: CongestionControl,
    /// What every connection begins with.
    pub connection: ConnectionConfig,
    /// A SYN is repeated for this long, in microseconds (RFC 9293 3.8.3: at least 3 minutes).
    pub syn_timeout_us: u64,
    /// A SYN-ACK is sent again so often, after 1, 2, 4 .. 64, 64 .. s.
    pub syn_ack_retries: u8,
    /// A connection that was given back has this long to close, in microseconds.
    pub linger_us: u64,
    /// A connection that nobody accepts is reset after this long, in microseconds.
    pub ready_us: u64,
    /// TIME-WAIT, in microseconds (RFC 9293 3.6.1: 4 minutes).
    pub time_wait_us: u64,
}

/// Choices for one connection.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionConfig {
    /// Small segments are not held back (RFC 9293 3.7.4, MUST-17).
    pub no_delay: bool,
    /// Hop limit, or TTL, of all segments (RFC 9293 MUST-49).
    pub hop_limit: u8,
    /// Diffserv codepoint of all segments, 0 to 63 (RFC 9293 MUST-48).
    pub diffserv: u8,
    /// Quiet time before keep-alive probes, in microseconds; none without (RFC 9293 3.8.4).
    pub keep_alive_us: Option<u64>,
    /// Time between keep-alive probes, in microseconds.
    pub keep_alive_interval_us: u64,
    /// Probes without an answer that end the connection.
    pub keep_alive_probes: u32,
    /// Without an answer to what was sent for this long the connection ends, in microseconds (RFC
    /// 9293 3.8.3).
    pub user_timeout_us: u64,
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        Self {
            no_delay: false,
            hop_limit: HOP_LIMIT,
            diffserv: 0,
            keep_alive_us: None,
            keep_alive_interval_us: KEEP_ALIVE_INTERVAL_US,
            keep_alive_probes: KEEP_ALIVE_PROBES,
            user_timeout_us: USER_TIMEOUT_US,
        }
    }
}

impl ConnectionConfig {
    /// Keep-alive after the RFC's two hours.
    #[must_use]
    pub fn with_keep_alive(self) -> Self {
        Self { keep_alive_us: Some(KEEP_ALIVE_IDLE_US), ..self }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mtu: 1500,
            timestamps: true,
            sack: true,
            window_scaling: true,
            ecn: EcnUse::default(),
            congestion: CongestionControl::default(),
            connection: ConnectionConfig::default(),
            syn_timeout_us: SYN_TIMEOUT_US,
            syn_ack_retries: SYN_ACK_RETRIES,
            linger_us: LINGER_US,
            ready_us: READY_US_MAX,
            time_wait_us: TIME_WAIT_US,
        }
    }
}
