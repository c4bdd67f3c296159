//! What is wrong with an expression.

use core::fmt;

/// An error in an expression, and where it was noticed.
///
/// [`Display`](fmt::Display) gives libpcap's message, which tcpdump prints behind `tcpdump: `.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error<'e> {
    /// What is wrong.
    pub fault: Fault<'e>,
    /// The offset in bytes of the word at which it was noticed; the expression's length if that is
    /// its end.
    pub at: usize,
}

/// What can be wrong with an expression. Texts are parts of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault<'e> {
    /// A word that cannot be here.
    Syntax,
    /// A value without a qualifier to tell what it is.
    Unqualified,
    /// A number above 32 bits.
    NumberOverflow(&'e str),
    /// 8 or 9 in a number that starts with 0.
    NotOctal(&'e str),
    /// Something with colons that is no Ethernet address.
    BogusEthernet(&'e str),
    /// A name that is no host's.
    UnknownHost(&'e str),
    /// A name whose host has no address of the family asked for.
    UnknownHostOfFamily(&'e str),
    /// A name that is no network's.
    UnknownNetwork(&'e str),
    /// A name that is no Ethernet host's.
    UnknownEthernetHost(&'e str),
    /// A name that is no service's.
    UnknownPort(&'e str),
    /// A range whose ends are not ports.
    UnknownPortRange(&'e str),
    /// A service of the other transport protocol: the name and its protocol.
    PortIs(&'e str, &'static str),
    /// The same with a range of services.
    PortRangeIs(&'e str, &'static str),
    /// A number that is no port.
    IllegalPort(u32),
    /// `port` or `portrange` behind what has no ports.
    IllegalPortQualifier(&'static str),
    /// A name that is no protocol's above IP.
    UnknownIpProtocol(&'e str),
    /// A name that is no protocol's above Ethernet.
    UnknownEthernetProtocol(&'e str),
    /// A name that is no protocol's at all.
    UnknownProtocol(&'e str),
    /// Part of an IPv4 address is above 255.
    InvalidIpv4(&'e str),
    /// A network whose host part is not zero: address and prefix length.
    HostBits(&'e str, u32),
    /// The same, with a mask.
    HostBitsMask(&'e str, &'e str),
    /// A prefix longer than an address, which has so many bits.
    MaskLength(u32),
    /// A mask or prefix at something else than a network.
    MaskForNetworks,
    /// An IPv6 address where none can be.
    Ipv6Qualifier,
    /// An Ethernet address where none can be.
    EthernetQualifier,
    /// `ether` before an IP host or network.
    LinkModifier(&'static str),
    /// `ether` before a number.
    IllegalLinkAddress,
    /// A protocol that does not go with what follows.
    Modifier(&'static str, &'static str),
    /// The same with an IPv6 host or network.
    Modifier6(&'static str, &'static str),
    /// `ip6` before an IPv4 host or network.
    Ip6Modifier,
    /// `port` and others before an IP address.
    HostModifier(&'static str),
    /// `proto` behind a protocol that carries no others.
    BogusProtocol(&'static str),
    /// `proto` behind ARP or RARP.
    NoEncapsulation(&'static str),
    /// A gateway as a number.
    GatewayName,
    /// A gateway at all, as libpcap with IPv6.
    Gateway,
    /// Neither 1, 2 nor 4 bytes.
    DataSize,
    /// A protocol whose bytes cannot be asked for.
    Index,
    /// Division by the constant 0.
    DivisionByZero,
    /// Remainder of a division by the constant 0.
    ModulusByZero,
    /// A shift by a constant above 31.
    Shift,
    /// `broadcast` of something else than Ethernet or IP.
    Broadcast,
    /// `multicast` of something else than Ethernet or IP.
    Multicast,
    /// `ether` alone.
    LinkAlone,
    /// A VLAN above 4,095.
    VlanNumber(u32),
    /// `inbound` and `outbound`: a frame does not tell.
    Direction,
    /// A part of the language that is not for Ethernet, or not known here.
    Unsupported(&'e str),
    /// More than this crate's limits allow.
    TooLong,
}

impl<'e> Error<'e> {
    pub(super) const fn new(fault: Fault<'e>, at: usize) -> Self {
        Self { fault, at }
    }

    /// The expression on one line, and a caret below the place of the error. Control characters
    /// are shown as blanks.
    pub fn marked(&self, expression: &'e str) -> Marked<'e> {
        let at = (0..=self.at).rev().find(|&at| expression.is_char_boundary(at)).unwrap_or(0);
        Marked { expression, at }
    }
}

impl core::error::Error for Error<'_> {}

impl fmt::Display for Error<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            Fault::Syntax => f.write_str("can't parse filter expression: syntax error"),
            Fault::Unqualified => f.write_str("syntax error in filter expression"),
            Fault::NumberOverflow(text) => write!(f, "number {text} overflows 32 bits"),
            Fault::NotOctal(text) => write!(f, "number {text} contains non-octal digit"),
            Fault::BogusEthernet(text) => write!(f, "bogus ethernet address {text}"),
            Fault::UnknownHost(name) => write!(f, "unknown host '{name}'"),
            Fault::UnknownHostOfFamily(name) => {
                write!(f, "unknown host '{name}' for specified address family")
            }
            Fault::UnknownNetwork(name) => write!(f, "unknown network '{name}'"),
            Fault::UnknownEthernetHost(name) => write!(f, "unknown ether host '{name}'"),
            Fault::UnknownPort(name) => write!(f, "unknown port '{name}'"),
            Fault::UnknownPortRange(name) => write!(f, "unknown port in range '{name}'"),
            Fault::PortIs(name, protocol) => write!(f, "port '{name}' is {protocol}"),
            Fault::PortRangeIs(name, protocol) => {
                write!(f, "port in range '{name}' is {protocol}")
            }
            Fault::IllegalPort(port) => write!(f, "illegal port number {port} > 65535"),
            Fault::IllegalPortQualifier(what) => write!(f, "illegal qualifier of '{what}'"),
            Fault::UnknownIpProtocol(name) => write!(f, "unknown ip proto '{name}'"),
            Fault::UnknownEthernetProtocol(name) => write!(f, "unknown ether proto '{name}'"),
            Fault::UnknownProtocol(name) => write!(f, "unknown protocol: {name}"),
            Fault::InvalidIpv4(text) => write!(f, "invalid IPv4 address '{text}'"),
            Fault::HostBits(address, bits) => {
                write!(f, "non-network bits set in \"{address}/{bits}\"")
            }
            Fault::HostBitsMask(address, mask) => {
                write!(f, "non-network bits set in \"{address} mask {mask}\"")
            }
            Fault::MaskLength(bits) => write!(f, "mask length must be <= {bits}"),
            Fault::MaskForNetworks => f.write_str("Mask syntax for networks only"),
            Fault::Ipv6Qualifier => f.write_str("invalid qualifier against IPv6 address"),
            Fault::EthernetQualifier => {
                f.write_str("ethernet address used in non-ether expression")
            }
            Fault::LinkModifier(what) => write!(f, "link-layer modifier applied to {what}"),
            Fault::IllegalLinkAddress => f.write_str("illegal link layer address"),
            Fault::Modifier(name, what) => write!(f, "'{name}' modifier applied to {what}"),
            Fault::Modifier6(name, what) => write!(f, "'{name}' modifier applied to ip6 {what}"),
            Fault::Ip6Modifier => f.write_str("'ip6' modifier applied to ip host"),
            Fault::HostModifier(name) => write!(f, "'{name}' modifier applied to ip host"),
            Fault::BogusProtocol(name) => write!(f, "'{name} proto' is bogus"),
            Fault::NoEncapsulation(name) => {
                write!(f, "{name} does not encapsulate another protocol")
            }
            Fault::GatewayName => f.write_str("'gateway' requires a name"),
            Fault::Gateway => f.write_str("'gateway' not supported in this configuration"),
            Fault::DataSize => f.write_str("data size must be 1, 2, or 4"),
            Fault::Index => f.write_str("unsupported index operation"),
            Fault::DivisionByZero => f.write_str("division by zero"),
            Fault::ModulusByZero => f.write_str("modulus by zero"),
            Fault::Shift => f.write_str("shift by more than 31 bits"),
            Fault::Broadcast => f.write_str("only link-layer/IP broadcast filters supported"),
            Fault::Multicast => {
                f.write_str("link-layer multicast filters supported only on ethernet/FDDI/token")?;
                f.write_str(" ring/ARCNET/802.11/ATM LANE/Fibre Channel")
            }
            Fault::LinkAlone => f.write_str("link layer applied in wrong context"),
            Fault::VlanNumber(number) => {
                write!(f, "VLAN tag {number} greater than maximum 4095")
            }
            Fault::Direction => {
                f.write_str("inbound/outbound not supported on Ethernet when reading savefiles")
            }
            Fault::Unsupported(word) => write!(f, "'{word}' is not supported here"),
            Fault::TooLong => f.write_str("expression is too long"),
        }
    }
}

/// An expression with a mark, made by [`Error::marked`].
#[derive(Clone, Copy, Debug)]
pub struct Marked<'e> {
    expression: &'e str,
    at: usize,
}

impl fmt::Display for Marked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.expression.chars() {
            write!(f, "{}", if c.is_control() { ' ' } else { c })?;
        }
        let before = self.expression.get(..self.at).unwrap_or(self.expression);
        write!(f, "\n{:1$}^", "", before.chars().count())
    }
}
