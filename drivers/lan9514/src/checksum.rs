//! TCP checksums: what the chip does, what it can not do, and how much it is trusted.
//!
//! - **Received**: the chip hands over the sum of all bytes behind the Ethernet header. Headers and
//!   padding are taken off again; what is left must match the TCP header. If it does not, the bytes
//!   are summed up here before the frame is dropped: the chip's word is enough to take a frame, and
//!   never enough to drop one.
//! - **Sent**: the field is given the sum of the pseudo header, and the chip fills in the rest. Not
//!   for frames of up to 45 bytes, nor with the field within the last five bytes, which the chip
//!   gets wrong (Linux, smsc95xx.c): those are summed up here.
//!
//! Only TCP: the chip sends a UDP checksum of 0 as 0, which would mean "none" (RFC 768); and a sum
//! over a fragment says nothing about its datagram, which the stack must check after it has put it
//! together. TCP does not fragment; a fragment of TCP is dropped, and counted.

use core::ops::Range;

use crate::limits::{CHECKSUM_BYTES_BEHIND_MIN, CHECKSUM_FRAME_BYTES_MIN, ETHERNET_HEADER_BYTES};

const TCP: u8 = 6;
/// Bytes of the shortest IPv4 header, and of the shortest TCP header.
const HEADER_BYTES_MIN: usize = 20;
/// Bytes from the TCP header to its checksum.
const FIELD: usize = 16;

/// What a frame carries.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    /// A whole TCP segment over IPv4; its places in the frame.
    Tcp {
        header: Range<usize>,
        segment: Range<usize>,
    },
    /// A part of one.
    TcpFragment,
    Other,
}

/// What became of a received frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing that is checked here.
    NotTcp,
    /// The chip's sum is right.
    Good,
    /// The chip's sum is wrong, or there is none, and yet the frame is right.
    GoodAfterAll,
    /// To be dropped.
    Wrong,
    /// To be dropped.
    Fragment,
}

/// Who fills in the checksum of a frame that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// It is there, or nothing is to be done.
    Already,
    /// The chip, from these bytes of the frame on.
    ByChip {
        /// Where the sum begins.
        start: usize,
        /// Where it goes.
        field: usize,
    },
}

fn content(frame: &[u8]) -> Content {
    let Some((ethernet, packet)) = frame.split_at_checked(ETHERNET_HEADER_BYTES) else {
        return Content::Other;
    };
    let &[version, _, l0, l1, _, _, f0, f1, _, protocol, ..] = packet else {
        return Content::Other;
    };
    let header = usize::from(version & 0xf) * 4;
    let total = usize::from(u16::from_be_bytes([l0, l1]));
    let is_tcp = ethernet[12..] == [0x08, 0x00]
        && version >> 4 == 4
        && header >= HEADER_BYTES_MIN
        && total >= header
        && total <= packet.len()
        && protocol == TCP;
    // Neither more fragments nor an offset.
    if is_tcp && u16::from_be_bytes([f0, f1]) & 0x3fff != 0 {
        return Content::TcpFragment;
    }
    if !is_tcp || total < header + HEADER_BYTES_MIN {
        return Content::Other;
    }
    let start = ETHERNET_HEADER_BYTES + header;
    let header = ETHERNET_HEADER_BYTES..start;
    Content::Tcp { header, segment: start..ETHERNET_HEADER_BYTES + total }
}

/// Adds in one's complement.
fn add(a: u16, b: u16) -> u16 {
    let (sum, carry) = a.overflowing_add(b);
    sum + u16::from(carry)
}

/// The one's complement sum of big-endian words; an odd byte is the upper half of a last word.
fn sum(bytes: &[u8]) -> u16 {
    let (words, tail) = bytes.as_chunks::<4>();
    let mut total: u64 = words.iter().map(|word| u64::from(u32::from_be_bytes(*word))).sum();
    let mut last = [0; 4];
    last[..tail.len()].copy_from_slice(tail);
    total += u64::from(u32::from_be_bytes(last));
    // 64 to 33, 33 to 18, 18 to 17, 17 to 16 bits.
    total = (total >> 32) + (total & 0xffff_ffff);
    total = (total >> 16) + (total & 0xffff);
    total = (total >> 16) + (total & 0xffff);
    total = (total >> 16) + (total & 0xffff);
    total as u16
}

