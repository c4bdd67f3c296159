//! Answers that go on: events, frames.

use std::string::String;
use std::vec::Vec;

use super::*;
use crate::limits::{HTTP_CAPTURES, HTTP_LISTENERS};
use crate::net::Port;
use crate::service::http::live::status_event;
use crate::service::http::response::Response;
use crate::wire::{Note, Way};

/// A client that is there for this long.
async fn meets_for(desk: &Desk, client: &mut Client, time: Duration) {
    let limit = embassy_time::Duration::from_micros(time.as_micros() as u64);
    let mut buffers = Buffers::new();
    let serve = connection::serve(desk, client, peer(), &mut buffers, pending::<()>);
    let _ = embassy_time::with_timeout(limit, serve).await;
}

/// The content of an answer in chunks that has not come to its end.
fn unfinished(heard: &[u8]) -> Vec<u8> {
    let whole = [heard, b"0\r\n\r\n"].concat();
    answers(&whole, false).remove(0).content
}

#[test]
fn who_listens_is_told_once_a_second() {
    let desk = desk();
    let mut client = Client::sends([get("/events")]).and_stays();
    block_on(meets_for(&desk, &mut client, Duration::from_millis(2500)));
    let text = String::from_utf8(unfinished(&client.heard)).unwrap();
    let events: Vec<_> = text.split("\n\n").filter(|event| !event.is_empty()).collect();
    let kinds: Vec<_> = events.iter().map(|event| event.lines().next().unwrap()).collect();
    let (status, journal) = ("event: status", "event: journal");
    assert_eq!(kinds, [status, journal, journal, status, status]);
    let data = |event: &str| {
        let lines = event.lines().filter_map(|line| line.strip_prefix("data: "));
        serde_json::from_str::<serde_json::Value>(&lines.collect::<String>()).unwrap()
    };
    assert_eq!(data(events[0])["ipv4"]["address"], "192.168.1.42");
    assert!(events[2].contains("\nid: 1\n"));
    let entry = data(events[2]);
    assert_eq!((&entry["number"], &entry["text"]), (&1.into(), &"eth0: link up".into()));
    assert_eq!(entry["at_seconds"], 0.3);
    // Who was here before is told what is new.
    let again = "GET /events HTTP/1.1\r\nHost: pi\r\nLast-Event-ID: 0\r\n\r\n";
    let mut client = Client::sends([again]).and_stays();
    block_on(meets_for(&desk, &mut client, Duration::from_millis(500)));
    let text = String::from_utf8(unfinished(&client.heard)).unwrap();
    assert_eq!(text.matches(journal).count(), 1, "{text}");
    // And a long journal comes whole.
    let desk = worst('"');
    let mut client = Client::sends([get("/events")]).and_stays();
    block_on(meets_for(&desk, &mut client, Duration::from_millis(500)));
    let text = String::from_utf8(unfinished(&client.heard)).unwrap();
    assert_eq!(text.matches(journal).count(), JOURNAL_ENTRIES);
}

#[test]
fn the_longest_status_is_an_event() {
    for character in ['"', '\\', '\u{1b}', 'x'] {
        assert!(status_event(&worst(character), &mut Response::new()).is_ok(), "{character:?}");
    }
}

#[test]
fn who_closes_has_heard_enough() {
    let desk = desk();
    for path in ["/events", "/pcap"] {
        let mut client = Client::sends([get(path)]);
        assert_eq!(client.meets(&desk), Ended::Answered("client closed"), "{path}");
    }
    for path in ["/events", "/pcap", "/pcap/ring"] {
        let head = std::format!("HEAD {path} HTTP/1.1\r\nHost: pi\r\n\r\n");
        let answer = fetch(&desk, &head);
        assert_eq!((answer.code, answer.field("Cache-Control")), (200, Some("no-store")));
    }
    // A deaf one keeps its place for a while only.
    let mut deaf = Client { deaf: true, ..Client::sends([get("/events")]).and_stays() };
    assert_eq!(deaf.meets(&desk), Ended::Failed("client does not read"));
    assert!(desk.streams.viewers.enter(peer()).is_some());
}

