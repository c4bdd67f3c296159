//! The inputs that fuzzing begins with: `fuzz/corpus/TARGET/FILE`.
//!
//! Unit tests write their own examples there by [`seed`], which does nothing unless
//! `BAREWIRE_WRITE_CORPUS` is set; `cargo xtask fuzz --seed` sets it. Whoever replays the corpus
//! reads it by [`inputs`]. [`piece`] and [`pieces`] are the form of inputs that are a conversation,
//! and [`tag`] says what the pieces are.

#![forbid(unsafe_code)]

pub mod segment;
pub mod tag;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The variable that makes [`seed`] write.
pub const WRITE: &str = "BAREWIRE_WRITE_CORPUS";
/// What the names of files begin with that unit tests write. Others were found by fuzzing.
pub const SEED_PREFIX: &str = "seed-";
/// Bytes of the longest seed: the corpus is in the repository.
pub const SEED_BYTES_MAX: usize = 8 * 1024;
/// Bytes of tag and length before each [`piece`].
const PIECE_HEAD_BYTES: usize = 3;

/// The folder of all corpora.
pub fn folder() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).join("fuzz/corpus")
}

/// Keeps an example of a unit test as an input of a fuzz target, if `BAREWIRE_WRITE_CORPUS` is set.
/// The name comes from the content, so the same example is one file, whoever writes it.
///
/// # Panics
/// If it is to be written and cannot be, or is longer than [`SEED_BYTES_MAX`].
pub fn seed(target: &str, input: &[u8]) {
    if std::env::var_os(WRITE).is_none() {
        return;
    }
    assert!(input.len() <= SEED_BYTES_MAX, "a seed of {} bytes for {target}", input.len());
    let folder = folder().join(target);
    let file = folder.join(format!("{SEED_PREFIX}{:016x}", hash(input)));
    let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, input));
    assert!(written.is_ok(), "cannot write {}: {written:?}", file.display());
}

/// FNV-1a, which is the same in every release.
fn hash(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// The corpus of a target, by name of file; none if it has no folder.
///
/// # Errors
/// If a file cannot be read.
pub fn inputs(target: &str) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let entries = match fs::read_dir(folder().join(target)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    paths.into_iter().map(|path| fs::read(&path).map(|bytes| (path, bytes))).collect()
}

/// Appends one step of a conversation: what it is, how long (two bytes, little endian), the bytes.
/// What is longer than two bytes can say is cut.
pub fn piece(into: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    into.push(tag);
    into.extend(length.to_le_bytes());
    into.extend(&bytes[..usize::from(length)]);
}

/// The steps of a conversation. Any bytes are one: a length beyond the end means the rest.
pub fn pieces(input: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = input;
    std::iter::from_fn(move || {
        let (&[tag, low, high], behind) = rest.split_first_chunk::<PIECE_HEAD_BYTES>()?;
        let length = usize::from(u16::from_le_bytes([low, high])).min(behind.len());
        let (bytes, after) = behind.split_at(length);
        rest = after;
        Some((tag, bytes))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_comes_back_piece_by_piece() {
        let mut input = Vec::new();
        piece(&mut input, 1, b"hello");
        piece(&mut input, 2, b"");
        assert_eq!(pieces(&input).collect::<Vec<_>>(), [(1, &b"hello"[..]), (2, b"")]);
        assert_eq!(pieces(&input[..5]).collect::<Vec<_>>(), [(1, &b"he"[..])]);
        assert_eq!(pieces(&[7, 0]).count(), 0);
        let mut long = Vec::new();
        piece(&mut long, 3, &[1; 70_000]);
        assert_eq!(pieces(&long).map(|(_, bytes)| bytes.len()).collect::<Vec<_>>(), [65_535]);
    }

    #[test]
    fn names_are_those_of_the_content() {
        // The published values of FNV-1a.
        assert_eq!(hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_target_without_a_folder_has_no_inputs() {
        assert_eq!(inputs("no_such_target").unwrap(), []);
    }
}
