//! An expression as words. Of several ways to read on, the longest counts.

use core::net::Ipv6Addr;

use super::error::Fault;
use super::keywords::{Keyword, keyword};

/// Characters of the longest IPv6 address, one that ends in an IPv4 address.
const IPV6_CHARACTERS_MAX: usize = 45;

/// A word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'e> {
    /// With a meaning of its own.
    Keyword(Keyword),
    /// A number.
    Number(u32),
    /// An IPv4 address, possibly of fewer than four parts, but of two at least.
    Ipv4(&'e str),
    /// An IPv6 address.
    Ipv6(Ipv6Addr, &'e str),
    /// An Ethernet address.
    Ethernet([u8; 6]),
    /// A name.
    Name(&'e str),
    /// A character of an operator or parentheses.
    Sign(char),
    /// `>=`, `<=`, `!=`, `<<`, `>>`.
    GreaterOrEqual,
    LessOrEqual,
    NotEqual,
    ShiftLeft,
    ShiftRight,
    /// What cannot be read.
    Wrong(Fault<'e>),
    /// Nothing more.
    End,
}

/// Reads words; can be copied to look ahead.
#[derive(Clone, Copy, Debug)]
pub struct Lexer<'e> {
    expression: &'e str,
    /// Where the next word is looked for.
    next: usize,
}

impl<'e> Lexer<'e> {
    /// At the start.
    pub const fn new(expression: &'e str) -> Self {
        Self { expression, next: 0 }
    }

    /// What is read.
    pub const fn expression(&self) -> &'e str {
        self.expression
    }

    /// Where the next word is looked for: the end of the last one.
    pub const fn position(&self) -> usize {
        self.next
    }

    /// The next word and where it starts.
    pub fn next(&mut self) -> (Token<'e>, usize) {
        let rest = self.expression.get(self.next..).unwrap_or_default();
        let trimmed = rest.trim_start_matches([' ', '\r', '\n', '\t']);
        let at = self.expression.len() - trimmed.len();
        let (token, length) = token(trimmed);
        self.next = at + length;
        (token, at)
    }
}

/// The word that `text` starts with, and its length.
fn token(text: &str) -> (Token<'_>, usize) {
    let Some(first) = text.chars().next() else { return (Token::End, 0) };
    // In the order in which the same length is decided.
    let readings = [
        ethernet(text),
        number(text),
        ipv4(text),
        ipv6(text),
        bogus_ethernet(text),
        word(text),
        escaped(text),
        sign(text),
    ];
    let mut best = (Token::Wrong(Fault::Syntax), first.len_utf8());
    let mut longest = 0;
    for reading in readings.into_iter().flatten() {
        if reading.1 > longest {
            best = reading;
            longest = reading.1;
        }
    }
    best
}

type Reading<'e> = Option<(Token<'e>, usize)>;

fn sign(text: &str) -> Reading<'_> {
    let double = text.get(..2).and_then(|pair| {
        Some(match pair {
            ">=" => Token::GreaterOrEqual,
            "<=" => Token::LessOrEqual,
            "!=" => Token::NotEqual,
            "==" => Token::Sign('='),
            "<<" => Token::ShiftLeft,
            ">>" => Token::ShiftRight,
            "&&" => Token::Keyword(Keyword::And),
            "||" => Token::Keyword(Keyword::Or),
            _ => return None,
        })
    });
    if let Some(token) = double {
        return Some((token, 2));
    }
    let first = text.chars().next()?;
    match first {
        '!' => Some((Token::Keyword(Keyword::Not), 1)),
        _ => "+-*/%:[]<>()&|^=".contains(first).then_some((Token::Sign(first), 1)),
    }
}

/// Letters, digits, dots, and within them hyphens and underlines.
fn word(text: &str) -> Reading<'_> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let word = text.get(..end)?.trim_end_matches(['-', '_']);
    if !word.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let token = keyword(word).map_or(Token::Name(word), Token::Keyword);
    Some((token, word.len()))
}

/// A name behind a backslash, which is no keyword.
fn escaped(text: &str) -> Reading<'_> {
    let rest = text.strip_prefix('\\')?;
    let end = rest.find([' ', '!', '(', ')', '\n', '\t']).unwrap_or(rest.len());
    let name = rest.get(..end).filter(|name| !name.is_empty())?;
    Some((Token::Name(name), end + 1))
}

