//! Hub and chip on the bus model, token by token.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::Violation;
use crate::hub::Hub;
use crate::usb::{Answer, Call, Kind, Moment, Peripheral, Toggle, Token};

/// The smallest host: one transaction after the other, toggles as they should be.
struct Host {
    hub: Rc<RefCell<Hub>>,
    now: Duration,
    violations: Vec<Violation>,
    toggles: [[Toggle; 2]; 4],
}

impl Host {
    fn new(hub: Rc<RefCell<Hub>>) -> Self {
        let mut host = Self {
            hub,
            now: Duration::from_secs(1),
            violations: Vec::new(),
            toggles: [[Toggle::Data0; 2]; 4],
        };
        let mut moment = Moment { now: host.now, violations: &mut host.violations };
        let speed = host.hub.borrow_mut().reset(&mut moment, Speed::High);
        assert_eq!(speed, Speed::High);
        host.wait(20);
        host
    }

    fn wait(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }

    fn call(&mut self, address: u8, endpoint: u8, token: Token<'_>) -> Answer {
        self.now += Duration::from_micros(10);
        let (kind, max_packet) = match endpoint {
            0 => (Kind::Control, 64),
            3 => (Kind::Interrupt, 16),
            _ => (Kind::Bulk, 512),
        };
        let (excused, toggles_count) = (false, true);
        let call = Call { address, endpoint, token, kind, max_packet, excused, toggles_count };
        let mut moment = Moment { now: self.now, violations: &mut self.violations };
        let mut hub = self.hub.borrow_mut();
        let answer = hub.call(&mut moment, &call).unwrap_or(Answer::Silence);
        if let Answer::Data(..) = answer {
            hub.acknowledge(&mut moment, address, endpoint);
        }
        answer
    }

    fn control(&mut self, address: u8, setup: [u8; 8], data: &[u8]) -> Option<Vec<u8>> {
        assert_eq!(self.call(address, 0, Token::Setup(&setup)), Answer::Ack);
        let wanted = usize::from(u16::from_le_bytes([setup[6], setup[7]]));
        let mut bytes = Vec::new();
        if setup[0] & 0x80 != 0 && wanted > 0 {
            let mut toggle = Toggle::Data1;
            loop {
                let Answer::Data(pid, packet) = self.call(address, 0, Token::In) else {
                    return None;
                };
                assert_eq!(pid, toggle);
                toggle = toggle.next();
                bytes.extend_from_slice(&packet);
                if packet.len() < 64 || bytes.len() >= wanted {
                    break;
                }
            }
            assert_eq!(self.call(address, 0, Token::Out(Toggle::Data1, &[])), Answer::Ack);
        } else {
            if !data.is_empty() {
                assert_eq!(self.call(address, 0, Token::Out(Toggle::Data1, data)), Answer::Ack);
            }
            let status = self.call(address, 0, Token::In);
            if status == Answer::Stall {
                return None;
            }
            assert_eq!(status, Answer::Data(Toggle::Data1, Vec::new()));
        }
        Some(bytes)
    }

    fn set_address(&mut self, address: u8) {
        assert!(self.control(0, [0, 5, address, 0, 0, 0, 0, 0], &[]).is_some());
        self.wait(3);
    }

    fn write(&mut self, offset: u16, value: u32) {
        let [low, high] = offset.to_le_bytes();
        let done = self.control(2, [0x40, 0xa0, 0, 0, low, high, 4, 0], &value.to_le_bytes());
        assert!(done.is_some());
    }

    fn read(&mut self, offset: u16) -> u32 {
        let [low, high] = offset.to_le_bytes();
        let bytes = self.control(2, [0xc0, 0xa1, 0, 0, low, high, 4, 0], &[]).unwrap();
        u32::from_le_bytes(bytes.try_into().unwrap())
    }

    fn data_in(&mut self, endpoint: u8) -> Option<Vec<u8>> {
        match self.call(2, endpoint, Token::In) {
            Answer::Data(toggle, packet) => {
                let expected = &mut self.toggles[usize::from(endpoint)][1];
                assert_eq!(toggle, *expected);
                *expected = expected.next();
                Some(packet)
            }
            Answer::Nak => None,
            other => panic!("{other:?}"),
        }
    }

    fn data_out(&mut self, packet: &[u8]) -> Answer {
        let toggle = self.toggles[2][0];
        let answer = self.call(2, 2, Token::Out(toggle, packet));
        self.toggles[2][0] = toggle.next();
        answer
    }
}

