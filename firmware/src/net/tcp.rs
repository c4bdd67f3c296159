//! TCP as services see it: a listener that accepts, a stream that reads and writes.

use core::cell::Cell;
use core::fmt;
use core::future::poll_fn;
use core::ops::Deref;
use core::task::{Context, Poll};

use ::tcp::{ConnectionId, Ended, ListenerId, Read, State, WriteError};
use smoltcp::wire::IpEndpoint;

use super::error::NetError;
use super::stack::Stack;
use super::tcp_host::ip_endpoint;
use crate::limits::{TCP_CONNECT_TIMEOUT, TCP_LINGER};
use crate::status::count;
use crate::system::System;
use crate::wire::Passed;

/// Why a stream cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpError {
    /// The peer reset the connection, or the interface lost its address.
    Reset,
    /// The peer does not answer any more.
    TimedOut,
    /// We closed our half already.
    Closed,
}

impl TcpError {
    /// In Linux's words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Reset => "Connection reset by peer",
            Self::TimedOut => "Connection timed out",
            Self::Closed => "Broken pipe",
        }
    }
}

impl fmt::Display for TcpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl core::error::Error for TcpError {}

impl embedded_io_async::Error for TcpError {
    fn kind(&self) -> embedded_io_async::ErrorKind {
        match self {
            Self::Reset => embedded_io_async::ErrorKind::ConnectionReset,
            Self::TimedOut => embedded_io_async::ErrorKind::TimedOut,
            Self::Closed => embedded_io_async::ErrorKind::BrokenPipe,
        }
    }
}

impl From<Ended> for TcpError {
    fn from(why: Ended) -> Self {
        match why {
            Ended::TimedOut | Ended::Unreachable => Self::TimedOut,
            Ended::Closed => Self::Closed,
            Ended::Reset | Ended::Refused | Ended::Aborted => Self::Reset,
        }
    }
}

/// A service's port. Several tasks may accept from copies of it.
#[derive(Clone, Copy, Debug)]
pub struct TcpListener {
    system: &'static System,
    id: ListenerId,
}

/// A port that is listened on until this is dropped, for commands; what waits to be accepted then
/// is reset.
#[derive(Debug)]
pub struct PassingListener(TcpListener);

impl Deref for PassingListener {
    type Target = TcpListener;

    fn deref(&self) -> &TcpListener {
        &self.0
    }
}

impl Drop for PassingListener {
    fn drop(&mut self) {
        let TcpListener { system, id } = self.0;
        let mut stack = system.stack.borrow_mut();
        stack.tcp.engine.unlisten(system.now().into(), id);
        stack.note_work();
    }
}

impl TcpListener {
    pub(crate) fn new(system: &'static System, id: ListenerId) -> Self {
        Self { system, id }
    }

    /// Hands out connections only once they have said something: silent ones, which close after
    /// `quiet`, keep no task busy. Not for services that speak first.
    pub fn defer_accept(&self, quiet: core::time::Duration) {
        self.system.stack.borrow_mut().tcp.defer_accept(self.id, quiet);
    }

    /// The next connection.
    pub async fn accept(&self) -> TcpStream {
        let system = self.system;
        let (id, peer, local) = poll_fn(|context| {
            let mut stack = system.stack.borrow_mut();
            let Some(id) = stack.tcp.accept(self.id, context.waker()) else { return Poll::Pending };
            match stack.tcp.flow(system.now(), id) {
                Some(flow) => Poll::Ready((id, ip_endpoint(flow.remote), ip_endpoint(flow.local))),
                // Cannot be: it is there, having been accepted.
                None => Poll::Pending,
            }
        })
        .await;
        count(&system.counters().tcp_accepted);
        TcpStream { system, id, peer, local, read_urgent: Cell::new(false) }
    }
}

impl System {
    /// Listens on `port` for `owner` (a name that `netstat` shows), for as long as the listener
    /// lives. `backlog` connections may wait to be accepted.
    ///
    /// # Errors
    /// [`NetError::AddressInUse`] if somebody listens there, [`NetError::NoSockets`] if too many
    /// listen.
    pub fn listen_passing(
        &'static self,
        owner: &'static str,
        port: u16,
        backlog: usize,
    ) -> Result<PassingListener, NetError> {
        let id = self.stack.borrow_mut().tcp.listen(owner, port, backlog)?;
        Ok(PassingListener(TcpListener::new(self, id)))
    }

