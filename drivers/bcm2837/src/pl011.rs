//! UART0: the PL011.
//!
//! Nothing here blocks except [`Pl011::write_all`] and [`Pl011::flush`], which are bounded by byte
//! and meant for boot lines and for last words. Interrupts are only ever used to end `WFI`.

use core::fmt;
use core::time::Duration;

use mmio::{Clock, Register, Registers, RegistersExt, TimedOut, wait};
use tock_registers::register_bitfields;

register_bitfields![u32,
    DATA [
        BYTE OFFSET(0) NUMBITS(8) [],
        FRAMING OFFSET(8) NUMBITS(1) [],
        PARITY OFFSET(9) NUMBITS(1) [],
        BREAK OFFSET(10) NUMBITS(1) [],
        OVERRUN OFFSET(11) NUMBITS(1) [],
    ],
    FLAG [
        BUSY OFFSET(3) NUMBITS(1) [],
        RECEIVE_EMPTY OFFSET(4) NUMBITS(1) [],
        TRANSMIT_FULL OFFSET(5) NUMBITS(1) [],
    ],
    INTEGER_DIVISOR [
        DIVISOR OFFSET(0) NUMBITS(16) [],
    ],
    FRACTIONAL_DIVISOR [
        DIVISOR OFFSET(0) NUMBITS(6) [],
    ],
    LINE_CONTROL [
        FIFOS OFFSET(4) NUMBITS(1) [],
        WORD_LENGTH OFFSET(5) NUMBITS(2) [
            Eight = 0b11,
        ],
    ],
    CONTROL [
        UART_ENABLE OFFSET(0) NUMBITS(1) [],
        TRANSMIT_ENABLE OFFSET(8) NUMBITS(1) [],
        RECEIVE_ENABLE OFFSET(9) NUMBITS(1) [],
    ],
    FIFO_LEVEL [
        TRANSMIT OFFSET(0) NUMBITS(3) [
            OneEighth = 0,
        ],
        RECEIVE OFFSET(3) NUMBITS(3) [
            OneEighth = 0,
        ],
    ],
    INTERRUPT [
        RECEIVE OFFSET(4) NUMBITS(1) [],
        TRANSMIT OFFSET(5) NUMBITS(1) [],
        RECEIVE_TIMEOUT OFFSET(6) NUMBITS(1) [],
    ],
];

/// 0x00 UARTDR: one received byte with its errors, or one to send (DDI 0183, 3.3.1).
const DATA_REGISTER: Register<DATA::Register> = Register::at(0x00);
/// 0x18 UARTFR: flags (3.3.3).
const FLAG_REGISTER: Register<FLAG::Register> = Register::at(0x18);
/// 0x24 UARTIBRD: whole part of the divisor (3.3.5).
const INTEGER_BAUD_RATE: Register<INTEGER_DIVISOR::Register> = Register::at(0x24);
/// 0x28 UARTFBRD: sixty-fourths of the divisor (3.3.6).
const FRACTIONAL_BAUD_RATE: Register<FRACTIONAL_DIVISOR::Register> = Register::at(0x28);
/// 0x2C UARTLCR_H: line control; writing it also takes over the divisor (3.3.7).
const LINE_CONTROL_REGISTER: Register<LINE_CONTROL::Register> = Register::at(0x2c);
/// 0x30 UARTCR: control (3.3.8).
const CONTROL_REGISTER: Register<CONTROL::Register> = Register::at(0x30);
/// 0x34 UARTIFLS: FIFO levels that raise an interrupt (3.3.9).
const FIFO_LEVEL_REGISTER: Register<FIFO_LEVEL::Register> = Register::at(0x34);
/// 0x38 UARTIMSC: interrupts let through (3.3.10).
const INTERRUPT_MASK: Register<INTERRUPT::Register> = Register::at(0x38);
/// 0x44 UARTICR: write 1 to clear (3.3.13).
const INTERRUPT_CLEAR: Register<INTERRUPT::Register> = Register::at(0x44);

