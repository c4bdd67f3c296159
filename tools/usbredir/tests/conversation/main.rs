//! Conversations of the server with a scripted guest, friendly and hostile; and once over real
//! sockets.

mod fake;
mod guest;
mod sockets;

use proptest::prelude::*;
use usbredir::codec;
use usbredir::device::{Inward, Refusal};
use usbredir::limits::UNPLUG_FRAMES_MAX;
use usbredir::message::{Capabilities, Message, SmallPacket, Status, speed};
use usbredir::server::{Broken, Server};

use fake::Fake;
use guest::{Desk, QEMU, control, ended, give, ms, want};

#[test]
fn the_device_is_announced_after_the_guests_hello() {
    let mut desk = Desk::silent(None);
    let said = desk.greet(QEMU);
    let [Message::InterfaceInfo(interfaces), Message::EndpointInfo(endpoints), connect] =
        said.as_slice()
    else {
        panic!("{said:?}");
    };
    assert_eq!((interfaces.count, interfaces.class[0], interfaces.protocol[0]), (1, 0xff, 0xff));
    let facts = |row: usize| (endpoints.kind[row], endpoints.max_packet[row]);
    assert_eq!((facts(0), facts(16)), ((0, 64), (0, 64)));
    assert_eq!((facts(2), facts(17), facts(19)), ((2, 512), (2, 512), (3, 16)));
    assert_eq!((facts(1).0, facts(18).0, endpoints.interval[19]), (255, 255, 4));
    let Message::DeviceConnect(device) = connect else { panic!("{connect:?}") };
    assert_eq!((device.speed, device.vendor, device.product), (speed::HIGH, 0x0424, 0xec00));
    assert_eq!((device.class, device.protocol, device.version), (0xff, 1, 0x0200));
}

#[test]
fn a_guest_of_few_capabilities_is_served_too() {
    let mut desk = Desk::silent(None);
    assert_eq!(desk.greet(Capabilities(0)).len(), 3);
    let answers = desk.ask(7, &Message::SetConfiguration { configuration: 1 });
    let status = Message::ConfigurationStatus { status: Status::Success, configuration: 1 };
    assert_eq!(answers.last(), Some(&(7, status)));
}

#[test]
fn settings_are_chosen_and_told() {
    let mut desk = Desk::silent(None);
    desk.greet(QEMU);
    let status = |status, configuration| Message::ConfigurationStatus { status, configuration };
    let refused = desk.ask(1, &Message::SetConfiguration { configuration: 9 });
    assert_eq!(refused, [(1, status(Status::Stall, 0))]);
    let answers = desk.ask(2, &Message::SetConfiguration { configuration: 1 });
    assert!(matches!(
        answers.as_slice(),
        [(0, Message::InterfaceInfo(_)), (0, Message::EndpointInfo(_)), (2, _)]
    ));
    assert!(desk.server.is_configured());
    let answer = desk.ask(3, &Message::GetConfiguration);
    assert_eq!(answer, [(3, status(Status::Success, 1))]);
    let answers = desk.ask(4, &Message::SetAlternate { interface: 0, alternate: 0 });
    let chosen = Message::AlternateStatus { status: Status::Success, interface: 0, alternate: 0 };
    assert_eq!(answers.last(), Some(&(4, chosen.clone())));
    assert_eq!(desk.ask(5, &Message::GetAlternate { interface: 0 }), [(5, chosen)]);
}

#[test]
fn control_transfers_move_what_there_is() {
    let mut desk = Desk::configured(None);
    let read = desk.ask(5, &control(0xc0, 0xa1, 0, 64, &[]));
    assert_eq!(read, [(5, control(0xc0, 0xa1, 0, 4, &[0x02, 0, 0, 0xec]))]);
    let short = desk.ask(6, &control(0xc0, 0xa1, 0, 2, &[]));
    assert_eq!(short, [(6, control(0xc0, 0xa1, 0, 2, &[0x02, 0]))]);
    let write = desk.ask(7, &control(0x40, 0xa0, 0, 4, &[1, 2, 3, 4]));
    assert_eq!(write, [(7, control(0x40, 0xa0, 0, 4, &[]))]);
    let [(8, Message::Control(refused))] = &desk.ask(8, &control(0x40, 0x77, 0, 0, &[]))[..] else {
        panic!("one answer");
    };
    assert_eq!((refused.status, refused.length), (Status::Stall, 0));
}

