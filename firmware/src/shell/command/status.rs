//! `true` and `false`: nothing, and its exit status.

use super::{About, Arguments, Context, FAILURE, Order, Outcome, SUCCESS};

/// How they are used.
pub const ABOUT: About = About {
    synopsis: "[WORD]...",
    summary: "do nothing, and succeed or fail ('echo $?')",
    order: Order::Raw,
    ..About::NEW
};

/// Runs the command.
pub async fn run(context: &Context<'_>, _: Arguments<'_>) -> Outcome {
    if context.command.name == "true" { SUCCESS } else { FAILURE }
}