const ALL_INTERRUPTS: u32 = 0x7ff;
/// Bits a byte takes on the line: start, eight, stop.
const BITS_PER_BYTE: u32 = 10;
/// The longest wait for room in the FIFO, or for its end: at 115200 baud 16 bytes take 1.4 ms.
const DRAIN_MAX: Duration = Duration::from_millis(20);

/// The wanted rate cannot be made from this clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongRate {
    /// The UART's clock.
    pub clock_hz: u32,
    /// The rate asked for.
    pub baud: u32,
}

impl fmt::Display for WrongRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} baud cannot be made from {} Hz", self.baud, self.clock_hz)
    }
}

impl core::error::Error for WrongRate {}

/// A byte arrived damaged; the error bits of UARTDR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineError {
    /// No stop bit: the other end uses another rate.
    pub framing: bool,
    /// The line was held low for a whole byte.
    pub line_break: bool,
    /// Bytes after this one were lost, since the FIFO was full.
    pub overrun: bool,
}

/// The FIFO has no room now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The divisor in sixty-fourths for `baud`, rounded to the nearest: `clock / (16 * baud)` (3.3.6).
const fn divisor_64ths(clock_hz: u32, baud: u32) -> Option<u32> {
    if baud == 0 {
        return None;
    }
    let divisor = (clock_hz as u64 * 4 + baud as u64 / 2) / baud as u64;
    // The whole part is 1 to 65535, and at 65535 the fraction is zero (3.3.6).
    if divisor >= 64 && divisor <= 65535 * 64 { Some(divisor as u32) } else { None }
}

/// The PL011.
#[derive(Debug)]
pub struct Pl011<R> {
    registers: R,
}

impl<R: Registers> Pl011<R> {
    /// The UART behind `registers`, as it is.
    pub const fn new(registers: R) -> Self {
        Self { registers }
    }

    /// Sets `baud`, 8 data bits, no parity, 1 stop bit, FIFOs on, no interrupts, from a UART clock
    /// of `clock_hz`. Waits up to 20 ms for a byte that is being sent.
    ///
    /// # Errors
    /// [`WrongRate`] if the divisor is out of range; the UART is then as before.
    pub fn init(
        &mut self,
        clock: &mut (impl Clock + ?Sized),
        clock_hz: u32,
        baud: u32,
    ) -> Result<(), WrongRate> {
        let divisor = divisor_64ths(clock_hz, baud).ok_or(WrongRate { clock_hz, baud })?;
        // 3.3.8: wait for the byte in flight, disable, flush the FIFO (FEN = 0), then program. A
        // UART that stays busy is programmed all the same: the wait only spares it a torn
        // byte.
        let _ = self.flush(clock);
        self.registers.write(CONTROL_REGISTER, CONTROL::UART_ENABLE::CLEAR);
        self.registers.write(LINE_CONTROL_REGISTER, LINE_CONTROL::FIFOS::CLEAR);
        self.registers.write_raw(INTERRUPT_MASK.offset(), 0);
        self.registers.write_raw(INTERRUPT_CLEAR.offset(), ALL_INTERRUPTS);
        self.registers.write(INTEGER_BAUD_RATE, INTEGER_DIVISOR::DIVISOR.val(divisor / 64));
        self.registers.write(FRACTIONAL_BAUD_RATE, FRACTIONAL_DIVISOR::DIVISOR.val(divisor % 64));
        self.registers.write(
            LINE_CONTROL_REGISTER,
            LINE_CONTROL::WORD_LENGTH::Eight + LINE_CONTROL::FIFOS::SET,
        );
        self.registers.write(
            FIFO_LEVEL_REGISTER,
            FIFO_LEVEL::RECEIVE::OneEighth + FIFO_LEVEL::TRANSMIT::OneEighth,
        );
        self.registers.write(
            CONTROL_REGISTER,
            CONTROL::UART_ENABLE::SET
                + CONTROL::TRANSMIT_ENABLE::SET
                + CONTROL::RECEIVE_ENABLE::SET,
        );
        Ok(())
    }

    /// Whether somebody has turned the transmitter on; last words before [`Pl011::init`] ask this.
    pub fn is_transmitting(&mut self) -> bool {
        let control = self.registers.read(CONTROL_REGISTER);
        control.is_set(CONTROL::UART_ENABLE) && control.is_set(CONTROL::TRANSMIT_ENABLE)
    }

