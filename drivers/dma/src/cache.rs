//! Cache maintenance, by lines.

/// Bytes of a cache line of the Cortex-A53 (TRM DDI0500, section 6.1: 64 bytes in L1 and L2).
pub const LINE_BYTES: usize = 64;

/// Keeps the CPU's and the devices' views of memory the same, where the hardware does not.
///
/// Slices start at a line and are whole lines long; `bus` is the bus address of the first byte.
pub trait Coherence: Sync {
    /// Makes what the CPU wrote visible to devices, before a device is told of it.
    fn clean(&self, bus: u32, lines: &[u8]);
    /// Makes what a device wrote visible to the CPU, before the CPU reads it.
    fn invalidate(&self, bus: u32, lines: &mut [u8]);
}

/// The caches of an aarch64 CPU, maintained line by line to the point of coherency.
#[cfg(target_arch = "aarch64")]
#[derive(Debug)]
pub struct CacheLines;

#[cfg(target_arch = "aarch64")]
impl Coherence for CacheLines {
    fn clean(&self, _bus: u32, lines: &[u8]) {
        for line in lines.chunks(LINE_BYTES) {
            // Clean and invalidate, not clean alone: on a Cortex-A53 an eviction may overtake a
            // clean (erratum 855873), which the firmware's stub may not have worked around. SAFETY:
            // writing a line of a slice that we hold back to memory changes no byte of it.
            unsafe { core::arch::asm!("dc civac, {}", in(reg) line.as_ptr(), options(nostack)) };
        }
        barrier();
    }

    fn invalidate(&self, _bus: u32, lines: &mut [u8]) {
        // The load of the device's register that told of the end comes first.
        barrier();
        for line in lines.chunks_mut(LINE_BYTES) {
            // SAFETY: the slice is exclusively ours and whole lines, so no neighbour's dirty byte
            // is lost; its own lines were cleaned before the device got them, so nothing of ours is
            // lost either.
            unsafe { core::arch::asm!("dc ivac, {}", in(reg) line.as_mut_ptr(), options(nostack)) };
        }
        barrier();
    }
}

/// Waits until loads, stores and maintenance before it are done, for every observer.
#[cfg(target_arch = "aarch64")]
fn barrier() {
    // SAFETY: a barrier touches no memory of ours; it is ordered against it because asm is
    // volatile.
    unsafe { core::arch::asm!("dsb sy", options(nostack)) };
}
