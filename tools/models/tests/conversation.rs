//! The drivers talk to the model: enumeration, CDC-ECM, frames, and what goes wrong on a bus. Whatever
//! happens, the drivers break no rule.

#[path = "support/desk.rs"]
mod desk;

use std::time::Duration;

use desk::{Desk, Device, frame};
use models::Random;
use models::cdc_ecm::CdcEcm;
use models::dwc2::{End, Mode};
use models::faults::{Fault, Faults, Rule, TokenKind};
use models::hub::Hub;
use models::usb::Plug;

const MODES: [Mode; 2] = [Mode::Hardware, Mode::Qemu];
const MAC: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];

/// Ways to attach a network adapter, and the topology each should print.
fn attachments() -> Vec<(&'static str, Device, Plug)> {
    let behind = |hub: Hub, port, device: &Device| -> Plug {
        let hub = hub.share();
        hub.borrow_mut().attach(port, device.clone());
        hub
    };
    let (root, fast) = (CdcEcm::qemu().share(), CdcEcm::dongle().share());
    let (slow, wired) = (CdcEcm::qemu().share(), CdcEcm::dongle().share());
    vec![
        ("1:(0525:a4a2)", root.clone(), root),
        ("1:(0525:a4a2)", fast.clone(), fast),
        ("1:(0409:55aa 1:(0525:a4a2))", slow.clone(), behind(Hub::full_speed(), 1, &slow)),
        ("1:(0424:9514 3:(0525:a4a2))", wired.clone(), behind(Hub::lan9514(), 3, &wired)),
    ]
}

#[test]
fn devices_are_found_wherever_they_are() {
    for mode in MODES {
        for (topology, _device, plug) in attachments() {
            let desk = Desk::working(mode, plug);
            assert_eq!(desk.topology(), topology);
            assert_eq!(desk.mac, Some(MAC));
            assert_eq!(desk.violations(), [], "{mode:?} {topology}");
        }
    }
}

#[test]
fn hubs_stand_behind_hubs_and_need_splits_where_speeds_differ() {
    let (near, far, slow) =
        (Hub::lan9514().share(), Hub::lan9514().share(), CdcEcm::qemu().share());
    let device = CdcEcm::dongle().share();
    far.borrow_mut().attach(5, device.clone());
    near.borrow_mut().attach(1, slow);
    near.borrow_mut().attach(4, far);
    let mut desk = Desk::working(Mode::Hardware, near);
    assert_eq!(desk.topology(), "1:(0424:9514 1:(split) 4:(0424:9514 5:(0525:a4a2)))");
    desk.exchange(&device, &frame(100, 0));
    assert_eq!(desk.violations(), []);
}

#[test]
fn frames_of_every_length_go_both_ways() {
    let lengths = [60, 61, 63, 64, 65, 127, 128, 129, 511, 512, 513, 1023, 1024, 1472, 1513, 1514];
    for mode in MODES {
        for (topology, device, plug) in attachments() {
            let mut desk = Desk::working(mode, plug);
            for len in lengths.into_iter().chain((64..=1472).step_by(64)) {
                desk.exchange(&device, &frame(len, 1));
            }
            assert_eq!(desk.ecm.counters().receive_errors, 0);
            assert_eq!(desk.ecm.counters().send_errors, 0);
            assert_eq!(desk.violations(), [], "{mode:?} {topology}");
        }
    }
}

#[test]
fn bursts_arrive_in_order_and_complete() {
    for mode in MODES {
        for (topology, device, plug) in attachments() {
            let mut desk = Desk::working(mode, plug);
            let sizes: Vec<usize> = (0..200).map(|n| 60 + n * 37 % 1455).collect();
            for (n, &len) in sizes.iter().enumerate() {
                device.borrow_mut().function().send(&frame(len, n));
            }
            let mut sent = 0;
            desk.until("200 frames in", |desk| desk.inbox.len() == 200);
            while sent < 200 {
                if desk.send(&frame(sizes[sent], sent)) {
                    sent += 1;
                } else {
                    desk.turn();
                }
            }
            let mut came = Vec::new();
            desk.until("200 frames out", |_| {
                came.extend(device.borrow_mut().function().received());
                came.len() == 200
            });
            for (n, &len) in sizes.iter().enumerate() {
                assert_eq!(desk.inbox[n], frame(len, n), "{mode:?} {topology}");
                assert_eq!(came[n], frame(len, n), "{mode:?} {topology}");
            }
            assert_eq!(desk.violations(), []);
        }
    }
}

