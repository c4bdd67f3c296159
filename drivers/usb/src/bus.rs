//! Enumeration (USB 2.0, 9.1.2): from the root port, through hubs, to every device.
//!
//! [`enumerate`] gives each device its address, reads its descriptors, and offers it to a function
//! that may claim it: a driver that finds its interface in one of the [`Configurations`] sets the
//! configuration itself. Hubs are claimed by the walk. A device that does not come up is skipped,
//! and the [`Topology`] says why.
//!
//! Addresses are given in the order of discovery, depth first and ports in rising order, so that a
//! device that stays in its socket has the same address every time.

mod topology;

use core::fmt;

use defmt_or_log::debug;
use heapless::Vec;
use mmio::{Clock, TimedOut, Within, pause};

use crate::descriptor::{
    CONFIGURATION_HEADER_BYTES, Configuration, DescriptorError, DeviceDescriptor, class, kind,
};
use crate::hub::Hub;
use crate::limits::{
    CONFIGURATION_BYTES_MAX, CONFIGURATIONS_MAX, DESCRIPTOR_TRIES, DEVICE_TRIES, DEVICES_MAX,
    ENUMERATION_MAX, ENUMERATION_MAX_CLAIMED, HUB_DEPTH_MAX, SET_ADDRESS_RECOVERY,
};
use crate::request::{device_descriptor, read};
use crate::{Data, Host, Setup, Speed, Target, TransferError};

pub use topology::{Node, State, Topology, Watch};

/// Why a device did not come up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusError {
    /// A control transfer failed.
    Transfer(TransferError),
    /// The device says wrong things about itself.
    Descriptor(DescriptorError),
    /// Something did not happen in time.
    TimedOut(TimedOut),
    /// The device went away meanwhile.
    Unplugged,
    /// A hub answered the question for a port's status with fewer than four bytes.
    ShortStatus(usize),
    /// The port was reset, but the hub did not enable it.
    NotEnabled,
    /// A low- or full-speed device behind a high-speed hub.
    NeedsSplit,
    /// More hubs in a row than USB allows.
    TooDeep,
    /// The bus has no address left: [`DEVICES_MAX`] devices have one.
    TooMany,
}

impl fmt::Display for BusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transfer(error) => error.fmt(f),
            Self::Descriptor(error) => error.fmt(f),
            Self::TimedOut(error) => error.fmt(f),
            Self::Unplugged => f.write_str("unplugged"),
            Self::ShortStatus(bytes) => write!(f, "port status of {bytes} bytes"),
            Self::NotEnabled => f.write_str("the hub does not enable the port"),
            Self::NeedsSplit => TransferError::NeedsSplit.fmt(f),
            Self::TooDeep => write!(f, "behind more than {HUB_DEPTH_MAX} hubs"),
            Self::TooMany => write!(f, "more than {DEVICES_MAX} devices"),
        }
    }
}

impl core::error::Error for BusError {}

/// All configuration descriptors of a device, checked one by one.
#[derive(Clone, Debug, Default)]
pub struct Configurations {
    bytes: Vec<u8, CONFIGURATION_BYTES_MAX>,
    left_out: Option<DescriptorError>,
}

