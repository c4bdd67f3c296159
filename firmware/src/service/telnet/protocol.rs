//! The telnet protocol (RFC 854, 855) as a server speaks it: bytes in; keys and answers out. No I/O
//! of its own.
//!
//! A client that never negotiates (`nc`) is a network virtual terminal: it echoes for itself and
//! sends lines. What makes no sense is counted and skipped; the answer to any one byte is at most
//! [`REPLY_BYTES_MAX`] bytes, and the negotiation of an option ends by the Q method.

use super::negotiation::{Answer, Negotiation};
use crate::limits::{TELNET_ANSWERS_MAX, TELNET_SUBNEGOTIATION_BYTES_MAX};

/// Bytes of the longest answer to one byte.
pub const REPLY_BYTES_MAX: usize = 9;

/// Commands (RFC 854, "TELNET COMMAND STRUCTURE"; EOF to ABORT: RFC 1184; EOR: RFC 885).
pub mod command {
    #![expect(missing_docs, reason = "the names are the RFC's")]
    pub const EOF: u8 = 236;
    pub const SUSP: u8 = 237;
    pub const ABORT: u8 = 238;
    pub const EOR: u8 = 239;
    pub const SE: u8 = 240;
    pub const NOP: u8 = 241;
    pub const DM: u8 = 242;
    pub const BRK: u8 = 243;
    pub const IP: u8 = 244;
    pub const AO: u8 = 245;
    pub const AYT: u8 = 246;
    pub const EC: u8 = 247;
    pub const EL: u8 = 248;
    pub const GA: u8 = 249;
    pub const SB: u8 = 250;
    pub const WILL: u8 = 251;
    pub const WONT: u8 = 252;
    pub const DO: u8 = 253;
    pub const DONT: u8 = 254;
    pub const IAC: u8 = 255;
}

/// Options.
pub mod option {
    /// RFC 857: the sender echoes.
    pub const ECHO: u8 = 1;
    /// RFC 858: no GA after each turn; without it a server would have to send one.
    pub const SUPPRESS_GO_AHEAD: u8 = 3;
    /// RFC 860: answered when everything before it was processed.
    pub const TIMING_MARK: u8 = 6;
}

use command::{
    ABORT, AO, AYT, BRK, DM, DO, DONT, EC, EL, EOF, EOR, GA, IAC, IP, NOP, SB, SE, SUSP, WILL, WONT,
};
use option::{ECHO, SUPPRESS_GO_AHEAD, TIMING_MARK};

/// An answer to the peer.
pub type Reply = heapless::Vec<u8, REPLY_BYTES_MAX>;

/// What a byte meant.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nothing to hand on.
    Nothing,
    /// A byte of data.
    Data(u8),
    /// A command that stands for these keys.
    Keys(&'static [u8]),
    /// This is to be answered.
    Reply(Reply),
}

/// Where in the stream we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Data,
    /// After CR: the LF or NUL that belongs to it is skipped (RFC 854, "the sequence CR LF .. or CR
    /// NUL").
    CarriageReturn,
    /// After IAC.
    Command,
    /// After IAC and WILL, WONT, DO or DONT.
    Option { verb: u8 },
    /// Within IAC SB .. IAC SE, which is skipped.
    Subnegotiation { bytes: usize },
    /// After an IAC within it.
    SubnegotiationCommand { bytes: usize },
}

/// One connection's protocol, from the server's side.
#[derive(Debug)]
pub struct Protocol {
    state: State,
    our_echo: Negotiation,
    our_suppress_go_ahead: Negotiation,
    their_suppress_go_ahead: Negotiation,
    /// The last byte sent was CR, and what follows decides whether it needs a NUL.
    sent_carriage_return: bool,
    /// Answers given so far; no more than [`TELNET_ANSWERS_MAX`].
    answers: u32,
    garbage: u64,
}

impl Default for Protocol {
    fn default() -> Self {
        Self::new()
    }
}

impl Protocol {
    /// At the start of a connection.
    pub const fn new() -> Self {
        Self {
            state: State::Data,
            our_echo: Negotiation::new(true),
            our_suppress_go_ahead: Negotiation::new(true),
            their_suppress_go_ahead: Negotiation::new(true),
            sent_carriage_return: false,
            answers: 0,
            garbage: 0,
        }
    }

    /// What a server says first: WILL ECHO, WILL SUPPRESS-GO-AHEAD, DO SUPPRESS-GO-AHEAD; by these
    /// the client sends each key at once.
    pub fn greeting(&mut self) -> Reply {
        let mut reply = Reply::new();
        let offers = [
            (self.our_echo.enable(), WILL, ECHO),
            (self.our_suppress_go_ahead.enable(), WILL, SUPPRESS_GO_AHEAD),
            (self.their_suppress_go_ahead.enable(), DO, SUPPRESS_GO_AHEAD),
        ];
        for (_, verb, option) in offers.into_iter().filter(|(said, ..)| said.is_some()) {
            // Cannot fail: three times three bytes.
            let _ = reply.extend_from_slice(&[IAC, verb, option]);
        }
        reply
    }

    /// True if the peer agreed that we echo.
    pub fn echoes(&self) -> bool {
        self.our_echo.is_on()
    }

    /// Bytes that made no sense.
    pub fn garbage(&self) -> u64 {
        self.garbage
    }

