//! Bursts from the chip: taken, replaced, read where the controller put them.

use core::ops::Range;
use core::time::Duration;

use dma::Buffer;
use heapless::{Deque, Vec};
use usb::{Host, Passage, Pipe};

use crate::Counters;
use crate::burst::{Arrival, BadBurst, Cursor, FrameError};
use crate::checksum::{self, Verdict};
use crate::health::Health;
use crate::limits::{BURST_BYTES, BURSTS, STATUS_BYTES};

/// The receive side. Each buffer is in exactly one place: `spare`, `full`, or with the controller.
#[derive(Debug)]
pub(crate) struct Receive {
    pub(crate) pipe: Option<Pipe>,
    pub(crate) health: Health,
    /// Bytes of a transfer: a whole burst.
    pub(crate) bytes: usize,
    /// Frames end with the chip's sum.
    pub(crate) sums: bool,
    spare: Vec<Buffer, BURSTS>,
    /// Bursts to be read; the first one is being read.
    full: Deque<Burst, BURSTS>,
    /// The frame that waits in the first burst.
    frame: Option<Range<usize>>,
    /// The last bad burst that nobody was told of.
    pub(crate) untold: Option<BadBurst>,
    pub(crate) bad_in_a_row: u32,
}

/// A burst that came.
#[derive(Debug)]
struct Burst {
    /// 1 for the first one.
    number: u64,
    buffer: Buffer,
    bytes: usize,
    cursor: Cursor,
}

impl Receive {
    pub(crate) fn new<H: Host + ?Sized>(host: &mut H) -> Result<Self, dma::NoMemory> {
        let mut spare = Vec::new();
        for _ in 0..BURSTS {
            // As many as `spare` can hold.
            let _ = spare.push(host.buffer(BURST_BYTES)?);
        }
        Ok(Self {
            pipe: None,
            health: Health::default(),
            bytes: BURST_BYTES,
            sums: false,
            spare,
            full: Deque::new(),
            frame: None,
            untold: None,
            bad_in_a_row: 0,
        })
    }

    /// Starts over with another device. False if a buffer is still with the controller.
    pub(crate) fn reset(&mut self) -> bool {
        self.health = Health::default();
        self.bad_in_a_row = 0;
        self.frame = None;
        while let Some(burst) = self.full.pop_front() {
            self.put_back(burst.buffer);
        }
        self.pipe.is_none() && self.spare.is_full()
    }

    /// Takes a buffer back.
    pub(crate) fn put_back(&mut self, buffer: Buffer) {
        assert!(self.spare.push(buffer).is_ok(), "a buffer came back twice");
    }

    /// True if a burst waits that was not read to its end.
    pub(crate) fn has_more(&self) -> bool {
        !self.full.is_empty()
    }

