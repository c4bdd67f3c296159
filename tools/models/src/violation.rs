//! What a driver did that the manuals forbid, by name.
//!
//! Most of it works by luck on an emulator. The rules are those of the Synopsys DWC OTG databook
//! and of the USB 2.0 specification.

use std::fmt;
use std::time::Duration;

use crate::usb::{Kind, Way};

/// The most violations that a model keeps: a driver that is wrong once is wrong for ever.
pub const VIOLATIONS_MAX: usize = 64;

/// A rule that the driver broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// An offset at which the core has no register.
    UnknownRegister {
        /// Byte offset.
        offset: usize,
    },
    /// A register was touched between the core's soft reset and AHB idle (databook, GRSTCTL).
    AccessDuringReset {
        /// Byte offset of the register.
        offset: usize,
    },
    /// Soft reset was started while the AHB master was not idle.
    ResetWhileBusy,
    /// A FIFO was flushed while a channel was enabled.
    FlushWhileActive,
    /// The FIFOs need more RAM than the core has (GHWCFG3), in words.
    FifoTooLarge {
        /// First word beyond the largest FIFO.
        end: u32,
        /// Words of RAM.
        depth: u32,
    },
    /// Two FIFOs share words.
    FifoOverlap,
    /// A FIFO is too small for one packet of the channel, in words.
    FifoTooSmall {
        /// Words it has.
        words: u32,
        /// Words that one packet needs.
        needed: u32,
    },
    /// A FIFO was moved and not flushed before a channel used it.
    FifoNotFlushed,
    /// The core is programmed for something that buffer DMA in host mode is not: descriptor DMA,
    /// device mode, stopped PHY clock. The register's byte offset.
    WrongMode {
        /// Byte offset of the register.
        offset: usize,
    },
    /// A register of the host was touched while the core was a device: it is one for a while after
    /// each soft reset, until it has looked at its ID pin (GINTSTS.CurMod).
    NotHost {
        /// Byte offset of the register.
        offset: usize,
    },
    /// A register was touched while the core had no power: on a board the bus never answers.
    NoPower {
        /// Byte offset of the register.
        offset: usize,
    },
    /// A channel was enabled while GAHBCFG.DMAEN was clear.
    DmaNotEnabled,
    /// HPRT was written with ENA set: that disables the port.
    PortDisabledByWrite,
    /// A write of HPRT changed a control bit and took pending changes with it: read, modify, write.
    PortChangeLost {
        /// The write-1-to-clear bits that were pending and were written as one.
        bits: u32,
    },
    /// A write of HPRT acknowledged a change that no read had shown.
    PortChangeUnseen {
        /// The bits.
        bits: u32,
    },
    /// Reset began before the connection was stable for 100 ms (USB 2.0, 7.1.7.3, TATTDB).
    NoDebounce {
        /// How long the device was there.
        after: Duration,
    },
    /// The root port was reset for less than 50 ms (USB 2.0, 7.1.7.5, TDRSTR).
    ResetTooShort {
        /// How long.
        held: Duration,
    },
    /// A hub's port was told to reset without power or without a device.
    HubPortNotReady {
        /// Port number, from 1.
        port: u8,
    },
    /// A device was addressed less than 10 ms after its reset (USB 2.0, 7.1.7.5, TRSTRCY).
    NoResetRecovery {
        /// How long after.
        after: Duration,
    },
    /// A device was addressed less than 2 ms after SET_ADDRESS (USB 2.0, 9.2.6.3).
    NoAddressRecovery {
        /// How long after.
        after: Duration,
    },
    /// A channel was enabled while the port was not.
    PortNotEnabled {
        /// Channel number.
        channel: usize,
    },
    /// A channel was enabled that already was.
    EnabledTwice {
        /// Channel number.
        channel: usize,
    },
    /// A register of an enabled channel was written.
    WrittenWhileEnabled {
        /// Channel number.
        channel: usize,
        /// Byte offset of the register.
        offset: usize,
    },
    /// A channel was enabled with the interrupts of its last transfer still pending.
    StaleInterrupt {
        /// Channel number.
        channel: usize,
        /// HCINT.
        bits: u32,
    },
    /// HCDMA is not a multiple of four.
    DmaUnaligned {
        /// Channel number.
        channel: usize,
        /// HCDMA.
        address: u32,
    },
    /// DMA outside the region that is for it.
    DmaOutside {
        /// Bus address.
        address: u32,
        /// How many bytes.
        bytes: usize,
    },
    /// DMA on a cache line that was not cleaned since it was last handed back.
    DmaNotLent {
        /// Bus address of the first such byte.
        address: u32,
    },
    /// PKTCNT is not the number of packets that XFERSIZE needs. (A size of 2^19 bytes or 1,024
    /// packets, more than the fields hold, shows as this, too.)
    PacketCount {
        /// Channel number.
        channel: usize,
        /// PKTCNT.
        packets: u32,
        /// XFERSIZE.
        bytes: u32,
        /// Packet size.
        max_packet: u16,
    },
    /// XFERSIZE of an IN transfer is not a multiple of the packet size: the last packet could be
    /// longer.
    InSize {
        /// Channel number.
        channel: usize,
        /// XFERSIZE.
        bytes: u32,
        /// Packet size.
        max_packet: u16,
    },
    /// The SETUP PID with anything but an 8-byte control OUT, or DATA2, or MDATA.
    WrongPid {
        /// Channel number.
        channel: usize,
    },
    /// HCTSIZ.DOPNG on an IN transfer or below high speed.
    WrongPing {
        /// Channel number.
        channel: usize,
    },
    /// A periodic channel with a multi count of zero.
    NoMultiCount {
        /// Channel number.
        channel: usize,
    },
    /// Split transactions, which the model does not have.
    Split {
        /// Channel number.
        channel: usize,
    },
    /// An isochronous channel, which the model does not have.
    Isochronous {
        /// Channel number.
        channel: usize,
    },
    /// HCCHAR.LSPDDEV is not what the device's speed asks for.
    SpeedBit {
        /// Device address.
        address: u8,
    },
    /// The data toggle is not the endpoint's, and no lost handshake excuses it.
    DataToggle {
        /// Device address.
        address: u8,
        /// Endpoint number.
        endpoint: u8,
        /// Direction.
        way: Way,
    },
    /// The channel's transfer type is not the endpoint's.
    EndpointKind {
        /// Device address.
        address: u8,
        /// Endpoint number.
        endpoint: u8,
        /// The endpoint's.
        is: Kind,
    },
    /// The channel's packet size is not the endpoint's.
    MaxPacket {
        /// Device address.
        address: u8,
        /// Endpoint number.
        endpoint: u8,
        /// The channel's.
        used: u16,
        /// The endpoint's.
        is: u16,
    },
    /// The device has no such endpoint in its present configuration.
    NoSuchEndpoint {
        /// Device address.
        address: u8,
        /// Endpoint number.
        endpoint: u8,
        /// Direction.
        way: Way,
    },
    /// A token for endpoint 0 outside of a control transfer, or in its wrong direction.
    ControlOutOfPlace {
        /// Device address.
        address: u8,
    },
    /// Two devices answered to one address.
    TwoAnswers {
        /// The address.
        address: u8,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownRegister { offset } => write!(f, "no register at {offset:#x}"),
            Self::AccessDuringReset { offset } => {
                write!(f, "register {offset:#x} touched before AHB idle after the core reset")
            }
            Self::ResetWhileBusy => f.write_str("core reset while the AHB master was busy"),
            Self::FlushWhileActive => f.write_str("FIFO flushed while a channel was enabled"),
            Self::FifoTooLarge { end, depth } => {
                write!(f, "FIFOs end at word {end}, the RAM at {depth}")
            }
            Self::FifoOverlap => f.write_str("FIFOs overlap"),
            Self::FifoTooSmall { words, needed } => {
                write!(f, "FIFO of {words} words for packets of {needed}")
            }
            Self::FifoNotFlushed => f.write_str("FIFO used after a move without a flush"),
            Self::WrongMode { offset } => {
                write!(f, "register {offset:#x} selects another mode than buffer DMA as host")
            }
            Self::NotHost { offset } => {
                write!(f, "host register {offset:#x} touched while the core was a device")
            }
            Self::NoPower { offset } => {
                write!(f, "register {offset:#x} touched while the core had no power")
            }
            Self::DmaNotEnabled => f.write_str("channel enabled without GAHBCFG.DMAEN"),
            Self::PortDisabledByWrite => f.write_str("HPRT written with ENA: port disabled"),
            Self::PortChangeLost { bits } => {
                write!(f, "HPRT changes {bits:#x} lost in a write of control bits")
            }
            Self::PortChangeUnseen { bits } => {
                write!(f, "HPRT changes {bits:#x} acknowledged unseen")
            }
            Self::NoDebounce { after } => {
                write!(f, "reset {} ms after the connection", after.as_millis())
            }
            Self::ResetTooShort { held } => {
                write!(f, "root port reset for only {} ms", held.as_millis())
            }
            Self::HubPortNotReady { port } => {
                write!(f, "hub port {port} reset without power or device")
            }
            Self::NoResetRecovery { after } => {
                write!(f, "device addressed {} us after its reset", after.as_micros())
            }
            Self::NoAddressRecovery { after } => {
                write!(f, "device addressed {} us after SET_ADDRESS", after.as_micros())
            }
            Self::PortNotEnabled { channel } => {
                write!(f, "channel {channel} enabled while the port was not")
            }
            Self::EnabledTwice { channel } => write!(f, "channel {channel} enabled twice"),
            Self::WrittenWhileEnabled { channel, offset } => {
                write!(f, "register {offset:#x} written while channel {channel} was enabled")
            }
            Self::StaleInterrupt { channel, bits } => {
                write!(f, "channel {channel} enabled with HCINT {bits:#x} pending")
            }
            Self::DmaUnaligned { channel, address } => {
                write!(f, "channel {channel}: HCDMA {address:#x} is not a multiple of 4")
            }
            Self::DmaOutside { address, bytes } => {
                write!(f, "DMA of {bytes} bytes at {address:#x}, outside the region")
            }
            Self::DmaNotLent { address } => {
                write!(f, "DMA at {address:#x}, whose line is not the device's")
            }
            Self::PacketCount { channel, packets, bytes, max_packet } => {
                write!(f, "channel {channel}: {packets} packets of {max_packet} for {bytes} bytes")
            }
            Self::InSize { channel, bytes, max_packet } => {
                write!(f, "channel {channel}: IN of {bytes} bytes by packets of {max_packet}")
            }
            Self::WrongPid { channel } => write!(f, "channel {channel}: PID not for this transfer"),
            Self::WrongPing { channel } => write!(f, "channel {channel}: DOPNG not for this"),
            Self::NoMultiCount { channel } => write!(f, "channel {channel}: periodic, MC is 0"),
            Self::Split { channel } => write!(f, "channel {channel}: split transaction"),
            Self::Isochronous { channel } => write!(f, "channel {channel}: isochronous"),
            Self::SpeedBit { address } => write!(f, "device {address}: LSPDDEV is wrong"),
            Self::DataToggle { address, endpoint, way } => {
                write!(f, "device {address} endpoint {endpoint} {way:?}: wrong data toggle")
            }
            Self::EndpointKind { address, endpoint, is } => {
                write!(f, "device {address} endpoint {endpoint} is {is:?}, the channel is not")
            }
            Self::MaxPacket { address, endpoint, used, is } => {
                write!(f, "device {address} endpoint {endpoint}: MPS {used}, should be {is}")
            }
            Self::NoSuchEndpoint { address, endpoint, way } => {
                write!(f, "device {address} has no endpoint {endpoint} {way:?}")
            }
            Self::ControlOutOfPlace { address } => {
                write!(f, "device {address}: token on endpoint 0 out of place")
            }
            Self::TwoAnswers { address } => write!(f, "two devices answer at address {address}"),
        }
    }
}
