//! Extension headers of IPv6 (RFC 8200 4).

use super::ipv6::header;
use super::printer::{Printed, Printer, put};

const FRAGMENT_BYTES: usize = 8;
const HEADER_BYTES: usize = 40;
const OFFSET: u16 = 0xfff8;

const PAD_1: u8 = 0;
const PAD_N: u8 = 1;
const ROUTER_ALERT: u8 = 0x05;
const JUMBO: u8 = 0xc2;
const HOME_ADDRESS: u8 = 0xc9;

/// Routing headers: the deprecated one, Mobile IPv6's and that of segment routing.
const ROUTING_0: u8 = 0;
const ROUTING_2: u8 = 2;
const ROUTING_SEGMENTS: u8 = 4;

/// What the options of a hop-by-hop header may change.
struct Jumbo<'a> {
    payload: &'a mut u32,
    found: &'a mut bool,
}

impl Printer<'_> {
    /// Its bytes, or `None` if it is cut off.
    pub fn hop_by_hop(
        &mut self,
        at: usize,
        payload: &mut u32,
        found: &mut bool,
    ) -> Printed<Option<usize>> {
        self.protocol = "hbhopt";
        let Some(length) = self.options_header(at)? else { return Ok(None) };
        put!(self, "HBH ");
        self.ipv6_options(at + 2, length - 2, Some(Jumbo { payload, found }), length)
    }

    /// Its bytes, or `None` if it is cut off.
    pub fn destination_options(&mut self, at: usize) -> Printed<Option<usize>> {
        self.protocol = "dstopt";
        let Some(length) = self.options_header(at)? else { return Ok(None) };
        put!(self, "DSTOPT ");
        if self.options.verbosity == 0 {
            return Ok(Some(length));
        }
        self.ipv6_options(at + 2, length - 2, None, length)
    }

    fn options_header(&mut self, at: usize) -> Printed<Option<usize>> {
        let length = (usize::from(self.u8(at + 1)?) + 1) * 8;
        if self.has(at, length) {
            return Ok(Some(length));
        }
        self.print_truncated()?;
        Ok(None)
    }

    /// The options of a header of `header_bytes`; that number if they are whole.
    fn ipv6_options(
        &mut self,
        at: usize,
        length: usize,
        mut jumbo: Option<Jumbo<'_>>,
        header_bytes: usize,
    ) -> Printed<Option<usize>> {
        let mut place = 0;
        let mut jumbo_seen = false;
        while place < length {
            let option_at = at + place;
            let left = length - place;
            let kind = self.u8(option_at)?;
            let option_bytes = match kind {
                PAD_1 => 1,
                _ if left < 2 => return self.options_truncated(),
                _ => usize::from(self.u8(option_at + 1)?) + 2,
            };
            if option_bytes > left {
                return self.options_truncated();
            }
            let is_whole = match kind {
                JUMBO => self.jumbo_option(option_at, left, &mut jumbo, &mut jumbo_seen)?,
                _ => self.ipv6_option(kind, option_at, option_bytes, left)?,
            };
            if !is_whole {
                return self.options_truncated();
            }
            place += option_bytes;
        }
        if self.options.verbosity > 0 {
            put!(self, " ");
        }
        Ok(Some(header_bytes))
    }

    fn options_truncated(&mut self) -> Printed<Option<usize>> {
        self.print_truncated()?;
        Ok(None)
    }

    /// One option; false if it is wrong.
    fn ipv6_option(&mut self, kind: u8, at: usize, length: usize, left: usize) -> Printed<bool> {
        let verbose = self.options.verbosity > 0;
        match kind {
            ROUTER_ALERT => {
                if !self.is_long_enough(at, left, "rtalert", 4, true)? {
                    return Ok(false);
                }
                if verbose {
                    put!(self, "(rtalert: 0x{:04x}) ", self.u16(at + 2)?);
                }
            }
            HOME_ADDRESS => {
                if !self.is_long_enough(at, left, "homeaddr", 18, false)? {
                    return Ok(false);
                }
                if verbose {
                    put!(self, "(homeaddr: ");
                    self.print_ipv6(at + 2)?;
                    if !self.suboptions(at + 18, length - 18)? {
                        return Ok(false);
                    }
                    put!(self, ")");
                }
            }
            PAD_1 if verbose => put!(self, "(pad1)"),
            PAD_N if verbose => put!(self, "(padn)"),
            PAD_1 | PAD_N => {}
            _ if verbose => put!(self, "(opt_type 0x{kind:02x}: len={})", self.u8(at + 1)?),
            _ => {}
        }
        Ok(true)
    }

    /// Is an option as long as it must be?
    fn is_long_enough(
        &mut self,
        at: usize,
        left: usize,
        name: &str,
        length: usize,
        is_exact: bool,
    ) -> Printed<bool> {
        if left < length {
            put!(self, "({name}: trunc)");
            return Ok(false);
        }
        let field = usize::from(self.u8(at + 1)?);
        if field < length - 2 || (is_exact && field > length - 2) {
            put!(self, "({name}: invalid len {field})");
            return Ok(false);
        }
        Ok(true)
    }

    /// A payload above 65,535 bytes (RFC 2675); false if the option is wrong.
    fn jumbo_option(
        &mut self,
        at: usize,
        left: usize,
        jumbo: &mut Option<Jumbo<'_>>,
        seen: &mut bool,
    ) -> Printed<bool> {
        if !self.is_long_enough(at, left, "jumbo", 6, true)? {
            return Ok(false);
        }
        let length = self.u32(at + 2)?;
        let remark = match jumbo {
            _ if *seen => " - already seen",
            None => " - not a hop-by-hop option",
            Some(jumbo) if *jumbo.payload != 0 => " - payload len != 0",
            Some(_) if length < 65_536 => " - < 65536",
            Some(jumbo) => {
                *jumbo.payload = length;
                *jumbo.found = true;
                ""
            }
        };
        *seen = true;
        if self.options.verbosity > 0 {
            put!(self, "(jumbo: {length}{remark}) ");
        }
        Ok(true)
    }

    fn suboptions(&mut self, at: usize, length: usize) -> Printed<bool> {
        let mut place = 0;
        while place < length {
            let kind = self.u8(at + place)?;
            let left = length - place;
            let option_bytes = match kind {
                PAD_1 => 1,
                _ if left < 2 => return Ok(false),
                _ => usize::from(self.u8(at + place + 1)?) + 2,
            };
            if option_bytes > left {
                return Ok(false);
            }
            match kind {
                PAD_1 => put!(self, ", pad1"),
                PAD_N => put!(self, ", padn"),
                _ => put!(self, ", sopt_type 0x{kind:02x}: len={}", option_bytes - 2),
            }
            place += option_bytes;
        }
        Ok(true)
    }

    /// Its bytes, or `None` if this is not the first fragment.
    pub fn fragment_header(&mut self, at: usize, header_at: usize) -> Printed<Option<usize>> {
        self.protocol = "frag6";
        let offset = self.u16(at + 2)? & OFFSET;
        let total = HEADER_BYTES + usize::from(self.u16(header_at + 4)?);
        // As tcpdump counts: a length that is too short for the headers wraps.
        let payload = (total as u64)
            .wrapping_sub((at - header_at) as u64)
            .wrapping_sub(FRAGMENT_BYTES as u64);
        if self.options.verbosity > 0 {
            put!(self, "frag (0x{:08x}:{offset}|{payload})", self.u32(at + 4)?);
        } else {
            put!(self, "frag ({offset}|{payload})");
        }
        if offset != 0 {
            return Ok(None);
        }
        put!(self, " ");
        Ok(Some(FRAGMENT_BYTES))
    }

    /// Its bytes, or `None` if it is not understood.
    pub fn routing_header(&mut self, at: usize) -> Printed<Option<usize>> {
        self.protocol = "rt6";
        put!(self, "RT6");
        let length = usize::from(self.u8(at + 1)?);
        put!(self, " (len={length}");
        let kind = self.u8(at + 2)?;
        put!(self, ", type={kind}");
        if kind == ROUTING_0 {
            put!(self, " [Deprecated]");
        }
        put!(self, ", segleft={}", self.u8(at + 3)?);
        let verbose = self.options.verbosity > 0;
        match kind {
            ROUTING_0 | ROUTING_2 => {
                let reserved = self.u32(at + 4)?;
                if reserved != 0 || verbose {
                    put!(self, ", rsv=0x{reserved:x}");
                }
            }
            ROUTING_SEGMENTS => {
                put!(self, ", last-entry={}", self.u8(at + 4)?);
                let flags = self.u8(at + 5)?;
                if flags != 0 || verbose {
                    put!(self, ", flags=0x{flags:x}");
                }
                put!(self, ", tag={:x}", self.u16(at + 6)?);
            }
            _ => {
                put!(self, " (unknown type)");
                self.print_invalid()?;
                return Ok(None);
            }
        }
        if length % 2 == 1 {
            put!(self, " (invalid length {length})");
            self.print_invalid()?;
            return Ok(None);
        }
        for index in 0..length / 2 {
            self.ipv6_address(at + 8 + index * 16)?;
            put!(self, ", [{index}]");
            self.print_ipv6(at + 8 + index * 16)?;
        }
        put!(self, ") ");
        Ok(Some((length + 1) * 8))
    }

    /// Where the destination address is that a checksum covers: the last of a routing header, or
    /// the first header's (RFC 8200 8.1).
    pub fn ipv6_final_destination(&self, header_at: usize) -> Printed<usize> {
        let own = header_at + 24;
        let mut next = self.u8(header_at + 6)?;
        let mut at = header_at + HEADER_BYTES;
        while self.end > at {
            match next {
                header::HOP_BY_HOP | header::DESTINATION => {
                    next = self.u8(at)?;
                    at += (usize::from(self.u8(at + 1)?) + 1) * 8;
                }
                header::FRAGMENT => {
                    next = self.u8(at)?;
                    at += FRAGMENT_BYTES;
                }
                header::ROUTING => return self.routing_destination(at, own),
                _ => break,
            }
        }
        Ok(own)
    }

    fn routing_destination(&self, at: usize, own: usize) -> Printed<usize> {
        let length = usize::from(self.u8(at + 1)?);
        let segments = length / 2;
        if length % 2 == 1 || segments == 0 {
            return Ok(own);
        }
        let last = match self.u8(at + 2)? {
            ROUTING_0 | ROUTING_2 => at + 8 + (segments - 1) * 16,
            // Segments are listed backwards (RFC 8754 2).
            ROUTING_SEGMENTS => at + 8,
            _ => own,
        };
        Ok(if self.has(last, 16) { last } else { own })
    }
}
