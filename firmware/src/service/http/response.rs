//! A response, built so that it leaves in as few segments as possible: the content is rendered
//! first, the head is put in front of it once the length is known, and both are one slice.
//!
//! ```text
//!   [ ..room..  HTTP/1.1 200 OK .. \r\n\r\n | content ............ | room for a chunk's end ]
//!               ^ begins where it must       ^ CONTENT_AT
//! ```

use core::fmt::{self, Write};

use super::file::Served;
use crate::limits::{HTTP_RESPONSE_HEAD_BYTES_MAX, PAGE_BYTES_MAX};

/// Where the content begins.
const CONTENT_AT: usize = HTTP_RESPONSE_HEAD_BYTES_MAX;
/// Bytes behind the content: the end of a chunk, and the last chunk.
const TAIL: &[u8] = b"\r\n0\r\n\r\n";
/// Bytes of a chunk's length in front of it: four digits, CR and LF.
const CHUNK_SIZE_BYTES: usize = 6;

const _: () = assert!(PAGE_BYTES_MAX <= 0xFFFF, "a chunk's length has four digits");

/// Status codes (RFC 9110 15, RFC 6585 5) that we send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// 200.
    Ok,
    /// 206: the part of a file that was asked for.
    PartialContent,
    /// 303: what was asked for is done; what came of it is seen elsewhere.
    SeeOther,
    /// 304: the client has the file.
    NotModified,
    /// 400: the request is not well formed.
    BadRequest,
    /// 403: a page of another site asked for it.
    Forbidden,
    /// 404: there is no such page.
    NotFound,
    /// 405: the page is only there to be read.
    MethodNotAllowed,
    /// 408: the request did not arrive in time.
    RequestTimeout,
    /// 411: content whose length is not told beforehand.
    LengthRequired,
    /// 413: more content than we read past.
    ContentTooLarge,
    /// 414: the request line is too long.
    UriTooLong,
    /// 416: the file does not reach that far.
    RangeNotSatisfiable,
    /// 431: the head is too long, or has too many fields.
    FieldsTooLarge,
    /// 500: a page outgrew its buffer: a mistake of ours.
    InternalServerError,
    /// 501: an unknown method or transfer coding.
    NotImplemented,
    /// 503: another connection is at it.
    ServiceUnavailable,
    /// 505: neither HTTP/1.0 nor HTTP/1.1.
    VersionNotSupported,
}

impl Code {
    /// The three digits.
    pub const fn number(self) -> u16 {
        match self {
            Self::Ok => 200,
            Self::PartialContent => 206,
            Self::SeeOther => 303,
            Self::NotModified => 304,
            Self::BadRequest => 400,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::LengthRequired => 411,
            Self::ContentTooLarge => 413,
            Self::UriTooLong => 414,
            Self::RangeNotSatisfiable => 416,
            Self::FieldsTooLarge => 431,
            Self::InternalServerError => 500,
            Self::NotImplemented => 501,
            Self::ServiceUnavailable => 503,
            Self::VersionNotSupported => 505,
        }
    }

    /// The words that go with them.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::PartialContent => "Partial Content",
            Self::SeeOther => "See Other",
            Self::NotModified => "Not Modified",
            Self::BadRequest => "Bad Request",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "Not Found",
            Self::MethodNotAllowed => "Method Not Allowed",
            Self::RequestTimeout => "Request Timeout",
            Self::LengthRequired => "Length Required",
            Self::ContentTooLarge => "Content Too Large",
            Self::UriTooLong => "URI Too Long",
            Self::RangeNotSatisfiable => "Range Not Satisfiable",
            Self::FieldsTooLarge => "Request Header Fields Too Large",
            Self::InternalServerError => "Internal Server Error",
            Self::NotImplemented => "Not Implemented",
            Self::ServiceUnavailable => "Service Unavailable",
            Self::VersionNotSupported => "HTTP Version Not Supported",
        }
    }
}

/// What the content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A page for a browser.
    Html,
    /// For programs.
    Json,
    /// For a terminal.
    Text,
    /// The picture in a browser's tab; it never changes.
    Icon,
    /// Bytes of no meaning.
    Bytes,
    /// Counters for Prometheus.
    Metrics,
    /// Events for a page's script.
    Events,
    /// Captured frames.
    Frames,
    /// Of a file: how a page looks.
    Style,
    /// Of a file: what a page does. There may be none.
    #[allow(dead_code, reason = "which kinds there are depends on the files")]
    Script,
    /// Of a file: a drawing.
    #[allow(dead_code, reason = "which kinds there are depends on the files")]
    Picture,
    /// Of a file: text.
    #[allow(dead_code, reason = "which kinds there are depends on the files")]
    TextFile,
}

