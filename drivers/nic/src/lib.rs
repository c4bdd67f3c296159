//! The board's network interface: finds an Ethernet device on the USB bus, keeps it, and is a
//! smoltcp `phy::Device` whether or not one is there.
//!
//! ```text
//!              root port ready                    claimed
//!   Waiting ─────────────────────> walk the bus ──────────> Running ───┐ device or port gone
//!      ^                            │       │ nothing to claim         │
//!      │             did not come up│       └────────────> Idle ───┐   │
//!      ├──── restart the port ── Resting <─── too many errors ─────┼───┤
//!      └───────────────────────────── something was plugged in ────┴───┘
//! ```
//!
//! The last rung of the ladder is the board's: after several restarts in a row
//! [`NicEvent::PowerCycleDue`] asks it for [`Nic::power_cycle`].
//!
//! [`Nic::poll`] belongs in every turn of the main loop. It blocks, within bounds, only while a bus
//! is walked, to look at a hub's port twice a second, and in a driver's own requests
//! ([`DRIVER_MAX`](limits::DRIVER_MAX)); frames are moved without waiting.

#![no_std]
#![forbid(unsafe_code)]

mod drivers;
mod event;
pub mod limits;
mod power;

use core::time::Duration;

use defmt_or_log::debug;
use heapless::Deque;
use mmio::{Clock, Within};
use smoltcp::phy::{self, DeviceCapabilities};
use smoltcp::time::Instant;
use usb::bus::{BusError, Topology, Watch, enumerate};
use usb::limits::PORT_CHECK_INTERVAL;
use usb::{Host, RootPort, Speed};

pub use drivers::{Counters, Driver, RxToken, TxToken};
pub use event::{Link, NicEvent, Note, Rate, Reason};
/// The LAN9514's driver, for its filter and its own counters.
pub use lan9514;
pub use power::PowerCycleError;

use drivers::{Drivers, Happened, Offer};
use event::note;
use limits::{
    DRIVER_MAX, EVENTS_MAX, PORT_STUCK_MAX, POWER_CYCLE_AFTER, POWER_CYCLES_MAX, RETRY_MAX,
    RETRY_MIN, ROOT_PORT_LOOK, SOUND_AFTER,
};

/// What the board says about its network interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The Ethernet address for a device that has none of its own.
    pub mac_fallback: Option<[u8; 6]>,
}

/// Where we are; the drawing is at the head of this file.
#[derive(Clone, Copy, Debug)]
enum State {
    /// For the root port to be ready with another device than before; busy since then, but not
    /// ready.
    Waiting {
        since: Duration,
    },
    /// The bus has nothing for us.
    Idle {
        watch: Watch,
        check_at: Duration,
    },
    Running {
        driver: Driver,
        watch: Watch,
        check_at: Duration,
        since: Duration,
    },
    /// Then the port is restarted.
    Resting {
        until: Duration,
    },
}

/// The network interface on host controller `H`.
#[derive(Debug)]
pub struct Nic<H> {
    host: H,
    drivers: Drivers,
    config: Config,
    state: State,
    /// The root port at the last look.
    port: RootPort,
    /// The host's generation when the bus was walked last.
    walked: Option<u32>,
    topology: Topology,
    events: Deque<NicEvent, EVENTS_MAX>,
    /// Failures in a row, each doubling the rest before the next try.
    failures: u32,
    /// Transfers that had succeeded when the device was found.
    moved_before: u64,
    /// Power cycles among them.
    power_cycles: u32,
    /// Power cycles since start-up.
    power_cycles_ever: u64,
    /// Time of the last poll.
    now: Duration,
}

