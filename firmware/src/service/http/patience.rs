//! A client that reads slowly may do so while nobody waits. Once somebody does it has to take what
//! it asked for at a pace, or it goes: otherwise twenty such clients would have all workers.

use core::task::Poll;

use embassy_futures::poll_once;
use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Instant, Timer};
use embedded_io_async::{ErrorType, Read, Write};

use super::connection::time;
use crate::limits::{HTTP_BYTES_PER_SECOND_IN_A_CROWD, HTTP_PATIENCE_IN_A_CROWD};

/// A stream whose writes end early, with nothing written, for a client without whom others could
/// be served.
pub(super) struct Patient<'a, S, C> {
    stream: &'a mut S,
    /// Returns when another client waits for somebody to serve it.
    crowd: &'a C,
    /// Until then the client may leave us waiting in any case. Every byte that it takes buys time.
    until: Instant,
}

impl<'a, S, C> Patient<'a, S, C> {
    pub(super) fn new(stream: &'a mut S, crowd: &'a C) -> Self {
        Self { stream, crowd, until: Instant::now() + time(HTTP_PATIENCE_IN_A_CROWD) }
    }
}

impl<S: ErrorType, C> ErrorType for Patient<'_, S, C> {
    type Error = S::Error;
}

impl<S: Read, C> Read for Patient<'_, S, C> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, S::Error> {
        self.stream.read(buffer).await
    }
}

impl<S: Write, C: AsyncFn()> Write for Patient<'_, S, C> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, S::Error> {
        let patience = time(HTTP_PATIENCE_IN_A_CROWD);
        if let Poll::Ready(written) = poll_once(self.stream.write(bytes)) {
            self.until = Instant::now() + patience;
            return written;
        }
        let gives_way = async {
            Timer::at(self.until).await;
            (self.crowd)().await;
        };
        match select(self.stream.write(bytes), gives_way).await {
            Either::First(written) => {
                let taken = *written.as_ref().unwrap_or(&0) as u64;
                let bought =
                    Duration::from_micros(taken * 1_000_000 / HTTP_BYTES_PER_SECOND_IN_A_CROWD);
                self.until = (self.until + bought).min(Instant::now() + patience);
                written
            }
            Either::Second(()) => Ok(0),
        }
    }

    async fn flush(&mut self) -> Result<(), S::Error> {
        self.stream.flush().await
    }
}
