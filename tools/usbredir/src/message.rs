//! The messages of the usbredir protocol (`usb-redirection-protocol.txt`, version 0.7).
//!
//! A USB *host* (here: this crate, which has the device) and a *guest* (QEMU) exchange them over a
//! byte stream. [`crate::codec`] says how they look there.

use std::fmt;

/// How a request ended. In brackets: what the guest's DWC2 shows for it in HCINT (observed under
/// QEMU 7.2). There is no NAK: a request that has to wait is left unanswered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// Done (XFERCOMPL).
    Success = 0,
    /// Given up, by the guest's wish or because the device is gone (XACTERR).
    Cancelled = 1,
    /// No such thing (XACTERR).
    Invalid = 2,
    /// The device did not answer as it should (XACTERR).
    IoError = 3,
    /// The endpoint is halted (STALL).
    Stall = 4,
    /// The device did not answer (XACTERR).
    Timeout = 5,
    /// More data than asked for (BBLERR).
    Babble = 6,
}

impl Status {
    /// The status of this number; unknown ones are errors of their own kind.
    pub const fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::Success,
            1 => Self::Cancelled,
            2 => Self::Invalid,
            4 => Self::Stall,
            5 => Self::Timeout,
            6 => Self::Babble,
            _ => Self::IoError,
        }
    }
}

/// What one side can do; a feature is used if both can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(pub u32);

impl Capabilities {
    /// Bulk streams of USB 3.
    pub const BULK_STREAMS: Self = Self(1 << 0);
    /// `device_connect` carries the device's version.
    pub const CONNECT_DEVICE_VERSION: Self = Self(1 << 1);
    /// `filter_reject` and `filter_filter`.
    pub const FILTER: Self = Self(1 << 2);
    /// `device_disconnect_ack`.
    pub const DISCONNECT_ACK: Self = Self(1 << 3);
    /// `ep_info` carries packet sizes.
    pub const PACKET_SIZES: Self = Self(1 << 4);
    /// Ids of 64 bits.
    pub const WIDE_IDS: Self = Self(1 << 5);
    /// Bulk lengths of 32 bits. QEMU ends itself at a bulk IN of 65,536 bytes without it.
    pub const WIDE_BULK_LENGTH: Self = Self(1 << 6);
    /// Bulk data without requests.
    pub const BULK_RECEIVING: Self = Self(1 << 7);

    /// What this crate announces.
    pub const OURS: Self = Self(
        Self::CONNECT_DEVICE_VERSION.0
            | Self::FILTER.0
            | Self::PACKET_SIZES.0
            | Self::WIDE_IDS.0
            | Self::WIDE_BULK_LENGTH.0,
    );

    /// What both sides can do.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// True if all of `other` is in it.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Bytes of the text in a hello.
pub const VERSION_BYTES: usize = 64;

/// Both sides' first message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// Who speaks: text, filled up with zeros.
    pub version: [u8; VERSION_BYTES],
    /// What it can do; `None` if it does not say.
    pub capabilities: Option<Capabilities>,
}

impl Hello {
    /// Our own.
    pub fn ours() -> Self {
        const NAME: &[u8] = concat!("barewire usbredir ", env!("CARGO_PKG_VERSION")).as_bytes();
        let mut version = [0; VERSION_BYTES];
        for (to, from) in version.iter_mut().zip(NAME) {
            *to = *from;
        }
        Self { version, capabilities: Some(Capabilities::OURS) }
    }

    /// The text, as far as it is text.
    pub fn name(&self) -> String {
        let end = self.version.iter().position(|&byte| byte == 0).unwrap_or(VERSION_BYTES);
        String::from_utf8_lossy(&self.version[..end]).escape_debug().to_string()
    }
}

impl fmt::Debug for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hello({}, {:?})", self.name(), self.capabilities)
    }
}

/// `device_connect`'s speeds.
pub mod speed {
    /// 12 Mbit/s.
    pub const FULL: u8 = 1;
    /// 480 Mbit/s.
    pub const HIGH: u8 = 2;
}

/// A device is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceConnect {
    /// One of [`speed`].
    pub speed: u8,
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
    /// `bcdDevice`; lost if one side does not have
    /// [`CONNECT_DEVICE_VERSION`](Capabilities::CONNECT_DEVICE_VERSION).
    pub version: u16,
}

/// Interfaces that `interface_info` has room for, and endpoints in `ep_info`.
pub const TABLE_ROWS: usize = 32;

/// The interfaces of the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterfaceInfo {
    /// How many of the rows count.
    pub count: u32,
    /// `bInterfaceNumber`.
    pub number: [u8; TABLE_ROWS],
    /// `bInterfaceClass`.
    pub class: [u8; TABLE_ROWS],
    /// `bInterfaceSubClass`.
    pub subclass: [u8; TABLE_ROWS],
    /// `bInterfaceProtocol`.
    pub protocol: [u8; TABLE_ROWS],
}

