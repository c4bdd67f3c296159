//! Cables, partners, and PHYs that take their time.

use std::time::Duration;

use models::dwc2::Mode;
use models::faults::{Fault, Faults, TokenKind};
use models::lan9514::{Partner, Settings};
use nic::{Link, NicEvent, Rate};

use crate::desk::Desk;
use crate::faults::rule;
use crate::{HUNDRED_FULL, MODES};

#[test]
fn a_phy_may_be_late() {
    for seconds in [0, 2, 5] {
        let autonegotiation = Duration::from_secs(seconds);
        let mut desk =
            Desk::new(Mode::Hardware, Settings { autonegotiation, ..Settings::default() });
        desk.until_found();
        let found = desk.clock.peek();
        desk.until("the link", Desk::is_up);
        let late = (desk.clock.peek() - found).saturating_sub(autonegotiation);
        // The interrupt tells.
        assert!(late < Duration::from_millis(150), "{late:?} after the PHY");
        desk.exchange(100, 0);
        desk.no_rule_broken();
    }
}

#[test]
fn the_cable_goes_out_and_in() {
    for mode in MODES {
        let mut desk = Desk::new(mode, Settings { cable: false, ..Settings::default() });
        desk.until_found();
        desk.run_for(Duration::from_secs(3));
        assert!(!desk.is_up() && !desk.send(&[0; 60]), "nothing goes without a link");
        for round in 0..20 {
            desk.chip.borrow_mut().function().plug_cable(true);
            desk.until_link(HUNDRED_FULL);
            desk.exchange(60 + round, round);
            desk.chip.borrow_mut().function().plug_cable(false);
            desk.until_link(Link::Down);
        }
        assert_eq!(desk.lan9514().lite_resets, 0);
        desk.no_rule_broken();
    }
}

#[test]
fn duplex_follows_the_partner() {
    let partners = [
        (Partner::FULL_100, 100, true),
        (Partner::HALF_100, 100, false),
        (Partner::FULL_10, 10, true),
        (Partner::HALF_10, 10, false),
    ];
    for (partner, megabits, full_duplex) in partners {
        let mut desk = Desk::new(Mode::Hardware, Settings { partner, ..Settings::default() });
        desk.until_link(Link::Up { rate: Some(Rate { megabits, full_duplex }) });
        for number in 0..50 {
            desk.exchange(60 + number * 29, number);
        }
        let statistics = desk.statistics();
        assert_eq!((statistics.duplex_lost_in, statistics.duplex_lost_out), (0, 0));
        assert_eq!(statistics.echoed, 0);
        desk.no_rule_broken();
    }
}

#[test]
fn another_partner_is_another_link() {
    let mut desk = Desk::up(Mode::Hardware, Settings::default());
    for (partner, full_duplex) in [(Partner::HALF_100, false), (Partner::FULL_100, true)] {
        desk.chip.borrow_mut().function().set_partner(partner);
        desk.until_link(Link::Up { rate: Some(Rate { megabits: 100, full_duplex }) });
        desk.exchange(500, 0);
    }
    desk.no_rule_broken();
}

#[test]
fn a_flap_that_nobody_saw_is_noticed_all_the_same() {
    let settings = Settings { autonegotiation: Duration::from_millis(1), ..Settings::default() };
    let mut desk = Desk::up(Mode::Hardware, settings);
    desk.run_for(Duration::from_secs(2));
    desk.chip.borrow_mut().function().set_partner(Partner::HALF_100);
    // No turn of the loop in between.
    desk.clock.advance(Duration::from_millis(50));
    let half = Link::Up { rate: Some(Rate { megabits: 100, full_duplex: false }) };
    desk.until("half duplex", |desk| desk.nic.link() == half);
    desk.exchange(100, 0);
    desk.no_rule_broken();
}

#[test]
fn without_interrupts_the_slow_look_finds_the_link() {
    let mut desk = Desk::new(Mode::Hardware, Settings::default());
    let deaf = rule(3, TokenKind::In, Fault::Silence, 0, u32::MAX);
    desk.controller.set_faults(Faults::script(&[deaf]));
    desk.until_link(HUNDRED_FULL);
    let before = desk.clock.peek();
    desk.chip.borrow_mut().function().plug_cable(false);
    desk.until_link(Link::Down);
    assert!(desk.clock.peek() - before < Duration::from_millis(1500));
    desk.chip.borrow_mut().function().plug_cable(true);
    desk.until_link(HUNDRED_FULL);
    desk.exchange(100, 0);
    assert!(!desk.told.iter().any(|event| matches!(event, NicEvent::Lost(_))));
    desk.no_rule_broken();
}
