//! `dmesg`: the journal.

use super::{About, Argument, Arguments, Context, Misuse, Outcome, SUCCESS, Then, flag};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[-w]",
    summary: "print the journal",
    options: &[flag("w", "follow", "wait for new entries")],
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
 -w, --follow  wait for new entries
 -h, --help    display this help
";
const HINT: &str = "Try 'dmesg --help' for more information.\n";

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let mut follow = false;
    for argument in arguments {
        match argument {
            Argument::Option(..) => follow = true,
            Argument::Operand(_) => {
                context.complain(format_args!("bad usage")).await;
                return context.misused().await;
            }
        }
    }
    let system = context.system;
    let mut next = 0;
    loop {
        let entry = match system.journal_after(next) {
            Some(entry) => entry,
            None if !follow => return SUCCESS,
            None => system.journal_entry(next).await,
        };
        next = entry.number + 1;
        context.print(format_args!("{entry}\n")).await;
    }
}
