//! ARP (RFC 826), reverse ARP (RFC 903) and inverse ARP (RFC 2390).

use super::printer::{Printed, Printer, Stop, Table, Unknown, put};
use super::tables::ETHERTYPES;

const FIXED_BYTES: usize = 8;
const IPV4: u16 = 0x0800;
/// IPv4 with trailers (RFC 893).
const TRAILERS: u16 = 0x1000;

const REQUEST: u16 = 1;
const REPLY: u16 = 2;
const REVERSE_REQUEST: u16 = 3;
const REVERSE_REPLY: u16 = 4;
const INVERSE_REQUEST: u16 = 8;
const INVERSE_REPLY: u16 = 9;

const OPERATIONS: &Table = &[
    (1, "Request"),
    (2, "Reply"),
    (3, "Reverse Request"),
    (4, "Reverse Reply"),
    (8, "Inverse Request"),
    (9, "Inverse Reply"),
    (10, "NACK Reply"),
];

const HARDWARE: &Table = &[
    (1, "Ethernet"),
    (6, "TokenRing"),
    (7, "ArcNet"),
    (15, "FrameRelay"),
    (23, "Strip"),
    (24, "IEEE 1394"),
    (19, "ATM"),
    (32, "InfiniBand"),
];

/// What the fixed part says, and where the addresses are.
struct Arp {
    protocol_type: u16,
    hardware_bytes: usize,
    protocol_bytes: usize,
    sender_hardware: usize,
    sender_protocol: usize,
    target_hardware: usize,
    target_protocol: usize,
}

impl Printer<'_> {
    /// A packet of any of the three.
    pub fn arp(&mut self, at: usize, length: usize) -> Printed {
        self.protocol = "arp";
        self.bytes(at, FIXED_BYTES)?;
        let hardware = self.u16(at)?;
        let protocol_type = self.u16(at + 2)?;
        let hardware_bytes = usize::from(self.u8(at + 4)?);
        let protocol_bytes = usize::from(self.u8(at + 5)?);
        let operation = self.u16(at + 6)?;
        let sender_hardware = at + FIXED_BYTES;
        let sender_protocol = sender_hardware + hardware_bytes;
        let target_hardware = sender_protocol + protocol_bytes;
        let target_protocol = target_hardware + hardware_bytes;
        let arp = Arp {
            protocol_type,
            hardware_bytes,
            protocol_bytes,
            sender_hardware,
            sender_protocol,
            target_hardware,
            target_protocol,
        };
        if !self.has(target_protocol, protocol_bytes) {
            return Err(Stop::Truncated);
        }
        if !self.options.link_header {
            put!(self, "ARP, ");
        }
        let is_ipv4 = protocol_type == IPV4 || protocol_type == TRAILERS;
        let verbose = self.options.verbosity > 0;
        if !is_ipv4 || protocol_bytes != 4 || hardware_bytes == 0 || verbose {
            self.print_name(
                HARDWARE,
                hardware.into(),
                Unknown::Decimal("Unknown Hardware (", ")"),
            )?;
            put!(self, " (len {hardware_bytes}), ");
            let unknown = Unknown::Hex4("Unknown Protocol (", ")");
            self.print_name(ETHERTYPES, protocol_type.into(), unknown)?;
            put!(self, " (len {protocol_bytes})");
            if !verbose {
                // The addresses cannot be understood.
                put!(self, ", length {length}");
                return Ok(());
            }
            put!(self, ", ");
        }
        self.print_name(OPERATIONS, operation.into(), Unknown::Decimal("Unknown (", ")"))?;
        put!(self, " ");
        match operation {
            REQUEST => {
                put!(self, "who-has ");
                self.arp_protocol(&arp, arp.target_protocol)?;
                if self.bytes(target_hardware, hardware_bytes)?.iter().any(|&byte| byte != 0) {
                    put!(self, " (");
                    self.arp_hardware(&arp, target_hardware)?;
                    put!(self, ")");
                }
                put!(self, " tell ");
                self.arp_protocol(&arp, arp.sender_protocol)?;
            }
            REPLY => {
                self.arp_protocol(&arp, arp.sender_protocol)?;
                put!(self, " is-at ");
                self.arp_hardware(&arp, arp.sender_hardware)?;
            }
            REVERSE_REQUEST | INVERSE_REQUEST => {
                put!(self, "who-is ");
                self.arp_hardware(&arp, arp.target_hardware)?;
                put!(self, " tell ");
                self.arp_hardware(&arp, arp.sender_hardware)?;
            }
            REVERSE_REPLY => {
                self.arp_hardware(&arp, arp.target_hardware)?;
                put!(self, " at ");
                self.arp_protocol(&arp, arp.target_protocol)?;
            }
            INVERSE_REPLY => {
                self.arp_hardware(&arp, arp.sender_hardware)?;
                put!(self, " at ");
                self.arp_protocol(&arp, arp.sender_protocol)?;
            }
            _ => return self.print_default(at, self.available(at)),
        }
        put!(self, ", length {length}");
        Ok(())
    }

    fn arp_protocol(&mut self, arp: &Arp, at: usize) -> Printed {
        if arp.protocol_type != IPV4 && arp.protocol_type != TRAILERS {
            put!(self, "<wrong proto type>");
        } else if arp.protocol_bytes != 4 {
            put!(self, "<wrong len>");
        } else {
            self.print_ipv4(at)?;
        }
        Ok(())
    }

    fn arp_hardware(&mut self, arp: &Arp, at: usize) -> Printed {
        if arp.hardware_bytes == 0 {
            put!(self, "<empty>");
            return Ok(());
        }
        self.print_link_address(at, arp.hardware_bytes)
    }
}
