//! `ping`: asks a host for an echo, as iputils 20221126 does, or for its address mask.

mod lines;
mod settings;
mod tally;

use core::fmt;
use core::time::Duration;

use embassy_futures::select::{Either3, select3};
use embassy_time::{Instant, Timer};
use smoltcp::wire::{IpAddress, Ipv4Address};

use self::lines::{Host, Meaning, Scoped};
use self::settings::Settings;
use self::tally::{Tally, Time};
use super::icmp::{Ask, HEADER_BYTES, MASK_BYTES, Quote};
use super::{About, Arguments, Context, FAILURE, MISUSE, Misuse, Operands, Outcome, SUCCESS};
use super::{flag, value};
use crate::Text;
use crate::limits::{DATAGRAM_BYTES_MAX, MTU_BYTES, PING_DATA_BYTES_MAX, SHELL_TEXT_BYTES};
use crate::net::names::resolver::{NAME_TEXT_BYTES_MAX, literal, resolve, reverse};
use crate::net::{IcmpReceived, IcmpSocket, NetError, Port, Send};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[options] <destination>",
    summary: "ask a host for an echo",
    options: &[
        value("c", "", "count", "stop after <count> replies"),
        flag("D", "", "print timestamps: seconds since the start"),
        value("I", "", "interface", "either interface name or address"),
        value("i", "", "interval", "seconds between sending each packet"),
        value("M", "", "pmtud opt", "define mtu discovery, can be one of <do|dont|want>"),
        flag("n", "", "no dns name resolution"),
        flag("O", "", "report outstanding replies"),
        value("p", "", "pattern", "contents of padding byte"),
        flag("q", "", "quiet output"),
        value("Q", "", "tclass", "use quality of service <tclass> bits"),
        value("s", "", "size", "use <size> as number of data bytes to be sent"),
        value("t", "", "ttl|mask", "time to live; mask: ask for the address mask"),
        flag("v", "", "verbose output"),
        value("w", "", "deadline", "reply wait <deadline> in seconds"),
        value("W", "", "timeout", "time to wait for response"),
        flag("4", "", "use IPv4"),
        flag("6", "", "use IPv6"),
        flag("b", "", "allow pinging broadcast"),
    ],
    operands: Operands::Hosts,
    usage: Some(USAGE),
    misuse: Misuse { status: 2, ..About::NEW.misuse },
    ..About::NEW
};

// In the words of iputils.
const USAGE: &str = "
Usage
  ping [options] <destination>

Options:
  <destination>      dns name or ip address
  -c <count>         stop after <count> replies
  -D                 print timestamps (seconds since the start)
  -h                 print help and exit
  -I <interface>     either interface name or address
  -i <interval>      seconds between sending each packet
  -M <pmtud opt>     define mtu discovery, can be one of <do|dont|want>
  -n                 no dns name resolution
  -O                 report outstanding replies
  -p <pattern>       contents of padding byte
  -q                 quiet output
  -Q <tclass>        use quality of service <tclass> bits
  -s <size>          use <size> as number of data bytes to be sent
  -t <ttl>           define time to live
  -t mask            ask for the address mask (RFC 950) instead
  -v                 verbose output
  -w <deadline>      reply wait <deadline> in seconds
  -W <timeout>       time to wait for response

IPv4 options:
  -4                 use IPv4
  -b                 allow pinging broadcast

IPv6 options:
  -6                 use IPv6

For more details see ping(8).
";

/// Bytes of a received message that are looked at: an answer's header and mask, or an error's
/// header, the IPv6 header it quotes, and the header of the request.
const LOOK_BYTES: usize = 128;
/// Bytes of the time stamp that iputils puts before the pattern; shorter data carry none, and are
/// not timed.
const STAMP_BYTES: usize = 16;

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let settings = match Settings::read(context.command.name, arguments) {
        Ok(settings) => settings,
        Err(wrong) => {
            context.complain(format_args!("{wrong}")).await;
            return Outcome::Status(wrong.status());
        }
    };
    if let Some(garbage) = settings.garbage {
        context.complain(format_args!("option argument contains garbage: {garbage}")).await;
        context.complain(format_args!("this will become fatal error in the future")).await;
    }
    let target = match resolve(context.system, settings.target, settings.family).await {
        Ok(addresses) => addresses[0],
        Err(error) => {
            context.complain(format_args!("{}: {error}", settings.target)).await;
            return MISUSE;
        }
    };
    if let Err(text) = check(context, &settings, target) {
        context.complain(format_args!("{text}")).await;
        return MISUSE;
    }
    let socket = match context.system.icmp("ping") {
        Ok(socket) => socket,
        Err(error) => {
            context.complain(format_args!("socket: {error}")).await;
            return MISUSE;
        }
    };
    let ping =
        Ping { context, settings: &settings, target, socket, id: context.system.random() as u16 };
    ping.run().await
}

