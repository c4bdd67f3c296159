//! `cargo xtask sdcard`: an SD card image, made without root.
//!
//! ```text
//! MBR | 1 MiB | FAT32: kernel8.img config.txt cmdline.txt README.txt
//!                      bootcode.bin start_cd.elf fixup_cd.dat *.dtb ...   from --firmware DIR
//! ```
//!
//! The Raspberry Pi's own boot files are not ours to hand out: they are taken from a folder that
//! the user names. Without them the image is made all the same, and says what it lacks.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::error::{Context, Error, Result};
use crate::image;
use crate::qemu::Machine;
use crate::workspace;

pub mod device;
pub mod fat;
pub mod firmware;

/// What to put on the card.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Where the image goes [default: target/sdcard.img]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// A folder with the Raspberry Pi's boot files: bootcode.bin, start_cd.elf, fixup_cd.dat,
    /// bcm2710-rpi-3-b.dtb
    #[arg(long, value_name = "DIR")]
    pub firmware: Option<PathBuf>,
    /// The kernel command line in cmdline.txt [default: ip=dhcp]
    #[arg(long, value_name = "TEXT")]
    pub append: Option<String>,
    /// Size of the image in MiB
    #[arg(long, value_name = "N", default_value_t = 64,
          value_parser = clap::value_parser!(u32).range(SIZES_MIB))]
    pub size_mib: u32,
    /// Write the image to this device, after showing what it is and asking
    #[arg(long, value_name = "DEVICE")]
    pub write: Option<PathBuf>,
}

/// Sizes that can be asked for, as clap wants them.
const SIZES_MIB: std::ops::RangeInclusive<i64> = fat::MIB_MIN as i64..=fat::MIB_MAX as i64;

/// A file for the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name on the card, which has no folders.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Entry {
    /// A file with this name and content.
    pub fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }
}

/// What the firmware is told: `config.txt`.
pub const CONFIG: &str = include_str!("../../../boards/rpi3/sdcard/config.txt");
/// What barewire is told: `cmdline.txt`.
pub const COMMAND_LINE: &str = include_str!("../../../boards/rpi3/sdcard/cmdline.txt");
/// What a person who finds the card is told.
pub const README: &str = include_str!("../../../boards/rpi3/sdcard/README.txt");
/// The image's name on the card, as `config.txt` has it.
pub const KERNEL: &str = "kernel8.img";

/// Builds the image, makes the card, and writes it to a device if that was asked for.
///
/// # Errors
/// If something cannot be built, read or written, a boot file is missing or is not what its name
/// says, or the device is in use or was not confirmed.
pub fn run(options: &Options) -> Result<()> {
    // What is wrong with the command line is said before the image is built.
    let device = options.write.as_deref().map(device::Device::inspect).transpose()?;
    let boot_files = options.firmware.as_deref().map(firmware::read).transpose()?;
    if device.is_some() && boot_files.is_none() {
        let text = "a card without the Raspberry Pi's boot files starts no board";
        return Err(Error::new(format!("{text}: add --firmware DIR\n{}", firmware::WHERE)));
    }
    let built = image::build()?;
    let kernel = fs::read(&built.kernel).context(|| format!("read {}", built.kernel.display()))?;
    let mut entries = ours(kernel, options.append.as_deref())?;
    if let Some(boot_files) = &boot_files {
        entries.extend(boot_files.entries.iter().cloned());
    }
    let out = options.out.clone().unwrap_or_else(|| workspace::target().join("sdcard.img"));
    make(&out, options.size_mib, &entries)?;
    println!("{}: {} MiB, one FAT32 partition", workspace::shown(&out), options.size_mib);
    for Entry { name, bytes } in &entries {
        println!("  {name:<28} {:>9} bytes", bytes.len());
    }
    match &boot_files {
        Some(files) => files.missing.iter().for_each(|word| println!("{word}")),
        None => println!("this card starts no board yet.\n{}", firmware::WHERE),
    }
    match device {
        Some(device) => device.write(&out),
        None => {
            println!("to write it to a card: cargo xtask sdcard --firmware DIR --write DEVICE");
            Ok(())
        }
    }
}

