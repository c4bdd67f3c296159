//! Frames out of parts, with checksums where they belong.

use packet::Timestamp;

use super::capture::Captured;

const CLIENT_MAC: [u8; 6] = [0xb8, 0x27, 0xeb, 0x12, 0x34, 0x56];
const SERVER_MAC: [u8; 6] = [0x92, 0xbf, 0xfa, 0x94, 0xc4, 0x4f];
pub const CLIENT: [u8; 4] = [192, 168, 1, 42];
pub const SERVER: [u8; 4] = [192, 168, 1, 1];
pub const CLIENT6: [u8; 16] =
    [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0xba, 0x27, 0xeb, 0xff, 0xfe, 0x12, 0x34, 0x56];
pub const SERVER6: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// The Internet checksum.
pub fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
        .sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

fn put_checksum(bytes: &mut [u8], at: usize, pseudo: &[u8]) {
    let whole = [pseudo, bytes].concat();
    bytes[at..at + 2].copy_from_slice(&checksum(&whole).to_be_bytes());
}

/// A frame on the wire, as long as it is.
pub fn frame(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&SERVER_MAC[..], &CLIENT_MAC, &ethertype.to_be_bytes(), payload].concat()
}

/// A frame of 802.3, with its length.
pub fn frame_802_3(payload: &[u8]) -> Vec<u8> {
    frame(payload.len() as u16, payload)
}

/// An IPv4 packet with options.
pub fn ip_with(protocol: u8, options: &[u8], flags_and_offset: u16, payload: &[u8]) -> Vec<u8> {
    let header_bytes = 20 + options.len();
    let total = (header_bytes + payload.len()) as u16;
    let mut header = vec![0x40 | (header_bytes / 4) as u8, 0];
    header.extend(total.to_be_bytes());
    header.extend([0x12, 0x34]);
    header.extend(flags_and_offset.to_be_bytes());
    header.extend([64, protocol, 0, 0]);
    header.extend(CLIENT);
    header.extend(SERVER);
    header.extend(options);
    put_checksum(&mut header, 10, &[]);
    header.extend(payload);
    frame(0x0800, &header)
}

pub fn ip(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ip_with(protocol, &[], 0x4000, payload)
}

pub fn ip6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([next, 255]);
    packet.extend(CLIENT6);
    packet.extend(SERVER6);
    packet.extend(payload);
    frame(0x86dd, &packet)
}

pub fn icmp(kind: u8, code: u8, rest: &[u8]) -> Vec<u8> {
    let mut message = [&[kind, code, 0, 0], rest].concat();
    put_checksum(&mut message, 2, &[]);
    ip(1, &message)
}

pub fn igmp(message: &[u8]) -> Vec<u8> {
    let mut message = message.to_vec();
    put_checksum(&mut message, 2, &[]);
    ip(2, &message)
}

pub fn icmp6(kind: u8, code: u8, rest: &[u8]) -> Vec<u8> {
    let mut message = [&[kind, code, 0, 0], rest].concat();
    let length = (message.len() as u32).to_be_bytes();
    let pseudo = [&CLIENT6[..], &SERVER6, &length, &[0, 0, 0, 58]].concat();
    put_checksum(&mut message, 2, &pseudo);
    ip6(58, &message)
}

fn pseudo(protocol: u8, length: usize) -> Vec<u8> {
    let [high, low] = (length as u16).to_be_bytes();
    [&CLIENT[..], &SERVER, &[0, protocol, high, low]].concat()
}

pub fn udp_datagram(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    datagram.extend((8 + payload.len() as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    let pseudo = pseudo(17, datagram.len());
    put_checksum(&mut datagram, 6, &pseudo);
    datagram
}

pub fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    ip(17, &udp_datagram(source, destination, payload))
}

/// A segment: ports, flags, options, payload.
pub fn tcp(ports: (u16, u16), flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut segment = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
    segment.extend(0x1000_0000_u32.to_be_bytes());
    segment.extend(0x2000_0000_u32.to_be_bytes());
    segment.extend([((20 + options.len()) / 4 * 16) as u8, flags, 0x10, 0, 0, 0, 0, 7]);
    segment.extend(options);
    segment.extend(payload);
    let pseudo = pseudo(6, segment.len());
    put_checksum(&mut segment, 16, &pseudo);
    ip(6, &segment)
}

/// A frame as captured, whole.
pub fn captured(bytes: Vec<u8>, number: usize) -> Captured {
    let at = Timestamp { seconds: 1_795_262_400 + number as u32, microseconds: 123_456 };
    Captured { length: bytes.len(), bytes, at }
}
