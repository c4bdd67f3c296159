//! The real drivers on the model: what a board's main loop does, in virtual time.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use cdc_ecm::{Ecm, Event, Function};
use mmio::Clock;
use models::Violation;
use models::cdc_ecm::CdcEcm;
use models::clock::VirtualClock;
use models::dwc2::{Dwc2 as Model, Mode};
use models::memory;
use models::usb::Plug;
use smoltcp::phy::{RxToken, TxToken};
use usb::bus::{Topology, Watch, enumerate};
use usb::limits::PORT_CHECK_INTERVAL;
use usb::{Host, RootPort};

/// The device that frames are exchanged with.
pub type Device = Rc<RefCell<CdcEcm>>;

/// Time between two turns of the loop.
const TURN: Duration = Duration::from_micros(50);
/// In all of a test's waits, no more virtual time than this passes.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A desk with a chip, its drivers, and a notebook.
pub struct Desk {
    pub clock: VirtualClock,
    pub chip: Model,
    pub host: dwc2::Dwc2<Model>,
    pub ecm: Ecm,
    /// Frames that came.
    pub inbox: Vec<Vec<u8>>,
    /// What the drivers said, one line each.
    pub journal: Vec<String>,
    pub mac: Option<[u8; 6]>,
    pub topology: Option<Topology>,
    generation: Option<u32>,
    watch: Option<(Watch, Duration)>,
}

impl Desk {
    pub fn new(mode: Mode, plug: Plug) -> Self {
        let mut clock = VirtualClock::new();
        let (pool, memory) = memory::region(256 * 1024);
        let chip = Model::new(mode, &clock, memory);
        chip.attach(plug);
        let mut host = dwc2::Dwc2::new(chip.clone(), pool, &mut clock).expect("a core");
        let ecm = Ecm::new(&mut host).expect("buffers");
        Self {
            clock,
            chip,
            host,
            ecm,
            inbox: Vec::new(),
            journal: Vec::new(),
            mac: None,
            topology: None,
            generation: None,
            watch: None,
        }
    }

    /// A desk whose device works.
    pub fn working(mode: Mode, plug: Plug) -> Self {
        let mut desk = Self::new(mode, plug);
        desk.until("the device to work", Self::works);
        desk
    }

    pub fn works(&self) -> bool {
        self.mac.is_some()
    }

    /// One turn of the loop: the root port, the bus, the device, a frame.
    pub fn turn(&mut self) {
        let now = self.clock.now();
        match self.host.root_port(now) {
            RootPort::Ready(speed) if self.generation != Some(self.host.generation()) => {
                if self.let_go(now) {
                    self.generation = Some(self.host.generation());
                    self.walk(speed);
                }
            }
            RootPort::Ready(_) => self.look_around(now),
            _ => {
                self.let_go(now);
            }
        }
        let mut clock = self.clock.clone();
        match self.ecm.poll(&mut self.host, &mut clock, now) {
            Some(Event::Lost(lost)) => {
                self.say(format!("lost: {lost}"));
                self.start_over(now);
            }
            Some(Event::Link(link)) => self.say(format!("link: {link:?}")),
            None => {}
        }
        if let Some((frame, _answer)) = self.ecm.with(&mut self.host, now).into_receive() {
            self.inbox.push(frame.consume(<[u8]>::to_vec));
        }
        self.clock.advance(TURN);
    }

    fn walk(&mut self, speed: usb::Speed) {
        let (ecm, journal) = (&mut self.ecm, &mut self.journal);
        let (mut mac, mut address) = (None, 0);
        let mut clock = self.clock.clone();
        let found = enumerate(&mut self.host, &mut clock, speed, &mut |host, clock, candidate| {
            let function = match Function::find(candidate.configurations, candidate.target.speed) {
                Ok(Some(function)) if mac.is_none() => function,
                Ok(_) => return false,
                Err(error) => {
                    journal.push(format!("no function: {error}"));
                    return false;
                }
            };
            match ecm.attach(host, clock, candidate, function, None) {
                Ok(own) => {
                    (mac, address) = (Some(own), candidate.target.address);
                    true
                }
                Err(error) => {
                    journal.push(format!("no attachment: {error}"));
                    false
                }
            }
        });
        let now = self.clock.now();
        match found {
            Ok(topology) => {
                for (_, error) in topology.failures() {
                    journal.push(format!("no device: {error}"));
                }
                let watch =
                    if mac.is_some() { Watch::over(address) } else { Watch::over_everything() };
                if mac.is_none() {
                    self.journal.push(format!("no Ethernet device: {topology}"));
                }
                self.mac = mac;
                self.watch = Some((watch, now));
                self.topology = Some(topology);
            }
            Err(error) => {
                self.say(format!("no bus: {error}"));
                self.start_over(now);
            }
        }
    }

