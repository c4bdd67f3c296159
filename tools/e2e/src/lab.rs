//! The laboratory: a network namespace with a TAP interface, on which a board and its peers meet.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::frame::Mac;
use crate::namespace::Namespace;
use crate::packet_socket::PacketSocket;
use crate::process::Process;
use crate::raw_peer::RawPeer;
use crate::surroundings::{BRIDGE, Surroundings};

/// The interface on which the board is reached.
pub const INTERFACE: &str = "tap0";
/// The kernel's address on it: the board's router and DHCP server.
pub const HOST: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 1);
/// The address that the DHCP server gives away.
pub const LEASED: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 42);
/// The address that boards with a static configuration use.
pub const STATIC: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 50);
/// The first address of peers that forge frames.
pub const FORGED: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 200);
/// Bits of the network.
pub const PREFIX: u8 = 24;

/// A namespace with a TAP and a folder for files. Dropping it removes both.
#[derive(Debug)]
pub struct Lab {
    // Dropped first: what is in it is wired to the namespace.
    surroundings: Option<Surroundings>,
    namespace: Namespace,
    folder: TempDir,
}

impl Lab {
    /// Sets it up: a persistent TAP, up, with [`HOST`] on it.
    ///
    /// # Errors
    /// If the kernel refuses, as it does without root or without /dev/net/tun.
    pub fn new() -> Result<Self> {
        let lab = Self::with_tap()?;
        let address = format!("{HOST}/{PREFIX}");
        lab.namespace.ip(&["address", "add", &address, "dev", INTERFACE])?;
        Ok(lab)
    }

    /// Sets it up with what [`surroundings`](crate::surroundings) describes: the kernel is a router
    /// between the board's network and another one.
    ///
    /// # Errors
    /// As for [`Lab::new`], and if radvd does not start.
    pub fn routed() -> Result<Self> {
        let mut lab = Self::with_tap()?;
        lab.surroundings = Some(Surroundings::build(&lab.namespace, lab.folder.path())?);
        Ok(lab)
    }

    fn with_tap() -> Result<Self> {
        let namespace = Namespace::new()?;
        namespace.ip(&["tuntap", "add", "dev", INTERFACE, "mode", "tap"])?;
        // Frames wait here while QEMU is busy; the default of 1000 is shorter than a flood of ours.
        namespace.ip(&["link", "set", INTERFACE, "txqueuelen", "4000", "up"])?;
        let folder = tempfile::Builder::new().prefix("barewire-").tempdir()?;
        Ok(Self { surroundings: None, namespace, folder })
    }

    /// What is around the board's network.
    ///
    /// # Errors
    /// In a lab that is not [`Lab::routed`].
    pub fn surroundings(&self) -> Result<&Surroundings> {
        self.surroundings.as_ref().context("this lab has one network only")
    }

    /// The interface that has the kernel's address.
    pub fn interface(&self) -> &'static str {
        if self.surroundings.is_some() { BRIDGE } else { INTERFACE }
    }

    /// The namespace.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Gives the host IPv6 on the board's wire, which labs do not have by themselves; its addresses
    /// can be used at once.
    ///
    /// # Errors
    /// If the kernel has none.
    pub fn switch_ipv6_on(&self) -> Result<()> {
        let settings = [("accept_dad", "0"), ("disable_ipv6", "0")];
        self.namespace.enter(|| {
            settings.into_iter().try_for_each(|(name, value)| {
                let file = format!("/proc/sys/net/ipv6/conf/{INTERFACE}/{name}");
                std::fs::write(&file, value).context(file)
            })
        })?
    }

    /// A folder for files of this session.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a program inside.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn spawn(&self, command: Command) -> Result<Process> {
        self.namespace.spawn(command)
    }

    /// Runs a program inside to its end and returns what it printed.
    ///
    /// # Errors
    /// If it cannot be started, does not end within `limit`, or fails.
    pub fn run(&self, program: &str, arguments: &[&str], limit: Duration) -> Result<String> {
        let mut command = Command::new(program);
        command.args(arguments);
        let mut process = self.spawn(command)?;
        let status = process.finish(limit)?;
        let (out, err) = (process.output.text(), process.errors.text());
        ensure!(status.success(), "{} ended with {status}:\n{out}{err}", process.shown());
        Ok(out)
    }

    /// A peer that forges frames on the board's wire, with the number-th address of [`FORGED`].
    ///
    /// # Errors
    /// If the socket cannot be made.
    pub fn raw_peer(&self, number: u8) -> Result<RawPeer> {
        let socket = self.namespace.enter(|| PacketSocket::open(INTERFACE))??;
        let [a, b, c, d] = FORGED.octets();
        let address = Ipv4Addr::new(a, b, c, d + number);
        Ok(RawPeer::new(socket, Mac([0x02, 0xba, 0x5e, 0, 0, number]), address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Needs root; says so and passes without.
    #[test]
    fn a_lab_is_private_and_leaves_nothing_behind() {
        if !nix::unistd::geteuid().is_root() || !Path::new("/dev/net/tun").exists() {
            eprintln!("skipped: needs root and /dev/net/tun");
            return;
        }
        let lab = Lab::new().unwrap();
        let path = Path::new("/run/netns").join(lab.namespace().name());
        assert!(path.exists());
        let limit = Duration::from_secs(20);
        let links = lab.run("ip", &["-brief", "address"], limit).unwrap();
        assert!(links.contains(&format!("{HOST}/{PREFIX}")), "{links}");
        assert!(lab.run("ip", &["link", "show", "nosuch0"], limit).is_err());
        drop(lab);
        assert!(!path.exists());
    }
}
