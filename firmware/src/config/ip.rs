//! `ip=`: how the interface gets its address, in the Linux kernel's syntax
//! (Documentation/admin-guide/nfs/nfsroot.rst).
//!
//! ```text
//!   ip=<client>:<server>:<gateway>:<netmask>:<hostname>:<device>:<autoconf>:<dns0>:<dns1>:<ntp0>
//!   ip=dhcp | on | any | both | bootp | rarp | off | none
//! ```
//!
//! A field may be empty, and fields at the end may be left out. With a client address the rest is
//! taken as it stands; without one, `autoconf` decides, and means DHCP when it is empty too.

use core::fmt;

use smoltcp::wire::{Ipv4Address, Ipv4Cidr};

use super::{Faults, Ipv4Mode, Shown, hostname};
use crate::Text;
use crate::limits::HOSTNAME_BYTES_MAX;
use crate::net::lease;

/// What one `ip=` says.
pub(super) struct Ip {
    pub ipv4: Ipv4Mode,
    pub hostname: Option<Text<HOSTNAME_BYTES_MAX>>,
    pub ntp: Option<Ipv4Address>,
}

/// What a word of the autoconf field asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Autoconf {
    Dhcp,
    Off,
    /// A protocol that we do not speak.
    Old,
}

impl Autoconf {
    fn of(word: &str) -> Option<Self> {
        match word {
            // `dhcp,<type>,<id>` carries a client identifier.
            "dhcp" | "on" | "any" | "both" => Some(Self::Dhcp),
            _ if word.starts_with("dhcp,") => Some(Self::Dhcp),
            "off" | "none" => Some(Self::Off),
            "bootp" | "rarp" => Some(Self::Old),
            _ => None,
        }
    }

    /// The mode, when no client address was given.
    fn mode(self, word: &str, faults: &mut Faults) -> Ipv4Mode {
        match self {
            Self::Off => return Ipv4Mode::Off,
            Self::Old => faults.note(format_args!("ip=: {word} is not spoken here; using dhcp")),
            Self::Dhcp if word.contains(',') => faults
                .note(format_args!("ip=: a client id cannot be set; using the Ethernet address")),
            Self::Dhcp => {}
        }
        Ipv4Mode::Dhcp
    }
}

/// Reads the value of `ip=`.
pub(super) fn parse(value: &str, faults: &mut Faults) -> Ip {
    if value.is_empty() {
        faults.note(format_args!("ip=: empty, which means off, as in Linux"));
        return Ip { ipv4: Ipv4Mode::Off, hostname: None, ntp: None };
    }
    if let Some(autoconf) = Autoconf::of(value) {
        return Ip { ipv4: autoconf.mode(value, faults), hostname: None, ntp: None };
    }

    let mut fields = value.split(':');
    let mut next = || fields.next().unwrap_or("");
    let [client, server, gateway, netmask, name, device, autoconf, dns0, dns1, ntp] =
        core::array::from_fn(|_| next());
    if let Some(extra) = fields.next() {
        faults.note(format_args!("ip=: field 11 {} is one too many; ignored", Shown(extra)));
    }

    // Linux reads 0.0.0.0 as no address given.
    let (client, asked) = match client {
        "" | "0.0.0.0" => (None, false),
        _ => (unicast("client", client, "dhcp", faults), true),
    };
    let cidr = client.and_then(|client| network(client, netmask, faults));
    // There is no boot server to ask yet; a wrong address is worth a word all the same.
    let _ = unicast_or_none("server", server, faults);
    let hostname = match name {
        "" => None,
        _ => match hostname(name) {
            Ok(name) => Some(name),
            Err(reason) => {
                faults.note(format_args!(
                    "ip=: hostname {} is refused: {reason}; ignored",
                    Shown(name)
                ));
                None
            }
        },
    };
    if !matches!(device, "" | "eth0") {
        faults.note(format_args!("ip=: there is no device {}; using eth0", Shown(device)));
    }
    let how = Autoconf::of(autoconf);
    if how.is_none() && !autoconf.is_empty() {
        let used = if cidr.is_some() { "the client address" } else { "dhcp" };
        faults.note(format_args!("ip=: autoconf {} is unknown; using {used}", Shown(autoconf)));
    }

    let ipv4 = match cidr {
        Some(address) => {
            let router = unicast_or_none("gateway", gateway, faults)
                .filter(|&router| usable_router(address, router, faults));
            let dns = [("dns0", dns0), ("dns1", dns1)]
                .into_iter()
                .filter_map(|(field, value)| unicast_or_none(field, value, faults))
                .collect();
            Ipv4Mode::Static { address, router, dns }
        }
        // A client that was given but is wrong: `off` would leave the board unreachable over a
        // typing error.
        None if asked => Ipv4Mode::Dhcp,
        None => {
            for (field, value) in
                [("gateway", gateway), ("netmask", netmask), ("dns0", dns0), ("dns1", dns1)]
            {
                if !value.is_empty() {
                    faults.note(format_args!(
                        "ip=: {field} {} without a client address; ignored",
                        Shown(value)
                    ));
                }
            }
            how.unwrap_or(Autoconf::Dhcp).mode(autoconf, faults)
        }
    };
    Ip { ipv4, hostname, ntp: unicast_or_none("ntp0", ntp, faults) }
}

