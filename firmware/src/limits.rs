//! Every size, count, port and interval, with its unit. Relations between them are asserted at
//! compile time.
//!
//! long-file: one table in one place is what it is for.

use core::time::Duration;

// --- Frames
// -----------------------------------------------------------------------------------------------

/// Bytes of the largest Ethernet frame we send or take: header and 1,500 bytes of payload, without
/// FCS.
pub const FRAME_BYTES_MAX: usize = 1514;

/// Bytes of the longest IP packet: a frame without its Ethernet header.
pub const MTU_BYTES: usize = FRAME_BYTES_MAX - 14;

/// Frames taken from the NIC in one turn of the loop, so that no flood keeps the services from
/// their turn.
pub const INGRESS_FRAMES_PER_POLL: usize = 32;

/// Passes over all UDP sockets in one turn; each pass sends at most one frame a socket.
pub const EGRESS_PASSES_PER_POLL: usize = 16;

// --- Stack
// ------------------------------------------------------------------------------------------------

/// TCP connections.
pub const TCP_SOCKETS: usize = 64;

/// TCP connections whose handshake is under way; more are answered by SYN cookies.
pub const TCP_HALF_OPEN: usize = 256;

/// TCP connections that are closed and remembered (TIME-WAIT).
pub const TCP_TIME_WAIT: usize = 256;

/// Blocks of 4 KiB of which the rings of all TCP connections are made. Every connection can always
/// have 7, and 508 KiB each way if others leave that.
pub const TCP_BLOCKS: usize = 1_664;

/// UDP sockets: services, and what commands open.
pub const UDP_SOCKETS: usize = 24;

/// Bytes of receive ring of each UDP socket, and of its send ring: the longest datagram.
pub const UDP_RING_BYTES: usize = 8 * 1024;

/// Datagrams that wait in a UDP socket, each way.
pub const UDP_DATAGRAMS: usize = 16;

/// ICMP sockets: one for each shell session's command, and some more.
pub const ICMP_SOCKETS: usize = 12;

/// Bytes of an ICMP socket's receive ring: one message of the longest kind and some short ones.
pub const ICMP_RING_BYTES: usize = DATAGRAM_BYTES_MAX + 2048;

/// Messages that wait in an ICMP socket.
pub const ICMP_MESSAGES: usize = 32;

/// The stack's raw sockets, which see ICMP and ICMPv6, and TCP that came in pieces.
pub const RAW_SOCKETS: usize = 3;

/// ICMP messages of ours that wait to be sent.
pub const OUTPUT_PACKETS: usize = 32;

/// Routes: those of addresses, of DHCP and of routers that advertise themselves, and those that
/// were added by hand.
pub const ROUTES: usize = 32;

/// Connections that we open at a time: the rest of the sockets is for those that come to us.
pub const TCP_CONNECTS: usize = 16;

/// A connection that we open has this long to be answered: six SYNs of Linux take longer, but
/// nobody waits for them.
pub const TCP_CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// Ports of our own choice: the dynamic ports of RFC 6335 section 6.
pub const PORTS_FIRST: u16 = 49_152;

/// Random ports tried before the next free one is taken (RFC 6056 3.3.2).
pub const PORT_TRIES: usize = 16;

/// Addresses of the interface (`SMOLTCP_IFACE_MAX_ADDR_COUNT`).
pub const ADDRESSES: usize = 8;

/// Multicast groups that we are in (`SMOLTCP_IFACE_MAX_MULTICAST_GROUP_COUNT`).
pub const GROUPS: usize = 16;

// --- IPv6
// -------------------------------------------------------------------------------------------------

