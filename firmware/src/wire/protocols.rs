//! Counts what passes by protocol, as `netstat -s` shows it: the objects of RFC 4293 (IP) and RFC
//! 4113 (UDP), told from the packets themselves. TCP counts by itself.

use core::cell::RefCell;

pub use tcp::Counters as TcpCounters;

/// IP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IpCounters {
    /// Packets received, whatever became of them.
    pub received: u64,
    /// Of those, with a header that makes no sense.
    pub header_errors: u64,
    /// Fragments received.
    pub fragments_received: u64,
    /// Packets sent.
    pub sent: u64,
    /// Fragments sent.
    pub fragments_sent: u64,
    /// Packets that no route led anywhere.
    pub no_routes: u64,
}

/// Types of ICMP that are counted one by one: 0 to 18.
pub const ICMP_TYPES: usize = 19;

/// ICMP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IcmpCounters {
    /// Messages received.
    pub received: u64,
    /// Messages sent.
    pub sent: u64,
    /// Received, by type.
    pub received_by_type: [u64; ICMP_TYPES],
    /// Sent, by type.
    pub sent_by_type: [u64; ICMP_TYPES],
}

/// ICMPv6: messages of the types that there are (RFC 4443, RFC 4861, RFC 3810), one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Icmpv6Counters {
    /// Messages received.
    pub received: u64,
    /// Messages sent.
    pub sent: u64,
    /// Received, by the index of [`ICMPV6_TYPES`].
    pub received_by_type: [u64; ICMPV6_TYPES.len()],
    /// Sent, by the index of [`ICMPV6_TYPES`].
    pub sent_by_type: [u64; ICMPV6_TYPES.len()],
}

/// The types of ICMPv6 that are counted, with the names of `netstat -s`.
pub const ICMPV6_TYPES: [(u8, &str); 14] = [
    (1, "destination unreachable"),
    (2, "packets too big"),
    (3, "time exceeded"),
    (4, "parameter problem"),
    (128, "echos"),
    (129, "echo replies"),
    (130, "group member queries"),
    (131, "group member responses"),
    (132, "group member reductions"),
    (133, "router solicits"),
    (134, "router advertisement"),
    (135, "neighbour solicits"),
    (136, "neighbour advertisement"),
    (143, "MLDv2 reports"),
];

/// UDP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UdpCounters {
    /// Datagrams received, those to closed ports among them.
    pub received: u64,
    /// Datagrams answered by ICMP port unreachable.
    pub no_ports: u64,
    /// Datagrams sent.
    pub sent: u64,
}

/// All of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProtocolCounters {
    /// IPv4.
    pub ip: IpCounters,
    /// IPv6.
    pub ipv6: IpCounters,
    /// ICMP.
    pub icmp: IcmpCounters,
    /// ICMPv6.
    pub icmpv6: Icmpv6Counters,
    /// UDP, over both.
    pub udp: UdpCounters,
    /// TCP, over both: the names are Linux's.
    pub tcp: TcpCounters,
}

/// Where they are counted, but for TCP's.
#[derive(Debug, Default)]
pub struct Protocols(RefCell<ProtocolCounters>);

const ICMP: u8 = 1;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// A packet's version, protocol and payload, if its header makes sense.
struct Packet<'a> {
    protocol: u8,
    is_fragment: bool,
    is_later_fragment: bool,
    payload: &'a [u8],
}

impl<'a> Packet<'a> {
    fn v4(bytes: &'a [u8]) -> Option<Self> {
        let header_len = usize::from(bytes.first()? & 0x0f) * 4;
        let total_len = usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]));
        let offset = u16::from_be_bytes([*bytes.get(6)?, *bytes.get(7)?]);
        if header_len < 20 {
            return None;
        }
        Some(Self {
            protocol: *bytes.get(9)?,
            is_fragment: offset & 0x3fff != 0,
            is_later_fragment: offset & 0x1fff != 0,
            payload: bytes.get(header_len..total_len)?,
        })
    }

    fn v6(bytes: &'a [u8]) -> Option<Self> {
        const HOP_BY_HOP: u8 = 0;
        const FRAGMENT: u8 = 44;
        let len = usize::from(u16::from_be_bytes([*bytes.get(4)?, *bytes.get(5)?]));
        let mut protocol = *bytes.get(6)?;
        let mut payload = bytes.get(40..40 + len)?;
        if protocol == HOP_BY_HOP {
            protocol = *payload.first()?;
            payload = payload.get((usize::from(*payload.get(1)?) + 1) * 8..)?;
        }
        let is_fragment = protocol == FRAGMENT;
        Some(Self { protocol, is_fragment, is_later_fragment: is_fragment, payload })
    }
}

