//! Hubs (USB 2.0, chapter 11): a device of their own, and a way to others.

mod ports;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::Violation;
use crate::usb::{Answer, Call, Descriptors, Device, Moment, Peripheral, Plug, Speed, Way};
use crate::usb::{configuration, endpoint, languages, string};

pub use ports::{Ports, RESET_TIME};

/// A hub and all that is plugged into it.
#[derive(Debug)]
pub struct Hub {
    core: Device<Ports>,
}

impl Hub {
    /// A full-speed hub with eight ports, as QEMU has it (0409:55aa), except that its ports want to
    /// be powered first.
    pub fn full_speed() -> Self {
        let device =
            vec![18, 1, 0x10, 0x01, 9, 0, 0, 8, 0x09, 0x04, 0xaa, 0x55, 0x01, 0x01, 1, 2, 0, 1];
        let interface = [9, 4, 0, 0, 1, 9, 0, 0, 0];
        let full = Descriptors {
            device,
            configurations: vec![configuration(
                1,
                1,
                0,
                &[&interface, &endpoint(0x81, 3, 2, 0xff)],
            )],
            strings: vec![(0, languages()), (1, string("models")), (2, string("USB hub"))],
        };
        let hub = vec![0x0b, 0x29, 8, 0x0a, 0, 1, 0, 0, 0, 0xff, 0xff];
        Self { core: Device::new(Ports::new(hub), full, None) }
    }

    /// The hub of a LAN9514 (0424:9514): high speed, five ports, the first of them wired to the
    /// Ethernet function. Descriptors as a Pi 3 shows them.
    pub fn lan9514() -> Self {
        let device = |protocol| {
            vec![
                18, 1, 0x00, 0x02, 9, 0, protocol, 64, 0x24, 0x04, 0x14, 0x95, 0x00, 0x02, 0, 0, 0,
                1,
            ]
        };
        let interface = |alternate, protocol| [9, 4, 0, alternate, 1, 9, 0, protocol, 0];
        let full = Descriptors {
            device: device(0),
            configurations: vec![configuration(
                1,
                1,
                0,
                &[&interface(0, 0), &endpoint(0x81, 3, 1, 255)],
            )],
            strings: Vec::new(),
        };
        let high = Descriptors {
            device: device(2),
            configurations: vec![configuration(
                1,
                1,
                0,
                &[
                    &interface(0, 1),
                    &endpoint(0x81, 3, 1, 12),
                    &interface(1, 2),
                    &endpoint(0x81, 3, 1, 12),
                ],
            )],
            strings: Vec::new(),
        };
        let hub = vec![0x09, 0x29, 5, 0x0d, 0, 50, 1, 0x02, 0xff];
        Self { core: Device::new(Ports::new(hub), full, Some(high)) }
    }

    /// The hub, with another hub descriptor: what it says of itself need not be true.
    pub fn saying(mut self, hub_descriptor: &[u8]) -> Self {
        self.core.function().say(hub_descriptor);
        self
    }

    /// The hub as a port and a test can share it.
    pub fn share(self) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(self))
    }

    /// Plugs a device into `port`, counted from 1.
    ///
    /// # Panics
    /// If there is no such port.
    pub fn attach(&mut self, port: u8, plug: Plug) {
        self.core.function().attach(port, plug);
    }

    /// Pulls out what is in `port`, counted from 1.
    pub fn detach(&mut self, port: u8) -> Option<Plug> {
        self.core.function().detach(port)
    }

    /// The hub as a device.
    pub fn device(&mut self) -> &mut Device<Ports> {
        &mut self.core
    }

    /// The devices that hear what the host sends.
    fn below(&self) -> impl Iterator<Item = &Plug> {
        self.core.function_ref().enabled()
    }

    /// True if a device of this speed needs split transactions here.
    fn splits(&self, speed: Speed) -> bool {
        self.core.speed() == Speed::High && speed != Speed::High
    }
}

impl Peripheral for Hub {
    fn top_speed(&self) -> Speed {
        self.core.top_speed()
    }

    fn reset(&mut self, moment: &mut Moment<'_>, port: Speed) -> Speed {
        let speed = self.core.reset(moment, port);
        self.core.function().run_at(speed);
        speed
    }

    fn unplugged(&mut self) {
        self.core.unplugged();
    }

    fn call(&mut self, moment: &mut Moment<'_>, call: &Call<'_>) -> Option<Answer> {
        self.core.function().advance(moment);
        let mut answer = self.core.call(moment, call);
        for child in self.below() {
            let reach = child.borrow().reach(call.address);
            if reach.is_none_or(|(speed, direct)| !direct || self.splits(speed)) {
                continue;
            }
            let other = child.borrow_mut().call(moment, call);
            if answer.is_some() && other.is_some() {
                moment.note(Violation::TwoAnswers { address: call.address });
            }
            answer = answer.or(other);
        }
        answer
    }

    fn acknowledge(&mut self, moment: &mut Moment<'_>, address: u8, endpoint: u8) {
        self.core.acknowledge(moment, address, endpoint);
        for child in self.below() {
            child.borrow_mut().acknowledge(moment, address, endpoint);
        }
    }

    fn halt(&mut self, address: u8, endpoint: u8, way: Way) {
        self.core.halt(address, endpoint, way);
        self.below().for_each(|child| child.borrow_mut().halt(address, endpoint, way));
    }

    fn reach(&self, address: u8) -> Option<(Speed, bool)> {
        self.core.reach(address).or_else(|| {
            let (speed, direct) = self.below().find_map(|child| child.borrow().reach(address))?;
            Some((speed, direct && !self.splits(speed)))
        })
    }

    fn refuses(&self, address: u8) -> bool {
        self.core.refuses(address) || self.below().any(|child| child.borrow().refuses(address))
    }
}

/// The time at which power on a hub's port is good, after it was switched on.
fn power_good(hub_descriptor: &[u8]) -> Duration {
    // bPwrOn2PwrGood counts 2 ms (USB 2.0, table 11-13).
    Duration::from_millis(2 * u64::from(hub_descriptor[5]))
}
