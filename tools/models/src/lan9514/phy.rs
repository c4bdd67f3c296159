//! The PHY at MII address 1: IEEE 802.3 clause 22 registers, and those of an SMSC LAN8700.
//!
//! ```text
//!   Down ── cable in, not powered down ──> Negotiating ── time ──> Up
//!    ^                                        ^  |                 |
//!    `── cable out, power down, no match ─────+--'                 |
//!                                             `── restart ─────────'
//! ```
//!
//! Register values are `[seen]` unless marked otherwise.

use std::time::Duration;

/// The only address on the internal MII bus.
pub(super) const ADDRESS: u32 = 1;

const BMCR: u32 = 0;
const BMSR: u32 = 1;
const ID_HIGH: u32 = 2;
const ID_LOW: u32 = 3;
const ADVERTISEMENT: u32 = 4;
const PARTNER: u32 = 5;
const EXPANSION: u32 = 6;
const MODE: u32 = 17;
const SOURCE: u32 = 29;
const MASK: u32 = 30;
const SPECIAL: u32 = 31;

const BMCR_RESET: u16 = 1 << 15;
const BMCR_100: u16 = 1 << 13;
const BMCR_NEGOTIATE: u16 = 1 << 12;
const BMCR_POWER_DOWN: u16 = 1 << 11;
const BMCR_RESTART: u16 = 1 << 9;
const BMCR_FULL: u16 = 1 << 8;

const BMSR_DONE: u16 = 1 << 5;
const BMSR_LINK: u16 = 1 << 2;

const ABLE_100_FULL: u16 = 1 << 8;
const ABLE_100_HALF: u16 = 1 << 7;
const ABLE_10_FULL: u16 = 1 << 6;
const ABLE_10_HALF: u16 = 1 << 5;

const SOURCE_ENERGY: u16 = 0x80;
const SOURCE_DONE: u16 = 0x40;
const SOURCE_DOWN: u16 = 0x10;

/// How long a link without autonegotiation takes `[assumed]`.
const FORCED_LINK_TIME: Duration = Duration::from_millis(10);

/// What is at the other end of the cable: its ability register, as ANLPAR shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partner(pub u16);

impl Partner {
    /// A switch: 10 and 100 Mbit/s, half and full duplex, symmetric pause. `[seen]`
    pub const FULL_100: Self = Self(0xcde1);
    /// A hub, or a port that was nailed to 100 Mbit/s half duplex.
    pub const HALF_100: Self = Self(0x4081);
    /// 10 Mbit/s full duplex.
    pub const FULL_10: Self = Self(0x4041);
    /// 10 Mbit/s half duplex.
    pub const HALF_10: Self = Self(0x4021);
}

/// What was negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) full: bool,
    pub(super) fast: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Down,
    Negotiating { until: Duration },
    Up(Link),
}

/// The PHY.
#[derive(Clone, Debug)]
pub(super) struct Phy {
    state: State,
    /// BMSR's link bit, which stays low until it was read.
    latched_low: bool,
    control: u16,
    advertisement: u16,
    source: u16,
    mask: u16,
    /// Registers without effect here.
    storage: [u16; 32],
    time: Duration,
    cable: bool,
    partner: Partner,
}

impl Phy {
    pub(super) fn new(time: Duration, cable: bool, partner: Partner) -> Self {
        let mut phy = Self {
            state: State::Down,
            latched_low: true,
            control: 0,
            advertisement: 0,
            source: 0,
            mask: 0,
            storage: [0; 32],
            time,
            cable,
            partner,
        };
        phy.defaults();
        phy
    }

    fn defaults(&mut self) {
        self.control = BMCR_100 | BMCR_NEGOTIATE;
        self.advertisement = 0x01e1;
        self.source = 0;
        self.mask = 0;
        self.storage = [0; 32];
        self.storage[18] = 0x00e1;
    }

    /// Every register as after power-on, and a new start. No interrupt tells of the link that was.
    pub(super) fn reset(&mut self, now: Duration) {
        self.latched_low = true;
        self.defaults();
        self.begin(now);
        self.source = 0;
    }

