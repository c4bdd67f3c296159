//! Writing to a device: what it is, who uses it, and whether the user means it.
//!
//! All facts come from `/sys` and `/proc` (kernel documentation, ABI/stable/sysfs-block and
//! filesystems/proc). What carries a mounted file system, swap, or another device is refused; the
//! kernel's own answer to O_EXCL guards what is missed.

use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead, IsTerminal};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::copy;
use crate::error::{Context, Error, Result};

/// A disk, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Where it is in `/dev`.
    pub path: PathBuf,
    /// The kernel's name, such as `sdb` or `mmcblk0`.
    pub name: String,
    /// Bytes.
    pub bytes: u64,
    /// Vendor and model as it says itself; empty if it does not.
    pub model: String,
    /// The kernel takes it for removable.
    pub removable: bool,
    /// It cannot be written to.
    pub read_only: bool,
    /// Its partitions, with their sizes in bytes.
    pub partitions: Vec<(String, u64)>,
    /// Who uses it or a partition of it, in words.
    pub users: Vec<String>,
}

/// The folders in which the kernel says what there is.
#[derive(Clone, Copy, Debug)]
struct System<'a> {
    sys: &'a Path,
    proc: &'a Path,
}

impl Device {
    /// Finds out what this is, and sees that it may be written to.
    ///
    /// # Errors
    /// If it is no whole disk, is in use, or cannot be written to; with what was found.
    pub fn inspect(path: &Path) -> Result<Self> {
        let path = fs::canonicalize(path).context(|| format!("find {}", path.display()))?;
        let data = fs::metadata(&path).context(|| format!("look at {}", path.display()))?;
        if !data.file_type().is_block_device() {
            let text = "is no block device; to make an image in a file, use --out";
            return Err(Error::new(format!("{} {text}", path.display())));
        }
        let number = format!("{}:{}", libc::major(data.rdev()), libc::minor(data.rdev()));
        let system = System { sys: Path::new("/sys"), proc: Path::new("/proc") };
        let device = system.device(path, &number)?;
        device.may_be_written()?;
        Ok(device)
    }

    fn may_be_written(&self) -> Result<()> {
        let why = match () {
            () if !self.users.is_empty() => format!("it is in use:\n  {}", self.users.join("\n  ")),
            () if self.read_only => "it is write-protected".into(),
            () if self.bytes == 0 => "no card is in it".into(),
            () => return Ok(()),
        };
        Err(Error::new(format!("{self}\nnothing was written to {}: {why}", self.path.display())))
    }

    /// Shows the device, asks, and writes the image to it.
    ///
    /// # Errors
    /// If the user does not mean it or cannot be asked, it is too small, or cannot be written to.
    pub fn write(&self, image: &Path) -> Result<()> {
        self.holds(image)?;
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            let text = "there is no terminal to ask at; to write without being asked, use dd";
            return Err(Error::new(format!("{self}\n{text}: {}", self.dd(image))));
        }
        self.confirm(&mut stdin.lock())?;
        self.write_confirmed(image)
    }

    fn confirm(&self, answers: &mut impl BufRead) -> Result<()> {
        println!("{self}");
        println!("everything on it will be lost. To go on, type its name, {}:", self.name);
        let mut answer = String::new();
        answers.read_line(&mut answer).context(|| "read the answer".into())?;
        match answer.trim() == self.name {
            true => Ok(()),
            false => Err(Error::new("nothing was written")),
        }
    }

    fn holds(&self, image: &Path) -> Result<()> {
        let bytes = fs::metadata(image).context(|| format!("look at {}", image.display()))?.len();
        if bytes > self.bytes {
            let text = format!("the image has {bytes} bytes, {} only {}", self.name, self.bytes);
            return Err(Error::new(text));
        }
        Ok(())
    }

    fn write_confirmed(&self, image: &Path) -> Result<()> {
        self.holds(image)?;
        let mut from = File::open(image).context(|| format!("open {}", image.display()))?;
        // On a block device O_EXCL without O_CREAT means: only if nobody uses it (open(2)).
        let mut options = File::options();
        let opened = options.write(true).custom_flags(libc::O_EXCL).open(&self.path);
        let mut to = opened.context(|| {
            format!("open {} for writing; as root: {}", self.path.display(), self.dd(image))
        })?;
        copy(&mut from, &mut to).context(|| format!("write {}", self.path.display()))?;
        println!("{} is written and can be taken out", self.path.display());
        Ok(())
    }

    fn dd(&self, image: &Path) -> String {
        let (image, device) = (image.display(), self.path.display());
        format!("sudo dd if={image} of={device} bs=4M conv=fsync oflag=excl")
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = if self.model.is_empty() { "unknown model" } else { &self.model };
        write!(f, "{}: {model}, {}", self.path.display(), size(self.bytes))?;
        f.write_str(if self.removable { ", removable" } else { ", NOT removable media" })?;
        for (name, bytes) in &self.partitions {
            write!(f, "\n  {name}: {}", size(*bytes))?;
        }
        Ok(())
    }
}