/// What keeps a target from being asked, in the words of iputils.
fn check(
    context: &Context<'_>,
    settings: &Settings<'_>,
    target: IpAddress,
) -> Result<(), Text<96>> {
    let system = context.system;
    let interfaces = system.interfaces();
    let mut addresses = interfaces.iter().flat_map(|interface| &interface.addresses);
    if let Some(source) = settings.source
        && !interfaces.iter().any(|interface| interface.port.name() == source)
    {
        match source.parse::<core::net::IpAddr>() {
            Ok(source) if addresses.any(|own| own.cidr.address() == source.into()) => {}
            Ok(_) => return Err(Text::from("bind: Cannot assign requested address")),
            Err(_) => {
                return Err(Text::of(format_args!("SO_BINDTODEVICE {source}: No such device")));
            }
        }
    }
    if is_broadcast(context, target) && !settings.broadcast {
        return Err(Text::from(
            "Do you want to ping broadcast? Then -b. If not, check your local firewall rules",
        ));
    }
    let choice = system.route_get(target);
    if choice.is_none_or(|choice| choice.source_address.is_none()) {
        return Err(Text::of(format_args!("connect: {}", NetError::NetworkUnreachable)));
    }
    Ok(())
}

fn is_broadcast(context: &Context<'_>, target: IpAddress) -> bool {
    let IpAddress::Ipv4(target) = target else { return false };
    let interfaces = context.system.interfaces();
    let mut addresses = interfaces.iter().flat_map(|interface| &interface.addresses);
    target.is_broadcast() || addresses.any(|own| own.broadcast == Some(target))
}

/// A run.
struct Ping<'a> {
    context: &'a Context<'a>,
    settings: &'a Settings<'a>,
    target: IpAddress,
    socket: IcmpSocket,
    id: u16,
}

/// The name of the host that answered last.
struct Named {
    address: IpAddress,
    name: Option<Text<NAME_TEXT_BYTES_MAX>>,
}

