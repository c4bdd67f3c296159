//! `telnet`: a client, in the words of GNU inetutils 2.4.

mod machine;
mod protocol;

use core::future::pending;

use embassy_futures::select::{Either4, select4};
use embassy_time::{Duration, with_timeout};
use embedded_io_async::{Read, Write};
use smoltcp::wire::IpEndpoint;

use self::machine::{End, Escape, Machine};
use self::protocol::REPLY_BYTES_MAX;
use super::{About, Argument, Arguments, Context, FAILURE, Misuse, Operands, Order, Outcome};
use super::{SUCCESS, Then, flag, value};
use crate::Text;
use crate::limits::{LINE_BYTES_MAX, TELNET_BUFFER_BYTES, TELNET_TEXT_BYTES};
use crate::net::names::resolver::{Family, resolve};
use crate::net::names::services::{self, Protocol};
use crate::net::{NetError, TcpStream};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[OPTION...] [HOST [PORT]]",
    summary: "talk to a telnet server, or any other",
    options: &[
        flag("4", "ipv4", "use only IPv4"),
        flag("6", "ipv6", "use only IPv6"),
        value("e", "escape", "CHAR", "use CHAR as an escape character"),
        flag("E", "no-escape", "use no escape character"),
    ],
    order: Order::OptionsFirst,
    operands: Operands::Hosts,
    usage: Some(USAGE),
    misuse: Misuse { status: 64, then: Then::Text(TRY), ..About::NEW.misuse },
};

// In the words of inetutils.
const USAGE: &str = "\
Usage: telnet [OPTION...] [HOST [PORT]]
Login to remote system HOST (optionally, on service port PORT)

 General options:

  -4, --ipv4                 use only IPv4
  -6, --ipv6                 use only IPv6
  -e, --escape=CHAR          use CHAR as an escape character
  -E, --no-escape            use no escape character
  -h, --help                 give this help list
";
const TRY: &str = "Try 'telnet --help' or 'telnet --usage' for more information.\n";

/// The exit status of a command that Ctrl-C ended.
const INTERRUPTED: Outcome = Outcome::Status(130);
/// Ctrl-].
const ESCAPE: u8 = 0x1d;
/// At the end the server has this long to take what is left.
const PARTING: Duration = Duration::from_millis(50);
/// Bytes read from the server at a time.
const PIECE_BYTES: usize = 96;

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let (mut family, mut escape) = (Family::Any, Some(ESCAPE));
    let mut words = heapless::Vec::<&str, 2>::new();
    for argument in arguments {
        match argument {
            Argument::Option("ipv4", _) => family = Family::V4,
            Argument::Option("ipv6", _) => family = Family::V6,
            Argument::Option("no-escape", _) => escape = None,
            Argument::Option(_, text) => {
                escape = match text.as_bytes() {
                    [b'^', b'?', ..] => Some(0x7f),
                    [b'^', key, ..] => Some(key & 0x1f),
                    [key, ..] => Some(*key),
                    [] => None,
                };
                let escape = Escape(escape);
                context.print(format_args!("Telnet escape character is '{escape}'.\n")).await;
            }
            Argument::Operand(word) => {
                if words.push(word).is_err() {
                    context.complain(format_args!("too many arguments")).await;
                    return FAILURE;
                }
            }
        }
    }
    let mut machine = Machine::new(escape, context.screen.echo);
    let mut telnet = Telnet { context, family, escape, stream: None };
    if let [host, ref rest @ ..] = *words {
        let port = rest.first().copied().unwrap_or("telnet");
        match telnet.open(host, port).await {
            Ok(host) => machine.connected(&host, context.screen, context.terminal),
            Err(outcome) => return outcome,
        }
        return telnet.talk(&mut machine).await.1;
    }
    machine.prompt();
    loop {
        let (end, outcome) = telnet.talk(&mut machine).await;
        if end != Some(End::Open) {
            return outcome;
        }
        let line: Text<LINE_BYTES_MAX> = Text::from(machine.wanted());
        let mut words = line.split_ascii_whitespace();
        let Some(host) = words.next() else {
            context.write("usage: open host-name [port]\n").await;
            machine.prompt();
            continue;
        };
        match telnet.open(host, words.next().unwrap_or("telnet")).await {
            Ok(host) => machine.connected(&host, context.screen, context.terminal),
            Err(_) => machine.prompt(),
        }
    }
}

/// A run.
struct Telnet<'a> {
    context: &'a Context<'a>,
    family: Family,
    escape: Option<u8>,
    stream: Option<TcpStream>,
}

