//! Names of ports: the part of the Internet's registry that people meet, as Debian's
//! `/etc/services` spells it.

/// Which protocol's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// As it is written behind a port's number.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// A port with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: &'static str,
    /// The number.
    pub port: u16,
    /// Named for TCP.
    pub tcp: bool,
    /// Named for UDP.
    pub udp: bool,
    /// A second name that is understood, or none.
    pub alias: &'static str,
}

const fn tcp(name: &'static str, port: u16, alias: &'static str) -> Service {
    Service { name, port, tcp: true, udp: false, alias }
}

const fn udp(name: &'static str, port: u16, alias: &'static str) -> Service {
    Service { name, port, tcp: false, udp: true, alias }
}

const fn both(name: &'static str, port: u16, alias: &'static str) -> Service {
    Service { name, port, tcp: true, udp: true, alias }
}

/// The table, by port.
pub const SERVICES: &[Service] = &[
    tcp("tcpmux", 1, ""),
    both("echo", 7, ""),
    both("discard", 9, "sink"),
    tcp("systat", 11, "users"),
    both("daytime", 13, ""),
    tcp("netstat", 15, ""),
    tcp("qotd", 17, "quote"),
    both("chargen", 19, "ttytst"),
    tcp("ftp-data", 20, ""),
    tcp("ftp", 21, ""),
    tcp("ssh", 22, ""),
    tcp("telnet", 23, ""),
    tcp("smtp", 25, "mail"),
    both("time", 37, "timserver"),
    tcp("whois", 43, "nicname"),
    both("tacacs", 49, ""),
    both("domain", 53, "dns"),
    udp("bootps", 67, ""),
    udp("bootpc", 68, ""),
    udp("tftp", 69, ""),
    tcp("gopher", 70, ""),
    tcp("finger", 79, ""),
    tcp("http", 80, "www"),
    both("kerberos", 88, "krb5"),
    tcp("pop3", 110, "pop-3"),
    both("sunrpc", 111, "portmapper"),
    tcp("auth", 113, "ident"),
    tcp("nntp", 119, "readnews"),
    udp("ntp", 123, ""),
    both("epmap", 135, "loc-srv"),
    udp("netbios-ns", 137, ""),
    udp("netbios-dgm", 138, ""),
    tcp("netbios-ssn", 139, ""),
    tcp("imap2", 143, "imap"),
    both("snmp", 161, ""),
    both("snmp-trap", 162, "snmptrap"),
    tcp("bgp", 179, ""),
    both("ldap", 389, ""),
    both("https", 443, ""),
    both("microsoft-ds", 445, ""),
    udp("isakmp", 500, ""),
    tcp("login", 513, ""),
    udp("who", 513, "whod"),
    tcp("shell", 514, "cmd"),
    udp("syslog", 514, ""),
    tcp("printer", 515, "spooler"),
    udp("route", 520, "router"),
    udp("dhcpv6-client", 546, ""),
    udp("dhcpv6-server", 547, ""),
    tcp("rtsp", 554, ""),
    tcp("submission", 587, ""),
    tcp("ipp", 631, ""),
    tcp("domain-s", 853, ""),
    tcp("rsync", 873, ""),
    tcp("imaps", 993, ""),
    tcp("pop3s", 995, ""),
    tcp("socks", 1080, ""),
    tcp("iscsi-target", 3260, ""),
    tcp("mysql", 3306, ""),
    tcp("ms-wbt-server", 3389, ""),
    both("sip", 5060, ""),
    udp("mdns", 5353, ""),
    tcp("postgresql", 5432, "postgres"),
    tcp("x11", 6000, "x11-0"),
    tcp("http-alt", 8080, "webcache"),
];

/// The name of a port.
pub fn name_of(port: u16, protocol: Protocol) -> Option<&'static str> {
    let found = SERVICES.iter().find(|service| {
        service.port == port
            && match protocol {
                Protocol::Tcp => service.tcp,
                Protocol::Udp => service.udp,
            }
    });
    found.map(|service| service.name)
}

/// The port of a name, for this protocol or, if none is given, for either.
pub fn port_of(name: &str, protocol: Option<Protocol>) -> Option<u16> {
    let found = SERVICES.iter().find(|service| {
        (service.name == name || (!service.alias.is_empty() && service.alias == name))
            && match protocol {
                Some(Protocol::Tcp) => service.tcp,
                Some(Protocol::Udp) => service.udp,
                None => true,
            }
    });
    found.map(|service| service.port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_no_port_has_two_names() {
        assert!(SERVICES.is_sorted_by_key(|service| service.port));
        for service in SERVICES {
            for (named, protocol) in [(service.tcp, Protocol::Tcp), (service.udp, Protocol::Udp)] {
                if named {
                    assert_eq!(name_of(service.port, protocol), Some(service.name));
                    assert_eq!(port_of(service.name, Some(protocol)), Some(service.port));
                }
            }
        }
    }

    #[test]
    fn protocols_are_told_apart() {
        assert_eq!(name_of(514, Protocol::Tcp), Some("shell"));
        assert_eq!(name_of(514, Protocol::Udp), Some("syslog"));
        assert_eq!(name_of(5353, Protocol::Tcp), None);
        assert_eq!(port_of("www", None), Some(80));
        assert_eq!(port_of("", None), None);
    }

    /// Against the real table, where there is one.
    #[test]
    fn the_names_are_those_of_etc_services() {
        let Ok(real) = std::fs::read_to_string("/etc/services") else {
            std::eprintln!("skipped: no /etc/services here");
            return;
        };
        for service in SERVICES {
            for (named, protocol) in [(service.tcp, Protocol::Tcp), (service.udp, Protocol::Udp)] {
                let port = std::format!("{}/{}", service.port, protocol.name());
                let line = real.lines().find(|line| line.split_whitespace().nth(1) == Some(&port));
                if named && let Some(line) = line {
                    assert_eq!(line.split_whitespace().next(), Some(service.name), "{port}");
                }
            }
        }
    }
}
