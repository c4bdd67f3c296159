//! What was run and how it went: a table, and one plain line at its end.

use std::fmt;

/// One rung of the ladder, or one step of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rung {
    /// What was run.
    pub name: String,
    /// How many passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// What was not run, by reason.
    pub skipped: Vec<Skipped>,
    /// Anything worth a word in the table.
    pub note: String,
}

impl Rung {
    /// A rung that is one thing, which passed or failed.
    pub fn single(name: &str, passed: bool) -> Self {
        Self {
            name: name.into(),
            passed: usize::from(passed),
            failed: usize::from(!passed),
            ..Self::default()
        }
    }

    /// A rung that was not run.
    pub fn skipped(name: &str, reason: impl Into<String>) -> Self {
        let mut rung = Self { name: name.into(), ..Self::default() };
        rung.skip(1, &reason.into());
        rung
    }

    /// Adds to what was not run for this reason.
    pub fn skip(&mut self, count: usize, reason: &str) {
        match self.skipped.iter_mut().find(|skipped| skipped.reason == reason) {
            Some(skipped) => skipped.count += count,
            None => self.skipped.push(Skipped { count, reason: reason.into() }),
        }
    }

    /// The rung with a note.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    fn skips(&self) -> usize {
        self.skipped.iter().map(|skipped| skipped.count).sum()
    }
}

/// Things that were not run for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// How many.
    pub count: usize,
    /// Why.
    pub reason: String,
}

/// All that was run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order they were run.
    pub rungs: Vec<Rung>,
}

impl Report {
    /// Adds a rung.
    pub fn push(&mut self, rung: Rung) {
        self.rungs.push(rung);
    }

    /// Did nothing fail? What was skipped does not count.
    pub fn is_good(&self) -> bool {
        self.rungs.iter().all(|rung| rung.failed == 0)
    }

    /// The closing line.
    pub fn total(&self) -> String {
        let sum = |count: fn(&Rung) -> usize| self.rungs.iter().map(count).sum::<usize>();
        let passed = sum(|rung| rung.passed);
        let failed = sum(|rung| rung.failed);
        format!("{passed} passed, {failed} failed, {} skipped", sum(Rung::skips))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rungs.iter().map(|rung| rung.name.len()).max().unwrap_or(0).max(4);
        writeln!(f, "{:<width$}  passed  failed  skipped", "rung")?;
        for rung in &self.rungs {
            let Rung { name, passed, failed, skipped, note, .. } = rung;
            let line =
                format!("{name:<width$}  {passed:>6}  {failed:>6}  {:>7}  {note}", rung.skips());
            writeln!(f, "{}", line.trim_end())?;
            for Skipped { count, reason } in skipped {
                writeln!(f, "{:width$}  {count} skipped: {reason}", "")?;
            }
        }
        f.write_str(&self.total())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_ends_with_one_plain_line() {
        let mut report = Report::default();
        report.push(Rung::single("check", true).note("fine"));
        let mut tests = Rung::single("tests", false);
        tests.skip(1, "not root");
        tests.skip(1, "not root");
        report.push(tests);
        report.push(Rung::skipped("e2e", "no QEMU"));
        let expected = "\
rung   passed  failed  skipped
check       1       0        0  fine
tests       0       1        2
       2 skipped: not root
e2e         0       0        1
       1 skipped: no QEMU
1 passed, 1 failed, 3 skipped";
        assert_eq!(report.to_string(), expected);
        assert!(!report.is_good());
    }

    #[test]
    fn skipping_is_no_failure() {
        assert!(Report { rungs: vec![Rung::skipped("e2e", "no QEMU")] }.is_good());
    }
}
