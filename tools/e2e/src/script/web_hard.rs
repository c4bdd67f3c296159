//! The HTTP service against clients that are not kind: 1 MB of head, ten thousand requests, more
//! connections than workers, words that two machines would read differently.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::measure::{Demand, wrk};
use crate::script::web::{self, connect};
use crate::stage::Session;
use crate::wait::PATIENCE;

/// Requests on one connection: as many as the board serves on one.
const REQUESTS: usize = 10_000;
/// Of these, so many are sent ahead of the answers.
const AHEAD: usize = 20;
/// Bytes of an answer that is left lying: more than both ends have room for.
const LEFT_LYING_BYTES: usize = 8 << 20;
/// Between two bytes of a slow client.
const PAUSE: Duration = Duration::from_millis(20);
/// What is asked of wrk.
const LOAD: Demand =
    Demand { clients: 8, keep_alive: true, time: Duration::from_secs(1), limit: PATIENCE };
/// Connections that are kept open: more than the board has workers for.
const KEPT: usize = 24;
/// Connections on which nothing is said.
const SILENT: usize = 8;

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: board\r\n\r\n")
}

/// Reads one answer with a `Content-Length`: its status, and whether the connection goes on.
fn answer(stream: &mut TcpStream) -> Result<(u16, bool)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).context("read a head")?;
        head.push(byte[0]);
        ensure!(head.len() < 4096, "a head without an end");
    }
    let head = String::from_utf8(head)?;
    let code = head.get(9..12).with_context(|| head.clone())?.parse()?;
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let length = field("Content-Length: ").with_context(|| head.clone())?.parse()?;
    let mut content = vec![0; length];
    stream.read_exact(&mut content).context("read the content")?;
    Ok((code, field("Connection: ") != Some("close")))
}

/// Reads to the end; a reset is an end as well.
fn rest(stream: &mut TcpStream) -> Result<String> {
    let mut all = Vec::new();
    match stream.read_to_end(&mut all) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => Err(error)?,
        _ => Ok(String::from_utf8_lossy(&all).into_owned()),
    }
}

/// Ten thousand requests, all answered on one connection.
pub fn ten_thousand(session: &mut Session) -> Result<()> {
    let mut stream = connect(session)?;
    let mut asked = 0;
    let path = "/favicon.ico";
    for answered in 0..REQUESTS {
        let more = (REQUESTS - asked).min(answered + AHEAD - asked);
        stream.write_all(get(path).repeat(more).as_bytes()).context("ask")?;
        asked += more;
        let (code, goes_on) = answer(&mut stream).with_context(|| format!("after {answered}"))?;
        let is_last = answered + 1 == REQUESTS;
        ensure!(code == 200 && goes_on != is_last, "{code} after {answered}, {goes_on}");
    }
    ensure!(rest(&mut stream)?.is_empty(), "more than was asked for");
    web::fetch_index(session)
}

