//! Messages as bytes: little endian, packed, a header before each.
//!
//! ```text
//!   header   type u32 │ length u32 of what follows │ id u32, or u64 once both sides can
//!   body     fields │ data
//! ```
//!
//! [`decode`] is total: every sequence of bytes is a message or an [`Error`]. It takes messages of
//! both directions, so that a test can play the guest.

use std::fmt;

use crate::limits::{BODY_BYTES_MAX, CAPABILITY_WORDS_MAX};
use crate::message::{
    BulkPacket, Capabilities, ControlPacket, DeviceConnect, EndpointInfo, Hello, InterfaceInfo,
    Message, SmallPacket, Status, TABLE_ROWS,
};

const HELLO: u32 = 0;
/// Bytes of a header with an id of 32 bits.
const HEADER_BYTES: usize = 12;
/// Bytes of a header with an id of 64 bits.
const WIDE_HEADER_BYTES: usize = 16;

/// Why bytes are no message. The stream cannot be followed any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// A type that the protocol does not have.
    UnknownType(u32),
    /// More than [`BODY_BYTES_MAX`].
    TooLong {
        /// Type of the message.
        kind: u32,
        /// Its length in bytes.
        bytes: u32,
    },
    /// The body is not as long as its type, or its own length field, wants it.
    WrongLength {
        /// Type of the message.
        kind: u32,
        /// Its length in bytes.
        bytes: u32,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownType(kind) => write!(f, "a message of unknown type {kind}"),
            Self::TooLong { kind, bytes } => {
                write!(f, "a message of type {kind} with {bytes} bytes, above the limit")
            }
            Self::WrongLength { kind, bytes } => {
                write!(f, "a message of type {kind} whose {bytes} bytes do not fit its contents")
            }
        }
    }
}

impl std::error::Error for Error {}

/// A message and the number that ties an answer to its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// The number.
    pub id: u64,
    /// The message.
    pub message: Message,
}

/// Takes the first message from `stream`, in which both sides can do `shared` (nothing before both
/// hellos). Returns it with the bytes it took; `None` if it is not complete.
///
/// # Errors
/// If the stream does not go on with a message; as soon as that can be seen.
pub fn decode(stream: &[u8], shared: Capabilities) -> Result<Option<(Tagged, usize)>, Error> {
    let Some((kind, rest)) = split(stream, u32::from_le_bytes) else { return Ok(None) };
    let Some((bytes, rest)) = split(rest, u32::from_le_bytes) else { return Ok(None) };
    if usize::try_from(bytes).map_or(true, |bytes| bytes > BODY_BYTES_MAX) {
        return Err(Error::TooLong { kind, bytes });
    }
    // A hello always has a short id, also one that comes too late.
    let wide = kind != HELLO && shared.has(Capabilities::WIDE_IDS);
    let head = match wide {
        true => split(rest, u64::from_le_bytes),
        false => split(rest, u32::from_le_bytes).map(|(id, rest)| (u64::from(id), rest)),
    };
    let Some((id, rest)) = head else { return Ok(None) };
    let Some(body) = rest.get(..bytes as usize) else { return Ok(None) };
    let mut fields = Fields { rest: body };
    let message = match fields.message(kind, shared) {
        Parsed::Message(message) => message,
        Parsed::UnknownType => return Err(Error::UnknownType(kind)),
        Parsed::WrongLength => return Err(Error::WrongLength { kind, bytes }),
    };
    let head_bytes = if wide { WIDE_HEADER_BYTES } else { HEADER_BYTES };
    Ok(Some((Tagged { id, message }, head_bytes + body.len())))
}

fn split<const N: usize, T>(bytes: &[u8], from: fn([u8; N]) -> T) -> Option<(T, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    Some((from(*head), rest))
}

enum Parsed {
    Message(Message),
    UnknownType,
    WrongLength,
}

