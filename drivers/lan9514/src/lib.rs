//! SMSC LAN9512/LAN9514 Ethernet, and the LAN95xx family, as a smoltcp `phy::Device`.
//!
//! [`Lan9514`] owns the buffers and outlives the devices: it is made once, and attached to a device
//! whenever one is found. In between, [`Lan9514::poll`] moves transfers, watches the link, and
//! tells what happened.
//!
//! ```text
//!   Lan9514::new ──> product() ──> attach ──> poll, with(host, now) ──> Event::Lost ─> detach ─┐
//!                       ^                                                                     │
//!                       └─────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Many frames come in one transfer, a [burst](mod@burst), and are read where the controller put
//! them; the next burst is with the chip before the last one is looked at. A frame that is sent is
//! built where the controller reads it, behind its command words; those of one turn go together.
//!
//! # Recovery
//!
//! | step | when | at most |
//! |---|---|---|
//! | an access is repeated | a control transfer failed | [`ACCESS_TRIES`](limits::ACCESS_TRIES) |
//! | a halt is cleared | a bulk endpoint answers STALL | each [`ERROR_REST`](limits::ERROR_REST) |
//! | lite reset, [`Event::Reset`] | any [`Trouble`] | [`LITE_RESETS_MAX`] |
//! | [`Event::Lost`] | it did not help, or the device is gone | once |
//!
//! What follows upon `Lost` is the owner's: to reset the device's port, and at last its power.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod burst;
pub mod checksum;
mod chip;
mod command;
mod counters;
mod device;
mod error;
mod filter;
mod health;
mod ids;
mod interrupt;
pub mod limits;
mod link;
mod receive;
mod registers;
mod setup;
mod statistics;
mod transmit;

use core::time::Duration;

use defmt_or_log::debug;
use mmio::Clock;
use usb::bus::Candidate;
use usb::{Data, Endpoint, Host, Pieces, Pipe, Setup, Target, TransferError, Way, request};

pub use chip::AccessError;
pub use counters::Counters;
pub use device::{Attached, RxToken, TxToken};
pub use error::{Error, Lost, Trouble};
pub use filter::Filter;
pub use ids::product;
pub use link::{Link, Rate};

use burst::BadBurst;
use chip::Chip;
use interrupt::Interrupt;
use limits::{BAD_BURSTS_MAX, LITE_RESETS_MAX, SEND_MAX, SILENCE_MAX, SOUND_AFTER, TELL_INTERVAL};
use link::Monitor;
use receive::Receive;
use setup::{Function, Plan};
use statistics::Statistics;
use transmit::Transmit;

/// How the chip is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The chip and this driver see to TCP checksums, and the stack is told not to. Fragments of
    /// TCP segments are dropped then: no sum can be checked over a part.
    pub offload: bool,
    /// Which frames pass.
    pub filter: Filter,
}

impl Default for Config {
    /// TCP checksums by the chip; all multicasts pass.
    fn default() -> Self {
        Self { offload: true, filter: Filter::AllMulticast }
    }
}

/// Something that the owner of the driver should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The link changed.
    Link(Link),
    /// The chip was in trouble, and works again after a lite reset.
    Reset(Trouble),
    /// A burst ended before its end. Told each [`TELL_INTERVAL`] at most; all are counted.
    BadBurst(BadBurst),
    /// The device is lost: to be detached.
    Lost(Lost),
}

/// The device that the driver is attached to.
#[derive(Clone, Copy, Debug)]
struct Device {
    target: Target,
    function: Function,
    mac: [u8; 6],
    monitor: Monitor,
    /// Lite resets since it last was sound.
    resets: u32,
    reset_at: Duration,
    /// A bad burst is told from then on.
    tell_at: Duration,
    /// A lite reset took the link down, and nobody knows.
    untold_link: bool,
}

/// The driver: its buffers, and its device while there is one.
#[derive(Debug)]
pub struct Lan9514 {
    config: Config,
    receive: Receive,
    transmit: Transmit,
    interrupt: Interrupt,
    device: Option<Device>,
    counters: Counters,
}

