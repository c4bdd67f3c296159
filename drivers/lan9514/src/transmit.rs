//! Frames to the chip: built in the buffer that the controller reads, one a transfer.

use core::time::Duration;

use dma::Buffer;
use heapless::{Deque, Vec};
use usb::{Host, Pipe, TransferError};

use crate::Counters;
use crate::command;
use crate::health::Health;
use crate::limits::{FRAME_BYTES_MAX, SEND_MAX, TRANSMIT_BUFFERS, TRANSMIT_BYTES};

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
        Ok(Self {
            pipe: None,
            health: Health::default(),
            offload: false,
            carrier: false,
            out_of_step: None,
            free,
            queue: Deque::new(),
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
        self.drop_queue(counters);
        self.pipe.is_none() && self.free.is_full()
    }

    /// Frames that wait are dropped: the link is gone, or the device.
    pub(crate) fn drop_queue(&mut self, counters: &mut Counters) {
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
                        counters.frames_out += 1;
                    }
                    // Without a carrier nothing can be sent, which is no fault of the chip's.
                    Err(error) => {
                        counters.send_errors += 1;
                        self.out_of_step = Some(error);
                        if self.carrier || !matches!(error, TransferError::TimedOut(_)) {
                            self.health.bad(now, error);
                        }
                    }
                }
            }
            if self.out_of_step.is_some() || !self.health.may_start(now) || !host.idle(pipe) {
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
        let at = command::place(bytes, self.offload);
        let result = build(&mut buffer[at..at + bytes]);
        let transfer = command::finish(&mut buffer, bytes, self.offload);
        // All buffers fit into the queue.
        let _ = self.queue.push_back((buffer, transfer));
        self.look(host, now, counters);
        result
    }

    /// The frame under way has its time again.
    pub(crate) fn restart_timer(&mut self, now: Duration) {
        self.posted_at = self.posted_at.map(|_| now);
    }

    /// When the chip has to have taken the frame under way, if the link is up.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.posted_at.filter(|_| self.carrier).map(|at| at + SEND_MAX)
    }
}
