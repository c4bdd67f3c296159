//! `tcpdump` on the board beside tcpdump on the host: the same lines for the same frames, and the
//! same frames for the same filter.

use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};
use regex::Regex;

use crate::board::MAC;
use crate::frame::{Frame, flag};
use crate::lab::{LEASED, Lab};
use crate::process::Process;
use crate::script::commands::wait_for_prefix;
use crate::shell_port::Shell;
use crate::stage::Session;
use crate::surroundings::FAR;
use crate::tool::Tcpdump;
use crate::wait::{PATIENCE, until};

/// Filters that run at a time, each in a session of its own.
const AT_A_TIME: usize = 6;
/// What a web server of the lab has.
const FAVICON: [u8; 1406] = [0x5a; 1406];

/// Options and a filter. Of the hosts that the trial talks with: frames that come by themselves
/// come between the start of one tcpdump and the next.
const FILTERS: &[&str] = &[
    "-n -t host 192.168.88.9",
    "-n -t -e tcp port 80 and host 192.168.88.9",
    "-t tcp port http and host 192.168.88.9",
    "-n -t -S tcp and dst host 192.168.88.9",
    "-n -t -q host 192.168.88.9 and not icmp",
    "-n -t 'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and host 192.168.88.9'",
    "-n -t -v icmp and host 192.168.88.9",
    "-n -t -x icmp and src 192.168.88.9",
    "-n -t -X icmp and dst net 192.168.88.0/24",
    "-n -t 'icmp[icmptype] == icmp-echo and host 192.168.88.9'",
    "-n -t 'host 192.168.88.9 and (udp or (icmp and not (icmp[0] == 0 or icmp[0] == 8)))'",
    "-n -t udp portrange 33434-33500",
    "-n -t 'ip[8] < 3 and host 192.168.88.9'",
    "-n -t greater 200 and host 192.168.88.9",
    "-n -t ether src 52:54:00:ba:5e:01 and net 192.168.88.0 mask 255.255.255.0",
    "-n -t ip6 and host fd00:88::9",
    "-n -t -v icmp6 and dst fd00:88::9",
    "-n -t -e arp and host 192.168.77.2",
];

/// The length of a frame that is shorter than Ethernet has them, or of ARP in one.
static SHORT: OnceLock<Regex> = OnceLock::new();
const SHORT_PATTERN: &str = r", length (?:[1-5]\d(: )|28$|46$)";

/// Options of the board's SYN.
const HANDSHAKE: [&str; 4] = ["mss 1460", "sackOK", "TS val ", "wscale "];

/// Filters that the real one does not compile, and what both say.
const WRONG: &[&str] = &[
    "-n hots 192.168.88.9",
    "-n host 192.168.88.9 and",
    "-n '(tcp'",
    "-n port nonsense",
    "-n host 1.2.3.4.5",
    "-n net 192.168.88.0/33",
    "-n 'tcp[tcpflags'",
    "-n ether host 1:2:3",
];

/// What the board prints is what the host prints.
pub fn as_the_host(session: &mut Session) -> Result<()> {
    wait_for_prefix(&mut Shell::open(session)?)?;
    let favicon = Favicon::serve(session)?;
    for (number, filters) in FILTERS.chunks(AT_A_TIME).enumerate() {
        round(session, number, filters)?;
    }
    drop(favicon);
    Ok(())
}

/// What is no filter is told in the words of the real one.
pub fn wrong_filters(session: &mut Session) -> Result<()> {
    let mut shell = Shell::open(session)?;
    let surroundings = session.lab()?.surroundings()?;
    for filter in WRONG {
        let ours = shell.run(&format!("tcpdump {filter}"), PATIENCE)?;
        let real = surroundings.run(&format!("tcpdump -i eth0 {filter}"), PATIENCE)?;
        // Below it, ours shows where.
        let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        let (ours, real) = ((first(&ours.text), ours.status), (first(&real.text), real.status));
        ensure!(ours == real, "tcpdump {filter}: {ours:?}, the real one {real:?}");
    }
    Ok(())
}

