//! What goes wrong on the bus and in the chip, one at a time and by dice.

use std::time::Duration;

use mmio::TimedOut;
use models::Random;
use models::dwc2::Mode;
use models::faults::{Fault, Faults, Rule, TokenKind};
use models::lan9514::{Settings, Trouble, TroubleRule, Troubles};
use nic::{NicEvent, Reason};

use crate::desk::{Desk, MAC, frame};

/// The transactions after the first `after` of this endpoint and token, `times` of them.
pub fn rule(endpoint: u8, token: TokenKind, fault: Fault, after: u32, times: u32) -> Rule {
    Rule { endpoint, token, after, times, fault }
}

fn trouble(desk: &Desk, trouble: Trouble, after: u32, times: u32) {
    let rule = TroubleRule { trouble, after, times };
    desk.chip.borrow_mut().function().set_troubles(Troubles::script(&[rule]));
}

/// Frames arrive one after the other until `done`.
fn traffic(desk: &mut Desk, what: &str, done: impl Fn(&Desk) -> bool) {
    for number in 0..2000 {
        if done(desk) {
            return;
        }
        desk.arrive(&frame(&MAC, 200, number));
        desk.run_for(Duration::from_millis(1));
    }
    panic!("{what}: did not happen; {desk:?}");
}

#[test]
fn any_one_register_write_may_get_lost() {
    for after in 0..60 {
        let desk = Desk::new(Mode::Hardware, Settings::default());
        trouble(&desk, Trouble::DropWrite, after, 1);
        let mut desk = desk;
        desk.until("the link", Desk::is_up);
        desk.exchange(100, 0);
        desk.exchange(1514, 0);
        assert_eq!(desk.controller.violations(), [], "write {after}");
    }
}

#[test]
fn any_one_control_transfer_may_fail() {
    for fault in [Fault::Silence, Fault::AnswerLost, Fault::Stall, Fault::Babble] {
        for after in (0..200).step_by(7) {
            let mut desk = Desk::new(Mode::Hardware, Settings::default());
            // Enough to get through the controller's own repetitions.
            let times = match fault {
                Fault::Stall | Fault::Babble => 1,
                _ => 14,
            };
            let rules = [rule(0, TokenKind::In, fault, after, times)];
            desk.controller.set_faults(Faults::script(&rules));
            // A stall during enumeration is an answer: the device is left alone, by name.
            let named =
                |desk: &Desk| desk.told.iter().any(|event| matches!(event, NicEvent::Note(_)));
            desk.until("an outcome", |desk| desk.is_up() || named(desk));
            if !desk.wait(Desk::is_up) {
                desk.controller.detach();
                desk.run_for(Duration::from_secs(1));
                desk.controller.attach(desk.plug.clone());
                desk.until("the link", Desk::is_up);
            }
            desk.exchange(100, 0);
            assert_eq!(desk.controller.violations(), [], "{fault:?} {after}: {desk:?}");
        }
    }
}

#[test]
fn wrong_lengths_end_a_burst_and_the_next_one_is_clean() {
    let mut desk = Desk::up(Mode::Hardware, Settings::default());
    for what in [Trouble::WrongLength, Trouble::ShortBurst] {
        for _ in 0..5 {
            let before = desk.lan9514().bad_bursts();
            trouble(&desk, what, 0, 1);
            let done = |desk: &Desk| desk.chip.borrow().function_ref().troubles().struck() == 1;
            traffic(&mut desk, "trouble", done);
            desk.drain();
            assert!(desk.lan9514().bad_bursts() <= before + 1, "{what:?}: {desk:?}");
            desk.exchange(700, 0);
        }
    }
    desk.run_for(Duration::from_secs(2));
    assert!(desk.lan9514().bad_bursts() > 0, "{desk:?}");
    let told = desk.told.iter().any(|event| matches!(event, NicEvent::Note(_)));
    assert!(told, "nobody was told of a bad burst: {desk:?}");
    assert_eq!(desk.lan9514().lite_resets, 0);
    desk.no_rule_broken();
}

