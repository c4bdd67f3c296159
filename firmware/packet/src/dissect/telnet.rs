//! Telnet's commands at the start of a segment (RFC 854, 855).

use super::Dump;
use super::printer::{Printed, Printer, put};

const IAC: u8 = 255;
const SUBNEGOTIATION: u8 = 250;
const SUBNEGOTIATION_END: u8 = 240;
/// The first byte that is a command.
const COMMAND_FIRST: u8 = 236;

/// The verbosity from which on a dump shows each command with its bytes.
const SHOWS_BYTES: u8 = 3;

const COMMANDS: [&str; 20] = [
    "EOF", "SUSP", "ABORT", "EOR", "SE", "NOP", "DMARK", "BRK", "IP", "AO", "AYT", "EC", "EL",
    "GA", "SB", "WILL", "WONT", "DO", "DONT", "IAC",
];

/// Options (IANA: Telnet Options).
const OPTIONS: [&str; 40] = [
    "BINARY",
    "ECHO",
    "RCP",
    "SUPPRESS GO AHEAD",
    "NAME",
    "STATUS",
    "TIMING MARK",
    "RCTE",
    "NAOL",
    "NAOP",
    "NAOCRD",
    "NAOHTS",
    "NAOHTD",
    "NAOFFD",
    "NAOVTS",
    "NAOVTD",
    "NAOLFD",
    "EXTEND ASCII",
    "LOGOUT",
    "BYTE MACRO",
    "DATA ENTRY TERMINAL",
    "SUPDUP",
    "SUPDUP OUTPUT",
    "SEND LOCATION",
    "TERMINAL TYPE",
    "END OF RECORD",
    "TACACS UID",
    "OUTPUT MARKING",
    "TTYLOC",
    "3270 REGIME",
    "X.3 PAD",
    "NAWS",
    "TSPEED",
    "LFLOW",
    "LINEMODE",
    "XDISPLOC",
    "OLD-ENVIRON",
    "AUTHENTICATION",
    "ENCRYPT",
    "NEW-ENVIRON",
];
const AUTHENTICATION: u8 = 37;
const ENCRYPTION: u8 = 38;

/// First bytes of subnegotiations: in general, in those of authentication (RFC 2941) with the kind
/// behind, and in those of encryption (RFC 2946) with the kind behind. Empty: no name.
const QUALIFIERS: [&str; 3] = ["IS", "SEND", "INFO"];
const AUTHENTICATION_QUALIFIERS: [&str; 4] = ["IS", "SEND", "REPLY", "NAME"];
const AUTHENTICATION_KINDS: [&str; 16] = [
    "NULL",
    "KERBEROS_V4",
    "KERBEROS_V5",
    "SPX",
    "MINK",
    "SRP",
    "RSA",
    "SSL",
    "",
    "",
    "LOKI",
    "SSA",
    "KEA_SJ",
    "KEA_SJ_INTEG",
    "DSS",
    "NTLM",
];
const ENCRYPTION_QUALIFIERS: [&str; 9] = [
    "IS",
    "SUPPORT",
    "REPLY",
    "START",
    "END",
    "REQUEST-START",
    "REQUEST-END",
    "END_KEYID",
    "DEC_KEYID",
];
const ENCRYPTION_KINDS: [&str; 10] = [
    "NULL",
    "DES_CFB64",
    "DES_OFB64",
    "DES3_CFB64",
    "DES3_OFB64",
    "",
    "CAST5_40_CFB64",
    "CAST5_40_OFB64",
    "CAST128_CFB64",
    "CAST128_OFB64",
];

/// A command, taken apart.
enum Command {
    /// `IAC IAC`: a byte of data.
    Data,
    /// Without an option.
    Plain(u8),
    /// With one.
    Option(u8, u8),
    /// A subnegotiation of an option; where its content ends.
    Subnegotiation(u8, usize),
}