/// The length of a number at the start: decimal digits, or hexadecimal ones behind `0x`.
fn digits(text: &str) -> usize {
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let count = |text: &str, is_digit: fn(&u8) -> bool| text.bytes().take_while(is_digit).count();
    match hexadecimal.map(|rest| count(rest, u8::is_ascii_hexdigit)) {
        Some(digits @ 1..) => digits + 2,
        _ => count(text, u8::is_ascii_digit),
    }
}

fn number(text: &str) -> Reading<'_> {
    let length = digits(text);
    let digits = text.get(..length).filter(|digits| !digits.is_empty())?;
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let value = match (hexadecimal, digits.strip_prefix('0')) {
        (Some(digits), _) => u32::from_str_radix(digits, 16),
        (None, Some("") | None) => digits.parse(),
        (None, Some(octal)) if octal.contains(['8', '9']) => {
            // The number may be too large before the digit that is wrong.
            let right = octal.find(['8', '9']).and_then(|at| octal.get(..at)).unwrap_or_default();
            let is_small = right.is_empty() || u32::from_str_radix(right, 8).is_ok();
            let fault = if is_small { Fault::NotOctal } else { Fault::NumberOverflow };
            return Some((Token::Wrong(fault(digits)), length));
        }
        (None, Some(octal)) => u32::from_str_radix(octal, 8),
    };
    let token = value.map_or(Token::Wrong(Fault::NumberOverflow(digits)), Token::Number);
    Some((token, length))
}

/// Two to four numbers with dots between.
fn ipv4(text: &str) -> Reading<'_> {
    let mut length = digits(text);
    let mut parts = 1;
    if length == 0 {
        return None;
    }
    while parts < 4 {
        let more = text.get(length..)?.strip_prefix('.').map_or(0, digits);
        if more == 0 {
            break;
        }
        length += 1 + more;
        parts += 1;
    }
    (parts > 1).then_some((Token::Ipv4(text.get(..length)?), length))
}

fn ipv6(text: &str) -> Reading<'_> {
    let is_part = |c: char| c.is_ascii_hexdigit() || c == ':' || c == '.';
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len()).min(IPV6_CHARACTERS_MAX);
    let longest = (2..=end).rev().find_map(|length| {
        let text = text.get(..length).filter(|text| text.contains(':'))?;
        text.parse().ok().map(|address| (address, text))
    });
    longest.map(|(address, text)| (Token::Ipv6(address, text), text.len()))
}

/// One or two hexadecimal digits.
fn octet(text: &str) -> Option<(u8, &str)> {
    let count = text.bytes().take(2).take_while(u8::is_ascii_hexdigit).count();
    let (digits, rest) = text.split_at_checked(count)?;
    Some((u8::from_str_radix(digits, 16).ok()?, rest))
}

/// `aa:bb:cc:dd:ee:ff`, with hyphens or dots, `aabb.ccdd.eeff` or `aabbccddeeff`.
fn ethernet(text: &str) -> Reading<'_> {
    let octets = |separators: [&str; 5]| {
        let mut address = [0; 6];
        let mut rest = text;
        for (index, slot) in address.iter_mut().enumerate() {
            if let Some(separator) = index.checked_sub(1).and_then(|at| separators.get(at)) {
                rest = rest.strip_prefix(separator)?;
            }
            let before = rest.len();
            let (value, after) = octet(rest)?;
            // Without a separator behind them, or before, octets have two digits.
            let is_short = before - after.len() == 1;
            if is_short && separators.contains(&"") {
                return None;
            }
            *slot = value;
            rest = after;
        }
        Some((Token::Ethernet(address), text.len() - rest.len()))
    };
    [[":"; 5], ["-"; 5], ["."; 5], ["", ".", "", ".", ""], [""; 5]].into_iter().find_map(octets)
}

/// What has colons like an Ethernet address, and ends in one.
fn bogus_ethernet(text: &str) -> Reading<'_> {
    let mut rest = text;
    let mut groups = 0;
    while let Some((_, after)) = octet(rest) {
        let behind = after.trim_start_matches(':');
        if behind.len() == after.len() {
            break;
        }
        rest = behind;
        groups += 1;
    }
    let length = text.len() - rest.len();
    let bogus = text.get(..length)?;
    (groups >= 2).then_some((Token::Wrong(Fault::BogusEthernet(bogus)), length))
}
