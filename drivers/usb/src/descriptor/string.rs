//! String descriptors (USB 2.0, 9.6.7).

use heapless::String;

use super::{DescriptorError, checked, kind, u16_at};

/// A string descriptor as text: printable ASCII stays, every other UTF-16 unit becomes `?`, and
/// what is beyond `N` characters is cut off.
///
/// # Errors
/// [`DescriptorError`]: another type, a wrong length, an odd number of bytes.
pub fn string<const N: usize>(bytes: &[u8]) -> Result<String<N>, DescriptorError> {
    let units = units(bytes)?;
    let mut text = String::new();
    for unit in units.chunks_exact(2) {
        let character = match u16_at(unit, 0) {
            printable @ 0x20..=0x7e => char::from(printable as u8),
            _ => '?',
        };
        if text.push(character).is_err() {
            break;
        }
    }
    Ok(text)
}

/// The first language of string descriptor 0 (USB 2.0, table 9-15); `None` if the device lists
/// none.
///
/// # Errors
/// As [`string`].
pub fn first_language(bytes: &[u8]) -> Result<Option<u16>, DescriptorError> {
    Ok(units(bytes)?.chunks_exact(2).next().map(|unit| u16_at(unit, 0)))
}

/// The UTF-16 units, as bytes.
fn units(bytes: &[u8]) -> Result<&[u8], DescriptorError> {
    let bytes = checked(bytes, kind::STRING, 2)?;
    let promised = usize::from(bytes[0]);
    if bytes.len() < promised {
        let got = bytes.len();
        return Err(DescriptorError::Truncated { kind: kind::STRING, needed: promised, got });
    }
    if !promised.is_multiple_of(2) {
        return Err(DescriptorError::OddString(promised));
    }
    Ok(&bytes[2..])
}
