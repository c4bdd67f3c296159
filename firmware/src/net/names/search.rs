//! The domains in which names without a dot are looked for: DHCP options 15 (RFC 2132 3.17) and 119
//! (RFC 3397).

use domain::base::ParsedName;
use domain::dep::octseq::Parser;

use crate::Text;
use crate::limits::{DOMAIN_BYTES_MAX, SEARCH_DOMAINS};

/// A domain, without a dot at its end.
pub type Domain = Text<DOMAIN_BYTES_MAX>;

/// Domains, the first choice first.
pub type Search = heapless::Vec<Domain, SEARCH_DOMAINS>;

/// The domain of option 15, if it is one.
pub fn domain(option: &[u8]) -> Option<Domain> {
    // Some servers end it with a zero.
    let text = option.strip_suffix(&[0]).unwrap_or(option);
    checked(core::str::from_utf8(text).ok()?)
}

/// The domains of option 119, as far as they make sense: names as in a DNS message, which may point
/// back to others before them.
pub fn list(option: &[u8]) -> Search {
    let mut found = Search::new();
    let mut rest = Parser::from_ref(option);
    while rest.remaining() > 0 {
        let Ok(name) = ParsedName::parse(&mut rest) else { break };
        let text = Text::<{ DOMAIN_BYTES_MAX + 1 }>::of(format_args!("{name}"));
        if let Some(domain) = checked(&text).filter(|_| !text.was_cut())
            && found.push(domain).is_err()
        {
            break;
        }
    }
    found
}

fn checked(text: &str) -> Option<Domain> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(is_name);
    let is_good = text.len() <= DOMAIN_BYTES_MAX && text.split('.').all(is_label);
    is_good.then(|| Domain::from(text))
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn a_domain_is_letters_digits_and_dots() {
        let long = [b'a'; DOMAIN_BYTES_MAX + 1];
        for (option, expected) in [
            (&b"lab.example"[..], Some("lab.example")),
            (b"lab.example.", Some("lab.example")),
            (b"lab.example\0", Some("lab.example")),
            (b"", None),
            (b".", None),
            (b"two words", None),
            (b"a\0b", None),
            (b"\xff", None),
            (&long, None),
            (&long[1..], None),
            (&long[2..], core::str::from_utf8(&long[2..]).ok()),
            (b"a..b", None),
            (b"......", None),
        ] {
            assert_eq!(domain(option).as_deref(), expected, "{option:?}");
        }
    }

    #[test]
    fn a_list_is_names_that_may_point_back() {
        let listed = |option: &[u8]| {
            list(option)
                .iter()
                .map(|domain| domain.as_str().into())
                .collect::<Vec<std::string::String>>()
        };
        // The example of RFC 3397 section 2.
        let example = b"\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04";
        assert_eq!(listed(example), ["eng.apple.com", "marketing.apple.com"]);
        // A name that points to itself, ahead, or out; one that ends too early.
        assert!(listed(b"\xc0\x00").is_empty());
        assert!(listed(b"\xc0\x02\x01a\x00").is_empty());
        assert!(listed(b"\xc0\xff").is_empty());
        assert!(listed(b"\x05ab").is_empty());
        assert_eq!(listed(b"\x01a\x00\x05ab"), ["a"]);
        // No name, and one of other characters.
        assert!(listed(b"\x00\x02a \x00").is_empty());
        // More than we remember.
        assert_eq!(listed(b"\x01a\x00\x01b\x00\x01c\x00\x01d\x00"), ["a", "b", "c"]);
    }
}
