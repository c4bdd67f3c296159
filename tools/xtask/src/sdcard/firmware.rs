//! The Raspberry Pi's boot files: known by name, looked at, never kept here.

use std::fs;
use std::path::Path;

use super::Entry;
use crate::error::{Context, Error, Result};

/// Where to get them, and what may be done with them.
pub const WHERE: &str = "\
A Raspberry Pi 3 is started by its own firmware, which is not part of this repository:
  bootcode.bin, start_cd.elf, fixup_cd.dat   needed
  bcm2710-rpi-3-b.dtb                        better: carries the command line and the MAC address
  LICENCE.broadcom, COPYING.linux            their licences
They are in the folder \"boot\" of https://github.com/raspberrypi/firmware (branch stable); Debian's
package raspi-firmware (section non-free-firmware) has them too, but for the device trees.
Broadcom's files may be used with a Raspberry Pi only and passed on unchanged together with
LICENCE.broadcom; the device trees are GPL-2.
Put them into a folder and name it: cargo xtask sdcard --firmware DIR";

/// Without these no board starts. `gpu_mem=16` in config.txt chooses this pair of start and fixup.
const NEEDED: [&str; 3] = ["bootcode.bin", "start_cd.elf", "fixup_cd.dat"];

/// Taken if they are there: the device trees of the boards that the image can run on or will name,
/// and the firmware for those who change `gpu_mem`.
const TAKEN: [&str; 8] = [
    "bcm2710-rpi-3-b.dtb",
    "bcm2710-rpi-3-b-plus.dtb",
    "bcm2710-rpi-2-b.dtb",
    "bcm2710-rpi-cm3.dtb",
    "bcm2710-rpi-zero-2.dtb",
    "bcm2710-rpi-zero-2-w.dtb",
    "start.elf",
    "fixup.dat",
];

/// The device tree of the board this is for.
const TREE: &str = "bcm2710-rpi-3-b.dtb";
/// Each licence, and what of the above it is for.
const LICENCES: [(&str, &str); 2] =
    [("LICENCE.broadcom", "bootcode.bin"), ("COPYING.linux", ".dtb")];

/// The largest file that is taken for a boot file, in bytes; start.elf has 3 MB.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// What was found in the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootFiles {
    /// The files for the card.
    pub entries: Vec<Entry>,
    /// What is not there and may be missed, in words.
    pub missing: Vec<String>,
}

/// Takes the boot files from a folder.
///
/// # Errors
/// If one that is needed is missing, or one is not what its name says.
pub fn read(folder: &Path) -> Result<BootFiles> {
    if !folder.is_dir() {
        return Err(Error::new(format!("{} is not a folder\n{WHERE}", folder.display())));
    }
    let is_there = |name: &&str| folder.join(name).is_file();
    let missing: Vec<_> = NEEDED.into_iter().filter(|name| !is_there(name)).collect();
    if !missing.is_empty() {
        let (folder, missing) = (folder.display(), missing.join(", "));
        return Err(Error::new(format!("{folder} lacks {missing}\n{WHERE}")));
    }
    let licences = LICENCES.iter().map(|(name, _)| *name);
    let names = NEEDED.into_iter().chain(TAKEN).chain(licences).filter(is_there);
    let mut found = BootFiles::default();
    for name in names {
        found.entries.push(Entry::new(name, take(&folder.join(name))?));
    }
    let has = |end: &str| found.entries.iter().any(|entry| entry.name.ends_with(end));
    if !has(TREE) {
        let text = "without it the MAC address and the command line come from the mailbox";
        found.missing.push(format!("note: no {TREE}; {text}"));
    }
    for (licence, of) in LICENCES {
        if has(of) && !has(licence) {
            let text = "it has to go along when you pass this card or image on";
            found.missing.push(format!("note: no {licence}; {text}"));
        }
    }
    Ok(found)
}

/// Reads a file and sees that it is what its name says.
fn take(path: &Path) -> Result<Vec<u8>> {
    let shown = path.display();
    let bytes = fs::metadata(path).context(|| format!("read {shown}"))?.len();
    if bytes == 0 || bytes > FILE_BYTES_MAX {
        return Err(Error::new(format!("{shown} has {bytes} bytes, which no boot file has")));
    }
    let content = fs::read(path).context(|| format!("read {shown}"))?;
    let expected: &[u8] = match path.extension().and_then(|end| end.to_str()) {
        Some("elf") => b"\x7fELF",
        Some("dtb") => &[0xd0, 0x0d, 0xfe, 0xed],
        _ => b"",
    };
    let text = content.trim_ascii_start();
    let is_page = text.len() >= 5
        && (text[..5].eq_ignore_ascii_case(b"<html") || text[..5].eq_ignore_ascii_case(b"<!doc"));
    if is_page || !content.starts_with(expected) {
        let what = "is not what its name says; was a web page saved in its place?";
        return Err(Error::new(format!("{shown} {what}")));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdcard::tests::Folder;

    fn filled(files: &[(&str, &[u8])]) -> Folder {
        let folder = Folder::new();
        for (name, bytes) in files {
            fs::write(folder.join(name), bytes).expect("writable");
        }
        folder
    }

    const GOOD: [(&str, &[u8]); 4] = [
        ("bootcode.bin", b"code"),
        ("start_cd.elf", b"\x7fELF and more"),
        ("fixup_cd.dat", b"data"),
        ("kernel8.img", b"not ours, and not taken"),
    ];

    #[test]
    fn the_needed_files_are_enough_and_what_is_missed_is_said() {
        let found = read(&filled(&GOOD)).expect("complete");
        let names: Vec<_> = found.entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, NEEDED);
        assert_eq!(found.missing.len(), 2);
        assert!(found.missing[0].contains(TREE));
        assert!(found.missing[1].contains("LICENCE.broadcom"));
    }

    #[test]
    fn licences_and_trees_go_along() {
        let more: [(&str, &[u8]); 3] = [
            ("LICENCE.broadcom", b"words"),
            ("COPYING.linux", b"words"),
            (TREE, &[0xd0, 0x0d, 0xfe, 0xed, 0]),
        ];
        let found = read(&filled(&[&GOOD[..], &more].concat())).expect("complete");
        assert_eq!((found.entries.len(), found.missing.len()), (6, 0));
    }

    #[test]
    fn a_missing_file_is_named_with_where_to_get_it() {
        let error = read(&filled(&GOOD[..2])).expect_err("incomplete").to_string();
        assert!(error.contains("lacks fixup_cd.dat\n"), "{error}");
        assert!(error.contains("github.com/raspberrypi/firmware"));
        let error = read(Path::new("/no/such/folder")).expect_err("no folder").to_string();
        assert!(error.starts_with("/no/such/folder is not a folder"));
    }

    #[test]
    fn a_web_page_is_no_boot_file() {
        let pages: [(&str, &[u8]); 3] = [
            ("start_cd.elf", b"version https://git-lfs"),
            ("bootcode.bin", b"\n<!DOCTYPE html><title>404"),
            ("fixup_cd.dat", b""),
        ];
        for (name, bytes) in pages {
            let folder = filled(&GOOD);
            fs::write(folder.join(name), bytes).expect("writable");
            let error = read(&folder).expect_err("a page").to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