    /// Moves transfers: afterwards one is with the chip, if that is possible at all, and true is
    /// returned if a frame waits to be read.
    pub(crate) fn look<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        now: Duration,
        counters: &mut Counters,
    ) -> bool {
        self.collect(host, now, counters);
        // No burst has more frames than status words.
        for _ in 0..BURSTS * (BURST_BYTES / STATUS_BYTES + 1) {
            if self.frame.is_some() {
                return true;
            }
            let Some(burst) = self.full.front_mut() else { return false };
            let all = &burst.buffer[..burst.bytes];
            match burst.cursor.next(all, self.sums) {
                Some(Ok(Arrival::Frame { at, sum })) => {
                    if !self.sums || count(checksum::check(&all[at.clone()], sum), counters) {
                        counters.frames_in += 1;
                        self.frame = Some(at);
                    }
                }
                Some(Ok(Arrival::Damaged(error))) => *damage(counters, error) += 1,
                Some(Err(bad)) => {
                    *wrongness(counters, bad) += 1;
                    self.bad_in_a_row += 1;
                    self.untold = Some(bad);
                    self.drop_first(host, now, counters);
                }
                None => {
                    self.bad_in_a_row = 0;
                    self.drop_first(host, now, counters);
                }
            }
        }
        false
    }

    /// The frame that waits, which counts as read.
    pub(crate) fn read(&mut self) -> &[u8] {
        let frame = self.frame.take();
        self.full.front().zip(frame).map_or(&[], |(burst, at)| &burst.buffer[at])
    }

    /// How the frame that waits came, with its status word.
    pub(crate) fn passage(&self) -> Option<Passage> {
        let (burst, frame) = self.full.front().zip(self.frame.as_ref())?;
        let at = frame.start - STATUS_BYTES;
        let word = burst.buffer[at..].first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        let words = word.into_iter().collect();
        Some(Passage { transfer: burst.number, bytes: burst.bytes, at, words })
    }

    /// The first burst was read: its buffer may go to the chip again.
    fn drop_first<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        now: Duration,
        counters: &mut Counters,
    ) {
        if let Some(burst) = self.full.pop_front() {
            self.put_back(burst.buffer);
        }
        self.collect(host, now, counters);
    }

    /// Takes what has come, and gives the chip the next buffer before anything of it is read.
    fn collect<H: Host + ?Sized>(&mut self, host: &mut H, now: Duration, counters: &mut Counters) {
        let Some(pipe) = self.pipe else { return };
        for _ in 0..BURSTS {
            let Some((buffer, result)) = host.take(now, pipe) else { break };
            // Before the next one: nothing is asked of an endpoint that has halted.
            if let Err(error) = result {
                counters.receive_errors += 1;
                self.health.bad(now, error);
            }
            self.post(host, now, pipe, counters);
            match result {
                Ok(bytes) if (1..=buffer.len()).contains(&bytes) => {
                    self.health.good();
                    counters.bursts += 1;
                    let (number, cursor) = (counters.bursts, Cursor::default());
                    let burst = Burst { number, buffer, bytes, cursor };
                    // All buffers fit.
                    let _ = self.full.push_back(burst);
                }
                // The end of a burst of whole packets, with nothing in it.
                Ok(_) => {
                    self.health.good();
                    self.put_back(buffer);
                }
                Err(_) => self.put_back(buffer),
            }
        }
        self.post(host, now, pipe, counters);
    }

    /// Gives the chip a buffer, if it has none.
    fn post<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        now: Duration,
        pipe: Pipe,
        counters: &mut Counters,
    ) {
        if !self.health.may_start(now) || !host.idle(pipe) {
            return;
        }
        let Some(buffer) = self.spare.pop() else { return };
        if let Err((buffer, error)) = host.post(now, pipe, buffer, self.bytes) {
            counters.receive_errors += 1;
            self.health.bad(now, error);
            self.put_back(buffer);
        }
    }
}

/// Counts a verdict; true if the frame may pass.
fn count(verdict: Verdict, counters: &mut Counters) -> bool {
    match verdict {
        Verdict::NotTcp | Verdict::Good => true,
        Verdict::GoodAfterAll => {
            counters.sums_doubted += 1;
            true
        }
        Verdict::Wrong => {
            counters.checksum_errors += 1;
            false
        }
        Verdict::Fragment => {
            counters.tcp_fragments += 1;
            false
        }
    }
}

fn damage(counters: &mut Counters, error: FrameError) -> &mut u64 {
    match error {
        FrameError::Crc => &mut counters.crc_errors,
        FrameError::Runt => &mut counters.runts,
        FrameError::TooLong => &mut counters.giants,
        FrameError::Other => &mut counters.other_frame_errors,
    }
}

fn wrongness(counters: &mut Counters, bad: BadBurst) -> &mut u64 {
    match bad {
        BadBurst::StatusCut { .. } => &mut counters.bursts_status_cut,
        BadBurst::BeyondEnd { .. } => &mut counters.bursts_beyond_end,
        BadBurst::TooShort { .. } => &mut counters.bursts_too_short,
        BadBurst::TooLong { .. } => &mut counters.bursts_too_long,
    }
}
