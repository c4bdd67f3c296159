//! `cargo xtask fuzz`: inputs that nobody thought of, by cargo-fuzz and libFuzzer.
//!
//! ```text
//!   fuzz/corpus/TARGET          in the repository: examples of unit tests, and what was found once
//!   target/fuzz/corpus/TARGET   what libFuzzer adds; kept from run to run, not in the repository
//!   fuzz/artifacts/TARGET       inputs that broke something
//! ```
//!
//! `cargo xtask test` needs none of this: it replays what is in the repository (tools/fuzz).

use std::ffi::OsString;
use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use clap::Args;
use serde_json::Value;

use crate::error::{Context, Error, Result};
use crate::report::{Report, Rung};
use crate::{install, ladder, workspace};

/// What to fuzz, and for how long.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// One target; all of them, one after another, without
    pub target: Option<String>,
    /// Seconds for each target
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub seconds: u32,
    /// Only print the names of the targets
    #[arg(long)]
    pub list: bool,
    /// Write the examples of the unit tests into fuzz/corpus anew, instead of fuzzing
    #[arg(long)]
    pub seed: bool,
    /// Install cargo-fuzz if it is missing
    #[arg(long)]
    pub install: bool,
}

/// What to type for cargo-fuzz.
const INSTALL: [&str; 3] = ["install", "--locked", "cargo-fuzz"];
/// Seconds that one input may take.
const INPUT_SECONDS_MAX: u32 = 10;
/// As tools/corpus has them; this crate is not linked with it for two words.
const WRITE_CORPUS: &str = "BAREWIRE_WRITE_CORPUS";
const SEED_PREFIX: &str = "seed-";
const CORPUS_PACKAGE: &str = "barewire-corpus";

/// Fuzzes, and prints the report. Did everything hold?
///
/// # Errors
/// If something is missing or cannot be started; with what to type.
pub fn run(options: &Options) -> Result<bool> {
    let all = targets()?;
    if options.list {
        println!("{}", all.join("\n"));
        return Ok(true);
    }
    if options.seed {
        write_seeds(&all)?;
        return Ok(true);
    }
    let chosen = match &options.target {
        None => all,
        Some(name) if all.contains(name) => vec![name.clone()],
        Some(name) => {
            let text = format!("there is no target {name}; there are {}", all.join(", "));
            return Err(Error::new(text));
        }
    };
    cargo_fuzz(options.install)?;
    // The very versions that are shipped; cargo adds libFuzzer's to them.
    let lock = folder().join("Cargo.lock");
    fs::copy(workspace::root().join("Cargo.lock"), &lock)
        .context(|| format!("write {}", lock.display()))?;
    let mut report = Report::default();
    for target in &chosen {
        report.push(fuzz(target, options.seconds)?);
    }
    println!("\n{report}");
    Ok(report.is_good())
}

fn folder() -> PathBuf {
    workspace::root().join("fuzz")
}

/// The names of the targets, which are those of the files in `fuzz/fuzz_targets`.
fn targets() -> Result<Vec<String>> {
    let folder = folder().join("fuzz_targets");
    let entries = fs::read_dir(&folder).context(|| format!("read {}", folder.display()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let rust = paths.filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let names = rust.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()));
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    Ok(names)
}

/// Makes sure of cargo-fuzz and of a C++ compiler, which builds libFuzzer.
fn cargo_fuzz(may_install: bool) -> Result<()> {
    if install::find("c++").is_none() {
        return Err(Error::new("c++ is missing, which builds libFuzzer: sudo apt-get install g++"));
    }
    if install::find("cargo-fuzz").is_some() || install::is_beside_cargo("cargo-fuzz") {
        return Ok(());
    }
    let typed = format!("cargo {}", INSTALL.join(" "));
    if !may_install {
        return Err(Error::new(format!(
            "cargo-fuzz is missing: cargo xtask fuzz --install, or by hand: {typed}"
        )));
    }
    println!("installing cargo-fuzz: {typed}");
    workspace::run(workspace::cargo().args(INSTALL), &format!("{typed}; try it by hand"))
}

/// Runs one target.
fn fuzz(target: &str, seconds: u32) -> Result<Rung> {
    println!("== {target}");
    let grown = workspace::target().join("fuzz/corpus").join(target);
    fs::create_dir_all(&grown).context(|| format!("make {}", grown.display()))?;
    let mut cargo = workspace::cargo();
    cargo.args(["fuzz", "run", "--fuzz-dir"]).arg(folder()).arg(target);
    // What libFuzzer finds goes into the first one.
    cargo.arg(&grown).arg(folder().join("corpus").join(target)).arg("--");
    cargo.arg(format!("-max_total_time={seconds}"));
    cargo.arg(format!("-timeout={INPUT_SECONDS_MAX}"));
    cargo.arg("-print_final_stats=1");
    cargo.args(dictionary(target));
    // cargo-fuzz wants flags of a nightly compiler; the one that is here has them too.
    cargo.env("RUSTC_BOOTSTRAP", "1").stderr(Stdio::piped());
    let mut child = cargo.spawn().context(|| "start cargo fuzz".into())?;
    let mut seen = Seen::default();
    for line in child.stderr.take().map(BufReader::new).into_iter().flat_map(ladder::lines) {
        if !seen.note(&line) {
            eprintln!("{line}");
        }
    }
    let status = child.wait().context(|| "wait for cargo fuzz".into())?;
    if let Some(input) = &seen.broken {
        println!(
            "once it is mended, keep the input; from then on it is a test:\n  \
             cp {} fuzz/corpus/{target}/NAME",
            workspace::shown(Path::new(input))
        );
    }
    Ok(Rung::single(target, status.success()).note(seen.to_string()))
}