/// The fields of a body that are still to be read.
struct Fields<'a> {
    rest: &'a [u8],
}

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn status(&mut self) -> Option<Status> {
        self.u8().map(Status::from_byte)
    }

    /// The data behind the fields: nothing, or exactly `length` bytes.
    fn data(&mut self, length: usize) -> Option<Vec<u8>> {
        let data = std::mem::take(&mut self.rest);
        (data.is_empty() || data.len() == length).then(|| data.to_vec())
    }

    fn message(&mut self, kind: u32, shared: Capabilities) -> Parsed {
        let message = match kind {
            HELLO => self.hello(),
            1 => self.device_connect(),
            2 => Some(Message::DeviceDisconnect),
            3 => Some(Message::Reset),
            4 => self.interface_info(),
            5 => self.endpoint_info(),
            6..=17 => self.setting(kind),
            18..=20 | 25..=27 => self.bulk_setting(kind),
            21 => Some(Message::Cancel),
            22 => Some(Message::FilterReject),
            23 => Some(Message::Filter(std::mem::take(&mut self.rest).to_vec())),
            24 => Some(Message::DisconnectAck),
            100 => self.control(),
            101 => self.bulk(shared),
            102 => self.small().map(Message::Iso),
            103 => self.small().map(Message::Interrupt),
            104 => self.buffered_bulk(),
            _ => return Parsed::UnknownType,
        };
        match message {
            Some(message) if self.rest.is_empty() => Parsed::Message(message),
            _ => Parsed::WrongLength,
        }
    }

    fn hello(&mut self) -> Option<Message> {
        let version = self.array()?;
        let mut words = [None; CAPABILITY_WORDS_MAX];
        for word in &mut words {
            if !self.rest.is_empty() {
                *word = Some(Capabilities(self.u32()?));
            }
        }
        Some(Message::Hello(Hello { version, capabilities: words[0] }))
    }

    fn device_connect(&mut self) -> Option<Message> {
        let [speed, class, subclass, protocol] = self.array()?;
        let (vendor, product) = (self.u16()?, self.u16()?);
        let version = if self.rest.is_empty() { 0 } else { self.u16()? };
        let connect = DeviceConnect { speed, class, subclass, protocol, vendor, product, version };
        Some(Message::DeviceConnect(connect))
    }

    fn interface_info(&mut self) -> Option<Message> {
        let count = self.u32()?;
        let (number, class) = (self.array()?, self.array()?);
        let (subclass, protocol) = (self.array()?, self.array()?);
        let info = InterfaceInfo { count, number, class, subclass, protocol };
        Some(Message::InterfaceInfo(Box::new(info)))
    }

    fn endpoint_info(&mut self) -> Option<Message> {
        let (kind, interval, interface) = (self.array()?, self.array()?, self.array()?);
        let mut max_packet = [0; TABLE_ROWS];
        if !self.rest.is_empty() {
            for bytes in &mut max_packet {
                *bytes = self.u16()?;
            }
        }
        if !self.rest.is_empty() {
            // Streams of USB 3, which nobody here has.
            let _ = self.array::<{ 4 * TABLE_ROWS }>()?;
        }
        let info = EndpointInfo { kind, interval, interface, max_packet };
        Some(Message::EndpointInfo(Box::new(info)))
    }

    fn setting(&mut self, kind: u32) -> Option<Message> {
        Some(match kind {
            6 => Message::SetConfiguration { configuration: self.u8()? },
            7 => Message::GetConfiguration,
            8 => {
                let (status, configuration) = (self.status()?, self.u8()?);
                Message::ConfigurationStatus { status, configuration }
            }
            9 => {
                let [interface, alternate] = self.array()?;
                Message::SetAlternate { interface, alternate }
            }
            10 => Message::GetAlternate { interface: self.u8()? },
            11 => {
                let status = self.status()?;
                let [interface, alternate] = self.array()?;
                Message::AlternateStatus { status, interface, alternate }
            }
            12 => {
                let [endpoint, packets, requests] = self.array()?;
                Message::StartIso { endpoint, packets, requests }
            }
            13 => Message::StopIso { endpoint: self.u8()? },
            14 => Message::IsoStatus { status: self.status()?, endpoint: self.u8()? },
            15 => Message::StartInterrupt { endpoint: self.u8()? },
            16 => Message::StopInterrupt { endpoint: self.u8()? },
            _ => Message::InterruptStatus { status: self.status()?, endpoint: self.u8()? },
        })
    }

    fn bulk_setting(&mut self, kind: u32) -> Option<Message> {
        let first = self.u32()?;
        Some(match kind {
            18 => Message::AllocateStreams { endpoints: first, streams: self.u32()? },
            19 => Message::FreeStreams { endpoints: first },
            20 => {
                let (streams, status) = (self.u32()?, self.status()?);
                Message::StreamsStatus { endpoints: first, streams, status }
            }
            25 => {
                let bytes = self.u32()?;
                let [endpoint, transfers] = self.array()?;
                Message::StartBulk { stream: first, bytes, endpoint, transfers }
            }
            26 => Message::StopBulk { stream: first, endpoint: self.u8()? },
            _ => {
                let (endpoint, status) = (self.u8()?, self.status()?);
                Message::BulkStatus { stream: first, endpoint, status }
            }
        })
    }

    fn control(&mut self) -> Option<Message> {
        let [endpoint, request, request_type] = self.array()?;
        let status = self.status()?;
        let (value, index, length) = (self.u16()?, self.u16()?, self.u16()?);
        let data = self.data(length.into())?;
        Some(Message::Control(ControlPacket {
            endpoint,
            request,
            request_type,
            status,
            value,
            index,
            length,
            data,
        }))
    }

    fn bulk(&mut self, shared: Capabilities) -> Option<Message> {
        let (endpoint, status, low) = (self.u8()?, self.status()?, self.u16()?);
        let stream = self.u32()?;
        let wide = shared.has(Capabilities::WIDE_BULK_LENGTH);
        let high = if wide { self.u16()? } else { 0 };
        let length = u32::from(high) << 16 | u32::from(low);
        let data = self.data(usize::try_from(length).ok()?)?;
        Some(Message::Bulk(BulkPacket { endpoint, status, length, stream, data }))
    }

    fn small(&mut self) -> Option<SmallPacket> {
        let (endpoint, status, length) = (self.u8()?, self.status()?, self.u16()?);
        let data = self.data(length.into())?;
        Some(SmallPacket { endpoint, status, length, data })
    }

    fn buffered_bulk(&mut self) -> Option<Message> {
        let (stream, length) = (self.u32()?, self.u32()?);
        let (endpoint, status) = (self.u8()?, self.status()?);
        let data = self.data(usize::try_from(length).ok()?)?;
        Some(Message::BufferedBulk { stream, length, endpoint, status, data })
    }
}

