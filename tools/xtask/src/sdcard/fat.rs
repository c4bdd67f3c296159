//! The card's bytes: a partition table, and one FAT32 partition.

use std::io::{self, Read as _, SeekFrom, Write as _};

use fatfs::{Date, DateTime, FatType, FileSystem, FormatVolumeOptions, FsOptions, Time};
use fscommon::{BufStream, StreamSlice};
use mbrman::{BOOT_INACTIVE, CHS, MBR, MBRPartitionEntry};

use super::{Disk, Entry};

/// The smallest card in MiB: FAT32 has at least 65,525 clusters, here of 512 bytes.
pub const MIB_MIN: u32 = 40;
/// The largest card in MiB; nobody needs more, and FAT32 in an MBR ends at 2 TiB.
pub const MIB_MAX: u32 = 64 * 1024;
/// Bytes of a sector.
const SECTOR_BYTES: u32 = 512;
/// The partition begins here, as every partitioning program has it: 1 MiB.
const START_SECTOR: u32 = (1 << 20) / SECTOR_BYTES;
/// Partition type: FAT32, addressed by sectors.
const TYPE_FAT32_LBA: u8 = 0x0c;
/// Identifies the disk in the MBR; any value but 0.
const DISK_SIGNATURE: [u8; 4] = *b"bare";
/// Identifies the volume.
const VOLUME_ID: u32 = u32::from_be_bytes(*b"wire");
/// The volume's name.
const LABEL: [u8; 11] = *b"BAREWIRE   ";
/// Where a FAT boot sector says how many sectors lie before the partition, and where the copy of
/// that sector is (Microsoft's FAT specification, BPB_HiddSec and BPB_BkBootSec).
const HIDDEN_SECTORS_AT: u64 = 0x1c;
const BACKUP_BOOT_SECTOR: u64 = 6;

/// FAT's first day for every file, so that the same files give the same image.
#[derive(Debug)]
struct Epoch;

static EPOCH: Epoch = Epoch;

impl fatfs::TimeProvider for Epoch {
    fn get_current_date(&self) -> Date {
        Date { year: 1980, month: 1, day: 1 }
    }

    fn get_current_date_time(&self) -> DateTime {
        let time = Time { hour: 0, min: 0, sec: 0, millis: 0 };
        DateTime { date: self.get_current_date(), time }
    }
}

/// Makes the card in an empty file.
///
/// # Errors
/// If the files do not fit, or writing fails.
pub fn make(file: &mut std::fs::File, size_mib: u32, entries: &[Entry]) -> io::Result<()> {
    file.set_len(u64::from(size_mib) << 20)?;
    let mut table = MBR::new_from(file, SECTOR_BYTES, DISK_SIGNATURE).map_err(io::Error::other)?;
    let sectors = (size_mib << 11) - START_SECTOR;
    table[1] = MBRPartitionEntry {
        boot: BOOT_INACTIVE,
        first_chs: CHS::empty(),
        sys: TYPE_FAT32_LBA,
        last_chs: CHS::empty(),
        starting_lba: START_SECTOR,
        sectors,
    };
    table.write_into(file).map_err(io::Error::other)?;
    format(file, sectors)?;
    fill(file, sectors, entries)
}

fn format(disk: &mut impl Disk, sectors: u32) -> io::Result<()> {
    let mut partition = partition(disk, sectors)?;
    let options = FormatVolumeOptions::new()
        .fat_type(FatType::Fat32)
        .total_sectors(sectors)
        .volume_id(VOLUME_ID)
        .volume_label(LABEL);
    fatfs::format_volume(&mut partition, options)?;
    partition.flush()?;
    drop(partition);
    for sector in [0, BACKUP_BOOT_SECTOR] {
        let sector = u64::from(START_SECTOR) + sector;
        disk.seek(SeekFrom::Start(sector * u64::from(SECTOR_BYTES) + HIDDEN_SECTORS_AT))?;
        disk.write_all(&START_SECTOR.to_le_bytes())?;
    }
    Ok(())
}

fn fill(disk: &mut impl Disk, sectors: u32, entries: &[Entry]) -> io::Result<()> {
    let options = FsOptions::new().time_provider(&EPOCH);
    let volume = FileSystem::new(partition(disk, sectors)?, options)?;
    for Entry { name, bytes } in entries {
        let mut file = volume.root_dir().create_file(name)?;
        file.write_all(bytes)?;
        file.flush()?;
    }
    volume.unmount()
}

/// Reads a file of the card.
///
/// # Errors
/// If there is no such card or file, or reading fails.
pub fn read(disk: &mut impl Disk, name: &str) -> io::Result<Vec<u8>> {
    let table = MBR::read_from(disk, SECTOR_BYTES).map_err(io::Error::other)?;
    let entry = table.get(1).filter(|entry| entry.sys == TYPE_FAT32_LBA);
    let entry = entry.filter(|entry| entry.starting_lba == START_SECTOR);
    let entry = entry.ok_or_else(|| io::Error::other("this is no card of ours"))?;
    let volume = FileSystem::new(partition(disk, entry.sectors)?, FsOptions::new())?;
    let mut bytes = Vec::new();
    volume.root_dir().open_file(name)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn partition<D: Disk>(disk: &mut D, sectors: u32) -> io::Result<BufStream<StreamSlice<&mut D>>> {
    let start = u64::from(START_SECTOR) * u64::from(SECTOR_BYTES);
    let end = start + u64::from(sectors) * u64::from(SECTOR_BYTES);
    Ok(BufStream::new(StreamSlice::new(disk, start, end)?))
}
