//! `cargo xtask check`: format, lints, invariants, licences. What continuous integration runs, and
//! no more.

use std::process::Command;

use crate::error::{Error, Result};
use crate::image::PACKAGE;
use crate::report::{Report, Rung};
use crate::tidy::{self, Tree};
use crate::workspace::{self, BOARD_TARGET};
use crate::{install, ladder};

/// Runs every check and adds a line for each to the report.
///
/// # Errors
/// If a check cannot be run at all; what a check finds is in the report.
pub fn run(report: &mut Report) -> Result<()> {
    let mut fmt = workspace::cargo();
    fmt.args(["fmt", "--all", "--check"]);
    report.push(step("check: rustfmt", &mut fmt));

    // Without --workspace: the default members, which are everything but the board.
    let mut desk = workspace::cargo();
    desk.args(["clippy", "--all-targets", "--", "-D", "warnings"]);
    report.push(step("check: clippy, desk", &mut desk));

    install::rust_target()?;
    let mut board = workspace::cargo();
    board.args(["clippy", "--package", PACKAGE, "--target", BOARD_TARGET, "--", "-D", "warnings"]);
    report.push(step("check: clippy, board", &mut board));

    report.push(tidy()?);
    report.push(deny());
    Ok(())
}

fn step(name: &str, command: &mut Command) -> Rung {
    println!("== {name}");
    Rung::single(name, command.status().is_ok_and(|status| status.success()))
}

/// The invariants alone.
///
/// # Errors
/// If the repository cannot be read.
pub fn tidy() -> Result<Rung> {
    println!("== check: tidy");
    let tree = Tree::load()?;
    let findings = tidy::check(&tree);
    for (rule, violations) in &findings.broken {
        println!("{}: {}", rule.name, rule.reason);
        for violation in violations {
            println!("  {violation}");
        }
    }
    let mut rung = Rung {
        name: "check: tidy".into(),
        passed: findings.held,
        failed: findings.broken.len(),
        ..Rung::default()
    };
    if let Some(bytes) = tree.image_bytes {
        rung.note = format!("image: {bytes} bytes");
    }
    Ok(rung)
}

/// The unit tests of what holds TCP's bytes, interpreted by Miri. Not among the checks of every
/// day: it needs a nightly toolchain, and a few minutes.
///
/// # Errors
/// If Miri is not installed, with what to type; or if it cannot be started.
pub fn miri() -> Result<Rung> {
    /// The package, and which of its tests: a few that stand for the rest; Miri is slow.
    const PACKAGE: &str = "barewire-tcp";
    const TESTS: [&str; 5] = ["ring::", "memory::", "receive::", "send::scoreboard::", "seq::"];
    const CASES: &str = "4";
    // Not the cargo that runs us: rustup chooses another.
    let nightly = |arguments: &[&str]| {
        let mut rustup = Command::new("rustup");
        rustup.args(["run", "nightly", "cargo", "miri"]).args(arguments);
        rustup.current_dir(workspace::root());
        for name in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC", "RUSTC_WRAPPER"] {
            rustup.env_remove(name);
        }
        rustup
    };
    if !nightly(&["--version"]).output().is_ok_and(|output| output.status.success()) {
        return Err(Error::new(
            "Miri is missing: rustup toolchain install nightly --component miri,rust-src",
        ));
    }
    let mut tests = nightly(&["test", "--package", PACKAGE, "--lib", "--"]);
    tests.args(TESTS).env("PROPTEST_CASES", CASES);
    // proptest asks for the folder it is in. A folder of its own: another compiler's.
    tests.env("MIRIFLAGS", "-Zmiri-disable-isolation");
    tests.env("CARGO_TARGET_DIR", workspace::target().join("miri"));
    ladder::counted("check: miri", &mut tests)
}

/// Licences and sources of what others wrote. Advisories need a database from the network and are
/// left out.
fn deny() -> Rung {
    const NAME: &str = "check: cargo-deny";
    if install::find("cargo-deny").is_none() && !install::is_beside_cargo("cargo-deny") {
        return Rung::skipped(NAME, "not installed; cargo install --locked cargo-deny");
    }
    let mut deny = workspace::cargo();
    deny.args(["deny", "--offline", "check", "licenses", "bans", "sources"]);
    step(NAME, &mut deny).note("advisories not checked")
}
