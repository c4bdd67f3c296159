//! Time: the virtual counter, its timer, and sleep.
//!
//! The counter's frequency is read, never assumed: 19.2 MHz on the board, 62.5 MHz under QEMU.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use cortex_a::asm::{barrier, wfi};
use cortex_a::registers::{
    CNTFRQ_EL0, CNTV_CTL_EL0, CNTV_CVAL_EL0, CNTVCT_EL0, Readable as _, Writeable as _,
};

const NANOS_PER_SECOND: u64 = 1_000_000_000;
/// If the register is zero, which a firmware without the usual stub may leave, the counter still
/// runs from the crystal (QA7, "Core timer"). [`frequency_is_known`] tells.
const CRYSTAL_HZ: u64 = 19_200_000;

/// The counter's value that is time zero.
static START: AtomicU64 = AtomicU64::new(0);
/// Nanoseconds of a tick and ticks of a nanosecond, times 2^32: a product instead of a division.
static NANOS_PER_TICK: AtomicU64 = AtomicU64::new(0);
static TICKS_PER_NANO: AtomicU64 = AtomicU64::new(0);

/// Ticks of the counter in a second.
pub fn frequency_hz() -> u64 {
    match CNTFRQ_EL0.get() & 0xffff_ffff {
        0 => CRYSTAL_HZ,
        hz => hz,
    }
}

/// Whether the frequency was read, not guessed.
pub fn frequency_is_known() -> bool {
    CNTFRQ_EL0.get() & 0xffff_ffff != 0
}

fn ticks() -> u64 {
    // CNTVCT may be read early; the barrier keeps it behind what came before (Arm ARM,
    // "The Generic Timer").
    barrier::isb(barrier::SY);
    CNTVCT_EL0.get()
}

/// `value * ratio / 2^32`. 64 bits of nanoseconds last for 584 years.
fn scale(value: u64, ratio: u64) -> u64 {
    ((u128::from(value) * u128::from(ratio)) >> 32) as u64
}

fn nanos_per_tick() -> u64 {
    (NANOS_PER_SECOND << 32) / frequency_hz()
}

/// Time since [`Clock::start`]; before it, since the counter's start.
pub fn now() -> Duration {
    let ratio = match NANOS_PER_TICK.load(Ordering::Relaxed) {
        // Only last words of the first instructions come here.
        0 => nanos_per_tick(),
        ratio => ratio,
    };
    Duration::from_nanos(scale(ticks().wrapping_sub(START.load(Ordering::Relaxed)), ratio))
}

/// Sleeps until `deadline` on [`now`]'s scale, or, if there is none, until something happens: an
/// interrupt that is enabled in the controllers, pending, and masked in the CPU ends `WFI` (Arm
/// ARM, "Wait for Interrupt"). Returns at once if the deadline has passed.
pub fn idle_until(deadline: Option<Duration>) {
    if let Some(deadline) = deadline {
        if deadline <= now() {
            return;
        }
        let nanos = u64::try_from(deadline.as_nanos()).unwrap_or(u64::MAX);
        // One tick more, for what the product lost: never awake before the deadline.
        let after = scale(nanos, TICKS_PER_NANO.load(Ordering::Relaxed)).saturating_add(1);
        CNTV_CVAL_EL0.set(START.load(Ordering::Relaxed).saturating_add(after));
        CNTV_CTL_EL0.write(CNTV_CTL_EL0::ENABLE::SET);
        barrier::isb(barrier::SY);
    }
    // What was told to a device has reached it before the core stops (Arm ARM, "Data
    // Synchronization Barrier").
    barrier::dsb(barrier::SY);
    wfi();
    // The timer's interrupt is a level: off, or it would end the next sleep as well.
    CNTV_CTL_EL0.set(0);
    barrier::isb(barrier::SY);
}

/// The clock, for drivers.
#[derive(Clone, Copy, Debug)]
pub struct Clock(());

impl Clock {
    /// Time zero is now.
    pub fn start() -> Self {
        let hz = frequency_hz();
        TICKS_PER_NANO.store(
            ((u128::from(hz) << 32) / u128::from(NANOS_PER_SECOND)) as u64,
            Ordering::Relaxed,
        );
        START.store(ticks(), Ordering::Relaxed);
        NANOS_PER_TICK.store(nanos_per_tick(), Ordering::Relaxed);
        Self(())
    }

    /// The clock as it is, for last words.
    pub fn as_it_is() -> Self {
        Self(())
    }
}

impl mmio::Clock for Clock {
    fn now(&mut self) -> Duration {
        now()
    }
}

defmt::timestamp!("{=u64:us}", now().as_micros() as u64);
