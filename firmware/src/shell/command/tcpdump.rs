//! `tcpdump`: prints the frames that pass, as tcpdump 4.99.3 does.

use core::fmt::Write as _;

use embassy_futures::select::{Either, select};
use packet::filter::Filter;
use packet::{Dissector, Dump, Frame, Names, Options, Stamps, Timestamp, Transport};
use smoltcp::wire::IpEndpoint;

use super::{About, Argument, Arguments, Context, FAILURE, Operands, Order, Outcome, SUCCESS};
use super::{flag, value};
use crate::Text;
use crate::limits::{FRAME_BYTES_MAX, TCPDUMP_TEXT_BYTES, TELNET_PORT};
use crate::net::Port;
use crate::net::names::services::{self, Protocol};
use crate::wire::{Captured, Recording as _, is_between};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[options] [expression]",
    summary: "print the frames that pass",
    options: &[
        flag("A", "", "print frames in ASCII"),
        value("c", "", "count", "stop after this many frames"),
        flag("e", "", "print the Ethernet header"),
        value("i", "", "interface", "eth0, lo or any; without it eth0"),
        flag("n", "", "print numbers instead of the names of ports"),
        flag("q", "", "say less"),
        flag("S", "", "print TCP's sequence numbers as they are"),
        value("s", "", "snaplen", "look at this many bytes of each frame"),
        flag("t", "", "no time; -tt seconds, -ttt since the last line"),
        flag("v", "", "say more; -vv says most"),
        flag("x", "", "print the packet in hexadecimal; -xx with header"),
        flag("X", "", "the same with ASCII"),
        flag("", "own", "show this session's own connection, too"),
    ],
    operands: Operands::Words(&["arp", "host", "icmp", "net", "port", "tcp", "udp"]),
    order: Order::OptionsFirst,
    ..About::NEW
};

/// Bytes of the longest expression: with a mark below it, what is printed at once.
const EXPRESSION_BYTES_MAX: usize = crate::limits::SHELL_TEXT_BYTES / 2 - 8;

/// What was asked for.
struct Settings {
    print: Options,
    names: Ports,
    port: Option<Port>,
    count: Option<u64>,
    snap_bytes: usize,
    own: bool,
    expression: Text<EXPRESSION_BYTES_MAX>,
}

/// The names of ports, or none.
struct Ports {
    numeric: bool,
}

impl Names for Ports {
    fn port(&self, transport: Transport, port: u16) -> Option<&str> {
        if self.numeric { None } else { services::name_of(port, protocol(transport)) }
    }

    fn service(&self, transport: Transport, service: &str) -> Option<u16> {
        services::port_of(service, Some(protocol(transport)))
    }
}

fn protocol(transport: Transport) -> Protocol {
    match transport {
        Transport::Tcp => Protocol::Tcp,
        Transport::Udp => Protocol::Udp,
    }
}

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let settings = match read(arguments) {
        Ok(settings) => settings,
        Err(text) => {
            context.complain(format_args!("{text}")).await;
            return FAILURE;
        }
    };
    let filter = match Filter::compile(&settings.expression, &settings.names) {
        Ok(filter) => filter,
        Err(error) => {
            context.complain(format_args!("{error}")).await;
            context.print(format_args!("{}\n", error.marked(&settings.expression))).await;
            return FAILURE;
        }
    };
    let mut reader = match context.system.capture(settings.snap_bytes) {
        Ok(reader) => reader,
        Err(error) => {
            context.complain(format_args!("{error}")).await;
            return FAILURE;
        }
    };
    let interrupts = context.interrupts();
    let own = endpoint(context.from).filter(|_| !settings.own);
    greet(context, &settings, own.is_some()).await;

    let mut dissector = Dissector::new(settings.print);
    let mut bytes = [0; FRAME_BYTES_MAX];
    let mut line = Text::<TCPDUMP_TEXT_BYTES>::new();
    let (mut captured, mut missed) = (0, 0);
    while settings.count.is_none_or(|count| captured < count) {
        let frame = match select(interrupts.next(), reader.next(&mut bytes)).await {
            Either::First(()) => {
                // As the tool does, which may stand in the middle of a line.
                context.write("\n").await;
                break;
            }
            Either::Second(frame) => frame,
        };
        missed = frame.missed;
        let seen = &bytes[..frame.captured_bytes];
        if settings.port.is_some_and(|port| port != frame.port)
            || own.is_some_and(|own| is_between(TELNET_PORT, own, seen))
            || !filter.accepts(seen, frame.original_bytes)
        {
            continue;
        }
        captured += 1;
        line.clear();
        // A Text never fails: what does not fit is cut.
        let _ = dissector.print(&shown(&frame, seen), &settings.names, &mut line);
        context.write(&line).await;
        if line.was_cut() {
            context.write("\n[cut]\n").await;
        }
    }
    let mut end = Text::<160>::new();
    let plural = if captured == 1 { "" } else { "s" };
    let _ = write!(
        end,
        "{captured} packet{plural} captured\n{} packet{} received by filter\n{missed} packet{} \
         dropped by kernel\n",
        captured + missed,
        if captured + missed == 1 { "" } else { "s" },
        if missed == 1 { "" } else { "s" },
    );
    context.write(&end).await;
    SUCCESS
}

