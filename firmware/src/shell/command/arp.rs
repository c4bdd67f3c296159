//! `arp`: the neighbours, as net-tools 2.10 prints them.

use core::fmt;

use smoltcp::wire::{EthernetAddress, IpAddress};

use super::hosts::name_of;
use super::route_table::Pad;
use super::{About, Argument, Arguments, Context, Misuse, Operands, Outcome, SUCCESS};
use super::{flag, value};
use crate::net::names::resolver::{Family, ResolveError, resolve, reverse};
use crate::net::{Neighbor, NeighborState, NetError, Port};
use crate::status::Mac;

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[-vn] [-a|-e] [-i INTERFACE] [HOST] | -d HOST | -s HOST ADDRESS",
    summary: "show or change the neighbours on the wire",
    options: &[
        flag("a", "", "display (all) hosts in alternative (BSD) style"),
        flag("e", "", "display (all) hosts in default (Linux) style"),
        flag("v", "verbose", "be verbose: states, and seconds left"),
        flag("n", "numeric", "don't resolve names"),
        flag("d", "delete", "delete a specified entry"),
        flag("s", "set", "set a new ARP entry"),
        value("i", "device", "INTERFACE", "specify network interface"),
    ],
    operands: Operands::Hosts,
    usage: Some(USAGE),
    misuse: Misuse { status: 3, ..About::NEW.misuse },
    ..About::NEW
};

const USAGE: &str = "\
Usage:
  arp [-vn]  [<HW>] [-i <if>] [-a] [<hostname>]             <-Display ARP cache
  arp [-v]          [-i <if>] -d  <host>                     <-Delete ARP entry
  arp [-v]   [<HW>] [-i <if>] -s  <host> <hwaddr>                   <-Add entry

        -a                       display (all) hosts in alternative (BSD) style
        -e                       display (all) hosts in default (Linux) style
        -s, --set                set a new ARP entry
        -d, --delete             delete a specified entry
        -v, --verbose            be verbose
        -n, --numeric            don't resolve names
        -i, --device             specify network interface (e.g. eth0)
";

const HEADER: &str =
    "Address                  HWtype  HWaddress           Flags Mask            Iface\n";

/// The exit status of a change that failed.
const FAILED: Outcome = Outcome::Status(255);

/// A neighbour and its name, if it is known.
struct Entry<'a> {
    neighbor: &'a Neighbor,
    name: Option<&'a str>,
}

impl Entry<'_> {
    /// Its Ethernet address, as far as it may be used.
    fn mac(&self) -> Option<Mac> {
        let usable = !matches!(self.neighbor.state, NeighborState::Failed);
        self.neighbor.mac.filter(|_| usable).map(Mac)
    }

    fn is_permanent(&self) -> bool {
        self.neighbor.state == NeighborState::Permanent
    }
}

/// A row of `arp`.
struct Row<'a>(Entry<'a>);

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = &self.0;
        match entry.name {
            Some(name) => write!(f, "{name:<23.23}  ")?,
            None => write!(f, "{}  ", Pad(23, &entry.neighbor.address))?,
        }
        let (kind, flags) = match entry.mac() {
            Some(_) => ("ether", if entry.is_permanent() { "CM" } else { "C" }),
            None => ("", ""),
        };
        write!(f, "{kind:<8}")?;
        match entry.mac() {
            Some(mac) => write!(f, "{}", Pad(20, &mac))?,
            None => write!(f, "{:<20}", "(incomplete)")?,
        }
        writeln!(f, "{flags:<6}{:<15} {}", "", Port::Eth0.name())
    }
}

/// A row of `arp -a`.
struct Bsd<'a>(Entry<'a>);

impl fmt::Display for Bsd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = &self.0;
        write!(f, "{} ({}) at ", entry.name.unwrap_or("?"), entry.neighbor.address)?;
        match entry.mac() {
            Some(mac) => write!(f, "{mac} [ether] ")?,
            None => f.write_str("<incomplete> ")?,
        }
        if entry.mac().is_some() && entry.is_permanent() {
            f.write_str("PERM ")?;
        }
        writeln!(f, "on {}", Port::Eth0.name())
    }
}

