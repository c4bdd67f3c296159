//! The pool: nobody starves, nothing is lost.

use proptest::prelude::*;
use std::vec::Vec;

use super::*;

/// Miri takes a thousand times as long.
const STEPS_MAX: usize = if cfg!(miri) { 40 } else { 400 };

fn shares(count: usize, minimum: u16) -> Vec<(Share, Vec<u16>)> {
    (0..count).map(|_| (Share { held: 0, minimum }, Vec::new())).collect()
}

#[test]
fn one_ring_may_have_half_and_the_minimum_is_always_there() {
    let mut blocks = [[0; BLOCK_BYTES]; 20];
    let mut pool = Pool::new(&mut blocks, 4);
    let mut busy = Share { held: 0, minimum: 2 };
    let mut taken = 0;
    while pool.take(&mut busy).is_some() {
        taken += 1;
    }
    assert_eq!(taken, 9, "2 of its own, then as long as it has less than is free and not owed");
    let mut late = Share { held: 0, minimum: 2 };
    assert!(pool.take(&mut late).is_some() && pool.take(&mut late).is_some());
}

proptest! {
    #[test]
    fn blocks_are_never_given_twice(
        steps in proptest::collection::vec((0usize..5, any::<bool>()), 0..STEPS_MAX),
    ) {
        let mut blocks = [[0; BLOCK_BYTES]; 24];
        let mut pool = Pool::new(&mut blocks, 5 * 3);
        let mut rings = shares(5, 3);
        for (ring, take) in steps {
            let (share, held) = &mut rings[ring];
            if take {
                let lacking = share.held < share.minimum;
                let got = pool.take(share);
                prop_assert!(got.is_some() || !lacking, "a minimum is always there");
                held.extend(got);
            } else if let Some(block) = held.pop() {
                pool.put(share, block);
            }
            let mut all: Vec<u16> = rings.iter().flat_map(|(_, held)| held.clone()).collect();
            prop_assert_eq!(all.len() + pool.free(), 24);
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(all.len() + pool.free(), 24);
            let owed: usize =
                rings.iter().map(|(share, _)| usize::from(3u16.saturating_sub(share.held))).sum();
            prop_assert_eq!(pool.owed, owed);
        }
    }
}
