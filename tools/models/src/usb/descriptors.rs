//! A device's descriptors, as bytes, and the endpoints that they promise.

use super::{Kind, Way};

/// `bDescriptorType` of USB 2.0, table 9-5.
pub(crate) const DEVICE: u8 = 1;
pub(crate) const CONFIGURATION: u8 = 2;
pub(crate) const STRING: u8 = 3;
pub(crate) const INTERFACE: u8 = 4;
pub(crate) const ENDPOINT: u8 = 5;
pub(crate) const QUALIFIER: u8 = 6;

/// What a device tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// The device descriptor.
    pub device: Vec<u8>,
    /// The configuration descriptors, each with all that belongs to it.
    pub configurations: Vec<Vec<u8>>,
    /// String descriptors by index; index 0 is the list of languages.
    pub strings: Vec<(u8, Vec<u8>)>,
}

/// An endpoint as the device really has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointFacts {
    /// `bEndpointAddress`.
    pub address: u8,
    /// Transfer type.
    pub kind: Kind,
    /// Packet size in bytes.
    pub max_packet: u16,
    /// `bInterval`.
    pub interval: u8,
}

/// A string descriptor of `text`.
pub(crate) fn string(text: &str) -> Vec<u8> {
    let mut bytes = vec![0, STRING];
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    bytes[0] = bytes.len() as u8;
    bytes
}

/// The list of languages: US English.
pub(crate) fn languages() -> Vec<u8> {
    vec![4, STRING, 0x09, 0x04]
}

/// A configuration descriptor: its head, then `parts` one after the other.
pub(crate) fn configuration(interfaces: u8, value: u8, name: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![9, CONFIGURATION, 0, 0, interfaces, value, name, 0xe0, 1];
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    let total = (bytes.len() as u16).to_le_bytes();
    bytes[2..4].copy_from_slice(&total);
    bytes
}

/// An endpoint descriptor.
pub(crate) fn endpoint(address: u8, attributes: u8, max_packet: u16, interval: u8) -> [u8; 7] {
    let [low, high] = max_packet.to_le_bytes();
    [7, ENDPOINT, address, attributes, low, high, interval]
}

impl Descriptors {
    /// `bMaxPacketSize0`.
    pub fn max_packet_0(&self) -> u16 {
        self.device[7].into()
    }

    /// The configuration with this `bConfigurationValue`.
    pub fn configuration(&self, value: u8) -> Option<&[u8]> {
        self.configurations.iter().find(|bytes| bytes[5] == value).map(Vec::as_slice)
    }

    /// The string descriptor of this index.
    pub fn string(&self, index: u8) -> Option<&[u8]> {
        self.strings.iter().find(|(at, _)| *at == index).map(|(_, bytes)| bytes.as_slice())
    }

    /// The endpoints of configuration `value` while its interfaces are in the settings that
    /// `setting` tells.
    pub fn endpoints(&self, value: u8, setting: impl Fn(u8) -> u8) -> Vec<EndpointFacts> {
        let mut found = Vec::new();
        let mut here = false;
        for descriptor in self.configuration(value).into_iter().flat_map(split) {
            match descriptor[1] {
                INTERFACE => here = setting(descriptor[2]) == descriptor[3],
                ENDPOINT if here => found.push(EndpointFacts {
                    address: descriptor[2],
                    kind: Kind::from_bits(descriptor[3].into()),
                    max_packet: u16::from_le_bytes([descriptor[4], descriptor[5]]) & 0x7ff,
                    interval: descriptor[6],
                }),
                _ => {}
            }
        }
        found
    }

    /// True if configuration `value` has this setting of this interface.
    pub fn has_setting(&self, value: u8, interface: u8, alternate: u8) -> bool {
        let mut parts = self.configuration(value).into_iter().flat_map(split);
        parts.any(|part| part[1] == INTERFACE && part[2] == interface && part[3] == alternate)
    }
}

/// The descriptors of a chain, one by one. For our own, true ones: each is as long as it says.
pub(crate) fn split(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut left = bytes;
    std::iter::from_fn(move || {
        let len = usize::from(*left.first()?);
        let (one, rest) = left.split_at(len);
        left = rest;
        Some(one)
    })
}

/// An endpoint address of a number and a direction.
pub(crate) fn endpoint_address(number: u8, way: Way) -> u8 {
    match way {
        Way::In => number | 0x80,
        Way::Out => number,
    }
}
