//! What is around the board's network, so that routes, hops, redirects, path MTUs and refusals are
//! real:
//!
//! ```text
//!   board .42 ── tap0 ┐
//!                     │ lan0 192.168.77.1              wan0 192.168.88.1, MTU 1400
//!   peer  .60 ────────┼─ fd00:77::1 (router: the lab) ────────────────── far 192.168.88.9
//!                     │ radvd, dnsmasq                 fd00:88::1        far.lab fd00:88::9
//!   other .2 ─────────┘
//!     └ 10.99.0.9
//! ```
//!
//! The peer sits where the board sits, with the same routes: what the real tools say there, ours
//! have to say on the board. The router refuses 10.1.0.0/24 (host unreachable) and 10.2.0.0/24
//! (forbidden), swallows 10.4.0.0/24, sends 10.99.0.0/24 to the other router, with a redirect, and
//! knows nothing of the rest.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::lab::{HOST, INTERFACE, PREFIX};
use crate::namespace::Namespace;
use crate::process::{Mark, Process};
use crate::wait::{PATIENCE, until};

/// The router's interface on the board's network: a bridge, whose ports are the board's TAP and the
/// cables of the others.
pub const BRIDGE: &str = "lan0";
/// The address of the peer beside the board.
pub const PEER: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 60);
/// The other router's.
pub const OTHER: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 2);
/// The far host's.
pub const FAR: Ipv4Addr = Ipv4Addr::new(192, 168, 88, 9);
/// The far host's.
pub const FAR_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x88, 0, 0, 0, 0, 0, 9);
/// The router's on the board's network.
pub const ROUTER_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x77, 0, 0, 0, 0, 0, 1);
/// The peer's Ethernet address, which differs from the board's as little as it can.
pub const PEER_MAC: &str = "52:54:00:ba:5e:60";
/// What the peer's last byte is in its addresses made of [`PEER_MAC`], and what the board's is.
pub const LAST_BYTES: [&str; 2] = ["5e60", "5e01"];
/// What the peer calls itself.
const HOSTNAME: &str = "barewire";
/// Bytes that a packet on the way to the far host may have.
const FAR_MTU_BYTES: &str = "1400";

/// What stands in the peer's /etc/hosts.
const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost\n";

const RADVD: &str = "\
interface lan0 {
    AdvSendAdvert on;
    MinRtrAdvInterval 3;
    MaxRtrAdvInterval 10;
    prefix fd00:77::/64 {
        AdvOnLink on;
        AdvAutonomous on;
        AdvValidLifetime infinity;
        AdvPreferredLifetime infinity;
    };
};
";

/// What a command printed, errors included, and its exit status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// What it printed.
    pub text: String,
    /// Its exit status.
    pub status: i32,
}

/// The hosts around the board. Dropping it removes them.
#[derive(Debug)]
pub struct Surroundings {
    _radvd: Process,
    /// Where the board could be.
    pub peer: Namespace,
    /// Behind the router.
    pub far: Namespace,
    /// The other router of the board's network.
    pub other: Namespace,
    folder: PathBuf,
}

impl Surroundings {
    /// Makes `router`, which has the TAP, a router with all that is around.
    ///
    /// # Errors
    /// If the kernel refuses, or radvd does not start.
    pub fn build(router: &Namespace, folder: &Path) -> Result<Self> {
        for line in [
            "link add lan0 type bridge forward_delay 0 mcast_snooping 0",
            "link set lan0 address 52:54:00:ba:5e:fe",
        ] {
            router.ip(&words(line))?;
        }
        allow_ipv6(router, &["lan0", INTERFACE, "lo"])?;
        router.ip(&["link", "set", INTERFACE, "master", BRIDGE])?;
        let peer = host(router, "lan1", PEER_MAC)?;
        let other = host(router, "lan2", "52:54:00:ba:5e:02")?;
        let far = host(router, "wan0", "52:54:00:ba:5e:09")?;
        for line in [
            &format!("address add {HOST}/{PREFIX} dev lan0"),
            &format!("address add {ROUTER_V6}/64 dev lan0 nodad"),
            "address add 192.168.88.1/24 dev wan0",
            "address add fd00:88::1/64 dev wan0 nodad",
            "link set lan1 master lan0",
            "link set lan2 master lan0",
            &format!("link set wan0 mtu {FAR_MTU_BYTES}"),
            "link set lan0 up",
            &format!("route add 10.99.0.0/24 via {OTHER}"),
            "route add unreachable 10.1.0.0/24",
            "route add prohibit 10.2.0.0/24",
            "route add blackhole 10.4.0.0/24",
        ] {
            router.ip(&words(line))?;
        }
        router.set("net/ipv6/conf/all/forwarding", "1")?;
        for namespace in [router, &other] {
            namespace.set("net/ipv4/ip_forward", "1")?;
        }
        for line in [
            &format!("address add {PEER}/{PREFIX} brd + dev eth0"),
            // The board's loopback has the buffers of its wire.
            "link set lo mtu 1500",
            // As DHCP clients add it; without `proto` it would be one that a person added.
            &format!("route add default via {HOST} proto dhcp"),
        ] {
            peer.ip(&words(line))?;
        }
        for line in
            [&format!("address add {OTHER}/{PREFIX} dev eth0"), "address add 10.99.0.9 dev lo"]
        {
            other.ip(&words(line))?;
        }
        for line in [
            &format!("link set eth0 mtu {FAR_MTU_BYTES}"),
            &format!("address add {FAR}/24 dev eth0"),
            &format!("address add {FAR_V6}/64 dev eth0 nodad"),
            "route add default via 192.168.88.1",
            "-6 route add default via fd00:88::1",
        ] {
            far.ip(&words(line))?;
        }
        // Without it Linux asks for neighbours in the name of any address it has, 10.99.0.9 too,
        // which the board does not answer.
        other.set("net/ipv4/conf/all/arp_announce", "1")?;
        // Probes come in bursts, and each is to be answered: no type of message is limited.
        for namespace in [router, &other, &far, &peer] {
            namespace.set("net/ipv4/icmp_ratemask", "0")?;
            namespace.set("net/ipv6/icmp/ratemask", "255")?;
        }
        fs::write(folder.join("hosts"), HOSTS)?;
        fs::write(folder.join("resolv.conf"), format!("nameserver {HOST}\n"))?;
        let radvd = radvd(router, folder)?;
        let surroundings = Self { _radvd: radvd, peer, far, other, folder: folder.into() };
        surroundings.wait_for_advertisement()?;
        Ok(surroundings)
    }

