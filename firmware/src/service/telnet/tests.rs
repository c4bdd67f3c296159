//! The protocol, a byte at a time, and the port over a pipe in memory.

use crate::limits::TELNET_ANSWERS_MAX;
use std::string::ToString;
use std::vec::Vec;

use proptest::prelude::*;

use embassy_futures::join::join;
use embassy_time::Timer;
use embedded_io_async::{Read, Write};

use super::TelnetPort;
use super::protocol::command::*;
use super::protocol::option::*;
use super::protocol::*;
use crate::shell::tests::{Line, User};
use crate::shell::{Ended, Options, Terminal, run};
use crate::testing::{block_on, system};

/// What a stream of bytes came to: data (keys of commands included) and answers.
fn receive(protocol: &mut Protocol, bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut data, mut replies) = (Vec::new(), Vec::new());
    for &byte in bytes {
        match protocol.receive(byte) {
            Heard::Nothing => {}
            Heard::Data(byte) => data.push(byte),
            Heard::Keys(keys) => data.extend_from_slice(keys),
            Heard::Reply(reply) => {
                assert!(!reply.is_empty());
                replies.extend_from_slice(&reply);
            }
        }
    }
    (data, replies)
}

/// A server that has spoken first hears `bytes`.
#[track_caller]
fn check(bytes: &[u8], data: &[u8], replies: &[u8]) {
    corpus::seed("telnet", bytes);
    let mut protocol = Protocol::new();
    protocol.greeting();
    let heard = receive(&mut protocol, bytes);
    assert_eq!(heard, (data.to_vec(), replies.to_vec()));
}

#[test]
fn the_server_speaks_first() {
    let expected = [IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD, IAC, DO, SUPPRESS_GO_AHEAD];
    assert_eq!(Protocol::new().greeting(), expected);
}

#[test]
fn a_silent_client_is_a_network_virtual_terminal() {
    check(b"help\nexit\r\n", b"help\nexit\r", b"");
    assert!(!Protocol::new().echoes());
}

#[test]
fn every_end_of_line_is_one() {
    check(b"a\r\nb\r\0c\rd\n", b"a\rb\rc\rd\n", b"");
    check(b"\r\r\n\n", b"\r\r\n", b"");
    // A command between CR and LF is not allowed by the RFC, and does no harm.
    check(&[b'\r', IAC, NOP, b'x'], b"\rx", b"");
}

#[test]
fn inetutils_agrees_to_everything() {
    let answers = [IAC, DO, ECHO, IAC, DO, SUPPRESS_GO_AHEAD, IAC, WILL, SUPPRESS_GO_AHEAD];
    let mut protocol = Protocol::new();
    protocol.greeting();
    assert_eq!(receive(&mut protocol, &answers), (Vec::new(), Vec::new()));
    assert!(protocol.echoes());
    // It changes its mind.
    let said = receive(&mut protocol, &[IAC, DONT, ECHO]);
    assert_eq!(said, (Vec::new(), [IAC, WONT, ECHO].to_vec()));
    assert!(!protocol.echoes());
}

#[test]
fn a_client_that_refuses_is_left_alone() {
    let no = [IAC, DONT, ECHO, IAC, DONT, SUPPRESS_GO_AHEAD, IAC, WONT, SUPPRESS_GO_AHEAD];
    check(&no, b"", b"");
}

#[test]
fn what_is_not_known_is_refused_once_each_time_it_is_asked() {
    const NAWS: u8 = 31;
    check(&[IAC, WILL, NAWS], b"", &[IAC, DONT, NAWS]);
    check(&[IAC, DO, NAWS], b"", &[IAC, WONT, NAWS]);
    check(&[IAC, WONT, NAWS, IAC, DONT, NAWS], b"", b"");
    check(&[IAC, WILL, ECHO], b"", &[IAC, DONT, ECHO]);
    check(&[IAC, DO, TIMING_MARK], b"", &[IAC, WILL, TIMING_MARK]);
}

