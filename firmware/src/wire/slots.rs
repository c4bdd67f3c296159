//! Packets on their way that cannot go at once: those to ourselves, which wait for the next step,
//! and those whose neighbour is still asked for.

use core::cell::{Cell, RefCell};

use smoltcp::wire::IpAddress;

use crate::limits::{FRAME_BYTES_MAX, WAITING_PACKETS, WAITING_PER_NEIGHBOR};

/// Bytes of an Ethernet header, for which there is room before each packet.
pub const HEADER_BYTES: usize = 14;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Free,
    /// Goes round, to us.
    Loop,
    /// Waits for this neighbour.
    Wait(IpAddress),
}

#[derive(Debug)]
struct Slot {
    used: Cell<Use>,
    /// Who came first is served first.
    number: Cell<u64>,
    len: Cell<usize>,
    frame: RefCell<[u8; FRAME_BYTES_MAX]>,
}

impl Slot {
    const fn free() -> Self {
        Self {
            used: Cell::new(Use::Free),
            number: Cell::new(0),
            len: Cell::new(0),
            frame: RefCell::new([0; FRAME_BYTES_MAX]),
        }
    }
}

/// The waiting packets.
#[derive(Debug)]
pub struct Slots {
    slots: [Slot; WAITING_PACKETS],
    next: Cell<u64>,
}

/// A packet's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(usize);

impl Default for Slots {
    fn default() -> Self {
        Self::new()
    }
}

impl Slots {
    /// Nothing waits.
    pub const fn new() -> Self {
        Self { slots: [const { Slot::free() }; WAITING_PACKETS], next: Cell::new(0) }
    }

    /// Keeps a frame of ours that goes to ourselves, which `write` writes; false if there is no
    /// room.
    pub fn put_loop(&self, len: usize, write: impl FnOnce(&mut [u8])) -> bool {
        self.put(Use::Loop, len, write)
    }

    /// Keeps a frame until its neighbour is known; false if there is no room, or enough wait for
    /// that neighbour already.
    pub fn put_waiting(
        &self,
        neighbor: IpAddress,
        len: usize,
        write: impl FnOnce(&mut [u8]),
    ) -> bool {
        let used = Use::Wait(neighbor);
        let waiting = self.slots.iter().filter(|slot| slot.used.get() == used).count();
        waiting < WAITING_PER_NEIGHBOR && self.put(used, len, write)
    }

    fn put(&self, used: Use, len: usize, write: impl FnOnce(&mut [u8])) -> bool {
        let free = self.slots.iter().find(|slot| slot.used.get() == Use::Free);
        let Some(slot) = free.filter(|_| len <= FRAME_BYTES_MAX) else { return false };
        write(&mut slot.frame.borrow_mut()[..len]);
        slot.len.set(len);
        slot.number.set(self.next.get());
        self.next.set(self.next.get() + 1);
        slot.used.set(used);
        true
    }

    fn first(&self, wanted: impl Fn(Use) -> bool) -> Option<Place> {
        let slots = self.slots.iter().enumerate();
        let first = slots
            .filter(|(_, slot)| wanted(slot.used.get()))
            .min_by_key(|(_, slot)| slot.number.get());
        first.map(|(index, _)| Place(index))
    }

    /// The oldest packet to ourselves.
    pub fn first_loop(&self) -> Option<Place> {
        self.first(|used| used == Use::Loop)
    }

    /// The oldest packet that waits for a neighbour of which `is_settled` says so.
    pub fn first_waiting(
        &self,
        is_settled: impl Fn(&IpAddress) -> bool,
    ) -> Option<(Place, IpAddress)> {
        let place = self.first(|used| match used {
            Use::Wait(neighbor) => is_settled(&neighbor),
            _ => false,
        })?;
        match self.slots[place.0].used.get() {
            Use::Wait(neighbor) => Some((place, neighbor)),
            Use::Free | Use::Loop => None,
        }
    }

    /// Takes a frame: `f` sees it, then its place is free.
    pub fn take<R>(&self, place: Place, f: impl FnOnce(&mut [u8]) -> R) -> R {
        let slot = &self.slots[place.0];
        let result = f(&mut slot.frame.borrow_mut()[..slot.len.get()]);
        slot.used.set(Use::Free);
        result
    }

    /// Makes something else of a frame that waits, to go round to ourselves: `f` writes it and
    /// returns its length; zero if nothing is to be told.
    pub fn turn(&self, place: Place, f: impl FnOnce(&mut [u8; FRAME_BYTES_MAX], usize) -> usize) {
        let slot = &self.slots[place.0];
        let len = f(&mut slot.frame.borrow_mut(), slot.len.get());
        slot.len.set(len);
        slot.used.set(if len == 0 { Use::Free } else { Use::Loop });
    }

    /// Forgets what waits for neighbours; returns how many there were.
    pub fn clear_waiting(&self) -> usize {
        let waiting = |slot: &&Slot| matches!(slot.used.get(), Use::Wait(_));
        self.slots.iter().filter(waiting).map(|slot| slot.used.set(Use::Free)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddress = IpAddress::v4(192, 0, 2, 1);
    const TWO: IpAddress = IpAddress::v4(192, 0, 2, 2);

    #[test]
    fn in_order_and_not_too_many() {
        let slots = Slots::new();
        for number in 0..WAITING_PER_NEIGHBOR as u8 {
            assert!(slots.put_waiting(ONE, 1, |frame| frame[0] = number));
        }
        assert!(!slots.put_waiting(ONE, 1, |frame| frame[0] = 9));
        assert!(slots.put_waiting(TWO, 1, |frame| frame[0] = 9));
        for number in 0..WAITING_PER_NEIGHBOR as u8 {
            let (place, neighbor) = slots.first_waiting(|neighbor| *neighbor == ONE).unwrap();
            assert_eq!(neighbor, ONE);
            slots.take(place, |frame| assert_eq!(frame, [number]));
        }
        assert_eq!(slots.first_waiting(|neighbor| *neighbor == ONE), None);
        assert_eq!(slots.clear_waiting(), 1);
    }

    #[test]
    fn a_frame_may_be_answered_while_it_is_read() {
        let slots = Slots::new();
        let put = |byte| slots.put_loop(1, |frame| frame[0] = byte);
        assert!(put(1));
        slots.take(slots.first_loop().unwrap(), |_| assert!(put(2)));
        slots.take(slots.first_loop().unwrap(), |frame| assert_eq!(frame, [2]));
        assert_eq!(slots.first_loop(), None);
        for _ in 0..WAITING_PACKETS {
            assert!(put(3));
        }
        assert!(!put(3));
    }
}
