//! `netstat`: sockets, routes, interfaces and counters, as net-tools 2.10 prints them.

use core::fmt;

use smoltcp::wire::{IpAddress, IpEndpoint};

use super::hosts::name_of;
use super::route_table::{self, Columns};
use super::{About, Argument, Arguments, Context, Misuse, Outcome, SUCCESS, flag, value};
use super::{ifconfig, statistics};
use crate::net::names::services;
use crate::net::{ANY, ANY_V6, Protocol, SocketInfo, Timer};
use crate::{System, Text};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[-nalptuwx46eoW] | -r [-nee46] | -i [-ae] | -s [-tuw]",
    summary: "show sockets, routes, interfaces, counters",
    options: &[
        flag("r", "route", "display routing table"),
        flag("i", "interfaces", "display interface table"),
        flag("s", "statistics", "display networking statistics"),
        flag("n", "numeric", "don't resolve names"),
        flag("e", "extend", "display other/more information"),
        flag("p", "programs", "display the task that holds a socket"),
        flag("o", "timers", "display timers"),
        flag("l", "listening", "display listening server sockets"),
        flag("a", "all", "display all sockets (default: connected)"),
        flag("t", "tcp", "TCP only"),
        flag("u", "udp", "UDP only"),
        flag("w", "raw", "raw sockets only"),
        flag("x", "unix", "UNIX sockets only"),
        flag("4", "inet", "IPv4 only"),
        flag("6", "inet6", "IPv6 only"),
        value("A", "protocol", "FAMILY", "inet, inet6 or unix"),
        flag("v", "verbose", "be verbose"),
        flag("W", "wide", "don't truncate IP addresses"),
    ],
    usage: Some(USAGE),
    misuse: Misuse { status: 3, ..About::NEW.misuse },
    ..About::NEW
};

const USAGE: &str = "\
usage: netstat [-vWeenNcCF] [<Af>] -r         netstat {-h|--help}
       netstat [-vWnNcaeol] [<Socket> ...]
       netstat { [-vWeenNac] -i | -s [-6tuw] }

        -r, --route              display routing table
        -i, --interfaces         display interface table
        -s, --statistics         display networking statistics (like SNMP)

        -v, --verbose            be verbose
        -W, --wide               don't truncate IP addresses
        -n, --numeric            don't resolve names
        -e, --extend             display other/more information
        -p, --programs           display PID/Program name for sockets
        -o, --timers             display timers

        -l, --listening          display listening server sockets
        -a, --all                display all sockets (default: connected)

  <Socket>={-t|--tcp} {-u|--udp} {-w|--raw} {-x|--unix}
  <AF>=Use '-6|-4' or '-A <af>' or '--<af>'; default: inet
  List of possible address families (which support routing):
    inet (DARPA Internet) inet6 (IPv6) 
";

/// What is to be shown.
#[derive(Clone, Copy, Debug, Default)]
struct Wanted {
    routes: bool,
    interfaces: bool,
    statistics: bool,
    numeric: bool,
    extended: u8,
    programs: bool,
    timers: bool,
    listening: bool,
    all: bool,
    tcp: bool,
    udp: bool,
    raw: bool,
    unix: bool,
    v4: bool,
    v6: bool,
    wide: bool,
}

