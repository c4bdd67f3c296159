//! What words mean: qualifiers and a value become instructions.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::error::{Error, Fault};
use super::keywords::Protocol;
use super::parser::{Compiled, Compiler};
use super::program::{Base, End, Family, Op, PENDING};

/// Protocols above IP.
const ICMP: u8 = 1;
const IGMP: u8 = 2;
pub const TCP: u8 = 6;
const IGRP: u8 = 9;
pub const UDP: u8 = 17;
const ESP: u8 = 50;
const AH: u8 = 51;
const ICMP6: u8 = 58;
const PIM: u8 = 103;
const VRRP: u8 = 112;
const SCTP: u8 = 132;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing was said from which a value could take it.
    Undefined,
    /// A host.
    Default,
    Host,
    Net,
    Port,
    PortRange,
    Protocol,
    Gateway,
}

/// What is said before a value, or was before the value before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Qualifiers {
    pub protocol: Option<Protocol>,
    pub end: Option<End>,
    pub kind: Kind,
}

impl Qualifiers {
    /// None: a value that takes these is an error.
    pub const UNDEFINED: Self = Self { protocol: None, end: None, kind: Kind::Undefined };

    pub fn end(self) -> End {
        self.end.unwrap_or(End::Either)
    }

    /// As messages say it.
    const fn host_or_net(self) -> &'static str {
        match self.kind {
            Kind::Net => "net",
            _ => "host",
        }
    }
}

/// How a protocol is found.
enum Way {
    /// By its EtherType or service access point.
    Type(u32),
    /// Above IPv4.
    Ip(u8),
    /// Above IPv6.
    Ip6(u8),
    /// Above either.
    Either(u8),
    /// It is what the frame is.
    Link,
}

impl Way {
    const fn of(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Link => Self::Link,
            Protocol::Ip => Self::Type(0x0800),
            Protocol::Arp => Self::Type(0x0806),
            Protocol::Rarp => Self::Type(0x8035),
            Protocol::Ip6 => Self::Type(0x86dd),
            Protocol::Atalk => Self::Type(0x809b),
            Protocol::Aarp => Self::Type(0x80f3),
            Protocol::Decnet => Self::Type(0x6003),
            Protocol::Lat => Self::Type(0x6004),
            Protocol::Sca => Self::Type(0x6007),
            Protocol::Moprc => Self::Type(0x6002),
            Protocol::Mopdl => Self::Type(0x6001),
            Protocol::Iso => Self::Type(0xfe),
            Protocol::Stp => Self::Type(0x42),
            Protocol::Ipx => Self::Type(0xe0),
            Protocol::Netbeui => Self::Type(0xf0),
            Protocol::Icmp => Self::Ip(ICMP),
            Protocol::Igmp => Self::Ip(IGMP),
            Protocol::Igrp => Self::Ip(IGRP),
            Protocol::Vrrp | Protocol::Carp => Self::Ip(VRRP),
            Protocol::Icmp6 => Self::Ip6(ICMP6),
            Protocol::Tcp => Self::Either(TCP),
            Protocol::Udp => Self::Either(UDP),
            Protocol::Sctp => Self::Either(SCTP),
            Protocol::Pim => Self::Either(PIM),
            Protocol::Ah => Self::Either(AH),
            Protocol::Esp => Self::Either(ESP),
        }
    }
}

/// What `protocol[..]` counts from, and what must hold before it is read.
pub struct Index {
    pub base: Base,
    pub tests: [Option<Op>; 2],
}

