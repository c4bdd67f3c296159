//! `netstat -s`: the protocols' counters, as net-tools 2.10 prints them.
//!
//! What Linux counts and we do not is left out (its sections of extensions), but for lines that the
//! tool always prints.

use core::fmt;

use super::{Context, Outcome, SUCCESS};
use crate::net::SocketState;
use crate::wire::{ICMPV6_TYPES, IcmpCounters, IpCounters, ProtocolCounters};

/// Which protocols.
#[derive(Clone, Copy, Debug)]
pub struct Sections {
    /// IP and ICMP.
    pub ip: bool,
    /// TCP.
    pub tcp: bool,
    /// UDP.
    pub udp: bool,
}

/// ICMP types with the tool's words: received and sent.
const ICMP: [(usize, &str, &str); 11] = [
    (3, "destination unreachable", "destination unreachable"),
    (11, "timeout in transit", "time exceeded"),
    (12, "wrong parameters", "wrong parameters"),
    (4, "source quenches", "source quench"),
    (5, "redirects", "redirect"),
    (8, "echo requests", "echo requests"),
    (0, "echo replies", "echo replies"),
    (13, "timestamp request", "timestamp requests"),
    (14, "timestamp reply", "timestamp replies"),
    (17, "address mask request", "address mask requests"),
    (18, "address mask replies", "address mask replies"),
];

/// Prints the sections.
pub async fn show(context: &Context<'_>, sections: Sections, is_v6: bool) -> Outcome {
    let counters = context.system.protocol_counters();
    let open = context
        .system
        .sockets()
        .filter(|socket| matches!(socket.state, SocketState::Established | SocketState::CloseWait));
    let open = open.count();
    let counters = &counters;
    if sections.ip && is_v6 {
        context.print(format_args!("{}", Ip6(&counters.ipv6))).await;
        context.print(format_args!("{}", Icmp6(counters))).await;
    } else if sections.ip {
        context.print(format_args!("{}", Ip(&counters.ip))).await;
        context.print(format_args!("{}", Icmp(&counters.icmp))).await;
        context.print(format_args!("{}", IcmpMessages(&counters.icmp))).await;
    }
    if sections.tcp {
        context.print(format_args!("{}", Tcp(counters, open))).await;
    }
    if sections.udp {
        context.print(format_args!("{}", Udp(counters, if is_v6 { "6" } else { "" }))).await;
    }
    SUCCESS
}

/// Lines of numbers: with `true` also those of nothing.
fn lines(f: &mut fmt::Formatter<'_>, rows: &[(u64, bool, &str)]) -> fmt::Result {
    for (count, _, text) in rows.iter().filter(|(count, always, _)| *always || *count > 0) {
        writeln!(f, "    {count} {text}")?;
    }
    Ok(())
}

struct Ip<'a>(&'a IpCounters);

impl fmt::Display for Ip<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ip = self.0;
        // 2: we are no router (RFC 4293 ipForwarding).
        f.write_str("Ip:\n    Forwarding: 2\n")?;
        lines(
            f,
            &[
                (ip.received, true, "total packets received"),
                (ip.header_errors, false, "with invalid headers"),
                (0, true, "forwarded"),
                (ip.sent, true, "requests sent out"),
                (ip.no_routes, false, "dropped because of missing route"),
                (ip.fragments_received, false, "reassemblies required"),
                (ip.fragments_sent, false, "fragments created"),
            ],
        )
    }
}

struct Ip6<'a>(&'a IpCounters);

impl fmt::Display for Ip6<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ip = self.0;
        f.write_str("Ip6:\n")?;
        lines(
            f,
            &[
                (ip.received, true, "total packets received"),
                (ip.header_errors, false, "with invalid headers"),
                (0, true, "forwarded"),
                (ip.sent, true, "requests sent out"),
                (ip.fragments_received, false, "reassemblies required"),
                (ip.fragments_sent, false, "fragments created"),
            ],
        )
    }
}

struct Icmp<'a>(&'a IcmpCounters);

impl fmt::Display for Icmp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let icmp = self.0;
        f.write_str("Icmp:\n")?;
        lines(
            f,
            &[
                (icmp.received, true, "ICMP messages received"),
                (0, true, "input ICMP message failed"),
            ],
        )?;
        f.write_str("    ICMP input histogram:\n")?;
        for (kind, text, _) in ICMP {
            histogram(f, icmp.received_by_type[kind], text)?;
        }
        lines(f, &[(icmp.sent, true, "ICMP messages sent"), (0, true, "ICMP messages failed")])?;
        f.write_str("    ICMP output histogram:\n")?;
        for (kind, _, text) in ICMP {
            histogram(f, icmp.sent_by_type[kind], text)?;
        }
        Ok(())
    }
}

/// A line of a histogram, unless it is zero.
fn histogram(f: &mut fmt::Formatter<'_>, count: u64, text: &str) -> fmt::Result {
    if count == 0 { Ok(()) } else { writeln!(f, "        {text}: {count}") }
}

/// The messages by the numbers of their types, if there were any.
struct IcmpMessages<'a>(&'a IcmpCounters);

impl fmt::Display for IcmpMessages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sides = [("In", &self.0.received_by_type), ("Out", &self.0.sent_by_type)];
        if sides.iter().all(|(_, counts)| counts.iter().all(|count| *count == 0)) {
            return Ok(());
        }
        f.write_str("IcmpMsg:\n")?;
        for (side, counts) in sides {
            for (kind, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                writeln!(f, "        {side}Type{kind}: {count}")?;
            }
        }
        Ok(())
    }
}

struct Icmp6<'a>(&'a ProtocolCounters);

impl fmt::Display for Icmp6<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let icmp = &self.0.icmpv6;
        f.write_str("Icmp6:\n")?;
        lines(
            f,
            &[
                (icmp.received, true, "ICMP messages received"),
                (0, true, "input ICMP message failed"),
                (icmp.sent, true, "ICMP messages sent"),
            ],
        )?;
        let sides = [("input", &icmp.received_by_type), ("output", &icmp.sent_by_type)];
        for (side, counts) in sides {
            writeln!(f, "    ICMP {side} histogram:")?;
            for ((_, text), count) in ICMPV6_TYPES.iter().zip(counts) {
                histogram(f, *count, text)?;
            }
        }
        Ok(())
    }
}

struct Tcp<'a>(&'a ProtocolCounters, usize);

impl fmt::Display for Tcp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tcp = &self.0.tcp;
        f.write_str("Tcp:\n")?;
        lines(
            f,
            &[
                (tcp.active_opens, true, "active connection openings"),
                (tcp.passive_opens, true, "passive connection openings"),
                (tcp.attempt_fails, true, "failed connection attempts"),
                (tcp.estab_resets, true, "connection resets received"),
                (self.1 as u64, true, "connections established"),
                (tcp.in_segs, true, "segments received"),
                (tcp.out_segs, true, "segments sent out"),
                (tcp.retrans_segs, true, "segments retransmitted"),
                (tcp.in_errs, true, "bad segments received"),
                (tcp.out_rsts, true, "resets sent"),
            ],
        )
    }
}

struct Udp<'a>(&'a ProtocolCounters, &'static str);

impl fmt::Display for Udp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let udp = &self.0.udp;
        writeln!(f, "Udp{}:", self.1)?;
        lines(
            f,
            &[
                // Those to closed ports are none that anybody received.
                (udp.received.saturating_sub(udp.no_ports), true, "packets received"),
                (udp.no_ports, true, "packets to unknown port received"),
                (udp.sent, true, "packets sent"),
            ],
        )
    }
}