impl Kind {
    /// The fields that depend on it. Files may be kept, and are asked for again by their tag;
    /// everything else is of the moment.
    const fn fields(self) -> &'static str {
        match self {
            // Nothing is loaded from anywhere else, nothing runs that is not a file of ours, and
            // nobody frames the page.
            Self::Html => {
                "Content-Type: text/html; charset=utf-8\r\n\
                 Content-Security-Policy: default-src 'none'; style-src 'self'; \
                 script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; \
                 form-action 'self'; frame-ancestors 'none'\r\n"
            }
            Self::Json => "Content-Type: application/json\r\n",
            Self::Text | Self::TextFile => "Content-Type: text/plain; charset=utf-8\r\n",
            Self::Bytes => "Content-Type: application/octet-stream\r\n",
            Self::Icon => "Content-Type: image/x-icon\r\n",
            // The exposition format's own version.
            Self::Metrics => "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n",
            Self::Events => "Content-Type: text/event-stream\r\n",
            Self::Frames => "Content-Type: application/x-pcapng\r\n",
            Self::Style => "Content-Type: text/css; charset=utf-8\r\n",
            Self::Script => "Content-Type: text/javascript; charset=utf-8\r\n",
            Self::Picture => "Content-Type: image/svg+xml\r\n",
        }
    }
}

/// How the content's end is told (RFC 9112 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By its length: this is all of it.
    Length,
    /// By its length: so many bytes in all, in parts.
    Parts(u64),
    /// By a chunk of length 0.
    Chunked,
    /// By the end of the connection.
    ToTheEnd,
    /// There is none, whatever the fields say (304).
    Nothing,
}

/// A response's head.
#[derive(Clone, Debug)]
pub struct Head {
    /// The status.
    pub code: Code,
    /// What the content is.
    pub kind: Kind,
    /// How its end is told.
    pub framing: Framing,
    /// True if another request may follow.
    pub keep_alive: bool,
    /// True if the client speaks HTTP/1.0.
    pub to_http_1_0: bool,
    /// Methods besides GET and HEAD that are offered where the request went: `, PUT`.
    pub more_methods: &'static str,
    /// Where the client is to look instead.
    pub location: Option<&'static str>,
    /// The file that it is of.
    pub file: Option<Served>,
}

/// The memory a response is built in.
pub struct Response {
    bytes: [u8; CONTENT_AT + PAGE_BYTES_MAX + TAIL.len()],
    /// Bytes of content so far.
    length: usize,
}

/// Takes content. What does not fit is an error, and leaves what was there.
impl fmt::Write for Response {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.append(text.as_bytes())
    }
}

impl Response {
    /// Empty.
    pub const fn new() -> Self {
        Self { bytes: [0; CONTENT_AT + PAGE_BYTES_MAX + TAIL.len()], length: 0 }
    }

    /// Starts new content.
    pub fn clear(&mut self) {
        self.length = 0;
    }

    /// Bytes of content so far.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Forgets content from `length` on.
    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// The content so far.
    #[cfg(test)]
    pub fn content(&self) -> &[u8] {
        &self.bytes[CONTENT_AT..CONTENT_AT + self.length]
    }

    /// Appends content.
    ///
    /// # Errors
    /// [`fmt::Error`] if it does not fit.
    pub fn append(&mut self, content: &[u8]) -> fmt::Result {
        let length = self.length + content.len();
        if length > PAGE_BYTES_MAX {
            return Err(fmt::Error);
        }
        self.bytes[CONTENT_AT + self.length..CONTENT_AT + length].copy_from_slice(content);
        self.length = length;
        Ok(())
    }

    /// Appends up to `bytes` bytes of content that `build` writes in place; as many as fit. Returns
    /// how many they were.
    pub fn append_with(&mut self, bytes: u64, build: impl FnOnce(&mut [u8])) -> usize {
        let room = PAGE_BYTES_MAX - self.length;
        let taken = usize::try_from(bytes).map_or(room, |bytes| bytes.min(room));
        let at = CONTENT_AT + self.length;
        build(&mut self.bytes[at..at + taken]);
        self.length += taken;
        taken
    }

    /// Appends what `build` writes into the room that is left; it returns how many bytes that were.
    ///
    /// # Errors
    /// [`fmt::Error`] if it says that they did not fit.
    pub fn put(&mut self, build: impl FnOnce(&mut [u8]) -> Option<usize>) -> fmt::Result {
        let room = &mut self.bytes[CONTENT_AT + self.length..CONTENT_AT + PAGE_BYTES_MAX];
        let room_bytes = room.len();
        let taken = build(room).filter(|&taken| taken <= room_bytes).ok_or(fmt::Error)?;
        self.length += taken;
        Ok(())
    }