impl Index {
    /// `None` if the protocol's bytes cannot be asked for.
    pub const fn of(protocol: Protocol) -> Option<Self> {
        Some(match protocol {
            Protocol::Aarp
            | Protocol::Ah
            | Protocol::Esp
            | Protocol::Iso
            | Protocol::Stp
            | Protocol::Ipx
            | Protocol::Netbeui => return None,
            _ => match Way::of(protocol) {
                Way::Link => Self { base: Base::Link, tests: [None, None] },
                Way::Type(number) => {
                    Self { base: Base::Network, tests: [Some(Op::Type(number)), None] }
                }
                Way::Ip6(number) => Self {
                    base: Base::AboveIp6,
                    tests: [Some(Op::Type(0x86dd)), Some(Op::Ip6Next(number))],
                },
                // Even of protocols above both, those above IPv4 only.
                Way::Ip(number) | Way::Either(number) => Self {
                    base: Base::AboveIp,
                    tests: [Some(Op::IpProtocol(number as u32)), Some(Op::FirstFragment)],
                },
            },
        })
    }
}

/// The parts of an IPv4 address, from the left, and how many bits they have.
fn parts(text: &str) -> Option<(u32, u32)> {
    let mut bits = 0;
    let mut address = 0;
    for part in text.split('.') {
        // libpcap reads decimal digits, zeros in front or not.
        let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
        let trimmed = part.trim_start_matches('0');
        let number = if trimmed.is_empty() { Ok(0) } else { trimmed.parse::<u8>() };
        address = address << 8 | u32::from(number.ok().filter(|_| is_number)?);
        bits += 8;
    }
    Some((address, bits))
}