impl Configurations {
    /// The configurations, in the device's order.
    pub fn iter(&self) -> impl Iterator<Item = Configuration<'_>> {
        let mut rest = self.bytes.as_slice();
        core::iter::from_fn(move || {
            let configuration = Configuration::parse(rest).ok()?;
            rest = &rest[Configuration::total_length(rest).ok()?..];
            Some(configuration)
        })
    }

    /// What is wrong with the first configuration that was left out, if one was.
    pub fn left_out(&self) -> Option<DescriptorError> {
        self.left_out
    }

    /// Adds a configuration, which `bytes` begin with: `wTotalLength` of them.
    ///
    /// # Errors
    /// [`DescriptorError`]: what [`Configuration::parse`] finds wrong, or no room; then nothing is
    /// added.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), DescriptorError> {
        Configuration::parse(bytes)?;
        let total = Configuration::total_length(bytes)?;
        let whole = bytes.get(..total).unwrap_or(bytes);
        self.bytes.extend_from_slice(whole).map_err(|_| DescriptorError::TooLong {
            bytes: self.bytes.len() + total,
            limit: CONFIGURATION_BYTES_MAX,
        })
    }

    /// Reads the configurations of a device. One that says wrong things, however often it is asked,
    /// is left out as long as another is right; those after the first [`CONFIGURATIONS_MAX`] are
    /// not looked at.
    fn read<H: Host + ?Sized>(
        host: &mut H,
        clock: &mut dyn Clock,
        target: &Target,
        count: u8,
    ) -> Result<Self, BusError> {
        let mut all = Self::default();
        for index in 0..count.min(CONFIGURATIONS_MAX) {
            let mut result = all.read_one(host, clock, target, index);
            for _ in 1..DESCRIPTOR_TRIES {
                if matches!(result, Err(BusError::Descriptor(_))) {
                    result = all.read_one(host, clock, target, index);
                }
            }
            match result {
                Err(BusError::Descriptor(error)) => all.left_out = all.left_out.or(Some(error)),
                // Fewer than it promised.
                Err(BusError::Transfer(TransferError::Stall)) if index > 0 => break,
                result => result?,
            }
        }
        match all.left_out {
            Some(error) if all.bytes.is_empty() => Err(error.into()),
            _ => Ok(all),
        }
    }

    fn read_one<H: Host + ?Sized>(
        &mut self,
        host: &mut H,
        clock: &mut dyn Clock,
        target: &Target,
        index: u8,
    ) -> Result<(), BusError> {
        let get = |length| Setup::get_descriptor(kind::CONFIGURATION, index, 0, length);
        let mut head = [0; CONFIGURATION_HEADER_BYTES];
        let head = read(host, clock, target, get(head.len() as u16), &mut head)?;
        let total = Configuration::total_length(head)?;
        let start = self.bytes.len();
        self.bytes.resize(start + total, 0).map_err(|_| DescriptorError::TooLong {
            bytes: start + total,
            limit: CONFIGURATION_BYTES_MAX,
        })?;
        let got = read(host, clock, target, get(total as u16), &mut self.bytes[start..]);
        // The second answer may differ from the first: what counts is that it is right, and as long
        // as it says.
        let checked = got.map_err(BusError::from).and_then(|bytes| {
            Configuration::parse(bytes)?;
            Ok(Configuration::total_length(bytes)?)
        });
        self.bytes.truncate(start + checked.unwrap_or(0));
        checked.map(drop)
    }
}

/// A device that is offered to drivers: addressed, not configured.
#[derive(Debug)]
pub struct Candidate<'a> {
    /// Its control pipe.
    pub target: Target,
    /// What it is.
    pub descriptor: DeviceDescriptor,
    /// What it can be.
    pub configurations: &'a Configurations,
}

