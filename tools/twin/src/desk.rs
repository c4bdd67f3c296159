//! A simulated desk: the firmware, a cable and peers, in virtual time.
//!
//! Time moves only when nothing is left to do at the present moment, and then straight to the next
//! deadline: an hour of timeouts takes a second. Equal seeds give equal runs.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use firmware::System;
use firmware::status::NicCounters;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, Ipv4Address, Ipv6Address};

use crate::machine::{Machine, Settings};
use crate::time;
use crate::wire::{End, Quality, Side, Wire};

/// The board's Ethernet address.
pub const BOARD_MAC: EthernetAddress = EthernetAddress([0x02, 0xba, 0x5e, 0, 0, 1]);
/// The board's address, if [`Setup::append`] is left as it is.
pub const BOARD: Ipv4Address = Ipv4Address::new(192, 168, 77, 50);
/// The first peer's address; the second has the next one, and so on.
pub const PEER: Ipv4Address = Ipv4Address::new(192, 168, 77, 1);

/// The board's IPv6 address on the link: it follows from [`BOARD_MAC`].
pub const BOARD_V6: Ipv6Address = Ipv6Address::new(0xfe80, 0, 0, 0, 0xba, 0x5eff, 0xfe00, 1);
/// The first peer's.
pub const PEER_V6: Ipv6Address = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// What a turn of the loop costs on the board, so that a loop that never sleeps does not stop time.
const TURN: Duration = Duration::from_micros(20);
/// While something is waited for, it is looked for this often: what the look itself sets going is
/// not slept through.
const LOOK: Duration = Duration::from_millis(50);
/// Turns of one simulation; more is a loop.
const TURNS_MAX: u64 = 5_000_000;
/// The firmware's tables stand on the stack for a moment while they are made.
const STACK_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of a peer's socket, each way.
const SOCKET_BYTES: usize = 64 * 1024;

/// How a simulation begins.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The kernel command line.
    pub append: String,
    /// The cable.
    pub quality: Quality,
    /// Decides what the cable loses, and the board's random numbers.
    pub seed: u64,
    /// How many peers there are.
    pub peers: u8,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            append: format!("ip={BOARD}::{PEER}:255.255.255.0::eth0:off mdns=off"),
            quality: Quality::GOOD,
            seed: 1,
            peers: 1,
        }
    }
}

/// A stock smoltcp with an address of its own.
pub struct Peer {
    interface: Interface,
    sockets: SocketSet<'static>,
    port: Port,
}

/// Where a peer is plugged in: it hears every frame the board sends.
struct Port {
    heard: Rc<RefCell<VecDeque<Vec<u8>>>>,
    end: End,
}

/// The desk.
pub struct Desk {
    machine: Machine,
    board: End,
    wire: Wire,
    peers: Vec<Peer>,
    heard: Vec<(Duration, Vec<u8>)>,
    now: Duration,
    turns: u64,
}

