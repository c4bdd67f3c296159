//! `hosts`: the names we know by ourselves.

use core::fmt;

use smoltcp::wire::{IpAddress, Ipv4Address, Ipv6Address};

use super::route_table::Pad;
use super::{About, Argument, Arguments, Context, Outcome, SUCCESS};
use crate::System;
use crate::limits::ADDRESSES;

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[NAME|ADDRESS]...",
    summary: "print the table of hosts",
    operands: super::Operands::Hosts,
    ..About::NEW
};

/// The exit status of getent(1) for a key that is not found.
const NOT_FOUND: Outcome = Outcome::Status(2);

/// A row of the table.
struct Host<'a> {
    address: IpAddress,
    name: &'a str,
    /// It has its name with `.local`, too.
    is_local: bool,
}

impl Host<'_> {
    fn is_called(&self, name: &str) -> bool {
        let local = if self.is_local { name.strip_suffix(".local") } else { None };
        [Some(name), local].into_iter().flatten().any(|name| name.eq_ignore_ascii_case(self.name))
    }
}

/// As `getent hosts` prints it.
impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", Pad(15, &self.address))?;
        match self.is_local {
            true => writeln!(f, "{}.local {}", self.name, self.name),
            false => writeln!(f, "{}", self.name),
        }
    }
}

fn table(system: &System) -> heapless::Vec<Host<'_>, { ADDRESSES + 2 }> {
    let localhost = [Ipv4Address::LOCALHOST.into(), Ipv6Address::LOCALHOST.into()];
    let mut table: heapless::Vec<_, { ADDRESSES + 2 }> = localhost
        .into_iter()
        .map(|address| Host { address, name: "localhost", is_local: false })
        .collect();
    for address in own(system) {
        // Cannot fail: there is room for all addresses.
        let _ = table.push(Host { address, name: system.hostname(), is_local: true });
    }
    table
}

/// The board's addresses, those of the loopback interface not among them.
pub fn own(system: &System) -> heapless::Vec<IpAddress, ADDRESSES> {
    let interfaces = system.interfaces();
    let all = interfaces.iter().flat_map(|interface| &interface.addresses);
    all.map(|address| address.cidr.address()).filter(|address| !is_loopback(address)).collect()
}

fn is_loopback(address: &IpAddress) -> bool {
    match address {
        IpAddress::Ipv4(address) => address.is_loopback(),
        IpAddress::Ipv6(address) => address.is_loopback(),
    }
}

/// The address of a name of the table, or written as a number; of one family.
pub fn lookup(system: &System, name: &str, is_v6: bool) -> Option<IpAddress> {
    let of_family = |address: &IpAddress| matches!(address, IpAddress::Ipv6(_)) == is_v6;
    if let Ok(address) = name.parse() {
        return Some(address).filter(of_family);
    }
    let table = table(system);
    let mut named = table.iter().filter(|host| host.is_called(name)).map(|host| host.address);
    named.find(of_family)
}

/// The name of an address in the table.
pub fn name_of<'a>(system: &'a System, address: &IpAddress) -> Option<&'a str> {
    if is_loopback(address) {
        return Some("localhost");
    }
    own(system).contains(address).then(|| system.hostname())
}

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let table = table(context.system);
    let mut outcome = SUCCESS;
    let mut any = false;
    for argument in arguments {
        let Argument::Operand(key) = argument else { continue };
        any = true;
        let is_it = |host: &Host<'_>| host.is_called(key) || key.parse() == Ok(host.address);
        let mut found = table.iter().filter(|host| is_it(host)).peekable();
        if found.peek().is_none() {
            outcome = NOT_FOUND;
        }
        for host in found {
            context.print(format_args!("{host}")).await;
        }
    }
    if !any {
        for host in &table {
            context.print(format_args!("{host}")).await;
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;
    use crate::testing::system;

    #[test]
    fn names_and_addresses() {
        let system = system();
        let localhost: IpAddress = Ipv4Address::LOCALHOST.into();
        assert_eq!(lookup(system, "localhost", false), Some(localhost));
        assert_eq!(lookup(system, "LOCALHOST", true), Some(Ipv6Address::LOCALHOST.into()));
        assert_eq!(lookup(system, "127.0.0.1", false), Some(localhost));
        assert_eq!(lookup(system, "127.0.0.1", true), None);
        for name in ["", ".local", "nosuch", "localhost.local", "1.2.3", "256.1.1.1"] {
            assert_eq!(lookup(system, name, false), None, "{name:?}");
        }
        assert_eq!(name_of(system, &localhost), Some("localhost"));
        assert_eq!(name_of(system, &crate::net::ANY), None);
    }

    /// As `getent hosts localhost` printed it.
    #[test]
    fn a_row() {
        let mut host =
            Host { address: Ipv4Address::LOCALHOST.into(), name: "localhost", is_local: false };
        assert_eq!(host.to_string(), "127.0.0.1       localhost\n");
        host.is_local = true;
        assert!(host.is_called("localhost.local"));
    }
}
