//! CDC Ethernet (ECM) function driver as a smoltcp `phy::Device`.
//!
//! [`Ecm`] owns the buffers and outlives the devices: it is made once, and attached to a device
//! whenever one is found. In between, [`Ecm::poll`] moves transfers and tells what happened.
//!
//! ```text
//!   Ecm::new ──> find a Function ──> attach ──> poll, with(host, now) ──> Event::Lost ─> detach ─┐
//!                      ^                                                                        │
//!                      └────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! One frame travels in one transfer, and a frame of whole packets is followed by a zero-length
//! packet (ECM 1.2, 3.3.1). A received frame is read where the controller put it; a sent one is
//! built where the controller reads it.

#![no_std]
#![forbid(unsafe_code)]

mod device;
mod function;
mod health;
pub mod limits;
mod notify;
mod receive;
mod transmit;

use core::fmt;
use core::time::Duration;

use defmt_or_log::debug;
use mmio::Clock;
use usb::bus::Candidate;
use usb::limits::DESCRIPTOR_TRIES;
use usb::{Data, Endpoint, Host, Pieces, Pipe, Setup, Speed, Target, TransferError, Way, request};

pub use device::{Attached, RxToken, TxToken, capabilities};
pub use function::{EcmError, Function, parse_mac};
pub use notify::Link;

use notify::Notify;
use receive::Receive;
use transmit::Transmit;

/// SET_ETHERNET_PACKET_FILTER (ECM 1.2, 6.2.4).
const SET_ETHERNET_PACKET_FILTER: u8 = 0x43;
/// All multicast, directed, broadcast (ECM 1.2, table 8): what is for us, and the groups that
/// smoltcp joins.
const PACKET_FILTER: u16 = 1 << 1 | 1 << 2 | 1 << 3;

/// What happened since the driver was made; devices come and go, the counts stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// USB transfers that brought something.
    pub transfers_in: u64,
    /// USB transfers that took a frame.
    pub transfers_out: u64,
    /// Receive transfers that failed.
    pub receive_errors: u64,
    /// Receive transfers with a length that no frame has; dropped.
    pub receive_frame_errors: u64,
    /// Frames lost since their transfer failed, or the device went away before it.
    pub send_errors: u64,
    /// Times that no transmit buffer was free when one was asked for.
    pub send_busy: u64,
    /// Halted endpoints that were brought back.
    pub recoveries: u64,
}

/// Why the device is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Receiving failed too often.
    Receive(TransferError),
    /// Sending failed too often.
    Send(TransferError),
    /// A halted endpoint could not be brought back.
    Recovery(TransferError),
    /// The device did not take a frame for this long, although its link is up.
    SendStuck(Duration),
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Receive(error) => write!(f, "receiving: {error}"),
            Self::Send(error) => write!(f, "sending: {error}"),
            Self::Recovery(error) => write!(f, "clearing a halt: {error}"),
            Self::SendStuck(after) => write!(f, "sending: stuck for {} ms", after.as_millis()),
        }
    }
}

/// Something that the owner of the driver should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The link changed.
    Link(Link),
    /// The device is lost: to be detached.
    Lost(Lost),
}

/// The device that the driver is attached to.
#[derive(Clone, Copy, Debug)]
struct Device {
    target: Target,
    function: Function,
    link: Link,
}

/// The driver: its buffers, and its device while there is one.
#[derive(Debug)]
pub struct Ecm {
    receive: Receive,
    transmit: Transmit,
    notify: Notify,
    device: Option<Device>,
    counters: Counters,
}

impl Ecm {
    /// Takes all buffers that the driver will ever need: 28.1 KiB.
    ///
    /// # Errors
    /// [`dma::NoMemory`].
    pub fn new<H: Host + ?Sized>(host: &mut H) -> Result<Self, dma::NoMemory> {
        Ok(Self {
            receive: Receive::new(host)?,
            transmit: Transmit::new(host)?,
            notify: Notify::new(host)?,
            device: None,
            counters: Counters::default(),
        })
    }

    /// What happened so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The link: down without a device, and up until a device says otherwise, since some never say
    /// anything.
    pub fn link(&self) -> Link {
        self.device.map_or(Link::Down, |device| device.link)
    }

