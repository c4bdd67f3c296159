//! The pool of TCP sockets: each is free, listening, handed out or closing.
//!
//! A smoltcp socket is one connection, and a listening one that takes a connection listens no more.
//! So every service has a backlog: the pool keeps that many sockets listening, taking free ones
//! first, then the oldest in TIME-WAIT, then the oldest half-open one. A connection that a service
//! dropped stays with the pool until it has closed properly, or [`TCP_LINGER`] is over.
//!
//! ```text
//!   Free ─listen─> Listening ─handshake─> Ready ─accept─> Handed ─drop─> Closing ─> Free
//!                      └─ half-open too long, if sockets run out ────────────────────┘
//! ```

use core::fmt;
use core::task::Waker;
use core::time::Duration;

use embassy_sync::waitqueue::MultiWakerRegistration;
use smoltcp::iface::Context;
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer, State};
use smoltcp::wire::{IpEndpoint, IpListenEndpoint};

use super::error::{IcmpError, NetError, Quoted};
use super::tables::{Protocol, SocketInfo, SocketState};

use crate::limits::{
    ACCEPTORS, HALF_OPEN_MIN, LISTENERS, READY_MAX, TCP_CONNECTS, TCP_KEEP_ALIVE, TCP_LINGER,
    TCP_RECEIVE_BYTES, TCP_SEND_BYTES, TCP_SOCKETS, TCP_TIMEOUT,
};
use crate::status::{Drop, Drops, Listener, SocketCounts};
use crate::wire::{ListenTable, Tuple};

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

/// Who listens where.
struct Service {
    owner: &'static str,
    port: u16,
    backlog: usize,
    acceptors: heapless::Deque<Waker, ACCEPTORS>,
    /// Tasks that would give a connection up for one that waits.
    givers: MultiWakerRegistration<ACCEPTORS>,
}

/// What a socket is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Free,
    /// Listens, or has a handshake under way since `half_open`.
    Listening {
        service: usize,
        half_open: Option<Duration>,
    },
    /// Connected; no task has it yet.
    Ready {
        service: usize,
        since: Duration,
    },
    /// In the hands of a task.
    Handed {
        owner: &'static str,
        by_us: bool,
    },
    /// Dropped by its task; has until then to close.
    Closing {
        owner: &'static str,
        until: Duration,
    },
}

struct Slot {
    handle: SocketHandle,
    used: Use,
    /// What ended the attempt to connect.
    error: Option<NetError>,
}

/// All TCP sockets.
pub(super) struct TcpPool {
    slots: heapless::Vec<Slot, TCP_SOCKETS>,
    services: heapless::Vec<Service, LISTENERS>,
}

impl TcpPool {
    /// Makes the sockets and puts them into the set.
    pub fn new(
        sockets: &mut SocketSet<'static>,
        receive: &'static mut [[u8; TCP_RECEIVE_BYTES]; TCP_SOCKETS],
        send: &'static mut [[u8; TCP_SEND_BYTES]; TCP_SOCKETS],
    ) -> Self {
        let mut slots = heapless::Vec::new();
        for (receive, send) in receive.iter_mut().zip(send.iter_mut()) {
            let socket =
                Socket::new(SocketBuffer::new(&mut receive[..]), SocketBuffer::new(&mut send[..]));
            // Cannot fail: as many slots as buffers.
            let _ = slots.push(Slot { handle: sockets.add(socket), used: Use::Free, error: None });
        }
        Self { slots, services: heapless::Vec::new() }
    }

    /// Adds a service; [`TcpPool::maintain`] will keep its backlog.
    pub fn listen(
        &mut self,
        owner: &'static str,
        port: u16,
        backlog: usize,
    ) -> Result<usize, NoSockets> {
        if port == 0 || self.services.iter().any(|service| service.port == port) {
            return Err(NoSockets { port });
        }
        let acceptors = heapless::Deque::new();
        let index = self.services.len();
        self.services
            .push(Service {
                owner,
                port,
                backlog,
                acceptors,
                givers: MultiWakerRegistration::new(),
            })
            .map_err(|_| NoSockets { port })?;
        Ok(index)
    }

