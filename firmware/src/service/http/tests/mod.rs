//! Conversations with the server over a stream in memory, in virtual time.

mod bytes;
mod content;
mod conversation;
mod files;
mod lab;
mod live;
mod shapes;
mod tables;

use core::cell::Cell;
use core::convert::Infallible;
use core::future::pending;
use core::time::Duration;
use std::collections::VecDeque;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use embedded_io_async::{ErrorType, Read, Write};
use smoltcp::wire::{EthernetAddress, IpEndpoint, Ipv4Address, Ipv4Cidr, Ipv6Address, Ipv6Cidr};

use super::connection::{self, Buffers, Ended};
use super::{Source, Streams};
use crate::Text;
use crate::journal::{Entry, Event, Journal};
use crate::limits::{CAPTURE_FRAMES, FRAME_BYTES_MAX, IPV6_ADDRESSES, JOURNAL_ENTRIES, LISTENERS};
use crate::net::{Neighbor, Route, SocketInfo};
use crate::shell::{Places, Progress};
use crate::status::{
    Address, AddressSource, BoardFacts, Direction, Drop, Drops, Link, Listener, NicCounters,
    NicFacts, ServiceCounters, SocketCounts, Status,
};
use crate::testing::{block_on, clock};
use crate::wire::{Faults, ProtocolCounters, Recorder, Recording, Tally, Way};

/// A board on a desk.
struct Desk {
    status: Status,
    facts: BoardFacts,
    drops: Drops,
    counters: ServiceCounters,
    journal: Journal,
    started_at: Option<Duration>,
    sockets: Vec<SocketInfo>,
    neighbors: Vec<Neighbor>,
    routes: Vec<Route>,
    protocols: ProtocolCounters,
    recorder: Recorder,
    streams: Streams,
    dial: [Cell<Faults>; 2],
}

impl Recording for Desk {
    fn with_recorder<R>(&self, f: impl FnOnce(&Recorder) -> R) -> R {
        f(&self.recorder)
    }
}

fn recorder() -> Recorder {
    let frames = std::vec![[0; FRAME_BYTES_MAX]; CAPTURE_FRAMES];
    Recorder::new(frames.try_into().map(std::boxed::Box::leak).unwrap(), clock)
}

impl Source for Desk {
    fn status(&self) -> Status {
        self.status.clone()
    }

    fn facts(&self) -> &BoardFacts {
        &self.facts
    }

    fn drops(&self) -> &Drops {
        &self.drops
    }

    fn counters(&self) -> &ServiceCounters {
        &self.counters
    }

    fn journal_after(&self, number: u64) -> Option<Entry> {
        self.journal.after(number)
    }

    fn started_at(&self) -> Option<Duration> {
        self.started_at
    }

    fn sockets(&self) -> impl Iterator<Item = SocketInfo> {
        self.sockets.iter().copied()
    }

    fn neighbors(&self) -> impl Iterator<Item = Neighbor> {
        self.neighbors.iter().copied()
    }

    fn routes(&self) -> impl Iterator<Item = Route> {
        self.routes.iter().copied()
    }

    fn protocols(&self) -> ProtocolCounters {
        self.protocols
    }

    fn netem(&self, way: Way) -> (Faults, Tally) {
        (self.dial[way as usize].get(), Tally { frames: 7, lost: 1, ..Tally::default() })
    }

    fn set_netem(&self, way: Way, faults: Faults) {
        self.dial[way as usize].set(faults);
    }

    fn progress(&self) -> Progress {
        Progress::default()
    }

    fn places(&self) -> Places {
        Places::default()
    }

    fn streams(&self) -> &Streams {
        &self.streams
    }
}

