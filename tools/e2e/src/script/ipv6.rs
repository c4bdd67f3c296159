//! IPv6: an address by router advertisement, echoes and services over it, neighbours, and an
//! address that somebody else has already.

use std::net::{IpAddr, Ipv6Addr};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::board::MAC;
use crate::namespace::Namespace;
use crate::script::commands::wait_for_prefix;
use crate::script::restart;
use crate::shell_port::Shell;
use crate::stage::Session;
use crate::surroundings::FAR_V6;
use crate::telnet::{Client, Telnet};
use crate::tool::read_pings;
use crate::wait::{PATIENCE, until};

/// What the board makes of radvd's prefix and its Ethernet address (RFC 4291 appendix A).
const GLOBAL: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x77, 0, 0, 0x5054, 0x00ff, 0xfeba, 0x5e01);
/// The same on the link.
const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0x5054, 0x00ff, 0xfeba, 0x5e01);

/// Runs a program to its end, which must be a good one.
fn run(namespace: &Namespace, program: &str, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(program);
    command.args(arguments);
    let mut process = namespace.spawn(command)?;
    let status = process.finish(PATIENCE)?;
    let (out, err) = (process.output.text(), process.errors.text());
    ensure!(status.success(), "{} ended with {status}:\n{out}{err}", process.shown());
    Ok(out)
}

/// SLAAC, echoes both ways, HTTP and telnet, neighbours.
pub fn by_advertisement(session: &mut Session) -> Result<()> {
    let surroundings = session.lab()?.surroundings()?;
    let mut shell = Shell::open(session)?;
    wait_for_prefix(&mut shell)?;
    let addresses = shell.run("ip -6 addr show eth0", PATIENCE)?.text;
    for address in [GLOBAL, LINK_LOCAL] {
        ensure!(addresses.contains(&format!("inet6 {address}/64")), "{address}: {addresses}");
    }

    let on_link = format!("{LINK_LOCAL}%eth0");
    let places = [
        (&surroundings.far, GLOBAL.to_string()),
        (&surroundings.peer, GLOBAL.to_string()),
        (&surroundings.peer, on_link),
    ];
    for (from, address) in &places {
        let ping = ["-6", "-n", "-c", "2", "-i", "0.2", "-W", "10", address];
        let pings = read_pings(&run(from, "ping", &ping)?)?;
        ensure!(pings.received == 2, "ping {address}: {pings:?}");
        let limit = PATIENCE.as_secs().to_string();
        let url = format!("http://[{address}]/");
        let page = run(from, "curl", &["-gsS", "--max-time", &limit, &url])?;
        ensure!(page.trim_end().ends_with("</html>"), "{url}: {page}");
    }
    for to in [FAR_V6.to_string(), "fe80::5054:ff:feba:5e60%eth0".into()] {
        let said = shell.run(&format!("ping6 -c 2 -i 0.2 {to}"), PATIENCE)?;
        ensure!(said.status == 0, "ping6 {to} on the board: {}", said.text);
    }

    let neighbors = shell.run("ip -6 neigh", PATIENCE)?.text;
    for (address, mac) in [
        ("fe80::5054:ff:feba:5efe", "52:54:00:ba:5e:fe"),
        ("fe80::5054:ff:feba:5e60", "52:54:00:ba:5e:60"),
    ] {
        let line = format!("{address} dev eth0 lladdr {mac} ");
        ensure!(neighbors.contains(&line), "{line:?} is missing:\n{neighbors}");
    }
    by_telnet(session)
}

/// A real telnet over IPv6; the board says from where.
fn by_telnet(session: &Session) -> Result<()> {
    let lab = Some(session.lab()?);
    let mut telnet = Telnet::connect(Client::Inetutils, lab, IpAddr::V6(GLOBAL), 23)?;
    telnet.expect("barewire")?;
    telnet.expect("$ ")?;
    telnet.type_keys("netstat -6tn\r")?;
    // As much of the address as the column holds.
    telnet.expect("fd00:77::5054:ff:feb")?;
    telnet.expect("ESTABLISHED")?;
    telnet.expect("$ ")?;
    telnet.type_keys("exit\r")?;
    telnet.expect_closed()
}

/// An address that somebody has already is not taken (RFC 4862 5.4), and is once he has gone.
pub fn duplicate(session: &mut Session) -> Result<()> {
    let address = format!("{GLOBAL}/64");
    let line = |verb| ["-6", "address", verb, &address, "dev", "eth0"];
    let mut nodad = line("add").to_vec();
    nodad.push("nodad");
    session.lab()?.surroundings()?.other.ip(&nodad)?;
    let mark = session.board.console().mark();
    restart::by_reboot(session)?;
    let told = session.board.wait_for(mark, &["eth0: ", &GLOBAL.to_string(), "is in use by"])?;
    ensure!(told.contains("52:54:00:ba:5e:02"), "{told}");
    let addresses = Shell::open(session)?.run("ip -6 addr", PATIENCE)?.text;
    ensure!(!addresses.contains(&GLOBAL.to_string()), "taken all the same: {addresses}");
    ensure!(addresses.contains(&LINK_LOCAL.to_string()), "no address of the link: {addresses}");

    session.lab()?.surroundings()?.other.ip(&line("del"))?;
    restart::by_reboot(session)?;
    let mut shell = Shell::open(session)?;
    wait_for_prefix(&mut shell).context("after the other one has gone")?;
    until("the board's Ethernet address at the peer", PATIENCE, || {
        let surroundings = session.lab()?.surroundings()?;
        let line = format!("ping -6 -n -c 1 {GLOBAL} >&2; ip -6 neigh");
        let text = surroundings.run(&line, PATIENCE)?.text;
        Ok(text
            .lines()
            .any(|line| line.contains(&GLOBAL.to_string()) && line.contains(MAC))
            .then_some(()))
    })
}
