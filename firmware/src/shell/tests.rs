//! Whole sessions over a terminal in memory.

use core::cell::{Cell, RefCell};
use core::convert::Infallible;
use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;
use std::collections::VecDeque;
use std::rc::Rc;
use std::string::{String, ToString};
use std::vec::Vec;

use embassy_futures::join::join;
use embassy_time::Timer;
use embedded_io_async::{ErrorType, Read, Write};

use super::*;
use crate::System;
use crate::journal::Event;
use crate::testing::{block_on, system};

/// The user's end of a terminal in memory.
#[derive(Clone, Default)]
pub(crate) struct User(pub Rc<Wire>);

#[derive(Default)]
pub(crate) struct Wire {
    keys: RefCell<VecDeque<u8>>,
    hung_up: Cell<bool>,
    screen: RefCell<Vec<u8>>,
    /// Bytes of the screen that the user has looked at.
    seen: Cell<usize>,
    echo: Cell<bool>,
    /// Bytes that the user's terminal still takes; `None`: any number.
    room: Cell<Option<usize>>,
}

/// The shell's end.
pub(crate) struct Line(pub Rc<Wire>);

impl User {
    pub fn types(&self, keys: &str) {
        self.sends(keys.as_bytes());
    }

    pub fn sends(&self, bytes: &[u8]) {
        self.0.keys.borrow_mut().extend(bytes);
    }

    pub fn hangs_up(&self) {
        self.0.hung_up.set(true);
    }

    /// From now on the terminal takes this many bytes and no more.
    pub fn takes(&self, bytes: usize) {
        self.0.room.set(Some(bytes));
    }

    /// Every byte written so far.
    pub fn received(&self) -> Vec<u8> {
        self.0.screen.borrow().clone()
    }

    fn screen(&self) -> String {
        String::from_utf8(self.received()).unwrap()
    }

    /// Waits until something new on the screen ends with `end`, and returns what is new.
    async fn sees(&self, end: &str) -> String {
        loop {
            let screen = self.screen();
            let new = &screen[self.0.seen.get()..];
            if new.ends_with(end) {
                self.0.seen.set(screen.len());
                return new.to_string();
            }
            // Virtual time: the other side has its turn.
            Timer::after_millis(1).await;
        }
    }
}

impl ErrorType for Line {
    type Error = Infallible;
}

impl Read for Line {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|_| {
            let mut keys = self.0.keys.borrow_mut();
            if keys.is_empty() {
                return if self.0.hung_up.get() { Poll::Ready(Ok(0)) } else { Poll::Pending };
            }
            let len = keys.len().min(buffer.len());
            buffer.iter_mut().zip(keys.drain(..len)).for_each(|(slot, key)| *slot = key);
            Poll::Ready(Ok(len))
        })
        .await
    }
}

