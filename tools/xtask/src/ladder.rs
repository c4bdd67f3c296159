//! `cargo xtask test`: every rung of the ladder that this machine allows, and at the end what was
//! seen.
//!
//! ```text
//! check        format, lints, invariants
//! tests        bytes, conversations with models, simulation: everything without QEMU
//! image        builds, has a header, fits
//! end to end   the image in QEMU and the twin, with real Linux peers
//! ```

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use clap::Args;

use crate::error::{Context, Result};
use crate::install::{self, Ask};
use crate::report::{Report, Rung};
use crate::{check, image, workspace};

/// The package of the end-to-end tests.
pub const E2E_PACKAGE: &str = "barewire-e2e";

/// Which rungs.
#[derive(Clone, Debug, Default, Args)]
pub struct Options {
    /// Only what needs no image: the checks, and the tests on this machine
    #[arg(long)]
    pub quick: bool,
    /// Only tests whose names contain this
    pub filter: Option<String>,
}

/// Climbs the ladder and prints the report, whose total is the last line. Did nothing fail?
///
/// # Errors
/// If a rung could not be run at all.
pub fn run(options: &Options) -> Result<bool> {
    let mut report = Report::default();
    match &options.filter {
        Some(filter) => report.push(Rung::skipped("check", format!("only tests named {filter}"))),
        None => check::run(&mut report)?,
    }
    report.push(tests(options)?);
    if options.quick {
        report.push(Rung::skipped("image", "--quick"));
        report.push(Rung::skipped("end to end", "--quick"));
    } else {
        match image() {
            Ok(rung) => {
                report.push(rung);
                report.push(end_to_end(options)?);
            }
            Err(error) => {
                report.push(Rung::single("image", false).note(error.to_string()));
                report.push(Rung::skipped("end to end", "there is no image"));
            }
        }
    }
    println!("\n{report}");
    Ok(report.is_good())
}

fn tests(options: &Options) -> Result<Rung> {
    let missing = install::programs(&install::CONVERSATIONS, Ask::Never);
    if !missing.is_empty() {
        println!("some conversations will be skipped: {}", install::command_to_type(&missing));
    }
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--no-fail-fast", "--workspace"]);
    cargo.args(["--exclude", image::PACKAGE, "--exclude", E2E_PACKAGE]);
    cargo.args(&options.filter);
    counted("tests", &mut cargo)
}

fn image() -> Result<Rung> {
    println!("== image");
    let image = image::build()?;
    image::report(&image);
    Ok(Rung::single("image", true).note(format!("{} bytes", image.weight.image)))
}

fn end_to_end(options: &Options) -> Result<Rung> {
    let mut missing = install::programs(&install::E2E, Ask::Never);
    missing.extend(install::daemons());
    install::browser_packages();
    if !missing.is_empty() {
        println!("some end-to-end tests will be skipped: {}", install::command_to_type(&missing));
    }
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--no-fail-fast", "--package", E2E_PACKAGE]);
    cargo.args(&options.filter);
    counted("end to end", &mut cargo)
}

/// Runs tests, shows what they print, and counts.
pub(crate) fn counted(name: &str, command: &mut Command) -> Result<Rung> {
    println!("== {name}");
    let mut child =
        command.stdout(Stdio::piped()).spawn().context(|| format!("start the rung {name}"))?;
    let mut rung = Rung { name: name.into(), ..Rung::default() };
    let mut ignored = 0;
    for line in child.stdout.take().map(BufReader::new).into_iter().flat_map(lines) {
        println!("{line}");
        if let Some(counts) = counts(&line) {
            rung.passed += counts.passed;
            rung.failed += counts.failed;
            ignored += counts.ignored;
        } else if let Some(reason) = skipped(&line) {
            rung.skip(1, reason);
        }
    }
    let status = child.wait().context(|| format!("wait for the rung {name}"))?;
    if !status.success() && rung.failed == 0 {
        // It did not build, or a test took its process down before it could be counted.
        rung.failed = 1;
        rung.note = format!("ended with {status}");
    }
    let silent = ignored.saturating_sub(rung.skipped.iter().map(|skipped| skipped.count).sum());
    if silent > 0 {
        rung.skip(silent, "no reason given");
    }
    Ok(rung)
}

/// The lines of a test's output, which need not be UTF-8.
pub(crate) fn lines(output: impl BufRead) -> impl Iterator<Item = String> {
    let lines = output.split(b'\n').map_while(std::result::Result::ok);
    lines.map(|line| String::from_utf8_lossy(&line).trim_end_matches('\r').to_string())
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: usize,
    failed: usize,
    ignored: usize,
}

/// Reads `test result: ok. 12 passed; 0 failed; 1 ignored; ...`.
fn counts(line: &str) -> Option<Counts> {
    let (_verdict, fields) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = Counts::default();
    for field in fields.split("; ") {
        let Some((number, what)) = field.split_once(' ') else { continue };
        let place = match what {
            "passed" => &mut counts.passed,
            "failed" => &mut counts.failed,
            "ignored" => &mut counts.ignored,
            _ => continue,
        };
        *place = number.parse().ok()?;
    }
    Some(counts)
}

/// Reads `test NAME ... ignored, REASON` (the standard harness) and `test NAME ... ignored
/// (REASON)` (libtest-mimic).
fn skipped(line: &str) -> Option<&str> {
    let (_name, rest) = line.strip_prefix("test ")?.split_once(" ... ignored")?;
    let reason = rest.strip_prefix(", ").or_else(|| rest.strip_prefix(" (")?.strip_suffix(')'))?;
    Some(reason).filter(|reason| !reason.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Rung {
        counted("rung", Command::new("sh").args(["-c", script])).expect("a shell")
    }

    #[test]
    fn the_line_of_the_harness_is_understood() {
        let line = "test result: FAILED. 12 passed; 1 failed; 3 ignored; 0 measured; \
                    4 filtered out; finished in 0.01s";
        assert_eq!(counts(line), Some(Counts { passed: 12, failed: 1, ignored: 3 }));
        assert_eq!(counts("test result: nonsense"), None);
        assert_eq!(counts("test a ... ok"), None);
    }

    #[test]
    fn results_of_several_binaries_are_summed_with_reasons_for_what_was_skipped() {
        let rung = shell(
            "echo 'test result: ok. 2 passed; 0 failed; 0 ignored'
             echo 'test tap::ping ... ignored (no root)'
             echo 'test tap::curl ... ignored, no root'
             printf '\\377\\n'
             echo 'test result: ok. 3 passed; 0 failed; 3 ignored'",
        );
        let mut expected = Rung { name: "rung".into(), passed: 5, ..Rung::default() };
        expected.skip(2, "no root");
        expected.skip(1, "no reason given");
        assert_eq!(rung, expected);
    }

    #[test]
    fn a_rung_that_breaks_before_it_counts_has_failed() {
        assert_eq!(shell("exit 101").failed, 1);
        assert_eq!(
            shell("echo 'test result: FAILED. 1 passed; 2 failed; 0 ignored'; exit 101").failed,
            2
        );
    }
}
