//! The line editor: bytes of a terminal in; edits, echo and events out. No I/O of its own.
//!
//! ```text
//!   columns ----------------------------------------->
//!   barewire$ ifconfig et_
//!   [ prompt ][ window of the line           ][ spare ]
//! ```
//!
//! The line stays on one row: what does not fit scrolls sideways under a window, because a
//! terminal's own wrapping cannot be undone by moving left. The last column stays free, as
//! terminals disagree on where the cursor is after a character was written there. Each edit
//! rewrites only what changed: a character appended costs one byte.
//!
//! Lines are ASCII: host names, addresses and options are, and so a byte is a column. Any other
//! character rings the bell and is not taken.

mod history;
mod keys;
#[cfg(test)]
mod tests;

use core::fmt;

use self::history::{History, Line};
use self::keys::{Key, Keys};
use super::terminal::Screen;
use crate::Text;
use crate::limits::{HOSTNAME_BYTES_MAX, LINE_BYTES_MAX};

/// Bytes of the longest prompt: a host name and `$ `.
pub const PROMPT_BYTES_MAX: usize = HOSTNAME_BYTES_MAX + 2;

/// Bytes of echo that one byte of input, or one redraw, can cost at most: the prompt, the window
/// twice (a completion inserts a name, then a blank), and the control sequences around them.
pub const ECHO_BYTES_MAX: usize = PROMPT_BYTES_MAX + 2 * LINE_BYTES_MAX + 64;

/// Columns of the line's window on terminals that are too narrow for prompt and line; these wrap.
const WINDOW_COLUMNS_MIN: usize = 8;

/// Moves of up to this many columns are written as backspaces or as the characters themselves,
/// which is shorter than a control sequence.
const STEP_COLUMNS_MAX: usize = 3;

/// What a byte brought about, beyond the edit.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A line was entered; the terminal's cursor is at the start of the next row.
    Line(&'a str),
    /// Ctrl-C: the line is given up.
    Interrupt,
    /// Ctrl-D on an empty line.
    EndOfFile,
    /// Tab: what is left of the cursor is to be completed, by [`LineEditor::complete`] or by a list
    /// of choices.
    Complete,
}

/// What stands on the terminal, right of the prompt.
#[derive(Clone, Copy, Debug, Default)]
struct Drawn {
    /// Index of the line's character in the window's first column.
    start: usize,
    /// Characters shown.
    shown: usize,
    /// The cursor's column within the window.
    column: usize,
}

/// The editor.
#[derive(Debug)]
pub struct LineEditor {
    prompt: Text<PROMPT_BYTES_MAX>,
    keys: Keys,
    line: Line,
    cursor: usize,
    entered: Line,
    /// What was deleted last as a whole, for Ctrl-Y.
    killed: Line,
    history: History,
    screen: Screen,
    drawn: Drawn,
}

impl LineEditor {
    /// An empty line after `prompt`.
    pub fn new(prompt: &str, screen: Screen) -> Self {
        Self {
            prompt: Text::from(prompt),
            keys: Keys::default(),
            line: Line::new(),
            cursor: 0,
            entered: Line::new(),
            killed: Line::new(),
            history: History::default(),
            screen,
            drawn: Drawn::default(),
        }
    }

    /// The line as it stands.
    pub fn line(&self) -> &str {
        text(&self.line)
    }

    /// The cursor: the number of characters left of it.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The screen as it was last told.
    pub fn screen(&self) -> Screen {
        self.screen
    }

    /// The line left of the cursor.
    pub fn before_cursor(&self) -> &str {
        text(&self.line[..self.cursor])
    }

    /// Writes prompt and line; the terminal's cursor stands at the start of an empty row.
    pub fn draw(&mut self, echo: &mut impl fmt::Write) {
        put(echo, &self.prompt);
        self.drawn = Drawn::default();
        if self.screen.tab {
            // The client shows what it edits, but not what came back completed.
            put(echo, text(&self.line));
        }
        self.refresh(0, echo);
    }

    /// Takes prompt and line from the terminal, so that something else can be written in their
    /// place.
    pub fn erase(&mut self, echo: &mut impl fmt::Write) {
        put(echo, "\r\x1b[K");
        self.drawn = Drawn::default();
    }

    /// The terminal changed its size or who echoes. The line is drawn anew if it must be.
    pub fn set_screen(&mut self, screen: Screen, echo: &mut impl fmt::Write) {
        if core::mem::replace(&mut self.screen, screen) != screen && !self.line.is_empty() {
            self.erase(echo);
            self.draw(echo);
        }
    }

