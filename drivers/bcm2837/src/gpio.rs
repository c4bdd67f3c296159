//! Pins: which device drives them, and their pull resistors.

use core::time::Duration;

use mmio::{Clock, Register, Registers, RegistersExt, pause};

/// 0x00 GPFSEL0: functions of pins 0 to 9, three bits each; GPFSEL1..5 follow (6.1, table 6-2).
const FUNCTION_SELECT: Register = Register::at(0x00);
/// 0x94 GPPUD: the pull that the next GPPUDCLK write gives its pins (6.1, table 6-28).
const PULL: Register = Register::at(0x94);
/// 0x98 GPPUDCLK0: the pins among 0 to 31 that take the pull; GPPUDCLK1 follows (table 6-29).
const PULL_CLOCK: Register = Register::at(0x98);

/// Pins of the chip.
pub const PINS: u8 = 54;
const PINS_PER_SELECT: u8 = 10;
const BITS_PER_PIN: u8 = 3;
const PINS_PER_CLOCK: u8 = 32;

/// Set-up and hold time of the pull's clock: 150 cycles (6.1, GPPUDCLKn) of a core clock that is
/// never below 19.2 MHz, rounded up.
const PULL_HOLD: Duration = Duration::from_micros(10);

/// A pin that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin(u8);

impl Pin {
    /// Pin `number` of 0..[`PINS`]; another number is a mistake of the program.
    pub const fn new(number: u8) -> Self {
        assert!(number < PINS);
        Self(number)
    }
}

/// Who drives a pin; the discriminants are GPFSEL's (table 6-2), which are not in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Function {
    /// The CPU reads it.
    Input = 0b000,
    /// The CPU drives it.
    Output = 0b001,
    /// Alternate function 0: of pins 14 and 15, the PL011.
    Alt0 = 0b100,
    /// Alternate function 1.
    Alt1 = 0b101,
    /// Alternate function 2.
    Alt2 = 0b110,
    /// Alternate function 3.
    Alt3 = 0b111,
    /// Alternate function 4.
    Alt4 = 0b011,
    /// Alternate function 5: of pins 14 and 15, the mini UART.
    Alt5 = 0b010,
}

/// The resistor at a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Pull {
    /// None: the pin floats unless something drives it.
    None = 0,
    /// To ground.
    Down = 1,
    /// To 3.3 V.
    Up = 2,
}

/// The GPIO block.
#[derive(Debug)]
pub struct Gpio<R> {
    registers: R,
}

impl<R: Registers> Gpio<R> {
    /// The block behind `registers`, as it is.
    pub const fn new(registers: R) -> Self {
        Self { registers }
    }

    /// Connects `pin` to a function.
    pub fn set_function(&mut self, pin: Pin, function: Function) {
        let register = FUNCTION_SELECT.of((pin.0 / PINS_PER_SELECT).into(), 4);
        let shift = (pin.0 % PINS_PER_SELECT) * BITS_PER_PIN;
        let others = self.registers.read(register).get() & !(0b111 << shift);
        self.registers.write_raw(register.offset(), others | u32::from(function as u8) << shift);
    }

    /// Sets `pin`'s resistor. Takes two hold times of 10 us (6.1, GPPUDCLKn: write the pull, wait,
    /// clock it into the pin, wait, take both away).
    pub fn set_pull(&mut self, clock: &mut (impl Clock + ?Sized), pin: Pin, pull: Pull) {
        let pull_clock = PULL_CLOCK.of((pin.0 / PINS_PER_CLOCK).into(), 4).offset();
        self.registers.write_raw(PULL.offset(), pull as u32);
        pause(clock, PULL_HOLD);
        self.registers.write_raw(pull_clock, 1 << (pin.0 % PINS_PER_CLOCK));
        pause(clock, PULL_HOLD);
        self.registers.write_raw(PULL.offset(), Pull::None as u32);
        self.registers.write_raw(pull_clock, 0);
    }
}
