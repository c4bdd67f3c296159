//! The DHCP client against the letters of RFC 2131.

use std::vec::Vec;

use smoltcp::wire::{DhcpOption, DhcpPacket, DhcpRepr, Ipv4Cidr};

use super::*;

const MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
const SERVER: Ipv4Address = Ipv4Address::new(192, 0, 2, 1);
const OURS: Ipv4Address = Ipv4Address::new(192, 0, 2, 42);
const START: Duration = Duration::from_secs(10);
const HOUR: u32 = 3600;

fn at(seconds: u64) -> Duration {
    START + Duration::from_secs(seconds)
}

fn client() -> Client {
    let mut client = Client::new();
    client.set_mac(MAC);
    client
}

/// Polls; the jitter of 1000 is none at all.
fn poll(client: &mut Client, now: Duration) -> Action {
    client.poll(now, || 1000)
}

fn sent(client: &mut Client, now: Duration) -> Message {
    match poll(client, now) {
        Action::Send(message) => message,
        other => panic!("{other:?} at {now:?}"),
    }
}

fn answer(client: &Client, kind: DhcpMessageType, lease_seconds: Option<u32>) -> Vec<u8> {
    let time_servers = [192, 0, 2, 3, 192, 0, 2, 4];
    let options = [DhcpOption { kind: 42, data: &time_servers }];
    let repr = DhcpRepr {
        message_type: kind,
        transaction_id: client.transaction,
        secs: 0,
        client_hardware_address: MAC,
        client_ip: Ipv4Address::UNSPECIFIED,
        your_ip: OURS,
        server_ip: Ipv4Address::UNSPECIFIED,
        router: Some(SERVER),
        subnet_mask: Some(Ipv4Address::new(255, 255, 255, 0)),
        relay_agent_ip: Ipv4Address::UNSPECIFIED,
        broadcast: false,
        requested_ip: None,
        client_identifier: None,
        server_identifier: Some(SERVER),
        parameter_request_list: None,
        dns_servers: None,
        max_size: None,
        lease_duration: lease_seconds,
        renew_duration: None,
        rebind_duration: None,
        additional_options: &options,
    };
    let mut bytes = std::vec![0; repr.buffer_len()];
    repr.emit(&mut DhcpPacket::new_unchecked(&mut bytes[..])).unwrap();
    bytes
}

