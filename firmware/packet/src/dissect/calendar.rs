//! Time stamps, and dates out of seconds.

use core::fmt::{self, Write};

use super::{Options, Stamps};

const DAY_SECONDS: i64 = 86_400;

/// A point in time, as captures have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Seconds since 1970 UTC, or since any other moment where nobody knows the date.
    pub seconds: u32,
    /// Microseconds on top, below 1,000,000.
    pub microseconds: u32,
}

impl Timestamp {
    /// The distance between two.
    fn distance(self, other: Self) -> Self {
        let total =
            |stamp: Self| u64::from(stamp.seconds) * 1_000_000 + u64::from(stamp.microseconds);
        let distance = total(self).abs_diff(total(other));
        // Neither can be lost: the distance of two is never more than the later one.
        let seconds = (distance / 1_000_000) as u32;
        Self { seconds, microseconds: (distance % 1_000_000) as u32 }
    }
}

/// A date and time of day in the Gregorian calendar.
pub struct Date {
    /// From 1 BC = 0 on.
    year: i64,
    /// 1 to 12.
    month: u32,
    /// 1 to 31.
    day: u32,
    /// Since midnight.
    second_of_day: u32,
}

impl Date {
    /// Of seconds since 1970.
    pub fn of(seconds: i64) -> Self {
        // Days are counted from 1 March of year 0, so that leap days end their years, in eras of
        // 400 years, which all have as many days.
        const DAYS_TO_1970: i64 = 719_468;
        const ERA_DAYS: i64 = 146_097;
        let days = seconds.div_euclid(DAY_SECONDS) + DAYS_TO_1970;
        let second_of_day = seconds.rem_euclid(DAY_SECONDS) as u32;
        let day_of_era = days.rem_euclid(ERA_DAYS);
        let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
        let year_of_era = (day_of_era - leap_days) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        // Months from March on: lengths repeat every five of them, in 153 days.
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
        let month =
            if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 } as u32;
        let year = year_of_era + days.div_euclid(ERA_DAYS) * 400 + i64::from(month <= 2);
        Self { year, month, day, second_of_day }
    }

    fn time(&self) -> (u32, u32, u32) {
        let second = self.second_of_day;
        (second / 3_600, second / 60 % 60, second % 60)
    }

    /// `2026-11-21T12:00:00Z`.
    pub fn print_iso(&self, out: &mut dyn Write) -> fmt::Result {
        let (hour, minute, second) = self.time();
        let Self { year, month, day, .. } = self;
        write!(out, "{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// Prints the time that a line starts with.
pub fn print_stamp(
    options: &Options,
    at: Timestamp,
    reference: &mut Option<Timestamp>,
    out: &mut dyn Write,
) -> fmt::Result {
    let local = Date::of(i64::from(at.seconds) + i64::from(options.local_offset_seconds));
    match options.stamps {
        Stamps::None => Ok(()),
        // tcpdump takes seconds for signed and prints no negative ones.
        Stamps::TimeOfDay | Stamps::Date | Stamps::Seconds if at.seconds >= 0x8000_0000 => {
            out.write_str("[Error converting time] ")
        }
        Stamps::TimeOfDay => print_time(&local, at.microseconds, out),
        Stamps::Date => {
            let Date { year, month, day, .. } = local;
            write!(out, "{year}-{month:02}-{day:02} ")?;
            print_time(&local, at.microseconds, out)
        }
        Stamps::Seconds => write!(out, "{}.{:06} ", at.seconds, at.microseconds),
        Stamps::SincePrevious | Stamps::SinceFirst => {
            let from = *reference.get_or_insert(at);
            if options.stamps == Stamps::SincePrevious {
                *reference = Some(at);
            }
            let distance = at.distance(from);
            out.write_char(if at < from { '-' } else { ' ' })?;
            print_time(&Date::of(distance.seconds.into()), distance.microseconds, out)
        }
    }
}

fn print_time(date: &Date, microseconds: u32, out: &mut dyn Write) -> fmt::Result {
    let (hour, minute, second) = date.time();
    write!(out, "{hour:02}:{minute:02}:{second:02}.{microseconds:06} ")
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_262_400, "2026-11-21T12:00:00Z"),
            (-2_208_988_800, "1900-01-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let mut line = String::new();
            Date::of(seconds).print_iso(&mut line).unwrap();
            assert_eq!(line, text);
        }
    }
}
