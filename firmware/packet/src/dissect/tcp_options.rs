//! TCP options.

use super::printer::{Printed, Printer, Table, Unknown, put};

const END: u8 = 0;
const NOP: u8 = 1;
const SEGMENT_SIZE: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;
const SIGNATURE: u8 = 19;
const SPACE: u8 = 20;
const USER_TIMEOUT: u8 = 28;
const AUTHENTICATION: u8 = 29;
const FAST_OPEN: u8 = 34;
const EXPERIMENT: u8 = 254;
/// Echo and T/TCP (RFC 1072, 1644): a number each.
const NUMBERS: [u8; 5] = [6, 7, 11, 12, 13];
/// Fast Open among the experiments (RFC 7413 4.1.1).
const EXPERIMENT_FAST_OPEN: u16 = 0xf989;

const NAMES: &Table = &[
    (0, "eol"),
    (1, "nop"),
    (2, "mss"),
    (3, "wscale"),
    (4, "sackOK"),
    (5, "sack"),
    (6, "echo"),
    (7, "echoreply"),
    (8, "TS"),
    (11, "cc"),
    (12, "ccnew"),
    (13, ""),
    (19, "md5"),
    (20, "scps"),
    (28, "uto"),
    (29, "tcp-ao"),
    (30, "mptcp"),
    (34, "tfo"),
    (254, "exp"),
];

/// Why options came to an end.
enum Fault {
    /// Something about them is wrong.
    Bad,
    /// They were not captured.
    Cut,
}

