//! `ss`: sockets, their timers and what TCP knows, as that of iproute2 6.1 prints them.

mod details;
mod rows;
mod summary;
#[cfg(test)]
mod tests;

use smoltcp::wire::{IpAddress, IpEndpoint, Ipv6Address};

use self::details::Details;
use self::rows::{Cells, Row, Widths};
use self::summary::Summary;
use super::hosts::own;
use super::{About, Argument, Arguments, Context, Misuse, Outcome, SUCCESS, flag};
use crate::System;
use crate::net::names::services;
use crate::net::{ConnectionInfo, Protocol, SocketState, Timer};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[-nralopeistuwH460] [state STATE] [sport|dport = :PORT]",
    summary: "show sockets, and what TCP knows",
    options: &[
        flag("n", "numeric", "don't resolve service names"),
        flag("r", "resolve", "resolve host names"),
        flag("a", "all", "display all sockets"),
        flag("l", "listening", "display listening sockets"),
        flag("o", "options", "show timer information"),
        flag("e", "extended", "show detailed socket information"),
        flag("p", "processes", "show the task that holds a socket"),
        flag("i", "info", "show internal TCP information"),
        flag("s", "summary", "show socket usage summary"),
        flag("4", "ipv4", "display only IP version 4 sockets"),
        flag("6", "ipv6", "display only IP version 6 sockets"),
        flag("t", "tcp", "display only TCP sockets"),
        flag("u", "udp", "display only UDP sockets"),
        flag("w", "raw", "display only RAW sockets"),
        flag("H", "no-header", "suppress header line"),
        flag("O", "oneline", "socket's data printed on a single line"),
    ],
    usage: Some(USAGE),
    misuse: Misuse { status: 255, ..About::NEW.misuse },
    ..About::NEW
};

const USAGE: &str = "\
Usage: ss [ OPTIONS ]
       ss [ OPTIONS ] [ FILTER ]
   -h, --help          this message
   -n, --numeric       don't resolve service names
   -r, --resolve       resolve host names
   -a, --all           display all sockets
   -l, --listening     display listening sockets
   -o, --options       show timer information
   -e, --extended      show detailed socket information
   -p, --processes     show process using socket
   -i, --info          show internal TCP information
   -s, --summary       show socket usage summary

   -4, --ipv4          display only IP version 4 sockets
   -6, --ipv6          display only IP version 6 sockets
   -t, --tcp           display only TCP sockets
   -u, --udp           display only UDP sockets
   -w, --raw           display only RAW sockets

   -H, --no-header     Suppress header line
   -O, --oneline       socket's data printed on a single line

       FILTER := [ state STATE-FILTER ] [ sport = :PORT ] [ dport = :PORT ]
       STATE-FILTER := {all|connected|synchronized|bucket|big|TCP-STATES}
         TCP-STATES := {established|syn-sent|syn-recv|fin-wait-{1,2}|time-wait|closed|close-wait|\
last-ack|listening|closing}
";

/// States as the tool names them, in rows and in filters, in the order of Linux's numbers from 1.
const STATES: [(SocketState, &str, &str); 11] = [
    (SocketState::Established, "ESTAB", "established"),
    (SocketState::SynSent, "SYN-SENT", "syn-sent"),
    (SocketState::SynReceived, "SYN-RECV", "syn-recv"),
    (SocketState::FinWait1, "FIN-WAIT-1", "fin-wait-1"),
    (SocketState::FinWait2, "FIN-WAIT-2", "fin-wait-2"),
    (SocketState::TimeWait, "TIME-WAIT", "time-wait"),
    (SocketState::Unconnected, "UNCONN", "closed"),
    (SocketState::CloseWait, "CLOSE-WAIT", "close-wait"),
    (SocketState::LastAck, "LAST-ACK", "last-ack"),
    (SocketState::Listen, "LISTEN", "listening"),
    (SocketState::Closing, "CLOSING", "closing"),
];

/// A set of states, by the places of [`STATES`].
type States = u16;

const fn bit(place: usize) -> States {
    1 << place
}

const ALL: States = bit(STATES.len()) - 1;
const BUCKET: States = bit(2) | bit(5);
/// Neither listening nor closed.
const CONNECTED: States = ALL & !(bit(6) | bit(9));
/// What is shown unless something is asked for.
const USUAL: States = CONNECTED & !BUCKET;

