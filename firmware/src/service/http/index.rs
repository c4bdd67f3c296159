//! `/`: the board and its live counters, for people.
//!
//! The page is whole without a script; `web/board.js` lets its numbers move. Where a number stands
//! in `/status.json` is told by `data-path`. Wide enough for a screen, and narrow enough for a
//! phone of 360 pixels.

use core::fmt::{self, Arguments, Write};
use core::time::Duration;

use smoltcp::wire::Ipv4Address;

use crate::limits::{HTTP_PORT, TELNET_PORT};
use crate::status::{BoardFacts, Direction, Status};

use super::Source;
use super::text::{Colons, Html};

/// Writes the page.
///
/// # Errors
/// [`fmt::Error`] if it does not fit.
pub(super) fn write(source: &impl Source, out: &mut impl Write) -> fmt::Result {
    let status = source.status();
    let facts = source.facts();
    let name = Html(&status.hostname);
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>{name}</title>\n\
         <link rel=\"stylesheet\" href=\"/style.css\">\n\
         <script src=\"/board.js\" defer></script></head>\n<body>\n\
         <header><h1>{name} <small>{}</small></h1>\n\
         <nav aria-label=\"Pages\"><a href=\"/\" aria-current=\"page\">Board</a>\
         <a href=\"/life\">Life</a><a href=\"/tables\">Tables</a>\
         <a href=\"/log\">Log</a></nav></header>\n<main>\n\
         <p class=\"lead\">Bare metal: this page comes from a Raspberry Pi that runs no operating \
         system, only <b>barewire</b>, up for \
         <span data-path=\"uptime_seconds\" data-form=\"uptime\">{}</span>. The numbers are \
         <span id=\"live\">of this moment; <a href=\"/\">reload</a> for new ones</span>.</p>\n\
         <div class=\"grid\">\n",
        Html(&facts.model),
        Uptime(status.uptime),
    )?;
    network(out, &status)?;
    board(out, &status, facts)?;
    layers(out, source, &status)?;
    traffic(out, &status)?;
    drops(out, source)?;
    services(out, source, &status)?;
    hints(out, &status)?;
    write!(
        out,
        "</div>\n</main><footer>barewire {} &middot; \
         <a href=\"/status.json\">status.json</a> &middot; \
         <a href=\"/dmesg.txt\">dmesg.txt</a></footer>\n</body></html>\n",
        env!("CARGO_PKG_VERSION")
    )
}

fn network(out: &mut impl Write, status: &Status) -> fmt::Result {
    begin(out, "Network", "")?;
    match &status.address {
        Some(ipv4) => {
            row(out, "Address", format_args!("<b>{}</b>", ipv4.address))?;
            row(out, "Given by", format_args!("{}", ipv4.source))?;
            match ipv4.router {
                Some(router) => row(out, "Router", format_args!("{router}"))?,
                None => row(out, "Router", format_args!("none"))?,
            }
            for server in &ipv4.dns {
                row(out, "Name server", format_args!("{server}"))?;
            }
        }
        None => row(out, "Address", format_args!("none yet"))?,
    }
    row(out, "Link", format_args!("{}", status.link))?;
    if let Some(nic) = &status.nic {
        row(out, "Ethernet", format_args!("<code>{}</code>", Colons(nic.mac)))?;
        row(out, "Driver", format_args!("{}", Html(nic.driver)))?;
        row(out, "On the bus", format_args!("<code>{}</code>", Html(&nic.topology)))?;
    }
    end(out)
}

fn board(out: &mut impl Write, status: &Status, facts: &BoardFacts) -> fmt::Result {
    begin(out, "Board", "")?;
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
    if !facts.restart.is_empty() {
        row(out, "Last restart", format_args!("{}", Html(&facts.restart)))?;
    }
    end(out)
}

/// The stack as a stack, and what each floor has to do.
fn layers(out: &mut impl Write, source: &impl Source, status: &Status) -> fmt::Result {
    out.write_str("<section><h2>From wire to service</h2><ul class=\"stack\">\n")?;
    let counters = source.counters();
    let nic = &status.nic_counters;
    for (name, from, from_path, to, to_path) in [
        (
            "services: HTTP, telnet",
            counters.http_requests.get(),
            "services.http_requests",
            counters.commands.get(),
            "services.commands",
        ),
        (
            "TCP connections",
            status.sockets.connected as u64,
            "tcp_sockets.connected",
            counters.tcp_accepted.get(),
            "services.tcp_accepted",
        ),
        (
            "Ethernet, ARP, IP",
            status.received.packets,
            "received.packets",
            status.sent.packets,
            "sent.packets",
        ),
        (
            "USB transfers",
            nic.transfers_in,
            "driver.transfers_in",
            nic.transfers_out,
            "driver.transfers_out",
        ),
    ] {
        let (from, to) = (Live(from_path, "count", from), Live(to_path, "count", to));
        writeln!(
            out,
            "<li><span>{name}</span> <span class=\"count\">{from} &middot; {to}</span></li>"
        )?;
    }
    out.write_str(
        "</ul><p class=\"lead\">requests &middot; commands; open &middot; accepted; in &middot; \
         out. A floor lights up when something moves on it.</p></section>\n",
    )
}

