//! `/sockets.json`, `/neighbors.json`, `/routes.json`, `/timers.json`: tables of the stack, an item
//! a row; and `/tables`, which shows them to people. What a row says is written down once.
//!
//! A table may be longer than a page. So it is written in [`Parts`], each of whole items; it may
//! change between two of them, and then a row may be missing or come twice.

use core::fmt::{self, Display, Write};
use core::time::Duration;

use smoltcp::wire::IpEndpoint;

use crate::Text;
use crate::net::{
    Neighbor, NeighborState, Protocol, Route, RouteSource, SocketInfo, SocketState, Timer,
};
use crate::status::Status;

use super::Source;
use super::page::{self, Place};
use super::response::Response;
use super::text::{Colons, Html, Json};

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

    /// The next item, which may take several parts: `fill` appends what fits of the rest, and
    /// returns true if there is no more.
    pub fn run(&mut self, fill: impl FnOnce(&mut Response) -> bool) {
        if self.is_full {
            return;
        }
        self.is_full = self.items >= self.skipped && !fill(self.out);
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

    /// A table: an array of objects, or for people one of HTML, whose head are the names of the
    /// first row.
    fn table<T>(
        &mut self,
        form: Form,
        rows: impl Iterator<Item = T>,
        write: fn(&T, &mut Row<'_>) -> fmt::Result,
    ) {
        let begin = if form == Form::Json { "[\n" } else { "<table class=\"wide\">" };
        self.item(|out| out.write_str(begin));
        let mut count = 0;
        for row in rows {
            self.item(|out| {
                if form == Form::Html && count == 0 {
                    Row::write(out, Form::Head, |line| write(&row, line))?;
                } else if form == Form::Json && count > 0 {
                    out.write_str(",\n")?;
                }
                Row::write(out, form, |line| write(&row, line))
            });
            count += 1;
        }
        let end = match form {
            Form::Json => "\n]\n",
            _ if count == 0 => "<tr><td>None.</td></tr></table>\n",
            _ => "</table>\n",
        };
        self.item(|out| out.write_str(end));
    }
}

/// For whom a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Programs.
    Json,
    /// People.
    Html,
    /// People: the names above the columns.
    Head,
}

/// A row, field by field.
struct Row<'a> {
    out: &'a mut Response,
    form: Form,
    begun: bool,
}

impl Row<'_> {
    fn write(
        out: &mut Response,
        form: Form,
        fields: impl FnOnce(&mut Row<'_>) -> fmt::Result,
    ) -> fmt::Result {
        out.write_str(if form == Form::Json { "{" } else { "<tr>" })?;
        fields(&mut Row { out, form, begun: false })?;
        out.write_str(if form == Form::Json { "}" } else { "</tr>\n" })
    }

    /// A field, or that there is none; a number stands without quotes.
    fn field(&mut self, name: &str, value: Option<&dyn Display>, is_number: bool) -> fmt::Result {
        let out = &mut *self.out;
        match (self.form, value) {
            (Form::Head, _) => {
                out.write_str("<th scope=\"col\">")?;
                for (index, word) in name.split('_').enumerate() {
                    write!(out, "{}{word}", if index > 0 { " " } else { "" })?;
                }
                out.write_str("</th>")
            }
            (Form::Html, None) => out.write_str("<td></td>"),
            (Form::Html, Some(value)) => write!(out, "<td>{}</td>", Html(value)),
            (Form::Json, value) => {
                let comma = if self.begun { "," } else { "" };
                self.begun = true;
                write!(out, "{comma}\"{name}\":")?;
                match value {
                    None => out.write_str("null"),
                    Some(value) if is_number => write!(out, "{value}"),
                    Some(value) => write!(out, "{}", Json(value)),
                }
            }
        }
    }

    fn text(&mut self, name: &str, value: &dyn Display) -> fmt::Result {
        self.field(name, Some(value), false)
    }

    fn text_or_null<T: Display>(&mut self, name: &str, value: Option<T>) -> fmt::Result {
        self.field(name, value.as_ref().map(|value| value as &dyn Display), false)
    }

    fn number(&mut self, name: &str, value: &dyn Display) -> fmt::Result {
        self.field(name, Some(value), true)
    }

    fn number_or_null<T: Display>(&mut self, name: &str, value: Option<T>) -> fmt::Result {
        self.field(name, value.as_ref().map(|value| value as &dyn Display), true)
    }
}

/// `/sockets.json`.
pub(super) fn sockets(source: &impl Source, form: Form, parts: &mut Parts<'_>) {
    parts.table(form, source.sockets(), socket);
}

/// `/neighbors.json`.
pub(super) fn neighbors(source: &impl Source, form: Form, parts: &mut Parts<'_>) {
    parts.table(form, source.neighbors(), neighbor);
}

/// `/routes.json`.
pub(super) fn routes(source: &impl Source, form: Form, parts: &mut Parts<'_>) {
    parts.table(form, source.routes(), route);
}

