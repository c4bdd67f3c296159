//! The commands: one file each, one table.
//!
//! A command is `async fn run(&Context, arguments) -> Outcome`. It prints by [`Context::print`],
//! which waits when the terminal is slow and never fails; it awaits whatever it works with, and is
//! dropped there when the user types Ctrl-C. A command that wants the keys itself asks for them by
//! [`Context::keys`].

mod dmesg;
mod exit;
mod help;
mod ifconfig;
mod options;
mod reboot;
mod uptime;

use core::cell::Cell;
use core::fmt;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::pipe::Pipe;

use super::session::Ended;
use super::terminal::Screen;
use super::type_ahead::TypeAhead;
use crate::limits::{SHELL_OUTPUT_BYTES, SHELL_TEXT_BYTES};
use crate::{System, Text};

/// What `help` tells of a command.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// How it is called, without its name: `[-a] [INTERFACE]`.
    pub arguments: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
}

/// What a command leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its exit status: 0 success, 1 failure, 2 wrong use (where the real tool says so), 127 not
    /// found.
    Status(u8),
    /// The session ends.
    Leave(Ended),
}

/// The exit status of success.
const SUCCESS: Outcome = Outcome::Status(0);
/// The exit status of failure.
const FAILURE: Outcome = Outcome::Status(1);
/// The exit status of a name that is no command (POSIX XCU 2.8.2).
const NOT_FOUND: Outcome = Outcome::Status(127);

macro_rules! commands {
    ($($name:literal => $module:ident,)*) => {
        /// Every command's name, in order.
        pub const NAMES: &[&str] = &[$($name,)*];

        /// What each command does, in the order of [`NAMES`].
        pub const ABOUT: &[About] = &[$($module::ABOUT,)*];

        /// Runs a command by its name.
        pub async fn run(context: &Context<'_>, name: &str, arguments: &[&str]) -> Outcome {
            match name {
                $($name => $module::run(context, arguments).await,)*
                _ => {
                    context.print(format_args!("-sh: {name}: not found\n")).await;
                    NOT_FOUND
                }
            }
        }
    };
}

commands! {
    "dmesg" => dmesg,
    "exit" => exit,
    "help" => help,
    "ifconfig" => ifconfig,
    "logout" => exit,
    "reboot" => reboot,
    "uptime" => uptime,
}

/// What lies between a session and the command it runs.
#[derive(Debug)]
pub struct Channel {
    /// Keys typed and not yet read.
    pub keys: TypeAhead,
    /// Output on its way to the terminal.
    pub output: Pipe<NoopRawMutex, SHELL_OUTPUT_BYTES>,
    /// True while the command takes every key, Ctrl-C included.
    pub raw: Cell<bool>,
}

impl Channel {
    /// Empty.
    pub fn new() -> Self {
        Self { keys: TypeAhead::default(), output: Pipe::new(), raw: Cell::new(false) }
    }
}

impl Default for Channel {
    fn default() -> Self {
        Self::new()
    }
}

/// What a command is given.
#[derive(Debug)]
pub struct Context<'a> {
    /// The board.
    pub system: &'static System,
    /// The session's number.
    pub session: u32,
    /// Where its user is.
    pub from: &'a str,
    /// The terminal's screen when the command began.
    pub screen: Screen,
    channel: &'a Channel,
}

impl<'a> Context<'a> {
    /// For a command of this session.
    pub fn new(
        system: &'static System,
        channel: &'a Channel,
        session: u32,
        from: &'a str,
        screen: Screen,
    ) -> Self {
        Self { system, session, from, screen, channel }
    }

    /// Prints formatted text of up to [`SHELL_TEXT_BYTES`]; more is cut. LF ends a line.
    pub async fn print(&self, text: fmt::Arguments<'_>) {
        self.write(&Text::<SHELL_TEXT_BYTES>::of(text)).await;
    }

    /// Prints text of any length.
    pub async fn write(&self, text: &str) {
        self.channel.output.write_all(text.as_bytes()).await;
    }

    /// The keys, for as long as the result lives: none goes to the line editor, and Ctrl-C does not
    /// end the command.
    pub fn keys(&self) -> RawKeys<'_> {
        self.channel.raw.set(true);
        RawKeys(self.channel)
    }
}

/// The user's keys as they come.
#[derive(Debug)]
pub struct RawKeys<'a>(&'a Channel);

impl RawKeys<'_> {
    /// Waits for keys and takes up to `buffer.len()` of them.
    pub async fn read(&mut self, buffer: &mut [u8]) -> usize {
        self.0.keys.read(buffer).await
    }
}

impl Drop for RawKeys<'_> {
    fn drop(&mut self) {
        self.0.raw.set(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_fits_a_screen() {
        assert!(NAMES.is_sorted());
        for (name, about) in NAMES.iter().zip(ABOUT) {
            assert!(name.len() + about.arguments.len() < help::SYNOPSIS_COLUMNS, "{name}");
            assert!(help::SYNOPSIS_COLUMNS + about.summary.len() < 79, "{name}");
        }
    }
}
