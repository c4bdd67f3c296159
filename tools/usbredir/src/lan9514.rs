//! The LAN9514's Ethernet function as a [`Device`].

use std::time::Duration;

use models::faults::{Fault, Faults, Rule, TokenKind};
use models::lan9514::{InReply, OutReply, Reply, Settings, Transfers};
use models::lan9514::{RX_FIFO_BYTES, Trouble, TroubleRule, Troubles};

use crate::device::{Device, Inward, Outward, Refusal, Setup, Speed};

const BULK_IN: u8 = 0x81;
const BULK_OUT: u8 = 0x02;

/// Room in the receive FIFO below which the wire holds its frames back, as a switch does that got a
/// PAUSE frame: the longest frame, its status word, FCS and checksum.
const PAUSE_BYTES: usize = 2048;

/// How soon a request that was refused with NAK is tried again while faults are planted: a
/// microframe. Without faults the chip says itself when there is something new.
const RETRY_INTERVAL: Duration = Duration::from_micros(125);

/// What [`Device::fault`] understands.
const FAULTS: &str = "faults are none, drop-write, wrong-length, error-status, short-burst, \
                      long-burst, nak-storm=N, stall-out, unplug, halt-in, babble-in, short-in=N; \
                      each with after=N times=N; or seed=N per-mille=N and some of the first nine";

/// The chip behind usbredir.
#[derive(Debug)]
pub struct Lan9514 {
    transfers: Transfers,
    speed: Speed,
    /// What was planted inside the chip.
    troubles: Vec<TroubleRule>,
    /// What was planted on the bus.
    faults: Vec<Rule>,
    /// True while something is planted, and requests are tried again by the clock.
    impatient: bool,
}

impl Lan9514 {
    /// A chip at a port of this speed. Short bursts do not wait for BULK_IN_DLY: by the time that
    /// the guest asks, more time has passed than that.
    pub fn new(settings: Settings, speed: Speed) -> Self {
        let settings = Settings { bulk_in_delay: false, ..settings };
        Self {
            transfers: Transfers::new(settings, speed),
            speed,
            troubles: Vec::new(),
            faults: Vec::new(),
            impatient: false,
        }
    }

    fn plant(&mut self, name: &str, amount: Option<u32>, rule: &Plan) -> Result<(), String> {
        let &Plan { after, times, .. } = rule;
        if let Some(fault) = bus_fault(name, amount) {
            let token = TokenKind::In;
            self.faults.push(Rule { endpoint: BULK_IN & 15, token, after, times, fault });
            self.transfers.set_faults(Faults::script(&self.faults));
        } else {
            let trouble = trouble(name, amount).ok_or(FAULTS)?;
            self.troubles.push(TroubleRule { trouble, after, times });
            self.transfers.chip().set_troubles(Troubles::script(&self.troubles));
        }
        self.impatient = true;
        Ok(())
    }

    fn plant_nothing(&mut self) {
        self.troubles.clear();
        self.faults.clear();
        self.transfers.chip().set_troubles(Troubles::none());
        self.transfers.set_faults(Faults::none());
        self.impatient = false;
    }
}

/// The numbers of a `fault` command.
#[derive(Clone, Copy, Debug)]
struct Plan {
    after: u32,
    times: u32,
    seed: Option<u32>,
    per_mille: u32,
}

fn trouble(name: &str, amount: Option<u32>) -> Option<Trouble> {
    Some(match (name, amount) {
        ("drop-write", None) => Trouble::DropWrite,
        ("wrong-length", None) => Trouble::WrongLength,
        ("error-status", None) => Trouble::ErrorStatus,
        ("short-burst", None) => Trouble::ShortBurst,
        ("long-burst", None) => Trouble::LongBurst,
        ("nak-storm", Some(naks)) => Trouble::NakStorm(naks),
        ("stall-out", None) => Trouble::StallOut,
        ("unplug", None) => Trouble::Unplug,
        _ => return None,
    })
}

fn bus_fault(name: &str, amount: Option<u32>) -> Option<Fault> {
    Some(match (name, amount) {
        ("halt-in", None) => Fault::Stall,
        ("babble-in", None) => Fault::Babble,
        ("short-in", Some(bytes)) => Fault::Short(bytes as usize),
        _ => return None,
    })
}

impl Device for Lan9514 {
    fn speed(&self) -> Speed {
        self.speed
    }

    fn power_on(&mut self, now: Duration) {
        self.transfers.advance(now);
        self.transfers.replug();
    }

    fn reset(&mut self, now: Duration) {
        self.transfers.advance(now);
        self.transfers.reset();
    }

