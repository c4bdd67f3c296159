//! Which pages there are.

use core::fmt::{self, Write};

use crate::limits::JOURNAL_ENTRIES;

use super::Source;
use super::response::{Code, Kind, Response};
use super::tables::{self, Parts};
use super::text::Plain;
use super::{icon, index, metrics, status_json};

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// `/`: for people.
    Index,
    /// `/status.json`: for programs.
    Status,
    /// `/favicon.ico`.
    Icon,
}

impl Page {
    /// The page at a path.
    pub(super) fn at(path: &str) -> Option<Self> {
        match path {
            "/" => Some(Self::Index),
            "/status.json" => Some(Self::Status),
            "/favicon.ico" => Some(Self::Icon),
            _ => None,
        }
    }

    /// What it consists of.
    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Index => Kind::Html,
            Self::Status => Kind::Json,
            Self::Icon => Kind::Icon,
        }
    }
}

/// A document that may be longer than a page, and is written in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// `/sockets.json`.
    Sockets,
    /// `/neighbors.json`.
    Neighbors,
    /// `/routes.json`.
    Routes,
    /// `/metrics`: for Prometheus.
    Metrics,
    /// `/dmesg.txt`: the journal, as `dmesg` prints it.
    Journal,
}

impl Listed {
    /// The document at a path.
    pub fn at(path: &str) -> Option<Self> {
        match path {
            "/sockets.json" => Some(Self::Sockets),
            "/neighbors.json" => Some(Self::Neighbors),
            "/routes.json" => Some(Self::Routes),
            "/metrics" => Some(Self::Metrics),
            "/dmesg.txt" => Some(Self::Journal),
            _ => None,
        }
    }

    /// What it consists of.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Sockets | Self::Neighbors | Self::Routes => Kind::Json,
            Self::Metrics => Kind::Metrics,
            Self::Journal => Kind::Text,
        }
    }
}

/// Writes a document in parts.
pub(super) struct Reader {
    list: Listed,
    journal: JournalReader,
    /// Items that are written.
    written: usize,
}

impl Reader {
    /// From the beginning.
    pub const fn new(list: Listed) -> Self {
        Self { list, journal: JournalReader::new(), written: 0 }
    }

    /// Appends as many whole items as fit; returns true if there are no more.
    pub fn fill(&mut self, source: &impl Source, out: &mut Response) -> bool {
        if self.list == Listed::Journal {
            return self.journal.fill(source, out);
        }
        let mut parts = Parts::after(self.written, out);
        match self.list {
            Listed::Sockets => tables::sockets(source, &mut parts),
            Listed::Neighbors => tables::neighbors(source, &mut parts),
            Listed::Routes => tables::routes(source, &mut parts),
            Listed::Metrics => metrics::write(source, &mut parts),
            Listed::Journal => {}
        }
        self.written = parts.written();
        parts.is_done()
    }
}

/// Renders a page whole.
///
/// # Errors
/// [`fmt::Error`] if it does not fit.
pub(super) fn render(page: Page, source: &impl Source, out: &mut Response) -> fmt::Result {
    match page {
        Page::Index => index::write(source, out),
        Page::Status => status_json::write(source, out),
        Page::Icon => out.append(&icon::ICON),
    }
}

/// Says what is wrong, in place of a page.
pub(super) fn error(code: Code, out: &mut Response) {
    out.clear();
    // Cannot fail: the page is empty.
    let _ = writeln!(out, "{} {}", code.number(), code.reason());
}

/// Reads the journal in parts.
struct JournalReader {
    next: u64,
    /// Entries still to be read: what is written meanwhile does not keep a reader for ever.
    left: usize,
}

impl JournalReader {
    /// From the oldest entry on.
    const fn new() -> Self {
        Self { next: 0, left: JOURNAL_ENTRIES }
    }

    /// Appends as many whole lines as fit; returns true if there are no more.
    fn fill(&mut self, source: &impl Source, out: &mut Response) -> bool {
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
