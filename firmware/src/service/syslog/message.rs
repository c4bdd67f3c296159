//! A journal entry as a syslog message (RFC 5424); no I/O.
//!
//! ```text
//!   <30>1 2026-11-21T10:11:12.131415Z barewire net - LINK [meta sequenceId="5" sysUpTime="123"]
//!   eth0: link up
//! ```

use core::fmt;

use crate::clock::UnixTime;
use crate::journal::{Entry, Event};

/// RFC 5424 table 1: system daemons.
const DAEMON: u8 = 3;
/// RFC 5424 7.3.1: the last number before 1 comes again.
const SEQUENCE_MAX: u64 = 2_147_483_647;

/// How bad it is (RFC 5424 table 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Something is wrong.
    Warning = 4,
    /// Something that happens now and then.
    Notice = 5,
    /// Something that happens all the time.
    Info = 6,
}

/// A message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// What happened.
    pub entry: &'a Entry,
    /// Our name.
    pub hostname: &'a str,
    /// The time of day that it was then, if we know.
    pub time: Option<UnixTime>,
}

/// Tells that entries were overwritten before they could be sent.
#[derive(Clone, Copy, Debug)]
pub struct Missed<'a> {
    /// How many.
    pub count: u64,
    /// Our name.
    pub hostname: &'a str,
    /// The time of day, if we know.
    pub time: Option<UnixTime>,
}

/// What kind of message an event is: whose (APP-NAME), which (MSGID), and how bad.
pub fn kind(event: &Event) -> (&'static str, &'static str, Severity) {
    match event {
        Event::Started => ("barewire", "START", Severity::Notice),
        Event::Restarted(_) => ("barewire", "RESTARTED", Severity::Notice),
        Event::RestartRequested(_) => ("barewire", "RESTART", Severity::Notice),
        Event::Config(_) => ("barewire", "CONFIG", Severity::Warning),
        Event::NicFound { .. } => ("net", "NIC", Severity::Notice),
        Event::NicLost => ("net", "NIC", Severity::Warning),
        Event::Link(_) => ("net", "LINK", Severity::Notice),
        Event::Address { .. } | Event::Ipv6(_) => ("net", "ADDRESS", Severity::Notice),
        Event::AddressLost(_) | Event::Ipv6Lost(_) => ("net", "ADDRESS", Severity::Warning),
        Event::AddressConflict { .. } | Event::Ipv6Conflict { .. } => {
            ("net", "CONFLICT", Severity::Warning)
        }
        Event::LeaseRefused { .. } => ("dhcp", "LEASE", Severity::Warning),
        Event::SessionStarted { .. } | Event::SessionEnded { .. } => {
            ("shell", "SESSION", Severity::Info)
        }
        Event::Driver { driver, .. } => (driver, "DRIVER", Severity::Info),
    }
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, hostname, time } = *self;
        let (application, id, severity) = kind(&entry.event);
        head(f, severity, time, hostname, application, id)?;
        let sequence = entry.number % SEQUENCE_MAX + 1;
        // In hundredths of a second, as SNMP counts (RFC 3418).
        let up = entry.at.as_millis() / 10;
        write!(f, "[meta sequenceId=\"{sequence}\" sysUpTime=\"{up}\"] ")?;
        fmt::write(&mut OneLine(f), format_args!("{}", entry.event))
    }
}

impl fmt::Display for Missed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        head(f, Severity::Warning, self.time, self.hostname, "syslog", "MISSED")?;
        write!(f, "- {} entries of the journal were overwritten before they were sent", self.count)
    }
}

/// `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID`, and a space.
fn head(
    f: &mut fmt::Formatter<'_>,
    severity: Severity,
    time: Option<UnixTime>,
    hostname: &str,
    application: &str,
    id: &str,
) -> fmt::Result {
    write!(f, "<{}>1 ", DAEMON * 8 + severity as u8)?;
    match time {
        Some(time) => write!(f, "{time}")?,
        None => f.write_str("-")?,
    }
    write!(f, " {hostname} {application} - {id} ")
}

/// Lets no control characters through: a receiver's file has a line for each message.
struct OneLine<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl fmt::Write for OneLine<'_, '_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        s.split(char::is_control).enumerate().try_for_each(|(index, part)| {
            self.0.write_str(if index > 0 { "?" } else { "" })?;
            self.0.write_str(part)
        })
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::string::ToString;

    use super::*;
    use crate::Text;
    use crate::status::Link;

    fn check(event: Event, time: Option<UnixTime>, expected: &str) {
        let entry = Entry { number: 4, at: Duration::from_millis(1234), event };
        let message = Message { entry: &entry, hostname: "barewire", time };
        assert_eq!(message.to_string(), expected);
    }

    #[test]
    fn as_the_rfc_writes_them() {
        let time = UnixTime::new(Duration::new(1_795_255_872, 131_415_000));
        check(
            Event::Link(Link::Up),
            Some(time),
            "<29>1 2026-11-21T10:11:12.131415Z barewire net - LINK \
             [meta sequenceId=\"5\" sysUpTime=\"123\"] eth0: link up",
        );
        check(
            Event::NicLost,
            None,
            "<28>1 - barewire net - NIC [meta sequenceId=\"5\" sysUpTime=\"123\"] eth0: gone",
        );
        check(
            Event::Driver { driver: "usb", text: Text::from("a\nb\u{9b}c\0") },
            None,
            "<30>1 - barewire usb - DRIVER [meta sequenceId=\"5\" sysUpTime=\"123\"] \
             usb: a?b?c?",
        );
        let missed = Missed { count: 3, hostname: "attic", time: None };
        assert_eq!(
            missed.to_string(),
            "<28>1 - attic syslog - MISSED - 3 entries of the journal were overwritten before they \
             were sent"
        );
    }
}
