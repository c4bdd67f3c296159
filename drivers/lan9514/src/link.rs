//! The link: what the PHYs have agreed upon, and a watch over it.
//!
//! The chip tells by its interrupt endpoint that something happened, and is asked now and then
//! besides. The answer takes several control transfers, each of which blocks the loop; so the
//! [`Monitor`] does one a step.
//!
//! ```text
//!            interrupt              link: yes, as before
//!   Resting ───────────> Source ─> Latched ───────────────────────────> Cause ─> Clear ─> Resting
//!      │                             ^ │                                  ^
//!      └─────────────────────────────┘ └> Status ─> Partner ─> Flow ─>    │
//!         time                               │       Pressure ─> Mac ─────┤ link up
//!                                            └────────────────────────────┘ link down
//! ```
//!
//! Now and then the chip's statistics are asked for before such a round.

use core::fmt;
use core::time::Duration;

use tock_registers::LocalRegisterCopy;
use tock_registers::fields::FieldValue;
use usb::Host;

use crate::chip::{Chip, RegistersExt, is_of, mii_read, worth_a_try};
use crate::filter::Filter;
use crate::limits::{ACCESS_TRIES, ERROR_REST, LINK_LOOK_DOWN, LINK_LOOK_UP, MII_LOOKS_MAX};
use crate::registers::{
    AFC_CFG, FLOW, HASHH, HASHL, INT_STS, INTERRUPTS, MAC_CR, MII_ADDR, MII_DATA, phy,
};
use crate::setup::ADVERTISED;
use crate::statistics::{Side, Statistics};
use crate::{AccessError, Counters, Trouble};

/// What the PHYs have agreed upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Mbit/s: 10 or 100.
    pub megabits: u16,
    /// False: half duplex.
    pub full_duplex: bool,
    /// The partner's pause frames are obeyed.
    pub obeys_pause: bool,
    /// We send pause frames.
    pub sends_pause: bool,
}

impl Rate {
    /// The best that both sides advertise (IEEE 802.3, annexes 28B.2 and 28B.3). A partner that
    /// advertises nothing gets 10 Mbit/s at half duplex: what one must be able to do that does not
    /// negotiate.
    pub fn agreed(ours: u16, partner: u16) -> Self {
        let common = ours & partner;
        let modes = [
            (phy::HUNDRED_FULL, 100, true),
            (phy::HUNDRED_HALF, 100, false),
            (phy::TEN_FULL, 10, true),
        ];
        let best = modes.into_iter().find(|(bit, ..)| common & bit != 0);
        let (_, megabits, full_duplex) = best.unwrap_or((phy::TEN_HALF, 10, false));
        let both = common & phy::PAUSE != 0;
        // One of the two pauses, if both know the one-way kind and one of them only that.
        let one_way = common & phy::PAUSE_ONE_WAY != 0;
        Self {
            megabits,
            full_duplex,
            obeys_pause: full_duplex && (both || one_way && ours & phy::PAUSE != 0),
            sends_pause: full_duplex && (both || one_way && partner & phy::PAUSE != 0),
        }
    }

    /// What the MAC does before anything is agreed upon.
    pub(crate) const UNKNOWN: Self =
        Self { megabits: 100, full_duplex: true, obeys_pause: false, sends_pause: false };

    /// FLOW.
    pub(crate) fn flow(self) -> FieldValue<u32, FLOW::Register> {
        FLOW::FCEN.val(self.obeys_pause.into())
            + FLOW::PAUSE_TIME.val(if self.sends_pause { 0xffff } else { 0 })
    }

    /// AFC_CFG: the FIFO's levels are 3 and 15.5 KB, as Linux has them. Back pressure stands in for
    /// pause frames at half duplex.
    pub(crate) fn pressure(self) -> FieldValue<u32, AFC_CFG::Register> {
        let all = self.sends_pause || !self.full_duplex;
        let frames = if all { AFC_CFG::FRAMES::ALL } else { AFC_CFG::FRAMES::NONE };
        frames + AFC_CFG::BACK_DURATION.val(0xa) + AFC_CFG::LOW.val(0x30) + AFC_CFG::HIGH.val(0xf8)
    }

