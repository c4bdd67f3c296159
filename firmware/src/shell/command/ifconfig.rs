//! `ifconfig`: the network interfaces, as net-tools 2.10 prints them.

use core::fmt;

use smoltcp::wire::{EthernetAddress, Ipv4Address, Ipv4Cidr};

use super::{About, Argument, Arguments, Context, FAILURE, Misuse, Operands, Outcome, SUCCESS};
use super::{Then, Wrong, flag};
use crate::Text;
use crate::limits::{FRAME_BYTES_MAX, SHELL_TEXT_BYTES};
use crate::status::{Direction, Mac, Status};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[-a] [-s] [INTERFACE]",
    summary: "show the network interfaces",
    options: &[
        flag("a", "", "all interfaces, also those that are down"),
        flag("s", "", "a short list, as netstat -i prints it"),
        flag("v", "", "be verbose"),
    ],
    operands: Operands::Interfaces,
    misuse: Misuse { status: 1, complain: not_recognised, then: Then::Text(HINT) },
    ..About::NEW
};

/// net-tools reads its options without getopt, and says so.
fn not_recognised(out: &mut dyn fmt::Write, name: &str, wrong: &Wrong<'_>) -> fmt::Result {
    match wrong {
        Wrong::Letter(letter) => writeln!(out, "{name}: option `-{letter}' not recognised."),
        Wrong::Name(long) => writeln!(out, "{name}: option `--{long}' not recognised."),
        other => writeln!(out, "{name}: {other}"),
    }
}

/// Bytes of an Ethernet header: a frame without it is what the MTU counts.
const ETHERNET_HEADER_BYTES: usize = 14;
/// The MTU of Linux's loopback interface.
const LOOPBACK_MTU: usize = 65536;
/// Linux's default queue length, of Ethernet and loopback.
const QUEUE_LENGTH: u32 = 1000;

/// Interface flags with Linux's values (`if.h`), names, and letters of the short list, in the
/// tools' order.
const FLAGS: [(u32, &str, char); 5] = [
    (UP, "UP", 'U'),
    (BROADCAST, "BROADCAST", 'B'),
    (LOOPBACK, "LOOPBACK", 'L'),
    (RUNNING, "RUNNING", 'R'),
    (MULTICAST, "MULTICAST", 'M'),
];
const UP: u32 = 1;
const BROADCAST: u32 = 2;
const LOOPBACK: u32 = 8;
const RUNNING: u32 = 64;
const MULTICAST: u32 = 4096;

/// An interface as the tool sees it.
struct Interface {
    name: &'static str,
    flags: u32,
    mtu: usize,
    address: Option<Ipv4Cidr>,
    /// None: the loopback interface.
    mac: Option<EthernetAddress>,
    received: Direction,
    sent: Direction,
    collisions: u64,
}

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let mut wanted = None;
    let mut short = false;
    for argument in arguments {
        match argument {
            Argument::Option("s", _) => short = true,
            // Neither interface is ever down here, and there is nothing more to say.
            Argument::Option(..) => {}
            Argument::Operand(name) if wanted.is_none() => wanted = Some(name),
            Argument::Operand(_) => {
                context
                    .write(
                        "ifconfig: an interface cannot be changed here: \
                         its address comes from ip= in cmdline.txt\n",
                    )
                    .await;
                return FAILURE;
            }
        }
    }
    show(context, wanted, short).await
}

const HINT: &str = "ifconfig: `--help' gives usage information.\n";

async fn show(context: &Context<'_>, wanted: Option<&str>, short: bool) -> Outcome {
    let interfaces = [ethernet(&context.system.status()), Some(loopback())];
    let mut chosen = interfaces
        .iter()
        .flatten()
        .filter(|interface| wanted.is_none_or(|name| name == interface.name))
        .peekable();
    if let (None, Some(name)) = (chosen.peek(), wanted) {
        context
            .print(format_args!("{name}: error fetching interface information: Device not found\n"))
            .await;
        return FAILURE;
    }
    if short {
        context.write(SHORT_HEADER).await;
    }
    for interface in chosen {
        let mut text = Text::<{ 2 * SHELL_TEXT_BYTES }>::new();
        // A Text never fails, and the longest interface fits (tested).
        let _ = if short { interface.short(&mut text) } else { interface.long(&mut text) };
        context.write(&text).await;
    }
    SUCCESS
}

