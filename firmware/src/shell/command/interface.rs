//! An interface's state as text, in the three forms of `ifconfig`.

use core::fmt;

use smoltcp::wire::{IpAddress, IpCidr, Ipv4Address, Ipv4Cidr, Ipv6Address};

use crate::System;
use crate::net::{InterfaceStatus, Port};
use crate::status::{Direction, Mac};

/// An interface, and what only its driver knows.
pub struct Interface {
    pub status: InterfaceStatus,
    pub collisions: u64,
}

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

impl Interface {
    /// The board's interfaces.
    pub fn of(system: &System) -> heapless::Vec<Self, 2> {
        let collisions = system.status().nic_counters.collisions;
        let all = system.interfaces().into_iter();
        all.map(|status| {
            let collisions = if status.port == Port::Eth0 { collisions } else { 0 };
            Self { status, collisions }
        })
        .collect()
    }

    fn flags(&self) -> u32 {
        let InterfaceStatus { port, is_up, is_running, .. } = self.status;
        let kind = if port == Port::Lo { LOOPBACK } else { BROADCAST | MULTICAST };
        kind | if is_up { UP } else { 0 } | if is_up && is_running { RUNNING } else { 0 }
    }

    /// The names of its flags.
    fn flag_names(&self) -> impl Iterator<Item = &'static str> {
        let flags = self.flags();
        FLAGS.iter().filter(move |(bit, ..)| flags & bit != 0).map(|(_, name, _)| *name)
    }

    /// The first IPv4 address: the tool shows no more of them.
    fn v4(&self) -> Option<Ipv4Cidr> {
        self.status.addresses.iter().find_map(|address| match address.cidr {
            IpCidr::Ipv4(cidr) => Some(cidr),
            IpCidr::Ipv6(_) => None,
        })
    }

    /// Its broadcast address; the tool prints zeros for a /31 or /32, which has none.
    fn broadcast(&self) -> Option<Ipv4Address> {
        let broadcast = self.v4()?.broadcast().unwrap_or(Ipv4Address::UNSPECIFIED);
        (self.status.port == Port::Eth0).then_some(broadcast)
    }

    fn v6(&self) -> impl Iterator<Item = (Ipv6Address, u8, Scope)> {
        self.status.addresses.iter().filter_map(|address| match address.cidr.address() {
            IpAddress::Ipv6(v6) => Some((v6, address.cidr.prefix_len(), Scope::of(&v6))),
            IpAddress::Ipv4(_) => None,
        })
    }
}

/// How far an IPv6 address is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Host,
    Link,
    Global,
}

impl Scope {
    pub fn of(address: &Ipv6Address) -> Self {
        match address {
            _ if address.is_loopback() => Self::Host,
            _ if address.is_unicast_link_local() => Self::Link,
            _ => Self::Global,
        }
    }

    /// Linux's number, the tool's name, and that of the classic style.
    const fn names(self) -> (u32, &'static str, &'static str) {
        match self {
            Self::Host => (0x10, "host", "Host"),
            Self::Link => (0x20, "link", "Link"),
            Self::Global => (0, "global", "Global"),
        }
    }
}

/// The paragraph of net-tools 2.10.
pub struct Modern<'a>(pub &'a Interface);

impl fmt::Display for Modern<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Interface { status, collisions } = self.0;
        write!(f, "{}: flags={}<", status.port.name(), self.0.flags())?;
        for (index, name) in self.0.flag_names().enumerate() {
            write!(f, "{}{name}", if index > 0 { "," } else { "" })?;
        }
        writeln!(f, ">  mtu {}", status.mtu)?;
        if let Some(address) = self.0.v4() {
            write!(f, "        inet {}  netmask {}", address.address(), address.netmask())?;
            if let Some(broadcast) = self.0.broadcast() {
                write!(f, "  broadcast {broadcast}")?;
            }
            f.write_str("\n")?;
        }
        for (address, bits, scope) in self.0.v6() {
            let (number, name, _) = scope.names();
            write!(f, "        inet6 {address}  prefixlen {bits}  ")?;
            writeln!(f, "scopeid {number:#x}<{name}>")?;
        }
        match status.mac {
            Some(mac) => write!(f, "        ether {}  ", Mac(mac))?,
            None => f.write_str("        loop  ")?,
        }
        let kind = if status.mac.is_some() { "Ethernet" } else { "Local Loopback" };
        writeln!(f, "txqueuelen {QUEUE_LENGTH}  ({kind})")?;
        let Direction { packets, bytes, errors, dropped, overruns, frame } = status.received;
        writeln!(f, "        RX packets {packets}  bytes {bytes} ({})", Size(bytes))?;
        write!(f, "        RX errors {errors}  dropped {dropped}  overruns {overruns}  ")?;
        writeln!(f, "frame {frame}")?;
        let Direction { packets, bytes, errors, dropped, overruns, frame } = status.sent;
        writeln!(f, "        TX packets {packets}  bytes {bytes} ({})", Size(bytes))?;
        // The single blank after the dropped is the tool's own.
        write!(f, "        TX errors {errors}  dropped {dropped} overruns {overruns}  ")?;
        write!(f, "carrier {frame}  collisions {collisions}\n\n")
    }
}

