//! The telnet protocol (RFC 854, 855) as a server speaks it: bytes in; keys and answers out. No I/O
//! of its own.
//!
//! A client that never negotiates (`nc`) is a network virtual terminal: it echoes for itself and
//! sends lines. What makes no sense is counted and skipped; the answer to any one byte is at most
//! [`REPLY_BYTES_MAX`] bytes, and the negotiation of an option ends by the Q method.

use core::fmt;

use super::codes::command::{
    ABORT, AO, AYT, BRK, DM, DO, DONT, EC, EL, EOF, EOR, GA, IAC, IP, NOP, SB, SE, SUSP, WILL, WONT,
};
use super::codes::option::{
    BINARY, ECHO, LINEMODE, STATUS, SUPPRESS_GO_AHEAD, TERMINAL_TYPE, TIMING_MARK, WINDOW_SIZE,
};
use super::codes::says::{IS, SEND};
use super::linemode::{self, Linemode};
use super::options::{Options, Side};
use crate::Text;
use crate::limits::{
    TELNET_ANSWERS_MAX, TELNET_SUBNEGOTIATION_BYTES_MAX, TERMINAL_COLUMNS, TERMINAL_NAME_BYTES_MAX,
};
use crate::shell::{Mode, Screen, Typing};
use crate::status::Drop;

/// Bytes of the longest answer to one byte: a LINEMODE answer, with three verbs beside it.
pub const REPLY_BYTES_MAX: usize = linemode::ANSWER_BYTES_MAX + 9;

/// Bytes that one byte of output can become: NUL, IAC, IAC.
pub const SENT_BYTES_MAX: usize = 3;

/// Where answers go: bytes to be sent.
pub type Out = heapless::VecView<u8>;

