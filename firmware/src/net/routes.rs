//! The routing table: our own, since smoltcp's can neither be listed nor says why it chose.

use smoltcp::wire::{IpAddress, IpCidr, Ipv6Address};

use super::error::NetError;
use crate::limits::ROUTES;
use crate::status::{Address, AddressSource};

/// Where a route came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteSource {
    /// An address of ours has this network.
    Connected,
    /// The DHCP server named the router.
    Dhcp,
    /// The command line, or `route add`.
    Static,
    /// A router advertised itself (RFC 4861).
    RouterAdvertisement,
    /// We ourselves.
    Loopback,
}

/// The interface that a route uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// The wire.
    Eth0,
    /// Ourselves.
    Lo,
}

impl Port {
    /// As commands print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eth0 => "eth0",
            Self::Lo => "lo",
        }
    }
}

/// A route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// What it leads to; the host bits are zero.
    pub destination: IpCidr,
    /// The router, if it is not a neighbour's network.
    pub gateway: Option<IpAddress>,
    /// Of two that are equally long the one with the smaller metric is taken.
    pub metric: u32,
    /// Where it came from.
    pub source: RouteSource,
    /// What it uses.
    pub port: Port,
}

impl Route {
    /// The default route by a router, in the router's family.
    pub fn default_by(gateway: IpAddress, source: RouteSource) -> Self {
        let all = match gateway {
            IpAddress::Ipv4(_) => IpCidr::new(super::ANY, 0),
            IpAddress::Ipv6(_) => IpCidr::new(super::ANY_V6, 0),
        };
        Self { destination: all, gateway: Some(gateway), metric: 0, source, port: Port::Eth0 }
    }
}

impl Route {
    /// What leads to an address of our own.
    pub(super) fn to_ourselves(address: IpAddress) -> Self {
        let bits = if matches!(address, IpAddress::Ipv4(_)) { 32 } else { 128 };
        let destination = IpCidr::new(address, bits);
        let source = RouteSource::Loopback;
        Self { destination, gateway: None, metric: 0, source, port: Port::Lo }
    }
}

/// What the table says to a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteChoice {
    /// The route taken.
    pub route: Route,
    /// The neighbour that the packet is handed to.
    pub next_hop: IpAddress,
    /// The address of ours that it is sent from, if we have one of that family.
    pub source_address: Option<IpAddress>,
    /// All routes that match, the longest prefix first: the first of them is taken.
    pub considered: heapless::Vec<Route, ROUTES>,
}

/// The table.
#[derive(Debug, Default)]
pub(crate) struct RouteTable {
    routes: heapless::Vec<Route, ROUTES>,
}

impl RouteTable {
    /// Every route, in the order in which they are tried.
    pub fn all(&self) -> &[Route] {
        &self.routes
    }

    /// Adds a route, or replaces the one of the same destination, router and metric.
    ///
    /// # Errors
    /// [`NetError::NoSockets`] if the table is full.
    pub fn add(&mut self, route: Route) -> Result<(), NetError> {
        let route = Route { destination: network(&route.destination), ..route };
        self.routes.retain(|old| !is_same(old, &route));
        self.routes.push(route).map_err(|_| NetError::NoSockets)?;
        self.routes.sort_unstable_by_key(|route| (128 - bits(&route.destination), route.metric));
        Ok(())
    }

    /// Removes routes to a destination: by this router, or by any if none is named.
    ///
    /// # Errors
    /// [`NetError::Invalid`] if there is none.
    pub fn delete(
        &mut self,
        destination: IpCidr,
        gateway: Option<IpAddress>,
    ) -> Result<(), NetError> {
        let destination = network(&destination);
        let before = self.routes.len();
        self.routes.retain(|route| {
            let named = gateway.is_none() || route.gateway == gateway;
            route.destination != destination || !named
        });
        if self.routes.len() == before { Err(NetError::Invalid) } else { Ok(()) }
    }

