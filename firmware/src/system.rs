//! What every task sees: the stack, the journal, the console and the counters of one board.
//!
//! Tasks hold `&'static System`. Everything inside is borrowed for the length of a call, never
//! across an `.await`.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::pipe::Pipe;
use embassy_sync::waitqueue::MultiWakerRegistration;
use rand_chacha::rand_core::Rng as _;

use crate::Text;
use crate::clock::UnixTime;
use crate::journal::{Entry, Event, Journal};
use crate::limits::{CONSOLE_INPUT_BYTES, CONSOLE_OUTPUT_BYTES, JOURNAL_READERS, RESTART_GRACE};
use crate::net::names::cache::Cache;
use crate::net::{NoSockets, Stack, TcpListener};
use crate::service::http::Streams;
use crate::shell::Progress;
use crate::status::{BoardFacts, Drop, Drops, ServiceCounters, Status};
use crate::tasks::Tasks;
use crate::wire::Trail;

/// How to restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartRequest {
    /// In an orderly way.
    Restart,
    /// By a deliberate panic, to see its report.
    Panic,
}

/// The binary log, as a reader finds it.
pub trait LogSource {
    /// Copies what follows `cursor` (a position in the stream; 0 for all that is still there),
    /// moves the cursor, and returns the number of bytes; 0 if there is nothing new. A reader that
    /// fell behind is set forward to the oldest byte still there.
    fn read(&self, cursor: &mut u64, out: &mut [u8]) -> usize;
}

/// One board's firmware, as its tasks see it.
pub struct System {
    pub(crate) stack: RefCell<Stack>,
    journal: RefCell<Journal>,
    journal_readers: RefCell<MultiWakerRegistration<JOURNAL_READERS>>,
    drops: Drops,
    counters: ServiceCounters,
    facts: BoardFacts,
    hostname: Text<63>,
    now: Cell<Duration>,
    started_at: Cell<Option<UnixTime>>,
    pub(crate) names: RefCell<Cache>,
    restart: Cell<Option<(RestartRequest, Duration)>>,
    sessions: Cell<u32>,
    pub(crate) tasks: Tasks,
    log: Option<&'static dyn LogSource>,
    pub(crate) streams: Streams,
    trail: Trail,
    pub(crate) lesson: Cell<Progress>,
    pub(crate) console_input: Pipe<NoopRawMutex, CONSOLE_INPUT_BYTES>,
    pub(crate) console_output: Pipe<NoopRawMutex, CONSOLE_OUTPUT_BYTES>,
}

impl core::fmt::Debug for System {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "System({}, up {:?})", self.hostname, self.now.get())
    }
}

impl System {
    pub(crate) fn new(
        stack: Stack,
        facts: BoardFacts,
        hostname: Text<63>,
        log: Option<&'static dyn LogSource>,
    ) -> Self {
        Self {
            stack: RefCell::new(stack),
            journal: RefCell::new(Journal::new()),
            journal_readers: RefCell::new(MultiWakerRegistration::new()),
            drops: Drops::new(),
            counters: ServiceCounters::default(),
            facts,
            hostname,
            now: Cell::new(Duration::ZERO),
            started_at: Cell::new(None),
            names: RefCell::new(Cache::new()),
            restart: Cell::new(None),
            sessions: Cell::new(0),
            tasks: Tasks::default(),
            log,
            streams: Streams::default(),
            trail: Trail::default(),
            lesson: Cell::default(),
            console_input: Pipe::new(),
            console_output: Pipe::new(),
        }
    }

    /// Time since start, as of this turn of the loop.
    pub fn now(&self) -> Duration {
        self.now.get()
    }

    pub(crate) fn set_now(&self, now: Duration) {
        self.now.set(now);
    }

    /// The time of day, if the network told (see [`crate::service::ntp`]). It may be set back.
    pub fn clock(&self) -> Option<UnixTime> {
        self.clock_at(self.now())
    }

    /// The time of day that was, or will be, `at` this long after the start.
    pub fn clock_at(&self, at: Duration) -> Option<UnixTime> {
        self.started_at.get().map(|started| started + at)
    }

