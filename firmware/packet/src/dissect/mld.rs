//! Multicast listener discovery (RFC 2710, 3810).

use super::printer::{Printed, Printer, Unknown, put};
use super::tables::GROUP_RECORDS;

/// Bytes of a message of the first version.
const MESSAGE_BYTES: usize = 24;
const QUERY_2_BYTES: u32 = 28;
const RECORD_BYTES: u32 = 20;
const ADDRESS_BYTES: u32 = 16;

impl Printer<'_> {
    /// A message of the first version. One that is cut off says nothing.
    pub fn listener(&mut self, at: usize) -> Printed<bool> {
        if self.has(at, MESSAGE_BYTES) {
            put!(self, "max resp delay: {} addr: ", self.u16(at + 4)?);
            self.print_ipv6(at + 8)?;
        }
        Ok(true)
    }

    /// A query of either version.
    pub fn listener_query(&mut self, at: usize, length: u32) -> Printed<bool> {
        if length == MESSAGE_BYTES as u32 {
            return self.listener(at);
        }
        if length < QUERY_2_BYTES {
            put!(self, " unknown-version (len {length}) ");
            return Ok(true);
        }
        put!(self, " v2");
        let code = u32::from(self.u16(at + 4)?);
        // From 32,768 on it is a floating point number (RFC 3810 5.1.3).
        let delay = match code {
            0..0x8000 => code,
            _ => (code & 0x0fff | 0x1000) << ((code >> 12 & 7) + 3),
        };
        let verbose = self.options.verbosity > 0;
        if verbose {
            put!(self, " [max resp delay={delay}]");
        }
        self.put_ipv6(" [gaddr ", at + 8)?;
        if verbose {
            let flags = self.u8(at + 24)?;
            if flags & 8 != 0 {
                put!(self, " sflag");
            }
            if flags & 7 != 0 {
                put!(self, " robustness={}", flags & 7);
            }
            let interval = match u32::from(self.u8(at + 25)?) {
                code @ 0..128 => code,
                code => (code & 0x0f | 0x10) << ((code >> 4 & 7) + 3),
            };
            put!(self, " qqi={interval}");
        }
        let sources = u32::from(self.u16(at + 26)?);
        if sources > 0 {
            if length < QUERY_2_BYTES + sources * ADDRESS_BYTES {
                put!(self, " [invalid number of sources]");
            } else if self.options.verbosity > 1 {
                self.listener_sources(at + QUERY_2_BYTES as usize, sources)?;
            } else {
                put!(self, ", {sources} source(s)");
            }
        }
        put!(self, "]");
        Ok(true)
    }

    fn listener_sources(&mut self, at: usize, count: u32) -> Printed {
        put!(self, " {{");
        for index in 0..count as usize {
            self.put_ipv6(" ", at + index * ADDRESS_BYTES as usize)?;
        }
        put!(self, " }}");
        Ok(())
    }

    /// A report of the second version.
    pub fn listener_report_2(&mut self, at: usize, length: u32) -> Printed<bool> {
        if length < 8 {
            put!(self, " [invalid len {length}]");
            return Ok(true);
        }
        let groups = self.u16(at + 6)?;
        put!(self, ", {groups} group record(s)");
        if self.options.verbosity == 0 {
            return Ok(true);
        }
        let mut place = 8;
        for _ in 0..groups {
            if length < place + RECORD_BYTES {
                put!(self, " [invalid number of groups]");
                return Ok(true);
            }
            let record_at = at + place as usize;
            self.put_ipv6(" [gaddr ", record_at + 4)?;
            put!(self, " ");
            let kind = self.u8(record_at)?;
            self.print_name(GROUP_RECORDS, kind.into(), Unknown::Decimal(" [v2-report-#", "]"))?;
            let sources = u32::from(self.u16(record_at + 2)?);
            let record_bytes = RECORD_BYTES + sources * ADDRESS_BYTES;
            if length < place + record_bytes {
                put!(self, " [invalid number of sources {sources}]");
                return Ok(true);
            }
            if self.options.verbosity == 1 {
                put!(self, ", {sources} source(s)");
            } else {
                self.listener_sources(record_at + RECORD_BYTES as usize, sources)?;
            }
            place += record_bytes;
            put!(self, "]");
        }
        Ok(true)
    }
}
