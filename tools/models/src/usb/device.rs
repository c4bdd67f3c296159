//! A device: chapter 9 of USB 2.0 around a [`Function`].
//!
//! Address, configuration, descriptors, halts and data toggles are kept here, the way a device
//! keeps them: a packet with the wrong toggle is acknowledged and dropped.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::control::{Setup, Stage};
use super::descriptors::endpoint_address;
use super::{Answer, Call, Descriptors, EndpointFacts, Kind, Moment, Peripheral};
use super::{Speed, Toggle, Token, Way};
use crate::Violation;
use crate::lies::Lie;

/// Time for a device to recover from its reset (USB 2.0, 7.1.7.5: TRSTRCY).
pub const RESET_RECOVERY: Duration = Duration::from_millis(10);
/// Time for a device to take its address (USB 2.0, 9.2.6.3).
pub const ADDRESS_RECOVERY: Duration = Duration::from_millis(2);

/// What a device is besides a USB device.
pub trait Function {
    /// The bus was reset, or the power failed.
    fn restart(&mut self) {}

    /// SET_CONFIGURATION.
    fn configured(&mut self, _now: Duration, _value: u8) {}

    /// SET_INTERFACE; also each interface's setting 0 at SET_CONFIGURATION.
    fn selected(&mut self, _interface: u8, _alternate: u8) {}

    /// A class or vendor request for data. `None` stalls.
    fn request_in(&mut self, _moment: &mut Moment<'_>, _setup: &Setup) -> Option<Vec<u8>> {
        None
    }

    /// A class or vendor request with or without data from the host. False stalls.
    fn request_out(&mut self, _moment: &mut Moment<'_>, _setup: &Setup, _data: &[u8]) -> bool {
        false
    }

    /// The next packet of an IN endpoint. `None` is NAK. It may come again until it is
    /// acknowledged.
    fn next_packet(&mut self, _now: Duration, _endpoint: &EndpointFacts) -> Option<Vec<u8>> {
        None
    }

    /// The packet was acknowledged.
    fn acknowledged(&mut self, _endpoint: &EndpointFacts, _packet: &[u8]) {}

    /// A packet for an OUT endpoint. Anything but [`Answer::Ack`] and [`Answer::Nyet`] refuses it.
    fn receive(&mut self, _endpoint: &EndpointFacts, _packet: &[u8]) -> Answer {
        Answer::Nak
    }
}

#[derive(Clone, Debug)]
pub(super) struct Pipe {
    pub(super) toggle: Toggle,
    pub(super) halted: bool,
    /// The packet that the host has not acknowledged yet.
    pending: Option<Vec<u8>>,
}

impl Pipe {
    /// As after SET_CONFIGURATION.
    pub(super) const fn fresh() -> Self {
        Self { toggle: Toggle::Data0, halted: false, pending: None }
    }
}

/// A device on the bus.
#[derive(Debug)]
pub struct Device<F> {
    pub(super) function: F,
    /// Descriptors at full speed and, if it can, at high speed.
    truth: (Descriptors, Option<Descriptors>),
    /// What it tells of them.
    pub(super) told: (Descriptors, Option<Descriptors>),
    pub(super) speed: Speed,
    address: u8,
    pub(super) configuration: u8,
    pub(super) settings: [u8; 16],
    stage: Stage,
    /// OUT endpoints, then IN endpoints.
    pub(super) pipes: [Pipe; 32],
    reset_at: Duration,
    addressed_at: Option<Duration>,
}

impl<F: Function> Device<F> {
    /// A device with these descriptors at full speed and, if it can, at high speed.
    pub fn new(function: F, full: Descriptors, high: Option<Descriptors>) -> Self {
        Self {
            function,
            truth: (full.clone(), high.clone()),
            told: (full, high),
            speed: Speed::Full,
            address: 0,
            configuration: 0,
            settings: [0; 16],
            stage: Stage::Idle,
            pipes: [const { Pipe::fresh() }; 32],
            reset_at: Duration::ZERO,
            addressed_at: None,
        }
    }

    /// The device, with descriptors that lie from now on.
    pub fn lying(mut self, lie: Lie) -> Self {
        lie.tell(&mut self.told.0);
        self.told.1.iter_mut().for_each(|told| lie.tell(told));
        self
    }

