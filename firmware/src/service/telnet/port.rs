//! A connection as a terminal: telnet is taken off what comes, and put on what goes.

use embassy_futures::select::{Either, select};

use super::protocol::{Heard, Protocol, REPLY_BYTES_MAX};
use crate::limits::TELNET_BUFFER_BYTES;
use crate::net::{TcpError, TcpStream};
use crate::shell::{Mode, Screen, Terminal, Transfer};
use crate::status::Drops;
use crate::wire::Passed;

/// What the port runs on: a stream that can be read while it is written.
#[expect(async_fn_in_trait, reason = "tasks never leave their thread")]
pub trait Connection {
    /// What can go wrong.
    type Error;

    /// As `embedded_io_async::Read::read`; nothing is lost when it is dropped.
    async fn read(&self, buffer: &mut [u8]) -> Result<usize, Self::Error>;

    /// As `embedded_io_async::Write::write`; when it is dropped, nothing was written.
    async fn write(&self, bytes: &[u8]) -> Result<usize, Self::Error>;

    /// True if what is to be read next comes before the end of urgent data, and once if what was
    /// read last did.
    fn take_urgent(&self) -> bool {
        false
    }

    /// What was written so far is urgent.
    fn mark_urgent(&self) {}

    /// Counts what passes, from the next segment on that brings data.
    fn start_meter(&self) {}

    /// What has passed since then.
    fn passed(&self) -> Option<Passed> {
        None
    }
}

impl Connection for TcpStream {
    type Error = TcpError;

    async fn read(&self, buffer: &mut [u8]) -> Result<usize, TcpError> {
        embedded_io_async::Read::read(&mut &*self, buffer).await
    }

    async fn write(&self, bytes: &[u8]) -> Result<usize, TcpError> {
        embedded_io_async::Write::write(&mut &*self, bytes).await
    }

    fn take_urgent(&self) -> bool {
        self.take_urgent()
    }

    fn mark_urgent(&self) {
        self.mark_urgent();
    }

    fn start_meter(&self) {
        self.start_meter();
    }

    fn passed(&self) -> Option<Passed> {
        self.passed()
    }
}

/// The terminal at the other end of a connection.
#[derive(Debug)]
pub struct TelnetPort<'a, C> {
    connection: C,
    drops: &'a Drops,
    protocol: Protocol,
    /// Bytes received; those from `taken` up to `received` were not looked at yet.
    incoming: [u8; TELNET_BUFFER_BYTES],
    received: usize,
    taken: usize,
    /// Keys of a command that did not fit into the reader's buffer.
    keys: &'static [u8],
    /// The peer has closed its half.
    ended: bool,
    /// Bytes to be sent.
    outgoing: heapless::Vec<u8, TELNET_BUFFER_BYTES>,
    /// How many of them end with the mark of a Synch.
    urgent: usize,
}

impl<'a, C: Connection> TelnetPort<'a, C> {
    /// At the start of a connection; the first offers go out with the first transfer.
    pub fn new(connection: C, drops: &'a Drops) -> Self {
        let mut protocol = Protocol::new();
        let mut outgoing = heapless::Vec::new();
        protocol.greeting(&mut outgoing);
        Self {
            connection,
            drops,
            protocol,
            incoming: [0; TELNET_BUFFER_BYTES],
            received: 0,
            taken: 0,
            keys: &[],
            ended: false,
            outgoing,
            urgent: 0,
        }
    }

    /// The connection, for closing it.
    pub fn into_connection(self) -> C {
        self.connection
    }

    /// Takes received bytes through the protocol until `buffer` is full, answers have no more room,
    /// or there are no more. Returns how many keys came of them.
    fn decode(&mut self, buffer: &mut [u8]) -> usize {
        let mut filled = 0;
        if self.connection.take_urgent() {
            self.protocol.synch();
        }
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
            let Some(&byte) = self.incoming[..self.received].get(self.taken) else { break };
            self.taken += 1;
            match self.protocol.receive(byte, &mut self.outgoing) {
                Heard::Nothing => {}
                Heard::Data(byte) => {
                    *slot = byte;
                    filled += 1;
                }
                Heard::Keys(keys) => self.keys = keys,
                Heard::Abort(keys) => {
                    self.keys = keys;
                    self.urgent = self.outgoing.len();
                }
            }
            if let Some(why) = self.protocol.take_dropped() {
                self.drops.count(why);
            }
        }
        filled
    }

    /// Waits until something was received or sent.
    async fn exchange(&mut self, wants_keys: bool) -> Result<(), C::Error> {
        let all_taken = self.taken == self.received;
        let read = async {
            if !wants_keys || self.ended || !all_taken {
                return core::future::pending().await;
            }
            self.connection.read(&mut self.incoming).await
        };
        let write = async {
            if self.outgoing.is_empty() {
                return core::future::pending().await;
            }
            // By itself up to a mark, so that the end of urgent data is the mark's.
            let len = if self.urgent == 0 { self.outgoing.len() } else { self.urgent };
            self.connection.write(&self.outgoing[..len]).await
        };
        match select(read, write).await {
            Either::First(len) => {
                (self.received, self.taken) = (len?, 0);
                self.ended = self.received == 0;
            }
            Either::Second(len) => {
                let len = len?.min(self.outgoing.len());
                self.outgoing.copy_within(len.., 0);
                self.outgoing.truncate(self.outgoing.len() - len);
                if self.urgent > 0 && self.urgent <= len {
                    self.connection.mark_urgent();
                }
                self.urgent = self.urgent.saturating_sub(len);
            }
        }
        Ok(())
    }
}

impl<C: Connection> Terminal for TelnetPort<'_, C> {
    type Error = C::Error;

    async fn transfer(&mut self, out: &[u8], keys: &mut [u8]) -> Result<Transfer, C::Error> {
        let screen = self.screen();
        let mut taken = 0;
        loop {
            let received = self.decode(keys);
            while let Some(&byte) = out.get(taken)
                && self.protocol.send(byte, &mut self.outgoing)
            {
                taken += 1;
            }
            let all_sent = taken == out.len() && self.outgoing.is_empty();
            let ended = self.ended && received == 0 && self.taken == self.received;
            let written = all_sent && !out.is_empty();
            let nothing_to_do = all_sent && keys.is_empty();
            let changed = self.screen() != screen;
            if received > 0
                || written
                || nothing_to_do
                || changed
                || (ended && !keys.is_empty() && self.outgoing.is_empty())
            {
                return Ok(Transfer { taken, received, ended });
            }
            self.exchange(!keys.is_empty()).await?;
        }
    }

    fn screen(&self) -> Screen {
        self.protocol.screen()
    }

    fn name(&self) -> &str {
        self.protocol.terminal()
    }

    fn set_mode(&mut self, mode: Mode) {
        // Three verbs, for which there is room unless the peer takes nothing.
        if self.outgoing.capacity() - self.outgoing.len() >= REPLY_BYTES_MAX {
            self.protocol.set_mode(mode, &mut self.outgoing);
        }
    }

    fn start_meter(&mut self) {
        self.connection.start_meter();
    }

    fn passed(&self) -> Option<Passed> {
        self.connection.passed()
    }
}
