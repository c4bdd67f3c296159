//! LINEMODE (RFC 1184), as clients have it and as they should not.

use std::vec::Vec;

use super::*;
use crate::service::telnet::codes::linemode::*;
use crate::service::telnet::codes::slc;

const TAB: u8 = 9;
const FORW1: u8 = slc::FORW1;

/// What we say when the option begins.
const BEGUN: [u8; 16] = [
    IAC,
    SB,
    LINEMODE,
    MODE,
    EDIT | TRAPSIG,
    IAC,
    SE,
    IAC,
    SB,
    LINEMODE,
    SLC,
    FORW1,
    2,
    TAB,
    IAC,
    SE,
];

/// What inetutils 2.4 says of its keys at the start.
const INETUTILS: &[u8] = b"\xff\xfa\x22\x03\
    \x01\0\0\x03\x62\x03\x04\x02\x0f\x05\0\0\x07\x62\x1c\x08\x02\x04\x09\x42\x1a\
    \x0a\x02\x7f\x0b\x02\x15\x0c\x02\x17\x0d\x02\x12\x0e\x02\x16\x0f\x02\x11\
    \x10\x02\x13\x11\0\0\x12\0\0\xff\xf0";

/// What we say to that: everything it has is fine.
const AGREED: &[u8] = b"\xff\xfa\x22\x03\
    \x03\xe2\x03\x04\x82\x0f\x07\xe2\x1c\x08\x82\x04\x09\xc2\x1a\
    \x0a\x82\x7f\x0b\x82\x15\x0c\x82\x17\x0d\x82\x12\x0e\x82\x16\x0f\x82\x11\
    \x10\x82\x13\xff\xf0";

/// A client that echoes nothing and sends each key.
fn in_character_mode() -> Protocol {
    let mut protocol = greeted();
    receive(&mut protocol, &[IAC, DO, ECHO, IAC, DO, SGA]);
    protocol
}

/// A client in LINEMODE, of which no mode or key is agreed upon.
fn begun() -> Protocol {
    let mut protocol = in_character_mode();
    assert_eq!(set_mode(&mut protocol, Mode::Line), [IAC, DO, LINEMODE, IAC, WONT, ECHO]);
    assert_eq!(receive(&mut protocol, &[IAC, WILL, LINEMODE, IAC, DONT, ECHO]).1, BEGUN);
    protocol
}

fn set_mode(protocol: &mut Protocol, mode: Mode) -> Vec<u8> {
    let mut out = Said::new();
    protocol.set_mode(mode, &mut out);
    out.to_vec()
}

/// What is answered to a list of keys in LINEMODE.
#[track_caller]
fn check_keys(triples: &[[u8; 3]], expected: &[[u8; 3]]) {
    let list = |triples: &[[u8; 3]]| {
        let escaped = triples
            .concat()
            .into_iter()
            .flat_map(|byte| std::iter::repeat_n(byte, if byte == IAC { 2 } else { 1 }));
        [&[IAC, SB, LINEMODE, SLC][..], &escaped.collect::<Vec<_>>(), &[IAC, SE]].concat()
    };
    let expected = if expected.is_empty() { Vec::new() } else { list(expected) };
    let (data, replies, drops) = receive(&mut begun(), &list(triples));
    assert_eq!((data, replies, drops), (Vec::new(), expected, Vec::new()));
}

#[test]
fn inetutils_switches_to_linemode_and_back() {
    let mut protocol = begun();
    assert_eq!(receive(&mut protocol, INETUTILS).1, AGREED);
    assert_eq!(protocol.screen().typing, Typing::Lines);
    let mode = [IAC, SB, LINEMODE, MODE, EDIT | TRAPSIG | MODE_ACK, IAC, SE];
    let tab = [IAC, SB, LINEMODE, SLC, FORW1, slc::VALUE | slc::ACK, TAB, IAC, SE];
    assert_eq!(receive(&mut protocol, &[&mode[..], &tab].concat()).1, b"");
    let screen = protocol.screen();
    assert_eq!((screen.typing, screen.echo, screen.tab), (Typing::Linemode, false, true));

    assert_eq!(set_mode(&mut protocol, Mode::Character), [IAC, DONT, LINEMODE, IAC, WILL, ECHO]);
    assert_eq!(receive(&mut protocol, &[IAC, WONT, LINEMODE, IAC, DO, ECHO]).1, b"");
    let screen = protocol.screen();
    assert_eq!((screen.typing, screen.echo, screen.tab), (Typing::Keys, true, false));
}

/// `mode line` and `mode char` typed at inetutils' own prompt, once it knows that we know LINEMODE.
#[test]
fn the_client_switches_by_itself() {
    let mut protocol = in_character_mode();
    let said = receive(&mut protocol, &[IAC, WILL, LINEMODE, IAC, DONT, ECHO]).1;
    assert_eq!(said, [&[IAC, DO, LINEMODE][..], &BEGUN, &[IAC, WONT, ECHO]].concat());
    let mode = [IAC, SB, LINEMODE, MODE, EDIT | TRAPSIG | MODE_ACK, IAC, SE];
    receive(&mut protocol, &mode);
    assert_eq!(protocol.screen().typing, Typing::Linemode);
    let said = receive(&mut protocol, &[IAC, WONT, LINEMODE, IAC, DO, ECHO]).1;
    assert_eq!(said, [IAC, DONT, LINEMODE, IAC, WILL, ECHO]);
    assert_eq!(protocol.screen().typing, Typing::Keys);
}

