//! The memory map: identity, in static tables, drawn in `linker.ld`.
//!
//! ```text
//!   level 1   4 entries of 1 GiB      two used
//!   level 2   512 blocks of 2 MiB     0 .. 1 GiB: memory, then peripherals from 0x3f00_0000
//!             512 blocks of 2 MiB     1 GiB .. : one block, the cores' peripherals
//!   level 3   8 x 512 pages of 4 KiB  the first 16 MiB: the image, each part with its own rights
//! ```
//!
//! Memory is Normal, write-back cacheable, shareable: on the Cortex-A53 exclusive accesses, hence
//! atomics, are only good on such memory (Arm ARM, "Load-Exclusive and Store-Exclusive").
//! Everything that is not the image's code cannot be executed, and nothing can be both written and
//! executed.

use core::cell::UnsafeCell;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, Ordering};

use cortex_a::asm::barrier;
use cortex_a::registers::{
    MAIR_EL1, ReadWriteable as _, SCTLR_EL1, TCR_EL1, TTBR0_EL1, Writeable as _,
};

/// First byte behind memory: the peripherals.
pub const PERIPHERALS: usize = 0x3f00_0000;
/// First byte of the cores' own peripherals.
pub const LOCAL_PERIPHERALS: usize = 0x4000_0000;

/// Devices see memory without the GPU's cache here (BCM2835 ARM Peripherals, 1.2.4: the "C" alias).
const BUS_ALIAS: u32 = 0xc000_0000;

const PAGE_BYTES: usize = 4 << 10;
const BLOCK_BYTES: usize = 2 << 20;
const ENTRIES: usize = 512;
/// `PAGED_BYTES` of linker.ld, in blocks.
const PAGED_BLOCKS: usize = 8;

/// The longest device tree that is looked at.
const DEVICE_TREE_BYTES_MAX: usize = 1 << 20;
/// The header's first word, in its big-endian order (Devicetree Specification, 5.2).
const DEVICE_TREE_MAGIC: u32 = 0xd00d_feed;
const DEVICE_TREE_HEADER_BYTES: usize = 40;

// Descriptor bits (Arm ARM, "VMSAv8-64 translation table format descriptors").
const VALID: u64 = 1 << 0;
/// At levels 1 and 2 a table, at level 3 a page; else a block.
const TABLE_OR_PAGE: u64 = 1 << 1;
const ATTRIBUTE_NORMAL: u64 = 0 << 2;
const ATTRIBUTE_DEVICE: u64 = 1 << 2;
const READ_ONLY: u64 = 1 << 7;
const INNER_SHAREABLE: u64 = 0b11 << 8;
const ACCESSED: u64 = 1 << 10;
const NEVER_EXECUTE: u64 = 1 << 53 | 1 << 54;

const MEMORY: u64 = VALID | ATTRIBUTE_NORMAL | INNER_SHAREABLE | ACCESSED;
const DATA: u64 = MEMORY | NEVER_EXECUTE;
const CONSTANTS: u64 = DATA | READ_ONLY;
const CODE: u64 = MEMORY | READ_ONLY;
const DEVICE: u64 = VALID | ATTRIBUTE_DEVICE | ACCESSED | NEVER_EXECUTE;
const NOTHING: u64 = 0;

/// A translation table. The CPU's table walk reads it; we write it before the MMU is on, and later
/// only to take entries away.
#[repr(C, align(4096))]
struct Table(UnsafeCell<[u64; ENTRIES]>);

// SAFETY: only core 0 runs, without interrupt handlers, and nothing keeps a reference into a table.
unsafe impl Sync for Table {}

impl Table {
    const fn new() -> Self {
        Self(UnsafeCell::new([0; ENTRIES]))
    }

    fn set(&self, index: usize, descriptor: u64) {
        assert!(index < ENTRIES);
        let entry = self.0.get().cast::<u64>().wrapping_add(index);
        // SAFETY: inside the table (asserted above), aligned, and written by this core only.
        unsafe { entry.write_volatile(descriptor) };
    }

    fn address(&self) -> u64 {
        self.0.get() as u64
    }
}

