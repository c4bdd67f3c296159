//! The real tools that the board is measured by.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::lab::{HOST, INTERFACE, LEASED, Lab};
use crate::pcap::{self, Captured};
use crate::process::{Mark, Output, Process};
use crate::surroundings::Surroundings;
use crate::wait::{self, PATIENCE};

/// True if the program is installed; or, for what has a slash in its name, if it is there in the
/// repository.
pub fn is_installed(program: &str) -> bool {
    if program.contains('/') {
        return xtask::workspace::root().join(program).exists();
    }
    xtask::install::find(program).is_some()
}

/// dnsmasq as DHCP server, which gives one address, mostly [`LEASED`], to whoever asks.
#[derive(Debug)]
pub struct Dnsmasq {
    process: Process,
}

impl Dnsmasq {
    /// Starts it, and waits until it listens.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(lab: &Lab) -> Result<Self> {
        let names = lab.surroundings().map(Surroundings::names).unwrap_or_default();
        Self::start_with(lab, LEASED, &names)
    }

    /// Starts it with another address to give away, and with more arguments.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start_with(lab: &Lab, leased: Ipv4Addr, arguments: &[String]) -> Result<Self> {
        let mut command = Command::new("dnsmasq");
        command.args(["--no-daemon", "--conf-file=/dev/null", "--user=root"]);
        command.args(["--no-resolv", "--no-hosts", "--no-ping", "--log-dhcp", "--log-facility=-"]);
        command.args(["--dhcp-authoritative", "--bind-interfaces", "--pid-file"]);
        command.arg(format!("--interface={}", lab.interface()));
        command.arg(format!("--dhcp-range={leased},{leased},255.255.255.0,2m"));
        command.arg(format!("--dhcp-option=option:router,{HOST}"));
        command.arg(format!("--dhcp-option=option:dns-server,{HOST}"));
        // Some flags may be given once only.
        let leases = format!("--dhcp-leasefile={}", lab.folder().join("leases").display());
        for default in ["--port=0", &leases] {
            let flag = default.split('=').next().unwrap_or(default);
            if !arguments.iter().any(|argument| argument.starts_with(flag)) {
                command.arg(default);
            }
        }
        command.args(arguments);
        let process = lab.spawn(command)?;
        process
            .errors
            .wait_for(Mark::default(), &["DHCP, IP range"], PATIENCE)
            .with_context(|| process.errors.text())?;
        Ok(Self { process })
    }

    /// What it said so far.
    pub fn log(&self) -> &Output {
        &self.process.errors
    }

    /// What it said last.
    pub fn tail(&self) -> String {
        self.process.errors.tail(20)
    }

    /// Waits until it said a line with these words.
    ///
    /// # Errors
    /// If it does not.
    pub fn wait_for(&self, words: &[&str]) -> Result<String> {
        let log = &self.process.errors;
        log.wait_for(Mark::default(), words, PATIENCE).with_context(|| log.tail(20))
    }
}

/// tcpdump, which records the board's wire.
#[derive(Debug)]
pub struct Tcpdump {
    process: Process,
    file: PathBuf,
}

impl Tcpdump {
    /// Starts it, and waits until it listens.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(lab: &Lab, name: &str) -> Result<Self> {
        let file = lab.folder().join(name).with_extension("pcap");
        let mut command = Command::new("tcpdump");
        command.args(["-i", INTERFACE, "-U", "--immediate-mode", "-Z", "root"]);
        // KiB: all frames of the largest trial wait there, if they have to for a busy machine.
        command.args(["-B", "65536", "-w"]);
        command.arg(&file);
        let process = lab.spawn(command)?;
        process
            .errors
            .wait_for(Mark::default(), &["listening on"], PATIENCE)
            .with_context(|| process.errors.text())?;
        Ok(Self { process, file })
    }

    /// Waits until what was recorded so far shows that something has happened.
    ///
    /// # Errors
    /// If it does not within [`PATIENCE`].
    pub fn wait_until(&self, what: &str, happened: impl Fn(&[Captured]) -> bool) -> Result<()> {
        wait::until(what, PATIENCE, || {
            // A file that ends within a record is one that tcpdump is writing.
            Ok(pcap::read(&self.file).ok().filter(|frames| happened(frames)).map(|_| ()))
        })
    }

    /// Ends the recording and returns its frames.
    ///
    /// # Errors
    /// If tcpdump lost frames, or its file cannot be read.
    pub fn stop(mut self) -> Result<(Vec<Captured>, PathBuf)> {
        self.process.interrupt()?;
        let said = self.process.errors.text();
        ensure!(said.contains("\n0 packets dropped by kernel"), "tcpdump: {said}");
        Ok((pcap::read(&self.file)?, self.file.clone()))
    }
}

/// What ping's summary says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pings {
    /// Requests.
    pub sent: u32,
    /// Answers, duplicates not counted.
    pub received: u32,
}

/// Reads ping's summary line: `3 packets transmitted, 3 received, 0% packet loss, time 2003ms`.
///
/// # Errors
/// If there is none, or it says more than that: errors or duplicates.
pub fn read_pings(text: &str) -> Result<Pings> {
    let line = text.lines().find(|line| line.contains(" packets transmitted"));
    let line = line.with_context(|| format!("ping printed no summary:\n{text}"))?;
    let mut parts = line.split(", ");
    let mut number = || parts.next()?.split(' ').next()?.parse().ok();
    let (Some(sent), Some(received)) = (number(), number()) else {
        bail!("not understood: {line}")
    };
    ensure!(parts.next().is_some_and(|part| part.contains("packet loss")), "{line}");
    Ok(Pings { sent, received })
}

/// Runs curl once and returns status and body.
///
/// # Errors
/// If there was no answer.
pub fn curl(lab: Option<&Lab>, url: &str) -> Result<(u16, String)> {
    let limit = PATIENCE.as_secs().to_string();
    let arguments = ["-sS", "--max-time", &limit, "-w", "\n%{http_code}", url];
    let text = run(lab, "curl", &arguments, PATIENCE * 2)?;
    let (body, status) = text.rsplit_once('\n').context("curl printed no status")?;
    Ok((status.trim().parse()?, body.to_string()))
}

/// Runs a program to its end, in the lab if there is one.
///
/// # Errors
/// If it fails.
pub fn run(
    lab: Option<&Lab>,
    program: &str,
    arguments: &[&str],
    limit: Duration,
) -> Result<String> {
    if let Some(lab) = lab {
        return lab.run(program, arguments, limit);
    }
    let mut command = Command::new(program);
    command.args(arguments);
    let mut process = Process::spawn(command)?;
    let status = process.finish(limit)?;
    let (out, err) = (process.output.text(), process.errors.text());
    ensure!(status.success(), "{} ended with {status}:\n{out}{err}", process.shown());
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_ping_is_read() {
        let text = "\n--- x ping statistics ---\n\
                    1000 packets transmitted, 999 received, 0.1% packet loss, time 9990ms\n";
        assert_eq!(read_pings(text).unwrap(), Pings { sent: 1000, received: 999 });
        let twice = "3 packets transmitted, 3 received, +1 duplicates, 0% packet loss, time 3ms";
        assert!(read_pings(twice).is_err());
        assert!(read_pings("").is_err());
    }
}
