//! Ports for connections that we open: RFC 6056's algorithm 4, the double hash.
//!
//! The first hash gives every destination a starting point that nobody can tell, the second one
//! chooses among a few counters that go on by one: ports to one destination do not repeat soon,
//! and ports to another tell nothing about them.

use crate::flow::{Endpoint, Flow};
use crate::isn::{Secret, Tag};
use crate::limits::{EPHEMERAL_PORT_FIRST, EPHEMERAL_PORTS, PORT_COUNTERS};

/// The counters.
#[derive(Debug)]
pub(crate) struct Ports {
    counters: [u16; PORT_COUNTERS],
}

impl Ports {
    pub const fn new() -> Self {
        Self { counters: [0; PORT_COUNTERS] }
    }

    /// A port for a connection from `local`'s address to `remote` for which `is_free` holds; none
    /// if all are taken.
    pub fn choose(
        &mut self,
        secret: &Secret,
        local: Endpoint,
        remote: Endpoint,
        mut is_free: impl FnMut(u16) -> bool,
    ) -> Option<u16> {
        let flow = Flow { local: Endpoint { port: 0, ..local }, remote };
        let offset = secret.hash(Tag::PortOffset, flow) % u64::from(EPHEMERAL_PORTS);
        let counter = secret.hash(Tag::PortCounter, flow) as usize % PORT_COUNTERS;
        for _ in 0..EPHEMERAL_PORTS {
            let count = self.counters[counter];
            self.counters[counter] = count.wrapping_add(1);
            let port = (offset + u64::from(count)) % u64::from(EPHEMERAL_PORTS);
            let port = EPHEMERAL_PORT_FIRST + port as u16;
            if is_free(port) {
                return Some(port);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(last: u8, port: u16) -> Endpoint {
        Endpoint::new([192, 0, 2, last].into(), port)
    }

    #[test]
    fn ports_do_not_repeat_and_stay_in_their_range() {
        let (mut ports, secret) = (Ports::new(), Secret::new([3; 16]));
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..10_000 {
            let port = ports.choose(&secret, at(1, 0), at(2, 80), |_| true).expect("a port");
            assert!((32_768..61_000).contains(&port));
            assert!(seen.insert(port), "{port} again");
        }
    }

    #[test]
    fn the_last_free_port_is_found_and_without_one_there_is_an_end() {
        let (mut ports, secret) = (Ports::new(), Secret::new([3; 16]));
        let mut one = |free| ports.choose(&secret, at(1, 0), at(2, 80), |port| Some(port) == free);
        assert_eq!(one(Some(40_000)), Some(40_000));
        assert_eq!(one(None), None);
    }

    #[test]
    fn another_destination_begins_elsewhere() {
        let (mut ports, secret) = (Ports::new(), Secret::new([3; 16]));
        let firsts: std::collections::BTreeSet<_> =
            (1..50).map(|last| ports.choose(&secret, at(1, 0), at(last, 80), |_| true)).collect();
        assert!(firsts.len() > 45, "{}", firsts.len());
    }
}
