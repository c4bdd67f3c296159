//! The model through a connection's life, on a line of 1 MB/s and 10 ms.

use super::*;

const MSS: u32 = 1000;
const RATE: u64 = 1_000_000;
const ROUND_TRIP_US: u64 = 10_000;
/// What the line holds.
const HELD: u32 = 10 * MSS;

/// A line that delivers what is in flight, a round trip at a time.
struct Line {
    bbr: Bbr,
    now: Instant,
    delivered: u32,
    rate: u64,
}

impl Line {
    fn new() -> Self {
        let bbr = Bbr::new(MSS);
        Self { bbr, now: Instant::from_micros(1_000_000), delivered: 0, rate: RATE }
    }

    /// A round: one ACK for it all, with so much lost. What was in flight beyond what the line
    /// holds made the round trip longer.
    fn round_with(&mut self, flight: u32, lost: u32, limited: bool) {
        let acked = flight - lost;
        let queue_us = u64::from(flight) * 1_000_000 / self.rate;
        let round_trip_us = queue_us.max(ROUND_TRIP_US);
        let delivered_before = self.delivered;
        self.now = self.now.after(round_trip_us + 1);
        self.delivered = self.delivered.wrapping_add(acked);
        let rate = Some((u64::from(acked) * 1_000_000 / round_trip_us).min(self.rate));
        self.bbr.acked(&Step {
            now: self.now,
            mss: MSS,
            delivered: self.delivered,
            acked,
            lost,
            unreplaced: acked,
            flight_before: flight,
            flight: 0,
            round_trip_us: Some(round_trip_us),
            sample: Some(Sample { delivered_before, rate, limited }),
        });
    }

    fn round(&mut self) {
        self.round_with(self.bbr.window(), 0, self.bbr.is_probing_round_trip());
    }

    /// Until the model is complete.
    fn probing() -> Self {
        let mut line = Self::new();
        for _ in 0..12 {
            line.round();
        }
        assert!(matches!(line.bbr.mode, Mode::ProbeBw { .. }), "{:?}", line.bbr);
        line
    }
}

#[test]
fn startup_doubles_until_three_rounds_bring_no_more() {
    let mut line = Line::new();
    line.rate = 16 * RATE;
    let mut rounds = 0;
    while line.bbr.mode == Mode::Startup {
        let before = line.bbr.window();
        line.round();
        rounds += 1;
        if u64::from(before) < line.rate / 1000 {
            assert_eq!(line.bbr.window(), 2 * before);
        }
    }
    assert_eq!(line.bbr.info().bytes_per_second, 16 * RATE);
    // 10, 20, 40, 80 and 160 segments, and three more rounds.
    assert_eq!(rounds, 8);
}

#[test]
fn twice_what_the_line_holds_is_in_flight() {
    let mut line = Line::probing();
    for _ in 0..20 {
        line.round();
        let window = line.bbr.window();
        // And three times what is handled at once, here two segments.
        assert!((2 * HELD..=2 * HELD + 6 * MSS).contains(&window), "{window}");
    }
    assert_eq!(line.bbr.round_trip_us, Some(ROUND_TRIP_US));
}

#[test]
fn one_round_of_eight_sends_more_and_the_next_less() {
    let mut line = Line::probing();
    let mut gains = [0; 16];
    for gain in &mut gains {
        *gain = line.bbr.info().pacing_gain;
        line.round();
    }
    let count = |gain: u32| gains.iter().filter(|seen| **seen == gain).count();
    assert_eq!((count(320), count(192), count(256)), (2, 2, 12), "{gains:?}");
    let more = gains.iter().position(|gain| *gain == 320).expect("once in eight");
    assert_eq!(gains.get(more + 1).copied().unwrap_or(192), 192);
}

#[test]
fn a_loss_changes_the_window_for_a_round_and_the_model_not_at_all() {
    let mut line = Line::probing();
    let (window, model) = (line.bbr.window(), line.bbr.info().bytes_per_second);
    line.bbr.lost();
    line.round_with(window, window / 2, false);
    // One for one: nothing is in flight any more, and half was delivered.
    assert_eq!(line.bbr.window(), window / 2);
    line.bbr.recovered();
    assert_eq!(line.bbr.window(), window);
    assert_eq!(line.bbr.info().bytes_per_second, model);
}