    /// Takes one byte.
    pub fn receive(&mut self, byte: u8) -> Heard {
        match (core::mem::take(&mut self.state), byte) {
            (State::Data | State::CarriageReturn, IAC) => {
                self.state = State::Command;
                Heard::Nothing
            }
            (State::CarriageReturn, b'\n' | 0) => Heard::Nothing,
            (State::Data | State::CarriageReturn, _) => self.data(byte),
            (State::Command, _) => self.command(byte),
            (State::Option { verb }, option) => self.negotiate(verb, option),
            (State::Subnegotiation { bytes }, IAC) => {
                self.state = State::SubnegotiationCommand { bytes };
                Heard::Nothing
            }
            (State::Subnegotiation { bytes }, _)
            | (State::SubnegotiationCommand { bytes }, IAC) => {
                if bytes < TELNET_SUBNEGOTIATION_BYTES_MAX {
                    self.state = State::Subnegotiation { bytes: bytes + 1 };
                } else {
                    // Its end was lost, or there never will be one: what follows is data again.
                    self.count_garbage();
                }
                Heard::Nothing
            }
            (State::SubnegotiationCommand { .. }, SE) => Heard::Nothing,
            (State::SubnegotiationCommand { .. }, _) => {
                // The peer forgot SE; the command counts.
                self.count_garbage();
                self.command(byte)
            }
        }
    }

    fn data(&mut self, byte: u8) -> Heard {
        if byte == b'\r' {
            self.state = State::CarriageReturn;
        }
        Heard::Data(byte)
    }

    /// The byte after IAC.
    fn command(&mut self, byte: u8) -> Heard {
        match byte {
            IAC => Heard::Data(IAC),
            WILL | WONT | DO | DONT => {
                self.state = State::Option { verb: byte };
                Heard::Nothing
            }
            SB => {
                self.state = State::Subnegotiation { bytes: 0 };
                Heard::Nothing
            }
            AYT => reply(b"\r\n[Yes]\r\n"),
            // As Ctrl-C, the backspace key, Ctrl-E Ctrl-U, and Ctrl-D.
            IP | BRK | ABORT => Heard::Keys(b"\x03"),
            EC => Heard::Keys(b"\x7f"),
            EL => Heard::Keys(b"\x05\x15"),
            EOF => Heard::Keys(b"\x04"),
            // AO: our output is never far ahead. DM: the end of a Synch, whose urgent data was not
            // skipped.
            NOP | DM | GA | AO | SUSP | EOR => Heard::Nothing,
            _ => {
                self.count_garbage();
                Heard::Nothing
            }
        }
    }

    /// The option after WILL, WONT, DO or DONT.
    fn negotiate(&mut self, verb: u8, option: u8) -> Heard {
        let ours = matches!(verb, DO | DONT);
        let agreed = matches!(verb, WILL | DO);
        let answer = match self.side(ours, option) {
            Some(side) if agreed => side.peer_agrees(),
            Some(side) => side.peer_refuses(),
            None if ours && agreed && option == TIMING_MARK => Some(Answer::Agree),
            // RFC 855: what is not supported is refused; a refusal of it is no news.
            None => agreed.then_some(Answer::Refuse),
        };
        // Method Q ends between two that keep to it; with one that flips an option back and forth
        // it does not.
        let answer = answer.filter(|_| self.answers < TELNET_ANSWERS_MAX);
        self.answers += u32::from(answer.is_some());
        match answer {
            None => Heard::Nothing,
            Some(answer) => {
                let verb = match (ours, answer) {
                    (true, Answer::Agree) => WILL,
                    (true, Answer::Refuse) => WONT,
                    (false, Answer::Agree) => DO,
                    (false, Answer::Refuse) => DONT,
                };
                reply(&[IAC, verb, option])
            }
        }
    }

    /// The negotiation of an option that we know.
    fn side(&mut self, ours: bool, option: u8) -> Option<&mut Negotiation> {
        match (ours, option) {
            (true, ECHO) => Some(&mut self.our_echo),
            (true, SUPPRESS_GO_AHEAD) => Some(&mut self.our_suppress_go_ahead),
            (false, SUPPRESS_GO_AHEAD) => Some(&mut self.their_suppress_go_ahead),
            _ => None,
        }
    }

    fn count_garbage(&mut self) {
        self.garbage = self.garbage.saturating_add(1);
    }

    /// Appends a byte of output as it goes over the wire: 255 doubled, LF as CR LF, a lone CR as CR
    /// NUL. Returns false, and appends nothing, if fewer than [`SENT_BYTES_MAX`] bytes are free.
    pub fn send<const N: usize>(&mut self, byte: u8, out: &mut heapless::Vec<u8, N>) -> bool {
        if out.capacity() - out.len() < SENT_BYTES_MAX {
            return false;
        }
        // None of these can fail: the room was checked.
        let after_return = core::mem::replace(&mut self.sent_carriage_return, byte == b'\r');
        let before: &[u8] = match (after_return, byte) {
            (true, b'\n') => b"",
            (true, _) => b"\0",
            (false, b'\n') => b"\r",
            (false, _) => b"",
        };
        let _ = out.extend_from_slice(before);
        let _ = out.push(byte);
        if byte == IAC {
            let _ = out.push(IAC);
        }
        true
    }
}

/// Bytes that one byte of output can become: NUL, IAC, IAC.
pub const SENT_BYTES_MAX: usize = 3;

fn reply(bytes: &[u8]) -> Heard {
    // Cannot fail: no answer is longer (tested by every answer there is).
    Heard::Reply(Reply::from_slice(bytes).unwrap_or_default())
}
