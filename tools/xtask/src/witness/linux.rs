//! Linux: Debian's kernel, its modules, and a busybox that tells what it sees.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use super::bench::Bench;
use super::cpio::Writer;
use super::guest::Guest;
use super::packages::Packages;
use super::{Row, crc32, rate, web};
use crate::error::{Context, Error, Result};
use crate::qemu::{Machine, Serial};

/// The modules, in the order in which they need each other.
const MODULES: [&str; 15] = [
    "usb-common",
    "usbcore",
    "roles",
    "udc-core",
    "libphy",
    "selftests",
    "crc16",
    "smsc",
    "mii",
    "usbnet",
    "cdc_ether",
    "smsc95xx",
    "fixed_phy",
    "phy-generic",
    "dwc2",
];
/// The board's device tree as Linux itself has it: the controller is in host mode there.
const TREE: &str = "bcm2837-rpi-3-b.dtb";
/// A kernel of 33 MB and its modules, emulated.
const BOOT_MAX: Duration = Duration::from_secs(180);
/// The PHY, and an answer to ping.
const LINK_MAX: Duration = Duration::from_secs(60);
/// Moving the data.
const TRANSFER_MAX: Duration = Duration::from_secs(300);
/// Echo requests.
const PINGS: usize = 20;
/// Bytes of a page that costs next to nothing to make.
pub const PAGE_BYTES: usize = 1024;

/// Where a Linux is, and what it is to do there.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its address.
    pub address: Ipv4Addr,
    /// The address of its peer and router, in a network of 24 bits.
    pub host: Ipv4Addr,
    /// The port of the peer's HTTP server, from which it fetches the data at once; or else it says
    /// `witness: obeys: ready` and fetches when it is told to.
    pub fetch: Option<u16>,
}

/// What runs as process 1. It says `witness: WHAT: HOW` and is never shut down.
///
/// Its web server has a small page, `/page`, what was fetched, `/data`, and a page
/// `/cgi-bin/fetch?PORT`, which fetches it from that port and answers `BYTES bytes, crc32 SUM`.
/// (Its console hears nothing: to Linux the PL011 belongs to the Bluetooth chip.)
fn init() -> String {
    let modules = MODULES.join(" ");
    format!(
        r#"#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t tmpfs none /www
say() {{ echo "witness: $*"; }}
for word in $(cat /proc/cmdline); do
  case $word in address=*|host=*|fetch=*) eval "$word" ;; esac
done
for module in {modules}; do
  insmod /modules/$module.ko || say "error: $module does not load"
done
seconds=0
while [ -z "$name" ] && [ $seconds -lt 60 ]; do
  sleep 1; seconds=$((seconds + 1))
  # usb0, if its address is a local one and it is no smsc95xx.
  name=$(cd /sys/class/net; ls -d eth0 usb0 2> /dev/null | head -n 1)
done
[ -n "$name" ] || {{ say "driver: none"; exec sleep 1000; }}
net=/sys/class/net/$name
say "driver: $(basename $(readlink $net/device/driver)), interface $name"
ip link set lo up
ip link set $name up
ip address add $address/24 dev $name
ip route add default via $host
seconds=0
while [ "$(cat $net/carrier)" != 1 ] && [ $seconds -lt 60 ]; do
  sleep 1; seconds=$((seconds + 1))
done
say "link: carrier $(cat $net/carrier), $(cat $net/speed 2>&1) Mbit/s, $(cat $net/duplex 2>&1)"
mkdir /www/cgi-bin
head -c {PAGE_BYTES} /dev/zero > /www/page
cat > /bin/take << END
#!/bin/sh
wget -q -O /www/data http://$host:\$1/data
echo "\$(wc -c < /www/data) bytes, crc32 \$(crc32 /www/data | cut -c 1-8)"
END
cat > /www/cgi-bin/fetch << 'END'
#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n'
/bin/take $QUERY_STRING
END
chmod +x /bin/take /www/cgi-bin/fetch
httpd -p 80 -h /www
if [ -z "$fetch" ]; then
  say "obeys: ready"
  while true; do sleep 60; done
fi
ping -c {PINGS} -i 0.2 -W 5 $host | tail -n 2 | while read line; do say "ping: $line"; done
say "pinged: done"
say "received: $(take $fetch)"
cd $net/statistics
say "errors: $(cat rx_errors) in, $(cat tx_errors) out, $(cat rx_dropped) dropped"
say "served: ready"
while true; do sleep 60; done
"#
    )
}