    /// A connection of a service, for a task to serve; or the task's waker is kept for the next
    /// one.
    pub fn accept(&mut self, service: usize, waker: &Waker) -> Option<usize> {
        // Who waited longest comes first.
        let ready = self.slots.iter().enumerate().filter_map(|(index, slot)| match slot.used {
            Use::Ready { service: of, since } if of == service => Some((since, index)),
            _ => None,
        });
        let ready = ready.min().map(|(_, index)| index);
        match ready {
            Some(index) => {
                let owner = self.services[service].owner;
                self.slots[index].used = Use::Handed { owner, by_us: false };
            }
            None => {
                let acceptors = &mut self.services[service].acceptors;
                if !acceptors.iter().any(|known| known.will_wake(waker))
                    && let Err(refused) = acceptors.push_back(waker.clone())
                {
                    // More tasks than ACCEPTORS: this one comes again at once rather than never.
                    refused.wake();
                }
            }
        }
        ready
    }

    /// True if a connection of a service waits, and no task for it; else the task's waker is kept.
    pub fn someone_waits(&mut self, service: usize, waker: &Waker) -> bool {
        let waits =
            |slot: &Slot| matches!(slot.used, Use::Ready { service: of, .. } if of == service);
        let is_crowded =
            self.services[service].acceptors.is_empty() && self.slots.iter().any(waits);
        if !is_crowded {
            self.services[service].givers.register(waker);
        }
        is_crowded
    }

    /// The socket of a slot.
    pub fn handle(&self, slot: usize) -> SocketHandle {
        self.slots[slot].handle
    }

    /// A task is done with its socket, which the pool closes.
    pub fn give_back(&mut self, slot: usize, now: Duration) {
        if let Use::Handed { owner, .. } = self.slots[slot].used {
            self.slots[slot].used = Use::Closing { owner, until: now + TCP_LINGER };
        }
    }

    /// Moves every socket on, and keeps the backlogs. Returns the ports listened on, for the guard.
    pub fn maintain(
        &mut self,
        now: Duration,
        sockets: &mut SocketSet<'static>,
        drops: &Drops,
    ) -> ListenTable {
        for slot in &mut self.slots {
            let socket = sockets.get_mut::<Socket>(slot.handle);
            let before = slot.used;
            slot.used = advance(before, now, socket, &self.services, drops);
            if let Use::Ready { service, .. } = slot.used {
                let service = &mut self.services[service];
                match service.acceptors.pop_front() {
                    Some(acceptor) => acceptor.wake(),
                    // Woken for each turn that it waits: those who have a request under way by then
                    // do not look again.
                    None => service.givers.wake(),
                }
            }
        }
        let mut table = ListenTable::new();
        for index in 0..self.services.len() {
            let listening = self.keep_backlog(index, now, sockets);
            let _ = table.push((self.services[index].port, listening));
        }
        table
    }

    /// The connections there are.
    pub fn connections(&self, sockets: &SocketSet<'static>) -> heapless::Vec<Tuple, TCP_SOCKETS> {
        let tuple = |slot: &Slot| {
            let socket = sockets.get::<Socket>(slot.handle);
            let (remote, local) = (socket.remote_endpoint()?, socket.local_endpoint()?);
            Some((remote.addr, remote.port, local.port))
        };
        self.slots.iter().filter_map(tuple).collect()
    }

    /// Opens a connection from a port of ours, for `owner`.
    pub fn connect(
        &mut self,
        sockets: &mut SocketSet<'static>,
        context: &mut Context,
        now: Duration,
        owner: &'static str,
        from: IpEndpoint,
        to: IpEndpoint,
    ) -> Result<usize, NetError> {
        let is_ours = |slot: &&Slot| matches!(slot.used, Use::Handed { by_us: true, .. });
        if self.slots.iter().filter(is_ours).count() >= TCP_CONNECTS {
            return Err(NetError::NoSockets);
        }
        let slot = self.spare(now, sockets).ok_or(NetError::NoSockets)?;
        let socket = sockets.get_mut::<Socket>(slot.handle);
        prepare(socket);
        // Nobody is there yet to be probed, and the caller has a deadline of its own.
        socket.set_timeout(None);
        socket.connect(context, to, IpListenEndpoint::from(from)).map_err(|_| NetError::Invalid)?;
        slot.used = Use::Handed { owner, by_us: true };
        slot.error = None;
        let handle = slot.handle;
        Ok(self.slots.iter().position(|slot| slot.handle == handle).unwrap_or_default())
    }