/// `eth0`, if there is a network interface.
fn ethernet(status: &Status) -> Option<Interface> {
    let nic = status.nic.as_ref()?;
    let running = if status.link.is_up() { RUNNING } else { 0 };
    Some(Interface {
        name: "eth0",
        flags: UP | BROADCAST | MULTICAST | running,
        mtu: FRAME_BYTES_MAX - ETHERNET_HEADER_BYTES,
        address: status.address.as_ref().map(|address| address.address),
        mac: Some(nic.mac),
        received: status.received,
        sent: status.sent,
        collisions: status.nic_counters.collisions,
    })
}

/// `lo`, which nothing passes through.
fn loopback() -> Interface {
    Interface {
        name: "lo",
        flags: UP | LOOPBACK | RUNNING,
        mtu: LOOPBACK_MTU,
        address: Some(Ipv4Cidr::new(Ipv4Address::LOCALHOST, 8)),
        mac: None,
        received: Direction::default(),
        sent: Direction::default(),
        collisions: 0,
    }
}

impl Interface {
    /// The paragraph of `ifconfig`. The single blank after the dropped of TX is the tool's own.
    fn long(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write!(out, "{}: flags={}<", self.name, self.flags)?;
        let mut comma = "";
        for (_, name, _) in FLAGS.iter().filter(|(bit, ..)| self.flags & bit != 0) {
            write!(out, "{comma}{name}")?;
            comma = ",";
        }
        writeln!(out, ">  mtu {}", self.mtu)?;
        if let Some(address) = self.address {
            write!(out, "        inet {}  netmask {}", address.address(), address.netmask())?;
            if self.flags & BROADCAST != 0 {
                // A /31 or /32 has none; the tool prints zeros.
                let broadcast = address.broadcast().unwrap_or(Ipv4Address::UNSPECIFIED);
                write!(out, "  broadcast {broadcast}")?;
            }
            out.write_str("\n")?;
        }
        match self.mac {
            Some(mac) => {
                write!(out, "        ether ")?;
                write!(out, "{}", Mac(mac))?;
                writeln!(out, "  txqueuelen {QUEUE_LENGTH}  (Ethernet)")?;
            }
            None => writeln!(out, "        loop  txqueuelen {QUEUE_LENGTH}  (Local Loopback)")?,
        }
        let Direction { packets, bytes, errors, dropped, overruns, frame } = self.received;
        writeln!(out, "        RX packets {packets}  bytes {bytes} ({})", Size(bytes))?;
        write!(out, "        RX errors {errors}  dropped {dropped}  overruns {overruns}  ")?;
        writeln!(out, "frame {frame}")?;
        let Direction { packets, bytes, errors, dropped, overruns, frame: carrier } = self.sent;
        writeln!(out, "        TX packets {packets}  bytes {bytes} ({})", Size(bytes))?;
        write!(out, "        TX errors {errors}  dropped {dropped} overruns {overruns}  ")?;
        write!(out, "carrier {carrier}  collisions {}\n\n", self.collisions)
    }

    /// The row of `ifconfig -s`.
    fn short(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write!(out, "{:<15} {:>5}", self.name, self.mtu)?;
        for side in [&self.received, &self.sent] {
            write!(out, " {:>8} {:>6} {:>6}", side.packets, side.errors, side.dropped)?;
            // Only the receive side's last column is set to the left.
            if core::ptr::eq(side, &self.received) {
                write!(out, " {:<6}", side.overruns)?;
            } else {
                write!(out, " {:>6} ", side.overruns)?;
            }
        }
        // Alphabetical: B L M R U.
        for letter in ['B', 'L', 'M', 'R', 'U'] {
            if FLAGS.iter().any(|(bit, _, flag)| *flag == letter && self.flags & bit != 0) {
                out.write_char(letter)?;
            }
        }
        out.write_str("\n")
    }
}

const SHORT_HEADER: &str = "Iface      MTU    RX-OK RX-ERR RX-DRP RX-OVR    \
                            TX-OK TX-ERR TX-DRP TX-OVR Flg\n";

