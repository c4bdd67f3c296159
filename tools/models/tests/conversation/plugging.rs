//! Devices come and go, and ports with them.

use std::time::Duration;

use models::cdc_ecm::CdcEcm;
use models::dwc2::Mode;
use models::faults::{Fault, Faults, TokenKind};
use models::hub::Hub;
use usb::Host;

use crate::attachments::{MODES, attachments};
use crate::desk::{Desk, frame};
use crate::faults::rule;

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
fn a_port_restarted_in_a_burst_gives_all_buffers_back() {
    for mode in MODES {
        for (topology, device, plug) in attachments() {
            let mut desk = Desk::working(mode, plug);
            for round in 0..10 {
                for n in 0..16 {
                    device.borrow_mut().function().send(&frame(1500, n));
                    desk.send(&frame(1500, n));
                }
                desk.run_for(Duration::from_micros(130 * round));
                let now = desk.clock.peek();
                desk.host.restart_port(now);
                desk.until("the loss", |desk| !desk.works());
                desk.until("the device to work again", Desk::works);
            }
            assert_eq!(desk.violations(), [], "{mode:?} {topology}");
        }
    }
}

#[test]
fn a_channel_that_does_not_halt_costs_a_core_reset() {
    for channel in 1..=3 {
        let device = CdcEcm::dongle().share();
        let mut desk = Desk::working(Mode::Hardware, device.clone());
        desk.exchange(&device, &frame(100, 0));
        desk.chip.set_faults(Faults::script(&[rule(2, TokenKind::Out, Fault::Nak, 0, 1_000_000)]));
        desk.send(&frame(1500, 0));
        desk.run_for(Duration::from_millis(5));
        desk.chip.jam(channel);
        desk.chip.set_faults(Faults::none());
        let now = desk.clock.peek();
        desk.host.restart_port(now);
        desk.until("the loss", |desk| !desk.works());
        desk.until("the device to work again", Desk::works);
        desk.run_for(Duration::from_millis(50));
        while device.borrow_mut().function().received().is_some() {}
        desk.exchange(&device, &frame(99, 0));
        assert_eq!(desk.violations(), [], "channel {channel}");
    }
}
