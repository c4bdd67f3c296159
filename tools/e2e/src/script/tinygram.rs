//! What a keystroke costs: as the board counts it, and as tcpdump on the host does.

use anyhow::{Context, Result, ensure};

use crate::frame::{Frame, flag};
use crate::pcap::Captured;
use crate::script::shell::{PROMPT, log_in};
use crate::script::telnet::wait_for_mode;
use crate::stage::Session;
use crate::telnet::Telnet;
use crate::tool::Tcpdump;

/// The line that is typed.
const LINE: &str = "echo tinygrams";

/// Segments, bytes of their IP datagrams, and bytes of data, each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    received: [u64; 3],
    sent: [u64; 3],
}

/// A segment of the session.
struct Segment {
    by_board: bool,
    datagram_bytes: u64,
    /// The sequence number after it.
    end: u32,
    acknowledgement: u32,
    data: Vec<u8>,
}

/// The segments of the one telnet connection that was opened during the recording.
fn segments(captured: &[Captured]) -> Vec<Segment> {
    let frames = || {
        captured.iter().filter_map(|captured| {
            Some((captured, Frame::parse(&captured.bytes).ok()?)).filter(|(_, f)| f.tcp().is_some())
        })
    };
    let tcp = |frame: &Frame| frame.tcp().map(|(_, tcp)| tcp.clone()).unwrap_or_default();
    let syn = frames().map(|(_, frame)| tcp(&frame)).find(|tcp| tcp.flags == flag::SYN);
    let client = syn.filter(|syn| syn.to == 23).map_or(0, |syn| syn.from);
    let of_client = frames().map(|(captured, frame)| (captured, tcp(&frame)));
    of_client
        .filter(|(_, tcp)| [(client, 23), (23, client)].contains(&(tcp.from, tcp.to)))
        .map(|(captured, tcp)| Segment {
            by_board: tcp.from == 23,
            // The total length of RFC 791, behind 14 bytes of Ethernet.
            datagram_bytes: u64::from(captured.bytes[16]) << 8 | u64::from(captured.bytes[17]),
            end: tcp.sequence.wrapping_add(tcp.data.len() as u32),
            acknowledgement: tcp.acknowledgement,
            data: tcp.data,
        })
        .collect()
}

/// Waits until the board's last data ends like this, and the client has acknowledged it.
fn wait_for_silence(tcpdump: &Tcpdump, end: &str) -> Result<()> {
    tcpdump.wait_until(&format!("the ACK of {end:?}"), |captured| {
        let segments = segments(captured);
        let last = segments.iter().rfind(|segment| segment.by_board && !segment.data.is_empty());
        last.is_some_and(|last| {
            last.data.ends_with(end.as_bytes())
                && segments
                    .iter()
                    .any(|segment| !segment.by_board && segment.acknowledgement == last.end)
        })
    })
}

/// Types the line, in pieces that are each waited for, and returns what the board says it cost.
fn measure(telnet: &mut Telnet, tcpdump: &Tcpdump, pieces: &[&str]) -> Result<Cost> {
    wait_for_silence(tcpdump, PROMPT)?;
    for piece in pieces {
        telnet.type_keys(piece)?;
        telnet.expect(piece)?;
        wait_for_silence(tcpdump, piece)?;
    }
    let whole = if pieces.is_empty() { LINE } else { "" };
    telnet.type_keys(&format!("{whole}\r"))?;
    telnet.expect("[keys: ")?;
    let told = telnet.expect("]")?;
    telnet.expect(PROMPT)?;
    let words = told.split(|c: char| !c.is_ascii_digit()).filter(|word| !word.is_empty());
    let numbers = words.map(str::parse).collect::<Result<Vec<u64>, _>>()?;
    let numbers: [u64; 6] = numbers.try_into().ok().with_context(|| told.clone())?;
    let [a, b, c, d, e, f] = numbers;
    Ok(Cost { received: [a, b, c], sent: [d, e, f] })
}

/// What the recording says of the line: from the first segment with data after the prompt before
/// it, up to the one that brings its end.
fn recorded(segments: &[Segment], number: usize) -> Result<Cost> {
    let is_end = |segment: &Segment| !segment.by_board && segment.data.contains(&b'\r');
    // The lines before: `mode -v`, and what else was typed.
    let ends = segments.iter().enumerate().filter(|(_, segment)| is_end(segment));
    let ends = ends.map(|(index, _)| index).collect::<Vec<_>>();
    let &[before, end] = &ends[number - 1..=number] else { unreachable!() };
    let line = &segments[before + 1..=end];
    let first = line.iter().position(|segment| !segment.by_board && !segment.data.is_empty());
    let mut cost = Cost::default();
    for segment in &line[first.context("the line is not in the recording")?..] {
        let side = if segment.by_board { &mut cost.sent } else { &mut cost.received };
        side[0] += 1;
        side[1] += segment.datagram_bytes;
        side[2] += segment.data.len() as u64;
    }
    Ok(cost)
}

/// The same line in character mode and in line mode: board and host agree on what it cost.
pub fn counted_alike(session: &mut Session) -> Result<()> {
    let tcpdump = Tcpdump::start(session.lab()?, "tinygrams")?;
    let mut telnet = log_in(session)?;
    telnet.type_keys("mode -v\r")?;
    telnet.expect(PROMPT)?;
    let pieces: Vec<String> = LINE.chars().map(String::from).collect();
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    let keys = measure(&mut telnet, &tcpdump, &pieces)?;
    telnet.type_keys("mode line\r")?;
    telnet.expect(PROMPT)?;
    wait_for_mode(&mut telnet, "by LINEMODE")?;
    let line = measure(&mut telnet, &tcpdump, &[])?;
    telnet.type_keys("exit\r")?;
    telnet.expect_closed()?;

    let segments = segments(&tcpdump.stop()?.0);
    let texts = segments.iter().map(|segment| &segment.data[..]);
    let lines = texts.filter(|data| data.contains(&b'\r') && !data.contains(&b'\n'));
    // In character mode CR comes as CR NUL: `mode -v` is the first, our line the second.
    ensure!(lines.count() >= 2, "no two lines in the recording");
    ensure!(keys == recorded(&segments, 1)?, "{keys:?}, but {:?}", recorded(&segments, 1)?);
    let ends = segments.iter().filter(|segment| !segment.by_board && segment.data.contains(&b'\r'));
    // The last is `exit`.
    let number = ends.count() - 2;
    ensure!(
        line == recorded(&segments, number)?,
        "{line:?}, but {:?}",
        recorded(&segments, number)?
    );

    // The lesson itself: a key is a segment, and its echo another; a line is one segment.
    let length = LINE.len() as u64;
    ensure!(keys.received[0] > length && keys.sent[0] >= length, "{keys:?}");
    ensure!(line.received == [1, line.received[1], length + 2] && line.sent[0] == 0, "{line:?}");
    Ok(())
}
