//! Bring-up: from a device at its address to a chip that moves frames.
//!
//! The order is that of Linux' and U-Boot's drivers. Registers without which nothing works are read
//! back, since a write that got lost would show much later, as something else.

use usb::bus::Configurations;
use usb::{Endpoint, Host, Kind, Speed, Way};

use crate::chip::Chip;
use crate::filter::Filter;
use crate::ids::is_chip;
use crate::limits::{
    BULK_IN_DELAY, BURST_PACKETS_FULL, BURST_PACKETS_HIGH, LITE_RESET_MAX, PACKET_BYTES_FULL,
    PACKET_BYTES_HIGH, PHY_RESET_MAX, WRITE_TRIES,
};
use crate::link::Rate;
use crate::registers::{
    ADDRH, ADDRL, AFC_CFG, BULK_IN_DLY, BURST_CAP, COE_CR, E2P_CMD, FLOW, HASHH, HASHL, HW_CFG,
    ID_REV, INT_EP_CTL, INT_STS, INTERRUPTS, LED_GPIO_CFG, MAC_CR, PM_CTRL, TX_CFG, VLAN1, phy,
};
use crate::{AccessError, Error};

/// What we advertise: 10 and 100 Mbit/s, half and full duplex, pause frames of both kinds.
pub(crate) const ADVERTISED: u16 = phy::SELECTOR
    | phy::TEN_HALF
    | phy::TEN_FULL
    | phy::HUNDRED_HALF
    | phy::HUNDRED_FULL
    | phy::PAUSE
    | phy::PAUSE_ONE_WAY;

/// IEEE 802.1Q.
const VLAN_TYPE: u32 = 0x8100;

/// Where the frames go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// `bConfigurationValue`.
    pub(crate) configuration: u8,
    pub(crate) bulk_in: Endpoint,
    pub(crate) bulk_out: Endpoint,
    pub(crate) interrupt: Option<Endpoint>,
}

impl Function {
    /// The first interface with a bulk endpoint in each direction.
    pub(crate) fn find(configurations: &Configurations, speed: Speed) -> Result<Self, Error> {
        for configuration in configurations.iter() {
            for interface in configuration.interfaces() {
                let endpoints = interface.endpoints(speed)?;
                let find =
                    |kind, way| endpoints.iter().find(|e| e.kind == kind && e.way == way).copied();
                let bulk = (find(Kind::Bulk, Way::In), find(Kind::Bulk, Way::Out));
                if let (Some(bulk_in), Some(bulk_out)) = bulk {
                    let configuration = configuration.value;
                    let interrupt = find(Kind::Interrupt, Way::In);
                    return Ok(Self { configuration, bulk_in, bulk_out, interrupt });
                }
            }
        }
        Err(Error::NoEndpoints)
    }
}

/// What the chip is set up for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) mac: [u8; 6],
    pub(crate) filter: Filter,
    pub(crate) offload: bool,
    pub(crate) speed: Speed,
    pub(crate) rate: Rate,
}

/// Packets of a burst, and bytes of each.
fn burst(speed: Speed) -> (usize, usize) {
    match speed {
        Speed::High => (BURST_PACKETS_HIGH, PACKET_BYTES_HIGH),
        _ => (BURST_PACKETS_FULL, PACKET_BYTES_FULL),
    }
}

/// Bytes of the longest burst, and so of each receive transfer.
pub(crate) fn burst_bytes(speed: Speed) -> usize {
    let (packets, bytes) = burst(speed);
    packets * bytes
}

/// True if a station can have this address: neither zero nor a group's.
pub(crate) fn is_station(mac: &[u8; 6]) -> bool {
    mac[0] & 1 == 0 && *mac != [0; 6]
}

