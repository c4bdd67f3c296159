//! What `ifconfig`, `arp`, `route` and `netstat` show, as plain data.

use core::cell::Cell;
use core::time::Duration;

use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, IpEndpoint, Ipv4Address};
use tcp::{ConnectionInfo, ListenerInfo, Timer};

use super::error::NetError;
use super::routes::{Port, Route, RouteChoice};
use super::stack::Stack;
use super::tcp_host::TcpHost;
use crate::limits::{ADDRESSES, DNS_SERVERS, ICMP_SOCKETS, LISTENERS, MTU_BYTES, UDP_SOCKETS};
use crate::status::{Direction, Drop, Drops};
use crate::system::System;
use crate::wire::ProtocolCounters;

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The address and its prefix length.
    pub cidr: IpCidr,
    /// IPv4: the broadcast address of its network.
    pub broadcast: Option<Ipv4Address>,
}

/// An interface.
#[derive(Clone, Debug, PartialEq)]
pub struct InterfaceStatus {
    /// Which.
    pub port: Port,
    /// There is a device.
    pub is_up: bool,
    /// And it has a carrier.
    pub is_running: bool,
    /// Bytes of the longest IP packet.
    pub mtu: usize,
    /// The Ethernet address; none for the loopback interface.
    pub mac: Option<EthernetAddress>,
    /// The driver.
    pub driver: Option<&'static str>,
    /// Its addresses.
    pub addresses: heapless::Vec<InterfaceAddress, ADDRESSES>,
    /// What it received.
    pub received: Direction,
    /// What it sent.
    pub sent: Direction,
}

/// How much is known about a neighbour (RFC 4861 7.3.2; Linux's names for ARP, too).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeighborState {
    /// Asked for; no answer yet.
    Incomplete,
    /// Heard of lately.
    Reachable,
    /// Heard of a while ago; good enough to be used.
    Stale,
    /// Used since; about to be asked again.
    Delay,
    /// Asked again.
    Probe,
    /// Asked for in vain.
    Failed,
    /// Set by hand.
    Permanent,
}

/// A neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbor {
    /// Its address.
    pub address: IpAddress,
    /// Its Ethernet address, if it is known.
    pub mac: Option<EthernetAddress>,
    /// How much is known.
    pub state: NeighborState,
    /// When it came into this state, since start.
    pub since: Duration,
    /// Time until it leaves this state by itself; none if it does not.
    pub expires_in: Option<Duration>,
}

/// A socket's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// IP itself.
    Raw,
}

/// A socket's state, by the names of `netstat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "RFC 9293 3.3.2 says what they are")]
pub enum SocketState {
    /// UDP and raw sockets have none.
    Unconnected,
    Listen,
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
    Closed,
}

impl SocketState {
    /// As `netstat` prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unconnected => "",
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN_SENT",
            Self::SynReceived => "SYN_RECV",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN_WAIT1",
            Self::FinWait2 => "FIN_WAIT2",
            Self::CloseWait => "CLOSE_WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST_ACK",
            Self::TimeWait => "TIME_WAIT",
            Self::Closed => "CLOSE",
        }
    }
}

/// A socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketInfo {
    /// Its protocol.
    pub protocol: Protocol,
    /// Our end. The unspecified address stands for any, of both families.
    pub local: IpEndpoint,
    /// The other end, if it has one.
    pub remote: Option<IpEndpoint>,
    /// Its state.
    pub state: SocketState,
    /// Bytes received that nobody has read.
    pub receive_queued: usize,
    /// Bytes to be sent, or sent and not acknowledged.
    pub send_queued: usize,
    /// Its timer that runs out first.
    pub timer: Timer,
    /// Its place in the table of its protocol.
    pub number: usize,
    /// Who holds it.
    pub owner: &'static str,
}

impl System {
    /// The interfaces.
    pub fn interfaces(&self) -> heapless::Vec<InterfaceStatus, 2> {
        self.stack.borrow().interfaces(self.drops())
    }

