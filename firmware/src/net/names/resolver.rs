//! Names to addresses and back, as getaddrinfo(3) and getnameinfo(3) do it: an address as it is
//! written, our own names, `.local` by multicast DNS, and the DNS servers of the address in force.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::base::iana::{Rcode, Rtype};
use embassy_time::{Duration, with_timeout};
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::dns::{ANSWER_BYTES_MAX, Data, Query};
use crate::Text;
use crate::limits::{DNS_SERVERS, DNS_TIMEOUT, DNS_TRIES, MDNS_TIMEOUT, NAME_ADDRESSES};
use crate::net::{NetError, Port};
use crate::status::Drop;
use crate::system::System;

/// The port of DNS servers.
pub const DNS_PORT: u16 = 53;
/// Where questions about `.local` go (RFC 6762 3).
const MDNS: IpEndpoint = IpEndpoint { addr: IpAddress::v4(224, 0, 0, 251), port: 5353 };
/// Bytes of a name as text.
pub const NAME_TEXT_BYTES_MAX: usize = 255;

/// Which addresses are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// IPv4 before IPv6.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl Family {
    /// True if an address is of this family.
    pub const fn has(self, address: IpAddress) -> bool {
        match address {
            IpAddress::Ipv4(_) => !matches!(self, Self::V6),
            IpAddress::Ipv6(_) => !matches!(self, Self::V4),
        }
    }
}

/// Why a name has no address, in the words of gai_strerror(3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolveError {
    /// Nobody knows the name (EAI_NONAME).
    Unknown,
    /// The name has no address of that family (EAI_NODATA).
    NoAddress,
    /// No server, or none that answers (EAI_AGAIN).
    Again,
    /// The server cannot or will not answer (EAI_FAIL).
    Failure,
    /// It is an address of the other family (EAI_ADDRFAMILY).
    Family,
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "Name or service not known",
            Self::NoAddress => "No address associated with hostname",
            Self::Again => "Temporary failure in name resolution",
            Self::Failure => "Non-recoverable failure in name resolution",
            Self::Family => "Address family for hostname not supported",
        })
    }
}

impl core::error::Error for ResolveError {}

/// The addresses of a name, the first choice first.
pub type Addresses = heapless::Vec<IpAddress, NAME_ADDRESSES>;

/// The addresses of a host, by its name or as an address is written.
///
/// # Errors
/// [`ResolveError`].
pub async fn resolve(
    system: &'static System,
    name: &str,
    family: Family,
) -> Result<Addresses, ResolveError> {
    if let Some(address) = literal(name) {
        let only = family.has(address).then_some(address).ok_or(ResolveError::Family)?;
        return Ok(Addresses::from_iter([only]));
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() {
        return Err(ResolveError::Unknown);
    }
    let own = own_addresses(system, name, family);
    if !own.is_empty() {
        return Ok(own);
    }
    let mut found = Addresses::new();
    for rtype in [Rtype::A, Rtype::AAAA] {
        let is_wanted = match rtype {
            Rtype::A => family != Family::V6,
            _ => family != Family::V4 && found.is_empty(),
        };
        if is_wanted {
            addresses(system, name, rtype, &mut found).await?;
        }
    }
    if found.is_empty() { Err(ResolveError::NoAddress) } else { Ok(found) }
}

/// The name of an address, if somebody says so.
pub async fn reverse(
    system: &'static System,
    address: IpAddress,
) -> Option<Text<NAME_TEXT_BYTES_MAX>> {
    if IpAddr::from(address).is_loopback() {
        return Some(Text::from("localhost"));
    }
    let query = Query::reverse(address.into(), system.random() as u16);
    let mut buffer = [0; ANSWER_BYTES_MAX];
    let len = ask_all(system, &query, &mut buffer).await.ok()?;
    let reply = query.read(&buffer[..len]).ok()?;
    reply.records().find_map(|record| match record.data {
        Data::Ptr(name) => Some(Text::of(format_args!("{name}"))),
        _ => None,
    })
}

/// The DNS servers of the address in force.
pub fn servers(system: &System) -> heapless::Vec<IpAddress, DNS_SERVERS> {
    let status = system.status();
    let all = status.address.iter().flat_map(|address| address.dns.iter());
    all.map(|server| IpAddress::Ipv4(*server)).take(DNS_SERVERS).collect()
}

/// Asks one server, [`DNS_TRIES`] times, and returns the bytes of its answer, which
/// [`Query::read`] reads. What comes from elsewhere, or answers something else, is counted and not
/// believed.
///
/// # Errors
/// [`NetError::TimedOut`] if it does not answer; otherwise why it cannot be asked.
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
    let message = query.write();
    for _ in 0..DNS_TRIES {
        socket.send_to(message.as_ref(), server).await?;
        let answer = async {
            loop {
                let received = socket.receive(buffer).await.map_err(|error| error.error)?;
                let is_from_there = match is_group {
                    true => received.from.port == server.port,
                    false => received.from == server,
                };
                match query.read(&buffer[..received.len]) {
                    Ok(_) if is_from_there => return Ok(received.len),
                    Ok(_) => system.drops().add(Drop::DnsUnasked, 1),
                    Err(reason) => system.drops().add(reason, 1),
                }
            }
        };
        if let Ok(answered) = with_timeout(timeout, answer).await {
            return answered;
        }
    }
    Err(NetError::TimedOut)
}

