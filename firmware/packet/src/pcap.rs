//! The headers of capture files (pcap-savefile(5)): each function gives the bytes to write next;
//! frames are written as they are, between them. [`crate::pcapng`] has the younger format, and
//! [`crate::savefile`] reads both.

use crate::Timestamp;

/// Bytes of a pcap file's header.
pub const FILE_HEADER_BYTES: usize = 24;
/// Bytes of the header before each frame of a pcap file.
pub const RECORD_HEADER_BYTES: usize = 16;
/// Frames are Ethernet (LINKTYPE_ETHERNET).
pub(crate) const ETHERNET: u32 = 1;
/// Microseconds, and the byte order of whoever reads it so.
pub(crate) const MAGIC: u32 = 0xa1b2_c3d4;

/// The header of a pcap file whose frames are cut to `snap_bytes`.
pub const fn file_header(snap_bytes: u32) -> [u8; FILE_HEADER_BYTES] {
    // Version 2.4; times are UTC.
    words([MAGIC, 0x0004_0002, 0, 0, snap_bytes, ETHERNET])
}

/// The header of a frame of which `captured` bytes follow, of `length` on the wire.
pub const fn record_header(at: Timestamp, captured: u32, length: u32) -> [u8; RECORD_HEADER_BYTES] {
    words([at.seconds, at.microseconds, captured, length])
}

/// Numbers, least significant byte first.
const fn words<const WORDS: usize, const BYTES: usize>(numbers: [u32; WORDS]) -> [u8; BYTES] {
    const { assert!(BYTES == WORDS * 4) };
    let mut bytes = [0; BYTES];
    let mut index = 0;
    while index < BYTES {
        bytes[index] = (numbers[index / 4] >> (index % 4 * 8)) as u8;
        index += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_those_of_the_format() {
        let header = file_header(65_535);
        assert_eq!(header[..8], [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0]);
        assert_eq!(header[16..], [0xff, 0xff, 0, 0, 1, 0, 0, 0]);
        let at = Timestamp { seconds: 1, microseconds: 2 };
        assert_eq!(record_header(at, 3, 4), [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0]);
    }
}
