//! Reading what tcpdump wrote: the classic pcap format, Ethernet only (pcap-savefile(5)).

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::frame::Frame;

/// The magic of files with microseconds, in the writer's byte order.
const MAGIC: u32 = 0xa1b2_c3d4;
const FILE_HEADER_BYTES: usize = 24;
const RECORD_HEADER_BYTES: usize = 16;
/// LINKTYPE_ETHERNET.
const ETHERNET: u32 = 1;

/// A captured frame.
#[derive(Clone, Debug)]
pub struct Captured {
    /// Time of day.
    pub at: Duration,
    /// Its bytes, without FCS.
    pub bytes: Vec<u8>,
}

/// Reads a file.
///
/// # Errors
/// If it is not a little-endian pcap file of Ethernet frames, or a frame was cut by the capture.
pub fn read(path: &Path) -> Result<Vec<Captured>> {
    let file = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    parse(&file).with_context(|| path.display().to_string())
}

fn word(bytes: &[u8], at: usize) -> Result<u32> {
    let piece = bytes.get(at..at + 4).context("cut off")?;
    Ok(u32::from_le_bytes(piece.try_into()?))
}

fn parse(file: &[u8]) -> Result<Vec<Captured>> {
    ensure!(word(file, 0)? == MAGIC, "not a pcap file of this machine");
    ensure!(word(file, 20)? == ETHERNET, "link type {}", word(file, 20)?);
    let mut frames = Vec::new();
    let mut rest = file.get(FILE_HEADER_BYTES..).context("no file header")?;
    while !rest.is_empty() {
        let seconds = Duration::from_secs(u64::from(word(rest, 0)?));
        let at = seconds + Duration::from_micros(u64::from(word(rest, 4)?));
        let (captured, length) = (word(rest, 8)? as usize, word(rest, 12)? as usize);
        ensure!(captured == length, "a frame of {length} bytes was cut to {captured}");
        let bytes = rest.get(RECORD_HEADER_BYTES..RECORD_HEADER_BYTES + length);
        frames.push(Captured { at, bytes: bytes.context("the last frame is cut off")?.to_vec() });
        rest = &rest[RECORD_HEADER_BYTES + length..];
    }
    Ok(frames)
}

/// Reads every frame with [`Frame::parse`].
///
/// # Errors
/// If one is malformed or has a bad checksum: the first three such, in hexadecimal.
pub fn check(frames: &[Captured]) -> Result<Vec<Frame>> {
    let mut good = Vec::with_capacity(frames.len());
    let mut bad = Vec::new();
    for (number, captured) in frames.iter().enumerate() {
        match Frame::parse(&captured.bytes) {
            Ok(frame) => good.push(frame),
            Err(error) => bad.push(format!("frame {}: {error:#}: {}", number + 1, hex(captured))),
        }
    }
    if !bad.is_empty() {
        bail!("{} bad frames:\n{}", bad.len(), bad[..bad.len().min(3)].join("\n"));
    }
    Ok(good)
}

fn hex(captured: &Captured) -> String {
    captured.bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Mac, ethernet};

    fn file(frames: &[Vec<u8>]) -> Vec<u8> {
        let mut file = Vec::new();
        for value in [MAGIC, 0x0004_0002, 0, 0, 262_144, ETHERNET] {
            file.extend(value.to_le_bytes());
        }
        for frame in frames {
            for value in [7, 9, frame.len() as u32, frame.len() as u32] {
                file.extend(value.to_le_bytes());
            }
            file.extend(frame);
        }
        file
    }

    #[test]
    fn frames_are_read_and_a_malformed_one_is_shown() {
        let other = ethernet(Mac([1; 6]), Mac([2; 6]), 0x88b5, &[0; 46]);
        let cut = ethernet(Mac([1; 6]), Mac([2; 6]), 0x0806, &[0; 8]);
        let captured = parse(&file(&[other.clone(), cut])).unwrap();
        assert_eq!(captured[0].at, Duration::new(7, 9_000));
        assert_eq!(captured[0].bytes, other);
        assert_eq!(check(&captured[..1]).unwrap().len(), 1);
        let error = check(&captured).unwrap_err().to_string();
        assert!(error.contains("frame 2: ARP: not IPv4 over Ethernet"), "{error}");
    }

    #[test]
    fn a_cut_file_is_refused() {
        let whole = file(&[vec![0; 60]]);
        for bytes in [0, 10, FILE_HEADER_BYTES + 3, whole.len() - 1] {
            assert!(parse(&whole[..bytes]).is_err(), "{bytes} bytes");
        }
    }
}
