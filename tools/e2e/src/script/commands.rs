//! Our commands and the real ones, on the same wire, in the same place, at the same time: the
//! tables say what is typed, [`compare`](crate::compare) what must be equal.

mod names;
mod ping;
mod tables;
mod traceroute;

use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::compare::Row;
use crate::process::Process;
use crate::shell_port::Shell;
use crate::stage::Session;
use crate::surroundings::{LAST_BYTES, PEER};
use crate::wait::{PATIENCE, until};

/// How long a line may take.
const LIMIT: Duration = Duration::from_secs(90);

/// ping and ping6.
pub fn ping(session: &mut Session) -> Result<()> {
    play(session, ping::ROWS)
}

/// traceroute and traceroute6.
pub fn traceroute(session: &mut Session) -> Result<()> {
    play(session, traceroute::ROWS)
}

/// host, nslookup and hostname.
pub fn names(session: &mut Session) -> Result<()> {
    play(session, names::ROWS)
}

/// arp, ifconfig, netstat, route, ip.
pub fn tables(session: &mut Session) -> Result<()> {
    let _sockets = sockets(session)?;
    play(session, tables::ROWS)?;
    statistics(session)
}

/// Sockets at the peer like those of the board: what serves, and a connection from the router.
fn sockets(session: &Session) -> Result<Vec<Process>> {
    let lab = session.lab()?;
    let peer = &lab.surroundings()?.peer;
    let nc = |options: &[&str]| {
        let mut command = Command::new("nc");
        command.args(options);
        command
    };
    let mut processes = Vec::new();
    for family in ["-4", "-6"] {
        for port in ["80", "23", "4242"] {
            processes.push(peer.spawn(nc(&[family, "-lk", port]))?);
        }
        processes.push(peer.spawn(nc(&[family, "-luk", "5353"]))?);
    }
    let count = processes.len();
    until("the peer's sockets", PATIENCE, || {
        let text = lab.surroundings()?.run("netstat -tuln", PATIENCE)?.text;
        Ok((text.lines().filter(|line| line.contains(":*")).count() == count).then_some(()))
    })?;
    processes.push(lab.spawn(nc(&[&PEER.to_string(), "23"]))?);
    Ok(processes)
}

/// Counters of drops for which Linux has none.
const OUR_COUNTERS: [&str; 5] =
    ["MissingTimestamp", "MissingAck", "TCPAbortOnReady", "TCPReplyDrop", "InsaneAddresses"];

/// `netstat -s` counts what we count and Linux what Linux counts; but what a number is called is
/// what the real netstat calls it, somewhere in its program, or in what it reads.
fn statistics(session: &Session) -> Result<()> {
    let program = xtask::install::find("netstat").context("no netstat")?;
    let mut real = std::fs::read(program)?;
    // The names that it takes over from the kernel.
    for file in ["/proc/net/snmp", "/proc/net/netstat"] {
        real.extend(std::fs::read(file)?);
    }
    real.extend(OUR_COUNTERS.join(" ").bytes());
    let text = Shell::open(session)?.run("netstat -s", PATIENCE)?.text;
    let mut count = 0;
    for line in text.lines() {
        let words = line.split(|c: char| c.is_ascii_digit() || c == ':').map(str::trim);
        let mut words = words.filter(|words| !words.is_empty());
        ensure!(
            words.all(|words| real.windows(words.len()).any(|at| at == words.as_bytes())),
            "no name of the real netstat's: {line:?}"
        );
        count += usize::from(line.starts_with(' '));
    }
    ensure!(count > 10, "netstat -s shows {count} lines:\n{text}");
    Ok(())
}

/// Plays the rows one after another, and tells of all that differ.
pub fn play(session: &Session, rows: &[Row]) -> Result<()> {
    let surroundings = session.lab()?.surroundings()?;
    let mut shell = Shell::open(session)?;
    wait_for_prefix(&mut shell)?;
    let mut differences = Vec::new();
    for row in rows {
        let (ours, real) = thread::scope(|scope| {
            let real = scope.spawn(|| surroundings.run(row.real, LIMIT));
            let ours = shell.run(row.ours, LIMIT);
            (ours, real.join())
        });
        let real = real.map_err(|_| anyhow!("the real {:?} panicked", row.real))??;
        if let Err(difference) = row.judge(&ours?, &real) {
            differences.push(format!("{}: {difference:#}", row.ours));
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    let (count, all) = (differences.len(), rows.len());
    bail!("{count} of {all} rows differ:\n\n{}", differences.join("\n\n"))
}

/// Waits until the board has an address of the router's prefix.
pub fn wait_for_prefix(shell: &mut Shell) -> Result<()> {
    until("an address by radvd", PATIENCE, || {
        let text = shell.run("ip -6 addr", PATIENCE)?.text;
        Ok((text.contains("fd00:77::") && text.contains(LAST_BYTES[1])).then_some(()))
    })
    .context("on the board")
}
