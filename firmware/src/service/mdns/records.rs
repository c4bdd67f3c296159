//! The records we answer for: our host's addresses and our two services (RFC 6763).
//!
//! ```text
//!   barewire.local                     A, AAAA          unique: nobody else may have them
//!   42.1.168.192.in-addr.arpa          PTR              unique
//!   _services._dns-sd._udp.local       PTR _http._tcp.local           shared
//!   _http._tcp.local                   PTR barewire._http._tcp.local  shared
//!   barewire._http._tcp.local          SRV, TXT         unique
//! ```

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::base::iana::{Class, Rtype};
use domain::base::rdata::{ComposeRecordData, ParseRecordData, UnknownRecordData};
use domain::base::{ParsedRecord, ToName, Ttl};
use domain::rdata::{Ptr, Srv};
use octseq::{Array, OctetsBuilder};

use crate::Text;
use crate::limits::{HOSTNAME_BYTES_MAX, HTTP_PORT, MDNS_V6_ADDRESSES, TELNET_PORT};
use crate::net::names::dns::{NAME_WIRE_BYTES_MAX, QueryName};

/// Bytes of the longest record data of ours: three numbers and a name (SRV).
const DATA_BYTES_MAX: usize = 6 + NAME_WIRE_BYTES_MAX;

/// Record data without compression, as records are compared by (RFC 6762 8.2).
pub type Data = Array<DATA_BYTES_MAX>;

/// A service that others can find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// Such as `_http._tcp`.
    kind: &'static str,
    port: u16,
    /// The TXT record, as on the wire.
    text: &'static [u8],
}

const SERVICES: [Service; 2] = [
    Service { kind: "_http._tcp", port: HTTP_PORT, text: b"\x06path=/" },
    Service { kind: "_telnet._tcp", port: TELNET_PORT, text: b"\x00" },
];

/// A record of ours, by what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// The host's IPv4 address.
    Address4,
    /// One of the host's IPv6 addresses.
    Address6(u8),
    /// The host's name, for who asks by IPv4 address.
    Reverse4,
    /// What the host has, so that what it lacks is known not to be (RFC 6762 6.1).
    HostTypes,
    /// That there are services of this kind.
    Kind(u8),
    /// That this host has one.
    Instance(u8),
    /// Where it is.
    Place(u8),
    /// What else there is to say.
    Text(u8),
    /// What an instance has.
    InstanceTypes(u8),
}

const _: () = assert!(MDNS_V6_ADDRESSES == 4 && SERVICES.len() == 2, "ALL lists each");

impl Record {
    /// Every record we can have, the most wanted first.
    pub const ALL: [Self; 17] = [
        Self::Address4,
        Self::Address6(0),
        Self::Address6(1),
        Self::Address6(2),
        Self::Address6(3),
        Self::Instance(0),
        Self::Instance(1),
        Self::Place(0),
        Self::Place(1),
        Self::Text(0),
        Self::Text(1),
        Self::Kind(0),
        Self::Kind(1),
        Self::Reverse4,
        Self::HostTypes,
        Self::InstanceTypes(0),
        Self::InstanceTypes(1),
    ];

    /// True if nobody else on the link may have a record of this name and type.
    pub fn is_unique(self) -> bool {
        !matches!(self, Self::Kind(_) | Self::Instance(_))
    }

    /// Its type.
    pub fn rtype(self) -> Rtype {
        match self {
            Self::Address4 => Rtype::A,
            Self::Address6(_) => Rtype::AAAA,
            Self::Reverse4 | Self::Kind(_) | Self::Instance(_) => Rtype::PTR,
            Self::HostTypes | Self::InstanceTypes(_) => Rtype::NSEC,
            Self::Place(_) => Rtype::SRV,
            Self::Text(_) => Rtype::TXT,
        }
    }

    /// How long others may keep it (RFC 6762 10): two minutes if a host's name or address is in it,
    /// else 75 minutes.
    pub fn ttl(self) -> Ttl {
        Ttl::from_secs(match self {
            Self::Kind(_) | Self::Instance(_) | Self::Text(_) => 75 * 60,
            _ => 120,
        })
    }

