//! The defmt log: a ring in memory that readers follow at their own pace.
//!
//! Log statements write encoded frames, each ended by a zero byte (rzCOBS), into the ring and never
//! wait; the oldest bytes are overwritten. A reader keeps a [`Cursor`]; one that fell behind is
//! told how many bytes it missed, and goes on at the start of a frame. `defmt-print` or `cargo
//! xtask log` decode it.

use core::cell::RefCell;

use bcm2837::mini_uart::MiniUart;
use critical_section::{CriticalSection, Mutex, RestoreState};
use mmio::Registers;

/// Bytes of the ring; a power of two.
pub const RING_BYTES: usize = 64 << 10;
const _: () = assert!(RING_BYTES.is_power_of_two());
/// The most that one [`Drain::poll`] sends, so that a full ring does not hold up the main loop.
const DRAIN_BYTES_MAX: usize = 256;
/// Bytes taken out of the ring at a time on the way to the UART.
const CHUNK_BYTES: usize = 32;
/// Ends a frame.
const FRAME_END: u8 = 0;

struct Ring {
    bytes: [u8; RING_BYTES],
    /// Bytes ever written; the next goes to this position modulo the ring's length.
    written: u64,
}

impl Ring {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.bytes[self.written as usize % RING_BYTES] = byte;
            self.written += 1;
        }
    }

    /// The oldest position that is still there.
    fn oldest(&self) -> u64 {
        self.written.saturating_sub(RING_BYTES as u64)
    }

    fn at(&self, position: u64) -> u8 {
        self.bytes[position as usize % RING_BYTES]
    }
}

struct State {
    ring: Ring,
    encoder: defmt::Encoder,
    /// Within a frame, the state that its end restores.
    restore: Option<RestoreState>,
}

static STATE: Mutex<RefCell<State>> = Mutex::new(RefCell::new(State {
    ring: Ring { bytes: [0; RING_BYTES], written: 0 },
    encoder: defmt::Encoder::new(),
    restore: None,
}));

/// A reader's place in the log.
#[derive(Debug, Default)]
pub struct Cursor {
    position: u64,
}

impl Cursor {
    /// At the oldest byte that is still there.
    pub const fn new() -> Self {
        Self { position: 0 }
    }

    /// At a position that an earlier cursor had.
    pub const fn at(position: u64) -> Self {
        Self { position }
    }

    /// Where it stands: bytes since the start of the log.
    pub const fn position(&self) -> u64 {
        self.position
    }
}

/// Copies what comes next into `out` and moves the cursor; returns the bytes copied, zero at the
/// end.
pub fn read(cursor: &mut Cursor, out: &mut [u8]) -> usize {
    critical_section::with(|section| {
        let state = STATE.borrow_ref(section);
        let ring = &state.ring;
        let oldest = ring.oldest();
        if cursor.position < oldest {
            let frame = (oldest..ring.written).find(|&at| ring.at(at) == FRAME_END);
            let resume = frame.map_or(ring.written, |end| end + 1);
            cursor.position = resume;
        }
        let bytes = (ring.written - cursor.position).min(out.len() as u64) as usize;
        for (slot, at) in out[..bytes].iter_mut().zip(cursor.position..) {
            *slot = ring.at(at);
        }
        cursor.position += bytes as u64;
        bytes
    })
}

/// Sends the log to the mini UART, as fast as that takes it.
#[derive(Debug, Default)]
pub struct Drain {
    cursor: Cursor,
    chunk: heapless::Deque<u8, CHUNK_BYTES>,
}

impl Drain {
    /// Starts with the oldest byte of the log.
    pub const fn new() -> Self {
        Self { cursor: Cursor::new(), chunk: heapless::Deque::new() }
    }

    /// Moves up to 256 bytes, without waiting. True if there is more to send.
    pub fn poll<R: Registers>(&mut self, uart: &mut MiniUart<R>) -> bool {
        for _ in 0..DRAIN_BYTES_MAX {
            if self.chunk.is_empty() {
                let mut bytes = [0; CHUNK_BYTES];
                let len = read(&mut self.cursor, &mut bytes);
                self.chunk.extend(bytes[..len].iter().copied());
            }
            let Some(&byte) = self.chunk.front() else { return false };
            if uart.try_write(byte).is_err() {
                return true;
            }
            self.chunk.pop_front();
        }
        true
    }
}

#[defmt::global_logger]
struct Logger;

/// The token of a section that the caller holds: between `acquire` and `release` of a frame.
fn section<'a>() -> CriticalSection<'a> {
    // SAFETY: called only by `Logger`'s methods, which defmt calls between `acquire`, which enters
    // the critical section first, and `release`, which leaves it last.
    unsafe { CriticalSection::new() }
}

// SAFETY: a frame is written within one critical section, so frames do not interleave.
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        // SAFETY: `release` leaves the section with this state; defmt pairs the two.
        let restore = unsafe { critical_section::acquire() };
        let mut state = STATE.borrow_ref_mut(section());
        assert!(state.restore.is_none(), "a log statement within a log statement");
        state.restore = Some(restore);
        let State { ring, encoder, .. } = &mut *state;
        encoder.start_frame(|bytes| ring.write(bytes));
    }

    unsafe fn flush() {
        // Nothing to wait for: the ring is the log's place.
    }

    unsafe fn write(bytes: &[u8]) {
        let mut state = STATE.borrow_ref_mut(section());
        let State { ring, encoder, .. } = &mut *state;
        encoder.write(bytes, |bytes| ring.write(bytes));
    }

    unsafe fn release() {
        let mut state = STATE.borrow_ref_mut(section());
        let State { ring, encoder, .. } = &mut *state;
        encoder.end_frame(|bytes| ring.write(bytes));
        let restore = state.restore.take();
        drop(state);
        if let Some(restore) = restore {
            // SAFETY: the state that `acquire` got, given back once.
            unsafe { critical_section::release(restore) };
        }
    }
}