    /// What makes dnsmasq the name server of all.
    pub fn names(&self) -> Vec<String> {
        vec![
            "--port=53".into(),
            "--local=/lab/".into(),
            "--local=/arpa/".into(),
            format!("--host-record=far.lab,{FAR},{FAR_V6}"),
            format!("--host-record=router.lab,{HOST},{ROUTER_V6}"),
            // The router's far side has one address only.
            "--host-record=gate.lab,192.168.88.1".into(),
            "--cname=www.lab,far.lab".into(),
            "--cname=way.lab,gate.lab".into(),
            "--txt-record=far.lab,behind the router".into(),
        ]
    }

    /// Runs a line of `sh` at the peer, under names of its own and a name server that is the
    /// board's, too.
    ///
    /// # Errors
    /// If it does not end within `limit`.
    pub fn run(&self, line: &str, limit: Duration) -> Result<Said> {
        let file = |name: &str| self.folder.join(name).display().to_string();
        let script = format!(
            "mount --bind {} /etc/resolv.conf; mount --bind {} /etc/hosts; hostname {HOSTNAME}; \
             exec 2>&1; {line}",
            file("resolv.conf"),
            file("hosts")
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "--uts", "sh", "-c", &script]).env("LC_ALL", "C");
        let mut process = self.peer.spawn(command)?;
        let status = process.finish(limit).with_context(|| process.output.text())?;
        let text = process.output.text() + &process.errors.text();
        Ok(Said { text, status: status.code().unwrap_or(-1) })
    }

    /// Waits until the peer has taken an address of radvd's prefix, and knows that it is unique.
    fn wait_for_advertisement(&self) -> Result<()> {
        until("an address by radvd", PATIENCE, || {
            let addresses = self.run("ip -6 address show dev eth0 scope global", PATIENCE)?.text;
            let has_one = addresses.contains(LAST_BYTES[0]) && !addresses.contains("tentative");
            Ok(has_one.then_some(()))
        })
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// Namespaces of the tests are born without IPv6.
fn allow_ipv6(namespace: &Namespace, interfaces: &[&str]) -> Result<()> {
    for interface in ["default", "all"].iter().chain(interfaces) {
        namespace.set(&format!("net/ipv6/conf/{interface}/disable_ipv6"), "0")?;
    }
    Ok(())
}

/// A host whose eth0 is the other end of the router's `cable`.
fn host(router: &Namespace, cable: &str, mac: &str) -> Result<Namespace> {
    let host = Namespace::new()?;
    allow_ipv6(&host, &["lo"])?;
    let line =
        format!("link add {cable} type veth peer name eth0 netns {} address {mac}", host.name());
    router.ip(&words(&line))?;
    router.ip(&["link", "set", cable, "up"])?;
    host.ip(&["link", "set", "eth0", "up"])?;
    Ok(host)
}

/// Starts radvd, and waits until it runs.
fn radvd(router: &Namespace, folder: &Path) -> Result<Process> {
    let config = folder.join("radvd.conf");
    fs::write(&config, RADVD)?;
    let mut command = Command::new("radvd");
    command.args(["--nodaemon", "--logmethod", "stderr", "--config"]).arg(&config);
    command.arg("--pidfile").arg(folder.join("radvd.pid"));
    let process = router.spawn(command)?;
    let said = process.errors.wait_for(Mark::default(), &["started"], PATIENCE);
    said.with_context(|| process.errors.text())?;
    Ok(process)
}
