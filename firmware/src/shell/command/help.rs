//! `help`: what there is.

use super::{ABOUT as COMMANDS, About, Context, FAILURE, NAMES, Outcome, SUCCESS};

/// For `help`.
pub const ABOUT: About = About { arguments: "[COMMAND]", summary: "list the commands" };

/// Columns of name and arguments in the list.
pub const SYNOPSIS_COLUMNS: usize = 34;

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: &[&str]) -> Outcome {
    let wanted = match arguments {
        [] | ["-h" | "--help", ..] => None,
        [name, ..] => Some(*name),
    };
    let mut found = false;
    for (&name, about) in NAMES.iter().zip(COMMANDS) {
        if wanted.is_none_or(|wanted| wanted == name) {
            found = true;
            let width = SYNOPSIS_COLUMNS - name.len();
            let About { arguments, summary } = about;
            context.print(format_args!("{name} {arguments:width$}{summary}\n")).await;
        }
    }
    if !found {
        let wanted = wanted.unwrap_or_default();
        context.print(format_args!("-sh: help: no help topics match '{wanted}'\n")).await;
        return FAILURE;
    }
    if wanted.is_none() {
        context
            .write(
                "\nEach tells its options by -h. Ctrl-C stops a command, Tab completes a name.\n",
            )
            .await;
    }
    SUCCESS
}