#[test]
fn there_is_a_limited_number_of_them() {
    let desk = desk();
    let places: Vec<_> = (0..HTTP_CAPTURES).map(|_| desk.streams.viewers.enter(peer())).collect();
    assert!(places.iter().all(Option::is_some));
    let refused = fetch(&desk, &get("/pcap"));
    assert_eq!((refused.code, refused.field("Retry-After")), (503, Some("1")));
    drop(places);
    let mut client = Client::sends([get("/pcap?count=1")]).and_stays();
    block_on(meets_for(&desk, &mut client, Duration::from_secs(1)));
    assert!(client.heard.starts_with(b"HTTP/1.1 200 OK\r\n"));
    let places: Vec<_> = (0..HTTP_LISTENERS).map(|_| desk.streams.listeners.enter()).collect();
    assert!(places.iter().all(Option::is_some));
    assert_eq!(fetch(&desk, &get("/events")).code, 503);
}

/// A block of a pcapng stream: its kind and its body.
fn blocks(mut bytes: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let length = word(bytes, 4) as usize;
        assert!(length.is_multiple_of(4) && word(bytes, length - 4) == length as u32);
        all.push((word(bytes, 0), bytes[8..length - 4].to_vec()));
        bytes = &bytes[length..];
    }
    all
}

/// The frames of a pcapng stream: the first byte of each, its bytes, and whether it has this
/// comment.
fn frames(stream: &[u8]) -> Vec<(u8, usize, String)> {
    let packets = blocks(stream).into_iter().filter(|(kind, _)| *kind == 6);
    packets
        .map(|(_, body)| {
            let captured = u32::from_le_bytes(body[12..16].try_into().unwrap()) as usize;
            let options = &body[20 + captured.next_multiple_of(4)..];
            assert_eq!(options[..2], [1, 0]);
            let length = usize::from(options[2]);
            let comment = String::from_utf8(options[4..4 + length].to_vec()).unwrap();
            (body[20], captured, comment)
        })
        .collect()
}

fn segment(from: u16, to: u16) -> Vec<u8> {
    let mut frame = std::vec![0; 14];
    frame[12] = 8;
    frame.extend([0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 192, 168, 1, 7, 192, 168, 1, 42]);
    frame.extend(from.to_be_bytes());
    frame.extend(to.to_be_bytes());
    frame.extend([0; 16]);
    frame
}

/// A desk whose ring holds five frames: one of the viewer's own, one of ARP, one dropped, one to
/// ourselves, one not sent.
fn busy_desk() -> Desk {
    let desk = desk();
    desk.recorder.receive(Port::Eth0, &segment(40_000, 80), &desk.drops, |_| ());
    let arp = [&[1; 12], [8, 6].as_slice(), &[0; 46]].concat();
    desk.recorder.receive(Port::Eth0, &arp, &desk.drops, |_| desk.recorder.note(Note::Arp));
    let mut other = segment(40_001, 80);
    other[0] = 2;
    let drop = |_: &[u8]| desk.drops.count(Drop::TcpSegment);
    desk.recorder.receive(Port::Eth0, &other, &desk.drops, drop);
    other[0] = 3;
    desk.recorder.record(Way::Out, Port::Lo, &other);
    other[0] = 4;
    desk.recorder.record_unsent(&other, Drop::NoRoute);
    desk
}

