//! The interrupt endpoint: the chip tells by INT_STS that something happened.

use core::time::Duration;

use dma::Buffer;
use tock_registers::LocalRegisterCopy;
use usb::{Endpoint, Host, Pipe};

use crate::health::Health;
use crate::limits::{INTERRUPT_BUFFER_BYTES, INTERRUPT_BYTES, INTERRUPT_LOOK, INTERRUPT_REST};
use crate::registers::INTERRUPTS;

/// The interrupt pipe.
#[derive(Debug)]
pub(crate) struct Interrupt {
    pub(crate) pipe: Option<Pipe>,
    health: Health,
    /// Ours, or with the controller.
    buffer: Option<Buffer>,
    /// Bytes asked for: a whole packet.
    bytes: usize,
    rest_until: Duration,
}

impl Interrupt {
    pub(crate) fn new<H: Host + ?Sized>(host: &mut H) -> Result<Self, dma::NoMemory> {
        Ok(Self {
            pipe: None,
            health: Health::default(),
            buffer: Some(host.buffer(INTERRUPT_BUFFER_BYTES)?),
            bytes: 0,
            rest_until: Duration::ZERO,
        })
    }

    /// True if the buffer has room for a packet of this endpoint.
    pub(crate) fn suits(endpoint: &Endpoint) -> bool {
        (INTERRUPT_BYTES..=INTERRUPT_BUFFER_BYTES).contains(&usize::from(endpoint.max_packet))
    }

    /// Begins with a pipe to an endpoint that [`suits`](Self::suits).
    pub(crate) fn start(&mut self, pipe: Pipe, endpoint: &Endpoint) {
        self.pipe = Some(pipe);
        self.bytes = usize::from(endpoint.max_packet);
    }

    /// Starts over with another device. False if the buffer is still with the controller.
    pub(crate) fn reset(&mut self) -> bool {
        self.health = Health::default();
        self.rest_until = Duration::ZERO;
        self.pipe.is_none() && self.buffer.is_some()
    }

    /// Takes the buffer back.
    pub(crate) fn put_back(&mut self, buffer: Buffer) {
        assert!(self.buffer.replace(buffer).is_none(), "a buffer came back twice");
    }

    /// Looks for a packet and asks for the next one. An endpoint that fails for good is left alone:
    /// the slow look at the link stands behind it.
    pub(crate) fn look<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        now: Duration,
    ) -> Option<LocalRegisterCopy<u32, INTERRUPTS::Register>> {
        let pipe = self.pipe?;
        let mut told = None;
        if let Some((buffer, result)) = host.take(now, pipe) {
            match result {
                Ok(bytes) => {
                    self.health.good();
                    self.rest_until = now + INTERRUPT_REST;
                    let packet = buffer.get(..bytes).and_then(|packet| packet.first_chunk());
                    told = packet.map(|word| LocalRegisterCopy::new(u32::from_le_bytes(*word)));
                }
                Err(error) => self.health.bad(now, error),
            }
            self.put_back(buffer);
        }
        if self.health.may_start(now)
            && now >= self.rest_until
            && host.idle(pipe)
            && let Some(buffer) = self.buffer.take()
            && let Err((buffer, error)) = host.post(now, pipe, buffer, self.bytes)
        {
            self.health.bad(now, error);
            self.put_back(buffer);
        }
        told
    }

    /// When to look again.
    pub(crate) fn deadline(&self, now: Duration) -> Option<Duration> {
        (self.pipe.is_some() && self.health.lost().is_none()).then(|| now + INTERRUPT_LOOK)
    }
}
