//! Reading capture files of Ethernets: pcap (pcap-savefile(5)) and pcapng
//! (draft-ietf-opsawg-pcapng), in either byte order, whoever wrote them.
//!
//! ```
//! use packet::{Timestamp, pcap, savefile::Records};
//!
//! let at = Timestamp { seconds: 1, microseconds: 2 };
//! let file = [&pcap::file_header(65_535)[..], &pcap::record_header(at, 3, 60), b"abc"].concat();
//! let record = Records::new(&file).unwrap().next().unwrap().unwrap();
//! assert_eq!((record.frame.bytes, record.frame.length), (&b"abc"[..], 60));
//! ```

use core::fmt;

use crate::limits::{FRAME_BYTES_MAX, SAVEFILE_INTERFACES};
use crate::pcap::{self, FILE_HEADER_BYTES, RECORD_HEADER_BYTES};
use crate::pcapng::{self, Way};
use crate::{Frame, Timestamp};

/// The magic of pcap files whose times have nanoseconds.
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Two kinds of pcapng blocks with frames and no time, or from before the format was settled.
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
/// Bytes of a pcapng block around its body: kind, length, and the length again.
const BLOCK_BYTES_MIN: usize = 12;

/// A frame of a file.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The frame.
    pub frame: Frame<'a>,
    /// Which way it went, where the file says so.
    pub way: Option<Way>,
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It is neither pcap nor pcapng.
    NotACapture,
    /// Its frames are not Ethernet's: the link type.
    Link(u32),
    /// It ends within what begins at this offset.
    Cut(usize),
    /// What begins at this offset contradicts itself.
    Malformed(usize),
    /// The block at this offset has a frame and no time.
    Timeless(usize),
    /// It names more than [`SAVEFILE_INTERFACES`] interfaces.
    Interfaces,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotACapture => f.write_str("neither pcap nor pcapng"),
            Self::Link(kind) => write!(f, "frames of link type {kind}, not of an Ethernet (1)"),
            Self::Cut(at) => write!(f, "cut off: it ends within what begins at byte {at}"),
            Self::Malformed(at) => write!(f, "malformed at byte {at}"),
            Self::Timeless(at) => write!(f, "the frame at byte {at} has no time"),
            Self::Interfaces => write!(f, "more than {SAVEFILE_INTERFACES} interfaces"),
        }
    }
}

impl core::error::Error for Error {}

/// The frames of a file, in its order; after an error there are none.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    file: &'a [u8],
    /// Where the next record or block begins.
    at: usize,
    order: Order,
    format: Format,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Pcap {
        nanoseconds: bool,
    },
    /// How the times of each interface count, as `if_tsresol` says it.
    Pcapng(Resolutions),
}

#[derive(Clone, Copy, Debug, Default)]
struct Resolutions {
    of: [u8; SAVEFILE_INTERFACES],
    count: usize,
}

/// The order of bytes in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn short(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(*bytes),
            Self::Big => u16::from_be_bytes(*bytes),
        })
    }

    fn word(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(*bytes),
            Self::Big => u32::from_be_bytes(*bytes),
        })
    }
}

/// The order in which a magic number reads right.
fn order_of(bytes: &[u8], at: usize, magic: u32) -> Option<Order> {
    [Order::Little, Order::Big].into_iter().find(|order| order.word(bytes, at) == Some(magic))
}

impl<'a> Records<'a> {
    /// Looks at the head of a file.
    ///
    /// # Errors
    /// If it is no capture of an Ethernet.
    pub fn new(file: &'a [u8]) -> Result<Self, Error> {
        if order_of(file, 0, pcapng::SECTION).is_some() {
            // The order is told in each section's head.
            let format = Format::Pcapng(Resolutions::default());
            return Ok(Self { file, at: 0, order: Order::Little, format });
        }
        for (magic, nanoseconds) in [(pcap::MAGIC, false), (NANOSECONDS, true)] {
            let Some(order) = order_of(file, 0, magic) else { continue };
            // The upper bits say whether there is an FCS.
            let link = order.word(file, FILE_HEADER_BYTES - 4).ok_or(Error::Cut(0))? & 0xffff;
            if link != pcap::ETHERNET {
                return Err(Error::Link(link));
            }
            let format = Format::Pcap { nanoseconds };
            return Ok(Self { file, at: FILE_HEADER_BYTES, order, format });
        }
        Err(Error::NotACapture)
    }

