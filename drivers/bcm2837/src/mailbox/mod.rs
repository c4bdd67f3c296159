//! Property tags: asking the VideoCore firmware about the board, and for power and clocks.
//!
//! A question is a message in DMA memory whose bus address goes into mailbox 1; the
//! firmware answers in place and returns the address through mailbox 0, both with channel 8 in the
//! low four bits.
//!
//! Firmware generations know different tags: one that is not known is [`Error::Unimplemented`] or,
//! where the firmware answers with nothing, [`Error::Short`]; both are to be expected, never a
//! reason to stop. A firmware that does not answer in time keeps the buffer, and later questions
//! fail with [`Error::Busy`] until its answer has come.

mod message;

use core::fmt;
use core::time::Duration;

use dma::{Buffer, Direction, Loan};
use mmio::{Clock, Register, Registers, RegistersExt, TimedOut, wait};
use tock_registers::register_bitfields;

register_bitfields![u32,
    STATUS [
        EMPTY OFFSET(30) NUMBITS(1) [],
        FULL OFFSET(31) NUMBITS(1) [],
    ],
];

/// 0x00 MAIL0_RD: the next answer.
const ANSWER: Register = Register::at(0x00);
/// 0x18 MAIL0_STA: whether there is an answer.
const ANSWER_STATUS: Register<STATUS::Register> = Register::at(0x18);
/// 0x20 MAIL1_WRT: a question.
const QUESTION: Register = Register::at(0x20);
/// 0x38 MAIL1_STA: whether there is room for a question.
const QUESTION_STATUS: Register<STATUS::Register> = Register::at(0x38);

/// The channel of property tags, in the low four bits of an address.
const CHANNEL: u32 = 8;
/// Entries of a mailbox; no more stale answers than these can lie in it.
const ENTRIES: usize = 8;
/// The longest wait for room in the mailbox.
const ROOM_MAX: Duration = Duration::from_millis(100);
/// The longest wait for an answer; powering a device up takes the firmware tens of milliseconds.
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// Bytes of the buffer that [`Mailbox::new`] should be given: room for the longest command line.
pub const BUFFER_BYTES: usize = 2048;

/// A property tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Tag {
    /// Get firmware revision.
    FirmwareRevision = 0x0000_0001,
    /// Get board revision.
    BoardRevision = 0x0001_0002,
    /// Get board MAC address.
    MacAddress = 0x0001_0003,
    /// Get board serial.
    Serial = 0x0001_0004,
    /// Get ARM memory.
    ArmMemory = 0x0001_0005,
    /// Set power state.
    SetPower = 0x0002_8001,
    /// Get clock rate: as it was set.
    ClockRate = 0x0003_0002,
    /// Get max clock rate.
    ClockRateMax = 0x0003_0004,
    /// Get temperature.
    Temperature = 0x0003_0006,
    /// Get clock rate, measured.
    ClockRateMeasured = 0x0003_0047,
    /// Set clock rate.
    SetClockRate = 0x0003_8002,
    /// Get command line.
    CommandLine = 0x0005_0001,
}

/// A clock of the firmware's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ClockId {
    /// The PL011's reference.
    Uart = 2,
    /// The cores.
    Arm = 3,
    /// VPU core, from which the mini UART runs.
    Core = 4,
}

/// A device whose power the firmware switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum PowerDevice {
    /// The USB host controller and its PHY.
    UsbHcd = 3,
}

