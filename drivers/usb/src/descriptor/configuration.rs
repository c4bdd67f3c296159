//! Configuration descriptors (USB 2.0, 9.6.3 to 9.6.6): interfaces, their endpoints, their class's
//! own bytes.

use heapless::Vec;

use super::{DescriptorError, Descriptors, Raw, checked, kind, u16_at};
use crate::{Endpoint, Kind, Speed, Way};

/// Bytes of a configuration descriptor proper; `wTotalLength` is among them.
pub const CONFIGURATION_HEADER_BYTES: usize = 9;
/// Bytes of an interface descriptor.
const INTERFACE_BYTES: usize = 9;
/// Bytes of an endpoint descriptor (audio class ones are longer).
const ENDPOINT_BYTES: usize = 7;
/// Endpoints of one alternate setting: 15 in each direction.
const ENDPOINTS_MAX: usize = 30;

/// Bulk and interrupt endpoints of an interface, checked.
pub type Endpoints = Vec<Endpoint, ENDPOINTS_MAX>;

/// A configuration with everything below it: `wTotalLength` bytes, every length in them checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Configuration<'a> {
    /// `bConfigurationValue`, what SET_CONFIGURATION takes; not 0.
    pub value: u8,
    /// `bMaxPower` in mA (2 mA a unit at full and high speed).
    pub power_ma: u16,
    /// What follows the configuration descriptor proper.
    body: &'a [u8],
}

impl<'a> Configuration<'a> {
    /// `wTotalLength` from the first nine bytes: what to ask for next.
    ///
    /// # Errors
    /// [`DescriptorError`]: too short, another type, or a total below the descriptor's own length.
    pub fn total_length(bytes: &[u8]) -> Result<usize, DescriptorError> {
        let head = checked(bytes, kind::CONFIGURATION, CONFIGURATION_HEADER_BYTES)?;
        let total = usize::from(u16_at(head, 2));
        if total < usize::from(head[0]) {
            return Err(DescriptorError::TooShort {
                kind: kind::CONFIGURATION,
                needed: head[0].into(),
                length: total,
            });
        }
        Ok(total)
    }

    /// Parses a configuration. Bytes after `wTotalLength` are ignored.
    ///
    /// # Errors
    /// [`DescriptorError`]: a length that does not fit, an interface or an endpoint that occurs
    /// twice, an endpoint outside of any interface, the configuration value 0.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DescriptorError> {
        let total = Self::total_length(bytes)?;
        let head = checked(bytes, kind::CONFIGURATION, CONFIGURATION_HEADER_BYTES)?;
        let body = bytes.get(head.len()..total).ok_or(DescriptorError::Truncated {
            kind: kind::CONFIGURATION,
            needed: total,
            got: bytes.len(),
        })?;
        if head[5] == 0 {
            return Err(DescriptorError::ConfigurationZero);
        }
        check_body(body)?;
        Ok(Self { value: head[5], power_ma: u16::from(head[8]) * 2, body })
    }

    /// All interfaces, each alternate setting as one.
    pub fn interfaces(&self) -> Interfaces<'a> {
        Interfaces { descriptors: Descriptors::new(self.body), body: self.body }
    }

    /// One alternate setting of an interface.
    pub fn interface(&self, number: u8, alternate: u8) -> Option<Interface<'a>> {
        self.interfaces().find(|i| i.number == number && i.alternate == alternate)
    }
}

/// Checks what [`Configuration::parse`] promises of everything below the configuration.
fn check_body(body: &[u8]) -> Result<(), DescriptorError> {
    // Of every endpoint address, the interface that has it: alternate settings of one interface may
    // share it.
    let mut owners = [None::<u8>; 32];
    let mut interface: Option<(u8, u8)> = None;
    let mut seen = Descriptors::new(body);
    loop {
        let before = seen.offset();
        let Some(raw) = seen.next() else { return Ok(()) };
        let raw = raw?;
        match raw.kind {
            kind::INTERFACE => {
                let bytes = checked(raw.bytes, kind::INTERFACE, INTERFACE_BYTES)?;
                let this = (bytes[2], bytes[3]);
                let earlier = Interfaces {
                    descriptors: Descriptors::new(&body[..before]),
                    body: &body[..before],
                };
                if earlier.into_iter().any(|i| (i.number, i.alternate) == this) {
                    let (interface, alternate) = this;
                    return Err(DescriptorError::DuplicateInterface { interface, alternate });
                }
                interface = Some(this);
            }
            kind::ENDPOINT => {
                let address = checked(raw.bytes, kind::ENDPOINT, ENDPOINT_BYTES)?[2];
                let Some((interface, _)) = interface else {
                    return Err(DescriptorError::StrayEndpoint(address));
                };
                let index = endpoint_number(address)? | (address & 0x80) >> 3;
                let owner = &mut owners[usize::from(index)];
                if owner.is_some_and(|other| other != interface) {
                    return Err(DescriptorError::DuplicateEndpoint(address));
                }
                *owner = Some(interface);
            }
            _ => {}
        }
    }
}

/// The number in `bEndpointAddress` (USB 2.0, table 9-13), 1..=15. Bits 4 to 6 are reserved, and
/// endpoint 0 has no descriptor.
fn endpoint_number(address: u8) -> Result<u8, DescriptorError> {
    match address & 0x7f {
        number @ 1..=15 => Ok(number),
        _ => Err(DescriptorError::EndpointAddress(address)),
    }
}

