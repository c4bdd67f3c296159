//! The real drivers on the model of the chip: what a board's main loop does, in virtual time.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use models::clock::VirtualClock;
use models::dwc2::{Dwc2 as Controller, Mode};
use models::hub::Hub;
use models::lan9514::{Lan9514, Settings};
use models::memory::{self, Memory};
use models::usb::Plug;
use nic::{Config, Driver, Link, Nic, NicEvent};
use smoltcp::phy::{Device, RxToken, TxToken};
use smoltcp::time::Instant;

/// The board's Ethernet address.
pub const MAC: [u8; 6] = [0xb8, 0x27, 0xeb, 0x12, 0x34, 0x56];
/// What a Pi 3 looks like.
pub const PI_3: &str = "1:(0424:9514 1:(0424:ec00))";
/// In each of a test's waits, no more virtual time than this passes.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The chip, as its port and a test share it.
pub type Chip = Rc<RefCell<Lan9514>>;

/// A chip that other than default settings may have.
pub fn chip(settings: Settings) -> Chip {
    Lan9514::of(settings).share()
}

/// A desk with a board on it.
pub struct Desk {
    pub clock: VirtualClock,
    pub controller: Controller,
    pub memory: Arc<Memory>,
    spare: Option<dma::Buffer>,
    pub nic: Nic<dwc2::Dwc2<Controller>>,
    pub chip: Chip,
    pub plug: Plug,
    /// Everything that the driver told.
    pub told: Vec<NicEvent>,
    /// Frames that came.
    pub inbox: Vec<Vec<u8>>,
    /// How they came.
    pub passages: Vec<usb::Passage>,
}

impl Desk {
    /// The chip behind its hub, as on a Pi 3.
    pub fn new(mode: Mode, settings: Settings) -> Self {
        let chip = chip(settings);
        let hub = Hub::lan9514().share();
        hub.borrow_mut().attach(1, chip.clone());
        Self::with(mode, chip, hub)
    }

    /// A chip that is plugged in somehow.
    pub fn with(mode: Mode, chip: Chip, plug: Plug) -> Self {
        Self::at_board(mode, chip, plug, Config { mac_fallback: Some(MAC) })
    }

    pub fn at_board(mode: Mode, chip: Chip, plug: Plug, config: Config) -> Self {
        let mut clock = VirtualClock::new();
        clock.set_step(Duration::from_micros(5));
        let (mut pool, memory) = memory::region(164 * 1024);
        let spare = pool.take(4096).ok();
        let controller = Controller::new(mode, &clock, memory.clone());
        controller.attach(plug.clone());
        let host = dwc2::Dwc2::new(controller.clone(), pool, &mut clock).expect("a DWC2");
        let nic = Nic::new(host, config).expect("room for the buffers");
        let (told, inbox, passages) = (Vec::new(), Vec::new(), Vec::new());
        Self { clock, controller, memory, spare, nic, chip, plug, told, inbox, passages }
    }

    /// A DMA buffer for something else on the board; there is one.
    pub fn spare(&mut self, bytes: usize) -> dma::Buffer {
        self.spare.take().filter(|buffer| buffer.capacity() >= bytes).expect("one, large enough")
    }

    /// A desk whose link is up.
    pub fn up(mode: Mode, settings: Settings) -> Self {
        let mut desk = Self::new(mode, settings);
        desk.until("the link", Self::is_up);
        desk
    }

    pub fn is_up(&self) -> bool {
        self.nic.link().is_up()
    }

    /// One turn of a main loop; afterwards at most `idle` passes, or until an interrupt.
    pub fn turn(&mut self, idle: Duration) {
        let now = self.clock.peek();
        while let Some(event) = self.nic.poll(now, &mut self.clock) {
            self.told.push(event);
        }
        while let Some((frame, _answer)) = self.nic.receive(Instant::ZERO) {
            self.passages.extend(frame.passage());
            self.inbox.push(frame.consume(<[u8]>::to_vec));
        }
        let end = self.nic.next_deadline().min(now + idle);
        loop {
            self.clock.advance(Duration::from_micros(10));
            if self.controller.interrupt() || self.clock.peek() >= end {
                break;
            }
        }
    }

    pub fn run_for(&mut self, time: Duration) {
        let end = self.clock.peek() + time;
        while self.clock.peek() < end {
            self.turn(Duration::from_millis(1));
        }
    }

    /// Turns the loop until `ready`, or patience ends. True if it was ready.
    pub fn wait(&mut self, mut ready: impl FnMut(&Self) -> bool) -> bool {
        let end = self.clock.peek() + PATIENCE;
        while self.clock.peek() < end {
            if ready(self) {
                return true;
            }
            self.turn(Duration::from_millis(1));
        }
        ready(self)
    }

