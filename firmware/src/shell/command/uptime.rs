//! `uptime`: how long the board is up, as procps prints it.
//!
//! There is no load, and no time of day before the network has told it: what procps prints of them
//! is left out, and the rest stands as it does there.

use core::fmt::{self, Write as _};
use core::time::Duration;

use super::date::Formatted;
use super::{About, Argument, Arguments, Context, FAILURE, Outcome, SUCCESS, flag};
use crate::Text;

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[-ps]",
    summary: "tell how long the board is up",
    options: &[
        flag("p", "pretty", "show uptime in pretty format"),
        flag("s", "since", "system up since"),
    ],
    usage: Some(USAGE),
    ..About::NEW
};

const USAGE: &str = "
Usage:
 uptime [options]

Options:
 -p, --pretty   show uptime in pretty format
 -h, --help     display this help and exit
 -s, --since    system up since
";

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let (mut pretty, mut since) = (false, false);
    for argument in arguments {
        match argument {
            Argument::Option("since", _) => since = true,
            Argument::Option(..) => pretty = true,
            Argument::Operand(_) => return context.misused().await,
        }
    }
    let system = context.system;
    let up = system.now();
    let mut text = Text::<96>::new();
    // A Text never fails.
    let _ = match (since, pretty, system.clock_at(Duration::ZERO)) {
        (true, _, Some(start)) => write!(text, "{}", Formatted(start, "%Y-%m-%d %H:%M:%S")),
        (true, _, None) => {
            let why = "the time of day is not known: no time server has answered";
            context.complain(format_args!("{why}")).await;
            return FAILURE;
        }
        (_, true, _) => write_pretty(&mut text, up),
        (_, _, start) => {
            if let Some(start) = start {
                let _ = write!(text, " {}", Formatted(start + up, "%H:%M:%S"));
            }
            write_plain(&mut text, up, system.counters().shells.get())
        }
    };
    context.print(format_args!("{text}\n")).await;
    SUCCESS
}

/// ` up 22 min,  1 user`, ` up  1:02,  2 users`, ` up 3 days, 12 min,  1 user`.
fn write_plain(out: &mut impl fmt::Write, up: Duration, users: u64) -> fmt::Result {
    let (days, hours, minutes) = parts(up);
    out.write_str(" up ")?;
    if days > 0 {
        write!(out, "{days} day{}, ", plural(days))?;
    }
    match hours {
        0 => write!(out, "{minutes} min, ")?,
        _ => write!(out, "{hours:2}:{minutes:02}, ")?,
    }
    write!(out, "{users:2} user{}", plural(users))
}

/// `up 1 week, 2 days, 3 hours, 4 minutes`: parts that are zero are left out, but for the minutes
/// of a board that has just started.
fn write_pretty(out: &mut impl fmt::Write, up: Duration) -> fmt::Result {
    let (days, hours, minutes) = parts(up);
    let parts = [
        (days / 365, "year"),
        (days % 365 / 7, "week"),
        (days % 365 % 7, "day"),
        (hours, "hour"),
        (minutes, "minute"),
    ];
    out.write_str("up ")?;
    let mut first = true;
    for (value, unit) in parts {
        if value > 0 || (unit == "minute" && up < Duration::from_secs(60)) {
            let comma = if first { "" } else { ", " };
            write!(out, "{comma}{value} {unit}{}", plural(value))?;
            first = false;
        }
    }
    Ok(())
}

/// Days, hours and minutes.
fn parts(up: Duration) -> (u64, u64, u64) {
    let minutes = up.as_secs() / 60;
    (minutes / 60 / 24, minutes / 60 % 24, minutes % 60)
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use super::*;

    #[test]
    fn plain_and_pretty() {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        const DAY: u64 = 24 * HOUR;
        let rows = [
            (3, 1, " up 0 min,  1 user", "up 0 minutes"),
            (22 * MINUTE + 59, 0, " up 22 min,  0 users", "up 22 minutes"),
            (HOUR + 2 * MINUTE, 2, " up  1:02,  2 users", "up 1 hour, 2 minutes"),
            (DAY + 23 * HOUR, 12, " up 1 day, 23:00, 12 users", "up 1 day, 23 hours"),
            (9 * DAY + MINUTE, 1, " up 9 days, 1 min,  1 user", "up 1 week, 2 days, 1 minute"),
        ];
        for (seconds, users, plain, pretty) in rows {
            let up = Duration::from_secs(seconds);
            let (mut a, mut b) = (String::new(), String::new());
            write_plain(&mut a, up, users).unwrap();
            write_pretty(&mut b, up).unwrap();
            assert_eq!((a.as_str(), b.as_str()), (plain, pretty));
        }
    }
}
