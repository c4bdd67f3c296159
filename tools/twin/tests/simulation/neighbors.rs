//! Who is there, who is not, and we ourselves.

use std::time::Duration;

use embedded_io_async::{Read, Write};
use firmware::net::{NeighborState, NetError, Port, Send};
use firmware::status::Link;
use smoltcp::wire::{ArpOperation, ArpRepr, IpAddress, IpEndpoint, Ipv4Address, Ipv6Address};
use twin::desk::{BOARD, Desk, PEER, Setup};

use crate::SOON;
use crate::packets::{read_arp, read_ipv4};

const SECOND: Duration = Duration::from_secs(1);

fn nobody(last: u8) -> Ipv4Address {
    Ipv4Address::new(192, 168, 77, 100 + last)
}

/// Sends an echo request; returns the first bytes of what comes back, and from whom.
pub async fn ping(system: &'static firmware::System, to: IpAddress) -> ([u8; 8], IpAddress) {
    let socket = system.icmp("ping").unwrap();
    let mut message = [0; 64];
    message[0] = if matches!(to, IpAddress::Ipv4(_)) { 8 } else { 128 };
    socket.send(to, &message, Send::default()).await.unwrap();
    let mut answer = [0; 8];
    let received = socket.receive(&mut answer).await;
    (answer, received.from)
}

#[test]
fn the_first_packet_to_a_neighbor_is_not_lost() {
    Desk::run(&Setup::default(), |desk| {
        let start = desk.now();
        let (answer, from) =
            desk.board("an answer", SOON, |system| ping(system, IpAddress::Ipv4(PEER)));
        assert_eq!((answer[0], from), (0, IpAddress::Ipv4(PEER)));
        assert!(desk.now() - start < SECOND / 2, "{:?}", desk.now() - start);
    });
}

#[test]
fn who_does_not_answer_is_unreachable() {
    Desk::run(&Setup::default(), |desk| {
        let to = IpAddress::Ipv4(nobody(0));
        let start = desk.now();
        let (answer, from) = desk.board("an error", SOON, move |system| ping(system, to));
        assert_eq!(answer[..2], [3, 1], "destination unreachable: host");
        assert_eq!(from, IpAddress::Ipv4(BOARD), "we say so ourselves");
        let after = desk.now() - start;
        assert!(after >= SECOND * 3 && after < SECOND * 4, "{after:?}");
        let questions =
            desk.take_frames().iter().filter(|frame| asks_for(frame, nobody(0))).count();
        assert_eq!(questions, 3);
        let system = desk.machine().firmware().system();
        let entry = system.neighbors().find(|neighbor| neighbor.address == to).unwrap();
        assert_eq!((entry.state, entry.mac), (NeighborState::Failed, None));
    });
}

fn asks_for(frame: &[u8], address: Ipv4Address) -> bool {
    matches!(
        read_arp(frame),
        Some(ArpRepr::EthernetIpv4 { operation: ArpOperation::Request, target_protocol_addr, .. })
            if target_protocol_addr == address
    )
}

/// smoltcp alone asks for one neighbour a second: a dead one keeps all others from being found.
#[test]
fn the_dead_do_not_keep_us_from_the_living() {
    Desk::run(&Setup::default(), |desk| {
        let system = desk.machine().firmware().system();
        for last in 0..8 {
            desk.machine().spawn(async move {
                loop {
                    ping(system, IpAddress::Ipv4(nobody(last))).await;
                }
            });
        }
        desk.run_for(SECOND / 10);
        let start = desk.now();
        let (answer, _) =
            desk.board("an answer", SOON, |system| ping(system, IpAddress::Ipv4(PEER)));
        assert!(answer[0] == 0 || answer[..2] == [3, 1]);
        assert!(desk.now() - start < SECOND / 2, "{:?}", desk.now() - start);
    });
}