    /// Takes one byte. At most [`ECHO_BYTES_MAX`] bytes are written to `echo`.
    pub fn feed(&mut self, byte: u8, echo: &mut impl fmt::Write) -> Option<Event<'_>> {
        match self.keys.feed(byte)? {
            Key::Character(character) => self.insert(&[character], echo),
            Key::Backspace => self.delete(self.cursor.saturating_sub(1)..self.cursor, echo),
            Key::Delete => self.delete(self.cursor..self.cursor + 1, echo),
            Key::KillToStart => self.kill(0..self.cursor, echo),
            Key::KillToEnd => self.kill(self.cursor..self.line.len(), echo),
            Key::KillWord => self.kill(self.word_left()..self.cursor, echo),
            Key::KillWordRight => self.kill(self.cursor..self.word_right(), echo),
            Key::Yank => {
                let killed = self.killed.clone();
                self.insert(&killed, echo);
            }
            Key::Transpose => self.transpose(echo),
            Key::Home => self.go(0, echo),
            Key::End => self.go(self.line.len(), echo),
            Key::Left => self.go(self.cursor.saturating_sub(1), echo),
            Key::Right => self.go(self.cursor + 1, echo),
            Key::WordLeft => self.go(self.word_left(), echo),
            Key::WordRight => self.go(self.word_right(), echo),
            Key::Up => {
                let line = self.history.older(&self.line).cloned();
                self.replace(line, echo);
            }
            Key::Down => {
                let line = self.history.newer().cloned();
                self.replace(line, echo);
            }
            Key::ClearScreen => {
                if self.screen.echo {
                    put(echo, "\x1b[H\x1b[2J");
                    self.draw(echo);
                }
            }
            Key::Unknown => self.bell(echo),
            Key::Enter => {
                self.newline(echo);
                self.history.remember(&self.line);
                self.entered = self.take();
                return Some(Event::Line(text(&self.entered)));
            }
            Key::Interrupt => {
                self.go(self.line.len(), echo);
                if self.screen.echo && self.drawn.column + 2 <= self.width() {
                    put(echo, "^C");
                }
                self.newline(echo);
                self.history.leave();
                self.take();
                return Some(Event::Interrupt);
            }
            Key::DeleteOrEnd if self.line.is_empty() => return Some(Event::EndOfFile),
            Key::DeleteOrEnd => self.delete(self.cursor..self.cursor + 1, echo),
            // Who edits before it sends had Tab for a blank.
            Key::Complete if !self.is_shown() => self.insert(b" ", echo),
            Key::Complete => return Some(Event::Complete),
        }
        None
    }

    /// Leaves the row, from wherever in the line the cursor is.
    fn newline(&mut self, echo: &mut impl fmt::Write) {
        self.go(self.line.len(), echo);
        if self.screen.echo {
            put(echo, "\r\n");
        }
        self.drawn = Drawn::default();
    }

    /// The line; an empty one is left.
    fn take(&mut self) -> Line {
        self.cursor = 0;
        core::mem::take(&mut self.line)
    }

    /// Inserts ASCII characters at the cursor; any others ring the bell.
    fn insert(&mut self, characters: &[u8], echo: &mut impl fmt::Write) {
        if !characters.is_ascii() || self.line.len() + characters.len() > LINE_BYTES_MAX {
            return self.bell(echo);
        }
        let at = self.cursor;
        // Cannot fail: the length was checked above.
        let _ = self.line.extend_from_slice(characters);
        self.line[at..].rotate_right(characters.len());
        self.cursor += characters.len();
        self.refresh(at, echo);
    }

    /// Deletes a range, which may reach beyond the line's end. An empty one rings the bell.
    fn delete(&mut self, range: core::ops::Range<usize>, echo: &mut impl fmt::Write) {
        let end = range.end.min(self.line.len());
        if range.start >= end {
            return self.bell(echo);
        }
        self.line.copy_within(end.., range.start);
        self.line.truncate(self.line.len() - (end - range.start));
        self.cursor = range.start;
        self.refresh(range.start, echo);
    }

    /// Deletes a range, and keeps it for Ctrl-Y.
    fn kill(&mut self, range: core::ops::Range<usize>, echo: &mut impl fmt::Write) {
        if let Some(killed @ [_, ..]) = self.line.get(range.clone()) {
            // Cannot fail: a part of a line fits into a line.
            self.killed = Line::from_slice(killed).unwrap_or_default();
        }
        self.delete(range, echo);
    }

    /// Swaps the characters around the cursor, or the last two at the end of the line.
    fn transpose(&mut self, echo: &mut impl fmt::Write) {
        if self.cursor == 0 || self.line.len() < 2 {
            return self.bell(echo);
        }
        let right = self.cursor.min(self.line.len() - 1);
        self.line.swap(right - 1, right);
        self.cursor = right + 1;
        self.refresh(right - 1, echo);
    }

    /// Moves the cursor, no further than the line's end.
    fn go(&mut self, to: usize, echo: &mut impl fmt::Write) {
        self.cursor = to.min(self.line.len());
        self.refresh(self.line.len(), echo);
    }

    /// Puts another line in place of this one; `None` rings the bell.
    fn replace(&mut self, line: Option<Line>, echo: &mut impl fmt::Write) {
        let Some(line) = line else { return self.bell(echo) };
        let same = common_prefix(&self.line, &line);
        self.line = line;
        self.cursor = self.line.len();
        self.refresh(same, echo);
    }

    /// The start of the word left of the cursor; words are separated by blanks.
    fn word_left(&self) -> usize {
        let left = &self.line[..self.cursor];
        let end = left.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
        left[..end].iter().rposition(|&byte| byte == b' ').map_or(0, |blank| blank + 1)
    }

    /// The end of the word right of the cursor.
    fn word_right(&self) -> usize {
        let find = |from: usize, blank: bool| {
            let rest = &self.line[from..];
            rest.iter()
                .position(|&byte| (byte == b' ') == blank)
                .map_or(self.line.len(), |n| from + n)
        };
        find(find(self.cursor, false), true)
    }

    /// Inserts what completes a word, and a blank behind it if the word is whole.
    pub fn complete(&mut self, rest: &str, is_whole: bool, echo: &mut impl fmt::Write) {
        self.insert(rest.as_bytes(), echo);
        if is_whole && self.line.get(self.cursor) != Some(&b' ') {
            self.insert(b" ", echo);
        }
        if self.screen.tab {
            self.erase(echo);
            self.draw(echo);
        }
    }

    /// Leaves the row, so that something can be written below it; line and cursor stay as they are,
    /// for [`LineEditor::draw`].
    pub fn leave(&mut self, echo: &mut impl fmt::Write) {
        let cursor = self.cursor;
        self.newline(echo);
        self.cursor = cursor;
        if self.screen.tab && !self.screen.echo {
            put(echo, "\r\n");
        }
    }

    /// Rings the bell.
    pub fn bell(&self, echo: &mut impl fmt::Write) {
        if self.is_shown() {
            put(echo, "\x07");
        }
    }

    /// True if the user sees at once what we make of a key.
    fn is_shown(&self) -> bool {
        self.screen.echo || self.screen.tab
    }

    /// Columns of the window.
    fn width(&self) -> usize {
        let columns = usize::from(self.screen.columns);
        columns.saturating_sub(self.prompt.len() + 1).max(WINDOW_COLUMNS_MIN)
    }

    /// Brings the terminal up to date: the line changed from index `changed` on, or only the cursor
    /// moved.
    fn refresh(&mut self, changed: usize, echo: &mut impl fmt::Write) {
        if !self.screen.echo {
            return;
        }
        let width = self.width();
        let old = self.drawn;
        let start = window_start(old.start, width, self.line.len(), self.cursor);
        let window = &self.line[start..self.line.len().min(start + width)];
        let surplus = old.shown.saturating_sub(window.len());

        let from = if start == old.start { changed.saturating_sub(start) } else { 0 };
        let from = from.min(window.len());
        let mut column = old.column;
        if from < window.len() || surplus > 0 {
            step(window, column, from, echo);
            put(echo, text(&window[from..]));
            column = window.len();
            match surplus {
                0 => {}
                1 => put(echo, " \x08"),
                _ => put(echo, "\x1b[K"),
            }
        }
        step(window, column, self.cursor - start, echo);
        self.drawn = Drawn { start, shown: window.len(), column: self.cursor - start };
    }
}

