//! What a DHCP server may give the board, and what not.

use firmware::limits::DHCP_LEASE_SECONDS_MIN;
use std::time::Duration;

use firmware::Text;
use firmware::status::{AddressSource, Link, NicFacts};
use smoltcp::wire::{ArpPacket, EthernetFrame, EthernetProtocol, Ipv4Address};
use twin::desk::{BOARD_MAC, Desk, Setup};

use crate::dhcp_server::{Offer, answer};
use crate::packets::ROUTER;

/// The client asks again and again in that time, and helps itself to a link-local address.
const WHILE: Duration = Duration::from_secs(60);

const GOOD: Offer = Offer {
    address: Ipv4Address::new(192, 168, 77, 42),
    mask: Ipv4Address::new(255, 255, 255, 0),
    router: Some(ROUTER),
    lease_seconds: 3600,
};

/// The address that a board ends up with when this is all it is offered.
fn address_after(offer: &Offer) -> (Option<Ipv4Address>, String) {
    let setup = Setup { append: "ip=dhcp".into(), ..Setup::default() };
    Desk::run(&setup, |desk| {
        let end = desk.now() + WHILE;
        while desk.now() < end {
            for frame in desk.take_frames() {
                if let Some(reply) = answer(&frame, offer) {
                    desk.send_frame(reply);
                }
            }
            desk.run_for(Duration::from_millis(100));
        }
        let status = desk.machine().firmware().system().status();
        (status.address.map(|address| address.address.address()), desk.journal())
    })
}

#[test]
fn a_good_lease_is_taken() {
    let (address, journal) = address_after(&GOOD);
    assert_eq!(address, Some(GOOD.address), "{journal}");
    assert!(journal.contains("by DHCP"), "{journal}");
}

#[test]
fn addresses_that_nobody_may_have_are_refused() {
    let hostile = [
        Ipv4Address::new(127, 0, 0, 1),
        Ipv4Address::new(240, 0, 0, 1),
        Ipv4Address::new(255, 255, 255, 255),
        Ipv4Address::new(224, 0, 0, 251),
        Ipv4Address::new(0, 0, 0, 0),
        Ipv4Address::new(0, 1, 2, 3),
        // The network's own address, its broadcast address, and the server's.
        Ipv4Address::new(192, 168, 77, 0),
        Ipv4Address::new(192, 168, 77, 255),
        ROUTER,
    ];
    for address in hostile {
        let (taken, journal) = address_after(&Offer { address, ..GOOD });
        let taken = taken.map(|address| address.octets());
        assert!(
            matches!(taken, None | Some([169, 254, ..])),
            "{address} led to {taken:?}\n{journal}"
        );
    }
}

/// A mask with holes, none at all, and one that leaves no room: whatever is made of them, the board
/// goes on.
#[test]
fn strange_masks_do_no_harm() {
    for mask in [[255, 0, 255, 0], [0, 0, 0, 0], [255, 255, 255, 255], [255, 255, 255, 254]] {
        let offer = Offer { mask: mask.into(), ..GOOD };
        let (taken, journal) = address_after(&offer);
        assert!(taken.is_some(), "{mask:?} left the board without an address\n{journal}");
    }
}

/// A lease of for ever, and the shortest that is taken.
#[test]
fn strange_times_do_no_harm() {
    for lease_seconds in [DHCP_LEASE_SECONDS_MIN, u32::MAX] {
        let (_, journal) = address_after(&Offer { lease_seconds, ..GOOD });
        assert!(journal.contains("by DHCP"), "{lease_seconds} s\n{journal}");
    }
}

/// A lease that ends as it begins is no lease: taken, it would be lost and asked for again without
/// a pause.
#[test]
fn a_lease_of_no_time_is_refused() {
    for lease_seconds in [0, 1, DHCP_LEASE_SECONDS_MIN - 1] {
        let (taken, journal) = address_after(&Offer { lease_seconds, ..GOOD });
        assert!(taken.is_none_or(|address| address.octets()[0] == 169), "{taken:?}\n{journal}");
        assert!(journal.contains("too short"), "{lease_seconds} s\n{journal}");
        assert!(journal.lines().count() < 40, "the journal is flooded:\n{journal}");
    }
}

