//! One direction: what becomes of a frame, and when it leaves.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use firmware::wire::{Dial, Faults, Tally, damage};

/// Frames that wait at most: 160 ms at 1 Gbit/s. One more is lost, and counted.
const WAITING_FRAMES_MAX: usize = 16_384;
/// Bytes of an Ethernet header.
const HEADER_BYTES: usize = 14;

/// A frame that waits for its time. Those that are due at the same time keep their order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Late {
    due: Duration,
    number: u64,
    frame: Vec<u8>,
}

/// One direction.
#[derive(Debug, Default)]
pub struct Line {
    dial: Dial,
    waiting: BinaryHeap<Reverse<Late>>,
    number: u64,
}

impl Line {
    /// Turns the dial, and counts from zero.
    pub fn set(&mut self, faults: Faults, seed: u64) {
        self.dial = Dial::new(faults, seed);
    }

    /// What it did since then.
    pub fn tally(&self) -> Tally {
        self.dial.tally()
    }

    /// A frame came in. What is not IP passes untouched: nothing but Ethernet's check sequence,
    /// which the relay stands behind, would notice a damaged ARP packet.
    pub fn offer(&mut self, now: Duration, frame: &mut [u8]) {
        if !is_ip(frame) {
            return self.keep(now, frame);
        }
        let fate = self.dial.fate(now, frame.len());
        if fate.lost {
            return;
        }
        if let Some(bit) = fate.damage {
            let packet = &mut frame[HEADER_BYTES..];
            damage(packet, bit % (packet.len() as u32 * 8));
        }
        let due = fate.due.unwrap_or(now);
        for _ in 0..=u32::from(fate.twice) {
            self.keep(due, frame);
        }
    }

    fn keep(&mut self, due: Duration, frame: &[u8]) {
        if self.waiting.len() >= WAITING_FRAMES_MAX {
            return self.overflowed();
        }
        self.number += 1;
        self.waiting.push(Reverse(Late { due, number: self.number, frame: frame.to_vec() }));
    }

    /// A frame was lost, as it found no room.
    pub fn overflowed(&mut self) {
        self.dial.overflowed();
    }

    /// When the next frame leaves.
    pub fn next_due(&self) -> Option<Duration> {
        self.waiting.peek().map(|Reverse(late)| late.due)
    }

    /// The next frame whose time has come.
    pub fn take(&mut self, now: Duration) -> Option<Vec<u8>> {
        if self.next_due()? > now {
            return None;
        }
        self.waiting.pop().map(|Reverse(late)| late.frame)
    }
}

/// True for IPv4 and IPv6 with something in it.
fn is_ip(frame: &[u8]) -> bool {
    frame.len() > HEADER_BYTES && matches!(frame[12..HEADER_BYTES], [0x08, 0x00] | [0x86, 0xdd])
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    /// An IPv4 frame that is told apart by its last two bytes.
    fn numbered(number: u16) -> Vec<u8> {
        let mut frame = vec![0; 60];
        frame[12] = 8;
        frame[58..].copy_from_slice(&number.to_be_bytes());
        frame
    }

    fn line(faults: Faults) -> Line {
        let mut line = Line::default();
        line.set(faults, 7);
        line
    }

    fn all(line: &mut Line, now: Duration) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| line.take(now)).collect()
    }

    #[test]
    fn without_faults_frames_leave_at_once_and_in_order() {
        let mut line = line(Faults::default());
        let frames: Vec<_> = (0..100).map(numbered).collect();
        frames.iter().for_each(|frame| line.offer(MILLISECOND, &mut frame.clone()));
        assert_eq!(all(&mut line, MILLISECOND), frames);
        assert_eq!((line.next_due(), line.tally()), (None, Tally::default()));
    }

    #[test]
    fn shares_are_met_and_counted() {
        let share = 100_000;
        let faults = Faults { loss: share, duplicate: share, corrupt: share, ..Faults::default() };
        let mut line = line(faults);
        (0..10_000).for_each(|number| line.offer(MILLISECOND, &mut numbered(number)));
        let frames = all(&mut line, MILLISECOND);
        let tally = line.tally();
        let near = |count: u64, expected: u64| count.abs_diff(expected) < expected / 10;
        assert!(near(tally.lost, 1000) && near(tally.duplicated, 900), "{tally:?}");
        assert!(near(tally.corrupted, 900), "{tally:?}");
        assert_eq!(frames.len() as u64, tally.frames - tally.lost + tally.duplicated);
        // One bit each, never in the Ethernet header.
        let wrong = |frame: &Vec<u8>| frame[..58].iter().any(|byte| ![0, 8].contains(byte));
        assert!(frames.iter().any(wrong));
        assert!(frames.iter().all(|frame| frame[..14] == numbered(0)[..14]));
    }

    #[test]
    fn what_is_not_delayed_overtakes() {
        let late = Faults { delay: 10 * MILLISECOND, ..Faults::default() };
        let mut line = line(late);
        line.offer(Duration::ZERO, &mut numbered(1));
        line.set(Faults { reorder: 1_000_000, ..late }, 7);
        line.offer(MILLISECOND, &mut numbered(2));
        assert_eq!(all(&mut line, MILLISECOND), [numbered(2)]);
        assert_eq!(line.next_due(), Some(10 * MILLISECOND));
        assert_eq!(all(&mut line, 10 * MILLISECOND), [numbered(1)]);
        assert_eq!(line.tally().reordered, 1);
    }

    #[test]
    fn only_ip_meets_faults_and_what_does_not_fit_is_counted() {
        let mut line = line(Faults { loss: 1_000_000, ..Faults::default() });
        let arp = [0xff; 42];
        line.offer(MILLISECOND, &mut arp.clone());
        line.offer(MILLISECOND, &mut numbered(1));
        assert_eq!(all(&mut line, MILLISECOND), [arp]);
        line.set(Faults { rate: 1, ..Faults::default() }, 7);
        (0..WAITING_FRAMES_MAX + 3).for_each(|_| line.offer(MILLISECOND, &mut numbered(1)));
        assert_eq!(line.tally().overflowed, 3);
    }
}
