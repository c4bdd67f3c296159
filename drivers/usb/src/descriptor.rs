//! Descriptors (USB 2.0, 9.5): bytes that a device says about itself, none of them believed.
//!
//! Each parser is total: any bytes give a value whose invariants hold, or a [`DescriptorError`]
//! that names what is wrong and shows it. A configuration is checked as a whole when it is parsed;
//! its interfaces and endpoints are then views of the bytes:
//!
//! ```
//! use usb::descriptor::Configuration;
//! use usb::{Kind, Speed, Way};
//!
//! let bytes = [
//!     9, 2, 25, 0, 1, 1, 0, 0x80, 50, // configuration 1, one interface
//!     9, 4, 0, 0, 1, 0xff, 0, 0, 0, // interface 0, vendor class, one endpoint
//!     7, 5, 0x81, 2, 64, 0, 0, // bulk IN 1, packets of 64 bytes
//! ];
//! let configuration = Configuration::parse(&bytes)?;
//! let interface = configuration.interfaces().next().unwrap();
//! let endpoints = interface.endpoints(Speed::Full)?;
//! let bulk_in = endpoints.iter().find(|e| e.kind == Kind::Bulk && e.way == Way::In).unwrap();
//! assert_eq!((bulk_in.number, bulk_in.max_packet), (1, 64));
//! # Ok::<(), usb::descriptor::DescriptorError>(())
//! ```

mod configuration;
mod error;
mod string;

pub use configuration::{
    CONFIGURATION_HEADER_BYTES, Configuration, Endpoints, Interface, Interfaces,
};
pub use error::DescriptorError;
pub use string::{first_language, string};

use crate::Speed;

/// `bDescriptorType` (USB 2.0, table 9-5 and 11.23.2.1; class types: CDC 1.2, table 12).
pub mod kind {
    /// Device.
    pub const DEVICE: u8 = 1;
    /// Configuration.
    pub const CONFIGURATION: u8 = 2;
    /// String.
    pub const STRING: u8 = 3;
    /// Interface.
    pub const INTERFACE: u8 = 4;
    /// Endpoint.
    pub const ENDPOINT: u8 = 5;
    /// Class-specific, of an interface.
    pub const CLASS_INTERFACE: u8 = 0x24;
    /// Hub.
    pub const HUB: u8 = 0x29;
}

/// `bDeviceClass` and `bInterfaceClass` codes (usb.org, Defined Class Codes).
pub mod class {
    /// Communications and CDC control.
    pub const COMMUNICATIONS: u8 = 0x02;
    /// Hub.
    pub const HUB: u8 = 0x09;
    /// CDC data.
    pub const CDC_DATA: u8 = 0x0a;
}

/// One descriptor of a list: its type and all its bytes, `bLength` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a> {
    /// `bDescriptorType`.
    pub kind: u8,
    /// The descriptor, from `bLength` on; at least two bytes.
    pub bytes: &'a [u8],
}

/// Walks a list of descriptors. Ends at the first wrong length, after reporting it.
#[derive(Clone, Debug)]
pub struct Descriptors<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Descriptors<'a> {
    /// The descriptors in `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { all: bytes, at: 0 }
    }

    /// Bytes from the start of the list to the next descriptor.
    pub fn offset(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for Descriptors<'a> {
    type Item = Result<Raw<'a>, DescriptorError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.all.get(self.at..)?;
        let &length = rest.first()?;
        let at = self.at;
        let fail = |this: &mut Self, error| {
            this.at = this.all.len();
            Some(Err(error))
        };
        if length < 2 {
            return fail(self, DescriptorError::ZeroLength { at });
        }
        let Some(bytes) = rest.get(..usize::from(length)) else {
            let kind = rest.get(1).copied().unwrap_or(0);
            let error = DescriptorError::Truncated { kind, needed: length.into(), got: rest.len() };
            return fail(self, error);
        };
        self.at += bytes.len();
        Some(Ok(Raw { kind: bytes[1], bytes }))
    }
}