    /// Asks the hubs whether something came or went.
    fn look_around(&mut self, now: Duration) {
        let (Some(topology), Some((watch, last))) = (&self.topology, &mut self.watch) else {
            return;
        };
        if now < *last + PORT_CHECK_INTERVAL || watch.is_idle(topology) {
            return;
        }
        *last = now;
        let mut clock = self.clock.clone();
        match watch.look(topology, &mut self.host, &mut clock) {
            Ok(false) => {}
            Ok(true) => {
                self.say("the bus changed");
                self.start_over(now);
            }
            Err(error) => {
                self.say(format!("no hub: {error}"));
                self.start_over(now);
            }
        }
    }

    fn start_over(&mut self, now: Duration) {
        self.watch = None;
        self.topology = None;
        self.mac = None;
        self.host.restart_port(now);
    }

    /// True if the driver has all its buffers back.
    fn let_go(&mut self, now: Duration) -> bool {
        self.mac = None;
        self.watch = None;
        self.topology = None;
        self.ecm.detach(&mut self.host, now)
    }

    pub fn say(&mut self, line: impl Into<String>) {
        self.journal.push(line.into());
    }

    pub fn run_for(&mut self, time: Duration) {
        let end = self.clock.peek() + time;
        while self.clock.peek() < end {
            self.turn();
        }
    }

    /// Turns the loop until `ready`.
    pub fn until(&mut self, what: &str, mut ready: impl FnMut(&Self) -> bool) {
        assert!(self.wait(&mut ready), "{what}: not in {PATIENCE:?}; {self:?}");
    }

    /// Turns the loop until `ready`, or patience ends. True if it was ready.
    pub fn wait(&mut self, mut ready: impl FnMut(&Self) -> bool) -> bool {
        let end = self.clock.peek() + PATIENCE;
        while self.clock.peek() < end {
            if ready(self) {
                return true;
            }
            self.turn();
        }
        ready(self)
    }

    /// Sends a frame to the device; false if no buffer was free.
    pub fn send(&mut self, frame: &[u8]) -> bool {
        let now = self.clock.now();
        let Some(token) = self.ecm.with(&mut self.host, now).into_transmit() else { return false };
        token.consume(frame.len(), |buffer| buffer.copy_from_slice(frame));
        true
    }

    /// One frame each way, which has to arrive.
    pub fn exchange(&mut self, device: &Device, frame: &[u8]) {
        device.borrow_mut().function().send(frame);
        self.until("a frame in", |desk| !desk.inbox.is_empty());
        assert_eq!(self.inbox.remove(0), frame, "{} bytes in", frame.len());
        assert!(self.send(frame), "a free buffer");
        let mut out = None;
        self.until("a frame out", |_| {
            out = out.take().or_else(|| device.borrow_mut().function().received());
            out.is_some()
        });
        assert_eq!(out.as_deref(), Some(frame), "{} bytes out", frame.len());
    }

    pub fn topology(&self) -> String {
        self.topology.as_ref().map_or("-".into(), |topology| topology.to_string())
    }

    pub fn violations(&self) -> Vec<Violation> {
        self.chip.violations()
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:?}: {:?}", self.clock.peek(), self.chip)?;
        writeln!(f, "{:?}", self.ecm.counters())?;
        writeln!(f, "bus {}, MAC {:02x?}", self.topology(), self.mac)?;
        let packets = self.chip.take_trace();
        for packet in packets.iter().rev().take(12).rev() {
            writeln!(f, "  {packet:?}")?;
        }
        for violation in self.violations() {
            writeln!(f, "  broken: {violation}")?;
        }
        self.journal.iter().take(20).try_for_each(|line| writeln!(f, "  {line}"))
    }
}

/// A frame of `len` bytes, different for each length and seed.
pub fn frame(len: usize, seed: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 + len * 7 + seed * 13 + at / 256) as u8).collect()
}
