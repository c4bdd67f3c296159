//! The corpora, through the same checks, on every machine: what was found once is never lost again.
//! Besides, each input is damaged a little, always in the same way.

use std::fs;
use std::path::{Path, PathBuf};

use fuzz::{TARGETS, Target};
use libtest_mimic::{Arguments, Trial};
use models::Random;

/// Damaged copies of each input.
const DAMAGED: u64 = 24;
/// Bytes of a corpus file: it is in the repository.
const FILE_BYTES_MAX: usize = 16 * 1024;
/// Bytes of all corpora.
const BYTES_MAX: usize = 300 * 1024;

fn main() {
    let arguments = Arguments::from_args();
    if std::env::var_os(corpus::WRITE).is_some() {
        println!("the corpora are being written, and replayed another time");
        return;
    }
    let mut trials = vec![Trial::test("every_target_has_its_files", || {
        every_target_has_its_files();
        Ok(())
    })];
    trials.extend(TARGETS.iter().map(|target| {
        Trial::test(format!("replay::{}", target.name), || {
            replay(target);
            Ok(())
        })
    }));
    libtest_mimic::run(&arguments, trials).exit();
}

/// Says which input it was, if the check does not come back.
struct Names<'a>(&'a Path, u64);

impl Drop for Names<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input was {}, damage {}", self.0.display(), self.1);
        }
    }
}

fn replay(target: &Target) {
    (target.check)(&[]);
    for (path, input) in corpus::inputs(target.name).expect("the corpus can be read") {
        assert!(input.len() <= FILE_BYTES_MAX, "{} is too long", path.display());
        for seed in 0..=DAMAGED {
            let _names = Names(&path, seed);
            (target.check)(&damaged(&input, seed));
        }
    }
}

/// The input with a few changes; with none for seed 0.
fn damaged(input: &[u8], seed: u64) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let mut random = Random::new(seed);
    for _ in 0..seed.min(4) {
        let at = random.below(bytes.len() + 1);
        match (random.below(6), bytes.get_mut(at)) {
            (0, Some(byte)) => *byte ^= 1 << random.below(8),
            (1, Some(byte)) => *byte = random.bits() as u8,
            (2, Some(byte)) => *byte = if random.below(2) == 0 { 0 } else { 0xff },
            (3, _) => bytes.insert(at, random.bits() as u8),
            (4, Some(_)) => drop(bytes.remove(at)),
            _ => bytes.truncate(at),
        }
    }
    bytes
}

/// The table, the files for cargo-fuzz, and the corpora name the same targets.
fn every_target_has_its_files() {
    let root = corpus::folder().parent().map(PathBuf::from).expect("fuzz/");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("fuzz/Cargo.toml");
    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    assert!(names.is_sorted(), "by name");
    let mut bytes = 0;
    for name in &names {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
        assert!(root.join(format!("fuzz_targets/{name}.rs")).is_file(), "{name}");
        let inputs = corpus::inputs(name).expect("the corpus can be read");
        assert!(!inputs.is_empty(), "{name} has no seed");
        bytes += inputs.iter().map(|(_, input)| input.len()).sum::<usize>();
    }
    assert!(bytes <= BYTES_MAX, "the corpora have {bytes} bytes");
    for folder in ["fuzz_targets", "corpus"] {
        for entry in fs::read_dir(root.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().map(|name| name.to_string_lossy().into_owned());
            assert!(names.iter().any(|known| name.as_deref() == Some(known)), "{name:?}");
        }
    }
}
