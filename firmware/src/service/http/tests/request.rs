//! The verdicts on heads.

use std::format;
use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

/// A verdict in one line.
fn verdict(bytes: &[u8]) -> String {
    match Head::parse(bytes) {
        Parsed::Incomplete => "incomplete".into(),
        Parsed::Refused(code) => format!("{}", code.number()),
        Parsed::Whole(head, used) => {
            let mut line = format!("{:?} {}", head.method, head.path);
            if let Some(query) = head.query {
                line += &format!(" query={query}");
            }
            for (word, is) in [
                ("1.0", head.is_http_1_0),
                ("keep-alive", head.keep_alive),
                ("expects", head.expects_continue),
            ] {
                if is {
                    line += &format!(" {word}");
                }
            }
            if head.content != Content::None {
                line += &format!(" {:?}", head.content);
            }
            if used != bytes.len() {
                line += &format!(" +{}", bytes.len() - used);
            }
            line
        }
    }
}

#[track_caller]
fn check(rows: &[(&str, &str)]) {
    for (head, expected) in rows {
        if head.len() < 1000 {
            corpus::seed("http_head", head.as_bytes());
        }
        assert_eq!(verdict(head.as_bytes()), *expected, "{head:?}");
    }
}

#[test]
fn requests() {
    check(&[
        ("", "incomplete"),
        ("GET / HTTP/1.1\r\n", "incomplete"),
        ("GET / HTTP/1.1\r\nHost: pi\r\n\r", "incomplete"),
        ("GET / HTTP/1.1\r\nHost: pi\r\n\r\n", "Get / keep-alive"),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: pi\r\n\r\n", "Get / keep-alive"),
        ("GET / HTTP/1.1\r\nHost: pi\r\n\r\nGET", "Get / keep-alive +3"),
        ("GET / HTTP/1.0\r\n\r\n", "Get / 1.0"),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "Get / 1.0 keep-alive"),
        (
            "HEAD /status.json?a=1?b HTTP/1.1\r\nhost:pi\r\n\r\n",
            "Head /status.json query=a=1?b keep-alive",
        ),
        ("GET / HTTP/1.1\r\nHost: pi\r\nConnection: close\r\n\r\n", "Get /"),
        ("GET / HTTP/1.1\r\nHost: pi\r\nConnection: TE , CLOSE, keep-alive\r\n\r\n", "Get /"),
        (
            "POST /x HTTP/1.1\r\nHost: pi\r\nContent-Length: 12\r\n\r\n",
            "Post /x keep-alive Bytes(12)",
        ),
        ("GET / HTTP/1.1\r\nHost: pi\r\nContent-Length: 0\r\n\r\n", "Get / keep-alive"),
        (
            "PUT /x HTTP/1.1\r\nHost: pi\r\nTransfer-Encoding: Chunked\r\n\
             Expect: 100-continue\r\n\r\n",
            "Put /x keep-alive expects Chunked",
        ),
        ("OPTIONS * HTTP/1.1\r\nHost: pi\r\n\r\n", "Other * keep-alive"),
        ("CONNECT pi:80 HTTP/1.1\r\nHost: pi\r\n\r\n", "Other pi:80 keep-alive"),
        ("GET http://pi/a?b HTTP/1.1\r\nHost: pi\r\n\r\n", "Get /a query=b keep-alive"),
        ("GET HTTP://pi HTTP/1.1\r\nHost: pi\r\n\r\n", "Get / keep-alive"),
        ("GET http://pi?x HTTP/1.1\r\nHost: pi\r\n\r\n", "Get / query=x keep-alive"),
    ]);
}

#[test]
fn refusals() {
    check(&[
        // Nonsense is refused at its first bad byte, without waiting for the rest.
        ("\x16\x03\x01\x02", "400"),
        ("GET / HTTP/1.1\n", "400"),
        ("GET / HTTP/1.1\rX", "400"),
        ("GET /\u{e4} HTTP", "400"),
        ("GET /\t", "400"),
        ("GET / HTTP/1.1\r\nHost: pi\0", "400"),
        ("GET / HTTP/1.1\r\nHost: pi\n\n", "400"),
        ("GET /\r\n\r\n", "400"),
        ("GET\r\n\r\n", "400"),
        ("GET  / HTTP/1.1\r\nHost: pi\r\n\r\n", "400"),
        ("GET / HTTP/1.1 \r\nHost: pi\r\n\r\n", "400"),
        ("GET x HTTP/1.1\r\nHost: pi\r\n\r\n", "400"),
        ("GET * HTTP/1.1\r\nHost: pi\r\n\r\n", "400"),
        ("GET http:///x HTTP/1.1\r\nHost: pi\r\n\r\n", "400"),
        ("GET ftp://pi/x HTTP/1.1\r\nHost: pi\r\n\r\n", "400"),
        ("GET / HTTX/1.1\r\nHost: pi\r\n\r\n", "400"),
        ("GET / HTTP/2.0\r\nHost: pi\r\n\r\n", "505"),
        ("GET / HTTP/1.2\r\nHost: pi\r\n\r\n", "505"),
        ("BREW / HTTP/1.1\r\nHost: pi\r\n\r\n", "501"),
        ("get / HTTP/1.1\r\nHost: pi\r\n\r\n", "501"),
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400"),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "400"),
        // Whitespace before the colon, a folded line, a line without a colon.
        ("GET / HTTP/1.1\r\nHost : pi\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: pi\r\n folded\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\n Host: pi\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: pi\r\nnonsense\r\n\r\n", "400"),
    ]);
}

