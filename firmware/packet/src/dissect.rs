//! A captured frame as a line of text: the one that tcpdump 4.99.3 prints.
//!
//! [`Dissector::print`] is the door. Behind it a `Printer` walks up the layers, one file a
//! protocol; it reads through checked accessors only. A read behind the captured bytes ends the
//! line with the name of the protocol that wanted more, ` [|tcp]`.

mod arp;
mod bootp;
mod calendar;
mod checksum;
mod conversations;
mod dhcp;
mod dhcp_tags;
mod dns;
mod dns_edns;
mod dns_name;
mod dns_record;
mod dns_tables;
mod dump;
mod ether;
mod icmp;
mod icmp6;
mod icmp_extension;
mod igmp;
mod ipv4;
mod ipv4_options;
mod ipv6;
mod ipv6_headers;
mod llc;
mod mld;
mod neighbor;
mod ntp;
mod printer;
mod stp;
mod syslog;
mod tables;
mod tcp;
mod tcp_options;
mod telnet;
mod text;
mod tftp;
mod udp;

use core::fmt::{self, Write};

pub use calendar::Timestamp;
use conversations::Conversations;
use printer::{Printer, Stop};

use crate::Names;
use crate::limits::FRAME_BYTES_MAX;

/// A captured Ethernet frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The captured bytes from the destination address on, without FCS; possibly not all of them.
    pub bytes: &'a [u8],
    /// Bytes the frame had on the wire.
    pub length: usize,
    /// When it was captured.
    pub at: Timestamp,
}

/// Which time a line starts with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stamps {
    /// Time of day, `12:00:00.123456`: without an option.
    #[default]
    TimeOfDay,
    /// None: `-t`.
    None,
    /// Seconds since 1970: `-tt`.
    Seconds,
    /// Time since the line before: `-ttt`.
    SincePrevious,
    /// Date and time of day: `-tttt`.
    Date,
    /// Time since the first line: `-ttttt`.
    SinceFirst,
}

/// What follows a line: the frame's bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dump {
    /// Nothing.
    #[default]
    None,
    /// In hexadecimal, without the link-level header: `-x`.
    Hex,
    /// In hexadecimal, whole: `-xx`.
    HexWhole,
    /// In hexadecimal and ASCII, without the link-level header: `-X`.
    HexAscii,
    /// In hexadecimal and ASCII, whole: `-XX`.
    HexAsciiWhole,
    /// In ASCII, without the link-level header: `-A`.
    Ascii,
    /// In ASCII, whole: `-AA`.
    AsciiWhole,
}

/// How frames are printed: tcpdump's options.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The time in front.
    pub stamps: Stamps,
    /// The bytes behind.
    pub dump: Dump,
    /// Print the link-level header: `-e`.
    pub link_header: bool,
    /// How much is said: the number of `-v`.
    pub verbosity: u8,
    /// How little is said: the number of `-q`.
    pub quietness: u8,
    /// Print TCP sequence numbers as they are on the wire: `-S`.
    pub absolute_sequence: bool,
    /// Seconds by which local time is ahead of UTC.
    pub local_offset_seconds: i32,
}

/// Prints frames; remembers what lines to come refer to.
#[derive(Debug, Default)]
pub struct Dissector {
    /// How frames are printed from now on.
    pub options: Options,
    conversations: Conversations,
    /// What [`Stamps::SincePrevious`] and [`Stamps::SinceFirst`] count from.
    reference: Option<Timestamp>,
}

impl Dissector {
    /// A dissector that has seen nothing yet.
    pub const fn new(options: Options) -> Self {
        Self { options, conversations: Conversations::new(), reference: None }
    }

    /// Prints a frame: one line, or several with `-v` or a dump; the last one is ended.
    ///
    /// # Errors
    /// Those of `out`; what was printed until then stays.
    pub fn print(
        &mut self,
        frame: &Frame<'_>,
        names: &dyn Names,
        out: &mut dyn Write,
    ) -> fmt::Result {
        if !sane(frame, out)? {
            return Ok(());
        }
        calendar::print_stamp(&self.options, frame.at, &mut self.reference, out)?;
        let mut printer = Printer::new(frame, &self.options, names, &mut self.conversations, out);
        let header_bytes = match printer.ethernet(0, frame.length) {
            Ok(bytes) => bytes,
            Err(Stop::Truncated) => {
                printer.restore();
                match printer.print_truncated() {
                    Err(Stop::Write) => return Err(fmt::Error),
                    // Now that the layers are unknown, a dump shows the whole frame.
                    _ => 0,
                }
            }
            Err(Stop::Write) => return Err(fmt::Error),
        };
        printer.restore();
        match printer.dump(header_bytes) {
            Err(Stop::Write) => return Err(fmt::Error),
            Ok(()) | Err(Stop::Truncated) => {}
        }
        out.write_char('\n')
    }
}

/// True if a frame can be printed; what is wrong with it otherwise.
fn sane(frame: &Frame<'_>, out: &mut dyn Write) -> Result<bool, fmt::Error> {
    let captured = frame.bytes.len();
    let mut faults = 0;
    let mut fault = |out: &mut dyn Write, text: fmt::Arguments<'_>| {
        out.write_str(if faults == 0 { "[Invalid header:" } else { "," })?;
        faults += 1;
        out.write_fmt(text)
    };
    if captured == 0 {
        fault(out, format_args!(" caplen==0"))?;
    }
    if frame.length == 0 {
        fault(out, format_args!(" len==0"))?;
    } else if frame.length < captured {
        fault(out, format_args!(" len({}) < caplen({captured})", frame.length))?;
    }
    if captured > FRAME_BYTES_MAX {
        fault(out, format_args!(" caplen({captured}) > {FRAME_BYTES_MAX}"))?;
    }
    if frame.length > FRAME_BYTES_MAX {
        fault(out, format_args!(" len({}) > {FRAME_BYTES_MAX}", frame.length))?;
    }
    if faults > 0 {
        out.write_str("]\n")?;
    }
    Ok(faults == 0)
}
