//! The address map, and the registers of the core as a whole.

use std::time::Duration;

use super::{CHANNELS, Core, Mode};
use crate::Violation;

const GOTGCTL: usize = 0x000;
const GOTGINT: usize = 0x004;
const GAHBCFG: usize = 0x008;
const GUSBCFG: usize = 0x00c;
const GRSTCTL: usize = 0x010;
const GINTSTS: usize = 0x014;
const GINTMSK: usize = 0x018;
const GRXFSIZ: usize = 0x024;
const GNPTXFSIZ: usize = 0x028;
const GNPTXSTS: usize = 0x02c;
const GUID: usize = 0x03c;
const GSNPSID: usize = 0x040;
const GHWCFG1: usize = 0x044;
const GHWCFG2: usize = 0x048;
const GHWCFG3: usize = 0x04c;
const GHWCFG4: usize = 0x050;
const HPTXFSIZ: usize = 0x100;
const HCFG: usize = 0x400;
const HFIR: usize = 0x404;
const HFNUM: usize = 0x408;
const HPTXSTS: usize = 0x410;
const HAINT: usize = 0x414;
const HAINTMSK: usize = 0x418;
const HPRT: usize = 0x440;
/// The registers that are there in host mode only.
const HOST: std::ops::Range<usize> = 0x400..0x800;
const HC_FIRST: usize = 0x500;
const HC_STRIDE: usize = 0x20;
const PCGCTL: usize = 0xe00;

// GAHBCFG.
const GLBLINTRMSK: u32 = 1 << 0;
const DMAEN: u32 = 1 << 5;
// GUSBCFG.
const FDEVMODE: u32 = 1 << 30;
// GRSTCTL.
const CSFTRST: u32 = 1 << 0;
const RXFFLSH: u32 = 1 << 4;
const TXFFLSH: u32 = 1 << 5;
const AHBIDLE: u32 = 1 << 31;
// GINTSTS.
const CURMOD: u32 = 1 << 0;
const SOF: u32 = 1 << 3;
const NPTXFEMP: u32 = 1 << 5;
const PRTINT: u32 = 1 << 24;
const HCHINT: u32 = 1 << 25;
const PTXFEMP: u32 = 1 << 26;
const DISCONNINT: u32 = 1 << 29;
// HCFG.
const FSLSSUPP: u32 = 1 << 2;
const DESCDMA: u32 = 1 << 23;

/// How long the core resets, and until AHB is idle after it.
const RESET_TIME: Duration = Duration::from_micros(20);
const IDLE_TIME: Duration = Duration::from_micros(25);
/// How long the core is a device after a reset, until it has filtered its ID pin.
const DEVICE_TIME: Duration = Duration::from_millis(25);
/// How long a FIFO flush takes.
const FLUSH_TIME: Duration = Duration::from_micros(5);
/// Frames that QEMU's HFNUM jumps by in a frame.
const QEMU_FRAME_JUMP: u64 = 83;

/// The three FIFOs, in the order of [`Global::flushed`].
pub(super) const RX: usize = 0;
pub(super) const NON_PERIODIC: usize = 1;
pub(super) const PERIODIC: usize = 2;

/// The registers of the core.
#[derive(Debug)]
pub(super) struct Global {
    mode: Mode,
    otg: u32,
    ahb: u32,
    usb: u32,
    mask: u32,
    /// GRXFSIZ, GNPTXFSIZ, HPTXFSIZ.
    fifo: [u32; 3],
    flushed: [bool; 3],
    id: u32,
    hcfg: u32,
    hfir: u32,
    channel_mask: u32,
    clock_gate: u32,
    reset_at: Option<Duration>,
    flush_at: [Option<Duration>; 2],
    tx_fifo_number: u32,
    /// Frames that software has acknowledged by clearing SOF.
    sof_seen: u64,
}