/// busybox and plink: without LINEMODE it is ECHO and SUPPRESS-GO-AHEAD that make a line mode.
#[test]
fn without_linemode_a_client_falls_back_to_rfc_858() {
    let mut protocol = in_character_mode();
    set_mode(&mut protocol, Mode::Line);
    let said = receive(&mut protocol, &[IAC, DONT, ECHO, IAC, WONT, LINEMODE]).1;
    assert_eq!(said, [IAC, WONT, SGA]);
    receive(&mut protocol, &[IAC, DONT, SGA]);
    assert_eq!(protocol.screen().typing, Typing::Lines);
    let said = set_mode(&mut protocol, Mode::Character);
    assert_eq!(said, [IAC, WILL, ECHO, IAC, WILL, SGA]);
    receive(&mut protocol, &[IAC, DO, ECHO, IAC, DO, SGA]);
    assert_eq!(protocol.screen().typing, Typing::Keys);
}

/// The user switches to and fro faster than the client answers.
#[test]
fn a_client_that_lags_ends_where_the_user_wants_it() {
    let mut protocol = in_character_mode();
    let mut said = set_mode(&mut protocol, Mode::Line);
    said.extend(set_mode(&mut protocol, Mode::Character));
    said.extend(set_mode(&mut protocol, Mode::Line));
    // Each wish is sent once; what is wished besides is remembered.
    assert_eq!(said, [IAC, DO, LINEMODE, IAC, WONT, ECHO]);
    receive(&mut protocol, &[IAC, WILL, LINEMODE, IAC, DONT, ECHO]);
    receive(&mut protocol, &[IAC, SB, LINEMODE, MODE, 7, IAC, SE]);
    assert_eq!(protocol.screen().typing, Typing::Linemode);
}

#[test]
fn a_mode_of_the_clients_own_is_agreed_to() {
    let mut protocol = begun();
    let mode = |mask| [IAC, SB, LINEMODE, MODE, mask, IAC, SE];
    assert_eq!(receive(&mut protocol, &mode(EDIT | SOFT_TAB)).1, mode(EDIT | SOFT_TAB | MODE_ACK));
    assert_eq!(protocol.screen().typing, Typing::Linemode);
    // The same again, and an answer to nothing, are not answered.
    assert_eq!(receive(&mut protocol, &mode(EDIT | SOFT_TAB)).1, b"");
    assert_eq!(receive(&mut protocol, &mode(TRAPSIG | MODE_ACK)).1, b"");
    assert_eq!(protocol.screen().typing, Typing::Lines);
}

#[test]
fn keys_are_agreed_to_or_refused() {
    // Values, with what they flush; an unknown function; records and Synch, which we have not.
    check_keys(&[[3, 0x62, 3], [30, 2, 1]], &[[3, 0xe2, 3], [30, 0, 0]]);
    check_keys(&[[1, 3, 0], [6, 2, 0xff]], &[[1, 0, 0], [6, 0, 0]]);
    // 255 is escaped; levels that need no word; an answer; a refusal of an unknown function.
    check_keys(&[[10, 2, 0xff]], &[[10, 0x82, 0xff]]);
    check_keys(&[[10, 0, 0], [11, 1, 21], [12, 0x82, 23], [30, 0, 0], [31, 0x80, 0]], &[]);
    // The same twice.
    check_keys(&[[10, 2, 8], [10, 2, 8]], &[[10, 0x82, 8]]);
    // Our default, where we have one.
    check_keys(&[[3, 3, 0], [2, 3, 0]], &[[3, 2, 3], [2, 0, 0]]);
}

#[test]
fn a_client_may_ask_for_all_keys() {
    let mut protocol = begun();
    receive(&mut protocol, &[IAC, SB, LINEMODE, SLC, 10, 2, 8, IAC, SE]);
    let said = receive(&mut protocol, &[IAC, SB, LINEMODE, SLC, 0, 2, 0, IAC, SE]).1;
    assert_eq!(said.len(), 4 + 18 * 3 + 2);
    assert!(said.windows(3).any(|triple| triple == [10, 2, 8]));
    let said = receive(&mut protocol, &[IAC, SB, LINEMODE, SLC, 0, 3, 0, IAC, SE]).1;
    assert!(said.windows(3).any(|triple| triple == [10, 2, 127]));
    assert!(said.windows(3).any(|triple| triple == [FORW1, 2, TAB]));
    // Once a list, however often it is asked.
    let asked = [&[IAC, SB, LINEMODE, SLC][..], &[0, 3, 0].repeat(30), &[IAC, SE]].concat();
    assert_eq!(receive(&mut protocol, &asked).1.len(), 4 + 18 * 3 + 2);
}

/// A mask is only for a server to ask for, and this one does not.
#[test]
fn a_forwarding_mask_is_refused() {
    let refused = |said: &[u8], verb| {
        let said = [&[IAC, SB, LINEMODE][..], said, &[IAC, SE]].concat();
        let expected = [IAC, SB, LINEMODE, verb, FORWARDMASK, IAC, SE];
        assert_eq!(receive(&mut begun(), &said).1, expected);
    };
    refused(&[WILL, FORWARDMASK], DONT);
    refused(&[DO, FORWARDMASK, 0, 0, 0, 4], WONT);
    let said = [IAC, SB, LINEMODE, WONT, FORWARDMASK, IAC, SE];
    assert_eq!(receive(&mut begun(), &said), (Vec::new(), Vec::new(), Vec::new()));
}

#[test]
fn what_makes_no_sense_is_counted() {
    for bytes in [&[][..], &[MODE], &[MODE, 1, 2], &[SLC, 1], &[9, 9], &[DO]] {
        let said = [&[IAC, SB, LINEMODE][..], bytes, &[IAC, SE]].concat();
        let (data, replies, drops) = receive(&mut begun(), &said);
        assert_eq!((data, replies), (Vec::new(), Vec::new()));
        assert_eq!(drops, [Drop::TelnetSubnegotiation], "{bytes:?}");
    }
}