impl Desk {
    /// Runs a simulation, on a thread with a clock of its own.
    ///
    /// # Panics
    /// If `work` does.
    pub fn run<T: Send>(setup: &Setup, work: impl FnOnce(&mut Self) -> T + Send) -> T {
        let simulation = || {
            time::set_virtual(Duration::ZERO);
            work(&mut Self::new(setup))
        };
        thread::scope(|scope| {
            let builder = thread::Builder::new().stack_size(STACK_BYTES);
            let running = builder.spawn_scoped(scope, simulation).expect("a thread");
            running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn new(setup: &Setup) -> Self {
        let wire = Wire::new(setup.quality.clone(), setup.seed);
        let mut random = ChaCha8Rng::seed_from_u64(setup.seed);
        let mut seed = [0; 32];
        random.fill_bytes(&mut seed);
        let settings = Settings {
            append: setup.append.clone(),
            mac: BOARD_MAC,
            restart: String::new(),
            seed,
            driver: "simulated",
        };
        let machine = Machine::new(&settings).expect("the firmware starts");
        let mut desk = Self {
            machine,
            board: wire.end(Side::Board),
            wire,
            peers: Vec::new(),
            heard: Vec::new(),
            now: Duration::ZERO,
            turns: 0,
        };
        for number in 0..setup.peers {
            desk.add_peer(number, random.next_u64());
        }
        desk
    }

    fn add_peer(&mut self, number: u8, random_seed: u64) {
        let mac = EthernetAddress([0x02, 0xba, 0x5e, 0, 1, number]);
        let mut port = Port { heard: Rc::default(), end: self.wire.end(Side::Peers) };
        let mut config = smoltcp::iface::Config::new(mac.into());
        config.random_seed = random_seed;
        let mut interface = Interface::new(config, &mut port, Instant::ZERO);
        let [a, b, c, d] = PEER.octets();
        let address = IpCidr::new(Ipv4Address::new(a, b, c, d + number).into(), 24);
        let link_local =
            IpCidr::new(Ipv6Address::from_bits(PEER_V6.to_bits() + u128::from(number)).into(), 64);
        interface.update_ip_addrs(|all| {
            all.extend_from_slice(&[address, link_local]).expect("room for two addresses");
        });
        self.peers.push(Peer { interface, sockets: SocketSet::new(Vec::new()), port });
    }

    /// The firmware.
    pub fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    /// Virtual time since the start.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Turns of the loop so far.
    pub fn turns(&self) -> u64 {
        self.turns
    }

    /// The cable.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Sends a frame to the board.
    pub fn send_frame(&self, frame: Vec<u8>) {
        self.wire.send(Side::Peers, frame);
    }

    /// The frames that the board sent since this was last called.
    pub fn take_frames(&mut self) -> Vec<Vec<u8>> {
        self.take_stamped_frames().into_iter().map(|(_, frame)| frame).collect()
    }

    /// The same with the times at which they arrived at the peers' end.
    pub fn take_stamped_frames(&mut self) -> Vec<(Duration, Vec<u8>)> {
        std::mem::take(&mut self.heard)
    }

    /// One turn of everyone; then time moves to the next deadline, but not beyond `end`.
    fn turn(&mut self, end: Duration) {
        self.turns += 1;
        assert!(self.turns < TURNS_MAX, "{TURNS_MAX} turns: the loop never sleeps");
        time::set_virtual(self.now);
        self.wire.set_now(self.now);
        let mut next = self.machine.turn(self.now, &mut self.board, NicCounters::default());
        while let Some(frame) = self.wire.receive(Side::Peers) {
            for peer in &self.peers {
                peer.port.heard.borrow_mut().push_back(frame.clone());
            }
            self.heard.push((self.now, frame));
        }
        let at = instant(self.now);
        for Peer { interface, sockets, port } in &mut self.peers {
            interface.poll(at, port, sockets);
            let due = interface.poll_at(at, sockets).map(|due| micros(due.total_micros()));
            next = next.into_iter().chain(due).min();
        }
        let next = next.into_iter().chain(self.wire.next_arrival()).min().unwrap_or(end);
        self.now = next.min(end).max(self.now + TURN);
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.turn(end);
        }
    }

    /// Lets time pass until `look` finds something.
    ///
    /// # Panics
    /// If it finds nothing within `limit`; with the board's journal.
    pub fn until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut look: impl FnMut(&mut Self) -> Option<T>,
    ) -> T {
        let end = self.now + limit;
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(self.now < end, "{what}: not within {limit:?}\n{}", self.journal());
            self.turn(end.min(self.now + LOOK));
        }
    }

