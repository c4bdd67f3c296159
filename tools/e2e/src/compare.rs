//! Our command beside the real one: what each of them prints, and where they may differ.
//!
//! Equal means equal line by line, and by exit status, once that is taken out which no two runs
//! have in common: who asks, and how long it took. Whatever else differs is an [`Exception`] of the
//! row, with its reason; one that is not needed any more is an error, so that the list stays true.

use std::sync::LazyLock;

use anyhow::{Result, ensure};
use regex::Regex;

use crate::lab::LEASED;
use crate::surroundings::{LAST_BYTES, PEER, PEER_MAC, Said};

/// A line of the real tool's that ours does not print, or the other way round.
#[derive(Clone, Copy, Debug)]
pub struct Exception {
    /// A regular expression of whole lines that the real tool prints and ours does not; empty:
    /// none.
    pub real: &'static str,
    /// The same the other way round.
    pub ours: &'static str,
    /// Why that is right, or how far it is wrong.
    pub why: &'static str,
}

/// What else is no matter of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aside {
    /// What counters of interfaces say; the widths of their columns are not.
    Counters,
    /// The order of lines.
    Order,
    /// All but the first line, and the exit status.
    Rest,
    /// Everything: the line prepares others.
    All,
}

/// A command and its counterpart.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What is typed on the board.
    pub ours: &'static str,
    /// What is typed at the peer.
    pub real: &'static str,
    /// What is no matter.
    pub asides: &'static [Aside],
    /// What differs, and why.
    pub exceptions: &'static [Exception],
}

/// The same line on both sides.
pub const fn same(line: &'static str) -> Row {
    pair(line, line)
}

/// A line of ours and the line of the real tool that answers the same question.
pub const fn pair(ours: &'static str, real: &'static str) -> Row {
    Row { ours, real, asides: &[], exceptions: &[] }
}

/// A line that prepares those after it.
pub const fn prepare(ours: &'static str, real: &'static str) -> Row {
    Row { ours, real, asides: &[Aside::All], exceptions: &[] }
}

impl Row {
    /// The same without these.
    pub const fn aside(mut self, asides: &'static [Aside]) -> Self {
        self.asides = asides;
        self
    }

    /// The same with these exceptions.
    pub const fn except(mut self, exceptions: &'static [Exception]) -> Self {
        self.exceptions = exceptions;
        self
    }

    /// Judges what both printed.
    ///
    /// # Errors
    /// If that differs in more than the exceptions, or in less; with both texts.
    pub fn judge(&self, ours: &Said, real: &Said) -> Result<()> {
        if self.asides.contains(&Aside::All) {
            return Ok(());
        }
        let (mut left, mut right) = (self.lines(ours), self.lines(real));
        for Exception { real, ours, why } in self.exceptions {
            for (pattern, lines) in [(ours, &mut left), (real, &mut right)] {
                if pattern.is_empty() {
                    continue;
                }
                let pattern = Regex::new(&format!("^(?:{pattern})$"))?;
                let before = lines.len();
                lines.retain(|line| !pattern.is_match(line));
                ensure!(lines.len() < before, "not needed: '{pattern}' ({why}) in {lines:#?}");
            }
        }
        ensure!(left == right, "'{}' beside '{}':\n{}", self.ours, self.real, diff(&left, &right));
        Ok(())
    }

    fn lines(&self, said: &Said) -> Vec<String> {
        let text = normal(&said.text);
        let mut lines: Vec<String> = text.lines().map(String::from).collect();
        if self.asides.contains(&Aside::Rest) {
            lines.truncate(1);
        }
        if self.asides.contains(&Aside::Counters) {
            lines.iter_mut().for_each(|line| *line = without_counters(line));
        }
        if self.asides.contains(&Aside::Order) {
            lines.sort();
        }
        lines.push(format!("exit status {}", said.status));
        lines
    }
}

/// Lines without what counters say.
fn without_counters(line: &str) -> String {
    /// A counter behind its name, the same in units, and a row of them behind name and MTU.
    static PATTERNS: LazyLock<[Regex; 3]> = LazyLock::new(|| {
        let names = "packets|bytes|errors|dropped|overruns|frame|carrier|collisions";
        [
            regex(&format!(r"\b({names})([ :])\d+")),
            regex(r"\(\d+\.\d+ [KMG]?i?B\)"),
            regex(r"^(?:eth0|lo) +\d+((?: +\d+)+)"),
        ]
    });
    let [named, units, row] = LazyLock::force(&PATTERNS);
    let line = named.replace_all(line, "$1$2#");
    let mut line = units.replace_all(&line, "(# B)").into_owned();
    if let Some(columns) = row.captures(&line).and_then(|captures| captures.get(1)) {
        // Each blank and digit counts: a column that is too narrow shows.
        let masked = columns.as_str().replace(|c: char| c.is_ascii_digit() || c == ' ', "#");
        line.replace_range(columns.range(), &masked);
    }
    line
}

