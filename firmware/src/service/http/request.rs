//! The head of a request: bytes -> [`Head`], without I/O.
//!
//! A head is judged in two steps. [`end_of_head`] walks the bytes in order and stops at the first
//! fault or at the empty line; so the verdict does not depend on how TCP cut the stream. Only a
//! whole head goes to httparse and to the rules of RFC 9112 that decide where the next request
//! begins: those whose breach makes two machines disagree about it (request smuggling) are refused,
//! not repaired.

use crate::limits::{HTTP_FIELDS_MAX, HTTP_HEAD_BYTES_MAX, HTTP_REQUEST_LINE_BYTES_MAX};

use super::response::Code;
use super::sender::Sender;

/// What a client wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// RFC 9110 9.3.1.
    Get,
    /// RFC 9110 9.3.2: as GET, without the content.
    Head,
    /// RFC 9110 9.3.4: what follows is for the path to keep, or here: to be counted.
    Put,
    /// RFC 9110 9.3.3: what follows is for the path to deal with.
    Post,
    /// A method that exists and that no page of ours offers.
    Other,
}

/// What follows the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    None,
    /// This many bytes.
    Bytes(u64),
    /// Chunks, up to one of length 0.
    Chunked,
}

/// A request, as far as it is told before its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// The method.
    pub method: Method,
    /// The path, as it was sent: never empty, not decoded.
    pub path: &'a str,
    /// What follows the first `?`, as it was sent.
    pub query: Option<&'a str>,
    /// True for HTTP/1.0, which knows no chunks.
    pub is_http_1_0: bool,
    /// True if the client leaves the connection open for another request.
    pub keep_alive: bool,
    /// What follows.
    pub content: Content,
    /// True if the client waits for a word from us before it sends content (RFC 9110 10.1.1).
    pub expects_continue: bool,
    /// What it knows and wants of a representation.
    pub conditions: Conditions<'a>,
    /// Who sent it.
    pub sender: Sender<'a>,
}

/// What a client has of a representation already, and how it wants it (RFC 9110 12.5.3, 13.1,
/// 14.2); as it was sent, `None` or false if it was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions<'a> {
    /// `If-None-Match`: the tags of what it has.
    pub if_none_match: Option<&'a [u8]>,
    /// `Range`: the part that it wants.
    pub range: Option<&'a [u8]>,
    /// `If-Range`: the tag of what it has a part of.
    pub if_range: Option<&'a [u8]>,
    /// `Accept-Encoding` takes gzip.
    pub takes_gzip: bool,
    /// `Last-Event-ID` (WHATWG HTML 9.2): the last event that it saw.
    pub last_event: Option<u64>,
}

/// What the bytes so far amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// The beginning of a head; more is to come.
    Incomplete,
    /// A head, and the number of bytes it took.
    Whole(Head<'a>, usize),
    /// No request of ours; the answer to it, after which the connection must end.
    Refused(Code),
}