/// The hub at address 1 and the chip at 2, both configured.
fn enumerate(chip: Rc<RefCell<Lan9514>>) -> Host {
    let hub = Hub::lan9514().share();
    hub.borrow_mut().attach(1, chip);
    let mut host = Host::new(hub);
    let device = host.control(0, [0x80, 6, 0, 1, 0, 0, 18, 0], &[]).unwrap();
    assert_eq!(device[8..12], [0x24, 0x04, 0x14, 0x95], "0424:9514");
    host.set_address(1);
    assert!(host.control(1, [0, 9, 1, 0, 0, 0, 0, 0], &[]).is_some());
    // SET_FEATURE(PORT_POWER) and, after power is good and stable, PORT_RESET of port 1.
    assert!(host.control(1, [0x23, 3, 8, 0, 1, 0, 0, 0], &[]).is_some());
    // A hub notices at the end of its power-on time; from then on the connection has to be stable.
    for _ in 0..30 {
        host.wait(10);
        assert!(host.control(1, [0xa3, 0, 0, 0, 1, 0, 4, 0], &[]).is_some());
    }
    let status = host.control(1, [0xa3, 0, 0, 0, 1, 0, 4, 0], &[]).unwrap();
    assert_eq!(status[0] & 1, 1, "connected");
    assert!(host.control(1, [0x23, 3, 4, 0, 1, 0, 0, 0], &[]).is_some());
    host.wait(50);
    let status = host.control(1, [0xa3, 0, 0, 0, 1, 0, 4, 0], &[]).unwrap();
    assert_eq!((status[0] & 0x13, status[1] & 4), (3, 4), "enabled, high speed");
    assert!(host.control(1, [0x23, 1, 20, 0, 1, 0, 0, 0], &[]).is_some());
    host.wait(20);
    let device = host.control(0, [0x80, 6, 0, 1, 0, 0, 18, 0], &[]).unwrap();
    assert_eq!(device[8..12], [0x24, 0x04, 0x00, 0xec], "0424:ec00");
    host.set_address(2);
    assert!(host.control(2, [0, 9, 1, 0, 0, 0, 0, 0], &[]).is_some());
    host
}

#[test]
fn behind_its_hub_the_chip_is_found_and_moves_frames() {
    let chip = Lan9514::of(Settings::default()).share();
    let mut host = enumerate(chip.clone());
    assert_eq!(host.read(0), 0xec00_0002);
    host.wait(400);
    for (offset, value) in [(0x014, 0x1022), (0x038, 0x25), (0x068, 0x8000), (0x010, 4)] {
        host.write(offset, value);
    }
    host.write(0x108, 0x12eb_27b8);
    host.write(0x104, 0x5634);
    host.write(0x100, 0x0010_000c);

    // Three frames in one burst, two packets and a short one.
    assert_eq!(host.data_in(1), None);
    (0..3).for_each(|_| chip.borrow_mut().function().frame_from_wire(&frame(400)));
    host.wait(1);
    let mut burst = Vec::new();
    while let Some(packet) = host.data_in(1) {
        burst.extend_from_slice(&packet);
    }
    assert_eq!(split(&burst, 0).len(), 3);

    // A transfer of 1024 bytes and its empty packet.
    let out = command(&frame(1016), 0);
    for packet in [&out[..512], &out[512..], &[]] {
        assert_eq!(host.data_out(packet), Answer::Ack);
    }
    assert_eq!(chip.borrow_mut().function().take_frame_to_wire(), Some(frame(1016)));

    // The interrupt endpoint repeats itself until the source is read.
    host.write(0x118, 0x50);
    host.write(0x114, 1 << 11 | 30 << 6 | 3);
    for _ in 0..2 {
        assert_eq!(host.data_in(3), Some(vec![0, 0x80, 0, 0]));
    }
    host.write(0x114, 1 << 11 | 29 << 6 | 1);
    assert_eq!(host.read(0x118), 0x40);
    assert_eq!(host.data_in(3), None);

    assert_eq!(host.violations, []);
    assert_eq!(chip.borrow().function_ref().mistakes(), []);
}

#[test]
fn a_port_reset_is_a_reset_of_the_chip() {
    let chip = Lan9514::of(Settings::default()).share();
    let mut host = enumerate(chip.clone());
    host.write(0x02c, 0x00f8_30a1);
    assert_eq!(host.read(0x02c), 0x00f8_30a1);
    assert!(host.control(1, [0x23, 3, 4, 0, 1, 0, 0, 0], &[]).is_some());
    host.wait(50);
    let _ = host.control(1, [0xa3, 0, 0, 0, 1, 0, 4, 0], &[]);
    host.wait(20);
    assert_eq!(chip.borrow().configuration(), 0);
    host.set_address(2);
    assert!(host.control(2, [0, 9, 1, 0, 0, 0, 0, 0], &[]).is_some());
    assert_eq!(host.read(0x02c), 0);
}
