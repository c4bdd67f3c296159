//! DNS messages (RFC 1035) as a resolver writes and reads them; no I/O.
//!
//! ```text
//!   Query { id, name, type }  --write-->  to a server, from a port of its own
//!        ^                                     |
//!        '---- read: is it the answer to this? -'--> Reply: what belongs to the question
//! ```
//!
//! The wire format is the `domain` crate's. What makes an answer is decided here: the id, the one
//! question and its type must be the query's (RFC 5452 9.1; the caller has looked at address and
//! port), and only records that the question's name leads to, itself or by a chain of CNAMEs,
//! are handed out. Whatever else a server adds is not believed.

use core::fmt;
use core::net::IpAddr;

use domain::base::iana::{Class, Opcode, Rcode, Rtype};
use domain::base::rdata::ParseRecordData;
use domain::base::{Message, MessageBuilder, Name, ParsedName, ParsedRecord};
use domain::rdata::{A, Aaaa, Cname, Mx, Ns, Ptr, Soa, Srv, Txt};
use octseq::Array;

use crate::status::Drop;

/// Bytes of the longest name on the wire (RFC 1035 2.3.4).
pub const NAME_WIRE_BYTES_MAX: usize = 255;

/// Bytes of the longest query: header, name, type and class, and the EDNS record.
pub const QUERY_BYTES_MAX: usize = 12 + NAME_WIRE_BYTES_MAX + 4 + 11;

/// Bytes of the longest answer that is asked for by UDP: what fits into a frame without fragments
/// (RFC 9715 3.1 recommends 1,400).
pub const UDP_ANSWER_BYTES_MAX: usize = 1400;

/// Bytes of the longest answer that is read, which came by TCP: 200 addresses.
pub const ANSWER_BYTES_MAX: usize = 4096;

/// A name as the question carries it.
pub type QueryName = Name<Array<NAME_WIRE_BYTES_MAX>>;

/// A name inside a reply.
pub type ReplyName<'m> = ParsedName<&'m [u8]>;

/// What cannot be asked for: an empty label, one of more than 63 bytes, or more than 255 in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadName;

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a domain name")
    }
}

/// One question.
#[derive(Clone, Debug)]
pub struct Query {
    id: u16,
    name: QueryName,
    rtype: Rtype,
}

impl Query {
    /// Asks for the records of this type of `name`, absolute or not, under a random `id`.
    ///
    /// # Errors
    /// [`BadName`].
    pub fn new(name: &str, rtype: Rtype, id: u16) -> Result<Self, BadName> {
        let name = name.parse::<QueryName>().map_err(|_| BadName)?;
        Ok(Self { id, name, rtype })
    }

    /// Asks for the name of an address (RFC 1035 3.5, RFC 3596 2.5).
    pub fn reverse(address: IpAddr, id: u16) -> Self {
        let mut name = QueryName::reverse_from_addr(address).expect("73 bytes at most");
        // In lower case, as everybody writes it: servers answer with the question's letters.
        name.make_canonical();
        Self { id, name, rtype: Rtype::PTR }
    }

    /// What is asked about.
    pub fn name(&self) -> &QueryName {
        &self.name
    }

    /// The type of the records asked for.
    pub fn rtype(&self) -> Rtype {
        self.rtype
    }

    /// The message for the server: recursion desired, and an answer of up to
    /// [`UDP_ANSWER_BYTES_MAX`] bytes welcome (EDNS, RFC 6891).
    pub fn write(&self) -> Array<QUERY_BYTES_MAX> {
        let mut message =
            MessageBuilder::from_target(Array::<QUERY_BYTES_MAX>::new()).expect("12 bytes fit");
        message.header_mut().set_id(self.id);
        message.header_mut().set_rd(true);
        let mut message = message.question();
        message.push((&self.name, self.rtype)).expect("the longest name fits");
        let mut message = message.additional();
        message
            .opt(|opt| {
                opt.set_udp_payload_size(UDP_ANSWER_BYTES_MAX as u16);
                Ok(())
            })
            .expect("eleven bytes fit");
        message.finish()
    }

    /// Reads what came from the server that was asked, to the port it was asked from.
    ///
    /// # Errors
    /// [`Drop::DnsUnasked`] if it answers something else; [`Drop::DnsMalformed`] if it is no DNS
    /// message, or its names lead nowhere.
    pub fn read<'m>(&self, bytes: &'m [u8]) -> Result<Reply<'m>, Drop> {
        let message = Message::from_slice(bytes).map_err(|_| Drop::DnsMalformed)?;
        let header = message.header();
        if !header.qr() || header.opcode() != Opcode::QUERY || header.id() != self.id {
            return Err(Drop::DnsUnasked);
        }
        let question = match message.header_counts().qdcount() {
            1 => message.sole_question().map_err(|_| Drop::DnsMalformed)?,
            _ => return Err(Drop::DnsUnasked),
        };
        let is_ours = question.qname() == &self.name
            && question.qtype() == self.rtype
            && question.qclass() == Class::IN;
        if !is_ours {
            return Err(Drop::DnsUnasked);
        }
        let canonical = canonical(message, question.into_qname())?;
        Ok(Reply { rtype: self.rtype, message, canonical })
    }
}

/// CNAMEs followed in one answer: twice of what BIND and Unbound follow.
const ALIASES_MAX: usize = 22;

