//! The model checks itself: normal transfers work, and each broken rule is found and named.

mod pokes;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use dma::Direction;
use models::Violation;
use models::cdc_ecm::CdcEcm;
use models::dwc2::Mode;
use models::faults::{Fault, Faults, Rule, TokenKind};
use models::hub::Hub;
use models::usb::{Kind, Way};
use pokes::*;

const XFERCOMPL: u32 = 1 << 0;
const CHHLTD: u32 = 1 << 1;
const STALL: u32 = 1 << 3;
const NAK: u32 = 1 << 4;
const ACK: u32 = 1 << 5;
const XACTERR: u32 = 1 << 7;
const BBLERR: u32 = 1 << 8;
const DATATGLERR: u32 = 1 << 10;

const GET_DEVICE: [u8; 8] = [0x80, 6, 0, 1, 0, 0, 18, 0];

type Ecm = Rc<RefCell<CdcEcm>>;

/// A configured usb-net at address 1, whose bulk endpoints work.
fn ethernet(mode: Mode) -> (Rig, Ecm) {
    let ecm = CdcEcm::qemu().share();
    let mut rig = Rig::ready(mode, ecm.clone());
    rig.configure(1, 1);
    assert_eq!(rig.control(1, [1, 11, 1, 0, 1, 0, 0, 0]), Ok(vec![]));
    (rig, ecm)
}

/// A bulk IN of `packets` packets on channel 1.
fn bulk_in(packets: u32, pid: u32, bus: u32) -> Transfer {
    Transfer {
        channel: 1,
        address: 1,
        endpoint: 2,
        is_in: true,
        kind: BULK,
        max_packet: 64,
        pid,
        bytes: 64 * packets,
        packets,
        bus,
    }
}

/// A bulk OUT of `bytes` bytes on channel 2.
fn bulk_out(bytes: u32, pid: u32, bus: u32) -> Transfer {
    let packets = bytes.div_ceil(64).max(1);
    Transfer { channel: 2, is_in: false, bytes, packets, ..bulk_in(1, pid, bus) }
}

fn frame(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + len) as u8).collect()
}

#[test]
fn a_device_is_read_configured_and_moves_frames() {
    for mode in [Mode::Hardware, Mode::Qemu] {
        let (mut rig, ecm) = ethernet(mode);
        let device = rig.control(1, GET_DEVICE).unwrap();
        assert_eq!(device[8..12], [0x25, 0x05, 0xa2, 0xa4]);

        let (mut pid_in, mut pid_out) = (DATA0, DATA0);
        for len in [60, 64, 128, 129, 1514] {
            ecm.borrow_mut().function().send(&frame(len));
            let loan = rig.lend(Direction::FromDevice, &[0; 2048]);
            let hcint = rig.run(&bulk_in(32, pid_in, loan.bus()));
            assert_eq!(hcint & (XFERCOMPL | CHHLTD), XFERCOMPL | CHHLTD);
            let size = rig.read(hctsiz(1));
            assert_eq!(2048 - (size & 0x7_ffff), len as u32);
            assert_eq!(&loan.reclaim()[..len], frame(len));
            pid_in = if mode == Mode::Hardware { size >> 29 & 3 } else { DATA0 };

            // The last packet of a multiple of 64 is empty, and a transfer of its own.
            let loan = rig.lend(Direction::ToDevice, &frame(len));
            let empty = if len % 64 == 0 { 2 } else { 1 };
            for part in 0..empty {
                let bytes = if part == 0 { len as u32 } else { 0 };
                let hcint = rig.run(&bulk_out(bytes, pid_out, loan.bus()));
                assert_eq!(hcint & (XFERCOMPL | CHHLTD), XFERCOMPL | CHHLTD);
                pid_out = if mode == Mode::Hardware { rig.read(hctsiz(2)) >> 29 } else { DATA0 };
            }
            assert_eq!(ecm.borrow_mut().function().received(), Some(frame(len)));
        }
        assert_eq!(rig.violations(), []);
    }
}

