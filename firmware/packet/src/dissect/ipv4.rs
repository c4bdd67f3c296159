//! IPv4 (RFC 791), and which protocol comes above IP.

use core::net::IpAddr;

use super::checksum::{Sum, should_be};
use super::printer::{Printed, Printer, Stop, Table, Unknown, put};
use super::tables::IP_PROTOCOLS;
use crate::limits::NESTED_PACKETS;

const HEADER_BYTES: u32 = 20;
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET: u16 = 0x1fff;

const FLAGS: &Table = &[(0x2000, "+"), (0x4000, "DF"), (0x8000, "rsvd")];

/// Protocols above IP.
pub mod protocol {
    pub const ICMP: u8 = 1;
    pub const IGMP: u8 = 2;
    pub const IPV4: u8 = 4;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    pub const DCCP: u8 = 33;
    pub const IPV6: u8 = 41;
    pub const ICMPV6: u8 = 58;
    pub const NONE: u8 = 59;
    /// Disk protocol of Sun's network disks, `nd`.
    pub const NETWORK_DISK: u8 = 77;
    pub const SCTP: u8 = 132;
    pub const ETHERNET: u8 = 143;
    /// Their printers print the addresses, with the ports.
    pub const WITH_PORTS: [u8; 4] = [TCP, UDP, SCTP, DCCP];
}

/// The IP header below a protocol.
#[derive(Clone, Copy)]
pub struct Below {
    /// Where it is.
    pub at: usize,
    /// 4 or 6.
    pub version: u8,
    /// A part of a datagram: its checksum says nothing.
    pub is_fragment: bool,
}

