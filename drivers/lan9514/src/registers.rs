//! The registers that are used, each written down once: offset, fields, and what writing does.
//!
//! Names and bits are the data sheet's (SMSC LAN9514, LAN9500/LAN9500A), as public drivers that run
//! on the chip have them: Linux smsc95xx, U-Boot, FreeBSD if_smsc. Offsets are bytes.

use core::marker::PhantomData;

use tock_registers::{RegisterLongName, register_bitfields};

/// A 32-bit register of the chip, with its name for error messages and the fields of `R`.
#[derive(Debug)]
pub struct Register<R: RegisterLongName = ()> {
    offset: u16,
    name: &'static str,
    fields: PhantomData<R>,
}

impl<R: RegisterLongName> Clone for Register<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: RegisterLongName> Copy for Register<R> {}

impl<R: RegisterLongName> Register<R> {
    const fn at(offset: u16, name: &'static str) -> Self {
        assert!(offset.is_multiple_of(4));
        Self { offset, name, fields: PhantomData }
    }

    /// Bytes from the start of the register file.
    pub const fn offset(self) -> u16 {
        self.offset
    }

    /// The data sheet's name.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

register_bitfields![u32,
    /// Identification.
    pub ID_REV [
        REVISION OFFSET(0) NUMBITS(16) [],
        CHIP_ID OFFSET(16) NUMBITS(16) []
    ],
    /// Interrupt status; the enable bits of INT_EP_CTL and the interrupt packet have the same
    /// places, but for MAC_RTO.
    pub INTERRUPTS [
        /// A received frame was dropped: the FIFO was full.
        RXDF OFFSET(11) NUMBITS(1) [],
        /// Transmit FIFO overrun.
        TDFO OFFSET(12) NUMBITS(1) [],
        /// Transmit FIFO underrun.
        TDFU OFFSET(13) NUMBITS(1) [],
        /// A transmit command was wrong.
        TXE OFFSET(14) NUMBITS(1) [],
        /// The PHY's interrupt, as a level: reading the PHY's source register clears it.
        PHY_INT OFFSET(15) NUMBITS(1) [],
        RX_STOP OFFSET(16) NUMBITS(1) [],
        TX_STOP OFFSET(17) NUMBITS(1) [],
        /// A reset of the MAC did not end (INT_STS only).
        MAC_RTO OFFSET(18) NUMBITS(1) []
    ],
    /// Transmitter.
    pub TX_CFG [
        ON OFFSET(2) NUMBITS(1) []
    ],
    /// Hardware configuration.
    pub HW_CFG [
        /// BURST_CAP is in force.
        BCE OFFSET(1) NUMBITS(1) [],
        /// Lite reset: all but the USB controller and the PHY. Clears itself.
        LRST OFFSET(3) NUMBITS(1) [],
        /// Many frames in one bulk transfer.
        MEF OFFSET(5) NUMBITS(1) [],
        /// Bytes between status word and frame.
        RXDOFF OFFSET(9) NUMBITS(2) [],
        /// An empty FIFO is answered by NAK; 0: by a zero-length packet.
        BIR OFFSET(12) NUMBITS(1) []
    ],
    /// Power.
    pub PM_CTRL [
        /// PHY reset. Clears itself.
        PHY_RST OFFSET(4) NUMBITS(1) []
    ],
    /// LEDs.
    pub LED_GPIO_CFG [
        FULL_DUPLEX OFFSET(16) NUMBITS(1) [],
        LINK_ACTIVITY OFFSET(20) NUMBITS(1) [],
        SPEED OFFSET(24) NUMBITS(1) []
    ],
    /// Automatic flow control: pause frames at full duplex, back pressure at half duplex.
    pub AFC_CFG [
        /// On any frame, on those for us, on broadcasts, on multicasts.
        FRAMES OFFSET(0) NUMBITS(4) [NONE = 0, ALL = 0xf],
        /// Back pressure duration: 0xa is about 350 us.
        BACK_DURATION OFFSET(4) NUMBITS(4) [],
        /// FIFO level at which it ends, in 64 bytes.
        LOW OFFSET(8) NUMBITS(8) [],
        /// FIFO level at which it begins, in 64 bytes.
        HIGH OFFSET(16) NUMBITS(8) []
    ],
    /// EEPROM command.
    pub E2P_CMD [
        /// A valid EEPROM was found after reset: the Ethernet address is its own.
        LOADED OFFSET(9) NUMBITS(1) []
    ],
    /// The longest burst.
    pub BURST_CAP [
        /// USB packets: 512 bytes each at high speed, 64 at full speed.
        PACKETS OFFSET(0) NUMBITS(8) []
    ],
    /// How long a burst that is not full waits for more frames.
    pub BULK_IN_DLY [
        /// In 16.67 ns.
        DELAY OFFSET(0) NUMBITS(16) []
    ],
    /// The MAC.
    pub MAC_CR [
        RXEN OFFSET(2) NUMBITS(1) [],
        TXEN OFFSET(3) NUMBITS(1) [],
        /// Groups by the hash table, own address exactly.
        HPFILT OFFSET(13) NUMBITS(1) [],
        /// Everything passes (1 after reset).
        PRMS OFFSET(18) NUMBITS(1) [],
        /// All multicasts pass.
        MCPAS OFFSET(19) NUMBITS(1) [],
        FDPX OFFSET(20) NUMBITS(1) [],
        /// 1: do not receive what we send; for half duplex.
        RCVOWN OFFSET(23) NUMBITS(1) []
    ],
    /// Bytes 4 and 5 of the Ethernet address, the first one lowest.
    pub ADDRH [
        BYTES OFFSET(0) NUMBITS(16) []
    ],
    /// Access to the PHY's registers.
    pub MII_ADDR [
        BUSY OFFSET(0) NUMBITS(1) [],
        WRITE OFFSET(1) NUMBITS(1) [],
        REGISTER OFFSET(6) NUMBITS(5) [],
        PHY OFFSET(11) NUMBITS(5) []
    ],
    /// A value for or from the PHY.
    pub MII_DATA [
        VALUE OFFSET(0) NUMBITS(16) []
    ],
    /// Pause frames.
    pub FLOW [
        /// Pause frames are obeyed.
        FCEN OFFSET(1) NUMBITS(1) [],
        /// For how long ours ask, in 512 bit times.
        PAUSE_TIME OFFSET(16) NUMBITS(16) []
    ],
    /// The type that marks a VLAN tag: such frames may be four bytes longer.
    pub VLAN1 [
        TYPE OFFSET(0) NUMBITS(16) []
    ],
    /// Checksum engines.
    pub COE_CR [
        /// Each received frame is followed by the sum over its bytes from 14 on.
        RX_COE_EN OFFSET(0) NUMBITS(1) [],
        /// Frames that ask for it get their checksum filled in.
        TX_COE_EN OFFSET(16) NUMBITS(1) []
    ]
];

/// 0x000 ID_REV: read only.
pub const ID_REV: Register<ID_REV::Register> = Register::at(0x000, "ID_REV");
/// 0x008 INT_STS: a 1 clears, except PHY_INT.
pub const INT_STS: Register<INTERRUPTS::Register> = Register::at(0x008, "INT_STS");
/// 0x010 TX_CFG.
pub const TX_CFG: Register<TX_CFG::Register> = Register::at(0x010, "TX_CFG");
/// 0x014 HW_CFG.
pub const HW_CFG: Register<HW_CFG::Register> = Register::at(0x014, "HW_CFG");
/// 0x020 PM_CTRL.
pub const PM_CTRL: Register<PM_CTRL::Register> = Register::at(0x020, "PM_CTRL");
/// 0x024 LED_GPIO_CFG.
pub const LED_GPIO_CFG: Register<LED_GPIO_CFG::Register> = Register::at(0x024, "LED_GPIO_CFG");
/// 0x02c AFC_CFG.
pub const AFC_CFG: Register<AFC_CFG::Register> = Register::at(0x02c, "AFC_CFG");
/// 0x030 E2P_CMD.
pub const E2P_CMD: Register<E2P_CMD::Register> = Register::at(0x030, "E2P_CMD");
/// 0x038 BURST_CAP.
pub const BURST_CAP: Register<BURST_CAP::Register> = Register::at(0x038, "BURST_CAP");
/// 0x068 INT_EP_CTL: what the interrupt endpoint tells.
pub const INT_EP_CTL: Register<INTERRUPTS::Register> = Register::at(0x068, "INT_EP_CTL");
/// 0x06c BULK_IN_DLY.
pub const BULK_IN_DLY: Register<BULK_IN_DLY::Register> = Register::at(0x06c, "BULK_IN_DLY");
/// 0x100 MAC_CR.
pub const MAC_CR: Register<MAC_CR::Register> = Register::at(0x100, "MAC_CR");
/// 0x104 ADDRH.
pub const ADDRH: Register<ADDRH::Register> = Register::at(0x104, "ADDRH");
/// 0x108 ADDRL: bytes 0 to 3 of the Ethernet address, the first one lowest.
pub const ADDRL: Register = Register::at(0x108, "ADDRL");
/// 0x10c HASHH: bits 32 to 63 of the hash table.
pub const HASHH: Register = Register::at(0x10c, "HASHH");
/// 0x110 HASHL: bits 0 to 31 of the hash table.
pub const HASHL: Register = Register::at(0x110, "HASHL");
/// 0x114 MII_ADDR: a write with BUSY begins an access, which ends when BUSY reads 0.
pub const MII_ADDR: Register<MII_ADDR::Register> = Register::at(0x114, "MII_ADDR");
/// 0x118 MII_DATA.
pub const MII_DATA: Register<MII_DATA::Register> = Register::at(0x118, "MII_DATA");
/// 0x11c FLOW.
pub const FLOW: Register<FLOW::Register> = Register::at(0x11c, "FLOW");
/// 0x120 VLAN1.
pub const VLAN1: Register<VLAN1::Register> = Register::at(0x120, "VLAN1");
/// 0x130 COE_CR.
pub const COE_CR: Register<COE_CR::Register> = Register::at(0x130, "COE_CR");

/// The PHY's registers and bits (IEEE 802.3, clause 22 and 28; 29 and 30 are SMSC's).
pub mod phy {
    /// The address of the PHY inside the chip.
    pub const ADDRESS: u32 = 1;

