//! `--peer linux`: the image beside Linux, turn by turn.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use e2e::board::{self, MODELS};
use e2e::measure::median;
use e2e::measure::peer::{Moved, Turn, Who, turn};

/// A figure: its name, its unit, its value in a turn, and whether more of it is better.
type Figure = (&'static str, &'static str, fn(&Turn) -> f64, bool);

/// What is compared.
const FIGURES: [Figure; 8] = [
    ("TCP to this machine", "MB/s", |turn| turn.out.rate() / 1e6, true),
    ("  QEMU's CPU for it", "s", |turn| turn.out.emulator.as_secs_f64(), false),
    ("  the chip server's", "s", |turn| turn.out.server.as_secs_f64(), false),
    ("TCP from this machine", "MB/s", |turn| turn.back.rate() / 1e6, true),
    ("  QEMU's CPU for it", "s", |turn| turn.back.emulator.as_secs_f64(), false),
    ("  the chip server's", "s", |turn| turn.back.server.as_secs_f64(), false),
    ("ping, median", "ms", |turn| milliseconds(turn.ping.median), false),
    ("ping, 99 of 100", "ms", |turn| milliseconds(turn.ping.p99), false),
];

/// Measures, and prints each turn, the medians and their ratios.
///
/// # Errors
/// If something is missing, a guest does not come up, or a byte was wrong.
pub fn run(turns: usize) -> Result<()> {
    let model = MODELS.into_iter().find(|model| model.name == "lan9514_root");
    let model = model.context("no board lan9514_root")?;
    if let Some(reason) = model.missing() {
        bail!("{}: {reason}", model.name);
    }
    board::prepare(model)?;
    println!("16 MiB each way, on {} cores, load {}", super::cores(), super::load());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for number in 1..=turns {
        for (who, all) in [(Who::Image, &mut ours), (Who::Linux, &mut theirs)] {
            let figures = turn(who).with_context(|| format!("{who:?}, turn {number}"))?;
            println!("{number} {who:?}: {}", show(&figures));
            all.push(figures);
        }
    }
    println!("\n{:<24} {:>10} {:>10} {:>8}", "median", "barewire", "Linux", "better");
    for (name, unit, value, more_is_better) in FIGURES {
        let of = |turns: &[Turn]| median(&turns.iter().map(value).collect::<Vec<_>>());
        let (us, them) = of(&ours).zip(of(&theirs)).context("no turns")?;
        let times = if more_is_better { us / them } else { them / us };
        println!("{:<24} {us:>10.2} {them:>10.2} {times:>7.1}x", format!("{name}, {unit}"));
    }
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn show(turn: &Turn) -> String {
    let moved = |moved: &Moved| {
        let (emulator, server) = (moved.emulator.as_secs_f64(), moved.server.as_secs_f64());
        format!("{:.2} MB/s ({emulator:.2} + {server:.2} s)", moved.rate() / 1e6)
    };
    let ping = super::show_times(turn.ping);
    format!("out {}, in {}, ping {ping}", moved(&turn.out), moved(&turn.back))
}
