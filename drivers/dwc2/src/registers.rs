//! The registers that are used, each written down once.
//!
//! The data sheet is Synopsys' and not public; names and bits are as in the register descriptions
//! that public documents share (BCM2835 ARM Peripherals section 15; Rockchip RK3288 TRM and Samsung
//! Exynos manuals for the same core), checked against QEMU's hcd-dwc2. Offsets are bytes.

use mmio::Register;
use tock_registers::register_bitfields;

register_bitfields![u32,
    /// AHB configuration.
    pub GAHBCFG [
        /// Interrupts reach the CPU.
        GLBL_INTR_MSK OFFSET(0) NUMBITS(1) [],
        /// BCM2835: beats of the longest AXI burst (part of HBstLen elsewhere).
        AXI_BURST OFFSET(1) NUMBITS(2) [FOUR = 0],
        /// BCM2835: 1 = wait for outstanding AXI writes (part of HBstLen elsewhere).
        AXI_WAIT OFFSET(4) NUMBITS(1) [],
        /// The core moves data by DMA.
        DMA_EN OFFSET(5) NUMBITS(1) []
    ],
    /// USB configuration.
    pub GUSBCFG [
        /// PHY interface: 0 = 8 bits.
        PHY_IF OFFSET(3) NUMBITS(1) [],
        /// 0 = UTMI+, 1 = ULPI.
        ULPI_UTMI_SEL OFFSET(4) NUMBITS(1) [],
        SRP_CAP OFFSET(8) NUMBITS(1) [],
        HNP_CAP OFFSET(9) NUMBITS(1) [],
        ULPI_FSLS OFFSET(17) NUMBITS(1) [],
        ULPI_CLK_SUS_M OFFSET(19) NUMBITS(1) [],
        ULPI_EXT_VBUS_DRV OFFSET(20) NUMBITS(1) [],
        TERM_SEL_DL_PULSE OFFSET(22) NUMBITS(1) [],
        FORCE_HOST_MODE OFFSET(29) NUMBITS(1) []
    ],
    /// Reset.
    pub GRSTCTL [
        /// Core soft reset; clears itself.
        CORE_SOFT_RESET OFFSET(0) NUMBITS(1) [],
        /// Receive FIFO flush; clears itself.
        RX_FIFO_FLUSH OFFSET(4) NUMBITS(1) [],
        /// Transmit FIFO flush; clears itself.
        TX_FIFO_FLUSH OFFSET(5) NUMBITS(1) [],
        /// Which transmit FIFO: 0x10 = all.
        TX_FIFO_NUMBER OFFSET(6) NUMBITS(5) [ALL = 0x10],
        AHB_IDLE OFFSET(31) NUMBITS(1) []
    ],
    /// Core interrupts; and their mask.
    pub GINT [
        /// The core is a host. A state, not an interrupt: writes do not change it.
        CURRENT_MODE_HOST OFFSET(0) NUMBITS(1) [],
        /// A change of the host port.
        PORT OFFSET(24) NUMBITS(1) [],
        /// A channel.
        CHANNEL OFFSET(25) NUMBITS(1) [],
        /// The device was disconnected; write 1 to clear.
        DISCONNECT OFFSET(29) NUMBITS(1) []
    ],
    /// A FIFO's place: start and depth in words. The receive FIFO has only a depth.
    pub FIFO [
        START OFFSET(0) NUMBITS(16) [],
        DEPTH OFFSET(16) NUMBITS(16) []
    ],
    /// Host configuration.
    pub HCFG [
        /// Clock of the full/low-speed PHY: 0 = 30/60 MHz, as UTMI+ has.
        FSLS_PCLK_SEL OFFSET(0) NUMBITS(2) [],
        /// 1 = full and low speed only.
        FSLS_SUPP OFFSET(2) NUMBITS(1) []
    ],
    /// Frame number.
    pub HFNUM [
        NUMBER OFFSET(0) NUMBITS(16) []
    ],
    /// Host port. Four bits clear when written as 1, ENA among them: see [`crate::port`].
    pub HPRT [
        CONN_STS OFFSET(0) NUMBITS(1) [],
        CONN_DET OFFSET(1) NUMBITS(1) [],
        ENA OFFSET(2) NUMBITS(1) [],
        ENA_CHNG OFFSET(3) NUMBITS(1) [],
        OVR_CURR_ACT OFFSET(4) NUMBITS(1) [],
        OVR_CURR_CHNG OFFSET(5) NUMBITS(1) [],
        RST OFFSET(8) NUMBITS(1) [],
        PWR OFFSET(12) NUMBITS(1) [],
        SPD OFFSET(17) NUMBITS(2) [HIGH = 0, FULL = 1, LOW = 2]
    ],
    /// Channel: endpoint and enable.
    pub HCCHAR [
        MPS OFFSET(0) NUMBITS(11) [],
        EP_NUM OFFSET(11) NUMBITS(4) [],
        EP_DIR OFFSET(15) NUMBITS(1) [OUT = 0, IN = 1],
        LOW_SPEED_DEV OFFSET(17) NUMBITS(1) [],
        EP_TYPE OFFSET(18) NUMBITS(2) [CONTROL = 0, BULK = 2, INTERRUPT = 3],
        /// Transactions per microframe; 1.
        MULTI_COUNT OFFSET(20) NUMBITS(2) [],
        DEV_ADDR OFFSET(22) NUMBITS(7) [],
        /// Periodic transfers: 1 = in an odd (micro)frame.
        ODD_FRAME OFFSET(29) NUMBITS(1) [],
        CH_DIS OFFSET(30) NUMBITS(1) [],
        CH_ENA OFFSET(31) NUMBITS(1) []
    ],
    /// Channel: interrupts; and their mask. Write 1 to clear.
    pub HCINT [
        XFER_COMPL OFFSET(0) NUMBITS(1) [],
        CH_HLTD OFFSET(1) NUMBITS(1) [],
        AHB_ERR OFFSET(2) NUMBITS(1) [],
        STALL OFFSET(3) NUMBITS(1) [],
        NAK OFFSET(4) NUMBITS(1) [],
        ACK OFFSET(5) NUMBITS(1) [],
        NYET OFFSET(6) NUMBITS(1) [],
        XACT_ERR OFFSET(7) NUMBITS(1) [],
        BBL_ERR OFFSET(8) NUMBITS(1) [],
        FRM_OVRUN OFFSET(9) NUMBITS(1) [],
        DATA_TGL_ERR OFFSET(10) NUMBITS(1) [],
        /// All of the above.
        ALL OFFSET(0) NUMBITS(11) [EVERY = 0x7ff]
    ],
    /// Channel: size, packets and data toggle of the transfer.
    pub HCTSIZ [
        XFER_SIZE OFFSET(0) NUMBITS(19) [],
        PKT_CNT OFFSET(19) NUMBITS(10) [],
        PID OFFSET(29) NUMBITS(2) [DATA0 = 0, DATA2 = 1, DATA1 = 2, SETUP = 3],
        DO_PING OFFSET(31) NUMBITS(1) []
    ]
];

