//! Our name on the link: `barewire.local` and its services, by multicast DNS (RFC 6762, 6763).
//!
//! ```text
//!   224.0.0.251, ff02::fb <-> run (socket, addresses, journal) <-> Responder (the rules, no I/O)
//!                                                        heard.rs <-'   '-> said.rs, records.rs
//! ```

mod heard;
pub mod records;
pub mod responder;
mod said;

use core::net::IpAddr;
use core::time::Duration;

use embassy_futures::select::{Either3, select3};
use embassy_time::{Instant, Timer};
use smoltcp::wire::{IpAddress, IpEndpoint, Ipv4Address, Ipv6Address};

use self::records::Identity;
use self::responder::{Event as Change, MESSAGE_BYTES_MAX, PORT, Packet, Responder};
use crate::Text;
use crate::journal::Event;
use crate::net::{NetError, Port, UdpSocket};
use crate::system::System;

/// The groups of mDNS (RFC 6762 3), which are one link: what is said is said in both.
const GROUPS: [IpAddress; 2] = [
    IpAddress::Ipv4(Ipv4Address::new(224, 0, 0, 251)),
    IpAddress::Ipv6(Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb)),
];

/// Addresses are looked at this often, when the journal says nothing about them.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// Answers for our name, for ever.
pub async fn run(system: &'static System) {
    let socket = match open(system) {
        Ok(socket) => socket,
        Err(why) => {
            let text = Text::of(format_args!("{why}; our name is not announced"));
            return system.record(Event::Driver { driver: "mdns", text });
        }
    };
    let mut responder = Responder::new(system.hostname(), system.random());
    let mut buffer = [0; MESSAGE_BYTES_MAX];
    let mut next_entry = 0;
    loop {
        let now = system.now();
        responder.set_addresses(now, identity(system));
        while let Some(packet) = responder.poll(now) {
            say(&socket, &packet).await;
        }
        if let Some(change) = responder.take_event() {
            tell(system, &responder, &change);
        }
        let due = responder.deadline().unwrap_or(now + LOOK_INTERVAL).min(now + LOOK_INTERVAL);
        let heard = select3(
            socket.receive(&mut buffer),
            system.journal_entry(next_entry),
            Timer::at(Instant::from_micros(u64::try_from(due.as_micros()).unwrap_or(u64::MAX))),
        )
        .await;
        match heard {
            Either3::First(Ok(received)) if is_on_link(system, received.from.addr) => {
                match responder.receive(system.now(), received.from, &buffer[..received.len]) {
                    Ok(Some(reply)) => send(&socket, &reply, received.from).await,
                    Ok(None) => {}
                    Err(why) => system.drops().count(why),
                }
            }
            // Questions from beyond the link are nobody's (RFC 6762 11); errors are of replies to
            // clients that are gone.
            Either3::First(_) | Either3::Third(()) => {}
            Either3::Second(entry) => {
                next_entry = entry.number + 1;
                if let Event::RestartRequested(_) = entry.event
                    && let Some(packet) = responder.goodbye()
                {
                    say(&socket, &packet).await;
                }
            }
        }
    }
}

fn open(system: &'static System) -> Result<UdpSocket, NetError> {
    let socket = system.udp("mdnsd", Some(PORT))?;
    // RFC 6762 11: so that a receiver can tell that it comes from the link.
    socket.set_hop_limit(Some(255));
    for group in GROUPS {
        socket.join(group)?;
    }
    Ok(socket)
}

async fn say(socket: &UdpSocket, packet: &Packet) {
    for group in GROUPS {
        send(socket, packet, IpEndpoint::new(group, PORT)).await;
    }
}

async fn send(socket: &UdpSocket, packet: &Packet, to: IpEndpoint) {
    // Without a link or an address there is nobody to tell; it is told again when there is.
    let _ = socket.send_to(packet.as_ref(), to).await;
}

/// Our addresses on the link. The name is the responder's.
fn identity(system: &System) -> Identity {
    let mut identity = Identity::default();
    for interface in system.interfaces() {
        if interface.port != Port::Eth0 || !interface.is_running {
            continue;
        }
        for address in &interface.addresses {
            match IpAddr::from(address.cidr.address()) {
                IpAddr::V4(v4) => identity.v4 = Some(v4),
                // More than there is room for are not told.
                IpAddr::V6(v6) => drop(identity.v6.push(v6)),
            }
        }
    }
    identity
}

/// True if this address is of a network that we are in.
fn is_on_link(system: &System, from: IpAddress) -> bool {
    system.interfaces().iter().any(|interface| {
        interface.port == Port::Eth0
            && interface.addresses.iter().any(|ours| ours.cidr.contains_addr(&from))
    })
}

fn tell(system: &System, responder: &Responder, change: &Change) {
    let name = &responder.identity().name;
    let text = match change {
        Change::Claimed => Text::of(format_args!("{name}.local is our name")),
        Change::Renamed => Text::of(format_args!("our name is taken; trying {name}.local")),
    };
    system.record(Event::Driver { driver: "mdns", text });
}
