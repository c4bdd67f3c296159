//! Hostile segments into every state: nothing panics, and what must always hold does.

use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

use super::*;
use crate::flow::{Ecn, Endpoint};
use crate::icmp::{IcmpError, IcmpKind};
use crate::options::{Options, SackBlock, SackBlocks, Timestamps};
use crate::segment::{Checksum, Flags, SegmentIn, SegmentOut};
use crate::seq::Seq;
use crate::status::State;

const CONNECTIONS: usize = 3;

struct Memory {
    slots: Vec<Slot>,
    entries: Vec<Entry>,
    half_open: Vec<Option<HalfOpen>>,
    time_wait: Vec<Option<TimeWait>>,
    blocks: Vec<Block>,
}

impl Memory {
    fn new() -> Self {
        Self {
            slots: (0..CONNECTIONS).map(|_| Slot::EMPTY).collect(),
            entries: vec![Entry::EMPTY; CONNECTIONS],
            half_open: vec![None; 2],
            time_wait: vec![None; 1],
            blocks: vec![[0; 4096]; 30],
        }
    }

    fn engine(&mut self) -> Tcp<'_> {
        let storage = Storage {
            connections: &mut self.slots,
            entries: &mut self.entries,
            half_open: &mut self.half_open,
            time_wait: &mut self.time_wait,
            blocks: &mut self.blocks,
        };
        Tcp::new(storage, Config::default(), [1; 16])
    }
}

fn ours(port: u16) -> Endpoint {
    Endpoint::new([192, 0, 2, 1].into(), port)
}

fn theirs(port: u16) -> Endpoint {
    Endpoint::new([192, 0, 2, 2].into(), port)
}

/// What always holds.
fn check(tcp: &Tcp<'_>) {
    let mut blocks = 0;
    for (index, slot) in tcp.slots.iter().enumerate() {
        let Some(connection) = &slot.connection else {
            assert!(tcp.entries[index].flow.is_none());
            continue;
        };
        let (send, receive) = (connection.sender(), connection.receiver());
        assert_eq!(tcp.entries[index].flow.is_some(), connection.is_live());
        assert!(send.una().le(send.nxt()), "{connection:?}");
        assert!(send.flight() <= send.nxt().since(send.una()), "{connection:?}");
        assert!(receive.window() <= crate::limits::RECEIVE_BYTES_MAX + 8, "{connection:?}");
        assert!(send.mss() >= 1 && receive.readable() <= crate::limits::RECEIVE_BYTES_MAX);
        blocks += receive.memory_bytes() as usize / BLOCK_BYTES;
    }
    assert!(blocks + tcp.pool.free() <= tcp.pool.total());
}

const BLOCK_BYTES: usize = crate::limits::BLOCK_BYTES;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    /// A segment from one of a few peers: numbers near ours and theirs, or anywhere.
    Segment {
        peer: u16,
        seq: i32,
        ack: i32,
        far: bool,
        flags: u8,
        window: u16,
        length: u16,
        extra: u8,
    },
    Bytes(Vec<u8>),
    Wait(u32),
    Write(u16),
    Read(u16),
    Close,
    Abort,
    GiveBack,
    Connect(u16),
    Accept,
    Icmp(u8, i32, u32),
    Refuse,
}

fn step() -> impl Strategy<Value = Step> {
    let near = prop_oneof![4 => -3i32..4, 2 => -2000i32..20_000, 1 => any::<i32>()];
    let segment = (
        0u16..3,
        near.clone(),
        near.clone(),
        prop::bool::weighted(0.05),
        prop_oneof![
            5 => Just(0x10u8),
            2 => Just(0x02),
            2 => Just(0x11),
            1 => Just(0x12),
            1 => any::<u8>(),
        ],
        prop_oneof![3 => 1000u16..60_000, 1 => 0u16..5],
        prop_oneof![2 => Just(0u16), 2 => 1u16..1460],
        any::<u8>(),
    );
    prop_oneof![
        20 => segment.prop_map(|(peer, seq, ack, far, flags, window, length, extra)| {
            Step::Segment { peer, seq, ack, far, flags, window, length, extra }
        }),
        1 => proptest::collection::vec(any::<u8>(), 0..80).prop_map(Step::Bytes),
        6 => (0u32..5_000_000).prop_map(Step::Wait),
        4 => any::<u16>().prop_map(Step::Write),
        4 => any::<u16>().prop_map(Step::Read),
        1 => Just(Step::Close),
        1 => Just(Step::Abort),
        1 => Just(Step::GiveBack),
        1 => (0u16..3).prop_map(Step::Connect),
        3 => Just(Step::Accept),
        1 => (any::<u8>(), near, any::<u32>())
            .prop_map(|(kind, seq, mtu)| Step::Icmp(kind, seq, mtu)),
        1 => Just(Step::Refuse),
    ]
}

/// Numbers that the connection to that peer waits for, if there is one.
fn numbers(tcp: &Tcp<'_>, flow: &Flow) -> (Seq, Seq) {
    if let Some(connection) =
        tcp.find(|known| known == flow).and_then(|at| tcp.slots[at].connection.as_ref())
    {
        return (connection.receiver().nxt(), connection.sender().nxt());
    }
    let half = tcp.half_open.iter().flatten().find(|half| half.flow == *flow);
    let half = half.map(|half| (half.irs.plus(1), half.iss.plus(1)));
    let kept = tcp.time_wait.iter().flatten().find(|kept| kept.flow == *flow);
    half.or(kept.map(|kept| (kept.expected, kept.nxt))).unwrap_or((Seq(5000), Seq(0)))
}

