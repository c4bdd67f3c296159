//! `/metrics`: the counters in Prometheus' text format, version 0.0.4 ("Exposition formats" in its
//! documentation). An item is a family: its help, its type, its samples.

use core::fmt::{self, Display, Write};

use crate::status::{Direction, Link};
use crate::wire::{IpCounters, ProtocolCounters};

use super::Source;
use super::response::Response;
use super::tables::{Parts, Seconds};
use super::text::Label;

/// Writes the document.
pub(super) fn write(source: &impl Source, parts: &mut Parts<'_>) {
    let mut all = Families { parts };
    board(source, &mut all);
    interface(source, &mut all);
    drops(source, &mut all);
    sockets(source, &mut all);
    protocols(&source.protocols(), &mut all);
    services(source, &mut all);
}

fn board(source: &impl Source, all: &mut Families<'_, '_>) {
    let (status, facts) = (source.status(), source.facts());
    all.family("build_info", GAUGE, "What runs; always 1.", |out| {
        let version = env!("CARGO_PKG_VERSION");
        out.sample(&[("version", &version), ("hostname", &status.hostname)], 1)
    });
    all.family("board_info", GAUGE, "What it runs on; always 1.", |out| {
        let revision = format_args!("{:06x}", facts.revision);
        let serial = format_args!("{:016x}", facts.serial);
        out.sample(&[("model", &facts.model), ("revision", &revision), ("serial", &serial)], 1)
    });
    all.single("uptime_seconds", GAUGE, "Time since start.", Seconds(status.uptime));
    all.single("memory_bytes", GAUGE, "Memory given to the ARM cores.", facts.memory_bytes);
    all.single("memory_used_bytes", GAUGE, "Memory that the image uses.", facts.used_bytes);
    all.single("cpu_hertz", GAUGE, "The ARM cores' clock.", facts.cpu_hz);
    all.single("loop_turns_total", COUNTER, "Turns of the main loop.", status.polls);
}

fn interface(source: &impl Source, all: &mut Families<'_, '_>) {
    let status = source.status();
    let is_up = u8::from(status.link.is_up());
    all.single("link_up", GAUGE, "1 while frames can pass.", is_up);
    let rate = match status.link {
        Link::UpAt { megabits, .. } => u64::from(megabits) * (1_000_000 / 8),
        Link::Up | Link::Down => 0,
    };
    // Bytes are the base unit of whatever is counted in bits elsewhere.
    let help = "Bytes that the link carries a second; 0 if that is not known.";
    all.single("link_speed_bytes", GAUGE, help, rate);
    type Of = fn(&Direction) -> u64;
    let families: [(&str, &str, Of); 4] = [
        ("frames_total", "Frames that passed.", |counts| counts.packets),
        ("bytes_total", "Bytes of these frames, without FCS.", |counts| counts.bytes),
        ("frame_errors_total", "Frames or transfers that failed.", |counts| counts.errors),
        ("frame_overruns_total", "Frames lost for want of room.", |counts| counts.overruns),
    ];
    for (name, help, of) in families {
        all.family(name, COUNTER, help, |out| {
            out.sample(&[("direction", &"received")], of(&status.received))?;
            out.sample(&[("direction", &"sent")], of(&status.sent))
        });
    }
    all.labelled(
        "driver_events_total",
        "What the driver counts.",
        "event",
        &status.nic_counters.rows(),
    );
}

fn drops(source: &impl Source, all: &mut Families<'_, '_>) {
    all.family("drops_total", COUNTER, "What was dropped, by reason.", |out| {
        source.drops().iter().try_for_each(|(why, count)| {
            let of = match why.is_sent() {
                Some(false) => "received",
                Some(true) => "sent",
                None => "other",
            };
            out.sample(&[("reason", &why.name()), ("direction", &of)], count)
        })
    });
}

fn sockets(source: &impl Source, all: &mut Families<'_, '_>) {
    let status = source.status();
    let sockets = &status.sockets;
    all.family("tcp_sockets", GAUGE, "TCP sockets by what they do.", |out| {
        out.sample(&[("state", &"listening")], sockets.listening)?;
        out.sample(&[("state", &"connected")], sockets.connected)?;
        out.sample(&[("state", &"closing")], sockets.closing)?;
        out.sample(&[("state", &"free")], sockets.free)
    });
    all.family("listener_free_sockets", GAUGE, "Sockets ready for a connection.", |out| {
        status.listeners.iter().try_for_each(|listener| {
            let labels: [(&str, &dyn Display); 2] =
                [("service", &listener.owner), ("port", &listener.port)];
            out.sample(&labels, listener.listening)
        })
    });
    let neighbors = source.neighbors().count();
    all.single("neighbors", GAUGE, "Neighbours known or looked for.", neighbors);
    all.single("routes", GAUGE, "Routes.", source.routes().count());
    let frames = source.with_recorder(crate::wire::Recorder::count);
    all.single("captured_frames_total", COUNTER, "Frames kept in the capture ring.", frames);
}

