//! Frames out: commands, padding, checksums, and what a bad command costs.

use super::*;

fn long(a: u32, b: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = [a.to_le_bytes(), b.to_le_bytes()].concat();
    bytes.resize(8 + (a >> 16 & 3) as usize, 0xee);
    bytes.extend_from_slice(data);
    bytes
}

fn padded(bytes: Vec<u8>) -> Vec<u8> {
    let len = bytes.len().next_multiple_of(4);
    let mut bytes = bytes;
    bytes.resize(len, 0xee);
    bytes
}

#[test]
fn frames_of_every_size_go_out_and_short_ones_are_padded() {
    let mut rig = Rig::running();
    for len in [14, 42, 59, 60, 61, 62, 63, 503, 504, 505, 1015, 1016, 1017, 1513, 1514] {
        assert_eq!(rig.usb.bulk_out(&command(&frame(len), 0)), OutReply::Ack);
        // As a host ends a multiple of the packet size.
        assert_eq!(rig.usb.bulk_out(&[]), OutReply::Ack);
        let mut expected = frame(len);
        expected.resize(len.max(60), 0);
        assert_eq!(rig.hear(), Some(expected), "{len}");
    }
    assert_eq!(rig.hear(), None);
    assert_eq!(rig.mistakes(), []);
    assert_eq!(rig.read(0x01c), 0x2000);
}

#[test]
fn a_frame_may_come_in_segments_and_packets_of_any_size() {
    let whole = frame(101);
    let stream = [
        padded(long(0x2000 | 3 << 16 | 17, 101, &whole[..17])),
        padded(long(1 << 16 | 4, 101, &whole[17..21])),
        padded(long(0x1000 | 80, 101, &whole[21..])),
        padded(command(&frame(60), 0)),
        command(&frame(1001), 0),
    ]
    .concat();
    for piece in [4, 8, 64, 100, 512, stream.len()] {
        let mut rig = Rig::running();
        for part in stream.chunks(piece) {
            assert_eq!(rig.usb.bulk_out(part), OutReply::Ack);
        }
        assert_eq!(rig.hear(), Some(whole.clone()), "{piece}");
        assert_eq!(rig.hear(), Some(frame(60)));
        assert_eq!(rig.hear(), Some(frame(1001)));
        assert_eq!(rig.mistakes(), []);
    }
}

#[test]
fn checksums_are_inserted_where_the_chip_can() {
    // Frame, start, field; true if it works.
    let table = [
        (60, 14, 24, true),
        (74, 34, 50, true),
        (1513, 34, 50, true),
        (60, 34, 54, true),
        (60, 34, 55, false),
        (54, 34, 50, false), // A bare TCP acknowledgement.
        (60, 13, 24, false),
        (60, 14, 13, false),
        (60, 60, 24, false),
        (60, 0xfff, 0xfff, false),
    ];
    for (len, start, field, works) in table {
        let mut rig = Rig::running();
        rig.write(0x010, 2);
        rig.write(0x130, 0x1_0000);
        rig.write(0x010, 4);
        let mut data = (start as u32 | (field as u32) << 16).to_le_bytes().to_vec();
        data.extend_from_slice(&frame(len));
        assert_eq!(rig.usb.bulk_out(&command(&data, 0x4000)), OutReply::Ack);
        let mut expected = frame(len);
        expected.resize(len.max(60), 0);
        let heard = rig.hear().unwrap();
        if works {
            // What was in the field counts: drivers leave the pseudo-header's sum there.
            let sum = !ones_sum(&expected[start..]);
            expected[field..field + 2].copy_from_slice(&sum.to_be_bytes());
            assert_eq!(heard, expected);
        } else {
            assert_eq!(heard, expected, "{len} {start} {field}");
            let frame = len;
            assert_eq!(rig.mistakes(), [Mistake::ChecksumOutOfReach { start, field, frame }]);
        }
        assert_eq!(rig.usb.chip().statistics().checksums_inserted, u64::from(works));
    }
}

#[test]
fn without_the_engine_the_checksum_command_goes_out_with_the_frame() {
    let mut rig = Rig::running();
    let data = [vec![34, 0, 50, 0], frame(60)].concat();
    assert_eq!(rig.usb.bulk_out(&command(&data, 0x4000)), OutReply::Ack);
    assert_eq!(rig.hear(), Some(data));
}

#[test]
fn own_fcs_and_no_padding() {
    let (good, runt) = (frame(64), frame(40));
    let with_fcs = [good.clone(), fcs(&good).to_vec()].concat();
    let without = [good.clone(), vec![0; 4]].concat();
    let body = without[..64].to_vec();
    assert_ne!(fcs(&body), [0; 4]);
    // What comes, command B; what goes out, and what is noted.
    let table = [
        (with_fcs, 0x2000, Some(good), None),
        (without, 0x2000, None, Some(Mistake::BadFcs)),
        (runt.clone(), 0x1000, None, Some(Mistake::Runt { bytes: 40 })),
        (frame(60), 0x1000, Some(frame(60)), None),
    ];
    for (data, flags, expected, mistake) in table {
        let mut rig = Rig::running();
        assert_eq!(rig.usb.bulk_out(&command(&data, flags)), OutReply::Ack);
        assert_eq!(rig.hear(), expected);
        assert_eq!(rig.mistakes(), mistake.as_slice());
    }
}

