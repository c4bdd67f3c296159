//! The watchdog of the power management block: restart now, restart later, and why it last
//! happened.
//!
//! QEMU (7.2, `bcm2835_powermgt.c`) restarts as soon as the timer is armed, whatever its time; so a
//! program that is to run there as well cannot keep it armed to guard itself.

use core::time::Duration;

use mmio::{Register, Registers, RegistersExt};
use tock_registers::register_bitfields;

register_bitfields![u32,
    RSTC [
        PASSWORD OFFSET(24) NUMBITS(8) [
            Password = 0x5a,
        ],
        WRITE_CONFIG OFFSET(4) NUMBITS(2) [
            Off = 0,
            FullReset = 2,
        ],
    ],
    RSTS [
        PASSWORD OFFSET(24) NUMBITS(8) [
            Password = 0x5a,
        ],
        HAD_POWER_ON OFFSET(12) NUMBITS(1) [],
        HAD_WATCHDOG_FULL OFFSET(5) NUMBITS(1) [],
    ],
    WDOG [
        PASSWORD OFFSET(24) NUMBITS(8) [
            Password = 0x5a,
        ],
        TIME OFFSET(0) NUMBITS(20) [],
    ],
];

/// 0x1C PM_RSTC: what the watchdog does. Writes need the password in bits 31..24.
const RESET_CONTROL: Register<RSTC::Register> = Register::at(0x1c);
/// 0x20 PM_RSTS: what happened, and in bits 0, 2, 4, .. 10 the partition to boot from.
const RESET_STATUS: Register<RSTS::Register> = Register::at(0x20);
/// 0x24 PM_WDOG: ticks left.
const TIMER: Register<WDOG::Register> = Register::at(0x24);

/// The bits of PM_RSTS that hold the boot partition (Linux bcm2835_wdt); all set means "halt".
const PARTITION_BITS: u32 = 0x555;
/// The watchdog's ticks in a second (Linux bcm2835_wdt: `SECS_TO_WDOG_TICKS` shifts by 16).
const TICKS_PER_SECOND: u32 = 1 << 16;
const TICKS_MAX: u32 = 0xf_ffff;
/// Ticks of an immediate restart: 150 us, time for the last store to get out (Linux uses the same).
const TICKS_NOW: u32 = 10;

/// The longest time that the watchdog can be set to: just under 16 s.
pub const RESTART_AFTER_MAX: Duration =
    Duration::from_millis(TICKS_MAX as u64 * 1000 / TICKS_PER_SECOND as u64);

/// What the hardware remembers of the last reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetCause {
    /// Power came on, or a cause that the chip does not tell apart from it.
    PowerOn,
    /// The watchdog ran out, on purpose or not.
    Watchdog,
}

/// The watchdog.
#[derive(Debug)]
pub struct Watchdog<R> {
    registers: R,
}

impl<R: Registers> Watchdog<R> {
    /// The watchdog behind `registers`, as it is.
    pub const fn new(registers: R) -> Self {
        Self { registers }
    }

    /// Why the chip was last reset.
    pub fn cause(&mut self) -> ResetCause {
        if self.registers.read(RESET_STATUS).is_set(RSTS::HAD_WATCHDOG_FULL) {
            ResetCause::Watchdog
        } else {
            ResetCause::PowerOn
        }
    }

    /// Restarts the chip within a millisecond. The caller stops by itself.
    pub fn restart_now(&mut self) {
        self.arm(TICKS_NOW);
    }

    /// Restarts the chip after `time`, or after [`RESTART_AFTER_MAX`] if that is shorter, unless
    /// [`Watchdog::disarm`] comes first. Arming again starts the time anew.
    pub fn restart_after(&mut self, time: Duration) {
        let ticks = time.as_micros().saturating_mul(TICKS_PER_SECOND.into()) / 1_000_000;
        self.arm(ticks.clamp(TICKS_NOW.into(), TICKS_MAX.into()) as u32);
    }

    /// Stops the watchdog.
    pub fn disarm(&mut self) {
        self.configure(RSTC::WRITE_CONFIG::Off);
    }

    fn arm(&mut self, ticks: u32) {
        // Boot from the first partition, whatever an earlier program asked for.
        let status = self.registers.read(RESET_STATUS).get() & !PARTITION_BITS;
        let password = RSTS::PASSWORD::Password;
        self.registers.write_raw(RESET_STATUS.offset(), password.modify(status));
        self.registers.write(TIMER, WDOG::PASSWORD::Password + WDOG::TIME.val(ticks));
        self.configure(RSTC::WRITE_CONFIG::FullReset);
    }

    fn configure(&mut self, config: tock_registers::fields::FieldValue<u32, RSTC::Register>) {
        self.registers.modify(RESET_CONTROL, RSTC::PASSWORD::Password + config);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PM registers that take a write only with the password, as the chip does.
    #[derive(Default)]
    struct Fake([u32; 3]);

    impl Registers for &mut Fake {
        fn read_raw(&mut self, offset: usize) -> u32 {
            self.0[(offset - 0x1c) / 4]
        }
        fn write_raw(&mut self, offset: usize, value: u32) {
            if value >> 24 == 0x5a {
                self.0[(offset - 0x1c) / 4] = value & 0xff_ffff;
            }
        }
    }

    #[test]
    fn restart_selects_the_first_partition_and_a_full_reset() {
        let mut fake = Fake([0x102, 0x1fff, 0]);
        Watchdog::new(&mut fake).restart_now();
        assert_eq!(fake.0, [0x122, 0x1aaa, 10]);
    }

    #[test]
    fn times_are_clamped() {
        let mut fake = Fake::default();
        for (time, ticks) in [
            (Duration::ZERO, 10),
            (Duration::from_secs(1), 65_536),
            (Duration::from_secs(3600), TICKS_MAX),
            (Duration::MAX, TICKS_MAX),
        ] {
            Watchdog::new(&mut fake).restart_after(time);
            assert_eq!(fake.0[2], ticks, "{time:?}");
        }
        Watchdog::new(&mut fake).disarm();
        assert_eq!(fake.0[0] & 0x30, 0);
    }

    #[test]
    fn causes() {
        let mut fake = Fake([0, 0x1000, 0]);
        assert_eq!(Watchdog::new(&mut fake).cause(), ResetCause::PowerOn);
        fake.0[1] = 0x1020;
        assert_eq!(Watchdog::new(&mut fake).cause(), ResetCause::Watchdog);
    }
}
