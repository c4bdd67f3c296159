//! The registers: offsets, reset values, and what reads and writes do besides.
//!
//! The host reaches them by vendor requests on endpoint 0: A0 writes, A1 reads, `wIndex` is the
//! offset, four bytes, little endian.

use super::phy;
use super::{Chip, Mistake, Trouble};

pub(super) const ID_REV: u16 = 0x000;
pub(super) const INT_STS: u16 = 0x008;
pub(super) const RX_CFG: u16 = 0x00c;
pub(super) const TX_CFG: u16 = 0x010;
pub(super) const HW_CFG: u16 = 0x014;
pub(super) const RX_FIFO_INF: u16 = 0x018;
pub(super) const TX_FIFO_INF: u16 = 0x01c;
pub(super) const PM_CTRL: u16 = 0x020;
pub(super) const AFC_CFG: u16 = 0x02c;
pub(super) const E2P_CMD: u16 = 0x030;
pub(super) const E2P_DATA: u16 = 0x034;
pub(super) const BURST_CAP: u16 = 0x038;
pub(super) const INT_EP_CTL: u16 = 0x068;
pub(super) const BULK_IN_DLY: u16 = 0x06c;
pub(super) const MAC_CR: u16 = 0x100;
pub(super) const ADDRH: u16 = 0x104;
pub(super) const ADDRL: u16 = 0x108;
pub(super) const HASHH: u16 = 0x10c;
pub(super) const HASHL: u16 = 0x110;
pub(super) const MII_ADDR: u16 = 0x114;
pub(super) const MII_DATA: u16 = 0x118;
pub(super) const FLOW: u16 = 0x11c;
pub(super) const VLAN1: u16 = 0x120;
pub(super) const COE_CR: u16 = 0x130;

/// Bits of INT_STS.
pub(super) mod int_sts {
    pub(crate) const MAC_RTO: u32 = 1 << 18;
    pub(crate) const TX_STOP: u32 = 1 << 17;
    pub(crate) const RX_STOP: u32 = 1 << 16;
    pub(crate) const PHY: u32 = 1 << 15;
    pub(crate) const TXE: u32 = 1 << 14;
    pub(crate) const RXDF: u32 = 1 << 11;
}

/// Bits of TX_CFG.
pub(super) mod tx_cfg {
    pub(crate) const ON: u32 = 1 << 2;
    pub(crate) const STOP: u32 = 1 << 1;
    pub(crate) const FLUSH: u32 = 1 << 0;
}

/// Bits of HW_CFG.
pub(super) mod hw_cfg {
    pub(crate) const BIR: u32 = 1 << 12;
    pub(crate) const RXDOFF_SHIFT: u32 = 9;
    pub(crate) const SBP: u32 = 1 << 8;
    pub(crate) const DRP: u32 = 1 << 6;
    pub(crate) const MEF: u32 = 1 << 5;
    pub(crate) const LRST: u32 = 1 << 3;
    pub(crate) const BCE: u32 = 1 << 1;
    pub(crate) const SRST: u32 = 1 << 0;
}

/// Bits of MAC_CR.
pub(super) mod mac_cr {
    pub(crate) const RXALL: u32 = 1 << 31;
    pub(crate) const RCVOWN: u32 = 1 << 23;
    pub(crate) const LOOPBK: u32 = 1 << 21;
    pub(crate) const FDPX: u32 = 1 << 20;
    pub(crate) const MCPAS: u32 = 1 << 19;
    pub(crate) const PRMS: u32 = 1 << 18;
    pub(crate) const INVFILT: u32 = 1 << 17;
    pub(crate) const HFILT: u32 = 1 << 15;
    pub(crate) const HPFILT: u32 = 1 << 13;
    pub(crate) const HASHES: u32 = HFILT | HPFILT;
    pub(crate) const BCAST: u32 = 1 << 11;
    pub(crate) const PADSTR: u32 = 1 << 8;
    pub(crate) const TXEN: u32 = 1 << 3;
    pub(crate) const RXEN: u32 = 1 << 2;
}

/// Bits of COE_CR.
pub(super) mod coe_cr {
    pub(crate) const TX: u32 = 1 << 16;
    pub(crate) const RX_MODE: u32 = 1 << 1;
    pub(crate) const RX: u32 = 1 << 0;
}

/// Bits of FLOW.
pub(super) mod flow {
    pub(crate) const PASS: u32 = 1 << 2;
    pub(crate) const ENABLE: u32 = 1 << 1;
}