#[test]
fn frames_that_the_chip_calls_bad_are_counted() {
    let mut desk = Desk::up(Mode::Hardware, Settings::default());
    trouble(&desk, Trouble::ErrorStatus, 3, 2);
    traffic(&mut desk, "trouble", |desk| desk.lan9514().damaged_frames() == 2);
    desk.drain();
    desk.exchange(100, 0);
    assert_eq!(desk.lan9514().bad_bursts(), 0);
    desk.no_rule_broken();
}

#[test]
fn a_chip_that_only_sends_bad_bursts_is_reset_and_then_given_up() {
    let mut desk = Desk::up(Mode::Hardware, Settings::default());
    trouble(&desk, Trouble::WrongLength, 0, u32::MAX);
    let lost = |desk: &Desk| {
        desk.told.iter().any(|event| matches!(event, NicEvent::Lost(Reason::Lan9514(_))))
    };
    traffic(&mut desk, "a loss", lost);
    assert_eq!(desk.lan9514().lite_resets, u64::from(lan9514::limits::LITE_RESETS_MAX));
    trouble(&desk, Trouble::WrongLength, 0, 0);
    desk.until("the link", Desk::is_up);
    desk.drain();
    desk.exchange(100, 0);
    desk.no_rule_broken();
}

#[test]
fn storms_of_naks_only_take_time() {
    let mut desk = Desk::up(Mode::Hardware, Settings::default());
    trouble(&desk, Trouble::NakStorm(5000), 2, 1);
    for number in 0..10 {
        desk.exchange(200, number);
    }
    desk.no_rule_broken();
}

#[test]
fn halted_endpoints_are_brought_back() {
    // A frame that was cut off on its way out leaves the chip out of step.
    for (endpoint, token, resets) in [(1, TokenKind::In, 0), (2, TokenKind::Out, 1)] {
        let mut desk = Desk::up(Mode::Hardware, Settings::default());
        let rules = [rule(endpoint, token, Fault::Stall, 0, 1)];
        desk.controller.set_faults(Faults::script(&rules));
        desk.arrive(&frame(&MAC, 300, 0));
        desk.send(&frame(&[0x52; 6], 300, 0));
        desk.until("a recovery", |desk| desk.lan9514().halts_cleared == 1);
        desk.drain();
        for number in 0..5 {
            desk.exchange(64 + 100 * number, number);
        }
        assert_eq!(desk.lan9514().lite_resets, resets);
        desk.no_rule_broken();
    }
}

/// Under QEMU a STALL may come long after the transfer was given to the device.
#[test]
fn an_endpoint_that_stalls_late_costs_no_buffer() {
    let late = Fault::Late(Duration::from_millis(50));
    for (endpoint, token) in [(1, TokenKind::In), (2, TokenKind::Out)] {
        let mut desk = Desk::up(Mode::Hardware, Settings::default());
        for _ in 0..20 {
            let stall = rule(endpoint, token, Fault::Stall, 0, 1);
            let late = rule(endpoint, token, late, 1, 1);
            desk.controller.set_faults(Faults::script(&[stall, late]));
            desk.arrive(&frame(&MAC, 300, 0));
            desk.send(&frame(&[0x52; 6], 300, 0));
            desk.run_for(Duration::from_millis(200));
        }
        desk.controller.set_faults(Faults::none());
        desk.nic.power_cycle(&mut desk.clock, |_, _| Ok::<(), TimedOut>(())).expect("a reset");
        desk.until("the link", Desk::is_up);
        desk.drain();
        for number in 0..40 {
            desk.exchange(1514, number);
        }
        desk.no_rule_broken();
    }
}

#[test]
fn a_transmitter_that_stalls_is_brought_back() {
    let mut desk = Desk::up(Mode::Hardware, Settings::default());
    trouble(&desk, Trouble::StallOut, 1, 1);
    for number in 0..6 {
        desk.send(&frame(&[0x52; 6], 600, number));
    }
    desk.run_for(Duration::from_millis(200));
    desk.drain();
    desk.exchange(1514, 0);
    assert_eq!(desk.controller.violations(), []);
}