    /// The next record of a pcap file.
    fn record(&mut self, nanoseconds: bool) -> Result<Record<'a>, Error> {
        let (rest, order, at) = (&self.file[self.at..], self.order, self.at);
        let word = |at| order.word(rest, at);
        let header = word(0).zip(word(4)).zip(word(8).zip(word(12)));
        let ((seconds, fraction), (captured, length)) = header.ok_or(Error::Cut(at))?;
        let (captured, length) = (captured as usize, length as usize);
        if captured > FRAME_BYTES_MAX || captured > length {
            return Err(Error::Malformed(at));
        }
        let end = RECORD_HEADER_BYTES + captured;
        let bytes = rest.get(RECORD_HEADER_BYTES..end).ok_or(Error::Cut(at))?;
        let microseconds = if nanoseconds { fraction / 1000 } else { fraction };
        self.at += end;
        let at = Timestamp { seconds, microseconds };
        Ok(Record { frame: Frame { bytes, length, at }, way: None })
    }

    /// The next block of a pcapng file; a frame, if it is one.
    fn block(&mut self) -> Result<Option<Record<'a>>, Error> {
        let (rest, at) = (&self.file[self.at..], self.at);
        if order_of(rest, 0, pcapng::SECTION).is_some() {
            self.order = order_of(rest, 8, pcapng::BYTE_ORDER).ok_or(Error::Malformed(at))?;
            // Interfaces are numbered anew.
            self.format = Format::Pcapng(Resolutions::default());
        }
        let order = self.order;
        let (kind, bytes) = order.word(rest, 0).zip(order.word(rest, 4)).ok_or(Error::Cut(at))?;
        let bytes = bytes as usize;
        if bytes < BLOCK_BYTES_MIN || !bytes.is_multiple_of(4) {
            return Err(Error::Malformed(at));
        }
        let body = rest.get(8..bytes - 4).ok_or(Error::Cut(at))?;
        self.at += bytes;
        match kind {
            pcapng::INTERFACE => self.interface(body, at).map(|()| None),
            pcapng::PACKET => self.packet(body).ok_or(Error::Malformed(at)).map(Some),
            SIMPLE_PACKET | OLD_PACKET => Err(Error::Timeless(at)),
            _ => Ok(None),
        }
    }

    fn interface(&mut self, body: &[u8], at: usize) -> Result<(), Error> {
        let link = self.order.short(body, 0).ok_or(Error::Malformed(at))?;
        if u32::from(link) != pcap::ETHERNET {
            return Err(Error::Link(link.into()));
        }
        let resolution = option(self.order, body.get(8..), pcapng::INTERFACE_RESOLUTION);
        let Format::Pcapng(interfaces) = &mut self.format else { return Ok(()) };
        let place = interfaces.of.get_mut(interfaces.count).ok_or(Error::Interfaces)?;
        *place = resolution.and_then(<[u8]>::first).copied().unwrap_or(6);
        interfaces.count += 1;
        Ok(())
    }

    fn packet(&self, body: &'a [u8]) -> Option<Record<'a>> {
        let word = |at| self.order.word(body, at);
        let Format::Pcapng(interfaces) = &self.format else { return None };
        let resolution = interfaces.of[..interfaces.count].get(word(0)? as usize)?;
        let ticks = u64::from(word(4)?) << 32 | u64::from(word(8)?);
        let (captured, length) = (word(12)? as usize, word(16)? as usize);
        let bytes = body.get(20..)?.get(..captured)?;
        let options = body.get(20 + captured.next_multiple_of(4)..);
        let flags = option(self.order, options, pcapng::PACKET_FLAGS);
        let way = match flags.and_then(|flags| self.order.word(flags, 0)).unwrap_or(0) & 3 {
            1 => Some(Way::In),
            2 => Some(Way::Out),
            _ => None,
        };
        let frame = Frame { bytes, length, at: stamp(ticks, *resolution)? };
        (captured <= length).then_some(Record { frame, way })
    }
}

/// A time in units of an interface: 10 or, with the uppermost bit, 2 to the minus so much seconds.
fn stamp(ticks: u64, resolution: u8) -> Option<Timestamp> {
    let power = u32::from(resolution & 0x7f);
    let base: u128 = if resolution & 0x80 == 0 { 10 } else { 2 };
    let microseconds = u128::from(ticks) * 1_000_000 / base.checked_pow(power)?;
    let seconds = u32::try_from(microseconds / 1_000_000).ok()?;
    Some(Timestamp { seconds, microseconds: (microseconds % 1_000_000) as u32 })
}

