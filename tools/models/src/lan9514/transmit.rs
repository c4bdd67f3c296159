//! From the host to the wire: commands, checksums, padding.
//!
//! ```text
//!   | command A | command B | 0..3 bytes offset | data ... | unused to 4 | command A | ...
//! ```
//!
//! The chip reads a stream of such buffers, one or several to a frame, whatever packets and
//! transfers they come in `[data sheet]` 5.4.2. A USB packet begins on a word of the FIFO, so the
//! unused bytes need not be sent at the end of a transfer.

use std::collections::VecDeque;

use super::bytes::{fcs, ones_sum};
use super::mistake::BadCommand;
use super::receive::FRAME_BYTES_MIN;
use super::registers::{COE_CR, HW_CFG, MAC_CR, TX_CFG, coe_cr, hw_cfg, int_sts, mac_cr, tx_cfg};
use super::{Chip, Mistake, Trouble, WIRE_FRAMES_MAX};
use crate::usb::Answer;

/// The transmit FIFO `[data sheet]` 5.4.
pub const TX_FIFO_BYTES: usize = 8 * 1024;

// Command A.
const FIRST: u32 = 1 << 13;
const LAST: u32 = 1 << 12;
const OFFSET_SHIFT: u32 = 16;
// Command B.
const CHECKSUM: u32 = 1 << 14;
const NO_CRC: u32 = 1 << 13;
const NO_PAD: u32 = 1 << 12;
// Both.
const LENGTH: u32 = 0x7ff;

/// A frame, as far as it came.
#[derive(Clone, Debug)]
struct Frame {
    command_b: u32,
    /// With the four bytes of the checksum command, if there is one.
    bytes: Vec<u8>,
}

/// The transmitter.
#[derive(Clone, Debug, Default)]
pub(super) struct Transmit {
    stream: Vec<u8>,
    open: Option<Frame>,
    fifo: VecDeque<Frame>,
    fifo_bytes: usize,
    out_of_step: bool,
}

impl Transmit {
    /// Bytes that are taken.
    pub(super) fn used(&self) -> usize {
        let open = self.open.as_ref().map_or(0, |frame| frame.bytes.len());
        (self.stream.len() + open + self.fifo_bytes).min(TX_FIFO_BYTES)
    }

    /// Forgets everything, and returns how many whole frames that was.
    pub(super) fn flush(&mut self) -> usize {
        let lost = self.fifo.len();
        *self = Self { out_of_step: self.out_of_step, ..Self::default() };
        lost
    }

    /// In step again.
    pub(super) fn recover(&mut self) {
        self.out_of_step = false;
    }

    /// The next buffer of the stream, if it is all there: its commands and its data.
    fn next_buffer(&mut self) -> Option<(u32, u32, Vec<u8>)> {
        let word = |at: usize| {
            let bytes = self.stream.get(at..at + 4)?;
            Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        };
        let (a, b) = (word(0)?, word(4)?);
        let begins = 8 + (a >> OFFSET_SHIFT & 3) as usize;
        let ends = begins + (a & LENGTH) as usize;
        let data = self.stream.get(begins..ends)?.to_vec();
        self.stream.drain(..ends.next_multiple_of(4).min(self.stream.len()));
        Some((a, b, data))
    }

    /// Adds a buffer to its frame. True if the frame is whole.
    fn add(&mut self, a: u32, b: u32, data: &[u8]) -> Result<bool, BadCommand> {
        let (first, last) = (a & FIRST != 0, a & LAST != 0);
        let short = if first || last { data.is_empty() } else { data.len() < 4 };
        if short {
            return Err(BadCommand::TooShort);
        }
        let frame = match (&mut self.open, first) {
            (Some(_), true) => return Err(BadCommand::FirstTwice),
            (None, false) => return Err(BadCommand::NoFirst),
            (Some(frame), false) if (frame.command_b ^ b) & !CHECKSUM != 0 => {
                return Err(BadCommand::CommandsDiffer);
            }
            (Some(frame), false) => frame,
            (open, true) => open.insert(Frame { command_b: b, bytes: Vec::new() }),
        };
        frame.bytes.extend_from_slice(data);
        let (has, wants) = (frame.bytes.len(), (b & LENGTH) as usize);
        if has > wants || last && has != wants {
            return Err(BadCommand::Length);
        }
        Ok(last)
    }

    /// The open frame is whole.
    fn close(&mut self) {
        if let Some(frame) = self.open.take() {
            self.fifo_bytes += frame.bytes.len();
            self.fifo.push_back(frame);
        }
    }
}

