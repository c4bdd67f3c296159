//! Reading a frame and printing it: what all protocols share.
//!
//! Places in the frame are offsets from its first byte. They and sums of them may lie behind its
//! end: every read is checked against [`Printer::end`].

use core::fmt::{self, Write};
use core::net::{Ipv4Addr, Ipv6Addr};

use super::conversations::Conversations;
use super::{Frame, Options};
use crate::{Names, Transport};

/// Why printing a frame came to an end early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The captured bytes ended before what was to be read.
    Truncated,
    /// The line could not be written.
    Write,
}

impl From<fmt::Error> for Stop {
    fn from(_: fmt::Error) -> Self {
        Self::Write
    }
}

/// The result of printing a part of a frame.
pub type Printed<T = ()> = Result<T, Stop>;

/// Prints formatted text through a [`Printer`].
macro_rules! put {
    ($printer:expr, $($text:tt)*) => {
        $printer.put(format_args!($($text)*))?
    };
}
pub(super) use put;

/// A table of names for numbers.
pub type Table = [(u32, &'static str)];

/// A frame and the line it becomes.
pub struct Printer<'a> {
    /// The captured bytes.
    packet: &'a [u8],
    /// Where the part of them ends that may be looked at.
    pub end: usize,
    /// The protocol that is being printed, as ` [|protocol]` shows it.
    pub protocol: &'static str,
    /// How to print.
    pub options: &'a Options,
    /// First sequence numbers.
    pub conversations: &'a mut Conversations,
    /// IP packets around the one that is being printed.
    pub nesting: usize,
    names: &'a dyn Names,
    out: &'a mut dyn Write,
}

impl<'a> Printer<'a> {
    /// At the start of a frame.
    pub fn new(
        frame: &Frame<'a>,
        options: &'a Options,
        names: &'a dyn Names,
        conversations: &'a mut Conversations,
        out: &'a mut dyn Write,
    ) -> Self {
        let packet = frame.bytes;
        let end = packet.len();
        Self { packet, end, protocol: "", options, conversations, nesting: 0, names, out }
    }

    /// Lets all captured bytes be looked at again.
    pub fn restore(&mut self) {
        self.end = self.packet.len();
    }

    /// Lets no byte at or behind `end` be looked at; returns the end before, to be put back.
    pub fn narrow(&mut self, end: usize) -> usize {
        let before = self.end;
        self.end = before.min(end);
        before
    }

    // --- Reading

    /// Are `length` bytes at `at` there?
    pub fn has(&self, at: usize, length: usize) -> bool {
        self.end.checked_sub(length).is_some_and(|last| at <= last)
    }

    /// `length` bytes.
    pub fn bytes(&self, at: usize, length: usize) -> Printed<&'a [u8]> {
        if !self.has(at, length) {
            return Err(Stop::Truncated);
        }
        self.packet.get(at..at + length).ok_or(Stop::Truncated)
    }

    /// The bytes from `at` on: `length` of them, or fewer if there are no more.
    pub fn up_to(&self, at: usize, length: usize) -> &'a [u8] {
        let rest = self.packet.get(at..self.end).unwrap_or_default();
        rest.get(..length).unwrap_or(rest)
    }

    /// How many bytes from `at` on are there.
    pub fn available(&self, at: usize) -> usize {
        self.end.saturating_sub(at)
    }

    fn array<const N: usize>(&self, at: usize) -> Printed<[u8; N]> {
        self.bytes(at, N)?.try_into().map_err(|_| Stop::Truncated)
    }

    /// A byte.
    pub fn u8(&self, at: usize) -> Printed<u8> {
        Ok(u8::from_be_bytes(self.array(at)?))
    }

    /// Two bytes, most significant first.
    pub fn u16(&self, at: usize) -> Printed<u16> {
        Ok(u16::from_be_bytes(self.array(at)?))
    }

    /// Three bytes, most significant first.
    pub fn u24(&self, at: usize) -> Printed<u32> {
        let [a, b, c] = self.array(at)?;
        Ok(u32::from_be_bytes([0, a, b, c]))
    }

    /// Four bytes, most significant first.
    pub fn u32(&self, at: usize) -> Printed<u32> {
        Ok(u32::from_be_bytes(self.array(at)?))
    }

    /// An IPv4 address.
    pub fn ipv4_address(&self, at: usize) -> Printed<Ipv4Addr> {
        Ok(self.array::<4>(at)?.into())
    }

    /// An IPv6 address.
    pub fn ipv6_address(&self, at: usize) -> Printed<Ipv6Addr> {
        Ok(self.array::<16>(at)?.into())
    }

    // --- Printing

    /// Text.
    pub fn put(&mut self, text: fmt::Arguments<'_>) -> Printed {
        Ok(self.out.write_fmt(text)?)
    }

    /// ` [|protocol]`: there should have been more.
    pub fn print_truncated(&mut self) -> Printed {
        let protocol = self.protocol;
        put!(self, " [|{protocol}]");
        Ok(())
    }

    /// ` (invalid)`.
    pub fn print_invalid(&mut self) -> Printed {
        put!(self, " (invalid)");
        Ok(())
    }

    /// The protocol's name in capitals.
    pub fn print_protocol_capitals(&mut self) -> Printed {
        for c in self.protocol.chars() {
            self.out.write_char(c.to_ascii_uppercase())?;
        }
        Ok(())
    }

    /// The name of a number, or that number in decimal behind `unknown`.
    pub fn print_name(&mut self, table: &Table, value: u32, unknown: Unknown) -> Printed {
        match lookup(table, value) {
            Some(name) => put!(self, "{name}"),
            None => match unknown {
                Unknown::Text(text) => put!(self, "{text}"),
                Unknown::Decimal(before, after) => put!(self, "{before}{value}{after}"),
                Unknown::Hex2(before, after) => put!(self, "{before}0x{value:02x}{after}"),
                Unknown::Hex4(before, after) => put!(self, "{before}0x{value:04x}{after}"),
            },
        }
        Ok(())
    }

    /// The names of the flags that are set, `separator` between them, or `none`.
    pub fn print_flags(&mut self, table: &Table, value: u32, separator: &str) -> Printed {
        let mut first = true;
        for &(bits, name) in table {
            if value & bits == bits {
                put!(self, "{}{name}", if first { "" } else { separator });
                first = false;
            }
        }
        if first {
            put!(self, "none");
        }
        Ok(())
    }

    /// A byte of text, made visible: `^A` for a control character, `M-a` with the top bit set.
    pub fn print_char(&mut self, byte: u8) -> Printed {
        if byte >= 0x80 {
            put!(self, "M-");
        }
        let low = byte & 0x7f;
        match low {
            0x20..0x7f => put!(self, "{}", low as char),
            _ => put!(self, "^{}", (low ^ 0x40) as char),
        }
        Ok(())
    }

    /// Printable bytes as they are.
    pub fn print_plain(&mut self, bytes: &[u8]) -> Printed {
        for &byte in bytes {
            self.out.write_char(byte as char)?;
        }
        Ok(())
    }

    /// `length` bytes of text; false if not all of them are there.
    pub fn print_text(&mut self, at: usize, length: usize) -> Printed<bool> {
        let text = self.up_to(at, length);
        for &byte in text {
            self.print_char(byte)?;
        }
        Ok(text.len() == length)
    }

    /// Text that a zero ends within `length` bytes: how many bytes it takes with the zero, or
    /// `None` if there is none.
    pub fn print_string(&mut self, at: usize, length: usize) -> Printed<Option<usize>> {
        for (index, &byte) in self.up_to(at, length).iter().enumerate() {
            if byte == 0 {
                return Ok(Some(index + 1));
            }
            self.print_char(byte)?;
        }
        Ok(None)
    }

    /// An Ethernet address.
    pub fn print_mac(&mut self, at: usize) -> Printed {
        self.print_link_address(at, 6)
    }

    /// A link-level address of any length.
    pub fn print_link_address(&mut self, at: usize, length: usize) -> Printed {
        for (index, byte) in self.bytes(at, length)?.iter().enumerate() {
            put!(self, "{}{byte:02x}", if index == 0 { "" } else { ":" });
        }
        Ok(())
    }

    /// An IPv4 address of the frame, or its name.
    pub fn print_ipv4(&mut self, at: usize) -> Printed {
        let address = self.ipv4_address(at)?;
        let names = self.names;
        match names.host4(address) {
            Some(name) => self.put(format_args!("{name}")),
            None => self.put(format_args!("{address}")),
        }
    }

    /// An IPv6 address of the frame, or its name.
    pub fn print_ipv6(&mut self, at: usize) -> Printed {
        let address = self.ipv6_address(at)?;
        let names = self.names;
        match names.host6(address) {
            Some(name) => self.put(format_args!("{name}")),
            None => self.print_ipv6_number(address),
        }
    }

    /// Text and an IPv4 address; not even the text if the address was not captured.
    pub fn put_ipv4(&mut self, before: &str, at: usize) -> Printed {
        self.ipv4_address(at)?;
        put!(self, "{before}");
        self.print_ipv4(at)
    }

    /// Text and an IPv6 address; not even the text if the address was not captured.
    pub fn put_ipv6(&mut self, before: &str, at: usize) -> Printed {
        self.ipv6_address(at)?;
        put!(self, "{before}");
        self.print_ipv6(at)
    }

    /// An IPv6 address. What looks like one that holds an IPv4 address is printed so.
    pub fn print_ipv6_number(&mut self, address: Ipv6Addr) -> Printed {
        match address.segments() {
            [0, 0, 0, 0, 0, 0, high, _] if high != 0 => {
                let [.., a, b, c, d] = address.octets();
                put!(self, "::{}", Ipv4Addr::new(a, b, c, d));
            }
            _ => put!(self, "{address}"),
        }
        Ok(())
    }

    /// A port, or its name.
    pub fn print_port(&mut self, transport: Transport, port: u16) -> Printed {
        let names = self.names;
        match names.port(transport, port) {
            Some(name) => self.put(format_args!("{name}")),
            None => self.put(format_args!("{port}")),
        }
    }

    /// ` ip-proto-N`, or the protocol's name.
    pub fn print_ip_protocol(&mut self, number: u8) -> Printed {
        let names = self.names;
        match names.protocol(number) {
            Some(name) => self.put(format_args!(" {name}")),
            None => self.put(format_args!(" ip-proto-{number}")),
        }
    }

    /// A number of seconds as years, weeks, days, hours, minutes and seconds: `1h30m`.
    pub fn print_duration(&mut self, seconds: u32) -> Printed {
        const UNITS: [(u32, char); 6] =
            [(31_536_000, 'y'), (604_800, 'w'), (86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')];
        if seconds == 0 {
            put!(self, "0s");
        }
        let mut left = seconds;
        for (unit, letter) in UNITS {
            if left >= unit {
                put!(self, "{}{letter}", left / unit);
                left %= unit;
            }
        }
        Ok(())
    }
}

/// What stands in the place of a name that is not in a table.
#[derive(Clone, Copy)]
pub enum Unknown {
    /// This text.
    Text(&'static str),
    /// The number in decimal between these.
    Decimal(&'static str, &'static str),
    /// The number in hexadecimal, two digits, between these.
    Hex2(&'static str, &'static str),
    /// The number in hexadecimal, four digits, between these.
    Hex4(&'static str, &'static str),
}

/// The name of a number.
pub fn lookup(table: &Table, value: u32) -> Option<&'static str> {
    table.iter().find(|&&(number, _)| number == value).map(|&(_, name)| name)
}
