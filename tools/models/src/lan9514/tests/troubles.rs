//! Troubles by script and by seed.

use super::*;
use crate::faults::{Fault, Faults, Rule, TokenKind};

fn struck(trouble: Trouble, after: u32, times: u32) -> Rig {
    let mut rig = Rig::running();
    rig.usb.chip().set_troubles(Troubles::script(&[TroubleRule { trouble, after, times }]));
    rig
}

#[test]
fn a_dropped_write_changes_nothing() {
    let mut rig = struck(Trouble::DropWrite, 1, 2);
    for (value, read) in [(1, 1), (2, 1), (3, 1), (4, 4)] {
        rig.write(0x02c, value);
        assert_eq!(rig.read(0x02c), read);
    }
    assert_eq!(rig.usb.chip().statistics().writes_dropped, 2);
    assert_eq!(rig.usb.chip().troubles().struck(), 2);
}

#[test]
fn a_status_word_can_lie() {
    let mut rig = struck(Trouble::WrongLength, 1, 1);
    let lengths = [(); 3].map(|()| {
        rig.usb.frame_from_wire(&frame(60));
        let burst = rig.data();
        assert_eq!(burst.len(), 68);
        u16::from_le_bytes([burst[2], burst[3]]) & 0x3fff
    });
    assert_eq!((lengths[0], lengths[2]), (64, 64));
    assert_ne!(lengths[1], 64);
    let mut rig = struck(Trouble::ErrorStatus, 0, 1);
    rig.usb.frame_from_wire(&frame(60));
    assert_eq!(split(&rig.data(), 0)[0].0 & 0x8002, 0x8002);
}

#[test]
fn bursts_end_too_early_or_too_late() {
    let mut rig = struck(Trouble::ShortBurst, 0, 1);
    let mut sizes = Vec::new();
    for _ in 0..2 {
        (0..3).for_each(|_| rig.usb.frame_from_wire(&frame(1000)));
        sizes.push(rig.data().len());
    }
    assert!(sizes[0] < sizes[1], "{sizes:?}");
    assert_eq!(rig.burst(), InReply::Pending);
    assert_eq!(rig.usb.chip().rx_fifo_used(), 0);

    let mut rig = struck(Trouble::LongBurst, 0, 1);
    rig.usb.frame_from_wire(&frame(60));
    assert_eq!(rig.data().len(), 0x25 * 512 + 1024);
    rig.usb.frame_from_wire(&frame(60));
    assert_eq!(rig.data().len(), 68);
}

#[test]
fn a_storm_of_naks_passes() {
    let mut rig = struck(Trouble::NakStorm(5), 0, 1);
    rig.usb.frame_from_wire(&frame(60));
    for _ in 0..5 {
        assert_eq!(rig.burst(), InReply::Pending);
    }
    assert_eq!(rig.data().len(), 68);
}

#[test]
fn a_stalled_packet_is_not_taken() {
    let mut rig = struck(Trouble::StallOut, 1, 1);
    let replies = [(); 3].map(|()| rig.usb.bulk_out(&command(&frame(60), 0)));
    assert_eq!(replies, [OutReply::Ack, OutReply::Stall, OutReply::Ack]);
    assert_eq!(rig.usb.chip().frames_to_wire(), 2);
}

#[test]
fn the_plug_is_pulled_in_the_middle_of_a_burst() {
    let mut rig = struck(Trouble::Unplug, 0, 1);
    (0..5).for_each(|_| rig.usb.frame_from_wire(&frame(1000)));
    assert_eq!(rig.burst(), InReply::Pending);
    assert!(rig.usb.is_unplugged());
    let setup = Setup { request_type: 0xc0, request: 0xa1, value: 0, index: 0, length: 4 };
    assert_eq!(rig.usb.control(&setup, &[]), Reply::Silence);
    assert_eq!(rig.usb.bulk_out(&[0; 64]), OutReply::Pending);
    assert_eq!(rig.usb.interrupt(), None);
    rig.usb.replug();
    assert_eq!(rig.usb.configuration(), 0);
    rig.millis(20);
    assert!(rig.usb.set_configuration(1));
    assert_eq!((rig.read(0), rig.read(0x100)), (0xec00_0002, 0x0004_0000));
    assert_eq!(rig.usb.chip().rx_fifo_used(), 0);
}

