//! Devices come and go, in the middle of whatever they were doing.

use std::time::Duration;

use models::dwc2::Mode;
use models::lan9514::{Settings, Trouble, TroubleRule, Troubles};
use nic::{NicEvent, Reason};

use crate::MODES;
use crate::desk::{Desk, MAC, frame};

/// Traffic both ways for a moment that `round` chooses.
fn busy(desk: &mut Desk, round: usize) {
    for number in 0..12 {
        desk.arrive(&frame(&MAC, 1514, number));
        desk.send(&frame(&[0x52; 6], 1514, number));
    }
    desk.run_for(Duration::from_micros(130 * (round as u64 % 30)));
}

#[test]
fn a_thousand_times_unplugged_and_no_buffer_lost() {
    for mode in MODES {
        let mut desk = Desk::new(
            mode,
            Settings { autonegotiation: Duration::from_millis(5), ..Settings::default() },
        );
        for round in 0..500 {
            desk.until("the link", Desk::is_up);
            busy(&mut desk, round);
            desk.controller.detach();
            let lost = desk.until_told("the loss", |event| matches!(event, NicEvent::Lost(_)));
            assert!(matches!(lost, NicEvent::Lost(Reason::Unplugged)), "{lost:?}");
            desk.controller.attach(desk.plug.clone());
        }
        desk.until("the link", Desk::is_up);
        desk.drain();
        // A buffer that was lost would keep the driver from attaching: it counts them.
        for number in 0..40 {
            desk.exchange(1514, number);
        }
        desk.no_rule_broken();
    }
}

#[test]
fn unplugged_in_the_middle_of_a_burst() {
    let mut desk = Desk::up(Mode::Hardware, Settings::default());
    for _ in 0..5 {
        let pulled = TroubleRule { trouble: Trouble::Unplug, after: 0, times: 1 };
        desk.chip.borrow_mut().function().set_troubles(Troubles::script(&[pulled]));
        busy(&mut desk, 20);
        desk.until("the plug", |desk| desk.chip.borrow().function_ref().is_unplugged());
        desk.controller.detach();
        desk.until("the loss", |desk| !desk.is_up());
        desk.chip.borrow_mut().function().replug();
        desk.controller.attach(desk.plug.clone());
        desk.until("the link", Desk::is_up);
        desk.drain();
        desk.exchange(1000, 0);
    }
    desk.no_rule_broken();
}

#[test]
fn a_port_that_drops_is_brought_back() {
    let mut desk = Desk::up(Mode::Hardware, Settings::default());
    for round in 0..10 {
        busy(&mut desk, round);
        desk.controller.drop_port();
        desk.until("the loss", |desk| !desk.is_up());
        desk.until("the link", Desk::is_up);
        desk.drain();
        desk.exchange(60, round);
    }
    desk.no_rule_broken();
}
