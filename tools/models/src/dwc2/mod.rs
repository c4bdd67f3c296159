//! The register file of a DWC2 (Synopsys DWC OTG) as the Pi 3 has it: host mode, buffer DMA, 8
//! channels.
//!
//! A driver holds one handle as its [`mmio::Registers`], a test another one to plug devices in, to
//! let things go wrong, and to see which rules the driver broke. The model lives in virtual time:
//! what was due by now happens at the next access to a register.
//!
//! | file | what it has |
//! |---|---|
//! | `registers.rs` | the address map, and the registers of the core |
//! | `port.rs` | HPRT: power, connection, reset, changes |
//! | `channels.rs` | HCCHAR and its neighbours: what a driver may write, and when |
//! | `transfer.rs` | transactions: packets, toggles, retries, DMA |
//!
//! The manual is Synopsys' "DWC OTG databook"; where it is not public, what Linux's, U-Boot's and
//! other drivers rely on.

mod channels;
mod port;
mod registers;
mod transfer;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::Violation;
use crate::clock::VirtualClock;
use crate::faults::{Faults, TokenKind};
use crate::memory::Memory;
use crate::usb::{Plug, Way, note};

use channels::Channel;
use port::Port;
use registers::Global;

/// Host channels of the core.
pub const CHANNELS: usize = 8;
/// What one register access costs the CPU.
const ACCESS_TIME: Duration = Duration::from_nanos(100);
/// Packets that the trace keeps.
const TRACE_MAX: usize = 4096;

/// Which DWC2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The chip: things take time, an absent device is a transaction error, the core updates the
    /// PID.
    Hardware,
    /// QEMU's hcd-dwc2: transfers complete inside the write that starts them, an absent device is
    /// never reported, toggles do not count, the port is powered from the start, frame numbers
    /// jump.
    Qemu,
}

/// A transaction that took place, for tests that look at packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// When.
    pub at: Duration,
    /// Channel number.
    pub channel: usize,
    /// Device address.
    pub address: u8,
    /// Endpoint number.
    pub endpoint: u8,
    /// Kind of token.
    pub token: TokenKind,
    /// How it ended for the host.
    pub end: End,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// So many bytes were moved and acknowledged.
    Moved(usize),
    /// NAK.
    Nak,
    /// STALL.
    Stall,
    /// No answer.
    Silence,
    /// No device has the address.
    Absent,
    /// The device sent too much.
    Babble,
    /// A packet that the host had already; dropped.
    Repeated,
    /// DMA failed.
    Memory,
}

/// A handle of the model. Clones drive the same core.
#[derive(Clone)]
pub struct Dwc2(Rc<RefCell<Core>>);

impl std::fmt::Debug for Dwc2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let core = self.0.borrow();
        write!(f, "Dwc2({:?} at {:?}, port {:?})", core.mode, core.clock.peek(), core.port)
    }
}

impl Dwc2 {
    /// A core after power-on.
    pub fn new(mode: Mode, clock: &VirtualClock, memory: Arc<Memory>) -> Self {
        Self(Rc::new(RefCell::new(Core {
            mode,
            clock: clock.clone(),
            memory,
            global: Global::new(mode),
            port: Port::new(mode),
            channels: std::array::from_fn(|_| Channel::default()),
            faults: Faults::none(),
            violations: Vec::new(),
            bus_free: Duration::ZERO,
            served: 0,
            lost: Vec::new(),
            powered: true,
            trace: VecDeque::new(),
        })))
    }

    /// Plugs a device into the root port.
    pub fn attach(&self, plug: Plug) {
        let mut core = self.0.borrow_mut();
        let now = core.catch_up();
        core.port.attach(now, plug);
    }

    /// Pulls out what is in the root port.
    pub fn detach(&self) -> Option<Plug> {
        let mut core = self.0.borrow_mut();
        let now = core.catch_up();
        core.port.detach(now)
    }

    /// True if something is plugged into the root port: a fault may have pulled it.
    pub fn occupied(&self) -> bool {
        self.0.borrow().port.plug().is_some()
    }

    /// Sets what goes wrong from now on, and returns what was set before.
    pub fn set_faults(&self, faults: Faults) -> Faults {
        std::mem::replace(&mut self.0.borrow_mut().faults, faults)
    }

    /// How many of the present faults happened.
    pub fn faults_injected(&self) -> usize {
        self.0.borrow().faults.injected()
    }

