//! The words of a shell's line. Input: a line.

use firmware::limits::{LINE_BYTES_MAX, WORDS_MAX};
use firmware::shell::words::Words;

/// The status of the command before, which is `$?`.
const STATUS: u8 = 130;

/// Words that are quoted again are the same words.
pub fn check(input: &[u8]) {
    let Ok(line) = std::str::from_utf8(input) else { return };
    let words = match Words::parse(line, STATUS) {
        Ok(words) => words,
        Err(error) => return assert!(error.to_string().starts_with("syntax error: ")),
    };
    let list = words.list();
    assert!(list.len() <= WORDS_MAX && list.concat().len() <= LINE_BYTES_MAX);
    let quoted: Vec<_> = list.iter().map(|word| quote(word)).collect();
    let again = Words::parse(&quoted.join(" "), 0).expect("quoted words are words");
    assert_eq!(again.list(), list);
}

/// A word between single quotes, within which nothing is special.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
