//! The lessons: each notices whether its steps were taken, and is not done while one is missing.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};

use crate::lab::{FORGED, HOST};
use crate::script::shell::{PROMPT, log_in, on_console};
use crate::stage::Session;
use crate::telnet::Telnet;
use crate::wait::{PATIENCE, until};

/// The raw peer that is heard of once.
const STRANGER: u8 = 9;

/// What somebody does.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A line is typed on the board's console.
    Board(&'static str),
    /// A page is fetched from the host.
    Fetch(&'static str),
    /// Keys are typed in a telnet session, one after the other's echo.
    Keys(&'static str),
    /// A line is typed in a telnet session.
    Line(&'static str),
    /// Somebody asks for the board's address, and then is silent for ever: a neighbour that was
    /// switched off, without the half minute until the board doubts what it knows.
    Stranger,
}

use Step::{Board, Fetch, Keys, Line, Stranger};

/// How a lesson is taken: its steps, and the one without which it is not done.
type Way = (&'static [Step], usize);

const PAGE: &str = "/status.json";

/// Of each lesson, in their order.
const WAYS: [Way; 12] = [
    // Without `arp -d` nobody has to be asked.
    (&[Board("arp -d {router}"), Board("ping -c 1 {router}")], 0),
    (&[Board("ping -c 1 {router}"), Board("arp -n")], 0),
    (&[Stranger, Board("ping -c 7 -W 1 {stranger}")], 1),
    (&[Board("ping -c 1 {router}"), Board("ping -c 1 -W 1 192.0.2.1")], 1),
    (
        &[
            Board("route add -host 198.51.100.7 dev eth0"),
            Board("ping -c 1 -W 1 198.51.100.8"),
            Board("ping -c 1 -W 1 198.51.100.7"),
            Board("route del -host 198.51.100.7 dev eth0"),
        ],
        0,
    ),
    (&[Fetch(PAGE)], 0),
    (&[Fetch(PAGE)], 0),
    (&[Line("mode -v char"), Keys("echo hello world"), Line("")], 1),
    // Key by key all the way: else the client would send a whole line by itself.
    (&[Line("mode -v line"), Keys("echo hello world"), Line(""), Keys("mode char"), Line("")], 0),
    (&[Board("netem out loss 10%"), Fetch("/bytes?count=400000"), Board("netem off")], 1),
    (&[Board("host example.org")], 0),
    (&[Board("traceroute -n -q 1 -w 1 192.0.2.1")], 0),
];

/// Takes every lesson twice: without the step that matters, and with it.
pub fn all(session: &mut Session) -> Result<()> {
    // The router is known before, and so no lesson is done by the way.
    on_console(session, &filled("ping -c 1 {router}"))?;
    let mut telnet = log_in(session)?;
    for (number, (steps, needed)) in (1..).zip(WAYS) {
        let lesson = format!("lesson {number}");
        let done = format!("Lesson {number} is done.");
        let mut take = |skipped: Option<usize>| -> Result<String> {
            on_console(session, &lesson)?;
            for (at, step) in steps.iter().enumerate().filter(|(at, _)| Some(*at) != skipped) {
                take_step(session, &mut telnet, *step)
                    .with_context(|| format!("{lesson}, step {}", at + 1))?;
            }
            on_console(session, "lesson check")
        };
        let said = take(Some(needed))?;
        let missed = said.contains("  not seen  ") && !said.contains(&done);
        ensure!(missed, "{lesson} without {:?}:\n{said}", steps[needed]);
        let mut said = take(None)?;
        // The last frame may still be under way.
        until(&done, PATIENCE, || {
            if !said.contains(&done) {
                said = on_console(session, "lesson check")?;
            }
            Ok(said.contains(&done).then_some(()))
        })
        .with_context(|| said)?;
    }
    let list = on_console(session, "lesson")?;
    let passed = list.lines().filter(|line| line.starts_with("* ")).count();
    ensure!(passed == WAYS.len(), "{passed} were passed:\n{list}");
    spoilt(session)
}

/// The second lesson is about a question that is not asked.
fn spoilt(session: &mut Session) -> Result<()> {
    for line in ["lesson 2", "arp -d {router}", "ping -c 1 {router}"] {
        on_console(session, &filled(line))?;
    }
    let said = on_console(session, "lesson check")?;
    ensure!(said.contains("  spoilt    "), "{said}");
    Ok(())
}

fn take_step(session: &mut Session, telnet: &mut Telnet, step: Step) -> Result<()> {
    match step {
        Board(line) => on_console(session, &filled(line)).map(drop),
        Fetch(path) => {
            let url = session.url(path)?;
            session.lab()?.run("curl", &["-sSf", &url], PATIENCE).map(drop)
        }
        Keys(keys) => keys.chars().try_for_each(|key| {
            telnet.type_keys(&key.to_string())?;
            telnet.expect(&key.to_string()).map(drop)
        }),
        Line(line) => {
            telnet.type_keys(&format!("{line}\r"))?;
            telnet.expect(PROMPT).map(drop)
        }
        Stranger => {
            let stranger = session.lab()?.raw_peer(STRANGER)?;
            stranger.find(session.address).map(drop)
        }
    }
}

/// The line with the addresses of this network.
fn filled(line: &str) -> String {
    let [a, b, c, d] = FORGED.octets();
    let stranger = Ipv4Addr::new(a, b, c, d + STRANGER);
    line.replace("{router}", &HOST.to_string()).replace("{stranger}", &stranger.to_string())
}
