//! Options as getopt_long(3) reads them: clusters of letters, values behind or after them, long
//! names and their beginnings, and `--` to end them.

use core::fmt;

use super::about::{About, Order};

/// An option of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opt {
    /// Its letter; empty: it has none.
    pub short: &'static str,
    /// Its long name; empty: it has none.
    pub long: &'static str,
    /// The name of its value as the usage shows it; empty: it takes none.
    pub value: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
}

/// An option without a value: `flag("a", "all", "show all")`.
pub const fn flag(short: &'static str, long: &'static str, summary: &'static str) -> Opt {
    Opt { short, long, value: "", summary }
}

/// An option with a value: `value("c", "count", "COUNT", "stop after COUNT replies")`.
pub const fn value(
    short: &'static str,
    long: &'static str,
    value: &'static str,
    summary: &'static str,
) -> Opt {
    Opt { short, long, value, summary }
}

impl Opt {
    /// How a command knows it: by its long name or, without one, by its letter.
    pub const fn name(&self) -> &'static str {
        if self.long.is_empty() { self.short } else { self.long }
    }
}

/// What every command understands unless its own table gives `h` another meaning.
pub const HELP: Opt = flag("h", "help", "tell how it is used");

/// One argument of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument<'a> {
    /// An option by [`Opt::name`], and its value, which is empty for one that takes none.
    Option(&'static str, &'a str),
    /// Anything else, `-` included.
    Operand(&'a str),
}

/// Why arguments cannot be understood. It prints as getopt_long(3) of the GNU C library does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong<'a> {
    /// No option has this letter.
    Letter(char),
    /// No option has this long name.
    Name(&'a str),
    /// Several long names begin like this.
    Ambiguous(&'a str),
    /// The value of this letter is missing.
    LetterNeedsValue(&'static str),
    /// The value of this long name is missing.
    NameNeedsValue(&'static str),
    /// This long name takes no value.
    NoValue(&'static str),
}

impl fmt::Display for Wrong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Letter(letter) => write!(f, "invalid option -- '{letter}'"),
            Self::Name(name) => write!(f, "unrecognized option '--{name}'"),
            Self::Ambiguous(name) => write!(f, "option '--{name}' is ambiguous"),
            Self::LetterNeedsValue(letter) => {
                write!(f, "option requires an argument -- '{letter}'")
            }
            Self::NameNeedsValue(name) => write!(f, "option '--{name}' requires an argument"),
            Self::NoValue(name) => write!(f, "option '--{name}' doesn't allow an argument"),
        }
    }
}

/// What a look at all arguments before the command begins found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked<'a> {
    /// Nothing wrong.
    Fine,
    /// The usage is asked for.
    Help,
    /// This is wrong.
    Wrong(Wrong<'a>),
}

/// The arguments of a command, one after another. Whoever runs commands looks at them first by
/// [`Arguments::check`], so that a command meets no mistake.
#[derive(Clone, Debug)]
pub struct Arguments<'a> {
    table: &'static [Opt],
    order: Order,
    words: core::slice::Iter<'a, &'a str>,
    /// What is left of a word of several letters.
    cluster: &'a str,
    operands_only: bool,
}

impl<'a> Arguments<'a> {
    /// Reads these words by the table of a command.
    pub fn new(about: &About, words: &'a [&'a str]) -> Self {
        Self {
            table: about.options,
            order: about.order,
            words: words.iter(),
            cluster: "",
            operands_only: about.order == Order::Raw,
        }
    }

    /// Looks at all of them: the first mistake or wish for the usage is told.
    pub fn check(about: &About, words: &'a [&'a str]) -> Checked<'a> {
        if let (Order::Raw, ["-h" | "--help"]) = (about.order, words) {
            return Checked::Help;
        }
        let mut arguments = Self::new(about, words);
        loop {
            match arguments.read() {
                None => return Checked::Fine,
                Some(Err(wrong)) => return Checked::Wrong(wrong),
                Some(Ok(Argument::Option(name, _))) if name == HELP.name() => {
                    return Checked::Help;
                }
                Some(Ok(_)) => {}
            }
        }
    }

    /// The words that were not read yet, whatever they are.
    pub fn rest(&self) -> &'a [&'a str] {
        self.words.as_slice()
    }

    fn read(&mut self) -> Option<Result<Argument<'a>, Wrong<'a>>> {
        if let Some(letter) = self.cluster.chars().next() {
            self.cluster = &self.cluster[letter.len_utf8()..];
            return Some(self.letter(letter));
        }
        let word = *self.words.next()?;
        let option = if self.operands_only { None } else { word.strip_prefix('-') };
        Some(match option {
            None | Some("") => {
                self.operands_only |= self.order == Order::OptionsFirst;
                Ok(Argument::Operand(word))
            }
            Some("-") => {
                self.operands_only = true;
                return self.read();
            }
            Some(option) => match option.strip_prefix('-') {
                Some(name) => self.name(name),
                None => {
                    self.cluster = option;
                    return self.read();
                }
            },
        })
    }

    /// The option of a letter; its value is the rest of the word or the next one.
    fn letter(&mut self, letter: char) -> Result<Argument<'a>, Wrong<'a>> {
        let mut text = [0; 4];
        let text: &str = letter.encode_utf8(&mut text);
        let mut known = self.table.iter().chain([&HELP]);
        let option = known.find(|known| known.short == text).ok_or(Wrong::Letter(letter))?;
        if option.value.is_empty() {
            return Ok(Argument::Option(option.name(), ""));
        }
        let value = match core::mem::take(&mut self.cluster) {
            "" => self.words.next().copied().ok_or(Wrong::LetterNeedsValue(option.short))?,
            rest => rest,
        };
        Ok(Argument::Option(option.name(), value))
    }

    /// The option of a long name or its beginning; its value follows `=` or is the next word.
    fn name(&mut self, word: &'a str) -> Result<Argument<'a>, Wrong<'a>> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let known = || self.table.iter().chain([&HELP]).filter(|known| !known.long.is_empty());
        let mut begins = known().filter(|known| known.long.starts_with(name));
        let exact = known().find(|known| known.long == name);
        let option = match (exact, begins.next(), begins.next()) {
            (Some(option), ..) | (None, Some(option), None) => option,
            (None, None, _) => return Err(Wrong::Name(word)),
            (None, Some(_), Some(_)) => return Err(Wrong::Ambiguous(word)),
        };
        let value = match (option.value, value) {
            ("", None) => "",
            ("", Some(_)) => return Err(Wrong::NoValue(option.long)),
            (_, Some(value)) => value,
            (_, None) => self.words.next().copied().ok_or(Wrong::NameNeedsValue(option.long))?,
        };
        Ok(Argument::Option(option.name(), value))
    }
}

