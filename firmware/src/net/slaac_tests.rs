//! The rules of RFC 4862, and routers that say too much.

use std::vec::Vec;

use super::*;
use crate::wire::Prefix;

const MAC: EthernetAddress = EthernetAddress([0xb8, 0x27, 0xeb, 0x12, 0x34, 0x56]);
const NOW: Duration = Duration::from_secs(10);
const HOUR: Duration = Duration::from_secs(3600);

fn ip(text: &str) -> Ipv6Address {
    text.parse().unwrap()
}

fn advert(router: &str, prefix: &str, valid: Duration) -> Advert {
    let prefix = Prefix {
        cidr: prefix.parse().unwrap(),
        is_on_link: true,
        is_autonomous: true,
        valid,
        preferred: valid / 2,
    };
    Advert {
        router: ip(router),
        lifetime: HOUR / 2,
        mac: None,
        prefixes: heapless::Vec::from_slice(&[prefix]).unwrap(),
        dns: heapless::Vec::from_slice(&[(ip("2001:db8::53"), HOUR)]).unwrap(),
    }
}

/// Polls until nothing is left to do at that moment.
fn steps(slaac: &mut Slaac, now: Duration) -> (Vec<Action>, Option<Duration>) {
    let mut all = Vec::new();
    loop {
        match slaac.poll(now) {
            Action::Wait(until) => return (all, until),
            Action::Changed => {}
            action => all.push(action),
        }
        assert!(all.len() < 100, "{all:?}");
    }
}

/// A link with its address.
fn started() -> Slaac {
    let mut slaac = Slaac::new();
    slaac.start(MAC);
    let (probe, due) = steps(&mut slaac, NOW);
    assert_eq!(probe, [Action::Probe(ip("fe80::ba27:ebff:fe12:3456"))]);
    assert_eq!(due, Some(NOW + IPV6_PROBE_INTERVAL));
    let (gained, _) = steps(&mut slaac, NOW + IPV6_PROBE_INTERVAL);
    let link = Ipv6Cidr::new(ip("fe80::ba27:ebff:fe12:3456"), 64);
    assert_eq!(gained, [Action::Gained(link), Action::Solicit(link.address())]);
    slaac
}

#[test]
fn three_questions_for_routers() {
    let mut slaac = started();
    let mut now = NOW + IPV6_PROBE_INTERVAL;
    for _ in 1..ROUTER_SOLICITS {
        let (none, due) = steps(&mut slaac, now);
        assert_eq!((none, due), (Vec::new(), Some(now + ROUTER_SOLICIT_INTERVAL)));
        now += ROUTER_SOLICIT_INTERVAL;
        assert!(matches!(steps(&mut slaac, now).0[..], [Action::Solicit(_)]));
    }
    assert_eq!(steps(&mut slaac, now + HOUR), (Vec::new(), None));
}

#[test]
fn an_address_of_a_routers_prefix() {
    let mut slaac = started();
    let start = NOW + HOUR;
    assert!(slaac.heard(start, &advert("fe80::1", "2001:db8::/64", HOUR)));
    let address = ip("2001:db8::ba27:ebff:fe12:3456");
    assert_eq!(steps(&mut slaac, start).0, [Action::Probe(address)]);
    assert_eq!(slaac.considered(), Some(address));
    let gained = Action::Gained(Ipv6Cidr::new(address, 64));
    assert_eq!(steps(&mut slaac, start + IPV6_PROBE_INTERVAL).0, [gained]);
    assert_eq!(slaac.ours().count(), 2);
    assert_eq!(slaac.dns().next(), Some(ip("2001:db8::53")));
    let routes: Vec<_> = slaac.routes().map(|route| route.gateway).collect();
    assert_eq!(routes, [None, None, Some(ip("fe80::1").into())]);
    // The router falls silent: first it is no router any more, then its prefix is over.
    let (_, due) = steps(&mut slaac, start + IPV6_PROBE_INTERVAL);
    assert_eq!(due, Some(start + HOUR / 2));
    steps(&mut slaac, start + HOUR / 2);
    assert_eq!(slaac.routes().count(), 2);
    let lost = Action::Lost(Ipv6Cidr::new(address, 64));
    assert!(steps(&mut slaac, start + HOUR).0.contains(&lost));
    assert_eq!((slaac.ours().count(), slaac.routes().count(), slaac.dns().count()), (1, 1, 0));
}