const RX_FLUSH: u32 = 1 << 0;
const PM_PHY_RST: u32 = 1 << 4;
const PM_DEV_RDY: u32 = 1 << 7;
const E2P_BUSY: u32 = 1 << 31;
const E2P_TIMEOUT: u32 = 1 << 10;
const E2P_LOADED: u32 = 1 << 9;
const E2P_RELOAD: u32 = 7;
const MII_WRITE: u32 = 1 << 1;
const MII_BUSY: u32 = 1 << 0;
const INT_EP_ALWAYS: u32 = 1 << 31;
const INT_EP_MAC_RTO: u32 = 1 << 19;

/// A register that holds what is written: offset, reset value, the bits that it has.
type Row = (u16, u32, u32);

/// Every register that is there. The ones with effects have their line in [`Chip::write`] and
/// [`Chip::read`], too.
const TABLE: [Row; 34] = [
    (ID_REV, 0, 0),
    (INT_STS, 0, 0),
    (RX_CFG, 0, 0),
    (TX_CFG, 0, tx_cfg::ON),
    // Reset value `[board]`.
    (HW_CFG, 0, 0x1ff6),
    (RX_FIFO_INF, 0, 0),
    // 8 KB free `[data sheet]`.
    (TX_FIFO_INF, 0x2000, 0),
    (PM_CTRL, 0, 0x036f),
    (0x024, 0, u32::MAX),           // LED_GPIO_CFG
    (0x028, 0x1f00_0000, u32::MAX), // GPIO_CFG `[assumed]`
    (AFC_CFG, 0, 0x00ff_ffff),
    (E2P_CMD, 0, 0x7000_07ff),
    (E2P_DATA, 0, 0xff),
    (BURST_CAP, 0, 0xff),
    (0x03c, 0, 0), // STRAP_STATUS `[assumed]`
    (0x040, 0, u32::MAX),
    (0x044, 0, u32::MAX),
    (0x048, 0, u32::MAX),
    (0x04c, 0, u32::MAX),
    (0x050, 0, u32::MAX), // The data port; storage here.
    (0x064, 0, u32::MAX), // GPIO_WAKE
    (INT_EP_CTL, 0, 0x800f_ffff),
    // 34 us `[data sheet]` 5.3.1.1.
    (BULK_IN_DLY, 0x800, 0xffff),
    // Promiscuous after reset `[assumed]`.
    (MAC_CR, mac_cr::PRMS, 0x80bf_bdec),
    (ADDRH, 0xffff, 0xffff),
    (ADDRL, u32::MAX, u32::MAX),
    (HASHH, 0, u32::MAX),
    (HASHL, 0, u32::MAX),
    (MII_ADDR, 0, 0xffff),
    (MII_DATA, 0, 0xffff),
    (FLOW, 0, 0xffff_0007),
    // Keeps 16 bits `[board]`.
    (VLAN1, 0xffff, 0xffff),
    (0x124, 0xffff, 0xffff), // VLAN2
    (COE_CR, 0, coe_cr::TX | coe_cr::RX_MODE | coe_cr::RX),
];

/// Registers for waking up, which hold what is written and do nothing here.
const WAKE: [u16; 2] = [0x128, 0x12c];

const WORDS: usize = 0x134 / 4;

/// A bit that reads as one for a while.
#[derive(Clone, Copy, Debug)]
struct Busy {
    offset: u16,
    bit: u32,
    reads: u8,
}

/// The register file.
#[derive(Clone, Debug)]
pub(super) struct Registers {
    words: [u32; WORDS],
    id_rev: u32,
    int_sts: u32,
    busy: Vec<Busy>,
}

impl Registers {
    pub(super) fn new(id_rev: u32) -> Self {
        let mut registers = Self { words: [0; WORDS], id_rev, int_sts: 0, busy: Vec::new() };
        TABLE.iter().for_each(|(offset, reset, _)| registers.set(*offset, *reset));
        registers
    }

    /// What a register holds.
    pub(super) fn get(&self, offset: u16) -> u32 {
        self.words[usize::from(offset) / 4]
    }

    pub(super) fn has(&self, offset: u16, bit: u32) -> bool {
        self.get(offset) & bit != 0
    }

    fn set(&mut self, offset: u16, value: u32) {
        self.words[usize::from(offset) / 4] = value;
    }

    /// The bits that a register has; `None` if it is none.
    fn mask(offset: u16) -> Option<u32> {
        let row = TABLE.iter().find(|(other, ..)| *other == offset);
        row.map(|(.., mask)| *mask).or(WAKE.contains(&offset).then_some(u32::MAX))
    }

    fn is_busy(&self, offset: u16) -> bool {
        self.busy.iter().any(|busy| busy.offset == offset)
    }