/// `/timers.json`: what the board will do by itself, and when.
pub(super) fn timers(source: &impl Source, form: Form, parts: &mut Parts<'_>) {
    let Status { dues, uptime, .. } = source.status();
    let addresses = dues.into_iter().filter_map(|(owner, due)| {
        let due_in = due?.saturating_sub(uptime);
        Some(Due { owner, what: "next step", of: None, due_in, tries: None })
    });
    let neighbors = source.neighbors().filter_map(|neighbor| {
        let Neighbor { address, state, expires_in, .. } = neighbor;
        let what = match state {
            NeighborState::Reachable => "no longer sure",
            NeighborState::Incomplete | NeighborState::Delay | NeighborState::Probe => "question",
            NeighborState::Failed | NeighborState::Stale | NeighborState::Permanent => "forgotten",
        };
        let of = Some((IpEndpoint::new(address, 0), None));
        Some(Due { owner: "neighbor", what, of, due_in: expires_in?, tries: None })
    });
    let sockets = source.sockets().filter_map(|socket| {
        let (what, micros, tries) = match socket.timer {
            Timer::Off => return None,
            Timer::On(micros, tries) => ("retransmission", micros, Some(tries)),
            Timer::KeepAlive(micros, tries) => ("keep-alive", micros, Some(tries)),
            Timer::Probe(micros, tries) => ("window probe", micros, Some(tries)),
            Timer::TimeWait(micros) => ("end of TIME-WAIT", micros, None),
        };
        let of = Some((socket.local, socket.remote));
        Some(Due { owner: "tcp", what, of, due_in: Duration::from_micros(micros), tries })
    });
    parts.table(form, addresses.chain(neighbors).chain(sockets), due);
}

/// `/tables`: all of them.
pub(super) fn page(source: &impl Source, parts: &mut Parts<'_>) {
    let small = "what the board knows of its network";
    parts.item(|out| page::begin(out, Place::Tables, &"Tables", &small));
    for (name, lead, id) in [
        (
            "Neighbors",
            "Who has which Ethernet address, by ARP and neighbor discovery: <code>arp -n</code>.",
            "neighbors",
        ),
        (
            "Routes",
            "Where a packet goes: the longest prefix wins. <code>route -n</code>, \
             <code>route get ADDRESS</code>.",
            "routes",
        ),
        ("Sockets", "Who listens, and who talks to whom: <code>netstat -nap</code>.", "sockets"),
        ("Timers", "What the board will do by itself, and when: <code>ss -tno</code>.", "timers"),
    ] {
        parts.item(|out| {
            write!(
                out,
                "<section><h2>{name}</h2><p class=\"lead\">{lead}</p><div class=\"scroll\" \
                 tabindex=\"0\" role=\"region\" aria-label=\"{name}\" id=\"{id}\" data-live>"
            )
        });
        match id {
            "neighbors" => neighbors(source, Form::Html, parts),
            "routes" => routes(source, Form::Html, parts),
            "sockets" => sockets(source, Form::Html, parts),
            _ => timers(source, Form::Html, parts),
        }
        parts.item(|out| out.write_str("</div></section>\n"));
    }
    let documents = ["neighbors.json", "routes.json", "sockets.json", "timers.json"];
    parts.item(|out| page::end(out, &documents));
}

fn socket(socket: &SocketInfo, row: &mut Row<'_>) -> fmt::Result {
    let protocol = match socket.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Raw => "raw",
    };
    row.text("protocol", &protocol)?;
    row.text("owner", &socket.owner)?;
    row.text("local_address", &socket.local.addr)?;
    row.number("local_port", &socket.local.port)?;
    row.text_or_null("remote_address", socket.remote.map(|remote| remote.addr))?;
    row.number_or_null("remote_port", socket.remote.map(|remote| remote.port))?;
    let state = Some(socket.state).filter(|state| *state != SocketState::Unconnected);
    row.text_or_null("state", state.map(SocketState::name))?;
    row.number("receive_queued", &socket.receive_queued)?;
    row.number("send_queued", &socket.send_queued)
}

fn neighbor(neighbor: &Neighbor, row: &mut Row<'_>) -> fmt::Result {
    let state = match neighbor.state {
        NeighborState::Incomplete => "incomplete",
        NeighborState::Reachable => "reachable",
        NeighborState::Stale => "stale",
        NeighborState::Delay => "delay",
        NeighborState::Probe => "probe",
        NeighborState::Failed => "failed",
        NeighborState::Permanent => "permanent",
    };
    row.text("address", &neighbor.address)?;
    row.text_or_null("mac", neighbor.mac.map(Colons))?;
    row.text("state", &state)?;
    row.number("since_seconds", &Seconds(neighbor.since))?;
    row.number_or_null("expires_in_seconds", neighbor.expires_in.map(Seconds))
}

fn route(route: &Route, row: &mut Row<'_>) -> fmt::Result {
    let source = match route.source {
        RouteSource::Connected => "connected",
        RouteSource::Dhcp => "dhcp",
        RouteSource::Static => "static",
        RouteSource::RouterAdvertisement => "router-advertisement",
        RouteSource::Loopback => "loopback",
    };
    row.text("destination", &route.destination)?;
    row.text_or_null("gateway", route.gateway)?;
    row.text("interface", &route.port.name())?;
    row.number("metric", &route.metric)?;
    row.text("source", &source)
}

/// What is to happen.
struct Due {
    owner: &'static str,
    what: &'static str,
    /// A neighbour, whose port is 0, or a connection.
    of: Option<(IpEndpoint, Option<IpEndpoint>)>,
    due_in: Duration,
    tries: Option<u32>,
}

/// Bytes of two endpoints of IPv6, and what is between them.
const ENDS_BYTES: usize = 100;

fn due(due: &Due, row: &mut Row<'_>) -> fmt::Result {
    row.text("owner", &due.owner)?;
    row.text("what", &due.what)?;
    let of = due.of.map(|(one, other)| match other {
        Some(other) => Text::<ENDS_BYTES>::of(format_args!("{one} to {other}")),
        None => Text::of(format_args!("{}", one.addr)),
    });
    row.text_or_null("of", of)?;
    row.number("due_in_seconds", &Seconds(due.due_in))?;
    row.number_or_null("tries", due.tries)
}

/// Seconds, to the microsecond.
pub(super) struct Seconds(pub Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0.as_secs(), self.0.subsec_micros())
    }
}
