//! Frames to the chip: built in the buffer that the controller reads, as many in a transfer as have
//! come together.
//!
//! ```text
//!   | words | frame | to 4 | words | frame | to 4 | words | frame
//! ```
//!
//! The chip reads its bulk OUT endpoint as one stream, and takes "multiple Ethernet frames per USB
//! packet as well as a single one" (LAN9730 data sheet, 4.3.1.2; figure 5-5 of the LAN950x's draws
//! it). A transfer costs a round trip, whatever it carries: so the frames that the stack sends in
//! one turn of the loop, and those that it sends while a transfer is under way, go together.

use core::time::Duration;

use dma::Buffer;
use heapless::{Deque, Vec};
use usb::{Host, Passage, Pipe, TransferError};

use crate::Counters;
use crate::command;
use crate::health::Health;
use crate::limits::{
    FRAME_BYTES_MAX, SEND_MAX, SENT_FRAME_BYTES_MAX, TRANSMIT_BUFFERS, TRANSMIT_BYTES, WORD_BYTES,
};

/// Frames that go together.
#[derive(Debug)]
struct Batch {
    /// 1 for the first one.
    number: u64,
    buffer: Buffer,
    bytes: usize,
    frames: u64,
}

impl Batch {
    /// Where the next frame's words go; none if the longest frame would find no room.
    fn end(&self) -> Option<usize> {
        let at = self.bytes.next_multiple_of(WORD_BYTES);
        (at + SENT_FRAME_BYTES_MAX <= TRANSMIT_BYTES).then_some(at)
    }
}

/// The transmit side. Each buffer is in exactly one place: `free`, `queue`, or with the controller.
#[derive(Debug)]
pub(crate) struct Transmit {
    pub(crate) pipe: Option<Pipe>,
    pub(crate) health: Health,
    /// The chip fills in TCP checksums.
    pub(crate) offload: bool,
    /// The link is up.
    pub(crate) carrier: bool,
    /// A transfer failed: the chip may have part of a frame, and takes the next one for the rest.
    pub(crate) out_of_step: Option<TransferError>,
    free: Vec<Buffer, TRANSMIT_BUFFERS>,
    /// Batches that wait; the last one may grow.
    queue: Deque<Batch, TRANSMIT_BUFFERS>,
    /// Frames of the transfer under way.
    under_way: u64,
    /// Batches that were begun.
    batches: u64,
    /// When it was started.
    posted_at: Option<Duration>,
}

impl Transmit {
    pub(crate) fn new<H: Host + ?Sized>(host: &mut H) -> Result<Self, dma::NoMemory> {
        let mut free = Vec::new();
        for _ in 0..TRANSMIT_BUFFERS {
            // As many as `free` can hold.
            let _ = free.push(host.buffer(TRANSMIT_BYTES)?);
        }
        Ok(Self {
            pipe: None,
            health: Health::default(),
            offload: false,
            carrier: false,
            out_of_step: None,
            free,
            queue: Deque::new(),
            under_way: 0,
            batches: 0,
            posted_at: None,
        })
    }

    /// Starts over with another device: frames that wait are dropped. False if a buffer is still
    /// with the controller.
    pub(crate) fn reset(&mut self, counters: &mut Counters) -> bool {
        self.health = Health::default();
        self.carrier = false;
        self.out_of_step = None;
        self.posted_at = None;
        self.under_way = 0;
        self.drop_queue(counters);
        self.pipe.is_none() && self.free.is_full()
    }

    /// Frames that wait are dropped: the link is gone, or the device.
    pub(crate) fn drop_queue(&mut self, counters: &mut Counters) {
        while let Some(batch) = self.queue.pop_front() {
            counters.send_errors += batch.frames;
            self.put_back(batch.buffer);
        }
    }

    /// Takes the buffer of a transfer back whose device is gone.
    pub(crate) fn give_up(&mut self, buffer: Buffer, counters: &mut Counters) {
        counters.send_errors += core::mem::take(&mut self.under_way);
        self.put_back(buffer);
    }

    fn put_back(&mut self, buffer: Buffer) {
        assert!(self.free.push(buffer).is_ok(), "a buffer came back twice");
    }

