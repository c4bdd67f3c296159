//! The query of an HTTP request, and that of `/pcap` in particular. Input: a query, as a head holds
//! it.

use firmware::limits::HTTP_QUERY_VALUE_BYTES_MAX;
use firmware::service::http::{frames, query};

/// Parameters that are asked for here.
const NAMES: [&str; 3] = ["filter", "count", "own"];

/// What is decoded was encoded, no parameter comes twice, and what `/pcap` takes it takes again
/// when it is written in another way.
pub fn check(input: &[u8]) {
    let Ok(text) = core::str::from_utf8(input) else { return };
    // Text survives being encoded, whatever it is.
    let encoded = encode(text);
    let decoded = query::decode(&encoded);
    assert_eq!(decoded.is_some(), text.len() <= HTTP_QUERY_VALUE_BYTES_MAX);
    assert!(decoded.is_none_or(|decoded| decoded == text));

    let mut seen = [false; NAMES.len()];
    let words = text.split('&').filter(|word| !word.is_empty());
    let mut count = 0;
    for (parameter, word) in query::parameters(Some(text), &NAMES).zip(words.clone()) {
        count += 1;
        let Ok((index, value)) = parameter else { continue };
        assert!(!std::mem::replace(&mut seen[index], true), "{word} twice");
        let (name, encoded) = word.split_once('=').unwrap_or((word, ""));
        assert_eq!(name, NAMES[index]);
        assert!(value.len() <= encoded.len());
        // By a simpler reading: as much text as there are characters that do not begin with '%'.
        assert_eq!(value.len(), encoded.len() - 2 * encoded.matches('%').count());
    }
    assert_eq!(count, words.count());

    if let Some(filter) = frames::check(text) {
        let again = frames::check(&format!("filter={}", encode(&filter)));
        assert_eq!(again, Some(filter));
    }
}

/// Percent-encodes every byte.
fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