/// The sum of the pseudo header (RFC 9293, 3.1).
fn pseudo_header(frame: &[u8], header: &Range<usize>, segment: &Range<usize>) -> u16 {
    let addresses = sum(&frame[header.start + 12..header.start + 20]);
    add(add(addresses, u16::from(TCP)), segment.len() as u16)
}

/// Looks at the TCP checksum of a received frame, with the chip's sum over its bytes from 14 on, if
/// there is one.
pub fn check(frame: &[u8], chip: Option<u16>) -> Verdict {
    let (header, segment) = match content(frame) {
        Content::Tcp { header, segment } => (header, segment),
        Content::TcpFragment => return Verdict::Fragment,
        Content::Other => return Verdict::NotTcp,
    };
    let pseudo = pseudo_header(frame, &header, &segment);
    if let Some(chip) = chip {
        let padding = sum(&frame[segment.end..]);
        // Words of the sum begin at even places of the packet.
        let swapped = (segment.end - ETHERNET_HEADER_BYTES) % 2 == 1;
        let padding = if swapped { padding.swap_bytes() } else { padding };
        let others = add(sum(&frame[header.clone()]), padding);
        let rest = add(add(chip, !others), pseudo);
        // Both are zero in one's complement, and subtraction can end in either.
        if rest == 0xffff || rest == 0 {
            return Verdict::Good;
        }
    }
    let total = add(sum(&frame[segment]), pseudo);
    if total == 0xffff { Verdict::GoodAfterAll } else { Verdict::Wrong }
}

