//! Access to the registers: vendor requests, which can fail.
//!
//! Two raw methods reach a register ([`Registers`]); types, names and retries come on top. An
//! access that failed is tried again, since control transfers to this chip are reported to fail now
//! and then on a board, without anything being wrong with it.

use core::fmt;
use core::time::Duration;

use mmio::{Clock, TimedOut, pause};
use tock_registers::fields::FieldValue;
use tock_registers::{LocalRegisterCopy, RegisterLongName};
use usb::{Data, Host, Setup, Target, TransferError};

use crate::limits::{ACCESS_TRIES, MII_MAX, SETTLE_POLL, WRITE_TRIES};
use crate::registers::{MII_ADDR, MII_DATA, Register, phy};
use crate::{Counters, Error};

/// Vendor request: write the register at `wIndex`.
const WRITE_REGISTER: u8 = 0xa0;
/// Vendor request: read the register at `wIndex`.
const READ_REGISTER: u8 = 0xa1;

/// An access to a register failed, however often it was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessError {
    /// The data sheet's name of the register.
    pub register: &'static str,
    /// Why the last try failed.
    pub error: TransferError,
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "register {}: {}", self.register, self.error)
    }
}

impl core::error::Error for AccessError {}

/// The chip's registers, however they are reached. Types come from [`RegistersExt`].
pub trait Registers {
    /// Reads the register at `offset` bytes, once.
    ///
    /// # Errors
    /// [`TransferError`].
    fn read_raw(&mut self, offset: u16) -> Result<u32, TransferError>;

    /// Writes the register at `offset` bytes, once.
    ///
    /// # Errors
    /// [`TransferError`].
    fn write_raw(&mut self, offset: u16, value: u32) -> Result<(), TransferError>;
}

/// Typed access on top of [`Registers`], tried once.
pub trait RegistersExt: Registers {
    /// Reads a register; the copy's fields can then be asked one by one.
    ///
    /// # Errors
    /// [`AccessError`] with the register's name.
    fn read_once<R: RegisterLongName>(
        &mut self,
        register: Register<R>,
    ) -> Result<LocalRegisterCopy<u32, R>, AccessError> {
        self.read_raw(register.offset())
            .map(LocalRegisterCopy::new)
            .map_err(|error| AccessError { register: register.name(), error })
    }

    /// Writes a register.
    ///
    /// # Errors
    /// [`AccessError`] with the register's name.
    fn write_once<R: RegisterLongName>(
        &mut self,
        register: Register<R>,
        value: u32,
    ) -> Result<(), AccessError> {
        self.write_raw(register.offset(), value)
            .map_err(|error| AccessError { register: register.name(), error })
    }
}

impl<T: Registers + ?Sized> RegistersExt for T {}

/// The chip behind its control pipe.
pub(crate) struct Chip<'a, H: ?Sized> {
    pub(crate) host: &'a mut H,
    pub(crate) clock: &'a mut dyn Clock,
    pub(crate) target: Target,
    pub(crate) counters: &'a mut Counters,
}

impl<H: Host + ?Sized> Registers for Chip<'_, H> {
    fn read_raw(&mut self, offset: u16) -> Result<u32, TransferError> {
        let mut bytes = [0; 4];
        let setup = Setup::vendor_in(READ_REGISTER, 0, offset, 4);
        match self.host.control(self.clock, &self.target, setup, Data::In(&mut bytes))? {
            4 => Ok(u32::from_le_bytes(bytes)),
            // Part of a register says nothing: as bad as no answer.
            _ => Err(TransferError::Transaction),
        }
    }

    fn write_raw(&mut self, offset: u16, value: u32) -> Result<(), TransferError> {
        let setup = Setup::vendor_out(WRITE_REGISTER, 0, offset, 4);
        let bytes = value.to_le_bytes();
        self.host.control(self.clock, &self.target, setup, Data::Out(&bytes)).map(drop)
    }
}

/// True if another try may succeed: the device is there, and has not taken its time already.
pub(crate) fn worth_a_try(error: TransferError) -> bool {
    use TransferError::{Disconnected, OutOfTime, TimedOut};
    !matches!(error, Disconnected | OutOfTime | TimedOut(_))
}

