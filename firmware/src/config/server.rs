//! A server as the command line names it: `ntp=`, `syslog=`.
//!
//! ```text
//!   192.0.2.1   192.0.2.1:5514   time.example.com   log.example.com:5514   2001:db8::1   [::1]:514
//! ```

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

use crate::Text;
use crate::limits::SERVER_NAME_BYTES_MAX;
use crate::net::lease;

/// A host and, if one was given, a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// A name, or an address as it is written.
    pub host: Text<SERVER_NAME_BYTES_MAX>,
    /// Not zero.
    pub port: Option<u16>,
}

impl Server {
    /// Reads one.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or("a bracket is missing")?;
                host.parse::<Ipv6Addr>().map_err(|_| "not an IPv6 address in the brackets")?;
                match port {
                    "" => (host, None),
                    _ => (host, Some(port.strip_prefix(':').ok_or("no colon before the port")?)),
                }
            }
            None if text.parse::<Ipv6Addr>().is_ok() => (text, None),
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let is_numeric = host.parse::<Ipv6Addr>().is_ok();
        if host.is_empty() {
            return Err("empty name");
        }
        if host.len() > SERVER_NAME_BYTES_MAX {
            return Err("longer than 64 characters");
        }
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        if !is_numeric && !host.bytes().all(is_name) {
            return Err("not only letters, digits, dots and hyphens");
        }
        if let Ok(address) = host.parse::<Ipv4Addr>() {
            lease::check_host(address)?;
        }
        let port = match port {
            Some(port) => {
                let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
                let number = port.parse().ok().filter(|&number: &u16| is_number && number > 0);
                Some(number.ok_or("not a port")?)
            }
            None => None,
        };
        Ok(Self { host: Text::from(host), port })
    }

    /// The server at an address.
    pub fn at(address: Ipv4Addr) -> Self {
        Self { host: Text::of(format_args!("{address}")), port: None }
    }
}

/// Prints what parses to the same again.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.port, self.host.contains(':')) {
            (None, _) => f.write_str(&self.host),
            (Some(port), false) => write!(f, "{}:{port}", self.host),
            (Some(port), true) => write!(f, "[{}]:{port}", self.host),
        }
    }
}