impl Wanted {
    /// Which sockets, in the words of the title.
    fn which(&self) -> &'static str {
        match (self.all, self.listening) {
            (true, _) => "servers and established",
            (_, true) => "only servers",
            _ => "w/o servers",
        }
    }

    fn shows(&self, socket: &SocketInfo) -> bool {
        let no_protocol = !self.tcp && !self.udp && !self.raw;
        let protocol = match socket.protocol {
            Protocol::Tcp => self.tcp,
            Protocol::Udp => self.udp,
            Protocol::Raw => self.raw,
        };
        let is_server = socket.remote.is_none();
        (protocol || no_protocol) && (self.all || is_server == self.listening)
    }

    fn read(arguments: Arguments<'_>) -> Result<Self, &str> {
        let mut wanted = Self::default();
        for argument in arguments {
            let Argument::Option(name, family) = argument else { continue };
            let switch = match (name, family) {
                ("route", _) => &mut wanted.routes,
                ("interfaces", _) => &mut wanted.interfaces,
                ("statistics", _) => &mut wanted.statistics,
                ("numeric", _) => &mut wanted.numeric,
                ("programs", _) => &mut wanted.programs,
                ("timers", _) => &mut wanted.timers,
                ("listening", _) => &mut wanted.listening,
                ("all", _) => &mut wanted.all,
                ("tcp", _) => &mut wanted.tcp,
                ("udp", _) => &mut wanted.udp,
                ("raw", _) => &mut wanted.raw,
                ("unix", _) | ("protocol", "unix") => &mut wanted.unix,
                ("inet", _) | ("protocol", "inet") => &mut wanted.v4,
                ("inet6", _) | ("protocol", "inet6") => &mut wanted.v6,
                ("protocol", other) => return Err(other),
                ("wide", _) => &mut wanted.wide,
                ("extend", _) => {
                    wanted.extended = wanted.extended.saturating_add(1);
                    continue;
                }
                // Verbose: there is no more to tell.
                _ => continue,
            };
            *switch = true;
        }
        Ok(wanted)
    }
}

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let wanted = match Wanted::read(arguments) {
        Ok(wanted) => wanted,
        Err(family) => {
            context.print(format_args!("Unknown address family `{family}'.\n")).await;
            return context.misused().await;
        }
    };
    // As in the tool, only one of these.
    if u8::from(wanted.routes) + u8::from(wanted.interfaces) + u8::from(wanted.statistics) > 1 {
        return context.misused().await;
    }
    if wanted.statistics {
        let sections = statistics::Sections {
            ip: !wanted.tcp && !wanted.udp,
            tcp: wanted.tcp || (!wanted.udp && !wanted.raw),
            udp: wanted.udp || (!wanted.tcp && !wanted.raw),
        };
        return statistics::show(context, sections, wanted.v6).await;
    }
    if wanted.interfaces {
        context.write("Kernel Interface table\n").await;
        let style =
            if wanted.extended > 0 { ifconfig::Style::Modern } else { ifconfig::Style::Table };
        return ifconfig::show(context, None, style, wanted.all).await;
    }
    if wanted.routes {
        let columns = match wanted.extended {
            0 => Columns::Window,
            1 => Columns::Metric,
            _ => Columns::Both,
        };
        route_table::show(context, columns, wanted.numeric, wanted.v6 && !wanted.v4).await;
        return SUCCESS;
    }
    sockets(context, &wanted).await
}

async fn sockets(context: &Context<'_>, wanted: &Wanted) -> Outcome {
    let system = context.system;
    let no_family = !wanted.v4 && !wanted.v6;
    let internet = wanted.tcp || wanted.udp || wanted.raw || !no_family;
    if internet || !wanted.unix {
        context.print(format_args!("{}", Header(wanted))).await;
        // A socket that is bound to no address in particular serves both families, and is listed
        // for each that we have an address of.
        let has_v6 = super::hosts::own(system).iter().any(|own| matches!(own, IpAddress::Ipv6(_)));
        for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Raw] {
            for is_v6 in [false, true] {
                let family = if is_v6 { wanted.v6 } else { wanted.v4 };
                if !family && !no_family {
                    continue;
                }
                for mut socket in system.sockets() {
                    if socket.protocol != protocol
                        || !wanted.shows(&socket)
                        || !bind(&mut socket, is_v6, has_v6)
                    {
                        continue;
                    }
                    let row = Row { socket: &socket, is_v6, wanted, system: Some(system) };
                    context.print(format_args!("{row}")).await;
                }
            }
        }
    }
    if wanted.unix || !internet {
        context.print(format_args!("{}", Unix(wanted))).await;
    }
    SUCCESS
}