impl Telnet<'_> {
    /// Connects; returns how the host is to be called. Ctrl-C ends it, as any command.
    async fn open(&mut self, host: &str, port: &str) -> Result<Text<64>, Outcome> {
        let Self { context, family, .. } = *self;
        let number = match port.parse::<u32>() {
            Ok(number) if (1..=65_535).contains(&number) => Ok(number as u16),
            Ok(number) => {
                context.print(format_args!("Port number {number} is out of range.\n")).await;
                return Err(FAILURE);
            }
            Err(_) => services::port_of(port, Some(Protocol::Tcp))
                .ok_or("Servname not supported for ai_socktype"),
        };
        let found = match number {
            Ok(number) => match resolve(context.system, host, family).await {
                Ok(addresses) => Ok((number, addresses)),
                Err(error) => Err(Text::<64>::of(format_args!("{error}"))),
            },
            Err(why) => Err(Text::from(why)),
        };
        let (port, addresses) = match found {
            Ok(found) => found,
            Err(why) => {
                let text = format_args!("Server lookup failure:  {host}:{port}, {why}\n");
                context.print(text).await;
                return Err(FAILURE);
            }
        };
        let mut outcome = NetError::NetworkUnreachable;
        for address in addresses {
            context.print(format_args!("Trying {address}...\n")).await;
            match context.system.connect("telnet", IpEndpoint::new(address, port)).await {
                Ok(stream) => {
                    self.stream = Some(stream);
                    let escape = Escape(self.escape);
                    let text =
                        format_args!("Connected to {host}.\nEscape character is '{escape}'.\n");
                    context.print(text).await;
                    return Ok(Text::from(host));
                }
                Err(error) => outcome = error,
            }
        }
        let text = format_args!("Unable to connect to remote host: {outcome}");
        context.complain(text).await;
        Err(FAILURE)
    }

    /// Carries keys and data until something ends it.
    async fn talk(&mut self, machine: &mut Machine) -> (Option<End>, Outcome) {
        let Self { context, stream, .. } = self;
        let stream = stream.as_ref();
        let mut keys = context.keys();
        let (mut typed, mut data) = ([0; 16], [0; PIECE_BYTES]);
        loop {
            let read = async {
                // Each byte may be shown, or be answered at length.
                let has_room = machine.screen.len() + PIECE_BYTES <= TELNET_TEXT_BYTES / 2
                    && machine.outgoing.is_empty();
                match stream {
                    Some(mut stream) if has_room && !machine.prompts() => {
                        stream.read(&mut data).await
                    }
                    _ => pending().await,
                }
            };
            let show = async {
                match machine.screen.is_empty() {
                    true => pending().await,
                    false => context.channel.output.write(&machine.screen).await,
                }
            };
            let send = async {
                match stream {
                    Some(mut stream) if !machine.outgoing.is_empty() => {
                        stream.write(&machine.outgoing).await
                    }
                    _ => pending().await,
                }
            };
            match select4(keys.read(&mut typed), show, send, read).await {
                Either4::First(count) => {
                    for key in &typed[..count] {
                        let Some(end) = machine.typed(*key) else { continue };
                        context.channel.output.write_all(&machine.screen).await;
                        machine.screen.clear();
                        if let Some(mut stream) = stream {
                            // What was typed before still goes out, if the peer takes it.
                            let sent = stream.write_all(&machine.outgoing);
                            let _ = with_timeout(PARTING, sent).await;
                        }
                        if end == End::Interrupted && !context.screen.echo {
                            context.write("^C\n").await;
                        }
                        let outcome = match end {
                            End::Interrupted => INTERRUPTED,
                            End::Quit | End::Open => SUCCESS,
                        };
                        return (Some(end), outcome);
                    }
                }
                Either4::Second(count) => drop(machine.screen.drain(..count)),
                Either4::Third(Ok(count)) => drop(machine.outgoing.drain(..count)),
                Either4::Fourth(Ok(count @ 1..)) => {
                    data[..count].iter().for_each(|byte| machine.receive(*byte));
                }
                Either4::Third(Err(_)) | Either4::Fourth(Ok(0) | Err(_)) => {
                    context.channel.output.write_all(&machine.screen).await;
                    context.write("Connection closed by foreign host.\n").await;
                    return (None, FAILURE);
                }
            }
        }
    }
}

// Six bytes that ask for the terminal's name bring a name.
const _: () = assert!(PIECE_BYTES * 8 + REPLY_BYTES_MAX <= TELNET_BUFFER_BYTES);
const _: () = assert!(PIECE_BYTES * 4 <= TELNET_TEXT_BYTES);