/// A number of bytes as `3.1 KiB`: one decimal, truncated. Exactly 1024 are still `1024.0 B`, as in
/// the tool.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        let mut unit = 0;
        while unit + 1 < UNITS.len() && self.0 > 1 << (10 * (unit + 1)) {
            unit += 1;
        }
        let tenths = (u128::from(self.0) * 10) >> (10 * unit);
        write!(f, "{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::String;

    use super::*;

    fn eth0() -> Interface {
        Interface {
            name: "eth0",
            flags: UP | BROADCAST | RUNNING | MULTICAST,
            mtu: 1500,
            address: Some(Ipv4Cidr::new(Ipv4Address::new(192, 168, 1, 42), 24)),
            mac: Some(EthernetAddress([0xb8, 0x27, 0xeb, 0x12, 0x34, 0x56])),
            received: Direction { packets: 22, bytes: 3227, ..Direction::default() },
            sent: Direction { packets: 29, bytes: 2214, ..Direction::default() },
            collisions: 0,
        }
    }

    fn long(interface: &Interface) -> String {
        let mut text = String::new();
        interface.long(&mut text).unwrap();
        text
    }

    /// What net-tools 2.10 printed for such an interface (of which the inet6 line is left out).
    const ETH0: &str = "\
eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500
        inet 192.168.1.42  netmask 255.255.255.0  broadcast 192.168.1.255
        ether b8:27:eb:12:34:56  txqueuelen 1000  (Ethernet)
        RX packets 22  bytes 3227 (3.1 KiB)
        RX errors 0  dropped 0  overruns 0  frame 0
        TX packets 29  bytes 2214 (2.1 KiB)
        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0

";

    /// And for the loopback interface without IPv6.
    const LO: &str = "\
lo: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536
        inet 127.0.0.1  netmask 255.0.0.0
        loop  txqueuelen 1000  (Local Loopback)
        RX packets 0  bytes 0 (0.0 B)
        RX errors 0  dropped 0  overruns 0  frame 0
        TX packets 0  bytes 0 (0.0 B)
        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0

";

    #[test]
    fn as_net_tools_prints_it() {
        assert_eq!(long(&eth0()), ETH0);
        assert_eq!(long(&loopback()), LO);
    }

    #[test]
    fn without_link_or_address_or_broadcast() {
        let down = Interface { flags: UP | BROADCAST | MULTICAST, address: None, ..eth0() };
        let text = long(&down);
        assert!(
            text.starts_with("eth0: flags=4099<UP,BROADCAST,MULTICAST>  mtu 1500\n        ether")
        );
        let host =
            Interface { address: eth0().address.map(|a| Ipv4Cidr::new(a.address(), 32)), ..eth0() };
        assert!(
            long(&host).contains("inet 192.168.1.42  netmask 255.255.255.255  broadcast 0.0.0.0\n")
        );
    }

    #[test]
    fn the_short_list_as_net_tools_prints_it() {
        let received = Direction { packets: 5299, ..Direction::default() };
        let sent = Direction { packets: 3622, ..Direction::default() };
        let mut text = String::from(SHORT_HEADER);
        Interface { mtu: 1400, received, sent, ..eth0() }.short(&mut text).unwrap();
        let both = Direction { packets: 29, ..Direction::default() };
        Interface { received: both, sent: both, ..loopback() }.short(&mut text).unwrap();
        let expected = "\
Iface      MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg
eth0             1400     5299      0      0 0          3622      0      0      0 BMRU
lo              65536       29      0      0 0            29      0      0      0 LRU
";
        assert_eq!(text, expected);
    }

    #[test]
    fn sizes_are_truncated() {
        let rows = [
            (0, "0.0 B"),
            (90, "90.0 B"),
            (1024, "1024.0 B"),
            (1025, "1.0 KiB"),
            (423_175, "413.2 KiB"),
            (101_180_250, "96.4 MiB"),
            (u64::MAX, "16383.9 PiB"),
        ];
        for (bytes, expected) in rows {
            assert_eq!(format!("{}", Size(bytes)), expected);
        }
    }

    #[test]
    fn the_longest_interface_fits() {
        let most = Direction {
            packets: u64::MAX,
            bytes: u64::MAX,
            errors: u64::MAX,
            dropped: u64::MAX,
            overruns: u64::MAX,
            frame: u64::MAX,
        };
        let text = long(&Interface { received: most, sent: most, collisions: u64::MAX, ..eth0() });
        assert!(text.len() <= 2 * SHELL_TEXT_BYTES, "{} bytes", text.len());
    }
}
