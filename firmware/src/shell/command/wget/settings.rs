//! What `wget` is asked to do.

use core::fmt;
use core::time::Duration;

use super::super::{Argument, Arguments, seconds};
use crate::limits::WORDS_MAX;
use crate::net::names::resolver::Family;

/// Where content goes. There are no files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// It is counted and summed up.
    Counted,
    /// To the screen: `-O -`.
    Screen,
    /// The same, under a name: `/dev/null` is the one where that is what is asked for.
    Named(&'a str),
}

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// `-q`.
    Nothing,
    /// `-nv`: a line for what was fetched, and what went wrong.
    Little,
    /// Everything.
    All,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Settings<'a> {
    /// Where content goes.
    pub output: Output<'a>,
    /// How much is told.
    pub told: Told,
    /// The response's head is printed.
    pub head: bool,
    /// Only looked whether it is there.
    pub spider: bool,
    /// Tries; 0: for ever.
    pub tries: u32,
    /// How long each wait may take; `None`: as long as it does.
    pub timeout: Option<Duration>,
    /// Redirections that are followed.
    pub redirections: u32,
    /// Which addresses are wanted.
    pub family: Family,
    /// What is to be fetched.
    pub urls: heapless::Vec<&'a str, WORDS_MAX>,
}

/// What is wrong with an option's value, in the words of wget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong<'a> {
    /// Not a time.
    Period(&'a str),
    /// A time below zero.
    Negative(&'a str),
    /// Not a number, of this option.
    Number(&'static str, &'a str),
    /// `-n` and a letter that means nothing.
    Letter(&'a str),
}

impl fmt::Display for Wrong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Period(text) => write!(f, "--timeout: Invalid time period ‘{text}’"),
            Self::Negative(text) => write!(f, "--timeout: Negative time period ‘{text}’"),
            Self::Number(option, text) => write!(f, "--{option}: Invalid number ‘{text}’."),
            Self::Letter(text) => write!(f, "invalid option -- 'n{text}'"),
        }
    }
}

impl<'a> Settings<'a> {
    /// Reads the arguments.
    ///
    /// # Errors
    /// The first [`Wrong`].
    pub fn read(arguments: Arguments<'a>) -> Result<Self, Wrong<'a>> {
        let mut settings = Self {
            output: Output::Counted,
            told: Told::All,
            head: false,
            spider: false,
            tries: 20,
            timeout: Some(Duration::from_secs(900)),
            redirections: 20,
            family: Family::Any,
            urls: heapless::Vec::new(),
        };
        for argument in arguments {
            match argument {
                Argument::Option("output-document", "-") => settings.output = Output::Screen,
                Argument::Option("output-document", name) => settings.output = Output::Named(name),
                Argument::Option("quiet", _) => settings.told = Told::Nothing,
                Argument::Option("no-verbose", _) | Argument::Option("n", "v") => {
                    settings.told = Told::Little;
                }
                Argument::Option("verbose", _) => settings.told = Told::All,
                Argument::Option("n", text) => return Err(Wrong::Letter(text)),
                Argument::Option("server-response", _) => settings.head = true,
                Argument::Option("spider", _) => settings.spider = true,
                Argument::Option("timeout", text) => settings.timeout = period(text)?,
                Argument::Option("tries", "inf") => settings.tries = 0,
                Argument::Option("tries", text) => settings.tries = number("tries", text)?,
                Argument::Option("max-redirect", text) => {
                    settings.redirections = number("max-redirect", text)?;
                }
                Argument::Option("inet4-only", _) => settings.family = Family::V4,
                Argument::Option("inet6-only", _) => settings.family = Family::V6,
                Argument::Option(..) => {}
                // Cannot fail: a command line has no more words.
                Argument::Operand(url) => drop(settings.urls.push(url)),
            }
        }
        Ok(settings)
    }
}

/// A time; 0 is none.
fn period(text: &str) -> Result<Option<Duration>, Wrong<'_>> {
    let (micros, unit) = seconds::read(text).ok_or(Wrong::Period(text))?;
    if micros < 0 {
        return Err(Wrong::Negative(text));
    }
    let times = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(Wrong::Period(text)),
    };
    let micros = micros.unsigned_abs().saturating_mul(times);
    Ok((micros > 0).then(|| Duration::from_micros(micros)))
}

/// A number that is not below zero. As with the real one, what is no number is 0.
fn number<'a>(option: &'static str, text: &'a str) -> Result<u32, Wrong<'a>> {
    if text.starts_with('-') {
        return Err(Wrong::Number(option, text));
    }
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    Ok(if end == 0 { 0 } else { text[..end].parse().unwrap_or(u32::MAX) })
}
