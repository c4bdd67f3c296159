//! `traceroute`: the routers on the way to a host, as traceroute 2.1.2 finds and prints them.

mod probes;
mod settings;

use core::fmt::Write as _;
use core::task::Poll;
use core::time::Duration;

use embassy_futures::poll_once;
use embassy_futures::select::{Either, select};
use embassy_time::{Instant, Timer};
use smoltcp::wire::{IpAddress, IpEndpoint};

use self::probes::{Answer, Note, Probes, meaning};
use self::settings::{Settings, Wrong};
use super::icmp::{Ask, HEADER_BYTES, Quote, UDP};
use super::{About, Arguments, Context, FAILURE, MISUSE, Operands, Opt, Order, Outcome, SUCCESS};
use super::{flag, value};
use crate::Text;
use crate::limits::{ICMP_MESSAGES, PING_DATA_BYTES_MAX, SHELL_TEXT_BYTES};
use crate::net::names::resolver::{resolve, reverse};
use crate::net::{IcmpReceived, IcmpSocket, NetError, Send, UdpSocket};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[ -46In ] [ options ] host [ packetlen ]",
    summary: "tell the routers on the way to a host",
    options: OPTIONS,
    order: Order::Raw,
    operands: Operands::Hosts,
    ..About::NEW
};

const OPTIONS: &[Opt] = &[
    flag("4", "", "use IPv4"),
    flag("6", "", "use IPv6"),
    value("f", "first", "first_ttl", "start from the first_ttl hop"),
    flag("I", "icmp", "use ICMP ECHO instead of UDP"),
    value("m", "max-hops", "max_ttl", "no more hops than that; default is 30"),
    value("N", "sim-queries", "squeries", "probes under way at a time; default is 16"),
    flag("n", "", "do not resolve IP addresses to their domain names"),
    value("p", "port", "port", "first UDP port, or ICMP sequence number"),
    value("t", "tos", "tos", "type of service (with -I)"),
    value("w", "wait", "MAX,HERE,NEAR", "seconds, or times of other answers, to wait"),
    value("q", "queries", "nqueries", "probes per hop; default is 3"),
];

/// The first port (RFC 1393 tells of the method; the number is Van Jacobson's): nobody listens
/// there.
const PORT: u16 = 33_434;
/// Bytes of an IPv4 packet, unless the user says otherwise.
const PACKET_BYTES: usize = 60;
/// Of an IPv6 packet.
const PACKET_BYTES_V6: usize = 80;
/// Bytes of a received message that are looked at: an error's header, the IPv6 header it quotes,
/// and the UDP header.
const LOOK_BYTES: usize = 128;

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let settings = match Settings::read(context.command.name, arguments.rest()) {
        Ok(settings) => settings,
        Err(Wrong::NoTarget) => {
            super::help::usage(context).await;
            return SUCCESS;
        }
        Err(wrong) => {
            context.print(format_args!("{wrong}\n")).await;
            return MISUSE;
        }
    };
    let Settings { target, target_at, .. } = settings;
    let to = match resolve(context.system, target, settings.family).await {
        Ok(addresses) => addresses[0],
        Err(error) => {
            context.print(format_args!("{target}: {error}\n")).await;
            let at = format_args!("on position 1 (argc {target_at})");
            context
                .print(format_args!("Cannot handle \"host\" cmdline arg `{target}' {at}\n"))
                .await;
            return MISUSE;
        }
    };
    let (headers, default) = match to {
        IpAddress::Ipv4(_) => (20 + HEADER_BYTES, PACKET_BYTES),
        IpAddress::Ipv6(_) => (40 + HEADER_BYTES, PACKET_BYTES_V6),
    };
    let data_bytes = settings.packet_bytes.unwrap_or(default).saturating_sub(headers);
    let packet_bytes = data_bytes + headers;
    let hops = settings.hops;
    context
        .print(format_args!(
            "traceroute to {target} ({to}), {hops} hops max, {packet_bytes} byte packets\n"
        ))
        .await;
    match Trace::new(context, &settings, to, data_bytes) {
        Ok(trace) => trace.run().await,
        Err(error) => {
            context.print(format_args!("connect: {error}\n")).await;
            FAILURE
        }
    }
}

/// A run.
struct Trace<'a> {
    context: &'a Context<'a>,
    settings: &'a Settings<'a>,
    to: IpAddress,
    data_bytes: usize,
    icmp: IcmpSocket,
    udp: UdpSocket,
    id: u16,
}

/// The hop and host that were printed last.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Printed {
    hop: usize,
    host: Option<IpAddress>,
}

impl<'a> Trace<'a> {
    fn new(
        context: &'a Context<'a>,
        settings: &'a Settings<'a>,
        to: IpAddress,
        data_bytes: usize,
    ) -> Result<Self, NetError> {
        let system = context.system;
        let choice = system.route_get(to);
        choice.and_then(|choice| choice.source_address).ok_or(NetError::NetworkUnreachable)?;
        let icmp = system.icmp("traceroute")?;
        let udp = system.udp("traceroute", None)?;
        let id = system.random() as u16;
        Ok(Self { context, settings, to, data_bytes, icmp, udp, id })
    }