impl<'a> Iterator for Arguments<'a> {
    type Item = Argument<'a>;

    fn next(&mut self) -> Option<Argument<'a>> {
        self.read()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec::Vec;

    use super::Argument::{Operand, Option as Given};
    use super::*;

    const ABOUT: About = About {
        options: &[
            flag("a", "all", ""),
            flag("b", "", ""),
            value("c", "count", "COUNT", ""),
            flag("", "cold", ""),
        ],
        ..About::NEW
    };

    #[track_caller]
    fn check(about: &About, words: &[&str], expected: &[Argument<'_>]) {
        assert_eq!(Arguments::check(about, words), Checked::Fine);
        assert_eq!(Arguments::new(about, words).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn arguments_as_getopt_reads_them() {
        let (a, b) = (Given("all", ""), Given("b", ""));
        check(
            &ABOUT,
            &["-ab", "eth0", "-", "--all", "--", "-c", "--"],
            &[a, b, Operand("eth0"), Operand("-"), a, Operand("-c"), Operand("--")],
        );
        let three = Given("count", "3");
        check(
            &ABOUT,
            &["-c3", "-bc", "3", "--count=3", "--count", "3"],
            &[three, b, three, three, three],
        );
        check(
            &ABOUT,
            &["--al", "--col", "--cou", "", "-c", "-a"],
            &[a, Given("cold", ""), Given("count", ""), Given("count", "-a")],
        );
        let first = About { order: Order::OptionsFirst, ..ABOUT };
        check(&first, &["-a", "x", "-b"], &[a, Operand("x"), Operand("-b")]);
        let raw = About { order: Order::Raw, ..ABOUT };
        check(&raw, &["-x", "--", "-h"], &[Operand("-x"), Operand("--"), Operand("-h")]);
    }

    #[test]
    fn mistakes_in_the_words_of_glibc() {
        let rows: [(&[&str], &str); 8] = [
            (&["-az"], "invalid option -- 'z'"),
            (&["-ä"], "invalid option -- 'ä'"),
            (&["x", "--nothing=1"], "unrecognized option '--nothing=1'"),
            (&["--co"], "option '--co' is ambiguous"),
            (&["-c"], "option requires an argument -- 'c'"),
            (&["--count"], "option '--count' requires an argument"),
            (&["--all=1"], "option '--all' doesn't allow an argument"),
            (&["-z", "-h"], "invalid option -- 'z'"),
        ];
        for (words, expected) in rows {
            match Arguments::check(&ABOUT, words) {
                Checked::Wrong(wrong) => assert_eq!(wrong.to_string(), expected),
                other => panic!("{words:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_usage_is_asked_for() {
        let raw = About { order: Order::Raw, ..ABOUT };
        for words in [&["-h"][..], &["-ah"], &["x", "--help"], &["--he"], &["-h", "-z"]] {
            assert_eq!(Arguments::check(&ABOUT, words), Checked::Help, "{words:?}");
        }
        assert_eq!(Arguments::check(&raw, &["--help"]), Checked::Help);
        assert_eq!(Arguments::check(&raw, &["x", "-h"]), Checked::Fine);
        assert_eq!(Arguments::check(&ABOUT, &["--", "-h"]), Checked::Fine);
        const OWN: &[Opt] = &[flag("h", "human", "")];
        let own = About { options: OWN, ..ABOUT };
        assert_eq!(Arguments::check(&own, &["-h"]), Checked::Fine);
    }
}