/// Bring-up: each access is tried [`ACCESS_TRIES`] times, waits have names and ends.
impl<H: Host + ?Sized> Chip<'_, H> {
    fn persist<T>(
        &mut self,
        mut access: impl FnMut(&mut Self) -> Result<T, AccessError>,
    ) -> Result<T, AccessError> {
        let mut tried = 1;
        loop {
            match access(self) {
                Err(failed) if tried < ACCESS_TRIES && worth_a_try(failed.error) => {
                    tried += 1;
                    self.counters.access_retries += 1;
                    pause(self.clock, SETTLE_POLL);
                }
                result => return result,
            }
        }
    }

    /// Reads a register.
    pub(crate) fn read<R: RegisterLongName>(
        &mut self,
        register: Register<R>,
    ) -> Result<LocalRegisterCopy<u32, R>, AccessError> {
        self.persist(|chip| chip.read_once(register))
    }

    /// Writes these fields; every other bit becomes zero.
    pub(crate) fn write<R: RegisterLongName>(
        &mut self,
        register: Register<R>,
        fields: FieldValue<u32, R>,
    ) -> Result<(), AccessError> {
        self.persist(|chip| chip.write_once(register, fields.value))
    }

    /// Writes ones to the bits of a register that clears them.
    pub(crate) fn clear<R: RegisterLongName>(
        &mut self,
        register: Register<R>,
        bits: u32,
    ) -> Result<(), AccessError> {
        self.persist(|chip| chip.write_once(register, bits))
    }

    /// Writes these fields, every other bit zero, and makes sure that they were taken.
    pub(crate) fn set<R: RegisterLongName>(
        &mut self,
        register: Register<R>,
        fields: FieldValue<u32, R>,
    ) -> Result<(), Error> {
        self.set_raw(register, fields.value, fields.mask())
    }

    /// Writes a value, and makes sure that the bits of `mask` were taken.
    pub(crate) fn set_raw<R: RegisterLongName>(
        &mut self,
        register: Register<R>,
        value: u32,
        mask: u32,
    ) -> Result<(), Error> {
        let mut tried = 1;
        loop {
            self.persist(|chip| chip.write_once(register, value))?;
            let reads = self.read(register)?.get();
            if (reads ^ value) & mask == 0 {
                return Ok(());
            }
            if tried == WRITE_TRIES {
                return Err(Error::NotTaken { register: register.name(), wrote: value, reads });
            }
            tried += 1;
            self.counters.access_retries += 1;
        }
    }

    /// Waits until `ready`, but no longer than `limit`.
    pub(crate) fn settle(
        &mut self,
        what: &'static str,
        limit: Duration,
        mut ready: impl FnMut(&mut Self) -> Result<bool, AccessError>,
    ) -> Result<(), Error> {
        let start = self.clock.now();
        loop {
            if ready(self)? {
                return Ok(());
            }
            let waited = self.clock.now().saturating_sub(start);
            if waited >= limit {
                return Err(TimedOut { what, waited }.into());
            }
            pause(self.clock, SETTLE_POLL);
        }
    }

    fn mii_idle(&mut self) -> Result<(), Error> {
        self.settle("PHY access", MII_MAX, |chip| Ok(!chip.read(MII_ADDR)?.is_set(MII_ADDR::BUSY)))
    }

    /// Reads a register of the PHY.
    pub(crate) fn read_phy(&mut self, register: u8) -> Result<u16, Error> {
        for _ in 0..WRITE_TRIES {
            self.mii_idle()?;
            self.write(MII_ADDR, mii_read(register))?;
            self.mii_idle()?;
            if is_of(self.read(MII_ADDR)?, register) {
                break;
            }
        }
        Ok(self.read(MII_DATA)?.read(MII_DATA::VALUE) as u16)
    }

    /// Writes a register of the PHY, and makes sure that the bits of `mask` were taken.
    pub(crate) fn set_phy(
        &mut self,
        name: &'static str,
        register: u8,
        value: u16,
        mask: u16,
    ) -> Result<(), Error> {
        let mut tried = 1;
        loop {
            self.mii_idle()?;
            self.write(MII_DATA, MII_DATA::VALUE.val(value.into()))?;
            self.write(MII_ADDR, mii_read(register) + MII_ADDR::WRITE::SET)?;
            let reads = self.read_phy(register)?;
            if (reads ^ value) & mask == 0 {
                return Ok(());
            }
            if tried == WRITE_TRIES {
                let (wrote, reads) = (value.into(), reads.into());
                return Err(Error::NotTaken { register: name, wrote, reads });
            }
            tried += 1;
            self.counters.access_retries += 1;
        }
    }
}

/// True if the last access to the PHY was a read of this register, and not one before whose
/// successor got lost.
pub(crate) fn is_of(access: LocalRegisterCopy<u32, MII_ADDR::Register>, register: u8) -> bool {
    !access.is_set(MII_ADDR::WRITE) && access.read(MII_ADDR::REGISTER) == u32::from(register)
}

/// MII_ADDR for reading a register of the PHY.
pub(crate) fn mii_read(register: u8) -> FieldValue<u32, MII_ADDR::Register> {
    MII_ADDR::PHY.val(phy::ADDRESS) + MII_ADDR::REGISTER.val(register.into()) + MII_ADDR::BUSY::SET
}