/// The lines that only one side has, as diff(1) shows them; or that they stand in another order.
fn diff(ours: &[String], real: &[String]) -> String {
    let only = |these: &[String], those: &[String], sign: char| {
        let mut those = those.to_vec();
        let extra = these.iter().filter(|line| {
            those.iter().position(|other| other == *line).map(|at| those.remove(at)).is_none()
        });
        extra.map(|line| format!("  {sign} {line}|\n")).collect::<String>()
    };
    let text = only(real, ours, '-') + &only(ours, real, '+');
    if text.is_empty() { format!("the order differs: {ours:#?}\n") } else { text }
}

/// What no two runs have in common.
static PASSING: LazyLock<[(Regex, &str); 12]> = LazyLock::new(|| {
    [
        // The peer's cable has another end, which a wire of copper does not tell.
        (regex(r"@if\d+"), ""),
        (regex(r" link-netns(?:id)? \S+"), ""),
        (regex(r"= [\d./]+/[\d./]+ ms"), "= T ms"),
        (regex(r"\d+(?:\.\d+)? ms"), "T ms"),
        (regex(r"time \d+ms"), "time Tms"),
        (regex(r"\b\d+sec\b"), "Tsec"),
        (regex(r"pipe \d+"), "pipe N"),
        // Who did not answer is remembered for a time.
        (regex(r"(?m)^\S+ dev \S+ FAILED ?\n"), ""),
        (regex(r"\b(?:REACHABLE|STALE|DELAY|PROBE)\b"), "STATE"),
        // Whom the router talks from, and who serves: tables of sockets are as wide for all.
        (regex(r"(?m)(192\.168\.77\.1:)\d+ +ESTABLISHED *"), "${1}PORT ESTABLISHED "),
        (regex(r"(?m)(192\.168\.77\.1:)\d+ *$"), "${1}PORT"),
        (regex(r"(?m)\b\d+/[a-z]+ *$"), "SERVICE"),
    ]
});

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of this file")
}

fn normal(text: &str) -> String {
    let mut text = text.replace('\r', "").replace(&PEER.to_string(), &LEASED.to_string());
    for (peer, board) in [(PEER_MAC, crate::board::MAC), (LAST_BYTES[0], LAST_BYTES[1])] {
        text = text.replace(peer, board).replace(&peer.to_uppercase(), &board.to_uppercase());
    }
    for (pattern, instead) in LazyLock::force(&PASSING) {
        text = pattern.replace_all(&text, *instead).into();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, status: i32) -> Said {
        Said { text: text.into(), status }
    }

    #[test]
    fn times_and_addresses_are_no_difference_and_all_else_is() {
        let row = same("ping");
        let ours = said("64 bytes from 192.168.77.42: time=0.1 ms\nrtt a/b = 1/2/3/4 ms\n", 0);
        let real = said("64 bytes from 192.168.77.60: time=12 ms\nrtt a/b = 1.5/2/3/4 ms\n", 0);
        row.judge(&ours, &real).unwrap();
        row.judge(&ours, &said(&real.text, 1)).unwrap_err();
        row.judge(&said("a  b", 0), &said("a b", 0)).unwrap_err();
        let masked = row.aside(&[Aside::Counters]);
        masked.judge(&said("RX bytes 12 (1.0 B)", 0), &said("RX bytes 9 (9.1 KiB)", 0)).unwrap();
        masked.judge(&said("RX bytes 12 mtu 9", 0), &said("RX bytes 12 mtu 8", 0)).unwrap_err();
        masked.judge(&said("lo  15   10 0 B", 0), &said("lo  15    1 0 B", 0)).unwrap();
        masked.judge(&said("lo  15   10 0 B", 0), &said("lo  16    1 0 B", 0)).unwrap_err();
        masked.judge(&said("lo  15   10 0 B", 0), &said("lo  15   1 0 B", 0)).unwrap_err();
        let first = row.aside(&[Aside::Rest]);
        first.judge(&said("a\nb\nc", 2), &said("a\nd", 2)).unwrap();
        first.judge(&said("a\nb", 2), &said("a\nb", 1)).unwrap_err();
        row.aside(&[Aside::Order]).judge(&said("a\nb", 2), &said("b\na", 2)).unwrap();
    }

    #[test]
    fn an_exception_is_judged_by_both_sides_and_must_be_needed() {
        const WHY: &str = "";
        let row = same("x").except(&[Exception { real: "one .*", ours: "two", why: WHY }]);
        row.judge(&said("two\nend", 0), &said("one 1\nend", 0)).unwrap();
        row.judge(&said("end", 0), &said("one 1\nend", 0)).unwrap_err();
        row.judge(&said("two\nend", 0), &said("one 1\nfin", 0)).unwrap_err();
        row.judge(&said("two\nend", 0), &said("end", 0)).unwrap_err();
    }
}
