//! Files that are part of the image: what is in the folder `firmware/web`, each at the path of its
//! name, beside what gzip makes of it. `build.rs` writes the table.
//!
//! Which form, which part or nothing at all: that is decided here, without I/O (RFC 9110 12.5.3,
//! 13.1.2, 14.2).

use core::fmt::{self, Write};
use core::ops::Range;

use super::request::{Conditions, decimal};
use super::response::{Code, Kind};

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// A file.
#[derive(Debug)]
pub(super) struct File {
    /// Where it is found.
    pub path: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its form as it is, and what gzip makes of it if that is shorter.
    pub plain: Form,
    /// The latter.
    pub gzip: Option<Form>,
}

/// A form of a file.
#[derive(Debug)]
pub(super) struct Form {
    /// Its bytes.
    pub bytes: &'static [u8],
    /// Its entity tag, with quotes: another one whenever a byte differs.
    pub tag: &'static str,
}

impl File {
    /// The file at a path.
    pub fn at(path: &str) -> Option<&'static Self> {
        FILES.iter().find(|file| file.path == path)
    }
}

/// What is sent of a file.
#[derive(Clone, Debug)]
pub(super) struct Served {
    /// The file.
    pub file: &'static File,
    /// True for its gzip form.
    pub is_gzip: bool,
    /// How much of it.
    pub extent: Extent,
}

/// How much of a file is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All.
    Whole,
    /// These bytes.
    Part(Range<usize>),
    /// Nothing: the client has it.
    Known,
    /// Nothing: it does not reach that far.
    Beyond,
}

impl Served {
    /// Decides what is sent. Parts are for GET only (RFC 9110 14.2).
    pub fn of(file: &'static File, conditions: &Conditions<'_>, is_get: bool) -> Self {
        let is_gzip = conditions.takes_gzip && file.gzip.is_some();
        let mut served = Self { file, is_gzip, extent: Extent::Whole };
        let form = served.form();
        if conditions.if_none_match.is_some_and(|tags| is_among(tags, form.tag)) {
            served.extent = Extent::Known;
        } else if let Some(range) = conditions.range.filter(|_| is_get)
            && conditions.if_range.is_none_or(|tag| tag == form.tag.as_bytes())
        {
            served.extent = part(range, form.bytes.len());
        }
        served
    }

    /// The form that was chosen.
    pub fn form(&self) -> &'static Form {
        match &self.file.gzip {
            Some(gzip) if self.is_gzip => gzip,
            _ => &self.file.plain,
        }
    }

    /// The bytes to be sent.
    pub fn bytes(&self) -> &'static [u8] {
        let all = self.form().bytes;
        match &self.extent {
            Extent::Whole => all,
            Extent::Part(part) => all.get(part.clone()).unwrap_or_default(),
            Extent::Known | Extent::Beyond => &[],
        }
    }

    /// The status.
    pub fn code(&self) -> Code {
        match self.extent {
            Extent::Whole => Code::Ok,
            Extent::Part(_) => Code::PartialContent,
            Extent::Known => Code::NotModified,
            Extent::Beyond => Code::RangeNotSatisfiable,
        }
    }

    /// The fields of the answer that are a file's.
    ///
    /// # Errors
    /// If they do not fit.
    pub fn write_fields(&self, out: &mut impl Write) -> fmt::Result {
        let form = self.form();
        let length = form.bytes.len();
        write!(out, "ETag: {}\r\nAccept-Ranges: bytes\r\n", form.tag)?;
        if self.file.gzip.is_some() {
            out.write_str("Vary: Accept-Encoding\r\n")?;
        }
        match &self.extent {
            Extent::Part(part) => {
                let last = part.end.saturating_sub(1);
                write!(out, "Content-Range: bytes {}-{last}/{length}\r\n", part.start)?;
            }
            Extent::Beyond => return write!(out, "Content-Range: bytes */{length}\r\n"),
            Extent::Whole | Extent::Known => {}
        }
        if self.is_gzip {
            out.write_str("Content-Encoding: gzip\r\n")?;
        }
        Ok(())
    }
}

/// True if `tag` is in a list of entity tags, by the weak comparison (RFC 9110 13.1.2).
fn is_among(list: &[u8], tag: &str) -> bool {
    // Our tags hold no comma.
    list.split(|&byte| byte == b',')
        .map(<[u8]>::trim_ascii)
        .any(|known| known == b"*" || known.strip_prefix(b"W/").unwrap_or(known) == tag.as_bytes())
}

/// What a `Range` field means for so many bytes. What is no range of bytes, or several of them, is
/// answered by all bytes (RFC 9110 14.2 lets us).
fn part(range: &[u8], length: usize) -> Extent {
    let Some(range) = range.strip_prefix(b"bytes=") else { return Extent::Whole };
    let mut ends = range.splitn(2, |&byte| byte == b'-').map(<[u8]>::trim_ascii);
    let (Some(first), Some(last)) = (ends.next(), ends.next()) else { return Extent::Whole };
    let number =
        |text: &[u8]| decimal(text).map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    let part = match (first.is_empty(), number(first), last.is_empty(), number(last)) {
        // The last so many.
        (true, _, _, Some(count)) => {
            length.saturating_sub(count)..if count == 0 { 0 } else { length }
        }
        (_, Some(first), true, _) => first..length,
        (_, Some(first), _, Some(last)) if first <= last => {
            first..last.saturating_add(1).min(length)
        }
        _ => return Extent::Whole,
    };
    if part.start < part.end { Extent::Part(part) } else { Extent::Beyond }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        for (range, expected) in [
            ("bytes=0-0", Extent::Part(0..1)),
            ("bytes=2-5", Extent::Part(2..6)),
            ("bytes=2-99", Extent::Part(2..10)),
            ("bytes=9-", Extent::Part(9..10)),
            ("bytes=-3", Extent::Part(7..10)),
            ("bytes=-99", Extent::Part(0..10)),
            ("bytes=0-99999999999999999999", Extent::Whole),
            ("bytes=10-", Extent::Beyond),
            ("bytes=10-12", Extent::Beyond),
            ("bytes=-0", Extent::Beyond),
            ("bytes=18446744073709551615-18446744073709551615", Extent::Beyond),
            ("bytes=5-2", Extent::Whole),
            ("bytes=-", Extent::Whole),
            ("bytes=", Extent::Whole),
            ("bytes=1", Extent::Whole),
            ("bytes=+1-2", Extent::Whole),
            ("bytes=0-1,3-4", Extent::Whole),
            ("lines=0-1", Extent::Whole),
        ] {
            assert_eq!(part(range.as_bytes(), 10), expected, "{range}");
        }
        assert_eq!(part(b"bytes=0-", 0), Extent::Beyond);
    }

    #[test]
    fn tags() {
        for (list, expected) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\" , \"a\"", true),
            ("*", true),
            ("a", false),
            ("\"A\"", false),
            ("", false),
        ] {
            assert_eq!(is_among(list.as_bytes(), "\"a\""), expected, "{list}");
        }
    }
}
