//! `ip`: addresses, neighbours and routes, as iproute2 6.1 prints them.

use core::fmt;

use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

use super::hosts::lookup;
use super::interface::{Interface, Scope};
use super::route_table;
use super::{About, Arguments, Context, FAILURE, Operands, Order, Outcome, SUCCESS};
use crate::net::{InterfaceStatus, Neighbor, NeighborState, Port, Route, RouteChoice, RouteSource};
use crate::status::Mac;

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[-4|-6] address|link|neighbor|route [show|get ADDRESS]",
    summary: "show addresses, neighbours, routes",
    order: Order::Raw,
    operands: Operands::Words(&["address", "link", "neighbor", "route"]),
    usage: Some(USAGE),
    ..About::NEW
};

const USAGE: &str = "\
Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }
where  OBJECT := { address | link | neighbor | neighbour | route }
       OPTIONS := { -f[amily] { inet | inet6 } | -4 | -6 }
       COMMAND := { show | list | get ADDRESS (of route) }
";

/// The exit status of words that mean nothing.
const UNKNOWN: Outcome = Outcome::Status(255);
/// Of what the stack refuses.
const REFUSED: Outcome = Outcome::Status(2);

/// Which family is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Any,
    V4,
    V6,
}

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let mut words = arguments.rest();
    let mut family = Family::Any;
    while let [option, rest @ ..] = words {
        let (read, rest) = match (*option, rest) {
            ("-4", _) => (Family::V4, rest),
            ("-6", _) => (Family::V6, rest),
            ("-f" | "-family", ["inet", rest @ ..]) => (Family::V4, rest),
            ("-f" | "-family", ["inet6", rest @ ..]) => (Family::V6, rest),
            (option, _) if option.starts_with('-') => {
                let text = format_args!("Option \"{option}\" is unknown, try \"ip -help\".\n");
                context.print(text).await;
                return UNKNOWN;
            }
            _ => break,
        };
        (family, words) = (read, rest);
    }
    let [object, words @ ..] = words else {
        context.write(USAGE).await;
        return UNKNOWN;
    };
    // The tool takes any beginning of these words, in this order.
    let objects = ["address", "route", "link", "neighbor", "neighbour", "help"];
    let begins = |whole: &&&str| !object.is_empty() && whole.starts_with(*object);
    match (objects.iter().find(begins).copied(), words) {
        (Some("help"), _) => {
            context.write(USAGE).await;
            UNKNOWN
        }
        (Some(_), ["help", ..]) => {
            context.write(USAGE).await;
            UNKNOWN
        }
        (Some("route"), ["get", words @ ..]) => get(context, words).await,
        (Some(object), words) => {
            let words = match words {
                ["show" | "list" | "ls" | "sh" | "s" | "l", rest @ ..] => rest,
                [] | ["dev", ..] => words,
                [command, ..] => {
                    let name = if object.starts_with("neigh") { "neigh" } else { object };
                    context
                        .print(format_args!(
                            "Command \"{command}\" is unknown, try \"ip {name} help\".\n"
                        ))
                        .await;
                    return UNKNOWN;
                }
            };
            show(context, object, words, family).await
        }
        (None, _) => {
            context.print(format_args!("Object \"{object}\" is unknown, try \"ip help\".\n")).await;
            FAILURE
        }
    }
}