    /// Makes the routes of our own addresses, and those of routers, in place of those before.
    pub fn set_addresses(&mut self, address: Option<&Address>, ipv6: impl Iterator<Item = Route>) {
        self.remove(|route| route.source != RouteSource::Static);
        for route in ipv6 {
            // Few enough to fit, but for what was added by hand: that stays, and these are lost.
            let _ = self.add(route);
        }
        let Some(address) = address else { return };
        // Few enough to fit: ADDRESSES of each kind at most.
        let _ = self.add(Route {
            destination: IpCidr::Ipv4(address.address),
            gateway: None,
            metric: 0,
            source: RouteSource::Connected,
            port: Port::Eth0,
        });
        if let Some(router) = address.router {
            let source = match address.source {
                AddressSource::Dhcp { .. } => RouteSource::Dhcp,
                AddressSource::Static | AddressSource::LinkLocal => RouteSource::Static,
            };
            let _ = self.add(Route::default_by(router.into(), source));
        }
    }

    /// Removes all routes that `is_gone` says so of.
    pub fn remove(&mut self, is_gone: impl Fn(&Route) -> bool) {
        self.routes.retain(|route| !is_gone(route));
    }

    /// The route to a destination: the longest prefix, then the smallest metric.
    pub fn lookup(&self, to: &IpAddress) -> Option<&Route> {
        self.matching(to).next()
    }

    /// All routes to a destination, the best first.
    pub fn matching(&self, to: &IpAddress) -> impl Iterator<Item = &Route> {
        self.routes.iter().filter(|route| route.destination.contains_addr(to))
    }
}

fn is_same(one: &Route, other: &Route) -> bool {
    one.destination == other.destination
        && one.gateway == other.gateway
        && one.metric == other.metric
}

/// Significant bits, on one scale for both families.
fn bits(of: &IpCidr) -> u8 {
    match of {
        IpCidr::Ipv4(cidr) => cidr.prefix_len() + 96,
        IpCidr::Ipv6(cidr) => cidr.prefix_len(),
    }
}

/// The same network with host bits of zero.
pub(crate) fn network(of: &IpCidr) -> IpCidr {
    match of {
        IpCidr::Ipv4(cidr) => IpCidr::Ipv4(cidr.network()),
        IpCidr::Ipv6(cidr) => {
            let len = cidr.prefix_len();
            let mask = u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0);
            IpCidr::new(Ipv6Address::from_bits(cidr.address().to_bits() & mask).into(), len)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(destination: &str, gateway: Option<&str>, metric: u32) -> Route {
        Route {
            destination: destination.parse().unwrap(),
            gateway: gateway.map(|gateway| gateway.parse().unwrap()),
            metric,
            source: RouteSource::Static,
            port: Port::Eth0,
        }
    }

    fn table() -> RouteTable {
        let mut table = RouteTable::default();
        for route in [
            route("0.0.0.0/0", Some("192.0.2.1"), 0),
            route("192.0.2.0/24", None, 0),
            route("198.51.100.0/24", Some("192.0.2.2"), 10),
            route("198.51.100.7/24", Some("192.0.2.3"), 5),
            route("198.51.100.7/32", Some("192.0.2.4"), 0),
            route("2001:db8::/32", Some("fe80::1"), 0),
        ] {
            table.add(route).unwrap();
        }
        table
    }

    #[test]
    fn the_longest_prefix_then_the_smallest_metric() {
        let table = table();
        for (to, by) in [
            ("8.8.8.8", Some("192.0.2.1")),
            ("192.0.2.9", None),
            ("198.51.100.7", Some("192.0.2.4")),
            ("198.51.100.8", Some("192.0.2.3")),
            ("2001:db8::1", Some("fe80::1")),
        ] {
            let route = table.lookup(&to.parse().unwrap()).unwrap();
            assert_eq!(route.gateway, by.map(|by| by.parse().unwrap()), "{to}");
        }
        assert_eq!(table.lookup(&"2001:db9::1".parse().unwrap()), None);
        assert_eq!(table.matching(&"198.51.100.7".parse().unwrap()).count(), 4);
    }

    #[test]
    fn one_route_is_there_once() {
        let mut table = table();
        let before = table.all().len();
        table.add(route("198.51.100.99/24", Some("192.0.2.3"), 5)).unwrap();
        assert_eq!(table.all().len(), before);
        table.delete("198.51.100.0/24".parse().unwrap(), None).unwrap();
        assert_eq!(table.all().len(), before - 2);
        assert_eq!(table.delete("198.51.100.0/24".parse().unwrap(), None), Err(NetError::Invalid));
    }
}
