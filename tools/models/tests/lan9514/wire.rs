//! Frames: every length, bursts of them, and those that are not for us.

use std::time::Duration;

use models::dwc2::Mode;
use models::lan9514::Settings;
use smoltcp::phy::Device as _;
use smoltcp::time::Instant;

use crate::MODES;
use crate::desk::{Desk, MAC, frame};

#[test]
fn frames_of_every_length_go_both_ways() {
    for mode in MODES {
        let mut desk = Desk::up(mode, Settings::default());
        // Transfers that end with their last packet, and one byte beside.
        let edges = [60, 61, 62, 63, 64, 500, 503, 504, 505, 1015, 1016, 1017, 1513, 1514];
        for bytes in edges.into_iter().chain((60..1514).step_by(97)) {
            desk.exchange(bytes, 3);
        }
        desk.drain();
        let counters = desk.lan9514();
        assert_eq!(counters.frames_in, counters.frames_out);
        assert_eq!((counters.receive_errors, counters.send_errors), (0, 0));
        desk.no_rule_broken();
    }
}

/// Time of a frame on a wire of 100 Mbit/s: preamble, FCS and gap are 24 bytes more.
fn wire_time(bytes: usize) -> Duration {
    Duration::from_nanos((bytes as u64 + 24) * 80)
}

#[test]
fn back_to_back_at_the_speed_of_the_wire_nothing_is_lost() {
    for mode in MODES {
        for bytes in [60, 1514] {
            for count in [8, 64, 256] {
                let mut desk = Desk::up(mode, Settings::default());
                let mut next = desk.clock.peek();
                for number in 0..count {
                    while desk.clock.peek() < next {
                        let left = next - desk.clock.peek();
                        desk.turn(left);
                    }
                    desk.arrive(&frame(&MAC, bytes, number));
                    next += wire_time(bytes);
                }
                desk.run_for(Duration::from_millis(20));
                let sent: Vec<_> = (0..count).map(|n| frame(&MAC, bytes, n)).collect();
                assert_eq!(desk.statistics().overflowed, 0, "{mode:?} {bytes}: {desk:?}");
                assert_eq!(desk.inbox.len(), count, "{mode:?} {bytes}: {desk:?}");
                assert!(desk.inbox == sent, "{mode:?} {bytes}: another order");
                desk.no_rule_broken();
            }
        }
    }
}

#[test]
fn all_at_once_only_the_fifo_loses_frames() {
    for bytes in [60, 1514] {
        for count in [8, 64, 256] {
            let mut desk = Desk::up(Mode::Hardware, Settings::default());
            for number in 0..count {
                desk.arrive(&frame(&MAC, bytes, number));
            }
            desk.run_for(Duration::from_millis(20));
            let statistics = desk.statistics();
            assert_eq!(statistics.received + statistics.overflowed, count as u64);
            let kept = statistics.received as usize;
            assert_eq!(desk.inbox.len(), kept, "{desk:?}");
            // Those that came first.
            assert!((0..kept).all(|n| desk.inbox[n] == frame(&MAC, bytes, n)), "{desk:?}");
            assert!(statistics.burst_frames_max > 1, "{statistics:?}");
            let lost = statistics.overflowed > 0;
            desk.run_for(Duration::from_secs(2));
            assert_eq!(desk.lan9514().fifo_overflows > 0, lost, "{desk:?}");
            desk.inbox.clear();
            desk.exchange(100, 0);
            desk.no_rule_broken();
        }
    }
}

#[test]
fn a_late_loop_finds_its_bursts() {
    let mut desk = Desk::up(Mode::Hardware, Settings::default());
    // The stack takes nothing for 3 ms, which is more than the FIFO holds.
    for number in 0..24 {
        desk.arrive(&frame(&MAC, 1514, number));
        desk.clock.advance(wire_time(1514));
        // The bus does not wait for the loop.
        desk.controller.interrupt();
        if number % 6 == 5 {
            let now = desk.clock.peek();
            while desk.nic.poll(now, &mut desk.clock).is_some() {}
        }
    }
    desk.run_for(Duration::from_millis(20));
    assert_eq!(desk.inbox.len(), 24, "{desk:?}");
    assert_eq!(desk.statistics().overflowed, 0, "{desk:?}");
    desk.no_rule_broken();
}