/// The protocol address that a gratuitous ARP frame of the board's speaks for.
fn announced(frame: &[u8]) -> Option<Ipv4Address> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    let arp = (frame.ethertype() == EthernetProtocol::Arp).then(|| frame.payload())?;
    let arp = ArpPacket::new_checked(arp).ok()?;
    let address = |bytes: &[u8]| <[u8; 4]>::try_from(bytes).ok().map(Ipv4Address::from);
    let (sender, target) =
        (address(arp.source_protocol_addr()), address(arp.target_protocol_addr()));
    sender.filter(|_| sender == target)
}

/// Lets the server answer for a while; every address that the board announced.
fn serve(desk: &mut Desk, offer: &Offer, time: Duration) -> Vec<Ipv4Address> {
    let end = desk.now() + time;
    let mut all = Vec::new();
    while desk.now() < end {
        for frame in desk.take_frames() {
            all.extend(announced(&frame));
            if let Some(reply) = answer(&frame, offer) {
                desk.send_frame(reply);
            }
        }
        desk.run_for(Duration::from_millis(10));
    }
    all
}

/// The interface is unplugged, plugged in, and has a link two seconds later.
fn replug(desk: &mut Desk, offer: &Offer) -> Vec<Ipv4Address> {
    desk.machine().firmware().nic_lost();
    desk.run_for(Duration::from_secs(1));
    let (driver, topology) = ("simulated", Text::from("desk"));
    desk.machine().firmware().nic_found(NicFacts { driver, mac: BOARD_MAC, topology });
    let without_link = serve(desk, offer, Duration::from_secs(2));
    assert!(without_link.is_empty(), "{without_link:?}\n{}", desk.journal());
    desk.machine().firmware().link(Link::Up);
    // Before the second announcement.
    serve(desk, offer, Duration::from_secs(2))
}

#[test]
fn after_a_replug_an_address_is_announced_but_not_before_the_link() {
    let other = Offer { address: Ipv4Address::new(192, 168, 77, 43), ..GOOD };
    let setup = Setup { append: "ip=dhcp".into(), ..Setup::default() };
    Desk::run(&setup, |desk| {
        // RFC 5227 2.3: twice, two seconds apart.
        assert_eq!(serve(desk, &GOOD, WHILE), [GOOD.address; 2]);
        // The same network, then another one.
        for offer in [GOOD, other] {
            assert_eq!(replug(desk, &offer), [offer.address], "{}", desk.journal());
        }
        let journal = desk.journal();
        assert_eq!(journal.matches("/24 given up").count(), 2, "{journal}");
        assert_eq!(journal.matches("by DHCP").count(), 3, "{journal}");
    });
}

#[test]
fn after_a_replug_a_static_address_is_announced_with_the_link() {
    Desk::run(&Setup::default(), |desk| {
        desk.run_for(Duration::from_secs(1));
        desk.take_frames();
        assert_eq!(replug(desk, &GOOD), [twin::desk::BOARD], "{}", desk.journal());
        let journal = desk.journal();
        assert_eq!(journal.matches("/24 given up").count(), 0, "{journal}");
    });
}

/// Half a lease later the client asks for it again, and gets it; nobody else needs to hear of that.
#[test]
fn a_renewed_lease_is_no_news() {
    let setup = Setup { append: "ip=dhcp".into(), ..Setup::default() };
    Desk::run(&setup, |desk| {
        let offer = Offer { lease_seconds: 60, ..GOOD };
        assert_eq!(serve(desk, &offer, Duration::from_secs(5)), [GOOD.address; 2]);
        // The servers may have changed, and the time.
        let renewed = Offer { lease_seconds: 90, ..GOOD };
        let news = serve(desk, &renewed, Duration::from_secs(115));
        assert!(news.is_empty(), "{news:?}\n{}", desk.journal());
        let journal = desk.journal();
        assert_eq!(journal.matches("by DHCP").count(), 1, "{journal}");
        let status = desk.machine().firmware().system().status();
        let source = status.address.map(|address| address.source);
        assert_eq!(source, Some(AddressSource::Dhcp { server: ROUTER, lease_seconds: 90 }));
    });
}
