//! `route`: the routing table, as net-tools 2.10 prints and changes it; and `route get`, which says
//! why a packet goes where it goes.

use core::fmt;

use smoltcp::wire::{IpAddress, IpCidr, Ipv4Address};

use super::hosts::lookup;
use super::route_table::{self, Columns, Pad};
use super::{About, Argument, Arguments, Context, Misuse, Operands, Order, Outcome, SUCCESS};
use super::{flag, value};
use crate::net::{ANY, ANY_V6, NetError, Port, Route, RouteChoice, RouteSource};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[-neev] [-4|-6] [add|del TARGET ... | get ADDRESS]",
    summary: "show or change the routing table",
    options: &[
        flag("n", "numeric", "don't resolve names"),
        flag("e", "extend", "the columns of netstat; twice: all columns"),
        flag("v", "verbose", "be verbose"),
        flag("F", "fib", "the forwarding table (which is what there is)"),
        flag("4", "inet", "IPv4"),
        flag("6", "inet6", "IPv6"),
        value("A", "", "FAMILY", "inet or inet6"),
    ],
    order: Order::OptionsFirst,
    operands: Operands::Words(&["add", "del", "get"]),
    usage: Some(USAGE),
    // Odd, but so it is: the tool takes a wrong option for a wish for its usage.
    misuse: Misuse { status: 0, ..About::NEW.misuse },
};

const USAGE: &str = "\
Usage: route [-nNvee] [-FC] [<AF>]           List kernel routing tables
       route [-v] [-FC] {add|del|flush} ...  Modify routing table for AF.
       route get ADDRESS                     Show which route is taken, and why

       route {-h|--help} [<AF>]              Detailed usage syntax for specified AF.

        -v, --verbose            be verbose
        -n, --numeric            don't resolve names
        -e, --extend             display other/more information
        -F, --fib                display Forwarding Information Base (default)

  <AF>=Use -4, -6, '-A <af>' or '--<af>'; default: inet
  List of possible address families (which support routing):
    inet (DARPA Internet) inet6 (IPv6) 
";

const CHANGE_USAGE: &str = "\
Usage: inet_route [-vF] del {-host|-net} Target[/prefix] [gw Gw] [metric M] [[dev] If]
       inet_route [-vF] add {-host|-net} Target[/prefix] [gw Gw] [metric M]
                              [netmask N] [[dev] If]
";

/// The exit status of wrong words.
const WRONG: Outcome = Outcome::Status(3);
/// Of a name that is not found.
const NO_HOST: Outcome = Outcome::Status(6);
/// Of a change that was refused.
const REFUSED: Outcome = Outcome::Status(7);

