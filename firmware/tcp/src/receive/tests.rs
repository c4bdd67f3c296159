//! The receiver against a plain stream: whatever comes in whatever order.

use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

use super::*;
use crate::limits::BLOCK_BYTES;
use crate::memory::Block;

/// Miri takes a thousand times as long.
const STEPS_MAX: usize = if cfg!(miri) { 20 } else { 200 };

fn byte(at: u32) -> u8 {
    (at ^ at >> 8) as u8
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 200 }))]
    #[test]
    fn what_is_read_is_the_stream(
        first: u32,
        steps in proptest::collection::vec((0u32..30_000, 1u32..3_000, any::<u8>()), 1..STEPS_MAX),
    ) {
        let mut blocks: Vec<Block> = vec![[0; BLOCK_BYTES]; 16];
        let mut pool = Pool::new(&mut blocks, 5);
        let mut counters = Counters::default();
        let mut now = Instant::START;
        let mut receiver = Receiver::new(&mut pool, now, Seq(first), true);
        let start = Seq(first).plus(1);
        let (mut read, mut highest_edge) = (0u32, receiver.edge);
        for (offset, length, what) in steps {
            now = now.after(5_000);
            match what % 4 {
                0..=1 => {
                    // Near what is expected, sometimes before it.
                    let ahead = if what & 4 == 0 { 0 } else { offset };
                    let seq = receiver.nxt().plus(ahead).minus(offset % 7);
                    let seq = seq.max(start);
                    let from = seq.since(start);
                    let data: Vec<u8> = (from..from + length).map(byte).collect();
                    if receiver.is_acceptable(seq, length) {
                        let acked = receiver.nxt();
                        receiver.take(&mut pool, &mut counters, now, seq, &data, false);
                        prop_assert!(acked.le(receiver.nxt()));
                    }
                }
                2 => {
                    let mut out = vec![0; length as usize];
                    let count = receiver.read(&mut pool, now, 1_000, &mut out);
                    let right = (0u32..).zip(&out[..count]).all(|(at, b)| *b == byte(read + at));
                    prop_assert!(right);
                    read += count as u32;
                }
                _ => {
                    let field = receiver.window_field(&mut pool);
                    receiver.told(&mut counters, field);
                }
            }
            prop_assert!(highest_edge.le(receiver.edge), "what was offered stays offered");
            highest_edge = receiver.edge;
            prop_assert!(receiver.edge.le(receiver.ring.backed()), "and there is memory for it");
            let told: Vec<SackBlock> = receiver.pieces.latest(32).collect();
            for block in told {
                prop_assert!(receiver.nxt().lt(block.left) && block.right.le(receiver.edge));
            }
        }
        receiver.free(&mut pool);
        prop_assert_eq!(pool.free(), 16);
    }
}

#[test]
#[cfg_attr(miri, ignore = "16 MB through a ring; Miri has seen its parts")]
fn the_ring_grows_with_what_is_read_in_a_round_trip_and_not_beyond_memory() {
    let mut blocks: Vec<Block> = vec![[0; BLOCK_BYTES]; 200];
    let mut pool = Pool::new(&mut blocks, 5);
    let mut counters = Counters::default();
    let mut now = Instant::START;
    let mut receiver = Receiver::new(&mut pool, now, Seq(0), true);
    let mut windows = vec![];
    for _ in 0..40 {
        // A sender that fills the window in every round trip of 20 ms.
        now = now.after(20_000);
        let window = receiver.window() as usize;
        let data = vec![0; window];
        receiver.take(&mut pool, &mut counters, now, receiver.nxt(), &data, false);
        let mut out = vec![0; window];
        receiver.read(&mut pool, now, 20_000, &mut out);
        let field = receiver.window_field(&mut pool);
        receiver.told(&mut counters, field);
        windows.push(receiver.window());
    }
    assert_eq!(windows[0], 4 * RECEIVE_BYTES_INITIAL, "four times what was read");
    let last = *windows.last().expect("some");
    let half = 100 * BLOCK_BYTES as u32;
    assert!(last > half - 4 * BLOCK_BYTES as u32 && last <= half, "{windows:?}");
}

#[test]
fn a_ring_without_scale_offers_no_more_than_a_field_says() {
    let mut blocks: Vec<Block> = vec![[0; BLOCK_BYTES]; 200];
    let mut pool = Pool::new(&mut blocks, 5);
    let mut receiver = Receiver::new(&mut pool, Instant::START, Seq(0), false);
    receiver.target = RECEIVE_BYTES_MAX;
    receiver.hurry(AckReason::Window);
    assert_eq!(receiver.window_field(&mut pool), u16::MAX);
    assert_eq!(receiver.window(), u32::from(u16::MAX));
}