#[test]
fn the_ring_is_shown() {
    let desk = busy_desk();
    let answer = fetch(&desk, &get("/pcap/ring"));
    assert_eq!((answer.code, answer.field("Content-Type")), (200, Some("application/x-pcapng")));
    let kinds: Vec<_> = blocks(&answer.content).iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [0x0a0d_0d0a, 1, 1, 6, 6, 5]);
    let shown = |query: &str| {
        corpus::seed("http_query", query.as_bytes());
        let answer = fetch(&desk, &get(&std::format!("/pcap/ring?{query}")));
        assert_eq!(answer.code, 200, "{query}");
        frames(&answer.content)
    };
    let expected =
        [(1, 60, "#1 in: link: ARP".into()), (2, 54, "#2 in: dropped: tcp_segment".into())];
    assert_eq!(shown(""), expected);
    let firsts = |query| shown(query).iter().map(|(first, ..)| *first).collect::<Vec<_>>();
    assert_eq!(firsts("own=1"), [0, 1, 2]);
    assert_eq!(firsts("interface=any&unsent=1"), [1, 2, 3, 4]);
    assert_eq!(firsts("interface=lo"), [3]);
    assert_eq!(firsts("unsent=1&direction=out"), [4]);
    assert_eq!(firsts("direction=in&count=1"), [1]);
    assert_eq!(firsts("filter=tcp+port%2080&interface=any&direction=inout"), [2, 3]);
    assert_eq!(firsts("filter=port+http"), [2]);
    assert_eq!(shown("snaplen=14&filter=arp")[0].1, 14);
    // HTTP/1.0 finds the end at the end of the connection.
    let mut old = Client::sends(["GET /pcap/ring HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"]);
    assert_eq!(old.meets(&desk), Ended::Answered("closed after the answer"));
    assert_eq!(answers(&old.heard, false)[0].content, answer.content);
}

#[test]
fn what_passes_is_shown_and_the_slow_are_told_what_they_missed() {
    let desk = busy_desk();
    let mut buffers = Buffers::new();
    let mut client = Client::sends([get("/pcap?count=2&own=1")]).and_stays();
    let passes = async {
        let wait = || embassy_time::Timer::after_secs(1);
        wait().await;
        // More than the ring holds, all at once.
        for number in 0..CAPTURE_FRAMES + 7 {
            desk.recorder.record(Way::Out, Port::Eth0, &[number as u8; 60]);
        }
        wait().await;
    };
    let serve = connection::serve(&desk, &mut client, peer(), &mut buffers, pending::<()>);
    block_on(embassy_futures::select::select(serve, passes));
    let stream = answers(&client.heard, false).remove(0).content;
    assert_eq!(frames(&stream).iter().map(|(first, ..)| *first).collect::<Vec<_>>(), [7, 8]);
    let blocks = blocks(&stream);
    // epb_dropcount of the first of them, and isb_ifdrop.
    let lost = [4, 0, 8, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert!(blocks[3].1.ends_with(&lost), "{:?}", blocks[3]);
    let lost = [5, 0, 8, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert!(blocks[5].0 == 5 && blocks[5].1.ends_with(&lost), "{:?}", blocks[5]);
}

#[test]
fn what_nobody_understands_is_refused() {
    let desk = desk();
    for query in [
        "x=1",
        "count=0",
        "count=",
        "count=+1",
        "count=1&count=1",
        "snaplen=-1",
        "direction=up",
        "interface=eth1",
        "own=yes",
        "own=1",
        "unsent=2",
        "filter=%zz",
        "filter",
    ] {
        corpus::seed("http_query", query.as_bytes());
        let path = std::format!("/pcap?{query}");
        let expected = if query == "filter" { 200 } else { 400 };
        let mut client = Client::sends([get(&path)]).and_stays();
        block_on(meets_for(&desk, &mut client, Duration::from_millis(100)));
        let code = core::str::from_utf8(&client.heard[9..12]).unwrap();
        assert_eq!(code.parse(), Ok(expected), "{query}");
    }
    let answer = fetch(&desk, &get("/pcap?filter=tcp+and+nonsense"));
    assert_eq!(answer.code, 400);
    assert!(answer.text().starts_with("400 Bad Request\nfilter: "), "{}", answer.text());
    assert!(answer.text().contains("tcp and nonsense"), "{}", answer.text());
}

/// A worker's memory is taken once for each of them, whatever it does.
#[test]
fn a_worker_is_no_larger_than_it_must_be() {
    let (desk, mut client, mut buffers) = (desk(), Client::default(), Buffers::new());
    let buffer_bytes = size_of_val(&buffers);
    let serve = connection::serve(&desk, &mut client, peer(), &mut buffers, pending::<()>);
    let bytes = size_of_val(&serve);
    assert!(buffer_bytes + bytes < 28 * 1024, "{buffer_bytes} and {bytes} bytes");
}
