//! `cargo xtask witness`: other systems' drivers against the model of the LAN9514.
//!
//! Model and driver of this repository could be wrong together. So the model is also driven by what
//! nobody here wrote: Linux's dwc2 and smsc95xx, and U-Boot's, both as Debian ships them, both in
//! the same QEMU. Where they disagree with the model, the model is wrong.
//!
//! ```text
//!   Linux, U-Boot ── DWC2 of QEMU ── usb-redir ══ tools/usbredir ── one datagram a frame ──┐
//!                                                                    QEMU's user network ──┘
//! ```
//!
//! Nothing here needs root: packages are downloaded with an apt state of our own and unpacked into
//! `target/witness`; all traffic stays in QEMU's user-mode network and on 127.0.0.1.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::error::{Error, Result};
use crate::install::{self, Ask};
use crate::qemu::{Attachment, Machine, USER_NET_GUEST};
use crate::{lint, qemu, workspace};

pub(crate) mod bench;
mod cpio;
mod guest;
mod linux;
mod packages;
mod uboot;
pub(crate) mod web;

use bench::{Adapter, Bench};
use guest::Guest;
pub use linux::{PAGE_BYTES, Place};
use packages::Packages;

/// Who bears witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Who {
    /// Debian's kernel: dwc2, usbnet, smsc95xx.
    Linux,
    /// Debian's U-Boot for the Pi 3.
    Uboot,
}

/// Which witnesses are heard, and on what.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// One of them; both without
    #[arg(value_enum)]
    pub who: Option<Who>,
    /// Put QEMU's full-speed hub between the root port and the adapter
    #[arg(long)]
    pub hub: bool,
    /// QEMU's own usb-net instead of the model, as a check of everything else; Linux only
    #[arg(long)]
    pub usb_net: bool,
    /// Record the USB controller's registers in target/witness/NAME.trace, for `cargo xtask lint`
    #[arg(long)]
    pub trace: bool,
}

/// Bytes that are moved each way by Linux, and one way by U-Boot.
const LINUX_BYTES: usize = 8 << 20;
const UBOOT_BYTES: usize = 2 << 20;

/// Something that was seen: what, and how it came out.
type Row = (&'static str, String);

/// Hears the witnesses.
///
/// # Errors
/// If something is missing, or a witness did not get through; with the end of its console.
pub fn run(options: &Options) -> Result<()> {
    let witnesses = match (options.who, options.usb_net) {
        (Some(Who::Uboot), true) => {
            return Err(Error::new(
                "U-Boot has no driver for usb-net; it is built for the Pi's own",
            ));
        }
        (None, true) => vec![Who::Linux],
        (Some(who), _) => vec![who],
        (None, false) => vec![Who::Linux, Who::Uboot],
    };
    install::qemu(Ask::AtTerminal)?;
    if !options.usb_net && !qemu::has_device("usb-redir")? {
        return Err(Error::new("this QEMU has no usb-redir device (Debian: qemu-system-common)"));
    }
    let folder = workspace::target().join("witness");
    let packages = Packages::fetch(&folder)?;
    for who in witnesses {
        let name = who.name();
        println!("== {name} {}", packages.version(who));
        let rows = hear(who, options, &folder, &packages)?;
        for (what, seen) in rows {
            println!("  {what:<22} {seen}");
        }
    }
    Ok(())
}

/// A machine with Debian's Linux in it, its console on QEMU's standard streams, for an adapter to
/// be plugged in; downloaded, if it was not before.
///
/// # Errors
/// If something is missing.
pub fn linux(place: Place) -> Result<Machine> {
    let folder = workspace::target().join("witness");
    linux::machine(&folder, &Packages::fetch(&folder)?, place)
}

impl Who {
    fn name(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Uboot => "u-boot",
        }
    }
}

fn hear(who: Who, options: &Options, folder: &Path, packages: &Packages) -> Result<Vec<Row>> {
    let eeprom_mac = (who == Who::Uboot).then_some(uboot::MAC);
    let adapter = if options.usb_net { Adapter::UsbNet } else { Adapter::Lan9514 };
    let place = if options.hub { Attachment::Hub } else { Attachment::RootPort };
    let bench = Bench::new(adapter, place, eeprom_mac)?;
    let data = data(if who == Who::Linux { LINUX_BYTES } else { UBOOT_BYTES });
    let mut machine = match who {
        Who::Linux => {
            let fetch = Some(web::serve(data.clone())?);
            let place = Place { address: USER_NET_GUEST, host: bench::HOST, fetch };
            bench.plug(linux::machine(folder, packages, place)?, None)
        }
        Who::Uboot => uboot::machine(&bench, folder, packages, &data)?,
    };
    if options.trace {
        let trace = trace_path(folder, who);
        for argument in lint::trace_arguments(&trace) {
            machine = machine.argument(argument);
        }
        println!("  registers are recorded in {}", workspace::shown(&trace));
    }
    let mut guest = Guest::start(&machine, &folder.join(format!("{}.log", who.name())))?;
    let seen = match who {
        Who::Linux => linux::hear(&mut guest, &bench, &data),
        Who::Uboot => uboot::hear(&mut guest, &data),
    };
    let mut rows = seen.map_err(|error| guest.explain(&error))?;
    rows.extend(bench.statistics().map(|seen| ("model", seen)));
    Ok(rows)
}

fn trace_path(folder: &Path, who: Who) -> PathBuf {
    folder.join(format!("{}.trace", who.name()))
}

/// The same bytes each time, none of them like another stretch (Marsaglia's xorshift): what the
/// image's `GET /bytes` sends.
pub fn data(bytes: usize) -> Vec<u8> {
    let mut word = 0x9e37_79b9_u32;
    let words = std::iter::repeat_with(|| {
        word ^= word << 13;
        word ^= word >> 17;
        word ^= word << 5;
        word.to_le_bytes()
    });
    words.flatten().take(bytes).collect()
}

/// CRC-32 as in IEEE 802.3, which both witnesses and the image can compute.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// Bytes in a time, for people.
fn rate(bytes: usize, time: Duration) -> String {
    let kib = bytes as f64 / 1024.0;
    format!("{kib:.0} KiB in {:.1} s, {:.0} KiB/s", time.as_secs_f64(), kib / time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_is_that_of_everybody_else() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn the_data_is_the_same_each_time_and_has_no_pattern() {
        let bytes = data(1 << 16);
        assert_eq!(bytes, data(1 << 16));
        assert_ne!(bytes[..1024], bytes[1024..2048]);
        let zeroes = bytes.iter().filter(|byte| **byte == 0).count();
        assert!((128..512).contains(&zeroes), "{zeroes} of 65,536, 256 are expected");
    }
}