// In `.bss.tables` since the zeroing of .bss comes when they are in use.
#[unsafe(link_section = ".bss.tables")]
static LEVEL_1: Table = Table::new();
#[unsafe(link_section = ".bss.tables")]
static LEVEL_2: [Table; 2] = [const { Table::new() }; 2];
#[unsafe(link_section = ".bss.tables")]
static LEVEL_3: [Table; PAGED_BLOCKS] = [const { Table::new() }; PAGED_BLOCKS];

// Symbols of linker.ld: only their addresses mean something.
unsafe extern "C" {
    safe static __restart_start: u8;
    safe static __image_start: u8;
    safe static __text_end: u8;
    safe static __rodata_end: u8;
    safe static __stack_guard: u8;
    safe static __exception_stack_guard: u8;
    safe static __dma_start: u8;
    safe static __dma_end: u8;
    safe static __image_end: u8;
}

fn address(symbol: *const u8) -> usize {
    symbol as usize
}

/// Where the image lies, with everything that it uses.
pub fn image() -> Range<usize> {
    address(&raw const __image_start)..address(&raw const __image_end)
}

/// The guard page that `at` lies in, in words.
pub fn guard_page(at: usize) -> Option<&'static str> {
    let inside = |guard: usize| (guard..guard + PAGE_BYTES).contains(&at);
    if inside(address(&raw const __stack_guard)) {
        Some("guard page: stack overflow")
    } else if inside(address(&raw const __exception_stack_guard)) {
        Some("guard page: exception stack overflow")
    } else {
        None
    }
}

/// What a page of the first 16 MiB may be used for.
fn rights(page: usize) -> u64 {
    if page == 0 {
        // An old firmware leaves the device tree at 0x100; a write through a null pointer still
        // faults.
        CONSTANTS
    } else if guard_page(page).is_some() {
        NOTHING
    } else if page < address(&raw const __image_start) {
        DATA
    } else if page < address(&raw const __text_end) {
        CODE
    } else if page < address(&raw const __rodata_end) {
        CONSTANTS
    } else {
        DATA
    }
}

/// Builds the tables and turns MMU and caches on. Called once, by boot.rs, before .bss is zero.
pub extern "C" fn enable_mmu() {
    let table = |table: &Table| table.address() | VALID | TABLE_OR_PAGE;
    for index in 0..ENTRIES {
        LEVEL_1.set(index, LEVEL_2.get(index).map_or(NOTHING, table));
        let at = index * BLOCK_BYTES;
        let block = if at < PERIPHERALS { DATA } else { DEVICE };
        LEVEL_2[0].set(index, LEVEL_3.get(index).map_or(at as u64 | block, table));
        let local = if index == 0 { LOCAL_PERIPHERALS as u64 | DEVICE } else { NOTHING };
        LEVEL_2[1].set(index, local);
    }
    for (block, pages) in LEVEL_3.iter().enumerate() {
        for index in 0..ENTRIES {
            let at = block * BLOCK_BYTES + index * PAGE_BYTES;
            let rights = rights(at);
            let kind = if rights == NOTHING { NOTHING } else { at as u64 | TABLE_OR_PAGE };
            pages.set(index, kind | rights);
        }
    }

    MAIR_EL1.write(
        MAIR_EL1::Attr0_Normal_Outer::WriteBack_NonTransient_ReadWriteAlloc
            + MAIR_EL1::Attr0_Normal_Inner::WriteBack_NonTransient_ReadWriteAlloc
            + MAIR_EL1::Attr1_Device::nonGathering_nonReordering_EarlyWriteAck,
    );
    // 4 GiB of addresses below, none above; 4 GiB of memory; the table walk reads through the
    // caches.
    TCR_EL1.write(
        TCR_EL1::T0SZ.val(32)
            + TCR_EL1::TG0::KiB_4
            + TCR_EL1::SH0::Inner
            + TCR_EL1::ORGN0::WriteBack_ReadAlloc_WriteAlloc_Cacheable
            + TCR_EL1::IRGN0::WriteBack_ReadAlloc_WriteAlloc_Cacheable
            + TCR_EL1::EPD1::DisableTTBR1Walks
            + TCR_EL1::IPS::Bits_32,
    );
    TTBR0_EL1.set(LEVEL_1.address());
    forget_translations();
    // SAFETY: throws away cached copies of instructions, which are read again from memory.
    unsafe { core::arch::asm!("ic iallu", options(nostack)) };
    barrier::dsb(barrier::SY);
    barrier::isb(barrier::SY);
    // The tables were written past the caches, whose lines of them boot.rs dropped; so the walk,
    // which goes through the caches, finds in memory what was written.
    SCTLR_EL1.modify(
        SCTLR_EL1::M::Enable
            + SCTLR_EL1::C::Cacheable
            + SCTLR_EL1::I::Cacheable
            + SCTLR_EL1::WXN::Enable
            + SCTLR_EL1::SA::Enable,
    );
    barrier::isb(barrier::SY);
}

