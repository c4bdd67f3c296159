//! A session: one user at one terminal, from the greeting to the end.

use core::fmt::Write as _;
use core::future::pending;
use core::time::Duration;

use embassy_futures::select::{Either, Either3, Either4, select, select3, select4};
use embassy_time::{Instant, Timer};

use super::command::{self, Channel, Context, Outcome};
use super::completion;
use super::line::{ECHO_BYTES_MAX, Event as Edit, LineEditor, PROMPT_BYTES_MAX};
use super::terminal::Terminal;
use super::words::Words;
use crate::journal::{Entry, Event};
use crate::limits::SHELL_TEXT_BYTES;
use crate::status::count;
use crate::{System, Text};

/// Bytes read from the terminal at a time.
const KEYS_BYTES: usize = 64;
/// Bytes of a command's output carried to the terminal at a time.
const CHUNK_BYTES: usize = 128;

/// The exit status of a line that is no command (as dash and bash have it).
const SYNTAX_ERROR: u8 = 2;
/// The exit status of a name that is no command (POSIX XCU 2.8.2).
const NOT_FOUND: u8 = 127;
/// The exit status of a command that Ctrl-C ended: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;

/// How a session runs.
#[derive(Debug)]
pub struct Options<'a> {
    /// Where the user is: an endpoint, or "console". The journal and `reboot` name it.
    pub from: &'a str,
    /// Without a key for this long the session ends; `None`: never.
    pub idle_timeout: Option<Duration>,
    /// Journal entries from this number on are printed as they happen; `None`: not at all.
    pub journal: Option<&'a mut u64>,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// `exit`, `logout` or Ctrl-D.
    Exit,
    /// The terminal sends no more.
    EndOfInput,
    /// No key for the idle timeout.
    Idle,
    /// The terminal is gone.
    Disconnected,
    /// A restart was asked for.
    Restart,
}

impl Ended {
    /// As the journal says it.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Exit => "exit",
            Self::EndOfInput => "end of input",
            Self::Idle => "idle for too long",
            Self::Disconnected => "connection lost",
            Self::Restart => "restart",
        }
    }
}

/// Serves one user until the end, and journals beginning and end.
pub async fn run<T: Terminal>(
    system: &'static System,
    terminal: &mut T,
    options: Options<'_>,
) -> Ended {
    let number = system.next_session();
    system.record(Event::SessionStarted { session: number, from: Text::from(options.from) });
    let open = Open::new(system);

    let prompt: Text<PROMPT_BYTES_MAX> = Text::of(format_args!("{}$ ", system.hostname()));
    let mut editor = LineEditor::new(&prompt, terminal.screen());
    let channel = Channel::new();
    let mut session = Session {
        system,
        terminal,
        number,
        channel: &channel,
        deadline: None,
        input_ended: false,
        last: b'\n',
        status: 0,
        options,
    };
    session.heard();
    let ended = session.serve(&mut editor).await;

    drop(open);
    system.record(Event::SessionEnded { session: number, reason: ended.reason() });
    ended
}

/// Counts a session while it is open, also when its task is dropped.
struct Open(&'static System);

impl Open {
    fn new(system: &'static System) -> Self {
        count(&system.counters().shells);
        Self(system)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let shells = &self.0.counters().shells;
        shells.set(shells.get().saturating_sub(1));
    }
}

/// What the session waited for.
enum Heard {
    Keys,
    Entry(Entry),
}

struct Session<'a, T> {
    system: &'static System,
    terminal: &'a mut T,
    number: u32,
    channel: &'a Channel,
    /// When the session ends unless a key comes before. It bounds every wait for the terminal, also
    /// those for a peer that takes no output.
    deadline: Option<Instant>,
    /// The terminal sends no more; keys typed before are still served.
    input_ended: bool,
    /// The last byte written to the terminal.
    last: u8,
    /// The last command's exit status.
    status: u8,
    options: Options<'a>,
}