impl<'e> Compiler<'e, '_> {
    /// Adds two tests, of which one must hold.
    fn either(&mut self, first: Op, second: Op) -> Compiled<'e> {
        self.all_of(true, [first, second])
    }

    /// Adds tests that end when the truth is `stops_at`.
    fn all_of(&mut self, stops_at: bool, ops: impl IntoIterator<Item = Op>) -> Compiled<'e> {
        let start = self.length();
        for (index, op) in ops.into_iter().enumerate() {
            if index > 0 {
                self.emit(Op::JumpIf(stops_at, PENDING))?;
            }
            self.emit(op)?;
        }
        self.land(start);
        Ok(())
    }

    /// A protocol alone.
    pub fn protocol(&mut self, protocol: Protocol, at: usize) -> Compiled<'e> {
        match Way::of(protocol) {
            Way::Link => Err(Error::new(Fault::LinkAlone, at)),
            Way::Type(number) => self.emit(Op::Type(number)),
            Way::Ip(number) => self.emit(Op::IpProtocol(number.into())),
            Way::Ip6(number) => self.emit(Op::Ip6Protocol(number.into())),
            Way::Either(number) => {
                self.either(Op::IpProtocol(number.into()), Op::Ip6Protocol(number.into()))
            }
        }
    }

    /// `broadcast`.
    pub fn broadcast(&mut self, protocol: Option<Protocol>, at: usize) -> Compiled<'e> {
        match protocol {
            None | Some(Protocol::Link) => {
                self.emit(Op::Ethernet { end: End::Destination, address: [0xff; 6] })
            }
            Some(Protocol::Ip) => self.emit(Op::IpBroadcast(self.names.netmask())),
            Some(_) => Err(Error::new(Fault::Broadcast, at)),
        }
    }

    /// `multicast`.
    pub fn multicast(&mut self, protocol: Option<Protocol>, at: usize) -> Compiled<'e> {
        match protocol {
            None | Some(Protocol::Link) => self.emit(Op::EthernetGroup),
            Some(Protocol::Ip) => self.emit(Op::IpGroup),
            Some(Protocol::Ip6) => self.emit(Op::Ip6Group),
            Some(_) => Err(Error::new(Fault::Multicast, at)),
        }
    }

    /// An IPv4 address, or the start of one.
    pub fn ipv4(&mut self, text: &'e str, qualifiers: Qualifiers, at: usize) -> Compiled<'e> {
        let misplaced = match qualifiers.kind {
            Kind::Port => Some("port"),
            Kind::PortRange => Some("portrange"),
            Kind::Protocol => Some("proto"),
            _ => None,
        };
        if let Some(name) = misplaced {
            return Err(Error::new(Fault::HostModifier(name), at));
        }
        let Some((address, bits)) = parts(text) else {
            return Err(Error::new(Fault::InvalidIpv4(text), at));
        };
        self.numbered_host(address << (32 - bits), u32::MAX << (32 - bits), qualifiers, at)
    }

    /// An IPv4 network, `address/bits`.
    pub fn ipv4_prefix(
        &mut self,
        text: &'e str,
        prefix: u32,
        qualifiers: Qualifiers,
        at: usize,
    ) -> Compiled<'e> {
        let Some((address, bits)) = parts(text) else {
            return Err(Error::new(Fault::InvalidIpv4(text), at));
        };
        if prefix > 32 {
            return Err(Error::new(Fault::MaskLength(32), at));
        }
        let address = address << (32 - bits);
        let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
        if address & !mask != 0 {
            return Err(Error::new(Fault::HostBits(text, prefix), at));
        }
        self.network(address, mask, qualifiers, at)
    }

    /// An IPv4 network, `address mask address`.
    pub fn ipv4_masked(
        &mut self,
        text: &'e str,
        mask_text: &'e str,
        qualifiers: Qualifiers,
        at: usize,
    ) -> Compiled<'e> {
        let invalid = |text| Error::new(Fault::InvalidIpv4(text), at);
        let (address, bits) = parts(text).ok_or(invalid(text))?;
        let (mask, mask_bits) = parts(mask_text).ok_or(invalid(mask_text))?;
        let (address, mask) = (address << (32 - bits), mask << (32 - mask_bits));
        if address & !mask != 0 {
            return Err(Error::new(Fault::HostBitsMask(text, mask_text), at));
        }
        self.network(address, mask, qualifiers, at)
    }

    fn network(
        &mut self,
        address: u32,
        mask: u32,
        qualifiers: Qualifiers,
        at: usize,
    ) -> Compiled<'e> {
        if qualifiers.kind != Kind::Net {
            return Err(Error::new(Fault::MaskForNetworks, at));
        }
        self.host(address.into(), mask.into(), qualifiers, at)
    }

    /// Where a host or network can be, or a gateway's name.
    fn numbered_host(
        &mut self,
        address: u32,
        mask: u32,
        qualifiers: Qualifiers,
        at: usize,
    ) -> Compiled<'e> {
        match qualifiers.kind {
            Kind::Undefined => Err(Error::new(Fault::Unqualified, at)),
            Kind::Gateway => Err(Error::new(Fault::GatewayName, at)),
            _ if qualifiers.protocol == Some(Protocol::Link) => {
                Err(Error::new(Fault::IllegalLinkAddress, at))
            }
            _ => self.host(address.into(), mask.into(), qualifiers, at),
        }
    }

    pub fn host(
        &mut self,
        address: Ipv4Addr,
        mask: Ipv4Addr,
        qualifiers: Qualifiers,
        at: usize,
    ) -> Compiled<'e> {
        let end = qualifiers.end();
        let of = |family| Op::Host { family, end, address, mask };
        let what = qualifiers.host_or_net();
        match qualifiers.protocol {
            None => self.all_of(true, [of(Family::Ip), of(Family::Arp), of(Family::Rarp)]),
            Some(Protocol::Ip) => self.emit(of(Family::Ip)),
            Some(Protocol::Arp) => self.emit(of(Family::Arp)),
            Some(Protocol::Rarp) => self.emit(of(Family::Rarp)),
            Some(Protocol::Link) => Err(Error::new(Fault::LinkModifier(what), at)),
            Some(Protocol::Ip6) => Err(Error::new(Fault::Ip6Modifier, at)),
            Some(other) => Err(Error::new(Fault::Modifier(other.name(), what), at)),
        }
    }

    /// An IPv6 host or network.
    pub fn ipv6(
        &mut self,
        address: Ipv6Addr,
        text: &'e str,
        bits: u32,
        qualifiers: Qualifiers,
        at: usize,
    ) -> Compiled<'e> {
        if bits > 128 {
            return Err(Error::new(Fault::MaskLength(128), at));
        }
        let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
        if address.to_bits() & !mask != 0 {
            return Err(Error::new(Fault::HostBits(text, bits), at));
        }
        match qualifiers.kind {
            Kind::Default | Kind::Host if bits != 128 => {
                Err(Error::new(Fault::MaskForNetworks, at))
            }
            Kind::Default | Kind::Host | Kind::Net => {
                self.host6(address, bits as u8, qualifiers, at)
            }
            _ => Err(Error::new(Fault::Ipv6Qualifier, at)),
        }
    }

    pub fn host6(
        &mut self,
        address: Ipv6Addr,
        bits: u8,
        qualifiers: Qualifiers,
        at: usize,
    ) -> Compiled<'e> {
        let what = qualifiers.host_or_net();
        match qualifiers.protocol {
            None | Some(Protocol::Ip6) => {
                self.emit(Op::Host6 { end: qualifiers.end(), address, bits })
            }
            Some(Protocol::Link) => {
                let what = if what == "net" { "ip6 net" } else { "ip6 host" };
                Err(Error::new(Fault::LinkModifier(what), at))
            }
            Some(other) => Err(Error::new(Fault::Modifier6(other.name(), what), at)),
        }
    }

    /// An Ethernet address.
    pub fn ethernet(
        &mut self,
        address: [u8; 6],
        qualifiers: Qualifiers,
        at: usize,
    ) -> Compiled<'e> {
        let is_host = matches!(qualifiers.kind, Kind::Host | Kind::Default);
        if !is_host || qualifiers.protocol != Some(Protocol::Link) {
            return Err(Error::new(Fault::EthernetQualifier, at));
        }
        self.emit(Op::Ethernet { end: qualifiers.end(), address })
    }

    /// A number.
    pub fn numbered(&mut self, number: u32, qualifiers: Qualifiers, at: usize) -> Compiled<'e> {
        match qualifiers.kind {
            Kind::Net if qualifiers.protocol != Some(Protocol::Link) => {
                // A short number is the left part of an address.
                let (mut address, mut mask) = (number, u32::MAX);
                while address != 0 && address & 0xff00_0000 == 0 {
                    address <<= 8;
                    mask <<= 8;
                }
                self.numbered_host(address, mask, qualifiers, at)
            }
            Kind::Port | Kind::PortRange => {
                let protocol = self.port_protocol(qualifiers, at)?;
                let Ok(port) = u16::try_from(number) else {
                    return Err(Error::new(Fault::IllegalPort(number), at));
                };
                self.emit(Op::Port { protocol, end: qualifiers.end(), low: port, high: port })
            }
            Kind::Protocol => self.protocol_number(number, qualifiers, at),
            _ => self.numbered_host(number, u32::MAX, qualifiers, at),
        }
    }

    pub fn port_protocol(&self, qualifiers: Qualifiers, at: usize) -> Compiled<'e, Option<u8>> {
        let what = if qualifiers.kind == Kind::Port { "port" } else { "portrange" };
        match qualifiers.protocol {
            None => Ok(None),
            Some(Protocol::Tcp) => Ok(Some(TCP)),
            Some(Protocol::Udp) => Ok(Some(UDP)),
            Some(Protocol::Sctp) => Ok(Some(SCTP)),
            Some(_) => Err(Error::new(Fault::IllegalPortQualifier(what), at)),
        }
    }

    pub fn protocol_number(
        &mut self,
        number: u32,
        qualifiers: Qualifiers,
        at: usize,
    ) -> Compiled<'e> {
        match qualifiers.protocol {
            None => self.either(Op::IpProtocol(number), Op::Ip6Protocol(number)),
            Some(Protocol::Link) => self.emit(Op::Type(number)),
            Some(Protocol::Ip) => self.emit(Op::IpProtocol(number)),
            Some(Protocol::Ip6) => self.emit(Op::Ip6Protocol(number)),
            Some(protocol @ (Protocol::Arp | Protocol::Rarp)) => {
                Err(Error::new(Fault::NoEncapsulation(protocol.name()), at))
            }
            Some(protocol) => Err(Error::new(Fault::BogusProtocol(protocol.name()), at)),
        }
    }
}
