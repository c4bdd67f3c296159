//! The core: recognised, reset, configured.

use core::fmt;

use dma::{Buffer, NoMemory, Pool};
use mmio::{Clock, Registers, RegistersExt, TimedOut, pause, wait};
use usb::{StartError, TransferError};

use crate::limits::{
    CHANNELS, CONTROL_BYTES_MAX, CORE_SETTLE, CORE_WAIT_MAX, HALT_WAIT_MAX, HOST_MODE_WAIT_MAX,
    NON_PERIODIC_TX_FIFO_WORDS, PERIODIC_TX_FIFO_WORDS, RX_FIFO_WORDS,
};
use crate::pipe::PipeState;
use crate::port::RootPortState;
use crate::registers::*;

/// GSNPSID's upper half: "OT" for the OTG core of release 2.x and 3.x ("OT2", "OT3" are its first
/// digits; QEMU says 0x4f54294a, a Raspberry Pi 3 0x4f54280a).
const SYNOPSYS_OTG: u32 = 0x4f54;

/// Why there is no host controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupError {
    /// The core could not be brought up.
    Start(StartError),
    /// The DMA region has no room for the control buffers.
    NoMemory(NoMemory),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) => error.fmt(f),
            Self::NoMemory(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SetupError {}

impl From<StartError> for SetupError {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}

impl From<NoMemory> for SetupError {
    fn from(error: NoMemory) -> Self {
        Self::NoMemory(error)
    }
}

/// The host controller.
#[derive(Debug)]
pub struct Dwc2<R> {
    pub(crate) registers: R,
    pub(crate) pool: Pool,
    pub(crate) port: RootPortState,
    pub(crate) generation: u32,
    /// Pipe `n` uses channel `n`; channel 0 is the control channel.
    pub(crate) pipes: [Option<PipeState>; CHANNELS],
    /// Taken while a control transfer lends them to the core.
    pub(crate) setup_buffer: Option<Buffer>,
    pub(crate) data_buffer: Option<Buffer>,
    /// Control buffers that the core has not let go of.
    pub(crate) stuck_loans: heapless::Vec<dma::Loan, 2>,
}

impl<R: Registers> Dwc2<R> {
    /// Brings the core up: [`stopped`](Self::stopped), then [`start`](usb::Host::start).
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(registers: R, pool: Pool, clock: &mut dyn Clock) -> Result<Self, SetupError> {
        let mut core = Self::stopped(registers, pool)?;
        core.start_core(clock)?;
        Ok(core)
    }

    /// A host controller whose power may be off: no register is touched before
    /// [`start`](usb::Host::start).
    ///
    /// # Errors
    /// [`NoMemory`] if the DMA region has no room for the control buffers.
    pub fn stopped(registers: R, mut pool: Pool) -> Result<Self, NoMemory> {
        let setup_buffer = Some(pool.take(8)?);
        let data_buffer = Some(pool.take(CONTROL_BYTES_MAX)?);
        Ok(Self {
            registers,
            pool,
            port: RootPortState::off(),
            generation: 0,
            pipes: [const { None }; CHANNELS],
            setup_buffer,
            data_buffer,
            stuck_loans: heapless::Vec::new(),
        })
    }

    /// Reset, host mode, DMA, FIFOs, interrupts. Buffers of transfers that the time before left
    /// with the core come back: after its reset it writes to none of them. The root port is powered
    /// by the first [`usb::Host::root_port`].
    pub(crate) fn start_core(&mut self, clock: &mut dyn Clock) -> Result<(), StartError> {
        self.port = RootPortState::off();
        let found = self.registers.read(GSNPSID).get();
        if found >> 16 != SYNOPSYS_OTG {
            return Err(StartError::NotThere { found });
        }
        reset(&mut self.registers, clock)?;
        self.fail_pipes(TransferError::Disconnected);
        configure(&mut self.registers);
        flush(&mut self.registers, clock)?;
        self.port = RootPortState::new();
        Ok(())
    }

    /// Halts every channel; resets the core if one does not halt. Its interrupts are off then.
    pub(crate) fn stop_core(&mut self, clock: &mut dyn Clock) -> Result<(), TimedOut> {
        if self.port.is_off() {
            return Ok(());
        }
        let halted = !self.port.is_resetting() && {
            (0..CHANNELS).for_each(|channel| self.request_halt(channel));
            wait(clock, "channel halt", HALT_WAIT_MAX, || self.all_halted()).is_ok()
        };
        self.port = RootPortState::off();
        if !halted {
            reset(&mut self.registers, clock)?;
        }
        self.registers.modify(GAHBCFG, GAHBCFG::GLBL_INTR_MSK::CLEAR);
        self.fail_pipes(TransferError::Disconnected);
        Ok(())
    }
}

/// Resets the core, with the PHY and the mode that it is to have: PHY selections count from the
/// next reset on (Linux and U-Boot reset the core after them).
fn reset(registers: &mut impl Registers, clock: &mut dyn Clock) -> Result<(), TimedOut> {
    // A reset may be under way already, from the data path.
    wait(clock, "AHB idle before core reset", CORE_WAIT_MAX, || {
        let control = registers.read(GRSTCTL);
        control.is_set(GRSTCTL::AHB_IDLE) && !control.is_set(GRSTCTL::CORE_SOFT_RESET)
    })?;
    // All clocks on, before anything else is believed.
    registers.write_raw(PCGCTL.offset(), 0);
    registers.modify(GAHBCFG, GAHBCFG::GLBL_INTR_MSK::CLEAR);
    // The Pi's PHY is UTMI+, 8 bits wide, inside the chip; no OTG protocols. The core is on the ID
    // pin's host side on every Pi 3, but a Zero 2's socket leaves the choice open: force host mode.
    registers.modify(
        GUSBCFG,
        GUSBCFG::ULPI_EXT_VBUS_DRV::CLEAR
            + GUSBCFG::TERM_SEL_DL_PULSE::CLEAR
            + GUSBCFG::ULPI_UTMI_SEL::CLEAR
            + GUSBCFG::PHY_IF::CLEAR
            + GUSBCFG::ULPI_FSLS::CLEAR
            + GUSBCFG::ULPI_CLK_SUS_M::CLEAR
            + GUSBCFG::SRP_CAP::CLEAR
            + GUSBCFG::HNP_CAP::CLEAR
            + GUSBCFG::FORCE_HOST_MODE::SET,
    );
    registers.write(GRSTCTL, GRSTCTL::CORE_SOFT_RESET::SET);
    wait(clock, "core reset", CORE_WAIT_MAX, || {
        !registers.read(GRSTCTL).is_set(GRSTCTL::CORE_SOFT_RESET)
    })?;
    wait(clock, "AHB idle after core reset", CORE_WAIT_MAX, || {
        registers.read(GRSTCTL).is_set(GRSTCTL::AHB_IDLE)
    })?;
    pause(clock, CORE_SETTLE);
    wait(clock, "host mode after core reset", HOST_MODE_WAIT_MAX, || is_host(registers))
}

/// True if the core is a host; until then host registers are not to be touched.
pub(crate) fn is_host(registers: &mut impl Registers) -> bool {
    registers.read(GINTSTS).is_set(GINT::CURRENT_MODE_HOST)
}

/// What the core loses in a reset; GUSBCFG it keeps. Without waits, so that it can be done again
/// from the data path.
pub(crate) fn configure(registers: &mut impl Registers) {
    // Only buffer DMA: this silicon has no slave mode. Burst and AXI_WAIT as Broadcom's own drivers
    // set them.
    registers.modify(
        GAHBCFG,
        GAHBCFG::DMA_EN::SET
            + GAHBCFG::AXI_WAIT::SET
            + GAHBCFG::AXI_BURST::FOUR
            + GAHBCFG::GLBL_INTR_MSK::CLEAR,
    );
    registers.write(HCFG, HCFG::FSLS_PCLK_SEL.val(0) + HCFG::FSLS_SUPP::CLEAR);

    registers.write_raw(GRXFSIZ.offset(), RX_FIFO_WORDS);
    registers.write(
        GNPTXFSIZ,
        FIFO::START.val(RX_FIFO_WORDS) + FIFO::DEPTH.val(NON_PERIODIC_TX_FIFO_WORDS),
    );
    registers.write(
        HPTXFSIZ,
        FIFO::START.val(RX_FIFO_WORDS + NON_PERIODIC_TX_FIFO_WORDS)
            + FIFO::DEPTH.val(PERIODIC_TX_FIFO_WORDS),
    );

    // Interrupts only end the CPU's sleep: a halted channel, a change of the port.
    registers.write_raw(HAINTMSK.offset(), (1 << CHANNELS) - 1);
    registers.write_raw(GINTSTS.offset(), u32::MAX);
    registers.write(GINTMSK, GINT::PORT::SET + GINT::CHANNEL::SET + GINT::DISCONNECT::SET);
    registers.modify(GAHBCFG, GAHBCFG::GLBL_INTR_MSK::SET);
}

fn flush(registers: &mut impl Registers, clock: &mut dyn Clock) -> Result<(), TimedOut> {
    registers.write(GRSTCTL, GRSTCTL::TX_FIFO_FLUSH::SET + GRSTCTL::TX_FIFO_NUMBER::ALL);
    wait(clock, "transmit FIFO flush", CORE_WAIT_MAX, || {
        !registers.read(GRSTCTL).is_set(GRSTCTL::TX_FIFO_FLUSH)
    })?;
    registers.write(GRSTCTL, GRSTCTL::RX_FIFO_FLUSH::SET);
    wait(clock, "receive FIFO flush", CORE_WAIT_MAX, || {
        !registers.read(GRSTCTL).is_set(GRSTCTL::RX_FIFO_FLUSH)
    })
}
