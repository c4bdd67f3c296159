//! Options of EDNS (RFC 6891 6.1.2), in OPT records.

use super::dns_tables::{ALGORITHMS, DENIAL_DIGESTS, DIGESTS, EDNS_OPTIONS};
use super::printer::{Printed, Printer, Table, Unknown, put};

impl Printer<'_> {
    /// Options up to `end`; false if one is cut off.
    pub fn edns_options(&mut self, at: usize, end: usize) -> Printed<bool> {
        if at >= end {
            return Ok(true);
        }
        put!(self, " [");
        let mut at = at;
        while at < end {
            if !self.has(at, 2) {
                return Ok(false);
            }
            let kind = self.u16(at)?;
            self.print_name(EDNS_OPTIONS, kind.into(), Unknown::Decimal("Opt", ""))?;
            if !self.has(at + 2, 2) {
                return Ok(false);
            }
            let length = usize::from(self.u16(at + 2)?);
            if !self.has(at + 4, length) {
                return Ok(false);
            }
            if length > 0 {
                put!(self, " ");
                self.edns_option(kind, at + 4, length)?;
            }
            at += 4 + length;
            put!(self, "{}", if at < end { "," } else { "" });
        }
        put!(self, "]");
        Ok(true)
    }

    fn edns_option(&mut self, kind: u16, at: usize, length: usize) -> Printed {
        match (kind, length) {
            (5, _) => self.print_algorithms(ALGORITHMS, at, length)?,
            (6, _) => self.print_algorithms(DIGESTS, at, length)?,
            (7, _) => self.print_algorithms(DENIAL_DIGESTS, at, length)?,
            (8, _) => self.client_subnet(at, length)?,
            (9, 4) => put!(self, "{} sec", self.u32(at)?),
            (10, 8) => self.print_bytes(at, 8)?,
            (10, 16..=40) => {
                self.print_bytes(at, 8)?;
                put!(self, " ");
                self.print_bytes(at + 8, length - 8)?;
            }
            (11, 2) => {
                let tenths = self.u16(at)?;
                put!(self, "{}.{} sec", tenths / 10, tenths % 10);
            }
            (12, _) => put!(self, "({length})"),
            (13, _) => {
                // tcpdump takes the option's end for the start of the message: no pointer in the
                // name can be right.
                self.domain_name(at, at + length)?;
            }
            (14, _) if length.is_multiple_of(2) => {
                for index in (0..length).step_by(2) {
                    put!(self, "{}", if index == 0 { "" } else { " " });
                    put!(self, "{}", self.u16(at + index)?);
                }
            }
            (9 | 10 | 11 | 14, _) => self.print_invalid()?,
            _ => self.print_bytes(at, length)?,
        }
        Ok(())
    }

    fn print_algorithms(&mut self, names: &Table, at: usize, length: usize) -> Printed {
        for (index, &algorithm) in self.bytes(at, length)?.iter().enumerate() {
            put!(self, "{}", if index == 0 { "" } else { " " });
            self.print_name(names, algorithm.into(), Unknown::Decimal("Alg_", ""))?;
        }
        Ok(())
    }

    /// RFC 7871 6.
    fn client_subnet(&mut self, at: usize, length: usize) -> Printed {
        let Some(address_bytes) = length.checked_sub(4) else { return self.print_invalid() };
        let (family, source, scope) = (self.u16(at)?, self.u8(at + 2)?, self.u8(at + 3)?);
        let bits = match family {
            1 => 32,
            2 => 128,
            _ => 0,
        };
        let is_right = address_bytes <= usize::from(bits / 8)
            && source <= bits
            && scope <= bits
            && usize::from(source).div_ceil(8) == address_bytes;
        if bits == 0 || !is_right {
            return self.print_invalid();
        }
        let mut address = [0; 16];
        for (to, from) in address.iter_mut().zip(self.bytes(at + 4, address_bytes)?) {
            *to = *from;
        }
        if bits == 32 {
            let [a, b, c, d, ..] = address;
            put!(self, "{a}.{b}.{c}.{d}");
        } else {
            self.print_ipv6_number(address.into())?;
        }
        put!(self, "/{source}/{scope}");
        Ok(())
    }
}
