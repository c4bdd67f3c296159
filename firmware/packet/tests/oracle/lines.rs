//! Lines: the real tcpdump's against ours.

use super::built;
use super::capture::Capture;
use super::conversations::{missing_programs, recorded, together};
use super::tcpdump::{compare, is_here, ours};

/// Options, one run each.
const RUNS: &[&[&str]] = &[
    &["-t"],
    &["-tt"],
    &["-ttt"],
    &["-tttt"],
    &["-ttttt"],
    &[],
    &["-t", "-e"],
    &["-t", "-v"],
    &["-t", "-vv"],
    &["-t", "-vvv"],
    &["-t", "-q"],
    &["-t", "-qq", "-e"],
    &["-t", "-S"],
    &["-t", "-x"],
    &["-t", "-xx"],
    &["-t", "-X"],
    &["-t", "-XX"],
    &["-t", "-A"],
    &["-t", "-AA"],
    &["-t", "-vvv", "-X", "-e"],
];

/// Conversations that are heard, at least, where no other programs are missing than these, whose
/// packages start services.
const CONVERSATIONS_MIN: usize = 60;
const MAY_BE_MISSING: [&str; 3] = ["avahi-daemon", "chronyd", "dhclient"];

#[test]
fn every_conversation_is_printed_alike() {
    if !is_here() {
        return;
    }
    let conversations = recorded();
    for capture in conversations {
        for options in RUNS {
            compare(options, capture);
        }
    }
    let missing = missing_programs();
    if missing.iter().all(|program| MAY_BE_MISSING.contains(program)) && !conversations.is_empty() {
        assert!(conversations.len() >= CONVERSATIONS_MIN, "only {}", conversations.len());
    }
    let frames: usize = conversations.iter().map(|capture| capture.frames.len()).sum();
    println!("{} conversations, {frames} frames, {} runs", conversations.len(), RUNS.len());
}

#[test]
fn conversations_that_were_cut_are_printed_alike() {
    if !is_here() {
        return;
    }
    let Some(all) = together() else { return };
    for bytes in (1..=200).step_by(3) {
        let cut = all.cut(bytes);
        for options in [&["-t"][..], &["-t", "-vv"], &["-t", "-e", "-v", "-x"]] {
            compare(options, &cut);
        }
    }
}

#[test]
fn frames_that_no_tool_makes_are_printed_alike() {
    if !is_here() {
        return;
    }
    let all = built::frames();
    for options in RUNS {
        compare(options, &all);
    }
    for bytes in 1..=160 {
        let cut = all.cut(bytes);
        for options in [&["-t"][..], &["-t", "-v", "-X"]] {
            compare(options, &cut);
        }
    }
}

/// How often all frames are damaged anew.
const DAMAGES: u32 = 12;

/// Frames of the conversations with bytes changed: lengths that lie, kinds nobody knows, checksums
/// that do not fit.
#[test]
fn damaged_frames_are_printed_alike() {
    if !is_here() {
        return;
    }
    let mut source = built::frames();
    source.frames.extend(together().into_iter().flat_map(|all| all.frames));
    for seed in 0..DAMAGES {
        let damaged = understood(built::damaged(&source, seed));
        for options in [&["-t"][..], &["-t", "-vvv"], &["-t", "-e", "-v"]] {
            compare(options, &damaged);
        }
    }
}

/// Words at which real lines go on that ours do not: damage makes messages of these kinds.
const NOT_PRINTED: &[&str] = &[
    "mptcp",
    "who-are-you",
    "router renumbering",
    "RPL",
    "ip-proto-",
    "igmp dvmrp",
    "igmp pimv1",
    "(0x9000)",
    "ATM (len",
    "FrameRelay (len",
];

/// Ports of protocols that tcpdump prints and this crate does not.
const PORTS_NOT_PRINTED: &[std::ops::RangeInclusive<u16>] = &[
    88..=88,
    137..=139,
    161..=179,
    200..=328,
    445..=445,
    496..=547,
    639..=701,
    750..=896,
    921..=921,
    1589..=1723,
    1812..=1813,
    1985..=2104,
    3456..=3503,
    3784..=3799,
    4342..=4790,
    5359..=5359,
    6081..=6784,
    7000..=7500,
    8231..=8554,
    10_288..=12_223,
    16_512..=17_754,
    30_490..=30_490,
    49_152..=49_152,
];

/// Without the frames that hold what is not printed here.
fn understood(mut capture: Capture) -> Capture {
    capture.frames.retain(|frame| {
        let one = Capture { name: String::new(), frames: vec![frame.clone()] };
        let line = ours(&["-v"], &one);
        let ports = line.split([' ', ':']).filter_map(|word| word.rsplit_once('.')?.1.parse().ok());
        let is_known = |port: u16| !PORTS_NOT_PRINTED.iter().any(|ports| ports.contains(&port));
        // Syslog is printed, its neighbors are not.
        ports.into_iter().all(|port| port == 514 || is_known(port))
            && !NOT_PRINTED.iter().any(|word| line.contains(word))
    });
    capture
}
