//! Requests in a row, content, refusals, deadlines.

use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::limits::{HTTP_CONTENT_BYTES_MAX, HTTP_HEAD_BYTES_MAX};

#[test]
fn requests_in_a_row() {
    let desk = desk();
    let three = [get("/"), get("/nothing"), get("/status.json")].concat();
    let mut client = Client::sends([three.clone()]);
    client.meets(&desk);
    let codes = |heard: &[u8]| answers(heard, false).iter().map(|a| a.code).collect::<Vec<_>>();
    assert_eq!(codes(&client.heard), [200, 404, 200]);
    assert_eq!(desk.counters.http_requests.get(), 3);
    assert_eq!(desk.counters.http_errors.get(), 1);
    // However the bytes arrive, the answers are the same.
    for size in [1, 2, 3, 17, three.len() - 1] {
        let desk = self::desk();
        let mut again = Client::sends(three.as_bytes().chunks(size));
        again.meets(&desk);
        assert_eq!(again.heard, client.heard, "pieces of {size}");
    }
}

#[test]
fn the_connection_is_kept_or_closed_as_asked() {
    let close = "GET / HTTP/1.1\r\nHost: pi\r\nConnection: close\r\n\r\n";
    let old = "GET / HTTP/1.0\r\n\r\n";
    for request in [close, old] {
        // The client stays, and what it sends after that is not looked at.
        let mut client = Client::sends([request.to_string(), get("/")]).and_stays();
        assert_eq!(client.meets(&desk()), Ended::Answered("closed after the answer"));
        let answers = answers(&client.heard, false);
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].field("Connection"), Some("close"));
        assert_eq!(client.writes, 1);
    }
    let kept = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    let mut client = Client::sends([kept, kept]).and_stays();
    assert_eq!(client.meets(&desk()), Ended::Answered("idle"));
    let answers = answers(&client.heard, false);
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0].field("Connection"), Some("keep-alive"));
    assert_eq!(fetch(&desk(), &get("/")).field("Connection"), None);
}

#[test]
fn content_is_read_past_and_never_taken_for_a_request() {
    let smuggled = get("/status.json");
    let post = format!("POST / HTTP/1.1\r\nHost: pi\r\nContent-Length: {}\r\n\r\n", smuggled.len());
    let all = format!("{post}{smuggled}{}", get("/"));
    for size in [1, 10, 100, all.len()] {
        let mut client = Client::sends(all.as_bytes().chunks(size));
        client.meets(&desk());
        let answers = answers(&client.heard, false);
        let codes: Vec<_> = answers.iter().map(|answer| answer.code).collect();
        assert_eq!(codes, [405, 200], "pieces of {size}");
        assert_eq!(answers[0].field("Allow"), Some("GET, HEAD"));
        assert_eq!(answers[1].field("Content-Type"), Some("text/html; charset=utf-8"));
    }
    // More content than the buffer holds.
    let long = 3 * HTTP_HEAD_BYTES_MAX;
    let head = format!("PUT / HTTP/1.1\r\nHost: pi\r\nContent-Length: {long}\r\n\r\n");
    let mut client = Client::sends([head.into_bytes(), std::vec![b'x'; long], get("/").into()]);
    client.meets(&desk());
    let codes: Vec<_> = answers(&client.heard, false).iter().map(|answer| answer.code).collect();
    assert_eq!(codes, [405, 200]);
}

#[test]
fn content_of_unknown_end_ends_the_connection_after_the_answer() {
    for (request, code) in [
        ("GET / HTTP/1.1\r\nHost: pi\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 200),
        ("PUT / HTTP/1.1\r\nHost: pi\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n", 405),
    ] {
        let mut client = Client::sends([request.to_string(), get("/")]).and_stays();
        assert_eq!(client.meets(&desk()), Ended::Answered("closed after the answer"));
        let answers = answers(&client.heard, false);
        assert_eq!(answers.len(), 1);
        assert_eq!((answers[0].code, answers[0].field("Connection")), (code, Some("close")));
    }
}

#[test]
fn refusals_are_answered_and_then_the_connection_ends() {
    let too_much = HTTP_CONTENT_BYTES_MAX + 1;
    let long_line = format!("GET /{}", "a".repeat(3000));
    let long_head = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(HTTP_HEAD_BYTES_MAX));
    for (request, code) in [
        ("nonsense\r\n\r\n".to_string(), 400),
        ("\x16\x03\x01\x02\x00".to_string(), 400),
        ("BREW / HTTP/1.1\r\nHost: pi\r\n\r\n".to_string(), 501),
        ("GET / HTTP/3.0\r\nHost: pi\r\n\r\n".to_string(), 505),
        (format!("PUT / HTTP/1.1\r\nHost: pi\r\nContent-Length: {too_much}\r\n\r\n"), 413),
        (long_line, 414),
        (long_head, 431),
    ] {
        // What the client still sends is read before the connection ends.
        let mut client = Client::sends([request, "more".repeat(1000), get("/")]);
        let desk = desk();
        let ended = client.meets(&desk);
        assert!(matches!(ended, Ended::Answered(_)), "{ended:?}");
        let answers = answers(&client.heard, false);
        assert_eq!(answers.len(), 1);
        assert_eq!((answers[0].code, answers[0].field("Connection")), (code, Some("close")));
        assert!(answers[0].text().starts_with(&code.to_string()));
        assert!(client.pieces.is_empty());
        assert_eq!(desk.counters.http_errors.get(), 1);
        // And one that sends for ever is not read for ever.
        let mut endless = Client::sends(["nonsense\r\n\r\n".repeat(500_000)]);
        assert_eq!(endless.meets(&desk), Ended::Answered("Bad Request"));
        assert!(!endless.pieces.is_empty());
    }
}

