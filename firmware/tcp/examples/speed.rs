//! How long a segment takes: a bulk transfer between two stacks with nothing in between, the
//! payload copied into the segment and out of it, checksums left to the device.
//!
//! ```text
//! cargo run --release -p barewire-tcp --example speed [BYTES]             this crate
//! cargo run --release -p barewire-tcp --example speed [BYTES] smoltcp     smoltcp, the same way
//! ```
//!
//! `valgrind --tool=callgrind` with two different numbers of bytes tells the instructions of a
//! segment, for both ends together.

use std::collections::VecDeque;
use std::time::Instant as Clock;

use smoltcp::iface::{Config as IfaceConfig, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp as theirs;
use smoltcp::time::Instant as TheirInstant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
use tcp::{Checksum, Config, Ecn, Endpoint, Entry, Instant, SegmentIn, Slot, Storage, Tcp};

/// Time that passes in each turn.
const STEP_US: u64 = 120;
/// Segments longer than this are counted.
const LONG_BYTES: usize = 1000;

fn main() {
    let bytes = std::env::args().nth(1).and_then(|bytes| bytes.parse().ok());
    let bytes = bytes.unwrap_or(2_000_000_000);
    let started = Clock::now();
    let segments = match std::env::args().nth(2).as_deref() {
        Some("smoltcp") => smoltcp_transfer(bytes),
        _ => transfer(bytes),
    };
    let each = started.elapsed().as_nanos() as f64 / segments as f64;
    println!("{segments} segments, {each:.0} ns each: sent, received, and their ACKs");
}

fn transfer(bytes: usize) -> u64 {
    let mut blocks = [vec![[0; 4096]; 600], vec![[0; 4096]; 600]];
    let mut slots: [Vec<Slot>; 2] = std::array::from_fn(|_| (0..64).map(|_| Slot::EMPTY).collect());
    let mut entries = [vec![Entry::EMPTY; 64], vec![Entry::EMPTY; 64]];
    let mut half_open = [[None; 4], [None; 4]];
    let mut engines: Vec<Tcp<'_>> = blocks
        .iter_mut()
        .zip(&mut slots)
        .zip(&mut entries)
        .zip(&mut half_open)
        .map(|(((blocks, connections), entries), half_open)| {
            let (half_open, time_wait) = (&mut half_open[..], &mut [][..]);
            let storage = Storage { connections, entries, half_open, time_wait, blocks };
            Tcp::new(storage, Config::default(), [7; 16])
        })
        .collect();
    let mut now = Instant::START;
    let listener = engines[1].listen("sink", None, 80, 1).expect("a listener");
    let (local, remote) =
        (Endpoint::new([192, 0, 2, 1].into(), 0), Endpoint::new([192, 0, 2, 2].into(), 80));
    let source = engines[0].connect(now, "source", local, remote).expect("a connection");
    let mut sink = None;
    let data = vec![0x55; 65_536];
    let mut out = vec![0; 65_536];
    let (mut received, mut segments) = (0, 0u64);
    let mut wire: Vec<Vec<u8>> = Vec::new();
    while received < bytes {
        engines[0].write(now, source, &data).expect("may write");
        for from in 0..2 {
            let mut used = 0;
            engines[from].poll_output(now, &mut |segment| {
                if wire.len() == used {
                    wire.push(vec![0; 1600]);
                }
                let bytes = &mut wire[used];
                bytes.resize(segment.length(), 0);
                segment.emit(bytes, Checksum::Device);
                used += 1;
                true
            });
            let flow = if from == 0 { (local, remote) } else { (remote, local) };
            for bytes in &wire[..used] {
                segments += u64::from(bytes.len() > LONG_BYTES);
                let checksum = Checksum::Device;
                let (source, destination) = (flow.0.address, flow.1.address);
                let ecn = Ecn::NotCapable;
                let segment = SegmentIn { source, destination, ecn, checksum, bytes };
                engines[1 - from].input(now, &segment);
            }
        }
        sink = sink.or_else(|| engines[1].accept(listener));
        if let Some(id) = sink {
            while let Ok(tcp::Read::Bytes(count)) = engines[1].read(now, id, &mut out) {
                received += count;
            }
        }
        now = now.after(STEP_US);
    }
    segments
}

/// Packets that wait, and packets to be filled anew.
#[derive(Default)]
struct Queue {
    received: VecDeque<Vec<u8>>,
    sent: VecDeque<Vec<u8>>,
    spare: Vec<Vec<u8>>,
}

struct Rx<'a>(Vec<u8>, &'a mut Vec<Vec<u8>>);
struct Tx<'a>(&'a mut VecDeque<Vec<u8>>, Option<Vec<u8>>);

