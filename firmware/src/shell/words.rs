//! A command line, split into words as a POSIX shell does: blanks separate, quotes and backslash
//! quote, and `$?` is the last exit status.
//!
//! What a shell would do beyond that (pipes, lists, redirection) is refused by name instead of
//! being handed to a command as an argument.

use core::fmt;

use crate::Text;
use crate::limits::{LINE_BYTES_MAX, WORDS_MAX};

/// Why a line has no words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyntaxError {
    /// A quote has no partner.
    Unterminated,
    /// An operator that this shell does not have.
    Operator(char),
    /// More words than a command takes.
    TooManyWords,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unterminated => f.write_str("syntax error: unterminated quoted string"),
            Self::Operator(operator) => {
                write!(f, "syntax error: '{operator}' is not supported (quote it: '\\{operator}')")
            }
            Self::TooManyWords => write!(f, "syntax error: more than {WORDS_MAX} words"),
        }
    }
}

/// The words of a line, without their quotes.
#[derive(Debug, Default)]
pub struct Words {
    text: heapless::String<LINE_BYTES_MAX>,
    /// Where in `text` each word ends; the next one begins there.
    ends: heapless::Vec<usize, WORDS_MAX>,
}

/// A word, one after another.
pub type List<'a> = heapless::Vec<&'a str, WORDS_MAX>;

impl Words {
    /// Splits a line; `$?` becomes `status`. No words: the line is blank, or a comment (`#`).
    ///
    /// # Errors
    /// [`SyntaxError`].
    pub fn parse(line: &str, status: u8) -> Result<Self, SyntaxError> {
        let mut words = Self::default();
        let mut characters = line.chars();
        // `Some(quote)` while within quotes; `begun` once the word exists, be it empty as in ''.
        let mut quote = None;
        let mut begun = false;
        while let Some(character) = characters.next() {
            match (character, quote) {
                (_, Some(open)) if character == open => quote = None,
                ('\\', Some('"') | None) => {
                    begun = true;
                    let next = characters.next();
                    // Within double quotes it quotes only itself and the quote; at the end,
                    // nothing.
                    if next.is_none_or(|next| quote.is_some() && !matches!(next, '"' | '\\')) {
                        words.push('\\');
                    }
                    next.into_iter().for_each(|next| words.push(next));
                }
                ('$', Some('"') | None) if characters.as_str().starts_with('?') => {
                    begun = true;
                    characters.next();
                    let digits = Text::<3>::of(format_args!("{status}"));
                    digits.chars().for_each(|digit| words.push(digit));
                }
                (_, Some(_)) => words.push(character),
                ('"' | '\'', None) => {
                    begun = true;
                    quote = Some(character);
                }
                (' ' | '\t', None) => {
                    if core::mem::take(&mut begun) {
                        words.end()?;
                    }
                }
                ('#', None) if !begun => break,
                ('|' | '&' | ';' | '<' | '>', None) => {
                    return Err(SyntaxError::Operator(character));
                }
                _ => {
                    begun = true;
                    words.push(character);
                }
            }
        }
        if quote.is_some() {
            return Err(SyntaxError::Unterminated);
        }
        if begun {
            words.end()?;
        }
        Ok(words)
    }

    fn push(&mut self, character: char) {
        // The editor's lines fit, and words are never longer than their line; a longer one is cut.
        let _ = self.text.push(character);
    }

    fn end(&mut self) -> Result<(), SyntaxError> {
        self.ends.push(self.text.len()).map_err(|_| SyntaxError::TooManyWords)
    }

    /// The words.
    pub fn list(&self) -> List<'_> {
        let mut start = 0;
        self.ends.iter().map(|&end| &self.text[core::mem::replace(&mut start, end)..end]).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Result<&[&str], SyntaxError>) {
        corpus::seed("shell_words", line.as_bytes());
        let words = Words::parse(line, 130);
        let words: Result<Vec<&str>, SyntaxError> = match &words {
            Ok(words) => Ok(words.list().iter().copied().collect()),
            Err(error) => Err(*error),
        };
        assert_eq!(words, expected.map(<[_]>::to_vec));
    }

    #[test]
    fn lines_as_a_shell_splits_them() {
        check("", Ok(&[]));
        check("  \t ", Ok(&[]));
        check("# a comment", Ok(&[]));
        check(" ifconfig  -a\teth0 ", Ok(&["ifconfig", "-a", "eth0"]));
        check("a 'b c' \"d  e\" f\\ g", Ok(&["a", "b c", "d  e", "f g"]));
        check("a''b '' \"\"", Ok(&["ab", "", ""]));
        check("'\\' \"\\\"\\\\\\n\" \\", Ok(&["\\", "\"\\\\n", "\\"]));
        check("a#b 'c#' # d", Ok(&["a#b", "c#"]));
        check("$? \"<$?>\" '$?' \\$? $x", Ok(&["130", "<130>", "$?", "$?", "$x"]));
        check("wget 'http://x/?a&b' \\|", Ok(&["wget", "http://x/?a&b", "|"]));
    }

    #[test]
    fn lines_that_are_refused() {
        check("say 'hello", Err(SyntaxError::Unterminated));
        check("say \"hello'", Err(SyntaxError::Unterminated));
        check("dmesg | tail", Err(SyntaxError::Operator('|')));
        check("dmesg;exit", Err(SyntaxError::Operator(';')));
        check(&"a ".repeat(WORDS_MAX + 1), Err(SyntaxError::TooManyWords));
    }

    proptest! {
        #[test]
        fn any_line_has_words_or_an_error(line in "[ -~ä€]{0,300}") {
            if let Ok(words) = Words::parse(&line, 0) {
                prop_assert!(words.list().len() <= WORDS_MAX);
            }
        }
    }
}
