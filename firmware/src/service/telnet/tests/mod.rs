//! The protocol, a byte at a time.

mod linemode;
mod port;
mod streams;

use std::vec::Vec;

use super::codes::command::*;
use super::codes::option::*;
use super::protocol::*;
use crate::limits::TELNET_SUBNEGOTIATION_BYTES_MAX;
use crate::shell::{Mode, Typing};
use crate::status::Drop;

/// The RFCs' names of these options, which make conversations short.
const SGA: u8 = SUPPRESS_GO_AHEAD;
const TTYPE: u8 = TERMINAL_TYPE;
const NAWS: u8 = WINDOW_SIZE;

/// What a server says first.
const GREETING: [u8; 15] =
    [IAC, WILL, ECHO, IAC, WILL, SGA, IAC, DO, SGA, IAC, DO, TTYPE, IAC, DO, NAWS];

/// Room for what a test says.
type Said = heapless::Vec<u8, 8192>;

/// What a stream of bytes came to: data (keys of commands included), answers, and drops.
fn receive(protocol: &mut Protocol, bytes: &[u8]) -> (Vec<u8>, Vec<u8>, Vec<Drop>) {
    let (mut data, mut replies, mut drops) = (Vec::new(), Vec::new(), Vec::new());
    for &byte in bytes {
        let mut out = heapless::Vec::<u8, REPLY_BYTES_MAX>::new();
        match protocol.receive(byte, &mut out) {
            Heard::Nothing => {}
            Heard::Data(byte) => data.push(byte),
            Heard::Keys(keys) | Heard::Abort(keys) => data.extend_from_slice(keys),
        }
        replies.extend_from_slice(&out);
        drops.extend(protocol.take_dropped());
    }
    (data, replies, drops)
}

/// A server that has spoken first.
fn greeted() -> Protocol {
    let mut protocol = Protocol::new();
    let mut out = Said::new();
    protocol.greeting(&mut out);
    assert_eq!(out, GREETING);
    protocol
}

/// A server that has spoken first hears `bytes`.
#[track_caller]
fn check(bytes: &[u8], data: &[u8], replies: &[u8]) {
    corpus::seed("telnet", bytes);
    let heard = receive(&mut greeted(), bytes);
    assert_eq!((&heard.0[..], &heard.1[..]), (data, replies));
}

/// It hears `bytes`, and drops something.
#[track_caller]
fn check_dropped(bytes: &[u8], drops: &[Drop]) {
    assert_eq!(receive(&mut greeted(), bytes).2, drops);
}

#[test]
fn a_silent_client_is_a_network_virtual_terminal() {
    check(b"help\nexit\r\n", b"help\nexit\r", b"");
    let screen = greeted().screen();
    assert_eq!((screen.echo, screen.typing, screen.columns), (false, Typing::Lines, 80));
}

#[test]
fn every_end_of_line_is_one() {
    check(b"a\r\nb\r\0c\rd\n", b"a\rb\rc\rd\n", b"");
    check(b"\r\r\n\n", b"\r\r\n", b"");
    // A command between CR and LF is not allowed by the RFC, and does no harm.
    check(&[b'\r', IAC, NOP, b'x'], b"\rx", b"");
}

/// What the clients answered to the greeting, byte for byte: inetutils 2.4, busybox 1.35, plink
/// 0.78 (which speaks before it is spoken to).
#[test]
fn real_clients_end_in_character_mode() {
    let window = [IAC, SB, NAWS, 0, 100, 0, 30, IAC, SE];
    let inetutils =
        [IAC, DO, ECHO, IAC, DO, SGA, IAC, WILL, SGA, IAC, WILL, TTYPE, IAC, WILL, NAWS];
    let busybox = [IAC, DO, ECHO, IAC, DO, SGA, IAC, DONT, SGA, IAC, WILL, TTYPE, IAC, WILL, NAWS];
    let plink = [
        IAC, WILL, NAWS, IAC, WILL, 32, IAC, WILL, TTYPE, IAC, WILL, 39, IAC, DO, ECHO, IAC, WILL,
        SGA, IAC, DO, SGA,
    ];
    let send = [IAC, SB, TTYPE, 1, IAC, SE];
    for (client, refused) in [(&inetutils[..], &[][..]), (&busybox, &[]), (&plink, &[32, 39])] {
        let mut protocol = greeted();
        let (data, replies, drops) = receive(&mut protocol, client);
        assert_eq!((data, drops), (Vec::new(), Vec::new()));
        let refusals = refused.iter().map(|&option| [IAC, DONT, option]);
        let mut expected: Vec<u8> = send.to_vec();
        match refusals.collect::<Vec<_>>()[..] {
            [] => {}
            [first, second] => {
                expected = [&first[..], &send, &second].concat();
            }
            _ => unreachable!(),
        }
        // busybox gives up SUPPRESS-GO-AHEAD of ours, after it has agreed to it.
        if client == busybox {
            expected = [&[IAC, WONT, SGA][..], &send].concat();
        }
        assert_eq!(replies, expected);
        receive(&mut protocol, &window);
        receive(&mut protocol, b"\xff\xfa\x18\x00XTERM\xff\xf0");
        let screen = protocol.screen();
        assert_eq!((screen.echo, screen.typing), (true, Typing::Keys));
        assert_eq!((screen.columns, screen.rows, protocol.terminal()), (100, 30, "XTERM"));
    }
}