impl Printer<'_> {
    /// A packet of which `length` bytes were on the wire.
    pub fn ipv4(&mut self, at: usize, length: u32) -> Printed {
        self.protocol = "ip";
        let version = self.u8(at)? >> 4;
        if version != 4 {
            match version {
                6 => put!(self, "IP6, wrong link-layer encapsulation"),
                _ => put!(self, "IP{version}"),
            }
            return self.print_invalid();
        }
        if !self.options.link_header {
            put!(self, "IP ");
        }
        if !self.has(at, HEADER_BYTES as usize) {
            return self.print_truncated();
        }
        if length < HEADER_BYTES {
            put!(self, "truncated-ip {length}");
            return Ok(());
        }
        let header_bytes = u32::from(self.u8(at)? & 0x0f) * 4;
        if header_bytes < HEADER_BYTES {
            put!(self, "bad-hlen {header_bytes}");
            return Ok(());
        }
        let total = u32::from(self.u16(at + 2)?);
        if length < total {
            put!(self, "truncated-ip - {} bytes missing! ", total - length);
        }
        if total < header_bytes {
            put!(self, "bad-len {total}");
            return Ok(());
        }
        let end = self.narrow(at + total as usize);
        let printed = self.ipv4_inside(at, header_bytes, total - header_bytes);
        self.end = end;
        printed
    }

    fn ipv4_inside(&mut self, at: usize, header_bytes: u32, payload: u32) -> Printed {
        let offset_field = self.u16(at + 6)?;
        let protocol = self.u8(at + 9)?;
        if self.options.verbosity > 0 && !self.ipv4_details(at, header_bytes as usize)? {
            self.print_ipv4_pair(at)?;
            put!(self, ": ");
            return self.print_truncated();
        }
        if offset_field & OFFSET != 0 {
            if self.options.quietness > 1 {
                return Ok(());
            }
            self.print_ipv4_pair(at)?;
            put!(self, ":");
            return self.print_ip_protocol(protocol);
        }
        if !protocol::WITH_PORTS.contains(&protocol) {
            self.print_ipv4_pair(at)?;
            put!(self, ": ");
        }
        if !self.has(at, header_bytes as usize) {
            let captured = self.available(at);
            put!(self, " [remaining caplen({captured}) < header length({header_bytes})]");
            return Err(Stop::Truncated);
        }
        let is_fragment = offset_field & MORE_FRAGMENTS != 0;
        let below = Below { at, version: 4, is_fragment };
        self.above_ip(protocol, at + header_bytes as usize, payload, below)
    }

    /// What `-v` adds; false if an option is cut off.
    fn ipv4_details(&mut self, at: usize, header_bytes: usize) -> Printed<bool> {
        let service = self.u8(at + 1)?;
        let congestion = match service & 3 {
            1 => ",ECT(1)",
            2 => ",ECT(0)",
            3 => ",CE",
            _ => "",
        };
        put!(self, "(tos 0x{service:x}{congestion}");
        let time_to_live = self.u8(at + 8)?;
        if time_to_live > 0 {
            put!(self, ", ttl {time_to_live}");
        }
        let offset_field = self.u16(at + 6)?;
        let offset = u32::from(offset_field & OFFSET) * 8;
        put!(self, ", id {}, offset {offset}, flags [", self.u16(at + 4)?);
        self.print_flags(FLAGS, offset_field.into(), ", ")?;
        put!(self, "], proto ");
        let protocol = self.u8(at + 9)?;
        self.print_name(IP_PROTOCOLS, protocol.into(), Unknown::Text("unknown"))?;
        put!(self, " ({protocol}), length {}", self.u16(at + 2)?);
        let mut whole = true;
        let options_bytes = header_bytes - HEADER_BYTES as usize;
        if options_bytes > 0 {
            put!(self, ", options (");
            whole = self.ipv4_options(at + HEADER_BYTES as usize, options_bytes)?;
            if !whole {
                put!(self, " [truncated-option]");
            }
            put!(self, ")");
        }
        if self.has(at, header_bytes) {
            let complement = Sum::default().add(self.bytes(at, header_bytes)?).complement();
            if complement != 0 {
                let field = self.u16(at + 10)?;
                put!(self, ", bad cksum {field:x} (->{:x})!", should_be(field, complement));
            }
        }
        put!(self, ")\n    ");
        Ok(whole)
    }

    fn print_ipv4_pair(&mut self, at: usize) -> Printed {
        self.print_ipv4(at + 12)?;
        put!(self, " > ");
        self.print_ipv4(at + 16)
    }

    /// The protocol above IP: `length` bytes of it were on the wire.
    pub fn above_ip(&mut self, protocol: u8, at: usize, length: u32, below: Below) -> Printed {
        match protocol {
            protocol::TCP => self.tcp(at, length, below),
            protocol::UDP => self.udp(at, length, below),
            protocol::ICMP if below.version == 4 => self.icmp(at, length, below),
            protocol::ICMPV6 if below.version == 6 => self.icmp6(at, length, below),
            protocol::IGMP if below.version == 4 => self.igmp(at, length),
            protocol::ICMP | protocol::IGMP => self.misplaced(protocol, 4),
            protocol::ICMPV6 => self.misplaced(protocol, 6),
            protocol::ETHERNET if below.version != 6 => self.misplaced(protocol, 6),
            protocol::IPV4 => self.nested(|inner| inner.ipv4(at, length)),
            protocol::IPV6 => self.nested(|inner| inner.ipv6(at, length)),
            protocol::NONE => {
                put!(self, "no next header");
                Ok(())
            }
            protocol::NETWORK_DISK => {
                put!(self, " nd {length}");
                Ok(())
            }
            _ => {
                if protocol::WITH_PORTS.contains(&protocol) {
                    // tcpdump knows these, and prints their ports here.
                    self.print_pair(below)?;
                    put!(self, ":");
                }
                self.print_ip_protocol(protocol)?;
                put!(self, " {length}");
                Ok(())
            }
        }
    }

    fn misplaced(&mut self, protocol: u8, version: u8) -> Printed {
        put!(self, "[");
        self.print_name(IP_PROTOCOLS, protocol.into(), Unknown::Text("unknown"))?;
        put!(self, " requires IPv{version}]");
        self.print_invalid()
    }

    /// Prints a packet within a packet.
    pub fn nested(&mut self, print: impl FnOnce(&mut Self) -> Printed) -> Printed {
        if self.nesting >= NESTED_PACKETS {
            put!(self, " [nested too deep]");
            return Ok(());
        }
        self.nesting += 1;
        let printed = print(self);
        self.nesting -= 1;
        printed
    }

    /// `source > destination` of the header below.
    pub fn print_pair(&mut self, below: Below) -> Printed {
        if below.version == 4 {
            return self.print_ipv4_pair(below.at);
        }
        self.print_ipv6(below.at + 8)?;
        put!(self, " > ");
        self.print_ipv6(below.at + 24)
    }

    /// Source and destination of the header below.
    pub fn addresses(&self, below: Below) -> Printed<(IpAddr, IpAddr)> {
        let at = below.at;
        Ok(if below.version == 4 {
            (self.ipv4_address(at + 12)?.into(), self.ipv4_address(at + 16)?.into())
        } else {
            (self.ipv6_address(at + 8)?.into(), self.ipv6_address(at + 24)?.into())
        })
    }

    /// Does the IP header itself name this protocol? If not, other headers are between.
    pub fn follows_directly(&self, below: Below, protocol: u8) -> Printed<bool> {
        let field = if below.version == 4 { 9 } else { 6 };
        Ok(self.u8(below.at + field)? == protocol)
    }

    /// The complement of the checksum over a transport protocol's `length` bytes and the
    /// pseudo-header (RFC 9293 3.1, RFC 8200 8.1); all of them must be there.
    pub fn transport_sum(
        &self,
        below: Below,
        protocol: u8,
        at: usize,
        length: usize,
    ) -> Printed<u16> {
        let sum = Sum::default();
        let header = if below.version == 4 {
            let destination_at = self.ipv4_final_destination(below.at)?;
            let [high, low] = (length as u16).to_be_bytes();
            sum.add(self.bytes(below.at + 12, 4)?)
                .add(self.bytes(destination_at, 4)?)
                .add(&[0, protocol, high, low])
        } else {
            let destination_at = self.ipv6_final_destination(below.at)?;
            sum.add(self.bytes(below.at + 8, 16)?)
                .add(self.bytes(destination_at, 16)?)
                .add(&(length as u32).to_be_bytes())
                .add(&[0, 0, 0, protocol])
        };
        Ok(header.add(self.bytes(at, length)?).complement())
    }
}
