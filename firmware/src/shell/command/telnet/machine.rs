//! What telnet does with each key and each byte: the connection, its prompt behind the escape
//! character, and the commands there. No I/O.

use core::fmt::{self, Write as _};

use super::super::cooked::{Cooked, Typed};
use super::protocol::{Protocol, put};
use crate::Text;
use crate::limits::{LINE_BYTES_MAX, TELNET_BUFFER_BYTES, TELNET_TEXT_BYTES};
use crate::service::telnet::codes::command::{
    ABORT, AO, AYT, BRK, DM, DO, EC, EL, EOF, EOR, GA, IAC, IP, NOP, SB, SE, SUSP,
};
use crate::service::telnet::codes::option::{STATUS, TIMING_MARK};
use crate::service::telnet::codes::says::SEND;
use crate::shell::Screen;

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By `quit` or `close`.
    Quit,
    /// By Ctrl-C at the prompt.
    Interrupted,
    /// By `open`: [`Machine::wanted`] tells whom.
    Open,
}

/// The commands at the prompt, and what they do.
const COMMANDS: [(&str, &str); 9] = [
    ("close", "close current connection"),
    ("display", "display operating parameters"),
    ("mode", "try to enter line or character mode ('mode ?' for more)"),
    ("open", "connect to a site"),
    ("quit", "exit telnet"),
    ("send", "transmit special characters ('send ?' for more)"),
    ("status", "print status information"),
    ("z", "suspend telnet"),
    ("?", "print help information"),
];

/// What can be sent: its name, what it is, and the bytes.
const SENDS: [(&str, &str, &[u8]); 15] = [
    ("ao", "Send Telnet Abort output", &[IAC, AO]),
    ("ayt", "Send Telnet 'Are You There'", &[IAC, AYT]),
    ("brk", "Send Telnet Break", &[IAC, BRK]),
    ("ec", "Send Telnet Erase Character", &[IAC, EC]),
    ("el", "Send Telnet Erase Line", &[IAC, EL]),
    ("escape", "Send current escape character", &[]),
    ("ga", "Send Telnet 'Go Ahead' sequence", &[IAC, GA]),
    ("ip", "Send Telnet Interrupt Process", &[IAC, IP]),
    ("nop", "Send Telnet 'No operation'", &[IAC, NOP]),
    ("eor", "Send Telnet 'End of Record'", &[IAC, EOR]),
    ("abort", "Send Telnet 'Abort Process'", &[IAC, ABORT]),
    ("susp", "Send Telnet 'Suspend Process'", &[IAC, SUSP]),
    ("eof", "Send Telnet End of File Character", &[IAC, EOF]),
    // Without urgent data only the mark is sent.
    ("synch", "Perform Telnet 'Synch operation'", &[IAC, DM]),
    ("getstatus", "Send request for STATUS", &[IAC, SB, STATUS, SEND, IAC, SE]),
];

const MODES: &str = "\
format is:  'mode Mode', where 'Mode' is one of:

character       Disable LINEMODE option
                (or disable obsolete line-by-line mode)
line            Enable LINEMODE option
                (or enable obsolete line-by-line mode)

?               Print help information
";

/// The client, but for the connection.
#[derive(Debug)]
pub struct Machine {
    /// `None`: not connected.
    link: Option<Link>,
    /// The key that leads to the prompt.
    escape: Option<u8>,
    /// True while the user's own terminal shows what is typed.
    is_shown: bool,
    /// True at the prompt.
    prompts: bool,
    cooked: Cooked,
    wanted: Text<LINE_BYTES_MAX>,
    /// What is to be shown.
    pub screen: heapless::Vec<u8, TELNET_TEXT_BYTES>,
    /// What is to be sent.
    pub outgoing: heapless::Vec<u8, TELNET_BUFFER_BYTES>,
}

#[derive(Debug)]
struct Link {
    protocol: Protocol,
    host: Text<64>,
}

/// Text for the screen; what does not fit is not shown.
struct Show<'a>(&'a mut heapless::VecView<u8>);

impl fmt::Write for Show<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.0.capacity() - self.0.len();
        // Cannot fail: it is cut to the room.
        let _ = self.0.extend_from_slice(&text.as_bytes()[..text.len().min(room)]);
        Ok(())
    }
}

impl Machine {
    /// Not connected; at the prompt once a key is awaited.
    pub fn new(escape: Option<u8>, is_shown: bool) -> Self {
        Self {
            link: None,
            escape,
            is_shown,
            prompts: false,
            cooked: Cooked::default(),
            wanted: Text::new(),
            screen: heapless::Vec::new(),
            outgoing: heapless::Vec::new(),
        }
    }

    /// A connection was opened.
    pub fn connected(&mut self, host: &str, screen: Screen, terminal: &str) {
        self.link =
            Some(Link { protocol: Protocol::new(screen, terminal), host: Text::from(host) });
        self.prompts = false;
        self.outgoing.clear();
    }

