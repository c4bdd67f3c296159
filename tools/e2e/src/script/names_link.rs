//! Names on the link: the board and a real avahi, which shares no code with it.

use anyhow::{Context, Result, ensure};

use crate::lab::HOST;
use crate::peer::Avahi;
use crate::script::names::told;
use crate::script::shell::log_in;
use crate::script::time::restart;
use crate::stage::Session;

/// Programs these scripts use.
pub const TOOLS: &[&str] =
    &["avahi-daemon", "avahi-resolve", "avahi-browse", "dbus-daemon", "unshare", "telnet"];

/// Name to address and back, and the services; and the board finds the other.
pub fn found(session: &mut Session) -> Result<()> {
    let address = session.address.to_string();
    let lab = session.lab()?;
    lab.switch_ipv6_on()?;
    let avahi = Avahi::start(lab, "linuxpeer")?;
    let rows: [(&str, &[&str], Vec<&str>); 7] = [
        ("avahi-resolve", &["-4", "-n", "barewire.local"], vec!["barewire.local\t", &address]),
        ("avahi-resolve", &["-a", &address], vec!["barewire.local"]),
        // The record of a service: name, kind, host, address, port, and what else there is to say.
        (
            "avahi-browse",
            &["-rpt", "_http._tcp"],
            vec!["IPv4;barewire;Web Site;local;barewire.local;", &address, ";80;\"path=/\""],
        ),
        // The same, heard by IPv6.
        (
            "avahi-browse",
            &["-rpt", "_http._tcp"],
            vec!["IPv6;barewire;Web Site;local;barewire.local;", &address],
        ),
        ("avahi-resolve", &["-6", "-n", "barewire.local"], vec!["barewire.local\tfe80::"]),
        ("avahi-browse", &["-rpt", "_telnet._tcp"], vec![";barewire.local;", &address, ";23;"]),
        ("avahi-browse", &["-apt"], vec!["barewire;Web Site;local", "barewire;Telnet Remote"]),
    ];
    for (program, arguments, words) in rows {
        avahi.ask_for(lab, program, arguments, &words)?;
    }
    let mut telnet = log_in(session)?;
    let text = told(&mut telnet, "ping -n -c 1 linuxpeer.local")?;
    ensure!(text.contains(&format!("64 bytes from {HOST}")), "{text}");
    let text = told(&mut telnet, "ping -n -c 1 nobody.local")?;
    ensure!(text.contains("ping: nobody.local: "), "{text}");
    Ok(())
}

/// Two have the same name when their links meet: the board takes the next one, and both are found.
/// It does so again when it starts and the name is taken already.
pub fn conflict(session: &mut Session) -> Result<()> {
    let console = "the board tells";
    // While the board cannot hear, avahi takes its name.
    let mark = session.board.console().mark();
    session.board.process().freeze(true)?;
    let avahi = Avahi::start(session.lab()?, "barewire");
    session.board.process().freeze(false)?;
    let avahi = avahi?;
    for round in 0..2 {
        let mark = if round == 0 { mark } else { restart(session)? };
        session
            .board
            .wait_for(mark, &["our name is taken", "barewire-2.local"])
            .context(console)?;
        session.board.wait_for(mark, &["barewire-2.local is our name"]).context(console)?;
    }
    let lab = session.lab()?;
    let address = session.address.to_string();
    for (name, address) in [("barewire-2.local", &address), ("barewire.local", &HOST.to_string())] {
        avahi.ask_for(lab, "avahi-resolve", &["-4", "-n", name], &[address])?;
    }
    let words = ["IPv4;barewire-2;Web Site;local;barewire-2.local;"];
    avahi.ask_for(lab, "avahi-browse", &["-rpt", "_http._tcp"], &words)?;
    // The name is free again: the board may have it.
    drop(avahi);
    let mark = restart(session)?;
    session.board.wait_for(mark, &["barewire.local is our name"]).context(console)?;
    Ok(())
}
