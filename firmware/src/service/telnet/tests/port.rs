//! The port over a wire in memory, and whole sessions on it.

use core::convert::Infallible;
use std::string::ToString;

use embassy_futures::join::join;
use embassy_time::Timer;
use embedded_io_async::{Read, Write};

use super::*;
use crate::service::telnet::{Connection, TelnetPort};
use crate::shell::tests::{Line, User};
use crate::shell::{Ended, Options, Terminal, Transfer, run};
use crate::status::Drops;
use crate::testing::{block_on, system};

impl Connection for Line {
    type Error = Infallible;

    async fn read(&self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        Read::read(&mut Line(self.0.clone()), buffer).await
    }

    async fn write(&self, bytes: &[u8]) -> Result<usize, Infallible> {
        Write::write(&mut Line(self.0.clone()), bytes).await
    }
}

fn port(drops: &Drops) -> (User, TelnetPort<'_, Line>) {
    let user = User::default();
    let line = Line(user.0.clone());
    (user, TelnetPort::new(line, drops))
}

fn read(port: &mut TelnetPort<'_, Line>, keys: &mut [u8]) -> Transfer {
    block_on(port.transfer(&[], keys)).unwrap()
}

fn write(port: &mut TelnetPort<'_, Line>, bytes: &[u8]) {
    let transfer = block_on(port.transfer(bytes, &mut [])).unwrap();
    assert_eq!(transfer.taken, bytes.len());
}

#[test]
fn the_port_takes_telnet_off_and_puts_it_on() {
    let drops = Drops::new();
    let (user, mut port) = port(&drops);
    user.sends(&[b'a', IAC, DO, ECHO, IAC, EL, IAC, AYT, IAC, IAC, IAC, 1, b'b', b'\r', 0, b'c']);
    assert!(!port.screen().echo);
    let mut seen = Vec::new();
    // One byte at a time: a command may stand for more keys than fit.
    while !seen.ends_with(b"c") {
        let mut key = [0];
        // None, when all that came changed the screen.
        let received = read(&mut port, &mut key).received;
        seen.extend_from_slice(&key[..received]);
    }
    assert_eq!(seen, b"a\x05\x15\xffb\rc");
    assert!(port.screen().echo);
    write(&mut port, b"x\n\xff");
    let mut expected = GREETING.to_vec();
    expected.extend_from_slice(b"\r\n[Yes]\r\nx\r\n\xff\xff");
    assert_eq!(user.received(), expected);
    assert_eq!(drops.get(Drop::TelnetCommand), 1);
    user.hangs_up();
    assert_eq!(read(&mut port, &mut [0; 8]), Transfer { ended: true, ..Transfer::default() });
}

#[test]
fn much_is_written_in_pieces() {
    let drops = Drops::new();
    let (user, mut port) = port(&drops);
    write(&mut port, &[b'\n'; 3000]);
    assert_eq!(user.received()[GREETING.len()..], b"\r\n".repeat(3000));
}

#[test]
fn a_flood_of_questions_is_answered_without_growing() {
    let drops = Drops::new();
    let (user, mut port) = port(&drops);
    user.sends(&[IAC, AYT].repeat(2000));
    user.sends(b"x");
    assert_eq!(read(&mut port, &mut [0]).received, 1);
    write(&mut port, b"y");
    let expected = [&b"\r\n[Yes]\r\n".repeat(2000)[..], b"y"].concat();
    assert_eq!(user.received()[GREETING.len()..], expected);
}

#[test]
fn keys_are_heard_while_the_peer_takes_nothing() {
    let drops = Drops::new();
    let (user, mut port) = port(&drops);
    user.takes(20);
    user.sends(b"\x03");
    let mut keys = [0; 8];
    let transfer = block_on(port.transfer(&[b'x'; 2000], &mut keys)).unwrap();
    assert_eq!((transfer.received, keys[0]), (1, 3));
    // As much as the buffer holds beside the room for answers.
    assert!((1..1024).contains(&transfer.taken), "{transfer:?}");
    // The peer's questions are not answered for ever, nor its keys kept from us by them.
    user.sends(&[IAC, AYT].repeat(9));
    user.sends(b"z");
    assert_eq!(read(&mut port, &mut keys).received, 1);
    user.takes(usize::MAX);
    write(&mut port, b"!");
    let received = user.received()[GREETING.len()..].to_vec();
    let text = [&[b'x'; 2000][..transfer.taken], &b"\r\n[Yes]\r\n".repeat(9), b"!"].concat();
    assert_eq!(received, text);
}

