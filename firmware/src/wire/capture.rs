//! The capture ring: the last frames that passed, for `tcpdump` now and a flight recorder later.
//!
//! Of every frame the first [`CAPTURE_BYTES`] are kept; a reader that wants more has as much kept
//! as it asks for, for as long as it is there. Nobody waits for a reader: one that is slow loses
//! the oldest frames, and is told how many.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;

use embassy_sync::waitqueue::MultiWakerRegistration;
use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, RxToken, TxToken};
use smoltcp::time::Instant;

use crate::limits::{CAPTURE_BYTES, CAPTURE_FRAMES, CAPTURE_READERS, FRAME_BYTES_MAX};
use crate::net::{NetError, Port};
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
    /// Frames that this reader has lost in all.
    pub missed: u64,
}

#[derive(Clone, Copy, Debug)]
struct Head {
    at: Duration,
    way: Way,
    port: Port,
    original_bytes: u16,
    captured_bytes: u16,
}

struct Ring {
    frames: &'static mut [[u8; FRAME_BYTES_MAX]; CAPTURE_FRAMES],
    heads: [Head; CAPTURE_FRAMES],
    /// The number of the next frame.
    next: u64,
}

/// The ring and its readers.
pub struct Recorder {
    ring: RefCell<Ring>,
    /// Bytes that each reader asks for.
    readers: [Cell<Option<usize>>; CAPTURE_READERS],
    /// The most of them.
    keep_bytes: Cell<usize>,
    wakers: RefCell<MultiWakerRegistration<CAPTURE_READERS>>,
}

impl core::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Recorder({} frames)", self.ring.borrow().next)
    }
}

impl Recorder {
    /// Empty.
    pub fn new(frames: &'static mut [[u8; FRAME_BYTES_MAX]; CAPTURE_FRAMES]) -> Self {
        let head = Head {
            at: Duration::ZERO,
            way: Way::In,
            port: Port::Eth0,
            original_bytes: 0,
            captured_bytes: 0,
        };
        Self {
            ring: RefCell::new(Ring { frames, heads: [head; CAPTURE_FRAMES], next: 0 }),
            readers: [const { Cell::new(None) }; CAPTURE_READERS],
            keep_bytes: Cell::new(CAPTURE_BYTES),
            wakers: RefCell::new(MultiWakerRegistration::new()),
        }
    }

    /// Keeps a frame, or its beginning.
    pub fn record(&self, at: Duration, way: Way, port: Port, frame: &[u8]) {
        let mut ring = self.ring.borrow_mut();
        let len = frame.len().min(self.keep_bytes.get());
        let slot = (ring.next % CAPTURE_FRAMES as u64) as usize;
        ring.frames[slot][..len].copy_from_slice(&frame[..len]);
        ring.heads[slot] =
            Head { at, way, port, original_bytes: frame.len() as u16, captured_bytes: len as u16 };
        ring.next += 1;
        drop(ring);
        self.wakers.borrow_mut().wake();
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
        let most = self.readers.iter().filter_map(Cell::get).max().unwrap_or(0);
        self.keep_bytes.set(most.max(CAPTURE_BYTES));
    }

    /// The frame of this number, or the oldest after it.
    fn read(&self, number: u64, out: &mut [u8]) -> Option<Captured> {
        let ring = self.ring.borrow();
        let number = number.max(ring.next.saturating_sub(CAPTURE_FRAMES as u64));
        if number >= ring.next {
            return None;
        }
        let slot = (number % CAPTURE_FRAMES as u64) as usize;
        let head = ring.heads[slot];
        let captured_bytes = usize::from(head.captured_bytes).min(out.len());
        out[..captured_bytes].copy_from_slice(&ring.frames[slot][..captured_bytes]);
        Some(Captured {
            number,
            at: head.at,
            way: head.way,
            port: head.port,
            original_bytes: head.original_bytes.into(),
            captured_bytes,
            missed: 0,
        })
    }
}

/// Reads frames as they pass. Dropping it ends the reading.
#[derive(Debug)]
pub struct CaptureReader {
    system: &'static System,
    reader: usize,
    snap_bytes: usize,
    next: u64,
    missed: u64,
}

impl System {
    /// Begins to read frames, of each `snap_bytes` at most.
    ///
    /// # Errors
    /// [`NetError::NoSockets`] if there are [`CAPTURE_READERS`] already.
    pub fn capture(&'static self, snap_bytes: usize) -> Result<CaptureReader, NetError> {
        let stack = self.stack.borrow();
        let recorder = stack.recorder();
        let reader = recorder.attach(snap_bytes).ok_or(NetError::NoSockets)?;
        let next = recorder.ring.borrow().next;
        Ok(CaptureReader { system: self, reader, snap_bytes, next, missed: 0 })
    }
}

