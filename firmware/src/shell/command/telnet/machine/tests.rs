//! Conversations, as inetutils has them.

use std::string::String;

use super::*;

fn connected() -> Machine {
    let mut machine = Machine::new(Some(0x1d), true);
    machine.connected("192.0.2.1", Screen::default(), "XTERM");
    machine
}

fn typed(machine: &mut Machine, keys: &str) -> Option<End> {
    let mut end = None;
    for key in keys.bytes() {
        end = end.or(machine.typed(key));
    }
    end
}

/// What is on the screen since this was last called.
fn shown(machine: &mut Machine) -> String {
    let text = String::from_utf8(machine.screen.to_vec()).unwrap();
    machine.screen.clear();
    text
}

/// As inetutils does with a server that says nothing.
#[test]
fn lines_and_the_prompt() {
    let mut machine = connected();
    assert_eq!(typed(&mut machine, "ax\x7fb\r"), None);
    assert_eq!(shown(&mut machine), "ax\x08 \x08b\n");
    assert_eq!(machine.outgoing, b"ab\r\n");
    machine.outgoing.clear();
    assert_eq!(typed(&mut machine, "\x03\x1dstatus\r"), None);
    let expected = "^C\n^]\ntelnet> status\nConnected to 192.0.2.1.\nOperating in obsolete \
                    linemode\nLocal character echo\nEscape character is '^]'.\n";
    assert_eq!(shown(&mut machine), expected);
    assert_eq!(machine.outgoing, b"\xff\xf4\xff\xfd\x06");
    machine.outgoing.clear();
    assert_eq!(typed(&mut machine, "\x1d\r\x1dsend ip ayt\r\x1dsend esc\r"), None);
    assert_eq!(machine.outgoing, b"\xff\xf4\xff\xf6\x1d");
    shown(&mut machine);
    for (line, expected) in [
        ("s", "?Ambiguous command\n"),
        ("foo", "?Invalid command\n"),
        ("send foo", "Unknown send argument 'foo'\n'send ?' for help.\n"),
        ("send getstatus", "Remote side does not support STATUS option\n"),
        ("mode", "'mode' command requires an argument\n'mode ?' for help.\n"),
    ] {
        if !machine.prompts() {
            typed(&mut machine, "\x1d");
        }
        shown(&mut machine);
        typed(&mut machine, line);
        typed(&mut machine, "\r");
        assert_eq!(shown(&mut machine), std::format!("{line}\n{expected}telnet> "));
    }
    assert_eq!(typed(&mut machine, "qu\r"), Some(End::Quit));
    assert_eq!(shown(&mut machine), "qu\nConnection closed.\n");
}

#[test]
fn single_characters() {
    let mut machine = connected();
    for byte in *b"\xff\xfb\x01\xff\xfb\x03hi" {
        machine.receive(byte);
    }
    assert_eq!(shown(&mut machine), "hi");
    machine.outgoing.clear();
    assert_eq!(typed(&mut machine, "a\x03\r"), None);
    assert_eq!(shown(&mut machine), "");
    assert_eq!(machine.outgoing, b"a\x03\r\0");
    typed(&mut machine, "\x1dstatus\r");
    let status = shown(&mut machine);
    assert!(status.starts_with("\ntelnet> status\nConnected to "), "{status}");
    assert!(status.contains("single character mode\nCatching signals locally\nRemote"));
    machine.outgoing.clear();
    typed(&mut machine, "\x1dmode line\r");
    assert_eq!(machine.outgoing, b"\xff\xfe\x03\xff\xfe\x01");
    assert_eq!(typed(&mut machine, "\x1d\x03"), Some(End::Interrupted));
}

#[test]
fn without_a_connection() {
    let mut machine = Machine::new(Some(0x18), true);
    machine.prompt();
    assert_eq!(typed(&mut machine, "\rmode line\rsend ayt\rstatus\rz\r"), None);
    let text = shown(&mut machine);
    assert!(text.contains("?Need to be connected first.\n'mode ?' for help.\n"), "{text}");
    assert!(text.contains("No connection.\nEscape character is '^X'.\ntelnet> "), "{text}");
    assert_eq!(typed(&mut machine, "open 192.0.2.1 23\r"), Some(End::Open));
    assert_eq!(machine.wanted(), "192.0.2.1 23");
    for (escape, expected) in [(None, "off"), (Some(0x7f), "^?"), (Some(b'~'), "~")] {
        let mut text = String::new();
        write!(text, "{}", Escape(escape)).unwrap();
        assert_eq!(text, expected);
    }
}
