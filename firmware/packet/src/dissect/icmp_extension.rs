//! What ICMP errors carry behind the packet they quote (RFC 4884, 4950).

use super::checksum::Sum;
use super::printer::{Printed, Printer, Table, Unknown, put};

/// The quoted packet ends here at the latest.
const EXTENSION: usize = 136;
const VERSION: u8 = 2;
const OBJECT_HEADER_BYTES: usize = 4;
const MPLS_STACK: u8 = 1;

const OBJECTS: &Table = &[(1, "MPLS Stack Entry"), (2, "Interface Identification")];

impl Printer<'_> {
    /// The extension of a message of `length` bytes, if it has one.
    pub fn icmp_extension(&mut self, at: usize, length: usize) -> Printed {
        if length <= EXTENSION {
            return Ok(());
        }
        // The header of the extension and a byte of its first object.
        if !self.has(at, EXTENSION + 5) {
            return self.print_truncated();
        }
        let extension_at = at + EXTENSION;
        let extension_bytes = length - EXTENSION;
        let is_whole = self.has(extension_at, extension_bytes);
        let complement = Sum::default().add(self.up_to(extension_at, extension_bytes)).complement();
        // Where the length field does not tell, the checksum does.
        if self.u8(at + 5)? == 0 && is_whole && complement != 0 {
            return Ok(());
        }
        let version = self.u8(extension_at)? >> 4;
        put!(self, "\n\tICMP Multi-Part extension v{version}");
        if version != VERSION {
            put!(self, " packet not supported");
            return Ok(());
        }
        if is_whole {
            let wrong = if complement == 0 { "" } else { "in" };
            let field = self.u16(extension_at + 2)?;
            put!(self, ", checksum 0x{field:04x} ({wrong}correct), length {extension_bytes}");
        }
        // As tcpdump counts: what is shorter than the extension's header wraps.
        let mut left = (extension_bytes as u32).wrapping_sub(4);
        let mut object_at = extension_at + 4;
        while left > OBJECT_HEADER_BYTES as u32 {
            if !self.has(object_at, OBJECT_HEADER_BYTES) {
                return self.print_truncated();
            }
            let object_bytes = usize::from(self.u16(object_at)?);
            let class = self.u8(object_at + 2)?;
            let kind = self.u8(object_at + 3)?;
            put!(self, "\n\t  ");
            self.print_name(OBJECTS, class.into(), Unknown::Text("unknown"))?;
            put!(self, " Object ({class}), Class-Type: {kind}, length {object_bytes}");
            let Some(content_bytes) = object_bytes.checked_sub(OBJECT_HEADER_BYTES) else {
                return Ok(());
            };
            if class == 0 {
                return Ok(());
            }
            left -= OBJECT_HEADER_BYTES as u32;
            object_at += OBJECT_HEADER_BYTES;
            if class == MPLS_STACK && kind == 1 {
                let entry = self.u32(object_at)?;
                put!(self, "\n\t    label {}, tc {}", entry >> 12, entry >> 9 & 7);
                put!(
                    self,
                    "{}, ttl {}",
                    if entry & 0x100 == 0 { "" } else { ", [S]" },
                    entry & 0xff
                );
            } else {
                self.print_unknown(object_at, "\n\t    ", content_bytes)?;
            }
            let Some(rest) = left.checked_sub(content_bytes as u32) else { break };
            left = rest;
            object_at += content_bytes;
        }
        Ok(())
    }
}
