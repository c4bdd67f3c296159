//! The board's shell by port 23 for programs: a line is typed, and what it printed comes back with
//! its exit status. It speaks no telnet, as nc speaks none, so nothing is echoed.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::stage::Session;
use crate::surroundings::Said;
use crate::wait::{Deadline, PATIENCE};

/// The end of the prompt.
const PROMPT: &[u8] = b"$ ";
/// Interpret as command (RFC 854), and the commands that are followed by an option.
const IAC: u8 = 255;
const SUBNEGOTIATION: u8 = 250;
const END: u8 = 240;
const WILL: u8 = 251;
const DONT: u8 = 254;
/// Between two looks at a connection that is silent.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// A shell at its prompt.
#[derive(Debug)]
pub struct Shell {
    stream: TcpStream,
    prompt: Vec<u8>,
    heard: Vec<u8>,
}

impl Shell {
    /// Connects, and waits for the first prompt.
    ///
    /// # Errors
    /// If it does not come.
    pub fn open(session: &Session) -> Result<Self> {
        let (address, port) = session.endpoint(23)?;
        let connect = || TcpStream::connect_timeout(&(address, port).into(), PATIENCE);
        let stream = match &session.lab {
            Some(lab) => lab.namespace().enter(connect)?,
            None => connect(),
        };
        let stream = stream.with_context(|| format!("connect to {address}:{port}"))?;
        stream.set_read_timeout(Some(LOOK_AGAIN_AFTER))?;
        let mut shell = Self { stream, prompt: PROMPT.to_vec(), heard: Vec::new() };
        let greeting = shell.wait(PATIENCE, |text| text.ends_with(PROMPT)).context("log in")?;
        // `NAME$ `: with the name it is not mistaken for something that a command prints.
        let prompt = greeting.rsplit(|byte| *byte == b'\n').next();
        shell.prompt = prompt.context("no prompt")?.to_vec();
        shell.heard.clear();
        Ok(shell)
    }

    /// Types a line and waits for its end.
    ///
    /// # Errors
    /// If it does not end within `limit`.
    pub fn run(&mut self, line: &str, limit: Duration) -> Result<Said> {
        self.start(line)?;
        self.finish(limit).with_context(|| format!("{line:?} on the board"))
    }

    /// Types a line.
    ///
    /// # Errors
    /// If the connection is gone.
    pub fn start(&mut self, line: &str) -> Result<()> {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).context("type a line")
    }

    /// Waits until what was printed since the line began is as wanted.
    ///
    /// # Errors
    /// If it does not come.
    pub fn wait_until(&mut self, is_there: impl Fn(&str) -> bool) -> Result<String> {
        let text = self.wait(PATIENCE, |text| is_there(&plain(text)))?;
        Ok(plain(&text))
    }

    /// Ends what runs by Ctrl-C, and returns all that it printed.
    ///
    /// # Errors
    /// If it does not end.
    pub fn interrupt(&mut self) -> Result<Said> {
        self.stream.write_all(b"\x03").context("type Ctrl-C")?;
        self.finish(PATIENCE)
    }

    fn finish(&mut self, limit: Duration) -> Result<Said> {
        let text = self.output(limit)?;
        self.start("echo $?")?;
        let status = self.output(PATIENCE)?;
        let status = status.trim().parse().with_context(|| format!("exit status {status:?}"))?;
        Ok(Said { text, status })
    }

    /// What is printed up to the next prompt.
    fn output(&mut self, limit: Duration) -> Result<String> {
        let prompt = self.prompt.clone();
        let mut text = self.wait(limit, |text| text.ends_with(&prompt))?;
        text.truncate(text.len() - prompt.len());
        self.heard.clear();
        Ok(plain(&text))
    }

    fn wait(&mut self, limit: Duration, is_there: impl Fn(&[u8]) -> bool) -> Result<Vec<u8>> {
        let deadline = Deadline::after(limit);
        loop {
            let text = without_telnet(&self.heard);
            if is_there(&text) {
                return Ok(text);
            }
            if deadline.has_passed() {
                bail!("not within {limit:?}; heard {}", text.escape_ascii());
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(len) => {
                    ensure!(len > 0, "the board closed; heard {}", text.escape_ascii());
                    self.heard.extend_from_slice(&chunk[..len]);
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn plain(text: &[u8]) -> String {
    String::from_utf8_lossy(text).replace('\r', "")
}

/// What a terminal would show, if it came whole: a command of telnet that is cut short is left out.
fn without_telnet(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        rest = match (*first, after) {
            (IAC, [IAC, after @ ..]) => {
                text.push(IAC);
                after
            }
            (IAC, [SUBNEGOTIATION, after @ ..]) => {
                let end = after.windows(2).position(|bytes| bytes == [IAC, END]);
                end.map_or(&[], |end| &after[end + 2..])
            }
            (IAC, [WILL..=DONT, _, after @ ..]) => after,
            (IAC, [WILL..=DONT] | []) => &[],
            (IAC, [_, after @ ..]) => after,
            (byte, after) => {
                text.push(byte);
                after
            }
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telnet_is_taken_out() {
        for (bytes, text) in [
            (&b"a\xff\xfb\x01b"[..], &b"ab"[..]),
            (b"a\xff\xfa\x18\x01\xff\xf0b", b"ab"),
            (b"a\xff\xffb", b"a\xffb"),
            (b"a\xff\xf1b", b"ab"),
            (b"a\xff\xfd", b"a"),
            (b"a\xff\xfa\x18", b"a"),
            (b"a\xff", b"a"),
        ] {
            assert_eq!(without_telnet(bytes), text, "{}", bytes.escape_ascii());
        }
    }
}
