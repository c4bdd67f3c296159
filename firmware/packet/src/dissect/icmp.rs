//! ICMP (RFC 792, 950, 1191, 1256).

use super::checksum::{Sum, should_be};
use super::ipv4::{Below, protocol};
use super::printer::{Printed, Printer, Stop, Table, Unknown, put};
use crate::Transport;

const ECHO_REPLY: u8 = 0;
const UNREACHABLE: u8 = 3;
const SOURCE_QUENCH: u8 = 4;
const REDIRECT: u8 = 5;
const ECHO: u8 = 8;
const ROUTER_ADVERTISEMENT: u8 = 9;
const TIME_EXCEEDED: u8 = 11;
const PARAMETER_PROBLEM: u8 = 12;
const TIMESTAMP: u8 = 13;
const TIMESTAMP_REPLY: u8 = 14;
const MASK_REPLY: u8 = 18;

/// Messages that quote the packet which caused them.
const ERRORS: [u8; 5] = [UNREACHABLE, SOURCE_QUENCH, REDIRECT, TIME_EXCEEDED, PARAMETER_PROBLEM];

const UNREACHABLE_PROTOCOL: u8 = 2;
const UNREACHABLE_PORT: u8 = 3;
const UNREACHABLE_NEED_FRAGMENT: u8 = 4;

const NAMES: &Table = &[
    (4, "source quench"),
    (10, "router solicitation"),
    (15, "information request"),
    (16, "information reply"),
    (17, "address mask request"),
];

/// Where the quoted packet is in a message.
const QUOTE: usize = 8;

