//! The card's bytes. That other programs read them is a trial of tools/e2e.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A folder of a test's own, gone with it.
pub struct Folder(PathBuf);

impl Folder {
    /// An empty one.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("barewire-sdcard-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a new folder");
        Self(path)
    }
}

impl std::ops::Deref for Folder {
    type Target = Path;
    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Stands for an image: several clusters, none of them like another.
fn kernel() -> Vec<u8> {
    (0..100_000_u32).flat_map(|word| word.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

fn entries() -> Vec<Entry> {
    let mut entries = ours(kernel(), None).expect("one line");
    entries.push(Entry::new("bcm2710-rpi-3-b.dtb", [0xd0, 0x0d, 0xfe, 0xed]));
    entries
}

fn card(folder: &Folder) -> PathBuf {
    let path = folder.join("card.img");
    make(&path, fat::MIB_MIN, &entries()).expect("made");
    path
}

#[test]
fn the_partition_table_says_one_fat32_partition_from_1_mib_to_the_end() {
    let folder = Folder::new();
    let bytes = fs::read(card(&folder)).expect("there");
    assert_eq!(bytes.len(), (fat::MIB_MIN as usize) << 20);
    let entry = &bytes[446..462];
    assert_eq!((entry[0], entry[4]), (0, 0x0c));
    let word = |at: usize| u32::from_le_bytes(entry[at..at + 4].try_into().expect("four"));
    assert_eq!((word(8), word(12)), (2048, (fat::MIB_MIN << 11) - 2048));
    assert!(bytes[462..510].iter().all(|byte| *byte == 0));
    assert_eq!(bytes[510..512], [0x55, 0xaa]);
}

#[test]
fn the_same_files_make_the_same_card() {
    let (one, two) = (Folder::new(), Folder::new());
    assert!(fs::read(card(&one)).expect("there") == fs::read(card(&two)).expect("there"));
}

#[test]
fn what_is_on_the_card_can_be_read_back() {
    let folder = Folder::new();
    let card = card(&folder);
    assert!(read(&card, KERNEL).expect("there") == kernel());
    assert_eq!(read(&card, "cmdline.txt").expect("there"), b"ip=dhcp\n");
    assert!(read(&card, "start.elf").is_err());
    fs::write(&card, vec![0; 4096]).expect("writable");
    assert!(read(&card, KERNEL).is_err(), "no card");
}

#[test]
fn files_that_do_not_fit_are_an_error() {
    let folder = Folder::new();
    let large = [Entry::new("large", vec![1; 41 << 20])];
    assert!(make(&folder.join("card.img"), fat::MIB_MIN, &large).is_err());
}

#[test]
fn the_firmware_is_told_what_the_image_needs() {
    let mut lines = CONFIG.lines();
    for line in [
        "arm_64bit=1",
        "kernel=kernel8.img",
        "kernel_address=0x80000",
        "enable_uart=1",
        "uart_2ndstage=0",
        "gpu_mem=16",
        "disable_splash=1",
        "boot_delay=0",
    ] {
        assert!(lines.any(|found| found == line), "{line}, in this order");
    }
    // Longer lines are cut off by the firmware; a comment behind a value would be part of it.
    assert!(CONFIG.lines().all(|line| line.len() <= 98));
    assert!(CONFIG.lines().all(|line| line.starts_with('#') || !line.contains(['#', ' '])));
    assert_eq!(CONFIG.find(KERNEL).map(|_| LINKED_AT), Some(0x80000));
}

#[test]
fn a_command_line_is_one_line() {
    let line = |text| ours(Vec::new(), Some(text)).map(|entries| entries[2].bytes.clone());
    assert_eq!(line("ip=off").expect("one line"), b"ip=off\n");
    assert!(line("ip=dhcp\nhostname=x").is_err());
    assert!(line(&"x".repeat(1024)).is_err());
}

#[test]
fn a_kernel_is_started_where_it_was_put() {
    let folder = Folder::new();
    let card = card(&folder);
    let line = |address| machine(&card, address, &folder).expect("made").arguments().join(" ");
    let kernel = folder.join(KERNEL).display().to_string();
    assert!(line(LINKED_AT).contains(&format!("-kernel {kernel} ")));
    let elsewhere = line(0x20_0000);
    assert!(elsewhere.contains("jump.img "), "{elsewhere}");
    assert!(elsewhere.ends_with(&format!("loader,file={kernel},addr=0x200000,force-raw=on")));
    // movz x4, #0x20, lsl #16; movk x4, #0; br x4
    let expected = [0xd2a0_0404_u32, 0xf280_0004, 0xd61f_0080].map(u32::to_le_bytes).concat();
    assert_eq!(fs::read(folder.join("jump.img")).expect("there"), expected);
}
