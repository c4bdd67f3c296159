//! The board revision code, in words.
//!
//! Source: raspberrypi/documentation, "Raspberry Pi revision codes". Codes with bit 23 set are
//! built of fields; the older ones are numbers of single boards, all of them with an ARMv6.

use core::fmt;

/// How a board reaches its Ethernet, if it has any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ethernet {
    /// LAN9512 or LAN9514: hub and 100 Mbit/s Ethernet on USB (0424:ec00).
    Lan9514,
    /// LAN7515: hub and gigabit Ethernet on USB (0424:7800), other registers than the LAN9514's.
    Lan7515,
    /// Not on USB.
    NotUsb,
    /// None on the board: an adapter on USB, or nothing.
    None,
    /// Unknown, since the board is.
    Unknown,
}

impl fmt::Display for Ethernet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lan9514 => "LAN9514 Ethernet",
            Self::Lan7515 => "LAN7515 Ethernet",
            Self::NotUsb => "Ethernet that is not on USB",
            Self::None => "no Ethernet on board",
            Self::Unknown => "unknown Ethernet",
        })
    }
}

/// A board revision code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision(pub u32);

impl Revision {
    const NEW_STYLE: u32 = 1 << 23;

    fn field(self, shift: u32, bits: u32) -> Option<u32> {
        (self.0 & Self::NEW_STYLE != 0).then_some(self.0 >> shift & ((1 << bits) - 1))
    }

    /// The type field: which model.
    fn model_code(self) -> Option<u32> {
        self.field(4, 8)
    }

    /// The model's name, without its revision number.
    pub fn model(self) -> &'static str {
        let Some(model) = self.model_code() else { return "Raspberry Pi 1" };
        match model {
            0x00 => "Raspberry Pi A",
            0x01 => "Raspberry Pi B",
            0x02 => "Raspberry Pi A+",
            0x03 => "Raspberry Pi B+",
            0x04 => "Raspberry Pi 2 B",
            0x06 => "Raspberry Pi Compute Module 1",
            0x08 => "Raspberry Pi 3 B",
            0x09 => "Raspberry Pi Zero",
            0x0a => "Raspberry Pi Compute Module 3",
            0x0c => "Raspberry Pi Zero W",
            0x0d => "Raspberry Pi 3 B+",
            0x0e => "Raspberry Pi 3 A+",
            0x10 => "Raspberry Pi Compute Module 3+",
            0x11 => "Raspberry Pi 4 B",
            0x12 => "Raspberry Pi Zero 2 W",
            0x13 => "Raspberry Pi 400",
            0x14 => "Raspberry Pi Compute Module 4",
            0x17 => "Raspberry Pi 5",
            _ => "unknown Raspberry Pi",
        }
    }

    /// The number behind the dot of "1.x"; none for the oldest boards.
    pub fn minor(self) -> Option<u32> {
        self.field(0, 4)
    }

    /// Memory of the board in MiB, of which the firmware gives us a part.
    pub fn memory_mib(self) -> Option<u32> {
        self.field(20, 3).map(|size| 256 << size)
    }

    /// The system on chip.
    pub fn processor(self) -> &'static str {
        match self.field(12, 4) {
            None | Some(0) => "BCM2835",
            Some(1) => "BCM2836",
            Some(2) => "BCM2837",
            Some(3) => "BCM2711",
            Some(4) => "BCM2712",
            Some(_) => "unknown processor",
        }
    }

    /// How the board reaches its Ethernet.
    pub fn ethernet(self) -> Ethernet {
        match self.model_code() {
            Some(0x01 | 0x03 | 0x04 | 0x08) => Ethernet::Lan9514,
            Some(0x0d) => Ethernet::Lan7515,
            Some(0x11 | 0x13 | 0x14 | 0x17) => Ethernet::NotUsb,
            Some(0x00 | 0x02 | 0x06 | 0x09 | 0x0a | 0x0c | 0x0e | 0x10 | 0x12) => Ethernet::None,
            Some(_) | None => Ethernet::Unknown,
        }
    }
}

impl fmt::Display for Revision {
    /// As in `Raspberry Pi 3 B 1.2 (a02082), BCM2837, LAN9514 Ethernet`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.model())?;
        if let Some(minor) = self.minor() {
            write!(f, " 1.{minor}")?;
        }
        write!(f, " ({:x}), {}, {}", self.0, self.processor(), self.ethernet())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;

    #[test]
    fn boards() {
        let cases = [
            (0xa02082, "Raspberry Pi 3 B 1.2 (a02082), BCM2837, LAN9514 Ethernet", Some(1024)),
            (0xa020d3, "Raspberry Pi 3 B+ 1.3 (a020d3), BCM2837, LAN7515 Ethernet", Some(1024)),
            (0x9020e0, "Raspberry Pi 3 A+ 1.0 (9020e0), BCM2837, no Ethernet on board", Some(512)),
            (
                0x902120,
                "Raspberry Pi Zero 2 W 1.0 (902120), BCM2837, no Ethernet on board",
                Some(512),
            ),
            (0xa22042, "Raspberry Pi 2 B 1.2 (a22042), BCM2837, LAN9514 Ethernet", Some(1024)),
            (0xa01041, "Raspberry Pi 2 B 1.1 (a01041), BCM2836, LAN9514 Ethernet", Some(1024)),
            (
                0xc03111,
                "Raspberry Pi 4 B 1.1 (c03111), BCM2711, Ethernet that is not on USB",
                Some(4096),
            ),
            (0x0e, "Raspberry Pi 1 (e), BCM2835, unknown Ethernet", None),
            (
                0xffff_ffff,
                "unknown Raspberry Pi 1.15 (ffffffff), unknown processor, unknown Ethernet",
                Some(32768),
            ),
        ];
        for (code, words, memory_mib) in cases {
            assert_eq!(Revision(code).to_string(), words);
            assert_eq!(Revision(code).memory_mib(), memory_mib);
        }
    }
}