    /// Turns the loop until `ready`.
    pub fn until(&mut self, what: &str, ready: impl FnMut(&Self) -> bool) {
        assert!(self.wait(ready), "{what}: not in {PATIENCE:?}; {self:?}");
    }

    /// Turns the loop until an event comes that `wanted` accepts.
    pub fn until_told(&mut self, what: &str, wanted: impl Fn(&NicEvent) -> bool) -> NicEvent {
        let from = self.told.len();
        self.until(what, |desk| desk.told[from..].iter().any(&wanted));
        self.told[from..].iter().find(|event| wanted(event)).expect("just seen").clone()
    }

    /// The next time that a device was found: driver, address, topology.
    pub fn until_found(&mut self) -> (Driver, [u8; 6], String) {
        match self.until_told("a device", |event| matches!(event, NicEvent::Found { .. })) {
            NicEvent::Found { driver, mac, topology } => (driver, mac, topology.to_string()),
            _ => unreachable!(),
        }
    }

    pub fn until_link(&mut self, link: Link) {
        self.until_told("the link", |event| *event == NicEvent::Link(link));
    }

    /// Sends a frame; false if there was no room or no link.
    pub fn send(&mut self, frame: &[u8]) -> bool {
        let token = self.nic.transmit(Instant::ZERO);
        token.map(|token| token.consume(frame.len(), |out| out.copy_from_slice(frame))).is_some()
    }

    /// A frame arrives from the wire.
    pub fn arrive(&self, frame: &[u8]) {
        let mut chip = self.chip.borrow_mut();
        chip.function().advance(self.clock.peek());
        chip.function().frame_from_wire(frame);
    }

    /// The next frame on the wire.
    pub fn on_wire(&self) -> Option<Vec<u8>> {
        self.chip.borrow_mut().function().take_frame_to_wire()
    }

    /// One frame each way, which has to arrive.
    pub fn exchange(&mut self, bytes: usize, seed: usize) {
        let down = frame(&MAC, bytes, seed);
        self.arrive(&down);
        self.until("a frame in", |desk| !desk.inbox.is_empty());
        assert_eq!(self.inbox.remove(0), down, "{bytes} bytes in");
        let up = frame(&[0x52; 6], bytes, seed + 1);
        assert!(self.send(&up), "no room for {bytes} bytes; {self:?}");
        let mut out = None;
        self.until("a frame out", |desk| {
            out = out.take().or_else(|| desk.on_wire());
            out.is_some()
        });
        assert_eq!(out.as_deref(), Some(up.as_slice()), "{bytes} bytes out");
    }

    /// What is still under way is forgotten.
    pub fn drain(&mut self) {
        self.run_for(Duration::from_millis(50));
        self.inbox.clear();
        while self.on_wire().is_some() {}
    }

    pub fn lan9514(&self) -> lan9514::Counters {
        self.nic.lan9514().counters()
    }

    pub fn statistics(&self) -> models::lan9514::Statistics {
        *self.chip.borrow().function_ref().statistics()
    }

    /// The driver has broken no rule: of the controller, of the bus, of the chip.
    pub fn no_rule_broken(&self) {
        assert_eq!(self.controller.violations(), [], "{self:?}");
        assert_eq!(self.chip.borrow().function_ref().mistakes(), [], "{self:?}");
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:?}: bus {}", self.clock.peek(), self.nic.topology())?;
        writeln!(f, "{:?}", self.lan9514())?;
        writeln!(f, "{:?}", self.statistics())?;
        for event in self.told.iter().rev().take(30).rev() {
            writeln!(f, "  {event:?}")?;
        }
        for violation in self.controller.violations() {
            writeln!(f, "  broken: {violation}")?;
        }
        writeln!(f, "  mistakes: {:?}", self.chip.borrow().function_ref().mistakes())
    }
}

/// A frame of `bytes` for this address, of no protocol, different for each length and seed.
pub fn frame(to: &[u8; 6], bytes: usize, seed: usize) -> Vec<u8> {
    let mut frame: Vec<u8> =
        (0..bytes).map(|at| (at * 31 + bytes * 7 + seed * 13 + at / 256) as u8).collect();
    frame[..6].copy_from_slice(to);
    frame[6..12].copy_from_slice(&[0x52, 0x54, 0, 1, 2, 3]);
    // Local experimental (IEEE 802).
    frame[12..14].copy_from_slice(&[0x88, 0xb5]);
    frame
}
