//! What `nc` is asked to do.

use core::fmt;
use core::time::Duration;

use super::super::{Argument, Arguments};
use crate::limits::{NC_PORTS_MAX, WORDS_MAX};
use crate::net::names::resolver::Family;
use crate::net::names::services::{self, Protocol};

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings<'a> {
    /// Datagrams instead of a connection.
    pub datagrams: bool,
    /// Somebody else is to begin.
    pub listens: bool,
    /// And somebody else after that.
    pub keeps: bool,
    /// What happens is told; twice: more of it.
    pub verbose: bool,
    /// Nothing is said: whether somebody is there is all.
    pub scans: bool,
    /// No names.
    pub numeric: bool,
    /// Nothing is read from the keys.
    pub detached: bool,
    /// Lines end with CR LF.
    pub returns: bool,
    /// The end of the input closes the connection.
    pub closes: bool,
    /// So long after the end of the input it is over.
    pub quits: Option<Duration>,
    /// How long to wait.
    pub timeout: Option<Duration>,
    /// Our own port.
    pub source_port: Option<u16>,
    /// Which addresses are wanted.
    pub family: Family,
    /// The host; none for one who listens.
    pub host: Option<&'a str>,
    /// Ports, from the first to the last of each range.
    pub ports: heapless::Vec<(u16, u16), NC_PORTS_MAX>,
}

