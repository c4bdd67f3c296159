//! The drivers talk to the model: enumeration, CDC-ECM, frames, and what goes wrong on a bus.
//! Whatever happens, the drivers break no rule.

mod attachments;
mod desk;
mod faults;
mod lies;
mod plugging;

use std::time::Duration;

use attachments::{MODES, attachments};
use desk::{Desk, frame};
use models::cdc_ecm::CdcEcm;
use models::dwc2::{End, Mode};
use models::hub::Hub;

const MAC: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];

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