fn traffic(out: &mut impl Write, status: &Status) -> fmt::Result {
    begin(out, "Traffic", " class=\"n\"")?;
    out.write_str(
        "<thead><tr><th scope=\"col\">what</th><th scope=\"col\">received</th>\
         <th scope=\"col\">sent</th></tr></thead>\n",
    )?;
    let (received, sent) = (&status.received, &status.sent);
    let of = |count: fn(&Direction) -> u64| (count(received), count(sent));
    let nic = &status.nic_counters;
    let usb = (nic.transfers_in, nic.transfers_out);
    for (name, (received, sent), paths, is_bad) in [
        ("Frames", of(|counts| counts.packets), ["received.packets", "sent.packets"], false),
        ("Bytes", of(|counts| counts.bytes), ["received.bytes", "sent.bytes"], false),
        ("Errors", of(|counts| counts.errors), ["received.errors", "sent.errors"], true),
        ("Dropped", of(|counts| counts.dropped), ["received.dropped", "sent.dropped"], true),
        ("Overruns", of(|counts| counts.overruns), ["received.overruns", "sent.overruns"], true),
        ("Frame / carrier", of(|counts| counts.frame), ["received.frame", "sent.carrier"], true),
        ("USB transfers", usb, ["driver.transfers_in", "driver.transfers_out"], false),
    ] {
        let class = match (is_bad, received == 0 && sent == 0) {
            (true, true) => " class=\"zero\" data-bad",
            (true, false) => " class=\"hot\" data-bad",
            (false, _) => "",
        };
        write!(out, "<tr{class}><th>{name}</th>")?;
        for (count, path) in [received, sent].into_iter().zip(paths) {
            match name {
                "Bytes" => write!(out, "<td>{}</td>", Live(path, "size", Size(count)))?,
                _ => write!(out, "<td>{}</td>", Live(path, "count", count))?,
            }
        }
        out.write_str("</tr>\n")?;
    }
    end(out)
}

fn drops(out: &mut impl Write, source: &impl Source) -> fmt::Result {
    begin(out, "Dropped, by reason", " class=\"n\"")?;
    for (why, count) in source.drops().iter().filter(|(_, count)| *count > 0) {
        out.write_str("<tr class=\"hot\"><th>")?;
        // Names are words with underscores.
        why.name().split('_').enumerate().try_for_each(|(index, word)| {
            write!(out, "{}{word}", if index > 0 { " " } else { "" })
        })?;
        writeln!(out, "</th><td>{count}</td></tr>")?;
    }
    let silent = source.drops().iter().filter(|(_, count)| *count == 0).count();
    writeln!(out, "<tr class=\"zero\"><th>other reasons</th>")?;
    writeln!(out, "<td>{silent} of them: 0</td></tr>")?;
    end(out)
}

fn services(out: &mut impl Write, source: &impl Source, status: &Status) -> fmt::Result {
    begin(out, "Services", " class=\"n\"")?;
    for listener in &status.listeners {
        let (owner, port) = (Html(listener.owner), listener.port);
        writeln!(out, "<tr><th>{owner}</th><td>port {port}</td></tr>")?;
    }
    let counters = source.counters();
    let sockets = &status.sockets;
    for (name, count) in [
        ("HTTP requests", counters.http_requests.get()),
        ("HTTP errors", counters.http_errors.get()),
        ("Shells open", counters.shells.get()),
        ("Telnet open", counters.telnet_open.get()),
        ("Telnet sessions", counters.telnet_sessions.get()),
        ("Telnet refused", counters.telnet_refused.get()),
        ("Shell commands", counters.commands.get()),
        ("TCP accepted", counters.tcp_accepted.get()),
        ("TCP connected", sockets.connected as u64),
        ("TCP listening", sockets.listening as u64),
        ("TCP closing", sockets.closing as u64),
        ("TCP free", sockets.free as u64),
        ("Turns of the loop", status.polls),
    ] {
        row(out, name, format_args!("{count}"))?;
    }
    end(out)
}

fn hints(out: &mut impl Write, status: &Status) -> fmt::Result {
    let address =
        status.address.as_ref().map_or(Ipv4Address::UNSPECIFIED, |ipv4| ipv4.address.address());
    write!(
        out,
        "<section><h2>From your desk</h2>\n<pre tabindex=\"0\">ping {address}\ntelnet {address}\n\
         curl http://{address}/status.json</pre>\n\
         <p>A USB host controller, an Ethernet chip behind it and a TCP/IP stack, driven by one \
         Rust program without a heap. The shell answers on port {TELNET_PORT} and on the serial \
         console, this server on port {HTTP_PORT}; type <code>help</code>.</p></section>\n"
    )
}

fn begin(out: &mut impl Write, title: &str, class: &str) -> fmt::Result {
    writeln!(out, "<section><h2>{title}</h2><table{class}>")
}

fn end(out: &mut impl Write) -> fmt::Result {
    out.write_str("</table></section>\n")
}

/// A line of a table. `value` is markup.
fn row(out: &mut impl Write, name: &str, value: Arguments<'_>) -> fmt::Result {
    writeln!(out, "<tr><th>{name}</th><td>{value}</td></tr>")
}

/// A number of `/status.json`, by its path there, which the script keeps up to date in its form.
struct Live<T>(&'static str, &'static str, T);

impl<T: fmt::Display> fmt::Display for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(path, form, value) = self;
        write!(f, "<span data-path=\"{path}\"")?;
        if *form != "count" {
            write!(f, " data-form=\"{form}\"")?;
        }
        write!(f, ">{value}</span>")
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