/// What `-v` adds to an entry: how long it holds.
struct Age<'a>(&'a Neighbor);

impl fmt::Display for Age<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = super::ip::state_name(self.0.state);
        write!(f, "    {state}")?;
        match self.0.expires_in {
            Some(left) => writeln!(f, ", {} s left", left.as_secs()),
            None => f.write_str("\n"),
        }
    }
}

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let (mut bsd, mut verbose, mut numeric) = (false, false, false);
    let (mut device, mut host, mut mac) = (None, None, None);
    let mut change = None;
    for argument in arguments {
        match argument {
            Argument::Option("a", _) => bsd = true,
            Argument::Option("verbose", _) => verbose = true,
            Argument::Option("numeric", _) => numeric = true,
            Argument::Option("device", name) => device = Some(name),
            Argument::Option("delete", _) => change = Some(Change::Delete),
            Argument::Option("set", _) => change = Some(Change::Set),
            Argument::Option(..) => {}
            Argument::Operand(name) if host.is_none() => host = Some(name),
            // Like the tool, all but the first host are ignored when entries are shown.
            Argument::Operand(word) => mac = mac.or(Some(word)),
        }
    }
    if let Some(kind) = change {
        return self::change(context, kind, host, mac).await;
    }
    let system = context.system;
    let wanted = match host {
        Some(name) => match find(context, name).await {
            Some(address) => Some(address),
            None => return FAILED,
        },
        None => None,
    };
    let (mut entries, mut found) = (0, 0);
    for neighbor in system.neighbors() {
        // What the tool reads is the table of ARP: no IPv6 there.
        if !matches!(neighbor.address, IpAddress::Ipv4(_)) {
            continue;
        }
        entries += 1;
        let is_there = device.is_none_or(|device| device == Port::Eth0.name());
        if !is_there || wanted.is_some_and(|wanted| wanted != neighbor.address) {
            continue;
        }
        found += 1;
        let asked = match numeric {
            true => None,
            false => reverse(system, neighbor.address).await,
        };
        let name = name_of(system, &neighbor.address).filter(|_| !numeric).or(asked.as_deref());
        let entry = Entry { neighbor: &neighbor, name };
        if bsd {
            context.print(format_args!("{}", Bsd(entry))).await;
        } else {
            if found == 1 {
                context.write(HEADER).await;
            }
            context.print(format_args!("{}", Row(entry))).await;
        }
        if verbose {
            context.print(format_args!("{}", Age(&neighbor))).await;
        }
    }
    if verbose {
        let skipped = entries - found;
        let text = format_args!("Entries: {entries}\tSkipped: {skipped}\tFound: {found}\n");
        context.print(text).await;
    }
    if found == 0 && (host.is_some() || device.is_some()) {
        match (host, wanted) {
            (Some(name), Some(address)) if !bsd => {
                context.print(format_args!("{name} ({address}) -- no entry\n")).await;
            }
            _ => {
                let text = format_args!("arp: in {entries} entries no match found.\n");
                context.print(text).await;
            }
        }
    }
    SUCCESS
}

/// The address of a host; if it has none, that is said in the words of herror(3).
async fn find(context: &Context<'_>, name: &str) -> Option<IpAddress> {
    let words = match resolve(context.system, name, Family::V4).await {
        Ok(addresses) => return addresses.first().copied(),
        Err(ResolveError::Unknown | ResolveError::Family) => "Unknown host",
        Err(ResolveError::NoAddress) => "No address associated with name",
        Err(ResolveError::Again) => "Host name lookup failure",
        Err(ResolveError::Failure) => "Unknown server error",
    };
    context.print(format_args!("{name}: {words}\n")).await;
    None
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Set,
    Delete,
}

