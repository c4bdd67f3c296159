//! Sequence arithmetic around the wrap.

use proptest::prelude::*;

use super::Seq;

#[test]
fn the_order_survives_the_wrap() {
    let (a, b) = (Seq(u32::MAX - 2), Seq(5));
    assert!(a.lt(b) && a.le(b) && !b.lt(a) && !b.le(a));
    assert_eq!((b.since(a), b.ahead_of(a), a.ahead_of(b)), (8, 8, 0));
    assert_eq!((a.max(b), a.min(b)), (b, a));
    assert!(Seq(0).within(a, b) && a.within(a, b) && !b.within(a, b) && !Seq(6).within(a, b));
}

#[test]
fn an_empty_range_holds_nothing() {
    assert!(!Seq(7).within(Seq(7), Seq(7)));
}

proptest! {
    #[test]
    fn plus_and_minus_undo_each_other(a: u32, n: u32) {
        prop_assert_eq!(Seq(a).plus(n).minus(n), Seq(a));
        prop_assert_eq!(Seq(a).plus(n).since(Seq(a)), n);
    }

    #[test]
    fn less_than_half_the_circle_has_an_order(a: u32, n in 1u32..0x8000_0000) {
        let (low, high) = (Seq(a), Seq(a).plus(n));
        if n < 0x8000_0000 {
            prop_assert!(low.lt(high) && !high.lt(low) && low.le(high) && !high.le(low));
            prop_assert_eq!(high.ahead_of(low), n);
            prop_assert_eq!(low.ahead_of(high), 0);
            prop_assert_eq!((low.max(high), low.min(high)), (high, low));
        }
    }

    #[test]
    fn within_counts_from_the_low_end(a: u32, size in 1u32..0x4000_0000, n in 0u32..0x8000_0000) {
        prop_assert_eq!(Seq(a).plus(n).within(Seq(a), Seq(a).plus(size)), n < size);
    }
}
