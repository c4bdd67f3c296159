//! Where a half-open connection finds its place.

use std::vec;
use std::vec::Vec;

use super::*;

fn entry(last: u8, ms: u64) -> Option<HalfOpen> {
    let at = Instant::from_micros(ms * 1000);
    Some(HalfOpen {
        flow: Flow {
            local: Endpoint::new([192, 0, 2, 1].into(), 80),
            remote: Endpoint::new([198, 51, 100, last].into(), 1),
        },
        listener: ListenerId::default(),
        iss: Seq(0),
        irs: Seq(0),
        mss: None,
        scale: None,
        sack: false,
        timestamp: None,
        ecn: false,
        since: at,
        sent_at: at,
        retry_at: at,
        retries: 0,
        due: false,
        challenge_due: false,
        challenged_at: None,
    })
}

fn place_for(table: &[Option<HalfOpen>], last: u8, ms: u64) -> Place {
    place(table, [198, 51, 100, last].into(), Instant::from_micros(ms * 1000))
}

#[test]
fn a_free_entry_is_taken_first() {
    let table = vec![entry(1, 0), None, None];
    assert_eq!(place_for(&table, 1, 100_000), Place::Free(1));
}

#[test]
fn the_oldest_gives_way_only_after_its_chance() {
    let table = vec![entry(1, 50), entry(2, 20), entry(3, 40)];
    assert_eq!(place_for(&table, 9, 500), Place::None);
    assert_eq!(place_for(&table, 9, 1100), Place::Instead(1));
}

#[test]
fn a_source_with_many_pushes_out_its_own() {
    let mut table: Vec<_> = (0..HALF_OPEN_PER_SOURCE as u64).map(|ms| entry(7, ms + 10)).collect();
    table.push(entry(8, 0));
    table.push(None);
    assert_eq!(place_for(&table, 7, 100), Place::Instead(0));
    assert_eq!(place_for(&table, 8, 100), Place::Free(HALF_OPEN_PER_SOURCE + 1));
}