impl Lan9514 {
    /// Takes all buffers that the driver will ever need: 106.1 KiB.
    ///
    /// # Errors
    /// [`dma::NoMemory`].
    pub fn new<H: Host + ?Sized>(host: &mut H, config: Config) -> Result<Self, dma::NoMemory> {
        Ok(Self {
            config,
            receive: Receive::new(host)?,
            transmit: Transmit::new(host)?,
            interrupt: Interrupt::new(host)?,
            device: None,
            counters: Counters::default(),
        })
    }

    /// What happened so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The link: down without a device, and until the PHYs have agreed.
    pub fn link(&self) -> Link {
        self.device.map_or(Link::Down, |device| device.monitor.link)
    }

    /// Lets other frames pass, from the next polls on.
    pub fn set_filter(&mut self, now: Duration, filter: Filter) {
        self.config.filter = filter;
        if let Some(device) = &mut self.device {
            device.monitor.set_filter(now, filter);
        }
    }

    /// Brings a device up that [`product`] knows, and begins to receive. Returns its Ethernet
    /// address: its EEPROM's, or else `fallback`. Blocks for some sixty control transfers, and for
    /// the waits that `limits` names.
    ///
    /// # Errors
    /// [`Error`]. The device may be offered again, after a reset of its port.
    pub fn attach<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        clock: &mut dyn Clock,
        candidate: &Candidate<'_>,
        fallback: Option<[u8; 6]>,
    ) -> Result<[u8; 6], Error> {
        let now = clock.now();
        if !self.detach(host, now) {
            return Err(Error::BuffersLent);
        }
        let target = candidate.target;
        let function = Function::find(candidate.configurations, target.speed)?;
        let setup = Setup::set_configuration(function.configuration);
        request::control(host, clock, &target, setup, Data::None)?;

        let Self { config, counters, .. } = self;
        let mut chip = Chip { host, clock, target, counters };
        let id = chip.identify()?;
        // Before the reset, after which the EEPROM may not be loaded yet.
        let own = chip.own_address()?;
        chip.lite_reset()?;
        let mac = own.or(fallback.filter(setup::is_station)).ok_or(Error::NoAddress)?;
        let plan = Plan {
            mac,
            filter: config.filter,
            offload: config.offload,
            speed: target.speed,
            rate: link::Rate::UNKNOWN,
        };
        chip.configure(&plan)?;
        chip.start_phy()?;
        chip.enable(&plan)?;
        debug!("lan9514: chip {:04x}, bursts of {} bytes", id, setup::burst_bytes(target.speed));

        self.receive.bytes = setup::burst_bytes(target.speed);
        self.receive.sums = self.config.offload;
        self.transmit.offload = self.config.offload;
        if let Err(error) = self.open(host, &target, &function) {
            self.detach(host, clock.now());
            return Err(error.into());
        }
        let now = clock.now();
        let monitor = Monitor::new(now, self.config.filter, Statistics::new(now, id));
        self.device = Some(Device {
            target,
            function,
            mac,
            monitor,
            resets: 0,
            reset_at: now,
            tell_at: now,
            untold_link: false,
        });
        self.receive.look(host, now, &mut self.counters);
        Ok(mac)
    }

    /// Opens the pipes.
    fn open<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        target: &Target,
        function: &Function,
    ) -> Result<(), TransferError> {
        self.receive.pipe = Some(host.open(target, &function.bulk_in, Pieces::Whole)?);
        self.transmit.pipe = Some(host.open(target, &function.bulk_out, SEND_PIECES)?);
        // The link is looked at besides; so a controller that has no channel left for interrupts is
        // no obstacle.
        if let Some(endpoint) = function.interrupt.filter(Interrupt::suits)
            && let Ok(pipe) = host.open(target, &endpoint, Pieces::Whole)
        {
            self.interrupt.start(pipe, &endpoint);
        }
        Ok(())
    }

    /// Lets go of the device, if there is one. True once every buffer is back; until then to be
    /// called again, after the host was told that the device is of no use.
    pub fn detach<H: Host + ?Sized>(&mut self, host: &mut H, now: Duration) -> bool {
        self.device = None;
        if let Some(buffer) = release(host, now, &mut self.receive.pipe) {
            self.receive.put_back(buffer);
        }
        if let Some(buffer) = release(host, now, &mut self.transmit.pipe) {
            self.transmit.give_up(buffer, &mut self.counters);
        }
        if let Some(buffer) = release(host, now, &mut self.interrupt.pipe) {
            self.interrupt.put_back(buffer);
        }
        // All three, whatever the first one says.
        self.receive.reset() & self.transmit.reset(&mut self.counters) & self.interrupt.reset()
    }

    /// Ends all traffic, before the host controller is stopped: the chip receives nothing any more,
    /// and answers a transfer that waits for frames by an empty packet rather than by NAK, which
    /// ends it. Blocks until then, or for [`SILENCE_MAX`](limits::SILENCE_MAX), and for two
    /// register writes. The device has to be attached again after it.
    pub fn silence<H: Host + ?Sized>(&mut self, host: &mut H, clock: &mut dyn Clock) {
        let Some(device) = self.device else { return };
        let counters = &mut self.counters;
        let mut chip = Chip { host, clock, target: device.target, counters };
        if let Err(failed) = chip.silence() {
            debug!("lan9514: not silenced: {}", failed.register);
        }
        let start = clock.now();
        loop {
            let now = clock.now();
            self.detach(host, now);
            let ended = self.receive.pipe.is_none() && self.transmit.pipe.is_none();
            if ended || now.saturating_sub(start) >= SILENCE_MAX {
                return;
            }
        }
    }

    /// Moves transfers and looks after the device; tells one thing that happened. Blocks for one
    /// control transfer at most, or two to clear a halt; for a lite reset, which
    /// [`Event::Reset`] tells, as long as [`Lan9514::attach`].
    pub fn poll<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        clock: &mut dyn Clock,
        now: Duration,
    ) -> Option<Event> {
        self.receive.look(host, now, &mut self.counters);
        self.transmit.look(host, now, &mut self.counters);
        let device = self.device.as_mut()?;
        if self.interrupt.look(host, now).is_some() {
            device.monitor.ask(now);
        }
        if now.saturating_sub(device.reset_at) >= SOUND_AFTER {
            device.resets = 0;
        }
        if core::mem::take(&mut device.untold_link) {
            return Some(Event::Link(device.monitor.link));
        }
        if now >= device.tell_at
            && let Some(bad) = self.receive.untold.take()
        {
            device.tell_at = now + TELL_INTERVAL;
            return Some(Event::BadBurst(bad));
        }
        match self.attend(host, clock, now) {
            Ok(link) => link.map(Event::Link),
            Err(trouble) => self.rescue(host, clock, trouble),
        }
    }

    /// Looks for trouble, ends halts, and watches the link; the link, if it changed.
    fn attend<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        clock: &mut dyn Clock,
        now: Duration,
    ) -> Result<Option<Link>, Trouble> {
        let Self { receive, transmit, device, counters, .. } = self;
        let Some(device) = device else { return Ok(None) };
        let (target, function) = (device.target, device.function);
        if let Some(error) = receive.health.lost() {
            return Err(Trouble::Receive(error));
        }
        if let Some(error) = transmit.health.lost() {
            return Err(Trouble::Send(error));
        }
        if receive.bad_in_a_row >= BAD_BURSTS_MAX {
            return Err(Trouble::BadBursts(receive.bad_in_a_row));
        }
        if transmit.deadline().is_some_and(|deadline| now >= deadline) {
            return Err(Trouble::SendStuck(SEND_MAX));
        }
        if receive.health.needs_clearing(now) {
            let pipe = &mut receive.pipe;
            clear_halt(host, clock, &target, &function.bulk_in, Pieces::Whole, pipe)
                .map_err(Trouble::Halt)?;
            receive.health.cleared();
            counters.halts_cleared += 1;
        }
        if transmit.health.needs_clearing(now) {
            let pipe = &mut transmit.pipe;
            clear_halt(host, clock, &target, &function.bulk_out, SEND_PIECES, pipe)
                .map_err(Trouble::Halt)?;
            transmit.health.cleared();
            counters.halts_cleared += 1;
        }
        if let Some(error) = transmit.out_of_step
            && transmit.health.may_start(now)
        {
            return Err(Trouble::Send(error));
        }
        let changed = device.monitor.step(&mut Chip { host, clock, target, counters }, now)?;
        if let Some(link) = changed {
            transmit.carrier = link.is_up();
            transmit.restart_timer(now);
            if !link.is_up() {
                transmit.drop_queue(counters);
            }
        }
        Ok(changed)
    }

    /// Resets the chip, if that may help; or else gives it up.
    fn rescue<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        clock: &mut dyn Clock,
        why: Trouble,
    ) -> Option<Event> {
        let Self { config, receive, transmit, device, counters, .. } = self;
        let device = device.as_mut()?;
        if why.is_the_end() || device.resets >= LITE_RESETS_MAX {
            return Some(Event::Lost(Lost { why, reset: None }));
        }
        debug!("lan9514: lite reset");
        let plan = Plan {
            mac: device.mac,
            filter: config.filter,
            offload: config.offload,
            speed: device.target.speed,
            rate: device.monitor.link.rate(),
        };
        let phy = why == Trouble::PhyBusy;
        let mut chip = Chip { host, clock, target: device.target, counters };
        if let Err(error) = chip.start_over(&plan, phy) {
            return Some(Event::Lost(Lost { why, reset: Some(error) }));
        }
        let now = clock.now();
        counters.lite_resets += 1;
        device.resets += 1;
        device.reset_at = now;
        device.untold_link = phy && device.monitor.link.is_up();
        device.monitor.restart(now, phy);
        transmit.carrier = device.monitor.link.is_up();
        transmit.restart_timer(now);
        transmit.health.forgive();
        transmit.out_of_step = None;
        receive.health.forgive();
        receive.bad_in_a_row = 0;
        Some(Event::Reset(why))
    }

    /// When to poll next, if no transfer ends before; `None` if there is no device.
    pub fn next_deadline(&self, now: Duration) -> Option<Duration> {
        let device = self.device.as_ref()?;
        let read = self.receive.has_more().then_some(now);
        let told = device.untold_link.then_some(now);
        let receive = self.receive.health.rests_until(now);
        let transmit = self.transmit.health.rests_until(now);
        let queued = self.transmit.due(now);
        let sent = self.transmit.deadline();
        let interrupt = self.interrupt.deadline(now);
        let link = Some(device.monitor.due());
        [read, told, receive, transmit, queued, sent, interrupt, link].into_iter().flatten().min()
    }
}