/// Takes the memory from `end` to the peripherals out of the map: it is the GPU's, or not there at
/// all, and the CPU may read ahead in whatever is mapped.
pub fn limit(end: usize) {
    let first = end.div_ceil(BLOCK_BYTES).max(image().end.div_ceil(BLOCK_BYTES));
    for block in first.max(PAGED_BLOCKS)..PERIPHERALS / BLOCK_BYTES {
        LEVEL_2[0].set(block, NOTHING);
    }
    forget_translations();
}

/// Makes the tables' last change count for every access from here on (Arm ARM, "TLB maintenance":
/// the store is complete, then the old translations are gone, then the pipeline is refilled).
fn forget_translations() {
    barrier::dsb(barrier::SY);
    // SAFETY: translations are read again from the tables, which map what is in use as it is.
    unsafe { core::arch::asm!("tlbi vmalle1", options(nostack)) };
    barrier::dsb(barrier::SY);
    barrier::isb(barrier::SY);
}

/// The DMA region; the first caller gets it.
pub fn dma_pool() -> Option<dma::Pool> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return None;
    }
    let start = address(&raw const __dma_start);
    let bytes = address(&raw const __dma_end) - start;
    // SAFETY: linker.ld reserves [__dma_start, __dma_end) for nobody else, `enable_mmu` maps it as
    // readable and writable, boot.rs has zeroed it, and the flag above lets one caller come here.
    let region = unsafe { core::slice::from_raw_parts_mut(start as *mut u8, bytes) };
    Some(dma::Pool::new(region, BUS_ALIAS | start as u32, &dma::CacheLines))
}

/// The device tree at `at`, if there is one: its magic is there, it lies in memory below
/// `memory_end` and not in our own, and is no longer than 1 MiB. Nothing inside it is checked.
pub fn device_tree(at: usize, memory_end: usize) -> Option<&'static [u8]> {
    let ours = address(&raw const __restart_start)..image().end;
    let fits = |bytes: usize| {
        let end = at.checked_add(bytes)?;
        let apart = end <= ours.start || at >= ours.end;
        (at != 0 && at.is_multiple_of(8) && apart && end <= memory_end.min(PERIPHERALS))
            .then_some(bytes)
    };
    let header = foreign_memory(at, fits(DEVICE_TREE_HEADER_BYTES)?);
    let word = |at: usize| header[at..at + 4].try_into().map_or(0, u32::from_be_bytes);
    let bytes = word(4) as usize;
    let sound = word(0) == DEVICE_TREE_MAGIC
        && (DEVICE_TREE_HEADER_BYTES..=DEVICE_TREE_BYTES_MAX).contains(&bytes);
    sound.then(|| fits(bytes)).flatten().map(|bytes| foreign_memory(at, bytes))
}

/// Memory that a loader filled before we ran. `device_tree` has checked where it lies.
fn foreign_memory(at: usize, bytes: usize) -> &'static [u8] {
    // SAFETY: mapped readable memory outside of everything that the linker gave to the program
    // (both checked by the caller); no device is told of it and no code of ours writes it.
    unsafe { core::slice::from_raw_parts(at as *const u8, bytes) }
}
