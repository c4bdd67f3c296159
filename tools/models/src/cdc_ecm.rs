//! CDC Ethernet: QEMU's `usb-net` (0525:a4a2), and a high-speed adapter that says more.
//!
//! Both have two configurations, and the first one is not the one that a CDC-ECM driver wants. The
//! data interface has no endpoints until its setting 1 is selected. Frames go one a transfer and
//! end with a short packet, which is an empty one after a multiple of the packet size (CDC ECM 1.2,
//! 3.3.1).

use std::collections::VecDeque;
use std::time::Duration;

use crate::usb::{Answer, Descriptors, Device, EndpointFacts, Function, Kind, Moment, Setup};
use crate::usb::{configuration, endpoint, languages, string};

/// `bConfigurationValue` of the CDC-ECM configuration; RNDIS has the other.
pub const CONFIGURATION_ECM: u8 = 1;
const CONFIGURATION_RNDIS: u8 = 2;
/// `bInterfaceNumber` of the data interface.
const DATA_INTERFACE: u8 = 1;
/// The longest frame that is taken from the host.
pub const FRAME_BYTES_MAX: usize = 1518;
/// The most frames kept in one direction.
pub const FRAMES_MAX: usize = 4096;
/// What the device says is the host's MAC address.
pub const MAC: &str = "525400123456";

// Class requests (CDC PSTN/ECM: table 6) and notifications (table 8).
const SET_ETHERNET_PACKET_FILTER: u8 = 0x43;
const NETWORK_CONNECTION: u8 = 0x00;
const CONNECTION_SPEED_CHANGE: u8 = 0x2a;

/// A CDC Ethernet device.
pub type CdcEcm = Device<Ecm>;

/// The Ethernet function.
#[derive(Debug, Default)]
pub struct Ecm {
    to_host: VecDeque<Vec<u8>>,
    /// Bytes of the first frame to the host that it has.
    sent: usize,
    from_host: VecDeque<Vec<u8>>,
    /// Packets of the frame that is coming.
    coming: Vec<u8>,
    notes: VecDeque<Vec<u8>>,
    /// Whether it speaks up on the notification endpoint, and knows SET_ETHERNET_PACKET_FILTER.
    talkative: bool,
    link_up: bool,
    active: bool,
    packet_filter: Option<u16>,
    overlong: usize,
}

impl CdcEcm {
    /// QEMU's: full speed, no notifications, and no packet filter (it stalls the request).
    pub fn qemu() -> Self {
        Self::new(Ecm { link_up: true, ..Ecm::default() }, descriptors(64, 32), None)
    }

    /// An adapter as shops sell it: high speed where the port can, tells its link state and speed,
    /// has a packet filter.
    pub fn dongle() -> Self {
        let function = Ecm { link_up: true, talkative: true, ..Ecm::default() };
        Self::new(function, descriptors(64, 32), Some(descriptors(512, 9)))
    }
}

impl Ecm {
    /// Queues a frame for the host.
    pub fn send(&mut self, frame: &[u8]) {
        if self.to_host.len() < FRAMES_MAX {
            self.to_host.push_back(frame.to_vec());
        }
    }

    /// How many frames still wait for the host.
    pub fn waiting(&self) -> usize {
        self.to_host.len()
    }

    /// Drops all that waits for the host but the first frame, which may be under way already.
    pub fn forget(&mut self) {
        self.to_host.truncate(1);
    }

    /// The next frame from the host.
    pub fn received(&mut self) -> Option<Vec<u8>> {
        self.from_host.pop_front()
    }

    /// Frames that were longer than [`FRAME_BYTES_MAX`] and thrown away.
    pub fn overlong(&self) -> usize {
        self.overlong
    }

    /// The last `wValue` of SET_ETHERNET_PACKET_FILTER.
    pub fn packet_filter(&self) -> Option<u16> {
        self.packet_filter
    }

    /// Plugs or unplugs the Ethernet cable.
    pub fn set_link(&mut self, up: bool) {
        self.link_up = up;
        self.tell();
    }

    /// True once the data interface is in its setting with endpoints.
    pub fn active(&self) -> bool {
        self.active
    }

    fn tell(&mut self) {
        if !self.talkative || !self.active {
            return;
        }
        let up = u8::from(self.link_up);
        if self.link_up {
            let mut speed = vec![0xa1, CONNECTION_SPEED_CHANGE, 0, 0, 0, 0, 8, 0];
            speed.extend_from_slice(&[100_000_000_u32.to_le_bytes(); 2].concat());
            self.notes.push_back(speed);
        }
        self.notes.push_back(vec![0xa1, NETWORK_CONNECTION, up, 0, 0, 0, 0, 0]);
    }
}