    /// Moves transfers: finished ones come back, the next one starts.
    pub(crate) fn look<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        now: Duration,
        counters: &mut Counters,
    ) {
        let Some(pipe) = self.pipe else { return };
        // A transfer may be over as soon as it starts; so each turn takes one and starts the next.
        for _ in 0..=TRANSMIT_BUFFERS {
            self.collect(host, now, pipe, counters);
            if !self.may_start(now) || !host.idle(pipe) {
                break;
            }
            let Some(Batch { buffer, bytes, frames, .. }) = self.queue.pop_front() else { break };
            self.posted_at = Some(now);
            self.under_way = frames;
            if let Err((buffer, error)) = host.post(now, pipe, buffer, bytes) {
                self.posted_at = None;
                self.health.bad(now, error);
                self.give_up(buffer, counters);
            }
        }
    }

    /// Takes a transfer that has ended.
    fn collect<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        now: Duration,
        pipe: Pipe,
        counters: &mut Counters,
    ) {
        let Some((buffer, result)) = host.take(now, pipe) else { return };
        self.posted_at = None;
        match result {
            Ok(_) => {
                self.health.good();
                counters.transfers_out += 1;
                counters.frames_out += core::mem::take(&mut self.under_way);
            }
            // Without a carrier nothing can be sent, which is no fault of the chip's.
            Err(error) => {
                self.out_of_step = Some(error);
                if self.carrier || !matches!(error, TransferError::TimedOut(_)) {
                    self.health.bad(now, error);
                }
            }
        }
        // What was not taken is lost.
        self.give_up(buffer, counters);
    }

    fn may_start(&self, now: Duration) -> bool {
        self.out_of_step.is_none() && self.health.may_start(now)
    }

    /// True if a frame can be built. Starts what waits only if there would be no room else.
    pub(crate) fn has_room<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        now: Duration,
        counters: &mut Counters,
    ) -> bool {
        if self.pipe.is_some() && !self.fits() {
            self.look(host, now, counters);
        }
        self.pipe.is_some() && self.fits()
    }

    fn fits(&self) -> bool {
        !self.free.is_empty() || self.queue.back().is_some_and(|batch| batch.end().is_some())
    }

    /// Builds a frame of `bytes`, to go with the others at the next [`look`](Self::look). To be
    /// called after [`has_room`](Self::has_room) returned true. Returns how the frame goes, too,
    /// with its command words; frames may still follow it in the transfer.
    pub(crate) fn send<R>(
        &mut self,
        bytes: usize,
        build: impl FnOnce(&mut [u8]) -> R,
    ) -> (R, Passage) {
        assert!(bytes <= FRAME_BYTES_MAX, "a frame longer than the capabilities allow");
        if self.queue.back().is_none_or(|batch| batch.end().is_none()) {
            let buffer = self.free.pop().expect("a token exists only with room");
            self.batches += 1;
            let batch = Batch { number: self.batches, buffer, bytes: 0, frames: 0 };
            // All buffers fit into the queue.
            let _ = self.queue.push_back(batch);
        }
        let batch = self.queue.back_mut().expect("just seen to");
        let words = batch.end().expect("just seen to");
        let room = &mut batch.buffer[words..];
        let at = command::place(bytes, self.offload);
        let result = build(&mut room[at..at + bytes]);
        let finished = command::finish(room, bytes, self.offload);
        let (command, _) = room[..finished - bytes].as_chunks::<4>();
        let passage = Passage {
            transfer: batch.number,
            bytes: words + finished,
            at: words,
            words: command.iter().map(|word| u32::from_le_bytes(*word)).collect(),
        };
        batch.bytes = passage.bytes;
        batch.frames += 1;
        (result, passage)
    }

    /// When to look next: at once, if frames wait and nothing keeps them.
    pub(crate) fn due(&self, now: Duration) -> Option<Duration> {
        let can = self.pipe.is_some() && self.posted_at.is_none() && self.may_start(now);
        (can && !self.queue.is_empty()).then_some(now)
    }

    /// The transfer under way has its time again.
    pub(crate) fn restart_timer(&mut self, now: Duration) {
        self.posted_at = self.posted_at.map(|_| now);
    }

    /// When the chip has to have taken the transfer under way, if the link is up.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.posted_at.filter(|_| self.carrier).map(|at| at + SEND_MAX)
    }
}
