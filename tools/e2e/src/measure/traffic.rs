//! Round trips and requests a second.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::frame::{Icmp, Payload};
use crate::lab::Lab;
use crate::measure::percentile;
use crate::stage::Session;
use crate::wait::{Deadline, PATIENCE};

/// Between two pings. Longer than a round trip: each finds an idle board.
const PING_INTERVAL: Duration = Duration::from_millis(10);
/// A ping that was not answered by then is lost.
const PING_LIMIT: Duration = Duration::from_secs(2);

/// Round-trip times.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// The shortest.
    pub min: Duration,
    /// Half are not longer.
    pub median: Duration,
    /// 99 of 100 are not longer.
    pub p99: Duration,
    /// Requests without an answer.
    pub lost: usize,
}

/// Sends `count` echo requests of 56 bytes, one at a time, and takes the time of each.
///
/// # Errors
/// If none is answered.
pub fn ping(lab: &Lab, address: Ipv4Addr, count: u16) -> Result<Times> {
    let peer = lab.raw_peer(8)?;
    let board = peer.find(address)?;
    let mut times = Vec::new();
    for sequence in 0..count {
        let next = Deadline::after(PING_INTERVAL);
        let echo = Icmp::echo(0x9179, sequence, vec![0x55; 56]);
        let rest = echo.rest;
        let began = Instant::now();
        peer.send(board, &Payload::Icmp(echo))?;
        let limit = Deadline::after(PING_LIMIT);
        while let Some(frame) = peer.receive(limit.left())? {
            if frame.icmp().is_some_and(|(_, icmp)| icmp.kind == 0 && icmp.rest == rest) {
                times.push(began.elapsed());
                break;
            }
        }
        // Not a wait for something to happen: a pause, so that pings do not run into each other.
        std::thread::sleep(next.left());
    }
    let at = |percent| percentile(&times, percent).context("no ping was answered");
    let lost = usize::from(count) - times.len();
    Ok(Times { min: at(0)?, median: at(50)?, p99: at(99)?, lost })
}

/// What ApacheBench counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Requests a second.
    pub per_second: f64,
    /// Requests that failed, were refused or not answered by 2xx.
    pub failed: u64,
    /// Requests answered.
    pub complete: u64,
}

/// Fetches the index page `requests` times on `clients` connections at a time.
///
/// # Errors
/// If ApacheBench gives up.
pub fn http(session: &Session, requests: u32, clients: u32, keep_alive: bool) -> Result<Rate> {
    let (requests, clients) = (requests.to_string(), clients.to_string());
    let url = session.url("/")?;
    // -l: pages differ in length, as counters grow. -r: a refused connection is counted, not the
    // end.
    let mut line = vec!["-q", "-l", "-r", "-s", "60", "-n", &requests, "-c", &clients];
    if keep_alive {
        line.push("-k");
    }
    line.push(&url);
    read_rate(&session.lab()?.run("ab", &line, PATIENCE * 5)?)
}

fn read_rate(text: &str) -> Result<Rate> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line?.split_whitespace().next()?.parse::<f64>().ok()
    };
    let complete =
        field("Complete requests:").with_context(|| format!("not understood: {text}"))?;
    let failed = field("Failed requests:").unwrap_or(0.0);
    let other = field("Non-2xx responses:").unwrap_or(0.0);
    let per_second = field("Requests per second:").context("no rate")?;
    ensure!(complete >= failed, "{text}");
    Ok(Rate { per_second, failed: (failed + other) as u64, complete: complete as u64 })
}

/// What wrk counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Requests a second.
    pub per_second: f64,
    /// Requests answered.
    pub complete: u64,
    /// Half of the answers took no longer.
    pub median: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    /// Connections refused or ended, answers that did not come or were not 2xx or 3xx.
    pub failed: u64,
}

/// What is asked of wrk.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    /// Connections at a time.
    pub clients: u32,
    /// Whether these are kept, or each used for one request.
    pub keep_alive: bool,
    /// For how long; whole seconds.
    pub time: Duration,
    /// An answer that takes longer has failed; whole seconds.
    pub limit: Duration,
}

/// Fetches a page, again and again.
///
/// # Errors
/// If wrk gives up, or no answer came.
pub fn wrk(lab: &Lab, url: &str, demand: Demand) -> Result<Load> {
    let seconds = |time: Duration| format!("{}s", time.as_secs());
    let clients = demand.clients.to_string();
    let (time, limit) = (seconds(demand.time), seconds(demand.limit));
    let mut line = vec!["-t", "1", "-c", &clients, "-d", &time, "--timeout", &limit, "--latency"];
    if !demand.keep_alive {
        line.extend(["-H", "Connection: close"]);
    }
    line.push(url);
    read_load(&lab.run("wrk", &line, PATIENCE + demand.time)?)
}

fn read_load(text: &str) -> Result<Load> {
    let after = |name: &str| {
        let line = text.lines().find_map(|line| line.trim_start().strip_prefix(name));
        line.map(str::trim).with_context(|| format!("wrk says no {name:?}: {text}"))
    };
    let complete =
        text.lines().find_map(|line| line.split_once(" requests in ")?.0.trim().parse().ok());
    // `Socket errors: connect 0, read 3, write 0, timeout 0`, if there are any.
    let numbers = |name: &str| -> u64 {
        let line = after(name).unwrap_or_default();
        line.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse::<u64>().ok()).sum()
    };
    Ok(Load {
        per_second: after("Requests/sec:")?.parse()?,
        complete: complete.with_context(|| text.to_owned())?,
        median: span(after("50%")?)?,
        p99: span(after("99%")?)?,
        failed: numbers("Socket errors:") + numbers("Non-2xx or 3xx responses:"),
    })
}

/// `612.00us`, `1.31ms`, `2.05s`.
fn span(text: &str) -> Result<Duration> {
    let end = text.find(|c: char| c.is_ascii_alphabetic()).context("no unit")?;
    let (number, unit) = text.split_at(end);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => anyhow::bail!("{text}: an unknown unit"),
    };
    Ok(Duration::from_secs_f64(number.parse::<f64>()? * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_prints_is_read() {
        let text = "Running 2s test @ http://board/\n  1 threads and 8 connections\n  \
                    Thread Stats   Avg      Stdev     Max   +/- Stdev\n    \
                    Latency     1.02ms  500.00us  20.00ms   80.00%\n  \
                    Latency Distribution\n     50%  612.00us\n     75%    1.00ms\n     \
                    90%    2.00ms\n     99%    1.31s \n  \
                    15004 requests in 2.00s, 6.10MB read\nRequests/sec:   7500.25\n";
        let (median, p99) = (Duration::from_micros(612), Duration::from_millis(1310));
        let good = Load { per_second: 7500.25, complete: 15_004, median, p99, failed: 0 };
        assert_eq!(read_load(text).unwrap(), good);
        let bad = format!(
            "{text}  Socket errors: connect 1, read 2, write 0, timeout 4\n  \
             Non-2xx or 3xx responses: 10\n"
        );
        assert_eq!(read_load(&bad).unwrap().failed, 17);
        assert!(read_load("unable to connect").is_err());
    }

    #[test]
    fn what_apache_bench_prints_is_read() {
        let text = "Complete requests:      1000\nFailed requests:        3\n\
                    Non-2xx responses:      2\n\
                    Requests per second:    412.50 [#/sec] (mean)\n";
        let expected = Rate { per_second: 412.5, failed: 5, complete: 1000 };
        assert_eq!(read_rate(text).unwrap(), expected);
        assert!(read_rate("").is_err());
    }
}
