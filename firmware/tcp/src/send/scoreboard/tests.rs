//! The scoreboard against a plain list of bytes.

use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

use super::*;

/// Miri takes a thousand times as long.
const STEPS_MAX: usize = if cfg!(miri) { 30 } else { 300 };

/// Sums and order hold whatever happened.
pub(crate) fn check(board: &Scoreboard) {
    let mut at = board.start;
    let (mut sacked, mut lost) = (0, 0);
    for (index, run) in board.runs.iter().enumerate() {
        assert_eq!(run.start, at, "{board:?}");
        at = board.end_of(index);
        assert!(run.start.lt(at), "empty run: {board:?}");
        match run.fate {
            Fate::InFlight => {}
            Fate::Sacked => sacked += board.length_of(index),
            Fate::Lost => lost += board.length_of(index),
        }
    }
    assert_eq!((at, sacked, lost), (board.end, board.sacked, board.lost), "{board:?}");
}

fn at(us: u64) -> Instant {
    Instant::from_micros(us)
}

fn block(left: u32, right: u32) -> SackBlock {
    SackBlock { left: Seq(left), right: Seq(right) }
}

#[test]
fn a_hole_is_found_lost_sent_again_and_acknowledged() {
    let mut board = Scoreboard::new(Seq(0));
    for segment in 0..5 {
        board.sent(100, at(segment * 1000), 0, Mark::default);
    }
    let mut delivered = Delivered::default();
    assert!(board.sack(block(200, 400), &mut delivered));
    assert_eq!((delivered.bytes, board.in_flight()), (200, 300));
    let (sent_at, end, mark) = (at(3000), Seq(400), Mark::default());
    assert_eq!(delivered.latest, Some(Latest { sent_at, end, again: false, mark }));
    let (lost, _) = board.lose(|run, _| run.sent_at < at(2000));
    assert_eq!((lost, board.first_lost()), (200, Some((Seq(0), 200))));
    board.sent_again(Seq(0), 150, at(9000), Mark::default());
    assert_eq!((board.first_lost(), board.in_flight()), (Some((Seq(150), 50)), 250));
    board.sent_again(Seq(150), 50, at(9001), Mark::default());
    let mut delivered = Delivered::default();
    board.acked(Seq(500), &mut delivered);
    assert_eq!((delivered.bytes, board.in_flight(), board.sacked()), (300, 0, 0));
    assert_eq!(delivered.oldest_sent_at, Some(at(4000)), "only what was sent once");
    check(&board);
}

#[test]
fn blocks_that_cannot_be_are_refused() {
    let mut board = Scoreboard::new(Seq(1000));
    board.sent(100, at(0), 0, Mark::default);
    for (left, right) in [(1050, 1050), (1050, 1020), (1050, 1101), (900, 1000), (500, 600)] {
        assert!(!board.sack(block(left, right), &mut Delivered::default()), "{left} {right}");
    }
    check(&board);
}

#[test]
fn what_arrives_late_is_reordering() {
    let mut board = Scoreboard::new(Seq(0));
    board.sent(100, at(0), 0, Mark::default);
    board.sent(100, at(10), 0, Mark::default);
    let mut delivered = Delivered::default();
    board.sack(block(100, 200), &mut delivered);
    assert!(!delivered.reordered);
    board.acked(Seq(200), &mut delivered);
    assert!(delivered.reordered);
}

#[test]
fn a_burst_is_one_run() {
    let mut board = Scoreboard::new(Seq(0));
    for segment in 0..20 {
        board.sent(1460, at(segment * 10), 100, Mark::default);
    }
    assert_eq!(board.runs().len(), 2, "11 within 100 us of the first, then 9");
    assert_eq!(board.length_of(0), 11 * 1460);
}

proptest! {
    #[test]
    fn any_order_of_events_keeps_the_sums(
        first: u32,
        steps in proptest::collection::vec((0u8..8, 0u32..4000, 1u32..1500), 1..STEPS_MAX),
    ) {
        let mut board = Scoreboard::new(Seq(first));
        let mut now = 0;
        // One entry a byte: has the peer told that it is there?
        let mut told: Vec<bool> = vec![];
        let mut una = Seq(first);
        for (what, offset, length) in steps {
            now += 7;
            let within = told.len() as u32;
            let from = una.plus(if within == 0 { 0 } else { offset % within });
            let length = length.min(within - from.since(una));
            match what {
                0..=2 if board.has_room() => {
                    board.sent(offset % 1460 + 1, at(now), 3, Mark::default);
                    told.resize(told.len() + (offset % 1460 + 1) as usize, false);
                }
                3 if length > 0 => {
                    let mut delivered = Delivered::default();
                    let sacked = board.sacked();
                    let block = SackBlock { left: from, right: from.plus(length) };
                    prop_assert!(board.sack(block, &mut delivered));
                    prop_assert_eq!(board.sacked() - sacked, delivered.bytes);
                    if delivered.bytes > 0 {
                        let start = from.since(una) as usize;
                        told[start..start + length as usize].fill(true);
                    }
                }
                4 => {
                    board.lose(|run, _| run.sent_at.since(at(0)) % 5 < 3);
                }
                5 => {
                    if let Some((from, length)) = board.first_lost() {
                        board.sent_again(from, length.min(1460), at(now), Mark::default());
                    }
                }
                6 => {
                    let ack = offset % (within / 3 + 1);
                    let new = told.drain(..ack as usize).filter(|told| !told).count();
                    una = una.plus(ack);
                    let mut delivered = Delivered::default();
                    board.acked(una, &mut delivered);
                    prop_assert_eq!(delivered.bytes as usize, new);
                }
                7 => {
                    board.lose_first(length.max(1));
                }
                _ => {}
            }
            check(&board);
            prop_assert_eq!(board.sacked() as usize, told.iter().filter(|told| **told).count());
        }
    }
}