fn options(tcp: &Tcp<'_>, now: Instant, flow: &Flow, ack: Seq, extra: u8) -> Options {
    let mut sack = SackBlocks::new();
    if extra & 1 != 0 {
        let left = ack.plus(u32::from(extra) * 16);
        let _ = sack.push(SackBlock { left, right: left.plus(u32::from(extra)) });
        let _ =
            sack.push(SackBlock { left: ack.minus(9), right: ack.minus(u32::from(extra) / 32) });
    }
    let clock = tcp.clock(now, flow).wrapping_sub(u32::from(extra & 8));
    let value = now.millis() as u32;
    Options {
        mss: (extra & 2 != 0).then_some(u16::from(extra) * 10),
        window_scale: (extra & 4 != 0).then_some(extra & 15),
        sack_permitted: extra & 16 != 0,
        timestamps: (extra & 96 != 0).then_some(Timestamps { value, echo: clock }),
        sack,
    }
}

fn run(steps: &[Step]) {
    let mut memory = Memory::new();
    let mut tcp = memory.engine();
    let listener = tcp.listen("test", None, 80, 2).expect("a listener");
    let mut now = Instant::from_micros(1_000_000);
    let mut ids: Vec<ConnectionId> = Vec::new();
    let mut buffer = vec![0; 70_000];
    for step in steps {
        let id = ids.last().copied();
        match step {
            Step::Segment { peer, seq, ack, far, flags, window, length, extra } => {
                let flow = Flow { local: ours(80), remote: theirs(40_000 + peer) };
                let (next, sent) = if *far { (Seq(0), Seq(0)) } else { numbers(&tcp, &flow) };
                let (seq, ack) = (next.plus(*seq as u32), sent.plus(*ack as u32));
                let header = Header {
                    seq,
                    ack,
                    flags: Flags(*flags),
                    window: *window,
                    urgent: u16::from(*extra),
                    options: options(&tcp, now, &flow, ack, *extra),
                };
                let back = Flow { local: flow.remote, remote: flow.local };
                let data = &buffer[..usize::from(*length)];
                let segment = SegmentOut {
                    payload: [data, &[]],
                    ..SegmentOut::bare(back, header, Why::Data)
                };
                let mut bytes = vec![0; segment.length()];
                segment.emit(&mut bytes, Checksum::Software);
                give(&mut tcp, now, &bytes);
            }
            Step::Bytes(bytes) => give(&mut tcp, now, bytes),
            Step::Wait(us) => now = now.after(u64::from(*us)),
            Step::Write(count) => {
                if let Some(id) = id {
                    let _ = tcp.write(now, id, &buffer[..usize::from(*count)]);
                }
            }
            Step::Read(count) => {
                if let Some(id) = id {
                    let _ = tcp.read(now, id, &mut buffer[..usize::from(*count)]);
                }
            }
            Step::Close => drop(id.map(|id| tcp.close(now, id))),
            Step::Abort => drop(id.map(|id| tcp.abort(now, id))),
            Step::GiveBack => drop(ids.pop().map(|id| tcp.give_back(now, id))),
            Step::Connect(peer) => {
                ids.extend(tcp.connect(now, "test", ours(80), theirs(40_000 + peer)));
            }
            Step::Accept => ids.extend(tcp.accept(listener)),
            Step::Icmp(kind, seq, mtu) => {
                let flow = Flow { local: ours(80), remote: theirs(40_000 + u16::from(*kind % 3)) };
                let kind = match kind % 5 {
                    0 => IcmpKind::TooBig { mtu: mtu % 2000 },
                    1 => IcmpKind::Refused,
                    2 => IcmpKind::Unreachable,
                    3 => IcmpKind::Transit,
                    _ => IcmpKind::Quench,
                };
                let (_, sent) = numbers(&tcp, &flow);
                let seq = sent.plus(*seq as u32);
                tcp.icmp(now, &IcmpError { kind, flow, seq });
            }
            // The device takes nothing for a while.
            Step::Refuse => {
                assert_eq!(tcp.poll_output(now, &mut |_| false), 0);
            }
        }
        check(&tcp);
        if !matches!(step, Step::Refuse) {
            let mut sent = 0;
            for _ in 0..50 {
                let count = tcp.poll_output(now, &mut |segment| {
                    assert!(segment.length() <= 60 + 4096 && segment.flow.is_sane());
                    true
                });
                sent += count;
                if count == 0 {
                    break;
                }
            }
            assert!(sent <= 64 * 3 + 64, "{sent} segments after {step:?}");
            let due = tcp.next_deadline();
            assert!(due.is_none_or(|due| due > now), "{due:?} is not after {now:?}: {step:?}");
        }
        while tcp.next_event().is_some() {}
        check(&tcp);
    }
    // Whatever was done to it, it ends: nobody holds anything, and in the end all is free.
    for id in ids {
        let _ = tcp.give_back(now, id);
    }
    tcp.unlisten(now, listener);
    for _ in 0..10_000 {
        tcp.poll_output(now, &mut |_| true);
        match tcp.next_deadline() {
            Some(at) => now = now.max(at),
            None => break,
        }
    }
    assert_eq!(tcp.next_deadline(), None);
    assert_eq!(tcp.pool.free(), tcp.pool.total(), "{:?}", tcp.slots);
    assert!(tcp.connections(now).all(|info| info.state == State::Closed));
}

fn give(tcp: &mut Tcp<'_>, now: Instant, bytes: &[u8]) {
    let from = SegmentIn {
        source: theirs(0).address,
        destination: ours(0).address,
        ecn: Ecn::from_bits(bytes.len() as u8),
        checksum: Checksum::Device,
        bytes,
    };
    tcp.input(now, &from);
}

proptest! {
    #[test]
    fn nothing_hostile_breaks_it(steps in proptest::collection::vec(step(), 1..200)) {
        run(&steps);
    }
}
