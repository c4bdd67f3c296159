//! Instructions of a TCP segment, counted by callgrind: our TCP and smoltcp's in one harness,
//! `firmware/tcp/examples/speed.rs`.
//!
//! Each is run with two lengths, and the difference is divided by the segments between them, so
//! that the handshake and slow start are left out.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use xtask::install::{self, Ask};
use xtask::workspace;

/// Bytes of the two transfers.
const BYTES: [u64; 2] = [2_000_000, 6_000_000];
/// Frames that the device takes in a turn: a slow link's, and a busy one's.
const FRAMES: [u32; 2] = [1, 8];
/// Names of the example, and what they mean.
const STACKS: [(&str, &str); 4] = [
    ("smoltcp", "smoltcp, which has no timestamps, one socket"),
    ("smoltcp-64", "smoltcp, one of 64 sockets"),
    ("barewire", "barewire-tcp, room for 64, without timestamps"),
    ("timestamps", "barewire-tcp, room for 64, with timestamps"),
];
/// The functions of the example below which is counted.
const SIDES: [&str; 2] = ["sender_turn", "receiver_turn"];

/// Prints the table.
///
/// # Errors
/// If valgrind is missing, or something does not run.
pub fn run() -> Result<()> {
    let missing = install::programs(&[install::VALGRIND], Ask::AtTerminal);
    ensure!(missing.is_empty(), "no valgrind: {}", install::command_to_type(&missing));
    let program = build()?;
    println!(
        "instructions of a full segment, checksums offloaded    frames   sender receiver    of the \
         first: sender receiver"
    );
    for frames in FRAMES {
        let mut first = None;
        for (stack, name) in STACKS {
            let cost = |side| {
                let [short, long] = BYTES.map(|bytes| count(&program, stack, side, bytes, frames));
                let (short, long) = (short?, long?);
                Ok((long.instructions - short.instructions) / (long.segments - short.segments))
            };
            let costs: Result<Vec<u64>> = SIDES.into_iter().map(cost).collect();
            let [sender, receiver] = costs?[..] else { bail!("two sides") };
            let [of_sender, of_receiver] = *first.get_or_insert([sender, receiver]);
            let [by_sender, by_receiver] =
                [(sender, of_sender), (receiver, of_receiver)].map(|(a, b)| a as f64 / b as f64);
            println!(
                "{name:<51}{frames:>10}{sender:>9}{receiver:>9}{by_sender:>20.2}{by_receiver:>9.2}"
            );
        }
    }
    Ok(())
}

/// Builds the example as the image is built.
fn build() -> Result<PathBuf> {
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--release", "--quiet", "-p", "barewire-tcp", "--example", "speed"]);
    workspace::run(&mut cargo, "build the example `speed`").map_err(anyhow::Error::msg)?;
    Ok(workspace::target().join("release/examples/speed"))
}

/// Only loops, however long the copy.
const NO_REP: &str = "glibc.cpu.x86_rep_movsb_threshold=0x10000000:\
                      glibc.cpu.x86_rep_stosb_threshold=0x10000000";

struct Count {
    segments: u64,
    instructions: u64,
}

/// Runs a transfer under callgrind.
fn count(program: &Path, stack: &str, side: &str, bytes: u64, frames: u32) -> Result<Count> {
    let mut valgrind = Command::new("valgrind");
    // Its profile is of no use here, but is written.
    let profile = workspace::target().join("callgrind.out");
    valgrind.arg("--tool=callgrind").arg(format!("--toggle-collect=*{side}*"));
    valgrind.arg(format!("--callgrind-out-file={}", profile.display()));
    valgrind.arg(program).arg(bytes.to_string()).arg(stack).arg(frames.to_string());
    // Callgrind counts a `rep movsb` once for each byte, and glibc copies whatever is long with it.
    valgrind.env("GLIBC_TUNABLES", NO_REP);
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
