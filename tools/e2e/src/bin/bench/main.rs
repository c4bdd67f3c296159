//! `cargo xtask bench`: measures the image in QEMU and prints a table. It judges nothing.

mod crowds;
mod instructions;
mod load;
mod relayed;
mod versus;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use e2e::board::{MODELS, Model};
use e2e::measure::{self, Rate, Start, Times};
use e2e::namespace;
use e2e::script::web;
use e2e::stage::{Boot, Session};

/// Measures the image under QEMU (needs root) and prints a table.
#[derive(Debug, Parser)]
struct Arguments {
    /// Beside whom: the image and it take turns on the LAN9514's model, and nothing else is
    /// measured
    #[arg(long, value_enum)]
    peer: Option<Peer>,
    /// Only what the board does under attack: crowds, floods, many connections, sequence numbers
    #[arg(long)]
    crowds: bool,
    /// Only the instructions of a TCP segment, ours and smoltcp's, by callgrind; no root, no QEMU
    #[arg(long, conflicts_with = "peer")]
    instructions: bool,
    /// Only HTTP, by wrk on 8 connections; with --peer, Linux's busybox httpd in the same run
    #[arg(long)]
    http: bool,
    /// Seconds of each flood, and of wrk
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// The twin beside Linux, through a relay that harms frames, and nothing else is measured: all
    /// rows, or this one (clean, loss1, loss5, loss10, all10)
    #[arg(long, value_name = "ROW", num_args = 0..=1, default_missing_value = "all")]
    relay: Option<String>,
    /// How both control congestion through the relay: cubic or bbr; else as this machine is set up
    #[arg(long)]
    congestion: Option<String>,
    /// What is moved each way through the relay, MiB
    #[arg(long, default_value_t = 16)]
    mebibytes: usize,
    /// Turns of each, of which the median is printed: 3, or 10 through the relay
    #[arg(long)]
    turns: Option<usize>,
    /// The board: twin, lan9514_root, lan9514_hub, qemu_root or qemu_hub.
    #[arg(long, default_value = "qemu_root")]
    board: String,
    /// Starts of which the median is printed.
    #[arg(long, default_value_t = 5)]
    starts: usize,
    /// Pings.
    #[arg(long, default_value_t = 1000)]
    pings: u16,
    /// HTTP requests of each kind.
    #[arg(long, default_value_t = 1000)]
    requests: u32,
}

/// Whom we measure ourselves by.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Peer {
    /// Debian's kernel with its smsc95xx.
    Linux,
}

/// What others reached on the same emulator and adapter, measured earlier on another day and
/// machine load: Linux 6.1 with busybox; Circle 51 with QEMU patched; Circle 51 tuned by hand;
/// rpi-hal 0.11 on a LAN9514 model. Compare orders of magnitude, not digits.
const PEERS: [(&str, [&str; 4]); 7] = [
    ("", ["Linux 6.1", "Circle 51", "Circle tuned", "rpi-hal 0.11"]),
    (ROWS[0], ["53 to 69 %", "busy loop", "busy loop", "130 %"]),
    (ROWS[1], ["12.5 to 15.3 s", "6.6 s", "2.33 s", "0.46 to 0.50 s"]),
    (ROWS[3], ["0.74/1.78/17.6 ms", "0.48/1.64/102 ms", "0.23/0.55/6.8 ms", "0.32/0.62/4.5 ms"]),
    (ROWS[4], ["22", "35", "174", "306"]),
    (ROWS[5], ["29", "51", "148", "314 (9,074 refused)"]),
    (ROWS[8], ["34.7 MB", "385 KB", "385 KB", "191 KB"]),
];

