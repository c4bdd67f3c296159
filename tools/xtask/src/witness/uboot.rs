//! U-Boot: its console is typed on, as a person would.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::bench::{Bench, HOST};
use super::guest::Guest;
use super::packages::Packages;
use super::{Row, crc32, rate};
use crate::error::{Context, Error, Result};
use crate::qemu::{Machine, Serial, USER_NET_GUEST};

/// In the chip's EEPROM: U-Boot has the Pi's own address for `eth0` and calls this device `eth1`.
pub const MAC: [u8; 6] = [2, 0xba, 0x5e, 0, 0, 1];
/// The build for the Pi 3.
const PROGRAM: &str = "usr/lib/u-boot/rpi_3/u-boot.bin";
/// What it says when it listens.
const PROMPT: &str = "U-Boot> ";
/// Where the file goes in memory: far from U-Boot, which moves itself to the end.
const ADDRESS: u32 = 0x0100_0000;
/// The file's name on the TFTP server.
const FILE: &str = "witness.bin";
/// `usb start` and its waits come before the prompt.
const BOOT_MAX: Duration = Duration::from_secs(120);
/// A command that only asks.
const COMMAND_MAX: Duration = Duration::from_secs(60);
/// Moving the data.
const TRANSFER_MAX: Duration = Duration::from_secs(300);

/// A machine with U-Boot in it, and a TFTP server with the data.
pub fn machine(bench: &Bench, folder: &Path, packages: &Packages, data: &[u8]) -> Result<Machine> {
    let served = folder.join("tftp");
    let what = || format!("write {}", served.display());
    fs::create_dir_all(&served).context(what)?;
    fs::write(served.join(FILE), data).context(what)?;
    // Its console is the mini UART, the second of QEMU's serial ports.
    let machine = Machine::new(packages.path(PROGRAM)).log(Serial::Stdio);
    Ok(bench.plug(machine, Some(&served)))
}

/// Types, and listens until the file has come.
pub fn hear(guest: &mut Guest, data: &[u8]) -> Result<Vec<Row>> {
    let started = Instant::now();
    guest.expect("Hit any key to stop autoboot", BOOT_MAX)?;
    guest.type_keys(" ")?;
    guest.expect(PROMPT, COMMAND_MAX)?;
    let mut rows: Vec<Row> =
        vec![("booted", format!("{:.1} s, USB scan included", started.elapsed().as_secs_f64()))];
    let tree = command(guest, "usb tree", COMMAND_MAX)?;
    let device = line_with(&tree, "Vendor specific")?;
    let device = device.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    rows.push(("on the bus", device.into()));
    command(guest, "setenv autoload no", COMMAND_MAX)?;
    let dhcp = command(guest, "dhcp", COMMAND_MAX)?;
    let bound = line_with(&dhcp, "DHCP client bound to address")?;
    if !bound.contains(&USER_NET_GUEST.to_string()) {
        return Err(Error::new(format!("not the address that was offered: {bound}")));
    }
    rows.push(("DHCP", bound));
    let ping = command(guest, &format!("ping {HOST}"), COMMAND_MAX)?;
    rows.push(("ping", line_with(&ping, "is alive")?));
    command(guest, &format!("setenv serverip {HOST}"), COMMAND_MAX)?;
    let from = Instant::now();
    let tftp = command(guest, &format!("tftpboot {ADDRESS:#x} {FILE}"), TRANSFER_MAX)?;
    let time = from.elapsed();
    line_with(&tftp, &format!("Bytes transferred = {} ", data.len()))?;
    let sum = command(guest, &format!("crc32 {ADDRESS:#x} {:#x}", data.len()), COMMAND_MAX)?;
    let expected = format!("==> {:08x}", crc32(data));
    if !sum.contains(&expected) {
        return Err(Error::new(format!("the file came wrong: {}, not {expected}", sum.trim())));
    }
    rows.push(("TFTP to U-Boot", format!("{}, crc32 right", rate(data.len(), time))));
    Ok(rows)
}

/// Types a command and returns what it said.
fn command(guest: &mut Guest, line: &str, limit: Duration) -> Result<String> {
    guest.type_keys(&format!("{line}\n"))?;
    // What is typed comes back first.
    guest.expect("\n", limit)?;
    guest.expect(PROMPT, limit)
}

/// The line with these words.
fn line_with(text: &str, words: &str) -> Result<String> {
    let line = text.lines().find(|line| line.contains(words));
    let line = line.ok_or_else(|| Error::new(format!("no {words:?} in what U-Boot said")))?;
    Ok(line.trim().to_string())
}
