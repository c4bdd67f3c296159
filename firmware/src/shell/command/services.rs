//! `services`: the names of ports, as `getent services` prints them.

use core::fmt;

use super::{About, Argument, Arguments, Context, Operands, Outcome, SUCCESS};
use crate::net::names::services::{Protocol, SERVICES, Service};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[NAME|PORT[/PROTOCOL]]...",
    summary: "print the names of ports",
    operands: Operands::Words(&["domain", "http", "ntp", "ssh", "telnet"]),
    ..About::NEW
};

/// The exit status of getent(1) for a key that is not found.
const NOT_FOUND: Outcome = Outcome::Status(2);

/// A row: a service over one protocol.
struct Row<'a>(&'a Service, Protocol);

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Service { name, port, alias, .. } = self.0;
        let blank = if alias.is_empty() { "" } else { " " };
        writeln!(f, "{name:<21} {port}/{}{blank}{alias}", self.1.name())
    }
}

fn rows() -> impl Iterator<Item = Row<'static>> {
    SERVICES.iter().flat_map(|service| {
        let named = [(service.tcp, Protocol::Tcp), (service.udp, Protocol::Udp)];
        named.into_iter().filter(|(named, _)| *named).map(move |(_, by)| Row(service, by))
    })
}

/// `http`, `www`, `80`, `80/tcp`, `http/tcp`.
fn is_meant(row: &Row<'_>, key: &str) -> bool {
    let (key, protocol) = match key.split_once('/') {
        Some((key, protocol)) => (key, Some(protocol)),
        None => (key, None),
    };
    let Service { name, port, alias, .. } = row.0;
    let is_named = !key.is_empty() && (key == *name || key == *alias || key.parse() == Ok(*port));
    is_named && protocol.is_none_or(|protocol| protocol == row.1.name())
}

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let mut outcome = SUCCESS;
    let mut any = false;
    for argument in arguments {
        let Argument::Operand(key) = argument else { continue };
        any = true;
        let mut found = rows().filter(|row| is_meant(row, key)).peekable();
        if found.peek().is_none() {
            outcome = NOT_FOUND;
        }
        for row in found {
            context.print(format_args!("{row}")).await;
        }
    }
    if !any {
        for row in rows() {
            context.print(format_args!("{row}")).await;
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::string::{String, ToString};

    use super::*;

    fn meant(key: &str) -> String {
        rows().filter(|row| is_meant(row, key)).map(|row| row.to_string()).collect()
    }

    #[test]
    fn by_name_alias_number_and_protocol() {
        assert_eq!(meant("http"), "http                  80/tcp www\n");
        assert_eq!(meant("www"), meant("80"));
        assert_eq!(meant("domain").lines().count(), 2);
        assert_eq!(meant("53/udp"), "domain                53/udp dns\n");
        for key in ["", "/", "/tcp", "nosuch", "80/udp", "-1", "65616", "http/"] {
            assert_eq!(meant(key), "", "{key:?}");
        }
    }

    /// Where there is a table of the system's, but for second names, of which it has others.
    #[test]
    fn as_getent_prints_them() {
        let output = Command::new("getent").args(["services", "telnet", "ntp/udp"]).output();
        let Some(output) = output.ok().filter(|output| output.status.success()) else {
            std::eprintln!("skipped: needs getent and /etc/services");
            return;
        };
        assert_eq!(meant("telnet") + &meant("ntp/udp"), String::from_utf8_lossy(&output.stdout));
    }
}
