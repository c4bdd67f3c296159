//! Frames to the device: built in the buffer that the controller reads, one a transfer.

use core::time::Duration;

use dma::Buffer;
use heapless::{Deque, Vec};
use usb::{Host, Pipe, TransferError};

use crate::Counters;
use crate::health::Health;
use crate::limits::{FRAME_BYTES_MAX, SEND_MAX, TRANSMIT_BUFFERS, TRANSMIT_BYTES};

/// The transmit side. Each buffer is in exactly one place: `free`, `queue`, or with the controller.
#[derive(Debug)]
pub(crate) struct Transmit {
    pub(crate) pipe: Option<Pipe>,
    pub(crate) health: Health,
    /// The link is up, as far as the device tells.
    pub(crate) carrier: bool,
    free: Vec<Buffer, TRANSMIT_BUFFERS>,
    queue: Deque<(Buffer, usize), TRANSMIT_BUFFERS>,
    /// When the transfer under way was started.
    posted_at: Option<Duration>,
}

impl Transmit {
    pub(crate) fn new<H: Host + ?Sized>(host: &mut H) -> Result<Self, dma::NoMemory> {
        let mut free = Vec::new();
        for _ in 0..TRANSMIT_BUFFERS {
            // As many as `free` can hold.
            let _ = free.push(host.buffer(TRANSMIT_BYTES)?);
        }
        let health = Health::default();
        let queue = Deque::new();
        Ok(Self { pipe: None, health, carrier: false, free, queue, posted_at: None })
    }

    /// Starts over with another device: frames that wait are dropped. False if a buffer is still
    /// with the controller.
    pub(crate) fn reset(&mut self, counters: &mut Counters) -> bool {
        self.health = Health::default();
        self.carrier = false;
        self.posted_at = None;
        self.drop_queue(counters);
        self.pipe.is_none() && self.free.is_full()
    }

    /// The link changed: without one, frames that wait are dropped, and the one under way is in no
    /// hurry.
    pub(crate) fn link_changed(&mut self, now: Duration, up: bool, counters: &mut Counters) {
        self.carrier = up;
        self.posted_at = self.posted_at.map(|_| now);
        if !up {
            self.drop_queue(counters);
        }
    }

    fn drop_queue(&mut self, counters: &mut Counters) {
        while let Some((buffer, _)) = self.queue.pop_front() {
            counters.send_errors += 1;
            self.put_back(buffer);
        }
    }

    /// Takes a buffer back.
    pub(crate) fn put_back(&mut self, buffer: Buffer) {
        assert!(self.free.push(buffer).is_ok(), "a buffer came back twice");
    }

    /// Moves transfers: finished ones come back, the next one starts. True if a frame can be built.
    pub(crate) fn look<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        now: Duration,
        counters: &mut Counters,
    ) -> bool {
        let Some(pipe) = self.pipe else { return false };
        // A transfer may be over as soon as it starts; so each turn takes one and starts the next.
        for _ in 0..=TRANSMIT_BUFFERS {
            if let Some((buffer, result)) = host.take(now, pipe) {
                self.posted_at = None;
                self.put_back(buffer);
                match result {
                    Ok(_) => {
                        self.health.good();
                        counters.transfers_out += 1;
                    }
                    // Without a carrier nothing can be sent, which is no fault of the device's.
                    Err(error) => {
                        counters.send_errors += 1;
                        if self.carrier || !matches!(error, TransferError::TimedOut(_)) {
                            self.health.bad(now, error);
                        }
                    }
                }
            }
            if !self.health.may_start(now) || !host.idle(pipe) {
                break;
            }
            let Some((buffer, bytes)) = self.queue.pop_front() else { break };
            self.posted_at = Some(now);
            if let Err((buffer, error)) = host.post(now, pipe, buffer, bytes) {
                self.posted_at = None;
                counters.send_errors += 1;
                self.health.bad(now, error);
                self.put_back(buffer);
            }
        }
        !self.free.is_empty()
    }

    /// Builds a frame of `bytes` and sends it, or lets it wait for its turn. To be called after
    /// [`look`](Self::look) returned true.
    pub(crate) fn send<H: Host + ?Sized, R>(
        &mut self,
        host: &mut H,
        now: Duration,
        counters: &mut Counters,
        bytes: usize,
        build: impl FnOnce(&mut [u8]) -> R,
    ) -> R {
        assert!(bytes <= FRAME_BYTES_MAX, "a frame longer than the capabilities allow");
        let mut buffer = self.free.pop().expect("a token exists only with a free buffer");
        let result = build(&mut buffer[..bytes]);
        // All buffers fit into the queue.
        let _ = self.queue.push_back((buffer, bytes));
        self.look(host, now, counters);
        result
    }

    /// When the device has to have taken the frame under way, if the link is up.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.posted_at.filter(|_| self.carrier).map(|at| at + SEND_MAX)
    }
}
