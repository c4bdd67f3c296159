//! A script as an input of the fuzz target `tcp`: what the peers and the application do.

use corpus::piece;
use corpus::segment::{Bases, shift};
use corpus::tag::tcp as tag;
use tcp::{Config, EcnUse};

/// Where a segment says how long its header is.
const HEADER_OFFSET: usize = 12;

/// The first byte: what is chosen for all connections.
pub fn choices(config: &Config, v6: bool) -> u8 {
    let chosen = [
        !config.timestamps,
        !config.sack,
        !config.window_scaling,
        config.ecn == EcnUse::Always,
        config.mtu < 1500,
        v6,
    ];
    (0..).zip(chosen).fold(0, |bits, (at, chosen)| bits | u8::from(chosen) << at)
}

fn peer(number: u16) -> u8 {
    (number.wrapping_sub(1) % tag::PEERS as u16) as u8
}

/// A segment of a peer, whose numbers count from these.
pub fn segment(input: &mut Vec<u8>, number: u16, bytes: &[u8], bases: Bases) {
    let offset = bytes.get(HEADER_OFFSET).map_or(0, |byte| usize::from(byte >> 4) * 4);
    let (header, data) = bytes.split_at(offset.min(bytes.len()));
    let mut header = header.to_vec();
    shift(&mut header, bases.negated());
    let [low, high] = (data.len() as u16).to_le_bytes();
    let bytes = [&[peer(number), low, high], &header[..]].concat();
    piece(input, tag::SEGMENT, &bytes);
}

/// Time that passed.
pub fn wait(input: &mut Vec<u8>, us: u64) {
    let milliseconds = u32::try_from(us.div_ceil(1000)).unwrap_or(u32::MAX);
    piece(input, tag::WAIT, &milliseconds.to_le_bytes());
}

/// A call; `argument` is the next word.
pub fn call(input: &mut Vec<u8>, verb: &str, number: u16, argument: Option<&str>) {
    let peer = peer(number);
    let argument = argument.unwrap_or_default();
    let count = argument.parse().unwrap_or(0u16).to_le_bytes();
    let (tag, bytes) = match (verb, argument) {
        ("accept", _) => (tag::ACCEPT, vec![]),
        ("connect", _) => (tag::CONNECT, vec![peer]),
        ("write", _) => (tag::WRITE, vec![peer, count[0], count[1]]),
        ("read", _) => (tag::READ, vec![peer, count[0], count[1]]),
        ("close", _) => (tag::CLOSE, vec![peer]),
        ("abort", _) => (tag::ABORT, vec![peer]),
        ("give-back", _) => (tag::GIVE_BACK, vec![peer]),
        ("urgent", "") => (tag::CHOOSE, vec![peer, 8]),
        ("set", "no-delay") => (tag::CHOOSE, vec![peer, 1]),
        ("set", "keep-alive") => (tag::CHOOSE, vec![peer, 2, 50]),
        ("set", "user-timeout") => (tag::CHOOSE, vec![peer, 4, 50]),
        // About the first byte; to a link of 1,000 bytes.
        ("icmp", "too-big") => (tag::ICMP, vec![peer, 0, 1, 0, 0, 0, 0xe8, 3]),
        ("icmp", "refused") => (tag::ICMP, vec![peer, 1, 0, 0, 0, 0]),
        ("icmp", _) => (tag::ICMP, vec![peer, 2, 1, 0, 0, 0]),
        _ => return,
    };
    piece(input, tag, &bytes);
}