fn bind(client: &mut Client, lease_seconds: Option<u32>) -> Lease {
    assert!(matches!(sent(client, START).step, Step::Discover { interval: 4 }));
    let offer = answer(client, DhcpMessageType::Offer, lease_seconds);
    assert_eq!(client.heard(START, &offer), Outcome::Step(Step::Offer { of: OURS, from: SERVER }));
    assert_eq!(sent(client, START).step, Step::Request { of: OURS, to: Ipv4Address::BROADCAST });
    let ack = answer(client, DhcpMessageType::Ack, lease_seconds);
    let mut seed = Vec::new();
    corpus::piece(&mut seed, corpus::tag::dhcp_client::HEARD, &offer);
    corpus::piece(&mut seed, corpus::tag::dhcp_client::HEARD, &ack);
    corpus::piece(&mut seed, corpus::tag::dhcp_client::WAIT, &[0xff, 0xff]);
    corpus::seed("dhcp_client", &seed);
    match client.heard(START, &ack) {
        Outcome::Leased => client.lease().cloned().expect("bound"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lease() {
    let mut client = client();
    let lease = bind(&mut client, Some(HOUR));
    assert_eq!(lease.address, Ipv4Cidr::new(OURS, 24));
    assert_eq!((lease.router, lease.ntp.len()), (Some(SERVER), 2));
    assert_eq!(client.bound(START), Some(Step::Bound { to: OURS, renewal: 1800 }));
    assert_eq!(poll(&mut client, START), Action::Wait(Some(at(1800))));
}

#[test]
fn dhclient_prints_these_lines() {
    for (step, line) in [
        (
            Step::Discover { interval: 3 },
            "DHCPDISCOVER on eth0 to 255.255.255.255 port 67 interval 3",
        ),
        (Step::Offer { of: OURS, from: SERVER }, "DHCPOFFER of 192.0.2.42 from 192.0.2.1"),
        (
            Step::Request { of: OURS, to: SERVER },
            "DHCPREQUEST for 192.0.2.42 on eth0 to 192.0.2.1 port 67",
        ),
        (Step::Ack { of: OURS, from: SERVER }, "DHCPACK of 192.0.2.42 from 192.0.2.1"),
        (
            Step::Bound { to: OURS, renewal: 1800 },
            "bound to 192.0.2.42 -- renewal in 1800 seconds.",
        ),
    ] {
        assert_eq!(std::format!("{step}"), line);
    }
}

#[test]
fn nobody_answers() {
    let mut client = client();
    let mut now = START;
    for interval in [4, 8, 16, 32, 64, 64] {
        assert_eq!(sent(&mut client, now).step, Step::Discover { interval });
        let Action::Wait(Some(next)) = poll(&mut client, now) else { panic!("no deadline") };
        assert_eq!(next, now + Duration::from_secs(interval));
        now = next;
    }
}

#[test]
fn renewed_by_its_server_then_by_anybody_then_lost() {
    let mut client = client();
    bind(&mut client, Some(HOUR));
    let renew = sent(&mut client, at(1800));
    assert_eq!((renew.to, renew.client, renew.requested), (Some(SERVER), OURS, None));
    assert_eq!(renew.server, None, "RFC 2131 table 5");
    // Half of what is left until T2, and again; then everybody is asked.
    assert_eq!(poll(&mut client, at(1800)), Action::Wait(Some(at(1800 + 675))));
    let ack = answer(&client, DhcpMessageType::Ack, Some(HOUR));
    let Outcome::Leased = client.heard(at(1801), &ack) else { panic!("not renewed") };
    let mut now = at(1801);
    let mut asked = Vec::new();
    loop {
        match poll(&mut client, now) {
            Action::Wait(Some(until)) => now = until,
            Action::Send(message) => asked.push((message.to, now)),
            Action::Lost => break,
            Action::Wait(None) => panic!("waits for ever"),
        }
    }
    assert_eq!(now, at(1801 + 3600));
    let rebind = at(1801 + 3150);
    assert!(asked.iter().all(|(to, when)| to.is_some() == (*when < rebind)), "{asked:?}");
    assert!((4..16).contains(&asked.len()), "{asked:?}");
    assert!(matches!(sent(&mut client, now).step, Step::Discover { .. }));
}

#[test]
fn a_lease_for_ever_is_never_renewed_but_when_asked() {
    for lease in [Some(u32::MAX), None] {
        let mut client = client();
        bind(&mut client, lease);
        let year = at(365 * 24 * 3600);
        assert!(matches!(poll(&mut client, year), Action::Wait(_)));
        client.renew(year);
        assert_eq!(sent(&mut client, year).to, Some(SERVER));
        assert!(matches!(poll(&mut client, year), Action::Wait(_)));
    }
}

#[test]
fn a_new_link_asks_for_the_old_lease() {
    let mut client = client();
    bind(&mut client, Some(HOUR));
    client.restart(at(5));
    assert_eq!(client.lease(), None, "not ours until a server says so");
    let message = sent(&mut client, at(5));
    assert_eq!((message.to, message.requested, message.server), (None, Some(OURS), None));
    let nak = answer(&client, DhcpMessageType::Nak, None);
    assert_eq!(client.heard(at(5), &nak), Outcome::Denied(Step::Nak { from: SERVER }));
    assert!(matches!(sent(&mut client, at(6)).step, Step::Discover { .. }));
    // Without an answer it is forgotten.
    client.state = State::Off;
    let mut client = self::client();
    bind(&mut client, Some(HOUR));
    client.restart(at(5));
    let mut now = at(5);
    loop {
        match poll(&mut client, now) {
            Action::Wait(Some(until)) => now = until,
            Action::Send(Message { step: Step::Discover { .. }, .. }) => break,
            Action::Send(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(now, at(5 + 4 + 8 + 16));
}

#[test]
fn released_and_declined() {
    let mut client = client();
    assert!(!client.release());
    let mut client = self::client();
    bind(&mut client, Some(HOUR));
    assert!(client.release() && client.is_off());
    let farewell = sent(&mut client, at(1));
    assert_eq!((farewell.to, farewell.client), (Some(SERVER), OURS));
    assert_eq!(poll(&mut client, at(1)), Action::Wait(None));
    client.renew(at(2));
    assert!(matches!(sent(&mut client, at(2)).step, Step::Discover { .. }));

    let mut client = self::client();
    bind(&mut client, Some(HOUR));
    client.decline(at(1));
    let no = sent(&mut client, at(1));
    assert_eq!((no.to, no.requested, no.server), (None, Some(OURS), Some(SERVER)));
    assert_eq!(poll(&mut client, at(1)), Action::Wait(Some(at(1) + DHCP_REFUSED_PAUSE)));
}

#[test]
fn what_is_not_for_us() {
    let mut client = client();
    sent(&mut client, START);
    let offer = answer(&client, DhcpMessageType::Offer, Some(HOUR));
    for at in [0, 4, 28, 236] {
        let mut wrong = offer.clone();
        wrong[at] ^= 1;
        assert_eq!(client.heard(START, &wrong), Outcome::Nothing, "byte {at}");
    }
    let ack = answer(&client, DhcpMessageType::Ack, Some(HOUR));
    assert_eq!(client.heard(START, &ack), Outcome::Nothing, "nothing was asked for");
    assert!(matches!(client.heard(START, &offer), Outcome::Step(_)));
    assert_eq!(client.heard(START, &offer), Outcome::Nothing, "one is enough");
}

/// Whoever saw the first request's number can neither end the lease nor give another.
#[test]
fn what_nobody_asked_for() {
    let mut client = client();
    let lease = bind(&mut client, Some(HOUR));
    let nak = answer(&client, DhcpMessageType::Nak, None);
    let ack = answer(&client, DhcpMessageType::Ack, Some(2 * HOUR));
    for forged in [&nak, &ack] {
        assert_eq!(client.heard(at(1), forged), Outcome::Nothing);
    }
    assert_eq!(client.lease(), Some(&lease));
    sent(&mut client, at(1800));
    let ack = answer(&client, DhcpMessageType::Ack, Some(HOUR));
    assert_eq!(client.heard(at(1800), &ack), Outcome::Leased);
    assert_eq!(client.heard(at(1801), &ack), Outcome::Nothing, "the same once more");
}

/// A request names its server; what another says to it does not count.
#[test]
fn another_server_s_answer() {
    let mut client = client();
    sent(&mut client, START);
    let offer = answer(&client, DhcpMessageType::Offer, Some(HOUR));
    assert!(matches!(client.heard(START, &offer), Outcome::Step(_)));
    for kind in [DhcpMessageType::Nak, DhcpMessageType::Ack] {
        let mut forged = answer(&client, kind, Some(HOUR));
        let server = [54, 4, 192, 0, 2, 1];
        let at = forged.windows(6).position(|option| option == server).unwrap();
        forged[at + 5] = 66;
        assert_eq!(client.heard(START, &forged), Outcome::Nothing, "{kind:?}");
    }
    let ack = answer(&client, DhcpMessageType::Ack, Some(HOUR));
    assert_eq!(client.heard(START, &ack), Outcome::Leased);
}

#[test]
fn the_longest_name_fits() {
    let mut client = client();
    let message = sent(&mut client, START);
    let name = "n".repeat(crate::limits::HOSTNAME_BYTES_MAX);
    let mut out = [0; DHCP_PACKET_BYTES_SENT];
    let len = client.write(&message, &name, &mut out);
    let packet = DhcpPacket::new_checked(&out[..len]).unwrap();
    let told = packet.options().find(|option| option.kind == 12).unwrap();
    assert_eq!(told.data, name.as_bytes());
    let end = out[..len].iter().rposition(|&byte| byte != 0).unwrap();
    assert_eq!(out[end], 255, "the options have an end");
}

proptest::proptest! {
    #[test]
    fn no_packet_panics(payload in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
        let mut client = client();
        sent(&mut client, START);
        client.heard(START, &payload);
        let mut offer = answer(&client, DhcpMessageType::Offer, Some(HOUR));
        offer.truncate(243);
        offer.extend(payload);
        client.heard(START, &offer);
        poll(&mut client, START);
    }
}
