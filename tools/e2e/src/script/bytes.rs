//! 16 MiB each way by TCP, every byte checked, and nothing sent twice by a fault of ours.

use std::fs;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use xtask::witness::{crc32, data};

use crate::frame::{Frame, Tcp, flag};
use crate::pcap::{self, Captured};
use crate::script::web;
use crate::stage::Session;
use crate::tool::Tcpdump;

/// Bytes that are moved.
pub const BYTES: usize = 16 << 20;
/// The time that may take: 140 kB/s, on the slowest adapter and the busiest machine.
pub const LIMIT: Duration = Duration::from_secs(120);
/// Tail loss probes, as the board counts them.
const PROBES: &str = "TCPLossProbes";

/// The board sends; the host checks every byte.
pub fn out(session: &mut Session) -> Result<()> {
    let lab = session.lab()?;
    let file = lab.folder().join("bytes.out");
    let url = session.url(&format!("/bytes?count={BYTES}"))?;
    let before = web::tcp_counted(session, PROBES)?;
    let tcpdump = Tcpdump::start(lab, "bytes_out")?;
    lab.run("curl", &["-sS", "-f", "-o", &file.display().to_string(), &url], LIMIT)?;
    let all_came = |captured: &[Captured]| {
        pcap::check(captured).is_ok_and(|all| Repeats::count(&all, session.address, true).is_ok())
    };
    tcpdump.wait_until("all bytes in the capture", all_came)?;
    let (captured, _) = tcpdump.stop()?;
    let received = fs::read(&file).context("read what curl wrote")?;
    ensure!(received == data(BYTES), "{} bytes came, and not those sent", received.len());
    let repeats = Repeats::count(&pcap::check(&captured)?, session.address, true)?;
    // A busy machine may keep the board waiting for two round trips of half a millisecond: it asks
    // then, by what it sent last.
    let probes = web::tcp_counted(session, PROBES)? - before;
    let told = repeats.repeated as u64 <= probes;
    ensure!(told, "the board sent something twice, and {probes} probes: {repeats:?}");
    Ok(())
}

/// The host sends; the board tells the CRC-32 of what it took.
pub fn back(session: &mut Session) -> Result<()> {
    let lab = session.lab()?;
    let file = lab.folder().join("bytes.in");
    let bytes = data(BYTES);
    fs::write(&file, &bytes).context("write what curl sends")?;
    let before = Lost::so_far(session)?;
    let tcpdump = Tcpdump::start(lab, "bytes_in")?;
    let line = ["-sS", "-f", "-T", &file.display().to_string(), &session.url("/bytes")?];
    let answer = lab.run("curl", &line, LIMIT)?;
    let all_came = |captured: &[Captured]| {
        pcap::check(captured).is_ok_and(|all| Repeats::count(&all, session.address, false).is_ok())
    };
    tcpdump.wait_until("all bytes in the capture", all_came)?;
    let (captured, _) = tcpdump.stop()?;
    let lost = Lost::so_far(session)?;
    ensure!(lost == before, "the board lost something: {before:?} before, {lost:?} now");
    let answer: Value = serde_json::from_str(&answer).with_context(|| answer.clone())?;
    let sum = format!("{:08x}", crc32(&bytes));
    ensure!(answer["bytes"] == BYTES && answer["crc32"] == sum.as_str(), "{answer}, not {sum}");
    let repeats = Repeats::count(&pcap::check(&captured)?, session.address, false)?;
    // A host that was kept waiting sends a segment again, and is told once that it came already.
    // Whoever misses a segment says so upon each that follows.
    let missed = repeats.duplicate_acknowledgements > repeats.repeated;
    ensure!(!missed, "the board missed something: {repeats:?}");
    Ok(())
}

/// What the board says it could not take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lost {
    /// Transfers that failed.
    transfers: u64,
    /// Transfers whose frames could not be told apart.
    bursts: u64,
    /// Times that the adapter had no room.
    overruns: u64,
}

impl Lost {
    /// Since the start.
    fn so_far(session: &Session) -> Result<Self> {
        let status = web::status(session)?;
        let count = |name: &str| {
            status["driver"][name].as_u64().with_context(|| format!("no {name} in {status}"))
        };
        Ok(Self {
            transfers: count("receive_errors")?,
            bursts: count("receive_frame_errors")?,
            overruns: count("receive_overruns")?,
        })
    }
}

