//! A channel's registers, and the transfer they describe.

use super::toggle::{Endpoint, Pid};

/// HCCHAR: enable and disable.
pub const ENABLE: u32 = 1 << 31;
/// See [`ENABLE`].
pub const DISABLE: u32 = 1 << 30;
/// HCINT: the transfer is complete.
pub const COMPLETE: u32 = 1 << 0;
/// HCINT: the channel has halted.
pub const HALTED: u32 = 1 << 1;
/// HCINT: the device answered STALL.
pub const STALL: u32 = 1 << 3;
/// HCINT: the device answered NAK.
pub const NAK: u32 = 1 << 4;
/// HCINT: bits that say something about an end; ACK and NYET are no matter.
const ERRORS: u32 = 0x78c;

/// HCTSIZ.XferSize in bytes.
pub fn bytes_of(size_register: u32) -> u32 {
    size_register & 0x7_ffff
}

/// HCTSIZ.PktCnt.
pub fn packets_of(size_register: u32) -> u32 {
    size_register >> 19 & 0x3ff
}

/// A transfer as it was programmed.
#[derive(Clone, Copy, Debug)]
pub struct Transfer {
    /// The endpoint; control endpoints too.
    pub endpoint: Endpoint,
    /// HCCHAR.EPType is control.
    pub is_control: bool,
    /// HCCHAR.MPS in bytes.
    pub max_packet: u32,
    /// HCTSIZ as it was written.
    pub size: u32,
    /// HCINT when the guest saw that the channel had halted.
    pub ended: Option<u32>,
}

impl Transfer {
    /// Reads the registers of a channel that is being enabled.
    pub fn of(character: u32, size: u32) -> Self {
        let field = |shift: u32, bits: u32| character >> shift & ((1 << bits) - 1);
        let endpoint = Endpoint {
            address: field(22, 7) as u8,
            number: field(11, 4) as u8,
            is_in: field(15, 1) == 1,
        };
        Self {
            endpoint,
            is_control: field(18, 2) == 0,
            max_packet: field(0, 11),
            size,
            ended: None,
        }
    }

    /// The packets that the size needs; one for no bytes.
    pub fn packets_due(&self) -> u32 {
        bytes_of(self.size).div_ceil(self.max_packet.max(1)).max(1)
    }

    /// The toggle.
    pub fn pid(&self) -> Pid {
        Pid::of(self.size)
    }

    /// The toggle that follows, with this residue in HCTSIZ; None if that is open.
    pub fn next_pid(&self, residue: u32) -> Option<Pid> {
        let interrupts = self.ended?;
        Some(self.pid().after(self.packets_moved(interrupts, residue)?))
    }

    /// The transfer ended well.
    pub fn is_complete(&self) -> bool {
        self.ended.is_some_and(|interrupts| interrupts & COMPLETE != 0)
    }

    fn packets_moved(&self, interrupts: u32, residue: u32) -> Option<u32> {
        let programmed = packets_of(self.size);
        if interrupts & COMPLETE != 0 {
            if !self.endpoint.is_in {
                // QEMU leaves a packet in the count of an empty one.
                return Some(programmed);
            }
            let bytes = bytes_of(self.size).checked_sub(bytes_of(residue))?;
            let is_short = bytes < bytes_of(self.size);
            return Some((bytes / self.max_packet.max(1) + u32::from(is_short)).max(1));
        }
        // Between transfers of an interrupt endpoint, and before a STALL, what was counted was
        // moved. After any other end the host cannot know whether its last packet arrived.
        let open = interrupts & ERRORS & !(STALL | NAK) != 0 || interrupts & (STALL | NAK) == 0;
        if open { None } else { programmed.checked_sub(packets_of(residue)) }
    }
}

/// A channel as the trace shows it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Channel {
    /// HCTSIZ as last written.
    pub size: u32,
    /// HCDMA as last written.
    pub dma: u32,
    /// HCINT as last seen.
    pub interrupts: u32,
    /// It was enabled, and the guest has not seen it halt.
    pub running: bool,
    /// The transfer whose end has not been settled.
    pub transfer: Option<Transfer>,
}

impl Channel {
    /// HCINT was seen with these bits.
    pub fn saw(&mut self, interrupts: u32) {
        self.interrupts = interrupts;
        if interrupts & HALTED == 0 {
            return;
        }
        self.running = false;
        if let Some(transfer) = self.transfer.as_mut().filter(|transfer| transfer.ended.is_none()) {
            transfer.ended = Some(interrupts);
        }
    }
}
