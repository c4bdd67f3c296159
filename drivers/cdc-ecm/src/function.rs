//! The Ethernet function in a device's descriptors (CDC 1.2, 5.2; ECM 1.2, 5.4).

use core::fmt;

use usb::bus::{BusError, Configurations};
use usb::descriptor::{Configuration, DescriptorError, Interface, class};
use usb::{Endpoint, Kind, Speed, TransferError, Way};

use crate::limits::FRAME_BYTES_MAX;

/// Ethernet Networking Control Model (CDC 1.2, table 4).
const SUBCLASS_ETHERNET: u8 = 0x06;
/// Union Functional Descriptor (CDC 1.2, table 13).
const SUBTYPE_UNION: u8 = 0x06;
/// Ethernet Networking Functional Descriptor (CDC 1.2, table 13; ECM 1.2, table 3).
const SUBTYPE_ETHERNET: u8 = 0x0f;

/// Why a device that has an Ethernet function can not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EcmError {
    /// A descriptor is wrong.
    Descriptor(DescriptorError),
    /// The device does not answer, or refuses what it must not refuse.
    Transfer(TransferError),
    /// Something on the way did not come up.
    Bus(BusError),
    /// No Union Functional Descriptor: it is not known which interface carries the frames.
    NoUnion,
    /// No Ethernet Networking Functional Descriptor.
    NoEthernetDescriptor,
    /// A functional descriptor has fewer bytes than its subtype needs.
    FunctionalLength {
        /// `bDescriptorSubtype`.
        subtype: u8,
        /// Bytes.
        length: usize,
    },
    /// The data interface that the union names has no setting with a bulk endpoint in each
    /// direction.
    NoDataInterface(u8),
    /// `wMaxSegmentSize` is less than an Ethernet frame.
    SegmentBytes(u16),
    /// The device has no Ethernet address, or a wrong one, and the board has none for it.
    NoAddress,
    /// Buffers of the time before are still with the controller.
    BuffersLent,
}

impl fmt::Display for EcmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Descriptor(error) => error.fmt(f),
            Self::Transfer(error) => error.fmt(f),
            Self::Bus(error) => error.fmt(f),
            Self::NoUnion => f.write_str("no union descriptor"),
            Self::NoEthernetDescriptor => f.write_str("no Ethernet descriptor"),
            Self::FunctionalLength { subtype, length } => {
                write!(f, "functional descriptor {subtype:#04x} of {length} bytes")
            }
            Self::NoDataInterface(number) => {
                write!(f, "interface {number} has no two bulk endpoints")
            }
            Self::SegmentBytes(bytes) => write!(f, "segments of {bytes} bytes"),
            Self::NoAddress => f.write_str("no Ethernet address"),
            Self::BuffersLent => f.write_str("buffers are still with the controller"),
        }
    }
}

impl core::error::Error for EcmError {}

impl From<DescriptorError> for EcmError {
    fn from(error: DescriptorError) -> Self {
        Self::Descriptor(error)
    }
}

impl From<TransferError> for EcmError {
    fn from(error: TransferError) -> Self {
        Self::Transfer(error)
    }
}

impl From<BusError> for EcmError {
    fn from(error: BusError) -> Self {
        Self::Bus(error)
    }
}

/// An Ethernet function: what to set, and where the frames go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// `bConfigurationValue`.
    pub configuration: u8,
    /// The communications interface, which takes class requests.
    pub control_interface: u8,
    /// The data interface.
    pub data_interface: u8,
    /// Its alternate setting that has endpoints.
    pub data_alternate: u8,
    /// Frames from the device.
    pub bulk_in: Endpoint,
    /// Frames to the device.
    pub bulk_out: Endpoint,
    /// Notifications, if the device sends any.
    pub notification: Option<Endpoint>,
    /// String index of the Ethernet address; 0 if there is none.
    pub mac_string: u8,
    /// `wMaxSegmentSize`: bytes of the longest frame that the device sends or takes, without FCS.
    pub segment_bytes: u16,
}