/// What is wrong, in the words of OpenBSD's netcat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong<'a> {
    /// The usage is the answer.
    Usage,
    /// No port.
    NoPort,
    /// This is none.
    Port(&'a str),
    /// It is 0.
    Small(&'a str),
    /// It has more than 16 bits.
    Large(&'a str),
    /// Not so many.
    Ports,
    /// Not a time.
    Timeout(&'a str),
    /// Not a time either.
    Quit(&'a str),
    /// `-z` with `-l`.
    ScanListen,
    /// `-k` without it.
    KeepAlone,
    /// Our own port cannot be chosen for a connection.
    SourcePort,
    /// No service has that name.
    Service,
}

impl fmt::Display for Wrong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage => Ok(()),
            Self::NoPort => f.write_str("missing port number"),
            Self::Port(text) => write!(f, "port number invalid: {text}"),
            Self::Small(text) => write!(f, "port number too small: {text}"),
            Self::Large(text) => write!(f, "port number too large: {text}"),
            Self::Ports => f.write_str("too many ports"),
            Self::Timeout(text) => write!(f, "timeout invalid: {text}"),
            Self::Quit(text) => write!(f, "quit timer invalid: {text}"),
            Self::ScanListen => f.write_str("cannot use -z and -l"),
            Self::KeepAlone => f.write_str("must use -l with -k"),
            Self::SourcePort => {
                f.write_str("-p: the port of a connection is not to be chosen here")
            }
            Self::Service => f.write_str("getaddrinfo: Servname not supported for ai_socktype"),
        }
    }
}

impl<'a> Settings<'a> {
    /// Reads the arguments.
    ///
    /// # Errors
    /// The first [`Wrong`].
    pub fn read(arguments: Arguments<'a>) -> Result<Self, Wrong<'a>> {
        let mut settings = Self::default();
        let mut words = heapless::Vec::<&str, WORDS_MAX>::new();
        let mut source = None;
        for argument in arguments {
            match argument {
                Argument::Option("u", _) => settings.datagrams = true,
                Argument::Option("l", _) => settings.listens = true,
                Argument::Option("k", _) => settings.keeps = true,
                Argument::Option("v", _) => settings.verbose = true,
                Argument::Option("z", _) => settings.scans = true,
                Argument::Option("n", _) => settings.numeric = true,
                Argument::Option("d", _) => settings.detached = true,
                Argument::Option("C", _) => settings.returns = true,
                Argument::Option("N", _) => settings.closes = true,
                Argument::Option("4", _) => settings.family = Family::V4,
                Argument::Option("6", _) => settings.family = Family::V6,
                Argument::Option("p", text) => source = Some(text),
                Argument::Option("q", text) => {
                    let seconds: i32 = text.parse().map_err(|_| Wrong::Quit(text))?;
                    let seconds = u64::try_from(seconds).ok();
                    settings.quits = seconds.map(Duration::from_secs);
                }
                Argument::Option("w", text) => {
                    let seconds: i32 = text.parse().map_err(|_| Wrong::Timeout(text))?;
                    let seconds = u64::try_from(seconds).map_err(|_| Wrong::Timeout(text))?;
                    settings.timeout = Some(Duration::from_secs(seconds));
                }
                Argument::Option(..) => {}
                // Cannot fail: a command line has no more words.
                Argument::Operand(word) => drop(words.push(word)),
            }
        }
        let protocol = if settings.datagrams { Protocol::Udp } else { Protocol::Tcp };
        let ports = match (settings.listens, &words[..]) {
            (false, []) => return Err(Wrong::Usage),
            (_, [host, ports @ ..]) if !settings.listens || !ports.is_empty() => {
                settings.host = Some(host);
                ports
            }
            (_, ports) => ports,
        };
        if settings.listens && source.is_some() && !ports.is_empty() {
            return Err(Wrong::Usage);
        }
        if settings.scans && settings.listens {
            return Err(Wrong::ScanListen);
        }
        if settings.keeps && !settings.listens {
            return Err(Wrong::KeepAlone);
        }
        for text in ports {
            let range = range(text, protocol)?;
            settings.ports.push(range).map_err(|_| Wrong::Ports)?;
        }
        if let Some(text) = source {
            let port = port(text, protocol).map_err(|_| Wrong::Service)?;
            match (settings.listens, settings.datagrams) {
                (true, _) => drop(settings.ports.push((port, port))),
                (false, true) => settings.source_port = Some(port),
                (false, false) => return Err(Wrong::SourcePort),
            }
        }
        if settings.ports.is_empty() { Err(Wrong::NoPort) } else { Ok(settings) }
    }
}

/// `80`, `http` or `80-82`, in any order.
fn range(text: &str, protocol: Protocol) -> Result<(u16, u16), Wrong<'_>> {
    if let Some(port) = services::port_of(text, Some(protocol)) {
        return Ok((port, port));
    }
    match text.split_once('-') {
        Some((one, other)) => {
            let (one, other) = (port(one, protocol)?, port(other, protocol)?);
            Ok((one.min(other), one.max(other)))
        }
        None => port(text, protocol).map(|port| (port, port)),
    }
}

fn port(text: &str, protocol: Protocol) -> Result<u16, Wrong<'_>> {
    match text.parse::<u64>() {
        Ok(0) => Err(Wrong::Small(text)),
        Ok(number) => u16::try_from(number).map_err(|_| Wrong::Large(text)),
        Err(_) => services::port_of(text, Some(protocol)).ok_or(Wrong::Port(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ABOUT;
    use super::*;

    fn read<'a>(words: &'a [&'a str]) -> Result<Settings<'a>, Wrong<'a>> {
        Settings::read(Arguments::new(&ABOUT, words))
    }

    #[test]
    fn hosts_and_ports() {
        let good = read(&["-vz", "host", "80-82", "http", "9-7"]).unwrap();
        assert_eq!((good.host, good.verbose, good.scans), (Some("host"), true, true));
        assert_eq!(good.ports, [(80, 82), (80, 80), (7, 9)]);
        let listens = read(&["-lu", "5000", "-w", "3"]).unwrap();
        assert_eq!((listens.host, &listens.ports[..]), (None, &[(5000, 5000)][..]));
        assert_eq!(listens.timeout, Some(Duration::from_secs(3)));
        let by_option = read(&["-l", "-p", "5000"]).unwrap();
        assert_eq!(by_option.ports, listens.ports);
        assert_eq!(read(&["-up", "9", "h", "1"]).unwrap().source_port, Some(9));
        assert_eq!(read(&["-l", "0.0.0.0", "5"]).unwrap().host, Some("0.0.0.0"));
    }

    #[test]
    fn mistakes_in_the_words_of_the_real_one() {
        for (words, wrong) in [
            (&[][..], Wrong::Usage),
            (&["-l"], Wrong::NoPort),
            (&["h"], Wrong::NoPort),
            (&["h", "99999"], Wrong::Large("99999")),
            (&["h", "0"], Wrong::Small("0")),
            (&["h", "x"], Wrong::Port("x")),
            (&["-w", "x", "h", "1"], Wrong::Timeout("x")),
            (&["-w", "-1", "h", "1"], Wrong::Timeout("-1")),
            (&["-q", "x", "h", "1"], Wrong::Quit("x")),
            (&["-lz", "1"], Wrong::ScanListen),
            (&["-k", "h", "1"], Wrong::KeepAlone),
            (&["-l", "-p", "1", "2"], Wrong::Usage),
            (&["-lp", "x"], Wrong::Service),
            (&["-p", "1", "h", "2"], Wrong::SourcePort),
        ] {
            assert_eq!(read(words), Err(wrong), "{words:?}");
        }
    }
}