/// As it is printed on cards: powers of ten.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10),
    }
}

/// Sizes in `/sys/block` are in sectors of 512 bytes, whatever the disk has.
const SYSFS_SECTOR_BYTES: u64 = 512;

impl System<'_> {
    /// The device with this number, `MAJOR:MINOR`.
    fn device(self, path: PathBuf, number: &str) -> Result<Device> {
        let link = self.sys.join("dev/block").join(number);
        let folder = fs::canonicalize(&link).context(|| format!("read {}", link.display()))?;
        let name = file_name(&folder);
        if folder.join("partition").exists() {
            let disk = folder.parent().map(file_name).unwrap_or_default();
            let text = format!("is a partition; the whole card is /dev/{disk}");
            return Err(Error::new(format!("{} {text}", path.display())));
        }
        let word = |file: &str| text(&folder.join(file));
        let model = [word("device/vendor"), word("device/model"), word("device/name")];
        let model: Vec<_> = model.into_iter().filter(|part| !part.is_empty()).collect();
        let mut parts = vec![(name.clone(), folder.clone())];
        let children = fs::read_dir(&folder).context(|| format!("read {}", folder.display()))?;
        for child in children.flatten().map(|child| child.path()) {
            if child.join("partition").exists() {
                parts.push((file_name(&child), child));
            }
        }
        parts.sort();
        let partitions = parts.iter().filter(|(part, _)| *part != name);
        Ok(Device {
            bytes: sectors(&folder) * SYSFS_SECTOR_BYTES,
            model: model.join(" "),
            removable: word("removable") == "1",
            read_only: word("ro") == "1",
            partitions: partitions
                .map(|(part, folder)| (part.clone(), sectors(folder) * SYSFS_SECTOR_BYTES))
                .collect(),
            users: self.users(&parts)?,
            path,
            name,
        })
    }

    /// Who uses these: file systems, swap, and devices that are built on them.
    fn users(self, parts: &[(String, PathBuf)]) -> Result<Vec<String>> {
        // Without these nothing could be said about who uses the disk: then nothing is written.
        let read = |file: &str| {
            let path = self.proc.join(file);
            fs::read_to_string(&path).context(|| format!("read {}", path.display()))
        };
        let (mounts, swaps) = (read("self/mountinfo")?, read("swaps")?);
        let mut users = Vec::new();
        for (name, folder) in parts {
            let (number, device) = (text(&folder.join("dev")), format!("/dev/{name}"));
            for line in mounts.lines() {
                let mut fields = line.split(' ');
                let (at, place) = (fields.nth(2), fields.nth(1));
                // A btrfs has a number of its own: its source is named behind the dash.
                let source = line.split(" - ").nth(1).and_then(|rest| rest.split(' ').nth(1));
                if at == Some(&number) || source == Some(&device) {
                    let place = place.unwrap_or("somewhere").replace(r"\040", " ");
                    users.push(format!("{name} is mounted at {place}"));
                }
            }
            if swaps.lines().any(|line| line.split_whitespace().next() == Some(&device)) {
                users.push(format!("{name} is swap"));
            }
            for holder in fs::read_dir(folder.join("holders")).into_iter().flatten().flatten() {
                let holder = holder.file_name();
                users.push(format!("{name} is part of {}", holder.to_string_lossy()));
            }
        }
        Ok(users)
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The text of a file of sysfs; nothing if it is not there.
fn text(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn sectors(folder: &Path) -> u64 {
    text(&folder.join("size")).parse().unwrap_or_default()
}

#[cfg(test)]
#[path = "device_tests.rs"]
mod tests;
