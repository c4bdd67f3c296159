//! The shell: a prompt, a line editor and commands that speak as the tools of a Linux machine
//! speak.
//!
//! ```text
//!   terminal (telnet, UART0)         anything that implements Terminal
//!     bytes | ^ bytes
//!           v |
//!   session::run                     one per user; the only one that touches the terminal
//!     keys  -> TypeAhead -> LineEditor -> line -> Words -> command::run
//!     screen <------------ Pipe <---------------------------- Context
//! ```
//!
//! A command is a future that is raced against the terminal: it writes into a pipe, the session
//! carries the pipe to the screen, and Ctrl-C or the loss of the terminal drops the future wherever
//! it waits. So a command is straight code, has no error path for a vanished user, and exists once
//! in the image, whatever terminals there are.

pub mod command;
mod completion;
pub mod line;
pub mod session;
pub mod terminal;
#[cfg(test)]
pub(crate) mod tests;
pub mod type_ahead;
pub mod words;

pub(crate) use command::{Filled, LESSONS, Places, Progress};
pub use session::{Ended, Options, run};
pub use terminal::{Mode, Screen, Terminal, Transfer, Typing};
