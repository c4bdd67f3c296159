//! The capture ring: the last frames that passed, for `tcpdump`, `/pcap` and whoever asks what
//! became of a frame.
//!
//! Of every frame the first [`CAPTURE_BYTES`] are kept; a reader that wants more has as much kept
//! as it asks for, for as long as it is there. Nobody waits for a reader: one that is slow loses
//! the oldest frames, and is told how many.
//!
//! Frames are dealt with one at a time, up and down. So the layers note what they did with *the*
//! frame: with the one that is being received ([`Recorder::note`]), or with the one that was sent
//! last ([`Recorder::note_sent`]). A drop that is counted meanwhile is noted by itself. Layers that
//! know more (a driver its status word, TCP its events) need only another [`Note`].
//!
//! A turn of the loop has one time, by which everything is decided; what a layer takes is less than
//! that. So the ring, and nothing else on the way of a frame, reads the owner's clock: when a frame
//! passes, at each note, and when all are done with it.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;

use embassy_sync::waitqueue::MultiWakerRegistration;
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::passage::{Carriage, Note, Passage};
use crate::limits::{CAPTURE_BYTES, CAPTURE_FRAMES, CAPTURE_READERS, FRAME_BYTES_MAX};
use crate::net::{NetError, Port};
use crate::status::{Drop as Why, Drops};
use crate::system::System;

/// Which way a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To us.
    In,
    /// From us.
    Out,
}

/// A captured frame, whose bytes are in the reader's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Captured {
    /// Its number: 0, 1, ...
    pub number: u64,
    /// When it passed, since start.
    pub at: Duration,
    /// Which way.
    pub way: Way,
    /// Where.
    pub port: Port,
    /// Bytes of the frame, without FCS.
    pub original_bytes: usize,
    /// Bytes of it that are in the buffer.
    pub captured_bytes: usize,
    /// What became of it.
    pub passage: Passage,
    /// What carried it, if that is known.
    pub carriage: Option<Carriage>,
    /// Frames that this reader has lost in all.
    pub missed: u64,
}

impl Captured {
    /// True for a frame of ours that was held back, and never was on the wire.
    pub fn is_unsent(&self) -> bool {
        self.way == Way::Out && self.passage.dropped().is_some()
    }
}

/// What became of it, in words: `#12 in: guard: passed; link: to the stack; answered by #13`.
impl core::fmt::Display for Captured {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let way = match self.way {
            Way::In => "in",
            Way::Out if self.is_unsent() => "not sent",
            Way::Out => "out",
        };
        write!(f, "#{} {way}", self.number)?;
        let mut gap = ": ";
        if let Some(carriage) = &self.carriage {
            write!(f, "{gap}{carriage}")?;
            gap = "; ";
        }
        for note in self.passage.notes() {
            write!(f, "{gap}{note}")?;
            gap = "; ";
        }
        match self.passage.answered_after() {
            Some(after) => write!(f, "{gap}answered by #{}", self.number + after),
            None => Ok(()),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Head {
    at_microseconds: u64,
    original_bytes: u16,
    captured_bytes: u16,
    way: Way,
    port: Port,
    passage: Passage,
    carriage: Option<Carriage>,
}

struct Ring {
    frames: &'static mut [[u8; FRAME_BYTES_MAX]; CAPTURE_FRAMES],
    heads: [Head; CAPTURE_FRAMES],
    /// The number of the next frame.
    next: u64,
}

impl Ring {
    /// The head of a frame, if it is still there.
    fn head(&mut self, number: u64) -> Option<&mut Head> {
        let is_there = number < self.next && number + CAPTURE_FRAMES as u64 >= self.next;
        is_there.then(|| &mut self.heads[slot(number)])
    }
}

fn slot(number: u64) -> usize {
    (number % CAPTURE_FRAMES as u64) as usize
}

/// A frame that is being dealt with.
#[derive(Clone, Copy, Debug)]
struct Passing {
    number: u64,
    /// When it was handed up, or begun to be written.
    since: Duration,
}

/// The ring and its readers.
pub struct Recorder {
    clock: fn() -> Duration,
    ring: RefCell<Ring>,
    /// Frames are kept while nobody reads.
    is_on: Cell<bool>,
    /// The frame that is being received.
    receiving: Cell<Option<Passing>>,
    /// When the frame that is being sent was begun.
    sending: Cell<Option<Duration>>,
    /// The frame that was sent last, until it is noted on.
    sent: Cell<Option<Passing>>,
    /// What carries the frame that is received next.
    arriving: Cell<Option<Carriage>>,
    /// Bytes that each reader asks for.
    readers: [Cell<Option<usize>>; CAPTURE_READERS],
    /// The most of them; `None` if nothing is kept.
    keep_bytes: Cell<Option<usize>>,
    wakers: RefCell<MultiWakerRegistration<CAPTURE_READERS>>,
}

impl core::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Recorder({} frames)", self.count())
    }
}