    /// The neighbours we know, or look for. The table is borrowed for each step only: it may change
    /// in between.
    pub fn neighbors(&self) -> impl Iterator<Item = Neighbor> + '_ {
        each(|index| self.stack.borrow().neighbor(index, self.now()))
    }

    /// Sets a neighbour by hand (`arp -s`).
    ///
    /// # Errors
    /// [`NetError::NoSockets`] if there is no room, [`NetError::Invalid`] if the address is none of
    /// a single station.
    pub fn neighbor_add(&self, address: IpAddress, mac: EthernetAddress) -> Result<(), NetError> {
        let stack = self.stack.borrow();
        stack.note_work();
        stack.link.neighbors.borrow_mut().add(self.now(), address, mac)
    }

    /// Forgets a neighbour (`arp -d`).
    ///
    /// # Errors
    /// [`NetError::Invalid`] if it is not there.
    pub fn neighbor_delete(&self, address: IpAddress) -> Result<(), NetError> {
        self.stack.borrow().link.neighbors.borrow_mut().delete(&address)
    }

    /// The routes, in the order in which they are tried. As with [`System::neighbors`], the table
    /// may change in between.
    pub fn routes(&self) -> impl Iterator<Item = Route> + '_ {
        each(|index| self.stack.borrow().link.routes.borrow().all().get(index).copied())
    }

    /// Adds a route, or replaces the one of the same destination, router and metric.
    ///
    /// # Errors
    /// [`NetError::NoSockets`] if the table is full, [`NetError::NetworkUnreachable`] if the router
    /// is no neighbour of ours.
    pub fn route_add(&self, route: Route) -> Result<(), NetError> {
        self.stack.borrow_mut().route_add(route)
    }

    /// Removes routes to a destination: by this router, or by any if none is named.
    ///
    /// # Errors
    /// [`NetError::Invalid`] if there is none.
    pub fn route_delete(
        &self,
        destination: IpCidr,
        gateway: Option<IpAddress>,
    ) -> Result<(), NetError> {
        self.stack.borrow().link.routes.borrow_mut().delete(destination, gateway)
    }

    /// Which way a packet to `to` takes, and why.
    pub fn route_get(&self, to: IpAddress) -> Option<RouteChoice> {
        self.stack.borrow().route_get(to)
    }

    /// All sockets: TCP, UDP, raw. As with [`System::neighbors`], the table may change in between.
    pub fn sockets(&self) -> impl Iterator<Item = SocketInfo> + '_ {
        // Free sockets are left out, so the places are counted here and not by `each`.
        (0..TcpHost::LINES + UDP_SOCKETS + ICMP_SOCKETS)
            .filter_map(|index| self.stack.borrow().socket_info(self.now(), index))
    }

    /// The name servers: those of the IPv4 configuration, then those that routers advertise.
    pub fn name_servers(&self) -> heapless::Vec<IpAddress, { 2 * DNS_SERVERS }> {
        let stack = self.stack.borrow();
        let v4 = stack.addressing.current().into_iter().flat_map(|ours| ours.dns.iter());
        let v4 = v4.copied().map(IpAddress::Ipv4);
        v4.chain(stack.ipv6.slaac.dns().map(IpAddress::Ipv6)).collect()
    }

    /// TCP's connections in full, for `ss`: those that are open, then the half-open ones, then
    /// those in TIME-WAIT. As with [`System::neighbors`], the table may change in between.
    pub fn tcp_connections(&self) -> impl Iterator<Item = ConnectionInfo> + '_ {
        let count = self.stack.borrow().tcp.engine.lines();
        (0..count).filter_map(|index| self.stack.borrow().tcp.engine.line(self.now().into(), index))
    }

    /// The ports that TCP listens on.
    pub fn tcp_listeners(&self) -> impl Iterator<Item = ListenerInfo> + '_ {
        (0..LISTENERS).filter_map(|index| self.stack.borrow().tcp.engine.listener(index))
    }

    /// Bytes of memory of all TCP connections' rings: in use, and altogether.
    pub fn tcp_memory(&self) -> (usize, usize) {
        self.stack.borrow().tcp.engine.memory()
    }

    /// What passed, by protocol.
    pub fn protocol_counters(&self) -> ProtocolCounters {
        let stack = self.stack.borrow();
        ProtocolCounters { tcp: *stack.tcp.engine.counters(), ..stack.link.protocols.get() }
    }
}

/// The items of a table, one index after the other until there is none.
fn each<T>(get: impl Fn(usize) -> Option<T>) -> impl Iterator<Item = T> {
    (0..).map_while(get)
}

impl Stack {
    fn interfaces(&self, drops: &Drops) -> heapless::Vec<InterfaceStatus, 2> {
        let (received, sent) = self.directions(drops);
        let mut all = heapless::Vec::new();
        let of = |port: Port| {
            let addresses = self.interface.iter().flat_map(|interface| interface.ip_addrs());
            let addresses = addresses.filter(move |cidr| {
                let is_loopback = match cidr.address() {
                    IpAddress::Ipv4(address) => address.is_loopback(),
                    IpAddress::Ipv6(address) => address.is_loopback(),
                };
                is_loopback == (port == Port::Lo)
            });
            addresses.map(InterfaceAddress::of).collect()
        };
        let eth0 = InterfaceStatus {
            port: Port::Eth0,
            is_up: self.nic.is_some(),
            is_running: self.carrier.is_up(),
            mtu: MTU_BYTES,
            mac: self.nic.as_ref().map(|nic| nic.mac),
            driver: self.nic.as_ref().map(|nic| nic.driver),
            addresses: of(Port::Eth0),
            received,
            sent,
        };
        let looped = &self.link.loopback;
        let dropped = drops.get(Drop::LoopbackFull);
        let count = |packets: &Cell<u64>, bytes: &Cell<u64>| Direction {
            packets: packets.get(),
            bytes: bytes.get(),
            ..Direction::default()
        };
        let lo = InterfaceStatus {
            port: Port::Lo,
            is_up: true,
            is_running: true,
            mtu: MTU_BYTES,
            mac: None,
            driver: None,
            addresses: of(Port::Lo),
            received: count(&looped.received, &looped.received_bytes),
            sent: Direction { dropped, ..count(&looped.sent, &looped.sent_bytes) },
        };
        // Cannot fail: there is room for two.
        let _ = all.push(eth0);
        let _ = all.push(lo);
        all
    }

    fn neighbor(&self, index: usize, now: Duration) -> Option<Neighbor> {
        self.link.neighbors.borrow().get(index, now)
    }

    fn socket_info(&self, now: Duration, index: usize) -> Option<SocketInfo> {
        const UDP: usize = TcpHost::LINES;
        const ICMP: usize = UDP + UDP_SOCKETS;
        match index {
            0..UDP => self.tcp.info(now, index),
            UDP..ICMP => self.udp.info(&self.sockets, index - UDP),
            _ => self.icmp.info(index - ICMP),
        }
    }
}

impl InterfaceAddress {
    fn of(cidr: &IpCidr) -> Self {
        let broadcast = match cidr {
            // The loopback interface has none.
            IpCidr::Ipv4(cidr) => cidr.broadcast().filter(|_| !cidr.address().is_loopback()),
            IpCidr::Ipv6(_) => None,
        };
        Self { cidr: *cidr, broadcast }
    }
}