async fn show(context: &Context<'_>, object: &str, words: &[&str], family: Family) -> Outcome {
    let system = context.system;
    let (device, other) = match words {
        [] => (None, None),
        ["dev", name, ..] => (Some(*name), None),
        [word, ..] if object == "address" || object == "link" => (Some(*word), None),
        [word, ..] => (None, Some(*word)),
    };
    if let Some(name) = device
        && ![Port::Eth0, Port::Lo].iter().any(|port| port.name() == name)
    {
        context.print(format_args!("Device \"{name}\" does not exist.\n")).await;
        return FAILURE;
    }
    let here = |port: Port| device.is_none_or(|name| name == port.name());
    match object {
        "address" | "link" => {
            // Linux numbers interfaces as they come: the loopback interface is the first.
            for (number, port) in [Port::Lo, Port::Eth0].into_iter().enumerate() {
                for Interface { status, .. } in &Interface::of(system) {
                    if status.port == port && here(port) {
                        let is_link = object == "link";
                        let link = Link { number: number + 1, status, family, is_link };
                        context.print(format_args!("{link}")).await;
                    }
                }
            }
        }
        "route" => {
            for route in &route_table::sorted(system.routes(), family == Family::V6) {
                let is_default = route.destination.prefix_len() == 0;
                let is_it = other.is_none_or(|wanted| match wanted {
                    "default" => is_default,
                    _ => wanted.parse() == Ok(route.destination),
                });
                if here(route.port) && is_it {
                    let source = system.route_get(route.destination.address());
                    let source = source.and_then(|choice| choice.source_address);
                    context.print(format_args!("{}", Line { route, source })).await;
                }
            }
        }
        _ => {
            for neighbor in system.neighbors() {
                let is_v6 = matches!(neighbor.address, IpAddress::Ipv6(_));
                let of_family = match family {
                    Family::Any => true,
                    Family::V4 => !is_v6,
                    Family::V6 => is_v6,
                };
                let is_it = other.is_none_or(|wanted| wanted.parse() == Ok(neighbor.address));
                if of_family && is_it && here(Port::Eth0) {
                    context.print(format_args!("{}", Known(&neighbor))).await;
                }
            }
        }
    }
    SUCCESS
}

async fn get(context: &Context<'_>, words: &[&str]) -> Outcome {
    let [to, ..] = words else {
        context.write("need at least a destination address\n").await;
        return FAILURE;
    };
    let Some(address) = lookup(context.system, to, to.contains(':')) else {
        let text = format_args!("Error: any valid prefix is expected rather than \"{to}\".\n");
        context.print(text).await;
        return FAILURE;
    };
    match context.system.route_get(address) {
        Some(choice) => {
            context.print(format_args!("{}", Got { to: address, choice: &choice })).await;
            SUCCESS
        }
        None => {
            context.write("RTNETLINK answers: Network is unreachable\n").await;
            REFUSED
        }
    }
}

/// A neighbour's state in the words of Linux.
pub const fn state_name(state: NeighborState) -> &'static str {
    match state {
        NeighborState::Incomplete => "INCOMPLETE",
        NeighborState::Reachable => "REACHABLE",
        NeighborState::Stale => "STALE",
        NeighborState::Delay => "DELAY",
        NeighborState::Probe => "PROBE",
        NeighborState::Failed => "FAILED",
        NeighborState::Permanent => "PERMANENT",
    }
}

/// A line of `ip neigh`.
struct Known<'a>(&'a Neighbor);

impl fmt::Display for Known<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Neighbor { address, mac, state, .. } = self.0;
        write!(f, "{address} dev {} ", Port::Eth0.name())?;
        if let Some(mac) = mac.filter(|_| *state != NeighborState::Failed) {
            write!(f, "lladdr {} ", Mac(mac))?;
        }
        writeln!(f, "{} ", state_name(*state))
    }
}

/// A line of `ip route`.
struct Line<'a> {
    route: &'a Route,
    /// The address of ours that is used on a network of ours.
    source: Option<IpAddress>,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Route { destination, gateway, metric, source, port } = self.route;
        let (bits, is_v4) = (destination.prefix_len(), matches!(destination, IpCidr::Ipv4(_)));
        match bits {
            0 => f.write_str("default ")?,
            32 if is_v4 => write!(f, "{} ", destination.address())?,
            128 => write!(f, "{} ", destination.address())?,
            _ => write!(f, "{destination} ")?,
        }
        if let Some(gateway) = gateway {
            write!(f, "via {gateway} ")?;
        }
        write!(f, "dev {} ", port.name())?;
        match source {
            RouteSource::Connected => {
                f.write_str("proto kernel ")?;
                if is_v4 {
                    f.write_str("scope link ")?;
                }
            }
            RouteSource::Dhcp => f.write_str("proto dhcp ")?,
            // The network of an advertised prefix is one of ours, as the kernel of Linux has it.
            RouteSource::RouterAdvertisement if gateway.is_none() => {
                f.write_str("proto kernel ")?;
            }
            RouteSource::RouterAdvertisement => f.write_str("proto ra ")?,
            // A route that somebody adds on a network of ours reaches no further than the link.
            _ if is_v4 && gateway.is_none() => f.write_str("scope link ")?,
            _ => {}
        }
        if let (Some(address), RouteSource::Connected, true) = (self.source, source, is_v4) {
            write!(f, "src {address} ")?;
        }
        if *metric > 0 {
            write!(f, "metric {metric} ")?;
        }
        f.write_str(if is_v4 { "\n" } else { "pref medium\n" })
    }
}