impl Recorder {
    /// Empty, and on. `clock` tells the time since start.
    pub fn new(
        frames: &'static mut [[u8; FRAME_BYTES_MAX]; CAPTURE_FRAMES],
        clock: fn() -> Duration,
    ) -> Self {
        let head = Head {
            at_microseconds: 0,
            original_bytes: 0,
            captured_bytes: 0,
            way: Way::In,
            port: Port::Eth0,
            passage: Passage::NEW,
            carriage: None,
        };
        Self {
            clock,
            ring: RefCell::new(Ring { frames, heads: [head; CAPTURE_FRAMES], next: 0 }),
            is_on: Cell::new(true),
            receiving: Cell::new(None),
            sending: Cell::new(None),
            sent: Cell::new(None),
            arriving: Cell::new(None),
            readers: [const { Cell::new(None) }; CAPTURE_READERS],
            keep_bytes: Cell::new(Some(CAPTURE_BYTES)),
            wakers: RefCell::new(MultiWakerRegistration::new()),
        }
    }

    /// Keeps frames while nobody reads, or does not.
    pub fn set_on(&self, is_on: bool) {
        self.is_on.set(is_on);
        self.count_bytes();
    }

    /// True if frames are kept while nobody reads.
    pub fn is_on(&self) -> bool {
        self.is_on.get()
    }

    /// Frames kept so far, those that gave way to younger ones among them.
    pub fn count(&self) -> u64 {
        self.ring.borrow().next
    }

    /// Keeps a frame, or its beginning.
    pub fn record(&self, way: Way, port: Port, frame: &[u8]) {
        self.keep(way, port, frame, Passage::NEW);
    }

    /// Keeps a frame of ours that was held back.
    pub fn record_unsent(&self, frame: &[u8], why: Why) {
        let mut passage = Passage::NEW;
        passage.add(Note::Dropped(why), Duration::ZERO);
        self.keep(Way::Out, Port::Eth0, frame, passage);
        self.sent.set(None);
    }

    /// Keeps a frame and has it dealt with by `f`; what is noted meanwhile is noted of this frame.
    pub fn receive<R>(
        &self,
        port: Port,
        frame: &[u8],
        drops: &Drops,
        f: impl FnOnce(&[u8]) -> R,
    ) -> R {
        let passing = self.keep(Way::In, port, frame, Passage::NEW);
        let outer = self.receiving.replace(passing);
        drops.take_last();
        let result = f(frame);
        if let Some(why) = drops.take_last() {
            self.note(Note::Dropped(why));
        }
        self.is_done(passing);
        self.receiving.set(outer);
        result
    }

    /// A frame is about to be written, and sent.
    pub fn begin(&self) {
        // The clock is not read for frames that are not kept.
        self.sending.set(self.keep_bytes.get().map(|_| (self.clock)()));
    }

    /// The frame that was sent last is in the device's hands; what carries it, if that is known.
    pub fn end(&self, carriage: Option<Carriage>) {
        let sent = self.sent.get();
        let mut ring = self.ring.borrow_mut();
        if let Some(head) = sent.and_then(|sent| ring.head(sent.number)) {
            head.carriage = carriage;
        }
        drop(ring);
        self.is_done(sent);
    }

