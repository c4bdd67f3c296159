//! `date`: the time of day, as GNU coreutils print it. The board knows it from the network (NTP),
//! counts in UTC, and cannot be told it by hand.

use core::fmt::{self, Write};

use super::{About, Arguments, Context, FAILURE, Misuse, Order, Outcome, SUCCESS, Then, flag};
use crate::clock::{Civil, UnixTime};
use crate::limits::SHELL_TEXT_BYTES;
use crate::{System, Text};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[OPTION]... [+FORMAT]",
    summary: "tell the time of day",
    options: &[
        flag("I", "iso-8601", "[FMT]: date, hours, minutes, seconds, ns"),
        flag("R", "rfc-email", "as RFC 5322 has it"),
        flag("u", "utc", "Coordinated Universal Time: it always is"),
    ],
    order: Order::Raw,
    usage: Some(USAGE),
    misuse: Misuse { then: Then::Text(TRY), ..About::NEW.misuse },
    ..About::NEW
};

// In the words of coreutils.
const USAGE: &str = "\
Usage: date [OPTION]... [+FORMAT]
Display date and time in the given FORMAT.

  -I[FMT], --iso-8601[=FMT]  output date/time in ISO 8601 format.
                               FMT='date' for date only (the default),
                               'hours', 'minutes', 'seconds', or 'ns'
                               for date and time to the indicated precision.
  -R, --rfc-email            output date and time in RFC 5322 format.
  -u, --utc, --universal     print Coordinated Universal Time (UTC)
      --help        display this help and exit

FORMAT controls the output: %a %A %b %B %c %C %d %D %e %F %H %I %j %k %l %m %M
%n %N %p %r %R %s %S %t %T %u %w %x %X %y %Y %z %Z, with - for no padding.
";
const TRY: &str = "Try 'date --help' for more information.\n";

const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// How `date` prints unless it is told: that of the C locale.
const PLAIN: &str = "%a %b %e %H:%M:%S %Z %Y";

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let format = match read(arguments.rest()) {
        Ok(format) => format,
        Err(wrong) => {
            context.complain(format_args!("{wrong}")).await;
            return match wrong {
                Wrong::Date(_) => FAILURE,
                _ => context.misused().await,
            };
        }
    };
    let Some(now) = context.system.clock() else {
        let text = format_args!("not known yet: no time server has answered since the start");
        context.complain(text).await;
        return FAILURE;
    };
    let mut text = Text::<SHELL_TEXT_BYTES>::new();
    // A Text never fails: what does not fit is cut.
    let _ = writeln!(text, "{}", Formatted(now, format));
    context.write(&text).await;
    SUCCESS
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong<'a> {
    Letter(char),
    Name(&'a str),
    Precision(&'a str),
    Extra(&'a str),
    Several,
    Date(&'a str),
}

impl fmt::Display for Wrong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Letter(letter) => write!(f, "invalid option -- '{letter}'"),
            Self::Name(name) => write!(f, "unrecognized option '{name}'"),
            Self::Precision(text) => {
                write!(f, "invalid argument ‘{text}’ for ‘--iso-8601’\nValid arguments are:")?;
                PRECISIONS.iter().try_for_each(|(name, _)| write!(f, "\n  - ‘{name}’"))
            }
            Self::Extra(word) => write!(f, "extra operand ‘{word}’"),
            Self::Several => f.write_str("multiple output formats specified"),
            Self::Date(word) => write!(f, "invalid date ‘{word}’"),
        }
    }
}

const PRECISIONS: [(&str, &str); 5] = [
    ("hours", "%FT%H%:z"),
    ("minutes", "%FT%H:%M%:z"),
    ("date", "%F"),
    ("seconds", "%FT%T%:z"),
    ("ns", "%FT%T,%N%:z"),
];