    /// True if there is a connection.
    pub fn is_connected(&self) -> bool {
        self.link.is_some()
    }

    /// True at the prompt, where the connection is not read.
    pub fn prompts(&self) -> bool {
        self.prompts
    }

    /// The rest of an `open`.
    pub fn wanted(&self) -> &str {
        &self.wanted
    }

    /// Shows the prompt.
    pub fn prompt(&mut self) {
        self.prompts = true;
        self.say(format_args!("telnet> "));
    }

    fn say(&mut self, text: fmt::Arguments<'_>) {
        // Never fails.
        let _ = Show(&mut self.screen).write_fmt(text);
    }

    /// Takes bytes of the server. There is room for what they show, and what they are answered.
    pub fn receive(&mut self, byte: u8) {
        let Some(link) = &mut self.link else { return };
        if let Some(byte) = link.protocol.receive(byte, &mut self.outgoing) {
            // Cannot fail: the caller saw to it.
            let _ = self.screen.push(byte);
        }
    }

    /// Takes a key.
    pub fn typed(&mut self, key: u8) -> Option<End> {
        if self.prompts {
            return self.typed_at_prompt(key);
        }
        let edits = self.link.as_ref()?.protocol.edits();
        if Some(key) == self.escape {
            let name = if edits && self.is_shown { Escape(self.escape) } else { Escape(NOTHING) };
            self.say(format_args!("{name}\n"));
            self.prompt();
            return None;
        }
        let link = self.link.as_mut()?;
        let echoes = self.is_shown && !link.protocol.is_echoed();
        let mut show = Show(&mut self.screen);
        let mut silent = Text::<0>::new();
        let echo: &mut dyn fmt::Write = if echoes { &mut show } else { &mut silent };
        if !edits {
            if echoes && (key == b'\r' || (0x20..0x7f).contains(&key)) {
                let shown = if key == b'\r' { '\n' } else { char::from(key) };
                // What cannot be shown is not.
                let _ = echo.write_char(shown);
            }
            if !link.protocol.send(key, &mut self.outgoing) {
                let _ = show.write_str("\x07");
            }
            return None;
        }
        match self.cooked.feed(key, echo) {
            Typed::Nothing => {}
            // What a terminal driver tells of the key, by RFC 854 and with a mark behind it.
            Typed::Interrupt => put(&mut self.outgoing, &[IAC, IP, IAC, DO, TIMING_MARK]),
            Typed::EndOfInput => put(&mut self.outgoing, &[IAC, EOF]),
            Typed::Line => {
                let sent = self
                    .cooked
                    .line()
                    .iter()
                    .all(|key| link.protocol.send(*key, &mut self.outgoing));
                if !sent {
                    let _ = show.write_str("\x07");
                }
            }
        }
        None
    }

    fn typed_at_prompt(&mut self, key: u8) -> Option<End> {
        let mut silent = Text::<0>::new();
        let mut show = Show(&mut self.screen);
        let echo: &mut dyn fmt::Write = if self.is_shown { &mut show } else { &mut silent };
        match self.cooked.feed(key, echo) {
            Typed::Nothing => None,
            Typed::Interrupt => Some(End::Interrupted),
            Typed::EndOfInput => {
                self.say(format_args!("\n"));
                Some(self.quit())
            }
            Typed::Line => {
                let line: Text<LINE_BYTES_MAX> =
                    Text::from(core::str::from_utf8(self.cooked.line()).unwrap_or("\u{fffd}"));
                self.command(line.trim())
            }
        }
    }

    fn quit(&mut self) -> End {
        if self.link.is_some() {
            self.say(format_args!("Connection closed.\n"));
        }
        End::Quit
    }

    /// Runs a command; an empty line leads back to the connection.
    fn command(&mut self, line: &str) -> Option<End> {
        let mut words = line.split_ascii_whitespace();
        let Some(word) = words.next() else {
            match self.is_connected() {
                true => self.prompts = false,
                false => self.prompt(),
            }
            return None;
        };
        let goes_back = match find(word, COMMANDS.map(|(name, _)| name)) {
            Err(wrong) => {
                self.say(format_args!("?{wrong} command\n"));
                false
            }
            Ok("?") => {
                self.say(format_args!("Commands may be abbreviated.  Commands are:\n\n"));
                for (name, what) in COMMANDS {
                    self.say(format_args!("{name:8}\t{what}\n"));
                }
                false
            }
            Ok("quit") => return Some(self.quit()),
            Ok("close") if self.is_connected() => return Some(self.quit()),
            Ok("open") => match self.is_connected() {
                false => {
                    self.wanted = Text::from(line[word.len()..].trim());
                    return Some(End::Open);
                }
                true => {
                    let host = self.link.as_ref().map_or("", |link| &link.host);
                    let host: Text<64> = Text::from(host);
                    self.say(format_args!("?Already connected to {host}\n"));
                    false
                }
            },
            Ok("display") => {
                let escape = Escape(self.escape);
                self.say(format_args!("escape          [{escape}]\n"));
                true
            }
            Ok("status") => {
                self.status();
                true
            }
            // There is nothing that would wake it again.
            Ok("z") => true,
            Ok("mode") => self.mode(words.next()),
            Ok("send") if self.is_connected() => self.send(words),
            Ok(_) => {
                self.say(format_args!("?Need to be connected first.\n"));
                false
            }
        };
        match goes_back && self.is_connected() {
            true => self.prompts = false,
            false => self.prompt(),
        }
        None
    }