impl Chip {
    /// A packet for the bulk OUT endpoint, whose packets have up to `max_packet` bytes.
    pub(super) fn bulk_out_packet(&mut self, packet: &[u8], max_packet: usize) -> Answer {
        if self.unplugged {
            return Answer::Nak;
        }
        let struck = self.troubles.choose(Trouble::strikes_out).is_some();
        if self.transmit.out_of_step || struck {
            return Answer::Stall;
        }
        if self.transmit.used() + packet.len() > TX_FIFO_BYTES {
            return Answer::Nak;
        }
        self.transmit.stream.extend_from_slice(packet);
        let aligned = self.transmit.stream.len().next_multiple_of(4);
        self.transmit.stream.resize(aligned, 0);
        while let Some((a, b, data)) = self.transmit.next_buffer() {
            match self.transmit.add(a, b, &data) {
                Ok(true) => self.transmit.close(),
                Ok(false) => {}
                Err(error) => {
                    self.bad_command(error);
                    break;
                }
            }
        }
        self.pump();
        // This packet is taken all the same: the endpoint stalls from the next one on. NYET says
        // that there is no room for another one, at high speed `[data sheet]` of the LAN9730,
        // 4.3.1.2.
        let room = TX_FIFO_BYTES - self.transmit.used();
        if max_packet == 512 && room < max_packet { Answer::Nyet } else { Answer::Ack }
    }

    /// Out of step: what the next command is, nobody knows `[data sheet]` 5.4.2.4. The pipe stalls
    /// until a reset, unless HW_CFG.SBP says not to; then the rest is thrown away `[assumed]`.
    fn bad_command(&mut self, error: BadCommand) {
        self.note(Mistake::BadCommand(error));
        self.statistics.bad_commands += 1;
        self.counters.tx_bad += 1;
        self.raise(int_sts::TXE);
        self.transmit.stream.clear();
        self.transmit.open = None;
        self.transmit.out_of_step = !self.registers.has(HW_CFG, hw_cfg::SBP);
    }

    /// Transmits what can be transmitted.
    pub(super) fn pump(&mut self) {
        let on = self.registers.has(TX_CFG, tx_cfg::ON) && self.registers.has(MAC_CR, mac_cr::TXEN);
        while on && self.to_wire.len() < WIRE_FRAMES_MAX && !self.line.paused(self.now) {
            let Some(frame) = self.transmit.fifo.pop_front() else { break };
            self.transmit.fifo_bytes -= frame.bytes.len();
            if let Some(bytes) = self.finish(frame) {
                self.send(bytes);
            }
        }
    }

    /// The frame as it goes out, without FCS. `None` if no switch would take it.
    fn finish(&mut self, frame: Frame) -> Option<Vec<u8>> {
        let Frame { command_b, mut bytes } = frame;
        if command_b & CHECKSUM != 0 && self.registers.has(COE_CR, coe_cr::TX) {
            bytes = self.insert_checksum(bytes);
        }
        // Padding adds an FCS whatever command B says of it `[data sheet]` table 5-42.
        let padded = bytes.len() < FRAME_BYTES_MIN && command_b & NO_PAD == 0;
        if padded {
            bytes.resize(FRAME_BYTES_MIN, 0);
        } else if command_b & NO_CRC != 0 {
            let body = bytes.len().saturating_sub(4);
            let own = bytes.split_off(body);
            if own != fcs(&bytes) {
                self.note(Mistake::BadFcs);
                self.statistics.refused += 1;
                return None;
            }
        }
        if bytes.len() < FRAME_BYTES_MIN {
            self.note(Mistake::Runt { bytes: bytes.len() });
            self.statistics.refused += 1;
            return None;
        }
        Some(bytes)
    }

    /// Takes the checksum command off a frame and carries it out `[data sheet]` 5.5.8.
    fn insert_checksum(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        let mut frame = bytes.split_off(bytes.len().min(4));
        let Ok(command) = <[u8; 4]>::try_from(bytes) else { return frame };
        let command = u32::from_le_bytes(command);
        let (start, field) = (command as usize & 0xfff, (command >> 16) as usize & 0xfff);
        let reach = 14..frame.len().saturating_sub(4);
        if !reach.contains(&start) || !reach.contains(&field) || field + 2 > reach.end {
            self.note(Mistake::ChecksumOutOfReach { start, field, frame: frame.len() });
            return frame;
        }
        let sum = !ones_sum(&frame[start..]);
        frame[field..field + 2].copy_from_slice(&sum.to_be_bytes());
        self.statistics.checksums_inserted += 1;
        frame
    }
}
