//! The DHCP client. Input: pieces, see [`corpus::tag::dhcp_client`].

use std::time::Duration;

use corpus::tag::dhcp_client as tag;
use firmware::limits::{DHCP_LEASE_SECONDS_MIN, DHCP_PACKET_BYTES_SENT};
use firmware::net::dhcp::{Action, Client, HEADER_BYTES};
use firmware::net::lease;
use smoltcp::wire::{EthernetAddress, UdpPacket};

/// Those of the client's unit tests: the transaction's number, too, comes from there.
const OURS: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
const RANDOM: u32 = 1000;
/// Messages that one event can cause: a farewell and a question.
const MESSAGES_MAX: u32 = 2;

/// A lease in force is one that can be used; what is sent is whole; and nothing that comes makes
/// the client send without end, or wait for a time that has passed.
pub fn check(input: &[u8]) {
    let mut client = Client::new();
    client.set_mac(OURS);
    let mut now = Duration::from_secs(10);
    settle(&mut client, now);
    for (tag, bytes) in corpus::pieces(input) {
        match tag % 6 {
            tag::HEARD => drop(client.heard(now, bytes)),
            tag::WAIT => {
                let steps = bytes.first_chunk().map_or(0, |bytes| u16::from_le_bytes(*bytes));
                now += Duration::from_millis(100) * u32::from(steps);
            }
            tag::RESTART => client.restart(now),
            tag::RENEW => client.renew(now),
            tag::RELEASE => drop(client.release()),
            _ => client.decline(now),
        }
        settle(&mut client, now);
        let Some(held) = client.lease() else { continue };
        assert_eq!(lease::check(held.address, held.server, held.router), Ok(()));
        assert!(held.seconds >= DHCP_LEASE_SECONDS_MIN);
        for domain in &held.search {
            let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            assert!(!domain.is_empty() && domain.chars().all(is_name), "{domain}");
        }
    }
}

/// Polls until the client waits.
fn settle(client: &mut Client, now: Duration) {
    let mut count = 0;
    // Beside the messages: that the lease is lost, and that the search begins anew.
    for _ in 0..MESSAGES_MAX + 2 {
        match client.poll(now, || RANDOM) {
            Action::Wait(until) if until.is_none_or(|until| until > now) => return,
            Action::Wait(_) | Action::Lost => {}
            Action::Send(message) => {
                count += 1;
                assert!(count <= MESSAGES_MAX, "{count} messages at once");
                let mut payload = [0; DHCP_PACKET_BYTES_SENT];
                let len = client.write(&message, "barewire", &mut payload);
                let mut packet = [0; DHCP_PACKET_BYTES_SENT + HEADER_BYTES];
                let packet = message.wrap(&payload[..len], &mut packet);
                let udp = UdpPacket::new_checked(&packet[20..]).expect("whole");
                assert_eq!((udp.src_port(), udp.dst_port()), (68, 67));
                assert_eq!(udp.payload(), &payload[..len]);
            }
        }
    }
    panic!("the client does not come to rest");
}