/// Walks the bus after [`RootPort::Ready`](crate::RootPort::Ready) with this speed.
///
/// `claim` is called for every device but hubs, and returns true if a driver took it. It may talk
/// to the device. All of it together takes no longer than [`ENUMERATION_MAX`] and one stage of a
/// control transfer, however slowly a device answers.
///
/// # Errors
/// [`BusError`] if the device at the root port does not come up: then there is no bus.
pub fn enumerate<H: Host + ?Sized>(
    host: &mut H,
    clock: &mut dyn Clock,
    speed: Speed,
    claim: &mut dyn FnMut(&mut H, &mut dyn Clock, &Candidate<'_>) -> bool,
) -> Result<Topology, BusError> {
    let start = clock.now();
    let mut clock = Within::new(clock, ENUMERATION_MAX);
    let mut topology = Topology::default();
    let mut walk: Vec<Level, HUB_DEPTH_MAX> = Vec::new();
    let mut claimed = false;
    let root = Node::new(None, 1);
    if let Found::Hub(hub) = come_up(host, &mut clock, speed, 0, &mut topology, root, claim)? {
        // The first of at least one.
        let _ = walk.push(Level { hub, node: 0, next_port: 1 });
    }
    // A level is left after its last port, and a port is looked at once: DEVICES_MAX hubs of
    // HUB_PORTS_MAX ports at most.
    while let Some(level) = walk.last_mut() {
        let (hub, parent, port) = (level.hub, level.node, level.next_port);
        if port > hub.ports() {
            walk.pop();
            continue;
        }
        level.next_port += 1;
        if !hub.has_device(port) {
            continue;
        }
        let now = clock.now();
        let node = Node::new(Some(parent), port);
        let found = if clock.deadline().is_some_and(|deadline| now >= deadline) {
            let waited = now.saturating_sub(start);
            Err(TimedOut { what: "enumeration of the bus", waited }.into())
        } else {
            behind_hub(host, &mut clock, &hub, walk.len(), &mut topology, node, claim)
        };
        if !claimed && topology.nodes().iter().any(|node| node.state == State::Claimed) {
            claimed = true;
            clock.shorten(ENUMERATION_MAX_CLAIMED);
        }
        match found {
            Ok(Found::Hub(hub)) => {
                let node = topology.last_index();
                // `behind_hub` refuses a hub that is too deep.
                let _ = walk.push(Level { hub, node, next_port: 1 });
            }
            Ok(Found::Device) => {}
            Err(BusError::Transfer(TransferError::Disconnected)) => {
                return Err(TransferError::Disconnected.into());
            }
            Err(error) => topology.note_failure(node, error),
        }
    }
    Ok(topology)
}

/// A hub whose ports the walk is at.
#[derive(Debug)]
struct Level {
    hub: Hub,
    /// The hub's place in the topology.
    node: u8,
    next_port: u8,
}

/// What came up.
enum Found {
    Hub(Hub),
    Device,
}

/// Brings up the device at a hub's port; twice, if it has to be. A device that fails is taken off
/// the bus.
fn behind_hub<H: Host + ?Sized>(
    host: &mut H,
    clock: &mut dyn Clock,
    hub: &Hub,
    depth: usize,
    topology: &mut Topology,
    node: Node,
    claim: &mut dyn FnMut(&mut H, &mut dyn Clock, &Candidate<'_>) -> bool,
) -> Result<Found, BusError> {
    if topology.is_full() {
        return Err(BusError::TooMany);
    }
    let mut tried = 1;
    loop {
        let result = hub.reset(host, clock, node.port).and_then(|speed| {
            if speed != Speed::High && hub.speed() == Speed::High {
                return Err(BusError::NeedsSplit);
            }
            come_up(host, clock, speed, depth, topology, node, claim)
        });
        let Err(error) = result else { return result };
        if error == BusError::Transfer(TransferError::Disconnected) {
            return Err(error);
        }
        // The device must not answer to address 0, or its own, when the next one comes up.
        hub.disable(host, clock, node.port)?;
        let hopeless = matches!(
            error,
            BusError::Unplugged | BusError::NeedsSplit | BusError::TooDeep | BusError::TooMany
        );
        if hopeless || tried >= DEVICE_TRIES {
            return Err(error);
        }
        tried += 1;
    }
}

/// Takes a device that listens at address 0 to where it is claimed or left alone, `depth` hubs
/// behind the root port. On success, and only then, it is in the topology, as its last node.
fn come_up<H: Host + ?Sized>(
    host: &mut H,
    clock: &mut dyn Clock,
    speed: Speed,
    depth: usize,
    topology: &mut Topology,
    node: Node,
    claim: &mut dyn FnMut(&mut H, &mut dyn Clock, &Candidate<'_>) -> bool,
) -> Result<Found, BusError> {
    let address = topology.next_address();
    let target = address_device(host, clock, speed, address)?;
    let descriptor = device_descriptor(host, clock, &target)?;
    let configurations = Configurations::read(host, clock, &target, descriptor.configurations)?;
    let node = Node {
        address,
        speed,
        vendor: descriptor.vendor,
        product: descriptor.product,
        state: State::Unclaimed,
        ..node
    };
    debug!("usb: address {} is {:04x}:{:04x}", address, node.vendor, node.product);
    let configuration = configurations.iter().next();
    if let (class::HUB, Some(configuration)) = (descriptor.class, configuration) {
        if depth >= HUB_DEPTH_MAX {
            return Err(BusError::TooDeep);
        }
        let mut hub = Hub::configure(host, clock, target, configuration.value)?;
        hub.settle(host, clock)?;
        topology.add_hub(node, hub)?;
        return Ok(Found::Hub(hub));
    }
    let candidate = Candidate { target, descriptor, configurations: &configurations };
    let state = if claim(host, clock, &candidate) { State::Claimed } else { State::Unclaimed };
    topology.add(Node { state, ..node })?;
    Ok(Found::Device)
}

/// Gives the device at address 0 its address.
fn address_device<H: Host + ?Sized>(
    host: &mut H,
    clock: &mut dyn Clock,
    speed: Speed,
    address: u8,
) -> Result<Target, BusError> {
    // Eight bytes fit into one packet of the smallest size; high-speed devices have 64 by
    // definition.
    let max_packet_0 = if speed == Speed::High { 64 } else { 8 };
    let new = Target { address: 0, speed, max_packet_0 };
    let mut bytes = [0; 8];
    let setup = Setup::get_descriptor(kind::DEVICE, 0, 0, bytes.len() as u16);
    let head = read(host, clock, &new, setup, &mut bytes)?;
    let max_packet_0 = DeviceDescriptor::max_packet_0(head, speed)?;
    let new = Target { max_packet_0, ..new };
    // Not tried again: after a lost answer the device listens elsewhere already. A reset of its
    // port is.
    host.control(clock, &new, Setup::set_address(address), Data::None)?;
    pause(clock, SET_ADDRESS_RECOVERY);
    Ok(Target { address, ..new })
}
