//! Which pages there are.

use core::fmt::{self, Write};

use crate::limits::JOURNAL_ENTRIES;

use super::Source;
use super::page::Place;
use super::response::{Code, Kind, Response};
use super::tables::{self, Form, Parts};
use super::text::{Html, Plain};
use super::{icon, index, lab, metrics, page, status_json};

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// `/status.json`: for programs.
    Status,
    /// `/lab.json`: what can be tried out, for programs.
    Lab,
    /// `/favicon.ico`.
    Icon,
}

impl Page {
    /// The page at a path.
    pub(super) fn at(path: &str) -> Option<Self> {
        match path {
            "/status.json" => Some(Self::Status),
            "/lab.json" => Some(Self::Lab),
            "/favicon.ico" => Some(Self::Icon),
            _ => None,
        }
    }

    /// What it consists of.
    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Status | Self::Lab => Kind::Json,
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
    /// `/timers.json`.
    Timers,
    /// `/`: the board, for people.
    Board,
    /// `/tables`: the tables, for people.
    Tables,
    /// `/log`: the journal, for people.
    Log,
    /// `/lab`: what can be tried out, for people.
    Lab,
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
            "/timers.json" => Some(Self::Timers),
            "/" => Some(Self::Board),
            "/tables" => Some(Self::Tables),
            "/log" => Some(Self::Log),
            lab::PATH => Some(Self::Lab),
            "/metrics" => Some(Self::Metrics),
            "/dmesg.txt" => Some(Self::Journal),
            _ => None,
        }
    }

    /// What it consists of.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Sockets | Self::Neighbors | Self::Routes | Self::Timers => Kind::Json,
            Self::Board | Self::Tables | Self::Log | Self::Lab => Kind::Html,
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
        let mut parts = Parts::after(self.written, out);
        match self.list {
            Listed::Sockets => tables::sockets(source, Form::Json, &mut parts),
            Listed::Neighbors => tables::neighbors(source, Form::Json, &mut parts),
            Listed::Routes => tables::routes(source, Form::Json, &mut parts),
            Listed::Timers => tables::timers(source, Form::Json, &mut parts),
            Listed::Tables => tables::page(source, &mut parts),
            Listed::Board => index::page(source, &mut parts),
            Listed::Lab => lab::page(source, &mut parts),
            Listed::Metrics => metrics::write(source, &mut parts),
            Listed::Journal => parts.run(|out| self.journal.fill(source, out, false)),
            Listed::Log => {
                parts.item(|out| {
                    let small = "what happened, as dmesg prints it";
                    page::begin(out, Place::Log, &"Log", &small)?;
                    out.write_str(
                        "<section><h2>Journal</h2><pre id=\"log\" tabindex=\"0\" role=\"log\" \
                         aria-label=\"Journal\">",
                    )
                });
                parts.run(|out| self.journal.fill(source, out, true));
                parts.item(|out| {
                    out.write_str("</pre></section>\n")?;
                    page::end(out, &["dmesg.txt"])
                });
            }
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
        Page::Status => status_json::write(source, out),
        Page::Lab => lab::write(source, out),
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

    /// Appends as many whole lines as fit, as text or as markup; returns true if there are no more.
    fn fill(&mut self, source: &impl Source, out: &mut Response, is_markup: bool) -> bool {
        while self.left > 0 {
            let Some(entry) = source.journal_after(self.next) else { return true };
            let line_at = out.length();
            let written = match is_markup {
                true => writeln!(out, "{}", Html(&entry)),
                false => writeln!(out, "{}", Plain(&entry)),
            };
            if written.is_err() {
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