#[test]
fn every_wait_has_an_end() {
    let answered = |mut client: Client, expected: Ended| {
        assert_eq!(client.meets(&desk()), expected);
        answers(&client.heard, false).iter().map(|answer| answer.code).collect::<Vec<_>>()
    };
    const NONE: [u16; 0] = [];
    let silent = Client::default().and_stays();
    assert_eq!(answered(silent, Ended::Answered("idle")), NONE);
    let slow = Client::sends(["GET / HT"]).and_stays();
    assert_eq!(answered(slow, Ended::Answered("Request Timeout")), [408]);
    let stuck = "PUT / HTTP/1.1\r\nHost: pi\r\nContent-Length: 9\r\n\r\nabc";
    let stuck = Client::sends([stuck]).and_stays();
    assert_eq!(answered(stuck, Ended::Answered("Request Timeout")), [408]);
    let gone = Client::sends(["GET / HT"]);
    assert_eq!(answered(gone, Ended::Answered("client closed within a request")), NONE);
    let deaf = Client { deaf: true, ..Client::sends([get("/")]) };
    assert_eq!(answered(deaf, Ended::Failed("client does not read")), NONE);
}

#[test]
fn while_others_wait_nobody_dawdles() {
    let met = |mut client: Client, expected: Ended| {
        let began = embassy_time::Instant::now();
        assert_eq!(client.meets_in_a_crowd(&desk()), expected);
        let answers = answers(&client.heard, false);
        let codes =
            answers.iter().map(|answer| (answer.code, answer.field("Connection").is_some()));
        (codes.collect::<Vec<_>>(), (embassy_time::Instant::now() - began).as_secs())
    };
    const NONE: [(u16, bool); 0] = [];
    assert_eq!(met(Client::default().and_stays(), Ended::GaveWay), (NONE.into(), 0));
    // One that was served may come again.
    let kept = Client::sends([get("/"), get("/")]).and_stays();
    assert_eq!(met(kept, Ended::GaveWay), (vec![(200, false); 2], 0));
    // One that asks ahead may ask again on another connection.
    let ahead = Client::sends([get("/").repeat(3)]).and_stays();
    let closed = Ended::Answered("closed after the answer");
    assert_eq!(met(ahead, closed), (vec![(200, true)], 0));
    // Who has begun has a second, and for the answer another.
    for begun in [
        "GET / HT",
        "GET / HTTP/1.1\r\nHost: pi\r\nContent-Length: 9\r\n\r\nabc",
        "POST /lab HTTP/1.1\r\nHost: pi\r\nContent-Length: 9\r\n\r\nabc",
    ] {
        let slow = Client::sends([begun]).and_stays();
        let timeout = Ended::Answered("Request Timeout");
        assert_eq!(met(slow, timeout), (vec![(408, true)], 2), "{begun}");
    }
    let deaf = Client { deaf: true, ..Client::sends([get("/")]) };
    assert_eq!(met(deaf, Ended::Failed("connection lost")), (NONE.into(), 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever a client sends, the connection ends and every answer is framed right.
    #[test]
    fn nothing_a_client_sends_panics(
        pieces in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 1..60),
                "(GET|PUT) /(dmesg.txt)? HTTP/1\\.1\r\nHost: pi\r\n(Content-Length: 3\r\n)?\r\n"
                    .prop_map(String::into_bytes),
            ],
            0..5,
        ),
        stays in any::<bool>(),
    ) {
        let mut client = Client { stays, ..Client::sends(pieces) };
        let ended = client.meets(&desk());
        prop_assert!(matches!(ended, Ended::Answered(_)), "{:?}", ended);
        answers(&client.heard, false);
    }
}
