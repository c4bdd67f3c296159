//! An HTTP response as a client reads it (RFC 9112): the head, and content by length, in chunks or
//! up to the end of the connection. No I/O.

/// A head that is whole.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    text: &'a str,
    /// The status.
    pub status: u16,
}

/// What the bytes received so far are.
#[derive(Clone, Copy, Debug)]
pub enum Parsed<'a> {
    /// A head, and how many bytes it has.
    Whole(Head<'a>, usize),
    /// The beginning of one.
    Incomplete,
    /// None: the content begins at once, as in HTTP 0.9.
    None,
}

impl<'a> Head<'a> {
    /// Reads a head off the front of `bytes`. Characters that are none are not looked at.
    pub fn parse(bytes: &'a [u8]) -> Parsed<'a> {
        const START: &[u8] = b"HTTP/";
        let begun = bytes.len().min(START.len());
        if bytes[..begun] != START[..begun] {
            return Parsed::None;
        }
        let mut ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let is_last = |&(at, _): &(usize, &u8)| {
            let rest = &bytes[at + 1..];
            rest.starts_with(b"\n") || rest.starts_with(b"\r\n")
        };
        let Some((end, _)) = ends.find(is_last) else { return Parsed::Incomplete };
        let length = end + if bytes[end + 1] == b'\n' { 2 } else { 3 };
        let head = &bytes[..end];
        let text = match core::str::from_utf8(head) {
            Ok(text) => text,
            // What is valid up to there.
            Err(error) => core::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
        };
        let status = text.split(' ').nth(1).and_then(|word| word.get(..3)?.parse().ok());
        Parsed::Whole(Head { text, status: status.unwrap_or(0) }, length)
    }

    /// Its lines, the first one included.
    pub fn lines(&self) -> impl Iterator<Item = &'a str> {
        self.text.lines().map(str::trim_end)
    }

    /// The reason that follows the status.
    pub fn reason(&self) -> &'a str {
        let line = self.lines().next().unwrap_or_default();
        line.splitn(3, ' ').nth(2).unwrap_or_default().trim()
    }

    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&'a str> {
        self.lines().skip(1).find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// The type of the content, without parameters.
    pub fn content_type(&self) -> Option<&'a str> {
        self.field("Content-Type")?.split(';').next().map(str::trim)
    }

    /// How the content is delimited.
    pub fn framing(&self) -> Framing {
        if matches!(self.status, 100..=199 | 204 | 304) {
            return Framing::Nothing;
        }
        let coding = self.field("Transfer-Encoding");
        if coding.is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return Framing::Chunked(Chunk::Size(0));
        }
        match self.field("Content-Length").and_then(|length| length.parse().ok()) {
            Some(length) => Framing::Length(length),
            None => Framing::Close,
        }
    }
}

/// How content is delimited, and what is still to come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none, whatever the head says.
    Nothing,
    /// So many bytes.
    Length(u64),
    /// By the end of the connection.
    Close,
    /// In chunks.
    Chunked(Chunk),
}

/// Where in the chunks we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// In the line of its size, which is this much so far.
    Size(u64),
    /// Behind the size: extensions.
    Extension(u64),
    /// Within the data, of which so much is to come.
    Data(u64),
    /// In the line's end behind the data.
    End,
    /// In the fields behind the last chunk; true: at the start of a line.
    Trailer(bool),
    /// Behind everything.
    Done,
}

/// What is wrong with the chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadChunk;

impl Framing {
    /// True if all of the content came.
    pub const fn is_done(self) -> bool {
        matches!(self, Self::Nothing | Self::Length(0) | Self::Chunked(Chunk::Done))
    }

    /// True if the end of the connection is an end of the content.
    pub const fn ends_by_close(self) -> bool {
        matches!(self, Self::Close) || self.is_done()
    }

    /// Takes bytes off the front of what was received: the first that are content, and how many
    /// were used up for them. Call it until the bytes are used up or it is done.
    ///
    /// # Errors
    /// [`BadChunk`].
    pub fn take<'b>(&mut self, bytes: &'b [u8]) -> Result<(&'b [u8], usize), BadChunk> {
        let up_to = |left: u64| bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        match self {
            Self::Nothing => Ok((&[], 0)),
            Self::Close => Ok((bytes, bytes.len())),
            Self::Length(left) => {
                let count = up_to(*left);
                *left -= count as u64;
                Ok((&bytes[..count], count))
            }
            Self::Chunked(Chunk::Data(left)) => {
                let count = up_to(*left);
                *left -= count as u64;
                if *left == 0 {
                    *self = Self::Chunked(Chunk::End);
                }
                Ok((&bytes[..count], count))
            }
            Self::Chunked(chunk) => {
                let Some(byte) = bytes.first() else { return Ok((&[], 0)) };
                *chunk = chunk.after(*byte)?;
                Ok((&[], 1))
            }
        }
    }
}

