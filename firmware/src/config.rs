//! The kernel command line -> [`Config`].
//!
//! The syntax is the Linux kernel's, so that a `cmdline.txt` means here what it means there:
//!
//! ```text
//!   ip=dhcp hostname=attic
//!   ip=192.168.1.42::192.168.1.1:255.255.255.0:attic:eth0:off:192.168.1.1
//!   ip=off mac=02:00:00:12:34:56
//!   ip=dhcp ipv6.disable=1 icmp.mask=on
//!   ip=dhcp ntp=time.example.com syslog=192.168.1.2:5514
//!   ip=dhcp sysctl.net.ipv4.tcp_congestion_control=bbr
//! ```
//!
//! Words are parted by spaces; double quotes keep a space in a word; a bare `--` ends our part.
//! Words that are not ours are skipped without a word, since the Raspberry Pi's firmware adds a
//! dozen of its own. A word that is ours and wrong never stops the start: a default takes its
//! place, and a fault that names the field and that default goes to the journal.
//!
//! `ip=` is read in [`ip`], servers in [`server`], the device tree that carries the command line in
//! [`dtb`].

pub mod dtb;
mod ip;
mod server;

use core::fmt;

use smoltcp::wire::{EthernetAddress, Ipv4Address, Ipv4Cidr};
use tcp::CongestionControl;

use crate::Text;
use crate::limits::{CONFIG_FAULTS_MAX, DNS_SERVERS, HOSTNAME_BYTES_MAX, JOURNAL_TEXT_BYTES};

pub use dtb::DtbError;
pub use server::Server;

/// Our name when the command line gives none.
pub const DEFAULT_HOSTNAME: &str = "barewire";
/// How TCP controls congestion, in the words of Linux, which sets any of its sysctls so.
const CONGESTION: &str = "sysctl.net.ipv4.tcp_congestion_control";

/// How the interface gets its IPv4 address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ipv4Mode {
    /// From a DHCP server; while none answers, a 169.254 address.
    #[default]
    Dhcp,
    /// From the command line.
    Static {
        /// A unicast address that is neither its network's own nor the broadcast address.
        address: Ipv4Cidr,
        /// The default router, a neighbour on that network.
        router: Option<Ipv4Address>,
        /// Name servers.
        dns: heapless::Vec<Ipv4Address, DNS_SERVERS>,
    },
    /// None at all.
    Off,
}

/// What the owner of the SD card asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the IPv4 address comes from.
    pub ipv4: Ipv4Mode,
    /// Our name: one label of RFC 1123 2.1.
    pub hostname: Text<HOSTNAME_BYTES_MAX>,
    /// The Ethernet address to use instead of the board's own; unicast.
    pub mac: Option<EthernetAddress>,
    /// A time server, instead of those of DHCP.
    pub ntp: Option<Server>,
    /// Where the journal is sent to, instead of DHCP's log server.
    pub syslog: Option<Server>,
    /// IPv6 beside IPv4 (`ipv6.disable=1`: not).
    pub ipv6: bool,
    /// ICMP address mask requests are answered (`icmp.mask=on`; RFC 1122 3.2.2.9: only if asked
    /// for).
    pub icmp_mask: bool,
    /// Our name is announced on the link (`mdns=off`: not).
    pub mdns: bool,
    /// How TCP controls congestion (`sysctl.net.ipv4.tcp_congestion_control=bbr`).
    pub congestion: CongestionControl,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ipv4: Ipv4Mode::Dhcp,
            hostname: Text::from(DEFAULT_HOSTNAME),
            mac: None,
            ntp: None,
            syslog: None,
            ipv6: true,
            icmp_mask: false,
            mdns: true,
            congestion: CongestionControl::default(),
        }
    }
}

/// What was wrong, one line each, fit for `Event::Config`. When there were more than fit, the last
/// line says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(heapless::Vec<Text<JOURNAL_TEXT_BYTES>, CONFIG_FAULTS_MAX>);

impl Faults {
    /// Notes one more.
    fn note(&mut self, fault: fmt::Arguments<'_>) {
        if self.0.push(Text::of(fault)).is_err()
            && let Some(last) = self.0.last_mut()
        {
            *last = Text::from("more faults than are listed here");
        }
    }

    /// The lines, in the order of the command line.
    pub fn iter(&self) -> impl Iterator<Item = &Text<JOURNAL_TEXT_BYTES>> {
        self.0.iter()
    }

