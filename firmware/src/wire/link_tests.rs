//! Frames to packets and back: who is who, and what never leaves.

use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{ArpOperation, ArpPacket, ArpRepr, EthernetRepr, IpCidr, Ipv4Repr, UdpRepr};

use super::*;
use crate::net::link_local::{probe, reply_from, request};
use crate::net::{NeighborState, Port, Route, RouteSource};

const OUR_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
const PEER_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 2]);
const OURS: Ipv4Address = Ipv4Address::new(192, 0, 2, 1);
const PEER: Ipv4Address = Ipv4Address::new(192, 0, 2, 2);
const ROUTER: Ipv4Address = Ipv4Address::new(192, 0, 2, 254);
const FAR: Ipv4Address = Ipv4Address::new(198, 51, 100, 7);
const NOW: Duration = Duration::from_secs(1);

fn link() -> Link {
    let list = Box::leak(Box::new([PacketMetadata::EMPTY; DHCP_INBOX]));
    let packets = Box::leak(vec![0; DHCP_PACKET_BYTES_MAX].into_boxed_slice());
    let link = Link::new(packets.try_into().unwrap(), list);
    let v4 = Ipv4Cidr::new(OURS, 24);
    link.set_mac(OUR_MAC);
    link.set_up(true);
    link.set_ours(Ours { v4: Some(v4), v6: heapless::Vec::new() });
    link.watch(Some(OURS));
    let near = Route {
        destination: IpCidr::Ipv4(v4),
        gateway: None,
        metric: 0,
        source: RouteSource::Connected,
        port: Port::Eth0,
    };
    link.routes.borrow_mut().add(near).unwrap();
    let far = Route::default_by(ROUTER.into(), RouteSource::Static);
    link.routes.borrow_mut().add(far).unwrap();
    link
}

fn packet(from: Ipv4Address, to: Ipv4Address, protocol: IpProtocol, payload: &[u8]) -> Vec<u8> {
    let repr = Ipv4Repr {
        src_addr: from,
        dst_addr: to,
        next_header: protocol,
        payload_len: payload.len(),
        hop_limit: 64,
    };
    let mut bytes = vec![0; 20 + payload.len()];
    repr.emit(&mut Ipv4Packet::new_unchecked(&mut bytes[..]), &ChecksumCapabilities::default());
    bytes[20..].copy_from_slice(payload);
    bytes
}

fn framed(to: EthernetAddress, kind: EthernetProtocol, payload: &[u8]) -> Vec<u8> {
    let repr = EthernetRepr { src_addr: PEER_MAC, dst_addr: to, ethertype: kind };
    let mut bytes = vec![0; 14];
    repr.emit(&mut EthernetFrame::new_unchecked(&mut bytes[..]));
    bytes.extend(payload);
    bytes
}

fn receive(link: &Link, frame: &[u8]) -> (bool, Drops) {
    let drops = Drops::new();
    let is_for_stack = link.received(NOW, frame, &drops).is_some();
    (is_for_stack, drops)
}

fn neighbor(link: &Link, address: Ipv4Address) -> Option<NeighborState> {
    let neighbors = link.neighbors.borrow();
    let mut all = (0..).map_while(|index| neighbors.get(index, NOW));
    let found = all.find(|neighbor| neighbor.address == address.into());
    found.map(|neighbor| neighbor.state)
}

fn way(link: &Link, from: Ipv4Address, to: Ipv4Address) -> Result<Way, Drop> {
    link.way_of(NOW, &packet(from, to, IpProtocol::Udp, &[0; 8]))
}

#[test]
fn where_packets_go() {
    let link = link();
    let broadcast = Way::Frame(EthernetAddress::BROADCAST);
    let group = Way::Frame(EthernetAddress([0x01, 0, 0x5e, 0x7f, 0, 0xfb]));
    for (from, to, expected) in [
        (OURS, OURS, Ok(Way::Loop)),
        (OURS, Ipv4Address::LOCALHOST, Ok(Way::Loop)),
        (Ipv4Address::LOCALHOST, Ipv4Address::LOCALHOST, Ok(Way::Loop)),
        (Ipv4Address::LOCALHOST, PEER, Err(Drop::NoRoute)),
        (Ipv4Address::LOCALHOST, FAR, Err(Drop::NoRoute)),
        (Ipv4Address::LOCALHOST, Ipv4Address::BROADCAST, Err(Drop::NoRoute)),
        (Ipv4Address::UNSPECIFIED, Ipv4Address::BROADCAST, Ok(broadcast)),
        (OURS, Ipv4Address::new(192, 0, 2, 255), Ok(broadcast)),
        (OURS, Ipv4Address::new(224, 0xff, 0, 0xfb), Ok(group)),
        (OURS, PEER, Ok(Way::Wait(PEER.into()))),
        (OURS, FAR, Ok(Way::Wait(ROUTER.into()))),
    ] {
        assert_eq!(way(&link, from, to), expected, "{from} to {to}");
    }
    link.set_up(false);
    assert_eq!(way(&link, OURS, PEER), Err(Drop::NoTransmitBuffer));
    assert_eq!(way(&link, OURS, OURS), Ok(Way::Loop));
}

