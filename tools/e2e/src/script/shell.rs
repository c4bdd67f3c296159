//! The shell by telnet and on the console, and the log.

use std::io::Read;
use std::net::TcpStream;

use anyhow::{Context, Result, ensure};

use crate::board::MAC;
use crate::stage::Session;
use crate::telnet::{Client, Telnet};
use crate::wait::{PATIENCE, until};

/// What the arrow up sends.
const ARROW_UP: &str = "\x1b[A";
/// The end of the prompt.
pub const PROMPT: &str = "$ ";

/// A session that stands at its first prompt.
pub fn log_in(session: &Session) -> Result<Telnet> {
    log_in_by(Client::Inetutils, session)
}

/// The same by any client.
pub fn log_in_by(client: Client, session: &Session) -> Result<Telnet> {
    let (address, port) = session.endpoint(23)?;
    let mut telnet = Telnet::connect(client, session.lab.as_ref(), address, port)?;
    telnet.expect("barewire")?;
    telnet.expect(PROMPT)?;
    Ok(telnet)
}

/// Three sessions at once, interleaved: commands, history, exit.
pub fn three_sessions(session: &mut Session) -> Result<()> {
    let mut sessions = vec![log_in(session)?, log_in(session)?, log_in(session)?];
    for telnet in &mut sessions {
        telnet.type_keys("uptime\r")?;
    }
    for telnet in &mut sessions {
        telnet.expect("uptime")?;
        telnet.expect(" up ")?;
        telnet.expect(PROMPT)?;
    }
    for telnet in &mut sessions {
        telnet.type_keys("ifconfig\r")?;
        telnet.expect("eth0: flags=")?;
        telnet.expect(&format!("inet {}", session.address))?;
        telnet.expect(&format!("ether {MAC}"))?;
        telnet.expect("RX packets ")?;
        telnet.expect(PROMPT)?;
    }
    for telnet in &mut sessions {
        telnet.type_keys(ARROW_UP)?;
        telnet.expect("ifconfig")?;
        telnet.type_keys(ARROW_UP)?;
        telnet.expect("uptime")?;
        telnet.type_keys("\r")?;
        telnet.expect(" up ")?;
        telnet.expect(PROMPT)?;
    }
    for telnet in &mut sessions {
        telnet.type_keys("exit\r")?;
        telnet.expect_closed()?;
    }
    Ok(())
}

/// The same shell on UART0.
pub fn on_the_console(session: &mut Session) -> Result<()> {
    let mark = session.board.console().mark();
    session.board.type_keys("\r")?;
    session.board.wait_for(mark, &[PROMPT.trim_end()])?;
    session.board.type_keys("ifconfig\r")?;
    session.board.wait_for(mark, &["eth0: flags="])?;
    session.board.wait_for(mark, &["ether", MAC])?;
    Ok(())
}

/// Types a line on the console, and returns what is printed until the next prompt.
pub fn on_console(session: &mut Session, line: &str) -> Result<String> {
    let mark = session.board.console().mark();
    session.board.type_keys(&format!("{line}\r"))?;
    until(line, PATIENCE, || {
        let text = session.board.console().text_after(mark);
        let printed = text.split_once('\n').map(|(_, printed)| printed);
        Ok(printed.filter(|printed| printed.ends_with(PROMPT)).map(str::to_owned))
    })
    .with_context(|| session.board.console().text_after(mark))
}

/// The binary log over TCP: something comes, and the connection stays open.
pub fn log_port(session: &mut Session) -> Result<()> {
    let (address, port) = session.endpoint(4242)?;
    let connect = || {
        let stream = TcpStream::connect_timeout(&(address, port).into(), PATIENCE);
        stream.with_context(|| format!("connect to {address}:{port}"))
    };
    let mut stream = match &session.lab {
        Some(lab) => lab.namespace().enter(connect)??,
        None => connect()?,
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut frame = [0; 64];
    let bytes = stream.read(&mut frame).context("read the log")?;
    ensure!(bytes > 0, "the log port closed the connection");
    Ok(())
}
