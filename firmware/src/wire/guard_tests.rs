//! What the guard lets pass, and what not: one check function, many rows.

use std::vec;
use std::vec::Vec;

use corpus::tag::guard as tag;
use proptest::prelude::*;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{
    EthernetRepr, Icmpv4Packet, Icmpv4Repr, IpAddress, Ipv4Cidr, Ipv4Repr, TcpControl, TcpPacket,
    TcpRepr, TcpSeqNumber,
};

use super::*;

const OURS: EthernetAddress = EthernetAddress([0xb8, 0x27, 0xeb, 0, 0, 1]);
const PEER: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 2]);
const OUR_IP: Ipv4Address = Ipv4Address::new(192, 0, 2, 1);
const PEER_IP: Ipv4Address = Ipv4Address::new(192, 0, 2, 9);

fn guard() -> Guard {
    let guard = Guard::new();
    guard.set_mac(OURS);
    guard.set_address(Some((OUR_IP, Ipv4Cidr::new(OUR_IP, 24).broadcast())));
    guard
}

/// A course of events, kept as an input of the fuzz target.
fn keep(course: &[(u8, &[u8])]) {
    let mut input = vec![];
    for &(tag, bytes) in course {
        corpus::piece(&mut input, tag, bytes);
    }
    corpus::seed("guard", &input);
}

fn ethernet(to: EthernetAddress, from: EthernetAddress, kind: EthernetProtocol) -> Vec<u8> {
    let mut frame = vec![0; 14];
    EthernetRepr { src_addr: from, dst_addr: to, ethertype: kind }
        .emit(&mut EthernetFrame::new_unchecked(&mut frame[..]));
    frame
}

fn ipv4(
    to: EthernetAddress,
    source: Ipv4Address,
    target: Ipv4Address,
    protocol: IpProtocol,
    payload: &[u8],
) -> Vec<u8> {
    let mut frame = ethernet(to, PEER, EthernetProtocol::Ipv4);
    let repr = Ipv4Repr {
        src_addr: source,
        dst_addr: target,
        next_header: protocol,
        payload_len: payload.len(),
        hop_limit: 64,
    };
    let mut packet = vec![0; repr.buffer_len()];
    repr.emit(&mut Ipv4Packet::new_unchecked(&mut packet[..]), &ChecksumCapabilities::default());
    frame.extend(packet);
    frame.extend(payload);
    frame
}

