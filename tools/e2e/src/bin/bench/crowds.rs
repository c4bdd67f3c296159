//! `--crowds`: what is promised of the board under attack, for as long as it is promised.

use std::time::Duration;

use anyhow::{Result, bail};
use e2e::attack::crowd::{self, EACH, KINDS};
use e2e::attack::flood;
use e2e::attack::polite::{Served, at_once, in_a_row};
use e2e::attack::sequence::{self, Generator, collect, examine, recover};
use e2e::board::{self, Model};
use e2e::measure::{Demand, wrk};
use e2e::stage::{Boot, Session};

use super::load::{self, WRK_LIMIT};

/// Polite requests beside a crowd.
const REQUESTS: usize = 300;
const FLOODS: [u32; 2] = [1_000, 5_000];
const IN_A_ROW: usize = 10_000;
const AT_ONCE: usize = 50;
/// Rounds of so many at once.
const ROUNDS: usize = 20;
const KEPT: u32 = 64;
const STARTS: usize = 20;
const NUMBERS: u16 = 500;

/// Measures, and prints a table.
///
/// # Errors
/// If the board does not come up, or a connection was lost that must not be.
pub fn run(model: Model, time: Duration) -> Result<()> {
    let seconds = time.as_secs();
    board::prepare(model)?;
    println!("{} on {} cores, load {}", model.name, super::cores(), super::load());
    let session = Session::start(model, Boot::Dhcp)?;
    session.wait_for_ping()?;
    let shown = |served: Served| {
        format!("{} of {}, the longest {:.0} ms", served.whole, served.asked, milliseconds(served))
    };
    let crowds = KINDS.iter().map(std::slice::from_ref).chain([&KINDS[..]]);
    for kinds in crowds {
        let name = match kinds {
            [kind] => format!("{EACH} {kind:?}"),
            _ => format!("{EACH} of each kind"),
        };
        let outcome = crowd::beside(&session, kinds, REQUESTS)?;
        let crowd::Outcome { served, opened, ended } = outcome;
        super::row(&name, &format!("{}; {opened} opened, {ended} ended", shown(served)));
    }
    for per_second in FLOODS {
        let outcome = flood::beside(&session, per_second, time)?;
        let flood::Outcome { syns, during, after, after_took } = outcome;
        let after_took = after_took.as_secs_f64();
        super::row(
            &format!("{per_second} SYNs a second, {seconds} s"),
            &format!("{}; {syns} SYNs; then {} in {after_took:.2} s", shown(during), shown(after)),
        );
    }
    let took = in_a_row(&session, IN_A_ROW)?;
    super::row(&format!("{IN_A_ROW} in a row"), &format!("all, {:.1} s", took.as_secs_f64()));
    let rounds = (0..ROUNDS).map(|_| at_once(&session, AT_ONCE)).collect::<Result<Vec<_>>>()?;
    let took = rounds.iter().max().copied().unwrap_or_default();
    let text = format!("all, {ROUNDS} times, the longest {:.2} s", took.as_secs_f64());
    super::row(&format!("{AT_ONCE} at once"), &text);
    let demand = Demand { clients: KEPT, keep_alive: true, time, limit: WRK_LIMIT };
    let load = wrk(session.lab()?, &session.url("/")?, demand)?;
    super::row(&format!("wrk, {KEPT} connections, {seconds} s"), &load::show(load));
    super::row("nmap -O", &sequence::nmap(&session)?);
    drop(session);
    sequence_numbers(model)
}

fn milliseconds(served: Served) -> f64 {
    served.longest.as_secs_f64() * 1e3
}

fn sequence_numbers(model: Model) -> Result<()> {
    let mut numbers = Vec::new();
    for _ in 0..STARTS {
        numbers.extend(collect(&Session::start(model, Boot::Static)?, NUMBERS)?);
    }
    super::row(&format!("{STARTS} starts"), &format!("{:?}", examine(&numbers)));
    // The attack finds a generator that can be found, and none behind the board's numbers.
    let mut generator = Generator(0x5eed_5eed_5eed_5eed);
    let drawn: Vec<_> = (0..6).map(|_| generator.draw()).collect();
    if recover(&drawn, 0..8)?.is_none() {
        bail!("the attack on smoltcp's generator does not find it");
    }
    let found = recover(&numbers[..6], 0..8)?;
    super::row("a 64-bit congruence behind six numbers", &format!("{found:?}"));
    Ok(())
}