    /// The time of day that it was at the start.
    pub(crate) fn set_started_at(&self, time: UnixTime) {
        self.started_at.set(Some(time));
    }

    /// Our name, without a domain.
    pub fn hostname(&self) -> &str {
        &self.hostname
    }

    /// What the board is.
    pub fn facts(&self) -> &BoardFacts {
        &self.facts
    }

    /// Counts of what was dropped, by reason.
    pub fn drops(&self) -> &Drops {
        &self.drops
    }

    /// Where the owner's device says how frames travel.
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Counts that services keep.
    pub fn counters(&self) -> &ServiceCounters {
        &self.counters
    }

    /// This moment's status.
    pub fn status(&self) -> Status {
        self.stack.borrow().status(self.now(), &self.hostname, &self.drops)
    }

    /// Writes an event into the journal.
    pub fn record(&self, event: Event) {
        self.journal.borrow_mut().record(self.now(), event);
        self.journal_readers.borrow_mut().wake();
    }

    /// The oldest journal entry whose number is at least `number`.
    pub fn journal_after(&self, number: u64) -> Option<Entry> {
        self.journal.borrow().after(number)
    }

    /// Waits for the journal entry of this number or, if it was overwritten, the oldest after it.
    pub async fn journal_entry(&self, number: u64) -> Entry {
        poll_fn(|context| match self.journal_after(number) {
            Some(entry) => Poll::Ready(entry),
            None => {
                self.journal_readers.borrow_mut().register(context.waker());
                Poll::Pending
            }
        })
        .await
    }

    /// Asks for a restart, which happens [`RESTART_GRACE`] later, so that the answer still goes
    /// out.
    pub fn request_restart(&self, by: &str, how: RestartRequest) {
        self.record(Event::RestartRequested(Text::from(by)));
        if self.restart.get().is_none() {
            self.restart.set(Some((how, self.now() + RESTART_GRACE)));
        }
    }

    /// When a restart is due, if one was asked for.
    pub(crate) fn restart(&self) -> Option<(RestartRequest, Duration)> {
        self.restart.get()
    }

    /// Listens on `port` for good, for `owner` (a name that status pages show). `backlog`
    /// connections may wait to be accepted.
    ///
    /// # Errors
    /// [`NoSockets`] if the table of listeners is full or the port is taken.
    pub fn listen(
        &'static self,
        owner: &'static str,
        port: u16,
        backlog: usize,
    ) -> Result<TcpListener, NoSockets> {
        let id = self.stack.borrow_mut().tcp.listen(owner, port, backlog);
        Ok(TcpListener::new(self, id.map_err(|_| NoSockets { port })?))
    }

    /// The serial console, as the shell reads and writes it.
    pub fn console(&'static self) -> ConsolePort {
        ConsolePort { system: self }
    }

    /// The binary log, if this build keeps one.
    pub fn log_source(&self) -> Option<&'static dyn LogSource> {
        self.log
    }

    /// A number that nobody can guess.
    pub fn random(&self) -> u64 {
        self.stack.borrow_mut().random.next_u64()
    }

    /// A number for the next shell session: 1, 2, ...
    pub fn next_session(&self) -> u32 {
        self.sessions.set(self.sessions.get() + 1);
        self.sessions.get()
    }

    /// Bytes from the UART. What finds no room is dropped and counted.
    pub(crate) fn console_received(&self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.console_input.try_write(rest) {
                Ok(taken) => rest = &rest[taken..],
                Err(_) => {
                    self.drops.add(Drop::ConsoleInput, rest.len() as u64);
                    return;
                }
            }
        }
    }
}

/// The serial console as [`embedded_io_async`] reader and writer.
#[derive(Clone, Copy, Debug)]
pub struct ConsolePort {
    system: &'static System,
}

impl embedded_io_async::ErrorType for ConsolePort {
    type Error = core::convert::Infallible;
}

impl embedded_io_async::Read for ConsolePort {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        Ok(self.system.console_input.read(buffer).await)
    }
}

impl embedded_io_async::Write for ConsolePort {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        Ok(self.system.console_output.write(bytes).await)
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}
