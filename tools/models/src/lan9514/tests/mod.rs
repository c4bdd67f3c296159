//! The chip by itself: registers, PHY, filter, framing both ways, bursts, troubles.

mod bus;
mod filters;
mod phy;
mod receive;
mod registers;
mod transfers;
mod transmit;
mod troubles;

use std::time::Duration;

use super::*;
use crate::usb::{Setup, Speed};

pub(super) const MAC: [u8; 6] = [0xb8, 0x27, 0xeb, 0x12, 0x34, 0x56];

/// A configured chip with its link up.
pub(super) struct Rig {
    pub(super) usb: Transfers,
    pub(super) now: Duration,
}

impl Rig {
    pub(super) fn of(settings: Settings) -> Self {
        let mut rig = Self { usb: Transfers::new(settings, Speed::High), now: Duration::ZERO };
        rig.millis(20);
        assert!(rig.usb.set_configuration(1));
        rig
    }

    /// A chip with its link up and nothing set.
    pub(super) fn linked() -> Self {
        let mut rig = Self::of(Settings::default());
        rig.millis(400);
        assert!(rig.usb.chip().link_is_up());
        rig
    }

    /// As drivers leave it: full duplex, both ways on, bursts of up to 16 KB and NAKs.
    pub(super) fn running() -> Self {
        let mut rig = Self::linked();
        rig.write(0x014, 0x1022);
        rig.write(0x038, 0x25);
        rig.write(0x06c, 0x2000);
        rig.set_mac(MAC);
        rig.write(0x100, 0x0010_000c);
        rig.write(0x010, 4);
        rig
    }

    pub(super) fn set_mac(&mut self, mac: [u8; 6]) {
        let [a, b, c, d, e, f] = mac;
        self.write(0x108, u32::from_le_bytes([a, b, c, d]));
        self.write(0x104, u32::from_le_bytes([e, f, 0, 0]));
    }

    pub(super) fn millis(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
        self.usb.advance(self.now);
    }

    pub(super) fn write(&mut self, offset: u16, value: u32) {
        let setup = Setup { request_type: 0x40, request: 0xa0, value: 0, index: offset, length: 4 };
        assert_eq!(self.usb.control(&setup, &value.to_le_bytes()), Reply::Done(Vec::new()));
    }

    pub(super) fn read(&mut self, offset: u16) -> u32 {
        let setup = Setup { request_type: 0xc0, request: 0xa1, value: 0, index: offset, length: 4 };
        let Reply::Done(bytes) = self.usb.control(&setup, &[]) else { panic!("no register") };
        u32::from_le_bytes(bytes.try_into().unwrap())
    }

    pub(super) fn mii_read(&mut self, register: u32) -> u32 {
        self.write(0x114, 1 << 11 | register << 6 | 1);
        self.read(0x118)
    }

    pub(super) fn mii_write(&mut self, register: u32, value: u32) {
        self.write(0x118, value);
        self.write(0x114, 1 << 11 | register << 6 | 3);
    }

    /// A burst, after the time that the chip waits for more.
    pub(super) fn burst(&mut self) -> InReply {
        self.millis(1);
        self.usb.bulk_in(20 * 1024)
    }

    pub(super) fn data(&mut self) -> Vec<u8> {
        match self.burst() {
            InReply::Data(bytes) => bytes,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn hear(&mut self) -> Option<Vec<u8>> {
        self.usb.take_frame_to_wire()
    }

    pub(super) fn mistakes(&mut self) -> &[Mistake] {
        self.usb.chip().mistakes()
    }
}

/// A frame of `len` bytes to the chip.
pub(super) fn frame(len: usize) -> Vec<u8> {
    frame_to(MAC, len)
}

pub(super) fn frame_to(destination: [u8; 6], len: usize) -> Vec<u8> {
    let mut frame = destination.to_vec();
    frame.extend_from_slice(&[2, 0, 0, 0, 0, 9, 0x08, 0x00]);
    frame.extend((frame.len()..len).map(|at| (at * 7 + len) as u8));
    frame
}

/// A frame of a burst: its status word, what it holds with FCS and checksum.
pub(super) type Segment = (u32, Vec<u8>);

/// Takes a burst apart, with `offset` bytes behind each status word.
pub(super) fn split(burst: &[u8], offset: usize) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut at = 0;
    while at < burst.len() {
        let status = u32::from_le_bytes(burst[at..at + 4].try_into().unwrap());
        let len = (status >> 16 & 0x3fff) as usize;
        let begins = at + 4 + offset;
        segments.push((status, burst[begins..begins + len].to_vec()));
        at = (begins + len).next_multiple_of(4);
    }
    segments
}

/// A frame behind the commands to send it whole.
pub(super) fn command(frame: &[u8], flags_b: u32) -> Vec<u8> {
    let mut bytes = (frame.len() as u32 | 0x3000).to_le_bytes().to_vec();
    bytes.extend_from_slice(&(frame.len() as u32 | flags_b).to_le_bytes());
    bytes.extend_from_slice(frame);
    bytes
}
