//! What a router tells everybody: router advertisements (RFC 4861 4.2), with the name servers of
//! RFC 8106. Read here, since smoltcp takes one prefix of each, and no name servers.

use core::time::Duration;

use smoltcp::wire::{EthernetAddress, Ipv6Address, Ipv6Cidr};

use crate::limits::{DNS_SERVERS, PREFIXES_PER_ADVERT};

/// A prefix that is advertised (RFC 4861 4.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Which.
    pub cidr: Ipv6Cidr,
    /// Its addresses are neighbours.
    pub is_on_link: bool,
    /// Addresses may be made from it.
    pub is_autonomous: bool,
    /// How long such an address is ours.
    pub valid: Duration,
    /// How long it is to be preferred.
    pub preferred: Duration,
}

/// An advertisement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advert {
    /// Who sent it.
    pub router: Ipv6Address,
    /// How long it is a default router; zero: not at all.
    pub lifetime: Duration,
    /// Its Ethernet address, if it says so.
    pub mac: Option<EthernetAddress>,
    /// The prefixes; more than that are not looked at.
    pub prefixes: heapless::Vec<Prefix, PREFIXES_PER_ADVERT>,
    /// Name servers, and how long they are good.
    pub dns: heapless::Vec<(Ipv6Address, Duration), DNS_SERVERS>,
}

fn seconds(bytes: &[u8]) -> Option<Duration> {
    let seconds = u32::from_be_bytes(bytes.try_into().ok()?);
    Some(Duration::from_secs(seconds.into()))
}

fn address(bytes: &[u8]) -> Option<Ipv6Address> {
    Some(<[u8; 16]>::try_from(bytes).ok()?.into())
}

/// The options of a Neighbor Discovery message (RFC 4861 4.6): kind, and the whole option. Ends at
/// one that makes no sense.
pub(super) fn options(mut rest: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    core::iter::from_fn(move || {
        let len = usize::from(*rest.get(1)?) * 8;
        // Length zero would never end (RFC 4861 6.1.2).
        let option = rest.get(..len).filter(|option| !option.is_empty())?;
        rest = &rest[len..];
        Some((option[0], option))
    })
}

/// The Ethernet address in an option of a link-layer address.
pub(super) fn mac_of(option: &[u8]) -> Option<EthernetAddress> {
    let mac = EthernetAddress(option.get(2..8)?.try_into().ok()?);
    mac.is_unicast().then_some(mac)
}

impl Advert {
    /// Reads an advertisement, from its ICMPv6 type on. None if it makes no sense.
    pub fn parse(router: Ipv6Address, message: &[u8]) -> Option<Self> {
        const SOURCE: u8 = 1;
        const PREFIX: u8 = 3;
        const RDNSS: u8 = 25;
        const ON_LINK: u8 = 0x80;
        const AUTONOMOUS: u8 = 0x40;
        let lifetime = u16::from_be_bytes(message.get(6..8)?.try_into().ok()?);
        let mut advert = Self {
            router,
            lifetime: Duration::from_secs(lifetime.into()),
            mac: None,
            prefixes: heapless::Vec::new(),
            dns: heapless::Vec::new(),
        };
        for (kind, option) in options(message.get(16..)?) {
            match kind {
                SOURCE => advert.mac = mac_of(option),
                PREFIX if option.len() == 32 && option[2] <= 128 => {
                    let prefix = Prefix {
                        cidr: Ipv6Cidr::new(address(&option[16..])?, option[2]),
                        is_on_link: option[3] & ON_LINK != 0,
                        is_autonomous: option[3] & AUTONOMOUS != 0,
                        valid: seconds(&option[4..8])?,
                        preferred: seconds(&option[8..12])?,
                    };
                    // What does not fit is no harm: the first ones count.
                    let _ = advert.prefixes.push(prefix);
                }
                RDNSS if option.len() >= 24 => {
                    let lifetime = seconds(&option[4..8])?;
                    for server in option[8..].chunks_exact(16).filter_map(address) {
                        let _ = advert.dns.push((server, lifetime));
                    }
                }
                _ => {}
            }
        }
        Some(advert)
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    const ROUTER: Ipv6Address = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

    /// As radvd sends it.
    fn message() -> Vec<u8> {
        let mut bytes = std::vec![134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend([1, 1, 2, 0, 0, 0, 0, 9]);
        bytes.extend([3, 4, 64, 0xc0, 0, 1, 0x51, 0x80, 0, 0, 0x38, 0x40, 0, 0, 0, 0]);
        bytes.extend(Ipv6Address::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0).octets());
        bytes.extend([5, 1, 0, 0, 0, 0, 5, 0xdc]);
        bytes.extend([25, 3, 0, 0, 0, 0, 2, 0x58]);
        bytes.extend(Ipv6Address::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x53).octets());
        bytes
    }

    #[test]
    fn all_that_counts() {
        let advert = Advert::parse(ROUTER, &message()).unwrap();
        assert_eq!(advert.lifetime, Duration::from_secs(1800));
        assert_eq!(advert.mac, Some(EthernetAddress([2, 0, 0, 0, 0, 9])));
        let prefix = advert.prefixes[0];
        assert_eq!(prefix.cidr, "2001:db8::/64".parse().unwrap());
        assert!(prefix.is_on_link && prefix.is_autonomous);
        assert_eq!((prefix.valid.as_secs(), prefix.preferred.as_secs()), (86_400, 14_400));
        let server = "2001:db8::53".parse().unwrap();
        assert_eq!(advert.dns, [(server, Duration::from_secs(600))]);
    }

    #[test]
    fn an_option_of_no_length_ends_it() {
        let mut bytes = message();
        bytes[17] = 0;
        let advert = Advert::parse(ROUTER, &bytes).unwrap();
        assert_eq!((advert.mac, advert.prefixes.len()), (None, 0));
        assert_eq!(Advert::parse(ROUTER, &bytes[..15]), None);
    }

    proptest! {
        #[test]
        fn no_message_panics(tail in proptest::collection::vec(any::<u8>(), 0..300)) {
            Advert::parse(ROUTER, &tail);
            let mut bytes = message();
            bytes.truncate(16);
            bytes.extend(tail);
            Advert::parse(ROUTER, &bytes);
        }
    }
}