    async fn run(&self) -> Outcome {
        let system = self.context.system;
        let mut probes = Probes::new(self.settings);
        let mut printed = Printed { hop: 0, host: None };
        while !probes.is_done() {
            while probes.may_send() {
                let (number, now) = (probes.next, system.now());
                probes.send(now);
                if let Err(error) = self.probe(number, probes.hop(number)).await {
                    self.context.print(format_args!("\nsend: {error}\n")).await;
                    return FAILURE;
                }
            }
            // Answers may have come while a name was looked up: those are not late.
            let mut look = [0; LOOK_BYTES];
            for _ in 0..ICMP_MESSAGES {
                let Poll::Ready(received) = poll_once(self.icmp.receive(&mut look)) else { break };
                self.hear(&mut probes, &received, &look);
            }
            let due = probes.expire(system.now());
            while let Some((number, result)) = probes.tell() {
                self.tell(&mut printed, probes.hop(number), result).await;
            }
            let Some(due) = due else { continue };
            let pause = due.saturating_sub(system.now());
            let pause = embassy_time::Duration::from_micros(pause.as_micros() as u64);
            let timer = Timer::at(Instant::now() + pause);
            if let Either::First(received) = select(self.icmp.receive(&mut look), timer).await {
                self.hear(&mut probes, &received, &look);
            }
        }
        self.context.write("\n").await;
        SUCCESS
    }

    fn hear(&self, probes: &mut Probes, received: &IcmpReceived, look: &[u8]) {
        if let Some((number, answer)) = self.read(received, &look[..received.len]) {
            probes.answer(number, answer);
        }
    }

    /// The port, or sequence number, of a probe.
    fn mark(&self, number: usize) -> u16 {
        let first = self.settings.port.unwrap_or(if self.settings.by_icmp { 1 } else { PORT });
        first.wrapping_add(number as u16)
    }

    async fn probe(&self, number: usize, hop: usize) -> Result<(), NetError> {
        let mut message = [0; HEADER_BYTES + PING_DATA_BYTES_MAX];
        let bytes = message.get_mut(..HEADER_BYTES + self.data_bytes);
        let message = bytes.ok_or(NetError::MessageTooLong)?;
        let data = &mut message[HEADER_BYTES..];
        // What the tool fills its packets with: `@ABC...`.
        data.iter_mut().enumerate().for_each(|(index, byte)| *byte = 0x40 + (index & 0x3f) as u8);
        let hop_limit = hop.min(255) as u8;
        if self.settings.by_icmp {
            Ask::Echo.write(message, self.to, self.id, self.mark(number));
            let traffic_class = self.settings.traffic_class;
            let options = Send { hop_limit, traffic_class, ..Send::default() };
            return self.icmp.send(self.to, message, options).await;
        }
        self.udp.set_hop_limit(Some(hop_limit));
        // Zero is no port.
        let port = self.mark(number).max(1);
        self.udp.send_to(&message[HEADER_BYTES..], IpEndpoint::new(self.to, port)).await
    }

    /// Which probe a message answers, and how.
    fn read(&self, received: &IcmpReceived, look: &[u8]) -> Option<(usize, Answer)> {
        let IcmpReceived { from, at, .. } = *received;
        let echoed = Ask::Echo.answered(from, look, self.id).filter(|_| self.settings.by_icmp);
        let (mark, note, is_final) = match echoed {
            Some(sequence) => (sequence, Note::None, true),
            None => {
                let quote = Quote::of(from, look).filter(|quote| !quote.is_redirect())?;
                let (note, is_final) = meaning(&quote);
                (self.quoted(&quote)?, note, is_final)
            }
        };
        let number = mark.wrapping_sub(self.mark(0));
        Some((usize::from(number), Answer { from, at, note, is_final }))
    }

    fn quoted(&self, quote: &Quote<'_>) -> Option<u16> {
        if self.settings.by_icmp {
            return quote.request(Ask::Echo, self.id);
        }
        let &[a, b, c, d] = quote.payload.first_chunk()?;
        let is_ours = quote.protocol == UDP
            && quote.to == self.to
            && u16::from_be_bytes([a, b]) == self.udp.local_port();
        is_ours.then_some(u16::from_be_bytes([c, d]))
    }

    /// Prints the result of one probe behind those of its hop.
    async fn tell(&self, printed: &mut Printed, hop: usize, result: Option<(Answer, Duration)>) {
        let context = self.context;
        let mut text = Text::<SHELL_TEXT_BYTES>::new();
        // A Text never fails: what does not fit is cut.
        if printed.hop != hop {
            let end = if printed.hop == 0 { "" } else { "\n" };
            let _ = write!(text, "{end}{hop:2} ");
            *printed = Printed { hop, host: None };
        }
        let Some((answer, took)) = result else {
            let _ = text.write_str(" *");
            context.write(&text).await;
            return;
        };
        let Answer { from, note, .. } = answer;
        if printed.host != Some(from) {
            printed.host = Some(from);
            if self.settings.numeric {
                let _ = write!(text, " {from}");
            } else {
                match reverse(context.system, from).await {
                    Some(name) => drop(write!(text, " {name} ({from})")),
                    None => drop(write!(text, " {from} ({from})")),
                }
            }
        }
        let micros = took.as_micros();
        let _ = write!(text, "  {}.{:03} ms{note}", micros / 1000, micros % 1000);
        context.write(&text).await;
    }
}