/// The client's address with its mask, or `None` if that pair cannot work.
fn network(client: Ipv4Address, netmask: &str, faults: &mut Faults) -> Option<Ipv4Cidr> {
    let (class, class_prefix) = class_of(client);
    let given = match netmask {
        "" => Some(class_prefix),
        _ => prefix_of(netmask),
    };
    let prefix = given.unwrap_or_else(|| {
        let mask = Ipv4Cidr::new(client, class_prefix).netmask();
        faults.note(format_args!(
            "ip=: netmask {} is not a mask; using {mask} (class {class})",
            Shown(netmask)
        ));
        class_prefix
    });
    let cidr = Ipv4Cidr::new(client, prefix);
    match lease::check_network(cidr) {
        Ok(()) => Some(cidr),
        Err(reason) => {
            faults.note(format_args!("ip=: client '{cidr}' is refused: {reason}; using dhcp"));
            None
        }
    }
}

/// The class of an address (RFC 791 3.2) and its prefix length, which Linux takes when no mask is
/// given.
fn class_of(address: Ipv4Address) -> (char, u8) {
    match address.octets()[0] {
        0..=127 => ('A', 8),
        128..=191 => ('B', 16),
        _ => ('C', 24),
    }
}

/// The prefix length of a mask. 0.0.0.0 and 255.255.255.255 leave no network to be on, and are no
/// masks here.
fn prefix_of(netmask: &str) -> Option<u8> {
    let bits = netmask.parse::<Ipv4Address>().ok()?.to_bits();
    let prefix = bits.leading_ones();
    let whole = bits.count_ones() == prefix;
    if whole && (1..32).contains(&prefix) { u8::try_from(prefix).ok() } else { None }
}

/// True if the router can be a neighbour; else a fault is noted.
fn usable_router(address: Ipv4Cidr, router: Ipv4Address, faults: &mut Faults) -> bool {
    let Err(reason) = lease::check_router(address, router) else { return true };
    faults.note(format_args!("ip=: gateway '{router}' is refused: {reason}; using none"));
    false
}

/// An address in a field that may be empty.
fn unicast_or_none(field: &str, value: &str, faults: &mut Faults) -> Option<Ipv4Address> {
    // Linux reads 0.0.0.0 as none.
    if matches!(value, "" | "0.0.0.0") { None } else { unicast(field, value, "none", faults) }
}

/// An address that a machine can have; else a fault is noted that names the field and the default.
fn unicast(
    field: &str,
    value: &str,
    default: impl fmt::Display,
    faults: &mut Faults,
) -> Option<Ipv4Address> {
    let Ok(address) = value.parse::<Ipv4Address>() else {
        faults.note(format_args!(
            "ip=: {field} {} is not an IPv4 address; using {default}",
            Shown(value)
        ));
        return None;
    };
    match lease::check_host(address) {
        Ok(()) => Some(address),
        Err(reason) => {
            faults.note(format_args!(
                "ip=: {field} '{address}' is refused: {reason}; using {default}"
            ));
            None
        }
    }
}
