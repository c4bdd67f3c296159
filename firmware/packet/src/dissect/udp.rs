//! UDP (RFC 768).

use super::checksum::should_be;
use super::ipv4::{Below, protocol};
use super::printer::{Printed, Printer, put};
use crate::Transport;

const HEADER_BYTES: u32 = 8;

impl Printer<'_> {
    /// A datagram of which `length` bytes were on the wire.
    pub fn udp(&mut self, at: usize, length: u32, below: Below) -> Printed {
        self.protocol = "udp";
        if !self.has(at, 4) {
            self.print_endpoints(below, protocol::UDP, Transport::Udp, None)?;
            return self.print_truncated();
        }
        let ports = (self.u16(at)?, self.u16(at + 2)?);
        self.print_endpoints(below, protocol::UDP, Transport::Udp, Some(ports))?;
        if length < HEADER_BYTES {
            put!(self, "truncated-udp {length}");
            return Ok(());
        }
        if !self.has(at, 6) {
            return self.print_truncated();
        }
        let total = match u32::from(self.u16(at + 4)?) {
            // A jumbo datagram (RFC 2675 4).
            0 if length > 65_535 => length,
            total => total,
        };
        if total < HEADER_BYTES {
            put!(self, "truncated-udplength {total}");
            return Ok(());
        }
        let claimed = total - HEADER_BYTES;
        let payload = claimed.min(length - HEADER_BYTES);
        let payload_at = at + HEADER_BYTES as usize;
        if payload_at > self.end {
            return self.print_truncated();
        }
        self.udp_checksum(at, payload as usize, below)?;
        if self.options.quietness == 0
            && self.above_udp([ports.0, ports.1], payload_at, payload as usize)?
        {
            return Ok(());
        }
        if claimed > payload && !below.is_fragment {
            put!(self, "UDP, bad length {claimed} > {payload}");
        } else {
            put!(self, "UDP, length {claimed}");
        }
        Ok(())
    }

    fn udp_checksum(&mut self, at: usize, payload: usize, below: Below) -> Printed {
        let verbosity = self.options.verbosity;
        let wanted = if below.version == 4 { 2 } else { 1 };
        if verbosity < wanted || below.is_fragment {
            return Ok(());
        }
        let length = payload + HEADER_BYTES as usize;
        let is_whole = self.has(at + HEADER_BYTES as usize, payload);
        let field = self.u16(at + 6);
        if below.version == 4 && field? == 0 {
            put!(self, "[no cksum] ");
        } else if is_whole {
            let field = field?;
            match self.transport_sum(below, protocol::UDP, at, length)? {
                0 => put!(self, "[udp sum ok] "),
                complement => {
                    let right = should_be(field, complement);
                    put!(self, "[bad udp cksum 0x{field:04x} -> 0x{right:04x}!] ");
                }
            }
        }
        Ok(())
    }

    /// The protocol above UDP, by its port; false if there is nothing to say about it.
    fn above_udp(&mut self, ports: [u16; 2], at: usize, length: usize) -> Printed<bool> {
        let known = |wanted: &[u16]| ports.iter().any(|port| wanted.contains(port));
        // In tcpdump's order, which matters where both ports are known.
        if known(&[53]) {
            self.dns(at, length, false)?;
        } else if known(&[5353]) {
            self.dns(at, length, true)?;
        } else if known(&[69]) {
            self.tftp(at, length)?;
        } else if known(&[67, 68]) {
            self.bootp(at, length)?;
        } else if known(&[123]) {
            self.ntp(at, length)?;
        } else if known(&[5060]) {
            self.text("sip", at, length)?;
        } else if known(&[514]) {
            self.syslog(at, length)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}
