//! Malformed requests of every shape, each with the answer that is due: after it the connection
//! ends, and the next client is served. A row is what is sent, to the byte; `G` and `P` stand for
//! the heads that most begin with.

mod fields;
mod lengths;
mod lines;

use std::collections::BTreeSet;
use std::format;
use std::string::String;
use std::vec::Vec;

use super::*;
use crate::limits::{HTTP_FIELDS_MAX, HTTP_HEAD_BYTES_MAX, HTTP_REQUEST_LINE_BYTES_MAX};

/// A request, and the status that it is answered with.
type Row = (&'static [u8], u16);

/// A GET with a Host, ready for more fields.
const G: &str = "GET / HTTP/1.1\r\nHost: pi\r\n";
/// A POST with a Host, ready for more fields.
const P: &str = "POST / HTTP/1.1\r\nHost: pi\r\n";

/// What follows each request: answered, it would be one too many.
const SMUGGLED: &str = "GET /status.json HTTP/1.1\r\nHost: pi\r\n\r\n";

/// Tables of this many rows at least were asked for.
const ROWS_MIN: usize = 200;

/// All rows: those of the tables, and those whose sizes are limits.
fn rows() -> Vec<(Vec<u8>, u16)> {
    let tables = [lines::ROWS, lengths::ROWS, fields::ROWS];
    let mut all: Vec<_> =
        tables.concat().into_iter().map(|(bytes, code)| (bytes.to_vec(), code)).collect();
    let with = |field: &str| format!("{G}{field}\r\n\r\n").into_bytes();
    // Every byte that no field's value may hold, and that none's name may.
    for byte in (0..=0x1f).chain([0x7f]).filter(|byte| !b"\t\r\n".contains(byte)) {
        all.push(([G.as_bytes(), b"X: a", &[byte], b"b\r\n\r\n"].concat(), 400));
    }
    for byte in (0..=0xff_u8).filter(|byte| !byte.is_ascii_alphanumeric()) {
        // RFC 9110 5.6.2: a token; and the colon, which ends it.
        if !b"!#$%&'*+-.^_`|~:\r\n".contains(&byte) {
            all.push(([G.as_bytes(), b"X", &[byte], b"Y: a\r\n\r\n"].concat(), 400));
        }
    }
    all.push((
        format!("GET /{} HTTP/1.1\r\n", "a".repeat(HTTP_REQUEST_LINE_BYTES_MAX)).into(),
        414,
    ));
    all.push((format!("{}{SMUGGLED}", "a".repeat(HTTP_REQUEST_LINE_BYTES_MAX)).into(), 414));
    all.push((with(&format!("X: {}", "x".repeat(HTTP_HEAD_BYTES_MAX))), 431));
    all.push((with(&format!("{}: x", "x".repeat(HTTP_HEAD_BYTES_MAX))), 431));
    all.push((with(&"X: y\r\n".repeat(HTTP_FIELDS_MAX)), 431));
    all.push(("\r\n".repeat(HTTP_HEAD_BYTES_MAX).into(), 431));
    all
}

#[test]
fn there_are_enough_of_them() {
    let rows = rows();
    let different: BTreeSet<_> = rows.iter().map(|(bytes, _)| bytes).collect();
    assert_eq!(different.len(), rows.len(), "a row is there twice");
    let tables = lines::ROWS.len() + lengths::ROWS.len() + fields::ROWS.len();
    assert!(tables >= ROWS_MIN, "{tables} rows");
}

/// What a client hears that sends this in pieces and then closes: the statuses of the answers.
fn heard(pieces: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> (Vec<u16>, Ended) {
    let desk = desk();
    let mut client = Client::sends(pieces);
    let ended = client.meets(&desk);
    // And the next one is served, by the same counters.
    assert_eq!(fetch(&desk, &get("/favicon.ico")).code, 200);
    let answers = answers(&client.heard, false);
    let refused = answers.last().is_some_and(|answer| answer.field("Connection") == Some("close"));
    assert!(refused || answers.is_empty(), "{answers:?}");
    (answers.iter().map(|answer| answer.code).collect(), ended)
}

#[test]
fn each_is_answered_as_is_due_and_nothing_behind_it() {
    let mut wrong = Vec::new();
    for (request, code) in rows() {
        let all = [&request, SMUGGLED.as_bytes()].concat();
        // However the bytes arrive.
        for size in [all.len(), 7, 1] {
            let (codes, ended) = heard(all.chunks(size));
            if codes != [code] || !matches!(ended, Ended::Answered(_)) {
                let shown: String = String::from_utf8_lossy(&request).chars().take(200).collect();
                wrong.push(format!("{shown:?} in pieces of {size}: {codes:?}, {code} expected"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is odd, and right all the same: refusing it would be a fault of ours.
#[test]
fn what_is_only_odd_is_served() {
    for (request, code) in [
        (format!("\r\n{G}\r\n"), 200),
        (format!("{G}X:\r\n\r\n"), 200),
        (format!("{G}X:   \t y\t \r\n\r\n"), 200),
        (format!("{G}X: \u{e4}\r\n\r\n"), 200),
        (format!("{G}!#$%&'*+-.^_`|~1: y\r\n\r\n"), 200),
        (format!("{G}Content-Length: 000\r\n\r\n"), 200),
        (format!("{P}Content-Length: 0\r\n\r\n"), 405),
        (format!("{G}Connection: ,,keep-alive,\r\n\r\n"), 200),
        ("GET /?%zz&&= HTTP/1.1\r\nHost:\r\n\r\n".into(), 200),
        ("GET /%2e%2e/ HTTP/1.1\r\nHost: pi\r\n\r\n".into(), 404),
        ("GET //status.json HTTP/1.1\r\nHost: pi\r\n\r\n".into(), 404),
        ("GET /status.json/ HTTP/1.1\r\nHost: pi\r\n\r\n".into(), 404),
        ("GET http://elsewhere/ HTTP/1.1\r\nHost: pi\r\n\r\n".into(), 200),
        ("OPTIONS * HTTP/1.1\r\nHost: pi\r\n\r\n".into(), 405),
    ] {
        let answer = fetch(&desk(), &request);
        assert_eq!((answer.code, answer.field("Connection")), (code, None), "{request:?}");
    }
}
