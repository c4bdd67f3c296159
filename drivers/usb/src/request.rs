//! Control transfers that are tried again, and descriptors read by them.

use mmio::Clock;

use crate::bus::BusError;
use crate::descriptor::{self, DescriptorError, DeviceDescriptor, kind};
use crate::limits::{CONTROL_TRIES, STRING_CHARACTERS_MAX};
use crate::{Data, Host, Setup, Target, TransferError};

/// A control transfer that is tried [`CONTROL_TRIES`] times if the bus failed it. Only for requests
/// that may be repeated.
///
/// # Errors
/// [`TransferError`] of the last try. A stall is an answer, and is returned at once; a request that
/// was not answered in time is not tried again, since it has taken its time already.
pub fn control<H: Host + ?Sized>(
    host: &mut H,
    clock: &mut dyn Clock,
    target: &Target,
    setup: Setup,
    mut data: Data<'_>,
) -> Result<usize, TransferError> {
    let mut tried = 1;
    loop {
        let again = match &mut data {
            Data::None => Data::None,
            Data::In(bytes) => Data::In(bytes),
            Data::Out(bytes) => Data::Out(bytes),
        };
        match host.control(clock, target, setup, again) {
            Err(TransferError::Transaction) if tried < CONTROL_TRIES => tried += 1,
            result => return result,
        }
    }
}

/// Reads into `bytes` by one IN transfer; the part that came.
///
/// # Errors
/// As [`control`].
pub fn read<'b, H: Host + ?Sized>(
    host: &mut H,
    clock: &mut dyn Clock,
    target: &Target,
    setup: Setup,
    bytes: &'b mut [u8],
) -> Result<&'b [u8], TransferError> {
    let got = control(host, clock, target, setup, Data::In(bytes))?;
    // A controller that claims more than it was given room for is not believed either.
    Ok(&bytes[..got.min(bytes.len())])
}

/// The whole device descriptor.
pub(crate) fn device_descriptor<H: Host + ?Sized>(
    host: &mut H,
    clock: &mut dyn Clock,
    target: &Target,
) -> Result<DeviceDescriptor, BusError> {
    let mut bytes = [0; DeviceDescriptor::BYTES];
    let setup = Setup::get_descriptor(kind::DEVICE, 0, 0, bytes.len() as u16);
    let bytes = read(host, clock, target, setup, &mut bytes)?;
    Ok(DeviceDescriptor::parse(bytes, target.speed)?)
}

/// A string of the device, in its first language, as ASCII (see [`descriptor::string`]). `None` for
/// index 0, which means that there is none.
///
/// # Errors
/// [`BusError`]: the device does not answer, or not with a string.
pub fn string<H: Host + ?Sized>(
    host: &mut H,
    clock: &mut dyn Clock,
    target: &Target,
    index: u8,
) -> Result<Option<heapless::String<STRING_CHARACTERS_MAX>>, BusError> {
    /// What a device without a list of languages is asked in: English (United States).
    const ENGLISH: u16 = 0x0409;
    if index == 0 {
        return Ok(None);
    }
    let mut bytes = [0; 255];
    let setup = Setup::get_descriptor(kind::STRING, 0, 0, bytes.len() as u16);
    let language = match read(host, clock, target, setup, &mut bytes) {
        Ok(list) => descriptor::first_language(list)?.unwrap_or(ENGLISH),
        Err(TransferError::Stall) => ENGLISH,
        Err(error) => return Err(error.into()),
    };
    let setup = Setup::get_descriptor(kind::STRING, index, language, bytes.len() as u16);
    let bytes = read(host, clock, target, setup, &mut bytes)?;
    Ok(Some(descriptor::string(bytes)?))
}

impl From<DescriptorError> for BusError {
    fn from(error: DescriptorError) -> Self {
        Self::Descriptor(error)
    }
}

impl From<TransferError> for BusError {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::NeedsSplit => Self::NeedsSplit,
            other => Self::Transfer(other),
        }
    }
}

impl From<mmio::TimedOut> for BusError {
    fn from(error: mmio::TimedOut) -> Self {
        Self::TimedOut(error)
    }
}