    /// MAC_CR of a MAC that runs. At half duplex it must hear the carrier and not itself.
    pub(crate) fn mac(self, filter: Filter) -> FieldValue<u32, MAC_CR::Register> {
        MAC_CR::RXEN::SET
            + MAC_CR::TXEN::SET
            + MAC_CR::FDPX.val(self.full_duplex.into())
            + MAC_CR::RCVOWN.val((!self.full_duplex).into())
            + filter.bits()
    }
}

/// The state of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// No carrier, or still negotiating.
    Down,
    /// Carrier.
    Up(Rate),
}

impl Link {
    /// True if frames can pass.
    pub fn is_up(self) -> bool {
        self != Self::Down
    }

    /// The rate; before there is one, what the MAC is set to.
    pub(crate) fn rate(self) -> Rate {
        match self {
            Self::Down => Rate::UNKNOWN,
            Self::Up(rate) => rate,
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down => f.write_str("down"),
            Self::Up(rate) => {
                let duplex = if rate.full_duplex { "full" } else { "half" };
                write!(f, "up, {} Mbit/s {duplex} duplex", rate.megabits)
            }
        }
    }
}

/// Where a read of a PHY register is; each is one control transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mii {
    Ask { looks: u32 },
    Wait { looks: u32 },
    Fetch,
}

impl Mii {
    const ASK: Self = Self::Ask { looks: 0 };
}

/// Where the monitor is; the drawing is at the head of this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Resting,
    /// Reads, and so clears, the PHY's interrupt.
    Source(Mii),
    /// The first look at the status: a link that was lost since the last one shows as down.
    Latched(Mii),
    /// The second look: the link as it is.
    Status(Mii),
    Partner(Mii),
    Flow(Rate),
    Pressure(Rate),
    Mac(Rate),
    Cause,
    Clear(u32),
    HashHigh,
    HashLow,
    FilterMac,
    Statistics(Side),
}

/// A watch over the link and the chip's interrupts, one control transfer a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Monitor {
    pub(crate) link: Link,
    phase: Phase,
    /// No step before this time.
    due: Duration,
    /// Failures of this step.
    tries: u32,
    /// The PHY has interrupted: its source is to be read.
    asked: bool,
    /// The agreement is to be looked at whether or not the link was lost.
    recheck: bool,
    filter: Filter,
    filter_is_new: bool,
    statistics: Statistics,
}

impl Monitor {
    /// A watch over a link that nothing is known of.
    pub(crate) fn new(now: Duration, filter: Filter, statistics: Statistics) -> Self {
        Self {
            link: Link::Down,
            phase: Phase::Resting,
            due: now,
            tries: 0,
            asked: false,
            recheck: true,
            filter,
            filter_is_new: false,
            statistics,
        }
    }

    /// Something happened: to be looked at as soon as the present round is over.
    pub(crate) fn ask(&mut self, now: Duration) {
        self.asked = true;
        if self.phase == Phase::Resting {
            self.due = self.due.min(now);
        }
    }

    /// The chip was reset, and with it the PHY if `phy`.
    pub(crate) fn restart(&mut self, now: Duration, phy: bool) {
        let link = if phy { Link::Down } else { self.link };
        self.statistics.restart();
        *self = Self { link, ..Self::new(now, self.filter, self.statistics) };
    }

    /// Lets other frames pass from soon on.
    pub(crate) fn set_filter(&mut self, now: Duration, filter: Filter) {
        self.filter = filter;
        self.filter_is_new = true;
        if self.phase == Phase::Resting {
            self.due = self.due.min(now);
        }
    }

    /// When the next step is due.
    pub(crate) fn due(&self) -> Duration {
        self.due
    }

    /// One step, if one is due: one control transfer at most. The link, if it changed.
    pub(crate) fn step<H: Host + ?Sized>(
        &mut self,
        chip: &mut Chip<'_, H>,
        now: Duration,
    ) -> Result<Option<Link>, Trouble> {
        if now < self.due {
            return Ok(None);
        }
        let before = self.link;
        match self.advance(chip, now) {
            Ok(()) => self.tries = 0,
            Err(Trouble::Access(failed)) if self.may_retry(failed) => {
                self.tries += 1;
                self.due = now + ERROR_REST;
                chip.counters.access_retries += 1;
            }
            Err(trouble) => return Err(trouble),
        }
        Ok((self.link != before).then_some(self.link))
    }