    /// Time passes. True if the interrupt source changed.
    pub(super) fn advance(&mut self, now: Duration) -> bool {
        let State::Negotiating { until } = self.state else { return false };
        if now < until {
            return false;
        }
        if !self.negotiates() {
            let (full, fast) = (self.control & BMCR_FULL != 0, self.control & BMCR_100 != 0);
            self.state = State::Up(Link { full, fast });
            return false;
        }
        let common = self.advertisement & self.partner.0;
        let best = [ABLE_100_FULL, ABLE_100_HALF, ABLE_10_FULL, ABLE_10_HALF]
            .into_iter()
            .find(|ability| common & ability != 0);
        let Some(best) = best else {
            // Nothing in common: it starts again, and again.
            self.state = State::Negotiating { until: until + self.time.max(FORCED_LINK_TIME) };
            return false;
        };
        self.state = State::Up(Link {
            full: best & (ABLE_100_FULL | ABLE_10_FULL) != 0,
            fast: best & (ABLE_100_FULL | ABLE_100_HALF) != 0,
        });
        self.source |= SOURCE_DONE;
        true
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        match self.state {
            State::Negotiating { until } => Some(until),
            _ => None,
        }
    }

    /// True if the interrupt source changed.
    pub(super) fn plug_cable(&mut self, now: Duration, cable: bool) -> bool {
        if cable == self.cable {
            return false;
        }
        self.cable = cable;
        if cable {
            self.source |= SOURCE_ENERGY;
        }
        self.begin(now);
        true
    }

    /// True if the interrupt source changed.
    pub(super) fn set_partner(&mut self, now: Duration, partner: Partner) -> bool {
        self.partner = partner;
        self.begin(now);
        true
    }

    pub(super) fn set_autonegotiation(&mut self, time: Duration) {
        self.time = time;
    }

    pub(super) fn link(&self) -> Option<Link> {
        match self.state {
            State::Up(link) => Some(link),
            _ => None,
        }
    }

    /// True if the interrupt line is active.
    pub(super) fn interrupts(&self) -> bool {
        self.source & self.mask != 0
    }

    fn negotiates(&self) -> bool {
        self.control & BMCR_NEGOTIATE != 0
    }

    /// The link goes down, if it was up, and comes again, if it can.
    fn begin(&mut self, now: Duration) {
        if let State::Up(_) = self.state {
            self.source |= SOURCE_DOWN;
            self.latched_low = true;
        }
        let can = self.cable && self.control & BMCR_POWER_DOWN == 0;
        let time = if self.negotiates() { self.time } else { FORCED_LINK_TIME };
        self.state = if can { State::Negotiating { until: now + time } } else { State::Down };
    }

    pub(super) fn read(&mut self, register: u32) -> u16 {
        match register {
            BMCR => self.control,
            BMSR => {
                let up = self.link().is_some();
                // The bit stays low until it was read (IEEE 802.3, 22.2.4.2.13).
                let shown = up && !self.latched_low;
                self.latched_low = !up;
                let done = if up && self.negotiates() { BMSR_DONE } else { 0 };
                0x7809 | done | if shown { BMSR_LINK } else { 0 }
            }
            ID_HIGH => 0x0007,
            ID_LOW => 0xc0c3,
            ADVERTISEMENT => self.advertisement,
            PARTNER if self.link().is_some() && self.negotiates() => self.partner.0,
            PARTNER => 0,
            EXPANSION => u16::from(self.link().is_some() && self.negotiates()),
            MODE => self.storage[17] & !2 | if self.cable { 2 } else { 0 },
            SOURCE => std::mem::take(&mut self.source),
            MASK => self.mask,
            SPECIAL => {
                let Some(link) = self.link() else { return 0x0040 };
                let speed = match (link.fast, link.full) {
                    (false, false) => 0b001,
                    (true, false) => 0b010,
                    (false, true) => 0b101,
                    (true, true) => 0b110,
                };
                let done = if self.negotiates() { 1 << 12 } else { 0 };
                0x0040 | done | speed << 2
            }
            other => self.storage[other as usize & 31],
        }
    }

    pub(super) fn write(&mut self, now: Duration, register: u32, value: u16) {
        match register {
            BMCR if value & BMCR_RESET != 0 => self.reset(now),
            BMCR => {
                let before = self.control;
                self.control = value & !BMCR_RESTART;
                let restart = value & BMCR_RESTART != 0 && self.negotiates();
                if restart || before != self.control {
                    self.begin(now);
                }
            }
            // From the next start of autonegotiation on.
            ADVERTISEMENT => self.advertisement = value,
            MASK => self.mask = value & 0xfe,
            BMSR | ID_HIGH | ID_LOW | PARTNER | EXPANSION | SOURCE | SPECIAL => {}
            other => self.storage[other as usize & 31] = value,
        }
    }
}
