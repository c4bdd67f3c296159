//! What the shell asks of the terminal it runs on.

use embedded_io_async::{Read, Write};

use crate::limits::TERMINAL_COLUMNS;

/// What is known of the screen at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Columns.
    pub columns: u16,
    /// True if we echo what is typed; false if the other end does.
    pub echo: bool,
}

impl Default for Screen {
    /// A terminal that tells nothing and echoes nothing.
    fn default() -> Self {
        Self { columns: TERMINAL_COLUMNS, echo: true }
    }
}

/// A terminal: bytes of keys come in, bytes for the screen go out, end of line is CR LF.
///
/// `read` must be cancel-safe: when its future is dropped before it is ready, nothing is lost. The
/// shell drops it whenever it has something to write meanwhile.
pub trait Terminal: Read + Write {
    /// The screen as it is known now; it may change while the session goes on.
    fn screen(&self) -> Screen;
}
