//! Captures are played again, and answered as they were.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use packet::{Options, Stamps};
use twin::replay::{Capture, Passed, Play, answers, append, print};

/// Digits of a number that the board draws by lot; a shorter one counts from such a number.
const DRAWN_DIGITS_MIN: usize = 6;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")
}

fn read(name: &str) -> Capture {
    let file = fs::read(folder().join(name).with_extension("pcap")).unwrap();
    Capture::read(&file).unwrap()
}

/// Plays a capture as `cargo xtask replay` does without options.
fn play(capture: &Capture) -> Vec<Passed> {
    let guess = capture.guess();
    let append = append(guess.address.unwrap());
    let wait = Duration::from_secs(5);
    Play { append, mac: guess.mac.unwrap(), fix_checksums: false, wait }.run(capture)
}

fn printed(passed: &[Passed]) -> String {
    print(passed, Options { stamps: Stamps::None, ..Options::default() })
}

/// The lines without what is drawn by lot, and with times in hundredths of a second.
fn comparable(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| {
            let (time, rest) = line.split_at_checked(11).unwrap_or((line, ""));
            let mut plain = time[..time.len().min(7)].to_string();
            let mut is_number = false;
            for word in rest.split_inclusive([' ', ',']) {
                let digits = word.chars().take_while(char::is_ascii_digit).count();
                if is_number && digits >= DRAWN_DIGITS_MIN {
                    plain += "#";
                    plain += &word[digits..];
                } else {
                    plain += word;
                }
                is_number = ["seq ", "ack ", "val ", "ecr "].contains(&word);
            }
            plain
        })
        .collect()
}

#[test]
fn every_capture_is_answered_as_written() {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "pcap") {
            continue;
        }
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let capture = read(&name);
        let passed = play(&capture);
        // Equal to the last bit, what is drawn by lot included.
        assert_eq!(answers(&capture, &passed), answers(&capture, &play(&capture)), "{name}");
        let expected = fs::read_to_string(path.with_extension("txt")).unwrap_or_default();
        let now = printed(&passed);
        assert!(
            comparable(&now) == comparable(&expected),
            "{name} is answered differently:\n{now}\nif that is right:\n\
             cargo xtask replay tools/twin/captures/{name}.pcap > tools/twin/captures/{name}.txt"
        );
        names.push(name);
    }
    assert!(names.len() >= 4, "{names:?}");
}

#[test]
fn what_is_drawn_by_lot_is_not_compared() {
    let line = |time, number| {
        format!(
            "   {time} Out IP a.80 > b.9: Flags [S.], seq {number}, ack 1, TS val {number} ecr 7"
        )
    };
    assert_eq!(comparable(&line("1.001", 1_234_567)), comparable(&line("1.004", 7_654_321)));
    assert_ne!(comparable(&line("1.00", 123)), comparable(&line("1.00", 321)));
    assert_ne!(comparable(&line("1.01", 123)), comparable(&line("1.02", 123)));
}

/// The board's address is whom the first question is for; its Ethernet address goes with it.
#[test]
fn the_board_is_guessed() {
    for name in ["ping", "http", "vanished", "hostile"] {
        let guess = read(name).guess();
        assert_eq!(guess.address.unwrap().to_string(), "192.168.77.50", "{name}");
        assert_eq!(guess.mac.unwrap().to_string(), "52-54-00-ba-5e-01", "{name}");
    }
}

/// A sender's own capture has checksums that its network card was to fill in.
#[test]
fn checksums_are_made_right_if_asked_for() {
    let mut capture = read("ping");
    let good = play(&capture);
    for frame in &mut capture.frames {
        // ICMP's, over IPv4 without options.
        if frame.bytes.len() > 60 && frame.bytes[23] == 1 {
            frame.bytes[36] ^= 0xff;
        }
    }
    let replies = |passed: &[Passed]| printed(passed).matches("echo reply").count();
    let guess = capture.guess();
    let append = append(guess.address.unwrap());
    let wait = Duration::ZERO;
    let mut play = Play { append, mac: guess.mac.unwrap(), fix_checksums: true, wait };
    // The long one's checksum is of all its fragments, and is not mended.
    assert_eq!(replies(&play.run(&capture)), replies(&good) - 1);
    play.fix_checksums = false;
    assert_eq!(replies(&play.run(&capture)), 1, "by IPv6");
}

#[test]
fn what_cannot_be_played_is_said() {
    let said = |file: &[u8]| Capture::read(file).unwrap_err().to_string();
    assert_eq!(said(b"no capture"), "neither pcap nor pcapng");
    let file = fs::read(folder().join("ping.pcap")).unwrap();
    assert_eq!(said(&file[..24]), "no frame in it");
    assert!(said(&file[..file.len() - 1]).starts_with("cut off: it ends within"));
    let mut cut = file[..24 + 16 + 42].to_vec();
    cut[36] += 1;
    assert_eq!(said(&cut), "none of its 1 frames was captured as a whole");
}
