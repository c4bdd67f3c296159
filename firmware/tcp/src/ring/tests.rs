//! The ring against a plain vector, across the wrap of the sequence numbers.

use proptest::prelude::*;
use std::collections::VecDeque;
use std::vec;
use std::vec::Vec;

use super::*;
use crate::memory::Block;

/// Miri takes a thousand times as long.
const STEPS_MAX: usize = if cfg!(miri) { 12 } else { 60 };

#[test]
fn a_ring_grows_to_its_limit_and_gives_all_back() {
    let mut blocks: Vec<Block> = vec![[0; BLOCK_BYTES]; 300];
    let mut pool = Pool::new(&mut blocks, 2);
    let first = Seq(0u32.wrapping_sub(5000));
    let mut ring = Ring::new(first, 2);
    let end = ring.back(&mut pool, first.plus(1_000_000));
    assert_eq!(ring.blocks() as usize, RING_BLOCKS_MAX);
    assert!(end.since(first) >= ((RING_BLOCKS_MAX - 1) * BLOCK_BYTES) as u32);
    ring.release(&mut pool, first.plus(4096 * 3));
    assert_eq!(ring.blocks() as usize, RING_BLOCKS_MAX - 3);
    ring.clear(&mut pool, Seq(9));
    assert_eq!((pool.free(), ring.backed()), (300, Seq(0)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 64 }))]
    #[test]
    fn a_ring_is_a_queue(
        first: u32,
        steps in proptest::collection::vec((any::<bool>(), 1usize..9000), 1..STEPS_MAX),
    ) {
        let mut blocks: Vec<Block> = vec![[0; BLOCK_BYTES]; 40];
        let mut pool = Pool::new(&mut blocks, 2);
        let mut ring = Ring::new(Seq(first), 2);
        let (mut read, mut end) = (Seq(first), Seq(first));
        let mut model = VecDeque::new();
        let mut next = 0u8;
        for (write, count) in steps {
            if write {
                let room = ring.back(&mut pool, end.plus(count as u32)).since(end) as usize;
                let value = |i| next.wrapping_add(i as u8);
                let bytes: Vec<u8> = (0..count.min(room)).map(value).collect();
                next = next.wrapping_add(bytes.len() as u8).wrapping_mul(3);
                ring.write(&mut pool, end, &bytes);
                end = end.plus(bytes.len() as u32);
                model.extend(bytes);
            } else {
                let count = count.min(model.len());
                let mut bytes = vec![0; count];
                ring.read(&pool, read, &mut bytes);
                let [one, two] = ring.pieces(&pool, read, count.min(BLOCK_BYTES));
                prop_assert_eq!([one, two].concat(), &bytes[..count.min(BLOCK_BYTES)]);
                read = read.plus(count as u32);
                ring.release(&mut pool, read);
                prop_assert_eq!(bytes, model.drain(..count).collect::<Vec<_>>());
            }
            prop_assert_eq!(usize::from(ring.blocks()) + pool.free(), 40);
        }
        ring.clear(&mut pool, end);
        prop_assert_eq!(pool.free(), 40);
    }
}
