//! The routing table as net-tools 2.10 prints it, for `route` and `netstat -r`.

use core::fmt;

use smoltcp::wire::{IpAddress, IpCidr};

use super::Context;
use crate::limits::ROUTES;
use crate::net::Route;
use crate::net::names::resolver::reverse;

/// Which columns follow the flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// MSS, window and round-trip time: `netstat -r`, `route -e`.
    Window,
    /// Metric, references and use: `route`, `netstat -re`.
    Metric,
    /// All of them: `-ee`.
    Both,
}

const TITLE: &str = "Kernel IP routing table\n";
const TITLE_V6: &str = "Kernel IPv6 routing table\n";
const HEADER: &str = "Destination     Gateway         Genmask         Flags";
const HEADER_V6: &str =
    "Destination                    Next Hop                   Flag Met Ref  Use If\n";

impl Columns {
    const fn header(self) -> &'static str {
        match self {
            Self::Window => "   MSS Window  irtt Iface\n",
            Self::Metric => " Metric Ref    Use Iface\n",
            Self::Both => " Metric Ref    Use Iface    MSS   Window irtt\n",
        }
    }
}

/// A line of the table.
pub struct Line<'a> {
    pub route: &'a Route,
    pub columns: Columns,
    /// False: the default route is called so.
    pub numeric: bool,
    /// What its router is called, if that is wanted and known.
    pub gateway_name: Option<&'a str>,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Route { destination, gateway, metric, port, .. } = self.route;
        let mut flags = heapless::String::<4>::new();
        let is_host = destination.prefix_len() == address_bits(&destination.address());
        for (is_set, flag) in [(true, 'U'), (gateway.is_some(), 'G'), (is_host, 'H')] {
            if is_set {
                // Three fit.
                let _ = flags.push(flag);
            }
        }
        let interface = port.name();
        let IpCidr::Ipv4(v4) = destination else {
            let next_hop = gateway.unwrap_or(crate::net::ANY_V6);
            write!(f, "{} {} {flags:<4} ", Pad(30, destination), Pad(26, &next_hop))?;
            return writeln!(f, "{metric:<3} 1{:>7} {interface}", 0);
        };
        match v4.prefix_len() {
            0 if !self.numeric => write!(f, "{:<15}", "default")?,
            _ => write!(f, "{}", Pad(15, &v4.address()))?,
        }
        match self.gateway_name {
            Some(name) => write!(f, " {name:<15.15}")?,
            None => write!(f, " {}", Pad(15, &gateway.unwrap_or(crate::net::ANY)))?,
        }
        write!(f, " {} {flags:<5} ", Pad(15, &v4.netmask()))?;
        match self.columns {
            Columns::Window => writeln!(f, "{:>5} {:<5} {:>6} {interface}", 0, 0, 0),
            Columns::Metric => writeln!(f, "{metric:<6} {:<2} {:>7} {interface}", 0, 0),
            Columns::Both => {
                write!(f, "{metric:<6} {:<3} {:>6} {interface:<8} ", 0, 0)?;
                writeln!(f, "{:<5} {:<6} {}", 0, 0, 0)
            }
        }
    }
}

/// Something at the left of a column. Addresses of smoltcp do not fill columns by themselves.
pub struct Pad<'a, T>(pub usize, pub &'a T);

impl<T: fmt::Display> fmt::Display for Pad<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = crate::Text::<64>::of(format_args!("{}", self.1));
        write!(f, "{:<1$}", text.as_str(), self.0)
    }
}

/// The routes of a family in the order of Linux's listing, which is by address and not that of the
/// search.
pub fn sorted(routes: impl Iterator<Item = Route>, is_v6: bool) -> heapless::Vec<Route, ROUTES> {
    let of_family = |route: &Route| matches!(route.destination, IpCidr::Ipv6(_)) == is_v6;
    let mut sorted: heapless::Vec<_, ROUTES> = routes.filter(of_family).take(ROUTES).collect();
    sorted.sort_unstable_by_key(|route| {
        let length = u8::MAX - route.destination.prefix_len();
        (route.destination.address(), length, route.metric)
    });
    sorted
}

/// Prints the table of a family.
pub async fn show(context: &Context<'_>, columns: Columns, numeric: bool, is_v6: bool) {
    if is_v6 {
        context.write(TITLE_V6).await;
        context.write(HEADER_V6).await;
    } else {
        for text in [TITLE, HEADER, columns.header()] {
            context.write(text).await;
        }
    }
    for route in &sorted(context.system.routes(), is_v6) {
        let name = match route.gateway {
            Some(gateway) if !numeric && !is_v6 => reverse(context.system, gateway).await,
            _ => None,
        };
        let gateway_name = name.as_deref();
        let line = Line { route, columns, numeric, gateway_name };
        context.print(format_args!("{line}")).await;
    }
}

/// Bits of an address.
pub const fn address_bits(address: &IpAddress) -> u8 {
    match address {
        IpAddress::Ipv4(_) => 32,
        IpAddress::Ipv6(_) => 128,
    }
}

/// An address written as a number.
#[cfg(test)]
pub fn literal(text: &str) -> Option<IpAddress> {
    text.parse().ok()
}

#[cfg(test)]
pub mod tests {
    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::super::golden;
    use super::*;
    use crate::net::{Port, RouteSource};

    pub fn route(destination: &str, gateway: &str, metric: u32) -> Route {
        Route {
            destination: destination.parse().unwrap(),
            gateway: literal(gateway),
            metric,
            source: RouteSource::Static,
            port: Port::Eth0,
        }
    }

    /// The routes of [`golden`]'s namespace, the longest prefix first.
    pub fn routes() -> Vec<Route> {
        [
            route("10.2.3.4/32", "192.168.1.254", 0),
            route("192.168.1.0/24", "", 0),
            route("10.1.0.0/16", "192.168.1.254", 5),
            route("0.0.0.0/0", "192.168.1.1", 0),
        ]
        .into()
    }

    fn table(columns: Columns, numeric: bool) -> String {
        let mut text = [TITLE, HEADER, columns.header()].concat();
        for route in &sorted(routes().into_iter(), false) {
            text += &Line { route, columns, numeric, gateway_name: None }.to_string();
        }
        text
    }

    #[test]
    fn as_the_real_tools_print_it() {
        for (command, columns, numeric) in [
            ("netstat -nr", Columns::Window, true),
            ("netstat -r", Columns::Window, false),
            ("netstat -rne", Columns::Metric, true),
            ("route", Columns::Metric, false),
            ("route -n", Columns::Metric, true),
            ("route -ne", Columns::Window, true),
            ("route -nee", Columns::Both, true),
        ] {
            let tool = command.split(' ').next().unwrap();
            if let Some(real) = golden::real(tool, command) {
                assert_eq!(table(columns, numeric), real, "{command}");
            }
        }
    }

    #[test]
    fn of_ipv6_as_net_tools_printed_it() {
        let line = |destination, gateway, metric| {
            let route = route(destination, gateway, metric);
            Line { route: &route, columns: Columns::Metric, numeric: true, gateway_name: None }
                .to_string()
        };
        assert_eq!(
            line("fe80::/64", "", 256),
            "fe80::/64                      ::                         U    256 1      0 eth0\n"
        );
        assert_eq!(
            line("::/0", "fe80::90bf:faff:fe94:c44f", 1024),
            "::/0                           fe80::90bf:faff:fe94:c44f  UG   1024 1      0 eth0\n"
        );
    }
}