/// A board as it usually is.
fn desk() -> Desk {
    let address = Address {
        address: Ipv4Cidr::new(Ipv4Address::new(192, 168, 1, 42), 24),
        router: Some(Ipv4Address::new(192, 168, 1, 1)),
        dns: heapless::Vec::from_slice(&[Ipv4Address::new(192, 168, 1, 1)]).unwrap(),
        ntp: heapless::Vec::new(),
        log: None,
        search: heapless::Vec::new(),
        source: AddressSource::Dhcp {
            server: Ipv4Address::new(192, 168, 1, 1),
            lease_seconds: 3600,
        },
    };
    let drops = Drops::new();
    drops.add(Drop::BogusSource, 7);
    let mut journal = Journal::new();
    journal.record(Duration::from_micros(1_250), Event::Started);
    journal.record(Duration::from_millis(300), Event::Link(Link::Up));
    Desk {
        status: Status {
            uptime: Duration::from_micros(12_345_678),
            hostname: Text::from("barewire"),
            nic: Some(NicFacts {
                driver: "cdc-ecm",
                mac: EthernetAddress([0x52, 0x54, 0, 0x12, 0x34, 0x57]),
                topology: Text::from("1:(0409:55aa 1:(0525:a4a2))"),
            }),
            link: Link::UpAt { megabits: 100, full_duplex: true },
            address: Some(address),
            ipv6: heapless::Vec::from_iter([Ipv6Cidr::new(
                Ipv6Address::new(0xfe80, 0, 0, 0, 0x5054, 0xff, 0xfe12, 0x3457),
                64,
            )]),
            dues: [("ipv4", Some(Duration::from_secs(1800))), ("ipv6", None)],
            received: Direction { packets: 22, bytes: 3227, ..Direction::default() },
            sent: Direction { packets: 29, bytes: 2214, errors: 1, ..Direction::default() },
            nic_counters: NicCounters { transfers_in: 21, ..NicCounters::default() },
            sockets: SocketCounts { listening: 21, connected: 1, closing: 0, free: 42 },
            listeners: heapless::Vec::from_iter([Listener {
                owner: "httpd",
                port: 80,
                listening: 16,
            }]),
            polls: 1234,
        },
        facts: BoardFacts {
            model: Text::from("Raspberry Pi 3 Model B"),
            revision: 0xA0_2082,
            serial: 0x1234_5678,
            memory_bytes: 948 << 20,
            used_bytes: 5 << 20,
            loaded_at: 0x8_0000,
            cpu_hz: 1_200_000_000,
            restart: Text::from("power on"),
        },
        drops,
        counters: ServiceCounters::default(),
        journal,
        started_at: None,
        sockets: Vec::new(),
        neighbors: Vec::new(),
        routes: Vec::new(),
        protocols: ProtocolCounters::default(),
        recorder: recorder(),
        streams: Streams::default(),
        dial: Default::default(),
    }
}

/// A text of `N` bytes of one character: the worst there is, once it is escaped.
fn full<const N: usize>(character: char) -> Text<N> {
    Text::from(character.to_string().repeat(N).as_str())
}

/// An address as long as it can be.
fn far_v6() -> Ipv6Address {
    Ipv6Address::new(0x2001, 0xdb8, 0x1111, 0x2222, 0x3333, 0x4444, 0x5555, 0x6666)
}

/// A board on which everything is as long as it can be.
fn worst(character: char) -> Desk {
    let far = Ipv4Address::new(192, 168, 199, 199);
    let counts = Direction {
        packets: u64::MAX,
        bytes: u64::MAX,
        errors: u64::MAX,
        dropped: u64::MAX,
        overruns: u64::MAX,
        frame: u64::MAX,
    };
    let drops = Drops::new();
    Drop::ALL.iter().for_each(|&why| drops.add(why, u64::MAX));
    // Room for what the tests add.
    let most = || Cell::new(u64::MAX - 1000);
    let mut journal = Journal::new();
    for _ in 0..JOURNAL_ENTRIES + 3 {
        journal.record(Duration::MAX, Event::Config(full(character)));
    }
    Desk {
        status: Status {
            uptime: Duration::MAX,
            hostname: full(character),
            nic: Some(NicFacts {
                driver: "a driver with a rather long name",
                mac: EthernetAddress([0xFE; 6]),
                topology: full(character),
            }),
            link: Link::UpAt { megabits: u16::MAX, full_duplex: true },
            address: Some(Address {
                address: Ipv4Cidr::new(far, 24),
                router: Some(far),
                dns: core::iter::repeat_n(far, crate::limits::DNS_SERVERS).collect(),
                ntp: heapless::Vec::new(),
                log: None,
                search: heapless::Vec::new(),
                source: AddressSource::Dhcp { server: far, lease_seconds: u32::MAX },
            }),
            ipv6: (0..IPV6_ADDRESSES).map(|_| Ipv6Cidr::new(far_v6(), 128)).collect(),
            dues: [("ipv4", Some(Duration::MAX)), ("ipv6", Some(Duration::MAX))],
            received: counts,
            sent: counts,
            nic_counters: NicCounters {
                transfers_in: u64::MAX,
                transfers_out: u64::MAX,
                receive_errors: u64::MAX,
                receive_frame_errors: u64::MAX,
                send_errors: u64::MAX,
                send_busy: u64::MAX,
                recoveries: u64::MAX,
                receive_overruns: u64::MAX,
                carrier_errors: u64::MAX,
                collisions: u64::MAX,
                power_cycles: u64::MAX,
            },
            sockets: SocketCounts {
                listening: usize::MAX,
                connected: usize::MAX,
                closing: usize::MAX,
                free: usize::MAX,
            },
            listeners: (0..LISTENERS as u16)
                .map(|number| Listener {
                    owner: "a-service-name",
                    port: u16::MAX - number,
                    listening: usize::MAX,
                })
                .collect(),
            polls: u64::MAX,
        },
        facts: BoardFacts {
            model: full(character),
            revision: u32::MAX,
            serial: u64::MAX,
            memory_bytes: u64::MAX,
            used_bytes: u64::MAX,
            loaded_at: u64::MAX,
            cpu_hz: u32::MAX,
            restart: full(character),
        },
        drops,
        counters: ServiceCounters {
            tcp_accepted: most(),
            http_requests: most(),
            http_errors: most(),
            telnet_sessions: most(),
            telnet_refused: most(),
            commands: most(),
            names_asked: most(),
            names_cached: most(),
            telnet_open: most(),
            shells: most(),
            typed_by_key: Cell::default(),
            typed_by_line: Cell::default(),
        },
        journal,
        started_at: None,
        sockets: Vec::new(),
        neighbors: Vec::new(),
        routes: Vec::new(),
        protocols: ProtocolCounters::default(),
        recorder: recorder(),
        streams: Streams::default(),
        dial: Default::default(),
    }
}