    /// A connection of ours is open: from now on it is like one that came to us.
    pub fn connected(&self, sockets: &mut SocketSet<'static>, slot: usize) {
        let socket = sockets.get_mut::<Socket>(self.slots[slot].handle);
        socket.set_timeout(Some(TCP_TIMEOUT.into()));
    }

    /// What ICMP said about an attempt to connect.
    pub fn error(&self, slot: usize) -> Option<NetError> {
        self.slots[slot].error
    }

    /// True if a connection or a listener uses the port.
    pub fn has_port(&self, sockets: &SocketSet<'static>, port: u16) -> bool {
        self.services.iter().any(|service| service.port == port)
            || self.slots.iter().any(|slot| {
                let local = sockets.get::<Socket>(slot.handle).local_endpoint();
                local.is_some_and(|local| local.port == port)
            })
    }

    /// An ICMP error ends an attempt to connect, if it quotes that very SYN (RFC 5927 4.1);
    /// connections that are open only take it for a hint (RFC 1122 4.2.3.9), which is none yet.
    pub fn icmp_error(&mut self, sockets: &mut SocketSet<'static>, error: &IcmpError) {
        if !matches!(error.quoted, Quoted::Tcp { .. }) || !error.is_final {
            return;
        }
        for slot in &mut self.slots {
            let socket = sockets.get_mut::<Socket>(slot.handle);
            let ends = (socket.local_endpoint(), socket.remote_endpoint());
            if socket.state() == State::SynSent && ends == (Some(error.local), Some(error.remote)) {
                slot.error = Some(error.error);
                socket.close();
            }
        }
    }

    /// What `netstat` shows: first the services that listen, then the connections. `None` for what
    /// is free.
    pub fn info(&self, sockets: &SocketSet<'static>, index: usize) -> Option<SocketInfo> {
        if let Some(service) = self.services.get(index) {
            return Some(SocketInfo {
                protocol: Protocol::Tcp,
                local: IpEndpoint::new(super::ANY, service.port),
                remote: None,
                state: SocketState::Listen,
                receive_queued: 0,
                send_queued: 0,
                number: index,
                owner: service.owner,
            });
        }
        let number = index.checked_sub(self.services.len())?;
        let slot = self.slots.get(number)?;
        let owner = match slot.used {
            Use::Free | Use::Listening { half_open: None, .. } => return None,
            Use::Listening { service, .. } | Use::Ready { service, .. } => {
                self.services[service].owner
            }
            Use::Handed { owner, .. } | Use::Closing { owner, .. } => owner,
        };
        let socket = sockets.get::<Socket>(slot.handle);
        Some(SocketInfo {
            protocol: Protocol::Tcp,
            local: socket.local_endpoint()?,
            remote: socket.remote_endpoint(),
            state: state_of(socket.state()),
            receive_queued: socket.recv_queue(),
            send_queued: socket.send_queue(),
            number,
            owner,
        })
    }

    /// Brings a service's listening sockets up to its backlog; returns how many there are.
    fn keep_backlog(
        &mut self,
        service: usize,
        now: Duration,
        sockets: &mut SocketSet<'static>,
    ) -> usize {
        let wanted = self.services[service].backlog;
        let port = self.services[service].port;
        let idle = Use::Listening { service, half_open: None };
        let mut listening = self.slots.iter().filter(|slot| slot.used == idle).count();
        while listening < wanted {
            let Some(slot) = self.spare(now, sockets) else { break };
            let socket = sockets.get_mut::<Socket>(slot.handle);
            prepare(socket);
            if socket.listen(port).is_err() {
                slot.used = Use::Free;
                break;
            }
            slot.used = idle;
            listening += 1;
        }
        listening
    }

    /// A socket that may be used anew: a free one, else the one that closes longest and only waits
    /// in TIME-WAIT, else the oldest half-open one.
    fn spare(&mut self, now: Duration, sockets: &mut SocketSet<'static>) -> Option<&mut Slot> {
        let index = self.slots.iter().position(|slot| slot.used == Use::Free).or_else(|| {
            let waiting = self.slots.iter().enumerate().filter_map(|(index, slot)| {
                let state = sockets.get::<Socket>(slot.handle).state();
                match slot.used {
                    Use::Closing { until, .. } if state == State::TimeWait => Some((until, index)),
                    _ => None,
                }
            });
            waiting.min().map(|(_, index)| index)
        });
        let index = index.or_else(|| {
            let half_open =
                self.slots.iter().enumerate().filter_map(|(index, slot)| match slot.used {
                    Use::Listening { half_open: Some(since), .. }
                        if now.saturating_sub(since) >= HALF_OPEN_MIN =>
                    {
                        Some((since, index))
                    }
                    _ => None,
                });
            half_open.min().map(|(_, index)| index)
        })?;
        Some(&mut self.slots[index])
    }

