//! DNS (RFC 1035, 6891) and multicast DNS (RFC 6762).

use super::dns_tables::{CLASSES, OPERATIONS, RESULTS, TYPES};
use super::printer::{Printed, Printer, Unknown, put};

const HEADER_BYTES: usize = 12;
const INTERNET: u16 = 1;
const INVERSE_QUERY: u16 = 1;
/// In multicast DNS, the top bit of the class: a unicast answer is asked for, or the cache is to be
/// flushed (RFC 6762 5.4, 10.2).
const MULTICAST_BIT: u16 = 0x8000;

const OPT: u16 = 41;

/// A message and whose it is.
#[derive(Clone, Copy)]
pub struct Message {
    /// Where it starts.
    pub at: usize,
    is_multicast: bool,
}

/// How many entries its sections have.
struct Counts {
    questions: u16,
    answers: u16,
    authorities: u16,
    additional: u16,
}

impl Printer<'_> {
    /// A message behind its length (RFC 1035 4.2.2).
    pub fn dns_over_tcp(&mut self, at: usize, length: usize) -> Printed {
        self.protocol = "domain";
        let Some(message) = length.checked_sub(2) else {
            put!(self, " [DNS over TCP: length {length} < 2]");
            return self.print_invalid();
        };
        let prefix = self.u16(at)?;
        if usize::from(prefix) != message {
            put!(self, " [prefix length({prefix}) != length({message})]");
            return self.print_invalid();
        }
        put!(self, " ");
        self.dns(at + 2, message, false)
    }

    /// A message of `length` bytes.
    pub fn dns(&mut self, at: usize, length: usize, is_multicast: bool) -> Printed {
        self.protocol = "domain";
        if length < HEADER_BYTES {
            put!(self, "domain [length {length} < {HEADER_BYTES}]");
            return self.print_invalid();
        }
        if !self.has(at, HEADER_BYTES) {
            return self.print_truncated();
        }
        let message = Message { at, is_multicast };
        let flags = self.u16(at + 2)?;
        let counts = Counts {
            questions: self.u16(at + 4)?,
            answers: self.u16(at + 6)?,
            authorities: self.u16(at + 8)?,
            additional: self.u16(at + 10)?,
        };
        put!(self, "{}{}", self.u16(at)?, operation(flags));
        let is_whole = if flags & 0x8000 != 0 {
            self.dns_answer(message, flags, &counts)?
        } else {
            self.dns_query(message, flags, &counts)?
        };
        if !is_whole {
            return self.print_truncated();
        }
        put!(self, " ({length})");
        Ok(())
    }

    fn dns_answer(&mut self, message: Message, flags: u16, counts: &Counts) -> Printed<bool> {
        let result = self.dns_result(message, flags, counts)?;
        match RESULTS.get(usize::from(result)) {
            Some(name) => put!(self, "{name}"),
            None => put!(self, " Resp{result}"),
        }
        // Authoritative, no recursion, cut off, authentic.
        for (bits, set, clear) in
            [(0x400, "*", ""), (0x80, "", "-"), (0x200, "|", ""), (0x20, "$", "")]
        {
            put!(self, "{}", if flags & bits != 0 { set } else { clear });
        }
        if counts.questions != 1 {
            put!(self, " [{}q]", counts.questions);
        }
        let mut at = message.at + HEADER_BYTES;
        for index in 0..counts.questions {
            put!(self, "{}", if index == 0 { "" } else { "," });
            let next = if self.options.verbosity > 1 {
                put!(self, " q:");
                self.question(at, message)?
            } else {
                self.skip_name(at).map(|end| end + 4)
            };
            let Some(next) = next else { return Ok(false) };
            at = next;
        }
        put!(self, " {}/{}/{}", counts.answers, counts.authorities, counts.additional);
        let mut place = Some(at);
        self.section(&mut place, message, "", counts.answers)?;
        if self.options.verbosity > 1 {
            self.section(&mut place, message, " ns:", counts.authorities)?;
            self.section(&mut place, message, " ar:", counts.additional)?;
        }
        Ok(place.is_some())
    }

    fn dns_query(&mut self, message: Message, flags: u16, counts: &Counts) -> Printed<bool> {
        let recursion = if flags & 0x100 != 0 { "+" } else { "" };
        let unchecked = if flags & 0x10 != 0 { "%" } else { "" };
        put!(self, "{recursion}{unchecked}");
        if flags & 0x06cf != 0 {
            put!(self, " [b2&3=0x{flags:x}]");
        }
        let Counts { questions, answers, authorities, additional } = *counts;
        if flags >> 11 & 15 == INVERSE_QUERY {
            if questions != 0 {
                put!(self, " [{questions}q]");
            }
            if answers != 1 {
                put!(self, " [{answers}a]");
            }
        } else {
            if answers != 0 {
                put!(self, " [{answers}a]");
            }
            if questions != 1 {
                put!(self, " [{questions}q]");
            }
        }
        if authorities != 0 {
            put!(self, " [{authorities}n]");
        }
        if additional != 0 {
            put!(self, " [{additional}au]");
        }
        let mut at = message.at + HEADER_BYTES;
        for index in 0..questions {
            if index > 0 && at >= self.end {
                return Ok(false);
            }
            match self.question(at, message)? {
                Some(next) => at = next,
                None => return Ok(false),
            }
        }
        let mut place = Some(at);
        if self.options.verbosity > 1 {
            self.section(&mut place, message, "", answers)?;
            self.section(&mut place, message, " ns:", authorities)?;
            self.section(&mut place, message, " ar:", additional)?;
        }
        Ok(place.is_some())
    }

    /// The result, with the upper bits that an OPT record has (RFC 6891 6.1.3).
    fn dns_result(&self, message: Message, flags: u16, counts: &Counts) -> Printed<u16> {
        let result = flags & 15;
        let mut at = message.at + HEADER_BYTES;
        for _ in 0..counts.questions {
            match self.skip_name(at) {
                Some(end) if end + 4 < self.end => at = end + 4,
                _ => return Ok(result),
            }
        }
        for _ in 0..u32::from(counts.answers) + u32::from(counts.authorities) {
            match self.skip_name(at) {
                Some(end) if end + 10 <= self.end => {
                    at = end + 10 + usize::from(self.u16(end + 8)?);
                }
                _ => return Ok(result),
            }
            if at >= self.end {
                return Ok(result);
            }
        }
        for _ in 0..counts.additional {
            let Some(end) = self.skip_name(at) else { return Ok(result) };
            if end + 5 > self.end {
                return Ok(result);
            }
            if self.u16(end)? == OPT {
                return Ok(result | u16::from(self.u8(end + 4)?) << 4);
            }
            if end + 10 > self.end {
                return Ok(result);
            }
            at = end + 10 + usize::from(self.u16(end + 8)?);
            if at >= self.end {
                return Ok(result);
            }
        }
        Ok(result)
    }

    /// A section of records from `place` on, where its end is put; `None` if it is cut off.
    fn section(
        &mut self,
        place: &mut Option<usize>,
        message: Message,
        name: &str,
        count: u16,
    ) -> Printed {
        let Some(mut at) = *place else { return Ok(()) };
        // The first section is begun even if nothing of it was captured.
        let is_named = !name.is_empty();
        for index in 0..count {
            if (is_named || index > 0) && at >= self.end {
                *place = None;
                return Ok(());
            }
            put!(self, "{}", if index == 0 { name } else { "," });
            match self.record(at, message)? {
                Some(next) => at = next,
                None => {
                    *place = None;
                    return Ok(());
                }
            }
        }
        *place = Some(at);
        Ok(())
    }

    /// A question; where it ends.
    fn question(&mut self, at: usize, message: Message) -> Printed<Option<usize>> {
        let Some(type_at) = self.skip_name(at).filter(|&end| self.has(end, 4)) else {
            return Ok(None);
        };
        put!(self, " ");
        self.print_name(TYPES, self.u16(type_at)?.into(), Unknown::Decimal("Type", ""))?;
        let field = self.u16(type_at + 2)?;
        let class = if message.is_multicast { field & !MULTICAST_BIT } else { field };
        self.print_class(class)?;
        if message.is_multicast {
            put!(self, "{}", if field & MULTICAST_BIT == 0 { " (QM)" } else { " (QU)" });
        }
        put!(self, "? ");
        Ok(self.domain_name(at, message.at)?.map(|end| end + 4))
    }

    fn print_class(&mut self, class: u16) -> Printed {
        if class != INTERNET {
            put!(self, " ");
            self.print_name(CLASSES, class.into(), Unknown::Decimal("(Class ", ")"))?;
        }
        Ok(())
    }

    /// A record; where it ends.
    fn record(&mut self, at: usize, message: Message) -> Printed<Option<usize>> {
        let verbosity = self.options.verbosity;
        let name_end = if verbosity > 0 {
            put!(self, " ");
            match self.domain_name(at, message.at)? {
                None => return Ok(None),
                end => end,
            }
        } else {
            self.skip_name(at)
        };
        let Some(type_at) = name_end.filter(|&end| self.has(end, 10)) else {
            return Ok(Some(self.end));
        };
        let kind = self.u16(type_at)?;
        let field = self.u16(type_at + 2)?;
        let class = if message.is_multicast { field & !MULTICAST_BIT } else { field };
        if kind != OPT {
            self.print_class(class)?;
        }
        if message.is_multicast && field & MULTICAST_BIT != 0 {
            put!(self, " (Cache flush)");
        }
        if kind != OPT && verbosity > 2 {
            put!(self, " [");
            self.print_duration(self.u32(type_at + 4)?)?;
            put!(self, "]");
        }
        let length = usize::from(self.u16(type_at + 8)?);
        let data_at = type_at + 10;
        let end = data_at + length;
        put!(self, " ");
        self.print_name(TYPES, kind.into(), Unknown::Decimal("Type", ""))?;
        if end > self.end {
            return Ok(None);
        }
        let is_whole = match kind {
            OPT => {
                put!(self, " UDPsize={class}");
                put!(self, "{}", if self.u16(type_at + 6)? & 0x8000 == 0 { "" } else { " DO" });
                self.edns_options(data_at, end)?
            }
            _ => self.record_data(kind, data_at, end, message)?,
        };
        Ok(is_whole.then_some(end))
    }
}

fn operation(flags: u16) -> &'static str {
    OPERATIONS.get(usize::from(flags >> 11 & 15)).copied().unwrap_or_default()
}
