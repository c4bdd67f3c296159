//! Where the BCM2837's devices are, and the one place that hands their registers out.

use core::sync::atomic::{AtomicBool, Ordering};

use mmio::Pointer;

use crate::memory::{LOCAL_PERIPHERALS, PERIPHERALS};

const INTERRUPTS: (usize, usize) = (PERIPHERALS + 0xb200, 0x28);
const MAILBOX: (usize, usize) = (PERIPHERALS + 0xb880, 0x40);
const POWER: (usize, usize) = (PERIPHERALS + 0x10_0000, 0x28);
const RNG: (usize, usize) = (PERIPHERALS + 0x10_4000, 0x14);
const GPIO: (usize, usize) = (PERIPHERALS + 0x20_0000, 0xa0);
const PL011: (usize, usize) = (PERIPHERALS + 0x20_1000, 0x48);
const AUXILIARY: (usize, usize) = (PERIPHERALS + 0x21_5000, 0x6c);
const USB: (usize, usize) = (PERIPHERALS + 0x98_0000, 0x1_0000);
const LOCAL: (usize, usize) = (LOCAL_PERIPHERALS, 0x100);

/// The registers of every device that the firmware uses.
#[derive(Debug)]
pub struct Peripherals {
    /// BCM2835 interrupt controller.
    pub interrupts: Pointer,
    /// BCM2836 interrupt controller of the cores.
    pub local: Pointer,
    /// Mailboxes 0 and 1.
    pub mailbox: Pointer,
    /// Power management: watchdog and restart.
    pub power: Pointer,
    /// Random number generator.
    pub rng: Pointer,
    /// GPIO.
    pub gpio: Pointer,
    /// UART0.
    pub pl011: Pointer,
    /// The auxiliary block with UART1.
    pub auxiliary: Pointer,
    /// DWC2 USB controller.
    pub usb: Pointer,
}

impl Peripherals {
    /// All of them; the first caller gets them.
    pub fn take() -> Option<Self> {
        static TAKEN: AtomicBool = AtomicBool::new(false);
        if TAKEN.swap(true, Ordering::Relaxed) {
            return None;
        }
        Some(Self {
            interrupts: device(INTERRUPTS),
            local: device(LOCAL),
            mailbox: device(MAILBOX),
            power: device(POWER),
            rng: device(RNG),
            gpio: device(GPIO),
            pl011: device(PL011),
            auxiliary: device(AUXILIARY),
            usb: device(USB),
        })
    }
}

/// What last words need, whoever has it now.
#[derive(Debug)]
pub struct LastWords {
    /// UART0.
    pub pl011: Pointer,
    /// GPIO, for UART0's pins.
    pub gpio: Pointer,
    /// Power management.
    pub power: Pointer,
}

impl LastWords {
    /// Takes the devices away from their owners. Only for code that never returns to them: an
    /// exception, a panic, a restart. The owners' code does not run again, so each device still has
    /// one driver.
    pub fn seize() -> Self {
        Self { pl011: device(PL011), gpio: device(GPIO), power: device(POWER) }
    }
}

fn device((base, bytes): (usize, usize)) -> Pointer {
    // SAFETY: the addresses are those of the BCM2837 (BCM2835 ARM Peripherals and QA7, at the
    // BCM2837's bases), 32-bit registers, apart from each other; memory.rs maps them as Device
    // memory for good, and before the MMU is on all data is Device memory. `take` gives each out
    // once; `seize` only when the first owner does not run any more.
    unsafe { Pointer::new(base, bytes) }
}