impl CaptureReader {
    /// Goes back to the oldest frame that is still there; of it, less may be kept than was asked
    /// for.
    pub fn rewind(&mut self) {
        let stack = self.system.stack.borrow();
        let end = stack.recorder().ring.borrow().next;
        self.next = end.saturating_sub(CAPTURE_FRAMES as u64);
    }

    /// Waits for the next frame and copies it into `out`.
    pub async fn next(&mut self, out: &mut [u8]) -> Captured {
        poll_fn(|context| {
            let stack = self.system.stack.borrow();
            let recorder = stack.recorder();
            let room = out.len().min(self.snap_bytes);
            let Some(captured) = recorder.read(self.next, &mut out[..room]) else {
                recorder.wakers.borrow_mut().register(context.waker());
                return Poll::Pending;
            };
            self.missed += captured.number - self.next;
            self.next = captured.number + 1;
            Poll::Ready(Captured { missed: self.missed, ..captured })
        })
        .await
    }
}

impl Drop for CaptureReader {
    fn drop(&mut self) {
        self.system.stack.borrow().recorder().detach(self.reader);
    }
}

/// A device whose frames are recorded.
#[derive(Debug)]
pub struct Recorded<'a, D> {
    /// The device.
    pub device: D,
    /// The ring.
    pub recorder: &'a Recorder,
    /// The time.
    pub now: Duration,
}

impl<D: Device> Device for Recorded<'_, D> {
    type RxToken<'t>
        = RecordedToken<'t, D::RxToken<'t>>
    where
        Self: 't;
    type TxToken<'t>
        = RecordedToken<'t, D::TxToken<'t>>
    where
        Self: 't;

    fn receive(&mut self, at: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (rx, tx) = self.device.receive(at)?;
        let (recorder, now) = (self.recorder, self.now);
        Some((
            RecordedToken { token: rx, recorder, now },
            RecordedToken { token: tx, recorder, now },
        ))
    }

    fn transmit(&mut self, at: Instant) -> Option<Self::TxToken<'_>> {
        let token = self.device.transmit(at)?;
        Some(RecordedToken { token, recorder: self.recorder, now: self.now })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A frame to be recorded when it passes.
#[derive(Debug)]
pub struct RecordedToken<'a, T> {
    token: T,
    recorder: &'a Recorder,
    now: Duration,
}

impl<T: RxToken> RxToken for RecordedToken<'_, T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let Self { token, recorder, now } = self;
        token.consume(|frame| {
            recorder.record(now, Way::In, Port::Eth0, frame);
            f(frame)
        })
    }

    fn meta(&self) -> PacketMeta {
        self.token.meta()
    }
}

impl<T: TxToken> TxToken for RecordedToken<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Self { token, recorder, now } = self;
        token.consume(len, |frame| {
            let result = f(frame);
            recorder.record(now, Way::Out, Port::Eth0, frame);
            result
        })
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.token.set_meta(meta);
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::vec;

    use super::*;

    fn recorder() -> Recorder {
        Recorder::new(vec![[0; FRAME_BYTES_MAX]; CAPTURE_FRAMES].try_into().map(Box::leak).unwrap())
    }

    fn frame(recorder: &Recorder, number: u8, bytes: usize) {
        recorder.record(Duration::ZERO, Way::In, Port::Eth0, &vec![number; bytes]);
    }

    #[test]
    fn little_is_kept_until_somebody_asks() {
        let recorder = recorder();
        let mut out = [0; FRAME_BYTES_MAX];
        frame(&recorder, 1, 1000);
        let kept = recorder.read(0, &mut out).unwrap();
        assert_eq!((kept.original_bytes, kept.captured_bytes), (1000, CAPTURE_BYTES));
        let reader = recorder.attach(usize::MAX).unwrap();
        frame(&recorder, 2, 1000);
        let kept = recorder.read(1, &mut out).unwrap();
        assert_eq!((kept.captured_bytes, out[999]), (1000, 2));
        recorder.detach(reader);
        frame(&recorder, 3, 1000);
        assert_eq!(recorder.read(2, &mut out).unwrap().captured_bytes, CAPTURE_BYTES);
        assert_eq!(recorder.read(3, &mut out), None);
    }

    #[test]
    fn the_slow_lose_the_oldest() {
        let recorder = recorder();
        for number in 0..CAPTURE_FRAMES + 5 {
            frame(&recorder, number as u8, 60);
        }
        let mut out = [0; 60];
        let first = recorder.read(0, &mut out).unwrap();
        assert_eq!(first.number, 5);
        assert_eq!(out[0], 5);
    }

    #[test]
    fn a_giant_is_cut() {
        let recorder = recorder();
        recorder.attach(usize::MAX).unwrap();
        frame(&recorder, 1, FRAME_BYTES_MAX + 100);
        let mut out = [0; FRAME_BYTES_MAX];
        assert_eq!(recorder.read(0, &mut out).unwrap().captured_bytes, FRAME_BYTES_MAX);
    }
}
