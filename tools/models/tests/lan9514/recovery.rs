//! The last rungs: the controller without power, and the controller stopped.

use std::convert::Infallible;
use std::time::Duration;

use bcm2837::mailbox::{BUFFER_BYTES, Error, Mailbox, PowerDevice};
use mmio::Clock;
use models::dwc2::{End, Mode};
use models::faults::{Fault, Faults, TokenKind};
use models::lan9514::Settings;
use models::mailbox::{Mailbox as Firmware, Mood};
use nic::limits::{POWER_CYCLE_AFTER, POWER_CYCLES_MAX};
use nic::{NicEvent, PowerCycleError};

use crate::MODES;
use crate::desk::{Desk, MAC, frame};
use crate::faults::rule;

/// A desk with a mailbox, whose bulk endpoints do not answer.
struct Board {
    desk: Desk,
    firmware: Firmware,
    mailbox: Mailbox<Firmware>,
}

impl Board {
    fn new(mode: Mode) -> Self {
        let mut desk = Desk::up(mode, Settings::default());
        let firmware = Firmware::new(desk.memory.clone(), desk.controller.clone());
        let buffer = desk.spare(BUFFER_BYTES);
        let mailbox = Mailbox::new(firmware.clone(), buffer);
        Self { desk, firmware, mailbox }
    }

    /// The chip goes deaf and dumb: every device on the bus that is asked for frames.
    fn go_dead(&self) {
        self.desk.controller.set_faults(Faults::script(&[
            rule(1, TokenKind::In, Fault::Silence, 0, u32::MAX),
            rule(2, TokenKind::Out, Fault::Silence, 0, u32::MAX),
        ]));
    }

    fn until_due(&mut self) {
        let from = self.desk.told.len();
        let due = |told: &NicEvent| matches!(told, NicEvent::PowerCycleDue { .. });
        let told = |desk: &Desk| desk.told[from..].iter().any(due);
        // Four rests of half a minute each are longer than a test's patience.
        assert!((0..3).any(|_| self.desk.wait(told)), "no need was told; {:?}", self.desk);
    }

    /// What the board does when the need is told.
    fn power_cycle(&mut self) -> Result<(), PowerCycleError<Error>> {
        let Self { desk, mailbox, .. } = self;
        desk.nic.power_cycle(&mut desk.clock, |clock, on| {
            mailbox.set_power(clock, PowerDevice::UsbHcd, on).map(|is_on| assert_eq!(is_on, on))
        })
    }
}

#[test]
fn the_power_goes_and_comes_and_every_buffer_is_back() {
    for mode in MODES {
        let mut board = Board::new(mode);
        board.go_dead();
        board.until_due();
        assert_eq!(board.power_cycle(), Ok(()));
        assert_eq!(board.firmware.switched(), [false, true]);
        board.desk.controller.set_faults(Faults::none());
        board.desk.until("the link", Desk::is_up);
        assert_eq!(board.desk.nic.counters().power_cycles, 1);
        board.desk.drain();
        // A buffer that was lost would keep the driver from attaching; so many use each of them.
        for number in 0..40 {
            board.desk.exchange(1514, number);
        }
        board.desk.no_rule_broken();
    }
}

#[test]
fn the_power_goes_in_the_middle_of_traffic_a_hundred_times() {
    for mode in MODES {
        let mut board = Board::new(mode);
        for round in 0..100 {
            for number in 0..12 {
                board.desk.arrive(&frame(&MAC, 1514, number));
                board.desk.send(&frame(&[0x52; 6], 1514, number));
            }
            board.desk.run_for(Duration::from_micros(130 * (round % 30)));
            assert_eq!(board.power_cycle(), Ok(()));
            assert!(!board.desk.is_up());
            board.desk.until("the link", Desk::is_up);
        }
        board.desk.drain();
        board.desk.exchange(1514, 0);
        board.desk.no_rule_broken();
    }
}

#[test]
fn a_core_that_does_not_halt_gives_its_buffers_back_without_power() {
    for channel in 1..=3 {
        let mut board = Board::new(Mode::Hardware);
        board.desk.send(&frame(&[0x52; 6], 1514, 0));
        board.desk.controller.jam(channel);
        assert_eq!(board.power_cycle(), Ok(()));
        board.desk.until("the link", Desk::is_up);
        board.desk.drain();
        board.desk.exchange(1514, 0);
        board.desk.no_rule_broken();
    }
}

#[test]
fn power_cycles_come_ever_more_rarely_and_then_no_more() {
    let mut board = Board::new(Mode::Hardware);
    board.go_dead();
    let mut times = Vec::new();
    for _ in 0..POWER_CYCLES_MAX {
        board.until_due();
        assert_eq!(board.power_cycle(), Ok(()));
        times.push(board.desk.clock.peek());
    }
    assert!(times.windows(3).all(|t| t[2] - t[1] > t[1] - t[0]), "{times:?}");
    let told = board.desk.told.len();
    board.desk.run_for(Duration::from_secs(300));
    let more = &board.desk.told[told..];
    assert!(!more.iter().any(|told| matches!(told, NicEvent::PowerCycleDue { .. })), "{more:?}");
    // It is tried for ever all the same, and one that works again has all its trials back.
    board.desk.controller.set_faults(Faults::none());
    board.desk.until("the link", Desk::is_up);
    board.desk.exchange(100, 0);
    board.desk.run_for(nic::limits::SOUND_AFTER + Duration::from_secs(1));
    board.go_dead();
    board.until_due();
    assert_eq!(board.desk.nic.counters().power_cycles, u64::from(POWER_CYCLES_MAX));
    board.desk.no_rule_broken();
}