    /// True if there was nothing to complain about.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Config {
    /// The settings of a board: the command line of its device tree, if there is one, else
    /// `fallback`, such as the mailbox's.
    pub fn of_board(device_tree: Option<&[u8]>, fallback: &[u8]) -> (Self, Faults) {
        let (line, error) = match device_tree.map(Self::bootargs) {
            Some(Ok(Some(line))) => return Self::parse(line),
            Some(Ok(None)) | None => (core::str::from_utf8(fallback), None),
            Some(Err(error)) => (core::str::from_utf8(fallback), Some(error)),
        };
        let (config, mut faults) = Self::parse(line.unwrap_or_default());
        if let Some(error) = error {
            faults.note(format_args!("{error}; using the firmware's command line"));
        }
        if line.is_err() {
            faults.note(format_args!("the firmware's command line is not UTF-8; using {config}"));
        }
        (config, faults)
    }

    /// Reads a command line. Total: any text gives a configuration that the stack can take, and the
    /// faults found on the way.
    ///
    /// When a word occurs twice the last one counts. `mac=` counts before `smsc95xx.macaddr=`,
    /// which the Raspberry Pi's firmware adds by itself; a name in `ip=` before `hostname=`, as in
    /// Linux, and `ntp=` before a time server in `ip=`.
    pub fn parse(line: &str) -> (Self, Faults) {
        let mut config = Self::default();
        let mut faults = Faults::default();
        let mut mac_is_ours = false;
        let mut name_from_ip = None;
        let mut ntp_from_ip = None;
        for (key, value) in Words::of(line) {
            match key {
                "ip" => {
                    let ip = ip::parse(value, &mut faults);
                    config.ipv4 = ip.ipv4;
                    ntp_from_ip = ip.ntp;
                    name_from_ip = ip.hostname.or(name_from_ip);
                }
                "ntp" | "syslog" => {
                    let server = match Server::parse(value) {
                        Ok(server) => Some(server),
                        Err(reason) => {
                            let shown = Shown(value);
                            faults.note(format_args!("{key}={shown}: {reason}; ignored"));
                            continue;
                        }
                    };
                    match key {
                        "ntp" => config.ntp = server,
                        _ => config.syslog = server,
                    }
                }
                "hostname" => match hostname(value) {
                    Ok(name) => config.hostname = name,
                    Err(reason) => faults.note(format_args!(
                        "hostname={}: {reason}; using {}",
                        Shown(value),
                        Shown(&config.hostname)
                    )),
                },
                "mac" | "smsc95xx.macaddr" => match mac(value) {
                    Ok(mac) if key == "mac" || !mac_is_ours => {
                        config.mac = Some(mac);
                        mac_is_ours = key == "mac";
                    }
                    Ok(_) => {}
                    Err(reason) => faults.note(format_args!(
                        "{key}={}: {reason}; using the board's own address",
                        Shown(value)
                    )),
                },
                "ipv6.disable" => match switch(value) {
                    Some(disable) => config.ipv6 = !disable,
                    None => faults.note(format_args!(
                        "ipv6.disable={}: neither 0 nor 1; ignored",
                        Shown(value)
                    )),
                },
                "mdns" => match switch(value) {
                    Some(on) => config.mdns = on,
                    None => faults
                        .note(format_args!("mdns={}: neither on nor off; ignored", Shown(value))),
                },
                "icmp.mask" => match switch(value) {
                    Some(on) => config.icmp_mask = on,
                    None => faults.note(format_args!(
                        "icmp.mask={}: neither on nor off; ignored",
                        Shown(value)
                    )),
                },
                CONGESTION => match CongestionControl::named(value) {
                    Some(congestion) => config.congestion = congestion,
                    None => faults.note(format_args!(
                        "tcp_congestion_control={}: neither cubic nor bbr; ignored",
                        Shown(value)
                    )),
                },
                _ => {}
            }
        }
        if let Some(name) = name_from_ip {
            config.hostname = name;
        }
        config.ntp = config.ntp.or(ntp_from_ip.map(Server::at));
        (config, faults)
    }

    /// The command line in a device tree: `/chosen/bootargs`. `Ok(None)` if the tree has none.
    ///
    /// # Errors
    /// [`DtbError`] if the bytes are no device tree, or one that contradicts itself.
    pub fn bootargs(dtb: &[u8]) -> Result<Option<&str>, DtbError> {
        dtb::bootargs(dtb)
    }
}

