//! BOOTP (RFC 951), the frame of DHCP.

use super::printer::{Printed, Printer, Table, Unknown, put};

const REQUEST: u8 = 1;
const ETHERNET: u8 = 1;
const SERVER_NAME_BYTES: usize = 64;
const FILE_BYTES: usize = 128;
/// `99.130.83.99` (RFC 1497).
const COOKIE: u32 = 0x6382_5363;
/// `CMU` and a zero: Carnegie Mellon's extensions.
const CMU_COOKIE: u32 = 0x434d_5500;

const OPERATIONS: &Table = &[(1, "Request"), (2, "Reply")];
const FLAGS: &Table = &[(0x8000, "Broadcast")];

/// Places of fields.
mod field {
    pub const HARDWARE: usize = 1;
    pub const HARDWARE_BYTES: usize = 2;
    pub const HOPS: usize = 3;
    pub const TRANSACTION: usize = 4;
    pub const SECONDS: usize = 8;
    pub const FLAGS: usize = 10;
    /// The client's own address, the one it is given, the server's and the relay's.
    pub const ADDRESSES: [(usize, &str); 4] =
        [(12, "Client"), (16, "Your"), (20, "Server"), (24, "Gateway")];
    pub const CLIENT_HARDWARE: usize = 28;
    pub const SERVER_NAME: usize = 44;
    pub const FILE: usize = 108;
    pub const EXTENSIONS: usize = 236;
}

impl Printer<'_> {
    /// A message of `length` bytes.
    pub fn bootp(&mut self, at: usize, length: usize) -> Printed {
        self.protocol = "bootp";
        let operation = self.u8(at)?;
        put!(self, "BOOTP/DHCP, ");
        self.print_name(OPERATIONS, operation.into(), Unknown::Hex2("unknown (", ")"))?;
        let hardware = self.u8(at + field::HARDWARE)?;
        let hardware_bytes = self.u8(at + field::HARDWARE_BYTES)?;
        let is_ethernet = hardware == ETHERNET && hardware_bytes == 6;
        if is_ethernet && operation == REQUEST {
            self.bytes(at + field::CLIENT_HARDWARE, 6)?;
            put!(self, " from ");
            self.print_mac(at + field::CLIENT_HARDWARE)?;
        }
        put!(self, ", length {length}");
        if self.options.verbosity == 0 {
            return Ok(());
        }
        if !self.has(at, field::FLAGS) {
            return self.print_truncated();
        }
        if hardware != ETHERNET {
            put!(self, ", htype {hardware}");
        }
        if !is_ethernet {
            put!(self, ", hlen {hardware_bytes}");
        }
        let hops = self.u8(at + field::HOPS)?;
        if hops != 0 {
            put!(self, ", hops {hops}");
        }
        let transaction = self.u32(at + field::TRANSACTION)?;
        if transaction != 0 {
            put!(self, ", xid 0x{transaction:x}");
        }
        let seconds = self.u16(at + field::SECONDS)?;
        if seconds != 0 {
            put!(self, ", secs {seconds}");
        }
        let flags = self.u16(at + field::FLAGS)?;
        put!(self, ", Flags [");
        self.print_flags(FLAGS, flags.into(), ", ")?;
        put!(self, "]");
        if self.options.verbosity > 1 {
            put!(self, " (0x{flags:04x})");
        }
        for (place, name) in field::ADDRESSES {
            if self.u32(at + place)? != 0 {
                put!(self, "\n\t  {name}-IP ");
                self.print_ipv4(at + place)?;
            }
        }
        if is_ethernet {
            self.bytes(at + field::CLIENT_HARDWARE, 6)?;
            put!(self, "\n\t  Client-Ethernet-Address ");
            self.print_mac(at + field::CLIENT_HARDWARE)?;
        }
        let texts =
            [("sname", field::SERVER_NAME, SERVER_NAME_BYTES), ("file", field::FILE, FILE_BYTES)];
        for (name, place, length) in texts {
            if self.u8(at + place)? != 0 {
                put!(self, "\n\t  {name} \"");
                let text = self.print_string(at + place, length)?;
                put!(self, "\"");
                if text.is_none() {
                    return self.print_truncated();
                }
            }
        }
        let extensions_at = at + field::EXTENSIONS;
        if !self.has(extensions_at, 4) {
            return self.print_truncated();
        }
        match self.u32(extensions_at)? {
            COOKIE => self.dhcp(extensions_at),
            CMU_COOKIE => self.cmu_extensions(extensions_at),
            0 => Ok(()),
            other => {
                put!(self, "\n\t  Vendor-#0x{other:x}");
                Ok(())
            }
        }
    }

    fn cmu_extensions(&mut self, at: usize) -> Printed {
        put!(self, " vend-cmu");
        if !self.has(at + 4, 4) {
            return self.print_truncated();
        }
        let flags = self.u8(at + 4)?;
        if flags & !1 != 0 {
            put!(self, " F:0x{flags:x}");
        }
        let mask = if flags & 1 == 0 { "SM*" } else { "SM" };
        let addresses = [
            (12, "DG"),
            (8, mask),
            (16, "NS1"),
            (20, "NS2"),
            (24, "IEN1"),
            (28, "IEN2"),
            (32, "TS1"),
            (36, "TS2"),
        ];
        for (place, name) in addresses {
            if !self.has(at + place, 4) {
                return self.print_truncated();
            }
            if self.u32(at + place)? != 0 {
                put!(self, " {name}:");
                self.print_ipv4(at + place)?;
            }
        }
        Ok(())
    }
}
