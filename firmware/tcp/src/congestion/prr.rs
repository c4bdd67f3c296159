//! Proportional rate reduction (RFC 6937): how the window comes down during recovery.
//!
//! For what is delivered, a share is sent, so that the flight shrinks evenly to the threshold; if
//! losses took it below, it grows back as in slow start, bounded by what was delivered.

/// One recovery's account, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Prr {
    delivered: u64,
    out: u64,
    flight_at_start: u64,
    /// Delivered before recovery, by ACKs that were taken together with the one that began it: to
    /// be replaced one for one.
    unreplaced: u32,
}

impl Prr {
    /// Recovery begins with so much outstanding, and so much delivered since a segment left.
    pub fn start(flight: u32, unreplaced: u32) -> Self {
        let flight_at_start = u64::from(flight.max(1)) + u64::from(unreplaced);
        Self { delivered: 0, out: 0, flight_at_start, unreplaced }
    }

    /// An ACK delivered `delivered` bytes; `advanced` if it also moved SND.UNA and told of no
    /// further loss. Returns the congestion window until the next one.
    pub fn acked(
        &mut self,
        delivered: u32,
        advanced: bool,
        in_flight: u32,
        threshold: u32,
        mss: u32,
    ) -> u32 {
        self.delivered += u64::from(delivered);
        let in_flight = in_flight.saturating_add(self.unreplaced);
        let room = if in_flight > threshold {
            let share = (self.delivered * u64::from(threshold)).div_ceil(self.flight_at_start);
            share.saturating_sub(self.out)
        } else {
            let owed = self.delivered.saturating_sub(self.out);
            // Slow start bound only while all goes well, else the conservative one (RFC 6937 3).
            let bound =
                if advanced { owed.max(u64::from(delivered)) + u64::from(mss) } else { owed };
            bound.min(u64::from(threshold - in_flight))
        };
        // The first retransmission is never held back (RFC 6937 3: "sndcnt = MAX(...)").
        let room = if self.out == 0 { room.max(u64::from(mss)) } else { room };
        in_flight.saturating_add(room.min(u64::from(u32::MAX)) as u32)
    }

    /// So many bytes were sent.
    pub fn sent(&mut self, bytes: u32) {
        let replacing = bytes.min(self.unreplaced);
        self.unreplaced -= replacing;
        self.out += u64::from(bytes - replacing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flight_comes_down_evenly() {
        // 20 segments in flight, 1 lost, threshold 14: 19 deliveries, each an ACK.
        let mut prr = Prr::start(20, 0);
        let (mut in_flight, mut sent) = (19, 0);
        for _ in 0..19 {
            in_flight -= 1;
            let window = prr.acked(1, false, in_flight, 14, 1);
            while in_flight < window {
                in_flight += 1;
                sent += 1;
                prr.sent(1);
            }
        }
        assert_eq!(in_flight, 14);
        assert!((13..=14).contains(&sent), "{sent}");
    }

    #[test]
    fn what_was_delivered_just_before_is_replaced() {
        // 10 outstanding, 3 of them delivered without a chance to send; now 1 more, and 1 lost.
        let mut prr = Prr::start(10, 3);
        assert_eq!(prr.acked(1, false, 5, 7, 1), 5 + 3 + 1);
        prr.sent(3);
        assert_eq!(prr.acked(0, false, 8, 7, 1), 8 + 1, "none of its own left yet");
    }

    #[test]
    fn after_heavy_loss_it_grows_by_what_is_delivered() {
        let mut prr = Prr::start(20, 0);
        // 15 of 20 were lost; 5 remain, the threshold is 14.
        assert_eq!(prr.acked(1, false, 4, 14, 1), 5, "one for one");
        prr.sent(1);
        assert_eq!(prr.acked(1, true, 4, 14, 1), 6, "one more while all goes well");
    }
}