impl Printer<'_> {
    /// A message of which `length` bytes were on the wire.
    pub fn icmp(&mut self, at: usize, length: u32, below: Below) -> Printed {
        self.protocol = "icmp";
        let kind = self.u8(at)?;
        let code = self.u8(at + 1)?;
        // tcpdump prints a message when it has read all of it: if it is cut off, not a word.
        let (needed, is_checked) = self.icmp_needed(at, kind, code)?;
        if !self.has(at, needed) {
            return if is_checked { self.print_truncated() } else { Err(Stop::Truncated) };
        }
        put!(self, "ICMP ");
        match kind {
            ECHO | ECHO_REPLY => {
                let name = if kind == ECHO { "request" } else { "reply" };
                put!(self, "echo {name}, id {}, seq {}", self.u16(at + 4)?, self.u16(at + 6)?);
            }
            UNREACHABLE => self.icmp_unreachable(at, code)?,
            REDIRECT => self.icmp_redirect(at, code)?,
            ROUTER_ADVERTISEMENT => self.icmp_routers(at)?,
            TIME_EXCEEDED => match code {
                0 => put!(self, "time exceeded in-transit"),
                1 => put!(self, "ip reassembly time exceeded"),
                _ => put!(self, "time exceeded-#{code}"),
            },
            PARAMETER_PROBLEM if code != 0 => put!(self, "parameter problem - code {code}"),
            PARAMETER_PROBLEM => put!(self, "parameter problem - octet {}", self.u8(at + 4)?),
            MASK_REPLY => put!(self, "address mask is 0x{:08x}", self.u32(at + 8)?),
            TIMESTAMP => {
                let (id, sequence) = (self.u16(at + 4)?, self.u16(at + 6)?);
                put!(self, "time stamp query id {id} seq {sequence}");
            }
            TIMESTAMP_REPLY => {
                let (id, sequence) = (self.u16(at + 4)?, self.u16(at + 6)?);
                put!(self, "time stamp reply id {id} seq {sequence}: org ");
                self.print_milliseconds(at + 8)?;
                put!(self, ", recv ");
                self.print_milliseconds(at + 12)?;
                put!(self, ", xmit ");
                self.print_milliseconds(at + 16)?;
            }
            _ => self.print_name(NAMES, kind.into(), Unknown::Decimal("type-#", ""))?,
        }
        put!(self, ", length {length}");
        if self.options.verbosity == 0 {
            return Ok(());
        }
        let length = length as usize;
        if !below.is_fragment && self.has(at, length) {
            let complement = Sum::default().add(self.bytes(at, length)?).complement();
            if complement != 0 {
                let field = self.u16(at + 2)?;
                let right = should_be(field, complement);
                put!(self, " (wrong icmp cksum {field:x} (->{right:x})!)");
            }
        }
        if ERRORS.contains(&kind) {
            put!(self, "\n\t");
            let quoted = self.u16(at + QUOTE + 2)?;
            let end = self.narrow(at + QUOTE + usize::from(quoted));
            // Read again within what it allows, as tcpdump does.
            self.u16(at + QUOTE + 2)?;
            self.nested(|inner| inner.ipv4(at + QUOTE, quoted.into()))?;
            self.end = end;
        }
        self.protocol = "icmp";
        if [UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM].contains(&kind) {
            self.icmp_extension(at, length)?;
        }
        Ok(())
    }

    /// How many bytes are read before the message is printed; and does tcpdump check that they are
    /// there, so that a dump behind the line does not show the link-level header?
    fn icmp_needed(&self, at: usize, kind: u8, code: u8) -> Printed<(usize, bool)> {
        const TO_PROTOCOL: usize = QUOTE + 10;
        const TO_DESTINATION: usize = QUOTE + 20;
        Ok(match kind {
            ECHO | ECHO_REPLY | TIMESTAMP => (8, false),
            UNREACHABLE if code == UNREACHABLE_PORT => {
                if !self.has(at, TO_PROTOCOL) {
                    return Ok((TO_PROTOCOL, true));
                }
                let header_bytes = usize::from(self.u8(at + QUOTE)? & 0x0f) * 4;
                (TO_DESTINATION.max(QUOTE + header_bytes + 4), false)
            }
            UNREACHABLE | REDIRECT => (TO_DESTINATION, false),
            TIME_EXCEEDED => (TO_DESTINATION, true),
            ROUTER_ADVERTISEMENT => match (self.u8(at + 4), self.u8(at + 5)) {
                (Ok(count), Ok(2)) => (8 + usize::from(count) * 8, true),
                _ => (8, true),
            },
            PARAMETER_PROBLEM if code == 0 => (5, false),
            MASK_REPLY => (12, false),
            TIMESTAMP_REPLY => (20, true),
            _ => (2, false),
        })
    }

    fn icmp_unreachable(&mut self, at: usize, code: u8) -> Printed {
        let quote = at + QUOTE;
        put!(
            self,
            "{}",
            match code {
                0 | 6 | 9 | 11 => "net ",
                1 | 7 | 10 | 12..=15 => "host ",
                _ => "",
            }
        );
        self.print_ipv4(quote + 16)?;
        let reason = match code {
            0 | 1 => " unreachable",
            UNREACHABLE_PROTOCOL => {
                put!(self, " protocol {} unreachable", self.u8(quote + 9)?);
                return Ok(());
            }
            UNREACHABLE_PORT => return self.icmp_unreachable_port(quote),
            UNREACHABLE_NEED_FRAGMENT => {
                put!(self, " unreachable - need to frag");
                let unit = self.u16(at + 6)?;
                if unit != 0 {
                    put!(self, " (mtu {unit})");
                }
                return Ok(());
            }
            5 => " unreachable - source route failed",
            6 | 7 => " unreachable - unknown",
            8 => " unreachable - source host isolated",
            9 | 10 => " unreachable - admin prohibited",
            11 | 12 => " unreachable - tos prohibited",
            13 => " unreachable - admin prohibited filter",
            14 => " unreachable - host precedence violation",
            15 => " unreachable - precedence cutoff",
            _ => {
                put!(self, " unreachable - #{code}");
                return Ok(());
            }
        };
        put!(self, "{reason}");
        Ok(())
    }

    fn icmp_unreachable_port(&mut self, quote: usize) -> Printed {
        let header_bytes = usize::from(self.u8(quote)? & 0x0f) * 4;
        let port = self.u16(quote + header_bytes + 2)?;
        let transport = match self.u8(quote + 9)? {
            protocol::TCP => Transport::Tcp,
            protocol::UDP => Transport::Udp,
            other => {
                put!(self, " protocol {other} port {port} unreachable");
                return Ok(());
            }
        };
        put!(self, " {} port ", if transport == Transport::Tcp { "tcp" } else { "udp" });
        self.print_port(transport, port)?;
        put!(self, " unreachable");
        Ok(())
    }

    fn icmp_redirect(&mut self, at: usize, code: u8) -> Printed {
        let (name, to) = match code {
            0 => ("redirect", "net "),
            1 => ("redirect", "host "),
            2 => ("redirect-tos", "net "),
            3 => ("redirect-tos", "host "),
            _ => ("", ""),
        };
        if name.is_empty() {
            put!(self, "redirect-#{code} ");
        } else {
            put!(self, "{name} ");
        }
        self.print_ipv4(at + QUOTE + 16)?;
        put!(self, " to {to}");
        self.print_ipv4(at + 4)
    }

    fn icmp_routers(&mut self, at: usize) -> Printed {
        put!(self, "router advertisement lifetime ");
        let lifetime = self.u16(at + 6)?;
        let (hours, minutes, seconds) = (lifetime / 3600, lifetime / 60 % 60, lifetime % 60);
        match lifetime {
            0..60 => put!(self, "{seconds}"),
            60..3600 => put!(self, "{minutes}:{seconds:02}"),
            _ => put!(self, "{hours}:{minutes:02}:{seconds:02}"),
        }
        let (count, words) = (self.u8(at + 4)?, self.u8(at + 5)?);
        put!(self, " {count}:");
        if words != 2 {
            put!(self, " [size {words}]");
            return Ok(());
        }
        for index in 0..usize::from(count) {
            put!(self, " {{");
            self.print_ipv4(at + 8 + index * 8)?;
            put!(self, " {}}}", self.u32(at + 12 + index * 8)?);
        }
        Ok(())
    }

    /// Milliseconds since midnight UTC.
    fn print_milliseconds(&mut self, at: usize) -> Printed {
        let milliseconds = self.u32(at)?;
        let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        put!(self, "{hours:02}:{minutes:02}:{:02}.{rest:03}", seconds % 60);
        Ok(())
    }
}