/// True if the socket is to be listed with this family; its local address becomes one of it.
fn bind(socket: &mut SocketInfo, is_v6: bool, has_v6: bool) -> bool {
    if socket.local.addr.is_unspecified() && socket.remote.is_none() {
        socket.local.addr = if is_v6 { ANY_V6 } else { ANY };
        if is_v6 && socket.protocol == Protocol::Raw {
            // netstat shows a raw socket's protocol as its port: that of ICMPv6.
            socket.local.port = 58;
        }
        return has_v6 || !is_v6;
    }
    matches!(socket.local.addr, IpAddress::Ipv6(_)) == is_v6
}

/// Title and headings of the list of sockets.
struct Header<'a>(&'a Wanted);

impl fmt::Display for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Active Internet connections ({})", self.0.which())?;
        f.write_str("Proto Recv-Q Send-Q Local Address           Foreign Address         ")?;
        f.write_str("State      ")?;
        if self.0.extended > 0 {
            f.write_str(" User       Inode     ")?;
        }
        if self.0.programs {
            f.write_str(" PID/Program name    ")?;
        }
        f.write_str(if self.0.timers { " Timer\n" } else { "\n" })
    }
}

/// The list of UNIX sockets, of which a board without processes has none.
struct Unix<'a>(&'a Wanted);

impl fmt::Display for Unix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Active UNIX domain sockets ({})", self.0.which())?;
        f.write_str("Proto RefCnt Flags       Type       State         I-Node   ")?;
        f.write_str(if self.0.programs { "PID/Program name     Path\n" } else { "Path\n" })
    }
}

/// A socket's row.
struct Row<'a> {
    socket: &'a SocketInfo,
    is_v6: bool,
    wanted: &'a Wanted,
    /// Who knows names.
    system: Option<&'a System>,
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (socket, wanted) = (self.socket, self.wanted);
        let protocol = match (socket.protocol, self.is_v6) {
            (Protocol::Tcp, false) => "tcp",
            (Protocol::Tcp, true) => "tcp6",
            (Protocol::Udp, false) => "udp",
            (Protocol::Udp, true) => "udp6",
            (Protocol::Raw, false) => "raw",
            (Protocol::Raw, true) => "raw6",
        };
        let SocketInfo { receive_queued, send_queued, state, owner, number, .. } = socket;
        write!(f, "{protocol:<4}  {receive_queued:>6} {send_queued:>6} ")?;
        let any = IpEndpoint::new(if self.is_v6 { ANY_V6 } else { ANY }, 0);
        for endpoint in [socket.local, socket.remote.unwrap_or(any)] {
            write!(f, "{:<23} ", self.endpoint(endpoint).as_str())?;
        }
        let state = match (socket.protocol, state) {
            // A raw socket's state is CLOSE, and the tool has no name for it.
            (Protocol::Raw, _) => "7",
            _ => state.name(),
        };
        write!(f, "{state:<11}")?;
        if wanted.extended > 0 {
            write!(f, " {:<10} {number:<10}", 0)?;
        }
        if wanted.programs {
            // That of ps; a command has none of its own, and its socket's stands for it.
            let task = self.system.and_then(|system| system.task_number(owner));
            let number = task.unwrap_or(*number);
            let program = Text::<32>::of(format_args!("{number}/{owner}"));
            write!(f, " {:<20}", program.as_str())?;
        }
        if wanted.timers {
            write!(f, " {}", Clock(socket.timer))?;
        }
        f.write_str("\n")
    }
}

/// A timer: seconds left, how often it ran out, probes without an answer.
struct Clock(Timer);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, left_us, again, probes) = match self.0 {
            Timer::Off => ("off", 0, 0, 0),
            Timer::On(left, again) => ("on", left, again, 0),
            Timer::KeepAlive(left, probes) => ("keepalive", left, 0, probes),
            Timer::Probe(left, probes) => ("probe", left, 0, probes),
            Timer::TimeWait(left) => ("timewait", left, 0, 0),
        };
        let hundredths = left_us / 10_000;
        write!(f, "{name} ({}.{:02}/{again}/{probes})", hundredths / 100, hundredths % 100)
    }
}

