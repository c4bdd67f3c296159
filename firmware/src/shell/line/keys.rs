//! Keys: what the bytes of a terminal mean.
//!
//! A VT100 and its descendants send cursor keys as `ESC [ A` (normal) or `ESC O A` (application
//! mode), others as `ESC [ 3 ~`, with modifiers as `ESC [ 1 ; 5 C` (ECMA-48 5.4, xterm's ctlseqs).

/// A key, as the line editor understands it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A printable ASCII character.
    Character(u8),
    /// A character outside ASCII, or a control key without a meaning.
    Unknown,
    /// End of line: CR, LF, CR LF or CR NUL.
    Enter,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D: deletes, or ends the input when the line is empty.
    DeleteOrEnd,
    /// The character left of the cursor goes.
    Backspace,
    /// The character under the cursor goes.
    Delete,
    /// To the start of the line.
    Home,
    /// To the end of the line.
    End,
    /// One character left.
    Left,
    /// One character right.
    Right,
    /// One word left.
    WordLeft,
    /// One word right.
    WordRight,
    /// The line before in the history.
    Up,
    /// The next line in the history.
    Down,
    /// From the cursor to the end of the line goes.
    KillToEnd,
    /// From the start of the line to the cursor goes.
    KillToStart,
    /// The word left of the cursor goes.
    KillWord,
    /// The word right of the cursor goes.
    KillWordRight,
    /// What was deleted last comes back.
    Yank,
    /// The characters around the cursor change places.
    Transpose,
    /// The screen is cleared.
    ClearScreen,
    /// Tab.
    Complete,
}

/// Where in a sequence of bytes we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    /// After CR: a following LF or NUL belongs to it.
    CarriageReturn,
    /// After ESC.
    Escape,
    /// After ESC O.
    Single,
    /// After ESC [: the parameters so far. Only the first two matter.
    Control { first: u8, second: u8, parameters: u8 },
    /// After ESC [ [: the Linux console's F1 to F5, one more letter.
    LinuxFunction,
}

/// The decoder: bytes in, keys out. It keeps no bytes, so no input can fill it.
#[derive(Debug, Default)]
pub struct Keys {
    state: State,
}

impl Keys {
    /// Takes a byte; returns the key it completes, if it does.
    pub fn feed(&mut self, byte: u8) -> Option<Key> {
        let state = core::mem::take(&mut self.state);
        if byte < b' ' || byte == 0x7f {
            // A control character ends any sequence and counts itself.
            return match (state, byte) {
                (State::CarriageReturn, b'\n' | 0) => None,
                _ => self.control(byte),
            };
        }
        match state {
            State::Ground | State::CarriageReturn => match byte {
                b' '..=b'~' => Some(Key::Character(byte)),
                // One bell a character: the first byte of a UTF-8 sequence speaks for all.
                0xc0.. => Some(Key::Unknown),
                _ => None,
            },
            State::Escape => match byte {
                b'[' => {
                    self.state = State::Control { first: 0, second: 0, parameters: 0 };
                    None
                }
                b'O' => {
                    self.state = State::Single;
                    None
                }
                b'b' => Some(Key::WordLeft),
                b'f' => Some(Key::WordRight),
                b'd' => Some(Key::KillWordRight),
                _ => None,
            },
            State::Single => cursor_key(byte, 0),
            State::LinuxFunction => None,
            State::Control { first, second, parameters } => {
                self.sequence(byte, first, second, parameters)
            }
        }
    }

    /// A control character outside any sequence.
    fn control(&mut self, byte: u8) -> Option<Key> {
        Some(match byte {
            0x01 => Key::Home,
            0x02 => Key::Left,
            0x03 => Key::Interrupt,
            0x04 => Key::DeleteOrEnd,
            0x05 => Key::End,
            0x06 => Key::Right,
            0x08 | 0x7f => Key::Backspace,
            b'\t' => Key::Complete,
            b'\n' => Key::Enter,
            0x0b => Key::KillToEnd,
            0x0c => Key::ClearScreen,
            b'\r' => {
                self.state = State::CarriageReturn;
                Key::Enter
            }
            0x0e => Key::Down,
            // Throws a command's output away; here there is none.
            0x0f => return None,
            0x10 => Key::Up,
            0x14 => Key::Transpose,
            0x15 => Key::KillToStart,
            0x17 => Key::KillWord,
            0x19 => Key::Yank,
            0x1b => {
                self.state = State::Escape;
                return None;
            }
            0 => return None,
            _ => Key::Unknown,
        })
    }

