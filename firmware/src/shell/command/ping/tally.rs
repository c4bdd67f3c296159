//! What `ping` counts, and how it says so.

use core::fmt;

use crate::limits::PING_WINDOW;

/// Microseconds, as times of ping are counted.
pub type Micros = u64;

/// A request that was sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    sequence: u16,
    at: Micros,
    answered: bool,
}

/// Requests, answers and times of one run.
#[derive(Clone, Debug)]
pub struct Tally {
    window: [Option<Sent>; PING_WINDOW],
    /// Requests sent.
    pub sent: u64,
    /// Answers, each request's first.
    pub received: u64,
    /// Further answers.
    pub duplicates: u64,
    /// Errors instead of answers.
    pub errors: u64,
    /// The most requests that were under way at a time.
    pipe: u64,
    first_at: Micros,
    last_at: Micros,
    times: u64,
    sum: u64,
    sum_of_squares: u128,
    least: Micros,
    most: Micros,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How long it took; none if the request was sent too long ago to be known.
    pub took: Option<Micros>,
    /// True if there was one already.
    pub is_duplicate: bool,
}

impl Tally {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self {
            window: [None; PING_WINDOW],
            sent: 0,
            received: 0,
            duplicates: 0,
            errors: 0,
            pipe: 0,
            first_at: 0,
            last_at: 0,
            times: 0,
            sum: 0,
            sum_of_squares: 0,
            least: Micros::MAX,
            most: 0,
        }
    }

    /// The number of the next request; the first is 1.
    pub fn next_sequence(&self) -> u16 {
        (self.sent + 1) as u16
    }

    /// Notes the next request.
    pub fn send(&mut self, at: Micros) {
        if self.sent == 0 {
            self.first_at = at;
        }
        self.last_at = at;
        let sequence = self.next_sequence();
        self.window[usize::from(sequence) % PING_WINDOW] =
            Some(Sent { sequence, at, answered: false });
        self.sent += 1;
    }

    /// True if the last request has no answer.
    pub fn is_outstanding(&self) -> bool {
        let last = self.window[self.sent as usize % PING_WINDOW];
        last.is_some_and(|sent| !sent.answered)
    }

    /// Notes an answer, whose time counts if the request carried one.
    pub fn answer(&mut self, sequence: u16, at: Micros, is_timed: bool) -> Answer {
        self.acknowledge(sequence);
        let sent = self.window[usize::from(sequence) % PING_WINDOW].as_mut();
        let Some(sent) = sent.filter(|sent| sent.sequence == sequence) else {
            self.duplicates += 1;
            return Answer { took: None, is_duplicate: true };
        };
        let is_duplicate = core::mem::replace(&mut sent.answered, true);
        *(if is_duplicate { &mut self.duplicates } else { &mut self.received }) += 1;
        let took = is_timed.then(|| at.saturating_sub(sent.at));
        if let Some(took) = took {
            self.times += 1;
            self.sum += took;
            self.sum_of_squares += u128::from(took) * u128::from(took);
            self.least = self.least.min(took);
            self.most = self.most.max(took);
        }
        Answer { took, is_duplicate }
    }

    /// Notes an error about a request.
    pub fn error(&mut self, sequence: u16) {
        self.acknowledge(sequence);
        self.errors += 1;
        if let Some(sent) = self.window[usize::from(sequence) % PING_WINDOW].as_mut() {
            sent.answered |= sent.sequence == sequence;
        }
    }

    fn acknowledge(&mut self, sequence: u16) {
        let behind = (self.sent as u16).wrapping_sub(sequence);
        if behind <= u16::MAX / 2 {
            self.pipe = self.pipe.max(u64::from(behind) + 1);
        }
    }

    /// The longest time that an answer took.
    pub fn most(&self) -> Micros {
        self.most
    }

    /// Writes the summary, from the blank line on.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn summary(&self, out: &mut impl fmt::Write, target: &str) -> fmt::Result {
        let Self { sent, received, duplicates, errors, .. } = *self;
        write!(out, "\n--- {target} ping statistics ---\n")?;
        write!(out, "{sent} packets transmitted, {received} received")?;
        if duplicates > 0 {
            write!(out, ", +{duplicates} duplicates")?;
        }
        if errors > 0 {
            write!(out, ", +{errors} errors")?;
        }
        if sent > 0 {
            let lost = sent.saturating_sub(received);
            let milliseconds = (self.last_at - self.first_at) / 1000;
            write!(out, ", {}% packet loss, time {milliseconds}ms", Percent(lost, sent))?;
        }
        out.write_str("\n")?;
        let mut comma = "";
        if received > 0 && self.times > 0 {
            let average = self.sum / self.times;
            let square = u128::from(self.sum) * u128::from(self.sum) / u128::from(self.times);
            let variance = self.sum_of_squares.saturating_sub(square) / u128::from(self.times);
            write!(
                out,
                "rtt min/avg/max/mdev = {}/{}/{}/{} ms",
                Millis(self.least),
                Millis(average),
                Millis(self.most),
                Millis(u64::try_from(variance.isqrt()).unwrap_or(u64::MAX)),
            )?;
            comma = ", ";
        }
        if self.pipe > 1 {
            write!(out, "{comma}pipe {}", self.pipe)?;
        }
        out.write_str("\n")
    }
}

