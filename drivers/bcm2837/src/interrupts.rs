//! Interrupt routing, so that a pending interrupt ends `WFI`.
//!
//! Two controllers stand in a row: the BCM2835's collects the peripherals of the GPU side, the
//! BCM2836's ("ARM local") hands its output and each core's timers to the cores. Nobody takes an
//! interrupt here: the CPU keeps them masked, wakes because one is pending, and looks at its
//! devices.

use mmio::{Register, Registers, RegistersExt};
use tock_registers::register_bitfields;

register_bitfields![u32,
    ROUTING [
        IRQ OFFSET(0) NUMBITS(2) [
            Core0 = 0,
        ],
        FIQ OFFSET(2) NUMBITS(2) [
            Core0 = 0,
        ],
    ],
    TIMERS [
        VIRTUAL_IRQ OFFSET(3) NUMBITS(1) [],
    ],
];

/// 0x0C GPU interrupts routing (QA7).
const GPU_ROUTING: Register<ROUTING::Register> = Register::at(0x0c);
/// 0x40 Core 0 timers interrupt control (QA7).
const CORE0_TIMERS: Register<TIMERS::Register> = Register::at(0x40);

/// 0x10 Enable IRQs 1; Enable IRQs 2 follows. Write 1 to enable (BCM2835, 7.5).
const ENABLE: Register = Register::at(0x10);
/// 0x1C Disable IRQs 1; Disable IRQs 2 follows. Write 1 to disable (7.5).
const DISABLE: Register = Register::at(0x1c);
/// 0x24 Disable basic IRQs (7.5).
const DISABLE_BASIC: Register = Register::at(0x24);
/// 0x0C FIQ control (7.5).
const FIQ_CONTROL: Register = Register::at(0x0c);

/// An interrupt line of the GPU side, by its number in the manual's table (7.5, and Linux's
/// `bcm2835-interrupt` bindings for those that the manual leaves out).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Line {
    /// The DWC2 USB controller.
    Usb = 9,
    /// The auxiliary block: mini UART and two SPI masters.
    Aux = 29,
    /// The PL011.
    Uart0 = 57,
}

/// The BCM2836 local controller, which belongs to the cores.
#[derive(Debug)]
pub struct LocalInterrupts<R> {
    registers: R,
}

impl<R: Registers> LocalInterrupts<R> {
    /// The controller behind `registers`, as it is.
    pub const fn new(registers: R) -> Self {
        Self { registers }
    }

    /// Sends the virtual timer (CNTV) and everything of the GPU side to core 0.
    pub fn route_to_core_0(&mut self) {
        self.registers.write(GPU_ROUTING, ROUTING::IRQ::Core0 + ROUTING::FIQ::Core0);
        self.registers.write(CORE0_TIMERS, TIMERS::VIRTUAL_IRQ::SET);
    }
}

/// The BCM2835 controller of the GPU side.
#[derive(Debug)]
pub struct Interrupts<R> {
    registers: R,
}

impl<R: Registers> Interrupts<R> {
    /// Disables every line, whatever an earlier program left on.
    pub fn new(mut registers: R) -> Self {
        for bank in 0..2 {
            registers.write_raw(DISABLE.of(bank, 4).offset(), u32::MAX);
        }
        registers.write_raw(DISABLE_BASIC.offset(), u32::MAX);
        registers.write_raw(FIQ_CONTROL.offset(), 0);
        Self { registers }
    }

    /// Lets `line` end `WFI`.
    pub fn enable(&mut self, line: Line) {
        self.write(ENABLE, line);
    }

    /// Stops `line` from ending `WFI`.
    pub fn disable(&mut self, line: Line) {
        self.write(DISABLE, line);
    }

    fn write(&mut self, first: Register, line: Line) {
        let (bank, bit) = (line as usize / 32, line as u32 % 32);
        self.registers.write_raw(first.of(bank, 4).offset(), 1 << bit);
    }
}
