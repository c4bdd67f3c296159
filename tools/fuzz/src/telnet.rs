//! Telnet, from the server's side. Input: what the client sends, which is also what the shell
//! writes.

use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use embedded_io_async::{ErrorType, Read, Write};
use firmware::service::telnet::TelnetPort;
use firmware::service::telnet::protocol::{REPLY_BYTES_MAX, SENT_BYTES_MAX, command};

/// Bytes that the server says first, at most.
const GREETING_BYTES_MAX: usize = 64;
/// Bytes of keys that one command stands for, at most.
const KEYS_BYTES_MAX: usize = 2;
/// Bytes of one input: beyond them is only more of the same.
const INPUT_BYTES_MAX: usize = 8192;

/// What comes does not grow, answers are bounded, and what is written arrives at the other end.
pub fn check(input: &[u8]) {
    let input = &input[..input.len().min(INPUT_BYTES_MAX)];
    let (keys, said) = hear(input, 64);
    assert!(keys.len() <= input.len() * KEYS_BYTES_MAX);
    assert!(said.len() <= GREETING_BYTES_MAX + input.len() * REPLY_BYTES_MAX);
    // How the stream is cut into reads does not matter.
    assert_eq!(hear(input, 1), (keys, said.clone()));
    well_formed(&said);

    let wire = write(input);
    assert!(wire.len() <= GREETING_BYTES_MAX + input.len() * SENT_BYTES_MAX);
    well_formed(&wire);
    let (heard, _) = hear(&wire, 64);
    assert_eq!(heard, as_heard(input));
}

/// What a server's shell is given of a client's bytes, and what the client is answered.
fn hear(bytes: &[u8], at_once: usize) -> (Vec<u8>, Vec<u8>) {
    let mut port = TelnetPort::new(Line { incoming: bytes, outgoing: Vec::new(), at_once });
    let mut keys = Vec::new();
    let mut buffer = [0; 16];
    loop {
        match now(port.read(&mut buffer)) {
            0 => break,
            count => keys.extend(&buffer[..count]),
        }
    }
    now(port.flush());
    (keys, port.into_stream().outgoing)
}

/// How what the shell writes looks on the wire.
fn write(bytes: &[u8]) -> Vec<u8> {
    let line = Line { incoming: &[], outgoing: Vec::new(), at_once: 1 };
    let mut port = TelnetPort::new(line);
    let written = now_ready(port.write_all(bytes));
    assert_eq!(written, Ok(()));
    now(port.flush());
    port.into_stream().outgoing
}

/// What is written, at the other end: each end of line is CR.
fn as_heard(text: &[u8]) -> Vec<u8> {
    let mut heard = Vec::new();
    let mut before = None;
    for &byte in text {
        match byte {
            b'\n' if before == Some(b'\r') => {}
            b'\n' => heard.push(b'\r'),
            _ => heard.push(byte),
        }
        before = Some(byte);
    }
    heard
}

/// Every IAC on the wire begins a whole command, and each CR is followed by LF or NUL.
fn well_formed(wire: &[u8]) {
    use command::{AYT, DO, DONT, IAC, SB, SE, WILL, WONT};
    let mut rest = wire;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            (IAC, [IAC, after @ ..]) => after,
            (IAC, [WILL | WONT | DO | DONT, _, after @ ..]) => after,
            (IAC, [SB, _, after @ ..]) => {
                let end = after.windows(2).position(|end| end == [IAC, SE]);
                &after[end.expect("a subnegotiation ends") + 2..]
            }
            (IAC, [241..=AYT | 247..=249, after @ ..]) => after,
            (IAC, _) => panic!("a command that is none: {after:?}"),
            // The last byte of all may wait for the one behind it.
            (b'\r', []) => after,
            (b'\r', [b'\n' | 0, after @ ..]) => after,
            (b'\r', _) => panic!("a bare CR"),
            _ => after,
        };
    }
}

/// A connection whose client has said everything and hung up.
#[derive(Debug)]
struct Line<'a> {
    incoming: &'a [u8],
    outgoing: Vec<u8>,
    /// Bytes that one read gives at most.
    at_once: usize,
}

impl ErrorType for Line<'_> {
    type Error = Infallible;
}

impl Read for Line<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let count = self.incoming.len().min(buffer.len()).min(self.at_once);
        let (taken, rest) = self.incoming.split_at(count);
        buffer[..count].copy_from_slice(taken);
        self.incoming = rest;
        Ok(count)
    }
}

impl Write for Line<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.outgoing.extend(bytes);
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// The result of a future that waits for nothing.
fn now_ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits, and the line never does"),
    }
}

fn now<T>(future: impl Future<Output = Result<T, Infallible>>) -> T {
    match now_ready(future) {
        Ok(value) => value,
        Err(never) => match never {},
    }
}
