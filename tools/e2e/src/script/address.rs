//! How the board comes by its address.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};

use crate::lab::{HOST, INTERFACE, LEASED};
use crate::process::Mark;
use crate::script::web;
use crate::stage::Session;
use crate::tool::Dnsmasq;
use crate::wait::PATIENCE;

/// From a real dnsmasq.
pub fn dhcp(session: &mut Session) -> Result<()> {
    let line = session.wait_for_address(Mark::default())?;
    ensure!(line.contains(&format!("address {LEASED}/24 router {HOST}")), "{line}");
    let server = session.dnsmasq.as_ref().context("no DHCP server")?;
    server.wait_for(&["DHCPACK", &LEASED.to_string()])?;
    session.wait_for_ping()
}

/// From `ip=` on the kernel command line, which also names the board.
pub fn fixed(session: &mut Session) -> Result<()> {
    session.wait_for_ping()?;
    let status = web::status(session)?;
    let name = web::find(&status, "hostname").context("no hostname in /status.json")?;
    ensure!(name == "planted", "hostname {name}");
    Ok(())
}

/// Nobody answers: the board takes 169.254.x.y, and is reached at it from a host that has such an
/// address.
pub fn link_local(session: &mut Session) -> Result<()> {
    let [a, b, ..] = session.address.octets();
    ensure!([a, b] == [169, 254], "{} is no link-local address", session.address);
    join_link_local(session)?;
    session.wait_for_ping()?;
    web::first_page(session)
}

/// A server comes up after the board has helped itself: its lease is taken.
pub fn late_server(session: &mut Session) -> Result<()> {
    let mark = session.board.console().mark();
    session.dnsmasq = Some(Dnsmasq::start(session.lab()?)?);
    // RFC 2131 4.1: the client's intervals grow to 64 s.
    let limit = PATIENCE * 3;
    session.board.console().wait_for(mark, &["eth0: address ", "by DHCP"], limit)?;
    session.address = LEASED;
    session.wait_for_ping()
}

/// Gives the host an address of 169.254/16.
fn join_link_local(session: &Session) -> Result<()> {
    let mut host = Ipv4Addr::new(169, 254, 200, 1);
    if host == session.address {
        host = Ipv4Addr::new(169, 254, 200, 2);
    }
    let address = format!("{host}/16");
    session.lab()?.namespace().ip(&["address", "replace", &address, "dev", INTERFACE])
}