#[test]
fn the_client_changes_its_mind() {
    let mut protocol = greeted();
    receive(&mut protocol, &[IAC, DO, ECHO, IAC, DO, SGA]);
    // inetutils' `mode line`, if it was never asked for LINEMODE.
    let said = receive(&mut protocol, &[IAC, DONT, SGA, IAC, DONT, ECHO]);
    assert_eq!(said.1, [IAC, WONT, SGA, IAC, WONT, ECHO]);
    assert_eq!(protocol.screen().typing, Typing::Lines);
    let said = receive(&mut protocol, &[IAC, DO, SGA, IAC, DO, ECHO]);
    assert_eq!(said.1, [IAC, WILL, SGA, IAC, WILL, ECHO]);
    assert_eq!(protocol.screen().typing, Typing::Keys);
}

#[test]
fn a_client_that_refuses_is_left_alone() {
    let no = [IAC, DONT, ECHO, IAC, DONT, SGA, IAC, WONT, SGA, IAC, WONT, TTYPE, IAC, WONT, NAWS];
    check(&no, b"", b"");
}

#[test]
fn what_is_not_known_is_refused_once_each_time_it_is_asked() {
    const NEW_ENVIRONMENT: u8 = 39;
    check(&[IAC, WILL, NEW_ENVIRONMENT], b"", &[IAC, DONT, NEW_ENVIRONMENT]);
    check(&[IAC, DO, NEW_ENVIRONMENT], b"", &[IAC, WONT, NEW_ENVIRONMENT]);
    check(&[IAC, WONT, NEW_ENVIRONMENT, IAC, DONT, NEW_ENVIRONMENT], b"", b"");
    check(&[IAC, WILL, ECHO], b"", &[IAC, DONT, ECHO]);
    check(&[IAC, DO, NAWS], b"", &[IAC, WONT, NAWS]);
    check(&[IAC, DO, TIMING_MARK, IAC, DO, TIMING_MARK], b"", &[IAC, WILL, TIMING_MARK].repeat(2));
}

#[test]
fn commands_are_keys() {
    check(&[b'a', IAC, IP, b'b', IAC, BRK, IAC, ABORT], b"a\x03b\x03\x03", b"");
    check(&[IAC, EC, IAC, EL, IAC, EOF], b"\x7f\x05\x15\x04", b"");
    check(&[IAC, AO], b"\x0f", &[IAC, DM]);
    check(&[IAC, AYT], b"", b"\r\n[Yes]\r\n");
    check(&[b'x', IAC, IAC, b'y'], b"x\xffy", b"");
    check(&[IAC, NOP, IAC, DM, IAC, GA, IAC, SUSP, IAC, EOR], b"", b"");
    check_dropped(&[IAC, 0, IAC, SE, IAC, 235, b'a'], &[Drop::TelnetCommand; 3]);
}

/// RFC 854: up to the mark only commands count, and editing is none of them.
#[test]
fn a_synch_throws_away_what_was_typed() {
    let mut protocol = greeted();
    protocol.synch();
    let typed = [b'a', IAC, IAC, IAC, EC, IAC, EL, b'\r', IAC, IP, b'b', IAC, DM, b'c'];
    let (data, replies, drops) = receive(&mut protocol, &typed);
    assert_eq!((&data[..], &replies[..]), (&b"\x03c"[..], &b""[..]));
    assert_eq!(drops, [Drop::TelnetSynch; 4]);
}

/// RFC 856: CR is data like any other, both ways.
#[test]
fn binary_has_no_ends_of_line() {
    let mut protocol = greeted();
    let said = receive(&mut protocol, &[IAC, WILL, BINARY, IAC, DO, BINARY]);
    assert_eq!(said.1, [IAC, DO, BINARY, IAC, WILL, BINARY]);
    assert_eq!(receive(&mut protocol, b"a\r\0b\r\n\xff\xff").0, b"a\r\0b\r\n\xff");
    let mut out = Said::new();
    assert!(b"a\rb\n\xff".iter().all(|&byte| protocol.send(byte, &mut out)));
    assert_eq!(out, b"a\rb\n\xff\xff");
}