#[test]
fn who_asks_for_us_is_answered_and_known() {
    let link = link();
    let frame = request(PEER_MAC, PEER, EthernetAddress::BROADCAST, OURS);
    let (is_for_stack, drops) = receive(&link, &frame);
    assert!(!is_for_stack && drops.iter().all(|(_, count)| count == 0));
    let answer = link.outbox.borrow_mut().pop_front().unwrap();
    assert_eq!(answer[..], reply_from(OUR_MAC, OURS, PEER_MAC, PEER)[..]);
    assert_eq!(way(&link, OURS, PEER), Ok(Way::Frame(PEER_MAC)));
    // Others' questions are others' affair.
    receive(&link, &request(PEER_MAC, PEER, EthernetAddress::BROADCAST, ROUTER));
    assert!(link.outbox.borrow().is_empty());
}

#[test]
fn an_answer_counts_only_if_asked_for() {
    let link = link();
    let answer = reply_from(PEER_MAC, PEER, OUR_MAC, OURS);
    assert_eq!(receive(&link, &answer).1.get(Drop::UnsolicitedArp), 1);
    assert_eq!(way(&link, OURS, PEER), Ok(Way::Wait(PEER.into())));
    let question = link.neighbors.borrow_mut().poll(NOW).unwrap();
    let asked = link.question(&question).unwrap();
    assert_eq!(asked[..], request(OUR_MAC, OURS, EthernetAddress::BROADCAST, PEER)[..]);
    assert_eq!(receive(&link, &answer).1.get(Drop::UnsolicitedArp), 0);
    assert_eq!(way(&link, OURS, PEER), Ok(Way::Frame(PEER_MAC)));
    assert_eq!(receive(&link, &answer).1.get(Drop::UnsolicitedArp), 0, "the same once more");
    let other = reply_from(EthernetAddress([2, 0, 0, 0, 0, 3]), PEER, OUR_MAC, OURS);
    assert_eq!(receive(&link, &other).1.get(Drop::UnsolicitedArp), 1);
    assert_eq!(way(&link, OURS, PEER), Ok(Way::Frame(PEER_MAC)));
}

#[test]
fn claims_and_probes_of_the_watched_address_are_heard() {
    let link = link();
    receive(&link, &request(PEER_MAC, OURS, EthernetAddress::BROADCAST, PEER));
    receive(&link, &probe(PEER_MAC, OURS));
    // Our own, come back.
    receive(&link, &probe(OUR_MAC, OURS));
    assert_eq!(link.take_arp(), Some((OURS, ArpHeard::Claim(PEER_MAC))));
    assert_eq!(link.take_arp(), Some((OURS, ArpHeard::Probe(PEER_MAC))));
    assert_eq!(link.take_arp(), None);
    assert!(link.outbox.borrow().is_empty() && neighbor(&link, OURS).is_none());
}

#[test]
fn who_sends_to_us_is_a_neighbor_if_it_is_near() {
    let link = link();
    let data = [0; 8];
    let from = |address, to| {
        framed(to, EthernetProtocol::Ipv4, &packet(address, OURS, IpProtocol::Udp, &data))
    };
    assert!(receive(&link, &from(FAR, OUR_MAC)).0);
    assert_eq!(neighbor(&link, FAR), None);
    assert!(receive(&link, &from(PEER, EthernetAddress::BROADCAST)).0);
    assert_eq!(neighbor(&link, PEER), None);
    assert!(receive(&link, &from(PEER, OUR_MAC)).0);
    assert_eq!(neighbor(&link, PEER), Some(NeighborState::Stale));
    let strange = framed(OUR_MAC, EthernetProtocol::Unknown(0x88cc), &data);
    let (is_for_stack, drops) = receive(&link, &strange);
    assert!(!is_for_stack && drops.get(Drop::UnknownProtocol) == 1);
}

