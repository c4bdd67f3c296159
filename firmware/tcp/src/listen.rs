//! Listeners, and what is half open (RFC 4987).
//!
//! A SYN takes an entry in a table, not a connection. When the table is full the oldest entry
//! gives way if it had its chance, else the SYN is answered by a cookie, which keeps nothing here.
//! A source that fills the table only pushes out its own.

use core::net::IpAddr;

use crate::engine::ListenerId;
use crate::flow::{Endpoint, Flow};
use crate::limits::{HALF_OPEN_PER_SOURCE, HALF_OPEN_US_MIN, RTO_INITIAL_US, SYN_ACK_BACKOFF_MAX};
use crate::seq::Seq;
use crate::time::Instant;

pub(crate) mod cookie;

/// One listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listener {
    pub owner: &'static str,
    /// On one address of ours, or on all.
    pub address: Option<IpAddr>,
    pub port: u16,
    /// Connections that may wait to be accepted.
    pub backlog: usize,
    /// They are accepted once they have said something, and may be silent for so long.
    pub quiet_us: Option<u64>,
    pub generation: u16,
    /// A task should look.
    pub news: bool,
}

impl Listener {
    /// Is this for it?
    pub fn hears(&self, local: Endpoint) -> bool {
        self.port == local.port && self.address.is_none_or(|address| address == local.address)
    }
}

/// A handshake of which we have the SYN (RFC 9293 3.3.2: SYN-RECEIVED).
#[derive(Clone, Copy, Debug)]
pub struct HalfOpen {
    pub(crate) flow: Flow,
    pub(crate) listener: ListenerId,
    pub(crate) iss: Seq,
    pub(crate) irs: Seq,
    pub(crate) mss: Option<u16>,
    pub(crate) scale: Option<u8>,
    pub(crate) sack: bool,
    /// TS.Recent.
    pub(crate) timestamp: Option<u32>,
    pub(crate) ecn: bool,
    pub(crate) since: Instant,
    pub(crate) sent_at: Instant,
    pub(crate) retry_at: Instant,
    pub(crate) retries: u8,
    /// A SYN-ACK is to be sent.
    pub(crate) due: bool,
    /// An ACK is to be sent: something odd came.
    pub(crate) challenge_due: bool,
    pub(crate) challenged_at: Option<Instant>,
}

impl HalfOpen {
    /// The SYN-ACK goes out again after this long.
    pub(crate) fn timeout_us(&self) -> u64 {
        RTO_INITIAL_US << self.retries.min(SYN_ACK_BACKOFF_MAX)
    }

    /// True if it had all its chances.
    pub(crate) fn is_over(&self, now: Instant, retries: u8) -> bool {
        self.retries >= retries && self.retry_at <= now
    }
}

/// Where a new entry can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Free(usize),
    /// Another gives way.
    Instead(usize),
    /// There is none: a cookie must do.
    None,
}

/// Finds a place for one more half-open connection from `source`.
pub(crate) fn place(table: &[Option<HalfOpen>], source: IpAddr, now: Instant) -> Place {
    let mut free = None;
    let mut oldest: Option<(Instant, usize)> = None;
    let mut oldest_of_source: Option<(Instant, usize)> = None;
    let mut of_source = 0;
    let older = |known: Option<(Instant, usize)>, entry: (Instant, usize)| {
        Some(known.map_or(entry, |known| known.min(entry)))
    };
    for (index, entry) in table.iter().enumerate() {
        let Some(entry) = entry else {
            free = free.or(Some(index));
            continue;
        };
        oldest = older(oldest, (entry.since, index));
        if entry.flow.remote.address == source {
            of_source += 1;
            oldest_of_source = older(oldest_of_source, (entry.since, index));
        }
    }
    if of_source >= HALF_OPEN_PER_SOURCE
        && let Some((_, index)) = oldest_of_source
    {
        return Place::Instead(index);
    }
    match (free, oldest) {
        (Some(index), _) => Place::Free(index),
        (None, Some((since, index))) if now.since(since) >= HALF_OPEN_US_MIN => {
            Place::Instead(index)
        }
        _ => Place::None,
    }
}

#[cfg(test)]
mod tests;