/// The format that the arguments ask for.
fn read<'a>(words: &[&'a str]) -> Result<&'a str, Wrong<'a>> {
    let mut format = None;
    let mut set = |new: &'a str| match format.replace(new) {
        None => Ok(()),
        Some(_) => Err(Wrong::Several),
    };
    let mut operand = None;
    for &word in words {
        match word {
            "--utc" | "--universal" => {}
            "--rfc-email" => set(EMAIL)?,
            "--iso-8601" => set("%F")?,
            _ if word.starts_with("--iso-8601=") => set(iso(&word["--iso-8601=".len()..])?)?,
            _ if word.starts_with("--") => return Err(Wrong::Name(word)),
            _ if word.len() > 1 && word.starts_with('-') => {
                for (at, letter) in word.char_indices().skip(1) {
                    match letter {
                        'u' => {}
                        'R' => set(EMAIL)?,
                        'I' => {
                            set(iso(&word[at + 1..])?)?;
                            break;
                        }
                        _ => return Err(Wrong::Letter(letter)),
                    }
                }
            }
            _ if operand.is_some() => return Err(Wrong::Extra(word)),
            _ => operand = Some(word),
        }
    }
    if let Some(word) = operand {
        set(word.strip_prefix('+').ok_or(Wrong::Date(word))?)?;
    }
    Ok(format.unwrap_or(PLAIN))
}

const EMAIL: &str = "%a, %d %b %Y %H:%M:%S %z";

fn iso(precision: &str) -> Result<&'static str, Wrong<'_>> {
    if precision.is_empty() {
        return Ok("%F");
    }
    let mut known = PRECISIONS.iter().filter(|(name, _)| name.starts_with(precision));
    known.next().map(|(_, format)| *format).ok_or(Wrong::Precision(precision))
}

/// A time in a format of strftime(3).
pub struct Formatted<'a>(pub UnixTime, pub &'a str);

impl fmt::Display for Formatted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(time, format) = *self;
        let civil = time.civil();
        let mut rest = format;
        while let Some(at) = rest.find('%') {
            f.write_str(&rest[..at])?;
            let after = &rest[at + 1..];
            let flag = after.chars().next().filter(|flag| "-_0:".contains(*flag));
            let conversion = &after[flag.map_or(0, char::len_utf8)..];
            let Some(letter) = conversion.chars().next() else {
                return f.write_str(&rest[at..]);
            };
            rest = &conversion[letter.len_utf8()..];
            if !field(f, time, &civil, letter, flag)? {
                let flag = flag.map_or("", |_| &after[..1]);
                write!(f, "%{flag}{letter}")?;
            }
        }
        f.write_str(rest)
    }
}

/// Writes one conversion; false if it is none.
fn field(
    f: &mut fmt::Formatter<'_>,
    time: UnixTime,
    civil: &Civil,
    letter: char,
    flag: Option<char>,
) -> Result<bool, fmt::Error> {
    let hour12 = (civil.hour + 11) % 12 + 1;
    let day = DAYS[usize::from(civil.weekday % 7)];
    let month = MONTHS[usize::from((civil.month + 11) % 12)];
    let half = if civil.hour < 12 { "AM" } else { "PM" };
    let seconds = time.since_1970().as_secs();
    // What it is made of, or a number: how many digits, and what fills them.
    let (number, digits, fill) = match letter {
        'a' => return f.write_str(&day[..3]).map(|()| true),
        'A' => return f.write_str(day).map(|()| true),
        'b' | 'h' => return f.write_str(&month[..3]).map(|()| true),
        'B' => return f.write_str(month).map(|()| true),
        'p' => return f.write_str(half).map(|()| true),
        'P' => return f.write_str(if half == "AM" { "am" } else { "pm" }).map(|()| true),
        'Z' => return f.write_str("UTC").map(|()| true),
        'z' if flag == Some(':') => return f.write_str("+00:00").map(|()| true),
        'z' => return f.write_str("+0000").map(|()| true),
        'n' => return f.write_str("\n").map(|()| true),
        't' => return f.write_str("\t").map(|()| true),
        '%' => return f.write_str("%").map(|()| true),
        'c' => return write!(f, "{}", Formatted(time, "%a %b %e %H:%M:%S %Y")).map(|()| true),
        'D' | 'x' => return write!(f, "{}", Formatted(time, "%m/%d/%y")).map(|()| true),
        'F' => return write!(f, "{}", Formatted(time, "%Y-%m-%d")).map(|()| true),
        'r' => return write!(f, "{}", Formatted(time, "%I:%M:%S %p")).map(|()| true),
        'R' => return write!(f, "{}", Formatted(time, "%H:%M")).map(|()| true),
        'T' | 'X' => return write!(f, "{}", Formatted(time, "%H:%M:%S")).map(|()| true),
        'C' => (civil.year / 100, 2, '0'),
        'd' => (civil.day.into(), 2, '0'),
        'e' => (civil.day.into(), 2, ' '),
        'H' => (civil.hour.into(), 2, '0'),
        'I' => (hour12.into(), 2, '0'),
        'j' => (u64::from(civil.day_of_year) + 1, 3, '0'),
        'k' => (civil.hour.into(), 2, ' '),
        'l' => (hour12.into(), 2, ' '),
        'm' => (civil.month.into(), 2, '0'),
        'M' => (civil.minute.into(), 2, '0'),
        'N' => (civil.nanosecond.into(), 9, '0'),
        's' => (seconds, 1, '0'),
        'S' => (civil.second.into(), 2, '0'),
        'u' => (u64::from((civil.weekday + 6) % 7) + 1, 1, '0'),
        'w' => (civil.weekday.into(), 1, '0'),
        'y' => (civil.year % 100, 2, '0'),
        'Y' => (civil.year, 4, '0'),
        _ => return Ok(false),
    };
    match (flag, fill) {
        (Some('-'), _) => write!(f, "{number}"),
        (Some('_'), _) | (None, ' ') => write!(f, "{number:digits$}"),
        _ => write!(f, "{number:0digits$}"),
    }
    .map(|()| true)
}

