//! wget, nc and telnet of the board beside the real ones, against the same servers behind the same
//! router, and what dhclient says.

mod rows;
mod servers;

use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, bail, ensure};
use regex::Regex;

use self::servers::{Servers, TELNET_PORT};
use crate::compare::Row;
use crate::lab::{HOST, LEASED};
use crate::shell_port::Shell;
use crate::stage::Session;
use crate::surroundings::Said;
use crate::telnet::{Client, Telnet};

/// How long a line may take.
const LIMIT: Duration = Duration::from_secs(60);

/// wget.
pub fn wget(session: &mut Session) -> Result<()> {
    play(session, rows::WGET)
}

/// nc.
pub fn nc(session: &mut Session) -> Result<()> {
    play(session, rows::NC)?;
    spoken(session)
}

/// telnet: errors, and what passes on the wire.
pub fn telnet(session: &mut Session) -> Result<()> {
    play(session, rows::TELNET)?;
    negotiated(session)
}

/// Plays the rows one after another, and tells of all that differ.
fn play(session: &Session, rows: &[Row]) -> Result<()> {
    let lab = session.lab()?;
    let surroundings = lab.surroundings()?;
    let servers = Servers::start(lab)?;
    let mut shell = Shell::open(session)?;
    let mut differences = Vec::new();
    for row in rows {
        // A terminal, as the board's user has one: wget draws another progress without.
        let line = format!(
            "LC_ALL=C.UTF-8 script -qec 'stty cols 80; {}' /dev/null < /dev/null",
            row.real
        );
        let (ours, real) = thread::scope(|scope| {
            let real = scope.spawn(|| surroundings.run(&line, LIMIT));
            let ours = shell.run(row.ours, LIMIT);
            (ours, real.join())
        });
        let real = real.map_err(|_| anyhow!("the real {:?} panicked", row.real))??;
        if let Err(difference) = row.judge(&settled(ours?), &settled(real)) {
            differences.push(format!("{}: {difference:#}", row.ours));
        }
    }
    servers.stop(lab)?;
    if differences.is_empty() {
        return Ok(());
    }
    let (count, all) = (differences.len(), rows.len());
    bail!("{count} of {all} rows differ:\n\n{}", differences.join("\n\n"))
}