impl<H: Host> Nic<H> {
    /// A network interface that looks for its device from the first [`Nic::poll`] on. Takes all DMA
    /// buffers that it will ever need: 126.2 KiB.
    ///
    /// # Errors
    /// [`dma::NoMemory`].
    pub fn new(mut host: H, config: Config) -> Result<Self, dma::NoMemory> {
        Ok(Self {
            drivers: Drivers::new(&mut host)?,
            host,
            config,
            state: State::Waiting { since: Duration::ZERO },
            port: RootPort::Empty,
            walked: None,
            topology: Topology::default(),
            events: Deque::new(),
            failures: 0,
            moved_before: 0,
            power_cycles: 0,
            power_cycles_ever: 0,
            now: Duration::ZERO,
        })
    }

    /// The host controller.
    pub fn host(&self) -> &H {
        &self.host
    }

    /// The host controller.
    pub fn host_mut(&mut self) -> &mut H {
        &mut self.host
    }

    /// The bus, as it was walked last.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The driver of the device, while there is one.
    pub fn driver(&self) -> Option<Driver> {
        match self.state {
            State::Running { driver, .. } => Some(driver),
            _ => None,
        }
    }

    /// The link; down without a device.
    pub fn link(&self) -> Link {
        self.driver().map_or(Link::Down, |driver| self.drivers.link(driver))
    }

    /// What happened since start-up, over all devices.
    pub fn counters(&self) -> Counters {
        Counters { power_cycles: self.power_cycles_ever, ..self.drivers.counters() }
    }

    /// The LAN9514's driver, whether or not there is one.
    pub fn lan9514(&self) -> &lan9514::Lan9514 {
        &self.drivers.lan9514
    }

    /// Lets other frames pass through a LAN9514, now and after it was found again.
    pub fn set_filter(&mut self, filter: lan9514::Filter) {
        self.drivers.lan9514.set_filter(self.now, filter);
    }

    /// Does what is due, and tells one thing that happened; to be called until it returns `None`.
    /// `clock` must count from where `now` does.
    pub fn poll(&mut self, now: Duration, clock: &mut dyn Clock) -> Option<NicEvent> {
        if self.events.is_empty() {
            self.now = now;
            self.port = self.host.root_port(now);
            self.step(clock);
        }
        self.events.pop_front()
    }

    /// When to poll next, if no interrupt comes before.
    pub fn next_deadline(&self) -> Duration {
        let look = self.now + ROOT_PORT_LOOK;
        if !self.events.is_empty() || self.has_new_device().is_some() {
            return self.now;
        }
        let port = match self.port {
            RootPort::Settling(until) | RootPort::Failed(until) => until.min(look),
            RootPort::Empty | RootPort::Ready(_) => look,
        };
        let own = match self.state {
            State::Waiting { .. } => None,
            State::Idle { check_at, .. } => Some(check_at),
            State::Running { driver, check_at, .. } => {
                let deadline = self.drivers.next_deadline(driver, self.now);
                Some(deadline.map_or(check_at, |deadline| deadline.min(check_at)))
            }
            State::Resting { until } => Some(until),
        };
        own.map_or(port, |own| own.min(port))
    }

    /// The speed of the device on the root port, if its bus was not walked yet.
    fn has_new_device(&self) -> Option<Speed> {
        match self.port {
            RootPort::Ready(speed) if self.walked != Some(self.host.generation()) => Some(speed),
            _ => None,
        }
    }

