//! How the fault dial is turned and shown: in the words of Linux's `tc qdisc ... netem`, for the
//! shell's command and the Lab page.

use core::fmt;
use core::time::Duration;

use super::fate::{Faults, PartsPerMillion};

/// Why the words make no sense; in tc's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong<'a> {
    /// There is no such word.
    What(&'a str),
    /// A word that has a value, and one that it cannot have.
    Illegal(&'static str, &'a str),
    /// A word without its value.
    Missing(&'static str),
    /// Frames can only overtake others that are late.
    ReorderAlone,
}

impl fmt::Display for Wrong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::What(word) => write!(f, "What is \"{word}\"?"),
            Self::Illegal(what, word) => write!(f, "Illegal \"{what}\": \"{word}\""),
            Self::Missing(what) => write!(f, "\"{what}\" needs a value"),
            Self::ReorderAlone => {
                f.write_str("reordering not possible without specifying some delay")
            }
        }
    }
}

/// `5%`, `0.1%`, or the same without the sign.
fn percent(word: &str) -> Option<PartsPerMillion> {
    let word = word.strip_suffix('%').unwrap_or(word);
    let (whole, part) = word.split_once('.').unwrap_or((word, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 4 || whole.is_empty() {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let tail = 10_u32.pow(4 - part.len() as u32);
    let part = if part.is_empty() { 0 } else { part.parse::<u32>().ok()? * tail };
    let share = whole.checked_mul(10_000)?.checked_add(part)?;
    (share <= 1_000_000).then_some(share)
}

/// A number and its unit.
fn measure<'a>(word: &'a str, units: &[(&str, u64)]) -> Option<u64> {
    let end = word.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(word.len());
    let (number, unit): (&'a str, &'a str) = word.split_at(end);
    let &(_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// `10ms`; a bare number is microseconds, as tc has it.
fn time(word: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 8] = [
        ("", 1),
        ("us", 1),
        ("usec", 1),
        ("ms", 1000),
        ("msec", 1000),
        ("s", 1_000_000),
        ("sec", 1_000_000),
        ("secs", 1_000_000),
    ];
    /// Nobody waits longer for a frame.
    const LONGEST: Duration = Duration::from_secs(60);
    let time = Duration::from_micros(measure(word, &UNITS)?);
    (time <= LONGEST).then_some(time)
}

/// `1mbit`: bits a second.
fn rate(word: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 7] = [
        ("", 1),
        ("bit", 1),
        ("kbit", 1000),
        ("mbit", 1_000_000),
        ("gbit", 1_000_000_000),
        ("kbps", 8000),
        ("mbps", 8_000_000),
    ];
    measure(word, &UNITS).filter(|&rate| rate > 0)
}

impl Faults {
    /// The dial as the words turn it; `off` turns it back.
    ///
    /// # Errors
    /// [`Wrong`], which says what it does not understand.
    pub fn read<'a>(words: &mut dyn Iterator<Item = &'a str>) -> Result<Self, Wrong<'a>> {
        let mut faults = Faults::default();
        let mut words = words.peekable();
        while let Some(word) = words.next() {
            let mut share = |name: &'static str, illegal: &'static str| {
                let text = words.next().ok_or(Wrong::Missing(name))?;
                percent(text).ok_or(Wrong::Illegal(illegal, text))
            };
            match word {
                "off" => {
                    return words
                        .next()
                        .map_or(Ok(Faults::default()), |more| Err(Wrong::What(more)));
                }
                "loss" | "drop" => faults.loss = share("loss", "loss percent")?,
                "duplicate" => faults.duplicate = share("duplicate", "duplicate")?,
                "corrupt" => faults.corrupt = share("corrupt", "corrupt")?,
                "reorder" => faults.reorder = share("reorder", "reorder")?,
                "delay" | "latency" => {
                    let text = words.next().ok_or(Wrong::Missing("delay"))?;
                    faults.delay = time(text).ok_or(Wrong::Illegal("latency", text))?;
                    if let Some(jitter) = words.peek().and_then(|word| time(word)) {
                        faults.jitter = jitter;
                        words.next();
                    }
                }
                "rate" => {
                    let text = words.next().ok_or(Wrong::Missing("rate"))?;
                    faults.rate = rate(text).ok_or(Wrong::Illegal("rate", text))?;
                }
                other => return Err(Wrong::What(other)),
            }
        }
        if faults.reorder > 0 && faults.delay.is_zero() {
            return Err(Wrong::ReorderAlone);
        }
        Ok(faults)
    }
}