#[test]
fn a_neighbor_in_use_is_asked_again_and_an_idle_one_is_not() {
    Desk::run(&Setup::default(), |desk| {
        desk.board("an answer", SOON, |system| ping(system, IpAddress::Ipv4(PEER)));
        desk.run_for(SECOND * 15);
        desk.take_frames();
        desk.run_for(SECOND * 600);
        assert!(desk.take_frames().is_empty(), "nobody asks for an idle neighbour");
        // Stale, used all the same; what it answers shows that it is there.
        desk.board("an answer", SOON, |system| ping(system, IpAddress::Ipv4(PEER)));
        desk.run_for(SECOND * 10);
        assert!(!desk.take_frames().iter().any(|frame| asks_for(frame, PEER)));
    });
}

#[test]
fn we_are_there_for_ourselves() {
    Desk::run(&Setup::default(), |desk| {
        desk.run_for(SECOND * 15);
        desk.take_frames();
        let v4 = [IpAddress::v4(127, 0, 0, 1), IpAddress::Ipv4(BOARD)];
        let v6 = [Ipv6Address::LOCALHOST, twin::desk::BOARD_V6].map(IpAddress::Ipv6);
        for to in v4.into_iter().chain(v6) {
            let (answer, from) = desk.board("an answer", SOON, move |system| ping(system, to));
            let reply = if matches!(to, IpAddress::Ipv4(_)) { 0 } else { 129 };
            assert_eq!((answer[0], from), (reply, to));
            let page = desk.board("our own page", SOON, move |system| async move {
                let mut stream = system.connect("wget", IpEndpoint::new(to, 80)).await.unwrap();
                stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
                let mut all = Vec::new();
                let mut chunk = [0; 512];
                while let Ok(bytes @ 1..) = stream.read(&mut chunk).await {
                    all.extend(&chunk[..bytes]);
                }
                String::from_utf8(all).unwrap()
            });
            assert!(page.starts_with("HTTP/1.1 200 OK") && page.ends_with("</html>\n"), "{page}");
            let refused = desk.board("a refusal", SOON, move |system| async move {
                system.connect("wget", IpEndpoint::new(to, 9)).await.err()
            });
            assert_eq!(refused, Some(NetError::ConnectionRefused));
        }
        desk.run_for(SECOND * 15);
        assert_eq!(desk.take_frames(), Vec::<Vec<u8>>::new(), "nothing of it is on the wire");
        let system = desk.machine().firmware().system();
        let lo = &system.interfaces()[1];
        assert_eq!(lo.port, Port::Lo);
        assert_eq!(lo.received.packets, lo.sent.packets);
        assert!(lo.received.packets > 20);
    });
}

#[test]
fn without_a_link_we_are_still_there_for_ourselves() {
    Desk::run(&Setup::default(), |desk| {
        desk.machine().firmware().link(Link::Down);
        let to = IpAddress::v4(127, 0, 0, 1);
        let (answer, _) = desk.board("an answer", SOON, move |system| ping(system, to));
        assert_eq!(answer[0], 0);
        let before = desk.turns();
        desk.run_for(SECOND * 60);
        assert!(desk.turns() - before < 600, "the board sleeps");
    });
}

/// A peer that knows us, and whom we never asked for.
#[test]
fn a_strangers_first_ping_is_answered() {
    Desk::run(&Setup::default(), |desk| {
        desk.run_for(SECOND * 15);
        desk.take_frames();
        desk.send_frame(crate::packets::echo_request(b"first"));
        desk.run_for(SECOND / 100);
        let frames = desk.take_frames();
        assert!(frames.iter().any(|frame| crate::is_echo_reply(frame, b"first")), "{frames:?}");
        assert_eq!(frames.len(), 1, "and nobody was asked for");
        assert!(read_ipv4(&frames[0], smoltcp::wire::IpProtocol::Icmp).is_some());
    });
}

#[test]
fn set_by_hand_and_taken_back() {
    Desk::run(&Setup::default(), |desk| {
        let system = desk.machine().firmware().system();
        let address = IpAddress::Ipv4(nobody(1));
        let mac = twin::desk::BOARD_MAC;
        system.neighbor_add(address, mac).unwrap();
        let entry = system.neighbors().next().unwrap();
        assert_eq!((entry.state, entry.mac), (NeighborState::Permanent, Some(mac)));
        system.neighbor_delete(address).unwrap();
        assert_eq!(system.neighbor_delete(address), Err(NetError::Invalid));
        assert_eq!(system.neighbors().count(), 0);
    });
}
