//! `--relay`: the twin beside Linux, through the same relay, turn by turn.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use e2e::board::{self, MODELS};
use e2e::measure::median;
use e2e::measure::relayed::{Cable, Moved, ROWS};
use e2e::measure::transfer::Content;
use e2e::stage::{Boot, Session};

/// What the server waits for longest: its retransmission timeouts.
const TIMEOUTS: &str = "TCPTimeouts";

/// Measures, and prints each turn, the medians and their ratios.
///
/// # Errors
/// If something is missing, there is no such row, or a byte was wrong.
pub fn run(name: &str, turns: usize, congestion: Option<String>, bytes: usize) -> Result<()> {
    let rows: Vec<_> = ROWS.iter().filter(|row| name == "all" || row.0 == name).collect();
    ensure!(!rows.is_empty(), "no row {name}");
    let model = MODELS.into_iter().find(|model| model.name == "twin").context("no twin")?;
    if let Some(reason) = model.missing() {
        bail!("{}: {reason}", model.name);
    }
    board::prepare(model)?;
    let congestion = congestion.map_or_else(own_congestion, Ok)?;
    ensure!(["cubic", "bbr"].contains(&&*congestion), "the twin has no {congestion}");
    let content = Arc::new(Content::new(bytes));
    let setting = format!("sysctl.net.ipv4.tcp_congestion_control={congestion}");
    println!(
        "{} MiB each way, both with {congestion}, on {} cores, load {}",
        bytes >> 20,
        super::cores(),
        super::load()
    );
    let session = Session::start_with(model, Boot::Static, &setting)?;
    let cables = [
        ("Linux", Cable::to_linux(&congestion)?),
        ("twin", Cable::to_board(&session, &congestion)?),
    ];
    let mut table = Vec::new();
    for (name, faults) in rows {
        let mut all = [const { Vec::new() }; 2];
        for turn in 1..=turns {
            for ((who, cable), moved) in cables.iter().zip(&mut all) {
                let before = cable.server_counted(TIMEOUTS)?;
                let (took, tallies) = cable
                    .moves_under(*faults, turn as u64, &content)
                    .with_context(|| format!("{name}, turn {turn}, {who}"))
                    .map_err(|error| session.explain(error))?;
                // Of the direction that the bytes go.
                let frames = [tallies[0][0].frames, tallies[1][1].frames];
                let timeouts = cable.server_counted(TIMEOUTS)? - before;
                let shown = show(bytes, took);
                println!("{name} {turn} {who}: {shown}, frames {frames:?}, timeouts {timeouts}");
                moved.push(took);
            }
        }
        table.push((*name, all));
    }
    println!("\n{:<8} {:>38} {:>38}", "MB/s", "to this machine", "from this machine");
    let heads =
        ["Linux", "twin", "ratio", "twin's range"].map(|head| format!("{head:>9}")).join(" ");
    println!("{:<8} {heads} {heads}, load {}", "median", super::load());
    for (name, all) in table {
        let [out, back] = [|moved: &Moved| moved.out, |moved: &Moved| moved.back].map(|way| {
            let [linux, twin] = all.each_ref().map(|all| {
                let mut rates: Vec<f64> = all.iter().map(|moved| rate(bytes, way(moved))).collect();
                rates.sort_by(f64::total_cmp);
                rates
            });
            let (us, them) = (median(&twin)?, median(&linux)?);
            let range = format!("{:.1}-{:.1}", twin.first()?, twin.last()?);
            Some(format!("{them:>9.2} {us:>9.2} {:>9.2} {range:>12}", us / them))
        });
        println!("{name:<8} {} {}", out.context("no turns")?, back.context("no turns")?);
    }
    Ok(())
}

/// How this machine's connections control congestion.
fn own_congestion() -> Result<String> {
    let name = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control");
    Ok(name.context("read how Linux controls congestion")?.trim().to_string())
}

/// Megabytes a second.
fn rate(bytes: usize, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64() / 1e6
}

fn show(bytes: usize, moved: Moved) -> String {
    format!("out {:.2} MB/s, in {:.2} MB/s", rate(bytes, moved.out), rate(bytes, moved.back))
}