/// Addresses of ours: that of the link, and one of each of three prefixes.
pub const IPV6_ADDRESSES: usize = 4;
/// Default routers remembered (RFC 4861 6.3.4: two at least).
pub const IPV6_ROUTERS: usize = 4;
/// Prefixes whose addresses are neighbours.
pub const IPV6_PREFIXES: usize = 8;
/// Prefixes looked at in one advertisement.
pub const PREFIXES_PER_ADVERT: usize = 4;
/// Advertisements that wait to be looked at.
pub const ADVERTS: usize = 4;
/// An address is ours when nobody objected for this long (RFC 4862 5.1: one probe, RetransTimer).
pub const IPV6_PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// Questions for routers (RFC 4861 10: MAX_RTR_SOLICITATIONS).
pub const ROUTER_SOLICITS: u32 = 3;
/// And the time between them (RTR_SOLICITATION_INTERVAL).
pub const ROUTER_SOLICIT_INTERVAL: Duration = Duration::from_secs(4);

// --- Capture
// ----------------------------------------------------------------------------------------------

/// Frames that wait at the fault dial: 12 ms of a full 100 Mbit/s wire.
pub const NETEM_FRAMES: usize = 96;

/// The fault dial does not wake the board more often than this.
pub const NETEM_RESOLUTION: Duration = Duration::from_micros(100);

/// Frames in the capture ring.
pub const CAPTURE_FRAMES: usize = 512;

/// Bytes kept of each frame while nobody asks for more.
pub const CAPTURE_BYTES: usize = 128;

/// Notes on a captured frame: what each layer did with it.
pub const CAPTURE_NOTES: usize = 4;

/// Bytes of a filter in a lesson, with the board's addresses in it.
pub const LESSON_FILTER_BYTES: usize = 128;

/// Words of its device's own that are kept of a frame: a LAN9514 has up to three.
pub const CARRIAGE_WORDS: usize = 3;

/// Bytes of a frame's comment: its notes in words.
pub const CAPTURE_COMMENT_BYTES: usize = 288;

/// Readers of the capture ring at a time.
pub const CAPTURE_READERS: usize = 12;

/// Neighbours known at a time.
pub const NEIGHBORS: usize = 128;

/// A neighbour that was heard of is good for this long (RFC 4861 10: REACHABLE_TIME).
pub const NEIGHBOR_REACHABLE: Duration = Duration::from_secs(30);

/// One that was not heard of lately may be heard of by itself, before it is asked (RFC 4861 10:
/// DELAY_FIRST_PROBE_TIME).
pub const NEIGHBOR_DELAY: Duration = Duration::from_secs(5);

/// Questions before a neighbour counts as not there (RFC 4861 10: MAX_MULTICAST_SOLICIT).
pub const NEIGHBOR_PROBES: u32 = 3;

/// And the time between them (RFC 4861 10: RETRANS_TIMER).
pub const NEIGHBOR_RETRY: Duration = Duration::from_secs(1);

/// After a neighbour was heard of, nobody else is believed to have its address for this long.
pub const NEIGHBOR_LOCK: Duration = Duration::from_secs(1);

/// Packets that wait: for their neighbour to be known, or to go round to ourselves.
pub const WAITING_PACKETS: usize = 32;

/// Packets that wait for one neighbour (RFC 4861 7.2.2: at least one; Linux long had three).
pub const WAITING_PER_NEIGHBOR: usize = 3;

/// Frames of our own making that wait to be sent: ARP and Neighbor Discovery.
pub const OUTBOX_FRAMES: usize = 32;

/// Bytes of the longest of them: a neighbour advertisement has 86.
pub const OUTBOX_FRAME_BYTES_MAX: usize = 96;

/// IPv4 datagrams reassembled at a time (`SMOLTCP_REASSEMBLY_BUFFER_COUNT`).
pub const REASSEMBLIES: usize = 8;

/// Bytes of the largest IPv4 datagram reassembled or sent in fragments.
pub const DATAGRAM_BYTES_MAX: usize = 16 * 1024;