impl<'a> Head<'a> {
    /// Reads a head from the beginning of `bytes`. Total: any bytes have an answer, and never
    /// [`Parsed::Incomplete`] for [`HTTP_HEAD_BYTES_MAX`] bytes or more.
    pub fn parse(bytes: &'a [u8]) -> Parsed<'a> {
        let (start, end) = match end_of_head(bytes) {
            Ok(Some(range)) => range,
            Ok(None) => return Parsed::Incomplete,
            Err(code) => return Parsed::Refused(code),
        };
        match Self::parse_whole(bytes.get(start..end).unwrap_or_default()) {
            Ok(head) => Parsed::Whole(head, end),
            Err(code) => Parsed::Refused(code),
        }
    }

    fn parse_whole(head: &'a [u8]) -> Result<Self, Code> {
        let mut fields = [httparse::EMPTY_HEADER; HTTP_FIELDS_MAX];
        let mut request = httparse::Request::new(&mut fields);
        match request.parse(head) {
            Ok(httparse::Status::Complete(used)) if used == head.len() => {}
            // The end of the head is where we found it, or it is no head.
            Ok(_) => return Err(Code::BadRequest),
            Err(httparse::Error::TooManyHeaders) => return Err(Code::FieldsTooLarge),
            Err(httparse::Error::Version) if names_a_version(head) => {
                return Err(Code::VersionNotSupported);
            }
            Err(_) => return Err(Code::BadRequest),
        }
        let is_http_1_0 = request.version == Some(0);
        let method = request.method.unwrap_or_default();
        let target = request.path.unwrap_or_default();
        let fields = Fields::collect(request.headers)?;

        // RFC 9112 3.2: HTTP/1.1 requires Host, and nobody may send two.
        if fields.hosts > 1 || (fields.hosts == 0 && !is_http_1_0) {
            return Err(Code::BadRequest);
        }
        let content = match (fields.length, fields.is_chunked) {
            // RFC 9112 6.1: a sign of smuggling, and unknown to HTTP/1.0.
            (Some(_), true) => return Err(Code::BadRequest),
            (None, true) if is_http_1_0 => return Err(Code::BadRequest),
            (None, true) => Content::Chunked,
            (None | Some(0), false) => Content::None,
            (Some(bytes), false) => Content::Bytes(bytes),
        };
        let method = match method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "PUT" => Method::Put,
            "POST" => Method::Post,
            "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PATCH" => Method::Other,
            _ => return Err(Code::NotImplemented),
        };
        let (path, query) = split_target(method, target).ok_or(Code::BadRequest)?;
        Ok(Self {
            method,
            path,
            query,
            is_http_1_0,
            // RFC 9112 9.3: close wins over everything; HTTP/1.0 has to ask for keep-alive.
            keep_alive: !fields.close && (fields.keep_alive || !is_http_1_0),
            content,
            expects_continue: fields.expects_continue,
            conditions: fields.conditions,
            sender: fields.sender,
        })
    }
}

/// Finds where the head begins (after empty lines, RFC 9112 2.2) and ends (after the empty line),
/// or what is wrong with it. `Ok(None)`: so far so good.
///
/// The first fault in the order of the bytes decides, whatever comes after it; so more bytes never
/// change a verdict.
fn end_of_head(bytes: &[u8]) -> Result<Option<(usize, usize)>, Code> {
    let mut start = 0;
    let mut line_start = 0;
    let mut in_request_line = true;
    for (at, &byte) in bytes.iter().enumerate() {
        if at >= HTTP_HEAD_BYTES_MAX {
            return Err(Code::FieldsTooLarge);
        }
        if in_request_line && at - start >= HTTP_REQUEST_LINE_BYTES_MAX {
            return Err(Code::UriTooLong);
        }
        let after_carriage_return = at > line_start && bytes.get(at - 1) == Some(&b'\r');
        match byte {
            b'\n' if after_carriage_return => {
                let line_is_empty = at - line_start == 1;
                line_start = at + 1;
                match (in_request_line, line_is_empty) {
                    (true, true) => start = line_start,
                    (true, false) => in_request_line = false,
                    (false, true) => return Ok(Some((start, line_start))),
                    (false, false) => {}
                }
            }
            // A bare LF or CR ends a line for some machines and not for others (RFC 9112 2.2).
            _ if byte == b'\n' || after_carriage_return => return Err(Code::BadRequest),
            b'\r' => {}
            // Text of the request line is ASCII; field values may hold tabs and what lies above
            // ASCII.
            b' '..=b'~' => {}
            b'\t' | 0x80..=0xFF if !in_request_line => {}
            _ => return Err(Code::BadRequest),
        }
    }
    // The limit holds for the next byte too: a head of that size is not waited for.
    if bytes.len() >= HTTP_HEAD_BYTES_MAX { Err(Code::FieldsTooLarge) } else { Ok(None) }
}