impl Global {
    pub(super) fn new(mode: Mode) -> Self {
        Self {
            mode,
            otg: 0x001c_0000,
            ahb: 0,
            usb: 0x0000_1400,
            mask: 0,
            // As a Pi 3 shows them: more than the RAM holds, so software has to choose.
            fifo: [0x1000, 0x0100_1000, 0x0200_2000],
            flushed: [true; 3],
            id: 0x2708_a000,
            hcfg: 0,
            hfir: 0x17d7,
            channel_mask: 0,
            clock_gate: 0,
            reset_at: None,
            flush_at: [None; 2],
            tx_fifo_number: 0,
            sof_seen: 0,
        }
    }

    pub(super) fn dma_enabled(&self) -> bool {
        self.ahb & DMAEN != 0
    }

    pub(super) fn full_speed_only(&self) -> bool {
        self.hcfg & FSLSSUPP != 0
    }

    /// True unless the PHY clock is stopped.
    pub(super) fn runs(&self) -> bool {
        self.clock_gate & 3 == 0
    }

    /// Words of FIFO RAM (GHWCFG3, upper half).
    fn fifo_depth(&self) -> u32 {
        self.ghwcfg3() >> 16
    }

    fn ghwcfg3(&self) -> u32 {
        match self.mode {
            // 19 bits of size, 10 bits of packets, 4,080 words: a Pi 3's.
            Mode::Hardware => 0x0ff0_00e8,
            Mode::Qemu => 0x1000_0044,
        }
    }

    /// Start and end of each FIFO in words.
    fn fifos(&self) -> [(u32, u32); 3] {
        let range = |bits: u32| (bits & 0xffff, (bits & 0xffff) + (bits >> 16));
        [(0, self.fifo[RX] & 0xffff), range(self.fifo[NON_PERIODIC]), range(self.fifo[PERIODIC])]
    }

    /// What is wrong with the FIFOs for packets of `needed` words in FIFO `used`.
    pub(super) fn check_fifos(&self, used: usize, needed: u32) -> Option<Violation> {
        let fifos = self.fifos();
        let end = fifos.iter().map(|&(_, end)| end).max().unwrap_or_default();
        let depth = self.fifo_depth();
        if end > depth {
            return Some(Violation::FifoTooLarge { end, depth });
        }
        for (index, &(start, end)) in fifos.iter().enumerate() {
            let others = &fifos[index + 1..];
            if others.iter().any(|&(other, other_end)| other < end && start < other_end) {
                return Some(Violation::FifoOverlap);
            }
        }
        let words = fifos[used].1 - fifos[used].0;
        if words < needed {
            return Some(Violation::FifoTooSmall { words, needed });
        }
        self.flushed.contains(&false).then_some(Violation::FifoNotFlushed)
    }

    /// True while the core is a device, after a reset.
    fn is_device(&self, now: Duration) -> bool {
        self.mode == Mode::Hardware && self.reset_at.is_some_and(|at| now < at + DEVICE_TIME)
    }

    /// True while a reset is under way, or AHB is not idle after it.
    fn resetting(&self, now: Duration) -> bool {
        self.reset_at.is_some_and(|at| now < at + IDLE_TIME)
    }

    fn reset_control(&self, now: Duration) -> u32 {
        let mut bits = self.tx_fifo_number << 6;
        bits |= if self.reset_at.is_some_and(|at| now < at + RESET_TIME) { CSFTRST } else { 0 };
        bits |= if self.resetting(now) { 0 } else { AHBIDLE };
        for (at, bit) in self.flush_at.into_iter().zip([RXFFLSH, TXFFLSH]) {
            bits |= if at.is_some_and(|at| now < at + FLUSH_TIME) { bit } else { 0 };
        }
        bits
    }

    fn flush_tx(&mut self, number: u32) {
        self.tx_fifo_number = number;
        self.flushed[NON_PERIODIC] |= matches!(number, 0 | 0x10);
        self.flushed[PERIODIC] |= matches!(number, 1 | 0x10);
    }

