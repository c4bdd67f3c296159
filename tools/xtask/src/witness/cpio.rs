//! An initramfs: the "newc" archive (kernel documentation, buffer-format.rst).
//!
//! ```text
//! 070701 | 13 fields of 8 hexadecimal digits | name, NUL | to 4 | content | to 4 |  ... TRAILER!!!
//! ```

/// File types of `st_mode`, and modes.
const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const CONSOLE: u32 = 0o020_600;

/// Writes an archive.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    next_inode: u32,
}

impl Writer {
    /// A folder.
    pub fn folder(&mut self, name: &str) {
        self.entry(name, FOLDER, (0, 0), &[]);
    }

    /// A file that may be run.
    pub fn file(&mut self, name: &str, content: &[u8]) {
        self.entry(name, PROGRAM, (0, 0), content);
    }

    /// `/dev/console`, which the kernel opens before anything could make it; character device 5:1.
    pub fn console(&mut self, name: &str) {
        self.entry(name, CONSOLE, (5, 1), &[]);
    }

    /// The archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }

    fn entry(&mut self, name: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        self.next_inode += 1;
        let (inode, links, size) = (self.next_inode, 1, content.len() as u32);
        let name_size = name.len() as u32 + 1;
        let (owner, group, time, home) = (0, 0, 0, (0, 0));
        let (major, minor) = device;
        let fields = [
            inode, mode, owner, group, links, time, size, home.0, home.1, major, minor, name_size,
            0,
        ];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend_from_slice(content);
        self.align();
    }

    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::install;

    fn archive() -> Vec<u8> {
        let mut writer = Writer::default();
        writer.folder("bin");
        writer.file("bin/x", b"12345");
        writer.console("dev-console");
        writer.finish()
    }

    #[test]
    fn every_header_and_content_begins_at_a_word() {
        let bytes = archive();
        let heads = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(b"070701"));
        let heads: Vec<_> = heads.collect();
        assert_eq!(heads.len(), 4);
        assert!(heads.iter().all(|at| at.is_multiple_of(4)));
        let content = bytes.windows(5).position(|window| window == b"12345").expect("there");
        assert!(content.is_multiple_of(4));
    }

    /// busybox as the oracle.
    #[test]
    fn cpio_lists_the_archive() {
        if install::find("busybox").is_none() {
            eprintln!("skipped: busybox is not installed");
            return;
        }
        let mut cpio = Command::new("busybox");
        cpio.args(["cpio", "-tv"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut cpio = cpio.stderr(Stdio::null()).spawn().expect("busybox starts");
        cpio.stdin.take().expect("piped").write_all(&archive()).expect("busybox reads");
        let output = cpio.wait_with_output().expect("busybox ends");
        let text = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].starts_with("drwxr-xr-x") && lines[0].ends_with(" bin"), "{text}");
        assert!(lines[1].starts_with("-rwxr-xr-x") && lines[1].ends_with(" bin/x"), "{text}");
        assert!(lines[2].starts_with("crw-------"), "{text}");
    }
}