impl Row<'_> {
    /// `192.168.1.42:80`, or with names `barewire:http`; cut to the column unless all is wanted.
    fn endpoint(&self, endpoint: IpEndpoint) -> Text<64> {
        const COLUMN: usize = 22;
        let IpEndpoint { addr, port } = endpoint;
        let names = self.system.filter(|_| !self.wanted.numeric);
        let by = match self.socket.protocol {
            Protocol::Udp => services::Protocol::Udp,
            _ => services::Protocol::Tcp,
        };
        let service = match (self.socket.protocol, names) {
            (_, None) => None,
            (Protocol::Raw, _) if port == 1 => Some("icmp"),
            (Protocol::Raw, _) if port == 58 => Some("ipv6-icmp"),
            (Protocol::Raw, _) => None,
            _ => services::name_of(port, by),
        };
        let port = match (port, service) {
            (0, _) => Text::<16>::from("*"),
            (_, Some(name)) => Text::from(name),
            (port, None) => Text::of(format_args!("{port}")),
        };
        let host = match names.map(|system| name_of(system, &addr)) {
            Some(Some(name)) => Text::<64>::from(name),
            // With names the tool puts an IPv6 address in brackets; with numbers it does not.
            Some(None) if self.is_v6 => Text::of(format_args!("[{addr}]")),
            _ => Text::of(format_args!("{addr}")),
        };
        let room = if self.wanted.wide { usize::MAX } else { COLUMN.saturating_sub(port.len()) };
        let host = &host[..host.floor_char_boundary(room)];
        Text::of(format_args!("{host}:{port}"))
    }
}

#[cfg(test)]
mod tests {
    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::super::golden;
    use super::*;
    use crate::net::SocketState;

    fn wanted(line: &str) -> Wanted {
        let words: Vec<_> = line.split(' ').filter(|word| !word.is_empty()).collect();
        Wanted::read(Arguments::new(&ABOUT, &words)).unwrap()
    }

    fn socket(
        protocol: Protocol,
        local: &str,
        remote: &str,
        state: SocketState,
        queued: (usize, usize),
    ) -> SocketInfo {
        SocketInfo {
            protocol,
            local: local.parse().unwrap(),
            remote: remote.parse().ok(),
            state,
            receive_queued: queued.0,
            send_queued: queued.1,
            timer: Timer::Off,
            number: 3,
            owner: "python3",
        }
    }

    fn list(wanted: &Wanted, sockets: &[SocketInfo]) -> String {
        let mut text = Header(wanted).to_string();
        for socket in sockets.iter().filter(|socket| wanted.shows(socket)) {
            let is_v6 = matches!(socket.local.addr, IpAddress::Ipv6(_));
            text += &Row { socket, is_v6, wanted, system: None }.to_string();
        }
        text
    }

