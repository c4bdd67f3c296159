//! IGMP (RFC 1112, 2236, 3376).

use super::checksum::Sum;
use super::printer::{Printed, Printer, Unknown, put};
use super::tables::GROUP_RECORDS;

/// The interval that is not worth a word, in tenths of a second: 10 s.
const USUAL_RESPONSE_TIME: u8 = 100;

impl Printer<'_> {
    /// A message of which `length` bytes were on the wire.
    pub fn igmp(&mut self, at: usize, length: u32) -> Printed {
        self.protocol = "igmp";
        if self.options.quietness > 0 {
            put!(self, "igmp");
            return Ok(());
        }
        let kind = self.u8(at)?;
        match kind {
            0x11 => {
                put!(self, "igmp query");
                if length >= 12 {
                    self.igmp_query_3(at, length)?;
                } else {
                    self.igmp_query(at, length)?;
                }
            }
            0x12 => {
                self.put_ipv4("igmp v1 report ", at + 4)?;
                if length != 8 {
                    put!(self, " [len {length}]");
                }
            }
            0x16 => {
                self.put_ipv4("igmp v2 report ", at + 4)?;
            }
            0x17 => {
                self.put_ipv4("igmp leave ", at + 4)?;
            }
            0x22 => {
                put!(self, "igmp v3 report");
                self.igmp_report_3(at, length)?;
            }
            0x13 => put!(self, "igmp dvmrp"),
            0x14 => put!(self, "igmp pimv1"),
            0x1e => self.multicast_trace("mresp", at, length)?,
            0x1f => self.multicast_trace("mtrace", at, length)?,
            _ => put!(self, "igmp-{kind}"),
        }
        let length = length as usize;
        if self.options.verbosity > 0
            && length >= 4
            && self.has(at, length)
            && Sum::default().add(self.bytes(at, length)?).complement() != 0
        {
            put!(self, " bad igmp cksum {:x}!", self.u16(at + 2)?);
        }
        Ok(())
    }

    /// Versions 1 and 2.
    fn igmp_query(&mut self, at: usize, length: u32) -> Printed {
        match self.u8(at + 1)? {
            0 => put!(self, " v1"),
            USUAL_RESPONSE_TIME => put!(self, " v2"),
            time => put!(self, " v2 [max resp time {time}]"),
        }
        if self.u32(at + 4)? != 0 {
            self.put_ipv4(" [gaddr ", at + 4)?;
            put!(self, "]");
        }
        if length != 8 {
            put!(self, " [len {length}]");
        }
        Ok(())
    }

    fn igmp_query_3(&mut self, at: usize, length: u32) -> Printed {
        put!(self, " v3");
        if length < 12 || !length.is_multiple_of(4) {
            put!(self, " [invalid len {length}]");
            return Ok(());
        }
        let code = self.u8(at + 1)?;
        // From 128 on it is a floating point number (RFC 3376 4.1.1).
        let tenths = match u32::from(code) {
            code @ 0..128 => code,
            code => (code & 0x0f | 0x10) << ((code >> 4 & 7) + 3),
        };
        if code != USUAL_RESPONSE_TIME {
            put!(self, " [max resp time ");
            if tenths < 600 {
                put!(self, "{}.{}s", tenths / 10, tenths % 10);
            } else {
                self.print_duration(tenths / 10)?;
            }
            put!(self, "]");
        }
        if self.u32(at + 4)? == 0 {
            return Ok(());
        }
        self.put_ipv4(" [gaddr ", at + 4)?;
        let sources = u32::from(self.u16(at + 10)?);
        if sources > 0 {
            if length < 12 + sources * 4 {
                put!(self, " [invalid number of sources]");
            } else if self.options.verbosity > 1 {
                self.igmp_sources(at + 12, sources)?;
            } else {
                put!(self, ", {sources} source(s)");
            }
        }
        put!(self, "]");
        Ok(())
    }

    fn igmp_sources(&mut self, at: usize, count: u32) -> Printed {
        put!(self, " {{");
        for index in 0..count as usize {
            self.put_ipv4(" ", at + index * 4)?;
        }
        put!(self, " }}");
        Ok(())
    }

    fn igmp_report_3(&mut self, at: usize, length: u32) -> Printed {
        if length < 16 || !length.is_multiple_of(4) {
            put!(self, " [invalid len {length}]");
            return Ok(());
        }
        let groups = self.u16(at + 6)?;
        put!(self, ", {groups} group record(s)");
        if self.options.verbosity == 0 {
            return Ok(());
        }
        let mut place = 8;
        for _ in 0..groups {
            if length < place + 8 {
                put!(self, " [invalid number of groups]");
                return Ok(());
            }
            let record_at = at + place as usize;
            self.put_ipv4(" [gaddr ", record_at + 4)?;
            put!(self, " ");
            let kind = self.u8(record_at)?;
            self.print_name(GROUP_RECORDS, kind.into(), Unknown::Decimal(" [v3-report-#", "]"))?;
            let sources = u32::from(self.u16(record_at + 2)?);
            if length < place + 8 + sources * 4 {
                put!(self, " [invalid number of sources {sources}]");
                return Ok(());
            }
            if self.options.verbosity == 1 {
                put!(self, ", {sources} source(s)");
            } else {
                self.igmp_sources(record_at + 8, sources)?;
            }
            place += 8 + sources * 4;
            put!(self, "]");
        }
        Ok(())
    }

    fn multicast_trace(&mut self, name: &str, at: usize, length: u32) -> Printed {
        if length < 24 {
            put!(self, " [invalid len {length}]");
            return Ok(());
        }
        self.bytes(at + 8, 16)?;
        put!(self, "{name} {}: ", self.u24(at + 21)?);
        self.print_ipv4(at + 8)?;
        self.put_ipv4(" to ", at + 12)?;
        self.put_ipv4(" reply-to ", at + 16)?;
        if self.ipv4_address(at + 16)?.is_multicast() {
            put!(self, " with-ttl {}", self.u8(at + 20)?);
        }
        Ok(())
    }
}
