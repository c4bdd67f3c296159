//! Restart, and the reason for it that survives.
//!
//! The reason lies in a page of memory that nothing loads, zeroes or moves (`.restart` in
//! linker.ld) and that the watchdog's reset leaves as it is. It is written back from the cache
//! first, since the reset loses the caches, and has a checksum, since after power-on the memory
//! holds anything.
//!
//! Last words, of a panic or an exception, are stored first and printed then: a fault while they
//! are printed costs the print only. A fault within last words restarts at once.

use core::cell::UnsafeCell;
use core::fmt::{self, Write as _};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

use bcm2837::gpio::Gpio;
use bcm2837::pl011::Pl011;
use bcm2837::watchdog::{ResetCause, Watchdog};
use cortex_a::asm::{barrier, wfi};
use mmio::Pointer;

use crate::console::{self, Console};
use crate::peripherals::LastWords;
use crate::time::Clock;

/// Bytes of a reason that are kept.
pub const REASON_BYTES: usize = 256;
/// "bw01", read as a number; to be changed with the record's layout.
const MAGIC: u32 = 0x6277_3031;

const PANIC: u32 = 1;
const EXCEPTION: u32 = 2;
const REQUESTED: u32 = 3;

/// A reason, in words, cut at [`REASON_BYTES`].
#[derive(Clone)]
pub struct Reason {
    bytes: [u8; REASON_BYTES],
    len: usize,
}

impl Reason {
    const fn new() -> Self {
        Self { bytes: [0; REASON_BYTES], len: 0 }
    }

    fn of(words: fmt::Arguments<'_>) -> Self {
        let mut reason = Self::new();
        // Cutting is no error, and a `Display` that fails leaves what it wrote.
        let _ = reason.write_fmt(words);
        reason
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.bytes()).unwrap_or("(unreadable)")
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len.min(REASON_BYTES)]
    }
}

impl fmt::Write for Reason {
    fn write_str(&mut self, words: &str) -> fmt::Result {
        let mut take = words.len().min(REASON_BYTES - self.len);
        while !words.is_char_boundary(take) {
            take -= 1;
        }
        self.bytes[self.len..self.len + take].copy_from_slice(&words.as_bytes()[..take]);
        self.len += take;
        Ok(())
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why the program started.
#[derive(Clone, Debug)]
pub enum Restart {
    /// Power came on, or a reset of the whole board.
    PowerOn,
    /// The program before panicked.
    Panic(Reason),
    /// The program before met an exception.
    Exception(Reason),
    /// Somebody asked for it.
    Requested,
    /// The watchdog ran out, and nobody left a reason.
    Watchdog,
}

impl fmt::Display for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerOn => f.write_str("power on"),
            Self::Panic(reason) => write!(f, "panic: {reason}"),
            Self::Exception(reason) => write!(f, "exception: {reason}"),
            Self::Requested => f.write_str("requested"),
            Self::Watchdog => f.write_str("watchdog"),
        }
    }
}

/// What lies in `.restart`. Whole cache lines, so that writing it back touches nothing else.
#[derive(Clone)]
#[repr(C, align(64))]
struct Record {
    magic: u32,
    kind: u32,
    len: u32,
    checksum: u32,
    text: [u8; REASON_BYTES],
}

impl Record {
    fn of(kind: u32, reason: &Reason) -> Self {
        let mut record =
            Self { magic: MAGIC, kind, len: reason.len as u32, checksum: 0, text: reason.bytes };
        record.checksum = record.sum();
        record
    }

    /// FNV-1a over all but the checksum itself: enough to tell a record from old memory.
    fn sum(&self) -> u32 {
        let words = [self.magic, self.kind, self.len];
        let bytes = words.iter().flat_map(|word| word.to_le_bytes()).chain(self.text);
        bytes.fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    }

    fn is_sound(&self) -> bool {
        self.magic == MAGIC && self.len as usize <= REASON_BYTES && self.checksum == self.sum()
    }
}

#[repr(transparent)]
struct Slot(UnsafeCell<MaybeUninit<Record>>);

// SAFETY: only core 0 runs, and the slot is reached by the two functions below only, which keep no
// reference to it.
unsafe impl Sync for Slot {}

