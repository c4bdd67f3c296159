//! A line as a terminal driver makes it of keys: for commands that read what is typed. No command
//! itself.

use core::fmt;

use crate::limits::LINE_BYTES_MAX;

/// What a key brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// Nothing to hand on.
    Nothing,
    /// The line is done: [`Cooked::line`] has it, with its LF, or without if Ctrl-D ended it.
    Line,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D on an empty line.
    EndOfInput,
}

/// The line that is being typed.
#[derive(Debug, Default)]
pub struct Cooked {
    line: heapless::Vec<u8, LINE_BYTES_MAX>,
    is_done: bool,
}

impl Cooked {
    /// The line.
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// Takes a key; what the user is to see of it goes to `echo`. After a line the next key begins
    /// another.
    pub fn feed(&mut self, key: u8, echo: &mut dyn fmt::Write) -> Typed {
        if core::mem::take(&mut self.is_done) {
            self.line.clear();
        }
        // What cannot be shown is not.
        let mut put = |text: &str| {
            let _ = echo.write_str(text);
        };
        match key {
            b'\r' | b'\n' => {
                put("\n");
                // Cannot fail: other keys leave room for it.
                let _ = self.line.push(b'\n');
                self.is_done = true;
                return Typed::Line;
            }
            0x03 => {
                put("^C\n");
                return Typed::Interrupt;
            }
            0x04 if self.line.is_empty() => return Typed::EndOfInput,
            0x04 => {
                self.is_done = true;
                return Typed::Line;
            }
            0x7f | 0x08 => self.erase(&mut put),
            0x15 => {
                while !self.line.is_empty() {
                    self.erase(&mut put);
                }
            }
            0x17 => {
                while self.line.last() == Some(&b' ') {
                    self.erase(&mut put);
                }
                while self.line.last().is_some_and(|last| *last != b' ') {
                    self.erase(&mut put);
                }
            }
            _ if self.line.len() + 1 >= LINE_BYTES_MAX => put("\x07"),
            _ => {
                // Cannot fail: there is room.
                let _ = self.line.push(key);
                match key {
                    0..0x20 if key != b'\t' => {
                        put("^");
                        put(char::from(key + 0x40).encode_utf8(&mut [0; 4]));
                    }
                    _ => self.show_last(&mut put),
                }
            }
        }
        Typed::Nothing
    }

    /// Shows the last character, once all its bytes are there.
    fn show_last(&self, put: &mut impl FnMut(&str)) {
        let start = self.line.iter().rposition(|byte| !is_continuation(*byte)).unwrap_or(0);
        if let Ok(character) = core::str::from_utf8(&self.line[start..]) {
            put(character);
        }
    }

    fn erase(&mut self, put: &mut impl FnMut(&str)) {
        while let Some(byte) = self.line.pop() {
            if is_continuation(byte) {
                continue;
            }
            put("\x08 \x08");
            if byte < 0x20 && byte != b'\t' {
                put("\x08 \x08");
            }
            return;
        }
    }
}

const fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use super::*;

    #[track_caller]
    fn check(keys: &str, typed: Typed, line: &str, shown: &str) {
        let mut cooked = Cooked::default();
        let mut echo = String::new();
        let mut last = Typed::Nothing;
        for key in keys.bytes() {
            last = cooked.feed(key, &mut echo);
        }
        assert_eq!((last, cooked.line(), echo.as_str()), (typed, line.as_bytes(), shown));
    }

    #[test]
    fn keys_and_lines() {
        check("ab\r", Typed::Line, "ab\n", "ab\n");
        check("x\ray\n", Typed::Line, "ay\n", "x\nay\n");
        check("aé\x7fb\r", Typed::Line, "ab\n", "aé\x08 \x08b\n");
        check("a\x01\x08\x7f\x7f\r", Typed::Line, "\n", "a^A\x08 \x08\x08 \x08\x08 \x08\n");
        check("a bc \x17", Typed::Nothing, "a ", "a bc \x08 \x08\x08 \x08\x08 \x08");
        check("ab\x15", Typed::Nothing, "", "ab\x08 \x08\x08 \x08");
        check("ab\x04", Typed::Line, "ab", "ab");
        check("\x04", Typed::EndOfInput, "", "");
        check("a\x03", Typed::Interrupt, "a", "a^C\n");
        let mut cooked = Cooked::default();
        let mut echo = String::new();
        for _ in 0..LINE_BYTES_MAX {
            assert_eq!(cooked.feed(b'x', &mut echo), Typed::Nothing);
        }
        assert!(echo.ends_with("x\x07"));
        assert_eq!(cooked.feed(b'\r', &mut echo), Typed::Line);
        assert_eq!(cooked.line().len(), LINE_BYTES_MAX);
    }
}
