//! Web addresses (RFC 3986), as far as `http:` goes: what was typed, and where a redirection leads.

use core::fmt::{self, Write as _};
use core::ops::Range;

use crate::Text;
use crate::limits::{WGET_URL_BYTES_MAX, WGET_URL_SEGMENTS_MAX};

/// The port of HTTP.
const HTTP_PORT: u16 = 80;

/// An address that can be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// The whole of it, as it is told and as a redirection starts from it.
    text: Text<WGET_URL_BYTES_MAX>,
    host: Range<usize>,
    /// Its port.
    pub port: u16,
    path: usize,
    /// More segments than are looked at.
    is_too_deep: bool,
}

/// What is wrong with an address, in the words of wget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong<'a> {
    /// Not one that we speak.
    Scheme(&'a str),
    /// TLS is not there.
    Https,
    /// No host.
    Host,
    /// No number, or too large.
    Port,
    /// An IPv6 address without its end.
    Unterminated,
    /// No IPv6 address between the brackets.
    Address,
    /// It names a user.
    User,
    /// More than [`WGET_URL_BYTES_MAX`].
    TooLong,
}

impl fmt::Display for Wrong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme(name) => write!(f, "Unsupported scheme ‘{name}’"),
            Self::Https => f.write_str("HTTPS support not compiled in"),
            Self::Host => f.write_str("Invalid host name"),
            Self::Port => f.write_str("Bad port number"),
            Self::Unterminated => f.write_str("Unterminated IPv6 numeric address"),
            Self::Address => f.write_str("Invalid IPv6 numeric address"),
            Self::User => f.write_str("Invalid user name"),
            Self::TooLong => f.write_str("URL too long"),
        }
    }
}

