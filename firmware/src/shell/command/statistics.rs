//! `netstat -s`: the protocols' counters, as net-tools 2.10 prints them.
//!
//! What Linux counts and we do not is left out, but for lines that the tool always prints.

use core::fmt;

use super::{Context, Outcome, SUCCESS};
use crate::net::SocketState;
use crate::wire::{ICMPV6_TYPES, IcmpCounters, IpCounters, ProtocolCounters, TcpCounters};

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

/// TCP's counters that the tool has words for, the number where `#` stands. Of the others it prints
/// the name.
const TCP_WORDS: [(&str, &str); 22] = [
    ("SyncookiesSent", "# SYN cookies sent"),
    ("SyncookiesRecv", "# SYN cookies received"),
    ("SyncookiesFailed", "# invalid SYN cookies received"),
    ("EmbryonicRsts", "# resets received for embryonic SYN_RECV sockets"),
    ("OutOfWindowIcmps", "# ICMP packets dropped because they were out-of-window"),
    ("TW", "# TCP sockets finished time wait in fast timer"),
    ("TWRecycled", "# time wait sockets recycled by time stamp"),
    ("PAWSEstab", "# packets rejected in established connections because of timestamp"),
    ("DelayedACKs", "# delayed acks sent"),
    ("ListenOverflows", "# times the listen queue of a socket overflowed"),
    ("ListenDrops", "# SYNs to LISTEN sockets dropped"),
    ("TCPPureAcks", "# acknowledgments not containing data payload received"),
    ("TCPRenoRecovery", "# times recovered from packet loss due to fast retransmit"),
    ("TCPSACKReorder", "Detected reordering # times using SACK"),
    ("TCPFullUndo", "# congestion windows fully recovered without slow start"),
    ("TCPFastRetrans", "# fast retransmits"),
    ("TCPSlowStartRetrans", "# retransmits in slow start"),
    ("TCPAbortOnData", "# connections reset due to unexpected data"),
    ("TCPAbortOnClose", "# connections reset due to early user close"),
    ("TCPAbortOnMemory", "# connections aborted due to memory pressure"),
    ("TCPAbortOnTimeout", "# connections aborted due to timeout"),
    ("TCPAbortOnLinger", "# connections aborted after user close in linger timeout"),
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
    if sections.tcp {
        context.print(format_args!("{}", TcpExt(&counters.tcp))).await;
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
        )?;
        if tcp.in_csum_errors > 0 {
            writeln!(f, "    InCsumErrors: {}", tcp.in_csum_errors)?;
        }
        Ok(())
    }
}

struct TcpExt<'a>(&'a TcpCounters);

impl fmt::Display for TcpExt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TcpExt:\n")?;
        for (name, count) in self.0.extensions() {
            if name == "TCPPureAcks" {
                // The tool always tells of this one; nothing is predicted here.
                f.write_str("    0 packet headers predicted\n")?;
            }
            if count == 0 {
                continue;
            }
            let words = TCP_WORDS.iter().find(|(of, _)| *of == name);
            match words.and_then(|(_, words)| words.split_once('#')) {
                Some((before, after)) => writeln!(f, "    {before}{count}{after}")?,
                None => writeln!(f, "    {name}: {count}")?,
            }
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use std::string::{String, ToString};
    use std::{format, fs};

    use super::super::golden;
    use super::*;

    /// The field names that a file of /proc/net has for a protocol, in the kernel's order.
    fn fields(file: &str, protocol: &str) -> Option<String> {
        let text = fs::read_to_string(file).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(protocol))?;
        Some(line.trim().into())
    }

    #[test]
    fn tcp_as_the_real_tool_prints_it() {
        let kernel = fields("/proc/net/snmp", "Tcp:").zip(fields("/proc/net/netstat", "TcpExt:"));
        let Some((basic, extensions)) = kernel else { return };
        let knows =
            |name: &str| basic.split(' ').chain(extensions.split(' ')).any(|known| known == name);
        let mut all = ProtocolCounters::default();
        // A number of its own for each that this kernel knows.
        for (number, (name, count)) in (1001..).zip(all.tcp.iter_mut()) {
            *count = if knows(name) { number } else { 0 };
        }
        let value = |name: &str| match name {
            "CurrEstab" => 7,
            _ => all.tcp.iter().find(|(known, _)| *known == name).map_or(0, |(_, count)| count),
        };
        let values = |names: &str| {
            names.split(' ').map(|name| format!(" {}", value(name))).collect::<String>()
        };
        let command = format!(
            "mount -t tmpfs none /proc
             mkdir /proc/net
             printf 'Tcp: {basic}\\nTcp:{}\\n' > /proc/net/snmp
             printf 'TcpExt: {extensions}\\nTcpExt:{}\\n' > /proc/net/netstat
             netstat -st",
            values(&basic),
            values(&extensions),
        );
        let Some(real) = golden::real("netstat mount", &command) else { return };
        let ours = Tcp(&all, 7).to_string() + &TcpExt(&all.tcp).to_string();
        assert_eq!(ours, real);
    }

    #[test]
    fn what_linux_has_no_name_for_comes_last_and_zeros_are_left_out() {
        let tcp = TcpCounters { reply_drop: 3, win_probe: 2, ..TcpCounters::default() };
        assert_eq!(
            TcpExt(&tcp).to_string(),
            "TcpExt:\n    0 packet headers predicted\n    TCPWinProbe: 2\n    TCPReplyDrop: 3\n"
        );
    }
}
