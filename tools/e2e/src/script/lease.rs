//! A lease's life: announced, renewed, and moved to another server.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};

use crate::frame::Frame;
use crate::lab::{HOST, INTERFACE, LEASED, PREFIX};
use crate::pcap;
use crate::process::Mark;
use crate::script::time::restart;
use crate::stage::Session;
use crate::tool::{Dnsmasq, Tcpdump};
use crate::wait::{PATIENCE, until};

/// Leases are renewed after so many seconds, and asked of any server a moment later: dnsmasq gives
/// none that are shorter than two minutes.
const SHORT: [&str; 2] = ["--dhcp-option=option:T1,4", "--dhcp-option=option:T2,7"];
/// Another server, after a change of routers.
const OTHER: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 2);
/// What that one gives away.
const OTHER_LEASED: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 99);

/// Before an address is used others are asked for it, and when it is, they are told (RFC 5227).
pub fn announced(session: &mut Session) -> Result<()> {
    let tcpdump = Tcpdump::start(session.lab()?, "announced")?;
    restart(session)?;
    let count = |frames: &[Frame], sender: Ipv4Addr| {
        let requests = frames.iter().filter_map(Frame::arp).filter(|arp| !arp.is_reply);
        requests.filter(|arp| (arp.sender, arp.target) == (sender, LEASED)).count()
    };
    tcpdump.wait_until("two announcements", |captured| {
        let frames = captured.iter().filter_map(|captured| Frame::parse(&captured.bytes).ok());
        count(&frames.collect::<Vec<_>>(), LEASED) >= 2
    })?;
    let frames = pcap::check(&tcpdump.stop()?.0)?;
    let place = |sender: Ipv4Addr| {
        frames.iter().position(|frame| {
            frame
                .arp()
                .is_some_and(|arp| !arp.is_reply && (arp.sender, arp.target) == (sender, LEASED))
        })
    };
    ensure!(count(&frames, Ipv4Addr::UNSPECIFIED) >= 2, "no two probes");
    ensure!(place(Ipv4Addr::UNSPECIFIED) < place(LEASED), "announced before it was probed for");
    Ok(())
}

/// A server that wants leases to be renewed soon.
fn hurry(session: &mut Session) -> Result<Mark> {
    session.dnsmasq = None;
    let arguments = SHORT.map(String::from);
    session.dnsmasq = Some(Dnsmasq::start_with(session.lab()?, LEASED, &arguments)?);
    restart(session)
}

/// The lease goes on, and the board says no word of it.
pub fn renewed(session: &mut Session) -> Result<()> {
    hurry(session)?;
    let mark = session.board.console().mark();
    let server = session.dnsmasq.as_ref().context("no dnsmasq")?;
    let from = server.log().mark();
    let said = until("two renewals", PATIENCE, || {
        let said = server.log().text_after(from);
        let granted = format!("DHCPACK({INTERFACE}) {LEASED}");
        Ok((said.matches(&granted).count() >= 2).then_some(said))
    })?;
    ensure!(!said.contains("DHCPDISCOVER"), "it began anew: {said}");
    session.wait_for_ping()?;
    let said = session.board.console().text_after(mark);
    ensure!(!said.contains(&LEASED.to_string()), "{said}");
    Ok(())
}

/// The server goes, and another one comes: the board keeps its address, if that one agrees, and
/// takes another, if it does not.
pub fn moved(session: &mut Session) -> Result<()> {
    hurry(session)?;
    let swap = |session: &Session, old: Ipv4Addr, new: Ipv4Addr| {
        let namespace = session.lab()?.namespace();
        let [old, new] = [old, new].map(|address| format!("{address}/{PREFIX}"));
        // The other way round the new one would go with the old one, as its secondary.
        namespace.ip(&["address", "delete", &old, "dev", INTERFACE])?;
        namespace.ip(&["address", "add", &new, "dev", INTERFACE])
    };
    // It knows nothing of the lease, but agrees.
    session.dnsmasq = None;
    swap(session, HOST, OTHER)?;
    let mark = session.board.console().mark();
    let mut arguments = SHORT.map(String::from).to_vec();
    let leases = session.lab()?.folder().join("leases of another");
    arguments.push(format!("--dhcp-leasefile={}", leases.display()));
    session.dnsmasq = Some(Dnsmasq::start_with(session.lab()?, LEASED, &arguments)?);
    let server = session.dnsmasq.as_ref().context("no dnsmasq")?;
    server.wait_for(&["DHCPACK(tap0)", &LEASED.to_string()])?;
    let line = format!("by DHCP from {OTHER}");
    session.board.wait_for(mark, &["eth0: address ", &LEASED.to_string(), &line])?;
    session.wait_for_ping()?;

    // It gives away another range.
    let mark = session.board.console().mark();
    session.dnsmasq = None;
    swap(session, OTHER, HOST)?;
    // Removed, so that the last address to come is this one.
    let _ = std::fs::remove_file(session.lab()?.folder().join("leases"));
    arguments.pop();
    session.dnsmasq = Some(Dnsmasq::start_with(session.lab()?, OTHER_LEASED, &arguments)?);
    let given = format!("{OTHER_LEASED}/{PREFIX}");
    session.board.wait_for(mark, &["eth0: address ", &given, "by DHCP"])?;
    session.address = OTHER_LEASED;
    session.wait_for_ping()?;

    // As it was, for the scripts behind this one.
    session.dnsmasq = None;
    session.dnsmasq = Some(Dnsmasq::start(session.lab()?)?);
    session.address = LEASED;
    restart(session)?;
    session.wait_for_ping()
}
