//! What DNS servers said lately, for as long as they said it holds (RFC 1034 5.3.3, RFC 2308).

use core::time::Duration;

use domain::base::iana::Rtype;
use smoltcp::wire::IpAddress;

use super::resolver::{Addresses, NAME_TEXT_BYTES_MAX};
use crate::Text;
use crate::limits::{
    DNS_CACHE_ENTRIES, DNS_NEGATIVE_SECONDS_MAX, DNS_SERVERS, DNS_TTL_SECONDS_MAX,
};

/// What a name leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// There is no such name.
    Unknown,
    /// Addresses of the type asked for; perhaps none.
    Addresses(Addresses),
    /// The name of an address; perhaps none.
    Name(Option<Text<NAME_TEXT_BYTES_MAX>>),
}

impl Found {
    /// True if it is the absence of something.
    fn is_absence(&self) -> bool {
        match self {
            Self::Unknown | Self::Name(None) => true,
            Self::Addresses(addresses) => addresses.is_empty(),
            Self::Name(Some(_)) => false,
        }
    }
}

#[derive(Debug)]
struct Entry {
    name: Text<NAME_TEXT_BYTES_MAX>,
    rtype: Rtype,
    until: Duration,
    found: Found,
}

/// The answers of one set of servers: with others, such as after a move to another network, it
/// begins anew.
#[derive(Debug, Default)]
pub struct Cache {
    servers: heapless::Vec<IpAddress, DNS_SERVERS>,
    entries: heapless::Vec<Entry, DNS_CACHE_ENTRIES>,
}

impl Cache {
    /// Empty.
    pub const fn new() -> Self {
        Self { servers: heapless::Vec::new(), entries: heapless::Vec::new() }
    }

    /// The names that have an address, each once, for as long as that holds.
    pub fn names(&self, now: Duration) -> impl Iterator<Item = &str> {
        let known = move |entry: &&Entry| {
            let has_address = matches!(&entry.found, Found::Addresses(all) if !all.is_empty());
            has_address && entry.until > now
        };
        self.entries.iter().enumerate().filter_map(move |(index, entry)| {
            let mut before = self.entries[..index].iter().filter(known);
            let is_new = before.all(|other| other.name != entry.name);
            (known(&entry) && is_new).then_some(&*entry.name)
        })
    }

    /// What these servers said of a name that still holds.
    pub fn get(
        &mut self,
        now: Duration,
        servers: &[IpAddress],
        name: &str,
        rtype: Rtype,
    ) -> Option<Found> {
        if self.servers != servers {
            self.entries.clear();
            // Cannot fail: there are no more than that.
            self.servers = heapless::Vec::from_slice(servers).unwrap_or_default();
        }
        self.entries.retain(|entry| now < entry.until);
        let entry = self.entries.iter().find(|entry| entry.is_of(name, rtype))?;
        Some(entry.found.clone())
    }

    /// Remembers what these servers said, unless [`Cache::get`] was told of others since. What
    /// holds for no time, or for a time that makes no sense (RFC 2181 8), is not kept; of the rest,
    /// the entry that would be forgotten first gives way.
    pub fn put(
        &mut self,
        now: Duration,
        servers: &[IpAddress],
        name: &str,
        rtype: Rtype,
        ttl_seconds: u32,
        found: Found,
    ) {
        let limit = match found.is_absence() {
            true => DNS_NEGATIVE_SECONDS_MAX,
            false => DNS_TTL_SECONDS_MAX,
        };
        let is_number = i32::try_from(ttl_seconds).is_ok();
        let seconds = if is_number { ttl_seconds.min(limit) } else { 0 };
        self.entries.retain(|entry| now < entry.until && !entry.is_of(name, rtype));
        if seconds == 0 || self.servers != servers {
            return;
        }
        if self.entries.is_full() {
            let first = self.entries.iter().enumerate().min_by_key(|(_, entry)| entry.until);
            if let Some((index, _)) = first {
                self.entries.swap_remove(index);
            }
        }
        let until = now + Duration::from_secs(seconds.into());
        // Cannot fail: room was made above.
        let _ = self.entries.push(Entry { name: Text::from(name), rtype, until, found });
    }