    /// The busy bits of a register that is being read.
    fn still_busy(&mut self, offset: u16) -> u32 {
        let mut bits = 0;
        for busy in self.busy.iter_mut().filter(|busy| busy.offset == offset) {
            bits |= busy.bit;
            busy.reads -= 1;
        }
        self.busy.retain(|busy| busy.reads > 0);
        bits
    }
}

impl Chip {
    /// Reads a register, with all that a read does.
    pub(super) fn read(&mut self, offset: u16) -> u32 {
        if Registers::mask(offset).is_none() {
            self.note(Mistake::UnknownRegister { offset });
            return 0;
        }
        if offset == MII_DATA && self.registers.is_busy(MII_ADDR) {
            self.note(Mistake::MiiBusy);
            return 0;
        }
        let value = match offset {
            ID_REV => self.registers.id_rev,
            INT_STS => self.interrupt_status(),
            RX_FIFO_INF => (self.receive.frames() as u32) << 16 | self.receive.used() as u32,
            TX_FIFO_INF => (super::TX_FIFO_BYTES - self.transmit.used()) as u32,
            other => self.registers.get(other),
        };
        value | self.registers.still_busy(offset)
    }

    /// Writes a register, with all that a write does.
    pub(super) fn write(&mut self, offset: u16, value: u32) {
        let Some(mask) = Registers::mask(offset) else {
            self.note(Mistake::UnknownRegister { offset });
            return;
        };
        if self.troubles.choose(Trouble::strikes_writes).is_some() {
            self.statistics.writes_dropped += 1;
            return;
        }
        let before = self.registers.get(offset);
        match offset {
            INT_STS => {
                self.registers.int_sts &= !value;
                return;
            }
            RX_CFG if value & RX_FLUSH != 0 => {
                self.flush_receiver();
                self.busy(RX_CFG, RX_FLUSH);
            }
            TX_CFG => return self.write_tx_cfg(value),
            HW_CFG if value & hw_cfg::SRST != 0 => {
                // The USB side stays as it is `[assumed]`.
                self.reset();
                self.busy(HW_CFG, hw_cfg::SRST);
                return;
            }
            HW_CFG if value & hw_cfg::LRST != 0 => return self.lite_reset(),
            PM_CTRL => {
                if value & PM_PHY_RST != 0 {
                    self.phy.reset(self.now);
                    self.busy(PM_CTRL, PM_PHY_RST);
                }
                // `[assumed]`: ready at once.
                return self.registers.set(PM_CTRL, value & mask | PM_DEV_RDY);
            }
            E2P_CMD => return self.command_eeprom(value),
            MII_ADDR => return self.access_mii(value),
            MII_DATA if self.registers.is_busy(MII_ADDR) => self.note(Mistake::MiiBusy),
            COE_CR if (before ^ value) & self.running_engines() != 0 => {
                self.note(Mistake::ChecksumWhileRunning);
            }
            _ => {}
        }
        self.registers.set(offset, value & mask);
        if offset == MAC_CR {
            self.mac_changed(before);
        }
    }

    /// Shows a bit for some reads more.
    fn busy(&mut self, offset: u16, bit: u32) {
        let reads = self.settings.busy_reads;
        if reads > 0 {
            self.registers.busy.push(Busy { offset, bit, reads });
        }
    }

    /// The bits of COE_CR that may not change now `[data sheet]` 5.5.7 and table 4-53 of the
    /// LAN9730.
    fn running_engines(&self) -> u32 {
        let receiver = self.registers.has(MAC_CR, mac_cr::RXEN);
        let sender = self.registers.has(TX_CFG, tx_cfg::ON);
        let (rx, tx) = (coe_cr::RX | coe_cr::RX_MODE, coe_cr::TX);
        (if receiver { rx } else { 0 }) | (if sender { tx } else { 0 })
    }

    fn mac_changed(&mut self, before: u32) {
        let now = self.registers.get(MAC_CR);
        if before & !now & mac_cr::RXEN != 0 {
            self.raise(int_sts::RX_STOP);
        }
        if now & mac_cr::PADSTR != 0 && self.registers.has(COE_CR, coe_cr::RX) {
            self.note(Mistake::PadStrippingWithChecksum);
        }
        self.pump();
    }

    fn write_tx_cfg(&mut self, value: u32) {
        if value & tx_cfg::FLUSH != 0 {
            if self.registers.has(TX_CFG, tx_cfg::ON) && value & tx_cfg::STOP == 0 {
                self.note(Mistake::FlushWhileRunning);
            }
            self.statistics.flushed += self.transmit.flush() as u64;
            self.busy(TX_CFG, tx_cfg::FLUSH);
        }
        if value & tx_cfg::STOP != 0 {
            self.registers.set(TX_CFG, 0);
            self.raise(int_sts::TX_STOP);
        } else {
            self.registers.set(TX_CFG, value & tx_cfg::ON);
        }
        self.pump();
    }

