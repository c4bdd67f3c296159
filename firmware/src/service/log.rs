//! The binary log over TCP: what `cargo xtask log` reads and decodes.
//!
//! A reader gets everything that is still in the ring, then what follows as it is written. It has
//! nothing to say to us; its end of the connection is watched so that a reader who leaves makes
//! room for the next one.

use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Timer, with_timeout};
use embedded_io_async::{Read, Write};

use crate::limits::{LOG_INTERVAL, LOG_SEND_TIMEOUT};
use crate::net::TcpListener;
use crate::system::{LogSource, System};

/// Bytes given to the socket at a time.
const PIECE_BYTES: usize = 1024;

/// What a reader finds where no log is kept, as in the twin, which prints it.
const NO_LOG: &[u8] = b"barewire: this build keeps no binary log\r\n";

/// Serves readers for ever, one at a time.
pub async fn run(system: &'static System, listener: TcpListener) {
    loop {
        let mut stream = listener.accept().await;
        match system.log_source() {
            Some(log) => {
                if stream_log(log, &mut stream).await.is_err() {
                    stream.abort();
                }
            }
            // Whether the reader is still there does not matter: the connection ends either way,
            // as every stream does that is dropped.
            None => drop(stream.write(NO_LOG).await),
        }
    }
}

/// The reader is gone, or does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lost;

/// Writes the log until the reader closes its end.
async fn stream_log<S: Read + Write>(log: &dyn LogSource, stream: &mut S) -> Result<(), Lost> {
    let mut cursor = 0;
    let mut piece = [0; PIECE_BYTES];
    loop {
        let length = log.read(&mut cursor, &mut piece);
        let mut rest = piece.get(..length).unwrap_or_default();
        while !rest.is_empty() {
            let limit = micros(LOG_SEND_TIMEOUT);
            match with_timeout(limit, stream.write(rest)).await {
                Ok(Ok(taken)) if taken > 0 => rest = rest.get(taken..).unwrap_or_default(),
                _ => return Err(Lost),
            }
        }
        if length > 0 {
            continue;
        }
        let mut heard = [0; 16];
        match select(Timer::after(micros(LOG_INTERVAL)), stream.read(&mut heard)).await {
            Either::First(()) | Either::Second(Ok(1..)) => {}
            Either::Second(Ok(0)) => return Ok(()),
            Either::Second(Err(_)) => return Err(Lost),
        }
    }
}

/// A limit, as the clock of the tasks counts.
fn micros(limit: core::time::Duration) -> Duration {
    Duration::from_micros(u64::try_from(limit.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use core::cell::RefCell;
    use core::convert::Infallible;
    use core::future::{Future, pending};
    use std::vec::Vec;

    use super::*;
    use crate::testing::block_on;

    /// A log of numbered bytes that grows by ten whenever its reader is up to date, three times.
    struct Growing {
        length: RefCell<u64>,
    }

    impl LogSource for Growing {
        fn read(&self, cursor: &mut u64, out: &mut [u8]) -> usize {
            let mut length = self.length.borrow_mut();
            let new = (*length - *cursor).min(out.len() as u64);
            if new == 0 && *length < 3030 {
                *length += 10;
                return 0;
            }
            for byte in &mut out[..new as usize] {
                *byte = *cursor as u8;
                *cursor += 1;
            }
            new as usize
        }
    }

    /// A reader that takes seven bytes at a time, and leaves when it has `leaves_after`.
    struct Reader {
        taken: Vec<u8>,
        leaves_after: usize,
    }

    impl embedded_io_async::ErrorType for Reader {
        type Error = Infallible;
    }

    impl Read for Reader {
        async fn read(&mut self, _: &mut [u8]) -> Result<usize, Infallible> {
            if self.taken.len() < self.leaves_after { pending().await } else { Ok(0) }
        }
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> impl Future<Output = Result<usize, Infallible>> {
            let taken = bytes.len().min(7);
            self.taken.extend(&bytes[..taken]);
            core::future::ready(Ok(taken))
        }

        async fn flush(&mut self) -> Result<(), Infallible> {
            Ok(())
        }
    }

    #[test]
    fn the_ring_first_then_what_follows() {
        let log = Growing { length: RefCell::new(3000) };
        let mut reader = Reader { taken: Vec::new(), leaves_after: 3030 };
        assert_eq!(block_on(stream_log(&log, &mut reader)), Ok(()));
        let expected: Vec<u8> = (0..3030).map(|number| number as u8).collect();
        assert_eq!(reader.taken, expected);
    }

    /// A reader that never reads.
    struct Stuck;

    impl embedded_io_async::ErrorType for Stuck {
        type Error = Infallible;
    }

    impl Read for Stuck {
        async fn read(&mut self, _: &mut [u8]) -> Result<usize, Infallible> {
            pending().await
        }
    }

    impl Write for Stuck {
        async fn write(&mut self, _: &[u8]) -> Result<usize, Infallible> {
            pending().await
        }

        async fn flush(&mut self) -> Result<(), Infallible> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_does_not_read_is_given_up() {
        let log = Growing { length: RefCell::new(100) };
        assert_eq!(block_on(stream_log(&log, &mut Stuck)), Err(Lost));
    }
}