    fn status(&mut self) {
        let escape = Escape(self.escape);
        match &self.link {
            None => self.say(format_args!("No connection.\n")),
            Some(Link { protocol, host }) => {
                let host = host.clone();
                let (edits, is_echoed) = (protocol.edits(), protocol.is_echoed());
                self.say(format_args!("Connected to {host}.\n"));
                self.say(format_args!(
                    "{}\n",
                    match edits {
                        true => "Operating in obsolete linemode",
                        false => "Operating in single character mode\nCatching signals locally",
                    }
                ));
                let by = if is_echoed { "Remote" } else { "Local" };
                self.say(format_args!("{by} character echo\n"));
            }
        }
        self.say(format_args!("Escape character is '{escape}'.\n"));
    }

    fn mode(&mut self, word: Option<&str>) -> bool {
        let lines = match word.map(|word| find(word, ["character", "line", "?"])) {
            None => {
                let text = "'mode' command requires an argument\n'mode ?' for help.\n";
                self.say(format_args!("{text}"));
                return false;
            }
            Some(Ok("?")) => {
                self.say(format_args!("{MODES}"));
                return false;
            }
            Some(Ok(name)) => name == "line",
            Some(Err(_)) => {
                let word = word.unwrap_or_default();
                self.say(format_args!("Unknown mode '{word}'\n'mode ?' for help.\n"));
                return false;
            }
        };
        let Some(link) = &mut self.link else {
            self.say(format_args!("?Need to be connected first.\n'mode ?' for help.\n"));
            return false;
        };
        link.protocol.set_lines(lines, &mut self.outgoing);
        true
    }

    fn send<'w>(&mut self, words: impl Iterator<Item = &'w str>) -> bool {
        let mut any = false;
        for word in words {
            any = true;
            if word == "?" {
                for (name, what, _) in SENDS {
                    self.say(format_args!("{name:16}{what}\n"));
                }
                self.say(format_args!("{:16}Display send options\n", "?"));
                return false;
            }
            let Ok(name) = find(word, SENDS.map(|(name, ..)| name)) else {
                self.say(format_args!("Unknown send argument '{word}'\n'send ?' for help.\n"));
                return false;
            };
            let has_status = self.link.as_ref().is_some_and(|link| link.protocol.has_status());
            if name == "getstatus" && !has_status {
                self.say(format_args!("Remote side does not support STATUS option\n"));
                return false;
            }
            let bytes =
                SENDS.iter().find(|(known, ..)| *known == name).map_or(&[][..], |row| row.2);
            // What finds no room was too much at once.
            let _ = match (name, self.escape) {
                ("escape", Some(escape)) => self.outgoing.push(escape).map_err(drop),
                _ => self.outgoing.extend_from_slice(bytes).map_err(drop),
            };
        }
        if !any {
            let text = "need at least one argument for 'send' command\n'send ?' for help.\n";
            self.say(format_args!("{text}"));
        }
        any
    }
}

/// No character.
const NOTHING: Option<u8> = Some(0);

/// A word among several, of which its beginning is enough; or why it is none.
fn find<const N: usize>(
    word: &str,
    known: [&'static str; N],
) -> Result<&'static str, &'static str> {
    if let Some(exact) = known.iter().find(|name| **name == word) {
        return Ok(exact);
    }
    let mut begin = known.iter().filter(|name| name.starts_with(word));
    match (begin.next(), begin.next()) {
        (Some(name), None) => Ok(name),
        (None, _) => Err("Invalid"),
        (Some(_), Some(_)) => Err("Ambiguous"),
    }
}

/// A control character as it is shown: `^]`.
#[derive(Clone, Copy)]
pub struct Escape(pub Option<u8>);

impl fmt::Display for Escape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            NOTHING => Ok(()),
            None => f.write_str("off"),
            Some(key @ ..0x20) => write!(f, "^{}", char::from(key + 0x40)),
            Some(0x7f) => f.write_str("^?"),
            Some(key) => write!(f, "{}", char::from(key)),
        }
    }
}

#[cfg(test)]
mod tests;