fn session(from: &'static str) -> Options<'static> {
    Options { from, idle_timeout: None, journal: None }
}

/// A session as netcat has it: no negotiation, lines, and an end.
#[test]
fn netcat_talks_to_the_shell() {
    let system = system();
    let (user, mut port) = port(system.drops());
    user.types("uptime\nmode\necho a\tb\nexit\n");
    assert_eq!(block_on(run(system, &mut port, session("nc"))), Ended::Exit);
    let text = user.received()[GREETING.len()..].to_vec();
    let text = core::str::from_utf8(&text).unwrap();
    let end = "barewire$  up 0 min,  1 user\r\n\
               barewire$ line mode: the client edits and echoes, and sends whole lines\r\n\
               terminal unknown, 80 columns\r\n\
               barewire$ a b\r\n\
               barewire$ ";
    assert!(text.ends_with(end), "{text:?}");
}

/// A session as inetutils-telnet has it: it agrees, sends each key, and interrupts by IP and
/// TIMING-MARK.
#[test]
fn telnet_talks_to_the_shell() {
    let system = system();
    let (user, mut port) = port(system.drops());
    let script = async {
        user.sends(&[IAC, DO, ECHO, IAC, DO, SGA, IAC, WILL, SGA]);
        user.types("dmesg -w\r\0");
        while !user.received().ends_with(b"from telnet\r\n") {
            Timer::after_millis(1).await;
        }
        user.sends(&[IAC, IP, IAC, DO, TIMING_MARK]);
        user.types("exit\r\0");
    };
    let session = run(system, &mut port, session("telnet"));
    assert_eq!(block_on(join(session, script)).0, Ended::Exit);
    let received = user.received();
    let end = [b"^C\r\nbarewire$ exit\r\n".as_slice(), &[IAC, WILL, TIMING_MARK]];
    let mark = received.windows(3).any(|bytes| bytes == end[1]);
    assert!(mark && received.ends_with(end[0]), "{:?}", received.escape_ascii().to_string());
}

/// `mode line` in a client that has LINEMODE: whole lines, and a line that is completed on the way.
#[test]
fn linemode_talks_to_the_shell() {
    let system = system();
    let (user, mut port) = port(system.drops());
    let sees = async |end: &[u8]| {
        while !user.received().ends_with(end) {
            Timer::after_millis(1).await;
        }
    };
    let script = async {
        user.sends(&[IAC, DO, ECHO, IAC, DO, SGA]);
        user.types("mode line\r\0");
        sees(b"barewire$ ").await;
        user.sends(&[IAC, WILL, LINEMODE, IAC, DONT, ECHO]);
        user.sends(&[IAC, SB, LINEMODE, 1, 7, IAC, SE]);
        user.sends(&[IAC, SB, LINEMODE, 3, 17, 0x82, 9, IAC, SE]);
        user.types("mode\r\n");
        sees(b"interrupts\r\nterminal unknown, 80 columns\r\nbarewire$ ").await;
        user.types("upt\t");
        sees(b"\r\0\x1b[Kbarewire$ uptime ").await;
        user.types("-\t");
        sees(b"\r\n-p  --pretty  -s  --since  -h  --help\r\nbarewire$ uptime -").await;
        user.types("p\r\n");
        sees(b"up 0 minutes\r\nbarewire$ ").await;
        user.types("mode char\r\n");
        sees(b"barewire$ ").await;
        user.sends(&[IAC, WONT, LINEMODE, IAC, DO, ECHO]);
        user.types("exit\r\0");
    };
    let session = run(system, &mut port, session("telnet"));
    assert_eq!(block_on(join(session, script)).0, Ended::Exit);
    assert!(user.received().ends_with(b"barewire$ exit\r\n"));
}

/// Abort Output: the command runs to its end, unseen.
#[test]
fn output_is_aborted() {
    let system = system();
    let (user, mut port) = port(system.drops());
    user.sends(&[IAC, DO, ECHO]);
    user.sends(b"help\r\0");
    user.sends(&[IAC, AO]);
    user.types("echo $?\rexit\r");
    assert_eq!(block_on(run(system, &mut port, session("telnet"))), Ended::Exit);
    let received = user.received();
    assert!(received.windows(2).any(|bytes| bytes == [IAC, DM]));
    let text = received.escape_ascii().to_string();
    assert!(text.ends_with("barewire$ echo $?\\r\\n0\\r\\nbarewire$ exit\\r\\n"), "{text}");
    assert!(!text.contains("end this session"), "{text}");
}

/// A user whose terminal is stuck can still stop a command.
#[test]
fn control_c_is_heard_while_the_screen_is_stuck() {
    let system = system();
    let (user, mut port) = port(system.drops());
    let script = async {
        user.sends(&[IAC, DO, ECHO]);
        user.takes(200);
        user.types("help\r");
        Timer::after_millis(50).await;
        user.sends(&[IAC, IP]);
        Timer::after_millis(50).await;
        user.takes(usize::MAX);
        user.types("echo $?\rexit\r");
    };
    let session = run(system, &mut port, session("telnet"));
    assert_eq!(block_on(join(session, script)).0, Ended::Exit);
    let text = user.received().escape_ascii().to_string();
    assert!(text.contains("^C\\r\\nbarewire$ echo $?\\r\\n130\\r\\n"), "{text}");
    assert!(!text.contains("uptime        tell"), "{text}");
}

/// The window grows and shrinks while a line is edited.
#[test]
fn a_resized_window_shows_the_line_anew() {
    let system = system();
    let (user, mut port) = port(system.drops());
    let script = async {
        user.sends(&[IAC, DO, ECHO, IAC, WILL, NAWS, IAC, SB, NAWS, 0, 40, 0, 10, IAC, SE]);
        user.types("echo 0123456789012345678901234567890123456789");
        Timer::after_millis(10).await;
        let before = user.received().len();
        user.sends(&[IAC, SB, NAWS, 0, 100, 0, 10, IAC, SE]);
        Timer::after_millis(10).await;
        let drawn = user.received()[before..].to_vec();
        let line = b"\r\0\x1b[Kbarewire$ echo 0123456789012345678901234567890123456789";
        assert_eq!(drawn.escape_ascii().to_string(), line.escape_ascii().to_string());
        user.types("\x15exit\r");
    };
    let session = run(system, &mut port, session("telnet"));
    assert_eq!(block_on(join(session, script)).0, Ended::Exit);
}

/// What no client sends: the session goes on.
#[test]
fn nonsense_is_survived() {
    let system = system();
    let (user, mut port) = port(system.drops());
    user.sends(&[IAC, SB, LINEMODE]);
    user.sends(&[b' '; 4000]);
    user.sends(&[IAC, SE, IAC, 200, IAC, 0]);
    user.sends(&[IAC, DO, ECHO, IAC, DONT, ECHO].repeat(500));
    user.types("\r\necho $?x\r\n");
    let script = async {
        while !user.received().ends_with(b"barewire$ 0x\r\nbarewire$ ") {
            Timer::after_millis(1).await;
        }
        user.sends(&[IAC, WILL]);
        user.hangs_up();
    };
    let session = run(system, &mut port, session("nonsense"));
    assert_eq!(block_on(join(session, script)).0, Ended::EndOfInput);
}

#[test]
fn keys_that_come_while_an_echo_is_written_are_not_left_lying() {
    let system = system();
    let (user, mut port) = port(system.drops());
    let script = async {
        user.sends(&[IAC, DO, ECHO]);
        Timer::after_millis(10).await;
        user.takes(0);
        user.types("e");
        Timer::after_millis(10).await;
        user.types("xit\r");
        Timer::after_millis(10).await;
        user.takes(usize::MAX);
    };
    let session = run(system, &mut port, session("telnet"));
    assert_eq!(block_on(join(session, script)).0, Ended::Exit);
}
