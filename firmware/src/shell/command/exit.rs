//! `exit` and `logout`: end the session.

use super::{About, Argument, Arguments, Context, Order, Outcome};
use crate::shell::Ended;

/// How it is used.
pub const ABOUT: About =
    About { synopsis: "[STATUS]", summary: "end this session", order: Order::Raw, ..About::NEW };

/// The exit status of busybox's shell for a status that is no number.
const ILLEGAL_NUMBER: Outcome = Outcome::Status(2);

/// Runs the command. An exit status is accepted, as shells do, and has no effect.
pub async fn run(context: &Context<'_>, mut arguments: Arguments<'_>) -> Outcome {
    match arguments.next() {
        Some(Argument::Operand(word)) if word.parse::<u32>().is_err() => {
            // As busybox says it.
            let name = context.command.name;
            context.print(format_args!("-sh: {name}: Illegal number: {word}\n")).await;
            ILLEGAL_NUMBER
        }
        _ => Outcome::Leave(Ended::Exit),
    }
}