#[test]
fn a_bulk_in_without_data_is_retried_by_the_core() {
    let (mut rig, ecm) = ethernet(Mode::Hardware);
    let loan = rig.lend(Direction::FromDevice, &[0; 64]);
    rig.start(&bulk_in(1, DATA0, loan.bus()));
    rig.millis(1);
    assert_eq!(rig.read(hcint(1)), NAK);
    assert_eq!(rig.read(hcchar(1)) & CHENA, CHENA);
    ecm.borrow_mut().function().send(&frame(40));
    assert_eq!(rig.finish(1), XFERCOMPL | CHHLTD | NAK | ACK);
    assert_eq!(rig.violations(), []);
}

#[test]
fn an_interrupt_in_without_data_halts_with_nak() {
    let (mut rig, _ecm) = ethernet(Mode::Hardware);
    let loan = rig.lend(Direction::FromDevice, &[0; 64]);
    let poll = Transfer {
        endpoint: 1,
        kind: INTERRUPT,
        max_packet: 16,
        bytes: 16,
        ..bulk_in(1, DATA0, loan.bus())
    };
    assert_eq!(rig.run(&poll), CHHLTD | NAK);
    assert_eq!(rig.violations(), []);
}

#[test]
fn a_channel_halts_when_told_to() {
    let (mut rig, _ecm) = ethernet(Mode::Hardware);
    let loan = rig.lend(Direction::FromDevice, &[0; 64]);
    let transfer = bulk_in(1, DATA0, loan.bus());
    rig.start(&transfer);
    rig.write(hcchar(1), transfer.character() | CHENA | CHDIS);
    assert_eq!(rig.read(hcint(1)) & CHHLTD, 0, "not at once");
    assert_eq!(rig.finish(1) & (CHHLTD | XFERCOMPL), CHHLTD);
    assert_eq!(rig.read(hcchar(1)) & (CHENA | CHDIS), 0);
    assert_eq!(rig.violations(), []);
}

#[test]
fn an_absent_address_is_a_transaction_error_and_on_qemu_nothing() {
    let (mut rig, _ecm) = ethernet(Mode::Hardware);
    assert_eq!(rig.control(9, GET_DEVICE), Err(XACTERR | CHHLTD));

    let (mut rig, _ecm) = ethernet(Mode::Qemu);
    let loan = rig.lend(Direction::FromDevice, &[0; 64]);
    rig.start(&Transfer { address: 9, ..bulk_in(1, DATA0, loan.bus()) });
    rig.millis(1000);
    assert_eq!(rig.read(hcint(1)), 0);
    assert_eq!(rig.violations(), []);
}

#[test]
fn qemu_completes_inside_the_write_and_refuses_at_setup() {
    let (mut rig, ecm) = ethernet(Mode::Qemu);
    ecm.borrow_mut().function().send(&frame(1000));
    let loan = rig.lend(Direction::FromDevice, &[0; 2048]);
    rig.start(&bulk_in(32, DATA0, loan.bus()));
    let size = rig.read(hctsiz(1));
    assert_eq!(rig.read(hcint(1)), XFERCOMPL | CHHLTD);
    assert_eq!(2048 - (size & 0x7_ffff), 1000);
    assert_eq!(rig.control(1, [0x80, 6, 0, 99, 0, 0, 4, 0]), Err(STALL | CHHLTD));
    assert_eq!(rig.violations(), []);
}

#[test]
fn the_port_at_power_on() {
    let mut rig = Rig::cold(Mode::Hardware, CdcEcm::qemu().share());
    rig.millis(50);
    assert_eq!(rig.read(HPRT), 0);
    rig.write(HPRT, 1 << 12);
    rig.millis(5);
    assert_eq!(rig.read(HPRT), 0x1403);

    let mut rig = Rig::cold(Mode::Qemu, CdcEcm::dongle().share());
    rig.millis(50);
    assert_eq!(rig.read(HPRT), 0x1003);
    rig.acknowledge_port();
    rig.millis(100);
    rig.write(HPRT, 1 << 12 | 1 << 8);
    rig.millis(50);
    rig.write(HPRT, 1 << 12);
    assert_eq!(rig.read(HPRT), 0x100d);
    assert_eq!(rig.violations(), []);
}

