//! Frames in: status words, bursts, delay, FIFO.

use super::*;

const SIZES: [usize; 14] = [14, 59, 60, 61, 62, 63, 64, 255, 503, 504, 505, 1016, 1513, 1514];

/// What a frame of the FIFO looks like.
fn expected(frame: &[u8], sum: bool) -> Vec<u8> {
    let mut body = frame.to_vec();
    body.resize(body.len().max(60), 0);
    let words = ones_sum(&body[14..]).to_be_bytes();
    let check = fcs(&body);
    body.extend_from_slice(&check);
    if sum {
        body.extend_from_slice(&words);
    }
    body
}

#[test]
fn the_fcs_is_the_one_of_ethernet() {
    assert_eq!(fcs(b"123456789"), 0xcbf4_3926_u32.to_le_bytes());
}

#[test]
fn one_frame_a_transfer_in_every_layout() {
    // HW_CFG, COE_CR, offset.
    let table = [
        (0x1000, 0, 0),
        (0x1000, 1, 0),
        (0x1400, 0, 2),
        (0x1400, 1, 2),
        (0x1600, 0, 3),
        (0x0000, 0, 0),
        (0x1022, 0, 0),
        (0x1422, 1, 2),
    ];
    for (hw_cfg, coe_cr, offset) in table {
        let mut rig = Rig::running();
        rig.write(0x100, 0x0010_0000);
        rig.write(0x130, coe_cr);
        rig.write(0x014, hw_cfg);
        rig.write(0x100, 0x0010_0004);
        for len in SIZES {
            rig.usb.frame_from_wire(&frame(len));
            let burst = rig.data();
            let body = expected(&frame(len), coe_cr != 0);
            assert_eq!(burst.len(), 4 + offset + body.len());
            let status = (body.len() as u32) << 16 | 1 << 5;
            assert_eq!(split(&burst, offset), [(status, body)], "{hw_cfg:#x} {len}");
            let empty = if hw_cfg & 0x1000 == 0 { InReply::Data(vec![]) } else { InReply::Pending };
            assert_eq!(rig.burst(), empty, "{hw_cfg:#x} {len}");
        }
        assert_eq!(rig.mistakes(), []);
    }
}

#[test]
fn a_multiple_of_the_packet_size_ends_with_an_empty_packet() {
    // A frame whose transfer has 512 bytes, and one of 1024.
    for (len, bytes) in [(504, 512), (1016, 1024)] {
        let mut rig = Rig::running();
        rig.usb.frame_from_wire(&frame(len));
        rig.usb.frame_from_wire(&frame(60));
        rig.write(0x014, 0x1000);
        rig.millis(1);
        // Asked for more: the empty packet ends it, unseen.
        let InReply::Data(burst) = rig.usb.bulk_in(2048) else { panic!() };
        assert_eq!(burst.len(), bytes);
        assert_eq!(rig.data().len(), 68);
        // Asked for just as much: the empty packet is a transfer of its own.
        rig.usb.frame_from_wire(&frame(len));
        rig.usb.frame_from_wire(&frame(60));
        rig.millis(1);
        assert!(matches!(rig.usb.bulk_in(bytes), InReply::Data(burst) if burst.len() == bytes));
        assert_eq!(rig.data(), []);
        assert_eq!(rig.data().len(), 68);
    }
}

#[test]
fn a_burst_in_parts_is_the_same_burst() {
    let mut rig = Rig::running();
    (0..7).for_each(|_| rig.usb.frame_from_wire(&frame(1000)));
    let mut whole = Vec::new();
    loop {
        rig.millis(1);
        let InReply::Data(part) = rig.usb.bulk_in(512) else { panic!() };
        assert!(part.len() <= 512);
        whole.extend_from_slice(&part);
        if part.len() < 512 {
            break;
        }
    }
    assert_eq!(split(&whole, 0).len(), 7);
    assert_eq!(rig.burst(), InReply::Pending);
}

#[test]
fn bursts_hold_what_fits_and_lose_nothing() {
    // BURST_CAP, frames, their size.
    for cap in [5, 0x10, 0x25] {
        for (count, len) in [(8, 60), (64, 60), (256, 60), (8, 1514), (13, 1514), (40, 333)] {
            let mut rig = Rig::running();
            rig.write(0x038, cap);
            (0..count).for_each(|_| rig.usb.frame_from_wire(&frame(len)));
            let mut got = 0;
            while let InReply::Data(burst) = rig.burst() {
                assert!(burst.len() <= cap as usize * 512);
                for (_, body) in split(&burst, 0) {
                    assert_eq!(body, expected(&frame(len), false));
                    got += 1;
                }
            }
            let statistics = *rig.usb.chip().statistics();
            let room = 20 * 1024 / (4 + len + 4_usize).next_multiple_of(4);
            assert_eq!(got, count.min(room), "{cap} {count} {len}");
            assert_eq!(statistics.overflowed as usize, count - got);
            assert_eq!(statistics.delivered as usize, got);
            assert_eq!(rig.read(0x008) & 1 << 11 != 0, got < count, "RXDF");
            assert_eq!(rig.mistakes(), []);
        }
    }
}

