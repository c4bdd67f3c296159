//! `nc`: bytes from the keys into a connection and back, in the words of OpenBSD's netcat.

mod settings;

use core::fmt;
use core::future::pending;
use core::time::Duration;

use embassy_futures::select::{Either3, select3};
use embassy_time::{Instant, Timer, with_timeout};
use embedded_io_async::{Read, Write};
use smoltcp::wire::{IpAddress, IpEndpoint};

use self::settings::{Settings, Wrong};
use super::cooked::{Cooked, Typed};
use super::{About, Arguments, Context, FAILURE, Misuse, Operands, Outcome, SUCCESS, Then};
use super::{flag, value};
use crate::Text;
use crate::limits::{LINE_BYTES_MAX, NC_BACKLOG, NC_UDP_SCAN_SECONDS, SHELL_TEXT_BYTES};
use crate::net::names::resolver::{Family, literal, resolve, reverse};
use crate::net::names::services::{self, Protocol};
use crate::net::{NetError, TcpStream, UdpSocket};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[-46CdklNnuvz] [-p port] [-q seconds] [-w timeout] [destination] [port]",
    summary: "read and write a connection",
    options: &[
        flag("4", "", "Use IPv4"),
        flag("6", "", "Use IPv6"),
        flag("C", "", "Send CRLF as line-ending"),
        flag("d", "", "Detach from stdin"),
        flag("k", "", "Keep inbound sockets open for multiple connects"),
        flag("l", "", "Listen mode, for inbound connects"),
        flag("N", "", "Shutdown the network socket after EOF on stdin"),
        flag("n", "", "Suppress name/port resolutions"),
        value("p", "", "port", "Specify local port for remote connects"),
        value("q", "", "secs", "quit after EOF on stdin and delay of secs"),
        flag("u", "", "UDP mode"),
        flag("v", "", "Verbose"),
        value("w", "", "timeout", "Timeout for connects and final net reads"),
        flag("z", "", "Zero-I/O mode [used for scanning]"),
    ],
    operands: Operands::Hosts,
    usage: Some(USAGE),
    misuse: Misuse { then: Then::Text(SHORT), ..About::NEW.misuse },
    ..About::NEW
};

// In the words of OpenBSD, for what is there.
const SHORT: &str = "\
usage: nc [-46CdhklNnuvz] [-p source_port] [-q seconds] [-w timeout]
	  [destination] [port]
";
const USAGE: &str = "\
usage: nc [-46CdhklNnuvz] [-p source_port] [-q seconds] [-w timeout]
	  [destination] [port]
	Command Summary:
		-4		Use IPv4
		-6		Use IPv6
		-C		Send CRLF as line-ending
		-d		Detach from stdin
		-h		This help text
		-k		Keep inbound sockets open for multiple connects
		-l		Listen mode, for inbound connects
		-N		Shutdown the network socket after EOF on stdin
		-n		Suppress name/port resolutions
		-p port		Specify local port for remote connects
		-q secs		quit after EOF on stdin and delay of secs
		-u		UDP mode
		-v		Verbose
		-w timeout	Timeout for connects and final net reads
		-z		Zero-I/O mode [used for scanning]
	Port numbers can be individual or ranges: lo-hi [inclusive]
";

/// Bytes read from the network at a time: a datagram of Ethernet's size.
const DATA_BYTES: usize = 1472;

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let settings = match Settings::read(arguments) {
        Ok(settings) => settings,
        Err(Wrong::Usage) => return context.misused().await,
        Err(wrong) => {
            context.complain(format_args!("{wrong}")).await;
            return FAILURE;
        }
    };
    let nc = Nc { context, settings: &settings };
    let done = match settings.host {
        _ if settings.listens => nc.listen().await,
        Some(host) => nc.reach(host).await,
        // The settings say so.
        None => Ok(false),
    };
    match done {
        Ok(true) => SUCCESS,
        Ok(false) => FAILURE,
        Err(error) => {
            context.complain(format_args!("{error}")).await;
            FAILURE
        }
    }
}

/// A run.
struct Nc<'a> {
    context: &'a Context<'a>,
    settings: &'a Settings<'a>,
}

/// Whom bytes go to.
enum Peer {
    Tcp(TcpStream),
    Udp(UdpSocket, IpEndpoint),
}

impl Peer {
    async fn send(&self, bytes: &[u8]) -> Result<(), Gone> {
        match self {
            Self::Tcp(stream) => (&mut &*stream).write_all(bytes).await.map_err(|_| Gone),
            Self::Udp(socket, to) => socket.send_to(bytes, *to).await.map_err(|_| Gone),
        }
    }

    /// How many bytes came; none: there will be no more.
    async fn receive(&self, buffer: &mut [u8; DATA_BYTES]) -> Result<usize, Gone> {
        match self {
            Self::Tcp(stream) => match (&mut &*stream).read(buffer).await {
                Ok(0) | Err(_) => Err(Gone),
                Ok(count) => Ok(count),
            },
            Self::Udp(socket, peer) => loop {
                let received = socket.receive(buffer).await.map_err(|_| Gone)?;
                if received.from == *peer {
                    return Ok(received.len);
                }
            },
        }
    }
}