#[test]
fn a_device_that_never_comes_up_again_makes_a_power_cycle_due() {
    let mut desk = Desk::up(Mode::Hardware, Settings::default());
    let dead = [
        rule(1, TokenKind::In, Fault::Silence, 0, u32::MAX),
        rule(2, TokenKind::Out, Fault::Silence, 0, u32::MAX),
    ];
    desk.controller.set_faults(Faults::script(&dead));
    desk.until_told("the need", |event| matches!(event, NicEvent::PowerCycleDue { .. }));
    desk.controller.set_faults(Faults::none());
    desk.until("the link", Desk::is_up);
    desk.drain();
    desk.exchange(100, 0);
    desk.no_rule_broken();
}

/// One run by dice: traffic while the bus and the chip do what they should not; then all is well
/// again, and the link has to work, or its failure to have a name.
fn run(seed: u64) -> usize {
    const ON_BUS: [Fault; 9] = [
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
    const IN_CHIP: [Trouble; 8] = [
        Trouble::DropWrite,
        Trouble::WrongLength,
        Trouble::ErrorStatus,
        Trouble::ShortBurst,
        Trouble::LongBurst,
        Trouble::NakStorm(50),
        Trouble::StallOut,
        Trouble::Unplug,
    ];
    let mut random = Random::new(seed);
    let settings = Settings {
        autonegotiation: Duration::from_millis(1 + random.below(200) as u64),
        busy_reads: random.below(3) as u8,
        ..Settings::default()
    };
    let mut desk = Desk::new(Mode::Hardware, settings);
    // Half of the runs keep their plug, or they would not get far.
    let ends = if random.per_mille(500) { 1 } else { 0 };
    let on_bus = &ON_BUS[..ON_BUS.len() - ends];
    let in_chip = &IN_CHIP[..IN_CHIP.len() - ends];
    desk.controller.set_faults(Faults::seeded(seed, random.below(20), on_bus));
    let troubles = Troubles::seeded(seed, random.below(60), in_chip);
    desk.chip.borrow_mut().function().set_troubles(troubles);
    let heal = |desk: &mut Desk| {
        if desk.chip.borrow().function_ref().is_unplugged() {
            desk.controller.detach();
            desk.chip.borrow_mut().function().replug();
        }
        if !desk.controller.occupied() {
            desk.controller.attach(desk.plug.clone());
        }
    };
    for number in 0..40 {
        let bytes = 60 + random.below(1455);
        desk.arrive(&frame(&MAC, bytes, number));
        desk.send(&frame(&[0x52; 6], bytes, number));
        desk.run_for(Duration::from_millis(10));
        heal(&mut desk);
    }
    desk.controller.set_faults(Faults::none());
    desk.chip.borrow_mut().function().set_troubles(Troubles::none());
    heal(&mut desk);
    if !desk.wait(Desk::is_up) {
        // The device refused something that it must not refuse, which has a name; the next plugging
        // in is another chance.
        let named = |event: &NicEvent| matches!(event, NicEvent::Note(_) | NicEvent::Lost(_));
        assert!(desk.told.iter().any(named), "seed {seed}: {desk:?}");
        desk.controller.detach();
        desk.run_for(Duration::from_millis(200));
        desk.controller.attach(desk.plug.clone());
        desk.until("the link", Desk::is_up);
    }
    // A halt or a lost write may still wait to be noticed; what is under way then is lost.
    desk.send(&frame(&[0x52; 6], 60, 0));
    desk.drain();
    desk.until("the link", Desk::is_up);
    for number in 0..3 {
        desk.exchange(64 + 700 * number, number);
    }
    assert_eq!(desk.controller.violations(), [], "seed {seed}: {desk:?}");
    desk.told.len()
}

#[test]
fn seeded_runs_end_in_a_working_link_or_a_name() {
    // More of them by RUNS=10000, in a release build.
    let runs = std::env::var("RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(300);
    let told: usize = (0..runs).map(run).sum();
    assert!(told > 3 * runs as usize, "some of the runs had something to say");
}
