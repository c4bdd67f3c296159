//! Telnet, from the server's side. Input: what the client sends, which is also what the shell
//! writes.

use firmware::service::telnet::codes::command::{
    AYT, DO, DONT, EC, GA, IAC, NOP, SB, SE, WILL, WONT,
};
use firmware::service::telnet::protocol::{Heard, Protocol, REPLY_BYTES_MAX, SENT_BYTES_MAX};

/// Bytes that the server says first, at most.
const GREETING_BYTES_MAX: usize = 64;
/// Bytes of keys that one command stands for, at most.
const KEYS_BYTES_MAX: usize = 2;
/// Bytes of one input: beyond them is only more of the same.
const INPUT_BYTES_MAX: usize = 8192;

/// What comes does not grow, answers are bounded, and what is written arrives at the other end.
pub fn check(input: &[u8]) {
    let input = &input[..input.len().min(INPUT_BYTES_MAX)];
    let (keys, said) = hear(input);
    assert!(keys.len() <= input.len() * KEYS_BYTES_MAX);
    well_formed(&said);

    let wire = write(input);
    assert!(wire.len() <= GREETING_BYTES_MAX + input.len() * SENT_BYTES_MAX);
    well_formed(&wire);
    let (heard, _) = hear(&wire);
    assert_eq!(heard, as_heard(input));
}

/// A server that has spoken first, and what it said.
fn greeted() -> (Protocol, Vec<u8>) {
    let mut protocol = Protocol::new();
    let mut out = heapless::Vec::<u8, GREETING_BYTES_MAX>::new();
    protocol.greeting(&mut out);
    (protocol, out.to_vec())
}

/// What a server's shell is given of a client's bytes, and what the client is answered.
fn hear(bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut protocol, mut said) = greeted();
    let mut keys = Vec::new();
    for &byte in bytes {
        // A vector of this size is the check that no answer is longer.
        let mut out = heapless::Vec::<u8, REPLY_BYTES_MAX>::new();
        match protocol.receive(byte, &mut out) {
            Heard::Nothing => {}
            Heard::Data(byte) => keys.push(byte),
            Heard::Keys(more) | Heard::Abort(more) => keys.extend(more),
        }
        said.extend(out);
        let _ = protocol.take_dropped();
    }
    (keys, said)
}

/// How what the shell writes looks on the wire.
fn write(bytes: &[u8]) -> Vec<u8> {
    let (mut protocol, mut wire) = greeted();
    for &byte in bytes {
        let mut out = heapless::Vec::<u8, { 2 * REPLY_BYTES_MAX + SENT_BYTES_MAX }>::new();
        assert!(protocol.send(byte, &mut out), "an empty buffer has room");
        assert!(out.len() <= SENT_BYTES_MAX);
        wire.extend(out);
    }
    wire
}

/// What is written, at the other end: each end of line is CR.
fn as_heard(text: &[u8]) -> Vec<u8> {
    let mut heard = Vec::new();
    let mut before = None;
    for &byte in text {
        match byte {
            b'\n' if before == Some(b'\r') => {}
            b'\n' => heard.push(b'\r'),
            _ => heard.push(byte),
        }
        before = Some(byte);
    }
    heard
}

/// Every IAC on the wire begins a whole command, and each CR is followed by LF or NUL.
fn well_formed(wire: &[u8]) {
    let mut rest = wire;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            (IAC, [IAC, after @ ..]) => after,
            (IAC, [WILL | WONT | DO | DONT, _, after @ ..]) => after,
            (IAC, [SB, _, after @ ..]) => {
                let end = after.windows(2).position(|end| end == [IAC, SE]);
                &after[end.expect("a subnegotiation ends") + 2..]
            }
            (IAC, [NOP..=AYT | EC..=GA, after @ ..]) => after,
            (IAC, _) => panic!("a command that is none: {after:?}"),
            // The last byte of all may wait for the one behind it.
            (b'\r', []) => after,
            (b'\r', [b'\n' | 0, after @ ..]) => after,
            (b'\r', _) => panic!("a bare CR"),
            _ => after,
        };
    }
}