    fn is_done(&self, passing: Option<Passing>) {
        let Some(Passing { number, since }) = passing else { return };
        let after = (self.clock)().saturating_sub(since);
        if let Some(head) = self.ring.borrow_mut().head(number) {
            head.passage.is_done(after);
        }
    }

    /// A layer's word on the frame that is being received.
    pub fn note(&self, note: Note) {
        self.add(self.receiving.get(), note);
    }

    /// The word of the layer that just sent a frame. If the frame was lost below it, nothing is
    /// noted.
    pub fn note_sent(&self, note: Note) {
        self.add(self.sent.take(), note);
    }

    /// What carries the frame that is received next.
    pub fn expect(&self, carriage: Option<Carriage>) {
        self.arriving.set(carriage);
    }

    fn add(&self, passing: Option<Passing>, note: Note) {
        let Some(Passing { number, since }) = passing else { return };
        let after = (self.clock)().saturating_sub(since);
        if let Some(head) = self.ring.borrow_mut().head(number) {
            head.passage.add(note, after);
        }
    }

    fn keep(&self, way: Way, port: Port, frame: &[u8], passage: Passage) -> Option<Passing> {
        let begun = self.sending.take().filter(|_| way == Way::Out);
        let len = frame.len().min(self.keep_bytes.get()?);
        let at = (self.clock)();
        let mut ring = self.ring.borrow_mut();
        let number = ring.next;
        let passing = Passing { number, since: begun.unwrap_or(at) };
        let slot = slot(number);
        ring.frames[slot][..len].copy_from_slice(&frame[..len]);
        ring.heads[slot] = Head {
            at_microseconds: u64::try_from(at.as_micros()).unwrap_or(u64::MAX),
            original_bytes: frame.len() as u16,
            captured_bytes: len as u16,
            way,
            port,
            passage,
            carriage: if way == Way::In { self.arriving.take() } else { None },
        };
        ring.next += 1;
        if way == Way::Out {
            self.sent.set(Some(passing).filter(|_| port == Port::Eth0));
            if let Some(asked) = self.receiving.get()
                && let Some(head) = ring.head(asked.number)
            {
                head.passage.answered(number - asked.number);
            }
        }
        drop(ring);
        self.wakers.borrow_mut().wake();
        Some(passing)
    }

    fn attach(&self, bytes: usize) -> Option<usize> {
        let reader = self.readers.iter().position(|reader| reader.get().is_none())?;
        self.readers[reader].set(Some(bytes.min(FRAME_BYTES_MAX)));
        self.count_bytes();
        Some(reader)
    }

    fn detach(&self, reader: usize) {
        self.readers[reader].set(None);
        self.count_bytes();
    }

    fn count_bytes(&self) {
        let least = self.is_on.get().then_some(CAPTURE_BYTES);
        let most = self.readers.iter().filter_map(Cell::get).max();
        self.keep_bytes.set(most.map(|most| most.max(CAPTURE_BYTES)).or(least));
    }

    /// The frame of this number, or the oldest after it.
    pub(crate) fn read(&self, number: u64, out: &mut [u8]) -> Option<Captured> {
        let ring = self.ring.borrow();
        let number = number.max(ring.next.saturating_sub(CAPTURE_FRAMES as u64));
        if number >= ring.next {
            return None;
        }
        let slot = slot(number);
        let head = ring.heads[slot];
        let captured_bytes = usize::from(head.captured_bytes).min(out.len());
        out[..captured_bytes].copy_from_slice(&ring.frames[slot][..captured_bytes]);
        Some(Captured {
            number,
            at: Duration::from_micros(head.at_microseconds),
            way: head.way,
            port: head.port,
            original_bytes: head.original_bytes.into(),
            captured_bytes,
            passage: head.passage,
            carriage: head.carriage,
            missed: 0,
        })
    }
}

/// Who has a recorder.
pub trait Recording {
    /// Runs `f` on it.
    fn with_recorder<R>(&self, f: impl FnOnce(&Recorder) -> R) -> R;

