//! IPv6 (RFC 8200).

use super::ipv4::{Below, protocol};
use super::printer::{Printed, Printer, Unknown, put};
use super::tables::IP_PROTOCOLS;

const HEADER_BYTES: usize = 40;

/// Extension headers.
pub mod header {
    pub const HOP_BY_HOP: u8 = 0;
    pub const ROUTING: u8 = 43;
    pub const FRAGMENT: u8 = 44;
    pub const AUTHENTICATION: u8 = 51;
    pub const DESTINATION: u8 = 60;
}

/// What came of the extension headers up to now.
struct Chain {
    /// The next header's kind, and the kind of the one before.
    next: u8,
    previous: Option<u8>,
    /// Where the next header is, and the bytes of payload from there on.
    at: usize,
    left: u32,
    is_fragment: bool,
    /// The payload length of the header, or of a jumbo payload option.
    payload: u32,
    found_hop_by_hop: bool,
    found_jumbo: bool,
}

impl Printer<'_> {
    /// A packet of which `length` bytes were on the wire.
    pub fn ipv6(&mut self, at: usize, length: u32) -> Printed {
        self.protocol = "ip6";
        if !self.has(at, HEADER_BYTES) {
            return self.print_truncated();
        }
        if length < HEADER_BYTES as u32 {
            put!(self, "truncated-ip6 {length}");
            return Ok(());
        }
        if !self.options.link_header {
            put!(self, "IP6 ");
        }
        let version = self.u8(at)? >> 4;
        if version != 6 {
            put!(self, "version error: {version} != 6");
            return Ok(());
        }
        let payload = u32::from(self.u16(at + 4)?);
        let mut total = length + HEADER_BYTES as u32;
        if payload != 0 {
            total = payload + HEADER_BYTES as u32;
            if length < total {
                put!(self, "truncated-ip6 - {} bytes missing!", total - length);
            }
        }
        let next = self.u8(at + 6)?;
        if self.options.verbosity > 0 {
            self.ipv6_details(at, next, payload)?;
        }
        let end = self.narrow(at + total as usize);
        let chain = Chain {
            next,
            previous: None,
            at: at + HEADER_BYTES,
            left: total - HEADER_BYTES as u32,
            is_fragment: false,
            payload,
            found_hop_by_hop: false,
            found_jumbo: false,
        };
        let printed = self.ipv6_inside(at, length, chain);
        self.end = end;
        printed
    }

    fn ipv6_details(&mut self, at: usize, next: u8, payload: u32) -> Printed {
        put!(self, "(");
        let flow = self.u32(at)?;
        if flow & 0x0ff0_0000 != 0 {
            put!(self, "class 0x{:02x}, ", (flow & 0x0ff0_0000) >> 20);
        }
        if flow & 0x000f_ffff != 0 {
            put!(self, "flowlabel 0x{:05x}, ", flow & 0x000f_ffff);
        }
        put!(self, "hlim {}, next-header ", self.u8(at + 7)?);
        self.print_name(IP_PROTOCOLS, next.into(), Unknown::Text("unknown"))?;
        put!(self, " ({next}) payload length: {payload}) ");
        Ok(())
    }

    /// The headers after the first, and what is above them.
    fn ipv6_inside(&mut self, header_at: usize, length: u32, mut chain: Chain) -> Printed {
        let mut below = Below { at: header_at, version: 6, is_fragment: false };
        if !protocol::WITH_PORTS.contains(&chain.next) {
            self.print_pair(below)?;
            put!(self, ": ");
        }
        loop {
            let advance = match chain.next {
                header::HOP_BY_HOP => {
                    if chain.found_hop_by_hop {
                        put!(self, "[The Hop-by-Hop Options header was already found]");
                        return self.print_invalid();
                    }
                    if chain.previous.is_some() {
                        put!(self, "[The Hop-by-Hop Options header don't follow the IPv6 header]");
                        return self.print_invalid();
                    }
                    chain.found_hop_by_hop = true;
                    let payload = &mut chain.payload;
                    let advance = self.hop_by_hop(chain.at, payload, &mut chain.found_jumbo)?;
                    if chain.payload == 0 && !chain.found_jumbo {
                        put!(self, "[No valid Jumbo Payload Hop-by-Hop option found]");
                        return self.print_invalid();
                    }
                    advance
                }
                header::DESTINATION => self.destination_options(chain.at)?,
                header::FRAGMENT => {
                    chain.is_fragment = true;
                    let advance = self.fragment_header(chain.at, header_at)?;
                    advance.filter(|&bytes| self.end > chain.at + bytes)
                }
                header::ROUTING if !self.has(chain.at, 1) => return self.print_truncated(),
                header::ROUTING => self.routing_header(chain.at)?,
                _ => break,
            };
            let Some(advance) = advance else { return Ok(()) };
            chain.previous = Some(chain.next);
            chain.next = self.u8(chain.at)?;
            self.protocol = "ip6";
            let Some(left) = chain.left.checked_sub(advance as u32) else {
                return self.print_truncated();
            };
            chain.left = left;
            chain.at += advance;
        }
        if chain.found_jumbo {
            let total = chain.payload.wrapping_add(HEADER_BYTES as u32);
            let passed = (chain.at - header_at) as u32;
            let Some(left) = total.checked_sub(passed) else { return self.print_truncated() };
            if length < total {
                put!(self, "truncated-ip6 - {} bytes missing!", total - length);
            }
            chain.left = left;
        } else if chain.payload == 0 {
            if chain.previous.is_some() {
                return self.print_truncated();
            }
            // No payload, whatever padding of the frame follows.
            chain.left = 0;
            self.narrow(chain.at);
        }
        below.is_fragment = chain.is_fragment;
        self.above_ip(chain.next, chain.at, chain.left, below)
    }
}