    /// A byte within `ESC [ ..`.
    fn sequence(&mut self, byte: u8, first: u8, second: u8, parameters: u8) -> Option<Key> {
        match byte {
            b'0'..=b'9' => {
                let digit = byte - b'0';
                let add = |value: u8| value.saturating_mul(10).saturating_add(digit);
                self.state = match parameters {
                    0 => State::Control { first: add(first), second, parameters },
                    1 => State::Control { first, second: add(second), parameters },
                    _ => State::Control { first, second, parameters },
                };
                None
            }
            b';' => {
                let parameters = parameters.saturating_add(1);
                self.state = State::Control { first, second, parameters };
                None
            }
            b' '..=b'?' => {
                self.state = State::Control { first, second, parameters };
                None
            }
            b'[' if first == 0 && parameters == 0 => {
                self.state = State::LinuxFunction;
                None
            }
            b'~' => match first {
                1 | 7 => Some(Key::Home),
                4 | 8 => Some(Key::End),
                3 => Some(Key::Delete),
                _ => None,
            },
            b'@'..=b'}' => cursor_key(byte, second),
            _ => None,
        }
    }
}

/// The final letter of a cursor key, with xterm's modifier (3 is Alt, 5 is Ctrl).
fn cursor_key(letter: u8, modifier: u8) -> Option<Key> {
    Some(match (letter, modifier) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        (b'C', 3 | 5) => Key::WordRight,
        (b'D', 3 | 5) => Key::WordLeft,
        (b'C', _) => Key::Right,
        (b'D', _) => Key::Left,
        (b'H', _) => Key::Home,
        (b'F', _) => Key::End,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &[Key]) {
        let mut keys = Keys::default();
        let seen: Vec<Key> = bytes.iter().filter_map(|&byte| keys.feed(byte)).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn every_end_of_line_counts_once() {
        for line in [&b"\r"[..], b"\n", b"\r\n", b"\r\0"] {
            check(line, &[Key::Enter]);
        }
        check(b"\r\r\n\n", &[Key::Enter, Key::Enter, Key::Enter]);
        check(b"\r\0\n", &[Key::Enter, Key::Enter]);
        check(b"\ra\n", &[Key::Enter, Key::Character(b'a'), Key::Enter]);
    }

    #[test]
    fn cursor_keys_of_both_modes() {
        check(b"\x1b[A\x1bOB\x1b[C\x1bOD", &[Key::Up, Key::Down, Key::Right, Key::Left]);
        check(
            b"\x1b[H\x1bOF\x1b[1~\x1b[8~\x1b[3~",
            &[Key::Home, Key::End, Key::Home, Key::End, Key::Delete],
        );
        check(
            b"\x1b[1;5C\x1b[1;3D\x1bb\x1bf\x1b[1;2C",
            &[Key::WordRight, Key::WordLeft, Key::WordLeft, Key::WordRight, Key::Right],
        );
    }

    #[test]
    fn sequences_without_a_meaning_leave_nothing_behind() {
        check(b"\x1b[15~\x1b[[A\x1b[?25h\x1bxa", &[Key::Character(b'a')]);
        check(b"\x1b[99999999999;;;;;;~\x1b\x1b[A", &[Key::Up]);
        check(b"\x1b[1\x03\x1b\r", &[Key::Interrupt, Key::Enter]);
    }

    #[test]
    fn a_character_outside_ascii_is_one_unknown() {
        check(
            "aä€😀b".as_bytes(),
            &[Key::Character(b'a'), Key::Unknown, Key::Unknown, Key::Unknown, Key::Character(b'b')],
        );
    }
}
