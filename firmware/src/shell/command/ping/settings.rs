//! What the user asks of `ping`, and what is wrong with it in the words of iputils.

use core::fmt;
use core::time::Duration;

use super::super::icmp::{Ask, HEADER_BYTES};
use super::super::{Argument, Arguments, seconds};
use crate::limits::PING_INTERVAL_MIN;
use crate::net::names::resolver::Family;

/// Seconds to wait for the last answers (MAXWAIT of iputils).
const LINGER: Duration = Duration::from_secs(10);
/// Bytes of `-p`.
const PATTERN_BYTES_MAX: usize = 16;
/// The longest time that `-W` takes, in seconds.
const LINGER_SECONDS_MAX: u64 = 1_000_000;
/// And `-i`: what fits into its milliseconds.
const INTERVAL_SECONDS_MAX: u64 = (i32::MAX / 1000) as u64;

/// The settings of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings<'a> {
    /// Whom to ask.
    pub target: &'a str,
    /// What to ask for.
    pub ask: Ask,
    /// Which addresses of a name.
    pub family: Family,
    /// End after so many answers.
    pub count: Option<u64>,
    /// Time between requests.
    pub interval: Duration,
    /// Time to wait for answers to the last request.
    pub linger: Duration,
    /// End after this time in any case.
    pub deadline: Option<Duration>,
    /// Bytes of data.
    pub data_bytes: usize,
    /// TTL.
    pub hop_limit: u8,
    /// Type of service.
    pub traffic_class: u8,
    /// `-M do`.
    pub dont_fragment: bool,
    /// What fills the data.
    pub pattern: Option<heapless::Vec<u8, PATTERN_BYTES_MAX>>,
    /// An interface or an address of ours.
    pub source: Option<&'a str>,
    /// Say which requests have no answer yet.
    pub outstanding: bool,
    /// Only header and summary.
    pub quiet: bool,
    /// Time stamps before each line.
    pub timestamps: bool,
    /// No names.
    pub numeric: bool,
    /// The id of each answer.
    pub verbose: bool,
    /// Broadcast addresses may be asked.
    pub broadcast: bool,
    /// Options that were not understood, but are forgiven as iputils forgives them.
    pub garbage: Option<&'a str>,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Self {
            target: "",
            ask: Ask::Echo,
            family: Family::Any,
            count: None,
            interval: Duration::from_secs(1),
            linger: LINGER,
            deadline: None,
            data_bytes: 56,
            hop_limit: 64,
            traffic_class: 0,
            dont_fragment: false,
            pattern: None,
            source: None,
            outstanding: false,
            quiet: false,
            timestamps: false,
            numeric: false,
            verbose: false,
            broadcast: false,
            garbage: None,
        }
    }
}