/// Where the window begins, so that the cursor is within it. It moves by half its width, so that
/// typing beyond its edge does not rewrite it each time.
fn window_start(start: usize, width: usize, len: usize, cursor: usize) -> usize {
    if len <= width {
        0
    } else if cursor < start || cursor > start + width {
        cursor.saturating_sub(width / 2)
    } else {
        start
    }
}

/// Moves the terminal's cursor from one column of the window to another.
fn step(window: &[u8], from: usize, to: usize, echo: &mut impl fmt::Write) {
    // Writing to a bounded text never fails: see `put`.
    let _ = match (from.saturating_sub(to), to.saturating_sub(from)) {
        (0, 0) => Ok(()),
        (left @ 1..=STEP_COLUMNS_MAX, _) => echo.write_str(&"\x08\x08\x08"[..left]),
        (0, right) => match window.get(from..to) {
            Some(passed) if right <= STEP_COLUMNS_MAX => echo.write_str(text(passed)),
            _ => write!(echo, "\x1b[{right}C"),
        },
        (left, _) => write!(echo, "\x1b[{left}D"),
    };
}

/// How many bytes two lines begin with in common.
fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

/// A line as text; lines are ASCII.
fn text(line: &[u8]) -> &str {
    core::str::from_utf8(line).unwrap_or_default()
}

/// Writes echo. The texts it goes to have room for [`ECHO_BYTES_MAX`] and never fail.
fn put(echo: &mut impl fmt::Write, s: &str) {
    let _ = echo.write_str(s);
}
