//! The columns of `ss`, as wide as what is in them.

use core::fmt;

use smoltcp::wire::{IpAddress, IpEndpoint};

use super::super::hosts::name_of;
use super::details::Holder;
use super::{STATES, Socket, Wanted};
use crate::net::Protocol;
use crate::net::names::services;
use crate::{System, Text};

/// Columns whose width depends on what is in them.
const COLUMNS: usize = 9;
/// Those that stand at the right.
const RIGHT: [usize; 2] = [4, 6];
/// Those with a space before them, unless they are the first.
const SPACED: [usize; 5] = [1, 2, 3, 4, 6];

/// The last column, which is as wide as its text if more follows behind.
const LAST: usize = COLUMNS - 1;

/// The text of a row's columns: kind, state, queues, addresses and ports, who holds it and what it
/// waits for; empty ones are left out.
pub struct Cells([Text<64>; COLUMNS]);

impl Cells {
    /// The headings.
    pub fn header(wanted: &Wanted) -> Self {
        let kind = if wanted.has_kinds() { "Netid" } else { "" };
        let state = if wanted.one_state { "" } else { "State" };
        let rest = ["Recv-Q", "Send-Q", "Local Address:", "Port", "Peer Address:", "Port"];
        let [a, b, c, d, e, f] = rest;
        Self([kind, state, a, b, c, d, e, f, "Process"].map(Text::from))
    }

    /// Those of a socket.
    pub fn of(socket: &Socket, wanted: &Wanted, system: Option<&System>) -> Self {
        let kind = match socket.protocol {
            _ if !wanted.has_kinds() => "",
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Raw => "raw",
        };
        let state = if wanted.one_state { "" } else { STATES[socket.state].1 };
        let anybody = IpEndpoint::new(socket.local.addr.any(), 0);
        let names = Names { wanted, system, protocol: socket.protocol };
        let (local, port) = names.of(socket.local);
        let (peer, peer_port) = names.of(socket.remote.unwrap_or(anybody));
        // As wide as their headings, even where those are not printed.
        let number = |number: usize| Text::of(format_args!("{number:<6}"));
        Self([
            Text::from(kind),
            Text::from(state),
            number(socket.received),
            number(socket.sent),
            local,
            port,
            peer,
            peer_port,
            Text::of(format_args!("{}", Holder { socket, wanted })),
        ])
    }
}

/// An unspecified address of the same family.
trait Any {
    fn any(&self) -> IpAddress;
}

impl Any for IpAddress {
    fn any(&self) -> IpAddress {
        match self {
            IpAddress::Ipv4(_) => crate::net::ANY,
            IpAddress::Ipv6(_) => crate::net::ANY_V6,
        }
    }
}

/// Turns endpoints into text.
struct Names<'a> {
    wanted: &'a Wanted,
    system: Option<&'a System>,
    protocol: Protocol,
}

impl Names<'_> {
    /// The address with a colon, and the port.
    fn of(&self, endpoint: IpEndpoint) -> (Text<64>, Text<64>) {
        let IpEndpoint { addr, port } = endpoint;
        let known = self.system.filter(|_| self.wanted.resolve);
        let host = match (known.and_then(|system| name_of(system, &addr)), addr) {
            (Some(name), _) => Text::of(format_args!("{name}:")),
            // Either family.
            (None, IpAddress::Ipv6(addr)) if addr.is_unspecified() => Text::from("*:"),
            (None, IpAddress::Ipv6(addr)) if addr.is_unicast_link_local() => {
                Text::of(format_args!("[{addr}]%eth0:"))
            }
            (None, IpAddress::Ipv6(addr)) => Text::of(format_args!("[{addr}]:")),
            (None, IpAddress::Ipv4(addr)) => Text::of(format_args!("{addr}:")),
        };
        let by = match self.protocol {
            Protocol::Udp => services::Protocol::Udp,
            _ => services::Protocol::Tcp,
        };
        let service = match self.protocol {
            _ if self.wanted.numeric => None,
            Protocol::Raw if port == 1 => Some("icmp"),
            Protocol::Raw => None,
            _ => services::name_of(port, by),
        };
        let port = match (port, service) {
            (0, _) => Text::from("*"),
            (_, Some(name)) => Text::from(name),
            (port, None) => Text::of(format_args!("{port}")),
        };
        (host, port)
    }
}

/// The widths of all columns.
#[derive(Clone, Copy, Debug, Default)]
pub struct Widths([usize; COLUMNS]);

impl Widths {
    /// Makes room for a row; `more` follows behind it.
    pub fn fit(&mut self, cells: &Cells, more: bool) {
        for (width, cell) in self.0.iter_mut().zip(&cells.0).take(COLUMNS - usize::from(more)) {
            *width = (*width).max(cell.chars().count());
        }
    }
}

/// A row in its columns, with all spaces before what follows.
pub struct Row<'a>(pub &'a Cells, pub &'a Widths);

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Cells(cells), Widths(widths)) = self;
        let mut is_first = true;
        for (column, (cell, &width)) in cells.iter().zip(widths).enumerate() {
            if width == 0 && column != LAST {
                continue;
            }
            if !is_first && SPACED.contains(&column) {
                f.write_str(" ")?;
            }
            is_first = false;
            match RIGHT.contains(&column) {
                true => write!(f, "{:>width$}", cell.as_str())?,
                false => write!(f, "{:<width$}", cell.as_str())?,
            }
        }
        Ok(())
    }
}
