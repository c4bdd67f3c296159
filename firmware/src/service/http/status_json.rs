//! `/status.json`: everything the firmware counts and knows, for programs. docs/http-api.md
//! describes it; names in it do not change.

use core::fmt::{self, Write};

use crate::status::{Address, AddressSource, Direction, Link};

use super::Source;
use super::text::{Colons, Json};

/// Writes the document.
///
/// # Errors
/// [`fmt::Error`] if it does not fit.
pub(super) fn write(source: &impl Source, out: &mut impl Write) -> fmt::Result {
    let status = source.status();
    let facts = source.facts();
    let version = env!("CARGO_PKG_VERSION");
    write!(out, "{{\n\"version\":\"{version}\",\n\"hostname\":{}", Json(&status.hostname))?;
    let uptime = status.uptime;
    write!(out, ",\n\"uptime_seconds\":{}.{:06}", uptime.as_secs(), uptime.subsec_micros())?;

    write!(out, ",\n\"board\":{{\"model\":{}", Json(&facts.model))?;
    write!(out, ",\"revision\":\"{:06x}\",\"serial\":\"{:016x}\"", facts.revision, facts.serial)?;
    write!(out, ",\"memory_bytes\":{}", facts.memory_bytes)?;
    write!(out, ",\"used_bytes\":{}", facts.used_bytes)?;
    write!(out, ",\"loaded_at\":\"{:#x}\",\"cpu_hz\":{}", facts.loaded_at, facts.cpu_hz)?;
    write!(out, ",\"restart\":{}}}", Json(&facts.restart))?;

    out.write_str(",\n\"interface\":")?;
    match &status.nic {
        None => out.write_str("null")?,
        Some(nic) => write!(
            out,
            "{{\"name\":\"eth0\",\"driver\":{},\"mac\":{},\"topology\":{}}}",
            Json(nic.driver),
            Json(Colons(nic.mac)),
            Json(&nic.topology)
        )?,
    }
    write!(out, ",\n\"link\":{{\"up\":{}", status.link.is_up())?;
    match status.link {
        Link::UpAt { megabits, full_duplex } => {
            write!(out, ",\"megabits\":{megabits},\"full_duplex\":{full_duplex}}}")?;
        }
        Link::Down | Link::Up => out.write_str(",\"megabits\":null,\"full_duplex\":null}")?,
    }
    out.write_str(",\n\"ipv4\":")?;
    ipv4(status.address.as_ref(), out)?;
    out.write_str(",\n\"ipv6\":[")?;
    for (index, ours) in status.ipv6.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let (address, prefix) = (ours.address(), ours.prefix_len());
        write!(out, "{comma}{{\"address\":\"{address}\",\"prefix_length\":{prefix}}}")?;
    }
    out.write_str("]")?;

    direction(out, "received", "frame", &status.received)?;
    direction(out, "sent", "carrier", &status.sent)?;
    numbers(out, "driver", &status.nic_counters.rows())?;
    object(out, "drops", source.drops().iter().map(|(why, count)| (why.name(), count)))?;
    let sockets = &status.sockets;
    numbers(
        out,
        "tcp_sockets",
        &[
            ("listening", sockets.listening as u64),
            ("connected", sockets.connected as u64),
            ("closing", sockets.closing as u64),
            ("free", sockets.free as u64),
        ],
    )?;
    out.write_str(",\n\"listeners\":[")?;
    for (index, listener) in status.listeners.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        write!(out, "{comma}{{\"service\":{}", Json(listener.owner))?;
        write!(out, ",\"port\":{},\"free\":{}}}", listener.port, listener.listening)?;
    }
    out.write_str("]")?;
    let services = source.counters();
    numbers(
        out,
        "services",
        &[
            ("tcp_accepted", services.tcp_accepted.get()),
            ("http_requests", services.http_requests.get()),
            ("http_errors", services.http_errors.get()),
            ("telnet_sessions", services.telnet_sessions.get()),
            ("telnet_refused", services.telnet_refused.get()),
            ("telnet_open", services.telnet_open.get()),
            ("shells", services.shells.get()),
            ("commands", services.commands.get()),
            ("names_asked", services.names_asked.get()),
            ("names_cached", services.names_cached.get()),
        ],
    )?;
    write!(out, ",\n\"polls\":{}\n}}\n", status.polls)
}

fn ipv4(ipv4: Option<&Address>, out: &mut impl Write) -> fmt::Result {
    let Some(ipv4) = ipv4 else { return out.write_str("null") };
    let address = ipv4.address;
    write!(out, "{{\"address\":\"{}\"", address.address())?;
    write!(out, ",\"prefix_length\":{}", address.prefix_len())?;
    match ipv4.router {
        Some(router) => write!(out, ",\"router\":\"{router}\"")?,
        None => out.write_str(",\"router\":null")?,
    }
    out.write_str(",\"dns\":[")?;
    for (index, server) in ipv4.dns.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        write!(out, "{comma}\"{server}\"")?;
    }
    out.write_str("],\"source\":")?;
    match ipv4.source {
        AddressSource::Static => out.write_str("\"static\"}"),
        AddressSource::LinkLocal => out.write_str("\"link-local\"}"),
        AddressSource::Dhcp { server, lease_seconds } => {
            write!(out, "\"dhcp\",\"dhcp_server\":\"{server}\",\"lease_seconds\":{lease_seconds}}}")
        }
    }
}

/// The counts of one direction; the last one has a name of its own in each.
fn direction(out: &mut impl Write, name: &str, last: &str, counts: &Direction) -> fmt::Result {
    numbers(
        out,
        name,
        &[
            ("packets", counts.packets),
            ("bytes", counts.bytes),
            ("errors", counts.errors),
            ("dropped", counts.dropped),
            ("overruns", counts.overruns),
            (last, counts.frame),
        ],
    )
}

fn numbers(out: &mut impl Write, name: &str, fields: &[(&str, u64)]) -> fmt::Result {
    object(out, name, fields.iter().copied())
}

/// `,"name":{"field":1,...}`; the names are ours and need no escapes.
fn object<'a>(
    out: &mut impl Write,
    name: &str,
    fields: impl Iterator<Item = (&'a str, u64)>,
) -> fmt::Result {
    write!(out, ",\n\"{name}\":{{")?;
    for (index, (field, count)) in fields.enumerate() {
        let comma = if index > 0 { "," } else { "" };
        write!(out, "{comma}\"{field}\":{count}")?;
    }
    out.write_str("}")
}
