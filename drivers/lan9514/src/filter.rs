//! Which frames the chip lets pass, besides broadcasts and those for its own address.

use tock_registers::fields::FieldValue;

use crate::registers::MAC_CR;

/// A choice of frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// All multicasts: a stack joins groups without telling its device (mDNS is one of them).
    #[default]
    AllMulticast,
    /// Multicasts whose hash is in a table of 64 bits; by [`Filter::groups`]. Others with the same
    /// hash pass too.
    Hash(u64),
    /// Every frame on the wire.
    Promiscuous,
}

impl Filter {
    /// Lets pass what is sent to these groups.
    pub fn groups(groups: &[[u8; 6]]) -> Self {
        Self::Hash(groups.iter().fold(0, |table, group| table | 1 << hash(group)))
    }

    /// The 64 bits of the hash table.
    pub(crate) fn table(self) -> u64 {
        match self {
            Self::Hash(table) => table,
            _ => 0,
        }
    }

    /// Its bits in MAC_CR.
    pub(crate) fn bits(self) -> FieldValue<u32, MAC_CR::Register> {
        match self {
            Self::AllMulticast => MAC_CR::MCPAS::SET + MAC_CR::PRMS::CLEAR + MAC_CR::HPFILT::CLEAR,
            Self::Hash(_) => MAC_CR::HPFILT::SET + MAC_CR::MCPAS::CLEAR + MAC_CR::PRMS::CLEAR,
            Self::Promiscuous => MAC_CR::PRMS::SET + MAC_CR::MCPAS::CLEAR + MAC_CR::HPFILT::CLEAR,
        }
    }
}

/// A group's place in the hash table: the upper six bits of the address' Ethernet CRC (IEEE 802.3,
/// 3.2.9), most significant bit first.
fn hash(address: &[u8; 6]) -> u32 {
    let mut crc = u32::MAX;
    for byte in address {
        for bit in 0..8 {
            let feed = crc >> 31 ^ u32::from(byte >> bit & 1);
            crc = crc << 1 ^ if feed == 1 { 0x04c1_1db7 } else { 0 };
        }
    }
    crc >> 26
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_their_bits() {
        // Linux, smsc95xx.c: all hosts is bit number 31.
        assert_eq!(hash(&[0x01, 0x00, 0x5e, 0, 0, 1]), 31);
        let mdns = [0x01, 0x00, 0x5e, 0, 0, 0xfb];
        let both = Filter::groups(&[mdns, [0x01, 0x00, 0x5e, 0, 0, 1]]);
        assert_eq!(both.table(), 1 << 31 | 1 << hash(&mdns));
        assert_eq!(Filter::groups(&[]).table(), 0);
    }

    #[test]
    fn one_mode_at_a_time() {
        for filter in [Filter::AllMulticast, Filter::Hash(1), Filter::Promiscuous] {
            assert_eq!(filter.bits().value.count_ones(), 1, "{filter:?}");
            assert_eq!(filter.bits().mask().count_ones(), 3, "{filter:?}");
        }
    }
}
