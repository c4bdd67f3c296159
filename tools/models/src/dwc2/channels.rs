//! The registers of a host channel: HCCHAR, HCSPLT, HCINT, HCINTMSK, HCTSIZ, HCDMA.

use std::time::Duration;

use super::registers::{NON_PERIODIC, PERIODIC, RX};
use super::{Core, Mode};
use crate::Violation;
use crate::usb::{Kind, Speed, Toggle};

const HCCHAR: usize = 0x00;
const HCSPLT: usize = 0x04;
const HCINT: usize = 0x08;
const HCINTMSK: usize = 0x0c;
const HCTSIZ: usize = 0x10;
const HCDMA: usize = 0x14;

// HCCHAR.
const CHDIS: u32 = 1 << 30;
const CHENA: u32 = 1 << 31;
const LSPDDEV: u32 = 1 << 17;
// HCINT.
pub(super) const XFERCOMPL: u32 = 1 << 0;
pub(super) const CHHLTD: u32 = 1 << 1;
pub(super) const AHBERR: u32 = 1 << 2;
pub(super) const STALL: u32 = 1 << 3;
pub(super) const NAK: u32 = 1 << 4;
pub(super) const ACK: u32 = 1 << 5;
pub(super) const NYET: u32 = 1 << 6;
pub(super) const XACTERR: u32 = 1 << 7;
pub(super) const BBLERR: u32 = 1 << 8;
pub(super) const DATATGLERR: u32 = 1 << 10;
const HCINT_BITS: u32 = 0x7ff;

/// HCTSIZ.PID of a SETUP.
pub(super) const PID_SETUP: u32 = 3;

/// Later than any test runs.
pub(super) const NEVER: Duration = Duration::from_secs(1 << 40);

/// How long the core takes to halt a channel.
const HALT_TIME: Duration = Duration::from_micros(2);

/// A host channel.
#[derive(Debug, Default)]
pub(super) struct Channel {
    character: u32,
    split: u32,
    interrupts: u32,
    mask: u32,
    size: u32,
    pub(super) dma: u32,
    /// When its next transaction may begin; `Some` while it is enabled.
    ready: Option<Duration>,
    halting: Option<Duration>,
    /// The packet in the transmit FIFO that is not acknowledged yet.
    pub(super) fetched: Option<Vec<u8>>,
    /// A fault has made its device late already.
    pub(super) was_late: bool,
    /// Transactions in a row that failed.
    pub(super) errors: u8,
    /// QEMU: the transfer was small when it began.
    pub(super) small: bool,
}

impl Channel {
    pub(super) fn enabled(&self) -> bool {
        self.ready.is_some()
    }

    pub(super) fn ready(&self) -> Option<Duration> {
        self.ready
    }

    pub(super) fn halting(&self) -> Option<Duration> {
        self.halting
    }

    /// True if an unmasked interrupt is pending.
    pub(super) fn pending(&self) -> bool {
        self.interrupts & self.mask != 0
    }

    pub(super) fn max_packet(&self) -> u16 {
        (self.character & 0x7ff) as u16
    }

    pub(super) fn endpoint(&self) -> u8 {
        (self.character >> 11 & 0xf) as u8
    }

    pub(super) fn is_in(&self) -> bool {
        self.character >> 15 & 1 != 0
    }

    pub(super) fn low_speed(&self) -> bool {
        self.character & LSPDDEV != 0
    }

    pub(super) fn kind(&self) -> Kind {
        Kind::from_bits(self.character >> 18)
    }

    pub(super) fn periodic(&self) -> bool {
        matches!(self.kind(), Kind::Interrupt | Kind::Isochronous)
    }

    fn multi_count(&self) -> u32 {
        self.character >> 20 & 3
    }

    pub(super) fn address(&self) -> u8 {
        (self.character >> 22 & 0x7f) as u8
    }

