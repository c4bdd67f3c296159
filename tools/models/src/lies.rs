//! Descriptors that are not true: what a broken or malicious device would tell.

use crate::usb::Descriptors;
use crate::usb::string;

/// One untruth in the descriptors of a CDC Ethernet device. The device itself stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// The device descriptor's `bLength` is 0.
    DeviceLengthZero,
    /// The device descriptor ends after 8 bytes.
    DeviceCutShort,
    /// `bMaxPacketSize0` is 0.
    PacketSize0Zero,
    /// `bMaxPacketSize0` is 7.
    PacketSize0Odd,
    /// `bNumConfigurations` is 0.
    NoConfigurations,
    /// `bNumConfigurations` is 255, and there are two.
    ManyConfigurations,
    /// `wTotalLength` is less than the head of the configuration.
    TotalLengthTiny,
    /// `wTotalLength` ends in the middle of a descriptor.
    TotalLengthShort,
    /// `wTotalLength` is 65,535.
    TotalLengthHuge,
    /// Some descriptor in the configuration has `bLength` 0.
    LengthZero,
    /// The last descriptor is longer than what is left.
    LengthBeyondEnd,
    /// An endpoint descriptor has only four bytes.
    EndpointCutShort,
    /// The bulk endpoints are number 0.
    EndpointZero,
    /// The bulk endpoints have packets of 0 bytes.
    MaxPacketZero,
    /// The bulk endpoints have packets of 2,047 bytes.
    MaxPacketHuge,
    /// Both bulk endpoints are IN.
    NoBulkOut,
    /// The data interface has no endpoints in any setting.
    NoEndpoints,
    /// There is no union descriptor.
    NoUnion,
    /// The union descriptor names a data interface that is not there.
    UnionElsewhere,
    /// There is no Ethernet descriptor.
    NoEthernet,
    /// `iMACAddress` is 0.
    MacIndexZero,
    /// `iMACAddress` is a string that is not there.
    MacMissing,
    /// The MAC string is empty.
    MacEmpty,
    /// The MAC string has eleven digits.
    MacShort,
    /// The MAC string has an odd number of bytes.
    MacOddBytes,
    /// The MAC string has letters that are no digits.
    MacNotHex,
    /// The MAC address is a group's.
    MacGroup,
    /// `bNumInterfaces` is 9, and there are two.
    ManyInterfaces,
    /// The interfaces are of class HID.
    WrongClass,
}

impl Lie {
    /// All of them.
    pub const ALL: [Self; 29] = [
        Self::DeviceLengthZero,
        Self::DeviceCutShort,
        Self::PacketSize0Zero,
        Self::PacketSize0Odd,
        Self::NoConfigurations,
        Self::ManyConfigurations,
        Self::TotalLengthTiny,
        Self::TotalLengthShort,
        Self::TotalLengthHuge,
        Self::LengthZero,
        Self::LengthBeyondEnd,
        Self::EndpointCutShort,
        Self::EndpointZero,
        Self::MaxPacketZero,
        Self::MaxPacketHuge,
        Self::NoBulkOut,
        Self::NoEndpoints,
        Self::NoUnion,
        Self::UnionElsewhere,
        Self::NoEthernet,
        Self::MacIndexZero,
        Self::MacMissing,
        Self::MacEmpty,
        Self::MacShort,
        Self::MacOddBytes,
        Self::MacNotHex,
        Self::MacGroup,
        Self::ManyInterfaces,
        Self::WrongClass,
    ];

    /// Changes what is told.
    pub fn tell(self, told: &mut Descriptors) {
        match self {
            Self::DeviceLengthZero => told.device[0] = 0,
            Self::DeviceCutShort => told.device.truncate(8),
            Self::PacketSize0Zero => told.device[7] = 0,
            Self::PacketSize0Odd => told.device[7] = 7,
            Self::NoConfigurations => told.device[17] = 0,
            Self::ManyConfigurations => told.device[17] = 255,
            Self::MacMissing => told.strings.retain(|(index, _)| *index != 3),
            Self::MacEmpty => mac(told, string("")),
            Self::MacShort => mac(told, string("52540012345")),
            Self::MacOddBytes => {
                let mut bytes = string(crate::cdc_ecm::MAC);
                bytes.pop();
                bytes[0] -= 1;
                mac(told, bytes);
            }
            Self::MacNotHex => mac(told, string("52540012345g")),
            Self::MacGroup => mac(told, string("015e00123456")),
            _ => told.configurations.iter_mut().for_each(|bytes| self.configure(bytes)),
        }
    }

    /// Changes one configuration.
    fn configure(self, bytes: &mut Vec<u8>) {
        let total = bytes.len();
        match self {
            Self::TotalLengthTiny => set_total(bytes, 4),
            Self::TotalLengthShort => set_total(bytes, total - 9),
            Self::TotalLengthHuge => set_total(bytes, 0xffff),
            Self::LengthZero => each(bytes, |part| {
                if part[1] == 0x24 {
                    part[0] = 0;
                }
            }),
            Self::LengthBeyondEnd => bytes[total - 7] = 70,
            Self::EndpointCutShort => {
                bytes.truncate(total - 3);
                bytes[total - 7] = 4;
                set_total(bytes, total - 3);
            }
            Self::ManyInterfaces => bytes[4] = 9,
            Self::NoUnion => without(bytes, |part| part[1] == 0x24 && part[2] == 6),
            Self::NoEthernet => without(bytes, |part| part[1] == 0x24 && part[2] == 15),
            Self::NoEndpoints => without(bytes, |part| part[1] == 5 && part[3] == 2),
            _ => each(bytes, |part| self.change(part)),
        }
    }

    /// Changes one descriptor of a configuration.
    fn change(self, part: &mut [u8]) {
        match (self, part[1]) {
            (Self::WrongClass, 4) => part[5] = 3,
            (Self::EndpointZero, 5) if part[3] == 2 => part[2] &= 0x80,
            (Self::MaxPacketZero, 5) if part[3] == 2 => part[4..6].fill(0),
            (Self::MaxPacketHuge, 5) if part[3] == 2 => {
                part[4..6].copy_from_slice(&2047_u16.to_le_bytes());
            }
            (Self::NoBulkOut, 5) if part[2] == 0x02 => part[2] = 0x83,
            (Self::UnionElsewhere, 0x24) if part[2] == 6 => part[4] = 7,
            (Self::MacIndexZero, 0x24) if part[2] == 15 => part[3] = 0,
            _ => {}
        }
    }
}

fn mac(told: &mut Descriptors, bytes: Vec<u8>) {
    for (index, string) in &mut told.strings {
        if *index == 3 {
            string.clone_from(&bytes);
        }
    }
}

fn set_total(bytes: &mut [u8], total: usize) {
    bytes[2..4].copy_from_slice(&(total as u16).to_le_bytes());
}

/// Calls `change` for each descriptor.
fn each(bytes: &mut [u8], change: impl Fn(&mut [u8])) {
    let mut left = bytes;
    while !left.is_empty() {
        let len = usize::from(left[0]);
        let (one, rest) = left.split_at_mut(len);
        change(one);
        left = rest;
    }
}

/// Takes descriptors out.
fn without(bytes: &mut Vec<u8>, which: impl Fn(&[u8]) -> bool) {
    let mut kept = Vec::new();
    let mut left = bytes.as_slice();
    while let Some(&len) = left.first() {
        let (one, rest) = left.split_at(len.into());
        if !which(one) {
            kept.extend_from_slice(one);
        }
        left = rest;
    }
    let total = kept.len();
    *bytes = kept;
    set_total(bytes, total);
}