/// Sees to the TCP checksum of a frame that will be sent, whatever its field holds.
pub fn fill(frame: &mut [u8]) -> Filled {
    let Content::Tcp { header, segment } = content(frame) else { return Filled::Already };
    let pseudo = pseudo_header(frame, &header, &segment);
    let start = segment.start;
    let field = start + FIELD;
    frame[field..field + 2].copy_from_slice(&pseudo.to_be_bytes());
    let behind = frame.len() - field;
    // The chip sums up to the end of the frame, which must be that of the segment.
    if frame.len() >= CHECKSUM_FRAME_BYTES_MIN
        && behind >= CHECKSUM_BYTES_BEHIND_MIN
        && segment.end == frame.len()
    {
        return Filled::ByChip { start, field };
    }
    let checksum = !sum(&frame[segment]);
    frame[field..field + 2].copy_from_slice(&checksum.to_be_bytes());
    Filled::Already
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire::{
        IpAddress, Ipv4Address, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
    };
    use std::vec::Vec;

    const OURS: Ipv4Address = Ipv4Address::new(192, 168, 1, 42);
    const THEIRS: Ipv4Address = Ipv4Address::new(10, 200, 3, 7);

    /// A frame as the stack builds it; with its checksum, if `summed`.
    fn segment(payload: &[u8], summed: bool) -> Vec<u8> {
        let tcp = TcpRepr {
            src_port: 80,
            dst_port: 50_000,
            control: TcpControl::Psh,
            seq_number: TcpSeqNumber(12_345),
            ack_number: Some(TcpSeqNumber(-7)),
            window_len: 4000,
            window_scale: None,
            max_seg_size: None,
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload,
        };
        let ip = Ipv4Repr {
            src_addr: OURS,
            dst_addr: THEIRS,
            next_header: smoltcp::wire::IpProtocol::Tcp,
            payload_len: tcp.buffer_len(),
            hop_limit: 64,
        };
        let mut frame = std::vec![0; 34 + tcp.buffer_len()];
        frame[12] = 8;
        let mut sums = ChecksumCapabilities::default();
        ip.emit(&mut Ipv4Packet::new_unchecked(&mut frame[14..]), &sums);
        if !summed {
            sums = ChecksumCapabilities::ignored();
        }
        let (from, to) = (IpAddress::Ipv4(OURS), IpAddress::Ipv4(THEIRS));
        tcp.emit(&mut TcpPacket::new_unchecked(&mut frame[34..]), &from, &to, &sums);
        frame
    }

    /// An example, kept as an input of the fuzz target: with no sum of the chip's, with a wrong
    /// one, and with the right one.
    fn example(frame: &[u8]) -> &[u8] {
        for how in [0, 1, 3] {
            corpus::seed("lan9514_checksum", &[&[how, 0x12, 0x34], frame].concat());
        }
        frame
    }

    /// What the chip does on its way out.
    fn by_chip(frame: &mut [u8], filled: Filled) {
        if let Filled::ByChip { start, field } = filled {
            let checksum = !sum(&frame[start..]);
            frame[field..field + 2].copy_from_slice(&checksum.to_be_bytes());
        }
    }

    #[test]
    fn short_segments_are_summed_up_here() {
        for (bytes, chip) in [(0, false), (1, false), (2, true), (101, true)] {
            let payload = std::vec![0xa5; bytes];
            let mut frame = segment(&payload, false);
            let filled = fill(&mut frame);
            assert_eq!(matches!(filled, Filled::ByChip { .. }), chip, "{bytes} bytes");
            by_chip(&mut frame, filled);
            assert_eq!(example(&frame), segment(&payload, true), "{bytes} bytes");
            // As it comes from a wire that pads.
            example(&[&frame[..], &[1, 2, 3]].concat());
        }
    }

    #[test]
    fn fragments_and_strangers() {
        let mut frame = segment(b"a part", true);
        frame[20] = 0x20;
        assert_eq!(check(example(&frame), None), Verdict::Fragment);
        frame[20] = 0x40;
        assert_eq!(check(&frame, None), Verdict::GoodAfterAll);
        frame[23] = 17;
        assert_eq!(check(example(&frame), None), Verdict::NotTcp);
        for length in 0..34 {
            assert_eq!(check(&frame[..length], Some(0)), Verdict::NotTcp);
        }
    }

    proptest! {
        #[test]
        fn sent_as_the_stack_would_have(payload in prop::collection::vec(any::<u8>(), 0..1460)) {
            let mut frame = segment(&payload, false);
            let filled = fill(&mut frame);
            by_chip(&mut frame, filled);
            prop_assert_eq!(frame, segment(&payload, true));
        }

        #[test]
        fn received_with_any_padding(
            payload in prop::collection::vec(any::<u8>(), 0..64),
            padding in prop::collection::vec(any::<u8>(), 0..8),
        ) {
            let frame = [segment(&payload, true), padding].concat();
            prop_assert_eq!(check(&frame, Some(sum(&frame[14..]))), Verdict::Good);
        }

        #[test]
        fn a_wrong_sum_of_the_chip_drops_nothing(
            payload in prop::collection::vec(any::<u8>(), 0..64),
            chip in any::<u16>(),
        ) {
            let frame = segment(&payload, true);
            let verdict = check(&frame, Some(chip));
            prop_assert!(matches!(verdict, Verdict::Good | Verdict::GoodAfterAll));
        }

        #[test]
        fn damage_is_noticed(
            payload in prop::collection::vec(any::<u8>(), 2..64),
            place in any::<prop::sample::Index>(),
            bit in 0..8_u32,
        ) {
            let mut frame = segment(&payload, true);
            let at = 34 + place.index(frame.len() - 34);
            frame[at] ^= 1 << bit;
            prop_assert_eq!(check(&frame, Some(sum(&frame[14..]))), Verdict::Wrong);
            prop_assert_eq!(check(&frame, None), Verdict::Wrong);
        }

        #[test]
        fn anything_is_looked_at(
            mut frame in prop::collection::vec(any::<u8>(), 0..100),
            chip in any::<Option<u16>>(),
        ) {
            if frame.len() > 24 {
                frame[12..15].copy_from_slice(&[8, 0, 0x45]);
                frame[23] = 6;
            }
            check(&frame, chip);
            fill(&mut frame);
        }
    }
}
