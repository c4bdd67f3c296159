//! Queues of connections, threaded through their entries: whoever has something to do is found
//! without looking at all the others.

use super::Entry;

/// No connection.
const NONE: u16 = u16::MAX;

/// What a connection is queued for.
#[derive(Clone, Copy, Debug)]
pub(super) enum For {
    /// Its turn to send.
    Output,
    /// Its owner, to be told of something.
    News,
}

/// A connection's place in one queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    is_queued: bool,
    next: u16,
}

impl Link {
    /// In no queue.
    pub const NONE: Self = Self { is_queued: false, next: NONE };
}

/// First in, first out; each connection is in it once. One whose slot is freed stays: whoever takes
/// it out looks.
#[derive(Debug)]
pub(super) struct Queue {
    of: For,
    first: u16,
    last: u16,
}

impl Queue {
    pub const fn new(of: For) -> Self {
        Self { of, first: NONE, last: NONE }
    }

    pub fn is_empty(&self) -> bool {
        self.first == NONE
    }

    pub fn first(&self) -> Option<usize> {
        (!self.is_empty()).then_some(usize::from(self.first))
    }

    /// At the end, unless it is in the queue.
    pub fn push(&mut self, entries: &mut [Entry], index: usize) {
        let link = &mut entries[index].links[self.of as usize];
        if link.is_queued {
            return;
        }
        *link = Link { is_queued: true, next: NONE };
        match self.is_empty() {
            true => self.first = index as u16,
            false => entries[usize::from(self.last)].links[self.of as usize].next = index as u16,
        }
        self.last = index as u16;
    }

    pub fn pop(&mut self, entries: &mut [Entry]) -> Option<usize> {
        let index = self.first()?;
        let link = &mut entries[index].links[self.of as usize];
        self.first = link.next;
        *link = Link::NONE;
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::vec;

    #[test]
    fn each_is_in_a_queue_once_and_first_in_is_first_out() {
        let mut entries = vec![Entry::EMPTY; 5];
        let (mut output, mut news) = (Queue::new(For::Output), Queue::new(For::News));
        let mut expected: VecDeque<usize> = VecDeque::new();
        // Three bits of a number for each step; three in eight of them take one out.
        for seed in 0..1_000_u64 {
            for digit in 0..16 {
                match (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)) >> (4 * digit) & 7 {
                    index @ 0..5 => {
                        output.push(&mut entries, index as usize);
                        if !expected.contains(&(index as usize)) {
                            expected.push_back(index as usize);
                        }
                        news.push(&mut entries, 4 - index as usize);
                    }
                    5 => assert!(news.pop(&mut entries).is_none_or(|index| index < 5)),
                    _ => assert_eq!(output.pop(&mut entries), expected.pop_front()),
                }
                assert_eq!(output.first(), expected.front().copied());
            }
        }
    }
}