fn rule(endpoint: u8, token: TokenKind, fault: Fault, after: u32, times: u32) -> Rule {
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

/// A stall is an answer: the device has no such thing. So not all devices work after one, but all ends
/// with a name, and none of it outlives the next plugging in.
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
fn a_plug_pulled_in_a_burst_comes_back() {
    for mode in MODES {
        for (topology, device, plug) in attachments() {
            let mut desk = Desk::working(mode, plug.clone());
            for round in 0..5 {
                for n in 0..50 {
                    device.borrow_mut().function().send(&frame(1000, n));
                    desk.send(&frame(1000, n));
                }
                desk.run_for(Duration::from_micros(700 * round + 100));
                desk.chip.detach();
                desk.until("the loss", |desk| !desk.works());
                desk.run_for(Duration::from_millis(30));
                desk.chip.attach(plug.clone());
                desk.until("the device to work again", Desk::works);
                device.borrow_mut().function().forget();
                desk.run_for(Duration::from_millis(20));
                desk.inbox.clear();
                while device.borrow_mut().function().received().is_some() {}
                desk.exchange(&device, &frame(99, 0));
            }
            assert_eq!(desk.violations(), [], "{mode:?} {topology}");
        }
    }
}

#[test]
fn a_plug_pulled_behind_a_hub_comes_back() {
    for (hub, mode) in [(Hub::full_speed(), Mode::Hardware), (Hub::lan9514(), Mode::Hardware)] {
        let (hub, device) = (hub.share(), CdcEcm::dongle().share());
        hub.borrow_mut().attach(2, device.clone());
        let mut desk = Desk::working(mode, hub.clone());
        for _ in 0..3 {
            desk.exchange(&device, &frame(700, 0));
            hub.borrow_mut().detach(2);
            desk.until("the loss", |desk| !desk.works());
            desk.run_for(Duration::from_millis(500));
            hub.borrow_mut().attach(2, device.clone());
            desk.until("the device to work again", Desk::works);
        }
        assert_eq!(desk.violations(), []);
    }
}

#[test]
fn a_quick_replug_is_noticed() {
    for mode in MODES {
        let device = CdcEcm::qemu().share();
        let mut desk = Desk::working(mode, device.clone());
        desk.chip.detach();
        desk.chip.attach(device.clone());
        desk.clock.advance(Duration::from_millis(10));
        desk.until("the loss", |desk| !desk.works());
        desk.until("the device to work again", Desk::works);
        desk.exchange(&device, &frame(99, 0));
        assert_eq!(desk.violations(), [], "{mode:?}");
    }
}

#[test]
fn a_bouncing_plug_is_debounced() {
    for mode in MODES {
        let device = CdcEcm::qemu().share();
        let mut desk = Desk::new(mode, device.clone());
        for bounce in 0..20 {
            desk.run_for(Duration::from_millis(7 * bounce + 3));
            desk.chip.detach();
            desk.run_for(Duration::from_millis(bounce % 4));
            desk.chip.attach(device.clone());
        }
        desk.until("the device to work", Desk::works);
        desk.exchange(&device, &frame(99, 0));
        assert_eq!(desk.violations(), [], "{mode:?}");
    }
}

#[test]
fn a_port_that_drops_is_brought_back() {
    let device = CdcEcm::qemu().share();
    let mut desk = Desk::working(Mode::Hardware, device.clone());
    for _ in 0..3 {
        desk.chip.drop_port();
        desk.until("the loss", |desk| !desk.works());
        desk.until("the device to work again", Desk::works);
        desk.exchange(&device, &frame(99, 0));
    }
    assert_eq!(desk.violations(), []);
}

#[test]
fn the_link_follows_the_cable_of_a_device_that_tells() {
    let device = CdcEcm::dongle().share();
    let mut desk = Desk::working(Mode::Hardware, device.clone());
    desk.until("the speed", |desk| {
        desk.ecm.link() == cdc_ecm::Link::Up { bits_per_second: Some(100_000_000) }
    });
    device.borrow_mut().function().set_link(false);
    desk.until("link down", |desk| !desk.ecm.link().is_up());
    device.borrow_mut().function().set_link(true);
    desk.until("link up", |desk| desk.ecm.link().is_up());
    // Directed, broadcast and all multicast frames.
    assert_eq!(device.borrow_mut().function().packet_filter(), Some(0x000e));
    assert_eq!(desk.violations(), []);
}

#[test]
fn an_idle_bulk_in_is_left_pending() {
    let device = CdcEcm::qemu().share();
    let mut desk = Desk::working(Mode::Hardware, device);
    desk.run_for(Duration::from_secs(2));
    desk.chip.take_trace();
    desk.run_for(Duration::from_millis(20));
    let trace = desk.chip.take_trace();
    let bulk: Vec<_> = trace.iter().filter(|packet| packet.endpoint == 2).collect();
    assert!(!bulk.is_empty() && bulk.iter().all(|packet| packet.end == End::Nak), "{bulk:?}");
    assert_eq!(desk.violations(), []);
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
    let mut named = 0;
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let (_, device, plug) = attachments().swap_remove(random.below(4));
        let mut desk = Desk::new(Mode::Hardware, plug.clone());
        desk.clock.set_step(Duration::from_micros(5));
        let per_mille = 1 + random.below(30);
        // The last two of the list end everything: only some of the runs have them.
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
        desk.until("the device to work", Desk::works);
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
