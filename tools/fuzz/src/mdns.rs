//! The responder of multicast DNS. Input: pieces, see [`corpus::tag::mdns_responder`].

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use corpus::tag::mdns_responder as tag;
use domain::base::Message;
use domain::base::iana::Rtype;
use firmware::service::mdns::records::{Identity, Record};
use firmware::service::mdns::responder::{MESSAGE_BYTES_MAX, PORT, Packet, Responder};
use smoltcp::wire::{IpAddress, IpEndpoint};

const NAME: &str = "barewire";
const PEER: IpAddress = IpAddress::v4(192, 0, 2, 9);
/// RFC 6762 6: a record goes to the group once a second, or to answer probes once in 250 ms.
const INTERVAL: Duration = Duration::from_millis(250);

/// What is said is whole, says nothing of others' names, and stays within the rates of the RFC
/// whatever is heard.
pub fn check(input: &[u8]) {
    let mut responder = Responder::new(NAME, 1);
    let mut now = Duration::ZERO;
    let mut said = 0;
    // Each change of addresses may be announced at once.
    let mut changes = 1;
    responder.set_addresses(now, identity(&[42, 1]));
    for (tag, bytes) in corpus::pieces(input) {
        let port = if tag % 5 == tag::LEGACY { 40_000 } else { PORT };
        match tag % 5 {
            tag::HEARD | tag::LEGACY => {
                let reply = responder.receive(now, IpEndpoint::new(PEER, port), bytes);
                if let Ok(Some(reply)) = reply {
                    assert!(bytes[2] & 0x80 == 0, "an answer is not answered");
                    whole(&responder, &reply);
                }
            }
            tag::WAIT => {
                let millis = bytes.first_chunk().map_or(0, |bytes| u16::from_le_bytes(*bytes));
                let end = now + Duration::from_millis(millis.into());
                while let Some(due) = responder.deadline().filter(|&due| due <= end) {
                    now = now.max(due);
                    said += poll(&mut responder, now);
                }
                now = end;
            }
            tag::ADDRESSES => {
                changes += 1;
                responder.set_addresses(now, identity(bytes));
            }
            _ => {
                changes += 1;
                if let Some(packet) = responder.goodbye() {
                    whole(&responder, &packet);
                }
            }
        }
        said += poll(&mut responder, now);
        let name = responder.identity().name.as_str();
        assert!(name == NAME || name.starts_with("barewire-"), "{name}");
    }
    let records = Record::ALL.len() as u128;
    // Each message of an interval has a record that no other has; besides, there are probes.
    let intervals = now.as_millis() / INTERVAL.as_millis() + 2;
    let limit = (intervals + 2 * changes) * (records + 1);
    assert!(said <= limit, "{said} messages in {now:?}");
}

fn poll(responder: &mut Responder, now: Duration) -> u128 {
    let mut count = 0;
    while let Some(packet) = responder.poll(now) {
        whole(responder, &packet);
        count += 1;
        assert!(count <= Record::ALL.len() as u128 + 1, "no end");
    }
    assert!(responder.deadline().is_none_or(|due| due > now), "due, but not sent");
    count
}

/// A message that parses, and whose records are of our own names, or take back an address under a
/// name that was.
fn whole(responder: &Responder, packet: &Packet) {
    let bytes: &[u8] = packet.as_ref();
    assert!(bytes.len() <= MESSAGE_BYTES_MAX);
    let message = Message::from_slice(bytes).expect("a header");
    for question in message.question() {
        question.expect("a question of ours");
    }
    let identity = responder.identity();
    for record in message {
        let (record, _) = record.expect("a record of ours");
        let is_ours = |ours: &Record| identity.owner(*ours) == record.owner();
        let is_address = matches!(record.rtype(), Rtype::A | Rtype::AAAA);
        let was_ours = is_address && record.ttl().as_secs() == 0 && {
            let owner = record.owner().to_string();
            owner.starts_with(NAME) && owner.ends_with(".local")
        };
        assert!(was_ours || Record::ALL.iter().any(is_ours), "{}", record.owner());
        assert!(record.rtype() != Rtype::ANY);
    }
}

/// Addresses by two bytes.
fn identity(bytes: &[u8]) -> Identity {
    let last = bytes.first().copied().unwrap_or(0);
    let count = u16::from(bytes.get(1).copied().unwrap_or(0) % 5);
    let v6 = (0..count).map(|number| Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, number));
    Identity {
        v4: (last > 0).then_some(Ipv4Addr::new(192, 0, 2, last)),
        v6: v6.collect(),
        ..Identity::default()
    }
}
