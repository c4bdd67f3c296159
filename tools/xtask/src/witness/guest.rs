//! A system in QEMU that is spoken to over its console.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Context, Error, Result};
use crate::qemu::{self, Machine};
use crate::workspace;

/// Pieces of output that wait to be read; QEMU waits when there are more.
const PIECES_MAX: usize = 64;
const PIECE_BYTES: usize = 4096;
/// No console of ours says more than this, in bytes.
const TEXT_BYTES_MAX: usize = 4 << 20;
/// Lines of the console in an error.
const LINES_SHOWN: usize = 25;

/// The guest. Dropping it pulls the plug.
#[derive(Debug)]
pub struct Guest {
    child: Child,
    keys: Option<ChildStdin>,
    pieces: Receiver<Vec<u8>>,
    text: String,
    /// What comes before was expected and seen.
    seen: usize,
    log: File,
    log_path: PathBuf,
}

impl Guest {
    /// Starts it; its console is QEMU's standard input and output, and goes to `log` too.
    pub fn start(machine: &Machine, log: &Path) -> Result<Self> {
        let file = File::create(log).context(|| format!("write {}", log.display()))?;
        let mut command = machine.command()?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context(|| format!("start {}", qemu::PROGRAM))?;
        let (sender, pieces) = sync_channel(PIECES_MAX);
        if let Some(mut output) = child.stdout.take() {
            thread::spawn(move || {
                let mut piece = [0; PIECE_BYTES];
                // unbounded: ends with QEMU, or when nobody listens any more
                while let Ok(bytes @ 1..) = output.read(&mut piece) {
                    if sender.send(piece[..bytes].to_vec()).is_err() {
                        break;
                    }
                }
            });
        }
        let keys = child.stdin.take();
        let (text, seen, log_path) = (String::new(), 0, log.to_path_buf());
        Ok(Self { child, keys, pieces, text, seen, log: file, log_path })
    }

    /// Waits until the console says this, and returns what it said before and with it since the
    /// last call.
    pub fn expect(&mut self, words: &str, limit: Duration) -> Result<String> {
        let until = Instant::now() + limit;
        // unbounded: every round reads, or ends by the deadline or the length of the text
        loop {
            if let Some(at) = self.text[self.seen..].find(words) {
                let end = self.seen + at + words.len();
                let said = self.text[self.seen..end].to_string();
                self.seen = end;
                return Ok(said);
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.pieces.recv_timeout(left) {
                Ok(piece) => self.take(&piece)?,
                Err(RecvTimeoutError::Timeout) => {
                    let seconds = limit.as_secs();
                    return Err(Error::new(format!("no {words:?} within {seconds} s")));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::new(format!("QEMU ended before {words:?}")));
                }
            }
        }
    }

    /// Waits for these words, and returns the rest of their line.
    pub fn rest_of_line(&mut self, words: &str, limit: Duration) -> Result<String> {
        self.expect(words, limit)?;
        Ok(self.expect("\n", limit)?.trim().to_string())
    }

    /// Types on the console.
    pub fn type_keys(&mut self, keys: &str) -> Result<()> {
        let Some(input) = &mut self.keys else { return Ok(()) };
        input
            .write_all(keys.as_bytes())
            .and_then(|()| input.flush())
            .context(|| "type on the guest's console".into())
    }

    fn take(&mut self, piece: &[u8]) -> Result<()> {
        self.log.write_all(piece).context(|| format!("write {}", self.log_path.display()))?;
        // A console's text need not be whole characters at the end of a piece: it is ASCII.
        self.text.extend(piece.iter().filter(|byte| byte.is_ascii()).map(|byte| char::from(*byte)));
        match self.text.len() > TEXT_BYTES_MAX {
            true => Err(Error::new("the guest's console does not stop talking")),
            false => Ok(()),
        }
    }

    /// An error with the end of the console.
    pub fn explain(&self, error: &Error) -> Error {
        let lines: Vec<_> = self.text.lines().collect();
        let end = lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n");
        let log = workspace::shown(&self.log_path);
        Error::new(format!("{error}\n--- end of {log} ---\n{end}"))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // It may have ended by itself. Nothing is shut down inside: Linux would unlink its
        // transfers, which QEMU's controller does not survive.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
