//! What is wrong with a descriptor.

use core::fmt;

use crate::Speed;

/// What is wrong with a descriptor, with the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DescriptorError {
    /// The bytes end before the descriptor does.
    Truncated {
        /// `bDescriptorType`.
        kind: u8,
        /// Bytes that should be there.
        needed: usize,
        /// Bytes that are there.
        got: usize,
    },
    /// `bLength` is less than the type needs.
    TooShort {
        /// `bDescriptorType`.
        kind: u8,
        /// Bytes that the type needs.
        needed: usize,
        /// `bLength`.
        length: usize,
    },
    /// `bLength` is 0 or 1: the list can not go on.
    ZeroLength {
        /// Bytes from the start of the list.
        at: usize,
    },
    /// Another type than was asked for.
    WrongKind {
        /// `bDescriptorType` that was asked for.
        expected: u8,
        /// `bDescriptorType` that came.
        found: u8,
    },
    /// `bMaxPacketSize0` is none that the speed allows.
    MaxPacket0 {
        /// In bytes.
        bytes: u8,
        /// Of the device.
        speed: Speed,
    },
    /// `wMaxPacketSize` of an endpoint is none that the type and the speed allow.
    MaxPacket {
        /// `bEndpointAddress`.
        endpoint: u8,
        /// In bytes.
        bytes: u16,
        /// Of the device.
        speed: Speed,
    },
    /// An endpoint number outside of 1..=15, or reserved bits set.
    EndpointAddress(u8),
    /// An endpoint address that occurs twice where only one of the two can work.
    DuplicateEndpoint(u8),
    /// `bInterval` of an interrupt endpoint is none that the speed allows.
    Interval {
        /// `bEndpointAddress`.
        endpoint: u8,
        /// As in the descriptor.
        interval: u8,
    },
    /// An interface has fewer endpoints than it promised.
    EndpointCount {
        /// `bInterfaceNumber`.
        interface: u8,
        /// `bNumEndpoints`.
        promised: u8,
        /// Endpoint descriptors.
        found: u8,
    },
    /// An endpoint before the first interface.
    StrayEndpoint(u8),
    /// The same alternate setting of an interface occurs twice.
    DuplicateInterface {
        /// `bInterfaceNumber`.
        interface: u8,
        /// `bAlternateSetting`.
        alternate: u8,
    },
    /// `bNumConfigurations` is 0.
    NoConfiguration,
    /// `bConfigurationValue` is 0, which means "not configured" (USB 2.0, 9.4.7).
    ConfigurationZero,
    /// `bNbrPorts` of a hub is 0.
    NoPorts,
    /// More bytes than are kept.
    TooLong {
        /// Bytes that the device has.
        bytes: usize,
        /// Bytes that are kept at most.
        limit: usize,
    },
    /// A string of an odd number of bytes.
    OddString(usize),
}

impl fmt::Display for DescriptorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Truncated { kind, needed, got } => {
                write!(f, "descriptor {kind:#04x} ends after {got} of {needed} bytes")
            }
            Self::TooShort { kind, needed, length } => {
                write!(f, "descriptor {kind:#04x} claims {length} bytes, needs {needed}")
            }
            Self::ZeroLength { at } => write!(f, "descriptor of no length at byte {at}"),
            Self::WrongKind { expected, found } => {
                write!(f, "descriptor {found:#04x} instead of {expected:#04x}")
            }
            Self::MaxPacket0 { bytes, speed } => {
                write!(f, "{bytes}-byte control packets at {speed}")
            }
            Self::MaxPacket { endpoint, bytes, speed } => {
                write!(f, "endpoint {endpoint:#04x}: {bytes}-byte packets at {speed}")
            }
            Self::EndpointAddress(address) => write!(f, "endpoint address {address:#04x}"),
            Self::DuplicateEndpoint(address) => write!(f, "endpoint {address:#04x} twice"),
            Self::Interval { endpoint, interval } => {
                write!(f, "endpoint {endpoint:#04x}: interval {interval}")
            }
            Self::EndpointCount { interface, promised, found } => {
                write!(f, "interface {interface} has {found} of {promised} endpoints")
            }
            Self::StrayEndpoint(address) => {
                write!(f, "endpoint {address:#04x} before any interface")
            }
            Self::DuplicateInterface { interface, alternate } => {
                write!(f, "interface {interface} alternate {alternate} twice")
            }
            Self::NoConfiguration => f.write_str("no configurations"),
            Self::ConfigurationZero => f.write_str("configuration value 0"),
            Self::NoPorts => f.write_str("hub without ports"),
            Self::TooLong { bytes, limit } => write!(f, "{bytes} bytes, more than {limit}"),
            Self::OddString(bytes) => write!(f, "string of {bytes} bytes, an odd number"),
        }
    }
}

impl core::error::Error for DescriptorError {}