impl<H: Host + ?Sized> Chip<'_, H> {
    /// Makes sure that this is a chip of the family.
    pub(crate) fn identify(&mut self) -> Result<u16, Error> {
        let id = self.read(ID_REV)?;
        let chip = id.read(ID_REV::CHIP_ID) as u16;
        if is_chip(chip) { Ok(chip) } else { Err(Error::WrongChip { found: id.get() }) }
    }

    /// Resets everything but the USB controller and the PHY.
    pub(crate) fn lite_reset(&mut self) -> Result<(), Error> {
        for _ in 0..WRITE_TRIES {
            self.write(HW_CFG, HW_CFG::LRST::SET)?;
            self.settle("lite reset", LITE_RESET_MAX, |chip| {
                Ok(!chip.read(HW_CFG)?.is_set(HW_CFG::LRST))
            })?;
            // Else the write got lost: a reset leaves nothing of what was set before.
            if !self.read(HW_CFG)?.is_set(HW_CFG::MEF) {
                break;
            }
        }
        Ok(())
    }

    /// The address that the chip has from an EEPROM, if it has one.
    pub(crate) fn own_address(&mut self) -> Result<Option<[u8; 6]>, AccessError> {
        // Without an EEPROM the registers may still hold what another driver has left in them.
        if !self.read(E2P_CMD)?.is_set(E2P_CMD::LOADED) {
            return Ok(None);
        }
        let [a, b, c, d] = self.read(ADDRL)?.get().to_le_bytes();
        let [e, f, ..] = self.read(ADDRH)?.get().to_le_bytes();
        Ok(Some([a, b, c, d, e, f]).filter(is_station))
    }

    /// Sets all registers after a reset, except for those that let frames pass.
    pub(crate) fn configure(&mut self, plan: &Plan) -> Result<(), Error> {
        let [a, b, c, d, e, f] = plan.mac;
        self.set_raw(ADDRL, u32::from_le_bytes([a, b, c, d]), u32::MAX)?;
        self.set(ADDRH, ADDRH::BYTES.val(u16::from_le_bytes([e, f]).into()))?;

        // These belong together: many frames in a transfer need the cap, or a burst outgrows its
        // buffer, and the delay, or a burst that is not full never ends. BIR: an empty FIFO is
        // answered by NAK, so that a transfer ends when there is something in it.
        self.set(BURST_CAP, BURST_CAP::PACKETS.val(burst(plan.speed).0 as u32))?;
        self.set(BULK_IN_DLY, BULK_IN_DLY::DELAY.val(BULK_IN_DELAY))?;
        let hardware = HW_CFG::MEF::SET + HW_CFG::BCE::SET + HW_CFG::BIR::SET;
        self.set(HW_CFG, hardware + HW_CFG::RXDOFF.val(0))?;

        self.clear(INT_STS, u32::MAX)?;
        let leds = LED_GPIO_CFG::SPEED::SET
            + LED_GPIO_CFG::LINK_ACTIVITY::SET
            + LED_GPIO_CFG::FULL_DUPLEX::SET;
        self.write(LED_GPIO_CFG, leds)?;
        self.write(FLOW, plan.rate.flow())?;
        self.write(AFC_CFG, plan.rate.pressure())?;
        self.write(VLAN1, VLAN1::TYPE.val(VLAN_TYPE))?;
        let offload = plan.offload.into();
        self.set(COE_CR, COE_CR::RX_COE_EN.val(offload) + COE_CR::TX_COE_EN.val(offload))?;
        self.set_raw(HASHH, (plan.filter.table() >> 32) as u32, u32::MAX)?;
        self.set_raw(HASHL, plan.filter.table() as u32, u32::MAX)?;
        let told = INTERRUPTS::PHY_INT::SET
            + INTERRUPTS::TXE::SET
            + INTERRUPTS::TDFO::SET
            + INTERRUPTS::TDFU::SET
            + INTERRUPTS::RX_STOP::SET
            + INTERRUPTS::TX_STOP::SET;
        self.set(INT_EP_CTL, told)
    }

    /// Resets the PHY and lets it negotiate.
    pub(crate) fn start_phy(&mut self) -> Result<(), Error> {
        self.write(PM_CTRL, PM_CTRL::PHY_RST::SET)?;
        self.settle("PHY reset", PHY_RESET_MAX, |chip| {
            Ok(!chip.read(PM_CTRL)?.is_set(PM_CTRL::PHY_RST))
        })?;
        let id = (self.read_phy(phy::ID_1)?, self.read_phy(phy::ID_2)?);
        if matches!(id, (0, 0) | (u16::MAX, u16::MAX)) {
            return Err(Error::NoPhy { id });
        }
        self.set_phy("PHY ADVERTISE", phy::ADVERTISE, ADVERTISED, ADVERTISED)?;
        // What it had to say before is of no interest.
        self.read_phy(phy::SOURCE)?;
        let told = phy::INTERRUPT_LINK_DOWN | phy::INTERRUPT_NEGOTIATED;
        self.set_phy("PHY MASK", phy::MASK, told, told)?;
        let negotiate = phy::BMCR_AUTONEGOTIATE | phy::BMCR_RESTART;
        self.set_phy("PHY BMCR", phy::BMCR, negotiate, phy::BMCR_AUTONEGOTIATE | phy::BMCR_ODD)
    }

    /// Once more from the lite reset, for a chip that was set up by the same plan; with the PHY, if
    /// `phy`.
    pub(crate) fn start_over(&mut self, plan: &Plan, phy: bool) -> Result<(), Error> {
        self.identify()?;
        self.lite_reset()?;
        self.configure(plan)?;
        if phy {
            self.start_phy()?;
        }
        self.enable(plan)
    }

    /// Lets no frame pass any more: the receiver is off, and the bulk endpoint answers at once,
    /// whether or not there is something in the FIFO.
    pub(crate) fn silence(&mut self) -> Result<(), AccessError> {
        self.write(MAC_CR, MAC_CR::TXEN::SET)?;
        self.write(HW_CFG, HW_CFG::MEF::SET + HW_CFG::BCE::SET + HW_CFG::BIR::CLEAR)
    }

    /// Lets frames pass.
    pub(crate) fn enable(&mut self, plan: &Plan) -> Result<(), Error> {
        self.set(TX_CFG, TX_CFG::ON::SET)?;
        self.set(MAC_CR, plan.rate.mac(plan.filter))
    }
}