/// Memory given to the ARM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Its first byte.
    pub base: u32,
    /// Its length in bytes.
    pub bytes: u32,
}

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The firmware did not answer in time, or left no room.
    TimedOut(TimedOut),
    /// The firmware still holds the buffer of an earlier question.
    Busy,
    /// The firmware does not know the tag; its response code.
    Unimplemented {
        /// What was asked.
        tag: Tag,
        /// The message's response code.
        code: u32,
    },
    /// The firmware knows the tag but failed; its response code.
    Refused {
        /// What was asked.
        tag: Tag,
        /// The message's response code.
        code: u32,
    },
    /// The answer is to another question.
    WrongTag {
        /// What was asked.
        tag: Tag,
        /// What was answered.
        found: u32,
    },
    /// The answer has too few bytes.
    Short {
        /// What was asked.
        tag: Tag,
        /// Bytes needed.
        wanted: usize,
        /// Bytes there.
        found: usize,
    },
    /// The answer is about another device or clock.
    WrongSubject {
        /// What was asked.
        tag: Tag,
        /// About what.
        asked: u32,
        /// About what the answer is.
        found: u32,
    },
    /// The firmware has no such device to power.
    NoSuchDevice(PowerDevice),
    /// The buffer is too small for the question.
    NoRoom {
        /// What was asked.
        tag: Tag,
        /// Bytes that the buffer has.
        bytes: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(timed_out) => timed_out.fmt(f),
            Self::Busy => f.write_str("the firmware has not answered the last question"),
            Self::Unimplemented { tag, code } => {
                write!(f, "{tag:?} is unknown to this firmware (code {code:#010x})")
            }
            Self::Refused { tag, code } => write!(f, "{tag:?} failed (code {code:#010x})"),
            Self::WrongTag { tag, found } => write!(f, "{tag:?} was answered as {found:#010x}"),
            Self::Short { tag, wanted, found } => {
                write!(f, "{tag:?}: {found} of {wanted} bytes")
            }
            Self::WrongSubject { tag, asked, found } => {
                write!(f, "{tag:?}: asked about {asked}, answered about {found}")
            }
            Self::NoSuchDevice(device) => write!(f, "the firmware has no device {device:?}"),
            Self::NoRoom { tag, bytes } => write!(f, "{tag:?} does not fit into {bytes} bytes"),
        }
    }
}

impl core::error::Error for Error {}

#[derive(Debug)]
enum State {
    Idle(Buffer),
    Asking(Loan),
    /// Only within a call.
    Moving,
}

/// The property mailbox and its buffer.
#[derive(Debug)]
pub struct Mailbox<R> {
    registers: R,
    state: State,
}

impl<R: Registers> Mailbox<R> {
    /// The mailbox behind `registers` (0x00 is MAIL0_RD), asking through `buffer`, which should
    /// have [`BUFFER_BYTES`].
    pub const fn new(registers: R, buffer: Buffer) -> Self {
        Self { registers, state: State::Idle(buffer) }
    }

    /// Revision of the VideoCore firmware: seconds since 1970 of its build.
    ///
    /// # Errors
    /// [`Error`].
    pub fn firmware_revision(&mut self, clock: &mut dyn Clock) -> Result<u32, Error> {
        self.ask_words(clock, Tag::FirmwareRevision, &[]).map(|[revision]| revision)
    }

    /// The board revision code; [`crate::revision::Revision`] puts it into words.
    ///
    /// # Errors
    /// [`Error`].
    pub fn board_revision(&mut self, clock: &mut dyn Clock) -> Result<u32, Error> {
        self.ask_words(clock, Tag::BoardRevision, &[]).map(|[revision]| revision)
    }

    /// The MAC address of the board's Ethernet, in the order of transmission.
    ///
    /// # Errors
    /// [`Error`].
    pub fn mac_address(&mut self, clock: &mut dyn Clock) -> Result<[u8; 6], Error> {
        let tag = Tag::MacAddress;
        let value = self.ask(clock, tag, &[], 6)?;
        let short = Error::Short { tag, wanted: 6, found: value.len() };
        value.first_chunk().copied().ok_or(short)
    }

    /// The board's serial number. Zero is none: QEMU answers so.
    ///
    /// # Errors
    /// [`Error`].
    pub fn serial(&mut self, clock: &mut dyn Clock) -> Result<Option<u64>, Error> {
        let [low, high] = self.ask_words(clock, Tag::Serial, &[])?;
        let serial = u64::from(high) << 32 | u64::from(low);
        Ok((serial != 0).then_some(serial))
    }

