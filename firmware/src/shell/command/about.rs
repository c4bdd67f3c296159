//! What is known of a command beside its code: for `help`, `-h`, `man`, Tab and the reading of its
//! options.

use core::fmt;

use super::options::{Opt, Wrong};

/// What a command tells of itself: `pub const ABOUT: About = About { .., ..About::NEW };`
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// How it is called, without its name: `[-a] [INTERFACE]`.
    pub synopsis: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// Its options. `-h` and `--help` need not be listed: they print the usage, unless the table
    /// gives `h` another meaning.
    pub options: &'static [Opt],
    /// How options and operands stand.
    pub order: Order,
    /// What Tab proposes for its operands; for an option's value, the value's name decides
    /// (`INTERFACE`, `HOST`).
    pub operands: Operands,
    /// What `-h` prints: the text of the tool that this command is modelled on. `None`: made of
    /// synopsis, summary and options.
    pub usage: Option<&'static str>,
    /// What wrong use is answered by.
    pub misuse: Misuse,
}

impl About {
    /// No options, no operands, and the manners of getopt_long(3): for the fields not given.
    pub const NEW: Self = Self {
        synopsis: "",
        summary: "",
        options: &[],
        order: Order::Any,
        operands: Operands::None,
        usage: None,
        misuse: Misuse { status: 1, complain: getopt, then: Then::Usage },
    };
}

/// How options and operands stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Options may follow operands, as in GNU tools.
    Any,
    /// The first operand ends the options, as POSIX has it.
    OptionsFirst,
    /// Every word is an operand: the command reads them itself. Only a lone `-h` or `--help` asks
    /// for the usage.
    Raw,
}

/// What operands are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operands {
    /// There are none, or nothing is known of them.
    None,
    /// Commands of this shell.
    Commands,
    /// Network interfaces.
    Interfaces,
    /// Hosts of the table of names.
    Hosts,
    /// One of these words.
    Words(&'static [&'static str]),
}

/// What a wrong option is answered by, and with which exit status.
#[derive(Clone, Copy, Debug)]
pub struct Misuse {
    /// The exit status.
    pub status: u8,
    /// Writes the complaint, with the end of its line.
    pub complain: fn(&mut dyn fmt::Write, name: &str, &Wrong<'_>) -> fmt::Result,
    /// What follows the complaint.
    pub then: Then,
}

/// What follows a complaint.
#[derive(Clone, Copy, Debug)]
pub enum Then {
    /// The usage.
    Usage,
    /// This text.
    Text(&'static str),
}

/// The complaint of getopt_long(3), which most tools leave to it: `NAME: invalid option -- 'x'`.
///
/// # Errors
/// Those of `out`.
pub fn getopt(out: &mut dyn fmt::Write, name: &str, wrong: &Wrong<'_>) -> fmt::Result {
    writeln!(out, "{name}: {wrong}")
}