#[test]
fn an_in_without_data_stays_unanswered_until_there_is_some() {
    let mut desk = Desk::configured(None);
    assert_eq!(desk.ask(0xfbb7_2140, &want(0x81, 2048)), []);
    assert_eq!(desk.after(ms(60_000)), []);
    desk.server.device().inward.push_back(Inward::Data(vec![1, 2, 3]));
    let answer = ended(0x81, Status::Success, 3, &[1, 2, 3]);
    assert_eq!(desk.after(ms(0)), [(0xfbb7_2140, answer)]);
    desk.server.device().inward.push_back(Inward::Data(vec![]));
    let empty = ended(0x81, Status::Success, 0, &[]);
    assert_eq!(desk.ask(9, &want(0x81, 2048)), [(9, empty)]);
}

#[test]
fn a_driver_that_does_not_wait_gets_an_empty_packet_after_the_hold() {
    let mut desk = Desk::configured(Some(ms(20)));
    assert_eq!(desk.ask(9, &want(0x81, 2048)), []);
    assert_eq!(desk.server.turn(desk.now), Some(ms(20)));
    assert_eq!(desk.after(ms(19)), []);
    assert_eq!(desk.after(ms(1)), [(9, ended(0x81, Status::Success, 0, &[]))]);
}

#[test]
fn a_transfer_of_whole_packets_is_ended_by_an_empty_one() {
    let mut desk = Desk::configured(None);
    let burst = vec![7; 1024];
    desk.server.device().inward.extend([1024, 2048].map(|bytes| Inward::Data(vec![7; bytes])));
    // QEMU takes a short transfer of whole packets for the beginning of one, and asks for the rest.
    let first = ended(0x81, Status::Success, 1024, &burst);
    assert_eq!(desk.ask(1, &want(0x81, 2048)), [(1, first)]);
    let end = ended(0x81, Status::Success, 0, &[]);
    assert_eq!(desk.ask(2, &want(0x81, 1024)), [(2, end)]);
    // All that was asked for needs no end.
    let [(3, Message::Bulk(second))] = &desk.ask(3, &want(0x81, 2048))[..] else {
        panic!("one answer");
    };
    assert_eq!((second.status, second.length), (Status::Success, 2048));
    assert_eq!(desk.ask(4, &want(0x81, 2048)), []);
}

#[test]
fn answers_on_an_endpoint_keep_their_order_and_failures_have_names() {
    let mut desk = Desk::configured(None);
    for id in 1..=4 {
        assert_eq!(desk.ask(id, &want(0x81, 512)), []);
    }
    desk.server.device().inward.extend([
        Inward::Refused(Refusal::Stall),
        Inward::Refused(Refusal::Error),
        Inward::Data(vec![7; 600]),
        Inward::Data(vec![8]),
    ]);
    let expected = [
        (1, ended(0x81, Status::Stall, 0, &[])),
        (2, ended(0x81, Status::IoError, 0, &[])),
        (3, ended(0x81, Status::Babble, 512, &[7; 512])),
        (4, ended(0x81, Status::Success, 1, &[8])),
    ];
    assert_eq!(desk.after(ms(1)), expected);
}

#[test]
fn an_out_is_answered_with_its_full_length_once_it_is_taken() {
    let mut desk = Desk::configured(None);
    let taken = ended(2, Status::Success, 3, &[]);
    assert_eq!(desk.ask(1, &give(2, &[1, 2, 3])), [(1, taken.clone())]);
    desk.server.device().busy = true;
    assert_eq!(desk.ask(2, &give(2, &[4, 5, 6])), []);
    desk.server.device().busy = false;
    assert_eq!(desk.after(ms(1)), [(2, taken)]);
    assert_eq!(desk.server.device().outward, [vec![1, 2, 3], vec![4, 5, 6]]);
    let nowhere = desk.ask(3, &give(5, &[1]));
    assert_eq!(nowhere, [(3, ended(5, Status::Invalid, 0, &[]))]);
}

#[test]
fn reports_are_pushed_while_the_guest_wants_them() {
    let mut desk = Desk::configured(None);
    desk.server.device().reports.push_back(Inward::Data(vec![0, 0x80, 0, 0]));
    assert_eq!(desk.after(ms(1)), []);
    let started = Message::InterruptStatus { status: Status::Success, endpoint: 0x83 };
    let report = |data: &[u8]| {
        let (endpoint, status, length) = (0x83, Status::Success, data.len() as u16);
        Message::Interrupt(SmallPacket { endpoint, status, length, data: data.into() })
    };
    let answers = desk.ask(4, &Message::StartInterrupt { endpoint: 0x83 });
    assert_eq!(answers, [(4, started.clone()), (0, report(&[0, 0x80, 0, 0]))]);
    desk.server.device().reports.push_back(Inward::Data(vec![1]));
    assert_eq!(desk.after(ms(1)), [(1, report(&[1]))]);
    assert_eq!(desk.ask(5, &Message::StopInterrupt { endpoint: 0x83 }), [(5, started)]);
    desk.server.device().reports.push_back(Inward::Data(vec![2]));
    assert_eq!(desk.after(ms(1)), []);
}