/// What a byte meant.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nothing to hand on.
    Nothing,
    /// A byte of data.
    Data(u8),
    /// A command that stands for these keys.
    Keys(&'static [u8]),
    /// The same, and what was answered ends with the mark of a Synch.
    Abort(&'static [u8]),
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
    /// Within IAC SB .. IAC SE.
    Subnegotiation,
    /// After an IAC within it.
    SubnegotiationCommand,
}

/// One connection's protocol, from the server's side.
#[derive(Debug, Default)]
pub struct Protocol {
    state: State,
    options: Options,
    linemode: Linemode,
    /// What came within IAC SB .. IAC SE so far.
    subnegotiation: heapless::Vec<u8, TELNET_SUBNEGOTIATION_BYTES_MAX>,
    /// Columns and rows, where the client told; 0: it does not know.
    window: (u16, u16),
    terminal: Text<TERMINAL_NAME_BYTES_MAX>,
    /// The user asked for line mode.
    wants_lines: bool,
    /// The last byte sent was CR, and what follows decides whether it needs a NUL.
    sent_carriage_return: bool,
    /// In a Synch: up to its mark, only commands count.
    synching: bool,
    /// Answers given since the last line of data; no more than [`TELNET_ANSWERS_MAX`].
    answers: u32,
    /// What was just dropped.
    dropped: Option<Drop>,
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl Protocol {
    /// At the start of a connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a server says first: by WILL ECHO and WILL SUPPRESS-GO-AHEAD the client sends each key
    /// at once; by DO TERMINAL-TYPE and DO NAWS it tells what it runs on.
    pub fn greeting(&mut self, out: &mut Out) {
        self.want(Side::Ours, ECHO, true, out);
        self.want(Side::Ours, SUPPRESS_GO_AHEAD, true, out);
        self.want(Side::Theirs, SUPPRESS_GO_AHEAD, true, out);
        self.want(Side::Theirs, TERMINAL_TYPE, true, out);
        self.want(Side::Theirs, WINDOW_SIZE, true, out);
    }

    /// The screen as it is known now.
    pub fn screen(&self) -> Screen {
        let typing = match self.options.is_on(Side::Theirs, LINEMODE) && self.linemode.edits() {
            true => Typing::Linemode,
            false if self.options.is_on(Side::Ours, ECHO) => Typing::Keys,
            false => Typing::Lines,
        };
        Screen {
            columns: if self.window.0 == 0 { TERMINAL_COLUMNS } else { self.window.0 },
            rows: self.window.1,
            echo: self.options.is_on(Side::Ours, ECHO),
            tab: typing == Typing::Linemode && self.linemode.forwards_tab(),
            typing,
        }
    }

    /// The terminal's name, if the client told it.
    pub fn terminal(&self) -> &str {
        &self.terminal
    }

    /// The user asks for lines or for keys. For lines LINEMODE is offered; a client that has none
    /// falls back to the line mode of RFC 858, in which the server neither echoes nor suppresses
    /// GO AHEAD.
    pub fn set_mode(&mut self, mode: Mode, out: &mut Out) {
        self.wants_lines = mode == Mode::Line;
        self.want(Side::Theirs, LINEMODE, self.wants_lines, out);
        self.want(Side::Ours, ECHO, !self.wants_lines, out);
        if !self.wants_lines {
            self.want(Side::Ours, SUPPRESS_GO_AHEAD, true, out);
        }
    }

    /// The stream is urgent: what was typed before the next data mark is thrown away, so that the
    /// commands among it are heard (RFC 854, "the telnet Synch signal").
    pub fn synch(&mut self) {
        self.synching = true;
    }

    /// What the last byte made us drop, once.
    pub fn take_dropped(&mut self) -> Option<Drop> {
        self.dropped.take()
    }

    /// Takes one byte. `out` must have room for [`REPLY_BYTES_MAX`] bytes more.
    pub fn receive(&mut self, byte: u8, out: &mut Out) -> Heard {
        match (core::mem::take(&mut self.state), byte) {
            (State::Data | State::CarriageReturn, IAC) => {
                self.state = State::Command;
                Heard::Nothing
            }
            (State::CarriageReturn, b'\n' | 0) => Heard::Nothing,
            (State::Data | State::CarriageReturn, _) => self.data(byte),
            (State::Command, _) => self.command(byte, out),
            (State::Option { verb }, option) => {
                self.negotiate(verb, option, out);
                Heard::Nothing
            }
            (State::Subnegotiation, IAC) => {
                self.state = State::SubnegotiationCommand;
                Heard::Nothing
            }
            (State::Subnegotiation, _) | (State::SubnegotiationCommand, IAC) => {
                match self.subnegotiation.push(byte) {
                    Ok(()) => self.state = State::Subnegotiation,
                    // Its end was lost, or there never will be one: what follows is data again.
                    Err(_) => self.dropped = Some(Drop::TelnetSubnegotiation),
                }
                Heard::Nothing
            }
            (State::SubnegotiationCommand, SE) => {
                self.subnegotiated(out);
                Heard::Nothing
            }
            (State::SubnegotiationCommand, _) => {
                // The peer forgot SE; the command counts.
                self.dropped = Some(Drop::TelnetSubnegotiation);
                self.command(byte, out)
            }
        }
    }

    fn data(&mut self, byte: u8) -> Heard {
        if self.synching {
            self.dropped = Some(Drop::TelnetSynch);
            return Heard::Nothing;
        }
        if matches!(byte, b'\r' | b'\n') {
            self.answers = 0;
        }
        if byte == b'\r' && !self.options.is_on(Side::Theirs, BINARY) {
            self.state = State::CarriageReturn;
        }
        Heard::Data(byte)
    }

    /// The byte after IAC.
    fn command(&mut self, byte: u8, out: &mut Out) -> Heard {
        match byte {
            IAC if self.synching => self.data(IAC),
            IAC => Heard::Data(IAC),
            WILL | WONT | DO | DONT => {
                self.state = State::Option { verb: byte };
                Heard::Nothing
            }
            SB => {
                self.subnegotiation.clear();
                self.state = State::Subnegotiation;
                Heard::Nothing
            }
            AYT => {
                put(out, b"\r\n[Yes]\r\n");
                Heard::Nothing
            }
            // As Ctrl-C, the backspace key, Ctrl-E Ctrl-U, and Ctrl-D.
            IP | BRK | ABORT => Heard::Keys(b"\x03"),
            // What they edit was thrown away.
            EC | EL if self.synching => Heard::Nothing,
            EC => Heard::Keys(b"\x7f"),
            EL => Heard::Keys(b"\x05\x15"),
            EOF => Heard::Keys(b"\x04"),
            // As Ctrl-O: the command runs on, its output is thrown away; what is on its way, by a
            // Synch in return.
            AO => {
                put(out, &[IAC, DM]);
                Heard::Abort(b"\x0f")
            }
            DM => {
                self.synching = false;
                Heard::Nothing
            }
            NOP | GA | SUSP | EOR => Heard::Nothing,
            _ => {
                self.dropped = Some(Drop::TelnetCommand);
                Heard::Nothing
            }
        }
    }

    /// WILL, WONT, DO or DONT, and its option.
    fn negotiate(&mut self, verb: u8, option: u8, out: &mut Out) {
        if (verb, option) == (DO, TIMING_MARK) {
            // Everything before it was processed, or is on its way to the one who does.
            return self.answer(&[IAC, WILL, TIMING_MARK], out);
        }
        let change = self.options.heard(verb, option);
        if let Some(verb) = change.answer {
            self.answer(&[IAC, verb, option], out);
        }
        match (verb, option) {
            (WILL, TERMINAL_TYPE) if change.began => {
                self.answer(&[IAC, SB, TERMINAL_TYPE, SEND, IAC, SE], out);
            }
            (WILL, LINEMODE) if change.began => {
                let said = self.linemode.begin();
                self.answer(&said, out);
                self.want(Side::Ours, ECHO, false, out);
            }
            (WONT, LINEMODE) if change.refused && self.wants_lines => {
                self.want(Side::Ours, SUPPRESS_GO_AHEAD, false, out);
            }
            _ => {}
        }
    }

    /// IAC SB .. IAC SE has come to its end.
    fn subnegotiated(&mut self, out: &mut Out) {
        let theirs = |option| self.options.is_on(Side::Theirs, option);
        match *self.subnegotiation {
            [WINDOW_SIZE, a, b, c, d] if theirs(WINDOW_SIZE) => {
                self.window = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            }
            [TERMINAL_TYPE, IS, ref name @ ..] if theirs(TERMINAL_TYPE) => {
                self.terminal.clear();
                for byte in name.iter().filter(|byte| byte.is_ascii_graphic()) {
                    // A Text never fails: what does not fit is cut.
                    let _ = fmt::Write::write_char(&mut self.terminal, char::from(*byte));
                }
            }
            [STATUS, SEND] if self.options.is_on(Side::Ours, STATUS) => {
                let mut status = heapless::Vec::<u8, 32>::new();
                // None can fail: nine options at most, and none is 255 or SE.
                let _ = status.extend_from_slice(&[IAC, SB, STATUS, IS]);
                for (verb, option) in self.options.in_force() {
                    let _ = status.extend_from_slice(&[verb, option]);
                }
                let _ = status.extend_from_slice(&[IAC, SE]);
                self.answer(&status, out);
            }
            [LINEMODE, ref bytes @ ..] if theirs(LINEMODE) => match self.linemode.heard(bytes) {
                Some(said) if said.is_empty() => {}
                Some(said) => self.answer(&said, out),
                None => self.dropped = Some(Drop::TelnetSubnegotiation),
            },
            _ => self.dropped = Some(Drop::TelnetSubnegotiation),
        }
    }

    /// Says of an option that we want it on or off, if that is news.
    fn want(&mut self, side: Side, option: u8, on: bool, out: &mut Out) {
        if let Some(verb) = self.options.want(side, option, on) {
            put(out, &[IAC, verb, option]);
        }
    }

    /// Answers. Method Q ends between two that keep to it; with one that flips an option back and
    /// forth it does not, so the number of answers between two lines of data has a limit.
    fn answer(&mut self, bytes: &[u8], out: &mut Out) {
        if self.answers >= TELNET_ANSWERS_MAX {
            self.dropped = Some(Drop::TelnetAnswer);
            return;
        }
        self.answers += 1;
        put(out, bytes);
    }

    /// Appends a byte of output as it goes over the wire: 255 doubled, LF as CR LF, a lone CR as CR
    /// NUL. Returns false, and appends nothing, if fewer than [`SENT_BYTES_MAX`] bytes are free
    /// beside those of two replies: a peer that takes no output is still heard, and answered.
    pub fn send(&mut self, byte: u8, out: &mut Out) -> bool {
        if out.capacity() - out.len() < 2 * REPLY_BYTES_MAX + SENT_BYTES_MAX {
            return false;
        }
        let after_return = core::mem::replace(&mut self.sent_carriage_return, byte == b'\r');
        let binary = self.options.is_on(Side::Ours, BINARY);
        match (after_return, byte) {
            (true, b'\n') => {}
            (true, _) if !binary => put(out, b"\0"),
            (false, b'\n') if !binary => put(out, b"\r"),
            _ => {}
        }
        put(out, &[byte]);
        if byte == IAC {
            put(out, &[IAC]);
        }
        true
    }
}

/// Appends bytes for which there is room.
fn put(out: &mut Out, bytes: &[u8]) {
    // Cannot fail: the caller left room for REPLY_BYTES_MAX.
    let _ = out.extend_from_slice(bytes);
}
