//! Counters, addresses and link as plain data: what HTTP, the shell and the tests all read.

use core::cell::Cell;
use core::fmt;
use core::time::Duration;

use smoltcp::wire::{EthernetAddress, Ipv4Address, Ipv4Cidr, Ipv6Cidr};

use crate::Text;
use crate::limits::{DNS_SERVERS, IPV6_ADDRESSES, LISTENERS, NTP_SERVERS};
use crate::net::names::search::Search;
use crate::wire::Passed;

/// The link, as the network interface reports it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// No network interface, or no carrier.
    #[default]
    Down,
    /// Carrier; the interface does not tell more.
    Up,
    /// Carrier at a known rate.
    UpAt {
        /// Mbit/s.
        megabits: u16,
        /// False: half duplex.
        full_duplex: bool,
    },
}

impl Link {
    /// True if frames can pass.
    pub fn is_up(self) -> bool {
        self != Self::Down
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down => f.write_str("down"),
            Self::Up => f.write_str("up"),
            Self::UpAt { megabits, full_duplex } => {
                write!(f, "up, {megabits} Mbit/s {}", if *full_duplex { "full" } else { "half" })?;
                f.write_str(" duplex")
            }
        }
    }
}

/// An Ethernet address as Linux prints it, `b8:27:eb:12:34:56`; smoltcp's own print has dashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac(pub EthernetAddress);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// Where an address came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressSource {
    /// The command line (`ip=`).
    Static,
    /// A DHCP server.
    Dhcp {
        /// Which.
        server: Ipv4Address,
        /// For how long, in seconds.
        lease_seconds: u32,
    },
    /// RFC 3927: chosen by ourselves.
    LinkLocal,
}

impl fmt::Display for AddressSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static => f.write_str("command line"),
            Self::Dhcp { server, lease_seconds } => {
                write!(f, "DHCP from {server} for {lease_seconds} s")
            }
            Self::LinkLocal => f.write_str("link-local choice"),
        }
    }
}

/// The IPv4 configuration in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    /// Address and prefix length.
    pub address: Ipv4Cidr,
    /// Default router.
    pub router: Option<Ipv4Address>,
    /// Name servers.
    pub dns: heapless::Vec<Ipv4Address, DNS_SERVERS>,
    /// Time servers.
    pub ntp: heapless::Vec<Ipv4Address, NTP_SERVERS>,
    /// The log server.
    pub log: Option<Ipv4Address>,
    /// Where names without a dot are looked for.
    pub search: Search,
    /// Where it came from.
    pub source: AddressSource,
}

/// What the board is; it does not change while we run.
#[derive(Clone, Debug, Default)]
pub struct BoardFacts {
    /// Such as "Raspberry Pi 3 Model B".
    pub model: Text<40>,
    /// The board revision code; 0 if not known.
    pub revision: u32,
    /// The serial number; 0 if not known.
    pub serial: u64,
    /// Bytes of memory given to the ARM cores.
    pub memory_bytes: u64,
    /// Bytes of memory that the image uses, buffers and stacks included.
    pub used_bytes: u64,
    /// The address the image was loaded at.
    pub loaded_at: u64,
    /// The ARM cores' clock in Hz; 0 if not known.
    pub cpu_hz: u32,
    /// Why the board restarted.
    pub restart: Text<112>,
}

/// The network interface found.
#[derive(Clone, Debug)]
pub struct NicFacts {
    /// The driver's name.
    pub driver: &'static str,
    /// The Ethernet address.
    pub mac: EthernetAddress,
    /// Where it is on the bus, such as `1:(0409:55aa 1:(0525:a4a2))`.
    pub topology: Text<80>,
}