#[test]
fn a_bad_command_stalls_the_pipe_until_a_reset() {
    let f = frame(60);
    let table = [
        (long(0x1000 | 60, 60, &f), BadCommand::NoFirst),
        (
            [long(0x2000 | 20, 60, &f[..20]), long(0x3000 | 60, 60, &f)].concat(),
            BadCommand::FirstTwice,
        ),
        (long(0x3000 | 60, 61, &f), BadCommand::Length),
        (long(0x3000 | 60, 59, &f), BadCommand::Length),
        (long(0x2000 | 60, 59, &f), BadCommand::Length),
        (long(0x3000, 0, &[]), BadCommand::TooShort),
        ([long(0x2000 | 20, 60, &f[..20]), long(2, 60, &f[20..24])].concat(), BadCommand::TooShort),
        (
            [long(0x2000 | 20, 60, &f[..20]), long(0x1000 | 40, 61, &f[20..])].concat(),
            BadCommand::CommandsDiffer,
        ),
    ];
    for (bytes, error) in table {
        let mut rig = Rig::running();
        assert_eq!(rig.usb.bulk_out(&bytes), OutReply::Ack, "{error:?}");
        assert_eq!(rig.mistakes(), [Mistake::BadCommand(error)]);
        assert_eq!(rig.read(0x008), 1 << 14);
        for _ in 0..2 {
            assert_eq!(rig.usb.bulk_out(&command(&f, 0)), OutReply::Stall);
        }
        assert_eq!(rig.hear(), None);
        rig.write(0x014, 8);
        rig.write(0x100, 0x0010_000c);
        rig.write(0x010, 4);
        assert_eq!(rig.usb.bulk_out(&command(&f, 0)), OutReply::Ack);
        assert_eq!(rig.hear(), Some(f.clone()));
    }
}

#[test]
fn with_sbp_a_bad_command_does_not_stall() {
    let mut rig = Rig::running();
    rig.write(0x014, 0x1122);
    assert_eq!(rig.usb.bulk_out(&long(0x3000, 0, &[])), OutReply::Ack);
    assert_eq!(rig.read(0x008), 1 << 14);
    assert_eq!(rig.usb.bulk_out(&command(&frame(60), 0)), OutReply::Ack);
    assert_eq!(rig.hear(), Some(frame(60)));
}

#[test]
fn a_transmitter_that_is_off_fills_its_fifo() {
    // MAC_CR and TX_CFG that are not enough.
    for (mac, tx) in [(0x0010_0004, 4), (0x0010_000c, 2)] {
        let mut rig = Rig::running();
        rig.write(0x100, mac);
        rig.write(0x010, tx);
        let mut taken = 0;
        while rig.usb.bulk_out(&command(&frame(1000), 0)) == OutReply::Ack {
            taken += 1;
        }
        assert_eq!(taken, 8);
        assert_eq!(rig.hear(), None);
        assert!(rig.read(0x01c) < 512);
        // On again: what was taken goes out, and the transfer that hangs goes on.
        rig.write(0x010, 4);
        rig.write(0x100, 0x0010_000c);
        assert_eq!(rig.usb.bulk_out(&command(&frame(1000), 0)), OutReply::Ack);
        for _ in 0..=taken {
            assert_eq!(rig.hear(), Some(frame(1000)));
        }
        assert_eq!(rig.hear(), None);
        // Off, filled and flushed: nothing goes out.
        rig.write(0x010, 2);
        assert_eq!(rig.usb.bulk_out(&command(&frame(1000), 0)), OutReply::Ack);
        rig.write(0x010, 1);
        rig.write(0x010, 4);
        assert_eq!((rig.hear(), rig.usb.chip().statistics().flushed), (None, 1));
    }
}

#[test]
fn without_a_link_frames_are_lost_and_counted() {
    let mut rig = Rig::running();
    rig.usb.chip().plug_cable(false);
    assert_eq!(rig.usb.bulk_out(&command(&frame(60), 0)), OutReply::Ack);
    assert_eq!(rig.hear(), None);
    assert_eq!(rig.usb.chip().statistics().no_carrier, 1);
}

#[test]
fn loopback_brings_frames_back() {
    let mut rig = Rig::running();
    rig.write(0x100, 0x0030_000c);
    assert_eq!(rig.usb.bulk_out(&command(&frame(60), 0)), OutReply::Ack);
    assert_eq!(split(&rig.data(), 0)[0].1[..60], frame(60));
    assert_eq!(rig.hear(), None);
}

#[test]
fn a_pause_frame_holds_the_transmitter_for_a_while() {
    let mut rig = Rig::running();
    rig.write(0x11c, 2);
    let mut pause = frame_to([1, 0x80, 0xc2, 0, 0, 1], 60);
    // 0x1000 quanta of 5.12 us are 21 ms.
    pause[12..18].copy_from_slice(&[0x88, 0x08, 0, 1, 0x10, 0]);
    rig.usb.frame_from_wire(&pause);
    assert_eq!(rig.usb.bulk_out(&command(&frame(60), 0)), OutReply::Ack);
    rig.millis(20);
    assert_eq!(rig.hear(), None);
    rig.millis(1);
    assert_eq!(rig.hear(), Some(frame(60)));
    assert_eq!((rig.usb.chip().statistics().pauses, rig.burst()), (1, InReply::Pending));
}
