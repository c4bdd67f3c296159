//! SETUP packets (USB 2.0, 9.3) and the standard requests that a host needs (9.4, 11.24).

/// The eight bytes of a SETUP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// `bmRequestType`: direction, type, recipient.
    pub request_type: u8,
    /// `bRequest`.
    pub request: u8,
    /// `wValue`.
    pub value: u16,
    /// `wIndex`.
    pub index: u16,
    /// `wLength`: bytes of the data stage.
    pub length: u16,
}

impl Setup {
    /// As it goes over the wire.
    pub fn to_bytes(self) -> [u8; 8] {
        let [v0, v1] = self.value.to_le_bytes();
        let [i0, i1] = self.index.to_le_bytes();
        let [l0, l1] = self.length.to_le_bytes();
        [self.request_type, self.request, v0, v1, i0, i1, l0, l1]
    }

    /// True if the data stage goes from the device to the host.
    pub fn is_in(self) -> bool {
        self.request_type & 0x80 != 0
    }

    const fn new(request_type: u8, request: u8, value: u16, index: u16, length: u16) -> Self {
        Self { request_type, request, value, index, length }
    }

    /// GET_DESCRIPTOR (9.4.3); `language` is 0 for all but strings.
    pub const fn get_descriptor(kind: u8, index: u8, language: u16, length: u16) -> Self {
        Self::new(0x80, 6, (kind as u16) << 8 | index as u16, language, length)
    }

    /// SET_ADDRESS (9.4.6).
    pub const fn set_address(address: u8) -> Self {
        Self::new(0x00, 5, address as u16, 0, 0)
    }

    /// SET_CONFIGURATION (9.4.7).
    pub const fn set_configuration(value: u8) -> Self {
        Self::new(0x00, 9, value as u16, 0, 0)
    }

    /// SET_INTERFACE (9.4.10).
    pub const fn set_interface(interface: u8, alternate: u8) -> Self {
        Self::new(0x01, 11, alternate as u16, interface as u16, 0)
    }

    /// CLEAR_FEATURE(ENDPOINT_HALT) (9.4.1); `endpoint` is `bEndpointAddress`.
    pub const fn clear_halt(endpoint: u8) -> Self {
        Self::new(0x02, 1, 0, endpoint as u16, 0)
    }

    /// GET_DESCRIPTOR of a hub (11.24.2.5).
    pub const fn get_hub_descriptor(length: u16) -> Self {
        Self::new(0xa0, 6, 0x2900, 0, length)
    }

    /// GET_STATUS of a hub's port (11.24.2.7): four bytes, wPortStatus and wPortChange.
    pub const fn get_port_status(port: u8) -> Self {
        Self::new(0xa3, 0, 0, port as u16, 4)
    }

    /// SET_FEATURE of a hub's port (11.24.2.13).
    pub const fn set_port_feature(port: u8, feature: u16) -> Self {
        Self::new(0x23, 3, feature, port as u16, 0)
    }

    /// CLEAR_FEATURE of a hub's port (11.24.2.2).
    pub const fn clear_port_feature(port: u8, feature: u16) -> Self {
        Self::new(0x23, 1, feature, port as u16, 0)
    }

    /// A class request to an interface without data to the host, such as the CDC ones.
    pub const fn class_interface(request: u8, value: u16, interface: u8) -> Self {
        Self::new(0x21, request, value, interface as u16, 0)
    }

    /// A vendor request that reads `length` bytes.
    pub const fn vendor_in(request: u8, value: u16, index: u16, length: u16) -> Self {
        Self::new(0xc0, request, value, index, length)
    }

    /// A vendor request that writes `length` bytes.
    pub const fn vendor_out(request: u8, value: u16, index: u16, length: u16) -> Self {
        Self::new(0x40, request, value, index, length)
    }
}
