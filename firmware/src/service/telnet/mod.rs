//! Telnet on port 23: the shell for anyone who connects.
//!
//! ```text
//!   TcpStream <-> TelnetPort (Protocol: IAC, options, ends of line) <-> shell::session
//! ```
//!
//! There is one task more than there are sessions: whichever takes a connection while all sessions
//! are in use tells so and closes it.

pub mod negotiation;
pub mod protocol;
#[cfg(test)]
mod tests;

use embedded_io_async::{ErrorType, Read, Write};

use self::protocol::{Heard, Protocol, REPLY_BYTES_MAX};
use crate::limits::{TELNET_BUFFER_BYTES, TELNET_IDLE_TIMEOUT, TELNET_SESSIONS, TERMINAL_COLUMNS};
use crate::net::{TcpListener, TcpStream};
use crate::shell::{self, Screen, Terminal};
use crate::status::count;
use crate::{System, Text};

/// Serves one connection after another, for ever. Spawn [`crate::limits::TELNET_WORKERS`] of these.
pub async fn run(system: &'static System, listener: TcpListener, _worker: usize) {
    let counters = system.counters();
    loop {
        let stream = listener.accept().await;
        if counters.telnet_open.get() >= TELNET_SESSIONS as u64 {
            count(&counters.telnet_refused);
            refuse(stream).await;
            continue;
        }
        count(&counters.telnet_sessions);
        count(&counters.telnet_open);
        serve(system, stream).await;
        counters.telnet_open.set(counters.telnet_open.get().saturating_sub(1));
    }
}

/// One session, from the first offer to the closed connection.
async fn serve(system: &'static System, stream: TcpStream) {
    let from: Text<48> = Text::of(format_args!("{}", stream.peer()));
    let mut port = TelnetPort::new(stream);
    let options =
        shell::Options { from: &from, idle_timeout: Some(TELNET_IDLE_TIMEOUT), journal: None };
    let ended = shell::run(system, &mut port, options).await;
    match ended {
        // Nobody is there to take anything.
        shell::Ended::Disconnected => port.into_stream().abort(),
        // What was said last still goes out.
        _ => port.into_stream().close().await,
    }
}

async fn refuse(mut stream: TcpStream) {
    let text: Text<80> = Text::of(format_args!(
        "barewire: all {TELNET_SESSIONS} sessions are in use; try again later\r\n"
    ));
    // The peer's window at the start holds a line; if it is gone already, so be it.
    if stream.write_all(text.as_bytes()).await.is_ok() {
        stream.close().await;
    }
}

/// A connection as a terminal: telnet is taken off what comes, and put on what goes.
///
/// `read` is cancel-safe. `write` takes bytes into a buffer, and `flush` sends it.
#[derive(Debug)]
pub struct TelnetPort<S> {
    stream: S,
    protocol: Protocol,
    /// Bytes received, from `taken` on not yet looked at.
    incoming: heapless::Vec<u8, TELNET_BUFFER_BYTES>,
    taken: usize,
    /// Keys of a command that did not fit into the reader's buffer.
    keys: &'static [u8],
    /// Bytes to be sent, from `sent` on.
    outgoing: heapless::Vec<u8, TELNET_BUFFER_BYTES>,
    sent: usize,
}

impl<S: Read + Write> TelnetPort<S> {
    /// At the start of a connection; the first offers go out with the first write or read.
    pub fn new(stream: S) -> Self {
        let mut protocol = Protocol::new();
        let mut outgoing = heapless::Vec::new();
        // Cannot fail: the greeting is far shorter.
        let _ = outgoing.extend_from_slice(&protocol.greeting());
        Self {
            stream,
            protocol,
            incoming: heapless::Vec::new(),
            taken: 0,
            keys: &[],
            outgoing,
            sent: 0,
        }
    }

    /// The connection, for closing it.
    pub fn into_stream(self) -> S {
        self.stream
    }

    /// Sends what is to be sent. Cancel-safe, as far as the stream's `write` is.
    async fn send(&mut self) -> Result<(), S::Error> {
        while let Some(rest @ [_, ..]) = self.outgoing.get(self.sent..) {
            self.sent += self.stream.write(rest).await?;
        }
        self.outgoing.clear();
        self.sent = 0;
        Ok(())
    }

    /// Takes received bytes through the protocol until `buffer` is full, answers have no more room,
    /// or there are no more.
    fn decode(&mut self, buffer: &mut [u8]) -> usize {
        let mut filled = 0;
        while let Some(slot) = buffer.get_mut(filled) {
            if let Some((&key, rest)) = self.keys.split_first() {
                self.keys = rest;
                *slot = key;
                filled += 1;
                continue;
            }
            if self.outgoing.capacity() - self.outgoing.len() < REPLY_BYTES_MAX {
                break;
            }
            let Some(&byte) = self.incoming.get(self.taken) else { break };
            self.taken += 1;
            match self.protocol.receive(byte) {
                Heard::Nothing => {}
                Heard::Data(byte) => {
                    *slot = byte;
                    filled += 1;
                }
                Heard::Keys(keys) => self.keys = keys,
                Heard::Reply(reply) => {
                    // Cannot fail: the room was checked above.
                    let _ = self.outgoing.extend_from_slice(&reply);
                }
            }
        }
        filled
    }
}

impl<S: ErrorType> ErrorType for TelnetPort<S> {
    type Error = S::Error;
}

impl<S: Read + Write> Read for TelnetPort<S> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, S::Error> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let filled = self.decode(buffer);
            if filled > 0 {
                return Ok(filled);
            }
            self.send().await?;
            if self.taken < self.incoming.len() {
                continue;
            }
            self.taken = 0;
            // Nothing is lost if this is dropped: `incoming` is empty until the read is done.
            self.incoming.clear();
            let mut fresh = [0; TELNET_BUFFER_BYTES];
            let len = self.stream.read(&mut fresh).await?;
            if len == 0 {
                return Ok(0);
            }
            // Cannot fail: both have the same size.
            let _ = self.incoming.extend_from_slice(&fresh[..len]);
        }
    }
}

impl<S: Read + Write> Write for TelnetPort<S> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, S::Error> {
        loop {
            let taken = bytes
                .iter()
                .take_while(|&&byte| self.protocol.send(byte, &mut self.outgoing))
                .count();
            if taken > 0 || bytes.is_empty() {
                return Ok(taken);
            }
            self.send().await?;
        }
    }

    async fn flush(&mut self) -> Result<(), S::Error> {
        self.send().await?;
        self.stream.flush().await
    }
}

impl<S: Read + Write> Terminal for TelnetPort<S> {
    fn screen(&self) -> Screen {
        Screen { columns: TERMINAL_COLUMNS, echo: self.protocol.echoes() }
    }
}