    /// Its class on the wire: with the bit that tells caches to forget what they had (RFC 6762
    /// 10.2), if it is unique and the receiver speaks mDNS.
    pub fn class(self, is_legacy: bool) -> Class {
        match self.is_unique() && !is_legacy {
            true => Class::from_int(CACHE_FLUSH | Class::IN.to_int()),
            false => Class::IN,
        }
    }

    /// Records that whoever wants this one will ask for next (RFC 6763 12).
    pub fn leads_to(self) -> Set {
        let host = Set::of(&[
            Self::Address4,
            Self::Address6(0),
            Self::Address6(1),
            Self::Address6(2),
            Self::Address6(3),
        ]);
        match self {
            Self::Instance(n) => host.with(Self::Place(n)).with(Self::Text(n)),
            Self::Place(_) | Self::Address4 | Self::Address6(_) => host,
            _ => Set::default(),
        }
    }

    fn index(self) -> usize {
        // Every record is in the list.
        Self::ALL.iter().position(|&record| record == self).unwrap_or(0)
    }
}

/// The top bit of a record's class: the receiver forgets other records of the name and type.
pub const CACHE_FLUSH: u16 = 0x8000;

/// Some of our records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Set(u32);

impl Set {
    /// These records.
    pub fn of(records: &[Record]) -> Self {
        records.iter().fold(Self::default(), |set, &record| set.with(record))
    }

    /// This and one more.
    pub fn with(self, record: Record) -> Self {
        Self(self.0 | 1 << record.index())
    }

    /// What is in either.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this one only.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// True if there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True if this record is in it.
    pub fn contains(self, record: Record) -> bool {
        self.0 & 1 << record.index() != 0
    }

    /// One after the other, in the order of [`Record::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Record> {
        Record::ALL.into_iter().filter(move |&record| self.contains(record))
    }
}

/// Who we are, as far as mDNS tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Our name, one label.
    pub name: Text<HOSTNAME_BYTES_MAX>,
    /// Our IPv4 address.
    pub v4: Option<Ipv4Addr>,
    /// Our IPv6 addresses.
    pub v6: heapless::Vec<Ipv6Addr, MDNS_V6_ADDRESSES>,
}

impl Identity {
    /// The records we have.
    pub fn records(&self) -> Set {
        let has = |record: &Record| match record {
            Record::Address4 | Record::Reverse4 => self.v4.is_some(),
            Record::Address6(n) => usize::from(*n) < self.v6.len(),
            _ => true,
        };
        Record::ALL.iter().filter(|record| has(record)).fold(Set::default(), |s, &r| s.with(r))
    }

    /// The name of a record.
    pub fn owner(&self, record: Record) -> QueryName {
        let service = |n: u8| SERVICES[usize::from(n) % SERVICES.len()].kind;
        match record {
            Record::Address4 | Record::Address6(_) | Record::HostTypes => self.host(),
            Record::Reverse4 => {
                let address = self.v4.unwrap_or(Ipv4Addr::UNSPECIFIED);
                QueryName::reverse_from_addr(IpAddr::V4(address)).expect("29 bytes at most")
            }
            Record::Kind(_) => name(format_args!("_services._dns-sd._udp.local")),
            Record::Instance(n) => name(format_args!("{}.local", service(n))),
            Record::Place(n) | Record::Text(n) | Record::InstanceTypes(n) => self.instance(n),
        }
    }

    /// What a record says.
    pub fn data(&self, record: Record) -> Data {
        let service = |n: u8| SERVICES[usize::from(n) % SERVICES.len()];
        match record {
            Record::Address4 => bytes(&self.v4.unwrap_or(Ipv4Addr::UNSPECIFIED).octets()),
            Record::Address6(n) => {
                let address = self.v6.get(usize::from(n)).unwrap_or(&Ipv6Addr::UNSPECIFIED);
                bytes(&address.octets())
            }
            Record::Reverse4 => compose(&Ptr::new(self.host())),
            Record::HostTypes => types(&self.host(), &self.host_types()),
            Record::Kind(n) => compose(&Ptr::new(name(format_args!("{}.local", service(n).kind)))),
            Record::Instance(n) => compose(&Ptr::new(self.instance(n))),
            Record::Place(n) => compose(&Srv::new(0, 0, service(n).port, self.host())),
            Record::Text(n) => bytes(service(n).text),
            Record::InstanceTypes(n) => types(&self.instance(n), &[Rtype::TXT, Rtype::SRV]),
        }
    }

