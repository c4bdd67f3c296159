//! Our TCP, with what it does not know of: the tasks that wait for its connections.
//!
//! The engine (crate `tcp`) has the connections, and says what changed of them; here are the wakers
//! of those who want to know. A connection that a task dropped closes in the engine's hands.

use core::fmt;
use core::task::Waker;
use core::time::Duration;

use embassy_sync::waitqueue::{MultiWakerRegistration, WakerRegistration};
use smoltcp::wire::{IpAddress, IpEndpoint};
use tcp::{
    Block, Config, CongestionControl, ConnectError, ConnectionConfig, ConnectionId, Ended,
    Endpoint, Entry, Event, Flow, HalfOpen, IcmpKind, ListenError, ListenerId, Seq, Slot, State,
    Storage, Tcp, TimeWait, Timer,
};

use super::error::{IcmpError, NetError, Quoted};
use super::tables::{Protocol, SocketInfo, SocketState};
use crate::limits::{
    ACCEPTORS, LISTENERS, MTU_BYTES, READY_MAX, TCP_BLOCKS, TCP_CONNECTS, TCP_HALF_OPEN,
    TCP_KEEP_ALIVE, TCP_KEEP_ALIVE_PROBES, TCP_LINGER, TCP_SOCKETS, TCP_TIME_WAIT, TCP_TIMEOUT,
};
use crate::status::{Drop, Drops, Listener, SocketCounts};

/// No listener can be had: the table is full, or the port is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSockets {
    /// The port asked for.
    pub port: u16,
}

impl fmt::Display for NoSockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no listener for port {}", self.port)
    }
}

impl core::error::Error for NoSockets {}

/// The engine's tables. They are empty lists here, which are all zero, and filled where they are:
/// on a stack there would be no room for them.
pub(crate) struct Tables {
    connections: heapless::Vec<Slot, TCP_SOCKETS>,
    entries: heapless::Vec<Entry, TCP_SOCKETS>,
    half_open: heapless::Vec<Option<HalfOpen>, TCP_HALF_OPEN>,
    time_wait: heapless::Vec<Option<TimeWait>, TCP_TIME_WAIT>,
}

impl Tables {
    /// To be filled.
    pub const fn new() -> Self {
        Self {
            connections: heapless::Vec::new(),
            entries: heapless::Vec::new(),
            half_open: heapless::Vec::new(),
            time_wait: heapless::Vec::new(),
        }
    }
}

/// Fills a list with what is nobody's.
fn fill<T, const N: usize>(list: &mut heapless::Vec<T, N>, nobody: impl Fn() -> T) -> &mut [T] {
    // Bounded: until it is full.
    while list.push(nobody()).is_ok() {}
    list
}

/// Tasks that wait for connections of one listener.
struct Acceptors {
    waiting: heapless::Deque<Waker, ACCEPTORS>,
    /// Tasks that would give a connection up for one that waits.
    givers: MultiWakerRegistration<ACCEPTORS>,
    /// Connections wait, as far as is known.
    is_pending: bool,
}

/// Tasks that wait for one connection.
struct Waiters {
    reader: WakerRegistration,
    writer: WakerRegistration,
    /// What ended the attempt to connect.
    error: Option<NetError>,
    /// We opened it.
    is_ours: bool,
}

/// Our TCP.
pub struct TcpHost {
    pub engine: Tcp<'static>,
    /// A segment came whose ACK must not wait for what comes behind it.
    pub hurries: bool,
    acceptors: [Acceptors; LISTENERS],
    waiters: [Waiters; TCP_SOCKETS],
}

/// An interval in the engine's unit.
const fn micros(interval: Duration) -> u64 {
    interval.as_micros() as u64
}

/// What the engine is told of our needs.
fn config(congestion: CongestionControl) -> Config {
    Config {
        congestion,
        mtu: MTU_BYTES as u16,
        connection: ConnectionConfig {
            // Services write whole answers at once; waiting to fill a segment would only delay a
            // keystroke's echo.
            no_delay: true,
            keep_alive_us: Some(micros(TCP_KEEP_ALIVE)),
            keep_alive_interval_us: micros(TCP_KEEP_ALIVE),
            keep_alive_probes: TCP_KEEP_ALIVE_PROBES,
            user_timeout_us: micros(TCP_TIMEOUT),
            ..ConnectionConfig::default()
        },
        linger_us: micros(TCP_LINGER),
        ready_us: micros(READY_MAX),
        ..Config::default()
    }
}

