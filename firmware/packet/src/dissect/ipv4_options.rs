//! Options of IPv4 (RFC 791 3.1).

use super::printer::{Printed, Printer, Table, Unknown, put};

const END: u8 = 0;
const NOP: u8 = 1;
const RECORD_ROUTE: u8 = 7;
const TIMESTAMP: u8 = 68;
const LOOSE_ROUTE: u8 = 131;
const STRICT_ROUTE: u8 = 137;
const ROUTER_ALERT: u8 = 148;

const NAMES: &Table = &[
    (0, "EOL"),
    (1, "NOP"),
    (68, "timestamp"),
    (130, "security"),
    (7, "RR"),
    (137, "SSRR"),
    (131, "LSRR"),
    (148, "RA"),
    (82, "traceroute"),
];

impl Printer<'_> {
    /// `length` bytes of options; false if they are cut off.
    pub fn ipv4_options(&mut self, at: usize, length: usize) -> Printed<bool> {
        let mut at = at;
        let mut left = length;
        let mut separator = "";
        while left > 0 {
            put!(self, "{separator}");
            separator = ",";
            let kind = self.u8(at)?;
            self.print_name(NAMES, kind.into(), Unknown::Decimal("unknown ", ""))?;
            let option_bytes =
                if kind == NOP || kind == END { 1 } else { usize::from(self.u8(at + 1)?) };
            if option_bytes > left || (option_bytes < 2 && kind != NOP && kind != END) {
                put!(self, " [bad length {option_bytes}]");
                return Ok(true);
            }
            if !self.has(at, option_bytes) {
                return Ok(false);
            }
            match kind {
                END => return Ok(true),
                TIMESTAMP if !self.ipv4_timestamps(at, option_bytes)? => return Ok(false),
                RECORD_ROUTE | LOOSE_ROUTE | STRICT_ROUTE
                    if !self.ipv4_route(at, option_bytes)? =>
                {
                    return Ok(false);
                }
                ROUTER_ALERT if option_bytes < 4 => put!(self, " [bad length {option_bytes}]"),
                ROUTER_ALERT => {
                    let value = self.u16(at + 2)?;
                    if value != 0 {
                        put!(self, " value {value}");
                    }
                }
                _ => {}
            }
            at += option_bytes;
            left -= option_bytes;
        }
        Ok(true)
    }

    fn ipv4_route(&mut self, at: usize, length: usize) -> Printed<bool> {
        if length < 3 {
            put!(self, " [bad length {length}]");
            return Ok(true);
        }
        if !(length + 1).is_multiple_of(4) {
            put!(self, " [bad length {length}]");
        }
        let pointer = self.u8(at + 2)?;
        let next = u32::from(pointer).wrapping_sub(1);
        if next < 3 || !next.wrapping_add(1).is_multiple_of(4) || next > length as u32 + 1 {
            put!(self, " [bad ptr {pointer}]");
        }
        for place in (3..length).step_by(4) {
            if !self.has(at + place, 4) {
                return Ok(false);
            }
            put!(self, " ");
            self.print_ipv4(at + place)?;
            if next > place as u32 {
                put!(self, ",");
            }
        }
        Ok(true)
    }

    fn ipv4_timestamps(&mut self, at: usize, length: usize) -> Printed<bool> {
        if length < 4 {
            put!(self, "[bad length {length}]");
            return Ok(true);
        }
        put!(self, " TS{{");
        let flags = self.u8(at + 3)?;
        let kind = flags & 0x0f;
        let hop_bytes = if kind == 0 { 4 } else { 8 };
        if !(length - 4).is_multiple_of(hop_bytes) {
            put!(self, "[bad length {length}]");
        }
        let pointer = self.u8(at + 2)?;
        let next = u32::from(pointer).wrapping_sub(1);
        let in_step = next.wrapping_sub(4).is_multiple_of(hop_bytes as u32);
        if next < 4 || !in_step || next > length as u32 + 1 {
            put!(self, "[bad ptr {pointer}]");
        }
        let mut place = 0;
        let name = match kind {
            0 => Some("TSONLY"),
            1 => Some("TS+ADDR"),
            3 => Some("PRESPEC"),
            _ => None,
        };
        if let Some(name) = name {
            put!(self, "{name}");
            place = 4;
            while place < length {
                if !self.has(at + place, hop_bytes) {
                    return Ok(false);
                }
                put!(self, "{}", if next == place as u32 { " ^ " } else { " " });
                put!(self, "{}@", self.u32(at + place + hop_bytes - 4)?);
                if hop_bytes == 8 {
                    self.print_ipv4(at + place)?;
                }
                place += hop_bytes;
            }
        } else {
            put!(self, "[bad ts type {kind}]");
        }
        put!(self, "{}", if next == place as u32 { " ^ " } else { "" });
        match flags >> 4 {
            0 => put!(self, "}}"),
            lost => put!(self, " [{lost} hops not recorded]}} "),
        }
        Ok(true)
    }

    /// Where the destination address is that a checksum covers: the last of a source route
    /// (RFC 1122 3.2.1.8), or the header's.
    pub fn ipv4_final_destination(&self, header_at: usize) -> Printed<usize> {
        let own = header_at + 16;
        let mut at = header_at + 20;
        let mut left = (usize::from(self.u8(header_at)? & 0x0f) * 4).saturating_sub(20);
        while left > 0 {
            let kind = self.u8(at)?;
            let option_bytes = match kind {
                END => break,
                NOP => 1,
                _ => usize::from(self.u8(at + 1)?),
            };
            if option_bytes == 0 || option_bytes > left || !self.has(at, option_bytes) {
                break;
            }
            if (kind == LOOSE_ROUTE || kind == STRICT_ROUTE) && option_bytes >= 7 {
                return Ok(at + option_bytes - 4);
            }
            at += option_bytes;
            left -= option_bytes;
        }
        Ok(own)
    }
}