#[test]
fn commands_are_keys() {
    check(&[b'a', IAC, IP, b'b', IAC, BRK], b"a\x03b\x03", b"");
    check(&[IAC, EC, IAC, EL, IAC, EOF], b"\x7f\x05\x15\x04", b"");
    check(&[IAC, AYT], b"", b"\r\n[Yes]\r\n");
    check(&[b'x', IAC, IAC, b'y'], b"x\xffy", b"");
    check(&[IAC, NOP, IAC, DM, IAC, GA, IAC, AO, IAC, SUSP, IAC, EOR], b"", b"");
}

#[test]
fn subnegotiations_are_skipped_and_bounded() {
    check(&[b'a', IAC, SB, 31, 0, 80, 0, 24, IAC, SE, b'b'], b"ab", b"");
    check(&[IAC, SB, 24, IAC, IAC, 0, IAC, SE, b'b'], b"b", b"");
    // No end, then a command.
    check(&[IAC, SB, 24, 0, IAC, AYT, b'b'], b"b", b"\r\n[Yes]\r\n");
    // No end at all.
    let mut endless = std::vec![IAC, SB];
    endless.extend(std::iter::repeat_n(b'x', crate::limits::TELNET_SUBNEGOTIATION_BYTES_MAX + 1));
    endless.extend_from_slice(b"help\r\n");
    check(&endless, b"help\r", b"");
}

#[test]
fn garbage_is_counted() {
    let mut protocol = Protocol::new();
    receive(&mut protocol, &[IAC, 0, IAC, SE, IAC, 235, b'a']);
    assert_eq!(protocol.garbage(), 3);
}

#[track_caller]
fn check_sent(text: &[u8], wire: &[u8]) {
    corpus::seed("telnet", text);
    let mut protocol = Protocol::new();
    let mut out = heapless::Vec::<u8, 64>::new();
    assert!(text.iter().all(|&byte| protocol.send(byte, &mut out)));
    assert_eq!(out, wire);
}

#[test]
fn output_as_it_goes_over_the_wire() {
    check_sent(b"a\nb\r\nc", b"a\r\nb\r\nc");
    check_sent(b"a\r\x1b[K", b"a\r\0\x1b[K");
    check_sent(b"\r\r\n", b"\r\0\r\n");
    check_sent(b"\xff\n", b"\xff\xff\r\n");
}

fn port() -> (User, TelnetPort<Line>) {
    let user = User::default();
    let line = Line(user.0.clone());
    (user, TelnetPort::new(line))
}

#[test]
fn the_port_takes_telnet_off_and_puts_it_on() {
    let (user, mut port) = port();
    user.sends(&[b'a', IAC, DO, ECHO, IAC, EL, IAC, AYT, IAC, IAC, b'b', b'\r', 0, b'c']);
    assert!(!port.screen().echo);
    let mut seen = Vec::new();
    // One byte at a time: a command may stand for more keys than fit.
    while seen.last() != Some(&b'c') {
        let mut key = [0];
        assert_eq!(block_on(port.read(&mut key)), Ok(1));
        seen.push(key[0]);
    }
    assert_eq!(seen, b"a\x05\x15\xffb\rc");
    assert!(port.screen().echo);
    block_on(port.write_all(b"x\n\xff")).unwrap();
    block_on(port.flush()).unwrap();
    let mut expected = Protocol::new().greeting().to_vec();
    expected.extend_from_slice(b"\r\n[Yes]\r\nx\r\n\xff\xff");
    assert_eq!(user.received(), expected);
    user.hangs_up();
    assert_eq!(block_on(port.read(&mut [0; 8])), Ok(0));
}

#[test]
fn much_is_written_in_pieces() {
    let (user, mut port) = port();
    let text = [b'\n'; 3000];
    block_on(port.write_all(&text)).unwrap();
    block_on(port.flush()).unwrap();
    assert_eq!(user.received()[9..], b"\r\n".repeat(3000));
}

#[test]
fn a_flood_of_questions_is_answered_without_growing() {
    let (user, mut port) = port();
    user.sends(&[IAC, AYT].repeat(2000));
    user.sends(b"x");
    let mut key = [0];
    assert_eq!(block_on(port.read(&mut key)), Ok(1));
    assert_eq!(block_on(port.flush()), Ok(()));
    assert_eq!(user.received()[9..], b"\r\n[Yes]\r\n".repeat(2000));
}