#[test]
fn somebody_has_the_address() {
    let mut slaac = Slaac::new();
    slaac.start(MAC);
    steps(&mut slaac, NOW);
    assert!(slaac.claimed(ip("fe80::ba27:ebff:fe12:3456")));
    assert_eq!(steps(&mut slaac, NOW + HOUR), (Vec::new(), None));
    assert_eq!(slaac.ours().count(), 0);

    let mut slaac = started();
    assert!(!slaac.claimed(ip("fe80::ba27:ebff:fe12:3456")), "it was probed for");
    slaac.heard(NOW, &advert("fe80::1", "2001:db8::/64", HOUR));
    steps(&mut slaac, NOW);
    assert!(slaac.claimed(ip("2001:db8::ba27:ebff:fe12:3456")));
    slaac.heard(NOW, &advert("fe80::1", "2001:db8::/64", HOUR));
    assert!(!steps(&mut slaac, NOW + HOUR / 3).0.iter().any(|a| matches!(a, Action::Probe(_))));
    assert_eq!(slaac.ours().count(), 1);
}

/// A flood of routers, prefixes and name servers: the first ones stay.
#[test]
fn a_flood_of_advertisements() {
    let mut slaac = started();
    assert!(slaac.heard(NOW, &advert("fe80::1", "2001:db8::/64", HOUR)));
    let first: Vec<_> = slaac.routes().collect();
    let mut refused = 0;
    for number in 1..2000u16 {
        let text = std::format!("2001:db8:{number:x}::/64");
        let router = std::format!("fe80::{:x}", number + 1);
        refused += usize::from(!slaac.heard(NOW, &advert(&router, &text, HOUR)));
    }
    assert!(refused > 1900);
    assert_eq!(slaac.routers.len(), IPV6_ROUTERS);
    assert_eq!(slaac.addresses.len(), IPV6_ADDRESSES);
    for route in first {
        assert!(slaac.routes().any(|known| known == route), "{route:?}");
    }
}

/// RFC 4862 5.5.3 e 3: who forges an advertisement cannot take an address away at once.
#[test]
fn nobody_ends_an_address_early() {
    let mut slaac = started();
    slaac.heard(NOW, &advert("fe80::1", "2001:db8::/64", HOUR * 24));
    steps(&mut slaac, NOW);
    steps(&mut slaac, NOW + IPV6_PROBE_INTERVAL);
    slaac.heard(NOW, &advert("fe80::1", "2001:db8::/64", Duration::from_secs(1)));
    steps(&mut slaac, NOW + HOUR);
    assert_eq!(slaac.ours().count(), 2);
    slaac.heard(NOW + HOUR, &advert("fe80::1", "2001:db8::/64", Duration::ZERO));
    steps(&mut slaac, NOW + HOUR + HOUR / 2);
    assert_eq!(slaac.ours().count(), 2, "two hours are left to it");
    steps(&mut slaac, NOW + HOUR * 2);
    assert_eq!(slaac.ours().count(), 1);
}

#[test]
fn prefixes_that_are_none() {
    let mut slaac = started();
    for prefix in ["fe80::/64", "ff02::/64", "2001:db8::/56", "2001:db8::/128"] {
        slaac.heard(NOW, &advert("fe80::1", prefix, HOUR));
    }
    assert_eq!(slaac.addresses.len(), 1);
    // For ever is for ever.
    slaac.heard(NOW, &advert("fe80::1", "2001:db8::/64", Duration::from_secs(u32::MAX.into())));
    steps(&mut slaac, NOW);
    steps(&mut slaac, NOW + HOUR);
    steps(&mut slaac, NOW + HOUR * 24 * 365 * 200);
    assert_eq!(slaac.ours().count(), 2);
    slaac.stop();
    let lost = steps(&mut slaac, NOW).0;
    assert_eq!(lost.len(), 2);
}
