//! The telnet server, by every client there is: editing, interrupts, modes, windows, limits.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::sys::socket::MsgFlags;

use crate::script::shell::{PROMPT, log_in, log_in_by};
use crate::script::web;
use crate::stage::Session;
use crate::telnet::{Client, Telnet};
use crate::wait::{PATIENCE, until};

/// Sessions that the board serves at a time.
const SESSIONS: usize = 8;
/// Times a client is asked which mode it is in, before it must have changed.
const QUESTIONS_MAX: usize = 100;

/// Types a line, and waits for what it prints and the next prompt.
fn run(telnet: &mut Telnet, line: &str, printed: &str) -> Result<()> {
    telnet.type_keys(&format!("{line}\r"))?;
    telnet.expect(printed)?;
    telnet.expect(PROMPT)?;
    Ok(())
}

/// Asks for the mode until it is this one: negotiation takes its time.
pub fn wait_for_mode(telnet: &mut Telnet, mode: &str) -> Result<()> {
    let mut before = String::new();
    for _ in 0..QUESTIONS_MAX {
        telnet.type_keys("mode\r")?;
        before = telnet.expect("terminal ")?;
        telnet.expect(PROMPT)?;
        if before.contains(mode) {
            return Ok(());
        }
    }
    bail!("the client does not come into '{mode}', but is in {before:?}")
}

/// The keys of the line editor: arrows, Home, a swap, a word deleted and put back, Tab.
fn edit(telnet: &mut Telnet) -> Result<()> {
    run(telnet, "echo wrld\x1b[D\x1b[D\x1b[Do", "\r\nworld\r\n")?;
    run(telnet, "cho one\x01e\x05 two\x17\x19\x19", "\r\none twotwo\r\n")?;
    run(telnet, "echo ab\x14\x1b[Hx\x04\x7fe", "\r\nba\r\n")?;
    telnet.type_keys("upt\t")?;
    telnet.expect("uptime ")?;
    run(telnet, "--pr\t", "\r\nup ")
}

/// A command that never ends, ended by Ctrl-C.
fn interrupt(telnet: &mut Telnet) -> Result<()> {
    telnet.type_keys("dmesg -w\r")?;
    telnet.expect("] shell ")?;
    telnet.type_keys("\x03")?;
    telnet.expect("^C")?;
    telnet.expect(PROMPT)?;
    run(telnet, "echo $?", "\r\n130\r\n")
}

fn leave(mut telnet: Telnet) -> Result<()> {
    telnet.type_keys("exit\r")?;
    telnet.expect_closed()
}

/// inetutils, each key by itself: editing, Ctrl-C, its own commands, a window that changes.
pub fn inetutils(session: &mut Session) -> Result<()> {
    let mut telnet = log_in(session)?;
    wait_for_mode(&mut telnet, "character mode")?;
    edit(&mut telnet)?;
    interrupt(&mut telnet)?;
    telnet.tell_client("send ayt")?;
    telnet.expect("[Yes]")?;
    telnet.tell_client("send synch")?;
    telnet.tell_client("send nop")?;
    telnet.tell_client("send el")?;
    run(&mut telnet, "echo alive", "\r\nalive\r\n")?;
    telnet.type_keys("dmesg -w\r")?;
    telnet.expect("] shell ")?;
    telnet.tell_client("send ao")?;
    telnet.tell_client("send ip")?;
    telnet.expect(PROMPT)?;
    windows(&mut telnet)?;
    leave(telnet)
}

/// The window's size is told at once, and a line longer than it is drawn anew.
fn windows(telnet: &mut Telnet) -> Result<()> {
    telnet.resize(40, 10)?;
    wait_for_mode(telnet, "character mode")?;
    run(telnet, "mode", "XTERM, 40 columns, 10 rows")?;
    let long = "0123456789".repeat(5);
    telnet.type_keys(&format!("echo {long}"))?;
    telnet.expect("9")?;
    telnet.resize(100, 30)?;
    telnet.expect(&format!("echo {long}"))?;
    run(telnet, "\x15mode", "XTERM, 100 columns, 30 rows")
}