#[test]
fn what_a_reset_left_behind_is_completed_at_the_next_configuration() {
    let mut desk = Desk::configured(None);
    assert_eq!(desk.ask(1, &want(0x81, 2048)), []);
    assert_eq!(desk.ask(0, &Message::Reset), []);
    assert_eq!(desk.ask(2, &control(0x80, 6, 0x0100, 18, &[])).len(), 1);
    // Pulling the plug now would end QEMU; it waits.
    desk.server.unplug(desk.now);
    assert_eq!(desk.after(ms(1000)), []);
    let answers = desk.ask(3, &Message::SetConfiguration { configuration: 1 });
    assert_eq!(answers[0], (1, ended(0x81, Status::Cancelled, 0, &[])));
    assert!(matches!(answers[3], (3, Message::ConfigurationStatus { .. })));
    assert_eq!(desk.after(ms(80)), [(0, Message::DeviceDisconnect)]);
}

#[test]
fn an_unplug_completes_what_waits_and_comes_after_the_last_request() {
    let mut desk = Desk::configured(None);
    assert_eq!(desk.ask(1, &want(0x81, 2048)), []);
    desk.server.unplug(desk.now);
    // The guest is busy, and busy again.
    for _ in 0..10 {
        assert_eq!(desk.after(ms(79)), []);
        assert_eq!(desk.ask(2, &control(0xc0, 0xa1, 0, 4, &[])).len(), 1);
    }
    let cancelled = ended(0x81, Status::Cancelled, 0, &[]);
    assert_eq!(desk.after(ms(80)), [(1, cancelled), (0, Message::DeviceDisconnect)]);
    assert!(desk.server.takes_frames());
    desk.server.frame_in(desk.now, &[0; 60]);
    assert!(desk.server.device().frames.is_empty(), "there is no cable in it");
    // A request that was on its way has nobody to answer it, and is no offence.
    assert_eq!(desk.ask(3, &want(0x81, 2048)), []);
    desk.server.plug(desk.now);
    let said = desk.after(ms(0));
    assert!(matches!(said.last(), Some((_, Message::DeviceConnect(_)))), "{said:?}");
    assert_eq!(desk.ask(4, &Message::SetConfiguration { configuration: 1 }).len(), 3);
}

#[test]
fn an_unplug_comes_soon_after_a_look_at_the_device() {
    let mut desk = Desk::configured(None);
    assert_eq!(desk.after(ms(500)), []);
    desk.server.unplug(desk.now);
    // It is quiet, but the next look may be just about to come.
    assert_eq!(desk.after(ms(100)), []);
    assert_eq!(desk.ask(1, &control(0xc0, 0xa1, 0, 4, &[])).len(), 1);
    assert_eq!(desk.after(ms(79)), []);
    assert_eq!(desk.after(ms(1)), [(0, Message::DeviceDisconnect)]);
}

#[test]
fn what_the_guest_sends_while_an_unplug_waits_is_kept() {
    let mut desk = Desk::configured(None);
    assert_eq!(desk.ask(1, &want(0x81, 2048)), []);
    desk.server.unplug(desk.now);
    // The wire goes on: what comes makes the guest send something.
    assert!(desk.server.takes_frames());
    desk.server.device().inward.push_back(Inward::Data(vec![1, 2, 3]));
    let answer = ended(0x81, Status::Success, 3, &[1, 2, 3]);
    assert_eq!(desk.after(ms(1)), [(1, answer)]);
    assert_eq!(desk.ask(2, &give(2, &[7; 60])), []);
    assert!(!desk.server.takes_frames());
    // Nothing that had come already makes it ask again.
    desk.server.device().inward.push_back(Inward::Data(vec![4]));
    assert_eq!(desk.ask(3, &want(0x81, 2048)), []);
    assert_eq!(desk.ask(4, &control(0xc0, 0xa1, 0, 4, &[])).len(), 1);
    assert_eq!(desk.after(ms(79)), []);
    let cancelled = |endpoint| ended(endpoint, Status::Cancelled, 0, &[]);
    let gone = (0, Message::DeviceDisconnect);
    assert_eq!(desk.after(ms(1)), [(2, cancelled(2)), (3, cancelled(0x81)), gone]);
    assert!(desk.server.device().outward.is_empty(), "the plug was out");
}