#[test]
fn a_hub_lets_its_devices_through() {
    for (hub, mps, size_0) in [(Hub::full_speed(), 2, 8), (Hub::lan9514(), 1, 64)] {
        let hub = hub.share();
        let ecm = CdcEcm::dongle().share();
        hub.borrow_mut().attach(1, ecm.clone());
        let mut rig = Rig::ready(Mode::Hardware, hub);
        rig.configure_of(1, 1, size_0);
        let port = |feature| [0x23, 3, feature, 0, 1, 0, 0, 0];
        assert_eq!(rig.control_of(1, size_0, port(8)), Ok(vec![]));
        rig.millis(101);
        let loan = rig.lend(Direction::FromDevice, &[0; 64]);
        let poll = Transfer {
            endpoint: 1,
            kind: INTERRUPT,
            max_packet: mps,
            bytes: mps,
            ..bulk_in(1, DATA0, loan.bus())
        };
        assert_eq!(rig.run(&poll), XFERCOMPL | CHHLTD | ACK);
        assert_eq!(loan.reclaim()[0], 1 << 1);
        rig.millis(101);
        assert_eq!(rig.control_of(1, size_0, port(4)), Ok(vec![]));
        rig.millis(30);
        let status = rig.control_of(1, size_0, [0xa3, 0, 0, 0, 1, 0, 4, 0]).unwrap();
        let speed = if size_0 == 64 { 0x04 } else { 0 };
        assert_eq!(status, [0x03, 0x01 | speed, 0x11, 0x00]);
        assert_eq!(rig.control(0, GET_DEVICE).map(|bytes| bytes.len()), Ok(18));
        rig.configure(2, 1);
        assert_eq!(ecm.borrow().configuration(), 1);
        assert_eq!(rig.violations(), []);
    }
}

#[test]
fn faults_look_like_on_the_wire() {
    let rule = |token, fault| Rule { endpoint: 2, token, after: 0, times: 1, fault };
    let rows = [
        (rule(TokenKind::In, Fault::Stall), STALL | CHHLTD, None),
        (rule(TokenKind::In, Fault::Babble), BBLERR | CHHLTD, None),
        (rule(TokenKind::In, Fault::Silence), XFERCOMPL | CHHLTD | ACK, Some(40)),
        (rule(TokenKind::In, Fault::AnswerLost), XFERCOMPL | CHHLTD | ACK, Some(40)),
        (rule(TokenKind::In, Fault::Nak), XFERCOMPL | CHHLTD | ACK | NAK, Some(40)),
        (rule(TokenKind::In, Fault::Short(11)), XFERCOMPL | CHHLTD | ACK, Some(11)),
        (Rule { times: 3, ..rule(TokenKind::In, Fault::Silence) }, XACTERR | CHHLTD, None),
    ];
    for (rule, hcint, bytes) in rows {
        let (mut rig, ecm) = ethernet(Mode::Hardware);
        ecm.borrow_mut().function().send(&frame(40));
        rig.chip.set_faults(Faults::script(&[rule]));
        let loan = rig.lend(Direction::FromDevice, &[0; 64]);
        assert_eq!(rig.run(&bulk_in(1, DATA0, loan.bus())), hcint, "{rule:?}");
        if let Some(bytes) = bytes {
            assert_eq!(64 - (rig.read(hctsiz(1)) & 0x7_ffff), bytes, "{rule:?}");
        }
        assert_eq!(rig.violations(), []);
    }
}