/// The paragraph of net-tools before 2.0, as busybox prints it.
pub struct Classic<'a>(pub &'a Interface);

impl fmt::Display for Classic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Interface { status, collisions } = self.0;
        write!(f, "{:<10}Link encap:", status.port.name())?;
        match status.mac {
            Some(mac) => {
                let [a, b, c, d, e, g] = mac.0;
                f.write_str("Ethernet  HWaddr ")?;
                writeln!(f, "{a:02X}:{b:02X}:{c:02X}:{d:02X}:{e:02X}:{g:02X}  ")?;
            }
            None => f.write_str("Local Loopback  \n")?,
        }
        if let Some(address) = self.0.v4() {
            write!(f, "          inet addr:{}  ", address.address())?;
            if let Some(broadcast) = self.0.broadcast() {
                write!(f, "Bcast:{broadcast}  ")?;
            }
            writeln!(f, "Mask:{}", address.netmask())?;
        }
        for (address, bits, scope) in self.0.v6() {
            writeln!(f, "          inet6 addr: {address}/{bits} Scope:{}", scope.names().2)?;
        }
        f.write_str("          ")?;
        if self.0.flags() & (UP | RUNNING) == 0 {
            f.write_str("[NO FLAGS] ")?;
        }
        for name in self.0.flag_names() {
            write!(f, "{name} ")?;
        }
        writeln!(f, " MTU:{}  Metric:1", status.mtu)?;
        let Direction { packets, errors, dropped, overruns, frame, .. } = status.received;
        write!(f, "          RX packets:{packets} errors:{errors} dropped:{dropped} ")?;
        writeln!(f, "overruns:{overruns} frame:{frame}")?;
        let Direction { packets, errors, dropped, overruns, frame, .. } = status.sent;
        write!(f, "          TX packets:{packets} errors:{errors} dropped:{dropped} ")?;
        writeln!(f, "overruns:{overruns} carrier:{frame}")?;
        writeln!(f, "          collisions:{collisions} txqueuelen:{QUEUE_LENGTH} ")?;
        let (received, sent) = (status.received.bytes, status.sent.bytes);
        write!(f, "          RX bytes:{received} ({})  ", Size(received))?;
        write!(f, "TX bytes:{sent} ({})\n\n", Size(sent))
    }
}

/// The row of `ifconfig -s` and `netstat -i`.
pub struct Table<'a>(pub &'a Interface);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InterfaceStatus { port, mtu, received, sent, .. } = &self.0.status;
        write!(f, "{:<15} {mtu:>5}", port.name())?;
        // Only the receive side's last column is set to the left.
        let Direction { packets, errors, dropped, overruns, .. } = received;
        write!(f, " {packets:>8} {errors:>6} {dropped:>6} {overruns:<6}")?;
        let Direction { packets, errors, dropped, overruns, .. } = sent;
        write!(f, " {packets:>8} {errors:>6} {dropped:>6} {overruns:>6} ")?;
        // Alphabetical: B L M R U.
        for letter in ['B', 'L', 'M', 'R', 'U'] {
            let flags = self.0.flags();
            if FLAGS.iter().any(|(bit, _, flag)| *flag == letter && flags & bit != 0) {
                write!(f, "{letter}")?;
            }
        }
        f.write_str("\n")
    }
}

/// The header of `ifconfig -s`, whose first columns are narrower than what follows.
pub const HEADER: &str = "Iface      MTU    RX-OK RX-ERR RX-DRP RX-OVR    \
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
pub mod tests {
    use std::format;
    use std::string::{String, ToString};

    use smoltcp::wire::EthernetAddress;

    use super::super::golden;
    use super::*;
    use crate::limits::{ADDRESSES, SHELL_TEXT_BYTES};
    use crate::net::InterfaceAddress;

    /// The interface of [`golden`]'s namespace.
    pub fn eth0() -> Interface {
        Interface {
            status: InterfaceStatus {
                port: Port::Eth0,
                is_up: true,
                is_running: true,
                mtu: 1500,
                mac: Some(EthernetAddress([0xb8, 0x27, 0xeb, 0x12, 0x34, 0x56])),
                driver: None,
                addresses: addresses(&["192.168.1.42/24"]),
                received: Direction { packets: 22, bytes: 3227, ..Direction::default() },
                sent: Direction { packets: 29, bytes: 2214, ..Direction::default() },
            },
            collisions: 0,
        }
    }