/// Prints a command line that parses to this very configuration.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.ipv4 {
            Ipv4Mode::Dhcp => f.write_str("ip=dhcp")?,
            Ipv4Mode::Off => f.write_str("ip=off")?,
            Ipv4Mode::Static { address, router, dns } => {
                write!(f, "ip={}::", address.address())?;
                if let Some(router) = router {
                    write!(f, "{router}")?;
                }
                write!(f, ":{}::eth0:off", address.netmask())?;
                // The syntax has room for two name servers.
                for index in 0..2 {
                    f.write_str(":")?;
                    if let Some(server) = dns.get(index) {
                        write!(f, "{server}")?;
                    }
                }
            }
        }
        write!(f, " hostname={}", self.hostname)?;
        if let Some(mac) = self.mac {
            write!(f, " mac={mac}")?;
        }
        for (key, server) in [("ntp", &self.ntp), ("syslog", &self.syslog)] {
            if let Some(server) = server {
                write!(f, " {key}={server}")?;
            }
        }
        if !self.ipv6 {
            f.write_str(" ipv6.disable=1")?;
        }
        if self.icmp_mask {
            f.write_str(" icmp.mask=on")?;
        }
        if !self.mdns {
            f.write_str(" mdns=off")?;
        }
        if self.congestion != CongestionControl::default() {
            write!(f, " {CONGESTION}={}", self.congestion.name())?;
        }
        Ok(())
    }
}

/// The words of a command line as key and value; a word without `=` has an empty value.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn of(line: &'a str) -> Self {
        Self { rest: line }
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.rest.trim_ascii_start();
        let mut quoted = false;
        let end = line
            .bytes()
            .position(|byte| {
                quoted ^= byte == b'"';
                byte.is_ascii_whitespace() && !quoted
            })
            .unwrap_or(line.len());
        let (word, rest) = line.split_at(end);
        self.rest = rest;
        // What follows a bare `--` is for init; we have none.
        if word.is_empty() || word == "--" {
            self.rest = "";
            return None;
        }
        let word = unquote(word);
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        Some((key, unquote(value)))
    }
}

/// Takes off a quote at the start, and then its partner at the end. Quotes within stay, as in the
/// kernel.
fn unquote(word: &str) -> &str {
    match word.strip_prefix('"') {
        Some(inner) => inner.strip_suffix('"').unwrap_or(inner),
        None => word,
    }
}

/// A name: the part before the first dot, checked against RFC 1123 2.1 and RFC 952.
fn hostname(value: &str) -> Result<Text<HOSTNAME_BYTES_MAX>, &'static str> {
    let label = value.split('.').next().unwrap_or(value);
    if label.is_empty() {
        return Err("empty name");
    }
    if label.len() > HOSTNAME_BYTES_MAX {
        return Err("longer than 63 characters");
    }
    if !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err("not only letters, digits and hyphens");
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err("a name neither begins nor ends with a hyphen");
    }
    Ok(Text::from(label))
}

/// A setting of two values, as people write them.
fn switch(value: &str) -> Option<bool> {
    match value {
        "1" | "on" | "y" | "yes" => Some(true),
        "0" | "off" | "n" | "no" => Some(false),
        _ => None,
    }
}

/// An Ethernet address, `b8:27:eb:12:34:56` or with hyphens.
fn mac(value: &str) -> Result<EthernetAddress, &'static str> {
    const FORM: &str = "not of the form xx:xx:xx:xx:xx:xx";
    let mut octets = [0; 6];
    let mut count = 0;
    for group in value.split([':', '-']) {
        let two_digits = group.len() == 2 && group.bytes().all(|byte| byte.is_ascii_hexdigit());
        let octet = octets.get_mut(count).filter(|_| two_digits).ok_or(FORM)?;
        *octet = u8::from_str_radix(group, 16).map_err(|_| FORM)?;
        count += 1;
    }
    if count != octets.len() {
        return Err(FORM);
    }
    let mac = EthernetAddress(octets);
    if mac.is_unicast() && octets != [0; 6] { Ok(mac) } else { Err("not a unicast address") }
}

/// A value from outside, as a message may quote it: cut, and without control characters.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CHARACTERS_MAX: usize = 20;
        f.write_str("'")?;
        for (index, character) in self.0.chars().enumerate() {
            if index == CHARACTERS_MAX {
                f.write_str("..")?;
                break;
            }
            let shown = matches!(character, ' '..='~');
            write!(f, "{}", if shown { character } else { '?' })?;
        }
        f.write_str("'")
    }
}

#[cfg(test)]
mod tests;