/// inetutils in LINEMODE, by the board's wish and by its own: whole lines in one segment, Tab, the
/// interrupt key.
pub fn linemode(session: &mut Session) -> Result<()> {
    let mut telnet = log_in(session)?;
    run(&mut telnet, "mode -v line", "")?;
    wait_for_mode(&mut telnet, "by LINEMODE")?;
    // Edited at the client: DEL is its erase key, as it told.
    run(&mut telnet, "echo one twx\x7fo", "one two\r\n[keys: 1 segments, ")?;
    telnet.type_keys("upt\t")?;
    telnet.expect("uptime ")?;
    run(&mut telnet, "--pretty", "up ")?;
    telnet.type_keys("dmesg -w\r")?;
    telnet.expect("] shell ")?;
    telnet.type_keys("\x03")?;
    telnet.expect(PROMPT)?;
    run(&mut telnet, "echo $?", "130\r\n")?;

    run(&mut telnet, "mode -q char", "")?;
    wait_for_mode(&mut telnet, "character mode")?;
    edit(&mut telnet)?;
    telnet.tell_client("mode line")?;
    wait_for_mode(&mut telnet, "by LINEMODE")?;
    telnet.tell_client("mode char")?;
    wait_for_mode(&mut telnet, "character mode")?;
    edit(&mut telnet)?;
    telnet.type_keys("\x04")?;
    telnet.expect_closed()
}

/// busybox: no LINEMODE, and a way back from line mode that only its user has.
pub fn busybox(session: &mut Session) -> Result<()> {
    let mut telnet = log_in_by(Client::Busybox, session)?;
    edit(&mut telnet)?;
    interrupt(&mut telnet)?;
    run(&mut telnet, "mode line", "Entering line mode")?;
    wait_for_mode(&mut telnet, "line mode: the client edits and echoes")?;
    run(&mut telnet, "echo one", "one\r")?;
    // It does not come back by our wish, but by its user's, behind its own interrupt key.
    telnet.type_keys("\x03")?;
    telnet.expect("go to character mode")?;
    telnet.type_keys("c")?;
    telnet.expect("Entering character mode")?;
    wait_for_mode(&mut telnet, "character mode")?;
    edit(&mut telnet)?;
    leave(telnet)
}

/// plink: it speaks first, and edits lines when we neither echo nor suppress GO AHEAD.
pub fn plink(session: &mut Session) -> Result<()> {
    let mut telnet = log_in_by(Client::Plink, session)?;
    wait_for_mode(&mut telnet, "character mode")?;
    edit(&mut telnet)?;
    interrupt(&mut telnet)?;
    windows(&mut telnet)?;
    run(&mut telnet, "mode line", "")?;
    wait_for_mode(&mut telnet, "line mode: the client edits and echoes")?;
    run(&mut telnet, "echo one", "one\r\n")?;
    run(&mut telnet, "mode char", "")?;
    wait_for_mode(&mut telnet, "character mode")?;
    edit(&mut telnet)?;
    leave(telnet)
}

/// netcat: lines, and no telnet at all.
pub fn netcat(session: &mut Session) -> Result<()> {
    let mut telnet = log_in_by(Client::Netcat, session)?;
    for (line, printed) in [
        ("mode", "line mode: the client edits and echoes"),
        ("echo one\t two", "one two"),
        ("nothing", "-sh: nothing: not found"),
        ("echo $?", "127"),
    ] {
        telnet.type_keys(&format!("{line}\n"))?;
        telnet.expect(printed)?;
        telnet.expect(PROMPT)?;
    }
    telnet.type_keys("exit\n")?;
    // It ends when its own input does.
    telnet.type_keys("\x04")?;
    telnet.expect_closed()
}

/// Eight sessions at once; the ninth is told so, and served when one has gone.
pub fn nine_sessions(session: &mut Session) -> Result<()> {
    // Those of earlier trials have closed when the board says so.
    let open = |count: usize| {
        until(&format!("{count} open sessions"), PATIENCE, || {
            let status = web::status(session)?;
            let open = web::find(&status, "telnet_open").and_then(serde_json::Value::as_u64);
            Ok((open == Some(count as u64)).then_some(()))
        })
    };
    open(0)?;
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        sessions.push(log_in(session)?);
    }
    open(SESSIONS)?;
    let (address, port) = session.endpoint(23)?;
    let mut ninth = Telnet::connect(Client::Inetutils, session.lab.as_ref(), address, port)?;
    ninth.expect("barewire: all 8 sessions are in use; try again later")?;
    ninth.expect_closed()?;
    for telnet in &mut sessions {
        run(telnet, "echo still here", "\r\nstill here\r\n")?;
    }
    leave(sessions.remove(0))?;
    open(SESSIONS - 1)?;
    sessions.push(log_in(session)?);
    sessions.into_iter().try_for_each(leave)?;
    open(0)
}

