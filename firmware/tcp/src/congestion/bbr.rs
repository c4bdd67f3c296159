//! BBR, version 1: a model of the way, not its losses, says how much may be in flight and how fast
//! it leaves (draft-cardwell-iccrg-bbr-congestion-control-00).
//!
//! ```text
//!   Startup ──bandwidth grows no more──> Drain ──queue gone──> ProbeBw ──> ProbeRtt
//!   2.89 x the bandwidth                 0.35 x                1.25, 0.75, six times 1
//! ```
//!
//! The model is the largest delivery rate of ten round trips and the smallest round trip of ten
//! seconds; their product is what the way itself holds. A loss changes neither. Segments leave at
//! the model's rate times a gain, and twice what the way holds may be in flight. So it does not
//! leave the way to others as Reno would: it is chosen, and not the default.
//!
//! As in Linux the round in which recovery begins sends no more than is delivered, and the window
//! of before comes back behind it. Not here: the detection of policers, which Linux added, and the
//! allowance for ACKs that come in bunches.

use crate::congestion::max_filter::MaxFilter;
use crate::congestion::{Rate, initial_window};
use crate::limits::{BBR_ROUND_TRIP_US, BURST_SEGMENTS, PROBE_RTT_US, SEND_BYTES_MAX};
use crate::status::BbrInfo;
use crate::time::Instant;

/// A gain of one: gains count in parts of 256.
const ONE: u32 = 256;
/// 2 / ln 2: the smallest that doubles what is delivered in each round trip (draft 4.3.2.1).
const HIGH_GAIN: u32 = 739;
/// Its inverse: what Startup queued is gone in one round trip (draft 4.3.3).
const DRAIN_GAIN: u32 = 88;
/// The window's in ProbeBw: a delayed ACK must not stop the flow (draft 4.2.3.2).
const WINDOW_GAIN: u32 = 2 * ONE;
/// ProbeBw's cycle, a round trip each: more, less by as much, and six times what there is (draft
/// 4.3.4.2).
const CYCLE: [u32; 8] = [ONE * 5 / 4, ONE * 3 / 4, ONE, ONE, ONE, ONE, ONE, ONE];
/// Startup is over when three rounds did not bring a quarter more (draft 4.3.2.2).
const FULL_ROUNDS: u8 = 3;
/// The smallest window, and ProbeRtt's: delayed ACKs still come two at a time (draft 4.2.3.1).
const SEGMENTS_MIN: u32 = 4;
/// Pacing stays a hundredth below the model, so that a queue does not grow by rounding.
const PACE_HUNDREDTHS: u64 = 99;
/// Below 1.2 Mbit/s one segment leaves at once, else two or what a millisecond sends, up to the
/// pace's burst (draft 4.2.2; there up to 64 KiB, as one segment for hardware to cut).
const RATE_OF_ONE: u64 = 150_000;

/// What an ACK told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub now: Instant,
    pub mss: u32,
    /// Bytes delivered so far; wraps.
    pub delivered: u32,
    /// Bytes that this one delivered, and that were found lost.
    pub acked: u32,
    pub lost: u32,
    /// Bytes delivered since a segment left.
    pub unreplaced: u32,
    /// In flight before it, and now.
    pub flight_before: u32,
    pub flight: u32,
    /// A round trip, if it was measured.
    pub round_trip_us: Option<u64>,
    pub sample: Option<Sample>,
}

/// A delivery rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Bytes that had been delivered when the segment left that arrived now; wraps.
    pub delivered_before: u32,
    /// Bytes a second; none if the time was too short to be true.
    pub rate: Option<u64>,
    /// The application had sent less than was allowed.
    pub limited: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Startup,
    Drain,
    ProbeBw {
        phase: usize,
        since: Instant,
    },
    ProbeRtt {
        /// Since little enough is in flight: when it may end, and whether a round has passed.
        until: Option<Instant>,
        round_passed: bool,
    },
}

/// The model and what follows from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bbr {
    window: u32,
    mode: Mode,
    rates: MaxFilter,
    round: u32,
    /// The round is over when something arrives that left after so much was delivered.
    round_end: u32,
    /// The smallest round trip, and when it was seen.
    round_trip_us: Option<u64>,
    round_trip_at: Instant,
    /// Bytes a second; 0 before the first sample.
    pacing_rate: u64,
    /// Startup: the best rate so far, and rounds without much more.
    full_rate: u64,
    full_rounds: u8,
    is_full: bool,
    /// The window before a recovery, a timeout or ProbeRtt.
    window_before: u32,
    /// In recovery, or after a timeout.
    in_trouble: bool,
    /// Recovery has just begun; then, its first round: what is sent is what is delivered.
    recovery_begins: bool,
    conserves: bool,
    /// The application begins again: little is in flight by its own choice.
    restarts: bool,
}

fn is_before(one: u32, other: u32) -> bool {
    (one.wrapping_sub(other) as i32) < 0
}