/// Heads on whose end two machines may disagree.
#[test]
fn smuggling() {
    let with = |fields: &str| {
        let head = format!("POST / HTTP/1.1\r\nHost: pi\r\n{fields}\r\n\r\n");
        corpus::seed("http_head", head.as_bytes());
        verdict(head.as_bytes())
    };
    for fields in [
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: 3\r\nContent-Length: 3",
        "Content-Length: 3, 3",
        "Content-Length: +3",
        "Content-Length: -3",
        "Content-Length: 0x3",
        "Content-Length: 3 4",
        "Content-Length:",
        "Content-Length: 18446744073709551616",
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Content-Length : 3",
        "Transfer-Encoding\t: chunked",
    ] {
        assert_eq!(with(fields), "400", "{fields}");
    }
    assert_eq!(with("Transfer-Encoding: gzip, chunked"), "501");
    assert_eq!(with("Transfer-Encoding: xchunked"), "501");
    check(&[("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400")]);
}

#[test]
fn sizes() {
    let line = |bytes: usize| format!("GET /{} HTTP/1.1\r\n", "a".repeat(bytes - 16));
    let longest = line(HTTP_REQUEST_LINE_BYTES_MAX);
    assert!(verdict(format!("{longest}Host: pi\r\n\r\n").as_bytes()).starts_with("Get /aaa"));
    assert_eq!(verdict(line(HTTP_REQUEST_LINE_BYTES_MAX + 1).as_bytes()), "414");

    let fields =
        |count: usize| format!("GET / HTTP/1.1\r\nHost: pi\r\n{}\r\n", "A: b\r\n".repeat(count));
    assert_eq!(verdict(fields(HTTP_FIELDS_MAX - 1).as_bytes()), "Get / keep-alive");
    assert_eq!(verdict(fields(HTTP_FIELDS_MAX).as_bytes()), "431");

    let start = "GET / HTTP/1.1\r\nHost: pi\r\nX: ";
    let head = |bytes: usize| format!("{start}{}\r\n\r\n", "x".repeat(bytes - start.len() - 4));
    assert_eq!(verdict(head(HTTP_HEAD_BYTES_MAX).as_bytes()), "Get / keep-alive");
    assert_eq!(verdict(head(HTTP_HEAD_BYTES_MAX + 1).as_bytes()), "431");
    assert_eq!(verdict(&head(HTTP_HEAD_BYTES_MAX + 1).as_bytes()[..HTTP_HEAD_BYTES_MAX]), "431");
    assert_eq!(verdict("\r\n".repeat(HTTP_HEAD_BYTES_MAX).as_bytes()), "431");
}

/// Heads that are nearly right.
fn near_head() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        "GET |HEAD |POST |/|/a\\?b| HTTP/1\\.[012]|\r\n|\r\n\r\n|Host: pi\r\n|[\r\n: \t]",
        "Transfer-Encoding: chunked\r\n|Connection: (close|keep-alive)\r\n",
        "Content-Length: [0-9,]{1,4}\r\n|[a-z]{1,9}",
        "GET / HTTP/1\\.1\r\nHost: pi\r\n",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        Head::parse(&bytes);
    }

    /// However TCP cuts the stream, the first verdict that is not "incomplete" is the verdict
    /// on all of it.
    #[test]
    fn cuts_do_not_change_the_verdict(bytes in near_head()) {
        let of_all = Head::parse(&bytes);
        let first = (0..=bytes.len())
            .map(|length| Head::parse(&bytes[..length]))
            .find(|parsed| *parsed != Parsed::Incomplete)
            .unwrap_or(Parsed::Incomplete);
        prop_assert_eq!(first, of_all);
    }
}

#[test]
fn conditions() {
    let of = |fields: &str| {
        let head = format!("GET / HTTP/1.1\r\nHost: pi\r\n{fields}\r\n\r\n");
        corpus::seed("http_head", head.as_bytes());
        match Head::parse(head.as_bytes()) {
            Parsed::Whole(head, _) => format!("{:?}", head.conditions),
            other => panic!("{other:?}"),
        }
    };
    let is = |fields: &str, expected: Conditions<'_>| {
        assert_eq!(of(fields), format!("{expected:?}"), "{fields}");
    };
    let none = Conditions::default();
    is("X: y", none);
    is(
        "If-None-Match: \"a\", W/\"b\"",
        Conditions { if_none_match: Some(b"\"a\", W/\"b\""), ..none },
    );
    let part = Conditions { range: Some(b"bytes=0-1"), ..none };
    is("Range:  bytes=0-1\r\nrange: bytes=5-", part);
    is("If-Range: \"a\"", Conditions { if_range: Some(b"\"a\""), ..none });
    is("Last-Event-ID: 17", Conditions { last_event: Some(17), ..none });
    is("Last-Event-ID: x", none);
    let gzip = Conditions { takes_gzip: true, ..none };
    for value in ["gzip", "deflate, GZIP;q=0.5", "*", "x-gzip ;q=1", "identity;q=0, gzip; q=0.001"]
    {
        is(&format!("Accept-Encoding: {value}"), gzip);
    }
    for value in ["identity", "", "gzip;q=0", "gzip; q=0.000", "gzipped", "br, deflate"] {
        is(&format!("Accept-Encoding: {value}"), none);
    }
}
