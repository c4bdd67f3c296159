//! Neighbor discovery (RFC 4861, 4191, 8106).

use core::net::Ipv6Addr;

use super::printer::{Printed, Printer, Table, Unknown, put};

const SOURCE_LINK_ADDRESS: u8 = 1;
const TARGET_LINK_ADDRESS: u8 = 2;
const PREFIX: u8 = 3;
const REDIRECTED: u8 = 4;
const MTU: u8 = 5;
const ADVERTISEMENT_INTERVAL: u8 = 7;
const HOME_AGENT: u8 = 8;
const ROUTE: u8 = 24;
const NAME_SERVERS: u8 = 25;
const SEARCH_DOMAINS: u8 = 31;

const OPTIONS: &Table = &[
    (1, "source link-address"),
    (2, "destination link-address"),
    (3, "prefix info"),
    (4, "redirected header"),
    (5, "mtu"),
    (25, "rdnss"),
    (31, "dnssl"),
    (7, "advertisement interval"),
    (8, "homeagent information"),
    (24, "route info"),
];

const ROUTER_FLAGS: &Table =
    &[(0x80, "managed"), (0x40, "other stateful"), (0x20, "home agent"), (0x02, "ipv6 only")];
const NEIGHBOR_FLAGS: &Table =
    &[(0x8000_0000, "router"), (0x4000_0000, "solicited"), (0x2000_0000, "override")];
const PREFIX_FLAGS: &Table = &[(0x80, "onlink"), (0x40, "auto"), (0x20, "router")];

/// RFC 4191 2.1.
const fn preference(flags: u8) -> &'static str {
    match flags >> 3 & 3 {
        0 => "medium",
        1 => "high",
        2 => "rsv",
        _ => "low",
    }
}

