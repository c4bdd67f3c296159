//! The EEPROM behind E2P_CMD and E2P_DATA, or its absence.

/// The largest EEPROM that E2P_CMD addresses, in bytes.
pub const EEPROM_BYTES: usize = 512;

/// The first byte of an EEPROM that the chip reads by itself `[data sheet]`.
const SIGNATURE: u8 = 0xa5;

/// Operations, of E2P_CMD bits 30..28.
const READ: u32 = 0;
const WRITE_DISABLE: u32 = 1;
const WRITE_ENABLE: u32 = 2;
const WRITE: u32 = 3;
const WRITE_ALL: u32 = 4;
const ERASE: u32 = 5;
const ERASE_ALL: u32 = 6;

/// The EEPROM.
#[derive(Clone, Debug)]
pub(super) struct Eeprom {
    bytes: Option<Box<[u8; EEPROM_BYTES]>>,
    writable: bool,
}

impl Eeprom {
    /// One with this MAC address, or none.
    pub(super) fn new(mac: Option<[u8; 6]>) -> Self {
        let bytes = mac.map(|mac| {
            let mut bytes = Box::new([0xff; EEPROM_BYTES]);
            bytes[0] = SIGNATURE;
            bytes[1..7].copy_from_slice(&mac);
            bytes
        });
        Self { bytes, writable: false }
    }

    /// The MAC address that a reset loads.
    pub(super) fn mac(&self) -> Option<[u8; 6]> {
        let bytes = self.bytes.as_deref().filter(|bytes| bytes[0] == SIGNATURE)?;
        let mut mac = [0; 6];
        mac.copy_from_slice(&bytes[1..7]);
        Some(mac)
    }

    /// Carries out an operation. False if nothing answers.
    pub(super) fn operate(&mut self, operation: u32, address: usize, data: &mut u32) -> bool {
        let Some(bytes) = self.bytes.as_deref_mut() else { return false };
        let cell = &mut bytes[address % EEPROM_BYTES];
        match operation {
            READ => *data = (*cell).into(),
            WRITE_DISABLE => self.writable = false,
            WRITE_ENABLE => self.writable = true,
            // A write-protected EEPROM just does not answer that it is done `[assumed]`.
            WRITE | WRITE_ALL | ERASE | ERASE_ALL if !self.writable => return false,
            WRITE => *cell = *data as u8,
            WRITE_ALL => bytes.fill(*data as u8),
            ERASE => *cell = 0xff,
            ERASE_ALL => bytes.fill(0xff),
            _ => {}
        }
        true
    }
}