/// `-dict=FILE`, if the target has a dictionary.
fn dictionary(target: &str) -> Option<OsString> {
    let file = folder().join(format!("dictionaries/{target}.dict"));
    let mut argument = OsString::from("-dict=");
    argument.push(&file);
    file.is_file().then_some(argument)
}

/// What libFuzzer tells.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    runs: u64,
    coverage: u64,
    seconds: u64,
    broken: Option<String>,
}

impl Seen {
    /// Takes in a line; true if nobody needs to read it.
    fn note(&mut self, line: &str) -> bool {
        if let Some(runs) = line.strip_prefix("stat::number_of_executed_units:") {
            self.runs = runs.trim().parse().unwrap_or(0);
        } else if let Some(rest) = line.strip_prefix("Done ") {
            // Done 1234 runs in 61 second(s)
            let seconds = rest.split(' ').nth(3).and_then(|seconds| seconds.parse().ok());
            self.seconds = seconds.unwrap_or(0);
        } else if let Some((_, path)) = line.split_once("Test unit written to ") {
            self.broken = Some(path.trim().into());
            return false;
        } else if line.starts_with('#') {
            let mut words = line.split_ascii_whitespace().skip_while(|word| *word != "cov:");
            if let Some(coverage) = words.nth(1).and_then(|number| number.parse().ok()) {
                self.coverage = coverage;
            }
            // One line for each new input, and for each power of two.
            return true;
        }
        line.starts_with("stat::") || line.starts_with("INFO: ") || line.starts_with("\tNEW_FUNC")
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.broken {
            Some(input) => f.write_str(&workspace::shown(Path::new(input))),
            None => {
                let Self { runs, seconds, coverage, .. } = self;
                write!(f, "{runs} inputs in {seconds} s, coverage {coverage}")
            }
        }
    }
}

/// Runs the unit tests that write seeds, after the old ones are gone.
fn write_seeds(targets: &[String]) -> Result<()> {
    for target in targets {
        let Ok(entries) = fs::read_dir(folder().join("corpus").join(target)) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            if name.is_some_and(|name| name.starts_with(SEED_PREFIX)) {
                fs::remove_file(&path).context(|| format!("remove {}", path.display()))?;
            }
        }
    }
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--quiet", "--lib", "--tests"]).env(WRITE_CORPUS, "1");
    for package in seeding_packages()? {
        cargo.args(["--package", &package]);
    }
    workspace::run(
        &mut cargo,
        "write the seeds; `git restore fuzz/corpus` brings the old ones back",
    )
}

/// The packages whose tests write seeds.
fn seeding_packages() -> Result<Vec<String>> {
    let mut cargo = workspace::cargo();
    cargo.args(["metadata", "--no-deps", "--format-version", "1"]);
    let output = workspace::output(&mut cargo, "ask cargo for the packages")?;
    let metadata: Value =
        serde_json::from_slice(&output).context(|| "read what cargo says".into())?;
    let list = |json: &Value| json.as_array().cloned().unwrap_or_default();
    let packages = list(&metadata["packages"]).into_iter().filter(|package| {
        let uses = |d: &Value| d["name"] == CORPUS_PACKAGE;
        list(&package["dependencies"]).iter().any(uses)
    });
    Ok(packages.filter_map(|package| package["name"].as_str().map(Into::into)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_tells_is_understood() {
        let mut seen = Seen::default();
        for line in [
            "INFO: Seed: 1",
            "#2\tINITED cov: 97 ft: 98 corp: 1/1b exec/s: 0 rss: 47Mb",
            "#512\tNEW    cov: 312 ft: 498 corp: 3/9b lim: 4 exec/s: 0 rss: 47Mb L: 4/4 MS: 1",
            "Done 1234 runs in 61 second(s)",
            "stat::number_of_executed_units: 1234",
            "stat::peak_rss_mb:              51",
        ] {
            assert_eq!(seen.note(line), !line.starts_with("Done"), "{line}");
        }
        assert_eq!(seen.to_string(), "1234 inputs in 61 s, coverage 312");
        let crash = "artifact_prefix='x'; Test unit written to /elsewhere/crash-1";
        assert!(!seen.note(crash) && !seen.note("thread panicked"));
        assert_eq!(seen.to_string(), "/elsewhere/crash-1");
    }

    #[test]
    fn the_targets_are_those_of_the_folder() {
        let names = targets().expect("fuzz/fuzz_targets");
        assert!(names.iter().any(|name| name == "lan9514_burst") && names.is_sorted());
    }

    #[test]
    fn the_packages_that_write_seeds_are_found() {
        let packages = seeding_packages().expect("cargo metadata");
        assert!(packages.iter().any(|name| name == "barewire-lan9514"), "{packages:?}");
        assert!(!packages.iter().any(|name| name == "barewire-dwc2"), "{packages:?}");
    }
}