impl Ping<'_> {
    async fn run(&self) -> Outcome {
        let Self { context, settings, .. } = *self;
        self.introduce().await;
        let interrupts = context.interrupts();
        let mut tally = Tally::new();
        let mut named = None;
        let deadline = settings.deadline.map(|deadline| after(Instant::now(), deadline));
        let mut due = Instant::now();
        loop {
            let is_last = settings.count.is_some_and(|count| tally.sent >= count);
            if is_last && tally.received + tally.errors >= tally.sent {
                break;
            }
            let mut look = [0; LOOK_BYTES];
            let until = deadline.map_or(due, |deadline| deadline.min(due));
            let event =
                select3(interrupts.next(), self.socket.receive(&mut look), Timer::at(until));
            match event.await {
                Either3::First(()) => break,
                Either3::Second(received) => {
                    let look = &look[..received.len];
                    self.hear(&mut tally, &mut named, &received, look).await;
                    if deadline.is_some() && tally.errors > 0 {
                        break;
                    }
                }
                Either3::Third(()) if deadline.is_some_and(|end| end <= Instant::now()) => break,
                // The answers to the last request had their time.
                Either3::Third(()) if is_last => break,
                Either3::Third(()) => {
                    if settings.outstanding && tally.is_outstanding() {
                        let sequence = tally.sent as u16;
                        self.line(format_args!("no answer yet for icmp_seq={sequence}")).await;
                    }
                    self.ask(&mut tally).await;
                    // From one to the next, not from the end of one: the pace is kept.
                    let pause = match settings.count {
                        Some(count) if tally.sent >= count => self.linger(&tally),
                        _ => settings.interval,
                    };
                    due = after(due, pause).max(Instant::now());
                }
            }
        }
        let mut text = Text::<SHELL_TEXT_BYTES>::new();
        // A Text never fails, and the longest name leaves room for the figures.
        let _ = tally.summary(&mut text, settings.target);
        context.write(&text).await;
        let missing = settings.count.is_some_and(|count| tally.received < count);
        match tally.received {
            0 => FAILURE,
            _ if deadline.is_some() && missing => FAILURE,
            _ => SUCCESS,
        }
    }

    /// How long to wait after the last request: twice the longest time seen, if any was.
    fn linger(&self, tally: &Tally) -> Duration {
        let Settings { linger, interval, .. } = *self.settings;
        match tally.received {
            0 => linger,
            _ => interval.max(Duration::from_micros(2 * tally.most())),
        }
    }

    /// The first line.
    async fn introduce(&self) {
        let Self { context, target, .. } = *self;
        let mut text = Text::<SHELL_TEXT_BYTES>::new();
        // A Text never fails: what does not fit is cut.
        let _ = self.write_introduction(&mut text);
        if is_broadcast(context, target) {
            context.write("WARNING: pinging broadcast address\n").await;
        }
        context.write(&text).await;
    }

    fn write_introduction(&self, out: &mut impl fmt::Write) -> fmt::Result {
        let Self { context, settings, target, .. } = *self;
        if let Some(pattern) = &settings.pattern {
            out.write_str("PATTERN: 0x")?;
            pattern.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
            out.write_str("\n")?;
        }
        let name = settings.target;
        let is_name = literal(name).is_none();
        match (target, is_name) {
            (IpAddress::Ipv4(_), _) => write!(out, "PING {name} ({target})")?,
            (IpAddress::Ipv6(_), true) => write!(out, "PING {name}({name} ({target}))")?,
            (IpAddress::Ipv6(_), false) => write!(out, "PING {name}({})", Scoped(target))?,
        }
        if let Some(source) = settings.source {
            let port = [Port::Eth0, Port::Lo].into_iter().find(|port| port.name() == source);
            let own = context.system.route_get(target).and_then(|choice| choice.source_address);
            if let Some(own) = own {
                write!(out, " from {own} {}:", port.map_or("", Port::name))?;
            }
        }
        let bytes = settings.data_bytes;
        match target {
            IpAddress::Ipv4(_) => writeln!(out, " {bytes}({}) bytes of data.", bytes + 28),
            IpAddress::Ipv6(_) => writeln!(out, " {bytes} data bytes"),
        }
    }

    /// Sends the next request.
    async fn ask(&self, tally: &mut Tally) {
        let Self { context, settings, target, .. } = *self;
        let now = context.system.now();
        let mut message = [0; HEADER_BYTES + PING_DATA_BYTES_MAX];
        let bytes = settings.message_bytes();
        let sequence = tally.next_sequence();
        let sent = match message.get_mut(..bytes) {
            None => Err(NetError::MessageTooLong),
            Some(message) => {
                settings.ask.write(message, target, self.id, sequence);
                if settings.ask == Ask::Echo {
                    self.fill(&mut message[HEADER_BYTES..], now);
                }
                let options = Send {
                    hop_limit: settings.hop_limit,
                    traffic_class: settings.traffic_class,
                    dont_fragment: settings.dont_fragment,
                };
                self.socket.send(target, message, options).await
            }
        };
        tally.send(now.as_micros() as u64);
        match sent {
            Ok(()) => {}
            Err(NetError::MessageTooLong) => {
                tally.error(sequence);
                let mtu = match settings.dont_fragment {
                    true => MTU_BYTES,
                    false => DATAGRAM_BYTES_MAX.min(PING_DATA_BYTES_MAX + 28),
                };
                let text = format_args!("local error: message too long, mtu={mtu}");
                context.complain(text).await;
            }
            Err(error) => context.complain(format_args!("sendmsg: {error}")).await,
        }
    }

    /// Fills the data as iputils does: the time, then the pattern.
    fn fill(&self, data: &mut [u8], now: Duration) {
        for (index, byte) in data.iter_mut().enumerate() {
            *byte = self.settings.filler(index);
        }
        if let Some(stamp) = data.first_chunk_mut::<STAMP_BYTES>() {
            stamp[..8].copy_from_slice(&now.as_secs().to_le_bytes());
            stamp[8..].copy_from_slice(&u64::from(now.subsec_micros()).to_le_bytes());
        }
    }

    /// Looks at a message, and tells what concerns us.
    async fn hear(
        &self,
        tally: &mut Tally,
        named: &mut Option<Named>,
        received: &IcmpReceived,
        look: &[u8],
    ) {
        let Settings { ask, data_bytes, quiet, .. } = *self.settings;
        let from = received.from;
        if let Some(sequence) = ask.answered(from, look, self.id) {
            let is_timed = ask == Ask::Mask || data_bytes >= STAMP_BYTES;
            let at = received.at.as_micros() as u64;
            let answer = tally.answer(sequence, at, is_timed);
            if quiet {
                return;
            }
            let mut text = Text::<SHELL_TEXT_BYTES>::new();
            let name = self.name(named, from).await;
            let reply = Reply { ping: self, received, sequence, answer, name };
            // A Text never fails: what does not fit is cut.
            let _ = reply.write(&mut text, look);
            self.line(format_args!("{text}")).await;
        } else if let Some(quote) = Quote::of(from, look)
            && let Some(sequence) = quote.request(ask, self.id)
        {
            // A redirect tells of a better way; the request went on by the one it took.
            let is_redirect = quote.is_redirect();
            if !is_redirect {
                tally.error(sequence);
            }
            if quiet {
                return;
            }
            let name = self.name(named, from).await;
            let host = Host { address: from, name };
            let colon = if is_redirect { ":" } else { "" };
            let meaning = Meaning(&quote);
            self.line(format_args!("From {host}{colon} icmp_seq={sequence} {meaning}")).await;
        }
    }

    /// The name of a host, if names are wanted: as in iputils, not if the target is an address.
    async fn name<'n>(&self, named: &'n mut Option<Named>, address: IpAddress) -> Option<&'n str> {
        let is_literal = literal(self.settings.target).is_some();
        if self.settings.numeric || is_literal {
            return None;
        }
        if named.as_ref().is_none_or(|named| named.address != address) {
            let name = reverse(self.context.system, address).await;
            *named = Some(Named { address, name });
        }
        named.as_ref()?.name.as_deref()
    }

    /// Prints a line, behind the time if it is wanted.
    async fn line(&self, text: fmt::Arguments<'_>) {
        let context = self.context;
        if self.settings.timestamps {
            let now = context.system.now();
            let (seconds, micros) = (now.as_secs(), now.subsec_micros());
            context.print(format_args!("[{seconds}.{micros:06}] {text}\n")).await;
        } else {
            context.print(format_args!("{text}\n")).await;
        }
    }
}

