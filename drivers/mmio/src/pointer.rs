//! The one MMIO pointer: one load or one store a call, and no reference to device memory.
//!
//! `tock_registers`' own MMIO structs are references; the compiler may read through a reference
//! whenever it likes, and a read of a device register can have effects. A raw pointer with volatile
//! access may not be read, merged or repeated (docs/decisions/0001).

use crate::Registers;

/// The registers of a memory-mapped device.
#[derive(Debug)]
pub struct Pointer {
    base: *mut u32,
    bytes: usize,
}

impl Pointer {
    /// The registers from `base`, `bytes` long.
    ///
    /// # Safety
    /// `[base, base + bytes)` must be mapped as Device memory for as long as the pointer lives,
    /// must belong to one device that tolerates 32-bit access, and no second `Pointer` may drive
    /// that device.
    pub const unsafe fn new(base: usize, bytes: usize) -> Self {
        assert!(base.is_multiple_of(4));
        Self { base: base as *mut u32, bytes }
    }

    /// The address of `offset`. An offset outside the device is a mistake of ours, not of the
    /// device.
    fn at(&self, offset: usize) -> *mut u32 {
        assert!(offset.is_multiple_of(4) && offset < self.bytes, "register outside its device");
        self.base.wrapping_byte_add(offset)
    }
}

impl Registers for Pointer {
    fn read_raw(&mut self, offset: usize) -> u32 {
        let at = self.at(offset);
        // SAFETY: `at` lies inside the device (checked above), which `new`'s caller mapped for this
        // pointer.
        unsafe { at.read_volatile() }
    }

    fn write_raw(&mut self, offset: usize, value: u32) {
        let at = self.at(offset);
        // SAFETY: as in `read_raw`.
        unsafe { at.write_volatile(value) }
    }
}