    fn may_retry(&self, failed: AccessError) -> bool {
        self.tries + 1 < ACCESS_TRIES && worth_a_try(failed.error)
    }

    fn advance<H: Host + ?Sized>(
        &mut self,
        chip: &mut Chip<'_, H>,
        now: Duration,
    ) -> Result<(), Trouble> {
        self.phase = match self.phase {
            Phase::Resting if self.filter_is_new => Phase::HashHigh,
            Phase::Resting if core::mem::take(&mut self.asked) => Phase::Source(Mii::ASK),
            Phase::Resting if self.statistics.is_due(now) => Phase::Statistics(Side::Received),
            Phase::Resting => Phase::Latched(Mii::ASK),
            Phase::Source(mii) => match read(chip, phy::SOURCE, mii)? {
                Err(mii) => Phase::Source(mii),
                Ok(_) => Phase::Latched(Mii::ASK),
            },
            Phase::Latched(mii) => match read(chip, phy::BMSR, mii)? {
                Err(mii) => Phase::Latched(mii),
                Ok(status) if is_up(status) && self.link.is_up() && !self.recheck => Phase::Cause,
                Ok(_) => Phase::Status(Mii::ASK),
            },
            Phase::Status(mii) => match read(chip, phy::BMSR, mii)? {
                Err(mii) => Phase::Status(mii),
                Ok(status) if is_up(status) => Phase::Partner(Mii::ASK),
                Ok(_) => {
                    self.link = Link::Down;
                    Phase::Cause
                }
            },
            Phase::Partner(mii) => match read(chip, phy::PARTNER, mii)? {
                Err(mii) => Phase::Partner(mii),
                Ok(partner) => Phase::Flow(Rate::agreed(ADVERTISED, partner)),
            },
            Phase::Flow(rate) => {
                chip.write_once(FLOW, rate.flow().value)?;
                Phase::Pressure(rate)
            }
            Phase::Pressure(rate) => {
                chip.write_once(AFC_CFG, rate.pressure().value)?;
                Phase::Mac(rate)
            }
            Phase::Mac(rate) => {
                chip.write_once(MAC_CR, rate.mac(self.filter).value)?;
                // Still up, and yet the link was lost in between.
                chip.counters.link_flaps += u64::from(self.link.is_up() && !self.recheck);
                self.link = Link::Up(rate);
                self.recheck = false;
                Phase::Cause
            }
            Phase::Cause => match causes(chip.read_once(INT_STS)?, chip.counters)? {
                0 => self.rest(now),
                bits => Phase::Clear(bits),
            },
            Phase::Clear(bits) => {
                chip.write_once(INT_STS, bits)?;
                self.rest(now)
            }
            Phase::HashHigh => {
                self.filter_is_new = false;
                chip.write_once(HASHH, (self.filter.table() >> 32) as u32)?;
                Phase::HashLow
            }
            Phase::HashLow => {
                chip.write_once(HASHL, self.filter.table() as u32)?;
                Phase::FilterMac
            }
            Phase::Statistics(side) => {
                self.statistics.ask(chip, now, side)?;
                match side {
                    Side::Received => Phase::Statistics(Side::Sent),
                    Side::Sent => Phase::Latched(Mii::ASK),
                }
            }
            Phase::FilterMac => {
                chip.write_once(MAC_CR, self.link.rate().mac(self.filter).value)?;
                Phase::Resting
            }
        };
        Ok(())
    }

    /// The round is over.
    fn rest(&mut self, now: Duration) -> Phase {
        if !self.asked && !self.filter_is_new {
            self.due = now + if self.link.is_up() { LINK_LOOK_UP } else { LINK_LOOK_DOWN };
        }
        Phase::Resting
    }
}

/// True if the link is up and the agreement is made.
fn is_up(status: u16) -> bool {
    const BOTH: u16 = phy::BMSR_LINK | phy::BMSR_NEGOTIATED;
    // What an absent PHY reads as is no link.
    status != u16::MAX && status & BOTH == BOTH
}

