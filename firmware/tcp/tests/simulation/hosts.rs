//! Both kinds of host: our engine and smoltcp's.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};

use smoltcp::iface::{Config as IfaceConfig, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp as theirs;
use smoltcp::time::Instant as TheirInstant;
use smoltcp::wire::{HardwareAddress, IpCidr, IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr};
use tcp::{
    Checksum, ConnectionId, Ecn, Endpoint, Instant, ListenerId, Read, SegmentIn, State, Tcp,
    Verdict, Why,
};

use crate::support::bytes_of;

/// Port of the listening side.
pub const PORT: u16 = 80;

pub fn address(host: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1 + host as u8))
}

/// A host in the simulation: one connection, a stream each way.
pub trait Host {
    /// What became of it, if it tells.
    fn input(
        &mut self,
        now_us: u64,
        from: usize,
        to: usize,
        ecn: u8,
        bytes: &[u8],
    ) -> Option<Verdict>;
    fn output(&mut self, now_us: u64) -> Vec<Sent>;
    fn deadline_us(&mut self, now_us: u64) -> Option<u64>;
    fn write(&mut self, now_us: u64, bytes: &[u8]) -> usize;
    fn read(&mut self, now_us: u64, out: &mut [u8]) -> Got;
    fn close(&mut self, now_us: u64);
    /// Both halves are over, as far as this side knows.
    fn is_over(&self) -> bool;
    fn is_open(&mut self) -> bool;
    /// It has something that the other does not, and must see to it.
    fn owes(&self) -> bool;
    fn state(&self) -> String;
}

/// A segment that leaves a host.
pub struct Sent {
    pub ecn: u8,
    pub bytes: Vec<u8>,
    /// Why, if the host tells.
    pub why: Option<Why>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Got {
    Bytes(usize),
    Nothing,
    End,
    Broken(String),
}

/// Our engine.
pub struct Ours<'a> {
    pub tcp: Tcp<'a>,
    listener: Option<ListenerId>,
    id: Option<ConnectionId>,
}

impl<'a> Ours<'a> {
    pub fn listening(mut tcp: Tcp<'a>) -> Self {
        let listener = tcp.listen("test", None, PORT, 4).expect("a listener");
        Self { tcp, listener: Some(listener), id: None }
    }

    pub fn connecting(mut tcp: Tcp<'a>, host: usize) -> Self {
        let local = Endpoint::new(address(host), 0);
        let remote = Endpoint::new(address(1 - host), PORT);
        let id = tcp.connect(Instant::START, "test", local, remote).expect("a connection");
        Self { tcp, listener: None, id: Some(id) }
    }
}

fn at(now_us: u64) -> Instant {
    Instant::from_micros(now_us)
}

impl Host for Ours<'_> {
    fn input(
        &mut self,
        now_us: u64,
        from: usize,
        to: usize,
        ecn: u8,
        bytes: &[u8],
    ) -> Option<Verdict> {
        let segment = SegmentIn {
            source: address(from),
            destination: address(to),
            ecn: Ecn::from_bits(ecn),
            checksum: Checksum::Software,
            bytes,
        };
        Some(self.tcp.input(at(now_us), &segment))
    }

    fn output(&mut self, now_us: u64) -> Vec<Sent> {
        let mut out = Vec::new();
        self.tcp.poll_output(at(now_us), &mut |segment| {
            let (ecn, bytes, why) = (segment.ecn.bits(), bytes_of(segment), Some(segment.why));
            out.push(Sent { ecn, bytes, why });
            true
        });
        while self.tcp.next_event().is_some() {}
        out
    }

    fn deadline_us(&mut self, _: u64) -> Option<u64> {
        self.tcp.next_deadline().map(Instant::micros)
    }

    fn write(&mut self, now_us: u64, bytes: &[u8]) -> usize {
        self.id.map_or(0, |id| self.tcp.write(at(now_us), id, bytes).expect("may write"))
    }

    fn read(&mut self, now_us: u64, out: &mut [u8]) -> Got {
        let Some(id) = self.id else { return Got::Nothing };
        match self.tcp.read(at(now_us), id, out).expect("a connection") {
            Read::Bytes(count) => Got::Bytes(count),
            Read::Empty => Got::Nothing,
            Read::Finished => Got::End,
            Read::Ended(why) => Got::Broken(why.to_string()),
        }
    }

    fn close(&mut self, now_us: u64) {
        if let Some(id) = self.id {
            self.tcp.close(at(now_us), id).expect("a connection");
        }
    }

    fn is_over(&self) -> bool {
        let state = self.id.map(|id| self.tcp.state(id));
        matches!(state, Some(Ok(State::TimeWait | State::Closed)))
    }

    fn is_open(&mut self) -> bool {
        if let (None, Some(listener)) = (self.id, self.listener) {
            self.id = self.tcp.accept(listener);
        }
        self.id.is_some_and(|id| self.tcp.state(id) != Ok(State::SynSent))
    }

    fn owes(&self) -> bool {
        self.tcp.connections(Instant::START).any(|info| {
            !info.state.is_synchronized() || info.send_queue > 0 || info.sender.in_flight > 0
        })
    }

    fn state(&self) -> String {
        match self.id {
            Some(id) => format!("{:?}", self.tcp.connection(Instant::START, id)),
            None => "no connection".into(),
        }
    }
}

