//! The headers of capture files: pcap, and pcapng with a comment for each frame.
//!
//! Each function gives the bytes to write next; frames are written as they are, between them.
//! (pcap-savefile(5); draft-ietf-opsawg-pcapng.)

use crate::Timestamp;

/// Bytes of a pcap file's header.
pub const FILE_HEADER_BYTES: usize = 24;
/// Bytes of the header before each frame of a pcap file.
pub const RECORD_HEADER_BYTES: usize = 16;
/// Bytes of the two blocks that a pcapng file starts with.
pub const NG_HEADER_BYTES: usize = 28 + 20;
/// Bytes before each frame of a pcapng file.
pub const NG_FRAME_HEADER_BYTES: usize = 28;

/// Frames are Ethernet (LINKTYPE_ETHERNET).
const ETHERNET: u32 = 1;
/// Microseconds, and the byte order of whoever reads it so.
const MAGIC: u32 = 0xa1b2_c3d4;
const NG_SECTION: u32 = 0x0a0d_0d0a;
const NG_ORDER: u32 = 0x1a2b_3c4d;
const NG_INTERFACE: u32 = 1;
const NG_FRAME: u32 = 6;
const NG_OPTION_COMMENT: u16 = 1;

/// The header of a pcap file whose frames are cut to `snap_bytes`.
pub const fn file_header(snap_bytes: u32) -> [u8; FILE_HEADER_BYTES] {
    // Version 2.4; times are UTC.
    words([MAGIC, 0x0004_0002, 0, 0, snap_bytes, ETHERNET])
}

/// The header of a frame of which `captured` bytes follow, of `length` on the wire.
pub const fn record_header(at: Timestamp, captured: u32, length: u32) -> [u8; RECORD_HEADER_BYTES] {
    words([at.seconds, at.microseconds, captured, length])
}

/// The start of a pcapng file: a section, and an Ethernet interface with time in microseconds.
pub const fn ng_header(snap_bytes: u32) -> [u8; NG_HEADER_BYTES] {
    // Version 1.0; the section's length is not told.
    words([
        NG_SECTION,
        28,
        NG_ORDER,
        1,
        u32::MAX,
        u32::MAX,
        28,
        NG_INTERFACE,
        20,
        ETHERNET,
        snap_bytes,
        20,
    ])
}

/// What comes before a frame of `captured` bytes, of `length` on the wire, in a pcapng file.
pub const fn ng_frame_header(
    at: Timestamp,
    captured: u32,
    length: u32,
    comment: &str,
) -> [u8; NG_FRAME_HEADER_BYTES] {
    let time = at.seconds as u64 * 1_000_000 + at.microseconds as u64;
    let total = ng_frame_bytes(captured, comment);
    words([NG_FRAME, total, 0, (time >> 32) as u32, time as u32, captured, length])
}

/// Bytes of a frame's block in a pcapng file.
const fn ng_frame_bytes(captured: u32, comment: &str) -> u32 {
    NG_FRAME_HEADER_BYTES as u32 + captured.next_multiple_of(4) + ng_options_bytes(comment) + 4
}

const fn ng_options_bytes(comment: &str) -> u32 {
    match comment.len() as u16 as u32 {
        0 => 0,
        // The comment behind its header, and the end of the options.
        length => 4 + length.next_multiple_of(4) + 4,
    }
}

/// What comes behind a frame of `captured` bytes in a pcapng file, in pieces: padding, the comment
/// (of 65,535 bytes at most, and none if it is empty), the block's length.
///
/// The comment must be the one that [`ng_frame_header`] was given.
pub fn ng_frame_trailer(captured: u32, comment: &str) -> impl Iterator<Item = u8> {
    let length = comment.len() as u16;
    let padding = |bytes: u32| (bytes.next_multiple_of(4) - bytes) as usize;
    let zeros = |count| core::iter::repeat_n(0, count);
    let has_comment = length > 0;
    let [kind, size] = [NG_OPTION_COMMENT, length].map(u16::to_le_bytes);
    let header = kind.into_iter().chain(size).take(if has_comment { 4 } else { 0 });
    zeros(padding(captured))
        .chain(header)
        .chain(comment.bytes().take(length.into()))
        .chain(zeros(padding(length.into())))
        .chain(zeros(if has_comment { 4 } else { 0 }))
        .chain(ng_frame_bytes(captured, comment).to_le_bytes())
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
    use std::vec::Vec;

    use super::*;

    #[test]
    fn headers_are_those_of_the_format() {
        let header = file_header(65_535);
        assert_eq!(header[..8], [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0]);
        assert_eq!(header[16..], [0xff, 0xff, 0, 0, 1, 0, 0, 0]);
        let at = Timestamp { seconds: 1, microseconds: 2 };
        assert_eq!(record_header(at, 3, 4), [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0]);
    }

    #[test]
    fn a_block_is_as_long_as_it_says() {
        for comment in ["", "a", "four", "what was dropped, and why"] {
            for captured in [0, 1, 60, 61] {
                let at = Timestamp::default();
                let header = ng_frame_header(at, captured, 100, comment);
                let trailer: Vec<u8> = ng_frame_trailer(captured, comment).collect();
                let total = header.len() + captured as usize + trailer.len();
                assert_eq!(header[4..8], (total as u32).to_le_bytes(), "{captured} {comment}");
                assert_eq!(trailer[trailer.len() - 4..], header[4..8]);
            }
        }
    }
}
