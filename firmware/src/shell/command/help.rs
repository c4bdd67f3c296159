//! `help`: what there is; and the usage of a command, for `-h`.

use core::fmt::Write as _;

use super::{About, Argument, Arguments, COMMANDS, Command, Context, FAILURE, HELP, Operands, Opt};
use super::{Outcome, SUCCESS, find};
use crate::Text;
use crate::limits::SHELL_TEXT_BYTES;

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[COMMAND]",
    summary: "list the commands",
    operands: Operands::Commands,
    ..About::NEW
};

/// Columns of a name in the list.
pub const NAME_COLUMNS: usize = 14;

/// Columns of an option in a usage.
const OPTION_COLUMNS: usize = 24;

/// Runs the command.
pub async fn run(context: &Context<'_>, mut arguments: Arguments<'_>) -> Outcome {
    let Some(Argument::Operand(wanted)) = arguments.next() else {
        for command in COMMANDS {
            let (name, summary) = (command.name, command.about.summary);
            context.print(format_args!("{name:NAME_COLUMNS$}{summary}\n")).await;
        }
        context.write("\n'man COMMAND' explains one, Tab completes, Ctrl-C stops.\n").await;
        return SUCCESS;
    };
    match find(wanted) {
        Some(command) => {
            let (name, About { synopsis, summary, .. }) = (command.name, command.about);
            let blank = if synopsis.is_empty() { "" } else { " " };
            context.print(format_args!("{name}: {name}{blank}{synopsis}\n    {summary}\n")).await;
            SUCCESS
        }
        // As bash says it.
        None => {
            context.complain(format_args!("no help topics match '{wanted}'")).await;
            FAILURE
        }
    }
}

/// Prints the usage of the context's command.
pub async fn usage(context: &Context<'_>) {
    let (name, about) = (context.command.name, context.command.about);
    if let Some(usage) = about.usage {
        return context.write(usage).await;
    }
    let About { synopsis, summary, .. } = about;
    let blank = if synopsis.is_empty() { "" } else { " " };
    context.print(format_args!("Usage: {name}{blank}{synopsis}\n\n{summary}\n\n")).await;
    options(context, context.command, 2).await;
    context.print(format_args!("\n'man {name}' explains more.\n")).await;
}

/// Prints the options of a command, each on a line.
pub async fn options(context: &Context<'_>, command: &Command, indent: usize) {
    let own = command.about.options;
    let help = (!own.iter().any(|option| option.short == HELP.short)).then_some(&HELP);
    for option in own.iter().chain(help) {
        context.write(&line(option, indent)).await;
    }
}

/// `  -c, --count=COUNT   stop after COUNT replies`.
fn line(option: &Opt, indent: usize) -> Text<SHELL_TEXT_BYTES> {
    let Opt { short, long, value, summary } = option;
    let mut head = Text::<64>::new();
    // A Text never fails.
    let _ = match (short.is_empty(), long.is_empty(), value.is_empty()) {
        (false, true, true) => write!(head, "-{short}"),
        (false, true, false) => write!(head, "-{short} {value}"),
        (false, false, true) => write!(head, "-{short}, --{long}"),
        (false, false, false) => write!(head, "-{short}, --{long}={value}"),
        (true, _, true) => write!(head, "    --{long}"),
        (true, _, false) => write!(head, "    --{long}={value}"),
    };
    let head = head.as_str();
    Text::of(format_args!("{:indent$}{head:OPTION_COLUMNS$} {summary}\n", ""))
}

#[cfg(test)]
mod tests {
    use super::super::{flag, value};
    use super::*;

    #[test]
    fn options_as_they_are_listed() {
        let rows = [
            (flag("a", "", "all"), "  -a                       all\n"),
            (value("c", "count", "N", "N times"), "  -c, --count=N            N times\n"),
            (value("i", "", "IF", "by IF"), "  -i IF                    by IF\n"),
            (flag("", "panic", "at once"), "      --panic              at once\n"),
        ];
        for (option, expected) in rows {
            assert_eq!(line(&option, 2).as_str(), expected);
        }
    }
}
