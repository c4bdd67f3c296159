//! Ethernet (RFC 894), 802.3 and VLAN tags (802.1Q).

use super::printer::{Printed, Printer, Unknown, put};
use super::tables::ETHERTYPES;

const ADDRESSES_BYTES: usize = 12;
const HEADER_BYTES: usize = 14;
/// A type or length field up to this is a length.
const LENGTH_MAX: u16 = 1500;

/// What can be in an Ethernet frame.
mod ethertype {
    pub const IPV4: u16 = 0x0800;
    pub const ARP: u16 = 0x0806;
    pub const REVERSE_ARP: u16 = 0x8035;
    pub const IPV6: u16 = 0x86dd;
    pub const JUMBO: u16 = 0x8870;
    /// 802.1Q and the three that are used for a second tag.
    pub const TAGS: [u16; 4] = [0x8100, 0x9100, 0x9200, 0x88a8];
}

/// The addresses of a frame, for what names them later.
#[derive(Clone, Copy)]
pub struct Addresses {
    /// Where the destination address is; the source address follows.
    destination_at: usize,
}

impl Printer<'_> {
    /// A frame at `at` that had `length` bytes on the wire. Returns the bytes of its header.
    pub fn ethernet(&mut self, at: usize, length: usize) -> Printed<usize> {
        self.protocol = "ether";
        let captured = self.available(at);
        if captured < HEADER_BYTES {
            self.print_truncated()?;
            return Ok(captured);
        }
        let addresses = Addresses { destination_at: at };
        if self.options.link_header {
            self.print_addresses(addresses)?;
        }
        let mut field_at = at + ADDRESSES_BYTES;
        let mut field = self.u16(field_at)?;
        let mut is_length_printed = false;
        while ethertype::TAGS.contains(&field) {
            let tag_at = field_at + 2;
            if !self.has(tag_at, 4) {
                self.protocol = "vlan";
                self.print_truncated()?;
                return Ok(captured);
            }
            if self.options.link_header {
                self.print_ethertype(field)?;
                if is_length_printed {
                    put!(self, ", ");
                } else {
                    put!(self, ", length {length}: ");
                    is_length_printed = true;
                }
                let tag = self.u16(tag_at)?;
                let dei = if tag & 0x1000 == 0 { "" } else { ", DEI" };
                put!(self, "vlan {}, p {}{dei}, ", tag & 0xfff, tag >> 13);
            }
            field_at = tag_at + 2;
            field = self.u16(field_at)?;
        }
        let payload_at = field_at + 2;
        let header_bytes = payload_at - at;
        let payload = length.saturating_sub(header_bytes);
        if field <= LENGTH_MAX {
            let payload = payload.min(field.into());
            let end = self.narrow(payload_at + payload);
            if self.options.link_header {
                put!(self, "802.3");
                if !is_length_printed {
                    put!(self, ", length {payload}: ");
                }
            }
            let llc_bytes = self.llc_or_raw(payload_at, payload, addresses)?;
            self.end = end;
            return Ok(header_bytes + llc_bytes);
        }
        if field == ethertype::JUMBO {
            return Ok(header_bytes + self.llc_or_raw(payload_at, payload, addresses)?);
        }
        if self.options.link_header {
            self.print_ethertype(field)?;
            if is_length_printed {
                put!(self, ", ");
            } else {
                put!(self, ", length {length}: ");
            }
        }
        if !self.ethertype(field, payload_at, payload)? {
            if !self.options.link_header {
                self.print_addresses(addresses)?;
                self.print_ethertype(field)?;
                put!(self, ", length {length}: ");
            }
            self.print_raw(payload_at, self.available(payload_at))?;
        }
        Ok(header_bytes)
    }

    fn llc_or_raw(&mut self, at: usize, length: usize, addresses: Addresses) -> Printed<usize> {
        let header = self.llc(at, length, addresses)?;
        if !header.is_payload_printed {
            // The dump starts where the payload of Ethernet does.
            self.print_raw(at, self.available(at))?;
        }
        Ok(header.bytes)
    }

    /// The payload of an EtherType; false if there is nothing to say about it.
    pub fn ethertype(&mut self, ethertype: u16, at: usize, length: usize) -> Printed<bool> {
        match ethertype {
            ethertype::IPV4 => self.ipv4(at, length as u32)?,
            ethertype::IPV6 => self.ipv6(at, length as u32)?,
            ethertype::ARP | ethertype::REVERSE_ARP => self.arp(at, length)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn print_addresses(&mut self, addresses: Addresses) -> Printed {
        self.print_source(addresses)?;
        put!(self, " > ");
        self.print_destination(addresses)?;
        put!(self, ", ");
        Ok(())
    }

    /// The frame's source address.
    pub fn print_source(&mut self, addresses: Addresses) -> Printed {
        self.print_mac(addresses.destination_at + 6)
    }

    /// The frame's destination address.
    pub fn print_destination(&mut self, addresses: Addresses) -> Printed {
        self.print_mac(addresses.destination_at)
    }

    fn print_ethertype(&mut self, ethertype: u16) -> Printed {
        if self.options.quietness > 0 {
            let unknown = Unknown::Hex4("Unknown Ethertype (", ")");
            return self.print_name(ETHERTYPES, ethertype.into(), unknown);
        }
        put!(self, "ethertype ");
        self.print_name(ETHERTYPES, ethertype.into(), Unknown::Text("Unknown"))?;
        put!(self, " (0x{ethertype:04x})");
        Ok(())
    }
}
