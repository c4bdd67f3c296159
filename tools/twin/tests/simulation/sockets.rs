//! The board's own sockets: UDP, ICMP, connections that it opens, and the frames it captures.

use std::time::Duration;

use embedded_io_async::{Read, Write};
use firmware::limits::{BACKSCATTER_PER_SECOND, TCP_CONNECT_TIMEOUT, UDP_RING_BYTES};
use firmware::net::{NetError, Protocol, RouteSource, Send, SocketState};
use firmware::wire::Recording as _;
use firmware::wire::Way;
use smoltcp::socket::{tcp, udp};
use smoltcp::storage::{PacketBuffer, PacketMetadata};
use smoltcp::wire::{IpAddress, IpEndpoint, IpProtocol};
use twin::desk::{Desk, PEER, Setup};

use crate::SOON;
use crate::packets::{icmp, read_ipv4};

const PEER_IP: IpAddress = IpAddress::Ipv4(PEER);
/// An address of the peers' network that nobody has.
const NOBODY: IpAddress = IpAddress::v4(192, 168, 77, 200);

/// A UDP socket of the first peer.
fn peer_udp(desk: &mut Desk, port: u16) -> smoltcp::iface::SocketHandle {
    let buffer = || PacketBuffer::new(vec![PacketMetadata::EMPTY; 4], vec![0; 4096]);
    let mut socket = udp::Socket::new(buffer(), buffer());
    socket.bind(port).expect("a free port");
    desk.peer(0).1.add(socket)
}

#[test]
fn datagrams_both_ways() {
    Desk::run(&Setup::default(), |desk| {
        let handle = peer_udp(desk, 7777);
        desk.board("a datagram is sent", SOON, |system| async move {
            let socket = system.udp("test", Some(5555)).unwrap();
            assert_eq!(system.udp("test", Some(5555)).unwrap_err(), NetError::AddressInUse);
            socket.send_to(b"question", IpEndpoint::new(PEER_IP, 7777)).await.unwrap();
            let long = [0; UDP_RING_BYTES + 1];
            let sent = socket.send_to(&long, IpEndpoint::new(PEER_IP, 7777)).await;
            assert_eq!(sent, Err(NetError::MessageTooLong));
            core::mem::forget(socket);
        });
        let from = desk.until("the question", SOON, |desk| {
            let (bytes, metadata) = desk.peer(0).1.get_mut::<udp::Socket>(handle).recv().ok()?;
            assert_eq!(bytes, b"question");
            Some(metadata.endpoint)
        });
        assert_eq!(from.port, 5555);
    });
}

#[test]
fn an_answer_comes_to_the_socket_that_asked() {
    Desk::run(&Setup::default(), |desk| {
        let handle = peer_udp(desk, 7777);
        let (interface, _) = desk.peer(0);
        assert!(!interface.ip_addrs().is_empty());
        let system = desk.machine().firmware().system();
        let asked = std::rc::Rc::new(std::cell::Cell::new(None));
        let answer = std::rc::Rc::clone(&asked);
        desk.machine().spawn(async move {
            let socket = system.udp("test", None).unwrap();
            assert!(socket.local_port() >= 49_152);
            socket.send_to(b"question", IpEndpoint::new(PEER_IP, 7777)).await.unwrap();
            let mut buffer = [0; 4];
            let received = socket.receive(&mut buffer).await.unwrap();
            answer.set(Some((received, buffer)));
        });
        desk.until("the answer", SOON, |desk| {
            let socket = desk.peer(0).1.get_mut::<udp::Socket>(handle);
            if let Ok((_, metadata)) = socket.recv() {
                socket.send_slice(b"answer", metadata.endpoint).unwrap();
            }
            asked.get()
        });
        let (received, buffer) = asked.get().unwrap();
        assert_eq!((received.len, &buffer), (4, b"answ"), "the rest is cut");
        assert_eq!(received.from, IpEndpoint::new(PEER_IP, 7777));
    });
}

