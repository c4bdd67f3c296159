//! TCP as services see it: a listener that accepts, a stream that reads and writes. No type of
//! smoltcp's TCP leaves this folder.

use core::fmt;
use core::future::poll_fn;
use core::task::Poll;

use smoltcp::socket::tcp::{RecvError, Socket, State};
use smoltcp::wire::IpEndpoint;

use super::error::NetError;
use crate::limits::{TCP_CONNECT_TIMEOUT, TCP_LINGER};
use crate::status::count;
use crate::system::System;
use crate::wire::Passed;

/// Why a stream cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpError {
    /// The peer reset the connection, it timed out, or the interface lost its address.
    Reset,
    /// We closed our half already.
    Closed,
}

impl fmt::Display for TcpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reset => "Connection reset by peer",
            Self::Closed => "Broken pipe",
        })
    }
}

impl core::error::Error for TcpError {}

impl embedded_io_async::Error for TcpError {
    fn kind(&self) -> embedded_io_async::ErrorKind {
        match self {
            Self::Reset => embedded_io_async::ErrorKind::ConnectionReset,
            Self::Closed => embedded_io_async::ErrorKind::BrokenPipe,
        }
    }
}

/// A service's port. Several tasks may accept from copies of it.
#[derive(Clone, Copy, Debug)]
pub struct TcpListener {
    system: &'static System,
    service: usize,
}

impl TcpListener {
    pub(crate) fn new(system: &'static System, service: usize) -> Self {
        Self { system, service }
    }

    /// The next connection.
    pub async fn accept(&self) -> TcpStream {
        let slot = poll_fn(|context| {
            let mut stack = self.system.stack.borrow_mut();
            match stack.tcp_accept(self.service, context.waker()) {
                Some(slot) => Poll::Ready(slot),
                None => Poll::Pending,
            }
        })
        .await;
        count(&self.system.counters().tcp_accepted);
        let stack = self.system.stack.borrow();
        let socket = stack.tcp_socket(slot);
        let nowhere = IpEndpoint::new(smoltcp::wire::Ipv4Address::UNSPECIFIED.into(), 0);
        TcpStream {
            system: self.system,
            slot,
            peer: socket.remote_endpoint().unwrap_or(nowhere),
            local: socket.local_endpoint().unwrap_or(nowhere),
        }
    }
}

impl System {
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
        let (slot, local) = self.stack.borrow_mut().tcp_connect(self.now(), owner, to)?;
        let stream = TcpStream { system: self, slot, peer: to, local };
        let answered = poll_fn(|context| {
            stream.with(|socket| match socket.state() {
                State::SynSent | State::SynReceived => {
                    // Every change of state wakes both.
                    socket.register_recv_waker(context.waker());
                    Poll::Pending
                }
                state => Poll::Ready(state),
            })
        });
        let limit = embassy_time::Duration::from_micros(TCP_CONNECT_TIMEOUT.as_micros() as u64);
        let state = embassy_time::with_timeout(limit, answered).await;
        let outcome = self.stack.borrow_mut().tcp_connected(slot, state.ok());
        outcome.map(|()| stream)
    }
}

impl TcpListener {
    /// Returns when a connection waits and no task is there to accept it: who only keeps one open
    /// may give it up then.
    pub async fn someone_waits(&self) {
        poll_fn(|context| {
            let mut stack = self.system.stack.borrow_mut();
            match stack.tcp.someone_waits(self.service, context.waker()) {
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
    slot: usize,
    peer: IpEndpoint,
    local: IpEndpoint,
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

    /// Runs `f` on the socket.
    fn with<R>(&self, f: impl FnOnce(&mut Socket<'static>) -> R) -> R {
        f(self.system.stack.borrow_mut().tcp_socket_mut(self.slot))
    }

    /// Runs `f` on the socket; if it got something done, the stack looks at the socket before the
    /// loop sleeps.
    fn attempt<R>(&self, f: impl FnOnce(&mut Socket<'static>) -> Poll<R>) -> Poll<R> {
        let mut stack = self.system.stack.borrow_mut();
        let result = f(stack.tcp_socket_mut(self.slot));
        if result.is_ready() {
            stack.note_work();
        }
        result
    }

    /// Closes or aborts.
    fn end(&self, how: fn(&mut Socket<'static>)) {
        let mut stack = self.system.stack.borrow_mut();
        how(stack.tcp_socket_mut(self.slot));
        stack.note_work();
    }

    /// Closes our half, and waits until the peer has acknowledged all of it or the connection is no
    /// more, but no longer than [`TCP_LINGER`]: a peer that shuts its window keeps a connection
    /// alive for as long as it answers.
    pub async fn close(self) {
        self.end(Socket::close);
        let closed = poll_fn(|context| {
            self.with(|socket| match socket.state() {
                State::FinWait2 | State::TimeWait | State::Closed | State::Listen => {
                    Poll::Ready(())
                }
                _ => {
                    socket.register_send_waker(context.waker());
                    Poll::Pending
                }
            })
        });
        let limit = embassy_time::Duration::from_micros(TCP_LINGER.as_micros() as u64);
        // Late or not, the pool has the socket next, and its own deadline for it.
        let _ = embassy_time::with_timeout(limit, closed).await;
    }

    /// Ends the connection at once, with a reset.
    pub fn abort(self) {
        self.end(Socket::abort);
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        self.system.stack.borrow().meters().stop(self.local, self.peer);
        self.end(Socket::close);
        let now = self.system.now();
        self.system.stack.borrow_mut().tcp_give_back(self.slot, now);
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
        poll_fn(|context| {
            self.attempt(|socket| match socket.recv_slice(buffer) {
                Ok(0) => {
                    socket.register_recv_waker(context.waker());
                    Poll::Pending
                }
                Ok(bytes) => Poll::Ready(Ok(bytes)),
                Err(RecvError::Finished) => Poll::Ready(Ok(0)),
                Err(RecvError::InvalidState) => Poll::Ready(Err(TcpError::Reset)),
            })
        })
        .await
    }
}

impl embedded_io_async::Write for &TcpStream {
    /// As many bytes as the send ring takes, at least one.
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, TcpError> {
        if bytes.is_empty() {
            return Ok(0);
        }
        poll_fn(|context| {
            self.attempt(|socket| match socket.send_slice(bytes) {
                Ok(0) => {
                    socket.register_send_waker(context.waker());
                    Poll::Pending
                }
                Ok(taken) => Poll::Ready(Ok(taken)),
                Err(_) if socket.state() == State::Closed => Poll::Ready(Err(TcpError::Reset)),
                Err(_) => Poll::Ready(Err(TcpError::Closed)),
            })
        })
        .await
    }

    /// Does nothing: the stack sends what it has on its own.
    async fn flush(&mut self) -> Result<(), TcpError> {
        Ok(())
    }
}
