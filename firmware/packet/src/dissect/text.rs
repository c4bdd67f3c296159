//! Protocols of lines of text: HTTP, SMTP, FTP, WHOIS, RTSP, SIP; and SSH's first line.

use super::printer::{Printed, Printer, put};

/// Bytes of a word that is looked up.
const WORD_BYTES_MAX: usize = 128;

/// Requests, with those of WebDAV (RFC 9110, 4918 and others).
const HTTP: &[&str] = &[
    "GET",
    "PUT",
    "COPY",
    "HEAD",
    "LOCK",
    "MOVE",
    "POLL",
    "POST",
    "BCOPY",
    "BMOVE",
    "MKCOL",
    "TRACE",
    "LABEL",
    "MERGE",
    "DELETE",
    "SEARCH",
    "UNLOCK",
    "REPORT",
    "UPDATE",
    "NOTIFY",
    "BDELETE",
    "CONNECT",
    "OPTIONS",
    "CHECKIN",
    "PROPFIND",
    "CHECKOUT",
    "CCM_POST",
    "SUBSCRIBE",
    "PROPPATCH",
    "BPROPFIND",
    "BPROPPATCH",
    "UNCHECKOUT",
    "MKACTIVITY",
    "MKWORKSPACE",
    "UNSUBSCRIBE",
    "RPC_CONNECT",
    "VERSION-CONTROL",
    "BASELINE-CONTROL",
];
const RTSP: &[&str] = &[
    "DESCRIBE",
    "ANNOUNCE",
    "GET_PARAMETER",
    "OPTIONS",
    "PAUSE",
    "PLAY",
    "RECORD",
    "REDIRECT",
    "SETUP",
    "SET_PARAMETER",
    "TEARDOWN",
];
const SIP: &[&str] = &[
    "ACK",
    "BYE",
    "CANCEL",
    "DO",
    "INFO",
    "INVITE",
    "MESSAGE",
    "NOTIFY",
    "OPTIONS",
    "PRACK",
    "QAUTH",
    "REFER",
    "REGISTER",
    "SPRACK",
    "SUBSCRIBE",
    "UPDATE",
    "PUBLISH",
];

/// How a line ended.
enum Line {
    /// At its end; here the next one starts.
    Ended(usize),
    /// Not in this segment, though all of it is text.
    Open,
    /// Never: it is not text.
    Binary,
}

impl Printer<'_> {
    /// `: PROTOCOL: first line`.
    pub fn text_above_tcp(&mut self, name: &'static str, at: usize, length: usize) -> Printed {
        put!(self, ": ");
        self.text(name, at, length)
    }

    /// `PROTOCOL: first line`, or all lines with `-v`; the protocol alone if this is neither a
    /// request nor a response.
    pub fn text(&mut self, name: &'static str, at: usize, length: usize) -> Printed {
        self.protocol = name;
        let requests = match name {
            "http" => Some(HTTP),
            "rtsp" => Some(RTSP),
            "sip" => Some(SIP),
            _ => None,
        };
        let is_shown = requests.is_none_or(|names| self.is_message(names, at, length));
        self.print_protocol_capitals()?;
        if !is_shown {
            return Ok(());
        }
        let end = at + length;
        if self.options.verbosity == 0 {
            return self.print_line(": ", at, end).map(drop);
        }
        put!(self, ", length: {length}");
        let mut at = at;
        while at < end {
            match self.print_line("\n\t", at, end)? {
                Line::Ended(next) => at = next,
                Line::Open | Line::Binary => break,
            }
        }
        Ok(())
    }

    /// Is this a request, or a response with three digits in the second place?
    fn is_message(&self, requests: &[&str], at: usize, length: usize) -> bool {
        let bytes = self.up_to(at, length);
        let is_cut = bytes.len() < length;
        let Some((word, rest)) = first_word(bytes, is_cut) else { return false };
        let is_request =
            requests.iter().any(|request| word.eq_ignore_ascii_case(request.as_bytes()));
        let code = first_word(rest, is_cut).map(|(word, _)| word);
        is_request
            || code.is_some_and(|word| word.len() == 3 && word.iter().all(u8::is_ascii_digit))
    }

    /// A line of text.
    fn print_line(&mut self, before: &str, at: usize, end: usize) -> Printed<Line> {
        let mut place = at;
        while place < end {
            let next = match self.u8(place)? {
                b'\n' => place + 1,
                b'\r' if place + 1 < end && self.u8(place + 1)? == b'\n' => place + 2,
                b'\t' | b' '..=b'~' => {
                    place += 1;
                    continue;
                }
                _ => return Ok(Line::Binary),
            };
            put!(self, "{before}");
            self.print_plain(self.up_to(at, place - at))?;
            return Ok(Line::Ended(next));
        }
        put!(self, "{before}");
        self.print_plain(self.up_to(at, place - at))?;
        self.print_truncated()?;
        Ok(Line::Open)
    }

    /// The version that both ends of SSH start with (RFC 4253 4.2).
    pub fn ssh(&mut self, at: usize, length: usize) -> Printed {
        self.protocol = "ssh";
        for (index, letter) in b"SSH-".iter().enumerate() {
            if self.u8(at + index)? != *letter {
                return Ok(());
            }
        }
        let end = at + length;
        for place in at + 4..end {
            let is_end = match self.u8(place)? {
                b'\n' => true,
                b'\r' if place + 1 < end => self.u8(place + 1)? == b'\n',
                b' '..=b'~' => continue,
                _ => return Ok(()),
            };
            if is_end {
                put!(self, ": SSH: ");
                self.print_plain(self.up_to(at, place - at))?;
            }
            return Ok(());
        }
        Ok(())
    }
}

/// The first word of text, and what comes behind it and the blanks after it. `None` if there is
/// none, or if it is not text up to its end.
fn first_word(bytes: &[u8], is_cut: bool) -> Option<(&[u8], &[u8])> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let length = bytes.iter().position(is_blank);
    // The end of the message ends a word; the end of what was captured does not.
    let length = match length {
        None if is_cut => return None,
        None => bytes.len(),
        Some(length) => length,
    };
    let (word, rest) = bytes.split_at_checked(length)?;
    let is_text = word.iter().all(|byte| matches!(byte, b' '..=b'~'));
    if word.is_empty() || word.len() + 1 > WORD_BYTES_MAX + 1 || !is_text {
        return None;
    }
    // A tab is no printable character: it ends the blanks too.
    let blanks = rest.iter().take_while(|&&byte| byte == b' ').count();
    Some((word, rest.get(blanks..).unwrap_or_default()))
}