/// A head of 1 MB, a request in single bytes, half a request, a half-closed connection: each has
/// the right answer, and the next one is served.
pub fn clients_that_are_not_kind(session: &mut Session) -> Result<()> {
    let errors = |session: &Session| -> Result<u64> {
        let status = web::status(session)?;
        status["services"]["http_errors"].as_u64().with_context(|| status.to_string())
    };
    let before = errors(session)?;
    let mut refused = 0;
    let mut expect = |sent: &[&[u8]], then_shut: bool, code: u16| -> Result<()> {
        let mut stream = connect(session)?;
        for piece in sent {
            stream.write_all(piece).with_context(|| format!("send what is answered {code}"))?;
        }
        if then_shut {
            stream.shutdown(Shutdown::Write)?;
        }
        let heard = rest(&mut stream)?;
        let expected = format!("HTTP/1.1 {code} ");
        ensure!(heard.starts_with(&expected), "{code} expected: {heard:?}");
        ensure!(heard.matches("HTTP/1.1 ").count() == 1, "answered twice: {heard:?}");
        refused += u64::from(code >= 400);
        web::fetch_index(session)
    };
    let long = format!("GET / HTTP/1.1\r\nHost: board\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    expect(&[long.as_bytes()], false, 431)?;
    let field = format!("X-{}: {}\r\n", "x".repeat(20), "y".repeat(80));
    let many =
        format!("GET / HTTP/1.1\r\nHost: board\r\n{}\r\n", field.repeat((1 << 20) / field.len()));
    expect(&[many.as_bytes()], false, 431)?;
    let long = format!("GET /{} HTTP/1.1\r\nHost: board\r\n\r\n", "x".repeat(1 << 20));
    expect(&[long.as_bytes()], false, 414)?;
    let close = "GET / HTTP/1.1\r\nHost: board\r\nConnection: close\r\n\r\n";
    let bytes: Vec<_> = close.as_bytes().chunks(1).collect();
    expect(&bytes, false, 200)?;
    expect(&[get("/").as_bytes()], true, 200)?;
    expect(&[b"GET / HTTP/1.1\r\nHos"], false, 408)?;
    let smuggled = get("/status.json");
    for fields in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Content-Length: 0\r\nContent-Length: 57",
        "Content-Length: +0",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "X: y\n\n",
        "X: y\r\n folded",
    ] {
        let all = format!("POST / HTTP/1.1\r\nHost: board\r\n{fields}\r\n\r\n{smuggled}");
        expect(&[all.as_bytes()], false, 400).context(fields)?;
    }
    let counted = errors(session)? - before;
    ensure!(counted == refused, "{counted} errors were counted, {refused} were answered");
    abandoned(session)?;
    slow(session)
}

/// Clients that go away in the middle: of a request, of an answer, before they say anything. There
/// are more of them than workers, and the next one is served at once.
fn abandoned(session: &Session) -> Result<()> {
    for _ in 0..KEPT {
        drop(connect(session)?);
        connect(session)?.write_all(b"GET / HTTP/1.1\r\nHos")?;
        let mut stream = connect(session)?;
        stream.write_all(get("/bytes?count=10000000").as_bytes())?;
        stream.read_exact(&mut [0; 1000])?;
    }
    web::fetch_index(session)
}

/// A client that sends its request byte by byte with pauses, and one that leaves its answer lying:
/// others are served meanwhile, and both have all of theirs in the end.
fn slow(session: &Session) -> Result<()> {
    let mut reader = connect(session)?;
    reader.write_all(get(&format!("/bytes?count={LEFT_LYING_BYTES}")).as_bytes())?;
    let mut writer = connect(session)?;
    for byte in get("/favicon.ico").as_bytes().chunks(1) {
        writer.write_all(byte)?;
        // The pause is what is tried: the client waits, not the test.
        std::thread::sleep(PAUSE);
    }
    web::fetch_index(session)?;
    ensure!(answer(&mut writer)?.0 == 200, "the slow writer");
    ensure!(answer(&mut reader)?.0 == 200, "the slow reader");
    Ok(())
}

/// Eight connections at a time, as fast as they go, kept and not: no request fails.
pub fn under_load(session: &mut Session) -> Result<()> {
    for (path, keep_alive) in [("/", true), ("/favicon.ico", false)] {
        let load = wrk(session.lab()?, &session.url(path)?, Demand { keep_alive, ..LOAD })?;
        println!("{path}: {load:?}");
        ensure!(load.failed == 0 && load.complete > 0, "{path}: {load:?}");
    }
    web::fetch_index(session)
}

/// More connections than workers: who is served keeps its place only while nobody waits, and nobody
/// is reset.
pub fn a_crowd(session: &mut Session) -> Result<()> {
    let mut kept = Vec::new();
    for number in 0..KEPT {
        let mut stream = connect(session)?;
        stream.write_all(get("/favicon.ico").as_bytes())?;
        let served = answer(&mut stream).with_context(|| format!("connection {number}"))?;
        ensure!(served.0 == 200, "connection {number}: {}", served.0);
        kept.push(stream);
    }
    // And some that say nothing at all.
    for _ in 0..SILENT {
        kept.push(connect(session)?);
    }
    web::fetch_index(session)?;
    for stream in &mut kept {
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        match stream.read(&mut [0; 1]) {
            Ok(0) => {}
            Ok(_) => bail!("an answer to no question"),
            Err(error) => bail!("not closed in order: {error}"),
        }
    }
    web::fetch_index(session)
}
