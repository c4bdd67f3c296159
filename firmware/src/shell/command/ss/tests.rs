//! What `ss` prints, beside the tool's own words.

use std::string::{String, ToString};

use tcp::{BbrInfo, CongestionControl, Flow, SenderInfo, State};

use super::details::Millis;
use super::*;

fn wanted(line: &str) -> Result<Wanted, Wrong<'_>> {
    let words: std::vec::Vec<_> = line.split(' ').filter(|word| !word.is_empty()).collect();
    Wanted::read(Arguments::new(&ABOUT, words.leak()))
}

fn socket(local: &str, remote: &str, state: SocketState, queued: (usize, usize)) -> Socket {
    Socket {
        protocol: Protocol::Tcp,
        state: place(state),
        received: queued.0,
        sent: queued.1,
        local: local.parse().unwrap(),
        remote: remote.parse().ok(),
        timer: Timer::Off,
        owner: "httpd",
        tcp: None,
    }
}

fn shown(line: &str, sockets: &[Socket]) -> String {
    let wanted = &wanted(line).unwrap();
    let shown = || sockets.iter().filter(|socket| wanted.shows(socket));
    let mut widths = Widths::default();
    let header = Cells::header(wanted);
    widths.fit(&header, wanted.info);
    shown().for_each(|socket| widths.fit(&Cells::of(socket, wanted, None), wanted.info));
    let mut text = std::format!("{}\n", Row(&header, &widths));
    for socket in shown() {
        let cells = Cells::of(socket, wanted, None);
        text += &std::format!("{}{}\n", Row(&cells, &widths), Details { socket, wanted });
    }
    // Spaces at the end are the end-to-end table's to compare.
    text.lines().map(|line| [line.trim_end(), "\n"].concat()).collect()
}

/// What iproute2 6.1 printed for the same sockets.
#[test]
fn as_the_tool_printed_it() {
    use SocketState::{Established, Listen, TimeWait};
    let mut kept = socket("127.0.0.1:8080", "127.0.0.1:54104", Established, (5000, 0));
    kept.timer = Timer::KeepAlive(7_140_000_000, 0);
    let mut closed = socket("127.0.0.1:54116", "127.0.0.1:8080", TimeWait, (0, 0));
    closed.timer = Timer::TimeWait(59_000_000);
    let sockets = [
        socket("127.0.0.1:8080", "", Listen, (1, 5)),
        kept,
        socket("127.0.0.1:54104", "127.0.0.1:8080", Established, (0, 0)),
        closed,
        socket("[::]:80", "", Listen, (0, 16)),
    ];
    assert_eq!(
        shown("-tan", &sockets),
        "\
State     Recv-Q Send-Q Local Address:Port  Peer Address:Port Process
LISTEN    1      5          127.0.0.1:8080       0.0.0.0:*
ESTAB     5000   0          127.0.0.1:8080     127.0.0.1:54104
ESTAB     0      0          127.0.0.1:54104    127.0.0.1:8080
TIME-WAIT 0      0          127.0.0.1:54116    127.0.0.1:8080
LISTEN    0      16                 *:80               *:*
"
    );
    assert_eq!(
        shown("-tano state time-wait state established", &sockets),
        "\
State     Recv-Q Send-Q Local Address:Port  Peer Address:Port Process
ESTAB     5000   0          127.0.0.1:8080     127.0.0.1:54104 timer:(keepalive,119min,0)
ESTAB     0      0          127.0.0.1:54104    127.0.0.1:8080
TIME-WAIT 0      0          127.0.0.1:54116    127.0.0.1:8080  timer:(timewait,59sec,0)
"
    );
    assert_eq!(
        shown("-tan dport = :8080 state established", &sockets),
        "\
Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess
0      0          127.0.0.1:54104    127.0.0.1:8080
"
    );
    assert_eq!(
        shown("-tl", &sockets),
        "\
State  Recv-Q Send-Q Local Address:Port     Peer Address:PortProcess
LISTEN 1      5          127.0.0.1:http-alt      0.0.0.0:*
LISTEN 0      16                 *:http                *:*
"
    );
}

/// A connection of which TCP knows a lot.
fn known() -> Socket {
    let at = |port| tcp::Endpoint::new([192, 0, 2, 1].into(), port);
    let mut one = socket("192.0.2.1:80", "192.0.2.2:4000", SocketState::Established, (0, 2920));
    one.timer = Timer::On(204_000, 1);
    one.tcp = Some(ConnectionInfo {
        id: None,
        flow: Flow { local: at(80), remote: at(4000) },
        state: State::Established,
        owner: "httpd",
        orphan: false,
        receive_queue: 0,
        send_queue: 2920,
        receive_window: 16_384,
        receive_memory: 0,
        sender: SenderInfo {
            rtt_us: Some(4_000),
            rtt_variation_us: 1_250,
            rto_us: 204_000,
            backoff: 1,
            mss: 1460,
            window: 14_600,
            threshold: Some(29_200),
            in_flight: 2_920,
            lost: 1460,
            resent: 3,
            peer_window: 65_535,
            ..SenderInfo::default()
        },
        timer: Timer::Off,
        timestamps: true,
        sack: true,
        ecn: false,
        scale: Some((7, 3)),
        ended: None,
    });
    one
}

#[test]
fn what_tcp_knows() {
    let text = shown("-tioOH", &[known()]);
    let (_, details) = text.split_once("timer").unwrap();
    assert_eq!(
        details,
        ":(on,204ms,1) ts sack cubic wscale:7,3 rto:204 backoff:1 rtt:4/1.25 mss:1460 cwnd:10 \
         ssthresh:20 send 29200000bps unacked:2 retrans:0/3 lost:1 rcv_space:16384 snd_wnd:65535\n"
    );
}

#[test]
fn the_model_of_bbr() {
    let mut one = known();
    let sender = &mut one.tcp.as_mut().unwrap().sender;
    sender.congestion = CongestionControl::Bbr;
    sender.bbr = Some(BbrInfo {
        bytes_per_second: 12_500_000,
        round_trip_us: Some(97),
        pacing_gain: 739,
        window_gain: 512,
    });
    let text = shown("-tiOH", &[one]);
    assert!(text.contains(" bbr wscale:7,3 "), "{text}");
    let model = " bbr:(bw:100000000bps,mrtt:0.097,pacing_gain:2.88672,cwnd_gain:2) send ";
    assert!(text.contains(model), "{text}");
}

#[test]
fn milliseconds_have_six_digits() {
    for (micros, text) in [
        (23, "0.023"),
        (204_000, "204"),
        (1_500, "1.5"),
        (1_234_567, "1234.57"),
        (99_999_960, "100000"),
        (123_456_789, "123457"),
    ] {
        assert_eq!(Millis(micros).to_string(), text);
    }
}

#[test]
fn filters() {
    assert_eq!(wanted("state nonsense").unwrap_err(), Wrong::State("nonsense"));
    assert_eq!(wanted("sport").unwrap_err(), Wrong::Syntax);
    assert_eq!(wanted("dport = :nobody").unwrap_err(), Wrong::Syntax);
    assert_eq!(wanted("-t ( sport = :http )").unwrap().local_port, Some(80));
    let wanted = wanted("exclude listening").unwrap();
    assert!(wanted.states & bit(9) == 0 && wanted.states & bit(5) != 0);
}
