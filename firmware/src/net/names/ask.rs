//! A question to a server, and its answer: by UDP, and by TCP if it does not fit (RFC 7766).

use embassy_time::{Duration, with_timeout};
use embedded_io_async::{Read, Write};
use smoltcp::wire::{IpAddress, IpEndpoint, Ipv6Address};

use super::dns::{ANSWER_BYTES_MAX, QUERY_BYTES_MAX, Query};
use crate::limits::{DNS_SERVERS, DNS_TIMEOUT, DNS_TRIES, MDNS_TIMEOUT};
use crate::net::{NetError, UdpSocket};
use crate::status::Drop;
use crate::system::System;

/// The port of DNS servers.
pub const DNS_PORT: u16 = 53;
/// Where questions about `.local` go (RFC 6762 3).
pub const MDNS: IpEndpoint = IpEndpoint { addr: IpAddress::v4(224, 0, 0, 251), port: 5353 };
/// The same without an IPv4 address.
pub const MDNS_V6: IpEndpoint = IpEndpoint {
    addr: IpAddress::Ipv6(Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb)),
    port: 5353,
};

/// The DNS servers of the address in force, and behind them those that routers advertise (RFC
/// 8106).
pub fn servers(system: &System) -> heapless::Vec<IpAddress, DNS_SERVERS> {
    let status = system.status();
    let of_lease = status.address.iter().flat_map(|address| address.dns.iter());
    let of_lease = of_lease.map(|server| IpAddress::Ipv4(*server));
    let stack = system.stack.borrow();
    let of_routers = stack.ipv6.slaac.dns().map(IpAddress::Ipv6);
    of_lease.chain(of_routers).take(DNS_SERVERS).collect()
}

/// Asks one server, [`DNS_TRIES`] times, and returns the bytes of its answer, which
/// [`Query::read`] reads. What comes from elsewhere, or answers something else, is counted and not
/// believed. An answer that was cut is of no use (RFC 2181 9): the whole of it is asked for by TCP.
///
/// # Errors
/// [`NetError::TimedOut`] if it does not answer; [`NetError::MessageTooLong`] if its answer is
/// longer than [`ANSWER_BYTES_MAX`]; otherwise why it cannot be asked.
pub async fn ask(
    system: &'static System,
    server: IpEndpoint,
    query: &Query,
    buffer: &mut [u8; ANSWER_BYTES_MAX],
) -> Result<usize, NetError> {
    let is_group = server.addr.is_multicast();
    let timeout = if is_group { MDNS_TIMEOUT } else { DNS_TIMEOUT };
    let timeout = Duration::from_micros(timeout.as_micros() as u64);
    let socket = system.udp("resolver", None)?;
    for _ in 0..DNS_TRIES {
        socket.send_to(query.write().as_ref(), server).await?;
        let answered = with_timeout(timeout, by_udp(system, &socket, server, query, buffer)).await;
        let Ok(answered) = answered else { continue };
        let len = answered?;
        if is_group || !query.read(&buffer[..len]).is_ok_and(|reply| reply.is_truncated()) {
            return Ok(len);
        }
        return match with_timeout(timeout, by_tcp(system, server, query, buffer)).await {
            Ok(answered) => answered,
            Err(_) => Err(NetError::TimedOut),
        };
    }
    Err(NetError::TimedOut)
}

async fn by_udp(
    system: &'static System,
    socket: &UdpSocket,
    server: IpEndpoint,
    query: &Query,
    buffer: &mut [u8; ANSWER_BYTES_MAX],
) -> Result<usize, NetError> {
    loop {
        let received = socket.receive(buffer).await.map_err(|error| error.error)?;
        let is_from_there = match server.addr.is_multicast() {
            true => received.from.port == server.port,
            false => received.from == server,
        };
        match query.read(&buffer[..received.len]) {
            Ok(_) if is_from_there => return Ok(received.len),
            Ok(_) => system.drops().count(Drop::DnsUnasked),
            Err(reason) => system.drops().count(reason),
        }
    }
}

/// RFC 7766 8: each message behind its length.
async fn by_tcp(
    system: &'static System,
    server: IpEndpoint,
    query: &Query,
    buffer: &mut [u8; ANSWER_BYTES_MAX],
) -> Result<usize, NetError> {
    const LENGTH_BYTES: usize = 2;
    // A server that ends the connection has not answered.
    let ended = |_| NetError::TimedOut;
    let mut stream = system.connect("resolver", server).await?;
    let message = query.write();
    let mut framed = [0; LENGTH_BYTES + QUERY_BYTES_MAX];
    let len = message.as_ref().len();
    framed[..LENGTH_BYTES].copy_from_slice(&(len as u16).to_be_bytes());
    framed[LENGTH_BYTES..][..len].copy_from_slice(message.as_ref());
    stream.write_all(&framed[..LENGTH_BYTES + len]).await.map_err(ended)?;

    let mut length = [0; LENGTH_BYTES];
    stream.read_exact(&mut length).await.map_err(|_| NetError::TimedOut)?;
    let length = usize::from(u16::from_be_bytes(length));
    let answer = buffer.get_mut(..length).ok_or(NetError::MessageTooLong)?;
    stream.read_exact(answer).await.map_err(|_| NetError::TimedOut)?;
    match query.read(answer) {
        Ok(_) => Ok(length),
        Err(reason) => {
            system.drops().count(reason);
            Err(NetError::TimedOut)
        }
    }
}
