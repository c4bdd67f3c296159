//! The cable goes out and in, the whole adapter goes out and in, again and again, while somebody
//! pings: each time the board answers again.
//!
//! The promise is an answer within 3 s of the cable or the plug. What is measured is the clock of
//! the machine that runs the tests, for want of a better one: the board's own follows it, so that a
//! machine that is busy with something else lets both run on. So the figures are printed, one cycle
//! in ten may take longer than promised, and none may take [`PATIENCE`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};

use crate::measure::percentile;
use crate::process::{Mark, Process};
use crate::script::web;
use crate::stage::Session;
use crate::wait::{PATIENCE, until};

/// Cycles if the environment does not say `RUNS=50`, or another number.
const RUNS: usize = 10;
/// An answer comes within this.
const PROMISE: Duration = Duration::from_secs(3);
/// Of a hundred cycles, so many keep the promise at least.
const KEPT_PERCENT: usize = 90;
/// Between two pings, in seconds.
const PING_INTERVAL: &str = "0.02";
/// What the driver says if a buffer did not come back before the device did.
const LEAK: &str = "buffers are still with the controller";

/// The cable goes out and in.
pub fn link_flaps(session: &mut Session) -> Result<()> {
    let out = |session: &Session| {
        let mark = session.board.console().mark();
        session.board.chip("link down")?;
        session.board.wait_for(mark, &["eth0: link down"]).map(drop)
    };
    cycles(session, "link flaps", out, "link up")
}

/// The adapter goes out and in.
pub fn replugs(session: &mut Session) -> Result<()> {
    let out = |session: &Session| {
        let mark = session.board.console().mark();
        session.board.chip("unplug")?;
        until("the plug out", PATIENCE, || {
            Ok(session.board.chip("stats")?.contains("plugged=false").then_some(()))
        })?;
        session.board.wait_for(mark, &["eth0: gone"]).map(drop)
    };
    cycles(session, "replugs", out, "plug")
}

fn cycles(
    session: &mut Session,
    what: &str,
    out: impl Fn(&Session) -> Result<()>,
    back: &str,
) -> Result<()> {
    session.wait_for_ping()?;
    let before = web::status(session)?;
    let start = session.board.console().mark();
    let pinging = Pinging::start(session)?;
    let mut times = Vec::new();
    for number in 1..=runs()? {
        let mut cycle = || {
            pinging.answer_after(pinging.mark())?;
            out(session)?;
            let mark = session.board.console().mark();
            let began = since_epoch()?;
            session.board.chip(back)?;
            // The board may answer before it has seen that the link is back, and again be silent
            // while it asks for its address. What counts is when it answers and goes on to.
            session.board.wait_for(mark, &["eth0: link up"])?;
            session.wait_for_address(mark)?;
            Ok(pinging.answer_after(pinging.mark())?.saturating_sub(began))
        };
        let took: Result<Duration> = cycle();
        times.push(took.with_context(|| format!("{what}, number {number}, after {times:?}"))?);
    }
    drop(pinging);
    session.wait_for_ping()?;

    let at = |percent| percentile(&times, percent).context("no cycle was run");
    let seconds = |percent| Ok::<_, anyhow::Error>(at(percent)?.as_secs_f64());
    println!(
        "{} {what}, answered again after {:.3} s at best, {:.3} s median, {:.3} s p90, {:.3} s at \
         worst",
        times.len(),
        seconds(0)?,
        seconds(50)?,
        seconds(KEPT_PERCENT)?,
        seconds(100)?,
    );
    ensure!(at(KEPT_PERCENT)? <= PROMISE, "{what}: more than {PROMISE:?} too often: {times:?}");
    // A device is taken only if every buffer of the time before is back: a single one that leaks,
    // in a replug or in the flaps before it, is told at the next replug.
    let said = session.board.console().text_after(start);
    ensure!(!said.contains(LEAK), "{what}: {LEAK}");
    let after = web::status(session)?;
    for count in ["/driver/recoveries", "/driver/power_cycles"] {
        let (before, after) = (before.pointer(count), after.pointer(count));
        ensure!(before.is_some() && before == after, "{what}: {count} {before:?}, then {after:?}");
    }
    Ok(())
}

/// `RUNS` of the environment, or [`RUNS`].
fn runs() -> Result<usize> {
    match std::env::var("RUNS") {
        Ok(text) => text.parse().with_context(|| format!("RUNS={text}")),
        Err(_) => Ok(RUNS),
    }
}

fn since_epoch() -> Result<Duration> {
    SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")
}

/// A ping that goes on all the time.
struct Pinging(Process);

impl Pinging {
    fn start(session: &Session) -> Result<Self> {
        let mut command = std::process::Command::new("ping");
        command.args(["-n", "-D", "-i", PING_INTERVAL, &session.address.to_string()]);
        Ok(Self(session.lab()?.spawn(command)?))
    }

    fn mark(&self) -> Mark {
        self.0.output.mark()
    }

    /// When the first answer came that was printed after `mark`, since the epoch:
    /// `[1763706389.123456] 64 bytes from 192.168.77.42: icmp_seq=1 ttl=64 time=0.9 ms`.
    fn answer_after(&self, mark: Mark) -> Result<Duration> {
        let line = self.0.output.wait_for(mark, &["bytes from"], PATIENCE).context("ping")?;
        let stamp = line.strip_prefix('[').and_then(|rest| rest.split(']').next());
        let seconds: f64 = stamp.context(line.clone())?.parse().context(line)?;
        Ok(Duration::from_secs_f64(seconds))
    }
}