    /// The device as a port and a test can share it.
    pub fn share(self) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(self))
    }

    /// What it is besides a device.
    pub fn function(&mut self) -> &mut F {
        &mut self.function
    }

    /// What it is besides a device, to look at.
    pub fn function_ref(&self) -> &F {
        &self.function
    }

    /// Its address; 0 since the reset.
    pub fn address(&self) -> u8 {
        self.address
    }

    /// The speed that it runs at.
    pub fn speed(&self) -> Speed {
        self.speed
    }

    /// The configuration that the host chose; 0 is none.
    pub fn configuration(&self) -> u8 {
        self.configuration
    }

    pub(super) fn truth(&self) -> &Descriptors {
        match (&self.truth.1, self.speed) {
            (Some(high), Speed::High) => high,
            _ => &self.truth.0,
        }
    }

    /// The endpoint, if the present configuration and settings have it.
    pub(super) fn endpoint(&self, number: u8, way: Way) -> Option<EndpointFacts> {
        let address = endpoint_address(number, way);
        let setting = |interface: u8| self.settings[usize::from(interface & 15)];
        self.truth()
            .endpoints(self.configuration, setting)
            .into_iter()
            .find(|endpoint| endpoint.address == address)
    }

    pub(super) fn pipe(&mut self, number: u8, way: Way) -> &mut Pipe {
        let offset = if way == Way::In { 16 } else { 0 };
        &mut self.pipes[offset + usize::from(number & 15)]
    }

    pub(super) fn pipe_of(&mut self, address: u8) -> &mut Pipe {
        self.pipe(address & 15, if address & 0x80 == 0 { Way::Out } else { Way::In })
    }

    fn recovery(&mut self, moment: &mut Moment<'_>) {
        let after = moment.now.saturating_sub(self.reset_at);
        if after < RESET_RECOVERY {
            moment.note(Violation::NoResetRecovery { after });
        }
        if let Some(at) = self.addressed_at {
            let after = moment.now.saturating_sub(at);
            if after < ADDRESS_RECOVERY {
                moment.note(Violation::NoAddressRecovery { after });
            }
        }
    }

    fn setup(&mut self, moment: &mut Moment<'_>, bytes: &[u8]) -> Answer {
        let Some(setup) = Setup::parse(bytes) else { return Answer::Silence };
        for way in [Way::In, Way::Out] {
            self.pipe(0, way).toggle = Toggle::Data1;
        }
        let wanted = usize::from(setup.length);
        self.stage = if wanted == 0 {
            match self.carry_out(moment, &setup, &[]) {
                Some(address) => Stage::StatusIn { request: None, address },
                None => Stage::Stalled,
            }
        } else if setup.is_in() {
            match self.fetch(moment, &setup) {
                Some(mut data) => {
                    data.truncate(wanted);
                    Stage::DataIn { data, sent: 0, wanted }
                }
                None => Stage::Stalled,
            }
        } else {
            Stage::DataOut { setup, data: Vec::new() }
        };
        Answer::Ack
    }

    fn control_in(&mut self, moment: &mut Moment<'_>) -> Answer {
        let max_packet = usize::from(self.truth().max_packet_0());
        let toggle = self.pipe(0, Way::In).toggle;
        if let Stage::StatusIn { request, .. } = &mut self.stage
            && let Some((setup, data)) = request.take()
            && self.carry_out(moment, &setup, &data).is_none()
        {
            self.stage = Stage::Stalled;
        }
        match &self.stage {
            Stage::DataIn { .. } => {
                Answer::Data(toggle, self.stage.packet(max_packet).unwrap_or_default())
            }
            // A status stage is always DATA1 (USB 2.0, 8.5.3).
            Stage::StatusIn { .. } => Answer::Data(Toggle::Data1, Vec::new()),
            Stage::Stalled => Answer::Stall,
            Stage::Idle | Stage::DataOut { .. } | Stage::StatusOut => {
                moment.note(Violation::ControlOutOfPlace { address: self.address });
                Answer::Stall
            }
        }
    }

    fn control_out(&mut self, moment: &mut Moment<'_>, call: &Call<'_>, packet: &[u8]) -> Answer {
        let (address, toggle) = (self.address, self.pipe(0, Way::Out).toggle);
        let Token::Out(pid, _) = call.token else { return Answer::Silence };
        let in_step = !call.toggles_count || pid == toggle;
        match &mut self.stage {
            Stage::Stalled => return Answer::Stall,
            // The end of the data stage, by the host's will or ours: DATA1, no bytes.
            Stage::DataIn { .. } | Stage::StatusOut if packet.is_empty() => {
                if call.toggles_count && pid != Toggle::Data1 {
                    moment.note(Violation::DataToggle { address, endpoint: 0, way: Way::Out });
                }
                self.stage = Stage::Idle;
            }
            Stage::DataOut { setup, data } if in_step => {
                data.extend_from_slice(packet);
                let wanted = usize::from(setup.length);
                if data.len() > wanted {
                    self.stage = Stage::Stalled;
                    return Answer::Stall;
                }
                if data.len() == wanted {
                    let request = Some((*setup, std::mem::take(data)));
                    self.stage = Stage::StatusIn { request, address: None };
                }
                self.pipe(0, Way::Out).toggle = toggle.next();
            }
            // The host has not heard our ACK, and repeats the packet.
            _ if call.excused => {}
            Stage::DataOut { .. } => {
                moment.note(Violation::DataToggle { address, endpoint: 0, way: Way::Out });
            }
            _ => {
                moment.note(Violation::ControlOutOfPlace { address });
                return Answer::Stall;
            }
        }
        Answer::Ack
    }

    fn data_in(&mut self, moment: &mut Moment<'_>, endpoint: &EndpointFacts) -> Answer {
        let number = endpoint.address & 15;
        if self.pipe(number, Way::In).halted {
            return Answer::Stall;
        }
        if self.pipe(number, Way::In).pending.is_none() {
            let packet = self.function.next_packet(moment.now, endpoint);
            self.pipe(number, Way::In).pending = packet;
        }
        let pipe = self.pipe(number, Way::In);
        match &pipe.pending {
            Some(packet) => Answer::Data(pipe.toggle, packet.clone()),
            None => Answer::Nak,
        }
    }

    fn data_out(
        &mut self,
        moment: &mut Moment<'_>,
        call: &Call<'_>,
        endpoint: &EndpointFacts,
        (pid, packet): (Toggle, &[u8]),
    ) -> Answer {
        let pipe = self.pipe(call.endpoint, Way::Out);
        if pipe.halted {
            return Answer::Stall;
        }
        if call.toggles_count && pid != pipe.toggle {
            if !call.excused {
                let (address, endpoint) = (call.address, call.endpoint);
                moment.note(Violation::DataToggle { address, endpoint, way: Way::Out });
            }
            return Answer::Ack;
        }
        let answer = self.function.receive(endpoint, packet);
        if matches!(answer, Answer::Ack | Answer::Nyet) {
            let pipe = self.pipe(call.endpoint, Way::Out);
            pipe.toggle = pipe.toggle.next();
        }
        answer
    }

    /// Compares what the host takes an endpoint for with what it is.
    fn check(&self, moment: &mut Moment<'_>, call: &Call<'_>, is: Kind, max_packet: u16) {
        let (address, endpoint) = (call.address, call.endpoint);
        if call.kind != is {
            moment.note(Violation::EndpointKind { address, endpoint, is });
        }
        // At address 0 the host does not know the packet size yet.
        if call.max_packet != max_packet && address != 0 {
            let used = call.max_packet;
            moment.note(Violation::MaxPacket { address, endpoint, used, is: max_packet });
        }
    }
}