impl Function for Ecm {
    fn restart(&mut self) {
        self.active = false;
        self.sent = 0;
        self.coming.clear();
        self.notes.clear();
        self.packet_filter = None;
    }

    fn configured(&mut self, _now: Duration, _value: u8) {
        self.restart();
    }

    fn selected(&mut self, interface: u8, alternate: u8) {
        if interface == DATA_INTERFACE {
            self.active = alternate == 1;
            self.sent = 0;
            self.coming.clear();
            self.tell();
        }
    }

    fn request_out(&mut self, _moment: &mut Moment<'_>, setup: &Setup, _data: &[u8]) -> bool {
        let known = setup.request_type == 0x21
            && setup.request == SET_ETHERNET_PACKET_FILTER
            && self.talkative;
        if known {
            self.packet_filter = Some(setup.value);
        }
        known
    }

    fn next_packet(&mut self, _now: Duration, endpoint: &EndpointFacts) -> Option<Vec<u8>> {
        if endpoint.kind == Kind::Interrupt {
            return self.notes.front().cloned();
        }
        if !self.active {
            return None;
        }
        let left = &self.to_host.front()?[self.sent..];
        Some(left[..left.len().min(endpoint.max_packet.into())].to_vec())
    }

    fn acknowledged(&mut self, endpoint: &EndpointFacts, packet: &[u8]) {
        if endpoint.kind == Kind::Interrupt {
            self.notes.pop_front();
            return;
        }
        self.sent += packet.len();
        if packet.len() < endpoint.max_packet.into() {
            self.to_host.pop_front();
            self.sent = 0;
        }
    }

    fn receive(&mut self, endpoint: &EndpointFacts, packet: &[u8]) -> Answer {
        if !self.active || self.from_host.len() >= FRAMES_MAX {
            return Answer::Nak;
        }
        self.coming.extend_from_slice(packet);
        if packet.len() < endpoint.max_packet.into() {
            let frame = std::mem::take(&mut self.coming);
            if frame.len() > FRAME_BYTES_MAX {
                self.overlong += 1;
            } else if !frame.is_empty() {
                self.from_host.push_back(frame);
            }
        } else if self.coming.len() > 2 * FRAME_BYTES_MAX {
            self.overlong += 1;
            self.coming.clear();
        }
        Answer::Ack
    }
}

/// The descriptors, with bulk packets of `bulk` bytes and notifications every `interval`.
fn descriptors(bulk: u16, interval: u8) -> Descriptors {
    let device =
        vec![18, 1, 0x00, 0x02, 2, 0, 0, 64, 0x25, 0x05, 0xa2, 0xa4, 0x00, 0x00, 1, 2, 10, 2];
    let notification = endpoint(0x81, 3, 16, interval);
    let (bulk_in, bulk_out) = (endpoint(0x82, 2, bulk, 0), endpoint(0x02, 2, bulk, 0));
    // Header and union, which both configurations have (CDC 1.2, 5.2.3).
    let (header, union) = ([5, 0x24, 0, 0x10, 0x01], [5, 0x24, 6, 0, DATA_INTERFACE]);
    let rndis = configuration(
        2,
        CONFIGURATION_RNDIS,
        9,
        &[
            &[9, 4, 0, 0, 1, 2, 2, 0xff, 6],
            &header,
            &[5, 0x24, 1, 0, 1],
            &[4, 0x24, 2, 0],
            &union,
            &notification,
            &[9, 4, 1, 0, 2, 10, 0, 0, 4],
            &bulk_in,
            &bulk_out,
        ],
    );
    // iMACAddress 3, no statistics, wMaxSegmentSize 1514, no filters (CDC ECM 1.2, 5.4).
    let ethernet = [13, 0x24, 15, 3, 0, 0, 0, 0, 0xea, 0x05, 0, 0, 0];
    let ecm = configuration(
        2,
        CONFIGURATION_ECM,
        7,
        &[
            &[9, 4, 0, 0, 1, 2, 6, 0, 5],
            &header,
            &union,
            &ethernet,
            &notification,
            &[9, 4, 1, 0, 0, 10, 0, 0, 0],
            &[9, 4, 1, 1, 2, 10, 0, 0, 4],
            &bulk_in,
            &bulk_out,
        ],
    );
    let texts = [
        "models",
        "USB Ethernet",
        MAC,
        "data",
        "control",
        "RNDIS control",
        "CDC",
        "",
        "RNDIS",
        "1",
    ];
    let mut strings = vec![(0, languages())];
    strings.extend((1..).zip(texts.map(string)));
    Descriptors { device, configurations: vec![rndis, ecm], strings }
}