    fn set_fifo(&mut self, which: usize, value: u32) {
        self.flushed[which] &= self.fifo[which] == value;
        self.fifo[which] = value;
    }

    fn restart(&mut self, now: Duration) {
        // The PHY's selection and HCFG survive.
        let (usb, hcfg) = (self.usb, self.hcfg);
        *self = Self { usb, hcfg, reset_at: Some(now), ..Self::new(self.mode) };
    }
}

impl Core {
    /// Frames or microframes since the port was enabled.
    fn frame(&self, now: Duration) -> u64 {
        let Some((since, length)) = self.port.frames() else { return 0 };
        (now.saturating_sub(since).as_nanos() / length.as_nanos()) as u64
    }

    fn hfnum(&self, now: Duration) -> u32 {
        let Some((since, length)) = self.port.frames() else { return 0x3fff };
        let into = now.saturating_sub(since).as_nanos() % length.as_nanos();
        let left = (length.as_nanos() - into) * u128::from(self.global.hfir) / length.as_nanos();
        let jump = if self.mode == Mode::Qemu { QEMU_FRAME_JUMP } else { 1 };
        (left as u32) << 16 | (self.frame(now) * jump) as u32 & 0x3fff
    }

    fn haint(&self) -> u32 {
        (0..CHANNELS).filter(|&n| self.channels[n].pending()).fold(0, |bits, n| bits | 1 << n)
    }

    fn interrupts(&self, now: Duration) -> u32 {
        let mut bits = NPTXFEMP | PTXFEMP;
        bits |= if self.global.is_device(now) { 0 } else { CURMOD };
        bits |= if self.frame(now) > self.global.sof_seen { SOF } else { 0 };
        bits |= if self.port.change_pending() { PRTINT } else { 0 };
        bits |= if self.haint() & self.global.channel_mask != 0 { HCHINT } else { 0 };
        bits | if self.port.disconnect_latch { DISCONNINT } else { 0 }
    }

    /// The interrupt line.
    pub(super) fn interrupt(&self) -> bool {
        let bits = self.interrupts(self.clock.peek());
        self.global.ahb & GLBLINTRMSK != 0 && bits & self.global.mask != 0
    }

    /// Splits the offset of a channel's register into channel and offset within.
    fn channel_of(offset: usize) -> Option<(usize, usize)> {
        let inside = offset.checked_sub(HC_FIRST)?;
        let channel = inside / HC_STRIDE;
        (channel < CHANNELS).then_some((channel, inside % HC_STRIDE))
    }

    /// False if the register is not there now: then a read is 0, and a write is lost.
    fn reaches(&mut self, now: Duration, offset: usize) -> bool {
        if !self.powered {
            self.note(Violation::NoPower { offset });
            return self.mode == Mode::Qemu;
        }
        if offset != GRSTCTL && self.global.resetting(now) {
            self.note(Violation::AccessDuringReset { offset });
        } else if HOST.contains(&offset) && self.global.is_device(now) {
            self.note(Violation::NotHost { offset });
            return false;
        }
        true
    }

