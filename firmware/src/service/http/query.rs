//! The query of a request: `name=value&...`, percent-encoded (WHATWG URL 5.1).
//!
//! Read strictly: each name is one of those that the path knows, and comes once. Whoever misspells
//! a parameter is told so, instead of being given something else.

use crate::limits::HTTP_QUERY_VALUE_BYTES_MAX;

/// A value, decoded.
pub type Value = heapless::String<HTTP_QUERY_VALUE_BYTES_MAX>;

/// Why a query is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No parameter of the path, or one that was there before.
    Name,
    /// Not percent-encoded UTF-8, or longer than [`HTTP_QUERY_VALUE_BYTES_MAX`].
    Value,
}

/// The parameters of a query, in order.
///
/// # Errors
/// For each parameter, what is wrong with it: its index in `names` and its value if nothing is.
pub fn parameters<'q>(
    query: Option<&'q str>,
    names: &'q [&'q str],
) -> impl Iterator<Item = Result<(usize, Value), Refused>> + 'q {
    let mut seen = 0_u32;
    let words = query.unwrap_or_default().split('&').filter(|word| !word.is_empty());
    words.map(move |word| {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let index = names.iter().position(|known| *known == name).ok_or(Refused::Name)?;
        let bit = 1_u32.checked_shl(index as u32).unwrap_or(0);
        if seen & bit != 0 {
            return Err(Refused::Name);
        }
        seen |= bit;
        Ok((index, decode(value).ok_or(Refused::Value)?))
    })
}

/// Undoes percent-encoding; `+` is a space.
pub fn decode(value: &str) -> Option<Value> {
    let mut bytes = heapless::Vec::<u8, HTTP_QUERY_VALUE_BYTES_MAX>::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let high = rest.next().and_then(digit)?;
                let low = rest.next().and_then(digit)?;
                (high * 16 + low) as u8
            }
            byte => byte,
        };
        bytes.push(byte).ok()?;
    }
    Value::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    use super::*;

    fn read(query: &str) -> String {
        corpus::seed("http_query", query.as_bytes());
        let names = ["filter", "count"];
        let all: Vec<_> = parameters(Some(query), &names)
            .map(|parameter| match parameter {
                Ok((index, value)) => format!("{}={value}", names[index]),
                Err(why) => format!("{why:?}"),
            })
            .collect();
        all.join(";")
    }

    #[test]
    fn queries() {
        for (query, expected) in [
            ("", ""),
            ("&&", ""),
            ("filter=tcp+port%2080", "filter=tcp port 80"),
            ("count=1&filter=not%20arp&", "count=1;filter=not arp"),
            ("filter", "filter="),
            ("filter=a=b", "filter=a=b"),
            ("filter=%C3%A4", "filter=\u{e4}"),
            ("filter=%ff", "Value"),
            ("filter=%", "Value"),
            ("filter=%4", "Value"),
            ("filter=%4g", "Value"),
            ("filter=%+1", "Value"),
            ("Filter=x", "Name"),
            ("count=1&count=2", "count=1;Name"),
            ("x=1&count=2", "Name;count=2"),
            ("=", "Name"),
        ] {
            assert_eq!(read(query), expected, "{query}");
        }
        let longest = "x".repeat(HTTP_QUERY_VALUE_BYTES_MAX);
        assert_eq!(decode(&longest).as_deref(), Some(longest.as_str()));
        assert_eq!(decode(&format!("{longest}x")), None);
        assert_eq!(parameters(None, &["a"]).count(), 0);
    }
}