    /// Entries that are held.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Entry {
    fn is_of(&self, name: &str, rtype: Rtype) -> bool {
        self.rtype == rtype && self.name.eq_ignore_ascii_case(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVERS: [IpAddress; 1] = [IpAddress::v4(192, 0, 2, 53)];

    fn address(number: u8) -> Found {
        Found::Addresses(Addresses::from_iter([IpAddress::v4(192, 0, 2, number)]))
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_answer_holds_as_long_as_it_says() {
        let mut cache = Cache::new();
        assert_eq!(cache.get(at(0), &SERVERS, "a.example", Rtype::A), None);
        cache.put(at(0), &SERVERS, "a.example", Rtype::A, 10, address(1));
        assert_eq!(cache.get(at(9), &SERVERS, "A.Example", Rtype::A), Some(address(1)));
        assert_eq!(cache.get(at(9), &SERVERS, "a.example", Rtype::AAAA), None);
        assert_eq!(cache.get(at(10), &SERVERS, "a.example", Rtype::A), None);
        assert!(cache.is_empty());
        // The newer answer counts.
        cache.put(at(10), &SERVERS, "a.example", Rtype::A, 10, address(1));
        cache.put(at(11), &SERVERS, "a.example", Rtype::A, 10, address(2));
        assert_eq!(cache.get(at(12), &SERVERS, "a.example", Rtype::A), Some(address(2)));
        // Also if it does not hold.
        for ttl in [0, 1 << 31, u32::MAX] {
            cache.put(at(11), &SERVERS, "a.example", Rtype::A, 10, address(2));
            cache.put(at(11), &SERVERS, "a.example", Rtype::A, ttl, address(3));
            assert_eq!(cache.get(at(12), &SERVERS, "a.example", Rtype::A), None, "{ttl}");
        }
    }

    #[test]
    fn nothing_holds_for_ever() {
        let mut cache = Cache::new();
        let rows = [
            (address(1), DNS_TTL_SECONDS_MAX),
            (Found::Name(Some(Text::from("a.example"))), DNS_TTL_SECONDS_MAX),
            (Found::Unknown, DNS_NEGATIVE_SECONDS_MAX),
            (Found::Addresses(Addresses::new()), DNS_NEGATIVE_SECONDS_MAX),
            (Found::Name(None), DNS_NEGATIVE_SECONDS_MAX),
        ];
        for (found, limit) in rows {
            cache.put(at(0), &SERVERS, "a.example", Rtype::A, i32::MAX as u32, found.clone());
            let last = at(u64::from(limit) - 1);
            assert_eq!(cache.get(last, &SERVERS, "a.example", Rtype::A), None, "no servers yet");
            cache.put(at(0), &SERVERS, "a.example", Rtype::A, i32::MAX as u32, found.clone());
            assert_eq!(cache.get(last, &SERVERS, "a.example", Rtype::A), Some(found));
            assert_eq!(cache.get(at(limit.into()), &SERVERS, "a.example", Rtype::A), None);
            cache = Cache::new();
        }
    }

    #[test]
    fn what_would_be_forgotten_first_gives_way() {
        let mut cache = Cache::new();
        cache.get(at(0), &SERVERS, "", Rtype::A);
        for number in 0..=DNS_CACHE_ENTRIES as u32 {
            let name = Text::<8>::of(format_args!("n{number}"));
            // The second is the one with the shortest time.
            let ttl = if number == 1 { 5 } else { 100 + number };
            cache.put(at(0), &SERVERS, &name, Rtype::A, ttl, address(1));
        }
        assert_eq!(cache.len(), DNS_CACHE_ENTRIES);
        assert_eq!(cache.get(at(1), &SERVERS, "n1", Rtype::A), None);
        assert_eq!(cache.get(at(1), &SERVERS, "n0", Rtype::A), Some(address(1)));
    }

    #[test]
    fn other_servers_may_say_other_things() {
        let mut cache = Cache::new();
        cache.get(at(0), &SERVERS, "a.example", Rtype::A);
        cache.put(at(0), &SERVERS, "a.example", Rtype::A, 10, address(1));
        let others = [IpAddress::v4(198, 51, 100, 53)];
        assert_eq!(cache.get(at(1), &others, "a.example", Rtype::A), None);
        // What comes late is the others' no more.
        cache.put(at(1), &SERVERS, "a.example", Rtype::A, 10, address(1));
        assert_eq!(cache.get(at(1), &others, "a.example", Rtype::A), None);
    }
}
