//! `cargo xtask replay FILE.pcap`: plays a capture to the firmware in virtual time and prints what
//! it answers.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use packet::{Options, Stamps};
use smoltcp::wire::{EthernetAddress, Ipv4Address};
use twin::replay::{self, Capture, Play};

/// Plays a capture to the firmware, in virtual time, and prints what it answers: In is what the
/// board received, Out what it sent.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask replay", bin_name = "cargo xtask replay")]
struct Arguments {
    /// The capture, pcap or pcapng, of an Ethernet
    file: PathBuf,
    /// The board's address; without it, whom the capture's first question is for
    #[arg(long)]
    address: Option<Ipv4Address>,
    /// The board's Ethernet address; without it, who has that address in the capture
    #[arg(long, value_parser = twin::parse_mac)]
    mac: Option<EthernetAddress>,
    /// The kernel command line; without it, --address with a network of 24 bits
    #[arg(long, value_name = "TEXT")]
    append: Option<String>,
    /// Make checksums right: captures at the sender have them as the network card gets them
    #[arg(long)]
    fix_checksums: bool,
    /// Listen for so many virtual seconds after the last frame
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    wait: u32,
    /// Write what the board sent to this pcap file
    #[arg(short, long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Print Ethernet headers, too
    #[arg(short = 'e')]
    link_header: bool,
    /// Print more of each frame; -vv most
    #[arg(short, action = clap::ArgAction::Count)]
    verbosity: u8,
}

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let name = arguments.file.display();
    let file = fs::read(&arguments.file).with_context(|| format!("cannot read {name}"))?;
    let capture = Capture::read(&file).with_context(|| name.to_string())?;
    let guess = capture.guess();
    let address = arguments.address.or(guess.address);
    let append = match (&arguments.append, address) {
        (Some(append), _) => append.clone(),
        (None, Some(address)) => replay::append(address),
        (None, None) => anyhow::bail!("{name}: nobody is asked for anything; --address says who"),
    };
    let known = arguments.address.and_then(|address| capture.mac_of(address)).or(guess.mac);
    let mac = arguments.mac.or(known).with_context(|| {
        format!("{name}: nothing tells the board's Ethernet address; --mac does")
    })?;
    let colons = mac.0.map(|byte| format!("{byte:02x}")).join(":");
    eprintln!("the board: {colons}, {append}");
    if arguments.address.is_none() && arguments.append.is_none() {
        eprintln!("(guessed: the first question is for it; --address and --mac say otherwise)");
    }
    if capture.cut > 0 {
        eprintln!("{} frames were cut by the capture, and are not played", capture.cut);
    }

    let wait = Duration::from_secs(arguments.wait.into());
    let play = Play { append, mac, fix_checksums: arguments.fix_checksums, wait };
    let passed = play.run(&capture);
    ensure!(!passed.is_empty(), "{name}: no frame is for the board, and it says nothing");
    let options = Options {
        stamps: Stamps::None,
        link_header: arguments.link_header,
        verbosity: arguments.verbosity,
        ..Options::default()
    };
    if let Some(file) = &arguments.write {
        let answers = replay::answers(&capture, &passed);
        fs::write(file, answers).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let printed = std::io::stdout().write_all(replay::print(&passed, options).as_bytes());
    match printed {
        // Somebody has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("standard output"),
    }
}
