//! `man`: a page about a command: what it does, how it is used, and what to read on.

use super::{About, Argument, Arguments, Context, Operands, Outcome, SUCCESS, find, help};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "COMMAND",
    summary: "explain a command",
    operands: Operands::Commands,
    ..About::NEW
};

/// The exit status of man-db for a page that is not there.
const NO_PAGE: Outcome = Outcome::Status(16);

/// Runs the command.
pub async fn run(context: &Context<'_>, mut arguments: Arguments<'_>) -> Outcome {
    // Both messages are man-db's.
    let Some(Argument::Operand(wanted)) = arguments.next() else {
        context.write("What manual page do you want?\nFor example, try 'man man'.\n").await;
        return Outcome::Status(1);
    };
    let Some(command) = find(wanted) else {
        context.print(format_args!("No manual entry for {wanted}\n")).await;
        return NO_PAGE;
    };
    let (name, About { synopsis, summary, .. }) = (command.name, command.about);
    context.print(format_args!("NAME\n    {name} - {summary}\n\n")).await;
    let blank = if synopsis.is_empty() { "" } else { " " };
    context.print(format_args!("SYNOPSIS\n    {name}{blank}{synopsis}\n\n")).await;
    if !command.about.options.is_empty() {
        context.write("OPTIONS\n").await;
        help::options(context, command, 4).await;
        context.write("\n").await;
    }
    context.write(command.page).await;
    SUCCESS
}
