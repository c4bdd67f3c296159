//! The lines entered before, newest first.

use crate::limits::{HISTORY_LINES, LINE_BYTES_MAX};

/// A line of the editor: ASCII.
pub type Line = heapless::Vec<u8, LINE_BYTES_MAX>;

/// The history, and where in it the user looks.
#[derive(Debug, Default)]
pub struct History {
    /// Newest at the front.
    lines: heapless::Deque<Line, HISTORY_LINES>,
    /// The line that is shown instead of the user's own, if one is.
    shown: Option<usize>,
    /// The user's own line, kept while an older one is shown.
    draft: Line,
}

impl History {
    /// Remembers a line, unless it is blank or the same as the last one. The oldest gives way.
    pub fn remember(&mut self, line: &Line) {
        self.shown = None;
        if line.iter().all(|&byte| byte == b' ') || self.lines.front() == Some(line) {
            return;
        }
        if self.lines.is_full() {
            self.lines.pop_back();
        }
        // Cannot fail: room was made above.
        let _ = self.lines.push_front(line.clone());
    }

    /// The user leaves the history without choosing.
    pub fn leave(&mut self) {
        self.shown = None;
    }

    /// The line before the one that is shown; `current` is what the user sees now.
    pub fn older(&mut self, current: &Line) -> Option<&Line> {
        let next = self.shown.map_or(0, |shown| shown + 1);
        let line = self.lines.iter().nth(next)?;
        if self.shown.is_none() {
            self.draft.clone_from(current);
        }
        self.shown = Some(next);
        Some(line)
    }

    /// The line after the one that is shown; after the newest comes the user's own.
    pub fn newer(&mut self) -> Option<&Line> {
        match self.shown? {
            0 => {
                self.shown = None;
                Some(&self.draft)
            }
            shown => {
                self.shown = Some(shown - 1);
                self.lines.iter().nth(shown - 1)
            }
        }
    }
}
