//! What DNS records say, by their types.

use super::dns::Message;
use super::printer::{Printed, Printer, put};

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const PTR: u16 = 12;
const MX: u16 = 15;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const A6: u16 = 38;
const DNAME: u16 = 39;
const UNSPECIFIED: u16 = 104;
const TSIG: u16 = 250;
const URI: u16 = 256;

impl Printer<'_> {
    /// What a record says; false if that is cut off.
    pub fn record_data(
        &mut self,
        kind: u16,
        at: usize,
        end: usize,
        message: Message,
    ) -> Printed<bool> {
        match kind {
            A if !self.has(at, 4) => return Ok(false),
            A => put!(self, " {}", self.ipv4_address(at)?),
            AAAA if !self.has(at, 16) => return Ok(false),
            AAAA => {
                put!(self, " ");
                self.print_ipv6_number(self.ipv6_address(at)?)?;
            }
            NS | CNAME | PTR | DNAME => {
                put!(self, " ");
                return Ok(self.domain_name(at, message.at)?.is_some());
            }
            SOA if self.options.verbosity > 0 => return self.start_of_authority(at, message),
            MX => {
                put!(self, " ");
                if !self.has(at, 2) || self.domain_name(at + 2, message.at)?.is_none() {
                    return Ok(false);
                }
                put!(self, " {}", self.u16(at)?);
            }
            SRV => {
                put!(self, " ");
                if !self.has(at, 6) || self.domain_name(at + 6, message.at)?.is_none() {
                    return Ok(false);
                }
                let (priority, weight) = (self.u16(at)?, self.u16(at + 2)?);
                put!(self, ":{} {priority} {weight}", self.u16(at + 4)?);
            }
            TXT => {
                let mut at = at;
                while at < end {
                    put!(self, " \"");
                    let length = usize::from(self.u8(at)?);
                    if !self.print_text(at + 1, length)? {
                        return Ok(false);
                    }
                    put!(self, "\"");
                    at += 1 + length;
                }
            }
            A6 => return self.a6(at, message),
            URI => {
                put!(self, " {} {} ", self.u16(at)?, self.u16(at + 2)?);
                return match (end - at).checked_sub(4) {
                    Some(length) => self.print_text(at + 4, length),
                    None => self.print_text(at + 4, self.available(at + 4)).map(|_| false),
                };
            }
            UNSPECIFIED => return self.print_text(at, end - at),
            TSIG if self.options.verbosity > 0 => return self.transaction_signature(at, message),
            _ => {}
        }
        Ok(true)
    }

    fn start_of_authority(&mut self, at: usize, message: Message) -> Printed<bool> {
        let mut at = at;
        for _ in 0..2 {
            put!(self, " ");
            match self.domain_name(at, message.at)? {
                Some(end) => at = end,
                None => return Ok(false),
            }
        }
        if !self.has(at, 20) {
            return Ok(false);
        }
        for index in 0..5 {
            put!(self, " {}", self.u32(at + index * 4)?);
        }
        Ok(true)
    }

    /// RFC 2874 3.1, historic.
    fn a6(&mut self, at: usize, message: Message) -> Printed<bool> {
        let prefix = self.u8(at)?;
        let skipped = usize::from(prefix / 8);
        if prefix > 128 {
            put!(self, " {prefix}(bad plen)");
            return Ok(true);
        }
        if prefix < 128 {
            let mut address = [0; 16];
            let there = self.bytes(at + 1, 16 - skipped)?;
            for (to, from) in address.iter_mut().skip(skipped).zip(there) {
                *to = *from;
            }
            put!(self, " {prefix} ");
            self.print_ipv6_number(address.into())?;
        }
        if prefix > 0 {
            put!(self, " ");
            return Ok(self.domain_name(at + 17 - skipped, message.at)?.is_some());
        }
        Ok(true)
    }

    /// RFC 8945 4.2.
    fn transaction_signature(&mut self, at: usize, message: Message) -> Printed<bool> {
        put!(self, " ");
        let Some(end) = self.domain_name(at, message.at)? else { return Ok(false) };
        let mut at = end + 6;
        for name in ["fudge", "maclen", "origid", "error", "otherlen"] {
            if !self.has(at, 2) {
                return Ok(false);
            }
            let value = self.u16(at)?;
            put!(self, " {name}={value}");
            at += 2 + if name == "maclen" { usize::from(value) } else { 0 };
        }
        Ok(true)
    }
}
