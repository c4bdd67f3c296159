//! Critical sections: interrupts masked on the one core that runs.
//!
//! Nothing unmasks interrupts today; the crates that ask for a critical section need one all the
//! same, and this one stays right if that changes.

use critical_section::{Impl, RawRestoreState, set_impl};

struct MaskInterrupts;
set_impl!(MaskInterrupts);

// SAFETY: with IRQ and FIQ masked nothing else runs on core 0, and the other cores are parked. The
// asm is no `nomem`, so the compiler moves no access to memory across it. Nesting restores the
// outer state.
unsafe impl Impl for MaskInterrupts {
    unsafe fn acquire() -> RawRestoreState {
        let daif: u64;
        // SAFETY: reads a status register.
        unsafe { core::arch::asm!("mrs {}, daif", out(reg) daif, options(nostack)) };
        // SAFETY: masks IRQ and FIQ, which breaks nothing.
        unsafe { core::arch::asm!("msr daifset, #0b0011", options(nostack)) };
        daif
    }

    unsafe fn release(daif: RawRestoreState) {
        // SAFETY: what `acquire` read, by the trait's contract.
        unsafe { core::arch::asm!("msr daif, {}", in(reg) daif, options(nostack)) };
    }
}