impl Write for Line {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        poll_fn(|_| {
            let room = self.0.room.get().unwrap_or(usize::MAX);
            let len = room.min(bytes.len());
            if len == 0 {
                return Poll::Pending;
            }
            self.0.room.set(Some(room - len));
            self.0.screen.borrow_mut().extend_from_slice(&bytes[..len]);
            Poll::Ready(Ok(len))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Terminal for Line {
    type Error = Infallible;

    async fn transfer(&mut self, out: &[u8], keys: &mut [u8]) -> Result<Transfer, Infallible> {
        terminal::transfer(Line(self.0.clone()), Line(self.0.clone()), out, keys).await
    }

    fn screen(&self) -> Screen {
        Screen { echo: self.0.echo.get(), ..Screen::default() }
    }
}

const PROMPT: &str = "barewire$ ";

/// A session with this user, for as long as the user's script takes.
fn meet(options: Options<'_>, script: impl AsyncFnOnce(&'static System, User)) -> (Ended, String) {
    meet_on(system(), options, script)
}

fn meet_on(
    system: &'static System,
    options: Options<'_>,
    script: impl AsyncFnOnce(&'static System, User),
) -> (Ended, String) {
    let user = User::default();
    user.0.echo.set(true);
    let mut line = Line(user.0.clone());
    let session = run(system, &mut line, options);
    let (ended, ()) = block_on(join(session, script(system, user.clone())));
    (ended, user.screen())
}

fn from_desk() -> Options<'static> {
    Options { from: "desk", idle_timeout: None, journal: None }
}

#[test]
fn a_conversation() {
    let (ended, screen) = meet(from_desk(), async |_, user: User| {
        let greeting = user.sees(PROMPT).await;
        assert!(greeting.starts_with("barewire "), "{greeting:?}");
        assert!(greeting.contains("Type 'help'.\r\n\r\nbarewire$ "), "{greeting:?}");
        user.types("uptime\r");
        assert_eq!(user.sees(PROMPT).await, "uptime\r\n up 0 min,  1 user\r\nbarewire$ ");
        user.types("nonsense 'x\r");
        let complaint = "-sh: syntax error: unterminated quoted string\r\nbarewire$ ";
        assert!(user.sees(PROMPT).await.ends_with(complaint));
        user.types("nonsense\r\n");
        assert!(user.sees(PROMPT).await.ends_with("-sh: nonsense: not found\r\nbarewire$ "));
        user.types("\x03ex\t\r");
    });
    assert_eq!(ended, Ended::Exit);
    assert!(screen.ends_with("barewire$ ^C\r\nbarewire$ exit \r\n"), "{screen:?}");
}

#[test]
fn every_command_tells_its_options_and_refuses_others() {
    let (ended, _) = meet(from_desk(), async |_, user: User| {
        user.sees(PROMPT).await;
        for name in command::COMMANDS.iter().map(|command| command.name) {
            user.types(&std::format!("{name} -h\r"));
            let help = user.sees(PROMPT).await;
            assert!(help.len() > name.len() + 40, "{help:?}");
            user.types(&std::format!("{name} --wrong\r"));
            let answer = user.sees(PROMPT).await;
            assert!(answer.contains("wrong"), "{answer:?}");
        }
        user.types("\x04");
    });
    assert_eq!(ended, Ended::Exit);
}

#[test]
fn exit_statuses_are_kept() {
    meet(from_desk(), async |_, user: User| {
        user.sees(PROMPT).await;
        let rows = [
            ("uptime", 0),
            ("uptime --nothing", 1),
            ("nothing", 127),
            ("echo 'x", 2),
            ("echo $?x", 0),
            ("man nothing", 16),
            ("dmesg -w\r\x03", 130),
            ("  # nothing", 130),
        ];
        for (line, status) in rows {
            user.types(&std::format!("{line}\r"));
            user.sees(PROMPT).await;
            if status != 130 || line.starts_with(' ') {
                user.types("echo \"$?\"\r");
                let expected = std::format!("echo \"$?\"\r\n{status}\r\n{PROMPT}");
                assert_eq!(user.sees(PROMPT).await, expected, "{line}");
            }
        }
        user.types("exit x\rexit 1\r");
    });
}

#[test]
fn every_command_has_a_manual_page() {
    meet(from_desk(), async |_, user: User| {
        user.sees(PROMPT).await;
        for command in command::COMMANDS {
            user.types(&std::format!("man {}\r", command.name));
            let page = user.sees(PROMPT).await;
            let name = std::format!("\r\nNAME\r\n    {} - ", command.name);
            assert!(page.contains(&name), "{page:?}");
            assert!(page.contains("\r\n\r\nDESCRIPTION\r\n    "), "{page:?}");
            assert!(page.ends_with("\r\nbarewire$ "), "{page:?}");
            assert!(page.lines().all(|line| line.len() < 80), "{page:?}");
        }
        user.types("\x04");
    });
}

#[test]
fn tab_completes_or_lists() {
    meet(from_desk(), async |_, user: User| {
        user.sees(PROMPT).await;
        user.types("e\t");
        let listed = user.sees("barewire$ e").await;
        assert_eq!(listed, "e\r\necho  exit\r\nbarewire$ e");
        user.types("x\t1 \t\x15ifc\t-\x15dmesg --fo\t");
        assert!(user.sees("--follow ").await.contains("xit 1 \x07"));
        user.types("\x03exit\r");
    });
}

#[test]
fn lines_typed_ahead_are_run_before_the_end_of_input_counts() {
    let (ended, screen) = meet(from_desk(), async |_, user: User| {
        user.0.echo.set(false);
        user.types("dmesg -h\nuptime\n");
        user.hangs_up();
    });
    assert_eq!(ended, Ended::EndOfInput);
    assert!(screen.ends_with("barewire$  up 0 min,  1 user\r\nbarewire$ "), "{screen:?}");
}

#[test]
fn control_c_stops_a_command_and_forgets_what_was_typed_ahead() {
    let (ended, _) = meet(from_desk(), async |system, user: User| {
        user.sees(PROMPT).await;
        user.types("dmesg -w\r");
        user.sees("from desk\r\n").await;
        system.record(Event::NicLost);
        assert!(user.sees("eth0: gone\r\n").await.len() < 40);
        user.types("help\r\x03uptime\r");
        let rest = user.sees("user\r\nbarewire$ ").await;
        assert_eq!(rest, "^C\r\nbarewire$ uptime\r\n up 0 min,  1 user\r\nbarewire$ ");
        // The interrupt may even be there before the command is.
        user.types("dmesg -w\r\x03");
        assert!(user.sees(PROMPT).await.ends_with("^C\r\nbarewire$ "));
        user.types("exit\r");
    });
    assert_eq!(ended, Ended::Exit);
}

#[test]
fn an_idle_user_is_sent_away() {
    let timeout = Duration::from_secs(30 * 60);
    let options = Options { idle_timeout: Some(timeout), ..from_desk() };
    let (ended, screen) = meet(options, async |_, user: User| {
        user.sees(PROMPT).await;
        Timer::after_secs(20 * 60).await;
        user.types("dmesg -w\r");
    });
    assert_eq!(ended, Ended::Idle);
    assert!(screen.ends_with("\r\nNo key for too long: bye.\r\n"), "{screen:?}");
}

#[test]
fn the_journal_is_printed_between_the_keys() {
    let mut next = 0;
    let options = Options { from: "console", idle_timeout: None, journal: Some(&mut next) };
    let (ended, _) = meet(options, async |system, user: User| {
        let boot = user.sees(PROMPT).await;
        assert!(boot.starts_with('[') && boot.contains("from console\r\nbarewire "), "{boot:?}");
        user.types("upt");
        user.sees("upt").await;
        system.record(Event::NicLost);
        let shown = user.sees("upt").await;
        assert!(shown.starts_with("\r\x1b[K[") && shown.ends_with("eth0: gone\r\nbarewire$ upt"));
        user.types("\x03dmesg -w\r");
        user.sees("eth0: gone\r\n").await;
        // While a command runs as well: here both the session and the command print it.
        system.record(Event::NicLost);
        let mut shown = String::new();
        while shown.matches("eth0: gone\r\n").count() < 2 {
            shown += &user.sees("eth0: gone\r\n").await;
        }
        user.types("\x03exit\r");
    });
    assert_eq!(ended, Ended::Exit);
    assert!(next > 3);
}

#[test]
fn sessions_are_journalled_and_counted() {
    let system = system();
    let (ended, _) = meet_on(system, from_desk(), async |_, user: User| {
        user.types("uptime\rreboot --panic\r");
    });
    assert_eq!(ended, Ended::Restart);
    let counters = system.counters();
    assert_eq!((counters.shells.get(), counters.commands.get()), (0, 2));
    let mut lines = Vec::new();
    let mut next = 0;
    while let Some(entry) = system.journal_after(next) {
        next = entry.number + 1;
        lines.push(entry.event.to_string());
    }
    assert_eq!(
        lines[lines.len() - 3..],
        ["shell 1: from desk", "restart requested by shell 1 from desk", "shell 1: restart",]
    );
}