impl Protocols {
    /// All counts.
    pub fn get(&self) -> ProtocolCounters {
        *self.0.borrow()
    }

    /// Changes counts that no packet tells of.
    pub fn update(&self, change: impl FnOnce(&mut ProtocolCounters)) {
        change(&mut self.0.borrow_mut());
    }

    /// Counts an IP packet on its way in.
    pub fn received(&self, bytes: &[u8]) {
        self.update(|all| all.received(bytes));
    }

    /// Counts an IP packet on its way out.
    pub fn sent(&self, bytes: &[u8]) {
        self.update(|all| all.sent(bytes));
    }
}

impl ProtocolCounters {
    fn received(&mut self, bytes: &[u8]) {
        let is_v6 = bytes.first().is_some_and(|first| first >> 4 == 6);
        let ip = if is_v6 { &mut self.ipv6 } else { &mut self.ip };
        ip.received += 1;
        let packet = if is_v6 { Packet::v6(bytes) } else { Packet::v4(bytes) };
        let Some(packet) = packet else {
            ip.header_errors += 1;
            return;
        };
        ip.fragments_received += u64::from(packet.is_fragment);
        if packet.is_later_fragment {
            return;
        }
        let kind = packet.payload.first().copied().unwrap_or(u8::MAX);
        match packet.protocol {
            ICMP if !is_v6 => {
                self.icmp.received += 1;
                if let Some(count) = self.icmp.received_by_type.get_mut(usize::from(kind)) {
                    *count += 1;
                }
            }
            ICMPV6 if is_v6 => {
                self.icmpv6.received += 1;
                if let Some(index) = icmpv6_index(kind) {
                    self.icmpv6.received_by_type[index] += 1;
                }
            }
            UDP => self.udp.received += 1,
            _ => {}
        }
    }

    fn sent(&mut self, bytes: &[u8]) {
        let is_v6 = bytes.first().is_some_and(|first| first >> 4 == 6);
        let ip = if is_v6 { &mut self.ipv6 } else { &mut self.ip };
        ip.sent += 1;
        let packet = if is_v6 { Packet::v6(bytes) } else { Packet::v4(bytes) };
        let Some(packet) = packet else { return };
        ip.fragments_sent += u64::from(packet.is_fragment);
        if packet.is_later_fragment {
            return;
        }
        let kind = packet.payload.first().copied().unwrap_or(u8::MAX);
        let code = packet.payload.get(1).copied().unwrap_or(u8::MAX);
        match packet.protocol {
            ICMP if !is_v6 => {
                self.icmp.sent += 1;
                if let Some(count) = self.icmp.sent_by_type.get_mut(usize::from(kind)) {
                    *count += 1;
                }
                self.udp.no_ports += u64::from((kind, code) == (3, 3));
            }
            ICMPV6 if is_v6 => {
                self.icmpv6.sent += 1;
                if let Some(index) = icmpv6_index(kind) {
                    self.icmpv6.sent_by_type[index] += 1;
                }
                self.udp.no_ports += u64::from((kind, code) == (1, 4));
            }
            UDP => self.udp.sent += 1,
            _ => {}
        }
    }
}

fn icmpv6_index(kind: u8) -> Option<usize> {
    ICMPV6_TYPES.iter().position(|(counted, _)| *counted == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECHO: [u8; 28] = [
        0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 8, 0, 0, 0, 0, 0, 0, 0,
    ];

    #[test]
    fn echo_requests_and_rubbish() {
        let protocols = Protocols::default();
        protocols.received(&ECHO);
        protocols.received(&ECHO[..27]);
        protocols.received(&[]);
        protocols.sent(&ECHO);
        let all = protocols.get();
        assert_eq!((all.ip.received, all.ip.header_errors, all.ip.sent), (3, 2, 1));
        assert_eq!((all.icmp.received_by_type[8], all.icmp.sent_by_type[8]), (1, 1));
    }

    #[test]
    fn only_the_first_fragment_has_a_protocol() {
        let protocols = Protocols::default();
        let mut fragment = ECHO;
        fragment[6] = 0x20;
        protocols.received(&fragment);
        (fragment[6], fragment[7]) = (0, 1);
        protocols.received(&fragment);
        let all = protocols.get();
        assert_eq!((all.ip.fragments_received, all.icmp.received), (2, 1));
    }
}
