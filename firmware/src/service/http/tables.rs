//! `/sockets.json`, `/neighbors.json`, `/routes.json`: tables of the stack, an item a row.
//!
//! A table may be longer than a page. So it is written in [`Parts`], each of whole items; it may
//! change between two of them, and then a row may be missing or come twice.

use core::fmt::{self, Display, Write};
use core::time::Duration;

use crate::net::{Neighbor, NeighborState, Protocol, Route, RouteSource, SocketInfo, SocketState};

use super::Source;
use super::response::Response;
use super::text::{Colons, Json};

/// The next part of a document that is a row of items. The document is written from its beginning
/// each time; what was written before is left out, and so is what no longer fits.
pub(super) struct Parts<'a> {
    out: &'a mut Response,
    /// Items that earlier parts have.
    skipped: usize,
    /// Items so far, those included.
    items: usize,
    is_full: bool,
}

impl<'a> Parts<'a> {
    /// The part after `skipped` items.
    pub fn after(skipped: usize, out: &'a mut Response) -> Self {
        Self { out, skipped, items: 0, is_full: false }
    }

    /// The next item, whole or not at all.
    pub fn item(&mut self, write: impl FnOnce(&mut Response) -> fmt::Result) {
        if self.is_full {
            return;
        }
        if self.items >= self.skipped {
            let before = self.out.length();
            if write(self.out).is_err() {
                self.out.truncate(before);
                // One that does not even fit alone is left out, and not tried for ever.
                self.is_full = before > 0;
            }
        }
        self.items += usize::from(!self.is_full);
    }

    /// Items that are written by now.
    pub fn written(&self) -> usize {
        self.items
    }

    /// True if this was the last part.
    pub fn is_done(&self) -> bool {
        !self.is_full
    }

    /// An array, an item a row.
    fn array<T>(
        &mut self,
        rows: impl Iterator<Item = T>,
        write: fn(&T, &mut Response) -> fmt::Result,
    ) {
        self.item(|out| out.write_str("[\n"));
        for (index, row) in rows.enumerate() {
            self.item(|out| {
                out.write_str(if index > 0 { ",\n" } else { "" })?;
                write(&row, out)
            });
        }
        self.item(|out| out.write_str("\n]\n"));
    }
}

/// `/sockets.json`.
pub(super) fn sockets(source: &impl Source, parts: &mut Parts<'_>) {
    parts.array(source.sockets(), socket);
}

/// `/neighbors.json`.
pub(super) fn neighbors(source: &impl Source, parts: &mut Parts<'_>) {
    parts.array(source.neighbors(), neighbor);
}

/// `/routes.json`.
pub(super) fn routes(source: &impl Source, parts: &mut Parts<'_>) {
    parts.array(source.routes(), route);
}

fn socket(socket: &SocketInfo, out: &mut Response) -> fmt::Result {
    let protocol = match socket.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Raw => "raw",
    };
    write!(out, "{{\"protocol\":\"{protocol}\",\"owner\":{}", Json(socket.owner))?;
    let local = socket.local;
    write!(out, ",\"local_address\":\"{}\",\"local_port\":{}", local.addr, local.port)?;
    let remote = socket.remote;
    write!(out, ",\"remote_address\":{}", OrNull(remote.map(|remote| Json(remote.addr))))?;
    write!(out, ",\"remote_port\":{}", OrNull(remote.map(|remote| remote.port)))?;
    let state = Some(socket.state).filter(|state| *state != SocketState::Unconnected);
    write!(out, ",\"state\":{}", OrNull(state.map(|state| Json(state.name()))))?;
    write!(out, ",\"receive_queued\":{}", socket.receive_queued)?;
    write!(out, ",\"send_queued\":{}}}", socket.send_queued)
}

fn neighbor(neighbor: &Neighbor, out: &mut Response) -> fmt::Result {
    let state = match neighbor.state {
        NeighborState::Incomplete => "incomplete",
        NeighborState::Reachable => "reachable",
        NeighborState::Stale => "stale",
        NeighborState::Delay => "delay",
        NeighborState::Probe => "probe",
        NeighborState::Failed => "failed",
        NeighborState::Permanent => "permanent",
    };
    write!(out, "{{\"address\":\"{}\"", neighbor.address)?;
    write!(out, ",\"mac\":{}", OrNull(neighbor.mac.map(|mac| Json(Colons(mac)))))?;
    write!(out, ",\"state\":\"{state}\",\"since_seconds\":{}", Seconds(neighbor.since))?;
    write!(out, ",\"expires_in_seconds\":{}}}", OrNull(neighbor.expires_in.map(Seconds)))
}

fn route(route: &Route, out: &mut Response) -> fmt::Result {
    let source = match route.source {
        RouteSource::Connected => "connected",
        RouteSource::Dhcp => "dhcp",
        RouteSource::Static => "static",
        RouteSource::RouterAdvertisement => "router-advertisement",
        RouteSource::Loopback => "loopback",
    };
    write!(out, "{{\"destination\":\"{}\"", route.destination)?;
    write!(out, ",\"gateway\":{}", OrNull(route.gateway.map(Json)))?;
    write!(out, ",\"interface\":\"{}\",\"metric\":{}", route.port.name(), route.metric)?;
    write!(out, ",\"source\":\"{source}\"}}")
}

/// A value, or `null`.
struct OrNull<T>(Option<T>);

impl<T: Display> Display for OrNull<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("null"),
        }
    }
}

/// Seconds, to the microsecond.
pub(super) struct Seconds(pub Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0.as_secs(), self.0.subsec_micros())
    }
}
