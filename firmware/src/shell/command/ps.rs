//! `ps`: the tasks, in the columns of procps.
//!
//! A task is what a process is elsewhere: its number stands for the PID, its future's size for its
//! memory. All are root's, and all are shown, with or without `-e` or `ax`.

use core::fmt;
use core::time::Duration;

use super::date::Formatted;
use super::{About, Arguments, Context, FAILURE, Misuse, Order, Outcome, SUCCESS, Then, flag};
use crate::clock::UnixTime;
use crate::limits::SHELL_TEXT_BYTES;
use crate::tasks::TaskInfo;
use crate::{Text, limits};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[-ef] [aux]",
    summary: "list the tasks",
    options: &[
        flag("A", "", "all processes"),
        flag("e", "", "all processes"),
        flag("f", "", "full-format"),
    ],
    order: Order::Raw,
    usage: Some(USAGE),
    misuse: Misuse { then: Then::Text(TRY), ..About::NEW.misuse },
    ..About::NEW
};

const USAGE: &str = "
Usage:
 ps [options]

Basic options:
 -A, -e               all processes
  a                   all with tty, except session leaders
  x                   processes without controlling ttys

Output formats:
 -f                   full-format, including command lines
  u                   user-oriented format

For more details see ps(1).
";
// In the words of procps.
const TRY: &str = "
Usage:
 ps [options]

 Try 'ps --help <simple|list|output|threads|misc|all>'
  or 'ps --help <s|l|o|t|m|a>'
 for additional help text.

For more details see ps(1).
";

/// The columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Plain,
    /// `-f`.
    Full,
    /// `u`.
    User,
}

/// What the columns are taken from.
struct View {
    up: Duration,
    started: Option<UnixTime>,
    memory_bytes: u64,
}

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let form = match read(arguments.rest()) {
        Ok(form) => form,
        Err(wrong) => {
            context.print(format_args!("error: {wrong}\n")).await;
            context.write(TRY).await;
            return FAILURE;
        }
    };
    let system = context.system;
    let view = View {
        up: system.now(),
        started: system.clock_at(Duration::ZERO),
        memory_bytes: system.facts().memory_bytes,
    };
    context.write(form.title()).await;
    for task in &system.tasks() {
        let mut text = Text::<SHELL_TEXT_BYTES>::new();
        // A Text never fails: what does not fit is cut.
        let _ = write_row(&mut text, form, task, &view);
        context.write(&text).await;
    }
    SUCCESS
}

fn read(words: &[&str]) -> Result<Form, &'static str> {
    let mut form = Form::Plain;
    for word in words {
        let (letters, known, wrong) = match word.strip_prefix('-') {
            Some(name) if name.starts_with('-') => return Err("unknown gnu long option"),
            Some(letters) => (letters, "Aef", "unsupported SysV option"),
            None => (*word, "axu", "unsupported option (BSD syntax)"),
        };
        for letter in letters.chars() {
            match letter {
                'f' if known.contains('f') => form = Form::Full,
                'u' if known.contains('u') => form = Form::User,
                _ if known.contains(letter) => {}
                _ => return Err(wrong),
            }
        }
    }
    Ok(form)
}

impl Form {
    fn title(self) -> &'static str {
        match self {
            Self::Plain => "    PID TTY          TIME CMD\n",
            Self::Full => "UID          PID    PPID  C STIME TTY          TIME CMD\n",
            Self::User => {
                "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n"
            }
        }
    }
}

fn write_row(out: &mut impl fmt::Write, form: Form, task: &TaskInfo, view: &View) -> fmt::Result {
    let TaskInfo { number, name, bytes, busy, runs, .. } = *task;
    let seconds = busy.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60);
    // Thousandths of the time since the start.
    let share = busy.as_micros() * 1000 / view.up.as_micros().max(1);
    let time: Text<24> =
        Text::of(format_args!("{hours:02}:{:02}:{:02}", minutes % 60, seconds % 60));
    let start_text: Text<8> = match view.started {
        Some(started) => Text::of(format_args!("{}", Formatted(started, "%H:%M"))),
        None => Text::from("-"),
    };
    let start = start_text.as_str();
    match form {
        Form::Plain => writeln!(out, "{number:7} ?        {time} {name}"),
        Form::Full => {
            let percent = (share / 10).min(99);
            writeln!(
                out,
                "root     {number:7}       0 {percent:2} {start:5} ?        {time} {name}"
            )
        }
        Form::User => {
            let kibibytes = bytes.div_ceil(1024);
            let memory = bytes as u64 * 1000 / view.memory_bytes.max(1);
            let state = if runs { "R" } else { "S" };
            writeln!(
                out,
                "root     {number:7} {:2}.{} {:2}.{} {kibibytes:6} {kibibytes:5} ?        \
                 {state:<4} {start:5}   {}:{:02} {name}",
                share / 10,
                share % 10,
                memory / 10,
                memory % 10,
                minutes,
                seconds % 60,
            )
        }
    }
}

const _: () = assert!(limits::TASKS_MAX < 1_000_000, "seven columns");

#[cfg(test)]
mod tests {
    use std::string::String;

    use super::*;

    #[test]
    fn rows_stand_below_their_titles() {
        let task = TaskInfo {
            number: 7,
            name: "telnetd",
            bytes: 20_000,
            turns: 9,
            busy: Duration::from_secs(90),
            runs: true,
        };
        let mut view = View { up: Duration::from_secs(900), started: None, memory_bytes: 1 << 30 };
        let row = |form, view: &View| {
            let mut out = String::new();
            write_row(&mut out, form, &task, view).unwrap();
            out
        };
        assert_eq!(row(Form::Plain, &view), "      7 ?        00:01:30 telnetd\n");
        assert_eq!(
            row(Form::Full, &view),
            "root           7       0 10 -     ?        00:01:30 telnetd\n"
        );
        view.started = Some(UnixTime::new(Duration::from_secs(3 * 3600 + 180)));
        assert_eq!(
            row(Form::User, &view),
            "root           7 10.0  0.0     20    20 ?        R    03:03   1:30 telnetd\n"
        );
        for form in [Form::Plain, Form::Full, Form::User] {
            let column = |text: &str, word| text.find(word).unwrap();
            let name = if form == Form::User { "COMMAND" } else { "CMD" };
            assert_eq!(column(form.title(), name), column(&row(form, &view), "telnetd"));
            assert_eq!(column(form.title(), "TTY"), column(&row(form, &view), "?"));
        }
    }

    #[test]
    fn options_of_three_kinds() {
        for (words, expected) in [
            (&[][..], Ok(Form::Plain)),
            (&["-e"], Ok(Form::Plain)),
            (&["-ef"], Ok(Form::Full)),
            (&["aux"], Ok(Form::User)),
            (&["ax", "u"], Ok(Form::User)),
            (&["-z"], Err("unsupported SysV option")),
            (&["-u"], Err("unsupported SysV option")),
            (&["z"], Err("unsupported option (BSD syntax)")),
            (&["--wrong"], Err("unknown gnu long option")),
        ] {
            assert_eq!(read(words), expected, "{words:?}");
        }
    }
}
