//! What a driver did that hardware punishes, by name.

/// The most mistakes that a chip keeps: a driver that is wrong once is wrong for ever.
pub const MISTAKES_MAX: usize = 64;

/// A mistake of the driver's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// There is no register at this offset. It reads as zero.
    UnknownRegister {
        /// Byte offset.
        offset: u16,
    },
    /// A vendor request that the chip does not know, or of another length than four bytes. Stalled.
    BadRequest {
        /// `bRequest`.
        request: u8,
        /// `wIndex`.
        index: u16,
        /// `wLength`.
        length: u16,
    },
    /// HW_CFG.MEF without BCE, BURST_CAP or BULK_IN_DLY: nothing is received.
    BurstModeIncomplete,
    /// BURST_CAP does not hold a frame of the full size.
    BurstCapTooSmall {
        /// BURST_CAP in bytes.
        bytes: usize,
    },
    /// A transmit command that makes no sense. The transmitter is out of step until a reset.
    BadCommand(BadCommand),
    /// The checksum to insert begins or lies where the chip cannot: in the Ethernet header or in
    /// the last four bytes. It was not inserted.
    ChecksumOutOfReach {
        /// First byte that is summed.
        start: usize,
        /// Where the sum goes.
        field: usize,
        /// Bytes of the frame.
        frame: usize,
    },
    /// A frame shorter than 60 bytes went out unpadded; no switch takes it.
    Runt {
        /// Bytes of the frame.
        bytes: usize,
    },
    /// A frame went out with an FCS of the driver's own, and it is wrong.
    BadFcs,
    /// Traffic while MAC_CR.FDPX or RCVOWN does not fit what the PHY negotiated.
    DuplexMismatch {
        /// What the PHY negotiated.
        link_full: bool,
    },
    /// A FIFO was flushed while its end of the MAC was running.
    FlushWhileRunning,
    /// A bit of COE_CR changed while its end of the MAC was running.
    ChecksumWhileRunning,
    /// MAC_CR.PADSTR together with the receive checksum.
    PadStrippingWithChecksum,
    /// A MII register was touched while MII_ADDR showed busy.
    MiiBusy,
    /// The EEPROM was commanded while it was busy.
    EepromBusy,
}

/// Why a transmit command makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadCommand {
    /// A first segment in the middle of a frame.
    FirstTwice,
    /// The first segment is missing.
    NoFirst,
    /// Command B is not the same in all segments.
    CommandsDiffer,
    /// The segments are not as long together as command B says.
    Length,
    /// A middle segment of less than four bytes, or an empty one.
    TooShort,
}
