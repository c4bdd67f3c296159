//! Neighbor Discovery: what is answered, learned and refused.

use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;
use smoltcp::storage::PacketMetadata;
use smoltcp::wire::{IpCidr, Ipv6Cidr};

use super::*;
use crate::limits::{DHCP_INBOX, DHCP_PACKET_BYTES_MAX};
use crate::net::{Port, Resolved, Route, RouteSource};
use crate::wire::Ours;

const OUR_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
const PEER_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 2]);
const OURS: Ipv6Address = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const PEER: Ipv6Address = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
const NOW: Duration = Duration::from_secs(1);

fn link() -> Link {
    let list = Box::leak(Box::new([PacketMetadata::EMPTY; DHCP_INBOX]));
    let packets = Box::leak(vec![0; DHCP_PACKET_BYTES_MAX].into_boxed_slice());
    let link = Link::new(packets.try_into().unwrap(), list);
    link.set_mac(OUR_MAC);
    link.set_up(true);
    let v6 = heapless::Vec::from_slice(&[Ipv6Cidr::new(OURS, 64)]).unwrap();
    link.set_ours(Ours { v4: None, v6 });
    let near = Route {
        destination: IpCidr::new(OURS.into(), 64),
        gateway: None,
        metric: 0,
        source: RouteSource::Connected,
        port: Port::Eth0,
    };
    link.routes.borrow_mut().add(near).unwrap();
    link
}

/// A peer's message, as it makes its own.
fn from_peer(from: Ipv6Address, to: Ipv6Address, message: NdiscRepr<'_>) -> Vec<u8> {
    let peer = link();
    peer.set_mac(PEER_MAC);
    peer.message(from, to, OUR_MAC, message).unwrap().to_vec()
}

fn lladdr(mac: EthernetAddress) -> Option<smoltcp::wire::RawHardwareAddress> {
    Some(HardwareAddress::Ethernet(mac).into())
}

fn solicit(target_addr: Ipv6Address, has_mac: bool) -> NdiscRepr<'static> {
    let lladdr = if has_mac { lladdr(PEER_MAC) } else { None };
    NdiscRepr::NeighborSolicit { target_addr, lladdr }
}

fn advert(target_addr: Ipv6Address, flags: NdiscNeighborFlags) -> NdiscRepr<'static> {
    NdiscRepr::NeighborAdvert { flags, target_addr, lladdr: lladdr(PEER_MAC) }
}

/// The reasons of what was dropped.
fn receive(link: &Link, frame: &[u8]) -> Vec<Drop> {
    let drops = Drops::new();
    assert!(link.received(NOW, frame, &drops).is_none(), "not the stack's affair");
    drops.iter().filter(|(_, count)| *count > 0).map(|(why, _)| why).collect()
}

fn resolve(link: &Link, address: Ipv6Address) -> Resolved {
    link.neighbors.borrow_mut().resolve(NOW, address.into())
}

#[test]
fn who_asks_for_us_is_answered_and_known() {
    let link = link();
    let group = solicited_node(&OURS);
    assert_eq!(receive(&link, &from_peer(PEER, group, solicit(OURS, true))), []);
    let answer = link.outbox.borrow_mut().pop_front().unwrap();
    assert_eq!(answer[..6], PEER_MAC.0);
    let ip = Ipv6Packet::new_checked(&answer[14..]).unwrap();
    assert_eq!((ip.src_addr(), ip.dst_addr(), ip.hop_limit()), (OURS, PEER, 255));
    assert_eq!((ip.payload()[0], ip.payload()[4]), (136, 0x60), "solicited, override");
    assert_eq!(resolve(&link, PEER), Resolved::Mac(PEER_MAC));
    receive(&link, &from_peer(PEER, group, solicit(PEER, true)));
    assert!(link.outbox.borrow().is_empty(), "others are asked for by others");
}

