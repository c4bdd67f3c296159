//! The ring, its notes and its readers.

use std::boxed::Box;
use std::string::ToString;
use std::vec;
use std::vec::Vec;

use smoltcp::wire::Ipv4Address;

use super::*;

std::thread_local! {
    static MICROSECONDS: Cell<u64> = const { Cell::new(0) };
}

/// A clock that moves on by a microsecond each time it is read.
fn clock() -> Duration {
    MICROSECONDS.set(MICROSECONDS.get() + 1);
    Duration::from_micros(MICROSECONDS.get())
}

fn recorder() -> Recorder {
    let frames = vec![[0; FRAME_BYTES_MAX]; CAPTURE_FRAMES];
    Recorder::new(frames.try_into().map(Box::leak).unwrap(), clock)
}

fn frame(recorder: &Recorder, number: u8, bytes: usize) {
    recorder.record(Way::In, Port::Eth0, &vec![number; bytes]);
}

#[test]
fn little_is_kept_until_somebody_asks() {
    let recorder = recorder();
    let mut out = [0; FRAME_BYTES_MAX];
    frame(&recorder, 1, 1000);
    let kept = recorder.read(0, &mut out).unwrap();
    assert_eq!((kept.original_bytes, kept.captured_bytes), (1000, CAPTURE_BYTES));
    let reader = recorder.attach(usize::MAX).unwrap();
    frame(&recorder, 2, 1000);
    let kept = recorder.read(1, &mut out).unwrap();
    assert_eq!((kept.captured_bytes, out[999]), (1000, 2));
    recorder.detach(reader);
    frame(&recorder, 3, 1000);
    assert_eq!(recorder.read(2, &mut out).unwrap().captured_bytes, CAPTURE_BYTES);
    assert_eq!(recorder.read(3, &mut out), None);
}

#[test]
fn the_slow_lose_the_oldest() {
    let recorder = recorder();
    for number in 0..CAPTURE_FRAMES + 5 {
        frame(&recorder, number as u8, 60);
    }
    let mut out = [0; 60];
    let first = recorder.read(0, &mut out).unwrap();
    assert_eq!(first.number, 5);
    assert_eq!(out[0], 5);
}

#[test]
fn a_giant_is_cut() {
    let recorder = recorder();
    recorder.attach(usize::MAX).unwrap();
    frame(&recorder, 1, FRAME_BYTES_MAX + 100);
    let mut out = [0; FRAME_BYTES_MAX];
    assert_eq!(recorder.read(0, &mut out).unwrap().captured_bytes, FRAME_BYTES_MAX);
}

/// Where frames are kept for a test.
struct Desk(Recorder);

impl Recording for Desk {
    fn with_recorder<R>(&self, f: impl FnOnce(&Recorder) -> R) -> R {
        f(&self.0)
    }
}

#[test]
fn a_frame_says_what_became_of_it() {
    let desk = Desk(recorder());
    let drops = Drops::new();
    let mut reader = desk.capture(60).unwrap();
    let frame = [0; 60];
    let sent = |note| {
        desk.0.record(Way::Out, Port::Eth0, &frame);
        desk.0.note_sent(note);
    };
    desk.0.receive(Port::Eth0, &frame, &drops, |_| {
        desk.0.note(Note::Guard);
        desk.0.note(Note::Stack);
        sent(Note::Guard);
        sent(Note::Guard);
    });
    desk.0.receive(Port::Eth0, &frame, &drops, |_| drops.count(Why::NotOurs));
    // Counted between frames: nobody's.
    drops.count(Why::ConsoleInput);
    sent(Note::Link);
    desk.0.record_unsent(&frame, Why::NoRoute);
    desk.0.receive(Port::Eth0, &frame, &drops, |_| desk.0.note(Note::Arp));

    let mut out = [0; 60];
    let mut all = |reader: &mut CaptureReader<'_, Desk>| {
        let frames = core::iter::from_fn(|| reader.try_next(&mut out));
        frames.map(|captured| captured.to_string()).collect::<Vec<_>>()
    };
    let mut expected = vec![
        "#0 in: guard: passed; link: to the stack; answered by #1",
        "#1 out: guard: passed",
        "#2 out: guard: passed",
        "#3 in: dropped: not_ours",
        "#4 out: link: of its own making",
        "#5 not sent: dropped: no_route",
        "#6 in: link: ARP",
    ];
    let mut whole = desk.capture(60).unwrap();
    whole.rewind();
    whole.show_unsent();
    assert_eq!(all(&mut whole), expected);
    expected.remove(5);
    assert_eq!(all(&mut reader), expected);
    assert_eq!((reader.missed(), whole.missed()), (0, 0));
}

