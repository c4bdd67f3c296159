//! The bytes of a frame in hexadecimal and ASCII.

use super::Dump;
use super::printer::{Printed, Printer, put};

const LINE_BYTES: usize = 16;
/// Columns of 16 bytes in hexadecimal: eight pairs, a blank before each.
const HEX_COLUMNS: usize = 40;

impl Printer<'_> {
    /// The dump that the options ask for; `header_bytes` are the link-level header's.
    pub fn dump(&mut self, header_bytes: usize) -> Printed {
        let whole = (0, self.end);
        let payload = (header_bytes, self.end.saturating_sub(header_bytes));
        let nothing = payload.1 == 0;
        match self.options.dump {
            Dump::HexWhole => self.print_hex("\n\t", whole.0, whole.1),
            Dump::HexAsciiWhole => self.print_hex_ascii("\n\t", whole.0, whole.1),
            Dump::AsciiWhole => self.print_ascii(whole.0, whole.1),
            Dump::Hex if !nothing => self.print_hex("\n\t", payload.0, payload.1),
            Dump::HexAscii if !nothing => self.print_hex_ascii("\n\t", payload.0, payload.1),
            Dump::Ascii if !nothing => self.print_ascii(payload.0, payload.1),
            Dump::None | Dump::Hex | Dump::HexAscii | Dump::Ascii => Ok(()),
        }
    }

    /// What is not understood.
    pub fn print_default(&mut self, at: usize, length: usize) -> Printed {
        self.print_hex_ascii("\n\t", at, length)
    }

    /// What is not understood, unless a dump is going to show it anyway or little is to be said.
    pub fn print_raw(&mut self, at: usize, length: usize) -> Printed {
        match self.options.dump {
            Dump::None | Dump::Ascii | Dump::AsciiWhole if self.options.quietness == 0 => {
                self.print_default(at, length)
            }
            _ => Ok(()),
        }
    }

    /// What there is of `length` bytes that are not understood.
    pub fn print_unknown(&mut self, at: usize, before: &str, length: usize) -> Printed {
        self.print_hex(before, at, self.available(at).min(length))
    }

    /// In hexadecimal, `before` at the start of each line.
    pub fn print_hex(&mut self, before: &str, at: usize, length: usize) -> Printed {
        self.print_hex_from(before, at, length, 0)
    }

    /// In hexadecimal; the lines' addresses count from `first`.
    pub fn print_hex_from(
        &mut self,
        before: &str,
        at: usize,
        length: usize,
        first: usize,
    ) -> Printed {
        for (index, line) in self.up_to(at, length).chunks(LINE_BYTES).enumerate() {
            put!(self, "{before}0x{:04x}: ", first + index * LINE_BYTES);
            self.print_pairs(line)?;
        }
        self.bytes(at, length).map(drop)
    }

    /// In hexadecimal and ASCII, `before` at the start of each line.
    pub fn print_hex_ascii(&mut self, before: &str, at: usize, length: usize) -> Printed {
        for (index, line) in self.up_to(at, length).chunks(LINE_BYTES).enumerate() {
            put!(self, "{before}0x{:04x}: ", index * LINE_BYTES);
            self.print_pairs(line)?;
            let columns = line.len() * 2 + line.len().div_ceil(2);
            put!(self, "{:1$}  ", "", HEX_COLUMNS - columns);
            for byte in line {
                put!(self, "{}", if byte.is_ascii_graphic() { *byte as char } else { '.' });
            }
        }
        self.bytes(at, length).map(drop)
    }

    fn print_pairs(&mut self, line: &[u8]) -> Printed {
        for pair in line.chunks(2) {
            put!(self, " ");
            for byte in pair {
                put!(self, "{byte:02x}");
            }
        }
        Ok(())
    }

    /// As text: what cannot be printed is a dot; carriage returns at ends of lines are not printed.
    fn print_ascii(&mut self, at: usize, length: usize) -> Printed {
        put!(self, "\n");
        let bytes = self.up_to(at, length);
        for (index, &byte) in bytes.iter().enumerate() {
            match byte {
                b'\r' => {
                    // At the end of the frame even the byte after it is not looked at.
                    let inside = index + 2 < bytes.len();
                    if inside && bytes.get(index + 1) != Some(&b'\n') {
                        put!(self, ".");
                    }
                }
                b'\t' | b'\n' | b' '..=b'~' => put!(self, "{}", byte as char),
                _ => put!(self, "."),
            }
        }
        self.bytes(at, length).map(drop)
    }
}