/// A machine with Linux in it, and no adapter plugged in yet.
pub fn machine(folder: &Path, packages: &Packages, place: Place) -> Result<Machine> {
    let archive = folder.join("initramfs.cpio");
    let bytes = initramfs(packages)?;
    fs::write(&archive, bytes).context(|| format!("write {}", archive.display()))?;
    let tree = packages.find(TREE)?;
    let machine = Machine::new(packages.kernel()?).console(Serial::Stdio);
    let arguments = [
        ["-initrd", &archive.display().to_string()],
        ["-dtb", &tree.display().to_string()],
        ["-append", &place.command_line()],
    ];
    Ok(arguments
        .into_iter()
        .fold(machine, |machine, [option, value]| machine.argument(option).argument(value)))
}

impl Place {
    /// The kernel command line.
    fn command_line(&self) -> String {
        let Self { address, host, fetch } = self;
        let kernel = "console=ttyAMA0,115200 loglevel=4 panic=-1";
        let fetch = fetch.map(|port| format!(" fetch={port}")).unwrap_or_default();
        format!("{kernel} address={address} host={host}{fetch}")
    }
}

fn initramfs(packages: &Packages) -> Result<Vec<u8>> {
    let read = |path: &Path| fs::read(path).context(|| format!("read {}", path.display()));
    let mut archive = Writer::default();
    for folder in ["bin", "dev", "modules", "proc", "sys", "www"] {
        archive.folder(folder);
    }
    archive.console("dev/console");
    archive.file("init", init().as_bytes());
    archive.file("bin/busybox", &read(&packages.path("bin/busybox"))?);
    for module in MODULES {
        let name = format!("{module}.ko");
        archive.file(&format!("modules/{name}"), &read(&packages.find(&name)?)?);
    }
    Ok(archive.finish())
}

/// Listens until Linux has moved the data both ways.
pub fn hear(guest: &mut Guest, bench: &Bench, data: &[u8]) -> Result<Vec<Row>> {
    let started = Instant::now();
    let mut rows: Vec<Row> = Vec::new();
    let driver = guest.rest_of_line("witness: driver: ", BOOT_MAX)?;
    rows.push(("booted", format!("{:.1} s", started.elapsed().as_secs_f64())));
    rows.push(("driver", driver));
    let link = guest.rest_of_line("witness: link: ", LINK_MAX)?;
    if !link.starts_with("carrier 1") {
        return Err(Error::new(format!("the link did not come up: {link}")));
    }
    rows.push(("link", link));
    let pings = guest.expect("witness: pinged", LINK_MAX)?;
    let pings: Vec<_> = pings
        .lines()
        .filter_map(|line| Some(line.split_once("witness: ping: ")?.1.trim()))
        .collect();
    let lost = !pings.iter().any(|line| line.contains(&format!("{PINGS} packets received")));
    if lost {
        return Err(Error::new(format!("not every ping was answered: {}", pings.join("; "))));
    }
    rows.extend(pings.into_iter().map(|line| ("ping", line.to_string())));
    let from = Instant::now();
    let received = guest.rest_of_line("witness: received: ", TRANSFER_MAX)?;
    let expected = format!("{} bytes, crc32 {:08x}", data.len(), crc32(data));
    if received != expected {
        return Err(Error::new(format!("Linux received {received}; sent were {expected}")));
    }
    rows.push(("HTTP to Linux", format!("{}, crc32 right", rate(data.len(), from.elapsed()))));
    rows.push(("errors", guest.rest_of_line("witness: errors: ", LINK_MAX)?));
    guest.expect("witness: served: ready", LINK_MAX)?;
    let from = Instant::now();
    let back = web::fetch(bench.port, "/data")?;
    if back != data {
        return Err(Error::new(format!("{} bytes came back, and not the same ones", back.len())));
    }
    rows.push((
        "HTTP from Linux",
        format!("{}, every byte right", rate(back.len(), from.elapsed())),
    ));
    Ok(rows)
}