#[test]
fn faults_of_the_bus_work_transfer_by_transfer() {
    let rule = |token, endpoint, fault| {
        Faults::script(&[Rule { endpoint, token, after: 1, times: 1, fault }])
    };
    let fill = |rig: &mut Rig| (0..3).for_each(|_| rig.usb.frame_from_wire(&frame(1000)));
    // A lost answer comes again; nothing is lost.
    for fault in [Fault::Nak, Fault::AnswerLost, Fault::AckLost, Fault::Silence] {
        let mut rig = Rig::running();
        rig.usb.set_faults(rule(TokenKind::In, 1, fault));
        fill(&mut rig);
        assert_eq!(rig.burst(), InReply::Pending, "{fault:?}");
        assert_eq!(split(&rig.data(), 0).len(), 3, "{fault:?}");
    }
    let mut rig = Rig::running();
    rig.usb.set_faults(rule(TokenKind::In, 1, Fault::Babble));
    fill(&mut rig);
    assert_eq!(rig.data().len(), 1025, "more than two packets");
    let mut rig = Rig::running();
    rig.usb.set_faults(rule(TokenKind::In, 1, Fault::Short(100)));
    fill(&mut rig);
    assert_eq!(rig.data().len(), 612);
    // A halt lasts until CLEAR_FEATURE.
    let mut rig = Rig::running();
    rig.usb.set_faults(rule(TokenKind::In, 1, Fault::Stall));
    fill(&mut rig);
    assert_eq!(rig.burst(), InReply::Stall);
    assert_eq!(rig.burst(), InReply::Stall);
    let clear = Setup { request_type: 2, request: 1, value: 0, index: 0x81, length: 0 };
    assert_eq!(rig.usb.control(&clear, &[]), Reply::Done(vec![]));
    assert!(matches!(rig.burst(), InReply::Data(_)));
    let mut rig = Rig::running();
    rig.usb.set_faults(rule(TokenKind::In, 1, Fault::Unplug));
    fill(&mut rig);
    assert_eq!(rig.burst(), InReply::Pending);
    assert!(rig.usb.is_unplugged());
}

/// What a driver sees of a seed: enough to compare two runs.
fn run(seed: u64) -> (Vec<InReply>, usize) {
    let mut rig = Rig::running();
    let all = [
        Trouble::DropWrite,
        Trouble::WrongLength,
        Trouble::ErrorStatus,
        Trouble::ShortBurst,
        Trouble::LongBurst,
        Trouble::NakStorm(3),
        Trouble::StallOut,
    ];
    rig.usb.chip().set_troubles(Troubles::seeded(seed, 100, &all));
    let mut seen = Vec::new();
    for round in 0..100 {
        rig.usb.frame_from_wire(&frame(60 + round * 13));
        rig.write(0x02c, round as u32);
        let _ = rig.usb.bulk_out(&command(&frame(60), 0));
        seen.push(rig.burst());
    }
    let struck = rig.usb.chip().troubles().struck();
    (seen, struck)
}

#[test]
fn the_same_seed_brings_the_same_troubles() {
    let mut total = 0;
    for seed in 0..50 {
        let (seen, struck) = run(seed);
        assert_eq!(run(seed), (seen, struck));
        total += struck;
    }
    assert!(total > 500, "{total}");
}

/// Whatever the host and the wire send, the chip stays within its bounds, and a reset helps.
#[test]
fn nonsense_from_both_sides_does_no_harm() {
    for seed in 0..200 {
        let mut random = crate::Random::new(seed);
        let mut rig = Rig::running();
        for _ in 0..200 {
            let mut bytes = vec![0; random.below(2100)];
            bytes.iter_mut().for_each(|byte| *byte = random.bits() as u8);
            let setup = Setup {
                request_type: [0x40, 0xc0, 0x80, 0x00, random.bits() as u8][random.below(5)],
                request: [0xa0, 0xa1, 0xa2, 6, random.bits() as u8][random.below(5)],
                value: random.bits() as u16,
                index: [random.below(0x134) as u16 & !3, random.bits() as u16][random.below(2)],
                length: [4, random.bits() as u16][random.below(2)],
            };
            match random.below(6) {
                0 => drop(rig.usb.control(&setup, &bytes[..bytes.len().min(4)])),
                1 => drop(rig.usb.control(&setup, &bytes)),
                2 => drop(rig.usb.bulk_out(&bytes)),
                3 => drop(rig.usb.bulk_in(random.below(20_000))),
                4 => rig.usb.frame_from_wire(&bytes),
                _ => drop((rig.hear(), rig.usb.interrupt())),
            }
            rig.now += Duration::from_nanos(random.below(1_000_000) as u64);
            rig.usb.advance(rig.now);
            assert!(rig.usb.chip().rx_fifo_used() <= RX_FIFO_BYTES);
            assert!(rig.usb.chip().mistakes().len() <= MISTAKES_MAX);
        }
        rig.usb.reset();
        assert!(rig.usb.set_configuration(1));
        assert_eq!(rig.read(0), 0xec00_0002);
    }
}