/// What `ip route get` prints.
struct Got<'a> {
    to: IpAddress,
    choice: &'a RouteChoice,
}

impl fmt::Display for Got<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RouteChoice { route, source_address, .. } = self.choice;
        let is_local = route.port == Port::Lo;
        write!(f, "{}{} ", if is_local { "local " } else { "" }, self.to)?;
        let is_v6 = matches!(self.to, IpAddress::Ipv6(_));
        if is_v6 {
            f.write_str("from :: ")?;
        }
        if let Some(gateway) = route.gateway {
            write!(f, "via {gateway} ")?;
        }
        write!(f, "dev {} ", route.port.name())?;
        if is_v6 {
            let table = if is_local { "table local " } else { "" };
            let protocol = match route.source {
                RouteSource::RouterAdvertisement if route.gateway.is_some() => "ra",
                RouteSource::Static => "boot",
                _ => "kernel",
            };
            write!(f, "{table}proto {protocol} ")?;
        }
        if let Some(source) = source_address {
            write!(f, "src {source} ")?;
        }
        if is_v6 {
            return writeln!(f, "metric {} pref medium", route.metric);
        }
        writeln!(f, "uid 0 \n    cache {}", if is_local { "<local> " } else { "" })
    }
}

/// A paragraph of `ip address`, or of `ip link`.
struct Link<'a> {
    number: usize,
    status: &'a InterfaceStatus,
    family: Family,
    is_link: bool,
}

