//! What is where: a request's head -> [`Work`], without I/O.

use super::bytes::{self, Wanted};
use super::file::{File, Served};
use super::frames;
use super::lab;
use super::pages::{Listed, Page};
use super::request::{Head, Method};
use super::response::Code;

/// What is to be done about a request.
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "there is no heap, and one of them a worker")]
pub(super) enum Work {
    /// To answer with a page, or with the reason why there is none.
    Answer(Result<Page, Code>),
    /// To answer with a document that is written in parts.
    List(Listed),
    /// To answer with a file, or with a part of it.
    File(Served),
    /// To send bytes.
    Send(Wanted),
    /// To take bytes.
    Take,
    /// To take the Lab page's form.
    Turn,
    /// To tell what happens, from this entry of the journal on.
    Events(u64),
    /// To tell the visitor's own frames: people, or programs.
    Life {
        /// People.
        is_page: bool,
    },
    /// To send the frames that pass.
    Frames(frames::Wanted),
}

impl Work {
    /// What a head asks for.
    pub fn of(head: &Head<'_>) -> Self {
        if head.method == Method::Put && head.path == bytes::PATH {
            return Self::Take;
        }
        if head.method == Method::Post && head.path == lab::PATH {
            return match head.sender.is_trusted() {
                true => Self::Turn,
                false => Self::Answer(Err(Code::Forbidden)),
            };
        }
        match head.method {
            Method::Get | Method::Head => Self::at(head),
            // RFC 9110 15.5.6: of a path that is there; else it is not found.
            Method::Put | Method::Post | Method::Other => Self::Answer(Err(Code::MethodNotAllowed)),
        }
    }

    fn at(head: &Head<'_>) -> Self {
        let refused = |code| Self::Answer(Err(code));
        if let Some(file) = File::at(head.path) {
            let is_get = head.method == Method::Get;
            return Self::File(Served::of(file, &head.conditions, is_get));
        }
        if let Some(page) = Page::at(head.path) {
            return Self::Answer(Ok(page));
        }
        if let Some(list) = Listed::at(head.path) {
            return Self::List(list);
        }
        match head.path {
            bytes::PATH => Wanted::parse(head.query).map_or_else(refused, Self::Send),
            "/events" => {
                let last = head.conditions.last_event;
                Self::Events(last.map_or(0, |last| last.saturating_add(1)))
            }
            "/life" => Self::Life { is_page: true },
            "/life.json" => Self::Life { is_page: false },
            "/pcap" => frames::Wanted::live(head.query).map_or_else(refused, Self::Frames),
            "/pcap/ring" => frames::Wanted::ring(head.query).map_or_else(refused, Self::Frames),
            _ => refused(Code::NotFound),
        }
    }

    /// Methods that are offered besides GET and HEAD.
    pub fn more_methods(path: &str) -> &'static str {
        match path {
            bytes::PATH => ", PUT",
            lab::PATH => ", POST",
            _ => "",
        }
    }
}