impl<T: Terminal> Session<'_, T> {
    async fn serve(&mut self, editor: &mut LineEditor) -> Ended {
        let Err(ended) = self.converse(editor).await;
        match ended {
            // The user may still be there to read it; neither waits.
            Ended::Idle => drop(self.put("\nNo key for too long: bye.\n").await),
            Ended::Exit | Ended::EndOfInput | Ended::Disconnected | Ended::Restart => {}
        }
        ended
    }

    /// Reads, edits, runs: until something ends it.
    async fn converse(
        &mut self,
        editor: &mut LineEditor,
    ) -> Result<core::convert::Infallible, Ended> {
        self.catch_up().await?;
        self.greet().await?;
        let mut echo = Text::<{ 2 * ECHO_BYTES_MAX }>::new();
        editor.draw(&mut echo);
        loop {
            let Some(key) = self.channel.keys.take() else {
                self.put(&echo).await?;
                echo.clear();
                match self.wait().await? {
                    Heard::Keys => editor.set_screen(self.terminal.screen(), &mut echo),
                    Heard::Entry(entry) => {
                        editor.erase(&mut echo);
                        // An entry and a redrawn line fit into the text, which never fails besides.
                        let _ = writeln!(echo, "{entry}");
                        editor.draw(&mut echo);
                    }
                }
                continue;
            };
            if echo.len() > ECHO_BYTES_MAX {
                self.put(&echo).await?;
                echo.clear();
            }
            match editor.feed(key, &mut echo) {
                None => continue,
                Some(Edit::Interrupt) => {}
                Some(Edit::Line(line)) => {
                    self.put(&echo).await?;
                    echo.clear();
                    self.execute(line).await?;
                }
                Some(Edit::Complete) => {
                    self.put(&echo).await?;
                    echo.clear();
                    self.complete(editor, &mut echo).await?;
                    continue;
                }
                Some(Edit::EndOfFile) => {
                    let _ = echo.write_str("exit\n");
                    self.put(&echo).await?;
                    return Err(Ended::Exit);
                }
            }
            editor.draw(&mut echo);
        }
    }

    /// Prints the journal entries that are there already, if they are to be printed.
    async fn catch_up(&mut self) -> Result<(), Ended> {
        while let Some(entry) =
            self.options.journal.as_deref().and_then(|&next| self.system.journal_after(next))
        {
            self.advance(&entry);
            self.put(&Text::<SHELL_TEXT_BYTES>::of(format_args!("{entry}\n"))).await?;
        }
        Ok(())
    }

    async fn greet(&mut self) -> Result<(), Ended> {
        let status = self.system.status();
        let mut text = Text::<SHELL_TEXT_BYTES>::new();
        // A Text never fails: what does not fit is cut.
        let _ = write!(text, "barewire {}", env!("CARGO_PKG_VERSION"));
        let model = &self.system.facts().model;
        if !model.is_empty() {
            let _ = write!(text, " on {model}");
        }
        let _ = match &status.address {
            Some(address) => writeln!(text, ", {}", address.address),
            None => writeln!(text, ", no address yet"),
        };
        let _ = text.write_str("Type 'help'.\n\n");
        self.put(&text).await
    }

    /// Tab: completes the word as far as the candidates agree, or lists them.
    async fn complete(
        &mut self,
        editor: &mut LineEditor,
        echo: &mut impl core::fmt::Write,
    ) -> Result<(), Ended> {
        let found = completion::complete(self.system, editor.before_cursor());
        match (found.count, found.agreed.get(found.typed..)) {
            (0, _) | (_, None) => editor.bell(echo),
            (1, Some(rest)) => editor.complete(rest, true, echo),
            (_, Some(rest)) if !rest.is_empty() => editor.complete(rest, false, echo),
            (_, Some(_)) => self.choices(editor, echo).await?,
        }
        Ok(())
    }

    /// Lists what a word may become, below the line, and draws the line anew.
    async fn choices(
        &mut self,
        editor: &mut LineEditor,
        echo: &mut impl core::fmt::Write,
    ) -> Result<(), Ended> {
        let mut text = Text::<{ 2 * SHELL_TEXT_BYTES }>::new();
        // A Text never fails: what does not fit is cut.
        editor.leave(&mut text);
        let mut gap = "";
        completion::candidates(self.system, editor.before_cursor(), &mut |candidate| {
            let _ = write!(text, "{gap}{candidate}");
            gap = "  ";
        });
        let _ = text.write_str("\n");
        self.put(&text).await?;
        editor.draw(echo);
        Ok(())
    }

    /// Runs one command line against the terminal.
    async fn execute(&mut self, line: &str) -> Result<(), Ended> {
        let words = match Words::parse(line, self.status) {
            Ok(words) => words,
            Err(error) => {
                self.status = SYNTAX_ERROR;
                return self.put(&Text::<128>::of(format_args!("-sh: {error}\n"))).await;
            }
        };
        let words = words.list();
        let Some((name, arguments)) = words.split_first() else { return Ok(()) };
        count(&self.system.counters().commands);
        let Some(command) = command::find(name) else {
            self.status = NOT_FOUND;
            return self.put(&Text::<320>::of(format_args!("-sh: {name}: not found\n"))).await;
        };

        let context = Context {
            system: self.system,
            session: self.number,
            from: self.options.from,
            screen: self.terminal.screen(),
            command,
            channel: self.channel,
        };
        let finished = select(command::run(&context, arguments), self.carry()).await;
        self.channel.raw.set(false);
        match finished {
            Either::First(outcome) => {
                let mut chunk = [0; CHUNK_BYTES];
                while let Ok(len) = self.channel.output.try_read(&mut chunk) {
                    self.send(&chunk[..len]).await?;
                }
                match outcome {
                    Outcome::Status(status) => {
                        self.status = status;
                        Ok(())
                    }
                    Outcome::Leave(ended) => Err(ended),
                }
            }
            Either::Second(Ok(())) => {
                self.channel.output.clear();
                self.status = INTERRUPTED;
                self.put("^C\n").await
            }
            Either::Second(Err(ended)) => Err(ended),
        }
    }

    /// Carries a command's output to the terminal and keys from it; returns when Ctrl-C is typed.
    async fn carry(&mut self) -> Result<(), Ended> {
        let mut keys = [0; KEYS_BYTES];
        let mut chunk = [0; CHUNK_BYTES];
        loop {
            if !self.channel.raw.get() && self.channel.keys.interrupted() {
                return Ok(());
            }
            let read = async {
                if self.input_ended {
                    return pending().await;
                }
                let room = self.channel.keys.room().await.min(KEYS_BYTES);
                self.terminal.read(&mut keys[..room]).await
            };
            // Keys come first, so that no flood of output keeps Ctrl-C from being heard.
            let heard = select4(
                read,
                self.channel.output.read(&mut chunk),
                next_entry(self.system, self.options.journal.as_deref().copied()),
                expired(self.deadline),
            )
            .await;
            match heard {
                Either4::First(read) => self.received(read.ok(), &keys)?,
                Either4::Second(len) => self.send(&chunk[..len]).await?,
                Either4::Third(entry) => {
                    self.advance(&entry);
                    let start = if self.last == b'\n' { "" } else { "\n" };
                    let text = Text::<SHELL_TEXT_BYTES>::of(format_args!("{start}{entry}\n"));
                    self.put(&text).await?;
                }
                Either4::Fourth(()) => return Err(Ended::Idle),
            }
        }
    }

    /// Waits for keys or, if they are to be printed, for a journal entry.
    async fn wait(&mut self) -> Result<Heard, Ended> {
        let mut keys = [0; KEYS_BYTES];
        if self.input_ended {
            return Err(Ended::EndOfInput);
        }
        let heard = select3(
            self.terminal.read(&mut keys),
            next_entry(self.system, self.options.journal.as_deref().copied()),
            expired(self.deadline),
        )
        .await;
        match heard {
            Either3::First(read) => {
                self.received(read.ok(), &keys)?;
                Ok(Heard::Keys)
            }
            Either3::Second(entry) => {
                self.advance(&entry);
                Ok(Heard::Entry(entry))
            }
            Either3::Third(()) => Err(Ended::Idle),
        }
    }

    /// What a read of the terminal brought; `None`: it failed.
    fn received(&mut self, len: Option<usize>, keys: &[u8]) -> Result<(), Ended> {
        match len.and_then(|len| keys.get(..len)) {
            None => Err(Ended::Disconnected),
            Some([]) => {
                self.input_ended = true;
                Ok(())
            }
            Some(keys) => {
                self.heard();
                self.channel.keys.put(keys);
                Ok(())
            }
        }
    }

    /// The user is there: the idle timeout begins anew.
    fn heard(&mut self) {
        let timeout = self.options.idle_timeout;
        // A timeout too long for the clock is none.
        self.deadline = timeout
            .and_then(|timeout| embassy_time::Duration::try_from(timeout).ok())
            .and_then(|timeout| Instant::now().checked_add(timeout));
    }

    fn advance(&mut self, entry: &Entry) {
        if let Some(next) = &mut self.options.journal {
            **next = entry.number + 1;
        }
    }

    /// Writes text to the terminal.
    async fn put(&mut self, text: &str) -> Result<(), Ended> {
        self.send(text.as_bytes()).await
    }

    /// Writes bytes to the terminal; a bare LF becomes CR LF, as a terminal driver does (ONLCR).
    async fn send(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        for chunk in bytes.chunks(CHUNK_BYTES) {
            let mut out = heapless::Vec::<u8, { 2 * CHUNK_BYTES }>::new();
            for &byte in chunk {
                // Cannot fail: there is room for two bytes each.
                if byte == b'\n' && self.last != b'\r' {
                    let _ = out.push(b'\r');
                }
                let _ = out.push(byte);
                self.last = byte;
            }
            let write = async {
                self.terminal.write_all(&out).await?;
                self.terminal.flush().await
            };
            match select(write, expired(self.deadline)).await {
                Either::First(Ok(())) => {}
                Either::First(Err(_)) => return Err(Ended::Disconnected),
                Either::Second(()) => return Err(Ended::Idle),
            }
        }
        Ok(())
    }
}

/// Waits for the deadline, if there is one.
async fn expired(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => Timer::at(deadline).await,
        None => pending().await,
    }
}

/// Waits for the journal entry of this number or, if it is overwritten, the oldest after it.
async fn next_entry(system: &System, number: Option<u64>) -> Entry {
    let Some(number) = number else { return pending().await };
    system.journal_entry(number).await
}