/// Segments of a capture that should not be needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Repeats {
    /// Segments with data or FIN.
    segments: usize,
    /// Of them, those that had been sent before.
    repeated: usize,
    /// Acknowledgements that say nothing new (RFC 5681 2): the receiver misses something.
    duplicate_acknowledgements: usize,
}

impl Repeats {
    /// Counts what one end of the only HTTP connection sent, and what the other answered.
    fn count(frames: &[Frame], board: Ipv4Addr, sent_by_board: bool) -> Result<Self> {
        let mut all = Self::default();
        let mut bytes_in_all = 0;
        let mut end: Option<u32> = None;
        let mut acknowledged: Option<(u32, u16)> = None;
        for (ip, tcp) in frames.iter().filter_map(Frame::tcp) {
            if tcp.from != 80 && tcp.to != 80 {
                continue;
            }
            if (ip.source == board) == sent_by_board {
                let bytes = tcp.data.len() as u32 + u32::from(tcp.has(flag::FIN));
                let until = tcp.sequence.wrapping_add(bytes);
                if bytes > 0 {
                    all.segments += 1;
                    bytes_in_all += tcp.data.len();
                    all.repeated += usize::from(end.is_some_and(|end| is_before(tcp, end)));
                }
                end = Some(end.filter(|&end| !is_after(until, end)).unwrap_or(until));
            } else if tcp.has(flag::ACK) {
                let now = (tcp.acknowledgement, tcp.window);
                let says_nothing = tcp.data.is_empty() && !tcp.has(flag::FIN | flag::SYN);
                let waits = end.is_some_and(|end| is_after(end, tcp.acknowledgement));
                let is_duplicate = acknowledged == Some(now) && says_nothing && waits;
                all.duplicate_acknowledgements += usize::from(is_duplicate);
                acknowledged = Some(now);
            }
        }
        ensure!(bytes_in_all >= BYTES, "only {bytes_in_all} bytes were captured: {all:?}");
        Ok(all)
    }
}

/// True if the segment begins before `end`, in the circle of sequence numbers.
fn is_before(tcp: &Tcp, end: u32) -> bool {
    is_after(end, tcp.sequence)
}

fn is_after(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) as i32 > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Body, Ipv4, Mac, Payload};

    const BOARD: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 42);
    const HOST: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 1);
    /// Bytes of a segment here: few segments, and still all of the bytes.
    const PIECE: usize = BYTES / 4;

    fn frame(source: Ipv4Addr, destination: Ipv4Addr, tcp: Tcp) -> Frame {
        let body = Body::Ipv4(Ipv4 { source, destination, payload: Payload::Tcp(tcp) });
        Frame { to: Mac::BROADCAST, from: Mac::BROADCAST, body }
    }

    /// A segment of the host's, the numbered piece of what it sends.
    fn piece(number: usize) -> Frame {
        let sequence = 0xffff_ff00_u32.wrapping_add((number * PIECE) as u32);
        let (flags, data) = (flag::ACK, vec![0; PIECE]);
        frame(HOST, BOARD, Tcp { from: 9, to: 80, sequence, flags, data, ..Tcp::default() })
    }

    /// The board has all pieces before this one.
    fn has(number: usize) -> Frame {
        let acknowledgement = 0xffff_ff00_u32.wrapping_add((number * PIECE) as u32);
        let tcp = Tcp { from: 80, to: 9, acknowledgement, flags: flag::ACK, ..Tcp::default() };
        frame(BOARD, HOST, tcp)
    }

    fn seen(frames: &[Frame]) -> (usize, usize, usize) {
        let all = Repeats::count(frames, BOARD, false).unwrap();
        (all.segments, all.repeated, all.duplicate_acknowledgements)
    }

    #[test]
    fn repeats_and_duplicates_are_counted() {
        let [zero, one, two, three] = [0, 1, 2, 3].map(piece);
        let in_order = [&zero, &one, &has(2), &two, &has(3), &three, &has(4)];
        assert_eq!(seen(&in_order.map(Clone::clone)), (4, 0, 0));
        // Lost: the second one.
        let lost =
            [&zero, &has(1), &one, &two, &has(1), &three, &has(1), &one, &has(4)].map(Clone::clone);
        assert_eq!(seen(&lost), (5, 1, 2));
        // Late: the answer to all of them. An answer that moves on is no duplicate.
        let late = [&zero, &one, &two, &three, &zero, &has(4), &has(4)].map(Clone::clone);
        assert_eq!(seen(&late), (5, 1, 0));
        assert!(Repeats::count(&[zero, one, two], BOARD, false).is_err());
    }
}
