//! What a segment costs: a bulk transfer between two hosts with nothing in between, the payload
//! copied from the application into the packet and out of it, checksums left to the device. This
//! crate and smoltcp in one harness, which hands both the same IPv4 packets.
//!
//! ```text
//! cargo run --release -p barewire-tcp --example speed [BYTES] [STACK] [FRAMES]
//!     STACK: barewire, timestamps (barewire with them), smoltcp, or smoltcp-64 (with as many
//!     sockets as barewire has places); FRAMES of a turn
//! cargo xtask bench --instructions      the instructions of a segment, by callgrind
//! ```

use std::time::Instant as Clock;

use smoltcp::iface::{Config as IfaceConfig, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp as theirs;
use smoltcp::time::Instant as TheirInstant;
use smoltcp::wire::{HardwareAddress, IpCidr, IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr};
use tcp::{
    Checksum, Config, ConnectionId, Ecn, Endpoint, Instant, ListenerId, Read, SegmentIn, Tcp,
};

#[path = "../tests/support/mod.rs"]
mod support;
use support::{Memory, Sizes};

/// Time that passes in each turn, for each frame that the device takes in it: 100 Mbit/s.
const FRAME_US: u64 = 120;
/// Frames that the device takes in a turn, unless told otherwise.
const FRAMES: usize = 8;
/// Packets longer than this are counted.
const LONG_BYTES: usize = 1000;
/// Bytes of an IPv4 header.
const IP_BYTES: usize = 20;
/// Bytes that an application writes or reads at a time.
const CHUNK_BYTES: usize = 65_536;
/// Places for connections, of which one is used.
const CONNECTIONS: usize = 64;
/// Memory of each host. Half-open connections need a place: without one there are only cookies,
/// which agree on no SACK.
const SIZES: Sizes = Sizes { connections: CONNECTIONS, half_open: 8, time_wait: 0, blocks: 600 };
/// Bytes of each of smoltcp's rings.
const THEIR_RING_BYTES: usize = 260_096;
const PORT: u16 = 80;
/// Where smoltcp's other sockets wait for somebody, half of them before the one in use.
const OTHER_PORT: u16 = 81;

fn main() {
    let bytes = std::env::args().nth(1).and_then(|bytes| bytes.parse().ok());
    let bytes = bytes.unwrap_or(2_000_000_000);
    let frames = std::env::args().nth(3).and_then(|frames| frames.parse().ok()).unwrap_or(FRAMES);
    let started = Clock::now();
    let segments = match std::env::args().nth(2).as_deref() {
        Some(who @ ("smoltcp" | "smoltcp-64")) => {
            let sockets = if who == "smoltcp" { 1 } else { CONNECTIONS };
            let hosts = [Theirs::new(1, sockets, false), Theirs::new(2, sockets, true)];
            let [mut source, mut sink] = hosts;
            transfer([&mut source, &mut sink], bytes, frames)
        }
        who => {
            let config = Config { timestamps: who == Some("timestamps"), ..Config::default() };
            let mut memory = [Memory::new(SIZES), Memory::new(SIZES)];
            let [source, sink] = memory.each_mut().map(|memory| memory.engine(config, 7));
            transfer(
                [&mut Ours::new(1, source, false), &mut Ours::new(2, sink, true)],
                bytes,
                frames,
            )
        }
    };
    let each = started.elapsed().as_nanos() as f64 / segments as f64;
    println!("{segments} segments, {each:.0} ns each: sent, received, and their ACKs");
}

/// A host's turn: takes packets, lets its application write or read, gives packets.
trait Host {
    fn turn(&mut self, now_us: u64, taken: &Packets, given: &mut Packets) -> usize;
}

/// Packets under way, in memory that is used again.
struct Packets {
    packets: Vec<Vec<u8>>,
    used: usize,
}

impl Packets {
    fn new(frames: usize) -> Self {
        Self { packets: vec![Vec::new(); frames], used: 0 }
    }

    fn room(&self) -> usize {
        self.packets.len() - self.used
    }

    fn push(&mut self, length: usize) -> &mut [u8] {
        self.used += 1;
        let packet = &mut self.packets[self.used - 1];
        packet.resize(length, 0);
        packet
    }

    fn all(&self) -> &[Vec<u8>] {
        &self.packets[..self.used]
    }
}

/// Until so many bytes have been read: how many segments they took.
fn transfer([sender, receiver]: [&mut dyn Host; 2], bytes: usize, frames: usize) -> u64 {
    let (mut data, mut acks) = (Packets::new(frames), Packets::new(frames));
    let (mut received, mut segments, mut now_us) = (0, 0, 0);
    while received < bytes {
        data.used = 0;
        sender_turn(sender, now_us, &acks, &mut data);
        segments += data.all().iter().filter(|packet| packet.len() > LONG_BYTES).count() as u64;
        acks.used = 0;
        received += receiver_turn(receiver, now_us, &data, &mut acks);
        now_us += FRAME_US * frames as u64;
    }
    segments
}

/// `cargo xtask bench` counts the instructions below this name.
#[inline(never)]
fn sender_turn(host: &mut dyn Host, now_us: u64, taken: &Packets, given: &mut Packets) {
    host.turn(now_us, taken, given);
}

/// And below this one.
#[inline(never)]
fn receiver_turn(host: &mut dyn Host, now_us: u64, taken: &Packets, given: &mut Packets) -> usize {
    host.turn(now_us, taken, given)
}

fn address(last: u8) -> Ipv4Address {
    Ipv4Address::new(192, 0, 2, last)
}

/// This crate.
struct Ours<'a> {
    last: u8,
    tcp: Tcp<'a>,
    listener: Option<ListenerId>,
    id: Option<ConnectionId>,
    chunk: Vec<u8>,
}

