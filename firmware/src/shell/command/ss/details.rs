//! What `ss` tells behind the addresses: the task, the timer, and what TCP knows.

use core::fmt;

use super::{Socket, Wanted};
use crate::net::{ConnectionInfo, TcpState, Timer};

/// The last column: the task, and the timer.
pub struct Holder<'a> {
    /// Of what.
    pub socket: &'a Socket,
    /// What of it.
    pub wanted: &'a Wanted,
}

impl fmt::Display for Holder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { socket, wanted } = self;
        if wanted.processes && !socket.owner.is_empty() {
            write!(f, " users:((\"{}\"))", socket.owner)?;
        }
        if wanted.options || wanted.extended {
            clock(f, socket.timer)?;
        }
        Ok(())
    }
}

/// What follows the columns: what TCP knows.
pub struct Details<'a> {
    /// Of what.
    pub socket: &'a Socket,
    /// What of it.
    pub wanted: &'a Wanted,
}

impl fmt::Display for Details<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { socket, wanted } = self;
        let Some(info) = socket.tcp.as_ref().filter(|_| wanted.info) else { return Ok(()) };
        if !wanted.one_line {
            f.write_str("\n\t")?;
        }
        let detailed = wanted.options || wanted.extended;
        write!(f, "{}", Tcp { info, detailed })
    }
}

/// `timer:(on,204ms,0)`.
fn clock(f: &mut fmt::Formatter<'_>, timer: Timer) -> fmt::Result {
    let (name, left_us, count) = match timer {
        Timer::Off => return Ok(()),
        Timer::On(left, again) => ("on", left, again),
        Timer::KeepAlive(left, probes) => ("keepalive", left, probes),
        Timer::Probe(left, probes) => ("persist", left, probes),
        Timer::TimeWait(left) => ("timewait", left, 0),
    };
    let millis = left_us / 1000;
    let (minutes, seconds, millis) = (millis / 60_000, millis / 1000 % 60, millis % 1000);
    write!(f, " timer:({name},")?;
    if minutes > 0 {
        write!(f, "{minutes}min")?;
    }
    // As coarse as the tool has it, which writes 1.204 s as 1.204ms.
    let (has_seconds, has_millis) = (minutes <= 9 && seconds > 0, minutes == 0 && seconds <= 9);
    if has_seconds {
        write!(f, "{seconds}{}", if has_millis && millis > 0 { "." } else { "sec" })?;
    }
    if has_millis && millis > 0 {
        write!(f, "{millis:03}ms")?;
    }
    write!(f, ",{count})")
}

/// What TCP knows of a connection.
struct Tcp<'a> {
    info: &'a ConnectionInfo,
    detailed: bool,
}

impl fmt::Display for Tcp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.info;
        if matches!(info.state, TcpState::TimeWait) {
            return Ok(());
        }
        let has = [(info.timestamps, " ts"), (info.sack, " sack"), (info.ecn, " ecn")];
        for (_, name) in has.iter().filter(|(has, _)| *has && self.detailed) {
            f.write_str(name)?;
        }
        write!(f, " {}", info.sender.congestion.name())?;
        if let Some((theirs, ours)) = info.scale {
            write!(f, " wscale:{theirs},{ours}")?;
        }
        let sender = &info.sender;
        if sender.rto_us > 0 {
            write!(f, " rto:{}", Millis(sender.rto_us))?;
        }
        if sender.backoff > 0 {
            write!(f, " backoff:{}", sender.backoff)?;
        }
        if let Some(rtt_us) = sender.rtt_us {
            write!(f, " rtt:{}/{}", Millis(rtt_us), Millis(sender.rtt_variation_us))?;
        }
        let mss = sender.mss.max(1);
        // Linux counts in segments.
        let segments = |bytes: u32| bytes.div_ceil(mss);
        write!(f, " mss:{} cwnd:{}", sender.mss, segments(sender.window))?;
        if let Some(threshold) = sender.threshold {
            write!(f, " ssthresh:{}", segments(threshold))?;
        }
        if let Some(bbr) = &sender.bbr {
            let (bits, round_trip) =
                (bbr.bytes_per_second * 8, Millis(bbr.round_trip_us.unwrap_or(0)));
            write!(f, " bbr:(bw:{bits}bps,mrtt:{round_trip}")?;
            for (name, gain) in [("pacing_gain", bbr.pacing_gain), ("cwnd_gain", bbr.window_gain)] {
                // Of 256; `%g` has six digits.
                let hundred_thousandths = (u64::from(gain) * 100_000 + 128) / 256;
                write!(f, ",{name}:")?;
                decimal(f, hundred_thousandths / 100_000, hundred_thousandths % 100_000, 5)?;
            }
            f.write_str(")")?;
        }
        if let Some(rtt_us) = sender.rtt_us.filter(|rtt_us| *rtt_us > 0) {
            let bits = u64::from(segments(sender.window)) * u64::from(mss) * 8;
            write!(f, " send {}bps", bits.saturating_mul(1_000_000) / rtt_us)?;
        }
        if let Some(rate) = sender.pacing_rate {
            write!(f, " pacing_rate {}bps", rate.saturating_mul(8))?;
        }
        let rows = [
            ("unacked", segments(sender.in_flight)),
            ("retrans", sender.resent),
            ("lost", segments(sender.lost)),
            ("sacked", segments(sender.sacked)),
            ("rcv_space", info.receive_window),
            ("notsent", sender.unsent),
            ("snd_wnd", sender.peer_window),
        ];
        for (name, count) in rows.into_iter().filter(|(_, count)| *count > 0) {
            // How many of those in flight are sent again is not counted, only all there were.
            let before = if name == "retrans" { "0/" } else { "" };
            write!(f, " {name}:{before}{count}")?;
        }
        Ok(())
    }
}

/// Microseconds as milliseconds, by the `%g` of C: six digits, no zeros at the end.
pub struct Millis(pub u64);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 1000, self.0 % 1000);
        let digits = match whole {
            0..=999 => 3,
            1000..=9999 => 2,
            10_000..=99_999 => 1,
            _ => 0,
        };
        let unit = 10_u64.pow(3 - digits);
        let rounded = (whole * 1000 + part + unit / 2) / unit * unit;
        decimal(f, rounded / 1000, rounded % 1000, 3)
    }
}

/// A number with a part of so many places, without the zeros at its end.
fn decimal(f: &mut fmt::Formatter<'_>, whole: u64, part: u64, places: usize) -> fmt::Result {
    let (mut part, mut places) = (part, places);
    while places > 0 && part.is_multiple_of(10) {
        (part, places) = (part / 10, places - 1);
    }
    match places {
        0 => write!(f, "{whole}"),
        _ => write!(f, "{whole}.{part:0places$}"),
    }
}