/// The states that a word stands for.
fn states(word: &str) -> Option<States> {
    match word {
        "all" => Some(ALL),
        "connected" => Some(CONNECTED),
        "synchronized" => Some(CONNECTED & !bit(1)),
        "bucket" => Some(BUCKET),
        "big" => Some(ALL & !BUCKET),
        "listen" => Some(bit(9)),
        "syn-rcv" | "syn-received" => Some(bit(2)),
        word => STATES.iter().position(|(_, _, name)| *name == word).map(bit),
    }
}

/// What is to be shown.
#[derive(Clone, Copy, Debug, Default)]
struct Wanted {
    numeric: bool,
    resolve: bool,
    options: bool,
    extended: bool,
    processes: bool,
    info: bool,
    summary: bool,
    v4: bool,
    v6: bool,
    tcp: bool,
    udp: bool,
    raw: bool,
    no_header: bool,
    one_line: bool,
    states: States,
    /// One state only: its column says nothing.
    one_state: bool,
    local_port: Option<u16>,
    peer_port: Option<u16>,
}

/// Why a filter cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong<'a> {
    State(&'a str),
    Syntax,
}

impl Wanted {
    fn read<'a>(arguments: Arguments<'a>) -> Result<Self, Wrong<'a>> {
        let mut wanted = Self { states: USUAL, ..Self::default() };
        let mut words = heapless::Vec::<&str, 16>::new();
        let (mut all, mut listening) = (false, false);
        for argument in arguments {
            let switch = match argument {
                Argument::Operand(word) => {
                    words.push(word).map_err(|_| Wrong::Syntax)?;
                    continue;
                }
                Argument::Option(name, _) => match name {
                    "numeric" => &mut wanted.numeric,
                    "resolve" => &mut wanted.resolve,
                    "all" => &mut all,
                    "listening" => &mut listening,
                    "options" => &mut wanted.options,
                    "extended" => &mut wanted.extended,
                    "processes" => &mut wanted.processes,
                    "info" => &mut wanted.info,
                    "summary" => &mut wanted.summary,
                    "ipv4" => &mut wanted.v4,
                    "ipv6" => &mut wanted.v6,
                    "tcp" => &mut wanted.tcp,
                    "udp" => &mut wanted.udp,
                    "raw" => &mut wanted.raw,
                    "no-header" => &mut wanted.no_header,
                    _ => &mut wanted.one_line,
                },
            };
            *switch = true;
        }
        if listening {
            wanted.states = bit(6) | bit(9);
        }
        if all {
            wanted.states = ALL;
        }
        wanted.filter(&words)?;
        if !wanted.tcp && !wanted.udp && !wanted.raw {
            (wanted.tcp, wanted.udp, wanted.raw) = (true, true, true);
        }
        Ok(wanted)
    }

    /// Reads the words behind the options.
    fn filter<'a>(&mut self, mut words: &[&'a str]) -> Result<(), Wrong<'a>> {
        let mut named: Option<States> = None;
        while let Some((&first, rest)) = words.split_first() {
            words = match (first, rest) {
                ("state", [word, rest @ ..]) => {
                    let more = states(word).ok_or(Wrong::State(word))?;
                    named = Some(named.unwrap_or(0) | more);
                    rest
                }
                ("exclude", [word, rest @ ..]) => {
                    let fewer = states(word).ok_or(Wrong::State(word))?;
                    named = Some(named.unwrap_or(ALL) & !fewer);
                    rest
                }
                ("sport" | "dport", ["=" | "==" | "eq", port, rest @ ..]) => {
                    let port = port.strip_prefix(':').unwrap_or(port);
                    let service = || services::port_of(port, Some(services::Protocol::Tcp));
                    let port = port.parse().ok().or_else(service).ok_or(Wrong::Syntax)?;
                    match first {
                        "sport" => self.local_port = Some(port),
                        _ => self.peer_port = Some(port),
                    }
                    rest
                }
                ("and" | "&&" | "(" | ")", rest) => rest,
                _ => return Err(Wrong::Syntax),
            };
        }
        if let Some(named) = named {
            self.states = named;
            self.one_state = named.count_ones() == 1;
        }
        Ok(())
    }

    fn has_kinds(&self) -> bool {
        u8::from(self.tcp) + u8::from(self.udp) + u8::from(self.raw) > 1
    }

    fn shows(&self, socket: &Socket) -> bool {
        let kind = match socket.protocol {
            Protocol::Tcp => self.tcp,
            Protocol::Udp => self.udp,
            Protocol::Raw => self.raw,
        };
        let is_v6 = matches!(socket.local.addr, IpAddress::Ipv6(_));
        let family = (!self.v4 && !self.v6) || (self.v4 && !is_v6) || (self.v6 && is_v6);
        let remote = socket.remote.map(|remote| remote.port);
        let ports = self.local_port.is_none_or(|port| port == socket.local.port)
            && self.peer_port.is_none_or(|port| Some(port) == remote);
        kind && family && ports && self.states & bit(socket.state) != 0
    }
}

