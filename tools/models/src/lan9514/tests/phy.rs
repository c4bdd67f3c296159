//! The PHY: autonegotiation, the latching link bit, interrupts.

use super::*;

#[test]
fn autonegotiation_takes_its_time() {
    for time in [0, 1, 300, 5000] {
        let autonegotiation = Duration::from_millis(time);
        let mut rig = Rig::of(Settings { autonegotiation, ..Settings::default() });
        rig.mii_write(0, 0x3200);
        let started = rig.now;
        if time > 0 {
            assert_eq!(rig.mii_read(1) & 0x24, 0, "{time} ms");
            assert_eq!(rig.usb.deadline(), Some(started + autonegotiation));
        }
        rig.now += autonegotiation.saturating_sub(Duration::from_nanos(1));
        rig.usb.advance(rig.now);
        assert_eq!(rig.usb.chip().link_is_up(), time == 0);
        rig.now = started + autonegotiation;
        rig.usb.advance(rig.now);
        assert!(rig.usb.chip().link_is_up(), "{time} ms");
        assert_eq!(rig.usb.deadline(), None);
    }
}

#[test]
fn what_is_negotiated_is_the_best_in_common() {
    // Advertised, partner; then ANLPAR and register 31, or no link.
    let table = [
        (0x01e1, Partner::FULL_100, Some((0xcde1, 0x1058))),
        (0x01e1, Partner::HALF_100, Some((0x4081, 0x1048))),
        (0x01e1, Partner::FULL_10, Some((0x4041, 0x1054))),
        (0x01e1, Partner::HALF_10, Some((0x4021, 0x1044))),
        (0x0081, Partner::FULL_100, Some((0xcde1, 0x1048))),
        (0x0061, Partner::FULL_100, Some((0xcde1, 0x1054))),
        (0x0101, Partner::HALF_100, None),
    ];
    for (advertised, partner, expected) in table {
        let mut rig = Rig::of(Settings { partner, ..Settings::default() });
        rig.mii_write(4, advertised);
        rig.mii_write(0, 0x3200);
        rig.millis(1000);
        let link = rig.usb.chip().link_is_up().then(|| (rig.mii_read(5), rig.mii_read(31)));
        assert_eq!(link, expected, "{advertised:#x} {partner:?}");
    }
}

#[test]
fn the_identity_reads_as_a_lan8700() {
    let mut rig = Rig::linked();
    let table = [(0, 0x3000), (2, 0x0007), (3, 0xc0c3), (4, 0x01e1), (5, 0xcde1), (17, 2)];
    for (register, value) in table {
        assert_eq!(rig.mii_read(register), value, "{register}");
    }
    assert_eq!((rig.mii_read(18), rig.mii_read(31)), (0x00e1, 0x1058));
    // Another address has no PHY.
    rig.write(0x114, 2 << 11 | 2 << 6 | 1);
    assert_eq!(rig.read(0x118), 0xffff);
}

#[test]
fn the_link_bit_latches_low_until_it_is_read() {
    let mut rig = Rig::linked();
    assert_eq!(rig.mii_read(1), 0x7829, "it was down before");
    assert_eq!(rig.mii_read(1), 0x782d);
    rig.usb.chip().plug_cable(false);
    rig.usb.chip().plug_cable(true);
    rig.millis(400);
    assert!(rig.usb.chip().link_is_up());
    assert_eq!(rig.mii_read(1), 0x7829, "it was down meanwhile");
    assert_eq!(rig.mii_read(1), 0x782d);
    rig.usb.chip().plug_cable(false);
    assert_eq!((rig.mii_read(1), rig.mii_read(1)), (0x7809, 0x7809));
    assert_eq!(rig.mii_read(17), 0);
}

#[test]
fn link_changes_interrupt_and_reading_the_source_clears() {
    let mut rig = Rig::linked();
    assert_eq!(rig.mii_read(29), 0x40);
    rig.mii_write(30, 0x50);
    rig.write(0x068, 0x8000);
    assert_eq!(rig.usb.interrupt(), None);
    // Cable out, in, negotiated: the source; and one packet for each, told once.
    rig.usb.chip().plug_cable(false);
    assert_eq!(rig.usb.interrupt(), Some([0, 0x80, 0, 0]));
    assert_eq!(rig.usb.interrupt(), None);
    assert_eq!(rig.read(0x008), 0x8000);
    rig.write(0x008, u32::MAX);
    assert_eq!(rig.read(0x008), 0x8000, "a level");
    assert_eq!(rig.mii_read(29), 0x10);
    assert_eq!(rig.read(0x008), 0);
    assert_eq!(rig.usb.interrupt(), None);
    rig.usb.chip().plug_cable(true);
    rig.millis(400);
    assert_eq!(rig.usb.interrupt(), Some([0, 0x80, 0, 0]));
    assert_eq!(rig.mii_read(29), 0xc0);
    assert_eq!(rig.mii_read(29), 0);
    // Seen and gone before anyone asked: the same word is news again.
    for _ in 0..2 {
        rig.usb.chip().plug_cable(false);
        assert_eq!(rig.usb.interrupt(), Some([0, 0x80, 0, 0]));
        rig.mii_read(29);
        rig.usb.chip().plug_cable(true);
        rig.millis(400);
        rig.mii_read(29);
    }
    // Masked in the PHY, or in the chip.
    rig.mii_write(30, 0);
    rig.usb.chip().plug_cable(false);
    assert_eq!(rig.usb.interrupt(), None);
    rig.mii_write(30, 0x50);
    rig.write(0x068, 0);
    assert_eq!(rig.usb.interrupt(), None);
}

#[test]
fn power_down_and_forced_modes() {
    let mut rig = Rig::linked();
    rig.mii_write(0, 0x0800);
    rig.millis(1000);
    assert!(!rig.usb.chip().link_is_up());
    for (control, special) in [(0x2100, 0x58), (0x2000, 0x48), (0x0100, 0x54), (0x0000, 0x44)] {
        rig.mii_write(0, control);
        rig.millis(20);
        assert_eq!(rig.mii_read(31), special, "{control:#x}");
        assert_eq!(rig.mii_read(5), 0);
    }
    rig.mii_write(0, 0x8000);
    assert_eq!(rig.mii_read(0), 0x3000);
}
