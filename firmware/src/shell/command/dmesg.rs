//! `dmesg`: the journal.

use super::date::Formatted;
use super::{About, Argument, Arguments, Context, FAILURE, Misuse, Outcome, SUCCESS, Then, flag};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[-Tw]",
    summary: "print the journal",
    options: &[
        flag("T", "ctime", "show human-readable timestamps"),
        flag("w", "follow", "wait for new entries"),
    ],
    usage: Some(USAGE),
    misuse: Misuse { then: Then::Text(HINT), ..About::NEW.misuse },
    ..About::NEW
};

// In the words of util-linux.
const USAGE: &str = "
Usage:
 dmesg [options]

Display the journal.

Options:
 -T, --ctime   show human-readable timestamp
 -w, --follow  wait for new entries
 -h, --help    display this help
";
const HINT: &str = "Try 'dmesg --help' for more information.\n";

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let (mut follow, mut dates) = (false, false);
    for argument in arguments {
        match argument {
            Argument::Option("ctime", _) => dates = true,
            Argument::Option(..) => follow = true,
            Argument::Operand(_) => {
                context.complain(format_args!("bad usage")).await;
                return context.misused().await;
            }
        }
    }
    let system = context.system;
    if dates && system.clock().is_none() {
        let why = "the time of day is not known: no time server has answered";
        context.complain(format_args!("{why}")).await;
        return FAILURE;
    }
    let mut next = 0;
    loop {
        let entry = match system.journal_after(next) {
            Some(entry) => entry,
            None if !follow => return SUCCESS,
            None => system.journal_entry(next).await,
        };
        next = entry.number + 1;
        match system.clock_at(entry.at).filter(|_| dates) {
            Some(at) => {
                let at = Formatted(at, "%a %b %e %H:%M:%S %Y");
                context.print(format_args!("[{at}] {}\n", entry.event)).await;
            }
            None => context.print(format_args!("{entry}\n")).await,
        }
    }
}
