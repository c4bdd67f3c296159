//! `exit` and `logout`: end the session.

use super::options::{Argument, Options};
use super::{About, Context, FAILURE, Outcome, SUCCESS};
use crate::shell::Ended;

/// For `help`.
pub const ABOUT: About = About { arguments: "", summary: "end this session" };

/// Runs the command. An exit status is accepted, as shells do, and has no effect.
pub async fn run(context: &Context<'_>, arguments: &[&str]) -> Outcome {
    for argument in Options::new(arguments) {
        match argument {
            Argument::Short('h') | Argument::Long("help") => {
                context.write("Usage: exit\n\nEnd this session, as Ctrl-D does.\n").await;
                return SUCCESS;
            }
            Argument::Operand(word) if word.parse::<u32>().is_ok() => {}
            Argument::Operand(word) | Argument::Long(word) => {
                // As busybox says it.
                context.print(format_args!("-sh: exit: Illegal number: {word}\n")).await;
                return FAILURE;
            }
            Argument::Short(letter) => {
                context.print(format_args!("-sh: exit: Illegal number: -{letter}\n")).await;
                return FAILURE;
            }
        }
    }
    Outcome::Leave(Ended::Exit)
}
