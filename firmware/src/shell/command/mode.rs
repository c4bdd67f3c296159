//! `mode`: how keys come, and what they cost.

use super::{About, Argument, Arguments, Context, Operands, Outcome, SUCCESS, flag};
use crate::shell::{Mode, Typing};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[-v | -q] [line | char]",
    summary: "send each key, or whole lines; show what they cost",
    options: &[
        flag("v", "", "show what each command line costs on the wire"),
        flag("q", "", "show it no more"),
    ],
    operands: Operands::Words(&["char", "line"]),
    ..About::NEW
};

/// Runs the command. The switch itself is made by the session, after the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let mut asked = false;
    for argument in arguments {
        asked = true;
        match argument {
            Argument::Option(name, _) => context.channel.meter.set(name == "v"),
            Argument::Operand("line") => context.channel.mode.set(Some(Mode::Line)),
            Argument::Operand("char") => context.channel.mode.set(Some(Mode::Character)),
            Argument::Operand(word) => {
                context.complain(format_args!("'{word}' is neither 'line' nor 'char'")).await;
                return context.misused().await;
            }
        }
    }
    if !asked {
        tell(context).await;
    }
    SUCCESS
}

async fn tell(context: &Context<'_>) {
    let screen = context.screen;
    let typing = match screen.typing {
        Typing::Keys => "character mode: each key is sent by itself, and echoed by the board",
        Typing::Lines => "line mode: the client edits and echoes, and sends whole lines",
        Typing::Linemode => "line mode, by LINEMODE: the client edits, echoes and interrupts",
    };
    context.print(format_args!("{typing}\n")).await;
    let name = if context.terminal.is_empty() { "unknown" } else { context.terminal };
    context.print(format_args!("terminal {name}, {} columns", screen.columns)).await;
    if screen.rows > 0 {
        context.print(format_args!(", {} rows", screen.rows)).await;
    }
    context.write("\n").await;
}
