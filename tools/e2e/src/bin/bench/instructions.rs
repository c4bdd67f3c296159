//! Instructions of a TCP segment, counted by callgrind: our TCP and smoltcp's in one harness,
//! `firmware/tcp/examples/speed.rs`.
//!
//! Each is run with two lengths, and the difference is divided by the segments between them, so
//! that the handshake and slow start are left out.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use xtask::install::{self, Ask};
use xtask::workspace;

/// Bytes of the two transfers.
const BYTES: [u64; 2] = [4_000_000, 12_000_000];
/// Names of the example, and what they mean.
const STACKS: [(&str, &str); 3] = [
    ("barewire", "barewire-tcp, without timestamps"),
    ("timestamps", "barewire-tcp, with timestamps"),
    ("smoltcp", "smoltcp, which has none of its own accord"),
];
/// The functions of the example below which is counted.
const SIDES: [&str; 2] = ["sender_turn", "receiver_turn"];

/// Prints the table; an error if ours takes more than smoltcp.
pub fn run() -> Result<()> {
    let missing = install::programs(&[install::VALGRIND], Ask::AtTerminal);
    ensure!(missing.is_empty(), "no valgrind: {}", install::command_to_type(&missing));
    let program = build()?;
    println!(
        "instructions of a full segment, checksums offloaded{:>14}{:>10}",
        "sender", "receiver"
    );
    let mut rows = Vec::new();
    for (stack, name) in STACKS {
        let mut costs = [0.0; SIDES.len()];
        for (cost, side) in costs.iter_mut().zip(SIDES) {
            let short = count(&program, stack, side, BYTES[0])?;
            let long = count(&program, stack, side, BYTES[1])?;
            *cost = (long.instructions - short.instructions) as f64
                / (long.segments - short.segments) as f64;
        }
        println!("{name:<51}{:>14.0}{:>10.0}", costs[0], costs[1]);
        rows.push(costs);
    }
    let [ours, .., theirs] = &rows[..] else { bail!("no rows") };
    ensure!(ours.iter().zip(theirs).all(|(ours, theirs)| ours <= theirs), "more than smoltcp");
    Ok(())
}

/// Builds the example as the image is built.
fn build() -> Result<PathBuf> {
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--release", "--quiet", "-p", "barewire-tcp", "--example", "speed"]);
    workspace::run(&mut cargo, "build the example `speed`").map_err(anyhow::Error::msg)?;
    Ok(workspace::target().join("release/examples/speed"))
}

struct Count {
    segments: u64,
    instructions: u64,
}

/// Runs a transfer under callgrind.
fn count(program: &PathBuf, stack: &str, side: &str, bytes: u64) -> Result<Count> {
    let mut valgrind = Command::new("valgrind");
    // Its profile is of no use here, but is written.
    let profile = workspace::target().join("callgrind.out");
    valgrind.arg("--tool=callgrind").arg(format!("--toggle-collect=*{side}*"));
    valgrind.arg(format!("--callgrind-out-file={}", profile.display()));
    valgrind.arg(program).arg(bytes.to_string()).arg(stack);
    let output = valgrind.output().context("start valgrind")?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    ensure!(output.status.success(), "callgrind: {said}");
    // `==1234== Collected : 5678`, and of the example: `90 segments, ..`.
    let number = |text: Option<&str>| text.and_then(|text| text.trim().parse().ok());
    let instructions =
        said.lines().find_map(|line| number(line.split_once("Collected :").map(|l| l.1)));
    let segments =
        said.lines().find_map(|line| number(line.split_once(" segments, ").map(|l| l.0)));
    Ok(Count {
        segments: segments.context("the example tells no segments")?,
        instructions: instructions.context("callgrind tells no instructions")?,
    })
}