/// 0x008 GAHBCFG: AHB configuration.
pub const GAHBCFG: Register<GAHBCFG::Register> = Register::at(0x008);
/// 0x00c GUSBCFG: USB configuration.
pub const GUSBCFG: Register<GUSBCFG::Register> = Register::at(0x00c);
/// 0x010 GRSTCTL: reset.
pub const GRSTCTL: Register<GRSTCTL::Register> = Register::at(0x010);
/// 0x014 GINTSTS: core interrupts.
pub const GINTSTS: Register<GINT::Register> = Register::at(0x014);
/// 0x018 GINTMSK: which of them reach the CPU.
pub const GINTMSK: Register<GINT::Register> = Register::at(0x018);
/// 0x024 GRXFSIZ: depth of the receive FIFO in words, in the low half.
pub const GRXFSIZ: Register = Register::at(0x024);
/// 0x028 GNPTXFSIZ: the non-periodic transmit FIFO.
pub const GNPTXFSIZ: Register<FIFO::Register> = Register::at(0x028);
/// 0x040 GSNPSID: "OT" and the release.
pub const GSNPSID: Register = Register::at(0x040);
/// 0x100 HPTXFSIZ: the periodic transmit FIFO.
pub const HPTXFSIZ: Register<FIFO::Register> = Register::at(0x100);
/// 0x400 HCFG: host configuration.
pub const HCFG: Register<HCFG::Register> = Register::at(0x400);
/// 0x408 HFNUM: frame number.
pub const HFNUM: Register<HFNUM::Register> = Register::at(0x408);
/// 0x418 HAINTMSK: channels whose interrupts count, one bit each.
pub const HAINTMSK: Register = Register::at(0x418);
/// 0x440 HPRT: the root port.
pub const HPRT: Register<HPRT::Register> = Register::at(0x440);
/// 0xe00 PCGCTL: power and clock gating; 0 = all clocks run.
pub const PCGCTL: Register = Register::at(0xe00);

/// Bytes from one channel's registers to the next's.
pub const CHANNEL_STRIDE: usize = 0x20;
/// 0x500 HCCHAR of channel 0.
pub const HCCHAR: Register<HCCHAR::Register> = Register::at(0x500);
/// 0x504 HCSPLT of channel 0: split transactions, which are not used.
pub const HCSPLT: Register = Register::at(0x504);
/// 0x508 HCINT of channel 0.
pub const HCINT: Register<HCINT::Register> = Register::at(0x508);
/// 0x50c HCINTMSK of channel 0.
pub const HCINTMSK: Register<HCINT::Register> = Register::at(0x50c);
/// 0x510 HCTSIZ of channel 0.
pub const HCTSIZ: Register<HCTSIZ::Register> = Register::at(0x510);
/// 0x514 HCDMA of channel 0: bus address, a multiple of 4.
pub const HCDMA: Register = Register::at(0x514);
