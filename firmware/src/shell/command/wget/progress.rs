//! wget's figures and its bar: a line that is drawn anew while bytes come.

use core::fmt::{self, Write as _};
use core::time::Duration;

use crate::Text;

/// Columns of the file's name, and a blank.
const NAME_COLUMNS: usize = 20;
/// Columns of all that stands beside the bar.
const OTHER_COLUMNS: usize = NAME_COLUMNS + 39;
/// The narrowest and the widest bar that is drawn, in columns of the line.
const WIDTH: core::ops::RangeInclusive<usize> = 44..=200;
/// Bytes of a line.
pub const BAR_BYTES: usize = 256;
/// The bar is drawn anew this often.
const REFRESH: Duration = Duration::from_millis(200);
/// The time left is told after so long.
const ETA_AFTER: Duration = Duration::from_secs(3);
/// The rate that is shown is that of the last samples ...
const SAMPLES: usize = 20;
/// ... each at least so long.
const SAMPLE: Duration = Duration::from_millis(150);

/// Bytes a second, as wget rounds: `12.5`, and a unit.
pub fn rate(bytes: u64, time: Duration) -> (f64, &'static str) {
    let seconds = time.as_secs_f64().max(0.000_000_5);
    let rate = bytes as f64 / seconds;
    match rate {
        0.0..1024.0 => (rate, "B/s"),
        0.0..1_048_576.0 => (rate / 1024.0, "KB/s"),
        0.0..1_073_741_824.0 => (rate / 1_048_576.0, "MB/s"),
        _ => (rate / 1_073_741_824.0, "GB/s"),
    }
}

/// Three digits of a rate.
fn digits(value: f64) -> usize {
    if value >= 99.95 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    }
}

/// `69.3 KB/s`.
pub fn rate_text(bytes: u64, time: Duration) -> Text<24> {
    let (value, unit) = rate(bytes, time);
    Text::of(format_args!("{value:.*} {unit}", digits(value)))
}

/// `1.37K`: in powers of 1024; decimals below `precise_below`.
pub fn size_text(bytes: u64, precise_below: f64, decimals: usize) -> Text<24> {
    if bytes < 1024 {
        return Text::of(format_args!("{bytes}"));
    }
    let mut value = bytes as f64;
    let mut units = "KMGTPE".chars();
    let mut unit = ' ';
    while value >= 1024.0
        && let Some(next) = units.next()
    {
        (value, unit) = (value / 1024.0, next);
    }
    let decimals = if value < precise_below { decimals } else { 0 };
    Text::of(format_args!("{value:.decimals$}{unit}"))
}

/// `0.02s`, `3m 4s`: how long something took.
pub fn time_text(time: Duration) -> Text<24> {
    let seconds = time.as_secs_f64();
    match seconds {
        _ if seconds >= 10.0 => eta_text((seconds + 0.5) as u64),
        9.95.. => Text::of(format_args!("{seconds:.0}s")),
        0.95.. => Text::of(format_args!("{seconds:.1}s")),
        // One digit that is not zero.
        0.095.. => Text::of(format_args!("{seconds:.1}s")),
        0.0095.. => Text::of(format_args!("{seconds:.2}s")),
        0.0005.. => Text::of(format_args!("{seconds:.3}s")),
        _ => Text::from("0s"),
    }
}

/// `42s`, `3m 4s`, `2h 5m`, `4d 3h`.
fn eta_text(seconds: u64) -> Text<24> {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        0..100 => Text::of(format_args!("{seconds}s")),
        100..6000 => Text::of(format_args!("{minutes}m {}s", seconds % 60)),
        6000..172_800 => Text::of(format_args!("{hours}h {}m", minutes % 60)),
        _ => Text::of(format_args!("{}d {}h", hours / 24, hours % 24)),
    }
}

/// A bar.
#[derive(Clone, Debug)]
pub struct Bar<'a> {
    name: &'a str,
    width: usize,
    total: Option<u64>,
    count: u64,
    tick: usize,
    drawn: Duration,
    samples: [(u64, Duration); SAMPLES],
    next_sample: usize,
    sample: (u64, Duration),
}

impl<'a> Bar<'a> {
    /// For a file of a size that is known or not, on a screen of so many columns.
    pub fn new(name: &'a str, total: Option<u64>, columns: u16) -> Self {
        Self {
            name,
            width: usize::from(columns).saturating_sub(1).clamp(*WIDTH.start(), *WIDTH.end()),
            total: total.filter(|total| *total > 0),
            count: 0,
            tick: 0,
            drawn: Duration::ZERO,
            samples: [(0, Duration::ZERO); SAMPLES],
            next_sample: 0,
            sample: (0, Duration::ZERO),
        }
    }

    /// Counts bytes that came `at` this long after the first line was drawn; true if it is to be
    /// drawn anew.
    pub fn count(&mut self, bytes: u64, at: Duration) -> bool {
        self.count += bytes;
        self.sample.0 += bytes;
        let since = at.saturating_sub(self.sample.1);
        if since >= SAMPLE && bytes > 0 {
            self.samples[self.next_sample % SAMPLES] = (self.sample.0, since);
            self.next_sample += 1;
            self.sample = (0, at);
        }
        at.saturating_sub(self.drawn) >= REFRESH
    }

    /// The line, from its first column on. `is_done`: nothing more will come.
    pub fn draw(&mut self, at: Duration, is_done: bool) -> Text<BAR_BYTES> {
        let mut line = Text::new();
        // A Text never fails, and a line is shorter.
        let _ = self.write(&mut line, at, is_done);
        self.tick += 1;
        self.drawn = at;
        line
    }

