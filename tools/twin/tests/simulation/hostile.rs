//! A peer that shuts its window at the wrong moments.

use std::time::Duration;

use smoltcp::wire::{TcpControl, TcpRepr, TcpSeqNumber};
use twin::desk::{Desk, Setup};

use crate::SOON;
use crate::packets::{Segment, arp_reply, asks_for_forger, read_tcp, tcp};

/// Frames that the board may send in [`LISTEN`] to a peer that shut its window: probes and keep-alives. A stock
/// smoltcp sends one each microsecond.
const FRAMES_MAX: u64 = 100;
const LISTEN: Duration = Duration::from_secs(60);
const FROM: u16 = 50_123;

/// The forger's side of one connection.
struct Forger {
    next: TcpSeqNumber,
    acknowledged: TcpSeqNumber,
}

impl Forger {
    fn segment<'a>(&self, control: TcpControl, window_len: u16, payload: &'a [u8]) -> TcpRepr<'a> {
        TcpRepr {
            src_port: FROM,
            dst_port: 80,
            control,
            seq_number: self.next,
            ack_number: (control != TcpControl::Syn).then_some(self.acknowledged),
            window_len,
            window_scale: None,
            max_seg_size: (control == TcpControl::Syn).then_some(1460),
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload,
        }
    }

    fn send(&mut self, desk: &Desk, control: TcpControl, window: u16, payload: &[u8]) {
        desk.send_frame(tcp(&self.segment(control, window, payload)));
        self.next = self.next + payload.len() + control.len();
    }
}

/// The board's next segment; its ARP requests are answered on the way.
fn hear(desk: &mut Desk, wanted: impl Fn(&Segment) -> bool) -> Segment {
    desk.until("a segment of the board", SOON, |desk| {
        let frames = desk.take_frames();
        if frames.iter().any(|frame| asks_for_forger(frame)) {
            desk.send_frame(arp_reply());
        }
        frames.iter().filter_map(|frame| read_tcp(frame)).find(&wanted)
    })
}

fn shut_window(request: &[u8]) {
    Desk::run(&Setup::default(), |desk| {
        let mut forger = Forger { next: TcpSeqNumber(1000), acknowledged: TcpSeqNumber(0) };
        forger.send(desk, TcpControl::Syn, 65_535, &[]);
        let answer = hear(desk, |segment| segment.syn);
        forger.acknowledged = TcpSeqNumber(answer.sequence) + 1;
        forger.send(desk, TcpControl::None, 65_535, &[]);
        forger.send(desk, TcpControl::Psh, 65_535, request);
        let first = hear(desk, |segment| !segment.data.is_empty());
        assert_eq!(TcpSeqNumber(first.sequence), forger.acknowledged);

        // Part of the data, then the rest, each time with a window of zero.
        let start = forger.acknowledged;
        forger.acknowledged = start + first.data.len() / 2;
        forger.send(desk, TcpControl::None, 0, &[]);
        desk.run_for(Duration::from_millis(50));
        let rest = desk.take_frames();
        let ends = rest.iter().filter_map(|frame| read_tcp(frame)).map(|segment| {
            let length = segment.data.len() + usize::from(segment.fin);
            TcpSeqNumber(segment.sequence) + length
        });
        let end =
            ends.fold(start + first.data.len(), |end, other| if other > end { other } else { end });
        forger.acknowledged = end;
        forger.send(desk, TcpControl::None, 0, &[]);

        let before = desk.wire().sent(twin::wire::Side::Board);
        desk.run_for(LISTEN);
        let frames = desk.wire().sent(twin::wire::Side::Board) - before;
        assert!(frames <= FRAMES_MAX, "{frames} frames in {LISTEN:?}");
        // Others are served all the while.
        let (head, _) = desk.fetch(0, "/", SOON);
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    });
}

#[test]
fn a_shut_window_on_a_kept_connection() {
    shut_window(b"GET / HTTP/1.1\r\nHost: board\r\n\r\n");
}

#[test]
fn a_shut_window_on_a_connection_that_ends() {
    shut_window(b"GET / HTTP/1.1\r\nHost: board\r\nConnection: close\r\n\r\n");
}