    /// Begins to read frames, of each `snap_bytes` at most.
    ///
    /// # Errors
    /// [`NetError::NoSockets`] if there are [`CAPTURE_READERS`] already.
    fn capture(&self, snap_bytes: usize) -> Result<CaptureReader<'_, Self>, NetError>
    where
        Self: Sized,
    {
        let (reader, next) = self.with_recorder(|recorder| {
            let reader = recorder.attach(snap_bytes).ok_or(NetError::NoSockets)?;
            Ok((reader, recorder.count()))
        })?;
        Ok(CaptureReader { of: self, reader, snap_bytes, next, missed: 0, shows_unsent: false })
    }
}

impl Recording for System {
    fn with_recorder<R>(&self, f: impl FnOnce(&Recorder) -> R) -> R {
        f(self.stack.borrow().recorder())
    }
}

/// Reads frames as they pass. Dropping it ends the reading.
#[derive(Debug)]
pub struct CaptureReader<'a, S: Recording> {
    of: &'a S,
    reader: usize,
    snap_bytes: usize,
    next: u64,
    missed: u64,
    shows_unsent: bool,
}

impl<S: Recording> CaptureReader<'_, S> {
    /// Goes back to the oldest frame that is still there; of it, less may be kept than was asked
    /// for.
    pub fn rewind(&mut self) {
        let end = self.of.with_recorder(Recorder::count);
        self.next = end.saturating_sub(CAPTURE_FRAMES as u64);
    }

    /// Shows the frames of ours, too, that were held back.
    pub fn show_unsent(&mut self) {
        self.shows_unsent = true;
    }

    /// Frames that this reader has lost so far.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Copies the next frame into `out`, if there is one.
    pub fn try_next(&mut self, out: &mut [u8]) -> Option<Captured> {
        let room = out.len().min(self.snap_bytes);
        // Bounded: each turn takes a frame, and no frame passes meanwhile.
        loop {
            let next = self.next;
            let read = self.of.with_recorder(|recorder| recorder.read(next, &mut out[..room]));
            let captured = read?;
            self.missed += captured.number - next;
            self.next = captured.number + 1;
            if self.shows_unsent || !captured.is_unsent() {
                return Some(Captured { missed: self.missed, ..captured });
            }
        }
    }

    /// Waits for the next frame and copies it into `out`.
    pub async fn next(&mut self, out: &mut [u8]) -> Captured {
        poll_fn(|context| match self.try_next(out) {
            Some(captured) => Poll::Ready(captured),
            None => {
                self.of.with_recorder(|recorder| {
                    recorder.wakers.borrow_mut().register(context.waker());
                });
                Poll::Pending
            }
        })
        .await
    }
}

impl<S: Recording> Drop for CaptureReader<'_, S> {
    fn drop(&mut self) {
        self.of.with_recorder(|recorder| recorder.detach(self.reader));
    }
}

/// True for a frame of the TCP connection between a port of ours and a peer. A tool that shows each
/// frame of the connection that it shows them on would never end.
pub fn is_between(port: u16, peer: IpEndpoint, frame: &[u8]) -> bool {
    let transport = match (frame.get(12..14), peer.addr) {
        (Some([8, 0]), IpAddress::Ipv4(peer)) => {
            let length = frame.get(14).map_or(0, |byte| usize::from(byte & 15) * 4);
            let ends = frame.get(26..34);
            let is_peer = |at: usize| ends.is_some_and(|ends| ends[at..at + 4] == peer.octets());
            if frame.get(23) != Some(&6) || !(is_peer(0) || is_peer(4)) {
                return false;
            }
            14 + length
        }
        (Some([0x86, 0xdd]), IpAddress::Ipv6(peer)) => {
            let ends = frame.get(22..54);
            let is_peer = |at: usize| ends.is_some_and(|ends| ends[at..at + 16] == peer.octets());
            if frame.get(20) != Some(&6) || !(is_peer(0) || is_peer(16)) {
                return false;
            }
            54
        }
        _ => return false,
    };
    let Some(&[a, b, c, d]) = frame.get(transport..transport + 4) else { return false };
    let (from, to) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    (from, to) == (peer.port, port) || (from, to) == (port, peer.port)
}

#[cfg(test)]
#[path = "capture_tests.rs"]
mod tests;
