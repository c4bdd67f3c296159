//! Packets get lost, devices refuse, endpoints halt.

use std::time::Duration;

use models::Random;
use models::cdc_ecm::CdcEcm;
use models::dwc2::Mode;
use models::faults::{Fault, Faults, Rule, TokenKind};

use crate::attachments::{MODES, attachments};
use crate::desk::{Desk, frame};

/// The transactions after the first `after` of this endpoint and token, `times` of them.
pub fn rule(endpoint: u8, token: TokenKind, fault: Fault, after: u32, times: u32) -> Rule {
    Rule { endpoint, token, after, times, fault }
}

/// Sets these faults on a working adapter, moves frames both ways, and returns the desk.
fn through(rules: &[Rule]) -> Desk {
    let device = CdcEcm::qemu().share();
    let mut desk = Desk::working(Mode::Hardware, device.clone());
    desk.chip.set_faults(Faults::script(rules));
    for n in 0..20 {
        desk.exchange(&device, &frame(60 + n * 70, n));
    }
    let due: u32 = rules.iter().map(|rule| rule.times).sum();
    assert_eq!(desk.chip.faults_injected(), due as usize, "all faults happened");
    assert_eq!(desk.violations(), []);
    desk
}

#[test]
fn storms_of_naks_only_take_time() {
    let desk = through(&[
        rule(2, TokenKind::In, Fault::Nak, 3, 5000),
        rule(2, TokenKind::Out, Fault::Nak, 5, 5000),
    ]);
    assert_eq!(desk.ecm.counters().receive_errors + desk.ecm.counters().send_errors, 0);
}

#[test]
fn lost_packets_and_handshakes_lose_no_frame() {
    let faults = [Fault::Silence, Fault::AnswerLost];
    for fault in faults {
        for token in [TokenKind::In, TokenKind::Out] {
            for times in [1, 2, 3, 5] {
                let desk = through(&[rule(2, token, fault, 30, times)]);
                let counters = desk.ecm.counters();
                assert_eq!(
                    counters.receive_errors + counters.send_errors,
                    0,
                    "{fault:?} {token:?}"
                );
            }
        }
    }
    through(&[rule(2, TokenKind::In, Fault::AckLost, 30, 1)]);
}

#[test]
fn a_halted_endpoint_is_brought_back() {
    for token in [TokenKind::In, TokenKind::Out] {
        let device = CdcEcm::qemu().share();
        let mut desk = Desk::working(Mode::Hardware, device.clone());
        desk.exchange(&device, &frame(100, 0));
        desk.chip.set_faults(Faults::script(&[rule(2, token, Fault::Stall, 0, 1)]));
        device.borrow_mut().function().send(&frame(200, 1));
        desk.send(&frame(300, 1));
        desk.until("a recovery", |desk| desk.ecm.counters().recoveries == 1);
        desk.run_for(Duration::from_millis(50));
        desk.inbox.clear();
        device.borrow_mut().function().received();
        for n in 0..5 {
            desk.exchange(&device, &frame(64 * n + 64, n));
        }
        assert_eq!(desk.violations(), [], "{token:?}");
    }
}

#[test]
fn babble_costs_a_frame_at_most() {
    let device = CdcEcm::qemu().share();
    let mut desk = Desk::working(Mode::Hardware, device.clone());
    desk.chip.set_faults(Faults::script(&[rule(2, TokenKind::In, Fault::Babble, 2, 1)]));
    for n in 0..10 {
        device.borrow_mut().function().send(&frame(50 + n, n));
    }
    let mut last = 0;
    desk.until("the last frame", |desk| {
        last = desk.inbox.len();
        desk.inbox.last() == Some(&frame(59, 9))
    });
    assert!(last >= 9, "{desk:?}");
    assert_eq!(desk.ecm.counters().receive_errors, 1);
    assert_eq!(desk.violations(), []);
}

#[test]
fn enumeration_survives_lost_packets() {
    for token in [TokenKind::Setup, TokenKind::In, TokenKind::Out] {
        for fault in [Fault::Silence, Fault::AnswerLost, Fault::AckLost, Fault::Nak] {
            for after in 0..24 {
                let device = CdcEcm::qemu().share();
                let mut desk = Desk::new(Mode::Hardware, device.clone());
                desk.chip.set_faults(Faults::script(&[rule(0, token, fault, after, 3)]));
                desk.until("the device to work", Desk::works);
                desk.exchange(&device, &frame(100, 0));
                assert_eq!(desk.violations(), [], "{fault:?} at {token:?} {after}");
            }
        }
    }
}

