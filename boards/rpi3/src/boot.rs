//! From the firmware's jump to Rust: the Image header, the way down to EL1, and the move.
//!
//! ```text
//!   _start   the 64-byte header of arm64 kernel images (Linux, arch/arm64/booting.rst)
//!   entry    mask everything; cores 1 to 3 to `park`; drop stale cache lines of the memory we use
//!   moved    the image is where it was linked; cores 1 to 3 leave the firmware's spin loop
//!   el3, el2 one exception level down each, with what only that level can set
//!   el1      stacks, floating point, vectors; then page tables and MMU (memory.rs), .bss, `start`
//! ```
//!
//! At entry x0 may hold the address of a device tree; MMU and data cache are off; the exception
//! level is EL2 (firmware, QEMU with a kernel image), EL3 (QEMU with an ELF file, no stub) or EL1.
//! Until the MMU is on, all data is Device memory to the CPU (Arm ARM, "Behavior when stage 1
//! address translation is disabled"): no exclusive access, hence no Rust atomic but loads and
//! stores, and no unaligned access (the target is strictly aligned).
//!
//! The program runs at EL1 on SP_EL0, exceptions on SP_EL1: a stack overflow thus finds a working
//! stack without a line of code (exceptions.rs).

use core::arch::global_asm;

use crate::memory;

/// Bytes of a cache line, and of a `dc zva` block, of the Cortex-A53 (DDI0500, "L1 memory system"
/// and DCZID_EL0).
const LINE_BYTES: usize = dma::LINE_BYTES;

/// What the assembly saw.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// x0: the address of a device tree, or anything.
    pub device_tree: usize,
    /// Where the image was before it moved.
    pub loaded_at: usize,
    /// The exception level it was entered at.
    pub exception_level: u8,
}

