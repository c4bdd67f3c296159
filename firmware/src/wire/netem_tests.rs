//! The dial, turned: what comes of frames.

use std::boxed::Box;
use std::collections::VecDeque;
use std::vec;
use std::vec::Vec;

use smoltcp::phy::Medium;

use super::*;

const MILLISECOND: Duration = Duration::from_millis(1);

/// A wire with frames to receive, and those that were sent.
#[derive(Default)]
struct Line {
    inward: VecDeque<Vec<u8>>,
    outward: Vec<Vec<u8>>,
}

struct In(Vec<u8>);

impl RxToken for In {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

struct Out<'a>(&'a mut Vec<Vec<u8>>);

impl TxToken for Out<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.push(frame);
        result
    }
}

impl Device for Line {
    type RxToken<'a> = In;
    type TxToken<'a> = Out<'a>;

    fn receive(&mut self, _: Instant) -> Option<(In, Out<'_>)> {
        Some((In(self.inward.pop_front()?), Out(&mut self.outward)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Out<'_>> {
        Some(Out(&mut self.outward))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities
    }
}

struct Desk {
    line: Line,
    netem: Netem,
    now: Duration,
}

impl Desk {
    fn new(way: Way, faults: Faults) -> Self {
        let frames = vec![[0; FRAME_BYTES_MAX]; NETEM_FRAMES].try_into().map(Box::leak).unwrap();
        let netem = Netem::new(frames);
        netem.set(way, faults, 7);
        Self { line: Line::default(), netem, now: Duration::from_secs(1) }
    }

    fn device(&mut self) -> Impaired<'_, &mut Line> {
        Impaired { device: &mut self.line, netem: &self.netem, now: self.now }
    }

    fn send(&mut self, frame: &[u8]) {
        let mut device = self.device();
        let token = device.transmit(Instant::ZERO).expect("room");
        token.consume(frame.len(), |out| out.copy_from_slice(frame));
    }

    /// Lets time pass; what was sent since.
    fn sent_after(&mut self, time: Duration) -> Vec<Vec<u8>> {
        self.now += time;
        self.netem.flush(&mut self.line, Instant::ZERO, self.now);
        std::mem::take(&mut self.line.outward)
    }

    /// All that is there to be received now; the stack does not look at empty frames.
    fn received(&mut self) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        let mut device = self.device();
        while let Some((token, _)) = device.receive(Instant::ZERO) {
            frames.push(token.consume(<[u8]>::to_vec));
        }
        frames.retain(|frame| !frame.is_empty());
        frames
    }
}

// `Device` is not implemented for references.
impl Device for &mut Line {
    type RxToken<'a>
        = In
    where
        Self: 'a;
    type TxToken<'a>
        = Out<'a>
    where
        Self: 'a;

    fn receive(&mut self, at: Instant) -> Option<(In, Out<'_>)> {
        Line::receive(self, at)
    }

    fn transmit(&mut self, at: Instant) -> Option<Out<'_>> {
        Line::transmit(self, at)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        Line::capabilities(self)
    }
}

fn numbered(number: usize) -> Vec<u8> {
    vec![number as u8; 60 + number % 7]
}

#[test]
fn off_it_does_nothing_either_way() {
    let mut desk = Desk::new(Way::Out, Faults::default());
    for number in 0..10 {
        desk.send(&numbered(number));
        desk.line.inward.push_back(numbered(number));
    }
    let all: Vec<_> = (0..10).map(numbered).collect();
    assert_eq!(desk.sent_after(Duration::ZERO), all);
    assert_eq!(desk.received(), all);
    assert_eq!(desk.netem.get(Way::Out).1, Tally::default());
    assert_eq!(desk.netem.next_deadline(), None);
}

#[test]
fn shares_are_met_and_counted() {
    const FRAMES: usize = 20_000;
    let faults = Faults { loss: 50_000, duplicate: 20_000, corrupt: 10_000, ..Faults::default() };
    let mut desk = Desk::new(Way::In, faults);
    for number in 0..FRAMES {
        desk.line.inward.push_back(numbered(number));
        let came = desk.received();
        let (_, tally) = desk.netem.get(Way::In);
        let damaged = came.iter().filter(|frame| **frame != numbered(number)).count() as u64;
        assert!(damaged == 0 || tally.corrupted > 0);
    }
    let (_, tally) = desk.netem.get(Way::In);
    assert_eq!(tally.frames, FRAMES as u64);
    for (count, expected) in [(tally.lost, 1000), (tally.duplicated, 380), (tally.corrupted, 190)] {
        let near = expected * 3 / 4..expected * 5 / 4;
        assert!(near.contains(&count), "{tally:?}");
    }
    // The other direction is another matter.
    desk.send(&numbered(1));
    assert_eq!(desk.sent_after(Duration::ZERO), [numbered(1)]);
}

