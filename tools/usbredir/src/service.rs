//! The loop: one thread around poll(2), for QEMU, the wire and the control channel.
//!
//! A guest waits for every answer, so nothing here sleeps while there is work: all that is ready is
//! handled in one wake, and answers are written before the next wait.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use crate::control::{self, After, WireCounters};
use crate::device::Device;
use crate::limits::{
    CONTROL_CLIENTS_MAX, CONTROL_LINE_BYTES_MAX, FRAME_BYTES_MAX, FRAMES_PER_WAKE_MAX,
    OUTPUT_BYTES_MAX, READ_BYTES, READS_PER_WAKE_MAX, SLEEP_MAX,
};
use crate::server::Server;
use crate::wire::{Wire, is_nothing};

/// How long the last answers may take on their way to QEMU.
const LAST_WORDS_MAX: Duration = Duration::from_millis(500);

/// When the service ends by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Life {
    /// Never: the next QEMU may come.
    #[default]
    Forever,
    /// With the first QEMU that leaves, or with the process that started this one.
    OneGuest,
}

/// A listening socket, whose file goes when it goes.
#[derive(Debug)]
struct Listener {
    socket: UnixListener,
    path: PathBuf,
}

impl Listener {
    fn bind(path: &Path) -> Result<Self> {
        let what = || format!("listen on {}", path.display());
        // A socket that nobody listens on any more is in the way, and nothing else is removed.
        let is_socket = fs::metadata(path).is_ok_and(|data| data.file_type().is_socket());
        if is_socket && UnixStream::connect(path).is_err() {
            fs::remove_file(path).with_context(what)?;
        }
        let socket = UnixListener::bind(path).with_context(what)?;
        socket.set_nonblocking(true).with_context(what)?;
        Ok(Self { socket, path: path.into() })
    }

    fn accept(&self) -> Option<UnixStream> {
        let (stream, _) = self.socket.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        Some(stream)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It may have been removed with its folder.
        let _ = fs::remove_file(&self.path);
    }
}

/// A connection to the control channel.
#[derive(Debug)]
struct Client {
    stream: UnixStream,
    line: Vec<u8>,
}

/// Sockets that wait for QEMU and for commands.
#[derive(Debug)]
pub struct Service {
    listener: Listener,
    control: Option<Listener>,
    clients: Vec<Client>,
    peer: Option<UnixStream>,
    wire: Wire,
    counters: WireCounters,
    life: Life,
    parent: u32,
    /// Ends the loop.
    over: bool,
    /// Ends the loop once the device is out.
    leaving: bool,
    started: Instant,
    /// Messages for people go to standard error.
    talks: bool,
}

impl Service {
    /// Listens for QEMU at `socket` and, if there is one, for commands at `control`. QEMU may be
    /// started once this has returned.
    ///
    /// # Errors
    /// If a socket cannot be made.
    pub fn bind(socket: &Path, control: Option<&Path>, wire: Wire, life: Life) -> Result<Self> {
        Ok(Self {
            listener: Listener::bind(socket)?,
            control: control.map(Listener::bind).transpose()?,
            clients: Vec::new(),
            peer: None,
            wire,
            counters: WireCounters::default(),
            life,
            parent: std::os::unix::process::parent_id(),
            over: false,
            leaving: false,
            started: Instant::now(),
            talks: true,
        })
    }

