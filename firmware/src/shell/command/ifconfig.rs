//! `ifconfig`: the network interfaces, as net-tools 2.10 prints them or, in the classic style, as
//! it was before 2.0 (and still is in busybox).

use core::fmt;

use super::interface::{Classic, HEADER, Interface, Modern, Table};
use super::{About, Argument, Arguments, Context, FAILURE, Misuse, Operands, Outcome, SUCCESS};
use super::{Then, Wrong, flag};
use crate::Text;
use crate::limits::SHELL_TEXT_BYTES;

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[-a] [-v] [-s] [-c] [INTERFACE]",
    summary: "show the network interfaces",
    options: &[
        flag("a", "", "all interfaces, also those that are down"),
        flag("s", "", "a short list, as netstat -i prints it"),
        flag("c", "", "the classic style, of net-tools before 2.0"),
        flag("v", "", "be verbose"),
    ],
    operands: Operands::Interfaces,
    usage: Some(USAGE),
    misuse: Misuse { status: 1, complain: not_recognised, then: Then::Text(HINT) },
    ..About::NEW
};

const USAGE: &str = "\
Usage:
  ifconfig [-a] [-v] [-s] [-c] <interface>

  -c: the classic style, as busybox prints it. Addresses cannot be changed here:
  they come from ip= in cmdline.txt.
";

const HINT: &str = "ifconfig: `--help' gives usage information.\n";

/// net-tools reads its options without getopt, and says so.
fn not_recognised(out: &mut dyn fmt::Write, name: &str, wrong: &Wrong<'_>) -> fmt::Result {
    match wrong {
        Wrong::Letter(letter) => writeln!(out, "{name}: option `-{letter}' not recognised."),
        Wrong::Name(long) => writeln!(out, "{name}: option `--{long}' not recognised."),
        other => writeln!(out, "{name}: {other}"),
    }
}

/// How interfaces are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A paragraph each.
    Modern,
    /// A paragraph each, `Link encap:Ethernet`.
    Classic,
    /// A row each.
    Table,
}

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let mut wanted = None;
    let mut style = Style::Modern;
    let mut all = false;
    for argument in arguments {
        match argument {
            Argument::Option("s", _) => style = Style::Table,
            Argument::Option("c", _) => style = Style::Classic,
            Argument::Option("a", _) => all = true,
            // Verbose: there is nothing more to say.
            Argument::Option(..) => {}
            Argument::Operand(name) if wanted.is_none() => wanted = Some(name),
            Argument::Operand(_) => {
                context
                    .write(
                        "ifconfig: an interface cannot be changed here: \
                         its address comes from ip= in cmdline.txt\n",
                    )
                    .await;
                return FAILURE;
            }
        }
    }
    show(context, wanted, style, all).await
}

/// Prints interfaces: the one of this name or, without a name, those that are up, or all.
pub async fn show(context: &Context<'_>, wanted: Option<&str>, style: Style, all: bool) -> Outcome {
    let interfaces = Interface::of(context.system);
    let mut chosen = interfaces
        .iter()
        .filter(|interface| match wanted {
            Some(name) => name == interface.status.port.name(),
            None => all || interface.status.is_up,
        })
        .peekable();
    if let (None, Some(name)) = (chosen.peek(), wanted) {
        context
            .print(format_args!("{name}: error fetching interface information: Device not found\n"))
            .await;
        return FAILURE;
    }
    if style == Style::Table {
        // The tools differ in a column's place, one of them by mistake.
        let header = if context.command.name == "netstat" { NETSTAT_HEADER } else { HEADER };
        context.write(header).await;
    }
    for interface in chosen {
        // Longer than what is printed at once by others; the longest interface fits (tested).
        type Paragraph = Text<{ 3 * SHELL_TEXT_BYTES }>;
        let text = match style {
            Style::Modern => Paragraph::of(format_args!("{}", Modern(interface))),
            Style::Classic => Paragraph::of(format_args!("{}", Classic(interface))),
            Style::Table => Paragraph::of(format_args!("{}", Table(interface))),
        };
        context.write(&text).await;
    }
    SUCCESS
}

const NETSTAT_HEADER: &str = "Iface             MTU    RX-OK RX-ERR RX-DRP RX-OVR    \
                              TX-OK TX-ERR TX-DRP TX-OVR Flg\n";