impl Bbr {
    pub fn new(mss: u32) -> Self {
        Self {
            window: initial_window(mss),
            mode: Mode::Startup,
            rates: MaxFilter::default(),
            round: 0,
            round_end: 0,
            round_trip_us: None,
            round_trip_at: Instant::START,
            pacing_rate: 0,
            full_rate: 0,
            full_rounds: 0,
            is_full: false,
            window_before: 0,
            in_trouble: false,
            recovery_begins: false,
            conserves: false,
            restarts: false,
        }
    }

    pub fn window(&self) -> u32 {
        self.window
    }

    pub fn set_window(&mut self, window: u32) {
        self.window = window;
    }

    /// Gains of the pace and of the window.
    fn gains(&self) -> (u32, u32) {
        match self.mode {
            Mode::Startup => (HIGH_GAIN, HIGH_GAIN),
            Mode::Drain => (DRAIN_GAIN, HIGH_GAIN),
            Mode::ProbeBw { phase, .. } => (CYCLE[phase % CYCLE.len()], WINDOW_GAIN),
            Mode::ProbeRtt { .. } => (ONE, ONE),
        }
    }

    /// What segments leave at; before the first sample, the first window in a round trip.
    pub fn pacing_rate(&self, round_trip_us: u64) -> Rate {
        match self.pacing_rate {
            0 => {
                let bytes = u64::from(self.window) * u64::from(HIGH_GAIN) / u64::from(ONE);
                Rate { bytes, us: round_trip_us.max(1) }
            }
            bytes => Rate { bytes, us: 1_000_000 },
        }
    }

    /// For `ss -ti`.
    pub fn info(&self) -> BbrInfo {
        let (pacing_gain, window_gain) = self.gains();
        BbrInfo {
            bytes_per_second: self.rates.get(),
            round_trip_us: self.round_trip_us,
            pacing_gain,
            window_gain,
        }
    }

    /// The application begins again.
    pub fn restart(&mut self) {
        self.restarts = true;
    }

    /// True while little is in flight on purpose: what is measured then is not the way's rate.
    pub fn is_probing_round_trip(&self) -> bool {
        matches!(self.mode, Mode::ProbeRtt { .. })
    }

    fn save_window(&mut self) {
        let before =
            if self.in_trouble || self.is_probing_round_trip() { self.window_before } else { 0 };
        self.window_before = before.max(self.window);
    }

    /// A recovery begins.
    pub fn lost(&mut self) {
        self.save_window();
        self.in_trouble = true;
        self.recovery_begins = true;
    }

    /// A timeout: the pipe is found anew, if it had not been.
    pub fn timed_out(&mut self) {
        self.save_window();
        self.in_trouble = true;
        self.recovery_begins = false;
        self.conserves = false;
        self.full_rate = 0;
    }

    /// The recovery, or what followed the timeout, is over.
    pub fn recovered(&mut self) {
        self.window = self.window.max(self.window_before);
        self.in_trouble = false;
        self.recovery_begins = false;
        self.conserves = false;
    }

    /// It was needless.
    pub fn undo(&mut self) {
        self.recovered();
        self.full_rate = 0;
        self.full_rounds = 0;
    }

    /// An ACK.
    pub fn acked(&mut self, step: &Step) {
        let round_begins = self.update_round(step);
        self.update_rate(step);
        self.update_cycle(step);
        self.look_for_full_pipe(step, round_begins);
        self.drain(step);
        self.update_round_trip(step, round_begins);
        self.pace();
        self.move_window(step);
    }

    /// True at the first ACK of a round.
    fn update_round(&mut self, step: &Step) -> bool {
        let Some(sample) = step.sample else { return false };
        if is_before(sample.delivered_before, self.round_end) {
            return false;
        }
        self.round_end = step.delivered;
        self.round += 1;
        self.conserves = false;
        true
    }

    fn update_rate(&mut self, step: &Step) {
        let Some(sample) = step.sample else { return };
        let Some(rate) = sample.rate else { return };
        // What an application held back tells only if it is more than was known.
        if !sample.limited || rate >= self.rates.get() {
            self.rates.update(self.round, rate);
        }
    }

    /// What the way holds times a gain, in bytes.
    fn held(&self, gain: u32) -> Option<u64> {
        let bytes = self.rates.get().saturating_mul(self.round_trip_us?) / 1_000_000;
        Some(bytes.saturating_mul(u64::from(gain)) / u64::from(ONE))
    }

    /// Bytes in flight at a gain: what the way holds, and what leaves at once three times, for
    /// segments and ACKs that wait for company (draft 4.2.3.2).
    fn flight(&self, gain: u32, mss: u32) -> u32 {
        let Some(held) = self.held(gain) else { return initial_window(mss) };
        let least = if self.pacing_rate < RATE_OF_ONE { mss } else { 2 * mss };
        let most = BURST_SEGMENTS * mss;
        let at_once = (self.pacing_rate / 1000).clamp(u64::from(least), u64::from(most));
        held.saturating_add(3 * at_once).min(u64::from(2 * SEND_BYTES_MAX)) as u32
    }

