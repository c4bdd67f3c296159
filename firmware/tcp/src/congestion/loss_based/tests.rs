//! The window through a connection's life.

use super::*;

const MSS: u32 = 1000;

fn at(ms: u64) -> Instant {
    Instant::from_micros(ms * 1000)
}

#[test]
fn slow_start_doubles_and_a_loss_leaves_seven_tenths() {
    let mut congestion = LossBased::new(MSS);
    assert!(congestion.is_slow_start());
    congestion.acked(at(1), 10 * MSS, MSS, 10_000, u32::MAX);
    assert_eq!(congestion.window(), 20 * MSS);
    congestion.reduce(MSS);
    congestion.recovered();
    assert_eq!((congestion.window(), congestion.threshold()), (14 * MSS, 14 * MSS));
    assert!(!congestion.is_slow_start());
}

#[test]
fn a_timeout_leaves_one_segment_and_only_the_first_moves_the_threshold() {
    let mut congestion = LossBased::new(MSS);
    congestion.timed_out(MSS, true);
    assert_eq!((congestion.window(), congestion.threshold()), (MSS, 7 * MSS));
    congestion.timed_out(MSS, false);
    assert_eq!((congestion.window(), congestion.threshold()), (MSS, 7 * MSS));
}

#[test]
fn a_needless_reduction_is_taken_back() {
    let mut congestion = LossBased::new(MSS);
    congestion.timed_out(MSS, true);
    congestion.undo();
    assert_eq!((congestion.window(), congestion.threshold()), (10 * MSS, u32::MAX));
    congestion.undo();
    assert_eq!(congestion.window(), 10 * MSS, "once");
}

#[test]
fn what_is_acknowledged_beyond_the_threshold_counts_for_avoidance() {
    let mut congestion = LossBased::new(MSS);
    congestion.timed_out(MSS, true);
    congestion.acked(at(1), 100 * MSS, MSS, 10_000, u32::MAX);
    assert!(congestion.window() >= 7 * MSS && congestion.window() < 20 * MSS);
}

#[test]
fn no_window_grows_beyond_what_is_of_use_and_idleness_shrinks_it() {
    let mut congestion = LossBased::new(MSS);
    congestion.acked(at(1), 100 * MSS, MSS, 10_000, 50 * MSS);
    assert_eq!(congestion.window(), 50 * MSS);
    congestion.restart(MSS);
    assert_eq!(congestion.window(), 10 * MSS);
}
