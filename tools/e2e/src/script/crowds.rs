//! Many at once, most of them up to no good: who is polite is served. `cargo xtask bench --crowds`
//! is the same for longer.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::attack::crowd::{self, KINDS, Kind};
use crate::attack::flood;
use crate::attack::polite::{at_once, in_a_row};
use crate::attack::sequence::{collect, examine, nmap};
use crate::measure::{Demand, wrk};
use crate::script::web;
use crate::stage::{Boot, Session};
use crate::wait::{PATIENCE, until};

/// Polite requests beside each kind of crowd.
const REQUESTS: usize = 20;
/// And beside all kinds at once.
const REQUESTS_BESIDE_ALL: usize = 40;
/// SYNs a second of the floods, and how long each lasts.
const FLOODS: [u32; 2] = [1_000, 5_000];
const FLOOD_TIME: Duration = Duration::from_secs(3);
/// Connections in a row, and at once.
const IN_A_ROW: usize = 1_000;
const AT_ONCE: usize = 50;
/// Connections that wrk keeps.
const KEPT: Demand =
    Demand { clients: 64, keep_alive: true, time: Duration::from_secs(3), limit: PATIENCE };
/// Starts of a board, and connections to each.
const STARTS: usize = 3;
const NUMBERS: u16 = 300;
/// The difficulty of its sequence numbers, as nmap counts, at which it says good luck.
const DIFFICULTY_MIN: u32 = 200;

fn beside(session: &Session, kinds: &[Kind], requests: usize) -> Result<()> {
    let outcome = crowd::beside(session, kinds, requests)?;
    println!("{kinds:?}: {outcome:?}");
    ensure!(outcome.served.is_enough(), "beside {kinds:?}: {outcome:?}");
    Ok(())
}

/// 64 connections of one kind after another.
pub fn of_every_kind(session: &mut Session) -> Result<()> {
    KINDS.iter().try_for_each(|kind| beside(session, &[*kind], REQUESTS))
}

/// 64 connections of each kind, 448 together.
pub fn of_all_kinds(session: &mut Session) -> Result<()> {
    beside(session, &KINDS, REQUESTS_BESIDE_ALL)
}

/// A thousand and five thousand SYNs a second from sources that do not exist.
pub fn floods(session: &mut Session) -> Result<()> {
    for per_second in FLOODS {
        let outcome = flood::beside(session, per_second, FLOOD_TIME)?;
        println!("{per_second} SYNs a second: {outcome:?}");
        let all_after = outcome.after.whole == outcome.after.asked;
        ensure!(outcome.during.is_enough() && all_after, "{per_second} a second: {outcome:?}");
    }
    Ok(())
}

/// A thousand connections in a row, fifty at once, 64 that wrk keeps: none is lost.
pub fn connections(session: &mut Session) -> Result<()> {
    in_a_row(session, IN_A_ROW)?;
    for _ in 0..3 {
        at_once(session, AT_ONCE)?;
    }
    // There is room for as many as wrk keeps: nobody else's may be left, of crowds before neither.
    until("free places", PATIENCE, || {
        let free = web::status(session)?["tcp_sockets"]["free"].as_u64().context("free")?;
        // One of those taken asks for this.
        Ok((free + 1 >= KEPT.clients.into()).then_some(()))
    })?;
    let load = wrk(session.lab()?, &session.url("/")?, KEPT)?;
    ensure!(load.failed == 0 && load.complete > 0, "{load:?}");
    Ok(())
}

/// Sequence numbers do not repeat, nor follow from others, on this start and the next.
pub fn sequence_numbers(session: &mut Session) -> Result<()> {
    let mut numbers = collect(session, NUMBERS)?;
    for _ in 1..STARTS {
        // A board of its own beside this one: the same ports at nearly the same time since start.
        let another = Session::start(session.board.model(), Boot::Static)?;
        numbers.extend(collect(&another, NUMBERS)?);
    }
    let found = examine(&numbers);
    ensure!(found.is_random(), "{found:?}");
    let said = nmap(session)?;
    let difficulty = said.split(' ').next().unwrap_or_default().parse::<u32>();
    let difficulty = difficulty.with_context(|| said.clone())?;
    ensure!(difficulty >= DIFFICULTY_MIN && said.contains("Good luck"), "nmap: {said}");
    Ok(())
}