#[test]
fn a_frame_tells_the_transfer_that_carries_it() {
    let mut desk = Desk::up(Mode::Hardware, Settings::default());
    let [short, long] = [60, 1001].map(|bytes| frame(&MAC, bytes, 1));
    for frame in [&short, &long, &short] {
        desk.arrive(frame);
    }
    desk.until("three frames", |desk| desk.inbox.len() == 3);
    let told: Vec<_> =
        desk.passages.iter().map(|way| (way.transfer, way.bytes, way.at, &way.words[..])).collect();
    // Status word, frame, FCS and sum; the next one begins at a multiple of 4. The broadcast and
    // error bits are 0; bit 5 is an EtherType.
    let [short_word, long_word] = [66_u32, 1007].map(|length| [length << 16 | 1 << 5]);
    let bytes = 72 + 1012 + 70;
    let first = told[0].0;
    assert_eq!(
        told,
        [
            (first, bytes, 0, &short_word[..]),
            (first, bytes, 72, &long_word[..]),
            (first, bytes, 72 + 1012, &short_word[..])
        ]
    );
    let mut send = |frame: &[u8]| {
        let token = desk.nic.transmit(Instant::ZERO).expect("room");
        token.send(frame.len(), |out| out.copy_from_slice(frame)).1.expect("it is told")
    };
    let (one, two) = (send(&long), send(&short));
    assert_eq!((one.at, one.bytes, &one.words[..]), (0, 1009, &[1001 | 0x3000, 1001][..]));
    assert_eq!((two.at, two.bytes, &two.words[..]), (1012, 1080, &[60 | 0x3000, 60][..]));
    assert_eq!(two.transfer, one.transfer);
    desk.run_for(Duration::from_millis(5));
    assert_eq!(desk.lan9514().transfers_out, one.transfer);
    desk.no_rule_broken();
}

#[test]
fn two_hundred_frames_wait_their_turn() {
    for mode in MODES {
        let mut desk = Desk::up(mode, Settings::default());
        let (mut sent, mut heard) = (0, Vec::new());
        let bytes = |number: usize| 60 + number * 37 % 1455;
        while heard.len() < 200 {
            if sent < 200 && desk.send(&frame(&[0x52; 6], bytes(sent), sent)) {
                sent += 1;
            } else {
                desk.turn(Duration::from_millis(1));
            }
            heard.extend(std::iter::from_fn(|| desk.on_wire()));
        }
        let all: Vec<_> = (0..200).map(|n| frame(&[0x52; 6], bytes(n), n)).collect();
        assert!(heard == all, "{mode:?}: not in order");
        // The last transfer is over some time after its frames.
        desk.run_for(Duration::from_millis(5));
        let counters = desk.lan9514();
        // In QEMU a transfer is over when it was started.
        assert_eq!(counters.send_busy > 0, mode == Mode::Hardware, "{mode:?}: {counters:?}");
        // They waited together, and went together.
        assert_eq!(counters.frames_out, 200, "{mode:?}");
        assert!(counters.transfers_out * 5 < counters.frames_out, "{mode:?}: {counters:?}");
        assert_eq!(desk.statistics().bad_commands, 0, "{mode:?}");
        desk.no_rule_broken();
    }
}

/// Sends a frame to each of these, and returns who was heard.
fn heard(desk: &mut Desk, targets: &[[u8; 6]]) -> Vec<[u8; 6]> {
    desk.inbox.clear();
    for target in targets {
        desk.arrive(&frame(target, 100, 0));
    }
    desk.run_for(Duration::from_millis(20));
    desk.inbox.iter().filter_map(|frame| frame.first_chunk().copied()).collect()
}

#[test]
fn filters_let_pass_what_they_should() {
    const MDNS: [u8; 6] = [0x01, 0x00, 0x5e, 0, 0, 0xfb];
    const OTHER_GROUP: [u8; 6] = [0x01, 0x00, 0x5e, 0x11, 0x22, 0x33];
    const OTHER_STATION: [u8; 6] = [0x52, 0x54, 0, 9, 9, 9];
    let everybody = [MAC, [0xff; 6], MDNS, OTHER_GROUP, OTHER_STATION];
    let mut desk = Desk::up(Mode::Hardware, Settings::default());
    assert_eq!(heard(&mut desk, &everybody), everybody[..4], "all multicasts by default");
    let steps = [
        (lan9514::Filter::groups(&[MDNS]), &everybody[..3]),
        (lan9514::Filter::groups(&[]), &everybody[..2]),
        (lan9514::Filter::Promiscuous, &everybody[..]),
        (lan9514::Filter::AllMulticast, &everybody[..4]),
    ];
    for (filter, expected) in steps {
        desk.nic.set_filter(filter);
        desk.run_for(Duration::from_millis(100));
        assert_eq!(heard(&mut desk, &everybody), expected, "{filter:?}");
    }
    // It outlives the device.
    desk.nic.set_filter(lan9514::Filter::groups(&[MDNS]));
    desk.controller.detach();
    desk.until("the loss", |desk| !desk.is_up());
    desk.controller.attach(desk.plug.clone());
    desk.until("the link", Desk::is_up);
    assert_eq!(heard(&mut desk, &everybody), everybody[..3]);
    desk.no_rule_broken();
}
