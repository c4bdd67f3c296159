//! ICMPv6 (RFC 4443); its neighbor discovery and multicast messages are in files of their own.

use super::checksum::should_be;
use super::ipv4::{Below, protocol};
use super::ipv6::header;
use super::printer::{Printed, Printer, Table, Unknown, put};
use crate::Transport;

const UNREACHABLE: u8 = 1;
const TOO_BIG: u8 = 2;
const TIME_EXCEEDED: u8 = 3;
const PARAMETER_PROBLEM: u8 = 4;
const ECHO: u8 = 128;
const ECHO_REPLY: u8 = 129;
const LISTENER_QUERY: u8 = 130;
const LISTENER_REPORT: u8 = 131;
const LISTENER_DONE: u8 = 132;
const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOR_SOLICITATION: u8 = 135;
const NEIGHBOR_ADVERTISEMENT: u8 = 136;
const REDIRECT: u8 = 137;
const INVERSE_SOLICITATION: u8 = 141;
const INVERSE_ADVERTISEMENT: u8 = 142;
const LISTENER_REPORT_2: u8 = 143;
const HOME_AGENT_REQUEST: u8 = 144;
const HOME_AGENT_REPLY: u8 = 145;
const MOBILE_PREFIX_SOLICITATION: u8 = 146;
const MOBILE_PREFIX_ADVERTISEMENT: u8 = 147;

const NAMES: &Table = &[
    (1, "destination unreachable"),
    (2, "packet too big"),
    (3, "time exceeded in-transit"),
    (4, "parameter problem"),
    (128, "echo request"),
    (129, "echo reply"),
    (130, "multicast listener query"),
    (131, "multicast listener report"),
    (132, "multicast listener done"),
    (133, "router solicitation"),
    (134, "router advertisement"),
    (135, "neighbor solicitation"),
    (136, "neighbor advertisement"),
    (137, "redirect"),
    (138, "router renumbering"),
    (141, "inverse neighbor solicitation"),
    (142, "inverse neighbor advertisement"),
    (143, "multicast listener report v2"),
    (144, "ha discovery request"),
    (145, "ha discovery reply"),
    (146, "mobile router solicitation"),
    (147, "mobile router advertisement"),
    (139, "who-are-you request"),
    (140, "who-are-you reply"),
    (201, "mtrace message"),
    (200, "mtrace response"),
    (155, "RPL"),
];

/// Messages that are printed over several lines with `-v`: their length comes first.
const LONG: [u8; 7] = [
    ROUTER_SOLICITATION,
    ROUTER_ADVERTISEMENT,
    NEIGHBOR_ADVERTISEMENT,
    NEIGHBOR_SOLICITATION,
    REDIRECT,
    HOME_AGENT_REPLY,
    MOBILE_PREFIX_ADVERTISEMENT,
];

const UNREACHABLE_CODES: &Table = &[
    (0, "unreachable route"),
    (1, " unreachable prohibited"),
    (2, "beyond scope"),
    (3, "unreachable address"),
    (4, "unreachable port"),
];

/// Where the quoted packet is in a message.
const QUOTE: usize = 8;