/// Runs the command.
pub async fn run(context: &Context<'_>, mut arguments: Arguments<'_>) -> Outcome {
    let (mut numeric, mut extended, mut is_v6) = (false, 0, false);
    let verb = loop {
        match arguments.next() {
            None => break None,
            Some(Argument::Option("numeric", _)) => numeric = true,
            Some(Argument::Option("extend", _)) => extended += 1,
            Some(Argument::Option("inet", _) | Argument::Option("A", "inet")) => is_v6 = false,
            Some(Argument::Option("inet6", _) | Argument::Option("A", "inet6")) => is_v6 = true,
            Some(Argument::Option("A", family)) => {
                let text = format_args!("route: unknown address family `{family}'\n");
                context.print(text).await;
                return WRONG;
            }
            Some(Argument::Option(..)) => {}
            Some(Argument::Operand(verb)) => break Some(verb),
        }
    };
    let columns = match extended {
        0 => Columns::Metric,
        1 => Columns::Window,
        _ => Columns::Both,
    };
    let words = arguments.rest();
    match (verb, words) {
        (None, _) => {
            route_table::show(context, columns, numeric, is_v6).await;
            SUCCESS
        }
        (Some("add" | "del" | "delete"), []) => {
            context.write(CHANGE_USAGE).await;
            SUCCESS
        }
        (Some("get"), [to]) => get(context, to).await,
        (Some("add"), words) => change(context, words, is_v6, Change::Add).await,
        (Some("del" | "delete"), words) => change(context, words, is_v6, Change::Delete).await,
        (Some("flush"), _) => {
            context.write("Flushing `inet' routing table not supported\n").await;
            context.write(CHANGE_USAGE).await;
            WRONG
        }
        _ => {
            context.write(USAGE).await;
            WRONG
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Add,
    Delete,
}

/// Why the words of a change make no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake<'a> {
    /// They make no sense: the usage.
    Usage,
    /// Its netmask has holes.
    BogusNetmask(Ipv4Address),
    /// Bits of the target lie beyond the netmask.
    NetmaskMismatch,
    /// A host has no netmask.
    HostNetmask(Ipv4Address),
    /// No such target.
    NoTarget(&'a str),
    /// No such router.
    NoGateway(&'a str),
    /// Neither router nor interface, or no such interface.
    NoDevice,
    /// A network without a netmask.
    Invalid,
}

async fn change(context: &Context<'_>, words: &[&str], is_v6: bool, change: Change) -> Outcome {
    let system = context.system;
    let find = |name: &str| lookup(system, name, is_v6);
    let call = if change == Change::Add { "SIOCADDRT" } else { "SIOCDELRT" };
    let route = match parse(words, is_v6, change, find) {
        Ok(route) => route,
        Err(Mistake::NoTarget(name)) => {
            context.print(format_args!("{name}: Host name lookup failure\n")).await;
            return NO_HOST;
        }
        Err(Mistake::NoGateway(name)) => {
            context.print(format_args!("{name}: Unknown host\n")).await;
            return NO_HOST;
        }
        Err(mistake @ (Mistake::NoDevice | Mistake::Invalid)) => {
            context.print(format_args!("{call}: {mistake}\n")).await;
            return REFUSED;
        }
        Err(mistake) => {
            if mistake != Mistake::Usage {
                context.print(format_args!("route: {mistake}\n")).await;
            }
            context.write(CHANGE_USAGE).await;
            return WRONG;
        }
    };
    let same = |old: &Route| {
        old.destination == route.destination
            && old.gateway == route.gateway
            && old.metric == route.metric
    };
    let result = match change {
        Change::Add if system.routes().any(|old| same(&old)) => Err("File exists"),
        Change::Add => system.route_add(route).map_err(|error| match error {
            // Of a table that is full, Linux says this.
            NetError::NoSockets => "No buffer space available",
            NetError::NetworkUnreachable => "Network is unreachable",
            _ => "Invalid argument",
        }),
        Change::Delete => {
            system.route_delete(route.destination, route.gateway).map_err(|_| "No such process")
        }
    };
    match result {
        Ok(()) => SUCCESS,
        Err(why) => {
            context.print(format_args!("{call}: {why}\n")).await;
            REFUSED
        }
    }
}

impl fmt::Display for Mistake<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BogusNetmask(mask) => write!(f, "bogus netmask {mask}"),
            Self::NetmaskMismatch => f.write_str("netmask doesn't match route address"),
            Self::HostNetmask(mask) => {
                // What the tool shows is not the netmask but its complement.
                let host_bits = !mask.to_bits();
                write!(f, "netmask {host_bits:08x} doesn't make sense with host route")
            }
            Self::NoDevice => f.write_str("No such device"),
            Self::Invalid => f.write_str("Invalid argument"),
            Self::Usage | Self::NoTarget(_) | Self::NoGateway(_) => Ok(()),
        }
    }
}