/// A web server behind the router.
struct Favicon(#[expect(dead_code, reason = "it serves until it is dropped")] Process);

impl Favicon {
    fn serve(session: &Session) -> Result<Self> {
        let lab = session.lab()?;
        let root = lab.folder().join("www");
        fs::create_dir_all(&root)?;
        fs::write(root.join("favicon.ico"), FAVICON)?;
        let mut command = Command::new("busybox");
        command.args(["httpd", "-f", "-p", "80", "-h"]).arg(&root);
        let far = &lab.surroundings()?.far;
        let process = far.spawn(command)?;
        until("a web server", PATIENCE, || {
            let connect = || std::net::TcpStream::connect((FAR, 80)).is_ok();
            Ok(far.enter(connect)?.then_some(()))
        })?;
        Ok(Self(process))
    }
}

/// The same traffic before several filters at once.
fn round(session: &Session, number: usize, filters: &[&str]) -> Result<()> {
    let lab = session.lab()?;
    let host = Tcpdump::start(lab, &format!("dump-{number}"))?;
    let mut dumps = Vec::new();
    for filter in filters {
        let mut shell = Shell::open(session)?;
        shell.start(&format!("tcpdump {filter}"))?;
        shell.wait_until(|text| text.contains("listening on"))?;
        dumps.push((filter, shell));
    }
    traffic(session, &host)?;
    let (_, file) = host.stop()?;
    for (filter, mut shell) in dumps {
        let real = format!("tcpdump {filter} -r {}", file.display());
        // The file has to come before the expression.
        let (options, expression) = split(filter);
        let line = format!("tcpdump {options} -r {} {expression}", file.display());
        let expected = lab.run("sh", &["-c", &line], PATIENCE).context(real)?;
        let count = expected.lines().count();
        ensure!(count > 0, "no frame passes '{filter}'");
        if filter.contains("tcp port 80") {
            handshake(lab, &file.display().to_string())?;
        }
        shell
            .wait_until(|text| lines(text).count() >= count)
            .with_context(|| format!("{filter}: {count} lines are expected:\n{expected}"))?;
        let said = shell.interrupt()?;
        let ours: String = lines(&said.text).map(|line| format!("{line}\n")).collect();
        ensure!(
            ways(&ours) == ways(&expected),
            "tcpdump {filter} on the board:\n{ours}\non the host:\n{expected}"
        );
        let last = match frames(&expected).len() {
            1 => "\n1 packet captured\n".to_owned(),
            count => format!("\n{count} packets captured\n"),
        };
        ensure!(said.text.contains(&last), "tcpdump {filter}: no {last:?}: {}", said.text);
    }
    Ok(())
}

/// Options end where the first word without a hyphen is.
fn split(filter: &str) -> (&str, &str) {
    let mut at = 0;
    while filter[at..].starts_with('-') {
        at += filter[at..].find(' ').map_or(filter.len() - at, |blank| blank + 1);
    }
    (&filter[..at], &filter[at..])
}

/// The lines of frames: all but what tcpdump says of itself.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let own = |line: &&str| {
        let about =
            ["tcpdump: ", "listening on ", "^C"].iter().any(|start| line.starts_with(start));
        let sums = ["packet captured", "packets captured", "by filter", "by kernel"];
        !about && !line.is_empty() && !sums.iter().any(|end| line.ends_with(end))
    };
    text.lines().filter(own)
}

/// The text of each frame: a line, and those that continue it.
fn frames(text: &str) -> Vec<String> {
    let mut frames: Vec<String> = Vec::new();
    for line in text.lines() {
        match frames.last_mut() {
            Some(last) if line.starts_with(['\t', ' ']) => *last += &format!("\n{line}"),
            _ => frames.push(line.to_owned()),
        }
    }
    frames
}

/// The frames that the board sent, and those that it received, each in their order: frames that
/// cross on the wire have one order here and another one there. A chip fills short ones up to 60
/// bytes behind the board's back, and takes nothing away from those that come.
fn ways(text: &str) -> (Vec<String>, Vec<String>) {
    let short = SHORT.get_or_init(|| Regex::new(SHORT_PATTERN).expect("a pattern"));
    let full = |frame: String| short.replace_all(&frame, ", length 60$1").into_owned();
    frames(text).into_iter().map(full).partition(|frame| {
        let source = frame.split(" > ").next().and_then(|before| before.split(' ').next_back());
        // With -v the addresses are in the second line.
        let source = source.map(str::trim_start).unwrap_or_default();
        let own = [&format!("{LEASED}"), MAC, "fd00:77::5054:ff:feba:5e01"];
        own.iter().any(|own| source.starts_with(own))
    })
}

/// Everything that the filters tell apart, both ways.
fn traffic(session: &Session, host: &Tcpdump) -> Result<()> {
    let far = &session.lab()?.surroundings()?.far;
    let mut shell = Shell::open(session)?;
    for (line, status) in [
        ("arp -d 192.168.77.2", None),
        ("ping -c 1 192.168.77.2", Some(0)),
        ("ping -c 2 -i 0.2 192.168.88.9", Some(0)),
        ("ping -c 1 -t 1 192.168.88.9", Some(1)),
        ("ping6 -c 1 fd00:88::9", Some(0)),
        ("traceroute -n -q 1 192.168.88.9", Some(0)),
        ("wget -q http://192.168.88.9/favicon.ico", Some(0)),
    ] {
        let said = shell.run(line, PATIENCE)?;
        ensure!(status.is_none_or(|status| status == said.status), "{line}: {said:?}");
    }
    let url = session.url("/")?;
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-o", "/dev/null", &url]);
    let mut curl = far.spawn(curl)?;
    let status = curl.finish(PATIENCE)?;
    ensure!(status.success(), "curl ended with {status}: {}", curl.errors.text());
    host.wait_until("both FINs of both fetches on the wire, and their ACKs", |captured| {
        let frames = captured.iter().filter_map(|captured| Frame::parse(&captured.bytes).ok());
        let segments = frames.filter_map(|frame| {
            let (ip, tcp) = frame.tcp()?;
            let is_far = ip.source == FAR || ip.destination == FAR;
            is_far.then(|| tcp.clone())
        });
        let segments = segments.collect::<Vec<_>>();
        let fins = segments.iter().filter(|tcp| tcp.has(flag::FIN)).collect::<Vec<_>>();
        let acknowledged = fins.iter().filter(|fin| {
            let end = fin.sequence.wrapping_add(fin.data.len() as u32 + 1);
            segments
                .iter()
                .any(|tcp| (tcp.from, tcp.to) == (fin.to, fin.from) && tcp.acknowledgement == end)
        });
        fins.len() >= 4 && acknowledged.count() == fins.len()
    })
}

/// The SYN of the board's wget has the options that the tour of a handshake shows.
fn handshake(lab: &Lab, file: &str) -> Result<()> {
    let filter = "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn and dst host 192.168.88.9";
    let text = lab.run("tcpdump", &["-n", "-t", "-r", file, filter], PATIENCE)?;
    let missing = HANDSHAKE.iter().find(|option| !text.contains(**option));
    ensure!(missing.is_none(), "{missing:?} is missing: {text}");
    Ok(())
}