/// RFC 859.
#[test]
fn the_status_tells_what_is_in_force() {
    let mut protocol = greeted();
    let agreed = [IAC, DO, ECHO, IAC, DO, STATUS, IAC, WILL, NAWS];
    assert_eq!(receive(&mut protocol, &agreed).1, [IAC, WILL, STATUS]);
    let said = receive(&mut protocol, &[IAC, SB, STATUS, 1, IAC, SE]).1;
    let expected = [IAC, SB, STATUS, 0, WILL, ECHO, WILL, STATUS, DO, NAWS, IAC, SE];
    assert_eq!(said, expected);
    check_dropped(&[IAC, SB, STATUS, 1, IAC, SE], &[Drop::TelnetSubnegotiation]);
}

#[test]
fn windows_and_names_as_odd_as_they_come() {
    let mut protocol = greeted();
    receive(&mut protocol, &[IAC, WILL, NAWS, IAC, WILL, TTYPE]);
    // A width of 255 is an escaped IAC; one of 0 is not known.
    receive(&mut protocol, &[IAC, SB, NAWS, 0, IAC, IAC, 0, 24, IAC, SE]);
    assert_eq!((protocol.screen().columns, protocol.screen().rows), (255, 24));
    receive(&mut protocol, &[IAC, SB, NAWS, 0, 0, 0, 0, IAC, SE]);
    assert_eq!((protocol.screen().columns, protocol.screen().rows), (80, 0));
    let mut long = std::vec![IAC, SB, TTYPE, 0, 0x1b, b'[', 0x80];
    long.extend([b'x'; 60]);
    long.extend([IAC, SE]);
    receive(&mut protocol, &long);
    let name = protocol.terminal();
    assert!(name.starts_with("[xx") && name.len() == 40, "{name}");
}

#[test]
fn subnegotiations_are_bounded() {
    check(&[b'a', IAC, SB, 99, 0, 80, 0, 24, IAC, SE, b'b'], b"ab", b"");
    check(&[IAC, SB, TTYPE, IAC, IAC, 0, IAC, SE, b'b'], b"b", b"");
    // No end, then a command.
    check(&[IAC, SB, TTYPE, 0, IAC, AYT, b'b'], b"b", b"\r\n[Yes]\r\n");
    check_dropped(&[IAC, SB, TTYPE, 0, IAC, NOP], &[Drop::TelnetSubnegotiation]);
    // Not agreed upon, too short, empty.
    check_dropped(&[IAC, SB, NAWS, 0, 1, 0, 1, IAC, SE], &[Drop::TelnetSubnegotiation]);
    let short = [IAC, WILL, NAWS, IAC, SB, NAWS, 0, 1, IAC, SE];
    check_dropped(&short, &[Drop::TelnetSubnegotiation]);
    check_dropped(&[IAC, SB, IAC, SE], &[Drop::TelnetSubnegotiation]);
    // No end at all.
    let mut endless = std::vec![IAC, SB];
    endless.extend(std::iter::repeat_n(b'x', TELNET_SUBNEGOTIATION_BYTES_MAX + 1));
    endless.extend_from_slice(b"help\r\n");
    check(&endless, b"help\r", b"");
    check_dropped(&endless, &[Drop::TelnetSubnegotiation]);
}

#[test]
fn a_client_that_flips_an_option_for_ever_gets_no_answer_for_ever() {
    let flips = [IAC, DO, ECHO, IAC, DONT, ECHO].repeat(1000);
    let mut protocol = Protocol::new();
    let (_, replies, drops) = receive(&mut protocol, &flips);
    assert_eq!(replies.len(), 3 * crate::limits::TELNET_ANSWERS_MAX as usize);
    assert_eq!(drops.len(), 2000 - crate::limits::TELNET_ANSWERS_MAX as usize);
    assert!(drops.iter().all(|&why| why == Drop::TelnetAnswer));
    // A user who types is answered again.
    receive(&mut protocol, b"uptime\r\0");
    assert_eq!(receive(&mut protocol, &flips[..3]).1, [IAC, WILL, ECHO]);
}

#[track_caller]
fn check_sent(text: &[u8], wire: &[u8]) {
    corpus::seed("telnet", text);
    let mut protocol = Protocol::new();
    let mut out = Said::new();
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
