//! Segments: the header as it is read and written (RFC 9293 3.1).

use core::fmt;
use core::net::IpAddr;
use core::ops::BitOr;

use crate::checksum::{self, Sum};
use crate::events::Why;
use crate::flow::{Ecn, Flow};
use crate::limits::{HEADER_BYTES, HOP_LIMIT};
use crate::options::Options;
use crate::seq::Seq;

/// Control bits.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronize sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// Push.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgment field is significant.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer field is significant.
    pub const URG: Self = Self(0x20);
    /// Echo of congestion experienced (RFC 3168).
    pub const ECE: Self = Self(0x40);
    /// Congestion window reduced (RFC 3168).
    pub const CWR: Self = Self(0x80);

    /// All of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// `other` as well, if `condition`.
    #[must_use]
    pub const fn with_if(self, condition: bool, other: Self) -> Self {
        if condition { Self(self.0 | other.0) } else { self }
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for Flags {
    /// As tcpdump writes them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LETTERS: [(Flags, &str); 8] = [
            (Flags::FIN, "F"),
            (Flags::SYN, "S"),
            (Flags::RST, "R"),
            (Flags::PSH, "P"),
            (Flags::ACK, "."),
            (Flags::URG, "U"),
            (Flags::ECE, "E"),
            (Flags::CWR, "W"),
        ];
        for (flag, letter) in LETTERS {
            if self.has(flag) {
                f.write_str(letter)?;
            }
        }
        if self.0 == 0 { f.write_str("none") } else { Ok(()) }
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a header says, ports aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Sequence number of the first byte, or of the SYN.
    pub seq: Seq,
    /// The next sequence number expected.
    pub ack: Seq,
    /// Control bits.
    pub flags: Flags,
    /// The window field as it stands there, not yet scaled.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Options.
    pub options: Options,
}

/// Who has looked, or will look, after the checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// The processor.
    Software,
    /// The network device.
    Device,
}

/// A segment as it came, without its IP header.
#[derive(Clone, Copy, Debug)]
pub struct SegmentIn<'a> {
    /// From whom.
    pub source: IpAddr,
    /// To which address of ours.
    pub destination: IpAddr,
    /// The ECN bits of its IP header.
    pub ecn: Ecn,
    /// Whether the checksum is still to be verified.
    pub checksum: Checksum,
    /// The segment.
    pub bytes: &'a [u8],
}

/// Why bytes are no segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadSegment {
    /// Shorter than its header.
    Cut,
    /// The checksum is wrong.
    Checksum,
}

/// A received segment, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The sender's port.
    pub source_port: u16,
    /// Our port.
    pub destination_port: u16,
    /// The header.
    pub header: Header,
    /// The data.
    pub payload: &'a [u8],
}

/// Fixed header, options, data.
pub(crate) type Parts<'a> = (&'a [u8; HEADER_BYTES], &'a [u8], &'a [u8]);

/// Takes a segment apart. No length is believed.
fn parts(bytes: &[u8]) -> Result<Parts<'_>, BadSegment> {
    let fixed: &[u8; HEADER_BYTES] = bytes.first_chunk().ok_or(BadSegment::Cut)?;
    let header_bytes = usize::from(fixed[12] >> 4) * 4;
    let options = bytes.get(HEADER_BYTES..header_bytes).ok_or(BadSegment::Cut)?;
    let payload = bytes.get(header_bytes..).ok_or(BadSegment::Cut)?;
    Ok((fixed, options, payload))
}

impl<'a> SegmentIn<'a> {
    /// Looks at lengths and checksum: to read the parts cannot fail.
    pub(crate) fn check(&self) -> Result<Parts<'a>, BadSegment> {
        let parts = parts(self.bytes)?;
        if self.checksum == Checksum::Software
            && !checksum::is_right(self.source, self.destination, self.bytes)
        {
            return Err(BadSegment::Checksum);
        }
        Ok(parts)
    }
}

impl<'a> Segment<'a> {
    /// Reads a segment. No length is believed.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BadSegment> {
        let parts = parts(bytes)?;
        let mut segment = Self::without_options(parts);
        segment.header.options.read(parts.1);
        Ok(segment)
    }

    /// Reads what was looked at, but for the options: those are read where the segment is kept,
    /// lest all of it is copied.
    #[inline]
    pub(crate) fn without_options((fixed, _, payload): Parts<'a>) -> Self {
        let half = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
        let word = |at: usize| u32::from(half(at)) << 16 | u32::from(half(at + 2));
        Self {
            source_port: half(0),
            destination_port: half(2),
            header: Header {
                seq: Seq(word(4)),
                ack: Seq(word(8)),
                flags: Flags(fixed[13]),
                window: half(14),
                urgent: half(18),
                options: Options::default(),
            },
            payload,
        }
    }

    /// Sequence numbers it takes: data, SYN and FIN (SEG.LEN).
    pub fn length(&self) -> u32 {
        let flags = self.header.flags;
        // An IP packet bounds the payload to 16 bits.
        self.payload.len() as u32
            + u32::from(flags.has(Flags::SYN))
            + u32::from(flags.has(Flags::FIN))
    }
}

