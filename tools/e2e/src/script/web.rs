//! The HTTP service, by curl.

use std::net::{SocketAddrV4, TcpStream};
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

use crate::stage::Session;
use crate::tool::curl;
use crate::wait::PATIENCE;

/// Requests of a row.
const REQUESTS: usize = 200;
/// Clients at a time.
const CLIENTS: usize = 8;

/// The index page and the status, once.
pub fn first_page(session: &mut Session) -> Result<()> {
    fetch_index(session)?;
    let status = status(session)?;
    ensure!(status.is_object(), "/status.json: {status}");
    Ok(())
}

/// 200 requests in a row, each on a connection of its own: none refused, all complete.
pub fn in_a_row(session: &mut Session) -> Result<()> {
    for number in 1..=REQUESTS {
        fetch_index(session).with_context(|| format!("request {number}"))?;
    }
    Ok(())
}

/// 200 requests by eight clients at a time.
pub fn eight_at_a_time(session: &mut Session) -> Result<()> {
    let session: &Session = session;
    thread::scope(|scope| {
        let client = |client: usize| {
            scope.spawn(move || {
                for number in 1..=REQUESTS / CLIENTS {
                    fetch_index(session)
                        .with_context(|| format!("client {client}, request {number}"))?;
                }
                Ok(())
            })
        };
        let clients: Vec<_> = (1..=CLIENTS).map(client).collect();
        let join = |client: thread::ScopedJoinHandle<'_, Result<()>>| {
            client.join().map_err(|_| anyhow!("a client panicked"))?
        };
        // All are joined before the first error is returned.
        clients.into_iter().map(join).collect::<Vec<_>>().into_iter().collect()
    })
}

/// A connection to the board's port 80.
pub fn connect(session: &Session) -> Result<TcpStream> {
    let (address, port) = session.endpoint(80)?;
    let connect = || {
        let to = SocketAddrV4::new(address, port);
        let stream = TcpStream::connect_timeout(&to.into(), PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        std::io::Result::Ok(stream)
    };
    match &session.lab {
        Some(lab) => lab.namespace().enter(connect)?,
        None => connect(),
    }
    .context("connect to port 80")
}

/// Fetches the index page, which must be whole.
pub fn fetch_index(session: &Session) -> Result<()> {
    let (status, body) = curl(session.lab.as_ref(), &session.url("/")?)?;
    ensure!(status == 200, "status {status}: {body}");
    ensure!(body.trim_end().ends_with("</html>"), "the page is not whole: {body}");
    Ok(())
}

/// Fetches and reads /status.json.
pub fn status(session: &Session) -> Result<Value> {
    let (status, body) = curl(session.lab.as_ref(), &session.url("/status.json")?)?;
    ensure!(status == 200, "/status.json: status {status}");
    serde_json::from_str(&body).with_context(|| format!("/status.json: {body}"))
}

/// What TCP counted so far, by the name of Linux's counter, as `TCPTimeouts`.
pub fn tcp_counted(session: &Session, name: &str) -> Result<u64> {
    let (status, body) = curl(session.lab.as_ref(), &session.url("/metrics")?)?;
    ensure!(status == 200, "/metrics: status {status}");
    tcp_sample(&body, name)
}

/// The same from what `/metrics` answered.
pub fn tcp_sample(metrics: &str, name: &str) -> Result<u64> {
    let sample = format!("barewire_tcp_events_total{{event=\"{name}\"}} ");
    let value = metrics.lines().find_map(|line| line.strip_prefix(&sample));
    value.with_context(|| format!("no {name}: {metrics}"))?.parse().context(sample)
}

/// The first member of this name, wherever in the document it is.
pub fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => {
            members.get(name).or_else(|| members.values().find_map(|member| find(member, name)))
        }
        Value::Array(items) => items.iter().find_map(|item| find(item, name)),
        _ => None,
    }
}
