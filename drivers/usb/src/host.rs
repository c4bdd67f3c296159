//! What a host controller does for the drivers of devices.
//!
//! The trait is small and synchronous. Control transfers block, bounded, and serve bring-up and
//! link checks. Bulk and interrupt transfers do not block: a buffer moves in, and comes back with
//! its result.

use core::fmt;
use core::time::Duration;

use dma::Buffer;
use heapless::Vec;
use mmio::{Clock, TimedOut};

use crate::limits::FRAME_WORDS_MAX;
use crate::setup::Setup;

/// Signalling rate of a device (USB 2.0, 7.1.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// 1.5 Mbit/s.
    Low,
    /// 12 Mbit/s.
    Full,
    /// 480 Mbit/s.
    High,
}

impl Speed {
    /// The largest bulk packet of this speed (USB 2.0, 5.8.3); low speed has no bulk endpoints.
    pub const fn max_bulk_packet(self) -> Option<u16> {
        match self {
            Self::Low => None,
            Self::Full => Some(64),
            Self::High => Some(512),
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "1.5 Mbit/s",
            Self::Full => "12 Mbit/s",
            Self::High => "480 Mbit/s",
        })
    }
}

/// A device on the bus, as its default control pipe is addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// 0 before SET_ADDRESS, then 1..=127.
    pub address: u8,
    /// Its speed.
    pub speed: Speed,
    /// `bMaxPacketSize0` in bytes: 8, 16, 32 or 64.
    pub max_packet_0: u8,
}

/// How an Ethernet frame travels over the bus, in a transfer that may carry several: for those who
/// tell its story. Nothing depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The transfer: the first one of its direction is 1.
    pub transfer: u64,
    /// Bytes of the transfer; of one that is still being filled, as far as it is.
    pub bytes: usize,
    /// Where in it the device's words about the frame begin, in bytes.
    pub at: usize,
    /// The device's words about the frame: a LAN9514's status word, or its command words.
    pub words: Vec<u32, FRAME_WORDS_MAX>,
}

/// Transfer types with pipes of their own (USB 2.0, 5.4). Isochronous transfers are not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Large, error-checked, no guaranteed rate.
    Bulk,
    /// Small, polled at an interval.
    Interrupt,
}

/// Which way an endpoint moves data, seen from the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Device to host.
    In,
    /// Host to device.
    Out,
}

/// An endpoint of a device, checked: the number is 1..=15, the packet size fits the speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Endpoint number, 1..=15.
    pub number: u8,
    /// Direction.
    pub way: Way,
    /// Transfer type.
    pub kind: Kind,
    /// `wMaxPacketSize` in bytes.
    pub max_packet: u16,
    /// `bInterval`, in the unit of the device's speed; of interrupt endpoints only.
    pub interval: u8,
}

/// How an OUT transfer is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pieces {
    /// The whole transfer is given to the controller at once.
    Whole,
    /// One packet at a time: for short transfers of small packets, which a controller may space
    /// out.
    Packet,
}

/// A pipe that [`Host::open`] opened. It keeps its channel until it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pipe(pub u8);

/// The data stage of a control transfer.
#[derive(Debug)]
pub enum Data<'a> {
    /// No data stage.
    None,
    /// The device sends up to this many bytes.
    In(&'a mut [u8]),
    /// The host sends these bytes.
    Out(&'a [u8]),
}

/// Why a transfer did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferError {
    /// The endpoint answered STALL: the request is not supported, or the endpoint is halted.
    Stall,
    /// Three transactions in a row failed: CRC, bit stuffing, no answer, or a wrong data toggle.
    Transaction,
    /// The device sent more than it was asked for.
    Babble,
    /// The controller halted the channel without saying why; its channel interrupt bits.
    Halted(u32),
    /// The bus reported an error while the controller accessed memory.
    Memory,
    /// Nothing happened for this long.
    TimedOut(Duration),
    /// Not begun, or not gone on with: the clock's [deadline](Clock::deadline) had passed.
    OutOfTime,
    /// The device is gone, or the root port is off.
    Disconnected,
    /// Every channel is taken.
    NoChannel,
    /// The pipe is not open, or goes the other way.
    WrongPipe,
    /// The pipe still has a transfer under way.
    Busy,
    /// More than the controller or its buffers can move in one transfer, in bytes.
    TooLong(usize),
    /// A low- or full-speed device behind a high-speed hub: split transactions are not supported.
    NeedsSplit,
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stall => f.write_str("stalled"),
            Self::Transaction => f.write_str("transaction error"),
            Self::Babble => f.write_str("babble"),
            Self::Halted(bits) => write!(f, "channel halted, HCINT {bits:#x}"),
            Self::Memory => f.write_str("memory access failed"),
            Self::TimedOut(after) => write!(f, "no answer within {} ms", after.as_millis()),
            Self::OutOfTime => f.write_str("no time left"),
            Self::Disconnected => f.write_str("disconnected"),
            Self::NoChannel => f.write_str("no free channel"),
            Self::WrongPipe => f.write_str("wrong pipe"),
            Self::Busy => f.write_str("pipe busy"),
            Self::TooLong(bytes) => write!(f, "{bytes} bytes are too long for one transfer"),
            Self::NeedsSplit => f.write_str("needs split transactions, which are not supported"),
        }
    }
}