    /// And its loopback interface.
    pub fn lo() -> Interface {
        let nothing = Direction::default();
        let mut lo = eth0();
        lo.status.port = Port::Lo;
        lo.status.mtu = 65536;
        lo.status.mac = None;
        lo.status.addresses = addresses(&["127.0.0.1/8", "::1/128"]);
        (lo.status.received, lo.status.sent) = (nothing, nothing);
        lo
    }

    fn addresses(of: &[&str]) -> heapless::Vec<InterfaceAddress, ADDRESSES> {
        let all = of.iter().map(|cidr| cidr.parse().unwrap());
        all.map(|cidr| InterfaceAddress { cidr, broadcast: None }).collect()
    }

    #[test]
    fn as_the_real_tools_print_it() {
        let mut idle = eth0();
        (idle.status.received, idle.status.sent) = Default::default();
        let row = |header: &str| [header, &Table(&idle).to_string()].concat();
        for (tool, command, ours) in [
            ("ifconfig", "ifconfig eth0", Modern(&idle).to_string()),
            ("ifconfig", "ifconfig lo", Modern(&lo()).to_string()),
            ("ifconfig", "ifconfig -s eth0", row(HEADER)),
            ("busybox", "busybox ifconfig eth0", Classic(&idle).to_string()),
            ("busybox", "busybox ifconfig lo", Classic(&lo()).to_string()),
        ] {
            let Some(real) = golden::real(tool, command) else { continue };
            assert_eq!(ours, real, "{command}");
        }
    }

    #[test]
    fn without_link_or_address_or_broadcast() {
        let mut down = eth0();
        down.status.is_running = false;
        down.status.addresses.clear();
        let text = Modern(&down).to_string();
        assert!(
            text.starts_with("eth0: flags=4099<UP,BROADCAST,MULTICAST>  mtu 1500\n        ether")
        );
        let mut host = eth0();
        host.status.addresses = addresses(&["192.168.1.42/32"]);
        assert!(
            Modern(&host)
                .to_string()
                .contains("inet 192.168.1.42  netmask 255.255.255.255  broadcast 0.0.0.0\n")
        );
    }

    /// The lines are net-tools 2.10's and busybox 1.35's.
    #[test]
    fn addresses_of_ipv6() {
        let mut both = eth0();
        both.status.addresses =
            addresses(&["fe80::ba27:ebff:fe12:3456/64", "192.168.1.42/24", "2001:db8::1/64"]);
        let modern = Modern(&both).to_string();
        assert!(modern.contains(
            "        inet6 fe80::ba27:ebff:fe12:3456  prefixlen 64  scopeid 0x20<link>\n        \
             inet6 2001:db8::1  prefixlen 64  scopeid 0x0<global>\n        ether"
        ));
        let classic = Classic(&both).to_string();
        assert!(
            classic.contains("\n          inet6 addr: fe80::ba27:ebff:fe12:3456/64 Scope:Link\n")
        );
    }

    #[test]
    fn counters_of_each_kind_in_their_places() {
        let mut busy = eth0();
        busy.status.received =
            Direction { packets: 22, bytes: 3227, errors: 1, dropped: 2, overruns: 3, frame: 4 };
        busy.status.sent =
            Direction { packets: 29, bytes: 2214, errors: 5, dropped: 6, overruns: 7, frame: 8 };
        busy.collisions = 9;
        let text = Modern(&busy).to_string();
        assert!(text.contains(
            "        RX packets 22  bytes 3227 (3.1 KiB)\n        \
             RX errors 1  dropped 2  overruns 3  frame 4\n        \
             TX packets 29  bytes 2214 (2.1 KiB)\n        \
             TX errors 5  dropped 6 overruns 7  carrier 8  collisions 9\n\n"
        ));
        assert_eq!(
            Table(&busy).to_string(),
            "eth0             1500       22      1      2 3            \
             29      5      6      7 BMRU\n"
        );
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
        let mut longest = eth0();
        longest.collisions = u64::MAX;
        (longest.status.received, longest.status.sent) = (most, most);
        longest.status.addresses =
            addresses(&["2001:db8:1111:2222:3333:4444:5555:6666/128"; ADDRESSES]);
        let texts: [String; 2] = [Modern(&longest).to_string(), Classic(&longest).to_string()];
        for text in texts {
            assert!(text.len() <= 3 * SHELL_TEXT_BYTES, "{} bytes", text.len());
        }
    }
}