/// There is nobody at the other end.
#[derive(Debug)]
struct Gone;

impl Nc<'_> {
    fn protocol(&self) -> (Protocol, &'static str) {
        match self.settings.datagrams {
            true => (Protocol::Udp, "udp"),
            false => (Protocol::Tcp, "tcp"),
        }
    }

    /// Goes to each of the ports; true if somebody was there.
    async fn reach(&self, host: &str) -> Result<bool, NetError> {
        let Self { context, settings } = *self;
        let mut any = false;
        let is_name = literal(host).is_none();
        let found = match settings.numeric && is_name {
            true => Err(Text::from("Name or service not known")),
            false => match resolve(context.system, host, settings.family).await {
                Ok(addresses) => Ok(addresses),
                Err(error) => Err(Text::<64>::of(format_args!("{error}"))),
            },
        };
        for port in settings.ports.iter().flat_map(|(first, last)| *first..=*last) {
            let addresses = match &found {
                Ok(addresses) => addresses,
                Err(why) => {
                    let text = format_args!("getaddrinfo for host \"{host}\" port {port}: {why}");
                    context.complain(text).await;
                    return Ok(false);
                }
            };
            for address in addresses {
                let shown = Host { name: is_name.then_some(host), address: *address };
                let Some(peer) = self.open(*address, port, &shown).await? else { continue };
                any = true;
                if settings.verbose {
                    self.tell_open(port, &shown).await;
                }
                if !settings.scans {
                    self.talk(peer).await;
                }
                break;
            }
        }
        Ok(any)
    }

    /// Opens a connection; tells why there is none.
    async fn open(
        &self,
        address: IpAddress,
        port: u16,
        shown: &Host<'_>,
    ) -> Result<Option<Peer>, NetError> {
        let Self { context, settings } = *self;
        let to = IpEndpoint::new(address, port);
        if settings.datagrams {
            let socket = context.system.udp("nc", settings.source_port)?;
            let is_heard = !settings.verbose || self.is_heard(&socket, to).await;
            return Ok(is_heard.then_some(Peer::Udp(socket, to)));
        }
        let connecting = context.system.connect("nc", to);
        let connected = match settings.timeout.and_then(|limit| limit.try_into().ok()) {
            Some(limit) => with_timeout(limit, connecting).await,
            None => Ok(connecting.await),
        };
        let error = match connected {
            Ok(Ok(stream)) => return Ok(Some(Peer::Tcp(stream))),
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        if settings.verbose {
            let head = format_args!("connect to {shown} port {port} (tcp)");
            match error {
                Some(error) => context.complain(format_args!("{head} failed: {error}")).await,
                None => {
                    let text = format_args!("{head} timed out: Operation now in progress");
                    context.complain(text).await;
                }
            }
        }
        Ok(None)
    }

    /// Sends a few bytes, as the real one does when it is to tell whether somebody hears them:
    /// nobody does if an ICMP error comes.
    async fn is_heard(&self, socket: &UdpSocket, to: IpEndpoint) -> bool {
        let mut data = [0; DATA_BYTES];
        let seconds = self.settings.timeout.map_or(NC_UDP_SCAN_SECONDS, |limit| limit.as_secs());
        if socket.send_to(b"X", to).await.is_err() || socket.send_to(b"X", to).await.is_err() {
            return false;
        }
        for _ in 0..seconds {
            let second = embassy_time::Duration::from_secs(1);
            match with_timeout(second, socket.receive(&mut data)).await {
                Ok(Err(_)) => return false,
                Ok(Ok(received)) => {
                    self.context.channel.output.write_all(&data[..received.len]).await;
                }
                Err(_) => {}
            }
            if socket.send_to(b"X", to).await.is_err() {
                return false;
            }
        }
        true
    }

    async fn tell_open(&self, port: u16, shown: &Host<'_>) {
        let (protocol, name) = self.protocol();
        let known = services::name_of(port, protocol).filter(|_| !self.settings.numeric);
        let service = known.unwrap_or("*");
        let text =
            format_args!("Connection to {shown} {port} port [{name}/{service}] succeeded!\n");
        self.context.print(text).await;
    }

    /// Waits for somebody who begins; true if somebody did.
    async fn listen(&self) -> Result<bool, NetError> {
        let Self { context, settings } = *self;
        let Some((port, _)) = settings.ports.first().copied() else { return Ok(false) };
        let own = match settings.host {
            None => None,
            Some(host) => match resolve(context.system, host, settings.family).await {
                Ok(addresses) => Some(addresses[0]).filter(|own| !own.is_unspecified()),
                Err(error) => {
                    context.complain(format_args!("getaddrinfo: {error}")).await;
                    return Ok(false);
                }
            },
        };
        let any = if settings.family == Family::V6 { "::" } else { "0.0.0.0" };
        let shown: Text<48> = match own {
            Some(own) => Text::of(format_args!("{own}")),
            None => Text::from(any),
        };
        if !settings.datagrams {
            return self.accept(port, own, &shown).await;
        }
        loop {
            let socket = context.system.udp("nc", Some(port))?;
            if settings.verbose {
                context.print(format_args!("Bound on {shown} {port}\n")).await;
            }
            let mut data = [0; DATA_BYTES];
            let first = loop {
                // An error is about something that this socket did not send.
                let Ok(received) = socket.receive(&mut data).await else { continue };
                let is_wanted = settings.family.has(received.from.addr);
                if is_wanted && own.is_none_or(|own| own == received.to) {
                    break received;
                }
            };
            self.tell_received(first.from).await;
            context.channel.output.write_all(&data[..first.len]).await;
            self.talk(Peer::Udp(socket, first.from)).await;
            if !settings.keeps {
                return Ok(true);
            }
        }
    }

    /// The same for a connection.
    async fn accept(
        &self,
        port: u16,
        own: Option<IpAddress>,
        shown: &str,
    ) -> Result<bool, NetError> {
        let Self { context, settings } = *self;
        loop {
            let listener = context.system.listen_passing("nc", port, NC_BACKLOG)?;
            if settings.verbose {
                context.print(format_args!("Listening on {shown} {port}\n")).await;
            }
            loop {
                let stream = listener.accept().await;
                let is_wanted = settings.family.has(stream.peer().addr)
                    && own.is_none_or(|own| own == stream.local().addr);
                if !is_wanted {
                    stream.abort();
                    continue;
                }
                if !settings.keeps {
                    drop(listener);
                    self.tell_received(stream.peer()).await;
                    self.talk(Peer::Tcp(stream)).await;
                    return Ok(true);
                }
                self.tell_received(stream.peer()).await;
                self.talk(Peer::Tcp(stream)).await;
                break;
            }
        }
    }

    async fn tell_received(&self, from: IpEndpoint) {
        let Self { context, settings } = *self;
        if !settings.verbose {
            return;
        }
        let IpEndpoint { addr, port } = from;
        let name = match settings.numeric {
            true => None,
            false => reverse(context.system, addr).await,
        };
        match name {
            Some(name) => {
                context.print(format_args!("Connection received on {name} {port}\n")).await;
            }
            None => context.print(format_args!("Connection received on {addr} {port}\n")).await,
        }
    }

    /// Carries bytes both ways until one end has had enough. Ctrl-C ends it as any command.
    async fn talk(&self, peer: Peer) {
        let Self { context, settings } = *self;
        let mut cooked = Cooked::default();
        let mut reads = !settings.detached;
        let mut quits = None;
        let mut heard = Instant::now();
        let (mut key, mut data) = ([0; 1], [0; DATA_BYTES]);
        loop {
            let typed = async {
                match reads {
                    true => context.channel.keys.read(&mut key).await,
                    false => pending().await,
                }
            };
            let idle = settings.timeout.and_then(|limit| later(heard, limit));
            let over = async {
                match quits.into_iter().chain(idle).min() {
                    Some(at) => Timer::at(at).await,
                    None => pending().await,
                }
            };
            match select3(typed, peer.receive(&mut data), over).await {
                Either3::First(_) => {
                    let mut echo = Text::<SHELL_TEXT_BYTES>::new();
                    let typed = cooked.feed(key[0], &mut echo);
                    if context.screen.echo {
                        context.write(&echo).await;
                    }
                    match typed {
                        Typed::Nothing => {}
                        // It came as part of what was pasted: the session looks for it first.
                        Typed::Interrupt => return,
                        Typed::Line => {
                            heard = Instant::now();
                            if self.send(&peer, cooked.line()).await.is_err() {
                                return;
                            }
                        }
                        Typed::EndOfInput => {
                            reads = false;
                            quits = settings.quits.and_then(|delay| later(Instant::now(), delay));
                            if settings.closes
                                && let Peer::Tcp(stream) = peer
                            {
                                return stream.close().await;
                            }
                        }
                    }
                }
                Either3::Second(Ok(count)) => {
                    heard = Instant::now();
                    context.channel.output.write_all(&data[..count]).await;
                }
                Either3::Second(Err(Gone)) | Either3::Third(()) => return,
            }
        }
    }

    /// Sends a line.
    async fn send(&self, peer: &Peer, line: &[u8]) -> Result<(), Gone> {
        match line.strip_suffix(b"\n").filter(|_| self.settings.returns) {
            None => peer.send(line).await,
            Some(text) => {
                let mut whole = heapless::Vec::<u8, { LINE_BYTES_MAX + 1 }>::new();
                // Neither can fail: a line is no longer.
                let _ = whole.extend_from_slice(text);
                let _ = whole.extend_from_slice(b"\r\n");
                peer.send(&whole).await
            }
        }
    }
}

/// A moment later; a moment that the clock cannot tell is never.
fn later(from: Instant, delay: Duration) -> Option<Instant> {
    from.checked_add(delay.try_into().ok()?)
}

/// A host as it is told of: `localhost (127.0.0.1)`.
struct Host<'a> {
    name: Option<&'a str>,
    address: IpAddress,
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => write!(f, "{name} ({})", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}
