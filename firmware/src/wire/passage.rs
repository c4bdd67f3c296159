//! What became of a captured frame: the layers' notes, in the order in which they were made.

use core::cell::Cell;
use core::fmt;
use core::time::Duration;

use tcp::Verdict;

use crate::limits::{CAPTURE_NOTES, CARRIAGE_WORDS};
use crate::status::Drop;

/// What a layer says of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Received: [`super::Netem`] lost it, or keeps it for later.
    Netem,
    /// The guard let it pass.
    Guard,
    /// Received: a packet of IP, given to the stack.
    Stack,
    /// Received: what TCP made of the segment.
    Tcp(Verdict),
    /// Sent: why TCP sent the segment.
    Segment(tcp::Why),
    /// Received: ARP, which the link dealt with.
    Arp,
    /// Received: Neighbor Discovery, which the link dealt with.
    Discovery,
    /// Received: kept for the DHCP client.
    Dhcp,
    /// Sent: it had waited until its neighbour answered.
    Waited,
    /// Sent: made by the link, ARP or Neighbor Discovery.
    Link,
    /// Dropped, or not sent.
    Dropped(Drop),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Netem => "netem: lost or late",
            Self::Guard => "guard: passed",
            Self::Stack => "link: to the stack",
            Self::Arp => "link: ARP",
            Self::Discovery => "link: Neighbor Discovery",
            Self::Dhcp => "link: to the DHCP client",
            Self::Waited => "link: waited for its neighbour",
            Self::Link => "link: of its own making",
            Self::Tcp(verdict) => return write!(f, "tcp: {verdict}"),
            Self::Segment(why) => return write!(f, "tcp: {why}"),
            Self::Dropped(why) => return write!(f, "dropped: {}", why.name()),
        })
    }
}

/// The USB transfer that carried a frame, as its driver tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carriage {
    /// The transfer: the first one of its direction is 1.
    pub transfer: u64,
    /// Bytes of it; when a frame was put into it, so far.
    pub bytes: u32,
    /// Where in it the device's words about the frame begin, in bytes.
    pub at: u32,
    /// The device's words about the frame: status word, or command words. Those that are 0 are not
    /// there.
    pub words: [u32; CARRIAGE_WORDS],
}

impl fmt::Display for Carriage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { transfer, bytes, at, words } = self;
        write!(f, "usb: transfer {transfer}, at byte {at} of {bytes}")?;
        let mut gap = "; the device's words ";
        for word in words.iter().filter(|word| **word != 0) {
            write!(f, "{gap}{word:#010x}")?;
            gap = " ";
        }
        Ok(())
    }
}

/// Where an owner whose device knows how frames travel says so: before a frame is handed up, after
/// one was handed down. Others leave it alone.
#[derive(Debug, Default)]
pub struct Trail {
    /// Of the frame that is handed up next.
    pub arriving: Cell<Option<Carriage>>,
    /// Of the frame that was handed down last.
    pub left: Cell<Option<Carriage>>,
}

/// The notes on one frame. What finds no room is not noted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    notes: [Option<Note>; CAPTURE_NOTES],
    /// When each was made, in nanoseconds since the frame was handed up, or begun to be written.
    after_nanos: [u32; CAPTURE_NOTES],
    /// When all were done with it.
    done_nanos: u32,
    /// The frame so much younger is the answer; 0 if there is none.
    answered_after: u16,
}

impl Passage {
    pub(super) const NEW: Self = Self {
        notes: [None; CAPTURE_NOTES],
        after_nanos: [0; CAPTURE_NOTES],
        done_nanos: 0,
        answered_after: 0,
    };

    pub(super) fn add(&mut self, note: Note, after: Duration) {
        if let Some(place) = self.notes.iter().position(Option::is_none) {
            self.notes[place] = Some(note);
            self.after_nanos[place] = nanos(after);
        }
    }

    /// All are done with the frame.
    pub(super) fn is_done(&mut self, after: Duration) {
        self.done_nanos = nanos(after);
    }

    /// A frame was sent while this one, `older` frames before it, was being looked at. The first of
    /// them is its answer.
    pub(super) fn answered(&mut self, older: u64) {
        if self.answered_after == 0 {
            self.answered_after = u16::try_from(older).unwrap_or(0);
        }
    }

    /// The notes, the first one first.
    pub fn notes(&self) -> impl Iterator<Item = Note> + '_ {
        self.notes.iter().flatten().copied()
    }

    /// When each note was made: since the frame was handed up, or begun to be written.
    pub fn times(&self) -> impl Iterator<Item = Duration> + '_ {
        let times = self.notes().zip(&self.after_nanos);
        times.map(|(_, nanos)| Duration::from_nanos((*nanos).into()))
    }

    /// How long it took: until every layer was done with a received frame, answers included; until
    /// one that is sent was written and in the device's hands. Zero for those that were held back
    /// or stayed here.
    pub fn took(&self) -> Duration {
        Duration::from_nanos(self.done_nanos.into())
    }

    /// How many frames later the frame is that was sent in answer, while this one was being looked
    /// at. What a service answers, or TCP later, is not among them.
    pub fn answered_after(&self) -> Option<u64> {
        Some(self.answered_after.into()).filter(|&after| after > 0)
    }

    /// Why it was dropped, if it was.
    pub fn dropped(&self) -> Option<Drop> {
        self.notes().find_map(|note| match note {
            Note::Dropped(why) => Some(why),
            _ => None,
        })
    }
}

/// Four seconds at most: no frame is dealt with for longer.
fn nanos(time: Duration) -> u32 {
    u32::try_from(time.as_nanos()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn notes_have_an_end() {
        let mut passage = Passage::NEW;
        passage.answered(2);
        passage.answered(3);
        for _ in 0..CAPTURE_NOTES {
            passage.add(Note::Guard, Duration::ZERO);
        }
        passage.add(Note::Dropped(Drop::Runt), Duration::ZERO);
        assert_eq!(passage.notes().collect::<Vec<_>>(), [Note::Guard; CAPTURE_NOTES]);
        assert_eq!((passage.answered_after(), passage.dropped()), (Some(2), None));
    }

    #[test]
    fn a_note_takes_a_byte() {
        assert!(size_of::<Option<Note>>() <= 2, "{}", size_of::<Option<Note>>());
    }
}
