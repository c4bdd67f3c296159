//! The blocks of a pcapng file or stream (draft-ietf-opsawg-pcapng), which say more of a frame than
//! pcap can: on which interface, which way, how many were lost before it, and a comment.
//!
//! Each function writes a block at the beginning of `out` and returns its length; `None` if it does
//! not fit, and then what `out` holds means nothing. A file is a [`section`], then an [`interface`]
//! for each that is named, numbered from 0, then [`Packet`]s, and at the end perhaps
//! [`statistics`].
//!
//! ```text
//!   | kind | length | body ... | option: code, length, value, padding | end of options | length |
//! ```

use crate::pcap;

/// Bytes of a packet's block beside the frame and the comment, at most: headers, three options,
/// paddings.
pub const PACKET_OVERHEAD_BYTES: usize = 80;

pub(crate) const SECTION: u32 = 0x0a0d_0d0a;
pub(crate) const BYTE_ORDER: u32 = 0x1a2b_3c4d;
pub(crate) const INTERFACE: u32 = 1;
const STATISTICS: u32 = 5;
pub(crate) const PACKET: u32 = 6;

// Options. Their codes are those of their block, but for the comment's.
const COMMENT: u16 = 1;
const SECTION_APPLICATION: u16 = 4;
const INTERFACE_NAME: u16 = 2;
pub(crate) const INTERFACE_RESOLUTION: u16 = 9;
pub(crate) const PACKET_FLAGS: u16 = 2;
const PACKET_DROPS: u16 = 4;
const STATISTICS_RECEIVED: u16 = 4;
const STATISTICS_DROPPED: u16 = 5;

/// Times count millionths of a second.
const MICROSECONDS: [u8; 1] = [6];

/// Begins a section: what follows was written by `application`.
pub fn section(out: &mut [u8], application: &str) -> Option<usize> {
    block(out, SECTION, |block| {
        // Version 1.0; the section's length is not told.
        block.words(&[BYTE_ORDER, 1, u32::MAX, u32::MAX])?;
        block.option(SECTION_APPLICATION, application.as_bytes())?;
        block.end_of_options()
    })
}

/// Describes the next interface: Ethernet, whose frames are cut to `snap_bytes`. libpcap reads no
/// file whose interfaces differ in that.
pub fn interface(out: &mut [u8], name: &str, snap_bytes: u32) -> Option<usize> {
    block(out, INTERFACE, |block| {
        block.words(&[pcap::ETHERNET, snap_bytes])?;
        block.option(INTERFACE_NAME, name.as_bytes())?;
        block.option(INTERFACE_RESOLUTION, &MICROSECONDS)?;
        block.end_of_options()
    })
}

/// Which way a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Received.
    In,
    /// Sent.
    Out,
}

/// A captured frame.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The number of its interface.
    pub interface: u32,
    /// When it passed, in microseconds.
    pub at: u64,
    /// Which way.
    pub way: Way,
    /// What was captured of it.
    pub bytes: &'a [u8],
    /// Bytes of it on the wire.
    pub length: u32,
    /// Frames of its interface that were lost since the one before.
    pub lost: u64,
    /// What there is to say of it; nothing if it is empty.
    pub comment: &'a str,
}

impl Packet<'_> {
    /// Writes its block.
    pub fn write(&self, out: &mut [u8]) -> Option<usize> {
        block(out, PACKET, |block| {
            let captured = u32::try_from(self.bytes.len()).ok()?;
            let time = [(self.at >> 32) as u32, self.at as u32];
            block.words(&[self.interface, time[0], time[1], captured, self.length])?;
            block.padded(self.bytes)?;
            if !self.comment.is_empty() {
                block.option(COMMENT, self.comment.as_bytes())?;
            }
            let way: u32 = match self.way {
                Way::In => 1,
                Way::Out => 2,
            };
            block.option(PACKET_FLAGS, &way.to_le_bytes())?;
            if self.lost > 0 {
                block.option(PACKET_DROPS, &self.lost.to_le_bytes())?;
            }
            block.end_of_options()
        })
    }
}