    fn write(&self, line: &mut Text<BAR_BYTES>, at: Duration, is_done: bool) -> fmt::Result {
        let name = &self.name[..self.name.floor_char_boundary(NAME_COLUMNS - 1)];
        write!(line, "\r{name:NAME_COLUMNS$}")?;
        let columns = self.width.saturating_sub(OTHER_COLUMNS);
        let columns = if columns < 5 { 0 } else { columns };
        match self.total {
            Some(total) => {
                let part = self.count.min(total) as f64 / total as f64;
                write!(line, "{:3}%", (100.0 * part) as u32)?;
                if columns > 0 {
                    let filled = (part * columns as f64) as usize;
                    let arrow = if filled > 0 { ">" } else { "" };
                    let filled = filled.saturating_sub(1);
                    let rest = columns - filled - arrow.len();
                    write!(line, "[{:=<filled$}{arrow}{:rest$}]", "", "")?;
                }
            }
            None => {
                line.write_str("    ")?;
                if columns > 0 {
                    // There and back.
                    let turn = 2 * columns - 6;
                    let at = self.tick % turn;
                    let left = if at + 3 < columns { at } else { turn - at };
                    write!(line, "[{:left$}<=>{:right$}]", "", "", right = columns - 3 - left)?;
                }
            }
        }
        write!(line, " {:>7}", size_text(self.count, 1000.0, 2).as_str())?;
        self.write_rate(line, at)?;
        let left = self.total.filter(|_| self.count > 0 && at > ETA_AFTER);
        if is_done {
            write!(line, "    in {}", time_text(at))?;
        } else if let Some(total) = left {
            let rest = total.saturating_sub(self.count) as f64;
            let seconds = rest * at.as_secs_f64() / self.count as f64 + 0.5;
            write!(line, "    eta {}", eta_text(seconds as u64))?;
        }
        let length = line.chars().count() - 1;
        write!(line, "{:1$}", "", self.width.saturating_sub(length))
    }

    fn write_rate(&self, out: &mut impl fmt::Write, at: Duration) -> fmt::Result {
        let all = self.samples.iter();
        let (bytes, time) =
            all.fold((0, Duration::ZERO), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        if bytes == 0 || time.is_zero() {
            return out.write_str("  --.-KB/s");
        }
        let now = at.saturating_sub(self.sample.1);
        let (value, unit) = rate(bytes + self.sample.0, time + now);
        write!(out, "  {value:4.*}{unit:>4}", digits(value))
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn figures() {
        assert_eq!(size_text(1406, 10.0, 1).as_str(), "1.4K");
        assert_eq!(size_text(300_000, 10.0, 1).as_str(), "293K");
        assert_eq!(size_text(300_000, 1000.0, 2).as_str(), "292.97K");
        assert_eq!(size_text(1023, 10.0, 1).as_str(), "1023");
        let second = Duration::from_secs(1);
        assert_eq!(rate_text(5, second).as_str(), "5.00 B/s");
        assert_eq!(rate_text(71_000, second).as_str(), "69.3 KB/s");
        assert_eq!(rate_text(0, Duration::ZERO).as_str(), "0.00 B/s");
        assert_eq!(rate_text(5, Duration::ZERO).as_str(), "9.54 MB/s");
        for (micros, expected) in [
            (0, "0s"),
            (600, "0.001s"),
            (20_000, "0.02s"),
            (300_000, "0.3s"),
            (1_400_000, "1.4s"),
            (5_000_000, "5.0s"),
            (12_000_000, "12s"),
            (200_000_000, "3m 20s"),
            (9_000_000_000, "2h 30m"),
        ] {
            assert_eq!(time_text(Duration::from_micros(micros)).as_str(), expected);
        }
    }

    /// Bytes come each 100 ms, as in the run of the real one that the lines are from.
    fn run(bar: &mut Bar<'_>, pieces: u64) -> Vec<Text<BAR_BYTES>> {
        let mut lines = std::vec![bar.draw(Duration::ZERO, false)];
        for piece in 0..pieces {
            let at = Duration::from_micros(100_500) * piece as u32;
            if bar.count(10_000, at) {
                lines.push(bar.draw(at, false));
            }
        }
        lines.push(bar.draw(Duration::from_micros(100_500) * pieces as u32, true));
        lines
    }

    #[test]
    fn a_bar_of_known_length() {
        let lines = run(&mut Bar::new("/dev/null", Some(500_000), 80), 50);
        let expected = [
            "/dev/null             0%[                    ]       0  --.-KB/s               ",
            "/dev/null             6%[>                   ]  29.30K   146KB/s               ",
        ];
        for (line, expected) in lines.iter().zip(expected) {
            assert_eq!(&line[1..], expected);
        }
        let last = &lines[lines.len() - 1];
        assert!(last.contains("100%[===================>] 488.28K  "), "{last}");
        assert!(last.ends_with("KB/s    in 5.0s    "), "{last}");
        assert!(lines[lines.len() - 3].contains("KB/s    eta 0s     "), "{lines:?}");
        assert!(lines.iter().all(|line| line.len() == 80));
    }

    #[test]
    fn a_bar_of_unknown_length_goes_there_and_back() {
        let lines = run(&mut Bar::new("averyveryverylongfilename", None, 80), 120);
        let first =
            "averyveryverylongfi     [<=>                 ]       0  --.-KB/s               ";
        assert_eq!(&lines[0][1..], first);
        assert!(lines[1].contains("[ <=>                ]"));
        assert!(lines[17].contains("[                 <=>]"), "{}", lines[17]);
        assert!(lines[18].contains("[                <=> ]"), "{}", lines[18]);
        assert!(lines.iter().all(|line| line.len() == 80), "{lines:?}");
        let narrow = Bar::new("x", Some(1), 40).draw(Duration::ZERO, false);
        assert_eq!(&narrow[1..], "x                     0%       0  --.-KB/s  ");
    }
}
