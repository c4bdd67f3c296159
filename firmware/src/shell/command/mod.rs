//! The commands: one file each, one table.
//!
//! A command is a file with `pub const ABOUT: About`, which says how it is called, and
//!
//! ```text
//! pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome
//! ```
//!
//! beside a page of the manual, `shell/man/NAME.txt`. Its arguments were checked against its table
//! of options before it begins, and `-h` was answered. It prints by [`Context::print`], which waits
//! when the terminal is slow and never fails; it awaits whatever it works with, and is dropped
//! there when the user types Ctrl-C. A command that has something to say then catches it by
//! [`Context::interrupts`]; one that wants the keys themselves asks for them by [`Context::keys`].

mod about;
mod arp;
mod clear;
mod cooked;
mod date;
mod dhclient;
mod dmesg;
mod echo;
mod exit;
mod free;
#[cfg(test)]
mod golden;
mod help;
mod host;
mod hostname;
mod hosts;
mod icmp;
mod ifconfig;
mod interface;
mod ip;
mod lesson;
mod man;
mod mode;
mod nc;
mod netem;
mod netstat;
mod nslookup;
mod options;
mod ping;
mod ps;
mod reboot;
mod route;
mod route_table;
mod seconds;
mod services;
mod ss;
mod statistics;
mod status;
mod tcpdump;
mod telnet;
mod traceroute;
mod uptime;
mod wget;

use core::cell::Cell;
use core::fmt;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::pipe::Pipe;
use embassy_sync::signal::Signal;

pub use self::about::{About, Misuse, Operands, Order, Then};
pub(crate) use self::lesson::{Filled, LESSONS, Places, Progress};
pub use self::options::{Argument, Arguments, HELP, Opt, Wrong, flag, value};

use self::options::Checked;
use super::session::Ended;
use super::terminal::{Mode, Screen};
use super::type_ahead::TypeAhead;
use crate::limits::{SHELL_OUTPUT_BYTES, SHELL_TEXT_BYTES};
use crate::{System, Text};

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
pub const SUCCESS: Outcome = Outcome::Status(0);
/// The exit status of failure.
pub const FAILURE: Outcome = Outcome::Status(1);
/// The exit status of wrong use, in the tools that tell it from failure.
pub const MISUSE: Outcome = Outcome::Status(2);

/// A row of the table of commands.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// What is typed.
    pub name: &'static str,
    /// How it is used.
    pub about: &'static About,
    /// The part of its manual page that `about` does not tell.
    pub page: &'static str,
}

macro_rules! commands {
    ($($name:literal => $module:ident,)*) => {
        /// Every command, in the order of their names.
        pub const COMMANDS: &[Command] = &[$(Command {
            name: $name,
            about: &$module::ABOUT,
            page: include_str!(concat!("../man/", stringify!($module), ".txt")),
        },)*];

        /// Runs a command whose arguments are right.
        async fn dispatch(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
            match context.command.name {
                $($name => $module::run(context, arguments).await,)*
                // Every row of the table is a row of this match.
                _ => FAILURE,
            }
        }
    };
}

commands! {
    "arp" => arp,
    "clear" => clear,
    "date" => date,
    "dhclient" => dhclient,
    "dmesg" => dmesg,
    "echo" => echo,
    "exit" => exit,
    "false" => status,
    "free" => free,
    "help" => help,
    "host" => host,
    "hostname" => hostname,
    "hosts" => hosts,
    "ifconfig" => ifconfig,
    "ip" => ip,
    "lesson" => lesson,
    "logout" => exit,
    "man" => man,
    "mode" => mode,
    "nc" => nc,
    "netem" => netem,
    "netstat" => netstat,
    "nslookup" => nslookup,
    "ping" => ping,
    "ping6" => ping,
    "ps" => ps,
    "reboot" => reboot,
    "route" => route,
    "services" => services,
    "ss" => ss,
    "tcpdump" => tcpdump,
    "telnet" => telnet,
    "traceroute" => traceroute,
    "traceroute6" => traceroute,
    "true" => status,
    "uptime" => uptime,
    "wget" => wget,
}

/// The command of this name.
pub fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

/// Runs the context's command, unless its arguments ask for its usage or are wrong.
pub async fn run(context: &Context<'_>, arguments: &[&str]) -> Outcome {
    let about = context.command.about;
    match Arguments::check(about, arguments) {
        Checked::Fine => dispatch(context, Arguments::new(about, arguments)).await,
        Checked::Help => {
            help::usage(context).await;
            SUCCESS
        }
        Checked::Wrong(wrong) => {
            let mut text = Text::<SHELL_TEXT_BYTES>::new();
            // A Text never fails.
            let _ = (about.misuse.complain)(&mut text, context.command.name, &wrong);
            context.write(&text).await;
            context.misused().await
        }
    }
}