/// Appends a message to `stream`, in which both sides can do `shared`.
pub fn encode(id: u64, message: &Message, shared: Capabilities, stream: &mut Vec<u8>) {
    let kind = message.kind();
    stream.extend(kind.to_le_bytes());
    let length_at = stream.len();
    stream.extend([0; 4]);
    match kind != HELLO && shared.has(Capabilities::WIDE_IDS) {
        true => stream.extend(id.to_le_bytes()),
        false => stream.extend((id as u32).to_le_bytes()),
    }
    let body_at = stream.len();
    message.body(shared, stream);
    let bytes = (stream.len() - body_at) as u32;
    stream[length_at..length_at + 4].copy_from_slice(&bytes.to_le_bytes());
}

impl Message {
    /// The type's number.
    pub const fn kind(&self) -> u32 {
        match self {
            Self::Hello(_) => HELLO,
            Self::DeviceConnect(_) => 1,
            Self::DeviceDisconnect => 2,
            Self::Reset => 3,
            Self::InterfaceInfo(_) => 4,
            Self::EndpointInfo(_) => 5,
            Self::SetConfiguration { .. } => 6,
            Self::GetConfiguration => 7,
            Self::ConfigurationStatus { .. } => 8,
            Self::SetAlternate { .. } => 9,
            Self::GetAlternate { .. } => 10,
            Self::AlternateStatus { .. } => 11,
            Self::StartIso { .. } => 12,
            Self::StopIso { .. } => 13,
            Self::IsoStatus { .. } => 14,
            Self::StartInterrupt { .. } => 15,
            Self::StopInterrupt { .. } => 16,
            Self::InterruptStatus { .. } => 17,
            Self::AllocateStreams { .. } => 18,
            Self::FreeStreams { .. } => 19,
            Self::StreamsStatus { .. } => 20,
            Self::Cancel => 21,
            Self::FilterReject => 22,
            Self::Filter(_) => 23,
            Self::DisconnectAck => 24,
            Self::StartBulk { .. } => 25,
            Self::StopBulk { .. } => 26,
            Self::BulkStatus { .. } => 27,
            Self::Control(_) => 100,
            Self::Bulk(_) => 101,
            Self::Iso(_) => 102,
            Self::Interrupt(_) => 103,
            Self::BufferedBulk { .. } => 104,
        }
    }