/// Counts of one direction of an interface, as `ifconfig` shows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Direction {
    /// Frames.
    pub packets: u64,
    /// Bytes of these frames, with the Ethernet header, without FCS.
    pub bytes: u64,
    /// Frames or transfers that failed.
    pub errors: u64,
    /// Frames dropped by us, by the reasons of [`Drop`].
    pub dropped: u64,
    /// Receive: lost for want of room in the device. Send: transfers the device did not take in
    /// time.
    pub overruns: u64,
    /// Receive: frames with a bad length or alignment. Send: carrier lost.
    pub frame: u64,
}

/// What a NIC driver counts; the owner of the loop hands it to [`crate::Firmware::poll`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NicCounters {
    /// USB transfers that brought frames.
    pub transfers_in: u64,
    /// USB transfers that took frames.
    pub transfers_out: u64,
    /// Receive transfers that failed.
    pub receive_errors: u64,
    /// Receive transfers with a bad length.
    pub receive_frame_errors: u64,
    /// Send transfers that failed.
    pub send_errors: u64,
    /// Times that no transmit buffer was free when one was asked for.
    pub send_busy: u64,
    /// Recoveries of the device.
    pub recoveries: u64,
    /// Frames that the device dropped for want of room.
    pub receive_overruns: u64,
    /// Frames that the device did not send for want of a carrier.
    pub carrier_errors: u64,
    /// Collisions of frames that were sent in the end.
    pub collisions: u64,
    /// Times that the power of the device's bus was switched off and on.
    pub power_cycles: u64,
}

