//! Frames from the device: one a transfer, read where the controller put them.

use core::time::Duration;

use dma::Buffer;
use heapless::Vec;
use usb::{Host, Pipe};

use crate::Counters;
use crate::health::Health;
use crate::limits::{
    ETHERNET_HEADER_BYTES, FRAME_BYTES_MAX, RECEIVE_BUFFERS, RECEIVE_BYTES,
    RECEIVE_TRANSFERS_A_LOOK,
};

/// The receive side. Each buffer is in exactly one place: `spare`, `frame`, or with the controller.
#[derive(Debug)]
pub(crate) struct Receive {
    pub(crate) pipe: Option<Pipe>,
    pub(crate) health: Health,
    spare: Vec<Buffer, RECEIVE_BUFFERS>,
    frame: Option<Frame>,
}

/// A received frame in its buffer.
#[derive(Debug)]
struct Frame {
    buffer: Buffer,
    bytes: usize,
    /// It was given to the stack; its buffer is free at the next look.
    read: bool,
}

impl Receive {
    pub(crate) fn new<H: Host + ?Sized>(host: &mut H) -> Result<Self, dma::NoMemory> {
        let mut spare = Vec::new();
        for _ in 0..RECEIVE_BUFFERS {
            // As many as `spare` can hold.
            let _ = spare.push(host.buffer(RECEIVE_BYTES)?);
        }
        Ok(Self { pipe: None, health: Health::default(), spare, frame: None })
    }

    /// Starts over with another device. False if a buffer is still with the controller.
    pub(crate) fn reset(&mut self) -> bool {
        self.health = Health::default();
        if let Some(frame) = self.frame.take() {
            self.put_back(frame.buffer);
        }
        self.pipe.is_none() && self.spare.is_full()
    }

    /// Takes a buffer back.
    pub(crate) fn put_back(&mut self, buffer: Buffer) {
        assert!(self.spare.push(buffer).is_ok(), "a buffer came back twice");
    }

    /// Moves transfers: afterwards one is with the device, if that is possible at all, and true is
    /// returned if a frame waits to be read.
    pub(crate) fn look<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        now: Duration,
        counters: &mut Counters,
    ) -> bool {
        let Some(pipe) = self.pipe else { return false };
        if let Some(frame) = self.frame.take_if(|frame| frame.read) {
            self.put_back(frame.buffer);
        }
        for _ in 0..RECEIVE_TRANSFERS_A_LOOK {
            if self.frame.is_some() {
                return true;
            }
            let Some((buffer, result)) = host.take(now, pipe) else { break };
            // Before the next one: nothing is asked of an endpoint that has halted.
            if let Err(error) = result {
                counters.receive_errors += 1;
                self.health.bad(now, error);
            }
            // The device goes on with the other buffer before we look into this one.
            self.post(host, now, pipe, counters);
            match result {
                Ok(bytes @ ETHERNET_HEADER_BYTES..=FRAME_BYTES_MAX) => {
                    self.health.good();
                    counters.transfers_in += 1;
                    self.frame = Some(Frame { buffer, bytes, read: false });
                }
                Ok(bytes) => {
                    self.health.good();
                    // The end of a frame of whole packets comes as a transfer of its own, with
                    // nothing in it.
                    if bytes > 0 {
                        counters.transfers_in += 1;
                        counters.receive_frame_errors += 1;
                    }
                    self.put_back(buffer);
                }
                Err(_) => self.put_back(buffer),
            }
        }
        self.post(host, now, pipe, counters);
        self.frame.is_some()
    }

    /// The frame that waits, which counts as read.
    pub(crate) fn read(&mut self) -> &[u8] {
        match &mut self.frame {
            Some(frame) => {
                frame.read = true;
                &frame.buffer[..frame.bytes]
            }
            None => &[],
        }
    }

    /// Gives the device a buffer, if it has none.
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
        if let Err((buffer, error)) = host.post(now, pipe, buffer, RECEIVE_BYTES) {
            counters.receive_errors += 1;
            self.health.bad(now, error);
            self.put_back(buffer);
        }
    }
}
