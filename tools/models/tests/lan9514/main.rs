//! The LAN9514 driver talks to the model of the chip, over the model of the DWC2: bring-up, frames,
//! the link, and what goes wrong. Whatever happens, the driver breaks no rule.

mod desk;
mod faults;
mod link;
mod plugging;
mod recovery;
mod sums;
mod wire;

use std::time::Duration;

use desk::{Desk, MAC, PI_3, chip};
use models::dwc2::Mode;
use models::hub::Hub;
use models::lan9514::{FAMILY, Settings};
use nic::{Config, Driver, Link, NicEvent, Rate};

/// Every kind of controller.
pub const MODES: [Mode; 2] = [Mode::Hardware, Mode::Qemu];
/// The link of a switch.
pub const HUNDRED_FULL: Link = Link::Up { rate: Some(Rate { megabits: 100, full_duplex: true }) };

#[test]
fn a_pi_3_is_brought_up() {
    for mode in MODES {
        let mut desk = Desk::new(mode, Settings::default());
        assert_eq!(desk.until_found(), (Driver::Lan9514, MAC, PI_3.into()));
        desk.until_link(HUNDRED_FULL);
        desk.exchange(60, 0);
        let counters = desk.lan9514();
        assert_eq!((counters.access_retries, counters.lite_resets), (0, 0));
        desk.no_rule_broken();
    }
}

#[test]
fn a_chip_at_the_root_port_as_qemu_has_it() {
    for mode in MODES {
        let chip = chip(Settings::default());
        let mut desk = Desk::with(mode, chip.clone(), chip);
        assert_eq!(desk.until_found(), (Driver::Lan9514, MAC, "1:(0424:ec00)".into()));
        desk.until_link(HUNDRED_FULL);
        desk.exchange(1514, 0);
        desk.no_rule_broken();
    }
}

#[test]
fn a_chip_behind_a_full_speed_hub() {
    for mode in MODES {
        let chip = chip(Settings::default());
        let hub = Hub::full_speed().share();
        hub.borrow_mut().attach(2, chip.clone());
        let mut desk = Desk::with(mode, chip, hub);
        let topology = "1:(0409:55aa 2:(0424:ec00))";
        assert_eq!(desk.until_found(), (Driver::Lan9514, MAC, topology.into()));
        desk.until_link(HUNDRED_FULL);
        for bytes in [60, 64, 512, 1514] {
            desk.exchange(bytes, 0);
        }
        desk.no_rule_broken();
    }
}

#[test]
fn the_whole_family_is_brought_up() {
    for model in &FAMILY {
        let chip = chip(Settings { model, ..Settings::default() });
        let mut desk = Desk::with(Mode::Hardware, chip.clone(), chip);
        let topology = format!("1:(0424:{:04x})", model.product);
        assert_eq!(desk.until_found(), (Driver::Lan9514, MAC, topology), "{}", model.name);
        desk.until_link(HUNDRED_FULL);
        desk.exchange(100, 0);
        desk.no_rule_broken();
    }
}

#[test]
fn an_eeprom_has_the_address() {
    let own = [0x00, 0x80, 0x0f, 0x95, 0x14, 0x01];
    let settings = Settings { eeprom_mac: Some(own), ..Settings::default() };
    let mut desk = Desk::new(Mode::Hardware, settings);
    assert_eq!(desk.until_found().1, own);
    desk.no_rule_broken();
}

#[test]
fn without_any_address_it_is_refused_by_name() {
    let chip = chip(Settings::default());
    let config = Config { mac_fallback: None };
    let mut desk = Desk::at_board(Mode::Hardware, chip.clone(), chip, config);
    let told = desk.until_told("a note", |event| matches!(event, NicEvent::Note(_)));
    let text = "LAN9512/LAN9514 0424:ec00 refused: no Ethernet address";
    assert_eq!(format!("{told:?}"), format!("Note({text:?})"));
    desk.no_rule_broken();
}

#[test]
fn bits_that_clear_themselves_may_take_their_time() {
    let settings = Settings { busy_reads: 9, ..Settings::default() };
    let mut desk = Desk::up(Mode::Hardware, settings);
    desk.exchange(100, 0);
    desk.no_rule_broken();
}

#[test]
fn an_idle_board_asks_rarely() {
    let mut desk = Desk::up(Mode::Hardware, Settings::default());
    desk.run_for(Duration::from_secs(5));
    desk.controller.take_trace();
    desk.run_for(Duration::from_secs(1));
    let trace = desk.controller.take_trace();
    // A look at the link, and two at the hub's port; three packets each, more or less.
    let control = trace.iter().filter(|packet| packet.endpoint == 0).count();
    assert!((3..=40).contains(&control), "{control} control packets in a second");
    desk.no_rule_broken();
}
