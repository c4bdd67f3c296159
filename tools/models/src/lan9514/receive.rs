//! From the wire to the host: filter, status words, the FIFO, bursts.
//!
//! ```text
//!   one transfer   | status | RXDOFF | frame, FCS [checksum] | pad | status | ...  short packet
//!                    4 bytes  0..3     FL bytes                to 4
//! ```
//!
//! With HW_CFG.MEF a transfer has as many whole frames as there are, up to BURST_CAP; without, one.
//! No pad follows the last frame. A transfer ends with a short packet, which is an empty one after
//! a multiple of the packet size. For an exactly full request that empty packet ends the next one
//! `[assumed]`.

use std::collections::VecDeque;
use std::time::Duration;

use super::bytes::{fcs, ones_sum};
use super::filter::{Filter, Verdict};
use super::registers::{
    BULK_IN_DLY, BURST_CAP, COE_CR, FLOW, HASHH, HASHL, HW_CFG, MAC_CR, VLAN1, coe_cr, flow,
    hw_cfg, int_sts, mac_cr,
};
use super::{Chip, Mistake, Trouble};

/// The receive FIFO `[data sheet]` 5.4.
pub const RX_FIFO_BYTES: usize = 20 * 1024;

/// The shortest frame on a wire, without FCS.
pub(super) const FRAME_BYTES_MIN: usize = 60;
/// The longest frame, with FCS and without a VLAN tag.
const FRAME_BYTES_MAX: usize = 1518;
/// The receive watchdog cuts frames here `[data sheet]` table 5-40.
const WATCHDOG_BYTES: usize = 2048;
/// The unit of BULK_IN_DLY: 16.667 ns.
const DELAY_UNITS_PER_MICROSECOND: u64 = 60;
/// What LongBurst adds behind BURST_CAP.
const LONG_BURST_BYTES: usize = 1024;

// The status word.
const FILTER_FAIL: u32 = 1 << 30;
const ERROR: u32 = 1 << 15;
const BROADCAST: u32 = 1 << 13;
const LENGTH_ERROR: u32 = 1 << 12;
const MULTICAST: u32 = 1 << 10;
const TOO_LONG: u32 = 1 << 7;
const ETHERNET_TYPE: u32 = 1 << 5;
const CRC_ERROR: u32 = 1 << 1;

/// What goes to the host.
#[derive(Clone, Debug)]
struct Burst {
    bytes: Vec<u8>,
    frames: u64,
    sent: usize,
    /// At this byte the plug is pulled.
    unplug_at: Option<usize>,
}

/// The receiver.
#[derive(Clone, Debug, Default)]
pub(super) struct Receive {
    /// Frames, each with its status word, without the pad.
    fifo: VecDeque<Vec<u8>>,
    fifo_bytes: usize,
    burst: Option<Burst>,
    last_arrival: Duration,
    naks: u32,
    /// Bytes of a unit of BURST_CAP: the packet size.
    unit: usize,
}

impl Receive {
    /// Bytes that are taken.
    pub(super) fn used(&self) -> usize {
        let left = self.burst.as_ref().map_or(0, |burst| burst.bytes.len() - burst.sent);
        (self.fifo_bytes + left.next_multiple_of(4)).min(RX_FIFO_BYTES)
    }

    pub(super) fn frames(&self) -> usize {
        self.fifo.len()
    }

    /// Forgets everything, and returns how many frames that was.
    pub(super) fn flush(&mut self) -> usize {
        let lost = self.fifo.len() + self.burst.as_ref().map_or(0, |burst| burst.frames as usize);
        *self = Self { unit: self.unit, ..Self::default() };
        lost
    }

    fn push(&mut self, segment: Vec<u8>, now: Duration) {
        self.fifo_bytes += segment.len().next_multiple_of(4);
        self.fifo.push_back(segment);
        self.last_arrival = now;
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        let segment = self.fifo.pop_front()?;
        self.fifo_bytes -= segment.len().next_multiple_of(4);
        Some(segment)
    }
}

impl Chip {
    /// A frame from the MAC, past the line's troubles.
    pub(super) fn take_in(&mut self, frame: &[u8], damaged: bool) {
        if !self.registers.has(MAC_CR, mac_cr::RXEN) {
            self.statistics.receiver_off += 1;
            return;
        }
        let mut frame = frame.to_vec();
        frame.resize(frame.len().clamp(FRAME_BYTES_MIN, WATCHDOG_BYTES), 0);
        let mut destination = [0; 6];
        destination.copy_from_slice(&frame[..6]);
        if !damaged && self.obeys_pause(&frame) {
            return;
        }
        let verdict = self.filter().judge(&destination);
        if verdict == Verdict::Drop {
            self.statistics.filtered += 1;
            self.statistics.filtered_multicast += u64::from(destination[0] & 1);
            return;
        }
        let mut status = self.status_of(&frame, &destination, damaged);
        if verdict == Verdict::PassMarked {
            status |= FILTER_FAIL;
        }
        self.count(status);
        if status & ERROR != 0 && self.registers.has(HW_CFG, hw_cfg::DRP) {
            self.statistics.damaged += 1;
            return;
        }
        self.enqueue(frame, status, damaged);
    }

