//! `clear`: an empty screen.

use super::{About, Arguments, Context, Outcome, SUCCESS};

/// How it is used.
pub const ABOUT: About = About { summary: "clear the terminal screen", ..About::NEW };

/// Home, all of the screen, and what was scrolled away: what ncurses' clear sends to an xterm.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

/// Runs the command.
pub async fn run(context: &Context<'_>, _: Arguments<'_>) -> Outcome {
    context.write(CLEAR).await;
    SUCCESS
}
