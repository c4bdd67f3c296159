//! Many transfers at once between two engines that have hardly more memory than all connections
//! need at least, over a bad wire, with readers of every speed.

use tcp::{ConnectionId, Read, Tcp};

use super::*;
use crate::hosts::PORT;

const CONNECTIONS: usize = 16;
const BYTES: usize = 60_000;
/// Each takes a second.
const SEEDS_MAX: usize = 200;
/// Seven blocks for each, and a few more to argue about.
const BLOCKS: usize = CONNECTIONS * 7 + 24;

#[derive(Clone, Copy, Debug, Default)]
struct End {
    id: Option<ConnectionId>,
    sent: usize,
    received: usize,
    closed: bool,
    over: bool,
    next_read_us: u64,
}

fn at(us: u64) -> tcp::Instant {
    tcp::Instant::from_micros(us)
}

/// Each side's turn at a connection; the stream's bytes also depend on which connection it is.
fn serve(tcp: &mut Tcp<'_>, side: usize, end: &mut End, salt: usize, now_us: u64, pause_us: u64) {
    let Some(id) = end.id.filter(|_| !end.over) else { return };
    if end.sent < BYTES {
        let bytes: Vec<u8> =
            (end.sent..BYTES.min(end.sent + 500)).map(|n| byte(side, n + salt)).collect();
        end.sent += tcp.write(at(now_us), id, &bytes).expect("may write");
    } else if !end.closed {
        end.closed = true;
        tcp.close(at(now_us), id).expect("there");
    }
    if now_us < end.next_read_us {
        return;
    }
    let mut out = [0; 4000];
    match tcp.read(at(now_us), id, &mut out).expect("there") {
        Read::Bytes(count) => {
            for (n, got) in out[..count].iter().enumerate() {
                assert_eq!(
                    *got,
                    byte(1 - side, end.received + n + salt),
                    "at {}",
                    end.received + n
                );
            }
            end.received += count;
            end.next_read_us = now_us + pause_us;
        }
        Read::Empty => {}
        Read::Finished => {
            assert_eq!(end.received, BYTES);
            let info = tcp.connection(at(now_us), id).expect("there");
            // A peer whose TIME-WAIT had to give way answers a FIN that comes again by a RST.
            let done = info.send_queue == 0 || info.state == tcp::State::Closed;
            if end.closed && done {
                tcp.give_back(at(now_us), id).expect("there");
                end.over = true;
            }
        }
        Read::Ended(why) => panic!("side {side}: {why}"),
    }
}

fn crowd(seed: u64) {
    let sizes = Sizes { connections: CONNECTIONS, half_open: 32, time_wait: 4, blocks: BLOCKS };
    let mut memory = [Memory::new(sizes), Memory::new(sizes)];
    let [first, second] = &mut memory;
    let mut config = Config::default();
    config.connection.user_timeout_us = END_US;
    config.linger_us = END_US;
    let mut engines = [first.engine(config, 1), second.engine(config, 2)];
    let listener = engines[0].listen("test", None, PORT, CONNECTIONS).expect("a listener");
    let faults = Faults {
        lose: 50,
        duplicate: 20,
        reorder: 20,
        corrupt: 20,
        delay_us: 2_000,
        jitter_us: 500,
        ..Faults::default()
    };
    let mut wire = Wire::new(faults, ChaCha8Rng::seed_from_u64(seed));
    let mut ends = [[End::default(); CONNECTIONS]; 2];
    let mut ports = Vec::new();
    for end in &mut ends[1] {
        let (local, remote) =
            (tcp::Endpoint::new(address(1), 0), tcp::Endpoint::new(address(0), PORT));
        let id = engines[1].connect(at(0), "test", local, remote).expect("a connection");
        let info = engines[1].connection(at(0), id).expect("there");
        ports.push(info.flow.local.port);
        end.id = Some(id);
    }
    let mut now_us = 0;
    let (mut polls, mut idle) = (0u64, 0);
    while ends.iter().flatten().any(|end| !end.over) {
        while let Some(segment) = wire.arrived(now_us) {
            let (from, to) = (address(1 - segment.to), address(segment.to));
            let input = tcp::SegmentIn {
                source: from,
                destination: to,
                ecn: tcp::Ecn::NotCapable,
                checksum: tcp::Checksum::Software,
                bytes: &segment.bytes,
            };
            engines[segment.to].input(at(now_us), &input);
        }
        while let Some(id) = engines[0].accept(listener) {
            let port = engines[0].connection(at(now_us), id).expect("there").flow.remote.port;
            let index = ports.iter().position(|known| *known == port).expect("one of ours");
            ends[0][index].id = Some(id);
        }
        for side in 0..2 {
            for index in 0..CONNECTIONS {
                let pause_us = [0, 5_000, 40_000][index % 3];
                let end = &mut ends[side][index];
                for _ in 0..8 {
                    serve(&mut engines[side], side, end, index * 7919, now_us, pause_us);
                }
            }
            engines[side].poll_output(at(now_us), &mut |segment| {
                wire.send(now_us, 1 - side, 0, &support::bytes_of(segment));
                true
            });
            let (used, all) = engines[side].memory();
            assert!(used <= all);
        }
        polls += 1;
        assert!(polls < 100_000 && now_us < END_US, "no end at {now_us}: {ends:#?}");
        let reads = ends.iter().flatten().filter(|end| !end.over && end.next_read_us > now_us);
        let next = reads.map(|end| end.next_read_us).min();
        let deadlines = engines.iter().filter_map(Tcp::next_deadline).map(tcp::Instant::micros);
        let next = deadlines.chain(next).chain(wire.next_at()).min();
        // Applications may have more to read than one turn lets them.
        idle = if next.is_none() { idle + 1 } else { 0 };
        assert!(idle < 100, "nothing will ever happen: {ends:#?}");
        let next = next.unwrap_or(now_us);
        now_us = next.max(now_us + 1);
    }
    println!("seed {seed}: {:.1} s, {polls} turns", now_us as f64 / 1e6);
    // What lingers is let go; then all memory is back.
    for _ in 0..10_000 {
        for engine in &mut engines {
            engine.poll_output(at(now_us), &mut |_| true);
        }
        let deadlines = engines.iter().filter_map(Tcp::next_deadline).map(tcp::Instant::micros);
        let Some(next) = deadlines.min() else { break };
        now_us = now_us.max(next);
    }
    assert!(engines.iter().all(|engine| engine.memory().0 == 0));
}

#[test]
fn many_share_little_memory() {
    for seed in seeds(3).take(SEEDS_MAX) {
        crowd(seed);
    }
}