/// As TCP writes an endpoint.
pub(super) fn endpoint(of: IpEndpoint) -> Endpoint {
    Endpoint::new(of.addr.into(), of.port)
}

/// As everybody else does.
pub(super) fn ip_endpoint(of: Endpoint) -> IpEndpoint {
    IpEndpoint::new(of.address.into(), of.port)
}

impl fmt::Debug for TcpHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TcpHost")
    }
}

impl TcpHost {
    /// Without connections. `key` is 16 bytes that nobody can guess.
    pub fn new(
        tables: &'static mut Tables,
        blocks: &'static mut [Block; TCP_BLOCKS],
        key: [u8; 16],
        congestion: CongestionControl,
    ) -> Self {
        let storage = Storage {
            connections: fill(&mut tables.connections, || Slot::EMPTY),
            entries: fill(&mut tables.entries, || Entry::EMPTY),
            half_open: fill(&mut tables.half_open, || None),
            time_wait: fill(&mut tables.time_wait, || None),
            blocks,
        };
        let acceptors = || Acceptors {
            waiting: heapless::Deque::new(),
            givers: MultiWakerRegistration::new(),
            is_pending: false,
        };
        let waiters = || Waiters {
            reader: WakerRegistration::new(),
            writer: WakerRegistration::new(),
            error: None,
            is_ours: false,
        };
        Self {
            engine: Tcp::new(storage, config(congestion), key),
            hurries: false,
            acceptors: core::array::from_fn(|_| acceptors()),
            waiters: core::array::from_fn(|_| waiters()),
        }
    }

    /// Listens on a port of all addresses.
    pub fn listen(
        &mut self,
        owner: &'static str,
        port: u16,
        backlog: usize,
    ) -> Result<ListenerId, NetError> {
        let id = self.engine.listen(owner, None, port, backlog).map_err(|error| match error {
            ListenError::Taken => NetError::AddressInUse,
            ListenError::Full => NetError::NoSockets,
        })?;
        let acceptors = &mut self.acceptors[id.index()];
        acceptors.waiting.clear();
        acceptors.is_pending = false;
        Ok(id)
    }

    /// Connections of a listener are accepted when they have said something, and may be silent for
    /// so long.
    pub fn defer_accept(&mut self, listener: ListenerId, quiet: Duration) {
        self.engine.defer_accept(listener, micros(quiet));
    }

    /// A connection of a listener, for a task to serve; or the task's waker is kept for the next
    /// one.
    pub fn accept(&mut self, listener: ListenerId, waker: &Waker) -> Option<ConnectionId> {
        if let Some(id) = self.engine.accept(listener) {
            self.begin(id, false);
            return Some(id);
        }
        let waiting = &mut self.acceptors[listener.index()].waiting;
        if !waiting.iter().any(|known| known.will_wake(waker))
            && let Err(refused) = waiting.push_back(waker.clone())
        {
            // More tasks than ACCEPTORS: this one comes again at once rather than never.
            refused.wake();
        }
        None
    }

    /// True if a connection of a listener waits, and no task for it; else the task's waker is kept.
    pub fn someone_waits(&mut self, listener: ListenerId, waker: &Waker) -> bool {
        let acceptors = &mut self.acceptors[listener.index()];
        let is_crowded = acceptors.waiting.is_empty() && self.engine.ready(listener) > 0;
        if !is_crowded {
            acceptors.givers.register(waker);
        }
        is_crowded
    }

    /// Opens a connection, for `owner`; returns it with our end.
    pub fn connect(
        &mut self,
        now: Duration,
        owner: &'static str,
        from: IpAddress,
        to: IpEndpoint,
    ) -> Result<(ConnectionId, IpEndpoint), NetError> {
        if self.waiters.iter().filter(|waiters| waiters.is_ours).count() >= TCP_CONNECTS {
            return Err(NetError::NoSockets);
        }
        let local = endpoint(IpEndpoint::new(from, 0));
        let id =
            self.engine.connect(now.into(), owner, local, endpoint(to)).map_err(
                |error| match error {
                    ConnectError::BadAddress => NetError::Invalid,
                    ConnectError::InUse => NetError::AddressInUse,
                    ConnectError::NoPort => NetError::NoAddress,
                    ConnectError::Full => NetError::NoSockets,
                },
            )?;
        self.begin(id, true);
        let local = self.flow(now, id).map_or(endpoint(to), |flow| flow.local);
        Ok((id, ip_endpoint(local)))
    }