/// The value of the first option of this code.
fn option(order: Order, options: Option<&[u8]>, wanted: u16) -> Option<&[u8]> {
    let mut rest = options?;
    loop {
        let (code, bytes) = order.short(rest, 0).zip(order.short(rest, 2))?;
        let bytes = usize::from(bytes);
        if code == 0 {
            return None;
        }
        if code == wanted {
            return rest.get(4..4 + bytes);
        }
        rest = rest.get(4 + bytes.next_multiple_of(4)..)?;
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        // Bounded: each turn the rest is shorter.
        while self.at < self.file.len() {
            let next = match self.format {
                Format::Pcap { nanoseconds } => self.record(nanoseconds).map(Some),
                Format::Pcapng(_) => self.block(),
            };
            if next.is_err() {
                self.at = self.file.len();
            }
            if let Some(next) = next.transpose() {
                return Some(next);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::pcapng::Packet;

    /// Bytes, length, time, way.
    type Seen = (Vec<u8>, usize, Timestamp, Option<Way>);

    /// What is read, and the error at the end, if there is one.
    fn read(file: &[u8]) -> (Vec<Seen>, Option<Error>) {
        let mut all = Vec::new();
        let records = match Records::new(file) {
            Ok(records) => records,
            Err(error) => return (all, Some(error)),
        };
        for record in records {
            match record {
                Ok(Record { frame: Frame { bytes, length, at }, way }) => {
                    all.push((bytes.to_vec(), length, at, way));
                }
                Err(error) => return (all, Some(error)),
            }
        }
        (all, None)
    }

    const AT: Timestamp = Timestamp { seconds: 7, microseconds: 9 };

    fn classic() -> Vec<u8> {
        let mut file = pcap::file_header(100).to_vec();
        for bytes in [&b"first"[..], b"second"] {
            file.extend(pcap::record_header(AT, bytes.len() as u32, 60));
            file.extend(bytes);
        }
        file
    }

    /// The same words in the other order.
    fn turned(bytes: &[u8]) -> Vec<u8> {
        bytes.chunks(4).flat_map(|word| word.iter().rev().copied()).collect()
    }

    fn young() -> Vec<u8> {
        let mut block = [0; 200];
        let mut file = Vec::new();
        let mut add = |write: &dyn Fn(&mut [u8]) -> Option<usize>| {
            let length = write(&mut block).unwrap();
            file.extend_from_slice(&block[..length]);
        };
        add(&|out| pcapng::section(out, "test"));
        add(&|out| pcapng::interface(out, "eth0", 100));
        add(&|out| pcapng::interface(out, "lo", 100));
        for (interface, way) in [(0, Way::In), (1, Way::Out)] {
            let at = 7_000_009;
            let (bytes, length, lost) = (b"frame", 60, 0);
            let packet = Packet { interface, at, way, bytes, length, lost, comment: "said" };
            add(&|out| packet.write(out));
        }
        add(&|out| pcapng::statistics(out, 0, 1, 2, 3));
        file
    }

    #[test]
    fn both_formats_are_read_as_they_are_written() {
        let frame = |bytes: &[u8], way| (bytes.to_vec(), 60, AT, way);
        let expected = [frame(b"first", None), frame(b"second", None)];
        assert_eq!(read(&classic()), (expected.to_vec(), None));
        let expected = [Way::In, Way::Out].map(|way| frame(b"frame", Some(way)));
        assert_eq!(read(&young()), (expected.to_vec(), None));
    }

    #[test]
    fn other_orders_and_units_are_read() {
        let mut file = turned(&pcap::file_header(100));
        // The version is two numbers of two bytes.
        file[4..8].copy_from_slice(&[0, 2, 0, 4]);
        let at = Timestamp { seconds: 7, microseconds: 9_999 };
        file.extend(turned(&pcap::record_header(at, 4, 4)));
        file.extend(b"abcd");
        assert_eq!(read(&file), (Vec::from([(b"abcd".to_vec(), 4, at, None)]), None));
        file[..4].copy_from_slice(&NANOSECONDS.to_be_bytes());
        assert_eq!(read(&file).0[0].2, AT);
        assert_eq!(stamp(7_000_009_999, 9), Some(AT));
        assert_eq!(
            stamp(15 << 9, 0x80 | 10),
            Some(Timestamp { seconds: 7, microseconds: 500_000 })
        );
        assert_eq!(stamp(1, 0x7f), None);
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(read(b"#!/bin/sh"), (Vec::new(), Some(Error::NotACapture)));
        assert_eq!(read(b""), (Vec::new(), Some(Error::NotACapture)));
        let mut wifi = classic();
        wifi[20] = 105;
        assert_eq!(read(&wifi).1, Some(Error::Link(105)));
        let mut long = classic();
        long[32] = 61;
        assert_eq!(read(&long).1, Some(Error::Malformed(24)));
        let packets = young().windows(8).position(|head| head[..5] == [6, 0, 0, 0, 60]).unwrap();
        let mut timeless = young();
        timeless[packets] = 3;
        assert_eq!(read(&timeless).1, Some(Error::Timeless(packets)));
        // Who does not say which way is taken at their word.
        let mut silent = young();
        let flags = packets + 28 + 8 + 8;
        assert_eq!(silent[flags..flags + 4], [2, 0, 4, 0]);
        silent[flags] = 77;
        assert_eq!(read(&silent).0[0].3, None);
    }

    #[test]
    fn a_file_may_end_anywhere_and_hold_anything() {
        for file in [classic(), young()] {
            let whole = read(&file).0;
            for end in 0..file.len() {
                let (frames, error) = read(&file[..end]);
                assert_eq!(frames, whole[..frames.len()], "{end} bytes");
                assert!(frames.len() < whole.len() || error.is_some() || end > 200);
            }
            for (at, wrong) in (0..file.len()).flat_map(|at| [(at, 0xff), (at, 0), (at, 1)]) {
                let mut file = file.clone();
                file[at] = wrong;
                read(&file);
            }
        }
    }
}