/// True if the request line has three parts, of which the last is a well-formed version, such as
/// `HTTP/2.0`.
fn names_a_version(head: &[u8]) -> bool {
    let line = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let mut parts = line.split(|&byte| byte == b' ');
    let version = parts.nth(2).unwrap_or_default();
    let is_last = parts.next().is_none();
    is_last && matches!(version, [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'])
}

/// The path and query of a request target (RFC 9112 3.2); `None` if it has none of its forms.
fn split_target(method: Method, target: &str) -> Option<(&str, Option<&str>)> {
    let origin = if target.starts_with('/') || method == Method::Other {
        // `*` and the authority of CONNECT are for methods that we answer with 405 whatever the
        // path.
        target
    } else {
        // The absolute form, which proxies use: http://host/path.
        let scheme = target.get(..7)?;
        let rest = target.get(7..).filter(|_| scheme.eq_ignore_ascii_case("http://"))?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        if end == 0 {
            return None;
        }
        rest.get(end..)?
    };
    let (path, query) = match origin.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (origin, None),
    };
    Some((if path.is_empty() { "/" } else { path }, query))
}

/// The fields that matter here.
#[derive(Default)]
struct Fields<'a> {
    hosts: usize,
    length: Option<u64>,
    is_chunked: bool,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
    conditions: Conditions<'a>,
    sender: Sender<'a>,
}

impl<'a> Fields<'a> {
    fn collect(fields: &[httparse::Header<'a>]) -> Result<Self, Code> {
        let mut all = Self::default();
        for field in fields {
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            if is("host") {
                all.hosts += 1;
                all.sender.host = field.value.trim_ascii();
            } else if is("origin") {
                all.sender.origin = Some(field.value.trim_ascii());
            } else if is("sec-fetch-site") {
                all.sender.fetch_site = Some(field.value.trim_ascii());
            } else if is("content-length") {
                // RFC 9112 6.3 would let equal lengths pass; nobody honest sends two.
                let length = decimal(field.value).filter(|_| all.length.is_none());
                all.length = Some(length.ok_or(Code::BadRequest)?);
            } else if is("transfer-encoding") {
                if all.is_chunked {
                    return Err(Code::BadRequest);
                }
                if !field.value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                    return Err(Code::NotImplemented);
                }
                all.is_chunked = true;
            } else if is("connection") {
                for token in field.value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                    all.close |= token.eq_ignore_ascii_case(b"close");
                    all.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
                }
            } else if is("expect") {
                all.expects_continue |=
                    field.value.trim_ascii().eq_ignore_ascii_case(b"100-continue");
            } else {
                all.conditions.note(field.name, field.value);
            }
        }
        Ok(all)
    }
}

impl<'a> Conditions<'a> {
    /// Takes a field in, if it is one of these. Of two with the same name the first is heard: they
    /// only choose between forms of an answer that is right in any case.
    fn note(&mut self, name: &str, value: &'a [u8]) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let keep = |place: &mut Option<&'a [u8]>| *place = place.or(Some(value.trim_ascii()));
        if is("if-none-match") {
            keep(&mut self.if_none_match);
        } else if is("range") {
            keep(&mut self.range);
        } else if is("if-range") {
            keep(&mut self.if_range);
        } else if is("accept-encoding") {
            self.takes_gzip |= takes_gzip(value);
        } else if is("last-event-id") {
            self.last_event = self.last_event.or(decimal(value));
        }
    }
}

/// True if an `Accept-Encoding` names gzip, or anything, with a weight that is not 0.
fn takes_gzip(value: &[u8]) -> bool {
    value.split(|&byte| byte == b',').any(|choice| {
        let mut parts = choice.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let coding = parts.next().unwrap_or_default();
        let is_gzip = [b"gzip".as_slice(), b"x-gzip", b"*"]
            .iter()
            .any(|known| coding.eq_ignore_ascii_case(known));
        let is_refused = parts.any(|part| {
            let weight = part.strip_prefix(b"q=").or(part.strip_prefix(b"Q="));
            weight.is_some_and(|weight| weight.iter().all(|byte| matches!(byte, b'0' | b'.')))
        });
        is_gzip && !is_refused
    })
}

/// A number in digits and nothing else: no sign, no list, no overflow.
pub(super) fn decimal(value: &[u8]) -> Option<u64> {
    let value = value.trim_ascii();
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    core::str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()
}

#[cfg(test)]
#[path = "tests/request.rs"]
mod tests;