#[test]
fn the_fifo_fills_drains_and_flushes() {
    let mut rig = Rig::running();
    (0..20).for_each(|_| rig.usb.frame_from_wire(&frame(1514)));
    // 13 frames of 1524 bytes fit.
    assert_eq!(rig.read(0x018), (13 << 16) | (13 * 1524));
    assert_eq!(rig.usb.chip().statistics().overflowed, 7);
    // Space comes back as the host takes packets, not only when it has the burst.
    rig.millis(1);
    assert!(matches!(rig.usb.bulk_in(4096), InReply::Data(_)));
    assert_eq!(rig.read(0x018) & 0xffff, 13 * 1524 - 4096);
    rig.usb.frame_from_wire(&frame(1514));
    assert_eq!(rig.usb.chip().statistics().overflowed, 7);
    rig.write(0x100, 0x0010_0000);
    rig.write(0x00c, 1);
    assert_eq!(rig.read(0x018), 0);
    assert_eq!(rig.mistakes(), []);
    rig.write(0x100, 0x0010_0004);
    rig.write(0x00c, 1);
    assert_eq!(rig.mistakes(), [Mistake::FlushWhileRunning]);
}

#[test]
fn a_short_burst_waits_for_more_and_a_full_one_does_not() {
    let mut rig = Rig::running();
    rig.write(0x06c, 6000); // 100 us
    let start = rig.now;
    let at = |rig: &mut Rig, micros| {
        rig.now = start + Duration::from_micros(micros);
        rig.usb.advance(rig.now);
        rig.usb.bulk_in(20 * 1024)
    };
    rig.usb.frame_from_wire(&frame(60));
    assert_eq!(rig.usb.deadline(), Some(start + Duration::from_micros(100)));
    assert_eq!(at(&mut rig, 99), InReply::Pending);
    rig.usb.frame_from_wire(&frame(60));
    assert_eq!(at(&mut rig, 198), InReply::Pending);
    assert!(matches!(at(&mut rig, 199), InReply::Data(burst) if split(&burst, 0).len() == 2));
    assert_eq!(rig.usb.deadline(), None);
    (0..13).for_each(|_| rig.usb.frame_from_wire(&frame(1514)));
    rig.write(0x038, 5);
    assert!(matches!(at(&mut rig, 200), InReply::Data(_)), "more than BURST_CAP");
    // A server may leave the delay out.
    let mut rig = Rig::running();
    rig.usb.chip().settings.bulk_in_delay = false;
    rig.usb.frame_from_wire(&frame(60));
    assert!(matches!(rig.usb.bulk_in(20 * 1024), InReply::Data(_)));
}

#[test]
fn bursts_without_their_limits_stop_traffic() {
    // HW_CFG, BURST_CAP, BULK_IN_DLY.
    let table = [(0x1020, 0x25, 0x2000), (0x1022, 0, 0x2000), (0x1022, 0x25, 0)];
    for (hw_cfg, cap, delay) in table {
        let mut rig = Rig::running();
        rig.write(0x014, hw_cfg);
        rig.write(0x038, cap);
        rig.write(0x06c, delay);
        rig.usb.frame_from_wire(&frame(60));
        assert_eq!(rig.burst(), InReply::Pending);
        assert_eq!(rig.mistakes(), [Mistake::BurstModeIncomplete]);
    }
    let mut rig = Rig::running();
    rig.write(0x038, 2);
    rig.usb.frame_from_wire(&frame(1514));
    assert_eq!(rig.data().len(), 1522);
    assert_eq!(rig.mistakes(), [Mistake::BurstCapTooSmall { bytes: 1024 }]);
}

#[test]
fn odd_frames_are_marked() {
    // What comes; HW_CFG; the status bits, or nothing.
    let mut short = frame(60);
    short[12..14].copy_from_slice(&[0, 46]);
    let mut liar = frame(60);
    liar[12..14].copy_from_slice(&[0x01, 0x00]);
    let mut tagged = frame(1518);
    tagged[12..14].copy_from_slice(&[0x81, 0x00]);
    let table = [
        (short, false, 0x1000, Some(0)),
        (liar, false, 0x1000, Some(0x1000)),
        (frame(1514), false, 0x1000, Some(0x20)),
        (frame(1515), false, 0x1000, Some(0x80a0)),
        (frame(1515), false, 0x1040, None),
        (tagged, false, 0x1000, Some(0x20)),
        (frame(60), true, 0x1000, Some(0x8022)),
        (frame(60), true, 0x1040, None),
        (frame(9000), false, 0x1000, Some(0x80a0)),
    ];
    for (row, (frame, damaged, hw_cfg, expected)) in table.into_iter().enumerate() {
        let mut rig = Rig::running();
        rig.write(0x014, hw_cfg);
        rig.write(0x120, 0x8100);
        match damaged {
            true => rig.usb.chip().damaged_frame_from_wire(&frame),
            false => rig.usb.frame_from_wire(&frame),
        }
        let status = match rig.burst() {
            InReply::Data(burst) => Some(split(&burst, 0)[0].0 & 0xffff),
            _ => None,
        };
        assert_eq!(status, expected, "row {row}");
        let damaged = rig.usb.chip().statistics().damaged;
        assert_eq!(damaged, u64::from(expected.is_none()), "row {row}");
    }
}

#[test]
fn without_link_or_receiver_nothing_comes() {
    let mut rig = Rig::running();
    rig.write(0x100, 0x0010_0008);
    rig.usb.frame_from_wire(&frame(60));
    rig.write(0x100, 0x0010_000c);
    rig.usb.chip().plug_cable(false);
    rig.usb.frame_from_wire(&frame(60));
    let statistics = *rig.usb.chip().statistics();
    assert_eq!((statistics.receiver_off, statistics.no_link, statistics.received), (1, 1, 0));
    assert_eq!(rig.burst(), InReply::Pending);
}