/// Asks the servers in turn, until one has something to say; about a name that ends in `.local`
/// whoever is on the link.
async fn ask_all(
    system: &'static System,
    query: &Query,
    buffer: &mut [u8; ANSWER_BYTES_MAX],
) -> Result<usize, NetError> {
    if Text::<{ NAME_TEXT_BYTES_MAX }>::of(format_args!("{}", query.name())).ends_with(".local") {
        return ask(system, MDNS, query, buffer).await;
    }
    let mut outcome = Err(NetError::NetworkUnreachable);
    for server in servers(system) {
        outcome = ask(system, IpEndpoint::new(server, DNS_PORT), query, buffer).await;
        let Ok(len) = outcome else { continue };
        let rcode = query.read(&buffer[..len]).map(|reply| reply.rcode());
        if matches!(rcode, Ok(Rcode::NOERROR | Rcode::NXDOMAIN)) {
            break;
        }
    }
    outcome
}

/// Adds a name's addresses of one family.
async fn addresses(
    system: &'static System,
    name: &str,
    rtype: Rtype,
    found: &mut Addresses,
) -> Result<(), ResolveError> {
    let query = Query::new(name, rtype, system.random() as u16);
    let query = query.map_err(|_| ResolveError::Unknown)?;
    let mut buffer = [0; ANSWER_BYTES_MAX];
    let len = ask_all(system, &query, &mut buffer).await.map_err(|_| ResolveError::Again)?;
    let reply = query.read(&buffer[..len]).map_err(|_| ResolveError::Again)?;
    match reply.rcode() {
        Rcode::NOERROR => {}
        Rcode::NXDOMAIN => return Err(ResolveError::Unknown),
        Rcode::SERVFAIL => return Err(ResolveError::Again),
        _ => return Err(ResolveError::Failure),
    }
    for (address, _) in reply.addresses() {
        // What does not fit is not looked at.
        let _ = found.push(address.into());
    }
    Ok(())
}

/// The addresses of our own names.
fn own_addresses(system: &System, name: &str, family: Family) -> Addresses {
    let is_wanted = |address: &IpAddress| family.has(*address);
    if name.eq_ignore_ascii_case("localhost") {
        let both = [IpAddress::v4(127, 0, 0, 1), Ipv6Addr::LOCALHOST.into()];
        return both.into_iter().filter(is_wanted).collect();
    }
    let own = system.hostname();
    let rest = name.get(..own.len()).filter(|start| start.eq_ignore_ascii_case(own));
    match rest.map(|start| &name[start.len()..]) {
        Some(rest) if rest.is_empty() || rest.eq_ignore_ascii_case(".local") => {}
        _ => return Addresses::new(),
    }
    let interfaces = system.interfaces();
    let all = interfaces.iter().filter(|interface| interface.port == Port::Eth0);
    let all = all.flat_map(|interface| interface.addresses.iter());
    all.map(|address| address.cidr.address()).filter(is_wanted).take(NAME_ADDRESSES).collect()
}

/// An address as inet_aton(3) and inet_pton(3) read it: `127.1` and `0x7f000001` are addresses,
/// too.
pub fn literal(text: &str) -> Option<IpAddress> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.into());
    }
    let mut parts = [0_u32; 4];
    let mut count = 0;
    for part in text.split('.') {
        *parts.get_mut(count)? = number(part)?;
        count += 1;
    }
    // The last number fills the bytes that are left.
    let (last, first) = parts[..count].split_last()?;
    let bits = 32 - 8 * first.len() as u32;
    if u64::from(*last) >= 1 << bits || first.iter().any(|byte| *byte > 255) {
        return None;
    }
    let high = first.iter().fold(0_u32, |bytes, byte| bytes << 8 | byte);
    let high = high.checked_shl(bits).unwrap_or(0);
    Some(Ipv4Addr::from_bits(high | last).into())
}

/// A number of C: decimal, `0x` or octal.
fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, radix).ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{block_on, system};

    #[test]
    fn addresses_as_they_are_written() {
        for (text, expected) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("127.1", Some("127.0.0.1")),
            ("1.2.3", Some("1.2.0.3")),
            ("0x7f000001", Some("127.0.0.1")),
            ("010.0.0.1", Some("8.0.0.1")),
            ("3232235777", Some("192.168.1.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("256.1", None),
            ("1.2.3.256", None),
            ("1.2.3.4.5", None),
            ("1..2", None),
            ("", None),
            ("+1", None),
            ("1.16777216", None),
            ("host", None),
        ] {
            let expected = expected.map(|text| text.parse::<IpAddr>().unwrap().into());
            assert_eq!(literal(text), expected, "{text}");
        }
    }

    #[test]
    fn names_that_need_no_server() {
        let system = system();
        let rows = [
            ("127.0.0.1", Family::V6, Err(ResolveError::Family)),
            ("::1", Family::V4, Err(ResolveError::Family)),
            ("LocalHost.", Family::V4, Ok("127.0.0.1")),
            ("localhost", Family::V6, Ok("::1")),
            ("", Family::Any, Err(ResolveError::Unknown)),
            ("a..b", Family::Any, Err(ResolveError::Unknown)),
            ("example.com", Family::Any, Err(ResolveError::Again)),
        ];
        for (name, family, expected) in rows {
            let found = block_on(resolve(system, name, family));
            let expected = expected.map(|text: &str| literal(text).unwrap());
            assert_eq!(found.map(|all| all[0]), expected, "{name}");
        }
        let none = block_on(reverse(system, IpAddress::v4(192, 0, 2, 1)));
        assert_eq!(none, None);
    }
}