#[test]
fn a_lost_handshake_repeats_a_packet_and_accuses_nobody() {
    let (mut rig, ecm) = ethernet(Mode::Hardware);
    let out =
        Rule { endpoint: 2, token: TokenKind::Out, after: 0, times: 1, fault: Fault::AnswerLost };
    let lost = Rule { token: TokenKind::In, fault: Fault::AckLost, ..out };
    rig.chip.set_faults(Faults::script(&[out, lost]));
    let loan = rig.lend(Direction::ToDevice, &frame(100));
    assert_eq!(rig.run(&bulk_out(100, DATA0, loan.bus())) & XFERCOMPL, XFERCOMPL);
    assert_eq!(ecm.borrow_mut().function().received(), Some(frame(100)));

    for len in [30, 40] {
        ecm.borrow_mut().function().send(&frame(len));
    }
    let loan = rig.lend(Direction::FromDevice, &[0; 64]);
    assert_eq!(rig.run(&bulk_in(1, DATA0, loan.bus())) & XFERCOMPL, XFERCOMPL);
    assert_eq!(loan.reclaim()[..30], frame(30));
    let loan = rig.lend(Direction::FromDevice, &[0; 64]);
    let hcint = rig.run(&bulk_in(1, DATA1, loan.bus()));
    assert_eq!(hcint, XFERCOMPL | CHHLTD | ACK | DATATGLERR);
    assert_eq!(loan.reclaim()[..40], frame(40));
    assert_eq!(rig.violations(), []);
}

#[test]
fn an_unplugged_device_ends_its_transfers_and_can_come_back() {
    let (mut rig, ecm) = ethernet(Mode::Hardware);
    let loan = rig.lend(Direction::FromDevice, &[0; 64]);
    rig.start(&bulk_in(1, DATA0, loan.bus()));
    rig.chip.detach();
    assert_eq!(rig.finish(1), XACTERR | CHHLTD);
    rig.millis(1);
    assert_eq!(rig.read(HPRT) & 0xf, 0x8, "not connected, enable changed");
    assert_eq!(rig.read(0x014) >> 29 & 1, 1, "DISCONNINT");
    rig.acknowledge_port();
    rig.chip.attach(ecm);
    rig.millis(5);
    assert_eq!(rig.read(HPRT) & 0xf, 0x3);
    rig.acknowledge_port();
    rig.millis(100);
    rig.reset_port(50);
    rig.millis(10);
    rig.configure(1, 1);
    assert_eq!(rig.violations(), []);
}

#[test]
fn memory_is_not_coherent() {
    let (mut rig, ecm) = ethernet(Mode::Hardware);
    ecm.borrow_mut().function().send(&frame(40));
    let loan = rig.lend(Direction::ToDevice, &[0x33; 64]);
    assert_eq!(rig.run(&bulk_in(1, DATA0, loan.bus())) & XFERCOMPL, XFERCOMPL);
    assert_eq!(loan.reclaim()[..4], [0x33; 4], "not invalidated: the CPU still sees its own");
    assert_eq!(rig.violations(), []);

    let loan = rig.lend(Direction::FromDevice, &[0; 64]);
    let bus = loan.bus();
    loan.reclaim()[..4].copy_from_slice(b"late");
    rig.run(&bulk_out(10, DATA0, bus));
    assert_eq!(ecm.borrow_mut().function().received(), Some(vec![0; 10]), "not cleaned: stale");
    assert_eq!(rig.violations(), [Violation::DmaNotLent { address: bus }]);
}

/// Starts one wrong transfer on a working device, and expects one name for it.
fn wrong_transfer(change: impl Fn(&mut Transfer), expected: &[Violation]) {
    let (mut rig, ecm) = ethernet(Mode::Hardware);
    ecm.borrow_mut().function().send(&frame(1000));
    let loan = rig.lend(Direction::FromDevice, &[0; 64]);
    let mut transfer = bulk_in(1, DATA0, loan.bus());
    change(&mut transfer);
    rig.start(&transfer);
    rig.millis(1);
    assert_eq!(rig.violations(), expected);
    expected.iter().for_each(|violation| assert!(!violation.to_string().is_empty()));
}