    /// Opens a connection to `to`, for `owner` (a name that `netstat` shows), from a random port
    /// (RFC 6056). Whoever drops the future gives up.
    ///
    /// # Errors
    /// [`NetError::ConnectionRefused`] for a reset; [`NetError::HostUnreachable`] and others as
    /// ICMP says; [`NetError::TimedOut`] without an answer for [`TCP_CONNECT_TIMEOUT`];
    /// [`NetError::NetworkUnreachable`] without a route; [`NetError::NoSockets`] if too many
    /// connections of ours are open.
    pub async fn connect(
        &'static self,
        owner: &'static str,
        to: IpEndpoint,
    ) -> Result<TcpStream, NetError> {
        let (id, local) = self.stack.borrow_mut().tcp_connect(self.now(), owner, to)?;
        let read_urgent = Cell::new(false);
        let stream = TcpStream { system: self, id, peer: to, local, read_urgent };
        let answered = poll_fn(|context| {
            let mut stack = self.stack.borrow_mut();
            match stack.tcp.connected(id) {
                Some(outcome) => Poll::Ready(outcome),
                None => {
                    stack.tcp.wait_to_read(id, context.waker());
                    Poll::Pending
                }
            }
        });
        let limit = embassy_time::Duration::from_micros(TCP_CONNECT_TIMEOUT.as_micros() as u64);
        let outcome = embassy_time::with_timeout(limit, answered).await;
        outcome.unwrap_or(Err(NetError::TimedOut)).map(|()| stream)
    }
}

