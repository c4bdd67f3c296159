//! Which pages there are.

use core::fmt::{self, Write};

use crate::limits::JOURNAL_ENTRIES;

use super::Source;
use super::response::{Code, Kind, Response};
use super::text::Plain;
use super::{icon, index, status_json};

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// `/`: for people.
    Index,
    /// `/status.json`: for programs.
    Status,
    /// `/dmesg.txt`: the journal, as `dmesg` prints it.
    Journal,
    /// `/favicon.ico`.
    Icon,
}

impl Page {
    /// The page at a path.
    pub(super) fn at(path: &str) -> Option<Self> {
        match path {
            "/" => Some(Self::Index),
            "/status.json" => Some(Self::Status),
            "/dmesg.txt" => Some(Self::Journal),
            "/favicon.ico" => Some(Self::Icon),
            _ => None,
        }
    }

    /// What it consists of.
    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Index => Kind::Html,
            Self::Status => Kind::Json,
            Self::Journal => Kind::Text,
            Self::Icon => Kind::Icon,
        }
    }
}

/// Renders a page whole. The journal, which may be longer than a page, is read by
/// [`JournalReader`].
///
/// # Errors
/// [`fmt::Error`] if it does not fit.
pub(super) fn render(page: Page, source: &impl Source, out: &mut Response) -> fmt::Result {
    match page {
        Page::Index => index::write(source, out),
        Page::Status => status_json::write(source, out),
        Page::Icon => out.append(&icon::ICON),
        Page::Journal => {
            JournalReader::new().fill(source, out);
            Ok(())
        }
    }
}

/// Says what is wrong, in place of a page.
pub(super) fn error(code: Code, out: &mut Response) {
    out.clear();
    // Cannot fail: the page is empty.
    let _ = writeln!(out, "{} {}", code.number(), code.reason());
}

/// Reads the journal in parts.
pub(super) struct JournalReader {
    next: u64,
    /// Entries still to be read: what is written meanwhile does not keep a reader for ever.
    left: usize,
}

impl JournalReader {
    /// From the oldest entry on.
    pub(super) const fn new() -> Self {
        Self { next: 0, left: JOURNAL_ENTRIES }
    }

    /// Appends as many whole lines as fit; returns true if there are no more.
    pub(super) fn fill(&mut self, source: &impl Source, out: &mut Response) -> bool {
        while self.left > 0 {
            let Some(entry) = source.journal_after(self.next) else { return true };
            let line_at = out.length();
            if writeln!(out, "{}", Plain(&entry)).is_err() {
                out.truncate(line_at);
                // A line that does not even fit alone is skipped rather than tried for ever.
                if line_at > 0 {
                    return false;
                }
            }
            self.next = entry.number + 1;
            self.left -= 1;
        }
        true
    }
}