/// What lies between a session and the command it runs.
pub struct Channel {
    /// Keys typed and not yet read.
    pub keys: TypeAhead,
    /// Output on its way to the terminal.
    pub output: Pipe<NoopRawMutex, SHELL_OUTPUT_BYTES>,
    /// True while the command takes every key, Ctrl-C included.
    pub raw: Cell<bool>,
    /// True while the command is told of Ctrl-C and ends by itself.
    pub catches: Cell<bool>,
    /// Ctrl-C, for a command that catches it.
    pub interrupt: Signal<NoopRawMutex, ()>,
    /// How keys are to come once the command has ended, if it wants that changed.
    pub mode: Cell<Option<Mode>>,
    /// True if the user wants to know what each command line costs on the wire.
    pub meter: Cell<bool>,
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl Channel {
    /// Empty.
    pub fn new() -> Self {
        Self {
            keys: TypeAhead::default(),
            output: Pipe::new(),
            raw: Cell::new(false),
            catches: Cell::new(false),
            interrupt: Signal::new(),
            mode: Cell::new(None),
            meter: Cell::new(false),
        }
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
    /// The terminal's name, if it told it: `XTERM`.
    pub terminal: &'a str,
    /// The command itself: an alias has a name of its own.
    pub command: &'static Command,
    /// What lies between the command and its session.
    pub channel: &'a Channel,
}

impl Context<'_> {
    /// Prints formatted text of up to [`SHELL_TEXT_BYTES`]; more is cut. LF ends a line.
    pub async fn print(&self, text: fmt::Arguments<'_>) {
        self.write(&Text::<SHELL_TEXT_BYTES>::of(text)).await;
    }

    /// Prints text of any length.
    pub async fn write(&self, text: &str) {
        self.channel.output.write_all(text.as_bytes()).await;
    }

    /// Prints `NAME: text`, as tools say what went wrong, and a line's end.
    pub async fn complain(&self, text: fmt::Arguments<'_>) {
        self.print(format_args!("{}: {text}\n", self.command.name)).await;
    }

    /// Answers wrong use beyond options, such as a missing operand: what [`Misuse`] says follows a
    /// complaint, and its exit status.
    pub async fn misused(&self) -> Outcome {
        let misuse = self.command.about.misuse;
        match misuse.then {
            Then::Usage => help::usage(self).await,
            Then::Text(text) => self.write(text).await,
        }
        Outcome::Status(misuse.status)
    }

    /// For as long as the result lives, Ctrl-C does not drop the command but is told to it. Then it
    /// has [`SHELL_INTERRUPT_GRACE`](crate::limits::SHELL_INTERRUPT_GRACE) to say what it has to
    /// say, and is dropped after that.
    pub fn interrupts(&self) -> Interrupts<'_> {
        self.channel.interrupt.reset();
        self.channel.catches.set(true);
        Interrupts(self.channel)
    }

    /// The keys, for as long as the result lives: none goes to the line editor, and Ctrl-C does not
    /// end the command.
    pub fn keys(&self) -> RawKeys<'_> {
        self.channel.raw.set(true);
        RawKeys(self.channel)
    }
}

/// What the user wants of a command that runs.
#[derive(Debug)]
pub struct Interrupts<'a>(&'a Channel);

impl Interrupts<'_> {
    /// Waits for Ctrl-C.
    pub async fn next(&self) {
        self.0.interrupt.wait().await;
    }
}

impl Drop for Interrupts<'_> {
    fn drop(&mut self) {
        self.0.catches.set(false);
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

    /// Columns of a page: what a terminal of 80 shows without wrapping.
    const PAGE_COLUMNS_MAX: usize = 78;
    /// Bytes of a page. All of them are in the image.
    const PAGE_BYTES_MAX: usize = 1200;

    #[test]
    fn the_table_is_in_order_and_fits_a_screen() {
        assert!(COMMANDS.is_sorted_by_key(|command| command.name));
        for Command { name, about, .. } in COMMANDS {
            assert!(name.len() < help::NAME_COLUMNS, "{name}");
            assert!(help::NAME_COLUMNS + about.summary.len() < 79, "{name}");
            assert!(!about.summary.is_empty() && !about.summary.ends_with('.'), "{name}");
            for option in about.options {
                assert!(option.short.chars().count() <= 1, "{name}: {option:?}");
                assert!(!option.name().is_empty() && !option.summary.is_empty(), "{name}");
            }
        }
    }

    #[test]
    fn every_command_has_a_page_that_fits_a_screen() {
        for Command { name, page, .. } in COMMANDS {
            assert!(page.len() <= PAGE_BYTES_MAX, "{name}: {} bytes", page.len());
            assert!(page.starts_with("DESCRIPTION\n    "), "{name}");
            assert!(page.contains("\n\nSEE ALSO\n    ") && page.ends_with('\n'), "{name}");
            for line in page.lines() {
                assert!(line.len() <= PAGE_COLUMNS_MAX && line.is_ascii(), "{name}: {line}");
                assert!(line.trim_end() == line, "{name}: {line:?}");
            }
        }
    }
}