impl Printer<'_> {
    /// A message of which `length` bytes were on the wire.
    pub fn icmp6(&mut self, at: usize, length: u32, below: Below) -> Printed {
        self.protocol = "icmp6";
        if length == 0 {
            put!(self, "ICMP6, length 0");
            return self.print_invalid();
        }
        let verbose = self.options.verbosity > 0;
        if verbose && !below.is_fragment && self.has(at, length as usize) {
            let field = self.u16(at + 2)?;
            match self.transport_sum(below, protocol::ICMPV6, at, length as usize)? {
                0 => put!(self, "[icmp6 sum ok] "),
                complement => {
                    let right = should_be(field, complement);
                    put!(self, "[bad icmp6 cksum 0x{field:04x} -> 0x{right:04x}!] ");
                }
            }
        }
        let kind = self.u8(at)?;
        put!(self, "ICMP6, ");
        self.print_name(NAMES, kind.into(), Unknown::Decimal("unknown icmp6 type (", ")"))?;
        if verbose && LONG.contains(&kind) {
            put!(self, ", length {length}");
        }
        let code = self.u8(at + 1)?;
        let is_whole = match kind {
            UNREACHABLE => {
                if self.icmp6_is_strange(code) {
                    put!(self, ", unknown unreach code ({code})");
                    return self.print_unknown(at, "\n\t", length as usize);
                }
                self.icmp6_unreachable(at, code)?
            }
            TOO_BIG => {
                put!(self, ", mtu {}", self.u32(at + 4)?);
                true
            }
            TIME_EXCEEDED => self.icmp6_time_exceeded(at, code)?,
            PARAMETER_PROBLEM => self.icmp6_problem(at, code)?,
            ECHO | ECHO_REPLY => {
                put!(self, ", id {}, seq {}", self.u16(at + 4)?, self.u16(at + 6)?);
                true
            }
            LISTENER_QUERY => self.listener_query(at, length)?,
            LISTENER_REPORT | LISTENER_DONE => self.listener(at)?,
            LISTENER_REPORT_2 => self.listener_report_2(at, length)?,
            ROUTER_SOLICITATION => !verbose || self.neighbor_options(at, 8, length)?,
            ROUTER_ADVERTISEMENT => !verbose || self.router_advertisement(at, length)?,
            NEIGHBOR_SOLICITATION => {
                self.put_ipv6(", who has ", at + 8)?;
                !verbose || self.neighbor_options(at, 24, length)?
            }
            NEIGHBOR_ADVERTISEMENT => self.neighbor_advertisement(at, length)?,
            REDIRECT => {
                self.put_ipv6(", ", at + 24)?;
                self.put_ipv6(" to ", at + 8)?;
                !verbose || self.neighbor_options(at, 40, length)?
            }
            INVERSE_SOLICITATION | INVERSE_ADVERTISEMENT => true,
            HOME_AGENT_REQUEST
            | HOME_AGENT_REPLY
            | MOBILE_PREFIX_SOLICITATION
            | MOBILE_PREFIX_ADVERTISEMENT => self.icmp6_mobile(at, kind, length)?,
            _ => {
                put!(self, ", length {length}");
                if self.options.verbosity <= 1 {
                    self.print_unknown(at, "\n\t", length as usize)?;
                }
                return Ok(());
            }
        };
        if !is_whole {
            return self.print_truncated();
        }
        if !verbose {
            put!(self, ", length {length}");
        }
        Ok(())
    }

    /// An unknown code is shown with the message.
    fn icmp6_is_strange(&self, code: u8) -> bool {
        code > 4 && self.options.verbosity <= 1
    }

    fn icmp6_unreachable(&mut self, at: usize, code: u8) -> Printed<bool> {
        put!(self, ", ");
        let unknown = Unknown::Decimal("unknown unreach code (", ")");
        self.print_name(UNREACHABLE_CODES, code.into(), unknown)?;
        let quote = at + QUOTE;
        match code {
            0 | 1 | 3 => {
                self.put_ipv6(" ", quote + 24)?;
            }
            2 => {
                self.put_ipv6(" ", quote + 24)?;
                self.put_ipv6(", source address ", quote + 8)?;
            }
            4 => {
                let Some((protocol, ports_at)) = self.quoted_ports(quote)? else {
                    return Ok(false);
                };
                let port = self.u16(ports_at + 2)?;
                self.put_ipv6(", ", quote + 24)?;
                let is_tcp = protocol == protocol::TCP;
                put!(self, " {} port ", if is_tcp { "tcp" } else { "udp" });
                let transport = if is_tcp { Transport::Tcp } else { Transport::Udp };
                self.print_port(transport, port)?;
            }
            _ => {}
        }
        Ok(true)
    }

    /// Which transport protocol a quoted packet has, and where; `None` if none is to be found.
    fn quoted_ports(&self, quote: usize) -> Printed<Option<(u8, usize)>> {
        if !self.has(quote, 7) {
            return Ok(None);
        }
        let mut next = self.u8(quote + 6)?;
        let mut at = quote;
        let mut advance = 40;
        while at < self.end {
            at += advance;
            if !self.has(at, 4) {
                return Ok(None);
            }
            match next {
                protocol::UDP | protocol::TCP => return Ok(Some((next, at))),
                header::HOP_BY_HOP | header::DESTINATION | header::ROUTING => {
                    advance = (usize::from(self.u8(at + 1)?) + 1) * 8;
                }
                header::FRAGMENT if self.u16(at + 2)? & 0xfff8 != 0 => return Ok(None),
                header::FRAGMENT => advance = 8,
                header::AUTHENTICATION => advance = (usize::from(self.u8(at + 1)?) + 2) * 4,
                _ => return Ok(None),
            }
            next = self.u8(at)?;
        }
        Ok(None)
    }

    fn icmp6_time_exceeded(&mut self, at: usize, code: u8) -> Printed<bool> {
        match code {
            0 => {
                self.put_ipv6(" for ", at + QUOTE + 24)?;
            }
            1 => put!(self, " (reassembly)"),
            _ => put!(self, ", unknown code ({code})"),
        }
        Ok(true)
    }

    fn icmp6_problem(&mut self, at: usize, code: u8) -> Printed<bool> {
        if !self.has(at + QUOTE + 24, 16) {
            return Ok(false);
        }
        let problem = match code {
            0 => "erroneous",
            1 => "next header",
            2 => "option",
            3 => "incomplete header chain",
            _ => {
                put!(self, ", code-#{code}");
                return Ok(true);
            }
        };
        put!(self, ", {problem} - octet {}", self.u32(at + 4)?);
        Ok(true)
    }

    /// RFC 6275 6.5 to 6.8.
    fn icmp6_mobile(&mut self, at: usize, kind: u8, length: u32) -> Printed<bool> {
        let verbose = self.options.verbosity > 0;
        let is_request = kind == HOME_AGENT_REQUEST || kind == MOBILE_PREFIX_SOLICITATION;
        if !is_request && !verbose {
            return Ok(true);
        }
        put!(self, ", id 0x{:04x}", self.u16(at + 4)?);
        if kind == HOME_AGENT_REPLY {
            for place in (8..length as usize).step_by(16) {
                self.put_ipv6(", ", at + place)?;
            }
        }
        if kind == MOBILE_PREFIX_ADVERTISEMENT {
            let flags = self.u16(at + 6)?;
            let blank = if flags & 0xc000 == 0 { "" } else { " " };
            let managed = if flags & 0x8000 == 0 { "" } else { "M" };
            let other = if flags & 0x4000 == 0 { "" } else { "O" };
            put!(self, "{blank}{managed}{other}");
            return self.neighbor_options(at, 8, length);
        }
        Ok(true)
    }
}
