//! The spanning tree protocol (IEEE 802.1D, 802.1w).

use super::printer::{Printed, Printer, Table, Unknown, lookup, put};

const CONFIGURATION: u8 = 0;
const RAPID: u8 = 2;
const VERSION_RAPID: u8 = 2;
const CONFIGURATION_BYTES: usize = 35;
const RAPID_BYTES: usize = 36;

const VERSIONS: &Table = &[(0, "802.1d"), (2, "802.1w"), (3, "802.1s"), (4, "802.1aq")];
const KINDS: &Table = &[(0, "Config"), (2, "Rapid STP"), (0x80, "Topology Change")];
const FLAGS: &Table = &[
    (0x01, "Topology change"),
    (0x02, "Proposal"),
    (0x10, "Learn"),
    (0x20, "Forward"),
    (0x40, "Agreement"),
    (0x80, "Topology change ACK"),
];
const ROLES: &Table = &[(0, "Unknown"), (1, "Alternate"), (2, "Root"), (3, "Designated")];

impl Printer<'_> {
    /// A message of `length` bytes.
    pub fn spanning_tree(&mut self, at: usize, length: usize) -> Printed {
        self.protocol = "stp";
        if length < 4 {
            return self.print_invalid();
        }
        if self.u16(at)? != 0 {
            put!(self, "unknown STP version, length {length}");
            return Ok(());
        }
        let version = self.u8(at + 2)?;
        put!(self, "STP ");
        self.print_name(VERSIONS, version.into(), Unknown::Hex2("Unknown STP protocol (", ")"))?;
        if lookup(VERSIONS, version.into()).is_none() {
            return Ok(());
        }
        let kind = self.u8(at + 3)?;
        put!(self, ", ");
        self.print_name(KINDS, kind.into(), Unknown::Hex2("Unknown BPDU Type (", ")"))?;
        match kind {
            CONFIGURATION if length < CONFIGURATION_BYTES => self.print_invalid(),
            CONFIGURATION => self.bridge(at, length, version),
            RAPID if version == VERSION_RAPID && length < RAPID_BYTES => self.print_invalid(),
            RAPID if version == VERSION_RAPID => self.bridge(at, length, version),
            _ => Ok(()),
        }
    }

    fn bridge(&mut self, at: usize, length: usize, version: u8) -> Printed {
        let flags = self.u8(at + 4)?;
        put!(self, ", Flags [");
        self.print_flags(FLAGS, flags.into(), ", ")?;
        put!(self, "]");
        self.bytes(at + 17, 10)?;
        put!(self, ", bridge-id ");
        self.print_bridge(at + 17)?;
        put!(self, ".{:04x}, length {length}", self.u16(at + 25)?);
        if self.options.verbosity == 0 {
            return Ok(());
        }
        self.bytes(at + 27, 8)?;
        let times = [
            ("\n\tmessage-age ", 27),
            (", max-age ", 29),
            (", hello-time ", 31),
            (", forwarding-delay ", 33),
        ];
        for (name, place) in times {
            // In units of 1/256 s.
            let time = f32::from(self.u16(at + place)?) / 256.0;
            put!(self, "{name}{time:.2}s");
        }
        put!(self, "\n\troot-id ");
        self.print_bridge(at + 5)?;
        put!(self, ", root-pathcost {}", self.u32(at + 13)?);
        if version == VERSION_RAPID {
            let role = lookup(ROLES, (flags >> 2 & 3).into()).unwrap_or("Unknown");
            put!(self, ", port-role {role}");
        }
        Ok(())
    }

    /// Priority and address of a bridge.
    fn print_bridge(&mut self, at: usize) -> Printed {
        put!(self, "{:04x}.", self.u16(at)?);
        self.print_mac(at + 2)
    }
}
