//! The engine: tables of connections, listeners, half-open and closed ones, and who a segment is
//! for.

use core::fmt;

use crate::challenge::{Challenges, PerSecond};
use crate::config::Config;
use crate::connection::{Connection, Context};
use crate::counters::Counters;
use crate::events::{Ended, Why};
use crate::flow::Flow;
use crate::isn::Secret;
use crate::limits::{LISTENERS, RECEIVE_BLOCKS_MIN, REPLIES_MAX, SEND_BLOCKS_MIN};
use crate::listen::{HalfOpen, Listener};
use crate::memory::{Block, Pool};
use crate::ports::Ports;
use crate::segment::Header;
use crate::time::Instant;
use crate::time_wait::TimeWait;

mod calls;
mod input;
mod listening;
mod output;
mod queue;
mod status;

use queue::{For, Link, Queue};

/// Names a connection; one that is over is not mistaken for the next in its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId {
    pub(crate) slot: u16,
    pub(crate) generation: u16,
}

impl ConnectionId {
    /// Its place in [`Storage::connections`]: for what the caller keeps beside it.
    pub const fn index(self) -> usize {
        self.slot as usize
    }
}

/// Names a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ListenerId {
    pub(crate) slot: u16,
    pub(crate) generation: u16,
}

impl ListenerId {
    /// Its place among all [`LISTENERS`].
    pub const fn index(self) -> usize {
        self.slot as usize
    }
}

/// Room for a connection.
#[derive(Debug)]
pub struct Slot {
    generation: u16,
    connection: Option<Connection>,
}

impl Slot {
    /// Nobody's.
    pub const EMPTY: Self = Self { generation: 0, connection: None };
}

/// What the engine looks at of connections that may not be concerned, apart from the connection
/// itself, so that idle ones stay out of the cache.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Segments of this flow belong to it.
    flow: Option<Flow>,
    deadline: Instant,
    links: [Link; 2],
}

impl Entry {
    /// Nobody's.
    pub const EMPTY: Self = Self { flow: None, deadline: Instant::NEVER, links: [Link::NONE; 2] };
}

/// The memory of an engine. All lengths are the caller's choice.
#[derive(Debug)]
pub struct Storage<'a> {
    /// Connections, [`Slot::EMPTY`].
    pub connections: &'a mut [Slot],
    /// As many of [`Entry::EMPTY`].
    pub entries: &'a mut [Entry],
    /// Half-open ones, all `None`.
    pub half_open: &'a mut [Option<HalfOpen>],
    /// Ones in TIME-WAIT, all `None`.
    pub time_wait: &'a mut [Option<TimeWait>],
    /// Memory of all rings: at least 7 blocks for each connection.
    pub blocks: &'a mut [Block],
}

/// No more listeners, or the port is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenError {
    /// Somebody listens there, or it is port 0.
    Taken,
    /// The table of listeners is full.
    Full,
}

/// No connection can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// One of the addresses is no host's (RFC 9293 MUST-46).
    BadAddress,
    /// This very connection exists.
    InUse,
    /// All ports to that peer are taken.
    NoPort,
    /// The table of connections is full.
    Full,
}

/// The connection was given back, or its slot has another by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// What a read found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// So many bytes.
    Bytes(usize),
    /// Nothing yet; an event will tell.
    Empty,
    /// The peer has closed its half; there will be no more.
    Finished,
    /// The connection is over.
    Ended(Ended),
}

/// Nothing can be written any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// There is no such connection.
    Gone,
    /// We closed it.
    Closed,
    /// It is over.
    Ended(Ended),
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Taken => "Address already in use",
            Self::Full => "Too many listeners",
        })
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadAddress => "Invalid argument",
            Self::InUse => "Address already in use",
            Self::NoPort => "Cannot assign requested address",
            Self::Full => "No buffer space available",
        })
    }
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bad file descriptor")
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => Gone.fmt(f),
            Self::Closed => f.write_str("Broken pipe"),
            Self::Ended(why) => why.fmt(f),
        }
    }
}

impl core::error::Error for ListenError {}
impl core::error::Error for ConnectError {}
impl core::error::Error for Gone {}
impl core::error::Error for WriteError {}

/// A segment that belongs to no connection.
#[derive(Clone, Debug)]
struct Reply {
    flow: Flow,
    header: Header,
    why: Why,
}