#[test]
fn what_is_switched_off_costs_nothing() {
    let desk = Desk(recorder());
    desk.0.set_on(false);
    frame(&desk.0, 1, 60);
    assert_eq!(desk.0.count(), 0);
    // But whoever looks sees what passes then.
    let mut reader = desk.capture(60).unwrap();
    frame(&desk.0, 2, 60);
    let mut out = [0; 60];
    assert!(reader.try_next(&mut out).is_some() && out[0] == 2);
    drop(reader);
    frame(&desk.0, 3, 60);
    assert_eq!(desk.0.count(), 1);
    desk.0.set_on(true);
    frame(&desk.0, 4, 60);
    assert_eq!(desk.0.count(), 2);
}

fn segment(from: (u8, u16), to: (u8, u16)) -> Vec<u8> {
    let mut frame = vec![0; 14];
    frame[12] = 8;
    frame.extend([0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0]);
    frame.extend([192, 0, 2, from.0, 192, 0, 2, to.0]);
    frame.extend(from.1.to_be_bytes());
    frame.extend(to.1.to_be_bytes());
    frame.extend([0; 16]);
    frame
}

#[test]
fn the_connection_that_is_shown_on_is_known() {
    let peer = IpEndpoint::new(Ipv4Address::new(192, 0, 2, 9).into(), 40_000);
    assert!(is_between(23, peer, &segment((9, 40_000), (1, 23))));
    assert!(is_between(23, peer, &segment((1, 23), (9, 40_000))));
    assert!(!is_between(23, peer, &segment((9, 40_001), (1, 23))), "another session");
    assert!(!is_between(23, peer, &segment((9, 40_000), (1, 80))));
    assert!(!is_between(23, peer, &segment((8, 40_000), (1, 23))));
    let whole = segment((9, 40_000), (1, 23));
    for cut in 0..38 {
        assert!(!is_between(23, peer, &whole[..cut]), "{cut} bytes do not tell");
    }
}

#[test]
fn each_layer_has_a_time_of_its_own() {
    let recorder = recorder();
    let drops = Drops::new();
    MICROSECONDS.set(0);
    // 1: handed up; 2: the guard; 3 to 6: an answer, begun, whole, taken and noted; 7: the stack;
    // 8: done.
    recorder.receive(Port::Eth0, &[0; 60], &drops, |_| {
        recorder.note(Note::Guard);
        recorder.begin();
        recorder.record(Way::Out, Port::Eth0, &[1; 60]);
        recorder.end(None);
        recorder.note_sent(Note::Guard);
        recorder.note(Note::Stack);
    });
    let told = |number| {
        let frame = recorder.read(number, &mut [0; 60]).unwrap();
        let times: Vec<_> = frame.passage.times().map(|time| time.as_micros()).collect();
        (frame.at.as_micros(), times, frame.passage.took().as_micros())
    };
    assert_eq!(told(0), (1, vec![1, 6], 7));
    assert_eq!(told(1), (4, vec![3], 2));
    // What is not kept is not measured either.
    recorder.set_on(false);
    recorder.receive(Port::Eth0, &[0; 60], &drops, |_| recorder.note(Note::Guard));
    recorder.begin();
    recorder.record(Way::Out, Port::Eth0, &[1; 60]);
    recorder.end(None);
    assert_eq!(MICROSECONDS.get(), 8);
}
