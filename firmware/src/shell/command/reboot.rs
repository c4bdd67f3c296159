//! `reboot`: start again.

use super::{About, Argument, Arguments, Context, Outcome, flag};
use crate::shell::Ended;
use crate::{RestartRequest, Text};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[--panic]",
    summary: "restart the board",
    options: &[flag("", "panic", "by a deliberate panic, to see its report")],
    ..About::NEW
};

/// Runs the command. The session ends, so that its connection is closed before the board goes.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let mut how = RestartRequest::Restart;
    for argument in arguments {
        match argument {
            Argument::Option(..) => how = RestartRequest::Panic,
            Argument::Operand(_) => return context.misused().await,
        }
    }
    let by: Text<48> = Text::of(format_args!("shell {} from {}", context.session, context.from));
    context.system.request_restart(&by, how);
    context.write("Restarting.\n").await;
    Outcome::Leave(Ended::Restart)
}