/// An answer, as it is told.
struct Reply<'a> {
    ping: &'a Ping<'a>,
    received: &'a IcmpReceived,
    sequence: u16,
    answer: tally::Answer,
    name: Option<&'a str>,
}

impl Reply<'_> {
    fn write(&self, out: &mut impl fmt::Write, look: &[u8]) -> fmt::Result {
        let IcmpReceived { original_len, from, hop_limit, .. } = *self.received;
        let host = Host { address: from, name: self.name };
        write!(out, "{original_len} bytes from {host}: icmp_seq={}", self.sequence)?;
        if self.ping.settings.verbose {
            write!(out, " ident={}", self.ping.id)?;
        }
        write!(out, " ttl={hop_limit}")?;
        if let Some(took) = self.answer.took {
            write!(out, " time={} ms", Time(took))?;
        }
        if let (Ask::Mask, Some(mask)) =
            (self.ping.settings.ask, look.get(HEADER_BYTES..MASK_BYTES))
            && let Ok(mask) = <[u8; 4]>::try_from(mask)
        {
            write!(out, " mask={}", Ipv4Address::from(mask))?;
        }
        if self.answer.is_duplicate {
            out.write_str(" (DUP!)")?;
        }
        Ok(())
    }
}

/// A moment later; a moment that the clock cannot tell is never.
fn after(moment: Instant, pause: Duration) -> Instant {
    let pause = embassy_time::Duration::try_from(pause).ok();
    pause.and_then(|pause| moment.checked_add(pause)).unwrap_or(Instant::MAX)
}