    /// A task has a connection.
    fn begin(&mut self, id: ConnectionId, is_ours: bool) {
        let waiters = &mut self.waiters[id.index()];
        waiters.reader = WakerRegistration::new();
        waiters.writer = WakerRegistration::new();
        (waiters.error, waiters.is_ours) = (None, is_ours);
    }

    /// Both ends of a connection.
    pub fn flow(&self, now: Duration, id: ConnectionId) -> Option<Flow> {
        self.engine.connection(now.into(), id).ok().map(|info| info.flow)
    }

    /// A task is done with a connection, which closes by itself.
    pub fn give_back(&mut self, now: Duration, id: ConnectionId) {
        // It is there: streams give back what they have, once.
        let _ = self.engine.give_back(now.into(), id);
        self.waiters[id.index()].is_ours = false;
    }

    /// The task that wants to read is woken when it can.
    pub fn wait_to_read(&mut self, id: ConnectionId, waker: &Waker) {
        self.waiters[id.index()].reader.register(waker);
    }

    /// The task that wants to write, or waits for the end, is woken when it can, or there is.
    pub fn wait_to_write(&mut self, id: ConnectionId, waker: &Waker) {
        self.waiters[id.index()].writer.register(waker);
    }

    /// What became of an attempt to connect; none yet.
    pub fn connected(&self, id: ConnectionId) -> Option<Result<(), NetError>> {
        if let Some(error) = self.waiters[id.index()].error {
            return Some(Err(error));
        }
        match self.engine.state(id) {
            Ok(State::SynSent | State::SynReceived) => None,
            Ok(State::Closed) | Err(_) => {
                let ended = self.engine.ended(id).ok().flatten();
                Some(Err(match ended {
                    Some(Ended::Refused | Ended::Reset) => NetError::ConnectionRefused,
                    Some(Ended::Unreachable) => NetError::HostUnreachable,
                    Some(Ended::Aborted) => NetError::NoAddress,
                    Some(Ended::TimedOut | Ended::Closed) | None => NetError::TimedOut,
                }))
            }
            Ok(_) => Some(Ok(())),
        }
    }

    /// An ICMP error. The engine takes it for what it is worth (RFC 5927); a task that waits for
    /// its connection to open is told of what would last, and gives up (RFC 5461 4.1).
    pub fn icmp_error(&mut self, now: Duration, error: &IcmpError) {
        let Quoted::Tcp { sequence } = error.quoted else { return };
        let kind = match (error.error, error.mtu) {
            (_, Some(mtu)) => IcmpKind::TooBig { mtu },
            (NetError::ConnectionRefused | NetError::ProtocolUnreachable, _) => IcmpKind::Refused,
            _ if error.is_final => IcmpKind::Unreachable,
            _ => IcmpKind::Transit,
        };
        let flow = Flow { local: endpoint(error.local), remote: endpoint(error.remote) };
        let quoted = tcp::IcmpError { kind, flow, seq: Seq(sequence) };
        if !self.engine.icmp(now.into(), &quoted) || !error.is_final {
            return;
        }
        let ours = self.engine.connections(now.into()).find(|info| info.flow == flow);
        if let Some(info) = ours.filter(|info| info.state == State::SynSent)
            && let Some(id) = info.id
        {
            let waiters = &mut self.waiters[id.index()];
            waiters.error = Some(error.error);
            waiters.reader.wake();
        }
    }

