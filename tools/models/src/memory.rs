//! The devices' view of memory, as a copy of the CPU's.
//!
//! ```text
//!   CPU:     the leaked region that dma::Pool cuts into buffers
//!              │ clean(bus, lines)         ^ invalidate(bus, lines)
//!              v                           │
//!   devices: Memory, which the DWC2 model's DMA reads and writes
//! ```
//!
//! Nothing else moves bytes between the two. A buffer that was not cleaned is stale for the device,
//! a buffer that was not invalidated is stale for the driver, and the test sees it although the
//! host's own caches are coherent. Besides, each line is either lent (cleaned, and not handed back
//! since) or not, and DMA on a line that is not lent is an error of the driver's.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dma::{Coherence, LINE_BYTES, Pool};

/// The bus address of the first byte of [`region`]'s memory: RAM in the VideoCore's uncached alias.
pub const BUS_BASE: u32 = 0xc010_0000;

/// Why the device could not have its DMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DmaError {
    /// Some of the bytes lie outside the region.
    Outside,
    /// The line at this bus address was not cleaned since it was last handed back. The bytes moved
    /// all the same, as they would on the chip.
    NotLent(u32),
}

struct Line {
    bytes: [u8; LINE_BYTES],
    lent: bool,
}

/// Memory as devices see it.
pub struct Memory {
    base: u32,
    lines: Mutex<Vec<Line>>,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Memory({} lines at bus {:#x})", self.lines().len(), self.base)
    }
}

/// A region of at least `bytes` for a driver, and the devices' view of it. The region is leaked:
/// drivers keep their buffers for ever.
pub fn region(bytes: usize) -> (Pool, Arc<Memory>) {
    let lines = bytes.div_ceil(LINE_BYTES);
    // What the CPU finds there before it writes: neither zero nor what a device would send.
    let region = vec![0xc5; (lines + 1) * LINE_BYTES].leak();
    let skip = region.as_ptr().align_offset(LINE_BYTES);
    let memory = Arc::new(Memory::new(BUS_BASE, lines));
    let coherence = Box::leak(Box::new(Arc::clone(&memory)));
    (Pool::new(&mut region[skip..][..lines * LINE_BYTES], BUS_BASE, &**coherence), memory)
}

impl Memory {
    /// A region of `lines` cache lines at bus address `base`; no line is lent yet.
    pub fn new(base: u32, lines: usize) -> Self {
        // Neither zero nor what the CPU's side holds: nobody can take it for data.
        let line = || Line { bytes: [0xde; LINE_BYTES], lent: false };
        Self { base, lines: Mutex::new(std::iter::repeat_with(line).take(lines).collect()) }
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bus address of the first byte.
    pub fn base(&self) -> u32 {
        self.base
    }

    /// The device reads `len` bytes at `bus`, and whether it was allowed to.
    ///
    /// # Errors
    /// [`DmaError::Outside`]: nothing could be read.
    pub fn read(&self, bus: u32, len: usize) -> Result<(Vec<u8>, Result<(), DmaError>), DmaError> {
        let mut bytes = Vec::with_capacity(len);
        let lent = self.walk(bus, len, |line, from, to| {
            bytes.extend_from_slice(&line.bytes[from..to]);
        })?;
        Ok((bytes, lent))
    }

    /// The device writes `bytes` at `bus`.
    ///
    /// # Errors
    /// [`DmaError::Outside`]: nothing was written. [`DmaError::NotLent`]: written, but not allowed.
    pub fn write(&self, bus: u32, bytes: &[u8]) -> Result<(), DmaError> {
        let mut left = bytes;
        self.walk(bus, bytes.len(), |line, from, to| {
            let (now, later) = left.split_at(to - from);
            line.bytes[from..to].copy_from_slice(now);
            left = later;
        })?
    }

    /// Calls `each` for the parts of the lines that `[bus, bus + len)` covers.
    fn walk(
        &self,
        bus: u32,
        len: usize,
        mut each: impl FnMut(&mut Line, usize, usize),
    ) -> Result<Result<(), DmaError>, DmaError> {
        let mut lines = self.lines();
        let start = bus.checked_sub(self.base).ok_or(DmaError::Outside)? as usize;
        let end = start + len;
        if end > lines.len() * LINE_BYTES {
            return Err(DmaError::Outside);
        }
        let mut lent = Ok(());
        let mut at = start;
        while at < end {
            let line = &mut lines[at / LINE_BYTES];
            let from = at % LINE_BYTES;
            let to = LINE_BYTES.min(from + end - at);
            if !line.lent && lent.is_ok() {
                lent = Err(DmaError::NotLent(self.base + at as u32));
            }
            each(line, from, to);
            at += to - from;
        }
        Ok(lent)
    }
}

impl Coherence for Memory {
    /// # Panics
    /// Outside the region: `dma::Pool` would be broken.
    fn clean(&self, bus: u32, bytes: &[u8]) {
        let mut left = bytes;
        let done = self.walk(bus, bytes.len(), |line, from, to| {
            let (now, later) = left.split_at(to - from);
            line.bytes[from..to].copy_from_slice(now);
            line.lent = true;
            left = later;
        });
        assert!(done.is_ok(), "clean outside the region");
    }

    /// # Panics
    /// Outside the region: `dma::Pool` would be broken.
    fn invalidate(&self, bus: u32, bytes: &mut [u8]) {
        let mut at = 0;
        let done = self.walk(bus, bytes.len(), |line, from, to| {
            bytes[at..][..to - from].copy_from_slice(&line.bytes[from..to]);
            line.lent = false;
            at += to - from;
        });
        assert!(done.is_ok(), "invalidate outside the region");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dma::Direction;

    #[test]
    fn only_maintenance_moves_bytes() {
        let (mut pool, memory) = region(4096);
        let mut buffer = pool.take(100).unwrap();
        buffer[..4].copy_from_slice(b"ping");
        let loan = buffer.lend(Direction::FromDevice, 100);
        let bus = loan.bus();
        assert_eq!(memory.read(bus, 4), Ok((b"ping".to_vec(), Ok(()))));
        assert_eq!(memory.write(bus, b"pong"), Ok(()));
        let mut buffer = loan.reclaim();
        assert_eq!(&buffer[..4], b"pong");
        buffer[..4].copy_from_slice(b"late");
        assert_eq!(memory.read(bus, 4), Ok((b"pong".to_vec(), Err(DmaError::NotLent(bus)))));
    }

    #[test]
    fn the_region_has_two_ends() {
        let memory = Memory::new(BUS_BASE, 2);
        assert_eq!(memory.read(BUS_BASE - 4, 4), Err(DmaError::Outside));
        assert_eq!(memory.write(BUS_BASE + 126, &[0; 4]), Err(DmaError::Outside));
    }
}
