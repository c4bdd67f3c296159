//! A session: one user at one terminal, from the greeting to the end.

mod exchange;

use core::fmt::Write as _;
use core::pin::pin;
use core::time::Duration;

use embassy_futures::select::{Either, Either3, select, select3};
use embassy_time::{Instant, Timer};

use self::exchange::{Heard, Sent, Until};
use super::command::{self, Channel, Context, Outcome};
use super::completion;
use super::line::{ECHO_BYTES_MAX, Event as Edit, LineEditor, PROMPT_BYTES_MAX};
use super::terminal::{Terminal, Typing};
use super::words::Words;
use crate::journal::Event;
use crate::limits::{SHELL_INTERRUPT_GRACE, SHELL_TEXT_BYTES, TERMINAL_NAME_BYTES_MAX};
use crate::status::{Typed, count};
use crate::wire::Passed;
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

/// [`SHELL_INTERRUPT_GRACE`] on the clock of timers.
const fn grace() -> embassy_time::Duration {
    embassy_time::Duration::from_millis(SHELL_INTERRUPT_GRACE.as_millis() as u64)
}

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
        discard: false,
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
    /// Ctrl-O was typed: what the command that runs still prints is thrown away.
    discard: bool,
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
            let screen = self.terminal.screen();
            if screen != editor.screen() {
                self.put(&echo).await?;
                echo.clear();
                editor.set_screen(screen, &mut echo);
            }
            let Some(key) = self.channel.keys.take() else {
                self.put(&echo).await?;
                echo.clear();
                if !self.channel.keys.is_empty() {
                    // They came while that was written.
                    continue;
                }
                match self.wait().await? {
                    Heard::Keys => {}
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
                    let passed = self.terminal.passed();
                    self.count_typed(passed);
                    self.put(&echo).await?;
                    echo.clear();
                    self.execute(line).await?;
                    self.tell_cost(passed).await?;
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
            self.terminal.start_meter();
            editor.draw(&mut echo);
        }
    }

    /// Counts what a command line cost on the wire, by the way in which it came.
    fn count_typed(&self, passed: Option<Passed>) {
        let counters = self.system.counters();
        let counter = match self.terminal.screen().typing {
            Typing::Keys => &counters.typed_by_key,
            Typing::Lines | Typing::Linemode => &counters.typed_by_line,
        };
        if let Some(passed) = passed {
            Typed::add(counter, passed);
        }
    }

    /// Tells what the keys of a command line cost on the wire, if the user wants to know.
    async fn tell_cost(&mut self, passed: Option<Passed>) -> Result<(), Ended> {
        let Some(Passed { received, sent }) = passed.filter(|_| self.channel.meter.get()) else {
            return Ok(());
        };
        let text = Text::<SHELL_TEXT_BYTES>::of(format_args!(
            "[keys: {} segments, {} bytes for {} of data; echo: {} segments, {} bytes for {}]\n",
            received.count,
            received.bytes,
            received.data_bytes,
            sent.count,
            sent.bytes,
            sent.data_bytes,
        ));
        self.put(&text).await
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

        let kind = Text::<TERMINAL_NAME_BYTES_MAX>::from(self.terminal.name());
        let context = Context {
            system: self.system,
            session: self.number,
            from: self.options.from,
            screen: self.terminal.screen(),
            terminal: &kind,
            command,
            channel: self.channel,
        };
        let mut running = pin!(command::run(&context, arguments));
        let mut told = false;
        let finished = match select(running.as_mut(), self.carry()).await {
            Either::Second(Ok(())) if self.channel.catches.get() => {
                told = true;
                self.put("^C").await?;
                self.channel.interrupt.signal(());
                match select3(running, self.carry(), Timer::after(grace())).await {
                    Either3::First(outcome) => Either::First(outcome),
                    Either3::Second(carried) => Either::Second(carried),
                    Either3::Third(()) => Either::Second(Ok(())),
                }
            }
            finished => finished,
        };
        self.channel.raw.set(false);
        self.channel.catches.set(false);
        let discard = core::mem::take(&mut self.discard) | self.channel.keys.discards();
        let outcome = match finished {
            Either::First(outcome) => {
                let mut chunk = [0; CHUNK_BYTES];
                let mut interrupted = false;
                while let Ok(len) = self.channel.output.try_read(&mut chunk) {
                    if !discard && self.send(&chunk[..len], Until::Interrupt).await? == Sent::Part {
                        self.channel.output.clear();
                        self.put("^C\n").await?;
                        interrupted = true;
                    }
                }
                match outcome {
                    Outcome::Status(_) if interrupted => Outcome::Status(INTERRUPTED),
                    outcome => outcome,
                }
            }
            Either::Second(Ok(())) => {
                self.channel.output.clear();
                self.put(if told { "\n" } else { "^C\n" }).await?;
                Outcome::Status(INTERRUPTED)
            }
            Either::Second(Err(ended)) => return Err(ended),
        };
        if let Some(mode) = self.channel.mode.take() {
            self.terminal.set_mode(mode);
        }
        match outcome {
            Outcome::Status(status) => {
                self.status = status;
                Ok(())
            }
            Outcome::Leave(ended) => Err(ended),
        }
    }
}