    fn flush_receiver(&mut self) {
        if self.registers.has(MAC_CR, mac_cr::RXEN) {
            self.note(Mistake::FlushWhileRunning);
        }
        self.statistics.flushed += self.receive.flush() as u64;
    }

    /// HW_CFG.LRST: all but the USB side, the PHY and the MAC address.
    fn lite_reset(&mut self) {
        let address = (self.registers.get(ADDRH), self.registers.get(ADDRL));
        self.registers = Registers::new(self.settings.model.id_rev);
        self.registers.set(ADDRH, address.0);
        self.registers.set(ADDRL, address.1);
        self.statistics.flushed += (self.receive.flush() + self.transmit.flush()) as u64;
        self.transmit.recover();
        self.busy(HW_CFG, hw_cfg::LRST);
    }

    /// The MAC address of the EEPROM, if there is one.
    pub(super) fn load_address(&mut self) {
        if let Some([a, b, c, d, e, f]) = self.eeprom.mac() {
            self.registers.set(ADDRL, u32::from_le_bytes([a, b, c, d]));
            self.registers.set(ADDRH, u32::from_le_bytes([e, f, 0, 0]));
            self.registers.set(E2P_CMD, E2P_LOADED);
        }
    }

    fn command_eeprom(&mut self, value: u32) {
        if self.registers.is_busy(E2P_CMD) {
            return self.note(Mistake::EepromBusy);
        }
        let (operation, address) = (value >> 28 & 7, value as usize & 0x1ff);
        let loaded = self.registers.get(E2P_CMD) & E2P_LOADED;
        let mut result = value & 0x7000_01ff | loaded;
        if value & E2P_BUSY != 0 {
            let mut data = self.registers.get(E2P_DATA);
            if !self.eeprom.operate(operation, address, &mut data) {
                result |= E2P_TIMEOUT;
            }
            self.registers.set(E2P_DATA, data);
            self.busy(E2P_CMD, E2P_BUSY);
        }
        self.registers.set(E2P_CMD, result);
        if value & E2P_BUSY != 0 && operation == E2P_RELOAD {
            self.load_address();
        }
    }

    /// A write of MII_ADDR is an access, with or without BUSY `[seen]`: U-Boot never sets it.
    fn access_mii(&mut self, value: u32) {
        if self.registers.is_busy(MII_ADDR) {
            return self.note(Mistake::MiiBusy);
        }
        let (address, register) = (value >> 11 & 31, value >> 6 & 31);
        let data = match (address == phy::ADDRESS, value & MII_WRITE != 0) {
            (true, true) => {
                let before = self.phy.interrupts();
                self.phy.write(self.now, register, self.registers.get(MII_DATA) as u16);
                self.events += u64::from(!before && self.phy.interrupts());
                self.registers.get(MII_DATA)
            }
            (true, false) => self.phy.read(register).into(),
            (false, true) => self.registers.get(MII_DATA),
            (false, false) => 0xffff,
        };
        self.registers.set(MII_DATA, data);
        self.registers.set(MII_ADDR, value & 0xffff & !MII_BUSY);
        self.busy(MII_ADDR, MII_BUSY);
    }

    /// The MAC address that the filter compares with.
    pub(super) fn own_address(&self) -> [u8; 6] {
        let (low, high) = (self.registers.get(ADDRL), self.registers.get(ADDRH));
        let ([a, b, c, d], [e, f, ..]) = (low.to_le_bytes(), high.to_le_bytes());
        [a, b, c, d, e, f]
    }

    pub(super) fn raise(&mut self, bits: u32) {
        if self.registers.int_sts & bits != bits {
            self.events += 1;
        }
        self.registers.int_sts |= bits;
    }

    /// INT_STS: PHY_INT is a live level, the others stay until they are written as one.
    fn interrupt_status(&self) -> u32 {
        self.registers.int_sts | if self.phy.interrupts() { int_sts::PHY } else { 0 }
    }

    /// The word on the interrupt endpoint; `None` is NAK.
    pub(super) fn interrupt_word(&self) -> Option<u32> {
        let control = self.registers.get(INT_EP_CTL);
        let timeout = if control & INT_EP_MAC_RTO != 0 { int_sts::MAC_RTO } else { 0 };
        let word = self.interrupt_status() & (control & 0x0003_ffff | timeout);
        (word != 0 || control & INT_EP_ALWAYS != 0).then_some(word)
    }
}