/// The byte that begins a telnet command.
const IAC: u8 = 255;

/// A connection without a telnet client.
fn connect(session: &Session) -> Result<TcpStream> {
    let (address, port) = session.endpoint(23)?;
    let connect = || {
        let stream = TcpStream::connect_timeout(&(address, port).into(), PATIENCE);
        stream.with_context(|| format!("connect to {address}:{port}"))
    };
    let stream = match &session.lab {
        Some(lab) => lab.namespace().enter(connect)??,
        None => connect()?,
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Reads until this was heard; returns all of it.
fn hear(stream: &mut TcpStream, end: &[u8]) -> Result<Vec<u8>> {
    let mut heard = Vec::new();
    let mut chunk = [0; 4096];
    while !heard.windows(end.len()).any(|bytes| bytes == end) {
        let len = stream.read(&mut chunk);
        let len = len.with_context(|| format!("after {}", heard.escape_ascii()))?;
        ensure!(len > 0, "the board closed the connection");
        heard.extend_from_slice(&chunk[..len]);
    }
    Ok(heard)
}

/// The Synch of RFC 854, by TCP's urgent pointer, both ways: what was typed before it is thrown
/// away, but for the commands among it; the answer to AO is one, too.
pub fn synch(session: &mut Session) -> Result<()> {
    const AO: u8 = 245;
    const DM: u8 = 242;
    let mut stream = connect(session)?;
    hear(&mut stream, PROMPT.as_bytes())?;
    let mut bytes = b"echo thrown away\r\n".to_vec();
    bytes.extend([IAC, AO, IAC, DM]);
    // Its last byte is what urgent data ends with.
    let sent = nix::sys::socket::send(stream.as_raw_fd(), &bytes, MsgFlags::MSG_OOB)?;
    ensure!(sent == bytes.len(), "{sent} of {}", bytes.len());
    // The byte that the board's urgent pointer shows is not in the stream, as Linux reads it.
    let mut mark = [0];
    until("the board's Synch", PATIENCE, || {
        match nix::sys::socket::recv(stream.as_raw_fd(), &mut mark, MsgFlags::MSG_OOB) {
            Ok(1) => Ok(Some(())),
            // Not there yet.
            Ok(_) | Err(Errno::EAGAIN | Errno::EINVAL) => Ok(None),
            Err(error) => Err(error.into()),
        }
    })?;
    ensure!(mark == [DM], "{mark:?}");
    stream.write_all(b"echo kept\r\n")?;
    let heard = hear(&mut stream, b"kept\r\n")?;
    let heard = String::from_utf8_lossy(&heard);
    ensure!(!heard.contains("thrown"), "{heard:?}");
    let status = web::status(session)?;
    let count = web::find(&status, "telnet_synch").and_then(serde_json::Value::as_u64);
    ensure!(count == Some(18), "telnet_synch: {count:?}");
    Ok(())
}

/// Endless subnegotiation, half an option, commands that do not exist, options flipped for ever: it
/// is counted, and the session goes on.
pub fn nonsense(session: &mut Session) -> Result<()> {
    let mut stream = connect(session)?;
    let mut bytes = vec![IAC, 250, 34];
    bytes.extend([b' '; 4000]);
    bytes.extend([IAC, 240]);
    bytes.extend([IAC, 200, IAC, 0, IAC, 240]);
    bytes.extend([IAC, 253, 1, IAC, 254, 1].repeat(500));
    bytes.extend(b"\r\necho $?x\r\n");
    stream.write_all(&bytes)?;
    hear(&mut stream, b"0x\r")?;
    // Half an option, and gone.
    stream.write_all(&[IAC, 251])?;
    drop(stream);
    let status = web::status(session)?;
    for reason in ["telnet_command", "telnet_subnegotiation", "telnet_answer"] {
        let count = web::find(&status, reason).and_then(serde_json::Value::as_u64);
        ensure!(count > Some(0), "{reason}: {count:?}");
    }
    let mut telnet = log_in(session)?;
    run(&mut telnet, "echo alive", "\r\nalive\r\n")?;
    leave(telnet)
}
