//! Options as getopt_long(3) reads them: clusters of letters, long names, and `--` to end them.

/// One argument of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument<'a> {
    /// `-a`, also out of a cluster as `-ab`.
    Short(char),
    /// `--name`, without the hyphens.
    Long(&'a str),
    /// Anything else, `-` included.
    Operand(&'a str),
}

/// The arguments, one after another.
#[derive(Debug)]
pub struct Options<'a> {
    words: core::slice::Iter<'a, &'a str>,
    cluster: core::str::Chars<'a>,
    operands_only: bool,
}

impl<'a> Options<'a> {
    /// Reads these arguments.
    pub fn new(arguments: &'a [&'a str]) -> Self {
        Self { words: arguments.iter(), cluster: "".chars(), operands_only: false }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = Argument<'a>;

    fn next(&mut self) -> Option<Argument<'a>> {
        if let Some(letter) = self.cluster.next() {
            return Some(Argument::Short(letter));
        }
        let word = *self.words.next()?;
        if self.operands_only {
            return Some(Argument::Operand(word));
        }
        match word.strip_prefix('-') {
            None | Some("") => Some(Argument::Operand(word)),
            Some("-") => {
                self.operands_only = true;
                self.words.next().map(|&word| Argument::Operand(word))
            }
            Some(option) => match option.strip_prefix('-') {
                Some(name) => Some(Argument::Long(name)),
                None => {
                    self.cluster = option.chars();
                    self.cluster.next().map(Argument::Short)
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::Argument::{Long, Operand, Short};
    use super::*;

    #[test]
    fn arguments_as_getopt_reads_them() {
        let words = ["-ab", "eth0", "-", "--help", "--", "-c", "--"];
        let seen: Vec<_> = Options::new(&words).collect();
        let (a, b) = (Short('a'), Short('b'));
        let expected =
            [a, b, Operand("eth0"), Operand("-"), Long("help"), Operand("-c"), Operand("--")];
        assert_eq!(seen, expected);
    }
}
