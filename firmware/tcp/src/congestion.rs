//! How much may be in flight, and how fast it leaves: by losses (CUBIC), or by a model of the way
//! (BBR). What both share is here.
//!
//! All windows are bytes.

use crate::config::CongestionControl;
use crate::limits::{INITIAL_WINDOW_SEGMENTS, PACED_ROUND_TRIP_US_MIN};
use crate::seq::Seq;

mod bbr;
mod cubic;
mod hystart;
mod loss_based;
mod max_filter;
mod pace;
mod prr;

pub(crate) use bbr::{Bbr, Sample, Step};
pub(crate) use loss_based::LossBased;
pub(crate) use pace::{Pace, Rate};
pub(crate) use prr::Prr;

/// The initial window (RFC 6928 2): ten segments, no more than 14,600 bytes or two segments.
pub(crate) fn initial_window(mss: u32) -> u32 {
    (INITIAL_WINDOW_SEGMENTS * mss).min((2 * mss).max(14_600))
}

/// The window, and what is needed to move it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Congestion {
    /// CUBIC.
    LossBased(LossBased),
    /// BBR.
    Bbr(Bbr),
}

impl Congestion {
    /// A new connection's.
    pub fn new(control: CongestionControl, mss: u32) -> Self {
        match control {
            CongestionControl::Cubic => Self::LossBased(LossBased::new(mss)),
            CongestionControl::Bbr => Self::Bbr(Bbr::new(mss)),
        }
    }

    /// Which it is.
    pub fn control(&self) -> CongestionControl {
        match self {
            Self::LossBased(_) => CongestionControl::Cubic,
            Self::Bbr(_) => CongestionControl::Bbr,
        }
    }

    /// Bytes that may be in flight.
    pub fn window(&self) -> u32 {
        match self {
            Self::LossBased(law) => law.window(),
            Self::Bbr(bbr) => bbr.window(),
        }
    }

    /// The slow start threshold, once there is one.
    pub fn threshold(&self) -> Option<u32> {
        match self {
            Self::LossBased(law) => Some(law.threshold()).filter(|bytes| *bytes != u32::MAX),
            Self::Bbr(_) => None,
        }
    }

    /// With so much in flight the window, not the application, is the limit.
    pub fn is_limit(&self, flight: u32, mss: u32) -> bool {
        let window = self.window();
        let slow_start = matches!(self, Self::LossBased(law) if law.is_slow_start());
        flight.saturating_add(mss) >= window || (slow_start && flight.saturating_mul(2) >= window)
    }

    /// The rate at which segments leave at most, if they are paced. Without a model a window is
    /// spread over its round trip only where that is long enough for a timer: on a wire of its own
    /// the ACKs are the clock.
    pub fn rate(&self, round_trip_us: Option<u64>) -> Option<Rate> {
        let us = round_trip_us?;
        match self {
            Self::LossBased(law) if us >= PACED_ROUND_TRIP_US_MIN => {
                Some(Rate::of(law.window(), us, law.is_slow_start()))
            }
            Self::LossBased(_) => None,
            Self::Bbr(bbr) => Some(bbr.pacing_rate(us)),
        }
    }

    /// A lost SYN starts with one segment (RFC 5681 3.1).
    pub fn lost_syn(&mut self, mss: u32) {
        self.set_window(mss);
    }

    /// An ACK up to `una` arrived, while `nxt` is the next to be sent.
    pub fn observe(&mut self, una: Seq, nxt: Seq, round_trip_us: Option<u64>) {
        if let Self::LossBased(law) = self {
            law.observe(una, nxt, round_trip_us);
        }
    }

    /// The application writes again, after so long; `long` means longer than a retransmission
    /// timeout.
    pub fn idle(&mut self, us: u64, long: bool, mss: u32) {
        match self {
            // What the window was measured on is long gone (RFC 5681 4.1).
            Self::LossBased(law) if long => law.restart(mss),
            Self::LossBased(law) => law.idle(us),
            Self::Bbr(bbr) => bbr.restart(),
        }
    }

    /// A loss or an echo of congestion was noticed.
    pub fn reduce(&mut self, mss: u32) {
        match self {
            Self::LossBased(law) => law.reduce(mss),
            Self::Bbr(bbr) => bbr.lost(),
        }
    }

    /// A retransmission timeout, the first of several in a row or not.
    pub fn timed_out(&mut self, mss: u32, first: bool) {
        match self {
            Self::LossBased(law) => law.timed_out(mss, first),
            Self::Bbr(bbr) => bbr.timed_out(),
        }
    }

    /// Sets the window, as recovery asks for.
    pub fn set_window(&mut self, window: u32) {
        match self {
            Self::LossBased(law) => law.set_window(window),
            Self::Bbr(bbr) => bbr.set_window(window),
        }
    }

    /// Recovery is over.
    pub fn recovered(&mut self) {
        match self {
            Self::LossBased(law) => law.recovered(),
            Self::Bbr(bbr) => bbr.recovered(),
        }
    }

    /// What timed out was acknowledged.
    pub fn recovered_from_timeout(&mut self) {
        if let Self::Bbr(bbr) = self {
            bbr.recovered();
        }
    }

    /// The last reduction was needless.
    pub fn undo(&mut self) {
        match self {
            Self::LossBased(law) => law.undo(),
            Self::Bbr(bbr) => bbr.undo(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::initial_window;

    #[test]
    fn the_initial_window_is_ten_segments_and_14600_bytes() {
        assert_eq!(initial_window(1460), 14_600);
        assert_eq!(initial_window(536), 5_360);
        assert_eq!(initial_window(4096), 14_600);
        assert_eq!(initial_window(9000), 18_000);
    }
}
