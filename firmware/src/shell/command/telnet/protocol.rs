//! The telnet protocol (RFC 854) as a client speaks it: bytes in; data and answers out. No I/O.
//! Options are negotiated by the server's own code, method Q.

use crate::Text;
use crate::limits::{TELNET_ANSWERS_MAX, TELNET_SUBNEGOTIATION_BYTES_MAX, TERMINAL_NAME_BYTES_MAX};
use crate::service::telnet::codes::command::{DO, DONT, IAC, SB, SE, WILL, WONT};
use crate::service::telnet::codes::option::{
    BINARY, ECHO, STATUS, SUPPRESS_GO_AHEAD, TERMINAL_TYPE, TIMING_MARK, WINDOW_SIZE,
};
use crate::service::telnet::codes::says::{IS, SEND};
use crate::service::telnet::options::{Options, Side};
use crate::shell::Screen;

/// Bytes of the longest answer to one byte: a terminal's name, with what is around it, twice.
pub const REPLY_BYTES_MAX: usize = 2 * (TERMINAL_NAME_BYTES_MAX + 8);

/// Where answers go: bytes to be sent.
pub type Out = heapless::VecView<u8>;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Data,
    /// After CR: a NUL that belongs to it is skipped.
    CarriageReturn,
    Command,
    Option {
        verb: u8,
    },
    Subnegotiation,
    SubnegotiationCommand,
}

/// One connection's protocol, from the client's side.
#[derive(Debug)]
pub struct Protocol {
    state: State,
    options: Options,
    subnegotiation: heapless::Vec<u8, TELNET_SUBNEGOTIATION_BYTES_MAX>,
    screen: Screen,
    terminal: Text<TERMINAL_NAME_BYTES_MAX>,
    /// Answers given since the user last typed; no more than [`TELNET_ANSWERS_MAX`].
    answers: u32,
}

impl Protocol {
    /// At the start of a connection: nothing is said before the server does.
    pub fn new(screen: Screen, terminal: &str) -> Self {
        Self {
            state: State::Data,
            options: Options::client(),
            subnegotiation: heapless::Vec::new(),
            screen,
            terminal: Text::from(if terminal.is_empty() { "UNKNOWN" } else { terminal }),
            answers: 0,
        }
    }

    /// True while lines are edited here: the server does not suppress GO AHEAD.
    pub fn edits(&self) -> bool {
        !self.options.is_on(Side::Theirs, SUPPRESS_GO_AHEAD)
    }

    /// True while the server echoes.
    pub fn is_echoed(&self) -> bool {
        self.options.is_on(Side::Theirs, ECHO)
    }

    /// True if the server tells which options are in force.
    pub fn has_status(&self) -> bool {
        self.options.is_on(Side::Theirs, STATUS)
    }

    /// Asks for lines that are edited here, or for single characters.
    pub fn set_lines(&mut self, lines: bool, out: &mut Out) {
        for option in [SUPPRESS_GO_AHEAD, ECHO] {
            if let Some(verb) = self.options.want(Side::Theirs, option, !lines) {
                put(out, &[IAC, verb, option]);
            }
        }
    }

    /// Takes a byte; the result is data. `out` has room for [`REPLY_BYTES_MAX`].
    pub fn receive(&mut self, byte: u8, out: &mut Out) -> Option<u8> {
        match (core::mem::take(&mut self.state), byte) {
            (State::Data | State::CarriageReturn, IAC) => self.state = State::Command,
            (State::CarriageReturn, 0) => {}
            (State::Data | State::CarriageReturn, _) => {
                if byte == b'\r' && !self.options.is_on(Side::Theirs, BINARY) {
                    self.state = State::CarriageReturn;
                }
                return Some(byte);
            }
            (State::Command, IAC) => return Some(IAC),
            (State::Command, WILL | WONT | DO | DONT) => self.state = State::Option { verb: byte },
            (State::Command, SB) => {
                self.subnegotiation.clear();
                self.state = State::Subnegotiation;
            }
            // Others ask nothing of a client.
            (State::Command, _) => {}
            (State::Option { verb }, option) => self.negotiate(verb, option, out),
            (State::Subnegotiation, IAC) => self.state = State::SubnegotiationCommand,
            (State::Subnegotiation, _) | (State::SubnegotiationCommand, IAC) => {
                // One that does not fit makes no sense: what follows is data again.
                if self.subnegotiation.push(byte).is_ok() {
                    self.state = State::Subnegotiation;
                }
            }
            (State::SubnegotiationCommand, SE) => self.subnegotiated(out),
            // The peer forgot SE.
            (State::SubnegotiationCommand, _) => {}
        }
        None
    }

    fn negotiate(&mut self, verb: u8, option: u8, out: &mut Out) {
        if (verb, option) == (DO, TIMING_MARK) {
            return self.answer(&[IAC, WILL, TIMING_MARK], out);
        }
        let change = self.options.heard(verb, option);
        if let Some(verb) = change.answer {
            self.answer(&[IAC, verb, option], out);
        }
        if (verb, option, change.began) == (DO, WINDOW_SIZE, true) {
            let mut size = heapless::Vec::<u8, 16>::new();
            // None can fail: 13 bytes at most.
            let _ = size.extend_from_slice(&[IAC, SB, WINDOW_SIZE]);
            for side in [self.screen.columns, self.screen.rows] {
                for byte in side.to_be_bytes() {
                    let _ = size.push(byte);
                    if byte == IAC {
                        let _ = size.push(IAC);
                    }
                }
            }
            let _ = size.extend_from_slice(&[IAC, SE]);
            self.answer(&size, out);
        }
    }