impl Printer<'_> {
    /// The commands that the `length` bytes of a segment start with.
    pub fn telnet(&mut self, at: usize, length: usize) -> Printed {
        self.protocol = "telnet";
        let is_dump = matches!(self.options.dump, Dump::HexAscii | Dump::HexAsciiWhole);
        let with_bytes = is_dump && self.options.verbosity >= SHOWS_BYTES;
        let start = at;
        let mut end = at + length;
        let mut at = at;
        let mut is_first = true;
        while at != end && self.u8(at)? == IAC {
            let Some((command, next)) = self.telnet_command(at, end)? else { break };
            let bytes = next - at;
            if with_bytes {
                put!(self, "{}", if is_first { "\nTelnet:" } else { "" });
                self.print_hex_from("\n", at, bytes, at - start)?;
                match 8_usize.checked_sub(bytes) {
                    Some(room) => put!(self, "{:1$}\t", "", room * 3),
                    None => put!(self, "\n\t\t\t\t"),
                }
            } else {
                put!(self, "{}", if is_first { " [telnet " } else { ", " });
            }
            self.print_telnet_command(command, at)?;
            is_first = false;
            at = next;
            if at > end {
                // The end of a subnegotiation was only half there: tcpdump has lost count of the
                // segment's bytes, and goes on to the end of the frame.
                end = usize::MAX;
            }
        }
        if !is_first {
            put!(self, "{}", if with_bytes { "\n" } else { "]" });
        }
        Ok(())
    }

    /// The command at `at`, and where it ends; `None` if it is none or goes on in another segment.
    fn telnet_command(&self, at: usize, end: usize) -> Printed<Option<(Command, usize)>> {
        if at + 1 >= end {
            return Ok(None);
        }
        let code = self.u8(at + 1)?;
        if !(COMMAND_FIRST..=IAC).contains(&code) {
            return Ok(None);
        }
        if code == IAC {
            return Ok(Some((Command::Data, at + 2)));
        }
        if code < SUBNEGOTIATION {
            return Ok(Some((Command::Plain(code), at + 2)));
        }
        if at + 2 >= end {
            return Ok(None);
        }
        let option = self.u8(at + 2)?;
        if code != SUBNEGOTIATION {
            return Ok(Some((Command::Option(code, option), at + 3)));
        }
        let mut content_end = at + 3;
        while content_end + 1 < end {
            if self.u8(content_end)? == IAC && self.u8(content_end + 1)? == SUBNEGOTIATION_END {
                break;
            }
            content_end += 1;
        }
        if self.u8(content_end)? != IAC {
            return Ok(None);
        }
        Ok(Some((Command::Subnegotiation(option, content_end), content_end + 2)))
    }

    fn print_telnet_command(&mut self, command: Command, at: usize) -> Printed {
        match command {
            Command::Data => put!(self, "IAC IAC"),
            Command::Plain(code) => put!(self, "{}", name_of(code)),
            Command::Option(code, option) => self.print_telnet_option(code, option)?,
            Command::Subnegotiation(option, end) => {
                self.print_telnet_option(SUBNEGOTIATION, option)?;
                self.print_subnegotiation(option, at + 3, end)?;
            }
        }
        Ok(())
    }

    fn print_telnet_option(&mut self, code: u8, option: u8) -> Printed {
        put!(self, "{} ", name_of(code));
        self.print_telnet_name(&OPTIONS, option)
    }

    fn print_subnegotiation(&mut self, option: u8, at: usize, end: usize) -> Printed {
        let names: &[&[&str]] = match option {
            AUTHENTICATION => &[&AUTHENTICATION_QUALIFIERS, &AUTHENTICATION_KINDS],
            ENCRYPTION => &[&ENCRYPTION_QUALIFIERS, &ENCRYPTION_KINDS],
            _ => &[&QUALIFIERS],
        };
        for place in at..end {
            put!(self, " ");
            let byte = self.u8(place)?;
            let names = names.get(place - at).copied().unwrap_or_default();
            self.print_telnet_name(names, byte)?;
        }
        put!(self, " SE");
        Ok(())
    }

    /// A name, or the number as C's `%#x` has it.
    fn print_telnet_name(&mut self, names: &[&str], number: u8) -> Printed {
        match names.get(usize::from(number)) {
            Some(name) if !name.is_empty() => put!(self, "{name}"),
            _ if number == 0 => put!(self, "0"),
            _ => put!(self, "0x{number:x}"),
        }
        Ok(())
    }
}

fn name_of(code: u8) -> &'static str {
    let index = usize::from(code.saturating_sub(COMMAND_FIRST));
    COMMANDS.get(index).copied().unwrap_or_default()
}
