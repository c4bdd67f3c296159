//! The time of day, of a real chrony, and the log, to a real rsyslog. Both are where DHCP says.

use std::time::SystemTime;

use anyhow::{Context, Result, bail, ensure};

use crate::board::Board;
use crate::lab::HOST;
use crate::peer::{Rsyslog, chronyd};
use crate::process::Mark;
use crate::stage::Session;

/// Starts the board anew, now that its servers are there.
pub(super) fn restart(session: &mut Session) -> Result<Mark> {
    let mark = session.board.console().mark();
    session.board.type_keys("reboot\r")?;
    session.wait_for_address(mark).context("after the restart")?;
    Ok(mark)
}

/// The time that the board was told: this machine's, since chrony tells that.
pub fn from_chrony(session: &mut Session) -> Result<()> {
    let chrony = chronyd(session.lab()?)?;
    let before = SystemTime::now();
    let mark = restart(session)?;
    let line = wait_for_time(&session.board, mark).with_context(|| chrony.tail())?;
    let after = SystemTime::now();
    ensure!(line.contains(&format!("by {HOST}, stratum 10, round trip ")), "{line}");
    let told = line.split("ntp: ").nth(1).and_then(|rest| rest.split(' ').next());
    ensure!(is_between(before, told, after)?, "{line}: not between {before:?} and {after:?}");
    Ok(())
}

/// True if what the board says is a time between two of this machine's, but for a second: chrony is
/// exact to much less than that.
fn is_between(before: SystemTime, told: Option<&str>, after: SystemTime) -> Result<bool> {
    let told = told.and_then(seconds).with_context(|| format!("no time: {told:?}"))?;
    let since_1970 = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH);
    Ok((since_1970(before)?.as_secs() - 1..=since_1970(after)?.as_secs() + 1).contains(&told))
}

fn wait_for_time(board: &Board, mark: Mark) -> Result<String> {
    board.wait_for(mark, &["ntp: ", "stratum"])
}

/// `2026-11-21T10:11:12.131415Z` in seconds since 1970, by a reading of our own.
fn seconds(text: &str) -> Option<u64> {
    let numbers: Vec<u64> =
        text.split(['-', 'T', ':', '.', 'Z']).map_while(|part| part.parse().ok()).collect();
    let [year, month, day, hour, minute, second, _micros] = numbers[..] else { return None };
    let divides = |by: u64, year: u64| year.is_multiple_of(by);
    let is_leap = |year| divides(4, year) && (!divides(100, year) || divides(400, year));
    let days_of = |year, month| match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let years: u64 = (1970..year).map(|year| 365 + u64::from(is_leap(year))).sum();
    let months: u64 = (1..month).map(|month| days_of(year, month)).sum();
    Some(((years + months + day - 1) * 24 + hour) * 3600 + minute * 60 + second)
}

/// The journal, from its first entry on, field by field; with the time of day once that is known.
pub fn to_rsyslog(session: &mut Session) -> Result<()> {
    let rsyslog = Rsyslog::start(session.lab()?)?;
    let _chrony = chronyd(session.lab()?)?;
    let mark = restart(session)?;
    let start = rsyslog.wait_for("the first entry", |fields| fields.get(6) == Some(&"START"))?;
    let [pri, version, _, host, application, process, _, data, text, _] = &start[..] else {
        bail!("{start:?}")
    };
    ensure!(pri.starts_with("daemon.notice"), "{start:?}");
    let head = [version, host, application, process];
    ensure!(head == ["1", "barewire", "barewire", "-"], "{start:?}");
    ensure!(data == "[meta sequenceId=\"1\" sysUpTime=\"0\"]", "{start:?}");
    ensure!(text.starts_with("barewire 0."), "{start:?}");
    rsyslog.wait_for("the address", |fields| {
        fields.get(6) == Some(&"ADDRESS") && fields[8].contains("by DHCP from")
    })?;

    // What happens once the board knows the time says when it was.
    wait_for_time(&session.board, mark)?;
    let mark = session.board.console().mark();
    let before = SystemTime::now();
    session.board.type_keys("reboot\r")?;
    // Without a time there is a hyphen.
    let is_timed = |fields: &[&str]| fields.get(9).is_some_and(|raw| raw.starts_with("<29>1 20"));
    let entry = rsyslog.wait_for("the restart", |fields| {
        is_timed(fields) && fields[6] == "RESTART" && fields[8].contains("requested by")
    })?;
    ensure!(is_between(before, entry[9].split(' ').nth(1), SystemTime::now())?, "{entry:?}");
    session.wait_for_address(mark)?;
    Ok(())
}
