//! The transfer-level face: what a usbredir server needs besides registers and frames.

use super::*;

#[test]
fn descriptors_are_those_of_a_board() {
    for (speed, bulk, interval) in [(Speed::High, 512, 4), (Speed::Full, 64, 1)] {
        let mut usb = Transfers::new(Settings::default(), speed);
        let told = usb.descriptors();
        let get = |value, length| Setup { request_type: 0x80, request: 6, value, index: 0, length };
        assert_eq!(usb.control(&get(0x100, 64), &[]), Reply::Done(told.device.clone()));
        assert_eq!(told.device[4..8], [0xff, 0, 1, 64]);
        assert_eq!(told.device[12..14], [0, 2]);
        let configuration = told.configurations[0].clone();
        assert_eq!(usb.control(&get(0x200, 9), &[]), Reply::Done(configuration[..9].to_vec()));
        assert_eq!(usb.control(&get(0x200, 255), &[]), Reply::Done(configuration.clone()));
        assert_eq!((configuration.len(), configuration[7], configuration[8]), (39, 0xe0, 1));
        let endpoints = told.endpoints(1, |_| 0);
        let facts = endpoints.iter().map(|end| (end.address, end.max_packet, end.interval));
        let expected = [(0x81, bulk, 0), (2, bulk, 0), (0x83, 16, interval)];
        assert_eq!(facts.collect::<Vec<_>>(), expected);
        // No strings.
        assert_eq!(usb.control(&get(0x300, 255), &[]), Reply::Stall);
    }
}

#[test]
fn configuration_and_setting_are_chosen_like_any_request() {
    let mut usb = Transfers::new(Settings::default(), Speed::High);
    assert_eq!(usb.configuration(), 0);
    assert!(!usb.set_configuration(2));
    assert!(usb.set_configuration(1));
    assert_eq!(usb.configuration(), 1);
    assert!(usb.set_alternate(0, 0));
    assert!(!usb.set_alternate(0, 1));
    assert!(!usb.set_alternate(1, 0));
    let address = Setup { request: 5, value: 7, ..Setup::default() };
    assert_eq!(usb.control(&address, &[]), Reply::Done(vec![]));
    assert_eq!(usb.configuration(), 1, "the address is the server's business");
    assert!(usb.set_configuration(0));
    // Without a configuration there are no endpoints.
    assert_eq!(usb.bulk_in(512), InReply::Pending);
    assert_eq!(usb.bulk_out(&[0; 8]), OutReply::Pending);
    assert_eq!(usb.interrupt(), None);
}

#[test]
fn full_speed_has_smaller_packets_and_burst_units() {
    let mut rig =
        Rig { usb: Transfers::new(Settings::default(), Speed::Full), now: Duration::ZERO };
    rig.millis(400);
    assert!(rig.usb.set_configuration(1));
    rig.write(0x014, 0x1022);
    rig.write(0x038, 33);
    rig.set_mac(MAC);
    rig.write(0x100, 0x0010_000c);
    (0..3).for_each(|_| rig.usb.frame_from_wire(&frame(1000)));
    // 33 units of 64 bytes hold two frames.
    assert_eq!(split(&rig.data(), 0).len(), 2);
    assert_eq!(split(&rig.data(), 0).len(), 1);
}

#[test]
fn a_reset_forgets_transfers_under_way() {
    let mut rig = Rig::running();
    rig.write(0x010, 2);
    rig.usb.frame_from_wire(&frame(1000));
    rig.millis(1);
    assert!(matches!(rig.usb.bulk_in(512), InReply::Data(_)));
    let big = vec![command(&frame(1000), 0); 9].concat();
    assert_eq!(rig.usb.bulk_out(&big), OutReply::Pending);
    rig.usb.reset();
    assert!(rig.usb.set_configuration(1));
    rig.write(0x014, 0x1000);
    assert_eq!(rig.burst(), InReply::Pending);
    rig.write(0x100, 0x0010_000c);
    rig.write(0x010, 4);
    rig.millis(400);
    assert_eq!(rig.usb.bulk_out(&command(&frame(60), 0)), OutReply::Ack);
    assert_eq!(rig.hear(), Some(frame(60)));
}
