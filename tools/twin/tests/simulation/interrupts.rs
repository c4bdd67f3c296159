//! Ctrl-C ends every command soon, whatever it waits for.

use std::time::Duration;

use firmware::shell::command::COMMANDS;
use smoltcp::iface::SocketHandle;
use twin::desk::{BOARD_V6, Desk, Setup};

use crate::SOON;

/// Commands that may run for long, and lines that make each of them do so: nobody has the address
/// 192.168.77.99, and nobody answers.
const LONG: [(&str, &str); 16] = [
    ("dhclient", "dhclient -v"),
    ("dmesg", "dmesg -w"),
    ("host", "host name 192.168.77.99"),
    ("nc", "nc -w 5 192.168.77.99 7"),
    ("nc", "nc -u 192.168.77.99 7"),
    ("nc", "nc -ul 5000"),
    ("nc", "nc -lk 5000"),
    ("nc", "nc 192.168.77.50 80"),
    ("nslookup", "nslookup name 192.168.77.99"),
    ("ping", "ping 192.168.77.50"),
    ("ping6", "ping6 fe80::99"),
    ("tcpdump", "tcpdump -n"),
    ("telnet", "telnet 192.168.77.99"),
    ("traceroute", "traceroute 192.168.77.99"),
    ("traceroute6", "traceroute6 fe80::99"),
    ("wget", "wget http://192.168.77.99/"),
];

/// Commands that print what there is, and end.
const SHORT: &str = "arp clear date echo exit false free help hostname hosts ifconfig ip \
                     lesson logout man mode netem netstat ps reboot route services ss true uptime";

/// What may pass between Ctrl-C and the prompt, both as the user's end of the wire sees them.
const INTERRUPTED_WITHIN: Duration = Duration::from_millis(100);

/// A command is given so long to begin to wait.
const AT_WORK: Duration = Duration::from_millis(600);

#[test]
fn control_c_ends_every_command_within_100_ms() {
    for command in COMMANDS {
        let name = command.name;
        let is_long = LONG.iter().any(|(long, _)| *long == name);
        let is_short = SHORT.split(' ').any(|short| short == name);
        assert!(is_long != is_short, "{name}: does it run for long?");
    }
    let with_address = Setup::default();
    let without = Setup { append: "ip=dhcp mdns=off".into(), ..Setup::default() };
    for (name, line) in LONG {
        let setup = if name == "dhclient" { &without } else { &with_address };
        Desk::run(setup, |desk| {
            let user = log_in(desk);
            interrupt(desk, user, line, "\x03");
        });
    }
}

/// The telnet client hands Ctrl-C on while it is connected; its own prompt is left by it.
#[test]
fn telnet_is_left_by_its_escape_character() {
    Desk::run(&Setup::default(), |desk| {
        let user = log_in(desk);
        interrupt(desk, user, "telnet", "\x03");
        desk.send(0, user, b"telnet -e ^X 192.168.77.50\r", SOON);
        // The board's own shell, inside the board's shell.
        desk.expect(0, user, "Type 'help'.", SOON);
        desk.send(0, user, b"uptime\r\x18quit\r", SOON);
        desk.expect(0, user, "Connection closed.\r\nbarewire$ ", SOON);
    });
}

fn log_in(desk: &mut Desk) -> SocketHandle {
    // A link-local address is taken for good after a second.
    desk.run_for(Duration::from_secs(3));
    let user = desk.connect_to(0, BOARD_V6.into(), 23);
    desk.expect(0, user, "barewire$ ", SOON);
    user
}

fn interrupt(desk: &mut Desk, user: SocketHandle, line: &str, key: &str) {
    desk.send(0, user, format!("{line}\r").as_bytes(), SOON);
    desk.run_for(AT_WORK);
    let shown = String::from_utf8_lossy(&desk.take_received(0, user)).into_owned();
    assert!(!shown.ends_with("barewire$ "), "{line} ended by itself: {shown}");
    let begun = desk.now();
    desk.socket(0, user).send_slice(key.as_bytes()).expect("a connection");
    let shown = desk.expect(0, user, "barewire$ ", SOON);
    let took = desk.now() - begun;
    assert!(took <= INTERRUPTED_WITHIN, "{line}: {took:?} until {shown:?}");
    assert!(shown.starts_with("^C"), "{line}: {shown:?}");
}

/// A connection from outside, both ways, and the port is free again after it.
#[test]
fn nc_listens() {
    Desk::run(&Setup::default(), |desk| {
        let user = log_in(desk);
        for _ in 0..2 {
            desk.send(0, user, b"nc -lvn 5000\r", SOON);
            desk.expect(0, user, "Listening on 0.0.0.0 5000\r\n", SOON);
            let peer = desk.connect(0, 5000);
            desk.expect(0, user, "Connection received on 192.168.77.1 ", SOON);
            desk.send(0, peer, b"one\n", SOON);
            desk.expect(0, user, "one\r\n", SOON);
            desk.send(0, user, b"two\r", SOON);
            desk.expect(0, peer, "two\n", SOON);
            desk.socket(0, peer).close();
            desk.expect(0, user, "barewire$ ", SOON);
        }
    });
}