    /// The state machine.
    fn step(&mut self, clock: &mut dyn Clock) {
        let now = self.now;
        let same_device =
            matches!(self.port, RootPort::Ready(_)) && self.has_new_device().is_none();
        if !same_device && !matches!(self.state, State::Waiting { .. }) {
            self.lose(Reason::Unplugged);
            self.state = State::Waiting { since: now };
        }
        match self.state {
            State::Waiting { since } => {
                // Buffers come back when the host has stopped its channels.
                self.drivers.detach(&mut self.host, now);
                if let Some(speed) = self.has_new_device() {
                    self.walk(clock, speed);
                } else if matches!(self.port, RootPort::Empty) {
                    self.state = State::Waiting { since: now };
                } else if now.saturating_sub(since) >= PORT_STUCK_MAX {
                    self.state = State::Waiting { since: now };
                    self.fail();
                }
            }
            State::Idle { mut watch, check_at } if now >= check_at => {
                match watch.look(&self.topology, &mut self.host, clock) {
                    Ok(false) => {
                        self.state = State::Idle { watch, check_at: now + PORT_CHECK_INTERVAL };
                    }
                    Ok(true) => self.restart(),
                    Err(error) => {
                        self.tell(NicEvent::Note(note(format_args!("USB hub: {error}"))));
                        self.rest();
                    }
                }
            }
            State::Idle { .. } => {}
            State::Running { driver, watch, check_at, since } => {
                let clock = &mut Within::new(clock, DRIVER_MAX);
                match self.drivers.poll(driver, &mut self.host, clock, now) {
                    Some(Happened::Link(link)) => self.tell(NicEvent::Link(link)),
                    Some(Happened::Note(text)) => self.tell(NicEvent::Note(text)),
                    // Its driver may see it go before the port was looked at.
                    Some(Happened::Lost(_)) if !self.port_is_ready() => {
                        self.lose(Reason::Unplugged);
                        self.state = State::Waiting { since: now };
                        return;
                    }
                    Some(Happened::Lost(reason)) => {
                        self.lose(reason);
                        self.rest();
                        return;
                    }
                    None => {}
                }
                if now.saturating_sub(since) >= SOUND_AFTER && self.moved() > self.moved_before {
                    (self.failures, self.power_cycles) = (0, 0);
                }
                if now >= check_at {
                    self.check_path(clock, driver, watch, since);
                }
            }
            State::Resting { until } if now >= until => self.restart(),
            State::Resting { .. } => {}
        }
    }

    /// Looks whether the device is still plugged in behind its hubs.
    fn check_path(
        &mut self,
        clock: &mut dyn Clock,
        driver: Driver,
        mut watch: Watch,
        since: Duration,
    ) {
        match watch.look(&self.topology, &mut self.host, clock) {
            Ok(false) => {
                let check_at = self.now + PORT_CHECK_INTERVAL;
                self.state = State::Running { driver, watch, check_at, since };
            }
            Ok(true) => {
                self.lose(Reason::Unplugged);
                self.restart();
            }
            Err(error) => {
                self.lose(Reason::Hub(error));
                self.rest();
            }
        }
    }

    /// Walks the bus and takes the first device that a driver works with.
    fn walk(&mut self, clock: &mut dyn Clock, speed: Speed) {
        self.walked = Some(self.host.generation());
        let Self { host, drivers, config, events, .. } = self;
        let mut found = None;
        let mut worth_a_retry = false;
        let walked = enumerate(host, clock, speed, &mut |host, clock, candidate| {
            if found.is_some() {
                return false;
            }
            match drivers.offer(host, clock, candidate, config.mac_fallback) {
                Offer::Taken(driver, mac) => found = Some((driver, mac, candidate.target.address)),
                Offer::NotOurs => {}
                Offer::Refused { why, worth_a_retry: retry } => {
                    worth_a_retry |= retry;
                    // There is room: each device has one note at most.
                    let _ = events.push_back(NicEvent::Note(why));
                }
            }
            found.is_some()
        });
        self.now = clock.now().max(self.now);
        match walked {
            Ok(topology) => self.settle(topology, found, worth_a_retry),
            Err(error) => {
                self.tell(NicEvent::Note(note(format_args!("USB bus: {error}"))));
                self.drivers.detach(&mut self.host, self.now);
                self.topology = Topology::default();
                self.rest();
            }
        }
    }

