//! The command line of `cargo xtask`.

#![forbid(unsafe_code)]

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use xtask::error::{Context, Result};
use xtask::install::{self, Ask};
use xtask::report::Report;
use xtask::{check, fuzz, image, ladder, lint, log, run, sdcard, witness, workspace};

/// The one door: everything that is built, run, tested or checked here
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Door {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build kernel8.img and kernel8.elf
    Image {
        /// Write a copy of kernel8.img here
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Make an SD card image, and write it to a card
    Sdcard(sdcard::Options),
    /// Build the image and boot it under QEMU, reachable from this machine
    Run(run::Options),
    /// Check format, lints, invariants and licences
    Check {
        /// Only the invariants, which need no compiler
        #[arg(long)]
        tidy: bool,
        /// Only TCP's rings and reassembly, by Miri, which needs a nightly toolchain
        #[arg(long, conflicts_with = "tidy")]
        miri: bool,
    },
    /// Run every test this machine allows
    Test(ladder::Options),
    /// Try inputs that nobody thought of, by cargo-fuzz
    Fuzz(fuzz::Options),
    /// Print the board's log in words
    Log(log::Options),
    /// Check how the image speaks to the USB controller, in QEMU's trace of its registers
    Lint(lint::Options),
    /// Serve a model of the LAN9514 to QEMU's usb-redir; `run` does that by itself
    Usbredir(usbredir::options::Options),
    /// Let Linux's and U-Boot's drivers try the model of the LAN9514
    Witness(witness::Options),
    /// Measure the image under QEMU
    Bench(Passed),
    /// Run the firmware as a process on this machine
    Twin(Passed),
    /// Play a capture to the firmware, in virtual time, and print what it answers
    Replay(Passed),
}

/// Arguments for another program.
#[derive(Args)]
#[command(disable_help_flag = true)]
struct Passed {
    /// Passed on as they are; --help shows what there is
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

fn main() -> ExitCode {
    match obey(Door::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        // What failed has been said in a report.
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Does what the command says. Is all well?
fn obey(command: Command) -> Result<bool> {
    const BENCH: [&str; 6] = ["run", "--release", "-p", ladder::E2E_PACKAGE, "--bin", "bench"];
    match command {
        Command::Image { out } => make_image(out)?,
        Command::Sdcard(options) => sdcard::run(&options)?,
        Command::Run(options) => run::run(&options)?,
        Command::Check { tidy, miri } => return run_checks(tidy, miri),
        Command::Test(options) => return ladder::run(&options),
        Command::Fuzz(options) => return fuzz::run(&options),
        Command::Log(options) => log::run(&options)?,
        Command::Lint(options) => return lint::run(&options),
        Command::Witness(options) => witness::run(&options)?,
        Command::Usbredir(options) => {
            options.serve().context(|| "serve the adapter".into())?;
        }
        Command::Bench(Passed { arguments }) => {
            install::qemu(Ask::AtTerminal)?;
            pass_on(&BENCH, &arguments)?;
        }
        Command::Twin(Passed { arguments }) => {
            pass_on(&["run", "-p", "barewire-twin", "--bin", "twin"], &arguments)?
        }
        Command::Replay(Passed { arguments }) => {
            pass_on(&["run", "-q", "-p", "barewire-twin", "--bin", "replay"], &arguments)?
        }
    }
    Ok(true)
}

fn make_image(out: Option<PathBuf>) -> Result<()> {
    let image = image::build()?;
    image::report(&image);
    if let Some(out) = out {
        fs::copy(&image.kernel, &out).context(|| format!("write {}", out.display()))?;
    }
    Ok(())
}

fn run_checks(only_tidy: bool, only_miri: bool) -> Result<bool> {
    let mut report = Report::default();
    match (only_tidy, only_miri) {
        (true, _) => report.push(check::tidy()?),
        (false, true) => report.push(check::miri()?),
        (false, false) => check::run(&mut report)?,
    }
    println!("\n{report}");
    Ok(report.is_good())
}

/// Runs cargo with these arguments, and `arguments` for the program it runs.
fn pass_on(cargo: &[&str], arguments: &[String]) -> Result<()> {
    let mut command = workspace::cargo();
    command.args(cargo).arg("--").args(arguments);
    workspace::run(&mut command, &format!("run {}", cargo.join(" ")))
}