impl core::error::Error for TransferError {}

/// Why a host controller could not be brought up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartError {
    /// The identification register is not that of such a controller: not powered, or not there.
    NotThere {
        /// What it read.
        found: u32,
    },
    /// The controller did not finish a reset.
    TimedOut(TimedOut),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotThere { found } => {
                write!(f, "no host controller: identification {found:#010x}; is its power on?")
            }
            Self::TimedOut(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for StartError {}

impl From<TimedOut> for StartError {
    fn from(error: TimedOut) -> Self {
        Self::TimedOut(error)
    }
}

/// What came back from a pipe: the buffer, and the bytes moved or why they were not.
pub type Completion = (Buffer, Result<usize, TransferError>);

/// The root port, seen from above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootPort {
    /// No device.
    Empty,
    /// A device is there; the port debounces or resets it. Look again at this time.
    Settling(Duration),
    /// A device was reset, listens at address 0, and runs at this speed.
    Ready(Speed),
    /// The port failed to come up with the device; it tries again at this time.
    Failed(Duration),
}

/// A USB host controller.
pub trait Host {
    /// Drives the root port: debounce and reset after a connection, loss after a disconnection.
    /// Never blocks; to be called on every turn of the loop. After [`RootPort::Ready`] every pipe
    /// of an earlier device is closed, and its buffers come back by [`Host::take`] as
    /// [`TransferError::Disconnected`] first.
    fn root_port(&mut self, now: Duration) -> RootPort;

    /// A count that rises with every [`RootPort::Ready`]: a driver that sees another count than at
    /// its start speaks to another device.
    fn generation(&self) -> u32;

    /// Gives up on the device: the port is reset again, as after a connection.
    fn restart_port(&mut self, now: Duration);

    /// Stops the controller: every transfer ends as [`TransferError::Disconnected`], and nothing is
    /// written to memory any more. For a restart of the machine, or before the controller's power
    /// goes. Blocks within the controller's named limits. After it the port has failed, until
    /// [`Host::start`].
    ///
    /// # Errors
    /// [`TimedOut`]: the controller may still write to the buffers that it has, and keeps them.
    fn stop(&mut self, clock: &mut dyn Clock) -> Result<(), TimedOut>;

    /// Brings the controller up from nothing, whatever it was before: stopped, without power, or
    /// out of its mind. Buffers that [`Host::stop`] could not get back come back. Blocks within the
    /// controller's named limits.
    ///
    /// # Errors
    /// [`StartError`]; the port has failed, and the next try may succeed.
    fn start(&mut self, clock: &mut dyn Clock) -> Result<(), StartError>;

    /// One control transfer, to its end. Blocks no longer than the controller's named limit, and
    /// no stage of it begins after the clock's deadline.
    ///
    /// # Errors
    /// Any [`TransferError`]; on success the bytes of the data stage.
    fn control(
        &mut self,
        clock: &mut dyn Clock,
        target: &Target,
        setup: Setup,
        data: Data<'_>,
    ) -> Result<usize, TransferError>;

    /// Opens a pipe to an endpoint, with data toggle 0, as after SET_CONFIGURATION.
    ///
    /// # Errors
    /// [`TransferError::NoChannel`] if every channel is taken, [`TransferError::NeedsSplit`].
    fn open(
        &mut self,
        target: &Target,
        endpoint: &Endpoint,
        pieces: Pieces,
    ) -> Result<Pipe, TransferError>;

    /// Closes a pipe and gives its buffer back, if it had one and the controller has let go of it.
    fn close(&mut self, pipe: Pipe) -> Option<Buffer>;

    /// Starts a transfer of `len` bytes: the buffer is the device's until [`Host::take`] returns
    /// it. An OUT transfer of a multiple of the packet size is followed by a zero-length packet.
    ///
    /// # Errors
    /// The buffer comes back with [`TransferError::Busy`], [`TransferError::WrongPipe`] or
    /// [`TransferError::TooLong`].
    fn post(
        &mut self,
        now: Duration,
        pipe: Pipe,
        buffer: Buffer,
        len: usize,
    ) -> Result<(), (Buffer, TransferError)>;

    /// A finished transfer, if the pipe has one. Never blocks.
    fn take(&mut self, now: Duration, pipe: Pipe) -> Option<Completion>;

    /// True if the pipe has no transfer under way and none to take.
    fn idle(&self, pipe: Pipe) -> bool;

    /// A buffer from the controller's DMA region, for use with its pipes. Taken once, at start-up.
    ///
    /// # Errors
    /// [`dma::NoMemory`].
    fn buffer(&mut self, bytes: usize) -> Result<Buffer, dma::NoMemory>;
}