    /// Says nothing on standard error.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.talks = false;
        self
    }

    /// Serves this device until a `quit`, or the end of [`Life`].
    ///
    /// # Errors
    /// If waiting fails.
    pub fn run<D: Device>(mut self, device: D, hold: Option<Duration>) -> Result<()> {
        let mut server = Server::new(device, hold);
        let mut rejected = 0;
        while !self.over {
            let now = self.now();
            let due = server.turn(now);
            self.send_frames(&mut server);
            self.flush(&mut server);
            let (peer, wire) = self.wait(&mut server, due.map(|due| due.saturating_sub(now)))?;
            if self.peer.is_none() {
                self.greet(&mut server);
            } else if peer {
                self.hear_guest(&mut server);
            }
            if wire {
                self.receive_frames(&mut server);
            }
            self.hear_commands(&mut server);
            if server.counters().rejected > rejected {
                rejected = server.counters().rejected;
                self.say("QEMU refuses the device: does its speed fit the port?");
            }
            self.over |= self.leaving && !server.is_plugged();
            let alone = self.peer.is_none() && self.life == Life::OneGuest;
            if alone && std::os::unix::process::parent_id() != self.parent {
                self.over = true;
            }
        }
        self.last_words(&mut server);
        Ok(())
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn say(&self, text: &str) {
        if self.talks {
            eprintln!("usbredir: {text}");
        }
    }

    /// Sleeps until something happens. True, true: QEMU, the wire has something.
    fn wait<D: Device>(
        &self,
        server: &mut Server<D>,
        sleep: Option<Duration>,
    ) -> Result<(bool, bool)> {
        let mut fds: Vec<PollFd<'_>> = Vec::new();
        let guest = match &self.peer {
            Some(peer) => {
                let backlog = server.output().len();
                let mut flags = PollFlags::empty();
                flags.set(PollFlags::POLLOUT, backlog > 0);
                flags.set(PollFlags::POLLIN, backlog <= OUTPUT_BYTES_MAX);
                PollFd::new(peer.as_fd(), flags)
            }
            None => readable(self.listener.socket.as_fd()),
        };
        fds.push(guest);
        let wire = server.takes_frames().then(|| self.wire.fd()).flatten();
        let has_wire = wire.is_some();
        fds.extend(wire.map(readable));
        fds.extend(self.control.iter().map(|at| readable(at.socket.as_fd())));
        fds.extend(self.clients.iter().map(|at| readable(at.stream.as_fd())));
        let sleep = TimeSpec::from_duration(sleep.unwrap_or(SLEEP_MAX).min(SLEEP_MAX));
        match ppoll(&mut fds, Some(sleep), None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("poll"),
        }
        let ready = |at: usize| fds.get(at).is_some_and(|fd| fd.any().unwrap_or(false));
        Ok((ready(0), has_wire && ready(1)))
    }

    fn greet<D: Device>(&mut self, server: &mut Server<D>) {
        if let Some(peer) = self.listener.accept() {
            self.peer = Some(peer);
            server.connected();
        }
    }

    fn hear_guest<D: Device>(&mut self, server: &mut Server<D>) {
        let mut bytes = [0; READ_BYTES];
        for _ in 0..READS_PER_WAKE_MAX {
            let Some(peer) = &mut self.peer else { return };
            match peer.read(&mut bytes) {
                Ok(0) => return self.farewell(server, None),
                Ok(count) => {
                    let now = self.now();
                    if let Err(broken) = server.received(now, &bytes[..count]) {
                        return self.farewell(server, Some(&broken.to_string()));
                    }
                    if count < bytes.len() {
                        return;
                    }
                }
                Err(error) if is_nothing(&error) => return,
                Err(error) => return self.farewell(server, news(&error).as_deref()),
            }
        }
    }

    /// The connection to QEMU ends.
    fn farewell<D: Device>(&mut self, server: &mut Server<D>, why: Option<&str>) {
        if let Some(why) = why {
            self.say(&format!("closing the connection to QEMU: {why}"));
        }
        self.peer = None;
        server.disconnected();
        self.over |= self.life == Life::OneGuest;
    }

    fn flush<D: Device>(&mut self, server: &mut Server<D>) {
        let Some(peer) = &mut self.peer else { return };
        let mut done = 0;
        let mut failed = None;
        while done < server.output().len() {
            match peer.write(&server.output()[done..]) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if is_nothing(&error) => break,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        server.output().drain(..done);
        if let Some(error) = failed {
            self.farewell(server, news(&error).as_deref());
        }
    }

    /// Waits, for a short time, until QEMU has taken the last answers.
    fn last_words<D: Device>(&mut self, server: &mut Server<D>) {
        if let Some(peer) = &mut self.peer
            && peer.set_nonblocking(false).is_ok()
            && peer.set_write_timeout(Some(LAST_WORDS_MAX)).is_ok()
        {
            // If QEMU does not listen any more, there is nobody to tell.
            let _ = peer.write_all(server.output());
        }
    }

    fn receive_frames<D: Device>(&mut self, server: &mut Server<D>) {
        let now = self.now();
        let mut frame = [0; FRAME_BYTES_MAX];
        for _ in 0..FRAMES_PER_WAKE_MAX {
            if !server.takes_frames() {
                return;
            }
            match self.wire.receive(&mut frame) {
                Ok(Some(frame)) => {
                    self.counters.received += 1;
                    server.frame_in(now, frame);
                }
                Ok(None) => return,
                Err(_) => {
                    self.counters.receive_errors += 1;
                    return;
                }
            }
        }
    }

    fn send_frames<D: Device>(&mut self, server: &mut Server<D>) {
        while let Some(frame) = server.device().frame_out() {
            match self.wire.send(&frame) {
                Ok(()) => self.counters.sent += 1,
                Err(_) => self.counters.send_errors += 1,
            }
        }
    }

    fn hear_commands<D: Device>(&mut self, server: &mut Server<D>) {
        if let Some(stream) = self.control.as_ref().and_then(Listener::accept)
            && self.clients.len() < CONTROL_CLIENTS_MAX
        {
            self.clients.push(Client { stream, line: Vec::new() });
        }
        let mut clients = std::mem::take(&mut self.clients);
        clients.retain_mut(|client| self.hear_client(server, client));
        self.clients = clients;
    }

    /// False if the connection is over.
    fn hear_client<D: Device>(&mut self, server: &mut Server<D>, client: &mut Client) -> bool {
        let mut bytes = [0; CONTROL_LINE_BYTES_MAX];
        match client.stream.read(&mut bytes) {
            Ok(0) => return false,
            Ok(count) => client.line.extend_from_slice(&bytes[..count]),
            Err(error) => return is_nothing(&error),
        }
        while let Some(end) = client.line.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = client.line.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let (mut answer, after) = control::obey(&line, self.now(), server, &self.counters);
            answer.push('\n');
            self.leaving |= after == After::Quit;
            // What was said to QEMU on the way goes out before the answer.
            self.flush(server);
            if client.stream.write_all(answer.as_bytes()).is_err() {
                return false;
            }
        }
        client.line.len() <= CONTROL_LINE_BYTES_MAX
    }
}

/// What is worth saying of an error at a connection: QEMU that has ended is no news.
fn news(error: &io::Error) -> Option<String> {
    let gone = matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset);
    (!gone).then(|| error.to_string())
}

fn readable(fd: BorrowedFd<'_>) -> PollFd<'_> {
    PollFd::new(fd, PollFlags::POLLIN)
}

/// Sends one command to the control channel at `socket` and returns the answer's words after `ok`.
///
/// # Errors
/// If nobody answers, or the answer is an error.
pub fn command(socket: &Path, line: &str) -> Result<String> {
    /// An answer comes within a turn of the loop.
    const PATIENCE: Duration = Duration::from_secs(5);
    let mut stream =
        UnixStream::connect(socket).with_context(|| format!("connect to {}", socket.display()))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    writeln!(stream, "{line}")?;
    let mut answer = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).context("read the answer")? == 1 && byte != *b"\n" {
        answer.push(byte[0]);
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    match answer.strip_prefix("ok") {
        Some(rest) => Ok(rest.trim().into()),
        None if answer.is_empty() => bail!("{line:?} was not answered"),
        None => bail!("{line:?}: {}", answer.trim_start_matches("error: ")),
    }
}