    pub(super) fn read(&mut self, now: Duration, offset: usize) -> u32 {
        if !self.reaches(now, offset) {
            return 0;
        }
        if let Some((channel, inside)) = Self::channel_of(offset) {
            return self.read_channel(channel, inside, offset);
        }
        let global = &self.global;
        match offset {
            GOTGCTL => global.otg,
            GOTGINT | GHWCFG1 => 0,
            GAHBCFG => global.ahb,
            GUSBCFG => global.usb,
            GRSTCTL => global.reset_control(now),
            GINTSTS => self.interrupts(now),
            GINTMSK => global.mask,
            GRXFSIZ => global.fifo[RX],
            GNPTXFSIZ => global.fifo[NON_PERIODIC],
            HPTXFSIZ => global.fifo[PERIODIC],
            // Eight free requests, and the whole FIFO.
            GNPTXSTS => 8 << 16 | global.fifo[NON_PERIODIC] >> 16,
            HPTXSTS => 8 << 16 | global.fifo[PERIODIC] >> 16,
            GUID => global.id,
            GSNPSID if self.mode == Mode::Qemu => 0x4f54_294a,
            GSNPSID => 0x4f54_280a,
            GHWCFG2 if self.mode == Mode::Qemu => 0x250d_c016,
            GHWCFG2 => 0x228d_dd50,
            GHWCFG3 => global.ghwcfg3(),
            GHWCFG4 if self.mode == Mode::Qemu => 0,
            GHWCFG4 => 0x1ff0_0020,
            HCFG => global.hcfg,
            HFIR => global.hfir,
            HFNUM => self.hfnum(now),
            HAINT => self.haint(),
            HAINTMSK => global.channel_mask,
            HPRT => self.read_hprt(),
            PCGCTL => global.clock_gate,
            _ => {
                self.note(Violation::UnknownRegister { offset });
                0
            }
        }
    }

    pub(super) fn write(&mut self, now: Duration, offset: usize, value: u32) {
        if !self.reaches(now, offset) {
            return;
        }
        if let Some((channel, inside)) = Self::channel_of(offset) {
            return self.write_channel(now, channel, (inside, offset), value);
        }
        let global = &mut self.global;
        let wrong_mode = match offset {
            GUSBCFG => value & FDEVMODE != 0,
            HCFG => value & DESCDMA != 0,
            _ => false,
        };
        match offset {
            GOTGCTL => global.otg = value,
            GOTGINT => {}
            GAHBCFG => global.ahb = value,
            GUSBCFG => global.usb = value,
            GRSTCTL => self.write_reset_control(now, value),
            GINTSTS => {
                if value & SOF != 0 {
                    self.global.sof_seen = self.frame(now);
                }
                self.port.disconnect_latch &= value & DISCONNINT == 0;
            }
            GINTMSK => global.mask = value,
            GRXFSIZ => global.set_fifo(RX, value),
            GNPTXFSIZ => global.set_fifo(NON_PERIODIC, value),
            HPTXFSIZ => global.set_fifo(PERIODIC, value),
            GUID => global.id = value,
            HCFG => global.hcfg = value,
            HFIR => global.hfir = value & 0xffff,
            HAINTMSK => global.channel_mask = value,
            HPRT => self.write_hprt(now, value),
            PCGCTL => global.clock_gate = value,
            _ => self.note(Violation::UnknownRegister { offset }),
        }
        if wrong_mode {
            self.note(Violation::WrongMode { offset });
        }
    }

    /// Switches the power of the core. QEMU answers the question and does nothing.
    pub(super) fn switch_core_power(&mut self, on: bool) {
        self.powered = on;
        if self.mode == Mode::Hardware {
            self.global = Global::new(self.mode);
            self.port.restart();
            self.channels = std::array::from_fn(|_| Default::default());
        }
    }

    fn write_reset_control(&mut self, now: Duration, value: u32) {
        let active = self.channels.iter().any(|channel| channel.enabled());
        let qemu = self.mode == Mode::Qemu;
        if value & (RXFFLSH | TXFFLSH) != 0 && active {
            self.note(Violation::FlushWhileActive);
        }
        if value & RXFFLSH != 0 {
            self.global.flush_at[0] = (!qemu).then_some(now);
            self.global.flushed[RX] = true;
        }
        if value & TXFFLSH != 0 {
            self.global.flush_at[1] = (!qemu).then_some(now);
            self.global.flush_tx(value >> 6 & 0x1f);
        }
        if value & CSFTRST == 0 {
            return;
        }
        if self.global.resetting(now) {
            self.note(Violation::ResetWhileBusy);
        }
        // QEMU's core reset is none: not even channels stop.
        if !qemu {
            self.global.restart(now);
            self.port.restart();
            self.channels = std::array::from_fn(|_| Default::default());
        }
    }
}
