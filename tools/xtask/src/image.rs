//! The image: built, flattened, weighed.
//!
//! The Pi's firmware and QEMU load a flat file, not an ELF. Every loadable segment is put at its
//! physical address; the gaps between are zeroes; what holds no bytes in the file (bss, stack, DMA
//! region) is left out and is zeroed or mapped by the boot code.

use std::fs;
use std::path::{Path, PathBuf};

use object::LittleEndian;
use object::elf::{EM_AARCH64, FileHeader64, PT_LOAD, SHF_ALLOC};
use object::read::elf::{FileHeader as _, ProgramHeader as _, SectionHeader as _};

use crate::error::{Context, Error, Result};
use crate::install;
use crate::workspace::{self, BOARD_TARGET};

/// The package that is the image.
pub const PACKAGE: &str = "rpi3";
/// The largest image that may leave this house, in bytes: what boot.rs can move (linker.ld,
/// FILE_BYTES_MAX), half a second by TFTP, and a reason to look twice at what a dependency brings.
/// Boot, drivers and services take 400 KiB of it, the tools of the shell the rest.
pub const LIMIT_BYTES: usize = 1536 * 1024;
/// No sane layout of ours spreads further than this, in bytes; a wild address must not allocate
/// gigabytes.
const SPAN_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The arm64 Image header (Linux, Documentation/arch/arm64/booting.rst), by offset in bytes.
mod header {
    /// `image_size`, which includes bss.
    pub const IMAGE_SIZE_AT: usize = 0x10;
    /// `magic`.
    pub const MAGIC_AT: usize = 0x38;
    /// Its value.
    pub const MAGIC: &[u8; 4] = b"ARM\x64";
    /// Length.
    pub const BYTES: usize = 0x40;
}

/// A built image.
#[derive(Debug)]
pub struct Image {
    /// The flat file, `kernel8.img`.
    pub kernel: PathBuf,
    /// The ELF with symbols and the strings of the log, `kernel8.elf`.
    pub elf: PathBuf,
    /// What it weighs.
    pub weight: Weight,
}

/// Sizes in bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Weight {
    /// The flat file.
    pub image: usize,
    /// Sections that take memory, grouped by the first part of their name, in the order they lie
    /// in.
    pub sections: Vec<(String, u64)>,
}

impl Weight {
    /// The size of a group of sections, such as `text`.
    pub fn section(&self, name: &str) -> u64 {
        self.sections.iter().find(|(group, _)| group == name).map_or(0, |(_, bytes)| *bytes)
    }

    /// All that takes memory, in bytes.
    pub fn memory(&self) -> u64 {
        self.sections.iter().map(|(_, bytes)| bytes).sum()
    }
}

/// Where the flat file is written.
pub fn kernel_path() -> PathBuf {
    workspace::target().join("kernel8.img")
}

/// Where the ELF is copied to.
pub fn elf_path() -> PathBuf {
    workspace::target().join("kernel8.elf")
}

/// Builds the image, writes both files, and checks the size.
///
/// # Errors
/// If the target is missing, the build fails, the ELF is not what it should be, or the image is too
/// large.
pub fn build() -> Result<Image> {
    install::rust_target()?;
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--release", "--package", PACKAGE, "--target", BOARD_TARGET]);
    // These would take the place of the linker arguments in .cargo/config.toml.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    workspace::run(&mut cargo, "build the image")?;
    from_elf(&workspace::target().join(BOARD_TARGET).join("release").join(PACKAGE))
}

/// Makes the image of an ELF that was built already, writes both files, and checks the size.
///
/// # Errors
/// If the ELF is not what it should be, or the image is too large.
pub fn from_elf(elf: &Path) -> Result<Image> {
    let bytes = fs::read(elf).context(|| format!("read {}", elf.display()))?;
    let flat = flatten(&bytes)?;
    check_header(&flat)?;
    let image = Image {
        kernel: kernel_path(),
        elf: elf_path(),
        weight: Weight { image: flat.len(), sections: sections(&bytes)? },
    };
    write(&image.kernel, &flat)?;
    write(&image.elf, &bytes)?;
    check_size(flat.len())?;
    Ok(image)
}

/// Prints where the image is and what it weighs.
pub fn report(image: &Image) {
    let Weight { image: bytes, sections } = &image.weight;
    println!("{}: {bytes} bytes of at most {LIMIT_BYTES}", workspace::shown(&image.kernel));
    println!("{}: symbols, and the strings of the log", workspace::shown(&image.elf));
    for (name, bytes) in sections {
        println!("  {name:<8} {bytes:>9} bytes");
    }
    println!("  {:<8} {:>9} bytes", "memory", image.weight.memory());
}