/// What is wrong with an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong<'a> {
    /// No number.
    Number(&'a str),
    /// Not within this range.
    Range(&'a str, i64, i64),
    /// More than a machine's number.
    TooLong(&'a str),
    /// `-M`.
    Discovery(&'a str),
    /// `-i`.
    Interval(&'a str),
    /// `-i`, less than is good for others.
    Flood,
    /// `-W`.
    Linger(&'a str),
    /// `-Q`: no number.
    Service(&'a str),
    /// `-Q`: too big.
    ServiceRange(&'a str),
    /// `-p`.
    Pattern(&'a str),
    /// `-t 0`.
    HopLimit,
    /// No target.
    NoTarget,
}

impl Wrong<'_> {
    /// The exit status that iputils gives it.
    pub const fn status(&self) -> u8 {
        match self {
            Self::Number(_) | Self::Range(..) | Self::TooLong(_) | Self::NoTarget => 1,
            _ => 2,
        }
    }
}

impl fmt::Display for Wrong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(text) => write!(f, "invalid argument: '{text}'"),
            Self::Range(text, low, high) => {
                write!(f, "invalid argument: '{text}': out of range: {low} <= value <= {high}")
            }
            Self::TooLong(text) => {
                write!(f, "invalid argument: '{text}': Numerical result out of range")
            }
            Self::Discovery(text) => write!(f, "invalid -M argument: {text}"),
            Self::Interval(text) => write!(f, "bad timing interval: {text}"),
            Self::Flood => write!(
                f,
                "cannot flood; minimal interval allowed for user is {}ms",
                PING_INTERVAL_MIN.as_millis(),
            ),
            Self::Linger(text) => write!(f, "bad linger time: {text}"),
            Self::Service(text) => write!(f, "bad TOS value: {text}"),
            Self::ServiceRange(text) => {
                write!(f, "the decimal value of TOS bits must be in range 0-255: {text}")
            }
            Self::Pattern(text) => write!(f, "patterns must be specified as hex digits: {text}"),
            Self::HopLimit => f.write_str("cannot set unicast time-to-live: Invalid argument"),
            Self::NoTarget => f.write_str("usage error: Destination address required"),
        }
    }
}

impl<'a> Settings<'a> {
    /// Reads the arguments.
    ///
    /// # Errors
    /// [`Wrong`].
    pub fn read(name: &str, arguments: Arguments<'a>) -> Result<Self, Wrong<'a>> {
        let mut settings = Self::default();
        if name == "ping6" {
            settings.family = Family::V6;
        }
        for argument in arguments {
            match argument {
                Argument::Operand(target) => settings.target = target,
                Argument::Option(name, value) => settings.option(name, value)?,
            }
        }
        match settings.target {
            "" => Err(Wrong::NoTarget),
            _ => Ok(settings),
        }
    }

    fn option(&mut self, name: &str, value: &'a str) -> Result<(), Wrong<'a>> {
        match name {
            "4" => self.family = Family::V4,
            "6" => self.family = Family::V6,
            "D" => self.timestamps = true,
            "I" => self.source = Some(value),
            "M" => match value {
                "do" => self.dont_fragment = true,
                "dont" | "want" => self.dont_fragment = false,
                _ => return Err(Wrong::Discovery(value)),
            },
            "O" => self.outstanding = true,
            "Q" => self.traffic_class = service(value)?,
            "W" => {
                let linger = self.seconds(value).ok_or(Wrong::Linger(value))?;
                if linger > Duration::from_secs(LINGER_SECONDS_MAX) {
                    return Err(Wrong::Linger(value));
                }
                self.linger = linger;
            }
            "b" => self.broadcast = true,
            "c" => self.count = Some(number(value, 1, i64::MAX)? as u64),
            "i" => {
                let interval = self.seconds(value).ok_or(Wrong::Flood)?;
                if interval > Duration::from_secs(INTERVAL_SECONDS_MAX) {
                    return Err(Wrong::Interval(value));
                }
                if interval < PING_INTERVAL_MIN {
                    return Err(Wrong::Flood);
                }
                self.interval = interval;
            }
            "n" => self.numeric = true,
            "p" => self.pattern = Some(pattern(value)?),
            "q" => self.quiet = true,
            "s" => self.data_bytes = number(value, 0, i64::from(i32::MAX))? as usize,
            "t" if value == "mask" => {
                (self.ask, self.family, self.data_bytes) = (Ask::Mask, Family::V4, 4);
            }
            "t" => match number(value, 0, 255)? {
                0 => return Err(Wrong::HopLimit),
                limit => self.hop_limit = limit as u8,
            },
            "v" => self.verbose = true,
            "w" => {
                let seconds = number(value, 0, i64::from(i32::MAX))? as u64;
                self.deadline = (seconds > 0).then(|| Duration::from_secs(seconds));
            }
            _ => {}
        }
        Ok(())
    }

    /// Bytes of a request.
    pub fn message_bytes(&self) -> usize {
        HEADER_BYTES + self.data_bytes
    }

    /// Seconds with a fraction; none if they are negative. What does not belong to the number is
    /// remembered.
    fn seconds(&mut self, text: &'a str) -> Option<Duration> {
        let (micros, rest) = seconds::read(text).unwrap_or((0, text));
        if !rest.is_empty() {
            self.garbage = Some(text);
        }
        u64::try_from(micros).ok().map(Duration::from_micros)
    }

    /// Byte number `index` of the data.
    pub fn filler(&self, index: usize) -> u8 {
        match self.pattern.as_deref() {
            // Bounded by the modulus.
            Some(pattern @ [_, ..]) => pattern[index % pattern.len()],
            _ => index as u8,
        }
    }
}

/// A number of strtol(3) within a range.
fn number(text: &str, low: i64, high: i64) -> Result<i64, Wrong<'_>> {
    use core::num::IntErrorKind;
    match text.trim_start().parse::<i64>() {
        Ok(value) if (low..=high).contains(&value) => Ok(value),
        Ok(_) => Err(Wrong::Range(text, low, high)),
        Err(error) => match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => Err(Wrong::TooLong(text)),
            _ => Err(Wrong::Number(text)),
        },
    }
}

/// `-Q`: decimal or hexadecimal.
fn service(text: &str) -> Result<u8, Wrong<'_>> {
    let value = match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse::<u32>(),
    };
    let value = value.map_err(|_| Wrong::Service(text))?;
    u8::try_from(value).map_err(|_| Wrong::ServiceRange(text))
}

/// `-p`: pairs of digits, the last of which may be alone.
fn pattern(text: &str) -> Result<heapless::Vec<u8, PATTERN_BYTES_MAX>, Wrong<'_>> {
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Wrong::Pattern(text));
    }
    let mut pattern = heapless::Vec::new();
    for pair in text.as_bytes().chunks(2) {
        let digit = |byte: &u8| (*byte as char).to_digit(16).unwrap_or(0) as u8;
        let byte = pair.iter().map(digit).fold(0, |byte, digit| byte << 4 | digit);
        // Longer ones are cut, as in iputils.
        let _ = pattern.push(byte);
    }
    Ok(pattern)
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::super::ABOUT;
    use super::*;

    #[track_caller]
    fn read(words: &'static [&'static str]) -> Result<Settings<'static>, Wrong<'static>> {
        Settings::read("ping", Arguments::new(&ABOUT, words))
    }

    #[test]
    fn mistakes_in_the_words_of_iputils() {
        // Each as iputils 20221126 printed it, with its exit status.
        let rows: [(&'static [&'static str], u8, &str); 15] = [
            (
                &["-c", "0", "x"],
                1,
                "invalid argument: '0': out of range: 1 <= value <= 9223372036854775807",
            ),
            (&["-c", "x", "x"], 1, "invalid argument: 'x'"),
            (&["-c", "5x", "x"], 1, "invalid argument: '5x'"),
            (
                &["-c", "99999999999999999999", "x"],
                1,
                "invalid argument: '99999999999999999999': Numerical result out of range",
            ),
            (&["-t", "300", "x"], 1, "invalid argument: '300': out of range: 0 <= value <= 255"),
            (&["-t", "0", "x"], 2, "cannot set unicast time-to-live: Invalid argument"),
            (
                &["-w", "-1", "x"],
                1,
                "invalid argument: '-1': out of range: 0 <= value <= 2147483647",
            ),
            (&["-M", "foo", "x"], 2, "invalid -M argument: foo"),
            (&["-p", "zz", "x"], 2, "patterns must be specified as hex digits: zz"),
            (&["-Q", "300", "x"], 2, "the decimal value of TOS bits must be in range 0-255: 300"),
            (&["-Q", "x", "x"], 2, "bad TOS value: x"),
            (&["-W", "-1", "x"], 2, "bad linger time: -1"),
            (&["-i", "99999999", "x"], 2, "bad timing interval: 99999999"),
            (&["-i", "0.001", "x"], 2, "cannot flood; minimal interval allowed for user is 2ms"),
            (&[], 1, "usage error: Destination address required"),
        ];
        for (words, status, text) in rows {
            let wrong = read(words).unwrap_err();
            assert_eq!((wrong.to_string().as_str(), wrong.status()), (text, status), "{words:?}");
        }
    }

    #[test]
    fn settings_are_read() {
        let settings =
            read(&["-c3", "-i", "0.2", "-W.5", "-Mdo", "-Q0x10", "-p", "123", "h"]).unwrap();
        assert_eq!((settings.count, settings.target), (Some(3), "h"));
        assert_eq!(settings.interval, Duration::from_millis(200));
        assert_eq!(settings.linger, Duration::from_millis(500));
        assert_eq!((settings.dont_fragment, settings.traffic_class), (true, 16));
        assert_eq!(settings.pattern.as_deref(), Some(&[0x12, 3][..]));
        assert_eq!((settings.filler(0), settings.filler(3)), (0x12, 3));
        let mask = read(&["-t", "mask", "h"]).unwrap();
        assert_eq!((mask.ask, mask.message_bytes()), (Ask::Mask, 12));
        assert_eq!(read(&["-W", "x", "h"]).unwrap().garbage, Some("x"));
        let six = Settings::read("ping6", Arguments::new(&ABOUT, &["h"])).unwrap();
        assert_eq!(six.family, Family::V6);
    }
}
