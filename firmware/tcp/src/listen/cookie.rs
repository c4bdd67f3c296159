//! SYN cookies: a sequence number that proves that its SYN was here (RFC 4987 3.6).
//!
//! ```text
//!   bits 31..8   keyed hash of flow, peer's ISN, time slot and the three bits below
//!   bits  7..5   which of eight maximum segment sizes
//!   bits  4..0   time slot of 64 s, modulo 32
//! ```
//!
//! What else a SYN says comes back in the timestamp, if it had one: its lowest bits hold the
//! window scale, SACK and ECN. 24 bits of hash are guessed in some million tries, all within two
//! minutes and only while cookies are given out at all.

use crate::flow::Flow;
use crate::isn::{Secret, Tag};
use crate::limits::COOKIE_SLOT_US;
use crate::seq::Seq;
use crate::time::Instant;

/// Maximum segment sizes that a cookie tells apart: what is common, rounded down.
const SIZES: [u16; 8] = [64, 536, 1220, 1300, 1400, 1440, 1452, 1460];
/// Window scale of a peer that has none.
const NO_SCALE: u32 = 15;

/// What a cookie's timestamp tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extras {
    pub scale: Option<u8>,
    pub sack: bool,
    pub ecn: bool,
}

fn slot(now: Instant) -> u64 {
    now.micros() / COOKIE_SLOT_US
}

fn make(secret: &Secret, flow: &Flow, irs: Seq, slot: u64, size: usize) -> Seq {
    let hash = secret.hash(Tag::Cookie, (flow, irs, slot, size)) as u32;
    Seq(hash & !0xFF | (size as u32) << 5 | (slot % 32) as u32)
}

/// A cookie for a SYN.
pub(crate) fn give(secret: &Secret, now: Instant, flow: &Flow, irs: Seq, mss: u16) -> Seq {
    let size = SIZES.iter().rposition(|size| *size <= mss).unwrap_or(0);
    make(secret, flow, irs, slot(now), size)
}

/// The maximum segment size in a cookie, if it is one of ours and not too old.
pub(crate) fn take(
    secret: &Secret,
    now: Instant,
    flow: &Flow,
    irs: Seq,
    cookie: Seq,
) -> Option<u16> {
    let size = (cookie.0 >> 5 & 7) as usize;
    let newest = slot(now);
    let slots = [Some(newest), newest.checked_sub(1)];
    let right = |slot: u64| make(secret, flow, irs, slot, size) == cookie;
    slots.into_iter().flatten().any(right).then_some(SIZES[size])
}

/// A timestamp that is at most 63 ms before `clock` and tells the extras.
pub(crate) fn stamp(clock: u32, extras: Extras) -> u32 {
    let scale = extras.scale.map_or(NO_SCALE, u32::from);
    let bits = scale | u32::from(extras.sack) << 4 | u32::from(extras.ecn) << 5;
    let stamp = clock & !63 | bits;
    if Seq(clock).lt(Seq(stamp)) { stamp.wrapping_sub(64) } else { stamp }
}

/// The extras in the echo of such a timestamp.
pub(crate) fn read_stamp(echo: u32) -> Extras {
    let scale = echo & 15;
    Extras {
        scale: (scale != NO_SCALE).then_some(scale as u8),
        sack: echo >> 4 & 1 == 1,
        ecn: echo >> 5 & 1 == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Endpoint;
    use proptest::prelude::*;

    fn flow(port: u16) -> Flow {
        Flow {
            local: Endpoint::new([192, 0, 2, 1].into(), 80),
            remote: Endpoint::new([192, 0, 2, 2].into(), port),
        }
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_cookie_holds_for_two_slots_for_its_flow_only() {
        let secret = Secret::new([5; 16]);
        let cookie = give(&secret, at(1000), &flow(1), Seq(9), 1460);
        for (seconds, good) in [(1000, true), (1063, true), (1150, false), (930, false)] {
            let taken = take(&secret, at(seconds), &flow(1), Seq(9), cookie);
            assert_eq!(taken, good.then_some(1460), "{seconds}");
        }
        assert_eq!(take(&secret, at(1000), &flow(2), Seq(9), cookie), None);
        assert_eq!(take(&secret, at(1000), &flow(1), Seq(8), cookie), None);
        assert_eq!(take(&Secret::new([6; 16]), at(1000), &flow(1), Seq(9), cookie), None);
    }

    #[test]
    fn sizes_are_rounded_down() {
        let secret = Secret::new([5; 16]);
        for (mss, told) in [(0, 64), (64, 64), (1219, 536), (1459, 1452), (9000, 1460)] {
            let cookie = give(&secret, at(1), &flow(1), Seq(9), mss);
            assert_eq!(take(&secret, at(1), &flow(1), Seq(9), cookie), Some(told));
        }
    }

    #[test]
    fn one_wrong_bit_is_noticed() {
        let secret = Secret::new([5; 16]);
        let cookie = give(&secret, at(1), &flow(1), Seq(9), 1460);
        for bit in 5..32 {
            let wrong = Seq(cookie.0 ^ 1 << bit);
            assert_eq!(take(&secret, at(1), &flow(1), Seq(9), wrong), None, "{bit}");
        }
    }

    proptest! {
        #[test]
        fn a_timestamp_tells_the_extras(clock: u32, scale in 0u8..=15, sack: bool, ecn: bool) {
            let extras = Extras { scale: (scale < 15).then_some(scale), sack, ecn };
            let stamp = stamp(clock, extras);
            prop_assert!(clock.wrapping_sub(stamp) < 64);
            prop_assert_eq!(read_stamp(stamp), extras);
        }
    }
}