    fn update_cycle(&mut self, step: &Step) {
        let Mode::ProbeBw { phase, since } = self.mode else { return };
        let over = step.now.since(since) > self.round_trip_us.unwrap_or(0);
        let gain = CYCLE[phase % CYCLE.len()];
        let next = if gain > ONE {
            // Until it is really there, or something was lost by it.
            over && (step.lost > 0 || step.flight_before >= self.flight(gain, step.mss))
        } else {
            over || (gain < ONE && step.flight_before <= self.flight(ONE, step.mss))
        };
        if next {
            self.mode = Mode::ProbeBw { phase: (phase + 1) % CYCLE.len(), since: step.now };
        }
    }

    fn look_for_full_pipe(&mut self, step: &Step, round_begins: bool) {
        if self.is_full || !round_begins || step.sample.is_some_and(|sample| sample.limited) {
            return;
        }
        if self.rates.get() >= self.full_rate.saturating_mul(5) / 4 {
            self.full_rate = self.rates.get();
            self.full_rounds = 0;
            return;
        }
        self.full_rounds += 1;
        self.is_full = self.full_rounds >= FULL_ROUNDS;
    }

    fn drain(&mut self, step: &Step) {
        if self.mode == Mode::Startup && self.is_full {
            self.mode = Mode::Drain;
        }
        if self.mode == Mode::Drain && step.flight <= self.flight(ONE, step.mss) {
            self.probe_bandwidth(step.now);
        }
    }

    /// Begins anywhere in the cycle but in the phase that sends less: many connections that begin
    /// together shall not stay in step.
    fn probe_bandwidth(&mut self, now: Instant) {
        let phase = (2 + now.micros() as usize % (CYCLE.len() - 1)) % CYCLE.len();
        self.mode = Mode::ProbeBw { phase, since: now };
    }

    /// The smallest round trip; when it is old, the queue is let go to measure it anew (draft
    /// 4.3.5).
    fn update_round_trip(&mut self, step: &Step, round_begins: bool) {
        let is_old = step.now.since(self.round_trip_at) > BBR_ROUND_TRIP_US;
        if let Some(us) = step.round_trip_us
            && (is_old || self.round_trip_us.is_none_or(|least| us <= least))
        {
            self.round_trip_us = Some(us.max(1));
            self.round_trip_at = step.now;
        }
        if is_old && !self.restarts && !self.is_probing_round_trip() {
            self.save_window();
            self.mode = Mode::ProbeRtt { until: None, round_passed: false };
        }
        if let Mode::ProbeRtt { until, round_passed } = &mut self.mode {
            match *until {
                None if step.flight <= SEGMENTS_MIN * step.mss => {
                    *until = Some(step.now.after(PROBE_RTT_US));
                    self.round_end = step.delivered;
                }
                None => {}
                Some(at) => {
                    *round_passed |= round_begins;
                    if *round_passed && at <= step.now {
                        self.round_trip_at = step.now;
                        self.window = self.window.max(self.window_before);
                        if self.is_full {
                            self.probe_bandwidth(step.now);
                        } else {
                            self.mode = Mode::Startup;
                        }
                    }
                }
            }
        }
        if step.acked > 0 {
            self.restarts = false;
        }
    }

    fn pace(&mut self) {
        let (gain, _) = self.gains();
        let rate = self.rates.get().saturating_mul(u64::from(gain)) / u64::from(ONE);
        let rate = rate.saturating_mul(PACE_HUNDREDTHS) / 100;
        // Startup does not slow down for a sample that was small by chance.
        if rate > 0 && (self.is_full || rate > self.pacing_rate) {
            self.pacing_rate = rate;
        }
    }

    fn move_window(&mut self, step: &Step) {
        let least = SEGMENTS_MIN * step.mss;
        let delivered = step.flight.saturating_add(step.acked);
        if step.acked > 0 {
            if step.lost > 0 {
                self.window = self.window.saturating_sub(step.lost).max(step.mss);
            }
            if self.recovery_begins {
                self.recovery_begins = false;
                self.conserves = true;
                self.round_end = step.delivered;
                self.window = step.flight.saturating_add(step.unreplaced);
            }
            if self.conserves {
                self.window = self.window.max(delivered);
            } else {
                let (_, gain) = self.gains();
                let target = self.flight(gain, step.mss);
                let grown = self.window.saturating_add(step.acked);
                if self.is_full {
                    self.window = grown.min(target);
                } else if self.window < target || step.delivered < initial_window(step.mss) {
                    self.window = grown;
                }
                self.window = self.window.max(least);
            }
        }
        self.window = self.window.min(2 * SEND_BYTES_MAX);
        if self.is_probing_round_trip() {
            self.window = self.window.min(least);
        }
    }
}

#[cfg(test)]
mod tests;
