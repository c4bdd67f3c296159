//! Heads, chunks, and that they fit.

use std::string::String;

use super::*;
use crate::service::http::file::{Extent, File};

const HEAD: Head = Head {
    code: Code::Ok,
    kind: Kind::Json,
    framing: Framing::Length,
    keep_alive: true,
    to_http_1_0: false,
    more_methods: "",
    location: None,
    file: None,
};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap().replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

#[test]
fn head_and_content_are_one_piece() {
    let mut response = Response::new();
    write!(response, "{{}}").unwrap();
    let head = "HTTP/1.1 200 OK\r\nServer: barewire/VERSION\r\n\
                Content-Type: application/json\r\nCache-Control: no-store\r\n\
                Content-Length: 2\r\n\
                X-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n\
                Cross-Origin-Resource-Policy: same-origin\r\n\r\n";
    assert_eq!(text(response.with_head(&HEAD, true)), std::format!("{head}{{}}"));
    assert_eq!(text(response.head(&HEAD)), head);
}

#[test]
fn chunks() {
    let mut response = Response::new();
    let head = Head { framing: Framing::Chunked, ..HEAD };
    write!(response, "one").unwrap();
    assert!(text(response.with_head(&head, false)).ends_with("\r\n\r\n0003\r\none\r\n"));
    response.clear();
    write!(response, "seventeen letters").unwrap();
    assert_eq!(
        text(response.part(Framing::Chunked, true)),
        "0011\r\nseventeen letters\r\n0\r\n\r\n"
    );
    response.clear();
    assert_eq!(text(response.part(Framing::Chunked, true)), "0\r\n\r\n");
    assert_eq!(text(response.part(Framing::Chunked, false)), "");
    assert_eq!(text(response.part(Framing::ToTheEnd, true)), "");
    assert!(text(response.with_head(&head, true)).ends_with("\r\n\r\n0\r\n\r\n"));
}

#[test]
fn content_is_whole_or_refused() {
    let mut response = Response::new();
    assert!(response.append(&[b'x'; PAGE_BYTES_MAX]).is_ok());
    assert!(response.append(b"x").is_err());
    assert_eq!(response.length(), PAGE_BYTES_MAX);
    let chunk = response.part(Framing::Chunked, true);
    assert_eq!(chunk.len(), CHUNK_SIZE_BYTES + PAGE_BYTES_MAX + TAIL.len());
    assert!(chunk.starts_with(b"3000\r\n"));
}

/// Every head there can be is shorter than its room.
#[test]
fn every_head_fits() {
    use Code::*;
    let codes = [
        Ok,
        PartialContent,
        NotModified,
        BadRequest,
        NotFound,
        MethodNotAllowed,
        RequestTimeout,
        LengthRequired,
        ContentTooLarge,
        UriTooLong,
        RangeNotSatisfiable,
        FieldsTooLarge,
        InternalServerError,
        NotImplemented,
        ServiceUnavailable,
        VersionNotSupported,
    ];
    let kinds = [
        Kind::Html,
        Kind::Json,
        Kind::Text,
        Kind::Icon,
        Kind::Bytes,
        Kind::Metrics,
        Kind::Events,
        Kind::Frames,
        Kind::Style,
        Kind::Script,
        Kind::Picture,
        Kind::TextFile,
    ];
    let framings = [
        Framing::Length,
        Framing::Parts(u64::MAX),
        Framing::Chunked,
        Framing::ToTheEnd,
        Framing::Nothing,
    ];
    let style = File::at("/style.css").unwrap();
    let part =
        Served { file: style, is_gzip: true, extent: Extent::Part(usize::MAX - 1..usize::MAX) };
    let mut response = Response::new();
    response.append(&[b'x'; PAGE_BYTES_MAX]).unwrap();
    for (code, kind) in codes.iter().flat_map(|code| kinds.iter().map(move |kind| (*code, *kind))) {
        for (framing, file) in framings.iter().flat_map(|f| [(*f, None), (*f, Some(part.clone()))])
        {
            for (keep_alive, to_http_1_0) in [(false, true), (true, true), (true, false)] {
                let head = Head {
                    code,
                    kind,
                    framing,
                    keep_alive,
                    to_http_1_0,
                    more_methods: ", POST",
                    location: Some("/lab"),
                    file: file.clone(),
                };
                let bytes = text(response.with_head(&head, true));
                assert!(bytes.starts_with("HTTP/1.1 ") && bytes.contains("same-origin\r\n\r\n"));
            }
        }
    }
}