impl TcpListener {
    /// Returns when a connection waits and no task is there to accept it: who only keeps one open
    /// may give it up then.
    pub async fn someone_waits(&self) {
        poll_fn(|context| {
            let mut stack = self.system.stack.borrow_mut();
            match stack.tcp.someone_waits(self.id, context.waker()) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }
}

/// One connection. Dropping it closes it properly: what was written is still sent, then a FIN.
#[derive(Debug)]
pub struct TcpStream {
    system: &'static System,
    id: ConnectionId,
    peer: IpEndpoint,
    local: IpEndpoint,
    /// What was read last came before the end of urgent data.
    read_urgent: Cell<bool>,
}

impl TcpStream {
    /// The other end.
    pub fn peer(&self) -> IpEndpoint {
        self.peer
    }

    /// Our end.
    pub fn local(&self) -> IpEndpoint {
        self.local
    }

    /// Counts what passes on the wire, from the next segment on that brings data, until the stream
    /// is dropped. Nothing is counted if too many are.
    pub fn start_meter(&self) {
        self.system.stack.borrow().meters().start(self.local, self.peer);
    }

    /// What has passed since then. `None`: nothing came, or it is not counted.
    pub fn passed(&self) -> Option<Passed> {
        self.system.stack.borrow().meters().passed(self.local, self.peer)
    }

    /// Runs `f`; if it got something done, the stack looks at the connection before the loop
    /// sleeps.
    fn attempt<R>(&self, f: impl FnOnce(&mut Stack) -> Poll<R>) -> Poll<R> {
        let mut stack = self.system.stack.borrow_mut();
        let result = f(&mut stack);
        if result.is_ready() {
            stack.note_work();
        }
        result
    }

    /// Closes our half, and waits until the peer has acknowledged all of it or the connection is no
    /// more, but no longer than [`TCP_LINGER`]: a peer that shuts its window keeps a connection
    /// alive for as long as it answers.
    pub async fn close(self) {
        {
            let mut stack = self.system.stack.borrow_mut();
            // Cannot fail: it is ours until we give it back.
            let _ = stack.tcp.engine.close(self.system.now().into(), self.id);
            stack.note_work();
        }
        let closed = poll_fn(|context| {
            let mut stack = self.system.stack.borrow_mut();
            match stack.tcp.engine.state(self.id) {
                Ok(State::FinWait2 | State::TimeWait | State::Closed) | Err(_) => Poll::Ready(()),
                Ok(_) => {
                    stack.tcp.wait_to_write(self.id, context.waker());
                    Poll::Pending
                }
            }
        });
        let limit = embassy_time::Duration::from_micros(TCP_LINGER.as_micros() as u64);
        // Late or not, TCP has the connection next, and its own deadline for it.
        let _ = embassy_time::with_timeout(limit, closed).await;
    }

    /// Leaves the connection open without anybody who serves it: it comes out of the listener again
    /// when the peer says something, if that is one that defers.
    pub fn rest(self, listener: &TcpListener) {
        let mut stack = self.system.stack.borrow_mut();
        // Cannot fail: it is ours. Dropping it then gives nothing back, as its name is void.
        let _ = stack.tcp.engine.rest(self.system.now().into(), self.id, listener.id);
    }

    /// Ends the connection at once, with a reset.
    pub fn abort(self) {
        // Cannot fail: it is ours until we give it back, which dropping does.
        let mut stack = self.system.stack.borrow_mut();
        let _ = stack.tcp.engine.abort(self.system.now().into(), self.id);
    }

    /// True if what is to be read next comes before the end of urgent data (RFC 9293 3.8.5), and
    /// once if what was read last did.
    pub fn take_urgent(&self) -> bool {
        let stack = self.system.stack.borrow();
        self.read_urgent.take() || matches!(stack.tcp.engine.urgent(self.id), Ok(Some(_)))
    }

    /// What was written so far is urgent.
    pub fn mark_urgent(&self) {
        let mut stack = self.system.stack.borrow_mut();
        // Cannot fail: it is ours until we give it back.
        let _ = stack.tcp.engine.mark_urgent(self.system.now().into(), self.id);
        stack.note_work();
    }

    fn poll_read(
        &self,
        buffer: &mut [u8],
        context: &mut Context<'_>,
    ) -> Poll<Result<usize, TcpError>> {
        self.attempt(|stack| {
            self.read_urgent.set(matches!(stack.tcp.engine.urgent(self.id), Ok(Some(_))));
            match stack.tcp.engine.read(self.system.now().into(), self.id, buffer) {
                Ok(Read::Bytes(bytes)) => Poll::Ready(Ok(bytes)),
                Ok(Read::Finished) => Poll::Ready(Ok(0)),
                Ok(Read::Ended(why)) => Poll::Ready(Err(why.into())),
                Err(_) => Poll::Ready(Err(TcpError::Closed)),
                Ok(Read::Empty) => {
                    stack.tcp.wait_to_read(self.id, context.waker());
                    Poll::Pending
                }
            }
        })
    }

    fn poll_write(&self, bytes: &[u8], context: &mut Context<'_>) -> Poll<Result<usize, TcpError>> {
        self.attempt(|stack| {
            match stack.tcp.engine.write(self.system.now().into(), self.id, bytes) {
                Ok(0) => {
                    stack.tcp.wait_to_write(self.id, context.waker());
                    Poll::Pending
                }
                Ok(taken) => Poll::Ready(Ok(taken)),
                Err(WriteError::Ended(why)) => Poll::Ready(Err(why.into())),
                Err(WriteError::Closed | WriteError::Gone) => Poll::Ready(Err(TcpError::Closed)),
            }
        })
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        let mut stack = self.system.stack.borrow_mut();
        stack.meters().stop(self.local, self.peer);
        stack.tcp.give_back(self.system.now(), self.id);
        stack.note_work();
    }
}

impl embedded_io_async::ErrorType for TcpStream {
    type Error = TcpError;
}

impl embedded_io_async::ErrorType for &TcpStream {
    type Error = TcpError;
}

impl embedded_io_async::Read for TcpStream {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, TcpError> {
        (&*self).read(buffer).await
    }
}

impl embedded_io_async::Write for TcpStream {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, TcpError> {
        (&*self).write(bytes).await
    }

    async fn flush(&mut self) -> Result<(), TcpError> {
        (&*self).flush().await
    }
}

/// A stream can be read while it is written.
impl embedded_io_async::Read for &TcpStream {
    /// Up to `buffer.len()` bytes, as soon as there are any; `Ok(0)` when the peer has closed its
    /// half.
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, TcpError> {
        if buffer.is_empty() {
            return Ok(0);
        }
        poll_fn(|context| self.poll_read(buffer, context)).await
    }
}

impl embedded_io_async::Write for &TcpStream {
    /// As many bytes as the send ring takes, at least one.
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, TcpError> {
        if bytes.is_empty() {
            return Ok(0);
        }
        poll_fn(|context| self.poll_write(bytes, context)).await
    }

    /// Does nothing: the stack sends what it has on its own.
    async fn flush(&mut self) -> Result<(), TcpError> {
        Ok(())
    }
}