impl RxToken for Rx<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let result = f(&self.0);
        self.1.push(self.0);
        result
    }
}

impl TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut bytes = self.1.unwrap_or_default();
        bytes.resize(length, 0);
        let result = f(&mut bytes);
        self.0.push_back(bytes);
        result
    }
}

impl Device for Queue {
    type RxToken<'a> = Rx<'a>;
    type TxToken<'a> = Tx<'a>;

    fn receive(&mut self, _: TheirInstant) -> Option<(Rx<'_>, Tx<'_>)> {
        let bytes = self.received.pop_front()?;
        let spare = self.spare.pop();
        Some((Rx(bytes, &mut self.spare), Tx(&mut self.sent, spare)))
    }

    fn transmit(&mut self, _: TheirInstant) -> Option<Tx<'_>> {
        let spare = self.spare.pop();
        Some(Tx(&mut self.sent, spare))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities.checksum = ChecksumCapabilities::ignored();
        capabilities
    }
}

fn smoltcp_host(last: u8) -> (Queue, Interface, SocketSet<'static>, SocketHandle) {
    let mut device = Queue::default();
    let config = IfaceConfig::new(HardwareAddress::Ip);
    let mut interface = Interface::new(config, &mut device, TheirInstant::ZERO);
    interface.update_ip_addrs(|addresses| {
        addresses.push(IpCidr::new(IpAddress::v4(192, 0, 2, last), 24)).expect("room for one");
    });
    let ring = || theirs::SocketBuffer::new(vec![0; 260_096]);
    let mut socket = theirs::Socket::new(ring(), ring());
    socket.set_congestion_control(theirs::CongestionControl::Reno);
    let mut sockets = SocketSet::new(Vec::new());
    let handle = sockets.add(socket);
    (device, interface, sockets, handle)
}

fn smoltcp_transfer(bytes: usize) -> u64 {
    let mut hosts = [smoltcp_host(1), smoltcp_host(2)];
    let (_, _, sockets, handle) = &mut hosts[1];
    sockets.get_mut::<theirs::Socket<'_>>(*handle).listen(80).expect("may listen");
    let (_, interface, sockets, handle) = &mut hosts[0];
    let remote = (IpAddress::v4(192, 0, 2, 2), 80);
    let socket = sockets.get_mut::<theirs::Socket<'_>>(*handle);
    socket.connect(interface.context(), remote, 40_000).expect("may connect");
    let data = vec![0x55; 65_536];
    let mut out = vec![0; 65_536];
    let (mut received, mut segments, mut now_us) = (0, 0u64, 0);
    while received < bytes {
        let at = TheirInstant::from_micros(now_us as i64);
        for from in 0..2 {
            let (device, interface, sockets, handle) = &mut hosts[from];
            let socket = sockets.get_mut::<theirs::Socket<'_>>(*handle);
            if from == 0 {
                let _ = socket.send_slice(&data);
            } else {
                while let Ok(count @ 1..) = socket.recv_slice(&mut out) {
                    received += count;
                }
            }
            interface.poll(at, device, sockets);
            let sent = std::mem::take(&mut device.sent);
            segments += sent.iter().filter(|bytes| bytes.len() > LONG_BYTES).count() as u64;
            hosts[1 - from].0.received.extend(sent);
        }
        now_us += STEP_US;
    }
    segments
}