impl Printer<'_> {
    /// A router advertisement with `-v`; false if it is cut off.
    pub fn router_advertisement(&mut self, at: usize, length: u32) -> Printed<bool> {
        let flags = self.u8(at + 5)?;
        // What the line shows is read before any of it is printed.
        self.bytes(at, 16)?;
        put!(self, "\n\thop limit {}, Flags [", self.u8(at + 4)?);
        self.print_flags(ROUTER_FLAGS, flags.into(), ", ")?;
        let lifetime = self.u16(at + 6)?;
        put!(self, "], pref {}, router lifetime {lifetime}s", preference(flags));
        let (reachable, retransmit) = (self.u32(at + 8)?, self.u32(at + 12)?);
        put!(self, ", reachable time {reachable}ms, retrans timer {retransmit}ms");
        self.neighbor_options(at, 16, length)
    }

    /// A neighbor advertisement; false if it is cut off.
    pub fn neighbor_advertisement(&mut self, at: usize, length: u32) -> Printed<bool> {
        self.put_ipv6(", tgt is ", at + 8)?;
        if self.options.verbosity == 0 {
            return Ok(true);
        }
        let flags = self.u32(at + 4)?;
        put!(self, ", Flags [");
        self.print_flags(NEIGHBOR_FLAGS, flags, ", ")?;
        put!(self, "]");
        self.neighbor_options(at, 24, length)
    }

    /// The options behind the first `fixed` bytes of a message of `length`; false if one is cut
    /// off.
    pub fn neighbor_options(&mut self, at: usize, fixed: usize, length: u32) -> Printed<bool> {
        let first_at = at + fixed;
        let mut option_at = first_at;
        let mut left = i64::from(length) - fixed as i64;
        while option_at < self.end {
            if !self.has(option_at + 1, 1) {
                return Ok(false);
            }
            if left <= 0 {
                return Ok(true);
            }
            let kind = self.u8(option_at)?;
            let units = usize::from(self.u8(option_at + 1)?);
            let option_bytes = units * 8;
            if units == 0 || option_at + option_bytes > self.end {
                return Ok(false);
            }
            put!(self, "\n\t  ");
            self.print_name(OPTIONS, kind.into(), Unknown::Text("unknown"))?;
            put!(self, " option ({kind}), length {option_bytes} ({units}): ");
            match self.neighbor_option(kind, option_at, first_at, units)? {
                Shown::Whole => {}
                Shown::Cut => return Ok(false),
                Shown::Unknown if self.options.verbosity <= 1 => {
                    self.print_unknown(option_at + 2, "\n\t  ", option_bytes - 2)?;
                    return Ok(true);
                }
                Shown::Unknown => {}
            }
            if self.options.verbosity > 1 {
                self.print_unknown(option_at + 2, "\n\t    ", option_bytes - 2)?;
            }
            option_at += option_bytes;
            left -= option_bytes as i64;
        }
        Ok(true)
    }

    fn neighbor_option(
        &mut self,
        kind: u8,
        at: usize,
        first_at: usize,
        units: usize,
    ) -> Printed<Shown> {
        match kind {
            SOURCE_LINK_ADDRESS | TARGET_LINK_ADDRESS => {
                self.print_link_address(at + 2, units * 8 - 2)?;
            }
            PREFIX => self.prefix_option(at, units)?,
            // tcpdump shows the first option of the message here.
            REDIRECTED => self.print_unknown(first_at, "\n\t    ", units * 8)?,
            MTU => {
                let wrong = if units == 1 { "" } else { "bad option length" };
                put!(self, " {}{wrong}", self.u32(at + 4)?);
            }
            NAME_SERVERS => {
                put!(self, " lifetime {}s,", self.u32(at + 4)?);
                for index in 0..(units - 1) / 2 {
                    self.put_ipv6(" addr: ", at + 8 + index * 16)?;
                }
            }
            SEARCH_DOMAINS => {
                put!(self, " lifetime {}s, domain(s):", self.u32(at + 4)?);
                let mut name_at = at + 8;
                while name_at < at + units * 8 && self.u8(name_at)? != 0 {
                    put!(self, " ");
                    match self.domain_name(name_at, first_at)? {
                        Some(next) => name_at = next,
                        None => return Ok(Shown::Cut),
                    }
                }
            }
            ADVERTISEMENT_INTERVAL => put!(self, " {}ms", self.u32(at + 4)?),
            HOME_AGENT => {
                let (preference, lifetime) = (self.u16(at + 4)?, self.u16(at + 6)?);
                put!(self, " preference {preference}, lifetime {lifetime}");
            }
            ROUTE => return self.route_option(at, units),
            _ => return Ok(Shown::Unknown),
        }
        Ok(Shown::Whole)
    }

    fn prefix_option(&mut self, at: usize, units: usize) -> Printed {
        // What the first part shows is read before any of it is printed.
        self.bytes(at, 8)?;
        self.print_ipv6(at + 16)?;
        put!(self, "/{}{}", self.u8(at + 2)?, if units == 4 { "" } else { "badlen" });
        put!(self, ", Flags [");
        self.print_flags(PREFIX_FLAGS, self.u8(at + 3)?.into(), ", ")?;
        put!(self, "], valid time ");
        self.print_lifetime(at + 4)?;
        self.u32(at + 8)?;
        put!(self, ", pref. time ");
        self.print_lifetime(at + 8)
    }

    fn route_option(&mut self, at: usize, units: usize) -> Printed<Shown> {
        if !self.has(at + 4, 4) || units > 3 {
            return Ok(Shown::Cut);
        }
        let mut prefix = [0; 16];
        let there = self.bytes(at + 8, (units - 1) * 8)?;
        for (to, from) in prefix.iter_mut().zip(there) {
            *to = *from;
        }
        put!(self, " ");
        self.print_ipv6_number(Ipv6Addr::from(prefix))?;
        put!(self, "/{}, pref={}", self.u8(at + 2)?, preference(self.u8(at + 3)?));
        put!(self, ", lifetime=");
        self.print_lifetime(at + 4)?;
        Ok(Shown::Whole)
    }

    fn print_lifetime(&mut self, at: usize) -> Printed {
        match self.u32(at)? {
            u32::MAX => put!(self, "infinity"),
            seconds => put!(self, "{seconds}s"),
        }
        Ok(())
    }
}

/// What became of an option.
enum Shown {
    /// It was printed.
    Whole,
    /// It is wrong or cut off.
    Cut,
    /// It is of no known kind.
    Unknown,
}
