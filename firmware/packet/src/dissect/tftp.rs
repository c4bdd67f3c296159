//! TFTP (RFC 1350, 2347).

use super::printer::{Printed, Printer, Table, Unknown, lookup, put};

const READ: u16 = 1;
const WRITE: u16 = 2;
const DATA: u16 = 3;
const ACKNOWLEDGMENT: u16 = 4;
const ERROR: u16 = 5;

const OPERATIONS: &Table =
    &[(1, "RRQ"), (2, "WRQ"), (3, "DATA"), (4, "ACK"), (5, "ERROR"), (6, "OACK")];
const ERRORS: &Table = &[
    (0, "EUNDEF"),
    (1, "ENOTFOUND"),
    (2, "EACCESS"),
    (3, "ENOSPACE"),
    (4, "EBADOP"),
    (5, "EBADID"),
    (6, "EEXISTS"),
    (7, "ENOUSER"),
];

impl Printer<'_> {
    /// A message of `length` bytes.
    pub fn tftp(&mut self, at: usize, length: usize) -> Printed {
        self.protocol = "tftp";
        put!(self, "TFTP, length {length}");
        let Some(left) = length.checked_sub(2) else { return self.print_truncated() };
        let operation = self.u16(at)?;
        let Some(name) = lookup(OPERATIONS, operation.into()) else {
            put!(self, ", tftp-#{operation}");
            return Ok(());
        };
        put!(self, ", {name}");
        let is_whole = match operation {
            READ | WRITE => self.tftp_request(at + 2, left)?,
            DATA | ACKNOWLEDGMENT if left < 2 => false,
            DATA | ACKNOWLEDGMENT => {
                put!(self, " block {}", self.u16(at + 2)?);
                true
            }
            ERROR => self.tftp_error(at + 2, left)?,
            _ => self.tftp_options(at + 2, left)?,
        };
        if is_whole { Ok(()) } else { self.print_truncated() }
    }

    fn tftp_request(&mut self, at: usize, length: usize) -> Printed<bool> {
        if length == 0 {
            return Ok(false);
        }
        put!(self, " \"");
        let name_bytes = self.print_string(at, length)?;
        put!(self, "\"");
        let Some(name_bytes) = name_bytes.filter(|&bytes| bytes < length) else {
            return Ok(false);
        };
        put!(self, " ");
        let (at, length) = (at + name_bytes, length - name_bytes);
        match self.print_string(at, length)? {
            Some(mode_bytes) => self.tftp_options(at + mode_bytes, length - mode_bytes),
            None => Ok(false),
        }
    }

    fn tftp_options(&mut self, at: usize, length: usize) -> Printed<bool> {
        let end = at + length;
        let mut at = at;
        while at < end {
            put!(self, "{}", if self.u8(at)? == 0 { "" } else { " " });
            match self.print_string(at, end - at)? {
                Some(bytes) => at += bytes,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    fn tftp_error(&mut self, at: usize, length: usize) -> Printed<bool> {
        let Some(left) = length.checked_sub(2) else { return Ok(false) };
        let code = self.u16(at)?;
        put!(self, " ");
        self.print_name(ERRORS, code.into(), Unknown::Decimal("tftp-err-#", " \""))?;
        if left == 0 {
            return Ok(false);
        }
        put!(self, " \"");
        let text = self.print_string(at + 2, left)?;
        put!(self, "\"");
        Ok(text.is_some())
    }
}