/// # Errors
/// If the image is larger than [`LIMIT_BYTES`].
pub fn check_size(bytes: usize) -> Result<()> {
    if bytes <= LIMIT_BYTES {
        return Ok(());
    }
    let over = bytes - LIMIT_BYTES;
    let text = format!("the image has {bytes} bytes, {over} more than the limit of {LIMIT_BYTES}");
    Err(Error::new(text))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).context(|| format!("write {}", path.display()))
}

/// The flat file of an ELF: its loadable bytes at their physical addresses, from the lowest on.
///
/// # Errors
/// If this is no AArch64 ELF, its segments overlap, lie too far apart or outside the file, or there
/// are none.
pub fn flatten(elf: &[u8]) -> Result<Vec<u8>> {
    let header = parse(elf)?;
    let segments = header.program_headers(LittleEndian, elf).context(|| "read the ELF".into())?;
    let mut parts = Vec::new();
    for segment in segments.iter().filter(|segment| segment.p_type(LittleEndian) == PT_LOAD) {
        let data = segment.data(LittleEndian, elf);
        let data = data.map_err(|()| Error::new("a segment of the ELF lies outside the file"))?;
        if !data.is_empty() {
            parts.push((segment.p_paddr(LittleEndian), data));
        }
    }
    parts.sort_by_key(|(address, _)| *address);
    let (Some((start, _)), Some((last, data))) = (parts.first(), parts.last()) else {
        return Err(Error::new("the ELF has nothing to load: is the linker script in use?"));
    };
    if (last - start).saturating_add(data.len() as u64) > SPAN_BYTES_MAX {
        let text = format!("the ELF's segments spread from {start:#x} to {last:#x}: too far apart");
        return Err(Error::new(text));
    }
    let mut flat = Vec::new();
    for (address, data) in &parts {
        let at = (address - start) as usize;
        if at < flat.len() {
            return Err(Error::new(format!("two segments of the ELF overlap at {address:#x}")));
        }
        flat.resize(at, 0);
        flat.extend_from_slice(data);
    }
    Ok(flat)
}

/// Memory by groups of sections: `.text.boot` and `.text` are both `text`.
fn sections(elf: &[u8]) -> Result<Vec<(String, u64)>> {
    let header = parse(elf)?;
    let table = header.sections(LittleEndian, elf).context(|| "read the ELF's sections".into())?;
    let mut groups: Vec<(String, u64)> = Vec::new();
    for section in table.iter() {
        let bytes = section.sh_size(LittleEndian);
        if section.sh_flags(LittleEndian).0 & SHF_ALLOC.0 == 0 || bytes == 0 {
            continue;
        }
        let name = table.section_name(LittleEndian, section).unwrap_or_default();
        let name = String::from_utf8_lossy(name);
        let group = name.trim_start_matches('.').split('.').next().unwrap_or_default();
        match groups.iter_mut().find(|(known, _)| known == group) {
            Some((_, sum)) => *sum += bytes,
            None => groups.push((group.to_string(), bytes)),
        }
    }
    Ok(groups)
}

fn parse(elf: &[u8]) -> Result<&FileHeader64<LittleEndian>> {
    let header = FileHeader64::<LittleEndian>::parse(elf).context(|| "read the ELF".into())?;
    if header.e_machine(LittleEndian) != EM_AARCH64 {
        return Err(Error::new("the ELF is not for AArch64"));
    }
    Ok(header)
}

/// Loaders other than the Pi's own find their way by the arm64 Image header; a wrong one costs an
/// evening.
fn check_header(flat: &[u8]) -> Result<()> {
    let Some(head) = flat.first_chunk::<{ header::BYTES }>() else {
        return Err(Error::new("the image is shorter than its header"));
    };
    if !head[header::MAGIC_AT..].starts_with(header::MAGIC) {
        return Err(Error::new("the image does not begin with an arm64 Image header"));
    }
    let mut size = [0; 8];
    size.copy_from_slice(&head[header::IMAGE_SIZE_AT..][..8]);
    let size = u64::from_le_bytes(size);
    if size < flat.len() as u64 {
        let text = format!("the Image header says {size} bytes, the image has {}", flat.len());
        return Err(Error::new(text));
    }
    Ok(())
}

#[cfg(test)]
#[path = "image_tests.rs"]
mod tests;
