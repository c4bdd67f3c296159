//! Ports and identifiers of our own choice: random, so that nobody can guess them (RFC 6056 3.3.2).

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::limits::{PORT_TRIES, PORTS_FIRST};

/// A port that is free by `is_taken`: a random one or, if that is hard to find, the next free one
/// after a random one. `None` if all are taken.
pub(super) fn choose(random: &mut ChaCha8Rng, is_taken: impl Fn(u16) -> bool) -> Option<u16> {
    let count = u16::MAX - PORTS_FIRST + 1;
    let mut port = || PORTS_FIRST + (random.next_u32() % u32::from(count)) as u16;
    (0..PORT_TRIES).map(|_| port()).find(|port| !is_taken(*port)).or_else(|| {
        let start = port();
        (start..=u16::MAX).chain(PORTS_FIRST..start).find(|port| !is_taken(*port))
    })
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn the_last_free_port_is_found() {
        let mut random = ChaCha8Rng::from_seed([1; 32]);
        assert_eq!(choose(&mut random, |port| port != 50_000), Some(50_000));
        assert_eq!(choose(&mut random, |_| true), None);
        let (one, other) = (choose(&mut random, |_| false), choose(&mut random, |_| false));
        assert!(one != other && one >= Some(PORTS_FIRST));
    }
}