#[test]
fn a_probe_for_our_address_is_answered_to_all() {
    let link = link();
    let nobody = Ipv6Address::UNSPECIFIED;
    let probe = from_peer(nobody, solicited_node(&OURS), solicit(OURS, false));
    assert_eq!(receive(&link, &probe), []);
    let answer = link.outbox.borrow_mut().pop_front().unwrap();
    let ip = Ipv6Packet::new_checked(&answer[14..]).unwrap();
    assert_eq!((ip.dst_addr(), ip.payload()[4]), (ALL_NODES, 0x20), "override");
    let told = from_peer(nobody, solicited_node(&OURS), solicit(OURS, true));
    assert_eq!(receive(&link, &told), [Drop::BadDiscovery]);
}

#[test]
fn an_answer_counts_if_it_was_asked_for() {
    let link = link();
    let solicited = NdiscNeighborFlags::SOLICITED | NdiscNeighborFlags::OVERRIDE;
    let answer = from_peer(PEER, OURS, advert(PEER, solicited));
    assert_eq!(receive(&link, &answer), [Drop::UnsolicitedAdvert]);
    assert_eq!(resolve(&link, PEER), Resolved::Pending);
    let question = link.neighbors.borrow_mut().poll(NOW).unwrap();
    let asked = link.question(&question).unwrap();
    assert_eq!(asked[..6], [0x33, 0x33, 0xff, 0, 0, 2]);
    assert_eq!(receive(&link, &answer), []);
    assert_eq!(resolve(&link, PEER), Resolved::Mac(PEER_MAC));
    let to_all = from_peer(PEER, ALL_NODES, advert(PEER, solicited));
    assert_eq!(receive(&link, &to_all), [Drop::BadDiscovery]);
}

#[test]
fn claims_of_what_is_considered() {
    let link = link();
    let wanted = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, 9);
    link.consider(Some(wanted));
    let nobody = Ipv6Address::UNSPECIFIED;
    receive(&link, &from_peer(nobody, solicited_node(&wanted), solicit(wanted, false)));
    assert_eq!(link.take_claim(), Some((wanted, PEER_MAC)), "another probes for it");
    receive(&link, &from_peer(wanted, ALL_NODES, advert(wanted, NdiscNeighborFlags::OVERRIDE)));
    assert_eq!(link.take_claim(), Some((wanted, PEER_MAC)), "another has it");
    receive(&link, &from_peer(PEER, solicited_node(&wanted), solicit(wanted, true)));
    assert_eq!(link.take_claim(), None, "one who only asks");
    assert!(link.outbox.borrow().is_empty(), "it is not ours yet");
    // Our own probe, come back by a loop in the network.
    let drops = Drops::new();
    link.probe_v6(wanted, &drops);
    let ours = link.outbox.borrow_mut().pop_front().unwrap();
    receive(&link, &ours);
    assert_eq!(link.take_claim(), None);
}

#[test]
fn what_came_by_a_router_or_is_damaged() {
    for (at, value) in [(14 + 7, 64), (14 + 41, 1), (14 + 43, 0)] {
        let link = link();
        let mut frame = from_peer(PEER, solicited_node(&OURS), solicit(OURS, true));
        frame[at] = value;
        assert_eq!(receive(&link, &frame), [Drop::BadDiscovery], "byte {at}");
        assert!(link.outbox.borrow().is_empty());
    }
}

proptest! {
    #[test]
    fn no_message_panics(
        kind in 133..=137u8,
        rest in proptest::collection::vec(any::<u8>(), 0..120),
    ) {
        let link = link();
        let mut frame = vec![0; 14 + 40];
        let ip = Ipv6Repr {
            src_addr: PEER,
            dst_addr: OURS,
            next_header: IpProtocol::Icmpv6,
            payload_len: rest.len() + 4,
            hop_limit: 255,
        };
        ip.emit(&mut Ipv6Packet::new_unchecked(&mut frame[14..]));
        frame[..6].copy_from_slice(OUR_MAC.as_bytes());
        frame[6..14].copy_from_slice(&[2, 0, 0, 0, 0, 2, 0x86, 0xdd]);
        frame.extend([kind, 0, 0, 0]);
        frame.extend(rest);
        if frame.len() >= 14 + 40 + 8 {
            Icmpv6Packet::new_unchecked(&mut frame[54..]).fill_checksum(&PEER, &OURS);
        }
        receive(&link, &frame);
    }
}