async fn change(
    context: &Context<'_>,
    kind: Change,
    host: Option<&str>,
    mac: Option<&str>,
) -> Outcome {
    let system = context.system;
    let Some(name) = host else {
        context.complain(format_args!("need host name")).await;
        return FAILED;
    };
    let Some(address) = find(context, name).await else { return FAILED };
    if kind == Change::Delete {
        if system.neighbor_delete(address).is_err() {
            context.print(format_args!("No ARP entry for {name}\n")).await;
            return FAILED;
        }
        return SUCCESS;
    }
    let Some(mac) = mac else {
        context.complain(format_args!("need hardware address")).await;
        return FAILED;
    };
    let Some(mac) = read_mac(mac) else {
        context.complain(format_args!("invalid hardware address")).await;
        return FAILED;
    };
    // Who is no neighbour has no address on our wire.
    let direct = system.route_get(address).is_some_and(|choice| choice.route.gateway.is_none());
    let result =
        if direct { system.neighbor_add(address, mac) } else { Err(NetError::NetworkUnreachable) };
    match result {
        Ok(()) => SUCCESS,
        Err(error) => {
            context.print(format_args!("SIOCSARP: {error}\n")).await;
            FAILED
        }
    }
}

/// Six bytes in hexadecimal digits, one or two each, between colons.
fn read_mac(text: &str) -> Option<EthernetAddress> {
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut mac {
        let part = parts.next().filter(|part| part.len() <= 2 && !part.starts_with('+'))?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(EthernetAddress(mac))
}

#[cfg(test)]
pub mod tests {
    use core::time::Duration;
    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::super::golden;
    use super::*;

    /// The neighbours of [`golden`]'s namespace.
    pub fn neighbors() -> [Neighbor; 3] {
        let neighbor = |address: &str, mac: Option<[u8; 6]>, state| Neighbor {
            address: address.parse().unwrap(),
            mac: mac.map(EthernetAddress),
            state,
            since: Duration::ZERO,
            expires_in: None,
        };
        let router = [0x92, 0xbf, 0xfa, 0x94, 0xc4, 0x4f];
        [
            neighbor("192.168.1.1", Some(router), NeighborState::Permanent),
            neighbor("192.168.1.7", Some([2, 0, 0, 0, 0, 7]), NeighborState::Stale),
            neighbor("192.168.1.77", None, NeighborState::Incomplete),
        ]
    }

    /// Neighbours are listed in an order that is none.
    fn sorted(text: &str) -> Vec<String> {
        let mut lines: Vec<_> = text.lines().map(String::from).collect();
        lines.sort();
        lines
    }

    #[test]
    fn as_the_real_tool_prints_it() {
        let neighbors = neighbors();
        let entry = |neighbor| Entry { neighbor, name: None };
        let bsd: String = neighbors.iter().map(|known| Bsd(entry(known)).to_string()).collect();
        let rows: String = neighbors.iter().map(|known| Row(entry(known)).to_string()).collect();
        let rows = [HEADER, &rows].concat();
        for (command, ours) in [("arp -an", bsd), ("arp -n", rows)] {
            let Some(real) = golden::real("arp", command) else { continue };
            assert_eq!(sorted(&ours), sorted(&real), "{command}");
        }
    }

    #[test]
    fn hardware_addresses() {
        assert_eq!(read_mac("2:0:0:0:0:a"), Some(EthernetAddress([2, 0, 0, 0, 0, 10])));
        assert_eq!(read_mac("92:BF:fa:94:c4:4f").map(|mac| mac.0[1]), Some(0xbf));
        for text in [
            "",
            "frob",
            "1:2:3:4:5",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:",
            "1:2:3:4:5:+6",
            "1:2:3:4:5:100",
        ] {
            assert_eq!(read_mac(text), None, "{text:?}");
        }
    }

    #[test]
    fn names_and_what_is_left() {
        let [_, mut stale, _] = neighbors();
        stale.state = NeighborState::Reachable;
        stale.expires_in = Some(Duration::from_millis(29_900));
        assert_eq!(Age(&stale).to_string(), "    REACHABLE, 29 s left\n");
        let name = Some("a-name-longer-than-the-column");
        assert_eq!(
            Row(Entry { neighbor: &stale, name }).to_string(),
            "a-name-longer-than-the-  ether   02:00:00:00:00:07   C                     eth0\n"
        );
        // A failed one is not shown with the address it had.
        stale.state = NeighborState::Failed;
        assert_eq!(
            Bsd(Entry { neighbor: &stale, name: None }).to_string(),
            "? (192.168.1.7) at <incomplete> on eth0\n"
        );
    }
}
