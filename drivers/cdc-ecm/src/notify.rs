//! Notifications: the device tells about its link (CDC 1.2, 6.3; ECM 1.2, 6.3).

use core::time::Duration;

use dma::Buffer;
use usb::{Endpoint, Host, Pipe, Speed};

use crate::health::Health;
use crate::limits::{NOTIFICATION_BUFFER_BYTES, NOTIFICATION_BYTES, NOTIFICATION_INTERVAL_MIN};

/// `bmRequestType` of every notification: from an interface, class.
const REQUEST_TYPE: u8 = 0xa1;
/// NETWORK_CONNECTION (CDC 1.2, table 20).
const NETWORK_CONNECTION: u8 = 0x00;
/// CONNECTION_SPEED_CHANGE (CDC 1.2, table 20).
const CONNECTION_SPEED_CHANGE: u8 = 0x2a;

/// What the device says about its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// No carrier.
    Down,
    /// Carrier.
    Up {
        /// Towards us, if the device told it.
        bits_per_second: Option<u32>,
    },
}

impl Link {
    /// True if frames can pass.
    pub fn is_up(self) -> bool {
        self != Self::Down
    }

    /// The link after a notification; unchanged by one that says nothing about it, or nothing
    /// sensible.
    pub fn after(self, notification: &[u8]) -> Self {
        let &[REQUEST_TYPE, code, v0, v1, _, _, _, _, ref data @ ..] = notification else {
            return self;
        };
        match (code, data) {
            (NETWORK_CONNECTION, _) if [v0, v1] == [0, 0] => Self::Down,
            (NETWORK_CONNECTION, _) if self == Self::Down => Self::Up { bits_per_second: None },
            // Upstream rate first, then the one towards the host. A rate does not make a carrier.
            (CONNECTION_SPEED_CHANGE, &[_, _, _, _, r0, r1, r2, r3, ..]) if self.is_up() => {
                Self::Up { bits_per_second: Some(u32::from_le_bytes([r0, r1, r2, r3])) }
            }
            _ => self,
        }
    }
}

/// The notification pipe.
#[derive(Debug)]
pub(crate) struct Notify {
    pub(crate) pipe: Option<Pipe>,
    health: Health,
    /// Ours, or with the controller.
    buffer: Option<Buffer>,
    /// Bytes asked for: whole packets.
    bytes: usize,
    interval: Duration,
}

impl Notify {
    pub(crate) fn new<H: Host + ?Sized>(host: &mut H) -> Result<Self, dma::NoMemory> {
        Ok(Self {
            pipe: None,
            health: Health::default(),
            buffer: Some(host.buffer(NOTIFICATION_BUFFER_BYTES)?),
            bytes: 0,
            interval: NOTIFICATION_INTERVAL_MIN,
        })
    }

    /// True if the buffer has room for a packet of this endpoint.
    pub(crate) fn suits(endpoint: &Endpoint) -> bool {
        usize::from(endpoint.max_packet) <= NOTIFICATION_BUFFER_BYTES
    }

    /// Begins with a pipe to an endpoint that [`suits`](Self::suits).
    pub(crate) fn start(&mut self, pipe: Pipe, endpoint: &Endpoint, speed: Speed) {
        self.pipe = Some(pipe);
        self.bytes = NOTIFICATION_BYTES.next_multiple_of(usize::from(endpoint.max_packet));
        // USB 2.0, table 9-13: milliseconds, or a power of two of 125 us at high speed.
        let interval = match speed {
            Speed::High => Duration::from_micros(125 << (endpoint.interval - 1).min(15)),
            _ => Duration::from_millis(endpoint.interval.into()),
        };
        self.interval = interval.max(NOTIFICATION_INTERVAL_MIN);
    }

    /// Starts over with another device. False if the buffer is still with the controller.
    pub(crate) fn reset(&mut self) -> bool {
        self.health = Health::default();
        self.pipe.is_none() && self.buffer.is_some()
    }

    /// Takes the buffer back.
    pub(crate) fn put_back(&mut self, buffer: Buffer) {
        assert!(self.buffer.replace(buffer).is_none(), "a buffer came back twice");
    }

    /// Looks for a notification and asks for the next one; the link after it. A device whose
    /// notification endpoint fails for good keeps its link.
    pub(crate) fn look<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        now: Duration,
        mut link: Link,
    ) -> Link {
        let Some(pipe) = self.pipe else { return link };
        if let Some((buffer, result)) = host.take(now, pipe) {
            match result {
                Ok(bytes) => {
                    self.health.good();
                    link = link.after(buffer.get(..bytes).unwrap_or(&[]));
                }
                Err(error) => self.health.bad(now, error),
            }
            self.put_back(buffer);
        }
        if self.health.may_start(now)
            && host.idle(pipe)
            && let Some(buffer) = self.buffer.take()
            && let Err((buffer, error)) = host.post(now, pipe, buffer, self.bytes)
        {
            self.health.bad(now, error);
            self.put_back(buffer);
        }
        link
    }

    /// When to look again.
    pub(crate) fn deadline(&self, now: Duration) -> Option<Duration> {
        (self.pipe.is_some() && self.health.lost().is_none()).then(|| now + self.interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_notification_changes_the_link() {
        const UP: Link = Link::Up { bits_per_second: None };
        let connected = [0xa1, 0, 1, 0, 0, 0, 0, 0];
        let gone = [0xa1, 0, 0, 0, 0, 0, 0, 0];
        let hundred = [0xa1, 0x2a, 0, 0, 0, 0, 8, 0, 0, 0xe1, 0xf5, 5, 0, 0xe1, 0xf5, 5];
        let fast = Link::Up { bits_per_second: Some(100_000_000) };
        assert_eq!(Link::Down.after(&connected), UP);
        assert_eq!(UP.after(&gone), Link::Down);
        assert_eq!(UP.after(&hundred), fast);
        assert_eq!(fast.after(&connected), fast);
        assert_eq!(Link::Down.after(&hundred), Link::Down);
        for bytes in 0..8 {
            assert_eq!(UP.after(&gone[..bytes]), UP);
        }
        for bytes in 8..16 {
            assert_eq!(UP.after(&hundred[..bytes]), UP);
        }
        // RESPONSE_AVAILABLE is RNDIS's; the last one comes from no interface.
        assert_eq!(UP.after(&[0xa1, 1, 0, 0, 0, 0, 0, 0]), UP);
        assert_eq!(UP.after(&[0x21, 0, 0, 0, 0, 0, 0, 0]), UP);
    }
}