/// Milliseconds with three decimals.
struct Millis(Micros);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// Milliseconds with three significant digits, as in the line of an answer: it ends at 100 ms with
/// whole ones.
#[derive(Clone, Copy, Debug)]
pub struct Time(pub Micros);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.0;
        let (unit, width) = match time {
            99_950.. => return write!(f, "{}", (time + 500) / 1000),
            9_995.. => (100, 1),
            1_000.. => (10, 2),
            _ => (1, 3),
        };
        // Half of the last digit's unit rounds up.
        let time = time + unit / 2;
        write!(f, "{}.{:0width$}", time / 1000, time % 1000 / unit)
    }
}

/// `part` of `whole` in percent, as `%g` prints it: six significant digits at most.
struct Percent(u64, u64);

/// Decimals of the smallest part that is shown.
const DECIMALS_MAX: usize = 12;

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = u128::from(self.0) * 100;
        let whole = u128::from(self.1.max(1));
        // Decimals that are left of six digits, less those before the point.
        let mut decimals = 3;
        let mut unit = 1000;
        while decimals < DECIMALS_MAX && percent * unit < 100_000 * whole {
            decimals += 1;
            unit *= 10;
        }
        let rounded = (percent * unit * 2 + whole) / (2 * whole);
        let (before, after) = (rounded / unit, rounded % unit);
        let text = crate::Text::<48>::of(format_args!("{before}.{after:0decimals$}"));
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use std::string::{String, ToString};

    use super::*;

    fn summary(tally: &Tally, target: &str) -> String {
        let mut text = String::new();
        tally.summary(&mut text, target).unwrap();
        text
    }

    /// What iputils 20221126 printed.
    #[test]
    fn the_summary_of_iputils() {
        let mut tally = Tally::new();
        tally.send(0);
        assert!(tally.is_outstanding());
        tally.answer(1, 83, true);
        tally.send(216_400);
        tally.answer(2, 216_468, true);
        let expected = "
--- 10.9.0.2 ping statistics ---
2 packets transmitted, 2 received, 0% packet loss, time 216ms
rtt min/avg/max/mdev = 0.068/0.075/0.083/0.007 ms
";
        assert_eq!(summary(&tally, "10.9.0.2"), expected);
    }

    #[test]
    fn nobody_answers_and_the_pipe_fills() {
        let mut tally = Tally::new();
        for sequence in 0..3 {
            tally.send(sequence * 206_000);
        }
        for sequence in 1..=3 {
            tally.error(sequence);
        }
        let expected = "
--- 192.168.77.9 ping statistics ---
3 packets transmitted, 0 received, +3 errors, 100% packet loss, time 412ms
pipe 3
";
        assert_eq!(summary(&tally, "192.168.77.9"), expected);
        let mut tally = Tally::new();
        tally.send(7);
        let expected = "
--- a ping statistics ---
1 packets transmitted, 0 received, 100% packet loss, time 0ms

";
        assert_eq!(summary(&tally, "a"), expected);
    }

    #[test]
    fn duplicates_do_not_count_as_answers() {
        let mut tally = Tally::new();
        (0..3).for_each(|index| tally.send(index));
        assert_eq!(tally.answer(1, 10, true), Answer { took: Some(10), is_duplicate: false });
        assert_eq!(tally.answer(1, 20, true), Answer { took: Some(20), is_duplicate: true });
        assert_eq!(tally.answer(2, 20, false).took, None);
        assert!(tally.answer(999, 0, true).is_duplicate);
        let text = summary(&tally, "a");
        assert!(text.contains("3 packets transmitted, 2 received, +2 duplicates, 33.3333% packet"));
        assert!(text.contains(" = 0.010/0.015/0.020/0.005 ms, pipe 3\n"), "{text}");
        // Long after: nobody remembers the first ones.
        (0..PING_WINDOW as u64).for_each(|index| tally.send(index));
        assert!(tally.answer(1, 0, true).is_duplicate);
    }

    #[test]
    fn sequence_numbers_begin_anew() {
        let mut tally = Tally { sent: 65_535, ..Tally::new() };
        assert_eq!(tally.next_sequence(), 0);
        tally.send(5);
        assert_eq!(tally.answer(0, 6, true), Answer { took: Some(1), is_duplicate: false });
    }

    #[test]
    fn figures_as_printf_rounds_them() {
        for (micros, text) in [
            (0, "0.000"),
            (898, "0.898"),
            (1_000, "1.00"),
            (1_234, "1.23"),
            (1_235, "1.24"),
            (9_994, "9.99"),
            (9_995, "10.0"),
            (12_345, "12.3"),
            (99_949, "99.9"),
            (99_950, "100"),
            (1_234_500, "1235"),
        ] {
            assert_eq!(Time(micros).to_string(), text, "{micros}");
        }
        for (part, whole, text) in [
            (0, 5, "0"),
            (5, 5, "100"),
            (1, 3, "33.3333"),
            (2, 3, "66.6667"),
            (1, 1000, "0.1"),
            (1, 7, "14.2857"),
            (1, 30_000, "0.00333333"),
            (999, 1000, "99.9"),
        ] {
            assert_eq!(Percent(part, whole).to_string(), text, "{part}/{whole}");
        }
    }
}