    fn control(&mut self, now: Duration, setup: &Setup, data: &[u8]) -> Result<Vec<u8>, Refusal> {
        self.transfers.advance(now);
        match self.transfers.control(setup, data) {
            Reply::Done(data) => Ok(data),
            Reply::Stall => Err(Refusal::Stall),
            Reply::Silence => Err(Refusal::Error),
        }
    }

    fn bulk_out(&mut self, now: Duration, endpoint: u8, data: &[u8]) -> Outward {
        if endpoint != BULK_OUT {
            return Outward::Refused(Refusal::NoEndpoint);
        }
        self.transfers.advance(now);
        match self.transfers.bulk_out(data) {
            OutReply::Ack => Outward::Taken,
            OutReply::Pending => Outward::Pending,
            OutReply::Stall => Outward::Refused(Refusal::Stall),
        }
    }

    fn bulk_in(&mut self, _now: Duration, endpoint: u8, wanted: usize) -> Inward {
        if endpoint != BULK_IN {
            return Inward::Refused(Refusal::NoEndpoint);
        }
        match self.transfers.bulk_in(wanted) {
            InReply::Data(data) => Inward::Data(data),
            InReply::Pending => Inward::Pending,
            InReply::Stall => Inward::Refused(Refusal::Stall),
        }
    }

    fn interrupt_in(&mut self, _now: Duration, _endpoint: u8) -> Inward {
        match self.transfers.interrupt() {
            Some(report) => Inward::Data(report.into()),
            None => Inward::Pending,
        }
    }

    fn advance(&mut self, now: Duration) -> Option<Duration> {
        self.transfers.advance(now);
        let retry = self.impatient.then_some(now + RETRY_INTERVAL);
        [self.transfers.deadline(), retry].into_iter().flatten().min()
    }

    fn has_left(&self) -> bool {
        self.transfers.is_unplugged()
    }

    fn takes_frames(&mut self) -> bool {
        self.transfers.chip().rx_fifo_used() + PAUSE_BYTES <= RX_FIFO_BYTES
    }

    fn frame_in(&mut self, now: Duration, frame: &[u8]) {
        self.transfers.advance(now);
        self.transfers.frame_from_wire(frame);
    }

    fn frame_out(&mut self) -> Option<Vec<u8>> {
        self.transfers.take_frame_to_wire()
    }

    fn set_link(&mut self, now: Duration, up: bool) {
        self.transfers.advance(now);
        self.transfers.chip().plug_cable(up);
    }

    fn fault(&mut self, _now: Duration, words: &[&str]) -> Result<String, String> {
        let mut plan = Plan { after: 0, times: 1, seed: None, per_mille: 1 };
        let mut names = Vec::new();
        for word in words {
            let (name, number) = match word.split_once('=') {
                Some((name, number)) => (name, Some(number.parse().map_err(|_| FAULTS)?)),
                None => (*word, None),
            };
            match (name, number) {
                ("after", Some(number)) => plan.after = number,
                ("times", Some(number)) => plan.times = number,
                ("seed", Some(number)) => plan.seed = Some(number),
                ("per-mille", Some(number)) => plan.per_mille = number,
                _ => names.push((name, number)),
            }
        }
        match (names.as_slice(), plan.seed) {
            ([("none", None)], None) => self.plant_nothing(),
            ([(name, amount)], None) => self.plant(name, *amount, &plan)?,
            ([_, ..], Some(seed)) => {
                let known = names.iter().map(|(name, amount)| trouble(name, *amount));
                let known = known.collect::<Option<Vec<_>>>().ok_or(FAULTS)?;
                let troubles = Troubles::seeded(seed.into(), plan.per_mille as usize, &known);
                self.transfers.chip().set_troubles(troubles);
                self.impatient = true;
            }
            _ => return Err(FAULTS.into()),
        }
        Ok(String::new())
    }

    fn statistics(&mut self) -> String {
        let chip = self.transfers.chip();
        let (link, fifo) = (chip.link_is_up(), chip.rx_fifo_used());
        let (struck, mistakes) = (chip.troubles().struck(), chip.mistakes().len());
        // `Debug` writes every field; one that is added is seen here without a second list.
        let frames = format!("{:?}", chip.statistics());
        let frames = frames.trim_start_matches("Statistics { ").trim_end_matches(" }");
        let frames = frames.replace(": ", "=").replace(", ", " ");
        let last = chip.mistakes().last().map_or_else(String::new, |mistake| {
            format!(" last_mistake={mistake:?}").split_whitespace().collect::<Vec<_>>().join("")
        });
        let space = if last.is_empty() { "" } else { " " };
        format!(
            "link={link} fifo_bytes={fifo} troubles={struck} {frames} \
             mistakes={mistakes}{space}{last}"
        )
    }
}

#[cfg(test)]
#[path = "lan9514_tests.rs"]
mod tests;
