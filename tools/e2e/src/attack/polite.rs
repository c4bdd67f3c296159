//! Clients that do nothing wrong.

use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};

use crate::stage::Session;

/// What a person waits for a page.
const LIMIT: Duration = Duration::from_secs(5);
/// How long a request may take that is counted, not timed.
const SURELY: Duration = Duration::from_secs(60);

/// What became of requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Served {
    /// Requests.
    pub asked: usize,
    /// Of these, answered whole within five seconds.
    pub whole: usize,
    /// The longest of those.
    pub longest: Duration,
}

impl Served {
    /// Nine of ten at least.
    pub fn is_enough(&self) -> bool {
        self.asked > 0 && self.whole * 10 >= self.asked * 9
    }

    fn count(&mut self, began: Instant, answer: &Result<()>) {
        self.asked += 1;
        if answer.is_ok() {
            self.whole += 1;
            self.longest = self.longest.max(began.elapsed());
        }
    }
}

/// Fetches the index page, on a connection of its own.
fn fetch(to: SocketAddrV4, limit: Duration) -> Result<()> {
    let mut stream = TcpStream::connect_timeout(&to.into(), limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: board\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    ensure!(answer.trim_end().ends_with("</html>"), "not whole: {answer}");
    Ok(())
}

/// Runs `work` where the board is reached, with its address and port.
fn near<T: Send>(session: &Session, work: impl FnOnce(SocketAddrV4) -> T + Send) -> Result<T> {
    let (address, port) = session.endpoint(80)?;
    session.lab()?.namespace().enter(|| work(SocketAddrV4::new(address, port)))
}

/// So many requests, one after another.
///
/// # Errors
/// If the laboratory fails; a request that is not served is counted.
pub fn ask(session: &Session, requests: usize) -> Result<Served> {
    near(session, |to| {
        let mut served = Served::default();
        for _ in 0..requests {
            let began = Instant::now();
            served.count(began, &fetch(to, LIMIT));
        }
        served
    })
}

/// Requests one after another for as long as `goes_on`, with a pause between two.
///
/// # Errors
/// If the laboratory fails; a request that is not served is counted.
pub fn ask_while(
    session: &Session,
    pause: Duration,
    goes_on: impl Fn() -> bool + Sync + Send,
) -> Result<Served> {
    near(session, |to| {
        let mut served = Served::default();
        while goes_on() {
            let began = Instant::now();
            served.count(began, &fetch(to, LIMIT));
            thread::sleep(pause);
        }
        served
    })
}

/// So many connections in a row, none of which may be lost. Returns how long they took.
///
/// # Errors
/// At the first that is not served.
pub fn in_a_row(session: &Session, count: usize) -> Result<Duration> {
    near(session, |to| {
        let began = Instant::now();
        for number in 1..=count {
            fetch(to, SURELY).with_context(|| format!("connection {number} of {count}"))?;
        }
        Ok(began.elapsed())
    })?
}

/// So many connections at once, none of which may be lost. Returns how long they took.
///
/// # Errors
/// If one is not served.
pub fn at_once(session: &Session, count: usize) -> Result<Duration> {
    near(session, |to| {
        let barrier = Barrier::new(count);
        let began = Instant::now();
        thread::scope(|scope| {
            let client = |_| {
                scope.spawn(|| {
                    barrier.wait();
                    fetch(to, SURELY)
                })
            };
            let clients: Vec<_> = (0..count).map(client).collect();
            // All are joined before the first error is returned.
            let ends: Vec<_> = clients.into_iter().map(thread::ScopedJoinHandle::join).collect();
            ends.into_iter().try_for_each(|end| end.map_err(|_| anyhow!("a client panicked"))?)
        })?;
        Ok(began.elapsed())
    })?
}