impl Function {
    /// The first usable Ethernet function among a device's configurations; `None` if it has none at
    /// all.
    ///
    /// # Errors
    /// [`EcmError`] of the first function, if there are some and none is usable.
    pub fn find(configurations: &Configurations, speed: Speed) -> Result<Option<Self>, EcmError> {
        let mut wrong = None;
        for configuration in configurations.iter() {
            for control in configuration.interfaces() {
                if (control.class, control.subclass) != (class::COMMUNICATIONS, SUBCLASS_ETHERNET) {
                    continue;
                }
                match Self::of(&configuration, &control, speed) {
                    Ok(function) => return Ok(Some(function)),
                    Err(error) => wrong = wrong.or(Some(error)),
                }
            }
        }
        wrong.map_or(Ok(None), Err)
    }

    /// The function that a communications interface describes.
    fn of(
        configuration: &Configuration<'_>,
        control: &Interface<'_>,
        speed: Speed,
    ) -> Result<Self, EcmError> {
        let union = functional(control, SUBTYPE_UNION, 5)?.ok_or(EcmError::NoUnion)?;
        let ethernet =
            functional(control, SUBTYPE_ETHERNET, 13)?.ok_or(EcmError::NoEthernetDescriptor)?;
        let data_interface = union[4];
        let segment_bytes = u16::from_le_bytes([ethernet[8], ethernet[9]]);
        if usize::from(segment_bytes) < FRAME_BYTES_MAX {
            return Err(EcmError::SegmentBytes(segment_bytes));
        }
        let notification = control
            .endpoints(speed)?
            .into_iter()
            .find(|endpoint| endpoint.kind == Kind::Interrupt && endpoint.way == Way::In);
        // The setting without endpoints is the one that carries no frames (ECM 1.2, 5.3).
        for data in configuration.interfaces() {
            if data.number != data_interface || data.class != class::CDC_DATA {
                continue;
            }
            let endpoints = data.endpoints(speed)?;
            let bulk = |way| endpoints.iter().find(|e| e.kind == Kind::Bulk && e.way == way);
            if let (Some(bulk_in), Some(bulk_out)) = (bulk(Way::In), bulk(Way::Out)) {
                return Ok(Self {
                    configuration: configuration.value,
                    control_interface: control.number,
                    data_interface,
                    data_alternate: data.alternate,
                    bulk_in: *bulk_in,
                    bulk_out: *bulk_out,
                    notification,
                    mac_string: ethernet[3],
                    segment_bytes,
                });
            }
        }
        Err(EcmError::NoDataInterface(data_interface))
    }
}

/// A functional descriptor of an interface, at least `needed` bytes long.
fn functional<'a>(
    interface: &Interface<'a>,
    subtype: u8,
    needed: usize,
) -> Result<Option<&'a [u8]>, EcmError> {
    match interface.class_specific().find(|bytes| bytes.get(2) == Some(&subtype)) {
        Some(bytes) if bytes.len() < needed => {
            Err(EcmError::FunctionalLength { subtype, length: bytes.len() })
        }
        found => Ok(found),
    }
}

/// An Ethernet address as CDC writes it: twelve hexadecimal digits (ECM 1.2, table 3). Only one
/// that a station can have: neither zero nor a group's.
pub fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let digits = text.as_bytes();
    if digits.len() != 12 {
        return None;
    }
    let mut mac = [0; 6];
    for (byte, pair) in mac.iter_mut().zip(digits.chunks_exact(2)) {
        let value = |digit: u8| char::from(digit).to_digit(16);
        *byte = (value(pair[0])? << 4 | value(pair[1])?) as u8;
    }
    (mac[0] & 1 == 0 && mac != [0; 6]).then_some(mac)
}

#[cfg(test)]
mod tests {
    use usb::Speed;
    use usb::bus::Configurations;