/// In the same words, each with a space in front; nothing if frames pass untouched.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = self;
        if !faults.delay.is_zero() || !faults.jitter.is_zero() {
            write!(f, " delay {}", Time(faults.delay))?;
        }
        if !faults.jitter.is_zero() {
            write!(f, "  {}", Time(faults.jitter))?;
        }
        for (name, share) in [
            ("loss", faults.loss),
            ("duplicate", faults.duplicate),
            ("reorder", faults.reorder),
            ("corrupt", faults.corrupt),
        ] {
            if share > 0 {
                write!(f, " {name} {}", Percent(share))?;
            }
        }
        if faults.rate > 0 {
            write!(f, " rate {}", Rate(faults.rate))?;
        }
        Ok(())
    }
}

/// A time, as [`Faults::read`] takes it.
#[derive(Clone, Copy, Debug)]
pub struct Time(pub Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_micros() {
            micros if micros >= 1_000_000 && micros.is_multiple_of(1_000_000) => {
                write!(f, "{}s", micros / 1_000_000)
            }
            micros if micros >= 1000 && micros.is_multiple_of(1000) => {
                write!(f, "{}ms", micros / 1000)
            }
            micros => write!(f, "{micros}us"),
        }
    }
}

/// A share, as [`Faults::read`] takes it.
#[derive(Clone, Copy, Debug)]
pub struct Percent(pub PartsPerMillion);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 10_000, self.0 % 10_000);
        match part {
            0 => write!(f, "{whole}%"),
            part if part.is_multiple_of(1000) => write!(f, "{whole}.{}%", part / 1000),
            part if part.is_multiple_of(100) => write!(f, "{whole}.{:02}%", part / 100),
            part => write!(f, "{whole}.{part:04}%"),
        }
    }
}

/// Bits a second, as [`Faults::read`] takes them.
#[derive(Clone, Copy, Debug)]
pub struct Rate(pub u64);

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            rate if rate.is_multiple_of(1_000_000) => write!(f, "{}Mbit", rate / 1_000_000),
            rate if rate.is_multiple_of(1000) => write!(f, "{}Kbit", rate / 1000),
            rate => write!(f, "{rate}bit"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    fn line(words: &str) -> Result<std::string::String, std::string::String> {
        let faults = Faults::read(&mut words.split(' ')).map_err(|why| why.to_string())?;
        Ok(faults.to_string().trim_start().into())
    }

    #[test]
    fn what_is_set_is_shown() {
        for (words, shown) in [
            ("off", ""),
            ("loss 5%", "loss 5%"),
            ("loss 0.1% delay 10ms 2ms", "delay 10ms  2ms loss 0.1%"),
            ("delay 1500", "delay 1500us"),
            ("delay 2s duplicate 1 corrupt 0.25%", "delay 2s duplicate 1% corrupt 0.25%"),
            ("delay 10msec reorder 25%", "delay 10ms reorder 25%"),
            ("rate 1mbit", "rate 1Mbit"),
            ("rate 64kbit loss 100%", "loss 100% rate 64Kbit"),
            ("rate 1kbps", "rate 8Kbit"),
            ("loss 0.0001%", "loss 0.0001%"),
        ] {
            assert_eq!(line(words).as_deref(), Ok(shown), "{words}");
        }
    }

    #[test]
    fn nonsense_is_named() {
        for (words, why) in [
            ("fire", "What is \"fire\"?"),
            ("loss", "\"loss\" needs a value"),
            ("loss 101%", "Illegal \"loss percent\": \"101%\""),
            ("loss .%", "Illegal \"loss percent\": \".%\""),
            ("loss 1.23456%", "Illegal \"loss percent\": \"1.23456%\""),
            ("loss -1%", "Illegal \"loss percent\": \"-1%\""),
            ("delay soon", "Illegal \"latency\": \"soon\""),
            ("delay 61s", "Illegal \"latency\": \"61s\""),
            ("delay 10ms 5ms 5ms", "What is \"5ms\"?"),
            ("rate 0", "Illegal \"rate\": \"0\""),
            ("rate 99999999999999999999gbit", "Illegal \"rate\": \"99999999999999999999gbit\""),
            ("reorder 5%", "reordering not possible without specifying some delay"),
            ("off now", "What is \"now\"?"),
        ] {
            assert_eq!(line(words), Err(why.into()), "{words}");
        }
    }
}