impl<'a> Ours<'a> {
    fn new(last: u8, mut tcp: Tcp<'a>, listens: bool) -> Self {
        let endpoint = |last, port| Endpoint::new(address(last).into(), port);
        let listener = listens.then(|| tcp.listen("sink", None, PORT, 1).expect("a listener"));
        let id = (!listens).then(|| {
            let (local, remote) = (endpoint(last, 0), endpoint(3 - last, PORT));
            tcp.connect(Instant::START, "source", local, remote).expect("a connection")
        });
        Self { last, tcp, listener, id, chunk: vec![0x55; CHUNK_BYTES] }
    }
}

impl Host for Ours<'_> {
    fn turn(&mut self, now_us: u64, taken: &Packets, given: &mut Packets) -> usize {
        let now = Instant::from_micros(now_us);
        for packet in taken.all() {
            let packet = Ipv4Packet::new_checked(packet).expect("a packet");
            let header = Ipv4Repr::parse(&packet, &ChecksumCapabilities::ignored());
            let header = header.expect("a header");
            if header.next_header != IpProtocol::Tcp || header.dst_addr != address(self.last) {
                continue;
            }
            self.tcp.input(
                now,
                &SegmentIn {
                    source: header.src_addr.into(),
                    destination: header.dst_addr.into(),
                    ecn: Ecn::from_bits(packet.ecn()),
                    checksum: Checksum::Device,
                    bytes: packet.payload(),
                },
            );
        }
        let mut read = 0;
        if let Some(listener) = self.listener {
            self.id = self.id.or_else(|| self.tcp.accept(listener));
            let Self { tcp, chunk, id, .. } = self;
            let mut next = || id.and_then(|id| tcp.read(now, id, chunk).ok());
            while let Some(Read::Bytes(count)) = next() {
                read += count;
            }
        } else if let Some(id) = self.id {
            self.tcp.write(now, id, &self.chunk).expect("may write");
        }
        self.give(now, given);
        while self.tcp.next_event().is_some() {}
        read
    }
}

