//! Devices of a made-up `/sys` and `/proc`.

use std::os::unix::fs::symlink;

use super::*;
use crate::sdcard::tests::Folder;

/// A machine with a card reader (sdb, with a card of two partitions) and a disk (sda).
struct Desk(Folder);

impl Desk {
    fn new() -> Self {
        let desk = Self(Folder::new());
        desk.file("sys/block/sdb/size", "62333952\n");
        desk.file("sys/block/sdb/dev", "8:16\n");
        desk.file("sys/block/sdb/ro", "0\n");
        desk.file("sys/block/sdb/removable", "1\n");
        desk.file("sys/block/sdb/device/vendor", "Generic \n");
        desk.file("sys/block/sdb/device/model", "SD/MMC Reader   \n");
        for (number, sectors) in [(1, "524288"), (2, "61801472")] {
            desk.file(&format!("sys/block/sdb/sdb{number}/partition"), &number.to_string());
            desk.file(&format!("sys/block/sdb/sdb{number}/size"), sectors);
            desk.file(&format!("sys/block/sdb/sdb{number}/dev"), &format!("8:{}\n", 16 + number));
        }
        fs::create_dir_all(desk.0.join("sys/dev/block")).expect("writable");
        symlink("../../block/sdb", desk.0.join("sys/dev/block/8:16")).expect("writable");
        symlink("../../block/sdb/sdb1", desk.0.join("sys/dev/block/8:17")).expect("writable");
        let root = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n";
        desk.file("proc/self/mountinfo", root);
        desk.file("proc/swaps", "Filename\t\tType\n/dev/sda2 partition 1 0 -2\n");
        desk
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().expect("inside")).expect("writable");
        fs::write(path, text).expect("writable");
    }

    fn inspect(&self, number: &str) -> Result<Device> {
        let (sys, proc) = (self.0.join("sys"), self.0.join("proc"));
        let device = System { sys: &sys, proc: &proc }.device("/dev/sdb".into(), number)?;
        device.may_be_written()?;
        Ok(device)
    }

    fn refused(&self) -> String {
        self.inspect("8:16").expect_err("in use").to_string()
    }
}

#[test]
fn a_card_nobody_uses_is_shown_and_may_be_written() {
    let device = Desk::new().inspect("8:16").expect("free");
    let shown = "/dev/sdb: Generic SD/MMC Reader, 31.9 GB, removable\n  sdb1: 268.4 MB\n  \
                 sdb2: 31.6 GB";
    assert_eq!(device.to_string(), shown);
    assert_eq!(device.name, "sdb");
}

#[test]
fn a_partition_is_no_card() {
    let error = Desk::new().inspect("8:17").expect_err("a partition").to_string();
    assert!(error.ends_with("is a partition; the whole card is /dev/sdb"), "{error}");
    assert!(Desk::new().inspect("9:9").is_err(), "nothing is there");
}

#[test]
fn what_is_mounted_is_refused() {
    let desk = Desk::new();
    desk.file("proc/self/mountinfo", "30 22 8:17 / /media/my\\040card rw - vfat /dev/sdb1 rw\n");
    let error = desk.refused();
    assert!(error.contains("31.9 GB"), "the device is shown: {error}");
    assert!(error.ends_with("in use:\n  sdb1 is mounted at /media/my card"), "{error}");
    // By its source alone, as a btrfs shows.
    desk.file("proc/self/mountinfo", "30 22 0:42 / /home rw - btrfs /dev/sdb2 rw\n");
    assert!(desk.refused().ends_with("sdb2 is mounted at /home"));
    // Without a partition.
    desk.file("proc/self/mountinfo", "30 22 8:16 / /x rw shared:1 master:2 - ext4 /dev/sdb rw\n");
    assert!(desk.refused().ends_with("sdb is mounted at /x"));
}

#[test]
fn swap_and_what_carries_other_devices_is_refused() {
    let desk = Desk::new();
    desk.file("proc/swaps", "Filename\n/dev/sdb2 partition 1 0 -2\n");
    assert!(desk.refused().ends_with("sdb2 is swap"));
    let desk = Desk::new();
    desk.file("sys/block/sdb/sdb2/holders/dm-0", "");
    assert!(desk.refused().ends_with("sdb2 is part of dm-0"));
}

#[test]
fn what_cannot_be_written_is_refused() {
    let desk = Desk::new();
    desk.file("sys/block/sdb/ro", "1\n");
    assert!(desk.refused().ends_with("it is write-protected"));
    let desk = Desk::new();
    desk.file("sys/block/sdb/size", "0\n");
    assert!(desk.refused().ends_with("no card is in it"));
}

#[test]
fn without_knowing_who_uses_it_nothing_is_written() {
    let desk = Desk::new();
    fs::remove_file(desk.0.join("proc/swaps")).expect("there");
    assert!(desk.inspect("8:16").is_err());
}

#[test]
fn only_the_name_confirms() {
    let device = Desk::new().inspect("8:16").expect("free");
    assert_eq!(device.confirm(&mut "sdb\n".as_bytes()), Ok(()));
    for answer in ["", "\n", "y\n", "yes\n", "sda\n", "/dev/sdb\n", "sdb1\n"] {
        assert!(device.confirm(&mut answer.as_bytes()).is_err(), "{answer:?}");
    }
}

#[test]
fn a_file_is_no_device() {
    let folder = Folder::new();
    fs::write(folder.join("x"), "x").expect("writable");
    let error = Device::inspect(&folder.join("x")).expect_err("a file").to_string();
    assert!(error.contains("is no block device"), "{error}");
    assert!(Device::inspect(&folder.join("y")).is_err(), "nothing is there");
}

#[test]
fn an_image_that_does_not_fit_is_not_begun() {
    let folder = Folder::new();
    fs::write(folder.join("image"), vec![7; 1000]).expect("writable");
    fs::write(folder.join("disk"), "").expect("writable");
    let mut device = Desk::new().inspect("8:16").expect("free");
    device.path = folder.join("disk");
    device.bytes = 999;
    assert!(device.write_confirmed(&folder.join("image")).is_err());
    assert_eq!(fs::read(&device.path).expect("there").len(), 0);
    device.bytes = 1000;
    assert_eq!(device.write_confirmed(&folder.join("image")), Ok(()));
    assert_eq!(fs::read(&device.path).expect("there"), [7; 1000]);
}
