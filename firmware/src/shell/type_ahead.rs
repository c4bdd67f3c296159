//! Keys that were typed but not read yet: what a terminal driver's input queue is to a shell.
//!
//! Whoever reads the terminal puts its bytes in here; the line editor takes them, or the command
//! that runs.

use core::cell::RefCell;
use core::future::poll_fn;
use core::task::Poll;

use embassy_sync::waitqueue::WakerRegistration;

use crate::limits::TYPE_AHEAD_BYTES;

/// Ctrl-C.
const INTERRUPT: u8 = 0x03;
/// Ctrl-O, the key of Unix terminals that throws output away, and telnet's AO.
const DISCARD: u8 = 0x0f;

/// The queue. When it is full the terminal is not read: bytes wait in the connection, none is lost.
#[derive(Debug, Default)]
pub struct TypeAhead {
    inner: RefCell<Inner>,
}

#[derive(Debug)]
struct Inner {
    keys: heapless::Deque<u8, TYPE_AHEAD_BYTES>,
    /// Who waits for keys.
    reader: WakerRegistration,
    /// Who waits for room.
    writer: WakerRegistration,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            keys: heapless::Deque::new(),
            reader: WakerRegistration::new(),
            writer: WakerRegistration::new(),
        }
    }
}

impl TypeAhead {
    /// Waits until bytes fit, and returns how many.
    pub async fn room(&self) -> usize {
        poll_fn(|context| {
            let mut inner = self.inner.borrow_mut();
            match TYPE_AHEAD_BYTES - inner.keys.len() {
                0 => {
                    inner.writer.register(context.waker());
                    Poll::Pending
                }
                room => Poll::Ready(room),
            }
        })
        .await
    }

    /// True if nothing waits to be read.
    pub fn is_empty(&self) -> bool {
        self.inner.borrow().keys.is_empty()
    }

    /// How many bytes fit now.
    pub fn room_now(&self) -> usize {
        TYPE_AHEAD_BYTES - self.inner.borrow().keys.len()
    }

    /// Appends bytes, no more than there is room for.
    pub fn put(&self, bytes: &[u8]) {
        let mut inner = self.inner.borrow_mut();
        for &byte in bytes {
            // The caller read no more than there was room for.
            let _ = inner.keys.push_back(byte);
        }
        inner.reader.wake();
    }

    /// The next byte, if there is one.
    pub fn take(&self) -> Option<u8> {
        let mut inner = self.inner.borrow_mut();
        inner.writer.wake();
        inner.keys.pop_front()
    }

    /// If Ctrl-C was typed: forgets everything up to the last one, and returns true.
    pub fn interrupted(&self) -> bool {
        let mut inner = self.inner.borrow_mut();
        let Some(after) = inner.keys.iter().rev().position(|&byte| byte == INTERRUPT) else {
            return false;
        };
        while inner.keys.len() > after {
            inner.keys.pop_front();
        }
        inner.writer.wake();
        true
    }

    /// If Ctrl-O was typed: forgets it, and returns true.
    pub fn discards(&self) -> bool {
        let mut inner = self.inner.borrow_mut();
        let before = inner.keys.len();
        // A deque keeps its order while it is turned once around.
        for _ in 0..before {
            if let Some(key) = inner.keys.pop_front().filter(|&key| key != DISCARD) {
                // Cannot fail: one was just taken.
                let _ = inner.keys.push_back(key);
            }
        }
        inner.writer.wake();
        inner.keys.len() < before
    }

    /// Waits for bytes and takes up to `buffer.len()` of them.
    pub async fn read(&self, buffer: &mut [u8]) -> usize {
        poll_fn(|context| {
            let mut inner = self.inner.borrow_mut();
            let mut count = 0;
            for slot in buffer.iter_mut() {
                let Some(byte) = inner.keys.pop_front() else { break };
                *slot = byte;
                count += 1;
            }
            if count > 0 {
                inner.writer.wake();
                return Poll::Ready(count);
            }
            inner.reader.register(context.waker());
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::block_on;

    #[test]
    fn a_key_that_discards_is_taken_out() {
        let keys = TypeAhead::default();
        keys.put(b"a\x0fb\x0f");
        assert!(keys.discards() && !keys.discards());
        assert_eq!((keys.take(), keys.take(), keys.take()), (Some(b'a'), Some(b'b'), None));
    }

    #[test]
    fn an_interrupt_takes_what_was_typed_before_it() {
        let keys = TypeAhead::default();
        keys.put(b"help\r");
        assert!(!keys.interrupted());
        keys.put(b"\x03x\x03ab");
        assert!(keys.interrupted());
        assert_eq!((keys.take(), keys.take(), keys.take()), (Some(b'a'), Some(b'b'), None));
        assert_eq!(block_on(keys.room()), TYPE_AHEAD_BYTES);
    }
}
