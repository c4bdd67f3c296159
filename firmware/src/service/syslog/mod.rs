//! The journal, sent to a log server as it grows (RFC 5424 over UDP, RFC 5426).
//!
//! ```text
//!   syslog= or DHCP option 7 -> run (socket, journal) <- message.rs (the format, no I/O)
//! ```
//!
//! The journal is the queue: entries are sent in their order, from the first after the start, at a
//! steady pace. What is overwritten before its turn has come is counted, and told.

pub mod message;

use core::time::Duration;

use embassy_time::Timer;
use smoltcp::wire::{IpAddress, IpEndpoint};

use self::message::{Message, Missed};
use crate::Text;
use crate::config::Server;
use crate::limits::{SYSLOG_BYTES_MAX, SYSLOG_INTERVAL, SYSLOG_RETRY};
use crate::net::UdpSocket;
use crate::net::names::resolver::{Family, resolve};
use crate::system::System;

/// The port of log servers (RFC 5426 3.3).
pub const PORT: u16 = 514;

/// Sends the journal, for ever. `configured` takes the place of DHCP's log server.
pub async fn run(system: &'static System, configured: Option<Server>) {
    let mut next = 0;
    let mut socket = None;
    loop {
        let entry = system.journal_entry(next).await;
        let Some(server) = server(system, configured.as_ref()).await else {
            pause(SYSLOG_RETRY).await;
            continue;
        };
        let missed = entry.number - next;
        let hostname = system.hostname();
        let text = match missed {
            0 => {
                let time = system.clock_at(entry.at);
                Text::of(format_args!("{}", Message { entry: &entry, hostname, time }))
            }
            count => {
                let time = system.clock();
                Text::of(format_args!("{}", Missed { count, hostname, time }))
            }
        };
        match send(system, &mut socket, &text, server).await {
            Some(()) if missed > 0 => next = entry.number,
            Some(()) => next = entry.number + 1,
            None => pause(SYSLOG_RETRY).await,
        }
        // RFC 5426 4.3: nobody tells us that a network is full. And while the server's Ethernet
        // address is not known yet, few messages can wait for it.
        pause(SYSLOG_INTERVAL).await;
    }
}

/// Sends one message; none if there is no way to the server now.
async fn send(
    system: &'static System,
    socket: &mut Option<UdpSocket>,
    text: &Text<SYSLOG_BYTES_MAX>,
    server: IpEndpoint,
) -> Option<()> {
    if socket.is_none() {
        *socket = Some(system.udp("syslog", None).ok()?);
    }
    // That nobody listens there is not our affair; somebody may later.
    socket.as_ref()?.send_to(text.as_bytes(), server).await.ok()
}

/// Who is told.
async fn server(system: &'static System, configured: Option<&Server>) -> Option<IpEndpoint> {
    let Some(server) = configured else {
        let address = system.status().address?.log?;
        return Some(IpEndpoint::new(IpAddress::Ipv4(address), PORT));
    };
    let address = *resolve(system, &server.host, Family::Any).await.ok()?.first()?;
    Some(IpEndpoint::new(address, server.port.unwrap_or(PORT)))
}

async fn pause(time: Duration) {
    Timer::after_micros(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)).await;
}
