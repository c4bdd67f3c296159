//! A channel: started, asked how it ended, told to stop.

use dma::Direction;
use mmio::{Registers, RegistersExt};
use tock_registers::LocalRegisterCopy;
use usb::{Speed, Target, TransferError};

use crate::Dwc2;
use crate::registers::*;

/// The token or data toggle that a transfer starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pid {
    Setup,
    Data0,
    Data1,
}

/// The kind of endpoint, as HCCHAR.EPType tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndpointType {
    Control,
    Bulk,
    Interrupt,
}

/// All that a channel needs to know to move one chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk {
    pub target: Target,
    pub endpoint: u8,
    pub kind: EndpointType,
    pub direction: Direction,
    pub max_packet: u16,
    pub pid: Pid,
    /// Ask by PING first whether the device has room (high speed, after a NYET).
    pub ping: bool,
    /// Bus address of the first byte; a multiple of 4.
    pub bus: u32,
    /// Bytes; for IN a multiple of the packet size.
    pub len: usize,
}

impl Chunk {
    /// Packets of the chunk; a zero-length one is a packet too.
    pub fn packets(&self) -> usize {
        self.len.div_ceil(usize::from(self.max_packet)).max(1)
    }
}

/// How a channel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The chunk, or up to a short packet of it, was moved.
    Complete { left: usize, nyet: bool },
    /// An interrupt endpoint had nothing to say.
    Nak,
    /// The transfer cannot go on. `packets_left` of it were not moved.
    Failed { error: TransferError, left: usize, packets_left: usize },
}

impl<R: Registers> Dwc2<R> {
    /// Starts a channel. Under QEMU the transfer may be complete when this returns.
    pub(crate) fn start(&mut self, channel: usize, chunk: &Chunk) {
        let at = |register: usize| register + channel * CHANNEL_STRIDE;
        self.acknowledge(channel);
        let registers = &mut self.registers;
        registers.write(HCINTMSK.of(channel, CHANNEL_STRIDE), HCINT::CH_HLTD::SET);
        registers.write_raw(at(HCSPLT.offset()), 0);
        let pid = match chunk.pid {
            Pid::Setup => HCTSIZ::PID::SETUP,
            Pid::Data0 => HCTSIZ::PID::DATA0,
            Pid::Data1 => HCTSIZ::PID::DATA1,
        };
        registers.write(
            HCTSIZ.of(channel, CHANNEL_STRIDE),
            HCTSIZ::XFER_SIZE.val(chunk.len as u32)
                + HCTSIZ::PKT_CNT.val(chunk.packets() as u32)
                + pid
                + HCTSIZ::DO_PING.val(u32::from(chunk.ping)),
        );
        registers.write_raw(at(HCDMA.offset()), chunk.bus);
        let kind = match chunk.kind {
            EndpointType::Control => HCCHAR::EP_TYPE::CONTROL,
            EndpointType::Bulk => HCCHAR::EP_TYPE::BULK,
            EndpointType::Interrupt => HCCHAR::EP_TYPE::INTERRUPT,
        };
        let direction = match chunk.direction {
            Direction::ToDevice => HCCHAR::EP_DIR::OUT,
            Direction::FromDevice => HCCHAR::EP_DIR::IN,
        };
        // A periodic transfer goes out in the next (micro)frame: its parity is the opposite of this
        // one's.
        let odd = chunk.kind == EndpointType::Interrupt
            && registers.read(HFNUM).read(HFNUM::NUMBER).is_multiple_of(2);
        registers.write(
            HCCHAR.of(channel, CHANNEL_STRIDE),
            HCCHAR::MPS.val(u32::from(chunk.max_packet))
                + HCCHAR::EP_NUM.val(u32::from(chunk.endpoint))
                + direction
                + kind
                + HCCHAR::LOW_SPEED_DEV.val(u32::from(chunk.target.speed == Speed::Low))
                + HCCHAR::MULTI_COUNT.val(1)
                + HCCHAR::DEV_ADDR.val(u32::from(chunk.target.address))
                + HCCHAR::ODD_FRAME.val(u32::from(odd))
                + HCCHAR::CH_ENA::SET,
        );
    }

    /// How the channel ended, if it has. Its interrupts are cleared then.
    pub(crate) fn ended(&mut self, channel: usize) -> Option<Ended> {
        let bits = self.registers.read(HCINT.of(channel, CHANNEL_STRIDE));
        if !bits.is_set(HCINT::CH_HLTD) {
            return None;
        }
        let size = self.registers.read(HCTSIZ.of(channel, CHANNEL_STRIDE));
        self.registers.write_raw(HCINT.of(channel, CHANNEL_STRIDE).offset(), bits.get());
        let left = size.read(HCTSIZ::XFER_SIZE) as usize;
        // "Complete" decides: QEMU leaves the NAKs of earlier attempts standing beside it.
        if bits.is_set(HCINT::XFER_COMPL) {
            return Some(Ended::Complete { left, nyet: bits.is_set(HCINT::NYET) });
        }
        let Some(error) = error_of(bits) else { return Some(Ended::Nak) };
        let packets_left = size.read(HCTSIZ::PKT_CNT) as usize;
        Some(Ended::Failed { error, left, packets_left })
    }

    /// Clears a halted channel's interrupts.
    pub(crate) fn acknowledge(&mut self, channel: usize) {
        self.registers.write(HCINT.of(channel, CHANNEL_STRIDE), HCINT::ALL::EVERY);
    }

    /// Tells a channel to stop, if it runs. It has stopped when [`Dwc2::halted`] says so.
    pub(crate) fn request_halt(&mut self, channel: usize) {
        let register = HCCHAR.of(channel, CHANNEL_STRIDE);
        let now = self.registers.read(register);
        if now.is_set(HCCHAR::CH_ENA) && !now.is_set(HCCHAR::CH_DIS) {
            // Enable stays set beside disable: that is how the core is asked to stop.
            let stop = now.get() | HCCHAR::CH_DIS::SET.value;
            self.registers.write_raw(register.offset(), stop);
        }
    }

    /// True if the channel moves nothing: it was never started, or it has halted.
    pub(crate) fn halted(&mut self, channel: usize) -> bool {
        !self.registers.read(HCCHAR.of(channel, CHANNEL_STRIDE)).is_set(HCCHAR::CH_ENA)
            || self.registers.read(HCINT.of(channel, CHANNEL_STRIDE)).is_set(HCINT::CH_HLTD)
    }
}

/// What went wrong; none for a NAK of an interrupt endpoint or a missed frame, which are tried
/// again.
fn error_of(bits: LocalRegisterCopy<u32, HCINT::Register>) -> Option<TransferError> {
    if bits.is_set(HCINT::STALL) {
        Some(TransferError::Stall)
    } else if bits.is_set(HCINT::BBL_ERR) {
        Some(TransferError::Babble)
    } else if bits.is_set(HCINT::AHB_ERR) {
        Some(TransferError::Memory)
    } else if bits.is_set(HCINT::XACT_ERR) || bits.is_set(HCINT::DATA_TGL_ERR) {
        Some(TransferError::Transaction)
    } else if bits.is_set(HCINT::NAK) || bits.is_set(HCINT::FRM_OVRUN) {
        None
    } else {
        Some(TransferError::Halted(bits.get()))
    }
}