impl<F: Function> Peripheral for Device<F> {
    fn top_speed(&self) -> Speed {
        if self.truth.1.is_some() { Speed::High } else { Speed::Full }
    }

    fn reset(&mut self, moment: &mut Moment<'_>, port: Speed) -> Speed {
        self.unplugged();
        self.reset_at = moment.now;
        self.speed = self.top_speed().min(port);
        self.speed
    }

    fn unplugged(&mut self) {
        self.address = 0;
        self.addressed_at = None;
        self.stage = Stage::Idle;
        let _ = self.configure(Duration::ZERO, 0);
        self.function.restart();
    }

    fn call(&mut self, moment: &mut Moment<'_>, call: &Call<'_>) -> Option<Answer> {
        if call.address != self.address {
            return None;
        }
        self.recovery(moment);
        if call.endpoint == 0 {
            self.check(moment, call, Kind::Control, self.truth().max_packet_0());
            return Some(match call.token {
                Token::Setup(bytes) => self.setup(moment, bytes),
                Token::In => self.control_in(moment),
                Token::Out(_, packet) => self.control_out(moment, call, packet),
                Token::Ping => Answer::Ack,
            });
        }
        let way = call.token.way();
        let Some(endpoint) = self.endpoint(call.endpoint, way) else {
            let (address, endpoint) = (call.address, call.endpoint);
            moment.note(Violation::NoSuchEndpoint { address, endpoint, way });
            return Some(Answer::Silence);
        };
        self.check(moment, call, endpoint.kind, endpoint.max_packet);
        Some(match call.token {
            Token::In => self.data_in(moment, &endpoint),
            Token::Out(pid, packet) => self.data_out(moment, call, &endpoint, (pid, packet)),
            Token::Ping => Answer::Ack,
            Token::Setup(_) => Answer::Silence,
        })
    }

    fn acknowledge(&mut self, moment: &mut Moment<'_>, address: u8, endpoint: u8) {
        if address != self.address {
            return;
        }
        let facts = self.endpoint(endpoint, Way::In);
        let max_packet = usize::from(self.truth().max_packet_0());
        let pipe = self.pipe(endpoint, Way::In);
        if endpoint != 0 {
            if let (Some(packet), Some(facts)) = (pipe.pending.take(), facts) {
                pipe.toggle = pipe.toggle.next();
                self.function.acknowledged(&facts, &packet);
            }
            return;
        }
        pipe.toggle = pipe.toggle.next();
        if let Stage::StatusIn { address, .. } = self.stage {
            if let Some(address) = address {
                self.address = address;
                self.addressed_at = Some(moment.now);
            }
            self.stage = Stage::Idle;
        }
        self.stage.sent(max_packet);
    }

    fn halt(&mut self, address: u8, endpoint: u8, way: Way) {
        if address != self.address {
            return;
        }
        if endpoint == 0 {
            self.stage = Stage::Stalled;
        } else {
            self.pipe(endpoint, way).halted = true;
        }
    }

    fn reach(&self, address: u8) -> Option<(Speed, bool)> {
        (address == self.address).then_some((self.speed, true))
    }

    fn refuses(&self, address: u8) -> bool {
        address == self.address && self.stage == Stage::Stalled
    }
}
