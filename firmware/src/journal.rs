//! What happened: a ring of typed events. `dmesg`, the serial console and later /log and syslog
//! print these same entries.

use core::fmt;
use core::time::Duration;

use smoltcp::wire::{EthernetAddress, Ipv4Address, Ipv4Cidr, Ipv6Address, Ipv6Cidr};

use crate::Text;
use crate::limits::{JOURNAL_ENTRIES, JOURNAL_TEXT_BYTES};
use crate::status::{AddressSource, Link, Mac};

/// Something worth remembering.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The firmware began.
    Started,
    /// Why the board restarted, as the boot code found it.
    Restarted(Text<JOURNAL_TEXT_BYTES>),
    /// A network interface was found.
    NicFound {
        /// The driver that claimed it.
        driver: &'static str,
        /// Its Ethernet address.
        mac: EthernetAddress,
        /// Where it is on the bus.
        topology: Text<80>,
    },
    /// The network interface is gone.
    NicLost,
    /// The link changed.
    Link(Link),
    /// We have an address.
    Address {
        /// The address and its prefix length.
        address: Ipv4Cidr,
        /// The default router.
        router: Option<Ipv4Address>,
        /// Where it came from.
        source: AddressSource,
    },
    /// We lost the address.
    AddressLost(Ipv4Cidr),
    /// A DHCP lease was refused, and why.
    LeaseRefused {
        /// The address offered.
        offered: Ipv4Address,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Someone else uses our address (RFC 5227, RFC 3927).
    AddressConflict {
        /// The address.
        address: Ipv4Address,
        /// Who claims it.
        by: EthernetAddress,
    },
    /// We have an IPv6 address.
    Ipv6(Ipv6Cidr),
    /// We lost an IPv6 address.
    Ipv6Lost(Ipv6Cidr),
    /// Someone else has an IPv6 address that would have been ours (RFC 4862 5.4).
    Ipv6Conflict {
        /// The address.
        address: Ipv6Address,
        /// Who has it.
        by: EthernetAddress,
    },
    /// A word of the command line was not understood, and what was done instead.
    Config(Text<JOURNAL_TEXT_BYTES>),
    /// A session of the shell began.
    SessionStarted {
        /// Its number.
        session: u32,
        /// From where: an endpoint, or "console".
        from: Text<48>,
    },
    /// A session of the shell ended.
    SessionEnded {
        /// Its number.
        session: u32,
        /// Why.
        reason: &'static str,
    },
    /// A restart was asked for.
    RestartRequested(Text<48>),
    /// A driver's word: what it is about, and what it says.
    Driver {
        /// The driver: "usb", "dwc2", ..
        driver: &'static str,
        /// What happened.
        text: Text<JOURNAL_TEXT_BYTES>,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => write!(f, "barewire {}", env!("CARGO_PKG_VERSION")),
            Self::Restarted(why) => write!(f, "restart: {why}"),
            Self::NicFound { driver, mac, topology } => {
                write!(f, "eth0: {driver} at {topology}, {}", Mac(*mac))
            }
            Self::NicLost => f.write_str("eth0: gone"),
            Self::Link(link) => write!(f, "eth0: link {link}"),
            Self::Address { address, router, source } => {
                write!(f, "eth0: address {address}")?;
                if let Some(router) = router {
                    write!(f, " router {router}")?;
                }
                write!(f, " by {source}")
            }
            Self::AddressLost(address) => write!(f, "eth0: address {address} given up"),
            Self::LeaseRefused { offered, reason } => {
                write!(f, "dhcp: lease of {offered} refused: {reason}")
            }
            Self::AddressConflict { address, by } => {
                write!(f, "eth0: address {address} is in use by {}", Mac(*by))
            }
            Self::Ipv6(address) => write!(f, "eth0: address {address}"),
            Self::Ipv6Lost(address) => write!(f, "eth0: address {address} given up"),
            Self::Ipv6Conflict { address, by } => {
                write!(f, "eth0: address {address} is in use by {}", Mac(*by))
            }
            Self::Config(text) => write!(f, "command line: {text}"),
            Self::SessionStarted { session, from } => write!(f, "shell {session}: from {from}"),
            Self::SessionEnded { session, reason } => write!(f, "shell {session}: {reason}"),
            Self::RestartRequested(by) => write!(f, "restart requested by {by}"),
            Self::Driver { driver, text } => write!(f, "{driver}: {text}"),
        }
    }
}

/// An event with its time and number.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Counts from 0 and never repeats, so that a reader knows what it missed.
    pub number: u64,
    /// Time since start.
    pub at: Duration,
    /// What happened.
    pub event: Event,
}

/// As `dmesg` prints it: `[    1.234567] eth0: link up`.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{:5}.{:06}] {}", self.at.as_secs(), self.at.subsec_micros(), self.event)
    }
}

/// The ring.
#[derive(Debug)]
pub struct Journal {
    entries: heapless::Deque<Entry, JOURNAL_ENTRIES>,
    next: u64,
}

impl Default for Journal {
    fn default() -> Self {
        Self::new()
    }
}

impl Journal {
    /// Empty.
    pub const fn new() -> Self {
        Self { entries: heapless::Deque::new(), next: 0 }
    }

    /// Appends an event; the oldest entry gives way when the ring is full.
    pub fn record(&mut self, at: Duration, event: Event) {
        if self.entries.is_full() {
            self.entries.pop_front();
        }
        let entry = Entry { number: self.next, at, event };
        self.next += 1;
        // Cannot fail: room was made above.
        let _ = self.entries.push_back(entry);
    }

    /// The oldest entry whose number is at least `number`: `after(0)`, then `after(entry.number +
    /// 1)`, so that a reader holds no borrow while it writes.
    pub fn after(&self, number: u64) -> Option<Entry> {
        let first = self.entries.front()?.number;
        let index = usize::try_from(number.saturating_sub(first)).ok()?;
        self.entries.iter().nth(index).cloned()
    }

    /// How many entries gave way so far.
    pub fn overwritten(&self) -> u64 {
        self.next - self.entries.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn the_oldest_gives_way_and_is_counted() {
        let mut journal = Journal::new();
        for second in 0..JOURNAL_ENTRIES as u64 + 3 {
            journal.record(Duration::from_secs(second), Event::NicLost);
        }
        assert_eq!(journal.overwritten(), 3);
        let first = journal.after(0).unwrap();
        assert_eq!(first.number, 3);
        assert_eq!(first.to_string(), "[    3.000000] eth0: gone");
        assert_eq!(journal.after(4).unwrap().number, 4);
        assert!(journal.after(JOURNAL_ENTRIES as u64 + 3).is_none());
    }
}