#[test]
fn a_guest_that_only_listens_gets_few_frames_more() {
    let mut desk = Desk::configured(None);
    desk.server.unplug(desk.now);
    let mut frames = 0;
    while desk.server.takes_frames() {
        desk.server.frame_in(desk.now, &[0; 60]);
        frames += 1;
    }
    assert_eq!(frames, UNPLUG_FRAMES_MAX);
}

#[test]
fn a_held_wire_waits_for_a_reset() {
    let mut desk = Desk::configured(None);
    desk.server.hold_wire();
    assert!(!desk.server.takes_frames());
    desk.ask(1, &Message::Reset);
    assert!(desk.server.takes_frames());
}

#[test]
fn a_device_that_leaves_by_itself_is_unplugged() {
    let mut desk = Desk::configured(None);
    desk.server.device().left = true;
    assert_eq!(desk.after(ms(1)), []);
    assert_eq!(desk.after(ms(80)), [(0, Message::DeviceDisconnect)]);
    desk.server.plug(desk.now);
    assert!(!desk.server.device().left && desk.server.is_plugged());
}

#[test]
fn an_unplug_waits_for_a_busy_guest_only_so_long() {
    let mut desk = Desk::configured(None);
    desk.server.unplug(desk.now);
    let mut said = Vec::new();
    for _ in 0..2000 {
        desk.ask(2, &control(0xc0, 0xa1, 0, 4, &[]));
        said.extend(desk.after(ms(1)));
    }
    assert_eq!(said, [(0, Message::DeviceDisconnect)]);
}

#[test]
fn plugging_while_an_unplug_waits_is_both() {
    let mut desk = Desk::configured(None);
    desk.ask(1, &control(0xc0, 0xa1, 0, 4, &[]));
    desk.server.unplug(desk.now);
    desk.server.plug(desk.now);
    assert_eq!(desk.after(ms(79)), []);
    let said = desk.after(ms(1));
    assert_eq!(said.first(), Some(&(0, Message::DeviceDisconnect)));
    assert!(matches!(said.last(), Some((_, Message::DeviceConnect(_)))));
}

#[test]
fn a_new_connection_begins_anew() {
    let mut desk = Desk::configured(None);
    desk.ask(1, &want(0x81, 2048));
    desk.server.disconnected();
    let powered = desk.server.device().resets;
    assert_eq!(desk.greet(QEMU).len(), 3);
    assert_eq!(desk.server.device().resets, powered + 1);
    desk.server.device().inward.push_back(Inward::Data(vec![1]));
    assert_eq!(desk.after(ms(1)), [], "the old connection's request is gone");
}

#[test]
fn a_cancelled_request_is_answered_as_such_and_others_go_on() {
    let mut desk = Desk::configured(None);
    desk.ask(1, &want(0x81, 512));
    desk.ask(2, &want(0x81, 512));
    let cancelled = ended(0x81, Status::Cancelled, 0, &[]);
    assert_eq!(desk.ask(1, &Message::Cancel), [(1, cancelled)]);
    assert_eq!(desk.ask(77, &Message::Cancel), []);
    desk.server.device().inward.push_back(Inward::Data(vec![1]));
    assert_eq!(desk.after(ms(1)), [(2, ended(0x81, Status::Success, 1, &[1]))]);
}

#[test]
fn what_is_not_served_is_declined() {
    let mut desk = Desk::configured(None);
    let status = Status::Invalid;
    let iso = Message::StartIso { endpoint: 0x84, packets: 8, requests: 4 };
    assert_eq!(desk.ask(1, &iso), [(1, Message::IsoStatus { status, endpoint: 0x84 })]);
    let bulk = Message::StartBulk { stream: 0, bytes: 512, endpoint: 0x81, transfers: 2 };
    let declined = Message::BulkStatus { stream: 0, endpoint: 0x81, status };
    assert_eq!(desk.ask(2, &bulk), [(2, declined)]);
    let streams = Message::AllocateStreams { endpoints: 2, streams: 4 };
    let declined = Message::StreamsStatus { endpoints: 2, streams: 0, status };
    assert_eq!(desk.ask(3, &streams), [(3, declined)]);
    assert_eq!(desk.ask(4, &Message::FilterReject), []);
    assert_eq!(desk.server.counters().rejected, 1);
}