#[derive(Default)]
struct Queues {
    received: VecDeque<Vec<u8>>,
    sent: VecDeque<Vec<u8>>,
}

struct Rx(Vec<u8>);
struct Tx<'a>(&'a mut VecDeque<Vec<u8>>);

impl RxToken for Rx {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut bytes = vec![0; length];
        let result = f(&mut bytes);
        self.0.push_back(bytes);
        result
    }
}

impl Device for Queues {
    type RxToken<'a> = Rx;
    type TxToken<'a> = Tx<'a>;

    fn receive(&mut self, _: TheirInstant) -> Option<(Rx, Tx<'_>)> {
        let bytes = self.received.pop_front()?;
        Some((Rx(bytes), Tx(&mut self.sent)))
    }

    fn transmit(&mut self, _: TheirInstant) -> Option<Tx<'_>> {
        Some(Tx(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities
    }
}

/// smoltcp's TCP.
pub struct Smoltcp {
    device: Queues,
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    opened: bool,
}

fn v4(address: IpAddr) -> Ipv4Address {
    match address {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => unreachable!("the simulation is IPv4"),
    }
}

fn theirs_at(now_us: u64) -> TheirInstant {
    TheirInstant::from_micros(now_us as i64)
}

impl Smoltcp {
    pub fn new(host: usize, listens: bool, seed: u64) -> Self {
        let mut device = Queues::default();
        let mut config = IfaceConfig::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut device, TheirInstant::ZERO);
        interface.update_ip_addrs(|addresses| {
            let cidr = IpCidr::new(v4(address(host)).into(), 24);
            addresses.push(cidr).expect("room for one");
        });
        let ring = || theirs::SocketBuffer::new(vec![0; 65_535]);
        let mut socket = theirs::Socket::new(ring(), ring());
        socket.set_congestion_control(theirs::CongestionControl::Reno);
        if listens {
            socket.listen(PORT).expect("may listen");
        } else {
            let remote = (v4(address(1 - host)), PORT);
            socket.connect(interface.context(), remote, 40_000).expect("may connect");
        }
        let mut sockets = SocketSet::new(Vec::new());
        let handle = sockets.add(socket);
        Self { device, interface, sockets, handle, opened: false }
    }

    fn socket(&mut self) -> &mut theirs::Socket<'static> {
        self.sockets.get_mut(self.handle)
    }
}

impl Host for Smoltcp {
    fn input(
        &mut self,
        now_us: u64,
        from: usize,
        to: usize,
        _: u8,
        bytes: &[u8],
    ) -> Option<Verdict> {
        let header = Ipv4Repr {
            src_addr: v4(address(from)),
            dst_addr: v4(address(to)),
            next_header: IpProtocol::Tcp,
            payload_len: bytes.len(),
            hop_limit: 64,
        };
        let mut packet = vec![0; header.buffer_len() + bytes.len()];
        header.emit(&mut Ipv4Packet::new_unchecked(&mut packet), &Default::default());
        packet[header.buffer_len()..].copy_from_slice(bytes);
        self.device.received.push_back(packet);
        let at = theirs_at(now_us);
        self.interface.poll_ingress_single(at, &mut self.device, &mut self.sockets);
        None
    }

    fn output(&mut self, now_us: u64) -> Vec<Sent> {
        // One pass at a time, and not for ever: smoltcp may run away (see its issue tracker).
        for _ in 0..64 {
            let before = self.device.sent.len();
            let at = theirs_at(now_us);
            self.interface.poll_egress(at, &mut self.device, &mut self.sockets);
            if self.device.sent.len() == before {
                break;
            }
        }
        let segment = |packet: Vec<u8>| Sent { ecn: 0, bytes: packet[20..].to_vec(), why: None };
        self.device.sent.drain(..).map(segment).collect()
    }

    fn deadline_us(&mut self, now_us: u64) -> Option<u64> {
        let at = self.interface.poll_at(theirs_at(now_us), &self.sockets)?;
        // Its runaway must not stop our clock.
        Some((at.total_micros().max(0) as u64).max(now_us + 100))
    }

    fn write(&mut self, _: u64, bytes: &[u8]) -> usize {
        self.socket().send_slice(bytes).unwrap_or(0)
    }

    fn read(&mut self, _: u64, out: &mut [u8]) -> Got {
        match self.socket().recv_slice(out) {
            Ok(0) => Got::Nothing,
            Ok(count) => Got::Bytes(count),
            Err(theirs::RecvError::Finished) => Got::End,
            Err(theirs::RecvError::InvalidState) => Got::Broken("invalid state".into()),
        }
    }

    fn close(&mut self, _: u64) {
        self.socket().close();
    }

    fn is_over(&self) -> bool {
        let socket = self.sockets.get::<theirs::Socket<'_>>(self.handle);
        matches!(socket.state(), theirs::State::Closed | theirs::State::TimeWait)
    }

    fn is_open(&mut self) -> bool {
        self.opened |= self.socket().may_send();
        self.opened
    }

    fn owes(&self) -> bool {
        false
    }

    fn state(&self) -> String {
        format!("{}", self.sockets.get::<theirs::Socket<'_>>(self.handle).state())
    }
}
