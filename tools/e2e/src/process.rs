//! A child process whose output is kept, can be waited for, and that does not outlive us.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wait::{Deadline, until};

/// Bytes kept of one stream. A program that says more is stopped from filling our memory: the rest
/// is read and dropped.
const KEPT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long a child may take to end after a signal before it is killed.
const END_LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct Kept {
    text: Vec<u8>,
    ended: bool,
}

/// Looks at each line of a stream, without its end. True: the line is kept.
pub type Sieve = Box<dyn FnMut(&str) -> bool + Send>;

/// What came out of one stream so far.
#[derive(Clone, Debug, Default)]
pub struct Output(Arc<(Mutex<Kept>, Condvar)>);

/// A place in an [`Output`]; what came before it is not looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark(usize);

impl Output {
    /// Keeps everything that comes out of `stream`.
    pub fn keep(mut stream: impl Read + Send + 'static) -> Self {
        let output = Self::default();
        let writer = output.clone();
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(bytes @ 1..) = stream.read(&mut chunk) {
                writer.append(&chunk[..bytes]);
            }
            writer.end();
        });
        output
    }

    /// Keeps the lines of `stream` that pass the sieve.
    pub fn sift(stream: impl Read + Send + 'static, mut sieve: Sieve) -> Self {
        let output = Self::default();
        let writer = output.clone();
        thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while let Ok(1..) = stream.read_until(b'\n', &mut line) {
                if sieve(String::from_utf8_lossy(&line).trim_end()) {
                    writer.append(&line);
                }
                line.clear();
            }
            writer.end();
        });
        output
    }

    fn append(&self, bytes: &[u8]) {
        let mut kept = self.lock();
        let room = KEPT_BYTES_MAX - kept.text.len();
        kept.text.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.0.1.notify_all();
    }

    fn end(&self) {
        self.lock().ended = true;
        self.0.1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // A reader that panicked leaves bytes as good as any.
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The end of what came so far.
    pub fn mark(&self) -> Mark {
        Mark(self.lock().text.len())
    }

    /// What came after `mark`, without carriage returns.
    pub fn text_after(&self, mark: Mark) -> String {
        String::from_utf8_lossy(&self.lock().text[mark.0..]).replace('\r', "")
    }

    /// All that came.
    pub fn text(&self) -> String {
        self.text_after(Mark::default())
    }

    /// The last `lines` lines.
    pub fn tail(&self, lines: usize) -> String {
        let text = self.text();
        let all: Vec<_> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// Waits until a line after `mark` contains all `words`, and returns that line.
    ///
    /// # Errors
    /// If no such line came within `limit`, or the stream ended without one.
    pub fn wait_for(&self, mark: Mark, words: &[&str], limit: Duration) -> Result<String> {
        let deadline = Deadline::after(limit);
        loop {
            let last = deadline.has_passed();
            let text = self.text_after(mark);
            let hit = text.lines().find(|line| words.iter().all(|word| line.contains(word)));
            if let Some(line) = hit {
                return Ok(line.to_string());
            }
            let kept = self.lock();
            ensure!(!kept.ended, "{words:?}: the process ended without saying so");
            if last {
                bail!("{words:?}: not said within {limit:?}");
            }
            let wait = deadline.left().min(Duration::from_millis(100));
            drop(self.0.1.wait_timeout(kept, wait));
        }
    }

    fn wait_for_end(&self, limit: Duration) -> bool {
        let running = |kept: &mut Kept| !kept.ended;
        let waited = self.0.1.wait_timeout_while(self.lock(), limit, running);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

/// A running child. Dropping it kills it and waits for its end.
#[derive(Debug)]
pub struct Process {
    child: Child,
    shown: String,
    /// Standard output.
    pub output: Output,
    /// Standard error.
    pub errors: Output,
}

impl Process {
    /// Starts a command, its streams connected to us.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn spawn(command: Command) -> Result<Self> {
        Self::spawn_sifted(command, None)
    }

    /// Starts a command whose standard error goes through a sieve, if there is one.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn spawn_sifted(mut command: Command, sieve: Option<Sieve>) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let shown = show(&command);
        let mut child = command.spawn().with_context(|| format!("start {shown}"))?;
        let output = child.stdout.take().map(Output::keep).unwrap_or_default();
        let errors = child.stderr.take().map(|stream| match sieve {
            Some(sieve) => Output::sift(stream, sieve),
            None => Output::keep(stream),
        });
        let errors = errors.unwrap_or_default();
        Ok(Self { child, shown, output, errors })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The command line, as one would type it.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Writes to its standard input.
    ///
    /// # Errors
    /// If it does not take it.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let input = self.child.stdin.as_mut().context("standard input is closed")?;
        input.write_all(bytes).and_then(|()| input.flush()).context("write to standard input")
    }

    /// True until it has ended.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// If it still runs after `limit`; it is killed then.
    pub fn finish(&mut self, limit: Duration) -> Result<ExitStatus> {
        drop(self.child.stdin.take());
        let deadline = Deadline::after(limit);
        // Programs close their output when they end: this wakes at once, without looking again and
        // again.
        self.output.wait_for_end(limit);
        let name = self.shown.clone();
        let ended =
            until(&format!("{name}: end"), deadline.left(), || Ok(self.child.try_wait()?));
        if ended.is_err() {
            self.kill();
        }
        self.output.wait_for_end(END_LIMIT);
        self.errors.wait_for_end(END_LIMIT);
        ended
    }

    /// Asks it to end, as Ctrl-C does, and waits for that.
    ///
    /// # Errors
    /// If it does not end; it is killed then.
    pub fn interrupt(&mut self) -> Result<ExitStatus> {
        let id = Pid::from_raw(i32::try_from(self.child.id())?);
        if self.is_running() {
            kill(id, Signal::SIGINT).context("send SIGINT")?;
        }
        self.finish(END_LIMIT)
    }

    /// Stops it in its tracks, or lets it go on.
    ///
    /// # Errors
    /// If it has ended.
    pub fn freeze(&mut self, frozen: bool) -> Result<()> {
        let id = Pid::from_raw(i32::try_from(self.child.id())?);
        ensure!(self.is_running(), "{} has ended", self.shown);
        kill(id, if frozen { Signal::SIGSTOP } else { Signal::SIGCONT }).context("send a signal")
    }

    /// Ends it at once, and waits until all that it said has been read.
    pub fn stop(&mut self) {
        self.kill();
        self.output.wait_for_end(END_LIMIT);
        self.errors.wait_for_end(END_LIMIT);
    }

    fn kill(&mut self) {
        // Both fail only for a child that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A command as one would type it into a shell.
pub fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = words.map(|word| {
        let word = word.to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            word.into_owned()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_kept_and_waited_for() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; read line; echo got $line"]);
        let mut process = Process::spawn(command).unwrap();
        let limit = Duration::from_secs(10);
        process.output.wait_for(Mark::default(), &["one"], limit).unwrap();
        let mark = process.output.mark();
        process.write(b"three\n").unwrap();
        assert!(process.finish(limit).unwrap().success());
        assert_eq!(process.output.text_after(mark), "got three\n");
        assert_eq!(process.errors.text(), "two\n");
        let error = process.output.wait_for(mark, &["four"], limit).unwrap_err();
        assert!(error.to_string().contains("ended"), "{error}");
    }

    #[test]
    fn a_sieve_sees_every_line_and_keeps_some() {
        let mut command = Command::new("sh");
        command.args(["-c", "printf 'one\\ntwo\\nthree' >&2"]);
        let (sender, seen) = std::sync::mpsc::channel();
        let sieve = move |line: &str| sender.send(line.to_string()).is_ok() && line != "two";
        let mut process = Process::spawn_sifted(command, Some(Box::new(sieve))).unwrap();
        assert!(process.finish(Duration::from_secs(10)).unwrap().success());
        assert_eq!(seen.iter().collect::<Vec<_>>(), ["one", "two", "three"]);
        assert_eq!(process.errors.text(), "one\nthree");
    }

    #[test]
    fn a_command_is_shown_as_it_is_typed() {
        let mut command = Command::new("qemu");
        command.args(["-append", "ip=dhcp it's", "-nic"]);
        assert_eq!(show(&command), r"qemu -append 'ip=dhcp it'\''s' -nic");
    }
}
