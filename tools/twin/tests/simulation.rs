//! The firmware against peers on a simulated cable, in virtual time.

#[path = "simulation/dhcp_server.rs"]
mod dhcp_server;
#[path = "simulation/hostile.rs"]
mod hostile;
#[path = "simulation/interrupts.rs"]
mod interrupts;
#[path = "simulation/ipv6.rs"]
mod ipv6;
#[path = "simulation/leases.rs"]
mod leases;
#[path = "simulation/neighbors.rs"]
mod neighbors;
#[path = "simulation/packets.rs"]
mod packets;
#[path = "simulation/sockets.rs"]
mod sockets;

use std::time::Duration;

use firmware::limits::HTTP_WORKERS;
use packets::{arp_request, echo_request, is_arp_reply, is_echo_reply};
use twin::desk::{BOARD, Desk, Setup};
use twin::wire::Quality;

/// Virtual time within which anything on a good cable must have happened.
const SOON: Duration = Duration::from_secs(5);
/// On a bad cable: retransmission timers grow to seconds.
const EVENTUALLY: Duration = Duration::from_secs(120);

/// Time until every address has been asked for and is in use (RFC 4862 5.4).
const ADDRESSES_SETTLE: Duration = Duration::from_secs(5);

/// Connections that a client on a bad cable may need for an answer.
const TRIES: usize = 3;

/// Digits become `#`: counters, sizes and times differ from page to page, all else must not.
fn without_figures(page: &[u8]) -> String {
    let text = String::from_utf8_lossy(page);
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '0'..='9' if plain.ends_with('#') => {}
            '0'..='9' => plain.push('#'),
            other => plain.push(other),
        }
    }
    // So do units of size, and what was dropped.
    let is_drop = |line: &&str| line.contains("class=\"hot\"") || line.contains("class=\"zero\"");
    let lines: Vec<_> = plain.lines().filter(|line| !is_drop(line)).collect();
    lines.join("\n").replace("#.# KiB", "# B")
}

fn content_length(head: &str) -> usize {
    let value = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    value.expect("a Content-Length")
}

#[test]
fn arp_is_answered_and_so_is_ping() {
    Desk::run(&Setup::default(), |desk| {
        desk.send_frame(arp_request());
        desk.until("ARP reply", SOON, |desk| {
            desk.take_frames().iter().find_map(|frame| is_arp_reply(frame))
        });
        for bytes in [0, 1, 56, 1472] {
            let data: Vec<u8> = (0..bytes).map(|index| index as u8).collect();
            desk.send_frame(echo_request(&data));
            desk.until("echo reply", SOON, |desk| {
                desk.take_frames().iter().any(|frame| is_echo_reply(frame, &data)).then_some(())
            });
        }
    });
}

#[test]
fn the_index_page_is_fetched() {
    Desk::run(&Setup::default(), |desk| {
        let (head, body) = desk.fetch(0, "/", SOON);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert_eq!(content_length(&head), body.len());
        let (head, _) = desk.fetch(0, "/nosuchpage", SOON);
        assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    });
}

/// Browsers keep connections open that they do not need: whoever comes does not wait for those, and
/// they are not closed while there is room.
#[test]
fn idle_connections_keep_nobody_waiting() {
    Desk::run(&Setup::default(), |desk| {
        let request = format!("GET /favicon.ico HTTP/1.1\r\nHost: {BOARD}\r\n\r\n");
        let mut kept = Vec::new();
        for _ in 0..HTTP_WORKERS {
            let handle = desk.connect(0, 80);
            desk.send(0, handle, request.as_bytes(), SOON);
            desk.expect(0, handle, "200 OK", SOON);
            kept.push(handle);
        }
        let open = |desk: &mut Desk| {
            kept.iter().filter(|handle| desk.socket(0, **handle).may_recv()).count()
        };
        assert_eq!(open(desk), HTTP_WORKERS);
        let start = desk.now();
        let (head, _) = desk.fetch(0, "/", SOON);
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert!(desk.now() - start < Duration::from_secs(1), "{:?}", desk.now() - start);
        assert_eq!(open(desk), HTTP_WORKERS);
    });
}

#[test]
fn a_telnet_session() {
    Desk::run(&Setup::default(), |desk| {
        let session = desk.connect(0, 23);
        desk.expect(0, session, "$ ", SOON);
        desk.send(0, session, b"uptime\r\n", SOON);
        desk.expect(0, session, " up ", SOON);
        desk.send(0, session, b"exit\r\n", SOON);
        desk.until("the end of the session", SOON, |desk| {
            (!desk.socket(0, session).may_recv()).then_some(())
        });
    });
}

/// An hour passes without traffic: the board sleeps through it, but for a handful of turns.
#[test]
fn an_idle_board_sleeps() {
    Desk::run(&Setup::default(), |desk| {
        // Announcements, and questions for routers.
        desk.run_for(Duration::from_secs(15));
        desk.take_frames();
        let before = desk.turns();
        desk.run_for(Duration::from_secs(3600));
        let turns = desk.turns() - before;
        assert!(turns <= 3600 * 4, "{turns} turns in an hour: more than four a second");
        assert!(desk.take_frames().is_empty(), "an idle board with a static address is silent");
    });
}

/// Fifty cables that lose, double and reorder frames, each in its own way: every page arrives
/// whole.
#[test]
fn pages_survive_bad_cables() {
    let expected = Desk::run(&Setup::default(), |desk| {
        desk.run_for(ADDRESSES_SETTLE);
        desk.fetch(0, "/", SOON).1
    });
    let expected = without_figures(&expected);
    for seed in 1..=50 {
        let quality = Quality {
            lost_per_mille: 20 + (seed as u32 % 5) * 20,
            doubled_per_mille: 50,
            delay: Duration::from_micros(100)..Duration::from_millis(5),
        };
        let setup = Setup { quality, seed, ..Setup::default() };
        Desk::run(&setup, |desk| {
            desk.run_for(ADDRESSES_SETTLE);
            // Its timers may be slower than the board's patience with a client that says nothing.
            let answer = (0..TRIES).find_map(|_| desk.try_fetch(0, "/", EVENTUALLY));
            let (head, body) = answer.expect("an answer in the end");
            assert_eq!(content_length(&head), body.len(), "seed {seed}");
            assert_eq!(without_figures(&body), expected, "seed {seed}");
        });
    }
}

/// The same seed gives the same run, frame by frame.
#[test]
fn runs_repeat_themselves() {
    let quality = Quality {
        lost_per_mille: 100,
        doubled_per_mille: 50,
        delay: Duration::from_micros(100)..Duration::from_millis(5),
    };
    let setup = Setup { quality, seed: 7, ..Setup::default() };
    let run = || {
        Desk::run(&setup, |desk| {
            desk.fetch(0, "/", EVENTUALLY);
            (desk.now(), desk.take_frames())
        })
    };
    assert_eq!(run(), run());
}