impl Url {
    /// Reads what a user typed: without a scheme it is `http:`.
    ///
    /// # Errors
    /// [`Wrong`].
    pub fn typed(text: &str) -> Result<Self, Wrong<'_>> {
        if text.contains("://") {
            return Self::absolute(text);
        }
        // `host:name` is the short form of ftp.
        let after = text.find([':', '/']).map_or("", |at| &text[at..]);
        match after.strip_prefix(':').map(|port| port.split('/').next().unwrap_or_default()) {
            Some(port) if !is_number(port) => Err(Wrong::Scheme("ftp")),
            _ => Self::after_scheme(text),
        }
    }

    fn absolute(text: &str) -> Result<Self, Wrong<'_>> {
        let (scheme, rest) = text.split_once("://").ok_or(Wrong::Host)?;
        match scheme {
            _ if scheme.eq_ignore_ascii_case("http") => Self::after_scheme(rest),
            _ if scheme.eq_ignore_ascii_case("https") => Err(Wrong::Https),
            _ => Err(Wrong::Scheme(scheme)),
        }
    }

    /// What follows `http://`.
    fn after_scheme<'a>(text: &str) -> Result<Self, Wrong<'a>> {
        let end = text.find(['/', '?', '#']).unwrap_or(text.len());
        let (authority, rest) = text.split_at(end);
        if authority.contains('@') {
            return Err(Wrong::User);
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(inner) => {
                let (address, after) = inner.split_once(']').ok_or(Wrong::Unterminated)?;
                address.parse::<core::net::Ipv6Addr>().map_err(|_| Wrong::Address)?;
                let port = if after.is_empty() { None } else { after.strip_prefix(':') };
                (address, if after.is_empty() { None } else { Some(port.ok_or(Wrong::Host)?) })
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let port = match port {
            None | Some("") => HTTP_PORT,
            Some(port) => port.parse().ok().filter(|_| is_number(port)).ok_or(Wrong::Port)?,
        };
        let is_name = |byte: u8| byte.is_ascii_graphic() && !b"%\"<>\\^`{|}".contains(&byte);
        if host.is_empty() || !host.bytes().all(is_name) {
            return Err(Wrong::Host);
        }
        let mut url = Self { text: Text::new(), host: 0..0, port, path: 0, is_too_deep: false };
        url.build(host, rest);
        if url.text.was_cut() || url.is_too_deep { Err(Wrong::TooLong) } else { Ok(url) }
    }

    /// Puts the text together. What does not fit is cut, which the text tells.
    fn build(&mut self, host: &str, rest: &str) {
        let brackets = if host.contains(':') { ("[", "]") } else { ("", "") };
        let text = &mut self.text;
        // None of these fails: a Text is cut.
        let _ = write!(text, "http://{}", brackets.0);
        let start = text.len();
        for character in host.chars() {
            let _ = text.write_char(character.to_ascii_lowercase());
        }
        self.host = start..text.len();
        let _ = text.write_str(brackets.1);
        if self.port != HTTP_PORT {
            let _ = write!(text, ":{}", self.port);
        }
        self.path = text.len();
        let rest = rest.split('#').next().unwrap_or_default();
        let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        let mut segments = heapless::Vec::<&str, WGET_URL_SEGMENTS_MAX>::new();
        let mut parts = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
        while let Some(part) = parts.next() {
            match part {
                ".." => drop(segments.pop()),
                "." => {}
                part => self.is_too_deep |= segments.push(part).is_err(),
            }
            if matches!(part, "." | "..") && parts.peek().is_none() {
                self.is_too_deep |= segments.push("").is_err();
            }
        }
        for segment in &segments {
            let _ = self.text.write_str("/");
            self.escape(segment);
        }
        self.escape(query);
    }

    /// Appends a part of a path or a query; what may not stand there is escaped.
    fn escape(&mut self, part: &str) {
        for byte in part.bytes() {
            let _ = match byte {
                b'!' | b'#'..=b';' | b'=' | b'?'..=b'[' | b']' | b'_' | b'a'..=b'z' | b'~' => {
                    self.text.write_char(char::from(byte))
                }
                other => write!(self.text, "%{other:02X}"),
            };
        }
    }

    /// Where a redirection leads, relative to where it was found (RFC 3986 5.2).
    ///
    /// # Errors
    /// [`Wrong`].
    pub fn follow<'a>(&self, location: &'a str) -> Result<Self, Wrong<'a>> {
        let is_absolute = location.split(['/', '?', '#']).next().is_some_and(|first| {
            first.split_once(':').is_some_and(|(scheme, _)| {
                !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
            })
        });
        if is_absolute {
            return Self::absolute(location);
        }
        if let Some(rest) = location.strip_prefix("//") {
            return Self::after_scheme(rest);
        }
        let path = self.path();
        let folder = match location.as_bytes().first() {
            Some(b'/') => "",
            Some(b'?') => path.split('?').next().unwrap_or_default(),
            None | Some(b'#') => path,
            _ => {
                let end = path.find('?').unwrap_or(path.len());
                path[..end].rfind('/').map_or("/", |slash| &path[..=slash])
            }
        };
        let mut merged = Text::<WGET_URL_BYTES_MAX>::new();
        // A Text never fails: it is cut, which it tells.
        let _ = write!(merged, "{}{folder}{location}", self.authority());
        if merged.was_cut() {
            return Err(Wrong::TooLong);
        }
        Self::after_scheme(&merged)
    }

    /// The host, without brackets.
    pub fn host(&self) -> &str {
        &self.text[self.host.clone()]
    }

    /// Host and port as a request names them.
    pub fn authority(&self) -> &str {
        &self.text["http://".len()..self.path]
    }

    /// Path and query.
    pub fn path(&self) -> &str {
        &self.text[self.path..]
    }

    /// The name that a file would have.
    pub fn file(&self) -> &str {
        let path = self.path();
        let end = path.find('?').unwrap_or(path.len());
        let name = path[..end].rfind('/').map_or(path, |slash| &path[slash + 1..]);
        if name.is_empty() { "index.html" } else { name }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn addresses_as_they_are_typed() {
        for (typed, expected) in [
            ("192.0.2.1/favicon.ico", "http://192.0.2.1/favicon.ico"),
            ("HTTP://Example.COM", "http://example.com/"),
            ("http://example.com:80/a b?c d#e", "http://example.com/a%20b?c%20d"),
            ("example.com:81", "http://example.com:81/"),
            ("http://[2001:db8::1]:81/", "http://[2001:db8::1]:81/"),
            ("http://a/b/../c/./d/..", "http://a/c/"),
            ("http://a?q", "http://a/?q"),
            ("http://a/%41\u{e9}", "http://a/%41%C3%A9"),
        ] {
            assert_eq!(Url::typed(typed).unwrap().to_string(), expected, "{typed}");
        }
        let long = std::format!("http://a/{}", "x".repeat(WGET_URL_BYTES_MAX));
        let deep = std::format!("http://a/{}", "x/".repeat(WGET_URL_SEGMENTS_MAX));
        for (typed, wrong) in [
            ("https://a/", Wrong::Https),
            ("ftp://a/", Wrong::Scheme("ftp")),
            ("a:b/", Wrong::Scheme("ftp")),
            ("http:///x", Wrong::Host),
            ("http://a b/", Wrong::Host),
            ("http://a:99999/", Wrong::Port),
            ("http://a:x/", Wrong::Port),
            ("http://[::1/", Wrong::Unterminated),
            ("http://[x]/", Wrong::Address),
            ("http://u:p@a/", Wrong::User),
            (&long, Wrong::TooLong),
            (&deep, Wrong::TooLong),
        ] {
            assert_eq!(Url::typed(typed), Err(wrong), "{typed}");
        }
    }

    #[test]
    fn redirections() {
        let from = Url::typed("http://a:81/b/c?d").unwrap();
        for (location, expected) in [
            ("/x", "http://a:81/x"),
            ("x?y:z", "http://a:81/b/x?y:z"),
            ("?y", "http://a:81/b/c?y"),
            ("../x", "http://a:81/x"),
            ("../../x", "http://a:81/x"),
            ("//e/f", "http://e/f"),
            ("http://e/f#g", "http://e/f"),
            ("#g", "http://a:81/b/c?d"),
        ] {
            assert_eq!(from.follow(location).unwrap().to_string(), expected, "{location}");
        }
        assert_eq!(from.follow("https://a/"), Err(Wrong::Https));
        let [file, none] = ["http://a/b/c.ico?x/y", "http://a/b/"].map(Url::typed);
        assert_eq!((file.unwrap().file(), none.unwrap().file()), ("c.ico?x/y", "index.html"));
    }
}