/// Reads `[-net|-host] TARGET[/BITS] [netmask N] [gw G] [metric M] [[dev] IF]`.
fn parse<'a>(
    words: &[&'a str],
    is_v6: bool,
    change: Change,
    find: impl Fn(&str) -> Option<IpAddress>,
) -> Result<Route, Mistake<'a>> {
    let mut words = words.iter().copied();
    let mut next = || words.next();
    let mut target = next().ok_or(Mistake::Usage)?;
    let kind = target;
    if let "-net" | "-host" = kind {
        target = next().ok_or(Mistake::Usage)?;
    }
    let (name, bits) = match target.split_once('/') {
        Some((name, bits)) => (name, Some(bits.parse::<u8>().map_err(|_| Mistake::Usage)?)),
        None => (target, None),
    };
    let any = if is_v6 { ANY_V6 } else { ANY };
    let is_default = name == "default";
    let address = if is_default { any } else { find(name).ok_or(Mistake::NoTarget(name))? };
    let address_bits = route_table::address_bits(&address);
    let mut bits = if is_default { Some(0) } else { bits };
    let (mut gateway, mut metric, mut port) = (None, 0, None);
    while let Some(word) = next() {
        let value = match word {
            "gw" | "gateway" | "netmask" | "metric" | "dev" | "device" => {
                next().ok_or(Mistake::Usage)?
            }
            _ => word,
        };
        match word {
            "gw" | "gateway" => gateway = Some(find(value).ok_or(Mistake::NoGateway(value))?),
            "metric" => metric = value.parse().map_err(|_| Mistake::Usage)?,
            "netmask" => {
                let mask: Ipv4Address = value.parse().map_err(|_| Mistake::Usage)?;
                let length = mask.to_bits().leading_ones();
                if mask.to_bits().count_ones() != length {
                    return Err(Mistake::BogusNetmask(mask));
                }
                bits = Some(length as u8);
            }
            _ => {
                let known = [Port::Eth0, Port::Lo].into_iter().find(|port| port.name() == value);
                port = Some(known.ok_or(Mistake::NoDevice)?);
            }
        }
    }
    let is_network = kind == "-net" || is_default || (is_v6 && bits.is_some());
    match bits {
        Some(bits) if !is_network && bits != address_bits => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            return Err(Mistake::HostNetmask(Ipv4Address::from_bits(mask)));
        }
        Some(bits) if bits > address_bits => return Err(Mistake::NetmaskMismatch),
        None if is_network => return Err(Mistake::Invalid),
        _ => {}
    }
    let destination = IpCidr::new(address, bits.unwrap_or(address_bits));
    if crate::net::network(&destination) != destination {
        return Err(Mistake::NetmaskMismatch);
    }
    if change == Change::Add && gateway.is_none() && port.is_none() {
        return Err(Mistake::NoDevice);
    }
    let port = port.unwrap_or(Port::Eth0);
    Ok(Route { destination, gateway, metric, source: RouteSource::Static, port })
}

async fn get(context: &Context<'_>, to: &str) -> Outcome {
    let Some(to) = lookup(context.system, to, to.contains(':')) else {
        context.print(format_args!("{to}: Host name lookup failure\n")).await;
        return NO_HOST;
    };
    let Some(choice) = context.system.route_get(to) else {
        context.write("route: Network is unreachable\n").await;
        return REFUSED;
    };
    context.print(format_args!("{}\n", Way { to, choice: &choice })).await;
    for (index, route) in choice.considered.iter().enumerate() {
        context.print(format_args!("{}", Considered { index, route, choice: &choice })).await;
    }
    SUCCESS
}

/// The way of a packet, as `ip route get` says it.
struct Way<'a> {
    to: IpAddress,
    choice: &'a RouteChoice,
}

impl fmt::Display for Way<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to)?;
        if let Some(gateway) = self.choice.route.gateway {
            write!(f, " via {gateway}")?;
        }
        write!(f, " dev {}", self.choice.route.port.name())?;
        match self.choice.source_address {
            Some(source) => write!(f, " src {source}"),
            None => Ok(()),
        }
    }
}

/// A route that leads there, and why it is taken or not.
struct Considered<'a> {
    index: usize,
    route: &'a Route,
    choice: &'a RouteChoice,
}