    /// Frame parity of a periodic transfer.
    pub(super) fn odd_frame(&self) -> bool {
        self.character >> 29 & 1 != 0
    }

    /// Bytes left.
    pub(super) fn bytes(&self) -> u32 {
        self.size & 0x7_ffff
    }

    /// Packets left.
    pub(super) fn packets(&self) -> u32 {
        self.size >> 19 & 0x3ff
    }

    pub(super) fn pid(&self) -> u32 {
        self.size >> 29 & 3
    }

    pub(super) fn toggle(&self) -> Toggle {
        if self.pid() == 0 { Toggle::Data0 } else { Toggle::Data1 }
    }

    pub(super) fn ping(&self) -> bool {
        self.size >> 31 != 0
    }

    pub(super) fn clear_ping(&mut self) {
        self.size &= !(1 << 31);
    }

    /// Takes moved bytes off the size, and moves the DMA address on.
    pub(super) fn moved(&mut self, bytes: u32) {
        self.size -= bytes.min(self.bytes());
        self.dma = self.dma.wrapping_add(bytes);
    }

    /// One packet is done: it counts, and the next one has the other PID.
    pub(super) fn packet_done(&mut self, update_pid: bool) {
        self.errors = 0;
        self.size -= if self.packets() > 0 { 1 << 19 } else { 0 };
        if update_pid {
            let next = if self.pid() == PID_SETUP || self.pid() == 0 { 2 } else { 0 };
            self.size = self.size & !(3 << 29) | next << 29;
        }
    }

    pub(super) fn raise(&mut self, interrupts: u32) {
        self.interrupts |= interrupts;
    }

    /// Fault injection: the channel is stuck.
    pub(super) fn jam(&mut self) {
        if self.enabled() {
            (self.ready, self.halting) = (Some(NEVER), Some(NEVER));
        }
    }

    pub(super) fn retry_at(&mut self, at: Duration) {
        self.ready = Some(at);
    }
}

impl Core {
    /// Ends a channel's transfer.
    pub(super) fn halt(&mut self, index: usize, why: u32) {
        let channel = &mut self.channels[index];
        channel.raise(CHHLTD | why);
        channel.character &= !(CHENA | CHDIS);
        channel.ready = None;
        channel.halting = None;
        channel.fetched = None;
    }

    pub(super) fn read_channel(&mut self, index: usize, inside: usize, offset: usize) -> u32 {
        let channel = &self.channels[index];
        match inside {
            HCCHAR => channel.character,
            HCSPLT => channel.split,
            HCINT => channel.interrupts,
            HCINTMSK => channel.mask,
            HCTSIZ => channel.size,
            HCDMA => channel.dma,
            _ => {
                self.note(Violation::UnknownRegister { offset });
                0
            }
        }
    }

    pub(super) fn write_channel(
        &mut self,
        now: Duration,
        index: usize,
        (inside, offset): (usize, usize),
        value: u32,
    ) {
        let enabled = self.channels[index].enabled();
        if enabled && matches!(inside, HCSPLT | HCTSIZ | HCDMA) {
            return self.note(Violation::WrittenWhileEnabled { channel: index, offset });
        }
        let channel = &mut self.channels[index];
        match inside {
            HCCHAR => self.write_character(now, index, value),
            HCSPLT => channel.split = value,
            HCINT => channel.interrupts &= !value,
            HCINTMSK => channel.mask = value & HCINT_BITS,
            HCTSIZ => channel.size = value,
            HCDMA => channel.dma = value,
            _ => self.note(Violation::UnknownRegister { offset }),
        }
    }

