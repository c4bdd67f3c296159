//! TCP (RFC 9293).

use core::net::IpAddr;

use super::checksum::should_be;
use super::conversations::Relative;
use super::ipv4::{Below, protocol};
use super::printer::{Printed, Printer, Stop, Table, put};
use crate::Transport;

const HEADER_BYTES: u32 = 20;
/// Bytes of text in a reset that are printed.
const RESET_TEXT_BYTES: u32 = 30;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RESET: u8 = 0x04;
const ACK: u8 = 0x10;
const URGENT: u8 = 0x20;

const FLAGS: &Table = &[
    (0x01, "F"),
    (0x02, "S"),
    (0x04, "R"),
    (0x08, "P"),
    (0x10, "."),
    (0x20, "U"),
    (0x40, "E"),
    (0x80, "W"),
];

impl Printer<'_> {
    /// A segment of which `length` bytes were on the wire.
    pub fn tcp(&mut self, at: usize, length: u32, below: Below) -> Printed {
        self.protocol = "tcp";
        if !self.has(at, 4) {
            self.print_pair(below)?;
            put!(self, ":");
            return self.print_truncated();
        }
        let (source, destination) = (self.u16(at)?, self.u16(at + 2)?);
        self.print_endpoints(below, protocol::TCP, Transport::Tcp, Some((source, destination)))?;
        if !self.has(at, HEADER_BYTES as usize) {
            return self.print_truncated();
        }
        let header_bytes = u32::from(self.u8(at + 12)? >> 4) * 4;
        let payload = length.wrapping_sub(header_bytes);
        if header_bytes < HEADER_BYTES {
            put!(self, " tcp {payload} [bad hdr length {header_bytes} - too short, < 20]");
            return Ok(());
        }
        if self.options.quietness > 0 {
            put!(self, "tcp {payload}");
            if header_bytes > length {
                put!(self, " [bad hdr length {header_bytes} - too long, > {length}]");
            }
            return Ok(());
        }
        let flags = self.u8(at + 13)?;
        put!(self, "Flags [");
        self.print_flags(FLAGS, flags.into(), "")?;
        put!(self, "]");
        let numbers = self.tcp_numbers(at, flags, below, source, destination)?;
        if header_bytes > length {
            put!(self, " [bad hdr length {header_bytes} - too long, > {length}]");
            return Ok(());
        }
        let verbosity = self.options.verbosity;
        if verbosity > 0 && !below.is_fragment && self.has(at, length as usize) {
            let complement = self.transport_sum(below, protocol::TCP, at, length as usize)?;
            let field = self.u16(at + 16)?;
            put!(self, ", cksum 0x{field:04x}");
            match complement {
                0 => put!(self, " (correct)"),
                _ => put!(self, " (incorrect -> 0x{:04x})", should_be(field, complement)),
            }
        }
        let sequence = numbers.sequence;
        if verbosity > 1 || payload > 0 || flags & (SYN | FIN | RESET) != 0 {
            put!(self, ", seq {sequence}");
            if payload > 0 {
                put!(self, ":{}", sequence.wrapping_add(payload));
            }
        }
        if flags & ACK != 0 {
            put!(self, ", ack {}", numbers.acknowledgment);
        }
        put!(self, ", win {}", self.u16(at + 14)?);
        if flags & URGENT != 0 {
            put!(self, ", urg {}", self.u16(at + 18)?);
        }
        let options_bytes = header_bytes - HEADER_BYTES;
        if options_bytes > 0 {
            let (options_at, start) = (at + HEADER_BYTES as usize, numbers.sack_start);
            let sizes = (options_bytes as usize, payload as usize);
            if !self.tcp_options(options_at, sizes.0, sizes.1, start)? {
                return Ok(());
            }
        }
        put!(self, ", length {payload}");
        if payload == 0 {
            return Ok(());
        }
        if !self.has(at, header_bytes as usize) {
            let captured = self.available(at);
            put!(self, " [remaining caplen({captured}) < header length({header_bytes})]");
            return Err(Stop::Truncated);
        }
        let payload_at = at + header_bytes as usize;
        if flags & RESET != 0 && verbosity > 0 {
            return self.reset_text(payload_at, payload);
        }
        self.above_tcp([source, destination], payload_at, payload)
    }

    /// `source.port > destination.port: `. Where other headers are between, the addresses have been
    /// printed already. Without `ports`, the addresses only.
    pub fn print_endpoints(
        &mut self,
        below: Below,
        protocol: u8,
        transport: Transport,
        ports: Option<(u16, u16)>,
    ) -> Printed {
        let with_addresses = self.follows_directly(below, protocol)?;
        let (source_at, destination_at) = if below.version == 4 { (12, 16) } else { (8, 24) };
        let ends =
            ports.map_or([None; 2], |(source, destination)| [Some(source), Some(destination)]);
        if ports.is_none() && !with_addresses {
            return Ok(());
        }
        for (index, (offset, port)) in [source_at, destination_at].into_iter().zip(ends).enumerate()
        {
            if with_addresses {
                match below.version {
                    4 => self.print_ipv4(below.at + offset)?,
                    _ => self.print_ipv6(below.at + offset)?,
                }
            }
            if let Some(port) = port {
                put!(self, "{}", if with_addresses { "." } else { "" });
                self.print_port(transport, port)?;
            }
            put!(self, "{}", if index == 0 { " > " } else { ": " });
        }
        Ok(())
    }

    /// Sequence and acknowledgment numbers as they are printed.
    fn tcp_numbers(
        &mut self,
        at: usize,
        flags: u8,
        below: Below,
        source: u16,
        destination: u16,
    ) -> Printed<Relative> {
        let (sequence, acknowledgment) = (self.u32(at + 4)?, self.u32(at + 8)?);
        if self.options.absolute_sequence || flags & ACK == 0 {
            return Ok(Relative { sequence, acknowledgment, sack_start: 0 });
        }
        let (from, to): (IpAddr, IpAddr) = self.addresses(below)?;
        let is_syn = flags & SYN != 0;
        let ends = ((source, from), (destination, to));
        Ok(self.conversations.relative(ends.0, ends.1, is_syn, sequence, acknowledgment))
    }

    /// The protocol above TCP, by its port.
    fn above_tcp(&mut self, ports: [u16; 2], at: usize, length: u32) -> Printed {
        let length = length as usize;
        let known = |wanted: &[u16]| ports.iter().any(|port| wanted.contains(port));
        // In tcpdump's order, which matters where both ports are known.
        if known(&[23]) {
            self.telnet(at, length)
        } else if known(&[25]) {
            self.text_above_tcp("smtp", at, length)
        } else if known(&[43]) {
            self.text_above_tcp("whois", at, length)
        } else if known(&[22]) {
            self.ssh(at, length)
        } else if known(&[21]) {
            self.text_above_tcp("ftp", at, length)
        } else if known(&[80, 8080]) {
            self.text_above_tcp("http", at, length)
        } else if known(&[554, 8554]) {
            self.text_above_tcp("rtsp", at, length)
        } else if known(&[53]) {
            self.dns_over_tcp(at, length)
        } else {
            Ok(())
        }
    }

    /// What a reset may say (RFC 9293 3.5.3).
    fn reset_text(&mut self, at: usize, length: u32) -> Printed {
        let whole = if self.has(at, length as usize) { "" } else { "!" };
        let more = if length > RESET_TEXT_BYTES { "+" } else { "" };
        put!(self, " [{whole}RST{more} ");
        self.print_text(at, length.min(RESET_TEXT_BYTES) as usize)?;
        put!(self, "]");
        Ok(())
    }
}