impl fmt::Display for Considered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bits, taken) = (self.route.destination.prefix_len(), &self.choice.route);
        write!(f, "  {} {bits:>3} bits match: ", Pad(18, &self.route.destination))?;
        if self.index == 0 {
            let only = self.choice.considered.len() == 1;
            f.write_str(if only { "taken, the only one\n" } else { "taken, " })?;
            if only {
                return Ok(());
            }
            let next = self.choice.considered.get(1).map(|next| next.destination.prefix_len());
            return f.write_str(match next {
                Some(next) if next == bits => "the smallest metric\n",
                _ => "the longest prefix\n",
            });
        }
        if bits == taken.destination.prefix_len() {
            writeln!(f, "not taken, metric {} is more than {}", self.route.metric, taken.metric)
        } else {
            f.write_str("not taken, shorter\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    fn parsed<'a>(line: &'a str, change: Change) -> Result<Route, Mistake<'a>> {
        let words: std::vec::Vec<_> = line.split(' ').collect();
        parse(&words, false, change, route_table::literal)
    }

    #[test]
    fn routes_as_they_are_written() {
        for (line, destination, gateway, metric) in [
            ("default gw 192.168.1.1", "0.0.0.0/0", Some("192.168.1.1"), 0),
            ("-net default gw 192.168.1.1", "0.0.0.0/0", Some("192.168.1.1"), 0),
            ("-net 10.9.0.0 netmask 255.255.0.0 gw 1.2.3.4", "10.9.0.0/16", Some("1.2.3.4"), 0),
            ("-net 10.10.0.0/16 metric 7 dev eth0", "10.10.0.0/16", None, 7),
            ("-host 10.9.9.9 gw 1.2.3.4 metric 7", "10.9.9.9/32", Some("1.2.3.4"), 7),
            ("10.34.0.0 eth0", "10.34.0.0/32", None, 0),
        ] {
            let route = parsed(line, Change::Add).unwrap();
            assert_eq!(route.destination, destination.parse().unwrap(), "{line}");
            assert_eq!(route.gateway, gateway.map(|gateway| gateway.parse().unwrap()), "{line}");
            assert_eq!(route.metric, metric, "{line}");
        }
    }

    /// The texts are those that net-tools 2.10 printed for these very words.
    #[test]
    fn mistakes_as_net_tools_tells_them() {
        for (line, text) in [
            ("-net 10.9.0.1 netmask 255.255.0.0 gw 1.2.3.4", "netmask doesn't match route address"),
            ("-net 10.14.0.0/33 dev eth0", "netmask doesn't match route address"),
            ("-host 10.12.0.1/8 gw 1.2.3.4", "netmask 00ffffff doesn't make sense with host route"),
            ("10.33.1.0/24 gw 1.2.3.4", "netmask 000000ff doesn't make sense with host route"),
            ("-net 10.13.0.0 netmask 255.0.255.0 dev eth0", "bogus netmask 255.0.255.0"),
            ("10.15.0.1 dev nosuch", "No such device"),
            ("default", "No such device"),
            ("-net 10.11.0.0 gw 1.2.3.4", "Invalid argument"),
        ] {
            assert_eq!(format!("{}", parsed(line, Change::Add).unwrap_err()), text, "{line}");
        }
        assert_eq!(parsed("-net nosuch gw 1.1.1.1", Change::Add), Err(Mistake::NoTarget("nosuch")));
        assert_eq!(parsed("1.1.1.1 gw nosuch", Change::Add), Err(Mistake::NoGateway("nosuch")));
        for line in ["-net", "default gw", "1.1.1.1 metric frob", "1.1.1.1/x", "1.1.1.1 netmask x"]
        {
            assert_eq!(parsed(line, Change::Add), Err(Mistake::Usage), "{line}");
        }
        assert!(parsed("default", Change::Delete).is_ok());
    }

    #[test]
    fn the_reason_of_a_choice() {
        let routes: heapless::Vec<_, { crate::limits::ROUTES }> = [
            parsed("-net 10.1.0.0/16 gw 192.168.1.254", Change::Add).unwrap(),
            parsed("-net 10.1.0.0/16 gw 192.168.1.253 metric 9", Change::Add).unwrap(),
            parsed("default gw 192.168.1.1", Change::Add).unwrap(),
        ]
        .into_iter()
        .collect();
        let choice = RouteChoice {
            route: routes[0],
            next_hop: routes[0].gateway.unwrap(),
            source_address: "192.168.1.42".parse().ok(),
            considered: routes,
        };
        let to = "10.1.2.3".parse().unwrap();
        let way = format!("{}", Way { to, choice: &choice });
        assert_eq!(way, "10.1.2.3 via 192.168.1.254 dev eth0 src 192.168.1.42");
        let lines: std::string::String = choice
            .considered
            .iter()
            .enumerate()
            .map(|(index, route)| format!("{}", Considered { index, route, choice: &choice }))
            .collect();
        assert_eq!(
            lines,
            "  10.1.0.0/16         16 bits match: taken, the smallest metric\n  \
               10.1.0.0/16         16 bits match: not taken, metric 9 is more than 0\n  \
               0.0.0.0/0            0 bits match: not taken, shorter\n"
        );
    }
}
