//! UART1: the mini UART of the auxiliary block.
//!
//! It runs from the core clock, which changes with the GPU's load unless the firmware is told
//! `core_freq=250` or `enable_uart=1`. The register meanings follow the corrections of the manual's
//! errata (elinux.org, "BCM2835 datasheet errata"), where they differ from it.

use mmio::{Register, Registers, RegistersExt};
use tock_registers::register_bitfields;

use crate::pl011::{Full, WrongRate};

register_bitfields![u32,
    AUX_ENABLES [
        MINI_UART OFFSET(0) NUMBITS(1) [],
    ],
    IER [
        RECEIVE OFFSET(0) NUMBITS(1) [],
        TRANSMIT OFFSET(1) NUMBITS(1) [],
        // Errata: without these two the receive interrupt never comes.
        REQUIRED OFFSET(2) NUMBITS(2) [
            Set = 0b11,
        ],
    ],
    IIR [
        CLEAR_FIFOS OFFSET(1) NUMBITS(2) [
            Both = 0b11,
        ],
    ],
    LCR [
        // Errata: eight bits need 0b11, not 0b01.
        WORD_LENGTH OFFSET(0) NUMBITS(2) [
            Eight = 0b11,
        ],
    ],
    LSR [
        DATA_READY OFFSET(0) NUMBITS(1) [],
        TRANSMIT_ROOM OFFSET(5) NUMBITS(1) [],
    ],
    CNTL [
        RECEIVE_ENABLE OFFSET(0) NUMBITS(1) [],
        TRANSMIT_ENABLE OFFSET(1) NUMBITS(1) [],
    ],
];

/// 0x04 AUX_ENABLES: which of the three auxiliary devices are on (2.1.1).
const ENABLES: Register<AUX_ENABLES::Register> = Register::at(0x04);
/// 0x40 AUX_MU_IO_REG: one byte received, or one to send (2.2.2).
const DATA: Register = Register::at(0x40);
/// 0x44 AUX_MU_IER_REG: interrupts let through (errata).
const INTERRUPT_ENABLE: Register<IER::Register> = Register::at(0x44);
/// 0x48 AUX_MU_IIR_REG: interrupt cause; a write clears FIFOs (2.2.2).
const INTERRUPT_IDENTIFY: Register<IIR::Register> = Register::at(0x48);
/// 0x4C AUX_MU_LCR_REG: line control (errata).
const LINE_CONTROL: Register<LCR::Register> = Register::at(0x4c);
/// 0x50 AUX_MU_MCR_REG: modem control (2.2.2).
const MODEM_CONTROL: Register = Register::at(0x50);
/// 0x54 AUX_MU_LSR_REG: line status (2.2.2).
const LINE_STATUS: Register<LSR::Register> = Register::at(0x54);
/// 0x60 AUX_MU_CNTL_REG: receiver and transmitter on (2.2.2).
const CONTROL: Register<CNTL::Register> = Register::at(0x60);
/// 0x68 AUX_MU_BAUD_REG: divisor (2.2.1).
const BAUD_RATE: Register = Register::at(0x68);

/// The divisor register for `baud`: `clock / (8 * (register + 1))` (2.2.1), rounded to the nearest.
const fn divisor(core_clock_hz: u32, baud: u32) -> Option<u32> {
    if baud == 0 {
        return None;
    }
    let eights = (core_clock_hz as u64 + baud as u64 * 4) / (baud as u64 * 8);
    if eights >= 1 && eights <= 0x1_0000 { Some(eights as u32 - 1) } else { None }
}

/// The mini UART. Its registers are those of the whole auxiliary block, from AUX_IRQ on.
#[derive(Debug)]
pub struct MiniUart<R> {
    registers: R,
}

impl<R: Registers> MiniUart<R> {
    /// The UART behind `registers`, as it is.
    pub const fn new(registers: R) -> Self {
        Self { registers }
    }

    /// Turns the UART on: `baud`, 8 data bits, no parity, 1 stop bit, no flow control, no
    /// interrupts.
    ///
    /// # Errors
    /// [`WrongRate`] if the divisor is out of range; the UART is then as before.
    pub fn init(&mut self, core_clock_hz: u32, baud: u32) -> Result<(), WrongRate> {
        let divisor =
            divisor(core_clock_hz, baud).ok_or(WrongRate { clock_hz: core_clock_hz, baud })?;
        // The other registers can only be reached once the block is on (2.1.1).
        self.registers.modify(ENABLES, AUX_ENABLES::MINI_UART::SET);
        self.registers.write_raw(CONTROL.offset(), 0);
        self.registers.write_raw(INTERRUPT_ENABLE.offset(), 0);
        self.registers.write(LINE_CONTROL, LCR::WORD_LENGTH::Eight);
        self.registers.write_raw(MODEM_CONTROL.offset(), 0);
        self.registers.write(INTERRUPT_IDENTIFY, IIR::CLEAR_FIFOS::Both);
        self.registers.write_raw(BAUD_RATE.offset(), divisor);
        self.registers.write(CONTROL, CNTL::RECEIVE_ENABLE::SET + CNTL::TRANSMIT_ENABLE::SET);
        Ok(())
    }

    /// Lets received bytes, and an empty send FIFO, raise the interrupt. Reading and writing lower
    /// it.
    pub fn set_interrupts(&mut self, receive: bool, transmit: bool) {
        self.registers.write(
            INTERRUPT_ENABLE,
            IER::REQUIRED::Set
                + IER::RECEIVE.val(receive.into())
                + IER::TRANSMIT.val(transmit.into()),
        );
    }

    /// The next received byte, if there is one.
    pub fn read(&mut self) -> Option<u8> {
        let ready = self.registers.read(LINE_STATUS).is_set(LSR::DATA_READY);
        ready.then(|| self.registers.read(DATA).get() as u8)
    }

    /// Gives one byte to the FIFO.
    ///
    /// # Errors
    /// [`Full`] if there is no room.
    pub fn try_write(&mut self, byte: u8) -> Result<(), Full> {
        if !self.registers.read(LINE_STATUS).is_set(LSR::TRANSMIT_ROOM) {
            return Err(Full);
        }
        self.registers.write_raw(DATA.offset(), byte.into());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::divisor;

    #[test]
    fn divisors() {
        assert_eq!(divisor(250_000_000, 31_250_000), Some(0)); // the manual's example, 2.2.1
        assert_eq!(divisor(250_000_000, 115_200), Some(270));
        assert_eq!(divisor(250_000_000, 0), None);
        assert_eq!(divisor(250_000_000, 400), None, "more than 16 bits");
        assert_eq!(divisor(0, 115_200), None);
    }
}
