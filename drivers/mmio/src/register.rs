//! A register: written down once, with its address and its fields.

use core::marker::PhantomData;

use tock_registers::fields::FieldValue;
use tock_registers::{LocalRegisterCopy, RegisterLongName};

/// A 32-bit register at a byte offset from the start of its device, with the fields of `R`.
#[derive(Debug)]
pub struct Register<R: RegisterLongName = ()> {
    offset: usize,
    fields: PhantomData<R>,
}

impl<R: RegisterLongName> Clone for Register<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: RegisterLongName> Copy for Register<R> {}

impl<R: RegisterLongName> Register<R> {
    /// The register at `offset` bytes; 32-bit registers lie at multiples of four.
    pub const fn at(offset: usize) -> Self {
        assert!(offset.is_multiple_of(4));
        Self { offset, fields: PhantomData }
    }

    /// The same register of the `index`-th of several equal blocks that lie `stride` bytes apart.
    pub const fn of(self, index: usize, stride: usize) -> Self {
        Self::at(self.offset + index * stride)
    }

    /// Bytes from the start of the device.
    pub const fn offset(self) -> usize {
        self.offset
    }
}

/// A device's registers, however they are reached. Two raw methods; types come from
/// [`RegistersExt`].
///
/// Reads take `&mut self`, since a read may change the device.
pub trait Registers {
    /// Reads the 32-bit register at `offset` bytes.
    fn read_raw(&mut self, offset: usize) -> u32;
    /// Writes the 32-bit register at `offset` bytes.
    fn write_raw(&mut self, offset: usize, value: u32);
}

impl<T: Registers + ?Sized> Registers for &mut T {
    fn read_raw(&mut self, offset: usize) -> u32 {
        (**self).read_raw(offset)
    }
    fn write_raw(&mut self, offset: usize, value: u32) {
        (**self).write_raw(offset, value);
    }
}

/// Typed access on top of [`Registers`].
pub trait RegistersExt: Registers {
    /// Reads a register; the copy's fields can then be asked one by one.
    fn read<R: RegisterLongName>(&mut self, register: Register<R>) -> LocalRegisterCopy<u32, R> {
        LocalRegisterCopy::new(self.read_raw(register.offset()))
    }

    /// Writes these fields; every other bit becomes zero.
    fn write<R: RegisterLongName>(&mut self, register: Register<R>, fields: FieldValue<u32, R>) {
        self.write_raw(register.offset(), fields.value);
    }

    /// Reads, replaces these fields, writes. Not for registers with write-1-to-clear bits.
    fn modify<R: RegisterLongName>(&mut self, register: Register<R>, fields: FieldValue<u32, R>) {
        let old = self.read_raw(register.offset());
        self.write_raw(register.offset(), fields.modify(old));
    }
}

impl<T: Registers + ?Sized> RegistersExt for T {}
