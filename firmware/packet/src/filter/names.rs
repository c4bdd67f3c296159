//! Names as values: hosts, services and protocols.

use core::net::{IpAddr, Ipv4Addr};

use super::error::{Error, Fault};
use super::keywords::{ETHERNET_PROTOCOLS, IP_PROTOCOLS, Protocol};
use super::parser::{Compiled, Compiler};
use super::primitive::{Kind, Qualifiers, TCP, UDP};
use super::program::{Op, PENDING};
use crate::Transport;
use crate::limits::HOST_ADDRESSES;

impl<'e> Compiler<'e, '_> {
    /// A name.
    pub fn name(&mut self, name: &'e str, qualifiers: Qualifiers, at: usize) -> Compiled<'e> {
        match qualifiers.kind {
            Kind::Undefined => Err(Error::new(Fault::Unqualified, at)),
            Kind::Net => Err(Error::new(Fault::UnknownNetwork(name), at)),
            Kind::Gateway => Err(Error::new(Fault::Gateway, at)),
            Kind::Port => {
                self.port_protocol(qualifiers, at)?;
                let unknown = Error::new(Fault::UnknownPort(name), at);
                let (found, port) = self.service(name).ok_or(unknown)?;
                self.port_range(name, qualifiers, found, (port, port), at)
            }
            Kind::PortRange => {
                self.port_protocol(qualifiers, at)?;
                let unknown = Error::new(Fault::UnknownPortRange(name), at);
                let (first, last) = name.split_once('-').ok_or_else(|| unknown.clone())?;
                let (found, first) = self.service(first).ok_or_else(|| unknown.clone())?;
                let (found_last, last) = self.service(last).ok_or(unknown)?;
                let found = if found == found_last { found } else { None };
                self.port_range(name, qualifiers, found, (first, last), at)
            }
            Kind::Protocol => {
                let number = protocol_by_name(name, qualifiers, at)?;
                self.protocol_number(number, qualifiers, at)
            }
            Kind::Default | Kind::Host if qualifiers.protocol == Some(Protocol::Link) => {
                Err(Error::new(Fault::UnknownEthernetHost(name), at))
            }
            Kind::Default | Kind::Host => self.named_host(name, qualifiers, at),
        }
    }

    /// The port of a service or a number as text; the only transport that has it, if one.
    fn service(&self, name: &str) -> Option<(Option<u8>, u32)> {
        if let Ok(number) = name.parse() {
            return Some((None, number));
        }
        let tcp = self.names.service(Transport::Tcp, name).map(u32::from);
        let udp = self.names.service(Transport::Udp, name).map(u32::from);
        match (tcp, udp) {
            (Some(tcp), udp) => Some((if udp == Some(tcp) { None } else { Some(TCP) }, tcp)),
            (None, Some(udp)) => Some((Some(UDP), udp)),
            (None, None) => None,
        }
    }

    fn port_range(
        &mut self,
        name: &'e str,
        qualifiers: Qualifiers,
        found: Option<u8>,
        (first, last): (u32, u32),
        at: usize,
    ) -> Compiled<'e> {
        let asked = self.port_protocol(qualifiers, at)?;
        if let (Some(asked), Some(found)) = (asked, found)
            && asked != found
        {
            let other = if found == TCP { "tcp" } else { "udp" };
            let is_range = qualifiers.kind == Kind::PortRange;
            let fault = if is_range { Fault::PortRangeIs } else { Fault::PortIs };
            return Err(Error::new(fault(name, other), at));
        }
        let port = |number: u32| {
            u16::try_from(number).map_err(|_| Error::new(Fault::IllegalPort(number), at))
        };
        let (first, last) = (port(first)?, port(last)?);
        let (low, high) = (first.min(last), first.max(last));
        self.emit(Op::Port { protocol: asked.or(found), end: qualifiers.end(), low, high })
    }

    fn named_host(&mut self, name: &'e str, qualifiers: Qualifiers, at: usize) -> Compiled<'e> {
        let names = self.names;
        let start = self.length();
        let mut is_known = false;
        let mut count = 0;
        let addresses = (0..HOST_ADDRESSES).map_while(|index| names.address(name, index));
        for address in addresses {
            is_known = true;
            let fits = match address {
                IpAddr::V4(_) => qualifiers.protocol != Some(Protocol::Ip6),
                IpAddr::V6(_) => qualifiers.protocol != Some(Protocol::Ip),
            };
            if !fits {
                continue;
            }
            if count > 0 {
                self.emit(Op::JumpIf(true, PENDING))?;
            }
            match address {
                IpAddr::V4(address) => {
                    self.host(address, Ipv4Addr::BROADCAST, qualifiers, at)?;
                }
                IpAddr::V6(address) => self.host6(address, 128, qualifiers, at)?,
            }
            count += 1;
        }
        self.land(start);
        if !is_known || (count == 0 && qualifiers.protocol.is_none()) {
            return Err(Error::new(Fault::UnknownHost(name), at));
        }
        if count == 0 {
            return Err(Error::new(Fault::UnknownHostOfFamily(name), at));
        }
        Ok(())
    }
}

fn protocol_by_name<'e>(name: &'e str, qualifiers: Qualifiers, at: usize) -> Compiled<'e, u32> {
    let (table, unknown) = match qualifiers.protocol {
        None | Some(Protocol::Ip | Protocol::Ip6) => (IP_PROTOCOLS, Fault::UnknownIpProtocol(name)),
        Some(Protocol::Link) => (ETHERNET_PROTOCOLS, Fault::UnknownEthernetProtocol(name)),
        Some(_) => (&[][..], Fault::UnknownProtocol(name)),
    };
    let row = table.iter().find(|row| row.0 == name);
    row.map(|row| row.1).ok_or(Error::new(unknown, at))
}
