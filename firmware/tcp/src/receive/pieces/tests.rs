//! Reassembly against a set of bytes.

use proptest::prelude::*;
use std::collections::BTreeSet;
use std::vec::Vec;

use super::*;

/// Miri takes a thousand times as long.
const RANGES_MAX: usize = if cfg!(miri) { 10 } else { 80 };

fn latest(pieces: &Pieces) -> Vec<(u32, u32)> {
    pieces.latest(4).map(|block| (block.left.0, block.right.0)).collect()
}

#[test]
fn the_piece_that_grew_last_is_told_first() {
    let mut pieces = Pieces::new();
    for (left, right) in [(10, 20), (30, 40), (50, 60), (70, 80), (90, 99)] {
        assert_eq!(pieces.insert(Seq(left), Seq(right)), Inserted::Kept);
    }
    assert_eq!(latest(&pieces), [(90, 99), (70, 80), (50, 60), (30, 40)]);
    pieces.insert(Seq(20), Seq(25));
    assert_eq!(latest(&pieces), [(10, 25), (90, 99), (70, 80), (50, 60)]);
    assert_eq!(pieces.insert(Seq(12), Seq(14)), Inserted::Twice);
    assert_eq!(pieces.insert(Seq(25), Seq(30)), Inserted::Kept, "closes a gap");
    assert_eq!(latest(&pieces)[0], (10, 40));
}

#[test]
fn what_follows_the_one_before_is_told_apart() {
    let mut pieces = Pieces::new();
    for (left, right, expected) in [
        (10, 20, Inserted::Kept),
        (20, 30, Inserted::Longer),
        (40, 50, Inserted::Kept),
        (50, 60, Inserted::Longer),
        (30, 35, Inserted::Kept),
        (60, 70, Inserted::Kept),
        (5, 10, Inserted::Kept),
        (35, 40, Inserted::Kept),
        (70, 75, Inserted::Longer),
    ] {
        assert_eq!(pieces.insert(Seq(left), Seq(right)), expected, "{left}");
    }
    assert_eq!(latest(&pieces), [(5, 75)]);
}

#[test]
fn one_piece_too_many_is_refused_and_a_joining_one_is_not() {
    let mut pieces = Pieces::new();
    for piece in 0..PIECES_MAX as u32 {
        assert_eq!(pieces.insert(Seq(piece * 10), Seq(piece * 10 + 5)), Inserted::Kept);
    }
    assert_eq!(pieces.insert(Seq(1000), Seq(1005)), Inserted::Full);
    assert_eq!(pieces.insert(Seq(5), Seq(7)), Inserted::Kept);
    assert_eq!(pieces.join(Seq(0)), Seq(7));
    assert_eq!(pieces.insert(Seq(1000), Seq(1005)), Inserted::Kept);
}

proptest! {
    #[test]
    fn any_order_of_ranges_is_the_set_of_their_bytes(
        first: u32,
        ranges in proptest::collection::vec((1u32..300, 1u32..40), 1..RANGES_MAX),
    ) {
        let mut pieces = Pieces::new();
        let mut model = BTreeSet::new();
        for (left, length) in ranges {
            let (from, to) = (Seq(first).plus(left), Seq(first).plus(left + length));
            let news = (left..left + length).any(|byte| !model.contains(&byte));
            match pieces.insert(from, to) {
                Inserted::Full => {}
                Inserted::Twice => prop_assert!(!news),
                Inserted::Kept | Inserted::Longer => {
                    prop_assert!(news);
                    model.extend(left..left + length);
                }
            }
            for byte in 0..400 {
                let holds = pieces.holding(Seq(first).plus(byte)).is_some();
                prop_assert_eq!(holds, model.contains(&byte));
            }
            let gaps = pieces.pieces.windows(2).all(|pair| pair[0].right.lt(pair[1].left));
            prop_assert!(gaps && pieces.pieces.iter().all(|piece| piece.left.lt(piece.right)));
        }
        let next = pieces.join(Seq(first).plus(1)).since(Seq(first));
        let expected = (1..).find(|byte| !model.contains(byte)).unwrap_or(1);
        prop_assert_eq!(next, expected);
    }
}