impl Ours<'_> {
    fn give(&mut self, now: Instant, given: &mut Packets) {
        let (from, to) = (address(self.last), address(3 - self.last));
        self.tcp.poll_output_up_to(now, given.room(), &mut |segment| {
            let length = segment.length();
            let header = Ipv4Repr {
                src_addr: from,
                dst_addr: to,
                next_header: IpProtocol::Tcp,
                payload_len: length,
                hop_limit: segment.hop_limit,
            };
            let packet = given.push(IP_BYTES + length);
            let mut packet = Ipv4Packet::new_unchecked(packet);
            header.emit(&mut packet, &ChecksumCapabilities::ignored());
            segment.emit(packet.payload_mut(), Checksum::Device);
            true
        });
    }
}

/// A device between packets taken and packets given.
struct Wire<'w> {
    taken: &'w [Vec<u8>],
    given: &'w mut Packets,
}

struct Rx<'w>(&'w [u8]);
struct Tx<'w>(&'w mut Packets);

impl RxToken for Rx<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        f(self.0.push(length))
    }
}

impl Device for Wire<'_> {
    type RxToken<'t>
        = Rx<'t>
    where
        Self: 't;
    type TxToken<'t>
        = Tx<'t>
    where
        Self: 't;

    fn receive(&mut self, _: TheirInstant) -> Option<(Rx<'_>, Tx<'_>)> {
        let (packet, rest) = self.taken.split_first().filter(|_| self.given.room() > 0)?;
        self.taken = rest;
        Some((Rx(packet), Tx(self.given)))
    }

    fn transmit(&mut self, _: TheirInstant) -> Option<Tx<'_>> {
        (self.given.room() > 0).then_some(Tx(self.given))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities.checksum = ChecksumCapabilities::ignored();
        capabilities
    }
}

/// smoltcp.
struct Theirs {
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    listens: bool,
    chunk: Vec<u8>,
}

/// A socket of smoltcp's.
fn socket(ring_bytes: usize) -> theirs::Socket<'static> {
    let ring = || theirs::SocketBuffer::new(vec![0; ring_bytes]);
    theirs::Socket::new(ring(), ring())
}

impl Theirs {
    fn new(last: u8, count: usize, listens: bool) -> Self {
        let mut wire = Wire { taken: &[], given: &mut Packets::new(1) };
        let config = IfaceConfig::new(HardwareAddress::Ip);
        let mut interface = Interface::new(config, &mut wire, TheirInstant::ZERO);
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(address(last).into(), 24)).expect("room for one");
        });
        let mut socket = socket(THEIR_RING_BYTES);
        socket.set_congestion_control(theirs::CongestionControl::Reno);
        if listens {
            socket.listen(PORT).expect("may listen");
        } else {
            let remote = (address(3 - last), PORT);
            socket.connect(interface.context(), remote, 40_000).expect("may connect");
        }
        let mut sockets = SocketSet::new(Vec::new());
        let wait = |sockets: &mut SocketSet<'static>, count| {
            for _ in 0..count {
                let mut other = self::socket(1);
                other.listen(OTHER_PORT).expect("may listen");
                sockets.add(other);
            }
        };
        wait(&mut sockets, (count - 1) / 2);
        let handle = sockets.add(socket);
        wait(&mut sockets, count / 2);
        Self { interface, sockets, handle, listens, chunk: vec![0x55; CHUNK_BYTES] }
    }
}

impl Host for Theirs {
    fn turn(&mut self, now_us: u64, taken: &Packets, given: &mut Packets) -> usize {
        let now = TheirInstant::from_micros(now_us as i64);
        let mut wire = Wire { taken: taken.all(), given };
        let socket = self.sockets.get_mut::<theirs::Socket<'_>>(self.handle);
        if !self.listens {
            let _ = socket.send_slice(&self.chunk);
        }
        self.interface.poll(now, &mut wire, &mut self.sockets);
        let socket = self.sockets.get_mut::<theirs::Socket<'_>>(self.handle);
        let mut read = 0;
        while let (true, Ok(count @ 1..)) = (self.listens, socket.recv_slice(&mut self.chunk)) {
            read += count;
        }
        read
    }
}
