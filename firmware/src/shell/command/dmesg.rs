//! `dmesg`: the journal.

use super::options::{Argument, Options};
use super::{About, Context, FAILURE, Outcome, SUCCESS};

/// For `help`.
pub const ABOUT: About = About { arguments: "[-w]", summary: "print the journal" };

const USAGE: &str = "
Usage:
 dmesg [options]

Display the journal.

Options:
 -w, --follow  wait for new entries
 -h, --help    display this help
";

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: &[&str]) -> Outcome {
    let mut follow = false;
    for argument in Options::new(arguments) {
        match argument {
            Argument::Short('w') | Argument::Long("follow") => follow = true,
            Argument::Short('h') | Argument::Long("help") => {
                context.write(USAGE).await;
                return SUCCESS;
            }
            // In the words of util-linux.
            wrong => {
                match wrong {
                    Argument::Short(letter) => {
                        context.print(format_args!("dmesg: invalid option -- '{letter}'\n")).await;
                    }
                    Argument::Long(name) => {
                        context
                            .print(format_args!("dmesg: unrecognized option '--{name}'\n"))
                            .await;
                    }
                    Argument::Operand(_) => context.write("dmesg: bad usage\n").await,
                }
                context.write("Try 'dmesg --help' for more information.\n").await;
                return FAILURE;
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
