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

fn handshake(desk: &mut Desk, from: u16, port: u16, first: i32) -> (TcpSeqNumber, TcpSeqNumber) {
    desk.send_frame(tcp(&raw(from, port, TcpControl::Syn, TcpSeqNumber(first), None, &[])));
    let answer = hear(desk).into_iter().find(|segment| segment.syn).expect("SYN ACK");
    let (next, acked) = (TcpSeqNumber(first) + 1, TcpSeqNumber(answer.sequence) + 1);
    desk.send_frame(tcp(&raw(from, port, TcpControl::None, next, Some(acked), &[])));
    hear(desk);
    (next, acked)
}

fn raw<'a>(
    from: u16,
    port: u16,
    control: TcpControl,
    seq: TcpSeqNumber,
    ack: Option<TcpSeqNumber>,
    payload: &'a [u8],
) -> TcpRepr<'a> {
    TcpRepr {
        src_port: from,
        dst_port: port,
        control,
        seq_number: seq,
        ack_number: ack,
        window_len: 65_535,
        window_scale: None,
        max_seg_size: (control == TcpControl::Syn).then_some(1460),
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload,
    }
}

/// smoltcp 0.14 panics for the one sequence number that is half the circle from its window, when a
/// FIN ends where the window does: the window filled, FIN, and that number, back to back.
#[test]
fn poison_after_fin_batch() {
    Desk::run(&Setup::default(), |desk| {
        let (next, ack) = handshake(desk, 50_200, 80, 1000);
        let data = [b'x'; 1024];
        for i in 0..8 {
            let control = if i == 7 { TcpControl::Fin } else { TcpControl::None };
            desk.send_frame(tcp(&raw(50_200, 80, control, next + i * 1024, Some(ack), &data)));
        }
        let end = next + 8192;
        desk.send_frame(tcp(&raw(
            50_200,
            80,
            TcpControl::None,
            TcpSeqNumber(end.0.wrapping_add(i32::MIN)),
            Some(ack),
            &[],
        )));
        desk.run_for(Duration::from_secs(1));
        assert!(desk.fetch(0, "/", SOON).0.starts_with("HTTP/1.1 200 OK"), "the board goes on");
    });
}

/// The same without a race: the window filled but for a byte on a connection that no worker takes,
/// then the byte with FIN, and the number while smoltcp delays its ACK.
#[test]
fn poison_after_fin_delayed_ack() {
    Desk::run(&Setup::default(), |desk| {
        for i in 0..2u16 {
            handshake(desk, 50_300 + i, 4242, 1000);
        }
        let (next, ack) = handshake(desk, 50_310, 4242, 1000);
        let data = [b'x'; 1024];
        for i in 0..8 {
            let len = if i == 7 { 1023 } else { 1024 };
            desk.send_frame(tcp(&raw(
                50_310,
                4242,
                TcpControl::None,
                next + i * 1024,
                Some(ack),
                &data[..len],
            )));
            hear(desk);
        }
        desk.run_for(Duration::from_secs(1));
        desk.send_frame(tcp(&raw(50_310, 4242, TcpControl::Fin, next + 8191, Some(ack), b"y")));
        desk.run_for(Duration::from_millis(5));
        let end = next + 8192;
        desk.send_frame(tcp(&raw(
            50_310,
            4242,
            TcpControl::None,
            TcpSeqNumber(end.0.wrapping_add(i32::MIN)),
            Some(ack),
            &[],
        )));
        desk.run_for(Duration::from_secs(1));
        assert!(desk.fetch(0, "/", SOON).0.starts_with("HTTP/1.1 200 OK"), "the board goes on");
    });
}

/// A handshake that was reset leaves its last ACK in the socket, for the next peer's to be compared
/// with.
#[test]
fn poison_after_reset_handshake() {
    Desk::run(&Setup::default(), |desk| {
        let a = 1000i32;
        desk.send_frame(tcp(&raw(50_400, 80, TcpControl::Syn, TcpSeqNumber(a), None, &[])));
        hear(desk).into_iter().find(|segment| segment.syn).expect("SYN ACK");
        desk.send_frame(tcp(&raw(50_400, 80, TcpControl::Rst, TcpSeqNumber(a + 1), None, &[])));
        desk.run_for(Duration::from_millis(50));
        let b = TcpSeqNumber((a + 1 + 8192).wrapping_add(i32::MIN));
        desk.send_frame(tcp(&raw(50_401, 80, TcpControl::Syn, b - 1, None, &[])));
        desk.send_frame(tcp(&raw(50_401, 80, TcpControl::Rst, b, None, &[])));
        desk.run_for(Duration::from_secs(1));
        assert!(desk.fetch(0, "/", SOON).0.starts_with("HTTP/1.1 200 OK"), "the board goes on");
    });
}
