//! What a DHCP lease must satisfy. Input: address, prefix, server, router (if the prefix's top bit
//! is set), time of the lease.

use firmware::limits::DHCP_LEASE_SECONDS_MIN;
use firmware::net::lease;
use smoltcp::wire::{Ipv4Address, Ipv4Cidr};

/// What is taken can be used: a unicast address in a network with neighbours.
pub fn check(input: &[u8]) {
    let Some(bytes) = input.first_chunk::<17>() else { return };
    let address = |at: usize| Ipv4Address::from([0, 1, 2, 3].map(|i| bytes[at + i]));
    let prefix = (bytes[4] & 0x7f) % 33;
    let cidr = Ipv4Cidr::new(address(0), prefix);
    let server = address(5);
    let router = (bytes[4] & 0x80 != 0).then(|| address(9));
    let seconds = u32::from_be_bytes([bytes[13], bytes[14], bytes[15], bytes[16]]);
    assert_eq!(lease::check_time(Some(seconds)).is_ok(), seconds >= DHCP_LEASE_SECONDS_MIN);
    if lease::check(cidr, server, router).is_err() {
        return;
    }
    for host in [Some(address(0)), Some(server), router].into_iter().flatten() {
        let [first, ..] = host.octets();
        assert!((1..=223).contains(&first) && first != 127, "{host} is no machine's");
        assert_eq!(lease::check_host(host), Ok(()));
    }
    assert!((8..=31).contains(&prefix) && !address(0).is_link_local());
    assert_ne!(server, address(0));
    let network = |address: Ipv4Address| address.to_bits() >> (32 - u32::from(prefix));
    if let Some(router) = router {
        assert!(router != address(0) && network(router) == network(address(0)));
    }
    let hosts = address(0).to_bits() & (u32::MAX >> prefix);
    assert!(prefix == 31 || (hosts != 0 && hosts != u32::MAX >> prefix));
}
