//! What was found on the bus, and whether it is still there.

use core::fmt;

use heapless::{String, Vec};
use mmio::{Clock, Within};

use super::BusError;
use crate::hub::Hub;
use crate::limits::{DEVICES_MAX, PORT_CHECK_MAX, TOPOLOGY_BYTES_MAX};
use crate::{Host, Speed};

/// What became of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A hub; its ports were walked.
    Hub,
    /// A driver took it.
    Claimed,
    /// It came up, and no driver wanted it.
    Unclaimed,
    /// It did not come up.
    Failed(BusError),
}

/// A device's place on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// The hub, as an index into [`Topology::nodes`]; `None` at the root port.
    pub parent: Option<u8>,
    /// The port of that hub, from 1; the root port is 1.
    pub port: u8,
    /// The device's address; 0 if it did not come up.
    pub address: u8,
    /// Its speed, if it came up.
    pub speed: Speed,
    /// `idVendor`, if it came up.
    pub vendor: u16,
    /// `idProduct`, if it came up.
    pub product: u16,
    /// What became of it.
    pub state: State,
}

impl Node {
    /// A device of which only the place is known.
    pub(super) fn new(parent: Option<u8>, port: u8) -> Self {
        let state = State::Unclaimed;
        Self { parent, port, address: 0, speed: Speed::Full, vendor: 0, product: 0, state }
    }
}

/// The devices on the bus, as the last walk found them.
///
/// Prints as one line:
///
/// ```text
/// topology = "-" | place [ " +" count ]
/// place    = port ":(" device { " " place } ")"    the root port is 1; a hub's ports count from 1
/// device   = vendor ":" product                    four hexadecimal digits each
///          | "split"                               low or full speed behind a high-speed hub
///          | "failed"                              it did not come up; `Node::state` tells why
/// ```
///
/// `1:(0409:55aa 1:(0525:a4a2))` is QEMU's network adapter behind QEMU's hub; ` +2` at the end says
/// that two more devices were left out, since the bus has no room for them.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    nodes: Vec<Node, DEVICES_MAX>,
    /// Hubs, each with its index in `nodes`.
    hubs: Vec<(u8, Hub), DEVICES_MAX>,
    left_out: u8,
}

impl Topology {
    /// All devices, in the order of discovery: a hub comes before what is behind it.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Devices for which the bus had no room.
    pub fn left_out(&self) -> u8 {
        self.left_out
    }

    /// Devices that did not come up, with the reason.
    pub fn failures(&self) -> impl Iterator<Item = (&Node, BusError)> {
        self.nodes.iter().filter_map(|node| match node.state {
            State::Failed(error) => Some((node, error)),
            _ => None,
        })
    }

    /// The whole line as a string; it always fits.
    pub fn to_text(&self) -> String<TOPOLOGY_BYTES_MAX> {
        let mut text = String::new();
        // Cut off rather than lost, should the grammar ever outgrow the limit.
        let _ = fmt::write(&mut text, format_args!("{self}"));
        text
    }

    pub(super) fn is_full(&self) -> bool {
        self.nodes.is_full()
    }

    /// The address of the next device. Devices that failed keep theirs, so that the others have the
    /// same one whether a neighbour came up or not.
    pub(super) fn next_address(&self) -> u8 {
        self.nodes.len() as u8 + 1
    }

    /// Index of the node that was added last.
    pub(super) fn last_index(&self) -> u8 {
        self.nodes.len().saturating_sub(1) as u8
    }

    pub(super) fn add(&mut self, node: Node) -> Result<(), BusError> {
        self.nodes.push(node).map_err(|_| BusError::TooMany)
    }

    pub(super) fn add_hub(&mut self, node: Node, hub: Hub) -> Result<(), BusError> {
        self.add(Node { state: State::Hub, ..node })?;
        self.hubs.push((self.last_index(), hub)).map_err(|_| BusError::TooMany)
    }

    pub(super) fn note_failure(&mut self, node: Node, error: BusError) {
        if self.add(Node { state: State::Failed(error), ..node }).is_err() {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// True if the device with this address is reached through this port of the hub at this index.
    fn passes(&self, address: u8, hub: u8, port: u8) -> bool {
        let mut node = self.nodes.iter().find(|node| node.address == address);
        // A parent comes before its children, so the climb ends.
        while let Some(&Node { parent: Some(parent), port: own, .. }) = node {
            if (parent, own) == (hub, port) {
                return true;
            }
            node = self.nodes.get(usize::from(parent));
        }
        false
    }

    fn write_place(&self, f: &mut fmt::Formatter<'_>, index: u8) -> fmt::Result {
        let node = &self.nodes[usize::from(index)];
        write!(f, "{}:(", node.port)?;
        match node.state {
            State::Failed(BusError::NeedsSplit) => f.write_str("split")?,
            State::Failed(_) => f.write_str("failed")?,
            _ => write!(f, "{:04x}:{:04x}", node.vendor, node.product)?,
        }
        for (child, node) in (0..).zip(&self.nodes) {
            if node.parent == Some(index) {
                f.write_str(" ")?;
                self.write_place(f, child)?;
            }
        }
        f.write_str(")")
    }
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nodes.is_empty() {
            return f.write_str("-");
        }
        self.write_place(f, 0)?;
        if self.left_out > 0 { write!(f, " +{}", self.left_out) } else { Ok(()) }
    }
}

/// Looks after the bus between walks: a hub tells only those who ask that a device was unplugged
/// behind it.
///
/// Each look blocks for one short control transfer a port, for [`PORT_CHECK_MAX`] and one stage of
/// a transfer at most; to be done each [`PORT_CHECK_INTERVAL`](crate::limits::PORT_CHECK_INTERVAL).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    address: Option<u8>,
    turn: usize,
}

impl Watch {
    /// Watches the ports between the root and the device with this address, one port a look.
    pub fn over(address: u8) -> Self {
        Self { address: Some(address), turn: 0 }
    }

    /// Watches every port of every hub, all of them at each look: for a bus without anything in
    /// use.
    pub fn over_everything() -> Self {
        Self { address: None, turn: 0 }
    }

    /// True if there is nothing to watch: no hub is involved, and the root port tells by itself.
    pub fn is_idle(&self, topology: &Topology) -> bool {
        self.ports(topology).next().is_none()
    }

    /// Looks once: true if a device came or went since `topology` was walked.
    ///
    /// # Errors
    /// [`BusError`]: a hub no longer answers.
    pub fn look<H: Host + ?Sized>(
        &mut self,
        topology: &Topology,
        host: &mut H,
        clock: &mut dyn Clock,
    ) -> Result<bool, BusError> {
        let clock = &mut Within::new(clock, PORT_CHECK_MAX);
        if self.address.is_none() {
            for (hub, port) in self.ports(topology) {
                if hub.changed(host, clock, port)? {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        let Some((hub, port)) = self.ports(topology).nth(self.turn) else {
            self.turn = 0;
            return Ok(false);
        };
        self.turn = (self.turn + 1) % self.ports(topology).count();
        hub.changed(host, clock, port)
    }

    fn ports<'a>(&self, topology: &'a Topology) -> impl Iterator<Item = (&'a Hub, u8)> + use<'a> {
        let address = self.address;
        topology
            .hubs
            .iter()
            .flat_map(|(node, hub)| (1..=hub.ports()).map(move |port| (*node, hub, port)))
            .filter(move |&(node, _, port)| {
                address.is_none_or(|address| topology.passes(address, node, port))
            })
            .map(|(_, hub, port)| (hub, port))
    }
}