#[test]
fn wrong_transfers_have_names() {
    let (address, endpoint) = (1, 2);
    let base = models::memory::BUS_BASE;
    wrong_transfer(
        |t| t.packets = 2,
        &[Violation::PacketCount { channel: 1, packets: 2, bytes: 64, max_packet: 64 }],
    );
    wrong_transfer(
        |t| t.bytes = 60,
        &[Violation::InSize { channel: 1, bytes: 60, max_packet: 64 }],
    );
    wrong_transfer(|t| t.pid = DATA1, &[Violation::DataToggle { address, endpoint, way: Way::In }]);
    wrong_transfer(
        |t| t.bus = base + 0x10_0000,
        &[Violation::DmaOutside { address: base + 0x10_0000, bytes: 64 }],
    );
    wrong_transfer(
        |t| t.kind = INTERRUPT,
        &[Violation::EndpointKind { address, endpoint, is: Kind::Bulk }],
    );
    wrong_transfer(
        |t| (t.max_packet, t.bytes) = (512, 512),
        &[Violation::MaxPacket { address, endpoint, used: 512, is: 64 }],
    );
    wrong_transfer(
        |t| t.endpoint = 5,
        &[Violation::NoSuchEndpoint { address, endpoint: 5, way: Way::In }],
    );
    wrong_transfer(|t| (t.pid, t.bytes) = (SETUP, 64), &[Violation::WrongPid { channel: 1 }]);
    let toggle = Violation::DataToggle { address, endpoint, way: Way::In };
    wrong_transfer(|t| t.pid = 1, &[Violation::WrongPid { channel: 1 }, toggle]);
    wrong_transfer(
        |t| (t.pid, t.kind, t.is_in, t.endpoint, t.bytes) = (DATA1, CONTROL, false, 0, 0),
        &[Violation::ControlOutOfPlace { address }],
    );
    wrong_transfer(|t| t.pid |= 4, &[Violation::WrongPing { channel: 1 }]);
    let (mut rig, _ecm) = ethernet(Mode::Hardware);
    let loan = rig.lend(Direction::FromDevice, &[0; 128]);
    rig.start(&bulk_in(1, DATA0, loan.bus() + 2));
    let unaligned = Violation::DmaUnaligned { channel: 1, address: loan.bus() + 2 };
    assert_eq!(rig.violations(), [unaligned]);
}

#[test]
fn an_enabled_channel_is_left_alone() {
    let (mut rig, _ecm) = ethernet(Mode::Hardware);
    let loan = rig.lend(Direction::FromDevice, &[0; 64]);
    let transfer = bulk_in(1, DATA0, loan.bus());
    rig.start(&transfer);
    rig.write(hcdma(1), 4);
    rig.write(hcchar(1), transfer.character() | CHENA);
    rig.write(GRSTCTL, 1 << 4);
    let expected = [
        Violation::WrittenWhileEnabled { channel: 1, offset: hcdma(1) },
        Violation::EnabledTwice { channel: 1 },
        Violation::FlushWhileActive,
    ];
    assert_eq!(rig.chip.take_violations(), expected);

    rig.write(hcchar(1), transfer.character() | CHENA | CHDIS);
    let bits = rig.finish(1);
    rig.write(hcchar(1), transfer.character() | CHENA);
    assert_eq!(rig.violations(), [Violation::StaleInterrupt { channel: 1, bits }]);
}

#[test]
fn the_port_has_rules() {
    let plug = || CdcEcm::qemu().share();
    // Reset at once, without debounce, and too short.
    let mut rig = Rig::initialised(Mode::Hardware, plug());
    rig.acknowledge_port();
    rig.reset_port(10);
    assert!(matches!(
        rig.chip.take_violations()[..],
        [Violation::NoDebounce { .. }, Violation::ResetTooShort { .. }]
    ));
    // Spoken to at once.
    let _ = rig.control(0, GET_DEVICE);
    assert!(matches!(rig.chip.take_violations()[0], Violation::NoResetRecovery { .. }));
    // Read, modify, write: the port is disabled.
    let hprt = rig.read(HPRT);
    rig.write(HPRT, hprt);
    assert_eq!(rig.chip.take_violations(), [Violation::PortDisabledByWrite]);
    // The change that this made is lost with the next reset.
    let hprt = rig.read(HPRT);
    rig.write(HPRT, hprt | 1 << 8);
    assert_eq!(rig.chip.take_violations(), [Violation::PortChangeLost { bits: 8 }]);
    rig.millis(60);
    rig.write(HPRT, 1 << 12);
    rig.millis(1);
    // Acknowledged blindly.
    rig.write(HPRT, 1 << 12 | 0x2a);
    assert_eq!(rig.chip.take_violations(), [Violation::PortChangeUnseen { bits: 8 }]);
    rig.chip.drop_port();
    rig.read(HPRT);
    let loan = rig.lend(Direction::FromDevice, &[0; 64]);
    rig.start(&bulk_in(1, DATA0, loan.bus()));
    assert_eq!(rig.violations(), [Violation::PortNotEnabled { channel: 1 }]);
}

