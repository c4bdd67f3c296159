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
