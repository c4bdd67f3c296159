//! What the user asks of `traceroute`, and what is wrong with it in the words of traceroute 2.1.2,
//! which names the position of a wrong word.

use core::fmt;
use core::time::Duration;

use super::super::{Opt, seconds};
use super::OPTIONS;
use crate::limits::TRACEROUTE_PROBES;
use crate::net::names::resolver::Family;

/// Probes that are under way at a time, unless `-N` says otherwise.
const SIMULTANEOUS: usize = 16;
/// The longest packet.
const PACKET_BYTES_MAX: usize = 65_000;
/// Probes of each hop at most.
const QUERIES_MAX: usize = 10;
/// Hops at most.
const HOPS_MAX: usize = 255;

/// The settings of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings<'a> {
    /// Where to.
    pub target: &'a str,
    /// The target's position among the words.
    pub target_at: usize,
    /// Which addresses of a name.
    pub family: Family,
    /// By ICMP echo instead of UDP.
    pub by_icmp: bool,
    /// No names.
    pub numeric: bool,
    /// The first hop.
    pub first: usize,
    /// The last hop.
    pub hops: usize,
    /// Probes of each hop.
    pub queries: usize,
    /// Probes under way at a time.
    pub simultaneous: usize,
    /// The first UDP port, or ICMP sequence number.
    pub port: Option<u16>,
    /// Type of service.
    pub traffic_class: u8,
    /// How long a probe is waited for.
    pub wait: Wait,
    /// Bytes of a packet with all headers.
    pub packet_bytes: Option<usize>,
}

/// How long a probe is waited for: `most`, or so many times as long as another answer took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// In any case.
    pub most: Duration,
    /// From the same hop; in millionths.
    pub here: i64,
    /// From a later hop; in millionths.
    pub near: i64,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Self {
            target: "",
            target_at: 0,
            family: Family::Any,
            by_icmp: false,
            numeric: false,
            first: 1,
            hops: 30,
            queries: 3,
            simultaneous: SIMULTANEOUS,
            port: None,
            traffic_class: 0,
            wait: Wait { most: Duration::from_secs(5), here: 3_000_000, near: 10_000_000 },
            packet_bytes: None,
        }
    }
}

/// What is wrong with the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong<'a> {
    /// No such option.
    Option(&'a str, usize),
    /// No such letter.
    Letter(char, usize),
    /// The option's value is missing.
    NoValue(&'static Opt, usize),
    /// The option's value makes no sense.
    Value(&'static Opt, &'a str, usize),
    /// `packetlen` is no number.
    PacketLength(&'a str, usize),
    /// It is too long.
    TooLong(usize),
    /// A word too many.
    Extra(&'a str, usize),
    /// `-f` and `-m`.
    FirstHop,
    /// `-m`.
    Hops,
    /// `-q`.
    Queries,
    /// `-w`.
    Wait(i64, i64, i64),
    /// No target.
    NoTarget,
}

impl fmt::Display for Wrong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Option(word, at) => write!(f, "Bad option `{word}' (argc {at})"),
            Self::Letter(letter, at) => write!(f, "Bad option `-{letter}' (argc {at})"),
            Self::NoValue(Opt { short, value, .. }, at) => {
                write!(f, "Option `-{short}' (argc {at}) requires an argument: `-{short} {value}'")
            }
            Self::Value(Opt { short, .. }, value, at) => {
                write!(f, "Cannot handle `-{short}' option with arg `{value}' (argc {at})")
            }
            Self::PacketLength(word, at) => write!(
                f,
                "Cannot handle \"packetlen\" cmdline arg `{word}' on position 2 (argc {at})"
            ),
            Self::TooLong(bytes) => write!(f, "too big packetlen {bytes} specified"),
            Self::Extra(word, at) => write!(f, "Extra arg `{word}' (position 3, argc {at})"),
            Self::FirstHop => f.write_str("first hop out of range"),
            Self::Hops => write!(f, "max hops cannot be more than {HOPS_MAX}"),
            Self::Queries => write!(f, "no more than {QUERIES_MAX} probes per hop"),
            Self::Wait(most, here, near) => {
                let [most, here, near] = [most, here, near].map(|micros| micros / 1_000_000);
                write!(f, "bad wait specifications `{most},{here},{near}' used")
            }
            Self::NoTarget => Ok(()),
        }
    }
}

