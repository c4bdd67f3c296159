//! What can be wrong: while the chip is brought up, and later.

use core::fmt;
use core::time::Duration;

use mmio::TimedOut;
use usb::TransferError;
use usb::descriptor::DescriptorError;

use crate::AccessError;

/// Why a device could not be brought up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// A descriptor is wrong.
    Descriptor(DescriptorError),
    /// No interface has a bulk endpoint in each direction.
    NoEndpoints,
    /// The device does not take its configuration, or there is no channel for a pipe.
    Transfer(TransferError),
    /// A register can not be reached.
    Access(AccessError),
    /// Something did not happen in time.
    TimedOut(TimedOut),
    /// ID_REV is of another chip.
    WrongChip {
        /// ID_REV as it reads.
        found: u32,
    },
    /// A register does not keep what is written to it.
    NotTaken {
        /// Its name.
        register: &'static str,
        /// What was written.
        wrote: u32,
        /// What it reads as.
        reads: u32,
    },
    /// There is nothing where the PHY should be.
    NoPhy {
        /// Its two identifiers, as they read.
        id: (u16, u16),
    },
    /// The chip has no Ethernet address, and the board has none for it.
    NoAddress,
    /// Buffers of the time before are still with the controller.
    BuffersLent,
}

impl Error {
    /// True if the same device may come up another time.
    pub fn worth_a_retry(&self) -> bool {
        !matches!(
            self,
            Self::Descriptor(_) | Self::NoEndpoints | Self::WrongChip { .. } | Self::NoAddress
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Descriptor(error) => error.fmt(f),
            Self::NoEndpoints => f.write_str("no two bulk endpoints"),
            Self::Transfer(error) => error.fmt(f),
            Self::Access(error) => error.fmt(f),
            Self::TimedOut(error) => error.fmt(f),
            Self::WrongChip { found } => write!(f, "ID_REV {found:#010x} is of another chip"),
            Self::NotTaken { register, wrote, reads } => {
                write!(f, "register {register}: wrote {wrote:#010x}, reads {reads:#010x}")
            }
            Self::NoPhy { id: (high, low) } => write!(f, "no PHY: identifier {high:04x} {low:04x}"),
            Self::NoAddress => f.write_str("no Ethernet address"),
            Self::BuffersLent => f.write_str("buffers are still with the controller"),
        }
    }
}

impl core::error::Error for Error {}

impl From<DescriptorError> for Error {
    fn from(error: DescriptorError) -> Self {
        Self::Descriptor(error)
    }
}

impl From<TransferError> for Error {
    fn from(error: TransferError) -> Self {
        Self::Transfer(error)
    }
}

impl From<AccessError> for Error {
    fn from(error: AccessError) -> Self {
        Self::Access(error)
    }
}

impl From<TimedOut> for Error {
    fn from(error: TimedOut) -> Self {
        Self::TimedOut(error)
    }
}

/// What is wrong with a chip that worked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Receiving failed too often.
    Receive(TransferError),
    /// A frame could not be sent, and the chip may have part of it.
    Send(TransferError),
    /// A halted endpoint could not be brought back.
    Halt(TransferError),
    /// A register could not be reached.
    Access(AccessError),
    /// The PHY's registers can not be reached: MII_ADDR stays busy.
    PhyBusy,
    /// The chip did not take a frame for this long, although its link is up.
    SendStuck(Duration),
    /// So many bursts in a row had a wrong length.
    BadBursts(u32),
    /// Receiver, transmitter or MAC stopped without being told to, or the transmitter is out of
    /// step; INT_STS.
    Stopped(u32),
}

impl Trouble {
    /// True if the device is gone, or has taken all the time that it can have.
    pub(crate) fn is_the_end(&self) -> bool {
        let gone = |error: &TransferError| {
            use TransferError::{Disconnected, OutOfTime, TimedOut};
            matches!(error, Disconnected | OutOfTime | TimedOut(_))
        };
        match self {
            Self::Receive(error) => *error == TransferError::Disconnected,
            Self::Send(error) => *error == TransferError::Disconnected,
            Self::Halt(error) => gone(error),
            Self::Access(failed) => gone(&failed.error),
            _ => false,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Receive(error) => write!(f, "receiving: {error}"),
            Self::Send(error) => write!(f, "sending: {error}"),
            Self::Halt(error) => write!(f, "clearing a halt: {error}"),
            Self::Access(error) => error.fmt(f),
            Self::PhyBusy => f.write_str("PHY access does not end"),
            Self::SendStuck(after) => write!(f, "sending: stuck for {} ms", after.as_millis()),
            Self::BadBursts(count) => write!(f, "{count} bad bursts in a row"),
            Self::Stopped(status) => write!(f, "stopped by itself, INT_STS {status:#010x}"),
        }
    }
}

impl From<AccessError> for Trouble {
    fn from(error: AccessError) -> Self {
        Self::Access(error)
    }
}

/// Why the device is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// What is wrong with it.
    pub why: Trouble,
    /// What became of the lite reset that should have helped, if one was tried just then.
    pub reset: Option<Error>,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)?;
        self.reset.map_or(Ok(()), |error| write!(f, "; reset: {error}"))
    }
}