    /// The rules that the driver broke so far.
    pub fn violations(&self) -> Vec<Violation> {
        let mut core = self.0.borrow_mut();
        core.catch_up();
        core.violations.clone()
    }

    /// Takes the list of broken rules, which is empty after that.
    pub fn take_violations(&self) -> Vec<Violation> {
        let mut core = self.0.borrow_mut();
        core.catch_up();
        std::mem::take(&mut core.violations)
    }

    /// The interrupt line.
    pub fn interrupt(&self) -> bool {
        let mut core = self.0.borrow_mut();
        core.catch_up();
        core.interrupt()
    }

    /// Takes the last packets, oldest first.
    pub fn take_trace(&self) -> Vec<Packet> {
        let mut core = self.0.borrow_mut();
        core.catch_up();
        core.trace.drain(..).collect()
    }

    /// From now on this channel, if it is enabled, neither moves nor halts: only a core reset frees
    /// it.
    pub fn jam(&self, channel: usize) {
        let mut core = self.0.borrow_mut();
        core.catch_up();
        core.channels[channel].jam();
    }

    /// Switches the core's power, as the mailbox of a board does. Off, it forgets everything and
    /// the device loses its bus; on, it is as after power-on.
    pub fn set_power(&self, on: bool) {
        let mut core = self.0.borrow_mut();
        core.catch_up();
        core.switch_core_power(on);
    }

    /// Noise: the port disables itself, the device stays.
    pub fn drop_port(&self) {
        let mut core = self.0.borrow_mut();
        let now = core.catch_up();
        core.port.disable(now);
    }
}

impl mmio::Registers for Dwc2 {
    fn read_raw(&mut self, offset: usize) -> u32 {
        let mut core = self.0.borrow_mut();
        core.clock.advance(ACCESS_TIME);
        let now = core.catch_up();
        core.read(now, offset)
    }

    fn write_raw(&mut self, offset: usize, value: u32) {
        let mut core = self.0.borrow_mut();
        core.clock.advance(ACCESS_TIME);
        let now = core.catch_up();
        core.write(now, offset, value);
    }
}

/// The core behind the handles.
struct Core {
    mode: Mode,
    clock: VirtualClock,
    memory: Arc<Memory>,
    global: Global,
    port: Port,
    channels: [Channel; CHANNELS],
    faults: Faults,
    violations: Vec<Violation>,
    /// When the last transaction ends.
    bus_free: Duration,
    /// The channel that had the bus last.
    served: usize,
    /// Endpoints whose last handshake was lost.
    lost: Vec<(u8, u8, Way)>,
    powered: bool,
    trace: VecDeque<Packet>,
}

/// What can happen by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Port,
    Halt(usize),
    Transaction(usize),
}

impl Core {
    fn note(&mut self, violation: Violation) {
        note(&mut self.violations, violation);
    }

    /// Lets happen all that was due by now, in order, and returns the time.
    fn catch_up(&mut self) -> Duration {
        let now = self.clock.peek();
        while let Some((at, event)) = self.next_event()
            && at <= now
        {
            match event {
                Event::Port => self.port_event(at),
                Event::Halt(channel) => self.halt(channel, 0),
                Event::Transaction(channel) => {
                    self.served = channel;
                    self.transact(channel, at);
                }
            }
        }
        now
    }

    /// What happens first. Channels of the same time take turns.
    fn next_event(&self) -> Option<(Duration, Event)> {
        let mut first = self.port.next_event().map(|at| (at, Event::Port));
        let mut consider = |at: Duration, event| {
            if first.is_none_or(|(other, _)| at < other) {
                first = Some((at, event));
            }
        };
        for turn in 1..=CHANNELS {
            let index = (self.served + turn) % CHANNELS;
            let channel = &self.channels[index];
            if let Some(at) = channel.halting() {
                consider(at, Event::Halt(index));
            } else if let Some(at) = channel.ready()
                && self.port.enabled()
                && self.global.runs()
            {
                consider(at.max(self.bus_free) + transfer::TOKEN_TIME, Event::Transaction(index));
            }
        }
        first
    }

    fn trace(&mut self, packet: Packet) {
        if self.trace.len() >= TRACE_MAX {
            self.trace.pop_front();
        }
        self.trace.push_back(packet);
    }
}