fn tcp(
    from: (Ipv4Address, u16),
    to: (Ipv4Address, u16),
    control: TcpControl,
    ack: bool,
) -> Vec<u8> {
    let repr = TcpRepr {
        src_port: from.1,
        dst_port: to.1,
        control,
        seq_number: TcpSeqNumber(1000),
        ack_number: ack.then_some(TcpSeqNumber(2000)),
        window_len: 0,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let mut segment = vec![0; repr.buffer_len()];
    repr.emit(
        &mut TcpPacket::new_unchecked(&mut segment[..]),
        &IpAddress::Ipv4(from.0),
        &IpAddress::Ipv4(to.0),
        &ChecksumCapabilities::default(),
    );
    segment
}

fn syn_to(port: u16) -> Vec<u8> {
    tcp((PEER_IP, 40000), (OUR_IP, port), TcpControl::Syn, false)
}

fn echo_request() -> Vec<u8> {
    let repr = Icmpv4Repr::EchoRequest { ident: 1, seq_no: 1, data: b"ping" };
    let mut packet = vec![0; repr.buffer_len()];
    repr.emit(&mut Icmpv4Packet::new_unchecked(&mut packet[..]), &ChecksumCapabilities::default());
    packet
}

#[test]
fn received_frames() {
    use IpProtocol::{Icmp, Tcp, Udp};
    let broadcast = EthernetAddress::BROADCAST;
    let all = Ipv4Address::BROADCAST;
    let subnet = Ipv4Address::new(192, 0, 2, 255);
    let from = |source: [u8; 4]| ipv4(OURS, source.into(), OUR_IP, Tcp, &syn_to(80));
    let rows = [
        ("a ping", ipv4(OURS, PEER_IP, OUR_IP, Icmp, &echo_request()), Ok(())),
        ("a SYN", ipv4(OURS, PEER_IP, OUR_IP, Tcp, &syn_to(80)), Ok(())),
        ("nothing", vec![], Err(Drop::Runt)),
        ("13 bytes", vec![0; 13], Err(Drop::Runt)),
        ("1515 bytes", vec![0; 1515], Err(Drop::Giant)),
        ("for another", ethernet(PEER, PEER, EthernetProtocol::Ipv4), Err(Drop::NotOurs)),
        ("from a group", ethernet(OURS, broadcast, EthernetProtocol::Ipv4), Err(Drop::BogusSource)),
        ("from 127.0.0.1", from([127, 0, 0, 1]), Err(Drop::BogusSource)),
        ("from class E", from([240, 0, 0, 1]), Err(Drop::BogusSource)),
        ("from a group", from([224, 0, 0, 1]), Err(Drop::BogusSource)),
        ("from ourselves", from([192, 0, 2, 1]), Err(Drop::BogusSource)),
        ("from the broadcast address", from([192, 0, 2, 255]), Err(Drop::BogusSource)),
        ("from nobody", from([0, 0, 0, 0]), Err(Drop::BogusSource)),
        ("DHCP's answer to all", ipv4(broadcast, PEER_IP, all, Udp, &[0; 8]), Ok(())),
        (
            "a SYN in a broadcast frame",
            ipv4(broadcast, PEER_IP, OUR_IP, Tcp, &syn_to(80)),
            Err(Drop::BroadcastTcp),
        ),
        (
            "a ping to the subnet",
            ipv4(broadcast, PEER_IP, subnet, Icmp, &echo_request()),
            Err(Drop::BroadcastEcho),
        ),
        (
            "to 127.0.0.1",
            ipv4(OURS, PEER_IP, Ipv4Address::LOCALHOST, Tcp, &syn_to(80)),
            Err(Drop::BogusDestination),
        ),
    ];
    for (what, frame, expected) in rows {
        keep(&[(tag::RECEIVED, &frame)]);
        assert_eq!(guard().check_received(&frame), expected, "{what}");
    }
}

#[test]
fn errors_are_limited_and_come_back_after_a_second() {
    let guard = guard();
    let unreachable = [3, 3, 0, 0, 0, 0, 0, 0];
    let error = ipv4(PEER, OUR_IP, PEER_IP, IpProtocol::Icmp, &unreachable);
    keep(&[(tag::SENT, &error), (tag::WAIT, &[0xe8, 3]), (tag::SENT, &error)]);
    let now = Instant::from_secs(5);
    let passed = (0..1000).filter(|_| guard.check_sent(now, &error).is_ok()).count();
    assert_eq!(passed, BACKSCATTER_PER_SECOND as usize);
    assert_eq!(guard.check_sent(now + Duration::from_secs(1), &error), Ok(()));
}

#[test]
fn a_server_that_refuses_does_not_make_the_dhcp_client_storm() {
    let guard = guard();
    let mut datagram = vec![0; 300];
    UdpPacket::new_unchecked(&mut datagram[..]).set_src_port(DHCP_CLIENT_PORT);
    UdpPacket::new_unchecked(&mut datagram[..]).set_dst_port(67);
    UdpPacket::new_unchecked(&mut datagram[..]).set_len(300);
    let all = Ipv4Address::BROADCAST;
    let frame = ipv4(EthernetAddress::BROADCAST, OUR_IP, all, IpProtocol::Udp, &datagram);
    keep(&[(tag::SENT, &frame[..]); DHCP_PER_SECOND as usize + 1]);
    let passed = (0..1000).filter(|_| guard.check_sent(Instant::ZERO, &frame).is_ok()).count();
    assert_eq!(passed, DHCP_PER_SECOND as usize);
    assert_eq!(guard.check_sent(Instant::from_secs(1), &frame), Ok(()));
}

proptest! {
    #[test]
    fn no_frame_panics(frame in proptest::collection::vec(any::<u8>(), 0..1600)) {
        let guard = guard();
        let _ = guard.check_received(&frame);
        let _ = guard.check_sent(Instant::ZERO, &frame);
    }

    #[test]
    fn no_mangled_frame_panics(
        which in 0..2usize,
        at in 0..80usize,
        value: u8,
        cut in 0..80usize,
    ) {
        let mut frame = match which {
            0 => ipv4(OURS, PEER_IP, OUR_IP, IpProtocol::Tcp, &syn_to(80)),
            _ => ipv4(OURS, PEER_IP, OUR_IP, IpProtocol::Icmp, &echo_request()),
        };
        if let Some(byte) = frame.get_mut(at) {
            *byte = value;
        }
        frame.truncate(frame.len().saturating_sub(cut));
        let guard = guard();
        let _ = guard.check_received(&frame);
        let _ = guard.check_sent(Instant::ZERO, &frame);
    }
}

fn ipv6(to: EthernetAddress, from: &str, dst: &str, protocol: IpProtocol, data: &[u8]) -> Vec<u8> {
    let ip = smoltcp::wire::Ipv6Repr {
        src_addr: from.parse().unwrap(),
        dst_addr: dst.parse().unwrap(),
        next_header: protocol,
        payload_len: data.len(),
        hop_limit: 64,
    };
    let mut frame = ethernet(to, PEER, EthernetProtocol::Ipv6);
    let start = frame.len();
    frame.resize(start + 40, 0);
    ip.emit(&mut smoltcp::wire::Ipv6Packet::new_unchecked(&mut frame[start..]));
    frame.extend(data);
    frame
}

#[test]
fn received_frames_of_ipv6() {
    use IpProtocol::{Icmpv6, Tcp, Udp};
    let guard = guard();
    guard.set_addresses_v6(core::iter::once("fe80::1".parse().unwrap()));
    let all = EthernetAddress([0x33, 0x33, 0, 0, 0, 1]);
    let echo = [128, 0, 0, 0, 0, 0, 0, 0];
    let from = |from| ipv6(OURS, from, "fe80::1", Udp, &[0; 8]);
    for (what, frame, expected) in [
        ("a ping", ipv6(OURS, "fe80::2", "fe80::1", Icmpv6, &echo), Ok(())),
        ("a ping to all", ipv6(all, "fe80::2", "ff02::1", Icmpv6, &echo), Err(Drop::BroadcastEcho)),
        ("a SYN", ipv6(OURS, "fe80::2", "fe80::1", Tcp, &syn_to(80)), Ok(())),
        (
            "a SYN to all",
            ipv6(all, "fe80::2", "ff02::1", Tcp, &syn_to(80)),
            Err(Drop::BroadcastTcp),
        ),
        ("from a group", from("ff02::1"), Err(Drop::BogusSource)),
        ("from ::1", from("::1"), Err(Drop::BogusSource)),
        ("from ourselves", from("fe80::1"), Err(Drop::BogusSource)),
        ("from nobody", from("::"), Err(Drop::BogusSource)),
        ("from IPv4", from("::ffff:192.0.2.9"), Err(Drop::BogusSource)),
        ("to ::1", ipv6(OURS, "fe80::2", "::1", Udp, &[0; 8]), Err(Drop::BogusDestination)),
        ("a question without an address", ipv6(all, "::", "ff02::1", Icmpv6, &[135; 24]), Ok(())),
    ] {
        assert_eq!(guard.check_received(&frame), expected, "{what}");
    }
}
