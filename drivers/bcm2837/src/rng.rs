//! Hardware random numbers.
//!
//! The FIFO is read a word at a time, and never "until it is empty": under QEMU it never is.

use core::fmt;
use core::time::Duration;

use mmio::{Clock, Register, Registers, RegistersExt, TimedOut, wait};
use tock_registers::register_bitfields;

register_bitfields![u32,
    CTRL [
        ENABLE OFFSET(0) NUMBITS(1) [],
    ],
    STATUS [
        WARM_UP OFFSET(0) NUMBITS(20) [],
        WORDS OFFSET(24) NUMBITS(8) [],
    ],
    INT_MASK [
        OFF OFFSET(0) NUMBITS(1) [],
    ],
];

/// 0x00 RNG_CTRL: on or off.
const CONTROL: Register<CTRL::Register> = Register::at(0x00);
/// 0x04 RNG_STATUS: words in the FIFO; written, the bits to throw away first.
const STATUS_REGISTER: Register<STATUS::Register> = Register::at(0x04);
/// 0x08 RNG_DATA: the next word.
const DATA: Register = Register::at(0x08);
/// 0x10 RNG_INT_MASK: interrupt off.
const INTERRUPT_MASK: Register<INT_MASK::Register> = Register::at(0x10);

/// The first bits out of the generator are less random and are thrown away (Linux bcm2835-rng).
const WARM_UP_COUNT: u32 = 0x4_0000;
/// The longest wait for a word. The warm-up makes the first one take a good part of a second.
const WORD_MAX: Duration = Duration::from_secs(2);
/// So many equal words in a row are a broken generator, not chance: 2^-64 a draw (NIST SP 800-90B,
/// 4.4.1, repetition count test).
const REPEATS_MAX: u8 = 2;

/// Why there are no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// No word came.
    TimedOut(TimedOut),
    /// The generator repeats this word.
    Stuck(u32),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(timed_out) => timed_out.fmt(f),
            Self::Stuck(word) => write!(f, "random number generator repeats {word:#010x}"),
        }
    }
}

impl core::error::Error for Error {}

/// The random number generator, running.
#[derive(Debug)]
pub struct Rng<R> {
    registers: R,
    last: Option<u32>,
    repeats: u8,
}

impl<R: Registers> Rng<R> {
    /// Turns the generator on. It warms up by itself; start it early and read it late.
    pub fn start(mut registers: R) -> Self {
        registers.write(INTERRUPT_MASK, INT_MASK::OFF::SET);
        // The warm-up count is only taken while the generator is off. One that somebody (a boot
        // loader) has already warmed up is left running.
        if !registers.read(CONTROL).is_set(CTRL::ENABLE) {
            registers.write(STATUS_REGISTER, STATUS::WARM_UP.val(WARM_UP_COUNT));
            registers.write(CONTROL, CTRL::ENABLE::SET);
        }
        Self { registers, last: None, repeats: 0 }
    }

    /// The next word, if there is one now.
    ///
    /// # Errors
    /// [`Error::Stuck`] at the third equal word in a row.
    pub fn next_word(&mut self) -> Result<Option<u32>, Error> {
        if self.registers.read(STATUS_REGISTER).read(STATUS::WORDS) == 0 {
            return Ok(None);
        }
        let word = self.registers.read(DATA).get();
        self.repeats = if self.last == Some(word) { self.repeats.saturating_add(1) } else { 0 };
        self.last = Some(word);
        if self.repeats >= REPEATS_MAX { Err(Error::Stuck(word)) } else { Ok(Some(word)) }
    }

    /// Fills `out`, waiting up to 2 s for each word of four bytes.
    ///
    /// # Errors
    /// [`Error`]; the bytes filled so far are not to be used.
    pub fn fill(&mut self, clock: &mut (impl Clock + ?Sized), out: &mut [u8]) -> Result<(), Error> {
        for chunk in out.chunks_mut(4) {
            let mut next = Ok(None);
            wait(clock, "a random word", WORD_MAX, || {
                next = self.next_word();
                !matches!(next, Ok(None))
            })
            .map_err(Error::TimedOut)?;
            let word = next?.unwrap_or_default();
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A generator that counts up by `step` and always has words; a clock that ticks by itself.
    struct Fake {
        word: u32,
        step: u32,
        available: bool,
        on: bool,
    }

    impl Registers for Fake {
        fn read_raw(&mut self, offset: usize) -> u32 {
            match offset {
                0x00 => self.on.into(),
                0x04 => u32::from(self.on && self.available) << 24,
                0x08 => {
                    self.word = self.word.wrapping_add(self.step);
                    self.word
                }
                _ => 0,
            }
        }
        fn write_raw(&mut self, offset: usize, value: u32) {
            if offset == 0 {
                self.on = value & 1 == 1;
            }
        }
    }

    struct Ticks(Duration);

    impl Clock for Ticks {
        fn now(&mut self) -> Duration {
            self.0 += Duration::from_millis(100);
            self.0
        }
    }

    fn fill(step: u32, available: bool) -> ([u8; 10], Result<(), Error>) {
        let mut rng = Rng::start(Fake { word: 0, step, available, on: false });
        let mut out = [0; 10];
        let result = rng.fill(&mut Ticks(Duration::ZERO), &mut out);
        (out, result)
    }

    #[test]
    fn fills_whole_and_broken_words() {
        assert_eq!(fill(1, true), ([1, 0, 0, 0, 2, 0, 0, 0, 3, 0], Ok(())));
    }

    #[test]
    fn a_stuck_generator_is_named() {
        assert_eq!(fill(0, true).1, Err(Error::Stuck(0)));
    }

    #[test]
    fn a_silent_generator_ends_the_wait() {
        assert!(matches!(fill(1, false).1, Err(Error::TimedOut(_))));
    }
}