/// One transfer of a read of a PHY register: its value, or the next transfer.
fn read<H: Host + ?Sized>(
    chip: &mut Chip<'_, H>,
    register: u8,
    mii: Mii,
) -> Result<Result<u16, Mii>, Trouble> {
    match mii {
        Mii::Ask { looks } => {
            chip.write_once(MII_ADDR, mii_read(register).value)?;
            Ok(Err(Mii::Wait { looks }))
        }
        Mii::Wait { looks } => {
            let access = chip.read_once(MII_ADDR)?;
            Ok(Err(match access.is_set(MII_ADDR::BUSY) {
                true if looks >= MII_LOOKS_MAX => return Err(Trouble::PhyBusy),
                true => Mii::Wait { looks: looks + 1 },
                false if is_of(access, register) => Mii::Fetch,
                false if looks >= MII_LOOKS_MAX => return Err(Trouble::PhyBusy),
                // The question got lost.
                false => Mii::Ask { looks: looks + 1 },
            }))
        }
        Mii::Fetch => Ok(Ok(chip.read_once(MII_DATA)?.read(MII_DATA::VALUE) as u16)),
    }
}

/// Counts what the chip reports; the bits to be cleared.
fn causes(
    status: LocalRegisterCopy<u32, INTERRUPTS::Register>,
    counters: &mut Counters,
) -> Result<u32, Trouble> {
    // A transmitter that met a wrong command is out of step with us until it is reset; the others
    // were not told to stop.
    let stopped = INTERRUPTS::TXE::SET
        + INTERRUPTS::RX_STOP::SET
        + INTERRUPTS::TX_STOP::SET
        + INTERRUPTS::MAC_RTO::SET;
    if status.any_matching_bits_set(stopped) {
        counters.transmitter_errors += u64::from(status.is_set(INTERRUPTS::TXE));
        return Err(Trouble::Stopped(status.get()));
    }
    let sending = INTERRUPTS::TDFO::SET + INTERRUPTS::TDFU::SET;
    counters.fifo_overflows += u64::from(status.is_set(INTERRUPTS::RXDF));
    counters.transmitter_errors += u64::from(status.any_matching_bits_set(sending));
    Ok(status.get() & (sending + INTERRUPTS::RXDF::SET).value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_common_mode_is_agreed_upon() {
        let check = |partner, megabits, full_duplex, obeys_pause, sends_pause| {
            let rate = Rate { megabits, full_duplex, obeys_pause, sends_pause };
            assert_eq!(Rate::agreed(ADVERTISED, partner), rate, "{partner:#06x}");
        };
        check(0xcde1, 100, true, true, true);
        check(0x41e1, 100, true, false, false);
        // A switch that sends pause frames and obeys none, and the other way about.
        check(0x49e1, 100, true, true, false);
        check(0x0061, 10, true, false, false);
        // Pause frames need full duplex.
        check(0x0481, 100, false, false, false);
        check(0x0021, 10, false, false, false);
        // Found by parallel detection: no selector, one mode.
        check(0x0080, 100, false, false, false);
        check(0x0000, 10, false, false, false);
    }

    #[test]
    fn half_duplex_hears_the_carrier() {
        let half = Rate::agreed(ADVERTISED, phy::HUNDRED_HALF);
        let mac =
            LocalRegisterCopy::<u32, MAC_CR::Register>::new(half.mac(Filter::AllMulticast).value);
        assert!(mac.is_set(MAC_CR::RCVOWN) && !mac.is_set(MAC_CR::FDPX));
        let full = Rate::agreed(ADVERTISED, phy::HUNDRED_FULL);
        let mac =
            LocalRegisterCopy::<u32, MAC_CR::Register>::new(full.mac(Filter::AllMulticast).value);
        assert!(!mac.is_set(MAC_CR::RCVOWN) && mac.is_set(MAC_CR::FDPX));
        assert_eq!(half.pressure().value, 0x00f8_30af);
        assert_eq!(full.pressure().value, 0x00f8_30a0);
        assert_eq!(full.flow().value, 0);
        assert_eq!(Rate::agreed(ADVERTISED, 0x0de1).flow().value, 0xffff_0002);
    }
}