    fn subnegotiated(&mut self, out: &mut Out) {
        if *self.subnegotiation != [TERMINAL_TYPE, SEND]
            || !self.options.is_on(Side::Ours, TERMINAL_TYPE)
        {
            return;
        }
        let mut name = heapless::Vec::<u8, REPLY_BYTES_MAX>::new();
        // None can fail; the name is ASCII, without 255.
        let _ = name.extend_from_slice(&[IAC, SB, TERMINAL_TYPE, IS]);
        let _ = name.extend_from_slice(self.terminal.as_bytes());
        let _ = name.extend_from_slice(&[IAC, SE]);
        self.answer(&name, out);
    }

    fn answer(&mut self, bytes: &[u8], out: &mut Out) {
        if self.answers < TELNET_ANSWERS_MAX {
            self.answers += 1;
            put(out, bytes);
        }
    }

    /// Appends a byte that was typed: 255 doubled, the end of a line as the mode has it. Returns
    /// false, and appends nothing, without room for it beside an answer.
    pub fn send(&mut self, byte: u8, out: &mut Out) -> bool {
        if out.capacity() - out.len() < REPLY_BYTES_MAX + 2 {
            return false;
        }
        self.answers = 0;
        match byte {
            b'\n' if self.edits() => put(out, b"\r\n"),
            b'\r' | b'\n' if self.options.is_on(Side::Ours, BINARY) => put(out, b"\r"),
            b'\r' | b'\n' => put(out, b"\r\0"),
            IAC => put(out, &[IAC, IAC]),
            _ => put(out, &[byte]),
        }
        true
    }
}

/// Appends bytes for which there is room.
pub fn put(out: &mut Out, bytes: &[u8]) {
    // Cannot fail: the caller left room for REPLY_BYTES_MAX.
    let _ = out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    const SCREEN: Screen = Screen {
        columns: 80,
        rows: 24,
        echo: true,
        tab: false,
        typing: crate::shell::Typing::Keys,
    };

    fn hear(protocol: &mut Protocol, bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let mut said = Vec::new();
        let mut data = Vec::new();
        for byte in bytes {
            let mut out = heapless::Vec::<u8, REPLY_BYTES_MAX>::new();
            data.extend(protocol.receive(*byte, &mut out));
            said.extend_from_slice(&out);
        }
        (data, said)
    }

    /// What inetutils says to the same server.
    #[test]
    fn a_server_that_echoes_is_answered_as_inetutils_does() {
        let mut protocol = Protocol::new(SCREEN, "XTERM");
        assert!(protocol.edits() && !protocol.is_echoed());
        let greeting =
            b"\xff\xfb\x01\xff\xfb\x03\xff\xfd\x1f\xff\xfd\x18hello\r\n\xff\xfa\x18\x01\xff\xf0";
        let (data, said) = hear(&mut protocol, greeting);
        assert_eq!(data, b"hello\r\n");
        assert_eq!(
            said,
            b"\xff\xfd\x01\xff\xfd\x03\xff\xfb\x1f\xff\xfa\x1f\x00P\x00\x18\xff\xf0\xff\xfb\x18\
              \xff\xfa\x18\x00XTERM\xff\xf0"
        );
        assert!(!protocol.edits() && protocol.is_echoed());
        let mut out = heapless::Vec::<u8, 256>::new();
        for byte in *b"a\xff\r" {
            assert!(protocol.send(byte, &mut out));
        }
        assert_eq!(out, b"a\xff\xff\r\0");
        // RFC 1184 is not spoken; what nobody knows is refused, once.
        let (_, said) = hear(&mut protocol, b"\xff\xfd\x22\xff\xfb\x63\xff\xfd\x06\xff\xfc\x63");
        assert_eq!(said, b"\xff\xfc\x22\xff\xfe\x63\xff\xfb\x06");
    }

    #[test]
    fn a_silent_server_gets_lines() {
        let mut protocol = Protocol::new(SCREEN, "");
        let mut out = heapless::Vec::<u8, 256>::new();
        for byte in *b"a\n" {
            assert!(protocol.send(byte, &mut out));
        }
        assert_eq!(out, b"a\r\n");
        out.clear();
        protocol.set_lines(true, &mut out);
        assert!(out.is_empty());
        protocol.set_lines(false, &mut out);
        assert_eq!(out, b"\xff\xfd\x03\xff\xfd\x01");
        let (data, _) = hear(&mut protocol, b"\r\0x\r\n\xff\xff\xff\xf1");
        assert_eq!(data, b"\rx\r\n\xff");
    }

    #[test]
    fn nonsense_is_bounded() {
        let mut protocol = Protocol::new(SCREEN, "XTERM");
        let (_, said) = hear(&mut protocol, &b"\xff\xfd\x1f\xff\xfe\x1f".repeat(1000));
        assert!(said.len() < 9 * TELNET_ANSWERS_MAX as usize);
        let endless = [&b"\xff\xfa"[..], &[7; 1000]].concat();
        let (data, _) = hear(&mut protocol, &endless);
        assert_eq!(data.len(), 1000 - TELNET_SUBNEGOTIATION_BYTES_MAX - 1);
        let mut full = heapless::Vec::<u8, REPLY_BYTES_MAX>::new();
        assert!(!protocol.send(b'x', &mut full));
    }
}
