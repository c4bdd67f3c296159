//! The thread that carries frames.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use firmware::wire::{Faults, Tally};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;

use crate::line::Line;

/// Bytes of the longest frame read.
const FRAME_BYTES_MAX: usize = 2048;
/// Frames of one end before the other one has its turn.
const FRAMES_PER_TURN: usize = 64;

/// A relay that runs. Dropping it cuts the cable.
#[derive(Debug)]
pub struct Relay {
    lines: Lines,
    stop: Arc<EventFd>,
    thread: Option<JoinHandle<Result<()>>>,
}

/// From left to right, and back.
type Lines = Arc<Mutex<[Line; 2]>>;

impl Relay {
    /// Joins two ends, which must not block; each read of one gives a frame, each write takes one.
    /// At first nothing happens to frames.
    ///
    /// # Errors
    /// If the system has no descriptor for it.
    pub fn between(left: File, right: File) -> Result<Self> {
        let lines = Lines::default();
        let stop = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC)?);
        let thread = thread::spawn({
            let (lines, stop) = (Arc::clone(&lines), Arc::clone(&stop));
            move || carry(&lines, [left, right], &stop)
        });
        Ok(Self { lines, stop, thread: Some(thread) })
    }

    /// Turns both dials, left to right and back, and counts from zero. Equal seeds and frames meet
    /// equal fates.
    pub fn set(&self, faults: [Faults; 2], seed: u64) {
        for ((line, faults), seed) in lock(&self.lines).iter_mut().zip(faults).zip(seed..) {
            line.set(faults, seed);
        }
    }

    /// What was done since then, left to right and back.
    pub fn tally(&self) -> [Tally; 2] {
        lock(&self.lines).each_ref().map(Line::tally)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        if self.stop.write(1).is_ok()
            && let Err(error) = join(thread)
        {
            eprintln!("the relay: {error:#}");
        }
    }
}

fn join(thread: JoinHandle<Result<()>>) -> Result<()> {
    thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("panicked")))
}

fn lock(lines: &Lines) -> MutexGuard<'_, [Line; 2]> {
    // A reader of counts that panicked leaves them as they were.
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries frames until it is told to stop, or an interface is gone.
fn carry(lines: &Lines, mut ends: [File; 2], stop: &EventFd) -> Result<()> {
    let began = Instant::now();
    loop {
        let mut due = None;
        {
            let mut lines = lock(lines);
            for way in [0, 1] {
                for _ in 0..FRAMES_PER_TURN {
                    let mut frame = [0; FRAME_BYTES_MAX];
                    let Some(bytes) = receive(&mut ends[way], &mut frame)? else { break };
                    lines[way].offer(began.elapsed(), &mut frame[..bytes]);
                }
                let now = began.elapsed();
                while let Some(frame) = lines[way].take(now) {
                    // The other end is down, or has no room: the frame is lost, as on any cable.
                    if ends[1 - way].write(&frame).is_err() {
                        lines[way].overflowed();
                    }
                }
                due = [due, lines[way].next_due()].into_iter().flatten().min();
            }
        }
        let [left, right] = &ends;
        let mut all = [left.as_fd(), right.as_fd(), stop.as_fd()]
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        let sleep = due.map(|due: Duration| due.saturating_sub(began.elapsed()));
        match ppoll(&mut all, sleep.map(TimeSpec::from_duration), None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("wait for a frame"),
        }
        if all[2].any().unwrap_or(false) {
            return Ok(());
        }
    }
}

fn receive(end: &mut File, frame: &mut [u8]) -> Result<Option<usize>> {
    match end.read(frame) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_nothing(error.kind()) => Ok(None),
        Err(error) => Err(error).context("receive a frame"),
    }
}

fn is_nothing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
