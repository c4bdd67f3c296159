//! Registers behind a bus, clocks, and waits that end.
//!
//! A driver describes each register once, as a [`Register`] constant with its bit fields
//! (`tock_registers::register_bitfields!`), and reaches it through a [`Registers`] bus of two raw
//! methods:
//!
//! ```
//! # use mmio::{Register, Registers, RegistersExt};
//! # use tock_registers::register_bitfields;
//! register_bitfields![u32, CONTROL [ ENABLE OFFSET(0) NUMBITS(1) [] ]];
//! /// 0x08 CONTROL: turns the device on.
//! const CONTROL: Register<CONTROL::Register> = Register::at(0x08);
//!
//! fn enable(bus: &mut impl Registers) {
//!     bus.write(CONTROL, CONTROL::ENABLE::SET);
//!     assert!(bus.read(CONTROL).is_set(CONTROL::ENABLE));
//! }
//! # struct Fake(u32);
//! # impl Registers for Fake {
//! #     fn read_raw(&mut self, _: usize) -> u32 { self.0 }
//! #     fn write_raw(&mut self, _: usize, v: u32) { self.0 = v; }
//! # }
//! # enable(&mut Fake(0));
//! ```
//!
//! On the board the bus is a [`Pointer`]; in a host test it is a model of the device.

#![no_std]

mod pointer;
mod register;
mod wait;

pub use pointer::Pointer;
pub use register::{Register, Registers, RegistersExt};
pub use wait::{Clock, TimedOut, Within, pause, wait};