/// A datagram whose fragments have not all come by then is given up: RFC 1122 3.3.2 asks for 60 to
/// 120 s, at which one orphan would hold a buffer for a minute; 5 s leaves room on any wire we
/// know.
pub const REASSEMBLY_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection on which nothing was heard for this long is ended, in every state (RFC 9293 3.8.3
/// "user timeout").
pub const TCP_TIMEOUT: Duration = Duration::from_secs(20);

/// Quiet connections are probed this often (RFC 9293 3.8.4), so that a vanished peer is noticed.
pub const TCP_KEEP_ALIVE: Duration = Duration::from_secs(6);

/// One that does not answer so many probes has ended.
pub const TCP_KEEP_ALIVE_PROBES: u32 = 2;

/// A connection we closed has this long to finish before its socket is taken back.
pub const TCP_LINGER: Duration = Duration::from_secs(10);

/// A connection that no worker of its service takes within this time is reset, so that it does not
/// keep a socket from the other services.
pub const READY_MAX: Duration = Duration::from_secs(10);

/// While connections wait for a task, tasks are woken for them this often.
pub const READY_CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// With no transmit buffer free and no completion, the stack tries again after this long.
pub const TRANSMIT_RETRY: Duration = Duration::from_millis(1);

/// Services and commands that listen.
pub const LISTENERS: usize = tcp::limits::LISTENERS;

/// Tasks that wait for a connection of one service.
pub const ACCEPTORS: usize = 24;

/// UDP port of DHCP clients (RFC 2131, 4.1).
pub const DHCP_CLIENT_PORT: u16 = 68;

/// DHCP packets that we send at most, each second: a search and a request take two, and a link that
/// comes and goes begins anew each time. What is held back is sent again 10 s later only.
pub const DHCP_PER_SECOND: u32 = 8;

/// Seconds of the shortest DHCP lease that is taken.
pub const DHCP_LEASE_SECONDS_MIN: u32 = 10;

/// Bytes of the longest DHCP packet whose options are kept: as long as any that is parsed, or the
/// lease that is checked would not be the one that is taken.
pub const DHCP_PACKET_BYTES_MAX: usize = DATAGRAM_BYTES_MAX;

/// DHCP packets that wait for the client.
pub const DHCP_INBOX: usize = 4;

/// Bytes of the longest DHCP packet that we send, and that we ask servers to send (RFC 2131 2: any
/// host takes 576).
pub const DHCP_PACKET_BYTES_SENT: usize = 576 - 28;

/// The pause after the first DHCP message; it doubles (RFC 2131 4.1).
pub const DHCP_RETRY_FIRST: Duration = Duration::from_secs(4);
/// The longest.
pub const DHCP_RETRY_MAX: Duration = Duration::from_secs(64);
/// The shortest between two tries to renew a lease (RFC 2131 4.4.5).
pub const DHCP_RETRY_MIN: Duration = Duration::from_secs(60);
/// Requests for a lease that was offered, before the search begins anew.
pub const DHCP_TRIES: u32 = 3;
/// Steps of the DHCP client that are remembered, for `dhclient` to print.
pub const DHCP_STEPS: usize = 16;
/// Sessions that follow them.
pub const DHCP_READERS: usize = 10;

/// Before a leased address is used, so many ARP probes look for somebody who has it (RFC 2131
/// 4.4.1)...
pub const LEASE_PROBES: u32 = 2;
/// ... this far apart. RFC 5227 waits for seconds; servers look as well before they offer, and
/// people wait for the board.
pub const LEASE_PROBE_INTERVAL: Duration = Duration::from_millis(200);

/// A refused DHCP lease is not asked for again before this long.
pub const DHCP_REFUSED_PAUSE: Duration = Duration::from_secs(10);

/// ARP frames of our own making that wait to be sent.
pub const ARP_OUTBOX: usize = 8;

/// ICMP errors that we send at most, each second and in one burst (RFC 1812
/// 4.3.2.8 asks senders of ICMP errors to limit them).
pub const BACKSCATTER_PER_SECOND: u32 = 100;

// --- Services
// ---------------------------------------------------------------------------------------------

/// TCP port of the HTTP service.
pub const HTTP_PORT: u16 = 80;
/// HTTP connections served at a time.
pub const HTTP_WORKERS: usize = 20;
/// Connections that wait for an HTTP worker.
pub const HTTP_BACKLOG: usize = 16;
/// TCP port of the telnet service.
pub const TELNET_PORT: u16 = 23;
/// Telnet sessions at a time.
pub const TELNET_SESSIONS: usize = 8;
/// Connections that wait for a telnet worker.
pub const TELNET_BACKLOG: usize = 4;
/// TCP port that streams the defmt log.
pub const LOG_PORT: u16 = 4242;
/// How often a log reader is given what is new.
pub const LOG_INTERVAL: Duration = Duration::from_millis(50);
/// A log reader has this long to take what it is given.
pub const LOG_SEND_TIMEOUT: Duration = Duration::from_secs(20);
/// Log readers at a time.
pub const LOG_READERS: usize = 2;
/// Connections that wait for a log reader.
pub const LOG_BACKLOG: usize = 1;

/// Bytes of the longest HTTP request head; longer ones are answered 431.
pub const HTTP_HEAD_BYTES_MAX: usize = 4096;
/// Bytes of the longest request line; longer ones are answered 414.
pub const HTTP_REQUEST_LINE_BYTES_MAX: usize = 2048;
/// Header fields of a request; more are answered 431.
pub const HTTP_FIELDS_MAX: usize = 64;
/// A request head has this long to arrive whole; then 408.
pub const HTTP_HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// While others wait, a request that has begun has this long to arrive whole, and an answer to be
/// taken: a lost packet is sent again sooner.
pub const HTTP_PATIENCE_IN_A_CROWD: Duration = Duration::from_secs(1);
/// But whoever takes this many bytes each second may go on.
pub const HTTP_BYTES_PER_SECOND_IN_A_CROWD: u64 = 8 * 1024;
/// While others wait, a connection ends after this many requests.
pub const HTTP_REQUESTS_IN_A_CROWD: u32 = 100;
/// A connection may idle this long before a request, whether a worker has it or not.
pub const HTTP_IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// A response has this long to be taken by the peer.
pub const HTTP_SEND_TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of a request's content that are read past; for more it is 413. No page takes content.
pub const HTTP_CONTENT_BYTES_MAX: u64 = 64 * 1024;
/// Bytes of a form: every field of the Lab page, encoded, several times over.
pub const HTTP_FORM_BYTES_MAX: usize = 1024;
/// After a refusal, what the client still sends is read for this long, so that it sees the answer.
pub const HTTP_LINGER: Duration = Duration::from_secs(1);
/// And up to this many bytes.
pub const HTTP_LINGER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes that `GET /bytes` sends and `PUT /bytes` takes at most.
pub const HTTP_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes that `GET /bytes` sends if it is not told.
pub const HTTP_BYTES_DEFAULT: u64 = 1024 * 1024;
/// And the time each may take, so that a slow client does not keep it from the next one. With CUBIC
/// Linux needs 160 s for 16 MiB where a tenth of the segments is lost.
pub const HTTP_BYTES_TIMEOUT: Duration = Duration::from_secs(600);
/// Bytes of a response's head.
pub const HTTP_RESPONSE_HEAD_BYTES_MAX: usize = 1024;
/// Bytes of a page, and of each part of a longer text.
pub const PAGE_BYTES_MAX: usize = 12 * 1024;
/// Bytes of a decoded value in a query, such as a filter's expression.
pub const HTTP_QUERY_VALUE_BYTES_MAX: usize = 256;
/// `/life.json` tells of a visitor's frames of this last time,
pub const LIFE_WINDOW: Duration = Duration::from_secs(10);
/// and of so many of them at most.
pub const LIFE_FRAMES: usize = 160;
/// Bytes of one of them there: its bytes in hexadecimal, its line and its notes.
pub const LIFE_FRAME_BYTES: usize = 2048;
/// Connections that are sent captured frames at a time.
pub const HTTP_CAPTURES: usize = 4;
/// Connections that listen to events at a time. With the captures and both ways of `/bytes` they
/// leave eight workers at least to requests that are answered at once.
pub const HTTP_LISTENERS: usize = 6;
/// How often listeners are told the status.
pub const HTTP_EVENT_INTERVAL: Duration = Duration::from_secs(1);
/// Requests served on one connection.
pub const HTTP_REQUESTS_PER_CONNECTION_MAX: u32 = 10_000;

/// Answers to option negotiation that a telnet session gives between two lines; a client has a
/// dozen options.
pub const TELNET_ANSWERS_MAX: u32 = 256;
/// A telnet session that sends nothing for this long is ended.
pub const TELNET_IDLE_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// Bytes of the longest command line.
pub const LINE_BYTES_MAX: usize = 256;
/// Command lines remembered by a session.
pub const HISTORY_LINES: usize = 16;
/// Tasks that take telnet connections: one more than sessions, so that whoever comes while all are
/// in use is told so.
pub const TELNET_WORKERS: usize = TELNET_SESSIONS + 1;
/// Bytes of telnet taken from, or made ready for, the connection at a time.
pub const TELNET_BUFFER_BYTES: usize = 1024;
/// Bytes of one telnet subnegotiation; a longer one is given up and what follows is data again. The
/// longest that makes sense, the keys of LINEMODE, has some 60.
pub const TELNET_SUBNEGOTIATION_BYTES_MAX: usize = 128;
/// Bytes of a terminal's name (RFC 1091 allows 40).
pub const TERMINAL_NAME_BYTES_MAX: usize = 40;
/// Connections whose segments are counted at a time: those of all telnet sessions.
pub const METERS: usize = TELNET_SESSIONS;
/// Words of a command line.
pub const WORDS_MAX: usize = 32;
/// Keys typed ahead while a command runs; more wait in the connection.
pub const TYPE_AHEAD_BYTES: usize = 512;
/// Bytes that a command has written and the terminal has not taken.
pub const SHELL_OUTPUT_BYTES: usize = 1024;
/// Bytes of the longest text a command writes at once.
pub const SHELL_TEXT_BYTES: usize = 512;
/// A command that is told of Ctrl-C has this long to end by itself.
pub const SHELL_INTERRUPT_GRACE: Duration = Duration::from_millis(100);
/// Data bytes of the longest `ping -s`.
pub const PING_DATA_BYTES_MAX: usize = 8 * 1024;
/// Requests of `ping` whose answers are told from duplicates, and timed.
pub const PING_WINDOW: usize = 128;
/// The shortest time between two requests of `ping`: what iputils allows its users.
pub const PING_INTERVAL_MIN: Duration = Duration::from_millis(2);
/// Probes of `traceroute` that are under way, or not told of yet.
pub const TRACEROUTE_PROBES: usize = 128;
/// Bytes of the longest frame that `tcpdump` prints at once: 95 lines of `-X` and one before them.
pub const TCPDUMP_TEXT_BYTES: usize = 8 * 1024;
/// Ports, and ranges of them, that `nc` is given.
pub const NC_PORTS_MAX: usize = 16;
/// Connections that wait for `nc -l`.
pub const NC_BACKLOG: usize = 1;
/// `nc -uvz` looks for an ICMP error for so many seconds.
pub const NC_UDP_SCAN_SECONDS: u64 = 3;
/// Bytes that the `telnet` command has to show: its longest list, and what the server sent.
pub const TELNET_TEXT_BYTES: usize = 2048;
/// `dhclient` waits this long for an address.
pub const DHCLIENT_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of the longest URL that `wget` fetches.
pub const WGET_URL_BYTES_MAX: usize = 512;
/// Parts between the slashes of its path.
pub const WGET_URL_SEGMENTS_MAX: usize = 32;
/// Bytes of the longest head of a response that `wget` reads.
pub const WGET_HEAD_BYTES_MAX: usize = 8 * 1024;
/// The longest pause between two tries of `wget`; it grows by a second each time.
pub const WGET_WAIT_MAX: Duration = Duration::from_secs(10);
/// Columns of a terminal that does not tell.
pub const TERMINAL_COLUMNS: u16 = 80;
/// Tasks that `ps` knows of.
pub const TASKS_MAX: usize = 48;
/// Tasks that wait for the next journal entry: the console, every session's `dmesg -w`, and the
/// services that wait for an address or send the entries on.
pub const JOURNAL_READERS: usize = 20;

// --- Console, journal
// -------------------------------------------------------------------------------------

/// Bytes of console input waiting for the shell.
pub const CONSOLE_INPUT_BYTES: usize = 256;
/// Bytes of console output waiting for the UART: one screen.
pub const CONSOLE_OUTPUT_BYTES: usize = 4096;
/// Entries of the journal; the oldest give way.
pub const JOURNAL_ENTRIES: usize = 256;
/// A restart that was asked for happens this much later, so that the answer still goes out.
pub const RESTART_GRACE: Duration = Duration::from_millis(300);
/// Bytes of one journal entry's text.
pub const JOURNAL_TEXT_BYTES: usize = 112;

// --- Command line, device tree
// ---------------------------------------------------------------------------

/// Faults of the command line that are told; what follows is counted as "more".
pub const CONFIG_FAULTS_MAX: usize = 8;
/// Bytes of the longest device tree that is looked at: the Pi's own have about 32 KiB.
pub const DTB_BYTES_MAX: usize = 1024 * 1024;
/// Levels of nodes in a device tree (64 in Linux as well).
pub const DTB_DEPTH_MAX: usize = 64;

// --- Addresses
// --------------------------------------------------------------------------------------------

/// IPv6 addresses that mDNS tells: the link-local one and three of prefixes.
pub const MDNS_V6_ADDRESSES: usize = 4;
/// Questions, and records of a section, that mDNS looks at in a message. Each is compared with all
/// that is ours, and a frame has room for 240: a few hundred such frames a second would leave no
/// time for anything else. Nobody asks for so much of one host.
pub const MDNS_ITEMS_MAX: usize = 32;
/// A DNS server has this long to answer (glibc's RES_TIMEOUT).
pub const DNS_TIMEOUT: Duration = Duration::from_secs(5);
/// Times that each DNS server is asked (glibc's RES_DFLRETRY).
pub const DNS_TRIES: u32 = 2;
/// Names and addresses whose DNS answers are remembered.
pub const DNS_CACHE_ENTRIES: usize = 32;
/// The longest that an answer is remembered, whatever it says.
pub const DNS_TTL_SECONDS_MAX: u32 = 24 * 60 * 60;
/// The longest that the absence of an answer is remembered (RFC 2308 5: one to three hours).
pub const DNS_NEGATIVE_SECONDS_MAX: u32 = 60 * 60;
/// Whoever has a name that ends in `.local` has this long to say so.
pub const MDNS_TIMEOUT: Duration = Duration::from_secs(1);
/// Addresses of a name that are looked at.
pub const NAME_ADDRESSES: usize = 8;
/// Bytes of a domain in which names are looked for.
pub const DOMAIN_BYTES_MAX: usize = 64;
/// Such domains.
pub const SEARCH_DOMAINS: usize = 3;
/// Bytes of the longest syslog message: RFC 5424 6.1 asks receivers for 480 at least, and our
/// longest has fewer than that.
pub const SYSLOG_BYTES_MAX: usize = 480;
/// The time between two syslog messages.
pub const SYSLOG_INTERVAL: Duration = Duration::from_millis(50);
/// Without a log server, or a way to it, it is looked for again after this long.
pub const SYSLOG_RETRY: Duration = Duration::from_secs(1);
/// DNS servers remembered.
pub const DNS_SERVERS: usize = 3;
/// Bytes of the name of a server on the command line.
pub const SERVER_NAME_BYTES_MAX: usize = 64;
/// Time servers remembered.
pub const NTP_SERVERS: usize = 2;
/// Time servers that are asked in turn: those remembered, or the addresses of one name.
pub const NTP_CANDIDATES: usize = 4;
/// A time server has this long to answer.
pub const NTP_TIMEOUT: Duration = Duration::from_secs(2);
/// Who does not answer is asked again after this long, then twice as long (RFC 4330 10: never less
/// than 15 s).
pub const NTP_RETRY_FIRST: Duration = Duration::from_secs(16);
/// The shortest time between two questions to a server that answers.
pub const NTP_INTERVAL_MIN: Duration = Duration::from_secs(64);
/// The longest.
pub const NTP_INTERVAL_MAX: Duration = Duration::from_secs(1024);
/// How far from the truth a server may be, as it says itself (chrony's `maxdistance`).
pub const NTP_DISTANCE_MAX: Duration = Duration::from_secs(3);
/// A clock that is moved by more than this was wrong: it is told, and looked after again soon
/// (ntpd's step threshold).
pub const NTP_STEP: Duration = Duration::from_millis(128);
/// A clock that is moved by less than this is looked after less often.
pub const NTP_STEADY: Duration = Duration::from_millis(10);
/// Bytes of a host name (RFC 1123 2.1: a label has up to 63).
pub const HOSTNAME_BYTES_MAX: usize = 63;
/// Without a DHCP answer for this long, a 169.254 address is taken while DHCP goes on.
pub const LINK_LOCAL_AFTER: Duration = Duration::from_secs(5);

const _: () = assert!(HTTP_WORKERS + TELNET_SESSIONS + LOG_READERS <= TCP_SOCKETS / 2);
const _: () = assert!(HTTP_BACKLOG + TELNET_BACKLOG + LOG_BACKLOG < TCP_SOCKETS);
const _: () = assert!(
    HTTP_RESPONSE_HEAD_BYTES_MAX + PAGE_BYTES_MAX < tcp::limits::SEND_BYTES_INITIAL as usize,
    "one write"
);
const _: () = assert!(HTTP_CAPTURES + HTTP_LISTENERS + 2 + 8 <= HTTP_WORKERS, "eight at a time");
const _: () = assert!(HTTP_CAPTURES + TELNET_SESSIONS <= CAPTURE_READERS, "tcpdump as well");
const _: () = assert!(PAGE_BYTES_MAX.is_multiple_of(4), "whole words of `GET /bytes`");
const _: () = assert!(HTTP_REQUEST_LINE_BYTES_MAX < HTTP_HEAD_BYTES_MAX);
const _: () = assert!(HTTP_FORM_BYTES_MAX <= HTTP_HEAD_BYTES_MAX, "it comes into the same buffer");
const _: () = assert!(TELNET_WORKERS <= ACCEPTORS && TELNET_BACKLOG > 0);
const _: () = assert!(ADDRESSES == smoltcp::config::IFACE_MAX_ADDR_COUNT);
const _: () = assert!(IPV6_ADDRESSES + 3 <= ADDRESSES, "and one of IPv4, 127.0.0.1, ::1");
const _: () = assert!(IPV6_ADDRESSES < GROUPS);
const _: () = assert!(GROUPS == smoltcp::config::IFACE_MAX_MULTICAST_GROUP_COUNT);
const _: () = assert!(CAPTURE_BYTES <= FRAME_BYTES_MAX);
const _: () = assert!(TCP_CONNECTS <= TCP_SOCKETS / 4);
const _: () = assert!(WAITING_PER_NEIGHBOR < WAITING_PACKETS);
const _: () = assert!(REASSEMBLIES == smoltcp::config::REASSEMBLY_BUFFER_COUNT);
const _: () = assert!(DATAGRAM_BYTES_MAX == smoltcp::config::REASSEMBLY_BUFFER_SIZE);
const _: () = assert!(DATAGRAM_BYTES_MAX == smoltcp::config::FRAGMENTATION_BUFFER_SIZE);
const _: () = assert!(
    TCP_KEEP_ALIVE.as_millis() * (1 + TCP_KEEP_ALIVE_PROBES as u128) < TCP_TIMEOUT.as_millis()
);
const _: () = assert!(
    TCP_BLOCKS * tcp::limits::BLOCK_BYTES
        + TCP_SOCKETS * size_of::<tcp::Slot>()
        + TCP_HALF_OPEN * size_of::<tcp::HalfOpen>()
        + TCP_TIME_WAIT * size_of::<tcp::TimeWait>()
        < 8 << 20
);
const _: () = assert!(DATAGRAM_BYTES_MAX >= 8000 + 28, "ping -s 8000");