/// The endpoints of the configuration. Row: number for OUT, 16 + number for IN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointInfo {
    /// Transfer type: 0 control, 1 isochronous, 2 bulk, 3 interrupt, 255 no such endpoint.
    pub kind: [u8; TABLE_ROWS],
    /// `bInterval`. QEMU refuses a device with an interrupt endpoint of interval 0.
    pub interval: [u8; TABLE_ROWS],
    /// The interface it belongs to.
    pub interface: [u8; TABLE_ROWS],
    /// Packet size in bytes; lost if one side does not have
    /// [`PACKET_SIZES`](Capabilities::PACKET_SIZES).
    pub max_packet: [u16; TABLE_ROWS],
}

/// `kind` of a row without an endpoint.
pub const NO_ENDPOINT: u8 = 255;

impl Default for EndpointInfo {
    /// Endpoint 0 alone.
    fn default() -> Self {
        let mut info = Self {
            kind: [NO_ENDPOINT; TABLE_ROWS],
            interval: [0; TABLE_ROWS],
            interface: [0; TABLE_ROWS],
            max_packet: [0; TABLE_ROWS],
        };
        for row in [0, 16] {
            info.kind[row] = 0;
            info.max_packet[row] = 64;
        }
        info
    }
}

/// A control transfer, or how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPacket {
    /// 0x80 for data to the guest, 0 otherwise.
    pub endpoint: u8,
    /// `bRequest`.
    pub request: u8,
    /// `bmRequestType`.
    pub request_type: u8,
    /// How it ended.
    pub status: Status,
    /// `wValue`.
    pub value: u16,
    /// `wIndex`.
    pub index: u16,
    /// `wLength`; in an answer, the bytes that were moved.
    pub length: u16,
    /// The data, in the one message that carries it.
    pub data: Vec<u8>,
}

/// A bulk transfer, or how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkPacket {
    /// Endpoint address.
    pub endpoint: u8,
    /// How it ended.
    pub status: Status,
    /// Bytes asked for, or moved.
    pub length: u32,
    /// Stream of USB 3; 0 otherwise.
    pub stream: u32,
    /// The data, in the one message that carries it.
    pub data: Vec<u8>,
}

/// An interrupt or isochronous packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmallPacket {
    /// Endpoint address.
    pub endpoint: u8,
    /// How it ended.
    pub status: Status,
    /// Bytes moved.
    pub length: u16,
    /// The data, in the one message that carries it.
    pub data: Vec<u8>,
}

/// A message of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "a status and the thing it is about, always the same way")]
pub enum Message {
    /// Both sides' first.
    Hello(Hello),
    /// To the guest: a device is there.
    DeviceConnect(DeviceConnect),
    /// To the guest: it is gone.
    DeviceDisconnect,
    /// From the guest: a bus reset. Has no answer.
    Reset,
    /// To the guest, before `DeviceConnect` and at every change.
    InterfaceInfo(Box<InterfaceInfo>),
    /// To the guest, before `DeviceConnect` and at every change.
    EndpointInfo(Box<EndpointInfo>),
    /// From the guest: SET_CONFIGURATION.
    SetConfiguration { configuration: u8 },
    /// From the guest: GET_CONFIGURATION.
    GetConfiguration,
    /// The answer to both.
    ConfigurationStatus { status: Status, configuration: u8 },
    /// From the guest: SET_INTERFACE.
    SetAlternate { interface: u8, alternate: u8 },
    /// From the guest: GET_INTERFACE.
    GetAlternate { interface: u8 },
    /// The answer to both.
    AlternateStatus { status: Status, interface: u8, alternate: u8 },
    /// From the guest: isochronous packets from now on.
    StartIso { endpoint: u8, packets: u8, requests: u8 },
    /// From the guest: no more of them.
    StopIso { endpoint: u8 },
    /// The answer to both.
    IsoStatus { status: Status, endpoint: u8 },
    /// From the guest: reports of this interrupt endpoint from now on.
    StartInterrupt { endpoint: u8 },
    /// From the guest: no more of them.
    StopInterrupt { endpoint: u8 },
    /// The answer to both.
    InterruptStatus { status: Status, endpoint: u8 },
    /// From the guest: streams of USB 3.
    AllocateStreams { endpoints: u32, streams: u32 },
    /// From the guest: no more of them.
    FreeStreams { endpoints: u32 },
    /// The answer to both.
    StreamsStatus { endpoints: u32, streams: u32, status: Status },
    /// From the guest: give the request with this message's id up.
    Cancel,
    /// From the guest: it does not want the device.
    FilterReject,
    /// Which devices it wants, as text.
    Filter(Vec<u8>),
    /// From the guest: it knows that the device is gone.
    DisconnectAck,
    /// From the guest: bulk data without requests.
    StartBulk { stream: u32, bytes: u32, endpoint: u8, transfers: u8 },
    /// From the guest: no more of it.
    StopBulk { stream: u32, endpoint: u8 },
    /// The answer to both.
    BulkStatus { stream: u32, endpoint: u8, status: Status },
    /// A control transfer.
    Control(ControlPacket),
    /// A bulk transfer.
    Bulk(BulkPacket),
    /// An isochronous packet.
    Iso(SmallPacket),
    /// An interrupt packet.
    Interrupt(SmallPacket),
    /// To the guest: bulk data without a request.
    BufferedBulk { stream: u32, length: u32, endpoint: u8, status: Status, data: Vec<u8> },
}
