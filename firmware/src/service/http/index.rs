//! `/`: the board and its live counters, for people.
//!
//! The page is whole without a script; `web/board.js` lets its numbers move. Where a value stands
//! in `/status.json` is told by `data-path`. Wide enough for a screen, and narrow enough for a
//! phone of 360 pixels.

use core::fmt::{self, Write};
use core::time::Duration;

use smoltcp::wire::Ipv4Address;

use crate::limits::{HTTP_PORT, TELNET_PORT};
use crate::status::{BoardFacts, Direction, Status};

use super::Source;
use super::page::{self, Live, Place, begin_table, end_table, row};
use super::response::Response;
use super::tables::Parts;
use super::text::{Colons, Html};

/// Writes the page, a section an item.
pub(super) fn page(source: &impl Source, parts: &mut Parts<'_>) {
    let status = &source.status();
    let facts = source.facts();
    parts.item(|out| {
        page::begin(out, Place::Board, &status.hostname, &facts.model)?;
        writeln!(
            out,
            "<p class=\"lead\">Bare metal: this page comes from a Raspberry Pi that runs no \
             operating system, only <b>barewire</b>, up for {}. The numbers are \
             <span id=\"live\">of this moment; <a href=\"/\">reload</a> for new ones</span>.</p>\n\
             <div class=\"grid\">",
            Live("uptime_seconds", "uptime", Uptime(status.uptime)),
        )
    });
    parts.item(|out| network(out, status));
    parts.item(|out| board(out, status, facts));
    parts.item(|out| layers(out, source, status));
    parts.item(|out| traffic(out, status));
    parts.item(|out| drops(out, source));
    parts.item(|out| services(out, source, status));
    parts.item(|out| hints(out, status));
    parts.item(|out| {
        out.write_str("</div>\n")?;
        page::end(out, &["status.json", "metrics"])
    });
}

fn network(out: &mut Response, status: &Status) -> fmt::Result {
    begin_table(out, "Network", "")?;
    let address = status.address.as_ref().map(|ipv4| ipv4.address);
    let address = Live("ipv4", "cidr", Either(address.ok_or("none yet")));
    row(out, "Address", format_args!("<b>{address}</b>"))?;
    if let Some(ipv4) = &status.address {
        row(out, "Given by", format_args!("{}", ipv4.source))?;
        let router = Either(ipv4.router.ok_or("none"));
        row(out, "Router", format_args!("{}", Live("ipv4.router", "text", router)))?;
        for server in &ipv4.dns {
            row(out, "Name server", format_args!("{server}"))?;
        }
    }
    row(out, "IPv6", format_args!("{}", Live("ipv6", "cidrs", Lines(&status.ipv6))))?;
    row(out, "Link", format_args!("{}", Live("link", "link", status.link)))?;
    if let Some(nic) = &status.nic {
        row(out, "Ethernet", format_args!("<code>{}</code>", Colons(nic.mac)))?;
        row(out, "Driver", format_args!("{}", Html(nic.driver)))?;
        row(out, "On the bus", format_args!("<code>{}</code>", Html(&nic.topology)))?;
    }
    end_table(out)
}

fn board(out: &mut Response, status: &Status, facts: &BoardFacts) -> fmt::Result {
    begin_table(out, "Board", "")?;
    row(out, "Model", format_args!("{}", Html(&facts.model)))?;
    if facts.revision != 0 {
        row(out, "Revision", format_args!("<code>{:06x}</code>", facts.revision))?;
    }
    if facts.serial != 0 {
        row(out, "Serial", format_args!("<code>{:016x}</code>", facts.serial))?;
    }
    if facts.cpu_hz != 0 {
        row(out, "Clock", format_args!("{} MHz", facts.cpu_hz / 1_000_000))?;
    }
    let (used, all) = (Size(facts.used_bytes), Size(facts.memory_bytes));
    row(out, "Memory", format_args!("{used} used of {all}"))?;
    row(out, "Loaded at", format_args!("<code>{:#x}</code>", facts.loaded_at))?;
    let up = Uptime(status.uptime);
    row(out, "Up for", format_args!("{}", Live("uptime_seconds", "uptime", up)))?;
    let why = if facts.restart.is_empty() { "not known" } else { facts.restart.as_str() };
    row(out, "Last restart", format_args!("{}", Live("board.restart", "text", Html(why))))?;
    end_table(out)
}