/// A moment as log lines have it: `2026-11-21 10:11:12`. Before the time of day is known it counts
/// from the start of the board, as of 1970, as a Linux machine without a clock does.
pub struct Stamp(UnixTime);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Formatted(self.0, "%Y-%m-%d %H:%M:%S"))
    }
}

/// This moment.
pub fn stamp(system: &System) -> Stamp {
    Stamp(system.clock().unwrap_or(UnixTime::new(system.now())))
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::string::ToString;

    use super::*;

    #[test]
    fn formats_as_the_real_one_prints_them() {
        // TZ=UTC date -u -d @SECONDS +FORMAT
        let time = UnixTime::new(Duration::new(1_795_255_872, 1_000_000));
        for (format, expected) in [
            (PLAIN, "Sat Nov 21 10:11:12 UTC 2026"),
            (EMAIL, "Sat, 21 Nov 2026 10:11:12 +0000"),
            ("%A %B %j %U?", "Saturday November 325 %U?"),
            ("%FT%T.%N%:z %s", "2026-11-21T10:11:12.001000000+00:00 1795255872"),
            (
                "%D %r %R %c|%x|%X",
                "11/21/26 10:11:12 AM 10:11 Sat Nov 21 10:11:12 2026|11/21/26|10:11:12",
            ),
            ("%k.%l.%-I.%-m.%_m.%e.%y.%C.%u.%w.%p.%P", "10.10.10.11.11.21.26.20.6.6.AM.am"),
            ("a%nb%tc%%d %Q%", "a\nb\tc%d %Q%"),
        ] {
            assert_eq!(Formatted(time, format).to_string(), expected, "{format}");
        }
        let early = UnixTime::new(Duration::from_secs(3661));
        let text = Formatted(early, "%e %k %l %-H %_d %u").to_string();
        assert_eq!(text, " 1  1  1 1  1 4");
        assert_eq!(Stamp(early).to_string(), "1970-01-01 01:01:01");
    }

    #[test]
    fn arguments() {
        for (words, expected) in [
            (&[][..], Ok(PLAIN)),
            (&["-u"], Ok(PLAIN)),
            (&["-uR"], Ok(EMAIL)),
            (&["-I"], Ok("%F")),
            (&["-Iseconds"], Ok("%FT%T%:z")),
            (&["--iso-8601=h"], Ok("%FT%H%:z")),
            (&["+%s", "--utc"], Ok("%s")),
            (&["-x"], Err(Wrong::Letter('x'))),
            (&["-Ix"], Err(Wrong::Precision("x"))),
            (&["--foo"], Err(Wrong::Name("--foo"))),
            (&["+%s", "x"], Err(Wrong::Extra("x"))),
            (&["-R", "+%s"], Err(Wrong::Several)),
            (&["tomorrow"], Err(Wrong::Date("tomorrow"))),
        ] {
            assert_eq!(read(words), expected, "{words:?}");
        }
    }
}
