//! What tcpdump wrote, and whether every frame of it is good.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use packet::savefile::Records;

use crate::frame::Frame;

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
/// If it is no capture of Ethernet frames, or a frame was cut by the capture.
pub fn read(path: &Path) -> Result<Vec<Captured>> {
    let file = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    parse(&file).with_context(|| path.display().to_string())
}

fn parse(file: &[u8]) -> Result<Vec<Captured>> {
    let mut frames = Vec::new();
    for record in Records::new(file)? {
        let packet::Frame { bytes, length, at } = record?.frame;
        ensure!(bytes.len() == length, "a frame of {length} bytes was cut to {}", bytes.len());
        let at = Duration::new(at.seconds.into(), at.microseconds * 1000);
        frames.push(Captured { at, bytes: bytes.to_vec() });
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
    use packet::pcap;

    use super::*;
    use crate::frame::{Mac, ethernet};

    fn file(frames: &[Vec<u8>]) -> Vec<u8> {
        let at = packet::Timestamp { seconds: 7, microseconds: 9 };
        let mut file = pcap::file_header(262_144).to_vec();
        for frame in frames {
            let bytes = frame.len() as u32;
            file.extend(pcap::record_header(at, bytes, bytes));
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
        for bytes in [0, 10, pcap::FILE_HEADER_BYTES + 3, whole.len() - 1] {
            assert!(parse(&whole[..bytes]).is_err(), "{bytes} bytes");
        }
    }
}
