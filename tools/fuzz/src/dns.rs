//! What a DNS server answers. Input: the message; the question that it quotes is taken for ours.

use std::net::IpAddr;

use domain::base::iana::Rtype;
use firmware::net::names::dns::Query;
use firmware::net::names::search;

/// A name by its labels, in small letters.
type Labels = Vec<Vec<u8>>;

/// What is believed answers the question: the addresses are those of the name that was asked for,
/// or of the end of a chain of aliases that begins there, by a reading of our own.
pub fn check(input: &[u8]) {
    domains(input);
    let Some((name, rtype, query)) = question(input) else { return };
    let Ok(reply) = query.read(input) else { return };
    assert!(input[2] & 0x80 != 0 && input[4..6] == [0, 1]);
    let records = answers(input).expect("what was read can be read");

    let canonical = labels_of(&reply.canonical().to_string());
    let mut reached = vec![name];
    // Each round finds one more, or the last.
    for _ in 0..records.len() {
        let aliases = records.iter().filter(|record| record.rtype == Rtype::CNAME.to_int());
        let next = aliases.filter(|alias| reached.contains(&alias.owner));
        let next = next.filter_map(|alias| Some(read_name(input, alias.data.start)?.0));
        let found: Vec<_> = next.filter(|name| !reached.contains(name)).collect();
        reached.extend(found);
    }
    let shown = |labels: &Labels| labels.iter().all(|label| label.iter().all(is_plain));
    if reached.iter().all(shown) {
        assert!(reached.contains(&canonical), "{canonical:?} is not among {reached:?}");
    }
    for (address, _) in reply.addresses() {
        assert!(rtype != Rtype::A || address.is_ipv4());
        let bytes: Vec<u8> = match address {
            IpAddr::V4(address) => address.octets().into(),
            IpAddr::V6(address) => address.octets().into(),
        };
        let is_it = |record: &Record| input[record.data.clone()] == bytes[..];
        assert!(records.iter().any(is_it), "{address} is not in the answer");
    }
    assert!(reply.records().count() <= records.len());
    for record in reply.records().chain(reply.aliases()) {
        let _ = format!("{record:?}");
    }
    let _ = reply.negative_ttl_seconds();
}

/// The same bytes as options of DHCP.
fn domains(input: &[u8]) {
    for domain in search::list(input).iter().chain(&search::domain(input)) {
        assert!(!domain.is_empty() && !domain.was_cut() && !domain.ends_with('.'), "{domain}");
    }
}

fn is_plain(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'-'
}

fn labels_of(text: &str) -> Labels {
    let labels = text.split('.').filter(|label| !label.is_empty());
    labels.map(|label| label.to_ascii_lowercase().into_bytes()).collect()
}

/// The question in the message, asked by us; none if its name is not of plain letters.
fn question(bytes: &[u8]) -> Option<(Labels, Rtype, Query)> {
    let (name, end) = read_name(bytes, 12)?;
    let is_plain = name.iter().all(|label| label.iter().all(is_plain));
    if name.is_empty() || !is_plain {
        return None;
    }
    let rtype = Rtype::from_int(u16::from_be_bytes(*bytes.get(end..)?.first_chunk()?));
    let id = u16::from_be_bytes([bytes[0], bytes[1]]);
    let text: Vec<_> = name.iter().map(|label| String::from_utf8_lossy(label)).collect();
    let query = Query::new(&text.join("."), rtype, id).ok()?;
    Some((name, rtype, query))
}

struct Record {
    owner: Labels,
    rtype: u16,
    data: std::ops::Range<usize>,
}

/// The records of the answer, behind one question.
fn answers(bytes: &[u8]) -> Option<Vec<Record>> {
    let count = u16::from_be_bytes([*bytes.get(6)?, *bytes.get(7)?]);
    let (_, end) = read_name(bytes, 12)?;
    let mut at = end + 4;
    let mut records = Vec::new();
    for _ in 0..count {
        let (owner, end) = read_name(bytes, at)?;
        let head: &[u8; 10] = bytes.get(end..)?.first_chunk()?;
        let start = end + head.len();
        at = start + usize::from(u16::from_be_bytes([head[8], head[9]]));
        let rtype = u16::from_be_bytes([head[0], head[1]]);
        bytes.get(start..at)?;
        records.push(Record { owner, rtype, data: start..at });
    }
    Some(records)
}

/// A name, and where it ends; RFC 1035 4.1.4.
fn read_name(bytes: &[u8], at: usize) -> Option<(Labels, usize)> {
    let (mut at, mut end) = (at, None);
    let mut labels = Labels::new();
    // No name has more labels than bytes, and each may be pointed to.
    for _ in 0..300 {
        match *bytes.get(at)? {
            0 => return Some((labels, end.unwrap_or(at + 1))),
            length @ 1..=63 => {
                let label = bytes.get(at + 1..=at + usize::from(length))?;
                labels.push(label.to_ascii_lowercase());
                at += 1 + usize::from(length);
            }
            high @ 0xc0.. => {
                end = end.or(Some(at + 2));
                at = usize::from(u16::from_be_bytes([high & 0x3f, *bytes.get(at + 1)?]));
            }
            _ => return None,
        }
    }
    None
}
