//! `/bytes`, both ways.

use std::format;
use std::string::String;
use std::vec::Vec;

use super::*;
use crate::limits::{HTTP_BYTES_MAX, PAGE_BYTES_MAX};
use crate::service::http::bytes::Sequence;

fn sequence(bytes: usize, seed: u32) -> Vec<u8> {
    let mut all = std::vec![0; bytes];
    Sequence::new(seed).fill(&mut all);
    all
}

fn put(bytes: &[u8], fields: &str) -> Vec<u8> {
    let head = format!("PUT /bytes HTTP/1.1\r\nHost: pi\r\nContent-Length: {}\r\n", bytes.len());
    [format!("{head}{fields}\r\n").as_bytes(), bytes].concat()
}

#[test]
fn what_is_asked_for_is_sent() {
    let desk = desk();
    for count in [0, 1, PAGE_BYTES_MAX - 1, PAGE_BYTES_MAX, PAGE_BYTES_MAX + 1, 100_003] {
        let path = format!("/bytes?count={count}&seed=7");
        let answer = fetch(&desk, &get(&path));
        assert_eq!(answer.code, 200);
        assert_eq!(answer.field("Content-Type"), Some("application/octet-stream"));
        assert_eq!(answer.field("Content-Length"), Some(count.to_string().as_str()));
        assert!(answer.content == sequence(count, 7), "{count} bytes");
        let head = fetch(&desk, &format!("HEAD {path} HTTP/1.1\r\nHost: pi\r\n\r\n"));
        assert_eq!(head, Answer { content: Vec::new(), ..answer });
    }
    assert_eq!(fetch(&desk, &get("/bytes?count=x")).code, 400);
    assert_eq!(fetch(&desk, &get("/bytes")).content.len(), 1 << 20);
}

#[test]
fn what_is_sent_is_counted_and_summed() {
    let sent = sequence(20_001, 3);
    let all = [put(&sent, ""), put(b"123456789", ""), get("/").into()].concat();
    for size in [1, 1000, all.len()] {
        let desk = desk();
        let mut client = Client::sends(all.chunks(size));
        client.meets(&desk);
        let answers = answers(&client.heard, false);
        let codes: Vec<_> = answers.iter().map(|answer| answer.code).collect();
        assert_eq!(codes, [200, 200, 200], "pieces of {size}");
        let sum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&sent);
        assert_eq!(answers[0].text(), format!("{{\"bytes\":20001,\"crc32\":\"{sum:08x}\"}}\n"));
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(answers[1].text(), "{\"bytes\":9,\"crc32\":\"cbf43926\"}\n");
        assert_eq!(desk.counters.http_requests.get(), 3);
    }
    let nothing = fetch(&desk(), "PUT /bytes HTTP/1.1\r\nHost: pi\r\n\r\n");
    assert_eq!(nothing.text(), "{\"bytes\":0,\"crc32\":\"00000000\"}\n");
}

#[test]
fn a_client_that_waits_is_told_to_go_on() {
    let mut client = Client::sends([put(b"123456789", "Expect: 100-continue\r\n")]);
    client.meets(&desk());
    let heard = String::from_utf8(client.heard).unwrap();
    assert!(heard.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "{heard}");
    assert!(heard.ends_with("\"crc32\":\"cbf43926\"}\n"), "{heard}");
}

#[test]
fn what_cannot_be_taken_is_refused() {
    let too_much = HTTP_BYTES_MAX + 1;
    for (request, code) in [
        (format!("PUT /bytes HTTP/1.1\r\nHost: pi\r\nContent-Length: {too_much}\r\n\r\n"), 413),
        ("PUT /bytes HTTP/1.1\r\nHost: pi\r\nTransfer-Encoding: chunked\r\n\r\n".into(), 411),
    ] {
        let answer = fetch(&desk(), &request);
        assert_eq!((answer.code, answer.field("Connection")), (code, Some("close")));
    }
    let other = fetch(&desk(), "DELETE /bytes HTTP/1.1\r\nHost: pi\r\n\r\n");
    assert_eq!((other.code, other.field("Allow")), (405, Some("GET, HEAD, PUT")));
    // One that stops in the middle does not keep the turn.
    let desk = desk();
    let head = "PUT /bytes HTTP/1.1\r\nHost: pi\r\nContent-Length: 9\r\n\r\n123";
    let mut stuck = Client::sends([head]).and_stays();
    assert_eq!(stuck.meets(&desk), Ended::Answered("Request Timeout"));
    assert_eq!(answers(&stuck.heard, false)[0].code, 408);
    let mut deaf = Client { deaf: true, ..Client::sends([get("/bytes")]) };
    assert_eq!(deaf.meets(&desk), Ended::Failed("client does not read"));
    assert!(!desk.streams.taking.get() && !desk.streams.sending.get());
}

#[test]
fn the_next_one_is_told_to_come_later() {
    let desk = desk();
    desk.streams.sending.set(true);
    desk.streams.taking.set(true);
    assert_eq!(fetch(&desk, &get("/bytes")).code, 503);
    let all = [put(b"123456789", ""), get("/").into()].concat();
    let mut client = Client::sends([all]);
    client.meets(&desk);
    let answers = answers(&client.heard, false);
    // Nobody waits for the content, so nobody knows where the next request would begin.
    assert_eq!(answers.len(), 1);
    assert_eq!((answers[0].code, answers[0].field("Connection")), (503, Some("close")));
}