/// A host's TCP.
#[derive(Debug)]
pub struct Tcp<'a> {
    config: Config,
    secret: Secret,
    pool: Pool<'a>,
    counters: Counters,
    challenges: Challenges,
    resets: PerSecond,
    slots: &'a mut [Slot],
    entries: &'a mut [Entry],
    half_open: &'a mut [Option<HalfOpen>],
    time_wait: &'a mut [Option<TimeWait>],
    listeners: [Option<Listener>; LISTENERS],
    listener_generation: u16,
    replies: heapless::Deque<Reply, REPLIES_MAX>,
    ports: Ports,
    /// The last cookie was given then.
    cookie_at: Option<Instant>,
    /// Half-open or TIME-WAIT entries have something to send.
    small_due: bool,
    /// When the tables of these are to be looked through.
    sweep_at: Instant,
    /// Connections that may have something to send.
    output: Queue,
    /// Connections whose owners are to be told of something, and whether a listener's is.
    news: Queue,
    listener_news: bool,
    /// No deadline is before this, but for those of connections queued for output.
    wake_at: Instant,
    /// Whose segment came last.
    latest: usize,
}

/// Everything of an engine that a connection may use, apart from the connections.
macro_rules! context {
    ($tcp:expr, $now:expr) => {
        Context {
            now: $now,
            config: &$tcp.config,
            secret: &$tcp.secret,
            pool: &mut $tcp.pool,
            counters: &mut $tcp.counters,
            challenges: &mut $tcp.challenges,
        }
    };
}
use context;

impl<'a> Tcp<'a> {
    /// An engine. `key` is secret, random, and another at each start: sequence numbers, ports,
    /// timestamps and cookies come from it.
    ///
    /// # Panics
    /// If there are not as many entries as connections, or fewer than 7 blocks for each.
    pub fn new(storage: Storage<'a>, config: Config, key: [u8; 16]) -> Self {
        let Storage { connections, entries, half_open, time_wait, blocks } = storage;
        assert!(connections.len() == entries.len() && connections.len() <= usize::from(u16::MAX));
        let owed = usize::from(RECEIVE_BLOCKS_MIN + SEND_BLOCKS_MIN) * connections.len();
        Self {
            config,
            secret: Secret::new(key),
            pool: Pool::new(blocks, owed),
            counters: Counters::default(),
            challenges: Challenges::default(),
            resets: PerSecond::default(),
            slots: connections,
            entries,
            half_open,
            time_wait,
            listeners: [None; LISTENERS],
            listener_generation: 0,
            replies: heapless::Deque::new(),
            ports: Ports::new(),
            cookie_at: None,
            small_due: false,
            sweep_at: Instant::NEVER,
            output: Queue::new(For::Output),
            news: Queue::new(For::News),
            listener_news: false,
            wake_at: Instant::NEVER,
            latest: 0,
        }
    }

    /// The connection whose flow it is.
    fn find(&self, is_it: impl Fn(&Flow) -> bool) -> Option<usize> {
        let is_its = |entry: &Entry| entry.flow.as_ref().is_some_and(&is_it);
        if self.entries.get(self.latest).is_some_and(is_its) {
            return Some(self.latest);
        }
        self.entries.iter().position(is_its)
    }

    /// After anything happened to a connection: queues it for what is to be done, moves it to
    /// TIME-WAIT, frees its slot.
    #[inline(always)]
    fn refresh(&mut self, index: usize, now: Instant) {
        let Some(mut connection) = self.slots[index].connection.as_mut() else { return };
        if !connection.is_live() {
            self.bury(index, now);
            let Some(ended) = self.slots[index].connection.as_mut() else { return };
            connection = ended;
        }
        if connection.has_news() {
            self.news.push(self.entries, index);
        }
        if connection.dirty {
            self.output.push(self.entries, index);
            return;
        }
        let deadline = connection.deadline(self.config.ready_us);
        self.entries[index].deadline = deadline;
        self.wake_at = self.wake_at.min(deadline);
    }

    /// No more segments belong to a connection; frees its slot if nobody has a use for it either.
    #[cold]
    #[inline(never)]
    fn bury(&mut self, index: usize, now: Instant) {
        (self.entries[index].flow, self.entries[index].deadline) = (None, Instant::NEVER);
        let slot = &mut self.slots[index];
        if let Some(connection) = slot.connection.as_mut().filter(|known| known.is_done()) {
            connection.free(&mut context!(self, now));
            slot.connection = None;
            slot.generation = slot.generation.wrapping_add(1);
        }
    }

    /// Puts a connection into a free slot.
    fn insert(&mut self, index: usize, connection: Connection, now: Instant) {
        self.entries[index].flow = Some(connection.flow);
        self.slots[index].connection = Some(connection);
        self.refresh(index, now);
    }

    /// A slot without a connection.
    fn free_slot(&self) -> Option<usize> {
        self.slots.iter().position(|slot| slot.connection.is_none())
    }

    fn id(&self, index: usize) -> ConnectionId {
        ConnectionId { slot: index as u16, generation: self.slots[index].generation }
    }

    /// The connection of that name.
    fn index(&self, id: ConnectionId) -> Result<usize, Gone> {
        let index = usize::from(id.slot);
        let slot = self.slots.get(index).ok_or(Gone)?;
        let there = slot.generation == id.generation && slot.connection.is_some();
        if there { Ok(index) } else { Err(Gone) }
    }
}

#[cfg(test)]
mod tests;