/// One socket of any kind.
struct Socket {
    protocol: Protocol,
    /// Its place in [`STATES`].
    state: usize,
    received: usize,
    sent: usize,
    local: IpEndpoint,
    remote: Option<IpEndpoint>,
    timer: Timer,
    owner: &'static str,
    tcp: Option<ConnectionInfo>,
}

fn place(state: SocketState) -> usize {
    let is_it = |row: &(SocketState, &str, &str)| row.0 == state;
    // Closed sockets are shown as unconnected ones are.
    STATES.iter().position(is_it).unwrap_or(6)
}

/// Every socket that is wanted, in the order of the tool: raw ones, UDP's, TCP's. TCP's connections
/// are asked for once more, for what only they know.
fn sockets<'a>(system: &'static System, wanted: &'a Wanted) -> impl Iterator<Item = Socket> + 'a {
    let has_v6 = own(system).iter().any(|own| matches!(own, IpAddress::Ipv6(_)));
    let kinds = [Protocol::Raw, Protocol::Udp, Protocol::Tcp].into_iter();
    let others = kinds.flat_map(move |protocol| {
        let of = system.sockets().filter(move |info| info.protocol == protocol);
        // Connections come below.
        of.filter(|info| info.protocol != Protocol::Tcp || info.remote.is_none())
    });
    let others = others.map(move |info| {
        let mut local = info.local;
        if local.addr.is_unspecified() && has_v6 {
            // It serves both families.
            local.addr = IpAddress::Ipv6(Ipv6Address::UNSPECIFIED);
        }
        let backlog = || system.tcp_listeners().find(|row| row.at.port == local.port);
        let sent = match info.protocol {
            Protocol::Tcp => backlog().map_or(0, |row| row.backlog),
            _ => info.send_queued,
        };
        Socket {
            protocol: info.protocol,
            state: place(info.state),
            received: info.receive_queued,
            sent,
            local,
            remote: None,
            timer: Timer::Off,
            owner: info.owner,
            tcp: None,
        }
    });
    let connections = system.tcp_connections().map(|info| {
        let at = |of: tcp::Endpoint| IpEndpoint::new(of.address.into(), of.port);
        Socket {
            protocol: Protocol::Tcp,
            state: place(info.state.into()),
            received: info.receive_queue as usize,
            sent: info.send_queue as usize,
            local: at(info.flow.local),
            remote: Some(at(info.flow.remote)),
            timer: info.timer,
            owner: info.owner,
            tcp: Some(info),
        }
    });
    others.chain(connections).filter(|socket| wanted.shows(socket))
}

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let wanted = match Wanted::read(arguments) {
        Ok(wanted) => wanted,
        Err(Wrong::State(word)) => {
            context.complain(format_args!("wrong state name: {word}")).await;
            return Outcome::Status(255);
        }
        Err(Wrong::Syntax) => {
            context.write("ss: bison bellows (while parsing filter): \"syntax error!\"\n").await;
            return context.misused().await;
        }
    };
    let system = context.system;
    if wanted.summary {
        context.print(format_args!("{}", Summary::of(system))).await;
        return SUCCESS;
    }
    let mut widths = Widths::default();
    if !wanted.no_header {
        widths.fit(&Cells::header(&wanted), wanted.info);
    }
    for socket in sockets(system, &wanted) {
        widths.fit(&Cells::of(&socket, &wanted, Some(system)), wanted.info);
    }
    if !wanted.no_header {
        let header = Cells::header(&wanted);
        context.print(format_args!("{}\n", Row(&header, &widths))).await;
    }
    for socket in sockets(system, &wanted) {
        let cells = Cells::of(&socket, &wanted, Some(system));
        let details = Details { socket: &socket, wanted: &wanted };
        context.print(format_args!("{}{details}\n", Row(&cells, &widths))).await;
    }
    SUCCESS
}