impl Chunk {
    /// Behind one more byte that is not data.
    fn after(self, byte: u8) -> Result<Self, BadChunk> {
        Ok(match (self, byte) {
            (Self::Size(size) | Self::Extension(size), b'\n') => match size {
                0 => Self::Trailer(true),
                size => Self::Data(size),
            },
            (Self::Size(size), b';' | b' ' | b'\t' | b'\r') => Self::Extension(size),
            (Self::Size(size), _) => {
                let digit = char::from(byte).to_digit(16).ok_or(BadChunk)?;
                Self::Size(size.checked_mul(16).ok_or(BadChunk)? + u64::from(digit))
            }
            (Self::Extension(size), _) => Self::Extension(size),
            (Self::End, b'\r') => Self::End,
            (Self::End, b'\n') => Self::Size(0),
            (Self::End, _) => return Err(BadChunk),
            (Self::Trailer(true), b'\n') => Self::Done,
            (Self::Trailer(start), b'\r') => Self::Trailer(start),
            (Self::Trailer(_), b'\n') => Self::Trailer(true),
            (Self::Trailer(_), _) => Self::Trailer(false),
            (state @ (Self::Data(_) | Self::Done), _) => state,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::vec::Vec;

    use super::*;

    fn head(text: &str) -> Head<'_> {
        match Head::parse(text.as_bytes()) {
            Parsed::Whole(head, _) => head,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn heads() {
        let text = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nX:y\r\n\r\nabc";
        let Parsed::Whole(whole, length) = Head::parse(text.as_bytes()) else { panic!("{text}") };
        assert_eq!(&text[length..], "abc");
        assert_eq!((whole.status, whole.reason()), (200, "OK"));
        assert_eq!((whole.content_type(), whole.field("x")), (Some("text/html"), Some("y")));
        assert_eq!(whole.lines().count(), 3);
        for cut in 0..length {
            let parsed = Head::parse(&text.as_bytes()[..cut]);
            assert!(matches!(parsed, Parsed::Incomplete), "{cut}: {parsed:?}");
        }
        assert_eq!(head("HTTP/1.0 404\n\n").reason(), "");
        assert_eq!(head("HTTP/1.0 abc x\n\n").status, 0);
        assert!(matches!(Head::parse(b"garbage"), Parsed::None));
        assert_eq!(head("HTTP/1.1 204 x\r\n\r\n").framing(), Framing::Nothing);
        assert_eq!(head("HTTP/1.1 200 x\r\nA: b\r\n\r\n").framing(), Framing::Close);
        let long = "HTTP/1.1 200 x\r\nContent-Length: 7\r\n\r\n";
        assert_eq!(head(long).framing(), Framing::Length(7));
    }

    fn content(mut framing: Framing, wire: &str, piece: usize) -> Result<(String, bool), BadChunk> {
        let mut all = Vec::new();
        for mut bytes in wire.as_bytes().chunks(piece) {
            while !bytes.is_empty() && !framing.is_done() {
                let (data, used) = framing.take(bytes)?;
                all.extend_from_slice(data);
                bytes = &bytes[used..];
            }
        }
        Ok((String::from_utf8(all).unwrap(), framing.is_done()))
    }

    #[test]
    fn content_in_pieces_of_any_size() {
        let chunks = "5\r\nhello\r\nA;x=y\r\n0123456789\r\n00\r\nField: x\r\n\r\nrest";
        for piece in 1..=chunks.len() {
            let chunked = Framing::Chunked(Chunk::Size(0));
            let all = content(chunked, chunks, piece).unwrap();
            assert_eq!(all, ("hello0123456789".into(), true), "{piece}");
            let all = content(Framing::Length(7), chunks, piece).unwrap();
            assert_eq!(all, (chunks[..7].into(), true), "{piece}");
            assert_eq!(content(Framing::Close, chunks, piece), Ok((chunks.into(), false)));
        }
        for bad in ["zz\r\n", "5\r\nhelloX", "11111111111111111\r\n"] {
            assert_eq!(content(Framing::Chunked(Chunk::Size(0)), bad, 3), Err(BadChunk), "{bad}");
        }
        assert_eq!(
            content(Framing::Chunked(Chunk::Size(0)), "5\r\nhel", 3),
            Ok(("hel".into(), false))
        );
    }
}