fn protocols(protocols: &ProtocolCounters, all: &mut Families<'_, '_>) {
    for (name, help, of) in [
        ("ip_events_total", "IPv4 (RFC 4293).", &protocols.ip),
        ("ip6_events_total", "IPv6 (RFC 4293).", &protocols.ipv6),
    ] {
        let &IpCounters { received, header_errors, fragments_received, .. } = of;
        all.labelled(
            name,
            help,
            "event",
            &[
                ("received", received),
                ("header_errors", header_errors),
                ("fragments_received", fragments_received),
                ("sent", of.sent),
                ("fragments_sent", of.fragments_sent),
                ("no_routes", of.no_routes),
            ],
        );
    }
    all.labelled(
        "icmp_messages_total",
        "ICMP and ICMPv6.",
        "event",
        &[
            ("received", protocols.icmp.received),
            ("sent", protocols.icmp.sent),
            ("received_v6", protocols.icmpv6.received),
            ("sent_v6", protocols.icmpv6.sent),
        ],
    );
    let udp = &protocols.udp;
    all.labelled(
        "udp_events_total",
        "UDP (RFC 4113).",
        "event",
        &[("received", udp.received), ("no_ports", udp.no_ports), ("sent", udp.sent)],
    );
    all.family("tcp_events_total", COUNTER, "TCP, as Linux names it (RFC 4022).", |out| {
        let mut counters = protocols.tcp.iter();
        counters.try_for_each(|(name, count)| out.sample(&[("event", &name)], count))
    });
}

fn services(source: &impl Source, all: &mut Families<'_, '_>) {
    let counters = source.counters();
    for (name, help, counter) in [
        ("tcp_accepted_total", "TCP connections accepted.", &counters.tcp_accepted),
        ("http_requests_total", "HTTP requests answered.", &counters.http_requests),
        ("http_errors_total", "Those with a status of 400 or above.", &counters.http_errors),
        ("telnet_sessions_total", "Telnet sessions begun.", &counters.telnet_sessions),
        ("telnet_refused_total", "Telnet connections refused.", &counters.telnet_refused),
        ("shell_commands_total", "Shell commands run.", &counters.commands),
    ] {
        all.single(name, COUNTER, help, counter.get());
    }
    let telnet = counters.telnet_open.get();
    all.single("telnet_open", GAUGE, "Telnet sessions open.", telnet);
    let shells = counters.shells.get();
    all.single("shells_open", GAUGE, "Shell sessions open, the console's included.", shells);
}

const COUNTER: &str = "counter";
const GAUGE: &str = "gauge";

/// Where families are written to.
struct Families<'a, 'b> {
    parts: &'a mut Parts<'b>,
}

impl Families<'_, '_> {
    /// A family.
    fn family(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        samples: impl FnOnce(&mut Samples<'_>) -> fmt::Result,
    ) {
        self.parts.item(|out| {
            writeln!(out, "# HELP barewire_{name} {help}\n# TYPE barewire_{name} {kind}")?;
            samples(&mut Samples { out, name })
        });
    }

    /// A family with one sample.
    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help, |out| out.sample(&[], value));
    }

    /// A family of counters, told apart by a label.
    fn labelled(&mut self, name: &str, help: &str, label: &str, samples: &[(&str, u64)]) {
        self.family(name, COUNTER, help, |out| {
            samples.iter().try_for_each(|(value, count)| out.sample(&[(label, value)], count))
        });
    }
}

/// Where samples are written to.
struct Samples<'a> {
    out: &'a mut Response,
    name: &'a str,
}

impl Samples<'_> {
    fn sample(&mut self, labels: &[(&str, &dyn Display)], value: impl Display) -> fmt::Result {
        write!(self.out, "barewire_{}", self.name)?;
        for (index, (label, text)) in labels.iter().enumerate() {
            let gap = if index > 0 { "," } else { "{" };
            write!(self.out, "{gap}{label}={}", Label(text))?;
        }
        let end = if labels.is_empty() { "" } else { "}" };
        writeln!(self.out, "{end} {value}")
    }
}
