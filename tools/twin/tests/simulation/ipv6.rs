//! IPv6: addresses by themselves, neighbours, routers honest and other, and the services over it.

use std::time::Duration;

use firmware::net::{NeighborState, RouteSource};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, HardwareAddress, Icmpv6Packet,
    Icmpv6Repr, IpAddress, IpCidr, IpProtocol, Ipv6Address, Ipv6Packet, Ipv6Repr,
    NdiscNeighborFlags, NdiscPrefixInfoFlags, NdiscPrefixInformation, NdiscRepr, NdiscRouterFlags,
};
use twin::desk::{BOARD_MAC, BOARD_V6, Desk, PEER_V6, Setup};

use crate::SOON;
use crate::neighbors::ping;
use crate::packets::FORGER_MAC;

const SECOND: Duration = Duration::from_secs(1);
const ALL_NODES: Ipv6Address = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// A frame of ICMPv6 that no stack would send by itself.
fn icmpv6(from: Ipv6Address, to: Ipv6Address, hop_limit: u8, message: Icmpv6Repr<'_>) -> Vec<u8> {
    let ip = Ipv6Repr {
        src_addr: from,
        dst_addr: to,
        next_header: IpProtocol::Icmpv6,
        payload_len: message.buffer_len(),
        hop_limit,
    };
    let [.., a, b, c, d] = to.octets();
    let to_mac = match to.is_multicast() {
        true => EthernetAddress([0x33, 0x33, a, b, c, d]),
        false => BOARD_MAC,
    };
    let ethertype = EthernetProtocol::Ipv6;
    let ethernet = EthernetRepr { src_addr: FORGER_MAC, dst_addr: to_mac, ethertype };
    let mut frame = EthernetFrame::new_unchecked(vec![0; 14 + 40 + message.buffer_len()]);
    ethernet.emit(&mut frame);
    let mut packet = Ipv6Packet::new_unchecked(frame.payload_mut());
    ip.emit(&mut packet);
    let mut icmp = Icmpv6Packet::new_unchecked(packet.payload_mut());
    message.emit(&from, &to, &mut icmp, &ChecksumCapabilities::default());
    frame.into_inner()
}

fn advert(router: Ipv6Address, prefix: Ipv6Address, seconds: u64) -> Vec<u8> {
    let lifetime = smoltcp::time::Duration::from_secs(seconds);
    let message = Icmpv6Repr::Ndisc(NdiscRepr::RouterAdvert {
        hop_limit: 64,
        flags: NdiscRouterFlags::empty(),
        router_lifetime: lifetime,
        reachable_time: smoltcp::time::Duration::ZERO,
        retrans_time: smoltcp::time::Duration::ZERO,
        lladdr: Some(HardwareAddress::Ethernet(FORGER_MAC).into()),
        mtu: None,
        prefix_info: Some(NdiscPrefixInformation {
            prefix_len: 64,
            flags: NdiscPrefixInfoFlags::ON_LINK | NdiscPrefixInfoFlags::ADDRCONF,
            valid_lifetime: lifetime,
            preferred_lifetime: lifetime,
            prefix,
        }),
    });
    icmpv6(router, ALL_NODES, 255, message)
}

fn ours(desk: &mut Desk) -> Vec<Ipv6Address> {
    let interfaces = desk.machine().firmware().system().interfaces();
    let v6 = interfaces[0].addresses.iter().filter_map(|address| match address.cidr {
        IpCidr::Ipv6(cidr) => Some(cidr.address()),
        IpCidr::Ipv4(_) => None,
    });
    v6.collect()
}

/// The target of a solicitation for an address that is only considered.
fn probed_for(frame: &[u8]) -> Option<Ipv6Address> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    let ip = (frame.ethertype() == EthernetProtocol::Ipv6).then(|| frame.payload())?;
    let ip = Ipv6Packet::new_checked(ip).ok()?;
    let is_probe = ip.src_addr().is_unspecified() && ip.payload().first() == Some(&135);
    let target: [u8; 16] = ip.payload().get(8..24)?.try_into().ok()?;
    is_probe.then_some(target.into())
}

#[test]
fn an_address_of_the_link_after_a_probe() {
    Desk::run(&Setup::default(), |desk| {
        desk.run_for(SECOND / 2);
        let frames = desk.take_frames();
        assert!(frames.iter().any(|frame| probed_for(frame) == Some(BOARD_V6)));
        assert!(ours(desk).is_empty(), "not before a second has passed");
        desk.run_for(SECOND);
        assert_eq!(ours(desk), [BOARD_V6]);
    });
}

