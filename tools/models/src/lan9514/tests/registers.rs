//! Registers, vendor requests, EEPROM, resets.

use super::*;

#[test]
fn after_reset_each_register_reads_as_documented() {
    let mut rig = Rig::of(Settings { cable: false, ..Settings::default() });
    let table = [
        (0x000, 0xec00_0002),
        (0x008, 0),
        (0x00c, 0),
        (0x010, 0),
        (0x014, 0),
        (0x018, 0),
        (0x01c, 0x2000),
        (0x020, 0),
        (0x024, 0),
        (0x028, 0x1f00_0000),
        (0x02c, 0),
        (0x030, 0),
        (0x034, 0),
        (0x038, 0),
        (0x068, 0),
        (0x06c, 0x800),
        (0x100, 0x0004_0000),
        (0x104, 0xffff),
        (0x108, 0xffff_ffff),
        (0x10c, 0),
        (0x110, 0),
        (0x114, 0),
        (0x118, 0),
        (0x11c, 0),
        (0x120, 0xffff),
        (0x124, 0xffff),
        (0x128, 0),
        (0x12c, 0),
        (0x130, 0),
    ];
    for (offset, value) in table {
        assert_eq!(rig.read(offset), value, "{offset:#x}");
    }
    assert_eq!(rig.mistakes(), []);
    assert_eq!(rig.read(0x200), 0);
    assert_eq!(rig.mistakes(), [Mistake::UnknownRegister { offset: 0x200 }]);
}

#[test]
fn a_write_changes_what_the_register_has() {
    // Offset, written, read back.
    let table = [
        (0x000, 0, 0xec00_0002),
        (0x00c, 1, 0),
        (0x010, 4, 4),
        (0x010, 5, 4),
        (0x010, 2, 0),
        (0x014, 0x1622, 0x1622),
        (0x014, 0x1000, 0x1000),
        (0x014, 8, 0),
        (0x018, 7, 0),
        (0x01c, 7, 0x2000),
        (0x020, 0x10, 0x80),
        (0x024, 0x0111_0000, 0x0111_0000),
        (0x02c, 0x00f8_30a1, 0x00f8_30a1),
        (0x038, 0x1_0025, 0x25),
        (0x068, 0x8000, 0x8000),
        (0x06c, 0x2000, 0x2000),
        (0x100, 0x0010_000c, 0x0010_000c),
        (0x104, 0xdead_5634, 0x5634),
        (0x120, 0xdead_8100, 0x8100),
        (0x130, 0xffff_ffff, 0x1_0003),
    ];
    let mut rig = Rig::linked();
    for (offset, written, read) in table {
        rig.write(offset, written);
        assert_eq!(rig.read(offset), read, "{offset:#x} {written:#x}");
    }
}

#[test]
fn interrupt_status_clears_what_is_written_as_one() {
    let mut rig = Rig::linked();
    let stopped = [
        (0x100, 0x0000_000c, 0),
        (0x100, 0x0000_0008, 1 << 16),
        (0x010, 4, 1 << 16),
        (0x010, 2, 1 << 17 | 1 << 16),
        (0x008, 1 << 16, 1 << 17),
        (0x008, u32::MAX, 0),
    ];
    for (offset, value, status) in stopped {
        rig.write(offset, value);
        assert_eq!(rig.read(0x008), status, "{offset:#x} {value:#x}");
    }
}

#[test]
fn resets_differ_in_what_they_keep() {
    // What is done; then MAC address low, AFC_CFG and PHY register 30.
    let table: [(&str, u32, u32, u32); 4] = [
        ("lite", 0x5678_1234, 0, 0x50),
        ("soft", u32::MAX, 0, 0),
        ("phy", 0x5678_1234, 0x00f8_30a1, 0),
        ("usb", u32::MAX, 0, 0),
    ];
    for (reset, address, flow, mask) in table {
        let mut rig = Rig::linked();
        rig.write(0x108, 0x5678_1234);
        rig.write(0x02c, 0x00f8_30a1);
        rig.mii_write(30, 0x50);
        match reset {
            "lite" => rig.write(0x014, 8),
            "soft" => rig.write(0x014, 1),
            "phy" => rig.write(0x020, 0x10),
            _ => {
                rig.usb.reset();
                assert_eq!(rig.usb.configuration(), 0);
                assert!(rig.usb.set_configuration(1));
            }
        }
        assert_eq!(rig.read(0x108), address, "{reset}");
        assert_eq!(rig.read(0x02c), flow, "{reset}");
        assert_eq!(rig.mii_read(30), mask, "{reset}");
        // Only a reset of the PHY takes the link down.
        assert_eq!(rig.usb.chip().link_is_up(), reset == "lite", "{reset}");
    }
}

#[test]
fn self_clearing_bits_may_take_their_time() {
    let mut rig = Rig::of(Settings { busy_reads: 2, ..Settings::default() });
    for (offset, bit) in [(0x014, 8), (0x014, 1), (0x020, 0x10), (0x010, 1), (0x00c, 1)] {
        rig.write(offset, bit);
        let seen = [(); 3].map(|()| rig.read(offset) & bit);
        assert_eq!(seen, [bit, bit, 0], "{offset:#x}");
    }
    rig.write(0x114, 1 << 11 | 2 << 6 | 1);
    assert_eq!(rig.read(0x118), 0, "too early");
    assert_eq!(rig.mistakes(), [Mistake::MiiBusy]);
    assert_eq!((rig.read(0x114) & 1, rig.read(0x114) & 1, rig.read(0x114) & 1), (1, 1, 0));
    assert_eq!(rig.read(0x118), 7);
}