/// The files that come from this repository.
///
/// # Errors
/// If the command line is not one line of a length that the firmware takes.
pub fn ours(kernel: Vec<u8>, append: Option<&str>) -> Result<Vec<Entry>> {
    /// Linux's own limit on arm64 (COMMAND_LINE_SIZE), of which the firmware's words take a part.
    const COMMAND_LINE_BYTES_MAX: usize = 1024;
    let command_line = append.map_or_else(|| COMMAND_LINE.into(), |text| format!("{text}\n"));
    if command_line.lines().count() > 1 || command_line.len() > COMMAND_LINE_BYTES_MAX {
        let text = format!("a command line is one line of at most {COMMAND_LINE_BYTES_MAX} bytes");
        return Err(Error::new(text));
    }
    Ok(vec![
        Entry::new(KERNEL, kernel),
        Entry::new("config.txt", CONFIG),
        Entry::new("cmdline.txt", command_line),
        Entry::new("README.txt", README),
    ])
}

/// Writes an image with these files. The same files give the same image.
///
/// # Errors
/// If they do not fit, or the file cannot be written.
pub fn make(out: &Path, size_mib: u32, entries: &[Entry]) -> Result<()> {
    let what = || format!("write {}", out.display());
    let mut file = File::options();
    let mut file =
        file.read(true).write(true).create(true).truncate(true).open(out).context(what)?;
    fat::make(&mut file, size_mib, entries).context(what)
}

/// The content of a file on a card.
///
/// # Errors
/// If the image cannot be read, or there is no such file.
pub fn read(image: &Path, name: &str) -> Result<Vec<u8>> {
    let what = || format!("read {name} of {}", image.display());
    // FAT has no way to be opened for reading alone; nothing is written.
    let mut file = File::options().read(true).write(true).open(image).context(what)?;
    fat::read(&mut file, name).context(what)
}

/// A machine that starts the kernel of this card from `address`, byte for byte as it is on the
/// card. `folder` takes the files that QEMU needs.
///
/// The firmware's generations load a kernel at 0x80000 or 0x200000; QEMU only where its header
/// says. For any other address two instructions take QEMU's place, as a chain loader would.
///
/// # Errors
/// If the card cannot be read, or the files cannot be written.
pub fn machine(image: &Path, address: u32, folder: &Path) -> Result<Machine> {
    let kernel = folder.join(KERNEL);
    write(&kernel, &read(image, KERNEL)?)?;
    if address == LINKED_AT {
        return Ok(Machine::new(kernel));
    }
    let jump = folder.join("jump.img");
    write(&jump, &jump_to(address))?;
    let kernel = kernel.display().to_string().replace(',', ",,");
    let loader = format!("loader,file={kernel},addr={address:#x},force-raw=on");
    Ok(Machine::new(jump).argument("-device").argument(loader))
}

/// Where the kernel is linked, and where its header asks to be loaded.
pub const LINKED_AT: u32 = 0x8_0000;

/// `movz x4, #high, lsl #16; movk x4, #low; br x4`; x0, which holds the device tree, stays.
fn jump_to(address: u32) -> Vec<u8> {
    let (high, low) = (address >> 16, address & 0xffff);
    let instructions = [0xd2a0_0004 | high << 5, 0xf280_0004 | low << 5, 0xd61f_0080];
    instructions.iter().flat_map(|word: &u32| word.to_le_bytes()).collect()
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).context(|| format!("write {}", path.display()))
}

/// What a disk image is written to.
pub trait Disk: Read + Write + Seek {}
impl<T: Read + Write + Seek> Disk for T {}

/// Copies all of `from` to `to`, in pieces, and says how far it is.
///
/// # Errors
/// If reading or writing fails.
fn copy(from: &mut File, to: &mut File) -> std::io::Result<()> {
    const PIECE_BYTES: usize = 4 << 20;
    let total = from.seek(SeekFrom::End(0))?;
    from.rewind()?;
    let mut piece = vec![0; PIECE_BYTES];
    let mut done = 0;
    while done < total {
        let len = (total - done).min(PIECE_BYTES as u64) as usize;
        from.read_exact(&mut piece[..len])?;
        to.write_all(&piece[..len])?;
        // Written now, so that the figure is true and the last step short.
        to.sync_data()?;
        done += len as u64;
        print!("\r{} of {} MiB", done >> 20, total >> 20);
        std::io::stdout().flush()?;
    }
    println!();
    to.sync_all()
}

#[cfg(test)]
#[path = "sdcard/tests.rs"]
mod tests;