#[test]
fn who_does_not_answer_is_told_of() {
    let link = link();
    let drops = Drops::new();
    assert_eq!(way(&link, OURS, PEER), Ok(Way::Wait(PEER.into())));
    let mut frame = vec![0; HEADER_BYTES];
    frame.extend(packet(OURS, PEER, IpProtocol::Udp, &[0; 8]));
    assert!(link.slots.put_waiting(PEER.into(), frame.len(), |out| out.copy_from_slice(&frame)));
    for second in 1..=4 {
        link.give_up(&drops);
        assert!(!link.is_looping());
        while link.neighbors.borrow_mut().poll(Duration::from_secs(second)).is_some() {}
    }
    link.give_up(&drops);
    assert!(link.is_looping() && drops.get(Drop::Unreachable) == 1);
}

#[test]
fn dhcp_goes_to_its_client_when_it_is_wanted() {
    let link = link();
    let udp = UdpRepr { src_port: 67, dst_port: DHCP_CLIENT_PORT };
    let mut bytes = vec![0; 8 + 4];
    let (from, to) = (ROUTER.into(), Ipv4Address::BROADCAST.into());
    udp.emit(
        &mut UdpPacket::new_unchecked(&mut bytes[..]),
        &from,
        &to,
        4,
        |payload| payload.copy_from_slice(b"dhcp"),
        &ChecksumCapabilities::default(),
    );
    let frame = |bytes: &[u8]| {
        let packet = packet(ROUTER, Ipv4Address::BROADCAST, IpProtocol::Udp, bytes);
        framed(EthernetAddress::BROADCAST, EthernetProtocol::Ipv4, &packet)
    };
    assert!(receive(&link, &frame(&bytes)).0, "not wanted");
    link.want_dhcp(true);
    assert!(!receive(&link, &frame(&bytes)).0);
    assert_eq!(link.take_dhcp(<[u8]>::to_vec), Some(b"dhcp".to_vec()));
    bytes[9] ^= 1;
    assert_eq!(receive(&link, &frame(&bytes)).1.get(Drop::DhcpLost), 1, "damaged");
    assert_eq!(link.take_dhcp(<[u8]>::to_vec), None);
}

fn arp(operation: u16, rest: [u8; 20]) -> Vec<u8> {
    let repr = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::from(operation),
        source_hardware_addr: EthernetAddress::from_bytes(&rest[..6]),
        source_protocol_addr: Ipv4Address::new(192, 0, 2, rest[9]),
        target_hardware_addr: EthernetAddress::from_bytes(&rest[10..16]),
        target_protocol_addr: Ipv4Address::new(192, 0, 2, rest[19]),
    };
    let mut bytes = vec![0; repr.buffer_len()];
    repr.emit(&mut ArpPacket::new_unchecked(&mut bytes[..]));
    framed(OUR_MAC, EthernetProtocol::Arp, &bytes)
}

proptest! {
    #[test]
    fn no_frame_panics(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        kind in prop_oneof![Just(0x0800u16), Just(0x0806), Just(0x86dd), any::<u16>()],
    ) {
        let link = link();
        link.want_dhcp(true);
        let frame = framed(OUR_MAC, EthernetProtocol::from(kind), &bytes);
        receive(&link, &frame);
        let _ = link.way_of(NOW, &bytes);
    }

    /// Whatever ARP says: our own address stays ours, and nobody is sent to a group.
    #[test]
    fn no_arp_moves_us(packets in proptest::collection::vec((0..4u16, any::<[u8; 20]>()), 0..50)) {
        let link = link();
        for (operation, rest) in packets {
            receive(&link, &arp(operation, rest));
        }
        prop_assert_eq!(way(&link, PEER, OURS), Ok(Way::Loop));
        prop_assert_eq!(neighbor(&link, OURS), None);
        for last in 0..=255 {
            let to = Ipv4Address::new(192, 0, 2, last);
            if let (true, Ok(Way::Frame(mac))) = (last != 255, way(&link, OURS, to)) {
                prop_assert!(mac.is_unicast(), "{to} is at {mac}");
            }
        }
    }
}