impl NicCounters {
    /// Each with its name, as `/status.json` and `/metrics` tell them.
    pub fn rows(&self) -> [(&'static str, u64); 11] {
        [
            ("transfers_in", self.transfers_in),
            ("transfers_out", self.transfers_out),
            ("receive_errors", self.receive_errors),
            ("receive_frame_errors", self.receive_frame_errors),
            ("send_errors", self.send_errors),
            ("send_busy", self.send_busy),
            ("recoveries", self.recoveries),
            ("receive_overruns", self.receive_overruns),
            ("carrier_errors", self.carrier_errors),
            ("collisions", self.collisions),
            ("power_cycles", self.power_cycles),
        ]
    }
}

macro_rules! drops {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Why a frame, segment or request was dropped. Every drop has a counter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Drop { $($(#[$doc])* $variant,)* }

        impl Drop {
            /// All reasons, in the order of [`Drops`].
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The reason's name, as status pages show it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

drops! {
    /// Received: shorter than an Ethernet header.
    Runt = "runt",
    /// Received: longer than we take.
    Giant = "giant",
    /// Received: a source that nobody may use: multicast, broadcast, loopback, class E, or our own
    /// address.
    BogusSource = "bogus_source",
    /// Received: to an address that never is on a wire: 127.0.0.0/8.
    BogusDestination = "bogus_destination",
    /// Received: not for us: another unicast address, of Ethernet or IP.
    NotOurs = "not_ours",
    /// Received: a new connection while enough of its port wait to be served; the peer will try
    /// again.
    ListenOverflow = "listen_overflow",
    /// Received: a segment of which TCP had no use, such as one out of window; `netstat -s` says
    /// why.
    TcpSegment = "tcp_segment",
    /// Received: a TCP segment to a multicast or broadcast address.
    BroadcastTcp = "broadcast_tcp",
    /// Received: an echo request to a broadcast address (RFC 1122 3.2.2.6 lets us be silent:
    /// smurf).
    BroadcastEcho = "broadcast_echo",
    /// Received: an ARP reply that nobody asked for, or that contradicts what was heard before.
    UnsolicitedArp = "unsolicited_arp",
    /// Received: a DNS answer to a question of nobody's: another id, name or type.
    DnsUnasked = "dns_unasked",
    /// Received: a DNS answer that does not parse, or whose aliases or pointers go in circles.
    DnsMalformed = "dns_malformed",
    /// Received: an NTP answer that nobody asked for.
    NtpUnasked = "ntp_unasked",
    /// Received: an NTP answer that makes no sense, or whose server does not know the time.
    NtpUnusable = "ntp_unusable",
    /// Received: an ARP packet that makes no sense.
    BadArp = "bad_arp",
    /// Received: a message of Neighbor Discovery that makes no sense, or came by a router.
    BadDiscovery = "bad_discovery",
    /// Received: a neighbour's advertisement that nobody asked for.
    UnsolicitedAdvert = "unsolicited_advert",
    /// Received: something that a router advertises and that there is no room for.
    AdvertIgnored = "advert_ignored",
    /// Received: a frame of a protocol that is not ours.
    UnknownProtocol = "unknown_protocol",
    /// Received: a packet from a neighbour, while the table was full of others.
    NeighborsFull = "neighbors_full",
    /// Received: a DHCP packet that is damaged, or that the client had no time for.
    DhcpLost = "dhcp_lost",
    /// Not sent: no route leads there.
    NoRoute = "no_route",
    /// Not sent: the neighbour does not answer, or enough waits for it already.
    Unreachable = "unreachable",
    /// Not sent: too many packets to ourselves at a time.
    LoopbackFull = "loopback_full",
    /// Not sent: there is no link, or no room in the device.
    NoTransmitBuffer = "no_transmit_buffer",
    /// Not sent: too many questions and answers about neighbours at a time.
    OutboxFull = "outbox_full",
    /// Not sent: more ICMP errors than the limit.
    Backscatter = "backscatter",
    /// Not sent: DHCP packets at a rate that only a hostile server causes.
    DhcpTooOften = "dhcp_too_often",
    /// A connection that no worker of its service had time for.
    ServiceBusy = "service_busy",
    /// A connection ended because its peer fell silent or did not finish closing.
    TcpTimeout = "tcp_timeout",
    /// Telnet: a command that does not exist.
    TelnetCommand = "telnet_command",
    /// Telnet: a subnegotiation that is too long, has no end, or makes no sense.
    TelnetSubnegotiation = "telnet_subnegotiation",
    /// Telnet: an answer that was not given, since there were too many without a line in between.
    TelnetAnswer = "telnet_answer",
    /// A byte typed before a telnet client's Synch, which asks for that (RFC 854).
    TelnetSynch = "telnet_synch",
    /// Console output that the UART did not take in time, in bytes.
    ConsoleOutput = "console_output",
    /// Console input that the shell did not take in time, in bytes.
    ConsoleInput = "console_input",
}

impl Drop {
    /// Whether a frame of ours (true) or of a peer (false) was dropped; none if it was no frame.
    pub const fn is_sent(self) -> Option<bool> {
        match self {
            Self::TelnetCommand
            | Self::TelnetSubnegotiation
            | Self::TelnetAnswer
            | Self::TelnetSynch => None,
            Self::Backscatter
            | Self::DhcpTooOften
            | Self::NoRoute
            | Self::Unreachable
            | Self::LoopbackFull
            | Self::NoTransmitBuffer
            | Self::OutboxFull => Some(true),
            Self::ServiceBusy | Self::TcpTimeout | Self::ConsoleOutput | Self::ConsoleInput => None,
            _ => Some(false),
        }
    }
}

/// A count for each reason.
#[derive(Debug)]
pub struct Drops {
    counts: [Cell<u64>; Drop::ALL.len()],
    /// What was counted last, until somebody takes it.
    last: Cell<Option<Drop>>,
}

impl Default for Drops {
    fn default() -> Self {
        Self::new()
    }
}

impl Drops {
    /// All zero.
    pub const fn new() -> Self {
        Self { counts: [const { Cell::new(0) }; Drop::ALL.len()], last: Cell::new(None) }
    }

    /// Counts one.
    pub fn count(&self, why: Drop) {
        self.add(why, 1);
    }

    /// Counts several.
    pub fn add(&self, why: Drop, count: u64) {
        let cell = &self.counts[why as usize];
        cell.set(cell.get() + count);
        self.last.set(Some(why));
    }

    /// Takes the reason that was counted last, if one was since the last call: so whoever lets a
    /// frame be dealt with learns why it was dropped.
    pub fn take_last(&self) -> Option<Drop> {
        self.last.take()
    }

    /// Takes over a count that is kept elsewhere.
    pub fn set(&self, why: Drop, count: u64) {
        self.counts[why as usize].set(count);
    }

    /// The count of one reason.
    pub fn get(&self, why: Drop) -> u64 {
        self.counts[why as usize].get()
    }

    /// Every reason with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Drop, u64)> + '_ {
        Drop::ALL.iter().map(|&why| (why, self.get(why)))
    }
}

/// Counts that services keep, each on its own line of `/status.json`.
#[derive(Debug, Default)]
pub struct ServiceCounters {
    /// TCP connections accepted.
    pub tcp_accepted: Cell<u64>,
    /// HTTP requests answered, whatever the status.
    pub http_requests: Cell<u64>,
    /// HTTP requests answered with a status of 400 or above.
    pub http_errors: Cell<u64>,
    /// Telnet sessions begun.
    pub telnet_sessions: Cell<u64>,
    /// Telnet connections refused because all sessions were taken.
    pub telnet_refused: Cell<u64>,
    /// Names and addresses that DNS servers, or the link, were asked about.
    pub names_asked: Cell<u64>,
    /// Those that were still known from an answer before.
    pub names_cached: Cell<u64>,
    /// Commands run, on every shell.
    pub commands: Cell<u64>,
    /// Telnet connections in a session's hands now; not a count but a level.
    pub telnet_open: Cell<u64>,
    /// Shell sessions open now, the console's included; not a count but a level.
    pub shells: Cell<u64>,
    /// What command lines cost on the wire that came key by key.
    pub typed_by_key: Cell<Typed>,
    /// And those that came as lines.
    pub typed_by_line: Cell<Typed>,
}

/// What command lines cost on the wire, from their first key to their echo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// How many lines.
    pub lines: u64,
    /// What passed for them.
    pub passed: Passed,
}

impl Typed {
    /// Adds a line.
    pub fn add(counter: &Cell<Self>, passed: Passed) {
        let Self { lines, passed: before } = counter.get();
        counter.set(Self { lines: lines + 1, passed: before + passed });
    }
}

/// Adds one to a counter.
pub fn count(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

/// A moment's status, as plain data.
#[derive(Clone, Debug)]
pub struct Status {
    /// Time since start.
    pub uptime: Duration,
    /// Our name.
    pub hostname: Text<63>,
    /// The network interface, if there is one.
    pub nic: Option<NicFacts>,
    /// Its link.
    pub link: Link,
    /// Its IPv4 configuration, if it has one.
    pub address: Option<Address>,
    /// Its IPv6 addresses.
    pub ipv6: heapless::Vec<Ipv6Cidr, IPV6_ADDRESSES>,
    /// When something is to be done about the addresses of each family.
    pub dues: [(&'static str, Option<Duration>); 2],
    /// Received.
    pub received: Direction,
    /// Sent.
    pub sent: Direction,
    /// What the driver counts.
    pub nic_counters: NicCounters,
    /// TCP connections by state, and listeners.
    pub sockets: SocketCounts,
    /// Who listens where.
    pub listeners: heapless::Vec<Listener, LISTENERS>,
    /// Turns of the main loop.
    pub polls: u64,
}

/// TCP sockets by what they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketCounts {
    /// Ports that are listened on.
    pub listening: usize,
    /// Connections in the hands of a service, or about to be.
    pub connected: usize,
    /// Connections that are closing, TIME-WAIT included.
    pub closing: usize,
    /// Connections that there is room for besides.
    pub free: usize,
}

/// A service's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The service's name.
    pub owner: &'static str,
    /// Its TCP port.
    pub port: u16,
    /// Connections that may come before one is accepted.
    pub listening: usize,
}