impl fmt::Display for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InterfaceStatus { port, is_up, is_running, mtu, mac, addresses, .. } = self.status;
        let name = port.name();
        let (kind, flags) = match port {
            Port::Lo => ("loopback", "LOOPBACK"),
            Port::Eth0 => ("ether", "BROADCAST,MULTICAST"),
        };
        let carrier = match (is_up, is_running) {
            (true, true) => ",UP,LOWER_UP",
            (true, false) => ",UP",
            _ => "",
        };
        // Before the flags of an interface without carrier.
        let none = if *is_up && !is_running { "NO-CARRIER," } else { "" };
        let state = match (port, is_running) {
            (Port::Lo, _) => "UNKNOWN",
            (Port::Eth0, true) => "UP",
            (Port::Eth0, false) => "DOWN",
        };
        write!(f, "{}: {name}: <{none}{flags}{carrier}> mtu {mtu} ", self.number)?;
        let long = self.family != Family::V6;
        write!(f, "{}state {state} ", if long { "qdisc noqueue " } else { "" })?;
        f.write_str(match (self.is_link, long) {
            (true, _) => "mode DEFAULT group default ",
            (false, true) => "group default ",
            _ => "",
        })?;
        f.write_str("qlen 1000\n")?;
        if self.is_link || self.family == Family::Any {
            let mac = mac.unwrap_or(EthernetAddress([0; 6]));
            let broadcast = if *port == Port::Lo { mac } else { EthernetAddress::BROADCAST };
            writeln!(f, "    link/{kind} {} brd {}", Mac(mac), Mac(broadcast))?;
        }
        // The addresses that reach farthest come first.
        let ranks = [Scope::Global, Scope::Link, Scope::Host];
        let ranked = ranks.iter().flat_map(|rank| {
            addresses.iter().filter(move |address| match address.cidr {
                IpCidr::Ipv4(_) => *rank == Scope::Global,
                IpCidr::Ipv6(cidr) => *rank == Scope::of(&cidr.address()),
            })
        });
        for address in ranked.filter(|_| !self.is_link) {
            match address.cidr {
                IpCidr::Ipv4(cidr) if self.family != Family::V6 => {
                    write!(f, "    inet {cidr} ")?;
                    if let Some(broadcast) = address.broadcast {
                        write!(f, "brd {broadcast} ")?;
                    }
                    let is_loopback = cidr.address().is_loopback();
                    let scope = if is_loopback { "host" } else { "global" };
                    writeln!(f, "scope {scope} {name}")?;
                }
                IpCidr::Ipv6(cidr) if self.family != Family::V4 => {
                    let scope = match Scope::of(&cidr.address()) {
                        Scope::Host => "host",
                        Scope::Link => "link",
                        Scope::Global => "global",
                    };
                    writeln!(f, "    inet6 {cidr} scope {scope} ")?;
                }
                _ => continue,
            }
            f.write_str("       valid_lft forever preferred_lft forever\n")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::super::arp::tests::neighbors;
    use super::super::golden;
    use super::super::interface::tests::{eth0, lo};
    use super::super::route_table::tests::routes;
    use super::*;

    /// Lines in an order of their own.
    fn sorted(text: &str) -> Vec<String> {
        let mut lines: Vec<_> = text.lines().map(String::from).collect();
        lines.sort();
        lines
    }

    #[test]
    fn neighbors_as_the_real_tool_prints_them() {
        let ours: String = neighbors().iter().map(|known| Known(known).to_string()).collect();
        let Some(real) = golden::real("ip", "ip neigh") else { return };
        assert_eq!(sorted(&ours), sorted(&real));
    }

    #[test]
    fn routes_as_the_real_tool_prints_them() {
        let mut routes = routes();
        routes[1].source = RouteSource::Connected;
        let source = "192.168.1.42".parse().ok();
        let ours: String = route_table::sorted(routes.into_iter(), false)
            .iter()
            .map(|route| Line { route, source }.to_string())
            .collect();
        let Some(real) = golden::real("ip", "ip route") else { return };
        assert_eq!(ours, real);
    }

    #[test]
    fn interfaces_as_the_real_tool_prints_them() {
        let mut eth0 = eth0();
        eth0.status.addresses[0].broadcast = "192.168.1.255".parse().ok();
        let lo = lo();
        for (options, family, is_link) in [
            ("address", Family::Any, false),
            ("-4 address", Family::V4, false),
            ("link", Family::Any, true),
        ] {
            let link = |number, status| Link { number, status, family, is_link };
            let ours =
                [link(1, &lo.status).to_string(), link(2, &eth0.status).to_string()].concat();
            // The one end of the pair is the board's; its name and number are the pair's.
            let command = std::format!(
                "(ip {options} show dev lo; ip {options} show dev eth0) | \
                 sed -e 's/^[0-9]*: eth0@peer0/2: eth0/'"
            );
            let Some(real) = golden::real("ip", &command) else { return };
            assert_eq!(ours, real, "{options}");
        }
    }

    #[test]
    fn the_way_as_the_real_tool_prints_it() {
        let routes = routes();
        let choice = |route: &Route| RouteChoice {
            route: *route,
            next_hop: route.gateway.unwrap_or(route.destination.address()),
            source_address: "192.168.1.42".parse().ok(),
            considered: heapless::Vec::new(),
        };
        for (to, index) in [("8.8.8.8", 3), ("10.1.2.3", 2), ("10.2.3.4", 0), ("192.168.1.5", 1)] {
            let choice = choice(&routes[index]);
            let ours = Got { to: to.parse().unwrap(), choice: &choice }.to_string();
            let command = std::format!("ip route get {to}");
            let Some(real) = golden::real("ip", &command) else { return };
            assert_eq!(ours, real, "{to}");
        }
    }
}