#[test]
fn the_core_has_rules() {
    let mut rig = Rig::cold(Mode::Hardware, CdcEcm::qemu().share());
    rig.write(GRSTCTL, 1);
    rig.read(HPRT);
    rig.write(GRSTCTL, 1);
    rig.millis(1);
    rig.read(HPRT);
    rig.millis(30);
    rig.read(0x700);
    rig.write(0x400, 1 << 23);
    assert_eq!(
        rig.chip.take_violations(),
        [
            Violation::AccessDuringReset { offset: HPRT },
            Violation::ResetWhileBusy,
            Violation::NotHost { offset: HPRT },
            Violation::UnknownRegister { offset: 0x700 },
            Violation::WrongMode { offset: 0x400 },
        ]
    );
    rig.chip.set_power(false);
    assert_eq!(rig.read(HPRT), 0);
    assert_eq!(rig.chip.take_violations(), [Violation::NoPower { offset: HPRT }]);

    let start = |rig: &mut Rig| {
        let loan = rig.lend(Direction::FromDevice, &[0; 64]);
        rig.start(&bulk_in(1, DATA0, loan.bus()));
        rig.write(hcchar(1), bulk_in(1, DATA0, 0).character() | CHENA | CHDIS);
        rig.finish(1);
        rig.chip.take_violations()
    };
    let (mut rig, _ecm) = ethernet(Mode::Hardware);
    rig.write(GAHBCFG, 1);
    assert_eq!(start(&mut rig), [Violation::DmaNotEnabled]);
    rig.write(GAHBCFG, 0x21);
    rig.write(HPTXFSIZ, 2048 << 16 | 2048);
    assert_eq!(start(&mut rig), [Violation::FifoTooLarge { end: 4096, depth: 4080 }]);
    rig.write(HPTXFSIZ, 1024 << 16 | 2000);
    assert_eq!(start(&mut rig), [Violation::FifoOverlap]);
    rig.write(HPTXFSIZ, 1024 << 16 | 2048);
    assert_eq!(start(&mut rig), [Violation::FifoNotFlushed]);
    rig.write(GRSTCTL, 0x10 << 6 | 1 << 5);
    rig.write(GRXFSIZ, 17);
    rig.write(GRSTCTL, 1 << 4);
    assert_eq!(start(&mut rig), [Violation::FifoTooSmall { words: 17, needed: 18 }]);
}

#[test]
fn a_device_needs_time_for_its_address() {
    let mut rig = Rig::ready(Mode::Hardware, CdcEcm::qemu().share());
    assert_eq!(rig.control(0, [0, 5, 1, 0, 0, 0, 0, 0]), Ok(vec![]));
    assert_eq!(rig.control(1, GET_DEVICE).map(|bytes| bytes.len()), Ok(18));
    assert!(matches!(rig.violations()[0], Violation::NoAddressRecovery { .. }));
}

#[test]
fn the_same_seed_gives_the_same_packets() {
    let run = |seed| {
        let (mut rig, ecm) = ethernet(Mode::Hardware);
        let faults = [Fault::Nak, Fault::AnswerLost, Fault::AckLost, Fault::Short(60)];
        rig.chip.set_faults(Faults::seeded(seed, 300, &faults));
        ecm.borrow_mut().function().send(&frame(1514));
        let loan = rig.lend(Direction::FromDevice, &[0; 2048]);
        rig.start(&bulk_in(32, DATA0, loan.bus()));
        rig.clock.advance(Duration::from_millis(5));
        rig.chip.take_trace()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