#[test]
fn a_guest_that_makes_no_sense_is_refused_by_name() {
    let broken =
        |message: &Message| Desk::configured(None).try_ask(1, message).expect_err("refused");
    assert_eq!(broken(&Message::DeviceDisconnect), Broken::WrongWay(2));
    let mut desk = Desk::silent(None);
    desk.server.connected();
    desk.server.output().clear();
    assert_eq!(desk.try_ask(1, &Message::Reset), Err(Broken::HelloOutOfPlace));
    let mut desk = Desk::configured(None);
    let result = (0..100).try_for_each(|id| desk.try_ask(id, &want(0x81, 512)).map(drop));
    assert_eq!(result, Err(Broken::TooManyRequests { endpoint: 0x81 }));
    // Data where none belongs, and none where some does.
    let mut desk = Desk::configured(None);
    let invalid = ended(0x81, Status::Invalid, 0, &[]);
    assert_eq!(desk.ask(1, &give(0x81, &[1])), [(1, invalid)]);
    assert_eq!(desk.ask(2, &want(2, 5)), [(2, ended(2, Status::Invalid, 0, &[]))]);
    let [(3, Message::Control(answer))] = &desk.ask(3, &control(0x40, 0xa0, 0, 4, &[]))[..] else {
        panic!("one answer");
    };
    assert_eq!((answer.status, answer.length), (Status::Invalid, 0));
}

proptest! {
    /// Whatever order and whatever cuts: every bulk request is answered once, or waits.
    #[test]
    fn every_request_is_answered_once(
        steps in proptest::collection::vec((0_u8..8, any::<u16>()), 1..200),
        cut in 1_usize..40,
    ) {
        let mut desk = Desk::configured(None).at_random();
        let (mut asked, mut answered, mut next) = (Vec::new(), Vec::new(), 100);
        let mut waiting_is_over = false;
        for (step, value) in steps {
            let mut said = Vec::new();
            match step {
                0 | 1 if asked.len() - answered.len() < 60 => {
                    next += 1;
                    asked.push(next);
                    said = desk.ask(next, &want(0x81, 512));
                }
                2 => desk.server.device().inward.push_back(Inward::Data(vec![1; cut])),
                3 => desk.server.device().inward.push_back(Inward::Refused(Refusal::Stall)),
                // The oldest, so that the order stays what it was.
                4 if asked.len() > answered.len() => {
                    said = desk.ask(asked[answered.len()], &Message::Cancel);
                }
                5 if value % 8 == 0 => {
                    waiting_is_over = true;
                    said = desk.ask(0, &Message::Reset);
                    said.extend(desk.ask(1, &Message::SetConfiguration { configuration: 1 }));
                }
                _ => said = desk.after(ms(1)),
            }
            answered.extend(said.into_iter().filter_map(|(id, message)| match message {
                Message::Bulk(_) => Some(id),
                _ => None,
            }));
            if waiting_is_over {
                prop_assert_eq!(asked.len(), answered.len());
                waiting_is_over = false;
            }
        }
        desk.server.unplug(desk.now);
        let rest = desk.after(ms(3000));
        answered.extend(rest.iter().filter(|(id, _)| *id > 100).map(|(id, _)| *id));
        prop_assert_eq!(&answered, &asked, "in order, each once");
        prop_assert_eq!(rest.last(), Some(&(0, Message::DeviceDisconnect)));
    }

    /// Hostile bytes end the conversation or are answered; they do not panic, and do not pile up.
    #[test]
    fn hostile_bytes_are_survived(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..20),
        kinds in proptest::collection::vec((0_u32..110, any::<[u8; 12]>()), 0..40),
        greeted in any::<bool>(),
    ) {
        let mut server = Server::new(Fake::default(), None);
        server.connected();
        server.output().clear();
        if greeted {
            let mut hello = Vec::new();
            let qemu = usbredir::message::Hello { version: [0; 64], capabilities: Some(QEMU) };
            codec::encode(0, &Message::Hello(qemu), QEMU, &mut hello);
            prop_assert!(server.received(ms(0), &hello).is_ok());
        }
        for (kind, body) in kinds {
            let mut bytes = [kind.to_le_bytes(), 12_u32.to_le_bytes()].as_flattened().to_vec();
            bytes.extend([0; 8]);
            bytes.extend(body);
            let _ = server.received(ms(1), &bytes);
        }
        for chunk in chunks {
            if server.received(ms(2), &chunk).is_err() {
                break;
            }
            server.turn(ms(2));
        }
        server.unplug(ms(2));
        server.turn(ms(5000));
        prop_assert!(!server.is_plugged());
    }
}