impl Printer<'_> {
    /// `, options [..]` of `length` bytes before a payload of `payload`; false if the line ends in
    /// them. Numbers in SACK are relative to `sack_start`.
    pub fn tcp_options(
        &mut self,
        at: usize,
        length: usize,
        payload: usize,
        sack_start: u32,
    ) -> Printed<bool> {
        let has_payload = self.has(at + length, payload);
        put!(self, ", options [");
        let mut at = at;
        let mut left = length;
        let mut is_first = true;
        while left > 0 {
            if !is_first {
                put!(self, ",");
            }
            let kind = self.u8(at)?;
            let is_short = kind == END || kind == NOP;
            let option_bytes = if is_short { 1 } else { usize::from(self.u8(at + 1)?) };
            if option_bytes > left || (option_bytes < 2 && !is_short) {
                self.end_options(&Fault::Bad, is_first)?;
                return Ok(false);
            }
            self.print_name(NAMES, kind.into(), Unknown::Decimal("unknown-", ""))?;
            let head_bytes = if is_short { 1 } else { 2 };
            // What is left for the content, should the option's length be wrong.
            let room = left - head_bytes;
            let content_bytes = option_bytes - head_bytes;
            let content = (at + head_bytes, content_bytes, room);
            match self.tcp_option(kind, content, has_payload, sack_start)? {
                Ok(printed) => {
                    if printed != content_bytes {
                        put!(self, "[len {option_bytes}]");
                    }
                    at += head_bytes + printed;
                    left = room.saturating_sub(printed);
                }
                Err(fault) => {
                    self.end_options(&fault, is_first)?;
                    return Ok(false);
                }
            }
            is_first = false;
            if kind == END {
                break;
            }
        }
        put!(self, "]");
        Ok(true)
    }

    fn end_options(&mut self, fault: &Fault, is_first: bool) -> Printed {
        match fault {
            Fault::Bad => put!(self, "[bad opt]{}", if is_first { "" } else { "]" }),
            Fault::Cut => {
                self.print_truncated()?;
                put!(self, "{}", if is_first { "" } else { ">" });
            }
        }
        Ok(())
    }

    /// The content of an option; how many bytes of it the option's kind has.
    fn tcp_option(
        &mut self,
        kind: u8,
        (at, length, room): (usize, usize, usize),
        has_payload: bool,
        sack_start: u32,
    ) -> Printed<Result<usize, Fault>> {
        let fixed = match kind {
            END | NOP | SACK_PERMITTED => return Ok(Ok(0)),
            SEGMENT_SIZE | SPACE | USER_TIMEOUT => Some(2),
            WINDOW_SCALE => Some(1),
            TIMESTAMPS => Some(8),
            SIGNATURE => Some(16),
            _ if NUMBERS.contains(&kind) => Some(4),
            _ => None,
        };
        let needed = fixed.unwrap_or(length);
        if needed > room {
            return Ok(Err(Fault::Bad));
        }
        if let (Some(_), false) = (fixed, self.has(at, needed)) {
            return Ok(Err(Fault::Cut));
        }
        match kind {
            SEGMENT_SIZE => put!(self, " {}", self.u16(at)?),
            WINDOW_SCALE => put!(self, " {}", self.u8(at)?),
            SACK => return self.sack(at, length, sack_start),
            TIMESTAMPS => put!(self, " val {} ecr {}", self.u32(at)?, self.u32(at + 4)?),
            SIGNATURE => {
                // There is no way to give tcpdump's -M here.
                let lacking = if has_payload {
                    "shared secret not supplied with -M"
                } else {
                    "snaplen too short"
                };
                put!(self, " {lacking}, can't check - ");
                self.print_bytes(at, needed)?;
            }
            SPACE => put!(self, " cap {:02x} id {}", self.u8(at)?, self.u8(at + 1)?),
            USER_TIMEOUT => {
                let value = self.u16(at)?;
                let unit = if value & 1 == 0 { 1 } else { 60 };
                put!(self, " 0x{value:x} {}", u32::from(value >> 1) * unit);
            }
            AUTHENTICATION => return self.authentication(at, length),
            FAST_OPEN if !self.has(at, length) => return Ok(Err(Fault::Cut)),
            FAST_OPEN => {
                put!(self, " ");
                self.fast_open(at, length)?;
            }
            EXPERIMENT if !self.has(at, length) => return Ok(Err(Fault::Cut)),
            EXPERIMENT if length < 2 => return Ok(Err(Fault::Bad)),
            EXPERIMENT => match self.u16(at)? {
                EXPERIMENT_FAST_OPEN => {
                    put!(self, "-tfo");
                    self.fast_open(at + 2, length - 2)?;
                }
                magic => put!(self, "-{magic:04x}"),
            },
            _ if NUMBERS.contains(&kind) => put!(self, " {}", self.u32(at)?),
            _ => {
                if length > 0 {
                    put!(self, " 0x");
                }
                let there = self.up_to(at, length).len();
                self.print_bytes(at, there)?;
                if there < length {
                    return Ok(Err(Fault::Cut));
                }
            }
        }
        Ok(Ok(needed))
    }

    fn sack(&mut self, at: usize, length: usize, start: u32) -> Printed<Result<usize, Fault>> {
        if !length.is_multiple_of(8) {
            put!(self, " invalid sack");
            return Ok(Ok(length));
        }
        put!(self, " {} ", length / 8);
        for place in (0..length).step_by(8) {
            if !self.has(at + place, 8) {
                return Ok(Err(Fault::Cut));
            }
            let from = self.u32(at + place)?.wrapping_sub(start);
            let to = self.u32(at + place + 4)?.wrapping_sub(start);
            put!(self, "{{{from}:{to}}}");
        }
        Ok(Ok(length))
    }

    /// RFC 5925 2.2.
    fn authentication(&mut self, at: usize, length: usize) -> Printed<Result<usize, Fault>> {
        if length < 2 {
            self.print_invalid()?;
            return Ok(Ok(length));
        }
        if !self.has(at, 1) {
            return Ok(Err(Fault::Cut));
        }
        put!(self, " keyid {}", self.u8(at)?);
        if !self.has(at, 2) {
            return Ok(Err(Fault::Cut));
        }
        put!(self, " rnextkeyid {}", self.u8(at + 1)?);
        if length > 2 {
            put!(self, " mac 0x");
            let there = self.up_to(at + 2, length - 2).len();
            self.print_bytes(at + 2, there)?;
            if there < length - 2 {
                return Ok(Err(Fault::Cut));
            }
        }
        Ok(Ok(length))
    }

    /// RFC 7413 4.1.1.
    fn fast_open(&mut self, at: usize, length: usize) -> Printed {
        match length {
            0 => put!(self, " cookiereq"),
            4..=16 if length.is_multiple_of(2) => {
                put!(self, " cookie ");
                self.print_bytes(at, length)?;
            }
            _ => self.print_invalid()?,
        }
        Ok(())
    }

    /// Bytes in hexadecimal.
    pub fn print_bytes(&mut self, at: usize, length: usize) -> Printed {
        for byte in self.bytes(at, length)? {
            put!(self, "{byte:02x}");
        }
        Ok(())
    }
}