/// The stack as a stack, and what each floor has to do. The script lets frames rise and sink at its
/// sides.
fn layers(out: &mut Response, source: &impl Source, status: &Status) -> fmt::Result {
    out.write_str(
        "<section><h2>From wire to service</h2><div class=\"flow\">\
         <div class=\"lane up\" aria-hidden=\"true\"></div><ol class=\"stack\">\n",
    )?;
    let counters = source.counters();
    let nic = &status.nic_counters;
    let (received, sent) = (&status.received, &status.sent);
    for (name, what, counts, paths) in [
        (
            "Services",
            ["requests", "commands"],
            [counters.http_requests.get(), counters.commands.get()],
            ["services.http_requests", "services.commands"],
        ),
        (
            "TCP",
            ["accepted", "open"],
            [counters.tcp_accepted.get(), status.sockets.connected as u64],
            ["services.tcp_accepted", "tcp_sockets.connected"],
        ),
        (
            "IP, ARP, guard",
            ["dropped in", "out"],
            [received.dropped, sent.dropped],
            ["received.dropped", "sent.dropped"],
        ),
        (
            "Ethernet",
            ["frames in", "out"],
            [received.packets, sent.packets],
            ["received.packets", "sent.packets"],
        ),
        (
            "USB",
            ["transfers in", "out"],
            [nic.transfers_in, nic.transfers_out],
            ["driver.transfers_in", "driver.transfers_out"],
        ),
    ] {
        let [one, other] = [0, 1].map(|at| Live(paths[at], "count", counts[at]));
        let [of_one, of_other] = what;
        writeln!(
            out,
            "<li><b>{name}</b> <span class=\"count\">{of_one} {one}, {of_other} {other}</span></li>"
        )?;
    }
    out.write_str(
        "</ol><div class=\"lane down\" aria-hidden=\"true\"></div></div>\
         <p class=\"lead\" id=\"flow\">Frames rise on the left and sink on the right; a floor \
         lights up when something moves on it.</p></section>\n",
    )
}

fn traffic(out: &mut Response, status: &Status) -> fmt::Result {
    begin_table(out, "Traffic", " class=\"n\"")?;
    out.write_str(
        "<thead><tr><th scope=\"col\">what</th><th scope=\"col\">received</th>\
         <th scope=\"col\">sent</th></tr></thead>\n",
    )?;
    let (received, sent) = (&status.received, &status.sent);
    let of = |count: fn(&Direction) -> u64| [count(received), count(sent)];
    let nic = &status.nic_counters;
    let usb = [nic.transfers_in, nic.transfers_out];
    // Since the start; the script shows those of the last second.
    let seconds = status.uptime.as_secs().max(1);
    let rate = |counts: [u64; 2]| counts.map(|count| count / seconds);
    let (frames, bytes) = (of(|counts| counts.packets), of(|counts| counts.bytes));
    let (frame_paths, byte_paths) =
        (["received.packets", "sent.packets"], ["received.bytes", "sent.bytes"]);
    for (name, counts, paths, form, is_bad) in [
        ("Frames a second", rate(frames), frame_paths, "rate", false),
        ("Bytes a second", rate(bytes), byte_paths, "size-rate", false),
        ("Frames", frames, frame_paths, "count", false),
        ("Bytes", bytes, byte_paths, "size", false),
        ("Errors", of(|counts| counts.errors), ["received.errors", "sent.errors"], "count", true),
        (
            "Dropped",
            of(|counts| counts.dropped),
            ["received.dropped", "sent.dropped"],
            "count",
            true,
        ),
        (
            "Overruns",
            of(|counts| counts.overruns),
            ["received.overruns", "sent.overruns"],
            "count",
            true,
        ),
        (
            "Frame / carrier",
            of(|counts| counts.frame),
            ["received.frame", "sent.carrier"],
            "count",
            true,
        ),
        ("USB transfers", usb, ["driver.transfers_in", "driver.transfers_out"], "count", false),
    ] {
        let class = match (is_bad, counts == [0, 0]) {
            (true, true) => " class=\"zero\" data-bad",
            (true, false) => " class=\"hot\" data-bad",
            (false, _) => "",
        };
        write!(out, "<tr{class}><th scope=\"row\">{name}</th>")?;
        for (count, path) in counts.into_iter().zip(paths) {
            match form {
                "size" | "size-rate" => write!(out, "<td>{}</td>", Live(path, form, Size(count)))?,
                _ => write!(out, "<td>{}</td>", Live(path, form, count))?,
            }
        }
        out.write_str("</tr>\n")?;
    }
    end_table(out)
}

fn drops(out: &mut Response, source: &impl Source) -> fmt::Result {
    begin_table(out, "Dropped, by reason", " class=\"n\" id=\"drops\"")?;
    for (why, count) in source.drops().iter().filter(|(_, count)| *count > 0) {
        out.write_str("<tr class=\"hot\"><th scope=\"row\">")?;
        // Names are words with underscores.
        why.name().split('_').enumerate().try_for_each(|(index, word)| {
            write!(out, "{}{word}", if index > 0 { " " } else { "" })
        })?;
        writeln!(out, "</th><td>{count}</td></tr>")?;
    }
    let silent = source.drops().iter().filter(|(_, count)| *count == 0).count();
    writeln!(out, "<tr class=\"zero\"><th scope=\"row\">other reasons</th>")?;
    writeln!(out, "<td>{silent} of them: 0</td></tr>")?;
    end_table(out)
}

