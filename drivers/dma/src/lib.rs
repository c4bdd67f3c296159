//! DMA memory: a buffer is either ours or the device's.
//!
//! A [`Pool`] cuts a region of memory into [`Buffer`]s. Handing one to a device moves it:
//! [`Buffer::lend`] takes it by value and returns a [`Loan`], which knows the bus address and
//! nothing else; when the device is done, [`Loan::reclaim`] gives the buffer back. In between
//! nobody can read or write it, and the caches are maintained exactly at these two points, here and
//! nowhere else.
//!
//! ```text
//!   Pool::take ──> Buffer ──lend(direction, len)──> Loan ──bus()──> the device's DMA register
//!                    ^      clean to memory          │
//!                    └──────────reclaim()────────────┘
//!                           invalidate, if the device wrote
//! ```
//!
//! The caches themselves are behind [`Coherence`]: on the board [`CacheLines`], in host tests a
//! model that keeps the device's view of memory as a *copy*, so that a forgotten clean or
//! invalidate fails a test although the host has coherent DMA.

#![no_std]

mod cache;

use core::fmt;

#[cfg(target_arch = "aarch64")]
pub use cache::CacheLines;
pub use cache::{Coherence, LINE_BYTES};

/// Which way the device moves the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The device reads the buffer.
    ToDevice,
    /// The device writes the buffer.
    FromDevice,
}

/// The pool has not enough left for a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory {
    /// Bytes asked for, rounded up to whole cache lines.
    pub wanted: usize,
    /// Bytes left in the region.
    pub left: usize,
}

impl fmt::Display for NoMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DMA region: {} bytes wanted, {} left", self.wanted, self.left)
    }
}

impl core::error::Error for NoMemory {}

/// The DMA region and its bus address, given out in buffers, once, at start-up.
pub struct Pool {
    left: &'static mut [u8],
    bus: u32,
    coherence: &'static dyn Coherence,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({} bytes left at bus {:#x})", self.left.len(), self.bus)
    }
}

impl Pool {
    /// A pool over `region`, whose first byte devices see at bus address `bus`. Up to a cache line
    /// at its start is lost to alignment.
    ///
    /// # Panics
    /// If the region is not as aligned on the bus as it is in memory: a mistake of the board's, not
    /// an input.
    pub fn new(region: &'static mut [u8], bus: u32, coherence: &'static dyn Coherence) -> Self {
        let skip = region.as_ptr().align_offset(LINE_BYTES).min(region.len());
        let left = &mut region[skip..];
        let bus = bus + skip as u32;
        assert!(left.is_empty() || (bus as usize).is_multiple_of(LINE_BYTES), "bus alignment");
        Self { left, bus, coherence }
    }

    /// A buffer of at least `bytes`, in cache lines of its own.
    ///
    /// # Errors
    /// [`NoMemory`] if the region has not that much left.
    pub fn take(&mut self, bytes: usize) -> Result<Buffer, NoMemory> {
        let wanted = bytes.next_multiple_of(LINE_BYTES);
        let left = core::mem::take(&mut self.left);
        if wanted > left.len() {
            let error = NoMemory { wanted, left: left.len() };
            self.left = left;
            return Err(error);
        }
        let (memory, rest) = left.split_at_mut(wanted);
        let buffer = Buffer { memory, bus: self.bus, coherence: self.coherence };
        self.left = rest;
        self.bus += wanted as u32;
        Ok(buffer)
    }
}

/// A DMA buffer that is ours: cache-line aligned, a whole number of lines long.
pub struct Buffer {
    memory: &'static mut [u8],
    bus: u32,
    coherence: &'static dyn Coherence,
}

impl Buffer {
    /// Gives the buffer to a device for `len` bytes in `direction`: its lines are written back
    /// first, so that the device reads what we wrote, and no dirty line is evicted over what the
    /// device writes.
    ///
    /// # Panics
    /// If `len` is longer than the buffer.
    #[must_use = "the loan is the only way back to the buffer"]
    pub fn lend(self, direction: Direction, len: usize) -> Loan {
        assert!(len <= self.memory.len(), "DMA beyond the buffer");
        let lines = len.next_multiple_of(LINE_BYTES);
        self.coherence.clean(self.bus, &self.memory[..lines]);
        Loan { buffer: self, direction, len }
    }

    /// Bytes the buffer can hold.
    pub fn capacity(&self) -> usize {
        self.memory.len()
    }
}

impl core::ops::Deref for Buffer {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.memory
    }
}

impl core::ops::DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.memory
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes at bus {:#x})", self.memory.len(), self.bus)
    }
}

/// A buffer that is the device's for now.
#[derive(Debug)]
pub struct Loan {
    buffer: Buffer,
    direction: Direction,
    len: usize,
}

impl Loan {
    /// Where the device finds the buffer.
    pub fn bus(&self) -> u32 {
        self.buffer.bus
    }

    /// How many bytes were lent.
    #[allow(clippy::len_without_is_empty, reason = "a loan is not a collection")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Takes the buffer back. To be called once the device has stopped using it; what the device
    /// wrote can then be read, since the lines that may hold older bytes are thrown away.
    pub fn reclaim(self) -> Buffer {
        let Self { buffer, direction, len } = self;
        if direction == Direction::FromDevice {
            let lines = len.next_multiple_of(LINE_BYTES);
            buffer.coherence.invalidate(buffer.bus, &mut buffer.memory[..lines]);
        }
        buffer
    }
}
