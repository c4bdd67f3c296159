//! Streams that nobody would send, and what holds for all of them.

use proptest::prelude::*;

use super::*;
use crate::limits::TELNET_ANSWERS_MAX;

/// Streams that are mostly telnet.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        3 => Just(IAC),
        3 => EOF..=DONT,
        2 => prop::sample::select(std::vec![0_u8, 1, 2, 3, 5, 6, 17, 24, 31, 34]),
        1 => prop::sample::select(std::vec![b'\r', b'\n', 0, 3]),
        2 => any::<u8>(),
    ];
    let whole = prop_oneof![
        Just(std::vec![IAC, WILL, LINEMODE]),
        Just(std::vec![IAC, SE]),
        Just(std::vec![IAC, SB, LINEMODE, 3]),
        Just(std::vec![IAC, SB, LINEMODE, 1, 3, IAC, SE]),
        Just(std::vec![IAC, DO, STATUS, IAC, SB, STATUS, 1, IAC, SE]),
    ];
    let piece = prop_oneof![8 => byte.prop_map(|byte| std::vec![byte]), 1 => whole];
    prop::collection::vec(piece, 0..400).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// Two bytes are the least that is answered; a question for all keys takes nine.
    #[test]
    fn no_stream_is_answered_by_more_than_it_is_worth(bytes in stream()) {
        let (data, replies, _) = receive(&mut greeted(), &bytes);
        prop_assert!(replies.len() <= bytes.len() * REPLY_BYTES_MAX / 9);
        prop_assert!(data.len() <= bytes.len());
    }

    /// Two of us, connected, fall silent: neither answers an answer.
    #[test]
    fn negotiation_ends(bytes in stream(), modes in prop::collection::vec(any::<bool>(), 0..4)) {
        let (mut one, mut other) = (greeted(), Protocol::new());
        let mut said = receive(&mut one, &bytes).1;
        for lines in modes {
            let mut out = Said::new();
            one.set_mode(if lines { Mode::Line } else { Mode::Character }, &mut out);
            said.extend_from_slice(&out);
        }
        let mut turns = 0;
        while !said.is_empty() {
            // What they say to each other is commands only; AYT is answered by text, which ends
            // there.
            said = receive(&mut other, &said).1;
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
        let mut out = Said::new();
        let mut sender = Protocol::new();
        prop_assert!(text.iter().all(|&byte| sender.send(byte, &mut out)));
        let (data, replies, drops) = receive(&mut Protocol::new(), &out);
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
        prop_assert_eq!((data, replies, drops), (expected, Vec::new(), Vec::new()));
    }
}