    /// The record of ours that is asked for by this name and type, if its name is ours.
    pub fn matching(&self, name: &impl ToName, rtype: Rtype) -> Set {
        let named = |record: &Record| self.owner(*record).name_eq(name);
        let of_name = self.records().iter().filter(named).fold(Set::default(), Set::with);
        let is_wanted = |record: &Record| rtype == Rtype::ANY || rtype == record.rtype();
        let is_types = |record: &Record| record.rtype() == Rtype::NSEC;
        let wanted = of_name.iter().filter(is_wanted).fold(Set::default(), Set::with);
        match wanted.is_empty() {
            // That we have no such record is an answer, where the name is ours alone.
            true => of_name.iter().filter(is_types).fold(Set::default(), Set::with),
            false => wanted.without(match rtype {
                Rtype::ANY => of_name.iter().filter(is_types).fold(Set::default(), Set::with),
                _ => Set::default(),
            }),
        }
    }

    fn host(&self) -> QueryName {
        name(format_args!("{}.local", self.name))
    }

    fn instance(&self, n: u8) -> QueryName {
        let service = SERVICES[usize::from(n) % SERVICES.len()];
        name(format_args!("{}.{}.local", self.name, service.kind))
    }

    fn host_types(&self) -> heapless::Vec<Rtype, 2> {
        let has = [(self.v4.is_some(), Rtype::A), (!self.v6.is_empty(), Rtype::AAAA)];
        has.into_iter().filter(|(has, _)| *has).map(|(_, rtype)| rtype).collect()
    }
}

/// Name and data of someone else's record, if it is of a type that we could have.
pub fn data_of(record: &ParsedRecord<'_, [u8]>) -> Option<Data> {
    match record.rtype() {
        Rtype::PTR => Some(compose(&parse::<Ptr<_>>(record)?)),
        Rtype::SRV => Some(compose(&parse::<Srv<_>>(record)?)),
        Rtype::A | Rtype::AAAA | Rtype::TXT => {
            let unknown = parse::<UnknownRecordData<&[u8]>>(record)?;
            let data = *unknown.data();
            (data.len() <= DATA_BYTES_MAX).then(|| bytes(data))
        }
        _ => None,
    }
}

fn parse<'m, D: ParseRecordData<'m, [u8]>>(record: &ParsedRecord<'m, [u8]>) -> Option<D> {
    Some(record.to_record().ok()??.into_data())
}

/// A name from its text: our own, so it is a good one.
fn name(text: core::fmt::Arguments<'_>) -> QueryName {
    let text = Text::<{ HOSTNAME_BYTES_MAX + 32 }>::of(text);
    text.parse().unwrap_or_else(|_| ".".parse().expect("the root has no label"))
}

fn compose(data: &impl ComposeRecordData) -> Data {
    let mut out = Data::new();
    // Has room for the longest name; what does not fit is not ours.
    let _ = data.compose_rdata(&mut out);
    out
}

fn bytes(data: &[u8]) -> Data {
    let mut out = Data::new();
    // Has room: an address, or a text of ours.
    let _ = out.append_slice(data);
    out
}

/// NSEC data: the types of a name, all below 256 (RFC 4034 4.1.2).
fn types(name: &QueryName, types: &[Rtype]) -> Data {
    let mut bitmap = [0u8; 32];
    for rtype in types {
        let number = usize::from(rtype.to_int());
        bitmap[number / 8 % 32] |= 0x80 >> (number % 8);
    }
    let len = bitmap.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let mut out = Data::new();
    // Has room: name, window, length and at most 32 bytes.
    let _ = name.compose(&mut out);
    let _ = out.append_slice(&[0, len as u8]);
    let _ = out.append_slice(&bitmap[..len]);
    out
}