    /// Basic mode control.
    pub const BMCR: u8 = 0;
    /// Autonegotiation: on.
    pub const BMCR_AUTONEGOTIATE: u16 = 1 << 12;
    /// Reset, loopback, power down, isolate: none of them carries frames.
    pub const BMCR_ODD: u16 = 1 << 15 | 1 << 14 | 1 << 11 | 1 << 10;
    /// Autonegotiation: from the start.
    pub const BMCR_RESTART: u16 = 1 << 9;

    /// Basic mode status.
    pub const BMSR: u8 = 1;
    /// The link is up. A loss stays visible until it was read once.
    pub const BMSR_LINK: u16 = 1 << 2;
    /// Autonegotiation, or parallel detection, has ended.
    pub const BMSR_NEGOTIATED: u16 = 1 << 5;

    /// The identifier's upper half; the lower one follows.
    pub const ID_1: u8 = 2;
    /// The identifier's lower half.
    pub const ID_2: u8 = 3;

    /// What we can do.
    pub const ADVERTISE: u8 = 4;
    /// What the partner can do.
    pub const PARTNER: u8 = 5;
    /// IEEE 802.3 is spoken.
    pub const SELECTOR: u16 = 1;
    /// 10 Mbit/s, half duplex.
    pub const TEN_HALF: u16 = 1 << 5;
    /// 10 Mbit/s, full duplex.
    pub const TEN_FULL: u16 = 1 << 6;
    /// 100 Mbit/s, half duplex.
    pub const HUNDRED_HALF: u16 = 1 << 7;
    /// 100 Mbit/s, full duplex.
    pub const HUNDRED_FULL: u16 = 1 << 8;
    /// Pause frames, both ways.
    pub const PAUSE: u16 = 1 << 10;
    /// Pause frames, one way.
    pub const PAUSE_ONE_WAY: u16 = 1 << 11;

    /// Interrupt source: cleared by reading.
    pub const SOURCE: u8 = 29;
    /// Which sources interrupt.
    pub const MASK: u8 = 30;
    /// The link went down.
    pub const INTERRUPT_LINK_DOWN: u16 = 1 << 4;
    /// Autonegotiation has ended.
    pub const INTERRUPT_NEGOTIATED: u16 = 1 << 6;
}
