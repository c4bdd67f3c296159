//! Captured frames and the files they are in.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use packet::savefile::{Record, Records};
use packet::{Frame, Timestamp, pcap};

/// A frame, possibly cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    pub bytes: Vec<u8>,
    pub length: usize,
    pub at: Timestamp,
}

/// Frames with a name.
#[derive(Clone, Debug)]
pub struct Capture {
    pub name: String,
    pub frames: Vec<Captured>,
}

impl Capture {
    /// The same frames, cut to `bytes`.
    pub fn cut(&self, bytes: usize) -> Self {
        let name = format!("{} cut to {bytes}", self.name);
        let mut frames = self.frames.clone();
        for frame in &mut frames {
            frame.bytes.truncate(bytes);
        }
        Self { name, frames }
    }

    /// The frames with their places for times, so that each is recognised.
    pub fn numbered(&self) -> Self {
        let mut numbered = self.clone();
        for (index, frame) in numbered.frames.iter_mut().enumerate() {
            frame.at = Timestamp { seconds: index as u32 + 1, microseconds: 0 };
        }
        numbered
    }

    /// Writes them to a file.
    pub fn write(&self) -> TemporaryFile {
        let mut file = pcap::file_header(262_144).to_vec();
        for frame in &self.frames {
            let captured = frame.bytes.len() as u32;
            file.extend(pcap::record_header(frame.at, captured, frame.length as u32));
            file.extend(&frame.bytes);
        }
        TemporaryFile::new(&file)
    }
}

/// Reads what tcpdump wrote, or is writing: the last frame may be there in part.
pub fn parse(file: &[u8]) -> Vec<Captured> {
    let frames = Records::new(file).into_iter().flatten().map_while(Result::ok);
    let owned = frames.map(|Record { frame: Frame { bytes, length, at }, .. }| Captured {
        bytes: bytes.to_vec(),
        length,
        at,
    });
    owned.collect()
}

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A file that is gone when this is.
#[derive(Debug)]
pub struct TemporaryFile(PathBuf);

impl TemporaryFile {
    pub fn new(content: &[u8]) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("barewire-packet-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, content).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // What is left behind does no harm.
        let _ = fs::remove_file(&self.0);
    }
}
