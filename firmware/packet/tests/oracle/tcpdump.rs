//! The real tcpdump, and ours.

use std::process::{Command, Output};

use packet::{Dissector, Dump, Frame, Numeric, Options, Stamps};

use super::capture::{Capture, Captured, parse};

/// The version whose lines are the goal.
const VERSION: &str = "tcpdump version 4.99.3";

/// True if the real one is here, in the right version; says so if it is not.
pub fn is_here() -> bool {
    let version = Command::new("tcpdump").arg("--version").output();
    let text = version.map(|output| format!("{output:?}")).unwrap_or_default();
    let here = text.contains(VERSION);
    if !here {
        eprintln!("skipped: {VERSION} is not installed (apt-get install tcpdump)");
    }
    here
}

fn run(arguments: &[&str], capture: &Capture) -> Output {
    let file = capture.write();
    let mut command = Command::new("tcpdump");
    command.env("TZ", "UTC").arg("-r").arg(file.path()).args(arguments);
    command.output().expect("start tcpdump")
}

/// What the real one prints.
pub fn real(arguments: &[&str], capture: &Capture) -> String {
    let output = run(&[&["-n"], arguments].concat(), capture);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The frames that the real one lets through, or the message of its error.
pub fn real_filter(expression: &str, capture: &Capture) -> Result<Vec<Captured>, String> {
    let output = run(&["-w", "-", "--", expression], capture);
    if output.status.success() {
        return Ok(parse(&output.stdout));
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let last = errors.lines().last().unwrap_or_default();
    Err(last.strip_prefix("tcpdump: ").unwrap_or(last).to_owned())
}

/// What ours prints.
pub fn ours(arguments: &[&str], capture: &Capture) -> String {
    let mut dissector = Dissector::new(options(arguments));
    let mut text = String::new();
    for Captured { bytes, length, at } in &capture.frames {
        let frame = Frame { bytes, length: *length, at: *at };
        dissector.print(&frame, &Numeric, &mut text).unwrap();
    }
    text
}

fn options(arguments: &[&str]) -> Options {
    let mut options = Options::default();
    for argument in arguments {
        let flags = argument.trim_start_matches('-');
        let count = flags.len() as u8;
        match flags.chars().next().unwrap() {
            't' => {
                let stamps = [
                    Stamps::None,
                    Stamps::Seconds,
                    Stamps::SincePrevious,
                    Stamps::Date,
                    Stamps::SinceFirst,
                ];
                options.stamps = stamps[flags.len() - 1];
            }
            'v' => options.verbosity = count,
            'q' => options.quietness = count,
            'e' => options.link_header = true,
            'S' => options.absolute_sequence = true,
            'x' => options.dump = [Dump::Hex, Dump::HexWhole][flags.len() - 1],
            'X' => options.dump = [Dump::HexAscii, Dump::HexAsciiWhole][flags.len() - 1],
            'A' => options.dump = [Dump::Ascii, Dump::AsciiWhole][flags.len() - 1],
            other => panic!("option {other}"),
        }
    }
    options
}

/// Lines that are shown of those that differ.
const SHOWN: usize = 4;

/// Fails if lines differ, and shows the first of them.
pub fn compare(arguments: &[&str], capture: &Capture) {
    let (real, ours) = (real(arguments, capture), ours(arguments, capture));
    if real == ours {
        return;
    }
    let pairs = real.lines().zip(ours.lines()).enumerate();
    let differing = pairs.filter(|(_, (real, ours))| real != ours).take(SHOWN);
    let shown: Vec<String> = differing
        .map(|(at, (real, ours))| format!("line {}:\n  real {real}\n  ours {ours}", at + 1))
        .collect();
    let counts = [&real, &ours].map(|text| text.lines().count());
    panic!("{} with {arguments:?}, {counts:?} lines\n{}", capture.name, shown.join("\n"));
}