/// The user's end of the connection: an address, a colon and a port, an IPv6 one not in brackets.
fn endpoint(from: &str) -> Option<IpEndpoint> {
    let (address, port) = from.rsplit_once(':')?;
    let address: core::net::IpAddr = address.parse().ok()?;
    Some(IpEndpoint::new(address.into(), port.parse().ok()?))
}

/// The two lines that come first.
async fn greet(context: &Context<'_>, settings: &Settings, leaves_own_out: bool) {
    if settings.print.verbosity == 0 {
        context
            .complain(format_args!(
                "verbose output suppressed, use -v[v]... for full protocol decode"
            ))
            .await;
    }
    let name = settings.port.map_or("any", Port::name);
    context
        .print(format_args!(
            "listening on {name}, link-type EN10MB (Ethernet), snapshot length {} bytes\n",
            settings.snap_bytes
        ))
        .await;
    if leaves_own_out {
        context.complain(format_args!("your own connection is left out; --own shows it")).await;
    }
}

fn read(arguments: Arguments<'_>) -> Result<Settings, Text<96>> {
    let mut settings = Settings {
        print: Options::default(),
        names: Ports { numeric: false },
        port: Some(Port::Eth0),
        count: None,
        snap_bytes: FRAME_BYTES_MAX,
        own: false,
        expression: Text::new(),
    };
    let (mut times, mut hex, mut ascii) = (0, 0, 0);
    for argument in arguments {
        match argument {
            Argument::Option("A", _) => settings.print.dump = Dump::Ascii,
            Argument::Option("c", count) => {
                let good = count.parse().ok().filter(|&count: &u64| count > 0);
                let bad = || Text::of(format_args!("invalid packet count {count}"));
                settings.count = Some(good.ok_or_else(bad)?);
            }
            Argument::Option("e", _) => settings.print.link_header = true,
            Argument::Option("i", name) => {
                settings.port = match name {
                    "eth0" => Some(Port::Eth0),
                    "lo" => Some(Port::Lo),
                    "any" => None,
                    _ => {
                        return Err(Text::of(format_args!(
                            "{name}: No such device exists (No such device exists)"
                        )));
                    }
                };
            }
            Argument::Option("n", _) => settings.names.numeric = true,
            Argument::Option("q", _) => settings.print.quietness += 1,
            Argument::Option("S", _) => settings.print.absolute_sequence = true,
            Argument::Option("s", bytes) => {
                let bad = || Text::of(format_args!("invalid snaplen {bytes}"));
                let bytes: usize = bytes.parse().map_err(|_| bad())?;
                // As with the real one, 0 is as much as there can be.
                settings.snap_bytes = match bytes {
                    0 => FRAME_BYTES_MAX,
                    bytes => bytes.min(FRAME_BYTES_MAX),
                };
            }
            Argument::Option("t", _) => times += 1,
            Argument::Option("v", _) => {
                settings.print.verbosity = settings.print.verbosity.saturating_add(1);
            }
            Argument::Option("x", _) => hex += 1,
            Argument::Option("X", _) => ascii += 1,
            Argument::Option("own", _) => settings.own = true,
            Argument::Option(..) => {}
            Argument::Operand(word) => {
                let gap = if settings.expression.is_empty() { "" } else { " " };
                let _ = write!(settings.expression, "{gap}{word}");
            }
        }
    }
    if settings.expression.was_cut() {
        return Err(Text::from("the expression is too long"));
    }
    settings.print.stamps = match times {
        0 => Stamps::TimeOfDay,
        1 => Stamps::None,
        2 => Stamps::Seconds,
        3 => Stamps::SincePrevious,
        4 => Stamps::Date,
        _ => Stamps::SinceFirst,
    };
    settings.print.dump = match (ascii, hex) {
        (0, 0) => settings.print.dump,
        (0, 1) => Dump::Hex,
        (0, _) => Dump::HexWhole,
        (1, _) => Dump::HexAscii,
        _ => Dump::HexAsciiWhole,
    };
    Ok(settings)
}

/// A frame for the dissector. Its time is that since start, until there is a clock.
fn shown<'a>(frame: &Captured, bytes: &'a [u8]) -> Frame<'a> {
    let at = Timestamp {
        seconds: u32::try_from(frame.at.as_secs()).unwrap_or(u32::MAX),
        microseconds: frame.at.subsec_micros(),
    };
    Frame { bytes, length: frame.original_bytes, at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_known_by_both_kinds_of_addresses() {
        for from in ["192.0.2.9:40000", "fe80::1:40000"] {
            let (address, port) = from.rsplit_once(':').unwrap();
            let address: core::net::IpAddr = address.parse().unwrap();
            let expected = IpEndpoint::new(address.into(), port.parse().unwrap());
            assert_eq!(endpoint(from), Some(expected));
            assert_eq!(Text::<48>::of(format_args!("{expected}")).as_str(), from);
        }
        assert_eq!(endpoint("console"), None);
    }
}