/// A session as netcat has it: no negotiation, lines, and an end.
#[test]
fn netcat_talks_to_the_shell() {
    let (user, mut port) = port();
    user.types("uptime\nexit\n");
    let options = Options { from: "nc", idle_timeout: None, journal: None };
    assert_eq!(block_on(run(system(), &mut port, options)), Ended::Exit);
    let text = user.received()[9..].to_vec();
    let text = core::str::from_utf8(&text).unwrap();
    assert!(text.ends_with("barewire$  up 0 min,  1 user\r\nbarewire$ "), "{text:?}");
}

/// A session as inetutils-telnet has it: it agrees, sends each key, and interrupts by IP and
/// TIMING-MARK.
#[test]
fn telnet_talks_to_the_shell() {
    let (user, mut port) = port();
    let options = Options { from: "telnet", idle_timeout: None, journal: None };
    let script = async {
        user.sends(&[IAC, DO, ECHO, IAC, DO, SUPPRESS_GO_AHEAD, IAC, WILL, SUPPRESS_GO_AHEAD]);
        user.types("dmesg -w\r\0");
        while !user.received().ends_with(b"from telnet\r\n") {
            Timer::after_millis(1).await;
        }
        user.sends(&[IAC, IP, IAC, DO, TIMING_MARK]);
        user.types("exit\r\0");
    };
    assert_eq!(block_on(join(run(system(), &mut port, options), script)).0, Ended::Exit);
    let received = user.received();
    let end = [b"^C\r\nbarewire$ exit\r\n".as_slice(), &[IAC, WILL, TIMING_MARK]];
    let mark = received.windows(3).any(|bytes| bytes == end[1]);
    assert!(mark && received.ends_with(end[0]), "{:?}", received.escape_ascii().to_string());
}

/// Streams that are mostly telnet.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        3 => Just(IAC),
        3 => EOF..=DONT,
        2 => prop::sample::select(std::vec![0_u8, 1, 3, 6, 24, 31, 34]),
        1 => prop::sample::select(std::vec![b'\r', b'\n', 0, 3]),
        2 => any::<u8>(),
    ];
    prop::collection::vec(byte, 0..400)
}

proptest! {
    /// Two bytes are the least that is answered, by nine at most.
    #[test]
    fn no_stream_is_answered_by_more_than_it_is_worth(bytes in stream()) {
        let mut protocol = Protocol::new();
        protocol.greeting();
        let (data, replies) = receive(&mut protocol, &bytes);
        prop_assert!(replies.len() <= bytes.len() * REPLY_BYTES_MAX / 2);
        prop_assert!(data.len() <= bytes.len());
    }

    /// Two of us, connected, fall silent: neither answers an answer.
    #[test]
    fn negotiation_ends(bytes in stream()) {
        let (mut one, mut other) = (Protocol::new(), Protocol::new());
        one.greeting();
        let mut said = receive(&mut one, &bytes).1;
        let mut turns = 0;
        while !said.is_empty() {
            // What they say to each other is commands only; AYT is answered by text, which ends
            // there.
            let heard = receive(&mut other, &said);
            said = heard.1;
            core::mem::swap(&mut one, &mut other);
            turns += 1;
            // A stream that flips an option back and forth leaves both with answers to answer:
            // method Q does not end that, the limit does.
            prop_assert!(turns <= 2 * TELNET_ANSWERS_MAX, "still talking: {said:?}");
        }
    }

    /// What is sent is received as it was, but for the end of line.
    #[test]
    fn data_survives_the_wire(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut out = heapless::Vec::<u8, 1024>::new();
        let mut sender = Protocol::new();
        prop_assert!(text.iter().all(|&byte| sender.send(byte, &mut out)));
        let (data, replies) = receive(&mut Protocol::new(), &out);
        let mut expected = Vec::new();
        let mut before = None;
        for &byte in &text {
            match byte {
                // CR LF is one end of line, and so is a lone LF.
                b'\n' if before == Some(b'\r') => {}
                b'\n' => expected.push(b'\r'),
                _ => expected.push(byte),
            }
            before = Some(byte);
        }
        prop_assert_eq!((data, replies), (expected, Vec::new()));
    }
}
