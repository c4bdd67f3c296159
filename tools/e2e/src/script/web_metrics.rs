//! `/metrics` and `/events`, by those that read such things.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::lab::HOST;
use crate::stage::Session;
use crate::tool::run;
use crate::wait::{PATIENCE, until};

/// Where the real Prometheus listens, in the lab.
const PROMETHEUS: &str = "9090";

/// `promtool check metrics` has nothing to say, and a Prometheus scrapes it.
pub fn scraped(session: &mut Session) -> Result<()> {
    let lab = session.lab()?;
    let url = session.url("/metrics")?;
    let line = format!("curl -sSf '{url}' | promtool check metrics 2>&1");
    let said = lab.run("sh", &["-c", &line], PATIENCE)?;
    ensure!(said.trim().is_empty(), "promtool: {said}");

    let settings = lab.folder().join("prometheus.yml");
    let target = format!("{}:80", session.address);
    fs::write(
        &settings,
        format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\nscrape_configs:\n  \
             - job_name: barewire\n    static_configs: [{{ targets: [\"{target}\"] }}]\n"
        ),
    )?;
    let mut prometheus = Command::new("prometheus");
    prometheus.arg(format!("--config.file={}", settings.display()));
    prometheus.arg(format!("--storage.tsdb.path={}", lab.folder().join("tsdb").display()));
    prometheus.arg(format!("--web.listen-address={HOST}:{PROMETHEUS}"));
    let server = lab.spawn(prometheus)?;
    let ask = |query: &str| -> Result<Option<String>> {
        let url = format!("http://{HOST}:{PROMETHEUS}/api/v1/query?query={query}");
        // It takes a while until it listens.
        let Ok(text) = run(Some(lab), "curl", &["-sSfg", &url], PATIENCE) else { return Ok(None) };
        let answer: Value = serde_json::from_str(&text).with_context(|| text.clone())?;
        let value = answer["data"]["result"][0]["value"][1].as_str().map(ToOwned::to_owned);
        Ok(value)
    };
    let found = until("a scrape", PATIENCE, || {
        Ok(ask("up")?.filter(|up| up == "1").and(ask("barewire_uptime_seconds")?))
    });
    let uptime = found.with_context(|| server.errors.tail(20))?;
    ensure!(uptime.parse::<f64>()? > 0.0, "uptime {uptime}");
    let reasons = ask("count(barewire_drops_total)")?.context("no drops")?;
    ensure!(reasons.parse::<u32>()? > 20, "{reasons} reasons");
    let asked = ask("barewire_http_requests_total")?.context("no requests")?;
    ensure!(asked.parse::<u32>()? > 0, "{asked} requests");
    Ok(())
}

/// Three seconds of events: the status three times or more, and the journal.
pub fn events(session: &mut Session) -> Result<()> {
    let lab = session.lab()?;
    let mut curl = Command::new("curl");
    curl.args(["-sSN", &session.url("/events")?]);
    let mut listener = lab.spawn(curl)?;
    let mut polls = Vec::new();
    until("three events", PATIENCE, || {
        let text = listener.output.text();
        // The last one may have come in part.
        let whole = text.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
        let status = whole.split("\n\n").filter_map(|event| event.strip_prefix("event: status\n"));
        polls.clear();
        for event in status {
            let lines = event.lines().filter_map(|line| line.strip_prefix("data: "));
            let status: Value = serde_json::from_str(&lines.collect::<String>())?;
            polls.push(status["uptime_seconds"].as_f64().context("no uptime_seconds")?);
        }
        Ok((polls.len() >= 3).then_some(()))
    })?;
    ensure!(polls.is_sorted() && polls[2] - polls[0] > 1.5, "{polls:?}");
    let text = listener.output.text();
    ensure!(text.contains("event: journal\nid: 0\ndata: {\"number\":0,"), "{text}");
    listener.interrupt()?;
    Ok(())
}
