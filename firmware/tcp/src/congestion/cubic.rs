//! CUBIC (RFC 9438) in integers.
//!
//! The RFC counts segments and seconds; here it is bytes and milliseconds:
//!
//! ```text
//!   W(t) = C (t - K)^3 + W_max        C = 0.4 segments/s^3 = mss * 4 / 10^10 bytes/ms^3
//!   K    = cbrt((W_max - W_epoch) / C)
//! ```

use crate::time::Instant;

/// Numerator of beta, 0.7 (RFC 9438 4.6).
const BETA_TENTHS: u64 = 7;
/// Times beyond this after K tell nothing new: 100 s, whose cube times a segment fits into 63 bits.
const DISTANCE_MS_MAX: i64 = 100_000;
/// (10^3 ms/s)^3 / C, with C = 4/10.
const MS3_PER_SEGMENT_TENTHS: i64 = 10_000_000_000;
const C_TENTHS: i64 = 4;

/// The state between reductions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cubic {
    /// The window before the last reduction, bytes.
    window_max: u32,
    /// Since when the window grows, and K in ms; none before the first ACK in this phase.
    epoch: Option<Epoch>,
}

#[derive(Clone, Copy, Debug)]
struct Epoch {
    start: Instant,
    k_ms: i64,
    /// What Reno would have by now (RFC 9438 4.3), bytes.
    reno: u32,
    /// Bytes acknowledged that have not yet moved `reno`, times what is in a window.
    reno_left: u64,
    /// The same for the window itself.
    left: u64,
}

impl Cubic {
    pub const fn new() -> Self {
        Self { window_max: 0, epoch: None }
    }

    /// The window after a loss, which begins a new phase. Fast convergence (RFC 9438 4.7) leaves
    /// room to a newcomer.
    pub fn reduced(&mut self, window: u32, mss: u32) -> u32 {
        self.window_max = if window < self.window_max {
            // (1 + beta) / 2 = 0.85
            (u64::from(window) * 17 / 20) as u32
        } else {
            window
        };
        self.epoch = None;
        ((u64::from(window) * BETA_TENTHS / 10) as u32).max(mss)
    }

    pub fn forget_epoch(&mut self) {
        self.epoch = None;
    }

    pub fn pause(&mut self, us: u64) {
        if let Some(epoch) = &mut self.epoch {
            epoch.start = epoch.start.after(us);
        }
    }

    /// The window after `bytes` were acknowledged in congestion avoidance.
    pub fn acked(
        &mut self,
        now: Instant,
        window: u32,
        bytes: u32,
        mss: u32,
        round_trip_us: u64,
    ) -> u32 {
        let mss = mss.max(1);
        let window_max = self.window_max.max(window);
        let epoch = self.epoch.get_or_insert_with(|| {
            let segments = u64::from((window_max - window) / mss);
            let cubed = segments.saturating_mul(MS3_PER_SEGMENT_TENTHS as u64) / C_TENTHS as u64;
            Epoch { start: now, k_ms: cube_root(cubed) as i64, reno: window, reno_left: 0, left: 0 }
        });
        self.window_max = window_max;

        // The target lies one round trip ahead, and at most half a window away (RFC 9438 4.2).
        let ms = (now.after(round_trip_us).since(epoch.start) / 1000).min(i64::MAX as u64 / 2);
        let distance = (ms as i64 - epoch.k_ms).clamp(-DISTANCE_MS_MAX, DISTANCE_MS_MAX);
        let cube = distance * distance * distance;
        let change = i128::from(cube) * i128::from(mss) * i128::from(C_TENTHS)
            / i128::from(MS3_PER_SEGMENT_TENTHS);
        let most = (i128::from(window) * 3 / 2).min(i128::from(u32::MAX));
        let target = (i128::from(window_max) + change).clamp(i128::from(window), most) as u32;

        // Reno's window: alpha = 3 (1 - beta) / (1 + beta) = 9/17 until W_max, then 1.
        let (alpha, per) = if epoch.reno < window_max { (9, 17) } else { (1, 1) };
        epoch.reno_left += u64::from(bytes) * u64::from(mss) * alpha;
        let divisor = u64::from(window.max(mss)) * per;
        epoch.reno = epoch.reno.saturating_add((epoch.reno_left / divisor) as u32);
        epoch.reno_left %= divisor;

        // (target - window) / window for every byte acknowledged.
        let step = u64::from(target - window) * u64::from(bytes);
        epoch.left = epoch.left.saturating_add(step);
        let growth = epoch.left / u64::from(window.max(mss));
        epoch.left %= u64::from(window.max(mss));
        window.saturating_add(growth as u32).max(epoch.reno)
    }
}

/// The largest integer whose cube is no larger.
fn cube_root(value: u64) -> u64 {
    let mut root = 0u64;
    for bit in (0..22).rev() {
        let next = root | 1 << bit;
        if u128::from(next) * u128::from(next) * u128::from(next) <= u128::from(value) {
            root = next;
        }
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_plateau_is_reached_after_k() {
        // 100 segments before the loss, 70 after: K = cbrt(30 / 0.4) = 4.217 s.
        let (mss, mut cubic) = (1000, Cubic::new());
        let mut window = cubic.reduced(100_000, mss);
        assert_eq!(window, 70_000);
        let mut now = Instant::from_micros(1);
        let mut at_two_seconds = 0;
        // Round trips of 100 ms, a window each.
        for trip in 0..42 {
            window = cubic.acked(now, window, window, mss, 100_000);
            now = now.after(100_000);
            if trip == 20 {
                at_two_seconds = window;
            }
        }
        assert!((94_000..98_000).contains(&at_two_seconds), "{at_two_seconds}");
        assert!((99_000..101_500).contains(&window), "{window}");
        for _ in 0..40 {
            window = cubic.acked(now, window, window, mss, 100_000);
            now = now.after(100_000);
        }
        assert!(window > 115_000, "probes beyond: {window}");
    }

    #[test]
    fn a_short_round_trip_grows_as_reno() {
        // At 1 ms CUBIC alone would hardly move within 1 s; Reno gains 9/17 segment a round trip.
        let (mss, mut cubic) = (1000, Cubic::new());
        let mut window = cubic.reduced(20_000, mss);
        let mut now = Instant::from_micros(1);
        for _ in 0..10 {
            window = cubic.acked(now, window, window, mss, 1_000);
            now = now.after(1_000);
        }
        assert!((18_000..20_500).contains(&window), "{window}");
    }

    proptest! {
        #[test]
        fn any_numbers_are_survived(
            windows in proptest::collection::vec((any::<u32>(), any::<u32>(), any::<u64>()), 1..50),
            mss in 1u32..9000,
        ) {
            let mut cubic = Cubic::new();
            for (window, bytes, us) in windows {
                let now = Instant::from_micros(us);
                let grown = cubic.acked(now, window, bytes, mss, us % 120_000_000);
                prop_assert!(grown >= window);
                cubic.reduced(window, mss);
            }
        }

        #[test]
        fn roots_are_roots(value in 0u64..1 << 62) {
            let root = u128::from(cube_root(value));
            prop_assert!(root.pow(3) <= u128::from(value));
            prop_assert!((root + 1).pow(3) > u128::from(value));
        }
    }
}
