//! Names, asked of a real dnsmasq.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, ensure};

use crate::lab::{HOST, INTERFACE, LEASED, Lab};
use crate::process::Mark;
use crate::script::shell::{PROMPT, log_in};
use crate::script::web;
use crate::stage::Session;
use crate::telnet::Telnet;
use crate::tool::Dnsmasq;

/// The domain of the lab.
const DOMAIN: &str = "lab.test";
/// The address of [`SIX`].
const ADDRESS6: &str = "2001:db8:77::1";
/// Addresses of the name that has too many for a datagram.
const MANY: u8 = 150;
/// Seconds that an answer holds.
const TTL_SECONDS: u32 = 600;

/// What dnsmasq is told in labs where names are looked up: as a home router would be, though with a
/// few names more.
///
/// # Errors
/// If the table of hosts cannot be written.
pub fn settings(lab: &Lab) -> Result<Vec<String>> {
    let table = lab.folder().join("hosts");
    let mut text = String::new();
    for number in 1..=MANY {
        writeln!(text, "198.51.100.{number} big.{DOMAIN}")?;
    }
    fs::write(&table, text)?;
    Ok(vec![
        "--port=53".into(),
        "--log-queries".into(),
        format!("--local-ttl={TTL_SECONDS}"),
        format!("--local=/{DOMAIN}/"),
        "--local=/elsewhere.test/".into(),
        format!("--domain={DOMAIN}"),
        format!("--addn-hosts={}", table.display()),
        format!("--host-record=gate.{DOMAIN},{HOST}"),
        format!("--host-record=six.{DOMAIN},{ADDRESS6}"),
        format!("--cname=www.{DOMAIN},gate.{DOMAIN}"),
        format!("--dhcp-option=option:domain-search,elsewhere.test,{DOMAIN}"),
        format!("--dhcp-option=option:ntp-server,{HOST}"),
        format!("--dhcp-option=option:log-server,{HOST}"),
    ])
}

/// Types a line and returns what the command printed.
///
/// # Errors
/// If there is no prompt behind it.
pub fn told(telnet: &mut Telnet, line: &str) -> Result<String> {
    telnet.type_keys(&format!("{line}\r"))?;
    telnet.expect(line)?;
    telnet.expect(PROMPT)
}

/// A, AAAA, CNAME, PTR, NXDOMAIN, no data; whole names and short ones.
pub fn by_dns(session: &mut Session) -> Result<()> {
    let mut telnet = log_in(session)?;
    let here = format!("64 bytes from gate.{DOMAIN} ({HOST})");
    let rows = [
        (
            format!("ping -c 1 gate.{DOMAIN}"),
            vec![format!("PING gate.{DOMAIN} ({HOST})"), here.clone()],
        ),
        // Short: looked for in both domains.
        ("ping -c 1 gate".into(), vec![format!("({HOST}) 56(84) bytes of data."), here.clone()]),
        (format!("ping -c 1 WWW.{DOMAIN}."), vec![here]),
        ("ping -c 1 nosuch".into(), vec!["ping: nosuch: Name or service not known".into()]),
        (
            format!("ping -c 1 -4 six.{DOMAIN}"),
            vec![format!("ping: six.{DOMAIN}: No address associated with hostname")],
        ),
        // Nobody but dnsmasq has seen the name that came with DHCP.
        (
            format!("host barewire.{DOMAIN}"),
            vec![format!("barewire.{DOMAIN} has address {LEASED}")],
        ),
        (
            format!("host www.{DOMAIN}"),
            vec![
                format!("www.{DOMAIN} is an alias for gate.{DOMAIN}."),
                format!("gate.{DOMAIN} has address {HOST}"),
            ],
        ),
        (format!("host six.{DOMAIN}"), vec![format!("has IPv6 address {ADDRESS6}")]),
        (format!("host {HOST}"), vec![format!("domain name pointer gate.{DOMAIN}.")]),
        (format!("host nosuch.{DOMAIN}"), vec!["not found: 3(NXDOMAIN)".into()]),
    ];
    for (line, expected) in rows {
        let text = told(&mut telnet, &line)?;
        for words in expected {
            ensure!(text.contains(&words), "{line}: {words:?} is not in\n{text}");
        }
    }
    Ok(())
}

/// The name server is one that a router advertises, and reached by IPv6 only.
pub fn by_router(session: &mut Session) -> Result<()> {
    let lab = session.lab()?;
    lab.switch_ipv6_on()?;
    let address = format!("{ADDRESS6}/64");
    lab.namespace().ip(&["address", "add", &address, "dev", INTERFACE])?;
    let mut arguments = settings(lab)?;
    arguments.extend(["--enable-ra".into(), "--dhcp-range=2001:db8:77::,ra-only".into()]);
    let mark = session.board.console().mark();
    session.dnsmasq = Some(Dnsmasq::start_with(lab, LEASED, &arguments)?);
    session.board.wait_for(mark, &["eth0: address 2001:db8:77:"])?;
    let mut telnet = log_in(session)?;
    let text = told(&mut telnet, &format!("host gate.{DOMAIN}"))?;
    ensure!(text.contains(&format!("gate.{DOMAIN} has address {HOST}")), "{text}");
    let log = session.dnsmasq.as_ref().context("no dnsmasq")?.log().text_after(Mark::default());
    let by_ipv6 = |line: &str| {
        line.contains(&format!("query[A] gate.{DOMAIN} from 2001:db8:77:"))
            || line.contains(&format!("query[A] gate.{DOMAIN} from fe80::"))
    };
    ensure!(log.lines().any(by_ipv6), "{log}");
    Ok(())
}

/// An answer that does not fit into a datagram comes by TCP, whole.
pub fn too_big_for_udp(session: &mut Session) -> Result<()> {
    let mark = session.dnsmasq.as_ref().context("no dnsmasq")?.log().mark();
    let mut telnet = log_in(session)?;
    let text = told(&mut telnet, &format!("host big.{DOMAIN}"))?;
    for number in 1..=MANY {
        let line = format!("big.{DOMAIN} has address 198.51.100.{number}\r");
        ensure!(text.contains(&line), "198.51.100.{number} is not in\n{text}");
    }
    // Once by UDP, cut, and once by TCP.
    let log = session.dnsmasq.as_ref().context("no dnsmasq")?.log().text_after(mark);
    let questions = log.lines().filter(|line| line.contains(&format!("query[A] big.{DOMAIN}")));
    ensure!(questions.count() == 2, "{log}");
    Ok(())
}

/// What was asked once is not asked again while the answer holds.
pub fn remembered(session: &mut Session) -> Result<()> {
    let number = |session: &Session, name: &str| {
        let status = web::status(session)?;
        web::find(&status, name)
            .and_then(serde_json::Value::as_u64)
            .with_context(|| name.to_owned())
    };
    let mut telnet = log_in(session)?;
    told(&mut telnet, "ping -n -c 1 gate")?;
    let mark = session.dnsmasq.as_ref().context("no dnsmasq")?.log().mark();
    let before = number(session, "names_cached")?;
    let text = told(&mut telnet, &format!("ping -n -c 3 gate.{DOMAIN}"))?;
    ensure!(text.contains(" 0% packet loss"), "{text}");
    ensure!(number(session, "names_cached")? > before, "not from the cache");
    let log = session.dnsmasq.as_ref().context("no dnsmasq")?.log().text_after(mark);
    ensure!(!log.contains(&format!("query[A] gate.{DOMAIN}")), "{log}");
    Ok(())
}