/// A stall is an answer: the device has no such thing. So not all devices work after one, but all
/// ends with a name, and none of it outlives the next plugging in.
#[test]
fn a_refused_request_is_an_answer() {
    for mode in MODES {
        for after in 0..24 {
            let device = CdcEcm::qemu().share();
            let mut desk = Desk::new(mode, device.clone());
            desk.chip.set_faults(Faults::script(&[rule(
                0,
                TokenKind::Setup,
                Fault::Stall,
                after,
                1,
            )]));
            desk.until("an end of the walk", |desk| desk.works() || desk.topology.is_some());
            if !desk.works() {
                desk.chip.detach();
                desk.until("the loss", |desk| desk.topology.is_none());
                desk.chip.attach(device.clone());
                desk.until("the device to work", Desk::works);
            }
            desk.exchange(&device, &frame(100, 0));
            assert_eq!(desk.violations(), [], "{mode:?} {after}");
        }
    }
}

#[test]
fn hundreds_of_seeded_runs_end_in_a_working_link() {
    let faults = [
        Fault::Nak,
        Fault::Stall,
        Fault::Silence,
        Fault::AnswerLost,
        Fault::AckLost,
        Fault::Babble,
        Fault::Short(64),
        Fault::PortDrop,
        Fault::Unplug,
    ];
    seeded_runs(Mode::Hardware, 400, &faults);
}

/// QEMU has no handshakes that could be lost.
#[test]
fn so_do_hundreds_on_qemu() {
    let faults =
        [Fault::Nak, Fault::Stall, Fault::Silence, Fault::Babble, Fault::PortDrop, Fault::Unplug];
    seeded_runs(Mode::Qemu, 400, &faults);
}

/// Runs with these faults, the last two of which end everything. Once the faults are over the link
/// works again, or something has been said about why not.
fn seeded_runs(mode: Mode, runs: u64, faults: &[Fault]) {
    let mut named = 0;
    for seed in 0..runs {
        let mut random = Random::new(seed);
        let (_, device, plug) = attachments().swap_remove(random.below(4));
        let mut desk = Desk::new(mode, plug.clone());
        desk.clock.set_step(Duration::from_micros(5));
        let per_mille = 1 + random.below(30);
        // Half of the runs end nothing.
        let kinds = if random.per_mille(500) { faults.len() - 2 } else { faults.len() };
        desk.chip.set_faults(Faults::seeded(seed, per_mille, &faults[..kinds]));
        for n in 0..60 {
            device.borrow_mut().function().send(&frame(60 + random.below(1455), n));
            desk.send(&frame(60 + random.below(1455), n));
            desk.run_for(Duration::from_millis(10));
            if !desk.chip.occupied() {
                desk.chip.attach(plug.clone());
            }
        }
        desk.chip.set_faults(Faults::none());
        if !desk.chip.occupied() {
            desk.chip.attach(plug.clone());
        }
        // The last faults are noticed first.
        desk.run_for(Duration::from_millis(50));
        desk.until("an end of the walk", |desk| desk.works() || desk.topology.is_some());
        if !desk.works() {
            // The device refused something that it must not refuse: it has a name, and another
            // chance.
            assert!(!desk.journal.is_empty(), "seed {seed}: {desk:?}");
            desk.chip.detach();
            desk.until("the loss", |desk| desk.topology.is_none());
            desk.chip.attach(plug.clone());
            desk.until("the device to work", Desk::works);
        }
        device.borrow_mut().function().forget();
        desk.run_for(Duration::from_millis(100));
        // What a fault has mixed up is gone with the next frame of each way.
        desk.send(&frame(60, 0));
        desk.run_for(Duration::from_millis(20));
        desk.inbox.clear();
        while device.borrow_mut().function().received().is_some() {}
        for n in 0..5 {
            desk.exchange(&device, &frame(64 + 100 * n, n));
        }
        assert_eq!(desk.violations(), [], "seed {seed}: {desk:?}");
        named += desk.journal.len();
    }
    assert!(named > 0, "some of the runs had something to say");
}
