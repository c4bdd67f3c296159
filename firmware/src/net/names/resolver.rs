//! Names to addresses and back, as getaddrinfo(3) and getnameinfo(3) do it: an address as it is
//! written, our own names, `.local` by multicast DNS, and the DNS servers of the address in force.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::base::iana::{Rcode, Rtype};
use smoltcp::wire::{IpAddress, IpEndpoint};

pub use super::ask::{DNS_PORT, ask, servers};
use super::ask::{MDNS, MDNS_V6};
use super::cache::Found;
use super::dns::{ANSWER_BYTES_MAX, Data, Query, Reply};
use crate::Text;
use crate::limits::NAME_ADDRESSES;
use crate::net::{NetError, Port};
use crate::status::count;
use crate::system::System;

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
    // A colon is an address's, of which something is wrong.
    if name.is_empty() || name.contains(':') {
        return Err(ResolveError::Unknown);
    }
    let own = own_addresses(system, name, family);
    if !own.is_empty() {
        return Ok(own);
    }
    let mut nearby = None;
    // RFC 1535: a name with a dot is one of the world's; without, it is looked for nearby first.
    if !name.contains('.') {
        for domain in system.status().address.iter().flat_map(|address| &address.search) {
            let whole = Text::<NAME_TEXT_BYTES_MAX>::of(format_args!("{name}.{domain}"));
            match of_name(system, &whole, family).await {
                Err(error @ (ResolveError::Unknown | ResolveError::NoAddress)) => {
                    nearby = Some(error);
                }
                found_or_failed => return found_or_failed,
            }
        }
    }
    // The world knows no names without a dot: what was said nearby counts more than a refusal.
    of_name(system, name, family).await.map_err(|error| nearby.unwrap_or(error))
}

/// The addresses of a whole name.
async fn of_name(
    system: &'static System,
    name: &str,
    family: Family,
) -> Result<Addresses, ResolveError> {
    let rtypes = [(Rtype::A, Family::V6), (Rtype::AAAA, Family::V4)];
    for (rtype, _) in rtypes.into_iter().filter(|(_, without)| family != *without) {
        let query = Query::new(name, rtype, system.random() as u16);
        let query = query.map_err(|_| ResolveError::Unknown)?;
        match look_up(system, name, &query).await? {
            Found::Addresses(found) if found.is_empty() => {}
            Found::Addresses(found) => return Ok(found),
            Found::Unknown | Found::Name(_) => return Err(ResolveError::Unknown),
        }
    }
    Err(ResolveError::NoAddress)
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
    let name = Text::<NAME_TEXT_BYTES_MAX>::of(format_args!("{}", query.name()));
    match look_up(system, &name, &query).await.ok()? {
        Found::Name(name) => name,
        Found::Addresses(_) | Found::Unknown => None,
    }
}

/// What the cache or the servers say.
async fn look_up(
    system: &'static System,
    name: &str,
    query: &Query,
) -> Result<Found, ResolveError> {
    let rtype = query.rtype();
    let servers = servers(system);
    let held = system.names.borrow_mut().get(system.now(), &servers, name, rtype);
    if let Some(found) = held {
        count(&system.counters().names_cached);
        return Ok(found);
    }
    count(&system.counters().names_asked);
    let mut buffer = [0; ANSWER_BYTES_MAX];
    let len = ask_all(system, query, &mut buffer).await.map_err(|_| ResolveError::Again)?;
    let reply = query.read(&buffer[..len]).map_err(|_| ResolveError::Again)?;
    let (found, ttl_seconds) = read(query, &reply)?;
    // Names of the link say themselves when they change, and only to who listens.
    if !is_of_link(query) {
        system.names.borrow_mut().put(
            system.now(),
            &servers,
            name,
            rtype,
            ttl_seconds,
            found.clone(),
        );
    }
    Ok(found)
}

/// What an answer says, and for how many seconds it holds.
fn read(query: &Query, reply: &Reply<'_>) -> Result<(Found, u32), ResolveError> {
    let absence = reply.negative_ttl_seconds().unwrap_or(0);
    match reply.rcode() {
        Rcode::NOERROR => {}
        Rcode::NXDOMAIN => return Ok((Found::Unknown, absence)),
        // Another server, or the same one later, may say more: as in the C library.
        Rcode::SERVFAIL | Rcode::NOTIMP | Rcode::REFUSED => return Err(ResolveError::Again),
        _ => return Err(ResolveError::Failure),
    }
    let lives = reply.aliases().chain(reply.records()).map(|record| record.ttl_seconds);
    let life = lives.min().unwrap_or(absence);
    Ok(match query.rtype() {
        Rtype::PTR => {
            let name = reply.records().find_map(|record| match record.data {
                Data::Ptr(name) => Some(Text::of(format_args!("{name}"))),
                _ => None,
            });
            let ttl_seconds = if name.is_some() { life } else { absence };
            (Found::Name(name), ttl_seconds)
        }
        _ => {
            // What does not fit is not looked at.
            let addresses = reply.addresses().map(|(address, _)| address.into());
            let found: Addresses = addresses.take(NAME_ADDRESSES).collect();
            let ttl_seconds = if found.is_empty() { absence } else { life };
            (Found::Addresses(found), ttl_seconds)
        }
    })
}

/// True for names that end in `.local`: whoever is on the link knows them.
fn is_of_link(query: &Query) -> bool {
    Text::<{ NAME_TEXT_BYTES_MAX }>::of(format_args!("{}", query.name()))
        .rsplit_once('.')
        .is_some_and(|(_, last)| last.eq_ignore_ascii_case("local"))
}

/// Asks the servers in turn, until one has something to say; about a name that ends in `.local`
/// whoever is on the link.
async fn ask_all(
    system: &'static System,
    query: &Query,
    buffer: &mut [u8; ANSWER_BYTES_MAX],
) -> Result<usize, NetError> {
    if is_of_link(query) {
        let group = if system.status().address.is_some() { MDNS } else { MDNS_V6 };
        return ask(system, group, query, buffer).await;
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

/// True if an address means something on one link only: RFC 4007 writes the link behind it.
pub fn has_scope(address: IpAddress) -> bool {
    match address {
        IpAddress::Ipv4(_) => false,
        // ff02::/16 is link-local, too (RFC 4291 2.7).
        IpAddress::Ipv6(address) => {
            address.is_unicast_link_local() || address.segments()[0] & 0xff0f == 0xff02
        }
    }
}

/// An address as inet_aton(3) and inet_pton(3) read it: `127.1` and `0x7f000001` are addresses,
/// too, and so is `fe80::1%eth0`.
pub fn literal(text: &str) -> Option<IpAddress> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.into());
    }
    if let Some((address, link)) = text.split_once('%') {
        let address = address.parse::<IpAddr>().ok()?.into();
        return (has_scope(address) && link == Port::Eth0.name()).then_some(address);
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

    #[test]
    fn names_of_the_link() {
        let rows = [
            ("a.local", true),
            ("b.a.LOCAL.", true),
            ("local", false),
            ("alocal", false),
            ("a.local.example", false),
        ];
        for (name, expected) in rows {
            assert_eq!(is_of_link(&Query::new(name, Rtype::A, 1).unwrap()), expected, "{name}");
        }
    }
}