    /// Wakes the tasks whose connections have something for them. Tells `trouble` who does not
    /// answer.
    pub fn wake(&mut self, now: Duration, mut trouble: impl FnMut(IpAddress)) {
        // Bounded: each event is told once, and what is told of here causes none.
        while let Some(event) = self.engine.next_event() {
            match event {
                Event::Acceptable(listener) => self.acceptors[listener.index()].is_pending = true,
                Event::Connection { id, readable, writable, state, trouble: is_silent } => {
                    let waiters = &mut self.waiters[id.index()];
                    if readable || state {
                        waiters.reader.wake();
                    }
                    if writable || state {
                        waiters.writer.wake();
                    }
                    if is_silent && let Some(flow) = self.flow(now, id) {
                        trouble(flow.remote.address.into());
                    }
                }
            }
        }
        for (index, acceptors) in self.acceptors.iter_mut().enumerate() {
            if !acceptors.is_pending {
                continue;
            }
            let ready = self.engine.listener(index).map_or(0, |listener| listener.ready);
            // Again in each turn, until somebody took it: who was woken may have gone.
            acceptors.is_pending = ready > 0;
            for _ in 0..ready {
                match acceptors.waiting.pop_front() {
                    Some(acceptor) => acceptor.wake(),
                    // Those who have a request under way by then do not look again.
                    None => {
                        acceptors.givers.wake();
                        break;
                    }
                }
            }
        }
    }

    /// True while a connection waits for a task.
    pub fn is_pending(&self) -> bool {
        self.acceptors.iter().any(|acceptors| acceptors.is_pending)
    }

    /// Counts what became of connections that nobody served, or that fell silent.
    pub fn count_drops(&self, drops: &Drops) {
        let counters = self.engine.counters();
        drops.set(Drop::ServiceBusy, counters.abort_on_ready);
        drops.set(Drop::TcpTimeout, counters.abort_on_timeout + counters.abort_on_linger);
    }

    /// Places of [`TcpHost::info`].
    pub const LINES: usize = LISTENERS + TCP_SOCKETS + TCP_HALF_OPEN + TCP_TIME_WAIT;

    /// What `netstat` shows: first the ports that are listened on, then the connections. `None` for
    /// what is free.
    pub fn info(&self, now: Duration, index: usize) -> Option<SocketInfo> {
        let Some(number) = index.checked_sub(LISTENERS) else {
            let info = self.engine.listener(index)?;
            return Some(SocketInfo {
                protocol: Protocol::Tcp,
                local: ip_endpoint(info.at),
                remote: None,
                state: SocketState::Listen,
                receive_queued: info.ready,
                send_queued: 0,
                timer: Timer::Off,
                number: index,
                owner: info.owner,
            });
        };
        let info = self.engine.line(now.into(), number)?;
        Some(SocketInfo {
            protocol: Protocol::Tcp,
            local: ip_endpoint(info.flow.local),
            remote: Some(ip_endpoint(info.flow.remote)),
            state: info.state.into(),
            receive_queued: info.receive_queue as usize,
            send_queued: info.send_queue as usize,
            timer: info.timer,
            number,
            owner: info.owner,
        })
    }

    /// Sockets by use.
    pub fn counts(&self, now: Duration) -> SocketCounts {
        let listening = self.engine.listeners().count();
        let mut counts = SocketCounts { listening, free: TCP_SOCKETS, ..SocketCounts::default() };
        for info in self.engine.connections(now.into()) {
            match info.state {
                State::TimeWait => counts.closing += 1,
                State::SynReceived if info.id.is_none() => {}
                _ => {
                    counts.free = counts.free.saturating_sub(1);
                    match info.orphan {
                        true => counts.closing += 1,
                        false => counts.connected += 1,
                    }
                }
            }
        }
        counts
    }

    /// Who listens where, and how many connections may come before one is accepted.
    pub fn listeners(&self) -> heapless::Vec<Listener, LISTENERS> {
        let all = self.engine.listeners();
        all.map(|info| Listener {
            owner: info.owner,
            port: info.at.port,
            listening: info.backlog.saturating_sub(info.ready),
        })
        .collect()
    }
}

impl From<State> for SocketState {
    fn from(state: State) -> Self {
        match state {
            State::SynSent => Self::SynSent,
            State::SynReceived => Self::SynReceived,
            State::Established => Self::Established,
            State::FinWait1 => Self::FinWait1,
            State::FinWait2 => Self::FinWait2,
            State::CloseWait => Self::CloseWait,
            State::Closing => Self::Closing,
            State::LastAck => Self::LastAck,
            State::TimeWait => Self::TimeWait,
            State::Closed => Self::Closed,
        }
    }
}
