//! Syslog (RFC 3164, 5424).

use super::printer::{Printed, Printer, Table, Unknown, put};

/// Digits of a priority.
const PRIORITY_DIGITS: usize = 3;

const SEVERITIES: &Table = &[
    (0, "emergency"),
    (1, "alert"),
    (2, "critical"),
    (3, "error"),
    (4, "warning"),
    (5, "notice"),
    (6, "info"),
    (7, "debug"),
];
const FACILITIES: &Table = &[
    (0, "kernel"),
    (1, "user"),
    (2, "mail"),
    (3, "daemon"),
    (4, "auth"),
    (5, "syslog"),
    (6, "lpr"),
    (7, "news"),
    (8, "uucp"),
    (9, "cron"),
    (10, "authpriv"),
    (11, "ftp"),
    (12, "ntp"),
    (13, "security"),
    (14, "console"),
    (15, "cron"),
    (16, "local0"),
    (17, "local1"),
    (18, "local2"),
    (19, "local3"),
    (20, "local4"),
    (21, "local5"),
    (22, "local6"),
    (23, "local7"),
];

const UNKNOWN: Unknown = Unknown::Decimal("unknown (", ")");

impl Printer<'_> {
    /// A message of `length` bytes.
    pub fn syslog(&mut self, at: usize, length: usize) -> Printed {
        self.protocol = "syslog";
        if self.u8(at)? != b'<' {
            return self.print_invalid();
        }
        let mut priority = 0_u32;
        let mut place = 1;
        while place <= PRIORITY_DIGITS && self.u8(at + place)?.is_ascii_digit() {
            priority = priority * 10 + u32::from(self.u8(at + place)? - b'0');
            place += 1;
        }
        if self.u8(at + place)? != b'>' {
            return self.print_invalid();
        }
        place += 1;
        let (facility, severity) = (priority >> 3 & 0x7f, priority & 7);
        if self.options.verbosity == 0 {
            put!(self, "SYSLOG ");
            self.print_name(FACILITIES, facility, UNKNOWN)?;
            put!(self, ".");
            self.print_name(SEVERITIES, severity, UNKNOWN)?;
            put!(self, ", length: {length}");
            return Ok(());
        }
        put!(self, "SYSLOG, length: {length}\n\tFacility ");
        self.print_name(FACILITIES, facility, UNKNOWN)?;
        put!(self, " ({facility}), Severity ");
        self.print_name(SEVERITIES, severity, UNKNOWN)?;
        put!(self, " ({severity})\n\tMsg: ");
        let text_bytes = length.saturating_sub(place);
        if !self.print_text(at + place, text_bytes)? {
            return Err(super::printer::Stop::Truncated);
        }
        if self.options.verbosity > 1 {
            self.print_unknown(at, "\n\t", length)?;
        }
        Ok(())
    }
}
