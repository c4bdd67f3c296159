//! What passes between a session and its terminal: keys, output, the journal, and the deadline of
//! every wait.

use core::future::pending;

use embassy_futures::select::{Either, Either3, Either4, select, select3, select4};
use embassy_time::{Instant, Timer};

use super::{CHUNK_BYTES, Ended, KEYS_BYTES, Session};
use crate::journal::Entry;
use crate::limits::SHELL_TEXT_BYTES;
use crate::shell::terminal::{Terminal, Transfer};
use crate::{System, Text};

/// What the session waited for.
pub(super) enum Heard {
    Keys,
    Entry(Entry),
}

/// How long to go on writing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// To the end.
    All,
    /// To the end, or until Ctrl-C is typed.
    Interrupt,
}

/// How much was written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    All,
    Part,
}

impl<T: Terminal> Session<'_, T> {
    /// Carries a command's output to the terminal and keys from it; returns when Ctrl-C is typed.
    pub(super) async fn carry(&mut self) -> Result<(), Ended> {
        let mut keys = [0; KEYS_BYTES];
        let mut chunk = [0; CHUNK_BYTES];
        loop {
            if self.is_interrupted() {
                return Ok(());
            }
            let read = async {
                if self.input_ended {
                    return pending().await;
                }
                let room = self.channel.keys.room().await.min(KEYS_BYTES);
                self.terminal.transfer(&[], &mut keys[..room]).await
            };
            // Keys come first, so that no flood of output keeps Ctrl-C from being heard.
            let heard = select4(
                read,
                self.channel.output.read(&mut chunk),
                next_entry(self.system, self.options.journal.as_deref().copied()),
                expired(self.deadline),
            )
            .await;
            match heard {
                Either4::First(transfer) => self.received(transfer.ok(), &keys)?,
                Either4::Second(_) if self.discard => {}
                Either4::Second(len) => match self.send(&chunk[..len], Until::Interrupt).await? {
                    Sent::All => {}
                    Sent::Part => return Ok(()),
                },
                Either4::Third(entry) => {
                    self.advance(&entry);
                    let start = if self.last == b'\n' { "" } else { "\n" };
                    let text = Text::<SHELL_TEXT_BYTES>::of(format_args!("{start}{entry}\n"));
                    self.put(&text).await?;
                }
                Either4::Fourth(()) => return Err(Ended::Idle),
            }
        }
    }

    /// True if Ctrl-C was typed, and was not meant for the command itself. Ctrl-O is looked for as
    /// well.
    fn is_interrupted(&mut self) -> bool {
        if self.channel.raw.get() {
            return false;
        }
        self.discard |= self.channel.keys.discards();
        self.channel.keys.interrupted()
    }

    /// Waits for keys, a change of the screen or, if they are to be printed, a journal entry.
    pub(super) async fn wait(&mut self) -> Result<Heard, Ended> {
        let mut keys = [0; KEYS_BYTES];
        if self.input_ended {
            return Err(Ended::EndOfInput);
        }
        let heard = select3(
            self.terminal.transfer(&[], &mut keys),
            next_entry(self.system, self.options.journal.as_deref().copied()),
            expired(self.deadline),
        )
        .await;
        match heard {
            Either3::First(transfer) => {
                self.received(transfer.ok(), &keys)?;
                Ok(Heard::Keys)
            }
            Either3::Second(entry) => {
                self.advance(&entry);
                Ok(Heard::Entry(entry))
            }
            Either3::Third(()) => Err(Ended::Idle),
        }
    }

    /// What a transfer brought; `None`: it failed.
    fn received(&mut self, transfer: Option<Transfer>, keys: &[u8]) -> Result<(), Ended> {
        let Transfer { received, ended, .. } = transfer.ok_or(Ended::Disconnected)?;
        self.input_ended |= ended;
        if let Some(keys @ [_, ..]) = keys.get(..received) {
            self.heard();
            self.channel.keys.put(keys);
        }
        Ok(())
    }

    /// The user is there: the idle timeout begins anew.
    pub(super) fn heard(&mut self) {
        let timeout = self.options.idle_timeout;
        // A timeout too long for the clock is none.
        self.deadline = timeout
            .and_then(|timeout| embassy_time::Duration::try_from(timeout).ok())
            .and_then(|timeout| Instant::now().checked_add(timeout));
    }

    pub(super) fn advance(&mut self, entry: &Entry) {
        if let Some(next) = &mut self.options.journal {
            **next = entry.number + 1;
        }
    }

    /// Writes text to the terminal.
    pub(super) async fn put(&mut self, text: &str) -> Result<(), Ended> {
        self.send(text.as_bytes(), Until::All).await.map(|_| ())
    }

    /// Writes bytes to the terminal; a bare LF becomes CR LF, as a terminal driver does (ONLCR).
    /// Keys are heard meanwhile, as far as there is room for them.
    pub(super) async fn send(&mut self, bytes: &[u8], until: Until) -> Result<Sent, Ended> {
        for chunk in bytes.chunks(CHUNK_BYTES) {
            let mut out = heapless::Vec::<u8, { 2 * CHUNK_BYTES }>::new();
            for &byte in chunk {
                // Cannot fail: there is room for two bytes each.
                if byte == b'\n' && self.last != b'\r' {
                    let _ = out.push(b'\r');
                }
                let _ = out.push(byte);
                self.last = byte;
            }
            let mut rest = &out[..];
            while !rest.is_empty() {
                let mut keys = [0; KEYS_BYTES];
                let room = self.channel.keys.room_now().min(KEYS_BYTES);
                let keys = if self.input_ended { &mut [] } else { &mut keys[..room] };
                let write = self.terminal.transfer(rest, keys);
                match select(write, expired(self.deadline)).await {
                    Either::First(transfer) => {
                        let transfer = transfer.ok();
                        rest = &rest[transfer.map_or(0, |transfer| transfer.taken)..];
                        self.received(transfer, keys)?;
                    }
                    Either::Second(()) => return Err(Ended::Idle),
                }
                if until == Until::Interrupt && self.is_interrupted() {
                    return Ok(Sent::Part);
                }
            }
        }
        Ok(Sent::All)
    }
}

/// Waits for the deadline, if there is one.
async fn expired(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => Timer::at(deadline).await,
        None => pending().await,
    }
}

/// Waits for the journal entry of this number or, if it is overwritten, the oldest after it.
async fn next_entry(system: &System, number: Option<u64>) -> Entry {
    let Some(number) = number else { return pending().await };
    system.journal_entry(number).await
}