    use super::{EcmError, Function, parse_mac};

    /// As QEMU's `usb-net` describes itself (hw/usb/dev-network.c): RNDIS first, then CDC Ethernet.
    const QEMU: [u8; 147] = [
        // Configuration 2: RNDIS.
        9, 2, 67, 0, 2, 2, 7, 0xc0, 50, //
        9, 4, 0, 0, 1, 2, 2, 0xff, 0, //
        5, 0x24, 0, 0x10, 1, 5, 0x24, 1, 0, 1, 4, 0x24, 2, 0, 5, 0x24, 6, 0, 1, //
        7, 5, 0x81, 3, 16, 0, 32, //
        9, 4, 1, 0, 2, 10, 0, 0, 0, //
        7, 5, 0x82, 2, 64, 0, 0, 7, 5, 2, 2, 64, 0, 0, //
        // Configuration 1: CDC Ethernet.
        9, 2, 80, 0, 2, 1, 6, 0xc0, 50, //
        9, 4, 0, 0, 1, 2, 6, 0, 0, //
        5, 0x24, 0, 0x10, 1, 5, 0x24, 6, 0, 1, //
        13, 0x24, 0x0f, 3, 0, 0, 0, 0, 0xea, 5, 0, 0, 0, //
        7, 5, 0x81, 3, 16, 0, 32, //
        9, 4, 1, 0, 0, 10, 0, 0, 0, //
        9, 4, 1, 1, 2, 10, 0, 0, 0, //
        7, 5, 0x82, 2, 64, 0, 0, 7, 5, 2, 2, 64, 0, 0, //
    ];

    /// The function in two configurations, kept as an input of the fuzz target.
    fn found(bytes: &[u8]) -> Result<Option<Function>, EcmError> {
        // Full speed.
        corpus::seed("cdc_ecm", &[&[1], bytes].concat());
        let mut configurations = Configurations::default();
        let (first, second) = bytes.split_at(67);
        configurations.push(first)?;
        configurations.push(second)?;
        Function::find(&configurations, Speed::Full)
    }

    #[test]
    fn the_function_is_found_behind_another_configuration() {
        let function = found(&QEMU).unwrap().unwrap();
        assert_eq!((function.configuration, function.data_alternate), (1, 1));
        assert_eq!((function.control_interface, function.data_interface), (0, 1));
        assert_eq!((function.bulk_in.number, function.bulk_out.number), (2, 2));
        assert_eq!((function.mac_string, function.segment_bytes), (3, 1514));
        assert_eq!(function.notification.map(|endpoint| endpoint.interval), Some(32));
    }

    #[test]
    fn a_function_that_says_wrong_things_is_refused_by_name() {
        let with = |at: usize, byte: u8| {
            let mut bytes = QEMU;
            bytes[at] = byte;
            found(&bytes)
        };
        assert_eq!(with(92, 7), Err(EcmError::NoUnion));
        assert_eq!(with(97, 7), Err(EcmError::NoEthernetDescriptor));
        assert_eq!(with(94, 9), Err(EcmError::NoDataInterface(9)));
        assert_eq!(with(103, 0xe9), Err(EcmError::SegmentBytes(1513)));
        // Another subclass: no Ethernet function at all.
        assert_eq!(with(82, 2), Ok(None));
    }

    #[test]
    fn addresses_are_twelve_digits_of_a_station() {
        assert_eq!(parse_mac("525400123456"), Some([0x52, 0x54, 0, 0x12, 0x34, 0x56]));
        assert_eq!(parse_mac("AabbCCddEEff"), Some([0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff]));
        for wrong in [
            "",
            "52540012345",
            "5254001234567",
            "52540012345g",
            "+25400123456",
            "52:54:00:12:",
            "000000000000",
            "ffffffffffff",
            "010000000001",
        ] {
            assert_eq!(parse_mac(wrong), None, "{wrong}");
        }
    }
}
