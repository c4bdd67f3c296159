//! Exceptions: each is a mistake of ours, told in words, and ends in a restart.
//!
//! The program runs on SP_EL0. An exception switches to SP_EL1, a stack of its own, so that it can
//! be told even when the main stack has run into its guard page. What comes from SP_EL1 itself is a
//! fault within the telling; it restarts without another word. Interrupts are never unmasked: one
//! that is taken all the same is told like the others.

use core::arch::global_asm;
use core::fmt;

use cortex_a::registers::{ESR_EL1, MPIDR_EL1, Readable as _};
use tock_registers::LocalRegisterCopy;

use crate::{memory, restart};

/// Bytes of [`Frame`].
const FRAME_BYTES: usize = size_of::<Frame>();

global_asm!(
    r#"
.macro  tell    kind
.balign 128
    stp     x0, x1, [sp, #-{FRAME_BYTES}]!
    mov     x0, #\kind
    b       tell_exception
.endm

.macro  give_up
.balign 128
    ldr     x0, =__exception_stack_top
    mov     sp, x0
    b       {fault_within}
.endm

.section .text.vectors, "ax"
.global vectors
.balign 2048
vectors:                            // Arm ARM, "Exception vectors"
    tell 0                          // from SP_EL0: synchronous, IRQ, FIQ, SError
    tell 1
    tell 2
    tell 3
    give_up                         // from SP_EL1
    give_up
    give_up
    give_up
    tell 4                          // from a lower level: nothing runs there
    tell 4
    tell 4
    tell 4
    tell 4
    tell 4
    tell 4
    tell 4
.balign 128

tell_exception:
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    mrs     x1, elr_el1
    stp     x30, x1, [sp, #240]
    mrs     x1, spsr_el1
    mrs     x2, esr_el1
    stp     x1, x2, [sp, #256]
    mrs     x1, far_el1
    mrs     x2, sp_el0
    stp     x1, x2, [sp, #272]
    mov     x1, sp
    mov     x29, xzr
    mov     x30, xzr
    b       {exception}
.ltorg
"#,
    FRAME_BYTES = const FRAME_BYTES,
    exception = sym exception,
    fault_within = sym fault_within,
);

/// What the assembly saved.
#[repr(C)]
struct Frame {
    x: [u64; 31],
    elr: u64,
    spsr: u64,
    esr: u64,
    far: u64,
    sp: u64,
}
const _: () = assert!(FRAME_BYTES == 288, "the assembly's offsets");

type Syndrome = LocalRegisterCopy<u64, ESR_EL1::Register>;

/// The exception class (Arm ARM, ESR_EL1.EC) in words.
fn class(code: u64) -> &'static str {
    match code {
        0x00 => "unknown or undefined instruction",
        0x01 => "trapped WFI or WFE",
        0x07 => "floating point while it is off",
        0x0e => "illegal execution state",
        0x15 => "SVC",
        0x16 => "HVC",
        0x17 => "SMC",
        0x18 => "trapped system register",
        0x20 | 0x21 => "instruction abort",
        0x22 => "misaligned PC",
        0x24 | 0x25 => "data abort",
        0x26 => "misaligned SP",
        0x2c => "floating-point exception",
        0x2f => "SError",
        0x30 | 0x31 => "breakpoint",
        0x32 | 0x33 => "single step",
        0x34 | 0x35 => "watchpoint",
        0x3c => "BRK",
        _ => "unknown exception class",
    }
}

/// The fault status of an abort (Arm ARM, ESR_EL1, ISS.DFSC and IFSC), its level apart, in words.
fn fault(status: u64) -> &'static str {
    match status {
        0x00..=0x03 => "address size fault",
        0x04..=0x07 => "translation fault",
        0x08..=0x0b => "access flag fault",
        0x0c..=0x0f => "permission fault",
        0x10 => "external abort",
        0x14..=0x17 => "external abort in a table walk",
        0x18 => "parity error",
        0x1c..=0x1f => "parity error in a table walk",
        0x21 => "alignment fault",
        0x30 => "TLB conflict",
        0x35 => "unsupported exclusive or atomic access",
        _ => "unknown fault",
    }
}

/// What happened, in one line.
struct Cause<'a> {
    kind: u64,
    frame: &'a Frame,
}

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Frame { far, esr, .. } = *self.frame;
        match self.kind {
            0 => {
                let code = Syndrome::new(esr).read(ESR_EL1::EC);
                f.write_str(class(code))?;
                if matches!(code, 0x20 | 0x21 | 0x24 | 0x25) {
                    write_abort(f, code, esr, far)?;
                }
                Ok(())
            }
            1 => f.write_str("IRQ, although masked"),
            2 => f.write_str("FIQ, although masked"),
            3 => f.write_str("SError"),
            _ => f.write_str("exception of a lower level"),
        }
    }
}

/// What an abort adds: the access, the address, the fault.
fn write_abort(f: &mut fmt::Formatter<'_>, code: u64, esr: u64, far: u64) -> fmt::Result {
    const WRITE: u64 = 1 << 6;
    const ADDRESS_INVALID: u64 = 1 << 10;
    let status = esr & 0x3f;
    let access = match code {
        0x20 | 0x21 => "fetch",
        _ if esr & WRITE != 0 => "write",
        _ => "read",
    };
    if esr & ADDRESS_INVALID != 0 {
        return write!(f, ": {access}, address unknown, {}", fault(status));
    }
    write!(f, ": {access} of {far:#x}, {}", fault(status))?;
    if status < 0x10 {
        write!(f, " at level {}", status & 3)?;
    }
    match memory::guard_page(far as usize) {
        Some(words) => write!(f, " ({words})"),
        None if far < 0x1000 => f.write_str(" (null pointer)"),
        None => Ok(()),
    }
}

/// The registers, as a table.
struct Registers<'a>(&'a Frame);

impl fmt::Display for Registers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Frame { ref x, elr, spsr, esr, far, sp } = *self.0;
        let level = spsr >> 2 & 3;
        let core = MPIDR_EL1.get() & 3;
        writeln!(f, "core {core}, EL{level}, image at {:#x}", memory::image().start)?;
        writeln!(f, "elr  {elr:016x}  far  {far:016x}  sp   {sp:016x}")?;
        writeln!(f, "esr  {esr:016x}  spsr {spsr:016x}")?;
        for (row, registers) in x.chunks(4).enumerate() {
            for (column, value) in registers.iter().enumerate() {
                let gap = if column == 0 { "" } else { "  " };
                write!(f, "{gap}x{:<2}  {value:016x}", 4 * row + column)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

extern "C" fn exception(kind: u64, frame: &Frame) -> ! {
    let cause = Cause { kind, frame };
    restart::after_exception(
        format_args!("at {:#x}", frame.elr),
        format_args!("{cause}"),
        format_args!("{}", Registers(frame)),
    )
}

extern "C" fn fault_within() -> ! {
    restart::restart_now()
}
