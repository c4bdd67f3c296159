//! A peer that shuts its window at the wrong moments.

use std::time::Duration;

use smoltcp::wire::{TcpControl, TcpRepr, TcpSeqNumber};
use twin::desk::{Desk, Setup};
use twin::wire::Side;

use crate::SOON;
use crate::packets::{Segment, arp_reply, asks_for_forger, read_tcp, tcp};

/// Frames that the board may send in [`LISTEN`] to a peer that shut its window: probes and
/// keep-alives. A stock smoltcp sends one each microsecond.
const FRAMES_MAX: u64 = 100;
const LISTEN: Duration = Duration::from_secs(60);
/// The board has paused when it sends nothing for this long: less than any of its timers.
const PAUSE: Duration = Duration::from_millis(50);
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

/// The board's segments, until it pauses; its questions for our address are answered on the way.
fn hear(desk: &mut Desk) -> Vec<Segment> {
    let mut segments = Vec::new();
    loop {
        desk.run_for(PAUSE);
        let frames = desk.take_frames();
        if frames.iter().any(|frame| asks_for_forger(frame)) {
            desk.send_frame(arp_reply());
        } else if frames.is_empty() {
            return segments;
        }
        segments.extend(frames.iter().filter_map(|frame| read_tcp(frame)));
    }
}

fn shut_window(request: &[u8]) {
    Desk::run(&Setup::default(), |desk| {
        let mut forger = Forger { next: TcpSeqNumber(1000), acknowledged: TcpSeqNumber(0) };
        forger.send(desk, TcpControl::Syn, 65_535, &[]);
        let answer = hear(desk).into_iter().find(|segment| segment.syn).expect("SYN ACK");
        forger.acknowledged = TcpSeqNumber(answer.sequence) + 1;
        forger.send(desk, TcpControl::None, 65_535, &[]);
        forger.send(desk, TcpControl::Psh, 65_535, request);
        let start = forger.acknowledged;
        let ends = hear(desk).into_iter().map(|segment| {
            let length = segment.data.len() + usize::from(segment.fin);
            TcpSeqNumber(segment.sequence) + length
        });
        let end = ends.reduce(|one, other| if other > one { other } else { one });
        let end = end.expect("an answer");

        // Part of the data, then the rest, each time with a window of zero.
        forger.acknowledged = start + (end - start) / 2;
        forger.send(desk, TcpControl::None, 0, &[]);
        hear(desk);
        forger.acknowledged = end;
        forger.send(desk, TcpControl::None, 0, &[]);

        let before = desk.wire().sent(Side::Board);
        desk.run_for(LISTEN);
        let frames = desk.wire().sent(Side::Board) - before;
        assert!(frames <= FRAMES_MAX, "{frames} frames in {LISTEN:?}\n{}", desk.journal());
        // Others are served all the while.
        let (head, _) = desk.fetch(0, "/", SOON);
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    });
}

/// An answer of one segment: nothing is left to send when the window is shut for the second time.
/// This is what makes a stock smoltcp send for ever.
#[test]
fn a_shut_window_after_a_short_answer() {
    shut_window(b"GET /favicon.ico HTTP/1.1\r\nHost: board\r\n\r\n");
}

#[test]
fn a_shut_window_on_a_connection_that_ends() {
    shut_window(b"GET /favicon.ico HTTP/1.1\r\nHost: board\r\nConnection: close\r\n\r\n");
}

#[test]
fn a_shut_window_in_the_midst_of_a_long_answer() {
    shut_window(b"GET / HTTP/1.1\r\nHost: board\r\n\r\n");
}