global_asm!(
    r#"
.section .text.boot, "ax"
.global _start
_start:
    b       entry
    .long   0
    .quad   LOAD_ADDRESS            // text_offset
    .quad   __image_bytes           // image_size, with all that is not in the file
    .quad   0b1010                  // little-endian, 4 KiB pages, at any address
    .quad   0, 0, 0
    .long   0x644d5241              // "ARM\x64"
    .long   0

entry:
    msr     daifset, #0b1111
    mrs     x1, mpidr_el1
    tst     x1, #3
    b.ne    park                    // another core came by itself: it sleeps where it is
    mov     x19, x0
    adr     x20, _start
    mrs     x21, CurrentEL
    lsr     x21, x21, #2

    // The boot protocol has the loaded file clean to the point of coherency, but says nothing of
    // the rest of our memory nor of where the file moves to. Lines that a loader left there would
    // hide, once our caches are on, what we write now past the caches, and dirty ones would be
    // evicted over it; so they are written back and dropped first (Arm ARM, "Mismatched memory
    // attributes"). CIVAC loses nothing if the file itself is dirty.
    ldr     x0, =__restart_start
    ldr     x1, =__image_end
1:  dc      civac, x0
    add     x0, x0, #{LINE_BYTES}
    cmp     x0, x1
    b.lo    1b
    dsb     sy

    // Elsewhere than linked? Then move. The code that does it must be out of the way of both
    // copies: it goes to the start of the DMA region, or, if the file was loaded over that, to its
    // last page, where a file of no more than FILE_BYTES_MAX cannot reach as well.
    ldr     x22, =_start
    cmp     x20, x22
    b.eq    moved
    mov     x0, x22
    mov     x1, x20
    ldr     x2, =__file_bytes
    ldr     x9, =moved
    ldr     x10, =__dma_start
    add     x3, x1, x2
    add     x4, x10, #0x1000
    cmp     x1, x4
    b.hs    2f
    cmp     x3, x10
    b.ls    2f
    ldr     x10, =__dma_end - 0x1000
2:  adr     x3, mover
    adr     x4, mover_end
    mov     x5, x10
3:  ldr     w6, [x3], #4
    str     w6, [x5], #4
    cmp     x3, x4
    b.lo    3b
    // New instructions: the stores are done (they went past the data cache), then the instruction
    // cache forgets, then the pipeline (Arm ARM, "Concurrent modification and execution of
    // instructions").
    dsb     sy
    ic      ialluis
    dsb     sy
    isb
    br      x10

// memmove(to x0, from x1, x2 bytes, a multiple of 16), then to x9. Uses no memory but these.
mover:
    cmp     x0, x1
    b.hi    5f
4:  ldp     x3, x4, [x1], #16
    stp     x3, x4, [x0], #16
    subs    x2, x2, #16
    b.ne    4b
    b       7f
5:  add     x0, x0, x2
    add     x1, x1, x2
6:  ldp     x3, x4, [x1, #-16]!
    stp     x3, x4, [x0, #-16]!
    subs    x2, x2, #16
    b.ne    6b
7:  dsb     sy
    ic      ialluis
    dsb     sy
    isb
    br      x9
mover_end:

moved:
    // Cores 1 to 3 wait in the firmware's stub, or in QEMU's, for an address in the spin table at
    // 0xd8 (raspberrypi/tools, armstub8.S). Left there they wait by WFE, which under QEMU costs a
    // host's core each. One line of cache holds all three slots; the cores read it with their
    // caches off.
    ldr     x0, =park
    mov     x1, #0xe0
    str     x0, [x1]
    stp     x0, x0, [x1, #8]
    dc      civac, x1
    dsb     sy
    sev

    cmp     x21, #2
    b.eq    el2
    b.lo    el1

    // EL3: what the firmware's stub would have done.
    mov     x0, #0x5b1              // SCR_EL3: RW, HCE, SMD, RES1, NS
    msr     scr_el3, x0
    msr     cptr_el3, xzr           // floating point is not trapped
    mrs     x0, s3_1_c15_c2_1       // CPUECTLR_EL1.SMPEN: before any cache is on (DDI0500)
    orr     x0, x0, #1 << 6
    msr     s3_1_c15_c2_1, x0
    mrs     x0, cntfrq_el0          // can be written at EL3 only; if nobody has, it is zero
    cbnz    x0, 8f
    ldr     x0, =19200000           // the crystal, which the two stores make the counter run from:
    msr     cntfrq_el0, x0          // QA7, "Control register" and "Core timer pre-scaler"
    mov     x0, #0x40000000
    mov     w1, #0x80000000
    str     wzr, [x0]
    str     w1, [x0, #8]
8:  mov     x0, #0x3c9              // EL2h, all masked
    msr     spsr_el3, x0
    adr     x0, el2
    msr     elr_el3, x0
    eret

el2:
    mov     x0, #1 << 31            // HCR_EL2: EL1 is AArch64; nothing is trapped or routed here
    msr     hcr_el2, x0
    mov     x0, #0b11               // CNTHCTL_EL2: EL1 may read counter and timers
    msr     cnthctl_el2, x0
    msr     cntvoff_el2, xzr        // the virtual counter is the physical one
    mov     x0, #0x33ff             // CPTR_EL2: RES1 bits; floating point is not trapped
    msr     cptr_el2, x0
    msr     hstr_el2, xzr
    mrs     x0, mdcr_el2            // only HPMN stays: debug and counters are not trapped
    and     x0, x0, #0x1f
    msr     mdcr_el2, x0
    mrs     x0, midr_el1            // EL1 sees the real identities
    msr     vpidr_el2, x0
    mrs     x0, mpidr_el1
    msr     vmpidr_el2, x0
    ldr     x0, =0x30d00800         // SCTLR_EL1 has no reset value of use: RES1 bits, all else off
    msr     sctlr_el1, x0
    mov     x0, #0x3c5              // EL1h, all masked
    msr     spsr_el2, x0
    adr     x0, el1
    msr     elr_el2, x0
    eret

el1:
    ldr     x0, =0x30d00800         // again, for who was entered at EL1
    msr     sctlr_el1, x0
    mov     x0, #0b11 << 20         // CPACR_EL1.FPEN: floating point is not trapped
    msr     cpacr_el1, x0
    ldr     x0, =vectors
    msr     vbar_el1, x0
    msr     spsel, #1
    isb
    ldr     x0, =__exception_stack_top
    mov     sp, x0
    msr     spsel, #0
    ldr     x0, =__stack_top
    mov     sp, x0
    bl      {enable_mmu}

    // With the caches on this is quick, a line at a time. The DMA region too: no byte of what lay
    // in memory before may ever get onto a wire.
    ldr     x0, =__bss_start
    ldr     x1, =__bss_end
    bl      zero
    ldr     x0, =__dma_start
    ldr     x1, =__dma_end
    bl      zero

    msr     daifclr, #0b0100        // SError: from here on it can be told
    mov     x0, x19
    mov     x1, x20
    mov     x2, x21
    mov     x29, xzr                // the last frame of a backtrace
    mov     x30, xzr
    bl      {start}

// Cores 1 to 3, at whatever level; no interrupt is routed to them, so they sleep for good. WFI, not
// WFE: QEMU halts a core on the first only.
park:
    msr     daifset, #0b1111
9:  wfi
    b       9b

// Zeroes [x0, x1), whole lines.
zero:
    cmp     x0, x1
    b.hs    11f
10: dc      zva, x0
    add     x0, x0, #{LINE_BYTES}
    cmp     x0, x1
    b.lo    10b
11: ret
.ltorg
"#,
    LINE_BYTES = const LINE_BYTES,
    enable_mmu = sym memory::enable_mmu,
    start = sym start,
);

/// The first Rust with everything in place: MMU and caches on, .bss zero, on the main stack.
extern "C" fn start(device_tree: usize, loaded_at: usize, exception_level: usize) -> ! {
    crate::main(Entry { device_tree, loaded_at, exception_level: exception_level as u8 & 3 })
}
