//! What a DHCP lease must satisfy before we take it.
//!
//! A DHCP client believes whatever answers first on the wire. An address such as 127.0.0.1, the
//! subnet's broadcast address, or the server's own would leave the board unreachable until half the
//! lease has passed; such a lease is refused, journalled with its reason, and the search goes on.
//! The command line's `ip=` is held to the same rules.

use smoltcp::wire::{Ipv4Address, Ipv4Cidr};

use crate::limits::DHCP_LEASE_SECONDS_MIN;

/// The shortest prefix that we take: a class A network.
const PREFIX_MIN: u8 = 8;

/// Checks a lease: the address with its mask, the server it came from, and the router it names.
///
/// # Errors
/// What is wrong with it, in words for the journal.
pub fn check(
    address: Ipv4Cidr,
    server: Ipv4Address,
    router: Option<Ipv4Address>,
) -> Result<(), &'static str> {
    check_host(address.address())?;
    // RFC 3927 1.6: such addresses are chosen and probed for by ourselves, not handed out.
    if address.address().is_link_local() {
        return Err("169.254.0.0/16 is not for a server to lease");
    }
    check_network(address)?;
    // The lease is renewed by unicast to the server.
    check_host(server).map_err(|_| "the server names itself by an address no machine can have")?;
    if address.address() == server {
        return Err("it is the server's own address");
    }
    match router {
        Some(router) => check_router(address, router),
        None => Ok(()),
    }
}

/// Checks the time of a lease, if the server gave one: an address that is lost as soon as it is
/// taken would only keep the wire and the journal busy.
///
/// # Errors
/// What is wrong with it.
pub fn check_time(seconds: Option<u32>) -> Result<(), &'static str> {
    match seconds {
        Some(seconds) if seconds < DHCP_LEASE_SECONDS_MIN => Err("it lasts too short a time"),
        _ => Ok(()),
    }
}

/// Checks that an address is one that a single machine can have (RFC 1122 3.2.1.3, RFC 6890).
///
/// # Errors
/// What it is instead.
pub fn check_host(address: Ipv4Address) -> Result<(), &'static str> {
    if address.is_unspecified() {
        Err("it is the unspecified address")
    } else if address.octets()[0] == 0 {
        Err("0.0.0.0/8 means this network")
    } else if address.is_loopback() {
        Err("127.0.0.0/8 is loopback")
    } else if address.is_multicast() {
        Err("224.0.0.0/4 is multicast")
    } else if address.is_broadcast() {
        Err("it is the broadcast address")
    } else if address.octets()[0] >= 240 {
        Err("240.0.0.0/4 is reserved")
    } else {
        Ok(())
    }
}

/// The mask of an address' class (RFC 791 3.2), for who gives none.
pub fn class_mask(address: Ipv4Address) -> Ipv4Address {
    match address.octets()[0] {
        0..=127 => Ipv4Address::new(255, 0, 0, 0),
        128..=191 => Ipv4Address::new(255, 255, 0, 0),
        _ => Ipv4Address::new(255, 255, 255, 0),
    }
}

/// Checks that an address has a place in its network.
///
/// # Errors
/// Why not.
pub fn check_network(address: Ipv4Cidr) -> Result<(), &'static str> {
    let prefix = address.prefix_len();
    if prefix < PREFIX_MIN {
        return Err("its network is larger than a class A network");
    }
    if prefix >= 32 {
        return Err("a /32 has no neighbours");
    }
    // RFC 3021: both addresses of a /31 are hosts.
    if prefix == 31 {
        return Ok(());
    }
    let host_mask = u32::MAX >> prefix;
    match address.address().to_bits() & host_mask {
        0 => Err("it is its network's own address"),
        host if host == host_mask => Err("it is its network's broadcast address"),
        _ => Ok(()),
    }
}