/// Checks the head of a descriptor: at least `needed` bytes, by its own word and in truth, and of
/// type `kind`.
fn checked(bytes: &[u8], kind: u8, needed: usize) -> Result<&[u8], DescriptorError> {
    let &[length, found, ..] = bytes else {
        return Err(DescriptorError::Truncated { kind, needed, got: bytes.len() });
    };
    if found != kind {
        return Err(DescriptorError::WrongKind { expected: kind, found });
    }
    let length = usize::from(length);
    if length < needed {
        return Err(DescriptorError::TooShort { kind, needed, length });
    }
    bytes
        .get(..length.min(bytes.len()))
        .filter(|inner| inner.len() >= needed)
        .ok_or(DescriptorError::Truncated { kind, needed, got: bytes.len() })
}

/// A little-endian 16-bit number; the caller has checked the length.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// Checks `bMaxPacketSize0` (USB 2.0, 5.5.3).
fn max_packet_0(bytes: u8, speed: Speed) -> Result<u8, DescriptorError> {
    let fits = match speed {
        Speed::Low => bytes == 8,
        Speed::Full => matches!(bytes, 8 | 16 | 32 | 64),
        Speed::High => bytes == 64,
    };
    if fits { Ok(bytes) } else { Err(DescriptorError::MaxPacket0 { bytes, speed }) }
}

/// The device descriptor (USB 2.0, table 9-8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceDescriptor {
    /// `bMaxPacketSize0` in bytes: 8, 16, 32 or 64, as the speed allows.
    pub max_packet_0: u8,
    /// `bDeviceClass`.
    pub class: u8,
    /// `bDeviceSubClass`.
    pub subclass: u8,
    /// `bDeviceProtocol`.
    pub protocol: u8,
    /// `idVendor`.
    pub vendor: u16,
    /// `idProduct`.
    pub product: u16,
    /// `bcdDevice`.
    pub release: u16,
    /// `bNumConfigurations`, at least 1.
    pub configurations: u8,
}

impl DeviceDescriptor {
    /// Bytes of a device descriptor.
    pub const BYTES: usize = 18;

    /// Parses a whole device descriptor.
    ///
    /// # Errors
    /// [`DescriptorError`]: too short, of another type, a packet size that the speed forbids, no
    /// configuration.
    pub fn parse(bytes: &[u8], speed: Speed) -> Result<Self, DescriptorError> {
        let bytes = checked(bytes, kind::DEVICE, Self::BYTES)?;
        let configurations = bytes[17];
        if configurations == 0 {
            return Err(DescriptorError::NoConfiguration);
        }
        Ok(Self {
            max_packet_0: max_packet_0(bytes[7], speed)?,
            class: bytes[4],
            subclass: bytes[5],
            protocol: bytes[6],
            vendor: u16_at(bytes, 8),
            product: u16_at(bytes, 10),
            release: u16_at(bytes, 12),
            configurations,
        })
    }

    /// `bMaxPacketSize0` of a descriptor of which only the first eight bytes are here: all that can
    /// be read before it is known.
    ///
    /// # Errors
    /// [`DescriptorError`]: fewer than eight bytes, another type, a packet size that the speed
    /// forbids.
    pub fn max_packet_0(bytes: &[u8], speed: Speed) -> Result<u8, DescriptorError> {
        max_packet_0(checked(bytes, kind::DEVICE, 8)?[7], speed)
    }
}

/// The hub descriptor (USB 2.0, table 11-13), as far as a host needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubDescriptor {
    /// `bNbrPorts`, at least 1.
    pub ports: u8,
    /// `bPwrOn2PwrGood` in milliseconds (two for each unit of the descriptor): at most 510.
    pub power_good_ms: u16,
}

impl HubDescriptor {
    /// Parses a hub descriptor.
    ///
    /// # Errors
    /// [`DescriptorError`]: too short, of another type, no ports.
    pub fn parse(bytes: &[u8]) -> Result<Self, DescriptorError> {
        let bytes = checked(bytes, kind::HUB, 7)?;
        if bytes[2] == 0 {
            return Err(DescriptorError::NoPorts);
        }
        Ok(Self { ports: bytes[2], power_good_ms: u16::from(bytes[5]) * 2 })
    }
}

#[cfg(test)]
mod tests;
