//! Network namespaces: a private network for one session, gone when it ends.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::process::{Process, show};

/// Names are `barewire-PID-N`, so that what a killed run left behind is recognised.
const PREFIX: &str = "barewire-";
/// Where `ip netns` keeps them.
const FOLDER: &str = "/run/netns";

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A network namespace of our own. Dropping it removes it.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one, with its loopback interface up.
    ///
    /// # Errors
    /// If the kernel refuses, as it does without root.
    pub fn new() -> Result<Self> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
        ip(&["netns", "add", &name])?;
        let namespace = Self { name };
        // The host's IPv6 chatter is not what is tested here; where it cannot be turned off, it
        // does no harm.
        let _ = namespace.enter(|| fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1"));
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip ARGUMENTS` inside.
    ///
    /// # Errors
    /// If `ip` fails, with what it said.
    pub fn ip(&self, arguments: &[&str]) -> Result<()> {
        let mut line = vec!["-netns", &self.name];
        line.extend(arguments);
        ip(&line)
    }

    /// Sets a value of the kernel: a path below /proc/sys, as in `net/ipv4/ip_forward`.
    ///
    /// # Errors
    /// If the kernel has no such value, or does not take it.
    pub fn set(&self, path: &str, value: &str) -> Result<()> {
        let file = Path::new("/proc/sys").join(path);
        self.enter(|| fs::write(&file, value))?.with_context(|| format!("set {path} to {value}"))
    }

    /// Runs `work` on a thread that is inside. Sockets and processes made there stay inside.
    ///
    /// # Errors
    /// If the namespace cannot be entered, or the thread panicked.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        let path = self.path();
        let file = File::open(&path).with_context(|| format!("open {}", path.display()))?;
        thread::scope(|scope| {
            let inside = scope.spawn(move || {
                setns(file, CloneFlags::CLONE_NEWNET).context("enter the network namespace")?;
                Ok(work())
            });
            inside.join().map_err(|_| anyhow!("a thread in the network namespace panicked"))?
        })
    }

    /// Starts a command inside.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn spawn(&self, command: Command) -> Result<Process> {
        self.enter(|| Process::spawn(command))?
    }

    fn path(&self) -> PathBuf {
        Path::new(FOLDER).join(&self.name)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = ip(&["netns", "delete", &self.name]) {
            eprintln!("{error:#}");
        }
    }
}

/// Removes the namespaces, and the processes in them, of test runs that were killed.
///
/// # Errors
/// If one cannot be removed.
pub fn remove_stale() -> Result<()> {
    let Ok(entries) = fs::read_dir(FOLDER) else { return Ok(()) };
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        let Some(owner) = owner.and_then(|owner| owner.parse::<u32>().ok()) else { continue };
        if Path::new("/proc").join(owner.to_string()).exists() {
            continue;
        }
        let pids = Command::new("ip").args(["netns", "pids", &name]).output()?;
        for pid in String::from_utf8_lossy(&pids.stdout).lines() {
            // May have ended by itself in the meantime.
            let _ = kill(Pid::from_raw(pid.trim().parse()?), Signal::SIGKILL);
        }
        ip(&["netns", "delete", &name])?;
    }
    Ok(())
}

fn ip(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("ip");
    command.args(arguments);
    let output = command.output().context("start ip (package iproute2)")?;
    if !output.status.success() {
        bail!("{}: {}", show(&command), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