    /// Runs a task on the board and lets time pass until it is done.
    ///
    /// # Panics
    /// If it is not within `limit`.
    pub fn board<T: 'static, F: Future<Output = T> + 'static>(
        &mut self,
        what: &str,
        limit: Duration,
        task: impl FnOnce(&'static System) -> F,
    ) -> T {
        let task = task(self.machine.firmware().system());
        let result = Rc::new(RefCell::new(None));
        let given = Rc::clone(&result);
        self.machine.spawn(async move { *given.borrow_mut() = Some(task.await) });
        self.until(what, limit, |_| result.borrow_mut().take())
    }

    /// A peer's sockets, to add others than TCP's.
    pub fn peer(&mut self, peer: usize) -> (&mut Interface, &mut SocketSet<'static>) {
        let Peer { interface, sockets, .. } = &mut self.peers[peer];
        (interface, sockets)
    }

    /// The board's journal, as `dmesg` prints it.
    pub fn journal(&mut self) -> String {
        let system = self.machine.firmware().system();
        let mut text = String::new();
        let mut number = 0;
        while let Some(entry) = system.journal_after(number) {
            number = entry.number + 1;
            text += &format!("{entry}\n");
        }
        text
    }

    /// Opens a TCP connection from a peer to a port of the board.
    pub fn connect(&mut self, peer: usize, port: u16) -> SocketHandle {
        self.connect_to(peer, BOARD.into(), port)
    }

    /// The same to another address of the board's.
    pub fn connect_to(&mut self, peer: usize, address: IpAddress, port: u16) -> SocketHandle {
        let buffer = || tcp::SocketBuffer::new(vec![0; SOCKET_BYTES]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        // RFC 6335: any of the dynamic ports; the turn count makes them differ.
        let from = 49_152 + (self.turns % 16_000) as u16;
        let Peer { interface, sockets, .. } = &mut self.peers[peer];
        socket.connect(interface.context(), (address, port), from).expect("a free port");
        sockets.add(socket)
    }

    /// A peer's socket.
    pub fn socket(&mut self, peer: usize, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.peers[peer].sockets.get_mut(handle)
    }

    /// Takes what the socket has received.
    pub fn take_received(&mut self, peer: usize, handle: SocketHandle) -> Vec<u8> {
        let socket = self.socket(peer, handle);
        let mut all = vec![0; socket.recv_queue()];
        let bytes = socket.recv_slice(&mut all).unwrap_or(0);
        all.truncate(bytes);
        all
    }

    /// Sends all of `bytes`, waits until the board acknowledged them.
    ///
    /// # Panics
    /// If that takes longer than `limit`.
    pub fn send(&mut self, peer: usize, handle: SocketHandle, bytes: &[u8], limit: Duration) {
        let mut rest = bytes;
        self.until("sending", limit, |desk| {
            let socket = desk.socket(peer, handle);
            if socket.can_send() {
                let sent = socket.send_slice(rest).unwrap_or(0);
                rest = &rest[sent..];
            }
            (rest.is_empty() && socket.send_queue() == 0).then_some(())
        });
    }

    /// Receives until the received text contains `wanted`.
    ///
    /// # Panics
    /// If it does not within `limit`.
    pub fn expect(
        &mut self,
        peer: usize,
        handle: SocketHandle,
        wanted: &str,
        limit: Duration,
    ) -> String {
        let mut all = Vec::new();
        let what = format!("{wanted:?}");
        self.until(&what, limit, |desk| {
            all.extend(desk.take_received(peer, handle));
            let text = String::from_utf8_lossy(&all);
            text.contains(wanted).then(|| text.into_owned())
        })
    }

    /// Fetches a path by HTTP on a connection of its own, and returns head and body.
    ///
    /// # Panics
    /// If there is no whole answer within `limit`.
    pub fn fetch(&mut self, peer: usize, path: &str, limit: Duration) -> (String, Vec<u8>) {
        self.try_fetch(peer, path, limit).expect("the board answers before it hangs up")
    }

    /// The same; `None` if the board ends the connection before it has heard the request.
    ///
    /// # Panics
    /// If the end of the answer is not there within `limit`, or its head is not whole.
    pub fn try_fetch(
        &mut self,
        peer: usize,
        path: &str,
        limit: Duration,
    ) -> Option<(String, Vec<u8>)> {
        let handle = self.connect(peer, 80);
        let request = format!("GET {path} HTTP/1.1\r\nHost: {BOARD}\r\nConnection: close\r\n\r\n");
        let mut rest = request.as_bytes();
        let mut all = Vec::new();
        self.until("the end of the answer", limit, |desk| {
            all.extend(desk.take_received(peer, handle));
            let socket = desk.socket(peer, handle);
            if socket.can_send() {
                let sent = socket.send_slice(rest).unwrap_or(0);
                rest = &rest[sent..];
            }
            (!socket.may_recv() && socket.state() != tcp::State::SynSent).then(|| socket.close())
        });
        all.extend(self.take_received(peer, handle));
        if all.is_empty() {
            return None;
        }
        let head = all.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
        let body = all.split_off(head + 4);
        Some((String::from_utf8(all).expect("a head of text"), body))
    }
}

fn instant(at: Duration) -> Instant {
    Instant::from_micros(at.as_micros() as i64)
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(micros.max(0) as u64)
}

impl Device for Port {
    type RxToken<'a> = Received;
    type TxToken<'a> = crate::wire::TxToken<'a>;

    fn receive(&mut self, now: Instant) -> Option<(Received, Self::TxToken<'_>)> {
        let frame = self.heard.borrow_mut().pop_front()?;
        Some((Received(frame), self.end.transmit(now)?))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.end.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.end.capabilities()
    }
}

/// A frame that a peer heard.
#[derive(Debug)]
pub struct Received(Vec<u8>);

impl smoltcp::phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(&self.0)
    }
}