/// Checks that a router can be a neighbour of ours.
///
/// # Errors
/// Why not.
pub fn check_router(address: Ipv4Cidr, router: Ipv4Address) -> Result<(), &'static str> {
    if check_host(router).is_err() {
        Err("its router has an address that no machine can have")
    } else if router == address.address() {
        Err("it names ourselves as the router")
    } else if !address.contains_addr(&router) {
        Err("its router is on another network")
    } else if check_network(Ipv4Cidr::new(router, address.prefix_len())).is_err() {
        Err("its router is the network's own or the broadcast address")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(address: &str, server: &str, router: &str) -> &'static str {
        let (address, prefix) = address.split_once('/').unwrap();
        let address = Ipv4Cidr::new(address.parse().unwrap(), prefix.parse().unwrap());
        let (server, router) = (server.parse().unwrap(), router.parse().ok());
        example(address, server, router);
        match check(address, server, router) {
            Ok(()) => "taken",
            Err(reason) => reason,
        }
    }

    /// An example, kept as an input of the fuzz target.
    fn example(address: Ipv4Cidr, server: Ipv4Address, router: Option<Ipv4Address>) {
        let mut input = address.address().octets().to_vec();
        input.push(address.prefix_len() | if router.is_some() { 0x80 } else { 0 });
        input.extend(server.octets());
        input.extend(router.unwrap_or(Ipv4Address::UNSPECIFIED).octets());
        input.extend([0, 0, 14, 16]);
        corpus::seed("dhcp_lease", &input);
    }

    #[test]
    fn leases() {
        for (address, server, router, expected) in [
            ("192.168.1.42/24", "192.168.1.1", "192.168.1.1", "taken"),
            ("192.168.1.42/24", "192.168.1.1", "", "taken"),
            ("192.168.1.42/24", "10.9.9.9", "192.168.1.254", "taken"),
            ("10.0.0.1/8", "10.0.0.2", "10.255.255.254", "taken"),
            ("203.0.113.0/31", "203.0.113.1", "203.0.113.1", "taken"),
            ("0.0.0.0/24", "192.168.1.1", "", "it is the unspecified address"),
            ("0.1.2.3/24", "192.168.1.1", "", "0.0.0.0/8 means this network"),
            ("127.0.0.1/8", "192.168.1.1", "", "127.0.0.0/8 is loopback"),
            ("224.0.0.251/24", "192.168.1.1", "", "224.0.0.0/4 is multicast"),
            ("239.255.255.255/8", "192.168.1.1", "", "224.0.0.0/4 is multicast"),
            ("240.0.0.1/24", "192.168.1.1", "", "240.0.0.0/4 is reserved"),
            ("255.255.255.255/24", "192.168.1.1", "", "it is the broadcast address"),
            ("169.254.7.7/16", "192.168.1.1", "", "169.254.0.0/16 is not for a server to lease"),
            ("192.168.1.42/0", "192.168.1.1", "", "its network is larger than a class A network"),
            ("192.168.1.42/7", "192.168.1.1", "", "its network is larger than a class A network"),
            ("192.168.1.42/32", "192.168.1.1", "", "a /32 has no neighbours"),
            ("192.168.1.0/24", "192.168.1.1", "", "it is its network's own address"),
            ("192.168.1.255/24", "192.168.1.1", "", "it is its network's broadcast address"),
            ("192.168.1.7/30", "192.168.1.5", "", "it is its network's broadcast address"),
            ("192.168.1.1/24", "192.168.1.1", "", "it is the server's own address"),
            (
                "192.168.1.42/24",
                "255.255.255.255",
                "",
                "the server names itself by an address no machine can have",
            ),
            (
                "192.168.1.42/24",
                "0.0.0.0",
                "",
                "the server names itself by an address no machine can have",
            ),
            (
                "192.168.1.42/24",
                "192.168.1.1",
                "127.0.0.1",
                "its router has an address that no machine can have",
            ),
            ("192.168.1.42/24", "192.168.1.1", "192.168.1.42", "it names ourselves as the router"),
            ("192.168.1.42/24", "192.168.1.1", "192.168.2.1", "its router is on another network"),
            (
                "192.168.1.42/24",
                "192.168.1.1",
                "192.168.1.255",
                "its router is the network's own or the broadcast address",
            ),
        ] {
            assert_eq!(verdict(address, server, router), expected, "{address} {server} {router}");
        }
    }

    proptest::proptest! {
        /// Whatever is taken can be used: a unicast address in a network with neighbours.
        #[test]
        fn what_is_taken_is_usable(
            address in proptest::prelude::any::<[u8; 4]>(),
            prefix in 0u8..=32,
            server in proptest::prelude::any::<[u8; 4]>(),
            router in proptest::option::of(proptest::prelude::any::<[u8; 4]>()),
        ) {
            let cidr = Ipv4Cidr::new(Ipv4Address::from(address), prefix);
            let router = router.map(Ipv4Address::from);
            if check(cidr, Ipv4Address::from(server), router).is_ok() {
                assert!((1..=223).contains(&address[0]) && address[0] != 127);
                assert!((8..=31).contains(&prefix));
                assert_ne!(cidr.broadcast(), Some(cidr.address()));
                assert!(router.is_none_or(|router| cidr.contains_addr(&router)));
            }
        }
    }
}