/// Iterates over the interfaces of a [`Configuration`].
#[derive(Clone, Debug)]
pub struct Interfaces<'a> {
    descriptors: Descriptors<'a>,
    body: &'a [u8],
}

impl<'a> Iterator for Interfaces<'a> {
    type Item = Interface<'a>;

    fn next(&mut self) -> Option<Interface<'a>> {
        // Every length was checked by `Configuration::parse`; a wrong one would end the walk.
        let head = loop {
            let raw = self.descriptors.next()?.ok()?;
            if raw.kind == kind::INTERFACE && raw.bytes.len() >= INTERFACE_BYTES {
                break raw.bytes;
            }
        };
        let start = self.descriptors.offset();
        let mut end = start;
        let mut ahead = self.descriptors.clone();
        while let Some(Ok(raw)) = ahead.next() {
            if raw.kind == kind::INTERFACE {
                break;
            }
            end = ahead.offset();
        }
        Some(Interface {
            number: head[2],
            alternate: head[3],
            promised: head[4],
            class: head[5],
            subclass: head[6],
            protocol: head[7],
            body: &self.body[start..end],
        })
    }
}

/// One alternate setting of an interface, with the descriptors up to the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface<'a> {
    /// `bInterfaceNumber`.
    pub number: u8,
    /// `bAlternateSetting`.
    pub alternate: u8,
    /// `bInterfaceClass`.
    pub class: u8,
    /// `bInterfaceSubClass`.
    pub subclass: u8,
    /// `bInterfaceProtocol`.
    pub protocol: u8,
    /// `bNumEndpoints`.
    promised: u8,
    body: &'a [u8],
}

impl<'a> Interface<'a> {
    /// The bulk and interrupt endpoints, checked for a device of this speed. Others are left out.
    ///
    /// # Errors
    /// [`DescriptorError`]: a packet size or an interval that the speed forbids, an endpoint that
    /// occurs twice, fewer endpoints than the interface promised.
    pub fn endpoints(&self, speed: Speed) -> Result<Endpoints, DescriptorError> {
        let mut endpoints = Endpoints::new();
        let (mut found, mut addresses) = (0u8, 0u32);
        for raw in self.descriptors().filter(|raw| raw.kind == kind::ENDPOINT) {
            let bytes = checked(raw.bytes, kind::ENDPOINT, ENDPOINT_BYTES)?;
            let bit = 1 << (endpoint_number(bytes[2])? | (bytes[2] & 0x80) >> 3);
            if addresses & bit != 0 {
                return Err(DescriptorError::DuplicateEndpoint(bytes[2]));
            }
            addresses |= bit;
            found += 1;
            if let Some(endpoint) = endpoint(bytes, speed)? {
                // Thirty different addresses are all there can be.
                let _ = endpoints.push(endpoint);
            }
        }
        if found < self.promised {
            let (interface, promised) = (self.number, self.promised);
            return Err(DescriptorError::EndpointCount { interface, promised, found });
        }
        Ok(endpoints)
    }

    /// Class-specific descriptors of the interface, such as CDC's functional descriptors: each with
    /// its length, type and subtype bytes.
    pub fn class_specific(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.descriptors().filter(|raw| raw.kind == kind::CLASS_INTERFACE).map(|raw| raw.bytes)
    }

    fn descriptors(&self) -> impl Iterator<Item = Raw<'a>> + use<'a> {
        Descriptors::new(self.body).map_while(Result::ok)
    }
}

/// An endpoint descriptor (USB 2.0, table 9-13); `None` for control and isochronous ones.
fn endpoint(bytes: &[u8], speed: Speed) -> Result<Option<Endpoint>, DescriptorError> {
    let address = bytes[2];
    let number = endpoint_number(address)?;
    let way = if address & 0x80 != 0 { Way::In } else { Way::Out };
    let interval = bytes[6];
    let kind = match bytes[3] & 3 {
        2 => Kind::Bulk,
        3 => Kind::Interrupt,
        _ => return Ok(None),
    };
    // Bits 11 and 12 are the extra transactions of a high-speed microframe, which an interrupt
    // endpoint may leave unused.
    let max_packet = u16_at(bytes, 4) & 0x7ff;
    let fits = match (kind, speed) {
        (Kind::Bulk, Speed::Low) => false,
        (Kind::Bulk, Speed::Full) => matches!(max_packet, 8 | 16 | 32 | 64),
        (Kind::Bulk, Speed::High) => max_packet == 512,
        (Kind::Interrupt, Speed::Low) => (1..=8).contains(&max_packet),
        (Kind::Interrupt, Speed::Full) => (1..=64).contains(&max_packet),
        (Kind::Interrupt, Speed::High) => (1..=1024).contains(&max_packet),
    };
    if !fits {
        return Err(DescriptorError::MaxPacket { endpoint: address, bytes: max_packet, speed });
    }
    let regular = match (kind, speed) {
        (Kind::Bulk, _) => true,
        // Powers of two of 125 us (USB 2.0, 5.7.4).
        (Kind::Interrupt, Speed::High) => (1..=16).contains(&interval),
        (Kind::Interrupt, _) => interval != 0,
    };
    if !regular {
        return Err(DescriptorError::Interval { endpoint: address, interval });
    }
    Ok(Some(Endpoint { number, way, kind, max_packet, interval }))
}