#[test]
fn everything_lost_is_nothing_and_everything_doubled_is_twice() {
    let mut desk = Desk::new(Way::Out, Faults { loss: 1_000_000, ..Faults::default() });
    desk.send(&numbered(1));
    assert_eq!(desk.sent_after(MILLISECOND), [] as [Vec<u8>; 0]);
    let mut desk = Desk::new(Way::Out, Faults { duplicate: 1_000_000, ..Faults::default() });
    desk.send(&numbered(1));
    assert_eq!(desk.sent_after(Duration::ZERO), [numbered(1), numbered(1)]);
    let mut desk = Desk::new(Way::In, Faults { corrupt: 1_000_000, ..Faults::default() });
    desk.line.inward.push_back(numbered(3));
    let [frame] = &desk.received()[..] else { panic!("one frame") };
    let wrong = frame.iter().zip(numbered(3)).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>();
    assert_eq!(wrong, 1);
}

#[test]
fn late_frames_come_in_order_and_in_time() {
    let delay = Faults { delay: 10 * MILLISECOND, ..Faults::default() };
    let mut desk = Desk::new(Way::Out, delay);
    desk.netem.set(Way::In, delay, 7);
    let start = desk.now;
    for number in 0..5 {
        desk.send(&numbered(number));
        desk.line.inward.push_back(numbered(number));
    }
    assert_eq!(desk.received(), [] as [Vec<u8>; 0]);
    assert_eq!(desk.netem.next_deadline(), Some(start + 10 * MILLISECOND));
    assert_eq!(desk.sent_after(9 * MILLISECOND), [] as [Vec<u8>; 0]);
    let all: Vec<_> = (0..5).map(numbered).collect();
    assert_eq!(desk.sent_after(MILLISECOND), all);
    assert_eq!(desk.received(), all);
    assert_eq!(desk.netem.next_deadline(), None);
}

#[test]
fn jitter_stays_within_its_span_and_reordering_overtakes() {
    let faults = Faults { delay: 10 * MILLISECOND, jitter: 4 * MILLISECOND, ..Faults::default() };
    let mut desk = Desk::new(Way::Out, faults);
    let start = desk.now;
    for number in 0..50 {
        desk.send(&numbered(number));
        let due = desk.netem.next_deadline().expect("one waits");
        assert!((start + 6 * MILLISECOND..=start + 14 * MILLISECOND).contains(&due));
    }
    assert_eq!(desk.sent_after(14 * MILLISECOND).len(), 50);
    let faults = Faults { delay: MILLISECOND, reorder: 1_000_000, ..Faults::default() };
    desk.netem.set(Way::Out, Faults { reorder: 0, ..faults }, 7);
    desk.send(&numbered(0));
    desk.netem.set(Way::Out, faults, 7);
    desk.send(&numbered(1));
    assert_eq!(desk.sent_after(MILLISECOND), [numbered(1), numbered(0)]);
}

#[test]
fn a_rate_spaces_frames_out_and_too_many_are_lost_by_name() {
    // 1,000 bytes are 8 ms.
    let mut desk = Desk::new(Way::Out, Faults { rate: 1_000_000, ..Faults::default() });
    for _ in 0..3 {
        desk.send(&[1; 1000]);
    }
    let counts: Vec<_> = (0..4).map(|_| desk.sent_after(6 * MILLISECOND).len()).collect();
    assert_eq!(counts, [0, 1, 1, 1]);
    for _ in 0..NETEM_FRAMES + 5 {
        desk.send(&[1; 1000]);
    }
    assert_eq!(desk.netem.get(Way::Out).1.overflowed, 5);
    assert_eq!(desk.sent_after(Duration::from_secs(10)).len(), NETEM_FRAMES);
}

#[test]
fn the_same_seed_meets_the_same_fate() {
    let faults = Faults { loss: 300_000, duplicate: 100_000, ..Faults::default() };
    let run = || {
        let mut desk = Desk::new(Way::Out, faults);
        (0..100).for_each(|number| desk.send(&numbered(number)));
        desk.sent_after(Duration::ZERO)
    };
    assert_eq!(run(), run());
}