/// A segment to be sent. The IP header is the caller's: protocol 6, the addresses of `flow`, the
/// bits of `ecn`, "don't fragment" set.
#[derive(Clone, Debug)]
pub struct SegmentOut<'a> {
    /// From our end to the peer's.
    pub flow: Flow,
    /// The header.
    pub header: Header,
    /// The data, in two pieces since a ring's memory may not be in one.
    pub payload: [&'a [u8]; 2],
    /// The ECN bits for the IP header.
    pub ecn: Ecn,
    /// The Diffserv codepoint for the IP header, unchanged from the application (RFC 9293 SHLD-22).
    pub diffserv: u8,
    /// Hop limit or TTL for the IP header.
    pub hop_limit: u8,
    /// What it is sent for.
    pub why: Why,
}

/// Takes a segment; false if there is no room for it.
pub type Emit<'e> = dyn FnMut(&SegmentOut<'_>) -> bool + 'e;

/// The way out in one turn. It has no type parameter, so that what sends is compiled once, in this
/// crate.
pub(crate) struct Outlet<'o, 'e> {
    pub emit: &'o mut Emit<'e>,
    /// Segments that may still leave.
    pub room: usize,
}

impl Outlet<'_, '_> {
    /// False if the segment was not taken.
    pub fn send(&mut self, segment: &SegmentOut<'_>) -> bool {
        let taken = self.room > 0 && (self.emit)(segment);
        self.room -= usize::from(taken);
        taken
    }
}

impl SegmentOut<'_> {
    /// One without data, for which nobody chose anything.
    pub(crate) fn bare(flow: Flow, header: Header, why: Why) -> Self {
        let ecn = Ecn::NotCapable;
        Self { flow, header, payload: [&[]; 2], ecn, diffserv: 0, hop_limit: HOP_LIMIT, why }
    }

    /// TOS or traffic class: Diffserv and ECN together.
    pub fn traffic_class(&self) -> u8 {
        self.diffserv << 2 | self.ecn.bits()
    }

    /// Bytes of header and options.
    pub fn header_bytes(&self) -> usize {
        HEADER_BYTES + self.header.options.length()
    }

    /// Bytes of data.
    pub fn payload_bytes(&self) -> usize {
        self.payload[0].len() + self.payload[1].len()
    }

    /// Bytes altogether.
    pub fn length(&self) -> usize {
        self.header_bytes() + self.payload_bytes()
    }

    /// Writes it to the first [`SegmentOut::length`] bytes of `out`; the data is copied once, here.
    /// With [`Checksum::Device`] the checksum field holds 0.
    ///
    /// # Panics
    /// If `out` is shorter.
    pub fn emit(&self, out: &mut [u8], by: Checksum) {
        let header_bytes = self.header_bytes();
        let out = &mut out[..header_bytes + self.payload_bytes()];
        let (header, data) = out.split_at_mut(header_bytes);
        let (header, options) = header.split_at_mut(HEADER_BYTES);
        let fields = &self.header;
        header[0..2].copy_from_slice(&self.flow.local.port.to_be_bytes());
        header[2..4].copy_from_slice(&self.flow.remote.port.to_be_bytes());
        header[4..8].copy_from_slice(&fields.seq.0.to_be_bytes());
        header[8..12].copy_from_slice(&fields.ack.0.to_be_bytes());
        header[12] = ((header_bytes / 4) as u8) << 4;
        header[13] = fields.flags.0;
        header[14..16].copy_from_slice(&fields.window.to_be_bytes());
        header[16..18].fill(0);
        header[18..20].copy_from_slice(&fields.urgent.to_be_bytes());
        if !options.is_empty() {
            fields.options.emit(options);
        }
        let (first, second) = data.split_at_mut(self.payload[0].len());
        first.copy_from_slice(self.payload[0]);
        if !second.is_empty() {
            second.copy_from_slice(self.payload[1]);
        }
        if by == Checksum::Software {
            let (local, remote) = (self.flow.local.address, self.flow.remote.address);
            let mut sum = Sum::pseudo_header(local, remote, out.len());
            sum.add(out);
            out[16..18].copy_from_slice(&sum.finish().to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