/// The end of the chain of aliases that begins at the name asked for. Every record of the answer is
/// looked at, so that a message that does not parse is known before anything of it is believed.
fn canonical<'m>(message: &'m Message<[u8]>, name: ReplyName<'m>) -> Result<ReplyName<'m>, Drop> {
    let answer = message.answer().map_err(|_| Drop::DnsMalformed)?;
    let mut name = name;
    for _ in 0..=ALIASES_MAX {
        let mut next = None;
        for record in answer {
            let record = record.map_err(|_| Drop::DnsMalformed)?;
            if next.is_none() && record.rtype() == Rtype::CNAME && record.owner() == name {
                let alias = record.to_record::<Cname<_>>().map_err(|_| Drop::DnsMalformed)?;
                next = alias.map(|alias| alias.into_data().into_cname());
            }
        }
        match next {
            None => return Ok(name),
            Some(next) => name = next,
        }
    }
    Err(Drop::DnsMalformed)
}

/// The answer to a query.
#[derive(Clone, Debug)]
pub struct Reply<'m> {
    rtype: Rtype,
    message: &'m Message<[u8]>,
    canonical: ReplyName<'m>,
}

/// What a record holds, of the types that people ask for.
#[derive(Clone, Debug)]
pub enum Data<'m> {
    /// An address.
    Address(IpAddr),
    /// An alias of another name.
    Cname(ReplyName<'m>),
    /// The name of an address.
    Ptr(ReplyName<'m>),
    /// A name server.
    Ns(ReplyName<'m>),
    /// A mail server, the lowest preference first.
    Mx(u16, ReplyName<'m>),
    /// Texts.
    Txt(Txt<&'m [u8]>),
    /// A service's host.
    Srv(Srv<ReplyName<'m>>),
    /// A zone's start of authority.
    Soa(Soa<ReplyName<'m>>),
    /// Anything else.
    Other(Rtype),
}

/// One record of an answer.
#[derive(Clone, Debug)]
pub struct Record<'m> {
    /// Whose it is.
    pub owner: ReplyName<'m>,
    /// Seconds it may be kept.
    pub ttl_seconds: u32,
    /// What it says.
    pub data: Data<'m>,
}

impl<'m> Reply<'m> {
    /// No error, or why there is no answer.
    pub fn rcode(&self) -> Rcode {
        self.message.header().rcode()
    }

    /// True if not all of the answer fit into the message: ask again by TCP (RFC 7766).
    pub fn is_truncated(&self) -> bool {
        self.message.header().tc()
    }

    /// True if the server is an authority for the name, and does not only pass on.
    pub fn is_authoritative(&self) -> bool {
        self.message.header().aa()
    }

    /// The name that the one asked for is an alias of, or itself.
    pub fn canonical(&self) -> ReplyName<'m> {
        self.canonical
    }

    /// The records of the type asked for, of the canonical name.
    pub fn records(&self) -> impl Iterator<Item = Record<'m>> + '_ {
        self.all().filter_map(|record| {
            let wanted = self.rtype == Rtype::ANY || record.rtype() == self.rtype;
            if !wanted || record.class() != Class::IN || record.owner() != self.canonical {
                return None;
            }
            read(&record)
        })
    }

    /// The aliases on the way from the name asked for to the canonical one, as the server lists
    /// them.
    pub fn aliases(&self) -> impl Iterator<Item = Record<'m>> + '_ {
        self.all().filter(|record| record.rtype() == Rtype::CNAME).filter_map(|r| read(&r))
    }

    /// The addresses of an answer to a question for A or AAAA.
    pub fn addresses(&self) -> impl Iterator<Item = (IpAddr, u32)> + '_ {
        self.records().filter_map(|record| match record.data {
            Data::Address(address) => Some((address, record.ttl_seconds)),
            _ => None,
        })
    }

    /// How long the absence of an answer may be remembered (RFC 2308 5), in seconds; none if the
    /// server does not say.
    pub fn negative_ttl_seconds(&self) -> Option<u32> {
        let mut authority = self.message.authority().ok()?.limit_to::<Soa<_>>();
        let soa = authority.next()?.ok()?;
        Some(soa.ttl().as_secs().min(soa.data().minimum().as_secs()))
    }

    fn all(&self) -> impl Iterator<Item = ParsedRecord<'m, [u8]>> + use<'m> {
        self.message.answer().ok().into_iter().flatten().filter_map(Result::ok)
    }
}

/// Reads a record's data; none if it is malformed.
fn read<'m>(record: &ParsedRecord<'m, [u8]>) -> Option<Record<'m>> {
    let data = match record.rtype() {
        Rtype::A => Data::Address(parse::<A>(record)?.addr().into()),
        Rtype::AAAA => Data::Address(parse::<Aaaa>(record)?.addr().into()),
        Rtype::CNAME => Data::Cname(parse::<Cname<_>>(record)?.into_cname()),
        Rtype::PTR => Data::Ptr(parse::<Ptr<_>>(record)?.into_ptrdname()),
        Rtype::NS => Data::Ns(parse::<Ns<_>>(record)?.into_nsdname()),
        Rtype::MX => {
            let mx = parse::<Mx<ReplyName<'m>>>(record)?;
            Data::Mx(mx.preference(), *mx.exchange())
        }
        Rtype::TXT => Data::Txt(parse(record)?),
        Rtype::SRV => Data::Srv(parse(record)?),
        Rtype::SOA => Data::Soa(parse(record)?),
        other => Data::Other(other),
    };
    Some(Record { owner: record.owner(), ttl_seconds: record.ttl().as_secs(), data })
}

fn parse<'m, D: ParseRecordData<'m, [u8]>>(record: &ParsedRecord<'m, [u8]>) -> Option<D> {
    Some(record.to_record().ok()??.into_data())
}

#[cfg(test)]
#[path = "dns_tests.rs"]
mod tests;