    /// Makes the best of what the walk found.
    fn settle(
        &mut self,
        topology: Topology,
        found: Option<(Driver, [u8; 6], u8)>,
        mut worth_a_retry: bool,
    ) {
        for (node, error) in topology.failures() {
            worth_a_retry |= !matches!(error, BusError::NeedsSplit | BusError::TooDeep);
            let text = note(format_args!("USB device at port {} skipped: {error}", node.port));
            let _ = self.events.push_back(NicEvent::Note(text));
        }
        self.topology = topology;
        let check_at = self.now + PORT_CHECK_INTERVAL;
        if let Some((driver, mac, address)) = found {
            let topology = self.topology.to_text();
            self.tell(NicEvent::Found { driver, mac, topology });
            self.tell(NicEvent::Link(self.drivers.link(driver)));
            let (watch, since) = (Watch::over(address), self.now);
            self.moved_before = self.moved();
            self.state = State::Running { driver, watch, check_at, since };
        } else {
            let text = note(format_args!("no Ethernet device on USB: {}", self.topology));
            self.tell(NicEvent::Note(text));
            if worth_a_retry {
                self.rest();
            } else {
                self.state = State::Idle { watch: Watch::over_everything(), check_at };
            }
        }
    }

    /// Lets go of the device, if there is one, and says so.
    fn lose(&mut self, reason: Reason) {
        if self.driver().is_some() {
            self.tell(NicEvent::Lost(reason));
        }
        self.drivers.detach(&mut self.host, self.now);
    }

    /// True if the root port still has its device, looked at once more.
    fn port_is_ready(&mut self) -> bool {
        self.port = self.host.root_port(self.now);
        matches!(self.port, RootPort::Ready(_))
    }

    /// Transfers that succeeded so far.
    fn moved(&self) -> u64 {
        let counters = self.drivers.counters();
        counters.transfers_in + counters.transfers_out
    }

    /// Counts a failure; every few in a row, the board is asked for the power.
    fn fail(&mut self) {
        self.failures = self.failures.saturating_add(1);
        if self.failures.is_multiple_of(POWER_CYCLE_AFTER) && self.power_cycles < POWER_CYCLES_MAX {
            self.tell(NicEvent::PowerCycleDue { restarts: self.failures });
        }
    }

    /// Restarts the port after a while, longer each time.
    fn rest(&mut self) {
        let doubled = RETRY_MIN.saturating_mul(1 << self.failures.min(16));
        let rest = doubled.min(RETRY_MAX);
        self.fail();
        debug!("nic: failure {}, next try in {} ms", self.failures, rest.as_millis() as u32);
        self.state = State::Resting { until: self.now + rest };
    }

    fn restart(&mut self) {
        self.host.restart_port(self.now);
        self.state = State::Waiting { since: self.now };
    }

    fn tell(&mut self, event: NicEvent) {
        // There is room: nothing is done before all events were fetched, and one step makes fewer
        // than fit.
        let _ = self.events.push_back(event);
    }
}

impl<H: Host> phy::Device for Nic<H> {
    type RxToken<'a>
        = RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = TxToken<'a, H>
    where
        Self: 'a;

    fn receive(&mut self, _: Instant) -> Option<(RxToken<'_>, TxToken<'_, H>)> {
        match self.driver()? {
            Driver::Lan9514 => {
                let (receive, transmit) =
                    self.drivers.lan9514.with(&mut self.host, self.now).into_receive()?;
                Some((RxToken::Lan9514(receive), TxToken::Lan9514(transmit)))
            }
            Driver::Ecm => {
                let (receive, transmit) =
                    self.drivers.ecm.with(&mut self.host, self.now).into_receive()?;
                Some((RxToken::Ecm(receive), TxToken::Ecm(transmit)))
            }
        }
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_, H>> {
        match self.driver()? {
            Driver::Lan9514 => {
                let transmit =
                    self.drivers.lan9514.with(&mut self.host, self.now).into_transmit()?;
                Some(TxToken::Lan9514(transmit))
            }
            Driver::Ecm => {
                let transmit = self.drivers.ecm.with(&mut self.host, self.now).into_transmit()?;
                Some(TxToken::Ecm(transmit))
            }
        }
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.drivers.capabilities(self.driver())
    }
}
