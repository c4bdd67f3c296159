//! What passes on the wire, from tcpdump's file: the conversations of the articles, and nothing
//! malformed.

use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::frame::{Frame, Payload, Tcp, flag};
use crate::lab::{HOST, INTERFACE, Lab};
use crate::pcap;
use crate::script::web;
use crate::stage::Session;
use crate::tool::Tcpdump;
use crate::wait::PATIENCE;

/// What tcpdump says of a frame that is wrong.
const COMPLAINTS: [&str; 6] = ["bad cksum", "incorrect", "truncated", "[|", "bad-len", "malformed"];

/// ARP, ping, an HTTP fetch: the exchange is complete, every length and checksum is right.
pub fn as_printed(session: &mut Session) -> Result<()> {
    let lab = session.lab()?;
    let tcpdump = Tcpdump::start(lab, "capture")?;
    // The host must ask for the address, even if it has asked before.
    lab.namespace().ip(&["neigh", "flush", "dev", INTERFACE])?;
    let board = session.address;
    lab.run("ping", &["-n", "-c", "3", "-i", "0.2", &board.to_string()], PATIENCE)?;
    lab.run("ping", &["-n", "-c", "1", "-s", "4000", &board.to_string()], PATIENCE)?;
    web::fetch_index(session)?;
    // The client has its page before the last segments have passed.
    tcpdump.wait_until("both FINs of the fetch on the wire", |captured| {
        let fins_from = |by_board: bool| {
            captured.iter().filter_map(|captured| Frame::parse(&captured.bytes).ok()).any(|frame| {
                frame
                    .tcp()
                    .is_some_and(|(ip, tcp)| (ip.source == board) == by_board && tcp.has(flag::FIN))
            })
        };
        fins_from(true) && fins_from(false)
    })?;
    let (captured, file) = tcpdump.stop()?;
    let frames = pcap::check(&captured).context("frames on the wire")?;

    arp_exchange(&frames, board)?;
    echo_exchange(&frames, board)?;
    http_exchange(&frames, board)?;
    as_tcpdump_prints(lab, &file, board)
}

fn arp_exchange(frames: &[Frame], board: Ipv4Addr) -> Result<()> {
    let arp =
        |reply: bool| frames.iter().filter_map(Frame::arp).filter(move |arp| arp.is_reply == reply);
    ensure!(arp(false).any(|arp| (arp.sender, arp.target) == (HOST, board)), "no ARP request");
    ensure!(arp(true).any(|arp| (arp.sender, arp.target) == (board, HOST)), "no ARP reply");
    Ok(())
}

fn echo_exchange(frames: &[Frame], board: Ipv4Addr) -> Result<()> {
    let echoes = frames.iter().filter_map(Frame::icmp).collect::<Vec<_>>();
    let requests = echoes.iter().filter(|(ip, icmp)| icmp.kind == 8 && ip.destination == board);
    let mut count = 0;
    for (_, request) in requests {
        let answered = echoes.iter().any(|(ip, icmp)| {
            let same = (icmp.rest, &icmp.data) == (request.rest, &request.data);
            ip.source == board && icmp.kind == 0 && icmp.code == 0 && same
        });
        ensure!(answered, "an echo request without its reply: {request:?}");
        count += 1;
    }
    ensure!(count == 3, "{count} echo requests instead of 3");
    let fragments = frames.iter().filter(|frame| match &frame.body {
        crate::frame::Body::Ipv4(ip) => {
            ip.source == board && matches!(ip.payload, Payload::Fragment { .. })
        }
        _ => false,
    });
    // 4,008 bytes go in pieces of at most 1,480.
    ensure!(fragments.count() >= 3, "the long echo did not come back in fragments");
    Ok(())
}

/// SYN, SYN ACK, ACK, data both ways, FIN both ways, in this order.
fn http_exchange(frames: &[Frame], board: Ipv4Addr) -> Result<()> {
    let segments: Vec<(bool, &Tcp)> = frames
        .iter()
        .filter_map(Frame::tcp)
        .filter(|(_, tcp)| tcp.from == 80 || tcp.to == 80)
        .map(|(ip, tcp)| (ip.source == board, tcp))
        .collect();
    type Step = (&'static str, bool, fn(&Tcp) -> bool);
    let steps: [Step; 5] = [
        ("SYN", false, |tcp| tcp.flags == flag::SYN),
        ("SYN ACK", true, |tcp| tcp.flags == flag::SYN | flag::ACK),
        ("ACK", false, |tcp| tcp.flags == flag::ACK && tcp.data.is_empty()),
        ("GET", false, |tcp| tcp.data.starts_with(b"GET / HTTP/1.1\r\n")),
        ("200 OK", true, |tcp| tcp.data.starts_with(b"HTTP/1.1 200 OK\r\n")),
    ];
    let mut rest = segments.iter();
    for (name, from_board, wanted) in steps {
        if !rest.any(|&(by_board, tcp)| by_board == from_board && wanted(tcp)) {
            bail!("no {name} in its place: {segments:?}");
        }
    }
    for from_board in [true, false] {
        let ended = rest.clone().any(|&(by, tcp)| by == from_board && tcp.has(flag::FIN));
        ensure!(ended, "{} sent no FIN", if from_board { "the board" } else { "the host" });
    }
    let reset = segments.iter().any(|(by_board, tcp)| *by_board && tcp.has(flag::RST));
    ensure!(!reset, "the board reset the connection");
    Ok(())
}

/// tcpdump, which shares no code with us, finds nothing to complain of and prints the lines that
/// people know.
fn as_tcpdump_prints(lab: &Lab, file: &Path, board: Ipv4Addr) -> Result<()> {
    let path = file.display().to_string();
    let text = lab.run("tcpdump", &["-n", "-t", "-vv", "-r", &path], PATIENCE)?;
    for complaint in COMPLAINTS {
        // Lines of HTTP begin with a tab: what a page says is no complaint of tcpdump's.
        let mut headers = text.lines().filter(|line| !line.starts_with('\t'));
        let line = headers.find(|line| line.contains(complaint));
        if let Some(line) = line {
            bail!("tcpdump complains: {line}");
        }
    }
    let text = lab.run("tcpdump", &["-n", "-t", "-r", &path], PATIENCE)?;
    let expected = [
        format!("ARP, Request who-has {board} tell {HOST}, length "),
        format!("ARP, Reply {board} is-at {}, length ", crate::board::MAC),
        format!("IP {HOST} > {board}: ICMP echo request, id "),
        format!("IP {board} > {HOST}: ICMP echo reply, id "),
        format!("IP {board}.80 > {HOST}."),
    ];
    for start in expected {
        ensure!(text.lines().any(|line| line.starts_with(&start)), "no line {start}:\n{text}");
    }
    Ok(())
}