#[test]
fn a_firmware_that_keeps_the_power_off_or_says_nothing_is_named() {
    let mut board = Board::new(Mode::Hardware);
    board.firmware.set_mood(Mood::Unwilling);
    let Board { desk, mailbox, .. } = &mut board;
    let refused = desk.nic.power_cycle(&mut desk.clock, |clock, on| {
        mailbox.set_power(clock, PowerDevice::UsbHcd, on).map(drop)
    });
    assert!(matches!(refused, Err(PowerCycleError::Start(_))), "{refused:?}");
    // The interface asks again by itself, and the firmware has come to its senses.
    board.firmware.set_mood(Mood::Willing);
    board.until_due();
    board.desk.controller.take_violations();
    assert_eq!(board.power_cycle(), Ok(()));
    board.desk.until("the link", Desk::is_up);

    board.firmware.set_mood(Mood::Silent);
    let silent = board.power_cycle();
    assert!(matches!(silent, Err(PowerCycleError::Switch(_))), "{silent:?}");
    // The core reset alone was enough.
    board.desk.until("the link", Desk::is_up);
    board.desk.exchange(100, 0);
    board.desk.no_rule_broken();
}

#[test]
fn a_controller_without_power_at_the_start_asks_for_it() {
    let mut board = Board::new(Mode::Hardware);
    let Desk { nic, clock, controller, .. } = &mut board.desk;
    let off = nic.power_cycle(clock, |_, _| {
        controller.set_power(false);
        Ok::<(), Infallible>(())
    });
    assert!(matches!(off, Err(PowerCycleError::Start(_))), "{off:?}");
    // Nothing of it is touched while it has none, but for the question who it is.
    board.desk.controller.take_violations();
    board.until_due();
    let told = board.desk.told.iter().rev().find_map(|told| match told {
        NicEvent::PowerCycleDue { restarts } => Some(*restarts),
        _ => None,
    });
    assert_eq!(told, Some(POWER_CYCLE_AFTER));
    assert_eq!(board.desk.controller.take_violations(), []);
    assert_eq!(board.power_cycle(), Ok(()));
    board.desk.until("the link", Desk::is_up);
    board.desk.exchange(100, 0);
    board.desk.no_rule_broken();
}

#[test]
fn nothing_is_written_to_memory_after_a_stop() {
    for mode in MODES {
        for waiting in [false, true] {
            let mut desk = Desk::up(mode, Settings::default());
            desk.exchange(100, 0);
            if waiting {
                for number in 0..12 {
                    desk.arrive(&frame(&MAC, 1514, number));
                    desk.send(&frame(&[0x52; 6], 1514, number));
                }
            }
            desk.controller.take_trace();
            let before = desk.clock.now();
            assert_eq!(desk.nic.stop(&mut desk.clock), Ok(()));
            let took = desk.clock.now() - before;
            assert!(took < Duration::from_millis(100), "{took:?}");
            // The transfer that waited for frames was ended by the chip, not cut off: under QEMU
            // one that is cut off is still there after the restart.
            let trace = desk.controller.take_trace();
            let last = trace.iter().rfind(|packet| packet.endpoint == 1).map(|packet| packet.end);
            assert!(matches!(last, Some(End::Moved(bytes)) if bytes < 512), "{last:?}");
            for number in 0..20 {
                desk.arrive(&frame(&MAC, 1514, number));
                desk.run_for(Duration::from_millis(1));
            }
            assert_eq!(desk.controller.take_trace(), []);
            assert!(!desk.controller.interrupt());
            desk.no_rule_broken();
        }
    }
}

#[test]
fn a_chip_that_does_not_listen_is_stopped_all_the_same() {
    let mut desk = Desk::up(Mode::Hardware, Settings::default());
    desk.controller.set_faults(Faults::script(&[rule(0, TokenKind::In, Fault::Nak, 0, u32::MAX)]));
    let before = desk.clock.now();
    assert_eq!(desk.nic.stop(&mut desk.clock), Ok(()));
    assert!(desk.clock.now() - before < Duration::from_secs(6));
    desk.controller.take_trace();
    desk.arrive(&frame(&MAC, 1514, 0));
    desk.run_for(Duration::from_millis(10));
    assert_eq!(desk.controller.take_trace(), []);
    desk.no_rule_broken();
}

#[test]
fn what_the_chip_drops_is_counted_as_the_chip_counts_it() {
    let mut desk = Desk::up(Mode::Hardware, Settings::default());
    for round in 1..=3 {
        // No turn of the loop: the FIFO holds 13 of them, the posted burst no fewer.
        for number in 0..60 {
            desk.arrive(&frame(&MAC, 1514, number));
        }
        desk.run_for(Duration::from_secs(12));
        let overflowed = desk.statistics().overflowed;
        assert!(overflowed > 10 * round, "{desk:?}");
        assert_eq!(desk.nic.counters().overruns, overflowed);
    }
    assert!(desk.lan9514().fifo_overflows > 0);
    desk.no_rule_broken();
}