fn services(out: &mut Response, source: &impl Source, status: &Status) -> fmt::Result {
    begin_table(out, "Services", " class=\"n\"")?;
    for listener in &status.listeners {
        let (owner, port) = (Html(listener.owner), listener.port);
        writeln!(out, "<tr><th scope=\"row\">{owner}</th><td>port {port}</td></tr>")?;
    }
    let counters = source.counters();
    let sockets = &status.sockets;
    for (name, path, count) in [
        ("HTTP requests", "services.http_requests", counters.http_requests.get()),
        ("HTTP errors", "services.http_errors", counters.http_errors.get()),
        ("Shells open", "services.shells", counters.shells.get()),
        ("Telnet open", "services.telnet_open", counters.telnet_open.get()),
        ("Telnet sessions", "services.telnet_sessions", counters.telnet_sessions.get()),
        ("Telnet refused", "services.telnet_refused", counters.telnet_refused.get()),
        ("Shell commands", "services.commands", counters.commands.get()),
        ("TCP accepted", "services.tcp_accepted", counters.tcp_accepted.get()),
        ("TCP connected", "tcp_sockets.connected", sockets.connected as u64),
        ("TCP listening", "tcp_sockets.listening", sockets.listening as u64),
        ("TCP closing", "tcp_sockets.closing", sockets.closing as u64),
        ("TCP free", "tcp_sockets.free", sockets.free as u64),
        ("Turns of the loop", "polls", status.polls),
    ] {
        row(out, name, format_args!("{}", Live(path, "count", count)))?;
    }
    end_table(out)
}

fn hints(out: &mut Response, status: &Status) -> fmt::Result {
    let address =
        status.address.as_ref().map_or(Ipv4Address::UNSPECIFIED, |ipv4| ipv4.address.address());
    writeln!(
        out,
        "<section><h2>From your desk</h2>\n<pre tabindex=\"0\">ping {address}\ntelnet {address}\n\
         curl http://{address}/status.json</pre>\n\
         <p>A USB host controller, an Ethernet chip behind it and a TCP/IP stack, driven by one \
         Rust program without a heap. The shell answers on port {TELNET_PORT} and on the serial \
         console, this server on port {HTTP_PORT}; type <code>help</code>.</p></section>"
    )
}

/// What there is, or that there is nothing.
struct Either<T>(Result<T, &'static str>);

impl<T: fmt::Display> fmt::Display for Either<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Ok(value) => value.fmt(f),
            Err(nothing) => f.write_str(nothing),
        }
    }
}

/// Values, a line each.
struct Lines<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Lines<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        self.0.iter().enumerate().try_for_each(|(index, value)| {
            write!(f, "{}{value}", if index > 0 { "<br>" } else { "" })
        })
    }
}

/// Bytes in powers of 1024, one decimal, cut: as `ifconfig` prints them.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, shift) = match self.0 {
            0..=0x3FF => return write!(f, "{} B", self.0),
            0x400..=0xF_FFFF => ("KiB", 10),
            0x10_0000..=0x3FFF_FFFF => ("MiB", 20),
            _ => ("GiB", 30),
        };
        let whole = self.0 >> shift;
        let tenth = ((self.0 & ((1 << shift) - 1)) * 10) >> shift;
        write!(f, "{whole}.{tenth} {unit}")
    }
}

/// `2 d 03:04:05`; under a minute with milliseconds.
struct Uptime(Duration);

impl fmt::Display for Uptime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if seconds < 60 {
            return write!(f, "{seconds}.{:03} s", self.0.subsec_millis());
        }
        if seconds >= 86_400 {
            write!(f, "{} d ", seconds / 86_400)?;
        }
        write!(f, "{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn sizes_and_times() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (3227, "3.1 KiB"),
            ((1 << 20) - 1, "1023.9 KiB"),
            (948 << 20, "948.0 MiB"),
            (u64::MAX, "17179869183.9 GiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), expected);
        }
        for (time, expected) in [
            (Duration::from_micros(1_234_567), "1.234 s"),
            (Duration::from_secs(60), "00:01:00"),
            (Duration::from_secs(86_399), "23:59:59"),
            (Duration::from_secs(2 * 86_400 + 3 * 3600 + 4 * 60 + 5), "2 d 03:04:05"),
        ] {
            assert_eq!(Uptime(time).to_string(), expected);
        }
    }
}