    /// Lets received bytes (16 bits after the last one, or at 1/8 of the FIFO) raise the interrupt,
    /// and, if `transmit`, a send FIFO that has drained to 1/8. For as long as it is raised, `WFI`
    /// returns at once; reading and writing lower it.
    pub fn set_interrupts(&mut self, receive: bool, transmit: bool) {
        self.registers.write(
            INTERRUPT_MASK,
            INTERRUPT::RECEIVE.val(receive.into())
                + INTERRUPT::RECEIVE_TIMEOUT.val(receive.into())
                + INTERRUPT::TRANSMIT.val(transmit.into()),
        );
    }

    /// Lowers the interrupts that reading and writing did not, such as the transmit interrupt when
    /// there is nothing more to send.
    pub fn acknowledge_interrupts(&mut self) {
        self.registers.write(
            INTERRUPT_CLEAR,
            INTERRUPT::RECEIVE::SET + INTERRUPT::RECEIVE_TIMEOUT::SET + INTERRUPT::TRANSMIT::SET,
        );
    }

    /// The next received byte, if there is one.
    pub fn read(&mut self) -> Option<Result<u8, LineError>> {
        if self.registers.read(FLAG_REGISTER).is_set(FLAG::RECEIVE_EMPTY) {
            return None;
        }
        let data = self.registers.read(DATA_REGISTER);
        let error = LineError {
            framing: data.is_set(DATA::FRAMING),
            line_break: data.is_set(DATA::BREAK),
            overrun: data.is_set(DATA::OVERRUN),
        };
        // An overrun byte is itself whole (3.3.1), but what follows it is not; so it is reported.
        Some(if error.framing || error.line_break || error.overrun {
            Err(error)
        } else {
            Ok(data.read(DATA::BYTE) as u8)
        })
    }

    /// Gives one byte to the FIFO.
    ///
    /// # Errors
    /// [`Full`] if there is no room.
    pub fn try_write(&mut self, byte: u8) -> Result<(), Full> {
        if self.registers.read(FLAG_REGISTER).is_set(FLAG::TRANSMIT_FULL) {
            return Err(Full);
        }
        self.registers.write(DATA_REGISTER, DATA::BYTE.val(byte.into()));
        Ok(())
    }

    /// Sends all of `bytes`, waiting up to 20 ms for room before each.
    ///
    /// # Errors
    /// [`TimedOut`] if the FIFO did not drain; the rest is not sent.
    pub fn write_all(
        &mut self,
        clock: &mut (impl Clock + ?Sized),
        bytes: &[u8],
    ) -> Result<(), TimedOut> {
        for &byte in bytes {
            wait(clock, "room in the PL011's FIFO", DRAIN_MAX, || self.try_write(byte).is_ok())?;
        }
        Ok(())
    }

    /// Waits up to 20 ms until the last byte has left.
    ///
    /// # Errors
    /// [`TimedOut`] if it has not.
    pub fn flush(&mut self, clock: &mut (impl Clock + ?Sized)) -> Result<(), TimedOut> {
        wait(clock, "PL011 idle", DRAIN_MAX, || {
            !self.registers.read(FLAG_REGISTER).is_set(FLAG::BUSY)
        })
    }
}

/// The slowest rate whose full FIFO drains within 20 ms, in baud.
pub const BAUD_MIN: u32 = 16 * BITS_PER_BYTE * 1000 / DRAIN_MAX.as_millis() as u32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divisors() {
        let cases = [
            (48_000_000, 115_200, Some(26 * 64 + 3)), // 26.0417: 0.03 % off
            (3_000_000, 115_200, Some(64 + 40)),      // 1.6276
            (48_000_000, 3_000_000, Some(64)),
            (48_000_000, 3_100_000, None), // below one
            (3_000_000, 2, None),          // above 65535
            (48_000_000, 0, None),
            (0, 115_200, None),
        ];
        for (clock_hz, baud, expected) in cases {
            assert_eq!(divisor_64ths(clock_hz, baud), expected, "{clock_hz} Hz, {baud} baud");
        }
    }
}
