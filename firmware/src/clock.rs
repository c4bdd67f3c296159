//! The time of day: seconds since 1970, and what a calendar makes of them.
//!
//! The board has no clock that runs while it is off. [`crate::service::ntp`] learns the time from
//! the network; until then there is none.

use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;

/// Seconds of a day, without leap seconds, as POSIX counts.
const DAY_SECONDS: u64 = 24 * 60 * 60;

/// A time of day: how long after 1970-01-01 00:00:00 UTC, without leap seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(Duration);

/// A time of day as a calendar shows it, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Such as 2026.
    pub year: u64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// Billionths of a second.
    pub nanosecond: u32,
    /// Days since Sunday, 0 to 6.
    pub weekday: u8,
    /// Days since 1 January, 0 to 365.
    pub day_of_year: u16,
}

impl UnixTime {
    /// So long after the beginning of 1970.
    pub const fn new(since_1970: Duration) -> Self {
        Self(since_1970)
    }

    /// How long after the beginning of 1970.
    pub const fn since_1970(self) -> Duration {
        self.0
    }

    /// As a calendar shows it, in UTC.
    pub fn civil(self) -> Civil {
        let days = self.0.as_secs() / DAY_SECONDS;
        let seconds = self.0.as_secs() % DAY_SECONDS;
        // Years begin with March here, so that a leap day is the last of its year; 719,468 days
        // lie between 0000-03-01 and 1970-01-01, and 400 years have 146,097.
        let shifted = days + 719_468;
        let (era, of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        // Five months from March on have 153 days, and again from August on.
        let month_from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        let is_leap =
            year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
        let day_of_year = match month {
            1 | 2 => of_year - 306,
            _ => of_year + 59 + u64::from(is_leap),
        };
        Civil {
            year,
            month: month as u8,
            day: day as u8,
            hour: (seconds / 3600) as u8,
            minute: (seconds / 60 % 60) as u8,
            second: (seconds % 60) as u8,
            nanosecond: self.0.subsec_nanos(),
            // 1970 began with a Thursday.
            weekday: ((days + 4) % 7) as u8,
            day_of_year: day_of_year as u16,
        }
    }
}

impl Add<Duration> for UnixTime {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(later))
    }
}

impl Sub for UnixTime {
    type Output = Duration;

    /// How long after `earlier`; nothing if it was before.
    fn sub(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// As RFC 3339 writes it, with microseconds: `2026-11-21T10:11:12.131415Z`.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day, hour, minute, second, nanosecond, .. } = self.civil();
        let micros = nanosecond / 1000;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::ToString;

    use super::*;

    #[test]
    fn dates_as_the_real_one_prints_them() {
        // date -u -d @SECONDS '+%Y-%m-%dT%H:%M:%S %w %-j'
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00 4 1"),
            (951_782_399, "2000-02-28T23:59:59 1 59"),
            (951_868_799, "2000-02-29T23:59:59 2 60"),
            (951_868_800, "2000-03-01T00:00:00 3 61"),
            (1_735_689_599, "2024-12-31T23:59:59 2 366"),
            (1_772_323_200, "2026-03-01T00:00:00 0 60"),
            (1_795_255_872, "2026-11-21T10:11:12 6 325"),
            (2_085_978_496, "2036-02-07T06:28:16 4 38"),
            (4_107_542_400, "2100-03-01T00:00:00 1 60"),
        ] {
            let time = UnixTime::new(Duration::from_secs(seconds));
            let civil = time.civil();
            let text = time.to_string();
            let seen = format!("{} {} {}", &text[..19], civil.weekday, civil.day_of_year + 1);
            assert_eq!(seen, expected);
        }
        let time = UnixTime::new(Duration::new(1_795_255_872, 131_415_999));
        assert_eq!(time.to_string(), "2026-11-21T10:11:12.131415Z");
        // The end of what a Duration holds.
        assert!(UnixTime::new(Duration::MAX).civil().month <= 12);
    }
}