    /// The memory that the firmware leaves to the ARM.
    ///
    /// # Errors
    /// [`Error`].
    pub fn arm_memory(&mut self, clock: &mut dyn Clock) -> Result<Memory, Error> {
        self.ask_words(clock, Tag::ArmMemory, &[]).map(|[base, bytes]| Memory { base, bytes })
    }

    /// Rate of a clock in Hz, as it was last set.
    ///
    /// # Errors
    /// [`Error`].
    pub fn clock_hz(&mut self, clock: &mut dyn Clock, id: ClockId) -> Result<u32, Error> {
        self.ask_about(clock, Tag::ClockRate, id as u32, &[id as u32])
    }

    /// Rate of a clock in Hz, measured.
    ///
    /// # Errors
    /// [`Error`].
    pub fn clock_measured_hz(&mut self, clock: &mut dyn Clock, id: ClockId) -> Result<u32, Error> {
        self.ask_about(clock, Tag::ClockRateMeasured, id as u32, &[id as u32])
    }

    /// The highest rate of a clock in Hz.
    ///
    /// # Errors
    /// [`Error`].
    pub fn clock_max_hz(&mut self, clock: &mut dyn Clock, id: ClockId) -> Result<u32, Error> {
        self.ask_about(clock, Tag::ClockRateMax, id as u32, &[id as u32])
    }

    /// Sets a clock to `hz`; returns the rate it got. Turbo settings stay as they are.
    ///
    /// # Errors
    /// [`Error`].
    pub fn set_clock_hz(
        &mut self,
        clock: &mut dyn Clock,
        id: ClockId,
        hz: u32,
    ) -> Result<u32, Error> {
        const SKIP_SETTING_TURBO: u32 = 1;
        let request = [id as u32, hz, SKIP_SETTING_TURBO];
        self.ask_about(clock, Tag::SetClockRate, id as u32, &request)
    }

    /// Temperature of the chip in thousandths of a degree Celsius.
    ///
    /// # Errors
    /// [`Error`].
    pub fn temperature_millicelsius(&mut self, clock: &mut dyn Clock) -> Result<u32, Error> {
        const SENSOR: u32 = 0;
        self.ask_about(clock, Tag::Temperature, SENSOR, &[SENSOR])
    }

    /// Switches a device's power and waits until it is stable; returns whether it is on now.
    ///
    /// # Errors
    /// [`Error::NoSuchDevice`], or another [`Error`].
    pub fn set_power(
        &mut self,
        clock: &mut dyn Clock,
        device: PowerDevice,
        on: bool,
    ) -> Result<bool, Error> {
        const ON: u32 = 1 << 0;
        const WAIT: u32 = 1 << 1;
        /// In the answer, the bit means something else.
        const NO_SUCH_DEVICE: u32 = 1 << 1;
        let request = [device as u32, WAIT | if on { ON } else { 0 }];
        let state = self.ask_about(clock, Tag::SetPower, device as u32, &request)?;
        if state & NO_SUCH_DEVICE != 0 {
            return Err(Error::NoSuchDevice(device));
        }
        Ok(state & ON != 0)
    }

    /// The kernel's command line: its bytes up to the first zero, as much as the buffer holds.
    ///
    /// # Errors
    /// [`Error`].
    pub fn command_line(&mut self, clock: &mut dyn Clock) -> Result<&[u8], Error> {
        let line = self.ask(clock, Tag::CommandLine, &[], usize::MAX)?;
        let end = line.iter().position(|&byte| byte == 0).unwrap_or(line.len());
        Ok(&line[..end])
    }

