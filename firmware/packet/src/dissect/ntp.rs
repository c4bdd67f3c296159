//! NTP (RFC 5905).

use super::calendar::Date;
use super::printer::{Printed, Printer, Table, Unknown, put};

const TIME_BYTES: usize = 48;
const CONTROL_BYTES: usize = 12;
const KEY_BYTES: usize = 4;
/// Seconds from 1900, where NTP's time starts, to 1970.
const TO_1970_SECONDS: i64 = 2_208_988_800;

const MODE_CONTROL: u8 = 6;
const MODE_RESERVED: u8 = 7;

const MODES: &Table = &[
    (0, "unspecified"),
    (1, "symmetric active"),
    (2, "symmetric passive"),
    (3, "Client"),
    (4, "Server"),
    (5, "Broadcast"),
    (6, "Control Message"),
    (7, "Reserved"),
];
const LEAPS: &Table = &[(0, ""), (0x40, "+1s"), (0x80, "-1s"), (0xc0, "clock unsynchronized")];

/// Strata of their own.
const UNSPECIFIED: u8 = 0;
const PRIMARY: u8 = 1;
const INFO_QUERY: u8 = 62;
const INFO_REPLY: u8 = 63;

/// Places of time stamps.
const REFERENCE: usize = 16;
const ORIGINATE: usize = 24;
const RECEIVE: usize = 32;
const TRANSMIT: usize = 40;

