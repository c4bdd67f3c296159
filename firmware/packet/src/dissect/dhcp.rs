//! Options of DHCP (RFC 2132, 3046, 3004, 3442, 4702).

use super::dhcp_tags::{Format, tag};
use super::printer::{Printed, Printer, Table, Unknown, lookup, put};

const PAD: u8 = 0;
const END: u8 = 255;
const NETBIOS_NODE: u8 = 46;
const OVERLOAD: u8 = 52;
const MESSAGE: u8 = 53;
const PARAMETERS: u8 = 55;
const CLIENT_ID: u8 = 61;
const USER_CLASS: u8 = 77;
const CLIENT_NAME: u8 = 81;
const AGENT: u8 = 82;
const ROUTES: u8 = 121;
const ROUTES_MICROSOFT: u8 = 249;

/// From this verbosity on padding and the end are shown too.
const SHOWS_PADDING: u8 = 3;

const MESSAGES: &Table = &[
    (1, "Discover"),
    (2, "Offer"),
    (3, "Request"),
    (4, "Decline"),
    (5, "ACK"),
    (6, "NACK"),
    (7, "Release"),
    (8, "Inform"),
    (10, "LeaseQuery"),
    (11, "LeaseUnassigned"),
    (12, "LeaseUnknown"),
    (13, "LeaseActive"),
];
const OVERLOADS: &Table = &[(1, "file"), (2, "sname"), (3, "file+sname")];
const NETBIOS_NODES: &Table = &[(1, "b-node"), (2, "p-node"), (4, "m-node"), (8, "h-node")];
const HARDWARE: &Table =
    &[(1, "ether"), (6, "ieee802"), (7, "arcnet"), (15, "frelay"), (23, "strip"), (24, "ieee1394")];
const AGENT_SUBOPTIONS: &Table = &[(1, "Circuit-ID"), (2, "Remote-ID"), (6, "Subscriber-ID")];

