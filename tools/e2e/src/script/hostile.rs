//! Peers that mean harm. Whatever they send, the board goes on serving the others.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::attack::flood::spoofed_syn;
use crate::frame::{Payload, Tcp, ethernet, flag, ipv4};
use crate::raw_peer::{Neighbor, RawPeer};
use crate::script::web;
use crate::stage::Session;
use crate::wait::until;

/// How long a peer is listened to that shut its window.
const LISTEN: Duration = Duration::from_secs(3);
/// Frames that a board may send meanwhile: probes and acknowledgements at a human pace. One that
/// has lost its way sends tens of thousands.
const FRAMES_MAX: usize = 300;
/// A board that sends nothing for this long has sent what it has.
const PAUSE: Duration = Duration::from_millis(200);
/// SYNs of a flood.
const SYNS: u32 = 2_000;
/// Malformed frames.
const GARBAGE: u32 = 5_000;
/// The board must serve again this soon after a flood. Much longer than it takes; what counts is
/// that it does not need a restart.
const RECOVERY: Duration = Duration::from_secs(10);

/// Three segments that hang a stock smoltcp for good: a request; part of the answer, end of the
/// connection included, acknowledged with window 0; the rest acknowledged with window 0.
pub fn window_zero(session: &mut Session) -> Result<()> {
    let ends = "GET /favicon.ico HTTP/1.1\r\nHost: board\r\nConnection: close\r\n\r\n";
    shut_window(session, ends)
}

/// The same in the midst of a long answer on a connection that is kept.
pub fn window_zero_midway(session: &mut Session) -> Result<()> {
    shut_window(session, "GET / HTTP/1.1\r\nHost: board\r\n\r\n")
}

fn shut_window(session: &mut Session, request: &str) -> Result<()> {
    let peer = session.lab()?.raw_peer(2)?;
    let board = peer.find(session.address)?;
    let from = 40_000 + request.len() as u16;
    let open = peer.connect(board, from, 80)?;

    let get = Tcp { flags: flag::ACK | flag::PSH, data: request.into(), ..open.clone() };
    let first = peer.exchange(board, &get, |tcp| !tcp.data.is_empty())?;
    ensure!(first.sequence == open.acknowledgement, "the answer does not begin at its beginning");

    let end = last_sent(&peer, board, &first)?;
    let length = end.wrapping_sub(open.acknowledgement);
    let sent = open.sequence.wrapping_add(request.len() as u32);
    let shut = Tcp { sequence: sent, flags: flag::ACK, window: 0, ..open.clone() };
    for acknowledgement in [open.acknowledgement.wrapping_add(length / 2), end] {
        peer.send(board, &Payload::Tcp(Tcp { acknowledgement, ..shut.clone() }))?;
    }

    let frames = peer.count_from(board, LISTEN)?;
    ensure!(
        frames <= FRAMES_MAX,
        "{frames} frames within {LISTEN:?} for a peer that shut its window"
    );
    still_serves(session)?;
    // Leaves nothing behind.
    let reset = Tcp { acknowledgement: end, flags: flag::RST | flag::ACK, ..shut };
    peer.send(board, &Payload::Tcp(reset))
}

/// The sequence number after the last data that the board has sent, when it has paused.
fn last_sent(peer: &RawPeer, board: Neighbor, first: &Tcp) -> Result<u32> {
    let end_of = |tcp: &Tcp| {
        let length = tcp.data.len() as u32 + u32::from(tcp.has(flag::FIN));
        tcp.sequence.wrapping_add(length)
    };
    let mut end = end_of(first);
    while let Some(frame) = peer.receive(PAUSE)? {
        let Some((ip, tcp)) = frame.tcp() else { continue };
        if ip.source != board.address || tcp.to != first.to {
            continue;
        }
        let reaches = end_of(tcp);
        if reaches.wrapping_sub(end) as i32 > 0 {
            end = reaches;
        }
    }
    Ok(end)
}

/// 2,000 SYNs from sources that do not exist, half of them on the board's own network.
pub fn syn_flood(session: &mut Session) -> Result<()> {
    let peer = session.lab()?.raw_peer(3)?;
    let board = peer.find(session.address)?;
    let mut random = ChaCha8Rng::seed_from_u64(0x5f1d);
    for _ in 0..SYNS {
        peer.send_bytes(&spoofed_syn(&mut random, &peer, board))?;
    }
    session.wait_for_ping()?;
    until("an answer after the flood", RECOVERY, || Ok(web::fetch_index(session).ok()))
        .context("2,000 SYNs")
}

/// 5,000 frames that are wrong in some way, the same on every run.
pub fn garbage(session: &mut Session) -> Result<()> {
    let peer = session.lab()?.raw_peer(4)?;
    let board = peer.find(session.address)?;
    let mut random = ChaCha8Rng::seed_from_u64(0x6a8b_a6e5);
    for number in 0..GARBAGE {
        peer.send_bytes(&wrong_frame(&mut random, &peer, board))?;
        // Now and then the board is heard, so that a frame that killed it is near the one that is
        // shown.
        if number % 500 == 499 {
            peer.echo(board, 0x6a8b, number as u16, b"still there?")
                .with_context(|| format!("after {} malformed frames", number + 1))?;
        }
    }
    still_serves(session)
}

fn wrong_frame(random: &mut ChaCha8Rng, peer: &RawPeer, board: Neighbor) -> Vec<u8> {
    let mut noise = vec![0; random.next_u32() as usize % 1480];
    random.fill_bytes(&mut noise);
    let protocol = [1, 2, 6, 17, 41, random.next_u32() as u8][random.next_u32() as usize % 6];
    // Valid headers around noise reach the parsers deep inside.
    let packet = ipv4(peer.address(), board.address, protocol, &noise);
    match random.next_u32() % 5 {
        0 => ethernet(board.mac, peer.mac(), random.next_u32() as u16, &noise),
        1 => ethernet(board.mac, peer.mac(), 0x0806, &noise[..noise.len() % 60]),
        2 => ethernet(board.mac, peer.mac(), 0x0800, &noise),
        3 => ethernet(board.mac, peer.mac(), 0x0800, &packet),
        _ => {
            // One byte of a good header is changed, and perhaps the end is missing.
            let mut packet = packet;
            let at = random.next_u32() as usize % 20;
            packet[at] ^= random.next_u32() as u8;
            let bytes = packet.len() - random.next_u32() as usize % packet.len().min(40);
            ethernet(board.mac, peer.mac(), 0x0800, &packet[..bytes])
        }
    }
}

/// Others are answered: ping and HTTP.
fn still_serves(session: &Session) -> Result<()> {
    session.wait_for_ping()?;
    if let Err(error) = web::fetch_index(session) {
        bail!("HTTP no longer answers others: {error:#}");
    }
    Ok(())
}