impl<'a> Settings<'a> {
    /// Reads the words behind the command's name.
    ///
    /// # Errors
    /// [`Wrong`].
    pub fn read(name: &str, words: &[&'a str]) -> Result<Self, Wrong<'a>> {
        let mut settings = Self::default();
        if name == "traceroute6" {
            settings.family = Family::V6;
        }
        let mut words = words.iter().copied().zip(1..);
        let mut operands = 0;
        while let Some((word, at)) = words.next() {
            if let Some(long) = word.strip_prefix("--").filter(|long| !long.is_empty()) {
                let (name, value) =
                    long.split_once('=').map_or((long, None), |(a, b)| (a, Some(b)));
                let option = OPTIONS.iter().find(|option| option.long == name);
                let option = option.ok_or(Wrong::Option(word, at))?;
                let value = match (option.value, value) {
                    ("", None) => ("", at),
                    ("", Some(_)) => return Err(Wrong::Option(word, at)),
                    (_, Some(value)) => (value, at),
                    (_, None) => words.next().ok_or(Wrong::NoValue(option, at))?,
                };
                settings.option(option, value)?;
            } else if let Some(letters) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
                let mut letters = letters.chars();
                while let Some(letter) = letters.next() {
                    let is_it = |option: &&Opt| option.short.starts_with(letter);
                    let option = OPTIONS.iter().find(is_it).ok_or(Wrong::Letter(letter, at))?;
                    let value = match (option.value, letters.as_str()) {
                        ("", _) => ("", at),
                        (_, "") => words.next().ok_or(Wrong::NoValue(option, at))?,
                        (_, rest) => {
                            letters = "".chars();
                            (rest, at)
                        }
                    };
                    settings.option(option, value)?;
                }
            } else {
                operands += 1;
                match operands {
                    1 => (settings.target, settings.target_at) = (word, at),
                    2 => {
                        let bytes = word.parse().map_err(|_| Wrong::PacketLength(word, at))?;
                        settings.packet_bytes = Some(bytes);
                    }
                    _ => return Err(Wrong::Extra(word, at)),
                }
            }
        }
        settings.check()
    }

    fn option(
        &mut self,
        option: &'static Opt,
        (value, at): (&'a str, usize),
    ) -> Result<(), Wrong<'a>> {
        let wrong = Wrong::Value(option, value, at);
        match option.short {
            "4" => self.family = Family::V4,
            "6" => self.family = Family::V6,
            "I" => self.by_icmp = true,
            "n" => self.numeric = true,
            "f" => self.first = value.parse().map_err(|_| wrong)?,
            "m" => self.hops = value.parse().map_err(|_| wrong)?,
            "q" => self.queries = value.parse().map_err(|_| wrong)?,
            "N" => {
                let count: usize = value.parse().map_err(|_| wrong)?;
                self.simultaneous = count.clamp(1, TRACEROUTE_PROBES);
            }
            "p" => self.port = Some(value.parse().map_err(|_| wrong)?),
            "t" => self.traffic_class = value.parse().map_err(|_| wrong)?,
            "w" => self.wait = wait(value).ok_or(wrong)??,
            _ => {}
        }
        Ok(())
    }

    fn check(self) -> Result<Self, Wrong<'a>> {
        let Self { first, hops, queries, packet_bytes, .. } = self;
        if self.target.is_empty() {
            return Err(Wrong::NoTarget);
        }
        if first == 0 || first > hops {
            return Err(Wrong::FirstHop);
        }
        if hops > HOPS_MAX {
            return Err(Wrong::Hops);
        }
        if queries == 0 || queries > QUERIES_MAX {
            return Err(Wrong::Queries);
        }
        match packet_bytes {
            Some(bytes) if bytes > PACKET_BYTES_MAX => Err(Wrong::TooLong(bytes)),
            _ => Ok(self),
        }
    }
}

/// `MAX,HERE,NEAR`; without the last two, other answers do not shorten the wait. The inner error
/// is of numbers that make no sense.
fn wait(text: &str) -> Option<Result<Wait, Wrong<'static>>> {
    let mut parts = text.split(',');
    let mut next = || match parts.next() {
        None => Some(0),
        Some(part) => seconds::read(part).filter(|(_, rest)| rest.is_empty()).map(|(n, _)| n),
    };
    let (most, here, near) = (next()?, next()?, next()?);
    if parts.next().is_some() {
        return None;
    }
    Some(match u64::try_from(most) {
        Ok(micros) if here >= 0 && near >= 0 => {
            Ok(Wait { most: Duration::from_micros(micros), here, near })
        }
        _ => Err(Wrong::Wait(most, here, near)),
    })
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn mistakes_in_the_words_of_the_tool() {
        // Each as traceroute 2.1.2 printed it.
        let rows: [(&[&str], &str); 16] = [
            (&["-Z"], "Bad option `-Z' (argc 1)"),
            (&["--foo", "x"], "Bad option `--foo' (argc 1)"),
            (&["-m"], "Option `-m' (argc 1) requires an argument: `-m max_ttl'"),
            (&["-m", "0", "x"], "first hop out of range"),
            (&["-m", "300", "x"], "max hops cannot be more than 255"),
            (&["-q", "11", "x"], "no more than 10 probes per hop"),
            (&["-q", "0", "x"], "no more than 10 probes per hop"),
            (&["-q", "x", "x"], "Cannot handle `-q' option with arg `x' (argc 2)"),
            (&["-q", "3x", "x"], "Cannot handle `-q' option with arg `3x' (argc 2)"),
            (&["-f", "40", "x"], "first hop out of range"),
            (&["-w", "x", "x"], "Cannot handle `-w' option with arg `x' (argc 2)"),
            (&["-w", "-1", "x"], "bad wait specifications `-1,0,0' used"),
            (&["x", "100000"], "too big packetlen 100000 specified"),
            (&["a", "x"], "Cannot handle \"packetlen\" cmdline arg `x' on position 2 (argc 2)"),
            (&["a", "60", "70"], "Extra arg `70' (position 3, argc 3)"),
            (&["-p", "x", "a"], "Cannot handle `-p' option with arg `x' (argc 2)"),
        ];
        for (words, expected) in rows {
            let wrong = Settings::read("traceroute", words).unwrap_err();
            assert_eq!(wrong.to_string(), expected, "{words:?}");
        }
        assert_eq!(Settings::read("traceroute", &["-n"]), Err(Wrong::NoTarget));
    }

    #[test]
    fn settings_are_read() {
        let words = ["-nIq1", "--max-hops=5", "h", "-w", "1.5", "100", "-N", "0"];
        let settings = Settings::read("traceroute6", &words).unwrap();
        assert_eq!((settings.target, settings.target_at), ("h", 3));
        assert_eq!((settings.numeric, settings.by_icmp), (true, true));
        assert_eq!((settings.queries, settings.hops, settings.simultaneous), (1, 5, 1));
        assert_eq!(settings.packet_bytes, Some(100));
        let wait = Wait { most: Duration::from_millis(1500), here: 0, near: 0 };
        assert_eq!((settings.wait, settings.family), (wait, Family::V6));
    }
}
