//! Devices that are slow, deaf or damaged: how long they may keep the loop, and how often they are
//! tried again.

use std::time::Duration;

use models::cdc_ecm::CdcEcm;
use models::dwc2::Mode;
use models::faults::{Fault, Faults, Rule, TokenKind};
use models::hub::Hub;
use nic::{Driver, Link, NicEvent, Reason};

use crate::{Bench, behind, drain, exchange, frame};

#[test]
fn a_hub_that_answers_late_never_keeps_the_loop_for_long() {
    let late = |token| Rule {
        endpoint: 0,
        token,
        after: 0,
        times: u32::MAX,
        fault: Fault::Late(Duration::from_millis(1900)),
    };
    let adapter = CdcEcm::dongle().share();
    let hub = behind(Hub::lan9514(), 1, adapter.clone());
    let mut bench = Bench::with(Mode::Hardware, hub);
    bench.chip.set_faults(Faults::script(&[late(TokenKind::In), late(TokenKind::Out)]));
    let mut longest = Duration::ZERO;
    let end = bench.clock.peek() + Duration::from_secs(120);
    while bench.clock.peek() < end {
        let before = bench.clock.peek();
        bench.turn();
        longest = longest.max(bench.clock.peek() - before);
    }
    // The whole budget, and a stage of a control transfer that was under way at its end.
    let bound = usb::limits::ENUMERATION_MAX + dwc2::limits::CONTROL_WAIT_MAX;
    assert!(longest > usb::limits::ENUMERATION_MAX / 2, "it was kept for {longest:?} only");
    assert!(longest <= bound, "{longest:?}");
    let named = |told: &NicEvent| matches!(told, NicEvent::Note(text) if text.contains("no time"));
    assert!(bench.told.iter().any(named), "{:?}", bench.told);
    bench.chip.set_faults(Faults::none());
    // The longest rest, and a walk.
    bench.run(nic::limits::RETRY_MAX + Duration::from_secs(5));
    assert_eq!(bench.nic.driver(), Some(Driver::Ecm), "{:?}", bench.told);
    exchange(&mut bench, &adapter, &[60]);
    bench.no_rule_broken();
}

#[test]
fn a_hub_that_grows_late_while_its_adapter_works_is_given_up() {
    let adapter = CdcEcm::dongle().share();
    let hub = behind(Hub::lan9514(), 1, adapter.clone());
    let mut bench = Bench::with(Mode::Hardware, hub);
    bench.until_found();
    let late = Fault::Late(Duration::from_millis(1900));
    let rule = Rule { endpoint: 0, token: TokenKind::In, after: 0, times: u32::MAX, fault: late };
    bench.chip.set_faults(Faults::script(&[rule]));
    let before = bench.clock.peek();
    let lost = bench.until("lost", |event| matches!(event, NicEvent::Lost(_)));
    assert!(matches!(lost, NicEvent::Lost(Reason::Hub(_))), "{lost:?}");
    assert!(bench.clock.peek() - before < Duration::from_secs(4));
    bench.chip.set_faults(Faults::none());
    bench.until_found();
    exchange(&mut bench, &adapter, &[60]);
    bench.no_rule_broken();
}

#[test]
fn a_configuration_that_was_damaged_on_its_way_is_read_again() {
    // Transactions of endpoint 0 after which one answer is cut short, throughout the enumeration of
    // a device with two configurations, of which the second one is Ethernet.
    for after in 0..40 {
        let adapter = CdcEcm::qemu().share();
        let mut bench = Bench::with(Mode::Hardware, adapter.clone());
        let (endpoint, token) = (0, TokenKind::In);
        let rule = Rule { endpoint, token, after, times: 1, fault: Fault::Short(20) };
        bench.chip.set_faults(Faults::script(&[rule]));
        bench.until_found();
        exchange(&mut bench, &adapter, &[60]);
    }
}

#[test]
fn an_adapter_without_a_carrier_is_left_in_peace() {
    let adapter = CdcEcm::dongle().share();
    let mut bench = Bench::with(Mode::Hardware, adapter.clone());
    bench.until_found();
    let deaf =
        Rule { endpoint: 2, token: TokenKind::Out, after: 0, times: u32::MAX, fault: Fault::Nak };
    bench.chip.set_faults(Faults::script(&[deaf]));
    for number in 0..16 {
        bench.send(&frame(200, number));
    }
    adapter.borrow_mut().function().set_link(false);
    bench.until("down", |event| *event == NicEvent::Link(Link::Down));
    bench.run(Duration::from_secs(60));
    assert!(!bench.send(&frame(200, 0)), "nothing goes without a link");
    assert!(!bench.told.iter().any(|event| matches!(event, NicEvent::Lost(_))), "{:?}", bench.told);
    bench.chip.set_faults(Faults::none());
    adapter.borrow_mut().function().set_link(true);
    bench.until("up", |event| matches!(event, NicEvent::Link(Link::Up { .. })));
    drain(&mut bench, &adapter);
    exchange(&mut bench, &adapter, &[60, 1514]);
    bench.no_rule_broken();
}

#[test]
fn an_adapter_that_takes_nothing_and_says_nothing_is_restarted_ever_more_rarely() {
    let adapter = CdcEcm::dongle().share();
    let mut bench = Bench::with(Mode::Hardware, adapter);
    let deaf =
        Rule { endpoint: 2, token: TokenKind::Out, after: 0, times: u32::MAX, fault: Fault::Nak };
    bench.chip.set_faults(Faults::script(&[deaf]));
    let mut found = Vec::new();
    let end = bench.clock.peek() + Duration::from_secs(300);
    while bench.clock.peek() < end {
        bench.send(&frame(200, 0));
        bench.run(Duration::from_millis(50));
        let now = bench.clock.peek();
        let new = bench.told.drain(..).filter(|event| matches!(event, NicEvent::Found { .. }));
        found.extend(new.map(|_| now));
    }
    let gaps: Vec<_> = found.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.len() >= 4 && gaps.last() > Some(&(gaps[0] + Duration::from_secs(5))), "{gaps:?}");
    bench.no_rule_broken();
}