    /// A namespace with these sockets, made by a program that exists wherever the tests run.
    const SOCKETS: &str = r#"
cat > "$TMPDIR/sockets.py" <<'END'
import os, socket, subprocess, sys
keep = []; pid = str(os.getpid())
def listen(family, address, port):
    one = socket.socket(family, socket.SOCK_STREAM)
    one.bind((address, port)); one.listen(4); keep.append(one)
    return one
telnet = listen(socket.AF_INET, '0.0.0.0', 23)
listen(socket.AF_INET, '127.0.0.1', 4242)
client = socket.socket(); client.bind(('192.168.1.42', 40000))
client.connect(('192.168.1.42', 23)); server, _ = telnet.accept()
client.send(b'hello'); keep += [client, server]
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); one.bind(('0.0.0.0', 68)); keep.append(one)
keep.append(socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
for line in sys.argv[1:]:
    said = subprocess.run(line.split(), capture_output=True, text=True).stdout
    print(said.replace(pid + '/python3', '3/python3' + ' ' * (len(pid) - 1)), end='')
END
"#;

    #[test]
    fn sockets_as_the_real_tool_prints_them() {
        use Protocol::{Raw, Tcp, Udp};
        use SocketState::{Established, Listen, Unconnected};
        let established = |local, remote, queued| socket(Tcp, local, remote, Established, queued);
        let sockets = [
            socket(Tcp, "127.0.0.1:4242", "", Listen, (0, 0)),
            socket(Tcp, "0.0.0.0:23", "", Listen, (0, 0)),
            established("192.168.1.42:23", "192.168.1.42:40000", (5, 0)),
            established("192.168.1.42:40000", "192.168.1.42:23", (0, 0)),
            socket(Udp, "0.0.0.0:68", "", Unconnected, (0, 0)),
            socket(Raw, "0.0.0.0:1", "", Unconnected, (0, 0)),
        ];
        let folder = std::env::temp_dir();
        for options in ["-nap --inet", "-na --inet", "-nt4", "-nlu4", "-nat4", "-nlw4", "-nalp4"] {
            let command = std::format!(
                "TMPDIR={}\n{SOCKETS}\npython3 \"$TMPDIR/sockets.py\" 'netstat {options}'",
                folder.display()
            );
            let Some(real) = golden::real("netstat python3", &command) else { return };
            let ours = list(&wanted(options), &sockets);
            // The kernel lists the sockets in an order of its own.
            let sorted = |text: &str| {
                let mut lines: Vec<_> = text.lines().map(String::from).collect();
                lines[2..].sort();
                lines
            };
            assert_eq!(sorted(&ours), sorted(&real), "{options}");
        }
    }

    #[test]
    fn of_ipv6_as_net_tools_printed_it() {
        let all = wanted("-nat");
        let listening = socket(Protocol::Tcp, "[::]:80", "", SocketState::Listen, (0, 0));
        let row =
            |wanted, system| Row { socket: &listening, is_v6: true, wanted, system }.to_string();
        assert_eq!(
            row(&all, None),
            "tcp6       0      0 :::80                   :::*                    LISTEN     \n"
        );
        let named = wanted("-at");
        assert_eq!(
            row(&named, Some(crate::testing::system())),
            "tcp6       0      0 [::]:http               [::]:*                  LISTEN     \n"
        );
        let long = socket(
            Protocol::Tcp,
            "[2001:db8:1111:2222:3333:4444:5555:6666]:80",
            "[::1]:40000",
            SocketState::TimeWait,
            (0, 0),
        );
        let row = |wanted| Row { socket: &long, is_v6: true, wanted, system: None }.to_string();
        assert!(row(&all).contains(" 2001:db8:1111:2222:3:80 ::1:40000 "), "{}", row(&all));
        assert!(row(&wanted("-natW")).contains(" 2001:db8:1111:2222:3333:4444:5555:6666:80 "));
    }

    #[test]
    fn unix_sockets_extended_columns_and_timers() {
        assert_eq!(
            Unix(&wanted("-nap")).to_string(),
            "Active UNIX domain sockets (servers and established)\n\
             Proto RefCnt Flags       Type       State         I-Node   PID/Program name     Path\n"
        );
        let listening = socket(Protocol::Tcp, "0.0.0.0:23", "", SocketState::Listen, (0, 0));
        assert_eq!(
            list(&wanted("-natoep"), &[listening]),
            "Active Internet connections (servers and established)\n\
             Proto Recv-Q Send-Q Local Address           Foreign Address         State       \
             User       Inode      PID/Program name     Timer\n\
             tcp        0      0 0.0.0.0:23              0.0.0.0:*               LISTEN      \
             0          3          3/python3            off (0.00/0/0)\n"
        );
    }
}