/// Without what no two runs have in common: dates, rates, and how often a bar was drawn before the
/// end.
fn settled(said: Said) -> Said {
    static PATTERNS: LazyLock<[(Regex, &str); 6]> = LazyLock::new(|| {
        let bar = r"[^\n]{24}\[[ =<>]{20}\][^\n]{33}";
        [
            (regex(&format!("(?:{bar})+(?P<last>{bar})")), "$last"),
            (regex(r" +(?:[\d.]+ *|--\.-)[KMG]?B/s    in [\dms. ]+ *(\n|$)"), " RATE in TIME$1"),
            (regex(r"[\d.]+ [KMG]?B/s"), "RATE"),
            (regex(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "DATE"),
            (regex(r"(clock time:|Downloaded: .* in) [\dms. ]+"), "$1 TIME"),
            // Where the unknown end of a file is looked for.
            (regex(r"\[ *<=> *\]"), "[<=>]"),
        ]
    });
    // A carriage return alone is followed by NUL in telnet.
    let mut text = said.text.replace(['\r', '\0'], "");
    for (pattern, instead) in LazyLock::force(&PATTERNS) {
        text = pattern.replace_all(&text, *instead).into();
    }
    Said { text, ..said }
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of this file")
}

/// HTTP, typed by hand into both: the same answer.
fn spoken(session: &Session) -> Result<()> {
    let lab = session.lab()?;
    let servers = Servers::start(lab)?;
    let mut shell = Shell::open(session)?;
    shell.start(&format!("nc -C {HOST} {}", servers::HTTP_PORT))?;
    shell.start("GET /plain HTTP/1.0")?;
    let ours = shell.run("", LIMIT)?;
    let line = format!("printf 'GET /plain HTTP/1.0\\n\\n' | nc -C {HOST} {}", servers::HTTP_PORT);
    let real = lab.surroundings()?.run(&line, LIMIT)?;
    ensure!(ours == real, "ours: {ours:?}\nreal: {real:?}");
    ensure!(real.text.ends_with("hello, world\n"), "{real:?}");
    servers.stop(lab)
}

/// What both clients say to a server that asks for their options, and to one who types.
fn negotiated(session: &Session) -> Result<()> {
    /// Behind the escape character.
    const LINES: [&str; 3] = ["send ayt", "send ip brk nop", "status"];
    let lab = session.lab()?;
    let servers = Servers::start(lab)?;
    let mut real = Telnet::connect(Client::Inetutils, Some(lab), HOST, TELNET_PORT)?;
    real.expect("hello")?;
    real.type_keys("ab\r")?;
    let mut real_status = String::new();
    for line in LINES {
        real.tell_client(line)?;
        if line == "status" {
            real_status = real.expect("Escape character")?;
        }
    }
    real.tell_client("quit")?;
    real.expect("Connection closed.")?;
    let real_wire = servers.heard()?;

    let mut shell = Shell::open(session)?;
    shell.start(&format!("telnet {HOST} {TELNET_PORT}"))?;
    shell.wait_until(|text| text.contains("hello"))?;
    shell.start("ab")?;
    for line in LINES {
        shell.start(&format!("\x1d{line}"))?;
    }
    let ours = shell.run("\x1dquit", LIMIT)?;
    let wire = servers.heard()?;
    servers.stop(lab)?;
    ensure!(wire == real_wire, "ours: {}\nreal: {}", shown(&wire), shown(&real_wire));
    ensure!(ours.text.ends_with("Connection closed.\n"), "{}", ours.text);
    for line in real_status.lines().map(str::trim).filter(|line| !line.is_empty()).skip(1) {
        ensure!(ours.text.contains(line), "no {line:?} in {}", ours.text);
    }
    Ok(())
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// The lines that users of dhclient know, for a lease that is renewed.
pub fn dhclient(session: &mut Session) -> Result<()> {
    let mut shell = Shell::open(session)?;
    let silent = shell.run("dhclient", LIMIT)?;
    ensure!((silent.text.as_str(), silent.status) == ("", 0), "{silent:?}");
    let said = shell.run("dhclient -v eth0", LIMIT)?;
    let mac = crate::board::MAC;
    let expected = format!(
        "Listening on LPF/eth0/{mac}\nSending on   LPF/eth0/{mac}\n\
         DHCPREQUEST for {LEASED} on eth0 to {HOST} port 67\nDHCPACK of {LEASED} from {HOST}\n\
         bound to {LEASED} -- renewal in N seconds.\n"
    );
    let text = regex(r"renewal in \d+ seconds").replace(&said.text, "renewal in N seconds");
    ensure!(text == expected && said.status == 0, "{said:?}\nnot as: {expected}");
    let server = session.dnsmasq.as_ref().ok_or_else(|| anyhow!("no DHCP server"))?;
    server.wait_for(&["DHCPREQUEST", &LEASED.to_string()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_settle() {
        let empty =
            "x                     0%[                    ]       0  --.-KB/s               ";
        let half =
            "x                    50%[=========>          ]       5   123KB/s    eta 3m 2s  ";
        let full =
            "x                   100%[===================>]       9  1.23KB/s    in 1m 5s    ";
        let text = format!("\r{empty}\r{half}\r{full}\r\n\n1970-01-01 00:00:01 (3.4 MB/s) - x\n");
        let said = settled(Said { text, status: 0 });
        let bar = "x                   100%[===================>]       9 RATE in TIME";
        assert_eq!(said.text, format!("{bar}\n\nDATE (RATE) - x\n"));
    }
}