    /// Bytes of content that still fit.
    pub fn room(&self) -> usize {
        PAGE_BYTES_MAX - self.length
    }

    /// The head alone, as it answers a HEAD request.
    pub fn head(&mut self, head: &Head) -> &[u8] {
        let start = self.put_head(head, CONTENT_AT);
        &self.bytes[start..CONTENT_AT]
    }

    /// Head and content in one piece: all of it, or the first part unless it is
    /// [`Framing::Length`].
    pub fn with_head(&mut self, head: &Head, is_last: bool) -> &[u8] {
        let (start, end) = self.frame(head.framing, is_last);
        let start = self.put_head(head, start);
        &self.bytes[start..end]
    }

    /// A further part of content.
    pub fn part(&mut self, framing: Framing, is_last: bool) -> &[u8] {
        let (start, end) = self.frame(framing, is_last);
        &self.bytes[start..end]
    }

    /// Puts a chunk's marks around the content, if there are any; returns where the whole begins
    /// and ends.
    fn frame(&mut self, framing: Framing, is_last: bool) -> (usize, usize) {
        let end = CONTENT_AT + self.length;
        if framing != Framing::Chunked {
            return (CONTENT_AT, end);
        }
        // A chunk of length 0 would be the last one.
        let (start, tail) = match (self.length, is_last) {
            (0, false) => (CONTENT_AT, &TAIL[..0]),
            (0, true) => (CONTENT_AT, &TAIL[2..]),
            (_, false) => (CONTENT_AT - CHUNK_SIZE_BYTES, &TAIL[..2]),
            (_, true) => (CONTENT_AT - CHUNK_SIZE_BYTES, TAIL),
        };
        if self.length > 0 {
            let mut size = Slice { bytes: &mut self.bytes[start..CONTENT_AT], length: 0 };
            // Cannot fail: four digits and two characters, asserted above.
            let _ = write!(size, "{:04x}\r\n", self.length);
        }
        self.bytes[end..end + tail.len()].copy_from_slice(tail);
        (start, end + tail.len())
    }

    /// Puts the head so that it ends at `end`; returns where it begins.
    fn put_head(&mut self, head: &Head, end: usize) -> usize {
        let mut out = Slice { bytes: &mut self.bytes[..end], length: 0 };
        // Cannot fail: the longest head has a test that it fits.
        let _ = head.write(&mut out, self.length);
        let length = out.length;
        self.bytes.copy_within(..length, end - length);
        end - length
    }
}

impl Head {
    fn write(&self, out: &mut impl Write, length: usize) -> fmt::Result {
        write!(out, "HTTP/1.1 {} {}\r\n", self.code.number(), self.code.reason())?;
        write!(out, "Server: barewire/{}\r\n", env!("CARGO_PKG_VERSION"))?;
        // RFC 9110 15.4.5: the client knows what it is.
        if self.code != Code::NotModified {
            out.write_str(self.kind.fields())?;
        }
        match &self.file {
            Some(file) => {
                out.write_str("Cache-Control: no-cache\r\n")?;
                file.write_fields(out)?;
            }
            None if self.kind == Kind::Icon => out.write_str("Cache-Control: max-age=86400\r\n")?,
            None => out.write_str("Cache-Control: no-store\r\n")?,
        }
        match self.framing {
            Framing::Length => write!(out, "Content-Length: {length}\r\n")?,
            Framing::Parts(bytes) => write!(out, "Content-Length: {bytes}\r\n")?,
            Framing::Chunked => out.write_str("Transfer-Encoding: chunked\r\n")?,
            Framing::ToTheEnd | Framing::Nothing => {}
        }
        if !self.keep_alive {
            out.write_str("Connection: close\r\n")?;
        } else if self.to_http_1_0 {
            out.write_str("Connection: keep-alive\r\n")?;
        }
        if let Some(location) = self.location {
            write!(out, "Location: {location}\r\n")?;
        }
        if self.code == Code::MethodNotAllowed {
            write!(out, "Allow: GET, HEAD{}\r\n", self.more_methods)?;
        }
        if self.code == Code::ServiceUnavailable {
            out.write_str("Retry-After: 1\r\n")?;
        }
        // No page of another site reads or embeds any of this, or learns that it was here. Without
        // any referrer a browser would not say either that a form is of our own page.
        out.write_str(
            "X-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n\
             Cross-Origin-Resource-Policy: same-origin\r\n\r\n",
        )
    }
}

/// A slice that is written from its beginning.
struct Slice<'a> {
    bytes: &'a mut [u8],
    length: usize,
}

impl fmt::Write for Slice<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
#[path = "tests/response.rs"]
mod tests;