#[test]
fn without_an_eeprom_every_operation_times_out() {
    let mut rig = Rig::linked();
    rig.write(0x030, 1 << 31 | 1);
    assert_eq!(rig.read(0x030), 1 << 10 | 1);
    assert_eq!((rig.read(0x104), rig.read(0x108)), (0xffff, u32::MAX));
}

#[test]
fn an_eeprom_holds_the_address_and_is_written_when_enabled() {
    let mut rig = Rig::of(Settings { eeprom_mac: Some(MAC), ..Settings::default() });
    assert_eq!((rig.read(0x104), rig.read(0x108)), (0x5634, 0x12eb_27b8));
    for (address, byte) in [(0, 0xa5), (1, 0xb8), (6, 0x56), (7, 0xff)] {
        rig.write(0x030, 1 << 31 | address);
        assert_eq!(rig.read(0x030), 1 << 9 | address);
        assert_eq!(rig.read(0x034), byte);
    }
    // Not enabled; enabled; read back, and loaded.
    rig.write(0x034, 0x57);
    rig.write(0x030, 1 << 31 | 3 << 28 | 6);
    assert_eq!(rig.read(0x030) & 1 << 10, 1 << 10);
    rig.write(0x030, 1 << 31 | 2 << 28);
    rig.write(0x034, 0x57);
    rig.write(0x030, 1 << 31 | 3 << 28 | 6);
    assert_eq!(rig.read(0x030) & 1 << 10, 0);
    rig.write(0x030, 1 << 31 | 7 << 28);
    assert_eq!(rig.read(0x104), 0x5734);
}

#[test]
fn requests_that_the_chip_does_not_know_stall() {
    let mut rig = Rig::linked();
    let table: [(Setup, &[u8]); 6] = [
        (Setup { request_type: 0xc0, request: 0xa1, value: 0, index: 0, length: 2 }, &[]),
        (Setup { request_type: 0xc0, request: 0xa1, value: 0, index: 2, length: 4 }, &[]),
        (Setup { request_type: 0x40, request: 0xa0, value: 0, index: 0x24, length: 2 }, &[1, 2]),
        (Setup { request_type: 0x40, request: 0xa0, value: 0, index: 0x24, length: 0 }, &[]),
        (Setup { request_type: 0xc0, request: 0xa2, value: 0, index: 2, length: 4 }, &[]),
        (Setup { request_type: 0xc0, request: 0xa3, value: 0, index: 0, length: 4 }, &[]),
    ];
    for (setup, data) in table {
        assert_eq!(rig.usb.control(&setup, data), Reply::Stall, "{setup:?}");
    }
    assert_eq!(rig.mistakes().len(), table.len());
    assert_eq!(rig.read(0x000), 0xec00_0002);
}

#[test]
fn get_stats_tells_and_clears() {
    let mut rig = Rig::running();
    rig.usb.frame_from_wire(&frame(60));
    rig.usb.chip().damaged_frame_from_wire(&frame(60));
    assert_eq!(rig.usb.bulk_out(&command(&frame(60), 0)), OutReply::Ack);
    let mut stats = |index, length| {
        let setup = Setup { request_type: 0xc0, request: 0xa2, value: 0, index, length };
        let Reply::Done(bytes) = rig.usb.control(&setup, &[]) else { panic!() };
        bytes.chunks(4).map(|word| word[0]).collect::<Vec<_>>()
    };
    assert_eq!(stats(0, 0x20), [1, 1, 0, 0, 0, 0, 1, 0]);
    assert_eq!(stats(0, 0x20), [0; 8]);
    assert_eq!(stats(1, 0x28), [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(stats(1, 0x28), [0; 10]);
}

#[test]
fn the_statistics_of_younger_chips_run_on() {
    let model = FAMILY.iter().find(|model| model.name == "LAN9500A").unwrap();
    let mut rig = Rig::of(Settings { model, ..Settings::default() });
    rig.millis(400);
    rig.set_mac(MAC);
    rig.write(0x100, 0x0010_0004);
    let setup = Setup { request_type: 0xc0, request: 0xa2, value: 0, index: 0, length: 8 };
    for damaged in 1..4 {
        rig.usb.chip().damaged_frame_from_wire(&frame(60));
        assert_eq!(rig.usb.control(&setup, &[]), Reply::Done(vec![0, 0, 0, 0, damaged, 0, 0, 0]));
    }
}

#[test]
fn every_model_of_the_family_tells_its_ids() {
    for model in &FAMILY {
        let mut rig = Rig::of(Settings { model, ..Settings::default() });
        let device = rig.usb.descriptors().device;
        assert_eq!(device[8..12], [0x24, 4, model.product as u8, (model.product >> 8) as u8]);
        assert_eq!(rig.read(0), model.id_rev);
    }
}