    /// Brings the function of a device up, and begins to receive. Returns its Ethernet address: the
    /// device's own, or else `fallback`.
    ///
    /// # Errors
    /// [`EcmError`]: a request that the function can not do without failed, there is no address, or
    /// the driver still has buffers with the controller ([`Ecm::detach`] returned false).
    pub fn attach<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        clock: &mut dyn Clock,
        candidate: &Candidate<'_>,
        function: Function,
        fallback: Option<[u8; 6]>,
    ) -> Result<[u8; 6], EcmError> {
        let now = clock.now();
        if !self.detach(host, now) {
            return Err(EcmError::BuffersLent);
        }
        let target = candidate.target;
        request::control(
            host,
            clock,
            &target,
            Setup::set_configuration(function.configuration),
            Data::None,
        )?;
        let mut mac = None;
        for _ in 0..DESCRIPTOR_TRIES {
            mac = match request::string(host, clock, &target, function.mac_string) {
                Ok(text) => text.and_then(|text| parse_mac(&text)),
                Err(usb::bus::BusError::Transfer(TransferError::Disconnected)) => {
                    return Err(TransferError::Disconnected.into());
                }
                Err(_) => None,
            };
            if mac.is_some() {
                break;
            }
        }
        let mac = mac.or(fallback).ok_or(EcmError::NoAddress)?;
        // A device with one setting only may refuse to be told so.
        let setup = Setup::set_interface(function.data_interface, function.data_alternate);
        let set = request::control(host, clock, &target, setup, Data::None);
        if function.data_alternate == 0 {
            optional(set)?
        } else {
            set.map(drop)?
        };
        let setup = Setup::class_interface(
            SET_ETHERNET_PACKET_FILTER,
            PACKET_FILTER,
            function.control_interface,
        );
        optional(request::control(host, clock, &target, setup, Data::None))?;
        if let Err(error) = self.open(host, &target, &function) {
            self.detach(host, clock.now());
            return Err(error.into());
        }
        debug!(
            "cdc-ecm: configuration {}, setting {}, packets of {} bytes",
            function.configuration, function.data_alternate, function.bulk_in.max_packet
        );
        let link = Link::Up { bits_per_second: None };
        self.device = Some(Device { target, function, link });
        self.transmit.carrier = true;
        self.receive.look(host, clock.now(), &mut self.counters);
        Ok(mac)
    }

    /// Opens the pipes.
    fn open<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        target: &Target,
        function: &Function,
    ) -> Result<(), TransferError> {
        let receive = host.open(target, &function.bulk_in, Pieces::Whole)?;
        self.receive.pipe = Some(receive);
        let transmit = host.open(target, &function.bulk_out, pieces(target.speed))?;
        self.transmit.pipe = Some(transmit);
        // The device works without notifications; so a controller that has no channel left for them
        // is no obstacle.
        if let Some(endpoint) = function.notification.filter(Notify::suits)
            && let Ok(pipe) = host.open(target, &endpoint, Pieces::Whole)
        {
            self.notify.start(pipe, &endpoint, target.speed);
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
            self.counters.send_errors += 1;
            self.transmit.put_back(buffer);
        }
        if let Some(buffer) = release(host, now, &mut self.notify.pipe) {
            self.notify.put_back(buffer);
        }
        // All three, whatever the first one says.
        self.receive.reset() & self.transmit.reset(&mut self.counters) & self.notify.reset()
    }

    /// Ends all traffic, before the host controller is stopped: the device is told that no frame is
    /// for us, and frames that wait are dropped. Blocks for one control transfer.
    pub fn silence<H: Host + ?Sized>(&mut self, host: &mut H, clock: &mut dyn Clock) {
        let Some(Device { target, function, .. }) = self.device else { return };
        let setup =
            Setup::class_interface(SET_ETHERNET_PACKET_FILTER, 0, function.control_interface);
        // One that refuses has its transfers ended by the host alone.
        let _ = request::control(host, clock, &target, setup, Data::None);
        self.detach(host, clock.now());
    }

    /// Moves transfers and looks after the device. Blocks only to clear a halted endpoint: two
    /// short control transfers at most, and each at most every [`ERROR_REST`](limits::ERROR_REST).
    pub fn poll<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        clock: &mut dyn Clock,
        now: Duration,
    ) -> Option<Event> {
        self.receive.look(host, now, &mut self.counters);
        self.transmit.look(host, now, &mut self.counters);
        let device = self.device.as_mut()?;
        let link = self.notify.look(host, now, device.link);
        let changed = link != device.link;
        device.link = link;
        if changed {
            self.transmit.link_changed(now, link.is_up(), &mut self.counters);
        }
        let (target, function) = (device.target, device.function);
        if let Some(error) = self.receive.health.lost() {
            return Some(Event::Lost(Lost::Receive(error)));
        }
        if let Some(error) = self.transmit.health.lost() {
            return Some(Event::Lost(Lost::Send(error)));
        }
        if self.transmit.deadline().is_some_and(|deadline| now >= deadline) {
            return Some(Event::Lost(Lost::SendStuck(limits::SEND_MAX)));
        }
        if self.receive.health.needs_clearing(now) {
            let pipe = &mut self.receive.pipe;
            if let Err(error) =
                clear_halt(host, clock, &target, &function.bulk_in, Pieces::Whole, pipe)
            {
                return Some(Event::Lost(Lost::Recovery(error)));
            }
            self.receive.health.cleared();
            self.counters.recoveries += 1;
        }
        if self.transmit.health.needs_clearing(now) {
            let pipe = &mut self.transmit.pipe;
            let pieces = pieces(target.speed);
            if let Err(error) = clear_halt(host, clock, &target, &function.bulk_out, pieces, pipe) {
                return Some(Event::Lost(Lost::Recovery(error)));
            }
            self.transmit.health.cleared();
            self.counters.recoveries += 1;
        }
        changed.then_some(Event::Link(link))
    }

    /// When to poll next, if no transfer ends before; `None` if there is no device.
    pub fn next_deadline(&self, now: Duration) -> Option<Duration> {
        self.device?;
        let receive = self.receive.health.rests_until(now);
        let transmit = self.transmit.health.rests_until(now);
        let sent = self.transmit.deadline();
        let notify = self.notify.deadline(now);
        [receive, transmit, sent, notify].into_iter().flatten().min()
    }
}

/// How frames are cut on their way out. At full speed packet by packet: a controller may space out
/// the packets of a short transfer (QEMU: 250 us each).
fn pieces(speed: Speed) -> Pieces {
    if speed == Speed::High { Pieces::Whole } else { Pieces::Packet }
}

/// The result of a request that a device may refuse by a stall.
fn optional(result: Result<usize, TransferError>) -> Result<(), TransferError> {
    match result {
        Ok(_) | Err(TransferError::Stall) => Ok(()),
        Err(error) => Err(error),
    }
}

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