const ROWS: [&str; 10] = [
    "idle CPU of the emulator",
    "start to first ping, DHCP",
    "start to first ping, static",
    "ping min/median/p99",
    "HTTP requests/s, 1 client",
    "HTTP requests/s, 8 clients",
    "HTTP requests/s, 1 client, kept alive",
    "HTTP requests/s, 8 clients, kept alive",
    "image",
    "memory used",
];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.instructions {
        return instructions::run();
    }
    namespace::remove_stale()?;
    match arguments.peer {
        Some(Peer::Linux) if !arguments.http => return versus::run(arguments.turns.unwrap_or(3)),
        _ => {}
    }
    if let Some(row) = arguments.relay {
        let turns = arguments.turns.unwrap_or(10);
        return relayed::run(&row, turns, arguments.congestion, arguments.mebibytes << 20);
    }
    let model = MODELS.into_iter().find(|model| model.name == arguments.board);
    let model = model.with_context(|| format!("no board {}", arguments.board))?;
    if let Some(reason) = model.missing() {
        bail!("{}: {reason}", model.name);
    }
    if !model.needs_lab() {
        bail!("{}: the user-mode network is no wire to measure on", model.name);
    }
    let time = Duration::from_secs(arguments.seconds);
    if arguments.crowds {
        return crowds::run(model, time);
    }
    println!("{} on {} cores, load {}", model.name, cores(), load());
    if arguments.http {
        return load::run(model, time, arguments.peer.is_some());
    }

    let starts = |boot| -> Result<Vec<Start>> {
        (0..arguments.starts).map(|_| measure::start(model, boot)).collect()
    };
    row(ROWS[1], &show_starts(&starts(Boot::Dhcp)?));
    row(ROWS[2], &show_starts(&starts(Boot::Static)?));

    let mut session = Session::start(model, Boot::Dhcp)?;
    session.wait_for_ping()?;
    row(ROWS[0], &format!("{:.1} % of a core", measure::idle(&mut session)?));
    let times = measure::ping(session.lab()?, session.address, arguments.pings)?;
    row(ROWS[3], &show_times(times));
    let kinds = [(1, false), (8, false), (1, true), (8, true)];
    for (name, (clients, keep)) in ROWS[4..8].iter().zip(kinds) {
        let rate = measure::http(&session, arguments.requests, clients, keep);
        // A board that fails here is still measured in the rest.
        row(name, &rate.map_or_else(|error| format!("{error:#}"), show_rate));
    }
    row(ROWS[8], &image_size(model)?);
    let memory = measure::memory(&session)?;
    row(ROWS[9], &memory.map_or("not told".into(), |bytes| format!("{} KiB", bytes / 1024)));
    let status = web::status(&session)?;
    println!("status afterwards: {status}");

    println!("\nmeasured elsewhere, earlier (other load, other day):");
    for (name, figures) in PEERS {
        let [linux, circle, tuned, hal] = figures;
        println!("{name:<40} {linux:<18} {circle:<17} {tuned:<17} {hal}");
    }
    Ok(())
}

fn row(name: &str, value: &str) {
    println!("{name:<40} {value}");
}

fn show_starts(starts: &[Start]) -> String {
    let walls: Vec<_> = starts.iter().map(|start| start.wall).collect();
    let cpus: Vec<_> = starts.iter().map(|start| start.cpu).collect();
    let best = walls.iter().min().copied().unwrap_or_default();
    let middle = |all: &[Duration]| measure::median(all).unwrap_or_default();
    format!(
        "{:.3} s (best {:.3} s, median of {}), {:.2} CPU seconds",
        middle(&walls).as_secs_f64(),
        best.as_secs_f64(),
        walls.len(),
        middle(&cpus).as_secs_f64()
    )
}

fn show_times(times: Times) -> String {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let Times { min, median, p99, lost } = times;
    format!("{:.2}/{:.2}/{:.2} ms, {lost} lost", ms(min), ms(median), ms(p99))
}

fn show_rate(rate: Rate) -> String {
    format!("{:.0} ({} complete, {} failed)", rate.per_second, rate.complete, rate.failed)
}

fn image_size(model: Model) -> Result<String> {
    if model.name == "twin" {
        return Ok("none: a Linux process".into());
    }
    let bytes = std::fs::metadata(e2e::board::image()?)?.len();
    Ok(format!("{bytes} bytes ({} KiB)", bytes.div_ceil(1024)))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("?").to_string()
}