#[test]
fn a_closed_port_ends_the_wait() {
    Desk::run(&Setup::default(), |desk| {
        let error = desk.board("an ICMP error", SOON, |system| async move {
            let socket = system.udp("test", None).unwrap();
            socket.send_to(b"?", IpEndpoint::new(PEER_IP, 9)).await.unwrap();
            socket.receive(&mut [0; 4]).await.unwrap_err()
        });
        assert_eq!(error.to_string(), "Connection refused");
        assert_eq!((error.from, error.remote.port), (PEER_IP, 9));
    });
}

#[test]
fn an_echo_request_of_ours_is_answered() {
    Desk::run(&Setup::default(), |desk| {
        for bytes in [8, 64, 1480, 4000] {
            let reply = desk.board("an echo reply", SOON, move |system| async move {
                let socket = system.icmp("ping").unwrap();
                let mut message = vec![0x5a; bytes];
                message[..8].copy_from_slice(&[8, 0, 0, 0, 1, 2, 0, 1]);
                let too_long = Send { dont_fragment: true, ..Send::default() };
                if bytes > 1480 {
                    let sent = socket.send(PEER_IP, &message, too_long).await;
                    assert_eq!(sent, Err(NetError::MessageTooLong));
                }
                socket.send(PEER_IP, &message, Send::default()).await.unwrap();
                let mut reply = vec![0; bytes];
                let received = socket.receive(&mut reply).await;
                assert_eq!((received.from, received.original_len), (PEER_IP, bytes));
                assert_eq!(received.hop_limit, 64);
                reply
            });
            assert_eq!((reply[0], &reply[4..8]), (0, &[1, 2, 0, 1][..]));
        }
    });
}

fn peer_listens(desk: &mut Desk, port: u16) -> smoltcp::iface::SocketHandle {
    let buffer = || tcp::SocketBuffer::new(vec![0; 4096]);
    let mut socket = tcp::Socket::new(buffer(), buffer());
    socket.listen(port).expect("a free port");
    desk.peer(0).1.add(socket)
}

#[test]
fn a_connection_of_ours() {
    Desk::run(&Setup::default(), |desk| {
        let handle = peer_listens(desk, 8080);
        desk.board("bytes are sent", SOON, |system| async move {
            let mut stream = system.connect("wget", IpEndpoint::new(PEER_IP, 8080)).await.unwrap();
            let open = |info: &firmware::net::SocketInfo| {
                info.owner == "wget" && info.state == SocketState::Established
            };
            assert_eq!(system.sockets().filter(open).count(), 1);
            stream.write_all(b"GET").await.unwrap();
        });
        desk.expect(0, handle, "GET", SOON);
        desk.until("the end", SOON, |desk| {
            let socket = desk.socket(0, handle);
            (!socket.may_recv()).then(|| socket.close())
        });
    });
}

#[test]
fn why_a_connection_fails() {
    let connect = |to: IpEndpoint| {
        Desk::run(&Setup { peers: 1, ..Setup::default() }, move |desk| {
            let start = desk.now();
            let limit = TCP_CONNECT_TIMEOUT + SOON;
            let result = desk.board("an answer", limit, move |system| async move {
                match system.connect("wget", to).await {
                    Ok(mut stream) => drop(stream.read(&mut [0]).await),
                    Err(error) => return Err(error),
                }
                Ok(())
            });
            (result, desk.now() - start)
        })
    };
    let (refused, after) = connect(IpEndpoint::new(PEER_IP, 9));
    assert_eq!(refused, Err(NetError::ConnectionRefused));
    assert!(after < Duration::from_secs(3), "{after:?}");
    assert_eq!(connect(IpEndpoint::new(PEER_IP, 0)).0, Err(NetError::Invalid));
    let (nobody, after) = connect(IpEndpoint::new(NOBODY, 80));
    assert_eq!(nobody, Err(NetError::HostUnreachable));
    assert!(after < Duration::from_secs(4), "three questions, a second apart: {after:?}");
}