#[test]
fn the_web_over_it_and_pings_both_ways() {
    Desk::run(&Setup::default(), |desk| {
        desk.run_for(SECOND * 2);
        let (answer, from) =
            desk.board("an answer", SOON, |system| ping(system, IpAddress::Ipv6(PEER_V6)));
        assert_eq!((answer[0], from), (129, IpAddress::Ipv6(PEER_V6)));
        for port in [80, 23] {
            let handle = desk.connect_to(0, IpAddress::Ipv6(BOARD_V6), port);
            desk.send(0, handle, b"GET / HTTP/1.0\r\n\r\n", SOON);
            let wanted = if port == 80 { "HTTP/1.1 200 OK" } else { "$ " };
            desk.expect(0, handle, wanted, SOON);
        }
        let system = desk.machine().firmware().system();
        let known = system.neighbors().find(|known| known.address == IpAddress::Ipv6(PEER_V6));
        assert_eq!(known.unwrap().state, NeighborState::Reachable);
    });
}

#[test]
fn nobody_there_is_told_of() {
    Desk::run(&Setup::default(), |desk| {
        desk.run_for(SECOND * 2);
        let nobody: IpAddress = "fe80::dead".parse().unwrap();
        let (answer, from) = desk.board("an error", SOON, move |system| ping(system, nobody));
        assert_eq!((answer[..2].to_vec(), from), (vec![1, 3], IpAddress::Ipv6(BOARD_V6)));
    });
}

#[test]
fn an_address_that_somebody_has_is_not_taken() {
    Desk::run(&Setup::default(), |desk| {
        desk.run_for(SECOND / 2);
        let claim = Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert {
            flags: NdiscNeighborFlags::OVERRIDE,
            target_addr: BOARD_V6,
            lladdr: Some(HardwareAddress::Ethernet(FORGER_MAC).into()),
        });
        desk.send_frame(icmpv6(BOARD_V6, ALL_NODES, 255, claim));
        desk.run_for(SECOND * 60);
        assert!(ours(desk).is_empty());
        let journal = desk.journal();
        assert!(
            journal.contains("fe80::ba:5eff:fe00:1 is in use by 02:ba:5e:00:09:09"),
            "{journal}"
        );
    });
}

#[test]
fn a_router_gives_us_an_address_and_takes_it_back() {
    let router: Ipv6Address = "fe80::99".parse().unwrap();
    let global: Ipv6Address = "2001:db8::ba:5eff:fe00:1".parse().unwrap();
    Desk::run(&Setup::default(), |desk| {
        desk.run_for(SECOND * 2);
        let prefix = "2001:db8::".parse().unwrap();
        // By a router: whoever it is, it is not on this wire.
        let mut passed_on = advert(router, prefix, 600);
        passed_on[14 + 7] = 64;
        desk.send_frame(passed_on);
        desk.run_for(SECOND * 2);
        assert_eq!(ours(desk), [BOARD_V6]);

        desk.send_frame(advert(router, prefix, 600));
        desk.run_for(SECOND * 2);
        assert_eq!(ours(desk), [BOARD_V6, global]);
        let system = desk.machine().firmware().system();
        let choice = system.route_get("2001:db8:ffff::1".parse().unwrap()).unwrap();
        assert_eq!(choice.next_hop, IpAddress::Ipv6(router));
        assert_eq!(choice.source_address, Some(IpAddress::Ipv6(global)));
        assert_eq!(choice.route.source, RouteSource::RouterAdvertisement);
        let near = system.route_get("2001:db8::7".parse().unwrap()).unwrap();
        assert_eq!(near.next_hop, "2001:db8::7".parse().unwrap());

        desk.run_for(SECOND * 600);
        assert_eq!(ours(desk), [BOARD_V6]);
        assert_eq!(system.route_get("2001:db8:ffff::1".parse().unwrap()), None);
    });
}

/// Thousands of routers and prefixes: the board keeps what it had, and answers.
#[test]
fn a_flood_of_routers() {
    Desk::run(&Setup::default(), |desk| {
        desk.run_for(SECOND * 2);
        desk.send_frame(advert("fe80::99".parse().unwrap(), "2001:db8::".parse().unwrap(), 1800));
        desk.run_for(SECOND * 2);
        for number in 1..1000u16 {
            let router = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 1, number);
            let prefix = Ipv6Address::new(0x2001, 0xdb8, number, 0, 0, 0, 0, 0);
            desk.send_frame(advert(router, prefix, 1800));
            desk.run_for(SECOND / 1000);
        }
        desk.run_for(SECOND * 5);
        let v6 = ours(desk);
        assert_eq!(v6[1], "2001:db8::ba:5eff:fe00:1".parse::<Ipv6Address>().unwrap());
        assert!(v6.len() <= 4, "{v6:?}");
        let (head, _) = desk.fetch(0, "/", SOON);
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        let journal = desk.journal();
        assert!(journal.lines().count() < 60, "the journal is flooded:\n{journal}");
    });
}

#[test]
fn without_ipv6_there_is_none_of_it() {
    let append = format!("{} ipv6.disable=1", Setup::default().append);
    Desk::run(&Setup { append, ..Setup::default() }, |desk| {
        desk.run_for(SECOND * 20);
        assert!(ours(desk).is_empty());
        let is_v6 = |frame: &Vec<u8>| frame[12..14] == [0x86, 0xdd];
        assert!(!desk.take_frames().iter().any(is_v6));
    });
}