    fn body(&self, shared: Capabilities, to: &mut Vec<u8>) {
        match *self {
            Self::Hello(ref hello) => {
                to.extend(hello.version);
                to.extend(hello.capabilities.into_iter().flat_map(|word| word.0.to_le_bytes()));
            }
            Self::DeviceConnect(ref device) => {
                to.extend([device.speed, device.class, device.subclass, device.protocol]);
                to.extend(device.vendor.to_le_bytes());
                to.extend(device.product.to_le_bytes());
                if shared.has(Capabilities::CONNECT_DEVICE_VERSION) {
                    to.extend(device.version.to_le_bytes());
                }
            }
            Self::InterfaceInfo(ref info) => {
                to.extend(info.count.to_le_bytes());
                let columns = [info.number, info.class, info.subclass, info.protocol];
                to.extend(columns.as_flattened());
            }
            Self::EndpointInfo(ref info) => {
                to.extend([info.kind, info.interval, info.interface].as_flattened());
                if shared.has(Capabilities::PACKET_SIZES) {
                    to.extend(info.max_packet.iter().flat_map(|bytes| bytes.to_le_bytes()));
                }
            }
            Self::DeviceDisconnect
            | Self::Reset
            | Self::GetConfiguration
            | Self::Cancel
            | Self::FilterReject
            | Self::DisconnectAck => {}
            Self::SetConfiguration { configuration: byte }
            | Self::GetAlternate { interface: byte }
            | Self::StopIso { endpoint: byte }
            | Self::StartInterrupt { endpoint: byte }
            | Self::StopInterrupt { endpoint: byte } => to.push(byte),
            Self::SetAlternate { interface, alternate } => to.extend([interface, alternate]),
            Self::ConfigurationStatus { status, configuration: byte }
            | Self::IsoStatus { status, endpoint: byte }
            | Self::InterruptStatus { status, endpoint: byte } => to.extend([status as u8, byte]),
            Self::AlternateStatus { status, interface, alternate } => {
                to.extend([status as u8, interface, alternate]);
            }
            Self::StartIso { endpoint, packets, requests } => {
                to.extend([endpoint, packets, requests]);
            }
            Self::AllocateStreams { endpoints, streams } => {
                to.extend([endpoints.to_le_bytes(), streams.to_le_bytes()].as_flattened());
            }
            Self::FreeStreams { endpoints } => to.extend(endpoints.to_le_bytes()),
            Self::StreamsStatus { endpoints, streams, status } => {
                to.extend([endpoints.to_le_bytes(), streams.to_le_bytes()].as_flattened());
                to.push(status as u8);
            }
            Self::Filter(ref text) => to.extend_from_slice(text),
            Self::StartBulk { stream, bytes, endpoint, transfers } => {
                to.extend([stream.to_le_bytes(), bytes.to_le_bytes()].as_flattened());
                to.extend([endpoint, transfers]);
            }
            Self::StopBulk { stream, endpoint } => {
                to.extend(stream.to_le_bytes());
                to.push(endpoint);
            }
            Self::BulkStatus { stream, endpoint, status } => {
                to.extend(stream.to_le_bytes());
                to.extend([endpoint, status as u8]);
            }
            Self::Control(ref packet) => {
                to.extend([packet.endpoint, packet.request, packet.request_type]);
                to.push(packet.status as u8);
                let words = [packet.value, packet.index, packet.length].map(u16::to_le_bytes);
                to.extend(words.as_flattened());
                to.extend_from_slice(&packet.data);
            }
            Self::Bulk(ref packet) => {
                to.extend([packet.endpoint, packet.status as u8]);
                to.extend((packet.length as u16).to_le_bytes());
                to.extend(packet.stream.to_le_bytes());
                if shared.has(Capabilities::WIDE_BULK_LENGTH) {
                    to.extend(((packet.length >> 16) as u16).to_le_bytes());
                }
                to.extend_from_slice(&packet.data);
            }
            Self::Iso(ref packet) | Self::Interrupt(ref packet) => {
                to.extend([packet.endpoint, packet.status as u8]);
                to.extend(packet.length.to_le_bytes());
                to.extend_from_slice(&packet.data);
            }
            Self::BufferedBulk { stream, length, endpoint, status, ref data } => {
                to.extend([stream.to_le_bytes(), length.to_le_bytes()].as_flattened());
                to.extend([endpoint, status as u8]);
                to.extend_from_slice(data);
            }
        }
    }
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
