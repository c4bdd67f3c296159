//! What the shell asks of the terminal it runs on.

use embassy_futures::select::{Either, select};
use embedded_io_async::{Read, Write};

use crate::limits::TERMINAL_COLUMNS;
use crate::wire::Passed;

/// How keys come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typing {
    /// Each as it is typed.
    Keys,
    /// By the line, which the other end edits and echoes by its own means.
    Lines,
    /// By the line, as telnet's LINEMODE has it: the other end also turns its interrupt key into a
    /// command.
    Linemode,
}

/// How keys are to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By the line.
    Line,
    /// Each as it is typed.
    Character,
}

/// What is known of the screen at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Columns.
    pub columns: u16,
    /// Rows; 0: not known.
    pub rows: u16,
    /// True if we echo what is typed; false if the other end does.
    pub echo: bool,
    /// True if the other end edits lines, but hands over what it has when Tab is typed.
    pub tab: bool,
    /// How keys come.
    pub typing: Typing,
}

impl Default for Screen {
    /// A terminal that tells nothing and echoes nothing.
    fn default() -> Self {
        Self { columns: TERMINAL_COLUMNS, rows: 0, echo: true, tab: false, typing: Typing::Keys }
    }
}

/// What a [`Terminal::transfer`] came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Bytes of `out` that were taken.
    pub taken: usize,
    /// Bytes of `keys` that were filled.
    pub received: usize,
    /// No more keys will come.
    pub ended: bool,
}

/// A terminal: bytes of keys come in, bytes for the screen go out, end of line is CR LF.
#[expect(async_fn_in_trait, reason = "tasks never leave their thread")]
pub trait Terminal {
    /// Why it is gone.
    type Error;

    /// Carries bytes both ways. It waits until one of these: keys came; all of `out` was sent, if
    /// it is not empty; the [`Screen`] changed; no more keys will come. Without room for keys none
    /// are taken.
    ///
    /// So keys are heard while the screen is slow. Dropped before it is done, it loses no key; of
    /// `out` nobody knows.
    ///
    /// # Errors
    /// If the terminal is gone.
    async fn transfer(&mut self, out: &[u8], keys: &mut [u8]) -> Result<Transfer, Self::Error>;

    /// The screen as it is known now; it may change while the session goes on.
    fn screen(&self) -> Screen {
        Screen::default()
    }

    /// The terminal's name, if it told it: `XTERM`.
    fn name(&self) -> &str {
        ""
    }

    /// Asks for keys or lines. What comes of it is seen in [`Terminal::screen`].
    fn set_mode(&mut self, _mode: Mode) {}

    /// Counts what passes on the wire below, from the next segment on that brings keys.
    fn start_meter(&mut self) {}

    /// What has passed since then. `None`: there is no wire below, or nothing came.
    fn passed(&self) -> Option<Passed> {
        None
    }
}

/// [`Terminal::transfer`] for a terminal that is a reader and a writer, both without loss when
/// dropped.
///
/// # Errors
/// Those of reader and writer.
pub async fn transfer<E>(
    mut reader: impl Read<Error = E>,
    mut writer: impl Write<Error = E>,
    out: &[u8],
    keys: &mut [u8],
) -> Result<Transfer, E> {
    let mut taken = 0;
    loop {
        let rest = &out[taken..];
        if rest.is_empty() && (taken > 0 || keys.is_empty()) {
            return Ok(Transfer { taken, ..Transfer::default() });
        }
        let read = async {
            if keys.is_empty() {
                return core::future::pending().await;
            }
            reader.read(keys).await
        };
        let write = async {
            if rest.is_empty() {
                return core::future::pending().await;
            }
            writer.write(rest).await
        };
        match select(read, write).await {
            Either::First(received) => {
                let received = received?;
                return Ok(Transfer { taken, received, ended: received == 0 });
            }
            Either::Second(len) => taken += len?.min(rest.len()),
        }
    }
}