#[unsafe(link_section = ".bss.restart")]
static SLOT: Slot = Slot(UnsafeCell::new(MaybeUninit::uninit()));

impl Slot {
    fn load(&self) -> Record {
        let record = self.0.get().cast::<Record>().cast_const();
        // SAFETY: a mapped, aligned page; every bit pattern is a `Record`; volatile, since the
        // compiler cannot know who wrote it.
        unsafe { record.read_volatile() }
    }

    fn store(&self, record: Record) {
        let slot = self.0.get().cast::<Record>();
        // SAFETY: mapped, aligned, and ours alone.
        unsafe { slot.write_volatile(record) };
        for line in 0..size_of::<Record>() / dma::LINE_BYTES {
            let at = slot.wrapping_byte_add(line * dma::LINE_BYTES);
            // SAFETY: writing a line back changes no byte of it. To the point of coherency: the
            // reset loses every cache (Arm ARM, "Behavior of caches at reset").
            unsafe { core::arch::asm!("dc cvac, {}", in(reg) at, options(nostack)) };
        }
        barrier::dsb(barrier::SY);
    }
}

/// Reads why the program started, and forgets it: the next call would say otherwise.
pub fn last_restart(watchdog: &mut Watchdog<Pointer>) -> Restart {
    let record = SLOT.load();
    SLOT.store(Record { magic: 0, kind: 0, len: 0, checksum: 0, text: [0; REASON_BYTES] });
    let reason = Reason { bytes: record.text, len: record.len as usize };
    match record.kind {
        PANIC if record.is_sound() => Restart::Panic(reason),
        EXCEPTION if record.is_sound() => Restart::Exception(reason),
        REQUESTED if record.is_sound() => Restart::Requested,
        _ if watchdog.cause() == ResetCause::Watchdog => Restart::Watchdog,
        _ => Restart::PowerOn,
    }
}

/// Restarts because somebody asked for it.
pub fn restart() -> ! {
    SLOT.store(Record::of(REQUESTED, &Reason::new()));
    restart_now()
}

/// Restarts, with whatever reason is stored.
pub fn restart_now() -> ! {
    Watchdog::new(LastWords::seize().power).restart_now();
    // unbounded: nothing is left to do. The watchdog takes 150 us; QEMU restarts at the store.
    loop {
        wfi();
    }
}

/// Stores where and why, prints it with `details`, and restarts. The place is stored before the
/// words are even formatted, since that may be what fails.
fn last_words(
    kind: u32,
    place: fmt::Arguments<'_>,
    words: fmt::Arguments<'_>,
    details: fmt::Arguments<'_>,
) -> ! {
    static SPOKEN: AtomicBool = AtomicBool::new(false);
    // Load and store, not swap: before the MMU is on there are no exclusives.
    if SPOKEN.load(Ordering::Relaxed) {
        restart_now();
    }
    SPOKEN.store(true, Ordering::Relaxed);

    SLOT.store(Record::of(kind, &Reason::of(place)));
    let reason = Reason::of(format_args!("{place}: {words}"));
    SLOT.store(Record::of(kind, &reason));

    let devices = LastWords::seize();
    let mut uart = Pl011::new(devices.pl011);
    let mut clock = Clock::as_it_is();
    if !uart.is_transmitting() {
        // Before the board came up: the clock that a firmware of today gives the UART.
        console::connect_pins(&mut Gpio::new(devices.gpio), &mut clock);
        let _ = uart.init(&mut clock, console::USUAL_CLOCK_HZ, console::BAUD);
    }
    let mut console = Console::new(uart, clock);
    let _ = write!(console, "\n*** {reason}\n{details}*** restarting\n");
    console.flush();
    restart_now()
}

/// The end of an exception.
pub fn after_exception(
    place: fmt::Arguments<'_>,
    words: fmt::Arguments<'_>,
    details: fmt::Arguments<'_>,
) -> ! {
    last_words(EXCEPTION, place, words, details)
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let (file, line) = info.location().map_or(("somewhere", 0), |at| (at.file(), at.line()));
    let place = format_args!("{file}:{line}");
    last_words(PANIC, place, format_args!("{}", info.message()), format_args!(""))
}