#[test]
fn acks_that_are_taken_together_are_all_replaced() {
    let mut line = Line::probing();
    let window = line.bbr.window();
    let mut step = Step {
        now: line.now,
        mss: MSS,
        delivered: line.delivered,
        acked: MSS,
        lost: 0,
        unreplaced: 0,
        flight_before: window,
        flight: window,
        round_trip_us: None,
        sample: None,
    };
    // Four, of which the last tells of a loss. Nothing could leave between them.
    for number in 1..=4 {
        step.flight_before = step.flight;
        step.flight -= MSS;
        step.delivered = step.delivered.wrapping_add(MSS);
        step.unreplaced += MSS;
        if number == 4 {
            step.lost = MSS;
            step.flight -= MSS;
            line.bbr.lost();
        }
        line.bbr.acked(&step);
    }
    assert_eq!(line.bbr.window(), window - MSS, "but for what was lost");
}

#[test]
fn after_a_timeout_it_grows_as_in_slow_start_and_comes_back() {
    let mut line = Line::probing();
    let window = line.bbr.window();
    line.bbr.timed_out();
    line.bbr.set_window(MSS);
    line.round();
    assert_eq!(line.bbr.window(), 4 * MSS, "the least");
    line.round();
    assert_eq!(line.bbr.window(), 8 * MSS);
    line.bbr.recovered();
    assert_eq!(line.bbr.window(), window);
}

#[test]
fn what_an_application_held_back_tells_nothing() {
    let mut line = Line::probing();
    for _ in 0..40 {
        line.round_with(MSS, 0, true);
    }
    assert_eq!(line.bbr.info().bytes_per_second, RATE);
    // Whereas a line that has become slow is believed after ten rounds.
    line.rate = RATE / 4;
    for _ in 0..12 {
        line.round();
    }
    assert_eq!(line.bbr.info().bytes_per_second, RATE / 4);
}

#[test]
fn every_ten_seconds_the_round_trip_is_measured_with_little_in_flight() {
    let mut line = Line::probing();
    let window = line.bbr.window();
    // A queue that others made: what was the smallest is seen no more.
    line.now = line.now.after(BBR_ROUND_TRIP_US + 1);
    line.round();
    assert!(line.bbr.is_probing_round_trip());
    let began = line.now;
    let mut least = u32::MAX;
    while line.bbr.is_probing_round_trip() {
        least = least.min(line.bbr.window());
        line.round();
    }
    assert_eq!(least, 4 * MSS);
    let us = line.now.since(began);
    assert!((PROBE_RTT_US..PROBE_RTT_US + 3 * ROUND_TRIP_US).contains(&us), "{us}");
    assert_eq!(line.bbr.window(), window);
    assert!(matches!(line.bbr.mode, Mode::ProbeBw { .. }));
}

#[test]
fn whoever_was_idle_does_not_probe_for_it() {
    let mut line = Line::probing();
    line.now = line.now.after(BBR_ROUND_TRIP_US + 1);
    line.bbr.restart();
    line.round();
    assert!(!line.bbr.is_probing_round_trip());
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_numbers_are_survived(
            steps in proptest::collection::vec(
                (any::<[u32; 5]>(), any::<Option<u64>>(), any::<Option<u64>>(), 0..6),
                1..100,
            ),
            mss in 64u32..=4096,
        ) {
            let mut bbr = Bbr::new(mss);
            let mut now = Instant::START;
            for (numbers, rate, round_trip_us, what) in steps {
                let [passed, delivered, acked, lost, flight] = numbers;
                now = now.after(u64::from(passed));
                match what {
                    0 => bbr.lost(),
                    1 => bbr.timed_out(),
                    2 => bbr.recovered(),
                    3 => bbr.undo(),
                    _ => {}
                }
                bbr.acked(&Step {
                    now,
                    mss,
                    delivered,
                    acked,
                    lost,
                    unreplaced: acked,
                    flight_before: flight,
                    flight,
                    round_trip_us,
                    sample: Some(Sample { delivered_before: acked, rate, limited: what == 4 }),
                });
                prop_assert!((mss..=2 * SEND_BYTES_MAX).contains(&bbr.window()));
                prop_assert!(bbr.pacing_rate(1).per_second() > 0);
            }
        }
    }
}
