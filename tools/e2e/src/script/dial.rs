//! The fault dial: what it takes away on the way out TCP makes good, and everybody counts the same.

use std::collections::HashSet;
use std::io::{BufReader, Read, Write};

use anyhow::{Context, Result, ensure};
use xtask::witness::data;

use crate::board::MAC;
use crate::frame::Frame;
use crate::lab::INTERFACE;
use crate::measure::transfer::head;
use crate::pcap;
use crate::script::shell::on_console;
use crate::script::web::{self, connect};
use crate::stage::Session;
use crate::tool::{Tcpdump, curl};
use crate::wait::{PATIENCE, until};

/// Bytes that are fetched.
const BYTES: usize = 4 << 20;
/// Of some 4,100 segments.
const LOST: &str = "5%";
/// Fewer than this many of them lost would be less than a half of what is asked for.
const LOST_MIN: usize = 100;
/// Three questions for routers are over by then, the names are announced, and there is an address.
const SILENT_AFTER_SECONDS: f64 = 15.0;
/// Leaves 1,024 bytes for the data of a segment: what the board's service writes at a time is a
/// multiple of that, and so no segment is short. Two short ones that are lost are sent again as
/// one, which nobody outside can tell.
const SMALL_MTU_BYTES: &str = "1076";

/// 4 MB at 5 % loss: every byte is right, and the retransmissions that the board counts are those
/// that the host's capture shows.
///
/// The dial stands between TCP and the wire, where the host captures. So the host sees a segment
/// twice only if the first one got through; if it did not, the dial counted it. Of each segment
/// that was sent n times, n - 1 were retransmissions:
///
/// ```text
///   counted by TCP = (segments the host saw - different ones it saw) + lost by the dial
/// ```
pub fn loss(session: &mut Session) -> Result<()> {
    // What a board asks and tells everybody after its start could be lost, too.
    until("a board that says nothing by itself", PATIENCE, || {
        let uptime = web::status(session)?["uptime_seconds"].as_f64();
        Ok(uptime.filter(|seconds| *seconds > SILENT_AFTER_SECONDS).map(|_| ()))
    })?;
    session.wait_for_ping()?;
    // Nobody asks for Ethernet addresses meanwhile: an answer that is lost is no segment.
    let board = session.address.to_string();
    let entry = ["neigh", "replace", &board, "lladdr", MAC, "dev", INTERFACE, "nud", "permanent"];
    let namespace = session.lab()?.namespace();
    namespace.ip(&entry)?;
    namespace.ip(&["link", "set", INTERFACE, "mtu", SMALL_MTU_BYTES])?;

    let mut stream = connect(session)?;
    let tcpdump = Tcpdump::start(session.lab()?, "dial")?;
    let before = Sent::again(session)?;
    on_console(session, &format!("netem out loss {LOST}"))?;
    write!(stream, "GET /bytes?count={BYTES} HTTP/1.1\r\nHost: {board}\r\n\r\n")?;
    let mut reader = BufReader::new(&stream);
    ensure!(head(&mut reader)? == Some(BYTES), "another length");
    let mut bytes = vec![0; BYTES];
    reader.read_exact(&mut bytes)?;
    ensure!(bytes == data(BYTES), "not the bytes that were sent");
    // What TCP still sends again is counted on both sides: its last answer comes before the ping's.
    let told = on_console(session, "netem")?;
    on_console(session, "netem off")?;
    session.wait_for_ping()?;
    let after = Sent::again(session)?;

    let (captured, _) = tcpdump.stop()?;
    session.lab()?.namespace().ip(&["link", "set", INTERFACE, "mtu", "1500"])?;
    let frames = pcap::check(&captured)?;
    let segments = frames.iter().filter_map(Frame::tcp);
    let ours = segments.filter(|(ip, tcp)| ip.source == session.address && !tcp.data.is_empty());
    let places: Vec<u32> = ours.map(|(_, tcp)| tcp.sequence).collect();
    let different = places.iter().collect::<HashSet<_>>().len();
    let lost = number_behind(&told, "lost ").with_context(|| told.clone())?;
    let twice = places.len() - different;
    let again = (after.netstat - before.netstat) as usize;
    println!("{again} sent again: {lost} were lost, {twice} came twice, of {different}");
    ensure!(lost > LOST_MIN, "the dial lost {lost}: {told}");
    ensure!(again == lost + twice, "TCP counted {again}; lost {lost}, seen twice {twice}");
    ensure!(after.metrics - before.metrics == again as u64, "{before:?}, {after:?}");
    in_life(session)
}

/// The visitor's own page shows what was sent again.
fn in_life(session: &mut Session) -> Result<()> {
    on_console(session, "netem out loss 20%")?;
    let (status, _) = curl(session.lab.as_ref(), &session.url("/bytes?count=60000")?)?;
    on_console(session, "netem off")?;
    ensure!(status == 200, "/bytes: {status}");
    let (_, life) = curl(session.lab.as_ref(), &session.url("/life.json")?)?;
    let life: serde_json::Value = serde_json::from_str(&life).context("/life.json")?;
    let frames = life["frames"].as_array().context("no frames")?;
    let notes = frames.iter().flat_map(|frame| frame["notes"].as_array().into_iter().flatten());
    let again = notes.filter_map(|note| note.as_str()).filter(|note| note.contains("retransmit"));
    ensure!(again.count() > 0, "no retransmission in /life.json: {life}");
    Ok(())
}

/// Segments that TCP says it has sent again so far.
#[derive(Clone, Copy, Debug)]
struct Sent {
    /// By `netstat -s`.
    netstat: u64,
    /// By `/metrics`.
    metrics: u64,
}

impl Sent {
    fn again(session: &mut Session) -> Result<Self> {
        let metrics = web::tcp_counted(session, "RetransSegs")?;
        let told = on_console(session, "netstat -s")?;
        let line = told.lines().find(|line| line.contains("segments retransmitted"));
        let netstat = line.and_then(|line| number_behind(line.trim_start(), ""));
        let netstat = netstat.with_context(|| told.clone())?;
        Ok(Self { netstat: netstat as u64, metrics })
    }
}

/// The number that follows these words.
fn number_behind(text: &str, words: &str) -> Option<usize> {
    let (_, rest) = text.split_once(words)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}