impl Printer<'_> {
    /// Options behind their cookie at `at`, up to the end of the message.
    pub fn dhcp(&mut self, at: usize) -> Printed {
        put!(self, "\n\t  Vendor-rfc1048 Extensions");
        put!(self, "\n\t    Magic Cookie 0x{:08x}", self.u32(at)?);
        let mut at = at + 4;
        let verbosity = self.options.verbosity;
        while self.has(at, 1) {
            let code = self.u8(at)?;
            at += 1;
            match code {
                PAD if verbosity < SHOWS_PADDING => continue,
                END if verbosity < SHOWS_PADDING => return Ok(()),
                _ => {}
            }
            let known = tag(code);
            let name = known.map_or("Unknown", |(name, _)| name);
            let length = if code == PAD || code == END {
                0
            } else {
                at += 1;
                usize::from(self.u8(at - 1)?)
            };
            put!(self, "\n\t    {name} ({code}), length {length}");
            put!(self, "{}", if length > 0 { ": " } else { "" });
            if code == PAD {
                let more = self.up_to(at, usize::MAX).iter().take_while(|&&b| b == PAD).count();
                at += more;
                if more > 0 {
                    put!(self, ", occurs {}", more + 1);
                }
            }
            if !self.has(at, length) {
                return self.print_truncated();
            }
            match self.dhcp_option(code, known.map(|(_, format)| format), at, length)? {
                0 => {}
                left => put!(self, "\n\t  trailing data length {left}"),
            }
            at += length;
        }
        Ok(())
    }

    /// The content of an option; how many bytes of it are not printed.
    fn dhcp_option(
        &mut self,
        code: u8,
        format: Option<Format>,
        at: usize,
        length: usize,
    ) -> Printed<usize> {
        if code == PARAMETERS {
            self.parameters(at, length)?;
            return Ok(0);
        }
        // What is not known looks as its length suggests.
        let guess = match length % 4 {
            0 => Format::Words,
            2 => Format::Shorts,
            _ => Format::Bytes,
        };
        let item_bytes = match format.unwrap_or(guess) {
            Format::Special => return self.special_option(code, at, length),
            Format::Text => {
                self.quoted(at, length)?;
                return Ok(0);
            }
            Format::Ipv4 | Format::Words | Format::SignedWords => 4,
            Format::Ipv4Pairs => 8,
            Format::Shorts => 2,
            Format::Bytes | Format::Switches => 1,
        };
        let format = format.unwrap_or(guess);
        let separator = if format == Format::Bytes { "." } else { "," };
        for place in (0..length / item_bytes).map(|index| index * item_bytes) {
            put!(self, "{}", if place == 0 { "" } else { separator });
            self.dhcp_item(format, at + place)?;
        }
        Ok(length % item_bytes)
    }

    fn dhcp_item(&mut self, format: Format, at: usize) -> Printed {
        match format {
            Format::Ipv4 => self.print_ipv4(at)?,
            Format::Words => put!(self, "{}", self.u32(at)?),
            Format::SignedWords => put!(self, "{}", self.u32(at)?.cast_signed()),
            Format::Ipv4Pairs => {
                put!(self, "(");
                self.print_ipv4(at)?;
                put!(self, ":");
                self.print_ipv4(at + 4)?;
                put!(self, ")");
            }
            Format::Shorts => put!(self, "{}", self.u16(at)?),
            Format::Bytes => put!(self, "{}", self.u8(at)?),
            Format::Switches => match self.u8(at)? {
                0 => put!(self, "N"),
                1 => put!(self, "Y"),
                other => put!(self, "{other}?"),
            },
            Format::Text | Format::Special => {}
        }
        Ok(())
    }

    fn quoted(&mut self, at: usize, length: usize) -> Printed<bool> {
        put!(self, "\"");
        let is_whole = self.print_text(at, length)?;
        put!(self, "\"");
        Ok(is_whole)
    }

    fn special_option(&mut self, code: u8, at: usize, length: usize) -> Printed<usize> {
        match code {
            MESSAGE if length == 1 => {
                let kind = self.u8(at)?.into();
                self.print_name(MESSAGES, kind, Unknown::Decimal("Unknown (", ")"))?;
            }
            // Of another length it is bytes like others.
            MESSAGE => return self.dhcp_option(code, Some(Format::Bytes), at, length),
            NETBIOS_NODE | OVERLOAD => {
                let Some(left) = length.checked_sub(1) else {
                    put!(self, "[ERROR: length < 1 bytes]");
                    return Ok(0);
                };
                let names = if code == OVERLOAD { OVERLOADS } else { NETBIOS_NODES };
                let value = self.u8(at)?.into();
                self.print_name(names, value, Unknown::Decimal("#", ""))?;
                return Ok(left);
            }
            CLIENT_NAME => self.client_name(at, length)?,
            CLIENT_ID => self.client_id(at, length)?,
            AGENT => return self.agent_information(at, length),
            ROUTES | ROUTES_MICROSOFT => self.classless_routes(at, length)?,
            USER_CLASS => self.user_classes(at, length)?,
            // Padding and the end have no content.
            _ => {}
        }
        Ok(0)
    }

    /// The names of the options that a client asks for, four a line.
    fn parameters(&mut self, at: usize, length: usize) -> Printed {
        for (index, &code) in self.bytes(at, length)?.iter().enumerate() {
            put!(self, "{}", if index.is_multiple_of(4) { "\n\t      " } else { ", " });
            put!(self, "{} ({code})", tag(code).map_or("Unknown", |(name, _)| name));
        }
        Ok(())
    }

    /// RFC 4702 2.
    fn client_name(&mut self, at: usize, length: usize) -> Printed {
        let Some(name_bytes) = length.checked_sub(3) else {
            put!(self, "[ERROR: length < 3 bytes]");
            return Ok(());
        };
        let flags = self.u8(at)?;
        if flags & 0xf0 != 0 {
            put!(self, "[ERROR: MBZ nibble 0x{:x} != 0] ", flags >> 4);
        }
        if flags & 0x0f != 0 {
            put!(self, "[");
            for (bit, letter) in [(1, 'S'), (2, 'O'), (4, 'E'), (8, 'N')] {
                if flags & bit != 0 {
                    put!(self, "{letter}");
                }
            }
            put!(self, "] ");
        }
        let (first, second) = (self.u8(at + 1)?, self.u8(at + 2)?);
        if first != 0 || second != 0 {
            put!(self, "{first}/{second} ");
        }
        self.quoted(at + 3, name_bytes).map(drop)
    }

    fn client_id(&mut self, at: usize, length: usize) -> Printed {
        let Some(id_bytes) = length.checked_sub(1) else {
            put!(self, "[ERROR: length < 1 bytes]");
            return Ok(());
        };
        let kind = self.u8(at)?;
        if kind == 0 {
            return self.quoted(at + 1, id_bytes).map(drop);
        }
        match lookup(HARDWARE, kind.into()) {
            Some(name) => put!(self, "{name} "),
            None => put!(self, "hardware-type {kind}, "),
        }
        self.print_link_address(at + 1, id_bytes)
    }

    /// RFC 3046 2.
    fn agent_information(&mut self, at: usize, length: usize) -> Printed<usize> {
        let mut at = at;
        let mut left = length;
        while left >= 2 {
            let (code, length) = (self.u8(at)?, usize::from(self.u8(at + 1)?));
            at += 2;
            left -= 2;
            put!(self, "\n\t      ");
            self.print_name(AGENT_SUBOPTIONS, code.into(), Unknown::Text("Unknown"))?;
            put!(self, " SubOption {code}, length {length}: ");
            if length > left {
                put!(self, "length goes past end of option");
                return Ok(0);
            }
            if lookup(AGENT_SUBOPTIONS, code.into()).is_some() {
                self.print_text(at, length)?;
            } else {
                self.print_unknown(at, "\n\t\t", length)?;
            }
            at += length;
            left -= length;
        }
        Ok(left)
    }

    /// RFC 3442.
    fn classless_routes(&mut self, at: usize, length: usize) -> Printed {
        if length < 5 {
            put!(self, "[ERROR: length < 5 bytes]");
            return Ok(());
        }
        let end = at + length;
        let mut at = at;
        let mut separator = "";
        while at < end {
            put!(self, "{separator}");
            separator = ",";
            let width = self.u8(at)?;
            at += 1;
            if width > 32 {
                put!(self, "[ERROR: Mask width ({width}) > 32]");
                return Ok(());
            }
            let octets = usize::from(width).div_ceil(8);
            let left = end - at;
            if left < octets + 4 {
                put!(self, "[ERROR: Remaining length ({left}) < {} bytes]", octets + 4);
                return Ok(());
            }
            put!(self, "(");
            if width == 0 {
                put!(self, "default");
            } else {
                for index in 0..4 {
                    put!(self, "{}", if index == 0 { "" } else { "." });
                    let octet = if index < octets { self.u8(at + index)? } else { 0 };
                    put!(self, "{octet}");
                }
                put!(self, "/{width}");
            }
            put!(self, ":");
            self.print_ipv4(at + octets)?;
            put!(self, ")");
            at += octets + 4;
        }
        Ok(())
    }

    /// RFC 3004 4.
    fn user_classes(&mut self, at: usize, length: usize) -> Printed {
        if length < 2 {
            put!(self, "[ERROR: length < 2 bytes]");
            return Ok(());
        }
        let end = at + length;
        let mut at = at;
        let mut number = 1;
        while at < end {
            let class_bytes = usize::from(self.u8(at)?);
            at += 1;
            put!(self, "\n\t      instance#{number}: ");
            if class_bytes == 0 {
                put!(self, "[ERROR: suboption length must be non-zero]");
                return Ok(());
            }
            if end - at < class_bytes {
                put!(self, "[ERROR: invalid option]");
                return Ok(());
            }
            self.quoted(at, class_bytes)?;
            put!(self, ", length {class_bytes}");
            number += 1;
            at += class_bytes;
        }
        Ok(())
    }
}
