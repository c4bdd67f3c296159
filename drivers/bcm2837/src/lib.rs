//! BCM2837 peripherals: what a bare-metal program needs before and beside USB.
//!
//! One module a device. A driver is given its registers ([`mmio::Registers`]; on a board a
//! [`mmio::Pointer`] to the device's base) and, where it has to wait, a [`mmio::Clock`]; no address
//! of a board and no clock frequency stands in here.
//!
//! | module | device | source |
//! |---|---|---|
//! | [`mailbox`] | the firmware's property tags | raspberrypi/firmware wiki, "Mailbox" |
//! | [`pl011`] | UART0 | ARM DDI 0183; BCM2835 ARM Peripherals, chapter 13 |
//! | [`mini_uart`] | UART1 | BCM2835 ARM Peripherals, chapter 2, and its errata |
//! | [`gpio`] | pin functions and pulls | BCM2835 ARM Peripherals, chapter 6 |
//! | [`rng`] | random numbers | Linux `bcm2835-rng` (the manual is silent) |
//! | [`watchdog`] | restart and its cause | Linux `bcm2835_wdt` (the manual is silent) |
//! | [`interrupts`] | routing, to end `WFI` | BCM2835 ARM Peripherals, chapter 7; QA7 |
//! | [`revision`] | the revision code in words | raspberrypi/documentation, "Revision codes" |
//!
//! QA7 is "ARM Quad A7 core", the note on the BCM2836's local peripherals.

#![no_std]
#![forbid(unsafe_code)]

pub mod gpio;
pub mod interrupts;
pub mod mailbox;
pub mod mini_uart;
pub mod pl011;
pub mod revision;
pub mod rng;
pub mod watchdog;
