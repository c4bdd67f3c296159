//! First sequence numbers of TCP conversations, so that later ones are printed relative to them.

use core::cmp::Ordering;
use core::net::IpAddr;

use crate::limits::CONVERSATIONS;

/// One end.
type End = (u16, IpAddr);

/// What is remembered of both directions together.
#[derive(Clone, Copy, Debug)]
struct Conversation {
    /// The end with the lower port (at equal ports, with the lower address), and the other.
    ends: (End, End),
    /// The number before the first one that the lower end was seen to send.
    low_start: u32,
    /// The same of the other end.
    high_start: u32,
    used: u32,
}

/// Conversations that were seen.
#[derive(Debug)]
pub struct Conversations {
    table: [Option<Conversation>; CONVERSATIONS],
    /// Counts segments, to find which entry was quiet longest.
    clock: u32,
}

impl Default for Conversations {
    fn default() -> Self {
        Self::new()
    }
}

/// The numbers of a segment as they are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relative {
    /// The sequence number.
    pub sequence: u32,
    /// The acknowledgment number.
    pub acknowledgment: u32,
    /// What the numbers in a SACK option are relative to.
    pub sack_start: u32,
}

impl Conversations {
    /// None.
    pub const fn new() -> Self {
        Self { table: [None; CONVERSATIONS], clock: 0 }
    }

    /// Numbers of a segment with ACK, relative to the first ones seen in its conversation. The
    /// first segment's own numbers, and those of one with SYN, stay as they are.
    pub fn relative(
        &mut self,
        source: End,
        destination: End,
        is_syn: bool,
        sequence: u32,
        acknowledgment: u32,
    ) -> Relative {
        self.clock = self.clock.wrapping_add(1);
        let from_high = source.cmp(&destination) == Ordering::Greater;
        let ends = if from_high { (destination, source) } else { (source, destination) };
        let clock = self.clock;
        let known = self.table.iter_mut().flatten().find(|entry| entry.ends == ends);
        if let (Some(entry), false) = (known, is_syn) {
            entry.used = clock;
            let (own, other) = if from_high {
                (entry.high_start, entry.low_start)
            } else {
                (entry.low_start, entry.high_start)
            };
            return Relative {
                sequence: sequence.wrapping_sub(own),
                acknowledgment: acknowledgment.wrapping_sub(other),
                sack_start: other,
            };
        }
        let other = acknowledgment.wrapping_sub(1);
        let (low_start, high_start) = if from_high { (other, sequence) } else { (sequence, other) };
        let entry = Conversation { ends, low_start, high_start, used: clock };
        if let Some(slot) = self.slot(ends) {
            *slot = Some(entry);
        }
        Relative { sequence, acknowledgment, sack_start: other }
    }

    /// The entry of a conversation, a free one, or the one that was quiet longest.
    fn slot(&mut self, ends: (End, End)) -> Option<&mut Option<Conversation>> {
        let clock = self.clock;
        self.table.iter_mut().max_by_key(|slot| match slot {
            Some(entry) if entry.ends == ends => u64::MAX,
            None => u64::MAX - 1,
            Some(entry) => u64::from(clock.wrapping_sub(entry.used)),
        })
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::*;

    fn end(port: u16) -> End {
        (port, IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    #[test]
    fn both_directions_count_from_the_handshake() {
        let mut seen = Conversations::new();
        let syn_ack = seen.relative(end(80), end(5000), true, 900, 101);
        assert_eq!((syn_ack.sequence, syn_ack.acknowledgment), (900, 101));
        let ack = seen.relative(end(5000), end(80), false, 101, 901);
        assert_eq!(ack, Relative { sequence: 1, acknowledgment: 1, sack_start: 900 });
        let data = seen.relative(end(80), end(5000), false, 901, 201);
        assert_eq!(data, Relative { sequence: 1, acknowledgment: 101, sack_start: 100 });
    }

    #[test]
    fn the_quietest_gives_way() {
        let mut seen = Conversations::new();
        for port in 0..CONVERSATIONS as u16 {
            seen.relative(end(80), end(5000 + port), true, 900, 101);
        }
        // All are there; the first is now the one that spoke last.
        assert_eq!(seen.relative(end(80), end(5000), false, 901, 102).sequence, 1);
        seen.relative(end(80), end(6000), true, 900, 101);
        assert_eq!(seen.relative(end(80), end(5000), false, 902, 102).sequence, 2);
        assert_eq!(seen.relative(end(80), end(5001), false, 902, 102).sequence, 902, "forgotten");
    }
}