/// Says how many frames an interface has had until `at` (microseconds), and how many of them were
/// lost.
pub fn statistics(
    out: &mut [u8],
    interface: u32,
    at: u64,
    received: u64,
    lost: u64,
) -> Option<usize> {
    block(out, STATISTICS, |block| {
        block.words(&[interface, (at >> 32) as u32, at as u32])?;
        block.option(STATISTICS_RECEIVED, &received.to_le_bytes())?;
        block.option(STATISTICS_DROPPED, &lost.to_le_bytes())?;
        block.end_of_options()
    })
}

/// Writes a block around a body.
fn block(
    out: &mut [u8],
    kind: u32,
    body: impl FnOnce(&mut Block<'_>) -> Option<()>,
) -> Option<usize> {
    let mut block = Block { out, length: 0 };
    // The length's place; it is known at the end.
    block.words(&[kind, 0])?;
    body(&mut block)?;
    let total = u32::try_from(block.length + 4).ok()?;
    block.words(&[total])?;
    let length = block.length;
    out.get_mut(4..8)?.copy_from_slice(&total.to_le_bytes());
    Some(length)
}

struct Block<'a> {
    out: &'a mut [u8],
    length: usize,
}

impl Block<'_> {
    fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.length.checked_add(bytes.len())?;
        self.out.get_mut(self.length..end)?.copy_from_slice(bytes);
        self.length = end;
        Some(())
    }

    /// Least significant byte first, as the byte order's mark says.
    fn words(&mut self, words: &[u32]) -> Option<()> {
        words.iter().try_for_each(|word| self.bytes(&word.to_le_bytes()))
    }

    fn padded(&mut self, bytes: &[u8]) -> Option<()> {
        self.bytes(bytes)?;
        self.bytes(&[0; 3][..bytes.len().next_multiple_of(4) - bytes.len()])
    }

    fn option(&mut self, code: u16, value: &[u8]) -> Option<()> {
        self.bytes(&code.to_le_bytes())?;
        self.bytes(&u16::try_from(value.len()).ok()?.to_le_bytes())?;
        self.padded(value)
    }

    fn end_of_options(&mut self) -> Option<()> {
        self.words(&[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_and_its_interface() {
        let mut out = [0xff; 100];
        let length = section(&mut out, "barewire").unwrap();
        assert_eq!(length, 28 + 12 + 4);
        assert_eq!(out[..8], [0x0a, 0x0d, 0x0d, 0x0a, 44, 0, 0, 0]);
        assert_eq!(out[8..16], [0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0]);
        assert_eq!(out[24..36], *b"\x04\0\x08\0barewire");
        assert_eq!(out[36..44], [0, 0, 0, 0, 44, 0, 0, 0]);
        let length = interface(&mut out, "lo", 96).unwrap();
        assert_eq!(out[..16], [1, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 96, 0, 0, 0]);
        assert_eq!(out[16..32], [2, 0, 2, 0, b'l', b'o', 0, 0, 9, 0, 1, 0, 6, 0, 0, 0]);
        assert_eq!(length, 40);
    }

    #[test]
    fn blocks_are_as_long_as_they_say_and_fit_or_are_refused() {
        for comment in ["", "a", "four", "what was dropped, and why"] {
            for captured in [0, 1, 60, 61] {
                for lost in [0, 3] {
                    let packet = Packet {
                        interface: 1,
                        at: 0x1_0000_0002,
                        way: Way::Out,
                        bytes: &[7; 61][..captured],
                        length: 100,
                        lost,
                        comment,
                    };
                    let mut out = [0xff; 300];
                    let length = packet.write(&mut out).unwrap();
                    assert!(length <= captured + comment.len() + PACKET_OVERHEAD_BYTES);
                    assert_eq!(out[4..8], (length as u32).to_le_bytes());
                    assert_eq!(out[length - 4..length], out[4..8]);
                    assert_eq!(out[8..20], [1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]);
                    assert!(out[length..].iter().all(|byte| *byte == 0xff));
                    for room in 0..length {
                        assert_eq!(packet.write(&mut out[..room]), None);
                    }
                }
            }
        }
        let mut out = [0; 100];
        let length = statistics(&mut out, 0, 1, 2, 3).unwrap();
        assert_eq!(out[4..8], (length as u32).to_le_bytes());
        assert_eq!(out[20..32], [4, 0, 8, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    }
}