    /// True while a connection closes or a handshake is under way: both have deadlines.
    pub fn is_waiting(&self) -> bool {
        self.slots.iter().any(|slot| {
            matches!(
                slot.used,
                Use::Closing { .. } | Use::Ready { .. } | Use::Listening { half_open: Some(_), .. }
            )
        })
    }

    /// Sockets by use.
    pub fn counts(&self) -> SocketCounts {
        let mut counts = SocketCounts::default();
        for slot in &self.slots {
            match slot.used {
                Use::Free => counts.free += 1,
                Use::Listening { .. } => counts.listening += 1,
                Use::Ready { .. } | Use::Handed { .. } => counts.connected += 1,
                Use::Closing { .. } => counts.closing += 1,
            }
        }
        counts
    }

    /// Who listens where, and how many sockets are free to take a connection.
    pub fn listeners(&self) -> heapless::Vec<Listener, LISTENERS> {
        let free = |index| {
            let idle = Use::Listening { service: index, half_open: None };
            self.slots.iter().filter(|slot| slot.used == idle).count()
        };
        let services = self.services.iter().enumerate();
        services
            .map(|(index, service)| Listener {
                owner: service.owner,
                port: service.port,
                listening: free(index),
            })
            .collect()
    }
}

/// What becomes of a socket's use, now that its state may have changed.
fn advance(
    used: Use,
    now: Duration,
    socket: &mut Socket<'static>,
    services: &[Service],
    drops: &Drops,
) -> Use {
    let state = socket.state();
    match used {
        Use::Ready { .. } if state == State::Closed => Use::Free,
        Use::Ready { service, since } if now >= since + READY_MAX => {
            // No worker had time for it; the peer may try again.
            drops.count(Drop::ServiceBusy);
            socket.abort();
            Use::Closing { owner: services[service].owner, until: now + TCP_LINGER }
        }
        Use::Free | Use::Handed { .. } | Use::Ready { .. } => used,
        Use::Listening { service, half_open } => match state {
            State::Listen if half_open.is_some() => {
                // Back from a handshake that was reset. smoltcp 0.14 keeps what it acknowledged
                // then, and takes it for the next peer's: the socket is set up anew.
                socket.abort();
                Use::Free
            }
            State::Listen => Use::Listening { service, half_open: None },
            State::SynReceived => Use::Listening { service, half_open: half_open.or(Some(now)) },
            // The handshake failed or fell silent.
            State::Closed => Use::Free,
            _ => Use::Ready { service, since: now },
        },
        Use::Closing { .. } if state == State::Closed => Use::Free,
        Use::Closing { until, .. } if now >= until && state != State::TimeWait => {
            drops.count(Drop::TcpTimeout);
            socket.abort();
            // The reset still has to go out: one more turn as Closing, in state Closed.
            used
        }
        Use::Closing { .. } => used,
    }
}

fn state_of(state: State) -> SocketState {
    match state {
        State::Closed => SocketState::Closed,
        State::Listen => SocketState::Listen,
        State::SynSent => SocketState::SynSent,
        State::SynReceived => SocketState::SynReceived,
        State::Established => SocketState::Established,
        State::FinWait1 => SocketState::FinWait1,
        State::FinWait2 => SocketState::FinWait2,
        State::CloseWait => SocketState::CloseWait,
        State::Closing => SocketState::Closing,
        State::LastAck => SocketState::LastAck,
        State::TimeWait => SocketState::TimeWait,
    }
}

/// Sets what listen() and an earlier peer may have changed.
fn prepare(socket: &mut Socket<'static>) {
    socket.abort();
    socket.set_timeout(Some(TCP_TIMEOUT.into()));
    socket.set_keep_alive(Some(TCP_KEEP_ALIVE.into()));
    // Services write whole answers at once; waiting to fill a segment would only delay a
    // keystroke's echo.
    socket.set_nagle_enabled(false);
    socket.set_congestion_control(CongestionControl::Reno);
}
