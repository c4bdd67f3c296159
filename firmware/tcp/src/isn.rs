//! What must not be guessed: initial sequence numbers (RFC 6528), timestamp offsets (RFC 7323
//! 5.4), ports (RFC 6056), SYN cookies.
//!
//! All come from SipHash-2-4 under one key, each with a tag of its own, so that none tells
//! anything about another. The key is the caller's, from a hardware random number generator.

use core::hash::{Hash, Hasher};

use siphasher::sip::SipHasher24;

use crate::flow::Flow;
use crate::seq::Seq;
use crate::time::Instant;

/// What a hash is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    Isn = 1,
    Timestamp = 2,
    PortOffset = 3,
    PortCounter = 4,
    Cookie = 5,
    Challenge = 6,
}

/// The key.
#[derive(Clone)]
pub(crate) struct Secret {
    key: [u8; 16],
}

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    pub const fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    /// A number that only the holder of the key can tell.
    pub fn hash(&self, tag: Tag, what: impl Hash) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write_u8(tag as u8);
        what.hash(&mut hasher);
        hasher.finish()
    }

    /// RFC 6528 3: ISN = M + F(flow, key), where M ticks every 4 microseconds.
    pub fn isn(&self, now: Instant, flow: &Flow) -> Seq {
        Seq((now.micros() / 4) as u32).plus(self.hash(Tag::Isn, flow) as u32)
    }

    /// What is added to the clock in the timestamps of a flow. It is the same for every
    /// connection of a flow, so that their timestamps go on rising (RFC 6191).
    pub fn timestamp_offset(&self, flow: &Flow) -> u32 {
        self.hash(Tag::Timestamp, flow) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Endpoint;

    fn flow(port: u16) -> Flow {
        Flow {
            local: Endpoint::new([192, 0, 2, 1].into(), 80),
            remote: Endpoint::new([192, 0, 2, 2].into(), port),
        }
    }

    #[test]
    fn a_flow_s_numbers_rise_by_one_every_4_us_and_flows_are_unrelated() {
        let secret = Secret::new([7; 16]);
        let at = |us, port| secret.isn(Instant::from_micros(us), &flow(port));
        assert_eq!(at(4_000_000, 1).since(at(0, 1)), 1_000_000);
        let distances: std::collections::BTreeSet<u32> =
            (1..1000).map(|port| at(0, port + 1).since(at(0, port))).collect();
        assert_eq!(distances.len(), 999, "no step occurs twice");
    }

    #[test]
    fn another_key_or_another_purpose_gives_other_numbers() {
        let (a, b) = (Secret::new([7; 16]), Secret::new([8; 16]));
        assert_ne!(a.isn(Instant::START, &flow(1)), b.isn(Instant::START, &flow(1)));
        assert_ne!(a.hash(Tag::Isn, flow(1)), a.hash(Tag::Timestamp, flow(1)));
    }
}