/// A client: sends its pieces one a read, then closes or falls silent; keeps what it was told.
#[derive(Default)]
struct Client {
    pieces: VecDeque<Vec<u8>>,
    stays: bool,
    /// Never takes anything.
    deaf: bool,
    heard: Vec<u8>,
    writes: usize,
}

impl Client {
    fn sends(pieces: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        Self { pieces: pieces.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    fn and_stays(self) -> Self {
        Self { stays: true, ..self }
    }

    fn meets(&mut self, desk: &Desk) -> Ended {
        block_on(connection::serve(desk, self, peer(), &mut Buffers::new(), pending::<()>))
    }

    /// The same while others wait.
    fn meets_in_a_crowd(&mut self, desk: &Desk) -> Ended {
        block_on(connection::serve(desk, self, peer(), &mut Buffers::new(), async || {}))
    }
}

impl ErrorType for Client {
    type Error = Infallible;
}

impl Read for Client {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let Some(mut piece) = self.pieces.pop_front() else {
            return if self.stays { pending().await } else { Ok(0) };
        };
        let length = piece.len().min(buffer.len());
        buffer[..length].copy_from_slice(&piece[..length]);
        if length < piece.len() {
            self.pieces.push_front(piece.split_off(length));
        }
        Ok(length)
    }
}

impl Write for Client {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        if self.deaf {
            return pending().await;
        }
        self.heard.extend(bytes);
        self.writes += 1;
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// One response as a client reads it.
#[derive(Clone, Debug, PartialEq)]
struct Answer {
    code: u16,
    fields: Vec<(String, String)>,
    content: Vec<u8>,
}

impl Answer {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    fn text(&self) -> &str {
        core::str::from_utf8(&self.content).unwrap()
    }
}

/// Reads all responses; their framing must be right to the byte.
fn answers(mut bytes: &[u8], to_head: bool) -> Vec<Answer> {
    let mut answers = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head");
        let head = core::str::from_utf8(&bytes[..end]).unwrap();
        bytes = &bytes[end + 4..];
        let mut lines = head.split("\r\n");
        let code = lines.next().unwrap().strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
        let fields = lines
            .map(|line| line.split_once(": ").expect("a field"))
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        let mut answer = Answer { code, fields, content: Vec::new() };
        if to_head {
        } else if let Some(length) = answer.field("Content-Length") {
            let (content, rest) = bytes.split_at(length.parse().unwrap());
            answer.content = content.to_vec();
            bytes = rest;
        } else if answer.field("Transfer-Encoding") == Some("chunked") {
            loop {
                let size =
                    core::str::from_utf8(&bytes[..bytes.iter().position(|&b| b == b'\r').unwrap()]);
                let size = size.unwrap();
                bytes = &bytes[size.len() + 2..];
                let size = usize::from_str_radix(size, 16).unwrap();
                answer.content.extend(&bytes[..size]);
                assert_eq!(&bytes[size..size + 2], b"\r\n");
                bytes = &bytes[size + 2..];
                if size == 0 {
                    break;
                }
            }
        } else {
            answer.content = core::mem::take(&mut bytes).to_vec();
        }
        answers.push(answer);
    }
    answers
}

/// Who asks.
fn peer() -> IpEndpoint {
    IpEndpoint::new(Ipv4Address::new(192, 168, 1, 7).into(), 40_000)
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: pi\r\n\r\n")
}

/// One request, and the answer to it.
fn fetch(desk: &Desk, request: &str) -> Answer {
    let mut client = Client::sends([request]);
    client.meets(desk);
    let mut answers = answers(&client.heard, request.starts_with("HEAD"));
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}