    fn filter(&self) -> Filter {
        let (high, low) = (self.registers.get(HASHH), self.registers.get(HASHL));
        Filter {
            mac_cr: self.registers.get(MAC_CR),
            own: self.own_address(),
            hash: u64::from(high) << 32 | u64::from(low),
        }
    }

    fn status_of(&self, frame: &[u8], destination: &[u8; 6], damaged: bool) -> u32 {
        let mut status = match destination {
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] => BROADCAST,
            [first, ..] if first & 1 != 0 => MULTICAST,
            _ => 0,
        };
        let kind = u16::from_be_bytes([frame[12], frame[13]]);
        if kind > 1500 {
            status |= ETHERNET_TYPE;
        } else if usize::from(kind) + 14 > frame.len() {
            // Padding makes a frame longer than its length field, never shorter.
            status |= LENGTH_ERROR;
        }
        let tagged = u32::from(kind) == self.registers.get(VLAN1);
        let longest = FRAME_BYTES_MAX + if tagged { 4 } else { 0 };
        if frame.len() + 4 > longest {
            status |= TOO_LONG;
        }
        if damaged {
            status |= CRC_ERROR;
        }
        // The error summary: bits 11, 7, 6 and 1 `[data sheet]` table 5-40.
        if status & (TOO_LONG | CRC_ERROR) != 0 { status | ERROR } else { status }
    }

    fn count(&mut self, status: u32) {
        let counters = &mut self.counters;
        counters.rx_good += u32::from(status & ERROR == 0);
        counters.rx_bad += u32::from(status & ERROR != 0);
        counters.rx_crc += u32::from(status & CRC_ERROR != 0);
        counters.rx_too_long += u32::from(status & TOO_LONG != 0);
    }

    /// Puts a frame into the FIFO, if there is room.
    fn enqueue(&mut self, frame: Vec<u8>, mut status: u32, damaged: bool) {
        let offset = self.registers.get(HW_CFG) >> hw_cfg::RXDOFF_SHIFT & 3;
        let mut body = frame;
        let mut check = fcs(&body);
        if damaged {
            check[0] ^= 0x55;
        }
        let sum = self.receive_checksum(&body);
        if self.registers.has(MAC_CR, mac_cr::PADSTR) {
            strip(&mut body);
        }
        body.extend_from_slice(&check);
        if let Some(sum) = sum {
            body.extend_from_slice(&sum.to_be_bytes());
        }
        let mut length = body.len() as u32;
        match self.troubles.choose(Trouble::strikes_frames) {
            // Any other length: too short, too long, nonsense.
            Some(Trouble::WrongLength) => {
                length = (length + 1 + self.random.below(0x3ffe) as u32) & 0x3fff;
            }
            Some(_) => status |= ERROR | CRC_ERROR,
            None => {}
        }
        let mut segment = (status | length << 16).to_le_bytes().to_vec();
        segment.resize(4 + offset as usize, 0);
        segment.extend_from_slice(&body);
        if self.receive.used() + segment.len().next_multiple_of(4) > RX_FIFO_BYTES {
            self.statistics.overflowed += 1;
            self.counters.rx_fifo_dropped += 1;
            self.raise(int_sts::RXDF);
            return;
        }
        self.statistics.received += 1;
        self.receive.push(segment, self.now);
    }

    /// The sum that COE_CR appends: from byte 14, in mode 1 behind a VLAN tag, up to the FCS. In
    /// memory it stands as in an IP header, which is how the data sheet's little-endian sum reads.
    fn receive_checksum(&self, frame: &[u8]) -> Option<u16> {
        if !self.registers.has(COE_CR, coe_cr::RX) {
            return None;
        }
        let kind = u32::from(u16::from_be_bytes([frame[12], frame[13]]));
        let behind_tag =
            self.registers.has(COE_CR, coe_cr::RX_MODE) && kind == self.registers.get(VLAN1);
        Some(ones_sum(&frame[if behind_tag { 18 } else { 14 }..]))
    }

    /// True if this was a PAUSE frame (IEEE 802.3, annex 31B) and the MAC kept it to itself.
    fn obeys_pause(&mut self, frame: &[u8]) -> bool {
        let is_pause =
            frame[..6] == [0x01, 0x80, 0xc2, 0, 0, 1] && frame[12..16] == [0x88, 8, 0, 1];
        let control = self.registers.get(FLOW);
        if !is_pause || control & flow::ENABLE == 0 || !self.registers.has(MAC_CR, mac_cr::FDPX) {
            return false;
        }
        self.statistics.pauses += 1;
        self.line.pause(self.now, u16::from_be_bytes([frame[16], frame[17]]));
        control & flow::PASS == 0
    }

    /// How long a short burst waits for more `[data sheet]` 5.3.1.1.
    fn bulk_in_delay(&self) -> Duration {
        let units = u64::from(self.registers.get(BULK_IN_DLY));
        let waits = self.settings.bulk_in_delay && self.registers.has(HW_CFG, hw_cfg::MEF);
        let nanos = if waits { units * 1000 / DELAY_UNITS_PER_MICROSECOND } else { 0 };
        Duration::from_nanos(nanos)
    }

    /// When the burst that waits for more goes.
    pub(super) fn burst_deadline(&self) -> Option<Duration> {
        let waits = self.receive.burst.is_none() && !self.receive.fifo.is_empty();
        let at = self.receive.last_arrival + self.bulk_in_delay();
        (waits && at > self.now).then_some(at)
    }

    /// BURST_CAP in bytes.
    fn burst_bytes_max(&self) -> usize {
        self.registers.get(BURST_CAP) as usize * self.receive.unit
    }

    /// The next packet of the bulk IN endpoint; `None` is NAK. The same until it is acknowledged.
    pub(super) fn bulk_in_packet(&mut self, max_packet: usize) -> Option<Vec<u8>> {
        self.receive.unit = max_packet;
        if self.unplugged {
            return None;
        }
        if self.receive.naks > 0 {
            self.receive.naks -= 1;
            return None;
        }
        if self.receive.burst.is_none() {
            if self.receive.fifo.is_empty() {
                let empty = !self.registers.has(HW_CFG, hw_cfg::BIR);
                return empty.then(Vec::new);
            }
            self.start_burst()?;
        }
        let burst = self.receive.burst.as_ref()?;
        if burst.unplug_at.is_some_and(|at| burst.sent >= at) {
            self.unplugged = true;
            return None;
        }
        let left = &burst.bytes[burst.sent..];
        Some(left[..left.len().min(max_packet)].to_vec())
    }

    /// The host has the packet.
    pub(super) fn bulk_in_acknowledged(&mut self, packet: &[u8], max_packet: usize) {
        let Some(burst) = &mut self.receive.burst else { return };
        burst.sent = (burst.sent + packet.len()).min(burst.bytes.len());
        if packet.len() < max_packet {
            self.statistics.bursts += 1;
            self.statistics.delivered += burst.frames;
            self.statistics.burst_frames_max = self.statistics.burst_frames_max.max(burst.frames);
            self.receive.burst = None;
        }
    }

    fn start_burst(&mut self) -> Option<()> {
        let many = self.registers.has(HW_CFG, hw_cfg::MEF);
        let cap = self.burst_bytes_max();
        // A BURST_CAP of no bytes, or none, would never end a burst; and without a delay each frame
        // would go alone. What a chip does with them is not in the data sheet; that it does not
        // work is `[assumed]`, and held to strictly here.
        let incomplete = !self.registers.has(HW_CFG, hw_cfg::BCE)
            || cap == 0
            || self.registers.get(BULK_IN_DLY) == 0;
        if many && incomplete {
            self.note(Mistake::BurstModeIncomplete);
            return None;
        }
        if many && cap < 4 + 3 + FRAME_BYTES_MAX + 2 {
            self.note(Mistake::BurstCapTooSmall { bytes: cap });
        }
        let waiting = self.receive.fifo_bytes;
        let due = self.receive.last_arrival + self.bulk_in_delay();
        if many && waiting < cap && self.now < due {
            return None;
        }
        let trouble = self.troubles.choose(Trouble::strikes_bursts);
        if let Some(Trouble::NakStorm(times)) = trouble {
            self.receive.naks = times.saturating_sub(1);
            return None;
        }
        let mut bytes = self.receive.pop()?;
        let mut frames = 1;
        while many && let Some(next) = self.receive.fifo.front() {
            let begins = bytes.len().next_multiple_of(4);
            if begins + next.len() > cap {
                break;
            }
            let next = self.receive.pop()?;
            bytes.resize(begins, 0);
            bytes.extend_from_slice(&next);
            frames += 1;
        }
        let mut burst = Burst { bytes, frames, sent: 0, unplug_at: None };
        match trouble {
            Some(Trouble::ShortBurst) => {
                burst.bytes.truncate(self.random.below(burst.bytes.len()));
            }
            Some(Trouble::LongBurst) => {
                burst.bytes.resize(burst.bytes.len().max(cap) + LONG_BURST_BYTES, 0xbb);
            }
            Some(Trouble::Unplug) => burst.unplug_at = Some(burst.bytes.len() / 2),
            _ => {}
        }
        self.receive.burst = Some(burst);
        Some(())
    }
}

/// Takes the padding off a frame with a length field (MAC_CR.PADSTR) `[assumed]`.
fn strip(frame: &mut Vec<u8>) {
    let length = usize::from(u16::from_be_bytes([frame[12], frame[13]]));
    if length + 14 < frame.len() && length <= 1500 {
        frame.truncate(length + 14);
    }
}
