//! A loss is congestion: slow start (RFC 5681), CUBIC (RFC 9438), and taking a reduction back when
//! it was needless.

use crate::congestion::cubic::Cubic;
use crate::congestion::hystart::{Growth, HyStart};
use crate::congestion::initial_window;
use crate::seq::Seq;
use crate::time::Instant;

/// The window, and what is needed to move it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LossBased {
    /// Bytes that may be in flight.
    window: u32,
    threshold: u32,
    cubic: Cubic,
    /// What one ACK is worth in slow start.
    slow_start: HyStart,
    part: u32,
    /// What a reduction replaced, until it is known to have been right.
    before: Option<Before>,
}

#[derive(Clone, Copy, Debug)]
struct Before {
    window: u32,
    threshold: u32,
    cubic: Cubic,
}

/// The smallest window after a loss (RFC 5681 3.1 eq. 4): two segments.
const SEGMENTS_MIN: u32 = 2;

impl LossBased {
    /// A new connection's.
    pub fn new(mss: u32) -> Self {
        Self {
            window: initial_window(mss),
            threshold: u32::MAX,
            cubic: Cubic::new(),
            slow_start: HyStart::new(),
            part: 1,
            before: None,
        }
    }

    /// Bytes that may be in flight.
    pub fn window(&self) -> u32 {
        self.window
    }

    /// The slow start threshold; `u32::MAX` before the first loss.
    pub fn threshold(&self) -> u32 {
        self.threshold
    }

    /// True below the threshold.
    pub fn is_slow_start(&self) -> bool {
        self.window < self.threshold
    }

    /// An ACK up to `una` arrived, while `nxt` is the next to be sent: the first slow start of a
    /// connection looks at the round trips (RFC 9406 4.2: only the first).
    pub fn observe(&mut self, una: Seq, nxt: Seq, round_trip_us: Option<u64>) {
        if self.threshold != u32::MAX {
            self.part = 1;
            return;
        }
        match self.slow_start.acked(una, nxt, round_trip_us) {
            Growth::Part(part) => self.part = part,
            Growth::Over => self.threshold = self.window,
        }
    }

    /// New data was acknowledged while the window, not the application, was the limit. `limit` is
    /// more than can ever be of use.
    pub fn acked(&mut self, now: Instant, bytes: u32, mss: u32, round_trip_us: u64, limit: u32) {
        let mut bytes = bytes;
        if self.is_slow_start() {
            let grown = self.window.saturating_add(bytes / self.part).min(self.threshold);
            bytes -= bytes.min((grown - self.window) * self.part);
            // What was slowed down is not lost for avoidance: it is not avoidance yet.
            if self.part > 1 && grown < self.threshold {
                bytes = 0;
            }
            self.window = grown;
        }
        if bytes > 0 {
            self.window = self.cubic.acked(now, self.window, bytes, mss, round_trip_us);
        }
        self.window = self.window.min(limit.max(initial_window(mss)));
    }

    /// The application, not the window, was the limit: CUBIC's clock stands still (RFC 9438 5.8).
    pub fn idle(&mut self, us: u64) {
        self.cubic.pause(us);
    }

    /// Nothing was sent for longer than a retransmission timeout (RFC 5681 4.1).
    pub fn restart(&mut self, mss: u32) {
        self.window = self.window.min(initial_window(mss));
        self.cubic.forget_epoch();
    }

    /// A loss or an echo of congestion was noticed (RFC 9438 4.6): only the threshold moves here;
    /// `Prr` brings the window there.
    pub fn reduce(&mut self, mss: u32) {
        self.before =
            Some(Before { window: self.window, threshold: self.threshold, cubic: self.cubic });
        self.threshold = self.cubic.reduced(self.window, mss).max(SEGMENTS_MIN * mss);
    }

    /// A retransmission timeout: one segment (RFC 5681 3.1). The threshold moves only at the first
    /// of several in a row.
    pub fn timed_out(&mut self, mss: u32, first: bool) {
        if first {
            self.reduce(mss);
        }
        self.window = mss;
        self.cubic.forget_epoch();
    }

    /// Sets the window, as recovery asks for.
    pub fn set_window(&mut self, window: u32) {
        self.window = window;
    }

    /// Recovery is over.
    pub fn recovered(&mut self) {
        self.window = self.threshold;
    }

    /// The last reduction was needless (RFC 9438 4.9).
    pub fn undo(&mut self) {
        if let Some(Before { window, threshold, cubic }) = self.before.take() {
            self.window = self.window.max(window);
            self.threshold = self.threshold.max(threshold);
            self.cubic = cubic;
        }
    }
}

#[cfg(test)]
mod tests;
