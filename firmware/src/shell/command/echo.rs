//! `echo`: its arguments. `echo $?` shows the last exit status.

use super::{About, Argument, Arguments, Context, Order, Outcome, SUCCESS};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[WORD]...",
    summary: "print the words; 'echo $?' prints the last exit status",
    order: Order::Raw,
    ..About::NEW
};

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let mut blank = "";
    for argument in arguments {
        if let Argument::Operand(word) = argument {
            context.write(blank).await;
            context.write(word).await;
            blank = " ";
        }
    }
    context.write("\n").await;
    SUCCESS
}
