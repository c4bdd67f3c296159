//! `reboot`: start again.

use super::options::{Argument, Options};
use super::{About, Context, FAILURE, Outcome, SUCCESS};
use crate::shell::Ended;
use crate::{RestartRequest, Text};

/// For `help`.
pub const ABOUT: About = About { arguments: "[--panic]", summary: "restart the board" };

const USAGE: &str = "Usage: reboot [--panic]

Restart the board

\t--panic\tby a deliberate panic, to see its report
";

/// Runs the command. The session ends, so that its connection is closed before the board goes.
pub async fn run(context: &Context<'_>, arguments: &[&str]) -> Outcome {
    let mut how = RestartRequest::Restart;
    for argument in Options::new(arguments) {
        match argument {
            Argument::Long("panic") => how = RestartRequest::Panic,
            Argument::Short('h') | Argument::Long("help") => {
                context.write(USAGE).await;
                return SUCCESS;
            }
            // In the words of getopt_long, as busybox has them.
            Argument::Short(letter) => {
                context.print(format_args!("reboot: invalid option -- '{letter}'\n{USAGE}")).await;
                return FAILURE;
            }
            Argument::Long(name) => {
                context
                    .print(format_args!("reboot: unrecognized option '--{name}'\n{USAGE}"))
                    .await;
                return FAILURE;
            }
            Argument::Operand(_) => {
                context.write(USAGE).await;
                return FAILURE;
            }
        }
    }
    let by: Text<48> = Text::of(format_args!("shell {} from {}", context.session, context.from));
    context.system.request_restart(&by, how);
    context.write("Restarting.\n").await;
    Outcome::Leave(Ended::Restart)
}
