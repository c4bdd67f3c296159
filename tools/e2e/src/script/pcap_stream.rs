//! `/pcap`: what the board says passed is what the host saw pass, and tools that nobody here wrote
//! read it without a word.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::board::MAC;
use crate::lab::{INTERFACE, Lab};
use crate::script::web;
use crate::stage::Session;
use crate::tool::Tcpdump;
use crate::wait::{PATIENCE, until};

/// The port that the viewer sends from: the host's capture leaves it out as the board does.
const VIEWER: &str = "45555";
/// Data bytes of the pings before and after what is compared.
const FIRST: &str = "777";
const LAST: &str = "778";

/// A live stream, beside a capture of the host's.
pub fn as_the_host_saw_it(session: &mut Session) -> Result<()> {
    let lab = session.lab()?;
    let board = session.address.to_string();
    let file = lab.folder().join("live.pcapng");
    let tcpdump = Tcpdump::start(lab, "pcap_stream")?;
    let mut curl = Command::new("curl");
    curl.args(["-sSN", "--local-port", VIEWER, "-o"]).arg(&file).arg(session.url("/pcap")?);
    let mut viewer = lab.spawn(curl)?;
    // Its first blocks come at once, and from then on nothing is missed.
    until("the beginning of the stream", PATIENCE, || {
        Ok(fs::metadata(&file).ok().filter(|data| data.len() > 0).map(|_| ()))
    })?;

    let ping = |bytes| lab.run("ping", &["-n", "-c", "1", "-s", bytes, &board], PATIENCE);
    ping(FIRST)?;
    lab.namespace().ip(&["neigh", "flush", "dev", INTERFACE])?;
    ping("4000")?;
    web::fetch_index(session)?;
    // Nobody listens there: a reset.
    let _ = lab.run("curl", &["-sS", &format!("http://{board}:81/")], PATIENCE);
    ping(LAST)?;
    until("the last ping in the stream", PATIENCE, || {
        let text = printed(lab, &file, "icmp").unwrap_or_default();
        Ok((text.lines().filter(|line| is_marker(line, LAST)).count() == 2).then_some(()))
    })?;
    viewer.interrupt()?;
    let (_, host) = tcpdump.stop()?;

    let mut compared = 0;
    for of in [format!("not ether src {MAC}"), format!("ether src {MAC}")] {
        let not_viewer = format!("({of}) and not tcp port {VIEWER}");
        let ours = between_markers(&printed(lab, &file, &of)?)?;
        let theirs = between_markers(&printed(lab, &host, &not_viewer)?)?;
        ensure!(ours == theirs, "{of}:\nthe board: {ours:#?}\nthe host: {theirs:#?}");
        compared += ours.len();
    }
    ensure!(compared > 20, "only {compared} frames were compared");
    println!("{compared} frames are the same");
    readable(lab, &file)
}

/// What tcpdump prints of a file, by a pipe as in the manual.
fn printed(lab: &Lab, file: &Path, filter: &str) -> Result<String> {
    let line = format!("cat '{}' | tcpdump -r - -nt '{filter}'", file.display());
    lab.run("sh", &["-c", &line], PATIENCE)
}

fn is_marker(line: &str, bytes: &str) -> bool {
    let length = bytes.parse().map(|bytes: usize| format!("length {}", bytes + 8));
    line.contains("ICMP echo") && length.is_ok_and(|length| line.ends_with(&length))
}

/// The lines from the first marker to the last one.
fn between_markers(text: &str) -> Result<Vec<String>> {
    let lines: Vec<_> = text.lines().collect();
    let at = |bytes| lines.iter().position(|line| is_marker(line, bytes));
    let (Some(first), Some(last)) = (at(FIRST), at(LAST)) else {
        anyhow::bail!("no markers in\n{text}");
    };
    Ok(lines[first..=last].iter().map(ToString::to_string).collect())
}

/// capinfos and tshark read it without a warning, and find the notes.
fn readable(lab: &Lab, file: &Path) -> Result<()> {
    let path = file.display().to_string();
    let silent = |line: &str| {
        let line = format!("{line} 2>&1 >'{path}.out'");
        let said = lab.run("sh", &["-c", &line], PATIENCE)?;
        let mut said = said.lines().filter(|line| !line.starts_with("Running as user"));
        ensure!(said.next().is_none(), "{line}: {said:?}");
        fs::read_to_string(format!("{path}.out")).context("read what it printed")
    };
    let facts = silent(&format!("capinfos '{path}'"))?;
    for fact in ["File type:           Wireshark/... - pcapng", "Name = eth0", "Name = lo"] {
        ensure!(facts.contains(fact), "no {fact}: {facts}");
    }
    let fields = "-e frame.packet_flags_direction -e frame.comment -e _ws.malformed";
    let table = silent(&format!("tshark -n -r '{path}' -T fields {fields}"))?;
    let mut seen = BTreeSet::new();
    for line in table.lines() {
        let (way, rest) = line.split_once('\t').with_context(|| line.to_string())?;
        ensure!(rest.ends_with('\t'), "malformed: {line}");
        let way =
            u32::from_str_radix(way.trim_start_matches("0x"), 16).context(line.to_string())?;
        let is_in = rest.contains(" in: ") || rest.ends_with(" in\t");
        ensure!(way == if is_in { 1 } else { 2 }, "{line}");
        seen.extend(
            ["link: ARP", "to the stack", "answered by #"].map(|note| (note, rest.contains(note))),
        );
    }
    for note in ["link: ARP", "to the stack", "answered by #"] {
        ensure!(seen.contains(&(note, true)), "no frame is noted as \"{note}\":\n{table}");
    }
    Ok(())
}

/// The ring, by the parameters.
pub fn the_ring(session: &mut Session) -> Result<()> {
    let lab = session.lab()?;
    let board = session.address.to_string();
    lab.run("ping", &["-n", "-c", "3", "-i", "0.2", &board], PATIENCE)?;
    let file = lab.folder().join("ring.pcapng");
    let fetch = |query: &str| {
        let url = session.url(&format!("/pcap/ring?{query}"))?;
        lab.run("curl", &["-sSf", "-o", &file.display().to_string(), &url], PATIENCE)
    };
    fetch("filter=icmp+and+not+src+host+").err().context("a wrong filter was taken")?;
    fetch("filter=icmp%5bicmptype%5d%3d%3dicmp-echo&direction=in&snaplen=60&count=2")?;
    let text = printed(lab, &file, "")?;
    let is_echo = |line: &str| line.contains("ICMP echo request");
    ensure!(text.lines().count() == 2 && text.lines().all(is_echo), "{text}");
    fetch("filter=arp+or+icmp&interface=any")?;
    ensure!(printed(lab, &file, "")?.lines().count() >= 6, "{text}");
    readable_ring(lab, &file)
}

/// A stream that has an end says how many frames were lost.
fn readable_ring(lab: &Lab, file: &Path) -> Result<()> {
    let facts = lab.run("capinfos", &[&file.display().to_string()], PATIENCE)?;
    ensure!(facts.contains("Number of stat entries = 1"), "{facts}");
    Ok(())
}