    /// Asks a question whose answer is `[subject, value]`.
    fn ask_about(
        &mut self,
        clock: &mut dyn Clock,
        tag: Tag,
        subject: u32,
        request: &[u32],
    ) -> Result<u32, Error> {
        let [found, value] = self.ask_words(clock, tag, request)?;
        if found != subject {
            return Err(Error::WrongSubject { tag, asked: subject, found });
        }
        Ok(value)
    }

    /// Asks a question whose answer is `N` words.
    fn ask_words<const N: usize>(
        &mut self,
        clock: &mut dyn Clock,
        tag: Tag,
        request: &[u32],
    ) -> Result<[u32; N], Error> {
        let value = self.ask(clock, tag, request, 4 * N)?;
        let mut words = [0; N];
        for (index, slot) in words.iter_mut().enumerate() {
            let short = Error::Short { tag, wanted: 4 * N, found: value.len() };
            *slot = message::word(value, 4 * index).ok_or(short)?;
        }
        Ok(words)
    }

    /// Asks `tag`; the answer has at most `value_bytes`.
    fn ask(
        &mut self,
        clock: &mut dyn Clock,
        tag: Tag,
        request: &[u32],
        value_bytes: usize,
    ) -> Result<&[u8], Error> {
        let mut buffer = self.take_buffer()?;
        let room = message::value_bytes_max(buffer.capacity());
        let request_bytes = size_of_val(request);
        let value_bytes = value_bytes.min(room);
        if request_bytes > room || value_bytes == 0 {
            let bytes = buffer.capacity();
            self.state = State::Idle(buffer);
            return Err(Error::NoRoom { tag, bytes });
        }
        let area_bytes = value_bytes.max(request_bytes);
        let bytes = message::write(&mut buffer, tag, request, area_bytes);
        // FromDevice: lending writes the question back to memory, reclaiming drops its stale lines.
        let loan = buffer.lend(Direction::FromDevice, bytes);
        let result = self.exchange(clock, loan);
        result.map_err(Error::TimedOut)?;
        let State::Idle(buffer) = &self.state else { return Err(Error::Busy) };
        message::read(&buffer[..bytes], tag, value_bytes)
    }

    /// Sends the question and waits for its answer.
    fn exchange(&mut self, clock: &mut dyn Clock, loan: Loan) -> Result<(), TimedOut> {
        let registers = &mut self.registers;
        let room = wait(clock, "room in the mailbox", ROOM_MAX, || {
            !registers.read(QUESTION_STATUS).is_set(STATUS::FULL)
        });
        if let Err(timed_out) = room {
            // Never sent, so still ours.
            self.state = State::Idle(loan.reclaim());
            return Err(timed_out);
        }
        let question = loan.bus() | CHANNEL;
        registers.write_raw(QUESTION.offset(), question);
        let answered = wait(clock, "an answer of the firmware", ANSWER_MAX, || {
            // Something else in the mailbox is an answer that nobody waits for any more.
            !registers.read(ANSWER_STATUS).is_set(STATUS::EMPTY)
                && registers.read(ANSWER).get() == question
        });
        self.state = match answered {
            Ok(()) => State::Idle(loan.reclaim()),
            Err(_) => State::Asking(loan),
        };
        answered
    }

    /// The buffer, if it is ours, or if the answer that never came has come by now.
    fn take_buffer(&mut self) -> Result<Buffer, Error> {
        match core::mem::replace(&mut self.state, State::Moving) {
            State::Idle(buffer) => Ok(buffer),
            State::Asking(loan) => {
                for _ in 0..ENTRIES {
                    if self.registers.read(ANSWER_STATUS).is_set(STATUS::EMPTY) {
                        break;
                    }
                    if self.registers.read(ANSWER).get() == loan.bus() | CHANNEL {
                        return Ok(loan.reclaim());
                    }
                }
                self.state = State::Asking(loan);
                Err(Error::Busy)
            }
            State::Moving => Err(Error::Busy),
        }
    }
}