/// How transfers are cut on their way out: not at all, which is one use of a channel for each.
/// QEMU's controller moves the packets of a transfer of up to 1,536 bytes one by one, and longer
/// ones whole; to give it the packets one by one made no difference that could be measured there.
const SEND_PIECES: Pieces = Pieces::Whole;

/// Closes a pipe once the controller has let go of its buffer, and returns the buffer of a transfer
/// that was under way.
fn release<H: Host + ?Sized>(
    host: &mut H,
    now: Duration,
    pipe: &mut Option<Pipe>,
) -> Option<dma::Buffer> {
    let open = (*pipe)?;
    // A pipe has one transfer at most.
    let taken = host.take(now, open).map(|(buffer, _)| buffer);
    if host.idle(open) {
        let closed = host.close(open);
        *pipe = None;
        return taken.or(closed);
    }
    taken
}

/// Ends a halt: the endpoint is told to go on, and both sides begin with data toggle 0 (USB 2.0,
/// 9.4.5).
///
/// # Panics
/// If a transfer is under way: its buffer would be lost. None is started on a halted endpoint.
fn clear_halt<H: Host + ?Sized>(
    host: &mut H,
    clock: &mut dyn Clock,
    target: &Target,
    endpoint: &Endpoint,
    pieces: Pieces,
    pipe: &mut Option<Pipe>,
) -> Result<(), TransferError> {
    let direction = if endpoint.way == Way::In { 0x80 } else { 0 };
    let setup = Setup::clear_halt(direction | endpoint.number);
    request::control(host, clock, target, setup, Data::None)?;
    if let Some(halted) = pipe.take() {
        // A stalled transfer came back already; no other one was started.
        assert!(host.idle(halted), "a halted pipe has a transfer under way");
        host.close(halted);
    }
    *pipe = Some(host.open(target, endpoint, pieces)?);
    Ok(())
}