impl Printer<'_> {
    /// A message of `length` bytes.
    pub fn ntp(&mut self, at: usize, length: usize) -> Printed {
        self.protocol = "ntp";
        let status = self.u8(at)?;
        let mode = status & 7;
        put!(self, "NTPv{}, ", status >> 3 & 7);
        self.print_name(MODES, mode.into(), Unknown::Text("Unknown mode"))?;
        put!(self, ", length {length}");
        if self.options.verbosity == 0 {
            return Ok(());
        }
        let leap = status & 0xc0;
        put!(self, "\n\tLeap indicator: ");
        self.print_name(LEAPS, leap.into(), Unknown::Text("Unknown"))?;
        put!(self, " ({leap})");
        match mode {
            MODE_CONTROL => self.ntp_control(at, length),
            MODE_RESERVED => Ok(()),
            _ => self.ntp_time(at, length),
        }
    }

    /// ` (invalid)`, and that the rest is missing if it is.
    fn ntp_invalid(&mut self, at: usize, length: usize) -> Printed {
        self.print_invalid()?;
        if self.has(at, length) { Ok(()) } else { self.print_truncated() }
    }

    fn ntp_time(&mut self, at: usize, length: usize) -> Printed {
        if length < TIME_BYTES {
            return self.ntp_invalid(at, length);
        }
        let stratum = self.u8(at + 1)?;
        let name = match stratum {
            UNSPECIFIED => "unspecified",
            PRIMARY => "primary reference",
            2..=15 => "secondary reference",
            _ => "reserved",
        };
        put!(self, ", Stratum {stratum} ({name})");
        let poll = self.u8(at + 2)?.cast_signed();
        put!(self, ", poll {poll}");
        match poll {
            0..32 => put!(self, " ({}s)", 1_u32 << poll),
            -31..0 => put!(self, " (1/{}s)", 1_u32 << -poll),
            _ => {}
        }
        put!(self, ", precision {}", self.u8(at + 3)?.cast_signed());
        for (name, place) in [("\n\tRoot Delay: ", 4), (", Root dispersion: ", 8)] {
            if !self.has(at + place, 4) {
                return self.print_truncated();
            }
            let (seconds, fraction) = (self.u16(at + place)?, self.u16(at + place + 2)?);
            put!(self, "{name}{seconds}.{:06}", (u64::from(fraction) * 1_000_000) >> 16);
        }
        if !self.has(at + 12, 4) {
            return self.print_truncated();
        }
        put!(self, ", Reference-ID: ");
        match stratum {
            UNSPECIFIED => put!(self, "(unspec)"),
            PRIMARY => {
                self.print_text(at + 12, 4)?;
            }
            INFO_QUERY | INFO_REPLY => {
                self.print_ipv4(at + 12)?;
                put!(self, " INFO_{}", if stratum == INFO_QUERY { "QUERY" } else { "REPLY" });
                return Ok(());
            }
            _ => put!(self, "0x{:08x}", self.u32(at + 12)?),
        }
        for (name, place) in [
            ("Reference Timestamp:  ", REFERENCE),
            ("Originator Timestamp: ", ORIGINATE),
            ("Receive Timestamp:    ", RECEIVE),
            ("Transmit Timestamp:   ", TRANSMIT),
        ] {
            if !self.has(at + place, 8) {
                return self.print_truncated();
            }
            put!(self, "\n\t  {name}");
            self.print_ntp_time(at + place)?;
        }
        put!(self, "\n\t    Originator - Receive Timestamp:  ");
        self.print_ntp_difference(at + ORIGINATE, at + RECEIVE)?;
        put!(self, "\n\t    Originator - Transmit Timestamp: ");
        self.print_ntp_difference(at + ORIGINATE, at + TRANSMIT)?;
        self.ntp_authentication(at + TIME_BYTES, length - TIME_BYTES)
    }

    /// What is behind the time stamps: a key, with a digest of 128 or 160 bits.
    fn ntp_authentication(&mut self, at: usize, length: usize) -> Printed {
        match length {
            0 => {}
            KEY_BYTES | 20 | 24 => {
                put!(self, "\n\tKey id: {}", self.u32(at)?);
                let digest_bytes = length - KEY_BYTES;
                if digest_bytes > 0 {
                    if !self.has(at + KEY_BYTES, digest_bytes) {
                        return self.print_truncated();
                    }
                    put!(self, "\n\tAuthentication: ");
                    self.print_bytes(at + KEY_BYTES, digest_bytes)?;
                }
            }
            more => put!(self, "\n\t({more} more bytes after the header)"),
        }
        Ok(())
    }

    /// RFC 9327 2.
    fn ntp_control(&mut self, at: usize, length: usize) -> Printed {
        if length < CONTROL_BYTES {
            return self.ntp_invalid(at, length);
        }
        let control = self.u8(at + 1)?;
        let choose = |bit: u8, set: &'static str, clear: &'static str| {
            if control & bit == 0 { clear } else { set }
        };
        put!(self, ", {}", choose(0x80, "Response", "Request"));
        put!(self, ", {}", choose(0x40, "Error", "OK"));
        put!(self, ", {}, OpCode={}\n", choose(0x20, "More", "Last"), control & 0x1f);
        put!(self, "\tSequence={}", self.u16(at + 2)?);
        match self.u16(at + 4)? {
            0 => put!(self, ", Status=0"),
            status => put!(self, ", Status=0x{status:x}"),
        }
        put!(self, ", Assoc.={}", self.u16(at + 6)?);
        put!(self, ", Offset={}", self.u16(at + 8)?);
        let count = usize::from(self.u16(at + 10)?);
        put!(self, ", Count={count}");
        if CONTROL_BYTES + count > length {
            return self.ntp_invalid(at, length);
        }
        if count != 0 {
            if !self.has(at + CONTROL_BYTES, count) {
                return self.print_truncated();
            }
            // tcpdump's own words.
            put!(self, "\n\tTO-BE-DONE: data not interpreted");
        }
        Ok(())
    }

    fn print_ntp_time(&mut self, at: usize) -> Printed {
        let (seconds, fraction) = (self.u32(at)?, self.u32(at + 4)?);
        put!(self, "{seconds}.{:09}", nanoseconds(fraction));
        if seconds != 0 {
            let date = Date::of(i64::from(seconds) - TO_1970_SECONDS);
            put!(self, " (");
            date.print_iso(&mut Text(self))?;
            put!(self, ")");
        }
        Ok(())
    }

    fn print_ntp_difference(&mut self, from_at: usize, to_at: usize) -> Printed {
        let whole = |printer: &Self, at| -> Printed<u64> {
            Ok(u64::from(printer.u32(at)?) << 32 | u64::from(printer.u32(at + 4)?))
        };
        let (from, to) = (whole(self, from_at)?, whole(self, to_at)?);
        if from == 0 {
            return self.print_ntp_time(to_at);
        }
        let difference = from.abs_diff(to);
        let sign = if to > from { '+' } else { '-' };
        put!(self, "{sign}{}.{:09}", difference >> 32, nanoseconds(difference as u32));
        Ok(())
    }
}

/// A fraction of a second in 2^-32 as nanoseconds; in floating point, as tcpdump rounds it.
fn nanoseconds(fraction: u32) -> u32 {
    (f64::from(fraction) / 4_294_967_296.0 * 1_000_000_000.0) as u32
}

/// A printer as something to write to.
struct Text<'p, 'a>(&'p mut Printer<'a>);

impl core::fmt::Write for Text<'_, '_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.0.put(format_args!("{text}")).map_err(|_| core::fmt::Error)
    }
}