#[test]
fn tables_show_what_is_there() {
    Desk::run(&Setup::default(), |desk| {
        desk.fetch(0, "/", SOON);
        let system = desk.machine().firmware().system();
        let listening = |port: u16| {
            system.sockets().any(|info| {
                info.local.port == port
                    && info.state == SocketState::Listen
                    && info.protocol == Protocol::Tcp
            })
        };
        assert!(listening(80) && listening(23) && !listening(81));
        let routes: Vec<_> = system.routes().map(|route| route.source).collect();
        assert_eq!(routes, [RouteSource::Connected, RouteSource::Static]);
        let choice = system.route_get("8.8.8.8".parse().unwrap()).unwrap();
        assert_eq!(choice.next_hop, PEER_IP);
        assert!(system.neighbors().any(|neighbor| neighbor.address == PEER_IP));
        let counters = system.protocol_counters();
        assert!(counters.tcp.passive_opens >= 1 && counters.tcp.in_segs >= 3, "{counters:?}");
        let interfaces = system.interfaces();
        assert!(interfaces[0].is_running && interfaces[0].received.packets >= 3);
    });
}

#[test]
fn frames_are_captured_whole_for_a_reader() {
    Desk::run(&Setup::default(), |desk| {
        let system = desk.machine().firmware().system();
        let frames = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let seen = std::rc::Rc::clone(&frames);
        desk.machine().spawn(async move {
            let mut reader = system.capture(usize::MAX).unwrap();
            let mut out = [0; 1514];
            loop {
                let captured = reader.next(&mut out).await;
                assert_eq!(captured.missed, 0);
                assert_eq!(captured.captured_bytes, captured.original_bytes);
                seen.borrow_mut().push((captured.way, out[..captured.captured_bytes].to_vec()));
            }
        });
        // Until nothing is announced any more.
        desk.run_for(Duration::from_secs(60));
        desk.take_frames();
        frames.borrow_mut().clear();
        desk.fetch(0, "/", SOON);
        desk.run_for(Duration::from_secs(1));
        let sent: Vec<Vec<u8>> = desk.take_frames();
        let frames = frames.borrow();
        let out: Vec<_> =
            frames.iter().filter(|(way, _)| *way == Way::Out).map(|(_, frame)| frame).collect();
        assert_eq!(out, sent.iter().collect::<Vec<_>>());
        assert!(frames.len() > out.len());
    });
}

/// What the stack does not answer: the time, and the netmask if it is asked to.
#[test]
fn questions_for_the_time_and_the_netmask() {
    for (append, answered) in [("", false), (" icmp.mask=on", true)] {
        let append = format!("{}{append}", Setup::default().append);
        Desk::run(&Setup { append, ..Setup::default() }, |desk| {
            desk.send_frame(icmp(&[13, 0, 0, 0, 1, 2, 0, 7, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0]));
            desk.send_frame(icmp(&[17, 0, 0, 0, 1, 2, 0, 8, 0, 0, 0, 0]));
            desk.run_for(Duration::from_millis(10));
            let frames = desk.take_frames();
            let answers: Vec<Vec<u8>> =
                frames.iter().filter_map(|frame| read_ipv4(frame, IpProtocol::Icmp)).collect();
            let time = answers.iter().find(|answer| answer[0] == 14).expect("the time");
            assert_eq!((&time[4..8], &time[8..12]), (&[1, 2, 0, 7][..], &[0, 0, 0, 9][..]));
            assert_eq!(time[12] & 0x80, 0x80, "not that of the day");
            let mask = answers.iter().find(|answer| answer[0] == 18);
            assert_eq!(mask.map(|mask| &mask[8..12]), answered.then_some(&[255, 255, 255, 0][..]));
            for _ in 0..1000 {
                desk.send_frame(icmp(&[
                    13, 0, 0, 0, 1, 2, 0, 7, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0,
                ]));
            }
            desk.run_for(Duration::from_millis(500));
            let answers = desk.take_frames().len();
            assert!(answers <= 2 * BACKSCATTER_PER_SECOND as usize, "{answers} in half a second");
        });
    }
}
