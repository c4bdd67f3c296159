//! The repository around us: its root, its `target` folder, and cargo as it was called.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, Error, Result};

/// The target the image is built for.
pub const BOARD_TARGET: &str = "aarch64-unknown-none";

/// The root of the repository.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// The folder that builds write into: `target`, unless `CARGO_TARGET_DIR` names another.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// The cargo that called us, in the root of the repository.
pub fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(program);
    cargo.current_dir(root());
    cargo
}

/// The path as a person in the repository's root would type it.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Runs a command to its end; `what` completes the sentence "cannot ...".
///
/// # Errors
/// If it cannot be started, or ends with anything but success.
pub fn run(command: &mut Command, what: &str) -> Result<()> {
    let status = command.status().context(|| format!("{what} ({})", program(command)))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::new(format!("cannot {what}: {} ended with {status}", program(command))))
}

/// Runs a command to its end and returns its standard output.
///
/// # Errors
/// If it cannot be started, or ends with anything but success; with the last line it said.
pub fn output(command: &mut Command, what: &str) -> Result<Vec<u8>> {
    let output = command.output().context(|| format!("{what} ({})", program(command)))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.trim().lines().last().unwrap_or("nothing said").to_string();
    Err(Error::new(format!(
        "cannot {what}: {} ended with {}: {last}",
        program(command),
        output.status
    )))
}

fn program(command: &Command) -> String {
    let path = Path::new(command.get_program());
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