    fn write_character(&mut self, now: Duration, index: usize, value: u32) {
        let (enable, disable) = (value & CHENA != 0, value & CHDIS != 0);
        let channel = &mut self.channels[index];
        let same = (channel.character ^ value) & !(CHENA | CHDIS) == 0;
        match (channel.enabled(), enable, disable) {
            (true, _, true) => {
                channel.character |= CHDIS;
                channel.halting.get_or_insert(now + HALT_TIME);
                if self.mode == Mode::Qemu {
                    self.halt(index, 0);
                }
                if !same {
                    let offset = 0x500 + 0x20 * index;
                    self.note(Violation::WrittenWhileEnabled { channel: index, offset });
                }
            }
            (true, true, false) => self.note(Violation::EnabledTwice { channel: index }),
            (true, false, false) => {
                let offset = 0x500 + 0x20 * index;
                self.note(Violation::WrittenWhileEnabled { channel: index, offset });
            }
            (false, true, false) => {
                channel.character = value;
                self.start(now, index);
            }
            // Halting a channel that has just ended by itself does nothing, and says nothing.
            (false, _, _) => channel.character = value & !(CHENA | CHDIS),
        }
    }

    fn start(&mut self, now: Duration, index: usize) {
        self.check_start(now, index);
        let slot = self.next_slot(now, index);
        let channel = &mut self.channels[index];
        channel.errors = 0;
        channel.was_late = false;
        channel.fetched = None;
        channel.small = channel.bytes() <= super::transfer::QEMU_SMALL_BYTES;
        channel.ready = Some(slot);
        if self.mode == Mode::Qemu && self.port.enabled() {
            self.run_at_once(index, now);
        }
    }

    fn check_start(&mut self, now: Duration, index: usize) {
        let channel = &self.channels[index];
        let (bytes, packets, max_packet) =
            (channel.bytes(), channel.packets(), channel.max_packet());
        let needed_packets = bytes.div_ceil(u32::from(max_packet).max(1)).max(1);
        let (setup, speed) = (channel.pid() == PID_SETUP, self.port.speed());
        let setup_fits = channel.kind() == Kind::Control && !channel.is_in() && bytes == 8;
        let words = u32::from(max_packet).div_ceil(4);
        let (fifo, words) = match (channel.is_in(), channel.periodic()) {
            // Room for the status words that come with each packet.
            (true, _) => (RX, words + 2),
            (false, true) => (PERIODIC, words),
            (false, false) => (NON_PERIODIC, words),
        };
        let stale = channel.interrupts & (CHHLTD | XFERCOMPL);
        // A port that went off a moment ago had a speed.
        let ping_fits = !channel.is_in() && matches!(speed, None | Some(Speed::High));
        let address = channel.dma;
        // What has to hold, and what it is called if it does not.
        let rules = [
            (self.port.usable(now), Violation::PortNotEnabled { channel: index }),
            (self.global.dma_enabled(), Violation::DmaNotEnabled),
            (self.global.runs(), Violation::WrongMode { offset: 0xe00 }),
            (channel.split >> 31 == 0, Violation::Split { channel: index }),
            (channel.kind() != Kind::Isochronous, Violation::Isochronous { channel: index }),
            (stale == 0, Violation::StaleInterrupt { channel: index, bits: channel.interrupts }),
            (address.is_multiple_of(4), Violation::DmaUnaligned { channel: index, address }),
            (
                packets == needed_packets && max_packet > 0,
                Violation::PacketCount { channel: index, packets, bytes, max_packet },
            ),
            (
                !channel.is_in() || bytes.is_multiple_of(u32::from(max_packet).max(1)),
                Violation::InSize { channel: index, bytes, max_packet },
            ),
            (channel.pid() != 1 && (!setup || setup_fits), Violation::WrongPid { channel: index }),
            (!channel.ping() || ping_fits, Violation::WrongPing { channel: index }),
            (
                !channel.periodic() || channel.multi_count() > 0,
                Violation::NoMultiCount { channel: index },
            ),
        ];
        let fifos = self.global.check_fifos(fifo, words);
        let broken = rules.into_iter().filter(|(holds, _)| !holds).map(|(_, broken)| broken);
        broken.chain(fifos).for_each(|broken| self.note(broken));
    }
}
